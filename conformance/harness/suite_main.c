#include "harness/suite_main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <tenon/host/error.h>

#include "cli.h"
#include "harness/evidence.h"
#include "harness/progress.h"
#include "harness/session.h"
#include "report/report.h"

enum { EXIT_INTERRUPTED = 130 };

/* Everything that one call of the command holds. */
typedef struct suite {
    cfh_options *options;
    cfh_session session;
    cf_record_writer writer;
    cf_records before; /* of a run that is resumed, but for what it does anew */
    uint64_t cut;      /* where its records are cut off for that; 0: nowhere */
    cfh_progress progress;
    cfh_run *runs;
    uint32_t run_count, planned;
    char sha256[CF_SHA256_HEX];
    bool writer_is_temporary;
    char *claim; /* of the run that came to its end */
} suite;

/* -- Records -- */

/* What was seen and could not be kept is no verdict: 1 is for a device that failed. */
static int fail_records(const char *path, int error) {
    cli_line(stderr, "tenon test: no verdict: the records could not be written to %s: %s", path, strerror(error));
    return CLI_NO_VERDICT;
}

/* Old records may go; any other file that has something in it was named by mistake, be it the plugin itself. */
static bool is_no_records_file(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return false;
    FILE *file = fopen(path, "re");
    int first = file ? fgetc(file) : '{';
    if (file) (void)fclose(file);
    return first != '{';
}

static int open_records(suite *s) {
    static char temporary[64];
    const cfh_options *o = s->options;
    const char *path = o->resume ? o->resume : o->records;
    if (!path) {
        (void)snprintf(temporary, sizeof temporary, "/tmp/tenon-conformance-XXXXXX");
        int file = mkstemp(temporary);
        if (file < 0) return fail_records("a temporary file in /tmp", errno);
        close(file);
        path = temporary;
        s->writer_is_temporary = true;
    }
    if (is_no_records_file(path)) {
        cli_line(stderr, "tenon test: %s holds something other than records: name another file for them", path);
        return CLI_USAGE;
    }
    if (cf_record_open(path, o->resume, &s->writer) && (!s->cut || cf_record_cut(&s->writer, s->cut))) return CLI_OK;
    cli_line(stderr, "tenon test: records: %s cannot be written: %s; nothing was run", path, strerror(errno));
    return CLI_USAGE;
}

static cJSON *describe_environment(const suite *s) {
    char moment[32] = "";
    struct utsname host;
    time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts)) (void)strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%SZ", &parts);
    cJSON *environment = cJSON_CreateObject();
    cJSON_AddStringToObject(environment, "started", moment);
    if (uname(&host) == 0) {
        cJSON_AddStringToObject(environment, "system", host.sysname);
        cJSON_AddStringToObject(environment, "release", host.release);
        cJSON_AddStringToObject(environment, "machine", host.machine);
    }
    cJSON_AddNumberToObject(environment, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
    cJSON_AddNumberToObject(environment, "jobs", s->options->setup.jobs);
    cJSON_AddNumberToObject(environment, "patience", s->options->setup.patience);
    return environment;
}

static void add_filters(cJSON *header, const cfh_options *o) {
    cJSON *filters = cJSON_AddArrayToObject(header, "filters");
    for (uint32_t i = 0; i < o->filter_count; i++) cJSON_AddItemToArray(filters, cJSON_CreateString(o->filters[i]));
}

static cJSON *describe_plugin(const suite *s) {
    const cfh_setup *setup = &s->session.setup;
    cJSON *plugin = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(s->session.facts, "plugin"), true);
    if (!plugin) {
        plugin = cJSON_CreateObject();
        cJSON_AddStringToObject(plugin, setup->plugin ? "path" : "id", setup->plugin ? setup->plugin : setup->id);
    }
    cJSON_AddStringToObject(plugin, "sha256", s->sha256);
    return plugin;
}

static void write_header(suite *s) {
    char seed[24];
    const cfh_options *o = s->options;
    cJSON *header = cJSON_CreateObject(), *device = cJSON_GetObjectItemCaseSensitive(s->session.facts, "device");
    (void)snprintf(seed, sizeof seed, "0x%016llx", (unsigned long long)o->setup.seed);
    cJSON_AddNumberToObject(header, "format", CF_RECORD_FORMAT);
    cJSON_AddStringToObject(header, "suite", cf_suite_version());
    cJSON_AddStringToObject(header, "profile", cfh_profiles_text(s->session.profile));
    add_filters(header, o);
    cJSON_AddStringToObject(header, "seed", seed);
    cJSON_AddNumberToObject(header, "runs", s->planned);
    cJSON_AddNumberToObject(header, "repeat", o->repeat);
    cJSON_AddBoolToObject(header, "shuffle", o->shuffle);
    cJSON_AddBoolToObject(header, "quick", o->quick);
    cJSON_AddStringToObject(header, "layers", o->setup.layers);
    cJSON_AddNumberToObject(header, "index", o->setup.index);
    cJSON_AddItemToObject(header, "plugin", describe_plugin(s));
    if (device) cJSON_AddItemToObject(header, "device", cJSON_Duplicate(device, true));
    cJSON_AddItemToObject(header, "environment", describe_environment(s));
    (void)cf_record_write(&s->writer, header);
}

