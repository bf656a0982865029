#include "graph/infer.h"

static tenon_status list_of(const tenonh_node *node, uint32_t id, uint32_t count, const tenon__attr **out_attr) {
    *out_attr = tenon__node_attr(node, id);
    if (*out_attr && (*out_attr)->count == count) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "attribute %s needs %u entries, not %u", tenon_attr_row_of(id)->name,
                       count, *out_attr ? (*out_attr)->count : 0);
}

static const tenonh_dim *elements(tenonh_builder *b, const tenonh_dim *const *dims, uint32_t rank) {
    const tenonh_dim *product = tenon__dim_number(&b->module->dims, 1);
    for (uint32_t i = 0; i < rank; i++)
        product = tenon__dim_mul(&b->module->dims, product, tenon__dim_resolve(&b->module->dims, dims[i]));
    return product;
}

static tenon_status infer_reshape(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype) {
    const tenonh_value *x = node->operands[0];
    const tenon__attr *dims = tenon__node_attr(node, TENON_ATTR_DIMS);
    uint32_t rank = dims ? dims->count : 0;
    TENON_TRY(tenon__result_type(b, node, 0, dtype, rank, dims ? dims->dims : NULL));
    const tenonh_dim *before = elements(b, x->dims, x->rank), *after = elements(b, node->results[0]->dims, rank);
    /* Symbols may leave it open; with numbers in their place it is checked again. */
    if (!before || !after || tenon__dim_compare(&b->module->dims, before, after) == TENON__DIM_DIFFERENT)
        return tenon__fail(TENON_STATUS_INVALID, "%s can't be reshaped to %s: the numbers of elements differ",
                           tenon__type_text(x), tenon__type_text(node->results[0]));
    return TENON_STATUS_OK;
}

static tenon_status infer_permute(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *dims[TENON_MAX_RANK];
    const tenon__attr *perm;
    uint32_t seen = 0;
    TENON_TRY(list_of(node, TENON_ATTR_PERM, x->rank, &perm));
    for (uint32_t i = 0; i < x->rank; i++) {
        int64_t axis = -1;
        if (!tenonh_dim_is_number(perm->dims[i], &axis) || axis < 0 || axis >= x->rank || (seen >> axis & 1))
            return tenon__fail(TENON_STATUS_INVALID, "attribute perm names axis %lld at %u: each axis of %s once",
                               (long long)axis, i, tenon__type_text(x));
        seen |= 1u << axis;
        dims[i] = x->dims[axis];
    }
    return tenon__result_type(b, node, 0, dtype, x->rank, dims);
}

static tenon_status infer_expand(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype) {
    const tenonh_value *x = node->operands[0];
    const tenon__attr *dims = tenon__node_attr(node, TENON_ATTR_DIMS);
    uint32_t rank = dims ? dims->count : 0;
    TENON_TRY(tenon__result_type(b, node, 0, dtype, rank, dims ? dims->dims : NULL));
    if (rank < x->rank)
        return tenon__fail(TENON_STATUS_INVALID, "%s can't be expanded to rank %u", tenon__type_text(x), rank);
    for (uint32_t i = 0; i < x->rank; i++) {
        const tenonh_dim *from = x->dims[i], *to = dims->dims[rank - x->rank + i];
        bool may_be_one = from->low <= 1 && from->high >= 1; /* a symbol that turns out to be 1 repeats */
        if (!may_be_one) TENON_TRY(tenon__require_equal(b, node, "expanded axis", from, to));
    }
    return TENON_STATUS_OK;
}

/* start and start + (count - 1) * step lie in the axis, as far as bounds tell. */
static bool slice_can_fit(tenonh_builder *b, const tenonh_dim *dim, const tenonh_dim *start, int64_t step,
                          const tenonh_dim *count) {
    tenon__dims *d = &b->module->dims;
    if (count->low <= 0 && count->kind != TENON__DIM_NUMBER) return true;
    if (tenon__dim_is(count, 0)) return true;
    const tenonh_dim *way =
        tenon__dim_mul(d, tenon__dim_sub(d, count, tenon__dim_number(d, 1)), tenon__dim_number(d, step));
    const tenonh_dim *last = tenon__dim_add(d, start, way);
    const tenonh_dim *after_start = tenon__dim_sub(d, dim, start), *after_last = tenon__dim_sub(d, dim, last);
    return last && after_start && after_last && start->high >= 0 && last->high >= 0 && after_start->high >= 1 &&
           after_last->high >= 1;
}

