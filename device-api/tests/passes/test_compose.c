/* Composites that work element by element, against their meaning in f64. The other kinds have files of their own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tests.h"

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static double softplus(double x) {
    return x > 30 ? x + exp(-x) : log1p(exp(x));
}

static double m_relu(double x, double y) {
    (void)y;
    return isnan(x) ? x : x > 0 ? x : 0;
}
static double m_leaky_relu(double x, double y) {
    (void)y;
    return x < 0 ? 0.25 * x : x;
}
static double m_elu(double x, double y) {
    (void)y;
    return x < 0 ? 1.5 * expm1(x) : x;
}
static double m_celu(double x, double y) {
    (void)y;
    return isnan(x) ? x : fmax(0, x) + fmin(0, 2 * expm1(x / 2));
}
static double m_selu(double x, double y) {
    (void)y;
    return 1.05 * (x < 0 ? 1.67 * expm1(x) : x);
}
static double m_thresholded_relu(double x, double y) {
    (void)y;
    return x > 0.5 ? x : 0;
}
static double m_shrink(double x, double y) {
    (void)y;
    return x < -0.5 ? x + 0.25 : x > 0.5 ? x - 0.25 : 0;
}
static double m_sigmoid(double x, double y) {
    (void)y;
    return sigmoid(x);
}
static double m_hard_sigmoid(double x, double y) {
    (void)y;
    return isnan(x) ? x : fmax(0, fmin(1, 0.25 * x + 0.5));
}
static double m_silu(double x, double y) {
    (void)y;
    return x * sigmoid(x);
}
static double m_swish(double x, double y) {
    (void)y;
    return x * sigmoid(1.5 * x);
}
static double m_hard_swish(double x, double y) {
    (void)y;
    return isnan(x) ? x : x * fmax(0, fmin(1, x / 6 + 0.5));
}
static double m_gelu(double x, double y) {
    (void)y;
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}
static double m_gelu_tanh(double x, double y) {
    (void)y;
    return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}
static double m_softplus(double x, double y) {
    (void)y;
    return softplus(x);
}
static double m_softsign(double x, double y) {
    (void)y;
    return x / (1 + fabs(x));
}
static double m_mish(double x, double y) {
    (void)y;
    return x * tanh(softplus(x));
}
static double m_reciprocal(double x, double y) {
    (void)y;
    return 1 / x;
}
static double m_sign(double x, double y) {
    (void)y;
    return x > 0 ? 1 : x < 0 ? -1 : x;
}
static double m_ceil(double x, double y) {
    (void)y;
    return ceil(x);
}
static double m_not(double x, double y) {
    (void)y;
    return !x;
}
static double m_complement(double x, double y) {
    (void)y;
    return -x - 1;
}
static double m_tan(double x, double y) {
    (void)y;
    return tan(x);
}
static double m_sinh(double x, double y) {
    (void)y;
    return sinh(x);
}
static double m_cosh(double x, double y) {
    (void)y;
    return cosh(x);
}
static double m_asin(double x, double y) {
    (void)y;
    return asin(x);
}
static double m_acos(double x, double y) {
    (void)y;
    return acos(x);
}
static double m_atan(double x, double y) {
    (void)y;
    return atan(x);
}
static double m_asinh(double x, double y) {
    (void)y;
    return asinh(x);
}
static double m_acosh(double x, double y) {
    (void)y;
    return acosh(x);
}
static double m_atanh(double x, double y) {
    (void)y;
    return atanh(x);
}
static double m_is_nan(double x, double y) {
    (void)y;
    return isnan(x) != 0;
}
static double m_is_inf(double x, double y) {
    (void)y;
    return isinf(x) != 0;
}
static double m_is_pos_inf(double x, double y) {
    (void)y;
    return x == HUGE_VAL;
}
static double m_is_neg_inf(double x, double y) {
    (void)y;
    return x == -HUGE_VAL;
}
static double m_zero(double x, double y) {
    (void)x;
    (void)y;
    return 0;
}
static double m_le(double x, double y) {
    return x <= y;
}
static double m_ge(double x, double y) {
    return x >= y;
}
static double m_gt(double x, double y) {
    return x > y;
}
static double m_ne(double x, double y) {
    return x != y;
}
static double m_mod(double x, double y) {
    double rest = fmod(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
static double m_fmod(double x, double y) {
    return fmod(x, y);
}
static double m_int_mod(double x, double y) {
    return y == 0 ? x : m_mod(x, y);
}
static double m_prelu(double x, double y) {
    return x < 0 ? y * x : x;
}

enum { EXACT = 0, FEW = 4, SOME = 12 }; /* units of the last place of f32 */

