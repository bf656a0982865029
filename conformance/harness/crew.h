/* Workers with the device open, and what the harness does with one at a time. */
#ifndef TENON_HARNESS_CREW_H
#define TENON_HARNESS_CREW_H

#include "harness/process.h"
#include "harness/roster.h"

/* What is tested, and how. */
typedef struct cfh_setup {
    const char *program;            /* this program's file, which workers are started from */
    const char *plugin, *id;        /* the plugin's file; or, where that is NULL, its id */
    uint32_t index;                 /* of the device */
    char uuid[40];                  /* that the device has in a process; "": not known yet */
    const char *layers;             /* "" for none */
    const char *const *environment; /* "NAME=value" and NULL at its end, for workers only; may be NULL */
    uint64_t seed;
    double patience; /* limits are multiplied by it */
    uint32_t jobs;   /* most workers at a time */
    uint32_t batch;  /* most rows between two looks at the process */
    uint32_t life;   /* rows after which a worker is replaced */
    bool probe;      /* have the plugin probed when it is opened */
} cfh_setup;

/* What a process uses. */
typedef struct cfh_use {
    double heap, blocks, files, threads, mapped;
} cfh_use;

/* A worker, and the rows that it has begun. */
typedef struct cfh_worker {
    cfh_process process; /* id 0: none */
    uint32_t number;
    uint32_t *history, history_count, history_room;
    cfh_use use; /* at the latest look */
} cfh_worker;

/* Starts a worker and has it open the device. The answer {"open"} or {"refused"}; NULL: it ended, or came to no end, as
 * out_text says. An answer "open" has a text "damage" where opening broke a rule. Unless the answer is "open" there is
 * no worker. Owner: the answer is the caller's. */
cJSON *cfh_worker_open(const cfh_setup *setup, uint32_t number, cfh_worker *out_worker, char *out_text, size_t size);

/* Has it close the device and end. False: it does not go as it should, out_text says how. */
bool cfh_worker_close(const cfh_setup *setup, cfh_worker *worker, char *out_text, size_t size);

/* Ends it at once, or once it has ended by itself; says how. */
cfh_ending cfh_worker_end(cfh_worker *worker, bool kill_now);

void cfh_worker_remember(cfh_worker *worker, uint32_t row);

cfh_use cfh_use_of(const cJSON *message);

/* Nanoseconds that a row may take. */
uint64_t cfh_row_limit(const cfh_setup *setup, const cfh_roster *roster, uint32_t row);

#endif
