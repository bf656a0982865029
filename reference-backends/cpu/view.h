/* Views at prepare (extents that may be symbols) and at launch (numbers and an address). */
#ifndef CPU_VIEW_H
#define CPU_VIEW_H

#include "work.h"

/* Checks an operand of a work that is being prepared. Errors: INVALID, UNSUPPORTED (layout), with a report. */
tenon_status cpu_view_check(tenon_device *device, const tenon_work *work, uint32_t index);

/* Numbers of an operand for the symbol values of a launch, and the bytes that they reach.
 * Errors: INVALID with a report (a negative dim, numbers that pass int64, an output whose elements lie on one another). */
tenon_status cpu_view_resolve(tenon_exec *exec, uint32_t index, const int64_t *symbols, cpu_view *out_view,
                              cpu_reach *out_reach);

/* Address of an operand in its buffer. Errors: INVALID with a report (no memory, another device's, an offset that is no
 * multiple of the element, a reach past the allocation's bounds). */
tenon_status cpu_view_place(tenon_exec *exec, uint32_t index, tenon_buffer buffer, const cpu_reach *reach,
                            void **out_address);

#endif
