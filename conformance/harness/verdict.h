/* The verdict on all runs together. */
#ifndef TENON_HARNESS_VERDICT_H
#define TENON_HARNESS_VERDICT_H

#include "harness/session.h"

typedef struct cfh_verdict_facts {
    const cfh_session *session;
    const cfh_run *runs;
    uint32_t run_count;
    bool changed; /* the plugin's file is not the one with which the run began */
    bool whole;   /* every row of the profiles, and as many runs as conformance needs */
} cfh_verdict_facts;

/* The final record, but for what binds it. Owner: the caller. */
cJSON *cfh_verdict_of(const cfh_verdict_facts *facts);

/* True when every row of a run passed or did not apply, and one of each profile passed. */
bool cfh_run_passed(const cfh_run *run);

const char *cfh_suite_version(void);

#endif
