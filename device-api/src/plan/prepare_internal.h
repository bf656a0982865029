/* Shared by prepare.c and prepare_kernel.c. */
#ifndef TENON_PLAN_PREPARE_INTERNAL_H
#define TENON_PLAN_PREPARE_INTERNAL_H

#include <stdbool.h>
#include <tenon/helpers.h>

#include "plan/prepare.h"

enum { TENON__TASK_OPERANDS = 8 };

/* True when every symbol value lies in the ranges that the exec is valid for. */
bool tenon__exec_covers(const tenonh_exec *exec, const tenon__prepared *prepared);

tenon_status tenon__task_scalars(const tenon__task *task, tenon__arena *arena, tenon__prepared *out);

/* As tenon__prepare, for a printed kernel. */
tenon_status tenon__prepare_kernel(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                                   tenon__arena *arena, tenon__prepared *out);

#endif
