/* Wrapped hooks of instances, devices and memory; and the table of them all. */
#include "layers/layer.h"

#include <string.h>

/* Layers are opened from inside out by tenon__layers_open; nobody has this hook to call. */
static tenon_status plugin_open(const tenon_host *host, tenon_instance **out_instance) {
    (void)host, (void)out_instance;
    return TENON_STATUS_UNSUPPORTED;
}

static void plugin_close(tenon_instance *instance) {
    tenon__object *object;
    tenon__call call = {.hook = TENON__HOOK_plugin_close};
    if (tenon__take(call.hook, TENON__KIND_INSTANCE, instance, &object) != TENON_STATUS_OK) return;
    tenon__layer *layer = object->layer;
    tenon__enter(&call, object);
    layer->inner.plugin.close(object->inner);
    layer->closed = 1;
    tenon__leave_gone(&call, object);
    tenon__layer_destroy(layer);
}

/* An extension's own hooks would get handles that they do not know. */
static const void *plugin_extension(const char *name, uint32_t version) {
    (void)name, (void)version;
    return NULL;
}

/* -- Devices ---------------------------------------------------------------------------------------------------------- */

static tenon_status device_count(tenon_instance *instance, uint32_t *out_count) {
    tenon__object *object;
    uint32_t count = 0;
    tenon__call call = {.hook = TENON__HOOK_device_count, .out = out_count};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_INSTANCE, instance, &object));
    tenon__enter(&call, object);
    if (!call.answered) call.status = call.layer->inner.device.count(object->inner, &count);
    call.number = count;
    TENON_TRY(tenon__leave(&call));
    *out_count = count;
    return TENON_STATUS_OK;
}

static tenon_status device_open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    tenon__object *object, *made;
    tenon_device *device = NULL;
    tenon__call call = {.hook = TENON__HOOK_device_open, .index = index, .out = out_device};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_INSTANCE, instance, &object));
    tenon__enter(&call, object);
    if (!call.answered) call.status = call.layer->inner.device.open(object->inner, index, &device);
    TENON_TRY(tenon__leave_made(&call, TENON__KIND_DEVICE, device, &made));
    *out_device = made ? tenon__object_handle(made) : NULL;
    return TENON_STATUS_OK;
}

static void device_close(tenon_device *device) {
    tenon__call call = {.hook = TENON__HOOK_device_close};
    if (tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device) != TENON_STATUS_OK) return;
    tenon__enter(&call, call.device);
    atomic_store(&call.device->dying, 1);
    call.layer->inner.device.close(call.device->inner);
    tenon__leave_gone(&call, call.device);
}

static tenon_status device_info(tenon_device *device, tenon_device_info *out_info) {
    tenon__call call = {.hook = TENON__HOOK_device_info, .device_info = out_info, .out = out_info};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.device.info(call.device->inner, call.device_info);
    return tenon__leave(&call);
}

static tenon_status device_health(tenon_device *device) {
    tenon__call call = {.hook = TENON__HOOK_device_health};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.device.health(call.device->inner);
    return tenon__leave(&call);
}

static const tenon_device_hooks wrapped_device = {
    .struct_size = sizeof wrapped_device,
    .count = device_count,
    .open = device_open,
    .close = device_close,
    .info = device_info,
    .health = device_health,
};

/* -- Memory ----------------------------------------------------------------------------------------------------------- */

static tenon_status memory_type_count(tenon_device *device, uint32_t *out_count) {
    uint32_t count = 0;
    tenon__call call = {.hook = TENON__HOOK_memory_type_count, .out = out_count};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.memory.type_count(call.device->inner, &count);
    call.number = count;
    TENON_TRY(tenon__leave(&call));
    *out_count = count;
    return TENON_STATUS_OK;
}

static tenon_status memory_type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    tenon__call call = {.hook = TENON__HOOK_memory_type_info, .index = index, .memory_type = out_type, .out = out_type};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.memory.type_info(call.device->inner, index, call.memory_type);
    return tenon__leave(&call);
}

static tenon_status memory_allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    tenon__object *made;
    tenon_memory *memory = NULL;
    tenon__call call = {.hook = TENON__HOOK_memory_allocate, .index = type, .size = size, .out = out_memory};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.memory.allocate(call.device->inner, type, size, &memory);
    TENON_TRY(tenon__leave_made(&call, TENON__KIND_MEMORY, memory, &made));
    *out_memory = made ? tenon__object_handle(made) : NULL;
    return TENON_STATUS_OK;
}

static tenon_status memory_import(tenon_device *device, uint32_t type, void *bytes, uint64_t size, uint32_t flags,
                                  tenon_memory **out_memory) {
    tenon__object *made;
    tenon_memory *memory = NULL;
    tenon__call call = {.hook = TENON__HOOK_memory_import,
                        .index = type,
                        .size = size,
                        .flags = flags,
                        .host_memory = bytes,
                        .out = out_memory};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered)
        call.status = call.layer->inner.memory.import(call.device->inner, type, bytes, size, flags, &memory);
    TENON_TRY(tenon__leave_made(&call, TENON__KIND_MEMORY, memory, &made));
    *out_memory = made ? tenon__object_handle(made) : NULL;
    return TENON_STATUS_OK;
}

