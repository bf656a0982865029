/* Tasks: one base operator on concrete operands, prepared for a device as op work or as a printed kernel.
 *
 * Prepared work does not depend on the numbers where the device takes symbols: every dim and stride is one, and their
 * values come with the launch. So the cache meets the same work again under other shapes. A device that takes bounded
 * symbols is asked for classes of values; one that takes numbers only, for these numbers. Where an exec answers that it
 * is not valid for the values at hand, the symbols it leaves out are asked for in classes, then alone: op work may have
 * numbers in place of symbols then, kernel work has symbols of one value. */
#ifndef TENON_PLAN_PREPARE_H
#define TENON_PLAN_PREPARE_H

#include <tenon/canonical.h>
#include <tenon/host/exec.h>
#include <tenon/host/session.h>

#include "plan/execs.h"
#include "plan/ref.h"
#include "support/arena.h"

typedef struct tenon__task {
    tenon_op op;
    uint32_t attr_count;
    const tenon_attr *attrs;
    uint32_t input_count; /* of operands; the rest are outputs, in-out ones among them */
    uint32_t operand_count;
    const tenon__ref *operands;
    uint64_t scalars[2];
} tenon__task;

/* What launches a task. Arrays live in the arena that was given. */
typedef struct tenon__prepared {
    tenonh_placement placement; /* OP or KERNEL */
    tenonh_exec *exec;          /* kept by the cache */
    int64_t *symbols;
    uint64_t *scalars;
    tenon_grid *grids;
    uint32_t symbol_count, scalar_count, grid_count;
    uint64_t workspace_size;      /* bytes */
    uint64_t workspace_alignment; /* bytes, a power of two; TENON__ARENA_ALIGNMENT or less counts as that */
} tenon__prepared;

/* What preparing a task found, for preparing the same task (operator, dtypes, ranks, attributes, device) for other
 * numbers without a search; another task is no harm. Valid while its exec is retained. Zero-initialised is nothing. */
typedef struct tenon__exec_memo {
    const tenon__exec_entry *entry;
    uint64_t task; /* what it was: a hash of all but numbers and host scalars */
    tenonh_placement placement;
    tenon_pattern pattern; /* KERNEL */
} tenon__exec_memo;

/* Prepares a task on a device, or finds it prepared: op work if the device takes it, else a kernel. `memo` may be NULL.
 * Errors: UNSUPPORTED when the device takes neither, or declares not to take a dtype or operands with gaps; what prepare
 *         answers; OUT_OF_MEMORY. */
tenon_status tenon__prepare(tenon__execs *execs, tenonh_device *device, const tenon__task *task, tenon__exec_memo *memo,
                            tenon__arena *arena, tenon__prepared *out_prepared);

#endif
