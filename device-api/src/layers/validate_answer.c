/* What a plugin answers, held against the rules. Findings on a call that fails anyway leave its status alone. */
#include "layers/validate.h"

#include <inttypes.h>
#include <string.h>

#include <tenon/helpers.h>
#include <tenon/host/error.h>

#include "device/work_check.h"

/* -- Statuses --------------------------------------------------------------------------------------------------------- */

static bool is_query(uint32_t hook) {
    return hook == TENON__HOOK_stream_query || hook == TENON__HOOK_event_query || hook == TENON__HOOK_event_elapsed;
}

static bool waits(uint32_t hook) {
    return hook == TENON__HOOK_stream_synchronize || hook == TENON__HOOK_stream_query;
}

static void check_status(tenon__call *call) {
    tenon_status status = call->status;
    if (status >= TENON_STATUS_COUNT)
        tenon__plugin_fault(call, "REQ-ERR-01", "it answers %u, which is no status", status);
    else if (status == TENON_STATUS_NOT_READY && !is_query(call->hook))
        tenon__plugin_fault(call, "REQ-ERR-01", "it answers NOT_READY, which only queries may");
    else if (status == TENON_STATUS_FAILED_STREAM && (!call->stream || waits(call->hook)))
        tenon__plugin_fault(call, "REQ-STREAM-03", "it answers FAILED_STREAM instead of what the failure is");
    else if (status == TENON_STATUS_CANCELLED && call->hook != TENON__HOOK_work_prepare)
        tenon__plugin_fault(call, "REQ-ERR-01", "it answers CANCELLED, which only prepare may");
}

/* Refusals that are answers and not faults, failures that were told before, and those of work that other threads may
 * report need no words from this call. */
static void check_words(tenon__call *call) {
    tenon_status status = call->status;
    bool quiet = status == TENON_STATUS_OK || status == TENON_STATUS_NOT_READY || status == TENON_STATUS_UNSUPPORTED ||
                 status == TENON_STATUS_CANCELLED || status == TENON_STATUS_FAILED_STREAM ||
                 status == TENON_STATUS_DEVICE_LOST;
    bool late =
        waits(call->hook) || call->hook == TENON__HOOK_event_query || call->hook == TENON__HOOK_event_synchronize;
    if (!quiet && !late && call->reports == 0)
        tenon__plugin_fault(call, "REQ-ERR-02", "it fails with %s and has reported nothing", tenon_status_name(status));
}

/* -- What sticks ------------------------------------------------------------------------------------------------------ */

static void check_failed_stream(tenon__call *call) {
    tenon__checked *stream = tenon__checked_of(call->stream);
    tenon_status failed = atomic_load(&stream->failed), status = call->status;
    if (status == TENON_STATUS_NOT_READY && waits(call->hook)) return;
    if (failed != TENON_STATUS_OK && call->hook == TENON__HOOK_event_record) return; /* completes with the failure */
    if (failed != TENON_STATUS_OK && status == TENON_STATUS_OK)
        tenon__plugin_fault(call, "REQ-STREAM-03", "it answers OK, and stream %" PRIu64 " has failed%s%s before",
                            call->stream->serial, failed == TENON_STATUS_FAILED_STREAM ? "" : " with ",
                            failed == TENON_STATUS_FAILED_STREAM ? "" : tenon_status_name(failed));
    else if (waits(call->hook) && failed != TENON_STATUS_OK && failed != TENON_STATUS_FAILED_STREAM &&
             status != failed && status != TENON_STATUS_DEVICE_LOST)
        tenon__plugin_fault(call, "REQ-STREAM-03", "it answers %s; the first failure of stream %" PRIu64 " was %s",
                            tenon_status_name(status), call->stream->serial, tenon_status_name(failed));
    if (waits(call->hook) && status != TENON_STATUS_OK && failed == TENON_STATUS_OK)
        atomic_store(&stream->failed, status < TENON_STATUS_COUNT ? status : (tenon_status)TENON_STATUS_INTERNAL);
    if (status == TENON_STATUS_FAILED_STREAM && failed == TENON_STATUS_OK) atomic_store(&stream->failed, status);
}

/* An event takes its stream's failure along; whoever waits for it fails. */
static void pass_failure(const tenon__call *call) {
    tenon__checked *event = tenon__checked_of(call->event), *stream = tenon__checked_of(call->stream);
    tenon_status failed = atomic_load(&event->failed);
    if (call->hook == TENON__HOOK_event_record && call->status == TENON_STATUS_OK)
        atomic_store(&event->failed, atomic_load(&stream->failed));
    if (call->hook == TENON__HOOK_event_wait && failed != TENON_STATUS_OK &&
        atomic_load(&stream->failed) == TENON_STATUS_OK)
        atomic_store(&stream->failed, failed);
}

