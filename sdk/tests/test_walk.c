/* The stride walker against an index computed from scratch: every element once, in row-major order. */
#include <check.h>
#include <stdlib.h>

#include <tenon/walk.h>

typedef struct row {
    const char *name;
    uint32_t rank;
    int64_t dims[10];
    int64_t a[10], b[10]; /* strides of two operands */
    int64_t runs;         /* how many the merged axes give */
} row;

static const row rows[] = {
    {"scalar", 0, {0}, {0}, {0}, 1},
    {"contiguous merges whole", 3, {2, 3, 4}, {12, 4, 1}, {12, 4, 1}, 1},
    {"broadcast rows", 2, {3, 5}, {0, 1}, {5, 1}, 3},
    {"broadcast whole", 2, {3, 5}, {0, 0}, {5, 1}, 1},
    {"transposed", 2, {3, 5}, {1, 3}, {5, 1}, 3},
    {"negative", 2, {4, 3}, {-3, 1}, {3, -1}, 4},
    {"negative merges", 2, {4, 3}, {-3, -1}, {3, 1}, 1},
    {"ones are no axes", 5, {1, 4, 1, 3, 1}, {77, 3, -9, 1, 5}, {0, 3, 0, 1, 0}, 1},
    {"empty", 3, {4, 0, 3}, {9, 9, 9}, {1, 1, 1}, 0},
    {"inner pair merges", 3, {2, 3, 4}, {100, 4, 1}, {50, 4, 1}, 2},
    {"nothing merges", 4, {2, 3, 2, 4}, {1000, 100, 10, 2}, {1, 2, 6, 12}, 12},
    {"outer pair merges", 3, {2, 3, 4}, {30, 10, 1}, {12, 4, 1}, 6},
    {"rank 10 in 2",
     10,
     {2, 1, 2, 1, 2, 1, 2, 1, 1, 2},
     {64, 0, 32, 0, 16, 0, 8, 0, 0, 1},
     {16, 0, 8, 0, 4, 0, 2, 0, 0, 1},
     16},
};

static int64_t offset_of(const row *r, const int64_t *strides, int64_t index) {
    int64_t offset = 0;
    for (uint32_t axis = r->rank; axis-- > 0; index /= r->dims[axis]) offset += index % r->dims[axis] * strides[axis];
    return offset;
}

static int64_t count_of(const row *r) {
    int64_t count = 1;
    for (uint32_t axis = 0; axis < r->rank; axis++) count *= r->dims[axis];
    return count;
}

START_TEST(every_element_once_in_order) {
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const row *r = &rows[k];
        tenon_walk walk;
        int64_t seen = 0, runs = 0;
        ck_assert_uint_eq(tenon_walk_begin(&walk, r->rank, r->dims, 2, (const int64_t *const[]){r->a, r->b}),
                          TENON_STATUS_OK);
        for (; tenon_walk_next(&walk); runs++) {
            for (int64_t i = 0; i < walk.count; i++, seen++) {
                ck_assert_msg(walk.offsets[0] + i * walk.steps[0] == offset_of(r, r->a, seen), "%s: a, element %ld",
                              r->name, (long)seen);
                ck_assert_msg(walk.offsets[1] + i * walk.steps[1] == offset_of(r, r->b, seen), "%s: b, element %ld",
                              r->name, (long)seen);
            }
        }
        ck_assert_msg(seen == count_of(r), "%s: %ld elements", r->name, (long)seen);
        ck_assert_msg(runs == r->runs, "%s: %ld runs, not %ld", r->name, (long)runs, (long)r->runs);
        ck_assert_msg(!tenon_walk_next(&walk), "%s: a run after the end", r->name);
    }
}
END_TEST

static tenon_extent number(int64_t value) {
    return (tenon_extent){.value = value, .symbol = TENON_NO_SYMBOL};
}

START_TEST(views_take_their_symbols) {
    const int64_t symbols[] = {3, 10};
    tenon_view a = {
        .dtype = TENON_DTYPE_F32, .rank = 2, .dims = {{.symbol = 0}, number(4)}, .strides = {{.symbol = 1}, number(1)}};
    tenon_view b = {
        .dtype = TENON_DTYPE_F32, .rank = 2, .dims = {number(3), number(4)}, .strides = {number(4), number(1)}};
    tenon_walk walk;
    ck_assert_uint_eq(tenon_walk_begin_views(&walk, 2, (const tenon_view *const[]){&a, &b}, symbols), TENON_STATUS_OK);
    for (int64_t i = 0; i < 3; i++) {
        ck_assert(tenon_walk_next(&walk));
        ck_assert_int_eq(walk.count, 4);
        ck_assert_int_eq(walk.offsets[0], 10 * i);
        ck_assert_int_eq(walk.offsets[1], 4 * i);
    }
    ck_assert(!tenon_walk_next(&walk));
    b.dims[0] = number(2);
    ck_assert_uint_eq(tenon_walk_begin_views(&walk, 2, (const tenon_view *const[]){&a, &b}, symbols),
                      TENON_STATUS_INVALID);
    b.rank = 9;
    ck_assert_uint_eq(tenon_walk_begin_views(&walk, 1, (const tenon_view *const[]){&b}, symbols), TENON_STATUS_INVALID);
}
END_TEST

START_TEST(bad_walks_are_refused) {
    const int64_t dims[9] = {2, 2, 2, 2, 2, 2, 2, 2, 2}, strides[9] = {1, 3, 5, 7, 9, 11, 13, 15, 17};
    const int64_t *operands[9] = {strides, strides, strides, strides, strides, strides, strides, strides, strides};
    const int64_t negative[1] = {-1};
    tenon_walk walk;
    ck_assert_uint_eq(tenon_walk_begin(&walk, 8, dims, 8, operands), TENON_STATUS_OK);
    ck_assert_uint_eq(tenon_walk_begin(&walk, 9, dims, 1, operands), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenon_walk_begin(&walk, 1, dims, 9, operands), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenon_walk_begin(&walk, 1, dims, 0, operands), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenon_walk_begin(&walk, 1, negative, 1, operands), TENON_STATUS_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("walk");
    TCase *cases = tcase_create("walk");
    tcase_add_test(cases, every_element_once_in_order);
    tcase_add_test(cases, views_take_their_symbols);
    tcase_add_test(cases, bad_walks_are_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
