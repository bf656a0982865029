/* What a claimed work costs, and what it would replace: declared by execs, or measured by trial launches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/objects.h"
#include "graph/build_internal.h"
#include "plan/claim_internal.h"
#include "plan/plan.h"

enum { TRIALS = 3 };

/* -- Trial launches ------------------------------------------------------------------------------------------------ */

/* Launches on memory of their own, all zeros. */
typedef struct trial {
    tenonh_device *device;
    tenonh_stream *stream;
    tenonh_memory **memories; /* by storage or operand, then workspaces */
    uint32_t memory_count;
} trial;

static tenon_status add_memory(trial *t, uint64_t size, tenon_buffer *out_buffer) {
    tenonh_memory **memory = &t->memories[t->memory_count];
    TENON_TRY(tenonh_memory_create(t->device, 0, size ? size : 1, memory));
    t->memory_count++;
    *out_buffer = tenonh_memory_buffer(*memory, 0);
    return tenonh_stream_fill(t->stream, *memory, 0, 0, 1, size ? size : 1);
}

static tenon_status begin_trial(trial *t, tenonh_device *device, uint32_t most) {
    *t = (trial){.device = device, .memories = calloc((size_t)most + 1, sizeof(void *))};
    if (!t->memories) return tenon__fail_memory();
    return tenonh_stream_create(device, &t->stream);
}

static void end_trial(trial *t) {
    tenonh_stream_release(t->stream);
    for (uint32_t i = 0; i < t->memory_count; i++) tenonh_memory_release(t->memories[i]);
    free(t->memories);
}

/* The least time of a few runs, at least 1 ns. */
static tenon_status time_launches(trial *t, tenonh_exec *const *execs, const tenon_launch *launches, uint32_t count,
                                  uint64_t *out_ns) {
    uint64_t least = UINT64_MAX;
    TENON_TRY(tenonh_stream_synchronize(t->stream));
    for (int i = 0; i < TRIALS; i++) {
        uint64_t start = tenon__now();
        for (uint32_t k = 0; k < count; k++) TENON_TRY(tenonh_exec_launch(execs[k], t->stream, &launches[k]));
        TENON_TRY(tenonh_stream_synchronize(t->stream));
        uint64_t time = tenon__now() - start;
        if (time < least) least = time;
    }
    *out_ns = least ? least : 1;
    return TENON_STATUS_OK;
}

static tenon_status view_bytes(const tenon_view *view, uint64_t *out_size) {
    int64_t count = 1;
    for (uint32_t i = 0; i < view->rank; i++)
        if (__builtin_mul_overflow(count, view->dims[i].value, &count)) return TENON_STATUS_OUT_OF_MEMORY;
    return tenon_dtype_bytes(view->dtype, count, out_size);
}

/* The bytes of a constant that the exec wants packed are the packed ones. */
static tenon_status fill_trial(trial *t, const tenon__described *d, const tenon_exec_info *info, tenon_buffer *buffers,
                               tenon_launch *launch) {
    for (uint32_t i = 0; i < d->work.operand_count; i++) {
        uint64_t size = info->operands[i].packed_size;
        if (!size) TENON_TRY(view_bytes(&d->operands[i].view, &size));
        TENON_TRY(add_memory(t, size, &buffers[i]));
    }
    *launch = (tenon_launch){.struct_size = sizeof *launch, .buffers = buffers};
    launch->buffer_count = d->work.operand_count;
    return info->workspace_size ? add_memory(t, info->workspace_size, &launch->workspace)
                                : (tenon_status)TENON_STATUS_OK;
}

static tenon_status measure_exec(tenon__claimer *claimer, const tenon__described *d, tenonh_exec *exec,
                                 uint64_t *out_ns) {
    trial t;
    tenon_launch launch;
    tenon_buffer *buffers = calloc((size_t)d->work.operand_count + 1, sizeof *buffers);
    if (!buffers) return tenon__fail_memory();
    tenon_status status = begin_trial(&t, claimer->device, d->work.operand_count + 1);
    if (status == TENON_STATUS_OK) status = fill_trial(&t, d, tenonh_exec_info(exec), buffers, &launch);
    if (status == TENON_STATUS_OK) status = time_launches(&t, &exec, &launch, 1, out_ns);
    end_trial(&t);
    free(buffers);
    return status;
}

