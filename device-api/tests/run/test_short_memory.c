/* Sessions on a device with 1 MiB: runs wait for each other's memory, and what never fits is a clear error. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "graphs.h"
#include "run/session.h"

enum { THREADS = 8, RUNS = 40, BRANCHES = 4, FACTOR = 8 };

static tenonh_registry *registry;
static tenonh_device *device;

/* y = (x + x) + (x + x + x), vectors of any length: two values are alive in the arena. */
static graph build(void) {
    graph g = graph_begin();
    const tenonh_dim *dim = tenonh_dim_symbol(g.module, "n", 0, 1 << 24, 1);
    tenonh_value *x = tenonh_build_input(g.builder, "x", TENON_DTYPE_F32, 1, &dim);
    tenonh_value *two = graph_op(&g, TENON_OP_ADD, x, x), *three = graph_op(&g, TENON_OP_ADD, two, x);
    tenonh_build_output(g.builder, "y", graph_op(&g, TENON_OP_ADD, two, three));
    return g;
}

static tenonh_array ramp(int64_t count) {
    tenonh_array array = {0};
    good(tenonh_array_create(TENON_DTYPE_F32, 1, &count, &array));
    for (int64_t i = 0; i < count; i++) ((float *)array.data)[i] = (float)(i % 1000);
    return array;
}

/* Empty, or what went wrong. */
static const char *run(tenonh_session *session, const tenonh_array *in) {
    static _Thread_local char words[512];
    tenonh_array out = {0};
    words[0] = '\0';
    if (tenonh_session_run_arrays(session, in, 1, &out, 1) != TENON_STATUS_OK)
        snprintf(words, sizeof words, "%s", tenonh_error_message());
    for (int64_t i = 0; !words[0] && i < in->dims[0]; i++)
        if (((float *)out.data)[i] != 5 * ((float *)in->data)[i])
            snprintf(words, sizeof words, "element %lld of %lld", (long long)i, (long long)in->dims[0]);
    tenonh_array_free(&out);
    return words;
}

START_TEST(test_too_large) {
    graph g = build();
    tenonh_session *session = graph_finish(&g, device, NULL);
    static const int64_t counts[] = {1000, 30000, 120000, 1000, 30000};
    for (uint32_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        tenonh_array in = ramp(counts[i]), out = {0};
        if (counts[i] < 120000)
            ck_assert_str_eq(run(session, &in), "");
        else {
            bad(tenonh_session_run_arrays(session, &in, 1, &out, 1), TENON_STATUS_OUT_OF_MEMORY, "limited:0 holds");
            ck_assert_ptr_null(out.data);
        }
        tenonh_array_free(&in);
    }
    ck_assert_uint_eq(stats_of(session).runs, 4);
    tenonh_session_release(session);
    ck_assert_uint_eq(counters_of(device).allocations, 0);
    tenonh_module_destroy(g.module);
}
END_TEST

typedef struct worker {
    tenonh_session *session;
    char words[512];
} worker;

static void *work(void *context) {
    worker *w = context;
    for (int i = 0; i < RUNS && !w->words[0]; i++) {
        tenonh_array in = ramp(30000 - i % 3);
        snprintf(w->words, sizeof w->words, "%s", run(w->session, &in));
        tenonh_array_free(&in);
    }
    return NULL;
}

/* Two runs fit beside each other, eight do not: the rest wait, for runs of their session and of others. */
START_TEST(test_runs_wait) {
    worker workers[THREADS] = {0};
    pthread_t threads[THREADS];
    uint64_t runs = 0;
    graph g = build();
    good(tenonh_builder_finish(g.builder));
    for (int i = 0; i < THREADS; i++) {
        if (i == 0 || _i == 1)
            good(tenonh_session_create(g.module, device, NULL, &workers[i].session));
        else
            workers[i].session = tenonh_session_retain(workers[0].session);
    }
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, &workers[i]);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_str_eq(workers[i].words, "");
        if (i == 0 || _i == 1) runs += stats_of(workers[i].session).runs;
        tenonh_session_release(workers[i].session);
    }
    ck_assert_uint_eq(runs, THREADS * RUNS);
    ck_assert_uint_eq(counters_of(device).allocations, 0);
    tenonh_module_destroy(g.module);
}
END_TEST

/* What one session keeps for later is given up for another's run. */
START_TEST(test_idle_sessions_make_room) {
    tenonh_session *sessions[4];
    graph g[4];
    tenonh_array in = ramp(50000);
    for (int i = 0; i < 4; i++) {
        g[i] = build();
        sessions[i] = graph_finish(&g[i], device, NULL);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 4; i++) ck_assert_str_eq(run(sessions[i], &in), "");
    uint64_t bytes = 0;
    ck_assert_uint_gt(counters_of(device).allocated_bytes, 0); /* the last one's arena */
    good(tenonh_device_trim(device, &bytes));
    ck_assert_uint_gt(bytes, 0);
    ck_assert_uint_eq(counters_of(device).allocated_bytes, 0);
    ck_assert_str_eq(run(sessions[0], &in), "");
    for (int i = 0; i < 4; i++) {
        tenonh_session_release(sessions[i]);
        tenonh_module_destroy(g[i].module);
    }
    tenonh_array_free(&in);
}
END_TEST

