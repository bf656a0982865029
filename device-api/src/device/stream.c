#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device/objects.h"
#include "device/reclaim.h"
#include "loader/services.h"
#include "support/error.h"

static tenon_status create_handle(tenonh_stream *stream) {
    tenonh_device *device = stream->device;
    tenon_status status = device->hooks->stream.create(device->handle, &stream->handle);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "create a stream");
    if (!stream->handle)
        return tenon__fail(TENON_STATUS_INTERNAL, "%s: stream.create answers OK without a stream", device->name);
    return TENON_STATUS_OK;
}

/* Takes one of the device's max_streams. */
static tenon_status take_place(tenonh_device *device) {
    uint32_t before = atomic_fetch_add(&device->stream_count, 1);
    if (device->info.max_streams == 0 || before < device->info.max_streams) return TENON_STATUS_OK;
    atomic_fetch_sub(&device->stream_count, 1);
    return tenon__fail(TENON_STATUS_OUT_OF_MEMORY, "%s: it has %u streams and all are in use; release one",
                       device->name, device->info.max_streams);
}

static tenon_status create_stream(tenonh_stream *stream) {
    TENON_TRY(take_place(stream->device));
    tenon_status status = create_handle(stream);
    if (status != TENON_STATUS_OK) atomic_fetch_sub(&stream->device->stream_count, 1);
    return status;
}

tenon_status tenonh_stream_create(tenonh_device *device, tenonh_stream **out_stream) {
    if (!device || !out_stream) return tenon__fail(TENON_STATUS_INVALID, "stream: device or out_stream is NULL");
    TENON_TRY(tenon__device_check(device, "create a stream"));
    tenonh_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return tenon__fail_memory();
    stream->references = 1;
    stream->device = device;
    tenon_status status = create_stream(stream);
    if (status == TENON_STATUS_OUT_OF_MEMORY) { /* once more, without those that idle sessions keep */
        tenon__device_reclaim_streams(device);
        tenon__report_forget();
        status = create_stream(stream);
    }
    if (status != TENON_STATUS_OK) return free(stream), status;
    tenonh_device_retain(device);
    stream->late.stream = stream->handle;
    tenon__late_add(device->plugin, &stream->late);
    *out_stream = stream;
    return TENON_STATUS_OK;
}

tenonh_stream *tenonh_stream_retain(tenonh_stream *stream) {
    tenon__retain(&stream->references);
    return stream;
}

void tenonh_stream_release(tenonh_stream *stream) {
    if (!stream || !tenon__release(&stream->references)) return;
    tenonh_device *device = stream->device;
    if (!tenon__forked(device->generation)) {
        device->hooks->stream.destroy(stream->handle);
        tenon__late_remove(device->plugin, &stream->late);
    }
    atomic_fetch_sub(&device->stream_count, 1);
    free(stream);
    tenonh_device_release(device);
}

tenonh_device *tenonh_stream_device(const tenonh_stream *stream) {
    return stream->device;
}

/* What the host itself failed the stream with, once the device has nothing to say. */
static tenon_status own_failure(const tenonh_stream *stream, const char *what) {
    if (stream->failed == TENON_STATUS_OK) return TENON_STATUS_OK;
    return tenon__fail(stream->failed, "%s: %s: the stream waited for an event that failed", stream->device->name,
                       what);
}

/* Synchronise and query reach the device even when it is lost: what is pending may still be using host memory. */
tenon_status tenonh_stream_synchronize(tenonh_stream *stream) {
    if (!stream) return tenon__fail(TENON_STATUS_INVALID, "synchronize: stream is NULL");
    tenonh_device *device = stream->device;
    if (tenon__forked(device->generation)) return tenon__fail_forked("synchronize");
    tenon__report_forget();
    tenon_status status = device->hooks->stream.synchronize(stream->handle);
    if (status != TENON_STATUS_OK) return tenon__stream_failure(stream, status, "synchronize");
    return own_failure(stream, "synchronize");
}

tenon_status tenonh_stream_query(tenonh_stream *stream) {
    if (!stream) return tenon__fail(TENON_STATUS_INVALID, "query: stream is NULL");
    tenonh_device *device = stream->device;
    if (!device->hooks->stream.query) {
        tenon__count(&device->counters.emulated_queries, 1);
        return tenonh_stream_synchronize(stream);
    }
    if (tenon__forked(device->generation)) return tenon__fail_forked("query");
    tenon__report_forget();
    tenon_status status = device->hooks->stream.query(stream->handle);
    if (status == TENON_STATUS_NOT_READY) return status;
    if (status != TENON_STATUS_OK) return tenon__stream_failure(stream, status, "query");
    return own_failure(stream, "query");
}

/* Checks a stream and a range of memory of its device. */
static tenon_status check_copy(tenonh_stream *stream, const tenonh_memory *memory, uint64_t offset, uint64_t size,
                               const char *what) {
    if (!stream || !memory) return tenon__fail(TENON_STATUS_INVALID, "%s: stream or memory is NULL", what);
    TENON_TRY(tenon__stream_check(stream, what));
    if (memory->device != stream->device)
        return tenon__fail(TENON_STATUS_INVALID, "%s: memory of %s on a stream of %s", what, memory->device->name,
                           stream->device->name);
    if (offset <= memory->size && size <= memory->size - offset) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "%s: %s: bytes %" PRIu64 " + %" PRIu64 " leave the allocation of %" PRIu64,
                       stream->device->name, what, offset, size, memory->size);
}

