/* tenon test: hands over to tenon-conformance, which never loads a plugin itself but in processes of its own. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cli.h"

#ifndef TENON__LIBEXEC
#define TENON__LIBEXEC "../libexec" /* from the folder of the command */
#endif

/* Beside the command, never by PATH. false: the path is too long, or where the command lies is not to be known. */
static bool find_program(char *out_path, size_t size) {
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length <= 0) return false;
    own[length] = '\0';
    char *slash = strrchr(own, '/');
    if (!slash) return false;
    *slash = '\0';
    return snprintf(out_path, size, "%s/" TENON__LIBEXEC "/tenon/tenon-conformance", own) < (int)size;
}

/* The suite runs with what the environment says, in many processes: not with rights that the caller has not. */
static bool is_raised(void) {
    return getauxval(AT_SECURE) != 0 || geteuid() != getuid() || getegid() != getgid();
}

int cli_conformance(const cli_verb *verb, int count, char **arguments) {
    char path[PATH_MAX + 64];
    if (is_raised()) {
        cli_line(stderr, "tenon %s: it does not run with raised privileges (setuid, setgid or file capabilities)",
                 verb->name);
        return CLI_UNTRUSTED;
    }
    char **handed = calloc((size_t)count + 3, sizeof *handed);
    if (!handed || !find_program(path, sizeof path)) {
        free(handed);
        cli_line(stderr, "tenon %s: tenon-conformance cannot be found", verb->name);
        return CLI_FAILED;
    }
    handed[0] = path;
    handed[1] = (char *)(uintptr_t)verb->name;
    memcpy(handed + 2, arguments, (size_t)count * sizeof *handed);
    execv(path, handed);
    cli_line(stderr, "tenon %s: %s cannot be started: %s", verb->name, path, strerror(errno));
    free(handed);
    return CLI_FAILED;
}

const cli_verb cli_test = {
    .name = "test",
    .summary = "Tests a device for conformance, in processes of its own",
    .is_elsewhere = true,
};
