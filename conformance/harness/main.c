/* tenon-conformance: what `tenon test` starts. Its workers are processes of the same program. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "harness/mutants.h"
#include "harness/run.h"
#include "harness/suite_main.h"
#include "harness/worker.h"
#include "report/report.h"

static int test(int count, char **arguments) {
    cfh_options options;
    int code = cfh_options_parse(count, arguments, &options);
    if (code == CLI_OK) code = options.mutants ? cfh_mutants_main(&options) : cfh_suite_main(&options);
    if (code < 0) code = CLI_OK;
    cfh_options_free(&options);
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    (void)fputs("tenon test: cannot write to standard output\n", stderr);
    return CLI_FAILED;
}

static void interrupt(int number) {
    (void)number;
    cfh_interrupted = 1;
}

static void settle(void) {
    const struct sigaction act = {.sa_handler = interrupt};
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is then an error of the write, told with the file's name */
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGHUP, &act, NULL);
}

static const struct {
    const char *name;
    int (*run)(int count, char **arguments);
} verbs[] = {{"test", test}, {"report", report_main}};

int main(int count, char **arguments) {
    const char *name = count > 1 ? arguments[1] : "";
    if (strcmp(name, "worker") == 0) return cfh_worker_main();
    settle();
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(name, verbs[i].name) == 0) return verbs[i].run(count - 2, arguments + 2);
    (void)fputs("usage: tenon-conformance test|report ..., started by `tenon test` and `tenon report`\n", stderr);
    return CLI_USAGE;
}
