/* One element: conversions that round once, and the operators' semantics at their edges. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "passes/number.h"

/* Every f16 and bf16 comes back from f64, and the double half-way to its neighbour rounds to the even one. */
static void check_narrow(tenon_dtype dtype, uint32_t infinity) {
    for (uint32_t bits = 0; bits < infinity; bits++) {
        tenon__number here = tenon__number_of_bits(dtype, bits);
        ck_assert_uint_eq(tenon__number_bits(dtype, here), bits);
        ck_assert_uint_eq(tenon__number_bits(dtype, (tenon__number){.f = -here.f}), bits | 0x8000u);
        if (bits + 1 == infinity) continue;
        double next = tenon__number_of_bits(dtype, bits + 1).f, middle = (here.f + next) / 2;
        ck_assert_uint_eq(tenon__number_bits(dtype, (tenon__number){.f = middle}), bits + (bits & 1));
        ck_assert_uint_eq(tenon__number_bits(dtype, (tenon__number){.f = nextafter(middle, 0)}), bits);
        ck_assert_uint_eq(tenon__number_bits(dtype, (tenon__number){.f = nextafter(middle, next)}), bits + 1);
    }
    ck_assert(isinf(tenon__number_of_bits(dtype, infinity).f));
    ck_assert(isnan(tenon__number_of_bits(dtype, infinity + 1).f));
    ck_assert_uint_eq(tenon__number_bits(dtype, (tenon__number){.f = HUGE_VAL}), infinity);
    ck_assert(isnan(tenon__number_of_bits(dtype, tenon__number_bits(dtype, (tenon__number){.f = NAN})).f));
}

START_TEST(test_narrow_floats) {
    check_narrow(TENON_DTYPE_F16, 0x7c00);
    check_narrow(TENON_DTYPE_BF16, 0x7f80);
    ck_assert_uint_eq(tenon__number_bits(TENON_DTYPE_F16, (tenon__number){.f = 65519.999}), 0x7bff);
    ck_assert_uint_eq(tenon__number_bits(TENON_DTYPE_F16, (tenon__number){.f = 65520}), 0x7c00);
}
END_TEST

/* clang-format off */
static const struct cast_row {
    tenon_dtype from, to;
    double f;        /* when `from` is a float */
    int64_t i;       /* else */
    bool wrap;
    uint64_t bits;
} casts[] = {
    {TENON_DTYPE_F32, TENON_DTYPE_I8, 127.9, 0, false, 127},
    {TENON_DTYPE_F32, TENON_DTYPE_I8, -1.9, 0, false, 0xff},
    {TENON_DTYPE_F32, TENON_DTYPE_I8, 300, 0, false, 127},
    {TENON_DTYPE_F32, TENON_DTYPE_I8, -300, 0, false, 0x80},
    {TENON_DTYPE_F32, TENON_DTYPE_I8, NAN, 0, false, 0},
    {TENON_DTYPE_F32, TENON_DTYPE_U8, -3, 0, false, 0},
    {TENON_DTYPE_F32, TENON_DTYPE_U8, INFINITY, 0, false, 255},
    {TENON_DTYPE_F64, TENON_DTYPE_I64, 1e30, 0, false, INT64_MAX},
    {TENON_DTYPE_F64, TENON_DTYPE_I64, -1e30, 0, false, UINT64_C(1) << 63},
    {TENON_DTYPE_F64, TENON_DTYPE_U64, 1e30, 0, false, UINT64_MAX},
    {TENON_DTYPE_F64, TENON_DTYPE_U64, 18446744073709549568.0, 0, false, UINT64_C(18446744073709549568)},
    {TENON_DTYPE_F32, TENON_DTYPE_I8, 300, 0, true, 44},
    {TENON_DTYPE_F32, TENON_DTYPE_U8, -3, 0, true, 253},
    {TENON_DTYPE_F32, TENON_DTYPE_I32, INFINITY, 0, true, 0},
    {TENON_DTYPE_F64, TENON_DTYPE_U8, 0x1p70, 0, true, 0},
    {TENON_DTYPE_F32, TENON_DTYPE_BOOL, -0.0, 0, false, 0},
    {TENON_DTYPE_F32, TENON_DTYPE_BOOL, NAN, 0, false, 1},
    {TENON_DTYPE_I64, TENON_DTYPE_BOOL, 0, 256, false, 1},
    {TENON_DTYPE_I64, TENON_DTYPE_I8, 0, 200, false, 200},
    {TENON_DTYPE_I8, TENON_DTYPE_U64, 0, -1, false, UINT64_MAX},
    {TENON_DTYPE_I64, TENON_DTYPE_F32, 0, 16777217, false, 0x4b800000},
    {TENON_DTYPE_I64, TENON_DTYPE_F32, 0, (INT64_C(1) << 61) + (INT64_C(1) << 37) + 1, false, 0x5e000001}, /* rounds once */
    {TENON_DTYPE_F64, TENON_DTYPE_F16, 1.00048828125000001, 0, false, 0x3c00},
    {TENON_DTYPE_F64, TENON_DTYPE_F16, 1.0004882812500022, 0, false, 0x3c01},
};
/* clang-format on */

