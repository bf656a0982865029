#include <stdlib.h>
#include <string.h>

#include "passes/eval.h"

/* Values of a function while it is evaluated. */
typedef struct evaluator {
    tenon__tensor *tensors; /* by id */
    tenon__arena arena;
} evaluator;

static tenon_status allocate(evaluator *e, const tenonh_value *value, tenon__tensor *out_tensor) {
    uint64_t size;
    TENON_TRY(tenon__value_bytes(value, &size));
    *out_tensor = (tenon__tensor){.data = tenon__arena_allocate(&e->arena, size)};
    return out_tensor->data ? TENON_STATUS_OK : tenon__fail_memory();
}

static tenon_status run_node(evaluator *e, const tenonh_node *node) {
    tenon__tensor *operands = tenon__arena_array(&e->arena, node->operand_count, sizeof *operands);
    tenon__tensor *results = tenon__arena_array(&e->arena, node->result_count, sizeof *results);
    if (!operands || !results) return tenon__fail_memory();
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (node->operands[i]) operands[i] = e->tensors[node->operands[i]->id];
    for (uint32_t i = 0; i < node->result_count; i++) TENON_TRY(allocate(e, node->results[i], &results[i]));
    TENON_TRY(tenon__eval_node(node, operands, results));
    for (uint32_t i = 0; i < node->result_count; i++) e->tensors[node->results[i]->id] = results[i];
    return TENON_STATUS_OK;
}

static tenon_status run_body(evaluator *e, const tenonh_function *f, const tenon__tensor *inputs) {
    for (uint32_t i = 0; i < f->body->argument_count; i++) e->tensors[f->body->arguments[i]->id] = inputs[i];
    for (uint32_t i = 0; i < f->constant_count; i++) {
        tenon__tensor *tensor = &e->tensors[f->constants[i]->id];
        *tensor = (tenon__tensor){.dtype = f->constants[i]->dtype, .rank = f->constants[i]->rank};
        TENON_TRY(tenon__value_numbers(f->constants[i], tensor->dims));
        tenon__tensor_pack(tensor);
        memcpy(&tensor->data, &f->constants[i]->constant->data, sizeof tensor->data); /* only read through it */
    }
    for (uint32_t i = 0; i < f->body->node_count; i++) TENON_TRY(run_node(e, f->body->nodes[i]));
    return TENON_STATUS_OK;
}

static tenon_status copy_outputs(const evaluator *e, const tenonh_function *f, tenon__tensor *outputs) {
    for (uint32_t i = 0; i < f->body->result_count; i++) {
        const tenonh_value *value = f->body->results[i];
        uint64_t size;
        TENON_TRY(tenon__value_bytes(value, &size));
        outputs[i] = e->tensors[value->id];
        tenon__tensor_pack(&outputs[i]);
        outputs[i].data = malloc(size ? size : 1);
        if (!outputs[i].data) return tenon__fail_memory();
        tenon__tensor_copy(&e->tensors[value->id], &outputs[i]);
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_function(const tenonh_module *module, const tenon__tensor *inputs, tenon__tensor *outputs) {
    const tenonh_function *f = tenon__module_find(module, "main");
    if (!f) return tenon__fail(TENON_STATUS_NOT_FOUND, "the module has no function 'main'");
    evaluator e = {.tensors = calloc((size_t)f->value_count + 1, sizeof *e.tensors)};
    memset(outputs, 0, f->body->result_count * sizeof *outputs);
    tenon_status status = e.tensors ? run_body(&e, f, inputs) : tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = copy_outputs(&e, f, outputs);
    for (uint32_t i = 0; i < f->body->result_count && status != TENON_STATUS_OK; i++) {
        free(outputs[i].data);
        outputs[i].data = NULL;
    }
    free(e.tensors);
    tenon__arena_free(&e.arena);
    return status;
}
