/* Device memory: a space of its own that the host cannot map. */
#ifndef NPU_MEMORY_H
#define NPU_MEMORY_H

#include "npu.h"

enum { NPU_ALIGNMENT = 64 };

struct tenon_memory {
    tenon_device *device;
    unsigned char *bytes;
    uint64_t size;
};

/* Address of a range of a buffer. Errors: INVALID with a report (no memory, another device's, past its end); `what` names
 * the range in it. */
tenon_status npu_memory_range(tenon_device *device, tenon_buffer buffer, uint64_t size, const char *what,
                              unsigned char **out_address);

extern const tenon_memory_hooks npu_memory_hooks;

#endif
