/* One element of a tensor on the host, and the exact meaning of the element-wise operators on it. */
#ifndef TENON_PASSES_NUMBER_H
#define TENON_PASSES_NUMBER_H

#include <stdbool.h>
#include <tenon/helpers.h>

/* By the dtype's class: floats in `f` (every f32, f16 and bf16 is one), signed integers in `i`, unsigned and bool in `u`. */
typedef union tenon__number {
    double f;
    int64_t i;
    uint64_t u;
} tenon__number;

tenon__number tenon__number_load(tenon_dtype dtype, const void *at);

/* Stores; floats are rounded to nearest even once, integers keep their low bits. */
void tenon__number_store(tenon_dtype dtype, void *at, tenon__number number);

/* The bits of an element at the low end of 64, and back. */
uint64_t tenon__number_bits(tenon_dtype dtype, tenon__number number);
tenon__number tenon__number_of_bits(tenon_dtype dtype, uint64_t bits);

/* The operator `cast`. */
tenon__number tenon__number_cast(tenon_dtype from, tenon_dtype to, tenon__number number, bool wrap);

/* An operator of family MAP on elements of `dtype` (where: that of its values). Gives bool for lt and eq. The result is
 * rounded as the operator rounds (f16 and bf16: in f32); storing rounds to storage. */
tenon__number tenon__number_map(tenon_op op, tenon_dtype dtype, const tenon__number *args);

/* a < b in sorting and argmax order: -0 < +0, NaN above all and equal to itself. */
bool tenon__number_below(tenon_dtype dtype, tenon__number a, tenon__number b);

/* The identity of a combiner (TENON_COMBINE_*, not SET), and a combined with b. */
tenon__number tenon__number_identity(uint32_t combine, tenon_dtype dtype);
tenon__number tenon__number_combine(uint32_t combine, tenon_dtype dtype, tenon__number a, tenon__number b);

#endif
