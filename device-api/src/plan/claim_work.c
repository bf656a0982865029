/* Nodes as composite and graph work. */
#include <string.h>

#include "device/declared.h"
#include "plan/claim_internal.h"
#include "plan/lower.h"

const char *tenon__node_short(const tenonh_node *node) {
    if (node->kind == TENON__NODE_OP) return tenon_op_row_of(node->op)->name;
    const char *dot = node->name ? strrchr(node->name, '.') : NULL;
    return dot ? dot + 1 : node->name ? node->name : "node";
}

/* -- Numbers ------------------------------------------------------------------------------------------------------ */

static bool is_known(const tenonh_dim *dim, const int64_t *numbers) {
    return dim->kind == TENON__DIM_NUMBER || (numbers && dim->slot && numbers[dim->slot] != INT64_MIN);
}

/* The result's view says what `dims` of reshape and expand says. */
static bool is_said_by_result(const tenonh_node *node, uint32_t attr) {
    return attr == TENON_ATTR_DIMS && (node->op == TENON_OP_RESHAPE || node->op == TENON_OP_EXPAND);
}

static bool attr_is_known(const tenon__attr *attr, const int64_t *numbers) {
    for (uint32_t k = 0; k < attr->count; k++)
        if (!is_known(attr->dims[k], numbers)) return false;
    return true;
}

bool tenon__can_describe(const tenonh_node *node, const int64_t *numbers) {
    if (node->kind != TENON__NODE_OP && node->kind != TENON__NODE_COMPOSITE) return false;
    for (uint32_t i = 0; i < node->attr_count; i++)
        if (!attr_is_known(&node->attrs[i], numbers) && !is_said_by_result(node, node->attrs[i].id)) return false;
    for (uint32_t i = 0; i < node->result_count; i++)
        if (node->results[i]->dtype == TENON_DTYPE_NONE) return false; /* a token */
    return true;
}

static bool are_declared(const tenon_device_info *info, tenonh_value *const *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i] && !tenon__declares(info, values[i]->dtype)) return false;
    return true;
}

bool tenon__may_claim(const tenon__claimer *claimer, const tenonh_node *node) {
    const tenon_device_info *info = tenonh_device_info(claimer->device);
    return tenon__can_describe(node, NULL) && are_declared(info, node->operands, node->operand_count) &&
           are_declared(info, node->results, node->result_count);
}

/* The symbol of a dim, one for each expression. */
static uint32_t symbol_of(tenon__described *d, const tenonh_dim *dim) {
    for (uint32_t i = 0; i < d->work.symbol_count; i++)
        if (d->symbol_dims[i] == dim) return i;
    uint32_t symbol = d->work.symbol_count++;
    d->symbol_dims[symbol] = dim;
    d->symbols[symbol] = (tenon_symbol){dim->low > 0 ? dim->low : 0, dim->high > 0 ? dim->high : 0, 1};
    if (d->symbols[symbol].max < d->symbols[symbol].min) d->symbols[symbol].max = d->symbols[symbol].min;
    return symbol;
}

static tenon_extent number_extent(int64_t value) {
    return (tenon_extent){.value = value, .symbol = TENON_NO_SYMBOL};
}

static tenon_extent extent_of(tenon__described *d, const tenonh_dim *dim) {
    if (dim->kind == TENON__DIM_NUMBER) return number_extent(dim->number);
    if (is_known(dim, d->numbers)) return number_extent(d->numbers[dim->slot]);
    return (tenon_extent){.symbol = symbol_of(d, dim)};
}

