#include "harness/roster.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "harness/message.h"

static const cf_case watched = {.name = "process", .requirements = ""};

/* -- Rows -- */

bool cfh_filter_matches(const char *filter, const char *name) {
    const char *dot = strchr(name, '.');
    if (fnmatch(filter, name, 0) == 0) return true;
    char *of = strndup(name, (size_t)(dot - name)); /* the case's name alone stands for all its rows */
    bool matched = of && fnmatch(filter, of, 0) == 0;
    free(of);
    return matched;
}

static bool is_chosen(const char *name, const char *const *filters, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (cfh_filter_matches(filters[i], name)) return true;
    return count == 0;
}

static bool is_proper(const char *name, const char *of) {
    size_t length = strlen(of);
    if (strncmp(name, of, length) != 0 || name[length] != '.' || !name[length + 1]) return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(name);
}

static bool add_row(cfh_roster *roster, const char *name) {
    cfh_roster_case *of = &roster->cases[roster->case_count - 1];
    char *copy = strdup(name);
    if (!copy) return false;
    roster->rows[roster->row_count++] = (cfh_roster_row){copy, roster->case_count - 1};
    of->row_count++;
    return true;
}

static cfh_roster_case *add_case(cfh_roster *roster, const cf_case *of, uint32_t table_index) {
    cfh_roster_case *added = &roster->cases[roster->case_count++];
    *added = (cfh_roster_case){of, table_index, roster->row_count, 0};
    return added;
}

/* Names that have come up: a hash table with more slots than there are names. */
typedef struct name_set {
    const char **slots;
    size_t count;
} name_set;

/* True when the name is new; it must stay where it is. */
static bool add_name(const name_set *n, const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = name; *c; c++) hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    for (size_t at = hash ^ hash >> 32;; at++) {
        const char **slot = &n->slots[at % n->count];
        if (*slot && strcmp(*slot, name) == 0) return false;
        if (*slot) continue;
        *slot = name;
        return true;
    }
}

static void add_twin(cfh_roster *roster, const char *name) {
    size_t length = strlen(roster->twins);
    (void)snprintf(roster->twins + length, sizeof roster->twins - length, " %s", name);
    roster->twin_count++;
}

typedef struct choice {
    const char *const *filters;
    uint32_t count;
} choice;

/* NULL, or what is wrong. */
static const char *take_case(cfh_roster *roster, const cJSON *one, const choice *chosen, const name_set *known) {
    double index = cfh_number_of(one, "case", -1);
    const cJSON *row = NULL;
    if (!(index >= 0 && index < cf_case_count)) return "a worker lists a case that there is none of";
    const cf_case *of = &cf_cases[(uint32_t)index];
    add_case(roster, of, (uint32_t)index);
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(one, "rows")) {
        if (!cJSON_IsString(row) || !is_proper(row->valuestring, of->name)) return "a row has no proper name";
        if (!is_chosen(row->valuestring, chosen->filters, chosen->count)) continue;
        if (!add_name(known, row->valuestring))
            add_twin(roster, row->valuestring);
        else if (!add_row(roster, row->valuestring))
            return "host memory is used up";
    }
    if (roster->cases[roster->case_count - 1].row_count == 0) roster->case_count--;
    return NULL;
}

static bool add_watches(cfh_roster *roster) {
#define NAME(NAME, name, requirements) "process." name,
    static const char *const names[] = {CFH_WATCH_TABLE(NAME)};
#undef NAME
    roster->run_count = roster->row_count;
    add_case(roster, &watched, UINT32_MAX);
    for (uint32_t i = 0; i < CFH_WATCH_COUNT; i++)
        if (!add_row(roster, names[i])) return false;
    return true;
}

bool cfh_roster_make(const cJSON *listed, const char *const *filters, uint32_t filter_count, cfh_roster *out_roster,
                     char *out_error, size_t error_size) {
    const cJSON *cases = cJSON_GetObjectItemCaseSensitive(listed, "cases"), *one = NULL;
    const choice chosen = {filters, filter_count};
    const char *wrong = NULL;
    size_t rows = CFH_WATCH_COUNT;
    cJSON_ArrayForEach(one, cases) rows += (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(one, "rows"));
    const name_set known = {calloc(2 * rows, sizeof *known.slots), 2 * rows};
    *out_roster = (cfh_roster){.cases = calloc((size_t)cJSON_GetArraySize(cases) + 1, sizeof *out_roster->cases),
                               .rows = calloc(rows, sizeof *out_roster->rows)};
    if (!out_roster->cases || !out_roster->rows || !known.slots) wrong = "host memory is used up";
    cJSON_ArrayForEach(one, cases) {
        if (!wrong) wrong = take_case(out_roster, one, &chosen, &known);
    }
    if (!wrong && !add_watches(out_roster)) wrong = "host memory is used up";
    if (wrong) (void)snprintf(out_error, error_size, "%s", wrong);
    free((void *)known.slots);
    return !wrong;
}

void cfh_roster_free(cfh_roster *roster) {
    for (uint32_t i = 0; i < roster->row_count; i++) free(roster->rows[i].name);
    free(roster->rows);
    free(roster->cases);
    *roster = (cfh_roster){0};
}

