#include "double.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tenon/helpers.h>
#include <tenon/hooks.h>

uint32_t double_bend;
_Atomic uint32_t double_failing;
_Atomic uint32_t double_blocked;
_Atomic int64_t double_objects;
void *double_kept;
void (*double_calls_back)(void);

struct tenon_instance {
    const tenon_host *host;
    void *kept;
    tenon_device *first;
};
struct tenon_device {
    tenon_instance *instance;
    uint32_t index;
    uint32_t lost;
};
struct tenon_memory {
    uint64_t size;
    unsigned char *bytes;
};
struct tenon_stream {
    tenon_device *device;
    tenon_status failed;
    uint32_t asked;
};
struct tenon_event {
    tenon_device *device;
    uint64_t time;
    tenon_status status;
};
struct tenon_exec {
    tenon_device *device;
};

static uint32_t calls; /* of bent hooks: what changes each time */
static tenon_memory *last_memory;

static void *make(size_t size) {
    double_objects++;
    return calloc(1, size);
}

static void drop(void *object) {
    double_objects--;
    free(object);
}

static tenon_status fail(tenon_device *device, tenon_stream *stream, tenon_status status, const char *words) {
    return tenon_report(device->instance->host, device, stream, NULL, status, "%s", words);
}

/* -- Instance and devices --------------------------------------------------------------------------------------------- */

static tenon_status plugin_open(const tenon_host *host, tenon_instance **out_instance) {
    tenon_instance *instance = make(sizeof *instance);
    instance->host = host;
    instance->kept = host->allocate(host, 100);
    *out_instance = instance;
    return TENON_STATUS_OK;
}

static void plugin_close(tenon_instance *instance) {
    if (double_bend == BEND_KEEPS_MEMORY)
        double_kept = instance->kept;
    else
        instance->host->release(instance->host, instance->kept);
    drop(instance);
}

static tenon_status device_count(tenon_instance *instance, uint32_t *out_count) {
    (void)instance;
    *out_count = 2;
    return TENON_STATUS_OK;
}

static tenon_status device_open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    if (double_bend == BEND_OPEN_NULL) return TENON_STATUS_OK;
    if (double_bend == BEND_SAME_DEVICE && instance->first) {
        *out_device = instance->first;
        return TENON_STATUS_OK;
    }
    tenon_device *device = make(sizeof *device);
    device->instance = instance;
    device->index = index;
    instance->first = device;
    *out_device = device;
    return TENON_STATUS_OK;
}

static void device_close(tenon_device *device) {
    if (double_bend == BEND_SAME_DEVICE) return; /* closed twice by an honest host */
    drop(device);
}

static tenon_status device_info(tenon_device *device, tenon_device_info *out_info) {
    static const char *const names[] = {"double", "other"};
    if (double_bend == BEND_WRITES_PAST) memset((unsigned char *)(out_info + 1), 1, 8);
    out_info->kind = TENON_DEVICE_CPU;
    out_info->name = names[double_bend == BEND_INFO_CHANGES ? calls++ % 2 : 0];
    out_info->driver_version = out_info->architecture = "";
    out_info->uuid[0] = double_bend == BEND_TWIN_UUID ? 7 : (uint8_t)(device->index + 1);
    out_info->denormals = TENON_DENORMAL_KEEP;
    out_info->rounding = TENON_ROUNDING_EXACT;
    out_info->shapes = TENON_SHAPES_DYNAMIC;
    out_info->work_kinds = TENON_WORK_OP;
    if (out_info->struct_size < sizeof *out_info) return TENON_STATUS_OK;
    out_info->dtypes = 1u << TENON_DTYPE_F32 | 1u << TENON_DTYPE_I32 | 1u << TENON_DTYPE_I64 | 1u << TENON_DTYPE_BOOL;
    out_info->views = TENON_VIEWS_CONTIGUOUS;
    return TENON_STATUS_OK;
}

static tenon_status device_health(tenon_device *device) {
    if (double_bend == BEND_HEALTH_READY) return fail(device, NULL, TENON_STATUS_NOT_READY, "wait for it");
    if (double_bend == BEND_LOST_AND_FOUND && !device->lost) {
        device->lost = 1;
        return fail(device, NULL, TENON_STATUS_DEVICE_LOST, "gone");
    }
    return TENON_STATUS_OK;
}

/* -- Memory ----------------------------------------------------------------------------------------------------------- */

static tenon_status memory_type_count(tenon_device *device, uint32_t *out_count) {
    (void)device;
    if (double_calls_back) double_calls_back();
    *out_count = 2;
    return TENON_STATUS_OK;
}

static tenon_status memory_type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    (void)device;
    out_type->flags = index ? TENON_MEMORY_STAGING : TENON_MEMORY_DEVICE | TENON_MEMORY_MAPPABLE;
    out_type->size = double_bend == BEND_TYPES_CHANGE ? ++calls : 1 << 20;
    out_type->alignment = double_bend == BEND_ODD_ALIGNMENT ? 48 : 64;
    out_type->flush_unit = 64;
    return TENON_STATUS_OK;
}

