#include "check.h"

#include <tenon/hooks.h>

tenon_status cpu_check_op(tenon_device *device, const tenon_work *work, const tenon_op_row **out_row) {
    char words[512];
    tenon_status status = tenon_op_work_check(work, out_row, words, sizeof words);
    return status == TENON_STATUS_OK ? status : cpu_fail(device, status, "%s", words);
}

int64_t cpu_check_attr(const tenon_work *work, uint32_t id) {
    return tenon_attr_int(work->op->attrs, work->op->attr_count, id, tenon_attr_row_of(id)->default_value);
}
