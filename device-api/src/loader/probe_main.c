/* tenon-probe PLUGIN: loads a plugin, asks it, unloads it, and tells the host how that goes, before the host does the same.
 * A part of libtenon, which starts it with a pipe (probe_message.h); whatever a plugin does, it is this process's end. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/plugin.h"
#include "loader/probe_message.h"

enum { LONGEST_SECONDS = 30, MOST_DESCRIPTORS = 4096 };

static void tell(uint32_t stage, const tenon__verdict *verdict) {
    tenon__probe_message message = {.host = tenon__probe_host(), .stage = stage};
    if (verdict) {
        message.reason = verdict->reason;
        memcpy(message.detail, verdict->detail, sizeof message.detail);
    }
    if (write(TENON__PROBE_DESCRIPTOR, &message, sizeof message) != (ssize_t)sizeof message) _exit(1);
}

static void tell_stage(uint32_t stage) {
    tell(stage, NULL);
}

static void close_inherited(void) {
    if (syscall(SYS_close_range, TENON__PROBE_DESCRIPTOR + 1, ~0u, 0) == 0) return;
    for (int i = TENON__PROBE_DESCRIPTOR + 1; i < MOST_DESCRIPTORS; i++) close(i);
}

/* Nothing outlives the host, dumps core (1 byte: also where a program takes dumps), or depends on where it was started. */
static void settle(void) {
    const struct rlimit no_core = {1, 1};
    (void)prctl(PR_SET_PDEATHSIG, 9);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)alarm(LONGEST_SECONDS);
    (void)umask(S_IRWXG | S_IRWXO);
    if (chdir("/") != 0) _exit(1);
}

int main(int count, char **arguments) {
    if (count != 2) {
        fputs("usage: tenon-probe PLUGIN, started by libtenon\n", stderr);
        return 2;
    }
    close_inherited();
    settle();
    tell(TENON__STAGE_STARTED, NULL);
    tenon__plugin plugin = {.path = arguments[1]};
    tenon__verdict verdict = {0};
    (void)tenon__plugin_load(&plugin, tell_stage, &verdict);
    tell(TENON__STAGE_UNLOADING, &verdict);
    tenon__library_close(&plugin.library);
    tell(TENON__STAGE_DONE, NULL);
    _exit(0); /* no exit handlers: what a plugin registered is not the host's concern */
}
