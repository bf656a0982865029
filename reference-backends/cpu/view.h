/* Views at prepare (extents that may be symbols) and at launch (numbers and an address). */
#ifndef CPU_VIEW_H
#define CPU_VIEW_H

#include "work.h"

/* Checks an operand of a work that is being prepared. Errors: INVALID, UNSUPPORTED (layout), with a report. */
tenon_status cpu_view_check(tenon_device *device, const tenon_work *work, uint32_t index);

/* Numbers of an operand in a launch, checked against its buffer: nothing that the view describes lies outside it.
 * Errors: INVALID with a report. */
tenon_status cpu_view_resolve(tenon_exec *exec, uint32_t index, const tenon_launch *launch, cpu_view *out_view);

#endif
