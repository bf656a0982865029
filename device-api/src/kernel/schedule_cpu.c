/* The CPU schedule: explicit vectors along the axis that gains most, whole rows for a work-item, tiles for
 * contractions. */
#include "kernel/schedule.h"

#include "support/error.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 8192 /* of one operand that an item of a map kernel goes through: enough to forget the item's start */
};

/* -- How values are used ---------------------------------------------------------------------------------------------- */

typedef struct use_map {
    const tenon__kir_program *program;
    uint32_t *count;
    uint32_t *block; /* of the last user */
    uint8_t *height; /* of the expression that stands at a node */
} use_map;

static void used_at(use_map *uses, tenon__kir_id id, uint32_t block) {
    uses->block[id] = block;
}

static void note_uses(use_map *uses, uint32_t block) {
    const tenon__kir_program *program = uses->program;
    const tenon__kir_node *node;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        for (uint32_t i = 0; i < node->arg_count; i++) used_at(uses, tenon__kir_arg(program, node, i), block);
        if (node->kind != TENON__KIR_LOOP && node->kind != TENON__KIR_TILE) continue;
        const tenon__kir_loop *loop = &program->loops[node->loop];
        note_uses(uses, loop->body);
        if (loop->merge == TENON__KIR_MERGE_BODY) note_uses(uses, loop->merge_body);
        for (uint32_t i = 0; i < loop->axis_count; i++) used_at(uses, loop->extent[i], block);
        for (uint32_t i = 0; i < loop->carry_count; i++) used_at(uses, loop->init[i], block);
        for (uint32_t i = 0; i < loop->carry_count; i++) used_at(uses, loop->next[i], loop->body);
        if (node->kind == TENON__KIR_TILE) used_at(uses, loop->next[0], loop->body);
        for (uint32_t i = 0; i < loop->carry_count && loop->merge == TENON__KIR_MERGE_BODY; i++)
            used_at(uses, loop->merged[i], loop->merge_body);
    }
}

static bool is_pure(const tenon__kir_node *node) {
    return node->kind == TENON__KIR_OP || node->kind == TENON__KIR_CAST || node->kind == TENON__KIR_BITCAST;
}

static uint8_t height_of(const use_map *uses, const tenon__plan *plan, const tenon__kir_node *node) {
    uint8_t height = 0;
    for (uint32_t i = 0; i < node->arg_count; i++) {
        tenon__kir_id arg = tenon__kir_arg(uses->program, node, i);
        if (plan->node[arg] & TENON__NODE_SINGLE && uses->height[arg] > height) height = uses->height[arg];
    }
    return (uint8_t)(height + 1);
}

static void mark_uses(const use_map *uses, tenon__plan *plan) {
    enum { MAX_HEIGHT = 4 }; /* deeper expressions get names: lines stay readable, and recursion shallow */
    for (tenon__kir_id id = 1; id < uses->program->node_count; id++) {
        const tenon__kir_node *node = tenon__kir_at(uses->program, id);
        if (node->kind == TENON__KIR_RESULT && uses->count[id] == 0) plan->node[id] |= TENON__NODE_UNUSED;
        if (!is_pure(node)) continue;
        uses->height[id] = height_of(uses, plan, node);
        if (uses->count[id] == 1 && uses->block[id] == node->block && uses->height[id] <= MAX_HEIGHT)
            plan->node[id] |= TENON__NODE_SINGLE;
    }
}

static tenon_status find_uses(tenon__plan *plan) {
    const tenon__kir_program *program = plan->program;
    use_map uses = {program, calloc(program->node_count, sizeof(uint32_t)),
                    calloc(program->node_count, sizeof(uint32_t)), calloc(program->node_count, 1)};
    bool memory = uses.count && uses.block && uses.height;
    if (memory) {
        memset(uses.block, 0xff, program->node_count * sizeof *uses.block); /* of a dim or extent: no block */
        tenon__kir_use_counts(program, uses.count);
        note_uses(&uses, 0);
        for (uint32_t i = 0; i < program->kernel_count; i++)
            note_uses(&uses, program->loops[program->kernels[i].loop].body);
        mark_uses(&uses, plan);
    }
    free(uses.count);
    free(uses.block);
    free(uses.height);
    return memory ? TENON_STATUS_OK : tenon__fail_memory();
}

