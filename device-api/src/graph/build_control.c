/* Nodes with regions, calls, and states. */
#include <string.h>

#include "graph/build_internal.h"

static const struct control_row {
    uint32_t kind, regions;
    const char *name;
} controls[] = {
    [TENONH_CONTROL_IF] = {TENON__NODE_IF, 2, "if"},
    [TENONH_CONTROL_WHILE] = {TENON__NODE_WHILE, 2, "while"},
    [TENONH_CONTROL_FOR] = {TENON__NODE_FOR, 1, "for"},
};

static tenonh_value *add_argument(tenonh_builder *b, tenonh_region *region, tenon_dtype dtype, uint32_t rank,
                                  const tenonh_dim *const *dims) {
    tenonh_value *value = tenon__new_value(b, TENON__VALUE_ARGUMENT, dtype, rank, dims);
    if (!value) return NULL;
    value->region = region;
    value->index = region->argument_count;
    value->id = b->function->value_count++;
    region->arguments[region->argument_count++] = value;
    return value;
}

uint32_t tenon__for_carried(const tenonh_node *node) {
    int64_t carried = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    return carried < 0 || carried > node->operand_count ? node->operand_count : (uint32_t)carried;
}

const tenonh_dim *tenon__for_steps(const tenonh_node *node) {
    uint32_t carried = tenon__for_carried(node);
    const tenon__attr *steps = tenon__node_attr(node, TENON_ATTR_SIZES);
    if (steps) return steps->count == 1 ? steps->dims[0] : NULL;
    return carried < node->operand_count && node->operands[carried]->rank ? node->operands[carried]->dims[0] : NULL;
}

bool tenon__for_is_conditional(const tenonh_node *node) {
    return node->kind == TENON__NODE_FOR && tenon__node_int(node, TENON_ATTR_MODE, 0) == 1;
}

bool tenon__carried_dim_varies(const tenonh_node *node, uint32_t index, uint32_t axis) {
    const tenon__attr *varying = tenon__node_attr(node, TENON_ATTR_AXES);
    for (uint32_t i = 0; varying && i < varying->count; i++)
        if (tenon__dim_is(varying->dims[i], (int64_t)index * TENON_MAX_RANK + axis)) return true;
    return false;
}

/* Dims of carried value `index`: those that may change from step to step are only known when the loop runs. */
static tenon_status carried_dims(tenonh_builder *b, const tenonh_node *node, uint32_t index,
                                 const tenonh_dim **out_dims) {
    const tenonh_value *x = node->operands[index];
    for (uint32_t k = 0; k < x->rank; k++) {
        bool varies = tenon__carried_dim_varies(node, index, k);
        out_dims[k] = varies ? tenon__dim_fresh(&b->module->dims, "d", INT32_MAX) : x->dims[k];
        if (!out_dims[k]) return TENON_STATUS_OUT_OF_MEMORY;
    }
    return TENON_STATUS_OK;
}

/* Arguments of region `index` follow from the node's operands. */
static tenonh_region *open_region(tenonh_builder *b, tenonh_node *node) {
    tenon__arena *arena = &b->module->arena;
    tenonh_region *region = tenon__arena_allocate(arena, sizeof *region);
    if (region) region->arguments = tenon__arena_array(arena, node->operand_count, sizeof *region->arguments);
    if (!region || !region->arguments) {
        tenon__build_failed(b, tenon__fail_memory(), node);
        return NULL;
    }
    region->node = node;
    region->function = b->function;
    if (node->kind == TENON__NODE_IF) return region;
    uint32_t carried = node->kind == TENON__NODE_FOR ? tenon__for_carried(node) : node->operand_count;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const tenonh_value *x = node->operands[i];
        bool slice = i >= carried;
        const tenonh_dim *dims[TENON_MAX_RANK];
        tenon_status status = TENON_STATUS_OK;
        if (slice)
            memcpy(dims, x->dims + 1, (x->rank - 1) * sizeof *dims);
        else
            status = carried_dims(b, node, i, dims);
        if (status != TENON_STATUS_OK) tenon__build_failed(b, status, node);
        if (!add_argument(b, region, x->dtype, x->rank - slice, dims)) return NULL;
    }
    return region;
}

