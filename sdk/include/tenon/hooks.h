/* What most hooks begin or end with: saying why they fail, and checking what they are asked. Part of libtenon_sdk.a. */
#ifndef TENON_HOOKS_H
#define TENON_HOOKS_H

#include <tenon/helpers.h>
#include <tenon/host.h>
#include <tenon/work.h>

TENON_EXTERN_C_BEGIN

/* Reports a failure in words, formatted as printf does and cut at 2 KiB, and returns `status` (REQ-ERR-02):
 *     if (!exec) return tenon_report(host, device, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
 * Of device, stream, exec those that do not apply are NULL. Thread: any. */
__attribute__((format(printf, 6, 7))) tenon_status tenon_report(const tenon_host *host, tenon_device *device,
                                                                tenon_stream *stream, tenon_exec *exec,
                                                                tenon_status status, const char *format, ...);

/* Checks that a plugin built with this header knows all that a work says, its part of its kind included. Not checked is
 * whether the device takes it. Errors: INVALID, UNSUPPORTED (members from a newer header, kind). Source: REQ-ABI-03. */
tenon_status tenon_work_check(const tenon_work *work);

/* Checks op work whose operands and views are well formed against the operator table: operator, attributes, operand counts,
 * roles, dtypes, ranks and axes. Dims are for launches, where they are numbers: see tenon_canonicalize. *out_row is the
 * operator's row; `text`, of `size` bytes, says what is wrong and where.
 * Errors: INVALID, UNSUPPORTED (an operator or attribute of a newer table, a dtype that no operator takes). */
tenon_status tenon_op_work_check(const tenon_work *work, const tenon_op_row **out_row, char *text, size_t size);

/* Checks a launch against what was prepared: `buffer_count` buffers, `symbol_count` symbols in their `ranges`, one grid
 * per entry of a kernel work (0 for other kinds). Errors: INVALID, UNSUPPORTED (as above). Source: REQ-WORK-04. */
tenon_status tenon_launch_check(const tenon_launch *launch, uint32_t buffer_count, uint32_t symbol_count,
                                const tenon_symbol *ranges, uint32_t grid_count);

TENON_EXTERN_C_END

#endif
