/* Reads a file of records back: for reports, and to go on with a run that was cut off. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/error.h>

#include "harness/record.h"
#include "support/arena.h"
#include "support/file.h"

#define FILE_LIMIT ((uint64_t)4 << 30)
enum { MOST_ROWS = 10000000, MOST_RUNS = 1000, MOST_WORKERS = 10000000 };

typedef struct index_slot {
    const char *name;
    uint32_t row;
} index_slot;

/* What cf_records keeps: texts, and a hash table from names to rows. */
typedef struct keep {
    tenon__arena arena;
    index_slot *slots;
    uint32_t slot_count; /* a power of two, or 0 */
} keep;

typedef struct reader {
    cf_records *records;
    keep *keep;
    uint32_t line, case_room, row_room, death_room, growth_room, worker_room;
    uint64_t at;           /* bytes before the line */
    cf_record_row *listed; /* rows as the cases list them, before the first run */
    char *error;
    size_t error_size;
} reader;

static bool fail(reader *r, const char *what) {
    (void)snprintf(r->error, r->error_size, "line %u: %s", r->line, what);
    return false;
}

static const char *keep_text(reader *r, const char *text) {
    const char *kept = text && text[0] ? tenon__arena_string(&r->keep->arena, text) : "";
    return kept ? kept : "";
}

static const char *text_of(const cJSON *object, const char *key) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static double number_of(const cJSON *object, const char *key, double otherwise) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

/* False: there is no such whole number below `limit`. */
static bool whole_of(const cJSON *object, const char *key, uint32_t limit, uint32_t *out) {
    double number = number_of(object, key, -1);
    if (!(number >= 0 && number < limit)) return false;
    *out = (uint32_t)number;
    return *out == number;
}

/* -- Names -- */

static uint32_t hash_of(const char *name) {
    uint32_t hash = 0x811c9dc5u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x01000193u;
    return hash ^ hash >> 15;
}

/* The slot of a name, or the free one where it belongs. */
static index_slot *slot_of(const keep *k, const char *name) {
    uint32_t at = hash_of(name);
    for (;; at++) {
        index_slot *slot = &k->slots[at & (k->slot_count - 1)];
        if (!slot->name || strcmp(slot->name, name) == 0) return slot;
    }
}

static bool make_index(reader *r) {
    uint32_t count = 16;
    while (count < r->records->row_count * 2) count *= 2;
    r->keep->slots = calloc(count, sizeof *r->keep->slots);
    if (!r->keep->slots) return fail(r, "host memory is used up");
    r->keep->slot_count = count;
    for (uint32_t i = 0; i < r->records->row_count; i++) {
        index_slot *slot = slot_of(r->keep, r->listed[i].name);
        if (slot->name) return fail(r, "two rows have one name");
        *slot = (index_slot){r->listed[i].name, i};
    }
    return true;
}

cf_record_row *cf_records_row(const cf_records *records, uint32_t run, const char *name) {
    const keep *k = records->keep;
    if (!k || !k->slot_count || run >= records->run_count) return NULL;
    const index_slot *slot = slot_of(k, name);
    return slot->name ? &records->rows[(size_t)run * records->row_count + slot->row] : NULL;
}

/* -- Lines -- */

static void *grow(void *array, uint32_t *room, uint32_t needed, size_t element) {
    if (needed <= *room) return array;
    uint32_t larger = needed + needed / 2 + 16;
    void *moved = realloc(array, larger * element);
    if (moved) *room = larger;
    return moved;
}

static bool add_row(reader *r, const cf_record_case *of, const cJSON *name) {
    cf_records *records = r->records;
    if (!cJSON_IsString(name) || records->row_count >= MOST_ROWS) return fail(r, "a row's name is no string");
    void *rows = grow(r->listed, &r->row_room, records->row_count + 1, sizeof *r->listed);
    if (!rows) return fail(r, "host memory is used up");
    r->listed = rows;
    r->listed[records->row_count++] = (cf_record_row){.name = keep_text(r, name->valuestring),
                                                      .case_index = records->case_count - 1,
                                                      .requirements = of->requirements,
                                                      .text = "",
                                                      .output = "",
                                                      .error = -1};
    return true;
}

