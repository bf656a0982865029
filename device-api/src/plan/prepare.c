#include "plan/prepare.h"

#include "device/declared.h"
#include "plan/claim.h"
#include "plan/prepare_internal.h"
#include "support/error.h"

tenon_status tenon__task_scalars(const tenon__task *task, tenon__arena *arena, tenon__prepared *out) {
    out->scalar_count = tenon_op_row_of(task->op)->scalar_count;
    out->scalars = tenon__arena_copy(arena, task->scalars, out->scalar_count * sizeof *task->scalars);
    return out->scalars ? TENON_STATUS_OK : tenon__fail_memory();
}

static uint64_t mix(uint64_t hash, uint64_t number) {
    hash = (hash ^ number) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* A memo that is about another task is emptied. */
static void check_memo(const tenon__task *task, tenon__exec_memo *memo) {
    uint64_t hash = mix(task->op, (uint64_t)task->operand_count << 32 | task->attr_count);
    for (uint32_t i = 0; i < task->attr_count; i++) {
        hash = mix(hash, (uint64_t)task->attrs[i].id << 32 | task->attrs[i].count);
        for (uint32_t k = 0; k < task->attrs[i].count; k++) hash = mix(hash, (uint64_t)task->attrs[i].values[k]);
    }
    for (uint32_t k = 0; k < task->operand_count; k++)
        hash = mix(hash, (uint64_t)task->operands[k].dtype << 32 | task->operands[k].rank);
    if (memo->task != hash) *memo = (tenon__exec_memo){.task = hash};
}

static tenon_status prepare(tenon__execs *execs, tenonh_device *device, const tenon__task *task, tenon__exec_memo *memo,
                            tenon__arena *arena, tenon__prepared *out_prepared) {
    uint32_t kinds = tenonh_device_info(device)->work_kinds;
    tenon_status status = TENON_STATUS_UNSUPPORTED;
    *out_prepared = (tenon__prepared){0};
    if (memo) check_memo(task, memo);
    if (kinds == TENON_WORK_GRAPH || kinds == (TENON_WORK_GRAPH | TENON_WORK_COMPOSITE))
        return tenon__prepare_lone(execs, device, task, arena, out_prepared);
    if (!(kinds & (TENON_WORK_OP | TENON_WORK_KERNEL)))
        return tenon__fail(status, "%s takes neither op nor kernel work", tenonh_device_name(device));
    if (kinds & TENON_WORK_OP) status = tenon__prepare_op(execs, device, task, memo, arena, out_prepared);
    if (status != TENON_STATUS_UNSUPPORTED || !(kinds & TENON_WORK_KERNEL)) return status;
    *out_prepared = (tenon__prepared){0};
    return tenon__prepare_kernel(execs, device, task, memo, arena, out_prepared);
}

/* Prepares the task as a device that knows no strides is asked for it: strides of axes of one element, which mean nothing,
 * are those of the order too. */
static tenon_status prepare_whole(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                                  tenon__exec_memo *memo, tenon__arena *arena, tenon__prepared *out_prepared) {
    tenon__ref operands[TENON__TASK_OPERANDS] = {0};
    tenon__task settled = *task;
    for (uint32_t k = 0; k < task->operand_count; k++) {
        const tenon__ref *ref = &task->operands[k];
        bool any = task->op == TENON_OP_COPY && k == 0;
        if (!any && !tenon__ref_is_contiguous(ref))
            return tenon__fail(TENON_STATUS_UNSUPPORTED, "operand %u of %s has gaps; %s takes none (views: contiguous)",
                               k, tenon_op_row_of(task->op)->name, tenonh_device_name(device));
        operands[k] = any ? *ref : tenon__ref_contiguous(ref->storage, ref->dtype, ref->rank, ref->dims);
        operands[k].offset = ref->offset;
    }
    settled.operands = operands;
    return prepare(execs, device, &settled, memo, arena, out_prepared);
}

tenon_status tenon__prepare(tenon__execs *execs, tenonh_device *device, const tenon__task *task, tenon__exec_memo *memo,
                            tenon__arena *arena, tenon__prepared *out_prepared) {
    for (uint32_t k = 0; k < task->operand_count; k++)
        TENON_TRY(tenon__check_dtype(device, task->operands[k].dtype, tenon_op_row_of(task->op)->name));
    if (tenonh_device_info(device)->views == TENON_VIEWS_ANY)
        return prepare(execs, device, task, memo, arena, out_prepared);
    return prepare_whole(execs, device, task, memo, arena, out_prepared);
}