/* clang-format off */
static const struct row {
    const char *name, *node;
    double (*meaning)(double x, double y);
    double low, high; /* of operands drawn at random; special values join them for floats */
    int ulps;         /* of the result, in f32 */
    double absolute;  /* what cancellation near a zero or a tail leaves */
    tenon_dtype dtype, result;
} rows[] = {
#define F TENON_DTYPE_F32
#define B TENON_DTYPE_BOOL
#define I TENON_DTYPE_I32
#define U TENON_DTYPE_U8
    {"relu",             "tenon.relu.1(%0)", m_relu, -4, 4, EXACT, 0, F, F},
    {"relu_i32",         "tenon.relu.1(%0)", m_relu, -4, 4, EXACT, 0, I, I},
    {"leaky_relu",       "tenon.leaky_relu.1(%0) {alpha = 0.25}", m_leaky_relu, -4, 4, EXACT, 0, F, F},
    {"elu",              "tenon.elu.1(%0) {alpha = 1.5}", m_elu, -4, 4, FEW, 0, F, F},
    {"celu",             "tenon.celu.1(%0) {alpha = 2}", m_celu, -4, 4, FEW, 0, F, F},
    {"selu",             "tenon.selu.1(%0) {alpha = 1.67, scale = 1.05}", m_selu, -4, 4, FEW, 0, F, F},
    {"thresholded_relu", "tenon.thresholded_relu.1(%0) {alpha = 0.5}", m_thresholded_relu, -2, 2, EXACT, 0, F, F},
    {"shrink",           "tenon.shrink.1(%0) {alpha = 0.5, beta = 0.25}", m_shrink, -2, 2, EXACT, 0, F, F},
    {"sigmoid",          "tenon.sigmoid.1(%0)", m_sigmoid, -20, 20, FEW, 1e-38, F, F},
    {"hard_sigmoid",     "tenon.hard_sigmoid.1(%0) {alpha = 0.25, beta = 0.5}", m_hard_sigmoid, -4, 4, FEW, 1e-7, F, F},
    {"silu",             "tenon.silu.1(%0)", m_silu, -20, 20, FEW, 1e-36, F, F},
    {"swish",            "tenon.silu.1(%0) {alpha = 1.5}", m_swish, -10, 10, SOME, 1e-36, F, F},
    {"hard_swish",       "tenon.hard_swish.1(%0)", m_hard_swish, -4, 4, FEW, 4e-7, F, F},
    {"gelu",             "tenon.gelu.1(%0)", m_gelu, -6, 6, FEW, 4e-7, F, F},
    {"gelu_tanh",        "tenon.gelu.1(%0) {mode = 1}", m_gelu_tanh, -6, 6, FEW, 4e-7, F, F},
    {"softplus",         "tenon.softplus.1(%0)", m_softplus, -80, 80, FEW, 1e-38, F, F},
    {"softsign",         "tenon.softsign.1(%0)", m_softsign, -9, 9, FEW, 0, F, F},
    {"mish",             "tenon.mish.1(%0)", m_mish, -20, 20, FEW, 1e-38, F, F},
    {"reciprocal",       "tenon.reciprocal.1(%0)", m_reciprocal, -4, 4, FEW, 0, F, F},
    {"sign",             "tenon.sign.1(%0)", m_sign, -4, 4, EXACT, 0, F, F},
    {"sign_i32",         "tenon.sign.1(%0)", m_sign, -4, 4, EXACT, 0, I, I},
    {"sign_u8",          "tenon.sign.1(%0)", m_sign, 0, 4, EXACT, 0, U, U},
    {"ceil",             "tenon.ceil.1(%0)", m_ceil, -4, 4, EXACT, 0, F, F},
    {"not",              "tenon.not.1(%0)", m_not, 0, 2, EXACT, 0, B, B},
    {"not_i32",          "tenon.not.1(%0)", m_complement, -9, 9, EXACT, 0, I, I},
    {"tan",              "tenon.tan.1(%0)", m_tan, -1.5, 1.5, SOME, 0, F, F},
    {"sinh",             "tenon.sinh.1(%0)", m_sinh, -89, 89, SOME, 0, F, F},
    {"sinh_near_0",      "tenon.sinh.1(%0)", m_sinh, -0.01, 0.01, SOME, 0, F, F},
    {"cosh",             "tenon.cosh.1(%0)", m_cosh, -89, 89, SOME, 0, F, F},
    {"asin",             "tenon.asin.1(%0)", m_asin, -1, 1, SOME, 0, F, F},
    {"acos",             "tenon.acos.1(%0)", m_acos, -1, 1, SOME, 2e-7, F, F},
    {"atan",             "tenon.atan.1(%0)", m_atan, -30, 30, SOME, 0, F, F},
    {"atan_near_0",      "tenon.atan.1(%0)", m_atan, -0.001, 0.001, SOME, 0, F, F},
    {"asinh",            "tenon.asinh.1(%0)", m_asinh, -50, 50, SOME, 0, F, F},
    {"asinh_near_0",     "tenon.asinh.1(%0)", m_asinh, -0.001, 0.001, SOME, 0, F, F},
    {"asinh_large",      "tenon.asinh.1(%0)", m_asinh, 1e20, 3e38, SOME, 0, F, F},
    {"acosh",            "tenon.acosh.1(%0)", m_acosh, 1, 50, SOME, 0, F, F},
    {"acosh_large",      "tenon.acosh.1(%0)", m_acosh, 1e20, 3e38, SOME, 0, F, F},
    {"atanh",            "tenon.atanh.1(%0)", m_atanh, -1, 1, SOME, 0, F, F},
    {"atanh_near_0",     "tenon.atanh.1(%0)", m_atanh, -0.001, 0.001, SOME, 0, F, F},
    {"is_nan",           "tenon.is_nan.1(%0)", m_is_nan, -1, 1, EXACT, 0, F, B},
    {"is_inf",           "tenon.is_inf.1(%0)", m_is_inf, -1, 1, EXACT, 0, F, B},
    {"is_pos_inf",       "tenon.is_inf.1(%0) {mode = 1}", m_is_pos_inf, -1, 1, EXACT, 0, F, B},
    {"is_neg_inf",       "tenon.is_inf.1(%0) {mode = 2}", m_is_neg_inf, -1, 1, EXACT, 0, F, B},
    {"is_inf_none",      "tenon.is_inf.1(%0) {mode = 3}", m_zero, -1, 1, EXACT, 0, F, B},
    {"le",               "tenon.le.1(%0, %1)", m_le, -2, 2, EXACT, 0, F, B},
    {"le_i32",           "tenon.le.1(%0, %1)", m_le, -2, 2, EXACT, 0, I, B},
    {"ge",               "tenon.ge.1(%0, %1)", m_ge, -2, 2, EXACT, 0, F, B},
    {"ge_u8",            "tenon.ge.1(%0, %1)", m_ge, 0, 4, EXACT, 0, U, B},
    {"gt",               "tenon.gt.1(%0, %1)", m_gt, -2, 2, EXACT, 0, F, B},
    {"ne",               "tenon.ne.1(%0, %1)", m_ne, -2, 2, EXACT, 0, F, B},
    {"mod",              "tenon.mod.1(%0, %1)", m_mod, -9, 9, FEW, 1e-6, F, F},
    {"fmod",             "tenon.mod.1(%0, %1) {mode = 1}", m_fmod, -9, 9, EXACT, 0, F, F},
    {"mod_i32",          "tenon.mod.1(%0, %1)", m_int_mod, -9, 9, EXACT, 0, I, I},
    {"mod_u8",           "tenon.mod.1(%0, %1)", m_int_mod, 0, 9, EXACT, 0, U, U},
    {"prelu",            "tenon.prelu.1(%0, %1)", m_prelu, -2, 2, FEW, 0, F, F},
#undef F
#undef B
#undef I
#undef U
};
/* clang-format on */

