#include "harness/worker_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cli.h"
#include "device/objects.h"
#include "harness/message.h"
#include "support/error.h"

/* Exit codes of the command, by why a plugin or device could not be had. */
static int exit_code_of(tenon_status status) {
    switch (status) {
    case TENON_STATUS_NOT_FOUND:
    case TENON_STATUS_UNAVAILABLE:
    case TENON_STATUS_DEVICE_LOST: return CLI_NO_DEVICE;
    case TENON_STATUS_UNTRUSTED: return CLI_UNTRUSTED;
    case TENON_STATUS_BAD_DATA:
    case TENON_STATUS_UNSUPPORTED: return CLI_INCOMPATIBLE;
    case TENON_STATUS_INVALID: return CLI_USAGE;
    default: return CLI_FAILED;
    }
}

static cJSON *refused(tenon_status status, tenonh_reason reason, const char *detail) {
    cJSON *message = cJSON_CreateObject(), *why = cJSON_AddObjectToObject(message, "refused");
    cJSON_AddStringToObject(why, "reason", reason ? tenonh_reason_name(reason) : tenon_status_name(status));
    cJSON_AddStringToObject(why, "text", reason ? tenonh_reason_text(reason) : tenon_status_meaning(status));
    cJSON_AddStringToObject(why, "advice", reason ? tenonh_reason_advice(reason) : "");
    cJSON_AddStringToObject(why, "detail", detail);
    cJSON_AddNumberToObject(why, "exit", reason == TENONH_REASON_UNREADABLE ? CLI_USAGE : exit_code_of(status));
    return message;
}

static tenon_status make_registry(const cJSON *command) {
    const char *plugin = cfh_text_of(command, "plugin");
    const tenonh_registry_options options = {
        .struct_size = sizeof options,
        .no_search = plugin[0] != '\0',
        .layers = cfh_text_of(command, "layers"),
        .probe =
            cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(command, "probe")) ? TENONH_PROBE_CACHED : TENONH_PROBE_NEVER,
        .quiet = 1,
    };
    tenon_status status = tenonh_registry_create(&options, &cf_under_test.registry);
    if (status == TENON_STATUS_NOT_FOUND) status = TENON_STATUS_INVALID; /* a layer that there is none of */
    return status;
}

/* Which plugin of the registry's is opened. */
static uint32_t plugin_index;

/* The plugin that was given by its file or its id. */
static tenon_status find_plugin(const cJSON *command, tenonh_plugin_info *out_info) {
    const char *plugin = cfh_text_of(command, "plugin"), *id = cfh_text_of(command, "id");
    if (plugin[0]) {
        tenon_status added = tenonh_registry_add(cf_under_test.registry, plugin);
        TENON_TRY(tenonh_registry_plugin(cf_under_test.registry, 0, out_info));
        return added;
    }
    for (uint32_t i = 0; i < tenonh_registry_plugin_count(cf_under_test.registry); i++) {
        TENON_TRY(tenonh_registry_plugin(cf_under_test.registry, i, out_info));
        plugin_index = i;
        if (strcmp(out_info->id, id) == 0 && out_info->reason != TENONH_REASON_DUPLICATE_ID)
            return tenonh_reason_status(out_info->reason);
    }
    *out_info = (tenonh_plugin_info){
        .struct_size = sizeof *out_info,
        .detail =
            "no plugin of this id is found; `tenon list` shows those there are, and a file is given by a path with a "
            "slash in it, as ./plugin.so"};
    return TENON_STATUS_NOT_FOUND;
}

