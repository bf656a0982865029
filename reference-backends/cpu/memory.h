/* Device memory: plain host memory, mappable and coherent. */
#ifndef CPU_MEMORY_H
#define CPU_MEMORY_H

#include "cpu.h"

/* Every allocation starts on a cache line, which is also the widest vector. */
#define CPU_MEMORY_ALIGNMENT 64u

struct tenon_memory {
    tenon_device *device;
    char *base;
    uint64_t size;
    _Atomic uint32_t mapped;
    uint32_t is_imported; /* the bytes are the host's */
};

/* Address of a range of a buffer. Errors: INVALID with a report (no memory, another device's, range past its end);
 * `what` names the range in it. */
tenon_status cpu_memory_range(const tenon_device *device, tenon_buffer buffer, uint64_t size, const char *what,
                              char **out_address);

extern const tenon_memory_hooks cpu_memory_hooks;

#endif
