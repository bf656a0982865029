/* Checks of composite and graph work: lists of inputs, and a graph in which each value is defined once before it is used. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "device/work_check_internal.h"

#define MALFORMED TENON__MALFORMED

/* Inputs and constants first, then at least one output: nothing is changed in place. */
static tenon_status check_roles(const tenon_work *work, uint32_t *out_inputs) {
    uint32_t inputs = 0;
    while (inputs < work->operand_count && work->operands[inputs].role != TENON_ROLE_OUTPUT) inputs++;
    for (uint32_t i = 0; i < work->operand_count; i++) {
        uint32_t role = work->operands[i].role;
        if (role == TENON_ROLE_INOUT || (i > inputs && role != TENON_ROLE_OUTPUT))
            return MALFORMED("operand %u has role %u: inputs and constants come first, outputs last", i, role);
    }
    if (inputs == work->operand_count) return MALFORMED("it has no output");
    *out_inputs = inputs;
    return TENON_STATUS_OK;
}

tenon_status tenon__check_composite(const tenon_work *work) {
    const tenon_composite_work *composite = work->composite;
    uint32_t inputs = 0, named = 0;
    TENON_TRY(tenon__check_descriptor(composite, "composite", TENON_COMPOSITE_WORK_SIZE_V1, sizeof *composite));
    if (!composite->name || !*composite->name) return MALFORMED("the composite has no name");
    TENON_TRY(tenon__check_attrs(composite->name, composite->attrs, composite->attr_count));
    TENON_TRY(check_roles(work, &inputs));
    if (composite->struct_size < sizeof *composite || !composite->inputs) return TENON_STATUS_OK;
    for (uint32_t i = 0; i < composite->input_count; i++) {
        if (composite->inputs[i] == TENON_ABSENT) continue;
        if (composite->inputs[i] != named++)
            return MALFORMED("%s: input %u is operand %u; inputs name the operands in order", composite->name, i,
                             composite->inputs[i]);
    }
    if (named == inputs) return TENON_STATUS_OK;
    return MALFORMED("%s: its inputs name %u operands of %u", composite->name, named, inputs);
}

/* Which values are defined so far, a byte each. */
static tenon_status check_defined(const tenon_graph_work *graph, const uint8_t *defined, uint32_t node) {
    const tenon_graph_node *n = &graph->nodes[node];
    for (uint32_t i = 0; i < n->input_count; i++) {
        uint32_t value = n->inputs[i];
        if (value == TENON_ABSENT && n->op == TENON_OP_NONE) continue;
        if (value >= graph->value_count || !defined[value])
            return MALFORMED("node %u: input %u is value %u, which is not defined before", node, i, value);
    }
    return TENON_STATUS_OK;
}

static tenon_status define(const tenon_graph_work *graph, uint8_t *defined, uint32_t node) {
    const tenon_graph_node *n = &graph->nodes[node];
    for (uint32_t i = 0; i < n->output_count; i++) {
        uint32_t value = n->outputs[i];
        if (value >= graph->value_count || defined[value])
            return MALFORMED("node %u: output %u is value %u of %u, or defined twice", node, i, value,
                             graph->value_count);
        defined[value] = 1;
    }
    return TENON_STATUS_OK;
}

static tenon_status check_node(const tenon_graph_work *graph, uint32_t node) {
    const tenon_graph_node *n = &graph->nodes[node];
    const tenon_op_row *row = tenon_op_row_of(n->op);
    if ((n->input_count && !n->inputs) || !n->output_count || !n->outputs)
        return MALFORMED("node %u: a list is NULL, or it has no output", node);
    if (n->op == TENON_OP_NONE && (!n->name || !*n->name))
        return MALFORMED("node %u is neither operator nor composite", node);
    TENON_TRY(tenon__check_attrs(n->name ? n->name : row ? row->name : "node", n->attrs, n->attr_count));
    if (n->op == TENON_OP_NONE) return TENON_STATUS_OK;
    if (!row || n->name) return MALFORMED("node %u: %u is no operator, or it has a name too", node, n->op);
    bool inout = row->family == TENON_FAMILY_UPDATE || row->family == TENON_FAMILY_SCATTER;
    if (n->input_count == row->input_count + inout && n->output_count == row->output_count) return TENON_STATUS_OK;
    return MALFORMED("node %u: %s has %u inputs and %u outputs, not %u and %u", node, row->name,
                     row->input_count + inout, row->output_count, n->input_count, n->output_count);
}

static tenon_status check_values(const tenon_work *work) {
    const tenon_graph_work *graph = work->graph;
    for (uint32_t i = 0; i < graph->value_count; i++) {
        TENON_TRY(tenon__check_view(work, "value", i, &graph->values[i]));
        if (i < work->operand_count && memcmp(&graph->values[i], &work->operands[i].view, sizeof(tenon_view)) != 0)
            return MALFORMED("value %u has not the view of operand %u", i, i);
    }
    return TENON_STATUS_OK;
}

static tenon_status check_flow(const tenon_work *work, uint8_t *defined) {
    const tenon_graph_work *graph = work->graph;
    for (uint32_t i = 0; i < work->operand_count; i++) defined[i] = work->operands[i].role != TENON_ROLE_OUTPUT;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        TENON_TRY(check_node(graph, i));
        TENON_TRY(check_defined(graph, defined, i));
        TENON_TRY(define(graph, defined, i));
    }
    for (uint32_t i = 0; i < graph->value_count; i++)
        if (!defined[i]) return MALFORMED("value %u is never defined", i);
    return TENON_STATUS_OK;
}

tenon_status tenon__check_graph(const tenon_work *work) {
    const tenon_graph_work *graph = work->graph;
    uint32_t inputs = 0;
    TENON_TRY(tenon__check_descriptor(graph, "graph", TENON_GRAPH_WORK_SIZE_V1, sizeof *graph));
    if (!graph->node_count || !graph->nodes || !graph->values || graph->value_count < work->operand_count)
        return MALFORMED("graph: no nodes, or fewer values than operands");
    TENON_TRY(check_roles(work, &inputs));
    TENON_TRY(check_values(work));
    uint8_t *defined = calloc(graph->value_count, 1);
    if (!defined) return tenon__fail_memory();
    tenon_status status = check_flow(work, defined);
    free(defined);
    return status;
}
