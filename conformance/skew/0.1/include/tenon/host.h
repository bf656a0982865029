/* Services the host offers a plugin. The host fills the table; it outlives every object of the instance. */
#ifndef TENON_HOST_H
#define TENON_HOST_H

#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

enum { TENON_LOG_ERROR = 1, TENON_LOG_WARNING = 2, TENON_LOG_INFO = 3, TENON_LOG_DEBUG = 4 };

typedef struct tenon_work tenon_work;

/* Thread: every member may be called from any thread, inside a hook or outside one, but never from a signal handler.
 *         None of them calls back into the plugin. */
typedef struct tenon_host {
    uint32_t struct_size; /* bytes: sizeof when the host was built */
    uint32_t abi_version; /* min(host, plugin): the version this instance speaks */
    void *context;        /* the host's own; passed back as `host` carries it */

    /* Writes one line to the host's log. Required.
     * Owner: `text` (UTF-8, no newline at its end) is copied during the call. Since: 0.1 */
    void (*log)(const struct tenon_host *host, uint32_t level, const char *text);

    /* Says in words why a call fails, or has failed late. Required.
     * Owner:  `text` is copied during the call; of device, stream, exec those that do not apply are NULL.
     * Thread: a hook that is about to return an error reports on the calling thread; a late one from any thread,
     *         before the stream's next synchronise or query returns it.
     * Source: REQ-ERR-02. Since: 0.1 */
    void (*report)(const struct tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                   tenon_status status, const char *text);

    /* Host memory, aligned to 64 bytes, counted by the host; NULL when there is none. Required.
     * Units: bytes. Owner: the plugin, until release(), before close() returns. Since: 0.1 */
    void *(*allocate)(const struct tenon_host *host, uint64_t size);

    /* Returns memory of allocate(); NULL is allowed. Required. Since: 0.1 */
    void (*release)(const struct tenon_host *host, void *pointer);

    /* Non-zero once the host no longer wants the result of the prepare that got `work`. Required.
     * A prepare that may take longer than 100 ms polls it and then returns CANCELLED.
     * Source: REQ-WORK-07. Since: 0.1 */
    uint32_t (*cancelled)(const struct tenon_host *host, const tenon_work *work);
} tenon_host;
#define TENON_HOST_SIZE_V1 56u
static_assert(sizeof(tenon_host) == TENON_HOST_SIZE_V1 && offsetof(tenon_host, log) == 16, "frozen layout");

TENON_EXTERN_C_END

#endif
