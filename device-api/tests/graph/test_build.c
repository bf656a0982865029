/* The builder: failures that stick, constants that are shared or borrowed, what simplifying and folding leave. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "graph/build.h"

static tenonh_module *module;
static tenonh_builder *b;

static void setup(void) {
    ck_assert_int_eq(tenonh_module_create(&module), TENON_STATUS_OK);
    ck_assert_int_eq(tenon__builder_create(module, "main", TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD, &b),
                     TENON_STATUS_OK);
}

static void teardown(void) {
    if (b) tenonh_builder_finish(b);
    b = NULL;
    tenonh_module_destroy(module);
}

static tenon_status finish(void) {
    tenon_status status = tenonh_builder_finish(b);
    b = NULL;
    return status;
}

static tenonh_value *input(const char *name, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    const tenonh_dim *exprs[TENON_MAX_RANK] = {0};
    for (uint32_t i = 0; i < rank; i++)
        exprs[i] = dims[i] < 0 ? tenonh_dim_symbol(module, "n", 1, 100, 1) : tenon__num(b, dims[i]);
    return tenonh_build_input(b, name, dtype, rank, exprs);
}

#define INPUT(name, dtype, ...)                                                                                        \
    input(name, TENON_DTYPE_##dtype, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static int released;

static void release(void *context) {
    ck_assert_ptr_eq(context, &released);
    released++;
}

START_TEST(test_first_failure_sticks) {
    tenonh_value *x = INPUT("x", F32, 3), *y = INPUT("y", F32, 4);
    tenonh_builder_location(b, "/first");
    ck_assert_ptr_null(tenon__binary(b, TENON_OP_ADD, x, y));
    ck_assert_int_eq(tenonh_builder_status(b), TENON_STATUS_INVALID);
    tenonh_builder_location(b, "/second");
    ck_assert_ptr_null(tenon__binary(b, TENON_OP_MUL, NULL, tenon__unary(b, TENON_OP_NEG, NULL)));
    ck_assert_ptr_null(tenon__unary(b, TENON_OP_NEG, x));
    ck_assert_ptr_null(tenonh_build_input(b, "z", TENON_DTYPE_F32, 0, NULL));
    tenonh_build_output(b, "y", NULL);
    ck_assert_int_eq(finish(), TENON_STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "(add, from '/first')"));
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "dims 3 and 4"));
    ck_assert_ptr_null(tenonh_module_function(module, "main"));
}
END_TEST

START_TEST(test_borrowed_bytes) {
    float weights[2000] = {1};
    tenonh_bytes bytes = {.data = weights, .size = sizeof weights, .release = release, .context = &released};
    released = 0;
    tenonh_value *w = tenonh_build_constant(b, "w", TENON_DTYPE_F32, 1, (int64_t[]){2000}, &bytes);
    ck_assert_ptr_eq(w->constant->data, weights); /* not copied */
    tenonh_build_output(b, "w", w);
    ck_assert_int_eq(finish(), TENON_STATUS_OK);
    ck_assert_int_eq(released, 0);
    tenon__constant *kept = tenon__constant_retain(w->constant);
    tenonh_module_destroy(module);
    ck_assert_int_eq(released, 0); /* somebody else still holds it */
    tenon__constant_release(kept);
    ck_assert_int_eq(released, 1);
    ck_assert_int_eq(tenonh_module_create(&module), TENON_STATUS_OK);
}
END_TEST

START_TEST(test_refused_bytes_go_back) {
    float weights[2] = {0};
    tenonh_bytes bytes = {.data = weights, .size = 4, .release = release, .context = &released};
    released = 0;
    ck_assert_ptr_null(tenonh_build_constant(b, "w", TENON_DTYPE_F32, 1, (int64_t[]){2}, &bytes));
    ck_assert_int_eq(released, 1);
    ck_assert_ptr_null(tenonh_build_constant(b, "w", TENON_DTYPE_F32, 1, (int64_t[]){1}, &bytes)); /* failed before */
    ck_assert_int_eq(released, 2);
    ck_assert_int_eq(finish(), TENON_STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "constant 'w' is f32[2], 8 bytes, and is given 4"));
}
END_TEST