static void add_hex(cJSON *object, const char *key, const uint8_t *bytes, size_t count) {
    char text[65] = "";
    for (size_t i = 0; i < count && i < 32; i++) (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    cJSON_AddStringToObject(object, key, text);
}

cJSON *cfh_worker_device_describe(void) {
    tenonh_plugin_info info = {.struct_size = sizeof info};
    (void)tenonh_registry_plugin(cf_under_test.registry, plugin_index, &info);
    char abi[32];
    const tenon_device_info *device = tenonh_device_info(cf_under_test.device);
    cJSON *message = cJSON_CreateObject(), *open = cJSON_AddObjectToObject(message, "open");
    cJSON *plugin = cJSON_AddObjectToObject(open, "plugin"), *of = cJSON_AddObjectToObject(open, "device");
    (void)snprintf(abi, sizeof abi, "%u.%u", info.abi_version >> 16, info.abi_version & 0xffff);
    cJSON_AddStringToObject(plugin, "path", info.path);
    cJSON_AddStringToObject(plugin, "id", info.id);
    cJSON_AddStringToObject(plugin, "vendor", info.vendor);
    cJSON_AddStringToObject(plugin, "version", info.version);
    cJSON_AddStringToObject(plugin, "license", info.license);
    cJSON_AddStringToObject(plugin, "abi", abi);
    cJSON_AddStringToObject(of, "name", tenonh_device_name(cf_under_test.device));
    cJSON_AddStringToObject(of, "title", device->name);
    cJSON_AddStringToObject(of, "driver", device->driver_version);
    cJSON_AddStringToObject(of, "architecture", device->architecture);
    add_hex(of, "uuid", device->uuid, sizeof device->uuid);
    cJSON_AddNumberToObject(of, "work_kinds", device->work_kinds); /* what cases list their rows by: report/listing.c */
    cJSON_AddNumberToObject(of, "memory_types", cf_under_test.device->type_count);
    return message;
}

static tenon_status open_device(const tenonh_plugin_info *info, uint32_t index) {
    static char name[64];
    (void)snprintf(name, sizeof name, "%s:%u", info->id, index);
    cf_under_test.name = name;
    TENON_TRY(tenonh_device_open(cf_under_test.registry, name, &cf_under_test.device));
    return tenon__execs_create(&cf_under_test.execs);
}

cJSON *cfh_worker_device_open(const cJSON *command) {
    char text[768];
    tenonh_plugin_info info = {.struct_size = sizeof info};
    tenon_status status = make_registry(command);
    if (status != TENON_STATUS_OK) return refused(status, TENONH_REASON_OK, tenonh_error_message());
    status = find_plugin(command, &info);
    if (status != TENON_STATUS_OK) return refused(status, info.reason, info.detail ? info.detail : "");
    status = open_device(&info, (uint32_t)cfh_number_of(command, "index", 0));
    if (status != TENON_STATUS_OK) {
        char *message = strdup(tenonh_error_message());
        (void)find_plugin(command, &info); /* what is known of it now */
        cJSON *answer = refused(status, info.reason, message ? message : "");
        free(message);
        return answer;
    }
    if (!cfh_worker_device_works(text, sizeof text)) return refused(TENON_STATUS_DEVICE_LOST, TENONH_REASON_OK, text);
    return NULL;
}

/* -- Health -- */

enum { FEW = 64 };

/* A device of one stream has it for the rows: what they run may need it for itself. */
static void make_place_for_rows(void) {
    if (tenonh_device_info(cf_under_test.device)->max_streams != 1) return;
    tenonh_stream_release(cf_under_test.stream);
    cf_under_test.stream = NULL;
}

static tenon_status there_and_back(const char *sent, char *received) {
    tenonh_memory *memory = NULL;
    if (!cf_under_test.stream) TENON_TRY(tenonh_stream_create(cf_under_test.device, &cf_under_test.stream));
    tenon_status status = tenonh_memory_create(cf_under_test.device, 0, FEW, &memory);
    if (status == TENON_STATUS_OK) status = tenonh_stream_write(cf_under_test.stream, memory, 0, sent, FEW);
    if (status == TENON_STATUS_OK) status = tenonh_stream_read(cf_under_test.stream, received, memory, 0, FEW);
    tenon_status end = tenonh_stream_synchronize(cf_under_test.stream);
    tenonh_memory_release(memory);
    return status == TENON_STATUS_OK ? end : status;
}

/* A stream that a row has let fail is no fault of the device's: one try more, on another. */
static tenon_status try_stream(char *out_text, size_t size) {
    char sent[FEW], received[FEW] = {0};
    for (int i = 0; i < FEW; i++) sent[i] = (char)(i * 37 + 11);
    tenon_status status = there_and_back(sent, received);
    if (status != TENON_STATUS_OK) {
        tenonh_stream_release(cf_under_test.stream);
        cf_under_test.stream = NULL;
        status = there_and_back(sent, received);
    }
    make_place_for_rows();
    if (status != TENON_STATUS_OK)
        (void)snprintf(out_text, size,
                       "the device does not work any more: writing and reading %d bytes ends with %s: %s", FEW,
                       tenon_status_name(status), tenonh_error_message());
    else if (memcmp(sent, received, FEW) != 0)
        (void)snprintf(out_text, size, "the device does not work any more: %d bytes come back changed", FEW);
    else
        return TENON_STATUS_OK;
    return tenon__not_ok(status);
}

bool cfh_worker_device_works(char *out_text, size_t size) {
    tenon_status status = tenonh_device_health(cf_under_test.device);
    if (status == TENON_STATUS_OK) return try_stream(out_text, size) == TENON_STATUS_OK;
    (void)snprintf(out_text, size, "the device is lost: its health is %s", tenon_status_name(status));
    return false;
}

void cfh_worker_device_settle(void) {
    (void)tenonh_device_trim(cf_under_test.device, NULL);
}

void cfh_worker_device_close(void) {
    tenonh_stream_release(cf_under_test.stream);
    tenon__execs_destroy(cf_under_test.execs);
    tenonh_device_release(cf_under_test.device);
    tenonh_registry_destroy(cf_under_test.registry);
    cf_under_test = (cf_device){0};
}
