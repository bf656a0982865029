/* The verdict recomputed from the records, the plugin file and this program alone. Nothing of the plugin is loaded. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases/cases.h"
#include "report/report.h"

#ifndef TENON__VERSION
#define TENON__VERSION "0"
#endif

enum { MOST_TOLD = 20, LIST_SECONDS = 20 };

__attribute__((format(printf, 3, 4))) static bool refuse(tenon__text *out, const char *what, const char *format, ...) {
    va_list arguments;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tenon__text_format(out, "%s: %s\n", what, text);
    return false;
}

static const char *final_text(const report *r, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->records.final, key));
    return text ? text : "";
}

/* -- The file ----------------------------------------------------------------------------------------------------- */

static bool check_whole(const report *r, const char *path, tenon__text *out) {
    FILE *file = fopen(path, "rbe");
    int last = file && fseek(file, -1, SEEK_END) == 0 ? fgetc(file) : EOF;
    if (file) fclose(file);
    if (!r->records.final)
        return refuse(out, "truncated", "'%s' has no final line: the run did not end, or its end was cut off", path);
    if (last != '\n') return refuse(out, "tampered", "'%s' goes on after its final line", path);
    if (!r->records.bound)
        return refuse(out, "tampered", "the lines of '%s' do not have the SHA-256 that its final line tells", path);
    return true;
}

/* Header and final line were written by one program about one plugin. */
static bool check_final(const report *r, tenon__text *out) {
    const char *hash = report_header_in(r, "plugin", "sha256"), *suite = report_header(r, "suite");
    if (strcmp(final_text(r, "sha256"), hash) != 0)
        return refuse(out, "tampered", "the final line is about plugin %.64s, the header about %.64s",
                      final_text(r, "sha256"), hash);
    if (strcmp(final_text(r, "suite"), suite) != 0)
        return refuse(out, "tampered", "the final line is of suite %.64s, the header of %.64s", final_text(r, "suite"),
                      suite);
    if (strcmp(suite, TENON__VERSION) != 0)
        return refuse(out, "other suite",
                      "the records are of suite %.64s, this is %s: verify them with the suite that made them", suite,
                      TENON__VERSION);
    return true;
}

static bool check_plugin(const report *r, const char *plugin, tenon__text *out) {
    char hash[CF_SHA256_HEX];
    if (!cf_sha256_file(plugin, UINT64_MAX, hash))
        return refuse(out, "no plugin", "'%s' cannot be read: %s", plugin, strerror(errno));
    if (strcmp(hash, report_header_in(r, "plugin", "sha256")) == 0) return true;
    return refuse(out, "other plugin", "'%s' has SHA-256 %s, the records are about %.64s", plugin, hash,
                  report_header_in(r, "plugin", "sha256"));
}

/* -- The rows that this suite has --------------------------------------------------------------------------------- */

static bool tell_name(void *context, const char *name, const char *requirements) {
    (void)requirements;
    fprintf(context, "%s\n", name);
    return false;
}

/* Names of a case's rows, a line each. Most cases list rows without a device; in a process of its own, so that one which
 * wants a device after all harms nothing. NULL: it cannot be listed here. Owner: the caller. */
static char *list_rows(const cf_case *of) {
    int ends[2];
    char *names = NULL;
    size_t size = 0;
    if (pipe(ends) != 0) return NULL;
    pid_t child = fork();
    if (child == 0) {
        FILE *out = fdopen(ends[1], "we");
        (void)alarm(LIST_SECONDS);
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        (void)freopen("/dev/null", "we", stderr);
        if (out) cf_run_case(of, &(cf_sink){.context = out, .begin = tell_name});
        _exit(out && fclose(out) == 0 ? 0 : 1);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "re"), *text = open_memstream(&names, &size);
    char chunk[4096];
    for (size_t got; in && text && (got = fread(chunk, 1, sizeof chunk, in)) > 0;) (void)fwrite(chunk, 1, got, text);
    if (in) fclose(in);
    if (!text || fclose(text) != 0) free(names), names = NULL;
    int state = -1;
    if (child > 0) (void)waitpid(child, &state, 0);
    if (state == 0 && names && names[0]) return names;
    free(names);
    return NULL;
}

