#include "harness/run.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/evidence.h"

#define SECOND_NS 1000000000.0
enum { MOST_JOBS = 64, BETWEEN_ROWS_SECONDS = 120, OPEN_TRIES = 3, MOST_HANGS = 30, MOST_CRASHES = 300 };

volatile sig_atomic_t cfh_interrupted;

/* -- Verdicts -- */

bool cfh_run_init(cfh_run *run, const cfh_setup *setup, const cfh_roster *roster, cf_record_writer *writer,
                  uint32_t number) {
    *run = (cfh_run){.setup = setup,
                     .roster = roster,
                     .writer = writer,
                     .number = number,
                     .verdicts = calloc(roster->row_count + 1, sizeof *run->verdicts),
                     .texts = calloc(roster->row_count + 1, sizeof *run->texts),
                     .leaves = calloc(roster->row_count + 1, sizeof *run->leaves),
                     .unwatched = calloc(roster->row_count + 1, sizeof *run->unwatched)};
    for (uint32_t i = 0; run->verdicts && i < roster->row_count; i++) run->verdicts[i] = CFH_NOT_YET;
    return run->verdicts && run->texts && run->leaves && run->unwatched;
}

void cfh_run_free(cfh_run *run) {
    for (uint32_t i = 0; run->texts && i < run->roster->row_count; i++) free(run->texts[i]);
    for (uint32_t i = 0; i < run->suspect_count; i++) free(run->suspects[i].history);
    for (uint32_t i = 0; i < run->growth_count; i++) free(run->growths[i].rows);
    free(run->verdicts);
    free(run->texts);
    free(run->leaves);
    free(run->unwatched);
    free(run->suspects);
    free(run->growths);
    *run = (cfh_run){0};
}

static void take_outcome(cfh_run *run, uint32_t row, const cf_outcome *outcome, const char *output) {
    (void)cf_record_end(run->writer, run->number, outcome, output);
    if (run->verdicts[row] == CFH_NOT_YET) run->ended++;
    run->verdicts[row] = outcome->verdict;
    free(run->texts[row]);
    run->texts[row] = outcome->verdict == CF_VERDICT_PASS ? NULL : strdup(outcome->text);
    bool failed = outcome->verdict != CF_VERDICT_PASS && outcome->verdict != CF_VERDICT_NOT_APPLICABLE;
    if (failed && run->stops_at_failure) run->stopped = true;
    if (run->told) run->told(run->context, run, row, outcome);
}

void cfh_run_conclude(cfh_run *run, uint32_t row, cf_verdict verdict, const char *text, const char *output) {
    const cfh_roster_row *of = &run->roster->rows[row];
    static const char *const watched[] = {
#define REQUIREMENTS(NAME, name, requirements) requirements,
        CFH_WATCH_TABLE(REQUIREMENTS)
#undef REQUIREMENTS
    };
    const char *requirements = row < run->roster->run_count ? run->roster->cases[of->case_index].of->requirements
                                                            : watched[row - run->roster->run_count];
    const cf_outcome outcome = {
        .name = of->name, .requirements = requirements, .verdict = verdict, .text = text ? text : "", .error = -1};
    take_outcome(run, row, &outcome, output);
}

static bool is_good(cf_verdict verdict) {
    return verdict == CF_VERDICT_PASS || verdict == CF_VERDICT_NOT_APPLICABLE;
}

bool cfh_run_passed(const cfh_run *run) {
    for (uint32_t i = 0; i < run->roster->row_count; i++)
        if (!is_good(run->verdicts[i])) return false;
    return true;
}

/* -- Workers and their batches -- */

typedef struct hand {
    cfh_worker worker;
    bool busy;
    cfh_batch batch;
    uint32_t running; /* row, or CFH_NO_ROW */
    uint64_t began;
    char requirements[256]; /* of the running row */
    bool is_sick;           /* it has said that the device does not work any more */
    uint32_t *rows, count;  /* that the batch had to run */
} hand;

typedef struct floor {
    cfh_run *run;
    const cfh_order *order;
    hand hands[MOST_JOBS];
    cfh_batch *queue; /* the last is next */
    uint32_t queued, hand_count;
} floor;