/* -- Loops -------------------------------------------------------------------------------------------------------- */

static bool try_region(tenon__plan *plan, uint32_t loop, tenon__kir_id axis, tenon__region *out_region,
                       int64_t *out_worth) {
    tenon__mark_varying(plan, loop, axis);
    return tenon__lanes_allowed(plan, loop, axis) && tenon__region_make(plan, loop, axis, out_region, out_worth);
}

static void drop_regions(tenon__plan *plan, uint32_t block) {
    const tenon__kir_program *program = plan->program;
    for (uint32_t i = 0; i < program->loop_count; i++)
        if (program->loops[i].node && tenon__kir_block_within(program, program->loops[i].body, block))
            plan->loops[i] = (tenon__region){0};
}

static int64_t plan_block(tenon__plan *plan, uint32_t block);

/* The loop itself, or what lies in it, whichever gains more. Trying marks nodes, so the choice is marked again. */
static int64_t plan_loop(tenon__plan *plan, uint32_t number) {
    const tenon__kir_loop *loop = &plan->program->loops[number];
    tenon__region region = {0};
    int64_t own = 0, within;
    tenon__kir_id axis = loop->axis_count ? loop->axis[loop->axis_count - 1] : 0;
    bool allowed = axis && try_region(plan, number, axis, &region, &own);
    tenon__unmark(plan, number);
    within = plan_block(plan, loop->body);
    if (!allowed || own <= 0 || own < within) return within;
    drop_regions(plan, loop->body);
    plan->loops[number] = region;
    return own;
}

static int64_t plan_block(tenon__plan *plan, uint32_t block) {
    const tenon__kir_program *program = plan->program;
    const tenon__kir_node *node;
    int64_t worth = 0;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        if (node->kind == TENON__KIR_LOOP || node->kind == TENON__KIR_TILE) worth += plan_loop(plan, node->loop);
    }
    return worth;
}

/* -- Kernels ------------------------------------------------------------------------------------------------------ */

static bool meets_in_any_order(const tenon__kir_program *program, uint32_t block) {
    const tenon__kir_node *node;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        if (node->kind == TENON__KIR_STORE && node->flags & TENON__KIR_ANY_ORDER) return true;
        if (node->kind == TENON__KIR_LOOP && meets_in_any_order(program, program->loops[node->loop].body)) return true;
    }
    return false;
}

static bool has_loop(const tenon__kir_program *program, uint32_t block) {
    const tenon__kir_node *node;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        if (node->kind == TENON__KIR_LOOP || node->kind == TENON__KIR_TILE) return true;
    }
    return false;
}

/* Elements of an item: whole vectors. An item with loops does enough with one set of them. */
static uint32_t chunk_for(const tenon__plan *plan, const tenon__kernel_plan *kernel, uint32_t body) {
    const tenon__region *region = &kernel->region;
    uint32_t set = region->lanes * (region->copies ? region->copies : 1);
    if (plan->options.chunk) return (plan->options.chunk + set - 1) / set * set;
    return has_loop(plan->program, body) ? set : CHUNK_BYTES / region->mask_bytes;
}

/* The grid axis that gains most; the last of equals, because it is the innermost of most views. */
static uint32_t best_axis(tenon__plan *plan, uint32_t grid, int64_t *out_worth) {
    const tenon__kir_loop *loop = &plan->program->loops[grid];
    uint32_t best = UINT32_MAX;
    tenon__region region;
    *out_worth = 0;
    for (uint32_t i = loop->axis_count; i-- > 0;) {
        int64_t worth;
        if (!try_region(plan, grid, loop->axis[i], &region, &worth) || worth <= *out_worth) continue;
        *out_worth = worth;
        best = i;
    }
    return best;
}

static void mark_again(tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->program->loop_count; i++) {
        int64_t worth;
        if (plan->loops[i].axis) try_region(plan, i, plan->loops[i].axis, &plan->loops[i], &worth);
    }
}

