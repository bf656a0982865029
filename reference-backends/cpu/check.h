/* Checks of op work against the operator table, told in the device's name. */
#ifndef CPU_CHECK_H
#define CPU_CHECK_H

#include "cpu.h"

/* tenon_op_work_check, with a report. */
tenon_status cpu_check_op(tenon_device *device, const tenon_work *work, const tenon_op_row **out_row);

/* INT attribute of an op work, or its default. */
int64_t cpu_check_attr(const tenon_work *work, uint32_t id);

#endif
