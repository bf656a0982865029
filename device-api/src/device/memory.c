#include <inttypes.h>
#include <stdlib.h>

#include "device/objects.h"
#include "device/pool.h"
#include "device/reclaim.h"
#include "loader/services.h"
#include "support/error.h"

void tenon__memory_count(tenonh_device *device, uint64_t bytes) {
    tenon__counters *counters = &device->counters;
    tenon__count(&counters->allocations, 1);
    uint64_t now = atomic_fetch_add(&counters->allocated_bytes, bytes) + bytes, peak = counters->peak_bytes;
    while (now > peak && !atomic_compare_exchange_weak(&counters->peak_bytes, &peak, now)) {}
}

static tenon_status allocate(tenonh_memory *memory) {
    tenonh_device *device = memory->device;
    tenon_status (*hook)(tenon_device *, uint32_t, uint64_t, tenon_memory **) = device->hooks->memory.allocate;
    tenon_status status = hook(device->handle, memory->type, memory->padded, &memory->handle);
    if (status == TENON_STATUS_OUT_OF_MEMORY) { /* once more, with what is kept for later given up */
        tenon__device_reclaim(device);
        tenon__report_forget();
        status = hook(device->handle, memory->type, memory->padded, &memory->handle);
    }
    if (status != TENON_STATUS_OK) {
        status = tenon__device_failure(device, status, "allocate memory");
        return tenon__fail_in(status, "%" PRIu64 " bytes of type %u", memory->size, memory->type);
    }
    if (!memory->handle)
        return tenon__fail(TENON_STATUS_INTERNAL, "%s: allocate answers OK without memory", device->name);
    return TENON_STATUS_OK;
}

tenon_status tenonh_memory_create(tenonh_device *device, uint32_t type, uint64_t size, tenonh_memory **out_memory) {
    if (!device || !out_memory) return tenon__fail(TENON_STATUS_INVALID, "allocate: device or out_memory is NULL");
    TENON_TRY(tenon__device_check(device, "allocate memory"));
    if (type >= device->type_count)
        return tenon__fail(TENON_STATUS_NOT_FOUND, "%s: no memory type %u, it has %u", device->name, type,
                           device->type_count);
    uint64_t padded = size, unit = device->types[type].flush_unit;
    if (size && (__builtin_add_overflow(size, device->types[type].over_read, &padded) ||
                 __builtin_add_overflow(padded, unit - 1, &padded)))
        return tenon__fail(TENON_STATUS_OUT_OF_MEMORY, "%s: %" PRIu64 " bytes are more than an address can tell",
                           device->name, size);
    padded &= ~(unit - 1); /* whole flush units, so that flushing the last bytes stays inside */
    tenonh_memory *memory = calloc(1, sizeof *memory);
    if (!memory) return tenon__fail_memory();
    *memory = (tenonh_memory){.references = 1, .type = type, .device = device, .size = size, .padded = padded};
    tenon_status status = allocate(memory);
    if (status != TENON_STATUS_OK) {
        free(memory);
        return status;
    }
    tenonh_device_retain(device);
    tenon__memory_count(device, padded);
    *out_memory = memory;
    return TENON_STATUS_OK;
}

/* -- Host bytes where they lie -- */

static tenon_status check_import(const tenonh_device *device, uint32_t type, const void *bytes, uint64_t size,
                                 uint32_t flags) {
    if (type >= device->type_count)
        return tenon__fail(TENON_STATUS_NOT_FOUND, "%s: no memory type %u, it has %u", device->name, type,
                           device->type_count);
    if (!bytes || flags & ~(uint32_t)TENON_IMPORT_READ_ONLY)
        return tenon__fail(TENON_STATUS_INVALID, "%s: import: bytes are NULL or flags 0x%x unknown", device->name,
                           flags);
    const tenon_memory_type *t = &device->types[type];
    if (!device->hooks->memory.import || t->over_read)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s: memory type %u takes no host bytes; copy them", device->name,
                           type);
    if ((uintptr_t)bytes % t->alignment || size % t->flush_unit)
        return tenon__fail(TENON_STATUS_UNSUPPORTED,
                           "%s: import: bytes at %p, %" PRIu64 " of them, are not aligned to %" PRIu64
                           " and whole units of %" PRIu64 "; copy them",
                           device->name, bytes, size, t->alignment, t->flush_unit);
    return TENON_STATUS_OK;
}

