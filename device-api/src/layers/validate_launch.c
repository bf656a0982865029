/* Launches and packs held against what their exec was prepared for. */
#include "layers/validate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- What an exec was prepared for ------------------------------------------------------------------------------------ */

static tenon__checked_operand operand_of(const tenon__call *call, uint32_t index) {
    const tenon_work *work = call->work;
    const tenon_exec_info *info = call->exec_info;
    const tenon_device_info *device = &tenon__checked_of(call->device)->info;
    const tenon_operand *operand = &work->operands[index];
    const tenon_operand_info *answer = &info->operands[index];
    return (tenon__checked_operand){
        .role = operand->role,
        .skipped = answer->layout != 0 && !answer->packed_size,
        .dense = work->kind == TENON_WORK_COMPOSITE || work->kind == TENON_WORK_GRAPH,
        .whole = device->views == TENON_VIEWS_CONTIGUOUS && work->kind == TENON_WORK_OP &&
                 (work->op->op != TENON_OP_COPY || index > 0),
        .alias = answer->alias,
        .alignment = operand->alignment ? operand->alignment : 1,
        .packed_size = answer->packed_size,
        .view = operand->view,
    };
}

void tenon__keep_exec(const tenon__call *call, tenon__object *exec) {
    const tenon_work *work = call->work;
    const tenon_exec_info *info = call->exec_info;
    tenon__checked *checked = tenon__checked_of(exec);
    checked->symbols = calloc((size_t)work->symbol_count + 1, sizeof *checked->symbols);
    checked->operands = calloc((size_t)work->operand_count + 1, sizeof *checked->operands);
    if (!checked->symbols || !checked->operands) return; /* nothing of its launches is judged then */
    checked->symbol_count = work->symbol_count;
    checked->operand_count = work->operand_count;
    checked->grid_count = work->kernel ? work->kernel->entry_count : 0;
    checked->workspace_size = info->workspace_size;
    if (work->kernel && work->kernel->workspace_size > checked->workspace_size)
        checked->workspace_size = work->kernel->workspace_size;
    checked->workspace_alignment = info->workspace_alignment ? info->workspace_alignment : 1;
    if (work->symbol_count) memcpy(checked->symbols, info->symbols, work->symbol_count * sizeof *checked->symbols);
    for (uint32_t i = 0; i < work->operand_count; i++) checked->operands[i] = operand_of(call, i);
}

/* -- One launch. Each says whether the call is refused. ---------------------------------------------------------------- */

static bool check_counts(tenon__call *call, const tenon__checked *exec) {
    const tenon_launch *launch = call->launch;
    if (launch->buffer_count != exec->operand_count || launch->symbol_count != exec->symbol_count ||
        launch->grid_count != exec->grid_count)
        return tenon__host_fault(call, "REQ-WORK-04",
                                 "%u buffers, %u symbols, %u grids; exec %" PRIu64 " (%s) has %u operands, %u symbols, "
                                 "%u entries",
                                 launch->buffer_count, launch->symbol_count, launch->grid_count, call->exec->serial,
                                 call->exec->name, exec->operand_count, exec->symbol_count, exec->grid_count);
    if ((launch->symbol_count && !launch->symbols) || (launch->scalar_count && !launch->scalars) ||
        (launch->grid_count && !launch->grids))
        return tenon__host_fault(call, "REQ-HOST-02", "symbols, scalars or grids are NULL");
    return launch->reserved && tenon__host_fault(call, "REQ-HOST-02", "launch.reserved is %u", launch->reserved);
}

static bool check_symbols(tenon__call *call, const tenon__checked *exec) {
    for (uint32_t i = 0; i < exec->symbol_count; i++) {
        int64_t value = call->launch->symbols[i];
        const tenon_symbol *range = &exec->symbols[i];
        if (value >= range->min && value <= range->max && value % range->divisor == 0) continue;
        return tenon__host_fault(call, "REQ-WORK-04",
                                 "symbol %u is %" PRId64 "; the exec is valid from %" PRId64 " to %" PRId64
                                 " by multiples of %" PRId64,
                                 i, value, range->min, range->max, range->divisor);
    }
    return false;
}

static bool check_bounds(tenon__call *call, uint32_t index, const tenon__object *memory, const tenon__span *span) {
    uint64_t end = tenon__span_end(span);
    if (!span->count || end <= memory->size) return false;
    return tenon__host_fault(call, "REQ-HOST-04",
                             "operand %u takes bytes %" PRIu64 "..%" PRIu64 " of memory %" PRIu64
                             ", which has %" PRIu64,
                             index, span->offset, end, memory->serial, memory->size);
}

/* Strides are those of row-major order under the launch's symbols; none means anything where a dim is 0. */
static bool has_gaps(const tenon_view *view, const int64_t *symbols) {
    bool gaps = false;
    int64_t stride = 1;
    for (uint32_t i = view->rank; i-- > 0;) {
        int64_t dim = tenon_extent_value(&view->dims[i], symbols);
        if (dim == 0) return false;
        gaps = gaps || (dim != 1 && tenon_extent_value(&view->strides[i], symbols) != stride);
        if (__builtin_mul_overflow(stride, dim, &stride)) return false;
    }
    return gaps;
}

