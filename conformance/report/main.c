/* `tenon report`: what can be made of records, by its subcommands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/host/error.h>

#include "cli.h"
#include "report/report.h"
#include "support/file.h"

enum { OK = CLI_OK, USAGE = CLI_USAGE, NO_VERDICT = CLI_NO_VERDICT };

/* A command line after parsing. */
typedef struct call {
    const struct command *command;
    const char *files[2];
    const char *output, *known;
    bool stable, json;
} call;

typedef struct command {
    const char *name, *arguments, *meaning;
    int file_count;
    int (*run)(const call *c);
    void (*write)(const report *r, tenon__text *out); /* of those that render */
} command;

/* What could not be written, or be held, says nothing of the plugin: 1 is for what failed. */
static int fail(const char *text) {
    cli_line(stderr, "tenon report: %s", text);
    return NO_VERDICT;
}

static int usage_error(const char *what, const char *argument) {
    cli_line(stderr, "tenon report: %s%s%s", what, argument ? " " : "", argument ? argument : "");
    fputs("`tenon report --help` tells how it is used.\n", stderr);
    return USAGE;
}

/* A file that is not there, or is none of records or of known failures, is a mistake of who wrote the command line. */
static int read_one(const char *path, const call *c, report *out_report) {
    tenon_status status = report_read(path, c->known, out_report);
    if (status == TENON_STATUS_OK) {
        out_report->stable = c->stable;
        return OK;
    }
    report_free(out_report);
    (void)fail(tenonh_error_message());
    return status == TENON_STATUS_OUT_OF_MEMORY ? NO_VERDICT : USAGE;
}

/* To the file, whole or not at all, or to standard output; `code` unless that fails. Frees the text. */
static int put(const char *output, tenon__text *text, int code) {
    tenon__file_writer writer = {0};
    bool good = !text->failed;
    if (!good) {
        code = fail("host memory is used up");
    } else if (!output || strcmp(output, "-") == 0) {
        good = fwrite(tenon__text_string(text), 1, text->length, stdout) == text->length && fflush(stdout) == 0;
        if (!good) code = fail("cannot write to standard output");
    } else {
        good = tenon__file_begin(output, &writer) == TENON_STATUS_OK &&
               tenon__file_append(&writer, tenon__text_string(text), text->length) == TENON_STATUS_OK &&
               tenon__file_commit(&writer) == TENON_STATUS_OK;
        if (!good) code = fail(tenonh_error_message());
        tenon__file_discard(&writer);
    }
    tenon__text_free(text);
    return code;
}

/* Lines of findings, which quote records: safe for a terminal. */
static int put_lines(tenon__text *text, int code) {
    if (text->failed) code = fail("host memory is used up");
    char *rest = NULL, *copy = tenon__text_take(text);
    for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
        cli_line(stdout, "%s", line);
    free(copy);
    return fflush(stdout) == 0 ? code : fail("cannot write to standard output");
}

static int run_render(const call *c) {
    report r;
    tenon__text text = {0};
    int code = read_one(c->files[0], c, &r);
    if (code != OK) return code;
    c->command->write(&r, &text);
    report_free(&r);
    return put(c->output, &text, OK);
}

static int run_summary(const call *c) {
    report r;
    tenon__text text = {0};
    int code = read_one(c->files[0], c, &r);
    if (code != OK) return code;
    report_write_summary(&r, &text);
    tenon__text_format(&text, "%s\n", r.claim);
    code = report_exit(&r);
    report_free(&r);
    return put_lines(&text, code);
}

static int run_verdict(const call *c) {
    report r;
    tenon__text text = {0};
    int code = read_one(c->files[0], c, &r);
    if (code != OK) return code;
    tenon__text_format(&text, "%s\n", r.claim);
    report_write_findings(&r, &text);
    code = report_exit(&r);
    report_free(&r);
    return put_lines(&text, code);
}

/* -- For `tenon test` --------------------------------------------------------------------------------------------- */

