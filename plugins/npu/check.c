#include "check.h"

#include <string.h>

#include <tenon/canonical.h>
#include <tenon/helpers.h>

/* Elements that a value may have: all sizes in bytes, blocks and their margins included, stay far below 2^63. */
static const int64_t most_elements = INT64_C(1) << 36;

/* -- The graph ------------------------------------------------------------------------------------------------------ */

static tenon_status check_value(tenon_device *device, const tenon_view *view, uint32_t index) {
    int64_t count = 1;
    if (!tenon_dtype_is_base(view->dtype) || view->rank > TENON_MAX_RANK)
        return NPU_FAIL(device, TENON_STATUS_UNSUPPORTED, "value %u has dtype %u and rank %u: not known here", index,
                        view->dtype, view->rank);
    for (uint32_t i = 0; i < view->rank; i++) {
        int64_t dim = view->dims[i].value;
        if (view->dims[i].symbol != TENON_NO_SYMBOL)
            return NPU_FAIL(device, TENON_STATUS_UNSUPPORTED, "value %u has a symbol as dim; shapes are static", index);
        if (dim < 0) return NPU_FAIL(device, TENON_STATUS_INVALID, "value %u has a negative dim", index);
        if (dim > most_elements || (dim && count > most_elements / dim))
            return NPU_FAIL(device, TENON_STATUS_UNSUPPORTED, "value %u has more than 2^36 elements", index);
        count *= dim;
    }
    return TENON_STATUS_OK;
}

static int is_like(const tenon_view *a, const tenon_view *b) {
    int same = a->dtype == b->dtype && a->rank == b->rank;
    for (uint32_t i = 0; same && i < b->rank; i++)
        same = a->dims[i].symbol == b->dims[i].symbol && a->dims[i].value == b->dims[i].value;
    return same;
}

/* Of a value that check_value has passed. */
static uint64_t bytes_of(const tenon_view *view) {
    uint64_t bytes = tenon_dtype_bits(view->dtype) / 8;
    for (uint32_t i = 0; i < view->rank; i++) bytes *= (uint64_t)view->dims[i].value;
    return bytes;
}

static tenon_status check_operand(tenon_device *device, const tenon_work *work, uint32_t index) {
    const tenon_operand *operand = &work->operands[index];
    const tenon_view *value = &work->graph->values[index];
    uint32_t role = operand->role;
    if (role != TENON_ROLE_INPUT && role != TENON_ROLE_OUTPUT && role != TENON_ROLE_CONSTANT)
        return NPU_FAIL(device, TENON_STATUS_UNSUPPORTED, "operand %u has role %u: not known here", index, role);
    if (operand->layout != 0)
        return NPU_FAIL(device, TENON_STATUS_UNSUPPORTED, "operand %u has layout %u: not known here", index,
                        operand->layout);
    if (!is_like(&operand->view, value))
        return NPU_FAIL(device, TENON_STATUS_INVALID, "operand %u and value %u differ in dtype or dims", index, index);
    if (role != TENON_ROLE_CONSTANT) return TENON_STATUS_OK;
    if (operand->data_size == bytes_of(value) && (operand->data || !operand->data_size)) return TENON_STATUS_OK;
    return NPU_FAIL(device, TENON_STATUS_INVALID, "operand %u is a constant with %llu bytes of %llu, or without any",
                    index, (unsigned long long)operand->data_size, (unsigned long long)bytes_of(value));
}

/* Lists of numbers that all name values. */
static tenon_status check_lists(tenon_device *device, const tenon_graph_work *graph, uint32_t index) {
    const tenon_graph_node *node = &graph->nodes[index];
    int whole = (node->input_count == 0 || node->inputs) && node->outputs && node->output_count &&
                (node->attr_count == 0 || node->attrs) && (node->op || node->name);
    for (uint32_t i = 0; whole && i < node->attr_count; i++) whole = node->attrs[i].count == 0 || node->attrs[i].values;
    for (uint32_t i = 0; whole && i < node->input_count; i++)
        whole = node->inputs[i] == TENON_ABSENT || node->inputs[i] < graph->value_count;
    for (uint32_t i = 0; whole && i < node->output_count; i++) whole = node->outputs[i] < graph->value_count;
    if (whole) return TENON_STATUS_OK;
    return NPU_FAIL(device, TENON_STATUS_INVALID, "node %u lacks a list, or names a value that is not there", index);
}

