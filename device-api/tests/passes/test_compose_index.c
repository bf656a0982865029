/* Composites that move, address or count elements; those whose dims come from operands are given constants here. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tests.h"

static double x234(int i, int j, int k) { /* the element of the tensor [2, 3, 4] that counts from 0 */
    return i * 12 + j * 4 + k;
}

static test_tensor counted(uint32_t rank, const int64_t *dims) {
    test_tensor tensor = test_tensor_of(TENON_DTYPE_F32, rank, dims);
    for (int64_t i = 0; i < tensor.count; i++) tensor.values[i] = (double)i;
    return tensor;
}

static test_tensor indices(uint32_t rank, const int64_t *dims, const double *values) {
    test_tensor tensor = test_tensor_of(TENON_DTYPE_I64, rank, dims);
    memcpy(tensor.values, values, (size_t)tensor.count * sizeof *values);
    return tensor;
}

static void check(const char *name, const char *node, const char *result, test_tensor *in, uint32_t count,
                  const double *wanted) {
    test_tensor out[1];
    test_run_node(name, node, result, in, count, out);
    test_expect(name, &out[0], wanted, 0, 0);
    test_free(out, 1);
}

START_TEST(test_take) {
    test_tensor in[2] = {counted(3, (int64_t[]){2, 3, 4}), indices(2, (int64_t[]){1, 3}, (double[]){2, -1, -3})};
    double wanted[24];
    for (int i = 0; i < 2; i++)
        for (int n = 0; n < 3; n++)
            for (int k = 0; k < 4; k++) wanted[i * 12 + n * 4 + k] = x234(i, (int[]){2, 2, 0}[n], k);
    check("take", "tenon.take.1(%0, %1) {axis = 1}", "f32[2, 1, 3, 4]", in, 2, wanted);
    test_free(in, 2);
}
END_TEST

START_TEST(test_gather_elements) {
    test_tensor in[2] = {counted(3, (int64_t[]){2, 3, 4}),
                         indices(3, (int64_t[]){2, 2, 3}, (double[]){0, 1, 2, -1, -2, -3, 2, 2, 2, 0, -1, 1})};
    double wanted[12];
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            for (int k = 0; k < 3; k++) {
                int at = (int)in[1].values[(i * 2 + j) * 3 + k];
                wanted[(i * 2 + j) * 3 + k] = x234(i, at < 0 ? at + 3 : at, k);
            }
    check("gather_elements", "tenon.gather_elements.1(%0, %1) {axis = 1}", "f32[2, 2, 3]", in, 2, wanted);
    test_free(in, 2);
}
END_TEST

START_TEST(test_gather_nd) {
    test_tensor in[2] = {counted(3, (int64_t[]){2, 3, 4}),
                         indices(2, (int64_t[]){3, 2}, (double[]){0, 1, -1, 2, 1, -3})};
    double wanted[16];
    for (int n = 0; n < 3; n++)
        for (int k = 0; k < 4; k++) wanted[n * 4 + k] = x234((int[]){0, 1, 1}[n], (int[]){1, 2, 0}[n], k);
    check("gather_nd", "tenon.gather_nd.1(%0, %1)", "f32[3, 4]", in, 2, wanted);
    test_free(in + 1, 1);
    in[1] = indices(3, (int64_t[]){2, 2, 1}, (double[]){0, 2, -1, 1});
    for (int i = 0; i < 2; i++)
        for (int n = 0; n < 2; n++)
            for (int k = 0; k < 4; k++) wanted[(i * 2 + n) * 4 + k] = x234(i, (int[]){0, 2, 2, 1}[i * 2 + n], k);
    test_tensor out[1];
    test_run_node("gather_nd_common", "tenon.gather_nd.1(%0, %1) {axis = 1}", "f32[2, 2, 4]", in, 2, out);
    test_expect("gather_nd_common", &out[0], wanted, 0, 0);
    test_free(out, 1);
    test_free(in, 2);
}
END_TEST

