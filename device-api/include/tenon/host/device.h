/* Devices, and what lives on them: memory, streams, events.
 *
 * Objects are counted: *_create and *_open give one reference, *_retain adds one, *_release takes one and frees at none
 * (NULL is allowed). An object keeps what it depends on alive, so that references may be released in any order.
 * Features that a plugin lacks are emulated and counted (tenonh_device_counters). In a forked child every call on an
 * object made before the fork is refused with UNAVAILABLE, and releases free host memory only.
 * Thread: references may be taken and released anywhere; calls on one stream must not overlap, all others may. */
#ifndef TENON_HOST_DEVICE_H
#define TENON_HOST_DEVICE_H

#include <tenon/device.h>
#include <tenon/host/registry.h>
#include <tenon/kernel.h>
#include <tenon/memory.h>

TENON_EXTERN_C_BEGIN

typedef struct tenonh_device tenonh_device;
typedef struct tenonh_memory tenonh_memory;
typedef struct tenonh_stream tenonh_stream;
typedef struct tenonh_event tenonh_event;

/* Opens the device called "id:index", or "id" for index 0. Every open of a registry gives the same object.
 * Errors: NOT_FOUND (no such plugin or index; the message lists what there is), the status of a refused plugin's
 *         reason, INTERNAL (the device breaks a rule; the message names it), DEVICE_LOST, OUT_OF_MEMORY. */
TENON_EXPORT tenon_status tenonh_device_open(tenonh_registry *registry, const char *name, tenonh_device **out_device);
TENON_EXPORT tenonh_device *tenonh_device_retain(tenonh_device *device);
TENON_EXPORT void tenonh_device_release(tenonh_device *device);

/* "id:index". Owner: the device. */
TENON_EXPORT const char *tenonh_device_name(const tenonh_device *device);

/* What the plugin says of the device; strings are never NULL. Owner: the device. */
TENON_EXPORT const tenon_device_info *tenonh_device_info(const tenonh_device *device);

/* How kernels are printed for the device; NULL when it takes no kernel work. Owner: the device. */
TENON_EXPORT const tenon_dialect *tenonh_device_dialect(const tenonh_device *device);

/* Memory types: at least one, type 0 is where tensors go. `budget` is asked anew.
 * Errors: NOT_FOUND (index), DEVICE_LOST. */
TENON_EXPORT uint32_t tenonh_device_memory_type_count(const tenonh_device *device);
TENON_EXPORT tenon_status tenonh_device_memory_type(tenonh_device *device, uint32_t index, tenon_memory_type *out_type);

/* OK, or DEVICE_LOST for good. Without a health hook: what failing calls have told so far. */
TENON_EXPORT tenon_status tenonh_device_health(tenonh_device *device);

/* What was done on a device since it was opened. The caller sets struct_size. */
typedef struct tenonh_device_counters {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t allocations;      /* memory objects alive */
    uint64_t allocated_bytes;  /* alive, padding included */
    uint64_t peak_bytes;       /* most of the line above */
    uint64_t written_bytes;    /* host to device */
    uint64_t read_bytes;       /* device to host */
    uint64_t copied_bytes;     /* inside the device */
    uint64_t prepares;         /* execs prepared */
    uint64_t refusals;         /* prepares answered UNSUPPORTED */
    uint64_t prepare_ns;       /* nanoseconds in prepare, over all threads */
    uint64_t emulated_events;  /* records done by synchronising: the plugin has no events */
    uint64_t emulated_queries; /* stream queries done by synchronising */
    uint64_t emulated_fills;   /* fills done by writing */
    /* Since: 0.2, as what follows. */
    uint64_t pooled_bytes;   /* kept for later allocations; not alive */
    uint64_t imported_bytes; /* alive: host bytes that the device uses where they lie; none of the allocated ones */
} tenonh_device_counters;
#define TENONH_DEVICE_COUNTERS_SIZE_V1 104u

/* Errors: INVALID (struct_size). */
TENON_EXPORT tenon_status tenonh_device_counters_read(tenonh_device *device, tenonh_device_counters *out_counters);

/* Gives memory back that the library keeps on the device for later: pools, what idle sessions hold, prepared work that no
 * plan uses. An allocation that does not fit does the same by itself. out_bytes: given back; may be NULL.
 * Errors: INVALID (NULL). Thread: any, beside runs. Since: 0.2 */
TENON_EXPORT tenon_status tenonh_device_trim(tenonh_device *device, uint64_t *out_bytes);

/* Allocates device memory of a type, uninitialised, padded by the type's over_read. Units: bytes; 0 is legal.
 * Errors: OUT_OF_MEMORY, NOT_FOUND (type), DEVICE_LOST. */
TENON_EXPORT tenon_status tenonh_memory_create(tenonh_device *device, uint32_t type, uint64_t size,
                                               tenonh_memory **out_memory);