static void write_cases(suite *s) {
    const cfh_roster *roster = &s->session.roster;
    for (uint32_t i = 0; i < roster->case_count; i++) {
        const cfh_roster_case *of = &roster->cases[i];
        cJSON *line = cJSON_CreateObject();
        cJSON_AddStringToObject(line, "case", of->of->name);
        cJSON_AddStringToObject(line, "profile", of->of->profile ? cf_profile_name(of->of->profile) : "");
        cJSON_AddStringToObject(line, "requirements", of->of->requirements);
        cJSON_AddNumberToObject(line, "seconds", of->of->seconds ? of->of->seconds : CF_DEFAULT_SECONDS);
        cJSON_AddBoolToObject(line, "alone", of->of->flags & CF_FLAG_ALONE);
        cJSON *rows = cJSON_AddArrayToObject(line, "rows");
        for (uint32_t k = of->first; k < of->first + of->row_count; k++)
            cJSON_AddItemToArray(rows, cJSON_CreateStringReference(roster->rows[k].name));
        (void)cf_record_write(&s->writer, line);
    }
}

static void write_run(suite *s, uint32_t number, bool shuffled) {
    cJSON *line = cJSON_CreateObject();
    cJSON_AddNumberToObject(line, "run", number);
    cJSON_AddStringToObject(line, "order", shuffled ? "shuffled" : "table");
    (void)cf_record_write(&s->writer, line);
}

/* -- Resuming -- */

static const char *header_text(const suite *s, const char *key) {
    return cfh_text_of(s->before.header, key);
}

/* Options come from the header of the run that goes on; the plugin must be the same. */
static int take_header(suite *s) {
    cfh_options *o = s->options;
    const cJSON *plugin = cJSON_GetObjectItemCaseSensitive(s->before.header, "plugin"), *one = NULL;
    if (!o->setup.plugin && !o->setup.id) o->setup.plugin = cfh_text_of(plugin, "path");
    o->setup.seed = strtoull(header_text(s, "seed"), NULL, 0);
    o->setup.layers = header_text(s, "layers");
    o->setup.index = (uint32_t)cfh_number_of(s->before.header, "index", 0);
    o->repeat = (uint32_t)cfh_number_of(s->before.header, "repeat", 1);
    o->quick = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(s->before.header, "quick"));
    o->shuffle = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(s->before.header, "shuffle"));
    o->filter_count = 0;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(s->before.header, "filters")) {
        if (cJSON_IsString(one) && o->filter_count < CFH_MOST_FILTERS) o->filters[o->filter_count++] = one->valuestring;
    }
    o->profile = cfh_profiles_parse(header_text(s, "profile"));
    return o->profile ? CLI_OK : CLI_USAGE;
}

/* Verdicts that came from running rows again are sought anew: by then it was not known which were still to come. */
static bool read_records(suite *s, const char *path, char *out_error, size_t size) {
    if (!cf_records_read(path, &s->before, out_error, size)) return false;
    s->cut = s->before.final ? 0 : s->before.evidence.blame;
    if (!s->cut) return true;
    cf_records_free(&s->before);
    return cf_records_read_part(path, s->cut, &s->before, out_error, size);
}

static int read_before(suite *s) {
    char error[512];
    const char *path = s->options->resume;
    if (!read_records(s, path, error, sizeof error)) {
        cli_line(stderr, "tenon test: --resume: %s holds no records that a run wrote: %s", path, error);
        return CLI_USAGE;
    }
    if (s->before.final) {
        cli_line(stderr, "tenon test: --resume: %s has come to its end, %s: `tenon report summary` tells more", path,
                 cfh_text_of(s->before.final, "verdict"));
        return CLI_USAGE;
    }
    if (s->before.row_count == 0) {
        cli_line(stderr, "tenon test: %s was cut off before its rows were listed: run the test anew", path);
        return CLI_USAGE;
    }
    return take_header(s);
}

