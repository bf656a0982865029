/* The verdict: what a run must have, and what it comes to. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

__attribute__((format(printf, 4, 5))) static void set(report *r, uint32_t which, bool holds, const char *format, ...) {
    static const char *const texts[REPORT_CONDITION_COUNT] = {
#define TEXT(NAME, text) text,
        REPORT_CONDITION_TABLE(TEXT)
#undef TEXT
    };
    report_condition *condition = &r->conditions[which];
    condition->text = texts[which];
    condition->holds = holds;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(condition->detail, sizeof condition->detail, format, arguments);
    va_end(arguments);
}

static uint32_t count_weight(const report *r, uint32_t weight) {
    uint32_t count = 0;
    for (report_outcome i = 0; i < REPORT_OUTCOME_COUNT; i++)
        if (report_outcome_weight(i) == weight) count += r->counts[i];
    return count;
}

static bool is_sha256(const char *text) {
    return strlen(text) == CF_SHA256_HEX - 1 && strspn(text, "0123456789abcdef") == CF_SHA256_HEX - 1;
}

/* The plugin's file was another at the end of the run. */
static bool is_changed(const report *r) {
    const cJSON *hash = cJSON_GetObjectItemCaseSensitive(r->records.final, "sha256");
    return cJSON_IsString(hash) && strcmp(hash->valuestring, report_header_in(r, "plugin", "sha256")) != 0;
}

static void judge_file(report *r) {
    const cf_records *records = &r->records;
    bool hashed = is_sha256(report_header_in(r, "plugin", "sha256"));
    set(r, REPORT_ENDED, records->final, "%s", records->final ? "" : "The file of records has no final line.");
    set(r, REPORT_BOUND, records->bound && hashed && !is_changed(r), "%s",
        !records->final   ? "Nothing binds the records: there is no final line."
        : !records->bound ? "The lines of the file do not have the SHA-256 that its final line tells."
        : !hashed         ? "The header has no SHA-256 of the plugin file."
        : is_changed(r)   ? "The plugin file changed while it was tested."
                          : "");
}

/* What was left out on request. */
static void judge_choice(report *r) {
    char filters[128], detail[256];
    const char *layers = report_header(r, "layers");
    bool quick = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(r->records.header, "quick"));
    report_filters(r, filters, sizeof filters);
    snprintf(detail, sizeof detail, "%s%s%s%.60s%s", filters[0] ? " Filter: " : "", filters,
             layers[0] ? " Layers: " : "", layers, quick ? " Quick." : "");
    set(r, REPORT_WHOLE, !detail[0], "%s", detail[0] ? detail + 1 : "");
}

/* Profiles of rows with this outcome. The harness's own rows have none: that the process could be watched shows nothing of
 * the device. */
static uint32_t profiles_with(const report *r, report_outcome outcome) {
    uint32_t profiles = 0;
    for (uint32_t i = 0; i < r->records.row_count; i++)
        if (r->rows[i].outcome == outcome)
            profiles |= cf_profile_named(r->records.cases[r->rows[i].shown->case_index].profile);
    return profiles;
}

/* Profiles that the header names, as bits; all where it names none. */
static uint32_t profiles_asked(const report *r) {
    uint32_t profiles = 0;
    for (const char *at = report_header(r, "profile"); *at; at += strspn(at, ",")) {
        char name[32];
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : 0, at);
        profiles |= cf_profile_named(name);
        at += length;
    }
    return profiles ? profiles : CF_PROFILE_LIMIT - 1;
}

static void name_profiles(uint32_t profiles, char *out_names, size_t size) {
    size_t length = 0;
    out_names[0] = '\0';
    for (uint32_t bit = 1; bit < CF_PROFILE_LIMIT && length < size; bit *= 2)
        if (profiles & bit)
            length +=
                (size_t)snprintf(out_names + length, size - length, "%s%s", length ? "," : "", cf_profile_name(bit));
}

/* Tells the condition, and which profiles fall short of it. */
static void judge_passed(report *r) {
    uint32_t passed = profiles_with(r, REPORT_PASS), empty = profiles_asked(r) & ~passed;
    char names[64];
    name_profiles(passed ? empty : 0, names, sizeof names);
    set(r, REPORT_SOME_PASSED, empty == 0,
        "Rows that passed: %u; rows that ask for what the device declares that it lacks: %u.%s%s%s",
        r->counts[REPORT_PASS], r->counts[REPORT_NOT_APPLICABLE], names[0] ? " No row passed of profile " : "", names,
        names[0] ? "." : "");
}

/* A profile is not empty either whose rows are known to fail: the device passes, but does not conform. */
static uint32_t empty_profiles(const report *r) {
    return profiles_asked(r) & ~profiles_with(r, REPORT_PASS) & ~profiles_with(r, REPORT_KNOWN);
}

/* A filter is judged by the rows that it lets through: what it leaves of a profile may well not apply. */
static bool has_enough(const report *r) {
    char filters[128];
    report_filters(r, filters, sizeof filters);
    return !empty_profiles(r) || (filters[0] && profiles_with(r, REPORT_PASS));
}

