/* What the host asks of a plugin, held against the rules of the hooks. */
#include "layers/validate.h"

#include <inttypes.h>
#include <string.h>

#include "device/declared.h"
#include "device/work_check.h"

#include <tenon/helpers.h>
#include <tenon/host/error.h>

/* -- Answers' places -------------------------------------------------------------------------------------------------- */

static bool wants_out(uint32_t hook) {
    switch (hook) {
    case TENON__HOOK_device_count:
    case TENON__HOOK_device_open:
    case TENON__HOOK_device_info:
    case TENON__HOOK_memory_type_count:
    case TENON__HOOK_memory_type_info:
    case TENON__HOOK_memory_allocate:
    case TENON__HOOK_memory_import:
    case TENON__HOOK_memory_map:
    case TENON__HOOK_memory_address:
    case TENON__HOOK_stream_create:
    case TENON__HOOK_event_create:
    case TENON__HOOK_event_elapsed:
    case TENON__HOOK_work_prepare:
    case TENON__HOOK_work_dialect:
    case TENON__HOOK_work_claim: return true;
    default: return false;
    }
}

static bool check_size(tenon__call *call, const char *what, uint32_t size, uint32_t oldest) {
    return size < oldest && tenon__host_fault(call, "REQ-HOST-02", "%s has struct_size %u; its first version has %u",
                                              what, size, oldest);
}

static bool check_out(tenon__call *call) {
    if (wants_out(call->hook) && !call->out)
        return tenon__host_fault(call, "REQ-HOST-02", "the place for the answer is NULL");
    if (call->device_info)
        return check_size(call, "tenon_device_info", call->device_info->struct_size, TENON_DEVICE_INFO_SIZE_V1);
    if (call->memory_type)
        return check_size(call, "tenon_memory_type", call->memory_type->struct_size, TENON_MEMORY_TYPE_SIZE_V1);
    return false;
}

/* -- Memory ----------------------------------------------------------------------------------------------------------- */

/* The type that an object or a call is about; NULL while the device was not asked for its types. */
static const tenon_memory_type *type_of(const tenon__call *call, uint32_t index) {
    const tenon__checked *device = tenon__checked_of(call->device);
    return index < device->type_count && index < TENON__MOST_TYPES && device->types[index].struct_size
               ? &device->types[index]
               : NULL;
}

static uint64_t unit_of(const tenon__call *call, uint32_t index) {
    const tenon_memory_type *type = type_of(call, index);
    return type && type->flush_unit ? type->flush_unit : 1;
}

static bool check_type(tenon__call *call) {
    const tenon__checked *device = tenon__checked_of(call->device);
    return device->type_count && call->index >= device->type_count &&
           tenon__host_fault(call, "REQ-MEM-01", "memory type %u; the device has %u", call->index, device->type_count);
}

static bool check_allocate(tenon__call *call) {
    uint64_t unit = unit_of(call, call->index);
    if (check_type(call)) return true;
    return call->size % unit != 0 &&
           tenon__host_fault(call, "REQ-MEM-06", "%" PRIu64 " bytes are no whole number of flush units of %" PRIu64,
                             call->size, unit);
}

static bool check_import(tenon__call *call) {
    const tenon_memory_type *type = type_of(call, call->index);
    if (check_allocate(call)) return true;
    if (call->size && !call->host_memory)
        return tenon__host_fault(call, "REQ-HOST-02", "%" PRIu64 " bytes at NULL", call->size);
    return type && (uintptr_t)call->host_memory % type->alignment != 0 &&
           tenon__host_fault(call, "REQ-MEM-08", "the bytes at %p are not aligned to %" PRIu64, call->host_memory,
                             type->alignment);
}

static bool check_range(tenon__call *call, const char *what, const tenon__object *memory, uint64_t offset) {
    if (memory->device != call->device)
        return tenon__host_fault(call, "REQ-HOST-03", "the %s is memory of another device", what);
    if (offset <= memory->size && call->size <= memory->size - offset) return false;
    return tenon__host_fault(call, "REQ-HOST-04",
                             "the %s takes bytes %" PRIu64 " + %" PRIu64 " of memory %" PRIu64 ", which has %" PRIu64,
                             what, offset, call->size, memory->serial, memory->size);
}

static bool check_units(tenon__call *call, const char *rule) {
    uint64_t unit = unit_of(call, call->memory->number);
    return (call->offset % unit || call->size % unit) &&
           tenon__host_fault(call, rule, "bytes %" PRIu64 " + %" PRIu64 " are no whole flush units of %" PRIu64,
                             call->offset, call->size, unit);
}

