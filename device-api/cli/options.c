/* Parses options by a verb's table, and prints the help that the table makes. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int cli_usage(const cli_verb *verb, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "tenon %s: ", verb->name);
    va_start(arguments, format);
    cli_vline(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "`tenon %s --help` tells its options.\n", verb->name);
    return CLI_USAGE;
}

static void print_option(const char *name, const char *argument, const char *meaning) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", name, argument ? " " : "", argument ? argument : "");
    printf("  %-22s %s\n", left, meaning);
}

static const cli_option *find_option(const cli_verb *verb, const char *name, size_t length) {
    for (uint32_t i = 0; i < verb->option_count; i++)
        if (strlen(verb->options[i].name) == length && memcmp(verb->options[i].name, name, length) == 0)
            return &verb->options[i];
    return NULL;
}

static void print_help(const cli_verb *verb) {
    printf("usage: tenon %s%s%s [OPTIONS]\n\n%s.\n\n", verb->name, verb->arguments[0] ? " " : "", verb->arguments,
           verb->summary);
    for (uint32_t i = 0; i < verb->option_count; i++)
        print_option(verb->options[i].name, verb->options[i].argument, verb->options[i].meaning);
    print_option("layers", "A,B:OPT=N", "wrap plugins in validate, trace, fault, skew (TENON_LAYERS)");
    if (!find_option(verb, "json", 4)) print_option("json", NULL, "print JSON instead of text");
    print_option("help", NULL, "print this");
    if (verb->details) printf("\n%s", verb->details);
}

/* A command line being parsed. */
typedef struct parser {
    const cli_verb *verb;
    int count;
    char **arguments;
    int at;
    bool options_ended; /* by "--" */
    cli_call *call;
    uint32_t *options;
} parser;

static int add_value(parser *p, const cli_option *option, const char *value) {
    uint32_t row = (uint32_t)(option - p->verb->options), times = 0;
    for (uint32_t i = 0; i < p->call->value_count; i++) times += p->options[i] == row;
    if (times == option->most) return cli_usage(p->verb, "--%s is given more than once", option->name);
    p->call->values[p->call->value_count] = value;
    p->options[p->call->value_count++] = row;
    return CLI_OK;
}

/* The value of an option that needs one; NULL after a message. */
static const char *take_argument(parser *p, const char *name, const char *equals, const char *argument) {
    if (equals) return equals + 1;
    if (p->at < p->count) return p->arguments[p->at++];
    cli_usage(p->verb, "--%s needs a value, %s", name, argument);
    return NULL;
}

static int take_layers(parser *p, const char *equals) {
    if (p->call->layers) return cli_usage(p->verb, "--layers is given more than once");
    p->call->layers = take_argument(p, "layers", equals, "A,B");
    return p->call->layers ? CLI_OK : CLI_USAGE;
}

/* --name, --name=value or --name value. */
static int take_option(parser *p, const char *text) {
    const char *name = text + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    if (length == 4 && memcmp(name, "json", 4) == 0 && !equals && !find_option(p->verb, name, length)) {
        p->call->json = true;
        return CLI_OK;
    }
    if (length == 6 && memcmp(name, "layers", 6) == 0) return take_layers(p, equals);
    const cli_option *option = find_option(p->verb, name, length);
    if (!option) return cli_usage(p->verb, "there is no option --%.*s", (int)length, name);
    if (!option->argument && equals) return cli_usage(p->verb, "--%s takes no value", option->name);
    if (!option->argument) return add_value(p, option, "");
    const char *value = take_argument(p, option->name, equals, option->argument);
    return value ? add_value(p, option, value) : CLI_USAGE;
}

/* Letters that stand for an option's name, where the verb has it. */
static const struct letter {
    const char *letter;
    const char *option;
} letters[] = {{"-o", "--output"}};

static int take(parser *p) {
    const char *text = p->arguments[p->at++];
    for (size_t i = 0; !p->options_ended && i < sizeof letters / sizeof letters[0]; i++)
        if (strcmp(text, letters[i].letter) == 0 &&
            find_option(p->verb, letters[i].option + 2, strlen(letters[i].option + 2)))
            return take_option(p, letters[i].option);
    if (!p->options_ended && strcmp(text, "--") == 0) {
        p->options_ended = true;
        return CLI_OK;
    }
    if (!p->options_ended && strncmp(text, "--", 2) == 0) return take_option(p, text);
    if (!p->options_ended && text[0] == '-' && text[1]) return cli_usage(p->verb, "there is no option %s", text);
    p->call->arguments[p->call->argument_count++] = text;
    return CLI_OK;
}

static bool wants_help(int count, char **arguments) {
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) return true;
    return false;
}

static int check_arguments(const cli_verb *verb, const cli_call *call) {
    if (call->argument_count < verb->least_arguments) return cli_usage(verb, "%s is missing", verb->arguments);
    if (call->argument_count > verb->most_arguments)
        return cli_usage(verb, "'%s' is one argument too many", call->arguments[verb->most_arguments]);
    return CLI_OK;
}

int cli_parse(const cli_verb *verb, int count, char **arguments, cli_call *out_call) {
    size_t room = (size_t)count + 1;
    if (wants_help(count, arguments)) {
        print_help(verb);
        return -1;
    }
    *out_call = (cli_call){.arguments = calloc(room, sizeof(char *)), .values = calloc(room, sizeof(char *))};
    out_call->verb = verb;
    parser p = {.verb = verb, .count = count, .arguments = arguments, .call = out_call};
    out_call->options = p.options = calloc(room, sizeof *p.options);
    int code = out_call->arguments && out_call->values && p.options ? CLI_OK : CLI_FAILED;
    while (code == CLI_OK && p.at < count) code = take(&p);
    if (code == CLI_OK) code = check_arguments(verb, out_call);
    if (code != CLI_OK) cli_call_free(out_call);
    return code;
}

void cli_call_free(cli_call *call) {
    free((void *)call->arguments);
    free((void *)call->values);
    free((void *)call->options);
    *call = (cli_call){0};
}

const char *cli_value_at(const cli_call *call, uint32_t option, uint32_t index) {
    for (uint32_t i = 0; i < call->value_count; i++)
        if (call->options[i] == option && index-- == 0) return call->values[i];
    return NULL;
}

const char *cli_value(const cli_call *call, uint32_t option) {
    const char *value = NULL;
    for (uint32_t i = 0; i < call->value_count; i++)
        if (call->options[i] == option) value = call->values[i];
    return value;
}

bool cli_number(const cli_verb *verb, const cli_call *call, uint32_t option, int64_t least, int64_t most,
                int64_t otherwise, int64_t *out_number) {
    const char *text = cli_value(call, option);
    *out_number = otherwise;
    if (!text) return true;
    char *end;
    errno = 0;
    *out_number = strtoll(text, &end, 10);
    if (*text && *end == '\0' && errno == 0 && *out_number >= least && *out_number <= most) return true;
    cli_usage(verb, "--%s is '%s'; it must be a whole number from %lld to %lld", verb->options[option].name, text,
              (long long)least, (long long)most);
    return false;
}