static bool take_case(reader *r, const cJSON *line) {
    cf_records *records = r->records;
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(line, "rows"), *row = NULL;
    if (records->run_count) return fail(r, "a case comes after the first run began");
    if (!cJSON_IsArray(rows)) return fail(r, "the case has no rows");
    void *cases = grow(records->cases, &r->case_room, records->case_count + 1, sizeof *records->cases);
    if (!cases) return fail(r, "host memory is used up");
    records->cases = cases;
    cf_record_case *of = &records->cases[records->case_count++];
    *of = (cf_record_case){.name = keep_text(r, text_of(line, "case")),
                           .profile = keep_text(r, text_of(line, "profile")),
                           .requirements = keep_text(r, text_of(line, "requirements")),
                           .first_row = records->row_count,
                           .alone = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "alone"))};
    (void)whole_of(line, "seconds", UINT32_MAX, &of->seconds);
    cJSON_ArrayForEach(row, rows) {
        if (!add_row(r, of, row)) return false;
    }
    of->row_count = records->row_count - of->first_row;
    return true;
}

static void forget_evidence(cf_record_evidence *e) {
    for (uint32_t i = 0; i < e->growth_count; i++) free(e->growths[i].rows);
    free(e->deaths);
    free(e->growths);
    free(e->settled);
    *e = (cf_record_evidence){0};
}

static bool take_run(reader *r, const cJSON *line) {
    cf_records *records = r->records;
    uint32_t run;
    if (!whole_of(line, "run", MOST_RUNS, &run) || run > records->run_count) return fail(r, "runs are out of order");
    if (run < records->run_count) return true; /* a continuation says again where it is */
    if (run == 0 && !make_index(r)) return false;
    size_t count = records->row_count;
    cf_record_row *rows = realloc(records->rows, (count * (run + 1) + 1) * sizeof *rows);
    if (!rows) return fail(r, "host memory is used up");
    records->rows = rows;
    if (count) memcpy(rows + count * run, r->listed, count * sizeof *rows);
    records->run_count = run + 1;
    forget_evidence(&records->evidence);
    r->death_room = r->growth_room = r->worker_room = 0;
    const char *order = text_of(line, "order");
    records->shuffled_runs += order && strcmp(order, "shuffled") == 0;
    return true;
}

static cf_record_row *row_of(reader *r, const cJSON *line, const char *key) {
    uint32_t run;
    const char *name = text_of(line, key);
    cf_record_row *row = name && whole_of(line, "run", MOST_RUNS, &run) ? cf_records_row(r->records, run, name) : NULL;
    if (!row) (void)fail(r, "no case lists this row, or its run has not begun");
    return row;
}

static bool take_begin(reader *r, const cJSON *line) {
    cf_record_row *row = row_of(r, line, "begin");
    if (!row) return false;
    row->began = true;
    row->worker = UINT32_MAX;
    row->line = r->line;
    (void)whole_of(line, "worker", MOST_WORKERS, &row->worker);
    return true;
}

static double error_of(const cJSON *line) {
    const char *text = text_of(line, "error");
    if (text) return strcmp(text, "inf") == 0 ? INFINITY : NAN;
    return number_of(line, "error", -1);
}

/* What a file says may be no time at all: below 0 it is 0, and it ends where numbers are still exact. */
static uint64_t nanoseconds_of(const cJSON *line) {
    const double most = 0x1p53;
    double number = number_of(line, "ns", 0);
    return number > 0 ? (uint64_t)(number < most ? number : most) : 0;
}

static cf_verdict verdict_of(const cJSON *line) {
    const char *verdict = text_of(line, "verdict");
    cf_verdict at = 0;
    while (at < CF_VERDICT_COUNT && strcmp(cf_verdict_name(at), verdict ? verdict : "") != 0) at++;
    return at;
}