static bool check_map(tenon__call *call) {
    const tenon_memory_type *type = type_of(call, call->memory->number);
    if (check_range(call, "mapping", call->memory, call->offset)) return true;
    if (tenon__checked_of(call->memory)->mapped)
        return tenon__host_fault(call, "REQ-MEM-05", "memory %" PRIu64 " is mapped already", call->memory->serial);
    if (type && !(type->flags & TENON_MEMORY_MAPPABLE))
        return tenon__host_fault(call, "REQ-MEM-05", "memory type %u cannot be mapped", call->memory->number);
    return check_units(call, "REQ-MEM-05");
}

static bool check_mapped(tenon__call *call) {
    const tenon__checked *memory = tenon__checked_of(call->memory);
    if (!memory->mapped)
        return tenon__host_fault(call, "REQ-MEM-05", "memory %" PRIu64 " is not mapped", call->memory->serial);
    if (call->hook == TENON__HOOK_memory_unmap) return false;
    if (call->offset < memory->map_offset || call->offset - memory->map_offset > memory->map_size ||
        call->size > memory->map_size - (call->offset - memory->map_offset))
        return tenon__host_fault(call, "REQ-MEM-06", "bytes %" PRIu64 " + %" PRIu64 " leave the mapping", call->offset,
                                 call->size);
    return check_units(call, "REQ-MEM-06");
}

static void check_release(tenon__call *call) {
    if (call->memory->device != call->device) tenon__host_fault(call, "REQ-HOST-03", "the memory is of another device");
    if (tenon__checked_of(call->memory)->mapped)
        tenon__host_fault(call, "REQ-MEM-04", "memory %" PRIu64 " is released while it is mapped",
                          call->memory->serial);
    tenon__check_release(call);
}

/* -- Copies ----------------------------------------------------------------------------------------------------------- */

static bool check_copy(tenon__call *call) {
    bool host = call->hook == TENON__HOOK_stream_write || call->hook == TENON__HOOK_stream_read;
    if (host && call->size && !call->host_memory)
        return tenon__host_fault(call, "REQ-HOST-02", "%" PRIu64 " bytes at NULL", call->size);
    if (call->memory && check_range(call, "destination", call->memory, call->offset)) return true;
    if (call->source && check_range(call, "source", call->source, call->source_offset)) return true;
    tenon__span to = tenon__span_range(call->offset, call->size),
                from = tenon__span_range(call->source_offset, call->size);
    return call->memory == call->source && tenon__span_meets(&to, &from) &&
           tenon__host_fault(call, "REQ-STREAM-06", "source and destination overlap");
}

static bool check_fill(tenon__call *call) {
    uint32_t size = call->pattern_size;
    if (size != 1 && size != 2 && size != 4 && size != 8)
        return tenon__host_fault(call, "REQ-STREAM-07", "a pattern of %u bytes", size);
    if (call->size % size)
        return tenon__host_fault(call, "REQ-STREAM-07", "%" PRIu64 " bytes are no multiple of the pattern's %u",
                                 call->size, size);
    return check_range(call, "destination", call->memory, call->offset);
}

/* -- Work and events -------------------------------------------------------------------------------------------------- */

/* A work against what the device declares; a graph that is claimed may show more. */
static bool check_declared(tenon__call *call) {
    const tenon_device_info *info = &tenon__checked_of(call->device)->info;
    const tenon_work *work = call->work;
    if (!info->struct_size || work->kind == TENON_WORK_KERNEL) return false;
    for (uint32_t i = 0; i < work->operand_count; i++) {
        tenon_dtype dtype = work->operands[i].view.dtype;
        if (!tenon__declares(info, dtype))
            return tenon__host_fault(call, "REQ-HOST-07", "operand %u is of %s, which the device does not declare", i,
                                     tenon_dtype_name(dtype));
        if (tenon__has_gaps(info, work, i))
            return tenon__host_fault(call, "REQ-HOST-07", "operand %u has gaps; the device declares views without", i);
    }
    uint32_t node = work->graph ? tenon__undeclared_node(info, work->graph) : 0;
    return node &&
           tenon__host_fault(call, "REQ-HOST-07", "node %u has a dtype that the device does not declare", node - 1);
}

