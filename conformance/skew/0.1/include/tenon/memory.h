/* Memory: enumerated memory types, allocations, mapping. Copies are stream work: see stream.h. */
#ifndef TENON_MEMORY_H
#define TENON_MEMORY_H

#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

/* Flags of a memory type. */
enum {
    TENON_MEMORY_DEVICE = 1,   /* kernels may use it */
    TENON_MEMORY_MAPPABLE = 2, /* map() works */
    TENON_MEMORY_COHERENT = 4, /* a mapping needs no flush and no invalidate */
    TENON_MEMORY_STAGING = 8   /* host memory from which copies are fastest (pinned) */
};

/* Least alignment of memory type 0, in bytes: the host lays tensors and workspaces out by it. */
enum { TENON_MEMORY_ALIGNMENT = 64 };

/* Answer of tenon_memory_hooks.type_info; zeroed, with struct_size set, by the host. */
typedef struct tenon_memory_type {
    uint32_t struct_size;
    uint32_t flags;      /* TENON_MEMORY_* bits */
    uint64_t size;       /* bytes in all; 0 unknown */
    uint64_t budget;     /* bytes that this process may still expect to get now; 0 unknown */
    uint64_t alignment;  /* bytes: a power of two, of type 0 at least TENON_MEMORY_ALIGNMENT; every allocation starts on
                            it, and buffer offsets of kernel and op operands are multiples of their element size only */
    uint64_t over_read;  /* bytes past a view's end that kernels may read (never write); the host pads allocations */
    uint64_t flush_unit; /* bytes: a power of two, 1 when coherent; sizes of allocations and the ranges of map, flush
                            and invalidate are whole multiples */
} tenon_memory_type;
#define TENON_MEMORY_TYPE_SIZE_V1 48u
static_assert(sizeof(tenon_memory_type) == TENON_MEMORY_TYPE_SIZE_V1, "frozen layout");

/* Required group. Thread: every member is thread-safe.
 * Type 0 must carry TENON_MEMORY_DEVICE: it is where the host puts tensors (REQ-MEM-01). */
typedef struct tenon_memory_hooks {
    uint32_t struct_size;
    uint32_t reserved; /* must be 0 */

    /* Number of memory types, at least 1; constant for an open device. Required. Source: REQ-MEM-01. Since: 0.1 */
    tenon_status (*type_count)(tenon_device *device, uint32_t *out_count);

    /* Describes type `index`; only `budget` may change between calls. Required.
     * Errors: NOT_FOUND (index >= count). Source: REQ-MEM-01. Since: 0.1 */
    tenon_status (*type_info)(tenon_device *device, uint32_t index, tenon_memory_type *out_type);

    /* Allocates `size` bytes of uninitialised memory. Required.
     * Units:  bytes; 0 is legal and gives an object that can be released (REQ-MEM-02).
     * Owner:  the host, until release().
     * Errors: OUT_OF_MEMORY with nothing changed (REQ-MEM-03), NOT_FOUND (type), DEVICE_LOST. Since: 0.1 */
    tenon_status (*allocate)(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory);

    /* Releases an allocation that no pending work uses and that is not mapped. Required. Succeeds on a lost device.
     * Source: REQ-MEM-04. Since: 0.1 */
    void (*release)(tenon_device *device, tenon_memory *memory);

    /* Makes a range readable and writable at a host address until unmap(). Optional, with unmap; one mapping per
     * allocation at a time. Work of the device on the range and host access must not overlap; ordering is by
     * synchronising. Non-coherent types: invalidate before reading, flush after writing.
     * Units:  bytes, multiples of flush_unit.
     * Errors: INVALID (range, already mapped), UNSUPPORTED (type not mappable), OUT_OF_MEMORY.
     * Source: REQ-MEM-05. Since: 0.1 */
    tenon_status (*map)(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size, void **out_pointer);

    /* Ends a mapping; after it, host access to the old address may fault. Optional, with map.
     * Source: REQ-MEM-05. Since: 0.1 */
    tenon_status (*unmap)(tenon_device *device, tenon_memory *memory);

    /* Makes host writes to a mapped range visible to the device. Required if a mappable type is not coherent, with
     * invalidate. Units: bytes, multiples of flush_unit. Source: REQ-MEM-06. Since: 0.1 */
    tenon_status (*flush)(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size);

    /* Makes device writes visible to the host in a mapped range. Required as flush is.
     * Units: as flush. Source: REQ-MEM-06. Since: 0.1 */
    tenon_status (*invalidate)(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size);

    /* The allocation's address in the device's own address space. Optional; nothing the host does depends on it.
     * Errors: UNSUPPORTED. Source: REQ-MEM-07. Since: 0.1 */
    tenon_status (*address)(tenon_device *device, tenon_memory *memory, uint64_t *out_address);
} tenon_memory_hooks;
#define TENON_MEMORY_HOOKS_SIZE_V1 80u
static_assert(sizeof(tenon_memory_hooks) == TENON_MEMORY_HOOKS_SIZE_V1 && offsetof(tenon_memory_hooks, map) == 40,
              "frozen layout");

TENON_EXTERN_C_END

#endif
