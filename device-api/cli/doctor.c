/* tenon doctor: everything that a run depends on, each as a line with what mends it. Plugins are probed anew, for loading
 * and for opening, so that the worst of them is one line too. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

enum { DOCTOR_PLUGIN };
enum { MOST_SEEN = 64 };

static const cli_option options[] = {CLI_PLUGIN_OPTION};

static const char *const result_names[] = {"PASS", "WARN", "FAIL", "SKIP"};
enum { RESULT_COUNT = sizeof result_names / sizeof result_names[0] };

typedef struct doctor {
    bool json;
    cJSON *findings; /* an array; NULL unless json */
    uint32_t counts[RESULT_COUNT];
    int code; /* of the first failure */
    uint32_t devices;
    struct {
        char name[64];
        uint8_t uuid[16];
    } seen[MOST_SEEN]; /* of the devices, the first ones */
} doctor;

static void add_json(doctor *d, const tenonh_finding *f) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(d->findings, item);
    cJSON_AddStringToObject(item, "result", result_names[f->result]);
    cJSON_AddStringToObject(item, "area", f->area);
    cJSON_AddStringToObject(item, "subject", f->subject);
    cJSON_AddStringToObject(item, "text", f->text);
    cJSON_AddStringToObject(item, "fix", f->fix);
    if (f->reason != TENONH_REASON_OK) cJSON_AddStringToObject(item, "reason", tenonh_reason_name(f->reason));
}

static void print(const tenonh_finding *f) {
    const char *code = f->reason == TENONH_REASON_OK ? "" : tenonh_reason_name(f->reason);
    cli_line(stdout, "%s  %-9s %s%s%s%s%s", result_names[f->result], f->area, f->subject, f->subject[0] ? ": " : "",
             code, code[0] ? ": " : "", f->text);
    if (f->fix[0]) cli_line(stdout, "                fix: %s", f->fix);
}

/* `code` is what a failure exits with. */
static void take(doctor *d, const tenonh_finding *f, int code) {
    d->counts[f->result]++;
    if (f->result == TENONH_FINDING_FAIL && d->code == CLI_OK) d->code = code;
    if (d->json)
        add_json(d, f);
    else
        print(f);
}

static void take_host(void *context, const tenonh_finding *finding) {
    take(context, finding, cli_device_code(tenonh_reason_status(finding->reason)));
}

/* A finding of the command's own. */
static void tell(doctor *d, const char *area, uint32_t result, const char *subject, const char *text, const char *fix,
                 int code) {
    const tenonh_finding finding = {
        .struct_size = sizeof finding, .result = result, .area = area, .subject = subject, .text = text, .fix = fix};
    take(d, &finding, code);
}

/* -- Devices ------------------------------------------------------------------------------------------------------ */

/* Less than this part of a device's memory is worth a word. */
enum { LEAST_PART = 16 };

static void tell_memory(doctor *d, tenonh_device *device) {
    tenon_memory_type type = {.struct_size = sizeof type};
    const char *name = tenonh_device_name(device);
    char text[128];
    if (tenonh_device_memory_type(device, 0, &type) != TENON_STATUS_OK || type.size == 0 || type.budget == 0) {
        tell(d, "memory", TENONH_FINDING_SKIP, name, "the device does not tell how much it has", "", CLI_OK);
        return;
    }
    (void)snprintf(text, sizeof text, "%s of %s can be had now", cli_bytes(type.budget), cli_bytes(type.size));
    bool low = type.budget < type.size / LEAST_PART;
    tell(d, "memory", low ? TENONH_FINDING_WARN : TENONH_FINDING_PASS, name, text,
         low ? "end what uses the memory, or raise the limit that this process runs under" : "", CLI_OK);
}

/* Caches take devices of one UUID for one device. */
static void check_uuid(doctor *d, const char *name, const uint8_t uuid[16]) {
    char text[128];
    for (uint32_t i = 0; i < d->devices && i < MOST_SEEN; i++) {
        if (memcmp(d->seen[i].uuid, uuid, 16) != 0) continue;
        (void)snprintf(text, sizeof text, "it has the UUID of %s (REQ-DEV-03)", d->seen[i].name);
        tell(d, "device", TENONH_FINDING_WARN, name, text, "ask the plugin's vendor", CLI_OK);
        break;
    }
    if (d->devices >= MOST_SEEN) return;
    (void)snprintf(d->seen[d->devices].name, sizeof d->seen[0].name, "%s", name);
    memcpy(d->seen[d->devices].uuid, uuid, 16);
}

