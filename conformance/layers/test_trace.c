/* The layer `trace`: its file is JSON that a viewer of Chrome traces opens, also after a failure, a full ring, or an exit
 * that gave nothing back. Read with a parser that is not ours. */
#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>

static char path[64];

static void begin(world *w, const char *more) {
    char layers[256];
    snprintf(path, sizeof path, "/tmp/tenon-test-trace-%ld.json", (long)getpid());
    snprintf(layers, sizeof layers, "trace:file=%s%s", path, more);
    world_open(w, layers, BEND_NOTHING);
    ck_assert(world_fill(w));
}

static unsigned char bytes[WORLD_MEMORY];

/* Work on two streams, one waiting for the other. */
static void work(world *w) {
    const tenon__hooks *h = &w->hooks;
    h->stream.write(w->stream, (tenon_buffer){w->memory, 0}, bytes, sizeof bytes);
    world_launch(w, w->stream, 8, 0, 0);
    h->event.record(w->event, w->stream);
    h->event.wait(w->second, w->event);
    world_launch(w, w->second, 8, 0, 0);
    h->stream.read(w->second, bytes, (tenon_buffer){w->target, 0}, 32);
    h->stream.synchronize(w->second);
}

static cJSON *read_trace(void) {
    static char text[1 << 20];
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s is not there", path);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    unlink(path);
    cJSON *json = cJSON_Parse(text);
    ck_assert_msg(json != NULL, "no JSON: %.200s", text);
    return json;
}

static const char *text_of(const cJSON *event, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, key));
    return text ? text : "";
}

static double number_of(const cJSON *event, const char *key) {
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(event, key);
    ck_assert_msg(cJSON_IsNumber(number), "%s of %s is no number", key, text_of(event, "name"));
    return number->valuedouble;
}

static const cJSON *events_of(const cJSON *json) {
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(json, "traceEvents");
    ck_assert(cJSON_IsArray(events));
    return events;
}

/* Events of a phase with that name; "" for any. */
static int count(const cJSON *json, const char *phase, const char *name) {
    int found = 0;
    const cJSON *event;
    cJSON_ArrayForEach(event, events_of(json)) found +=
        strcmp(text_of(event, "ph"), phase) == 0 && (!*name || strcmp(text_of(event, "name"), name) == 0);
    return found;
}

static int same_track(const cJSON *a, const cJSON *b) {
    return number_of(a, "pid") == number_of(b, "pid") && number_of(a, "tid") == number_of(b, "tid");
}

/* Slices of a track lie apart or one inside the other, or a viewer cannot draw them. */
static void check_slices(const cJSON *json) {
    const cJSON *a, *b;
    cJSON_ArrayForEach(a, events_of(json)) {
        if (strcmp(text_of(a, "ph"), "X") != 0) continue;
        double start = number_of(a, "ts"), end = start + number_of(a, "dur");
        ck_assert_double_ge(end, start);
        ck_assert_str_ne(text_of(a, "name"), "");
        cJSON_ArrayForEach(b, events_of(json)) {
            if (a == b || strcmp(text_of(b, "ph"), "X") != 0 || !same_track(a, b)) continue;
            double other = number_of(b, "ts"), other_end = other + number_of(b, "dur");
            int apart = other >= end - 0.002 || start >= other_end - 0.002;
            int inside = (other >= start && other_end <= end) || (start >= other && end <= other_end);
            ck_assert_msg(apart || inside, "%s and %s cross", text_of(a, "name"), text_of(b, "name"));
        }
    }
}

/* Every track has its name. */
static void check_names(const cJSON *json) {
    const cJSON *a, *b;
    cJSON_ArrayForEach(a, events_of(json)) {
        int named = strcmp(text_of(a, "ph"), "X") != 0;
        cJSON_ArrayForEach(b, events_of(json)) named =
            named || (strcmp(text_of(b, "name"), "thread_name") == 0 && same_track(a, b));
        ck_assert_msg(named, "the track of %s has no name", text_of(a, "name"));
    }
}

