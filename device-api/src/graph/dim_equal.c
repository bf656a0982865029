#include <stdlib.h>
#include <string.h>

#include "graph/dim_internal.h"
#include "support/error.h"

/* Rebuilds a dim in `target` with leaves replaced. `leaf` gives the dim for a symbol, or NULL with the message set. */
typedef const tenonh_dim *(*leaf_map)(void *context, tenon__dims *target, const tenon__symbol *symbol);

static const tenonh_dim *rebuild(tenon__dims *target, const tenonh_dim *dim, leaf_map leaf, void *context) {
    if (dim->kind == TENON__DIM_NUMBER) return tenon__dim_number(target, dim->number);
    if (dim->kind == TENON__DIM_SYMBOL) return leaf(context, target, dim->symbol);
    if (dim->kind == TENON__DIM_SUM || dim->kind == TENON__DIM_PRODUCT) {
        uint32_t op = dim->kind == TENON__DIM_SUM ? TENONH_DIM_ADD : TENONH_DIM_MUL;
        const tenonh_dim *result = tenon__dim_number(target, dim->number);
        for (uint32_t i = 0; i < dim->count && result; i++)
            result = tenon__dim_combine(target, op, result, rebuild(target, dim->operands[i], leaf, context));
        return result;
    }
    static const uint32_t op_of_kind[] = {
        [TENON__DIM_DIV] = TENONH_DIM_DIV,
        [TENON__DIM_MOD] = TENONH_DIM_MOD,
        [TENON__DIM_MAX] = TENONH_DIM_MAX,
        [TENON__DIM_MIN] = TENONH_DIM_MIN,
        [TENON__DIM_BROADCAST] = TENONH_DIM_BROADCAST,
    };
    return tenon__dim_combine(target, op_of_kind[dim->kind], rebuild(target, dim->operands[0], leaf, context),
                              rebuild(target, dim->operands[1], leaf, context));
}

static const tenonh_dim *resolve_leaf(void *context, tenon__dims *target, const tenon__symbol *symbol) {
    (void)context;
    return symbol->equal ? rebuild(target, symbol->equal, resolve_leaf, NULL) : symbol->dim;
}

static bool mentions(const tenonh_dim *dim, bool (*wanted)(const tenon__symbol *symbol, const void *context),
                     const void *context) {
    if (dim->kind == TENON__DIM_SYMBOL) return wanted(dim->symbol, context);
    for (uint32_t i = 0; i < dim->count; i++)
        if (mentions(dim->operands[i], wanted, context)) return true;
    return false;
}

static bool is_replaced(const tenon__symbol *symbol, const void *context) {
    (void)context;
    return symbol->equal != NULL;
}

const tenonh_dim *tenon__dim_resolve(tenon__dims *dims, const tenonh_dim *dim) {
    return dim && mentions(dim, is_replaced, NULL) ? rebuild(dims, dim, resolve_leaf, NULL) : dim;
}

uint32_t tenon__dim_compare(tenon__dims *dims, const tenonh_dim *a, const tenonh_dim *b) {
    if (a == b) return TENON__DIM_EQUAL;
    const tenonh_dim *minus = tenon__dim_sub(dims, tenon__dim_resolve(dims, a), tenon__dim_resolve(dims, b));
    if (!minus) return TENON__DIM_UNKNOWN;
    if (tenon__dim_is(minus, 0)) return TENON__DIM_EQUAL;
    for (uint32_t i = 0; i < dims->equality_count; i++)
        if (tenon__dim_sub(dims, dims->equalities[i][0], dims->equalities[i][1]) == minus ||
            tenon__dim_sub(dims, dims->equalities[i][1], dims->equalities[i][0]) == minus)
            return TENON__DIM_EQUAL;
    return minus->low > 0 || minus->high < 0 ? TENON__DIM_DIFFERENT : TENON__DIM_UNKNOWN;
}

/* Known before a symbol is: what the inputs decide, and for a symbol of data the ones that were made before it. */
static bool is_known_later(const tenon__symbol *symbol, const void *context) {
    const tenon__symbol *replaced = context;
    return symbol == replaced || (symbol->data && (!replaced->data || symbol->number > replaced->number));
}

/* A symbol goes only for what gives its value no later than itself would: inputs stay bound by their own dims, and
 * nothing waits for data that comes after it. */
static bool can_replace(const tenonh_dim *symbol, const tenonh_dim *by) {
    return symbol->kind == TENON__DIM_SYMBOL && !mentions(by, is_known_later, symbol->symbol);
}

/* Of two symbols the one that data decides goes, else the later one: names of inputs stay. */
static bool prefer_first(const tenonh_dim *a, const tenonh_dim *b) {
    if (b->kind != TENON__DIM_SYMBOL) return true;
    if (a->symbol->data != b->symbol->data) return a->symbol->data;
    return a->symbol->number > b->symbol->number;
}

