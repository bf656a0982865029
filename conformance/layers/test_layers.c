/* What layers are asked for with, and the layers `fault` and `skew` around a device that stands in the test. */
#include "world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tenon/host/error.h>

/* -- Asking ------------------------------------------------------------------------------------------------------------ */

static const struct asked {
    const char *text;
    tenon_status status;
    const char *words; /* of the message */
} askeds[] = {
    {"", TENON_STATUS_OK, ""},
    {"validate", TENON_STATUS_OK, ""},
    {"validate,fault:launch=3:status=OUT_OF_MEMORY,skew:newer", TENON_STATUS_OK, ""},
    {"fault:only=a\\,b\\:c", TENON_STATUS_OK, ""},
    {"valid", TENON_STATUS_NOT_FOUND, "there is no layer \"valid\"; there are validate"},
    {"validate,", TENON_STATUS_NOT_FOUND, "there is no layer \"\""},
    {"fault:launches=3", TENON_STATUS_INVALID, "launch=N"},
    {"fault:launch", TENON_STATUS_OK, ""}, /* a switch is 1 */
    {"fault:launch=", TENON_STATUS_INVALID, "a whole number from 1"},
    {"fault:launch=0", TENON_STATUS_INVALID, "a whole number from 1"},
    {"fault:launch=3x", TENON_STATUS_INVALID, "a whole number from 1"},
    {"fault:launch=99999999999999999999", TENON_STATUS_INVALID, "a whole number from 1"},
    {"fault:launch=1:launch=2", TENON_STATUS_INVALID, "launch is given twice"},
    {"fault:status=OK", TENON_STATUS_INVALID, "a status that is not OK"},
    {"fault:status=GREMLINS", TENON_STATUS_INVALID, "a status that is not OK"},
    {"trace:file=", TENON_STATUS_INVALID, "takes a text"},
    {"trace:file=/nowhere/at/all", TENON_STATUS_IO, "layer trace: cannot create"},
    {"trace:file=/dev/null", TENON_STATUS_INVALID, "is not a regular file"},
    {"skew:older:newer", TENON_STATUS_INVALID, "older or newer, not both"},
};

START_TEST(layers_are_asked_for_by_name) {
    const struct asked *row = &askeds[_i];
    tenon__layers *layers = NULL;
    tenon_status status = tenon__layers_parse(row->text, &layers);
    ck_assert_msg(status == row->status, "\"%s\": status %u: %s", row->text, status, tenonh_error_message());
    if (row->words[0])
        ck_assert_msg(strstr(tenonh_error_message(), row->words) != NULL, "\"%s\": %s", row->text,
                      tenonh_error_message());
    tenon__layers_release(layers);
}
END_TEST

