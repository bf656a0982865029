/* Kernel work: source that the host printed, compiled by the system's compiler. */
#ifndef CPU_KERNEL_H
#define CPU_KERNEL_H

#include "work.h"

/* Looks for a compiler; a device without one takes op work only. Errors: OUT_OF_MEMORY. */
tenon_status cpu_kernel_open(tenon_device *device);
void cpu_kernel_close(tenon_device *device);

tenon_status cpu_kernel_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                tenon_exec **out_exec);
tenon_status cpu_kernel_dialect(tenon_device *device, const tenon_dialect **out_dialect);

#endif