static bool take_end(reader *r, const cJSON *line) {
    cf_record_row *row = row_of(r, line, "end");
    if (!row) return false;
    const char *requirements = text_of(line, "requirements");
    cf_verdict at = verdict_of(line);
    if (at == CF_VERDICT_COUNT) return fail(r, "the row's verdict is unknown");
    row->ended = true;
    row->end_line = r->line;
    row->verdict = at;
    if (requirements) row->requirements = keep_text(r, requirements);
    row->text = keep_text(r, text_of(line, "text"));
    row->output = keep_text(r, text_of(line, "output"));
    row->error = error_of(line);
    row->nanoseconds = nanoseconds_of(line);
    row->leaves = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "leaves"));
    return true;
}

/* -- Evidence -- */

/* True for lines of the last run: what was before it is of no use. */
static bool is_of_last_run(const reader *r, const cJSON *line) {
    uint32_t run;
    return whole_of(line, "run", MOST_RUNS, &run) && run + 1 == r->records->run_count;
}

static bool settle(reader *r, uint32_t worker) {
    cf_record_evidence *e = &r->records->evidence;
    uint32_t *settled = grow(e->settled, &r->worker_room, worker + 1, sizeof *settled);
    if (!settled) return fail(r, "host memory is used up");
    e->settled = settled;
    while (e->worker_count <= worker) settled[e->worker_count++] = 0;
    settled[worker] = r->line;
    return true;
}

static bool take_batch(reader *r, const cJSON *line) {
    uint32_t worker;
    if (!is_of_last_run(r, line) || !whole_of(line, "batch", MOST_WORKERS, &worker)) return true;
    return settle(r, worker);
}

/* The row's index in the last run. */
static bool index_of(reader *r, const char *name, uint32_t *out_index) {
    const cf_records *records = r->records;
    uint32_t run = records->run_count - 1;
    const cf_record_row *row = name ? cf_records_row(records, run, name) : NULL;
    if (!row) return fail(r, "no case lists this row");
    *out_index = (uint32_t)(row - records->rows - (size_t)run * records->row_count);
    return true;
}

static bool take_growth(reader *r, const cJSON *line) {
    cf_records *records = r->records;
    cf_record_evidence *e = &records->evidence;
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(line, "growth"), *name = NULL;
    if (!is_of_last_run(r, line) || cJSON_GetArraySize(names) == 0) return true;
    cf_record_growth *growths = grow(e->growths, &r->growth_room, e->growth_count + 1, sizeof *growths);
    if (!growths) return fail(r, "host memory is used up");
    e->growths = growths;
    cf_record_growth *g = &growths[e->growth_count++];
    *g = (cf_record_growth){.rows = calloc((size_t)cJSON_GetArraySize(names), sizeof *g->rows)};
    if (!g->rows) return fail(r, "host memory is used up");
    cJSON_ArrayForEach(name, names) {
        uint32_t row = 0;
        if (!index_of(r, cJSON_GetStringValue(name), &row)) return false;
        g->rows[g->count++] = row;
        records->rows[(size_t)(records->run_count - 1) * records->row_count + row].looked_at = true;
    }
    return true;
}

static bool take_death(reader *r, const cJSON *line) {
    cf_record_evidence *e = &r->records->evidence;
    const char *name = text_of(line, "row");
    cf_record_death death = {.line = r->line, .row = UINT32_MAX, .verdict = verdict_of(line)};
    if (!is_of_last_run(r, line) || !whole_of(line, "death", MOST_WORKERS, &death.worker)) return true;
    if (name && !index_of(r, name, &death.row)) return false;
    if (name && death.verdict == CF_VERDICT_COUNT) return fail(r, "the row's verdict is unknown");
    death.text = keep_text(r, text_of(line, "text"));
    death.output = keep_text(r, text_of(line, "output"));
    death.ending = keep_text(r, text_of(line, "ending"));
    cf_record_death *deaths = grow(e->deaths, &r->death_room, e->death_count + 1, sizeof *deaths);
    if (!deaths) return fail(r, "host memory is used up");
    e->deaths = deaths;
    deaths[e->death_count++] = death;
    return settle(r, death.worker);
}

static bool take_blame(reader *r, const cJSON *line) {
    uint32_t run;
    if (whole_of(line, "blame", MOST_RUNS, &run) && run + 1 == r->records->run_count && !r->records->evidence.blame)
        r->records->evidence.blame = r->at;
    return true;
}

