#include "harness/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/device.h>

#include "cases/cases.h"
#include "harness/hint.h"

enum { LIST_SECONDS = 120, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static bool refuse(cfh_session *s, int code, const char *reason, const char *text) {
    s->exit_code = code;
    (void)snprintf(s->reason, sizeof s->reason, "%s", reason);
    (void)snprintf(s->text, sizeof s->text, "%s", text);
    return false;
}

static bool take_refusal(cfh_session *s, const cJSON *answer) {
    char text[2048];
    const cJSON *why = cJSON_GetObjectItemCaseSensitive(answer, "refused");
    const char *detail = cfh_text_of(why, "detail"), *advice = cfh_text_of(why, "advice");
    (void)snprintf(text, sizeof text, "%s%s%s%s%s", cfh_text_of(why, "text"), detail[0] ? ": " : "", detail,
                   advice[0] ? "; " : "", advice);
    return refuse(s, (int)cfh_number_of(why, "exit", EXIT_FAILED), cfh_text_of(why, "reason"), text);
}

/* Profiles that a device of these kinds of work is held to. */
static uint32_t profiles_of(const cJSON *facts) {
    uint32_t kinds = (uint32_t)cfh_number_of(cJSON_GetObjectItemCaseSensitive(facts, "device"), "work_kinds", 0);
    uint32_t profiles = CF_PROFILE_RUNTIME | CF_PROFILE_ABI;
    if (kinds & (TENON_WORK_OP | TENON_WORK_KERNEL)) profiles |= CF_PROFILE_BASE;
    if (kinds & TENON_WORK_GRAPH) profiles |= CF_PROFILE_GRAPH;
    return profiles;
}

/* Each profile that was asked for must have rows: zero rows that pass are no pass. */
static bool check_rows(cfh_session *s, uint32_t asked, bool filtered) {
    char text[256];
    if (s->roster.run_count == 0) return refuse(s, EXIT_FAILED, "NO_ROWS", "there is no row to run");
    for (uint32_t bit = 1; bit < CF_PROFILE_LIMIT; bit *= 2) {
        bool found = false;
        for (uint32_t i = 0; i < s->roster.case_count; i++) found |= s->roster.cases[i].of->profile == bit;
        if (found) continue;
        (void)snprintf(text, sizeof text, "the profile %s has no row to run", cf_profile_name(bit));
        if ((asked & bit) && !filtered) return refuse(s, EXIT_FAILED, "NO_ROWS", text);
        s->profile &= ~bit;
    }
    return true;
}

/* A filter without a row is a slip of the pen: the run is refused where none has any, else it is told. */
static bool check_filters(cfh_session *s, const cJSON *listed, const char *const *filters, uint32_t filter_count) {
    for (uint32_t f = 0; f < filter_count && !s->warning[0]; f++) {
        bool found = false;
        for (uint32_t i = 0; i < s->roster.run_count && !found; i++)
            found = cfh_filter_matches(filters[f], s->roster.rows[i].name);
        if (!found)
            cfh_hint_write(filters[f], listed, cf_cases, cf_case_count, s->profile, s->warning, sizeof s->warning);
    }
    return s->roster.run_count > 0 || filter_count == 0 || refuse(s, EXIT_USAGE, "NO_ROWS", s->warning);
}

static bool list(cfh_session *s, cfh_worker *worker, const char *const *filters, uint32_t filter_count) {
    char error[1280] = "";
    bool late = false;
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "list");
    cJSON_AddNumberToObject(command, "profile", s->profile);
    cJSON *answer =
        cfh_process_ask(&worker->process, command, (uint64_t)(LIST_SECONDS * 1e9 * s->setup.patience), &late);
    if (!cfh_is(answer, "cases")) {
        cJSON_Delete(answer);
        return refuse(s, EXIT_FAILED, "LIST_FAILED", "a worker that was to list the rows ended, or came to no end");
    }
    bool made = cfh_roster_make(answer, filters, filter_count, &s->roster, error, sizeof error) ||
                refuse(s, EXIT_FAILED, "LIST_FAILED", error);
    if (made) made = check_filters(s, answer, filters, filter_count);
    cJSON_Delete(answer);
    return made;
}

