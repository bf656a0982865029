/* The host's evaluation of base operators: a row or more for each family, results written out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define NAN_ NAN
#define INF  HUGE_VAL

/* Inputs are written as constants; they pass through a function's inputs, so that nothing is folded before. */
/* clang-format off */
static const struct row {
    const char *name;
    struct {
        const char *dtype;
        uint32_t rank;
        int64_t dims[4];
        double values[16];
    } in[3];
    const char *node, *results;
    double wanted[24], second[16];
} rows[] = {
    {"permute", {{"f32", 2, {2, 3}, {0, 1, 2, 3, 4, 5}}}, "permute(%0) {perm = [1, 0]}", "f32[3, 2]", {0, 3, 1, 4, 2, 5}, {0}},
    {"expand", {{"i32", 2, {2, 1}, {7, 8}}}, "expand(%0) {dims = [2, 2, 2]}", "i32[2, 2, 2]", {7, 7, 8, 8, 7, 7, 8, 8}, {0}},
    {"slice", {{"u8", 2, {2, 4}, {0, 1, 2, 3, 4, 5, 6, 7}}},
     "slice(%0) {starts = [1, 3], steps = [-1, -2], dims = [2, 2]}", "u8[2, 2]", {7, 5, 3, 1}, {0}},
    {"window", {{"f32", 1, {6}, {0, 1, 2, 3, 4, 5}}}, "window(%0) {axes = [0], sizes = [2], steps = [2], dilations = [3]}",
     "f32[2, 2]", {0, 3, 2, 5}, {0}},
    {"reshape", {{"f32", 2, {2, 2}, {0, 1, 2, 3}}}, "reshape(%0) {dims = [4]}", "f32[4]", {0, 1, 2, 3}, {0}},
    {"iota", {{0}}, "iota() {dtype = f16, axis = 1}", "f16[2, 3]", {0, 1, 2, 0, 1, 2}, {0}},
    {"fill", {{0}}, "fill() {dtype = i8, scalars = [0xff]}", "i8[2]", {-1, -1}, {0}},
    {"pad", {{"f32", 1, {2}, {1, 2}}}, "pad(%0) {low = [1], scalars = [0x40400000]}", "f32[4]", {3, 1, 2, 3}, {0}},
    {"cast", {{"f32", 1, {4}, {-1.5, 300, NAN_, -0.5}}}, "cast(%0) {dtype = u8}", "u8[4]", {0, 255, 0, 0}, {0}},
    {"cast_wrap", {{"f32", 1, {3}, {-1.5, 300, NAN_}}}, "cast(%0) {dtype = u8, wrap = 1}", "u8[3]", {255, 44, 0}, {0}},
    {"bitcast", {{"f32", 1, {2}, {1, -0.0}}}, "bitcast(%0) {dtype = u32}", "u32[2]", {1065353216, 2147483648.0}, {0}},
    {"update", {{"f32", 2, {1, 2}, {8, 9}}, {"i64", 1, {2}, {1, 0}}, {"f32", 2, {2, 3}, {0, 1, 2, 3, 4, 5}}},
     "update_slice(%0, %1, %2)", "f32[2, 3]", {0, 1, 2, 8, 9, 5}, {0}},
    {"where", {{"bool", 1, {2}, {1, 0}}, {"f32", 1, {2}, {1, NAN_}}, {"f32", 1, {2}, {2, 3}}}, "where(%0, %1, %2)", "f32[2]", {1, 3}, {0}},
    {"sum", {{"f32", 2, {2, 3}, {1, 2, 3, 4, 5, 6}}}, "sum(%0) {axes = [0]}", "f32[3]", {5, 7, 9}, {0}},
    {"sum_wraps", {{"i8", 1, {2}, {100, 100}}}, "sum(%0) {axes = [0]}", "i8[]", {-56}, {0}},
    {"sum_wide", {{"f16", 1, {3}, {2048, 1, 1}}}, "sum(%0) {axes = [0]}", "f16[]", {2050}, {0}},
    {"sum_empty", {{"f32", 2, {2, 0}, {0}}}, "sum(%0) {axes = [1]}", "f32[2]", {0, 0}, {0}},
    {"prod_empty", {{"f32", 2, {2, 0}, {0}}}, "prod(%0) {axes = [1]}", "f32[2]", {1, 1}, {0}},
    {"max_empty", {{"f32", 1, {0}, {0}}}, "reduce_max(%0) {axes = [0]}", "f32[]", {-INF}, {0}},
    {"min_empty", {{"i8", 1, {0}, {0}}}, "reduce_min(%0) {axes = [0]}", "i8[]", {127}, {0}},
    {"max_nan", {{"f32", 1, {3}, {1, NAN_, 2}}}, "reduce_max(%0) {axes = [0]}", "f32[]", {NAN_}, {0}},
    {"argmax", {{"f32", 2, {2, 3}, {1, 3, 3, -1, -2, -1}}}, "argmax(%0) {axis = 1}", "i64[2]", {1, 0}, {0}},
    {"argmax_nan", {{"f32", 1, {4}, {5, NAN_, 9, NAN_}}}, "argmax(%0) {axis = 0}", "i64[]", {1}, {0}},
    {"argmax_zero", {{"f32", 1, {3}, {-0.0, 0.0, -0.0}}}, "argmax(%0) {axis = 0}", "i64[]", {1}, {0}},
    {"gather", {{"f32", 2, {2, 3}, {0, 1, 2, 3, 4, 5}}, {"i32", 1, {2}, {2, 0}}}, "gather(%0, %1) {axis = 1}", "f32[2, 2]",
     {2, 0, 5, 3}, {0}},
    {"gather_scalar", {{"f32", 2, {2, 3}, {0, 1, 2, 3, 4, 5}}, {"i64", 0, {0}, {1}}}, "gather(%0, %1) {axis = 0}", "f32[3]", {3, 4, 5}, {0}},
    {"scatter_last", {{"i64", 1, {3}, {1, 1, 0}}, {"f32", 1, {3}, {5, 6, 7}}, {"f32", 1, {3}, {0, 0, 9}}},
     "scatter(%0, %1, %2)", "f32[3]", {7, 6, 9}, {0}},
    {"scatter_add", {{"i64", 1, {3}, {1, 1, 0}}, {"i32", 2, {2, 3}, {1, 2, 3, 4, 5, 6}}, {"i32", 2, {2, 2}, {0, 0, 1, 1}}},
     "scatter(%0, %1, %2) {axis = 1, combine = 1}", "i32[2, 2]", {3, 3, 7, 10}, {0}},
    {"matmul", {{"f32", 2, {2, 2}, {1, 2, 3, 4}}, {"f32", 2, {2, 2}, {5, 6, 7, 8}}}, "matmul(%0, %1)", "f32[2, 2]", {19, 22, 43, 50}, {0}},
    {"matmul_batch", {{"f32", 3, {2, 1, 2}, {1, 2, 3, 4}}, {"f32", 3, {2, 2, 1}, {5, 6, 7, 8}}}, "matmul(%0, %1)", "f32[2, 1, 1]", {17, 53}, {0}},
    {"matmul_i8", {{"i8", 2, {1, 2}, {100, 100}}, {"i8", 2, {2, 1}, {100, 100}}}, "matmul(%0, %1) {dtype = i32}", "i32[1, 1]", {20000}, {0}},
    {"matmul_empty", {{"f32", 2, {1, 0}, {0}}, {"f32", 2, {0, 2}, {0}}}, "matmul(%0, %1)", "f32[1, 2]", {0, 0}, {0}},
    {"sort", {{"f32", 1, {5}, {3, 1, NAN_, 1, -0.0}}}, "sort(%0) {axis = 0}", "f32[5]; i64[5]", {-0.0, 1, 1, 3, NAN_}, {4, 1, 3, 0, 2}},
    {"sort_down", {{"i32", 2, {2, 3}, {1, 3, 1, 2, 2, 9}}}, "sort(%0) {axis = 1, descending = 1}", "i32[2, 3]; i64[2, 3]",
     {3, 1, 1, 9, 2, 2}, {1, 0, 2, 2, 0, 1}},
    {"scan", {{"i32", 2, {2, 3}, {1, 2, 3, 4, 5, 6}}}, "scan(%0) {axis = 1, combine = 1}", "i32[2, 3]", {1, 3, 6, 4, 9, 15}, {0}},
    {"scan_max", {{"f32", 1, {4}, {1, 3, 2, 4}}}, "scan(%0) {combine = 4, exclusive = 1}", "f32[4]", {-INF, 1, 3, 3}, {0}},
    {"scan_back", {{"i32", 2, {2, 2}, {1, 2, 3, 4}}}, "scan(%0) {combine = 2, reverse = 1}", "i32[2, 2]", {3, 8, 3, 4}, {0}},
    /* the known answer of Philox4x32-10 for counter 0 and key 0, then from the second word on */
    {"random", {{0}}, "random_bits() {scalars = [0x0, 0x0]}", "u32[4]", {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, {0}},
    {"random_from", {{0}}, "random_bits() {scalars = [0x0, 0x1]}", "u32[2]", {0xe169c58d, 0xbc57ac4c}, {0}},
    {"exp", {{"f32", 1, {3}, {-INF, 0, 1}}}, "exp(%0)", "f32[3]", {0, 1, 2.7182817459106445}, {0}},
};
/* clang-format on */

START_TEST(test_row) {
    const struct row *row = &rows[_i];
    test_tensor in[3], out[2];
    uint32_t count = 0;
    for (; count < 3 && row->in[count].dtype; count++) {
        in[count] = test_tensor_of(tenon_dtype_by_name(row->in[count].dtype), row->in[count].rank, row->in[count].dims);
        memcpy(in[count].values, row->in[count].values, (size_t)in[count].count * sizeof(double));
    }
    uint32_t results = test_run_node(row->name, row->node, row->results, in, count, out);
    test_expect(row->name, &out[0], row->wanted, 0, 0);
    for (int64_t i = 0; i < out[0].count; i++)
        ck_assert_msg(signbit(out[0].values[i]) == signbit(row->wanted[i]) || isnan(row->wanted[i]), "%s: sign of %lld",
                      row->name, (long long)i);
    if (results > 1) test_expect(row->name, &out[1], row->second, 0, 0);
    test_free(out, results);
    test_free(in, count);
}
END_TEST

static const struct error_row {
    const char *name, *text, *message;
    double index;
} errors[] = {
    {"gather_high", "gather(%1, %0) {axis = 0}", "index 3 of an axis of 3", 3},
    {"gather_negative", "gather(%1, %0) {axis = 0}", "index -1 of an axis of 3", -1},
    {"scatter", "scatter(%0, %1, %1) {axis = 0}", "index 5 of an axis of 3", 5},
    {"update", "update_slice(%1, %0, %1)", "start 1 of axis 0", 1},
};

START_TEST(test_errors) {
    char text[512];
    int64_t one = strstr(errors[_i].text, "scatter") ? 3 : 1;
    test_tensor in[2] = {test_tensor_of(TENON_DTYPE_I64, 1, &one), test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){3})};
    in[0].values[0] = errors[_i].index;
    snprintf(text, sizeof text,
             "tenon.graph 1\nfunc main(%%0: i64[%d], %%1: f32[3]) {\n  %%2: f32[%s] = %s\n  return \"y\" %%2\n}\n",
             (int)one, strstr(errors[_i].text, "gather") ? "1" : "3", errors[_i].text);
    const char *error = test_run_error(text, in, 2);
    ck_assert_msg(strstr(error, errors[_i].message) != NULL, "%s: %s", errors[_i].name, error);
    test_free(in, 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("evaluation");
    TCase *tests = tcase_create("families");
    tcase_add_loop_test(tests, test_row, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(tests, test_errors, 0, sizeof errors / sizeof *errors);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
