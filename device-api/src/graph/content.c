/* Elements of small integer values as expressions: what dims are computed from, known before symbols are numbers. */
#include <string.h>

#include "graph/build_internal.h"
#include "passes/eval.h"
#include "passes/fold.h"

static bool may_have_content(const tenonh_value *value, int64_t *out_count) {
    uint32_t class = tenon_dtype_class(value->dtype);
    if (class == TENON_CLASS_FLOAT || class == TENON_CLASS_NONE || value->dtype == TENON_DTYPE_U64) return false;
    int64_t count = 1, dim;
    for (uint32_t i = 0; i < value->rank; i++)
        if (!tenonh_dim_is_number(value->dims[i], &dim) || dim > TENON__MAX_CONTENT ||
            (count *= dim) > TENON__MAX_CONTENT)
            return false;
    *out_count = count;
    return true;
}

/* Reads constants, and views of them, once. */
static tenon_status read_content(tenonh_builder *b, tenonh_value *value, int64_t count) {
    tenon__arena scratch = {0};
    tenon__tensor tensor;
    const tenonh_dim **content = tenon__arena_array(&b->module->arena, (size_t)count, sizeof *content);
    tenon_status status = content ? tenon__constant_tensor(&scratch, value, &tensor) : tenon__fail_memory();
    tenon__walk at = {0};
    for (int64_t i = 0; i < count && status == TENON_STATUS_OK; i++) {
        tenon__number number = tenon__get(&tensor, at.index);
        content[i] = tenon__dim_number(&b->module->dims, number.i);
        if (!content[i]) status = TENON_STATUS_OUT_OF_MEMORY;
        tenon__walk_next(&tensor, &at);
    }
    tenon__arena_free(&scratch);
    if (status == TENON_STATUS_OK) value->content = content;
    return status;
}

const tenonh_dim *const *tenon__content(tenonh_builder *b, tenonh_value *value, uint32_t *out_count) {
    int64_t count;
    if (!value || b->status != TENON_STATUS_OK || !may_have_content(value, &count)) return NULL;
    *out_count = (uint32_t)count;
    if (!value->content && tenon__is_constant(value)) {
        tenon_status status = read_content(b, value, count);
        if (status != TENON_STATUS_OK) tenon__build_failed(b, status, NULL);
    }
    return value->content;
}

/* -- Rules: `in` holds the operands' contents, `out` has room for `count` ------------------------------------------- */

typedef struct rule_context {
    tenonh_builder *b;
    const tenonh_node *node;
    const tenonh_dim *const *const *in;
    const tenonh_dim **out;
    int64_t count;
} rule_context;

static bool not_negative(const tenonh_dim *dim) {
    return dim->low >= 0;
}

static const tenonh_dim *truth(rule_context *c, uint32_t compared) {
    if (compared == TENON__DIM_UNKNOWN) return NULL;
    return tenon__dim_number(&c->b->module->dims, compared == TENON__DIM_EQUAL);
}

static const tenonh_dim *below(rule_context *c, const tenonh_dim *x, const tenonh_dim *y) {
    if (x->high >= y->low && x->low < y->high) return NULL;
    return tenon__dim_number(&c->b->module->dims, x->high < y->low);
}

/* One element of an element-wise operator; NULL where it has no expression. */
static const tenonh_dim *map_one(rule_context *c, const tenonh_dim *x, const tenonh_dim *y, const tenonh_dim *z) {
    tenon__dims *d = &c->b->module->dims;
    switch (c->node->op) {
    case TENON_OP_ADD: return tenon__dim_add(d, x, y);
    case TENON_OP_SUB: return tenon__dim_sub(d, x, y);
    case TENON_OP_MUL: return tenon__dim_mul(d, x, y);
    case TENON_OP_MAX: return tenon__dim_max(d, x, y);
    case TENON_OP_MIN: return tenon__dim_min(d, x, y);
    case TENON_OP_NEG: return tenon__dim_sub(d, tenon__dim_number(d, 0), x);
    case TENON_OP_ABS: return not_negative(x) ? x : NULL;
    /* Truncation is rounding down where neither is negative. */
    case TENON_OP_DIV: return not_negative(x) && y->low > 0 ? tenon__dim_div(d, x, y) : NULL;
    case TENON_OP_REM: return not_negative(x) && y->low > 0 ? tenon__dim_combine(d, TENONH_DIM_MOD, x, y) : NULL;
    case TENON_OP_EQ: return truth(c, tenon__dim_compare(d, x, y));
    case TENON_OP_LT: return below(c, x, y);
    case TENON_OP_WHERE: return x->kind == TENON__DIM_NUMBER ? (x->number ? y : z) : NULL;
    default: return NULL;
    }
}

/* True when no value of the expression wraps in the dtype. */
static bool fits(tenon_dtype dtype, const tenonh_dim *dim) {
    if (tenon_dtype_class(dtype) == TENON_CLASS_BOOL) return dim->low >= 0 && dim->high <= 1;
    bool is_signed = tenon_dtype_class(dtype) == TENON_CLASS_SINT;
    uint32_t bits = tenon_dtype_bits(dtype) - is_signed;
    int64_t high = bits >= 63 ? INT64_MAX : (INT64_C(1) << bits) - 1;
    return dim->high <= high && dim->low >= (is_signed ? -high - 1 : 0);
}

static bool apply_map(rule_context *c) {
    uint32_t arity = c->node->operand_count;
    for (int64_t i = 0; i < c->count; i++) {
        const tenonh_dim *x = c->in[0][i], *y = arity > 1 ? c->in[1][i] : x, *z = arity > 2 ? c->in[2][i] : y;
        c->out[i] = map_one(c, x, y, z);
        if (!c->out[i] || !fits(c->node->results[0]->dtype, c->out[i])) return false;
    }
    return true;
}

