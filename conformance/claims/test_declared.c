/* What a device declares of dtypes and views, and that it is asked for nothing more: the fake under the layer `validate`,
 * which refuses work that breaks REQ-HOST-07. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* kinds: 1 op, 4 composite, 8 graph. dtypes 8580: f32 i32 i64 bool. */
#define OPS      "TENON_LAYERS=validate FAKE_KINDS=1 FAKE_SHAPES=3"
#define NO_VIEWS OPS " FAKE_VIEWS=1"

/* -- Views ------------------------------------------------------------------------------------------------------------- */

static const char transposed[] = "func main(%0 \"x\": f32[5, 7]) {\n"
                                 "  %1: f32[7, 5] = permute(%0) {perm = [1, 0]}\n"
                                 "  %2: f32[5, 5] = matmul(%0, %1) {dtype = f32, accumulator = f32}\n"
                                 "  %3: f32[7, 5] = neg(%1)\n"
                                 "  return \"y\" %2, \"z\" %3\n"
                                 "}\n";
static const char spread[] = "symbol n in 0 .. 64\n"
                             "func main(%0 \"x\": f32[n, 6], %1 \"b\": f32[6]) {\n"
                             "  %2: f32[n, 6] = expand(%1) {dims = [n, 6]}\n"
                             "  %3: f32[n, 6] = add(%0, %2)\n"
                             "  %4: f32[n, 6] = mul(%3, %2)\n"
                             "  return \"y\" %4\n"
                             "}\n";
static const char backwards[] = "func main(%0 \"x\": f32[9, 4]) {\n"
                                "  %1: f32[4, 2] = slice(%0) {starts = [8, 3], steps = [-2, -2], dims = [4, 2]}\n"
                                "  %2: f32[4, 2] = abs(%1)\n"
                                "  return \"y\" %2, \"x\" %1\n"
                                "}\n";
static const char rows_cut[] = "func main(%0 \"x\": f32[9, 4]) {\n"
                               "  %1: f32[3, 4] = slice(%0) {starts = [2, 0], steps = [1, 1], dims = [3, 4]}\n"
                               "  %2: f32[3, 4] = abs(%1)\n"
                               "  return \"y\" %2\n"
                               "}\n";
static const char windows[] =
    "func main(%0 \"x\": f32[2, 9]) {\n"
    "  %1: f32[2, 4, 3] = window(%0) {axes = [1], sizes = [3], steps = [2], dilations = [1]}\n"
    "  %2: f32[2, 4] = reduce_max(%1) {axes = [2]}\n"
    "  return \"y\" %2\n"
    "}\n";
static const char joined[] = "symbol n in 0 .. 64\n"
                             "func main(%0 \"x\": f32[n, 4], %1 \"u\": f32[n, 2]) {\n"
                             "  %2: f32[n, 2] = neg(%1)\n"
                             "  %3: f32[n, 6] = tenon.concat.1(%0, %2) {axis = 1}\n"
                             "  %4: f32[n, 6] = abs(%3)\n"
                             "  return \"y\" %4\n"
                             "}\n";
static const char stacked[] = "symbol n in 0 .. 64\n"
                              "func main(%0 \"x\": f32[n, 4], %1 \"u\": f32[2, 4]) {\n"
                              "  %2: f32[n + 2, 4] = tenon.concat.1(%0, %1) {axis = 0}\n"
                              "  %3: f32[n + 2, 4] = abs(%2)\n"
                              "  return \"y\" %3\n"
                              "}\n";
static const char in_place[] = "func main(%0 \"x\": f32[6, 4], %1 \"i\": i64[2], %2 \"u\": f32[6, 2]) {\n"
                               "  %3: f32[4, 6] = permute(%0) {perm = [1, 0]}\n"
                               "  %4: f32[2, 6] = permute(%2) {perm = [1, 0]}\n"
                               "  %5: f32[4, 6] = scatter(%1, %4, %3) {axis = 0, combine = 1}\n"
                               "  return \"y\" %5\n"
                               "}\n";

