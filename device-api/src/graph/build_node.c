/* Constants, base operators and composites: the calls that everything else is made of. */
#include <stdlib.h>
#include <string.h>

#include "graph/build_internal.h"
#include "passes/fold.h"
#include "passes/number.h"

/* -- Constants --------------------------------------------------------------------------------------------------- */

static tenonh_value *place_constant(tenonh_builder *b, tenonh_value *value, const char *name) {
    tenonh_function *f = b->function;
    if (tenon__grow(&b->module->arena, &f->constants, f->constant_count, &f->constant_capacity, sizeof(void *)) ||
        tenon__constants_add(b, value))
        return tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, NULL);
    value->region = f->body;
    value->id = f->value_count++;
    f->constants[f->constant_count++] = value;
    tenon__value_name(b, value, name);
    return value;
}

tenonh_value *tenon__build_shared(tenonh_builder *b, tenon__constant *constant, const char *name, tenon_dtype dtype,
                                  uint32_t rank, const tenonh_dim *const *dims) {
    if (b->status != TENON_STATUS_OK) return NULL;
    tenonh_value *value = tenon__new_value(b, TENON__VALUE_CONSTANT, dtype, rank, dims);
    if (!value) return NULL;
    value->constant = tenon__module_share(b->module, constant);
    if (!value->constant) return tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, NULL);
    tenonh_value *known = tenon__constants_find(b, value);
    if (!known) return place_constant(b, value, name);
    tenon__value_name(b, known, name);
    return known;
}

tenonh_value *tenon__build_constant_apart(tenonh_builder *b, tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                                          const tenonh_bytes *bytes) {
    const tenonh_dim *exprs[TENON_MAX_RANK];
    for (uint32_t i = 0; i < rank; i++) exprs[i] = tenon__num(b, dims[i]);
    if (b->status != TENON_STATUS_OK) return NULL;
    tenonh_value *value = tenon__new_value(b, TENON__VALUE_CONSTANT, dtype, rank, exprs);
    if (!value) return NULL;
    value->constant = tenon__module_constant(b->module, bytes);
    if (!value->constant) return tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, NULL);
    return place_constant(b, value, NULL);
}

static tenonh_value *add_constant(tenonh_builder *b, const char *name, tenon_dtype dtype, uint32_t rank,
                                  const int64_t *dims, const tenonh_bytes *bytes, bool *out_taken) {
    const tenonh_dim *exprs[TENON_MAX_RANK];
    struct tenonh_value type = {.dtype = dtype, .rank = rank};
    uint64_t size;
    if (rank > TENON_MAX_RANK || !tenon_dtype_is_base(dtype))
        return tenon__build_fail(b, TENON_STATUS_UNSUPPORTED,
                                 "constant '%s' has dtype %u and rank %u; ranks go up to %d", name ? name : "", dtype,
                                 rank, TENON_MAX_RANK);
    for (uint32_t i = 0; i < rank; i++) exprs[i] = type.dims[i] = tenon__num(b, dims[i]);
    if (b->status != TENON_STATUS_OK) return NULL;
    tenon_status status = tenon__value_bytes(&type, &size);
    if (status != TENON_STATUS_OK) return tenon__build_failed(b, status, NULL);
    if (size != bytes->size)
        return tenon__build_fail(b, TENON_STATUS_INVALID, "constant '%s' is %s, %llu bytes, and is given %llu",
                                 name ? name : "", tenon__type_text(&type), (unsigned long long)size,
                                 (unsigned long long)bytes->size);
    *out_taken = true;
    tenon__constant *constant = tenon__module_constant(b->module, bytes);
    if (!constant) return tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, NULL);
    return tenon__build_shared(b, constant, name, dtype, rank, exprs);
}

tenonh_value *tenonh_build_constant(tenonh_builder *b, const char *name, tenon_dtype dtype, uint32_t rank,
                                    const int64_t *dims, const tenonh_bytes *bytes) {
    bool taken = false;
    tenonh_value *value = b->status == TENON_STATUS_OK ? add_constant(b, name, dtype, rank, dims, bytes, &taken) : NULL;
    if (!taken && bytes->release) bytes->release(bytes->context);
    return value;
}

tenonh_value *tenon__build_bits(tenonh_builder *b, tenon_dtype dtype, uint64_t bits) {
    tenonh_bytes bytes = {.data = &bits, .size = tenon_dtype_bits(dtype) / 8};
    return tenonh_build_constant(b, NULL, dtype, 0, NULL, &bytes);
}

tenonh_value *tenonh_build_scalar(tenonh_builder *b, tenon_dtype dtype, double number) {
    tenon__number cast = tenon__number_cast(TENON_DTYPE_F64, dtype, (tenon__number){.f = number}, false);
    return tenon__build_bits(b, dtype, tenon__number_bits(dtype, cast));
}