START_TEST(test_equal_constants_are_one) {
    tenonh_value *x = tenonh_build_scalar(b, TENON_DTYPE_F32, 1.5), *y = tenonh_build_scalar(b, TENON_DTYPE_F32, 1.5);
    ck_assert_ptr_eq(x, y);
    tenonh_value *bits = tenon__build_bits(b, TENON_DTYPE_U32, 0x3fc00000);
    ck_assert_ptr_ne(bits, x);
    ck_assert_ptr_eq(bits->constant, x->constant); /* another type, the same bytes */
    ck_assert_ptr_ne(tenonh_build_scalar(b, TENON_DTYPE_F32, 2)->constant, x->constant);
    ck_assert_uint_eq(tenon__constant_hash(bits->constant), tenon__constant_hash(x->constant));
}
END_TEST

START_TEST(test_simplifying) {
    tenonh_value *x = INPUT("x", F32, -1, 6);
    const tenonh_dim *n = x->dims[0], *flat = tenon__dim2(b, TENONH_DIM_MUL, n, tenon__num(b, 6));
    ck_assert_ptr_eq(tenon__cast(b, x, TENON_DTYPE_F32), x);
    ck_assert_ptr_eq(tenon__reshape(b, tenon__reshape(b, x, 1, &flat), 2, x->dims), x);
    ck_assert_ptr_eq(tenon__permute(b, tenon__permute(b, x, (int64_t[]){1, 0}), (int64_t[]){1, 0}), x);
    ck_assert_ptr_eq(tenon__expand_like(b, x, x), x);
    ck_assert_ptr_eq(tenon__slice_axis(b, x, 1, tenon__num(b, 0), tenon__num(b, 6)), x);
    ck_assert_ptr_eq(tenon__unary(b, TENON_OP_COPY, x), x);
    ck_assert_ptr_eq(tenon__reduce(b, TENON_OP_RMAX, x, 0, NULL, false), x);
    ck_assert_uint_eq(tenon__reduce(b, TENON_OP_SUM, x, 0, NULL, false)->node->op, TENON_OP_ADD); /* 0 + -0 is 0 */
    ck_assert_ptr_eq(tenon__concat(b, &x, 1, 0), x);
    ck_assert_ptr_eq(
        tenon__concat(b, (tenonh_value *[]){x, tenon__slice_axis(b, x, 0, tenon__num(b, 0), tenon__num(b, 0))}, 2, 0),
        x);
    ck_assert_ptr_eq(tenon__broadcast(b, x, &x, 1), x);
    /* Equal pure nodes are one; so are views of views. */
    ck_assert_ptr_eq(tenon__unary(b, TENON_OP_EXP, x), tenon__unary(b, TENON_OP_EXP, x));
    ck_assert_ptr_ne(tenon__unary(b, TENON_OP_EXP, x), tenon__unary(b, TENON_OP_SIN, x));
    ck_assert_ptr_ne(tenon__cast(b, x, TENON_DTYPE_F16), tenon__cast(b, x, TENON_DTYPE_F64));
    /* A fill is a scalar that repeats. */
    tenonh_value *ones = tenon__fill(b, TENON_DTYPE_F32, 0x3f800000, 2, x->dims);
    ck_assert_uint_eq(ones->node->op, TENON_OP_EXPAND);
    ck_assert_uint_eq(ones->node->operands[0]->kind, TENON__VALUE_CONSTANT);
}
END_TEST

