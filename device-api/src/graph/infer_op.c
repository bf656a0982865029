#include <string.h>

#include "graph/infer.h"

tenon_status tenon__result_type(tenonh_builder *b, const tenonh_node *node, uint32_t index, tenon_dtype dtype,
                                uint32_t rank, const tenonh_dim *const *dims) {
    (void)b;
    tenonh_value *result = node->results[index];
    if (!tenon_dtype_is_base(dtype) || rank > TENON_MAX_RANK)
        return tenon__fail(TENON_STATUS_UNSUPPORTED,
                           "result %u would have dtype %s (%u) and rank %u; ranks go up to %d", index,
                           tenon_dtype_name(dtype), dtype, rank, TENON_MAX_RANK);
    bool numbers = true;
    for (uint32_t i = 0; i < rank; i++) {
        if (!dims[i]) return tenon__fail_in(TENON_STATUS_INVALID, "dim %u of result %u has no value", i, index);
        result->dims[i] = dims[i];
        numbers = numbers && dims[i]->kind == TENON__DIM_NUMBER;
    }
    result->dtype = dtype;
    result->rank = rank;
    for (uint32_t i = 0; i < rank; i++)
        if (dims[i]->high < 0)
            return tenon__fail(TENON_STATUS_INVALID, "result %u would be %s: dim %u is negative", index,
                               tenon__type_text(result), i);
    uint64_t bytes;
    return numbers ? tenon__value_bytes(result, &bytes) : TENON_STATUS_OK;
}

tenon_status tenon__require_equal(tenonh_builder *b, const tenonh_node *node, const char *what, const tenonh_dim *a,
                                  const tenonh_dim *d) {
    tenon__dims *dims = &b->module->dims;
    uint32_t kept = dims->equality_count;
    tenon_status status = tenon__dim_equate(dims, a, d);
    if (dims->equality_count > kept && b->location_count) dims->equality_nodes[kept] = b->locations[0];
    if (status != TENON_STATUS_INVALID) return status;
    tenon__text text = {0};
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (node->operands[i]) tenon__text_format(&text, "%s%s", i ? ", " : "", tenon__type_text(node->operands[i]));
    status = tenon__fail_in(status, "%s of operands %.300s", what, tenon__text_string(&text));
    tenon__text_free(&text);
    return status;
}

enum { INDEX = 1, CONDITION = 2, VALUE = 3 };

/* What an operand is: an index, where's condition, or a value of the row's dtype. */
static int role_of(const tenon_op_row *row, uint32_t operand) {
    if (row->op == TENON_OP_WHERE && operand == 0) return CONDITION;
    bool index = (row->family == TENON_FAMILY_GATHER && operand == 1) ||
                 (row->family == TENON_FAMILY_SCATTER && operand == 0) ||
                 (row->family == TENON_FAMILY_UPDATE && operand == 1);
    return index ? INDEX : VALUE;
}

static bool index_fits(const tenon_op_row *row, tenon_dtype dtype) {
    return dtype == TENON_DTYPE_I64 || (dtype == TENON_DTYPE_I32 && row->family != TENON_FAMILY_UPDATE);
}

/* Checks operands' dtypes; *out_dtype is that of the values, NONE without any. */
static tenon_status check_dtypes(const tenonh_node *node, const tenon_op_row *row, tenon_dtype *out_dtype) {
    *out_dtype = TENON_DTYPE_NONE;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        tenon_dtype dtype = node->operands[i]->dtype;
        int role = role_of(row, i);
        bool fits = role == CONDITION ? dtype == TENON_DTYPE_BOOL
                    : role == INDEX
                        ? index_fits(row, dtype)
                        : tenon_op_takes(row, dtype) && (*out_dtype == TENON_DTYPE_NONE || *out_dtype == dtype);
        if (!fits)
            return tenon__fail(TENON_STATUS_INVALID, "operand %u is %s: %s", i, tenon__type_text(node->operands[i]),
                               role == CONDITION ? "a condition is bool"
                               : role == INDEX   ? "indices are i64 (gather and scatter take i32 too)"
                               : *out_dtype      ? "it differs in dtype from the one before; insert a cast"
                                                 : "the operator does not take this dtype");
        if (role == VALUE) *out_dtype = dtype;
    }
    return TENON_STATUS_OK;
}

static bool same_class(tenon_dtype a, tenon_dtype b) {
    bool a_float = tenon_dtype_class(a) == TENON_CLASS_FLOAT, b_float = tenon_dtype_class(b) == TENON_CLASS_FLOAT;
    return a_float == b_float && tenon_dtype_class(b) != TENON_CLASS_BOOL;
}

/* A contraction says its dtypes outright, so that equal work has equal attributes. */
static tenon_status complete_contraction(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype) {
    tenon_dtype result = (tenon_dtype)tenon__node_int(node, TENON_ATTR_DTYPE, 0);
    tenon_dtype accumulator = (tenon_dtype)tenon__node_int(node, TENON_ATTR_ACCUMULATOR, 0);
    if (!result) result = dtype;
    if (!accumulator) accumulator = tenon_dtype_accumulator(node->op, dtype);
    if (!tenon_dtype_is_base(result) || !tenon_dtype_is_base(accumulator) || !same_class(dtype, result) ||
        !same_class(dtype, accumulator))
        return tenon__fail(TENON_STATUS_INVALID, "%s operands give no %s with a %s accumulator",
                           tenon_dtype_name(dtype), tenon_dtype_name(result), tenon_dtype_name(accumulator));
    TENON_TRY(tenon__draft_set_int(b, node, TENON_ATTR_DTYPE, result));
    return tenon__draft_set_int(b, node, TENON_ATTR_ACCUMULATOR, accumulator);
}

