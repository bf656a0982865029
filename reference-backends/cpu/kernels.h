/* The kernels made when this plugin was built, as a table per instruction set (KERNELS.md). */
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include "isa.h"

#include <tenon/canonical.h>
#include <tenon/kernel.h>

/* One kernel: what it was made for, and how it is run. */
typedef struct cpu_kernel {
    tenon_pattern pattern;
    uint32_t entry_count; /* run in order */
    const tenon_kernel_c11 *entries;
    int (*items)(const int64_t *symbols, int64_t *items); /* items of each entry; 1: more than int64 holds */
    int (*workspace)(const int64_t *symbols,
                     uint64_t *bytes); /* of one launch, 64-byte aligned; 1: too many; NULL: none */
} cpu_kernel;

/* Generated, one table an instruction set that the build has: sorted by operator, and of one the best fit first. The first
 * row whose pattern fits a problem runs it, and there is one for every problem that tenon_canonicalize answers. */
extern const cpu_kernel cpu_kernels_baseline[], cpu_kernels_avx2[], cpu_kernels_avx512[];
extern const uint32_t cpu_kernels_baseline_count, cpu_kernels_avx2_count, cpu_kernels_avx512_count;

/* The rows of an operator in the table for the best instruction set up to `isa` that this build has. */
const cpu_kernel *cpu_kernels_of(cpu_isa isa, tenon_op op, uint32_t *out_count);

#endif
