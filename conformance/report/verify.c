/* The verdict recomputed from the records, the plugin file and this program alone. Nothing of the plugin is loaded. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "report/report.h"

#ifndef TENON__VERSION
#define TENON__VERSION "0"
#endif

enum { MOST_TOLD = 20 };
enum { OK = 0, FAILED = 1, USAGE = 2, UNTRUSTED = 3, INCOMPATIBLE = 4, NO_VERDICT = 6 };

/* Says what is wrong, and gives the code. */
__attribute__((format(printf, 4, 5))) static int refuse(tenon__text *out, int code, const char *what,
                                                        const char *format, ...) {
    va_list arguments;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tenon__text_format(out, "%s: %s\n", what, text);
    return code;
}

static const char *final_text(const report *r, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->records.final, key));
    return text ? text : "";
}

/* -- The file ----------------------------------------------------------------------------------------------------- */

static int check_whole(const report *r, const char *path, tenon__text *out) {
    FILE *file = fopen(path, "rbe");
    int last = file && fseek(file, -1, SEEK_END) == 0 ? fgetc(file) : EOF;
    if (file) fclose(file);
    if (!r->records.final)
        return refuse(out, NO_VERDICT, "truncated",
                      "'%s' has no final line: the run did not end, or its end was cut off", path);
    if (last != '\n') return refuse(out, UNTRUSTED, "tampered", "'%s' goes on after its final line", path);
    if (!r->records.bound)
        return refuse(out, UNTRUSTED, "tampered", "the lines of '%s' do not have the SHA-256 that its final line tells",
                      path);
    return OK;
}

/* Header and final line were written by one program about one plugin. */
static int check_final(const report *r, tenon__text *out) {
    const char *hash = report_header_in(r, "plugin", "sha256"), *suite = report_header(r, "suite");
    if (strcmp(final_text(r, "sha256"), hash) != 0)
        return refuse(out, UNTRUSTED, "tampered", "the final line is about plugin %.64s, the header about %.64s",
                      final_text(r, "sha256"), hash);
    if (strcmp(final_text(r, "suite"), suite) != 0)
        return refuse(out, UNTRUSTED, "tampered", "the final line is of suite %.64s, the header of %.64s",
                      final_text(r, "suite"), suite);
    if (strcmp(suite, TENON__VERSION) != 0)
        return refuse(out, INCOMPATIBLE, "other suite",
                      "the records are of suite %.64s, this is %s: verify them with the suite that made them", suite,
                      TENON__VERSION);
    return OK;
}

/* The header tells how many runs there were to be. Fewer are enough for no verdict of conformance; more were never made. */
static int check_runs(const report *r, tenon__text *out) {
    const cJSON *runs = cJSON_GetObjectItemCaseSensitive(r->records.header, "runs");
    uint32_t made = r->records.run_count;
    if (!cJSON_IsNumber(runs) || runs->valuedouble == made) return OK;
    if (made < runs->valuedouble && r->close != CF_CLOSE_CONFORMANT) return OK;
    return refuse(out, UNTRUSTED, "tampered", "the header announces %.0f runs, the file has %u", runs->valuedouble,
                  made);
}

static int check_plugin(const report *r, const char *plugin, tenon__text *out) {
    char hash[CF_SHA256_HEX];
    if (!cf_sha256_file(plugin, UINT64_MAX, hash))
        return refuse(out, USAGE, "no plugin", "'%s' cannot be read: %s", plugin, strerror(errno));
    if (strcmp(hash, report_header_in(r, "plugin", "sha256")) == 0) return OK;
    return refuse(out, UNTRUSTED, "other plugin", "'%s' has SHA-256 %s, the records are about %.64s", plugin, hash,
                  report_header_in(r, "plugin", "sha256"));
}

/* -- The rows that this suite has --------------------------------------------------------------------------------- */

/* What verify finds of the rows that there must be. */
typedef struct findings {
    uint32_t missing;  /* rows */
    uint32_t unlisted; /* cases of which it can't tell which rows they have */
} findings;

/* A case without rows for such a device requires none. That it can't be listed is no such thing. */
static void check_rows(const report *r, const cf_case *of, findings *found, tenon__text *out) {
    char *names = report_list_rows(r, of), *rest = NULL;
    found->unlisted += !names;
    if (!names)
        (void)refuse(out, NO_VERDICT, "not listed",
                     "the rows of case %s cannot be listed by what the records say of the device", of->name);
    for (char *name = names ? strtok_r(names, "\n", &rest) : NULL; name; name = strtok_r(NULL, "\n", &rest))
        if (!cf_records_row(&r->records, 0, name) && found->missing++ < MOST_TOLD)
            (void)refuse(out, FAILED, "missing", "row %s is required, and the records do not have it", name);
    free(names);
}

/* The profiles of the run as bits: the header has them with commas between. 0: one is unknown. */
static uint32_t profiles_of(const report *r) {
    char names[128], *rest = NULL;
    uint32_t profiles = 0;
    snprintf(names, sizeof names, "%s", report_header(r, "profile"));
    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        if (!cf_profile_named(name)) return 0;
        profiles |= cf_profile_named(name);
    }
    return profiles;
}

/* 0: every row that this suite requires is there. */
static int check_cases(const report *r, tenon__text *out) {
    uint32_t profiles = profiles_of(r);
    findings found = {0};
    if (!profiles)
        return refuse(out, INCOMPATIBLE, "unknown profile", "this suite has no profile '%.64s'",
                      report_header(r, "profile"));
    for (uint32_t i = 0; i < cf_case_count; i++)
        if (cf_cases[i].profile & profiles) check_rows(r, &cf_cases[i], &found, out);
    if (found.missing > MOST_TOLD) tenon__text_format(out, "and %u more\n", found.missing - MOST_TOLD);
    return found.missing ? FAILED : found.unlisted ? NO_VERDICT : OK;
}

/* -- All of it ---------------------------------------------------------------------------------------------------- */

static void tell_conditions(const report *r, tenon__text *out) {
    for (uint32_t i = 0; i < REPORT_CONDITION_COUNT; i++)
        if (!r->conditions[i].holds)
            (void)refuse(out, FAILED, "does not hold", "%s. %s", r->conditions[i].text, r->conditions[i].detail);
}

/* The final line's word against what the rows say. */
static int check_word(const report *r, tenon__text *out) {
    const char *said = final_text(r, "verdict"), *is = cf_close_name(r->close);
    if (strcmp(said, is) == 0) return OK;
    return refuse(out, UNTRUSTED, "tampered", "the final line says '%.64s', its rows come to '%s'", said, is);
}

int report_verify(const report *r, const char *path, const char *plugin, tenon__text *out) {
    int code = check_whole(r, path, out);
    if (code == OK) code = check_final(r, out);
    if (code == OK) code = check_runs(r, out);
    if (code == OK) code = check_plugin(r, plugin, out);
    if (code == OK) code = check_word(r, out);
    if (code != OK) return code;
    if (r->close != CF_CLOSE_CONFORMANT) {
        tell_conditions(r, out);
        code = r->close == CF_CLOSE_PASSED ? FAILED : report_exit(r); /* a part that passed is not the whole */
    } else {
        code = check_cases(r, out);
    }
    tenon__text_format(out, "%s%s\n", r->close == CF_CLOSE_CONFORMANT && code != OK ? "not shown: " : "", r->claim);
    return code;
}
