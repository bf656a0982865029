#include "kernels.h"

#include <stddef.h>

/* CPU_KERNELS_*: the tables that were built (TENON_CPU_ISAS in CMakeLists.txt). */
static const cpu_kernel_table *const tables[CPU_ISA_COUNT] = {
#ifdef CPU_KERNELS_BASELINE
    [CPU_ISA_BASELINE] = &cpu_kernels_baseline,
#else
    [CPU_ISA_BASELINE] = NULL,
#endif
#ifdef CPU_KERNELS_AVX2
    [CPU_ISA_AVX2] = &cpu_kernels_avx2,
#endif
#ifdef CPU_KERNELS_AVX512
    [CPU_ISA_AVX512] = &cpu_kernels_avx512,
#endif
};

const cpu_kernel *cpu_kernels_of(cpu_isa isa, tenon_op op, uint32_t *out_count) {
    *out_count = 0;
    for (int i = (int)isa; i >= 0; i--) {
        if (!tables[i]) continue;
        *out_count = tables[i]->first[op + 1] - tables[i]->first[op];
        return tables[i]->rows + tables[i]->first[op];
    }
    return NULL;
}
