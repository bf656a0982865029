/* Sessions used by several threads at once: results are exact, whatever runs beside, new shapes among them.
 * Usage: test_threads DEVICE */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphs.h"
#include "run/session.h"

enum { THREADS = 8, SHAPES = 6, COLUMNS = 48, RUNS = 200 };

static tenonh_registry *registry;
static tenonh_device *device;
static const int64_t rows[SHAPES] = {1, 3, 17, 2, 64, 9};

/* Inputs, and what one thread alone computes of them. */
static tenonh_array inputs[SHAPES], wanted[SHAPES];

typedef struct worker {
    tenonh_session *session;
    uint32_t number;
    uint32_t use_tensors;
    _Atomic uint32_t *failures;
    char words[256];
} worker;

static tenon_status run_arrays(tenonh_session *session, uint32_t shape, tenonh_array *out) {
    return tenonh_session_run_arrays(session, &inputs[shape], 1, out, 1);
}

static tenon_status run_tensors(tenonh_session *session, uint32_t shape, tenonh_array *out) {
    tenonh_stream *stream;
    tenonh_tensor *in = NULL, *result = NULL;
    TENON_TRY(tenonh_stream_create(device, &stream));
    tenon_status status = tenonh_tensor_create(device, TENON_DTYPE_F32, 2, inputs[shape].dims, &in);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_write(in, stream, inputs[shape].data, inputs[shape].size);
    if (status == TENON_STATUS_OK) status = tenonh_session_run(session, &in, 1, &result, 1);
    if (status == TENON_STATUS_OK) status = tenonh_array_create(TENON_DTYPE_F32, 2, wanted[shape].dims, out);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_read(result, stream, out->data, out->size);
    tenonh_tensor_release(in);
    tenonh_tensor_release(result);
    tenonh_stream_release(stream);
    return status;
}

static void *work(void *context) {
    worker *w = context;
    for (uint32_t i = 0; i < RUNS; i++) {
        uint32_t shape = (i / 5 + w->number) % SHAPES;
        tenonh_array out = {0};
        tenon_status status =
            w->use_tensors ? run_tensors(w->session, shape, &out) : run_arrays(w->session, shape, &out);
        const char *words = status != TENON_STATUS_OK ? tenonh_error_message() : "another result than alone";
        if (status != TENON_STATUS_OK || memcmp(out.data, wanted[shape].data, wanted[shape].size) != 0) {
            snprintf(w->words, sizeof w->words, "run %u of shape %u: %s", i, shape, words);
            atomic_fetch_add(w->failures, 1);
        }
        tenonh_array_free(&out);
    }
    return NULL;
}

/* Thread i works on sessions[i]. */
static void work_all(tenonh_session *const *sessions, uint32_t use_tensors) {
    static worker workers[THREADS];
    pthread_t threads[THREADS];
    _Atomic uint32_t failures = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){sessions[i], i, use_tensors, &failures, ""};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < THREADS; i++)
        if (workers[i].words[0]) fprintf(stderr, "thread %u: %s\n", i, workers[i].words);
    ck_assert_uint_eq(failures, 0);
}

/* A session that stays: what it has prepared serves all tests. */
static graph kept_graph;
static tenonh_session *kept;

static void set_up(void) {
    kept_graph = graph_layer(COLUMNS);
    good(tenonh_session_create(kept_graph.module, device, NULL, &kept));
    for (uint32_t i = 0; i < SHAPES; i++) {
        inputs[i] = array_of(rows[i], COLUMNS, i);
        good(run_arrays(kept, i, &wanted[i]));
    }
}

static void tear_down(void) {
    for (uint32_t i = 0; i < SHAPES; i++) {
        tenonh_array_free(&inputs[i]);
        tenonh_array_free(&wanted[i]);
    }
    tenonh_session_release(kept);
    tenonh_module_destroy(kept_graph.module);
}

static const struct row {
    const char *name;
    uint32_t sessions;
    uint32_t use_tensors;
    tenonh_session_options options;
} table[] = {
    {"one session", 1, 0, {0}},
    {"one session, tensors", 1, 1, {0}},
    {"eight sessions", THREADS, 0, {0}},
    {"one run at a time", 1, 0, {.concurrent_runs = 1}},
    {"three runs at a time, two plans kept", 1, 1, {.concurrent_runs = 3, .keep_plans = 2}},
    {"four streams", 1, 0, {.streams = 4}},
    {"two sessions, few plans, streams", 2, 1, {.keep_plans = 3, .streams = 2}},
};