/* Of paths at which nothing lies yet: one name in one folder. */
static bool is_same_place(const char *a, const char *b) {
    const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');
    const char *name_a = slash_a ? slash_a + 1 : a, *name_b = slash_b ? slash_b + 1 : b;
    struct stat one, two;
    char folder_a[4096], folder_b[4096];
    (void)snprintf(folder_a, sizeof folder_a, "%.*s", (int)(name_a - a), a);
    (void)snprintf(folder_b, sizeof folder_b, "%.*s", (int)(name_b - b), b);
    if (strcmp(name_a, name_b) != 0) return false;
    if (stat(folder_a[0] ? folder_a : ".", &one) != 0 || stat(folder_b[0] ? folder_b : ".", &two) != 0) return false;
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

static bool is_same_file(const char *a, const char *b) {
    struct stat one, two;
    if (!a || !b) return false;
    bool there_a = stat(a, &one) == 0, there_b = stat(b, &two) == 0;
    if (!there_a && !there_b) return is_same_place(a, b);
    if (!there_a || !there_b) return false;
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino && S_ISREG(one.st_mode);
}

/* Tries what writing will need, and leaves nothing: a file is made beside the place and removed; a device or a pipe is not
 * opened, as its reader would see that it was closed again. */
int report_check_output(const char *option, const char *path) {
    struct stat info;
    tenon__file_writer writer = {0};
    bool there = stat(path, &info) == 0;
    if (there && S_ISDIR(info.st_mode)) errno = EISDIR;
    if (there && (S_ISDIR(info.st_mode) || access(path, W_OK) != 0)) {
        cli_line(stderr, "tenon test: --%s: '%s' cannot be written: %s; nothing was run", option, path,
                 strerror(errno));
        return USAGE;
    }
    bool in_place = strcmp(option, "records") == 0; /* the others are complete before they take their name */
    if (there && (in_place || !S_ISREG(info.st_mode))) return OK;
    tenon_status status = tenon__file_begin(path, &writer);
    tenon__file_discard(&writer);
    if (status == TENON_STATUS_OK) return OK;
    cli_line(stderr, "tenon test: --%s: %s; nothing was run", option, tenonh_error_message());
    return USAGE;
}

static int check_outputs(const report_wishes *wishes) {
    const struct {
        const char *option, *path;
        bool is_written;
    } files[] = {{"junit", wishes->junit, true},    {"json", wishes->json, true},
                 {"html", wishes->html, true},      {"records", wishes->records, true},
                 {"resume", wishes->resume, false}, {"known-failures", wishes->known_failures, false},
                 {"plugin", wishes->plugin, false}};
    enum { COUNT = sizeof files / sizeof *files };
    for (int i = 0; i < COUNT && files[i].is_written; i++) {
        bool is_file = files[i].path && strcmp(files[i].path, "-") != 0;
        for (int k = i + 1; k < COUNT && is_file; k++) {
            if (!is_same_file(files[i].path, files[k].path)) continue;
            cli_line(stderr, "tenon test: --%s would overwrite '%s', which is the %s file too; nothing was run",
                     files[i].option, files[i].path, files[k].option);
            return USAGE;
        }
        int code = is_file ? report_check_output(files[i].option, files[i].path) : OK;
        if (code != OK) return code;
    }
    return OK;
}

int report_check_wishes(const report_wishes *wishes) {
    report r = {0};
    int code = OK;
    if (wishes->known_failures && report_known_read(wishes->known_failures, "9999-12-31", &r) != TENON_STATUS_OK) {
        cli_line(stderr, "tenon test: --known-failures: %s; nothing was run", tenonh_error_message());
        code = USAGE;
    }
    report_free(&r);
    return code == OK ? check_outputs(wishes) : code;
}

/* Writes what was wished for. False, after a message, where something could not be written. */
static bool write_forms(const report *r, const report_wishes *wishes) {
    const struct {
        const char *path;
        void (*write)(const report *r, tenon__text *out);
    } forms[] = {
        {wishes->junit, report_write_junit}, {wishes->json, report_write_json}, {wishes->html, report_write_html}};
    bool good = true;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        tenon__text text = {0};
        if (!forms[i].path) continue;
        forms[i].write(r, &text);
        good &= put(forms[i].path, &text, OK) == OK;
    }
    return good;
}

int report_of_run(const char *records, const report_wishes *wishes, const char *claim, int code) {
    const call c = {.known = wishes->known_failures};
    bool wished = wishes->junit || wishes->json || wishes->html || wishes->known_failures, good = true;
    bool failed = code == CLI_FAILED || code == NO_VERDICT, readable = false;
    report r;
    if (wished || failed) good = readable = read_one(records, &c, &r) == OK;
    if (readable) {
        tenon__text text = {0};
        good = write_forms(&r, wishes);
        report_write_summary(&r, &text);
        (void)put_lines(&text, OK);
    }
    if (claim) cli_line(stdout, "%s", claim);
    if (readable) {
        if (wishes->known_failures && r.records.final && code != report_exit(&r)) {
            cli_line(stdout, "with the known failures: %s", r.claim);
            code = code == CLI_FAILED || code == OK ? report_exit(&r) : code;
        }
        report_free(&r);
    }
    return good || code != OK ? code : NO_VERDICT;
}

static int run_diff(const call *c) {
    report a, b;
    tenon__text text = {0};
    int code = read_one(c->files[0], c, &a);
    if (code != OK) return code;
    code = read_one(c->files[1], c, &b);
    if (code == OK) {
        code = c->json ? report_diff_json(&a, &b, &text) : report_diff(&a, &b, &text);
        code = c->json || c->output ? put(c->output, &text, code) : put_lines(&text, code);
        report_free(&b);
    }
    report_free(&a);
    return code;
}

