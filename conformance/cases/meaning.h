/* What the element-wise operators mean, written apart from the operator table and from every backend: floats in long
 * double, integers in 128 bits. Tolerances are those of VENDOR_GUIDE.md. */
#ifndef TENON_CASES_MEANING_H
#define TENON_CASES_MEANING_H

#include "cases/number.h"

typedef struct cf_meaning {
    tenon_op op;
    long double (*real)(long double a, long double b, long double c);
    cf_integer (*whole)(tenon_dtype dtype, cf_integer a, cf_integer b, cf_integer c);
    /* ULP that a float result may be off, in f64 and f32, and in f16 and bf16; 0: bit for bit but for NaN. */
    double wide_bound, narrow_bound;
} cf_meaning;

/* NULL if `op` is not an element-wise operator. */
const cf_meaning *cf_meaning_of(tenon_op op);

/* The conversion of the operator `cast`. */
cf_number cf_cast(tenon_dtype from, tenon_dtype to, bool wrap, cf_number number);

#endif
