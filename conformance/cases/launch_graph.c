#include "cases/launch_graph.h"

#include <stdlib.h>
#include <string.h>

#include "cases/run.h"
#include "support/error.h"

bool cf_runs_graphs(void) {
    return cf_under_test.as_graphs || cf_takes_graphs_only();
}

/* -- The graph ------------------------------------------------------------------------------------------------------ */

enum { MOST_OPERANDS = CF_MAX_BUFFERS + 1, MOST_NODES = MOST_OPERANDS + 1, MOST_VALUES = 2 * MOST_OPERANDS, LISTS = 3 };

typedef struct row_graph {
    tenon_operand operands[MOST_OPERANDS];
    tenon_view values[MOST_VALUES];
    tenon_graph_node nodes[MOST_NODES];
    uint32_t inputs[MOST_NODES][CF_MAX_OPERANDS], outputs[MOST_NODES][CF_MAX_RESULTS];
    tenon_attr attrs[MOST_NODES][CF_MAX_ATTRS + 1];
    int64_t numbers[MOST_NODES][LISTS][TENON_MAX_RANK]; /* of view's attributes */
    int64_t scalars[2];
    tenon_graph_work graph;
    tenon_work work;
} row_graph;

static tenon_view view_of(tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    tenon_view view = {.dtype = dtype, .rank = rank};
    int64_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        view.dims[i] = (tenon_extent){.value = dims[i], .symbol = TENON_NO_SYMBOL};
        view.strides[i] = (tenon_extent){.value = stride, .symbol = TENON_NO_SYMBOL};
        stride *= dims[i] > 1 ? dims[i] : 1;
    }
    return view;
}

static void add_operand(row_graph *g, uint32_t role, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    uint32_t number = g->work.operand_count++;
    g->values[number] = view_of(dtype, rank, dims);
    g->operands[number] =
        (tenon_operand){.role = role, .alignment = tenon_dtype_bits(dtype) / 8, .view = g->values[number]};
}

static tenon_graph_node *add_node(row_graph *g, tenon_op op) {
    uint32_t number = g->graph.node_count++;
    g->nodes[number] = (tenon_graph_node){
        .op = op, .attrs = g->attrs[number], .inputs = g->inputs[number], .outputs = g->outputs[number]};
    return &g->nodes[number];
}

static void add_list(row_graph *g, tenon_graph_node *node, uint32_t id, uint32_t rank, const int64_t *entries) {
    uint32_t number = (uint32_t)(node - g->nodes), list = node->attr_count++;
    memcpy(g->numbers[number][list], entries, rank * sizeof *entries);
    g->attrs[number][list] = (tenon_attr){id, rank, g->numbers[number][list]};
}

/* A view from one value to another, by the layout of the stored side; `x` has the dims as the operator sees them. */
static void add_view(row_graph *g, const cf_operand *x, uint32_t from, uint32_t to) {
    static const tenon_op ops[CF_LAYOUT_COUNT] = {
        [CF_TRANSPOSED] = TENON_OP_PERMUTE, [CF_REVERSED] = TENON_OP_SLICE,    [CF_SPARSE] = TENON_OP_SLICE,
        [CF_PADDED] = TENON_OP_SLICE,       [CF_ROW] = TENON_OP_EXPAND,        [CF_COLUMN] = TENON_OP_EXPAND,
        [CF_ONE] = TENON_OP_EXPAND,         [CF_EVERY_OTHER] = TENON_OP_EXPAND};
    tenon_graph_node *node = add_node(g, ops[x->layout]);
    int64_t perm[TENON_MAX_RANK] = {0}, starts[TENON_MAX_RANK] = {0}, steps[TENON_MAX_RANK] = {0};
    for (uint32_t i = 0; i < x->rank; i++) {
        perm[i] = x->rank - 1 - i;
        if (x->layout == CF_REVERSED && x->dims[i]) starts[i] = x->dims[i] - 1;
        if (x->layout == CF_SPARSE && x->dims[i]) starts[i] = 1;
        steps[i] = x->layout == CF_REVERSED ? -1 : x->layout == CF_SPARSE ? 2 : 1;
    }
    ((uint32_t *)(uintptr_t)node->inputs)[node->input_count++] = from;
    ((uint32_t *)(uintptr_t)node->outputs)[node->output_count++] = to;
    if (node->op == TENON_OP_PERMUTE) add_list(g, node, TENON_ATTR_PERM, x->rank, perm);
    if (node->op == TENON_OP_SLICE) add_list(g, node, TENON_ATTR_STARTS, x->rank, starts);
    if (node->op == TENON_OP_SLICE) add_list(g, node, TENON_ATTR_STEPS, x->rank, steps);
    if (node->op != TENON_OP_PERMUTE) add_list(g, node, TENON_ATTR_DIMS, x->rank, x->dims);
}

