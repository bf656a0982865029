#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/rebuild.h"

/* Binding of symbols to what the inputs' dims say. */
typedef struct binding {
    tenon__rebuild *r;
    const tenonh_function *function;
    const tenon__input_dims *inputs;
    bool progress; /* a symbol was found in this round */
} binding;

static tenon_status misfit(const binding *b, uint32_t input, uint32_t axis, const char *why) {
    const tenonh_value *value = b->function->body->arguments[input];
    return tenon__fail(TENON_STATUS_INVALID, "input '%s' is %s; %lld does not fit its dim %u: %s",
                       b->function->input_names[input], tenon__type_text(value), (long long)b->inputs[input].dims[axis],
                       axis, why);
}

static tenon_status bind(binding *b, uint32_t input, uint32_t axis, const char *name, int64_t number) {
    const tenon__dims *dims = &b->r->source->dims;
    for (uint32_t i = 0; i < dims->symbol_count; i++) {
        const tenon__symbol *symbol = dims->symbols[i];
        if (strcmp(symbol->name, name) != 0) continue;
        char why[160];
        snprintf(why, sizeof why, "symbol '%.60s' ranges over %lld ... %lld in steps of %lld", symbol->name,
                 (long long)symbol->range.min, (long long)symbol->range.max, (long long)symbol->range.divisor);
        if (number < symbol->range.min || number > symbol->range.max || number % symbol->range.divisor != 0)
            return misfit(b, input, axis, why);
        b->r->symbols[i] = tenon__dim_number(&b->r->target->dims, number);
        b->progress = true;
        return b->r->symbols[i] ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
    }
    return TENON_STATUS_OK;
}

/* a * symbol + c: the symbol and the numbers; false for anything else. */
static bool is_linear(const tenonh_dim *dim, const char **out_name, int64_t *out_a, int64_t *out_c) {
    *out_a = 1;
    *out_c = 0;
    if (dim->kind == TENON__DIM_SUM && dim->count == 1) {
        *out_c = dim->number;
        dim = dim->operands[0];
    }
    if (dim->kind == TENON__DIM_PRODUCT && dim->count == 1) {
        *out_a = dim->number;
        dim = dim->operands[0];
    }
    if (dim->kind != TENON__DIM_SYMBOL || *out_a == 0) return false;
    *out_name = dim->symbol->name;
    return true;
}

static tenon_status match(binding *b, uint32_t input, uint32_t axis, bool last_round) {
    int64_t wanted = b->inputs[input].dims[axis], number, a, c, rest;
    const char *name;
    const tenonh_dim *dim =
        tenon__dim_substitute(&b->r->target->dims, b->function->body->arguments[input]->dims[axis], b->r->symbols);
    if (!dim) return misfit(b, input, axis, tenonh_error_message());
    if (tenonh_dim_is_number(dim, &number))
        return number == wanted ? TENON_STATUS_OK
                                : misfit(b, input, axis, "it must be the number, or what the other inputs make of it");
    if (is_linear(dim, &name, &a, &c)) {
        if (__builtin_sub_overflow(wanted, c, &rest) || rest % a != 0)
            return misfit(b, input, axis, "no value of its symbol gives it");
        return bind(b, input, axis, name, rest / a);
    }
    return last_round ? misfit(b, input, axis, "the inputs do not say what its symbols are") : TENON_STATUS_OK;
}

static tenon_status check_inputs(const binding *b, uint32_t count) {
    const tenonh_region *body = b->function->body;
    if (count != body->argument_count)
        return tenon__fail(TENON_STATUS_INVALID, "function '%s' has %u inputs and dims are given for %u",
                           b->function->name, body->argument_count, count);
    for (uint32_t i = 0; i < count; i++) {
        const tenonh_value *value = body->arguments[i];
        if (b->inputs[i].rank != value->rank)
            return tenon__fail(TENON_STATUS_INVALID, "input '%s' is %s and is given %u dims",
                               b->function->input_names[i], tenon__type_text(value), b->inputs[i].rank);
        for (uint32_t k = 0; k < value->rank; k++)
            if (b->inputs[i].dims[k] < 0) return misfit(b, i, k, "it is negative");
    }
    return TENON_STATUS_OK;
}

