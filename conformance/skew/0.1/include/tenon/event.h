/* Events: points of streams that others may wait for. Optional group: all members or none; without it the host
 * orders streams by synchronising them, and accounts for that. */
#ifndef TENON_EVENT_H
#define TENON_EVENT_H

#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

/* An event is *unrecorded* until its first record; waiting for an unrecorded event is no wait (REQ-EVENT-02).
 * Recording again moves it. It completes with the status of its stream at that point and poisons who waits for it:
 * their streams fail with the same status (REQ-EVENT-03). Thread: thread-safe but for the rule of streams. */
typedef struct tenon_event_hooks {
    uint32_t struct_size;
    uint32_t reserved; /* must be 0 */

    /* Creates an unrecorded event. Required in the group. Owner: the host, until destroy().
     * Source: REQ-EVENT-01. Since: 0.1 */
    tenon_status (*create)(tenon_device *device, tenon_event **out_event);

    /* Destroys an event; pending waits on it keep their meaning. Required in the group. Succeeds on a lost device.
     * Source: REQ-EVENT-01. Since: 0.1 */
    void (*destroy)(tenon_event *event);

    /* Marks the stream's present end. Required in the group. On a failed stream the event completes at once with the
     * failure. Source: REQ-EVENT-02. Since: 0.1 */
    tenon_status (*record)(tenon_event *event, tenon_stream *stream);

    /* OK when complete, NOT_READY before, else the failure; never blocks. Required in the group.
     * Source: REQ-EVENT-04. Since: 0.1 */
    tenon_status (*query)(tenon_event *event);

    /* Waits on the host until complete. Required in the group. Errors: the failure. Source: REQ-EVENT-04. Since: 0.1 */
    tenon_status (*synchronize)(tenon_event *event);

    /* Lets the stream wait, without blocking the host, for the event as recorded now. Required in the group.
     * Streams are of one device. Source: REQ-EVENT-03. Since: 0.1 */
    tenon_status (*wait)(tenon_stream *stream, tenon_event *event);

    /* Time from `start` to `end`, both complete. Required in the group. Units: nanoseconds, never negative for events
     * recorded in order. Errors: NOT_READY, INVALID (unrecorded), UNSUPPORTED on a device without timestamps, every
     * time. Source: REQ-EVENT-05. Since: 0.1 */
    tenon_status (*elapsed)(tenon_event *start, tenon_event *end, uint64_t *out_nanoseconds);
} tenon_event_hooks;
#define TENON_EVENT_HOOKS_SIZE_V1 64u
static_assert(sizeof(tenon_event_hooks) == TENON_EVENT_HOOKS_SIZE_V1 && offsetof(tenon_event_hooks, wait) == 48,
              "frozen layout");

TENON_EXTERN_C_END

#endif