/* Row-major strides, where a number or a single symbol says them; 0 where neither does. */
static void fill_strides(tenon_view *view) {
    int64_t product = 1;
    uint32_t symbol = TENON_NO_SYMBOL;
    bool said = true;
    for (uint32_t i = view->rank; i-- > 0;) {
        const tenon_extent *dim = &view->dims[i];
        bool lone = product == 1 && symbol != TENON_NO_SYMBOL;
        view->strides[i] = number_extent(said && symbol == TENON_NO_SYMBOL ? product : 0);
        if (said && lone) view->strides[i] = (tenon_extent){.symbol = symbol};
        said = said && (symbol == TENON_NO_SYMBOL || product == 1);
        if (dim->symbol != TENON_NO_SYMBOL) {
            said = said && symbol == TENON_NO_SYMBOL;
            symbol = dim->symbol;
        } else if (dim->value > 1) {
            said = said && !__builtin_mul_overflow(product, dim->value, &product);
        }
    }
}

static tenon_status view_of(tenon__described *d, const tenonh_value *value, tenon_view *out_view) {
    *out_view = (tenon_view){.dtype = value->dtype, .rank = value->rank};
    for (uint32_t i = 0; i < value->rank; i++) {
        out_view->dims[i] = extent_of(d, value->dims[i]);
        if (out_view->dims[i].value < 0)
            return tenon__fail(TENON_STATUS_INVALID, "dim %u of a value of type %s is negative", i,
                               tenon__type_text(value));
    }
    fill_strides(out_view);
    return TENON_STATUS_OK;
}

/* -- Attributes --------------------------------------------------------------------------------------------------- */

static tenon_status export_attr(tenon__described *d, const tenon__attr *from, tenon_attr *out_attr) {
    int64_t *values = tenon__arena_array(d->arena, from->count, sizeof *values);
    if (!values) return tenon__fail_memory();
    for (uint32_t k = 0; k < from->count; k++)
        values[k] = from->dims[k]->kind == TENON__DIM_NUMBER ? from->dims[k]->number : d->numbers[from->dims[k]->slot];
    *out_attr = (tenon_attr){from->id, from->count, values};
    return TENON_STATUS_OK;
}

/* The node's attributes, and its host scalars as one more. */
static tenon_status export_attrs(tenon__described *d, const tenonh_node *node, const tenon_attr **out_attrs,
                                 uint32_t *out_count) {
    tenon_attr *attrs = tenon__arena_array(d->arena, (size_t)node->attr_count + 1, sizeof *attrs);
    uint32_t count = 0, scalars = node->kind == TENON__NODE_OP ? tenon_op_row_of(node->op)->scalar_count : 0;
    if (!attrs) return tenon__fail_memory();
    for (uint32_t i = 0; i < node->attr_count; i++)
        if (attr_is_known(&node->attrs[i], d->numbers)) TENON_TRY(export_attr(d, &node->attrs[i], &attrs[count++]));
    if (scalars) {
        int64_t *values = tenon__arena_copy(d->arena, node->scalars, scalars * sizeof *values);
        if (!values) return tenon__fail_memory();
        attrs[count++] = (tenon_attr){TENON_ATTR_SCALARS, scalars, values};
    }
    *out_attrs = attrs;
    *out_count = count;
    return TENON_STATUS_OK;
}

/* -- Value numbers ------------------------------------------------------------------------------------------------ */

#define INSIDE  0xfffffffeu /* made by one of the nodes, to be numbered */
#define NOT_YET 0xffffffffu

/* Numbers of values: by id, or found by looking through them all where ids are not given yet. */
typedef struct numbering {
    tenon__described *d;
    const tenon__nodes *nodes;
    uint32_t *by_id; /* NULL: look through */
    uint32_t count;
} numbering;

static uint32_t number_of(const numbering *n, const tenonh_value *value) {
    if (n->by_id) return n->by_id[value->id];
    for (uint32_t i = 0; i < n->count; i++)
        if (n->d->values[i] == value) return i;
    return NOT_YET;
}

static void add_value(numbering *n, tenonh_value *value) {
    if (n->by_id) n->by_id[value->id] = n->count;
    n->d->values[n->count++] = value;
}

