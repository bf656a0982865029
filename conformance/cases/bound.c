#include "cases/bound.h"

#include <math.h>

long double cf_sum_bound(tenon_dtype dtype, uint32_t signs, int64_t terms, long double magnitude, long double want) {
    static const struct {
        long double accumulator, last, smallest; /* unit roundoffs, half the smallest number */
    } formats[] = {
        [TENON_DTYPE_F64] = {0x1p-53L, 0x1p-53L, 0x1p-1075L},
        [TENON_DTYPE_F32] = {0x1p-24L, 0x1p-24L, 0x1p-150L},
        [TENON_DTYPE_F16] = {0x1p-24L, 0x1p-11L, 0x1p-25L},
        [TENON_DTYPE_BF16] = {0x1p-24L, 0x1p-8L, 0x1p-134L},
    };
    if (!cf_is_float(dtype)) return 0;
    long double k = (long double)terms;
    long double growth = signs == CF_SIGNS_RANDOM ? 4 * sqrtl(k) : k;
    return growth * formats[dtype].accumulator * magnitude + formats[dtype].last * fabsl(want) +
           formats[dtype].smallest;
}