static bool is_plain(const cf_operand *x) {
    return x->layout <= CF_OFFSET || x->rank == 0;
}

static uint32_t add_inner(row_graph *g, const cf_operand *x) {
    g->values[g->graph.value_count] = view_of(x->dtype, x->rank, x->dims);
    return g->graph.value_count++;
}

static void add_operator(row_graph *g, const cf_row *row, const uint32_t *inputs, uint32_t input_count,
                         const uint32_t *outputs) {
    tenon_graph_node *node = add_node(g, row->op);
    uint32_t number = (uint32_t)(node - g->nodes), scalars = tenon_op_row_of(row->op)->scalar_count;
    memcpy(g->inputs[number], inputs, input_count * sizeof *inputs);
    memcpy(g->outputs[number], outputs, row->result_count * sizeof *outputs);
    memcpy(g->attrs[number], row->attrs, row->attr_count * sizeof *row->attrs);
    memcpy(g->scalars, row->scalars, sizeof g->scalars);
    node->input_count = input_count;
    node->output_count = row->result_count;
    node->attr_count = row->attr_count;
    if (scalars) g->attrs[number][node->attr_count++] = (tenon_attr){TENON_ATTR_SCALARS, scalars, g->scalars};
}

/* Operands: inputs as they are stored, the first value of a result that has one, results as they are stored. */
static void describe(row_graph *g, const cf_row *row) {
    uint32_t input_count = tenon_op_row_of(row->op)->input_count, inputs[CF_MAX_OPERANDS] = {0},
             outputs[CF_MAX_RESULTS] = {0};
    bool in_place = cf_works_in_place(row->op);
    int64_t dims[TENON_MAX_RANK];
    memset(g, 0, sizeof *g);
    for (uint32_t k = 0; k < input_count; k++) {
        cf_stored_dims(&row->operands[k], dims);
        add_operand(g, TENON_ROLE_INPUT, row->operands[k].dtype, row->operands[k].rank, dims);
    }
    const cf_operand *first = &row->results[0];
    if (in_place) add_operand(g, TENON_ROLE_INPUT, first->dtype, first->rank, first->dims);
    for (uint32_t r = 0; r < row->result_count; r++) {
        cf_stored_dims(&row->results[r], dims);
        add_operand(g, TENON_ROLE_OUTPUT, row->results[r].dtype, row->results[r].rank, dims);
    }
    g->graph.value_count = g->work.operand_count;
    for (uint32_t k = 0; k < input_count + in_place; k++) {
        const cf_operand *x = k < input_count ? &row->operands[k] : first;
        inputs[k] = is_plain(x) ? k : add_inner(g, x);
        if (!is_plain(x)) add_view(g, x, k, inputs[k]);
    }
    for (uint32_t r = 0; r < row->result_count; r++) {
        const cf_operand *y = &row->results[r];
        outputs[r] = is_plain(y) ? input_count + in_place + r : add_inner(g, y);
    }
    add_operator(g, row, inputs, input_count + in_place, outputs);
    for (uint32_t r = 0; r < row->result_count; r++)
        if (!is_plain(&row->results[r])) add_view(g, &row->results[r], outputs[r], input_count + in_place + r);
    g->graph.struct_size = sizeof g->graph;
    g->graph.nodes = g->nodes;
    g->graph.values = g->values;
    g->work.struct_size = sizeof g->work;
    g->work.kind = TENON_WORK_GRAPH;
    g->work.operands = g->operands;
    g->work.graph = &g->graph;
}