/* The rows must be those of before, in the same order, and the plugin the same file. */
static int check_before(const suite *s) {
    const cJSON *plugin = cJSON_GetObjectItemCaseSensitive(s->before.header, "plugin");
    const char *was = cfh_text_of(plugin, "id");
    const char *is = cfh_text_of(cJSON_GetObjectItemCaseSensitive(s->session.facts, "plugin"), "id");
    bool same = s->before.row_count == s->session.roster.row_count;
    if (was[0] && is[0] && strcmp(was, is) != 0) {
        cli_line(stderr,
                 "tenon test: --resume: %s has records of plugin '%s', not of '%s': name that one, or none, or run the "
                 "test anew",
                 s->options->resume, was, is);
        return CLI_USAGE;
    }
    if (strcmp(cfh_text_of(plugin, "sha256"), s->sha256) != 0) {
        cli_line(stderr, "tenon test: the plugin has changed since %s was begun: run the test anew",
                 s->options->resume);
        return CLI_USAGE;
    }
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(s->before.header, "device");
    if (strcmp(cfh_text_of(device, "uuid"), s->session.setup.uuid) != 0) {
        cli_line(stderr,
                 "tenon test: %s was begun on another device, of UUID %s, and this one's is %s: run the test anew",
                 s->options->resume, cfh_text_of(device, "uuid"), s->session.setup.uuid);
        return CLI_USAGE;
    }
    for (uint32_t i = 0; same && i < s->before.row_count && s->before.run_count; i++)
        same = strcmp(s->before.rows[i].name, s->session.roster.rows[i].name) == 0;
    if (same && strcmp(header_text(s, "suite"), cf_suite_version()) == 0) return CLI_OK;
    cli_line(stderr, "tenon test: %s lists other rows than this suite and device: run the test anew",
             s->options->resume);
    return CLI_USAGE;
}

/* -- Runs -- */

static int run_once(suite *s) {
    const cfh_options *o = s->options;
    uint32_t number = s->run_count;
    bool shuffled = number > 0 || o->shuffle, was_ended = number + 1 < s->before.run_count;
    cfh_run *run = &s->runs[number];
    cfh_order order = {0};
    if (!cfh_run_init(run, &s->session.setup, &s->session.roster, &s->writer, number) ||
        !cfh_order_make(&s->session.roster, shuffled, o->setup.seed + number, o->setup.batch, &order)) {
        cfh_order_free(&order);
        return CLI_NO_VERDICT;
    }
    s->run_count++;
    run->told = cfh_progress_told;
    run->context = &s->progress;
    if (!was_ended) write_run(s, number, shuffled);
    if (number < s->before.run_count) cfh_evidence_resume(run, &s->before);
    if (!was_ended) {
        cfh_progress_begin(&s->progress, run, shuffled);
        cfh_run_rows(run, &order);
        if (!cfh_interrupted) cfh_run_blame(run);
    }
    cfh_order_free(&order);
    cfh_progress_clear(&s->progress);
    return cfh_interrupted ? EXIT_INTERRUPTED : CLI_OK;
}

/* A run that failed is not run a second time to see whether the order matters, unless that was asked for. */
static int run_all(suite *s) {
    int code = CLI_OK;
    s->runs = calloc(s->planned, sizeof *s->runs);
    if (!s->runs) return CLI_NO_VERDICT;
    cfh_progress_init(&s->progress, &s->session.roster, s->planned);
    while (code == CLI_OK && s->run_count < s->planned) {
        code = run_once(s);
        const cfh_run *run = &s->runs[s->run_count ? s->run_count - 1 : 0];
        if (run->wedged || s->writer.error) break;
        if (s->run_count >= s->options->repeat && !cfh_run_passed(run)) break;
    }
    return code;
}

/* What was tested must be one file from beginning to end: what it is now is put into the last record. */
static void hash_again(suite *s) {
    if (!cf_sha256_file(s->session.setup.plugin, UINT64_MAX, s->sha256)) s->sha256[0] = '\0';
}

/* What the records come to, as any report says that is made of them later. */
static int conclude(suite *s) {
    cJSON *final = NULL;
    hash_again(s);
    if (s->writer.error) return fail_records(s->writer.path, s->writer.error);
    if (report_final(s->writer.path, s->sha256, &final) != TENON_STATUS_OK) {
        cli_line(stderr, "tenon test: no verdict: %s", tenonh_error_message());
        return CLI_NO_VERDICT;
    }
    int code = (int)cfh_number_of(final, "exit", CLI_NO_VERDICT);
    s->claim = strdup(cfh_text_of(final, "claim"));
    if (cf_record_final(&s->writer, final, s->sha256)) return code;
    free(s->claim);
    s->claim = NULL;
    return fail_records(s->writer.path, s->writer.error);
}