START_TEST(test_scatter_elements) {
    static const struct row {
        const char *name, *node;
        double wanted[6];
    } rows[] = {
        {"set", "tenon.scatter_elements.1(%0, %1, %2) {axis = 1}", {0, 10, 2, 5, 40, 30}},
        {"add", "tenon.scatter_elements.1(%0, %1, %2) {axis = 1, combine = 1}", {0, 11, 22, 3, 44, 35}},
        {"mul", "tenon.scatter_elements.1(%0, %1, %2) {axis = 1, combine = 2}", {0, 10, 40, 3, 160, 150}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        test_tensor in[3] = {counted(2, (int64_t[]){2, 3}), indices(2, (int64_t[]){2, 2}, (double[]){1, -1, 2, 1}),
                             test_tensor_of(TENON_DTYPE_F32, 2, (int64_t[]){2, 2})};
        memcpy(in[2].values, (double[]){10, 20, 30, 40}, 4 * sizeof(double));
        double wanted[6];
        for (int i = 0; i < 6; i++) wanted[i] = in[0].values[i];
        for (int i = 0; i < 4; i++) {
            int at = (int)in[1].values[i], place = i / 2 * 3 + (at < 0 ? at + 3 : at);
            double update = in[2].values[i];
            wanted[place] = r == 0 ? update : r == 1 ? wanted[place] + update : wanted[place] * update;
        }
        check(rows[r].name, rows[r].node, "f32[2, 3]", in, 3, wanted);
        test_free(in, 3);
    }
}
END_TEST

START_TEST(test_scatter_nd) {
    test_tensor in[3] = {counted(2, (int64_t[]){4, 2}), indices(2, (int64_t[]){3, 1}, (double[]){2, -4, 2}),
                         test_tensor_of(TENON_DTYPE_F32, 2, (int64_t[]){3, 2})};
    memcpy(in[2].values, (double[]){10, 20, 30, 40, 50, 60}, 6 * sizeof(double));
    check("scatter_nd", "tenon.scatter_nd.1(%0, %1, %2)", "f32[4, 2]", in, 3, (double[]){30, 40, 2, 3, 50, 60, 6, 7});
    check("scatter_nd_add", "tenon.scatter_nd.1(%0, %1, %2) {combine = 1}", "f32[4, 2]", in, 3,
          (double[]){30, 41, 2, 3, 64, 85, 6, 7});
    check("scatter_nd_max", "tenon.scatter_nd.1(%0, %1, %2) {combine = 4}", "f32[4, 2]", in, 3,
          (double[]){30, 40, 2, 3, 50, 60, 6, 7});
    test_free(in, 3);
}
END_TEST

START_TEST(test_out_of_range) {
    test_tensor in[1] = {counted(1, (int64_t[]){3})};
    const char *error = test_run_error("tenon.graph 1\nfunc main(%0: f32[3]) {\n  %1: i64[1] = constant [3]\n"
                                       "  %2: f32[1] = tenon.take.1(%0, %1)\n  return \"y\" %2\n}\n",
                                       in, 1);
    ck_assert_msg(strstr(error, "index 3 of an axis of 3") != NULL, "%s", error);
    error = test_run_error("tenon.graph 1\nfunc main(%0: f32[3]) {\n  %1: i64[1] = constant [-4]\n"
                           "  %2: f32[1] = tenon.take.1(%0, %1)\n  return \"y\" %2\n}\n",
                           in, 1);
    ck_assert_msg(strstr(error, "index -1 of an axis of 3") != NULL, "%s", error);
    test_free(in, 1);
}
END_TEST

START_TEST(test_trilu) {
    test_tensor in[1] = {counted(3, (int64_t[]){2, 3, 4})};
    for (int upper = 0; upper < 2; upper++)
        for (int k = -2; k <= 2; k++) {
            char text[512];
            double wanted[24];
            test_tensor out[1];
            snprintf(text, sizeof text,
                     "tenon.graph 1\nfunc main(%%0: f32[2, 3, 4]) {\n  %%1: i64[] = constant [%d]\n"
                     "  %%2: f32[2, 3, 4] = tenon.trilu.1(%%0, %%1) {mode = %d}\n  return \"y\" %%2\n}\n",
                     k, upper);
            for (int e = 0; e < 24; e++) {
                int i = e / 4 % 3, j = e % 4;
                wanted[e] = (upper ? j - i >= k : j - i <= k) ? e : 0;
            }
            test_run("trilu", text, in, 1, out);
            test_expect("trilu", &out[0], wanted, 0, 0);
            test_free(out, 1);
        }
    test_free(in, 1);
}
END_TEST

START_TEST(test_concat) {
    test_tensor in[3] = {counted(2, (int64_t[]){2, 2}), counted(2, (int64_t[]){2, 0}), counted(2, (int64_t[]){2, 3})};
    check("concat", "tenon.concat.1(%0, %1, %2) {axis = 1}", "f32[2, 5]", in, 3,
          (double[]){0, 1, 0, 1, 2, 2, 3, 3, 4, 5});
    check("concat_none", "tenon.concat.1(%1, %1) {axis = 1}", "f32[2, 0]", in, 3, NULL);
    test_free(in, 3);
}
END_TEST

START_TEST(test_quantize) {
    test_tensor in[3] = {test_tensor_of(TENON_DTYPE_F32, 2, (int64_t[]){2, 4}),
                         test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){2}),
                         test_tensor_of(TENON_DTYPE_U8, 1, (int64_t[]){2})};
    memcpy(in[0].values, (double[]){0.25, 0.75, -100, 1000, NAN, 2, 3, 5}, 8 * sizeof(double));
    memcpy(in[1].values, (double[]){0.5, 2}, 2 * sizeof(double));
    memcpy(in[2].values, (double[]){128, 10}, 2 * sizeof(double));
    /* Ties go to even; what is past the range saturates. */
    check("quantize", "tenon.quantize.1(%0, %1, %2) {axis = 0, dtype = u8}", "u8[2, 4]", in, 3,
          (double[]){128, 130, 0, 255, 0, 11, 12, 12});
    test_tensor back[3] = {test_tensor_of(TENON_DTYPE_I8, 2, (int64_t[]){2, 2}),
                           test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){2}),
                           test_tensor_of(TENON_DTYPE_I8, 1, (int64_t[]){2})};
    memcpy(back[0].values, (double[]){-128, 127, 5, -6}, 4 * sizeof(double));
    memcpy(back[1].values, (double[]){0.5, 2}, 2 * sizeof(double));
    memcpy(back[2].values, (double[]){127, -128}, 2 * sizeof(double));
    check("dequantize", "tenon.dequantize.1(%0, %1, %2) {axis = 1}", "f32[2, 2]", back, 3,
          (double[]){-127.5, 510, -61, 244});
    check("dequantize_plain", "tenon.dequantize.1(%0, %1) {axis = 1}", "f32[2, 2]", back, 2,
          (double[]){-64, 254, 2.5, -12});
    test_free(in, 3);
    test_free(back, 3);
}
END_TEST

