/* Runs in contexts, and what is done when memory does not suffice for one: first others give up what they do not use
 * (the device's allocator sees to that), then the run waits for others to end, then its plan is made smaller. */
#include <inttypes.h>
#include <stdio.h>

#include "run/session.h"
#include "support/error.h"

/* What the device's memory is held by, put behind the message that says what did not fit. */
static tenon_status explain(const tenonh_session *session, const tenon__context *context, tenon_status status) {
    const tenonh_device *device = session->places.devices[0];
    const tenon__counters *c = &device->counters;
    uint64_t allocated = c->allocated_bytes, constants = device->residents.bytes, kept = c->pooled_bytes, needed = 0;
    for (uint32_t place = 0; place < TENON__MAX_PLACES && context->lacking; place++)
        needed += context->lacking->plan->arena_size[place];
    tenon_memory_type type = {0};
    char words[512];
    snprintf(words, sizeof words, "%s", tenonh_error_message()); /* before the next call may change it */
    if (tenonh_device_memory_type(session->places.devices[0], 0, &type) != TENON_STATUS_OK) type.budget = 0;
    tenon__fail(status,
                "%s; the run's buffers take %" PRIu64 " bytes; %s holds %" PRIu64 " (constants %" PRIu64
                ", kept for later %" PRIu64 "), %" PRIu64 " of %" PRIu64 " are left (0: unknown); "
                "run fewer sessions, streams or a smaller batch",
                words, needed, device->name, allocated + kept, constants, kept, type.budget, type.size);
    return status;
}

/* True if it is worth trying again; the context is then given back or gone. */
static bool make_room(tenon__context *context) {
    tenonh_stream *streams[TENON__MAX_PLACES] = {0};
    if (tenon__context_yield(context)) return true;
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++)
        if (context->stream_counts[place]) streams[place] = context->streams[place][0];
    if (!context->lacking || !tenon__planned_shrink(context->lacking, streams)) return false;
    tenon__context_give(context, TENON_STATUS_OK);
    return true;
}

tenon_status tenon__session_in_context(tenonh_session *session, tenon__session_body body, const void *arguments) {
    for (;;) {
        tenon__context *context;
        TENON_TRY(tenon__context_take(&session->contexts, &context));
        tenon_status status = body(session, context, arguments);
        if (status != TENON_STATUS_OUT_OF_MEMORY) return tenon__context_give(context, status);
        if (!make_room(context)) return tenon__context_give(context, explain(session, context, status));
    }
}
