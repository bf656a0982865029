/* What a user sees of a run: failures as they happen, a line for each case, and how far it is. */
#ifndef TENON_HARNESS_PROGRESS_H
#define TENON_HARNESS_PROGRESS_H

#include "harness/run.h"

typedef struct cfh_progress {
    bool on_terminal;
    uint32_t *left; /* rows without a verdict, by case */
    uint32_t *failed;
    const cfh_roster *roster;
    uint64_t shown; /* when the terminal's line was last written */
    uint32_t failures, runs;
} cfh_progress;

/* Owner: cfh_progress_free. */
void cfh_progress_init(cfh_progress *progress, const cfh_roster *roster, uint32_t runs);
void cfh_progress_free(cfh_progress *progress);

/* Before the rows of a run. */
void cfh_progress_begin(cfh_progress *progress, const cfh_run *run, bool shuffled);
/* cfh_run.told, with the progress as context. */
void cfh_progress_told(void *progress, const cfh_run *run, uint32_t row, const cf_outcome *outcome);
/* Takes the terminal's line away. */
void cfh_progress_clear(cfh_progress *progress);

#endif
