/* The text form: what is written is read back as the same, and any bytes are safe to read. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/build.h"

/* Modules in canonical form, one for each thing that the text can say. */
/* clang-format off */
static const struct module_row {
    const char *name, *text;
} modules[] = {
    {"empty", "tenon.graph 1\n"},
    {"symbols",
     "tenon.graph 1\n"
     "symbol batch in 1 .. 64\n"
     "symbol \"a b\" in 0 .. 4096 of 8\n"
     "symbol d7 in 0 .. 100 data\n"
     "equal d7 = batch\n"
     "state kv: f16[batch, 4]\n"
     "\n"
     "func main(%0 \"x\": f32[batch, \"a b\", d7, div(\"a b\", 16) + 1]) {\n"
     "  return \"x\" %0\n"
     "}\n"},
    {"constants",
     "tenon.graph 1\n"
     "\n"
     "func main() {\n"
     "  %0: f32[4] = constant [0.1, -0, inf, 1e-45]\n"
     "  %1: f16[2] = constant [0.333, 65504]\n"
     "  %2: i8[2] = constant [-128, 127]\n"
     "  %3: u64[1] = constant [18446744073709551615]\n"
     "  %4 \"flags\": bool[2, 1] = constant [1, 0]\n"
     "  %5: i64[] = constant [-9223372036854775808]\n"
     "  %6: f32[1] = constant bytes \"0100c07f\"\n"
     "  %7: f64[0, 3] = constant []\n"
     "  return \"a\" %0, \"b\" %1, \"c\" %2, \"d\" %3, \"e\" %4, \"f\" %5, \"g\" %6, \"h\" %7\n"
     "}\n"},
    {"operators",
     "tenon.graph 1\n"
     "symbol n in 1 .. 100\n"
     "\n"
     "func main(%0 \"x\": f32[n, 6], %1 \"i\": i64[3]) {\n"
     "  %2: f32[2, 2] = constant [1, 2, 3, 4]\n"
     "  %3: f32[3*n, 2] = reshape(%0) {dims = [3*n, 2]} from \"/layer/Reshape\", \"a \\\"quoted\\\" name\"\n"
     "  %4 \"y\": f32[3*n, 2] = matmul(%3, %2) {dtype = f32, accumulator = f32}\n"
     "  %5: f32[n, 3] host = slice(%0) {dims = [n, 3], starts = [0, 5], steps = [1, -2]}\n"
     "  %6: i32[n] = fill() {dtype = i32, scalars = [0xffffffff]}\n"
     "  %7: f32[n, 3] = gather(%0, %1) {axis = 1}\n"
     "  %8: f32[n, 6], %9: i64[n, 6] = sort(%0) {axis = 1, descending = 1}\n"
     "  %10: u32[4] = random_bits() {scalars = [0x7, 0x0]}\n"
     "  return \"y\" %4, \"s\" %5, \"f\" %6, \"g\" %7, \"v\" %8, \"p\" %9, \"r\" %10\n"
     "}\n"},
    {"composites",
     "tenon.graph 1\n"
     "\n"
     "func main(%0 \"x\": f32[2, 8], %1 \"lo\": f32[], %2 \"hi\": f32[]) {\n"
     "  %3: f32[2, 8] = tenon.layer_norm.1(%0) {axis = 1, epsilon = 1e-05}\n"
     "  %4: f32[2, 8] = tenon.clip.1(%3, none, %2)\n"
     "  %5: f32[2, 3] = acme.fancy.7(%4, none, %1) {axis = 3}\n"
     "  %6: f32[2, 3], %7: i64[2, 3] = tenon.topk.1(%4) {axis = 1, descending = 1, count = 3}\n"
     "  return \"a\" %5, \"b\" %6, \"c\" %7\n"
     "}\n"},
    {"control",
     "tenon.graph 1\n"
     "\n"
     "func helper(%0 \"x\": f32[3]) {\n"
     "  %1: f32[3] = neg(%0)\n"
     "  return \"y\" %1\n"
     "}\n"
     "\n"
     "func main(%0 \"c\": bool[], %1 \"x\": f32[3], %2 \"xs\": f32[5, 3]) {\n"
     "  %3: f32[3] = if(%0) region {\n"
     "    %4: f32[3] = call(%1) of \"helper\"\n"
     "    yield %4\n"
     "  } region {\n"
     "    yield %1\n"
     "  }\n"
     "  %5: f32[3] = while(%3) region (%6: f32[3]) {\n"
     "    yield %0\n"
     "  } region (%7: f32[3]) {\n"
     "    %8: f32[3] = abs(%7)\n"
     "    yield %8\n"
     "  }\n"
     "  %9: f32[3], %10: f32[5, 3] = for(%5, %2) {axis = 1} region (%11: f32[3], %12: f32[3]) {\n"
     "    %13: f32[3] = add(%11, %12)\n"
     "    yield %13, %11\n"
     "  }\n"
     "  return \"last\" %9, \"all\" %10\n"
     "}\n"},
    {"loops_that_vary",
     "tenon.graph 1\n"
     "symbol n in 0 .. 100\n"
     "symbol d1 in 0 .. 2147483647 data\n"
     "symbol d2 in 0 .. 2147483647 data\n"
     "symbol d3 in 0 .. 100 data\n"
     "\n"
     "func main(%0 \"c\": bool[], %1 \"x\": f32[n]) {\n"
     "  %2: bool[], %3: f32[d2], %4: f32[d3] = for(%0, %1) {axes = [8], sizes = [100], axis = 2, mode = 1}"
     " region (%5: bool[], %6: f32[d1]) {\n"
     "    %7: f32[n + d1] = tenon.concat.1(%6, %1) {axis = 0}\n"
     "    %8: f32[] = sum(%7) {axes = [0]}\n"
     "    yield %0, %7, %8\n"
     "  }\n"
     "  return \"c\" %2, \"y\" %3, \"sums\" %4\n"
     "}\n"},
    {"effects",
     "tenon.graph 1\n"
     "state kv: f32[4]\n"
     "\n"
     "func main(%0 \"x\": f32[4], %1 \"t\": token) {\n"
     "  %2: f32[4], %3: token = read(%1) of \"kv\"\n"
     "  %4: f32[4] = add(%0, %2) {donated = [1]}\n"
     "  %5: token = write(%4, %3) of \"kv\"\n"
     "  return \"y\" %4, \"t\" %5\n"
     "}\n"},
};
/* clang-format on */
enum { MODULES = sizeof modules / sizeof *modules };

