/* Graphs as they are built and evaluated. */
#include "cases/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims/tensor.h"

/* -- Building --------------------------------------------------------------------------------------------------------- */

static void need_room(bool there_is) {
    if (there_is) return;
    fprintf(stderr, "%s: a graph has no room left\n", cf_row_name());
    abort();
}

static uint32_t add_value(cf_graph *g, uint32_t role, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    need_room(g->value_count < CF_GRAPH_VALUES && rank <= TENON_MAX_RANK);
    cf_graph_value *v = &g->values[g->value_count];
    *v = (cf_graph_value){.operand = {.dtype = dtype, .rank = rank}, .role = role};
    if (rank) memcpy(v->operand.dims, dims, rank * sizeof *dims);
    return g->value_count++;
}

uint32_t cf_graph_input(cf_graph *g, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    return add_value(g, TENON_ROLE_INPUT, dtype, rank, dims);
}

uint32_t cf_graph_constant(cf_graph *g, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    return add_value(g, TENON_ROLE_CONSTANT, dtype, rank, dims);
}

cf_graph_node *cf_graph_begin(cf_graph *g, tenon_op op, const uint32_t *inputs, uint32_t input_count) {
    need_room(g->node_count < CF_GRAPH_NODES && input_count <= CF_GRAPH_INPUTS);
    cf_graph_node *node = &g->nodes[g->node_count++];
    *node = (cf_graph_node){.op = op, .input_count = input_count};
    if (input_count) memcpy(node->inputs, inputs, input_count * sizeof *inputs);
    for (uint32_t i = 0; i < input_count; i++) g->values[inputs[i]].uses++;
    return node;
}

void cf_graph_attr(cf_graph_node *node, uint32_t id, uint32_t count, const int64_t *entries) {
    need_room(node->attr_count < CF_GRAPH_ATTRS && count <= TENON_MAX_RANK);
    uint32_t at = node->attr_count++;
    if (count) memcpy(node->numbers[at], entries, count * sizeof *entries);
    node->attrs[at] = (tenon_attr){id, count, node->numbers[at]};
}

uint32_t cf_graph_output(cf_graph *g, cf_graph_node *node, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    uint32_t value = add_value(g, 0, dtype, rank, dims);
    node->outputs[node->output_count++] = value;
    return value;
}

void cf_graph_undo(cf_graph *g) {
    cf_graph_node *node = &g->nodes[--g->node_count];
    for (uint32_t i = 0; i < node->input_count; i++) g->values[node->inputs[i]].uses--;
    for (uint32_t i = 0; i < node->output_count; i++) free(g->values[--g->value_count].operand.bytes);
}

uint32_t cf_graph_map(cf_graph *g, tenon_op op, const uint32_t *inputs, uint32_t input_count) {
    const cf_operand *x = &g->values[inputs[input_count - 1]].operand;
    cf_graph_node *node = cf_graph_begin(g, op, inputs, input_count);
    bool compares = tenon_op_row_of(op)->result == TENON_RESULT_BOOL;
    tenon_dtype dtype = compares ? (tenon_dtype)TENON_DTYPE_BOOL : x->dtype;
    uint32_t value = cf_graph_output(g, node, dtype, x->rank, x->dims);
    need_room(cf_graph_end(g, node) == TENON_STATUS_OK);
    return value;
}

void cf_graph_result(cf_graph *g, uint32_t value) {
    g->values[value].role = TENON_ROLE_OUTPUT;
}

void cf_graph_free(cf_graph *g) {
    for (uint32_t i = 0; i < g->value_count; i++) free(g->values[i].operand.bytes);
    *g = (cf_graph){.value_count = 0};
}

/* -- Evaluating ------------------------------------------------------------------------------------------------------- */

static fake_tensor tensor_of(const cf_operand *operand) {
    fake_tensor t = {.dtype = operand->dtype, .rank = operand->rank, .data = operand->bytes};
    int64_t stride = 1;
    for (uint32_t i = operand->rank; i-- > 0;) {
        t.dims[i] = operand->dims[i];
        t.strides[i] = stride;
        stride *= operand->dims[i];
    }
    return t;
}

static bool make_bytes(cf_operand *operand) {
    size_t count = (size_t)cf_count(operand->rank, operand->dims);
    free(operand->bytes);
    operand->bytes = calloc(count + 1, tenon_dtype_bits(operand->dtype) / 8);
    return operand->bytes != NULL;
}

