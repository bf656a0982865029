/* Integers and conversions of the in-source maths, against meanings in 128-bit integers and long double. */
#include "math_lanes.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

__extension__ typedef __int128 wide_int;

/* X(name, bits, signed) */
#define INTEGERS(X)                                                                                                    \
    X(i8, 8, 1) X(i16, 16, 1) X(i32, 32, 1) X(i64, 64, 1) X(u8, 8, 0) X(u16, 16, 0) X(u32, 32, 0) X(u64, 64, 0)

/* The low bits, extended as the type says. */
static wide_int wrapped(wide_int v, int bits, int is_signed) {
    wide_int span = (wide_int)1 << bits, low = v & (span - 1);
    return is_signed && low >= span / 2 ? low - span : low;
}

typedef wide_int (*meaning2)(wide_int a, wide_int b, int bits, int is_signed);
static wide_int add_means(wide_int a, wide_int b, int bits, int is_signed) {
    return wrapped(a + b, bits, is_signed);
}
static wide_int sub_means(wide_int a, wide_int b, int bits, int is_signed) {
    return wrapped(a - b, bits, is_signed);
}
static wide_int mul_means(wide_int a, wide_int b, int bits, int is_signed) {
    uint64_t low = (uint64_t)a * (uint64_t)b;
    return wrapped((wide_int)low, bits, is_signed);
}
static wide_int div_means(wide_int a, wide_int b, int bits, int is_signed) {
    return b == 0 ? 0 : wrapped(a / b, bits, is_signed);
}
static wide_int rem_means(wide_int a, wide_int b, int bits, int is_signed) {
    (void)bits, (void)is_signed;
    return b == 0 ? a : a % b;
}
static wide_int max_means(wide_int a, wide_int b, int bits, int is_signed) {
    (void)bits, (void)is_signed;
    return a > b ? a : b;
}
static wide_int min_means(wide_int a, wide_int b, int bits, int is_signed) {
    (void)bits, (void)is_signed;
    return a < b ? a : b;
}
static wide_int shl_means(wide_int a, wide_int b, int bits, int is_signed) {
    if (b < 0 || b >= bits) return 0;
    uint64_t low = (uint64_t)a << (int)b;
    return wrapped((wide_int)low, bits, is_signed);
}
static wide_int shr_means(wide_int a, wide_int b, int bits, int is_signed) {
    (void)is_signed;
    if (b < 0 || b >= bits) return a < 0 ? -1 : 0;
    return a >> (int)b;
}
static wide_int abs_means(wide_int a, wide_int b, int bits, int is_signed) {
    (void)b;
    return wrapped(a < 0 ? -a : a, bits, is_signed);
}
static wide_int neg_means(wide_int a, wide_int b, int bits, int is_signed) {
    (void)b;
    return wrapped(-a, bits, is_signed);
}

typedef struct integer_row {
    const char *name;
    void (*run)(const void *a, const void *b, void *out);
    meaning2 meaning;
    int bits, is_signed;
} integer_row;

#define RUN2(op, type)                                                                                                 \
    static void op##_##type(const void *a, const void *b, void *out) {                                                 \
        LANES_BINARY(op##_##type, type, a, b, out);                                                                    \
    }
#define RUN1(op, type)                                                                                                 \
    static void op##_##type(const void *a, const void *b, void *out) {                                                 \
        (void)b;                                                                                                       \
        LANES_UNARY(op##_##type, type, type, a, out);                                                                  \
    }
#define RUNS(type, bits, is_signed)                                                                                    \
    RUN2(add, type)                                                                                                    \
    RUN2(sub, type)                                                                                                    \
    RUN2(mul, type)                                                                                                    \
    RUN2(div, type)                                                                                                    \
    RUN2(rem, type)                                                                                                    \
    RUN2(max, type)                                                                                                    \
    RUN2(min, type)                                                                                                    \
    RUN2(shl, type)                                                                                                    \
    RUN2(shr, type)                                                                                                    \
    RUN1(abs, type)                                                                                                    \
    RUN1(neg, type)
INTEGERS(RUNS)