static char *printed(const tenonh_module *module, uint32_t flags) {
    char *text = NULL;
    ck_assert_msg(tenonh_module_print(module, flags, &text) == TENON_STATUS_OK, "%s", tenonh_error_message());
    return text;
}

START_TEST(test_round_trip) {
    const struct module_row *row = &modules[_i];
    tenonh_module *module = NULL;
    ck_assert_msg(tenonh_module_parse(row->text, strlen(row->text), &module) == TENON_STATUS_OK, "%s: %s", row->name,
                  tenonh_error_message());
    ck_assert_msg(tenonh_module_verify(module) == TENON_STATUS_OK, "%s: %s", row->name, tenonh_error_message());
    char *text = printed(module, TENONH_PRINT_WHOLE);
    ck_assert_msg(strcmp(text, row->text) == 0, "%s comes back as\n%s", row->name, text);
    free(text);
    tenonh_module_destroy(module);
}
END_TEST

/* Layout, comments and numbers of values are free; what comes out is canonical. */
START_TEST(test_canonical) {
    const char *loose = "tenon.graph 1 # a comment\nsymbol unused in 1..2 symbol n in 1..9\n"
                        "func \"main\"(%70:f32[n],%5 \"b\":f32[1+n-1]){%6:f32[n*1]=add(%70,%5) return out %6}";
    const char *canonical = "tenon.graph 1\nsymbol n in 1 .. 9\n\n"
                            "func main(%0 \"70\": f32[n], %1 \"b\": f32[n]) {\n"
                            "  %2: f32[n] = add(%0, %1)\n"
                            "  return \"out\" %2\n}\n";
    tenonh_module *module = NULL;
    ck_assert_msg(tenonh_module_parse(loose, strlen(loose), &module) == TENON_STATUS_OK, "%s", tenonh_error_message());
    char *text = printed(module, TENONH_PRINT_WHOLE);
    ck_assert_str_eq(text, canonical);
    free(text);
    tenonh_module_destroy(module);
}
END_TEST

