/* Whose fault it was: rows run again, in processes of their own, after all have been run.
 *
 * A process that ends in a row may have been broken by a row before it. Where the row goes through alone, its process's
 * history is run again from ever later rows on, until the last one is found from which the process still ends: that row is
 * to blame. Likewise for rows after which a process uses more than before: they are run again several times, and what
 * grows each time is a leak, of the half of them in which it still grows, and so on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/run.h"

enum { MOST_SUSPECTS = 32, MOST_LEAKS = 8, REPEATS = 4, CONFIRMATIONS = 3, BETWEEN_SECONDS = 120 };

/* -- Replays -- */

/* What became of rows that were run again. */
typedef struct replay {
    bool opened;      /* else nothing is known */
    bool died;        /* in a row, or when it closed the device */
    char ending[256]; /* how */
    cf_verdict last;  /* of the last row; CFH_NOT_YET when it did not come to its end */
    cfh_use use[REPEATS + 1];
} replay;

static void take_end(replay *r, cfh_worker *worker, bool kill_now) {
    char end[128];
    cfh_ending ending = cfh_worker_end(worker, kill_now);
    cfh_ending_describe(&ending, end, sizeof end);
    r->died = true;
    (void)snprintf(r->ending, sizeof r->ending, "%s", kill_now ? "it comes to no end" : end);
}

/* Follows the worker until it is done. False: it ended, or was late. */
static bool follow(const cfh_run *run, cfh_worker *worker, const uint32_t *rows, uint32_t count, replay *r,
                   cfh_use *out_use) {
    uint32_t running = CFH_NO_ROW, at = 0;
    r->last = CFH_NOT_YET;
    cfh_process_begin_time(&worker->process);
    (void)cfh_process_send(&worker->process, cfh_roster_command(run->roster, rows, count));
    for (;;) {
        cfh_process_listen(&worker->process);
        bool over = cfh_process_is_over(&worker->process), done = false;
        for (cJSON *m; !done && (m = cfh_process_hear(&worker->process)); cJSON_Delete(m)) {
            if (cfh_is(m, "begin")) {
                while (at < count && strcmp(run->roster->rows[rows[at]].name, cfh_text_of(m, "begin")) != 0) at++;
                running = at < count ? rows[at] : CFH_NO_ROW;
            } else if (cfh_is(m, "end")) {
                if (at + 1 == count) r->last = (cf_verdict)cfh_number_of(m, "verdict", CF_VERDICT_FAIL);
                running = CFH_NO_ROW;
            } else if (cfh_is(m, "done")) {
                *out_use = cfh_use_of(m);
                done = true;
            }
            cfh_process_begin_time(&worker->process);
        }
        if (done) return true;
        uint64_t limit = running != CFH_NO_ROW ? cfh_row_limit(run->setup, run->roster, running)
                                               : (uint64_t)(BETWEEN_SECONDS * 1e9 * run->setup->patience);
        bool late = cfh_process_is_late(&worker->process, limit);
        if (over || late) {
            take_end(r, worker, late || worker->process.inbox.garbled);
            return false;
        }
        cfh_process_await((cfh_process *const[]){&worker->process}, 1);
    }
}

static bool grows(const cfh_use *before, const cfh_use *now) {
    return now->heap > before->heap || now->files > before->files || now->threads > before->threads ||
           now->mapped > before->mapped;
}

/* Runs rows in a process of their own, `times` times over or until nothing grows any more, and closes it. */
static replay run_again(cfh_run *run, const uint32_t *rows, uint32_t count, uint32_t times) {
    replay r = {.last = CFH_NOT_YET};
    cfh_worker worker;
    char text[1024] = "";
    if (cfh_interrupted) return r;
    cJSON *answer = cfh_worker_open(run->setup, run->workers++, &worker, text, sizeof text);
    r.opened = cfh_is(answer, "open");
    cJSON_Delete(answer);
    if (!r.opened) return r;
    for (uint32_t i = 0; i < times && (i < 2 || grows(&r.use[i - 2], &r.use[i - 1])); i++)
        if (!follow(run, &worker, rows, count, &r, &r.use[i])) return r;
    if (!cfh_worker_close(run->setup, &worker, text, sizeof text)) {
        r.died = true;
        (void)snprintf(r.ending, sizeof r.ending, "%.200s", text);
    }
    return r;
}

/* -- Deaths -- */

static bool is_good(cf_verdict verdict) {
    return verdict == CF_VERDICT_PASS || verdict == CF_VERDICT_NOT_APPLICABLE;
}

/* These rows, and then the row in which the process ended, if it was one. */
static replay run_before(cfh_run *run, const cfh_suspect *s, const uint32_t *before, uint32_t count) {
    uint32_t *rows = calloc(count + 2, sizeof *rows);
    replay r = {.last = CFH_NOT_YET};
    if (!rows) return r;
    if (count) memcpy(rows, before, count * sizeof *rows);
    if (s->row != CFH_NO_ROW) rows[count++] = s->row;
    r = run_again(run, rows, count, 1);
    free(rows);
    return r;
}