/* A hook that the ABI gets and no wrapper passes on would be missing wherever a layer is. */
START_TEST(every_hook_is_wrapped) {
    tenon__hooks inner = double_hooks(), outer;
    tenon__wrap(&inner, &outer);
#define TENON_HOOK_GROUP(group, type, need, oldest)
#define TENON_HOOK(group, type, member, need, set)                                                                     \
    ck_assert_msg(inner.group.member != NULL, #group "." #member " is to be in the double");                           \
    ck_assert_msg(outer.group.member != NULL && outer.group.member != inner.group.member,                              \
                  #group "." #member " is not wrapped");
#include <tenon/hooks.def>
}
END_TEST

/* What is not there inside is not there outside. */
START_TEST(missing_hooks_stay_missing) {
    tenon__hooks inner = double_hooks(), outer;
    inner.event = (tenon_event_hooks){0};
    inner.stream.fill = NULL;
    tenon__wrap(&inner, &outer);
    ck_assert(!outer.event.create);
    ck_assert(!outer.stream.fill);
    ck_assert(outer.stream.copy);
}
END_TEST

START_TEST(others_are_left_alone) {
    world w;
    world_open(&w, "fault:device=1:only=another", BEND_NOTHING);
    ck_assert(world_fill(&w));
    world_close(&w);
    ck_assert_int_eq(double_objects, 0);
}
END_TEST

/* -- fault ------------------------------------------------------------------------------------------------------------- */

static unsigned char bytes[WORLD_MEMORY];

static tenon_status write_once(world *w, tenon_stream *stream) {
    return w->hooks.stream.write(stream, (tenon_buffer){w->memory, 0}, bytes, 4);
}

START_TEST(the_nth_call_fails_and_no_other) {
    world w;
    world_open(&w, "validate,fault:copy=2:status=OUT_OF_MEMORY", BEND_NOTHING);
    ck_assert(world_fill(&w));
    ck_assert_uint_eq(write_once(&w, w.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(write_once(&w, w.stream), TENON_STATUS_OUT_OF_MEMORY);
    ck_assert_ptr_nonnull(strstr(world_heard, "stream.write 2 fails, as the layer fault was asked (copy=2)"));
    ck_assert_uint_eq(write_once(&w, w.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.stream), TENON_STATUS_OK);
    world_close(&w);
    ck_assert_int_eq(double_objects, 0);
}
END_TEST

/* As the ABI says of late failures: the stream keeps its own, an event takes it along, and who waits gets it. */
START_TEST(late_failures_stick_and_spread) {
    world w;
    world_open(&w, "validate,fault:late=1:status=OUT_OF_RANGE", BEND_NOTHING);
    ck_assert(world_fill(&w));
    ck_assert_uint_eq(world_launch(&w, w.stream, 4, 0, 0), TENON_STATUS_OK);
    ck_assert_uint_eq(write_once(&w, w.stream), TENON_STATUS_FAILED_STREAM);
    ck_assert_uint_eq(w.hooks.event.record(w.event, w.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(w.hooks.event.query(w.event), TENON_STATUS_OUT_OF_RANGE);
    ck_assert_uint_eq(w.hooks.event.wait(w.second, w.event), TENON_STATUS_OK);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.second), TENON_STATUS_OUT_OF_RANGE);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.stream), TENON_STATUS_OUT_OF_RANGE);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.stream), TENON_STATUS_OUT_OF_RANGE);
    ck_assert_ptr_null(strstr(world_heard, "REQ-")); /* a plugin may fail like that */
    world_close(&w);
    ck_assert_int_eq(double_objects, 0);
}
END_TEST

START_TEST(a_failed_wait_sticks) {
    world w;
    world_open(&w, "validate,fault:synchronize=1", BEND_NOTHING);
    ck_assert(world_fill(&w));
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.stream), TENON_STATUS_INTERNAL);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.stream), TENON_STATUS_INTERNAL);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.second), TENON_STATUS_OK);
    ck_assert_ptr_null(strstr(world_heard, "REQ-"));
    world_close(&w);
    ck_assert_int_eq(double_objects, 0);
}
END_TEST

/* Everything fails from then on, everything can be given back, and the other device works on. */
START_TEST(a_lost_device_stays_lost) {
    world w;
    uint32_t count;
    tenon_stream *stream;
    world_open(&w, "validate,fault:lost=11", BEND_NOTHING);
    ck_assert_msg(world_fill(&w), "%s", world_heard);
    tenon_status status = TENON_STATUS_OK;
    for (int i = 0; i < 11 && status == TENON_STATUS_OK; i++) status = w.hooks.device.health(w.device);
    ck_assert_uint_eq(status, TENON_STATUS_DEVICE_LOST);
    ck_assert_uint_eq(w.hooks.device.health(w.device), TENON_STATUS_DEVICE_LOST);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.stream), TENON_STATUS_DEVICE_LOST);
    ck_assert_uint_eq(w.hooks.stream.create(w.device, &stream), TENON_STATUS_DEVICE_LOST);
    ck_assert_uint_eq(w.hooks.memory.type_count(w.device, &count), TENON_STATUS_DEVICE_LOST);
    world_close(&w);
    ck_assert_int_eq(double_objects, 0);
}
END_TEST