static bool is_given_up(const cfh_run *run, uint32_t row) {
    const cfh_roster_case *of = &run->roster->cases[run->roster->rows[row].case_index];
    uint32_t hangs = 0, crashes = 0;
    for (uint32_t i = of->first; i < of->first + of->row_count; i++) {
        hangs += run->verdicts[i] == CF_VERDICT_HANG;
        crashes += run->verdicts[i] == CF_VERDICT_CRASH;
    }
    return hangs >= MOST_HANGS || crashes >= MOST_CRASHES;
}

/* Rows of a batch that have no verdict, into `rows`. */
static uint32_t rows_left(floor *f, cfh_batch batch, uint32_t *rows) {
    uint32_t count = 0;
    for (uint32_t i = batch.first; i < batch.first + batch.count; i++) {
        uint32_t row = f->order->rows[i];
        if (f->run->verdicts[row] == CFH_NOT_YET) rows[count++] = row;
    }
    return count;
}

/* A case most of whose rows end the process, or hang, costs hours and tells nothing new. */
static void give_up_rows(floor *f, cfh_batch batch) {
    for (uint32_t i = batch.first; f->run->deaths >= MOST_HANGS && i < batch.first + batch.count; i++) {
        uint32_t row = f->order->rows[i];
        if (f->run->verdicts[row] == CFH_NOT_YET && is_given_up(f->run, row))
            cfh_run_conclude(f->run, row, CF_VERDICT_NO_VERDICT, "not run: too many rows of this case crash or hang",
                             NULL);
    }
}

/* The device does not work any more, in no process: nothing more is run. */
static void give_up(cfh_run *run, const char *text) {
    if (text[0]) (void)snprintf(run->wedged_text, sizeof run->wedged_text, "%.1000s", text);
    run->wedged = true;
    cJSON *health = cJSON_CreateObject();
    cJSON_AddStringToObject(health, "health", "wedged");
    cJSON_AddNumberToObject(health, "run", run->number);
    cJSON_AddStringToObject(health, "text", run->wedged_text);
    (void)cf_record_write(run->writer, health);
}

static bool open_worker(floor *f, hand *h) {
    cfh_run *run = f->run;
    char text[1024] = "";
    for (int try = 0; try < OPEN_TRIES; try++) {
        if (try > 0) (void)poll(NULL, 0, try * 1000);
        cJSON *answer = cfh_worker_open(run->setup, run->workers++, &h->worker, text, sizeof text);
        const cJSON *refused = cJSON_GetObjectItemCaseSensitive(answer, "refused");
        bool open = cfh_is(answer, "open"), is_damaged = cfh_is(answer, "damage");
        if (is_damaged) (void)snprintf(text, sizeof text, "%s", cfh_text_of(answer, "damage"));
        if (refused) (void)snprintf(text, sizeof text, "%s", cfh_text_of(refused, "detail"));
        cJSON_Delete(answer);
        if (open) {
            if ((is_damaged || (try > 0 && run->deaths == 0)) &&
                run->verdicts[cfh_roster_watch(run->roster, CFH_WATCH_OPEN)] == CFH_NOT_YET)
                cfh_run_conclude(run, cfh_roster_watch(run->roster, CFH_WATCH_OPEN), CF_VERDICT_FAIL, text, NULL);
            return true;
        }
        if (text[0]) (void)snprintf(run->wedged_text, sizeof run->wedged_text, "%.1000s", text);
    }
    give_up(run, "");
    return false;
}

static void close_worker(floor *f, hand *h) {
    char text[CFH_WORDS + 512] = "";
    cfh_worker copy = h->worker; /* its history outlives it */
    h->worker.history = NULL;
    if (!cfh_worker_close(f->run->setup, &h->worker, text, sizeof text)) {
        uint32_t row = cfh_roster_watch(f->run->roster, CFH_WATCH_CLOSE);
        cfh_evidence_bad_close(f->run, &copy, text);
        if (f->run->verdicts[row] == CFH_NOT_YET) cfh_run_conclude(f->run, row, CF_VERDICT_FAIL, text, NULL);
    }
    free(copy.history);
}

static void free_batch(hand *h) {
    free(h->rows);
    h->rows = NULL;
    h->busy = false;
    h->is_sick = false;
    h->running = CFH_NO_ROW;
}

/* Nobody looked at the process of some of its rows. */
static bool is_unwatched(const floor *f, cfh_batch batch) {
    for (uint32_t i = batch.first; i < batch.first + batch.count; i++)
        if (f->run->unwatched[f->order->rows[i]]) return true;
    return false;
}

