#include <stdlib.h>

#include "device/objects.h"
#include "loader/services.h"
#include "support/error.h"

static tenon_status create_handle(tenonh_event *event) {
    tenonh_device *device = event->device;
    tenon_status status = device->hooks->event.create(device->handle, &event->handle);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "create an event");
    if (!event->handle)
        return tenon__fail(TENON_STATUS_INTERNAL, "%s: event.create answers OK without an event", device->name);
    return TENON_STATUS_OK;
}

tenon_status tenonh_event_create(tenonh_device *device, tenonh_event **out_event) {
    if (!device || !out_event) return tenon__fail(TENON_STATUS_INVALID, "event: device or out_event is NULL");
    TENON_TRY(tenon__device_check(device, "create an event"));
    tenonh_event *event = calloc(1, sizeof *event);
    if (!event) return tenon__fail_memory();
    event->references = 1;
    event->device = device;
    tenon_status status = device->has_events ? create_handle(event) : TENON_STATUS_OK;
    if (status != TENON_STATUS_OK) {
        free(event);
        return status;
    }
    tenonh_device_retain(device);
    *out_event = event;
    return TENON_STATUS_OK;
}

tenonh_event *tenonh_event_retain(tenonh_event *event) {
    tenon__retain(&event->references);
    return event;
}

void tenonh_event_release(tenonh_event *event) {
    if (!event || !tenon__release(&event->references)) return;
    tenonh_device *device = event->device;
    if (event->handle && !tenon__forked(device->generation)) device->hooks->event.destroy(event->handle);
    free(event);
    tenonh_device_release(device);
}

static tenon_status check_pair(const tenonh_event *event, tenonh_stream *stream, const char *what) {
    if (!event || !stream) return tenon__fail(TENON_STATUS_INVALID, "%s: event or stream is NULL", what);
    if (tenon__forked(event->device->generation)) return tenon__fail_forked(what);
    if (event->device != stream->device)
        return tenon__fail(TENON_STATUS_INVALID, "%s: an event of %s on a stream of %s", what, event->device->name,
                           stream->device->name);
    tenon__report_forget();
    return TENON_STATUS_OK;
}

/* Without events in the device, the stream's end is waited for: exact in order, status and time, and counted. */
static tenon_status emulate_record(tenonh_event *event, tenonh_stream *stream) {
    tenon_status status = tenonh_stream_synchronize(stream);
    atomic_store(&event->status, status);
    atomic_store(&event->time, tenon__now());
    atomic_store(&event->recorded, 1);
    tenon__count(&event->device->counters.emulated_events, 1);
    return TENON_STATUS_OK;
}

tenon_status tenonh_event_record(tenonh_event *event, tenonh_stream *stream) {
    TENON_TRY(check_pair(event, stream, "record an event"));
    if (!event->handle) return emulate_record(event, stream);
    tenon_status status = event->device->hooks->event.record(event->handle, stream->handle);
    return status == TENON_STATUS_OK ? status : tenon__stream_refusal(stream, status, "record an event");
}

/* Status of an emulated event: complete since it was recorded, and before that too. */
static tenon_status emulated_status(const tenonh_event *event, const char *what) {
    tenon_status status = atomic_load(&event->status);
    if (status == TENON_STATUS_OK) return status;
    return tenon__fail(status, "%s: %s: the event's stream had failed", event->device->name, what);
}

typedef tenon_status (*event_hook)(tenon_event *);

static tenon_status ask(tenonh_event *event, event_hook hook, const char *what) {
    if (!event) return tenon__fail(TENON_STATUS_INVALID, "%s: event is NULL", what);
    if (tenon__forked(event->device->generation)) return tenon__fail_forked(what);
    if (!event->handle) return emulated_status(event, what);
    tenon__report_forget();
    tenon_status status = hook(event->handle);
    if (status == TENON_STATUS_OK || status == TENON_STATUS_NOT_READY) return status;
    return tenon__device_failure(event->device, status, what);
}

tenon_status tenonh_event_query(tenonh_event *event) {
    return ask(event, event ? event->device->hooks->event.query : NULL, "query an event");
}

tenon_status tenonh_event_synchronize(tenonh_event *event) {
    return ask(event, event ? event->device->hooks->event.synchronize : NULL, "synchronize with an event");
}

tenon_status tenonh_event_wait(tenonh_stream *stream, tenonh_event *event) {
    TENON_TRY(check_pair(event, stream, "wait for an event"));
    if (!event->handle) {
        if (stream->failed == TENON_STATUS_OK) stream->failed = atomic_load(&event->status);
        return TENON_STATUS_OK;
    }
    tenon_status status = event->device->hooks->event.wait(stream->handle, event->handle);
    return status == TENON_STATUS_OK ? status : tenon__stream_refusal(stream, status, "wait for an event");
}

static tenon_status emulated_elapsed(const tenonh_event *start, const tenonh_event *end, uint64_t *out_nanoseconds) {
    if (!start->recorded || !end->recorded)
        return tenon__fail(TENON_STATUS_INVALID, "%s: elapsed: an event was not recorded", start->device->name);
    *out_nanoseconds = end->time > start->time ? end->time - start->time : 0;
    return TENON_STATUS_OK;
}

tenon_status tenonh_event_elapsed(tenonh_event *start, tenonh_event *end, uint64_t *out_nanoseconds) {
    if (!start || !end || !out_nanoseconds || start->device != end->device)
        return tenon__fail(TENON_STATUS_INVALID, "elapsed: NULL, or events of two devices");
    TENON_TRY(tenon__device_check(start->device, "elapsed"));
    if (!start->handle) return emulated_elapsed(start, end, out_nanoseconds);
    uint64_t nanoseconds = 0;
    tenon_status status = start->device->hooks->event.elapsed(start->handle, end->handle, &nanoseconds);
    if (status != TENON_STATUS_OK) return tenon__device_failure(start->device, status, "elapsed");
    *out_nanoseconds = nanoseconds;
    return TENON_STATUS_OK;
}
