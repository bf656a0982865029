/* One run: every row of a roster once, in some order, in worker processes. Whatever a row does costs that row. */
#ifndef TENON_HARNESS_RUN_H
#define TENON_HARNESS_RUN_H

#include <signal.h>

#include "harness/crew.h"
#include "harness/record.h"

#define CFH_NO_ROW  UINT32_MAX
#define CFH_NOT_YET CF_VERDICT_COUNT /* as verdict of a row: not yet run */

/* A death that may be the fault of a row before: what the process had gone through when it ended. */
typedef struct cfh_suspect {
    uint32_t row; /* the row that ran, or the last one; CFH_NO_ROW: it was closing */
    uint32_t *history, count;
    char ending[160];
} cfh_suspect;

/* Rows after which a process used more than before. */
typedef struct cfh_growth {
    uint32_t *rows, count;
} cfh_growth;

typedef struct cfh_run {
    const cfh_setup *setup;
    const cfh_roster *roster;
    cf_record_writer *writer;
    uint32_t number;
    bool stops_at_failure;
    /* Hears of each row, also when a verdict is replaced. May be NULL. */
    void (*told)(void *context, const struct cfh_run *run, uint32_t row, const cf_outcome *outcome);
    void *context;

    /* What became of it. */
    cf_verdict *verdicts; /* by row of the roster */
    char **texts;         /* of rows that did not pass */
    bool *leaves;         /* what the row leaves behind is no leak */
    bool *unwatched;      /* nobody looked at its process after it: it ended in a run that was cut off */
    uint32_t ended;       /* rows with a verdict */
    uint32_t workers;     /* started so far */
    uint32_t deaths;      /* of workers, in rows */
    uint32_t idle_deaths; /* of workers that had begun no row, since one was begun */
    bool wedged;          /* the device does not work any more, in no process */
    bool stopped;         /* at a failure */
    char wedged_text[1024];
    cfh_suspect *suspects;
    cfh_growth *growths;
    uint32_t suspect_count, growth_count;
} cfh_run;

/* Set by a signal that asks for the end: runs stop at once. */
extern volatile sig_atomic_t cfh_interrupted;

/* Memory for what becomes of it. False: there is none. Owner: cfh_run_free. */
bool cfh_run_init(cfh_run *run, const cfh_setup *setup, const cfh_roster *roster, cf_record_writer *writer,
                  uint32_t number);
void cfh_run_free(cfh_run *run);

/* Runs the rows that have no verdict yet. A wedged device leaves the rest with CF_VERDICT_NO_VERDICT. */
void cfh_run_rows(cfh_run *run, const cfh_order *order);

/* Finds out which rows are to blame for deaths and growth, and replaces their verdicts; gives the harness's own rows
 * theirs. After cfh_run_rows. */
void cfh_run_blame(cfh_run *run);

/* Records a row's verdict, its first or a better founded one. text: NULL for none. */
void cfh_run_conclude(cfh_run *run, uint32_t row, cf_verdict verdict, const char *text, const char *output);

/* True when every row passed or does not apply. */
bool cfh_run_passed(const cfh_run *run);

#endif
