/* A host of the smallest kind: loads the plugin as the loader would, counts what it takes, keeps what it reports. */
#ifndef CPU_TEST_FIXTURE_H
#define CPU_TEST_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/helpers.h>
#include <tenon/plugin.h>

extern const tenon_plugin *plugin; /* loaded by fixture_load */

typedef struct fixture {
    tenon_host host;
    tenon_instance *instance;
    tenon_device *device;
    tenon_stream *stream;
} fixture;

void fixture_load(void);

/* One instance, device and stream. close checks that everything has been given back. */
void fixture_open(fixture *f);
void fixture_close(fixture *f);

/* Text of this thread's last report, "" when there was none since the last call. */
const char *fixture_report(void);

/* Text of the last report from any thread. */
void fixture_late_report(char out_text[512]);

/* Warnings logged since the last time it was asked, one a line. */
void fixture_warnings(char out_text[2048]);

/* Host allocations not yet released; and: the n-th one from now fails (0: none). */
long fixture_allocations(void);
void fixture_fail_allocation(long nth);

/* What host->cancelled answers. */
void fixture_cancel(int cancelled);

tenon_memory *fixture_memory(fixture *f, uint64_t size);
char *fixture_address(fixture *f, tenon_memory *memory);

#define OK(call) fixture_ok((call), #call, __LINE__)
void fixture_ok(tenon_status status, const char *what, int line);

/* The call answers `expected` and has reported why. */
#define REFUSES(expected, call) fixture_refuses((expected), (call), #call, __LINE__)
void fixture_refuses(tenon_status expected, tenon_status status, const char *what, int line);

/* Runs a suite and gives main's exit code. */
int fixture_main(Suite *suite);

#endif