/* Makes memory of host bytes where they lie, without a copy. Flags: TENON_IMPORT_READ_ONLY, or 0.
 * Units:  `bytes` is a multiple of the type's alignment, `size` bytes of its flush_unit.
 * Owner:  the bytes stay the caller's and outlive the memory; read-only ones do not change while it lives.
 * Errors: UNSUPPORTED (the device cannot use them there: copy them), INVALID (flags), NOT_FOUND (type), OUT_OF_MEMORY,
 *         DEVICE_LOST. Since: 0.2 */
TENON_EXPORT tenon_status tenonh_memory_import(tenonh_device *device, uint32_t type, void *bytes, uint64_t size,
                                               uint32_t flags, tenonh_memory **out_memory);
TENON_EXPORT tenonh_memory *tenonh_memory_retain(tenonh_memory *memory);
/* The last release must come after the work that uses the memory has ended. */
TENON_EXPORT void tenonh_memory_release(tenonh_memory *memory);
TENON_EXPORT uint64_t tenonh_memory_size(const tenonh_memory *memory);
TENON_EXPORT tenonh_device *tenonh_memory_device(const tenonh_memory *memory);

/* The place `offset` bytes into the memory, as launches take it; holds no reference. */
TENON_EXPORT tenon_buffer tenonh_memory_buffer(const tenonh_memory *memory, uint64_t offset);

/* Maps a range for the host, until unmap; see tenon_memory_hooks.map. The mapping begins with what the device sees. flush
 * and invalidate do nothing on coherent types and widen the range to the type's flush_unit: what the device writes beside
 * a range before that is flushed must be invalidated first.
 * Errors: UNSUPPORTED (type not mappable), INVALID (range, mapped). */
TENON_EXPORT tenon_status tenonh_memory_map(tenonh_memory *memory, uint64_t offset, uint64_t size, void **out_pointer);
TENON_EXPORT tenon_status tenonh_memory_unmap(tenonh_memory *memory);
TENON_EXPORT tenon_status tenonh_memory_flush(tenonh_memory *memory, uint64_t offset, uint64_t size);
TENON_EXPORT tenon_status tenonh_memory_invalidate(tenonh_memory *memory, uint64_t offset, uint64_t size);

/* Creates an idle stream. Errors: OUT_OF_MEMORY (also: more than the device's max_streams), DEVICE_LOST. */
TENON_EXPORT tenon_status tenonh_stream_create(tenonh_device *device, tenonh_stream **out_stream);
TENON_EXPORT tenonh_stream *tenonh_stream_retain(tenonh_stream *stream);
/* The last release waits for the stream's work. */
TENON_EXPORT void tenonh_stream_release(tenonh_stream *stream);
TENON_EXPORT tenonh_device *tenonh_stream_device(const tenonh_stream *stream);

/* Waits for all work of the stream. Errors: the stream's first failure, every time. */
TENON_EXPORT tenon_status tenonh_stream_synchronize(tenonh_stream *stream);

/* OK, NOT_READY, or the failure. Emulated by synchronising. */
TENON_EXPORT tenon_status tenonh_stream_query(tenonh_stream *stream);

/* Enqueue copies; see tenon_stream_hooks for what must stay unchanged until when. Ranges are checked here.
 * fill takes a pattern of 1, 2, 4 or 8 bytes and is emulated by writing and synchronising.
 * Errors: INVALID (range, another device's memory, overlap), FAILED_STREAM, DEVICE_LOST. */
TENON_EXPORT tenon_status tenonh_stream_write(tenonh_stream *stream, tenonh_memory *destination, uint64_t offset,
                                              const void *source, uint64_t size);
TENON_EXPORT tenon_status tenonh_stream_read(tenonh_stream *stream, void *destination, tenonh_memory *source,
                                             uint64_t offset, uint64_t size);
TENON_EXPORT tenon_status tenonh_stream_copy(tenonh_stream *stream, tenonh_memory *destination,
                                             uint64_t destination_offset, tenonh_memory *source, uint64_t source_offset,
                                             uint64_t size);
TENON_EXPORT tenon_status tenonh_stream_fill(tenonh_stream *stream, tenonh_memory *destination, uint64_t offset,
                                             uint64_t pattern, uint32_t pattern_size, uint64_t size);

/* Events: see tenon_event_hooks for their meaning. On a device without them, record waits for the stream: the event is
 * then complete, with the stream's status and the host's clock, and everything below keeps its meaning.
 * Thread: record and wait are calls on their stream. */
TENON_EXPORT tenon_status tenonh_event_create(tenonh_device *device, tenonh_event **out_event);
TENON_EXPORT tenonh_event *tenonh_event_retain(tenonh_event *event);
TENON_EXPORT void tenonh_event_release(tenonh_event *event);
TENON_EXPORT tenon_status tenonh_event_record(tenonh_event *event, tenonh_stream *stream);
TENON_EXPORT tenon_status tenonh_event_query(tenonh_event *event);
TENON_EXPORT tenon_status tenonh_event_synchronize(tenonh_event *event);
TENON_EXPORT tenon_status tenonh_event_wait(tenonh_stream *stream, tenonh_event *event);
TENON_EXPORT tenon_status tenonh_event_elapsed(tenonh_event *start, tenonh_event *end, uint64_t *out_nanoseconds);

TENON_EXTERN_C_END

#endif
