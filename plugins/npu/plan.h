/* Places in the workspace for buffers, by when they are used. */
#ifndef NPU_PLAN_H
#define NPU_PLAN_H

#include "compile.h"

/* Gives every buffer of the workspace its offset, and the exec the workspace's size. */
tenon_status npu_plan(npu_compiler *c);

#endif
