/* tenon list: every plugin that was found, its devices, and why one is not used. */
#include <stdio.h>

#include "cli.h"
#include "describe.h"

enum { LIST_PLUGIN };

static const cli_option options[] = {CLI_PLUGIN_OPTION};

static const char *text_of(const cJSON *object, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

static uint32_t add_device_rows(cli_table *table, const cJSON *plugin) {
    uint32_t usable = 0;
    for (const cJSON *d = cJSON_GetObjectItemCaseSensitive(plugin, "devices")
                              ? cJSON_GetObjectItemCaseSensitive(plugin, "devices")->child
                              : NULL;
         d; d = d->next) {
        const char *error = text_of(d, "error");
        cli_cell(table, "%s", text_of(d, "id"));
        cli_cell(table, "%s", error[0] ? "-" : text_of(d, "kind"));
        cli_cell(table, "%s", error[0] ? error : text_of(d, "name"));
        cli_cell(table, "%s %s, %s", text_of(plugin, "id"), text_of(plugin, "version"), text_of(plugin, "vendor"));
        usable += !error[0];
    }
    return usable;
}

static void print_refused(tenonh_registry *registry) {
    bool told = false;
    for (uint32_t i = 0; i < tenonh_registry_plugin_count(registry); i++) {
        tenonh_plugin_info info = {.struct_size = sizeof info};
        if (tenonh_registry_plugin(registry, i, &info) != TENON_STATUS_OK || info.reason == TENONH_REASON_OK) continue;
        if (!told) puts("\nnot used:");
        told = true;
        cli_line(stdout, "%s", info.path);
        describe_refusal(&info);
    }
}

static int print_text(tenonh_registry *registry, const cJSON *plugins) {
    cli_table *table = cli_table_create(4);
    uint32_t usable = 0;
    static const char *const heads[] = {"DEVICE", "KIND", "NAME", "PLUGIN"};
    for (int i = 0; i < 4; i++) cli_cell(table, "%s", heads[i]);
    for (const cJSON *plugin = plugins->child; plugin; plugin = plugin->next) usable += add_device_rows(table, plugin);
    cli_table_print(table);
    if (!usable) puts("no device");
    print_refused(registry);
    return usable ? CLI_OK : CLI_NO_DEVICE;
}

static uint32_t count_devices(const cJSON *plugins) {
    uint32_t count = 0;
    for (const cJSON *plugin = plugins->child; plugin; plugin = plugin->next) {
        const cJSON *devices = cJSON_GetObjectItemCaseSensitive(plugin, "devices");
        for (const cJSON *d = devices ? devices->child : NULL; d; d = d->next) count += !text_of(d, "error")[0];
    }
    return count;
}

static int run(const cli_call *call) {
    tenonh_registry *registry;
    int code = cli_registry(call, LIST_PLUGIN, &registry);
    if (code != CLI_OK) return code;
    cJSON *object = cJSON_CreateObject(), *plugins = cJSON_AddArrayToObject(object, "plugins");
    for (uint32_t i = 0; i < tenonh_registry_plugin_count(registry); i++)
        cJSON_AddItemToArray(plugins, describe_plugin(registry, i, true));
    if (call->json) {
        code = cli_json(object, count_devices(plugins) ? CLI_OK : CLI_NO_DEVICE);
    } else {
        code = print_text(registry, plugins);
        cJSON_Delete(object);
    }
    tenonh_registry_destroy(registry);
    return code;
}

const cli_verb cli_list = {
    .name = "list",
    .arguments = "",
    .summary = "Lists devices, and plugins that are not used with the reason",
    .details = "Plugins are looked for in TENON_PLUGIN_PATH, beside the library, in $XDG_DATA_HOME/tenon/plugins,\n"
               "/etc/tenon/plugins, /usr/local/lib/tenon and /usr/lib/tenon. Exits with 5 when there is no device.\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .lists_refused = true,
    .run = run,
};
