/* Lowering: the Kernel IR program of a base operator, made for a pattern (tenon/canonical.h).
 *
 * Operands of the program are the operator's, in its order; its symbols are those of tenon_pattern_symbols, in that
 * order, its scalars the operator's host scalars: the numbers of a canonical problem are the launch's. Results do not
 * depend on how the grid is split. There is one lowering a family, driven by the row of the operator table.
 *
 *     tenon_canonicalize(...) -> pattern -> tenon__lower -> tenon__print -> prepare
 *                             -> tenon_pattern_symbols                  -> launch
 *
 * Thread: all functions are thread-safe. */
#ifndef TENON_KERNEL_LOWER_H
#define TENON_KERNEL_LOWER_H

#include "kernel/kir.h"

#include <tenon/canonical.h>

/* The program for a pattern. Owner: the caller, tenon__kir_destroy.
 * Errors: UNSUPPORTED (a pattern that no problem has), OUT_OF_MEMORY; with the thread's message. */
tenon_status tenon__lower(const tenon_pattern *pattern, tenon__kir_program **out_program);

/* tenon_canonicalize with the thread's message when it fails. */
tenon_status tenon__canonicalize(tenon_op op, const tenon_attr *attrs, uint32_t attr_count,
                                 const tenon_strided *operands, uint32_t operand_count, tenon_canonical *out_canonical);

/* Expression text (kir_build.h, tenon__kir_parse_expr) of an optional operator over `a` in base operators, for a compute
 * dtype; NULL for other operators and dtypes. Owner: static. Source: tenon/expansions.def. */
const char *tenon__expansion_of(tenon_op op, tenon_dtype dtype);

#endif
