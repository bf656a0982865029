/* Failed runs: each call of a kind fails in turn, under the layer `fault`. The run says so, gives no output, leaves
 * nothing behind, and the session goes on, unless the device is lost. Usage: test_faults DEVICE */
#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphs.h"

enum { COLUMNS = 24, MOST_CALLS = 60, THREADS = 6, RUNS = 60 };

static const char *device_name;

typedef struct world {
    tenonh_registry *registry;
    tenonh_device *device;
    graph graph;
    tenonh_session *session;
} world;

/* False when the device could not be opened. */
static bool world_open(world *w, const char *layers, const tenonh_session_options *options) {
    tenonh_registry_options chosen = {.struct_size = sizeof chosen, .layers = layers};
    good(tenonh_registry_create(&chosen, &w->registry));
    if (tenonh_device_open(w->registry, device_name, &w->device) != TENON_STATUS_OK)
        return tenonh_registry_destroy(w->registry), false;
    w->graph = graph_layer(COLUMNS);
    good(tenonh_session_create(w->graph.module, w->device, options, &w->session));
    return true;
}

static void world_close(world *w) {
    tenonh_session_release(w->session);
    ck_assert_uint_eq(counters_of(w->device).allocations, 0); /* nothing is left */
    tenonh_module_destroy(w->graph.module);
    tenonh_device_release(w->device);
    tenonh_registry_destroy(w->registry);
}

/* What the layer makes fail; the n-th call. */
static const struct row {
    const char *kind;
    uint32_t times; /* calls that fail: a run tries some again by itself */
    uint32_t streams;
    tenon_status lasts; /* OK: the session goes on */
} rows[] = {
    {"allocate", 24, 1, TENON_STATUS_OK},   {"stream", 5, 2, TENON_STATUS_OK}, {"copy", 1, 1, TENON_STATUS_OK},
    {"synchronize", 1, 1, TENON_STATUS_OK}, {"event", 1, 2, TENON_STATUS_OK},  {"prepare", 1, 1, TENON_STATUS_OK},
    {"launch", 1, 1, TENON_STATUS_OK},      {"late", 1, 2, TENON_STATUS_OK},   {"lost", 1, 1, TENON_STATUS_DEVICE_LOST},
};

static tenonh_array input, wanted;

static void check_result(const tenonh_array *out) {
    ck_assert_uint_eq(out->size, wanted.size);
    ck_assert_int_eq(memcmp(out->data, wanted.data, wanted.size), 0);
}

/* One run with the n-th call failing; true if none failed. */
static bool run_row(const struct row *row, int n) {
    char layers[64];
    world w;
    tenonh_array out = {0};
    tenonh_session_options options = {.struct_size = sizeof options, .streams = row->streams};
    snprintf(layers, sizeof layers, "fault:%s=%d:times=%u", row->kind, n, row->times);
    if (!world_open(&w, layers, &options)) return false;
    tenon_status status = tenonh_session_run_arrays(w.session, &input, 1, &out, 1);
    bool passed = status == TENON_STATUS_OK;
    if (passed) {
        check_result(&out);
    } else {
        ck_assert_ptr_null(out.data);
        ck_assert_msg(tenonh_error_message()[0] != '\0', "%s: no words", layers);
        for (int i = 0; i < 3 && row->lasts == TENON_STATUS_OK && status != TENON_STATUS_OK; i++)
            status = tenonh_session_run_arrays(w.session, &input, 1, &out, 1);
        if (row->lasts != TENON_STATUS_OK) status = tenonh_session_run_arrays(w.session, &input, 1, &out, 1);
        ck_assert_msg(status == row->lasts, "%s: status %u: %s", layers, status, tenonh_error_message());
        if (status == TENON_STATUS_OK) check_result(&out);
    }
    tenonh_array_free(&out);
    world_close(&w);
    return passed;
}

START_TEST(test_each_call_fails) {
    const struct row *row = &rows[_i];
    int n = 1;
    while (n < MOST_CALLS && !run_row(row, n)) n++;
    ck_assert_int_lt(n, MOST_CALLS);
}
END_TEST

typedef struct worker {
    world *world;
    uint32_t failed;
    char words[256];
} worker;

/* Runs may fail where the layer says so; results are exact otherwise, and given tensors stay the caller's. */
static void *work(void *context) {
    worker *w = context;
    tenonh_stream *stream;
    tenonh_tensor *in = NULL;
    if (tenonh_stream_create(w->world->device, &stream) != TENON_STATUS_OK) return NULL;
    if (tenonh_tensor_create(w->world->device, TENON_DTYPE_F32, 2, input.dims, &in) != TENON_STATUS_OK) return NULL;
    if (tenonh_tensor_write(in, stream, input.data, input.size) != TENON_STATUS_OK) return NULL;
    for (int i = 0; i < RUNS; i++) {
        tenonh_tensor *out = NULL;
        char got[8 * COLUMNS * sizeof(float)];
        if (tenonh_session_run(w->world->session, &in, 1, &out, 1) != TENON_STATUS_OK)
            w->failed++;
        else if (tenonh_tensor_read(out, stream, got, wanted.size) != TENON_STATUS_OK ||
                 memcmp(got, wanted.data, wanted.size) != 0)
            snprintf(w->words, sizeof w->words, "run %d differs", i);
        tenonh_tensor_release(out);
    }
    tenonh_tensor_release(in);
    tenonh_stream_release(stream);
    return NULL;
}

/* A failed run takes none of those beside it along. */
START_TEST(test_failures_stay_apart) {
    static const char *const layers[] = {"fault:late=100:times=5", "fault:launch=77:times=3"};
    static const uint32_t most[] = {5, 3};
    worker workers[THREADS] = {0};
    pthread_t threads[THREADS];
    world w;
    uint32_t failed = 0;
    ck_assert(world_open(&w, layers[_i], NULL));
    for (int i = 0; i < THREADS; i++) {
        workers[i].world = &w;
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_str_eq(workers[i].words, "");
        failed += workers[i].failed;
    }
    ck_assert_uint_ge(failed, 1);
    ck_assert_uint_le(failed, most[_i]);
    ck_assert_uint_eq(stats_of(w.session).runs, THREADS * RUNS - failed);
    world_close(&w);
}
END_TEST

static void set_up(void) {
    world w;
    ck_assert_msg(world_open(&w, "", NULL), "%s", tenonh_error_message());
    input = array_of(8, COLUMNS, 3);
    good(tenonh_session_run_arrays(w.session, &input, 1, &wanted, 1));
    world_close(&w);
}

static void tear_down(void) {
    tenonh_array_free(&input);
    tenonh_array_free(&wanted);
}

int main(int argc, char **argv) {
    device_name = argc > 1 ? argv[1] : "cpu";
    Suite *suite = suite_create("faults");
    TCase *tests = tcase_create(device_name);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, test_each_call_fails, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(tests, test_failures_stay_apart, 0, 2);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
