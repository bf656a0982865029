/* The verifier: modules broken in one place each, by text where text can say it, else in memory. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/build.h"

/* -- By text ----------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct text_row {
    const char *name, *body, *message;
} texts[] = {
    {"inner_value_outside",
     "func main(%0: bool[], %1: f32[2]) { %2: f32[2] = if(%0) region { %3: f32[2] = neg(%1) yield %3 } region { yield %1 }"
     " %4: f32[2] = abs(%3) return \"y\" %4 }",
     "function 'main': node 1 (abs): operand 0 (%"},
    {"other_branch",
     "func main(%0: bool[], %1: f32[2]) { %2: f32[2] = if(%0) region { %3: f32[2] = neg(%1) yield %3 } region { yield %3 }"
     " return \"y\" %2 }",
     "not defined before, or outside of its region"},
    {"token_twice",
     "state s: f32[2] func main(%0: token) { %1: f32[2], %2: token = read(%0) of s %3: f32[2], %4: token = read(%0) of s"
     " return \"t\" %4 }",
     "function 'main': node 1 (read): operand 0 ('0') was consumed by an earlier effect"},
    {"token_returned_twice", "func main(%0 \"t\": token) { return \"a\" %0, \"b\" %0 }", "was consumed"},
    {"token_as_tensor", "func main(%0 \"t\": token) { %1: f32[2] = neg(%0) return }", "operand 0 is token"},
    {"tensor_as_token", "state s: f32[2] func main(%0: f32[2]) { %1: f32[2], %2: token = read(%0) of s return }",
     "its effect has no token"},
    {"unknown_state", "func main(%0: token) { %1: f32[2], %2: token = read(%0) of s return }", "'s' is not declared"},
    {"state_type", "state s: f32[2] func main(%0: f32[3], %1: token) { %2: token = write(%0, %1) of s return }",
     "can't hold f32[3]"},
    {"used_after_donation",
     "func main(%0: f32[2]) { %1: f32[2] = neg(%0) {donated = [0]} %2: f32[2] = abs(%0) return \"y\" %2 }",
     "node 1 (abs): operand 0 ('0') was consumed by an earlier effect or donated"},
    {"constant_donated", "func main() { %0: f32[1] = constant [1] %1: f32[1] = neg(%0) {donated = [0]} return \"y\" %1 }",
     "can't be donated"},
    {"donated_nothing", "func main(%0: f32[1]) { %1: f32[1] = neg(%0) {donated = [1]} return \"y\" %1 }", "can't be donated"},
    {"token_in_loop",
     "state s: f32[2] func main(%0: f32[3], %1: token) { %2: token = for(%1, %0) {axis = 1} region (%3: token, %4: f32[])"
     " { %5: f32[2], %6: token = read(%1) of s yield %3 } return \"t\" %2 }",
     "was consumed"},
    {"outer_token_in_loop",
     "state s: f32[2] func main(%0: f32[3], %1: token) { for(%0) region (%4: f32[])"
     " { %5: f32[2], %6: token = read(%1) of s yield } return }",
     "is used up in a loop and comes from outside"},
    {"donated_in_loop",
     "func main(%0: f32[3], %1: f32[3]) { for(%0) region (%4: f32[]) { %5: f32[3] = neg(%1) {donated = [0]} yield } return }",
     "is used up in a loop and comes from outside"},
    {"token_after_branch",
     "state s: f32[2] func main(%0: bool[], %1: token) { %2: token = if(%0) region { %3: f32[2], %4: token = read(%1) of s"
     " yield %4 } region { yield %1 } %5: f32[2], %6: token = read(%1) of s return \"t\" %6 }",
     "node 1 (read): operand 0 ('1') was consumed"},
    {"loop_without_condition",
     "func main(%0: f32[2], %1: f32[3]) { %2: f32[2] = for(%0, %1) {axis = 1, mode = 1} region (%3: f32[2], %4: f32[])"
     " { yield %3 } return }",
     "its first carried value is the condition, bool[]"},
    {"varying_axis",
     "func main(%0: f32[2], %1: f32[3]) { %2: f32[2] = for(%0, %1) {axis = 1, axes = [1]} region (%3: f32[2], %4: f32[])"
     " { yield %3 } return }",
     "entry 0 of axes names no axis of a carried value"},
    {"branch_counts",
     "func main(%0: bool[], %1: f32[2]) { %2: f32[2] = if(%0) region { yield %1 } region { yield } return }",
     "the branches yield f32[2] and nothing"},
    {"branch_types",
     "func main(%0: bool[], %1: f32[2], %2: f16[2]) { %3: f32[2] = if(%0) region { yield %1 } region { yield %2 } return }",
     "the branches yield f32[2] and f16[2]"},
    {"condition", "func main(%0: f32[]) { if(%0) region { yield } region { yield } return }", "the condition, bool[]"},
    {"while_condition",
     "func main(%0: f32[2]) { %1: f32[2] = while(%0) region (%2: f32[2]) { yield %2 } region (%3: f32[2]) { yield %3 }"
     " return }",
     "yields one bool[]"},
    {"while_carried",
     "func main(%0: f32[2], %1: bool[]) { %2: f32[2] = while(%0) region (%3: f32[2]) { yield %1 } region (%4: f32[2])"
     " { %5: f16[2] = cast(%4) {dtype = f16} yield %5 } return }",
     "goes in as f32[2] and comes out as f16[2]"},
    {"for_lengths",
     "func main(%0: f32[2, 3], %1: f32[4]) { %2: f32[2, 3] = for(%0, %1) region (%3: f32[3], %4: f32[]) { yield %3 } return }",
     "axis 0 of operands"},
    {"for_scalar", "func main(%0: f32[]) { for(%0) region { yield } return }", "number of steps is not given"},
    {"region_argument", "func main(%0: f32[2]) { %1: f32[2] = for(%0) region (%2: f32[2]) { yield %2 } return }",
     "%2 is said to be f32[2] and is f32[]"},
    {"call_inputs", "func g(%0: f32[2]) { return \"y\" %0 } func main(%0: f32[2]) { %1: f32[2] = call(%0, %0) of g return }",
     "takes 1 inputs, not 2"},
    {"call_itself", "func main(%0: f32[2]) { %1: f32[2] = call(%0) of main return }", "no finished function 'main'"},
    {"two_outputs", "func main(%0: f32[2]) { return \"y\" %0, \"y\" %0 }", "two outputs are called 'y'"},
};
/* clang-format on */

