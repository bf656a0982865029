/* Operators that read or write by indices, and ordered ones. */
#include <string.h>

#include "onnx/operators.h"

static uint32_t axis_attr(const tenon__onnx_node *n, int64_t otherwise, uint32_t rank) {
    return tenon__onnx_axis(n, tenon__onnx_int(n, "axis", otherwise), rank);
}

tenonh_value *tenon__onnx_lower_gather(tenon__onnx_node *n) {
    const tenonh_attr axis = TENON__ATTR_INT(AXIS, axis_attr(n, 0, n->inputs[0]->rank));
    return tenon__compose(n->b, TENON__COMPOSITE_TAKE, n->inputs, 2, &axis, 1);
}

tenonh_value *tenon__onnx_lower_gather_elements(tenon__onnx_node *n) {
    const tenonh_attr axis = TENON__ATTR_INT(AXIS, axis_attr(n, 0, n->inputs[0]->rank));
    return tenon__compose(n->b, TENON__COMPOSITE_GATHER_ELEMENTS, n->inputs, 2, &axis, 1);
}

tenonh_value *tenon__onnx_lower_gather_nd(tenon__onnx_node *n) {
    const tenonh_attr batch = TENON__ATTR_INT(AXIS, tenon__onnx_int(n, "batch_dims", 0));
    return tenon__compose(n->b, TENON__COMPOSITE_GATHER_ND, n->inputs, 2, &batch, 1);
}

/* How updates meet what is there: -1 after a failure. */
static int64_t combine_of(const tenon__onnx_node *n) {
    static const struct {
        const char *name;
        int64_t combine;
    } rows[] = {
        {"none", TENON_COMBINE_SET}, {"add", TENON_COMBINE_ADD}, {"mul", TENON_COMBINE_MUL},
        {"min", TENON_COMBINE_MIN},  {"max", TENON_COMBINE_MAX},
    };
    const char *reduction = tenon__onnx_string(n, "reduction", "none");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(reduction, rows[i].name) == 0) return rows[i].combine;
    tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "reduction '%s' is not known", reduction);
    return -1;
}

tenonh_value *tenon__onnx_lower_scatter_elements(tenon__onnx_node *n) {
    int64_t combine = combine_of(n);
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis_attr(n, 0, n->inputs[0]->rank)),
                                 TENON__ATTR_INT(COMBINE, combine)};
    return tenon__compose(n->b, TENON__COMPOSITE_SCATTER_ELEMENTS, n->inputs, 3, attrs, 2);
}

tenonh_value *tenon__onnx_lower_scatter_nd(tenon__onnx_node *n) {
    const tenonh_attr combine = TENON__ATTR_INT(COMBINE, combine_of(n));
    return tenon__compose(n->b, TENON__COMPOSITE_SCATTER_ND, n->inputs, 3, &combine, 1);
}

/* Elements 0 ... k - 1 along an axis; k is i64[1]. */
static tenonh_value *first_along(const tenon__onnx_node *n, tenonh_value *x, uint32_t axis, tenonh_value *k) {
    const int64_t zero = 0, place = axis;
    tenonh_value *inputs[] = {x, tenon__build_ints(n->b, &zero, 1), k, tenon__build_ints(n->b, &place, 1)};
    return tenon__compose(n->b, TENON__COMPOSITE_SLICE_TO, inputs, 4, NULL, 0);
}

/* A count that the data decides: everything in order, of which the first are taken. */
static tenonh_value *topk_of_data(tenon__onnx_node *n, uint32_t axis) {
    tenonh_value *k = tenon__cast(n->b, n->inputs[1], TENON_DTYPE_I64), *x = n->inputs[0];
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis), TENON__ATTR_DIMS(COUNT, 1, &x->dims[axis]),
                                 TENON__ATTR_INT(DESCENDING, tenon__onnx_int(n, "largest", 1) != 0)};
    const tenonh_dim *one = tenon__num(n->b, 1);
    k = tenon__reshape(n->b, k, 1, &one);
    tenonh_value *values = tenon__compose(n->b, TENON__COMPOSITE_TOPK, &x, 1, attrs, 3);
    if (!values) return NULL;
    if (n->output_count > 1) n->outputs[1] = first_along(n, tenonh_value_result(values, 1), axis, k);
    return first_along(n, values, axis, k);
}

