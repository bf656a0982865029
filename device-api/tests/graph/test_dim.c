/* Dims: the normal form, its bounds, equality, evaluation and text. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "graph/dim_internal.h"
#include "graph/graph.h"
#include "graph/lexer.h"

static tenonh_module *module;

static const struct symbol_row {
    const char *name;
    int64_t min, max, divisor;
} symbols[] = {
    {"batch", 1, 64, 1},  {"tokens", 1, 512, 1}, {"past", 0, 1024, 1},
    {"n", 0, 1 << 20, 8}, {"k", 0, 3, 1},        {"zero or more", 0, 1000, 1},
};
enum { SYMBOLS = sizeof symbols / sizeof *symbols };

static void setup(void) {
    ck_assert_int_eq(tenonh_module_create(&module), TENON_STATUS_OK);
    for (size_t i = 0; i < SYMBOLS; i++)
        ck_assert_ptr_nonnull(
            tenonh_dim_symbol(module, symbols[i].name, symbols[i].min, symbols[i].max, symbols[i].divisor));
}

static void teardown(void) {
    tenonh_module_destroy(module);
}

static tenon_status parse(const char *text, const tenonh_dim **out_dim) {
    tenon__lexer lexer = {text, text, text + strlen(text)};
    tenon_status status = tenon__dim_parse(&module->dims, &lexer, out_dim);
    if (status == TENON_STATUS_OK && !tenon__lex_at_end(&lexer)) status = TENON_STATUS_BAD_DATA;
    return status;
}

static const tenonh_dim *dim(const char *text) {
    const tenonh_dim *result = NULL;
    ck_assert_msg(parse(text, &result) == TENON_STATUS_OK, "%s: %s", text, tenonh_error_message());
    return result;
}

/* Each is written with the operators that a shape's arithmetic applies, and must come out as the second. */
static const struct form_row {
    const char *text, *form;
} forms[] = {
    {"2 + 3*4 - 1", "13"},
    {"batch + tokens - batch", "tokens"},
    {"tokens + batch", "batch + tokens"},
    {"-batch + 5", "-batch + 5"},
    {"(batch + 1)*(tokens - 1)", "batch*tokens - batch + tokens - 1"},
    {"batch*batch - batch*batch", "0"},
    {"div(batch*12*tokens, 12)", "batch*tokens"},
    {"div(batch*tokens*384, batch*tokens*12)", "32"},
    {"div((past + 1)*batch*384, (past + 1)*batch)", "384"},
    {"div((past + tokens)*(past + tokens), past + tokens)", "tokens + past"},
    {"div(batch*tokens, batch*k)", "div(tokens, k)"},
    {"div(384*batch*max(tokens, k), 32*batch*tokens)", "div(12*max(tokens, k), tokens)"},
    {"div(13*tokens + 25, 12)", "tokens + div(tokens + 1, 12) + 2"},
    {"div(6*tokens + 5, 12)", "div(tokens, 2)"},
    {"div(div(tokens, 4), 8)", "div(tokens, 32)"},
    {"div(k, 4)", "0"},
    {"div(tokens + 7, 8)*8", "8*div(tokens + 7, 8)"},
    {"div(n, 8)*8", "n"},
    {"div(n, 4)*batch*4", "batch*n"},
    {"div(-7, 2)", "-4"},
    {"div(7, -2)", "-4"},
    {"mod(batch*12*tokens, 12)", "0"},
    {"mod(13*tokens + 25, 12)", "mod(tokens + 1, 12)"},
    {"mod(n, 4)", "0"},
    {"mod(n, 16)", "mod(n, 16)"},
    {"mod(k, 4)", "k"},
    {"mod(-7, 2)", "1"},
    {"mod(tokens*batch + k, 4)", "mod(batch*tokens + k, 4)"},
    {"max(batch, 1)", "batch"},
    {"max(batch, 0)", "batch"},
    {"max(past, past + 1)", "past + 1"},
    {"max(max(past, tokens), tokens)", "max(tokens, past)"},
    {"max(tokens, past)", "max(tokens, past)"},
    {"min(tokens, 512)", "tokens"},
    {"min(tokens, 100)", "min(100, tokens)"},
    {"min(9223372036854775807, tokens)", "tokens"},
    {"max(min(tokens, 100), 0)", "min(100, tokens)"},
    {"min(tokens, div(tokens, 2))", "div(tokens, 2)"},
    {"max(tokens - div(tokens + 1, 2), 0)", "tokens - div(tokens + 1, 2)"},
    {"max(div(tokens, 2) - div(tokens, 3), 0)", "div(tokens, 2) - div(tokens, 3)"},
    {"broadcast(batch, 1)", "batch"},
    {"broadcast(1, batch)", "batch"},
    {"broadcast(batch, batch)", "batch"},
    {"broadcast(batch, 7)", "7"},
    {"broadcast(past + 2, batch)", "past + 2"},
    {"broadcast(tokens, batch)", "broadcast(batch, tokens)"},
    {"broadcast(broadcast(batch, tokens), tokens)", "broadcast(batch, tokens)"},
    {"broadcast(\"zero or more\", 0)", "0"},
    {"\"zero or more\" * 2", "2*\"zero or more\""},
    {"div(tokens + 2*1 - 3, 2) + 1", "div(tokens + 1, 2)"}, /* a pool: (n + 2 p - k) / s + 1 */
    {"div(tokens + 2*3 - 7, 2) + 1", "div(tokens + 1, 2)"},
    {"max(div(tokens - 3, 2) + 1, 0)", "div(tokens + 1, 2) - 1"},
};

