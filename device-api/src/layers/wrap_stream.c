/* Wrapped hooks of streams and events. */
#include "layers/layer.h"

/* -- Streams ---------------------------------------------------------------------------------------------------------- */

static tenon_status stream_create(tenon_device *device, tenon_stream **out_stream) {
    tenon__object *made;
    tenon_stream *stream = NULL;
    tenon__call call = {.hook = TENON__HOOK_stream_create, .out = out_stream};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.stream.create(call.device->inner, &stream);
    TENON_TRY(tenon__leave_made(&call, TENON__KIND_STREAM, stream, &made));
    *out_stream = made ? tenon__object_handle(made) : NULL;
    return TENON_STATUS_OK;
}

static void stream_destroy(tenon_stream *stream) {
    tenon__call call = {.hook = TENON__HOOK_stream_destroy};
    if (tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream) != TENON_STATUS_OK) return;
    tenon__enter(&call, call.stream);
    atomic_store(&call.stream->dying, 1);
    call.layer->inner.stream.destroy(call.stream->inner);
    tenon__leave_gone(&call, call.stream);
}

static tenon_status stream_synchronize(tenon_stream *stream) {
    tenon__call call = {.hook = TENON__HOOK_stream_synchronize};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    tenon__enter(&call, call.stream);
    if (!call.answered) call.status = call.layer->inner.stream.synchronize(call.stream->inner);
    return tenon__leave(&call);
}

static tenon_status stream_query(tenon_stream *stream) {
    tenon__call call = {.hook = TENON__HOOK_stream_query};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    tenon__enter(&call, call.stream);
    if (!call.answered) call.status = call.layer->inner.stream.query(call.stream->inner);
    return tenon__leave(&call);
}

static tenon_status stream_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    tenon__call call = {
        .hook = TENON__HOOK_stream_write, .offset = destination.offset, .size = size, .host_memory = source};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_MEMORY, destination.memory, &call.memory));
    tenon__enter(&call, call.stream);
    if (!call.answered)
        call.status = call.layer->inner.stream.write(
            call.stream->inner, tenon__inner_buffer(call.memory, destination.offset), source, size);
    return tenon__leave(&call);
}

static tenon_status stream_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    tenon__call call = {
        .hook = TENON__HOOK_stream_read, .source_offset = source.offset, .size = size, .host_memory = destination};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_MEMORY, source.memory, &call.source));
    tenon__enter(&call, call.stream);
    if (!call.answered)
        call.status = call.layer->inner.stream.read(call.stream->inner, destination,
                                                    tenon__inner_buffer(call.source, source.offset), size);
    return tenon__leave(&call);
}

static tenon_status stream_copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    tenon__call call = {
        .hook = TENON__HOOK_stream_copy, .offset = destination.offset, .source_offset = source.offset, .size = size};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_MEMORY, destination.memory, &call.memory));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_MEMORY, source.memory, &call.source));
    tenon__enter(&call, call.stream);
    if (!call.answered)
        call.status =
            call.layer->inner.stream.copy(call.stream->inner, tenon__inner_buffer(call.memory, destination.offset),
                                          tenon__inner_buffer(call.source, source.offset), size);
    return tenon__leave(&call);
}

static tenon_status stream_fill(tenon_stream *stream, tenon_buffer destination, uint64_t pattern, uint32_t pattern_size,
                                uint64_t size) {
    tenon__call call = {.hook = TENON__HOOK_stream_fill,
                        .offset = destination.offset,
                        .size = size,
                        .pattern = pattern,
                        .pattern_size = pattern_size};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_MEMORY, destination.memory, &call.memory));
    tenon__enter(&call, call.stream);
    if (!call.answered)
        call.status = call.layer->inner.stream.fill(
            call.stream->inner, tenon__inner_buffer(call.memory, destination.offset), pattern, pattern_size, size);
    return tenon__leave(&call);
}

const tenon_stream_hooks tenon__wrapped_stream = {
    .struct_size = sizeof tenon__wrapped_stream,
    .create = stream_create,
    .destroy = stream_destroy,
    .synchronize = stream_synchronize,
    .query = stream_query,
    .write = stream_write,
    .read = stream_read,
    .copy = stream_copy,
    .fill = stream_fill,
};

/* -- Events ----------------------------------------------------------------------------------------------------------- */

static tenon_status event_create(tenon_device *device, tenon_event **out_event) {
    tenon__object *made;
    tenon_event *event = NULL;
    tenon__call call = {.hook = TENON__HOOK_event_create, .out = out_event};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.event.create(call.device->inner, &event);
    TENON_TRY(tenon__leave_made(&call, TENON__KIND_EVENT, event, &made));
    *out_event = made ? tenon__object_handle(made) : NULL;
    return TENON_STATUS_OK;
}

static void event_destroy(tenon_event *event) {
    tenon__call call = {.hook = TENON__HOOK_event_destroy};
    if (tenon__take(call.hook, TENON__KIND_EVENT, event, &call.event) != TENON_STATUS_OK) return;
    tenon__enter(&call, call.event);
    atomic_store(&call.event->dying, 1);
    call.layer->inner.event.destroy(call.event->inner);
    tenon__leave_gone(&call, call.event);
}

static tenon_status event_record(tenon_event *event, tenon_stream *stream) {
    tenon__call call = {.hook = TENON__HOOK_event_record};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_EVENT, event, &call.event));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    tenon__enter(&call, call.stream);
    if (!call.answered) call.status = call.layer->inner.event.record(call.event->inner, call.stream->inner);
    return tenon__leave(&call);
}

static tenon_status event_query(tenon_event *event) {
    tenon__call call = {.hook = TENON__HOOK_event_query};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_EVENT, event, &call.event));
    tenon__enter(&call, call.event);
    if (!call.answered) call.status = call.layer->inner.event.query(call.event->inner);
    return tenon__leave(&call);
}

static tenon_status event_synchronize(tenon_event *event) {
    tenon__call call = {.hook = TENON__HOOK_event_synchronize};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_EVENT, event, &call.event));
    tenon__enter(&call, call.event);
    if (!call.answered) call.status = call.layer->inner.event.synchronize(call.event->inner);
    return tenon__leave(&call);
}

static tenon_status event_wait(tenon_stream *stream, tenon_event *event) {
    tenon__call call = {.hook = TENON__HOOK_event_wait};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_EVENT, event, &call.event));
    tenon__enter(&call, call.stream);
    if (!call.answered) call.status = call.layer->inner.event.wait(call.stream->inner, call.event->inner);
    return tenon__leave(&call);
}

static tenon_status event_elapsed(tenon_event *start, tenon_event *end, uint64_t *out_nanoseconds) {
    tenon__call call = {.hook = TENON__HOOK_event_elapsed, .out = out_nanoseconds};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_EVENT, start, &call.event));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_EVENT, end, &call.end));
    tenon__enter(&call, call.event);
    if (!call.answered) call.status = call.layer->inner.event.elapsed(call.event->inner, call.end->inner, &call.number);
    TENON_TRY(tenon__leave(&call));
    *out_nanoseconds = call.number;
    return TENON_STATUS_OK;
}

const tenon_event_hooks tenon__wrapped_event = {
    .struct_size = sizeof tenon__wrapped_event,
    .create = event_create,
    .destroy = event_destroy,
    .record = event_record,
    .query = event_query,
    .synchronize = event_synchronize,
    .wait = event_wait,
    .elapsed = event_elapsed,
};
