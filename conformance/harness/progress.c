#include "harness/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { SHOW_EVERY_NS = 100000000, MOST_SHOWN = 3 /* failures of a case, in a run; the others are counted */ };

void cfh_progress_init(cfh_progress *progress, const cfh_roster *roster, uint32_t runs) {
    *progress = (cfh_progress){.on_terminal = isatty(STDERR_FILENO) == 1,
                               .left = calloc(roster->case_count + 1, sizeof *progress->left),
                               .failed = calloc(roster->case_count + 1, sizeof *progress->failed),
                               .roster = roster,
                               .runs = runs};
}

void cfh_progress_free(cfh_progress *progress) {
    free(progress->left);
    free(progress->failed);
    *progress = (cfh_progress){0};
}

static bool is_failure(cf_verdict verdict) {
    return verdict == CF_VERDICT_FAIL || verdict == CF_VERDICT_CRASH || verdict == CF_VERDICT_HANG;
}

void cfh_progress_begin(cfh_progress *p, const cfh_run *run, bool shuffled) {
    for (uint32_t i = 0; p->left && p->failed && i < p->roster->case_count; i++) p->left[i] = p->failed[i] = 0;
    for (uint32_t i = 0; p->left && p->failed && i < p->roster->row_count; i++) {
        bool failed = is_failure(run->verdicts[i]); /* in a run that was cut off */
        p->left[p->roster->rows[i].case_index] += run->verdicts[i] == CFH_NOT_YET;
        p->failed[p->roster->rows[i].case_index] += failed;
        p->failures += failed;
    }
    uint32_t left = 0; /* without the harness's own */
    for (uint32_t i = 0; i < p->roster->run_count; i++) left += run->verdicts[i] == CFH_NOT_YET;
    printf("run %u of %u%s: %u rows\n", run->number + 1, p->runs, shuffled ? ", shuffled" : "", left);
    (void)fflush(stdout);
}

void cfh_progress_clear(cfh_progress *p) {
    if (p->on_terminal) (void)fputs("\r\033[K", stderr);
}

static void show(cfh_progress *p, const cfh_run *run, const char *name) {
    uint64_t now = cfh_now();
    if (!p->on_terminal || now - p->shown < SHOW_EVERY_NS) return;
    p->shown = now;
    (void)fprintf(stderr, "\r\033[K%u/%u, %u failed  %.60s", run->ended, p->roster->row_count, p->failures, name);
}

static void tell_case(cfh_progress *p, uint32_t index) {
    const cfh_roster_case *of = &p->roster->cases[index];
    cfh_progress_clear(p);
    printf("%-24s %6u rows", of->of->name, of->row_count);
    uint32_t failed = p->failed ? p->failed[index] : 0;
    if (failed) printf(", %u failed", failed);
    if (failed > MOST_SHOWN) printf(", %u of them not shown", failed - MOST_SHOWN);
    putchar('\n');
    (void)fflush(stdout);
}

void cfh_progress_told(void *progress, const cfh_run *run, uint32_t row, const cf_outcome *outcome) {
    cfh_progress *p = progress;
    uint32_t of = p->roster->rows[row].case_index;
    bool failed = is_failure(outcome->verdict);
    p->failures += failed;
    if (failed && (!p->failed || p->failed[of]++ < MOST_SHOWN)) {
        char name[32];
        cfh_progress_clear(p);
        (void)snprintf(name, sizeof name, "%s", cf_verdict_name(outcome->verdict));
        for (char *c = name; *c; c++)
            if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
        cli_line(stdout, "%s %s: %s", name, outcome->name, outcome->text);
        (void)fflush(stdout);
    }
    if (p->left && p->left[of] && --p->left[of] == 0) tell_case(p, of);
    show(p, run, outcome->name);
}
