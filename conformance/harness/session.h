/* A plugin and the rows to run on it, found out by a first worker; and the shortest use of both. */
#ifndef TENON_HARNESS_SESSION_H
#define TENON_HARNESS_SESSION_H

#include "harness/run.h"

typedef struct cfh_session {
    cfh_setup setup; /* from here on with the plugin's file, and no probe */
    uint32_t profile;
    cfh_roster roster;
    cJSON *facts; /* "plugin" and "device" as in a record's header; NULL when refused */
    char path[4096];
    int exit_code;      /* of the command, when refused */
    char reason[64];    /* TENONH_REASON_* without the prefix, or a status */
    char text[2048];    /* why it was refused */
    char warning[1024]; /* of a filter that matches no row, beside others that do; "" for none */
} cfh_session;

/* Starts a worker that opens the device and lists rows. profile 0: what the device takes. False: refused, or nothing to
 * run; see exit_code, reason and text. Owner: cfh_session_free, also after a failure. */
bool cfh_session_open(const cfh_setup *setup, uint32_t profile, const char *const *filters, uint32_t filter_count,
                      cfh_session *out_session);
void cfh_session_free(cfh_session *session);

/* What a trial found: the first row that did not pass, or none. */
typedef struct cfh_trial {
    uint32_t rows;      /* rows that were run */
    bool refused;       /* not even opened: text says why */
    cf_verdict verdict; /* PASS: all rows passed or did not apply */
    char row[256], text[1024];
} cfh_trial;

/* Runs rows on a plugin until the first one that does not pass. Nothing is recorded. */
void cfh_trial_run(const cfh_setup *setup, uint32_t profile, const char *const *filters, uint32_t filter_count,
                   cfh_trial *out_trial);

#endif
