/* What hooks begin and end with: descriptors checked, failures said in words. */
#include <check.h>
#include <stddef.h>
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

static tenon_status no_health(tenon_device *device) {
    (void)device;
    return TENON_STATUS_OK;
}

START_TEST(members_are_covered_by_their_size) {
    const uint32_t before = offsetof(tenon_device_info, views), whole = before + sizeof(uint32_t);
    tenon_device_info info = {.struct_size = whole, .views = 0};
    tenon_device_hooks hooks = {.struct_size = sizeof hooks};
    const tenon_device_info *none = NULL;
    ck_assert(TENON_COVERS(&info, views)); /* also where it is 0 */
    ck_assert(TENON_COVERS(&info, uuid));
    ck_assert(!TENON_HAS(&hooks, health));
    hooks.health = no_health;
    ck_assert(TENON_HAS(&hooks, health));
    hooks.struct_size = offsetof(tenon_device_hooks, health);
    info.struct_size = whole - 1;
    ck_assert(!TENON_HAS(&hooks, health));
    ck_assert(!TENON_COVERS(&info, views));
    ck_assert(!TENON_COVERS(none, views));
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

START_TEST(op_works_are_held_against_the_table) {
    static const int64_t seven = 7, f16 = TENON_DTYPE_F16;
    const struct {
        tenon_op op;
        tenon_dtype second;
        uint32_t rank, last_role;
        tenon_attr attr;
        tenon_status status;
        const char *words;
    } rows[] = {
        {TENON_OP_ADD, TENON_DTYPE_F32, 2, TENON_ROLE_OUTPUT, {0}, TENON_STATUS_OK, ""},
        {TENON_OP_RESHAPE, TENON_DTYPE_F32, 2, TENON_ROLE_OUTPUT, {0}, TENON_STATUS_UNSUPPORTED, "operator 1"},
        {TENON_OP_ADD, TENON_DTYPE_F16, 2, TENON_ROLE_OUTPUT, {0}, TENON_STATUS_INVALID, "operand 1 can't be f16"},
        {TENON_OP_ADD, TENON_DTYPE_F32, 3, TENON_ROLE_OUTPUT, {0}, TENON_STATUS_INVALID, "rank"},
        {TENON_OP_ADD, TENON_DTYPE_F32, 2, TENON_ROLE_INOUT, {0}, TENON_STATUS_INVALID, "role 3"},
        {TENON_OP_ADD,
         TENON_DTYPE_F32,
         2,
         TENON_ROLE_OUTPUT,
         {TENON_ATTR_AXIS, 1, &seven},
         TENON_STATUS_UNSUPPORTED,
         "no attribute"},
        {TENON_OP_SUM, TENON_DTYPE_F32, 2, TENON_ROLE_OUTPUT, {0}, TENON_STATUS_INVALID, "operands"},
        {TENON_OP_MATMUL, TENON_DTYPE_F32, 2, TENON_ROLE_OUTPUT, {0}, TENON_STATUS_OK, ""},
        {TENON_OP_MATMUL,
         TENON_DTYPE_F32,
         2,
         TENON_ROLE_OUTPUT,
         {TENON_ATTR_DTYPE, 1, &f16},
         TENON_STATUS_INVALID,
         "operand 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char words[128];
        const tenon_op_row *row = NULL;
        tenon_op_work op = {.struct_size = sizeof op, .op = rows[i].op, .attrs = &rows[i].attr};
        op.attr_count = rows[i].attr.id != 0;
        tenon_operand operands[3] = {{.role = TENON_ROLE_INPUT}, {.role = TENON_ROLE_INPUT}, {0}};
        for (uint32_t k = 0; k < 3; k++) operands[k].view = (tenon_view){.dtype = TENON_DTYPE_F32, .rank = 2};
        operands[1].view.dtype = rows[i].second;
        operands[1].view.rank = rows[i].rank;
        operands[2].role = rows[i].last_role;
        tenon_work work = {.struct_size = sizeof work, .kind = TENON_WORK_OP, .op = &op, .operands = operands};
        work.operand_count = 3;
        ck_assert_msg(tenon_op_work_check(&work, &row, words, sizeof words) == rows[i].status, "%zu: %s", i, words);
        ck_assert_msg(strstr(words, rows[i].words) != NULL, "%zu: %s", i, words);
    }
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
    tcase_add_test(cases, members_are_covered_by_their_size);
    tcase_add_test(cases, works_are_checked_with_their_part);
    tcase_add_test(cases, op_works_are_held_against_the_table);
    tcase_add_test(cases, launches_are_checked_against_the_exec);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
