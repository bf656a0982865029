/* The kernels made when this plugin was built, as a table per instruction set (KERNELS.md). */
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include "isa.h"

#include <cpu_kernels.h> /* generated */

/* The rows of an operator in the table for the best instruction set up to `isa` that this build has: best fit first. */
const cpu_kernel *cpu_kernels_of(cpu_isa isa, tenon_op op, uint32_t *out_count);

#endif
