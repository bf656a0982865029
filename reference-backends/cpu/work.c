#include "work.h"

#include "kernel.h"
#include "launch.h"
#include "op.h"
#include "recall.h"
#include "view.h"

#include <string.h>

static tenon_status check_symbols(tenon_device *device, const tenon_work *work) {
    for (uint32_t i = 0; i < work->symbol_count; i++) {
        const tenon_symbol *symbol = &work->symbols[i];
        if (symbol->divisor < 1 || symbol->min > symbol->max)
            return cpu_fail(device, TENON_STATUS_INVALID, "symbol %u has an empty range or a divisor below 1", i);
    }
    return TENON_STATUS_OK;
}

static tenon_status check_work(tenon_device *device, const tenon_work *work, const tenon_exec_info *info) {
    tenon_status status = tenon_descriptor_check(work, TENON_WORK_SIZE_V1, sizeof *work);
    if (status != TENON_STATUS_OK) return cpu_fail(device, status, "the work's struct_size or tail is not known here");
    if ((work->symbol_count && !work->symbols) || (work->operand_count && !work->operands))
        return cpu_fail(device, TENON_STATUS_INVALID, "the work counts symbols or operands that it does not have");
    if (info->struct_size < TENON_EXEC_INFO_SIZE_V1 || (work->operand_count && !info->operands) ||
        (work->symbol_count && !info->symbols))
        return cpu_fail(device, TENON_STATUS_INVALID, "the answer's arrays are missing");
    TENON_TRY(check_symbols(device, work));
    for (uint32_t i = 0; i < work->operand_count; i++) TENON_TRY(cpu_view_check(device, work, i));
    return TENON_STATUS_OK;
}

static void keep_operand(const tenon_operand *from, cpu_operand *to) {
    to->dtype = from->view.dtype;
    to->rank = from->view.rank;
    to->bits = tenon_dtype_bits(from->view.dtype);
    to->role = from->role;
    memcpy(to->dims, from->view.dims, sizeof to->dims);
    memcpy(to->strides, from->view.strides, sizeof to->strides);
}

tenon_status cpu_exec_create(tenon_device *device, const tenon_work *work, size_t size, const cpu_exec_class *class,
                             tenon_exec **out_exec) {
    size_t symbols = work->symbol_count * sizeof(tenon_symbol), operands = work->operand_count * sizeof(cpu_operand);
    size = (size + 15) / 16 * 16;
    tenon_exec *exec = cpu_allocate(device, size + symbols + operands);
    if (!exec) return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no memory for an exec");
    exec->device = device;
    exec->class = class;
    exec->symbol_count = work->symbol_count;
    exec->operand_count = work->operand_count;
    exec->symbols = (tenon_symbol *)(void *)((char *)exec + size);
    exec->operands = (cpu_operand *)(void *)(exec->symbols + work->symbol_count);
    if (symbols) memcpy(exec->symbols, work->symbols, symbols);
    for (uint32_t i = 0; i < work->operand_count; i++) keep_operand(&work->operands[i], &exec->operands[i]);
    *out_exec = exec;
    return TENON_STATUS_OK;
}

void cpu_exec_destroy(tenon_exec *exec) {
    if (!exec) return;
    if (exec->class->release) exec->class->release(exec);
    cpu_recall_destroy(exec);
    cpu_release(exec->device, exec);
}

static tenon_status prepare_kind(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                 tenon_exec **out_exec) {
    if (work->kind == TENON_WORK_OP) return cpu_op_prepare(device, work, out_info, out_exec);
    if (work->kind == TENON_WORK_KERNEL) return cpu_kernel_prepare(device, work, out_info, out_exec);
    return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "this device takes op and kernel work, not kind %u", work->kind);
}

static tenon_status prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec) {
    if (!device || !work || !out_info || !out_exec) return TENON_STATUS_INVALID;
    TENON_TRY(check_work(device, work, out_info));
    tenon_exec *exec;
    TENON_TRY(prepare_kind(device, work, out_info, &exec));
    if (cpu_call_size(exec, CPU_MOST_SCALARS) > CPU_COMMAND_MOST) {
        cpu_exec_destroy(exec);
        return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "the work has more operands than a launch here can carry");
    }
    *out_exec = exec;
    return TENON_STATUS_OK;
}

static void release(tenon_device *device, tenon_exec *exec) {
    (void)device;
    cpu_exec_destroy(exec);
}

const tenon_work_hooks cpu_work_hooks = {
    .struct_size = sizeof(tenon_work_hooks),
    .prepare = prepare,
    .launch = cpu_launch,
    .release = release,
    .dialect = cpu_kernel_dialect,
};
