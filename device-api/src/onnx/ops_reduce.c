/* Operators that reduce or normalise along axes. */
#include "onnx/operators.h"

/* Axes of a reduction: an attribute or, in later opsets, an input; all when there are none, unless the node says that
 * none means none. NULL after a failure. */
static const int64_t *reduced_axes(const tenon__onnx_node *n, uint32_t *out_count) {
    static const int64_t all[TENON_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t rank = n->inputs[0]->rank, count = 0;
    const int64_t *axes = tenon__onnx_ints(n, "axes", &count);
    if (tenon__onnx_input(n, 1)) {
        axes = tenon__onnx_numbers(n, 1, &count);
        if (!axes) return NULL;
    }
    *out_count = count;
    if (count) return tenon__onnx_axes(n, axes, count, rank);
    if (!tenon__onnx_int(n, "noop_with_empty_axes", 0)) *out_count = rank;
    return all;
}

tenonh_value *tenon__onnx_lower_reduce(tenon__onnx_node *n) {
    uint32_t count;
    const int64_t *axes = reduced_axes(n, &count);
    if (!axes) return NULL;
    return tenon__reduce(n->b, (tenon_op)n->row->data, n->inputs[0], count, axes,
                         tenon__onnx_int(n, "keepdims", 1) != 0);
}

tenonh_value *tenon__onnx_lower_reduce_composite(tenon__onnx_node *n) {
    uint32_t count;
    const int64_t *axes = reduced_axes(n, &count);
    if (!axes) return NULL;
    const tenonh_attr attrs[] = {TENON__ATTR_INTS(AXES, count, axes),
                                 TENON__ATTR_INT(KEEP, tenon__onnx_int(n, "keepdims", 1) != 0)};
    return tenon__compose(n->b, (uint32_t)n->row->data, n->inputs, 1, attrs, 2);
}

/* Before opset 13 all axes from `axis` on counted as one. */
static tenonh_value *softmax_of_rows(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0];
    int64_t axis = tenon__onnx_int(n, "axis", 1);
    if (axis != x->rank) axis = tenon__onnx_axis(n, axis, x->rank ? x->rank : 1);
    const tenonh_dim *rows[] = {tenon__dim_product(n->b, x->dims, (uint32_t)axis),
                                tenon__dim_product(n->b, x->dims + axis, x->rank - (uint32_t)axis)};
    tenonh_value *flat = tenon__reshape(n->b, x, 2, rows);
    tenonh_value *y =
        tenon__compose(n->b, (uint32_t)n->row->data, &flat, 1, (tenonh_attr[]){TENON__ATTR_INT(AXIS, 1)}, 1);
    return tenon__reshape(n->b, y, x->rank, x->dims);
}

tenonh_value *tenon__onnx_lower_softmax(tenon__onnx_node *n) {
    if (n->opset < 13) return softmax_of_rows(n);
    uint32_t axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", -1), n->inputs[0]->rank);
    return tenon__compose(n->b, (uint32_t)n->row->data, n->inputs, 1, (tenonh_attr[]){TENON__ATTR_INT(AXIS, axis)}, 1);
}

tenonh_value *tenon__onnx_lower_lp_norm(tenon__onnx_node *n) {
    int64_t p = tenon__onnx_int(n, "p", 2);
    if (p != 1 && p != 2)
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "p is %lld; it can be 1 or 2", (long long)p);
    const tenonh_attr attrs[] = {
        TENON__ATTR_INT(AXIS, tenon__onnx_axis(n, tenon__onnx_int(n, "axis", -1), n->inputs[0]->rank)),
        TENON__ATTR_INT(COUNT, p)};
    return tenon__compose(n->b, TENON__COMPOSITE_LP_NORM, n->inputs, 1, attrs, 2);
}

static tenonh_value *mean_over(const tenon__onnx_node *n, tenonh_value *x, uint32_t count, const int64_t *axes) {
    const tenonh_attr attrs[] = {TENON__ATTR_INTS(AXES, count, axes), TENON__ATTR_INT(KEEP, 1)};
    return tenon__compose(n->b, TENON__COMPOSITE_REDUCE_MEAN, &x, 1, attrs, 2);
}

/* (x - mean) / (deviation + 1e-9), in f32 at least. */
tenonh_value *tenon__onnx_lower_mean_variance(tenon__onnx_node *n) {
    static const int64_t usual[] = {0, 2, 3};
    uint32_t count;
    tenon_dtype dtype = n->inputs[0]->dtype;
    tenonh_value *x = tenon__cast(n->b, n->inputs[0], tenon_dtype_compute(dtype));
    const int64_t *axes = tenon__onnx_ints(n, "axes", &count);
    axes = axes ? tenon__onnx_axes(n, axes, count, n->inputs[0]->rank)
                : tenon__onnx_axes(n, usual, count = 3, n->inputs[0]->rank);
    if (!x || !axes) return NULL;
    tenonh_value *mean = mean_over(n, x, count, axes);
    tenonh_value *centred = mean ? tenon__binary(n->b, TENON_OP_SUB, x, tenon__expand_like(n->b, mean, x)) : NULL;
    tenonh_value *variance = mean_over(n, tenon__binary(n->b, TENON_OP_MUL, centred, centred), count, axes);
    tenonh_value *deviation =
        tenon__binary_number(n->b, TENON_OP_ADD, tenon__unary(n->b, TENON_OP_SQRT, variance), 1e-9, false);
    if (!deviation) return NULL;
    return tenon__cast(n->b, tenon__binary(n->b, TENON_OP_DIV, centred, tenon__expand_like(n->b, deviation, x)), dtype);
}
