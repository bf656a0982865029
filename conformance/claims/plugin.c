/* The fake's device, memory, streams and table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

/* -- Device ------------------------------------------------------------------------------------------------------------ */

static tenon_status device_count(tenon_instance *instance, uint32_t *out_count) {
    (void)instance;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static uint64_t number_of(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void text_of(const char *name, const char *otherwise, char *out, size_t size) {
    const char *text = getenv(name);
    snprintf(out, size, "%s", text ? text : otherwise);
}

static void read_knobs(fake_knobs *k) {
    const struct {
        const char *name;
        uint32_t *value;
        uint32_t otherwise;
    } numbers[] = {
        {"FAKE_KINDS", &k->kinds, TENON_WORK_GRAPH},
        {"FAKE_SHAPES", &k->shapes, TENON_SHAPES_STATIC},
        {"FAKE_MOST_NODES", &k->most_nodes, 0},
        {"FAKE_TELL", &k->tell, 0},
        {"FAKE_HOLD", &k->hold, 0},
        {"FAKE_PACK", &k->pack, 0},
        {"FAKE_NARROW", &k->narrow, 0},
        {"FAKE_GRAPH_SLOW", &k->graph_slow, 0},
        {"FAKE_DTYPES", &k->dtypes, 0},
        {"FAKE_VIEWS", &k->views, TENON_VIEWS_ANY},
        {"FAKE_STREAMS", &k->streams, 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i].value = (uint32_t)number_of(numbers[i].name, numbers[i].otherwise);
    k->node_cost = number_of("FAKE_NODE_COST", 0);
    k->graph_cost = number_of("FAKE_GRAPH_COST", 0);
    k->composite_cost = number_of("FAKE_COMPOSITE_COST", 0);
    k->op_cost = number_of("FAKE_OP_COST", 0);
    text_of("FAKE_REFUSE", "", k->refuse, sizeof k->refuse);
    text_of("FAKE_FAIL", "", k->fail, sizeof k->fail);
    text_of("FAKE_LOSE", "", k->lose, sizeof k->lose);
    text_of("FAKE_DENY", "", k->deny, sizeof k->deny);
    text_of("FAKE_COMPOSITES", "concat", k->composites, sizeof k->composites);
}

static tenon_status device_open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    if (index > 0) return tenon_report(instance->host, NULL, NULL, NULL, TENON_STATUS_NOT_FOUND, "there is device 0");
    tenon_device *device = calloc(1, sizeof *device);
    if (!device) return tenon_report(instance->host, NULL, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    device->instance = instance;
    read_knobs(&device->knobs);
    *out_device = device;
    return TENON_STATUS_OK;
}

static void device_close(tenon_device *device) {
    free(device);
}

static tenon_status device_info(tenon_device *device, tenon_device_info *out_info) {
    out_info->kind = TENON_DEVICE_NPU;
    out_info->name = "graph interpreter";
    out_info->driver_version = "";
    out_info->architecture = "any";
    memcpy(out_info->uuid, "tenon-fake-graph", sizeof out_info->uuid);
    out_info->denormals = TENON_DENORMAL_KEEP;
    out_info->rounding = TENON_ROUNDING_EXACT;
    out_info->shapes = device->knobs.shapes;
    out_info->work_kinds = device->knobs.kinds;
    if (out_info->struct_size < sizeof *out_info) return TENON_STATUS_OK;
    out_info->dtypes = device->knobs.dtypes;
    out_info->views = device->knobs.views;
    out_info->max_streams = device->knobs.streams;
    return TENON_STATUS_OK;
}

/* -- Memory ------------------------------------------------------------------------------------------------------------ */

static tenon_status type_count(tenon_device *device, uint32_t *out_count) {
    (void)device;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static tenon_status type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    if (index > 0) return FAIL(device, NULL, TENON_STATUS_NOT_FOUND, "there is memory type 0 alone");
    out_type->flags = TENON_MEMORY_DEVICE;
    out_type->alignment = 64;
    out_type->flush_unit = 1;
    return TENON_STATUS_OK;
}

static tenon_status allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    (void)type;
    tenon_memory *memory = size < (uint64_t)1 << 40 ? malloc(sizeof *memory + size) : NULL;
    if (!memory) return FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "there is no such memory");
    memory->size = size;
    *out_memory = memory;
    return TENON_STATUS_OK;
}

static void release(tenon_device *device, tenon_memory *memory) {
    (void)device;
    free(memory);
}

/* -- Streams: all is done when a call returns --------------------------------------------------------------------------- */

static tenon_status stream_create(tenon_device *device, tenon_stream **out_stream) {
    tenon_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    stream->device = device;
    *out_stream = stream;
    return TENON_STATUS_OK;
}

static void stream_destroy(tenon_stream *stream) {
    free(stream);
}

static tenon_status stream_synchronize(tenon_stream *stream) {
    return stream->failed;
}

static tenon_status check(tenon_stream *stream, tenon_buffer buffer, uint64_t size) {
    if (stream->failed) return FAIL(stream->device, stream, TENON_STATUS_FAILED_STREAM, "the stream has failed before");
    uint64_t whole = buffer.memory->size;
    if (buffer.offset <= whole && size <= whole - buffer.offset) return TENON_STATUS_OK;
    return FAIL(stream->device, stream, TENON_STATUS_INVALID, "the range leaves its allocation");
}

static tenon_status stream_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    TENON_TRY(check(stream, destination, size));
    if (size) memcpy(fake_bytes_of(destination), source, size);
    return TENON_STATUS_OK;
}