static tenon_status infer_slice(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype) {
    const tenonh_value *x = node->operands[0];
    const tenon__attr *starts, *dims;
    const tenonh_dim *steps[TENON_MAX_RANK];
    TENON_TRY(list_of(node, TENON_ATTR_STARTS, x->rank, &starts));
    TENON_TRY(list_of(node, TENON_ATTR_DIMS, x->rank, &dims));
    for (uint32_t i = 0; i < x->rank; i++) {
        int64_t step = 0;
        if (!tenon__node_entry(node, TENON_ATTR_STEPS, i, &step) || step == 0 || step == INT64_MIN)
            return tenon__fail(TENON_STATUS_INVALID, "step %u is %lld or not a number", i, (long long)step);
        if (!slice_can_fit(b, x->dims[i], starts->dims[i], step, dims->dims[i]))
            return tenon__fail(TENON_STATUS_INVALID, "the slice of axis %u leaves %s", i, tenon__type_text(x));
        steps[i] = tenon__dim_number(&b->module->dims, step);
    }
    TENON_TRY(tenon__result_type(b, node, 0, dtype, x->rank, dims->dims));
    return tenon__draft_set(b, node, TENON_ATTR_STEPS, x->rank, steps);
}

static tenon_status infer_window(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype) {
    const tenonh_value *x = node->operands[0];
    const tenon__attr *axes = tenon__node_attr(node, TENON_ATTR_AXES), *sizes;
    uint32_t count = axes ? axes->count : 0, rank = x->rank;
    const tenonh_dim *dims[2 * TENON_MAX_RANK], *steps[TENON_MAX_RANK], *dilations[TENON_MAX_RANK];
    if (count + rank > TENON_MAX_RANK)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%u windows over %s: ranks go up to %d", count,
                           tenon__type_text(x), TENON_MAX_RANK);
    TENON_TRY(list_of(node, TENON_ATTR_SIZES, count, &sizes));
    for (uint32_t i = 0; i < rank; i++) dims[i] = x->dims[i];
    tenon__dims *d = &b->module->dims;
    int64_t previous = -1;
    for (uint32_t i = 0; i < count; i++) {
        int64_t axis = -1, size = 0, step = 0, dilation = 0, reach;
        bool known = tenonh_dim_is_number(axes->dims[i], &axis) && tenonh_dim_is_number(sizes->dims[i], &size) &&
                     tenon__node_entry(node, TENON_ATTR_STEPS, i, &step) &&
                     tenon__node_entry(node, TENON_ATTR_DILATIONS, i, &dilation);
        if (!known || axis <= previous || axis >= rank || size < 1 || step < 1 || dilation < 1 ||
            __builtin_mul_overflow(size - 1, dilation, &reach))
            return tenon__fail(TENON_STATUS_INVALID, "window %u over axis %lld: size %lld, step %lld, dilation %lld", i,
                               (long long)axis, (long long)size, (long long)step, (long long)dilation);
        previous = axis;
        const tenonh_dim *room = tenon__dim_sub(d, x->dims[axis], tenon__dim_number(d, reach));
        room = tenon__dim_sub(d, room, tenon__dim_number(d, 1)); /* below 0: no position */
        const tenonh_dim *positions = tenon__dim_div(d, room, tenon__dim_number(d, step));
        dims[axis] = tenon__dim_max(d, tenon__dim_add(d, positions, tenon__dim_number(d, 1)), tenon__dim_number(d, 0));
        dims[rank + i] = sizes->dims[i];
        steps[i] = tenon__dim_number(d, step);
        dilations[i] = tenon__dim_number(d, dilation);
    }
    TENON_TRY(tenon__draft_set(b, node, TENON_ATTR_STEPS, count, steps));
    TENON_TRY(tenon__draft_set(b, node, TENON_ATTR_DILATIONS, count, dilations));
    return tenon__result_type(b, node, 0, dtype, rank + count, dims);
}

tenon_status tenon__infer_view(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype) {
    switch (node->op) {
    case TENON_OP_RESHAPE: return infer_reshape(b, node, dtype);
    case TENON_OP_PERMUTE: return infer_permute(b, node, dtype);
    case TENON_OP_EXPAND: return infer_expand(b, node, dtype);
    case TENON_OP_SLICE: return infer_slice(b, node, dtype);
    case TENON_OP_WINDOW: return infer_window(b, node, dtype);
    default: return tenon__fail(TENON_STATUS_UNSUPPORTED, "the view %u has no shape rule", node->op);
    }
}
