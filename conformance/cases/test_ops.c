/* Every row of one profile on one device, in this process: what a debugger wants. Usage:
 * test_ops DEVICE [PROFILE [N [CASE]]] runs one row in about N, the same ones every time, of the cases whose names have
 * CASE in them. The harness runs the same rows in
 * processes of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"

typedef struct tally {
    uint32_t listed, rows, failures;
} tally;

static uint32_t one_in = 1;

static bool begin(void *context, const char *name, const char *requirements) {
    tally *count = context;
    uint32_t hash = 0x811c9dc5u;
    (void)requirements;
    for (const char *c = name; *c; c++) hash = (hash ^ (unsigned char)*c) * 0x01000193u;
    count->listed++;
    if ((hash ^ hash >> 16) % one_in) return false;
    count->rows++;
    return true;
}

static void end(void *context, const cf_outcome *outcome) {
    if (outcome->verdict != CF_VERDICT_FAIL) return;
    ((tally *)context)->failures++;
    fprintf(stderr, "FAIL %s %s: %s\n", cf_under_test.name, outcome->name, outcome->text);
}

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

static uint32_t profile_of(const char *name) {
#define PROFILE(bit, NAME, text)                                                                                       \
    if (strcmp(name, text) == 0) return bit;
    CF_PROFILE_TABLE(PROFILE)
#undef PROFILE
    fprintf(stderr, "no profile is called %s\n", name);
    exit(2);
}

int main(int argc, char **argv) {
    uint32_t profile = profile_of(argc > 2 ? argv[2] : "base"), failures = 0, rows = 0;
    if (argc > 3) one_in = (uint32_t)strtoul(argv[3], NULL, 10);
    if (one_in == 0) one_in = 1;
    open_device(argc > 1 ? argv[1] : "cpu");
    for (uint32_t i = 0; i < cf_case_count; i++) {
        if (cf_cases[i].profile != profile) continue;
        if (argc > 4 && !strstr(cf_cases[i].name, argv[4])) continue;
        tally count = {0};
        cf_run_case(&cf_cases[i], &(cf_sink){&count, begin, end});
        printf("%s: %u of %u rows, %u failed on %s\n", cf_cases[i].name, count.rows, count.listed, count.failures,
               cf_under_test.name);
        if (count.listed == 0) fprintf(stderr, "FAIL %s: it has no row\n", cf_cases[i].name), failures++;
        rows += count.rows;
        failures += count.failures;
    }
    close_device();
    return rows == 0 || failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
