/* Dims: integer expressions over named symbols, hash-consed and kept in a normal form.
 *
 * Normal form: a sum of products with integer coefficients over atoms; an atom is a symbol or a quotient, remainder,
 * maximum, minimum or broadcast of normal forms that could not be taken apart. Equal polynomials are one pointer.
 * Division is exact where the divisor divides (batch*12*tokens / 12), and takes out what it can otherwise. A quotient by
 * something that may be 0 counts as having a value: batch*12/batch is 12; evaluation fails where a divisor is 0. */
#ifndef TENON_GRAPH_DIM_H
#define TENON_GRAPH_DIM_H

#include <stdbool.h>
#include <tenon/host/graph.h>

#include "support/arena.h"
#include "support/text.h"

enum {
    TENON__DIM_NUMBER = 1,
    TENON__DIM_SYMBOL,
    TENON__DIM_DIV,
    TENON__DIM_MOD,
    TENON__DIM_MAX,
    TENON__DIM_MIN,
    TENON__DIM_BROADCAST,
    TENON__DIM_PRODUCT, /* number * operands: atoms in order, repeated for powers */
    TENON__DIM_SUM      /* number + operands: atoms and products in order */
};

enum {
    TENON__DIM_MAX_TERMS = 256,  /* of a sum; a larger one is an error */
    TENON__DIM_MAX_FACTORS = 32, /* of a product */
    TENON__DIM_MAX_DEPTH = 32    /* atoms within atoms */
};

struct tenon__lexer;

typedef struct tenon__symbol {
    const char *name;
    uint32_t number;         /* in order of declaration */
    uint32_t data;           /* 1: its value is only known once the values before it are; max is an upper bound */
    tenon_symbol range;      /* min, max, divisor */
    const tenonh_dim *equal; /* what tenonh_dim_equate found it to be, or NULL */
    const tenonh_dim *dim;   /* the symbol as an expression */
} tenon__symbol;

struct tenonh_dim {
    uint16_t kind;
    uint16_t depth;
    uint32_t count;
    int64_t number;    /* NUMBER: the value; PRODUCT: the coefficient; SUM: the constant */
    int64_t low, high; /* bounds under the symbols' ranges, saturated */
    const tenon__symbol *symbol;
    const tenonh_dim *const *operands;
    uint64_t hash;
    struct tenonh_dim *next; /* in its hash chain */
    uint32_t slot;           /* in the table of numbers that planning fills (plan/lower.h); 0: not in use there */
};

/* Part of a module. */
typedef struct tenon__dims {
    tenon__arena *arena; /* the module's */
    struct tenonh_dim **table;
    uint32_t table_size, count;
    tenon__symbol **symbols;
    uint32_t symbol_count, symbol_capacity;
    /* Equal pairs that no symbol could be replaced for; checked when values are known. */
    const tenonh_dim *(*equalities)[2];
    const char **equality_nodes; /* of each the location of the node that needs it; NULL: not known */
    uint32_t equality_count, equality_capacity;
} tenon__dims;

/* The functions below give NULL for NULL operands and on failure, with the thread's message set. */
const tenonh_dim *tenon__dim_number(tenon__dims *dims, int64_t value);
const tenonh_dim *tenon__dim_symbol(tenon__dims *dims, const char *name, const tenon_symbol *range);
const tenonh_dim *tenon__dim_combine(tenon__dims *dims, uint32_t op, const tenonh_dim *a, const tenonh_dim *b);

/* A new symbol "prefix<n>" for a dim that only the data decides, 0 ... max. */
const tenonh_dim *tenon__dim_fresh(tenon__dims *dims, const char *prefix, int64_t max);

static inline const tenonh_dim *tenon__dim_add(tenon__dims *d, const tenonh_dim *a, const tenonh_dim *b) {
    return tenon__dim_combine(d, TENONH_DIM_ADD, a, b);
}
static inline const tenonh_dim *tenon__dim_sub(tenon__dims *d, const tenonh_dim *a, const tenonh_dim *b) {
    return tenon__dim_combine(d, TENONH_DIM_SUB, a, b);
}
static inline const tenonh_dim *tenon__dim_mul(tenon__dims *d, const tenonh_dim *a, const tenonh_dim *b) {
    return tenon__dim_combine(d, TENONH_DIM_MUL, a, b);
}
static inline const tenonh_dim *tenon__dim_div(tenon__dims *d, const tenonh_dim *a, const tenonh_dim *b) {
    return tenon__dim_combine(d, TENONH_DIM_DIV, a, b);
}
static inline const tenonh_dim *tenon__dim_max(tenon__dims *d, const tenonh_dim *a, const tenonh_dim *b) {
    return tenon__dim_combine(d, TENONH_DIM_MAX, a, b);
}
static inline const tenonh_dim *tenon__dim_min(tenon__dims *d, const tenonh_dim *a, const tenonh_dim *b) {
    return tenon__dim_combine(d, TENONH_DIM_MIN, a, b);
}

static inline bool tenon__dim_is(const tenonh_dim *dim, int64_t value) {
    return dim->kind == TENON__DIM_NUMBER && dim->number == value;
}

/* Order of printing and of normal forms: the same for equal modules, however they were made. */
int tenon__dim_order(const tenonh_dim *a, const tenonh_dim *b);

/* The dim with symbols replaced by what they were found equal to. */
const tenonh_dim *tenon__dim_resolve(tenon__dims *dims, const tenonh_dim *dim);

/* Equal for all values of the symbols; different for all; else unknown. */
enum { TENON__DIM_EQUAL = 1, TENON__DIM_DIFFERENT = 2, TENON__DIM_UNKNOWN = 3 };
uint32_t tenon__dim_compare(tenon__dims *dims, const tenonh_dim *a, const tenonh_dim *b);

/* Requires a == b from here on. A symbol goes for what is known no later than itself, so that inputs keep symbols that
 * their own dims bind; other pairs wait among the equalities. Errors: INVALID when they differ for all values. */
tenon_status tenon__dim_equate(tenon__dims *dims, const tenonh_dim *a, const tenonh_dim *b);

/* Replaces symbols: values[number] is the dim (of `target`) for a symbol of `dim`'s module; NULL entries keep its name,
 * range and kind in `target`. Errors: NULL on overflow or division by 0. */
const tenonh_dim *tenon__dim_substitute(tenon__dims *target, const tenonh_dim *dim, const tenonh_dim *const *values);

/* The value when every symbol is numbers[number]. Errors: INVALID on overflow or division by 0. */
tenon_status tenon__dim_evaluate(const tenonh_dim *dim, const int64_t *numbers, int64_t *out_value);

/* The value of an atom (a quotient, remainder, maximum, minimum or broadcast) of operands a and b. Errors: INVALID. */
tenon_status tenon__dim_evaluate_atom(const tenonh_dim *dim, int64_t a, int64_t b, int64_t *out_value);

void tenon__dim_print(tenon__text *text, const tenonh_dim *dim);

/* Reads an expression as tenon__dim_print writes it: numbers, names, + - *, parentheses, div() mod() max() min()
 * broadcast(). Errors: BAD_DATA (unknown symbol, syntax, depth). */
tenon_status tenon__dim_parse(tenon__dims *dims, struct tenon__lexer *lexer, const tenonh_dim **out_dim);

void tenon__dims_free(tenon__dims *dims);

#endif
