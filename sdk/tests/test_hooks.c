/* What hooks begin and end with: descriptors checked, failures said in words. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>
#include <tenon/hooks.h>

static char said[4096];

static void keep(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                 tenon_status status, const char *text) {
    (void)host, (void)device, (void)stream, (void)exec, (void)status;
    snprintf(said, sizeof said, "%s", text);
}

START_TEST(reports_are_formatted_and_cut) {
    const tenon_host host = {.struct_size = sizeof host, .report = keep};
    char large[3000];
    ck_assert_uint_eq(tenon_report(&host, NULL, NULL, NULL, TENON_STATUS_IO, "block %d of %s", 7, "tape"),
                      TENON_STATUS_IO);
    ck_assert_str_eq(said, "block 7 of tape");
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    tenon_report(&host, NULL, NULL, NULL, TENON_STATUS_IO, "%s", large);
    ck_assert_uint_eq(strlen(said), 2047);
}
END_TEST

START_TEST(works_are_checked_with_their_part) {
    struct {
        tenon_op_work known;
        uint64_t tail;
    } op = {.known = {.struct_size = sizeof op, .op = TENON_OP_ADD}};
    tenon_work work = {.struct_size = sizeof work, .kind = TENON_WORK_OP, .op = &op.known};
    ck_assert_uint_eq(tenon_work_check(&work), TENON_STATUS_OK);
    op.tail = 1;
    ck_assert_uint_eq(tenon_work_check(&work), TENON_STATUS_UNSUPPORTED);
    work.kind = TENON_WORK_KERNEL;
    ck_assert_uint_eq(tenon_work_check(&work), TENON_STATUS_INVALID);
    work.kind = 64;
    ck_assert_uint_eq(tenon_work_check(&work), TENON_STATUS_UNSUPPORTED);
    work.struct_size = 8;
    ck_assert_uint_eq(tenon_work_check(&work), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenon_work_check(NULL), TENON_STATUS_INVALID);
}
END_TEST

START_TEST(launches_are_checked_against_the_exec) {
    const tenon_symbol ranges[] = {{0, 100, 1}, {-8, 8, 4}};
    tenon_memory *somewhere = (tenon_memory *)(uintptr_t)64;
    tenon_buffer buffers[] = {{somewhere, 0}, {somewhere, 8}};
    int64_t symbols[] = {100, -4};
    tenon_launch launch = {
        .struct_size = sizeof launch, .buffer_count = 2, .buffers = buffers, .symbols = symbols, .symbol_count = 2};
    ck_assert_uint_eq(tenon_launch_check(&launch, 2, 2, ranges, 0), TENON_STATUS_OK);
    ck_assert_uint_eq(tenon_launch_check(&launch, 3, 2, ranges, 0), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenon_launch_check(&launch, 2, 1, ranges, 0), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenon_launch_check(&launch, 2, 2, ranges, 1), TENON_STATUS_INVALID);
    symbols[1] = 2; /* no multiple of the divisor */
    ck_assert_uint_eq(tenon_launch_check(&launch, 2, 2, ranges, 0), TENON_STATUS_INVALID);
    symbols[1] = 8;
    symbols[0] = 101;
    ck_assert_uint_eq(tenon_launch_check(&launch, 2, 2, ranges, 0), TENON_STATUS_INVALID);
    symbols[0] = 0;
    buffers[1].memory = NULL;
    ck_assert_uint_eq(tenon_launch_check(&launch, 2, 2, ranges, 0), TENON_STATUS_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hooks");
    TCase *cases = tcase_create("hooks");
    tcase_add_test(cases, reports_are_formatted_and_cut);
    tcase_add_test(cases, works_are_checked_with_their_part);
    tcase_add_test(cases, launches_are_checked_against_the_exec);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
