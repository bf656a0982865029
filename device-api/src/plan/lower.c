#include "plan/lower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/shape.h"

/* -- Numbering dims -- */

/* Gives a dim and those that it is made of their slots. */
static void number_dim(tenon__lowered *l, const tenonh_dim *dim) {
    if (!dim || dim->kind == TENON__DIM_NUMBER || dim->slot) return;
    if (dim->kind == TENON__DIM_SYMBOL) number_dim(l, dim->symbol->equal);
    for (uint32_t i = 0; i < dim->count; i++) number_dim(l, dim->operands[i]);
    ((struct tenonh_dim *)dim)->slot = l->dim_count; /* the module is this lowering's own */
    l->dims[l->dim_count++] = dim;
}

static void number_values(tenon__lowered *l, tenonh_value *const *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < values[i]->rank; k++) number_dim(l, values[i]->dims[k]);
}

static void number_region(tenon__lowered *l, const tenonh_region *region) {
    number_values(l, region->arguments, region->argument_count);
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        number_values(l, node->results, node->result_count);
        for (uint32_t a = 0; a < node->attr_count; a++)
            for (uint32_t k = 0; k < node->attrs[a].count; k++) number_dim(l, node->attrs[a].dims[k]);
        for (uint32_t r = 0; r < node->region_count; r++) number_region(l, node->regions[r]);
    }
}

static tenon_status number_dims(tenon__lowered *l) {
    const tenon__dims *dims = &l->module->dims;
    l->dims = calloc((size_t)dims->count + 1, sizeof *l->dims);
    if (!l->dims) return tenon__fail_memory();
    l->dim_count = 1;
    for (const tenonh_function *f = l->module->functions; f; f = f->next) {
        number_values(l, f->constants, f->constant_count);
        number_region(l, f->body);
    }
    for (uint32_t i = 0; i < dims->equality_count; i++) {
        number_dim(l, dims->equalities[i][0]);
        number_dim(l, dims->equalities[i][1]);
    }
    return TENON_STATUS_OK;
}

/* -- Their values -- */

static int64_t value_of(const tenonh_dim *dim, const int64_t *numbers) {
    int64_t operands[2], result = dim->number;
    if (dim->kind != TENON__DIM_SUM && dim->kind != TENON__DIM_PRODUCT) {
        for (uint32_t i = 0; i < 2; i++) operands[i] = tenon__number_of(numbers, dim->operands[i]);
        bool known = operands[0] != TENON__UNBOUND && operands[1] != TENON__UNBOUND;
        known = known && tenon__dim_evaluate_atom(dim, operands[0], operands[1], &result) == TENON_STATUS_OK;
        return known ? result : TENON__UNBOUND;
    }
    for (uint32_t i = 0; i < dim->count; i++) {
        int64_t operand = tenon__number_of(numbers, dim->operands[i]);
        bool passes = dim->kind == TENON__DIM_SUM ? __builtin_add_overflow(result, operand, &result)
                                                  : __builtin_mul_overflow(result, operand, &result);
        if (passes || operand == TENON__UNBOUND) return TENON__UNBOUND;
    }
    return result;
}

static int64_t value_of_symbol(const tenon__symbol *symbol, const int64_t *symbols, const int64_t *numbers) {
    if (symbols[symbol->number] != TENON__UNBOUND || !symbol->equal) return symbols[symbol->number];
    return tenon__number_of(numbers, symbol->equal);
}

static tenon_status unequal(const tenonh_dim *a, int64_t x, const tenonh_dim *b, int64_t y) {
    char texts[2][128];
    tenonh_dim_format(a, texts[0], sizeof texts[0]);
    tenonh_dim_format(b, texts[1], sizeof texts[1]);
    return tenon__fail(TENON_STATUS_INVALID,
                       "the model needs %s and %s to be equal; for these inputs they are %lld and "
                       "%lld",
                       texts[0], texts[1], (long long)x, (long long)y);
}

static tenon_status expect_equal(const int64_t *numbers, const tenonh_dim *a, const tenonh_dim *b) {
    int64_t x = tenon__number_of(numbers, a), y = tenon__number_of(numbers, b);
    return x == y || x == TENON__UNBOUND || y == TENON__UNBOUND ? TENON_STATUS_OK : unequal(a, x, b, y);
}

tenon_status tenon__lowered_numbers(const tenon__lowered *lowered, const int64_t *symbols, int64_t *numbers) {
    const tenon__dims *dims = &lowered->module->dims;
    for (uint32_t i = 1; i < lowered->dim_count; i++) {
        const tenonh_dim *dim = lowered->dims[i];
        numbers[i] =
            dim->kind == TENON__DIM_SYMBOL ? value_of_symbol(dim->symbol, symbols, numbers) : value_of(dim, numbers);
    }
    for (uint32_t i = 0; i < dims->symbol_count; i++) {
        const tenon__symbol *symbol = dims->symbols[i];
        if (symbol->equal && symbol->dim->slot) TENON_TRY(expect_equal(numbers, symbol->dim, symbol->equal));
    }
    for (uint32_t i = 0; i < dims->equality_count; i++)
        TENON_TRY(expect_equal(numbers, dims->equalities[i][0], dims->equalities[i][1]));
    return TENON_STATUS_OK;
}

/* -- Lowering -- */

/* Whether a plan can be made of the function for all values of its inputs' symbols. */
static tenon_status check_function(const tenonh_function *function) {
    const tenonh_region *body = function->body;
    for (uint32_t i = 0; i < body->node_count; i++) {
        const tenonh_node *node = body->nodes[i];
        if (node->kind != TENON__NODE_OP && node->kind != TENON__NODE_COMPOSITE)
            return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s may be decided by numbers", tenon__node_text(node));
    }
    return TENON_STATUS_OK;
}