static bool check_operand(tenon__call *call, const tenon__checked *exec, uint32_t index) {
    const tenon__checked_operand *operand = &exec->operands[index];
    const tenon__object *memory = call->operands[index];
    uint64_t offset = call->launch->buffers[index].offset;
    tenon__span span = tenon__span_range(offset, operand->packed_size);
    if (memory->device != call->device)
        return tenon__host_fault(call, "REQ-HOST-03", "operand %u lies in memory of another device", index);
    if (operand->skipped) return false;
    if (offset % operand->alignment)
        return tenon__host_fault(call, "REQ-HOST-04",
                                 "operand %u begins at byte %" PRIu64 "; it was to be a multiple of %" PRIu64, index,
                                 offset, operand->alignment);
    if (operand->whole && has_gaps(&operand->view, call->launch->symbols))
        return tenon__host_fault(call, "REQ-HOST-07", "operand %u has gaps; the device declares views without", index);
    if (!operand->packed_size &&
        !tenon__span_view(&operand->view, call->launch->symbols, offset, operand->dense, &span))
        return tenon__host_fault(call, "REQ-HOST-04", "operand %u begins before its memory or has no end", index);
    return check_bounds(call, index, memory, &span);
}

static bool check_workspace(tenon__call *call, const tenon__checked *exec) {
    const tenon__object *memory = call->workspace;
    uint64_t offset = call->launch->workspace.offset;
    if (!memory)
        return exec->workspace_size != 0 &&
               tenon__host_fault(call, "REQ-WORK-04", "no workspace; the exec needs %" PRIu64 " bytes",
                                 exec->workspace_size);
    if (memory->device != call->device)
        return tenon__host_fault(call, "REQ-HOST-03", "the workspace lies in memory of another device");
    if (offset % exec->workspace_alignment)
        return tenon__host_fault(call, "REQ-HOST-04",
                                 "the workspace begins at byte %" PRIu64 "; it was to be a multiple of %" PRIu64,
                                 offset, exec->workspace_alignment);
    if (offset <= memory->size && exec->workspace_size <= memory->size - offset) return false;
    return tenon__host_fault(call, "REQ-HOST-04",
                             "the workspace takes bytes %" PRIu64 "..%" PRIu64 " of memory %" PRIu64
                             ", which has %" PRIu64,
                             offset, offset + exec->workspace_size, memory->serial, memory->size);
}

static bool is_same(const tenon__span *a, const tenon__span *b) {
    return a->offset == b->offset && a->block == b->block && a->distance == b->distance && a->count == b->count;
}

/* Whether an output may lie where an input does: at its very bytes (REQ-WORK-10), and as the exec permits. Kernel work is
 * a program of the host's own, which decides that for itself. */
static bool is_permitted(const tenon__checked *exec, const tenon__use *output, const tenon__use *input) {
    if (output->operand == TENON_NO_ALIAS || input->operand == TENON_NO_ALIAS || !output->writes || input->writes)
        return false;
    uint32_t alias = exec->operands[output->operand].alias;
    return is_same(&output->span, &input->span) &&
           (exec->grid_count || alias == input->operand || alias == TENON_ANY_ALIAS);
}

/* True for a finding. */
static bool check_pair(tenon__call *call, const tenon__checked *exec, const tenon__use *a, const tenon__use *b) {
    if ((!a->writes && !b->writes) || a->memory != b->memory || !tenon__span_meets(&a->span, &b->span)) return false;
    if (is_permitted(exec, a, b) || is_permitted(exec, b, a)) return false;
    tenon__host_fault(call, "REQ-HOST-04",
                      "operands %d and %d (-1: the workspace) of %s share bytes of memory %" PRIu64
                      ", one is written, and the exec permits no such alias",
                      (int)b->operand, (int)a->operand, call->exec->name, a->memory->serial);
    return true;
}

/* Inside one launch nothing is ordered: what it writes lies apart from all else, but for the aliases permitted. */
static void check_overlap(tenon__call *call, const tenon__checked *exec) {
    tenon__uses uses;
    bool found = false;
    tenon__uses_of(call, &uses);
    for (uint32_t i = 0; i < uses.count && !found; i++)
        for (uint32_t k = 0; k < i && !found; k++) found = check_pair(call, exec, &uses.list[i], &uses.list[k]);
    tenon__uses_free(&uses);
}

void tenon__check_launch(tenon__call *call) {
    const tenon__checked *exec = tenon__checked_of(call->exec);
    if (call->exec->device != call->device) {
        tenon__host_fault(call, "REQ-HOST-03", "the exec is one of another device");
        return;
    }
    if (!exec->operands || check_counts(call, exec) || check_symbols(call, exec)) return;
    for (uint32_t i = 0; i < exec->operand_count && !call->answered; i++)
        if (check_operand(call, exec, i)) return;
    if (!check_workspace(call, exec)) check_overlap(call, exec);
}

void tenon__check_pack(tenon__call *call) {
    const tenon__checked *exec = tenon__checked_of(call->exec);
    if (call->exec->device != call->device || call->memory->device != call->device ||
        call->source->device != call->device) {
        tenon__host_fault(call, "REQ-HOST-03", "exec, stream and memory are not of one device");
        return;
    }
    if (!exec->operands) return;
    uint64_t size = call->index < exec->operand_count ? exec->operands[call->index].packed_size : 0;
    if (!size)
        tenon__host_fault(call, "REQ-WORK-06", "operand %u is not to be packed", call->index);
    else if (call->offset > call->memory->size || size > call->memory->size - call->offset)
        tenon__host_fault(call, "REQ-HOST-04",
                          "operand %u packs into bytes %" PRIu64 "..%" PRIu64 " of memory %" PRIu64
                          ", which has %" PRIu64,
                          call->index, call->offset, call->offset + size, call->memory->serial, call->memory->size);
}
