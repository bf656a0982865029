/* What rules and passes did to the model: rule, times, where, gain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* Firings of one rule, put together. */
typedef struct tally {
    tenonh_rewrite_info sum; /* location: the first */
    uint32_t times;
} tally;

static uint32_t count_of(const run_state *state) {
    return tenonh_session_rewrite_count(state->session);
}

static bool read_rewrite(const run_state *state, uint32_t index, tenonh_rewrite_info *out_info) {
    *out_info = (tenonh_rewrite_info){.struct_size = sizeof *out_info};
    return tenonh_session_rewrite(state->session, index, out_info) == TENON_STATUS_OK;
}

static void add(tally *list, uint32_t *count, const tenonh_rewrite_info *info) {
    uint32_t i = 0;
    while (i < *count && strcmp(list[i].sum.rule, info->rule) != 0) i++;
    tally *at = &list[i];
    if (i == *count) {
        *at = (tally){.sum = {.rule = info->rule, .location = info->location}};
        (*count)++;
    }
    at->sum.nodes += info->nodes;
    at->sum.bytes += info->bytes;
    at->sum.operations += info->operations;
    at->times++;
}

static int most_bytes(const void *a, const void *b) {
    const tally *x = a, *y = b;
    if (x->sum.bytes != y->sum.bytes) return x->sum.bytes < y->sum.bytes ? 1 : -1;
    if (x->sum.nodes != y->sum.nodes) return x->sum.nodes < y->sum.nodes ? 1 : -1;
    return strcmp(x->sum.rule, y->sum.rule);
}

/* One line a rule, the greatest gain first. Owner: the caller (free). NULL: no memory. */
static tally *collect(const run_state *state, uint32_t *out_count) {
    uint32_t total = count_of(state);
    tally *list = calloc((size_t)total + 1, sizeof *list);
    *out_count = 0;
    for (uint32_t i = 0; list && i < total; i++) {
        tenonh_rewrite_info info;
        if (read_rewrite(state, i, &info)) add(list, out_count, &info);
    }
    if (list) qsort(list, *out_count, sizeof *list, most_bytes);
    return list;
}

/* Firings in the order of time: a name that came before is one place. */
static uint32_t places_of(const run_state *state, const char *rule, cJSON *out_names) {
    uint32_t places = 0;
    const char *last = "";
    for (uint32_t i = 0; i < count_of(state); i++) {
        tenonh_rewrite_info info;
        if (!read_rewrite(state, i, &info) || strcmp(info.rule, rule) != 0 || strcmp(info.location, last) == 0)
            continue;
        last = info.location;
        places++;
        if (out_names) cJSON_AddItemToArray(out_names, cJSON_CreateString(last));
    }
    return places;
}

static const char *bytes_text(int64_t bytes) {
    static char text[64];
    snprintf(text, sizeof text, "%s%s", bytes < 0 ? "-" : "", cli_bytes((uint64_t)(bytes < 0 ? -bytes : bytes)));
    return text;
}

void run_print_rewrites(const run_state *state) {
    static const char *const heads[] = {"rewrites",         "rule", "times", "nodes saved", "bytes saved",
                                        "operations saved", "where"};
    uint32_t count;
    tally *list = collect(state, &count);
    if (!list || count == 0) {
        free(list);
        return;
    }
    cli_table *table = cli_table_create(7);
    for (int i = 2; i < 6; i++) cli_right(table, i);
    for (int i = 0; i < 7; i++) cli_cell(table, "%s", heads[i]);
    for (uint32_t i = 0; i < count; i++) {
        const tally *t = &list[i];
        uint32_t places = places_of(state, t->sum.rule, NULL);
        cli_cell(table, "%s", "");
        cli_cell(table, "%s", t->sum.rule);
        cli_cell(table, "%u", t->times);
        cli_cell(table, "%lld", (long long)t->sum.nodes);
        cli_cell(table, "%s", bytes_text(t->sum.bytes));
        cli_cell(table, "%lld", (long long)t->sum.operations);
        if (places > 1)
            cli_cell(table, "%s and %u more", t->sum.location, places - 1);
        else
            cli_cell(table, "%s", t->sum.location);
    }
    cli_table_print(table);
    puts("");
    free(list);
}

void run_add_rewrites(cJSON *object, const run_state *state) {
    uint32_t count;
    tally *list = collect(state, &count);
    cJSON *array = cJSON_AddArrayToObject(object, "rewrites");
    for (uint32_t i = 0; list && i < count; i++) {
        const tenonh_rewrite_info *sum = &list[i].sum;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddStringToObject(item, "rule", sum->rule);
        cJSON_AddNumberToObject(item, "times", list[i].times);
        cJSON_AddNumberToObject(item, "nodes_saved", (double)sum->nodes);
        cJSON_AddNumberToObject(item, "bytes_saved", (double)sum->bytes);
        cJSON_AddNumberToObject(item, "operations_saved", (double)sum->operations);
        places_of(state, sum->rule, cJSON_AddArrayToObject(item, "from"));
    }
    free(list);
}
