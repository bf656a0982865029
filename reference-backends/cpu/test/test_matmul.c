/* f32 and f64 matmul on every layout, through BLAS and through the backend's own kernels, against sums in long double. */
#include "opwork.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static fixture f;

static void setup(void) {
    fixture_open(&f);
    (void)fixture_report();
}

static void teardown(void) {
    fixture_close(&f);
    ck_assert_int_eq(fixture_allocations(), 0);
}

typedef struct shape {
    const char *name;
    uint32_t rank;
    int64_t a[4], b[4], y[4];
} shape;

static const shape shapes[] = {
    {"one", 2, {1, 1}, {1, 1}, {1, 1}},
    {"primes", 2, {7, 13}, {13, 11}, {7, 11}},
    {"row", 2, {1, 40}, {40, 33}, {1, 33}},
    {"column", 2, {33, 40}, {40, 1}, {33, 1}},
    {"outer", 2, {17, 1}, {1, 19}, {17, 19}},
    {"empty_k", 2, {3, 0}, {0, 5}, {3, 5}},
    {"empty_m", 2, {0, 4}, {4, 5}, {0, 5}},
    {"empty_n", 2, {3, 4}, {4, 0}, {3, 0}},
    {"tiles", 2, {193, 257}, {257, 129}, {193, 129}},
    {"batch", 3, {5, 7, 6}, {5, 6, 9}, {5, 7, 9}},
    {"batch_of_one", 3, {1, 7, 6}, {1, 6, 9}, {1, 7, 9}},
    {"batches", 4, {2, 3, 9, 4}, {2, 3, 4, 5}, {2, 3, 9, 5}},
    {"batches_of_vectors", 4, {2, 3, 1, 40}, {2, 3, 40, 8}, {2, 3, 1, 8}},
    {"empty_batch", 3, {0, 7, 6}, {0, 6, 9}, {0, 7, 9}},
    {"many_batches", 3, {400, 8, 8}, {400, 8, 8}, {400, 8, 8}},
};

static double get(const operand *o, int64_t index) {
    const char *at = opwork_at(o, index);
    float single;
    double real;
    if (o->dtype == TENON_DTYPE_F64) return memcpy(&real, at, sizeof real), real;
    return memcpy(&single, at, sizeof single), (double)single;
}

static void put(const operand *o, int64_t index, double value) {
    char *at = opwork_at(o, index);
    float single = (float)value;
    memcpy(at, o->dtype == TENON_DTYPE_F64 ? (const void *)&value : (const void *)&single,
           o->dtype == TENON_DTYPE_F64 ? sizeof value : sizeof single);
}

static void fill(const operand *o, uint32_t seed) {
    for (int64_t i = 0; i < opwork_count(o); i++) {
        seed = seed * 1664525u + 1013904223u;
        put(o, i, (double)(int32_t)seed / 2147483648.0);
    }
}

/* Element y[batch, i, j] and the bound of its error: k * u * sum |a||b|. */
static void expect(const opwork *w, int64_t index) {
    const operand *a = &w->operands[0], *b = &w->operands[1], *y = &w->operands[2];
    int64_t n = y->dims[y->rank - 1], m = y->dims[y->rank - 2], k = a->dims[a->rank - 1];
    int64_t j = index % n, i = index / n % m, batch = index / n / m;
    long double sum = 0, size = 0;
    for (int64_t l = 0; l < k; l++) {
        long double product =
            (long double)get(a, (batch * m + i) * k + l) * (long double)get(b, (batch * k + l) * n + j);
        sum += product;
        size += fabsl(product);
    }
    double unit = y->dtype == TENON_DTYPE_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
    double error = fabs(get(y, index) - (double)sum), bound = (double)(k + 1) * unit * (double)size;
    if (!(error <= bound)) ck_abort_msg("element %ld is %g, not %g", (long)index, get(y, index), (double)sum);
}

static void run(const shape *s, tenon_dtype dtype, const uint32_t layouts[3], int symbolic) {
    opwork w = {.f = &f, .op = TENON_OP_MATMUL, .symbolic = symbolic};
    opwork_lay(&w, 0, dtype, layouts[0], s->rank, s->a);
    opwork_lay(&w, 1, dtype, layouts[1], s->rank, s->b);
    opwork_lay(&w, 2, dtype, layouts[2], s->rank, s->y);
    fill(&w.operands[0], 1);
    fill(&w.operands[1], 2);
    tenon_status status = opwork_run(&w, 1);
    ck_assert_msg(status == TENON_STATUS_OK, "%s %u %u %u: %s", s->name, layouts[0], layouts[1], layouts[2],
                  fixture_report());
    for (int64_t i = 0; i < opwork_count(&w.operands[2]); i++) expect(&w, i);
    opwork_free(&w);
}