/* `copies`: steps named copy, on a device without strides and on one with any. */
static const struct view_row {
    const char *name, *text;
    uint32_t copies, copies_with_strides;
} view_rows[] = {
    {"transposed", transposed, 1, 0},                           /* once for both uses */
    {"spread", spread, 1, 0},                                   /* likewise */
    {"backwards", backwards, 2, 1},                             /* for abs, and as a result */
    {"rows_cut", rows_cut, 0, 0},                               /* an offset is no gap */
    {"windows", windows, 1, 0},       {"joined", joined, 3, 2}, /* two onto a stack, one into its order */
    {"stacked", stacked, 2, 2},                                 /* parts that have no gaps between them */
    {"in_place", in_place, 2, 1},
};

static uint32_t copies_of(const fixture *f) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tenonh_session_step_count(f->session); i++) {
        tenonh_step_info step = {.struct_size = sizeof step};
        ck_assert_uint_eq(tenonh_session_step(f->session, i, &step), TENON_STATUS_OK);
        count += strcmp(step.name, "copy") == 0 && step.placement == TENONH_PLACEMENT_OP;
    }
    return count;
}

static void run_views(const struct view_row *row, const char *knobs, uint32_t copies) {
    static const int64_t sizes[] = {5, 1, 0, 7};
    fixture f = fixture_open(FAKE, knobs, fixture_parse(row->name, row->text), NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ck_assert_msg(fixture_run(&f, row->name, sizes[i]) == TENON_STATUS_OK, "%s, %lld: %s", row->name,
                      (long long)sizes[i], tenonh_error_message());
        if (i == 0)
            ck_assert_msg(copies_of(&f) == copies, "%s with %s: %u copies, not %u", row->name, knobs, copies_of(&f),
                          copies);
    }
    fixture_close(&f);
}

START_TEST(views_are_copied) {
    run_views(&view_rows[_i], NO_VIEWS, view_rows[_i].copies);
    run_views(&view_rows[_i], OPS, view_rows[_i].copies_with_strides);
}
END_TEST

/* -- Dtypes ------------------------------------------------------------------------------------------------------------ */

static const char halves[] = "func main(%0 \"x\": f32[3, 4]) {\n"
                             "  %1: f32[3, 4] = abs(%0)\n"
                             "  %2: f16[3, 4] = cast(%1) {dtype = f16}\n"
                             "  %3: f16[3, 4] = neg(%2)\n"
                             "  %4: f32[3, 4] = cast(%3) {dtype = f32}\n"
                             "  %5: f32[3, 4] = add(%4, %1)\n"
                             "  return \"y\" %5\n"
                             "}\n";
static const char half_norm[] = "func main(%0 \"x\": f16[3, 4]) {\n"
                                "  %1: f16[3, 4] = tenon.softmax.1(%0) {axis = 1}\n"
                                "  %2: f32[3, 4] = cast(%1) {dtype = f32}\n"
                                "  return \"y\" %2\n"
                                "}\n";

/* `outside`: steps of the fallback, moves aside; 0: any number. */
static const struct dtype_row {
    const char *name, *knobs, *text;
    uint32_t outside;
} dtype_rows[] = {
    {"ops", OPS " FAKE_DTYPES=8580", halves, 3},
    {"graphs", "TENON_LAYERS=validate FAKE_KINDS=8 FAKE_DTYPES=8580", halves, 3},
    {"graphs_and_ops", "TENON_LAYERS=validate FAKE_KINDS=9 FAKE_DTYPES=8580", halves, 3},
    {"by_name", "TENON_LAYERS=validate FAKE_KINDS=5 FAKE_SHAPES=3 FAKE_COMPOSITES=softmax FAKE_DTYPES=8580", half_norm,
     0},
};

static uint32_t outside_of(const fixture *f) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tenonh_session_step_count(f->session); i++) {
        tenonh_step_info step = {.struct_size = sizeof step};
        ck_assert_uint_eq(tenonh_session_step(f->session, i, &step), TENON_STATUS_OK);
        count += step.placement != TENONH_PLACEMENT_MOVE && step.placement != TENONH_PLACEMENT_VIEW &&
                 strncmp(step.device, "cpu", 3) == 0;
    }
    return count;
}

