/* Regions: what varies, whether the steps of an axis may run in lanes, which values need vectors, what is gained. */
#include "kernel/schedule.h"

#include <tenon/helpers.h>

/* -- What varies -------------------------------------------------------------------------------------------------- */

static bool mark(tenon__plan *plan, tenon__kir_id id) {
    if (tenon__varies(plan, id)) return false;
    plan->node[id] |= TENON__NODE_VARYING;
    return true;
}

static bool mark_block(tenon__plan *plan, uint32_t block);

static bool mark_loop(tenon__plan *plan, const tenon__kir_loop *loop) {
    bool changed = mark_block(plan, loop->body);
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        if (!tenon__varies(plan, loop->carry[i]) && !tenon__varies(plan, loop->init[i]) &&
            !tenon__varies(plan, loop->next[i]))
            continue;
        changed |= mark(plan, loop->carry[i]);
        changed |= mark(plan, loop->result[i]);
    }
    return changed;
}

static bool any_arg_varies(const tenon__plan *plan, const tenon__kir_node *node) {
    for (uint32_t i = 0; i < node->arg_count; i++)
        if (tenon__varies(plan, tenon__kir_arg(plan->program, node, i))) return true;
    return false;
}

static bool mark_block(tenon__plan *plan, uint32_t block) {
    bool changed = false;
    const tenon__kir_node *node;
    for (tenon__kir_id id = plan->program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(plan->program, id);
        if (node->kind == TENON__KIR_LOOP) changed |= mark_loop(plan, &plan->program->loops[node->loop]);
        if (node->kind != TENON__KIR_LOOP && any_arg_varies(plan, node)) changed |= mark(plan, id);
    }
    return changed;
}

static void clear_block(tenon__plan *plan, uint32_t block) {
    const tenon__kir_program *program = plan->program;
    for (tenon__kir_id id = 1; id < program->node_count; id++)
        if (tenon__kir_block_within(program, program->nodes[id].block, block))
            plan->node[id] &= TENON__NODE_SINGLE | TENON__NODE_UNUSED;
}

void tenon__unmark(tenon__plan *plan, uint32_t number) {
    const tenon__kir_loop *loop = &plan->program->loops[number];
    clear_block(plan, loop->body);
    if (loop->merge == TENON__KIR_MERGE_BODY) clear_block(plan, loop->merge_body);
}

void tenon__mark_varying(tenon__plan *plan, uint32_t number, tenon__kir_id axis) {
    const tenon__kir_loop *loop = &plan->program->loops[number];
    tenon__unmark(plan, number);
    mark(plan, axis);
    for (uint32_t i = 0; i < loop->carry_count; i++) mark(plan, loop->carry[i]);
    if (loop->merge == TENON__KIR_MERGE_BODY) {
        for (uint32_t i = 0; i < 2 * loop->carry_count; i++) mark(plan, loop->param[i]);
        mark_block(plan, loop->merge_body);
    }
    while (mark_block(plan, loop->body)) continue;
}

/* -- What may run in lanes ---------------------------------------------------------------------------------------- */

typedef struct lane_check {
    const tenon__plan *plan;
    tenon__kir_id axis;
    uint32_t body;
    bool grid;
} lane_check;

/* True when a value depends on nothing that is made inside the body but the axis: it is the same wherever in a step. */
static bool fixed_in_step(const lane_check *check, tenon__kir_id id, uint32_t look) {
    const tenon__kir_program *program = check->plan->program;
    const tenon__kir_node *node = tenon__kir_at(program, id);
    if (id == check->axis) return true;
    if (!tenon__kir_block_within(program, node->block, check->body)) return true;
    if (!look || node->kind != TENON__KIR_OP) return node->kind == TENON__KIR_CONST;
    for (uint32_t i = 0; i < node->arg_count; i++)
        if (!fixed_in_step(check, tenon__kir_arg(program, node, i), look - 1)) return false;
    return true;
}