static void check_failed_event(tenon__call *call) {
    tenon__checked *event = tenon__checked_of(call->event);
    tenon_status failed = atomic_load(&event->failed);
    if (call->hook != TENON__HOOK_event_query && call->hook != TENON__HOOK_event_synchronize) return;
    if (failed != TENON_STATUS_OK && call->status == TENON_STATUS_OK)
        tenon__plugin_fault(call, "REQ-EVENT-03",
                            "it answers OK for event %" PRIu64 ", recorded on a stream that failed",
                            call->event->serial);
    if (call->status != TENON_STATUS_OK && call->status != TENON_STATUS_NOT_READY)
        atomic_store(&event->failed, call->status);
}

static bool needs_device(uint32_t hook) {
    switch (hook) {
    case TENON__HOOK_device_health:
    case TENON__HOOK_memory_allocate:
    case TENON__HOOK_stream_create:
    case TENON__HOOK_stream_synchronize:
    case TENON__HOOK_stream_write:
    case TENON__HOOK_stream_read:
    case TENON__HOOK_stream_copy:
    case TENON__HOOK_work_prepare:
    case TENON__HOOK_work_launch: return true;
    default: return false;
    }
}

static void check_lost(tenon__call *call) {
    tenon__checked *device = tenon__checked_of(call->device);
    if (call->status == TENON_STATUS_DEVICE_LOST)
        atomic_store(&device->lost, 1);
    else if (call->status == TENON_STATUS_OK && atomic_load(&device->lost) && needs_device(call->hook))
        tenon__plugin_fault(call, "REQ-ERR-04", "it answers OK on a device that was lost");
}

/* -- Handles ---------------------------------------------------------------------------------------------------------- */

static bool creates(uint32_t hook) {
    return hook == TENON__HOOK_device_open || hook == TENON__HOOK_memory_allocate ||
           hook == TENON__HOOK_memory_import || hook == TENON__HOOK_stream_create || hook == TENON__HOOK_event_create ||
           hook == TENON__HOOK_work_prepare;
}

/* Another live object with the same handle inside. Execs may be shared, and so may empty allocations. */
static bool is_given_twice(const tenon__call *call) {
    const tenon__object *made = call->made;
    bool twice = false;
    if (made->kind == TENON__KIND_EXEC || (made->kind == TENON__KIND_MEMORY && made->size == 0)) return false;
    (void)pthread_mutex_lock(&call->layer->mutex);
    for (const tenon__object *other = call->layer->objects[made->kind]; other && !twice; other = other->next)
        twice = other != made && other->inner == made->inner && !atomic_load(&other->dying);
    (void)pthread_mutex_unlock(&call->layer->mutex);
    return twice;
}

static void check_made(tenon__call *call) {
    if (call->status == TENON_STATUS_OK && !call->answer)
        tenon__plugin_fault(call, "REQ-ERR-03", "it answers OK without a handle");
    else if (call->status != TENON_STATUS_OK && call->answer)
        tenon__plugin_fault(call, "REQ-ERR-03", "it answers %s and a handle, which nobody will give back",
                            tenon_status_name(call->status));
    else if (call->made && is_given_twice(call))
        tenon__plugin_fault(call, call->made->kind == TENON__KIND_DEVICE ? "REQ-DEV-02" : "REQ-ERR-03",
                            "it answers a handle that it gave out before and that is still in use");
}

/* -- Devices and memory ----------------------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_info(const tenon_device_info *a, const tenon_device_info *b) {
    return a->kind == b->kind && same_text(a->name, b->name) && same_text(a->driver_version, b->driver_version) &&
           same_text(a->architecture, b->architecture) && memcmp(a->uuid, b->uuid, sizeof a->uuid) == 0 &&
           a->denormals == b->denormals && a->rounding == b->rounding && a->shapes == b->shapes &&
           a->work_kinds == b->work_kinds && a->max_streams == b->max_streams && a->dtypes == b->dtypes &&
           a->views == b->views;
}

/* The device of another index with the same UUID; NULL if there is none. */
static const tenon__object *find_twin(const tenon__call *call) {
    const tenon__object *twin = NULL;
    (void)pthread_mutex_lock(&call->layer->mutex);
    for (const tenon__object *other = call->layer->objects[TENON__KIND_DEVICE]; other && !twin; other = other->next) {
        const tenon_device_info *info = &tenon__checked_of(other)->info;
        if (other->number != call->device->number && info->struct_size &&
            memcmp(info->uuid, call->device_info->uuid, sizeof info->uuid) == 0)
            twin = other;
    }
    (void)pthread_mutex_unlock(&call->layer->mutex);
    return twin;
}

static void check_info(tenon__call *call) {
    tenon__checked *device = tenon__checked_of(call->device);
    const tenon__object *twin = find_twin(call);
    tenon_device_info info = {0};
    memcpy(&info, call->device_info,
           call->device_info->struct_size < sizeof info ? call->device_info->struct_size : sizeof info);
    if (device->info.struct_size && !same_info(&device->info, &info))
        tenon__plugin_fault(call, "REQ-DEV-03", "device %u describes itself otherwise than before",
                            call->device->number);
    else if (twin)
        tenon__plugin_fault(call, "REQ-DEV-03", "devices %u and %u have the same UUID", twin->number,
                            call->device->number);
    device->info = info;
}

