/* Dims inside: the table of expressions and the polynomials that normal forms are computed with. */
#ifndef TENON_GRAPH_DIM_INTERNAL_H
#define TENON_GRAPH_DIM_INTERNAL_H

#include "graph/dim.h"

/* The one node equal to `dim`, whose operands are interned and in order. */
const tenonh_dim *tenon__dim_intern(tenon__dims *dims, struct tenonh_dim *dim);
const tenonh_dim *tenon__dim_fail_memory(void); /* NULL */

/* A symbol that only data decides, by a name that is not taken. */
const tenonh_dim *tenon__dim_data_symbol(tenon__dims *dims, const char *name, const tenon_symbol *range);

/* The symbol of that name, NULL if there is none. */
const tenon__symbol *tenon__dim_find_symbol(const tenon__dims *dims, const char *name);

/* Bounds of a node from those of its operands, saturated at the ends of int64. */
void tenon__dim_bounds(const tenonh_dim *dim, int64_t *out_low, int64_t *out_high);

/* coefficient * atoms[0] * ... ; atoms by tenon__dim_order. */
typedef struct tenon__term {
    int64_t coefficient;
    uint32_t count;
    const tenonh_dim *const *atoms;
} tenon__term;

/* A sum of terms of different atoms, the leading one (graded lexicographic order) first; no coefficient is 0. */
typedef struct tenon__poly {
    uint32_t count;
    const tenon__term *terms;
} tenon__poly;

/* All results live in `scratch`; errors set the message. */
tenon_status tenon__poly_of(tenon__arena *scratch, const tenonh_dim *dim, tenon__poly *out_poly);
tenon_status tenon__poly_add(tenon__arena *scratch, tenon__poly a, tenon__poly b, int64_t factor_of_b,
                             tenon__poly *out_poly);
tenon_status tenon__poly_mul(tenon__arena *scratch, tenon__poly a, tenon__poly b, tenon__poly *out_poly);

/* a = b * quotient + rest, where the rest's terms are not divisible by b's leading term. b is not empty. */
tenon_status tenon__poly_divide(tenon__arena *scratch, tenon__poly a, tenon__poly b, tenon__poly *out_quotient,
                                tenon__poly *out_rest);

/* The normal form as a dim. NULL on failure. */
const tenonh_dim *tenon__poly_dim(tenon__dims *dims, tenon__poly poly);

/* The number a polynomial is; true also for the empty one (0). */
bool tenon__poly_is_number(tenon__poly poly, int64_t *out_value);

/* A number that divides every value of the dim, >= 1; 0 for the number 0. */
int64_t tenon__dim_divisor(const tenonh_dim *dim);
int64_t tenon__gcd(int64_t a, int64_t b);

#endif