static tenon_status keep_equality(tenon__dims *dims, const tenonh_dim *a, const tenonh_dim *b) {
    if (dims->equality_count == dims->equality_capacity) {
        uint32_t capacity = dims->equality_capacity ? dims->equality_capacity * 2 : 8;
        void *grown = realloc((void *)dims->equalities, capacity * sizeof *dims->equalities);
        if (!grown) return tenon__fail_memory();
        dims->equalities = grown;
        void *nodes = realloc((void *)dims->equality_nodes, capacity * sizeof *dims->equality_nodes);
        if (!nodes) return tenon__fail_memory();
        dims->equality_nodes = nodes;
        dims->equality_capacity = capacity;
    }
    dims->equality_nodes[dims->equality_count] = NULL;
    dims->equalities[dims->equality_count][0] = a;
    dims->equalities[dims->equality_count++][1] = b;
    return TENON_STATUS_OK;
}

tenon_status tenon__dim_equate(tenon__dims *dims, const tenonh_dim *a, const tenonh_dim *b) {
    a = tenon__dim_resolve(dims, a);
    b = tenon__dim_resolve(dims, b);
    if (!a || !b) return tenon__fail(TENON_STATUS_INVALID, "a dim is missing");
    uint32_t how = tenon__dim_compare(dims, a, b);
    if (how == TENON__DIM_EQUAL) return TENON_STATUS_OK;
    if (how == TENON__DIM_DIFFERENT) {
        char x[128], y[128];
        tenonh_dim_format(a, x, sizeof x);
        tenonh_dim_format(b, y, sizeof y);
        return tenon__fail(TENON_STATUS_INVALID, "dims %s and %s should be equal and can't be", x, y);
    }
    if (can_replace(a, b) && (prefer_first(a, b) || !can_replace(b, a))) {
        dims->symbols[a->symbol->number]->equal = b;
    } else if (can_replace(b, a)) {
        dims->symbols[b->symbol->number]->equal = a;
    } else {
        return keep_equality(dims, a, b);
    }
    return TENON_STATUS_OK;
}

typedef struct substitution {
    const tenonh_dim *const *values;
} substitution;

static const tenonh_dim *substitute_leaf(void *context, tenon__dims *target, const tenon__symbol *symbol) {
    const substitution *with = context;
    if (with->values && with->values[symbol->number]) return with->values[symbol->number];
    if (symbol->equal) return rebuild(target, symbol->equal, substitute_leaf, context);
    for (uint32_t i = 0; i < target->symbol_count; i++)
        if (strcmp(target->symbols[i]->name, symbol->name) == 0) return target->symbols[i]->dim;
    return symbol->data ? tenon__dim_data_symbol(target, symbol->name, &symbol->range)
                        : tenon__dim_symbol(target, symbol->name, &symbol->range);
}

const tenonh_dim *tenon__dim_substitute(tenon__dims *target, const tenonh_dim *dim, const tenonh_dim *const *values) {
    return dim ? rebuild(target, dim, substitute_leaf, &(substitution){values}) : NULL;
}

static int64_t floor_mod(int64_t a, int64_t b) {
    int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

tenon_status tenon__dim_evaluate_atom(const tenonh_dim *dim, int64_t a, int64_t b, int64_t *out_value) {
    bool divides = dim->kind == TENON__DIM_DIV || dim->kind == TENON__DIM_MOD;
    if (divides && (b == 0 || (b == -1 && a == INT64_MIN)))
        return tenon__fail(TENON_STATUS_INVALID, "a dim divides %lld by %lld", (long long)a, (long long)b);
    switch (dim->kind) {
    case TENON__DIM_DIV: *out_value = (a - floor_mod(a, b)) / b; break;
    case TENON__DIM_MOD: *out_value = floor_mod(a, b); break;
    case TENON__DIM_MAX: *out_value = a > b ? a : b; break;
    case TENON__DIM_MIN: *out_value = a < b ? a : b; break;
    default:
        if (a != b && a != 1 && b != 1)
            return tenon__fail(TENON_STATUS_INVALID, "dims %lld and %lld do not broadcast", (long long)a, (long long)b);
        *out_value = a == 1 ? b : a;
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__dim_evaluate(const tenonh_dim *dim, const int64_t *numbers, int64_t *out_value) {
    if (dim->kind == TENON__DIM_NUMBER || dim->kind == TENON__DIM_SYMBOL) {
        *out_value = dim->kind == TENON__DIM_NUMBER ? dim->number : numbers[dim->symbol->number];
        return TENON_STATUS_OK;
    }
    if (dim->kind < TENON__DIM_PRODUCT) {
        int64_t a = 0, b = 0;
        TENON_TRY(tenon__dim_evaluate(dim->operands[0], numbers, &a));
        TENON_TRY(tenon__dim_evaluate(dim->operands[1], numbers, &b));
        return tenon__dim_evaluate_atom(dim, a, b, out_value);
    }
    int64_t result = dim->number, operand = 0;
    for (uint32_t i = 0; i < dim->count; i++) {
        TENON_TRY(tenon__dim_evaluate(dim->operands[i], numbers, &operand));
        bool passes = dim->kind == TENON__DIM_SUM ? __builtin_add_overflow(result, operand, &result)
                                                  : __builtin_mul_overflow(result, operand, &result);
        if (passes) return tenon__fail(TENON_STATUS_INVALID, "a dim's value passes 64 bits");
    }
    *out_value = result;
    return TENON_STATUS_OK;
}
