/* If, Loop and Scan as control nodes of the graph IR. How a loop carries its values shows only once its step is built:
 * which dims change, and whether its condition ever does. So a step is built, and built again as long as it shows more. */
#include <string.h>

#include "onnx/operators.h"

enum { MOST_VARYING = 64, MOST_ABANDONED = 1 << 18 }; /* nodes: loops in loops multiply */

static int failed(const tenon__onnx_node *n) {
    return tenonh_builder_status(n->b) != TENON_STATUS_OK;
}

/* The value of a condition, if it is known: 0 or 1; else -1. */
static int known_condition(const tenon__onnx_node *n, tenonh_value *condition) {
    int64_t number;
    uint32_t count;
    const tenonh_dim *const *content = condition ? tenon__content(n->b, condition, &count) : NULL;
    if (!content || count != 1 || !tenonh_dim_is_number(content[0], &number)) return -1;
    return number != 0;
}

static tenonh_value *truth(const tenon__onnx_node *n, int is_true) {
    return tenonh_build_scalar(n->b, TENON_DTYPE_BOOL, is_true);
}

static tenonh_value *logical_and(const tenon__onnx_node *n, tenonh_value *x, tenonh_value *y) {
    int known_x = known_condition(n, x), known_y = known_condition(n, y);
    if (known_x == 1 || known_y == 0) return y;
    if (known_y == 1 || known_x == 0) return x;
    return tenon__binary(n->b, TENON_OP_AND, x, y);
}

static tenonh_value *as_condition(const tenon__onnx_node *n, tenonh_value *x, const char *what) {
    if (x && x->dtype != TENON_DTYPE_BOOL)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "%s is %s, not a bool", what, tenon__type_text(x));
    return tenon__onnx_scalar(n, x);
}

/* -- If ----------------------------------------------------------------------------------------------------------- */

static void take_outputs(tenon__onnx_node *n, tenonh_value *const *values, uint32_t count) {
    for (uint32_t i = 0; i < n->output_count && i < count; i++) n->outputs[i] = values[i];
}

/* One branch, where the node stands. */
static tenonh_value *take_branch(tenon__onnx_node *n, const char *name) {
    uint32_t count;
    tenonh_value **values = tenon__onnx_lower_graph(n, name, NULL, 0, &count);
    if (!values) return NULL;
    if (count < n->output_count)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "it has %u outputs and its branch %u", n->output_count,
                                count);
    take_outputs(n, values, count);
    return n->outputs[0];
}

tenonh_value *tenon__onnx_lower_if(tenon__onnx_node *n) {
    tenonh_value *condition = as_condition(n, n->inputs[0], "the condition"), *first = NULL;
    int known = known_condition(n, condition);
    if (known >= 0 && !failed(n)) return take_branch(n, known ? "then_branch" : "else_branch");
    tenonh_build_begin(n->b, TENONH_CONTROL_IF, &condition, 1, NULL, 0);
    for (int i = 0; i < 2 && !failed(n); i++) {
        uint32_t count;
        tenonh_value **values = tenon__onnx_lower_graph(n, i ? "else_branch" : "then_branch", NULL, 0, &count);
        if (!values) return NULL;
        first = tenonh_build_yield(n->b, values, count);
    }
    if (failed(n)) return NULL;
    if (n->output_count && (!first || first->node->result_count < n->output_count))
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "it has more outputs than its branches");
    for (uint32_t i = 0; i < n->output_count; i++) n->outputs[i] = tenonh_value_result(first, i);
    return first;
}

/* -- Steps of loops ----------------------------------------------------------------------------------------------- */

/* A loop while it is found out. `carried` are values of the step's graph; what else the node carries comes before. */
typedef struct loop {
    tenon__onnx_node *n;
    tenonh_value **carried, **xs; /* xs: axis 0 is the step */
    uint32_t carried_count, xs_count, ys_count;
    const tenonh_dim *steps;
    tenonh_value *condition; /* of the first step; NULL: the loop runs all its steps */
    tenonh_value *limit;     /* i64[]: number of steps that only the data knows, or NULL */
    int has_counter;         /* 1: a Loop, whose step takes its number and a condition, and gives one */
    int64_t varying[MOST_VARYING];
    uint32_t varying_count;
} loop;

