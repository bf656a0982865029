/* The one stream: copies by the DMA engine, in order with the core's work. */
#include "dsp.h"

#include <inttypes.h>

static tenon_status create(tenon_device *device, tenon_stream **out_stream) {
    dsp_queue *queue = &device->queue;
    tenon_stream *stream = dsp_allocate(device->host, sizeof *stream);
    if (!stream) return DSP_FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory for a stream");
    stream->device = device;
    pthread_mutex_lock(&queue->lock);
    bool is_free = queue->stream == NULL;
    if (is_free) queue->stream = stream;
    pthread_mutex_unlock(&queue->lock);
    if (is_free) {
        *out_stream = stream;
        return TENON_STATUS_OK;
    }
    device->host->release(device->host, stream);
    return DSP_FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "there is one DMA queue, and a stream has it");
}

static void destroy(tenon_stream *stream) {
    tenon_device *device = stream->device;
    dsp_queue_wait(device);
    pthread_mutex_lock(&device->queue.lock);
    device->queue.stream = NULL;
    pthread_mutex_unlock(&device->queue.lock);
    device->host->release(device->host, stream);
}

static tenon_status synchronize(tenon_stream *stream) {
    dsp_queue_wait(stream->device);
    return stream->failed;
}

static tenon_status query(tenon_stream *stream) {
    dsp_queue *queue = &stream->device->queue;
    pthread_mutex_lock(&queue->lock);
    tenon_status status = queue->done == queue->issued ? stream->failed : (tenon_status)TENON_STATUS_NOT_READY;
    pthread_mutex_unlock(&queue->lock);
    return status;
}

static tenon_status transfer(tenon_stream *stream, unsigned char *to, const unsigned char *from, uint64_t size) {
    dsp_command command = {.kind = DSP_TRANSFER, .from = from, .size = size};
    command.to = to;
    return dsp_queue_push(stream, &command);
}

static tenon_status write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    TENON_TRY(dsp_check_range(stream->device, stream, destination, size, "write"));
    return transfer(stream, destination.memory->bytes + destination.offset, source, size);
}

static tenon_status read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(dsp_check_range(stream->device, stream, source, size, "read"));
    return transfer(stream, destination, source.memory->bytes + source.offset, size);
}

static tenon_status copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(dsp_check_range(stream->device, stream, destination, size, "copy to"));
    TENON_TRY(dsp_check_range(stream->device, stream, source, size, "copy from"));
    bool meets = destination.memory == source.memory && size > 0 && destination.offset < source.offset + size &&
                 source.offset < destination.offset + size;
    if (meets) return DSP_FAIL(stream->device, stream, TENON_STATUS_INVALID, "copy: the ranges overlap");
    return transfer(stream, destination.memory->bytes + destination.offset, source.memory->bytes + source.offset, size);
}

static tenon_status fill(tenon_stream *stream, tenon_buffer destination, uint64_t pattern, uint32_t pattern_size,
                         uint64_t size) {
    bool known = pattern_size == 1 || pattern_size == 2 || pattern_size == 4 || pattern_size == 8;
    if (!known || size % pattern_size)
        return DSP_FAIL(stream->device, stream, TENON_STATUS_INVALID,
                        "fill: %" PRIu64 " bytes by a pattern of %u; it has 1, 2, 4 or 8 and goes into them whole",
                        size, pattern_size);
    TENON_TRY(dsp_check_range(stream->device, stream, destination, size, "fill"));
    const dsp_command command = {.kind = DSP_FILL,
                                 .to = destination.memory->bytes + destination.offset,
                                 .size = size,
                                 .pattern = pattern,
                                 .pattern_size = pattern_size};
    return dsp_queue_push(stream, &command);
}

const tenon_stream_hooks dsp_stream_hooks = {
    .struct_size = sizeof(tenon_stream_hooks),
    .create = create,
    .destroy = destroy,
    .synchronize = synchronize,
    .query = query,
    .write = write,
    .read = read,
    .copy = copy,
    .fill = fill,
};