static tenon_status memory_allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    (void)type;
    if (double_bend == BEND_ALLOCATE_NULL) return TENON_STATUS_OK;
    if (double_bend == BEND_ALLOCATE_MUTE) return TENON_STATUS_OUT_OF_MEMORY;
    if (double_bend == BEND_ALLOCATE_SAME && last_memory) {
        *out_memory = last_memory;
        return TENON_STATUS_OK;
    }
    tenon_memory *memory = make(sizeof *memory);
    memory->size = size;
    memory->bytes = calloc(1, size + 1);
    *out_memory = last_memory = memory;
    if (double_bend != BEND_ALLOCATE_FAILS) return TENON_STATUS_OK;
    free(memory->bytes);
    drop(memory);
    return fail(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "full");
}

static tenon_status memory_import(tenon_device *device, uint32_t type, void *bytes, uint64_t size, uint32_t flags,
                                  tenon_memory **out_memory) {
    (void)bytes, (void)flags; /* the bytes are of no concern here */
    return memory_allocate(device, type, size, out_memory);
}

static void memory_release(tenon_device *device, tenon_memory *memory) {
    (void)device;
    if (double_bend == BEND_ALLOCATE_SAME) return;
    free(memory->bytes);
    drop(memory);
}

static tenon_status memory_map(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size,
                               void **out_pointer) {
    (void)device, (void)size;
    *out_pointer = double_bend == BEND_MAP_NULL ? NULL : memory->bytes + offset;
    return TENON_STATUS_OK;
}

static tenon_status memory_unmap(tenon_device *device, tenon_memory *memory) {
    (void)device, (void)memory;
    return TENON_STATUS_OK;
}

static tenon_status memory_flush(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    (void)device, (void)memory, (void)offset, (void)size;
    return TENON_STATUS_OK;
}

static tenon_status memory_address(tenon_device *device, tenon_memory *memory, uint64_t *out_address) {
    (void)device;
    *out_address = (uint64_t)(uintptr_t)memory->bytes + (double_bend == BEND_ADDRESS_MOVES ? ++calls : 0);
    return TENON_STATUS_OK;
}

/* -- Streams ---------------------------------------------------------------------------------------------------------- */

static tenon_status stream_create(tenon_device *device, tenon_stream **out_stream) {
    const tenon_host *host = device->instance->host;
    if (double_bend == BEND_STREAM_NULL) return TENON_STATUS_OK;
    if (double_bend == BEND_REPORTS_OK) host->report(host, device, NULL, NULL, TENON_STATUS_OK, "fine");
    if (double_bend == BEND_REPORTS_NULL) host->report(host, device, NULL, NULL, TENON_STATUS_INTERNAL, NULL);
    void *block = host->allocate(host, 10);
    host->release(host, block);
    if (double_bend == BEND_RELEASES_TWICE) host->release(host, block);
    tenon_stream *stream = make(sizeof *stream);
    stream->device = device;
    *out_stream = stream;
    return TENON_STATUS_OK;
}

static void stream_destroy(tenon_stream *stream) {
    drop(stream);
}

static tenon_status stream_synchronize(tenon_stream *stream) {
    static const tenon_status causes[] = {TENON_STATUS_INTERNAL, TENON_STATUS_OUT_OF_RANGE};
    uint32_t time = stream->asked++, one = 1;
    if (atomic_compare_exchange_strong(&double_blocked, &one, 2))
        while (double_blocked == 2) sched_yield();
    if (double_bend == BEND_UNKNOWN_STATUS) return 99;
    if (double_bend == BEND_SYNC_NOT_READY) return TENON_STATUS_NOT_READY;
    if (double_failing && stream->failed == TENON_STATUS_OK) stream->failed = TENON_STATUS_INTERNAL;
    if (stream->failed == TENON_STATUS_OK) return TENON_STATUS_OK;
    if (double_bend == BEND_FORGETS_FAILURE && time > 0) return TENON_STATUS_OK;
    if (double_bend == BEND_OTHER_FAILURE) return fail(stream->device, stream, causes[time % 2], "one of many");
    return fail(stream->device, stream, stream->failed, "late");
}

static tenon_status check_stream(tenon_stream *stream) {
    if (stream->failed == TENON_STATUS_OK || double_bend == BEND_TAKES_AFTER_FAIL) return TENON_STATUS_OK;
    return fail(stream->device, stream, TENON_STATUS_FAILED_STREAM, "failed before");
}

static tenon_status stream_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    static tenon_stream *const stranger = (tenon_stream *)&calls;
    if (double_bend == BEND_REPORTS_STRANGER)
        return fail(stream->device, stranger, TENON_STATUS_INTERNAL, "of another stream");
    TENON_TRY(check_stream(stream));
    memcpy(destination.memory->bytes + destination.offset, source, size);
    return TENON_STATUS_OK;
}

static tenon_status stream_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(check_stream(stream));
    memcpy(destination, source.memory->bytes + source.offset, size);
    return TENON_STATUS_OK;
}