tenonh_value *tenon__build_ints(tenonh_builder *b, const int64_t *values, uint32_t count) {
    tenonh_bytes bytes = {.data = values, .size = count * sizeof *values};
    return tenonh_build_constant(b, NULL, TENON_DTYPE_I64, 1, (int64_t[]){count}, &bytes);
}

/* -- Base operators ---------------------------------------------------------------------------------------------- */

bool tenon__op_brings_dims(const tenon_op_row *row) {
    return row->family == TENON_FAMILY_FILL || row->family == TENON_FAMILY_IOTA || row->family == TENON_FAMILY_PAD ||
           row->family == TENON_FAMILY_RANDOM;
}

/* Takes `scalars`, and `dims` of operators whose row has none, out of the attributes: they are no attributes of the row. */
static tenon_status take_given(tenonh_builder *b, tenonh_node *node, const tenon_op_row *row, const tenonh_attr *attrs,
                               uint32_t count, tenonh_attr *out_rest, uint32_t *out_count) {
    for (uint32_t i = 0; i < count; i++) {
        const tenonh_attr *attr = &attrs[i];
        if (attr->id == TENON_ATTR_SCALARS) {
            if (attr->count > row->scalar_count || attr->dims || (attr->count && !attr->values))
                return tenon__fail(TENON_STATUS_INVALID, "it takes %u scalars as integers", row->scalar_count);
            for (uint32_t k = 0; k < attr->count; k++) node->scalars[k] = (uint64_t)attr->values[k];
        } else if (attr->id == TENON_ATTR_DIMS && tenon__op_brings_dims(row)) {
            tenonh_value *result = node->results[0];
            if (attr->count > TENON_MAX_RANK)
                return tenon__fail(TENON_STATUS_UNSUPPORTED, "its result has rank %u; ranks go up to %d", attr->count,
                                   TENON_MAX_RANK);
            result->rank = attr->count;
            for (uint32_t k = 0; k < attr->count; k++)
                result->dims[k] = attr->dims ? attr->dims[k] : tenon__dim_number(&b->module->dims, attr->values[k]);
        } else if (*out_count < TENON_ATTR_LIMIT) {
            out_rest[(*out_count)++] = *attr;
        }
    }
    return TENON_STATUS_OK;
}

tenonh_value *tenonh_build_op(tenonh_builder *b, tenon_op op, tenonh_value *const *inputs, uint32_t input_count,
                              const tenonh_attr *attrs, uint32_t attr_count) {
    const tenon_op_row *row = tenon_op_row_of(op);
    if (b->status != TENON_STATUS_OK) return NULL;
    if (!row) return tenon__build_fail(b, TENON_STATUS_INVALID, "there is no operator %u", op);
    tenonh_node *node = tenon__draft(b, TENON__NODE_OP, inputs, input_count, row->output_count);
    if (!node) return NULL;
    node->op = op;
    tenonh_attr rest[TENON_ATTR_LIMIT];
    uint32_t count = 0;
    tenon_status status = take_given(b, node, row, attrs, attr_count, rest, &count);
    if (status == TENON_STATUS_OK) status = tenon__draft_attrs(b, node, rest, count);
    if (status == TENON_STATUS_OK) status = tenon__infer_op(b, node);
    return status == TENON_STATUS_OK ? tenon__settle(b, node) : tenon__build_failed(b, status, node);
}

/* -- Composites -------------------------------------------------------------------------------------------------- */

static tenon_status check_operands(const tenonh_node *node, const tenon__composite *row) {
    uint64_t most = (uint64_t)row->input_count + row->optional_count;
    if (node->operand_count < row->input_count || node->operand_count > most)
        return tenon__fail(TENON_STATUS_INVALID, "it has %u operands and takes %u and up to %u more",
                           node->operand_count, row->input_count, row->optional_count);
    bool any = row->optional_count == UINT32_MAX;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        if (!node->operands[i] && (any || i < row->input_count))
            return tenon__fail(TENON_STATUS_INVALID, "operand %u is missing", i);
        if (node->operands[i] && !tenon_dtype_is_base(node->operands[i]->dtype))
            return tenon__fail(TENON_STATUS_INVALID, "operand %u is %s", i, tenon__type_text(node->operands[i]));
    }
    return TENON_STATUS_OK;
}

enum { MAX_NESTING = 16 };

/* True when every operand's elements are known and the results are small: a step of shape arithmetic, to be folded. */
static bool is_arithmetic(tenonh_builder *b, const tenonh_node *node) {
    int64_t elements;
    uint32_t count;
    for (uint32_t i = 0; i < node->result_count; i++) {
        for (uint32_t k = 0; k < node->results[i]->rank; k++)
            if (node->results[i]->dims[k]->kind != TENON__DIM_NUMBER) return false;
        if (tenon__value_elements(node->results[i], &elements) || elements > TENON__MAX_CONTENT) return false;
    }
    for (uint32_t i = 0; i < node->operand_count; i++) {
        tenonh_value *operand = node->operands[i];
        if (operand && !tenon__is_constant(operand) && !tenon__content(b, operand, &count)) return false;
    }
    return node->operand_count > 0;
}