/* All pairs of special values come first for floats, then random ones. */
static const double special[] = {0.0, -0.0, 1, -1, 0.5, HUGE_VAL, -HUGE_VAL, NAN};
enum { SPECIAL = sizeof special / sizeof *special, COUNT = SPECIAL * SPECIAL + 100 };

static void check(const struct row *row, tenon_dtype dtype, double relative, double absolute) {
    test_tensor in[2], out[1];
    double wanted[COUNT];
    char result[32];
    bool pair = strstr(row->node, "%1") != NULL;
    for (int i = 0; i < 2; i++) {
        in[i] = test_tensor_of(dtype, 1, (int64_t[]){COUNT});
        test_fill(&in[i], 11 + (unsigned)i, row->low, row->high);
        for (int k = 0; tenon_dtype_class(dtype) == TENON_CLASS_FLOAT && k < SPECIAL * SPECIAL; k++)
            in[i].values[k] = special[i ? k / SPECIAL : k % SPECIAL];
    }
    tenon_dtype result_dtype = row->result == TENON_DTYPE_F32 ? dtype : row->result;
    for (int k = 0; k < COUNT; k++)
        wanted[k] = test_rounded(result_dtype, row->meaning(in[0].values[k], in[1].values[k]));
    snprintf(result, sizeof result, "%s[%d]", tenon_dtype_name(result_dtype), COUNT);
    test_run_node(row->name, row->node, result, in, pair ? 2 : 1, out);
    test_expect(row->name, &out[0], wanted, relative, absolute);
    test_free(in, 2);
    test_free(out, 1);
}

