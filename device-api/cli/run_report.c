/* What a run tells: inputs, outputs, placement, times; as text or as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "run.h"

/* Steps of one way and device, put together. */
typedef struct share {
    tenonh_placement placement;
    const char *device;
    uint64_t steps;
    uint64_t bytes;
} share;

enum { MOST_SHARES = TENONH_PLACEMENT_COUNT * 4 };

static double median(const run_state *state) {
    int64_t n = state->repeat;
    return (state->times_ms[(n - 1) / 2] + state->times_ms[n / 2]) / 2;
}

static void add_step(share *shares, uint32_t *count, const tenonh_step_info *step) {
    uint32_t i = 0;
    while (i < *count && (shares[i].placement != step->placement || strcmp(shares[i].device, step->device) != 0)) i++;
    if (i == MOST_SHARES) return;
    if (i == *count) shares[(*count)++] = (share){.placement = step->placement, .device = step->device};
    shares[i].steps++;
    shares[i].bytes += step->bytes;
}

static uint32_t collect_shares(const run_state *state, share *shares) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tenonh_session_step_count(state->session); i++) {
        tenonh_step_info step = {.struct_size = sizeof step};
        if (tenonh_session_step(state->session, i, &step) == TENON_STATUS_OK) add_step(shares, &count, &step);
    }
    return count;
}

static const char *type_of(const tenonh_array *array) {
    static char text[512];
    size_t at = (size_t)snprintf(text, sizeof text, "%s[", tenon_dtype_name(array->dtype));
    for (uint32_t d = 0; d < array->rank && at < sizeof text; d++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", d ? ", " : "", (long long)array->dims[d]);
    if (at + 1 < sizeof text) memcpy(text + at, "]", 2);
    return text;
}

/* -- Text --------------------------------------------------------------------------------------------------------- */

static void print_tensors(const run_state *state) {
    cli_table *table = cli_table_create(4);
    for (uint32_t i = 0; i < state->input_count; i++) {
        cli_cell(table, "%s", i ? "" : "inputs");
        cli_cell(table, "%s", state->inputs[i].name);
        cli_cell(table, "%s", type_of(&state->inputs[i].array));
        cli_cell(table, "%s", state->inputs[i].file ? state->inputs[i].file : "seeded");
    }
    for (uint32_t i = 0; i < state->constant_count; i++) {
        cli_cell(table, "%s", i ? "" : "constants");
        cli_cell(table, "%s", state->constants[i].name);
        cli_cell(table, "%s", type_of(state->constants[i].value));
        cli_cell(table, "%s", "dims depend on it");
    }
    for (uint32_t i = 0; i < state->output_count; i++) {
        cli_cell(table, "%s", i ? "" : "outputs");
        cli_cell(table, "%s", state->outputs[i].name);
        cli_cell(table, "%s", type_of(&state->outputs[i].array));
        cli_cell(table, "%s", state->outputs[i].saved ? state->outputs[i].saved : "");
    }
    cli_table_print(table);
}

static void print_placement(const share *shares, uint32_t count) {
    cli_table *table = cli_table_create(5);
    cli_right(table, 3);
    cli_right(table, 4);
    static const char *const heads[] = {"placement", "how", "device", "steps", "bytes"};
    for (int i = 0; i < 5; i++) cli_cell(table, "%s", heads[i]);
    for (uint32_t i = 0; i < count; i++) {
        cli_cell(table, "%s", "");
        cli_cell(table, "%s", tenonh_placement_name(shares[i].placement));
        cli_cell(table, "%s", shares[i].device[0] ? shares[i].device : "-");
        cli_cell(table, "%llu", (unsigned long long)shares[i].steps);
        cli_cell(table, "%s", cli_bytes(shares[i].bytes));
    }
    cli_table_print(table);
}

static void print_steps(const run_state *state) {
    cli_table *table = cli_table_create(6);
    cli_right(table, 0);
    cli_right(table, 4);
    static const char *const heads[] = {"step", "operator", "how", "device", "bytes", "from"};
    for (int i = 0; i < 6; i++) cli_cell(table, "%s", heads[i]);
    for (uint32_t i = 0; i < tenonh_session_step_count(state->session); i++) {
        tenonh_step_info step = {.struct_size = sizeof step};
        if (tenonh_session_step(state->session, i, &step) != TENON_STATUS_OK) continue;
        cli_cell(table, "%u", i);
        cli_cell(table, "%s", step.name);
        cli_cell(table, "%s", tenonh_placement_name(step.placement));
        cli_cell(table, "%s", step.device[0] ? step.device : "-");
        cli_cell(table, "%s", cli_bytes(step.bytes));
        cli_cell(table, "%s", step.location);
    }
    cli_table_print(table);
}

static int print_text(const run_state *state, const share *shares, uint32_t count, const tenonh_session_stats *stats) {
    cli_line(stdout, "%s on %s (%s)", state->model_path, tenonh_device_name(state->device),
             tenonh_device_info(state->device)->name);
    print_tensors(state);
    puts("");
    if (cli_value(state->call, RUN_EXPLAIN)) {
        run_print_rewrites(state);
        run_print_claims(state);
        print_steps(state);
        puts("");
    }
    print_placement(shares, count);
    printf("\nbuffers %s: alive at once %s, in the model's order %s, in the planner's %s\n",
           cli_bytes(stats->arena_bytes), cli_bytes(stats->live_bytes), cli_bytes(stats->file_order_bytes),
           cli_bytes(stats->own_order_bytes));
    printf("streams %llu, %llu events, %llu waits\n", (unsigned long long)stats->streams,
           (unsigned long long)stats->events, (unsigned long long)stats->waits);
    printf("weights %s copied, %s used where they lie; %llu steps outside %s\n", cli_bytes(stats->constant_bytes),
           cli_bytes(stats->imported_bytes), (unsigned long long)stats->outside_nodes,
           tenonh_device_name(state->device));
    printf(
        "time    import %.1f ms, first run %.1f ms (planning %.1f ms), then median %.3f ms of %lld (least %.3f ms)\n",
        state->import_ms, state->first_ms, state->prepare_ms, median(state), (long long)state->repeat,
        state->times_ms[0]);
    return CLI_OK;
}

/* -- JSON --------------------------------------------------------------------------------------------------------- */

static void add_tensors(cJSON *object, const char *key, const run_tensor *list, uint32_t count) {
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (uint32_t i = 0; i < count; i++) {
        const run_tensor *t = &list[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddStringToObject(item, "name", t->name);
        cJSON_AddStringToObject(item, "dtype", tenon_dtype_name(t->array.dtype));
        cJSON *dims = cJSON_AddArrayToObject(item, "dims");
        for (uint32_t d = 0; d < t->array.rank; d++)
            cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)t->array.dims[d]));
        if (t->file || t->saved) cJSON_AddStringToObject(item, "file", t->file ? t->file : t->saved);
    }
}

