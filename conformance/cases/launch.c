#include "cases/launch.h"

#include <stdlib.h>
#include <string.h>

bool cf_takes_graphs_only(void) {
    uint32_t kinds = tenonh_device_info(cf_under_test.device)->work_kinds;
    return !(kinds & (TENON_WORK_OP | TENON_WORK_KERNEL));
}

bool cf_declares(tenon_dtype dtype) {
    uint64_t dtypes = tenonh_device_info(cf_under_test.device)->dtypes;
    return dtypes == 0 || (dtypes >> dtype & 1);
}

bool cf_takes_views(void) {
    return !cf_takes_graphs_only() && tenonh_device_info(cf_under_test.device)->views == TENON_VIEWS_ANY;
}

static uint64_t bytes_of(const tenon__ref *ref) {
    return (uint64_t)tenon__ref_count(ref) * (tenon_dtype_bits(ref->dtype) / 8);
}

static tenon__ref packed(const tenon__ref *ref) {
    return tenon__ref_contiguous(0, ref->dtype, ref->rank, ref->dims);
}

/* -- A node with a result that has a first value, as a graph: the first value is an input, the result another value -- */

typedef struct node_work {
    tenon_operand operands[CF_LAUNCH_OPERANDS];
    tenon_view views[CF_LAUNCH_OPERANDS];
    uint32_t numbers[CF_LAUNCH_OPERANDS];
} node_work;

static void describe_operand(node_work *work, uint32_t k, const tenon__ref *ref, uint32_t role) {
    tenon_view *view = &work->views[k];
    *view = (tenon_view){.dtype = ref->dtype, .rank = ref->rank};
    for (uint32_t i = 0; i < ref->rank; i++) {
        view->dims[i] = (tenon_extent){.value = ref->dims[i], .symbol = TENON_NO_SYMBOL};
        view->strides[i] = (tenon_extent){.value = ref->strides[i], .symbol = TENON_NO_SYMBOL};
    }
    work->operands[k] = (tenon_operand){.role = role, .alignment = tenon_dtype_bits(ref->dtype) / 8, .view = *view};
    work->numbers[k] = k;
}

static tenon_status prepare_in_place(cf_launch *out, const tenon__task *task) {
    node_work work = {0};
    uint32_t count = task->operand_count;
    for (uint32_t k = 0; k < count; k++) describe_operand(&work, k, &task->operands[k], TENON_ROLE_INPUT);
    describe_operand(&work, count, &task->operands[count - 1], TENON_ROLE_OUTPUT);
    tenon_graph_node node = {.op = task->op, .attrs = task->attrs, .attr_count = task->attr_count};
    node.inputs = work.numbers;
    node.outputs = work.numbers + count;
    node.input_count = count;
    node.output_count = 1;
    tenon_graph_work graph = {.struct_size = sizeof graph, .node_count = 1, .nodes = &node, .values = work.views};
    graph.value_count = count + 1;
    tenon_work whole = {.struct_size = sizeof whole, .kind = TENON_WORK_GRAPH, .operands = work.operands};
    whole.operand_count = count + 1;
    whole.graph = &graph;
    TENON_TRY(tenonh_exec_prepare(cf_under_test.device, &whole, NULL, &out->exec));
    out->prepared = (tenon__prepared){.placement = TENONH_PLACEMENT_GRAPH, .exec = out->exec};
    out->prepared.workspace_size = tenonh_exec_info(out->exec)->workspace_size;
    out->result_size = bytes_of(&task->operands[count - 1]);
    return tenonh_memory_create(cf_under_test.device, 0, out->result_size, &out->result);
}

/* -- Operands that are copied first -- */

static bool is_taken_as_it_lies(const tenon__task *task, uint32_t k) {
    if (cf_takes_views() || tenon__ref_is_contiguous(&task->operands[k])) return true;
    return task->op == TENON_OP_COPY && k == 0 && !cf_takes_graphs_only();
}

static tenon_status prepare_copy(cf_launch *out, uint32_t k, const tenon__ref *from) {
    tenon__ref refs[2] = {*from, packed(from)};
    tenon__task copy = {.op = TENON_OP_COPY, .input_count = 1, .operand_count = 2, .operands = refs};
    if (cf_takes_graphs_only()) return TENON_STATUS_UNSUPPORTED;
    out->copies[k] = calloc(1, sizeof *out->copies[k]);
    if (!out->copies[k]) return TENON_STATUS_OUT_OF_MEMORY;
    TENON_TRY(cf_launch_task(out->copies[k], &copy));
    return tenonh_memory_create(cf_under_test.device, 0, bytes_of(&refs[1]), &out->copied[k]);
}

/* The cache's exec, kept beyond the question. */
static tenon_status prepare_cached(cf_launch *out, const tenon__task *task) {
    tenon__execs_begin(cf_under_test.execs);
    tenon_status status =
        tenon__prepare(cf_under_test.execs, cf_under_test.device, task, NULL, &out->arena, &out->prepared);
    if (status == TENON_STATUS_OK) out->exec = tenonh_exec_retain(out->prepared.exec);
    tenon__execs_end(cf_under_test.execs);
    return status;
}

static tenon_status prepare_or_expand(cf_launch *out, const tenon__task *task) {
    tenon_status status = prepare_cached(out, task);
    bool expands = status == TENON_STATUS_UNSUPPORTED && tenon_op_row_of(task->op)->optional;
    return expands ? cf_launch_expand(out, task) : status;
}