static tenon_status stream_copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(check_stream(stream));
    memcpy(destination.memory->bytes + destination.offset, source.memory->bytes + source.offset, size);
    return TENON_STATUS_OK;
}

static tenon_status stream_fill(tenon_stream *stream, tenon_buffer destination, uint64_t pattern, uint32_t pattern_size,
                                uint64_t size) {
    TENON_TRY(check_stream(stream));
    for (uint64_t i = 0; i < size; i += pattern_size)
        memcpy(destination.memory->bytes + destination.offset + i, &pattern, pattern_size);
    return TENON_STATUS_OK;
}

/* -- Events ----------------------------------------------------------------------------------------------------------- */

static tenon_status event_create(tenon_device *device, tenon_event **out_event) {
    tenon_event *event = make(sizeof *event);
    event->device = device;
    *out_event = event;
    return TENON_STATUS_OK;
}

static void event_destroy(tenon_event *event) {
    drop(event);
}

static tenon_status event_record(tenon_event *event, tenon_stream *stream) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    event->status = stream->failed;
    return TENON_STATUS_OK;
}

static tenon_status event_query(tenon_event *event) {
    if (event->status == TENON_STATUS_OK || double_bend == BEND_EVENT_FORGETS) return TENON_STATUS_OK;
    return fail(event->device, NULL, event->status, "its stream failed");
}

static tenon_status event_wait(tenon_stream *stream, tenon_event *event) {
    if (stream->failed == TENON_STATUS_OK) stream->failed = event->status;
    return TENON_STATUS_OK;
}

static tenon_status event_elapsed(tenon_event *start, tenon_event *end, uint64_t *out_nanoseconds) {
    *out_nanoseconds = double_bend == BEND_ELAPSED_WRAPS ? UINT64_MAX : end->time - start->time;
    return TENON_STATUS_OK;
}

/* -- Work ------------------------------------------------------------------------------------------------------------- */

static tenon_status work_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                 tenon_exec **out_exec) {
    static tenon_symbol symbols[8];
    if (double_bend != BEND_TAKES_ALIEN && tenon_work_check(work) != TENON_STATUS_OK)
        return fail(device, NULL, TENON_STATUS_UNSUPPORTED, "unknown");
    if (double_bend == BEND_PREPARE_NULL) return TENON_STATUS_OK;
    if (double_bend == BEND_PREPARE_WIDENS) out_info->symbols[0].max = INT64_MAX;
    if (double_bend == BEND_PREPARE_MOVES) out_info->symbols = symbols;
    tenon_exec *exec = make(sizeof *exec);
    exec->device = device;
    *out_exec = exec;
    return TENON_STATUS_OK;
}

static tenon_status work_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    (void)exec;
    if (double_bend != BEND_RUNS_ALIEN &&
        tenon_descriptor_check(launch, TENON_LAUNCH_SIZE_V1, sizeof *launch) != TENON_STATUS_OK)
        return fail(stream->device, stream, TENON_STATUS_UNSUPPORTED, "unknown");
    return check_stream(stream);
}

static void work_release(tenon_device *device, tenon_exec *exec) {
    (void)device;
    drop(exec);
}

static tenon_status work_pack(tenon_stream *stream, tenon_exec *exec, uint32_t operand, tenon_buffer source,
                              tenon_buffer destination) {
    (void)exec, (void)operand, (void)source, (void)destination;
    return check_stream(stream);
}

static tenon_status work_dialect(tenon_device *device, const tenon_dialect **out_dialect) {
    (void)device, (void)out_dialect;
    return TENON_STATUS_UNSUPPORTED;
}

static tenon_status work_claim(tenon_device *device, const tenon_work *work, tenon_claim *out_claims) {
    (void)device, (void)work, (void)out_claims;
    return TENON_STATUS_OK;
}

static const void *plugin_extension(const char *name, uint32_t version) {
    (void)name, (void)version;
    return NULL;
}

tenon__hooks double_hooks(void) {
    calls = 0;
    last_memory = NULL;
    return (tenon__hooks){
        .plugin = {.magic = TENON_PLUGIN_MAGIC,
                   .struct_size = sizeof(tenon_plugin),
                   .abi_version = TENON_ABI_VERSION,
                   .id = "double",
                   .open = plugin_open,
                   .close = plugin_close,
                   .extension = plugin_extension},
        .device = {sizeof(tenon_device_hooks), 0, device_count, device_open, device_close, device_info, device_health},
        .memory = {sizeof(tenon_memory_hooks), 0, memory_type_count, memory_type_info, memory_allocate, memory_release,
                   memory_map, memory_unmap, memory_flush, memory_flush, memory_address, memory_import},
        .stream = {sizeof(tenon_stream_hooks), 0, stream_create, stream_destroy, stream_synchronize, stream_synchronize,
                   stream_write, stream_read, stream_copy, stream_fill},
        .work = {sizeof(tenon_work_hooks), 0, work_prepare, work_launch, work_release, work_pack, work_dialect,
                 work_claim},
        .event = {sizeof(tenon_event_hooks), 0, event_create, event_destroy, event_record, event_query, event_query,
                  event_wait, event_elapsed},
    };
}