static tenon_status add_operand(numbering *n, tenonh_value *value, uint32_t role) {
    tenon__described *d = n->d;
    uint32_t bits = tenon_dtype_bits(value->dtype);
    tenon_operand *operand = &d->operands[d->work.operand_count++];
    add_value(n, value);
    *operand = (tenon_operand){.role = role, .alignment = bits < 8 ? 1 : bits / 8};
    if (role == TENON_ROLE_CONSTANT) {
        operand->data = value->constant->data;
        operand->data_size = value->constant->size;
    }
    return view_of(d, value, &operand->view);
}

/* Operands of one role that nodes bring: INPUT and CONSTANT, each value once. */
static tenon_status add_inputs(numbering *n, uint32_t role) {
    for (uint32_t i = 0; i < n->nodes->count; i++) {
        const tenonh_node *node = n->nodes->nodes[i];
        for (uint32_t k = 0; k < node->operand_count; k++) {
            tenonh_value *value = node->operands[k];
            bool wanted = value && (value->kind == TENON__VALUE_CONSTANT) == (role == TENON_ROLE_CONSTANT);
            if (wanted && number_of(n, value) == NOT_YET) TENON_TRY(add_operand(n, value, role));
        }
    }
    return TENON_STATUS_OK;
}

static bool is_output(const tenon__nodes *nodes, const tenonh_value *value) {
    return !nodes->outside || nodes->outside[value->id];
}

static tenon_status add_results(numbering *n, bool outputs) {
    for (uint32_t i = 0; i < n->nodes->count; i++) {
        const tenonh_node *node = n->nodes->nodes[i];
        for (uint32_t k = 0; k < node->result_count; k++) {
            if (is_output(n->nodes, node->results[k]) != outputs) continue;
            if (outputs)
                TENON_TRY(add_operand(n, node->results[k], TENON_ROLE_OUTPUT));
            else
                add_value(n, node->results[k]);
        }
    }
    return TENON_STATUS_OK;
}

static void mark_inside(numbering *n) {
    for (uint32_t i = 0; n->by_id && i < n->nodes->count; i++)
        for (uint32_t k = 0; k < n->nodes->nodes[i]->result_count; k++)
            n->by_id[n->nodes->nodes[i]->results[k]->id] = INSIDE;
}

/* -- Descriptions -------------------------------------------------------------------------------------------------- */

static tenon_status make_room(tenon__described *d, const tenon__nodes *nodes, numbering *n) {
    size_t most = 0;
    for (uint32_t i = 0; i < nodes->count; i++)
        most += (size_t)nodes->nodes[i]->operand_count + nodes->nodes[i]->result_count;
    d->operands = tenon__arena_array(d->arena, most, sizeof *d->operands);
    d->values = tenon__arena_array(d->arena, most, sizeof *d->values);
    d->symbols = tenon__arena_array(d->arena, most * TENON_MAX_RANK, sizeof *d->symbols);
    d->symbol_dims = tenon__arena_array(d->arena, most * TENON_MAX_RANK, sizeof *d->symbol_dims);
    if (nodes->value_count) n->by_id = tenon__arena_array(d->arena, nodes->value_count, sizeof *n->by_id);
    bool there = d->operands && d->values && d->symbols && d->symbol_dims && (n->by_id || !nodes->value_count);
    if (!there) return tenon__fail_memory();
    for (uint32_t i = 0; i < nodes->value_count; i++) n->by_id[i] = NOT_YET;
    return TENON_STATUS_OK;
}

static tenon_status describe_operands(tenon__described *d, const tenon__nodes *nodes, numbering *n) {
    *n = (numbering){.d = d, .nodes = nodes};
    for (uint32_t i = 0; i < nodes->count; i++)
        if (!tenon__can_describe(nodes->nodes[i], d->numbers))
            return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s: its attributes are no numbers",
                               tenon__node_text(nodes->nodes[i]));
    TENON_TRY(make_room(d, nodes, n));
    mark_inside(n);
    return TENON_STATUS_OK;
}

