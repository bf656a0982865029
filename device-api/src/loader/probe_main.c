/* tenon-probe load|open PLUGIN: loads a plugin, asks it and unloads it, or opens it and its devices, and tells the host how
 * that goes, before the host does the same.
 * A part of libtenon, which starts it with a pipe (probe_message.h); whatever a plugin does, it is this process's end. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <tenon/host/device.h>

#include "loader/plugin.h"
#include "loader/probe_message.h"

enum { LONGEST_SECONDS = 90, MOST_DEVICES = 64, MOST_DESCRIPTORS = 4096 };

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

static void try_load(const char *path) {
    tenon__plugin plugin = {.path = (char *)(uintptr_t)path};
    tenon__verdict verdict = {0};
    (void)tenon__plugin_load(&plugin, tell_stage, &verdict);
    tell(TENON__STAGE_UNLOADING, &verdict);
    tenon__library_close(&plugin.library);
}

/* What a host does that lists devices. Which of it fails is the host's to find out: here it only must come to an end. */
static void try_open(const char *path) {
    const tenonh_registry_options options = {
        .struct_size = sizeof options, .no_search = 1, .layers = "", .probe = TENONH_PROBE_NEVER};
    const tenon__verdict verdict = {0};
    tenonh_plugin_info info = {.struct_size = sizeof info};
    tenonh_registry *registry = NULL;
    uint32_t count = 0;
    tell_stage(TENON__STAGE_OPENING);
    if (tenonh_registry_create(&options, &registry) != TENON_STATUS_OK) _exit(1);
    if (tenonh_registry_add(registry, path) != TENON_STATUS_OK ||
        tenonh_registry_plugin(registry, 0, &info) != TENON_STATUS_OK ||
        tenonh_registry_device_count(registry, 0, &count) != TENON_STATUS_OK)
        count = 0;
    for (uint32_t i = 0; i < count && i < MOST_DEVICES; i++) {
        char name[64];
        tenonh_device *device = NULL;
        (void)snprintf(name, sizeof name, "%s:%u", info.id, i);
        if (tenonh_device_open(registry, name, &device) == TENON_STATUS_OK) tenonh_device_release(device);
    }
    tenonh_registry_destroy(registry);
    tell(TENON__STAGE_UNLOADING, &verdict);
}

int main(int count, char **arguments) {
    int is_open = count == 3 && strcmp(arguments[1], TENON__PROBE_TRY_OPEN) == 0;
    if (!is_open && (count != 3 || strcmp(arguments[1], TENON__PROBE_TRY_LOAD) != 0)) {
        fputs("usage: tenon-probe load|open PLUGIN, started by libtenon\n", stderr);
        return 2;
    }
    close_inherited();
    settle();
    tell(TENON__STAGE_STARTED, NULL);
    if (is_open)
        try_open(arguments[2]);
    else
        try_load(arguments[2]);
    tell(TENON__STAGE_DONE, NULL);
    _exit(0); /* no exit handlers: what a plugin registered is not the host's concern */
}
