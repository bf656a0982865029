/* The pass driver: what becomes of whole functions, regions and claims included, and what the report says. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "passes/passes.h"

#define HEAD "tenon.graph 1\n"

/* A device that takes what is called so. */
static bool takes(void *context, const tenonh_node *node) {
    return context && strcmp(node->name, context) == 0;
}

static const struct row {
    const char *name;
    const char *rules; /* NULL: all */
    const char *claim; /* composite that the device takes, or NULL */
    const char *source, *wanted;
} rows[] = {
    {"rules_lead_to_rules", NULL, NULL,
     HEAD "func main(%0 \"x\": f32[4]) {\n"
          "  %1: f32[] = constant [8]\n"
          "  %2: f32[4] = expand(%1) {dims = [4]}\n"
          "  %3: f32[4] = neg(%0) from \"a\"\n"
          "  %4: f32[4] = div(%3, %2) from \"b\"\n"
          "  return \"y\" %4\n"
          "}\n",
     HEAD "\n"
          "func main(%0 \"x\": f32[4]) {\n"
          "  %1: f32[] = constant [-0.125]\n"
          "  %2: f32[4] = expand(%1) {dims = [4]} from \"b\", \"a\"\n"
          "  %3: f32[4] = mul(%0, %2) from \"b\", \"a\"\n"
          "  return \"y\" %3\n"
          "}\n"},
    {"off", "off", NULL,
     HEAD "func main(%0 \"x\": f32[4]) {\n"
          "  %1: f32[4] = neg(%0)\n"
          "  %2: f32[4] = neg(%1)\n"
          "  return \"y\" %2\n"
          "}\n",
     HEAD "\n"
          "func main(%0 \"x\": f32[4]) {\n"
          "  %1: f32[4] = neg(%0)\n"
          "  %2: f32[4] = neg(%1)\n"
          "  return \"y\" %2\n"
          "}\n"},
    {"signs_of_zero_stay", NULL, NULL, /* x + 0 and 0 - x are not x and -x; x - x may be NaN */
     HEAD "func main(%0 \"x\": f32[4]) {\n"
          "  %1: f32[4] = constant [0, 0, 0, 0]\n"
          "  %2: f32[4] = add(%0, %1)\n"
          "  %3: f32[4] = sub(%1, %2)\n"
          "  %4: f32[4] = sub(%3, %3)\n"
          "  %5: f32[4] = mul(%4, %1)\n"
          "  return \"y\" %5\n"
          "}\n",
     HEAD "\n"
          "func main(%0 \"x\": f32[4]) {\n"
          "  %1: f32[4] = constant [0, 0, 0, 0]\n"
          "  %2: f32[4] = add(%0, %1)\n"
          "  %3: f32[4] = sub(%1, %2)\n"
          "  %4: f32[4] = sub(%3, %3)\n"
          "  %5: f32[4] = mul(%4, %1)\n"
          "  return \"y\" %5\n"
          "}\n"},
    {"casts_that_round_stay", NULL, NULL,
     HEAD "func main(%0 \"x\": f32[4]) {\n"
          "  %1: f16[4] = cast(%0) {dtype = f16}\n"
          "  %2: f64[4] = cast(%1) {dtype = f64}\n"
          "  %3: f32[4] = cast(%2) {dtype = f32}\n"
          "  return \"y\" %3\n"
          "}\n",
     HEAD "\n"
          "func main(%0 \"x\": f32[4]) {\n"
          "  %1: f16[4] = cast(%0) {dtype = f16}\n"
          "  %2: f32[4] = cast(%1) {dtype = f32}\n"
          "  return \"y\" %2\n"
          "}\n"},
    {"claimed_composites_stay", NULL, "tenon.softmax",
     HEAD "symbol n in 1 .. 64\n"
          "func main(%0 \"x\": f32[n, 8]) {\n"
          "  %1: f32[] = constant [1]\n"
          "  %2: f32[n, 8] = expand(%1) {dims = [n, 8]}\n"
          "  %3: f32[n, 8] = mul(%0, %2) from \"scale\"\n"
          "  %4: f32[n, 8] = tenon.softmax.1(%3) {axis = 1} from \"softmax\"\n"
          "  %5: f32[n, 8] = tenon.relu.1(%4)\n"
          "  %6: f32[n, 8] = tenon.relu.1(%5)\n"
          "  return \"y\" %6\n"
          "}\n",
     HEAD "symbol n in 1 .. 64\n"
          "\n"
          "func main(%0 \"x\": f32[n, 8]) {\n"
          "  %1: f32[] = constant [0]\n"
          "  %2: f32[n, 8] = tenon.softmax.1(%0) {axis = 1} from \"softmax\"\n"
          "  %3: f32[n, 8] = expand(%1) {dims = [n, 8]}\n"
          "  %4: f32[n, 8] = max(%2, %3)\n"
          "  return \"y\" %4\n"
          "}\n"},
    {"inside_regions", NULL, NULL,
     HEAD "func main(%0 \"c\": bool[], %1 \"x\": f32[3]) {\n"
          "  %2: f32[3] = neg(%1)\n"
          "  %3: f32[3] = if(%0) region {\n"
          "    %4: f32[3] = neg(%2)\n"
          "    yield %4\n"
          "  } region {\n"
          "    %5: f32[3] = abs(%2)\n"
          "    yield %5\n"
          "  }\n"
          "  return \"y\" %3\n"
          "}\n",
     HEAD "\n"
          "func main(%0 \"c\": bool[], %1 \"x\": f32[3]) {\n"
          "  %2: f32[3] = if(%0) region {\n"
          "    yield %1\n"
          "  } region {\n"
          "    %3: f32[3] = abs(%1)\n"
          "    yield %3\n"
          "  }\n"
          "  return \"y\" %2\n"
          "}\n"},
    {"computed_once", NULL, NULL, /* what is repeated is repeated after it is computed, and constants by themselves */
     HEAD "symbol n in 1 .. 64\n"
          "func main(%0 \"x\": f32[1, 8]) {\n"
          "  %1: f32[] = constant [2]\n"
          "  %2: f32[n, 8] = expand(%0) {dims = [n, 8]}\n"
          "  %3: f32[n, 8] = expand(%1) {dims = [n, 8]}\n"
          "  %4: f32[n, 8] = sqrt(%3)\n"
          "  %5: f32[n, 8] = exp(%2)\n"
          "  %6: f32[n, 8] = max(%5, %4)\n"
          "  return \"y\" %6\n"
          "}\n",
     HEAD "symbol n in 1 .. 64\n"
          "\n"
          "func main(%0 \"x\": f32[1, 8]) {\n"
          "  %1: f32[] = constant [1.4142135]\n"
          "  %2: f32[1, 8] = exp(%0)\n"
          "  %3: f32[1, 8] = expand(%1) {dims = [1, 8]}\n"
          "  %4: f32[1, 8] = max(%2, %3)\n"
          "  %5: f32[n, 8] = expand(%4) {dims = [n, 8]}\n"
          "  return \"y\" %5\n"
          "}\n"},
    {"others_use_it", NULL, NULL, /* the inner pad has another user: one pad more would be made of it */
     HEAD "func main(%0 \"x\": f32[2]) {\n"
          "  %1: f32[3] = pad(%0) {low = [1], scalars = [0x0]}\n"
          "  %2: f32[4] = pad(%1) {low = [0], scalars = [0x0]}\n"
          "  return \"y\" %2, \"z\" %1\n"
          "}\n",
     HEAD "\n"
          "func main(%0 \"x\": f32[2]) {\n"
          "  %1: f32[3] = pad(%0) {low = [1], scalars = [0x0]}\n"
          "  %2: f32[4] = pad(%1) {low = [0], scalars = [0x0]}\n"
          "  return \"y\" %2, \"z\" %1\n"
          "}\n"},
    {"equal_dims_stay_equal", NULL, NULL, /* also where the node that needed it is gone */
     HEAD "symbol a in 1 .. 64\n"
          "symbol b in 1 .. 64\n"
          "equal a*a = b + 3\n"
          "func main(%0 \"x\": f32[a], %1 \"y\": f32[b]) {\n"
          "  %2: f32[a] = neg(%0)\n"
          "  %3: f32[a] = neg(%2)\n"
          "  return \"x\" %3, \"y\" %1\n"
          "}\n",
     HEAD "symbol a in 1 .. 64\n"
          "symbol b in 1 .. 64\n"
          "equal a*a = b + 3\n"
          "\n"
          "func main(%0 \"x\": f32[a], %1 \"y\": f32[b]) {\n"
          "  return \"x\" %0, \"y\" %1\n"
          "}\n"},
};

