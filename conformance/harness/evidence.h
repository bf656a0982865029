/* What is looked into once all rows of a run have been run, and its records. */
#ifndef TENON_HARNESS_EVIDENCE_H
#define TENON_HARNESS_EVIDENCE_H

#include "harness/run.h"

/* A worker ended in `row`, the last of its history, or after it; as `ending` says. The outcome is the row's, which is to be
 * recorded next. */
void cfh_evidence_death(cfh_run *run, const cfh_worker *worker, uint32_t row, const char *ending,
                        const cf_outcome *outcome, const char *output);
/* A worker that went through its history could not close the device, as `text` says. */
void cfh_evidence_bad_close(cfh_run *run, const cfh_worker *worker, const char *text);
/* A worker ended that has told why. */
void cfh_evidence_known_death(cfh_run *run, const cfh_worker *worker);

/* Rows after which their process used more than before, or after which nobody looked at it. */
void cfh_evidence_growth(cfh_run *run, const uint32_t *rows, uint32_t count);

/* Takes over what the records have of the run: verdicts and, of their last run, evidence. */
void cfh_evidence_resume(cfh_run *run, const cf_records *before);

#endif