/* One dimension alone tells the steps of the axis apart. */
static bool separates(const lane_check *check, tenon__kir_id store) {
    const tenon__kir_node *node = tenon__kir_at(check->plan->program, store);
    uint32_t rank = check->plan->program->operands[node->ref].rank;
    for (uint32_t i = 0; i < rank; i++) {
        tenon__kir_id index = tenon__kir_arg(check->plan->program, node, i);
        tenon__step step = tenon__step_of(check->plan, check->axis, index, TENON__MAX_LOOK);
        if (step.even && step.count == 0 && step.number && fixed_in_step(check, index, TENON__MAX_LOOK)) return true;
    }
    return false;
}

static bool same_place(const tenon__kir_program *program, const tenon__kir_node *a, const tenon__kir_node *b) {
    for (uint32_t i = 0; i < program->operands[a->ref].rank; i++)
        if (!tenon__kir_same(program, tenon__kir_arg(program, a, i), tenon__kir_arg(program, b, i))) return false;
    return true;
}

/* Every other access of the stored operand in `block` has to be a load of the same element. */
static bool alone(const lane_check *check, tenon__kir_id store, uint32_t block) {
    const tenon__kir_program *program = check->plan->program;
    const tenon__kir_node *to = tenon__kir_at(program, store), *node;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        if (node->kind == TENON__KIR_LOOP && !alone(check, store, program->loops[node->loop].body)) return false;
        if (id == store || node->ref != to->ref) continue;
        if (node->kind == TENON__KIR_STORE) return false;
        if (node->kind == TENON__KIR_LOAD && !same_place(program, to, node)) return false;
    }
    return true;
}

static bool block_allowed(const lane_check *check, uint32_t block);

static bool loop_allowed(const lane_check *check, const tenon__kir_loop *loop) {
    for (uint32_t i = 0; i < loop->axis_count; i++)
        if (tenon__varies(check->plan, loop->extent[i])) return false;
    for (uint32_t i = 0; i < loop->carry_count; i++)
        if (tenon__kir_at(check->plan->program, loop->carry[i])->type.rank) return false;
    return block_allowed(check, loop->body);
}

static bool block_allowed(const lane_check *check, uint32_t block) {
    const tenon__kir_program *program = check->plan->program;
    const tenon__kir_node *node;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        if (node->kind == TENON__KIR_TILE) return false;
        if (node->kind == TENON__KIR_LOOP && !loop_allowed(check, &program->loops[node->loop])) return false;
        if (node->kind == TENON__KIR_STORE && !check->grid && !(separates(check, id) && alone(check, id, check->body)))
            return false;
    }
    return true;
}

bool tenon__lanes_allowed(const tenon__plan *plan, uint32_t number, tenon__kir_id axis) {
    const tenon__kir_loop *loop = &plan->program->loops[number];
    bool tile = loop->node && tenon__kir_at(plan->program, loop->node)->kind == TENON__KIR_TILE;
    if (loop->carry_count && !loop->merge && !tile) return false;
    for (uint32_t i = 0; i < loop->carry_count; i++)
        if (tenon__kir_at(plan->program, loop->carry[i])->type.rank) return false;
    lane_check check = {plan, axis, loop->body, loop->node == 0};
    if (loop->merge == TENON__KIR_MERGE_BODY && !block_allowed(&check, loop->merge_body)) return false;
    return block_allowed(&check, loop->body);
}

/* -- What is needed as vectors ------------------------------------------------------------------------------------ */

typedef struct needs {
    tenon__plan *plan;
    tenon__kir_id axis;
    uint32_t widest; /* bytes of the widest element of a vector */
    uint32_t work;   /* rough instructions a step */
    int64_t worth;
} needs;

static void need_value(needs *need, tenon__kir_id id);

static uint32_t bytes_of(uint32_t dtype) {
    if (dtype == TENON__KIR_INDEX) return 8;
    uint32_t bits = tenon_dtype_bits(dtype);
    return bits < 8 ? 1 : bits / 8;
}

static void need_width(needs *need, uint32_t dtype) {
    if (dtype != TENON_DTYPE_BOOL && bytes_of(dtype) > need->widest) need->widest = bytes_of(dtype);
}