/* Each value is defined once: by an operand that is no output, or by one node. */
static tenon_status check_writers(tenon_device *device, const tenon_work *work) {
    const tenon_graph_work *graph = work->graph;
    tenon_status status = TENON_STATUS_OK;
    unsigned char *written = npu_allocate(device, graph->value_count ? graph->value_count : 1);
    if (!written) return TENON_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < work->operand_count; i++) written[i] = work->operands[i].role != TENON_ROLE_OUTPUT;
    for (uint32_t i = 0; status == TENON_STATUS_OK && i < graph->node_count; i++)
        for (uint32_t k = 0; status == TENON_STATUS_OK && k < graph->nodes[i].output_count; k++) {
            uint32_t value = graph->nodes[i].outputs[k];
            if (written[value])
                status =
                    NPU_FAIL(device, TENON_STATUS_INVALID, "node %u writes value %u, which is there already", i, value);
            written[value] = 1;
        }
    npu_release(device, written);
    return status;
}

tenon_status npu_check_graph(tenon_device *device, const tenon_work *work) {
    const tenon_graph_work *graph = work->graph;
    if (work->symbol_count)
        return NPU_FAIL(device, TENON_STATUS_UNSUPPORTED, "%u symbols; shapes are static", work->symbol_count);
    if ((graph->node_count && !graph->nodes) || !graph->values || graph->value_count < work->operand_count ||
        (work->operand_count && !work->operands))
        return NPU_FAIL(device, TENON_STATUS_INVALID, "the graph lacks nodes, values or operands");
    for (uint32_t i = 0; i < graph->value_count; i++) TENON_TRY(check_value(device, &graph->values[i], i));
    for (uint32_t i = 0; i < work->operand_count; i++) TENON_TRY(check_operand(device, work, i));
    for (uint32_t i = 0; i < graph->node_count; i++) TENON_TRY(check_lists(device, graph, i));
    return check_writers(device, work);
}

/* -- Nodes ---------------------------------------------------------------------------------------------------------- */

/* A value's dims as numbers. */
typedef struct shape {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
} shape;

typedef struct node_shapes {
    const tenon_graph_node *node;
    shape in[TENON_PATTERN_OPERANDS], out[TENON_PATTERN_OPERANDS];
} node_shapes;

static shape shape_of(const tenon_view *view) {
    shape s = {.dtype = view->dtype, .rank = view->rank};
    int64_t stride = 1;
    for (uint32_t i = view->rank; i-- > 0;) {
        s.dims[i] = view->dims[i].value;
        s.strides[i] = stride;
        stride *= s.dims[i] ? s.dims[i] : 1;
    }
    return s;
}

static int64_t count_of(const shape *s) {
    int64_t count = 1;
    for (uint32_t i = 0; i < s->rank; i++) count *= s->dims[i];
    return count;
}

static const tenon_attr *list_of(const node_shapes *s, uint32_t id) {
    return tenon_attr_find(s->node->attrs, s->node->attr_count, id);
}

static int is_list(const tenon_attr *list, uint32_t count) {
    return list && list->count == count;
}

static int fits_reshape(const node_shapes *s) {
    return count_of(&s->in[0]) == count_of(&s->out[0]);
}

static int fits_permute(const node_shapes *s) {
    const shape *x = &s->in[0], *y = &s->out[0];
    const tenon_attr *perm = list_of(s, TENON_ATTR_PERM);
    uint32_t seen = 0;
    if (x->rank != y->rank || (x->rank && !is_list(perm, x->rank))) return 0;
    for (uint32_t i = 0; i < y->rank; i++) {
        int64_t from = perm->values[i];
        if (from < 0 || from >= x->rank || x->dims[from] != y->dims[i]) return 0;
        seen |= 1u << from;
    }
    return seen == (1u << x->rank) - 1;
}

static int fits_expand(const node_shapes *s) {
    const shape *x = &s->in[0], *y = &s->out[0];
    if (x->rank > y->rank) return 0;
    for (uint32_t i = 0; i < x->rank; i++) {
        int64_t dim = y->dims[y->rank - x->rank + i];
        if (x->dims[i] != 1 && x->dims[i] != dim) return 0;
    }
    return 1;
}

static int64_t entry(const node_shapes *s, uint32_t id, uint32_t index) {
    const tenon_attr *list = list_of(s, id);
    return list && index < list->count ? list->values[index] : tenon_attr_row_of(id)->default_value;
}

static int fits_slice(const node_shapes *s) {
    const shape *x = &s->in[0], *y = &s->out[0];
    if (x->rank != y->rank) return 0;
    for (uint32_t i = 0; i < y->rank; i++) {
        int64_t start = entry(s, TENON_ATTR_STARTS, i), step = entry(s, TENON_ATTR_STEPS, i), reach, last;
        if (step == 0) return 0;
        if (y->dims[i] == 0) continue;
        if (__builtin_mul_overflow(y->dims[i] - 1, step, &reach) || __builtin_add_overflow(start, reach, &last))
            return 0;
        if (start < 0 || start >= x->dims[i] || last < 0 || last >= x->dims[i]) return 0;
    }
    return 1;
}