START_TEST(undeclared_dtypes_go_elsewhere) {
    const struct dtype_row *row = &dtype_rows[_i];
    tenonh_registry *registry;
    tenonh_session_options options = {.struct_size = sizeof options, .rules = "off"};
    ck_assert_uint_eq(tenonh_registry_create(NULL, &registry), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_device_open(registry, "cpu", &options.fallback), TENON_STATUS_OK);
    fixture f = fixture_open(FAKE, row->knobs, fixture_parse(row->name, row->text), &options);
    ck_assert_msg(fixture_run(&f, row->name, 0) == TENON_STATUS_OK, "%s: %s", row->name, tenonh_error_message());
    uint32_t outside = outside_of(&f);
    ck_assert_msg(row->outside ? outside == row->outside : outside > 0, "%s: %u steps outside", row->name, outside);
    fixture_close(&f);
    tenonh_device_release(options.fallback);

    f = fixture_open(FAKE, row->knobs, fixture_parse(row->name, row->text), NULL);
    ck_assert_uint_eq(fixture_run(&f, row->name, 0), TENON_STATUS_UNSUPPORTED);
    ck_assert_msg(strstr(tenonh_error_message(), "f16") != NULL, "%s: %s", row->name, tenonh_error_message());
    ck_assert_msg(strstr(tenonh_error_message(), "fake-graph:0") != NULL, "%s: %s", row->name, tenonh_error_message());
    fixture_close(&f);
    tenonh_registry_destroy(registry);
}
END_TEST

/* -- Few streams ------------------------------------------------------------------------------------------------------- */

START_TEST(a_taken_stream_is_told) {
    static const char text[] = "func main(%0 \"x\": f32[4]) {\n  %1: f32[4] = abs(%0)\n  return \"y\" %1\n}\n";
    fixture f = fixture_open(FAKE, "FAKE_KINDS=1 FAKE_STREAMS=1", fixture_parse("abs", text), NULL);
    tenonh_stream *stream;
    for (int i = 0; i < 2; i++) { /* the second time an idle session has it, and gives it up */
        ck_assert_uint_eq(tenonh_stream_create(f.device, &stream), TENON_STATUS_OK);
        ck_assert_uint_eq(fixture_run(&f, "abs", 0), TENON_STATUS_UNAVAILABLE);
        ck_assert_msg(strstr(tenonh_error_message(), "has 1 stream,") != NULL, "%s", tenonh_error_message());
        tenonh_stream_release(stream);
        ck_assert_msg(fixture_run(&f, "abs", 0) == TENON_STATUS_OK, "%s", tenonh_error_message());
    }
    fixture_close(&f);
}
END_TEST

/* -- Answers that are none --------------------------------------------------------------------------------------------- */

START_TEST(unknown_views_are_refused) {
    const tenonh_registry_options options = {.struct_size = sizeof options, .no_search = 1};
    tenonh_registry *registry;
    tenonh_device *device;
    setenv("FAKE_VIEWS", "2", 1);
    ck_assert_uint_eq(tenonh_registry_create(&options, &registry), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_registry_add(registry, FAKE), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_device_open(registry, "fake-graph", &device), TENON_STATUS_INTERNAL);
    ck_assert_msg(strstr(tenonh_error_message(), "REQ-DEV-08") != NULL, "%s", tenonh_error_message());
    unsetenv("FAKE_VIEWS");
    tenonh_registry_destroy(registry);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("declared");
    TCase *cases = tcase_create("declared");
    tcase_add_loop_test(cases, views_are_copied, 0, sizeof view_rows / sizeof *view_rows);
    tcase_add_loop_test(cases, undeclared_dtypes_go_elsewhere, 0, sizeof dtype_rows / sizeof *dtype_rows);
    tcase_add_test(cases, a_taken_stream_is_told);
    tcase_add_test(cases, unknown_views_are_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
