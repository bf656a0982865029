/* Binds symbols to what the dims of a function's inputs say: dims linear in one unknown symbol are solved for it, round
 * by round, until nothing new is found. */
#include <stdio.h>

#include "passes/passes.h"

typedef struct binding {
    const tenonh_function *function;
    const int64_t *const *dims;
    int64_t *symbols; /* by number */
    bool progress;    /* a symbol was found in this round */
} binding;

static tenon_status misfit(const binding *b, uint32_t input, uint32_t axis, const char *why) {
    return tenon__fail(TENON_STATUS_INVALID, "input '%s' is %s; %lld does not fit its dim %u: %s",
                       b->function->input_names[input], tenon__type_text(b->function->body->arguments[input]),
                       (long long)b->dims[input][axis], axis, why);
}

/* A dim as slope * unknown + base, or base alone while unknown is NULL. */
typedef struct line {
    const tenon__symbol *unknown;
    int64_t slope, base;
} line;

enum { LINEAR = 0, OPEN = 1, FAILED = 2 }; /* OPEN: more than one unknown, or one inside of an atom */

static int line_of(const tenonh_dim *dim, const int64_t *symbols, line *out);

static int add_line(line *sum, const line *term) {
    if (sum->unknown && term->unknown && sum->unknown != term->unknown) return OPEN;
    if (!sum->unknown) sum->unknown = term->unknown;
    bool passes = __builtin_add_overflow(sum->base, term->base, &sum->base);
    passes = __builtin_add_overflow(sum->slope, term->slope, &sum->slope) || passes;
    if (sum->slope == 0) sum->unknown = NULL;
    return passes ? FAILED : LINEAR;
}

static int multiply_line(line *product, const line *factor) {
    if (product->unknown && factor->unknown) return OPEN;
    const line *sloped = product->unknown ? product : factor;
    int64_t number = product->unknown ? factor->base : product->base, slope, base;
    bool passes = __builtin_mul_overflow(sloped->slope, number, &slope);
    passes = __builtin_mul_overflow(product->base, factor->base, &base) || passes;
    *product = (line){slope ? sloped->unknown : NULL, slope, base};
    return passes ? FAILED : LINEAR;
}

static int line_of_atom(const tenonh_dim *dim, const int64_t *symbols, line *out) {
    line operands[2];
    for (uint32_t i = 0; i < 2; i++) {
        int how = line_of(dim->operands[i], symbols, &operands[i]);
        if (how != LINEAR || operands[i].unknown) return how == FAILED ? FAILED : OPEN;
    }
    *out = (line){0};
    tenon_status status = tenon__dim_evaluate_atom(dim, operands[0].base, operands[1].base, &out->base);
    return status == TENON_STATUS_OK ? LINEAR : FAILED;
}

static int line_of(const tenonh_dim *dim, const int64_t *symbols, line *out) {
    if (dim->kind == TENON__DIM_NUMBER) {
        *out = (line){.base = dim->number};
        return LINEAR;
    }
    if (dim->kind == TENON__DIM_SYMBOL) {
        const tenon__symbol *symbol = dim->symbol;
        bool known = symbols[symbol->number] != TENON__UNBOUND;
        if (!known && symbol->equal) return line_of(symbol->equal, symbols, out);
        *out = known ? (line){.base = symbols[symbol->number]} : (line){.unknown = symbol, .slope = 1};
        return LINEAR;
    }
    if (dim->kind != TENON__DIM_SUM && dim->kind != TENON__DIM_PRODUCT) return line_of_atom(dim, symbols, out);
    *out = (line){.base = dim->number};
    int how = LINEAR;
    for (uint32_t i = 0; i < dim->count && how == LINEAR; i++) {
        line operand;
        how = line_of(dim->operands[i], symbols, &operand);
        if (how == LINEAR) how = dim->kind == TENON__DIM_SUM ? add_line(out, &operand) : multiply_line(out, &operand);
    }
    return how;
}

static tenon_status bind(binding *b, uint32_t input, uint32_t axis, const tenon__symbol *symbol, int64_t number) {
    const tenon_symbol *range = &symbol->range;
    if (number < range->min || number > range->max || number % range->divisor != 0) {
        char why[160];
        snprintf(why, sizeof why, "symbol '%.60s' ranges over %lld ... %lld in steps of %lld", symbol->name,
                 (long long)range->min, (long long)range->max, (long long)range->divisor);
        return misfit(b, input, axis, why);
    }
    b->symbols[symbol->number] = number;
    b->progress = true;
    return TENON_STATUS_OK;
}

static tenon_status match(binding *b, uint32_t input, uint32_t axis, bool last_round) {
    const tenonh_dim *dim = b->function->body->arguments[input]->dims[axis];
    int64_t wanted = b->dims[input][axis], rest;
    line of;
    int how = line_of(dim, b->symbols, &of);
    if (how == FAILED) return misfit(b, input, axis, "it divides by 0, does not broadcast, or passes 64 bits");
    if (how == OPEN)
        return last_round ? misfit(b, input, axis, "the inputs do not say what its symbols are") : TENON_STATUS_OK;
    if (!of.unknown)
        return of.base == wanted ? TENON_STATUS_OK
                                 : misfit(b, input, axis, "it must be the number, or what the other inputs make of it");
    bool solved = !__builtin_sub_overflow(wanted, of.base, &rest) && !(of.slope == -1 && rest == INT64_MIN);
    if (!solved || rest % of.slope != 0) return misfit(b, input, axis, "no value of its symbol gives it");
    return bind(b, input, axis, of.unknown, rest / of.slope);
}

/* Symbols that stand for others get the values of these. */
static void fill_equal(const tenon__dims *dims, int64_t *symbols) {
    for (uint32_t i = 0; i < dims->symbol_count; i++) {
        line of;
        if (symbols[i] != TENON__UNBOUND || !dims->symbols[i]->equal) continue;
        if (line_of(dims->symbols[i]->equal, symbols, &of) == LINEAR && !of.unknown) symbols[i] = of.base;
    }
}

tenon_status tenon__bind_symbols(const tenonh_function *function, const int64_t *const *dims, int64_t *symbols) {
    binding b = {.function = function, .dims = dims, .symbols = symbols};
    const tenonh_region *body = function->body;
    for (uint32_t i = 0; i < body->argument_count; i++)
        for (uint32_t k = 0; k < body->arguments[i]->rank; k++)
            if (dims[i][k] < 0) return misfit(&b, i, k, "it is negative");
    bool last_round = false;
    for (;;) {
        b.progress = false;
        for (uint32_t i = 0; i < body->argument_count; i++)
            for (uint32_t k = 0; k < body->arguments[i]->rank; k++) TENON_TRY(match(&b, i, k, last_round));
        if (last_round) break;
        last_round = !b.progress;
    }
    fill_equal(&function->module->dims, symbols);
    return TENON_STATUS_OK;
}