static tenon_status import(tenonh_memory *memory, void *bytes, uint32_t flags) {
    tenonh_device *device = memory->device;
    tenon_status (*hook)(tenon_device *, uint32_t, void *, uint64_t, uint32_t, tenon_memory **) =
        device->hooks->memory.import;
    tenon_status status = hook(device->handle, memory->type, bytes, memory->size, flags, &memory->handle);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "import host bytes");
    if (!memory->handle)
        return tenon__fail(TENON_STATUS_INTERNAL, "%s: import answers OK without memory", device->name);
    return TENON_STATUS_OK;
}

tenon_status tenonh_memory_import(tenonh_device *device, uint32_t type, void *bytes, uint64_t size, uint32_t flags,
                                  tenonh_memory **out_memory) {
    if (!device || !out_memory) return tenon__fail(TENON_STATUS_INVALID, "import: device or out_memory is NULL");
    TENON_TRY(tenon__device_check(device, "import host bytes"));
    TENON_TRY(check_import(device, type, bytes, size, flags));
    tenonh_memory *memory = calloc(1, sizeof *memory);
    if (!memory) return tenon__fail_memory();
    *memory = (tenonh_memory){.references = 1, .type = type, .device = device, .size = size};
    memory->imported = TENON__IMPORTED | (flags & TENON_IMPORT_READ_ONLY ? TENON__READ_ONLY : 0);
    tenon_status status = import(memory, bytes, flags);
    if (status != TENON_STATUS_OK) return free(memory), status;
    tenonh_device_retain(device);
    tenon__memory_count(device, 0);
    tenon__count(&device->counters.imported_bytes, size);
    *out_memory = memory;
    return TENON_STATUS_OK;
}

tenonh_memory *tenonh_memory_retain(tenonh_memory *memory) {
    tenon__retain(&memory->references);
    return memory;
}

void tenonh_memory_release(tenonh_memory *memory) {
    if (!memory || !tenon__release(&memory->references)) return;
    tenonh_device *device = memory->device;
    atomic_fetch_sub(&device->counters.allocations, 1);
    atomic_fetch_sub(&device->counters.allocated_bytes, memory->padded);
    if (memory->imported) atomic_fetch_sub(&device->counters.imported_bytes, memory->size);
    if (!tenon__pool_keep(memory)) {
        if (!tenon__forked(device->generation)) {
            if (memory->mapped) device->hooks->memory.unmap(device->handle, memory->handle);
            device->hooks->memory.release(device->handle, memory->handle);
        }
        free(memory);
    }
    tenonh_device_release(device);
}

uint64_t tenonh_memory_size(const tenonh_memory *memory) {
    return memory->size;
}

tenonh_device *tenonh_memory_device(const tenonh_memory *memory) {
    return memory->device;
}

tenon_buffer tenonh_memory_buffer(const tenonh_memory *memory, uint64_t offset) {
    return (tenon_buffer){memory->handle, offset};
}

static tenon_status check_range(const tenonh_memory *memory, const char *what, uint64_t offset, uint64_t size) {
    TENON_TRY(tenon__device_check(memory->device, what));
    if (offset <= memory->size && size <= memory->size - offset) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "%s: %s: bytes %" PRIu64 " + %" PRIu64 " leave the allocation of %" PRIu64,
                       memory->device->name, what, offset, size, memory->size);
}

static const tenon_memory_type *type_of(const tenonh_memory *memory) {
    return &memory->device->types[memory->type];
}

/* Widens a range to whole flush units. */
static void widen(const tenonh_memory *memory, uint64_t *offset, uint64_t *size) {
    uint64_t mask = type_of(memory)->flush_unit - 1, end = (*offset + *size + mask) & ~mask;
    *offset &= ~mask;
    *size = end - *offset;
}

/* Where host and device do not see the same, a mapping begins with what the device sees: flushing whole units then puts
 * back what lies beside the bytes that the host wrote. */
static tenon_status begin_mapping(tenonh_memory *memory, uint64_t first, uint64_t size) {
    tenonh_device *device = memory->device;
    const tenon_memory_hooks *hooks = &device->hooks->memory;
    if ((type_of(memory)->flags & TENON_MEMORY_COHERENT) || size == 0) return TENON_STATUS_OK;
    tenon_status status = hooks->invalidate(device->handle, memory->handle, first, size);
    if (status == TENON_STATUS_OK) return TENON_STATUS_OK;
    status = tenon__device_failure(device, status, "map memory");
    hooks->unmap(device->handle, memory->handle);
    return status;
}