/* Each arrow has one start and one end. */
static void check_flows(const cJSON *json) {
    const cJSON *a, *b;
    ck_assert_int_eq(count(json, "s", ""), count(json, "f", ""));
    cJSON_ArrayForEach(a, events_of(json)) {
        int ends = 0;
        if (strcmp(text_of(a, "ph"), "s") != 0) continue;
        cJSON_ArrayForEach(b, events_of(json)) ends +=
            strcmp(text_of(b, "ph"), "f") == 0 && number_of(a, "id") == number_of(b, "id");
        ck_assert_int_eq(ends, 1);
    }
}

static double lost(const cJSON *json) {
    return number_of(cJSON_GetObjectItemCaseSensitive(json, "otherData"), "lost_entries");
}

START_TEST(a_run_can_be_opened_by_a_viewer) {
    world w;
    begin(&w, _i ? ":timing=0" : "");
    work(&w);
    world_close(&w);
    cJSON *json = read_trace();
    check_slices(json);
    check_names(json);
    check_flows(json);
    ck_assert_int_eq(count(json, "X", "work.launch"), 2); /* on the thread's track */
    ck_assert_int_eq(count(json, "X", "add"), 2);         /* on those of the streams, by the work's name */
    ck_assert_int_eq(count(json, "X", "stream.synchronize"), 1);
    ck_assert_int_eq(count(json, "X", "plugin.close"), 1);
    ck_assert_int_eq(count(json, "s", ""), 1);
    ck_assert_int_eq(count(json, "C", "memory of device 0"), 4);
    ck_assert_int_eq(count(json, "M", "process_name"), 1);
    ck_assert_double_eq(lost(json), 0);
    cJSON_Delete(json);
    ck_assert_int_eq(double_objects, 0); /* the layer's own events too */
}
END_TEST

START_TEST(failures_are_in_it) {
    world w;
    begin(&w, ",fault:launch=2");
    work(&w);
    world_close(&w);
    cJSON *json = read_trace();
    const cJSON *event;
    int failed = 0;
    cJSON_ArrayForEach(event, events_of(json)) failed +=
        strcmp(text_of(event, "name"), "work.launch") == 0 &&
        strcmp(text_of(cJSON_GetObjectItemCaseSensitive(event, "args"), "status"), "INTERNAL") == 0;
    ck_assert_int_eq(failed, 1);
    check_slices(json);
    cJSON_Delete(json);
}
END_TEST

START_TEST(the_latest_calls_are_kept) {
    world w;
    begin(&w, ":events=20");
    for (int i = 0; i < 100; i++) work(&w);
    world_close(&w);
    cJSON *json = read_trace();
    ck_assert_int_eq(count(json, "X", "") + count(json, "C", ""), 20);
    ck_assert_double_gt(lost(json), 100);
    ck_assert_int_eq(count(json, "X", "plugin.close"), 1);
    check_flows(json);
    cJSON_Delete(json);
}
END_TEST

START_TEST(an_exit_writes_it) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        world w;
        begin(&w, "");
        work(&w);
        exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    snprintf(path, sizeof path, "/tmp/tenon-test-trace-%ld.json", (long)child);
    cJSON *json = read_trace();
    ck_assert_int_eq(count(json, "X", "work.launch"), 2);
    cJSON_Delete(json);
}
END_TEST

static _Atomic int stop;

static void *ask_on(void *context) {
    const world *w = context;
    while (!stop) w->hooks.device.health(w->device);
    return NULL;
}

/* A child has the locks of threads that it does not have. */
START_TEST(a_fork_beside_calls_exits) {
    world w;
    pthread_t threads[4];
    int status;
    begin(&w, ":events=1000");
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_on, &w), 0);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(2);
            exit(0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status), "child %d hangs", i);
    }
    stop = 1;
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    world_close(&w);
    cJSON_Delete(read_trace());
}
END_TEST

int main(void) {
    Suite *suite = suite_create("trace");
    TCase *t = tcase_create("trace");
    tcase_add_loop_test(t, a_run_can_be_opened_by_a_viewer, 0, 2);
    tcase_add_test(t, failures_are_in_it);
    tcase_add_test(t, the_latest_calls_are_kept);
    tcase_add_test(t, an_exit_writes_it);
    tcase_add_test(t, a_fork_beside_calls_exits);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