static int run_verify(const call *c) {
    report r;
    tenon__text text = {0};
    int code = read_one(c->files[0], c, &r);
    if (code == NO_VERDICT) return code;                                           /* of memory that lacks */
    if (code != OK) return access(c->files[0], R_OK) == 0 ? CLI_UNTRUSTED : USAGE; /* no records; no file */
    code = report_verify(&r, c->files[0], c->files[1], &text);
    report_free(&r);
    return put_lines(&text, code);
}

static const command commands[] = {
    {"html", "FILE", "one page for people: verdict, failures, requirements, errors, times", 1, run_render,
     report_write_html},
    {"junit", "FILE", "JUnit XML, as Jenkins and GitLab read it", 1, run_render, report_write_junit},
    {"json", "FILE", "one JSON document", 1, run_render, report_write_json},
    {"summary", "FILE", "what failed, by case, with the rules and how to run it again; then as verdict", 1, run_summary,
     NULL},
    {"verdict", "FILE", "what the run comes to, in one line and an exit code", 1, run_verdict, NULL},
    {"diff", "A B", "what changed from A to B; 1 when something got worse", 2, run_diff, NULL},
    {"verify", "FILE PLUGIN.so", "recompute the verdict and hold it against the plugin file; not who ran it", 2,
     run_verify, NULL},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static int help(FILE *file) {
    fputs("usage: tenon report COMMAND FILE... [OPTIONS]\n\nFILE is what `tenon test --records FILE` wrote.\n\n", file);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", commands[i].name, commands[i].arguments);
        fprintf(file, "  %-22s %s\n", left, commands[i].meaning);
    }
    fputs("\n  --output FILE          (-o) write there instead of to standard output\n"
          "  --known-failures FILE  failures that are accepted: {\"known_failures\": [{\"rows\": GLOB, \"reason\",\n"
          "                         \"owner\", \"expires\": \"YYYY-MM-DD\"}]}; not for verify\n"
          "  --stable               leave out times and environment: the same seed gives the same bytes\n"
          "  --json                 of diff: JSON instead of text\n"
          "\nExit codes: 0 ok, 1 failed, 2 usage or a file that cannot be read, 3 not what a run wrote about that "
          "plugin,\n"
          "4 or 5 the run was refused, 4 also records of another suite, 6 no verdict, records that are cut off or a "
          "report that cannot be written.\n",
          file);
    return file == stderr ? USAGE : OK;
}

static const command *find_command(const char *name) {
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

/* The value of --name VALUE or --name=VALUE at *at; NULL: it is another option. "" where the value is missing. */
static const char *value_of(const char *name, const char *letter, int count, char **arguments, int *at) {
    const char *text = arguments[*at];
    size_t length = strlen(name);
    if (strncmp(text, name, length) == 0 && text[length] == '=') return text + length + 1;
    if (strcmp(text, name) != 0 && !(letter && strcmp(text, letter) == 0)) return NULL;
    return *at + 1 < count && arguments[*at + 1] ? arguments[++*at] : "";
}

static int take(int count, char **arguments, int *at, int *file_count, bool *files_only, call *c) {
    const char *text = arguments[*at], *value;
    bool option = !*files_only && text[0] == '-' && text[1];
    if (!option) {
        if (*file_count == c->command->file_count) return usage_error("one argument too many:", text);
        c->files[(*file_count)++] = text;
    } else if (strcmp(text, "--") == 0) {
        *files_only = true;
    } else if (strcmp(text, "--stable") == 0) {
        c->stable = true;
    } else if (strcmp(text, "--json") == 0 && c->command->run == run_diff) {
        c->json = true;
    } else if ((value = value_of("--output", "-o", count, arguments, at)) && c->command->run != run_verify) {
        c->output = value;
        if (!value[0]) return usage_error("--output needs a file", NULL);
    } else if ((value = value_of("--known-failures", NULL, count, arguments, at)) && c->command->run != run_verify) {
        c->known = value;
        if (!value[0]) return usage_error("--known-failures needs a file", NULL);
    } else {
        return usage_error("there is no such option:", text);
    }
    return OK;
}

static bool wants_help(int count, char **arguments) {
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) return true;
    return false;
}

int report_main(int count, char **arguments) {
    int file_count = 0, code = OK;
    bool files_only = false;
    if (count == 0) return help(stderr);
    if (wants_help(count, arguments)) return help(stdout);
    call c = {.command = find_command(arguments[0])};
    if (!c.command) return usage_error("there is no command", arguments[0]);
    for (int at = 1; at < count && code == OK; at++) code = take(count, arguments, &at, &file_count, &files_only, &c);
    if (code != OK) return code;
    if (file_count < c.command->file_count) return usage_error("missing:", c.command->arguments);
    return c.command->run(&c);
}