START_TEST(test_folding) {
    tenonh_value *two = tenon__build_ints(b, (int64_t[]){2, 3, 4}, 3);
    tenonh_value *sum = tenon__binary(b, TENON_OP_MUL, two, tenon__binary_number(b, TENON_OP_ADD, two, 1, false));
    ck_assert_uint_eq(sum->kind, TENON__VALUE_CONSTANT);
    ck_assert_mem_eq(sum->constant->data, ((int64_t[]){6, 12, 20}), 24);
    /* Composites of constants, through their decompositions. */
    tenonh_value *pair[] = {two, tenon__build_ints(b, (int64_t[]){3, 3, 3}, 3)};
    tenonh_value *above = tenon__compose(b, TENON__COMPOSITE_GE, pair, 2, NULL, 0);
    ck_assert_mem_eq(above->constant->data, "\0\1\1", 3);
    tenonh_value *third = tenon__slice_axis(b, sum, 0, tenon__num(b, 2), tenon__num(b, 1));
    ck_assert_int_eq(*(const int64_t *)third->constant->data, 20);
    /* Reshaping a constant of any size shares its bytes; a view of a large float constant stays a view. */
    float *large = calloc(1 << 16, sizeof *large);
    tenonh_bytes bytes = {.data = large, .size = (1 << 16) * sizeof *large};
    tenonh_value *w = tenonh_build_constant(b, "w", TENON_DTYPE_F32, 2, (int64_t[]){256, 256}, &bytes);
    const tenonh_dim *flat = tenon__num(b, 1 << 16);
    ck_assert_ptr_eq(tenon__reshape(b, w, 1, &flat)->constant, w->constant);
    ck_assert_uint_eq(tenon__permute(b, w, (int64_t[]){1, 0})->kind, TENON__VALUE_RESULT);
    /* An index that is out of range is the run's to find. */
    tenonh_value *outside = tenon__gather(b, two, tenon__build_ints(b, (int64_t[]){5}, 1), 0);
    ck_assert_uint_eq(outside->kind, TENON__VALUE_RESULT);
    free(large);
}
END_TEST

/* What exporters write to compute a shape, with a symbol in it. */
START_TEST(test_content) {
    tenonh_value *x = INPUT("x", F32, -1, 12, 32);
    tenonh_value *shape = tenon__shape_of(b, x);
    tenonh_value *first = tenon__gather(b, shape, tenon__build_ints(b, (int64_t[]){0}, 1), 0);
    tenonh_value *minus_one = tenon__build_ints(b, (int64_t[]){-1}, 1);
    tenonh_value *wanted = tenon__concat(b, (tenonh_value *[]){first, minus_one}, 2, 0);
    uint32_t count;
    const tenonh_dim *const *content = tenon__content(b, wanted, &count);
    ck_assert_ptr_nonnull(content);
    ck_assert_uint_eq(count, 2);
    ck_assert_ptr_eq(content[0], x->dims[0]);
    tenonh_value *y = tenon__compose(b, TENON__COMPOSITE_RESHAPE_TO, (tenonh_value *[]){x, wanted}, 2, NULL, 0);
    ck_assert_str_eq(tenon__type_text(y), "f32[n, 384]");
    ck_assert_uint_eq(y->node->op, TENON_OP_RESHAPE);
    /* where(shape == -1, 1, shape): what expand is given. */
    tenonh_value *is_open =
        tenon__binary(b, TENON_OP_EQ, wanted, tenon__expand_like(b, tenon__build_ints(b, (int64_t[]){-1}, 1), wanted));
    tenonh_value *ones = tenon__build_ints(b, (int64_t[]){1, 1}, 2);
    content = tenon__content(b, tenon__where(b, is_open, ones, wanted), &count);
    ck_assert_ptr_nonnull(content);
    ck_assert_int_eq(content[1]->number, 1);
    /* slice(x, [0, 0, n // 2:]) clamps against a symbol. */
    tenonh_value *half = tenon__binary_number(b, TENON_OP_DIV, first, 2, false);
    tenonh_value *end = tenon__build_ints(b, (int64_t[]){INT64_MAX}, 1);
    tenonh_value *zero = tenon__build_ints(b, (int64_t[]){0}, 1);
    y = tenon__compose(b, TENON__COMPOSITE_SLICE_TO, (tenonh_value *[]){x, half, end, zero}, 4, NULL, 0);
    ck_assert_str_eq(tenon__type_text(y), "f32[n - div(n, 2), 12, 32]");
    /* range(0, n) and prod(shape). */
    tenonh_value *scalars[] = {tenon__build_bits(b, TENON_DTYPE_I64, 0), tenon__squeeze(b, first, 0),
                               tenon__build_bits(b, TENON_DTYPE_I64, 1)};
    ck_assert_str_eq(tenon__type_text(tenon__compose(b, TENON__COMPOSITE_RANGE, scalars, 3, NULL, 0)), "i64[n]");
    content = tenon__content(b, tenon__reduce(b, TENON_OP_PROD, shape, 1, (int64_t[]){0}, false), &count);
    char text[32];
    tenonh_dim_format(content[0], text, sizeof text);
    ck_assert_str_eq(text, "384*n");
}
END_TEST