tenon_status cf_graph_end(cf_graph *g, cf_graph_node *node) {
    fake_tensor in[CF_GRAPH_INPUTS] = {{0}}, out[2] = {{0}};
    const tenon_attr *scalars = tenon_attr_find(node->attrs, node->attr_count, TENON_ATTR_SCALARS);
    uint64_t words[2] = {0};
    for (uint32_t i = 0; scalars && i < scalars->count && i < 2; i++) words[i] = (uint64_t)scalars->values[i];
    fake_call call = {node->op, node->name, node->attrs, node->attr_count, words};
    for (uint32_t i = 0; i < node->input_count; i++) in[i] = tensor_of(&g->values[node->inputs[i]].operand);
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (!make_bytes(&g->values[node->outputs[i]].operand)) return TENON_STATUS_OUT_OF_MEMORY;
        out[i] = tensor_of(&g->values[node->outputs[i]].operand);
    }
    return fake_run(&call, in, node->input_count, out);
}

tenon_status cf_graph_evaluate(cf_graph *g) {
    for (uint32_t i = 0; i < g->node_count; i++) TENON_TRY(cf_graph_end(g, &g->nodes[i]));
    return TENON_STATUS_OK;
}

/* -- As work ---------------------------------------------------------------------------------------------------------- */

static tenon_view view_of(const cf_operand *operand) {
    tenon_view view = {.dtype = operand->dtype, .rank = operand->rank};
    int64_t stride = 1;
    for (uint32_t i = operand->rank; i-- > 0;) {
        view.dims[i] = (tenon_extent){.value = operand->dims[i], .symbol = TENON_NO_SYMBOL};
        view.strides[i] = (tenon_extent){.value = stride, .symbol = TENON_NO_SYMBOL};
        stride *= operand->dims[i] > 1 ? operand->dims[i] : 1;
    }
    return view;
}

/* Inputs and constants first, then results, then the rest; each in the order of building. */
uint32_t cf_graph_number(cf_graph *g) {
    uint32_t count = 0, operands = 0;
    for (uint32_t turn = 0; turn < 3; turn++) {
        if (turn == 2) operands = count;
        for (uint32_t i = 0; i < g->value_count; i++) {
            uint32_t role = g->values[i].role, when = role == 0 ? 2 : role == TENON_ROLE_OUTPUT;
            if (when == turn) g->values[i].number = count++;
        }
    }
    return operands;
}

static void describe_operand(const cf_graph_value *v, tenon_operand *out) {
    uint64_t size = (uint64_t)cf_count(v->operand.rank, v->operand.dims) * (tenon_dtype_bits(v->operand.dtype) / 8);
    *out = (tenon_operand){.role = v->role, .alignment = tenon_dtype_bits(v->operand.dtype) / 8};
    out->view = view_of(&v->operand);
    if (v->role != TENON_ROLE_CONSTANT) return;
    out->data = v->operand.bytes;
    out->data_size = size;
}

void cf_graph_describe(cf_graph *g, cf_graph_work *w) {
    memset(w, 0, sizeof *w);
    w->work = (tenon_work){.struct_size = sizeof w->work, .kind = TENON_WORK_GRAPH};
    w->work.operand_count = cf_graph_number(g);
    for (uint32_t i = 0; i < g->value_count; i++) {
        w->values[g->values[i].number] = view_of(&g->values[i].operand);
        if (g->values[i].role) describe_operand(&g->values[i], &w->operands[g->values[i].number]);
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        const cf_graph_node *node = &g->nodes[i];
        for (uint32_t k = 0; k < node->input_count; k++) w->inputs[i][k] = g->values[node->inputs[k]].number;
        for (uint32_t k = 0; k < node->output_count; k++) w->outputs[i][k] = g->values[node->outputs[k]].number;
        w->nodes[i] = (tenon_graph_node){.op = node->op,
                                         .version = node->name ? 1 : 0,
                                         .name = node->name,
                                         .attrs = node->attrs,
                                         .inputs = w->inputs[i],
                                         .outputs = w->outputs[i],
                                         .attr_count = node->attr_count,
                                         .input_count = node->input_count,
                                         .output_count = node->output_count};
    }
    w->graph = (tenon_graph_work){.struct_size = sizeof w->graph,
                                  .node_count = g->node_count,
                                  .nodes = w->nodes,
                                  .values = w->values,
                                  .value_count = g->value_count};
    w->work.operands = w->operands;
    w->work.graph = &w->graph;
}