/* Entries of the attribute `axes` name axes of carried values. */
static tenon_status check_varying(const tenonh_node *node) {
    const tenon__attr *varying = tenon__node_attr(node, TENON_ATTR_AXES);
    uint32_t carried = node->kind == TENON__NODE_FOR     ? tenon__for_carried(node)
                       : node->kind == TENON__NODE_WHILE ? node->operand_count
                                                         : 0;
    for (uint32_t i = 0; varying && i < varying->count; i++) {
        int64_t entry;
        if (!tenonh_dim_is_number(varying->dims[i], &entry) || entry < 0 || entry / TENON_MAX_RANK >= carried ||
            entry % TENON_MAX_RANK >= node->operands[entry / TENON_MAX_RANK]->rank)
            return tenon__fail(TENON_STATUS_INVALID, "entry %u of axes names no axis of a carried value", i);
    }
    return TENON_STATUS_OK;
}

static tenon_status check_inputs(tenonh_builder *b, const tenonh_node *node) {
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (!node->operands[i]) return tenon__fail(TENON_STATUS_INVALID, "operand %u is missing", i);
    if (node->kind == TENON__NODE_IF) {
        const tenonh_value *condition = node->operand_count == 1 ? node->operands[0] : NULL;
        if (!condition || condition->dtype != TENON_DTYPE_BOOL || condition->rank != 0)
            return tenon__fail(TENON_STATUS_INVALID, "its one operand is the condition, bool[]");
    }
    TENON_TRY(check_varying(node));
    if (node->kind != TENON__NODE_FOR) return TENON_STATUS_OK;
    const tenonh_value *first = tenon__for_carried(node) ? node->operands[0] : NULL;
    if (tenon__for_is_conditional(node) && (!first || first->dtype != TENON_DTYPE_BOOL || first->rank != 0))
        return tenon__fail(TENON_STATUS_INVALID, "its first carried value is the condition, bool[]");
    const tenonh_dim *steps = tenon__for_steps(node);
    if (!steps) return tenon__fail(TENON_STATUS_INVALID, "the number of steps is not given: no xs, no attribute sizes");
    for (uint32_t i = tenon__for_carried(node); i < node->operand_count; i++) {
        if (node->operands[i]->rank == 0)
            return tenon__fail(TENON_STATUS_INVALID, "operand %u has no axis 0 to step along", i);
        TENON_TRY(tenon__require_equal(b, node, "axis 0", steps, node->operands[i]->dims[0]));
    }
    return TENON_STATUS_OK;
}

static void enter(tenonh_builder *b, tenonh_node *node, uint32_t index) {
    tenonh_region *region = open_region(b, node);
    if (!region) return;
    node->regions[index] = region;
    b->frames[b->depth - 1].region_index = index;
    b->region = region;
}

void tenonh_build_begin(tenonh_builder *b, uint32_t control, tenonh_value *const *inputs, uint32_t input_count,
                        const tenonh_attr *attrs, uint32_t attr_count) {
    if (b->status != TENON_STATUS_OK) return;
    if (control < TENONH_CONTROL_IF || control > TENONH_CONTROL_FOR || b->depth == TENON__MAX_DEPTH) {
        tenon__build_fail(b, TENON_STATUS_UNSUPPORTED, "control %u, or regions more than %d deep", control,
                          TENON__MAX_DEPTH);
        return;
    }
    tenonh_node *node = tenon__draft(b, controls[control].kind, inputs, input_count, 0);
    if (!node) return;
    tenon_status status = tenon__draft_attrs(b, node, attrs, attr_count);
    if (status == TENON_STATUS_OK) status = check_inputs(b, node);
    node->region_count = controls[control].regions;
    node->regions = tenon__arena_array(&b->module->arena, node->region_count, sizeof *node->regions);
    if (status == TENON_STATUS_OK && !node->regions) status = tenon__fail_memory();
    if (status != TENON_STATUS_OK) {
        tenon__build_failed(b, status, node);
        return;
    }
    b->frames[b->depth++] = (tenon__frame){node, b->region, 0};
    enter(b, node, 0);
}