static int fits_window(const node_shapes *s) {
    const shape *x = &s->in[0], *y = &s->out[0];
    const tenon_attr *axes = list_of(s, TENON_ATTR_AXES);
    uint32_t count = axes ? axes->count : 0, windowed = 0;
    if (x->rank + count != y->rank) return 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t axis = axes->values[i], size = entry(s, TENON_ATTR_SIZES, i), step = entry(s, TENON_ATTR_STEPS, i);
        int64_t dilation = entry(s, TENON_ATTR_DILATIONS, i), walk, reach;
        if (axis < 0 || axis >= x->rank || windowed >> axis & 1 || size != y->dims[x->rank + i]) return 0;
        windowed |= 1u << axis;
        if (size < 1 || step < 1 || dilation < 1 || y->dims[axis] < 1) return 0;
        if (__builtin_mul_overflow(y->dims[axis] - 1, step, &walk) ||
            __builtin_mul_overflow(size - 1, dilation, &reach))
            return 0;
        if (walk >= x->dims[axis] || reach >= x->dims[axis] - walk) return 0;
    }
    for (uint32_t i = 0; i < x->rank; i++)
        if (!(windowed >> i & 1) && x->dims[i] != y->dims[i]) return 0;
    return 1;
}

static int fits_view(const node_shapes *s) {
    if (s->in[0].dtype != s->out[0].dtype) return 0;
    switch (s->node->op) {
    case TENON_OP_RESHAPE: return fits_reshape(s);
    case TENON_OP_PERMUTE: return fits_permute(s);
    case TENON_OP_EXPAND: return fits_expand(s);
    case TENON_OP_SLICE: return fits_slice(s);
    case TENON_OP_WINDOW: return fits_window(s);
    default: return 0;
    }
}

static int is_same(const shape *a, const shape *b) {
    return a->dtype == b->dtype && a->rank == b->rank && memcmp(a->dims, b->dims, sizeof a->dims) == 0;
}

/* Operators that have rules beyond those of their canonical problem. */
static tenon_status check_more(const node_shapes *s, const tenon_op_row *row, const char **why) {
    int in_place = row->family == TENON_FAMILY_UPDATE || row->family == TENON_FAMILY_SCATTER;
    if (in_place && !is_same(&s->in[2], &s->out[0])) {
        *why = "what is changed in place and the result differ in type";
        return TENON_STATUS_INVALID;
    }
    if (row->family == TENON_FAMILY_ARG && s->in[0].dims[entry(s, TENON_ATTR_AXIS, 0)] == 0) {
        *why = "the largest of no elements";
        return TENON_STATUS_INVALID;
    }
    if (row->family == TENON_FAMILY_CONTRACT) {
        int64_t asked = entry(s, TENON_ATTR_ACCUMULATOR, 0);
        tenon_dtype sums = asked ? (tenon_dtype)asked : tenon_dtype_accumulator(row->op, s->in[0].dtype);
        uint32_t is_float = tenon_dtype_class(sums) == TENON_CLASS_FLOAT;
        int is_known = sums == TENON_DTYPE_F32 || sums == TENON_DTYPE_F64 || sums == TENON_DTYPE_I32 ||
                       sums == TENON_DTYPE_I64 || sums == TENON_DTYPE_U32 || sums == TENON_DTYPE_U64;
        if (!is_known || is_float != (tenon_dtype_class(s->in[0].dtype) == TENON_CLASS_FLOAT)) {
            *why = "sums in this accumulator are not known here";
            return TENON_STATUS_UNSUPPORTED;
        }
    }
    return TENON_STATUS_OK;
}

static tenon_status check_op(const node_shapes *s, const tenon_op_row *row, const char **why) {
    tenon_strided operands[TENON_PATTERN_OPERANDS];
    tenon_canonical problem;
    *why = "dims, dtypes or attributes do not go together";
    if (row->family == TENON_FAMILY_VIEW) return fits_view(s) ? TENON_STATUS_OK : TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < row->input_count + row->output_count; i++) {
        const shape *x = i < row->input_count ? &s->in[i] : &s->out[i - row->input_count];
        operands[i] = (tenon_strided){x->dtype, x->rank, x->dims, x->strides};
    }
    TENON_TRY(tenon_canonicalize(s->node->op, s->node->attrs, s->node->attr_count, operands,
                                 row->input_count + row->output_count, &problem));
    return check_more(s, row, why);
}

