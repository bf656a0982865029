/* Runs in contexts, and what is done when memory does not suffice for one: first others give up what they do not use
 * (the device's allocator sees to that), then the run waits for others to end, then its plan is made smaller. */
#include <inttypes.h>
#include <stdio.h>

#include "run/session.h"
#include "support/error.h"

static uint64_t arena_bytes(const tenon__planned *planned) {
    uint64_t bytes = 0;
    for (uint32_t place = 0; place < TENON__MAX_PLACES && planned; place++) bytes += planned->plan->arena_size[place];
    return bytes;
}

/* Puts what holds the device's memory behind the message that says what did not fit. */
static tenon_status explain(const tenonh_session *session, uint64_t needed) {
    tenonh_device *device = session->places.devices[0];
    const tenon__counters *c = &device->counters;
    uint64_t allocated = c->allocated_bytes, constants = device->residents.bytes, kept = c->pooled_bytes;
    tenon_memory_type type = {0};
    char words[512], buffers[64] = "";
    snprintf(words, sizeof words, "%s", tenonh_error_message()); /* before the next call may change it */
    if (needed) snprintf(buffers, sizeof buffers, "the run's buffers take %" PRIu64 " bytes; ", needed);
    if (tenonh_device_memory_type(device, 0, &type) != TENON_STATUS_OK) type.budget = 0;
    return tenon__fail(TENON_STATUS_OUT_OF_MEMORY,
                       "%s; %s%s holds %" PRIu64 " (constants %" PRIu64 ", kept for later %" PRIu64 "), %" PRIu64
                       " of %" PRIu64 " are left (0: unknown); run fewer sessions, streams or a smaller batch",
                       words, buffers, device->name, allocated + kept, constants, kept, type.budget, type.size);
}

/* Gives the context up. True if it is worth trying again: others have run meanwhile, unless that was waited for long
 * enough, or the plan will be smaller. */
static bool make_room(tenon__context *context, bool is_patient) {
    tenon__planned *lacking = context->lacking;
    context->lacking = NULL;
    bool others = tenon__context_yield(context) && is_patient;
    bool again = others || (lacking && tenon__planned_shrink(lacking));
    tenon__planned_release(lacking);
    return again;
}

/* Nanoseconds that a run waits for others, which may never leave it enough, before it makes do with less. */
#define PATIENCE 10000000000u

tenon_status tenon__session_in_context(tenonh_session *session, tenon__session_body body, const void *arguments) {
    uint64_t since = 0;
    for (uint32_t alone = 0;;) {
        tenon__context *context;
        TENON_TRY(tenon__context_take(&session->contexts, &context));
        tenon_status status = body(session, context, arguments);
        if (status != TENON_STATUS_OUT_OF_MEMORY) return tenon__context_give(context, status);
        uint64_t needed = arena_bytes(context->lacking), now = tenon__now();
        if (!since) since = now;
        if (!make_room(context, now - since < PATIENCE) && ++alone == TENON__LAST_TRIES)
            return explain(session, needed);
    }
}