/* Lane-by-lane code reads an index through its expression; only what is not made of the axis comes from vectors. */
static void need_lane(needs *need, tenon__kir_id id) {
    const tenon__kir_node *node = tenon__kir_at(need->plan->program, id);
    if (!tenon__varies(need->plan, id) || node->kind == TENON__KIR_AXIS) return;
    if (need->plan->node[id] & TENON__NODE_LANEWISE) return;
    need->plan->node[id] |= TENON__NODE_LANEWISE;
    if (node->type.dtype == TENON__KIR_INDEX && node->kind == TENON__KIR_OP) {
        for (uint32_t i = 0; i < node->arg_count; i++) need_lane(need, tenon__kir_arg(need->plan->program, node, i));
        return;
    }
    need_value(need, id);
}

static int64_t depth_weight(const needs *need, const tenon__kir_node *node) {
    const tenon__kir_program *program = need->plan->program;
    int64_t weight = 1;
    for (uint32_t block = node->block; block && weight < 4096; block = program->blocks[block].parent) weight *= 8;
    return weight;
}

/* Gain of running an access in lanes. A gather costs what the scalar code costs; a uniform one is shared. */
static int64_t access_worth(uint32_t lanes) {
    static const int64_t worth[] = {
        [TENON__LANES_SAME] = 1, [TENON__LANES_UNIT] = 4, [TENON__LANES_STRIDED] = -1, [TENON__LANES_ANY] = -3};
    return worth[lanes];
}

static void need_access(needs *need, tenon__kir_id id) {
    tenon__plan *plan = need->plan;
    const tenon__kir_node *node = tenon__kir_at(plan->program, id);
    uint32_t first, rank = tenon__access_rank(plan, id, &first), lanes = tenon__lanes_of(plan, need->axis, id);
    tenon__kir_id guard = tenon__access_guard(plan->program, node), other = tenon__access_else(plan->program, node);
    plan->access[id] = (uint8_t)lanes;
    need->worth += access_worth(lanes) * depth_weight(need, node);
    need->work += lanes == TENON__LANES_ANY ? 24 : lanes == TENON__LANES_STRIDED ? 8 : 1;
    if (node->kind != TENON__KIR_ELEM) need_width(need, plan->program->operands[node->ref].dtype);
    if (other) need_value(need, other);
    if (lanes != TENON__LANES_ANY) return;
    for (uint32_t i = 0; i < rank; i++) need_lane(need, tenon__kir_arg(plan->program, node, first + i));
    if (guard) need_lane(need, guard);
    if (other) need_lane(need, other);
}

/* Operators that cost many instructions, where lanes pay even without contiguous data. */
static uint32_t op_work(uint32_t op, uint32_t dtype) {
    switch (op) {
    case TENON_OP_EXP2:
    case TENON_OP_LOG2:
    case TENON_OP_SIN:
    case TENON_OP_COS:
    case TENON_OP_POW:
    case TENON_OP_EXP:
    case TENON_OP_LOG:
    case TENON_OP_EXPM1:
    case TENON_OP_LOG1P:
    case TENON_OP_TANH:
    case TENON_OP_ERF: return 24;
    case TENON_OP_DIV:
    case TENON_OP_REM: return tenon_dtype_class(dtype) == TENON_CLASS_FLOAT ? 4 : 24;
    case TENON_OP_SQRT:
    case TENON_OP_MAX:
    case TENON_OP_MIN: return 4;
    default: return 1;
    }
}

static void need_op(needs *need, const tenon__kir_node *node) {
    const tenon__kir_program *program = need->plan->program;
    uint32_t work = node->kind == TENON__KIR_OP ? op_work(node->op, node->type.dtype) : 2;
    need->work += work;
    if (work > 4 && node->type.dtype != TENON__KIR_INDEX) need->worth += 8 * depth_weight(need, node);
    if (node->kind == TENON__KIR_CAST) need_width(need, node->to);
    for (uint32_t i = 0; i < node->arg_count; i++) need_value(need, tenon__kir_arg(program, node, i));
}

