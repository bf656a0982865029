/* tenon info: all that is known of one device or plugin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "describe.h"

enum { INFO_PLUGIN };

static const cli_option options[] = {CLI_PLUGIN_OPTION};

static int print_object(const cli_call *call, cJSON *object, int code) {
    if (call->json) return cli_json(object, code);
    describe_print(object, 0);
    cJSON_Delete(object);
    return code;
}

static int show_device(const cli_call *call, tenonh_registry *registry, const char *name) {
    tenonh_device *device;
    tenon_status status = tenonh_device_open(registry, name, &device);
    if (status != TENON_STATUS_OK) return cli_fail(call, status, cli_name_code(status));
    cJSON *object = describe_device(device);
    tenonh_device_release(device);
    return print_object(call, object, CLI_OK);
}

/* When the plugin has devices and none of them can be opened: the exit code of the first. */
static int code_of_devices(const cJSON *plugin) {
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(plugin, "devices");
    int code = CLI_OK;
    for (const cJSON *device = devices ? devices->child : NULL; device; device = device->next) {
        const cJSON *refused = cJSON_GetObjectItemCaseSensitive(device, "exit_code");
        if (!refused) return CLI_OK;
        if (code == CLI_OK) code = refused->valueint;
    }
    return code;
}

static int show_plugin(const cli_call *call, tenonh_registry *registry, uint32_t index) {
    tenonh_plugin_info info = {.struct_size = sizeof info};
    cJSON *object = describe_plugin(registry, index, true);
    tenonh_registry_plugin(registry, index, &info);
    int code = info.reason == TENONH_REASON_OK ? CLI_OK : cli_device_code(tenonh_reason_status(info.reason));
    return print_object(call, object, code == CLI_OK ? code_of_devices(object) : code);
}

/* The plugin with that id, or with that file; false when there is none. */
static bool find_plugin(tenonh_registry *registry, const char *name, const char *path, uint32_t *out_index) {
    for (uint32_t i = 0; i < tenonh_registry_plugin_count(registry); i++) {
        tenonh_plugin_info info = {.struct_size = sizeof info};
        if (tenonh_registry_plugin(registry, i, &info) != TENON_STATUS_OK) continue;
        *out_index = i;
        if (path ? strcmp(info.path, path) == 0 : strcmp(info.id, name) == 0) return true;
    }
    return false;
}

static int show_file(const cli_call *call, tenonh_registry *registry, const char *file) {
    uint32_t index;
    tenon_status status = tenonh_registry_add(registry, file);
    char *path = realpath(file, NULL);
    bool found = find_plugin(registry, NULL, path ? path : file, &index);
    free(path);
    if (found) return show_plugin(call, registry, index);
    return cli_fail(call, status, cli_device_code(status));
}

static int show(const cli_call *call, tenonh_registry *registry, const char *what) {
    uint32_t index;
    if (strchr(what, '/')) return show_file(call, registry, what);
    if (!strchr(what, ':') && find_plugin(registry, what, NULL, &index)) return show_plugin(call, registry, index);
    return show_device(call, registry, what);
}

static int run(const cli_call *call) {
    tenonh_registry *registry;
    int code = cli_registry(call, INFO_PLUGIN, &registry);
    if (code != CLI_OK) return code;
    code = show(call, registry, call->arguments[0]);
    tenonh_registry_destroy(registry);
    return code;
}

const cli_verb cli_info = {
    .name = "info",
    .arguments = "DEVICE|PLUGIN",
    .summary = "Tells all about a device (cpu:0), a plugin (cpu) or a plugin's file (./libtenon_x.so)",
    .least_arguments = 1,
    .most_arguments = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .lists_refused = true,
    .run = run,
};
