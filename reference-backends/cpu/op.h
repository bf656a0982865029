/* Op work: base operators by the kernels that were printed and compiled when this plugin was built. */
#ifndef CPU_OP_H
#define CPU_OP_H

#include "work.h"

tenon_status cpu_op_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec);

#endif
