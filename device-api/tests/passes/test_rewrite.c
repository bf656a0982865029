/* Each rule of the table, tested by its own source pattern: a function is made of it, the rule must fire, and what comes
 * out must be what the source gives, special values and all. Then whole functions of nested sources, under all rules. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

static const tenon_dtype dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_F64, TENON_DTYPE_F16, TENON_DTYPE_BF16,
                                     TENON_DTYPE_I8,  TENON_DTYPE_I32, TENON_DTYPE_I64, TENON_DTYPE_U8,
                                     TENON_DTYPE_U32, TENON_DTYPE_U64, TENON_DTYPE_BOOL};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

/* -- Comparing ------------------------------------------------------------------------------------------------------- */

/* Bits of significand after the leading one. */
static int precision_of(tenon_dtype dtype) {
    switch (dtype) {
    case TENON_DTYPE_F64: return 52;
    case TENON_DTYPE_F32: return 23;
    case TENON_DTYPE_F16: return 10;
    default: return 7;
    }
}

static double smallest_of(tenon_dtype dtype) {
    return ldexp(1.0, dtype == TENON_DTYPE_F64   ? -1074
                      : dtype == TENON_DTYPE_F32 ? -149
                      : dtype == TENON_DTYPE_F16 ? -24
                                                 : -133);
}

static bool fits(tenon_dtype dtype, tenon__number is, tenon__number should, double ulps) {
    if (tenon_dtype_class(dtype) != TENON_CLASS_FLOAT) return is.u == should.u;
    if (isnan(should.f)) return isnan(is.f);
    if (is.f == should.f) return signbit(is.f) == signbit(should.f) || ulps > 0;
    return fabs(is.f - should.f) <= ulps * fmax(ldexp(fabs(should.f), -precision_of(dtype)), smallest_of(dtype));
}

/* Units in the last place that a rule may be off: pow's own bound (f16: 4), some for a sum in another order. */
static double allowance(uint32_t accuracy, tenon_dtype dtype) {
    if (accuracy == TENON__EXACT) return 0;
    if (accuracy == TENON__SUM) return 64;
    return tenon_dtype_bits(dtype) == 16 ? 4 : 16;
}

static void compare(const char *what, uint64_t seed, const tenon__tensor *is, const tenon__tensor *should,
                    uint32_t accuracy) {
    ck_assert_msg(is->dtype == should->dtype && is->rank == should->rank, "%s, seed %llu: another type", what,
                  (unsigned long long)seed);
    size_t size = tenon_dtype_bits(is->dtype) / 8;
    for (uint32_t i = 0; i < is->rank; i++) ck_assert_int_eq(is->dims[i], should->dims[i]);
    for (int64_t i = 0; i < tenon__tensor_elements(is); i++) {
        tenon__number a = tenon__number_load(is->dtype, (char *)is->data + (size_t)i * size);
        tenon__number b = tenon__number_load(is->dtype, (char *)should->data + (size_t)i * size);
        bool is_float = tenon_dtype_class(is->dtype) == TENON_CLASS_FLOAT;
        ck_assert_msg(fits(is->dtype, a, b, allowance(accuracy, is->dtype)),
                      "%s, seed %llu: element %lld of %s is %.17g (%llx) instead of %.17g (%llx)", what,
                      (unsigned long long)seed, (long long)i, tenon_dtype_name(is->dtype), is_float ? a.f : (double)a.i,
                      (unsigned long long)a.u, is_float ? b.f : (double)b.i, (unsigned long long)b.u);
    }
}

/* -- Running --------------------------------------------------------------------------------------------------------- */

static bool has_composites(const tenonh_module *module) {
    const tenonh_region *body = tenon__module_find(module, "main")->body;
    for (uint32_t i = 0; i < body->node_count; i++) {
        const tenonh_node *node = body->nodes[i];
        if (node->kind == TENON__NODE_COMPOSITE && node->composite->number != TENON__COMPOSITE_CONCAT) return true;
    }
    return false;
}

