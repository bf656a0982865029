/* Memory with a defect: sizes and places that are wrong, mappings that are copies, memory that is given twice. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mutants/mutant.h"

static tenon_status type_count(tenon_device *device, uint32_t *out_count) {
    return mutant.memory.type_count(device, out_count);
}

static tenon_status type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    static uint32_t calls;
    if (planted(MUTANT_any_memory_type_told)) index = 0;
    TENON_TRY(mutant.memory.type_info(device, index, out_type));
    switch (mutant.planted) {
    case MUTANT_budget_above_size: out_type->budget = out_type->size ? 3 * out_type->size : UINT64_MAX; break;
    case MUTANT_memory_type_changes: out_type->flags ^= calls++ % 2 ? (uint32_t)TENON_MEMORY_STAGING : 0u; break;
    case MUTANT_alignment_overstated:
    case MUTANT_alignment_not_a_power: out_type->alignment = (uint64_t)mutant.parameter; break;
    default: break;
    }
    return TENON_STATUS_OK;
}

/* The latest allocation that is alive, of which more than one holder may be told. */
static struct {
    pthread_mutex_t mutex;
    tenon_memory *memory;
    bool exhausted;
} latest = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool give_again(tenon_device *device, uint64_t size, tenon_memory **out_memory) {
    pthread_mutex_lock(&latest.mutex);
    mutant_memory *record = latest.memory ? mutant_recall(latest.memory) : NULL;
    bool again = record && record->device == device && record->size == size && size > 0;
    if (again) {
        record->holders++;
        *out_memory = latest.memory;
    }
    pthread_mutex_unlock(&latest.mutex);
    return again;
}

/* True when nobody holds it any more. */
static bool let_go(tenon_memory *memory) {
    pthread_mutex_lock(&latest.mutex);
    mutant_memory *record = mutant_recall(memory);
    bool last = !record || record->holders == 0;
    if (!last) record->holders--;
    if (last && latest.memory == memory) latest.memory = NULL;
    pthread_mutex_unlock(&latest.mutex);
    return last;
}

static void remember(tenon_device *device, tenon_memory *memory, uint64_t size) {
    mutant_memory *record = mutant_remember(memory, sizeof *record);
    if (!record) return;
    record->device = device;
    record->size = size;
    if (!planted(MUTANT_memory_given_twice)) return;
    pthread_mutex_lock(&latest.mutex);
    latest.memory = memory;
    pthread_mutex_unlock(&latest.mutex);
}

static tenon_status refuse(tenon_status status, tenon_memory **out_memory) {
    if (status != TENON_STATUS_OUT_OF_MEMORY) return status;
    if (planted(MUTANT_out_of_memory_is_final)) latest.exhausted = true;
    if (planted(MUTANT_out_of_memory_writes_its_answer)) *out_memory = (tenon_memory *)(uintptr_t)64;
    if (planted(MUTANT_out_of_memory_is_internal)) return TENON_STATUS_INTERNAL;
    return planted(MUTANT_status_unknown) ? (tenon_status)mutant.parameter : status;
}

static tenon_status allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    uint64_t asked = size;
    if (planted(MUTANT_empty_allocation_fails) && size == 0)
        return mutant_fail(device, TENON_STATUS_OUT_OF_MEMORY, "nothing was asked for");
    if (latest.exhausted) return mutant_fail(device, TENON_STATUS_OUT_OF_MEMORY, "memory ran out earlier");
    if (planted(MUTANT_any_memory_type_allocates)) type = 0;
    if (planted(MUTANT_huge_allocation_given) && size > (uint64_t)mutant.parameter) size = 4096;
    if (planted(MUTANT_allocation_short) && size > 4096) size -= 4096;
    if (planted(MUTANT_memory_given_twice) && give_again(device, size, out_memory)) return TENON_STATUS_OK;
    tenon_status status = mutant.memory.allocate(device, type, size, out_memory);
    if (status != TENON_STATUS_OK) return refuse(status, out_memory);
    remember(device, *out_memory, asked);
    return TENON_STATUS_OK;
}

static void release(tenon_device *device, tenon_memory *memory) {
    mutant_memory *record = mutant_recall(memory);
    if (planted(MUTANT_memory_never_freed)) return;
    if (planted(MUTANT_memory_given_twice) && !let_go(memory)) return;
    if (planted(MUTANT_import_wiped_at_release) && record && record->imported && !record->flags)
        memset(record->imported, 0, 1);
    if (record && record->late && record->imported)
        memcpy((char *)record->imported + record->late_offset, record->late, record->late_size);
    if (record) free(record->late);
    uint64_t rest = record ? record->size % (uint64_t)(mutant.parameter ? mutant.parameter : 1) : 0;
    mutant_forget(memory);
    mutant.memory.release(device, memory);
    if (planted(MUTANT_release_keeps_part_pages) && rest) (void)mutant.memory.allocate(device, 0, rest, &memory);
}