START_TEST(test_text) {
    char text[2048];
    snprintf(text, sizeof text, "tenon.graph 1\n%s", texts[_i].body);
    tenonh_module *module = NULL;
    ck_assert_msg(tenonh_module_parse(text, strlen(text), &module) != TENON_STATUS_OK, "%s is accepted",
                  texts[_i].name);
    ck_assert_msg(strstr(tenonh_error_message(), texts[_i].message) != NULL, "%s: %s", texts[_i].name,
                  tenonh_error_message());
}
END_TEST

/* Each branch of an if may use the token up, and a loop carries it. */
START_TEST(test_effects_in_regions) {
    static const char text[] =
        "tenon.graph 1\nstate s: f32[2]\nfunc main(%0: bool[], %1: token, %2: f32[3]) {\n"
        "  %3: token = if(%0) region {\n    %4: f32[2], %5: token = read(%1) of s\n    yield %5\n  } region {\n"
        "    yield %1\n  }\n  %6: token = for(%3, %2) {axis = 1} region (%7: token, %8: f32[]) {\n"
        "    %9: f32[2], %10: token = read(%7) of s\n    yield %10\n  }\n  return \"t\" %6\n}\n";
    tenonh_module *effects = NULL;
    ck_assert_msg(tenonh_module_parse(text, sizeof text - 1, &effects) == TENON_STATUS_OK, "%s",
                  tenonh_error_message());
    ck_assert_msg(tenonh_module_verify(effects) == TENON_STATUS_OK, "%s", tenonh_error_message());
    tenonh_module_destroy(effects);
}
END_TEST