START_TEST(test_functions) {
    tenonh_builder *second;
    ck_assert_int_eq(tenonh_builder_create(module, "", &second), TENON_STATUS_INVALID);
    tenonh_build_output(b, "y", INPUT("x", F32, 2));
    ck_assert_int_eq(finish(), TENON_STATUS_OK);
    const tenonh_function *f = tenonh_module_function(module, "main");
    ck_assert_uint_eq(tenonh_function_input_count(f), 1);
    ck_assert_uint_eq(tenonh_function_output_count(f), 1);
    ck_assert_str_eq(tenonh_function_input_name(f, 0), "x");
    ck_assert_str_eq(tenonh_function_output_name(f, 0), "y");
    ck_assert_ptr_null(tenonh_function_input(f, 1));
    ck_assert_ptr_null(tenonh_function_output_name(f, 1));
    ck_assert_ptr_null(tenonh_value_dim(tenonh_function_input(f, 0), 1));
    ck_assert_int_eq(tenonh_builder_create(module, "main", &second), TENON_STATUS_INVALID);
    ck_assert_ptr_null(tenonh_module_function(module, "other"));
}
END_TEST

START_TEST(test_unfinished_region) {
    tenonh_build_begin(b, TENONH_CONTROL_IF, (tenonh_value *[]){input("c", TENON_DTYPE_BOOL, 0, NULL)}, 1, NULL, 0);
    ck_assert_int_eq(finish(), TENON_STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "ends inside a region of node 0 (if)"));
}
END_TEST

START_TEST(test_bad_calls) {
    ck_assert_ptr_null(tenonh_build_composite(b, "tenon.nothing", 0, NULL, 0, NULL, 0));
    ck_assert_int_eq(finish(), TENON_STATUS_NOT_FOUND);
    ck_assert_int_eq(tenon__builder_create(module, "main", 0, &b), TENON_STATUS_OK);
    ck_assert_ptr_null(tenonh_build_op(b, 99, NULL, 0, NULL, 0));
    ck_assert_int_eq(finish(), TENON_STATUS_INVALID);
    ck_assert_int_eq(tenon__builder_create(module, "main", 0, &b), TENON_STATUS_OK);
    const tenonh_dim *nine[9] = {tenon__num(b, 1)};
    ck_assert_ptr_null(tenonh_build_input(b, "x", TENON_DTYPE_F32, 9, nine));
    ck_assert_int_eq(finish(), TENON_STATUS_UNSUPPORTED);
    ck_assert_int_eq(tenon__builder_create(module, "main", 0, &b), TENON_STATUS_OK);
    ck_assert_ptr_null(tenonh_build_yield(b, NULL, 0));
    ck_assert_int_eq(finish(), TENON_STATUS_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("graph builder");
    TCase *tests = tcase_create("build");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_first_failure_sticks);
    tcase_add_test(tests, test_borrowed_bytes);
    tcase_add_test(tests, test_refused_bytes_go_back);
    tcase_add_test(tests, test_equal_constants_are_one);
    tcase_add_test(tests, test_simplifying);
    tcase_add_test(tests, test_folding);
    tcase_add_test(tests, test_content);
    tcase_add_test(tests, test_functions);
    tcase_add_test(tests, test_unfinished_region);
    tcase_add_test(tests, test_bad_calls);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