static void add_constants(cJSON *object, const run_state *state) {
    cJSON *array = cJSON_AddArrayToObject(object, "constants");
    for (uint32_t i = 0; i < state->constant_count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(state->constants[i].name));
}

static void add_placement(cJSON *object, const share *shares, uint32_t count) {
    cJSON *array = cJSON_AddArrayToObject(object, "placement");
    for (uint32_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddStringToObject(item, "how", tenonh_placement_name(shares[i].placement));
        cJSON_AddStringToObject(item, "device", shares[i].device);
        cJSON_AddNumberToObject(item, "steps", (double)shares[i].steps);
        cJSON_AddNumberToObject(item, "bytes", (double)shares[i].bytes);
    }
}

static void add_steps(cJSON *object, const run_state *state) {
    cJSON *array = cJSON_AddArrayToObject(object, "steps");
    for (uint32_t i = 0; i < tenonh_session_step_count(state->session); i++) {
        tenonh_step_info step = {.struct_size = sizeof step};
        if (tenonh_session_step(state->session, i, &step) != TENON_STATUS_OK) continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        cJSON_AddStringToObject(item, "operator", step.name);
        cJSON_AddStringToObject(item, "how", tenonh_placement_name(step.placement));
        cJSON_AddStringToObject(item, "device", step.device);
        cJSON_AddNumberToObject(item, "bytes", (double)step.bytes);
        cJSON_AddStringToObject(item, "from", step.location);
    }
}

/* The planned peak of buffers and what bounds it from below: bytes alive at once, in the model's order of nodes, in the
 * planner's best, and in the one that runs. */
static void add_memory(cJSON *object, const tenonh_session_stats *stats) {
    cJSON *memory = cJSON_AddObjectToObject(object, "memory");
    cJSON_AddNumberToObject(memory, "planned_peak", (double)stats->arena_bytes);
    cJSON_AddNumberToObject(memory, "live", (double)stats->live_bytes);
    cJSON_AddNumberToObject(memory, "live_in_file_order", (double)stats->file_order_bytes);
    cJSON_AddNumberToObject(memory, "live_in_own_order", (double)stats->own_order_bytes);
    cJSON *streams = cJSON_AddObjectToObject(object, "streams");
    cJSON_AddNumberToObject(streams, "count", (double)stats->streams);
    cJSON_AddNumberToObject(streams, "events", (double)stats->events);
    cJSON_AddNumberToObject(streams, "waits", (double)stats->waits);
}

static void add_times(cJSON *object, const run_state *state) {
    cJSON *times = cJSON_AddObjectToObject(object, "milliseconds");
    cJSON_AddNumberToObject(times, "import", state->import_ms);
    cJSON_AddNumberToObject(times, "first", state->first_ms);
    cJSON_AddNumberToObject(times, "planning", state->prepare_ms);
    cJSON_AddNumberToObject(times, "median", median(state));
    cJSON_AddNumberToObject(times, "least", state->times_ms[0]);
    cJSON_AddNumberToObject(times, "repeat", (double)state->repeat);
}

static int print_json(const run_state *state, const share *shares, uint32_t count, const tenonh_session_stats *stats) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "model", state->model_path);
    cJSON_AddStringToObject(object, "device", tenonh_device_name(state->device));
    cJSON_AddStringToObject(object, "device_name", tenonh_device_info(state->device)->name);
    add_tensors(object, "inputs", state->inputs, state->input_count);
    add_constants(object, state);
    add_tensors(object, "outputs", state->outputs, state->output_count);
    add_placement(object, shares, count);
    run_add_rewrites(object, state);
    run_add_claims(object, state);
    if (cli_value(state->call, RUN_EXPLAIN)) add_steps(object, state);
    cJSON_AddNumberToObject(object, "outside_steps", (double)stats->outside_nodes);
    cJSON_AddNumberToObject(object, "weight_bytes", (double)(stats->constant_bytes + stats->imported_bytes));
    cJSON_AddNumberToObject(object, "imported_weight_bytes", (double)stats->imported_bytes);
    cJSON_AddNumberToObject(object, "buffer_bytes", (double)stats->arena_bytes);
    add_memory(object, stats);
    add_times(object, state);
    return cli_json(object, CLI_OK);
}

int run_report(run_state *state) {
    share shares[MOST_SHARES];
    uint32_t count = collect_shares(state, shares);
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    tenon_status status = tenonh_session_stats_read(state->session, &stats);
    if (status != TENON_STATUS_OK) return cli_fail(state->call, status, CLI_FAILED);
    return state->call->json ? print_json(state, shares, count, &stats) : print_text(state, shares, count, &stats);
}