static void check_device(doctor *d, tenonh_registry *registry, const char *name) {
    char text[512];
    tenonh_device *device;
    tenon_status status = tenonh_device_open(registry, name, &device);
    if (status != TENON_STATUS_OK) {
        tell(d, "device", TENONH_FINDING_FAIL, name, tenonh_error_message(), "ask the plugin's vendor",
             cli_device_code(status));
        return;
    }
    const tenon_device_info *info = tenonh_device_info(device);
    (void)snprintf(text, sizeof text, "%s%s%s%s%s", info->name, info->architecture[0] ? ", " : "", info->architecture,
                   info->driver_version[0] ? ", driver " : "", info->driver_version);
    tell(d, "device", TENONH_FINDING_PASS, name, text, "", CLI_OK);
    check_uuid(d, name, info->uuid);
    tell_memory(d, device);
    tenonh_device_release(device);
    d->devices++;
}

/* Opening the plugin changed its reason: the driver does not start, or there is no device, or it is worse. */
static void tell_refusal(doctor *d, const tenonh_plugin_info *info) {
    char text[1024];
    uint32_t result = info->reason == TENONH_REASON_NO_DEVICE ? TENONH_FINDING_SKIP : TENONH_FINDING_FAIL;
    (void)snprintf(text, sizeof text, "%s (%s)", tenonh_reason_text(info->reason), info->detail);
    const tenonh_finding finding = {.struct_size = sizeof finding,
                                    .result = result,
                                    .reason = info->reason,
                                    .area = "device",
                                    .subject = info->id,
                                    .text = text,
                                    .fix = tenonh_reason_advice(info->reason)};
    take_host(d, &finding);
}

static void check_devices(doctor *d, tenonh_registry *registry, uint32_t index, const char *id) {
    uint32_t count = 0;
    tenonh_plugin_info info = {.struct_size = sizeof info};
    (void)tenonh_registry_device_count(registry, index, &count);
    (void)tenonh_registry_plugin(registry, index, &info);
    if (info.reason != TENONH_REASON_OK) {
        tell_refusal(d, &info);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s:%u", id, i);
        check_device(d, registry, name);
    }
}

static void check_all_devices(doctor *d, tenonh_registry *registry) {
    for (uint32_t i = 0; i < tenonh_registry_plugin_count(registry); i++) {
        tenonh_plugin_info info = {.struct_size = sizeof info};
        if (tenonh_registry_plugin(registry, i, &info) == TENON_STATUS_OK && info.reason == TENONH_REASON_OK)
            check_devices(d, registry, i, info.id);
    }
    if (d->devices == 0)
        tell(d, "device", TENONH_FINDING_FAIL, "", "there is no device to run on",
             "install a plugin for this machine; the cpu plugin comes with Tenon", CLI_NO_DEVICE);
}

/* -- What the reference backends use: as they do, without the environment where privileges are raised -------------- */

static bool is_program(const char *path) {
    struct stat file;
    return path[0] == '/' && stat(path, &file) == 0 && S_ISREG(file.st_mode) && access(path, X_OK) == 0;
}

