/* What failing rows have in common, in words. */
#ifndef TENON_HARNESS_DIAGNOSIS_H
#define TENON_HARNESS_DIAGNOSIS_H

#include "harness/run.h"

/* Of a run in which most rows of operators failed alike: "the device computes nothing, ..."; "" for other runs. Owner:
 * static. */
const char *cfh_diagnosis(const cfh_run *run);

#endif