static tenon_status stream_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(check(stream, source, size));
    if (size) memcpy(destination, fake_bytes_of(source), size);
    return TENON_STATUS_OK;
}

static tenon_status stream_copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(check(stream, source, size));
    return stream_write(stream, destination, fake_bytes_of(source), size);
}

/* -- Plugin ------------------------------------------------------------------------------------------------------------- */

static tenon_status plugin_open(const tenon_host *host, tenon_instance **out_instance) {
    tenon_instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return tenon_report(host, NULL, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory for the instance");
    instance->host = host;
    *out_instance = instance;
    return TENON_STATUS_OK;
}

static void plugin_close(tenon_instance *instance) {
    free(instance);
}

/* FAKE_OLD: as a plugin that was built with ABI 0.1, whose work hooks end before `claim`. */
#ifdef FAKE_OLD
enum { WORK_SIZE = TENON_WORK_HOOKS_SIZE_V1, ABI = 1 };
#define CLAIM NULL
#else
enum { WORK_SIZE = sizeof(tenon_work_hooks), ABI = TENON_ABI_VERSION };
#define CLAIM fake_claim
#endif

/* clang-format off */
static const tenon_device_hooks device_hooks = {.struct_size = sizeof device_hooks,
    .count = device_count, .open = device_open, .close = device_close, .info = device_info};

static const tenon_memory_hooks memory_hooks = {.struct_size = sizeof memory_hooks,
    .type_count = type_count, .type_info = type_info, .allocate = allocate, .release = release};

static const tenon_stream_hooks stream_hooks = {.struct_size = sizeof stream_hooks,
    .create = stream_create, .destroy = stream_destroy, .synchronize = stream_synchronize,
    .write = stream_write, .read = stream_read, .copy = stream_copy};

static const tenon_work_hooks work_hooks = {.struct_size = WORK_SIZE,
    .prepare = fake_prepare, .launch = fake_launch, .release = fake_release, .pack = fake_pack, .claim = CLAIM};

static const tenon_plugin plugin = {.magic = TENON_PLUGIN_MAGIC, .struct_size = sizeof plugin,
    .abi_version = ABI, .abi_oldest = ABI,
    .id = "fake-graph", .vendor = "Tenon", .version = "0.1.0", .license = "Apache-2.0",
    .open = plugin_open, .close = plugin_close,
    .device = &device_hooks, .memory = &memory_hooks, .stream = &stream_hooks, .work = &work_hooks};
/* clang-format on */

#ifndef FAKE_OLD
TENON_PLUGIN_NOTE();
#endif

const tenon_plugin *tenon_plugin_query(void) {
    return &plugin;
}
