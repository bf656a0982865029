/* What the operator table and the composites' shape rules say of results. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/build.h"

#define HEAD "tenon.graph 1\nsymbol n in 1 .. 100\nsymbol m in 1 .. 100\nsymbol z in 0 .. 100\n"

/* `inputs` are types; the node uses them as %0, %1 ... `type` is what its results are, or part of the error. */
/* clang-format off */
static const struct row {
    const char *name, *inputs[5], *node, *type;
} rows[] = {
    /* family MAP */
    {"map", {"f32[n, 3]", "f32[n, 3]"}, "add(%0, %1)", "f32[n, 3]"},
    {"map_scalar", {"i64[]"}, "neg(%0)", "i64[]"},
    {"map_bool", {"f16[2]", "f16[2]"}, "lt(%0, %1)", "bool[2]"},
    {"where", {"bool[n]", "u8[n]", "u8[n]"}, "where(%0, %1, %2)", "u8[n]"},
    {"map_states_equality", {"f32[n]", "f32[m]"}, "mul(%0, %1)", "f32[n]"},
    {"map_dims_differ", {"f32[3]", "f32[4]"}, "add(%0, %1)", "dims 3 and 4 should be equal"},
    {"map_never_equal", {"f32[n]", "f32[n + 1]"}, "add(%0, %1)", "dims n and n + 1 should be equal"},
    {"map_no_broadcast", {"f32[1, 3]", "f32[2, 3]"}, "add(%0, %1)", "dims 1 and 2"},
    {"map_rank", {"f32[3]", "f32[1, 3]"}, "add(%0, %1)", "operand 1 is f32[1, 3]; its rank must be 1"},
    {"map_dtype", {"f32[3]", "f64[3]"}, "add(%0, %1)", "insert a cast"},
    {"map_class", {"i32[3]"}, "sqrt(%0)", "does not take this dtype"},
    {"map_logic", {"f32[3]", "f32[3]"}, "and(%0, %1)", "does not take this dtype"},
    {"where_condition", {"u8[3]", "u8[3]", "u8[3]"}, "where(%0, %1, %2)", "a condition is bool"},
    {"map_count", {"f32[3]"}, "add(%0)", "has 1 operands and takes 2"},
    /* VIEW */
    {"reshape", {"f32[n, 4]"}, "reshape(%0) {dims = [2, 2*n]}", "f32[2, 2*n]"},
    {"reshape_scalar", {"f32[1, 1]"}, "reshape(%0) {dims = []}", "f32[]"},
    {"reshape_open", {"f32[n, m]"}, "reshape(%0) {dims = [z]}", "f32[z]"},
    {"reshape_elements", {"f32[3, 4]"}, "reshape(%0) {dims = [13]}", "numbers of elements differ"},
    {"reshape_negative", {"f32[3, 4]"}, "reshape(%0) {dims = [-12]}", "dim 0 is negative"},
    {"permute", {"f32[2, n, 4]"}, "permute(%0) {perm = [2, 0, 1]}", "f32[4, 2, n]"},
    {"permute_twice", {"f32[2, 3]"}, "permute(%0) {perm = [0, 0]}", "each axis"},
    {"permute_short", {"f32[2, 3]"}, "permute(%0) {perm = [0]}", "perm needs 2 entries, not 1"},
    {"permute_symbol", {"f32[2, 3]"}, "permute(%0) {perm = [0, n]}", "perm names axis"},
    {"expand", {"f32[1, 3]"}, "expand(%0) {dims = [5, n, 3]}", "f32[5, n, 3]"},
    {"expand_unknown", {"f32[n]"}, "expand(%0) {dims = [m]}", "f32[m]"},
    {"expand_wrong", {"f32[2]"}, "expand(%0) {dims = [3]}", "dims 2 and 3"},
    {"expand_rank", {"f32[2, 3]"}, "expand(%0) {dims = [3]}", "expanded to rank 1"},
    {"slice", {"f32[10, n]"}, "slice(%0) {starts = [9, 0], steps = [-2, 1], dims = [5, n]}", "f32[5, n]"},
    {"slice_outside", {"f32[10]"}, "slice(%0) {starts = [3], steps = [2], dims = [5]}", "leaves f32[10]"},
    {"slice_below", {"f32[10]"}, "slice(%0) {starts = [3], steps = [-1], dims = [5]}", "leaves f32[10]"},
    {"slice_empty", {"f32[10]"}, "slice(%0) {starts = [10], steps = [1], dims = [0]}", "f32[0]"},
    {"slice_step", {"f32[10]"}, "slice(%0) {starts = [3], steps = [0], dims = [5]}", "step 0 is 0"},
    {"window", {"f32[1, 9, n]"}, "window(%0) {axes = [1], sizes = [3], steps = [2], dilations = [2]}", "f32[1, 3, n, 3]"},
    {"window_symbol", {"f32[n + 2]"}, "window(%0) {axes = [0], sizes = [3]}", "f32[n, 3]"},
    {"window_none", {"f32[2]"}, "window(%0) {axes = [0], sizes = [3]}", "f32[0, 3]"},
    {"window_size", {"f32[9]"}, "window(%0) {axes = [0], sizes = [0]}", "size 0"},
    {"window_axis", {"f32[9]"}, "window(%0) {axes = [1], sizes = [1]}", "over axis 1"},
    {"window_rank", {"f32[1,1,1,1,1,1,1,1]"}, "window(%0) {axes = [1], sizes = [1]}", "ranks go up to 8"},
    /* COPY CAST BITCAST */
    {"copy", {"bool[n]"}, "copy(%0)", "bool[n]"},
    {"cast", {"f32[n]"}, "cast(%0) {dtype = i8, wrap = 1}", "i8[n]"},
    {"cast_to_nothing", {"f32[n]"}, "cast(%0) {dtype = 99}", "dtype is none (99)"},
    {"bitcast", {"f32[n]"}, "bitcast(%0) {dtype = u32}", "u32[n]"},
    {"bitcast_width", {"f32[n]"}, "bitcast(%0) {dtype = u16}", "differ in width"},
    /* PAD UPDATE */
    {"update", {"f32[2, n]", "i64[2]", "f32[5, n]"}, "update_slice(%0, %1, %2)", "f32[5, n]"},
    {"update_large", {"f32[6]", "i64[1]", "f32[5]"}, "update_slice(%0, %1, %2)", "does not go into"},
    {"update_start", {"f32[2]", "i32[1]", "f32[5]"}, "update_slice(%0, %1, %2)", "indices are i64"},
    {"update_start_count", {"f32[2]", "i64[2]", "f32[5]"}, "update_slice(%0, %1, %2)", "at a start of i64[2]"},
    /* REDUCE ARG */
    {"sum", {"f32[2, n, 4]"}, "sum(%0) {axes = [0, 2]}", "f32[n]"},
    {"sum_all", {"i8[2, n]"}, "sum(%0) {axes = [0, 1]}", "i8[]"},
    {"sum_none", {"i8[2, n]"}, "sum(%0) {axes = []}", "i8[2, n]"},
    {"sum_order", {"f32[2, 3]"}, "sum(%0) {axes = [1, 0]}", "axes rise"},
    {"sum_axis", {"f32[2, 3]"}, "sum(%0) {axes = [2]}", "axes rise and lie in f32[2, 3]"},
    {"sum_bool", {"bool[2]"}, "sum(%0) {axes = [0]}", "does not take this dtype"},
    {"argmax", {"f32[2, n, 4]"}, "argmax(%0) {axis = 1}", "i64[2, 4]"},
    {"argmax_scalar", {"f32[]"}, "argmax(%0) {axis = 0}", "axes rise and lie in f32[]"},
    /* GATHER SCATTER */
    {"gather", {"f32[2, n, 4]", "i32[m, 3]"}, "gather(%0, %1) {axis = 1}", "f32[2, m, 3, 4]"},
    {"gather_scalar", {"f32[2, n]", "i64[]"}, "gather(%0, %1) {axis = 0}", "f32[n]"},
    {"gather_index", {"f32[2]", "u8[3]"}, "gather(%0, %1) {axis = 0}", "gather and scatter take i32"},
    {"gather_axis", {"f32[2]", "i64[3]"}, "gather(%0, %1) {axis = 1}", "axes rise and lie in f32[2]"},
    {"gather_rank", {"f32[1,1,1,1,1,1]", "i64[1,1,1,1]"}, "gather(%0, %1) {axis = 1}", "would have rank 9"},
    {"scatter", {"i64[m]", "f32[2, m, 4]", "f32[2, n, 4]"}, "scatter(%0, %1, %2) {axis = 1, combine = 1}", "f32[2, n, 4]"},
    {"scatter_dims", {"i64[3]", "f32[2, 5]", "f32[2, 7]"}, "scatter(%0, %1, %2) {axis = 1}", "dims 3 and 5"},
    {"scatter_combine", {"i64[3]", "f32[3]", "f32[7]"}, "scatter(%0, %1, %2) {combine = 5}", "combine is 5"},
    {"scatter_bool", {"i64[3]", "bool[3]", "bool[7]"}, "scatter(%0, %1, %2) {combine = 1}", "bool has no sum"},
    /* CONTRACT */
    {"matmul", {"f32[2, n, 4]", "f32[2, 4, m]"}, "matmul(%0, %1)", "f32[2, n, m]"},
    {"matmul_wide", {"i8[n, 4]", "i8[4, m]"}, "matmul(%0, %1) {dtype = i32}", "i32[n, m]"},
    {"matmul_k", {"f32[2, 3]", "f32[4, 5]"}, "matmul(%0, %1)", "axis k"},
    {"matmul_batch", {"f32[1, 2, 3]", "f32[6, 3, 5]"}, "matmul(%0, %1)", "axis b"},
    {"matmul_vector", {"f32[3]", "f32[3, 5]"}, "matmul(%0, %1)", "its rank must be at least 2"},
    {"matmul_class", {"f32[2, 3]", "f32[3, 5]"}, "matmul(%0, %1) {dtype = i32}", "give no i32"},
    /* SORT SCAN */
    {"sort", {"f32[2, n]"}, "sort(%0) {axis = 1}", "f32[2, n]"},
    {"scan", {"i64[2, n]"}, "scan(%0) {axis = 1, combine = 1}", "i64[2, n]"},
    {"scan_set", {"i64[2, n]"}, "scan(%0) {axis = 1}", "combine is 0"},
    /* composites: one rule a kind */
    {"softmax", {"f32[2, n]"}, "tenon.softmax.1(%0) {axis = 1}", "f32[2, n]"},
    {"softmax_axis", {"f32[2, n]"}, "tenon.softmax.1(%0) {axis = 2}", "axis is 2; x is f32[2, n]"},
    {"composite_pair", {"f32[2]", "f32[3]"}, "tenon.le.1(%0, %1)", "dims 2 and 3"},
    {"reduce_keep", {"f32[2, n]"}, "tenon.reduce_mean.1(%0) {axes = [1], keep = 1}", "f32[2, 1]"},
    {"reduce_gone", {"f32[2, n]"}, "tenon.reduce_l2.1(%0) {axes = [0]}", "f32[n]"},
    {"arg", {"f32[2, n]"}, "tenon.arg_min.1(%0) {axis = 0, keep = 1}", "i64[1, n]"},
    {"topk_many", {"f32[2, 3]"}, "tenon.topk.1(%0) {axis = 1, count = 4}", "more than axis 1"},
    {"linear", {"f32[2, n, 4]", "f32[4, 5]"}, "tenon.linear.1(%0, %1)", "f32[2, n, 5]"},
    {"gemm", {"f32[4, n]", "f32[m, 4]"}, "tenon.gemm.1(%0, %1) {mode = 3}", "f32[n, m]"},
    {"gemm_k", {"f32[4, 3]", "f32[5, 6]"}, "tenon.gemm.1(%0, %1)", "axis k"},
    {"attention", {"f32[2, 8, n, 16]", "f32[2, 2, m, 16]", "f32[2, 2, m, 32]"}, "tenon.attention.1(%0, %1, %2)",
     "f32[2, 8, n, 32]"},
    {"conv", {"f32[n, 3, 224, 224]", "f32[64, 3, 7, 7]"},
     "tenon.conv.1(%0, %1) {steps = [2, 2], low = [3, 3], high = [3, 3]}", "f32[n, 64, 112, 112]"},
    {"conv_symbol", {"f32[1, 4, n, m]", "f32[8, 2, 3, 3]"},
     "tenon.conv.1(%0, %1) {low = [1, 1], high = [1, 1], groups = 2}", "f32[1, 8, n, m]"},
    {"conv_1d", {"f32[1, 4, 10]", "f32[8, 4, 3]"}, "tenon.conv.1(%0, %1) {dilations = [2]}", "f32[1, 8, 6]"},
    {"conv_channels", {"f32[1, 4, 10]", "f32[8, 3, 3]"}, "tenon.conv.1(%0, %1)", "channels"},
    {"conv_groups", {"f32[1, 4, 10]", "f32[7, 2, 3]"}, "tenon.conv.1(%0, %1) {groups = 2}", "left over by groups"},
    {"conv_bias", {"f32[1, 4, 10]", "f32[7, 4, 3]", "f32[8]"}, "tenon.conv.1(%0, %1, %2)", "dims 7 and 8"},
    {"conv_pad", {"f32[1, 4, 10]", "f32[7, 4, 3]"}, "tenon.conv.1(%0, %1) {low = [-1]}", "a pad below 0"},
    {"conv_transpose", {"f32[1, 4, 5, 5]", "f32[4, 3, 3, 3]"},
     "tenon.conv_transpose.1(%0, %1) {steps = [2, 2], low = [1, 1], high = [1, 1], sizes = [1, 1], groups = 2}",
     "f32[1, 6, 10, 10]"},
    {"pool", {"f32[1, 4, 7, n]"}, "tenon.max_pool.1(%0) {sizes = [3, 1], steps = [2, 1]}", "f32[1, 4, 3, n]"},
    {"pool_ceil", {"f32[1, 4, 8]"}, "tenon.average_pool.1(%0) {sizes = [3], steps = [2], ceil = 1}", "f32[1, 4, 4]"},
    {"pool_ceil_in_pad", {"f32[1, 4, 7]"},
     "tenon.average_pool.1(%0) {sizes = [1], steps = [2], ceil = 1, high = [1]}", "f32[1, 4, 4]"},
    {"pool_sizes", {"f32[1, 4, 8]"}, "tenon.max_pool.1(%0) {sizes = [3, 3]}", "sizes needs 1 entries"},
    {"global_pool", {"f32[2, 4, 8, n]"}, "tenon.global_average_pool.1(%0)", "f32[2, 4, 1, 1]"},
    {"concat", {"f32[2, n]", "f32[2, 3]", "f32[2, m]"}, "tenon.concat.1(%0, %1, %2) {axis = 1}", "f32[2, n + m + 3]"},
    {"concat_rank", {"f32[2, n]", "f32[2]"}, "tenon.concat.1(%0, %1) {axis = 1}", "dtype and rank must agree"},
    {"gather_elements", {"f32[2, n]", "i64[2, 3]"}, "tenon.gather_elements.1(%0, %1) {axis = 1}", "f32[2, 3]"},
    {"gather_nd", {"f32[2, 3, n]", "i64[5, 2]"}, "tenon.gather_nd.1(%0, %1)", "f32[5, n]"},
    {"gather_nd_common", {"f32[2, 3, n]", "i64[2, 1]"}, "tenon.gather_nd.1(%0, %1) {axis = 1}", "f32[2, n]"},
    {"gather_nd_deep", {"f32[2, 3]", "i64[5, 3]"}, "tenon.gather_nd.1(%0, %1)", "leading dims are common"},
    {"take", {"f32[2, n]", "i64[5, 3]"}, "tenon.take.1(%0, %1) {axis = 1}", "f32[2, 5, 3]"},
    {"quantize", {"f32[2, n]", "f32[]"}, "tenon.quantize.1(%0, %1) {dtype = u8}", "u8[2, n]"},
    {"dequantize", {"u8[2, n]", "f16[]"}, "tenon.dequantize.1(%0, %1)", "f16[2, n]"},
    {"shape_of", {"f32[2, n]"}, "tenon.shape_of.1(%0)", "i64[2]"},
    {"broadcast", {"f32[n, 1]", "f32[4]", "f32[2, 1, 1]"}, "tenon.broadcast.1(%0, %1, %2)", "f32[2, n, 4]"},
    {"broadcast_wrong", {"f32[3]", "f32[4]"}, "tenon.broadcast.1(%0, %1)", "do not broadcast"},
    {"reshape_to_open", {"f32[n, 4]", "i64[3]"}, "tenon.reshape_to.1(%0, %1)", "f32[d3, d4, d5]"},
    {"reshape_to_rank", {"f32[n, 4]", "i64[n]"}, "tenon.reshape_to.1(%0, %1)", "a rank would depend on its length"},
    {"slice_to_open", {"f32[n, 4]", "i64[1]", "i64[1]"}, "tenon.slice_to.1(%0, %1, %2)", "f32[d3, d4]"},
    {"composite_operand", {"f32[2]"}, "tenon.layer_norm.1(none) {axis = 0}", "operand 0 is missing"},
    {"composite_count", {"f32[2]"}, "tenon.relu.1(%0, %0)", "has 2 operands and takes 1"},
    {"composite_attr", {"f32[2]"}, "tenon.relu.1(%0) {axis = 0}", "has no attribute axis"},
};
/* clang-format on */