/* -- Dims from operands ------------------------------------------------------------------------------------------------ */

/* Each works on %0, f32[2, 3] counted from 0, with the constants that it brings. */
/* clang-format off */
static const struct shape_row {
    const char *name, *body, *result;
    int count;
    double wanted[64];
} shapes[] = {
    {"shape_of", "%1: i64[2] = tenon.shape_of.1(%0)", "i64[2]", 2, {2, 3}},
    {"broadcast", "%9: f32[4, 1, 1] = constant [1, 2, 3, 4] %1: f32[4, 2, 3] = tenon.broadcast.1(%0, %9)", "f32[4, 2, 3]", 24,
     {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}},
    {"reshape", "%9: i64[3] = constant [0, -1, 1] %1: f32[2, 3, 1] = tenon.reshape_to.1(%0, %9)", "f32[2, 3, 1]", 6,
     {0, 1, 2, 3, 4, 5}},
    {"reshape_flat", "%9: i64[1] = constant [-1] %1: f32[6] = tenon.reshape_to.1(%0, %9)", "f32[6]", 6, {0, 1, 2, 3, 4, 5}},
    {"expand", "%9: i64[3] = constant [2, 1, 1] %1: f32[2, 2, 3] = tenon.expand_to.1(%0, %9)", "f32[2, 2, 3]", 12,
     {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}},
    {"tile", "%9: i64[2] = constant [2, 2] %1: f32[4, 6] = tenon.tile.1(%0, %9)", "f32[4, 6]", 24,
     {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5}},
    {"tile_none", "%9: i64[2] = constant [1, 0] %1: f32[2, 0] = tenon.tile.1(%0, %9)", "f32[2, 0]", 0, {0}},
    {"slice", "%7: i64[1] = constant [-2] %8: i64[1] = constant [100] %9: i64[1] = constant [-1]"
              " %1: f32[2, 2] = tenon.slice_to.1(%0, %7, %8, %9)", "f32[2, 2]", 4, {1, 2, 4, 5}},
    {"slice_back", "%5: i64[2] = constant [9, -1] %6: i64[2] = constant [-100, -9] %7: i64[2] = constant [0, 1]"
                   " %8: i64[2] = constant [-1, -2] %1: f32[2, 2] = tenon.slice_to.1(%0, %5, %6, %7, %8)", "f32[2, 2]", 4,
     {5, 3, 2, 0}},
    {"slice_lowest", "%5: i64[1] = constant [9223372036854775807] %6: i64[1] = constant [-9223372036854775808]"
                     " %7: i64[1] = constant [1] %8: i64[1] = constant [-1]"
                     " %1: f32[2, 3] = tenon.slice_to.1(%0, %5, %6, %7, %8)", "f32[2, 3]", 6, {2, 1, 0, 5, 4, 3}},
    {"slice_empty", "%7: i64[1] = constant [2] %8: i64[1] = constant [1] %1: f32[0, 3] = tenon.slice_to.1(%0, %7, %8)",
     "f32[0, 3]", 0, {0}},
    {"pad", "%8: i64[4] = constant [1, 0, 0, 2] %9: f32[] = constant [9] %1: f32[3, 5] = tenon.pad_to.1(%0, %8, %9)",
     "f32[3, 5]", 15, {9, 9, 9, 9, 9, 0, 1, 2, 9, 9, 3, 4, 5, 9, 9}},
    {"pad_cuts", "%8: i64[4] = constant [-1, 1, 1, -2] %1: f32[2, 2] = tenon.pad_to.1(%0, %8)", "f32[2, 2]", 4, {0, 3, 0, 0}},
    {"pad_axes", "%7: i64[2] = constant [1, 0] %8: i64[1] = constant [-1] %1: f32[2, 4] = tenon.pad_to.1(%0, %7, none, %8)",
     "f32[2, 4]", 8, {0, 0, 1, 2, 0, 3, 4, 5}},
    {"pad_reflect", "%8: i64[4] = constant [1, 2, 0, 1] %1: f32[3, 6] = tenon.pad_to.1(%0, %8) {mode = 1}", "f32[3, 6]", 18,
     {5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4}},
    {"pad_edge", "%8: i64[4] = constant [0, 2, 1, 1] %1: f32[3, 6] = tenon.pad_to.1(%0, %8) {mode = 2}", "f32[3, 6]", 18,
     {0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5, 3, 3, 3, 4, 5, 5}},
    {"pad_wrap", "%8: i64[4] = constant [1, 2, 0, 1] %1: f32[3, 6] = tenon.pad_to.1(%0, %8) {mode = 3}", "f32[3, 6]", 18,
     {4, 5, 3, 4, 5, 3, 1, 2, 0, 1, 2, 0, 4, 5, 3, 4, 5, 3}},
    {"range", "%7: i64[] = constant [10] %8: i64[] = constant [3] %9: i64[] = constant [-3] %1: i64[3] = tenon.range.1(%7, %8, %9)",
     "i64[3]", 3, {10, 7, 4}},
    {"range_none", "%7: i64[] = constant [1] %8: i64[] = constant [1] %1: i64[0] = tenon.range.1(%7, %8, %7)", "i64[0]", 0, {0}},
    {"range_float", "%7: f32[] = constant [0.5] %8: f32[] = constant [2] %1: f32[3] = tenon.range.1(%7, %8, %7)", "f32[3]", 3,
     {0.5, 1, 1.5}},
    {"one_hot", "%7: i64[2] = constant [2, 0] %8: i64[] = constant [3] %9: f32[2] = constant [-1, 1]"
                " %1: f32[2, 3] = tenon.one_hot.1(%7, %8, %9) {axis = 1}", "f32[2, 3]", 6, {-1, -1, 1, 1, -1, -1}},
    {"one_hot_front", "%7: i64[2] = constant [2, 5] %8: i64[] = constant [3] %9: f32[2] = constant [0, 1]"
                      " %1: f32[3, 2] = tenon.one_hot.1(%7, %8, %9)", "f32[3, 2]", 6, {0, 0, 0, 0, 1, 0}},
    {"non_zero", "%7: f32[2, 3] = constant [0, 1, 0, 2, 0, -0] %1: i64[2, 2] = tenon.non_zero.1(%7)", "i64[2, 2]", 4, {0, 1, 1, 0}},
    {"non_zero_scalar", "%7: i64[] = constant [5] %1: i64[0, 1] = tenon.non_zero.1(%7)", "i64[0, 1]", 0, {0}},
    {"chain", "%3: i64[2] = tenon.shape_of.1(%0) %4: i64[1] = constant [1] %5: i64[1] = gather(%3, %4)"
              " %6: i64[1] = constant [-1] %7: i64[2] = tenon.concat.1(%5, %6)"
              " %1: f32[d9, d10] = tenon.reshape_to.1(%0, %7)", "f32[3, 2]", 6, {0, 1, 2, 3, 4, 5}},
};
/* clang-format on */