static bool expands(tenonh_builder *b, const tenonh_node *node, bool ready) {
    const tenon__composite *row = node->composite;
    if (!row->decompose || !ready) return false;
    if ((b->flags & TENON__BUILD_FOLD) && is_arithmetic(b, node)) return true;
    if (row->number == TENON__COMPOSITE_SHAPE_OF) return b->decompose; /* until then its content stands for it */
    /* Composites that only say a shape are base operators as soon as the shape is known. */
    if (row->is_shape) return b->flags & TENON__BUILD_SIMPLIFY || b->decompose;
    return b->decompose && !(b->claim && b->claim(b->claim_context, node));
}

/* Results of a decomposition must have the types that the shape rule gave. */
static void check_expansion(tenonh_builder *b, const tenonh_node *node, tenonh_value *const *results) {
    for (uint32_t i = 0; i < node->result_count && b->status == TENON_STATUS_OK; i++) {
        const tenonh_value *said = node->results[i], *is = results[i];
        bool same = is && said->dtype == is->dtype && said->rank == is->rank;
        for (uint32_t k = 0; k < said->rank && same; k++)
            same = tenon__dim_compare(&b->module->dims, said->dims[k], is->dims[k]) != TENON__DIM_DIFFERENT;
        if (!same)
            tenon__build_fail(b, TENON_STATUS_INTERNAL, "%s: its decomposition gives %s as result %u instead of %s",
                              tenon__node_text(node), is ? tenon__type_text(is) : "nothing", i, tenon__type_text(said));
    }
}

static void expand_composite(tenonh_builder *b, const tenonh_node *node, tenonh_value **out_results) {
    if (b->nesting == MAX_NESTING) {
        tenon__build_fail(b, TENON_STATUS_INTERNAL, "%s: decompositions nest without end", tenon__node_text(node));
        return;
    }
    b->nesting++;
    node->composite->decompose(b, node, out_results);
    b->nesting--;
    if (b->status == TENON_STATUS_OK)
        check_expansion(b, node, out_results);
    else if (b->nesting == 0)
        tenon__build_context(b, node);
}

void tenon__compose_row(tenonh_builder *b, const tenon__composite *row, tenonh_value *const *inputs,
                        uint32_t input_count, const tenonh_attr *attrs, uint32_t attr_count,
                        tenonh_value **out_results) {
    if (b->status != TENON_STATUS_OK) return;
    while (input_count > row->input_count && !inputs[input_count - 1]) input_count--;
    tenonh_node *node = tenon__draft(b, TENON__NODE_COMPOSITE, inputs, input_count, row->result_count);
    if (!node) return;
    node->composite = row;
    node->name = row->name;
    node->version = row->version;
    tenon_status status = check_operands(node, row);
    if (status == TENON_STATUS_OK) status = tenon__draft_attrs(b, node, attrs, attr_count);
    if (status == TENON_STATUS_OK) status = row->shape(b, node);
    bool ready = status != TENON_STATUS_NOT_READY; /* content is missing: its dims are symbols until it is there */
    if (status != TENON_STATUS_OK && ready) {
        tenon__build_failed(b, status, node);
    } else if (expands(b, node, ready)) {
        expand_composite(b, node, out_results);
    } else {
        tenonh_value *first = tenon__settle(b, node);
        for (uint32_t i = 0; i < row->result_count; i++)
            out_results[i] = i == 0 ? first : tenonh_value_result(first, i);
    }
}

tenonh_value *tenon__compose(tenonh_builder *b, uint32_t composite, tenonh_value *const *inputs, uint32_t input_count,
                             const tenonh_attr *attrs, uint32_t attr_count) {
    tenonh_value *results[TENON__COMPOSITE_MAX_OUTPUTS] = {NULL};
    tenon__compose_row(b, tenon__composite_row(composite), inputs, input_count, attrs, attr_count, results);
    return b->status == TENON_STATUS_OK ? results[0] : NULL;
}

tenonh_value *tenonh_build_composite(tenonh_builder *b, const char *name, uint32_t version, tenonh_value *const *inputs,
                                     uint32_t input_count, const tenonh_attr *attrs, uint32_t attr_count) {
    const tenon__composite *row = name ? tenon__composite_find(name, version) : NULL;
    if (b->status != TENON_STATUS_OK) return NULL;
    if (!row)
        return tenon__build_fail(b, TENON_STATUS_NOT_FOUND, "there is no composite '%s' version %u", name ? name : "",
                                 version);
    return tenon__compose(b, row->number, inputs, input_count, attrs, attr_count);
}
