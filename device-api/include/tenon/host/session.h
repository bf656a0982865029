/* Sessions: a module's `main` function made ready to run on a device.
 *
 * A session plans once for each combination of input shapes it meets: dims become numbers, constant parts are computed,
 * composites that the device does not take are decomposed, buffers are laid out, and every step is prepared. Work is
 * prepared with dims as symbols wherever the device takes that, so that a new shape costs a plan but no compile. Where
 * dims grow evenly from run to run, a thread of the session's own plans for the next ones while a run goes on; it gets no
 * signals, runs no work on the device, and ends with the session. */
#ifndef TENON_HOST_SESSION_H
#define TENON_HOST_SESSION_H

#include <tenon/host/array.h>
#include <tenon/host/graph.h>
#include <tenon/host/tensor.h>

TENON_EXTERN_C_BEGIN

typedef struct tenonh_session tenonh_session;

/* Zero-initialised but for struct_size is the default. A descriptor. */
typedef struct tenonh_session_options {
    uint32_t struct_size;    /* bytes: sizeof */
    uint32_t require_device; /* 1: a node that the device refuses is an error, whatever `fallback` is */
    tenonh_device *fallback; /* takes what the device refuses; NULL: a refusal is an error. Retained. */
    uint32_t keep_plans;     /* plans kept for shapes met before, at most; 0: 64 */
    uint32_t reserved;       /* must be 0 */
    /* Since: 0.2, as what follows. */
    uint32_t streams;         /* of a device that a run may use at a time; 0: 1. Fewer where the device has fewer */
    uint32_t concurrent_runs; /* at most, each with buffers and streams of its own; 0: 16, the most is 64 */
    const char *rules;    /* rewrite rules to apply: NULL or "all"; "off"; "NAME,NAME,..."; "-NAME,...": all but those.
                               * Rules that only clean up always apply. Only read while the session is created. */
    uint32_t check_plans; /* 1: a plan in which nothing orders two uses of the same memory is refused; for tests */
    uint32_t measure;     /* 1: what a device takes whole is timed against what it replaces; 0: it is as declared */
} tenonh_session_options;
#define TENONH_SESSION_OPTIONS_SIZE_V1 24u

/* Makes a session for the function `main` of a finished module.
 * Owner:  the caller, until the last release; the module must outlive the session; the device is retained.
 * Errors: NOT_FOUND (no `main`, or no rewrite rule of that name), INVALID, UNSUPPORTED (options), OUT_OF_MEMORY. Thread: any. */
TENON_EXPORT tenon_status tenonh_session_create(const tenonh_module *module, tenonh_device *device,
                                                const tenonh_session_options *options, tenonh_session **out_session);
TENON_EXPORT tenonh_session *tenonh_session_retain(tenonh_session *session);
TENON_EXPORT void tenonh_session_release(tenonh_session *session); /* NULL is allowed */

/* Plans and prepares for these input dims, so that the first run does not have to. `dims[i]` holds rank(input i) numbers.
 * Errors: as run. Thread: any. */
TENON_EXPORT tenon_status tenonh_session_prepare(tenonh_session *session, const int64_t *const *dims,
                                                 uint32_t input_count);

/* Runs on tensors of the session's device and waits for the result.
 * Shapes: inputs have the dtypes, ranks and dims that the function declares, equal symbols being equal numbers.
 * Owner:  inputs stay the caller's and are not written. outputs[i]: NULL on entry gives a new tensor, the caller's; else
 *         the result is written into that tensor, which must have its dtype and dims and be contiguous, and must not
 *         overlap an input or another output.
 * Errors: INVALID (count, dtype, dims: the message names the input), UNSUPPORTED (a node that no device takes: the
 *         message names it), OUT_OF_MEMORY, COMPILE_FAILED, OUT_OF_RANGE (an index that the model computed), DEVICE_LOST,
 *         UNAVAILABLE (a device of few streams, all of which others hold).
 *         After an error outputs are as on entry; the session can be used again unless the device is lost.
 * Thread: any; runs of one session go on beside each other, up to its concurrent_runs: further ones wait. */