static bool has_case(const report *r, const char *name) {
    for (uint32_t i = 0; i < r->records.case_count; i++)
        if (strcmp(r->records.cases[i].name, name) == 0 && r->records.cases[i].row_count) return true;
    return false;
}

/* What verify finds of the rows that there must be. */
typedef struct findings {
    uint32_t missing;   /* rows, and cases without any */
    uint32_t by_device; /* cases that list rows by what the device declares: these rows are the records' word */
} findings;

static void check_rows(const report *r, const cf_case *of, findings *found, tenon__text *out) {
    char *names = list_rows(of), *rest = NULL;
    found->by_device += !names;
    for (char *name = names ? strtok_r(names, "\n", &rest) : NULL; name; name = strtok_r(NULL, "\n", &rest)) {
        if (cf_records_row(&r->records, 0, name)) continue;
        if (found->missing++ < MOST_TOLD)
            (void)refuse(out, "missing", "row %s is required, and the records do not have it", name);
    }
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

static bool check_cases(const report *r, tenon__text *out) {
    uint32_t profiles = profiles_of(r);
    findings found = {0};
    if (!profiles)
        return refuse(out, "unknown profile", "this suite has no profile '%.64s'", report_header(r, "profile"));
    for (uint32_t i = 0; i < cf_case_count; i++) {
        if (!(cf_cases[i].profile & profiles)) continue;
        if (has_case(r, cf_cases[i].name))
            check_rows(r, &cf_cases[i], &found, out);
        else
            found.missing++, (void)refuse(out, "missing", "case %s is required, and the records have no row of it",
                                          cf_cases[i].name);
    }
    if (found.missing > MOST_TOLD) tenon__text_format(out, "and %u more\n", found.missing - MOST_TOLD);
    if (found.by_device)
        tenon__text_format(out,
                           "%u cases list their rows by what the device declares: that all of these rows are there is "
                           "the records' word\n",
                           found.by_device);
    return found.missing == 0;
}

/* -- All of it ---------------------------------------------------------------------------------------------------- */

static void tell_conditions(const report *r, tenon__text *out) {
    for (uint32_t i = 0; i < REPORT_CONDITION_COUNT; i++)
        if (!r->conditions[i].holds)
            (void)refuse(out, "does not hold", "%s. %s", r->conditions[i].text, r->conditions[i].detail);
}

/* The final line's word against what the rows say. */
static bool check_word(const report *r, tenon__text *out) {
    const char *said = final_text(r, "verdict"), *is = cf_close_name(r->close);
    if (strcmp(said, is) == 0) return true;
    return refuse(out, "tampered", "the final line says '%.64s', its rows come to '%s'", said, is);
}

int report_verify(const report *r, const char *path, const char *plugin, tenon__text *out) {
    enum { CONFORMANT = 0, FAILED = 1, UNTRUSTED = 3, NO_VERDICT = 6 };
    bool trusted =
        check_whole(r, path, out) && check_final(r, out) && check_plugin(r, plugin, out) && check_word(r, out);
    if (!trusted) return UNTRUSTED;
    bool complete = r->close != CF_CLOSE_CONFORMANT || check_cases(r, out);
    if (r->close == CF_CLOSE_CONFORMANT && complete) {
        tenon__text_format(out, "%s\n", r->claim);
        return CONFORMANT;
    }
    tell_conditions(r, out);
    tenon__text_format(out, "%s\n", complete ? r->claim : "not conformant: rows are missing");
    return r->close == CF_CLOSE_NO_VERDICT ? NO_VERDICT : FAILED;
}
