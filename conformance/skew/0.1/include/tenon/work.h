/* Work: prepare slowly once, launch in nanoseconds. The same four hooks serve every kind of work. */
#ifndef TENON_WORK_H
#define TENON_WORK_H

#include <tenon/device.h>
#include <tenon/kernel.h>
#include <tenon/ops.h>

TENON_EXTERN_C_BEGIN

enum { TENON_ROLE_INPUT = 1, TENON_ROLE_OUTPUT = 2, TENON_ROLE_INOUT = 3, TENON_ROLE_CONSTANT = 4 };

/* An operand of a work. For op work the order is the operator's: inputs, then outputs. */
typedef struct tenon_operand {
    uint32_t role;      /* TENON_ROLE_* */
    uint32_t layout;    /* 0: the view's strides; else a layout id of the device, dims still those of the view */
    uint64_t alignment; /* bytes that the launch's address is a multiple of; at least the element size */
    const void *data;   /* CONSTANT: the bytes, contiguous, readable during prepare; else NULL */
    uint64_t data_size; /* bytes */
    tenon_view view;
} tenon_operand;
static_assert(sizeof(tenon_operand) == 296 && offsetof(tenon_operand, view) == 32, "frozen layout");

/* Work of kind OP: one base operator on strided views. A descriptor. */
typedef struct tenon_op_work {
    uint32_t struct_size;
    tenon_op op;
    uint32_t attr_count;
    uint32_t reserved; /* must be 0 */
    const tenon_attr *attrs;
} tenon_op_work;
#define TENON_OP_WORK_SIZE_V1 24u
static_assert(sizeof(tenon_op_work) == TENON_OP_WORK_SIZE_V1, "frozen layout");

/* Work of kind COMPOSITE: a named, versioned larger operator. Declared in 0.1, handed out from 0.2 on. A descriptor. */
typedef struct tenon_composite_work {
    uint32_t struct_size;
    uint32_t version; /* of the composite's meaning */
    const char *name; /* "tenon.softmax" */
    const tenon_attr *attrs;
    uint32_t attr_count;
    uint32_t reserved; /* must be 0 */
} tenon_composite_work;
#define TENON_COMPOSITE_WORK_SIZE_V1 32u
static_assert(sizeof(tenon_composite_work) == TENON_COMPOSITE_WORK_SIZE_V1, "frozen layout");

/* A node of a graph work: an operator or a composite over value numbers. Fixed: stands in an array. */
typedef struct tenon_graph_node {
    tenon_op op;      /* 0: a composite */
    uint32_t version; /* of the composite */
    const char *name; /* of the composite, or NULL */
    const tenon_attr *attrs;
    const uint32_t *inputs;  /* value numbers */
    const uint32_t *outputs; /* value numbers */
    uint32_t attr_count;
    uint32_t input_count;
    uint32_t output_count;
    uint32_t reserved; /* must be 0 */
} tenon_graph_node;
static_assert(sizeof(tenon_graph_node) == 56, "frozen layout");

/* Work of kind GRAPH: a subgraph, its nodes in a valid order; values 0 ... operand_count - 1 are the work's operands,
 * the rest are inside. Declared in 0.1, handed out from 0.2 on. A descriptor. */
typedef struct tenon_graph_work {
    uint32_t struct_size;
    uint32_t node_count;
    const tenon_graph_node *nodes;
    const tenon_view *values; /* of every value number */
    uint32_t value_count;
    uint32_t reserved; /* must be 0 */
} tenon_graph_work;
#define TENON_GRAPH_WORK_SIZE_V1 32u
static_assert(sizeof(tenon_graph_work) == TENON_GRAPH_WORK_SIZE_V1, "frozen layout");

/* What is to be prepared. Valid during prepare only. A descriptor. */
struct tenon_work {
    uint32_t struct_size;
    uint32_t kind;               /* one of TENON_WORK_* */
    const tenon_symbol *symbols; /* ranges that launches will stay in */
    const tenon_operand *operands;
    uint32_t symbol_count;
    uint32_t operand_count;
    const tenon_op_work *op;         /* kind OP, else NULL */
    const tenon_kernel_work *kernel; /* kind KERNEL, else NULL */
    const tenon_composite_work *composite;
    const tenon_graph_work *graph;
};
#define TENON_WORK_SIZE_V1 64u
static_assert(sizeof(tenon_work) == TENON_WORK_SIZE_V1 && offsetof(tenon_work, op) == 32, "frozen layout");

#define TENON_NO_ALIAS 0xffffffffu

/* What prepare answers for one operand. The host presets `alias` with TENON_NO_ALIAS, `layout` with the operand's, the
 * rest with 0. */
typedef struct tenon_operand_info {
    uint32_t alias;         /* of an output: the input whose buffer it may share, or TENON_NO_ALIAS */
    uint32_t layout;        /* layout id the exec wants; differs from the operand's only for constants to pack */
    uint64_t packed_size;   /* bytes of the packed constant; 0: takes it as it is */
    uint64_t packed_key[2]; /* equal keys and equal bytes: one packed copy serves several execs */
} tenon_operand_info;
static_assert(sizeof(tenon_operand_info) == 32, "frozen layout");

