/* Work: prepare slowly once, launch in nanoseconds. The same four hooks serve every kind of work. */
#ifndef TENON_WORK_H
#define TENON_WORK_H

#include <tenon/device.h>
#include <tenon/kernel.h>
#include <tenon/ops.h>

TENON_EXTERN_C_BEGIN

enum { TENON_ROLE_INPUT = 1, TENON_ROLE_OUTPUT = 2, TENON_ROLE_INOUT = 3, TENON_ROLE_CONSTANT = 4 };

/* An optional input that is not there, in the input lists of composites and graph nodes. */
#define TENON_ABSENT 0xffffffffu

/* An operand of a work: inputs and constants, then outputs; for op and composite work in the order of the operator.
 * Operands of composite and graph work lie in row-major order without gaps, whatever their strides say: the host copies
 * what lies otherwise. */
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

/* Work of kind COMPOSITE: a named, versioned larger operator, whose meaning is its decomposition. Declared in 0.1, handed
 * out from 0.2 on. Operands are the inputs that are there, then the outputs. A descriptor. */
typedef struct tenon_composite_work {
    uint32_t struct_size;
    uint32_t version; /* of the composite's meaning */
    const char *name; /* "tenon.softmax" */
    const tenon_attr *attrs;
    uint32_t attr_count;
    uint32_t reserved; /* must be 0 */
    /* Since 0.2. NULL: the inputs are the first operands, and optional ones after the last are absent. Else each
     * input's operand, or TENON_ABSENT. */
    const uint32_t *inputs;
    uint32_t input_count;
    uint32_t reserved2; /* must be 0 */
} tenon_composite_work;
#define TENON_COMPOSITE_WORK_SIZE_V1 32u
static_assert(sizeof(tenon_composite_work) == 48 && offsetof(tenon_composite_work, inputs) == 32, "frozen layout");

/* A node of a graph work: an operator (views too) or a composite over value numbers. Fixed: stands in an array.
 * Operators that work in place take their in-out operand's first value as last input and give the changed one as output.
 * The result's view says dims that are no attribute; `scalars` holds host scalars. Attributes are numbers; where dims
 * are symbols, `dims` of reshape and expand is left out and the result's view says it. */
typedef struct tenon_graph_node {
    tenon_op op;      /* 0: a composite */
    uint32_t version; /* of the composite */
    const char *name; /* of the composite, or NULL */
    const tenon_attr *attrs;
    const uint32_t *inputs;  /* value numbers, or TENON_ABSENT */
    const uint32_t *outputs; /* value numbers */
    uint32_t attr_count;
    uint32_t input_count;
    uint32_t output_count;
    uint32_t reserved; /* must be 0 */
} tenon_graph_node;
static_assert(sizeof(tenon_graph_node) == 56, "frozen layout");

/* Work of kind GRAPH: a subgraph, its nodes in a valid order; values 0 ... operand_count - 1 are the work's operands,
 * the rest are inside. Each value is defined once: by an operand, or by one node. Declared in 0.1, handed out from 0.2
 * on. A descriptor. */
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
/* Any one input whose view is the output's own: dims, strides, and a dtype as wide. Since: 0.2 */
#define TENON_ANY_ALIAS 0xfffffffeu
/* A layout that prepare may answer for a constant, since 0.2: the exec keeps the bytes itself. The host then keeps none
 * on the device for it, and launches give it a buffer that must not be read. */
#define TENON_LAYOUT_HELD 0xffffffffu

/* What prepare answers for one operand. The host presets `alias` with TENON_NO_ALIAS, `layout` with the operand's, the
 * rest with 0. */
typedef struct tenon_operand_info {
    uint32_t alias;         /* of an output: the input whose buffer it may share, TENON_ANY_ALIAS or TENON_NO_ALIAS */
    uint32_t layout;        /* layout id the exec wants; the operand's, but for constants to pack or to hold */
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
    uint64_t cost;                /* since 0.2: nanoseconds that a launch is expected to take; 0 unknown */
    uint32_t refused_node;        /* since 0.2, of a graph work that is refused: 1 + the node that is why; 0 not said */
    uint32_t reserved2;
} tenon_exec_info;
#define TENON_EXEC_INFO_SIZE_V1 40u
static_assert(sizeof(tenon_exec_info) == 56 && offsetof(tenon_exec_info, cost) == 40, "frozen layout");

/* What claim answers for one node. The host zeroes it. Fixed: stands in an array. */
typedef struct tenon_claim {
    uint32_t region;   /* 0: not taken; nodes with unequal numbers never share an exec */
    uint32_t reserved; /* must stay 0 */
    uint64_t cost;     /* nanoseconds that the node is expected to add to its region; 0 unknown */
} tenon_claim;
static_assert(sizeof(tenon_claim) == 16, "frozen layout");

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
     *         again, for a class of values around them, then with numbers in place of symbols or symbols of one value.
     * Owner:  *out_exec is the host's until release(); the plugin keeps no pointer into `work`.
     * Thread: any number at once, beside launches. May take minutes; polls host->cancelled.
     * Errors: UNSUPPORTED with no side effect for what the device does not take (REQ-WORK-02): the host decomposes
     *         further, or splits a graph, the first time at out_info->refused_node where that is said; INVALID,
     *         OUT_OF_MEMORY, COMPILE_FAILED with the log reported, CANCELLED, DEVICE_LOST.
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

    /* Marks the nodes of `work`, a graph work of a whole function, that the device takes in its own execs. Optional: the
     * host then takes it that base operators and tenon.concat are wanted, and no other composite. The host cuts acyclic
     * regions of marked nodes and prepares each; one that is refused is split and its nodes go other ways (REQ-WORK-02).
     * Shapes: as prepare's; composites stand in the graph as long as the device may take them.
     * Owner:  out_claims has one entry per node. Nothing of `work` is kept, nothing is left to release.
     * Thread: as prepare. Quick: it decides and does not compile.
     * Errors: OUT_OF_MEMORY, DEVICE_LOST; INVALID for a work or part whose struct_size is below its first version;
     * UNSUPPORTED for a work with members from a newer header, as prepare answers it (REQ-ABI-03), and for nothing else:
     * a device that takes no node marks none. Source: REQ-WORK-09. Since: 0.2 */
    tenon_status (*claim)(tenon_device *device, const tenon_work *work, tenon_claim *out_claims);
} tenon_work_hooks;
#define TENON_WORK_HOOKS_SIZE_V1 48u
static_assert(sizeof(tenon_work_hooks) == 56 && offsetof(tenon_work_hooks, launch) == 16 &&
                  offsetof(tenon_work_hooks, claim) == TENON_WORK_HOOKS_SIZE_V1,
              "frozen layout");

TENON_EXTERN_C_END

#endif
