#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/host/diagnose.h>

#include "loader/registry.h"
#include "loader/search.h"
#include "support/error.h"

typedef struct diagnosis {
    tenonh_registry *registry;
    tenonh_finding_function found;
    void *context;
} diagnosis;

/* `fix` goes last because words are formatted into the text alone. */
__attribute__((format(printf, 6, 7))) static void tell(const diagnosis *d, const char *area, uint32_t result,
                                                       const char *subject, const char *fix, const char *format, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const tenonh_finding finding = {
        .struct_size = sizeof finding, .result = result, .area = area, .subject = subject, .text = text, .fix = fix};
    d->found(d->context, &finding);
}

static void tell_reason(const diagnosis *d, const char *area, uint32_t result, const char *subject,
                        tenonh_reason reason, const char *detail) {
    char text[2048];
    (void)snprintf(text, sizeof text, "%s%s%s%s", tenonh_reason_text(reason), detail[0] ? " (" : "", detail,
                   detail[0] ? ")" : "");
    const tenonh_finding finding = {.struct_size = sizeof finding,
                                    .result = result,
                                    .reason = reason,
                                    .area = area,
                                    .subject = subject,
                                    .text = text,
                                    .fix = tenonh_reason_advice(reason)};
    d->found(d->context, &finding);
}

static void check_process(const diagnosis *d) {
    if (!d->registry->trust.strict) {
        tell(d, "process", TENONH_FINDING_PASS, "privileges", "", "those of user %u alone", (unsigned)geteuid());
        return;
    }
    tell(d, "process", TENONH_FINDING_WARN, "privileges", "run it as the user whose plugins are meant",
         "raised: only root's places are searched, no verdicts are kept");
    for (char **variable = environ; variable && *variable; variable++) {
        char name[128];
        if (strncmp(*variable, "TENON_", 6) != 0 && strncmp(*variable, "XDG_", 4) != 0) continue;
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(*variable, "="), *variable);
        tell(d, "process", TENONH_FINDING_WARN, name, "unset it", "ignored, because privileges are raised");
    }
}

static void check_layers(const diagnosis *d) {
    const char *named = getenv("TENON_LAYERS");
    if (d->registry->layers)
        tell(d, "layers", TENONH_FINDING_WARN, named ? named : "", "unset TENON_LAYERS unless they are wanted",
             "layers wrap every plugin: runs are slower, and fail where they are told to");
    else
        tell(d, "layers", TENONH_FINDING_PASS, "", "", "none%s", named && named[0] ? "; TENON_LAYERS is ignored" : "");
}

/* A folder that is there. */
static void check_folder(const diagnosis *d, const char *path, const char *origin) {
    tenon__verdict verdict = {0};
    char *real = realpath(path, NULL);
    tenonh_reason reason = real ? tenon__trust_path(&d->registry->trust, real, &verdict) : TENONH_REASON_UNREADABLE;
    int count = tenon__search_count(path);
    if (count < 0)
        tell(d, "search", TENONH_FINDING_WARN, path, "let this user read the folder", "%s; %s", origin,
             strerror(errno));
    else if (reason != TENONH_REASON_OK)
        tell_reason(d, "search", count ? TENONH_FINDING_FAIL : TENONH_FINDING_WARN, path, reason, verdict.detail);
    else
        tell(d, "search", TENONH_FINDING_PASS, path, "", "%s; plugin files: %d", origin, count);
    free(real);
}

static tenon_status check_place(void *context, const char *path, const char *origin) {
    const diagnosis *d = context;
    struct stat status;
    int is_named = strcmp(origin, TENON__SEARCH_VARIABLE) == 0;
    if (is_named && path[0] != '/')
        tell(d, "search", TENONH_FINDING_WARN, path, "give absolute paths in TENON_PLUGIN_PATH",
             "ignored: it is no absolute path");
    else if (stat(path, &status) != 0)
        tell(d, "search", is_named ? TENONH_FINDING_WARN : TENONH_FINDING_SKIP, path,
             is_named ? "correct TENON_PLUGIN_PATH" : "", "%s; %s", origin, strerror(errno));
    else if (S_ISDIR(status.st_mode))
        check_folder(d, path, origin);
    else
        tell(d, "search", is_named ? TENONH_FINDING_PASS : TENONH_FINDING_WARN, path,
             is_named ? "" : "make it a folder", "%s; a file", origin);
    return TENON_STATUS_OK;
}

static void check_probe(const diagnosis *d) {
    const tenon__prober *prober = &d->registry->prober;
    if (!prober->program)
        tell(d, "probe", TENONH_FINDING_WARN, "", "install Tenon whole, libexec/tenon/tenon-probe too",
             "%s: a plugin that crashes while it is loaded takes the process with it", prober->why);
    else if (atomic_load(&prober->told))
        tell(d, "probe", TENONH_FINDING_WARN, prober->program,
             "let this process start programs, or install Tenon again",
             "it could not run: a plugin that crashes while it is loaded takes the process with it");
    else
        tell(d, "probe", TENONH_FINDING_PASS, prober->program, "", "loads each plugin before this process does");
    if (prober->folder && prober->folder_why[0])
        tell(d, "cache", TENONH_FINDING_WARN, prober->folder, "give TENON_CACHE_DIR an absolute path", "%s",
             prober->folder_why);
    else if (prober->folder)
        tell(d, "cache", TENONH_FINDING_PASS, prober->folder, "", "keeps the probe's verdicts");
    else
        tell(d, "cache", prober->program ? TENONH_FINDING_WARN : TENONH_FINDING_SKIP, "",
             prober->program && !d->registry->trust.strict
                 ? "set TENON_CACHE_DIR to a folder that only this user can change"
                 : "",
             "no verdicts are kept, every start probes again%s%s", prober->folder_why[0] ? ": " : "",
             prober->folder_why);
}

/* What a machine without the device, or with two installations, looks like is no failure. */
static uint32_t result_of(tenonh_reason reason) {
    if (reason == TENONH_REASON_OK) return TENONH_FINDING_PASS;
    if (reason == TENONH_REASON_DUPLICATE_ID) return TENONH_FINDING_WARN;
    return reason == TENONH_REASON_NO_DEVICE ? TENONH_FINDING_SKIP : TENONH_FINDING_FAIL;
}

static void check_plugins(const diagnosis *d) {
    tenon__plugin *plugin;
    for (uint32_t i = 0; (plugin = tenon__registry_plugin(d->registry, i)); i++) {
        tenonh_reason reason = atomic_load(&plugin->reason);
        if (reason != TENONH_REASON_OK)
            tell_reason(d, "plugin", result_of(reason), plugin->path, reason, atomic_load(&plugin->detail));
        else
            tell(d, "plugin", TENONH_FINDING_PASS, plugin->path, "", "%s %s of %s, ABI %u.%u", plugin->id,
                 plugin->version, plugin->vendor, plugin->abi_version >> 16, plugin->abi_version & 0xffff);
    }
}

tenon_status tenonh_registry_diagnose(tenonh_registry *registry, tenonh_finding_function found, void *context) {
    diagnosis d = {registry, found, context};
    if (!registry || !found) return tenon__fail(TENON_STATUS_INVALID, "diagnose: registry or found is NULL");
    if (tenon__forked(registry->generation)) return tenon__fail_forked("diagnose");
    check_process(&d);
    check_layers(&d);
    TENON_TRY(tenon__search_places(registry->trust.strict, check_place, &d));
    check_probe(&d);
    check_plugins(&d);
    return TENON_STATUS_OK;
}