/* Keeps the report of the first time that it works out. */
static tenon_status optimize(void *context, const tenonh_module *module, tenon__claim claim, void *claim_context,
                             tenonh_module **out_module) {
    const tenon__lowered *l = context;
    const tenon__optimize_options options = {.rules = l->rules, .claim = claim, .claim_context = claim_context};
    tenon__report report = {0};
    tenon_status status = tenon__optimize(module, &options, &report, out_module);
    pthread_mutex_lock(&l->rewrites->lock);
    bool first = status == TENON_STATUS_OK && !l->rewrites->known;
    if (first) {
        l->rewrites->report = report;
        l->rewrites->known = true;
    }
    pthread_mutex_unlock(&l->rewrites->lock);
    if (!first) tenon__report_free(&report);
    return status;
}

const tenon__report *tenon__lowered_report(const tenon__lowered *lowered) {
    pthread_mutex_lock(&lowered->rewrites->lock);
    bool known = lowered->rewrites->known;
    pthread_mutex_unlock(&lowered->rewrites->lock);
    return known ? &lowered->rewrites->report : NULL;
}

static void forget_report(tenon__rewrites *rewrites) {
    tenon__report_free(&rewrites->report);
    rewrites->known = false;
}

static tenon_status lower_main(tenon__lowered *l) {
    tenonh_module *simple;
    if (l->claimer && !tenon__claimer_takes_symbols(l->claimer))
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "the device takes no symbols in what it claims");
    TENON_TRY(tenon__simplify_symbolic(l->source, "main", NULL, &simple));
    tenon_status status = tenon__claim_module(l->claimer, simple, optimize, l, &l->module, &l->claims);
    tenonh_module_destroy(simple);
    if (status == TENON_STATUS_OK) status = check_function(tenonh_module_function(l->module, "main"));
    return status == TENON_STATUS_OK ? number_dims(l) : status;
}

static void forget_module(tenon__lowered *l) {
    tenonh_module_destroy(l->module);
    tenon__claims_destroy(l->claims);
    free(l->dims);
    l->module = NULL;
    l->claims = NULL;
    l->dims = NULL;
    l->dim_count = 0;
}

static tenon_status prepare(tenon__lowered *l, const char *rules) {
    l->rewrites = calloc(1, sizeof *l->rewrites);
    if (!l->rewrites) return tenon__fail_memory();
    pthread_mutex_init(&l->rewrites->lock, NULL);
    return tenon__rules_select(rules, &l->rules);
}

tenon_status tenon__lowered_create(const tenonh_module *module, tenon__claimer *claimer, const char *rules,
                                   tenon__lowered **out_lowered) {
    tenon__lowered *l = calloc(1, sizeof *l);
    if (!l) return tenon__fail_memory();
    *l = (tenon__lowered){.source = module, .claimer = claimer};
    tenon_status status = prepare(l, rules);
    if (status == TENON_STATUS_OK) status = tenon__shapes_create(&l->shapes);
    bool ready = status == TENON_STATUS_OK;
    if (ready) status = lower_main(l);
    if (!ready || status == TENON_STATUS_OUT_OF_MEMORY) {
        tenon__lowered_destroy(l);
        return status;
    }
    if (status != TENON_STATUS_OK) {
        snprintf(l->reason, sizeof l->reason, "%s", tenonh_error_message());
        forget_module(l);
        forget_report(l->rewrites);
    }
    *out_lowered = l;
    return TENON_STATUS_OK;
}

tenon_status tenon__lowered_defer(const tenonh_module *module, tenon__claimer *claimer, const char *rules,
                                  tenon__lowered **out_lowered) {
    tenon__lowered *l = calloc(1, sizeof *l);
    if (!l) return tenon__fail_memory();
    *l = (tenon__lowered){.source = module, .claimer = claimer};
    tenon_status status = prepare(l, rules);
    if (status != TENON_STATUS_OK) return tenon__lowered_destroy(l), status;
    snprintf(l->reason, sizeof l->reason, "numbers that are read decide its dims");
    *out_lowered = l;
    return TENON_STATUS_OK;
}

void tenon__lowered_destroy(tenon__lowered *lowered) {
    if (!lowered) return;
    tenon__shapes_destroy(lowered->shapes);
    forget_module(lowered);
    if (lowered->rewrites) {
        forget_report(lowered->rewrites);
        pthread_mutex_destroy(&lowered->rewrites->lock);
        free(lowered->rewrites);
    }
    free(lowered->rules);
    free(lowered);
}

tenon_status tenon__lowered_concretize(const tenon__lowered *lowered, const int64_t *const *dims, uint32_t input_count,
                                       tenonh_module **out_module, tenon__claims **out_claims) {
    const tenonh_function *function = tenonh_module_function(lowered->source, "main");
    tenon__input_dims *inputs = calloc((size_t)input_count + 1, sizeof *inputs);
    if (!inputs) return tenon__fail_memory();
    for (uint32_t i = 0; i < input_count; i++) {
        inputs[i].rank = tenonh_value_rank(tenonh_function_input(function, i));
        memcpy(inputs[i].dims, dims[i], inputs[i].rank * sizeof *inputs[i].dims);
    }
    tenonh_module *concrete = NULL;
    tenon_status status = tenon__concretize(lowered->source, "main", inputs, input_count, NULL, &concrete);
    if (status == TENON_STATUS_OK)
        status = tenon__claim_module(lowered->claimer, concrete, optimize, (void *)lowered, out_module, out_claims);
    tenonh_module_destroy(concrete);
    free(inputs);
    return status;
}