/* Carried values are needed when the walk meets their loop. */
static void need_value(needs *need, tenon__kir_id id) {
    const tenon__kir_node *node = tenon__kir_at(need->plan->program, id);
    if (!tenon__varies(need->plan, id) || need->plan->node[id] & TENON__NODE_NEEDED) return;
    need->plan->node[id] |= TENON__NODE_NEEDED;
    need_width(need, node->type.dtype);
    switch (node->kind) {
    case TENON__KIR_LOAD:
    case TENON__KIR_ELEM: need_access(need, id); break;
    case TENON__KIR_OP:
    case TENON__KIR_CAST:
    case TENON__KIR_BITCAST: need_op(need, node); break;
    default: break;
    }
}

static void need_block(needs *need, uint32_t block) {
    const tenon__kir_program *program = need->plan->program;
    const tenon__kir_node *node;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        if (node->kind == TENON__KIR_LOAD && !tenon__varies(need->plan, id)) {
            need->worth += access_worth(TENON__LANES_SAME) * depth_weight(need, node);
        } else if (node->kind == TENON__KIR_STORE) {
            tenon__kir_id value = tenon__stored_value(program, node);
            need_access(need, id);
            need_value(need, value);
            if (need->plan->access[id] == TENON__LANES_ANY) need_lane(need, value);
        } else if (node->kind == TENON__KIR_LOOP) {
            const tenon__kir_loop *loop = &program->loops[node->loop];
            for (uint32_t i = 0; i < loop->carry_count; i++) {
                if (!tenon__varies(need->plan, loop->carry[i])) continue;
                need_value(need, loop->carry[i]);
                need_value(need, loop->init[i]);
                need_value(need, loop->next[i]);
            }
            need_block(need, loop->body);
        }
    }
}

static void need_results(needs *need, const tenon__kir_loop *loop) {
    const tenon__kir_node *axis_node = tenon__kir_at(need->plan->program, need->axis);
    bool tile = loop->node && tenon__kir_at(need->plan->program, loop->node)->kind == TENON__KIR_TILE;
    if (tile) need_width(need, tenon__kir_at(need->plan->program, loop->node)->type.dtype);
    if (tile) need_value(need, loop->next[0]);
    if (tile) need->worth += access_worth(TENON__LANES_UNIT) * depth_weight(need, axis_node);
    /* Lanes break the chain from one step to the next, whatever the loads cost. */
    if (loop->carry_count) need->worth += 2 * depth_weight(need, axis_node);
    for (uint32_t i = 0; i < loop->carry_count && !tile; i++) {
        need_value(need, loop->carry[i]);
        need_value(need, loop->next[i]);
        if (loop->merge == TENON__KIR_MERGE_BODY) need_value(need, loop->merged[i]);
    }
}

/* -- Masks -------------------------------------------------------------------------------------------------------- */

static uint8_t wider(uint8_t a, uint8_t b) {
    return a > b ? a : b;
}

/* Bytes of a lane of a varying bool as it comes out of its operation. */
static uint8_t mask_bytes(const tenon__plan *plan, const tenon__kir_node *node, uint32_t otherwise) {
    const tenon__kir_program *program = plan->program;
    uint8_t bytes = 0;
    if (node->kind != TENON__KIR_OP && node->kind != TENON__KIR_CAST) return (uint8_t)otherwise;
    for (uint32_t i = 0; i < node->arg_count; i++) {
        tenon__kir_id arg = tenon__kir_arg(program, node, i);
        uint32_t dtype = tenon__kir_at(program, arg)->type.dtype;
        if (dtype != TENON_DTYPE_BOOL)
            bytes = wider(bytes, (uint8_t)bytes_of(dtype));
        else if (tenon__varies(plan, arg))
            bytes = wider(bytes, plan->mask_bytes[arg]);
    }
    return bytes;
}