static void check_type_count(tenon__call *call) {
    tenon__checked *device = tenon__checked_of(call->device);
    uint32_t count = (uint32_t)call->number;
    if (count == 0)
        tenon__plugin_fault(call, "REQ-MEM-01", "the device has no memory type");
    else if (device->type_count && count != device->type_count)
        tenon__plugin_fault(call, "REQ-MEM-01", "the device had %u memory types and now has %u", device->type_count,
                            count);
    device->type_count = count;
}

static void check_type(tenon__call *call) {
    const tenon_memory_type *type = call->memory_type;
    if (call->index >= TENON__MOST_TYPES) return;
    tenon_memory_type *before = &tenon__checked_of(call->device)->types[call->index];
    bool power = type->alignment && !(type->alignment & (type->alignment - 1));
    if (!power || (call->index == 0 && type->alignment < TENON_MEMORY_ALIGNMENT))
        tenon__plugin_fault(call, "REQ-MEM-01", "memory type %u aligns to %" PRIu64, call->index, type->alignment);
    else if (before->struct_size &&
             (type->flags != before->flags || type->size != before->size || type->alignment != before->alignment ||
              type->over_read != before->over_read || type->flush_unit != before->flush_unit))
        tenon__plugin_fault(call, "REQ-MEM-01", "memory type %u is another than before", call->index);
    *before = *type;
}

static void check_dialect(tenon__call *call) {
    tenon__checked *device = tenon__checked_of(call->device);
    if (!call->dialect)
        tenon__plugin_fault(call, "REQ-KERNEL-01", "it answers OK without a dialect");
    else if (device->dialect && device->dialect != call->dialect &&
             memcmp(device->dialect, call->dialect, TENON_DIALECT_SIZE_V1) != 0)
        tenon__plugin_fault(call, "REQ-KERNEL-01", "the dialect is another than before");
    device->dialect = call->dialect;
}

static void check_map(tenon__call *call) {
    tenon__checked *memory = tenon__checked_of(call->memory);
    if (!call->host_memory) {
        tenon__plugin_fault(call, "REQ-MEM-05", "it answers OK without an address");
        return;
    }
    memory->mapped = 1;
    memory->map_offset = call->offset;
    memory->map_size = call->size;
}

static void check_address(tenon__call *call) {
    tenon__checked *memory = tenon__checked_of(call->memory);
    if (memory->address && memory->address != call->number)
        tenon__plugin_fault(call, "REQ-MEM-07", "memory %" PRIu64 " has moved", call->memory->serial);
    memory->address = call->number;
}

/* -- Work ------------------------------------------------------------------------------------------------------------- */

static void check_prepared(tenon__call *call) {
    const tenon__hooks *hooks = &call->layer->inner;
    const tenon_memory_type *type = &tenon__checked_of(call->device)->types[0];
    if (call->exec_info->symbols != call->blocks[0] || call->exec_info->operands != call->blocks[1]) {
        tenon__plugin_fault(call, "REQ-WORK-01", "it moved the arrays of out_info");
        return;
    }
    uint64_t alignment = type->struct_size ? type->alignment : TENON_MEMORY_ALIGNMENT;
    if (tenon__answer_check(call->work, call->exec_info, hooks->work.pack != NULL, alignment) != TENON_STATUS_OK)
        tenon__plugin_fault(call, "REQ-WORK-01", "%s", tenonh_error_message());
    else if (call->made)
        tenon__keep_exec(call, call->made);
}

static void check_elapsed(tenon__call *call) {
    const tenon__validator *v = call->layer->state;
    uint64_t age = tenon__layer_now() - v->start;
    if (call->number > age + 1000000000u)
        tenon__plugin_fault(call, "REQ-EVENT-05",
                            "%" PRIu64 " ns passed between two events, %" PRIu64 " ns since the "
                            "plugin was opened",
                            call->number, age);
}

/* -- The table -------------------------------------------------------------------------------------------------------- */

static void check_success(tenon__call *call) {
    switch (call->hook) {
    case TENON__HOOK_device_info: check_info(call); break;
    case TENON__HOOK_memory_type_count: check_type_count(call); break;
    case TENON__HOOK_memory_type_info: check_type(call); break;
    case TENON__HOOK_memory_map: check_map(call); break;
    case TENON__HOOK_memory_unmap: tenon__checked_of(call->memory)->mapped = 0; break;
    case TENON__HOOK_memory_address: check_address(call); break;
    case TENON__HOOK_work_prepare: check_prepared(call); break;
    case TENON__HOOK_work_dialect: check_dialect(call); break;
    case TENON__HOOK_event_elapsed: check_elapsed(call); break;
    default: break;
    }
}

void tenon__check_answer(tenon__call *call) {
    check_status(call);
    if (creates(call->hook)) check_made(call);
    check_words(call);
    if (call->stream && call->hook != TENON__HOOK_stream_destroy) check_failed_stream(call);
    if (call->event && call->stream) pass_failure(call);
    if (call->event) check_failed_event(call);
    if (call->device) check_lost(call);
    if (call->device && call->status == TENON_STATUS_OK) check_success(call);
}
