/* Tasks as op work. */
#include "plan/prepare.h"

#include <stdlib.h>
#include <string.h>

#include "plan/claim.h"
#include "plan/prepare_internal.h"
#include "support/error.h"

/* -- Op work -- */

/* The work of a task and all it points to. With symbols, operand k has dims then strides, operand after operand. */
typedef struct op_work {
    tenon_work work;
    tenon_op_work op;
    tenon_operand operands[TENON__TASK_OPERANDS];
    tenon_symbol symbols[TENON__TASK_OPERANDS * 2 * TENON_MAX_RANK];
} op_work;

static tenon_extent extent_of(op_work *work, int64_t value, bool symbolic, int64_t min) {
    if (!symbolic) return (tenon_extent){.value = value, .symbol = TENON_NO_SYMBOL};
    uint32_t symbol = work->work.symbol_count++;
    work->symbols[symbol] = (tenon_symbol){.min = min, .max = INT64_MAX, .divisor = 1};
    return (tenon_extent){.symbol = symbol};
}

static uint32_t role_of(const tenon__task *task, uint32_t operand) {
    uint32_t family = tenon_op_row_of(task->op)->family;
    if (operand < task->input_count) return TENON_ROLE_INPUT;
    bool inout = family == TENON_FAMILY_UPDATE || family == TENON_FAMILY_SCATTER;
    return inout ? TENON_ROLE_INOUT : TENON_ROLE_OUTPUT;
}

static void describe_operand(op_work *work, const tenon__task *task, uint32_t k, bool symbolic) {
    const tenon__ref *ref = &task->operands[k];
    tenon_operand *operand = &work->operands[k];
    uint64_t bits = tenon_dtype_bits(ref->dtype);
    *operand = (tenon_operand){.role = role_of(task, k), .alignment = bits < 8 ? 1 : bits / 8};
    operand->view.dtype = ref->dtype;
    operand->view.rank = ref->rank;
    for (uint32_t i = 0; i < ref->rank; i++) operand->view.dims[i] = extent_of(work, ref->dims[i], symbolic, 0);
    for (uint32_t i = 0; i < ref->rank; i++)
        operand->view.strides[i] = extent_of(work, ref->strides[i], symbolic, INT64_MIN);
}

static void describe_work(op_work *work, const tenon__task *task, bool symbolic) {
    work->work.symbol_count = 0;
    for (uint32_t k = 0; k < task->operand_count; k++) describe_operand(work, task, k, symbolic);
    work->op = (tenon_op_work){
        .struct_size = sizeof work->op,
        .op = task->op,
        .attr_count = task->attr_count,
        .attrs = task->attrs,
    };
    work->work = (tenon_work){
        .struct_size = sizeof work->work,
        .kind = TENON_WORK_OP,
        .symbols = work->symbols,
        .operands = work->operands,
        .symbol_count = work->work.symbol_count,
        .operand_count = task->operand_count,
        .op = &work->op,
    };
}

static void key_of_op(tenon__key *key, const tenon__task *task, bool symbolic) {
    tenon__key_number(key, TENON_WORK_OP);
    tenon__key_number(key, task->op);
    for (uint32_t i = 0; i < task->attr_count; i++) {
        tenon__key_number(key, (int64_t)task->attrs[i].id << 32 | task->attrs[i].count);
        tenon__key_put(key, task->attrs[i].values, (uint32_t)(task->attrs[i].count * sizeof(int64_t)));
    }
    for (uint32_t k = 0; k < task->operand_count; k++) {
        const tenon__ref *ref = &task->operands[k];
        tenon__key_number(key, (int64_t)ref->dtype << 32 | ref->rank);
        if (symbolic) continue;
        tenon__key_put(key, ref->dims, (uint32_t)(ref->rank * sizeof *ref->dims));
        tenon__key_put(key, ref->strides, (uint32_t)(ref->rank * sizeof *ref->strides));
    }
}