tenonh_value *tenonh_build_argument(tenonh_builder *b, uint32_t index) {
    if (b->status != TENON_STATUS_OK) return NULL;
    if (!b->depth || index >= b->region->argument_count)
        return tenon__build_fail(b, TENON_STATUS_INVALID, "the region being built has no argument %u", index);
    return b->region->arguments[index];
}

/* -- Results ------------------------------------------------------------------------------------------------------ */

static tenonh_value *add_result(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype, uint32_t rank,
                                const tenonh_dim *const *dims) {
    if (rank > TENON_MAX_RANK)
        return tenon__build_fail(b, TENON_STATUS_UNSUPPORTED, "a stacked result has rank %u; ranks go up to %d", rank,
                                 TENON_MAX_RANK);
    tenonh_value *value = tenon__new_value(b, TENON__VALUE_RESULT, dtype, rank, dims);
    if (!value) return NULL;
    value->node = node;
    value->region = node->region;
    value->index = node->result_count;
    node->results[node->result_count++] = value;
    return value;
}

static const tenonh_dim *joined(tenonh_builder *b, const tenonh_dim *x, const tenonh_dim *y) {
    if (tenon__dim_compare(&b->module->dims, x, y) == TENON__DIM_EQUAL) return x;
    int64_t high = x->high > y->high ? x->high : y->high;
    return tenon__dim_fresh(&b->module->dims, "d", high);
}

/* Results of an if: dims that the branches disagree on are only known when it has run. */
static void join_branches(tenonh_builder *b, tenonh_node *node) {
    const tenonh_region *yes = node->regions[0], *no = node->regions[1];
    for (uint32_t i = 0; i < yes->result_count && b->status == TENON_STATUS_OK; i++) {
        const tenonh_value *x = yes->results[i], *y = i < no->result_count ? no->results[i] : NULL;
        const tenonh_dim *dims[TENON_MAX_RANK];
        if (!y || yes->result_count != no->result_count || x->dtype != y->dtype || x->rank != y->rank) {
            tenon__build_fail(b, TENON_STATUS_INVALID, "the branches yield %s and %s as result %u", tenon__type_text(x),
                              y ? tenon__type_text(y) : "nothing", i);
            return;
        }
        for (uint32_t k = 0; k < x->rank; k++)
            if (!(dims[k] = joined(b, x->dims[k], y->dims[k]))) tenon__build_failed(b, TENON_STATUS_INVALID, node);
        add_result(b, node, x->dtype, x->rank, dims);
    }
}

static void check_carried(tenonh_builder *b, const tenonh_node *node, const tenonh_value *before,
                          const tenonh_value *after, uint32_t index) {
    bool same = before->dtype == after->dtype && before->rank == after->rank;
    for (uint32_t k = 0; k < before->rank && same; k++)
        same = tenon__carried_dim_varies(node, index, k) ||
               tenon__require_equal(b, node, "carried dim", before->dims[k], after->dims[k]) == TENON_STATUS_OK;
    if (!same)
        tenon__build_fail(b, TENON_STATUS_INVALID, "carried value %u goes in as %s and comes out as %s", index,
                          tenon__type_text(before), tenon__type_text(after));
}

static void add_carried(tenonh_builder *b, tenonh_node *node, uint32_t index) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    tenon_status status = carried_dims(b, node, index, dims);
    if (status != TENON_STATUS_OK) tenon__build_failed(b, status, node);
    add_result(b, node, node->operands[index]->dtype, node->operands[index]->rank, dims);
}

