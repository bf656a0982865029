/* Views on strides against index arithmetic, and arenas against overlap. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "plan/layout.h"

enum { SIZE = 4096 };

/* Elements of a ref over a storage that holds its own indices, in row-major order. */
static int64_t read_all(const tenon__ref *ref, int64_t *out) {
    int64_t count = tenon__ref_count(ref);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, place = ref->offset;
        for (uint32_t axis = ref->rank; axis-- > 0;) {
            place += rest % ref->dims[axis] * ref->strides[axis];
            rest /= ref->dims[axis];
        }
        ck_assert_msg(place >= 0 && place < SIZE, "element %lld lies at %lld", (long long)i, (long long)place);
        out[i] = place;
    }
    return count;
}

static void expect_same(const tenon__ref *a, const tenon__ref *b) {
    static int64_t x[SIZE], y[SIZE];
    ck_assert_int_eq(read_all(a, x), read_all(b, y));
    ck_assert(memcmp(x, y, (size_t)tenon__ref_count(a) * sizeof *x) == 0);
}

START_TEST(test_reshape) {
    static const struct {
        const char *name;
        tenon__ref x;
        uint32_t rank;
        int64_t dims[4];
        bool works;
    } rows[] = {
        {"contiguous", {.rank = 2, .dims = {4, 6}, .strides = {6, 1}}, 3, {2, 3, 4}, true},
        {"split_outer", {.rank = 2, .dims = {4, 6}, .strides = {1, 4}}, 3, {2, 2, 6}, true},
        {"merge_transposed", {.rank = 2, .dims = {4, 6}, .strides = {1, 4}}, 1, {24}, false},
        {"merge_padded", {.rank = 2, .dims = {4, 6}, .strides = {8, 1}}, 1, {24}, false},
        {"split_padded", {.rank = 2, .dims = {4, 6}, .strides = {8, 1}}, 3, {4, 2, 3}, true},
        {"across", {.rank = 3, .dims = {2, 4, 6}, .strides = {1, 2, 8}}, 2, {8, 6}, false},
        {"pair", {.rank = 3, .dims = {2, 4, 6}, .strides = {100, 6, 1}}, 2, {2, 24}, true},
        {"ones", {.rank = 3, .dims = {1, 5, 1}, .strides = {0, 3, 7}}, 4, {1, 1, 5, 1}, true},
        {"broadcast", {.rank = 2, .dims = {3, 4}, .strides = {0, 0}}, 1, {12}, true},
        {"half_broadcast", {.rank = 2, .dims = {3, 4}, .strides = {0, 1}}, 1, {12}, false},
        {"reversed", {.rank = 1, .offset = 11, .dims = {12}, .strides = {-1}}, 2, {3, 4}, true},
        {"empty", {.rank = 2, .dims = {0, 6}, .strides = {9, 2}}, 3, {5, 0, 2}, true},
        {"to_scalar", {.rank = 2, .offset = 7, .dims = {1, 1}, .strides = {3, 3}}, 0, {0}, true},
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tenon__ref out;
        bool works = tenon__ref_reshape(&rows[i].x, rows[i].rank, rows[i].dims, &out);
        ck_assert_msg(works == rows[i].works, "%s", rows[i].name);
        if (works) expect_same(&rows[i].x, &out);
    }
}
END_TEST