/* Values that the FOR node carries before the step's own: a condition, a number. */
static uint32_t extra_of(const loop *l) {
    return (l->condition != NULL) + (uint32_t)l->has_counter;
}

/* The step's number in the shape that the graph declares for it: a scalar or one element. */
static tenonh_value *counter_argument(const loop *l, tenonh_value *counter, const Onnx__GraphProto *graph) {
    const Onnx__TypeProto *type = graph->n_input ? graph->input[0]->type : NULL;
    int is_tensor = type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && type->tensor_type->shape;
    int is_list = is_tensor && type->tensor_type->shape->n_dim == 1;
    return is_list ? tenon__unsqueeze(l->n->b, counter, 0) : counter;
}

static void begin_loop(const loop *l, uint32_t extra) {
    tenon__onnx_node *n = l->n;
    uint32_t count = 0, total = extra + l->carried_count + l->xs_count;
    tenonh_value **inputs = tenon__arena_array(&n->import->arena, (size_t)total + 1, sizeof(tenonh_value *));
    if (!inputs) {
        tenon__onnx_fail(n, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
        return;
    }
    if (l->condition) inputs[count++] = l->condition;
    if (l->has_counter) inputs[count++] = tenonh_build_scalar(n->b, TENON_DTYPE_I64, 0);
    for (uint32_t i = 0; i < l->carried_count; i++) inputs[count++] = l->carried[i];
    for (uint32_t i = 0; i < l->xs_count; i++) inputs[count++] = l->xs[i];
    int64_t varying[MOST_VARYING];
    for (uint32_t i = 0; i < l->varying_count; i++) varying[i] = l->varying[i] + (int64_t)extra * TENON_MAX_RANK;
    tenonh_attr attrs[4] = {TENON__ATTR_INT(AXIS, extra + l->carried_count), TENON__ATTR_DIMS(SIZES, 1, &l->steps)};
    uint32_t attr_count = 2;
    static const int64_t conditional = 1;
    if (l->condition) attrs[attr_count++] = TENON__ATTR_INTS(MODE, 1, &conditional);
    if (l->varying_count) attrs[attr_count++] = TENON__ATTR_INTS(AXES, l->varying_count, varying);
    tenonh_build_begin(n->b, TENONH_CONTROL_FOR, inputs, count, attrs, attr_count);
}

/* Lowers the step's graph. Gives what it yields, the node's own values first; NULL after a failure. */
static tenonh_value **lower_step(const loop *l, uint32_t *out_count) {
    tenon__onnx_node *n = l->n;
    const Onnx__GraphProto *graph = tenon__onnx_graph_attr(n, "body");
    uint32_t extra = extra_of(l), own = l->carried_count + l->xs_count, count = 0, at = 0;
    tenonh_value **arguments = tenon__arena_array(&n->import->arena, (size_t)own + 3, sizeof(tenonh_value *));
    if (!graph || !arguments) return NULL;
    tenonh_value *counter = l->has_counter ? tenonh_build_argument(n->b, extra - 1) : NULL;
    if (l->has_counter) {
        arguments[at++] = counter_argument(l, counter, graph);
        arguments[at++] = truth(n, 1); /* a step only runs while it is true */
    }
    for (uint32_t i = 0; i < own; i++) arguments[at++] = tenonh_build_argument(n->b, extra + i);
    if (failed(n)) return NULL;
    tenonh_value **values = tenon__onnx_lower_graph(n, "body", arguments, at, &count);
    if (!values || !l->has_counter) return *out_count = count, values;
    if (count == 0) {
        tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "its body gives no condition");
        return NULL;
    }
    tenonh_value *next = tenon__binary_number(n->b, TENON_OP_ADD, counter, 1, false);
    tenonh_value *condition = as_condition(n, values[0], "the condition that the body gives");
    if (l->limit) condition = logical_and(n, condition, tenon__binary(n->b, TENON_OP_LT, next, l->limit));
    tenonh_value **yields = tenon__arena_array(&n->import->arena, (size_t)count + 2, sizeof(tenonh_value *));
    if (!yields || failed(n)) return NULL;
    yields[0] = condition;
    yields[1] = next;
    memcpy(yields + 2, values + 1, (count - 1) * sizeof *yields);
    *out_count = count + 1;
    return yields;
}

