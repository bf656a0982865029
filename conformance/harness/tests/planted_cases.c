/* A suite of its own, for what the harness does with rows: each tells the device which row it is. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cases/case.h"
#include "cases/cases.h"
#include "planted.h"

enum { ROWS = 40, LONE_ROWS = 3, MANY_ROWS = 150, SLOW_MS = 20, LONG_SECONDS = 20 /* a tenth of it is enough */ };

static void tell(uint64_t index) {
    const planted_row sent = {PLANTED_MAGIC, index};
    planted_row received = {0};
    tenonh_memory *memory = NULL;
    tenon_status status = TENON_STATUS_OK;
    if (!cf_under_test.stream) status = tenonh_stream_create(cf_under_test.device, &cf_under_test.stream);
    if (status == TENON_STATUS_OK) status = tenonh_memory_create(cf_under_test.device, 0, sizeof sent, &memory);
    if (status == TENON_STATUS_OK) status = tenonh_stream_write(cf_under_test.stream, memory, 0, &sent, sizeof sent);
    if (status == TENON_STATUS_OK)
        status = tenonh_stream_read(cf_under_test.stream, &received, memory, 0, sizeof received);
    if (status != TENON_STATUS_OK)
        cf_fail("%s", tenonh_error_message());
    else if (memcmp(&sent, &received, sizeof sent) != 0)
        cf_fail("what was written comes back changed");
    tenonh_memory_release(memory);
    cf_note_error((double)(cf_random() % 1000) / 1000);
}

static void told_rows(void) {
    for (uint64_t i = 0; i < ROWS; i++)
        if (cf_begin("r%02u", (unsigned)i)) tell(i);
}

/* Rows that take a while: time for somebody to end the harness. */
static void slow_rows(void) {
    const struct timespec while_ = {0, SLOW_MS * 1000000};
    for (uint64_t i = 0; i < ROWS; i++) {
        if (!cf_begin("r%02u", (unsigned)i)) continue;
        (void)nanosleep(&while_, NULL);
        tell(100 + i);
    }
}

static void lone_rows(void) {
    for (uint64_t i = 0; i < LONE_ROWS; i++)
        if (cf_begin("r%02u", (unsigned)i)) tell(200 + i);
}

/* More than a batch has. */
static void many_rows(void) {
    for (uint64_t i = 0; i < MANY_ROWS; i++)
        if (cf_begin("r%03u", (unsigned)i)) tell(400 + i);
}

static void lacking_rows(void) {
    if (cf_begin("lacks")) cf_not_applicable("the device declares that it lacks it");
}

/* Ends, or hangs, before it begins a row, in every process but the first, which lists the rows. */
static void act_early(void) {
    const char *marker = getenv("TENON_PLANTED_MARKER"),
               *deed = getenv("TENON_PLANTED"); /* NOLINT(concurrency-mt-unsafe) */
    bool ends = deed && strstr(deed, "end_early"), hangs = deed && strstr(deed, "hang_early");
    if (!marker || (!ends && !hangs)) return;
    int file = open(marker, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0) (void)close(file);
    if (file >= 0) return;
    if (ends) _exit(3);
    for (;;) (void)pause();
}

static void early_rows(void) {
    act_early();
    for (uint64_t i = 0; i < LONE_ROWS; i++)
        if (cf_begin("r%02u", (unsigned)i)) tell(300 + i);
}

const cf_case cf_cases[] = {
    {"told", CF_PROFILE_RUNTIME, LONG_SECONDS, "REQ-STREAM-02", told_rows, 0},
    {"slow", CF_PROFILE_RUNTIME, LONG_SECONDS, "REQ-STREAM-02", slow_rows, 0},
    {"lone", CF_PROFILE_RUNTIME, LONG_SECONDS, "REQ-STREAM-05", lone_rows, CF_FLAG_ALONE},
    {"many", CF_PROFILE_RUNTIME, LONG_SECONDS, "REQ-STREAM-02", many_rows, 0},
    {"early", CF_PROFILE_ABI, 2, "REQ-DEV-06", early_rows, 0},
    {"lacking", CF_PROFILE_GRAPH, 2, "REQ-STREAM-05", lacking_rows, 0},
};
const uint32_t cf_case_count = sizeof cf_cases / sizeof *cf_cases;
