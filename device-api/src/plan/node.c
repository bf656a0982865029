/* What each sort of node becomes in a plan. */
#include <string.h>

#include "device/objects.h"
#include "plan/builder.h"
#include "plan/fit.h"

/* -- Launches -- */

/* Plugins of version 0.2 on compile kernels whose buffers may be the same memory (REQ-KERNEL-04). */
enum { ALIAS_ABI = 0 << 16 | 2 };

tenon_status tenon__fill_launch(tenon__plan_builder *b, tenon__step *step, const tenon__prepared *prepared) {
    step->exec = prepared->exec;
    step->launch = (tenon_launch){
        .struct_size = sizeof step->launch,
        .buffer_count = step->ref_count,
        .symbols = prepared->symbols,
        .scalars = prepared->scalars,
        .grids = prepared->grids,
        .symbol_count = prepared->symbol_count,
        .scalar_count = prepared->scalar_count,
        .grid_count = prepared->grid_count,
    };
    if (prepared->workspace_size == 0) return TENON_STATUS_OK;
    TENON_TRY(tenon__add_storage(b, TENON__STORAGE_ARENA, step->place, prepared->workspace_size, &step->workspace));
    uint64_t *alignment = &b->plan->storages[step->workspace].alignment;
    if (prepared->workspace_alignment > *alignment) *alignment = prepared->workspace_alignment;
    return TENON_STATUS_OK;
}

tenon_status tenon__add_task(tenon__plan_builder *b, uint32_t place, const tenon__task *task) {
    bool empty = true;
    for (uint32_t i = task->input_count; i < task->operand_count; i++)
        empty = empty && tenon__ref_count(&task->operands[i]) == 0;
    if (empty) return TENON_STATUS_OK;
    tenon__prepared prepared = {0};
    tenonh_device *device = b->context->devices[place];
    tenon__exec_memo *memo = b->plan->step_count < b->memo_count ? &b->memos[b->plan->step_count] : NULL;
    TENON_TRY(tenon__prepare(b->context->execs, device, task, memo, &b->plan->arena, &prepared));
    tenon__step *step;
    TENON_TRY(tenon__add_step(b, prepared.placement, place, tenon_op_row_of(task->op)->name, task->operands,
                              task->operand_count, &step));
    uint32_t family = tenon_op_row_of(task->op)->family;
    step->op = task->op;
    step->input_count = task->input_count;
    step->keeps = family == TENON_FAMILY_UPDATE || family == TENON_FAMILY_SCATTER;
    step->by_items = prepared.placement == TENONH_PLACEMENT_KERNEL && family == TENON_FAMILY_MAP &&
                     device->plugin->abi_version >= ALIAS_ABI;
    return tenon__fill_launch(b, step, &prepared);
}

/* The copy as work of the place's device. */
static tenon_status add_copy_task(tenon__plan_builder *b, uint32_t place, const tenon__ref *from,
                                  const tenon__ref *to) {
    tenon__ref operands[] = {*from, *to};
    tenon__task task = {.op = TENON_OP_COPY, .input_count = 1, .operand_count = 2, .operands = operands};
    return tenon__add_task(b, place, &task);
}

static tenon_status add_move(tenon__plan_builder *b, uint32_t place, const tenon__ref *from, const tenon__ref *to) {
    tenon__ref refs[] = {*from, *to};
    tenon__step *step;
    return tenon__add_step(b, TENONH_PLACEMENT_MOVE, place, "move", refs, 2, &step);
}

tenon_status tenon__add_copy(tenon__plan_builder *b, uint32_t place, const tenon__ref *from, const tenon__ref *to) {
    tenon_status status = add_copy_task(b, place, from, to);
    bool may_move = status == TENON_STATUS_UNSUPPORTED && b->context->devices[1];
    return may_move ? add_move(b, place, from, to) : status;
}

/* -- Where values are -- */

static tenon_status place_constant(tenon__plan_builder *b, const tenonh_value *value, uint32_t place,
                                   tenon__ref *out_ref) {
    int64_t dims[TENON_MAX_RANK];
    uint32_t storage;
    TENON_TRY(tenon__planned_dims(b, value, dims));
    TENON_TRY(tenon__add_storage(b, TENON__STORAGE_CONSTANT, place, value->constant->size, &storage));
    b->plan->storages[storage].constant = value->constant;
    *out_ref = tenon__ref_contiguous(storage, value->dtype, value->rank, dims);
    return TENON_STATUS_OK;
}

tenon_status tenon__make_contiguous(tenon__plan_builder *b, uint32_t place, tenon__ref *ref) {
    if (tenon__ref_is_contiguous(ref)) return TENON_STATUS_OK;
    tenon__ref copy;
    TENON_TRY(tenon__add_ref(b, place, ref->dtype, ref->rank, ref->dims, &copy));
    TENON_TRY(tenon__add_copy(b, place, ref, &copy));
    *ref = copy;
    return TENON_STATUS_OK;
}

