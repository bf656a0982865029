/* What sums may be off, number by number: half a unit of the number that is rounded to, beside a power of two too. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/bound.h"
#include "cases/case.h"
#include "cases/meaning.h"

static bool flushes;

bool cf_flushes(void) {
    return flushes;
}

static const struct row {
    const char *name;
    tenon_dtype dtype;
    uint32_t signs;
    int64_t terms;
    long double magnitude, want, bound;
} rows[] = {
    {"f32_one", TENON_DTYPE_F32, CF_SIGNS_EQUAL, 0, 0, 1, 0x1p-24L},
    {"f32_below_two", TENON_DTYPE_F32, CF_SIGNS_EQUAL, 0, 0, -0x1.fffffep0L, 0x1p-24L},
    {"f32_two", TENON_DTYPE_F32, CF_SIGNS_EQUAL, 0, 0, 2, 0x1p-23L},
    {"f16_below_two", TENON_DTYPE_F16, CF_SIGNS_EQUAL, 0, 0, 0x1.ffcp0L, 0x1p-11L},
    {"f16_carried_to_two", TENON_DTYPE_F16, CF_SIGNS_EQUAL, 1024, 16, 0x1.ffcp0L, 0x1p-9L},
    {"f16_subnormal", TENON_DTYPE_F16, CF_SIGNS_EQUAL, 0, 0, 0x1p-20L, 0x1p-25L},
    {"bf16_three", TENON_DTYPE_BF16, CF_SIGNS_EQUAL, 0, 0, 3, 0x1p-7L},
    {"f64_zero", TENON_DTYPE_F64, CF_SIGNS_EQUAL, 0, 0, 0, 0x1p-1075L},
    {"f32_equal", TENON_DTYPE_F32, CF_SIGNS_EQUAL, 256, 256, 256, 0x1p-8L + 0x1p-16L},
    {"f32_random", TENON_DTYPE_F32, CF_SIGNS_RANDOM, 256, 256, 1, 0x1p-10L + 0x1p-24L},
    {"f64_random", TENON_DTYPE_F64, CF_SIGNS_RANDOM, 64, 1, 0.25L, 0x1p-48L + 0x1p-55L},
    {"i32", TENON_DTYPE_I32, CF_SIGNS_EQUAL, 256, 256, 256, 0},
};

START_TEST(bounds_are_those_of_the_table) {
    const struct row *row = &rows[_i];
    flushes = false;
    long double bound = cf_sum_bound(row->dtype, row->signs, row->terms, row->magnitude, row->want);
    ck_assert_msg(bound == row->bound, "%s: %La, not %La", row->name, bound, row->bound);
}
END_TEST

START_TEST(products_are_relative) {
    flushes = false;
    ck_assert_ldouble_eq(cf_product_bound(TENON_DTYPE_F32, CF_SIGNS_EQUAL, 64, -3), 0x1.8p-17L + 0x1p-23L);
    ck_assert_ldouble_eq(cf_product_bound(TENON_DTYPE_F32, CF_SIGNS_RANDOM, 64, 1), 0x1p-19L + 0x1p-24L);
}
END_TEST

/* Each step may lose less than the smallest normal number. */
START_TEST(flushing_adds_a_smallest_number_a_step) {
    flushes = true;
    ck_assert_ldouble_eq(cf_sum_bound(TENON_DTYPE_F32, CF_SIGNS_EQUAL, 3, 0, 0), 0x1p-124L + 0x1p-148L);
}
END_TEST

/* The guide's table has a row for each function, with the bounds of the cases. */
START_TEST(the_guide_tells_the_bounds) {
    static char guide[1 << 20];
    FILE *file = fopen(GUIDE, "r");
    ck_assert_ptr_nonnull(file);
    guide[fread(guide, 1, sizeof guide - 1, file)] = 0;
    fclose(file);
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        const cf_meaning *m = cf_meaning_of(op);
        char row[128];
        if (!m || m->wide_bound <= 0.5) continue;
        snprintf(row, sizeof row, "\n| `%s` | %g | %g |\n", tenon_op_row_of(op)->name, m->wide_bound, m->narrow_bound);
        ck_assert_msg(strstr(guide, row) != NULL, "VENDOR_GUIDE.md has no row%s", row);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bound");
    TCase *tests = tcase_create("bound");
    tcase_add_loop_test(tests, bounds_are_those_of_the_table, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tests, products_are_relative);
    tcase_add_test(tests, flushing_adds_a_smallest_number_a_step);
    tcase_add_test(tests, the_guide_tells_the_bounds);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