/* -- Plans of what would be replaced -------------------------------------------------------------------------------- */

/* Storages get memory each, whatever the arena's layout. */
static tenon_status fill_plan_trial(trial *t, const tenon__plan *plan, tenon_buffer *storages, tenon_buffer *buffers,
                                    tenon_launch *launches, tenonh_exec **execs, uint32_t *out_count) {
    for (uint32_t i = 0; i < plan->storage_count; i++) TENON_TRY(add_memory(t, plan->storages[i].size, &storages[i]));
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__step *step = &plan->steps[i];
        if (!step->exec) continue;
        tenon_launch *launch = &launches[*out_count];
        execs[(*out_count)++] = step->exec;
        *launch = step->launch;
        launch->buffers = buffers;
        for (uint32_t r = 0; r < step->ref_count; r++, buffers++) {
            *buffers = storages[step->refs[r].storage];
            buffers->offset += (uint64_t)step->refs[r].offset * tenon_dtype_bits(step->refs[r].dtype) / 8;
        }
        if (step->workspace != TENON__NEVER) launch->workspace = storages[step->workspace];
    }
    return TENON_STATUS_OK;
}

static tenon_status measure_plan(tenon__claimer *claimer, const tenon__plan *plan, uint64_t *out_ns) {
    size_t buffer_count = 0;
    uint32_t count = 0;
    trial t;
    for (uint32_t i = 0; i < plan->step_count; i++) buffer_count += plan->steps[i].ref_count;
    tenon_buffer *buffers = calloc(buffer_count + plan->storage_count + 1, sizeof *buffers);
    tenon_launch *launches = calloc((size_t)plan->step_count + 1, sizeof *launches);
    tenonh_exec **execs = calloc((size_t)plan->step_count + 1, sizeof(void *));
    tenon_status status = begin_trial(&t, claimer->device, plan->storage_count);
    if (!buffers || !launches || !execs) status = tenon__fail_memory();
    if (status == TENON_STATUS_OK)
        status = fill_plan_trial(&t, plan, buffers + buffer_count, buffers, launches, execs, &count);
    if (status == TENON_STATUS_OK) status = time_launches(&t, execs, launches, count, out_ns);
    end_trial(&t);
    free(buffers);
    free(launches);
    free(execs);
    return status;
}

/* The declared costs of all steps, 0 if one of them is not known. */
static uint64_t declared_cost(const tenon__plan *plan) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__step *step = &plan->steps[i];
        if (step->placement == TENONH_PLACEMENT_VIEW) continue;
        uint64_t cost = step->exec ? tenonh_exec_info(step->exec)->cost : 0;
        if (!cost || __builtin_add_overflow(sum, cost, &sum)) return 0;
    }
    return sum;
}

static tenon_status cost_plan(tenon__claimer *claimer, const tenonh_module *module, const tenon__described *d,
                              bool by_name, uint64_t *out_cost) {
    const tenonh_function *function = tenonh_module_function(module, "main");
    tenon__plan_context context = {.devices = {claimer->device}, .execs = claimer->execs};
    int64_t(*numbers)[TENON_MAX_RANK] = calloc((size_t)d->input_count + 1, sizeof *numbers);
    const int64_t **dims = calloc((size_t)d->input_count + 1, sizeof *dims);
    tenon__lowered *lowered = NULL;
    tenon__plan *plan = NULL;
    uint32_t inputs = 0, kinds = claimer->kinds;
    tenon_status status = numbers && dims ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
    for (uint32_t i = 0; status == TENON_STATUS_OK && i < d->input_count; i++) {
        if (d->operands[i].role == TENON_ROLE_CONSTANT) continue;
        for (uint32_t k = 0; k < d->operands[i].view.rank; k++) numbers[inputs][k] = d->operands[i].view.dims[k].value;
        dims[inputs] = numbers[inputs];
        inputs++;
    }
    claimer->kinds = TENON_WORK_COMPOSITE; /* no graphs in what a graph would replace */
    tenon__execs_begin(claimer->execs);
    if (status == TENON_STATUS_OK) status = tenon__lowered_create(module, by_name ? claimer : NULL, NULL, &lowered);
    if (status == TENON_STATUS_OK)
        status = tenon__plan_create(&context, lowered, function->name, dims, inputs, NULL, &plan);
    if (status == TENON_STATUS_OK) *out_cost = declared_cost(plan);
    if (status == TENON_STATUS_OK && claimer->measure) status = measure_plan(claimer, plan, out_cost);
    tenon__plan_destroy(plan);
    tenon__execs_end(claimer->execs);
    claimer->kinds = kinds;
    tenon__lowered_destroy(lowered);
    free(numbers);
    free(dims);
    return status;
}