/* In absolute folders of PATH. */
static bool find_program(const char *name, char out_path[PATH_MAX]) {
    for (const char *at = secure_getenv("PATH"); at && *at;) {
        size_t length = strcspn(at, ":");
        int printed = snprintf(out_path, PATH_MAX, "%.*s/%s", (int)length, at, name);
        if (printed > 0 && printed < PATH_MAX && is_program(out_path)) return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static void check_compiler(doctor *d) {
    static const char *const names[] = {"cc", "gcc", "clang"};
    const char *named = secure_getenv("TENON_CC");
    char path[PATH_MAX] = "";
    bool found = false;
    if (named && named[0])
        found = strchr(named, '/') ? is_program(named) && snprintf(path, sizeof path, "%s", named) < (int)sizeof path
                                   : find_program(named, path);
    for (size_t i = 0; !(named && named[0]) && !found && i < sizeof names / sizeof names[0]; i++)
        found = find_program(names[i], path);
    if (found)
        tell(d, "compiler", TENONH_FINDING_PASS, path, "compiles fused kernels for cpu and ccjit", "", CLI_OK);
    else
        tell(d, "compiler", TENONH_FINDING_WARN, named && named[0] ? named : "",
             "no C compiler: cpu fuses nothing, ccjit has no device",
             named && named[0] ? "give TENON_CC an absolute path or a name in PATH" : "install gcc or clang", CLI_OK);
}

static void check_blas(doctor *d) {
    static const char name[] = "libopenblas.so.0";
    const char *setting = secure_getenv("TENON_CPU_BLAS");
    const char *wanted = setting && setting[0] == '/' ? setting : name;
    if (setting && strcmp(setting, "0") == 0) {
        tell(d, "blas", TENONH_FINDING_SKIP, "TENON_CPU_BLAS", "0: cpu multiplies matrices itself", "", CLI_OK);
        return;
    }
    void *library = dlopen(wanted, RTLD_LAZY | RTLD_LOCAL); /* stays until the command ends: its threads are in it */
    if (library)
        tell(d, "blas", TENONH_FINDING_PASS, wanted, "multiplies matrices for cpu", "", CLI_OK);
    else
        tell(d, "blas", TENONH_FINDING_WARN, wanted, dlerror(),
             "install OpenBLAS (Debian: libopenblas0-pthread); cpu multiplies matrices itself, slower", CLI_OK);
}

/* -- The verb ----------------------------------------------------------------------------------------------------- */

/* Plugins' own warnings; the host's are findings of its own. */
static void take_log(void *context, uint32_t level, const char *source, const char *text) {
    if (level <= TENON_LOG_WARNING && strcmp(source, "host") != 0)
        tell(context, "log", TENONH_FINDING_WARN, source, text, "", CLI_OK);
}

/* Named plugins come before those of the search; a refused one is a finding. */
static tenon_status examine(doctor *d, const cli_call *call) {
    const tenonh_registry_options wanted = {.struct_size = sizeof wanted,
                                            .no_search = 1,
                                            .log = take_log,
                                            .log_context = d,
                                            .layers = call->layers,
                                            .probe = TENONH_PROBE_ALWAYS,
                                            .quiet = 1};
    tenonh_registry *registry;
    const char *path;
    TENON_TRY(tenonh_registry_create(&wanted, &registry));
    for (uint32_t i = 0; (path = cli_value_at(call, DOCTOR_PLUGIN, i)) != NULL; i++)
        (void)tenonh_registry_add(registry, path);
    tenon_status status = tenonh_registry_search(registry);
    if (status == TENON_STATUS_OK) status = tenonh_registry_diagnose(registry, take_host, d);
    if (status == TENON_STATUS_OK) check_all_devices(d, registry);
    tenonh_registry_destroy(registry);
    return status;
}

static int print_summary(doctor *d) {
    if (!d->json) {
        printf("%u passed, %u warnings, %u failed, %u skipped\n", d->counts[TENONH_FINDING_PASS],
               d->counts[TENONH_FINDING_WARN], d->counts[TENONH_FINDING_FAIL], d->counts[TENONH_FINDING_SKIP]);
        return d->code;
    }
    cJSON *object = cJSON_CreateObject(), *summary;
    cJSON_AddItemToObject(object, "findings", d->findings);
    summary = cJSON_AddObjectToObject(object, "summary");
    for (int i = 0; i < RESULT_COUNT; i++) cJSON_AddNumberToObject(summary, result_names[i], d->counts[i]);
    cJSON_AddNumberToObject(object, "exit_code", d->code);
    return cli_json(object, d->code);
}

static int run(const cli_call *call) {
    doctor d = {.json = call->json, .findings = call->json ? cJSON_CreateArray() : NULL};
    tenon_status status = examine(&d, call);
    if (status != TENON_STATUS_OK) {
        cJSON_Delete(d.findings);
        return cli_fail(call, status, CLI_FAILED);
    }
    check_compiler(&d);
    check_blas(&d);
    return print_summary(&d);
}

const cli_verb cli_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "Looks at everything that a run depends on, and says what mends it",
    .details =
        "Each line is PASS, WARN, FAIL or SKIP. Plugins are loaded and opened in a process of their own first.\n"
        "Exits with 0 when nothing failed, else by the first failure: 3 untrusted, 4 incompatible, 5 no device,\n"
        "1 anything else.\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