#define ROW(op, type, bits, is_signed) {#op " " #type, op##_##type, op##_means, bits, is_signed},
#define ROWS(type, bits, is_signed)                                                                                    \
    ROW(add, type, bits, is_signed)                                                                                    \
    ROW(sub, type, bits, is_signed)                                                                                    \
    ROW(mul, type, bits, is_signed)                                                                                    \
    ROW(div, type, bits, is_signed)                                                                                    \
    ROW(rem, type, bits, is_signed)                                                                                    \
    ROW(max, type, bits, is_signed)                                                                                    \
    ROW(min, type, bits, is_signed)                                                                                    \
    ROW(shl, type, bits, is_signed)                                                                                    \
    ROW(shr, type, bits, is_signed)                                                                                    \
    ROW(abs, type, bits, is_signed)                                                                                    \
    ROW(neg, type, bits, is_signed)
static const integer_row integer_rows[] = {INTEGERS(ROWS)};

/* Small numbers, both ends, any bits. */
static uint64_t integer(uint64_t *state, int bits) {
    uint64_t any = next_random(state);
    switch (next_random(state) % 4) {
    case 0: return any % 5 - 2;
    case 1: return ((uint64_t)1 << (bits - 1)) - any % 2;
    case 2: return any % (uint64_t)(2 * bits);
    default: return any;
    }
}

static wide_int read_integer(const void *from, int lane, int bits, int is_signed) {
    uint64_t low = 0;
    memcpy(&low, (const char *)from + lane * bits / 8, (size_t)bits / 8);
    return wrapped((wide_int)low, bits, is_signed);
}

START_TEST(integers_wrap_and_are_defined) {
    const integer_row *row = &integer_rows[_i];
    uint64_t state = (uint64_t)_i, a[LANES], b[LANES], out[LANES];
    int failures = 0;
    for (int round = 0; round < 20000 / LANES; round++) {
        for (int i = 0; i < LANES; i++) {
            uint64_t x = integer(&state, row->bits), y = integer(&state, row->bits);
            memcpy((char *)a + i * row->bits / 8, &x, (size_t)row->bits / 8);
            memcpy((char *)b + i * row->bits / 8, &y, (size_t)row->bits / 8);
        }
        row->run(a, b, out);
        for (int i = 0; i < LANES; i++) {
            wide_int x = read_integer(a, i, row->bits, row->is_signed),
                     y = read_integer(b, i, row->bits, row->is_signed);
            wide_int want = row->meaning(x, y, row->bits, row->is_signed);
            wide_int got = read_integer(out, i, row->bits, row->is_signed);
            if (got != want && failures++ < 3)
                fprintf(stderr, "%s of %lld, %lld is %lld, not %lld\n", row->name, (long long)x, (long long)y,
                        (long long)got, (long long)want);
        }
    }
    ck_assert_int_eq(failures, 0);
}
END_TEST

/* -- Conversions ------------------------------------------------------------------------------------------------------- */

enum { SIGNED, UNSIGNED, TRUTH, REAL };
typedef struct format {
    const char *name;
    int kind, bits, digits, least; /* digits of the significand and least exponent of REAL */
} format;

/* Order of the table of conversions. */
static const format formats[] = {{"f64", REAL, 64, 53, -1021}, {"f32", REAL, 32, 24, -125}, {"f16", REAL, 16, 11, -13},
                                 {"bf16", REAL, 16, 8, -125},  {"i8", SIGNED, 8, 0, 0},     {"i16", SIGNED, 16, 0, 0},
                                 {"i32", SIGNED, 32, 0, 0},    {"i64", SIGNED, 64, 0, 0},   {"u8", UNSIGNED, 8, 0, 0},
                                 {"u16", UNSIGNED, 16, 0, 0},  {"u32", UNSIGNED, 32, 0, 0}, {"u64", UNSIGNED, 64, 0, 0},
                                 {"bool", TRUTH, 8, 0, 0}};
enum { FORMATS = sizeof formats / sizeof *formats };

typedef void (*conversion)(const void *a, void *out);
#define CONVERSION(prefix, from, to)                                                                                   \
    static void prefix##_##from##_##to(const void *a, void *out) {                                                     \
        LANES_UNARY(prefix##_##from##_##to, to, from, a, out);                                                         \
    }
