/* Elements of operands: edge values and random ones, the same whatever the layout. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"

int64_t cf_count(uint32_t rank, const int64_t *dims) {
    int64_t count = 1;
    for (uint32_t i = 0; i < rank; i++) count *= dims[i];
    return count;
}

static const long double float_edges[] = {
    0.0L,
    -0.0L,
    1,
    -1,
    INFINITY,
    -INFINITY,
    NAN,
    0.5L,
    -0.5L,
    1.5L,
    2.5L,
    -2.5L,
    3,
    2,
    -2,
    1e-3L,
    10,
    100,
    -100,
    0x1p-149L,
    -0x1p-149L,
    0x1p-133L,
    -0x1.fcp-127L,
    0x1.ff8p-15L,
    -0x1p-24L,
    0x1p-126L,
    0x1.8p-130L,
    0x1.fffffep127L,
    -0x1.fffffep127L,
    0x1p-24L,
    6.1e-5L,
    65504,
    -65504,
    0x1p-1074L,
    0x1p-1022L,
    0x1.fffffffffffffp1023L,
    1e10L,
    -1e10L,
    3.14159265358979L,
    0.1L,
    1e-10L,
    -1e-10L,
    88.7L,
    -103.9L,
    127,
    128,
    255,
    256,
    32767.5L,
    2147483647,
    4294967296.0L,
    9.3e18L,
    -9.3e18L,
    0x1p52L,
    0x1.8p1L,
    1e30L,
};
enum { FLOAT_EDGES = sizeof float_edges / sizeof *float_edges };
static const int64_t whole_edges[] = {
    0, 1, -1, 2, -2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, -127, -128, 255, 256, 32767, 32768, 65535,
    2147483647, -2147483648, INT64_MAX, INT64_MIN,
    /* neighbours that are one number in f32, or in f64 */
    16777216, 16777217, 2147483646, 9007199254740992, 9007199254740993, INT64_MAX - 1};
enum { WHOLE_EDGES = sizeof whole_edges / sizeof *whole_edges };

static cf_number edge(tenon_dtype dtype, uint64_t index) {
    if (cf_is_float(dtype)) return cf_rounded(dtype, (cf_number){.f = float_edges[index % FLOAT_EDGES]});
    if (dtype == TENON_DTYPE_BOOL) return (cf_number){.i = index & 1};
    if (index % (WHOLE_EDGES + 2) == WHOLE_EDGES) return (cf_number){.i = cf_lowest(dtype)};
    if (index % (WHOLE_EDGES + 2) == WHOLE_EDGES + 1) return (cf_number){.i = cf_highest(dtype)};
    return cf_rounded(dtype, (cf_number){.i = whole_edges[index % (WHOLE_EDGES + 2)]});
}

long double cf_uniform(void) {
    return (int64_t)cf_random() * 0x1p-63L;
}

cf_number cf_any(tenon_dtype dtype) {
    uint64_t word = cf_random();
    if (dtype == TENON_DTYPE_BOOL) return (cf_number){.i = word & 1};
    if (cf_is_float(dtype) && (word & 3) != 0) {
        long double x = cf_uniform() * scalbnl(1, (int)(word >> 2 & 7) - 2);
        return cf_rounded(dtype, (cf_number){.f = x});
    }
    if (!cf_is_float(dtype) && (word & 3) != 0)
        return cf_rounded(dtype, (cf_number){.i = (cf_integer)(cf_random() % 72) - 4});
    word = cf_random();
    return cf_load(dtype, &word, 0);
}

static int64_t first_of_every_other(const cf_operand *operand, int64_t index) {
    int64_t at[TENON_MAX_RANK];
    cf_unravel(index, operand->rank, operand->dims, at);
    for (uint32_t i = 0; i < operand->rank; i += 2) at[i] = 0;
    return cf_ravel(operand->rank, operand->dims, at);
}

/* The element that element `index` is a repetition of, under layouts with stride 0. */
static int64_t first_of(const cf_operand *operand, int64_t index) {
    int64_t last = operand->rank ? operand->dims[operand->rank - 1] : 1;
    switch (operand->layout) {
    case CF_ROW: return index % last;
    case CF_COLUMN: return index / last * last;
    case CF_ONE: return 0;
    case CF_EVERY_OTHER: return first_of_every_other(operand, index);
    default: return index;
    }
}