static void finish_work(tenon__described *d, uint32_t kind) {
    d->work.struct_size = sizeof d->work;
    d->work.kind = kind;
    d->work.operands = d->operands;
    d->work.symbols = d->symbols;
    d->work.composite = kind == TENON_WORK_COMPOSITE ? &d->composite : NULL;
    d->work.graph = kind == TENON_WORK_GRAPH ? &d->graph : NULL;
}

/* Inputs as they come, present or not; a value that is used twice is two operands. */
static tenon_status describe_inputs(tenon__described *d, const tenonh_node *node, numbering *n) {
    uint32_t *inputs = tenon__arena_array(d->arena, node->operand_count, sizeof *inputs);
    bool gap = false;
    if (!inputs) return tenon__fail_memory();
    for (uint32_t i = 0; i < node->operand_count; i++) {
        tenonh_value *value = node->operands[i];
        gap = gap || !value;
        inputs[i] = value ? d->work.operand_count : TENON_ABSENT;
        if (!value) continue;
        bool constant = value->kind == TENON__VALUE_CONSTANT;
        TENON_TRY(add_operand(n, value, constant ? TENON_ROLE_CONSTANT : TENON_ROLE_INPUT));
    }
    d->input_count = d->work.operand_count;
    if (!gap) return TENON_STATUS_OK;
    d->composite.inputs = inputs;
    d->composite.input_count = node->operand_count;
    return TENON_STATUS_OK;
}

/* -- Keys ----------------------------------------------------------------------------------------------------------- */

static void put(tenon__described *d, const void *bytes, size_t size) {
    if (size) tenon__text_append(&d->key, bytes, size);
}

static void put_number(tenon__described *d, uint64_t number) {
    put(d, &number, sizeof number);
}

static void put_name(tenon__described *d, const char *name) {
    put(d, name ? name : "", name ? strlen(name) + 1 : 1);
}

static void put_attrs(tenon__described *d, const tenon_attr *attrs, uint32_t count) {
    put_number(d, count);
    for (uint32_t i = 0; i < count; i++) {
        put_number(d, (uint64_t)attrs[i].id << 32 | attrs[i].count);
        put(d, attrs[i].values, attrs[i].count * sizeof *attrs[i].values);
    }
}

static void put_operands(tenon__described *d) {
    put_number(d, d->work.kind);
    put_number(d, d->work.symbol_count);
    put(d, d->symbols, d->work.symbol_count * sizeof *d->symbols);
    put_number(d, d->work.operand_count);
    for (uint32_t i = 0; i < d->work.operand_count; i++) {
        put_number(d, d->operands[i].role);
        put(d, &d->operands[i].view, sizeof d->operands[i].view);
    }
}

static tenon_status finish_key(const tenon__described *d) {
    return d->key.failed ? tenon__fail_memory() : (tenon_status)TENON_STATUS_OK;
}

static tenon_status key_of_composite(tenon__described *d) {
    put_operands(d);
    put_name(d, d->composite.name);
    put_number(d, d->composite.version);
    put_attrs(d, d->composite.attrs, d->composite.attr_count);
    put_number(d, d->composite.input_count);
    put(d, d->composite.inputs, d->composite.input_count * sizeof *d->composite.inputs);
    return finish_key(d);
}

static tenon_status key_of_graph(tenon__described *d) {
    const tenon_graph_work *graph = &d->graph;
    put_operands(d);
    put_number(d, graph->value_count);
    uint32_t inside = graph->value_count - d->work.operand_count;
    put(d, graph->values + d->work.operand_count, inside * sizeof *graph->values);
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const tenon_graph_node *node = &graph->nodes[i];
        put_number(d, (uint64_t)node->op << 32 | node->version);
        put_name(d, node->name);
        put_attrs(d, node->attrs, node->attr_count);
        put_number(d, (uint64_t)node->input_count << 32 | node->output_count);
        put(d, node->inputs, node->input_count * sizeof *node->inputs);
        put(d, node->outputs, node->output_count * sizeof *node->outputs);
    }
    return finish_key(d);
}

