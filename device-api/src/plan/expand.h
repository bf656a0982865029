/* Expansions: optional operators that a device refuses, as steps of required ones (tenon/expansions.def). */
#ifndef TENON_PLAN_EXPAND_H
#define TENON_PLAN_EXPAND_H

#include "plan/prepare.h"

/* One element-wise operator. Value 0 is the operand, value i + 1 what step i makes; the last one is the result. */
typedef struct tenon__expansion_step {
    tenon_op op;
    tenon_dtype dtype; /* of what it makes */
    uint32_t input_count, inputs[3];
    uint64_t number; /* FILL: bits of its number */
} tenon__expansion_step;

typedef struct tenon__expansion {
    tenon__expansion_step *steps;
    uint32_t step_count;
} tenon__expansion;

/* Steps for an operator on a dtype; f16 and bf16 are cast to f32 first, and the result back. Arrays live in the arena.
 * Errors: UNSUPPORTED (no expansion of this operator, for this dtype), OUT_OF_MEMORY. */
tenon_status tenon__expansion_make(tenon_op op, tenon_dtype dtype, tenon__arena *arena,
                                   tenon__expansion *out_expansion);

/* A step as a task. It points into itself: it is used where it lies. */
typedef struct tenon__expansion_task {
    tenon__task task;
    tenon__ref refs[4];
    tenon_attr attr;
    int64_t dtype;
} tenon__expansion_task;

/* `values` has a ref for every value up to the step's own. */
void tenon__expansion_task_of(const tenon__expansion *expansion, uint32_t step, const tenon__ref *values,
                              tenon__expansion_task *out_task);

/* True where the device needs an operand of equal numbers element by element; else one element with strides of 0 does. */
bool tenon__fills_whole(const tenonh_device *device);

#endif
