/* The floats of the in-source maths against libm: f32 against double, f64 against long double, errors in ULP of the exact
 * result. Bounds are tighter than the operator table's. The stride over all f32 bit patterns is odd; give another as the
 * first argument (1: all of them, minutes). */
#include "math_lanes.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t stride = 40961;

typedef struct unary {
    const char *name;
    void (*narrow)(const float *a, float *out);
    void (*wide)(const double *a, double *out);
    double (*narrow_meaning)(double a);
    long double (*wide_meaning)(long double a);
    double narrow_bound, wide_bound; /* ULP */
} unary;

#define UNARY(name)                                                                                                    \
    static void name##_narrow(const float *a, float *out) {                                                            \
        LANES_UNARY(name##_f32, f32, f32, a, out);                                                                     \
    }                                                                                                                  \
    static void name##_wide(const double *a, double *out) {                                                            \
        LANES_UNARY(name##_f64, f64, f64, a, out);                                                                     \
    }
UNARY(exp2)
UNARY(log2)
UNARY(sin)
UNARY(cos)
UNARY(exp)
UNARY(log)
UNARY(expm1)
UNARY(log1p)
UNARY(tanh)
UNARY(erf)
UNARY(sqrt)
UNARY(floor)
UNARY(trunc)
UNARY(rint)
UNARY(abs)
UNARY(neg)

static double minus(double a) {
    return -a;
}
static long double minus_wide(long double a) {
    return -a;
}

static const unary unaries[] = {
#define ROW(name, narrow, wide)                                                                                        \
    { #name, name##_narrow, name##_wide, name, name##l, narrow, wide }
    ROW(exp2, 1.2, 1.2),
    ROW(log2, 1.0, 1.0),
    ROW(sin, 0.51, 0.9),
    ROW(cos, 0.51, 0.9),
    ROW(exp, 1.1, 1.1),
    ROW(log, 1.0, 1.0),
    ROW(expm1, 1.6, 2.3),
    ROW(log1p, 1.0, 1.0),
    ROW(tanh, 2.6, 3.0),
    ROW(erf, 1.2, 1.3),
    ROW(sqrt, 0.5001, 0.5005), /* the reference is itself rounded */
    ROW(floor, 0, 0),
    ROW(trunc, 0, 0),
    ROW(rint, 0, 0),
    {"abs", abs_narrow, abs_wide, fabs, fabsl, 0, 0},
    {"neg", neg_narrow, neg_wide, minus, minus_wide, 0, 0},
};

/* -- Comparing --------------------------------------------------------------------------------------------------------- */

typedef struct tally {
    const char *name;
    int failures;
    long double worst;
} tally;

static void complain(tally *t, long double got, long double want, long double a, long double b) {
    if (t->failures++ < 3) fprintf(stderr, "%s(%La, %La) is %La, not %La\n", t->name, a, b, got, want);
}

/* `digits` of the significand, `least` exponent: the format that `got` is in. */
static void judge(tally *t, long double got, long double want, int digits, int least, double bound, long double a,
                  long double b) {
    int exponent;
    long double rounded = digits == 24 ? (long double)(float)want : (long double)(double)want;
    if (isnan(want) || isnan(got)) {
        if (isnan(want) != isnan(got)) complain(t, got, want, a, b);
        return;
    }
    if (isinf(rounded) || isinf(got)) { /* one ULP below the end may have been rounded over it */
        if (got != rounded && fabsl(want) < ldexpl(0.999999L, digits == 24 ? 128 : 1024)) complain(t, got, want, a, b);
        return;
    }
    if (want == 0 || bound == 0) {
        if (got != rounded || signbit(got) != signbit(rounded)) complain(t, got, want, a, b);
        return;
    }
    frexpl(want, &exponent);
    long double unit = ldexpl(1, (exponent > least ? exponent : least) - digits), error = fabsl(got - want) / unit;
    if (error > t->worst) t->worst = error;
    if (!(error <= bound)) complain(t, got, want, a, b);
}

static void judge_narrow(tally *t, float got, double want, double bound, float a, float b) {
    judge(t, (long double)got, (long double)want, 24, -125, bound, (long double)a, (long double)b);
}
static void judge_wide(tally *t, double got, long double want, double bound, double a, double b) {
    judge(t, (long double)got, want, 53, -1021, bound, (long double)a, (long double)b);
}

/* -- Numbers ----------------------------------------------------------------------------------------------------------- */

static const double edges[] = {0,
                               -0.0,
                               1,
                               -1,
                               0.5,
                               -0.5,
                               2,
                               -2,
                               3,
                               -3,
                               INFINITY,
                               -INFINITY,
                               NAN,
                               0x1p-149,
                               -0x1p-149,
                               0x1p-126,
                               0x1p-1074,
                               0x1p-1022,
                               0x1p23,
                               0x1p24,
                               0x1p52,
                               0x1p53,
                               -0x1p52,
                               0x1.fffffep127,
                               1.5,
                               -2.5,
                               709.7,
                               88.7,
                               -87.4,
                               -103.9,
                               -745.1,
                               0x1p19,
                               0x1p20,
                               1e300,
                               -1e-300,
                               33,
                               0x1.fffffep-1,
                               0x1.000002p0,
                               0x1.fffffffffffffp1023,
                               0x1.921fb54442d18p0,
                               0x1.921fb6p1};
enum { EDGES = sizeof edges / sizeof *edges };

/* Any bits, edges, whole numbers, ordinary sizes, near 1. */
static double number(uint64_t *state, int wide) {
    uint64_t bits = next_random(state);
    double ordinary = ldexp(1 + (double)(bits >> 11) * 0x1p-53, (int)(bits % 40) - 20);
    switch (next_random(state) % 5) {
    case 0: return wide ? double_of(bits) : (double)float_of((uint32_t)bits);
    case 1: return edges[bits % EDGES];
    case 2: return (double)((int)(bits % 601) - 300);
    case 3: return 1 + ldexp((double)(bits >> 11) * 0x1p-53 - 0.5, -(int)(bits % 12));
    default: return bits & 1024 ? -ordinary : ordinary;
    }
}

/* -- One argument ---------------------------------------------------------------------------------------------------- */

static void try_narrow(const unary *row, tally *t, const float *a) {
    float out[LANES];
    row->narrow(a, out);
    for (int i = 0; i < LANES; i++)
        judge_narrow(t, out[i], row->narrow_meaning((double)a[i]), row->narrow_bound, a[i], 0);
}

START_TEST(functions_of_one_number) {
    const unary *row = &unaries[_i];
    tally narrow = {.name = row->name}, wide = {.name = row->name};
    uint64_t state = (uint64_t)_i;
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += stride * LANES) {
        float a[LANES];
        for (uint64_t i = 0; i < LANES; i++) a[i] = float_of((uint32_t)(bits + i * stride));
        try_narrow(row, &narrow, a);
    }
    for (int round = 0; round < 100000 / LANES; round++) {
        float a[LANES];
        double b[LANES], out[LANES];
        for (int i = 0; i < LANES; i++) {
            b[i] = number(&state, 1);
            a[i] = (float)number(&state, 0);
        }
        try_narrow(row, &narrow, a);
        row->wide(b, out);
        for (int i = 0; i < LANES; i++)
            judge_wide(&wide, out[i], row->wide_meaning((long double)b[i]), row->wide_bound, b[i], 0);
    }
    printf("%-6s f32 %.4Lf ULP, f64 %.4Lf ULP\n", row->name, narrow.worst, wide.worst);
    ck_assert_int_eq(narrow.failures + wide.failures, 0);
}
END_TEST

