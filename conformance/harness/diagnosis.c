#include "harness/diagnosis.h"

#include <string.h>

static const struct {
    const char *sign, *diagnosis;
    uint32_t share; /* one row in so many shows it */
} signs[] = {
    {CF_SIGN_UNTOUCHED, "the device computes nothing: its launches succeed and leave results as they were", 3},
    {CF_SIGN_NAN, "the device computes nothing: it gives NaN for every float", 8},
    {CF_SIGN_REFUSED, "the device refuses every operator", 3},
};
enum { SIGNS = sizeof signs / sizeof *signs };

static bool is_of_operators(const cfh_run *run, uint32_t row) {
    const cf_case *of = run->roster->cases[run->roster->rows[row].case_index].of;
    return of->profile == CF_PROFILE_BASE || of->profile == CF_PROFILE_GRAPH;
}

/* A share of the rows that apply, not all: an operator may have nothing to write, or no floats. */
const char *cfh_diagnosis(const cfh_run *run) {
    uint32_t rows = 0, alike[SIGNS] = {0};
    for (uint32_t i = 0; i < run->roster->run_count; i++) {
        bool judged = run->verdicts[i] == CF_VERDICT_PASS || run->verdicts[i] == CF_VERDICT_FAIL;
        if (!judged || !is_of_operators(run, i)) continue;
        rows++;
        for (uint32_t s = 0; s < SIGNS && run->texts[i]; s++)
            alike[s] += strncmp(run->texts[i], signs[s].sign, strlen(signs[s].sign)) == 0;
    }
    for (uint32_t s = 0; s < SIGNS; s++)
        if (alike[s] > 0 && alike[s] >= rows / signs[s].share) return signs[s].diagnosis;
    return "";
}