static void judge_rows(report *r) {
    uint32_t rows = r->records.row_count, silent = count_weight(r, REPORT_SAYS_NOTHING);
    uint32_t bad = count_weight(r, REPORT_BAD);
    set(r, REPORT_COMPLETE, rows > 0 && silent == 0, rows == 0 ? "No row was run." : "Rows that ran: %u of %u.",
        rows - silent, rows);
    judge_passed(r);
    set(r, REPORT_NONE_FAILED, bad == 0 && r->expired_count == 0,
        "Rows that failed: %u; known failures past their day: %u.", bad, r->expired_count);
    set(r, REPORT_NO_KNOWN, r->counts[REPORT_KNOWN] == 0, "Rows that are known to fail: %u.", r->counts[REPORT_KNOWN]);
    if (r->conditions[REPORT_NONE_FAILED].holds) r->conditions[REPORT_NONE_FAILED].detail[0] = '\0';
    if (r->conditions[REPORT_NO_KNOWN].holds) r->conditions[REPORT_NO_KNOWN].detail[0] = '\0';
}

static void judge_runs(report *r) {
    uint32_t runs = r->records.run_count, disagree = r->counts[REPORT_DISAGREE];
    set(r, REPORT_SHUFFLED, runs > 1 && r->records.shuffled_runs > 0, "Runs: %u, shuffled: %u.", runs,
        r->records.shuffled_runs);
    set(r, REPORT_AGREED, runs > 1 && disagree == 0,
        runs > 1 ? "Rows that came out in two ways: %u." : "There is one run.", disagree);
    if (r->conditions[REPORT_AGREED].holds) r->conditions[REPORT_AGREED].detail[0] = '\0';
}

static cf_close conclude(const report *r) {
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(r->records.final, "verdict");
    bool refused = cJSON_IsString(said) && strcmp(said->valuestring, cf_close_name(CF_CLOSE_REFUSED)) == 0;
    if (refused && r->records.row_count == 0) return CF_CLOSE_REFUSED;
    if (is_changed(r)) return CF_CLOSE_NO_VERDICT;
    if (r->records.wedged) return CF_CLOSE_NO_VERDICT; /* the device may have been failing for long */
    if (!r->conditions[REPORT_NONE_FAILED].holds) return CF_CLOSE_FAILED;
    if (!r->conditions[REPORT_ENDED].holds || !r->conditions[REPORT_BOUND].holds) return CF_CLOSE_NO_VERDICT;
    if (count_weight(r, REPORT_SAYS_NOTHING)) return CF_CLOSE_NO_VERDICT;
    if (!has_enough(r)) return CF_CLOSE_FAILED;
    for (uint32_t i = 0; i < REPORT_CONDITION_COUNT; i++)
        if (!r->conditions[i].holds) return CF_CLOSE_PASSED;
    return CF_CLOSE_CONFORMANT;
}

static const char *first_missing(const report *r) {
    for (uint32_t i = 0; i < REPORT_CONDITION_COUNT; i++)
        if (!r->conditions[i].holds) return r->conditions[i].detail;
    return "";
}

/* Why it is so, after "WORD: PROFILES, device NAME". */
static void reason(const report *r, char *out_text, size_t size) {
    uint32_t rows = r->records.row_count, bad = count_weight(r, REPORT_BAD), disagree = r->counts[REPORT_DISAGREE];
    const char *why = report_diagnosis(r), *missing = first_missing(r);
    char names[64];
    name_profiles(profiles_with(r, REPORT_PASS) ? empty_profiles(r) : 0, names, sizeof names);
    if (r->close == CF_CLOSE_PASSED)
        snprintf(out_text, size, "%u rows, of which %u do not apply. %s%s%s%s", rows, r->counts[REPORT_NOT_APPLICABLE],
                 missing, names[0] ? " No row passed of profile " : "", names, names[0] ? "." : "");
    else if (r->close == CF_CLOSE_FAILED && bad)
        snprintf(out_text, size, "%u of %u rows%s%s%s", bad, rows,
                 disagree ? ", and verdicts differ from run to run" : "", why[0] ? "; " : "", why);
    else if (r->close == CF_CLOSE_FAILED && r->expired_count)
        snprintf(out_text, size, "%u known failures have expired", r->expired_count);
    else if (r->close == CF_CLOSE_FAILED)
        snprintf(out_text, size, "no row%s%s passed", names[0] ? " of profile " : "", names);
    else
        snprintf(out_text, size, "%s%s", r->records.wedged ? "the device stopped working. " : "", missing);
}

static void claim(report *r) {
    const char *profile = report_header(r, "profile"), *device = report_header_in(r, "device", "name");
    const char *word = cf_close_name(r->close);
    char why[384];
    size_t size = sizeof r->claim;
    reason(r, why, sizeof why);
    if (r->close == CF_CLOSE_CONFORMANT)
        snprintf(r->claim, size, "%s: %s, ABI %s, device %s", word, profile, report_header_in(r, "plugin", "abi"),
                 device);
    else if (r->close == CF_CLOSE_REFUSED)
        snprintf(r->claim, size, "%s: the plugin was not loaded", word);
    else
        snprintf(r->claim, size, "%s: %s, device %s: %s", word, profile, device, why);
}

void report_judge(report *r) {
    judge_file(r);
    judge_choice(r);
    judge_rows(r);
    judge_runs(r);
    r->close = conclude(r);
    claim(r);
}
