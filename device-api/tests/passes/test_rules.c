/* The rewrite table: every rule can be taken apart and ends; what is wrong with a rule is said. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "passes/rule.h"

/* Rules that are not as they should be, and what is said of them. */
static const struct {
    tenon__rule_row row;
    const char *says;
} broken[] = {
    {{.name = "grows", .source = "neg(x)", .result = "neg(neg(x))"}, "not lighter"},
    {{.name = "stays", .source = "add(x, y)", .result = "add(y, x)"}, "not lighter"},
    {{.name = "copies", .source = "neg(x)", .result = "add(x, x)"}, "not lighter"},
    {{.name = "rises", .source = "reshape(neg(x))", .result = "neg(reshape(x, dims=root))"}, "not lighter"},
    {{.name = "itself", .source = "n:neg(x)", .result = "n"}, "not lighter"},
    {{.name = "root", .source = "neg(x)", .result = "root"}, "not lighter"},
    {{.name = "of_class", .source = "f:binary(x, y)", .result = "f(y, x)"}, "not lighter"},
    {{.name = "no_operator", .source = "nothing(x)", .result = "x"}, "unknown operator"},
    {{.name = "no_name", .source = "neg(x)", .result = "y"}, "no such name"},
    {{.name = "no_attribute", .source = "permute(x, turn=p)", .result = "x"}, "unknown attribute"},
    {{.name = "no_check", .source = "neg(x)", .checks = "odd(x)", .result = "x"}, "unknown function"},
    {{.name = "not_a_check", .source = "neg(x)", .checks = "composed(x, x)", .result = "x"}, "no check"},
    {{.name = "arguments", .source = "neg(x)", .checks = "float(x, x)", .result = "x"}, "not that many"},
    {{.name = "open", .source = "neg(x", .result = "x"}, "missing"},
    {{.name = "on", .source = "neg(x) x", .result = "x"}, "goes on"},
    {{.name = "value", .source = "x", .result = "x"}, "not a node"},
    {{.name = "empty", .source = "", .result = "x"}, "a term is missing"},
};

START_TEST(test_broken) {
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        tenon__rule_row row = broken[i].row;
        tenon__arena arena = {0};
        tenon__rule rule;
        if (!row.checks) row.checks = "";
        ck_assert_msg(tenon__rule_parse(&arena, &row, &rule) == TENON_STATUS_INVALID, "%s is taken", row.name);
        ck_assert_msg(strstr(tenonh_error_message(), broken[i].says) && strstr(tenonh_error_message(), row.name),
                      "%s: %s", row.name, tenonh_error_message());
        tenon__arena_free(&arena);
    }
}
END_TEST

/* Each row has a name of its own, and is taken: its result is lighter. */
START_TEST(test_table) {
    uint32_t count;
    const tenon__rule_row *rows = tenon__rule_rows(&count);
    for (uint32_t i = 0; i < count; i++) {
        tenon__arena arena = {0};
        tenon__rule rule;
        ck_assert_msg(tenon__rule_parse(&arena, &rows[i], &rule) == TENON_STATUS_OK, "%s", tenonh_error_message());
        tenon__arena_free(&arena);
        for (uint32_t k = 0; k < i; k++) ck_assert_str_ne(rows[i].name, rows[k].name);
    }
}
END_TEST

static uint32_t chosen(const char *list, const char *rule) {
    uint8_t *enabled;
    uint32_t count, result = 2;
    const tenon__rule_row *rows = tenon__rule_rows(&count);
    ck_assert_msg(tenon__rules_select(list, &enabled) == TENON_STATUS_OK, "%s", tenonh_error_message());
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, rule) == 0) result = enabled[i];
    free(enabled);
    return result;
}

static const struct {
    const char *list, *rule;
    uint32_t on;
} selections[] = {
    {NULL, "mul_one", 1},
    {"all", "mul_one", 1},
    {"off", "mul_one", 0},
    {"off", "reshape_same", 1},
    {"add_neg", "mul_one", 0},
    {"mul_one", "mul_one", 1},
    {"add_neg,mul_one", "mul_one", 1},
    {"-mul_one", "mul_one", 0},
    {"-mul_one", "add_neg", 1},
    {"all,-mul_one", "mul_one", 0},
    {"off,mul_one", "mul_one", 1},
    {"-reshape_same", "reshape_same", 1},
};

START_TEST(test_selections) {
    for (size_t i = 0; i < sizeof selections / sizeof *selections; i++)
        ck_assert_msg(chosen(selections[i].list, selections[i].rule) == selections[i].on, "'%s' and %s",
                      selections[i].list ? selections[i].list : "NULL", selections[i].rule);
    static const char *const unknown[] = {"mul_ones", "mul", "add_neg,,mul_one", "-", "off,nothing"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        uint8_t *enabled;
        ck_assert_msg(tenon__rules_select(unknown[i], &enabled) == TENON_STATUS_NOT_FOUND, "'%s' is taken", unknown[i]);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules");
    TCase *cases = tcase_create("rules");
    tcase_add_test(cases, test_broken);
    tcase_add_test(cases, test_table);
    tcase_add_test(cases, test_selections);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