/* -- Two and three arguments --------------------------------------------------------------------------------------- */

static long double larger(long double a, long double b) {
    if (isnan(a) || isnan(b)) return NAN;
    return a == b ? (signbit(a) ? b : a) : a > b ? a : b;
}
static long double smaller(long double a, long double b) {
    if (isnan(a) || isnan(b)) return NAN;
    return a == b ? (signbit(a) ? a : b) : a < b ? a : b;
}

typedef struct binary {
    const char *name;
    void (*narrow)(const float *a, const float *b, float *out);
    void (*wide)(const double *a, const double *b, double *out);
    long double (*meaning)(long double a, long double b);
    double narrow_bound, wide_bound;
} binary;

#define BINARY(name)                                                                                                   \
    static void name##_narrow(const float *a, const float *b, float *out) {                                            \
        LANES_BINARY(name##_f32, f32, a, b, out);                                                                      \
    }                                                                                                                  \
    static void name##_wide(const double *a, const double *b, double *out) {                                           \
        LANES_BINARY(name##_f64, f64, a, b, out);                                                                      \
    }
BINARY(pow)
BINARY(rem)
BINARY(max)
BINARY(min)

static const binary binaries[] = {
    {"pow", pow_narrow, pow_wide, powl, 0.51, 0.8},
    {"rem", rem_narrow, rem_wide, fmodl, 0, 0},
    {"max", max_narrow, max_wide, larger, 0, 0},
    {"min", min_narrow, min_wide, smaller, 0, 0},
};