/* Adds the axes of carried value `index` whose dims the step may change. 1 if there are new ones. */
static int note_varying(loop *l, uint32_t index, const tenonh_value *before, const tenonh_value *after) {
    tenon__dims *dims = &tenon__builder_module(l->n->b)->dims;
    int more = 0;
    if (before->dtype != after->dtype || before->rank != after->rank) {
        tenon__onnx_fail(l->n, TENON_STATUS_UNSUPPORTED, "carried value %u goes in as %s and comes out as %s", index,
                         tenon__type_text(before), tenon__type_text(after));
        return 0;
    }
    for (uint32_t k = 0; k < before->rank; k++) {
        int64_t entry = (int64_t)index * TENON_MAX_RANK + k;
        int is_known = 0;
        for (uint32_t i = 0; i < l->varying_count; i++) is_known = is_known || l->varying[i] == entry;
        if (is_known || tenon__dim_compare(dims, before->dims[k], after->dims[k]) == TENON__DIM_EQUAL) continue;
        if (l->varying_count == MOST_VARYING) {
            tenon__onnx_fail(l->n, TENON_STATUS_UNSUPPORTED, "more than %d carried dims change from step to step",
                             MOST_VARYING);
            return 0;
        }
        l->varying[l->varying_count++] = entry;
        more = 1;
    }
    return more;
}

/* 1 when the step, as built, shows something that the node must say differently. */
static int learn(loop *l, tenonh_value *const *yields) {
    int more = 0;
    uint32_t shift = l->has_counter ? 2 : 0; /* of yields: the condition stands first even if it is not carried */
    for (uint32_t i = 0; i < l->carried_count && !failed(l->n); i++)
        more = note_varying(l, i, l->carried[i], yields[shift + i]) || more;
    if (!l->condition || !l->has_counter || l->limit) return more;
    if (known_condition(l->n, l->condition) != 1 || known_condition(l->n, yields[0]) != 1) return more;
    l->condition = NULL;
    return 1;
}

/* Builds the FOR node: gives its result 0, or NULL. */
static tenonh_value *build_loop(loop *l) {
    tenon__import *import = l->n->import;
    for (;;) {
        uint32_t count = 0, extra = extra_of(l);
        uint64_t before = import->node_count;
        begin_loop(l, extra);
        tenonh_value **yields = failed(l->n) ? NULL : lower_step(l, &count);
        if (!yields) return NULL;
        uint32_t own = l->has_counter ? count - 2 : count;
        if (own != l->carried_count + l->ys_count)
            return tenon__onnx_fail(l->n, TENON_STATUS_BAD_DATA, "its body gives %u values; the node needs %u", own,
                                    l->carried_count + l->ys_count);
        int again = learn(l, yields);
        if (failed(l->n)) return NULL;
        uint32_t skip = l->has_counter ? 2 - extra : 0;
        if (!again) return tenonh_build_yield(l->n->b, yields + skip, count - skip);
        tenon__build_abandon(l->n->b);
        import->abandoned_count += import->node_count - before;
        if (import->abandoned_count > MOST_ABANDONED)
            return tenon__onnx_fail(l->n, TENON_STATUS_UNSUPPORTED, "loops are nested too deep");
    }
}

static void take_results(const loop *l, tenonh_value *first) {
    uint32_t extra = extra_of(l);
    for (uint32_t i = 0; first && i < l->n->output_count; i++) l->n->outputs[i] = tenonh_value_result(first, extra + i);
}

/* -- Loop --------------------------------------------------------------------------------------------------------- */

