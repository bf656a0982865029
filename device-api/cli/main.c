#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const cli_verb *const verbs[] = {&cli_list, &cli_info,   &cli_doctor, &cli_run,
                                        &cli_test, &cli_report, &cli_trace};

enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static void print_help(FILE *out) {
    fputs("usage: tenon VERB [ARGUMENTS] [--json]\n\n", out);
    for (int i = 0; i < VERB_COUNT; i++) fprintf(out, "  %-6s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\n`tenon VERB --help` tells the verb's options.\n"
          "Exit codes: 0 ok, 1 failed, 2 usage, 3 untrusted, 4 incompatible, 5 no device, 6 no verdict.\n",
          out);
}

static int run_verb(const cli_verb *verb, int count, char **arguments) {
    cli_call call;
    if (verb->is_elsewhere) return cli_conformance(verb, count, arguments);
    int code = cli_parse(verb, count, arguments, &call);
    if (code != CLI_OK) return code < 0 ? CLI_OK : code;
    code = verb->run(&call);
    cli_call_free(&call);
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fputs("tenon: cannot write to standard output\n", stderr);
    return CLI_FAILED;
}

int main(int count, char **arguments) {
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is then an error of the write, told with the file's name */
    if (count < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    const char *name = arguments[1];
    for (int i = 0; i < VERB_COUNT; i++)
        if (strcmp(name, verbs[i]->name) == 0) return run_verb(verbs[i], count - 2, arguments + 2);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    cli_line(stderr, "tenon: there is no verb '%s'", name);
    fputs("\n", stderr);
    print_help(stderr);
    return CLI_USAGE;
}
