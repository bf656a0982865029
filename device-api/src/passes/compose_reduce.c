/* Composites that reduce, order or normalise along axes. */
#include <string.h>

#include "passes/compose.h"

tenon_status tenon__count(tenonh_builder *b, const tenonh_dim *const *dims, uint32_t count, int64_t *out_count) {
    const tenonh_dim *product = tenon__dim_product(b, dims, count);
    if (product && tenonh_dim_is_number(product, out_count)) return TENON_STATUS_OK;
    tenon__build_fail(b, TENON_STATUS_UNSUPPORTED, "decomposing it needs numbers for its dims: concretise first");
    return tenon__not_ok(b->status);
}

/* The axes of a reduction. */
typedef struct axes_list {
    int64_t axes[TENON_MAX_RANK];
    uint32_t count;
    bool keep;
} axes_list;

static axes_list axes_of(const tenonh_node *node) {
    axes_list list = {.keep = tenon__node_int(node, TENON_ATTR_KEEP, 0) == 1};
    const tenon__attr *attr = tenon__node_attr(node, TENON_ATTR_AXES);
    for (uint32_t i = 0; attr && i < attr->count; i++) list.axes[list.count++] = attr->dims[i]->number;
    return list;
}

static axes_list axes_from(uint32_t first, uint32_t rank) {
    axes_list list = {.keep = true};
    for (uint32_t i = first; i < rank; i++) list.axes[list.count++] = i;
    return list;
}

static tenonh_value *reduce(tenonh_builder *b, tenon_op op, tenonh_value *x, const axes_list *list) {
    return tenon__reduce(b, op, x, list->count, list->axes, list->keep);
}

static tenonh_value *mean(tenonh_builder *b, tenonh_value *x, const axes_list *list) {
    if (!x) return NULL;
    const tenonh_dim *dims[TENON_MAX_RANK];
    int64_t count;
    for (uint32_t i = 0; i < list->count; i++) dims[i] = x->dims[list->axes[i]];
    if (tenon__count(b, dims, list->count, &count) != TENON_STATUS_OK) return NULL;
    return tenon__binary_number(b, TENON_OP_DIV, reduce(b, TENON_OP_SUM, x, list), (double)count, false);
}

/* The largest along the axes, repeated to the dims of x. */
static tenonh_value *peak(tenonh_builder *b, tenonh_value *x, axes_list list) {
    list.keep = true;
    return tenon__expand_like(b, reduce(b, TENON_OP_RMAX, x, &list), x);
}

static tenonh_value *narrowed(tenonh_builder *b, const tenonh_node *node, tenonh_value *y) {
    return tenon__cast(b, y, node->operands[0]->dtype);
}

static tenonh_value *square(tenonh_builder *b, tenonh_value *x) {
    return mul(b, x, x);
}

TENON__DECOMPOSITION(reduce_mean) {
    axes_list list = axes_of(node);
    out[0] = narrowed(b, node, mean(b, tenon__wide(b, node->operands[0]), &list));
}

TENON__DECOMPOSITION(reduce_l1) {
    axes_list list = axes_of(node);
    out[0] = narrowed(b, node, reduce(b, TENON_OP_SUM, magnitude(b, tenon__wide(b, node->operands[0])), &list));
}

TENON__DECOMPOSITION(reduce_sum_square) {
    axes_list list = axes_of(node);
    out[0] = narrowed(b, node, reduce(b, TENON_OP_SUM, square(b, tenon__wide(b, node->operands[0])), &list));
}

/* Integers take the root in f64. */
TENON__DECOMPOSITION(reduce_l2) {
    axes_list list = axes_of(node);
    tenonh_value *sum = reduce(b, TENON_OP_SUM, square(b, tenon__wide(b, node->operands[0])), &list);
    if (sum && tenon_dtype_class(sum->dtype) != TENON_CLASS_FLOAT) sum = tenon__cast(b, sum, TENON_DTYPE_F64);
    out[0] = narrowed(b, node, root(b, sum));
}

static tenonh_value *float_of(tenonh_builder *b, tenonh_value *x) {
    bool is_float = x && tenon_dtype_class(x->dtype) == TENON_CLASS_FLOAT;
    return is_float ? tenon__wide(b, x) : tenon__cast(b, x, TENON_DTYPE_F64);
}