/* `main` of a module whose symbols are given numbers; false where the function has no meaning for them. */
static bool evaluate(const tenonh_module *module, const int64_t *numbers, uint64_t seed, tenon__tensor *out_result) {
    tenon__tensor inputs[SAMPLE_MAX_INPUTS];
    tenonh_module *concrete = sample_numbers(module, numbers), *flat = NULL;
    if (!concrete) return false;
    uint32_t count = tenonh_function_input_count(tenonh_module_function(concrete, "main"));
    tenon_status status = TENON_STATUS_OK;
    if (has_composites(concrete)) status = tenon__decompose(concrete, NULL, NULL, &flat);
    sample_inputs(concrete, seed, inputs);
    if (status == TENON_STATUS_OK) status = tenon__eval_function(flat ? flat : concrete, inputs, out_result);
    for (uint32_t i = 0; i < count; i++) free(inputs[i].data);
    tenonh_module_destroy(flat);
    tenonh_module_destroy(concrete);
    return status == TENON_STATUS_OK;
}

static tenonh_module *optimized(const char *what, uint64_t seed, const tenonh_module *module, const char *rules,
                                tenon__report *report) {
    tenonh_module *result = NULL;
    tenon__optimize_options options = {0};
    uint8_t *enabled;
    ck_assert_int_eq(tenon__rules_select(rules, &enabled), TENON_STATUS_OK);
    options.rules = enabled;
    ck_assert_msg(tenon__optimize(module, &options, report, &result) == TENON_STATUS_OK, "%s, seed %llu: %s", what,
                  (unsigned long long)seed, tenonh_error_message());
    ck_assert_msg(tenonh_module_verify(result) == TENON_STATUS_OK, "%s: %s", what, tenonh_error_message());
    free(enabled);
    return result;
}

static uint32_t firings(const tenon__report *report, const char *rule) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < report->count; i++) count += strcmp(report->items[i].rule, rule) == 0;
    return count;
}

/* Source and result agree for several numbers of the symbols. */
static void check_equal(const char *what, uint64_t seed, const tenonh_module *source, const tenonh_module *result,
                        uint32_t accuracy) {
    static const int64_t numbers[][SAMPLE_SYMBOLS] = {{2, 3, 5}, {1, 1, 1}, {4, 2, 1}, {0, 3, 2}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        tenon__tensor should = {0}, is = {0};
        if (!evaluate(source, numbers[i], seed, &should)) continue;
        ck_assert_msg(evaluate(result, numbers[i], seed, &is), "%s, seed %llu: %s", what, (unsigned long long)seed,
                      tenonh_error_message());
        compare(what, seed, &is, &should, accuracy);
        free(should.data);
        free(is.data);
    }
}

/* One sample: 1 if the rule fired. */
static uint32_t try_rule(const tenon__rule *rule, const sample_options *options) {
    tenonh_module *source = sample_rule(rule, options);
    if (!source) return 0;
    tenon__report report = {0}, again = {0};
    tenonh_module *result = optimized(rule->row->name, options->seed, source, rule->row->name, &report);
    uint32_t fired = firings(&report, rule->row->name) > 0;
    if (fired) {
        check_equal(rule->row->name, options->seed, source, result, rule->row->accuracy);
        tenonh_module_destroy(optimized(rule->row->name, options->seed, result, rule->row->name, &again));
        ck_assert_msg(firings(&again, rule->row->name) == 0, "%s, seed %llu: it does not come to an end",
                      rule->row->name, (unsigned long long)options->seed);
    }
    tenon__report_free(&again);
    tenon__report_free(&report);
    tenonh_module_destroy(result);
    tenonh_module_destroy(source);
    return fired;
}

/* Tries until the rule has fired as often as wanted. */
static uint32_t try_often(const tenon__rule *rule, tenon_dtype dtype, bool symbolic, uint32_t wanted, uint32_t tries) {
    uint32_t fired = 0;
    for (uint32_t i = 0; i < tries && fired < wanted; i++) {
        sample_options options = {
            .seed = i * 977 + dtype * 31 + symbolic, .dtype = dtype, .symbolic = symbolic, .depth = i % 2 ? 2 : 0};
        fired += try_rule(rule, &options);
    }
    return fired;
}

enum { EACH = 4, TRIES = 120 };

START_TEST(test_rule) {
    const tenon__rule *rules;
    uint32_t count, numbers = 0, symbols = 0;
    ck_assert_int_eq(tenon__rules(&rules, &count), TENON_STATUS_OK);
    for (uint32_t d = 0; d < DTYPES; d++) {
        numbers += try_often(&rules[_i], dtypes[d], false, EACH, TRIES);
        symbols += try_often(&rules[_i], dtypes[d], true, EACH, TRIES);
    }
    ck_assert_msg(numbers >= EACH, "%s fired %u times", rules[_i].row->name, numbers);
    ck_assert_msg(symbols >= EACH, "%s fired %u times where dims are symbols", rules[_i].row->name, symbols);
}
END_TEST

