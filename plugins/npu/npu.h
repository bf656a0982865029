/* npu: a device as vendors of neural processors have them, run by the host's processor. It takes whole graphs with every
 * dim a number, keeps tensors in blocks of its own, and compiles each graph to a list of steps (compile.h). */
#ifndef NPU_NPU_H
#define NPU_NPU_H

#include <stdatomic.h>

#include <tenon/hooks.h>
#include <tenon/plugin.h>

#include "kernels.h"

struct tenon_instance {
    const tenon_host *host;
};

struct tenon_device {
    const tenon_host *host;
    const npu_kernels *kernels; /* for the processor that plays the device */
    uint64_t memory_size;       /* bytes */
    _Atomic uint64_t memory_used;
};

/* Says in words why a hook fails, and gives the status (REQ-ERR-02). */
#define NPU_FAIL(device, ...)        tenon_report((device)->host, device, NULL, NULL, __VA_ARGS__)
#define NPU_FAIL_STREAM(stream, ...) tenon_report((stream)->device->host, (stream)->device, stream, NULL, __VA_ARGS__)

/* Host memory of `size` bytes, zeroed, or NULL after a report. */
void *npu_allocate(tenon_device *device, uint64_t size);
void npu_release(tenon_device *device, void *pointer);

extern const tenon_device_hooks npu_device_hooks;

#endif