/* -- Claims ----------------------------------------------------------------------------------------------------------- */

static tenon_status count_claims(const row_graph *g, uint32_t *out_count) {
    tenon_claim claims[MOST_NODES] = {{0}};
    *out_count = 0;
    TENON_TRY(tenonh_device_claim(cf_under_test.device, &g->work, claims));
    for (uint32_t i = 0; i < g->graph.node_count; i++) *out_count += claims[i].region != 0;
    return TENON_STATUS_OK;
}

/* False for an optional operator that the device does not claim. */
static bool is_launched(const cf_row *row) {
    row_graph g;
    uint32_t claimed;
    if (!tenon_op_row_of(row->op)->optional) return true;
    describe(&g, row);
    return count_claims(&g, &claimed) != TENON_STATUS_OK || claimed == g.graph.node_count;
}

bool cf_graph_expands(const cf_row *row) {
    return cf_takes_graphs_only() && !is_launched(row) && is_plain(&row->operands[0]) && is_plain(&row->results[0]);
}

bool cf_graph_applies(const cf_row *row) {
    for (uint32_t i = 0; i < row->result_count; i++) {
        uint32_t layout = row->results[i].layout;
        bool is_view = (layout == CF_TRANSPOSED || layout == CF_REVERSED) && !cf_works_in_place(row->op);
        if (layout <= CF_OFFSET || is_view) continue;
        cf_not_applicable("the device takes graphs, whose results have no gaps");
        return false;
    }
    if (is_launched(row) || cf_graph_expands(row)) return true;
    cf_not_applicable("the device does not claim %s, which is optional: its expansion runs %s",
                      tenon_op_row_of(row->op)->name,
                      cf_takes_graphs_only() ? "in rows without views" : "as other work, in rows of profile base");
    return false;
}

static tenon_status check_claims(const row_graph *g) {
    uint32_t claimed;
    TENON_TRY(count_claims(g, &claimed));
    if (claimed == g->graph.node_count) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_UNSUPPORTED, "the device claims %u of the %u nodes", claimed, g->graph.node_count);
}

tenon_status cf_launch_row(cf_launch *out, const cf_row *row) {
    row_graph g;
    uint32_t input_count = tenon_op_row_of(row->op)->input_count;
    *out = (cf_launch){.operand_count = input_count + row->result_count};
    describe(&g, row);
    TENON_TRY(check_claims(&g));
    tenon_status status = tenonh_exec_prepare(cf_under_test.device, &g.work, NULL, &out->exec);
    if (status != TENON_STATUS_OK)
        return tenon__fail(status, "the device claims every node, and refuses to prepare them: %s",
                           tenonh_error_message());
    out->prepared = (tenon__prepared){.placement = TENONH_PLACEMENT_GRAPH, .exec = out->exec};
    out->prepared.workspace_size = tenonh_exec_info(out->exec)->workspace_size;
    if (out->prepared.workspace_size)
        TENON_TRY(tenonh_memory_create(cf_under_test.device, 0, out->prepared.workspace_size, &out->workspace));
    if (!cf_works_in_place(row->op)) return TENON_STATUS_OK;
    const cf_operand *result = &row->results[0];
    out->result_size = (uint64_t)cf_count(result->rank, result->dims) * (tenon_dtype_bits(result->dtype) / 8);
    return tenonh_memory_create(cf_under_test.device, 0, out->result_size, &out->result);
}
