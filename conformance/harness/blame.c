/* Whose fault it was: rows run again, in processes of their own, after all have been run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/run.h"

static void conclude_watch(cfh_run *run, uint32_t watch) {
    uint32_t row = cfh_roster_watch(run->roster, watch);
    if (run->verdicts[row] != CFH_NOT_YET) return;
    if (run->wedged)
        cfh_run_conclude(run, row, CF_VERDICT_NO_VERDICT, "the device does not work any more", NULL);
    else
        cfh_run_conclude(run, row, CF_VERDICT_PASS, NULL, NULL);
}

void cfh_run_blame(cfh_run *run) {
    for (uint32_t i = 0; i < CFH_WATCH_COUNT; i++) conclude_watch(run, i);
}