/* -- The nodes of a work as a module of their own -------------------------------------------------------------------- */

static const tenonh_dim **view_dims(tenonh_builder *b, const tenon_view *view, const tenonh_dim **dims) {
    for (uint32_t i = 0; i < view->rank; i++) dims[i] = tenon__num(b, view->dims[i].value);
    return dims;
}

static tenonh_value *add_input(tenonh_builder *b, const tenon__described *d, uint32_t index) {
    const tenon_operand *operand = &d->operands[index];
    const tenonh_dim *dims[TENON_MAX_RANK];
    char name[24];
    view_dims(b, &operand->view, dims);
    if (operand->role == TENON_ROLE_CONSTANT)
        return tenon__build_shared(b, d->values[index]->constant, NULL, operand->view.dtype, operand->view.rank, dims);
    snprintf(name, sizeof name, "%u", index);
    return tenonh_build_input(b, name, operand->view.dtype, operand->view.rank, dims);
}

/* Attributes as the builder has them, and the dims of results that no operand says. */
static tenonh_value *add_node(tenonh_builder *b, const tenon__described *d, const tenon_graph_node *node,
                              tenonh_value *const *inputs) {
    tenonh_attr attrs[TENON_ATTR_LIMIT];
    const tenonh_dim *dims[TENON_MAX_RANK];
    uint32_t count = 0;
    for (; count < node->attr_count && count + 1 < TENON_ATTR_LIMIT; count++)
        attrs[count] = (tenonh_attr){node->attrs[count].id, node->attrs[count].count, node->attrs[count].values, NULL};
    if (!node->op) return tenonh_build_composite(b, node->name, node->version, inputs, node->input_count, attrs, count);
    if (tenon__op_brings_dims(tenon_op_row_of(node->op))) {
        const tenon_view *view = &d->graph.values[node->outputs[0]];
        attrs[count++] = TENON__ATTR_DIMS(DIMS, view->rank, view_dims(b, view, dims));
    }
    return tenonh_build_op(b, node->op, inputs, node->input_count, attrs, count);
}

static tenon_status build_graph(tenonh_builder *b, const tenon__described *d, tenonh_value **values) {
    for (uint32_t i = 0; i < d->input_count; i++) values[i] = add_input(b, d, i);
    for (uint32_t i = 0; i < d->graph.node_count; i++) {
        const tenon_graph_node *node = &d->graph.nodes[i];
        tenonh_value **inputs = calloc((size_t)node->input_count + 1, sizeof(void *));
        if (!inputs) return tenon__fail_memory();
        for (uint32_t k = 0; k < node->input_count; k++)
            inputs[k] = node->inputs[k] == TENON_ABSENT ? NULL : values[node->inputs[k]];
        tenonh_value *first = add_node(b, d, node, inputs);
        free(inputs);
        for (uint32_t k = 0; k < node->output_count; k++)
            values[node->outputs[k]] = k && first ? tenonh_value_result(first, k) : first;
    }
    return TENON_STATUS_OK;
}