#define TO_ALL(from)                                                                                                   \
    CONVERSION(cast, from, f64)                                                                                        \
    CONVERSION(cast, from, f32)                                                                                        \
    CONVERSION(cast, from, f16)                                                                                        \
    CONVERSION(cast, from, bf16)                                                                                       \
    CONVERSION(cast, from, i8)                                                                                         \
    CONVERSION(cast, from, i16)                                                                                        \
    CONVERSION(cast, from, i32)                                                                                        \
    CONVERSION(cast, from, i64)                                                                                        \
    CONVERSION(cast, from, u8)                                                                                         \
    CONVERSION(cast, from, u16)                                                                                        \
    CONVERSION(cast, from, u32)                                                                                        \
    CONVERSION(cast, from, u64)                                                                                        \
    CONVERSION(cast, from, bool)
#define WRAP_ALL(from)                                                                                                 \
    CONVERSION(wrap, from, i8)                                                                                         \
    CONVERSION(wrap, from, i16)                                                                                        \
    CONVERSION(wrap, from, i32)                                                                                        \
    CONVERSION(wrap, from, i64)                                                                                        \
    CONVERSION(wrap, from, u8)                                                                                         \
    CONVERSION(wrap, from, u16)                                                                                        \
    CONVERSION(wrap, from, u32)                                                                                        \
    CONVERSION(wrap, from, u64)
TO_ALL(f64)
TO_ALL(f32)
TO_ALL(f16)
TO_ALL(bf16)
TO_ALL(i8)
TO_ALL(i16)
TO_ALL(i32)
TO_ALL(i64)
TO_ALL(u8)
TO_ALL(u16)
TO_ALL(u32)
TO_ALL(u64)
TO_ALL(bool)
WRAP_ALL(f64)
WRAP_ALL(f32)
WRAP_ALL(f16)
WRAP_ALL(bf16)

#define CASTS(from)                                                                                                    \
    {                                                                                                                  \
        cast_##from##_f64, cast_##from##_f32, cast_##from##_f16, cast_##from##_bf16, cast_##from##_i8,                 \
            cast_##from##_i16, cast_##from##_i32, cast_##from##_i64, cast_##from##_u8, cast_##from##_u16,              \
            cast_##from##_u32, cast_##from##_u64, cast_##from##_bool                                                   \
    }
static const conversion casts[FORMATS][FORMATS] = {CASTS(f64), CASTS(f32), CASTS(f16), CASTS(bf16), CASTS(i8),
                                                   CASTS(i16), CASTS(i32), CASTS(i64), CASTS(u8),   CASTS(u16),
                                                   CASTS(u32), CASTS(u64), CASTS(bool)};
#define WRAPS(from)                                                                                                    \
    {                                                                                                                  \
        NULL, NULL, NULL, NULL, wrap_##from##_i8, wrap_##from##_i16, wrap_##from##_i32, wrap_##from##_i64,             \
            wrap_##from##_u8, wrap_##from##_u16, wrap_##from##_u32, wrap_##from##_u64, NULL                            \
    }
static const conversion wraps[4][FORMATS] = {WRAPS(f64), WRAPS(f32), WRAPS(f16), WRAPS(bf16)};

/* The value of some bits; long double holds all formats. */
static long double value_of(const format *f, uint64_t bits) {
    if (f->kind != REAL) return (long double)wrapped((wide_int)bits, f->bits, f->kind == SIGNED);
    if (f->bits == 64) return (long double)double_of(bits);
    if (f->bits == 32) return (long double)float_of((uint32_t)bits);
    int stored = f->digits - 1, exponent = (int)(bits >> stored & ((1u << (15 - stored)) - 1)),
        top = (1 << (15 - stored)) - 1;
    long double m = (long double)(bits & ((1u << stored) - 1)), sign = bits >> 15 ? -1 : 1;
    if (exponent == top) return m != 0 ? (long double)NAN : sign * (long double)INFINITY;
    if (exponent == 0) return sign * ldexpl(m, f->least - f->digits);
    return sign * ldexpl(m + ldexpl(1, stored), f->least - f->digits + exponent - 1);
}

/* Nearest of a format, ties to even. */
static long double rounded(const format *f, long double v) {
    int exponent;
    if (v == 0 || isnan(v) || isinf(v)) return v;
    frexpl(v, &exponent);
    int unit = (exponent > f->least ? exponent : f->least) - f->digits;
    long double r = ldexpl(rintl(ldexpl(v, -unit)), unit), end = ldexpl(1, f->bits == 64     ? 1024
                                                                           : f->least == -13 ? 16
                                                                                             : 128);
    return fabsl(r) >= end ? (v < 0 ? -(long double)INFINITY : (long double)INFINITY) : r;
}