static bool apply_cast(rule_context *c) {
    for (int64_t i = 0; i < c->count; i++) {
        c->out[i] = c->in[0][i];
        if (!fits(c->node->results[0]->dtype, c->out[i])) return false;
    }
    return true;
}

/* Nodes that only move elements are run on the elements' positions. */
static bool apply_move(rule_context *c, const tenonh_value *x) {
    tenon__tensor in[2] = {{.dtype = TENON_DTYPE_I64, .rank = x->rank}}, out = {0};
    int64_t positions[TENON__MAX_CONTENT], results[TENON__MAX_CONTENT];
    tenon__arena scratch = {0};
    for (uint32_t i = 0; i < c->node->attr_count; i++)
        for (uint32_t k = 0; k < c->node->attrs[i].count; k++)
            if (c->node->attrs[i].dims[k]->kind != TENON__DIM_NUMBER) return false;
    for (int64_t i = 0; i < TENON__MAX_CONTENT; i++) positions[i] = i;
    tenon_status status = tenon__value_numbers(x, in[0].dims);
    tenon__tensor_pack(&in[0]);
    in[0].data = positions;
    out.data = results;
    if (status == TENON_STATUS_OK && c->node->operand_count > 1)
        status = tenon__is_constant(c->node->operands[1])
                     ? tenon__constant_tensor(&scratch, c->node->operands[1], &in[1])
                     : TENON_STATUS_UNSUPPORTED;
    tenonh_node moved = *c->node;
    tenonh_value result = *c->node->results[0], *result_list = &result;
    result.dtype = TENON_DTYPE_I64;
    moved.results = &result_list;
    if (status == TENON_STATUS_OK) status = tenon__eval_node(&moved, in, &out);
    tenon__walk at = {0};
    for (int64_t i = 0; i < c->count && status == TENON_STATUS_OK; i++) {
        c->out[i] = c->in[0][tenon__get(&out, at.index).i];
        tenon__walk_next(&out, &at);
    }
    tenon__arena_free(&scratch);
    return status == TENON_STATUS_OK;
}

/* Sums and products over everything. */
static bool apply_reduce(rule_context *c) {
    if (c->count != 1 || (c->node->op != TENON_OP_SUM && c->node->op != TENON_OP_PROD)) return false;
    bool is_sum = c->node->op == TENON_OP_SUM;
    int64_t elements;
    if (tenon__value_elements(c->node->operands[0], &elements) != TENON_STATUS_OK) return false;
    c->out[0] = tenon__dim_number(&c->b->module->dims, !is_sum);
    for (int64_t i = 0; i < elements; i++)
        c->out[0] =
            tenon__dim_combine(&c->b->module->dims, is_sum ? TENONH_DIM_ADD : TENONH_DIM_MUL, c->out[0], c->in[0][i]);
    return c->out[0] != NULL;
}

static bool apply_op(rule_context *c) {
    const tenon_op_row *row = tenon_op_row_of(c->node->op);
    switch (row->family) {
    case TENON_FAMILY_VIEW:
    case TENON_FAMILY_COPY:
    case TENON_FAMILY_GATHER: return apply_move(c, c->node->operands[0]);
    case TENON_FAMILY_MAP: return apply_map(c);
    case TENON_FAMILY_CAST: return apply_cast(c);
    case TENON_FAMILY_REDUCE: return apply_reduce(c);
    default: return false;
    }
}

static bool apply_composite(rule_context *c) {
    const tenonh_node *node = c->node;
    uint32_t number = node->composite ? node->composite->number : TENON__COMPOSITE_NONE;
    if (number == TENON__COMPOSITE_SHAPE_OF) {
        for (int64_t i = 0; i < c->count; i++) c->out[i] = node->operands[0]->dims[i];
        return true;
    }
    if (number != TENON__COMPOSITE_CONCAT || node->results[0]->rank != 1) return false;
    for (uint32_t i = 0, at = 0; i < node->operand_count; i++)
        for (int64_t k = 0; k < node->operands[i]->dims[0]->number; k++) c->out[at++] = c->in[i][k];
    return true;
}

tenon_status tenon__propagate_content(tenonh_builder *b, const tenonh_node *node) {
    tenonh_value *result = node->result_count ? node->results[0] : NULL;
    rule_context c = {.b = b, .node = node};
    bool is_shape_of =
        node->kind == TENON__NODE_COMPOSITE && node->composite && node->composite->number == TENON__COMPOSITE_SHAPE_OF;
    if (!result || result->content || (node->kind != TENON__NODE_OP && node->kind != TENON__NODE_COMPOSITE) ||
        node->operand_count == 0 || !may_have_content(result, &c.count))
        return TENON_STATUS_OK;
    tenon__arena scratch = {0};
    const tenonh_dim *const **in = tenon__arena_array(&scratch, node->operand_count, sizeof *in);
    bool known = in != NULL;
    for (uint32_t i = 0; i < node->operand_count && known && !is_shape_of; i++) {
        uint32_t count;
        bool index = node->kind == TENON__NODE_OP && node->op == TENON_OP_GATHER && i == 1;
        in[i] = index ? NULL : tenon__content(b, node->operands[i], &count);
        known = index || in[i];
    }
    c.in = in;
    c.out = tenon__arena_array(&b->module->arena, (size_t)c.count, sizeof *c.out);
    known = known && c.out && (node->kind == TENON__NODE_OP ? apply_op(&c) : apply_composite(&c));
    if (known) result->content = c.out;
    tenon__arena_free(&scratch);
    return b->status;
}