START_TEST(test_elements) {
    const struct row *row = &rows[_i];
    check(row, row->dtype, row->ulps * 0x1p-24, row->absolute);
    if (row->dtype != TENON_DTYPE_F32) return;
    check(row, TENON_DTYPE_F64, row->ulps * 0x1p-52, row->absolute * 1e-7);
    check(row, TENON_DTYPE_F16, row->ulps ? 0x1p-9 : 0, row->absolute ? 0x1p-9 : 1e-7);
}
END_TEST

START_TEST(test_clip) {
    static const struct clip_row {
        const char *name, *node;
        double low, high;
    } clips[] = {
        {"both", "tenon.clip.1(%0, %1, %2)", -0.5, 0.75},
        {"low", "tenon.clip.1(%0, %1)", -0.5, HUGE_VAL},
        {"high", "tenon.clip.1(%0, none, %2)", -HUGE_VAL, 0.75},
        {"crossed", "tenon.clip.1(%0, %2, %1)", 0.75, -0.5},
    };
    for (size_t r = 0; r < sizeof clips / sizeof *clips; r++) {
        test_tensor in[3] = {test_tensor_of(TENON_DTYPE_F32, 2, (int64_t[]){2, 4}),
                             test_tensor_of(TENON_DTYPE_F32, 0, NULL), test_tensor_of(TENON_DTYPE_F32, 0, NULL)},
                    out[1];
        double wanted[SPECIAL];
        memcpy(in[0].values, special, sizeof special);
        in[1].values[0] = -0.5;
        in[2].values[0] = 0.75;
        for (int i = 0; i < SPECIAL; i++) {
            double x = special[i];
            wanted[i] = isnan(x) ? x : fmin(fmax(x, clips[r].low), clips[r].high);
        }
        test_run_node(clips[r].name, clips[r].node, "f32[2, 4]", in, 3, out);
        test_expect(clips[r].name, &out[0], wanted, 0, 0);
        test_free(in, 3);
        test_free(out, 1);
    }
}
END_TEST

/* Every composite of the table has been run by one of these tests. */
START_TEST(test_all_met) {
    for (uint32_t i = 1; i < TENON__COMPOSITE_COUNT; i++)
        ck_assert_msg(test_met[i], "no test runs %s", tenon__composite_row(i)->name);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("composites");
    TCase *tests = tcase_create("elements"), *last = tcase_create("coverage");
    tcase_add_loop_test(tests, test_elements, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tests, test_clip);
    tcase_add_test(last, test_all_met);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, tests_of_axes());
    suite_add_tcase(suite, tests_of_windows());
    suite_add_tcase(suite, tests_of_indices());
    suite_add_tcase(suite, last);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