/* With the name that was given, but where the words are about something else that was. */
static void tell_refusal(const suite *s) {
    const cfh_setup *setup = &s->options->setup;
    const char *name = s->session.facts ? "" : setup->plugin ? setup->plugin : setup->id ? setup->id : "";
    cli_line(stderr, "tenon test: %s%s%s: %s", name, name[0] ? ": " : "", s->session.reason, s->session.text);
    if (!s->session.facts && setup->id && access(setup->id, F_OK) == 0)
        cli_line(stderr, "tenon test: to test the file '%s' that lies here, give it as ./%s", setup->id, setup->id);
}

static int refuse(suite *s) {
    const cfh_session *session = &s->session;
    cJSON *final = cJSON_CreateObject();
    cJSON_AddStringToObject(final, "verdict", cf_close_name(CF_CLOSE_REFUSED));
    cJSON_AddStringToObject(final, "claim", "refused");
    cJSON_AddNumberToObject(final, "exit", session->exit_code);
    cJSON_AddStringToObject(final, "reason", session->reason);
    cJSON_AddStringToObject(final, "text", session->text);
    tell_refusal(s);
    if (!s->options->resume && s->writer.path) {
        write_header(s);
        (void)cf_record_final(&s->writer, final, s->sha256);
    } else {
        cJSON_Delete(final);
    }
    return session->exit_code;
}

/* Rows that can't be told from others can't be judged: whoever wrote them must know. */
static bool has_twins(suite *s) {
    cfh_session *session = &s->session;
    if (session->roster.twin_count == 0) return false;
    session->exit_code = CLI_FAILED;
    (void)snprintf(session->reason, sizeof session->reason, "TWIN_ROWS");
    (void)snprintf(session->text, sizeof session->text,
                   "a fault of the suite: %u rows have the name of another:%.1000s", session->roster.twin_count,
                   session->roster.twins);
    return true;
}

static int list(const suite *s) {
    for (uint32_t i = 0; i < s->session.roster.run_count; i++) puts(s->session.roster.rows[i].name);
    return CLI_OK;
}

static int carry_out(suite *s) {
    cfh_options *o = s->options;
    int code = o->resume ? read_before(s) : CLI_OK;
    if (code != CLI_OK) return code;
    bool open = cfh_session_open(&o->setup, o->profile, o->filters, o->filter_count, &s->session);
    const char *path = s->session.setup.plugin;
    if (path && !cf_sha256_file(path, UINT64_MAX, s->sha256)) {
        s->sha256[0] = '\0';
        if (open) cli_line(stderr, "tenon test: %s cannot be read: %s", path, strerror(errno));
        if (open) return CLI_USAGE;
    }
    if (open && o->list) return list(s);
    if (!open && s->session.exit_code == CLI_USAGE) { /* nothing to keep records of */
        tell_refusal(s);
        return CLI_USAGE;
    }
    if (open && s->session.warning[0]) cli_line(stderr, "tenon test: warning: %s", s->session.warning);
    if (open && has_twins(s)) open = false;
    if (open && o->resume) code = check_before(s);
    if (code == CLI_OK) code = open_records(s);
    if (code != CLI_OK) return code;
    if (!open) return refuse(s);
    bool twice = o->filter_count == 0 && !o->quick;
    s->planned = o->repeat > (twice ? 2 : 1) ? o->repeat : twice ? 2 : 1;
    if (!o->resume) {
        write_header(s);
        write_cases(s);
    }
    code = run_all(s);
    return code == CLI_OK ? conclude(s) : code;
}

int cfh_suite_main(cfh_options *options) {
    suite s = {.options = options, .writer = {.file = -1}};
    const report_wishes wishes = {.junit = options->junit,
                                  .json = options->json,
                                  .html = options->html,
                                  .known_failures = options->known_failures,
                                  .records = options->records,
                                  .resume = options->resume,
                                  .plugin = options->setup.plugin};
    int code = report_check_wishes(&wishes);
    if (code == CLI_OK) code = carry_out(&s);
    if (s.writer.path && !s.writer.error) code = report_of_run(s.writer.path, &wishes, s.claim, code);
    if (code == EXIT_INTERRUPTED && !s.writer_is_temporary)
        cli_line(stderr, "tenon test: interrupted; --resume %s goes on", s.writer.path);
    if (s.writer.path && s.writer_is_temporary) (void)unlink(s.writer.path);
    cf_record_close(&s.writer);
    for (uint32_t i = 0; i < s.run_count; i++) cfh_run_free(&s.runs[i]);
    free(s.runs);
    cfh_progress_free(&s.progress);
    cfh_session_free(&s.session);
    cf_records_free(&s.before);
    free(s.claim);
    return code;
}