static tenon_status op_symbols(const tenon__task *task, tenon__arena *arena, tenon__prepared *out) {
    out->symbols = tenon__arena_array(arena, TENON__TASK_OPERANDS * 2 * TENON_MAX_RANK, sizeof *out->symbols);
    if (!out->symbols) return tenon__fail_memory();
    for (uint32_t k = 0; k < task->operand_count; k++) {
        const tenon__ref *ref = &task->operands[k];
        for (uint32_t i = 0; i < ref->rank; i++) out->symbols[out->symbol_count++] = ref->dims[i];
        for (uint32_t i = 0; i < ref->rank; i++) out->symbols[out->symbol_count++] = ref->strides[i];
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__task_scalars(const tenon__task *task, tenon__arena *arena, tenon__prepared *out) {
    out->scalar_count = tenon_op_row_of(task->op)->scalar_count;
    out->scalars = tenon__arena_copy(arena, task->scalars, sizeof task->scalars);
    return out->scalars ? TENON_STATUS_OK : tenon__fail_memory();
}

bool tenon__exec_covers(const tenonh_exec *exec, const tenon__prepared *prepared) {
    const tenon_symbol *ranges = tenonh_exec_info(exec)->symbols;
    for (uint32_t i = 0; i < prepared->symbol_count; i++) {
        int64_t value = prepared->symbols[i];
        if (value < ranges[i].min || value > ranges[i].max || value % ranges[i].divisor != 0) return false;
    }
    return true;
}

/* What an entry of op work is made from. */
typedef struct op_request {
    const tenon__task *task;
    bool symbolic;
} op_request;

static tenon_status make_op(tenon__execs *execs, tenonh_device *device, tenon__exec_entry *entry, const void *context) {
    const op_request *request = context;
    op_work work;
    describe_work(&work, request->task, request->symbolic);
    return tenon__execs_prepare(execs, device, &work.work, &entry->exec);
}

/* The exec of a task as op work, prepared or found. */
static tenon_status find_op(tenon__execs *execs, tenonh_device *device, const tenon__task *task, bool symbolic,
                            tenonh_exec **out_exec) {
    tenon__key key;
    key.size = 0;
    key.overflow = false;
    key_of_op(&key, task, symbolic);
    if (key.overflow) return tenon__fail(TENON_STATUS_UNSUPPORTED, "attributes too long for op work");
    const op_request request = {task, symbolic};
    const tenon__exec_entry *entry;
    TENON_TRY(tenon__execs_find(execs, device, &key, make_op, &request, &entry));
    *out_exec = entry->exec;
    return TENON_STATUS_OK;
}

static tenon_status prepare_op(tenon__execs *execs, tenonh_device *device, const tenon__task *task, tenon__arena *arena,
                               tenon__prepared *out) {
    bool symbolic = tenonh_device_info(device)->shapes == TENON_SHAPES_DYNAMIC;
    out->placement = TENONH_PLACEMENT_OP;
    TENON_TRY(find_op(execs, device, task, symbolic, &out->exec));
    if (symbolic) TENON_TRY(op_symbols(task, arena, out));
    if (!tenon__exec_covers(out->exec, out)) {
        out->symbol_count = 0;
        TENON_TRY(find_op(execs, device, task, false, &out->exec));
    }
    out->workspace_size = tenonh_exec_info(out->exec)->workspace_size;
    out->workspace_alignment = tenonh_exec_info(out->exec)->workspace_alignment;
    return tenon__task_scalars(task, arena, out);
}

tenon_status tenon__prepare(tenon__execs *execs, tenonh_device *device, const tenon__task *task, tenon__arena *arena,
                            tenon__prepared *out_prepared) {
    uint32_t kinds = tenonh_device_info(device)->work_kinds;
    tenon_status status =
        tenon__fail(TENON_STATUS_UNSUPPORTED, "%s takes neither op nor kernel work", tenonh_device_name(device));
    if (kinds == TENON_WORK_GRAPH || kinds == (TENON_WORK_GRAPH | TENON_WORK_COMPOSITE))
        return tenon__prepare_lone(execs, device, task, arena, out_prepared);
    if (kinds & TENON_WORK_OP) status = prepare_op(execs, device, task, arena, out_prepared);
    if (status != TENON_STATUS_UNSUPPORTED || !(kinds & TENON_WORK_KERNEL)) return status;
    *out_prepared = (tenon__prepared){0};
    return tenon__prepare_kernel(execs, device, task, arena, out_prepared);
}