/* The number of steps: a dim, or a limit that joins the condition. */
static void read_limit(loop *l, tenonh_value *limit) {
    tenon__onnx_node *n = l->n;
    uint32_t count;
    l->steps = tenon__num(n->b, INT64_MAX);
    if (!limit) return;
    limit = tenon__cast(n->b, tenon__onnx_scalar(n, limit), TENON_DTYPE_I64);
    const tenonh_dim *const *content = tenon__content(n->b, limit, &count);
    if (content) {
        int64_t number;
        int is_number = tenonh_dim_is_number(content[0], &number);
        l->steps =
            is_number && number >= 0 ? content[0] : tenon__dim2(n->b, TENONH_DIM_MAX, content[0], tenon__num(n->b, 0));
        return;
    }
    l->limit = limit;
    l->condition = logical_and(n, l->condition, tenon__binary_number(n->b, TENON_OP_LT, limit, 0, true));
}

tenonh_value *tenon__onnx_lower_loop(tenon__onnx_node *n) {
    tenonh_value *condition = tenon__onnx_input(n, 1);
    const Onnx__GraphProto *graph = tenon__onnx_graph_attr(n, "body");
    if (!graph) return NULL;
    loop l = {.n = n, .has_counter = 1, .carried = n->inputs + 2};
    l.carried_count = n->input_count > 2 ? n->input_count - 2 : 0;
    for (uint32_t i = 0; i < l.carried_count; i++)
        if (!l.carried[i]) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "carried value %u is left out", i);
    if (graph->n_output < l.carried_count + 1)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "its body gives %zu values for %u carried ones",
                                graph->n_output, l.carried_count);
    l.ys_count = (uint32_t)graph->n_output - 1 - l.carried_count;
    if (n->output_count > l.carried_count + l.ys_count)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "it has %u outputs; its body gives %u", n->output_count,
                                l.carried_count + l.ys_count);
    l.condition = condition ? as_condition(n, condition, "the condition") : truth(n, 1);
    read_limit(&l, tenon__onnx_input(n, 0));
    if (failed(n)) return NULL;
    if (known_condition(n, l.condition) == 0 && !l.limit) l.steps = tenon__num(n->b, 0);
    tenonh_value *first = build_loop(&l);
    if (first && !l.condition && tenon__dim_is(l.steps, INT64_MAX))
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "it never ends: no limit, and its condition is always true");
    take_results(&l, first);
    return n->output_count ? n->outputs[0] : first;
}

/* -- Scan --------------------------------------------------------------------------------------------------------- */

/* Entry `index` of a list attribute of axes or directions, 0 without one. */
static int64_t entry_of(const tenon__onnx_node *n, const char *name, uint32_t index) {
    uint32_t count;
    const int64_t *values = tenon__onnx_ints(n, name, &count);
    return values && index < count ? values[index] : 0;
}

tenonh_value *tenon__onnx_reversed(const tenon__onnx_node *n, tenonh_value *x, uint32_t axis) {
    if (!x) return NULL;
    const tenonh_dim *starts[TENON_MAX_RANK];
    int64_t steps[TENON_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++) {
        starts[i] = tenon__num(n->b, 0);
        steps[i] = 1;
    }
    steps[axis] = -1;
    const tenonh_dim *last = tenon__dim2(n->b, TENONH_DIM_SUB, x->dims[axis], tenon__num(n->b, 1));
    starts[axis] = tenon__dim2(n->b, TENONH_DIM_MAX, last, tenon__num(n->b, 0));
    return tenon__slice(n->b, x, starts, steps, x->dims);
}

tenonh_value *tenon__onnx_axis_moved(const tenon__onnx_node *n, tenonh_value *x, uint32_t axis, int to_front) {
    int64_t perm[TENON_MAX_RANK];
    if (!x || axis == 0) return x;
    for (uint32_t i = 0; i < x->rank; i++) {
        uint32_t other = i == 0 ? axis : i <= axis ? i - 1 : i;
        if (to_front)
            perm[i] = other;
        else
            perm[other] = i;
    }
    return tenon__permute(n->b, x, perm);
}

/* The stacked result `index` along the axis and in the direction that the node says. */
static tenonh_value *scan_output(const loop *l, tenonh_value *y, uint32_t index) {
    tenon__onnx_node *n = l->n;
    if (entry_of(n, "scan_output_directions", index) == 1) y = tenon__onnx_reversed(n, y, 0);
    uint32_t axis = tenon__onnx_axis(n, entry_of(n, "scan_output_axes", index), y ? y->rank : 1);
    return tenon__onnx_axis_moved(n, y, axis, 0);
}

