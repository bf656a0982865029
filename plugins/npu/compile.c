#include "compile.h"

#include <string.h>

#include "chain.h"
#include "check.h"
#include "plan.h"

int64_t npu_count(uint32_t rank, const int64_t *dims) {
    int64_t count = 1;
    for (uint32_t i = 0; i < rank; i++) count *= dims[i];
    return count;
}

int64_t npu_attr(const npu_compiler *c, uint32_t id) {
    return tenon_attr_int(c->node->attrs, c->node->attr_count, id, tenon_attr_row_of(id)->default_value);
}

/* -- Buffers and steps ---------------------------------------------------------------------------------------------- */

static tenon_status add_buffer(npu_compiler *c, npu_buffer buffer, uint32_t *out_buffer) {
    tenon_exec *exec = c->exec;
    if (exec->buffer_count == c->buffer_room) {
        uint32_t room = c->buffer_room ? 2 * c->buffer_room : 64;
        npu_buffer *grown = npu_arena_get(&exec->arena, room * sizeof *grown);
        if (!grown) return TENON_STATUS_OUT_OF_MEMORY;
        if (exec->buffer_count) memcpy(grown, exec->buffers, exec->buffer_count * sizeof *grown);
        exec->buffers = grown;
        c->buffer_room = room;
    }
    exec->buffers[exec->buffer_count] = buffer;
    *out_buffer = exec->buffer_count++;
    return TENON_STATUS_OK;
}

tenon_status npu_make_buffer(npu_compiler *c, tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                             uint32_t *out_buffer) {
    npu_buffer buffer = {.form = npu_form_blocked(tenon_dtype_bits(dtype) / 8, rank, dims),
                         .place = NPU_AT_WORKSPACE,
                         .first = UINT32_MAX};
    return add_buffer(c, buffer, out_buffer);
}

tenon_status npu_hold_element(npu_compiler *c, tenon_dtype dtype, const void *bits, uint32_t *out_buffer) {
    npu_buffer buffer = {.form = npu_form_blocked(tenon_dtype_bits(dtype) / 8, 0, NULL), .place = NPU_AT_HOME};
    buffer.bytes = npu_arena_get(&c->exec->arena, npu_form_bytes(&buffer.form));
    if (!buffer.bytes) return TENON_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < NPU_LANES; i++)
        memcpy((char *)buffer.bytes + (size_t)i * buffer.form.size, bits, buffer.form.size);
    return add_buffer(c, buffer, out_buffer);
}

tenon_status npu_make_step(npu_compiler *c, uint64_t size,
                           tenon_status (*run)(const npu_step *step, const npu_run *run), void *out_step) {
    tenon_exec *exec = c->exec;
    if (exec->step_count == c->step_room) {
        uint32_t room = c->step_room ? 2 * c->step_room : 64;
        npu_step **grown = npu_arena_get(&exec->arena, room * sizeof *grown);
        if (!grown) return TENON_STATUS_OUT_OF_MEMORY;
        if (exec->step_count) memcpy(grown, exec->steps, exec->step_count * sizeof *grown);
        exec->steps = grown;
        c->step_room = room;
    }
    npu_step *step = npu_arena_get(&exec->arena, size);
    if (!step) return TENON_STATUS_OUT_OF_MEMORY;
    step->run = run;
    step->node = c->node ? (uint32_t)(c->node - c->graph->nodes) : 0;
    exec->steps[exec->step_count++] = step;
    memcpy(out_step, &step, sizeof step);
    return TENON_STATUS_OK;
}

void npu_touch(npu_compiler *c, uint32_t buffer) {
    npu_buffer *b = &c->exec->buffers[buffer];
    uint32_t step = c->exec->step_count - 1;
    if (b->place != NPU_AT_WORKSPACE) return;
    if (b->first == UINT32_MAX) b->first = step;
    b->last = step;
}

/* -- Values ------------------------------------------------------------------------------------------------------- */

