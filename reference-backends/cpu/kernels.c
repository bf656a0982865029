#include "kernels.h"

#include <stddef.h>

/* CPU_KERNELS_*: the tables that were built (TENON_CPU_ISAS in CMakeLists.txt). */
static const struct {
    const cpu_kernel *rows;
    const uint32_t *count;
} tables[CPU_ISA_COUNT] = {
#ifdef CPU_KERNELS_BASELINE
    [CPU_ISA_BASELINE] = {cpu_kernels_baseline, &cpu_kernels_baseline_count},
#else
    [CPU_ISA_BASELINE] = {NULL, NULL},
#endif
#ifdef CPU_KERNELS_AVX2
    [CPU_ISA_AVX2] = {cpu_kernels_avx2, &cpu_kernels_avx2_count},
#endif
#ifdef CPU_KERNELS_AVX512
    [CPU_ISA_AVX512] = {cpu_kernels_avx512, &cpu_kernels_avx512_count},
#endif
};

const cpu_kernel *cpu_kernels_of(cpu_isa isa, tenon_op op, uint32_t *out_count) {
    int best = (int)isa;
    while (best > 0 && !tables[best].rows) best--;
    uint32_t count = tables[best].rows ? *tables[best].count : 0, first = 0, last;
    while (first < count && tables[best].rows[first].pattern.op < op) first++;
    for (last = first; last < count && tables[best].rows[last].pattern.op == op;) last++;
    *out_count = last - first;
    return first < last ? tables[best].rows + first : NULL;
}