/* Notes rows of a batch as such that may leave something behind: those given and, in the batch's order, those whose
 * process nobody looked at. */
static void note_growth(floor *f, cfh_batch batch, const uint32_t *given, uint32_t count) {
    uint32_t *rows = calloc((size_t)batch.count + 1, sizeof *rows), noted = 0;
    for (uint32_t i = batch.first, k = 0; rows && i < batch.first + batch.count; i++) {
        uint32_t row = f->order->rows[i];
        bool is_given = k < count && given[k] == row;
        k += is_given;
        if (is_given || f->run->unwatched[row]) rows[noted++] = row;
    }
    if (noted) cfh_evidence_growth(f->run, rows, noted);
    free(rows);
}

/* Gives a worker, started if need be, the next batch. */
static void give_batch(floor *f, hand *h) {
    cfh_batch batch = f->queue[--f->queued];
    if (h->worker.process.id && h->worker.history_count >= f->run->setup->life) close_worker(f, h);
    give_up_rows(f, batch);
    h->rows = calloc(batch.count + 1, sizeof *h->rows);
    h->count = h->rows ? rows_left(f, batch, h->rows) : 0;
    if (h->rows && h->count == 0 && is_unwatched(f, batch)) note_growth(f, batch, NULL, 0);
    if (h->count == 0 || (!h->worker.process.id && !open_worker(f, h))) {
        free_batch(h);
        return;
    }
    h->busy = true;
    h->batch = batch;
    h->running = CFH_NO_ROW;
    cfh_process_begin_time(&h->worker.process);
    (void)cfh_process_send(&h->worker.process, cfh_roster_command(f->run->roster, h->rows, h->count));
}

static void take_back(floor *f, hand *h) {
    uint32_t count = rows_left(f, h->batch, h->rows);
    if (count) f->queue[f->queued++] = h->batch;
    free_batch(h);
}

/* -- What workers say -- */

static uint32_t find_row(const hand *h, const cfh_roster *roster, const char *name) {
    for (uint32_t i = 0; i < h->count; i++)
        if (strcmp(roster->rows[h->rows[i]].name, name) == 0) return h->rows[i];
    return CFH_NO_ROW;
}

static void hear_begin(floor *f, hand *h, const cJSON *message) {
    h->running = find_row(h, f->run->roster, cfh_text_of(message, "begin"));
    (void)snprintf(h->requirements, sizeof h->requirements, "%s", cfh_text_of(message, "requirements"));
    if (h->running == CFH_NO_ROW) return;
    f->run->idle_deaths = 0;
    (void)cf_record_begin(f->run->writer, f->run->number, h->worker.number, f->run->roster->rows[h->running].name);
    cfh_worker_remember(&h->worker, h->running);
    cfh_process_begin_time(&h->worker.process);
    h->began = cfh_now();
}

static void hear_end(floor *f, hand *h, const cJSON *message) {
    uint32_t row = h->running;
    h->running = CFH_NO_ROW;
    cfh_process_begin_time(&h->worker.process);
    if (row == CFH_NO_ROW) return;
    double verdict = cfh_number_of(message, "verdict", CF_VERDICT_FAIL);
    f->run->leaves[row] = cfh_is(message, "leaves");
    const cf_outcome outcome = {.name = f->run->roster->rows[row].name,
                                .requirements = cfh_text_of(message, "requirements"),
                                .verdict = verdict >= 0 && verdict <= CF_VERDICT_NOT_APPLICABLE ? (cf_verdict)verdict
                                                                                                : CF_VERDICT_FAIL,
                                .text = cfh_text_of(message, "text"),
                                .error = strtod(cfh_text_of(message, "error"), NULL),
                                .nanoseconds = (uint64_t)cfh_number_of(message, "ns", 0)};
    const char *words = cfh_process_words(&h->worker.process);
    take_outcome(f->run, row, &outcome, outcome.verdict == CF_VERDICT_FAIL ? words : NULL);
}

static void record_batch(const floor *f, const hand *h, const cJSON *message) {
    cJSON *line = cJSON_CreateObject(), *resources = cJSON_GetObjectItemCaseSensitive(message, "resources");
    cJSON_AddNumberToObject(line, "batch", h->worker.number);
    cJSON_AddNumberToObject(line, "run", f->run->number);
    cJSON_AddNumberToObject(line, "rows", h->count);
    cJSON_AddItemToObject(line, "resources", cJSON_Duplicate(resources, true));
    (void)cf_record_write(f->run->writer, line);
}

