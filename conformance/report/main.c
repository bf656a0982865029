/* `tenon report`: what can be made of records, by its subcommands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/error.h>

#include "cli.h"
#include "report/report.h"
#include "support/file.h"

enum { OK = 0, FAILED = 1, USAGE = 2 };

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

static int fail(const char *text) {
    cli_line(stderr, "tenon report: %s", text);
    return FAILED;
}

static int usage_error(const char *what, const char *argument) {
    cli_line(stderr, "tenon report: %s%s%s", what, argument ? " " : "", argument ? argument : "");
    fputs("`tenon report --help` tells how it is used.\n", stderr);
    return USAGE;
}

/* A file of known failures that is none is a mistake of who wrote the command line. */
static int read_one(const char *path, const call *c, report *out_report) {
    tenon_status status = report_read(path, c->known, out_report);
    if (status == TENON_STATUS_OK) {
        out_report->stable = c->stable;
        return OK;
    }
    report_free(out_report);
    (void)fail(tenonh_error_message());
    return status == TENON_STATUS_INVALID ? USAGE : FAILED;
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

static int run_verdict(const call *c) {
    report r;
    tenon__text text = {0};
    int code = read_one(c->files[0], c, &r);
    if (code != OK) return code;
    tenon__text_format(&text, "%s\n", r.claim);
    code = report_exit(&r);
    report_free(&r);
    return put_lines(&text, code);
}

/* -- For `tenon test` --------------------------------------------------------------------------------------------- */

int report_check_wishes(const report_wishes *wishes) {
    report r = {0};
    int code = OK;
    if (wishes->known_failures && report_known_read(wishes->known_failures, "9999-12-31", &r) != TENON_STATUS_OK) {
        (void)fail(tenonh_error_message());
        code = USAGE;
    }
    report_free(&r);
    return code;
}

int report_of_run(const char *records, const report_wishes *wishes, int code) {
    const struct {
        const char *path;
        void (*write)(const report *r, tenon__text *out);
    } forms[] = {
        {wishes->junit, report_write_junit}, {wishes->json, report_write_json}, {wishes->html, report_write_html}};
    const call c = {.known = wishes->known_failures};
    report r;
    if (!wishes->junit && !wishes->json && !wishes->html && !wishes->known_failures) return code;
    if (read_one(records, &c, &r) != OK) return FAILED;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        tenon__text text = {0};
        if (!forms[i].path) continue;
        forms[i].write(&r, &text);
        if (put(forms[i].path, &text, OK) != OK) code = FAILED;
    }
    if (wishes->known_failures && r.records.final && code != report_exit(&r)) {
        cli_line(stdout, "with the known failures: %s", r.claim);
        code = code == FAILED || code == OK ? report_exit(&r) : code;
    }
    report_free(&r);
    return code;
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
    if (code != OK) return code == USAGE ? USAGE : CLI_UNTRUSTED;
    code = report_verify(&r, c->files[0], c->files[1], &text);
    report_free(&r);
    return put_lines(&text, code);
}

static const command commands[] = {
    {"html", "FILE", "one page for people: verdict, failures, requirements, errors, times", 1, run_render,
     report_write_html},
    {"junit", "FILE", "JUnit XML, as Jenkins and GitLab read it", 1, run_render, report_write_junit},
    {"json", "FILE", "one JSON document", 1, run_render, report_write_json},
    {"verdict", "FILE", "what the run comes to, in one line and an exit code", 1, run_verdict, NULL},
    {"diff", "A B", "what changed from A to B; 1 when something got worse", 2, run_diff, NULL},
    {"verify", "FILE PLUGIN.so", "recompute the verdict and hold it against the plugin file", 2, run_verify, NULL},
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
          "\nExit codes: 0 ok, 1 failed, 2 usage, 3 not what a run wrote about that plugin, 4 refused, 6 no verdict.\n",
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
