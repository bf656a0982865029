/* What the operating system says of this machine: processor, threads, memory. Read once when a device opens; memory
 * figures are read whenever asked. */
#ifndef CPU_MACHINE_H
#define CPU_MACHINE_H

#include <stdint.h>

typedef struct cpu_machine {
    char name[64];    /* processor's own name */
    uint8_t uuid[16]; /* of machine and processor; the same in every process */
    uint32_t threads; /* that this process may run at the same time */
    uint64_t cache;   /* bytes of the largest cache; 0 unknown */
} cpu_machine;

void cpu_machine_read(cpu_machine *out_machine);

/* Bytes of memory that this process could ever have, and may still get now: the machine's, or the control group's
 * where that is less. 0 unknown. */
void cpu_machine_memory(uint64_t *out_total, uint64_t *out_available);

/* True when environment variables may not steer this process: it runs with more rights than its caller has. */
int cpu_machine_is_secure(void);

/* An environment variable, NULL when unset, empty or not to be trusted (cpu_machine_is_secure). */
const char *cpu_machine_setting(const char *name);

#endif