static bool check_prepare(tenon__call *call) {
    const tenon_exec_info *info = call->exec_info;
    tenon_status status = tenon__work_check(call->work);
    if (status == TENON_STATUS_UNSUPPORTED) return false; /* of a newer host: for the plugin to decline */
    if (status != TENON_STATUS_OK) return tenon__host_fault(call, "REQ-HOST-02", "%s", tenonh_error_message());
    if (call->hook != TENON__HOOK_work_prepare) return false;
    if (check_declared(call)) return true;
    if (!info || (call->work->symbol_count && !info->symbols) || (call->work->operand_count && !info->operands))
        return tenon__host_fault(call, "REQ-HOST-02", "out_info or an array of it is NULL");
    return check_size(call, "tenon_exec_info", info->struct_size, TENON_EXEC_INFO_SIZE_V1);
}

static bool check_event(tenon__call *call) {
    const tenon__object *other = call->stream ? call->stream : call->end;
    return other && call->event->device != other->device &&
           tenon__host_fault(call, "REQ-HOST-03", "event %" PRIu64 " and %s %" PRIu64 " are of different devices",
                             call->event->serial, tenon__object_kind_name(other->kind), other->serial);
}

/* -- Ends ------------------------------------------------------------------------------------------------------------- */

static void check_close(tenon__call *call) {
    tenon__layer *layer = call->layer;
    uint64_t left[TENON__KIND_COUNT] = {0};
    (void)pthread_mutex_lock(&layer->mutex);
    for (uint32_t kind = TENON__KIND_MEMORY; kind < TENON__KIND_COUNT; kind++)
        for (const tenon__object *object = layer->objects[kind]; object; object = object->next)
            left[kind] += object->device == call->device;
    (void)pthread_mutex_unlock(&layer->mutex);
    for (uint32_t kind = TENON__KIND_MEMORY; kind < TENON__KIND_COUNT; kind++)
        if (left[kind])
            tenon__host_fault(call, "REQ-DEV-05", "the device is closed while %" PRIu64 " of kind %s are there",
                              left[kind], tenon__object_kind_name(kind));
}

/* -- The table -------------------------------------------------------------------------------------------------------- */

/* Calls on one stream never overlap. call->scratch remembers that this one holds the stream. */
static bool check_overlap(tenon__call *call) {
    if (!call->stream) return false;
    if (atomic_exchange(&tenon__checked_of(call->stream)->busy, 1) == 0) {
        call->scratch = 1;
        return false;
    }
    return tenon__host_fault(call, "REQ-STREAM-02", "another call on stream %" PRIu64 " has not returned",
                             call->stream->serial);
}

static bool check_reentry(tenon__call *call) {
    for (const tenon__call *outer = call->outer; outer; outer = outer->outer)
        if (outer->layer == call->layer)
            return tenon__host_fault(call, "REQ-ERR-05",
                                     "called from within %s on the same thread: a callback re-enters",
                                     tenon__hook_name(outer->hook));
    return false;
}

static void check_hook(tenon__call *call) {
    switch (call->hook) {
    case TENON__HOOK_plugin_close: tenon__list_leaks(call->layer); break;
    case TENON__HOOK_device_close: check_close(call); break;
    case TENON__HOOK_memory_type_info: check_type(call); break;
    case TENON__HOOK_memory_allocate: check_allocate(call); break;
    case TENON__HOOK_memory_import: check_import(call); break;
    case TENON__HOOK_memory_release: check_release(call); break;
    case TENON__HOOK_memory_map: check_map(call); break;
    case TENON__HOOK_memory_unmap:
    case TENON__HOOK_memory_flush:
    case TENON__HOOK_memory_invalidate: check_mapped(call); break;
    case TENON__HOOK_stream_write:
    case TENON__HOOK_stream_read:
    case TENON__HOOK_stream_copy: check_copy(call); break;
    case TENON__HOOK_stream_fill: check_fill(call); break;
    case TENON__HOOK_event_record:
    case TENON__HOOK_event_wait:
    case TENON__HOOK_event_elapsed: check_event(call); break;
    case TENON__HOOK_work_prepare:
    case TENON__HOOK_work_claim: check_prepare(call); break;
    case TENON__HOOK_work_launch: tenon__check_launch(call); break;
    case TENON__HOOK_work_pack: tenon__check_pack(call); break;
    case TENON__HOOK_work_release: tenon__check_release(call); break;
    default: break;
    }
}

void tenon__check_ask(tenon__call *call) {
    if (check_reentry(call) || check_overlap(call) || check_out(call)) return;
    check_hook(call);
    if (!call->answered && call->stream) tenon__check_order(call);
}