/* -- In memory ----------------------------------------------------------------------------------------------------- */

static tenonh_module *module;
static tenonh_function *f;

static void setup(void) {
    static const char text[] =
        "tenon.graph 1\n"
        "func main(%0 \"x\": f32[2, 3], %1 \"c\": bool[]) {\n"
        "  %2 \"w\": f32[3, 4] = constant [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]\n"
        "  %3: f32[2, 4] = matmul(%0, %2) {dtype = f32, accumulator = f32} from \"/MatMul\"\n"
        "  %4: f32[2, 4] = if(%1) region { %5: f32[2, 4] = neg(%3) yield %5 } region { yield %3 }\n"
        "  %6: f32[2] = sum(%4) {axes = [1]}\n"
        "  return \"y\" %6\n"
        "}\n";
    ck_assert_msg(tenonh_module_parse(text, sizeof text - 1, &module) == TENON_STATUS_OK, "%s", tenonh_error_message());
    f = module->functions;
    ck_assert_int_eq(tenonh_module_verify(module), TENON_STATUS_OK);
}

static void teardown(void) {
    tenonh_module_destroy(module);
}

static tenonh_node *node(uint32_t index) {
    return f->body->nodes[index];
}

static const tenonh_dim *number(int64_t value) {
    return tenonh_dim_number(module, value);
}

static void cycle(void) {
    node(0)->operands[0] = node(2)->results[0];
}
static void itself(void) {
    node(2)->operands[0] = node(2)->results[0];
}
static void swapped(void) {
    tenonh_node *first = node(0);
    f->body->nodes[0] = node(1);
    f->body->nodes[1] = first;
}
static void swapped_with_numbers(void) {
    swapped();
    node(0)->number = 0;
    node(1)->number = 1;
}
static void result_dtype(void) {
    node(0)->results[0]->dtype = TENON_DTYPE_F64;
}
static void result_dim(void) {
    node(2)->results[0]->dims[0] = number(7);
}
static void result_rank(void) {
    node(2)->results[0]->rank = 0;
}
static void huge_rank(void) {
    node(2)->results[0]->rank = 99;
}
static void negative_dim(void) {
    f->body->arguments[0]->dims[0] = number(-1);
}
static void missing_dim(void) {
    f->body->arguments[0]->dims[0] = NULL;
}
static void absurd_dims(void) {
    f->body->arguments[0]->dims[0] = number(INT64_MAX / 2);
}
static void no_operator(void) {
    node(0)->op = 127;
}
static void no_kind(void) {
    node(0)->kind = 99;
}
static void missing_operand(void) {
    node(0)->operands[1] = NULL;
}
static void fewer_operands(void) {
    node(0)->operand_count = 1;
}
static void more_results(void) {
    node(0)->result_count = 0;
}
static void fewer_regions(void) {
    node(1)->region_count = 1;
}
static void lost_region(void) {
    node(1)->regions[0]->node = NULL;
}
static void fewer_yields(void) {
    node(1)->regions[1]->result_count = 0;
}
static void missing_yield(void) {
    node(1)->regions[1]->results[0] = NULL;
}
static void attr_order(void) {
    tenon__attr *attrs = (tenon__attr *)(uintptr_t)node(0)->attrs, first = attrs[0];
    attrs[0] = attrs[1];
    attrs[1] = first;
}
static void attr_unknown(void) {
    ((tenon__attr *)(uintptr_t)node(2)->attrs)->id = 60;
}
static void attr_value(void) {
    const tenonh_dim **dims = (const tenonh_dim **)(uintptr_t)node(2)->attrs->dims;
    dims[0] = number(5);
}
static void constant_size(void) {
    f->constants[0]->dims[0] = number(4);
}
static void constant_gone(void) {
    f->constants[0]->constant = NULL;
}
static void same_id(void) {
    node(0)->results[0]->id = f->body->arguments[0]->id;
}
static void large_id(void) {
    node(0)->results[0]->id = 1000;
}
static void foreign_result(void) {
    node(0)->results[0]->index = 1;
}
static void foreign_node(void) {
    node(1)->regions[0]->nodes[0] = node(2);
}
static void same_input_names(void) {
    f->input_names[1] = "x";
}
static void memory_kind(void) {
    node(0)->results[0]->memory = 9;
}

