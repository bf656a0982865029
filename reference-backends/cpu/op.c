#include "op.h"

tenon_status cpu_op_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec) {
    (void)work, (void)out_info, (void)out_exec;
    return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "no op yet");
}