/* The count is an attribute before opset 10; it may be a dim of the model's inputs since. */
tenonh_value *tenon__onnx_lower_topk(tenon__onnx_node *n) {
    uint32_t count = 1, axis = axis_attr(n, -1, n->inputs[0]->rank);
    const tenonh_dim *attribute = n->opset < 10 ? tenon__num(n->b, tenon__onnx_int(n, "k", 0)) : NULL;
    const tenonh_dim *const *k = n->opset < 10 ? &attribute : NULL;
    if (n->opset >= 10 && !tenon__onnx_input(n, 1)) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "it has no k");
    if (!k && !tenon__content(n->b, n->inputs[1], &count)) return topk_of_data(n, axis);
    if (!k) k = tenon__onnx_dims(n, 1, &count);
    if (!k) return NULL;
    if (count != 1) return tenon__onnx_fail(n, TENON_STATUS_INVALID, "k has %u elements, not one", count);
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis), TENON__ATTR_DIMS(COUNT, 1, k),
                                 TENON__ATTR_INT(DESCENDING, tenon__onnx_int(n, "largest", 1) != 0)};
    tenonh_value *values = tenon__compose(n->b, TENON__COMPOSITE_TOPK, n->inputs, 1, attrs, 3);
    if (n->output_count > 1 && values) n->outputs[1] = tenonh_value_result(values, 1);
    return values;
}

/* The axis of a running combine is an input; -1 after a failure. */
static int64_t scan_axis(const tenon__onnx_node *n) {
    uint32_t count;
    const int64_t *axis = tenon__onnx_numbers(n, 1, &count);
    if (!axis) return -1;
    if (count == 1) return tenon__onnx_axis(n, axis[0], n->inputs[0]->rank);
    tenon__onnx_fail(n, TENON_STATUS_INVALID, "its axis has %u elements, not one", count);
    return -1;
}

tenonh_value *tenon__onnx_lower_cumsum(tenon__onnx_node *n) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, scan_axis(n)),
                                 TENON__ATTR_INT(EXCLUSIVE, tenon__onnx_int(n, "exclusive", 0) != 0),
                                 TENON__ATTR_INT(REVERSE, tenon__onnx_int(n, "reverse", 0) != 0)};
    return tenon__compose(n->b, TENON__COMPOSITE_CUMSUM, n->inputs, 1, attrs, 3);
}

tenonh_value *tenon__onnx_lower_cumprod(tenon__onnx_node *n) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, scan_axis(n)), TENON__ATTR_INT(COMBINE, TENON_COMBINE_MUL),
                                 TENON__ATTR_INT(EXCLUSIVE, tenon__onnx_int(n, "exclusive", 0) != 0),
                                 TENON__ATTR_INT(REVERSE, tenon__onnx_int(n, "reverse", 0) != 0)};
    return tenonh_build_op(n->b, TENON_OP_SCAN, n->inputs, 1, attrs, 4);
}

tenonh_value *tenon__onnx_lower_arg(tenon__onnx_node *n) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis_attr(n, 0, n->inputs[0]->rank)),
                                 TENON__ATTR_INT(KEEP, tenon__onnx_int(n, "keepdims", 1) != 0),
                                 TENON__ATTR_INT(MODE, tenon__onnx_int(n, "select_last_index", 0) != 0)};
    return tenon__compose(n->b, (uint32_t)n->row->data, n->inputs, 1, attrs, 3);
}