static const struct memory_row {
    const char *name;
    void (*breaks)(void);
    const char *message;
} memory[] = {
    {"cycle", cycle, "function 'main': node 0 (matmul, from '/MatMul'): operand 0 (%"},
    {"itself", itself, "node 2 (sum): operand 0"},
    {"swapped", swapped, "stands at 0 of another region than it says"},
    {"swapped_with_numbers", swapped_with_numbers, "not defined before"},
    {"result_dtype", result_dtype, "result 0 is said to be f64[2, 4] and is f32[2, 4]"},
    {"result_dim", result_dim, "node 2 (sum): result 0 is said to be f32[7] and is f32[2]"},
    {"result_rank", result_rank, "is said to be f32[] and is f32[2]"},
    {"huge_rank", huge_rank, "rank 99"},
    {"negative_dim", negative_dim, "dim 0 of value 'x' is missing or negative"},
    {"missing_dim", missing_dim, "dim 0 of value 'x' is missing or negative"},
    {"absurd_dims", absurd_dims, "more elements than 64 bits"},
    {"no_operator", no_operator, "there is no operator 127"},
    {"no_kind", no_kind, "there is no node kind 99"},
    {"missing_operand", missing_operand, "operand 1 is missing"},
    {"fewer_operands", fewer_operands, "has 1 operands and takes 2"},
    {"more_results", more_results, "has 0 results and gives 1"},
    {"fewer_regions", fewer_regions, "has 1 regions and needs 2"},
    {"lost_region", lost_region, "a region belongs to another node"},
    {"fewer_yields", fewer_yields, "yields 0 values and must yield 1"},
    {"missing_yield", missing_yield, "yielded value 0 is missing"},
    {"attr_order", attr_order, "unknown or out of order"},
    {"attr_unknown", attr_unknown, "attribute 60 is unknown"},
    {"attr_value", attr_value, "axes rise and lie in f32[2, 4]"},
    {"constant_size", constant_size, "constant 'w' is f32[4, 4] and has 48 bytes"},
    {"constant_gone", constant_gone, "constant 'w' has no bytes"},
    {"same_id", same_id, "is taken"},
    {"large_id", large_id, "its id 1000"},
    {"foreign_result", foreign_result, "result 0 belongs to another node"},
    {"foreign_node", foreign_node, "of another region than it says"},
    {"same_input_names", same_input_names, "two inputs are called 'x'"},
    {"memory_kind", memory_kind, "of memory kind 9"},
};

START_TEST(test_memory) {
    memory[_i].breaks();
    ck_assert_msg(tenonh_module_verify(module) == TENON_STATUS_INVALID, "%s is accepted", memory[_i].name);
    ck_assert_msg(strstr(tenonh_error_message(), memory[_i].message) != NULL, "%s: %s", memory[_i].name,
                  tenonh_error_message());
}
END_TEST

int main(void) {
    Suite *suite = suite_create("graph verifier");
    TCase *by_text = tcase_create("text"), *in_memory = tcase_create("memory");
    tcase_add_loop_test(by_text, test_text, 0, sizeof texts / sizeof *texts);
    tcase_add_test(by_text, test_effects_in_regions);
    tcase_add_checked_fixture(in_memory, setup, teardown);
    tcase_add_loop_test(in_memory, test_memory, 0, sizeof memory / sizeof *memory);
    suite_add_tcase(suite, by_text);
    suite_add_tcase(suite, in_memory);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