/* Checks a range that is to be written. */
static tenon_status check_target(tenonh_stream *stream, const tenonh_memory *memory, uint64_t offset, uint64_t size,
                                 const char *what) {
    TENON_TRY(check_copy(stream, memory, offset, size, what));
    if (!(memory->imported & TENON__READ_ONLY)) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "%s: %s: the memory was imported to be read only", stream->device->name,
                       what);
}

tenon_status tenonh_stream_write(tenonh_stream *stream, tenonh_memory *destination, uint64_t offset, const void *source,
                                 uint64_t size) {
    TENON_TRY(check_target(stream, destination, offset, size, "write"));
    if (size == 0) return TENON_STATUS_OK;
    if (!source) return tenon__fail(TENON_STATUS_INVALID, "write: source is NULL");
    tenonh_device *device = stream->device;
    tenon_status status =
        device->hooks->stream.write(stream->handle, tenonh_memory_buffer(destination, offset), source, size);
    if (status != TENON_STATUS_OK) return tenon__stream_refusal(stream, status, "write");
    tenon__count(&device->counters.written_bytes, size);
    return TENON_STATUS_OK;
}

tenon_status tenonh_stream_read(tenonh_stream *stream, void *destination, tenonh_memory *source, uint64_t offset,
                                uint64_t size) {
    TENON_TRY(check_copy(stream, source, offset, size, "read"));
    if (size == 0) return TENON_STATUS_OK;
    if (!destination) return tenon__fail(TENON_STATUS_INVALID, "read: destination is NULL");
    tenonh_device *device = stream->device;
    tenon_status status =
        device->hooks->stream.read(stream->handle, destination, tenonh_memory_buffer(source, offset), size);
    if (status != TENON_STATUS_OK) return tenon__stream_refusal(stream, status, "read");
    tenon__count(&device->counters.read_bytes, size);
    return TENON_STATUS_OK;
}

tenon_status tenonh_stream_copy(tenonh_stream *stream, tenonh_memory *destination, uint64_t destination_offset,
                                tenonh_memory *source, uint64_t source_offset, uint64_t size) {
    TENON_TRY(check_target(stream, destination, destination_offset, size, "copy"));
    TENON_TRY(check_copy(stream, source, source_offset, size, "copy"));
    if (size == 0) return TENON_STATUS_OK;
    if (source == destination && source_offset < destination_offset + size && destination_offset < source_offset + size)
        return tenon__fail(TENON_STATUS_INVALID, "%s: copy: the ranges overlap", stream->device->name);
    tenonh_device *device = stream->device;
    tenon_status status =
        device->hooks->stream.copy(stream->handle, tenonh_memory_buffer(destination, destination_offset),
                                   tenonh_memory_buffer(source, source_offset), size);
    if (status != TENON_STATUS_OK) return tenon__stream_refusal(stream, status, "copy");
    tenon__count(&device->counters.copied_bytes, size);
    return TENON_STATUS_OK;
}

enum { FILL_CHUNK = 1 << 18 }; /* bytes of pattern written at a time */

static tenon_status write_chunks(tenonh_stream *stream, tenonh_memory *destination, uint64_t offset,
                                 const unsigned char *chunk, uint64_t size) {
    for (uint64_t done = 0; done < size; done += FILL_CHUNK) {
        uint64_t part = size - done < FILL_CHUNK ? size - done : FILL_CHUNK;
        TENON_TRY(tenonh_stream_write(stream, destination, offset + done, chunk, part));
    }
    return tenonh_stream_synchronize(stream);
}

/* Writes the pattern from the host. The chunk must outlive the writes, so this waits for them. */
static tenon_status emulate_fill(tenonh_stream *stream, tenonh_memory *destination, uint64_t offset, uint64_t pattern,
                                 uint32_t pattern_size, uint64_t size) {
    unsigned char *chunk = malloc(FILL_CHUNK);
    if (!chunk) return tenon__fail_memory();
    for (size_t i = 0; i < FILL_CHUNK; i += pattern_size) memcpy(chunk + i, &pattern, pattern_size);
    tenon_status status = write_chunks(stream, destination, offset, chunk, size);
    if (status != TENON_STATUS_OK)
        stream->device->hooks->stream.synchronize(stream->handle); /* before the chunk goes */
    free(chunk);
    tenon__count(&stream->device->counters.emulated_fills, 1);
    return status;
}

tenon_status tenonh_stream_fill(tenonh_stream *stream, tenonh_memory *destination, uint64_t offset, uint64_t pattern,
                                uint32_t pattern_size, uint64_t size) {
    TENON_TRY(check_target(stream, destination, offset, size, "fill"));
    if (pattern_size == 0 || pattern_size > 8 || (pattern_size & (pattern_size - 1)) || size % pattern_size)
        return tenon__fail(TENON_STATUS_INVALID,
                           "%s: fill: a pattern of %u bytes over %" PRIu64 "; take 1, 2, 4 or 8 and a multiple of it",
                           stream->device->name, pattern_size, size);
    if (size == 0) return TENON_STATUS_OK;
    tenonh_device *device = stream->device;
    if (!device->hooks->stream.fill) return emulate_fill(stream, destination, offset, pattern, pattern_size, size);
    tenon_status status = device->hooks->stream.fill(stream->handle, tenonh_memory_buffer(destination, offset), pattern,
                                                     pattern_size, size);
    return status == TENON_STATUS_OK ? status : tenon__stream_refusal(stream, status, "fill");
}