/* Element t of a sequence of length l becomes element l - 1 - t; what lies past its length stays. */
tenonh_value *tenon__onnx_lower_reverse_sequence(tenon__onnx_node *n) {
    tenonh_builder *b = n->b;
    tenonh_value *x = n->inputs[0], *lengths = tenon__cast(b, n->inputs[1], TENON_DTYPE_I64);
    if (x->rank < 2 || !lengths || lengths->rank != 1)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID,
                                "it needs a batch of sequences, and a vector of their lengths");
    uint32_t time = tenon__onnx_axis(n, tenon__onnx_int(n, "time_axis", 0), x->rank);
    uint32_t batch = tenon__onnx_axis(n, tenon__onnx_int(n, "batch_axis", 1), x->rank);
    for (uint32_t d = batch + 1; d < x->rank; d++) lengths = tenon__unsqueeze(b, lengths, lengths ? lengths->rank : 0);
    if (!lengths) return NULL;
    lengths = tenon__expand_like(b, lengths, x);
    tenonh_value *at = tenon__iota(b, TENON_DTYPE_I64, time, x->rank, x->dims);
    tenonh_value *last = tenon__binary_number(b, TENON_OP_SUB, lengths, 1, false);
    tenonh_value *from =
        tenon__where(b, tenon__binary(b, TENON_OP_LT, at, lengths), tenon__binary(b, TENON_OP_SUB, last, at), at);
    const tenonh_attr axis = TENON__ATTR_INT(AXIS, time);
    return tenon__compose(b, TENON__COMPOSITE_GATHER_ELEMENTS, (tenonh_value *[]){x, from}, 2, &axis, 1);
}

/* i64[batch, steps]: the row of the cache, seen as [batch * room, ...], that each row of the update goes to; -1 past the
 * room's end, which is out of range. */
static tenonh_value *cache_rows(const tenon__onnx_node *n, tenonh_value *cache, const tenonh_value *update) {
    tenonh_builder *b = n->b;
    tenonh_value *first = tenon__onnx_input(n, 2), *shape = tenon__shape_of(b, cache);
    tenonh_value *room = tenon__slice_axis(b, shape, 0, tenon__num(b, 1), tenon__num(b, 1));
    tenonh_value *place = tenon__iota(b, TENON_DTYPE_I64, 1, 2, update->dims);
    tenonh_value *batch = tenon__iota(b, TENON_DTYPE_I64, 0, 2, update->dims);
    if (first) {
        first = tenon__unsqueeze(b, tenon__cast(b, first, TENON_DTYPE_I64), 1);
        place = first ? tenon__binary(b, TENON_OP_ADD, place, tenon__expand_like(b, first, place)) : NULL;
    }
    if (!room || !place || !batch) return NULL;
    room = tenon__expand_like(b, room, place);
    int is_circular = strcmp(tenon__onnx_string(n, "mode", "linear"), "circular") == 0;
    tenonh_value *inside = is_circular ? tenon__binary(b, TENON_OP_REM, place, room) : place;
    tenonh_value *row = tenon__binary(b, TENON_OP_ADD, tenon__binary(b, TENON_OP_MUL, batch, room), inside);
    tenonh_value *none = tenon__expand_like(b, tenonh_build_scalar(b, TENON_DTYPE_I64, -1), place);
    return row ? tenon__where(b, tenon__binary(b, TENON_OP_LT, inside, room), row, none) : NULL;
}

/* The update's rows along the axis, written from each batch's index on. */
tenonh_value *tenon__onnx_lower_tensor_scatter(tenon__onnx_node *n) {
    tenonh_builder *b = n->b;
    tenonh_value *cache = n->inputs[0], *update = n->inputs[1];
    uint32_t axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", -2), cache->rank), rank = cache->rank;
    if (tenonh_builder_status(b) != TENON_STATUS_OK) return NULL;
    if (axis == 0 || update->rank != rank)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "it needs a cache and an update of one rank, batches first");
    int64_t perm[TENON_MAX_RANK] = {0, axis}, back[TENON_MAX_RANK];
    for (uint32_t d = 1, at = 2; d < rank; d++)
        if (d != axis) perm[at++] = d;
    for (uint32_t d = 0; d < rank; d++) back[perm[d]] = d;
    cache = tenon__permute(b, cache, perm);
    update = tenon__permute(b, update, perm);
    if (!cache || !update) return NULL;
    const tenonh_dim *rows[TENON_MAX_RANK] = {tenon__dim_product(b, cache->dims, 2)};
    for (uint32_t d = 2; d < rank; d++) rows[d - 1] = cache->dims[d];
    tenonh_value *indices = cache_rows(n, cache, update), *flat = tenon__reshape(b, cache, rank - 1, rows);
    tenonh_value *y = indices && flat ? tenon__scatter(b, indices, update, flat, 0, TENON_COMBINE_SET) : NULL;
    return y ? tenon__permute(b, tenon__reshape(b, y, rank, cache->dims), back) : NULL;
}
