#include "device/declared.h"

#include <tenon/helpers.h>

#include "support/error.h"

bool tenon__declares(const tenon_device_info *info, tenon_dtype dtype) {
    return info->dtypes == 0 || (dtype < 64 && info->dtypes >> dtype & 1);
}

tenon_status tenon__check_dtype(const tenonh_device *device, tenon_dtype dtype, const char *what) {
    if (tenon__declares(tenonh_device_info(device), dtype)) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s of %s: %s does not declare that dtype", what,
                       tenon_dtype_name(dtype), tenonh_device_name(device));
}

/* -- Graphs ------------------------------------------------------------------------------------------------------- */

static bool list_is_declared(const tenon_device_info *info, const tenon_graph_work *graph, const uint32_t *list,
                             uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i] != TENON_ABSENT && !tenon__declares(info, graph->values[list[i]].dtype)) return false;
    return true;
}

uint32_t tenon__undeclared_node(const tenon_device_info *info, const tenon_graph_work *graph) {
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const tenon_graph_node *node = &graph->nodes[i];
        if (!list_is_declared(info, graph, node->inputs, node->input_count) ||
            !list_is_declared(info, graph, node->outputs, node->output_count))
            return i + 1;
    }
    return 0;
}

/* -- Views -------------------------------------------------------------------------------------------------------- */

static bool is_number(const tenon_extent *extent) {
    return extent->symbol == TENON_NO_SYMBOL;
}

bool tenon__has_gaps(const tenon_device_info *info, const tenon_work *work, uint32_t index) {
    const tenon_view *view = &work->operands[index].view;
    bool any = work->kind != TENON_WORK_OP || (work->op->op == TENON_OP_COPY && index == 0);
    int64_t stride = 1;
    if (info->views != TENON_VIEWS_CONTIGUOUS || any) return false;
    for (uint32_t i = 0; i < view->rank; i++)
        if (is_number(&view->dims[i]) && view->dims[i].value == 0) return false;
    for (uint32_t i = view->rank; i-- > 0;) {
        const tenon_extent *dim = &view->dims[i];
        bool one = is_number(dim) && dim->value == 1;
        if (!one && is_number(&view->strides[i]) && view->strides[i].value != stride) return true;
        if (!is_number(dim) || __builtin_mul_overflow(stride, dim->value, &stride)) return false;
    }
    return false;
}

/* -- Works -------------------------------------------------------------------------------------------------------- */

static const char *name_of(const tenon_work *work) {
    if (work->kind == TENON_WORK_OP) return tenon_op_row_of(work->op->op)->name;
    return work->kind == TENON_WORK_COMPOSITE ? work->composite->name : "a graph";
}

tenon_status tenon__check_declared(const tenonh_device *device, const tenon_work *work) {
    const tenon_device_info *info = tenonh_device_info(device);
    if (work->kind == TENON_WORK_KERNEL) return TENON_STATUS_OK;
    for (uint32_t i = 0; i < work->operand_count; i++) {
        TENON_TRY(tenon__check_dtype(device, work->operands[i].view.dtype, name_of(work)));
        if (tenon__has_gaps(info, work, i))
            return tenon__fail(TENON_STATUS_UNSUPPORTED,
                               "operand %u of %s has gaps; %s takes none (views: contiguous): copy it first", i,
                               name_of(work), tenonh_device_name(device));
    }
    uint32_t node = work->kind == TENON_WORK_GRAPH ? tenon__undeclared_node(info, work->graph) : 0;
    if (!node) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_UNSUPPORTED, "node %u of a graph has a dtype that %s does not declare", node - 1,
                       tenonh_device_name(device));
}