static tenon_status check_concat(const tenon_graph_work *graph, const tenon_graph_node *node) {
    shape y = shape_of(&graph->values[node->outputs[0]]);
    int64_t axis = tenon_attr_int(node->attrs, node->attr_count, TENON_ATTR_AXIS, 0), total = 0;
    if (node->output_count != 1 || axis < 0 || axis >= y.rank) return TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == TENON_ABSENT) return TENON_STATUS_INVALID;
        shape x = shape_of(&graph->values[node->inputs[i]]);
        total += x.rank == y.rank ? x.dims[axis] : 0;
        x.dims[axis] = y.dims[axis];
        if (!is_same(&x, &y)) return TENON_STATUS_INVALID;
    }
    return total == y.dims[axis] ? TENON_STATUS_OK : TENON_STATUS_INVALID;
}

/* Softmax and layer_norm: floats, one result like the first input. */
static tenon_status check_line_composite(const tenon_graph_work *graph, const tenon_graph_node *node, uint32_t most) {
    int64_t axis = tenon_attr_int(node->attrs, node->attr_count, TENON_ATTR_AXIS, 0), length = 1;
    if (node->output_count != 1 || node->input_count < 1 || node->input_count > most) return TENON_STATUS_INVALID;
    if (node->inputs[0] == TENON_ABSENT) return TENON_STATUS_INVALID;
    shape x = shape_of(&graph->values[node->inputs[0]]), y = shape_of(&graph->values[node->outputs[0]]);
    if (tenon_dtype_class(x.dtype) != TENON_CLASS_FLOAT) return TENON_STATUS_UNSUPPORTED;
    if (!is_same(&x, &y) || axis < 0 || axis >= x.rank) return TENON_STATUS_INVALID;
    for (uint32_t i = (uint32_t)axis; i < x.rank; i++) length *= x.dims[i];
    for (uint32_t i = 1; i < node->input_count; i++) {
        if (node->inputs[i] == TENON_ABSENT) continue;
        shape factor = shape_of(&graph->values[node->inputs[i]]);
        if (factor.dtype != x.dtype || count_of(&factor) != length) return TENON_STATUS_INVALID;
    }
    return TENON_STATUS_OK;
}

static int has_known_attrs(const tenon_graph_node *node) {
    int known = 1, has_epsilon = npu_composite_of(node) == NPU_LAYER_NORM;
    for (uint32_t i = 0; known && i < node->attr_count; i++)
        known = node->attrs[i].id == TENON_ATTR_AXIS || (has_epsilon && node->attrs[i].id == TENON_ATTR_EPSILON);
    return known;
}

static tenon_status check_composite(const tenon_graph_work *graph, const tenon_graph_node *node, const char **why) {
    *why = "an attribute that the operator does not have";
    if (npu_composite_of(node) != NPU_NO_COMPOSITE && !has_known_attrs(node)) return TENON_STATUS_UNSUPPORTED;
    *why = "dims, dtypes or attributes do not go together";
    switch (npu_composite_of(node)) {
    case NPU_CONCAT: return check_concat(graph, node);
    case NPU_SOFTMAX: return check_line_composite(graph, node, 1);
    case NPU_LAYER_NORM: return check_line_composite(graph, node, 3);
    default: *why = "there is no such operator here"; return TENON_STATUS_UNSUPPORTED;
    }
}

npu_composite npu_composite_of(const tenon_graph_node *node) {
    static const char *const names[] = {
        [NPU_CONCAT] = "tenon.concat", [NPU_SOFTMAX] = "tenon.softmax", [NPU_LAYER_NORM] = "tenon.layer_norm"};
    if (node->op != TENON_OP_NONE || node->version != 1) return NPU_NO_COMPOSITE;
    for (uint32_t i = NPU_CONCAT; i < sizeof names / sizeof *names; i++)
        if (strcmp(node->name, names[i]) == 0) return (npu_composite)i;
    return NPU_NO_COMPOSITE;
}

tenon_status npu_check_node(const tenon_graph_work *graph, uint32_t index, const char **why) {
    const tenon_graph_node *node = &graph->nodes[index];
    const tenon_op_row *row = tenon_op_row_of(node->op);
    node_shapes s = {.node = node};
    if (!row) return check_composite(graph, node, why);
    int in_place = row->family == TENON_FAMILY_UPDATE || row->family == TENON_FAMILY_SCATTER;
    *why = "an attribute that the operator does not have";
    for (uint32_t i = 0; i < node->attr_count; i++)
        if (!tenon_op_has_attr(row, node->attrs[i].id) && node->attrs[i].id != TENON_ATTR_SCALARS)
            return TENON_STATUS_UNSUPPORTED;
    *why = "it has too many or too few inputs or outputs";
    if (node->input_count != row->input_count + (uint32_t)in_place || node->output_count != row->output_count)
        return TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == TENON_ABSENT) return TENON_STATUS_INVALID;
        s.in[i] = shape_of(&graph->values[node->inputs[i]]);
    }
    for (uint32_t i = 0; i < node->output_count; i++) s.out[i] = shape_of(&graph->values[node->outputs[i]]);
    return check_op(&s, row, why);
}
