/* The kernels made when this plugin was built, as a table per instruction set (KERNELS.md). */
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include "isa.h"

#include <tenon/canonical.h>
#include <tenon/kernel.h>

/* One kernel: what it was made for, and how it is run. */
typedef struct cpu_kernel {
    tenon_pattern pattern;
    uint32_t entry_count;
    const tenon_kernel_c11 *entries;                           /* run one after the other */
    int (*items)(const int64_t *symbols, int64_t *items);      /* work-items of each entry; 1: too many */
    int (*workspace)(const int64_t *symbols, uint64_t *bytes); /* NULL: none; 1: too many */
} cpu_kernel;

/* The table for `isa`, sorted by operator, best first; NULL where this build has none. */
const cpu_kernel *cpu_kernels_of(cpu_isa isa, uint32_t *out_count);

#endif