tenon_status npu_value_view(npu_compiler *c, uint32_t value, npu_view *out_view) {
    npu_value *v = &c->values[value];
    if (v->chained) TENON_TRY(npu_chain_end(c));
    if (!v->is_known) return NPU_FAIL(c->device, TENON_STATUS_INVALID, "value %u is used before it is made", value);
    *out_view = v->view;
    return TENON_STATUS_OK;
}

tenon_status npu_input(npu_compiler *c, uint32_t index, npu_view *out_view) {
    return npu_value_view(c, c->node->inputs[index], out_view);
}

tenon_status npu_set_output(npu_compiler *c, uint32_t index, const npu_view *view) {
    npu_value *v = &c->values[c->node->outputs[index]];
    v->view = *view;
    TENON_TRY(npu_reshape(c, &v->view, v->rank, v->dims));
    v->view.dtype = v->dtype;
    v->is_known = 1;
    return TENON_STATUS_OK;
}

tenon_status npu_make_output(npu_compiler *c, uint32_t index, uint32_t *out_buffer) {
    npu_value *v = &c->values[c->node->outputs[index]];
    TENON_TRY(npu_make_buffer(c, v->dtype, v->rank, v->dims, out_buffer));
    npu_view view = npu_view_of(*out_buffer, v->dtype, v->rank, v->dims);
    return npu_set_output(c, index, &view);
}

/* -- The graph ------------------------------------------------------------------------------------------------------ */

static tenon_status add_operand(npu_compiler *c, uint32_t index) {
    const tenon_operand *operand = &c->work->operands[index];
    npu_value *v = &c->values[index];
    npu_operand *o = &c->exec->operands[index];
    uint32_t size = tenon_dtype_bits(v->dtype) / 8, buffer;
    int64_t count = npu_count(v->rank, v->dims);
    o->role = operand->role;
    o->size = (uint64_t)count * size;
    o->alignment = size;
    if (operand->role == TENON_ROLE_CONSTANT && count == 1) {
        o->is_held = 1;
        TENON_TRY(npu_hold_element(c, v->dtype, operand->data, &buffer));
    } else {
        npu_buffer dense = {
            .form = npu_form_dense(size, count), .place = NPU_AT_OPERAND, .operand = index, .is_dense = 1};
        TENON_TRY(add_buffer(c, dense, &buffer));
    }
    v->view = npu_view_of(buffer, v->dtype, v->rank, v->dims);
    v->is_known = operand->role != TENON_ROLE_OUTPUT;
    return TENON_STATUS_OK;
}

static tenon_status begin(npu_compiler *c) {
    const tenon_work *work = c->work;
    uint32_t count = c->graph->value_count;
    c->exec->operand_count = work->operand_count;
    c->exec->operands = npu_arena_get(&c->exec->arena, work->operand_count * sizeof *c->exec->operands);
    c->values = npu_arena_get(&c->scratch, count * sizeof *c->values);
    if (!c->values || !c->exec->operands) return TENON_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const tenon_view *view = &c->graph->values[i];
        npu_value *v = &c->values[i];
        v->dtype = view->dtype;
        v->rank = view->rank;
        for (uint32_t k = 0; k < view->rank; k++) v->dims[k] = view->dims[k].value;
        if (i < work->operand_count && work->operands[i].role == TENON_ROLE_OUTPUT) v->uses++;
    }
    for (uint32_t i = 0; i < work->operand_count; i++) TENON_TRY(add_operand(c, i));
    for (uint32_t i = 0; i < c->graph->node_count; i++)
        for (uint32_t k = 0; k < c->graph->nodes[i].input_count; k++) {
            uint32_t input = c->graph->nodes[i].inputs[k];
            if (input != TENON_ABSENT) c->values[input].uses++;
        }
    return TENON_STATUS_OK;
}