START_TEST(test_forms) {
    const struct form_row *row = &forms[_i];
    const tenonh_dim *result = dim(row->text);
    char text[256];
    tenonh_dim_format(result, text, sizeof text);
    ck_assert_msg(strcmp(text, row->form) == 0, "%s: %s instead of %s", row->text, text, row->form);
    /* What is written is read back as the very same node. */
    ck_assert_ptr_eq(dim(text), result);
}
END_TEST

/* The normal form has the value of what was written, for all sorts of values. `raw` computes without simplifying. */
static int64_t raw(const char **at, const int64_t *values);

static int64_t raw_factor(const char **at, const int64_t *values) {
    static const char *const functions[] = {"div(", "mod(", "max(", "min("};
    while (**at == ' ') ++*at;
    for (int f = 0; f < 4; f++) {
        if (strncmp(*at, functions[f], 4) != 0) continue;
        *at += 4;
        int64_t a = raw(at, values);
        *at += strspn(*at, ", ");
        int64_t b = raw(at, values);
        *at += strspn(*at, ") ") ? 1 : 0;
        if (f > 1) return (f == 2) == (a > b) ? a : b;
        ck_assert_int_ne(b, 0);
        if (b == 0) return 0; /* for readers that do not know Check */
        int64_t rest = ((a % b) + b) % b;
        return f == 0 ? (a - rest) / b : rest;
    }
    if (**at == '(') {
        ++*at;
        int64_t inside = raw(at, values);
        *at += strspn(*at, " ");
        ++*at;
        return inside;
    }
    if (**at >= '0' && **at <= '9') return strtoll(*at, (char **)(uintptr_t)at, 10);
    for (size_t i = 0; i < SYMBOLS; i++) {
        size_t length = strlen(symbols[i].name);
        if (strncmp(*at, symbols[i].name, length) != 0) continue;
        *at += length;
        return values[i];
    }
    ck_abort_msg("cannot read '%s'", *at);
    return 0;
}

static int64_t raw_product(const char **at, const int64_t *values) {
    int64_t product = raw_factor(at, values);
    for (*at += strspn(*at, " "); **at == '*'; *at += strspn(*at, " ")) {
        ++*at;
        product *= raw_factor(at, values);
    }
    return product;
}

static int64_t raw(const char **at, const int64_t *values) {
    int64_t sum = raw_product(at, values);
    while (**at == '+' || **at == '-') {
        char sign = *(*at)++;
        int64_t term = raw_product(at, values);
        sum += sign == '+' ? term : -term;
    }
    return sum;
}

START_TEST(test_values) {
    static const char *const texts[] = {
        "div(13*tokens + 25 - batch, 12)",
        "div(6*tokens + 5*batch, 12)",
        "mod(13*tokens + 25*batch, 12)",
        "div(tokens*batch + past, batch)",
        "div((past + 3)*(tokens + 1), past + 3)",
        "div(div(tokens + 5, 4), 8)",
        "max(div(tokens - 3, 2) + 1, 0)",
        "min(div(past + 1, 2)*2, past)",
        "div(n, 8)*8 + mod(n + 3, 4)",
        "max(past - tokens, tokens - past)",
        "div(8*batch + 4*tokens + 2, 6)",
        "div(batch*tokens*6, batch*4)",
    };
    uint64_t seed = 12345;
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        for (int round = 0; round < 200; round++) {
            int64_t values[SYMBOLS], got;
            for (size_t i = 0; i < SYMBOLS; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                int64_t range = symbols[i].max - symbols[i].min + 1;
                values[i] = symbols[i].min + (int64_t)(seed >> 33) % range;
                values[i] -= values[i] % symbols[i].divisor;
            }
            const char *at = texts[t];
            int64_t wanted = raw(&at, values);
            const tenonh_dim *result = dim(texts[t]);
            ck_assert_int_eq(tenon__dim_evaluate(result, values, &got), TENON_STATUS_OK);
            ck_assert_msg(got == wanted, "%s: %lld instead of %lld", texts[t], (long long)got, (long long)wanted);
            ck_assert_msg(result->low <= got && got <= result->high, "%s: %lld not in %lld ... %lld", texts[t],
                          (long long)got, (long long)result->low, (long long)result->high);
        }
    }
}
END_TEST

