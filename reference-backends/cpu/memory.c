#include "memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    HUGE_PAGE = 2 << 20,
    HUGE_FROM = 4 << 20,  /* bytes from which huge pages pay */
    CHECK_FROM = 16 << 20 /* bytes from which reading the machine's memory figures is worth its 50 microseconds */
};

tenon_status cpu_memory_range(const tenon_device *device, tenon_buffer buffer, uint64_t size, const char *what,
                              char **out_address) {
    const tenon_memory *memory = buffer.memory;
    if (!memory) return cpu_fail(device, TENON_STATUS_INVALID, "%s has no memory", what);
    if (memory->device != device)
        return cpu_fail(device, TENON_STATUS_INVALID, "%s lies in memory of another device", what);
    if (buffer.offset > memory->size || size > memory->size - buffer.offset)
        return cpu_fail(device, TENON_STATUS_INVALID,
                        "%s: %" PRIu64 " bytes at offset %" PRIu64 " pass the end of an allocation of %" PRIu64
                        " bytes",
                        what, size, buffer.offset, memory->size);
    *out_address = memory->base + buffer.offset;
    return TENON_STATUS_OK;
}

static tenon_status type_count(tenon_device *device, uint32_t *out_count) {
    if (!device || !out_count) return TENON_STATUS_INVALID;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static tenon_status type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    if (!device || !out_type || out_type->struct_size < TENON_MEMORY_TYPE_SIZE_V1) return TENON_STATUS_INVALID;
    if (index != 0) return cpu_fail(device, TENON_STATUS_NOT_FOUND, "there is no memory type %u, only 0", index);
    out_type->flags = TENON_MEMORY_DEVICE | TENON_MEMORY_MAPPABLE | TENON_MEMORY_COHERENT;
    cpu_machine_memory(&out_type->size, &out_type->budget);
    out_type->alignment = CPU_MEMORY_ALIGNMENT;
    out_type->over_read = 0;
    out_type->flush_unit = 1;
    return TENON_STATUS_OK;
}

/* Linux promises memory it does not have and kills who touches it; so what can't be there is refused here. */
static tenon_status check_budget(tenon_device *device, uint64_t size) {
    uint64_t total, available, held = atomic_load_explicit(&device->allocated, memory_order_relaxed);
    if (size < CHECK_FROM && held < CHECK_FROM) return TENON_STATUS_OK;
    if (size < CHECK_FROM / 16 && held < UINT64_C(1) << 30) return TENON_STATUS_OK;
    cpu_machine_memory(&total, &available);
    if (total && (size > total || held > total - size || size > available))
        return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY,
                        "%" PRIu64 " bytes asked for; %" PRIu64 " of %" PRIu64 " are available", size, available,
                        total);
    return TENON_STATUS_OK;
}

/* At least one byte, so that an empty allocation has an address of its own. */
static void *host_memory(uint64_t size) {
    void *base = NULL;
    if (size > (uint64_t)INT64_MAX / 2) return NULL;
    if (posix_memalign(&base, size >= HUGE_FROM ? HUGE_PAGE : CPU_MEMORY_ALIGNMENT, size ? size : 1) != 0) return NULL;
    if (size >= HUGE_FROM) (void)madvise(base, size, MADV_HUGEPAGE);
    return base;
}

static tenon_status allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    if (!device || !out_memory) return TENON_STATUS_INVALID;
    if (type != 0) return cpu_fail(device, TENON_STATUS_NOT_FOUND, "there is no memory type %u, only 0", type);
    TENON_TRY(check_budget(device, size));
    tenon_memory *memory = cpu_allocate(device, sizeof *memory);
    void *base = memory ? host_memory(size) : NULL;
    if (!base) {
        cpu_release(device, memory);
        return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "the system has no %" PRIu64 " bytes to give", size);
    }
    memory->device = device;
    memory->base = base;
    memory->size = size;
    atomic_fetch_add_explicit(&device->allocated, size, memory_order_relaxed);
    *out_memory = memory;
    return TENON_STATUS_OK;
}

/* Host bytes are device memory as they are; nothing of this backend writes what it was not asked to. */
static tenon_status import(tenon_device *device, uint32_t type, void *bytes, uint64_t size, uint32_t flags,
                           tenon_memory **out_memory) {
    if (!device || !bytes || !out_memory) return TENON_STATUS_INVALID;
    if (type != 0) return cpu_fail(device, TENON_STATUS_NOT_FOUND, "there is no memory type %u, only 0", type);
    if (flags & ~(uint32_t)TENON_IMPORT_READ_ONLY || (uintptr_t)bytes % CPU_MEMORY_ALIGNMENT)
        return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "flags 0x%x are not known, or %p is not aligned to %u", flags,
                        bytes, CPU_MEMORY_ALIGNMENT);
    tenon_memory *memory = cpu_allocate(device, sizeof *memory);
    if (!memory) return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no memory for an import");
    memory->device = device;
    memory->base = bytes;
    memory->size = size;
    memory->is_imported = 1;
    *out_memory = memory;
    return TENON_STATUS_OK;
}

static void release(tenon_device *device, tenon_memory *memory) {
    if (!device || !memory) return;
    if (!memory->is_imported) {
        atomic_fetch_sub_explicit(&device->allocated, memory->size, memory_order_relaxed);
        free(memory->base);
    }
    cpu_release(device, memory);
}

static tenon_status map(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size,
                        void **out_pointer) {
    char *address;
    if (!device || !out_pointer) return TENON_STATUS_INVALID;
    TENON_TRY(cpu_memory_range(device, (tenon_buffer){memory, offset}, size, "the range to map", &address));
    if (atomic_exchange(&memory->mapped, 1) != 0)
        return cpu_fail(device, TENON_STATUS_INVALID, "the allocation is mapped already; unmap it first");
    *out_pointer = address;
    return TENON_STATUS_OK;
}

static tenon_status unmap(tenon_device *device, tenon_memory *memory) {
    if (!device || !memory) return TENON_STATUS_INVALID;
    if (atomic_exchange(&memory->mapped, 0) != 1)
        return cpu_fail(device, TENON_STATUS_INVALID, "the allocation is not mapped");
    return TENON_STATUS_OK;
}

/* Coherent: nothing to do but to check the range. */
static tenon_status flush(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    char *address;
    return device ? cpu_memory_range(device, (tenon_buffer){memory, offset}, size, "the range to flush", &address)
                  : TENON_STATUS_INVALID;
}

static tenon_status address(tenon_device *device, tenon_memory *memory, uint64_t *out_address) {
    if (!device || !memory || !out_address) return TENON_STATUS_INVALID;
    *out_address = (uint64_t)(uintptr_t)memory->base;
    return TENON_STATUS_OK;
}

const tenon_memory_hooks cpu_memory_hooks = {
    .struct_size = sizeof(tenon_memory_hooks),
    .type_count = type_count,
    .type_info = type_info,
    .allocate = allocate,
    .release = release,
    .map = map,
    .unmap = unmap,
    .flush = flush,
    .invalidate = flush,
    .address = address,
    .import = import,
};