START_TEST(test_shape) {
    const struct shape_row *row = &shapes[_i];
    char text[2048];
    test_tensor in[1] = {counted(2, (int64_t[]){2, 3})}, out[1];
    snprintf(text, sizeof text,
             "tenon.graph 1\nsymbol d9 in 0 .. 99 data\nsymbol d10 in 0 .. 99 data\n"
             "func main(%%0: f32[2, 3]) {\n  %s\n  return \"y\" %%1\n}\n",
             row->body);
    test_run(row->name, text, in, 1, out);
    char type[64];
    int length = snprintf(type, sizeof type, "%s[", tenon_dtype_name(out[0].dtype));
    for (uint32_t i = 0; i < out[0].rank; i++)
        length +=
            snprintf(type + length, sizeof type - (size_t)length, "%s%lld", i ? ", " : "", (long long)out[0].dims[i]);
    snprintf(type + length, sizeof type - (size_t)length, "]");
    ck_assert_str_eq(type, row->result);
    ck_assert_int_eq(out[0].count, row->count);
    test_expect(row->name, &out[0], row->wanted, 0, 0);
    test_free(out, 1);
    test_free(in, 1);
}
END_TEST

/* clang-format off */
static const struct shape_error {
    const char *body, *message;
} shape_errors[] = {
    {"%9: i64[2] = constant [4, -1] %1: f32[4, d9] = tenon.reshape_to.1(%0, %9)", "numbers of elements differ"},
    {"%9: i64[2] = constant [-1, -1] %1: f32[d9, d9] = tenon.reshape_to.1(%0, %9)", "two entries of -1"},
    {"%9: i64[3] = constant [2, 3, 0] %1: f32[2, 3, d9] = tenon.reshape_to.1(%0, %9)", "copies an axis that f32[2, 3] lacks"},
    {"%9: i64[1] = constant [4] %1: f32[2, 4] = tenon.expand_to.1(%0, %9)", "f32[2, 3] can't be expanded"},
    {"%9: i64[1] = constant [4] %1: f32[8, 3] = tenon.tile.1(%0, %9)", "1 repeats for f32[2, 3]"},
    {"%9: i64[1] = constant [2] %1: f32[2, 3] = tenon.slice_to.1(%0, %9, %9, %9)", "names none of f32[2, 3]"},
    {"%9: i64[1] = constant [0] %1: f32[2, 3] = tenon.slice_to.1(%0, %9, %9, %9, %9)", "step 0 is 0"},
    {"%9: i64[4] = constant [0, 3, 0, 0] %1: f32[2, 6] = tenon.pad_to.1(%0, %9) {mode = 1}", "needs more of axis 1"},
    {"%9: i64[] = constant [0] %1: i64[d9] = tenon.range.1(%9, %9, %9)", "never ends"},
    {"%1: i64[2, d9] = tenon.non_zero.1(%0)", "dim 1 of its result i64[2, d0] depends on data"},
    {"%9: i64[2] = constant [1, 2] %1: f32[d9] = tenon.tile.1(%0, %9)", "%1 is said to be f32[d9]"},
};
/* clang-format on */

