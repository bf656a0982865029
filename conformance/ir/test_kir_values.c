/* The oracle's scalars, held to the words of DESIGN: the rows spell the result out. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interp.h"

#define F32      TENON_DTYPE_F32
#define F64      TENON_DTYPE_F64
#define OP(name) TENON_OP_##name

static uint64_t f32(double value) {
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return bits;
}

static uint64_t f64(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Integers: a, b and the result as signed numbers; unsigned dtypes wrap them. */
static const struct {
    tenon_op op;
    uint32_t dtype;
    int64_t a, b, result;
} integers[] = {
    {OP(ADD), TENON_DTYPE_I8, 127, 1, -128},
    {OP(ADD), TENON_DTYPE_U8, 255, 1, 0},
    {OP(SUB), TENON_DTYPE_U16, 0, 1, 65535},
    {OP(MUL), TENON_DTYPE_I16, 300, 300, 24464},
    {OP(MUL), TENON_DTYPE_I64, INT64_MIN, -1, INT64_MIN},
    {OP(NEG), TENON_DTYPE_I32, INT32_MIN, 0, INT32_MIN},
    {OP(NEG), TENON_DTYPE_U8, 1, 0, 255},
    {OP(ABS), TENON_DTYPE_I8, -128, 0, -128},
    {OP(DIV), TENON_DTYPE_I32, -7, 2, -3},
    {OP(DIV), TENON_DTYPE_I32, 7, 0, 0},
    {OP(DIV), TENON_DTYPE_I32, INT32_MIN, -1, INT32_MIN},
    {OP(DIV), TENON_DTYPE_I64, INT64_MIN, -1, INT64_MIN},
    {OP(DIV), TENON_DTYPE_U8, 200, 3, 66},
    {OP(DIV), TENON_DTYPE_U64, -1, 2, INT64_MAX},
    {OP(REM), TENON_DTYPE_I32, -7, 2, -1},
    {OP(REM), TENON_DTYPE_I32, 7, 0, 7},
    {OP(REM), TENON_DTYPE_I32, INT32_MIN, -1, 0},
    {OP(DIV), TENON__KIR_INDEX, -7, 2, -4},
    {OP(REM), TENON__KIR_INDEX, -7, 2, 1},
    {OP(REM), TENON__KIR_INDEX, -8, 2, 0},
    {OP(SHL), TENON_DTYPE_I8, 1, 7, -128},
    {OP(SHL), TENON_DTYPE_I8, 1, 8, 0},
    {OP(SHL), TENON_DTYPE_I32, 1, -1, 0},
    {OP(SHR), TENON_DTYPE_I8, -128, 3, -16},
    {OP(SHR), TENON_DTYPE_I8, -128, 8, -1},
    {OP(SHR), TENON_DTYPE_I8, 127, 100, 0},
    {OP(SHR), TENON_DTYPE_I64, -1, -1, -1},
    {OP(SHR), TENON_DTYPE_U8, 255, 8, 0},
    {OP(SHR), TENON_DTYPE_U8, 255, 4, 15},
    {OP(MAX), TENON_DTYPE_I8, -1, 1, 1},
    {OP(MAX), TENON_DTYPE_U8, 255, 1, 255},
    {OP(MIN), TENON_DTYPE_I64, -1, 1, -1},
    {OP(LT), TENON_DTYPE_U64, 1, -1, 1},
    {OP(LT), TENON_DTYPE_I64, 1, -1, 0},
    {OP(XOR), TENON_DTYPE_BOOL, 1, 1, 0},
    {OP(MAX), TENON_DTYPE_BOOL, 0, 1, 1},
    {OP(XOR), TENON_DTYPE_I8, -1, 85, -86},
};

START_TEST(integer_operators) {
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        bool narrow = integers[i].op != OP(LT);
        uint64_t a = tenonc_cast(TENON_DTYPE_I64, integers[i].dtype, false, (uint64_t)integers[i].a);
        uint64_t b = tenonc_cast(TENON_DTYPE_I64, integers[i].dtype, false, (uint64_t)integers[i].b);
        uint64_t want = (uint64_t)integers[i].result;
        if (narrow) want = tenonc_cast(TENON_DTYPE_I64, integers[i].dtype, false, want);
        uint64_t got = tenonc_scalar_op(integers[i].op, integers[i].dtype, a, b, 0);
        ck_assert_msg(got == want, "row %zu: %lld, not %lld", i, (long long)got, (long long)want);
    }
}
END_TEST