static tenon_status move_value(tenon__plan_builder *b, const tenon__value_state *state, uint32_t place,
                               tenon__ref *out_ref) {
    const tenon__ref *from = &state->at[1 - place].ref;
    TENON_TRY(tenon__add_ref(b, place, from->dtype, from->rank, from->dims, out_ref));
    return add_move(b, place, from, out_ref);
}

tenon_status tenon__localize(tenon__plan_builder *b, const tenonh_value *value, uint32_t place, tenon__ref *out_ref) {
    if (!value) return tenon__fail(TENON_STATUS_INTERNAL, "an operand is missing");
    tenon__value_state *state = &b->values[value->id];
    if (!tenon__is_at(b, state, place)) {
        tenon__ref ref;
        if (value->kind == TENON__VALUE_CONSTANT)
            TENON_TRY(place_constant(b, value, place, &ref));
        else
            TENON_TRY(move_value(b, state, place, &ref));
        tenon__put_at(b, state, place, &ref);
    }
    *out_ref = state->at[place].ref;
    return TENON_STATUS_OK;
}

/* -- Views -- */

static tenon_status list_of(const tenon__plan_builder *b, const tenonh_node *node, uint32_t attr, uint32_t count,
                            int64_t *out_values) {
    for (uint32_t i = 0; i < count; i++) TENON_TRY(tenon__planned_entry(b, node, attr, i, &out_values[i]));
    return TENON_STATUS_OK;
}

static tenon_status view_window(const tenon__plan_builder *b, const tenonh_node *node, const tenon__ref *x,
                                tenon__ref *out_ref) {
    int64_t lists[4][TENON_MAX_RANK];
    uint32_t count = node->results[0]->rank - x->rank;
    static const uint32_t attrs[] = {TENON_ATTR_AXES, TENON_ATTR_SIZES, TENON_ATTR_STEPS, TENON_ATTR_DILATIONS};
    for (uint32_t i = 0; i < 4; i++) TENON_TRY(list_of(b, node, attrs[i], count, lists[i]));
    *out_ref = tenon__ref_window(x, count, lists[0], lists[1], lists[2], lists[3]);
    return TENON_STATUS_OK;
}

static tenon_status view_slice(const tenon__plan_builder *b, const tenonh_node *node, const tenon__ref *x,
                               const int64_t *dims, tenon__ref *out_ref) {
    int64_t starts[TENON_MAX_RANK], steps[TENON_MAX_RANK];
    TENON_TRY(list_of(b, node, TENON_ATTR_STARTS, x->rank, starts));
    TENON_TRY(list_of(b, node, TENON_ATTR_STEPS, x->rank, steps));
    TENON_TRY(tenon__fit_slice(node, x, starts, steps, dims));
    *out_ref = tenon__ref_slice(x, starts, steps, dims);
    return TENON_STATUS_OK;
}

/* The view of `x` that the node means; a reshape that strides cannot express copies `x` first. */
static tenon_status view_of(tenon__plan_builder *b, const tenonh_node *node, uint32_t place, tenon__ref x,
                            tenon__ref *out_ref) {
    int64_t dims[TENON_MAX_RANK], perm[TENON_MAX_RANK];
    const tenonh_value *result = node->results[0];
    TENON_TRY(tenon__planned_dims(b, result, dims));
    switch (node->op) {
    case TENON_OP_RESHAPE:
        TENON_TRY(tenon__fit_reshape(node, &x, dims));
        if (tenon__ref_reshape(&x, result->rank, dims, out_ref)) return TENON_STATUS_OK;
        TENON_TRY(tenon__make_contiguous(b, place, &x));
        tenon__ref_reshape(&x, result->rank, dims, out_ref);
        return TENON_STATUS_OK;
    case TENON_OP_PERMUTE:
        TENON_TRY(list_of(b, node, TENON_ATTR_PERM, x.rank, perm));
        *out_ref = tenon__ref_permute(&x, perm);
        return TENON_STATUS_OK;
    case TENON_OP_EXPAND:
        TENON_TRY(tenon__fit_expand(node, &x, dims));
        *out_ref = tenon__ref_expand(&x, result->rank, dims);
        return TENON_STATUS_OK;
    case TENON_OP_SLICE: return view_slice(b, node, &x, dims, out_ref);
    case TENON_OP_WINDOW: return view_window(b, node, &x, out_ref);
    default: return tenon__fail(TENON_STATUS_INTERNAL, "%s is no view", tenon__node_text(node));
    }
}

