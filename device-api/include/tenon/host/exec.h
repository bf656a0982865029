/* Execs: work prepared by a device, ready to be launched in nanoseconds. */
#ifndef TENON_HOST_EXEC_H
#define TENON_HOST_EXEC_H

#include <tenon/host/device.h>
#include <tenon/work.h>

TENON_EXTERN_C_BEGIN

typedef struct tenonh_exec tenonh_exec;

/* Asked now and then, from any thread, while a device prepares; non-zero: stop. Must not call the library. */
typedef uint32_t (*tenonh_cancelled_function)(void *context);

/* Zero-initialised but for struct_size is the default. A descriptor. */
typedef struct tenonh_prepare_options {
    uint32_t struct_size;                /* bytes: sizeof */
    uint32_t reserved;                   /* must be 0 */
    tenonh_cancelled_function cancelled; /* NULL: never */
    void *cancelled_context;
    /* Since: 0.2, as what follows. */
    uint32_t *out_refused_node; /* NULL, or set when a graph work is refused: 1 + the node that is why, 0 not said */
} tenonh_prepare_options;

/* Lets the device prepare `work`, after checking that it is well formed. The plugin's answer is checked too.
 * Owner:  *out_exec is the caller's, until its last release; `work` is not kept. options may be NULL.
 * Errors: INVALID (malformed work; the message names the member), UNSUPPORTED (the device does not take it), CANCELLED,
 *         COMPILE_FAILED (the message holds the log), OUT_OF_MEMORY, DEVICE_LOST, INTERNAL.
 * Thread: any; several prepares may run at once. */
TENON_EXPORT tenon_status tenonh_exec_prepare(tenonh_device *device, const tenon_work *work,
                                              const tenonh_prepare_options *options, tenonh_exec **out_exec);

/* Asks the device which nodes of `work`, a graph work of a whole function, it takes (tenon_work_hooks.claim); without
 * the hook: every base operator and tenon.concat, which nothing decomposes, all in region 1. `out_claims` has an entry
 * per node.
 * Errors: INVALID (malformed work), UNSUPPORTED (the device takes no graph work), INTERNAL (an answer that breaks
 *         REQ-WORK-09), OUT_OF_MEMORY, DEVICE_LOST. Thread: any. Since: 0.2 */
TENON_EXPORT tenon_status tenonh_device_claim(tenonh_device *device, const tenon_work *work, tenon_claim *out_claims);

TENON_EXPORT tenonh_exec *tenonh_exec_retain(tenonh_exec *exec);
/* The last release must come after the exec's launches have ended. */
TENON_EXPORT void tenonh_exec_release(tenonh_exec *exec);

TENON_EXPORT tenonh_device *tenonh_exec_device(const tenonh_exec *exec);

/* What prepare answered: symbol ranges, operand infos, workspace. Owner: the exec. */
TENON_EXPORT const tenon_exec_info *tenonh_exec_info(const tenonh_exec *exec);
TENON_EXPORT uint32_t tenonh_exec_symbol_count(const tenonh_exec *exec);
TENON_EXPORT uint32_t tenonh_exec_operand_count(const tenonh_exec *exec);

/* Enqueues one run. Buffers come from tenonh_memory_buffer, one per operand in their order, and are not range-checked.
 * Costs a few tens of nanoseconds beside the plugin's own time: no lock, no allocation.
 * Owner:  the caller keeps memory, exec and stream until this point of the stream has passed; `launch` is not kept.
 * Errors: INVALID (counts, a symbol outside the exec's ranges, a stream of another device), FAILED_STREAM, DEVICE_LOST,
 *         what the plugin answers. Late failures come from tenonh_stream_synchronize.
 * Thread: one call on a stream at a time; the same exec on several streams at once, with distinct workspaces. */
TENON_EXPORT tenon_status tenonh_exec_launch(tenonh_exec *exec, tenonh_stream *stream, const tenon_launch *launch);

/* Enqueues the conversion of constant `operand` into the exec's own layout: packed_size bytes at `destination`.
 * Errors: INVALID (operand needs no packing, ranges), FAILED_STREAM, DEVICE_LOST. */
TENON_EXPORT tenon_status tenonh_exec_pack(tenonh_exec *exec, tenonh_stream *stream, uint32_t operand,
                                           tenon_buffer source, tenon_buffer destination);

TENON_EXTERN_C_END

#endif