START_TEST(test_threads) {
    const struct row *row = &table[_i];
    tenonh_session *sessions[THREADS] = {0};
    graph g = graph_layer(COLUMNS);
    uint64_t before = counters_of(device).allocations;
    tenonh_session_options options = row->options;
    options.struct_size = sizeof options;
    for (uint32_t i = 0; i < row->sessions; i++) good(tenonh_session_create(g.module, device, &options, &sessions[i]));
    for (uint32_t i = row->sessions; i < THREADS; i++) sessions[i] = sessions[i - row->sessions];
    work_all(sessions, row->use_tensors);
    for (uint32_t i = 0; i < row->sessions; i++) {
        ck_assert_uint_eq(stats_of(sessions[i]).runs, (uint64_t)RUNS * THREADS / row->sessions);
        tenonh_session_release(sessions[i]);
    }
    ck_assert_uint_eq(counters_of(device).allocations, before); /* all is given back */
    tenonh_module_destroy(g.module);
}
END_TEST

static void *work_on_one(void *context) {
    worker *w = context;
    for (uint32_t i = 0; i < RUNS; i++) {
        tenonh_array out = {0};
        if (run_arrays(w->session, w->number, &out) != TENON_STATUS_OK) atomic_fetch_add(w->failures, 1);
        tenonh_array_free(&out);
    }
    return NULL;
}

/* While a shape is being planned, which may take minutes, runs of known ones go on, in new contexts, too. */
START_TEST(test_planning_blocks_no_run) {
    static worker workers[THREADS];
    pthread_t threads[THREADS];
    _Atomic uint32_t failures = 0;
    pthread_mutex_lock(&kept->plans.planning); /* as a thread that plans has it */
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){kept, i % SHAPES, 0, &failures, ""};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work_on_one, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pthread_mutex_unlock(&kept->plans.planning);
    ck_assert_uint_eq(failures, 0);
}
END_TEST

static void *keep_trimming(void *ended) {
    while (!atomic_load((_Atomic bool *)ended)) (void)tenonh_device_trim(device, NULL);
    return NULL;
}

/* Another thread's trim takes idle contexts while figures are read. */
START_TEST(test_figures_beside_trims) {
    _Atomic bool ended = false;
    pthread_t thread;
    uint64_t before = stats_of(kept).runs;
    ck_assert_int_eq(pthread_create(&thread, NULL, keep_trimming, &ended), 0);
    for (uint32_t i = 0; i < RUNS; i++) {
        tenonh_array out = {0};
        good(run_arrays(kept, 0, &out));
        tenonh_array_free(&out);
        ck_assert_uint_eq(stats_of(kept).runs, before + i + 1);
    }
    ended = true;
    pthread_join(thread, NULL);
}
END_TEST

/* Weights are on the device once, whoever uses them, and go with the last who does. */
START_TEST(test_shared_constants) {
    tenonh_session *sessions[3];
    graph g = graph_layer(256);
    tenonh_array in = array_of(2, 256, 1), out = {0};
    uint64_t before = counters_of(device).allocated_bytes, weights = 256 * 257 * sizeof(float);
    for (uint32_t i = 0; i < 3; i++) {
        good(tenonh_session_create(g.module, device, NULL, &sessions[i]));
        good(tenonh_session_run_arrays(sessions[i], &in, 1, &out, 1));
        tenonh_session_stats stats = stats_of(sessions[i]);
        ck_assert_uint_ge(stats.constant_bytes + stats.imported_bytes, weights);
        ck_assert_uint_ge(stats.imported_bytes, 256 * 256 * sizeof(float)); /* these devices use them as they lie */
        tenonh_array_free(&out);
    }
    ck_assert_uint_lt(counters_of(device).allocated_bytes - before, weights);
    for (uint32_t i = 0; i < 3; i++) tenonh_session_release(sessions[i]);
    ck_assert_uint_eq(counters_of(device).allocated_bytes, before);
    tenonh_array_free(&in);
    tenonh_module_destroy(g.module);
}
END_TEST

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "cpu";
    tenon_status status = tenonh_registry_create(NULL, &registry);
    if (status == TENON_STATUS_OK) status = tenonh_device_open(registry, name, &device);
    if (status != TENON_STATUS_OK) return fprintf(stderr, "%s: %s\n", name, tenonh_error_message()), 5;
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create(name);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, test_threads, 0, sizeof table / sizeof *table);
    tcase_add_test(tests, test_planning_blocks_no_run);
    tcase_add_test(tests, test_figures_beside_trims);
    tcase_add_test(tests, test_shared_constants);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the device does not survive a fork */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