START_TEST(test_brief) {
    tenonh_module *module;
    tenonh_builder *b;
    float weights[100] = {0};
    ck_assert_int_eq(tenonh_module_create(&module), TENON_STATUS_OK);
    ck_assert_int_eq(tenonh_builder_create(module, "main", &b), TENON_STATUS_OK);
    tenonh_bytes bytes = {.data = weights, .size = sizeof weights};
    tenonh_build_output(b, "w", tenonh_build_constant(b, "w", TENON_DTYPE_F32, 1, (int64_t[]){100}, &bytes));
    ck_assert_int_eq(tenonh_builder_finish(b), TENON_STATUS_OK);
    char *brief = printed(module, TENONH_PRINT_BRIEF), *whole = printed(module, TENONH_PRINT_WHOLE);
    ck_assert_ptr_nonnull(strstr(brief, "constant ..."));
    tenonh_module *again = NULL;
    ck_assert_int_eq(tenonh_module_parse(brief, strlen(brief), &again), TENON_STATUS_BAD_DATA);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "printed in brief"));
    ck_assert_int_eq(tenonh_module_parse(whole, strlen(whole), &again), TENON_STATUS_OK);
    const tenonh_value *w = tenonh_function_output(tenonh_module_function(again, "main"), 0);
    ck_assert_mem_eq(w->constant->data, weights, sizeof weights);
    free(brief);
    free(whole);
    tenonh_module_destroy(again);
    tenonh_module_destroy(module);
}
END_TEST

/* clang-format off */
static const struct error_row {
    const char *text, *message;
} errors[] = {
    {"", "line 1, column 1: 'tenon.graph' should stand here"},
    {"tenon.graph 2\n", "newer than 1"},
    {"tenon.graph 1\nhello", "line 2, column 1: symbol, equal, state or func"},
    {"tenon.graph 1\nsymbol n in 2 .. 1", "0 <= min <= max"},
    {"tenon.graph 1\nsymbol n in 0 .. 1 symbol n in 0 .. 1", "'n' is declared twice"},
    {"tenon.graph 1\nequal 1 = 2", "should be equal and can't be"},
    {"tenon.graph 1\nfunc f(%0: f31[2]) { return }", "'f31' is no dtype"},
    {"tenon.graph 1\nfunc f(%0: i4[2]) { return }", "'i4' is no dtype"},
    {"tenon.graph 1\nfunc f(%0: f32[2, ]) { return }", "a name should stand here"},
    {"tenon.graph 1\nfunc f(%0: f32[1,1,1,1,1,1,1,1,1]) { return }", "ranks go up to 8"},
    {"tenon.graph 1\nfunc f(%0: f32[-2]) { return }", "missing or negative"},
    {"tenon.graph 1\nfunc f(%0: f32[2], %0: f32[2]) { return }", "%0 is defined twice"},
    {"tenon.graph 1\nfunc f(%0 \"a\": f32[2], %1 \"a\": f32[2]) { return }", "two inputs are called 'a'"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { return \"y\" %1 }", "%1 is not defined before"},
    {"tenon.graph 1\nfunc f() { return } func f() { return }", "needs a name of its own"},
    {"tenon.graph 1\nfunc f() {", "the function has no end"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[2] = frob(%0) return }", "'frob' is no operator"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[2] = a.b(%0) return }", "'a.b' is no operator, and as a composite it needs a version"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[3] = neg(%0) return }", "%1 is said to be f32[3] and is f32[2]"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[2], %2: f32[2] = neg(%0) return }", "2 results are written"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[2] = neg(%0) {axis = 1} return }", "no attribute axis"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[] = sum(%0) {size = [0]} return }", "no attribute 'size'"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[] = sum(%0) {axes = [0], axes = [0]} return }", "stands there twice"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[2] = neg(none) return }", "operand 0 is missing"},
    {"tenon.graph 1\nfunc f() { %0: f32[3] = constant [1, 2] return }", "',' should stand here"},
    {"tenon.graph 1\nfunc f() { %0: i8[1] = constant [128] return }", "the number is no i8"},
    {"tenon.graph 1\nfunc f() { %0: f32[1000000000, 1000000000, 1000] = constant [] return }", "more elements than 64 bits"},
    {"tenon.graph 1\nfunc f() { %0: f32[1000000000000] = constant [] return }", "does not stand in the rest"},
    {"tenon.graph 1\nfunc f() { %0: f32[1] = constant bytes \"00\" return }", "1 of 4 stand here"},
    {"tenon.graph 1\nfunc f() { %0: f32[1] = constant bytes \"0000zz00000000\" return }", "2 of 4"},
    {"tenon.graph 1\nfunc f(%0: bool[]) { %1: f32[] = if(%0) region { yield } return }", "'region' should stand here"},
    {"tenon.graph 1\nfunc f(%0: f32[2]) { %1: f32[2] = call(%0) of \"g\" return }", "no finished function 'g'"},
    {"tenon.graph 1\nfunc \"a\\q\"() { return }", "a backslash is followed by"},
    {"tenon.graph 1\nfunc \"a\n\"() { return }", "does not end on its line"},
};
/* clang-format on */