static bool take_facts(cfh_session *s, cJSON *answer) {
    s->facts = cJSON_DetachItemFromObjectCaseSensitive(answer, "open");
    (void)snprintf(s->path, sizeof s->path, "%s",
                   cfh_text_of(cJSON_GetObjectItemCaseSensitive(s->facts, "plugin"), "path"));
    (void)snprintf(s->setup.uuid, sizeof s->setup.uuid, "%s",
                   cfh_text_of(cJSON_GetObjectItemCaseSensitive(s->facts, "device"), "uuid"));
    s->setup.plugin = s->path;
    s->setup.probe = false;
    return s->facts;
}

bool cfh_session_open(const cfh_setup *setup, uint32_t profile, const char *const *filters, uint32_t filter_count,
                      cfh_session *out_session) {
    cfh_session *s = out_session;
    cfh_worker worker;
    char text[2048] = "";
    *s = (cfh_session){.setup = *setup};
    s->setup.probe = true;
    cJSON *answer = cfh_worker_open(&s->setup, 0, &worker, text, sizeof text);
    if (!answer) return refuse(s, EXIT_FAILED, "OPEN_ENDED", text);
    bool open = cfh_is(answer, "open") ? take_facts(s, answer) : take_refusal(s, answer);
    (void)snprintf(text, sizeof text, "%s", cfh_text_of(answer, "damage"));
    cJSON_Delete(answer);
    if (!open) {
        (void)cfh_worker_end(&worker, true);
        return false;
    }
    s->profile = profile ? profile : profiles_of(s->facts);
    bool listed = list(s, &worker, filters, filter_count) && check_rows(s, profile, filter_count > 0);
    (void)cfh_worker_end(&worker, true);
    size_t used = strlen(s->text);
    if (!listed && text[0]) (void)snprintf(s->text + used, sizeof s->text - used, "; when it was opened: %s", text);
    return listed;
}

void cfh_session_free(cfh_session *session) {
    cfh_roster_free(&session->roster);
    cJSON_Delete(session->facts);
    *session = (cfh_session){0};
}

/* -- Trials -- */

static void find_failure(const cfh_run *run, cfh_trial *trial) {
    for (uint32_t i = 0; i < run->roster->row_count; i++) {
        cf_verdict verdict = run->verdicts[i];
        if (verdict == CFH_NOT_YET) continue;
        trial->rows += i < run->roster->run_count;
        if (verdict == CF_VERDICT_PASS || verdict == CF_VERDICT_NOT_APPLICABLE) continue;
        if (trial->verdict != CF_VERDICT_PASS) continue;
        trial->verdict = verdict;
        (void)snprintf(trial->row, sizeof trial->row, "%s", run->roster->rows[i].name);
        (void)snprintf(trial->text, sizeof trial->text, "%s", run->texts[i] ? run->texts[i] : "");
    }
}

void cfh_trial_run(const cfh_setup *setup, uint32_t profile, const char *const *filters, uint32_t filter_count,
                   cfh_trial *out_trial) {
    cfh_session s;
    cfh_run run = {0};
    cfh_order order = {0};
    cf_record_writer nowhere = {.file = -1};
    *out_trial = (cfh_trial){.verdict = CF_VERDICT_PASS};
    if (!cfh_session_open(setup, profile, filters, filter_count, &s)) {
        out_trial->refused = true;
        (void)snprintf(out_trial->text, sizeof out_trial->text, "%.64s: %.900s", s.reason, s.text);
    } else if (cfh_run_init(&run, &s.setup, &s.roster, &nowhere, 0) &&
               cfh_order_make(&s.roster, false, 0, s.setup.batch, &order)) {
        run.stops_at_failure = true;
        cfh_run_rows(&run, &order);
        if (!run.stopped) cfh_run_blame(&run);
        find_failure(&run, out_trial);
    }
    cfh_order_free(&order);
    if (run.roster) cfh_run_free(&run);
    cfh_session_free(&s);
}