static void set_masks(tenon__plan *plan, uint32_t block, uint32_t otherwise) {
    const tenon__kir_program *program = plan->program;
    for (tenon__kir_id id = 1; id < program->node_count; id++) {
        const tenon__kir_node *node = tenon__kir_at(program, id);
        if (node->type.dtype != TENON_DTYPE_BOOL || !tenon__varies(plan, id)) continue;
        if (!tenon__kir_block_within(program, node->block, block)) continue;
        plan->mask_bytes[id] = mask_bytes(plan, node, otherwise);
    }
}

/* -- Indices known in lane 0 -------------------------------------------------------------------------------------- */

static bool known_first(const tenon__plan *plan, tenon__kir_id axis, const tenon__kir_node *node) {
    if (node->kind != TENON__KIR_OP || node->type.dtype != TENON__KIR_INDEX) return false;
    for (uint32_t i = 0; i < node->arg_count; i++) {
        tenon__kir_id arg = tenon__kir_arg(plan->program, node, i);
        if (tenon__varies(plan, arg) && arg != axis && !(plan->node[arg] & TENON__NODE_FIRST)) return false;
    }
    return true;
}

static void set_firsts(tenon__plan *plan, uint32_t block, tenon__kir_id axis) {
    const tenon__kir_program *program = plan->program;
    for (tenon__kir_id id = 1; id < program->node_count; id++) {
        const tenon__kir_node *node = tenon__kir_at(program, id);
        if (!tenon__varies(plan, id) || !tenon__kir_block_within(program, node->block, block)) continue;
        if (known_first(plan, axis, node)) plan->node[id] |= TENON__NODE_FIRST;
    }
}

/* -- The region --------------------------------------------------------------------------------------------------- */

static uint32_t power_below(uint64_t value) {
    uint32_t power = 1;
    while ((uint64_t)power * 2 <= value) power *= 2;
    return power;
}

/* Vectors side by side hide the latency of a short step; a long one fills the machine alone. */
static uint32_t copies_for(const tenon__kir_loop *loop, uint32_t work) {
    if (loop->carry_count) return work <= 8 ? 4 : work <= 20 ? 2 : 0;
    return work <= 16 ? 2 : 0;
}

/* The same for a body with loops of its own, whose carried values stay in registers. */
static uint32_t copies_around_loops(uint32_t work) {
    return work <= 10 ? 4 : work <= 24 ? 2 : 0;
}

static bool has_loops(const tenon__kir_program *program, uint32_t block) {
    const tenon__kir_node *node;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        if (node->kind == TENON__KIR_LOOP) return true;
    }
    return false;
}

/* Lanes and copies of a short loop of known extent do not pass it. */
static bool fit_extent(tenon__region *region, int64_t extent) {
    if (extent < 4) return false;
    if (region->lanes > extent) region->lanes = power_below((uint64_t)extent);
    while (region->copies && (int64_t)region->copies * region->lanes > extent) region->copies /= 2;
    return true;
}

bool tenon__region_make(tenon__plan *plan, uint32_t number, tenon__kir_id axis, tenon__region *out_region,
                        int64_t *out_worth) {
    const tenon__kir_loop *loop = &plan->program->loops[number];
    needs need = {.plan = plan, .axis = axis, .widest = 1};
    int64_t extent;
    need_block(&need, loop->body);
    need_results(&need, loop);
    bool around = has_loops(plan->program, loop->body);
    *out_region = (tenon__region){axis, power_below(plan->dialect->vector_bytes / need.widest),
                                  around ? copies_around_loops(need.work) : copies_for(loop, need.work), need.widest};
    if (loop->node && tenon__kir_is_const(plan->program, loop->extent[loop->axis_count - 1], &extent) &&
        !fit_extent(out_region, extent))
        return false;
    *out_worth = need.worth;
    set_firsts(plan, loop->body, axis);
    set_masks(plan, loop->body, need.widest);
    if (loop->merge == TENON__KIR_MERGE_BODY) set_masks(plan, loop->merge_body, need.widest);
    return out_region->lanes >= 2;
}