tenon_status cf_launch_task(cf_launch *out, const tenon__task *task) {
    tenon__ref refs[CF_LAUNCH_OPERANDS];
    tenon__task taken = *task;
    uint32_t family = tenon_op_row_of(task->op)->family;
    bool in_place = family == TENON_FAMILY_UPDATE || family == TENON_FAMILY_SCATTER;
    *out = (cf_launch){.operand_count = task->operand_count};
    for (uint32_t k = 0; k < task->operand_count; k++) {
        refs[k] = task->operands[k];
        refs[k].offset = 0;
        if (is_taken_as_it_lies(task, k)) continue;
        if (k >= task->input_count) return TENON_STATUS_UNSUPPORTED;
        TENON_TRY(prepare_copy(out, k, &task->operands[k]));
        refs[k] = packed(&task->operands[k]);
    }
    taken.operands = refs;
    if (cf_takes_graphs_only() && in_place)
        TENON_TRY(prepare_in_place(out, &taken));
    else
        TENON_TRY(prepare_or_expand(out, &taken));
    if (!out->prepared.workspace_size) return TENON_STATUS_OK;
    return tenonh_memory_create(cf_under_test.device, 0, out->prepared.workspace_size, &out->workspace);
}

tenon_status cf_launch_map(cf_launch *out, tenon_op op, tenon_dtype dtype, int64_t count) {
    tenon__ref refs[CF_LAUNCH_OPERANDS];
    const tenon_op_row *row = tenon_op_row_of(op);
    int64_t type = dtype;
    tenon_attr attr = {TENON_ATTR_DTYPE, 1, &type};
    for (uint32_t k = 0; k <= row->input_count; k++) {
        bool is_bool = (k == row->input_count && row->result == TENON_RESULT_BOOL) || (op == TENON_OP_WHERE && k == 0);
        refs[k] = tenon__ref_contiguous(0, is_bool ? (tenon_dtype)TENON_DTYPE_BOOL : dtype, 1, &count);
    }
    tenon__task task = {.op = op, .input_count = row->input_count, .operand_count = row->input_count + 1};
    task.operands = refs;
    task.attrs = &attr;
    task.attr_count = op == TENON_OP_FILL;
    return cf_launch_task(out, &task);
}

/* -- Launches -- */

static tenon_status launch_copies(const cf_launch *launch, tenonh_stream *stream, const cf_place *places) {
    for (uint32_t k = 0; k < launch->operand_count; k++) {
        if (!launch->copies[k]) continue;
        const cf_place copy[CF_LAUNCH_OPERANDS] = {places[k], {launch->copied[k], 0}};
        TENON_TRY(cf_launch_enqueue(launch->copies[k], stream, copy));
    }
    return TENON_STATUS_OK;
}

tenon_status cf_launch_enqueue(const cf_launch *launch, tenonh_stream *stream, const cf_place *places) {
    tenon_buffer buffers[CF_LAUNCH_OPERANDS + 1];
    const tenon__prepared *prepared = &launch->prepared;
    uint32_t count = launch->operand_count;
    TENON_TRY(launch_copies(launch, stream, places));
    for (uint32_t k = 0; k < count; k++)
        buffers[k] = launch->copied[k] ? tenonh_memory_buffer(launch->copied[k], 0)
                                       : tenonh_memory_buffer(places[k].memory, places[k].offset);
    if (launch->expanded) {
        cf_place copied = {launch->copied[0], 0};
        return cf_launch_expanded(launch, stream, launch->copied[0] ? copied : places[0], places[1]);
    }
    if (launch->result) buffers[count] = tenonh_memory_buffer(launch->result, 0);
    tenon_launch run = {
        .struct_size = sizeof run,
        .buffer_count = count + (launch->result != NULL),
        .buffers = buffers,
        .symbols = prepared->symbols,
        .scalars = prepared->scalars,
        .grids = prepared->grids,
        .symbol_count = prepared->symbol_count,
        .scalar_count = prepared->scalar_count,
        .grid_count = prepared->grid_count,
    };
    if (launch->workspace) run.workspace = tenonh_memory_buffer(launch->workspace, 0);
    TENON_TRY(tenonh_exec_launch(prepared->exec, stream, &run));
    if (!launch->result || !launch->result_size) return TENON_STATUS_OK;
    const cf_place *to = &places[count - 1];
    tenon_status status = tenonh_stream_copy(stream, to->memory, to->offset, launch->result, 0, launch->result_size);
    /* The launch has failed already: what the stream is waited for tells with what. */
    return status == TENON_STATUS_FAILED_STREAM ? TENON_STATUS_OK : status;
}

void cf_launch_release(cf_launch *launch) {
    for (uint32_t k = 0; k < CF_LAUNCH_OPERANDS; k++) {
        if (launch->copies[k]) cf_launch_release(launch->copies[k]);
        free(launch->copies[k]);
        tenonh_memory_release(launch->copied[k]);
    }
    cf_launch_release_expanded(launch);
    tenonh_memory_release(launch->result);
    tenonh_memory_release(launch->workspace);
    tenonh_exec_release(launch->exec);
    tenon__arena_free(&launch->arena);
    *launch = (cf_launch){0};
}