TENON_EXPORT tenon_status tenonh_session_run(tenonh_session *session, tenonh_tensor *const *inputs,
                                             uint32_t input_count, tenonh_tensor **outputs, uint32_t output_count);

/* The same with arrays in host memory. Owner: outputs must be empty on entry; the caller frees them. */
TENON_EXPORT tenon_status tenonh_session_run_arrays(tenonh_session *session, const tenonh_array *inputs,
                                                    uint32_t input_count, tenonh_array *outputs, uint32_t output_count);

/* How a node came to run. */
#define TENONH_PLACEMENT_TABLE(X)                                                                                      \
    X(1, COMPOSITE, "composite") /* claimed by its name */                                                             \
    X(2, GRAPH, "graph region")  /* part of a region that the device compiled */                                       \
    X(3, FUSED, "fused kernel")  /* one printed program for several nodes */                                           \
    X(4, KERNEL, "kernel")       /* one printed program for one base operator */                                       \
    X(5, OP, "base op")          /* op work */                                                                         \
    X(6, VIEW, "view")           /* no work at all */                                                                  \
    X(7, MOVE, "copy")           /* bytes moved between devices */                                                     \
    X(8, CONTROL, "control")     /* the host read a condition, or numbers that dims depend on */

typedef uint32_t tenonh_placement; /* one of TENONH_PLACEMENT_* */
#define TENONH__PLACEMENT_CONSTANT(value, NAME, text) TENONH_PLACEMENT_##NAME = value,
enum { TENONH_PLACEMENT_TABLE(TENONH__PLACEMENT_CONSTANT) TENONH_PLACEMENT_COUNT };

/* "base op" and so on; "unknown" for other values. Owner: static. */
TENON_EXPORT const char *tenonh_placement_name(tenonh_placement placement);

/* Steps of the plan that ran or was prepared last, in the order of launches; views among them. The caller sets
 * struct_size. Owner: strings belong to the session and live until its next run, prepare or release. */
typedef struct tenonh_step_info {
    uint32_t struct_size;
    tenonh_placement placement;
    const char *name;     /* operator or composite: "matmul" */
    const char *location; /* where the model says it: "/encoder/layer.0/MatMul"; "" if unknown */
    const char *device;   /* "cpu:0"; "" for views */
    uint64_t bytes;       /* read and written by the step */
    /* Since: 0.2, as what follows. */
    uint32_t node_count; /* operators and composites that the step does the work of; 0 for what the plan adds */
    uint32_t reserved;
} tenonh_step_info;

TENON_EXPORT uint32_t tenonh_session_step_count(const tenonh_session *session);

/* Errors: NOT_FOUND (index), INVALID (struct_size). Thread: not beside a run or prepare of the same session. */
TENON_EXPORT tenon_status tenonh_session_step(const tenonh_session *session, uint32_t index,
                                              tenonh_step_info *out_info);

/* What the passes did to the model before it was planned: once for the session with symbols for dims, or, where that
 * can't be, for the first plan. A rule or pass that fired, at one node. Gains are estimates by one cost function, of what
 * went less what came instead: dims that are symbols count with their lowest value, views move no bytes. The caller sets
 * struct_size. Owner: strings belong to the session. Since: 0.2 */
typedef struct tenonh_rewrite_info {
    uint32_t struct_size;
    uint32_t reserved;
    const char *rule; /* name of the rule; "fold", "cse" or "dce": constants folded, equal nodes merged, dead dropped */
    const char *location; /* of the node that went, as the model says it; "" if unknown */
    int64_t nodes;        /* fewer of them */
    int64_t bytes;        /* fewer read and written */
    int64_t operations;   /* fewer, scalar ones */
} tenonh_rewrite_info;

TENON_EXPORT uint32_t tenonh_session_rewrite_count(const tenonh_session *session);