/* What prepare answers. The host zeroes it, sets struct_size and points `symbols` and `operands` to arrays of the
 * work's counts, symbols filled with the work's ranges; the plugin may narrow those and fill the rest. */
typedef struct tenon_exec_info {
    uint32_t struct_size;
    uint32_t reserved;
    tenon_symbol *symbols;        /* ranges the exec is valid for: its shape class */
    tenon_operand_info *operands; /* one per operand */
    uint64_t workspace_size;      /* bytes a launch needs at most; 0 none, or kernel work that brings its own */
    uint64_t workspace_alignment; /* bytes: a power of two, at most the alignment of memory type 0; 0 counts as 1 */
} tenon_exec_info;
#define TENON_EXEC_INFO_SIZE_V1 40u
static_assert(sizeof(tenon_exec_info) == TENON_EXEC_INFO_SIZE_V1, "frozen layout");

/* Groups (or work-items, for C11) of one entry of a kernel work. */
typedef struct tenon_grid {
    uint64_t groups[3];
} tenon_grid;
static_assert(sizeof(tenon_grid) == 24, "frozen layout");

/* One launch. Valid during the call only. A descriptor. */
typedef struct tenon_launch {
    uint32_t struct_size;
    uint32_t buffer_count;
    const tenon_buffer *buffers; /* in operand order */
    const int64_t *symbols;      /* values, within the exec's ranges */
    const uint64_t *scalars;     /* bits in the low end */
    const tenon_grid *grids;     /* one per entry of a kernel work; else NULL */
    tenon_buffer workspace;      /* memory NULL when the exec needs none */
    uint32_t symbol_count;
    uint32_t scalar_count;
    uint32_t grid_count;
    uint32_t reserved; /* must be 0 */
} tenon_launch;
#define TENON_LAUNCH_SIZE_V1 72u
static_assert(sizeof(tenon_launch) == TENON_LAUNCH_SIZE_V1 && offsetof(tenon_launch, workspace) == 40, "frozen layout");

/* Required group. */
typedef struct tenon_work_hooks {
    uint32_t struct_size;
    uint32_t reserved; /* must be 0 */

    /* Turns a work into something that can be launched. Required.
     * Shapes: symbols range as work->symbols say; the answer may narrow them. For values outside, the host prepares
     *         again, with the numbers in place of symbols or with symbols of one value.
     * Owner:  *out_exec is the host's until release(); the plugin keeps no pointer into `work`.
     * Thread: any number at once, beside launches. May take minutes; polls host->cancelled.
     * Errors: UNSUPPORTED with no side effect for what the device does not take (REQ-WORK-02): the host decomposes
     *         further; INVALID, OUT_OF_MEMORY, COMPILE_FAILED with the log reported, CANCELLED, DEVICE_LOST.
     * Source: REQ-WORK-01. Since: 0.1 */
    tenon_status (*prepare)(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec);

    /* Enqueues one run of `exec` on `stream`; may complete before it returns. Required.
     * Shapes: launch->symbols lie in the ranges that prepare answered; views as declared there. Any dim may be 0.
     * Owner:  buffers and workspace stay the host's and outlive this point of `stream`.
     * Thread: any thread; the same exec may be launched on several streams at once, with distinct workspaces.
     * Errors: INVALID (symbol out of range, missing buffer), FAILED_STREAM, DEVICE_LOST. Late failures stick to
     *         `stream`; an out-of-range loaded index is the late failure OUT_OF_RANGE.
     * Source: REQ-WORK-04. Since: 0.1 */
    tenon_status (*launch)(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch);

    /* Releases an exec whose launches have completed. Required. Succeeds on a lost device. Thread: thread-safe.
     * Source: REQ-WORK-05. Since: 0.1 */
    void (*release)(tenon_device *device, tenon_exec *exec);

    /* Enqueues the conversion of constant `operand` from the work's layout into the exec's own. Optional; needed by
     * an exec that answers a packed_size. Owner: the host owns source and destination (packed_size bytes).
     * Thread: as launch. Errors: as launch. Source: REQ-WORK-06. Since: 0.1 */
    tenon_status (*pack)(tenon_stream *stream, tenon_exec *exec, uint32_t operand, tenon_buffer source,
                         tenon_buffer destination);

    /* The dialect to print kernels in; the same answer every time. Required if work_kinds has KERNEL.
     * Owner: the device; lives until it is closed. Thread: thread-safe. Source: REQ-KERNEL-01. Since: 0.1 */
    tenon_status (*dialect)(tenon_device *device, const tenon_dialect **out_dialect);
} tenon_work_hooks;
#define TENON_WORK_HOOKS_SIZE_V1 48u
static_assert(sizeof(tenon_work_hooks) == TENON_WORK_HOOKS_SIZE_V1 && offsetof(tenon_work_hooks, launch) == 16,
              "frozen layout");

TENON_EXTERN_C_END

#endif
