/* Walking a program: what a node uses, the nodes of a block in order, counts of uses. */
#include <string.h>

#include "kernel/kir_internal.h"

static void each_of(const tenon__kir_id *ids, uint32_t count, tenon__kir_use_fn visit, void *context) {
    for (uint32_t i = 0; i < count; i++) visit(ids[i], context);
}

static void each_loop_use(const tenon__kir_loop *loop, tenon__kir_use_fn visit, void *context) {
    each_of(loop->extent, loop->axis_count, visit, context);
    each_of(loop->init, loop->carry_count, visit, context);
    each_of(loop->next, loop->carry_count, visit, context);
    if (loop->merge == TENON__KIR_MERGE_BODY) each_of(loop->merged, loop->carry_count, visit, context);
}

void tenon__kir_each_use(const tenon__kir_program *program, tenon__kir_id id, tenon__kir_use_fn visit, void *context) {
    const tenon__kir_node *node = &program->nodes[id];
    each_of(program->args + node->first_arg, node->arg_count, visit, context);
    if (node->kind == TENON__KIR_LOOP) each_loop_use(&program->loops[node->loop], visit, context);
    if (node->kind == TENON__KIR_TILE) visit(program->loops[node->loop].next[0], context);
}

tenon_status tenon__kir_walk(const tenon__kir_program *program, uint32_t block, tenon__kir_walk_fn visit,
                             void *context) {
    for (tenon__kir_id id = program->blocks[block].first; id; id = program->nodes[id].next) {
        const tenon__kir_node *node = &program->nodes[id];
        TENON_TRY(visit(program, id, context));
        if (node->kind != TENON__KIR_LOOP && node->kind != TENON__KIR_TILE) continue;
        const tenon__kir_loop *loop = &program->loops[node->loop];
        if (loop->merge == TENON__KIR_MERGE_BODY) TENON_TRY(tenon__kir_walk(program, loop->merge_body, visit, context));
        TENON_TRY(tenon__kir_walk(program, loop->body, visit, context));
    }
    return TENON_STATUS_OK;
}

static void count_use(tenon__kir_id used, void *context) {
    uint32_t *counts = context;
    counts[used]++;
}

static tenon_status count_uses(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    tenon__kir_each_use(program, id, count_use, context);
    return TENON_STATUS_OK;
}

void tenon__kir_use_counts(const tenon__kir_program *program, uint32_t *counts) {
    memset(counts, 0, program->node_count * sizeof *counts);
    tenon__kir_walk(program, 0, count_uses, counts);
    for (uint32_t i = 0; i < program->kernel_count; i++) {
        const tenon__kir_loop *grid = &program->loops[program->kernels[i].loop];
        each_of(grid->extent, grid->axis_count, count_use, counts);
        tenon__kir_walk(program, grid->body, count_uses, counts);
    }
    for (uint32_t i = 0; i < program->operand_count; i++) {
        each_of(program->operands[i].dims, program->operands[i].rank, count_use, counts);
        each_of(program->operands[i].strides, program->operands[i].rank, count_use, counts);
    }
}

/* Integer sums and products, min and max give the same bits in any order. */
static tenon_status find_order(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    bool *found = context;
    const tenon__kir_node *node = &program->nodes[id];
    if (node->kind != TENON__KIR_STORE || !(node->flags & TENON__KIR_ANY_ORDER)) return TENON_STATUS_OK;
    bool rounds = tenon__kir_class(program->operands[node->ref].dtype) == TENON_CLASS_FLOAT;
    *found = *found || (rounds && (node->op == TENON_COMBINE_ADD || node->op == TENON_COMBINE_MUL));
    return TENON_STATUS_OK;
}

bool tenon__kir_order_matters(const tenon__kir_program *program, uint32_t kernel) {
    bool found = false;
    tenon__kir_walk(program, program->loops[program->kernels[kernel].loop].body, find_order, &found);
    return found;
}
