/* Checks of op work against the operator table: what a host that follows it would never send is refused with a word on
 * what and where. Dims are checked at each launch, when they are numbers; all else once, here. */
#ifndef CPU_CHECK_H
#define CPU_CHECK_H

#include "cpu.h"

/* Checks operator, attributes, operand counts, roles, dtypes and ranks. *out_row is the operator's row.
 * Errors: INVALID, UNSUPPORTED (an operator or attribute of a newer table, a dtype no operator takes), with a report. */
tenon_status cpu_check_op(tenon_device *device, const tenon_work *work, const tenon_op_row **out_row);

/* INT attribute of an op work, or its default. */
int64_t cpu_check_attr(const tenon_work *work, uint32_t id);

#endif
