/* Prepared work is shared by the sessions on a device, prepared once, and let go of when no plan uses it. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "graphs.h"

enum { THREADS = 8, COUNTS = 20 };

static tenonh_registry *registry;
static tenonh_device *device;

/* y = x + x over vectors; the planted device prepares one exec for up to 6 elements, and one for each count above. */
static graph build(void) {
    graph g = graph_begin();
    const tenonh_dim *dim = tenonh_dim_symbol(g.module, "n", 0, 1 << 20, 1);
    tenonh_value *x = tenonh_build_input(g.builder, "x", TENON_DTYPE_F32, 1, &dim);
    tenonh_build_output(g.builder, "y", graph_op(&g, TENON_OP_ADD, x, x));
    good(tenonh_builder_finish(g.builder));
    return g;
}

static tenon_status prepare(tenonh_session *session, int64_t count) {
    const int64_t *dims[] = {&count};
    return tenonh_session_prepare(session, dims, 1);
}

START_TEST(test_shared_and_trimmed) {
    graph g = build();
    tenonh_session *first, *second;
    tenonh_session_options options = {.struct_size = sizeof options, .keep_plans = 1};
    good(tenonh_session_create(g.module, device, &options, &first));
    good(tenonh_session_create(g.module, device, &options, &second));
    for (int64_t count = 10; count < 15; count++) good(prepare(first, count));
    uint64_t prepares = stats_of(first).prepares;
    ck_assert_uint_ge(prepares, 5); /* one for each count, and what was tried for all of them */
    for (int64_t count = 10; count < 15; count++) good(prepare(second, count));
    ck_assert_uint_eq(stats_of(second).prepares, 0);
    good(tenonh_device_trim(device, NULL));
    good(prepare(first, 14)); /* in use by the plans that are kept */
    ck_assert_uint_eq(stats_of(first).prepares, prepares);
    good(prepare(first, 12));
    ck_assert_uint_gt(stats_of(first).prepares, prepares);
    tenonh_session_release(first);
    good(prepare(second, 12)); /* the first session's is the second's too */
    ck_assert_uint_eq(stats_of(second).prepares, 0);
    tenonh_session_release(second);
    tenonh_module_destroy(g.module);
}
END_TEST

static void *create_and_prepare(void *context) {
    tenonh_session *session = context;
    tenon_status status = TENON_STATUS_OK;
    for (int64_t count = 20; count < 20 + COUNTS && status == TENON_STATUS_OK; count++)
        status = prepare(session, count);
    return status == TENON_STATUS_OK ? NULL : context;
}

START_TEST(test_prepared_once) {
    graph graphs[THREADS];
    tenonh_session *sessions[THREADS];
    pthread_t threads[THREADS];
    uint64_t before = counters_of(device).prepares, told = 0;
    for (int i = 0; i < THREADS; i++) {
        graphs[i] = build();
        good(tenonh_session_create(graphs[i].module, device, NULL, &sessions[i]));
    }
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, create_and_prepare, sessions[i]);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    for (int i = 0; i < THREADS; i++) told += stats_of(sessions[i]).prepares;
    uint64_t prepares = counters_of(device).prepares - before;
    ck_assert_uint_ge(prepares, COUNTS); /* one for each count, and at most one for all of them */
    ck_assert_uint_le(prepares, COUNTS + 1);
    ck_assert_uint_lt(told, 2 * COUNTS); /* whoever asked first is told of it, others are not */
    for (int i = 0; i < THREADS; i++) {
        tenonh_session_release(sessions[i]);
        tenonh_module_destroy(graphs[i].module);
    }
}
END_TEST

int main(void) {
    tenon_status status = tenonh_registry_create(NULL, &registry);
    if (status == TENON_STATUS_OK) status = tenonh_registry_add(registry, PLANTED_DIR "/libtenon_narrow.so");
    if (status == TENON_STATUS_OK) status = tenonh_device_open(registry, "narrow", &device);
    if (status != TENON_STATUS_OK) return fprintf(stderr, "%s\n", tenonh_error_message()), 5;
    Suite *suite = suite_create("execs");
    TCase *tests = tcase_create("narrow");
    tcase_add_test(tests, test_shared_and_trimmed);
    tcase_add_test(tests, test_prepared_once);
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
