#include "describe.h"

#include <stdio.h>
#include <string.h>

#include <tenon/helpers.h>

/* A value with its name in words. */
typedef struct name {
    uint32_t value;
    const char *text;
} name;

static const name kinds[] = {{TENON_DEVICE_CPU, "cpu"},
                             {TENON_DEVICE_GPU, "gpu"},
                             {TENON_DEVICE_NPU, "npu"},
                             {TENON_DEVICE_DSP, "dsp"},
                             {0, NULL}};
static const name denormals[] = {{TENON_DENORMAL_KEEP, "keep"}, {TENON_DENORMAL_FLUSH, "flush"}, {0, NULL}};
static const name roundings[] = {{TENON_ROUNDING_EXACT, "exact"}, {TENON_ROUNDING_RELAXED, "relaxed"}, {0, NULL}};
static const name shapes[] = {
    {TENON_SHAPES_STATIC, "static"}, {TENON_SHAPES_BOUNDED, "bounded"}, {TENON_SHAPES_DYNAMIC, "dynamic"}, {0, NULL}};
static const name views[] = {{TENON_VIEWS_ANY, "any"}, {TENON_VIEWS_CONTIGUOUS, "contiguous"}, {0, NULL}};
static const name works[] = {{TENON_WORK_OP, "op"},
                             {TENON_WORK_KERNEL, "kernel"},
                             {TENON_WORK_COMPOSITE, "composite"},
                             {TENON_WORK_GRAPH, "graph"},
                             {0, NULL}};
static const name flags[] = {{TENON_MEMORY_DEVICE, "device"},
                             {TENON_MEMORY_MAPPABLE, "mappable"},
                             {TENON_MEMORY_COHERENT, "coherent"},
                             {TENON_MEMORY_STAGING, "staging"},
                             {0, NULL}};
static const name languages[] = {
    {TENON_LANGUAGE_C11, "C11"}, {TENON_LANGUAGE_OPENCL_C, "OpenCL C"}, {TENON_LANGUAGE_CUDA_C, "CUDA C"}, {0, NULL}};
static const name features[] = {{TENON_FEATURE_F64, "f64"},
                                {TENON_FEATURE_F16, "f16"},
                                {TENON_FEATURE_SUBGROUPS, "subgroups"},
                                {TENON_FEATURE_VECTORS, "vectors"},
                                {TENON_FEATURE_STREAMING, "streaming"},
                                {TENON_FEATURE_FMA, "fma"},
                                {0, NULL}};

static const char *name_of(const name *names, uint32_t value) {
    while (names->text && names->value != value) names++;
    return names->text ? names->text : "unknown";
}

const char *describe_kind(uint32_t kind) {
    return name_of(kinds, kind);
}

static void add_bits(cJSON *object, const char *key, const name *names, uint32_t bits) {
    cJSON *list = cJSON_AddArrayToObject(object, key);
    for (; names->text; names++)
        if (bits & names->value) cJSON_AddItemToArray(list, cJSON_CreateString(names->text));
}

/* What operators may be asked for: what a device declares of the dtypes that the operator table takes. */
static void add_dtypes(cJSON *object, uint64_t bits) {
    cJSON *list = cJSON_AddArrayToObject(object, "dtypes");
    for (tenon_dtype dtype = 1; dtype < TENON_DTYPE_COUNT; dtype++)
        if (bits ? bits >> dtype & 1 : tenon_dtype_is_base(dtype) != 0)
            cJSON_AddItemToArray(list, cJSON_CreateString(tenon_dtype_name(dtype)));
}

static void add_uuid(cJSON *object, const uint8_t *uuid) {
    char text[37], *at = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        at += snprintf(at, 3, "%02x", uuid[i]);
    }
    cJSON_AddStringToObject(object, "uuid", text);
}

static void add_memory_types(cJSON *object, tenonh_device *device) {
    cJSON *list = cJSON_AddArrayToObject(object, "memory_types");
    for (uint32_t i = 0; i < tenonh_device_memory_type_count(device); i++) {
        tenon_memory_type type = {.struct_size = sizeof type};
        if (tenonh_device_memory_type(device, i, &type) != TENON_STATUS_OK) continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(list, item);
        add_bits(item, "flags", flags, type.flags);
        cJSON_AddNumberToObject(item, "size", (double)type.size);
        cJSON_AddNumberToObject(item, "budget", (double)type.budget);
        cJSON_AddNumberToObject(item, "alignment", (double)type.alignment);
        cJSON_AddNumberToObject(item, "over_read", (double)type.over_read);
    }
}

static void add_dialect(cJSON *object, const tenon_dialect *dialect) {
    if (!dialect) return;
    cJSON *item = cJSON_AddObjectToObject(object, "dialect");
    cJSON_AddStringToObject(item, "language", name_of(languages, dialect->language));
    add_bits(item, "features", features, dialect->features);
    cJSON_AddNumberToObject(item, "vector_bytes", dialect->vector_bytes);
    cJSON_AddNumberToObject(item, "max_group", dialect->max_group);
    cJSON_AddNumberToObject(item, "ir_version", dialect->ir_version);
}

