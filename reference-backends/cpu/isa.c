#include "isa.h"

#include <stddef.h>
#include <string.h>

static const cpu_isa_facts facts[CPU_ISA_COUNT] = {
#if defined(__x86_64__)
    [CPU_ISA_BASELINE] = {"baseline", "x86-64", "-march=x86-64", 16, 16, 0},
    [CPU_ISA_AVX2] = {"avx2", "x86-64-v3", "-march=x86-64-v3", 32, 16, 1},
    [CPU_ISA_AVX512] = {"avx512", "x86-64-v4", "-march=x86-64-v4", 64, 32, 1},
#elif defined(__aarch64__)
    [CPU_ISA_BASELINE] = {"baseline", "aarch64", "-march=armv8-a", 16, 32, 1},
#else
    [CPU_ISA_BASELINE] = {"baseline", "generic", NULL, 16, 16, 0},
#endif
};

const cpu_isa_facts *cpu_isa_facts_of(cpu_isa isa) {
    return &facts[isa];
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* What the operating system saves at a context switch (XCR0): bits 1 and 2 for AVX, 5 to 7 for AVX-512. */
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

static uint64_t xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

static int all(uint32_t bits, uint32_t wanted) {
    return (bits & wanted) == wanted;
}

/* The levels of the x86-64 psABI: v3 = AVX2, FMA, F16C, BMI1/2, LZCNT, MOVBE; v4 = AVX-512 F, BW, CD, DQ, VL. */
cpu_isa cpu_isa_detect(void) {
    const uint32_t leaf1 = bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C | bit_POPCNT | bit_SSE4_2;
    const uint32_t leaf7 = bit_AVX2 | bit_BMI | bit_BMI2;
    const uint32_t v4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
    uint32_t a, b, c, d, c1, b7, c81;
    if (!__get_cpuid(1, &a, &b, &c1, &d) || !all(c1, leaf1)) return CPU_ISA_BASELINE;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c, &d) || !all(b7, leaf7)) return CPU_ISA_BASELINE;
    if (!__get_cpuid(0x80000001, &a, &b, &c81, &d) || !all(c81, bit_LZCNT)) return CPU_ISA_BASELINE;
    uint64_t saved = xcr0();
    if ((saved & XCR0_AVX) != XCR0_AVX) return CPU_ISA_BASELINE;
    return (saved & XCR0_AVX512) == XCR0_AVX512 && all(b7, v4) ? CPU_ISA_AVX512 : CPU_ISA_AVX2;
}

enum { MXCSR_DEFAULT = CPU_FLUSHES ? 0x9fc0 : 0x1f80, MXCSR_FLAGS = 0x3f };

uint32_t cpu_isa_default_float(void) {
    uint32_t saved = _mm_getcsr();
    if ((saved & ~(uint32_t)MXCSR_FLAGS) != MXCSR_DEFAULT) _mm_setcsr(MXCSR_DEFAULT);
    return saved;
}

void cpu_isa_restore_float(uint32_t saved) {
    if ((saved & ~(uint32_t)MXCSR_FLAGS) != MXCSR_DEFAULT) _mm_setcsr(saved);
}

#else

cpu_isa cpu_isa_detect(void) {
    return CPU_ISA_BASELINE;
}

uint32_t cpu_isa_default_float(void) {
    return 0;
}

void cpu_isa_restore_float(uint32_t saved) {
    (void)saved;
}

#endif

cpu_isa cpu_isa_choose(const char *name, int *out_known) {
    cpu_isa best = cpu_isa_detect();
    *out_known = name == NULL;
    for (int i = 0; name && i < CPU_ISA_COUNT; i++) {
        if (!facts[i].name || strcmp(name, facts[i].name) != 0) continue;
        *out_known = 1;
        return (cpu_isa)i < best ? (cpu_isa)i : best;
    }
    return best;
}