static void memory_release(tenon_device *device, tenon_memory *memory) {
    tenon__call call = {.hook = TENON__HOOK_memory_release};
    if (tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device) != TENON_STATUS_OK) return;
    if (tenon__take(call.hook, TENON__KIND_MEMORY, memory, &call.memory) != TENON_STATUS_OK) return;
    tenon__enter(&call, call.memory);
    atomic_store(&call.memory->dying, 1);
    call.layer->inner.memory.release(call.device->inner, call.memory->inner);
    tenon__leave_gone(&call, call.memory);
}

/* What is common to map, unmap, flush, invalidate and address: both handles, and the layer asked. */
static tenon_status begin_memory(tenon__call *call, tenon_device *device, tenon_memory *memory) {
    TENON_TRY(tenon__take(call->hook, TENON__KIND_DEVICE, device, &call->device));
    TENON_TRY(tenon__take(call->hook, TENON__KIND_MEMORY, memory, &call->memory));
    tenon__enter(call, call->memory);
    return TENON_STATUS_OK;
}

static tenon_status memory_map(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size,
                               void **out_pointer) {
    void *pointer = NULL;
    tenon__call call = {.hook = TENON__HOOK_memory_map, .offset = offset, .size = size, .out = out_pointer};
    TENON_TRY(begin_memory(&call, device, memory));
    if (!call.answered)
        call.status = call.layer->inner.memory.map(call.device->inner, call.memory->inner, offset, size, &pointer);
    call.host_memory = pointer;
    TENON_TRY(tenon__leave(&call));
    *out_pointer = pointer;
    return TENON_STATUS_OK;
}

static tenon_status memory_unmap(tenon_device *device, tenon_memory *memory) {
    tenon__call call = {.hook = TENON__HOOK_memory_unmap};
    TENON_TRY(begin_memory(&call, device, memory));
    if (!call.answered) call.status = call.layer->inner.memory.unmap(call.device->inner, call.memory->inner);
    return tenon__leave(&call);
}

static tenon_status memory_flush(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    tenon__call call = {.hook = TENON__HOOK_memory_flush, .offset = offset, .size = size};
    TENON_TRY(begin_memory(&call, device, memory));
    if (!call.answered)
        call.status = call.layer->inner.memory.flush(call.device->inner, call.memory->inner, offset, size);
    return tenon__leave(&call);
}

static tenon_status memory_invalidate(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    tenon__call call = {.hook = TENON__HOOK_memory_invalidate, .offset = offset, .size = size};
    TENON_TRY(begin_memory(&call, device, memory));
    if (!call.answered)
        call.status = call.layer->inner.memory.invalidate(call.device->inner, call.memory->inner, offset, size);
    return tenon__leave(&call);
}

static tenon_status memory_address(tenon_device *device, tenon_memory *memory, uint64_t *out_address) {
    tenon__call call = {.hook = TENON__HOOK_memory_address, .out = out_address};
    TENON_TRY(begin_memory(&call, device, memory));
    if (!call.answered)
        call.status = call.layer->inner.memory.address(call.device->inner, call.memory->inner, &call.number);
    TENON_TRY(tenon__leave(&call));
    *out_address = call.number;
    return TENON_STATUS_OK;
}

static const tenon_memory_hooks wrapped_memory = {
    .struct_size = sizeof wrapped_memory,
    .type_count = memory_type_count,
    .type_info = memory_type_info,
    .allocate = memory_allocate,
    .release = memory_release,
    .map = memory_map,
    .unmap = memory_unmap,
    .flush = memory_flush,
    .invalidate = memory_invalidate,
    .address = memory_address,
    .import = memory_import,
};

/* -- The table -------------------------------------------------------------------------------------------------------- */

void tenon__wrap(const tenon__hooks *inner, tenon__hooks *out_hooks) {
    tenon__hooks all = {
        .plugin = inner->plugin,
        .device = wrapped_device,
        .memory = wrapped_memory,
        .stream = tenon__wrapped_stream,
        .work = tenon__wrapped_work,
        .event = tenon__wrapped_event,
    };
    all.plugin.open = plugin_open;
    all.plugin.close = plugin_close;
    all.plugin.extension = plugin_extension;
    *out_hooks = all;
    /* What is not there inside is not there outside; what has no wrapper yet is not offered. */
#define TENON_HOOK_GROUP(group, type, need, oldest)
#define TENON_HOOK(group, type, member, need, set)                                                                     \
    if (!inner->group.member) out_hooks->group.member = NULL;
#include <tenon/hooks.def>
}