/* The rows of a history from `first` on, and the one in which the process ended. */
static replay run_from(cfh_run *run, const cfh_suspect *s, uint32_t first) {
    return run_before(run, s, s->history + first, s->count - first);
}

/* The last row of the history from which on the process still ends: it is known to from 0 on, and not from the end on. */
static uint32_t find_culprit(cfh_run *run, const cfh_suspect *s) {
    uint32_t low = 0, high = s->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        replay r = run_from(run, s, middle);
        if (!r.opened) return CFH_NO_ROW;
        if (r.died)
            low = middle;
        else
            high = middle;
    }
    return s->history[low];
}

typedef enum finding { FOUND_NOTHING, FOUND_CHANCE, FOUND_GUILTY } finding;

/* A death by chance would have led to any row: the process must end each time after the culprit, and never without it. */
static finding confirm(cfh_run *run, const cfh_suspect *s, uint32_t culprit) {
    for (uint32_t i = 0; i < 2 * CONFIRMATIONS; i++) {
        bool with = i < CONFIRMATIONS;
        replay r = run_before(run, s, &culprit, with);
        if (!r.opened) return FOUND_NOTHING;
        if (r.died != with) return FOUND_CHANCE;
    }
    return FOUND_GUILTY;
}

static void append_text(cfh_run *run, uint32_t row, const char *more) {
    char text[2048];
    (void)snprintf(text, sizeof text, "%s%s", run->texts[row] ? run->texts[row] : "", more);
    cfh_run_conclude(run, row, run->verdicts[row], text, NULL);
}

/* What the row itself was found to do wrong stays, and comes first. */
static void accuse(cfh_run *run, const cfh_suspect *s, uint32_t culprit) {
    char text[768], more[800];
    if (s->row == CFH_NO_ROW)
        (void)snprintf(text, sizeof text, "after this row, closing the device fails: %s", s->ending);
    else
        (void)snprintf(text, sizeof text,
                       "breaks its process: after it, the row %s ends with %s, and goes through alone",
                       run->roster->rows[s->row].name, s->ending);
    (void)snprintf(more, sizeof more, "; %s", text);
    if (is_good(run->verdicts[culprit]))
        cfh_run_conclude(run, culprit, CF_VERDICT_CRASH, text, NULL);
    else
        append_text(run, culprit, more);
}

static void tell_told(cfh_run *run, const cfh_suspect *s, uint32_t told, uint32_t culprit, const replay *alone) {
    char text[512];
    const char *name = run->roster->rows[culprit].name;
    if (s->row != CFH_NO_ROW && is_good(alone->last)) {
        (void)snprintf(text, sizeof text, "alone; after the row %s it ended with %s", name, s->ending);
        cfh_run_conclude(run, told, alone->last, alone->last == CF_VERDICT_PASS ? NULL : text, NULL);
        return;
    }
    (void)snprintf(text, sizeof text, "; it is so after the row %s", name);
    append_text(run, told, text);
}

static void look_into(cfh_run *run, const cfh_suspect *s) {
    uint32_t told = s->row != CFH_NO_ROW ? s->row : cfh_roster_watch(run->roster, CFH_WATCH_CLOSE);
    replay alone = run_from(run, s, s->count);
    if (!alone.opened || alone.died) return; /* the row's own fault, as it is recorded */
    replay all = run_from(run, s, 0);
    if (!all.opened) return;
    if (!all.died) {
        append_text(run, told, "; it did not come back, alone or after the rows before it");
        return;
    }
    uint32_t culprit = find_culprit(run, s);
    if (culprit == CFH_NO_ROW) return;
    switch (confirm(run, s, culprit)) {
    case FOUND_NOTHING: return;
    case FOUND_CHANCE: append_text(run, told, "; run again, it is so at some times, and not each time"); return;
    case FOUND_GUILTY: break;
    }
    accuse(run, s, culprit);
    tell_told(run, s, told, culprit, &alone);
}

/* -- Leaks -- */

/* Kinds of what a process uses: watched row, unit, and whether it must grow by as much each time: address space also does
 * as the C library finds its heap too small. */
