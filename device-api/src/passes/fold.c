/* Constant folding inside the builder: a node over constants, or over views of constants, becomes a constant. */
#include <stdlib.h>
#include <string.h>

#include "graph/build_internal.h"
#include "passes/eval.h"
#include "passes/fold.h"

enum { DEFAULT_RESULT_BYTES = 1 << 20, DEFAULT_WORK = 1 << 24, VIEW_DEPTH = 16 };

static bool has_numbers(const tenonh_value *value) {
    for (uint32_t i = 0; i < value->rank; i++)
        if (value->dims[i]->kind != TENON__DIM_NUMBER) return false;
    return true;
}

static bool is_constant(const tenonh_value *value, int depth) {
    if (value->kind == TENON__VALUE_CONSTANT) return true;
    if (!has_numbers(value)) return false; /* a constant repeated as often as a symbol says */
    return depth < VIEW_DEPTH && value->kind == TENON__VALUE_RESULT && tenon__node_is_view(value->node) &&
           is_constant(value->node->operands[0], depth + 1);
}

bool tenon__is_constant(const tenonh_value *value) {
    return is_constant(value, 0);
}

static tenon_status read_constant(const tenonh_value *value, tenon__tensor *out_tensor) {
    *out_tensor = (tenon__tensor){.dtype = value->dtype, .rank = value->rank};
    TENON_TRY(tenon__value_numbers(value, out_tensor->dims));
    tenon__tensor_pack(out_tensor);
    memcpy(&out_tensor->data, &value->constant->data, sizeof out_tensor->data); /* only read through it */
    return TENON_STATUS_OK;
}

tenon_status tenon__constant_tensor(tenon__arena *scratch, const tenonh_value *value, tenon__tensor *out_tensor) {
    if (value->kind == TENON__VALUE_CONSTANT) return read_constant(value, out_tensor);
    tenon__tensor of;
    TENON_TRY(tenon__constant_tensor(scratch, value->node->operands[0], &of));
    uint64_t size = 0;
    if (value->node->op == TENON_OP_RESHAPE) TENON_TRY(tenon__value_bytes(value, &size)); /* may have to be copied */
    *out_tensor = (tenon__tensor){.data = tenon__arena_allocate(scratch, size)};
    return out_tensor->data ? tenon__eval_node(value->node, &of, out_tensor) : tenon__fail_memory();
}

/* Scalar operations that evaluating takes, roughly: results times what each of them runs over. */
static uint64_t work_of(const tenonh_node *node, int64_t results) {
    const tenon_op_row *row = tenon_op_row_of(node->op);
    uint64_t each = 1, inputs = 0;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        int64_t count;
        if (tenon__value_elements(node->operands[i], &count) == TENON_STATUS_OK) inputs += (uint64_t)count;
    }
    if (node->kind == TENON__NODE_OP && row->family == TENON_FAMILY_CONTRACT) {
        const tenonh_value *a = node->operands[0];
        each = (uint64_t)a->dims[a->rank - 1]->number;
    }
    uint64_t work;
    if (__builtin_mul_overflow((uint64_t)results, each, &work) || __builtin_add_overflow(work, inputs, &work))
        return UINT64_MAX;
    return work;
}

/* Views of constants stay views where they cost nothing and their result would be larger; small integers always fold,
 * because dims are computed from them. */
static bool worth_it(const tenonh_builder *b, const tenonh_node *node) {
    const tenonh_value *result = node->results[0];
    uint64_t bytes, limit = b->budget.result_bytes ? b->budget.result_bytes : DEFAULT_RESULT_BYTES;
    int64_t count;
    if (tenon__value_elements(result, &count) || tenon__value_bytes(result, &bytes)) return false;
    bool integers = tenon_dtype_class(result->dtype) != TENON_CLASS_FLOAT;
    if (tenon__node_is_view(node) && !(integers && count <= TENON__MAX_CONTENT)) return false;
    if (integers && count <= TENON__MAX_CONTENT) limit = bytes;
    return bytes <= limit && work_of(node, count) <= (b->budget.work ? b->budget.work : DEFAULT_WORK);
}