static const struct bounds_row {
    const char *text;
    int64_t low, high;
} bounds[] = {
    {"batch*tokens", 1, 64 * 512},
    {"batch - tokens", 1 - 512, 63},
    {"div(past, 8)", 0, 128},
    {"mod(past, 8)", 0, 7},
    {"max(batch, past)", 1, 1024},
    {"min(batch, past)", 0, 64},
    {"broadcast(batch, past)", 0, 1024},
    {"-3*k + 1", -8, 1},
};

START_TEST(test_bounds) {
    const tenonh_dim *result = dim(bounds[_i].text);
    ck_assert_int_eq(result->low, bounds[_i].low);
    ck_assert_int_eq(result->high, bounds[_i].high);
}
END_TEST

static const struct error_row {
    const char *text, *message;
} errors[] = {
    {"", "a name should stand here"},
    {"nobody", "no symbol 'nobody'"},
    {"batch +", "a name should stand here"},
    {"(batch", "')' should stand here"},
    {"max(batch)", "',' should stand here"},
    {"div(batch, 0)", "divided by 0"},
    {"mod(batch, 2 - 2)", "divided by 0"},
    {"9223372036854775808", "does not fit 64 bits"},
    {"9223372036854775807 + 1", "passes 64 bits"},
    {"4611686018427387904*2", "passes 64 bits"},
    {"broadcast(3, 4)", "do not broadcast"},
};

START_TEST(test_errors) {
    const tenonh_dim *result = NULL;
    ck_assert_int_ne(parse(errors[_i].text, &result), TENON_STATUS_OK);
    ck_assert_msg(strstr(tenonh_error_message(), errors[_i].message) != NULL, "'%s': %s", errors[_i].text,
                  tenonh_error_message());
}
END_TEST

START_TEST(test_growth_ends) {
    /* A product that doubles its terms again and again is refused, and so is endless nesting. */
    char text[4096] = "(batch + 1)";
    const tenonh_dim *result = NULL, *power = dim("batch + tokens + past + n + k + 1");
    for (int i = 0; i < 12 && power; i++)
        power = tenon__dim_mul(&module->dims, power, dim("batch + tokens + past + n + k + 1"));
    ck_assert_ptr_null(power);
    for (int i = 0; i < 300; i++) text[i] = '(';
    text[300] = '\0';
    ck_assert_int_eq(parse(text, &result), TENON_STATUS_BAD_DATA);
    const tenonh_dim *nested = dim("past");
    for (int i = 0; i < 100 && nested; i++)
        nested = tenon__dim_max(&module->dims, tenon__dim_div(&module->dims, nested, dim("k")), dim("tokens"));
    ck_assert_ptr_null(nested);
}
END_TEST

START_TEST(test_equalities) {
    tenon__dims *d = &module->dims;
    ck_assert_uint_eq(tenon__dim_compare(d, dim("batch"), dim("tokens")), TENON__DIM_UNKNOWN);
    ck_assert_uint_eq(tenon__dim_compare(d, dim("batch"), dim("batch + 1")), TENON__DIM_DIFFERENT);
    ck_assert_uint_eq(tenon__dim_compare(d, dim("k"), dim("7")), TENON__DIM_DIFFERENT);
    ck_assert_int_eq(tenonh_dim_equate(module, dim("past"), dim("2*k")), TENON_STATUS_OK);
    ck_assert_uint_eq(tenon__dim_compare(d, dim("past*past"), dim("4*k*k")), TENON__DIM_EQUAL);
    ck_assert_int_eq(tenonh_dim_equate(module, dim("past"), dim("2*k + 1")), TENON_STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "should be equal"));
    /* No symbol can take the place of another: the pair itself is remembered. */
    ck_assert_int_eq(tenonh_dim_equate(module, dim("batch*tokens"), dim("n*k")), TENON_STATUS_OK);
    ck_assert_uint_eq(tenon__dim_compare(d, dim("n*k"), dim("batch*tokens")), TENON__DIM_EQUAL);
    /* The later of two symbols goes, one that data decides before all. */
    const tenonh_dim *data = tenon__dim_fresh(d, "d", 100);
    ck_assert_int_eq(tenonh_dim_equate(module, dim("batch"), data), TENON_STATUS_OK);
    ck_assert_ptr_eq(tenon__dim_resolve(d, data), dim("batch"));
    ck_assert_int_eq(tenonh_dim_equate(module, dim("batch"), dim("tokens")), TENON_STATUS_OK);
    ck_assert_ptr_eq(tenon__dim_resolve(d, dim("tokens + past")), dim("batch + 2*k"));
}
END_TEST

