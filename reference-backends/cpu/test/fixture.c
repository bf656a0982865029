#include "fixture.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

const tenon_plugin *plugin;

static _Atomic long allocations, fail_countdown;
static _Atomic int cancel_answer;
static _Thread_local char last_report[512];
static pthread_mutex_t late_lock = PTHREAD_MUTEX_INITIALIZER;
static char late_report[512];

/* Warnings, one a line. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char warnings[2048];

static void host_log(const tenon_host *host, uint32_t level, const char *text) {
    (void)host;
    if (level > TENON_LOG_WARNING) return;
    (void)pthread_mutex_lock(&log_lock);
    size_t length = strlen(warnings);
    (void)snprintf(warnings + length, sizeof warnings - length, "%s\n", text);
    (void)pthread_mutex_unlock(&log_lock);
}

void fixture_warnings(char out_text[2048]) {
    (void)pthread_mutex_lock(&log_lock);
    memcpy(out_text, warnings, sizeof warnings);
    warnings[0] = '\0';
    (void)pthread_mutex_unlock(&log_lock);
}

static void host_report(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                        tenon_status status, const char *text) {
    (void)host, (void)device, (void)stream, (void)exec;
    ck_assert_uint_ne(status, TENON_STATUS_OK);
    (void)snprintf(last_report, sizeof last_report, "%s", text);
    (void)pthread_mutex_lock(&late_lock);
    (void)snprintf(late_report, sizeof late_report, "%s", text);
    (void)pthread_mutex_unlock(&late_lock);
}

static void *host_allocate(const tenon_host *host, uint64_t size) {
    (void)host;
    if (atomic_load(&fail_countdown) > 0 && atomic_fetch_sub(&fail_countdown, 1) == 1) return NULL;
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
    if (memory) {
        memset(memory, 0xa5, (size + 63) / 64 * 64 + 64);
        atomic_fetch_add(&allocations, 1);
    }
    return memory;
}

static void host_release(const tenon_host *host, void *memory) {
    (void)host;
    if (memory) atomic_fetch_sub(&allocations, 1);
    free(memory);
}

static uint32_t host_cancelled(const tenon_host *host, const tenon_work *work) {
    (void)host, (void)work;
    return (uint32_t)atomic_load(&cancel_answer);
}

void fixture_load(void) {
    void *handle = dlopen(CPU_PLUGIN_PATH, RTLD_NOW | RTLD_LOCAL);
    void *address = handle ? dlsym(handle, "tenon_plugin_query") : NULL;
    if (!address) {
        (void)fprintf(stderr, "%s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    tenon_plugin_query_function query;
    memcpy(&query, &address, sizeof query);
    plugin = query();
}

void fixture_open(fixture *f) {
    *f = (fixture){.host = {sizeof(tenon_host), TENON_ABI_VERSION, NULL, host_log, host_report, host_allocate,
                            host_release, host_cancelled}};
    OK(plugin->open(&f->host, &f->instance));
    OK(plugin->device->open(f->instance, 0, &f->device));
    OK(plugin->stream->create(f->device, &f->stream));
}

void fixture_close(fixture *f) {
    plugin->stream->destroy(f->stream);
    plugin->device->close(f->device);
    plugin->close(f->instance);
}

const char *fixture_report(void) {
    static _Thread_local char taken[512];
    memcpy(taken, last_report, sizeof taken);
    last_report[0] = '\0';
    return taken;
}

void fixture_late_report(char out_text[512]) {
    (void)pthread_mutex_lock(&late_lock);
    memcpy(out_text, late_report, sizeof late_report);
    late_report[0] = '\0';
    (void)pthread_mutex_unlock(&late_lock);
}

long fixture_allocations(void) {
    return atomic_load(&allocations);
}

void fixture_fail_allocation(long nth) {
    atomic_store(&fail_countdown, nth);
}

void fixture_cancel(int cancelled) {
    atomic_store(&cancel_answer, cancelled);
}

tenon_memory *fixture_memory(fixture *f, uint64_t size) {
    tenon_memory *memory;
    OK(plugin->memory->allocate(f->device, 0, size, &memory));
    return memory;
}

char *fixture_address(fixture *f, tenon_memory *memory) {
    uint64_t address;
    OK(plugin->memory->address(f->device, memory, &address));
    return (char *)(uintptr_t)address;
}

void fixture_ok(tenon_status status, const char *what, int line) {
    ck_assert_msg(status == TENON_STATUS_OK, "line %d: %s gives %s: %s", line, what, tenon_status_name(status),
                  last_report);
}

void fixture_refuses(tenon_status expected, tenon_status status, const char *what, int line) {
    ck_assert_msg(status == expected, "line %d: %s gives %s, not %s", line, what, tenon_status_name(status),
                  tenon_status_name(expected));
    ck_assert_msg(fixture_report()[0] != '\0', "line %d: %s refuses without a word", line, what);
}

int fixture_main(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
