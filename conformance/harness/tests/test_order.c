/* The order in which rows are run: all of them, and the same for the same seed, however long listing them took. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "harness/roster.h"

enum { CASES = 3, BATCH = 64 };
static const uint32_t counts[CASES] = {1, 130, 1500};

/* What a worker lists of the suite's first cases, in so many nanoseconds each. */
static void make_roster(double nanoseconds, cfh_roster *out_roster) {
    char name[256], error[256] = "";
    cJSON *listed = cJSON_CreateObject(), *cases = cJSON_AddArrayToObject(listed, "cases");
    for (uint32_t c = 0; c < CASES; c++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddNumberToObject(one, "case", c);
        cJSON *rows = cJSON_AddArrayToObject(one, "rows");
        for (uint32_t i = 0; i < counts[c]; i++) {
            (void)snprintf(name, sizeof name, "%s.r%04u", cf_cases[c].name, i);
            cJSON_AddItemToArray(rows, cJSON_CreateString(name));
        }
        cJSON_AddNumberToObject(one, "ns", nanoseconds);
        cJSON_AddItemToArray(cases, one);
    }
    ck_assert_msg(cfh_roster_make(listed, NULL, 0, out_roster, error, sizeof error), "%s", error);
    cJSON_Delete(listed);
}

static void check_whole(const cfh_roster *roster, const cfh_order *order) {
    uint32_t *seen = calloc(roster->run_count, sizeof *seen), in_batches = 0;
    for (uint32_t i = 0; i < order->batch_count; i++) {
        ck_assert_uint_le(order->batches[i].count, BATCH);
        in_batches += order->batches[i].count;
    }
    ck_assert_uint_eq(in_batches, roster->run_count);
    for (uint32_t i = 0; i < roster->run_count; i++) seen[order->rows[i]]++;
    for (uint32_t i = 0; i < roster->run_count; i++) ck_assert_uint_eq(seen[i], 1);
    free(seen);
}

static bool is_same(const cfh_roster *roster, const cfh_order *a, const cfh_order *b) {
    return memcmp(a->rows, b->rows, roster->run_count * sizeof *a->rows) == 0;
}

START_TEST(orders_follow_from_the_seed) {
    cfh_roster fast, slow;
    cfh_order table, first, second, other;
    make_roster(1000, &fast);
    make_roster(5e8, &slow);
    ck_assert(cfh_order_make(&fast, false, 0, BATCH, &table) && cfh_order_make(&fast, true, 7, BATCH, &first) &&
              cfh_order_make(&slow, true, 7, BATCH, &second) && cfh_order_make(&fast, true, 8, BATCH, &other));
    check_whole(&fast, &table);
    check_whole(&fast, &first);
    ck_assert(is_same(&fast, &first, &second));
    ck_assert(!is_same(&fast, &first, &other) && !is_same(&fast, &first, &table));
    cfh_order *const all[] = {&table, &first, &second, &other};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) cfh_order_free(all[i]);
    cfh_roster_free(&fast);
    cfh_roster_free(&slow);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("order");
    TCase *tests = tcase_create("order");
    tcase_add_test(tests, orders_follow_from_the_seed);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