/* What stays is known no later than what goes: inputs' dims bind their symbols, and data waits for none after it. */
START_TEST(test_equalities_of_data) {
    tenon__dims *d = &module->dims;
    const tenonh_dim *first = tenon__dim_fresh(d, "d", 100), *second = tenon__dim_fresh(d, "d", 100);
    const tenonh_dim *twice = tenon__dim_mul(d, first, tenon__dim_number(d, 2));
    ck_assert_int_eq(tenonh_dim_equate(module, dim("past"), twice), TENON_STATUS_OK);
    ck_assert_ptr_eq(tenon__dim_resolve(d, dim("past")), dim("past"));
    ck_assert_uint_eq(tenon__dim_compare(d, twice, dim("past")), TENON__DIM_EQUAL);
    const tenonh_dim *joint = tenon__dim_combine(d, TENONH_DIM_BROADCAST, dim("batch"), second);
    ck_assert_int_eq(tenonh_dim_equate(module, first, joint), TENON_STATUS_OK);
    ck_assert_ptr_eq(tenon__dim_resolve(d, first), first);
    ck_assert_uint_eq(d->equality_count, 2);
    ck_assert_int_eq(tenonh_dim_equate(module, twice, second), TENON_STATUS_OK);
    ck_assert_ptr_eq(tenon__dim_resolve(d, second), twice);
    ck_assert_uint_eq(d->equality_count, 2);
}
END_TEST

START_TEST(test_substitution) {
    tenonh_module *target;
    const tenonh_dim *values[SYMBOLS] = {NULL};
    ck_assert_int_eq(tenonh_module_create(&target), TENON_STATUS_OK);
    values[0] = tenonh_dim_number(target, 8);
    const tenonh_dim *result = tenon__dim_substitute(&target->dims, dim("div(batch*tokens, 4)*batch"), values);
    char text[64];
    tenonh_dim_format(result, text, sizeof text);
    ck_assert_str_eq(text, "16*tokens"); /* tokens goes along by name */
    ck_assert_int_eq(result->high, 16 * 512);
    values[4] = tenonh_dim_number(target, 0);
    ck_assert_ptr_null(tenon__dim_substitute(&target->dims, dim("div(batch, k)"), values));
    int64_t numbers[SYMBOLS] = {8, 16, 0, 0, 0, 0}, got;
    ck_assert_int_eq(tenon__dim_evaluate(dim("div(batch, k)"), numbers, &got), TENON_STATUS_INVALID);
    ck_assert_int_eq(tenon__dim_evaluate(dim("broadcast(batch, tokens)"), numbers, &got), TENON_STATUS_INVALID);
    tenonh_module_destroy(target);
}
END_TEST

START_TEST(test_symbols) {
    ck_assert_ptr_null(tenonh_dim_symbol(module, "", 0, 1, 1));
    ck_assert_ptr_null(tenonh_dim_symbol(module, "a", 2, 1, 1));
    ck_assert_ptr_null(tenonh_dim_symbol(module, "a", 0, 1, 0));
    ck_assert_ptr_null(tenonh_dim_symbol(module, "a", -1, 1, 1));
    ck_assert_ptr_eq(tenonh_dim_symbol(module, "batch", 5, 6, 1), dim("batch")); /* what it was made as stays */
    ck_assert_int_eq(dim("batch")->high, 64);
    ck_assert_uint_eq(tenonh_dim_format(dim("batch*tokens"), NULL, 0), strlen("batch*tokens"));
    char cut[6];
    ck_assert_uint_eq(tenonh_dim_format(dim("batch*tokens"), cut, sizeof cut), strlen("batch*tokens"));
    ck_assert_str_eq(cut, "batch");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dim");
    TCase *tests = tcase_create("dim");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, test_forms, 0, sizeof forms / sizeof *forms);
    tcase_add_loop_test(tests, test_bounds, 0, sizeof bounds / sizeof *bounds);
    tcase_add_loop_test(tests, test_errors, 0, sizeof errors / sizeof *errors);
    tcase_add_test(tests, test_values);
    tcase_add_test(tests, test_growth_ends);
    tcase_add_test(tests, test_equalities);
    tcase_add_test(tests, test_equalities_of_data);
    tcase_add_test(tests, test_substitution);
    tcase_add_test(tests, test_symbols);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
