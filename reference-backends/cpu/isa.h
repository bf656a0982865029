/* Instruction sets that kernels are built for, and which of them this machine runs. */
#ifndef CPU_ISA_H
#define CPU_ISA_H

#include <stdint.h>

/* In rising order: a machine that runs one runs those before it. */
typedef enum cpu_isa { CPU_ISA_BASELINE = 0, CPU_ISA_AVX2 = 1, CPU_ISA_AVX512 = 2, CPU_ISA_COUNT } cpu_isa;

/* What is known of an instruction set. */
typedef struct cpu_isa_facts {
    const char *name;         /* as TENON_CPU_ISA takes it */
    const char *architecture; /* as the device's info gives it */
    const char *march;        /* compiler option */
    uint32_t vector_bytes;
    uint32_t registers; /* vector registers */
    uint32_t has_fma;
} cpu_isa_facts;

const cpu_isa_facts *cpu_isa_facts_of(cpu_isa isa);

/* The best set that processor and operating system support. */
cpu_isa cpu_isa_detect(void);

/* cpu_isa_detect(), lowered to `name` if that names a lesser set; NULL or an unknown name lowers nothing.
 * *out_known says whether the name was one (or NULL). */
cpu_isa cpu_isa_choose(const char *name, int *out_known);

/* 1: a device that flushes subnormals and declares so. The suite is tested with one. */
#ifndef CPU_FLUSHES
#define CPU_FLUSHES 0
#endif

/* Floating point as IEEE 754 says (nearest even; subnormals kept, unless CPU_FLUSHES) whatever the calling thread had
 * set; returns what has to be handed to cpu_isa_restore_float. A few nanoseconds. */
uint32_t cpu_isa_default_float(void);
void cpu_isa_restore_float(uint32_t saved);

#endif