/* Errors: NOT_FOUND (index), INVALID (struct_size). Thread: any. */
TENON_EXPORT tenon_status tenonh_session_rewrite(const tenonh_session *session, uint32_t index,
                                                 tenonh_rewrite_info *out_info);
/* What became of a question to the device: to take a composite, or nodes as one region. Since: 0.2 */
#define TENONH_CLAIM_TABLE(X)                                                                                          \
    X(1, TAKEN, "taken")     /* it runs so */                                                                          \
    X(2, REFUSED, "refused") /* prepare answered UNSUPPORTED or COMPILE_FAILED: `text` has the device's words */       \
    X(3, SPLIT, "split")     /* refused, and asked again in parts */                                                   \
    X(4, DROPPED, "dropped") /* a composite that claim marked alone, but no region came of it: decomposed */           \
    X(5, COST, "costly")     /* prepared, but what it would replace costs less */

typedef uint32_t tenonh_claim; /* one of TENONH_CLAIM_* */
#define TENONH__CLAIM_CONSTANT(value, NAME, text) TENONH_CLAIM_##NAME = value,
enum { TENONH_CLAIM_TABLE(TENONH__CLAIM_CONSTANT) TENONH_CLAIM_COUNT };

/* "taken" and so on; "unknown" for other values. Owner: static. */
TENON_EXPORT const char *tenonh_claim_name(tenonh_claim claim);

/* One question, of the plan that ran or was prepared last, in the order of asking. The caller sets struct_size. Owner: as
 * tenonh_step_info. Since: 0.2 */
typedef struct tenonh_claim_info {
    uint32_t struct_size;
    tenonh_claim verdict;
    uint32_t kind; /* TENON_WORK_COMPOSITE or TENON_WORK_GRAPH */
    uint32_t node_count;
    const char *name;     /* "softmax", or the first of a region's nodes */
    const char *location; /* of the first node; "" if unknown */
    const char *text;     /* why, in the device's words where it gave some; "" else */
    uint64_t cost;        /* nanoseconds, declared or measured; 0 unknown */
    uint64_t instead;     /* of what it would replace; 0 unknown */
} tenonh_claim_info;

TENON_EXPORT uint32_t tenonh_session_claim_count(const tenonh_session *session);

/* Errors: NOT_FOUND (index), INVALID (struct_size). Thread: not beside a run or prepare of the same session. */
TENON_EXPORT tenon_status tenonh_session_claim(const tenonh_session *session, uint32_t index,
                                               tenonh_claim_info *out_info);

/* Figures of a session. The caller sets struct_size. */
typedef struct tenonh_session_stats {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t runs;
    uint64_t plans;          /* made so far: one per combination of input shapes */
    uint64_t prepares;       /* work prepared so far */
    uint64_t prepare_ns;     /* nanoseconds in planning and preparing, all together */
    uint64_t constant_bytes; /* of weights and other constants copied to devices */
    uint64_t arena_bytes;    /* planned peak of the latest plan, all devices together */
    uint64_t live_bytes;    /* bound below it: most bytes alive at one step of that order, workspaces too, no padding */
    uint64_t outside_nodes; /* steps of the latest plan that are not on the session's device, views apart */
    /* Since: 0.2, as what follows. */
    uint64_t imported_bytes;   /* of constants that devices use where they lie in host memory */
    uint64_t file_order_bytes; /* live_bytes if the latest plan's steps ran in the order of the model's nodes */
    uint64_t own_order_bytes;  /* and in the best order that the planner found; the better one of the two was taken */
    uint64_t streams;          /* of the latest plan, all devices together */
    uint64_t events;           /* recorded in a run of it */
    uint64_t waits;            /* of streams for these */
} tenonh_session_stats;

/* Errors: INVALID (struct_size). Thread: not beside a run or prepare of the same session. */
TENON_EXPORT tenon_status tenonh_session_stats_read(const tenonh_session *session, tenonh_session_stats *out_stats);

TENON_EXTERN_C_END

#endif
