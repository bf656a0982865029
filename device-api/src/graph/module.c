#include <stdlib.h>
#include <string.h>

#include "graph/build.h"

tenon_status tenonh_module_create(tenonh_module **out_module) {
    if (!out_module) return tenon__fail(TENON_STATUS_INVALID, "tenonh_module_create: out_module is NULL");
    tenonh_module *module = calloc(1, sizeof *module);
    if (!module) return tenon__fail_memory();
    module->dims.arena = &module->arena;
    *out_module = module;
    return TENON_STATUS_OK;
}

void tenonh_module_destroy(tenonh_module *module) {
    if (!module) return;
    for (uint32_t i = 0; i < module->constant_count; i++) tenon__constant_release(module->constants[i]);
    free(module->constants);
    free(module->constant_index);
    tenon__dims_free(&module->dims);
    tenon__arena_free(&module->arena);
    free(module);
}

tenonh_function *tenon__module_find(const tenonh_module *module, const char *name) {
    tenonh_function *function = module->functions;
    while (function && strcmp(function->name, name) != 0) function = function->next;
    return function;
}

tenon__state *tenon__module_find_state(const tenonh_module *module, const char *name) {
    tenon__state *state = module->states;
    while (state && strcmp(state->name, name) != 0) state = state->next;
    return state;
}

const tenonh_function *tenonh_module_function(const tenonh_module *module, const char *name) {
    return module && name ? tenon__module_find(module, name) : NULL;
}

tenon_status tenonh_module_state(tenonh_module *module, const char *name, tenon_dtype dtype, uint32_t rank,
                                 const tenonh_dim *const *dims) {
    if (!name || !*name || tenon__module_find_state(module, name))
        return tenon__fail(TENON_STATUS_INVALID, "a state needs a name of its own, not '%s'", name ? name : "");
    if (!tenon_dtype_is_base(dtype) || rank > TENON_MAX_RANK)
        return tenon__fail(TENON_STATUS_INVALID, "state '%s' has dtype %u and rank %u: no such tensor", name, dtype,
                           rank);
    tenon__state *state = tenon__arena_allocate(&module->arena, sizeof *state);
    if (!state || !(state->name = tenon__arena_string(&module->arena, name))) return tenon__fail_memory();
    state->dtype = dtype;
    state->rank = rank;
    for (uint32_t i = 0; i < rank; i++) {
        if (!dims[i]) return tenon__fail(TENON_STATUS_INVALID, "dim %u of state '%s' is missing", i, name);
        state->dims[i] = dims[i];
    }
    tenon__state **end = &module->states;
    while (*end) end = &(*end)->next;
    *end = state;
    return TENON_STATUS_OK;
}

uint32_t tenonh_function_input_count(const tenonh_function *function) {
    return function->body->argument_count;
}

uint32_t tenonh_function_output_count(const tenonh_function *function) {
    return function->body->result_count;
}

const tenonh_value *tenonh_function_input(const tenonh_function *function, uint32_t index) {
    return index < function->body->argument_count ? function->body->arguments[index] : NULL;
}

const tenonh_value *tenonh_function_output(const tenonh_function *function, uint32_t index) {
    return index < function->body->result_count ? function->body->results[index] : NULL;
}

const char *tenonh_function_input_name(const tenonh_function *function, uint32_t index) {
    return index < function->body->argument_count ? function->input_names[index] : NULL;
}

const char *tenonh_function_output_name(const tenonh_function *function, uint32_t index) {
    return index < function->body->result_count ? function->output_names[index] : NULL;
}

tenon_dtype tenonh_value_dtype(const tenonh_value *value) {
    return value->dtype;
}

uint32_t tenonh_value_rank(const tenonh_value *value) {
    return value->rank;
}

const tenonh_dim *tenonh_value_dim(const tenonh_value *value, uint32_t axis) {
    return axis < value->rank ? value->dims[axis] : NULL;
}

tenonh_value *tenonh_value_result(tenonh_value *value, uint32_t index) {
    return value && value->node && index < value->node->result_count ? value->node->results[index] : NULL;
}

const tenonh_dim *tenonh_dim_number(tenonh_module *module, int64_t value) {
    return tenon__dim_number(&module->dims, value);
}

const tenonh_dim *tenonh_dim_symbol(tenonh_module *module, const char *name, int64_t min, int64_t max,
                                    int64_t divisor) {
    return tenon__dim_symbol(&module->dims, name, &(tenon_symbol){min, max, divisor});
}

const tenonh_dim *tenonh_dim_combine(tenonh_module *module, uint32_t op, const tenonh_dim *a, const tenonh_dim *b) {
    return tenon__dim_combine(&module->dims, op, a, b);
}

int tenonh_dim_is_number(const tenonh_dim *dim, int64_t *out_value) {
    bool is_number = dim && dim->kind == TENON__DIM_NUMBER;
    if (is_number) *out_value = dim->number;
    return is_number;
}

tenon_status tenonh_dim_equate(tenonh_module *module, const tenonh_dim *a, const tenonh_dim *b) {
    return tenon__dim_equate(&module->dims, a, b);
}

int64_t tenonh_float_bits(double number) {
    int64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}