TENON__DECOMPOSITION(reduce_log_sum) {
    axes_list list = axes_of(node);
    tenonh_value *sum = reduce(b, TENON_OP_SUM, float_of(b, node->operands[0]), &list);
    out[0] = narrowed(b, node, tenon__unary(b, TENON_OP_LOG, sum));
}

/* The shift is 0 where the largest is infinite: inf - inf would make a NaN of it. */
TENON__DECOMPOSITION(reduce_log_sum_exp) {
    axes_list list = axes_of(node), kept = list;
    tenonh_value *x = float_of(b, node->operands[0]);
    kept.keep = true;
    tenonh_value *top = reduce(b, TENON_OP_RMAX, x, &kept);
    tenonh_value *infinite = equal(b, magnitude(b, top), number_like(b, top, __builtin_inf()));
    tenonh_value *shift = tenon__where(b, infinite, number_like(b, top, 0), top);
    tenonh_value *sum = reduce(b, TENON_OP_SUM, exponential(b, sub(b, x, tenon__expand_like(b, shift, x))), &list);
    tenonh_value *log = tenon__unary(b, TENON_OP_LOG, sum);
    if (!log) return;
    out[0] = narrowed(b, node, add(b, log, tenon__reshape(b, shift, log->rank, log->dims)));
}

/* -- Positions ------------------------------------------------------------------------------------------------------ */

static tenonh_value *reversed(tenonh_builder *b, tenonh_value *x, uint32_t axis) {
    const tenonh_dim *starts[TENON_MAX_RANK];
    int64_t steps[TENON_MAX_RANK];
    if (!x) return NULL;
    for (uint32_t i = 0; i < x->rank; i++) {
        starts[i] = i == axis ? tenon__dim2(b, TENONH_DIM_SUB, x->dims[i], tenon__num(b, 1)) : tenon__num(b, 0);
        steps[i] = i == axis ? -1 : 1;
    }
    return tenon__slice(b, x, starts, steps, x->dims);
}

/* The last of equals is the first from the end. */
static tenonh_value *arg_largest(tenonh_builder *b, const tenonh_node *node, tenonh_value *x) {
    uint32_t axis = (uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0);
    bool last = tenon__node_int(node, TENON_ATTR_MODE, 0) == 1;
    tenonh_value *position = tenon__argmax(b, last ? reversed(b, x, axis) : x, axis);
    if (last && position) {
        tenonh_value *end = add_number(b, tenon__dim_of(b, x, axis), -1);
        position = sub(b, tenon__expand_like(b, end, position), position);
    }
    return tenon__node_int(node, TENON_ATTR_KEEP, 0) == 1 ? tenon__unsqueeze(b, position, axis) : position;
}

TENON__DECOMPOSITION(arg_max) {
    out[0] = arg_largest(b, node, node->operands[0]);
}

/* An order-reversing map of the dtype: the sign for floats, all bits for the rest (MIN has no negative). */
TENON__DECOMPOSITION(arg_min) {
    tenonh_value *x = node->operands[0];
    bool is_float = tenon_dtype_class(x->dtype) == TENON_CLASS_FLOAT;
    out[0] = arg_largest(b, node, is_float ? negative(b, x) : tenon__compose(b, TENON__COMPOSITE_NOT, &x, 1, NULL, 0));
}

TENON__DECOMPOSITION(topk) {
    uint32_t axis = (uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0);
    bool descending = tenon__node_int(node, TENON_ATTR_DESCENDING, 0) == 1;
    const tenonh_dim *count = tenon__entry_dim(b, node, TENON_ATTR_COUNT, 0), *zero = tenon__num(b, 0);
    tenonh_value *values = tenon__sort(b, node->operands[0], axis, descending);
    tenonh_value *positions = tenonh_value_result(values, 1);
    out[0] = tenon__slice_axis(b, values, axis, zero, count);
    out[1] = tenon__slice_axis(b, positions, axis, zero, count);
}