static void hear_done(floor *f, hand *h, const cJSON *message) {
    cfh_use before = h->worker.use, now = cfh_use_of(message);
    h->worker.use = now;
    bool grew = now.heap > before.heap || now.files > before.files || now.threads > before.threads ||
                now.mapped > before.mapped + 0x1p20;
    if (grew || is_unwatched(f, h->batch)) note_growth(f, h->batch, h->rows, h->count);
    record_batch(f, h, message); /* says that nothing more is to be noted of it */
    for (uint32_t i = 0; i < h->count; i++) {
        if (f->run->verdicts[h->rows[i]] != CFH_NOT_YET) continue;
        cfh_run_conclude(f->run, h->rows[i], CF_VERDICT_FAIL,
                         "a worker listed this row, and it is not there in another: what the device declares differs "
                         "between processes",
                         NULL);
        break;
    }
    take_back(f, h);
}

static void hear(floor *f, hand *h, const cJSON *message) {
    if (cfh_is(message, "begin"))
        hear_begin(f, h, message);
    else if (cfh_is(message, "end"))
        hear_end(f, h, message);
    else if (cfh_is(message, "done"))
        hear_done(f, h, message);
    else
        h->is_sick = true;
}

/* -- How workers die -- */

/* A worker ended that had begun no row. Another will show whether one can, but not for ever. */
static void conclude_idle_death(cfh_run *run, const char *end, bool late) {
    char text[256];
    uint32_t row = cfh_roster_watch(run->roster, CFH_WATCH_OPEN);
    if (++run->idle_deaths < OPEN_TRIES || run->wedged) return;
    if (late)
        (void)snprintf(text, sizeof text, "after it was opened, no row begins within %g s, %u times running",
                       BETWEEN_ROWS_SECONDS * run->setup->patience, run->idle_deaths);
    else
        (void)snprintf(text, sizeof text,
                       "after it was opened, the process ends before a row begins, %u times running: %s",
                       run->idle_deaths, end);
    if (run->verdicts[row] == CFH_NOT_YET) cfh_run_conclude(run, row, CF_VERDICT_FAIL, text, NULL);
    give_up(run, text);
}

/* The row that a death is counted against, for now: the one that runs, or the last. What that one had failed for stays,
 * and comes first. */
static void conclude_death(floor *f, hand *h, const cfh_ending *ending, bool late, const char *words) {
    cfh_run *run = f->run;
    char end[128], text[512], all[2048];
    uint32_t count = h->worker.history_count, row = h->running;
    bool runs = row != CFH_NO_ROW, closed = ending->code == CLD_EXITED && ending->status == CFH_EXIT_PIPE;
    if (!runs && count) row = h->worker.history[count - 1];
    if (row == CFH_NO_ROW) return;
    cfh_ending_describe(ending, end, sizeof end);
    cf_verdict verdict = CF_VERDICT_CRASH;
    if (h->worker.process.inbox.garbled) {
        verdict = CF_VERDICT_FAIL;
        (void)snprintf(text, sizeof text, "wrote into a file that it did not open: the harness's pipe");
    } else if (closed || ending->by_harness) {
        verdict = late ? CF_VERDICT_HANG : CF_VERDICT_FAIL;
        if (late)
            (void)snprintf(text, sizeof text, "no end after %g s",
                           runs ? (double)cfh_row_limit(run->setup, run->roster, row) / SECOND_NS
                                : BETWEEN_ROWS_SECONDS * run->setup->patience);
        else
            (void)snprintf(text, sizeof text, "closed a file that it did not open: the harness's pipe");
    } else {
        (void)snprintf(text, sizeof text, "%s%s", end, runs ? "" : ", after the row had ended");
    }
    const char *before = !runs && !is_good(run->verdicts[row]) && run->texts[row] ? run->texts[row] : "";
    (void)snprintf(all, sizeof all, "%s%s%s", before, before[0] ? "; and then: " : "", text);
    const cf_outcome outcome = {
        run->roster->rows[row].name, h->requirements, verdict, all, -1, cfh_now() - h->began, false};
    cfh_evidence_death(run, &h->worker, row, text, &outcome, words);
    take_outcome(run, row, &outcome, words);
}