static tenon_status (*const families[])(npu_compiler *c) = {
    [TENON_FAMILY_VIEW] = npu_lower_view,       [TENON_FAMILY_COPY] = npu_lower_same,
    [TENON_FAMILY_FILL] = npu_lower_fill,       [TENON_FAMILY_IOTA] = npu_lower_iota,
    [TENON_FAMILY_PAD] = npu_lower_pad,         [TENON_FAMILY_CAST] = npu_lower_element,
    [TENON_FAMILY_BITCAST] = npu_lower_same,    [TENON_FAMILY_UPDATE] = npu_lower_update,
    [TENON_FAMILY_MAP] = npu_lower_element,     [TENON_FAMILY_REDUCE] = npu_lower_reduce,
    [TENON_FAMILY_ARG] = npu_lower_arg,         [TENON_FAMILY_GATHER] = npu_lower_gather,
    [TENON_FAMILY_SCATTER] = npu_lower_scatter, [TENON_FAMILY_CONTRACT] = npu_lower_matmul,
    [TENON_FAMILY_SORT] = npu_lower_sort,       [TENON_FAMILY_SCAN] = npu_lower_scan,
    [TENON_FAMILY_RANDOM] = npu_lower_random,
};

/* By npu_composite. */
static tenon_status (*const composites[])(npu_compiler *c) = {
    [NPU_CONCAT] = npu_lower_concat,
    [NPU_SOFTMAX] = npu_lower_softmax,
    [NPU_LAYER_NORM] = npu_lower_layer_norm,
};

static tenon_status lower_node(npu_compiler *c, const tenon_graph_node *node) {
    const tenon_op_row *row = tenon_op_row_of(node->op);
    c->node = node;
    if (c->device->host->cancelled(c->device->host, c->work))
        return NPU_FAIL(c->device, TENON_STATUS_CANCELLED, "cancelled while the graph was compiled");
    return row ? families[row->family](c) : composites[npu_composite_of(node)](c);
}

/* The results, brought into the launch's buffers. */
static tenon_status end(npu_compiler *c) {
    TENON_TRY(npu_chain_end(c));
    for (uint32_t i = 0; i < c->work->operand_count; i++) {
        if (c->work->operands[i].role != TENON_ROLE_OUTPUT) continue;
        npu_view view = {.rank = 0};
        int64_t steps[NPU_MOST_RANK] = {0};
        uint32_t dense = 0;
        npu_buffer result = {.form = npu_form_dense(tenon_dtype_bits(c->values[i].dtype) / 8,
                                                    npu_count(c->values[i].rank, c->values[i].dims)),
                             .place = NPU_AT_OPERAND,
                             .operand = i,
                             .is_dense = 1};
        TENON_TRY(npu_value_view(c, i, &view));
        TENON_TRY(add_buffer(c, result, &dense));
        npu_plain_steps(view.rank, view.dims, steps);
        TENON_TRY(npu_copy_into(c, &view, dense, steps, 0));
    }
    return npu_plan(c);
}

static tenon_status compile(npu_compiler *c) {
    TENON_TRY(begin(c));
    for (uint32_t i = 0; i < c->graph->node_count; i++) TENON_TRY(lower_node(c, &c->graph->nodes[i]));
    return end(c);
}

tenon_status npu_compile(tenon_device *device, const tenon_work *work, tenon_exec **out_exec) {
    npu_compiler c = {.device = device, .work = work, .graph = work->graph, .scratch = {device, NULL}};
    c.exec = npu_allocate(device, sizeof *c.exec);
    if (!c.exec) return TENON_STATUS_OUT_OF_MEMORY;
    c.exec->arena.device = device;
    tenon_status status = compile(&c);
    npu_arena_free(&c.scratch);
    if (status == TENON_STATUS_OK) {
        *out_exec = c.exec;
        return TENON_STATUS_OK;
    }
    npu_arena_free(&c.exec->arena);
    npu_release(device, c.exec);
    return status;
}