START_TEST(functions_of_two_numbers) {
    const binary *row = &binaries[_i];
    tally narrow = {.name = row->name}, wide = {.name = row->name};
    uint64_t state = (uint64_t)_i + 100;
    for (int round = 0; round < 200000 / LANES; round++) {
        float a[LANES], b[LANES], out[LANES];
        double x[LANES], y[LANES], wide_out[LANES];
        for (int i = 0; i < LANES; i++) {
            a[i] = (float)number(&state, 0), b[i] = (float)number(&state, 0);
            x[i] = number(&state, 1), y[i] = number(&state, 1);
        }
        row->narrow(a, b, out);
        row->wide(x, y, wide_out);
        for (int i = 0; i < LANES; i++) {
            judge_narrow(&narrow, out[i], (double)row->meaning((long double)a[i], (long double)b[i]), row->narrow_bound,
                         a[i], b[i]);
            judge_wide(&wide, wide_out[i], row->meaning((long double)x[i], (long double)y[i]), row->wide_bound, x[i],
                       y[i]);
        }
    }
    printf("%-6s f32 %.4Lf ULP, f64 %.4Lf ULP\n", row->name, narrow.worst, wide.worst);
    ck_assert_int_eq(narrow.failures + wide.failures, 0);
}
END_TEST

/* Powers of whole numbers that the significand holds are exact; so are 2^n and log2 2^n. */
START_TEST(whole_results_are_exact) {
    int failures = 0;
    for (int base = -300; base <= 300; base++) {
        double exact = 1;
        for (int power = 0; power <= 60 && fabs(exact) <= 0x1p53; power++) {
            float a[LANES], b[LANES], narrow[LANES];
            double x[LANES], y[LANES], wide[LANES];
            for (int i = 0; i < LANES; i++) a[i] = (float)(x[i] = base), b[i] = (float)(y[i] = power);
            pow_narrow(a, b, narrow);
            pow_wide(x, y, wide);
            failures +=
                wide[LANES - 1] != exact || ((double)(float)exact == exact && (double)narrow[LANES - 1] != exact);
            exact *= base;
        }
    }
    for (int power = -149; power <= 127; power++) {
        float a[LANES], b[LANES];
        for (int i = 0; i < LANES; i++) a[i] = (float)power;
        exp2_narrow(a, b);
        failures += b[0] != ldexpf(1, power);
        log2_narrow(b, a);
        failures += a[0] != (float)power;
    }
    ck_assert_int_eq(failures, 0);
}
END_TEST

static void fma_narrow(const float *a, const float *b, const float *c, float *out) {
    LANES_TERNARY(fma_f32, f32, a, b, c, out);
}
static void fma_wide(const double *a, const double *b, const double *c, double *out) {
    LANES_TERNARY(fma_f64, f64, a, b, c, out);
}

/* Sums that nearly cancel, and products at both ends of the range, among others. */
START_TEST(fma_rounds_once) {
    tally narrow = {.name = "fma f32"}, wide = {.name = "fma f64"};
    uint64_t state = 7;
    for (int round = 0; round < 400000 / LANES; round++) {
        float a[LANES], b[LANES], c[LANES], out[LANES];
        double x[LANES], y[LANES], z[LANES], wide_out[LANES];
        for (int i = 0; i < LANES; i++) {
            int how = (int)(next_random(&state) % 6);
            a[i] = (float)number(&state, 0), b[i] = (float)number(&state, 0);
            c[i] = how == 0 ? -(a[i] * b[i]) : (float)number(&state, 0);
            x[i] = number(&state, 1), y[i] = number(&state, 1);
            z[i] = how == 1 ? -(x[i] * y[i]) : number(&state, 1);
            if (how == 2) x[i] = ldexp(x[i], -520), y[i] = ldexp(y[i], -530), z[i] = ldexp(z[i], -1050);
        }
        fma_narrow(a, b, c, out);
        fma_wide(x, y, z, wide_out);
        for (int i = 0; i < LANES; i++) {
            judge_narrow(&narrow, out[i], (double)fmaf(a[i], b[i], c[i]), 0, a[i], b[i]);
            judge_wide(&wide, wide_out[i], (long double)fma(x[i], y[i], z[i]), 0, x[i], y[i]);
        }
    }
    ck_assert_int_eq(narrow.failures + wide.failures, 0);
}
END_TEST

int main(int count, char **arguments) {
    if (machine_lacks()) return SKIPPED;
    if (count > 1) stride = strtoull(arguments[1], NULL, 0);
    Suite *suite = suite_create("math_real");
    TCase *cases = tcase_create("ulp");
    tcase_set_timeout(cases, 0);
    tcase_add_loop_test(cases, functions_of_one_number, 0, (int)(sizeof unaries / sizeof *unaries));
    tcase_add_loop_test(cases, functions_of_two_numbers, 0, (int)(sizeof binaries / sizeof *binaries));
    tcase_add_test(cases, whole_results_are_exact);
    tcase_add_test(cases, fma_rounds_once);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
