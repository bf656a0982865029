#include "cases/bound.h"

#include <math.h>

#include "cases/case.h"

/* What sums and products are computed in. */
static tenon_dtype accumulator_of(tenon_dtype dtype) {
    return dtype == TENON_DTYPE_F64 ? (tenon_dtype)TENON_DTYPE_F64 : (tenon_dtype)TENON_DTYPE_F32;
}

/* Half the unit of the larger of the numbers between which the result is rounded: what is stored is `want` with the
 * accumulator's error, which may have carried it over a power of two. */
static long double last_rounding(tenon_dtype dtype, long double want, long double error) {
    return cf_ulp(dtype, fabsl(want) + error) / 2;
}

long double cf_sum_bound(tenon_dtype dtype, uint32_t signs, int64_t terms, long double magnitude, long double want) {
    if (!cf_is_float(dtype)) return 0;
    long double k = (long double)terms, unit = cf_ulp(accumulator_of(dtype), 1) / 2;
    long double error = (signs == CF_SIGNS_RANDOM ? 4 * sqrtl(k) : k) * unit * magnitude;
    if (cf_flushes()) error += (k + 1) * cf_smallest(accumulator_of(dtype));
    return error + last_rounding(dtype, want, error);
}

long double cf_product_bound(tenon_dtype dtype, uint32_t signs, int64_t factors, long double want) {
    return cf_sum_bound(dtype, signs, factors, fabsl(want), want);
}