START_TEST(test_errors) {
    const struct error_row *row = &errors[_i];
    tenonh_module *module = NULL;
    tenon_status status = tenonh_module_parse(row->text, strlen(row->text), &module);
    ck_assert_msg(status != TENON_STATUS_OK, "read: %s", row->text);
    ck_assert_ptr_null(module);
    ck_assert_msg(strstr(tenonh_error_message(), row->message) != NULL, "%s\n%s", row->text, tenonh_error_message());
}
END_TEST

static void try_bytes(const char *bytes, size_t size) {
    tenonh_module *module = NULL;
    char *exact = malloc(size ? size : 1); /* a sanitizer sees every byte read past the end */
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, size);
    if (tenonh_module_parse(exact, size, &module) == TENON_STATUS_OK) {
        /* Whatever was accepted can be printed, and reads back. */
        char *text = printed(module, TENONH_PRINT_WHOLE), *second;
        tenonh_module *again = NULL;
        ck_assert_msg(tenonh_module_parse(text, strlen(text), &again) == TENON_STATUS_OK, "%s\n%s",
                      tenonh_error_message(), text);
        second = printed(again, TENONH_PRINT_WHOLE);
        ck_assert_str_eq(text, second);
        free(second);
        free(text);
        tenonh_module_destroy(again);
    }
    tenonh_module_destroy(module);
    free(exact);
}

START_TEST(test_cut) {
    const char *text = modules[_i].text;
    for (size_t size = 0; size < strlen(text); size++) try_bytes(text, size);
}
END_TEST

START_TEST(test_garbled) {
    static const char alphabet[] = "%0123456789:=,()[]{}\"\\ \n#.-+*/abdefimnorstuxyz\xff";
    char text[4096];
    uint64_t seed = 977u + (unsigned)_i;
    for (int round = 0; round < 400; round++) {
        size_t size = strlen(modules[_i].text);
        memcpy(text, modules[_i].text, size);
        for (int change = 0; change < 1 + round % 4; change++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[14 + (seed >> 33) % (size > 14 ? size - 14 : 1)] = alphabet[(seed >> 20) % (sizeof alphabet - 1)];
        }
        try_bytes(text, size);
    }
}
END_TEST

START_TEST(test_deep) {
    /* Nesting beyond the limits is an error, not a stack overflow. */
    size_t size = 1 << 20;
    char *text = malloc(size + 64);
    ck_assert_ptr_nonnull(text);
    size_t start = (size_t)snprintf(text, size, "tenon.graph 1\nfunc f(%%0: f32[");
    memset(text + start, '(', size - start);
    tenonh_module *module = NULL;
    ck_assert_int_eq(tenonh_module_parse(text, size, &module), TENON_STATUS_BAD_DATA);
    size_t end = (size_t)snprintf(text, size, "tenon.graph 1\nfunc f(%%0: bool[]) {\n");
    for (int i = 0; i < 2000; i++) end += (size_t)snprintf(text + end, size - end, "if(%%0) region {\n");
    ck_assert_int_ne(tenonh_module_parse(text, end, &module), TENON_STATUS_OK);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "deep"));
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("graph text");
    TCase *tests = tcase_create("text");
    tcase_add_loop_test(tests, test_round_trip, 0, MODULES);
    tcase_add_test(tests, test_canonical);
    tcase_add_test(tests, test_brief);
    tcase_add_loop_test(tests, test_errors, 0, sizeof errors / sizeof *errors);
    tcase_add_loop_test(tests, test_cut, 0, MODULES);
    tcase_add_loop_test(tests, test_garbled, 0, MODULES);
    tcase_add_test(tests, test_deep);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