/* -- All of them together ---------------------------------------------------------------------------------------------- */

/* Rules that are exact, and those that only clean up. */
static char *exact_rules(void) {
    uint32_t count;
    const tenon__rule_row *rows = tenon__rule_rows(&count);
    char *list = calloc(count, 48), *end = list;
    ck_assert_ptr_nonnull(list);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].accuracy == TENON__EXACT) end += sprintf(end, "%s%s", end == list ? "" : ",", rows[i].name);
    return list;
}

/* Each gain is of what is gone: together they are the difference. */
static void check_gains(uint64_t seed, const tenonh_module *source, const tenonh_module *result,
                        const tenon__report *report) {
    int64_t nodes = 0, before = tenon__module_find(source, "main")->body->node_count;
    int64_t after = tenon__module_find(result, "main")->body->node_count;
    for (uint32_t i = 0; i < report->count; i++) nodes += report->items[i].gain.nodes;
    ck_assert_msg(has_composites(source) || nodes == before - after,
                  "seed %llu: %lld nodes became %lld, and the report says %lld went", (unsigned long long)seed,
                  (long long)before, (long long)after, (long long)nodes);
}

enum { GRAPHS = 2000 };

START_TEST(test_graphs) {
    const tenon__rule *rules;
    uint32_t count, made = 0, fired = 0;
    char *exact = exact_rules();
    ck_assert_int_eq(tenon__rules(&rules, &count), TENON_STATUS_OK);
    for (uint32_t i = 0; i < GRAPHS; i++) {
        uint64_t seed = i;
        sample_options options = {
            .seed = i, .dtype = dtypes[sample_below(&seed, DTYPES)], .symbolic = i % 3 == 0, .depth = 4};
        tenonh_module *source = sample_rule(&rules[sample_below(&seed, count)], &options);
        if (!source) continue;
        tenon__report report = {0};
        tenonh_module *result = optimized("graph", i, source, exact, &report);
        check_equal("graph", i, source, result, TENON__EXACT);
        check_gains(i, source, result, &report);
        made++;
        fired += report.count > 0;
        tenon__report_free(&report);
        tenonh_module_destroy(result);
        tenonh_module_destroy(source);
    }
    ck_assert_msg(made > GRAPHS / 10 && fired > made / 2, "%u graphs, rules fired in %u", made, fired);
    free(exact);
}
END_TEST

/* Nodes one after the other: no recursion as deep as the graph, no round for each. */
START_TEST(test_long) {
    enum { LENGTH = 10000 };
    tenonh_module *module, *result;
    tenonh_builder *b;
    ck_assert_int_eq(tenonh_module_create(&module), TENON_STATUS_OK);
    ck_assert_int_eq(tenonh_builder_create(module, "main", &b), TENON_STATUS_OK);
    const tenonh_dim *dims[] = {tenon__num(b, 2), tenon__num(b, 3)};
    tenonh_value *x = tenonh_build_input(b, "x", TENON_DTYPE_F32, 2, dims), *y = x;
    for (int i = 0; i < LENGTH / 2; i++) {
        y = tenon__unary(b, TENON_OP_NEG, y);
        y = tenon__permute(b, y, (int64_t[]){1, 0});
    }
    tenonh_build_output(b, "y", y);
    ck_assert_int_eq(tenonh_builder_finish(b), TENON_STATUS_OK);
    tenon__report report = {0};
    result = optimized("long", 0, module, NULL, &report);
    ck_assert_uint_le(tenon__module_find(result, "main")->body->node_count, 2);
    tenon__report_free(&report);
    tenonh_module_destroy(result);
    tenonh_module_destroy(module);
}
END_TEST

int main(void) {
    uint32_t count;
    tenon__rule_rows(&count);
    Suite *suite = suite_create("rewrite");
    TCase *rules = tcase_create("rules"), *graphs = tcase_create("graphs");
    tcase_add_loop_test(rules, test_rule, 0, (int)count);
    tcase_add_test(graphs, test_graphs);
    tcase_add_test(graphs, test_long);
    tcase_set_timeout(rules, 120);
    tcase_set_timeout(graphs, 300);
    suite_add_tcase(suite, rules);
    suite_add_tcase(suite, graphs);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