static tenonh_module *optimized(const struct row *row, tenon__report *report) {
    tenonh_module *module = NULL, *result = NULL;
    tenon__optimize_options options = {.claim = takes};
    uint8_t *rules;
    ck_assert_msg(tenonh_module_parse(row->source, strlen(row->source), &module) == TENON_STATUS_OK, "%s: %s",
                  row->name, tenonh_error_message());
    ck_assert_int_eq(tenon__rules_select(row->rules, &rules), TENON_STATUS_OK);
    options.rules = rules;
    memcpy(&options.claim_context, &row->claim, sizeof options.claim_context);
    ck_assert_msg(tenon__optimize(module, &options, report, &result) == TENON_STATUS_OK, "%s: %s", row->name,
                  tenonh_error_message());
    ck_assert_msg(tenonh_module_verify(result) == TENON_STATUS_OK, "%s: %s", row->name, tenonh_error_message());
    free(rules);
    tenonh_module_destroy(module);
    return result;
}

START_TEST(test_rows) {
    const struct row *row = &rows[_i];
    tenonh_module *result = optimized(row, NULL);
    char *text = NULL;
    ck_assert_int_eq(tenonh_module_print(result, TENONH_PRINT_WHOLE, &text), TENON_STATUS_OK);
    ck_assert_msg(strcmp(text, row->wanted) == 0, "%s: it is\n%s\ninstead of\n%s", row->name, text, row->wanted);
    free(text);
    tenonh_module_destroy(result);
}
END_TEST