START_TEST(test_shape_errors) {
    char text[1024];
    test_tensor in[1] = {counted(2, (int64_t[]){2, 3})};
    snprintf(text, sizeof text,
             "tenon.graph 1\nsymbol d9 in 0 .. 99 data\nfunc main(%%0: f32[2, 3]) {\n  %s\n"
             "  return \"y\" %%1\n}\n",
             shape_errors[_i].body);
    const char *error = test_run_error(text, in, 1);
    ck_assert_msg(strstr(error, shape_errors[_i].message) != NULL, "%s: %s", shape_errors[_i].body, error);
    test_free(in, 1);
}
END_TEST

TCase *tests_of_indices(void) {
    TCase *tests = tcase_create("indices");
    tcase_add_test(tests, test_take);
    tcase_add_test(tests, test_gather_elements);
    tcase_add_test(tests, test_gather_nd);
    tcase_add_test(tests, test_scatter_elements);
    tcase_add_test(tests, test_scatter_nd);
    tcase_add_test(tests, test_out_of_range);
    tcase_add_test(tests, test_trilu);
    tcase_add_test(tests, test_concat);
    tcase_add_test(tests, test_quantize);
    tcase_add_loop_test(tests, test_shape, 0, sizeof shapes / sizeof *shapes);
    tcase_add_loop_test(tests, test_shape_errors, 0, sizeof shape_errors / sizeof *shape_errors);
    return tests;
}