/* A composite work as the graph of its one node. */
static void as_graph(const tenon__described *d, tenon_graph_node *node, uint32_t *numbers, tenon__described *out) {
    *out = *d;
    const tenon_composite_work *c = &d->composite;
    uint32_t inputs = c->inputs ? c->input_count : d->input_count;
    for (uint32_t i = 0; i < inputs; i++) numbers[i] = c->inputs ? c->inputs[i] : i;
    for (uint32_t i = d->input_count; i < d->work.operand_count; i++) numbers[inputs + i - d->input_count] = i;
    *node = (tenon_graph_node){.name = c->name, .version = c->version, .attrs = c->attrs, .attr_count = c->attr_count};
    node->inputs = numbers;
    node->input_count = inputs;
    node->outputs = numbers + inputs;
    node->output_count = d->work.operand_count - d->input_count;
    out->graph = (tenon_graph_work){.node_count = 1, .nodes = node, .value_count = d->work.operand_count};
}

static tenon_status build_module(const tenon__described *d, tenonh_module *module) {
    tenonh_builder *b;
    tenon_graph_node node;
    tenon__described graph = *d;
    uint32_t inputs = d->composite.inputs ? d->composite.input_count : d->input_count;
    uint32_t *numbers = calloc((size_t)inputs + d->work.operand_count + 1, sizeof *numbers);
    if (!numbers) return tenon__fail_memory();
    if (d->work.kind == TENON_WORK_COMPOSITE) as_graph(d, &node, numbers, &graph);
    tenonh_value **values = calloc((size_t)graph.graph.value_count + 1, sizeof(void *));
    tenon_status status = values ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = tenonh_builder_create(module, "main", &b);
    if (status == TENON_STATUS_OK) {
        status = build_graph(b, &graph, values);
        for (uint32_t i = d->input_count; status == TENON_STATUS_OK && i < d->work.operand_count; i++) {
            char name[24];
            snprintf(name, sizeof name, "%u", i);
            tenonh_build_output(b, name, values[i]);
        }
        tenon_status finished = tenonh_builder_finish(b);
        if (status == TENON_STATUS_OK) status = finished;
    }
    free(values);
    free(numbers);
    return status;
}

/* What runs in place of the work: composites that the device takes by name, but for one in whose place this is asked;
 * base operators for the rest. Unknown, 0, where the device does not take it all, or dims are symbols. */
static tenon_status cost_instead(tenon__claimer *claimer, const tenon__described *d, uint64_t *out_cost) {
    tenonh_module *module;
    bool by_name = d->work.kind == TENON_WORK_GRAPH && claimer->kinds & TENON_WORK_COMPOSITE;
    *out_cost = 0;
    if (claimer->alone || d->work.symbol_count) return TENON_STATUS_OK;
    TENON_TRY(tenonh_module_create(&module));
    tenon_status status = build_module(d, module);
    if (status == TENON_STATUS_OK) status = cost_plan(claimer, module, d, by_name, out_cost);
    tenonh_module_destroy(module);
    if (status == TENON_STATUS_UNSUPPORTED || status == TENON_STATUS_COMPILE_FAILED) {
        *out_cost = 0;
        return TENON_STATUS_OK;
    }
    return status;
}

/* Where there is no memory to try it in, what was declared stands. */
static tenon_status measure_answer(tenon__claimer *claimer, const tenon__described *described, tenon__answer *answer) {
    uint64_t measured = 0;
    tenon_status status = measure_exec(claimer, described, answer->exec, &measured);
    if (status == TENON_STATUS_OK) answer->cost = measured;
    return status == TENON_STATUS_OUT_OF_MEMORY ? (tenon_status)TENON_STATUS_OK : status;
}

tenon_status tenon__weigh_answer(tenon__claimer *claimer, const tenon__described *described, uint64_t claimed,
                                 tenon__answer *answer) {
    uint64_t declared = tenonh_exec_info(answer->exec)->cost;
    if (answer->costed) return TENON_STATUS_OK;
    answer->cost = declared ? declared : claimed;
    if (claimer->measure && !described->work.symbol_count) TENON_TRY(measure_answer(claimer, described, answer));
    if (answer->cost) TENON_TRY(cost_instead(claimer, described, &answer->instead));
    answer->declined = answer->instead && answer->instead < answer->cost;
    answer->costed = true;
    return TENON_STATUS_OK;
}