/* -- Order -- */

static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void shuffle(uint32_t *array, uint32_t count, uint64_t *state) {
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = (uint32_t)(next_random(state) % i), kept = array[i - 1];
        array[i - 1] = array[j];
        array[j] = kept;
    }
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Rows of one pass in shuffled order. Passes ascend, since a case goes through its rows in one order; it goes through all
 * of them in each pass, a microsecond a row, so that there must not be too many. A matter of the rows' number alone: the
 * same seed gives the same order. */
static uint32_t rows_a_pass(const cfh_roster_case *of) {
    enum { MOST_PASSES = 100 };
    return of->row_count / MOST_PASSES + 1;
}

typedef struct chunk {
    uint32_t first, count; /* of `rows` */
} chunk;

/* Passes of the cases that (do not) want to be alone, in random order, their rows put to `out` one after the other. */
static bool shuffled_rows(const cfh_roster *roster, bool alone, uint64_t *state, uint32_t *out, uint32_t *out_count) {
    uint32_t *rows = calloc(roster->run_count + 1, sizeof *rows), *turn = calloc(roster->run_count + 1, sizeof *turn);
    chunk *chunks = calloc(roster->run_count + 1, sizeof *chunks);
    uint32_t count = 0, at = 0;
    bool done = rows && turn && chunks;
    for (uint32_t c = 0; done && c < roster->case_count; c++) {
        const cfh_roster_case *of = &roster->cases[c];
        if (of->table_index == UINT32_MAX || (of->of->flags & CF_FLAG_ALONE) != (alone ? CF_FLAG_ALONE : 0)) continue;
        uint32_t step = rows_a_pass(of), first = at;
        for (uint32_t i = 0; i < of->row_count; i++) rows[at++] = of->first + i;
        shuffle(rows + first, of->row_count, state);
        for (uint32_t i = first; i < at; i += step) {
            chunks[count] = (chunk){i, at - i < step ? at - i : step};
            qsort(rows + i, chunks[count].count, sizeof *rows, by_number);
            turn[count] = count;
            count++;
        }
    }
    if (done) shuffle(turn, count, state);
    for (uint32_t i = 0; done && i < count; i++)
        for (uint32_t k = 0; k < chunks[turn[i]].count; k++) out[(*out_count)++] = rows[chunks[turn[i]].first + k];
    free(rows);
    free(turn);
    free(chunks);
    return done;
}

static bool table_rows(const cfh_roster *roster, bool alone, uint32_t *out, uint32_t *out_count) {
    for (uint32_t c = 0; c < roster->case_count; c++) {
        const cfh_roster_case *of = &roster->cases[c];
        if (of->table_index == UINT32_MAX || (of->of->flags & CF_FLAG_ALONE) != (alone ? CF_FLAG_ALONE : 0)) continue;
        for (uint32_t i = 0; i < of->row_count; i++) out[(*out_count)++] = of->first + i;
    }
    return true;
}

static void cut(cfh_order *order, uint32_t first, uint32_t end, uint32_t batch) {
    for (uint32_t i = first; i < end; i += batch)
        order->batches[order->batch_count++] = (cfh_batch){i, end - i < batch ? end - i : batch};
}

bool cfh_order_make(const cfh_roster *roster, bool shuffled, uint64_t seed, uint32_t batch, cfh_order *out_order) {
    uint64_t state = seed ^ 0x6f72646572u;
    uint32_t count = 0;
    bool made = true;
    *out_order = (cfh_order){.rows = calloc(roster->run_count + 1, sizeof *out_order->rows),
                             .batches = calloc(roster->run_count + 1, sizeof *out_order->batches)};
    if (!out_order->rows || !out_order->batches) return false;
    for (int alone = 0; alone < 2 && made; alone++) {
        uint32_t first = count;
        made = shuffled ? shuffled_rows(roster, alone, &state, out_order->rows, &count)
                        : table_rows(roster, alone, out_order->rows, &count);
        if (alone) out_order->alone = out_order->batch_count;
        cut(out_order, first, count, batch);
    }
    return made;
}

void cfh_order_free(cfh_order *order) {
    free(order->rows);
    free(order->batches);
    *order = (cfh_order){0};
}

cJSON *cfh_roster_command(const cfh_roster *roster, const uint32_t *rows, uint32_t count) {
    cJSON *command = cJSON_CreateObject(), *names = NULL;
    cJSON_AddStringToObject(command, "do", "rows");
    cJSON *passes = cJSON_AddArrayToObject(command, "passes");
    for (uint32_t i = 0; i < count; i++) {
        const cfh_roster_row *row = &roster->rows[rows[i]];
        bool goes_on = i > 0 && rows[i] > rows[i - 1] && roster->rows[rows[i - 1]].case_index == row->case_index;
        if (!goes_on) {
            cJSON *pass = cJSON_CreateObject();
            cJSON_AddNumberToObject(pass, "case", roster->cases[row->case_index].table_index);
            names = cJSON_AddArrayToObject(pass, "rows");
            cJSON_AddItemToArray(passes, pass);
        }
        cJSON_AddItemToArray(names, cJSON_CreateString(row->name));
    }
    return command;
}