static void type_while(tenonh_builder *b, tenonh_node *node) {
    const tenonh_region *body = node->regions[1];
    if (body->result_count != node->operand_count) {
        tenon__build_fail(b, TENON_STATUS_INVALID, "%u values are carried and %u yielded", node->operand_count,
                          body->result_count);
        return;
    }
    for (uint32_t i = 0; i < node->operand_count && b->status == TENON_STATUS_OK; i++) {
        const tenonh_value *x = node->operands[i];
        check_carried(b, node, x, body->results[i], i);
        add_carried(b, node, i);
    }
}

/* How often the step has run: all steps, or, with a condition, what the data says. */
static const tenonh_dim *steps_done(tenonh_builder *b, const tenonh_node *node) {
    const tenonh_dim *steps = tenon__for_steps(node);
    if (!tenon__for_is_conditional(node)) return steps;
    const tenonh_dim *done = tenon__dim_fresh(&b->module->dims, "d", steps->high < INT32_MAX ? steps->high : INT32_MAX);
    if (!done) tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, node);
    return done;
}

static void type_for(tenonh_builder *b, tenonh_node *node) {
    const tenonh_region *step = node->regions[0];
    uint32_t carried = tenon__for_carried(node);
    if (step->result_count < carried) {
        tenon__build_fail(b, TENON_STATUS_INVALID, "%u values are carried and %u yielded", carried, step->result_count);
        return;
    }
    for (uint32_t i = 0; i < carried && b->status == TENON_STATUS_OK; i++) {
        check_carried(b, node, node->operands[i], step->results[i], i);
        add_carried(b, node, i);
    }
    const tenonh_dim *steps = carried < step->result_count ? steps_done(b, node) : NULL;
    for (uint32_t i = carried; i < step->result_count && b->status == TENON_STATUS_OK; i++) {
        const tenonh_value *y = step->results[i];
        const tenonh_dim *dims[TENON_MAX_RANK + 1] = {steps};
        memcpy(dims + 1, y->dims, y->rank * sizeof *dims);
        add_result(b, node, y->dtype, y->rank + 1, dims);
    }
}

static tenonh_value *close_node(tenonh_builder *b, tenonh_node *node) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < node->region_count; i++)
        if (node->regions[i]->result_count > most) most = node->regions[i]->result_count;
    node->results = tenon__arena_array(&b->module->arena, most, sizeof *node->results);
    if (!node->results) return tenon__build_failed(b, tenon__fail_memory(), node);
    if (node->kind == TENON__NODE_IF) join_branches(b, node);
    if (node->kind == TENON__NODE_WHILE) type_while(b, node);
    if (node->kind == TENON__NODE_FOR) type_for(b, node);
    return b->status == TENON_STATUS_OK ? tenon__place(b, node) : NULL;
}

void tenon__build_abandon(tenonh_builder *b) {
    if (b->depth) b->region = b->frames[--b->depth].outer;
}

tenonh_value *tenonh_build_yield(tenonh_builder *b, tenonh_value *const *values, uint32_t count) {
    if (b->status != TENON_STATUS_OK) return NULL;
    if (!b->depth) return tenon__build_fail(b, TENON_STATUS_INVALID, "no region is being built");
    for (uint32_t i = 0; i < count; i++)
        if (!values[i]) return tenon__build_fail(b, TENON_STATUS_INVALID, "yielded value %u is missing", i);
    tenonh_node *node = b->frames[b->depth - 1].node;
    uint32_t index = b->frames[b->depth - 1].region_index;
    b->region->results = tenon__arena_copy(&b->module->arena, values, count * sizeof *values);
    if (!b->region->results) return tenon__build_failed(b, tenon__fail_memory(), node);
    b->region->result_count = count;
    if (node->kind == TENON__NODE_WHILE && index == 0 &&
        (count != 1 || values[0]->dtype != TENON_DTYPE_BOOL || values[0]->rank != 0))
        return tenon__build_fail(b, TENON_STATUS_INVALID, "the region `while` yields one bool[]");
    if (index + 1 < node->region_count) {
        enter(b, node, index + 1);
        return NULL;
    }
    b->region = b->frames[--b->depth].outer;
    return close_node(b, node);
}