TENON__DECOMPOSITION(cumsum) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, tenon__node_int(node, TENON_ATTR_AXIS, 0)),
                                 TENON__ATTR_INT(COMBINE, TENON_COMBINE_ADD),
                                 TENON__ATTR_INT(EXCLUSIVE, tenon__node_int(node, TENON_ATTR_EXCLUSIVE, 0)),
                                 TENON__ATTR_INT(REVERSE, tenon__node_int(node, TENON_ATTR_REVERSE, 0))};
    out[0] = tenonh_build_op(b, TENON_OP_SCAN, node->operands, 1, attrs, 4);
}

/* -- Softmax -------------------------------------------------------------------------------------------------------- */

static axes_list axis_of(const tenonh_node *node) {
    return (axes_list){.axes = {tenon__node_int(node, TENON_ATTR_AXIS, 0)}, .count = 1, .keep = true};
}

TENON__DECOMPOSITION(softmax) {
    axes_list list = axis_of(node);
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    tenonh_value *e = exponential(b, sub(b, x, peak(b, x, list)));
    out[0] = narrowed(b, node, over(b, e, tenon__expand_like(b, reduce(b, TENON_OP_SUM, e, &list), e)));
}

TENON__DECOMPOSITION(log_softmax) {
    axes_list list = axis_of(node);
    tenonh_value *x = tenon__wide(b, node->operands[0]), *shifted = sub(b, x, peak(b, x, list));
    tenonh_value *sum = reduce(b, TENON_OP_SUM, exponential(b, shifted), &list);
    out[0] = narrowed(b, node, sub(b, shifted, tenon__expand_like(b, tenon__unary(b, TENON_OP_LOG, sum), x)));
}

TENON__DECOMPOSITION(hardmax) {
    tenonh_value *x = node->operands[0];
    uint32_t axis = (uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0);
    tenonh_value *top = tenon__unsqueeze(b, tenon__argmax(b, x, axis), axis);
    tenonh_value *places = tenon__iota(b, TENON_DTYPE_I64, axis, x->rank, x->dims);
    out[0] = tenon__cast(b, equal(b, places, tenon__expand_like(b, top, x)), x->dtype);
}

/* -- Norms ---------------------------------------------------------------------------------------------------------- */

static double epsilon_of(const tenonh_node *node) {
    return tenon__node_float(node, TENON_ATTR_EPSILON, 0);
}

/* sqrt(mean of x^2 + epsilon), repeated to the dims of x. */
static tenonh_value *deviation(tenonh_builder *b, const tenonh_node *node, tenonh_value *x, const axes_list *list) {
    return tenon__expand_like(b, root(b, add_number(b, mean(b, square(b, x), list), epsilon_of(node))), x);
}

static tenonh_value *standardised(tenonh_builder *b, const tenonh_node *node, tenonh_value *x, const axes_list *list) {
    tenonh_value *centred = sub(b, x, tenon__expand_like(b, mean(b, x, list), x));
    return over(b, centred, deviation(b, node, centred, list));
}

TENON__DECOMPOSITION(layer_norm) {
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    tenonh_value *scale = tenon__wide(b, tenon__operand(node, 1)), *bias = tenon__wide(b, tenon__operand(node, 2));
    axes_list list = axes_from((uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0), node->operands[0]->rank);
    tenonh_value *y = standardised(b, node, x, &list);
    if (scale) y = mul(b, y, tenon__expand_like(b, scale, x));
    if (bias) y = add(b, y, tenon__expand_like(b, bias, x));
    out[0] = narrowed(b, node, y);
}

TENON__DECOMPOSITION(rms_norm) {
    tenonh_value *x = tenon__wide(b, node->operands[0]), *scale = tenon__wide(b, tenon__operand(node, 1));
    axes_list list = axes_from((uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0), node->operands[0]->rank);
    tenonh_value *y = over(b, x, deviation(b, node, x, &list));
    if (scale) y = mul(b, y, tenon__expand_like(b, scale, x));
    out[0] = narrowed(b, node, y);
}

tenonh_value *tenon__along(tenonh_builder *b, tenonh_value *vector, uint32_t axis, const tenonh_value *like) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    if (!vector || !like || b->status != TENON_STATUS_OK) return NULL;
    for (uint32_t i = 0; i < like->rank; i++) dims[i] = i == axis ? vector->dims[0] : tenon__num(b, 1);
    return tenon__expand_like(b, tenon__reshape(b, vector, like->rank, dims), like);
}