static long double saturated(const format *f, long double v) {
    long double low = f->kind == SIGNED ? -ldexpl(1, f->bits - 1) : 0;
    long double high = ldexpl(1, f->bits - (f->kind == SIGNED)) - 1;
    if (isnan(v)) return 0;
    v = truncl(v);
    return v < low ? low : v > high ? high : v;
}

static long double wrapped_value(const format *f, long double v) {
    if (isnan(v) || isinf(v)) return 0;
    long double span = ldexpl(1, f->bits), low = fmodl(truncl(v), span);
    if (low < 0) low += span;
    return f->kind == SIGNED && low >= span / 2 ? low - span : low + 0.0L;
}

static long double converted(const format *from, const format *to, long double v, int wraps_around) {
    if (to->kind == TRUTH) return v != 0;
    if (to->kind == REAL) return rounded(to, v);
    return from->kind == REAL && !wraps_around ? saturated(to, v) : wrapped_value(to, v);
}

static uint64_t bits_for(const format *f, uint64_t *state) {
    uint64_t any = next_random(state), stored = (uint64_t)f->digits - 1;
    if (f->kind == TRUTH) return any & 1;
    if (f->kind != REAL) return integer(state, f->bits);
    if (next_random(state) % 2) return any;
    /* Near the ends of integers and at halves: exponents from -3 to 66. */
    uint64_t bias = f->bits == 64 ? 1023 : f->least == -13 ? 15 : 127, power = bias + any % 70 - 3;
    uint64_t few = any >> 20 & (next_random(state) % 2 ? 7 : ~UINT64_C(0));
    uint64_t low = few << (stored - 3) & ((UINT64_C(1) << stored) - 1);
    return (power << stored | low | (any >> 63) << (f->bits - 1));
}

/* One pair of formats; returns failures. */
static int try_pair(const format *from, const format *to, conversion convert, int wraps_around) {
    uint64_t state = (uint64_t)(from - formats) * FORMATS + (uint64_t)(to - formats), a[LANES], out[LANES];
    int failures = 0, small = from->bits == 16;
    for (int round = 0; round < (small ? 65536 : 20000) / LANES; round++) {
        for (int i = 0; i < LANES; i++) {
            uint64_t bits = small ? (uint64_t)(round * LANES + i) : bits_for(from, &state);
            memcpy((char *)a + i * from->bits / 8, &bits, (size_t)from->bits / 8);
        }
        convert(a, out);
        for (int i = 0; i < LANES; i++) {
            uint64_t bits = 0, result = 0;
            memcpy(&bits, (char *)a + i * from->bits / 8, (size_t)from->bits / 8);
            memcpy(&result, (char *)out + i * to->bits / 8, (size_t)to->bits / 8);
            long double v = value_of(from, bits), want = converted(from, to, v, wraps_around),
                        got = value_of(to, result);
            int same = isnan(want) ? isnan(got) : got == want && (to->kind != REAL || signbit(got) == signbit(want));
            if (!same && failures++ < 3)
                fprintf(stderr, "%s %s to %s: %La is %La, not %La\n", wraps_around ? "wrap" : "cast", from->name,
                        to->name, v, got, want);
        }
    }
    return failures;
}

START_TEST(conversions_round_once) {
    int failures = 0;
    for (int to = 0; to < FORMATS; to++) {
        failures += try_pair(&formats[_i], &formats[to], casts[_i][to], 0);
        if (_i < 4 && wraps[_i][to]) failures += try_pair(&formats[_i], &formats[to], wraps[_i][to], 1);
    }
    ck_assert_int_eq(failures, 0);
}
END_TEST

int main(void) {
    if (machine_lacks()) return SKIPPED;
    Suite *suite = suite_create("math_integer");
    TCase *cases = tcase_create("exact");
    tcase_set_timeout(cases, 0);
    tcase_add_loop_test(cases, integers_wrap_and_are_defined, 0, (int)(sizeof integer_rows / sizeof *integer_rows));
    tcase_add_loop_test(cases, conversions_round_once, 0, FORMATS);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
