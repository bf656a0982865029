/* REQ-OP-02, -05, -09: conversions between all pairs of dtypes. What it kills: two roundings on the way to f16 or bf16,
 * ties away from zero, truncation for rounding and rounding for truncation, wrapping where results saturate and the
 * reverse, bounds of the wrong width or sign, NaN that becomes a number, bool by bits instead of by value. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"
#include "cases/meaning.h"

typedef struct conversion {
    tenon_dtype from, to;
    int64_t wrap;
} conversion;

/* Runs a filled operand through the conversion. Frees it. */
static void check(const conversion *c, cf_operand operand, uint32_t result_layout) {
    int64_t dtype = c->to;
    cf_row row = {.op = TENON_OP_CAST, .operand_count = 1, .attr_count = 2, .result_count = 1, .operands = {operand}};
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &dtype};
    row.attrs[1] = (tenon_attr){TENON_ATTR_WRAP, 1, &c->wrap};
    row.results[0] = cf_result(c->to, &operand);
    row.results[0].layout = result_layout;
    int64_t count = cf_count(operand.rank, operand.dims);
    cf_number *want = cf_numbers(count), *flushed = cf_numbers(count);
    for (int64_t i = 0; i < count; i++) {
        cf_number x = cf_load(c->from, operand.bytes, i), zero = cf_flushed(c->from, x);
        want[i] = cf_rounded(c->to, cf_cast(c->from, c->to, c->wrap, x));
        flushed[i] = cf_rounded(c->to, cf_flushed(c->to, cf_cast(c->from, c->to, c->wrap, zero)));
    }
    cf_expect_exactly_or_flushed(&row, want, flushed, false);
}

/* -- Values -- */

/* The midpoint above a number of the target, or what is just beside it. */
static long double near_tie(const conversion *c) {
    long double x = cf_rounded(c->to, cf_any(c->to)).f;
    if (!isfinite(x)) x = c->to == TENON_DTYPE_F16 ? 65504 : 0x1.fffffep127L;
    long double middle = x + cf_ulp(c->to, x) / 2;
    if (!cf_is_float(c->from)) return middle;
    return middle + (long double)((int64_t)(cf_random() % 3) - 1) * cf_ulp(c->from, middle);
}

/* A bound of the integers of the target, or what is beside it. */
static long double near_bound(const conversion *c) {
    static const long double beside[] = {-2, -1.5L, -1, -0.75L, -0.5L, 0, 0.5L, 0.75L, 1, 1.5L, 2};
    uint64_t word = cf_random();
    long double bound = (long double)(word & 1 ? cf_lowest(c->to) : cf_highest(c->to));
    long double step = word & 2 ? 1 : cf_ulp(c->from, bound);
    return bound + beside[(word >> 2) % (sizeof beside / sizeof *beside)] * step;
}

static cf_number next_hard(const cf_operand *operand, int64_t i, void *context) {
    const conversion *c = context;
    bool to_float = cf_is_float(c->to), from_float = cf_is_float(c->from);
    bool any = c->from == TENON_DTYPE_BOOL || c->to == TENON_DTYPE_BOOL;
    if (i % 4 == 0 || any || (!to_float && !from_float)) return cf_any(operand->dtype);
    long double x = to_float ? near_tie(c) : near_bound(c);
    if (from_float) return cf_rounded(operand->dtype, (cf_number){.f = x});
    return cf_rounded(operand->dtype, (cf_number){.i = fabsl(x) < 0x1p63L ? (cf_integer)rintl(x) : 0});
}

static bool begin(const conversion *c, const char *what) {
    return cf_begin("%s_%s%s.%s", tenon_dtype_name(c->from), tenon_dtype_name(c->to), c->wrap ? "_wrap" : "", what);
}

/* Integers that lie at ties of a float: significands one bit too long, at every exponent. */
static cf_number next_long_whole(const cf_operand *operand, int64_t i, void *context) {
    const conversion *c = context;
    int digits = c->to == TENON_DTYPE_F64 ? 53 : c->to == TENON_DTYPE_F32 ? 24 : c->to == TENON_DTYPE_F16 ? 11 : 8;
    cf_integer value = ((cf_integer)1 << digits) | (cf_integer)(cf_random() % ((uint64_t)1 << digits)) | 1;
    int room = (int)tenon_dtype_bits(operand->dtype) - 2 - digits;
    if (room > 0) value <<= cf_random() % (uint64_t)(room + 1);
    value += i % 3 - 1;
    return cf_rounded(operand->dtype, (cf_number){.i = i % 2 ? value : -value});
}

static void run_values(const conversion *c) {
    cf_operand x = {.dtype = c->from, .rank = 1, .dims = {4099}};
    if (begin(c, "edges")) {
        cf_fill(&x, 0);
        check(c, x, CF_CONTIGUOUS);
    }
    if (begin(c, "hard")) {
        cf_fill_with(&x, next_hard, (void *)(uintptr_t)c);
        check(c, x, CF_CONTIGUOUS);
    }
    if (cf_is_float(c->to) && !cf_is_float(c->from) && tenon_dtype_bits(c->from) > 8 && begin(c, "ties")) {
        cf_fill_with(&x, next_long_whole, (void *)(uintptr_t)c);
        check(c, x, CF_CONTIGUOUS);
    }
    if (tenon_dtype_bits(c->from) <= 16 && c->from != TENON_DTYPE_BOOL && begin(c, "every_value")) {
        x.dims[0] = 65536;
        cf_fill_all(&x);
        check(c, x, CF_CONTIGUOUS);
    }
}

/* -- Layouts -- */

static void run_layouts(const conversion *c) {
    static const int64_t sizes[][2] = {{1, 1}, {3, 7}, {17, 5}, {2, 255}, {257, 3}, {1, 4099}};
    static const uint32_t layouts[][2] = {
        {CF_OFFSET, CF_OFFSET},     {CF_TRANSPOSED, CF_CONTIGUOUS}, {CF_REVERSED, CF_CONTIGUOUS},
        {CF_SPARSE, CF_CONTIGUOUS}, {CF_CONTIGUOUS, CF_SPARSE},     {CF_COLUMN, CF_CONTIGUOUS},
    };
    for (uint32_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        for (uint32_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            char what[64];
            snprintf(what, sizeof what, "%s_to_%s.%lld", cf_layout_name(layouts[l][0]), cf_layout_name(layouts[l][1]),
                     (long long)sizes[s][0] * sizes[s][1]);
            if (!begin(c, what)) continue;
            cf_operand x = {.dtype = c->from, .rank = 2, .dims = {sizes[s][0], sizes[s][1]}, .layout = layouts[l][0]};
            cf_fill_mixed(&x);
            check(c, x, layouts[l][1]);
        }
    }
}

static void run_from(tenon_dtype from) {
    for (tenon_dtype to = TENON_DTYPE_F64; to <= TENON_DTYPE_BOOL; to++) {
        conversion c = {from, to, 0};
        if (from == to) continue;
        run_values(&c);
        run_layouts(&c);
        c.wrap = 1;
        if (cf_is_float(from) && !cf_is_float(to) && to != TENON_DTYPE_BOOL) run_values(&c);
    }
}

#define CF_CAST(NAME, name)                                                                                            \
    void cf_cast_##name(void) {                                                                                        \
        run_from(TENON_DTYPE_##NAME);                                                                                  \
    }
#include "cases/cast_dtypes.def"
#undef CF_CAST
