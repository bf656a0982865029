/* Defects of prepare and launch that are another request: attributes, host scalars and symbols that are not the host's. */
#include "mutants/tamper.h"

#include <stdlib.h>
#include <string.h>
#include <tenon/hooks.h>

/* -- Attributes ------------------------------------------------------------------------------------------------------- */

enum { SET, NEXT_AXIS, LESS };

/* What becomes of an attribute of an operator, or of a composite. */
static const struct {
    uint32_t defect;
    tenon_op op;
    const char *composite;
    uint32_t attr, change;
    int64_t value;
} attributes[] = {
    {MUTANT_iota_axis_off_by_one, TENON_OP_IOTA, NULL, TENON_ATTR_AXIS, NEXT_AXIS, 0},
    {MUTANT_scan_axis_off_by_one, TENON_OP_SCAN, NULL, TENON_ATTR_AXIS, NEXT_AXIS, 0},
    {MUTANT_sort_axis_off_by_one, TENON_OP_SORT, NULL, TENON_ATTR_AXIS, NEXT_AXIS, 0},
    {MUTANT_scan_exclusive_ignored, TENON_OP_SCAN, NULL, TENON_ATTR_EXCLUSIVE, SET, 0},
    {MUTANT_scan_reverse_ignored, TENON_OP_SCAN, NULL, TENON_ATTR_REVERSE, SET, 0},
    {MUTANT_pad_low_off_by_one, TENON_OP_PAD, NULL, TENON_ATTR_LOW, LESS, 1},
    {MUTANT_layer_norm_without_epsilon, 0, "tenon.layer_norm", TENON_ATTR_EPSILON, SET, 0},
    {MUTANT_softmax_axis_off_by_one, 0, "tenon.softmax", TENON_ATTR_AXIS, NEXT_AXIS, 0},
    {MUTANT_concat_axis_off_by_one, 0, "tenon.concat", TENON_ATTR_AXIS, NEXT_AXIS, 0},
};

static void change_values(uint32_t change, int64_t by, uint32_t rank, const tenon_attr *attr, int64_t *values) {
    for (uint32_t i = 0; i < attr->count; i++) {
        values[i] = attr->values[i];
        if (change == SET) values[i] = by;
        if (change == NEXT_AXIS && rank) values[i] = (values[i] + 1) % rank;
    }
    if (change == LESS && attr->count && values[attr->count - 1] >= by) values[attr->count - 1] -= by;
}

/* A copy of attributes in which the defect has changed one. NULL: none of them is meant. */
static const tenon_attr *change_attrs(mutant_request *request, tenon_op op, const char *composite, uint32_t rank,
                                      const tenon_attr *attrs, uint32_t count) {
    for (uint32_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        bool meant = planted(attributes[i].defect) && attributes[i].op == op &&
                     (op || (composite && attributes[i].composite && strcmp(composite, attributes[i].composite) == 0));
        const tenon_attr *found = meant && attrs ? tenon_attr_find(attrs, count, attributes[i].attr) : NULL;
        if (!found || !attrs || count > MUTANT_MAX_ATTRS || found->count > MUTANT_MAX_VALUES) continue;
        memcpy(request->attrs, attrs, count * sizeof *attrs);
        change_values(attributes[i].change, attributes[i].value, rank, found, request->values);
        request->attrs[found - attrs].values = request->values;
        return request->attrs;
    }
    return NULL;
}

static void change_op(mutant_request *request, const tenon_work *work) {
    uint32_t rank = work->operand_count ? work->operands[work->operand_count - 1].view.rank : 0;
    const tenon_attr *changed = change_attrs(request, work->op->op, NULL, rank, work->op->attrs, work->op->attr_count);
    if (!changed) return;
    request->op = *work->op;
    request->op.attrs = changed;
    request->work.op = &request->op;
}

/* The first node that is meant. */
static void change_graph(mutant_request *request, const tenon_work *work) {
    const tenon_graph_work *graph = work->graph;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const tenon_graph_node *node = &graph->nodes[i];
        uint32_t rank = node->output_count ? graph->values[node->outputs[0]].rank : 0;
        const tenon_attr *changed = change_attrs(request, node->op, node->name, rank, node->attrs, node->attr_count);
        if (!changed) continue;
        request->nodes = malloc(graph->node_count * sizeof *request->nodes);
        if (!request->nodes) return;
        memcpy(request->nodes, graph->nodes, graph->node_count * sizeof *request->nodes);
        request->nodes[i].attrs = changed;
        request->graph = *graph;
        request->graph.nodes = request->nodes;
        request->work.graph = &request->graph;
        return;
    }
}

