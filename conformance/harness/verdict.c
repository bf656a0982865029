#include "harness/verdict.h"

#include "harness/diagnosis.h"
#include "harness/options.h"

#include <stdio.h>
#include <string.h>

#ifndef TENON__VERSION
#define TENON__VERSION "0"
#endif

const char *cfh_suite_version(void) {
    return TENON__VERSION;
}

static bool is_good(cf_verdict verdict) {
    return verdict == CF_VERDICT_PASS || verdict == CF_VERDICT_NOT_APPLICABLE;
}

/* Profiles with rows to run of which none passed: nothing is known of the device there. */
static uint32_t empty_profiles(const cfh_run *run) {
    uint32_t asked = 0, passed = 0;
    for (uint32_t i = 0; i < run->roster->run_count; i++) {
        uint32_t profile = run->roster->cases[run->roster->rows[i].case_index].of->profile;
        asked |= profile;
        if (run->verdicts[i] == CF_VERDICT_PASS) passed |= profile;
    }
    return asked & ~passed;
}

bool cfh_run_passed(const cfh_run *run) {
    for (uint32_t i = 0; i < run->roster->row_count; i++)
        if (!is_good(run->verdicts[i])) return false;
    return run->roster->run_count > 0 && empty_profiles(run) == 0;
}

/* Rows whose verdict differs from run to run. */
static cJSON *find_flaky(const cfh_verdict_facts *facts) {
    cJSON *flaky = cJSON_CreateArray();
    const cfh_roster *roster = &facts->session->roster;
    for (uint32_t i = 0; i < roster->row_count; i++) {
        bool differs = false;
        for (uint32_t r = 1; r < facts->run_count; r++)
            differs |= facts->runs[r].verdicts[i] != facts->runs[0].verdicts[i];
        if (differs) cJSON_AddItemToArray(flaky, cJSON_CreateString(roster->rows[i].name));
    }
    return flaky;
}

/* The worst verdict of a row over all runs. */
static cf_verdict worst(const cfh_verdict_facts *facts, uint32_t row) {
    cf_verdict verdict = facts->runs[0].verdicts[row];
    for (uint32_t r = 1; r < facts->run_count && is_good(verdict); r++) verdict = facts->runs[r].verdicts[row];
    return verdict;
}

static void count(const cfh_verdict_facts *facts, uint32_t counts[CFH_NOT_YET + 1]) {
    for (uint32_t i = 0; i < facts->session->roster.row_count; i++) counts[worst(facts, i)]++;
}

static bool is_wedged(const cfh_verdict_facts *facts) {
    for (uint32_t r = 0; r < facts->run_count; r++)
        if (facts->runs[r].wedged) return true;
    return false;
}

static cf_close close_of(const cfh_verdict_facts *facts, const uint32_t *counts, bool flaky) {
    bool passed = true;
    for (uint32_t r = 0; r < facts->run_count; r++) passed &= cfh_run_passed(&facts->runs[r]);
    if (is_wedged(facts) || facts->changed) return CF_CLOSE_NO_VERDICT;
    if (counts[CF_VERDICT_FAIL] || counts[CF_VERDICT_CRASH] || counts[CF_VERDICT_HANG] || flaky) return CF_CLOSE_FAILED;
    if (counts[CF_VERDICT_NO_VERDICT]) return CF_CLOSE_NO_VERDICT;
    if (!passed || facts->run_count == 0) return CF_CLOSE_FAILED;
    return facts->whole && facts->run_count >= 2 ? CF_CLOSE_CONFORMANT : CF_CLOSE_PASSED;
}

static void add_claim(cJSON *final, const cfh_verdict_facts *facts, cf_close close, const uint32_t *counts, int flaky) {
    char claim[512];
    const cJSON *plugin = cJSON_GetObjectItemCaseSensitive(facts->session->facts, "plugin");
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(facts->session->facts, "device");
    uint32_t bad = counts[CF_VERDICT_FAIL] + counts[CF_VERDICT_CRASH] + counts[CF_VERDICT_HANG];
    uint32_t good = counts[CF_VERDICT_PASS] + counts[CF_VERDICT_NOT_APPLICABLE];
    const char *name = cfh_text_of(device, "name"), *why = facts->run_count ? cfh_diagnosis(&facts->runs[0]) : "";
    const char *profiles = cfh_profiles_text(facts->session->profile);
    uint32_t empty = 0;
    for (uint32_t r = 0; r < facts->run_count; r++) empty |= empty_profiles(&facts->runs[r]);
    if (close == CF_CLOSE_CONFORMANT)
        (void)snprintf(claim, sizeof claim, "conformant: %s, ABI %s, device %s", profiles, cfh_text_of(plugin, "abi"),
                       name);
    else if (facts->changed)
        (void)snprintf(claim, sizeof claim, "no verdict: %s, device %s: the plugin's file changed while it was tested",
                       profiles, name);
    else if (close == CF_CLOSE_NO_VERDICT)
        (void)snprintf(claim, sizeof claim, "no verdict: %s, device %s: %u rows were not judged", profiles, name,
                       counts[CF_VERDICT_NO_VERDICT]);
    else if (close == CF_CLOSE_PASSED)
        (void)snprintf(claim, sizeof claim, "passed: %s, device %s: %u rows, of which %u do not apply", profiles, name,
                       good, counts[CF_VERDICT_NOT_APPLICABLE]);
    else if (bad == 0 && flaky == 0)
        (void)snprintf(claim, sizeof claim, "failed: %s, device %s: no row%s%s passed", profiles, name,
                       counts[CF_VERDICT_PASS] ? " of profile " : "",
                       counts[CF_VERDICT_PASS] ? cfh_profiles_text(empty) : "");
    else
        (void)snprintf(claim, sizeof claim, "failed: %s, device %s: %u of %u rows%s%s%s", profiles, name, bad,
                       bad + good, flaky ? ", and verdicts differ from run to run" : "", why[0] ? "; " : "", why);
    cJSON_AddStringToObject(final, "claim", claim);
}

cJSON *cfh_verdict_of(const cfh_verdict_facts *facts) {
    static const int exits[] = {
#define EXIT(value, NAME, name, code) code,
        CF_CLOSE_TABLE(EXIT)
#undef EXIT
    };
    uint32_t counts[CFH_NOT_YET + 1] = {0};
    cJSON *final = cJSON_CreateObject(), *flaky = find_flaky(facts);
    if (facts->run_count) count(facts, counts);
    cf_close close = close_of(facts, counts, cJSON_GetArraySize(flaky) > 0);
    cJSON_AddStringToObject(final, "verdict", cf_close_name(close));
    add_claim(final, facts, close, counts, cJSON_GetArraySize(flaky));
    cJSON_AddNumberToObject(final, "exit", exits[close]);
    cJSON *all = cJSON_AddObjectToObject(final, "counts");
    for (uint32_t i = 0; i < CF_VERDICT_COUNT; i++) cJSON_AddNumberToObject(all, cf_verdict_name(i), counts[i]);
    cJSON_AddItemToObject(final, "flaky", flaky);
    return final;
}
