#include "kernels.h"

const npu_kernels *npu_kernels_choose(void) {
#if defined(NPU_HAS_AVX512) || defined(NPU_HAS_AVX2)
    __builtin_cpu_init();
#endif
#ifdef NPU_HAS_AVX512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("fma"))
        return &npu_kernels_avx512;
#endif
#ifdef NPU_HAS_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        return &npu_kernels_avx2;
#endif
    return &npu_kernels_baseline;
}