static bool same_float(double a, double b) {
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static double back(uint32_t dtype, uint64_t bits) {
    float narrow;
    double wide;
    uint32_t low = (uint32_t)bits;
    memcpy(&narrow, &low, sizeof narrow);
    memcpy(&wide, &bits, sizeof wide);
    return dtype == F32 ? (double)narrow : wide;
}

START_TEST(float_operators) {
    static const struct {
        tenon_op op;
        double a, b, c, result;
    } rows[] = {
        {OP(MAX), NAN, 1, 0, (double)NAN},
        {OP(MAX), 1, NAN, 0, (double)NAN},
        {OP(MIN), NAN, 1, 0, (double)NAN},
        {OP(MAX), -0.0, 0.0, 0, 0.0},
        {OP(MAX), 0.0, -0.0, 0, 0.0},
        {OP(MIN), -0.0, 0.0, 0, -0.0},
        {OP(MIN), 0.0, -0.0, 0, -0.0},
        {OP(MIN), -INFINITY, 1, 0, (double)-INFINITY},
        {OP(NEG), 0.0, 0, 0, -0.0},
        {OP(ABS), -0.0, 0, 0, 0.0},
        {OP(RINT), 2.5, 0, 0, 2.0},
        {OP(RINT), -0.5, 0, 0, -0.0},
        {OP(FLOOR), -0.5, 0, 0, -1.0},
        {OP(TRUNC), -0.5, 0, 0, -0.0},
        {OP(REM), -7.5, 2, 0, -1.5},
        {OP(REM), 1, 0, 0, (double)NAN},
        {OP(DIV), 1, 0, 0, (double)INFINITY},
        {OP(POW), 0, 0, 0, 1.0},
        {OP(POW), -2, 3, 0, -8.0},
        {OP(SQRT), -1, 0, 0, (double)NAN},
        {OP(SQRT), -0.0, 0, 0, -0.0},
        {OP(EXP), -INFINITY, 0, 0, 0.0},
        {OP(EXP2), 10, 0, 0, 1024.0},
        {OP(LOG2), 0, 0, 0, (double)-INFINITY},
        {OP(FMA), 3, 5, 7, 22.0},
        {OP(EXPM1), -0.0, 0, 0, -0.0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint32_t dtype = F64; dtype <= F32; dtype++) {
            uint64_t (*bits)(double) = dtype == F32 ? f32 : f64;
            double got =
                back(dtype, tenonc_scalar_op(rows[i].op, dtype, bits(rows[i].a), bits(rows[i].b), bits(rows[i].c)));
            ck_assert_msg(same_float(got, rows[i].result), "row %zu in %s: %g", i, dtype == F32 ? "f32" : "f64", got);
        }
    ck_assert_uint_eq(tenonc_scalar_op(OP(EQ), F32, f32(NAN), f32(NAN), 0), 0);
    ck_assert_uint_eq(tenonc_scalar_op(OP(EQ), F32, f32(-0.0), f32(0.0), 0), 1);
    ck_assert_uint_eq(tenonc_scalar_op(OP(LT), F64, f64(NAN), f64(1), 0), 0);
    /* the product is exact: rounded first, it would be 1 and the sum 0 */
    ck_assert_uint_eq(tenonc_scalar_op(OP(FMA), F32, f32(1 + 0x1p-23), f32(1 - 0x1p-23), f32(-1)), f32(-0x1p-46));
    /* where and neg are bit for bit */
    ck_assert_uint_eq(tenonc_scalar_op(OP(WHERE), F32, 1, 0x7fa00001, 0), 0x7fa00001);
    ck_assert_uint_eq(tenonc_scalar_op(OP(NEG), F32, 0x7fa00001, 0, 0), 0xffa00001);
}
END_TEST

START_TEST(casts) {
    static const struct {
        double from;
        uint32_t to;
        int64_t saturated, wrapped;
    } rows[] = {
        {300.7, TENON_DTYPE_U8, 255, 44},
        {-1.5, TENON_DTYPE_U8, 0, 255},
        {-129, TENON_DTYPE_I8, -128, 127},
        {(double)NAN, TENON_DTYPE_I32, 0, 0},
        {(double)INFINITY, TENON_DTYPE_I16, 32767, 0},
        {(double)-INFINITY, TENON_DTYPE_I64, INT64_MIN, 0},
        {9.3e18, TENON_DTYPE_I64, INT64_MAX, (int64_t)UINT64_C(9300000000000000000)},
        {-0.9, TENON_DTYPE_I8, 0, 0},
        {0x1p70, TENON_DTYPE_U64, -1, 0},
        {7.9, TENON_DTYPE_I4, 7, 7},
        {8.1, TENON_DTYPE_I4, 7, -8},
        {16, TENON_DTYPE_U4, 15, 0},
        {4294967296.0, TENON_DTYPE_U32, 4294967295, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t saturated = (int64_t)tenonc_cast(F64, rows[i].to, false, f64(rows[i].from));
        int64_t wrapped = (int64_t)tenonc_cast(F64, rows[i].to, true, f64(rows[i].from));
        ck_assert_msg(saturated == rows[i].saturated, "row %zu saturates to %lld", i, (long long)saturated);
        ck_assert_msg(wrapped == rows[i].wrapped, "row %zu wraps to %lld", i, (long long)wrapped);
    }
    ck_assert_uint_eq(tenonc_cast(F32, TENON_DTYPE_BOOL, false, f32(NAN)), 1);
    ck_assert_uint_eq(tenonc_cast(F32, TENON_DTYPE_BOOL, false, f32(-0.0)), 0);
    ck_assert_uint_eq(tenonc_cast(TENON_DTYPE_I32, TENON_DTYPE_I8, false, 300), 44);
    ck_assert_uint_eq(tenonc_cast(TENON_DTYPE_I64, TENON_DTYPE_U32, false, UINT64_MAX), UINT32_MAX);
    ck_assert_uint_eq(tenonc_cast(TENON_DTYPE_U64, F32, false, UINT64_C(0xffffff8000000000)), f32(0x1p64));
    /* one rounding: just above the middle of two f32, which a double on the way would put in the middle */
    ck_assert_uint_eq(tenonc_cast(TENON_DTYPE_I64, F32, false, (UINT64_C(1) << 60) + (UINT64_C(1) << 36) + 1),
                      f32(0x1.000002p60));
    ck_assert_uint_eq(tenonc_cast(F64, TENON_DTYPE_F16, false, f64(1 + 0x1p-11 + 0x1p-40)), f32(1 + 0x1p-10));
    ck_assert_uint_eq(tenonc_cast(F32, TENON_DTYPE_F16, false, f32(65520)), f32(INFINITY));
    ck_assert_uint_eq(tenonc_cast(F32, TENON_DTYPE_F16, false, f32(65519)), f32(65504));
    ck_assert_uint_eq(tenonc_cast(F32, TENON_DTYPE_F16, false, f32(0x1p-25)), f32(0));
    ck_assert_uint_eq(tenonc_cast(F32, TENON_DTYPE_F16, false, f32(0x1.8p-25)), f32(0x1p-24));
    ck_assert_uint_eq(tenonc_cast(F32, TENON_DTYPE_BF16, false, f32(1 + 0x1p-8)), f32(1));
    ck_assert_uint_eq(tenonc_cast(F32, TENON_DTYPE_BF16, false, f32(1 + 0x1.8p-7)), f32(1 + 0x1p-6));
    ck_assert_uint_eq(tenonc_bitcast(TENON_DTYPE_I32, f32(-0.0)), (uint64_t)INT64_C(-2147483648));
    ck_assert_uint_eq(tenonc_bitcast(F32, (uint64_t)INT64_C(-2147483648)), f32(-0.0));
}
END_TEST

/* Every 16-bit float comes back from memory and goes back to it. */
START_TEST(small_floats_round_trip) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        uint16_t memory = (uint16_t)bits, stored = 0;
        double value = back(F32, tenonc_load(TENON_DTYPE_BF16, &memory, 0));
        ck_assert(isnan(value) || f32(value) == bits << 16);
        tenonc_store(TENON_DTYPE_BF16, &stored, 0, f32(value));
        ck_assert(isnan(value) || stored == memory);
        value = back(F32, tenonc_load(TENON_DTYPE_F16, &memory, 0));
        tenonc_store(TENON_DTYPE_F16, &stored, 0, f32(value));
        ck_assert(isnan(value) || stored == memory);
        ck_assert(!isnan(value) || (stored & 0x7fff) > 0x7c00);
    }
}
END_TEST

START_TEST(nibbles) {
    uint8_t bytes[2] = {0x5a, 0xff};
    ck_assert_uint_eq(tenonc_load(TENON_DTYPE_U4, bytes, 0), 0xa);
    ck_assert_uint_eq(tenonc_load(TENON_DTYPE_U4, bytes, 1), 0x5);
    ck_assert_uint_eq(tenonc_load(TENON_DTYPE_I4, bytes, 0), (uint64_t)INT64_C(-6));
    tenonc_store(TENON_DTYPE_I4, bytes, 1, (uint64_t)INT64_C(-8));
    tenonc_store(TENON_DTYPE_U4, bytes, 2, 3);
    ck_assert_uint_eq(bytes[0], 0x8a);
    ck_assert_uint_eq(bytes[1], 0xf3);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kir_values");
    TCase *cases = tcase_create("values");
    tcase_add_test(cases, integer_operators);
    tcase_add_test(cases, float_operators);
    tcase_add_test(cases, casts);
    tcase_add_test(cases, small_floats_round_trip);
    tcase_add_test(cases, nibbles);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
