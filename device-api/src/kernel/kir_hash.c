/* The stable hash. A value is hashed as the tree that computes it, so neither names nor lets nor sharing matter;
 * axes, carried values and parameters are named by the depth of their loop; a load of what the kernel may have stored
 * to also counts the stores before it; a block is the sequence of its stores and of the loops that store. */
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_internal.h"

typedef struct digest {
    uint64_t a, b;
} digest;

struct hashing {
    const tenon__kir_program *program;
    digest *nodes;
    uint32_t stores; /* passed in this kernel */
    uint32_t depth;  /* of loops */
};

/* Finaliser of splitmix64: every input bit reaches every output bit. */
static uint64_t scramble(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void mix(digest *into, uint64_t value) {
    into->a = scramble(into->a + UINT64_C(0x9e3779b97f4a7c15) + value);
    into->b = scramble((into->b << 7 | into->b >> 57) ^ (value + UINT64_C(0xd6e8feb86659fd93)));
}

static void mix_digest(digest *into, digest value) {
    mix(into, value.a);
    mix(into, value.b);
}

static void mix_type(digest *into, const tenon__kir_type *type) {
    mix(into, type->dtype | (uint64_t)type->rank << 16);
    for (uint32_t i = 0; i < type->rank; i++) mix(into, type->extents[i]);
}

static digest of_leaf(const tenon__kir_node *node, uint32_t depth) {
    digest out = {node->kind, 0};
    mix_type(&out, &node->type);
    mix(&out, node->kind == TENON__KIR_CONST ? node->bits : node->ref);
    mix(&out, depth);
    return out;
}

/* Leaves that stand in no loop hash from themselves; the others are set when their loop is entered or left. */
static digest of(const struct hashing *hashing, tenon__kir_id id) {
    const tenon__kir_node *node = &hashing->program->nodes[id];
    return node->kind <= TENON__KIR_SCALAR ? of_leaf(node, 0) : hashing->nodes[id];
}

static void mix_ids(const struct hashing *hashing, digest *into, const tenon__kir_id *ids, uint32_t count) {
    mix(into, count);
    for (uint32_t i = 0; i < count; i++) mix_digest(into, of(hashing, ids[i]));
}

static void enter(struct hashing *hashing, const tenon__kir_id *leaves, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        hashing->nodes[leaves[i]] = of_leaf(&hashing->program->nodes[leaves[i]], hashing->depth);
}

static digest of_block(struct hashing *hashing, uint32_t block);

static digest of_loop(struct hashing *hashing, const tenon__kir_loop *loop, uint32_t nexts) {
    digest out = {TENON__KIR_LOOP, loop->merge};
    hashing->depth++;
    mix_ids(hashing, &out, loop->extent, loop->axis_count);
    mix_ids(hashing, &out, loop->init, loop->carry_count);
    for (uint32_t i = 0; i < loop->carry_count; i++) mix_type(&out, &hashing->program->nodes[loop->carry[i]].type);
    if (loop->merge == TENON__KIR_MERGE_OPS)
        for (uint32_t i = 0; i < loop->carry_count; i++) mix(&out, loop->merge_op[i]);
    if (loop->merge == TENON__KIR_MERGE_BODY) {
        enter(hashing, loop->param, 2 * loop->carry_count);
        of_block(hashing, loop->merge_body);
        mix_ids(hashing, &out, loop->merged, loop->carry_count);
    }
    enter(hashing, loop->axis, loop->axis_count);
    enter(hashing, loop->carry, loop->carry_count);
    mix_digest(&out, of_block(hashing, loop->body));
    mix_ids(hashing, &out, loop->next, nexts);
    hashing->depth--;
    return out;
}

static digest of_node(struct hashing *hashing, const tenon__kir_node *node) {
    const tenon__kir_program *program = hashing->program;
    digest out = {node->kind, node->flags | (uint64_t)node->op << 16 | (uint64_t)node->to << 32};
    mix_type(&out, &node->type);
    mix_ids(hashing, &out, program->args + node->first_arg, node->arg_count);
    bool access = node->kind == TENON__KIR_LOAD || node->kind == TENON__KIR_STORE;
    if (access) mix(&out, node->ref);
    if (node->kind == TENON__KIR_LOAD && program->operands[node->ref].role != TENON__KIR_IN) mix(&out, hashing->stores);
    if (node->kind == TENON__KIR_TILE) mix_digest(&out, of_loop(hashing, &program->loops[node->loop], 1));
    return out;
}

static digest of_block(struct hashing *hashing, uint32_t block) {
    const tenon__kir_program *program = hashing->program;
    digest out = {0, 0};
    for (tenon__kir_id id = program->blocks[block].first; id; id = program->nodes[id].next) {
        const tenon__kir_node *node = &program->nodes[id];
        const tenon__kir_loop *loop = &program->loops[node->loop];
        uint32_t before = hashing->stores;
        if (node->kind == TENON__KIR_LOOP)
            hashing->nodes[id] = of_loop(hashing, loop, loop->carry_count);
        else
            hashing->nodes[id] = of_node(hashing, node);
        if (node->kind == TENON__KIR_STORE) hashing->stores++;
        if (hashing->stores != before) mix_digest(&out, hashing->nodes[id]);
        for (uint32_t i = 0; node->kind == TENON__KIR_LOOP && i < loop->carry_count; i++) {
            hashing->nodes[loop->result[i]] = hashing->nodes[id];
            mix(&hashing->nodes[loop->result[i]], i);
        }
    }
    return out;
}

static void mix_declarations(const struct hashing *hashing, digest *out) {
    const tenon__kir_program *program = hashing->program;
    mix(out, program->symbol_count);
    for (uint32_t i = 0; i < program->symbol_count; i++) {
        mix(out, (uint64_t)program->symbols[i].range.min);
        mix(out, (uint64_t)program->symbols[i].range.max);
        mix(out, (uint64_t)program->symbols[i].range.divisor);
    }
    mix(out, program->scalar_count);
    for (uint32_t i = 0; i < program->scalar_count; i++) mix(out, program->scalars[i].dtype);
    mix(out, program->operand_count);
    for (uint32_t i = 0; i < program->operand_count; i++) {
        const tenon__kir_operand *operand = &program->operands[i];
        mix(out, operand->role | (uint64_t)operand->dtype << 32);
        mix_ids(hashing, out, operand->dims, operand->rank);
        mix_ids(hashing, out, operand->strides, operand->rank);
    }
}

tenon_status tenon__kir_compute_hash(tenon__kir_program *program) {
    struct hashing hashing = {.program = program};
    digest out = {TENON__KIR_VERSION, 0};
    hashing.nodes = calloc(program->node_count, sizeof *hashing.nodes);
    if (!hashing.nodes) return TENON_STATUS_OUT_OF_MEMORY;
    of_block(&hashing, 0);
    mix_declarations(&hashing, &out);
    mix(&out, program->kernel_count);
    for (uint32_t i = 0; i < program->kernel_count; i++) {
        hashing.stores = 0;
        mix(&out, program->kernels[i].index32);
        mix_digest(&out, of_loop(&hashing, &program->loops[program->kernels[i].loop], 0));
    }
    free(hashing.nodes);
    program->state->hash[0] = out.a;
    program->state->hash[1] = out.b;
    return TENON_STATUS_OK;
}

void tenon__kir_hash(const tenon__kir_program *program, uint64_t out_hash[2]) {
    out_hash[0] = program->state->hash[0];
    out_hash[1] = program->state->hash[1];
}
