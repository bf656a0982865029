/* One base operator on the device under test, by whatever kind of work the device takes: op work, a printed kernel, or a
 * graph of one node. What cases of every profile use that need some launch.
 *
 *     cf_launch add;
 *     TENON_TRY(cf_launch_map(&add, TENON_OP_ADD, TENON_DTYPE_F32, count));
 *     status = cf_launch_enqueue(&add, stream, (cf_place[]){{a, 0}, {b, 0}, {y, 0}});
 *     ... synchronise ...
 *     cf_launch_release(&add);
 */
#ifndef TENON_CASES_LAUNCH_H
#define TENON_CASES_LAUNCH_H

#include "cases/case.h"

enum { CF_LAUNCH_OPERANDS = 8 };

/* Where an operand's element 0 lies; bytes. */
typedef struct cf_place {
    tenonh_memory *memory;
    uint64_t offset;
} cf_place;

/* An operator prepared, with a workspace: launches of one of these must not overlap, those of several may; they share
 * their exec. */
typedef struct cf_launch {
    tenon__prepared prepared;
    tenonh_memory *workspace;
    uint32_t operand_count;
    tenonh_exec *exec;     /* a reference to prepared.exec */
    tenonh_memory *result; /* of a graph whose result has a first value: it must not take that one's place */
    uint64_t result_size;
    struct cf_launch *copies[CF_LAUNCH_OPERANDS]; /* of operands that the device does not take as they lie */
    tenonh_memory *copied[CF_LAUNCH_OPERANDS];
    struct cf_expanded *expanded; /* an optional operator that the device refuses, as required ones */
    tenon__arena arena;
} cf_launch;

/* Prepares a task: offsets of its refs do not count, strides do. Operands that lie otherwise than the device declares to
 * take them are copied on the device first, as the host does; of an optional operator that it refuses, the steps of the
 * host's expansion are prepared.
 * Owner:  *out is released by cf_launch_release, also after a failure.
 * Errors: what prepare answers; UNSUPPORTED also for a result that the device does not take as it lies. */
tenon_status cf_launch_task(cf_launch *out, const tenon__task *task);

/* An element-wise operator, `copy` or `fill` without attributes on `count` elements that lie one after the other; results
 * are of `dtype`, those of comparisons bool. */
tenon_status cf_launch_map(cf_launch *out, tenon_op op, tenon_dtype dtype, int64_t count);

/* Enqueues one run, places in operand order: inputs, then results. */
tenon_status cf_launch_enqueue(const cf_launch *launch, tenonh_stream *stream, const cf_place *places);

/* After its launches have ended. A zeroed one is allowed. */
void cf_launch_release(cf_launch *launch);

/* The parts of those three that are about expansions (launch_expanded.c). */
tenon_status cf_launch_expand(cf_launch *out, const tenon__task *task);
tenon_status cf_launch_expanded(const cf_launch *launch, tenonh_stream *stream, cf_place from, cf_place to);
void cf_launch_release_expanded(cf_launch *launch);

/* True when the device declares that it computes in a dtype. */
bool cf_declares(tenon_dtype dtype);

/* True when the device takes results with strides, and operands of any strides without a copy. */
bool cf_takes_views(void);

/* True when the device takes graphs, and neither op nor kernel work. */
bool cf_takes_graphs_only(void);

#endif