static void bury(floor *f, hand *h, bool late) {
    bool garbled = h->worker.process.inbox.garbled;
    cfh_worker copy = h->worker;
    h->worker.history = NULL;
    cfh_ending ending = cfh_worker_end(&h->worker, late || garbled);
    bool is_known =
        h->is_sick || (ending.code == CLD_EXITED && ending.status == CFH_EXIT_UNFIT && h->running == CFH_NO_ROW);
    const char *words = cfh_process_words(&h->worker.process);
    h->worker.history = copy.history;
    h->worker.history_count = copy.history_count;
    h->worker.process.inbox.garbled = garbled;
    if (copy.history_count == 0) {
        char end[128];
        cfh_ending_describe(&ending, end, sizeof end);
        conclude_idle_death(f->run, end, late);
    } else if (is_known) {
        cfh_evidence_known_death(f->run, &h->worker);
    } else {
        conclude_death(f, h, &ending, late, words);
    }
    free(copy.history);
    h->worker = (cfh_worker){0};
    take_back(f, h);
}

static void attend(floor *f, hand *h) {
    cfh_process *process = &h->worker.process;
    cJSON *message;
    cfh_process_listen(process);
    bool over = cfh_process_is_over(process);
    while (h->busy && (message = cfh_process_hear(process))) {
        hear(f, h, message);
        cJSON_Delete(message);
    }
    if (!h->busy) return;
    uint64_t limit = h->running != CFH_NO_ROW ? cfh_row_limit(f->run->setup, f->run->roster, h->running)
                                              : (uint64_t)(BETWEEN_ROWS_SECONDS * SECOND_NS * f->run->setup->patience);
    if (over || process->inbox.garbled)
        bury(f, h, false);
    else if (cfh_process_is_late(process, limit))
        bury(f, h, true);
}

/* -- The floor -- */

static bool is_open(const floor *f) {
    return !f->run->wedged && !f->run->stopped && !f->run->writer->error && !cfh_interrupted;
}

/* Hands out batches and attends to workers until all is done. */
static void work(floor *f) {
    uint32_t busy;
    do {
        cfh_process *processes[MOST_JOBS];
        busy = 0;
        for (uint32_t i = 0; i < f->hand_count; i++) {
            hand *h = &f->hands[i];
            while (!h->busy && f->queued && is_open(f)) give_batch(f, h);
            if (h->busy) processes[busy++] = &h->worker.process;
        }
        if (busy) cfh_process_await(processes, busy);
        for (uint32_t i = 0; i < f->hand_count; i++)
            if (f->hands[i].busy) attend(f, &f->hands[i]);
    } while (busy && is_open(f));
}

static void dismiss(floor *f) {
    for (uint32_t i = 0; i < f->hand_count; i++) {
        hand *h = &f->hands[i];
        free_batch(h);
        if (!h->worker.process.id) continue;
        if (is_open(f))
            close_worker(f, h);
        else
            (void)cfh_worker_end(&h->worker, true);
    }
}

static void work_on(floor *f, uint32_t first, uint32_t end, uint32_t jobs) {
    f->hand_count = jobs;
    f->queued = 0;
    for (uint32_t i = end; i > first; i--) f->queue[f->queued++] = f->order->batches[i - 1];
    work(f);
    dismiss(f);
}

void cfh_run_rows(cfh_run *run, const cfh_order *order) {
    uint32_t jobs = run->setup->jobs < 1 ? 1 : run->setup->jobs > MOST_JOBS ? MOST_JOBS : run->setup->jobs;
    floor *f = calloc(1, sizeof *f);
    if (!f) return;
    f->run = run;
    f->order = order;
    f->queue = calloc(order->batch_count + 1 + MOST_JOBS, sizeof *f->queue);
    if (f->queue) {
        work_on(f, 0, order->alone, jobs);
        work_on(f, order->alone, order->batch_count, 1);
    }
    for (uint32_t i = 0; i < run->roster->run_count && run->wedged; i++)
        if (run->verdicts[i] == CFH_NOT_YET)
            cfh_run_conclude(run, i, CF_VERDICT_NO_VERDICT, "not run: the device does not work any more", NULL);
    free(f->queue);
    free(f);
}