void cf_fill_with(cf_operand *operand, cf_next next, void *context) {
    int64_t count = cf_count(operand->rank, operand->dims);
    operand->bytes = calloc((size_t)count + 1, tenon_dtype_bits(operand->dtype) / 8);
    for (int64_t i = 0; i < count; i++) {
        int64_t first = first_of(operand, i);
        cf_number n = first < i ? cf_load(operand->dtype, operand->bytes, first) : next(operand, i, context);
        cf_store(operand->dtype, operand->bytes, i, n);
    }
}

/* Operand 0 steps through the edges slowly, operand 1 fast, operand 2 in between: all pairs of the first two meet. */
static cf_number next_value(const cf_operand *operand, int64_t i, void *context) {
    uint32_t variant = *(uint32_t *)context, edges = cf_is_float(operand->dtype) ? FLOAT_EDGES : WHOLE_EDGES + 2;
    uint64_t at = (uint64_t)i;
    if (at >= (uint64_t)edges * edges) return cf_any(operand->dtype);
    return edge(operand->dtype, variant == 0 ? at % edges : variant == 1 ? at / edges : at * 7 / 3);
}

void cf_fill(cf_operand *operand, uint32_t variant) {
    cf_fill_with(operand, next_value, &variant);
}

static cf_number next_mixed(const cf_operand *operand, int64_t i, void *context) {
    (void)i, (void)context;
    return cf_random() % 8 ? cf_any(operand->dtype) : edge(operand->dtype, cf_random());
}

void cf_fill_mixed(cf_operand *operand) {
    cf_fill_with(operand, next_mixed, NULL);
}

static cf_number next_of_all(const cf_operand *operand, int64_t i, void *context) {
    uint64_t word = operand->dtype == TENON_DTYPE_BOOL ? (uint64_t)i & 1 : (uint64_t)i;
    (void)context;
    return cf_load(operand->dtype, &word, 0);
}

void cf_fill_all(cf_operand *operand) {
    cf_fill_with(operand, next_of_all, NULL);
}

static cf_number next_in_range(const cf_operand *operand, int64_t i, void *context) {
    const int64_t *range = context;
    (void)i;
    int64_t value = range[0] + (int64_t)(cf_random() % (uint64_t)(range[1] - range[0] + 1));
    return (cf_number){.f = cf_is_float(operand->dtype) ? (long double)value : 0, .i = value};
}

void cf_fill_range(cf_operand *operand, int64_t low, int64_t high) {
    cf_fill_with(operand, next_in_range, (int64_t[]){low, high});
}

static cf_number next_small(const cf_operand *operand, int64_t i, void *context) {
    (void)i, (void)context;
    return cf_rounded(operand->dtype, (cf_number){.f = cf_uniform()});
}

void cf_fill_small(cf_operand *operand) {
    bool is_signed = tenon_dtype_class(operand->dtype) == TENON_CLASS_SINT;
    if (cf_is_float(operand->dtype))
        cf_fill_with(operand, next_small, NULL);
    else
        cf_fill_range(operand, is_signed ? -8 : 0, operand->dtype == TENON_DTYPE_BOOL ? 1 : 8);
}

void cf_free(cf_row *row) {
    for (uint32_t i = 0; i < row->operand_count; i++) free(row->operands[i].bytes);
}

cf_operand cf_result(tenon_dtype dtype, const cf_operand *like) {
    cf_operand result = {.dtype = dtype, .rank = like->rank};
    memcpy(result.dims, like->dims, sizeof result.dims);
    return result;
}

int64_t cf_ravel(uint32_t rank, const int64_t *dims, const int64_t *at) {
    int64_t index = 0;
    for (uint32_t i = 0; i < rank; i++) index = index * dims[i] + at[i];
    return index;
}

void cf_unravel(int64_t index, uint32_t rank, const int64_t *dims, int64_t *at) {
    for (uint32_t i = rank; i-- > 0;) {
        at[i] = index % dims[i];
        index /= dims[i];
    }
}