static bool take_health(reader *r, const cJSON *line) {
    const char *health = text_of(line, "health");
    r->records->wedged |= health && strcmp(health, "wedged") == 0;
    return true;
}

static const struct {
    const char *key;
    bool (*take)(reader *r, const cJSON *line);
} lines[] = {{"case", take_case},   {"run", take_run},       {"begin", take_begin},
             {"end", take_end},     {"batch", take_batch},   {"growth", take_growth},
             {"death", take_death}, {"health", take_health}, {"blame", take_blame}};

/* What the line is, is said by its first member. Frees it, or keeps it as header or final. */
static bool take_line(reader *r, cJSON *line) {
    const char *key = line && line->child && line->child->string ? line->child->string : "";
    bool taken = true;
    if (!line || !cJSON_IsObject(line)) {
        taken = fail(r, "this is no JSON object");
    } else if (r->records->final) {
        taken = fail(r, "there is more after the final verdict");
    } else if (r->line == 1) {
        taken =
            number_of(line, "format", 0) == CF_RECORD_FORMAT || fail(r, "this is no file of records of this format");
        r->records->header = line;
        return taken;
    } else if (strcmp(key, "verdict") == 0) {
        r->records->final = line;
        return true;
    } else {
        size_t at = 0, count = sizeof lines / sizeof *lines;
        while (at < count && strcmp(lines[at].key, key) != 0) at++;
        if (at == count) taken = fail(r, "this line is of no known kind");
        if (at < count) taken = lines[at].take(r, line);
    }
    cJSON_Delete(line);
    return taken;
}

/* Of the bytes that were read, not of what the path names by now. */
static void check_binding(cf_records *records, const char *text, size_t size) {
    char hex[CF_SHA256_HEX];
    const char *said = text_of(records->final, "records_sha256");
    cf_sha256_bytes(text, size, hex);
    records->bound = said && strcmp(hex, said) == 0;
}

static bool read_lines(reader *r, const char *text, size_t size) {
    for (const char *at = text, *end; at < text + size; at = end + 1) {
        end = memchr(at, '\n', (size_t)(text + size - at));
        if (!end) break; /* cut off while it was written */
        r->line++;
        r->at = (uint64_t)(at - text);
        if (!take_line(r, cJSON_ParseWithLength(at, (size_t)(end - at)))) return false;
        if (r->records->final && !r->records->bound) check_binding(r->records, text, (size_t)(at - text));
    }
    return r->records->header || fail(r, "there is no header");
}

bool cf_records_read(const char *path, cf_records *out_records, char *out_error, size_t error_size) {
    return cf_records_read_part(path, FILE_LIMIT, out_records, out_error, error_size);
}

bool cf_records_read_part(const char *path, uint64_t most, cf_records *out_records, char *out_error,
                          size_t error_size) {
    uint8_t *text = NULL;
    size_t size = 0;
    *out_records = (cf_records){.keep = calloc(1, sizeof(keep))};
    reader r = {.records = out_records, .keep = out_records->keep, .error = out_error, .error_size = error_size};
    if (!r.keep) return fail(&r, "host memory is used up");
    errno = 0;
    if (tenon__file_read(path, FILE_LIMIT, &text, &size) != TENON_STATUS_OK) {
        if (errno)
            (void)snprintf(out_error, error_size, "%s cannot be read: %s", path, strerror(errno));
        else
            (void)snprintf(out_error, error_size, "%s", tenonh_error_message());
        return false;
    }
    if (size == 0) {
        (void)snprintf(out_error, error_size, "%s is empty", path);
        free(text);
        return false;
    }
    bool read = read_lines(&r, (const char *)text, size < most ? size : (size_t)most);
    free(text);
    free(r.listed);
    return read;
}

void cf_records_free(cf_records *records) {
    keep *k = records->keep;
    cJSON_Delete(records->header);
    cJSON_Delete(records->final);
    forget_evidence(&records->evidence);
    free(records->cases);
    free(records->rows);
    if (k) {
        tenon__arena_free(&k->arena);
        free(k->slots);
    }
    free(k);
    *records = (cf_records){0};
}
