/* Streams: ordered queues of work, copies among it.
 * Work on one stream happens in the order of the calls. Calls on one stream never overlap (the host sees to it);
 * calls on different streams may. A hook may finish its work before it returns (REQ-STREAM-02).
 * A late failure sticks: from then on the stream's synchronise and query return that status, and everything else on the
 * stream but destroy returns FAILED_STREAM (REQ-STREAM-03). */
#ifndef TENON_STREAM_H
#define TENON_STREAM_H

#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

/* Required group. */
typedef struct tenon_stream_hooks {
    uint32_t struct_size;
    uint32_t reserved; /* must be 0 */

    /* Creates an idle stream. Required. Owner: the host, until destroy(). Thread: thread-safe.
     * Errors: OUT_OF_MEMORY (more than max_streams), DEVICE_LOST. Source: REQ-STREAM-01. Since: 0.1 */
    tenon_status (*create)(tenon_device *device, tenon_stream **out_stream);

    /* Destroys a stream after its pending work has ended. Required. Succeeds on failed streams and lost devices.
     * Thread: thread-safe. Source: REQ-STREAM-01. Since: 0.1 */
    void (*destroy)(tenon_stream *stream);

    /* Waits until all work of the stream has ended. Required.
     * Errors: the stream's first failure, every time, DEVICE_LOST. Source: REQ-STREAM-03. Since: 0.1 */
    tenon_status (*synchronize)(tenon_stream *stream);

    /* Like synchronize, but answers NOT_READY at once instead of waiting. Optional: the host synchronises.
     * Source: REQ-STREAM-04. Since: 0.1 */
    tenon_status (*query)(tenon_stream *stream);

    /* Enqueues a copy of `size` bytes from host memory. Required.
     * Owner: `source` stays the caller's and unchanged until this point of the stream has passed.
     * Errors: INVALID (range), FAILED_STREAM, DEVICE_LOST. Source: REQ-STREAM-05. Since: 0.1 */
    tenon_status (*write)(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size);

    /* Enqueues a copy of `size` bytes to host memory, which is valid once this point of the stream has passed.
     * Required. Owner: as write. Errors: as write. Source: REQ-STREAM-05. Since: 0.1 */
    tenon_status (*read)(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size);

    /* Enqueues a copy inside the device, also between memory types. Required. The ranges do not overlap.
     * Errors: INVALID (range, overlap), FAILED_STREAM, DEVICE_LOST. Source: REQ-STREAM-06. Since: 0.1 */
    tenon_status (*copy)(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size);

    /* Enqueues a fill with a pattern of 1, 2, 4 or 8 bytes (its low bytes); size is a multiple of it. Optional: the
     * host writes the bytes. Errors: INVALID, FAILED_STREAM, DEVICE_LOST. Source: REQ-STREAM-07. Since: 0.1 */
    tenon_status (*fill)(tenon_stream *stream, tenon_buffer destination, uint64_t pattern, uint32_t pattern_size,
                         uint64_t size);
} tenon_stream_hooks;
#define TENON_STREAM_HOOKS_SIZE_V1 72u
static_assert(sizeof(tenon_stream_hooks) == TENON_STREAM_HOOKS_SIZE_V1 && offsetof(tenon_stream_hooks, write) == 40,
              "frozen layout");

TENON_EXTERN_C_END

#endif