START_TEST(test_views) {
    tenon__ref x = tenon__ref_contiguous(0, TENON_DTYPE_F32, 3, (int64_t[]){3, 4, 5}), y;
    static int64_t got[SIZE];
    y = tenon__ref_permute(&x, (int64_t[]){2, 0, 1});
    ck_assert_int_eq(read_all(&y, got), 60);
    ck_assert_int_eq(got[1 * 12 + 2 * 4 + 3], 2 * 20 + 3 * 5 + 1);
    y = tenon__ref_slice(&x, (int64_t[]){2, 0, 4}, (int64_t[]){-1, 3, -2}, (int64_t[]){3, 2, 3});
    ck_assert_int_eq(read_all(&y, got), 18);
    ck_assert_int_eq(got[1 * 6 + 1 * 3 + 2], 1 * 20 + 3 * 5 + 0);
    y = tenon__ref_window(&x, 2, (int64_t[]){1, 2}, (int64_t[]){2, 2}, (int64_t[]){1, 2}, (int64_t[]){2, 1});
    ck_assert_int_eq(y.rank, 5);
    ck_assert_int_eq(read_all(&y, got), 3 * 2 * 2 * 2 * 2);
    ck_assert_int_eq(got[(((2 * 2 + 1) * 2 + 1) * 2 + 1) * 2 + 1], 2 * 20 + (1 + 2) * 5 + (2 + 1));
    tenon__ref row = tenon__ref_contiguous(0, TENON_DTYPE_F32, 1, (int64_t[]){5});
    y = tenon__ref_expand(&row, 2, (int64_t[]){3, 5});
    ck_assert_int_eq(read_all(&y, got), 15);
    ck_assert_int_eq(got[2 * 5 + 3], 3);
    y = tenon__ref_part(&x, 1, 1, 2);
    ck_assert_int_eq(read_all(&y, got), 30);
    ck_assert_int_eq(got[0], 5);
    ck_assert(!tenon__ref_is_contiguous(&y));
}
END_TEST

/* The same numbers in every run. */
static uint32_t below(uint32_t *state, uint32_t limit) {
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % limit;
}

/* Bits of a ref, counted one by one. */
static void mark_bits(const tenon__ref *ref, int64_t start, unsigned char *bits) {
    int64_t width = tenon_dtype_bits(ref->dtype), count = tenon__ref_count(ref);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, place = ref->offset;
        for (uint32_t axis = ref->rank; axis-- > 0;) {
            int64_t dim = ref->dims[axis] ? ref->dims[axis] : 1; /* never 0 here: there are elements */
            place += rest % dim * ref->strides[axis];
            rest /= dim;
        }
        for (int64_t b = 0; b < width; b++) bits[start * 8 + place * width + b] = 1;
    }
}

static tenon__ref random_ref(uint32_t *state) {
    static const tenon_dtype dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_I8, TENON_DTYPE_F64, TENON_DTYPE_U4};
    tenon__ref ref = {.dtype = dtypes[below(state, 4)], .rank = below(state, 4)};
    ref.offset = 1200 * 8 / (int64_t)tenon_dtype_bits(ref.dtype);
    for (uint32_t i = 0; i < ref.rank; i++) {
        ref.dims[i] = (int)below(state, 12) ? 1 + (int)below(state, 5) : 0;
        ref.strides[i] = (int)below(state, 3) ? 1 + (int)below(state, 9) : (int)below(state, 25) - 12;
    }
    return ref;
}

/* Refs of any strides at any distance, against their bits. */
START_TEST(test_overlap) {
    static unsigned char x_bits[20480], y_bits[20480];
    int met = 0;
    uint32_t seed = 11;
    for (int round = 0; round < 6000; round++) {
        tenon__ref x = random_ref(&seed), y = random_ref(&seed);
        int64_t x_start = below(&seed, 64), y_start = below(&seed, 64), low, high, first = -1, last = -1;
        bool expected = false;
        memset(x_bits, 0, sizeof x_bits);
        memset(y_bits, 0, sizeof y_bits);
        mark_bits(&x, x_start, x_bits);
        mark_bits(&y, y_start, y_bits);
        for (int64_t i = 0; i < (int64_t)sizeof x_bits; i++) {
            expected = expected || (x_bits[i] && y_bits[i]);
            if (x_bits[i] && first < 0) first = i;
            if (x_bits[i]) last = i;
        }
        met += expected;
        ck_assert_msg(tenon__ref_overlaps(&x, x_start, &y, y_start) == expected, "round %d", round);
        tenon__ref_span(&x, &low, &high);
        if (first < 0)
            ck_assert(low >= high);
        else
            ck_assert(low + x_start == first / 8 && high + x_start == last / 8 + 1);
    }
    ck_assert(met > 1000 && met < 5000);
}
END_TEST