/* -- Calls and states ------------------------------------------------------------------------------------------------ */

/* Dims of the callee's symbols as the caller's operands have them: symbols are the module's, so names agree; numbers and
 * other expressions in their place are checked when the call is expanded. */
tenonh_value *tenonh_build_call(tenonh_builder *b, const char *name, tenonh_value *const *inputs,
                                uint32_t input_count) {
    if (b->status != TENON_STATUS_OK) return NULL;
    const tenonh_function *callee = tenon__module_find(b->module, name);
    if (!callee)
        return tenon__build_fail(b, TENON_STATUS_NOT_FOUND, "there is no finished function '%s' to call", name);
    const tenonh_region *body = callee->body;
    if (body->argument_count != input_count)
        return tenon__build_fail(b, TENON_STATUS_INVALID, "function '%s' takes %u inputs, not %u", name,
                                 body->argument_count, input_count);
    tenonh_node *node = tenon__draft(b, TENON__NODE_CALL, inputs, input_count, body->result_count);
    if (!node) return NULL;
    node->name = callee->name;
    for (uint32_t i = 0; i < input_count; i++) {
        const tenonh_value *x = inputs[i], *wanted = body->arguments[i];
        if (!x || x->dtype != wanted->dtype || x->rank != wanted->rank)
            return tenon__build_fail(b, TENON_STATUS_INVALID, "input %u of function '%s' is %s, not %s", i, name,
                                     tenon__type_text(wanted), x ? tenon__type_text(x) : "missing");
    }
    for (uint32_t i = 0; i < body->result_count; i++) {
        const tenonh_value *y = body->results[i];
        tenonh_value *result = node->results[i];
        result->dtype = y->dtype;
        result->rank = y->rank;
        memcpy(result->dims, y->dims, sizeof result->dims);
    }
    return tenon__place(b, node);
}

static tenonh_node *state_node(tenonh_builder *b, uint32_t kind, const char *name, tenonh_value *const *inputs,
                               uint32_t input_count, uint32_t result_count) {
    if (b->status != TENON_STATUS_OK) return NULL;
    tenon__state *state = tenon__module_find_state(b->module, name);
    const tenonh_value *token = inputs[input_count - 1];
    if (!state || !token || token->dtype != TENONH_TOKEN) {
        tenon__build_fail(b, TENON_STATUS_INVALID, "state '%s' is not declared, or its effect has no token", name);
        return NULL;
    }
    tenonh_node *node = tenon__draft(b, kind, inputs, input_count, result_count);
    if (node) node->state = state;
    return node;
}

tenonh_value *tenonh_build_read(tenonh_builder *b, const char *state, tenonh_value *token) {
    tenonh_node *node = state_node(b, TENON__NODE_READ, state, &token, 1, 2);
    if (!node) return NULL;
    tenonh_value *value = node->results[0];
    value->dtype = node->state->dtype;
    value->rank = node->state->rank;
    memcpy(value->dims, node->state->dims, sizeof value->dims);
    node->results[1]->dtype = TENONH_TOKEN;
    return tenon__place(b, node);
}

tenonh_value *tenonh_build_write(tenonh_builder *b, const char *state, tenonh_value *value, tenonh_value *token) {
    tenonh_node *node = state_node(b, TENON__NODE_WRITE, state, (tenonh_value *[]){value, token}, 2, 1);
    if (!node) return NULL;
    const tenon__state *to = node->state;
    bool same = value && value->dtype == to->dtype && value->rank == to->rank;
    for (uint32_t i = 0; i < to->rank && same; i++)
        same = tenon__require_equal(b, node, "state's dim", to->dims[i], value->dims[i]) == TENON_STATUS_OK;
    if (!same)
        return tenon__build_fail(b, TENON_STATUS_INVALID, "state '%s' can't hold %s", state,
                                 value ? tenon__type_text(value) : "nothing");
    node->results[0]->dtype = TENONH_TOKEN;
    return tenon__place(b, node);
}
