#ifndef NPU_WORK_H
#define NPU_WORK_H

#include "npu.h"

extern const tenon_work_hooks npu_work_hooks;

#endif