START_TEST(test_casts) {
    const struct cast_row *row = &casts[_i];
    tenon__number number = {.i = row->i};
    if (tenon_dtype_class(row->from) == TENON_CLASS_FLOAT) number.f = row->f;
    uint64_t bits = tenon__number_bits(row->to, tenon__number_cast(row->from, row->to, number, row->wrap));
    ck_assert_msg(bits == row->bits, "row %d: %#llx instead of %#llx", _i, (unsigned long long)bits,
                  (unsigned long long)row->bits);
}
END_TEST

/* clang-format off */
static const struct int_row {
    tenon_op op;
    tenon_dtype dtype;
    int64_t a, b, wanted;
} ints[] = {
    {TENON_OP_ADD, TENON_DTYPE_I8, 127, 1, -128},          {TENON_OP_SUB, TENON_DTYPE_U8, 0, 1, 255},
    {TENON_OP_MUL, TENON_DTYPE_I16, 300, 300, 24464},      {TENON_OP_DIV, TENON_DTYPE_I32, -7, 2, -3},
    {TENON_OP_DIV, TENON_DTYPE_I32, 5, 0, 0},              {TENON_OP_DIV, TENON_DTYPE_I8, -128, -1, -128},
    {TENON_OP_DIV, TENON_DTYPE_I64, INT64_MIN, -1, INT64_MIN}, {TENON_OP_REM, TENON_DTYPE_I32, -7, 2, -1},
    {TENON_OP_REM, TENON_DTYPE_I32, 7, 0, 7},              {TENON_OP_REM, TENON_DTYPE_I64, INT64_MIN, -1, 0},
    {TENON_OP_ABS, TENON_DTYPE_I8, -128, 0, -128},         {TENON_OP_NEG, TENON_DTYPE_U8, 1, 0, 255},
    {TENON_OP_SHL, TENON_DTYPE_I8, 1, 7, -128},            {TENON_OP_SHL, TENON_DTYPE_I8, 1, 8, 0},
    {TENON_OP_SHL, TENON_DTYPE_I8, 1, -1, 0},              {TENON_OP_SHR, TENON_DTYPE_I8, -128, 7, -1},
    {TENON_OP_SHR, TENON_DTYPE_I8, -1, 100, -1},           {TENON_OP_SHR, TENON_DTYPE_I8, 64, -1, 0},
    {TENON_OP_SHR, TENON_DTYPE_U8, 128, 7, 1},             {TENON_OP_SHR, TENON_DTYPE_U8, 128, 8, 0},
    {TENON_OP_MAX, TENON_DTYPE_U8, 200, 100, 200},         {TENON_OP_MIN, TENON_DTYPE_I8, -56, 100, -56},
    {TENON_OP_LT, TENON_DTYPE_U64, -1, 1, 0},              {TENON_OP_LT, TENON_DTYPE_I64, -1, 1, 1},
    {TENON_OP_XOR, TENON_DTYPE_BOOL, 1, 1, 0},             {TENON_OP_MAX, TENON_DTYPE_BOOL, 0, 1, 1},
};
static const struct float_row {
    tenon_op op;
    tenon_dtype dtype;
    double a, b, wanted;
} floats[] = {
    {TENON_OP_MAX, TENON_DTYPE_F32, NAN, 1, NAN},          {TENON_OP_MIN, TENON_DTYPE_F32, 1, NAN, NAN},
    {TENON_OP_MAX, TENON_DTYPE_F32, -0.0, 0.0, 0.0},       {TENON_OP_MIN, TENON_DTYPE_F32, 0.0, -0.0, -0.0},
    {TENON_OP_REM, TENON_DTYPE_F32, -7.5, 2, -1.5},        {TENON_OP_RINT, TENON_DTYPE_F32, 2.5, 0, 2},
    {TENON_OP_RINT, TENON_DTYPE_F32, -0.4, 0, -0.0},       {TENON_OP_SQRT, TENON_DTYPE_F32, -1, 0, NAN},
    {TENON_OP_EXP2, TENON_DTYPE_F32, -INFINITY, 0, 0},     {TENON_OP_LOG2, TENON_DTYPE_F32, 0, 0, -INFINITY},
    {TENON_OP_ADD, TENON_DTYPE_F32, 16777216, 1, 16777216}, {TENON_OP_ADD, TENON_DTYPE_F64, 16777216, 1, 16777217},
    {TENON_OP_POW, TENON_DTYPE_F32, -2, 3, -8},            {TENON_OP_DIV, TENON_DTYPE_F32, 1, 0, INFINITY},
};
/* clang-format on */