static bool foldable(const tenonh_node *node) {
    bool concat =
        node->kind == TENON__NODE_COMPOSITE && node->composite && node->composite->number == TENON__COMPOSITE_CONCAT;
    if ((node->kind != TENON__NODE_OP && !concat) || node->result_count != 1) return false;
    for (uint32_t i = 0; i < node->result_count; i++)
        if (!has_numbers(node->results[i])) return false;
    for (uint32_t i = 0; i < node->attr_count; i++)
        for (uint32_t k = 0; k < node->attrs[i].count; k++)
            if (node->attrs[i].dims[k]->kind != TENON__DIM_NUMBER) return false;
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (!tenon__is_constant(node->operands[i])) return false;
    /* Values that come from no bytes stay what they are: a fill is a scalar expanded, see simplify. */
    return node->operand_count > 0 || node->op == TENON_OP_IOTA;
}

static tenonh_value *constant_of(tenonh_builder *b, const tenonh_node *node, const tenon__tensor *tensor) {
    tenonh_value *result = node->results[0];
    uint64_t size;
    tenon__tensor packed = *tensor;
    tenon__tensor_pack(&packed);
    if (tenon__value_bytes(result, &size)) return NULL;
    packed.data = malloc(size ? size : 1);
    if (!packed.data) return tenon__build_failed(b, tenon__fail_memory(), node);
    tenon__tensor_copy(tensor, &packed);
    tenon__constant *constant = tenon__module_constant(b->module, &(tenonh_bytes){.data = packed.data, .size = size});
    free(packed.data);
    if (!constant) return tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, node);
    return tenon__build_shared(b, constant, NULL, result->dtype, result->rank, result->dims);
}

/* The same bytes with other dims: free at any size. */
static tenonh_value *fold_reshape(tenonh_builder *b, const tenonh_node *node) {
    if (node->op != TENON_OP_RESHAPE || node->operands[0]->kind != TENON__VALUE_CONSTANT) return NULL;
    const tenonh_value *x = node->operands[0], *y = node->results[0];
    return tenon__build_shared(b, x->constant, NULL, y->dtype, y->rank, y->dims);
}

static tenonh_value *fold_content(tenonh_builder *b, const tenonh_node *node) {
    const tenonh_value *y = node->results[0];
    int64_t count;
    if (!y->content || node->result_count != 1 || tenon__value_elements(y, &count)) return NULL;
    for (int64_t i = 0; i < count; i++)
        if (y->content[i]->kind != TENON__DIM_NUMBER) return NULL;
    size_t size = tenon_dtype_bits(y->dtype) / 8;
    char bytes[TENON__MAX_CONTENT * 8];
    for (int64_t i = 0; i < count; i++)
        tenon__number_store(y->dtype, bytes + (size_t)i * size, (tenon__number){.i = y->content[i]->number});
    tenon__constant *constant =
        tenon__module_constant(b->module, &(tenonh_bytes){.data = bytes, .size = size * (size_t)count});
    if (!constant) return tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, node);
    return tenon__build_shared(b, constant, NULL, y->dtype, y->rank, y->dims);
}

tenonh_value *tenon__fold(tenonh_builder *b, tenonh_node *node) {
    tenonh_value *folded = fold_content(b, node);
    if (folded || b->status != TENON_STATUS_OK || !foldable(node)) return folded;
    folded = fold_reshape(b, node);
    if (folded || b->status != TENON_STATUS_OK || !worth_it(b, node)) return folded;
    tenon__arena scratch = {0};
    tenon__tensor *in = tenon__arena_array(&scratch, node->operand_count, sizeof *in), out = {0};
    uint64_t size = 0;
    tenon_status status = in ? tenon__value_bytes(node->results[0], &size) : tenon__fail_memory();
    for (uint32_t i = 0; i < node->operand_count && status == TENON_STATUS_OK; i++)
        status = tenon__constant_tensor(&scratch, node->operands[i], &in[i]);
    if (status == TENON_STATUS_OK && !(out.data = tenon__arena_allocate(&scratch, size))) status = tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = tenon__eval_node(node, in, &out);
    if (status == TENON_STATUS_OK)
        folded = constant_of(b, node, &out);
    else if (status != TENON_STATUS_OUT_OF_RANGE) /* an index that is out of range is for the run to find */
        tenon__build_failed(b, status, node);
    tenon__arena_free(&scratch);
    return folded;
}