/* Parts of a whole side by side, far too many elements to count: rows of one and of the other never meet. */
START_TEST(test_overlap_of_large_parts) {
    tenon__ref whole = tenon__ref_contiguous(0, TENON_DTYPE_F32, 3, (int64_t[]){1 << 20, 7, 1 << 10});
    tenon__ref left = tenon__ref_part(&whole, 1, 0, 3), right = tenon__ref_part(&whole, 1, 3, 4);
    tenon__ref even =
        tenon__ref_slice(&whole, (int64_t[]){0, 0, 0}, (int64_t[]){1, 1, 2}, (int64_t[]){1 << 20, 7, 512});
    tenon__ref odd = tenon__ref_slice(&whole, (int64_t[]){0, 0, 1}, (int64_t[]){1, 1, 2}, (int64_t[]){1 << 20, 7, 512});
    ck_assert(!tenon__ref_overlaps(&left, 0, &right, 0));
    ck_assert(!tenon__ref_overlaps(&even, 0, &odd, 0));
    ck_assert(tenon__ref_overlaps(&even, 4, &odd, 0));
    ck_assert(tenon__ref_overlaps(&left, 0, &even, 0));
}
END_TEST

/* Random lifetimes: storages alive at one step never overlap, the arena holds them all, and is not far from the bound. */
START_TEST(test_layout) {
    uint32_t state = 7;
    for (int round = 0; round < 50; round++) {
        enum { STEPS = 60, STORAGES = 90 };
        tenon__plan plan = {.step_count = STEPS, .storage_count = STORAGES};
        tenon__step steps[STEPS] = {0};
        tenon__ref refs[STEPS][4] = {0};
        plan.steps = steps;
        plan.storages = calloc(STORAGES, sizeof *plan.storages);
        for (uint32_t i = 0; i < STORAGES; i++)
            plan.storages[i] = (tenon__storage){.kind = TENON__STORAGE_ARENA,
                                                .root = i,
                                                .size = i % 11 ? below(&state, 5000) : 0,
                                                .alignment = i % 13 ? TENON__ARENA_ALIGNMENT : 256};
        for (uint32_t i = 0; i < STEPS; i++) {
            steps[i] = (tenon__step){.placement = TENONH_PLACEMENT_OP, .refs = refs[i], .ref_count = 4};
            steps[i].workspace = TENON__NEVER;
            for (int r = 0; r < 4; r++) refs[i][r].storage = (i + below(&state, 30)) % STORAGES;
        }
        ck_assert_int_eq(tenon__layout(&plan, NULL), TENON_STATUS_OK);
        for (uint32_t a = 0; a < STORAGES; a++) {
            const tenon__storage *x = &plan.storages[a];
            if (x->first == TENON__NEVER) continue;
            ck_assert(x->offset % x->alignment == 0);
            ck_assert(x->offset + x->size <= plan.arena_size[0] && x->offset < plan.arena_size[0]);
            for (uint32_t b = 0; b < a; b++) {
                const tenon__storage *y = &plan.storages[b];
                if (y->first == TENON__NEVER || y->last < x->first || x->last < y->first) continue;
                ck_assert(x->offset + x->size <= y->offset || y->offset + y->size <= x->offset);
            }
        }
        ck_assert(plan.live_bytes <= plan.arena_size[0]);
        ck_assert((double)plan.arena_size[0] <= 1.15 * (double)plan.live_bytes);
        free(plan.storages);
    }
}
END_TEST

/* Four values of 2^62 bytes at one step: their sum wraps to 0. */
START_TEST(test_layout_of_too_much) {
    tenon__plan plan = {.step_count = 1, .storage_count = 4};
    tenon__ref refs[4] = {{.storage = 0}, {.storage = 1}, {.storage = 2}, {.storage = 3}};
    tenon__step step = {.placement = TENONH_PLACEMENT_OP, .refs = refs, .ref_count = 4, .workspace = TENON__NEVER};
    tenon__storage storages[4];
    for (uint32_t i = 0; i < 4; i++)
        storages[i] = (tenon__storage){
            .kind = TENON__STORAGE_ARENA, .root = i, .size = (uint64_t)1 << 62, .alignment = TENON__ARENA_ALIGNMENT};
    plan.steps = &step;
    plan.storages = storages;
    ck_assert_int_eq(tenon__layout(&plan, NULL), TENON_STATUS_OUT_OF_MEMORY);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");
    tcase_add_test(tests, test_reshape);
    tcase_add_test(tests, test_views);
    tcase_add_test(tests, test_overlap);
    tcase_add_test(tests, test_overlap_of_large_parts);
    tcase_add_test(tests, test_layout);
    tcase_add_test(tests, test_layout_of_too_much);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
