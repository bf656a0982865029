/* What the device was asked to take whole, and what it answered; as text and as JSON. */
#include <stdio.h>

#include "run.h"

static bool read_claim(const run_state *state, uint32_t index, tenonh_claim_info *out_info) {
    *out_info = (tenonh_claim_info){.struct_size = sizeof *out_info};
    return tenonh_session_claim(state->session, index, out_info) == TENON_STATUS_OK;
}

static const char *kind_of(const tenonh_claim_info *info) {
    return info->kind == TENON_WORK_COMPOSITE ? "composite" : "graph region";
}

/* "1.5 us" or "-". */
static void cost_cell(cli_table *table, uint64_t ns) {
    if (ns == 0)
        cli_cell(table, "%s", "-");
    else
        cli_cell(table, "%.1f us", (double)ns / 1000);
}

void run_print_claims(const run_state *state) {
    static const char *const heads[] = {"claims", "how", "verdict", "nodes", "what", "cost", "instead", "from", "why"};
    uint32_t count = tenonh_session_claim_count(state->session);
    if (count == 0) return;
    cli_table *table = cli_table_create(9);
    cli_right(table, 3);
    cli_right(table, 5);
    cli_right(table, 6);
    for (int i = 0; i < 9; i++) cli_cell(table, "%s", heads[i]);
    for (uint32_t i = 0; i < count; i++) {
        tenonh_claim_info info;
        if (!read_claim(state, i, &info)) continue;
        cli_cell(table, "%s", "");
        cli_cell(table, "%s", kind_of(&info));
        cli_cell(table, "%s", tenonh_claim_name(info.verdict));
        cli_cell(table, "%u", info.node_count);
        cli_cell(table, "%s", info.name);
        cost_cell(table, info.cost);
        cost_cell(table, info.instead);
        cli_cell(table, "%s", info.location);
        cli_cell(table, "%s", info.text);
    }
    cli_table_print(table);
    puts("");
}

void run_add_claims(cJSON *object, const run_state *state) {
    cJSON *array = cJSON_AddArrayToObject(object, "claims");
    for (uint32_t i = 0; i < tenonh_session_claim_count(state->session); i++) {
        tenonh_claim_info info;
        if (!read_claim(state, i, &info)) continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddStringToObject(item, "how", kind_of(&info));
        cJSON_AddStringToObject(item, "verdict", tenonh_claim_name(info.verdict));
        cJSON_AddNumberToObject(item, "nodes", info.node_count);
        cJSON_AddStringToObject(item, "what", info.name);
        cJSON_AddNumberToObject(item, "cost_ns", (double)info.cost);
        cJSON_AddNumberToObject(item, "instead_ns", (double)info.instead);
        cJSON_AddStringToObject(item, "from", info.location);
        cJSON_AddStringToObject(item, "why", info.text);
    }
}