static const struct kind {
    uint32_t watch;
    size_t offset;
    bool evenly;
    const char *unit;
} kinds[] = {
    {CFH_WATCH_FILES, offsetof(cfh_use, files), false, "open files"},
    {CFH_WATCH_THREADS, offsetof(cfh_use, threads), false, "threads"},
    {CFH_WATCH_MEMORY, offsetof(cfh_use, heap), false, "bytes of heap"},
    {CFH_WATCH_MEMORY, offsetof(cfh_use, mapped), true, "bytes of address space"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static double used(const cfh_use *use, const struct kind *kind) {
    return *(const double *)((const char *)use + kind->offset);
}

/* What they leave behind each time at least, after the first; 0: it does not grow each time. The process's own heap may
 * still find its size in the second: what must grow evenly does from then on. */
static double growth_of(const replay *r, const struct kind *kind) {
    double least = 0;
    for (uint32_t i = 1; i <= REPEATS; i++) {
        double more = used(&r->use[i], kind) - used(&r->use[i - 1], kind);
        if (more <= 0 || (kind->evenly && i > 2 && more != least)) return 0;
        if (i == 1 || more < least || (kind->evenly && i == 2)) least = more;
    }
    return least;
}

static replay repeat(cfh_run *run, const uint32_t *rows, uint32_t count) {
    return run_again(run, rows, count, REPEATS + 1);
}

/* The row of these that leaks; CFH_NO_ROW where none does alone. */
static uint32_t find_leak(cfh_run *run, const uint32_t *rows, uint32_t count, const struct kind *kind, double *growth) {
    while (count > 1) {
        uint32_t half = count / 2;
        replay r = repeat(run, rows, half);
        bool in_first = r.opened && !r.died && growth_of(&r, kind) > 0;
        rows += in_first ? 0 : half;
        count = in_first ? half : count - half;
    }
    replay r = repeat(run, rows, count);
    *growth = r.opened && !r.died ? growth_of(&r, kind) : 0;
    return *growth > 0 ? rows[0] : CFH_NO_ROW;
}

static void tell_leak(cfh_run *run, const struct kind *kind, uint32_t row, double growth) {
    char text[512];
    uint32_t watch = cfh_roster_watch(run->roster, kind->watch);
    (void)snprintf(text, sizeof text, "leaves %.0f %s more behind each time it is run", growth, kind->unit);
    if (row != CFH_NO_ROW && run->verdicts[row] == CF_VERDICT_PASS)
        cfh_run_conclude(run, row, CF_VERDICT_FAIL, text, NULL);
    if (row != CFH_NO_ROW)
        (void)snprintf(text, sizeof text, "the row %s leaves %.0f %s more behind each time it is run",
                       run->roster->rows[row].name, growth, kind->unit);
    else
        (void)snprintf(text, sizeof text, "rows leave %.0f %s more behind each time they are run, none of them alone",
                       growth, kind->unit);
    if (run->verdicts[watch] == CFH_NOT_YET) cfh_run_conclude(run, watch, CF_VERDICT_FAIL, text, NULL);
}

/* True when something of these rows leaks: the first kind that does, for a thread has its memory, too. */
static bool look_for_leaks(cfh_run *run, const cfh_growth *g) {
    replay r = repeat(run, g->rows, g->count);
    if (!r.opened || r.died) return false;
    for (size_t i = 0; i < KINDS; i++) {
        double growth = growth_of(&r, &kinds[i]);
        if (growth == 0) continue;
        double of_row = growth;
        uint32_t row = find_leak(run, g->rows, g->count, &kinds[i], &of_row);
        if (cfh_interrupted) return false; /* rows were not run again: it is not known which it is */
        tell_leak(run, &kinds[i], row, row == CFH_NO_ROW ? growth : of_row);
        return true;
    }
    return false;
}

/* -- All of it -- */

static void conclude_watch(cfh_run *run, uint32_t watch) {
    uint32_t row = cfh_roster_watch(run->roster, watch);
    if (run->verdicts[row] != CFH_NOT_YET) return;
    if (run->wedged)
        cfh_run_conclude(run, row, CF_VERDICT_NO_VERDICT, "the device does not work any more", NULL);
    else
        cfh_run_conclude(run, row, CF_VERDICT_PASS, NULL, NULL);
}

/* In the order of the rows, so that chance in who ran what and ended first does not decide which of many is looked for,
 * or which of two is told of first. */
static int by_row(const void *a, const void *b) {
    const cfh_suspect *x = a, *y = b;
    return x->row != y->row ? (x->row > y->row) - (x->row < y->row) : (x->count > y->count) - (x->count < y->count);
}

static int by_first_row(const void *a, const void *b) {
    const cfh_growth *x = a, *y = b;
    return (x->rows[0] > y->rows[0]) - (x->rows[0] < y->rows[0]);
}

void cfh_run_blame(cfh_run *run) {
    uint32_t leaks = 0;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddNumberToObject(line, "blame", run->number);
    (void)cf_record_write(run->writer, line);
    if (run->suspect_count) qsort(run->suspects, run->suspect_count, sizeof *run->suspects, by_row);
    for (uint32_t i = 0; i < run->suspect_count && i < MOST_SUSPECTS && !run->wedged && !cfh_interrupted; i++)
        look_into(run, &run->suspects[i]);
    if (run->growth_count) qsort(run->growths, run->growth_count, sizeof *run->growths, by_first_row);
    for (uint32_t i = 0; i < run->growth_count && leaks < MOST_LEAKS && !run->wedged && !cfh_interrupted; i++)
        leaks += look_for_leaks(run, &run->growths[i]);
    if (cfh_interrupted) return; /* not all was looked into: whoever resumes the run does */
    for (uint32_t i = 0; i < CFH_WATCH_COUNT; i++) conclude_watch(run, i);
}