static tenon_status result_dtype(const tenonh_node *node, const tenon_op_row *row, tenon_dtype operands,
                                 tenon_dtype *out_dtype) {
    static const tenon_dtype fixed[] = {[TENON_RESULT_BOOL] = TENON_DTYPE_BOOL,
                                        [TENON_RESULT_I64] = TENON_DTYPE_I64,
                                        [TENON_RESULT_U32] = TENON_DTYPE_U32};
    if (row->result == TENON_RESULT_SAME) {
        *out_dtype = operands;
    } else if (row->result != TENON_RESULT_ATTR) {
        *out_dtype = fixed[row->result];
    } else {
        *out_dtype = (tenon_dtype)tenon__node_int(node, TENON_ATTR_DTYPE, 0);
        bool made = row->family == TENON_FAMILY_FILL || row->family == TENON_FAMILY_IOTA;
        if (!tenon_dtype_is_base(*out_dtype) || (made && !tenon_op_takes(row, *out_dtype)))
            return tenon__fail(TENON_STATUS_INVALID, "attribute dtype is %s (%u)", tenon_dtype_name(*out_dtype),
                               *out_dtype);
    }
    if (row->family == TENON_FAMILY_BITCAST && tenon_dtype_bits(*out_dtype) != tenon_dtype_bits(operands))
        return tenon__fail(TENON_STATUS_INVALID, "%s and %s differ in width", tenon_dtype_name(operands),
                           tenon_dtype_name(*out_dtype));
    return TENON_STATUS_OK;
}

tenon_status tenon__infer_op(tenonh_builder *b, tenonh_node *node) {
    const tenon_op_row *row = tenon_op_row_of(node->op);
    tenon_dtype operands, dtypes[2] = {TENON_DTYPE_NONE, TENON_DTYPE_I64}; /* sort's result 1 is positions */
    uint32_t expected = row->input_count + (tenon__node_inout(node) >= 0);
    if (node->operand_count != expected)
        return tenon__fail(TENON_STATUS_INVALID, "it has %u operands and takes %u", node->operand_count, expected);
    for (uint32_t i = 0; i < expected; i++)
        if (!node->operands[i]) return tenon__fail(TENON_STATUS_INVALID, "operand %u is missing", i);
    TENON_TRY(check_dtypes(node, row, &operands));
    if (row->family == TENON_FAMILY_CONTRACT) TENON_TRY(complete_contraction(b, node, operands));
    TENON_TRY(result_dtype(node, row, operands, &dtypes[0]));
    switch (row->family) {
    case TENON_FAMILY_VIEW: return tenon__infer_view(b, node, dtypes[0]);
    case TENON_FAMILY_FILL:
    case TENON_FAMILY_IOTA:
    case TENON_FAMILY_PAD:
    case TENON_FAMILY_RANDOM:
    case TENON_FAMILY_UPDATE: return tenon__infer_given(b, node, row, dtypes[0]);
    default: return tenon__infer_maps(b, node, row, dtypes);
    }
}

/* -- Dims that the draft brings along -------------------------------------------------------------------------- */

static tenon_status infer_pad(tenonh_builder *b, const tenonh_node *node, const tenonh_value *result) {
    const tenonh_value *x = node->operands[0];
    const tenon__attr *low = tenon__node_attr(node, TENON_ATTR_LOW);
    if (!low || low->count != x->rank || result->rank != x->rank)
        return tenon__fail(TENON_STATUS_INVALID, "attributes low and dims need one entry per axis of %s",
                           tenon__type_text(x));
    for (uint32_t i = 0; i < x->rank; i++) {
        const tenonh_dim *used = tenon__dim_add(&b->module->dims, low->dims[i], x->dims[i]);
        const tenonh_dim *high = tenon__dim_sub(&b->module->dims, result->dims[i], used);
        if (!high || low->dims[i]->high < 0 || high->high < 0)
            return tenon__fail(TENON_STATUS_INVALID, "axis %u of %s can't be padded to %s: pads are not negative", i,
                               tenon__type_text(x), tenon__type_text(result));
    }
    return TENON_STATUS_OK;
}

static tenon_status infer_update(tenonh_builder *b, const tenonh_node *node) {
    const tenonh_value *x = node->operands[0], *start = node->operands[1], *y = node->operands[2];
    bool fits = x->rank == y->rank && start->rank == 1 && tenon__dim_is(start->dims[0], x->rank);
    for (uint32_t i = 0; i < x->rank && fits; i++) {
        const tenonh_dim *left = tenon__dim_sub(&b->module->dims, y->dims[i], x->dims[i]);
        fits = left && left->high >= 0;
    }
    if (!fits)
        return tenon__fail(TENON_STATUS_INVALID, "%s does not go into %s at a start of %s", tenon__type_text(x),
                           tenon__type_text(y), tenon__type_text(start));
    return tenon__result_type(b, node, 0, y->dtype, y->rank, y->dims);
}

tenon_status tenon__infer_given(tenonh_builder *b, const tenonh_node *node, const tenon_op_row *row,
                                tenon_dtype dtype) {
    tenonh_value *result = node->results[0];
    if (row->family == TENON_FAMILY_UPDATE) return infer_update(b, node);
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    if (row->family == TENON_FAMILY_IOTA && (axis < 0 || axis >= result->rank))
        return tenon__fail(TENON_STATUS_INVALID, "attribute axis is %lld of a result of rank %u", (long long)axis,
                           result->rank);
    if (row->family == TENON_FAMILY_PAD) TENON_TRY(infer_pad(b, node, result));
    return tenon__result_type(b, node, 0, dtype, result->rank, result->dims);
}
