/* What sums and products of many numbers may be off (REQ-OP-03; the table of all bounds is in VENDOR_GUIDE.md): bounds
 * that hold for every order of the operations, so that a device may choose it. */
#ifndef TENON_CASES_BOUND_H
#define TENON_CASES_BOUND_H

#include "cases/number.h"

/* How the terms of a sum were made, which says how their rounding errors add up. */
enum {
    CF_SIGNS_RANDOM, /* errors cancel: 4 sqrt(K) u */
    CF_SIGNS_EQUAL,  /* they may all go one way: K u */
};

/* Absolute error that a sum of `terms` products or numbers may have in an accumulator of f32 (f64 for f64), stored as
 * `dtype`. magnitude: sum of |terms|; want: the exact sum. */
long double cf_sum_bound(tenon_dtype dtype, uint32_t signs, int64_t terms, long double magnitude, long double want);

/* The same of a product: every one of its roundings is relative to the whole. */
long double cf_product_bound(tenon_dtype dtype, uint32_t signs, int64_t factors, long double want);

#endif
