/* A worker as a process: commands that it does not read, time in which it had no processor or nobody to listen to it. */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/process.h"

#define MILLISECOND 1000000u

/* -- Workers -- */

static void *spin(void *context) {
    volatile uint64_t *turns = context;
    while (turns) ++*turns;
    return context;
}

/* Two threads that want one processor, and a main thread that waits for them. */
static void crowd(void) {
    static uint64_t turns[2];
    pthread_t threads[2];
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    (void)sched_setaffinity(0, sizeof one, &one);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, spin, &turns[i]) != 0) _exit(1);
    (void)pthread_join(threads[0], NULL);
}

static void sleep_for_ever(void) {
    for (;;) (void)pause();
}

/* Reads one command, a long while after it was sent, and answers it. */
static void read_late(void) {
    cfh_inbox inbox = {0};
    cJSON *command = NULL;
    (void)usleep(300000);
    while (!inbox.ended && !(command = cfh_inbox_take(&inbox))) cfh_inbox_fill(&inbox, CFH_COMMANDS);
    (void)cfh_message_send(CFH_REPORTS, command);
    cfh_inbox_free(&inbox);
}

static const struct {
    const char *name;
    void (*work)(void);
} workers[] = {{"crowd", crowd}, {"deaf", sleep_for_ever}, {"read_late", read_late}};

static int be_worker(void) {
    const char *name = getenv("WORKER");
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
        if (name && strcmp(name, workers[i].name) == 0) workers[i].work();
    return 0;
}

static cfh_process started(const char *worker) {
    cfh_process process;
    char program[4096] = "";
    ck_assert_int_gt(readlink("/proc/self/exe", program, sizeof program - 1), 0);
    ck_assert(cfh_process_start(program, (const char *const[]){worker, NULL}, &process));
    return process;
}

/* -- Tests -- */

enum { LONG = 1 << 20 /* bytes: more than a pipe holds */ };

static cJSON *long_command(void) {
    char *text = malloc(LONG + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', LONG);
    text[LONG] = '\0';
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", text);
    free(text);
    return command;
}

START_TEST(a_worker_that_does_not_read_is_late) {
    bool late = false;
    cfh_process process = started("WORKER=deaf");
    ck_assert_ptr_null(cfh_process_ask(&process, long_command(), 300u * MILLISECOND, &late));
    ck_assert(late);
    ck_assert(!cfh_process_send(&process, long_command()));
    ck_assert(cfh_process_end(&process, true).by_harness);
}
END_TEST

START_TEST(long_commands_arrive_whole) {
    bool late = false;
    cfh_process process = started("WORKER=read_late");
    cJSON *answer = cfh_process_ask(&process, long_command(), 60000ull * MILLISECOND, &late);
    ck_assert_uint_eq(strlen(cfh_text_of(answer, "do")), LONG);
    cJSON_Delete(answer);
    ck_assert_int_eq(cfh_process_end(&process, false).status, 0);
}
END_TEST

static void attend(cfh_process *process, unsigned milliseconds) {
    for (uint64_t start = cfh_now(); cfh_now() - start < (uint64_t)milliseconds * MILLISECOND;) {
        cfh_process_listen(process);
        (void)usleep(20000);
    }
}

/* Half of each thread's time is waiting: together as long as the time that passes. */
START_TEST(time_without_a_processor_is_not_its_own) {
    cfh_process process = started("WORKER=crowd");
    attend(&process, 300); /* until its threads run */
    cfh_process_begin_time(&process);
    attend(&process, 500);
    bool late = cfh_process_is_late(&process, 400u * MILLISECOND);
    bool late_at_last = false;
    for (int i = 0; i < 200 && !late_at_last; i++) { /* however the test itself is stalled */
        attend(&process, 100);
        late_at_last = cfh_process_is_late(&process, 200u * MILLISECOND);
    }
    (void)cfh_process_end(&process, true);
    if (access("/proc/self/schedstat", R_OK) == 0) ck_assert(!late);
    ck_assert(late_at_last);
}
END_TEST

START_TEST(time_without_a_listener_is_not_its_own) {
    cfh_process process = started("WORKER=deaf");
    bool late_at_last = false;
    attend(&process, 300); /* until it runs */
    cfh_process_begin_time(&process);
    (void)usleep(1500000);
    cfh_process_listen(&process);
    ck_assert(!cfh_process_is_late(&process, 1000u * MILLISECOND));
    for (int i = 0; i < 200 && !late_at_last; i++) {
        attend(&process, 100);
        late_at_last = cfh_process_is_late(&process, 1000u * MILLISECOND);
    }
    ck_assert(late_at_last);
    (void)cfh_process_end(&process, true);
}
END_TEST

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "worker") == 0) return be_worker();
    Suite *suite = suite_create("process");
    TCase *tests = tcase_create("process");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_worker_that_does_not_read_is_late);
    tcase_add_test(tests, long_commands_arrive_whole);
    tcase_add_test(tests, time_without_a_processor_is_not_its_own);
    tcase_add_test(tests, time_without_a_listener_is_not_its_own);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