/* y = sum of x_i + ... + x_i: branches that streams run side by side, each with memory of its own. */
static graph build_branches(void) {
    graph g = graph_begin();
    const tenonh_dim *dim = tenonh_dim_symbol(g.module, "n", 0, 1 << 24, 1);
    tenonh_value *sum = NULL;
    for (int i = 0; i < BRANCHES; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        tenonh_value *x = tenonh_build_input(g.builder, name, TENON_DTYPE_F32, 1, &dim);
        tenonh_value *branch = x;
        for (int k = 1; k < FACTOR; k++) branch = graph_op(&g, TENON_OP_ADD, branch, x);
        sum = sum ? graph_op(&g, TENON_OP_ADD, sum, branch) : branch;
    }
    tenonh_build_output(g.builder, "y", sum);
    good(tenonh_builder_finish(g.builder));
    return g;
}

/* A plan that does not fit is let go of, and the next one has one stream; that one can't be made smaller. */
START_TEST(test_smaller_plan) {
    enum { COUNT = 8192 };
    graph g = build_branches();
    tenonh_session *session;
    tenonh_session_options options = {.struct_size = sizeof options, .streams = 4};
    tenonh_array in[BRANCHES], out = {0};
    const int64_t dims[BRANCHES] = {COUNT, COUNT, COUNT, COUNT};
    tenonh_stream *const none[TENON__MAX_PLACES] = {0}; /* no constants */
    tenon__planned *wide, *narrow;
    good(tenonh_session_create(g.module, device, &options, &session));
    good(tenon__plans_get(&session->plans, dims, none, &wide));
    ck_assert_uint_gt(wide->plan->stream_count, 1);
    ck_assert(tenon__planned_shrink(wide));
    good(tenon__plans_get(&session->plans, dims, none, &narrow));
    ck_assert_ptr_ne(wide, narrow);
    ck_assert_uint_eq(narrow->plan->stream_count, 1);
    ck_assert(!tenon__planned_shrink(narrow));
    for (int i = 0; i < BRANCHES; i++) in[i] = ramp(COUNT);
    good(tenonh_session_run_arrays(session, in, BRANCHES, &out, 1));
    for (int64_t i = 0; i < COUNT; i++)
        ck_assert_float_eq(((float *)out.data)[i], FACTOR * BRANCHES * ((float *)in[0].data)[i]);
    ck_assert_uint_eq(stats_of(session).plans, 2);
    tenon__planned_release(wide);
    tenon__planned_release(narrow);
    tenonh_array_free(&out);
    for (int i = 0; i < BRANCHES; i++) tenonh_array_free(&in[i]);
    tenonh_session_release(session);
    tenonh_module_destroy(g.module);
}
END_TEST

/* A large arena is not asked for when the device says that it has less left. */
START_TEST(test_budget) {
    enum { COUNT = 5 << 20 };
    tenonh_device *other;
    tenonh_session *session;
    graph g = build();
    good(tenonh_registry_add(registry, PLANTED_DIR "/libtenon_budget.so"));
    good(tenonh_device_open(registry, "budget", &other));
    session = graph_finish(&g, other, NULL);
    const int64_t large[] = {COUNT}, small[] = {1000}, *dims[] = {large};
    bad(tenonh_session_prepare(session, dims, 1), TENON_STATUS_OUT_OF_MEMORY, "16777216 bytes left");
    dims[0] = small;
    good(tenonh_session_prepare(session, dims, 1));
    tenonh_session_release(session);
    tenonh_device_release(other);
    tenonh_module_destroy(g.module);
}
END_TEST

int main(void) {
    tenon_status status = tenonh_registry_create(NULL, &registry);
    if (status == TENON_STATUS_OK) status = tenonh_registry_add(registry, PLANTED_DIR "/libtenon_limited.so");
    if (status == TENON_STATUS_OK) status = tenonh_device_open(registry, "limited", &device);
    if (status != TENON_STATUS_OK) return fprintf(stderr, "%s\n", tenonh_error_message()), 5;
    Suite *suite = suite_create("short of memory");
    TCase *tests = tcase_create("limited");
    tcase_add_test(tests, test_too_large);
    tcase_add_loop_test(tests, test_runs_wait, 0, 2);
    tcase_add_test(tests, test_idle_sessions_make_room);
    tcase_add_test(tests, test_smaller_plan);
    tcase_add_test(tests, test_budget);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