/* -- Composites and graphs ------------------------------------------------------------------------------------------ */

tenon_status tenon__describe_composite(const tenonh_node *node, const int64_t *numbers, tenon__arena *arena,
                                       tenon__described *out) {
    const tenon__nodes one = {.nodes = &node, .count = 1};
    numbering n;
    *out = (tenon__described){.numbers = numbers, .arena = arena};
    TENON_TRY(describe_operands(out, &one, &n));
    out->composite =
        (tenon_composite_work){.struct_size = sizeof out->composite, .name = node->name, .version = node->version};
    TENON_TRY(describe_inputs(out, node, &n));
    TENON_TRY(add_results(&n, true));
    TENON_TRY(export_attrs(out, node, &out->composite.attrs, &out->composite.attr_count));
    finish_work(out, TENON_WORK_COMPOSITE);
    return key_of_composite(out);
}

static tenon_status describe_node(const numbering *n, const tenonh_node *node, tenon_graph_node *out) {
    tenon__described *d = n->d;
    bool op = node->kind == TENON__NODE_OP;
    uint32_t *inputs = tenon__arena_array(d->arena, node->operand_count, sizeof *inputs);
    uint32_t *outputs = tenon__arena_array(d->arena, node->result_count, sizeof *outputs);
    if (!inputs || !outputs) return tenon__fail_memory();
    *out = (tenon_graph_node){.op = op ? node->op : TENON_OP_NONE, .name = op ? NULL : node->name};
    out->version = op ? 0 : node->version;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        inputs[i] = node->operands[i] ? number_of(n, node->operands[i]) : TENON_ABSENT;
        out->input_count = node->operands[i] ? i + 1 : out->input_count;
    }
    for (uint32_t i = 0; i < node->result_count; i++) outputs[i] = number_of(n, node->results[i]);
    out->inputs = inputs;
    out->outputs = outputs;
    out->output_count = node->result_count;
    return export_attrs(d, node, &out->attrs, &out->attr_count);
}

static tenon_status describe_graph(tenon__described *d, const tenon__nodes *nodes, const numbering *n) {
    tenon_graph_node *list = tenon__arena_array(d->arena, nodes->count, sizeof *list);
    tenon_view *values = tenon__arena_array(d->arena, n->count, sizeof *values);
    if (!list || !values) return tenon__fail_memory();
    for (uint32_t i = 0; i < n->count; i++) {
        if (i < d->work.operand_count)
            values[i] = d->operands[i].view;
        else
            TENON_TRY(view_of(d, d->values[i], &values[i]));
    }
    for (uint32_t i = 0; i < nodes->count; i++) TENON_TRY(describe_node(n, nodes->nodes[i], &list[i]));
    d->graph = (tenon_graph_work){.struct_size = sizeof d->graph, .node_count = nodes->count, .nodes = list};
    d->graph.values = values;
    d->graph.value_count = n->count;
    return TENON_STATUS_OK;
}

tenon_status tenon__describe_graph(const tenon__nodes *nodes, const int64_t *numbers, tenon__arena *arena,
                                   tenon__described *out) {
    numbering n;
    *out = (tenon__described){.numbers = numbers, .arena = arena};
    TENON_TRY(describe_operands(out, nodes, &n));
    TENON_TRY(add_inputs(&n, TENON_ROLE_INPUT));
    TENON_TRY(add_inputs(&n, TENON_ROLE_CONSTANT));
    out->input_count = out->work.operand_count;
    TENON_TRY(add_results(&n, true));
    TENON_TRY(add_results(&n, false));
    TENON_TRY(describe_graph(out, nodes, &n));
    finish_work(out, TENON_WORK_GRAPH);
    return key_of_graph(out);
}

void tenon__described_free(tenon__described *described) {
    tenon__text_free(&described->key);
}