static int scan_counts(loop *l, uint32_t first) {
    tenon__onnx_node *n = l->n;
    const Onnx__GraphProto *graph = tenon__onnx_graph_attr(n, "body");
    int64_t xs = tenon__onnx_int(n, "num_scan_inputs", 0);
    uint32_t inputs = n->input_count - first;
    if (!graph) return 0;
    for (uint32_t i = first; i < n->input_count; i++)
        if (!n->inputs[i]) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "input %u is left out", i), 0;
    if (xs < 1 || xs > inputs || graph->n_output < inputs - (uint32_t)xs)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "num_scan_inputs is %lld of %u inputs, its body gives %zu",
                                (long long)xs, inputs, graph->n_output),
               0;
    l->xs_count = (uint32_t)xs;
    l->carried_count = inputs - (uint32_t)xs;
    l->ys_count = (uint32_t)graph->n_output - l->carried_count;
    if (n->output_count <= l->carried_count + l->ys_count) return 1;
    tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "it has %u outputs; its body gives %zu", n->output_count,
                     graph->n_output);
    return 0;
}

tenonh_value *tenon__onnx_lower_scan(tenon__onnx_node *n) {
    loop l = {.n = n, .carried = n->inputs};
    if (!scan_counts(&l, 0)) return NULL;
    l.xs = n->inputs + l.carried_count;
    for (uint32_t i = 0; i < l.xs_count; i++) {
        uint32_t axis = tenon__onnx_axis(n, entry_of(n, "scan_input_axes", i), l.xs[i]->rank);
        l.xs[i] = tenon__onnx_axis_moved(n, l.xs[i], axis, 1);
        if (entry_of(n, "scan_input_directions", i) == 1) l.xs[i] = tenon__onnx_reversed(n, l.xs[i], 0);
        if (failed(n)) return NULL;
    }
    l.steps = l.xs[0]->rank ? l.xs[0]->dims[0] : tenon__num(n->b, 0);
    tenonh_value *first = build_loop(&l);
    take_results(&l, first);
    for (uint32_t i = l.carried_count; first && i < n->output_count; i++)
        n->outputs[i] = scan_output(&l, n->outputs[i], i - l.carried_count);
    return n->output_count ? n->outputs[0] : first;
}

/* Opset 8: every input has a batch axis before the step's. A loop over the batch holds the scan. */
tenonh_value *tenon__onnx_lower_scan_batch(tenon__onnx_node *n) {
    loop l = {.n = n, .carried = n->inputs + 1};
    if (n->inputs[0])
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "sequence lengths of opset 8 are not supported");
    if (!scan_counts(&l, 1)) return NULL;
    uint32_t count = l.carried_count + l.xs_count;
    tenonh_value **slices = tenon__arena_array(&n->import->arena, (size_t)count + 1, sizeof(tenonh_value *));
    if (!slices) return tenon__onnx_fail(n, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
    for (uint32_t i = 0; i < count; i++)
        if (n->inputs[1 + i]->rank < (i < l.carried_count ? 1u : 2u))
            return tenon__onnx_fail(n, TENON_STATUS_INVALID, "input %u has no batch axis, or none to scan along",
                                    1 + i);
    const tenonh_attr axis = TENON__ATTR_INT(AXIS, 0);
    tenonh_build_begin(n->b, TENONH_CONTROL_FOR, n->inputs + 1, count, &axis, 1);
    for (uint32_t i = 0; i < count; i++) slices[i] = tenonh_build_argument(n->b, i);
    if (failed(n)) return NULL;
    l.carried = slices;
    l.xs = slices + l.carried_count;
    for (uint32_t i = 0; i < l.xs_count; i++)
        if (entry_of(n, "directions", i) == 1) l.xs[i] = tenon__onnx_reversed(n, l.xs[i], 0);
    l.steps = l.xs[0] ? l.xs[0]->dims[0] : NULL;
    tenonh_value *first = failed(n) ? NULL : build_loop(&l);
    if (!first) return NULL;
    first = tenonh_build_yield(n->b, first->node->results, first->node->result_count);
    take_results(&l, first);
    return first;
}
