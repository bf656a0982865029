#include "memory.h"

#include <stdlib.h>

typedef unsigned long long ull;

tenon_status npu_memory_range(tenon_device *device, tenon_buffer buffer, uint64_t size, const char *what,
                              unsigned char **out_address) {
    const tenon_memory *memory = buffer.memory;
    if (!memory) return NPU_FAIL(device, TENON_STATUS_INVALID, "%s has no memory", what);
    if (memory->device != device)
        return NPU_FAIL(device, TENON_STATUS_INVALID, "%s lies in memory of another device", what);
    if (buffer.offset > memory->size || size > memory->size - buffer.offset)
        return NPU_FAIL(device, TENON_STATUS_INVALID, "%s: %llu bytes at offset %llu pass the end of %llu", what,
                        (ull)size, (ull)buffer.offset, (ull)memory->size);
    *out_address = memory->bytes + buffer.offset;
    return TENON_STATUS_OK;
}

static tenon_status type_count(tenon_device *device, uint32_t *out_count) {
    if (!device || !out_count) return TENON_STATUS_INVALID;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static tenon_status type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    if (!device || !out_type || out_type->struct_size < TENON_MEMORY_TYPE_SIZE_V1) return TENON_STATUS_INVALID;
    if (index != 0) return NPU_FAIL(device, TENON_STATUS_NOT_FOUND, "there is memory type 0 alone, no %u", index);
    out_type->flags = TENON_MEMORY_DEVICE;
    out_type->size = device->memory_size;
    out_type->budget = device->memory_size - atomic_load(&device->memory_used);
    out_type->alignment = NPU_ALIGNMENT;
    out_type->flush_unit = 1;
    return TENON_STATUS_OK;
}

/* Takes `size` bytes of what the device has. */
static int take(tenon_device *device, uint64_t size) {
    uint64_t used = atomic_load(&device->memory_used);
    do {
        if (size > device->memory_size - used) return 0;
    } while (!atomic_compare_exchange_weak(&device->memory_used, &used, used + size));
    return 1;
}

/* At least one byte, so that an empty allocation has an address of its own. */
static unsigned char *get_bytes(tenon_device *device, uint64_t size) {
    void *bytes = NULL;
    if (!take(device, size)) return NULL;
    if (posix_memalign(&bytes, NPU_ALIGNMENT, size ? size : 1) == 0) return bytes;
    atomic_fetch_sub(&device->memory_used, size);
    return NULL;
}

static tenon_status allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    if (!device || !out_memory) return TENON_STATUS_INVALID;
    if (type != 0) return NPU_FAIL(device, TENON_STATUS_NOT_FOUND, "there is memory type 0 alone, no %u", type);
    tenon_memory *memory = npu_allocate(device, sizeof *memory);
    if (!memory) return TENON_STATUS_OUT_OF_MEMORY;
    unsigned char *bytes = get_bytes(device, size);
    if (!bytes) {
        npu_release(device, memory);
        return NPU_FAIL(device, TENON_STATUS_OUT_OF_MEMORY, "there are no %llu bytes of device memory", (ull)size);
    }
    *memory = (tenon_memory){device, bytes, size};
    *out_memory = memory;
    return TENON_STATUS_OK;
}

static void release(tenon_device *device, tenon_memory *memory) {
    if (!device || !memory) return;
    free(memory->bytes);
    atomic_fetch_sub(&device->memory_used, memory->size);
    npu_release(device, memory);
}

static tenon_status address(tenon_device *device, tenon_memory *memory, uint64_t *out_address) {
    if (!device || !memory || !out_address) return TENON_STATUS_INVALID;
    *out_address = (uintptr_t)memory->bytes;
    return TENON_STATUS_OK;
}

const tenon_memory_hooks npu_memory_hooks = {
    .struct_size = sizeof(tenon_memory_hooks),
    .type_count = type_count,
    .type_info = type_info,
    .allocate = allocate,
    .release = release,
    .address = address,
};
