#include "harness/crew.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000.0
enum { OPEN_SECONDS = 60, CLOSE_SECONDS = 20 };

static uint64_t seconds(const cfh_setup *setup, double count) {
    return (uint64_t)(count * SECOND_NS * setup->patience);
}

uint64_t cfh_row_limit(const cfh_setup *setup, const cfh_roster *roster, uint32_t row) {
    uint32_t limit = roster->cases[roster->rows[row].case_index].of->seconds;
    return seconds(setup, limit ? limit : CF_DEFAULT_SECONDS);
}

cfh_use cfh_use_of(const cJSON *message) {
    const cJSON *r = cJSON_GetObjectItemCaseSensitive(message, "resources");
    return (cfh_use){cfh_number_of(r, "heap", 0), cfh_number_of(r, "blocks", 0), cfh_number_of(r, "files", 0),
                     cfh_number_of(r, "threads", 0), cfh_number_of(r, "mapped", 0)};
}

static cJSON *open_command(const cfh_setup *setup) {
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%016llx", (unsigned long long)setup->seed);
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "open");
    if (setup->plugin)
        cJSON_AddStringToObject(command, "plugin", setup->plugin);
    else
        cJSON_AddStringToObject(command, "id", setup->id);
    cJSON_AddNumberToObject(command, "index", setup->index);
    cJSON_AddStringToObject(command, "layers", setup->layers);
    cJSON_AddBoolToObject(command, "probe", setup->probe);
    cJSON_AddStringToObject(command, "seed", seed);
    return command;
}

/* How a worker ended that did not answer. */
static void tell_end(cfh_worker *worker, bool late, double limit, const char *what, char *out_text, size_t size) {
    char end[128];
    cfh_ending ending = cfh_worker_end(worker, late);
    const char *words = cfh_process_words(&worker->process);
    cfh_ending_describe(&ending, end, sizeof end);
    if (late)
        (void)snprintf(out_text, size, "%s comes to no end within %g s%s%s", what, limit, words[0] ? "; it said: " : "",
                       words);
    else
        (void)snprintf(out_text, size, "%s ends the process: %s%s%s", what, end, words[0] ? "; it said: " : "", words);
}

/* REQ-DEV-03: what is cached for a device is found again by its UUID. */
static void compare_uuid(const cfh_setup *setup, cJSON *answer) {
    char text[160];
    const cJSON *open = cJSON_GetObjectItemCaseSensitive(answer, "open");
    const char *uuid = cfh_text_of(cJSON_GetObjectItemCaseSensitive(open, "device"), "uuid");
    if (!setup->uuid[0] || strcmp(uuid, setup->uuid) == 0 || cfh_is(answer, "damage")) return;
    (void)snprintf(text, sizeof text, "the device's UUID is %s in one process and %s in another (REQ-DEV-03)",
                   setup->uuid, uuid);
    cJSON_AddStringToObject(answer, "damage", text);
}

cJSON *cfh_worker_open(const cfh_setup *setup, uint32_t number, cfh_worker *out_worker, char *out_text, size_t size) {
    bool late = false;
    *out_worker = (cfh_worker){.number = number};
    if (!cfh_process_start(setup->program, setup->environment, &out_worker->process)) {
        (void)snprintf(out_text, size, "a worker cannot be started: %s", strerror(errno));
        return NULL;
    }
    cJSON *answer = cfh_process_ask(&out_worker->process, open_command(setup), seconds(setup, OPEN_SECONDS), &late);
    if (!answer)
        tell_end(out_worker, late, OPEN_SECONDS * setup->patience,
                 "opening the device, with a first write, read and synchronize of a stream,", out_text, size);
    else if (cfh_is(answer, "open"))
        out_worker->use = cfh_use_of(answer);
    else
        (void)cfh_worker_end(out_worker, true);
    if (cfh_is(answer, "open")) compare_uuid(setup, answer);
    return answer;
}

bool cfh_worker_close(const cfh_setup *setup, cfh_worker *worker, char *out_text, size_t size) {
    bool late = false;
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "close");
    cJSON *answer = cfh_process_ask(&worker->process, command, seconds(setup, CLOSE_SECONDS), &late);
    const char *damage = cfh_text_of(answer, "closed");
    if (!answer) {
        tell_end(worker, late, CLOSE_SECONDS * setup->patience, "closing the device", out_text, size);
        return false;
    }
    (void)snprintf(out_text, size, "%s", damage);
    cJSON_Delete(answer);
    cfh_ending ending = cfh_worker_end(worker, false);
    if (out_text[0]) return false;
    if (!ending.by_harness && ending.code == CLD_EXITED && ending.status == 0) return true;
    char end[128];
    cfh_ending_describe(&ending, end, sizeof end);
    const char *words = cfh_process_words(&worker->process);
    (void)snprintf(out_text, size, "after the device was closed, the process %s%s%s%s",
                   ending.by_harness ? "does not exit" : "ends with ", ending.by_harness ? "" : end,
                   words[0] ? "; it said: " : "", words);
    return false;
}

cfh_ending cfh_worker_end(cfh_worker *worker, bool kill_now) {
    cfh_ending ending = cfh_process_end(&worker->process, kill_now);
    free(worker->history);
    worker->history = NULL;
    worker->history_count = worker->history_room = 0;
    return ending;
}

void cfh_worker_remember(cfh_worker *worker, uint32_t row) {
    if (worker->history_count == worker->history_room) {
        uint32_t room = worker->history_room * 2 + 64;
        uint32_t *history = realloc(worker->history, room * sizeof *history);
        if (!history) return;
        worker->history = history;
        worker->history_room = room;
    }
    worker->history[worker->history_count++] = row;
}
