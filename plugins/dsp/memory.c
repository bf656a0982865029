/* Memory that host and device see apart. What the host maps is a window: lines come into it when they are invalidated, and
 * go out when they are flushed. A window begins with bytes that were never written, as lines of a cache that hold
 * something else do, so that a host that reads before it invalidates, or does not flush what it wrote, is found out. */
#include "dsp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { STALE = 0xa7 };

tenon_status dsp_check_range(tenon_device *device, tenon_stream *stream, tenon_buffer buffer, uint64_t size,
                             const char *what) {
    const tenon_memory *memory = buffer.memory;
    if (!memory || memory->device != device)
        return DSP_FAIL(device, stream, TENON_STATUS_INVALID, "%s: no memory of this device", what);
    if (buffer.offset <= memory->size && size <= memory->size - buffer.offset) return TENON_STATUS_OK;
    return DSP_FAIL(device, stream, TENON_STATUS_INVALID,
                    "%s: %" PRIu64 " bytes at %" PRIu64 " leave the allocation of %" PRIu64, what, size, buffer.offset,
                    memory->size);
}

static tenon_status check_type(tenon_device *device, uint32_t type) {
    if (type == 0) return TENON_STATUS_OK;
    return DSP_FAIL(device, NULL, TENON_STATUS_NOT_FOUND, "there is no memory type %u, only 0", type);
}

static tenon_status type_count(tenon_device *device, uint32_t *out_count) {
    (void)device;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static tenon_status type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    TENON_TRY(check_type(device, index));
    out_type->flags = TENON_MEMORY_DEVICE | TENON_MEMORY_MAPPABLE;
    out_type->size = DSP_MEMORY;
    pthread_mutex_lock(&device->memory_lock);
    out_type->budget = DSP_MEMORY - device->used;
    pthread_mutex_unlock(&device->memory_lock);
    out_type->alignment = DSP_ALIGNMENT;
    out_type->flush_unit = DSP_FLUSH_UNIT;
    return TENON_STATUS_OK;
}

/* Takes `size` bytes out of what there is. */
static bool reserve(tenon_device *device, uint64_t size) {
    pthread_mutex_lock(&device->memory_lock);
    bool fits = size <= DSP_MEMORY - device->used;
    if (fits) device->used += size;
    pthread_mutex_unlock(&device->memory_lock);
    return fits;
}

static void give_back(tenon_device *device, uint64_t size) {
    pthread_mutex_lock(&device->memory_lock);
    device->used -= size;
    pthread_mutex_unlock(&device->memory_lock);
}

static tenon_status allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    TENON_TRY(check_type(device, type));
    if (size % DSP_FLUSH_UNIT)
        return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "%" PRIu64 " bytes are no whole lines of %d", size,
                        DSP_FLUSH_UNIT);
    if (!reserve(device, size))
        return DSP_FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "there are no %" PRIu64 " bytes left", size);
    tenon_memory *memory = dsp_allocate(device->host, sizeof *memory);
    void *bytes = memory ? aligned_alloc(DSP_ALIGNMENT, size ? size : DSP_ALIGNMENT) : NULL;
    if (bytes) {
        *memory = (tenon_memory){.device = device, .size = size, .bytes = bytes};
        *out_memory = memory;
        return TENON_STATUS_OK;
    }
    device->host->release(device->host, memory);
    give_back(device, size);
    return DSP_FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "the system has no %" PRIu64 " bytes to give", size);
}

static void release(tenon_device *device, tenon_memory *memory) {
    give_back(device, memory->size);
    free(memory->window);
    free(memory->bytes);
    device->host->release(device->host, memory);
}

/* -- Windows ------------------------------------------------------------------------------------------------------ */

static tenon_status check_lines(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size,
                                const char *what) {
    TENON_TRY(dsp_check_range(device, NULL, (tenon_buffer){memory, offset}, size, what));
    if (offset % DSP_FLUSH_UNIT == 0 && size % DSP_FLUSH_UNIT == 0) return TENON_STATUS_OK;
    return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "%s: bytes %" PRIu64 " + %" PRIu64 " are no whole lines of %d",
                    what, offset, size, DSP_FLUSH_UNIT);
}

static tenon_status open_window(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    if (memory->window) return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "map: the memory is mapped already");
    memory->window = aligned_alloc(DSP_ALIGNMENT, size ? size : DSP_ALIGNMENT);
    if (!memory->window) return DSP_FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "map: no host memory");
    memset(memory->window, STALE, size);
    memory->first = offset;
    memory->mapped = size;
    return TENON_STATUS_OK;
}

static tenon_status map(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size,
                        void **out_pointer) {
    TENON_TRY(check_lines(device, memory, offset, size, "map"));
    pthread_mutex_lock(&device->memory_lock);
    tenon_status status = open_window(device, memory, offset, size);
    if (status == TENON_STATUS_OK) *out_pointer = memory->window;
    pthread_mutex_unlock(&device->memory_lock);
    return status;
}

static tenon_status unmap(tenon_device *device, tenon_memory *memory) {
    pthread_mutex_lock(&device->memory_lock);
    bool was_mapped = memory->window != NULL;
    free(memory->window); /* what was not flushed is gone */
    memory->window = NULL;
    pthread_mutex_unlock(&device->memory_lock);
    return was_mapped ? (tenon_status)TENON_STATUS_OK
                      : DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "unmap: the memory is not mapped");
}

/* Checks a range of the window and moves it. */
static tenon_status move_lines(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size, bool out) {
    const char *what = out ? "flush" : "invalidate";
    TENON_TRY(check_lines(device, memory, offset, size, what));
    pthread_mutex_lock(&device->memory_lock);
    bool fits = memory->window && offset >= memory->first && offset - memory->first <= memory->mapped &&
                size <= memory->mapped - (offset - memory->first);
    if (fits && out) memcpy(memory->bytes + offset, memory->window + (offset - memory->first), size);
    if (fits && !out) memcpy(memory->window + (offset - memory->first), memory->bytes + offset, size);
    pthread_mutex_unlock(&device->memory_lock);
    if (fits) return TENON_STATUS_OK;
    return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "%s: bytes %" PRIu64 " + %" PRIu64 " are not mapped", what,
                    offset, size);
}

static tenon_status flush(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    return move_lines(device, memory, offset, size, true);
}

static tenon_status invalidate(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    return move_lines(device, memory, offset, size, false);
}

const tenon_memory_hooks dsp_memory_hooks = {
    .struct_size = sizeof(tenon_memory_hooks),
    .type_count = type_count,
    .type_info = type_info,
    .allocate = allocate,
    .release = release,
    .map = map,
    .unmap = unmap,
    .flush = flush,
    .invalidate = invalidate,
};