/* Maps whole flush units, so that what is mapped can be flushed. */
static tenon_status map_handle(tenonh_memory *memory, uint64_t offset, uint64_t size, void **out_pointer) {
    tenonh_device *device = memory->device;
    void *pointer = NULL;
    uint64_t first = offset;
    widen(memory, &first, &size);
    tenon_status status = device->hooks->memory.map(device->handle, memory->handle, first, size, &pointer);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "map memory");
    if (!pointer) return tenon__fail(TENON_STATUS_INTERNAL, "%s: map answers OK without an address", device->name);
    TENON_TRY(begin_mapping(memory, first, size));
    *out_pointer = (unsigned char *)pointer + (offset - first);
    return TENON_STATUS_OK;
}

tenon_status tenonh_memory_map(tenonh_memory *memory, uint64_t offset, uint64_t size, void **out_pointer) {
    if (!memory || !out_pointer) return tenon__fail(TENON_STATUS_INVALID, "map: memory or out_pointer is NULL");
    TENON_TRY(check_range(memory, "map memory", offset, size));
    if (!(type_of(memory)->flags & TENON_MEMORY_MAPPABLE))
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s: memory type %u cannot be mapped; copy through a stream",
                           memory->device->name, memory->type);
    if (memory->imported)
        return tenon__fail(TENON_STATUS_INVALID, "%s: the memory is host bytes; use them as they lie",
                           memory->device->name);
    uint32_t unmapped = 0;
    if (!atomic_compare_exchange_strong(&memory->mapped, &unmapped, 1))
        return tenon__fail(TENON_STATUS_INVALID, "%s: the memory is mapped already", memory->device->name);
    tenon_status status = map_handle(memory, offset, size, out_pointer);
    if (status != TENON_STATUS_OK) memory->mapped = 0;
    return status;
}

tenon_status tenonh_memory_unmap(tenonh_memory *memory) {
    if (!memory) return tenon__fail(TENON_STATUS_INVALID, "unmap: memory is NULL");
    TENON_TRY(check_range(memory, "unmap memory", 0, 0));
    tenonh_device *device = memory->device;
    if (!atomic_exchange(&memory->mapped, 0))
        return tenon__fail(TENON_STATUS_INVALID, "%s: the memory is not mapped", device->name);
    tenon_status status = device->hooks->memory.unmap(device->handle, memory->handle);
    return status == TENON_STATUS_OK ? status : tenon__device_failure(device, status, "unmap memory");
}

typedef tenon_status (*coherence_hook)(tenon_device *, tenon_memory *, uint64_t, uint64_t);

/* Flushes or invalidates a mapped range, widened to whole flush units. */
static tenon_status make_coherent(tenonh_memory *memory, const char *what, coherence_hook hook, uint64_t offset,
                                  uint64_t size) {
    TENON_TRY(check_range(memory, what, offset, size));
    const tenon_memory_type *type = type_of(memory);
    if (!memory->mapped) return tenon__fail(TENON_STATUS_INVALID, "%s: %s: not mapped", memory->device->name, what);
    if ((type->flags & TENON_MEMORY_COHERENT) || size == 0) return TENON_STATUS_OK;
    widen(memory, &offset, &size);
    tenon_status status = hook(memory->device->handle, memory->handle, offset, size);
    return status == TENON_STATUS_OK ? status : tenon__device_failure(memory->device, status, what);
}

tenon_status tenonh_memory_flush(tenonh_memory *memory, uint64_t offset, uint64_t size) {
    if (!memory) return tenon__fail(TENON_STATUS_INVALID, "flush: memory is NULL");
    return make_coherent(memory, "flush memory", memory->device->hooks->memory.flush, offset, size);
}

tenon_status tenonh_memory_invalidate(tenonh_memory *memory, uint64_t offset, uint64_t size) {
    if (!memory) return tenon__fail(TENON_STATUS_INVALID, "invalidate: memory is NULL");
    return make_coherent(memory, "invalidate memory", memory->device->hooks->memory.invalidate, offset, size);
}