static tenon_status plan_view(tenon__plan_builder *b, const tenonh_node *node) {
    const tenonh_value *x = node->operands[0], *y = node->results[0];
    tenon__ref ref;
    if (x->kind == TENON__VALUE_CONSTANT)
        for (uint32_t place = 0; place < TENON__MAX_PLACES && b->context->devices[place]; place++)
            TENON_TRY(tenon__localize(b, x, place, &ref));
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) {
        if (!tenon__is_at(b, &b->values[x->id], place)) continue;
        TENON_TRY(view_of(b, node, place, b->values[x->id].at[place].ref, &ref));
        tenon__put_at(b, &b->values[y->id], place, &ref);
    }
    tenon__step *step;
    return tenon__add_step(b, TENONH_PLACEMENT_VIEW, 0, tenon_op_row_of(node->op)->name, NULL, 0, &step);
}

/* -- Base operators -- */

tenon_status tenon__result_ref(tenon__plan_builder *b, const tenonh_value *value, uint32_t place, tenon__ref *out_ref) {
    uint32_t output = b->values[value->id].output;
    int64_t dims[TENON_MAX_RANK];
    if (place == 0 && output != TENON__NEVER) {
        *out_ref = b->plan->outputs[output];
        return TENON_STATUS_OK;
    }
    TENON_TRY(tenon__planned_dims(b, value, dims));
    return tenon__add_ref(b, place, value->dtype, value->rank, dims, out_ref);
}

/* True when nothing needs the old content of operand `inout`: no later node, and no other operand of this one, which
 * would be read while it changes. */
static bool is_free_to_change(const tenon__plan_builder *b, const tenonh_node *node, uint32_t inout) {
    uint32_t root = b->values[node->operands[inout]->id].root;
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (i != inout && node->operands[i] && b->values[node->operands[i]->id].root == root) return false;
    return b->values[root].last_use == node->number;
}

/* An in-out operand is changed in its own storage when nothing needs the old content, else in a copy. */
static tenon_status inout_ref(tenon__plan_builder *b, const tenonh_node *node, uint32_t inout, uint32_t place,
                              tenon__ref *out_ref) {
    tenon__ref from;
    TENON_TRY(tenon__localize(b, node->operands[inout], place, &from));
    bool own = b->plan->storages[from.storage].kind == TENON__STORAGE_ARENA;
    if (own && is_free_to_change(b, node, inout) && tenon__ref_is_contiguous(&from)) {
        *out_ref = from;
        return TENON_STATUS_OK;
    }
    TENON_TRY(tenon__result_ref(b, node->results[0], place, out_ref));
    return tenon__add_copy(b, place, &from, out_ref);
}

static tenon_status gather_operands(tenon__plan_builder *b, const tenonh_node *node, uint32_t place,
                                    tenon__ref *operands) {
    const tenon_op_row *row = tenon_op_row_of(node->op);
    int inout = tenon__node_inout(node);
    bool whole = tenon__copies_views(b, place) && node->op != TENON_OP_COPY;
    for (uint32_t i = 0; i < row->input_count; i++)
        TENON_TRY(whole ? tenon__localize_whole(b, node->operands[i], place, &operands[i])
                        : tenon__localize(b, node->operands[i], place, &operands[i]));
    for (uint32_t i = 0; i < row->output_count; i++) {
        tenon__ref *out = &operands[row->input_count + i];
        if (inout >= 0 && i == 0)
            TENON_TRY(inout_ref(b, node, (uint32_t)inout, place, out));
        else
            TENON_TRY(tenon__result_ref(b, node->results[i], place, out));
    }
    return TENON_STATUS_OK;
}

/* The node's attributes as the plugin ABI has them. */
static tenon_status export_attrs(tenon__plan_builder *b, const tenonh_node *node, tenon__task *task) {
    tenon_attr *attrs = tenon__arena_array(&b->plan->arena, node->attr_count, sizeof *attrs);
    if (!attrs) return tenon__fail_memory();
    for (uint32_t i = 0; i < node->attr_count; i++) {
        int64_t *values = tenon__arena_array(&b->plan->arena, node->attrs[i].count, sizeof *values);
        if (!values) return tenon__fail_memory();
        TENON_TRY(list_of(b, node, node->attrs[i].id, node->attrs[i].count, values));
        attrs[i] = (tenon_attr){node->attrs[i].id, node->attrs[i].count, values};
    }
    task->attrs = attrs;
    task->attr_count = node->attr_count;
    return TENON_STATUS_OK;
}

