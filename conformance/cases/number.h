/* Elements of any dtype as numbers wide enough to hold them all, independent of what a device does with them. */
#ifndef TENON_CASES_NUMBER_H
#define TENON_CASES_NUMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <tenon/helpers.h>

__extension__ typedef __int128 cf_integer;
__extension__ typedef unsigned __int128 cf_natural;

/* Floats use `f`, the rest `i` (bool: 0 or 1). */
typedef struct cf_number {
    long double f;
    cf_integer i;
} cf_number;

bool cf_is_float(tenon_dtype dtype);

/* Element `index` of row-major bytes. */
cf_number cf_load(tenon_dtype dtype, const void *bytes, int64_t index);

/* True when element `i` of `a` and element `j` of `b` have the same bits, or are both NaN. */
bool cf_is_same(tenon_dtype dtype, const void *a, int64_t i, const void *b, int64_t j);

/* Stores a number: floats round once to nearest even, a NaN keeps its sign alone, integers wrap. */
void cf_store(tenon_dtype dtype, void *bytes, int64_t index, cf_number number);

/* The number after a round trip through storage of `dtype`. */
cf_number cf_rounded(tenon_dtype dtype, cf_number number);

/* The smallest normal number of a float dtype. */
long double cf_smallest(tenon_dtype dtype);

/* What a device that flushes takes and gives for a number, which need not be one of the dtype: 0 of its sign for a
 * subnormal one. */
cf_number cf_flushed(tenon_dtype dtype, cf_number number);

/* Smallest and largest integer of an integer or bool dtype. */
cf_integer cf_lowest(tenon_dtype dtype);
cf_integer cf_highest(tenon_dtype dtype);

/* Largest finite number of a float dtype. */
long double cf_largest(tenon_dtype dtype);

/* The unit in the last place of `x` in a float dtype; of 0 and subnormal numbers, the smallest number there is. */
long double cf_ulp(tenon_dtype dtype, long double x);

/* |got - want| in units in the last place of `want` in `dtype`; infinity when one is not finite and the other is not
 * the same, 0 for two NaN. With `signs`, zeros of different sign differ by infinity. An overflow to infinity counts as
 * the next power of two after the largest finite value. */
long double cf_ulps(tenon_dtype dtype, long double got, long double want, bool signs);

/* Writes a number for messages: "-0x1.8p+1" or "42". */
void cf_format(tenon_dtype dtype, cf_number number, char *buffer, uint32_t size);

#endif