/* Rule, place, and gains by the cost function: a view moves nothing, a division is worth four operations. */
START_TEST(test_report) {
    static const struct row row = {.name = "report",
                                   .source = HEAD "func main(%0 \"x\": f32[100], %1 \"y\": f32[100]) {\n"
                                                  "  %2: f32[] = constant [4]\n"
                                                  "  %3: f32[100] = expand(%2) {dims = [100]}\n"
                                                  "  %4: f32[100] = div(%0, %3) from \"quarter\"\n"
                                                  "  %5: f32[100] = sub(%0, %1) from \"first\"\n"
                                                  "  %6: f32[100] = sub(%0, %1) from \"second\"\n"
                                                  "  %7: f32[100] = mul(%5, %6) from \"square\"\n"
                                                  "  %8: f32[100] = exp(%7) from \"unused\"\n"
                                                  "  %9: f32[2] = constant [2, 3]\n"
                                                  "  %10: f32[2] = neg(%9) from \"constant\"\n"
                                                  "  return \"a\" %4, \"b\" %7, \"c\" %10\n"
                                                  "}\n"};
    static const tenon__fired wanted[] = {
        {"div_power_of_two", "quarter", {-1, 0, 300}}, /* a mul, and an expand of the reciprocal */
        {"cse", "second", {1, 1200, 100}},
        {"fold", "constant", {1, 16, 2}},
        {"dce", "unused", {1, 800, 1600}},
        {"dce", "", {1, 0, 0}}, /* the expand of 4 */
    };
    tenon__report report = {0};
    tenonh_module_destroy(optimized(&row, &report));
    ck_assert_uint_eq(report.count, sizeof wanted / sizeof *wanted);
    for (uint32_t i = 0; i < report.count; i++) {
        const tenon__fired *is = &report.items[i], *should = &wanted[i];
        ck_assert_str_eq(is->rule, should->rule);
        ck_assert_str_eq(is->location, should->location);
        ck_assert_int_eq(is->gain.nodes, should->gain.nodes);
        ck_assert_int_eq(is->gain.bytes, should->gain.bytes);
        ck_assert_int_eq(is->gain.operations, should->gain.operations);
    }
    tenon__report_free(&report);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("optimize");
    TCase *cases = tcase_create("optimize");
    tcase_add_loop_test(cases, test_rows, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(cases, test_report);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