START_TEST(delays_change_no_result) {
    world w;
    static const char *const layers[] = {"validate,fault:stall=50:seed=7,validate", "fault:delay=50:stall=20"};
    world_open(&w, layers[_i], BEND_NOTHING);
    ck_assert(world_fill(&w));
    for (int i = 0; i < 20; i++) ck_assert_uint_eq(write_once(&w, w.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.stream), TENON_STATUS_OK);
    ck_assert_str_eq(world_heard, "");
    world_close(&w);
    ck_assert_int_eq(double_objects, 0); /* what the stalls used too */
}
END_TEST

/* -- skew -------------------------------------------------------------------------------------------------------------- */

static tenon_status use_all(world *w) {
    tenon_device_info info = {.struct_size = sizeof info};
    TENON_TRY(w->hooks.device.info(w->device, &info));
    ck_assert_str_eq(info.name, "double");
    ck_assert_uint_eq(info.struct_size, sizeof info);
    return world_launch(w, w->stream, 4, 0, 0);
}

static const struct skewed {
    const char *layers;
    uint32_t bend;
    tenon_status status;
    const char *rule;
} skeweds[] = {
    {"skew", BEND_NOTHING, TENON_STATUS_OK, ""},
    {"skew:older", BEND_NOTHING, TENON_STATUS_OK, ""},
    {"skew:newer", BEND_NOTHING, TENON_STATUS_OK, ""},
    {"skew:alien", BEND_NOTHING, TENON_STATUS_OK, ""},
    {"skew:tables", BEND_NOTHING, TENON_STATUS_OK, ""},
    {"validate,skew,skew:newer,validate", BEND_NOTHING, TENON_STATUS_OK, ""},
    {"skew:newer", BEND_TAKES_ALIEN, TENON_STATUS_OK, ""}, /* nobody asked for anything unknown */
    {"skew:alien", BEND_TAKES_ALIEN, TENON_STATUS_INTERNAL, "REQ-ABI-03: work.prepare answers OK"},
    {"skew:alien", BEND_RUNS_ALIEN, TENON_STATUS_INTERNAL, "REQ-ABI-03: work.launch answers OK"},
    {"skew:newer", BEND_WRITES_PAST, TENON_STATUS_INTERNAL, "REQ-ABI-02: device.info wrote past"},
};

START_TEST(other_versions_get_along) {
    const struct skewed *row = &skeweds[_i];
    world w;
    world_open(&w, row->layers, row->bend);
    tenon_status status = world_fill(&w) ? use_all(&w) : w.status;
    ck_assert_msg(status == row->status, "%s: status %u: %s", row->layers, status, world_heard);
    ck_assert_msg(strstr(world_heard, row->rule) != NULL, "%s: \"%s\" lacks %s", row->layers, world_heard, row->rule);
    world_close(&w);
    ck_assert_int_eq(double_objects, 0);
}
END_TEST

/* One byte past what an older host gives is a fault at once. */
START_TEST(older_structs_end_at_a_page) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        world w;
        signal(SIGSEGV, SIG_DFL);
        world_open(&w, "skew:older", BEND_WRITES_PAST);
        (void)(world_fill(&w) && use_all(&w));
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("layers");
    TCase *t = tcase_create("layers");
    tcase_add_loop_test(t, layers_are_asked_for_by_name, 0, sizeof askeds / sizeof askeds[0]);
    tcase_add_test(t, every_hook_is_wrapped);
    tcase_add_test(t, missing_hooks_stay_missing);
    tcase_add_test(t, others_are_left_alone);
    tcase_add_test(t, the_nth_call_fails_and_no_other);
    tcase_add_test(t, late_failures_stick_and_spread);
    tcase_add_test(t, a_failed_wait_sticks);
    tcase_add_test(t, a_lost_device_stays_lost);
    tcase_add_loop_test(t, delays_change_no_result, 0, 2);
    tcase_add_loop_test(t, other_versions_get_along, 0, sizeof skeweds / sizeof skeweds[0]);
    tcase_add_test(t, older_structs_end_at_a_page);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