/* Rounds over all inputs' dims until nothing new is found; one more checks everything. */
static tenon_status bind_inputs(binding *b, uint32_t count) {
    TENON_TRY(check_inputs(b, count));
    bool last_round = false;
    for (;;) {
        b->progress = false;
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t k = 0; k < b->inputs[i].rank; k++) TENON_TRY(match(b, i, k, last_round));
        if (last_round) return TENON_STATUS_OK;
        last_round = !b->progress;
    }
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

tenon_status tenon__concretize(const tenonh_module *module, const char *name, const tenon__input_dims *inputs,
                               uint32_t input_count, const tenon__fold_budget *budget, tenonh_module **out_module) {
    tenon__rebuild r = {.source = module,
                        .flags = TENON__REBUILD_INLINE,
                        .build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD,
                        .budget = budget,
                        .inputs = inputs};
    const tenonh_function *function = tenon__module_find(module, name);
    if (!function) return tenon__fail(TENON_STATUS_NOT_FOUND, "the module has no function '%s'", name);
    TENON_TRY(tenonh_module_create(&r.target));
    r.symbols = calloc((size_t)module->dims.symbol_count + 1, sizeof(void *));
    binding b = {.r = &r, .function = function, .inputs = inputs};
    tenon_status status = r.symbols ? bind_inputs(&b, input_count) : tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = tenon__rebuild_function(&r, function, "main");
    if (status == TENON_STATUS_OK) status = tenon__sweep(r.target);
    if (status == TENON_STATUS_OK) status = check_region(tenon__module_find(r.target, "main")->body);
    free((void *)r.symbols);
    if (status == TENON_STATUS_OK)
        *out_module = r.target;
    else
        tenonh_module_destroy(r.target);
    return status;
}

/* Composites that are left without a claim have no decomposition, or wait for dims that nothing decides. */
static tenon_status check_expanded(const tenonh_region *region, tenon__claim claim, void *context) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        bool composite = node->kind == TENON__NODE_COMPOSITE, known = composite && node->composite;
        bool kept = known && node->composite->number == TENON__COMPOSITE_CONCAT;
        if (composite && !kept && !(claim && claim(context, node)))
            return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s %s", tenon__node_text(node),
                               known ? "takes its dims from data that is not constant"
                                     : "has no decomposition, and the device does not take it");
        for (uint32_t k = 0; k < node->region_count; k++) TENON_TRY(check_expanded(node->regions[k], claim, context));
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__decompose(const tenonh_module *module, tenon__claim claim, void *context,
                              tenonh_module **out_module) {
    tenon__rebuild r = {.source = module,
                        .build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD,
                        .decompose = true,
                        .claim = claim,
                        .claim_context = context};
    TENON_TRY(tenonh_module_create(&r.target));
    r.symbols = calloc((size_t)module->dims.symbol_count + 1, sizeof(void *));
    tenon_status status = r.symbols ? TENON_STATUS_OK : tenon__fail_memory();
    for (const tenonh_function *f = module->functions; f && status == TENON_STATUS_OK; f = f->next) {
        memset((void *)r.symbols, 0, module->dims.symbol_count * sizeof(void *));
        status = tenon__rebuild_function(&r, f, f->name);
    }
    if (status == TENON_STATUS_OK) status = tenon__sweep(r.target);
    for (const tenonh_function *f = r.target->functions; f && status == TENON_STATUS_OK; f = f->next)
        status = check_expanded(f->body, claim, context);
    free((void *)r.symbols);
    if (status == TENON_STATUS_OK)
        *out_module = r.target;
    else
        tenonh_module_destroy(r.target);
    return status;
}