/* x * factor + shift with factor = scale / sqrt(variance + epsilon), shift = bias - mean * factor: of constant
 * statistics only one product and one sum per element are left. */
TENON__DECOMPOSITION(batch_norm) {
    tenonh_value *x = tenon__wide(b, node->operands[0]), *parts[5];
    for (uint32_t i = 1; i < 5; i++) parts[i] = tenon__wide(b, node->operands[i]);
    tenonh_value *factor = over(b, parts[1], root(b, add_number(b, parts[4], epsilon_of(node))));
    tenonh_value *shift = sub(b, parts[2], mul(b, parts[3], factor));
    tenonh_value *y = add(b, mul(b, x, tenon__along(b, factor, 1, x)), tenon__along(b, shift, 1, x));
    out[0] = narrowed(b, node, y);
}

static tenonh_value *scaled_channels(tenonh_builder *b, const tenonh_node *node, tenonh_value *y) {
    tenonh_value *scale = tenon__wide(b, node->operands[1]), *bias = tenon__wide(b, node->operands[2]);
    y = add(b, mul(b, y, tenon__along(b, scale, 1, y)), tenon__along(b, bias, 1, y));
    return narrowed(b, node, y);
}

TENON__DECOMPOSITION(instance_norm) {
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    axes_list list = axes_from(2, node->operands[0]->rank);
    out[0] = scaled_channels(b, node, standardised(b, node, x, &list));
}

TENON__DECOMPOSITION(group_norm) {
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    if (!x) return;
    const tenonh_dim *groups = tenon__entry_dim(b, node, TENON_ATTR_GROUPS, 0);
    const tenonh_dim *rest = tenon__dim_product(b, x->dims + 1, x->rank - 1);
    const tenonh_dim *dims[] = {x->dims[0], groups, tenon__dim2(b, TENONH_DIM_DIV, rest, groups)};
    axes_list list = axes_from(2, 3);
    tenonh_value *y = standardised(b, node, tenon__reshape(b, x, 3, dims), &list);
    out[0] = scaled_channels(b, node, tenon__reshape(b, y, x->rank, x->dims));
}

/* Sums of squares over a window of channels that is padded with zeros. */
TENON__DECOMPOSITION(lrn) {
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    int64_t size = tenon__node_int(node, TENON_ATTR_COUNT, 1), axis = 1, one = 1, window_axis = x ? x->rank : 0;
    if (!x || x->rank < 2 || size < 1) {
        tenon__build_fail(b, TENON_STATUS_INVALID, "count %lld, or no channel axis", (long long)size);
        return;
    }
    const tenonh_dim *low[TENON_MAX_RANK], *high[TENON_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++) {
        low[i] = tenon__num(b, i == 1 ? (size - 1) / 2 : 0);
        high[i] = tenon__num(b, i == 1 ? size - 1 - (size - 1) / 2 : 0);
    }
    tenonh_value *windows = tenon__window(b, tenon__pad(b, square(b, x), 0, low, high), 1, &axis, &size, &one, &one);
    tenonh_value *sum = tenon__reduce(b, TENON_OP_SUM, windows, 1, &window_axis, false);
    double alpha = tenon__node_float(node, TENON_ATTR_ALPHA, 0), beta = tenon__node_float(node, TENON_ATTR_BETA, 0);
    tenonh_value *base = mul_number(b, sum, alpha / (double)size);
    base = add_number(b, base, tenon__node_float(node, TENON_ATTR_SCALE, 0));
    out[0] = narrowed(b, node, over(b, x, tenon__binary_number(b, TENON_OP_POW, base, beta, false)));
}

TENON__DECOMPOSITION(lp_norm) {
    axes_list list = axis_of(node);
    tenonh_value *x = tenon__wide(b, node->operands[0]), *norm;
    if (tenon__node_int(node, TENON_ATTR_COUNT, 2) == 1)
        norm = reduce(b, TENON_OP_SUM, magnitude(b, x), &list);
    else
        norm = root(b, reduce(b, TENON_OP_SUM, square(b, x), &list));
    norm = tenon__where(b, equal(b, norm, number_like(b, norm, 0)), number_like(b, norm, 1), norm);
    out[0] = narrowed(b, node, over(b, x, tenon__expand_like(b, norm, x)));
}