START_TEST(test_integers) {
    const struct int_row *row = &ints[_i];
    tenon__number args[2] = {{.i = row->a}, {.i = row->b}};
    tenon__number result = tenon__number_map(row->op, row->dtype, args);
    ck_assert_msg(result.i == row->wanted, "%s %s: %lld instead of %lld", tenon_op_row_of(row->op)->name,
                  tenon_dtype_name(row->dtype), (long long)result.i, (long long)row->wanted);
}
END_TEST

START_TEST(test_floats) {
    const struct float_row *row = &floats[_i];
    double result = tenon__number_map(row->op, row->dtype, (tenon__number[]){{.f = row->a}, {.f = row->b}}).f;
    bool same = isnan(row->wanted) ? isnan(result) : result == row->wanted && signbit(result) == signbit(row->wanted);
    ck_assert_msg(same, "%s: %g instead of %g", tenon_op_row_of(row->op)->name, result, row->wanted);
}
END_TEST

START_TEST(test_fma_rounds_once) {
    /* a * b + c where the product's last bits decide. */
    float a = 1 + 0x1p-12f, c = -1;
    tenon__number args[3] = {{.f = a}, {.f = a}, {.f = c}};
    ck_assert_double_eq(tenon__number_map(TENON_OP_FMA, TENON_DTYPE_F32, args).f, (double)fmaf(a, a, c));
    ck_assert_double_eq(tenon__number_map(TENON_OP_FMA, TENON_DTYPE_F64, args).f, fma(a, a, c));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("number");
    TCase *tests = tcase_create("number");
    tcase_add_test(tests, test_narrow_floats);
    tcase_add_loop_test(tests, test_casts, 0, sizeof casts / sizeof *casts);
    tcase_add_loop_test(tests, test_integers, 0, sizeof ints / sizeof *ints);
    tcase_add_loop_test(tests, test_floats, 0, sizeof floats / sizeof *floats);
    tcase_add_test(tests, test_fma_rounds_once);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