/* -- Mappings --------------------------------------------------------------------------------------------------------- */

/* A copy in place of the memory itself. */
static tenon_status map_copy(tenon_device *device, tenon_memory *memory, uint64_t size, void **out_pointer) {
    mutant_memory *record = mutant_recall(memory);
    void *copy = record ? malloc(size ? size : 1) : NULL;
    if (!copy) return TENON_STATUS_OK;
    if (size) memcpy(copy, *out_pointer, size);
    record->mapped = copy;
    (void)device;
    *out_pointer = copy;
    return TENON_STATUS_OK;
}

static tenon_status map(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size,
                        void **out_pointer) {
    mutant_memory *record = mutant_recall(memory);
    bool outside = record && (offset > record->size || size > record->size - offset);
    if (planted(MUTANT_map_past_the_end_given) && outside) offset = 0, size = record->size;
    if (planted(MUTANT_map_given_twice) && record && record->mapped) {
        *out_pointer = record->mapped;
        return TENON_STATUS_OK;
    }
    if (planted(MUTANT_map_offset_ignored) && !outside) size += offset, offset = 0;
    TENON_TRY(mutant.memory.map(device, memory, offset, size, out_pointer));
    if (planted(MUTANT_map_is_a_copy)) return map_copy(device, memory, size, out_pointer);
    if (planted(MUTANT_map_given_twice) && record) record->mapped = *out_pointer;
    return TENON_STATUS_OK;
}

static tenon_status unmap(tenon_device *device, tenon_memory *memory) {
    mutant_memory *record = mutant_recall(memory);
    if (planted(MUTANT_map_is_a_copy) && record) free(record->mapped);
    if (record) record->mapped = NULL;
    tenon_status status = mutant.memory.unmap(device, memory);
    return planted(MUTANT_unmap_of_the_unmapped) ? TENON_STATUS_OK : status;
}

static uint64_t unit_of(tenon_device *device) {
    tenon_memory_type type = {.struct_size = sizeof type};
    return mutant.memory.type_info(device, 0, &type) == TENON_STATUS_OK && type.flush_unit ? type.flush_unit : 1;
}

static tenon_status flush(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    if (planted(MUTANT_flush_ignored)) return TENON_STATUS_OK;
    if (planted(MUTANT_flush_first_unit_only) && size > unit_of(device)) size = unit_of(device);
    if (planted(MUTANT_flush_offset_ignored)) offset = 0;
    return mutant.memory.flush(device, memory, offset, size);
}

static tenon_status invalidate(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    uint64_t unit = unit_of(device);
    if (planted(MUTANT_invalidate_ignored)) return TENON_STATUS_OK;
    if (planted(MUTANT_invalidate_last_unit_missed) && size > unit) size -= unit;
    return mutant.memory.invalidate(device, memory, offset, size);
}

static tenon_status address(tenon_device *device, tenon_memory *memory, uint64_t *out_address) {
    static uint64_t calls;
    TENON_TRY(mutant.memory.address(device, memory, out_address));
    if (planted(MUTANT_address_moves)) *out_address += 64 * calls++;
    return TENON_STATUS_OK;
}

/* -- Imports ---------------------------------------------------------------------------------------------------------- */

/* Memory with the bytes of now, which later writes do not reach. */
static tenon_status import_copy(tenon_device *device, uint32_t type, const void *bytes, uint64_t size,
                                tenon_memory **out_memory) {
    tenon_stream *stream;
    TENON_TRY(allocate(device, type, size, out_memory));
    tenon_status status = mutant.stream.create(device, &stream);
    if (status == TENON_STATUS_OK) {
        status = mutant_write(stream, (tenon_buffer){*out_memory, 0}, bytes, size);
        mutant.stream.destroy(stream);
    }
    if (status != TENON_STATUS_OK) release(device, *out_memory);
    return status;
}

static tenon_status import(tenon_device *device, uint32_t type, void *bytes, uint64_t size, uint32_t flags,
                           tenon_memory **out_memory) {
    if (planted(MUTANT_import_is_a_copy)) return import_copy(device, type, bytes, size, out_memory);
    TENON_TRY(mutant.memory.import(device, type, bytes, size, flags, out_memory));
    remember(device, *out_memory, size);
    mutant_memory *record = mutant_recall(*out_memory);
    if (record) record->imported = bytes, record->flags = flags;
    return TENON_STATUS_OK;
}

const tenon_memory_hooks mutant_memory_hooks = {
    .struct_size = sizeof mutant_memory_hooks,
    .type_count = type_count,
    .type_info = type_info,
    .allocate = allocate,
    .release = release,
    .map = map,
    .unmap = unmap,
    .flush = flush,
    .invalidate = invalidate,
    .address = address,
    .import = import,
};
