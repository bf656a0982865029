/* What is looked into once all rows of a run have been run: deaths that may be the fault of a row before, and rows after
 * which a process used more. It is recorded as it is found, so that a run which is cut off and resumed ends as it would
 * have. */
#include "harness/evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Deaths -- */

static void add_suspect(cfh_run *run, uint32_t row, const uint32_t *history, uint32_t count, const char *ending) {
    cfh_suspect *suspects = realloc(run->suspects, (run->suspect_count + 1) * sizeof *suspects);
    if (!suspects) return;
    run->suspects = suspects;
    cfh_suspect *s = &suspects[run->suspect_count];
    *s = (cfh_suspect){.row = row, .history = calloc((size_t)count + 1, sizeof *s->history), .count = count};
    if (!s->history) return;
    if (count) memcpy(s->history, history, count * sizeof *s->history);
    (void)snprintf(s->ending, sizeof s->ending, "%s", ending);
    run->suspect_count++;
}

static cJSON *begin_line(const cfh_run *run, const cfh_worker *worker) {
    cJSON *line = cJSON_CreateObject();
    cJSON_AddNumberToObject(line, "death", worker->number);
    cJSON_AddNumberToObject(line, "run", run->number);
    return line;
}

void cfh_evidence_death(cfh_run *run, const cfh_worker *worker, uint32_t row, const char *ending,
                        const cf_outcome *outcome, const char *output) {
    cJSON *line = begin_line(run, worker);
    cJSON_AddStringToObject(line, "row", outcome->name);
    cJSON_AddStringToObject(line, "verdict", cf_verdict_name(outcome->verdict));
    cJSON_AddStringToObject(line, "text", outcome->text);
    if (output && output[0]) cJSON_AddStringToObject(line, "output", output);
    cJSON_AddStringToObject(line, "ending", ending);
    (void)cf_record_write(run->writer, line);
    run->deaths++;
    if (worker->history_count > 1) /* its last row is the one that is told of */
        add_suspect(run, row, worker->history, worker->history_count - 1, ending);
}

void cfh_evidence_bad_close(cfh_run *run, const cfh_worker *worker, const char *text) {
    cJSON *line = begin_line(run, worker);
    cJSON_AddStringToObject(line, "ending", text);
    (void)cf_record_write(run->writer, line);
    add_suspect(run, CFH_NO_ROW, worker->history, worker->history_count, text);
}

void cfh_evidence_known_death(cfh_run *run, const cfh_worker *worker) {
    (void)cf_record_write(run->writer, begin_line(run, worker));
}

/* -- Growth -- */

static void add_growth(cfh_run *run, const uint32_t *rows, uint32_t count) {
    cfh_growth *growths = realloc(run->growths, (run->growth_count + 1) * sizeof *growths);
    if (!growths) return;
    run->growths = growths;
    cfh_growth *g = &growths[run->growth_count];
    *g = (cfh_growth){.rows = calloc((size_t)count + 1, sizeof *g->rows)};
    if (!g->rows) return;
    for (uint32_t i = 0; i < count; i++)
        if (!run->leaves[rows[i]]) g->rows[g->count++] = rows[i];
    if (g->count)
        run->growth_count++;
    else
        free(g->rows);
}

void cfh_evidence_growth(cfh_run *run, const uint32_t *rows, uint32_t count) {
    cJSON *line = cJSON_CreateObject(), *names = cJSON_AddArrayToObject(line, "growth");
    cJSON_AddNumberToObject(line, "run", run->number);
    for (uint32_t i = 0; i < count; i++) {
        cJSON_AddItemToArray(names, cJSON_CreateString(run->roster->rows[rows[i]].name));
        run->unwatched[rows[i]] = false;
    }
    (void)cf_record_write(run->writer, line);
    add_growth(run, rows, count);
}

/* -- From records -- */

typedef struct begun {
    uint32_t row, line;
} begun;

static int by_line(const void *a, const void *b) {
    const begun *x = a, *y = b;
    return (x->line > y->line) - (x->line < y->line);
}

/* The rows that a worker began, in that order, but for the one in which it ended. */
static uint32_t history_of(const cf_records *before, const cf_record_row *rows, const cf_record_death *death,
                           uint32_t *out_history) {
    uint32_t count = 0;
    begun *all = calloc((size_t)before->row_count + 1, sizeof *all);
    for (uint32_t i = 0; all && i < before->row_count; i++)
        if (rows[i].began && rows[i].worker == death->worker && i != death->row)
            all[count++] = (begun){i, rows[i].line};
    if (count) qsort(all, count, sizeof *all, by_line);
    for (uint32_t i = 0; i < count; i++) out_history[i] = all[i].row;
    free(all);
    return count;
}

/* The harness may have been cut off between this line and the one that says what it means for a row. */
static void conclude_death(cfh_run *run, const cf_record_row *rows, const cf_record_death *death) {
    uint32_t closing = cfh_roster_watch(run->roster, CFH_WATCH_CLOSE);
    if (death->row == UINT32_MAX && run->verdicts[closing] == CFH_NOT_YET)
        cfh_run_conclude(run, closing, CF_VERDICT_FAIL, death->ending, NULL);
    if (death->row != UINT32_MAX && rows[death->row].end_line < death->line)
        cfh_run_conclude(run, death->row, death->verdict, death->text, death->output);
}

static void take_death(cfh_run *run, const cf_records *before, const cf_record_row *rows,
                       const cf_record_death *death) {
    bool closing = death->row == UINT32_MAX;
    if (!death->ending[0]) return; /* known, and told */
    uint32_t *history = calloc((size_t)before->row_count + 1, sizeof *history);
    uint32_t count = history ? history_of(before, rows, death, history) : 0;
    run->deaths += !closing;
    if (count || closing) add_suspect(run, closing ? CFH_NO_ROW : death->row, history, count, death->ending);
    free(history);
    conclude_death(run, rows, death);
}

static void take_row(cfh_run *run, const cf_records *before, uint32_t index, const cf_record_row *row) {
    const cf_record_evidence *e = &before->evidence;
    if (row->began && row->worker != UINT32_MAX && row->worker >= run->workers) run->workers = row->worker + 1;
    if (!row->ended) return;
    bool settled = row->looked_at || (row->worker < e->worker_count && e->settled[row->worker] > row->line);
    run->unwatched[index] = row->began && !settled;
    run->leaves[index] = row->leaves;
    run->verdicts[index] = row->verdict;
    run->texts[index] = row->verdict == CF_VERDICT_PASS ? NULL : strdup(row->text);
    run->ended++;
}

void cfh_evidence_resume(cfh_run *run, const cf_records *before) {
    const cf_record_row *rows = &before->rows[(size_t)run->number * before->row_count];
    const cf_record_evidence *e = &before->evidence;
    bool last = run->number + 1 == before->run_count;
    for (uint32_t i = 0; i < before->row_count; i++) take_row(run, before, i, &rows[i]);
    if (!last) return;
    for (uint32_t i = 0; i < e->death_count; i++) take_death(run, before, rows, &e->deaths[i]);
    for (uint32_t i = 0; i < e->growth_count; i++) add_growth(run, e->growths[i].rows, e->growths[i].count);
    run->wedged = before->wedged;
}