START_TEST(test_row) {
    const struct row *row = &rows[_i];
    char text[2048] = HEAD "func main(";
    for (int i = 0; i < 5 && row->inputs[i]; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%%%d: %s", i ? ", " : "", i, row->inputs[i]);
    /* A token is no tensor: the reader says what it found instead. */
    bool pair = strstr(row->node, "sort(") != NULL;
    snprintf(text + strlen(text), sizeof text - strlen(text), ") {\n  %%9: token%s = %s\n  return\n}\n",
             pair ? ", %10: token" : "", row->node);
    tenonh_module *module = NULL;
    ck_assert_msg(tenonh_module_parse(text, strlen(text), &module) != TENON_STATUS_OK, "%s", text);
    const char *message = tenonh_error_message();
    bool is_type = strchr("fibu", row->type[0]) && strchr(row->type, ']') && strstr(message, "is said to be token");
    char wanted[256];
    snprintf(wanted, sizeof wanted, is_type ? "and is %s" : "%s", row->type);
    const char *found = strstr(message, wanted);
    ck_assert_msg(found && (!is_type || found[strlen(wanted)] == '\0'), "%s: %s", row->name, message);
}
END_TEST

/* Results whose dims the builder is given. */
/* clang-format off */
static const struct given {
    const char *name, *line, *message; /* NULL: accepted */
} given[] = {
    {"fill", "%1: i8[n, 2] = fill() {dtype = i8, scalars = [0x7]}", NULL},
    {"fill_dtype", "%1: i8[n] = fill() {dtype = f32, scalars = [0x7]}", "is said to be i8[n] and is f32[n]"},
    {"fill_none", "%1: i8[n] = fill() {scalars = [0x7]}", "dtype is none"},
    {"fill_scalars", "%1: i8[n] = fill() {dtype = i8, scalars = [0x7, 0x7]}", "takes 1 scalars"},
    {"fill_huge", "%1: i8[4294967296, 4294967296] = fill() {dtype = i8}", "more elements than 64 bits"},
    {"fill_huge_bytes", "%1: f64[4611686018427387904] = fill() {dtype = f64}", "more bytes than 63 bits"},
    {"fill_empty", "%1: f64[0, 4611686018427387904] = fill() {dtype = f64}", NULL},
    {"iota", "%1: f32[3, n] = iota() {dtype = f32, axis = 1}", NULL},
    {"iota_axis", "%1: f32[3] = iota() {dtype = f32, axis = 1}", "axis is 1 of a result of rank 1"},
    {"iota_bool", "%1: bool[3] = iota() {dtype = bool}", "dtype is bool"},
    {"pad", "%1: f32[5, n + 1] = pad(%0) {low = [1, 1], scalars = [0x0]}", NULL},
    {"pad_cuts", "%1: f32[3, n + 1] = pad(%0) {low = [1, 1]}", "axis 0 of f32[3, n] can't be padded"},
    {"pad_negative", "%1: f32[3, n] = pad(%0) {low = [-1, 0]}", "pads are not negative"},
    {"pad_rank", "%1: f32[3] = pad(%0) {low = [0]}", "one entry per axis"},
    {"random", "%1: u32[n] = random_bits() {scalars = [0x1, 0x2]}", NULL},
    {"for", "%1: f32[3, n] = for(%0) region (%2: f32[n]) { yield %2 }", NULL},
    {"for_steps", "%1: f32[3, n] = for(%0) {axis = 1} region (%2: f32[3, n]) { yield %2 }", "number of steps is not given"},
    {"for_carried", "%1: f32[n] = for(%0) {axis = 1, sizes = [4]} region (%2: f32[3, n]) { yield %2 }", "is said to be f32[n]"},
};
/* clang-format on */

START_TEST(test_given) {
    char text[1024];
    snprintf(text, sizeof text, HEAD "func main(%%0: f32[3, n]) {\n  %s\n  return \"y\" %%1\n}\n", given[_i].line);
    tenonh_module *module = NULL;
    tenon_status status = tenonh_module_parse(text, strlen(text), &module);
    if (!given[_i].message)
        ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", given[_i].name, tenonh_error_message());
    else
        ck_assert_msg(status != TENON_STATUS_OK && strstr(tenonh_error_message(), given[_i].message), "%s: %s",
                      given[_i].name, tenonh_error_message());
    tenonh_module_destroy(module);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("graph inference");
    TCase *tests = tcase_create("infer");
    tcase_add_loop_test(tests, test_row, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(tests, test_given, 0, sizeof given / sizeof *given);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
