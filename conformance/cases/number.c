#include "cases/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Significand bits (hidden one included), smallest normal exponent, largest exponent. */
typedef struct format {
    int precision, low, high;
} format;

static format format_of(tenon_dtype dtype) {
    switch (dtype) {
    case TENON_DTYPE_F64: return (format){53, -1022, 1023};
    case TENON_DTYPE_F32: return (format){24, -126, 127};
    case TENON_DTYPE_F16: return (format){11, -14, 15};
    default: return (format){8, -126, 127}; /* bf16 */
    }
}

bool cf_is_float(tenon_dtype dtype) {
    return tenon_dtype_class(dtype) == TENON_CLASS_FLOAT;
}

/* Exponent of the last place of `x` in a format. */
static int last_place(format f, long double x) {
    int exponent = x == 0 ? f.low : ilogbl(x);
    return (exponent < f.low ? f.low : exponent) - f.precision + 1;
}

static long double round_to(format f, long double x) {
    if (!isfinite(x) || x == 0) return x;
    int place = last_place(f, x);
    long double rounded = scalbnl(rintl(scalbnl(x, -place)), place);
    return fabsl(rounded) >= scalbnl(1, f.high + 1) ? copysignl(INFINITY, x) : rounded;
}

static uint64_t encode_float(tenon_dtype dtype, long double x) {
    if (dtype == TENON_DTYPE_F32 && !isnan(x)) {
        float narrow = (float)x;
        uint32_t word;
        return memcpy(&word, &narrow, sizeof word), word;
    }
    format f = format_of(dtype);
    uint32_t bits = tenon_dtype_bits(dtype), fraction = (uint32_t)f.precision - 1;
    uint64_t sign = (uint64_t)(signbit(x) != 0) << (bits - 1);
    uint64_t all = (((uint64_t)1 << (bits - 1 - fraction)) - 1) << fraction;
    if (isnan(x)) return sign | all | (uint64_t)1 << (fraction - 1);
    x = fabsl(round_to(f, x));
    if (isinf(x)) return sign | all;
    if (x == 0) return sign;
    int exponent = ilogbl(x) < f.low ? f.low : ilogbl(x);
    uint64_t significand = (uint64_t)scalbnl(x, (int)fraction - exponent);
    uint64_t hidden = (uint64_t)1 << fraction;
    if (significand < hidden) return sign | significand;
    return sign | (uint64_t)(exponent - f.low + 1) << fraction | (significand - hidden);
}

static long double decode_float(tenon_dtype dtype, uint64_t word) {
    format f = format_of(dtype);
    uint32_t bits = tenon_dtype_bits(dtype), fraction = (uint32_t)f.precision - 1;
    uint64_t significand = word & (((uint64_t)1 << fraction) - 1);
    int exponent = (int)(word >> fraction & (((uint64_t)1 << (bits - 1 - fraction)) - 1));
    long double x;
    if (exponent == f.high - f.low + 2)
        x = significand ? NAN : INFINITY;
    else if (exponent == 0)
        x = scalbnl((long double)significand, f.low - (int)fraction);
    else
        x = scalbnl((long double)(significand | (uint64_t)1 << fraction), exponent - 1 + f.low - (int)fraction);
    return word >> (bits - 1) & 1 ? -x : x;
}

/* The formats that the host has too, which is quicker. */
static long double load_native(tenon_dtype dtype, const void *bytes, int64_t index) {
    double wide;
    float narrow;
    if (dtype == TENON_DTYPE_F64) return memcpy(&wide, (const char *)bytes + index * 8, 8), wide;
    return memcpy(&narrow, (const char *)bytes + index * 4, 4), narrow;
}

cf_number cf_load(tenon_dtype dtype, const void *bytes, int64_t index) {
    if (dtype == TENON_DTYPE_F64 || dtype == TENON_DTYPE_F32) return (cf_number){.f = load_native(dtype, bytes, index)};
    uint64_t word = 0;
    uint32_t size = tenon_dtype_bits(dtype) / 8;
    memcpy(&word, (const char *)bytes + index * size, size);
    if (cf_is_float(dtype)) return (cf_number){.f = decode_float(dtype, word)};
    if (tenon_dtype_class(dtype) != TENON_CLASS_SINT) return (cf_number){.i = word};
    uint32_t shift = 64 - size * 8;
    return (cf_number){.i = (int64_t)(word << shift) >> shift};
}

bool cf_is_same(tenon_dtype dtype, const void *a, int64_t i, const void *b, int64_t j) {
    uint32_t size = tenon_dtype_bits(dtype) / 8;
    if (memcmp((const char *)a + i * size, (const char *)b + j * size, size) == 0) return true;
    long double x = cf_load(dtype, a, i).f, y = cf_load(dtype, b, j).f;
    return cf_is_float(dtype) && x != x && y != y;
}

void cf_store(tenon_dtype dtype, void *bytes, int64_t index, cf_number number) {
    uint64_t word = cf_is_float(dtype) ? encode_float(dtype, number.f) : (uint64_t)number.i;
    uint32_t size = tenon_dtype_bits(dtype) / 8;
    memcpy((char *)bytes + index * size, &word, size);
}

cf_number cf_rounded(tenon_dtype dtype, cf_number number) {
    uint64_t word;
    cf_store(dtype, &word, 0, number);
    return cf_load(dtype, &word, 0);
}

long double cf_smallest(tenon_dtype dtype) {
    return scalbnl(1, format_of(dtype).low);
}

cf_number cf_flushed(tenon_dtype dtype, cf_number number) {
    if (cf_is_float(dtype) && fabsl(number.f) < cf_smallest(dtype)) number.f = copysignl(0, number.f);
    return number;
}

cf_integer cf_lowest(tenon_dtype dtype) {
    return tenon_dtype_class(dtype) == TENON_CLASS_SINT ? -((cf_integer)1 << (tenon_dtype_bits(dtype) - 1)) : 0;
}

cf_integer cf_highest(tenon_dtype dtype) {
    if (dtype == TENON_DTYPE_BOOL) return 1;
    uint32_t bits = tenon_dtype_bits(dtype) - (tenon_dtype_class(dtype) == TENON_CLASS_SINT);
    return ((cf_integer)1 << bits) - 1;
}

long double cf_largest(tenon_dtype dtype) {
    format f = format_of(dtype);
    return scalbnl(2 - scalbnl(1, 1 - f.precision), f.high);
}

long double cf_ulp(tenon_dtype dtype, long double x) {
    return scalbnl(1, last_place(format_of(dtype), x));
}

long double cf_ulps(tenon_dtype dtype, long double got, long double want, bool signs) {
    format f = format_of(dtype);
    long double overflow = scalbnl(1, f.high + 1);
    if (isnan(got) || isnan(want)) return isnan(got) && isnan(want) ? 0 : INFINITY;
    if (isinf(want)) return got == want ? 0 : INFINITY;
    if (signs && got == 0 && want == 0) return signbit(got) == signbit(want) ? 0 : INFINITY;
    if (isinf(got)) got = copysignl(overflow, got);
    if (fabsl(want) > overflow) want = copysignl(overflow, want);
    int place = last_place(f, fabsl(want) >= overflow ? overflow / 2 : want);
    return scalbnl(fabsl(got - want), -place);
}

void cf_format(tenon_dtype dtype, cf_number number, char *buffer, uint32_t size) {
    if (cf_is_float(dtype))
        snprintf(buffer, size, "%La (%Lg)", number.f, number.f);
    else if (number.i < 0)
        snprintf(buffer, size, "%lld", (long long)number.i);
    else
        snprintf(buffer, size, "%llu", (unsigned long long)number.i);
}
