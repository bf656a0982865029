/* Every base operator on one device. Usage: test_ops DEVICE */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases/families.h"

static void run_group(void (*group)(void)) {
    uint32_t rows = cf_under_test.rows, failures = cf_under_test.failures;
    group();
    rows = cf_under_test.rows - rows;
    failures = cf_under_test.failures - failures;
    ck_assert_msg(rows > 0, "no row ran");
    ck_assert_msg(failures == 0, "%u of %u rows failed on %s", failures, rows, cf_under_test.name);
    printf("%u rows passed on %s\n", rows, cf_under_test.name);
}

#define GROUP(name)                                                                                                    \
    START_TEST(test_##name) {                                                                                          \
        run_group(cf_##name);                                                                                          \
    }                                                                                                                  \
    END_TEST
GROUP(map_values)
GROUP(map_layouts)
GROUP(casts)
GROUP(data)
GROUP(reductions)
GROUP(indexed)
GROUP(matmuls)
GROUP(ordered)

static void open_device(const char *name) {
    cf_under_test.name = name;
    tenon_status status = tenonh_registry_create(NULL, &cf_under_test.registry);
    if (status == TENON_STATUS_OK) status = tenonh_device_open(cf_under_test.registry, name, &cf_under_test.device);
    if (status == TENON_STATUS_OK) status = tenon__execs_create(&cf_under_test.execs);
    if (status == TENON_STATUS_OK) return;
    fprintf(stderr, "%s: %s\n", name, tenonh_error_message());
    exit(5);
}

static void close_device(void) {
    tenonh_stream_release(cf_under_test.stream);
    tenon__execs_destroy(cf_under_test.execs);
    tenonh_device_release(cf_under_test.device);
    tenonh_registry_destroy(cf_under_test.registry);
}

int main(int argc, char **argv) {
    open_device(argc > 1 ? argv[1] : "cpu");
    Suite *suite = suite_create("operators");
    TCase *tests = tcase_create(cf_under_test.name);
    tcase_add_test(tests, test_map_values);
    tcase_add_test(tests, test_map_layouts);
    tcase_add_test(tests, test_casts);
    tcase_add_test(tests, test_data);
    tcase_add_test(tests, test_reductions);
    tcase_add_test(tests, test_indexed);
    tcase_add_test(tests, test_matmuls);
    tcase_add_test(tests, test_ordered);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the device does not survive a fork */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    close_device();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
