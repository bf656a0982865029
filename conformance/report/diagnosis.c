/* What failing rows have in common. */
#include <string.h>

#include "report/report.h"

static const struct {
    const char *sign, *diagnosis;
    uint32_t share; /* one row in so many shows it */
} signs[] = {
    {CF_SIGN_UNTOUCHED, "the device computes nothing: its launches succeed and leave results as they were", 3},
    {CF_SIGN_NAN, "the device computes nothing: it gives NaN for every float", 8},
    {CF_SIGN_REFUSED, "the device refuses every operator", 3},
};
enum { SIGNS = sizeof signs / sizeof *signs };

static bool is_of_operators(const report *r, const cf_record_row *row) {
    return cf_profile_named(r->records.cases[row->case_index].profile) & (CF_PROFILE_BASE | CF_PROFILE_GRAPH);
}

/* A share of the rows that apply, not all: an operator may have nothing to write, or no floats. */
const char *report_diagnosis(const report *r) {
    uint32_t rows = 0, alike[SIGNS] = {0};
    for (uint32_t i = 0; i < r->records.row_count; i++) {
        const cf_record_row *row = &r->records.rows[i];
        bool failed = row->ended && row->verdict == CF_VERDICT_FAIL;
        bool judged = failed || (row->ended && row->verdict == CF_VERDICT_PASS);
        if (!judged || !is_of_operators(r, row)) continue;
        rows++;
        for (uint32_t s = 0; s < SIGNS && failed; s++)
            alike[s] += strncmp(row->text, signs[s].sign, strlen(signs[s].sign)) == 0;
    }
    for (uint32_t s = 0; s < SIGNS; s++)
        if (alike[s] > 0 && alike[s] >= rows / signs[s].share) return signs[s].diagnosis;
    return "";
}