/* -- Constants -------------------------------------------------------------------------------------------------------- */

/* Bytes of the first constant of each size: what a cache with too short a key finds. */
static struct {
    void *bytes;
    uint64_t size;
} constants[64];

static const void *first_of_size(const void *bytes, uint64_t size) {
    for (uint32_t i = 0; i < 64; i++) {
        if (constants[i].bytes && constants[i].size == size) return constants[i].bytes;
        if (constants[i].bytes) continue;
        constants[i].bytes = malloc(size ? size : 1);
        if (!constants[i].bytes) return bytes;
        constants[i].size = size;
        memcpy(constants[i].bytes, bytes, size);
        return bytes;
    }
    return bytes;
}

static void change_constants(mutant_request *request, const tenon_work *work) {
    if (!planted(MUTANT_constants_of_a_size_alike) || !work->operand_count) return;
    request->operands = malloc((work->operand_count + 1) * sizeof *request->operands);
    if (!request->operands) return;
    memcpy(request->operands, work->operands, work->operand_count * sizeof *request->operands);
    for (uint32_t i = 0; i < work->operand_count; i++)
        if (request->operands[i].role == TENON_ROLE_CONSTANT && request->operands[i].data)
            request->operands[i].data = first_of_size(request->operands[i].data, request->operands[i].data_size);
    request->work.operands = request->operands;
}

/* Of the ranges' three members two are kept. */
static void drop_divisors(mutant_request *request, const tenon_work *work) {
    if (!planted(MUTANT_divisors_unchecked) || !work->symbol_count || !work->symbols) return;
    request->symbols = malloc(work->symbol_count * sizeof *request->symbols);
    if (!request->symbols) return;
    memcpy(request->symbols, work->symbols, work->symbol_count * sizeof *request->symbols);
    for (uint32_t i = 0; i < work->symbol_count; i++) request->symbols[i].divisor = 1;
    request->work.symbols = request->symbols;
}

const tenon_work *mutant_request_begin(const tenon_work *work, mutant_request *out_request) {
    memset(out_request, 0, sizeof *out_request);
    if (!work || work->struct_size < TENON_WORK_SIZE_V1) return work;
    bool tail = work->struct_size > sizeof *work;
    memcpy(&out_request->work, work, tail ? sizeof *work : work->struct_size);
    if (planted(MUTANT_work_tail_ignored) && tail) {
        out_request->work.struct_size = sizeof *work;
        return &out_request->work;
    }
    bool whole = !tail && tenon_work_check(work) == TENON_STATUS_OK && (work->operands || !work->operand_count);
    if (!whole) return work;
    if (work->kind == TENON_WORK_OP && work->op) change_op(out_request, work);
    if (work->kind == TENON_WORK_GRAPH && work->graph) change_graph(out_request, work);
    change_constants(out_request, work);
    drop_divisors(out_request, work);
    bool changed = out_request->work.op != work->op || out_request->work.graph != work->graph ||
                   out_request->work.operands != work->operands || out_request->work.symbols != work->symbols;
    return changed ? &out_request->work : work;
}

void mutant_request_end(mutant_request *request) {
    free(request->nodes);
    free(request->operands);
    free(request->symbols);
}

/* -- Scalars and symbols ---------------------------------------------------------------------------------------------- */

static const struct {
    uint32_t defect;
    tenon_op op;
    uint32_t scalar;
    uint64_t mask, add;
} scalars[] = {
    {MUTANT_pad_value_zero, TENON_OP_PAD, 0, 0, 0},
    {MUTANT_fill_value_low_half, TENON_OP_FILL, 0, 0xffffffff, 0},
    {MUTANT_random_bits_off_by_one, TENON_OP_RANDOM_BITS, 1, UINT64_MAX, 1},
    {MUTANT_random_bits_low_key, TENON_OP_RANDOM_BITS, 0, 0xffffffff, 0},
    {MUTANT_random_bits_offset_in_blocks, TENON_OP_RANDOM_BITS, 1, ~(uint64_t)3, 0},
};

void mutant_change_scalars(tenon_op op, tenon_launch *launch, uint64_t *kept, uint32_t most) {
    if (!launch->scalars || launch->scalar_count > most) return;
    for (uint32_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        if (!planted(scalars[i].defect) || scalars[i].op != op || scalars[i].scalar >= launch->scalar_count) continue;
        memcpy(kept, launch->scalars, launch->scalar_count * sizeof *kept);
        kept[scalars[i].scalar] = (kept[scalars[i].scalar] & scalars[i].mask) + scalars[i].add;
        launch->scalars = kept;
    }
}