static tenon_status plan_op_at(tenon__plan_builder *b, const tenonh_node *node, uint32_t place) {
    tenon__ref operands[8];
    const tenon_op_row *row = tenon_op_row_of(node->op);
    tenon__task task = {.op = node->op, .input_count = row->input_count, .operands = operands};
    task.operand_count = row->input_count + row->output_count;
    memcpy(task.scalars, node->scalars, sizeof task.scalars);
    TENON_TRY(export_attrs(b, node, &task));
    TENON_TRY(gather_operands(b, node, place, operands));
    TENON_TRY(tenon__fit_task(node, &task));
    tenon_status status = tenon__add_task(b, place, &task);
    if (status == TENON_STATUS_UNSUPPORTED && row->optional) status = tenon__plan_expansion(b, place, &task);
    TENON_TRY(status);
    for (uint32_t i = 0; i < node->result_count; i++)
        tenon__put_at(b, &b->values[node->results[i]->id], place, &operands[row->input_count + i]);
    return TENON_STATUS_OK;
}

/* Which of a node's operands are at a place, and which in a copy without gaps. */
typedef struct presence {
    bool at, whole;
} presence;

static void note_presence(const tenon__plan_builder *b, const tenonh_node *node, uint32_t place, presence *out) {
    for (uint32_t i = 0; i < node->operand_count; i++) {
        if (!node->operands[i]) continue;
        const tenon__value_state *state = &b->values[node->operands[i]->id];
        out[i] = (presence){tenon__is_at(b, state, place), tenon__is_there(b, &state->whole[place])};
    }
}

/* Undoes what a refused attempt added: steps, and refs of values that it brought to `place`. */
static void undo(tenon__plan_builder *b, const tenonh_node *node, uint32_t place, uint32_t steps,
                 const presence *before) {
    b->plan->step_count = steps;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        if (!node->operands[i]) continue;
        tenon__value_state *state = &b->values[node->operands[i]->id];
        if (!before[i].at) state->at[place].valid = false;
        if (!before[i].whole) state->whole[place].valid = false;
    }
}

typedef tenon_status (*plan_function)(tenon__plan_builder *b, const tenonh_node *node, uint32_t place);

/* Plans a node at the first place whose device takes it. */
static tenon_status plan_anywhere(tenon__plan_builder *b, const tenonh_node *node, plan_function plan_at) {
    presence *before = tenon__arena_array(&b->plan->arena, node->operand_count, sizeof *before);
    if (!before) return tenon__fail_memory();
    for (uint32_t place = 0; place < TENON__MAX_PLACES && b->context->devices[place]; place++) {
        note_presence(b, node, place, before);
        uint32_t steps = b->plan->step_count;
        tenon_status status = plan_at(b, node, place);
        if (status != TENON_STATUS_UNSUPPORTED) return status;
        undo(b, node, place, steps, before);
    }
    return tenon__fail_in(TENON_STATUS_UNSUPPORTED, "%s: %s does not take it%s", tenon__node_text(node),
                          tenonh_device_name(b->context->devices[0]),
                          b->context->devices[1] ? ", nor does the fallback" : " and there is no fallback");
}

/* -- Concat -- */

static tenon_status copy_parts(tenon__plan_builder *b, uint32_t place, uint32_t axis, const tenon__ref *parts,
                               uint32_t count, const tenon__ref *whole) {
    int64_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        tenon__ref slot = tenon__ref_part(whole, axis, at, parts[i].dims[axis]);
        TENON_TRY(add_copy_task(b, place, &parts[i], &slot));
        at += parts[i].dims[axis];
    }
    return TENON_STATUS_OK;
}

static tenon_status plan_concat_at(tenon__plan_builder *b, const tenonh_node *node, uint32_t place) {
    uint32_t axis = (uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0), count = node->operand_count;
    tenon__ref whole, *parts = tenon__arena_array(&b->plan->arena, count, sizeof *parts);
    if (!parts) return tenon__fail_memory();
    TENON_TRY(tenon__result_ref(b, node->results[0], place, &whole));
    for (uint32_t i = 0; i < count; i++) TENON_TRY(tenon__localize(b, node->operands[i], place, &parts[i]));
    if (tenon__copies_views(b, place))
        TENON_TRY(tenon__stack_parts(b, place, axis, parts, count, &whole));
    else
        TENON_TRY(copy_parts(b, place, axis, parts, count, &whole));
    tenon__put_at(b, &b->values[node->results[0]->id], place, &whole);
    return TENON_STATUS_OK;
}

tenon_status tenon__plan_node(tenon__plan_builder *b, const tenonh_node *node) {
    if (node->kind == TENON__NODE_OP && tenon__node_is_view(node)) return plan_view(b, node);
    if (node->kind == TENON__NODE_OP) return plan_anywhere(b, node, plan_op_at);
    bool concat =
        node->kind == TENON__NODE_COMPOSITE && node->composite && node->composite->number == TENON__COMPOSITE_CONCAT;
    if (concat) return plan_anywhere(b, node, plan_concat_at);
    return tenon__fail(TENON_STATUS_UNSUPPORTED,
                       "%s: control flow that depends on data, and state, cannot be planned in this version",
                       tenon__node_text(node));
}
