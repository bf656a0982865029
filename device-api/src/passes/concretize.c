#include <stdlib.h>
#include <string.h>

#include "passes/rebuild.h"

static tenon_status check_ranks(const tenonh_function *function, const tenon__input_dims *inputs, uint32_t count) {
    const tenonh_region *body = function->body;
    if (count != body->argument_count)
        return tenon__fail(TENON_STATUS_INVALID, "function '%s' has %u inputs and dims are given for %u",
                           function->name, body->argument_count, count);
    for (uint32_t i = 0; i < count; i++)
        if (inputs[i].rank != body->arguments[i]->rank)
            return tenon__fail(TENON_STATUS_INVALID, "input '%s' is %s and is given %u dims", function->input_names[i],
                               tenon__type_text(body->arguments[i]), inputs[i].rank);
    return TENON_STATUS_OK;
}

/* Numbers for the symbols that the inputs' dims decide. */
static tenon_status bind_inputs(tenon__rebuild *r, const tenonh_function *function, const tenon__input_dims *inputs,
                                uint32_t count) {
    TENON_TRY(check_ranks(function, inputs, count));
    uint32_t symbol_count = r->source->dims.symbol_count;
    tenon__arena scratch = {0};
    const int64_t **dims = tenon__arena_array(&scratch, count, sizeof *dims);
    int64_t *symbols = tenon__arena_array(&scratch, symbol_count, sizeof *symbols);
    tenon_status status = dims && symbols ? TENON_STATUS_OK : tenon__fail_memory();
    for (uint32_t i = 0; dims && i < count; i++) dims[i] = inputs[i].dims;
    for (uint32_t i = 0; symbols && i < symbol_count; i++) symbols[i] = TENON__UNBOUND;
    if (status == TENON_STATUS_OK) status = tenon__bind_symbols(function, dims, symbols);
    for (uint32_t i = 0; i < symbol_count && status == TENON_STATUS_OK; i++) {
        if (symbols[i] == TENON__UNBOUND) continue;
        r->symbols[i] = tenon__dim_number(&r->target->dims, symbols[i]);
        if (!r->symbols[i]) status = TENON_STATUS_OUT_OF_MEMORY;
    }
    tenon__arena_free(&scratch);
    return status;
}

static tenon_status check_region(const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        for (uint32_t k = 0; k < node->result_count; k++)
            for (uint32_t d = 0; d < node->results[k]->rank; d++)
                if (node->results[k]->dims[d]->kind != TENON__DIM_NUMBER)
                    return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s: dim %u of its result %s depends on data",
                                       tenon__node_text(node), d, tenon__type_text(node->results[k]));
        for (uint32_t k = 0; k < node->region_count; k++) TENON_TRY(check_region(node->regions[k]));
    }
    return TENON_STATUS_OK;
}

/* Rebuilds `function` as the "main" of a module of its own; no inputs: its symbols stay symbols. */
static tenon_status resolve(const tenonh_function *function, const tenon__input_dims *inputs, uint32_t input_count,
                            const tenon__fold_budget *budget, tenonh_module **out_module) {
    const tenonh_module *module = function->module;
    tenon__rebuild r = {.source = module,
                        .flags = TENON__REBUILD_INLINE,
                        .build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD,
                        .budget = budget,
                        .inputs = inputs};
    TENON_TRY(tenonh_module_create(&r.target));
    r.symbols = calloc((size_t)module->dims.symbol_count + 1, sizeof(void *));
    tenon_status status = r.symbols ? TENON_STATUS_OK : tenon__fail_memory();
    if (status == TENON_STATUS_OK && inputs) status = bind_inputs(&r, function, inputs, input_count);
    if (status == TENON_STATUS_OK) status = tenon__rebuild_function(&r, function, "main");
    if (status == TENON_STATUS_OK) status = tenon__sweep(r.target);
    free((void *)r.symbols);
    if (status == TENON_STATUS_OK)
        *out_module = r.target;
    else
        tenonh_module_destroy(r.target);
    return status;
}

static tenon_status find_function(const tenonh_module *module, const char *name, const tenonh_function **out_function) {
    *out_function = tenon__module_find(module, name);
    if (*out_function) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_NOT_FOUND, "the module has no function '%s'", name);
}

tenon_status tenon__concretize(const tenonh_module *module, const char *name, const tenon__input_dims *inputs,
                               uint32_t input_count, const tenon__fold_budget *budget, tenonh_module **out_module) {
    static const tenon__input_dims none[1];
    const tenonh_function *function;
    tenonh_module *concrete;
    TENON_TRY(find_function(module, name, &function));
    TENON_TRY(resolve(function, inputs ? inputs : none, input_count, budget, &concrete));
    tenon_status status = check_region(tenon__module_find(concrete, "main")->body);
    if (status != TENON_STATUS_OK) return tenonh_module_destroy(concrete), status;
    *out_module = concrete;
    return TENON_STATUS_OK;
}

tenon_status tenon__simplify_symbolic(const tenonh_module *module, const char *name, const tenon__fold_budget *budget,
                                      tenonh_module **out_module) {
    const tenonh_function *function;
    TENON_TRY(find_function(module, name, &function));
    return resolve(function, NULL, 0, budget, out_module);
}
