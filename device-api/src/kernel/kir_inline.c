/* A value goes inside its user when that is the only one, in the same block, with no store or loop in between that
 * could change what it loads; a name of its own keeps it apart. */
#include "kernel/kir_inline.h"

#include <stdlib.h>

enum { DEEPEST = 12 }; /* expressions nest no deeper, so that the parser takes them and people read them */

struct counting {
    const tenon__kir_program *program;
    kir_use *uses;
    uint32_t now; /* stores and loops passed */
    uint32_t block;
};

static void count_use(tenon__kir_id used, void *context) {
    struct counting *counting = context;
    kir_use *use = &counting->uses[used];
    use->count++;
    use->block = counting->block;
    use->when = counting->now;
}

static void count_uses(struct counting *counting, const tenon__kir_id *ids, uint32_t count, uint32_t block) {
    counting->block = block;
    for (uint32_t i = 0; i < count; i++) count_use(ids[i], counting);
}

static void count_block(struct counting *counting, uint32_t block);

static void count_loop(struct counting *counting, const tenon__kir_loop *loop, uint32_t outer) {
    count_uses(counting, loop->extent, loop->axis_count, outer);
    count_uses(counting, loop->init, loop->carry_count, outer);
    counting->now++;
    if (loop->merge == TENON__KIR_MERGE_BODY) {
        count_block(counting, loop->merge_body);
        count_uses(counting, loop->merged, loop->carry_count, loop->merge_body);
    }
    count_block(counting, loop->body);
    bool tile = loop->node && counting->program->nodes[loop->node].kind == TENON__KIR_TILE;
    count_uses(counting, loop->next, tile ? 1 : loop->carry_count, loop->body);
    counting->now++;
}

static void count_block(struct counting *counting, uint32_t block) {
    const tenon__kir_program *program = counting->program;
    for (tenon__kir_id id = program->blocks[block].first; id; id = program->nodes[id].next) {
        const tenon__kir_node *node = &program->nodes[id];
        counting->uses[id].made = counting->now;
        count_uses(counting, program->args + node->first_arg, node->arg_count, block);
        if (node->kind == TENON__KIR_STORE) counting->now++;
        if (node->kind == TENON__KIR_LOOP || node->kind == TENON__KIR_TILE)
            count_loop(counting, &program->loops[node->loop], block);
    }
}

/* Users first: what only default strides use is not written at all. */
static tenon_status count_head(struct counting *counting) {
    const tenon__kir_program *program = counting->program;
    tenon__kir_id *list = malloc((program->node_count + 1) * sizeof *list);
    uint32_t count = 0;
    if (!list) return TENON_STATUS_OUT_OF_MEMORY;
    for (tenon__kir_id id = program->blocks[0].first; id; id = program->nodes[id].next) list[count++] = id;
    while (count-- > 0) {
        const tenon__kir_node *node = &program->nodes[list[count]];
        if (counting->uses[list[count]].count > 0)
            count_uses(counting, program->args + node->first_arg, node->arg_count, 0);
    }
    free(list);
    return TENON_STATUS_OK;
}

static void count_declarations(struct counting *counting) {
    const tenon__kir_program *program = counting->program;
    for (uint32_t i = 0; i < program->operand_count; i++) {
        const tenon__kir_operand *operand = &program->operands[i];
        count_uses(counting, operand->dims, operand->rank, 0);
        if (!operand->contiguous) count_uses(counting, operand->strides, operand->rank, 0);
    }
    for (uint32_t i = 0; i < program->kernel_count; i++) {
        const tenon__kir_loop *grid = &program->loops[program->kernels[i].loop];
        count_uses(counting, grid->extent, grid->axis_count, 0);
    }
}

static void decide(const tenon__kir_program *program, kir_use *uses, tenon__kir_id id) {
    const tenon__kir_node *node = &program->nodes[id];
    kir_use *use = &uses[id];
    use->reads = node->kind == TENON__KIR_LOAD && program->operands[node->ref].role != TENON__KIR_IN;
    for (uint32_t i = 0; i < node->arg_count; i++) {
        const kir_use *arg = &uses[tenon__kir_arg(program, node, i)];
        if (!arg->inlined) continue;
        use->reads = use->reads || arg->reads;
        if (arg->depth > use->depth) use->depth = arg->depth;
    }
    use->depth++;
    bool value = node->kind >= TENON__KIR_OP && node->kind <= TENON__KIR_ELEM;
    use->inlined = value && use->count == 1 && !node->name && use->block == node->block && use->depth <= DEEPEST &&
                   (!use->reads || use->when == use->made);
}

tenon_status kir_plan_inlining(const tenon__kir_program *program, kir_use *uses) {
    struct counting counting = {.program = program, .uses = uses};
    count_declarations(&counting);
    for (uint32_t i = 0; i < program->kernel_count; i++)
        count_block(&counting, program->loops[program->kernels[i].loop].body);
    TENON_TRY(count_head(&counting));
    for (tenon__kir_id id = 1; id < program->node_count; id++) decide(program, uses, id);
    return TENON_STATUS_OK;
}