static void plan_vectors(tenon__plan *plan, uint32_t number) {
    tenon__kernel_plan *kernel = &plan->kernels[number];
    uint32_t grid = plan->program->kernels[number].loop, body = plan->program->loops[grid].body;
    int64_t across, within = plan_block(plan, body), worth;
    uint32_t axis = kernel->kind == TENON__PLAN_SERIAL ? UINT32_MAX : best_axis(plan, grid, &across);
    tenon__unmark(plan, grid);
    if (axis == UINT32_MAX || across < within) return;
    drop_regions(plan, body);
    try_region(plan, grid, plan->program->loops[grid].axis[axis], &kernel->region, &worth);
    kernel->kind = TENON__PLAN_AXIS;
    kernel->axis = axis;
    kernel->chunk = chunk_for(plan, kernel, body);
}

/* A kernel without loops goes through the last axis in chunks, so that an item is worth its start. */
static void plan_points(const tenon__plan *plan, tenon__kernel_plan *kernel, const tenon__kir_loop *grid) {
    kernel->kind = TENON__PLAN_AXIS;
    kernel->axis = grid->axis_count - 1;
    kernel->chunk = plan->options.chunk ? plan->options.chunk : CHUNK_BYTES / 4;
}

static void plan_kernel(tenon__plan *plan, uint32_t number) {
    const tenon__kir_program *program = plan->program;
    tenon__kernel_plan *kernel = &plan->kernels[number];
    const tenon__kir_loop *grid = &program->loops[program->kernels[number].loop];
    bool serial = meets_in_any_order(program, grid->body);
    kernel->kind = serial ? TENON__PLAN_SERIAL : TENON__PLAN_ITEMS;
    if (!serial && grid->axis_count && !has_loop(program, grid->body)) plan_points(plan, kernel, grid);
    if (plan->options.scalar || !(plan->dialect->features & TENON_FEATURE_VECTORS) || plan->dialect->vector_bytes < 8)
        return;
    if (!serial && !plan->options.without_tiles && tenon__tiles_find(plan, number, &kernel->tiles)) {
        kernel->kind = TENON__PLAN_TILES;
        return;
    }
    plan_vectors(plan, number);
}

static tenon_status plan_few(tenon__plan *plan) {
    tenon__schedule_options options = plan->options;
    bool tiles = false;
    for (uint32_t i = 0; i < plan->program->kernel_count; i++) tiles |= plan->kernels[i].kind == TENON__PLAN_TILES;
    if (!tiles) return TENON_STATUS_OK;
    options.without_tiles = 1;
    plan->few = calloc(1, sizeof *plan->few);
    return plan->few ? tenon__plan_make(plan->program, plan->dialect, &options, plan->few) : tenon__fail_memory();
}

tenon_status tenon__plan_make(const tenon__kir_program *program, const tenon_dialect *dialect,
                              const tenon__schedule_options *options, tenon__plan *out_plan) {
    tenon__plan *plan = out_plan;
    *plan = (tenon__plan){.program = program, .dialect = dialect, .options = *options};
    plan->kernels = calloc(program->kernel_count + 1, sizeof *plan->kernels);
    plan->loops = calloc(program->loop_count + 1, sizeof *plan->loops);
    plan->node = calloc(program->node_count + 1, 1);
    plan->access = calloc(program->node_count + 1, 1);
    plan->mask_bytes = calloc(program->node_count + 1, 1);
    if (!plan->kernels || !plan->loops || !plan->node || !plan->access || !plan->mask_bytes)
        return tenon__fail_memory();
    TENON_TRY(find_uses(plan));
    for (uint32_t i = 0; i < program->kernel_count; i++) plan_kernel(plan, i);
    mark_again(plan);
    return plan_few(plan);
}

void tenon__plan_free(tenon__plan *plan) {
    if (plan->few) tenon__plan_free(plan->few);
    free(plan->few);
    free(plan->kernels);
    free(plan->loops);
    free(plan->node);
    free(plan->access);
    free(plan->mask_bytes);
    *plan = (tenon__plan){0};
}