START_TEST(every_layout) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (uint32_t code = 0; code < LAYOUT_COUNT * LAYOUT_COUNT * LAYOUT_REPEATED; code++) {
            const uint32_t layouts[3] = {code % LAYOUT_COUNT, code / LAYOUT_COUNT % LAYOUT_COUNT,
                                         code / LAYOUT_COUNT / LAYOUT_COUNT};
            if (shapes[i].a[0] > 100 && code % 29 != 0) continue; /* the large ones take long */
            run(&shapes[i], code % 2 ? TENON_DTYPE_F32 : TENON_DTYPE_F64, layouts, code % 3 != 0);
        }
}
END_TEST

/* Garbage in the result does not survive; NaN and inf in the factors do, even times 0. */
START_TEST(specials) {
    static const double values[] = {(double)NAN, (double)INFINITY};
    static const int64_t sizes[] = {1, 3, 40};
    for (int i = 0; i < 18; i++) {
        int64_t m = sizes[i % 3], n = sizes[i / 3 % 3], dims[3][2] = {{m, 9}, {9, n}, {m, n}};
        opwork w = {.f = &f, .op = TENON_OP_MATMUL};
        for (uint32_t j = 0; j < 3; j++) opwork_lay(&w, j, TENON_DTYPE_F32, LAYOUT_DENSE, 2, dims[j]);
        for (int64_t j = 0; j < m * 9; j++) put(&w.operands[0], j, 1.0);
        for (int64_t j = 0; j < n * 9; j++) put(&w.operands[1], j, 0.0);
        put(&w.operands[0], 4, values[i / 9]);
        OK(opwork_run(&w, 1));
        for (int64_t j = 0; j < m * n; j++)
            ck_assert(j < n ? isnan(get(&w.operands[2], j)) : get(&w.operands[2], j) == 0);
        opwork_free(&w);
    }
}
END_TEST

/* The same bits every time, whatever the threads do. */
START_TEST(runs_are_equal) {
    const int64_t a[] = {300, 500}, b[] = {500, 260}, y[] = {300, 260};
    static char first[300 * 260 * sizeof(float)];
    opwork w = {.f = &f, .op = TENON_OP_MATMUL};
    opwork_lay(&w, 0, TENON_DTYPE_F32, LAYOUT_DENSE, 2, a);
    opwork_lay(&w, 1, TENON_DTYPE_F32, LAYOUT_DENSE, 2, b);
    opwork_lay(&w, 2, TENON_DTYPE_F32, LAYOUT_DENSE, 2, y);
    fill(&w.operands[0], 1);
    fill(&w.operands[1], 2);
    OK(opwork_prepare(&w, 1));
    for (int i = 0; i < 30; i++) {
        OK(opwork_launch(&w));
        OK(plugin->stream->synchronize(f.stream));
        if (i == 0) memcpy(first, w.operands[2].address, sizeof first);
        ck_assert(memcmp(first, w.operands[2].address, sizeof first) == 0);
    }
    opwork_free(&w);
}
END_TEST

START_TEST(wrong_dims_are_refused) {
    static const int64_t bad[][3][2] = {{{3, 4}, {5, 6}, {3, 6}}, {{3, 4}, {4, 6}, {4, 6}}, {{3, 4}, {4, 6}, {3, 5}}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        opwork w = {.f = &f, .op = TENON_OP_MATMUL};
        for (uint32_t j = 0; j < 3; j++) opwork_lay(&w, j, TENON_DTYPE_F32, LAYOUT_DENSE, 2, bad[i][j]);
        REFUSES(TENON_STATUS_INVALID, opwork_run(&w, 1));
        OK(plugin->stream->synchronize(f.stream));
        opwork_free(&w);
    }
}
END_TEST

static Suite *suite(void) {
    Suite *made = suite_create("cpu matmul");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, every_layout);
    tcase_add_test(cases, specials);
    tcase_add_test(cases, runs_are_equal);
    tcase_add_test(cases, wrong_dims_are_refused);
    suite_add_tcase(made, cases);
    return made;
}

int main(void) {
    fixture_load();
    return fixture_main(suite());
}
