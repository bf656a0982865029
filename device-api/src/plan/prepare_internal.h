/* Shared by prepare.c, prepare_op.c, prepare_kernel.c and ranges.c. */
#ifndef TENON_PLAN_PREPARE_INTERNAL_H
#define TENON_PLAN_PREPARE_INTERNAL_H

#include <stdbool.h>
#include <tenon/helpers.h>

#include "plan/prepare.h"

enum { TENON__TASK_OPERANDS = 8 };

/* -- Ranges: which values an exec is asked to be valid for -- */

/* What is asked of each symbol of a work, for the values of one launch. Symbols begin as wide as the device may be
 * asked; where an answer leaves a value out, its symbol is asked for in classes, then alone. */
typedef struct tenon__ranges {
    uint32_t count;
    const int64_t *values;
    tenon_symbol *ranges;
    bool *narrow; /* no longer as wide as can be: part of the key */
} tenon__ranges;

/* Begins as the device's shapes say. `ranges` holds the widest on entry. */
void tenon__ranges_begin(tenon__ranges *ranges, uint32_t shapes);

/* What is kept of the answer to a request for classes: whatever it is that the device does not manage, one for the
 * numbers themselves can still go well. */
tenon_status tenon__class_answer(const tenon__ranges *ranges, tenon_status status);

/* True when every value lies in the ranges that the exec is valid for. */
bool tenon__exec_takes(const tenonh_exec *exec, const int64_t *values, uint32_t count);

/* Asks for less of the symbols whose values the exec left out: for their classes first, then for them alone. */
void tenon__ranges_narrow(tenon__ranges *ranges, const tenonh_exec *exec);

/* Adds those that are narrow to a key. */
void tenon__ranges_key(const tenon__ranges *ranges, tenon__key *key);

/* -- The two kinds of work: as tenon__prepare -- */

tenon_status tenon__prepare_op(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                               tenon__exec_memo *memo, tenon__arena *arena, tenon__prepared *out);
tenon_status tenon__prepare_kernel(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                                   tenon__exec_memo *memo, tenon__arena *arena, tenon__prepared *out);

/* Puts the task's host scalars into `out`. */
tenon_status tenon__task_scalars(const tenon__task *task, tenon__arena *arena, tenon__prepared *out);

#endif