cJSON *describe_device(tenonh_device *device) {
    const tenon_device_info *info = tenonh_device_info(device);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", tenonh_device_name(device));
    cJSON_AddStringToObject(object, "name", info->name);
    cJSON_AddStringToObject(object, "kind", describe_kind(info->kind));
    cJSON_AddStringToObject(object, "architecture", info->architecture);
    cJSON_AddStringToObject(object, "driver_version", info->driver_version);
    add_uuid(object, info->uuid);
    add_bits(object, "takes", works, info->work_kinds);
    cJSON_AddStringToObject(object, "shapes", name_of(shapes, info->shapes));
    add_dtypes(object, info->dtypes);
    cJSON_AddStringToObject(object, "views", name_of(views, info->views));
    cJSON_AddStringToObject(object, "denormals", name_of(denormals, info->denormals));
    cJSON_AddStringToObject(object, "rounding", name_of(roundings, info->rounding));
    cJSON_AddNumberToObject(object, "compute_units", info->compute_units);
    cJSON_AddNumberToObject(object, "max_streams", info->max_streams);
    cJSON_AddNumberToObject(object, "cache_bytes", (double)info->cache_size);
    cJSON_AddNumberToObject(object, "bandwidth", (double)info->bandwidth);
    add_dialect(object, tenonh_device_dialect(device));
    add_memory_types(object, device);
    return object;
}

static void add_devices(cJSON *object, tenonh_registry *registry, uint32_t index, const char *id) {
    uint32_t count;
    if (tenonh_registry_device_count(registry, index, &count) != TENON_STATUS_OK) return;
    cJSON *list = cJSON_AddArrayToObject(object, "devices");
    for (uint32_t i = 0; i < count; i++) {
        char device_name[64];
        tenonh_device *device;
        snprintf(device_name, sizeof device_name, "%s:%u", id, i);
        tenon_status status = tenonh_device_open(registry, device_name, &device);
        if (status != TENON_STATUS_OK) {
            cJSON *refused = cJSON_CreateObject();
            cJSON_AddItemToArray(list, refused);
            cJSON_AddStringToObject(refused, "id", device_name);
            cJSON_AddStringToObject(refused, "error", tenonh_error_message());
            cJSON_AddNumberToObject(refused, "exit_code", cli_device_code(status));
            continue;
        }
        cJSON_AddItemToArray(list, describe_device(device));
        tenonh_device_release(device);
    }
}

static void add_reason(cJSON *object, const tenonh_plugin_info *info) {
    if (info->reason == TENONH_REASON_OK) return;
    cJSON *reason = cJSON_AddObjectToObject(object, "reason");
    cJSON_AddStringToObject(reason, "code", tenonh_reason_name(info->reason));
    cJSON_AddStringToObject(reason, "text", tenonh_reason_text(info->reason));
    cJSON_AddStringToObject(reason, "detail", info->detail);
    cJSON_AddStringToObject(reason, "advice", tenonh_reason_advice(info->reason));
}

cJSON *describe_plugin(tenonh_registry *registry, uint32_t index, bool with_devices) {
    char abi[32];
    tenonh_plugin_info info = {.struct_size = sizeof info};
    cJSON *object = cJSON_CreateObject(), *devices = cJSON_CreateObject();
    if (tenonh_registry_plugin(registry, index, &info) != TENON_STATUS_OK) {
        cJSON_Delete(devices);
        return object;
    }
    /* Opening devices may change the plugin's reason: it comes before the reason is told. */
    if (with_devices && info.reason == TENONH_REASON_OK) add_devices(devices, registry, index, info.id);
    tenonh_registry_plugin(registry, index, &info);
    snprintf(abi, sizeof abi, "%u.%u", info.abi_version >> 16, info.abi_version & 0xffff);
    cJSON_AddStringToObject(object, "id", info.id);
    cJSON_AddStringToObject(object, "path", info.path);
    cJSON_AddStringToObject(object, "vendor", info.vendor);
    cJSON_AddStringToObject(object, "version", info.version);
    cJSON_AddStringToObject(object, "license", info.license);
    cJSON_AddStringToObject(object, "abi", info.abi_version ? abi : "");
    cJSON_AddBoolToObject(object, "usable", info.reason == TENONH_REASON_OK);
    add_reason(object, &info);
    cJSON *list = cJSON_DetachItemFromObject(devices, "devices");
    if (list) cJSON_AddItemToObject(object, "devices", list);
    cJSON_Delete(devices);
    return object;
}

static void print_scalar(const cJSON *item) {
    if (cJSON_IsString(item))
        cli_put(stdout, item->valuestring[0] ? item->valuestring : "-");
    else if (cJSON_IsBool(item))
        fputs(cJSON_IsTrue(item) ? "yes" : "no", stdout);
    else
        printf("%.0f", item->valuedouble);
}

static void print_list(const cJSON *list) {
    for (const cJSON *item = list->child; item; item = item->next) {
        print_scalar(item);
        if (item->next) fputs(" ", stdout);
    }
}

void describe_print(const cJSON *object, int indent) {
    for (const cJSON *item = object->child; item; item = item->next) {
        bool nested = cJSON_IsObject(item) || (cJSON_IsArray(item) && cJSON_IsObject(item->child));
        printf("%*s%-*s", indent, "", nested ? 0 : 18 - indent, item->string);
        if (cJSON_IsArray(item) && !nested)
            print_list(item);
        else if (!nested)
            print_scalar(item);
        puts("");
        if (cJSON_IsObject(item)) describe_print(item, indent + 2);
        for (const cJSON *inner = nested && cJSON_IsArray(item) ? item->child : NULL; inner; inner = inner->next) {
            describe_print(inner, indent + 2);
            if (inner->next) puts("");
        }
    }
}

void describe_refusal(const tenonh_plugin_info *info) {
    const char *detail = info->detail, *advice = tenonh_reason_advice(info->reason);
    cli_line(stdout, "  %s: %s%s%s%s%s%s", tenonh_reason_name(info->reason), tenonh_reason_text(info->reason),
             detail[0] ? " (" : "", detail, detail[0] ? ")" : "", advice[0] ? "; " : "", advice);
}
