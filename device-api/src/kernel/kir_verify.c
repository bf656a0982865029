/* The verifier: takes any program whose numbers are in range (the decoder sees to that) and finds every broken rule. */
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_internal.h"

enum { HEAD_TREE = 1024 }; /* nodes of a head expression, written out as a tree */

struct verify {
    const tenon__kir_program *program;
    tenon__kir_error *error;
    const char *kernel; /* "head" outside kernels */
    tenon__kir_id last; /* the latest node of this kernel: ids rise along the order of evaluation */
    uint32_t depth;
    uint32_t *tree; /* of evaluated nodes: those of the tree under it, for the head; 0: no value yet */
};

static tenon_status broken(const struct verify *verify, tenon__kir_id id, const char *what) {
    char name[96];
    if (id == 0) return tenon__kir_invalid(verify->error, "kernel '%s': %s", verify->kernel, what);
    return tenon__kir_invalid(verify->error, "kernel '%s', %s: %s", verify->kernel,
                              tenon__kir_describe(verify->program, id, name), what);
}

/* Declarations. */

static bool leaf_is(const tenon__kir_program *program, tenon__kir_id id, uint32_t kind, uint32_t ref) {
    if (id == 0 || id >= program->node_count) return false;
    const tenon__kir_node *node = &program->nodes[id];
    return node->kind == kind && node->ref == ref;
}

static bool leaf_type(const tenon__kir_program *program, tenon__kir_id id, uint32_t dtype) {
    tenon__kir_type type = tenon__kir_scalar_type(dtype);
    return program->nodes[id].block == 0 && tenon__kir_type_equal(&program->nodes[id].type, &type);
}

static tenon_status verify_symbols(const struct verify *verify) {
    const tenon__kir_program *program = verify->program;
    for (uint32_t i = 0; i < program->symbol_count; i++) {
        const tenon__kir_symbol *symbol = &program->symbols[i];
        if (symbol->range.min > symbol->range.max)
            return tenon__kir_invalid(verify->error, "symbol '%s': minimum above maximum", symbol->name);
        if (symbol->range.divisor < 1)
            return tenon__kir_invalid(verify->error, "symbol '%s': divisor below 1", symbol->name);
        if (!leaf_is(program, symbol->node, TENON__KIR_SYMBOL, i) ||
            !leaf_type(program, symbol->node, TENON__KIR_INDEX))
            return tenon__kir_invalid(verify->error, "symbol '%s': its node is not its leaf", symbol->name);
    }
    for (uint32_t i = 0; i < program->scalar_count; i++) {
        const tenon__kir_scalar *scalar = &program->scalars[i];
        if (!tenon__kir_storable(scalar->dtype))
            return tenon__kir_invalid(verify->error, "scalar '%s': no dtype that memory holds", scalar->name);
        if (!leaf_is(program, scalar->node, TENON__KIR_SCALAR, i) ||
            !leaf_type(program, scalar->node, tenon__kir_compute_dtype(scalar->dtype)))
            return tenon__kir_invalid(verify->error, "scalar '%s': its node is not its leaf", scalar->name);
    }
    return TENON_STATUS_OK;
}

static bool in_scope(const struct verify *verify, tenon__kir_id used, uint32_t block);

/* A dim, stride or extent of a grid: an index of the head, whose tree is bounded. */
static tenon_status verify_head_value(const struct verify *verify, tenon__kir_id id, const char *what,
                                      const char *owner) {
    const tenon__kir_program *program = verify->program;
    if (!in_scope(verify, id, 0) || program->nodes[id].type.dtype != TENON__KIR_INDEX ||
        program->nodes[id].type.rank != 0)
        return tenon__kir_invalid(verify->error, "'%s': a %s is no index over symbols and constants", owner, what);
    if (verify->tree[id] > HEAD_TREE)
        return tenon__kir_invalid(verify->error, "'%s': a %s is made of more than %d operations", owner, what,
                                  HEAD_TREE);
    return TENON_STATUS_OK;
}

static int role_rank(uint32_t role) {
    return role == TENON__KIR_IN ? 0 : role == TENON__KIR_WORKSPACE ? 2 : 1;
}

/* Whether `id` is the product of two values, with constants folded as the builder folds them. */
static bool is_product(const tenon__kir_program *program, tenon__kir_id id, tenon__kir_id a, tenon__kir_id b) {
    const tenon__kir_node *node = &program->nodes[id];
    int64_t x = 0, y = 0, value;
    bool a_const = tenon__kir_is_const(program, a, &x), b_const = tenon__kir_is_const(program, b, &y);
    if (a_const && b_const)
        return tenon__kir_is_const(program, id, &value) && (uint64_t)value == (uint64_t)x * (uint64_t)y;
    if (a_const && x <= 1 && x >= 0) return x ? tenon__kir_same(program, id, b) : tenon__kir_same(program, id, a);
    if (b_const && y <= 1 && y >= 0) return y ? tenon__kir_same(program, id, a) : tenon__kir_same(program, id, b);
    return node->kind == TENON__KIR_OP && node->op == TENON_OP_MUL &&
           tenon__kir_same(program, tenon__kir_arg(program, node, 0), a) &&
           tenon__kir_same(program, tenon__kir_arg(program, node, 1), b);
}

static bool strides_are_default(const tenon__kir_program *program, const tenon__kir_operand *operand) {
    int64_t innermost;
    if (operand->rank == 0) return true;
    if (!tenon__kir_is_const(program, operand->strides[operand->rank - 1], &innermost) || innermost != 1) return false;
    for (uint32_t d = operand->rank - 1; d > 0; d--)
        if (!is_product(program, operand->strides[d - 1], operand->dims[d], operand->strides[d])) return false;
    return true;
}

static tenon_status verify_strides(const struct verify *verify, const tenon__kir_operand *operand) {
    const tenon__kir_program *program = verify->program;
    int64_t stride, low, high;
    for (uint32_t d = 0; d < operand->rank; d++) {
        tenon__kir_range(program, operand->dims[d], &low, &high);
        if (operand->role != TENON__KIR_IN && high > 1 && tenon__kir_is_const(program, operand->strides[d], &stride) &&
            stride == 0)
            return tenon__kir_invalid(verify->error,
                                      "'%s': stride 0 in something that is stored to: many elements would "
                                      "share one place",
                                      operand->name);
    }
    if (tenon__kir_bits(operand->dtype) == 4 && operand->rank > 0 &&
        !(tenon__kir_is_const(program, operand->strides[operand->rank - 1], &stride) && stride == 1))
        return tenon__kir_invalid(verify->error, "'%s': a 4-bit operand needs innermost stride 1", operand->name);
    return TENON_STATUS_OK;
}

static tenon_status verify_operands(const struct verify *verify) {
    const tenon__kir_program *program = verify->program;
    for (uint32_t i = 0; i < program->operand_count; i++) {
        const tenon__kir_operand *operand = &program->operands[i];
        if (operand->role < TENON__KIR_IN || operand->role > TENON__KIR_WORKSPACE)
            return tenon__kir_invalid(verify->error, "'%s': role is none of in, out, inout, workspace", operand->name);
        if (i > 0 && role_rank(operand[-1].role) > role_rank(operand->role))
            return tenon__kir_invalid(
                verify->error, "'%s': inputs come first, then outputs, then workspace: move it up", operand->name);
        if (!tenon__kir_storable(operand->dtype))
            return tenon__kir_invalid(verify->error, "'%s': no dtype that memory holds", operand->name);
        for (uint32_t d = 0; d < operand->rank; d++) {
            TENON_TRY(verify_head_value(verify, operand->dims[d], "dim", operand->name));
            TENON_TRY(verify_head_value(verify, operand->strides[d], "stride", operand->name));
        }
        if (operand->role == TENON__KIR_WORKSPACE && !operand->contiguous)
            return tenon__kir_invalid(verify->error, "'%s': a workspace is contiguous: leave its strides out",
                                      operand->name);
        if (operand->contiguous && !strides_are_default(program, operand))
            return tenon__kir_invalid(verify->error, "'%s': said to be contiguous, but its strides are others",
                                      operand->name);
        TENON_TRY(verify_strides(verify, operand));
    }
    return TENON_STATUS_OK;
}

/* Scope. */

/* Whether `used` has a value at this point of evaluation in `block`. */
static bool in_scope(const struct verify *verify, tenon__kir_id used, uint32_t block) {
    const tenon__kir_program *program = verify->program;
    if (used == 0 || used >= program->node_count) return false;
    const tenon__kir_node *node = &program->nodes[used];
    const tenon__kir_loop *loop;
    switch (node->kind) {
    case TENON__KIR_CONST: return true;
    case TENON__KIR_SYMBOL: return program->symbols[node->ref].node == used;
    case TENON__KIR_SCALAR: return block != 0 && program->scalars[node->ref].node == used;
    case TENON__KIR_AXIS:
        loop = &program->loops[node->loop];
        return node->ref < loop->axis_count && loop->axis[node->ref] == used && node->block == loop->body &&
               tenon__kir_block_within(program, block, loop->body);
    case TENON__KIR_CARRY:
        loop = &program->loops[node->loop];
        return node->ref < loop->carry_count && loop->carry[node->ref] == used && node->block == loop->body &&
               tenon__kir_block_within(program, block, loop->body);
    case TENON__KIR_PARAM:
        loop = &program->loops[node->loop];
        return loop->merge == TENON__KIR_MERGE_BODY && node->ref < 2 * loop->carry_count &&
               loop->param[node->ref] == used && node->block == loop->merge_body &&
               tenon__kir_block_within(program, block, loop->merge_body);
    case TENON__KIR_RESULT:
        loop = &program->loops[node->loop];
        return node->ref < loop->carry_count && loop->result[node->ref] == used && loop->node != 0 &&
               verify->tree[loop->node] != 0 && node->block == program->nodes[loop->node].block &&
               tenon__kir_block_within(program, block, node->block);
    default: return verify->tree[used] != 0 && tenon__kir_block_within(program, block, node->block);
    }
}

static tenon_status want_scope(const struct verify *verify, tenon__kir_id id, tenon__kir_id used, uint32_t block) {
    if (in_scope(verify, used, block)) return TENON_STATUS_OK;
    return broken(verify, id,
                  "uses a value that does not exist there: it is made later, or inside a loop it lies outside of");
}

/* Type of a value that has to be `want`. */
static tenon_status want_type(const struct verify *verify, tenon__kir_id id, tenon__kir_id used,
                              const tenon__kir_type *want, const char *what) {
    char have_text[64], want_text[64], message[256];
    const tenon__kir_type *have = &verify->program->nodes[used].type;
    if (tenon__kir_type_equal(have, want)) return TENON_STATUS_OK;
    snprintf(message, sizeof message, "%s is %s, not %s", what, tenon__kir_type_text(have, have_text),
             tenon__kir_type_text(want, want_text));
    return broken(verify, id, message);
}

/* Blocks. */

static tenon_status verify_block(struct verify *verify, uint32_t number, uint32_t parent, uint32_t loop);

static tenon_status verify_axes(const struct verify *verify, tenon__kir_id id, const tenon__kir_loop *loop,
                                uint32_t outer) {
    tenon__kir_type index = tenon__kir_scalar_type(TENON__KIR_INDEX);
    uint32_t number = (uint32_t)(loop - verify->program->loops);
    for (uint32_t i = 0; i < loop->axis_count; i++) {
        TENON_TRY(want_scope(verify, id, loop->extent[i], outer));
        TENON_TRY(want_type(verify, id, loop->extent[i], &index, "the extent of an axis"));
        if (!leaf_is(verify->program, loop->axis[i], TENON__KIR_AXIS, i) ||
            verify->program->nodes[loop->axis[i]].loop != number ||
            verify->program->nodes[loop->axis[i]].block != loop->body)
            return broken(verify, id, "the node of an axis is not its leaf");
        TENON_TRY(want_type(verify, id, loop->axis[i], &index, "an axis"));
    }
    return TENON_STATUS_OK;
}

static tenon_status verify_tile_type(const struct verify *verify, tenon__kir_id id, const tenon__kir_type *type) {
    uint64_t elements = 1;
    if (type->rank == 0 || type->rank > TENON__KIR_MAX_TILE_RANK) return broken(verify, id, "a tile has 1 to 4 dims");
    for (uint32_t i = 0; i < type->rank; i++) {
        if (type->extents[i] == 0) return broken(verify, id, "a tile of extent 0");
        elements *= type->extents[i];
        if (elements > TENON__KIR_MAX_TILE) return broken(verify, id, "a tile of more than 65536 elements");
    }
    bool compute = type->dtype == TENON__KIR_INDEX ||
                   (tenon__kir_storable(type->dtype) && tenon__kir_compute_dtype(type->dtype) == type->dtype);
    return compute ? TENON_STATUS_OK : broken(verify, id, "a tile holds a compute dtype (f16 and bf16 values are f32)");
}

static tenon_status verify_carry(const struct verify *verify, tenon__kir_id id, const tenon__kir_loop *loop,
                                 uint32_t i) {
    const tenon__kir_program *program = verify->program;
    uint32_t number = (uint32_t)(loop - program->loops);
    if (!leaf_is(program, loop->carry[i], TENON__KIR_CARRY, i) || program->nodes[loop->carry[i]].loop != number ||
        program->nodes[loop->carry[i]].block != loop->body)
        return broken(verify, id, "the node of a carried value is not its leaf");
    const tenon__kir_type *type = &program->nodes[loop->carry[i]].type;
    tenon__kir_type element = tenon__kir_scalar_type(type->dtype);
    if (type->rank != 0)
        TENON_TRY(verify_tile_type(verify, id, type));
    else if (type->dtype != TENON__KIR_INDEX && tenon__kir_compute_dtype(type->dtype) != type->dtype)
        return broken(verify, id, "a carried value has a compute dtype (f16 and bf16 values are f32)");
    TENON_TRY(want_scope(verify, id, loop->init[i], program->nodes[id].block));
    bool fills = program->nodes[loop->init[i]].type.rank == 0;
    TENON_TRY(want_type(verify, id, loop->init[i], fills ? &element : type, "the start of a carried value"));
    const tenon__kir_node *result = &program->nodes[loop->result[i]];
    if (!leaf_is(program, loop->result[i], TENON__KIR_RESULT, i) || result->loop != number ||
        result->block != program->nodes[id].block || !tenon__kir_type_equal(&result->type, type))
        return broken(verify, id, "the node of a result is not its leaf");
    return TENON_STATUS_OK;
}

static tenon_status verify_merge_block(struct verify *verify, tenon__kir_id id, const tenon__kir_loop *loop) {
    const tenon__kir_program *program = verify->program;
    uint32_t number = (uint32_t)(loop - program->loops);
    for (uint32_t i = 0; i < 2 * loop->carry_count; i++) {
        const tenon__kir_type *type = &program->nodes[loop->carry[i / 2]].type;
        const tenon__kir_node *param = &program->nodes[loop->param[i]];
        if (!leaf_is(program, loop->param[i], TENON__KIR_PARAM, i) || param->loop != number ||
            param->block != loop->merge_body || !tenon__kir_type_equal(&param->type, type))
            return broken(verify, id, "the node of a merge's parameter is not its leaf");
    }
    TENON_TRY(verify_block(verify, loop->merge_body, program->nodes[id].block, number));
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        TENON_TRY(want_scope(verify, id, loop->merged[i], loop->merge_body));
        TENON_TRY(want_type(verify, id, loop->merged[i], &program->nodes[loop->carry[i]].type, "a merged value"));
    }
    return TENON_STATUS_OK;
}

static tenon_status verify_loop(struct verify *verify, tenon__kir_id id) {
    const tenon__kir_program *program = verify->program;
    const tenon__kir_loop *loop = &program->loops[program->nodes[id].loop];
    uint32_t number = program->nodes[id].loop;
    if (loop->node != id) return broken(verify, id, "the loop is another node's");
    if (program->nodes[id].arg_count != 0 || program->nodes[id].type.dtype != 0)
        return broken(verify, id, "a loop has neither operands nor a type");
    TENON_TRY(verify_axes(verify, id, loop, program->nodes[id].block));
    for (uint32_t i = 0; i < loop->carry_count; i++) TENON_TRY(verify_carry(verify, id, loop, i));
    if (loop->merge > TENON__KIR_MERGE_BODY) return broken(verify, id, "an unknown kind of merge");
    if (loop->merge != TENON__KIR_MERGE_NONE && loop->carry_count == 0)
        return broken(verify, id, "merge on a loop that carries nothing");
    if (loop->merge == TENON__KIR_MERGE_BODY) TENON_TRY(verify_merge_block(verify, id, loop));
    TENON_TRY(verify_block(verify, loop->body, program->nodes[id].block, number));
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        TENON_TRY(want_scope(verify, id, loop->next[i], loop->body));
        TENON_TRY(want_type(verify, id, loop->next[i], &program->nodes[loop->carry[i]].type, "the next carried value"));
    }
    return tenon__kir_verify_merge(program, number, verify->error);
}

static tenon_status no_store(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    bool *found = context;
    *found = *found || program->nodes[id].kind == TENON__KIR_STORE;
    return TENON_STATUS_OK;
}

static tenon_status verify_tile(struct verify *verify, tenon__kir_id id) {
    const tenon__kir_program *program = verify->program;
    const tenon__kir_node *node = &program->nodes[id];
    const tenon__kir_loop *loop = &program->loops[node->loop];
    tenon__kir_type element = tenon__kir_scalar_type(node->type.dtype);
    if (loop->node != id) return broken(verify, id, "the loop is another node's");
    TENON_TRY(verify_tile_type(verify, id, &node->type));
    if (node->arg_count != 0 || loop->axis_count != node->type.rank || loop->carry_count != 0 || loop->merge != 0)
        return broken(verify, id, "a tile has one axis a dim, no operands and carries nothing");
    TENON_TRY(verify_axes(verify, id, loop, node->block));
    for (uint32_t i = 0; i < loop->axis_count; i++) {
        int64_t extent;
        if (!tenon__kir_is_const(program, loop->extent[i], &extent) || extent != node->type.extents[i])
            return broken(verify, id, "an axis of a tile does not have the tile's extent");
    }
    TENON_TRY(verify_block(verify, loop->body, node->block, node->loop));
    bool stores = false;
    tenon__kir_walk(program, loop->body, no_store, &stores);
    if (stores) return broken(verify, id, "a store in a tile's block: move it behind the tile");
    TENON_TRY(want_scope(verify, id, loop->next[0], loop->body));
    return want_type(verify, id, loop->next[0], &element, "the element");
}

static tenon_status verify_node(struct verify *verify, tenon__kir_id id) {
    const tenon__kir_program *program = verify->program;
    const tenon__kir_node *node = &program->nodes[id];
    tenon__kir_type type;
    tenon__kir_error reason;
    for (uint32_t i = 0; i < node->arg_count; i++) {
        tenon__kir_id used = tenon__kir_arg(program, node, i);
        TENON_TRY(want_scope(verify, id, used, node->block));
        if (used >= id && !tenon__kir_is_leaf(program, used))
            return broken(verify, id, "uses a value with a higher number");
    }
    if (tenon__kir_infer(program, node, &type, &reason) != TENON_STATUS_OK) return broken(verify, id, reason.text);
    if (node->kind == TENON__KIR_LOOP) return verify_loop(verify, id);
    if (node->kind == TENON__KIR_TILE) return verify_tile(verify, id);
    if (!tenon__kir_type_equal(&type, &node->type)) return broken(verify, id, "its type is not what its operands give");
    if (node->kind == TENON__KIR_OP &&
        tenon__kir_folds(program, node->op, program->args + node->first_arg, node->arg_count))
        return broken(verify, id, "an index operation on constants that is not folded: build it with tenon__kir_op");
    return TENON_STATUS_OK;
}

static bool head_node(const tenon__kir_program *program, const tenon__kir_node *node) {
    if (node->kind != TENON__KIR_OP) return false;
    for (uint32_t i = 0; i < node->arg_count; i++) {
        uint32_t kind = program->nodes[tenon__kir_arg(program, node, i)].kind;
        if (kind != TENON__KIR_CONST && kind != TENON__KIR_SYMBOL && kind != TENON__KIR_OP) return false;
    }
    return node->type.dtype == TENON__KIR_INDEX || node->type.dtype == TENON_DTYPE_BOOL;
}

/* Nodes in order of evaluation, each seen once: ids rise, so every chain ends. */
static tenon_status verify_list(struct verify *verify, uint32_t number) {
    const tenon__kir_program *program = verify->program;
    const tenon__kir_block *block = &program->blocks[number];
    tenon__kir_id last = 0;
    for (tenon__kir_id id = block->first; id; last = id, id = program->nodes[id].next) {
        if (id >= program->node_count || id <= verify->last || verify->tree[id] != 0 ||
            program->nodes[id].block != number || tenon__kir_is_leaf(program, id) ||
            program->nodes[id].kind >= TENON__KIR_KIND_COUNT)
            return broken(verify, 0, "a block lists a node that is not its own, or out of order");
        if (number == 0 && !head_node(program, &program->nodes[id]))
            return broken(verify, id, "outside kernels only indices over symbols and constants");
        verify->last = id - 1;
        TENON_TRY(verify_node(verify, id));
        if (verify->last < id) verify->last = id;
        uint64_t tree = 1;
        for (uint32_t i = 0; i < program->nodes[id].arg_count && number == 0; i++)
            tree += verify->tree[tenon__kir_arg(program, &program->nodes[id], i)];
        verify->tree[id] = tree > 2 * HEAD_TREE ? 2 * HEAD_TREE : (uint32_t)tree;
    }
    return last == block->last ? TENON_STATUS_OK : broken(verify, 0, "a block's last node is not its last");
}

static tenon_status verify_block(struct verify *verify, uint32_t number, uint32_t parent, uint32_t loop) {
    const tenon__kir_block *block = &verify->program->blocks[number];
    if (number == 0 || block->parent != parent || block->loop != loop)
        return broken(verify, 0, "a block that belongs to another loop");
    if (++verify->depth > TENON__KIR_MAX_DEPTH) return broken(verify, 0, "loops nested too deep");
    tenon_status status = verify_list(verify, number);
    verify->depth--;
    return status;
}

static tenon_status verify_kernel(struct verify *verify, uint32_t number) {
    const tenon__kir_program *program = verify->program;
    const tenon__kir_kernel *kernel = &program->kernels[number];
    const tenon__kir_loop *grid = &program->loops[kernel->loop];
    verify->kernel = kernel->name;
    if (grid->node != 0 || grid->carry_count != 0 || grid->merge != 0)
        return broken(verify, 0, "the grid is a loop of another node, or carries values");
    for (uint32_t i = 0; i < grid->axis_count; i++)
        TENON_TRY(verify_head_value(verify, grid->extent[i], "grid extent", kernel->name));
    TENON_TRY(verify_axes(verify, 0, grid, 0));
    verify->last = 0;
    TENON_TRY(verify_block(verify, grid->body, 0, kernel->loop));
    if (program->blocks[grid->body].first == 0) return broken(verify, 0, "stores nothing: drop the kernel");
    TENON_TRY(tenon__kir_verify_kernel_stores(program, number, verify->error));
    return kernel->index32 ? tenon__kir_verify_index32(program, number, verify->error) : TENON_STATUS_OK;
}

static tenon_status verify_all(struct verify *verify) {
    const tenon__kir_program *program = verify->program;
    TENON_TRY(verify_symbols(verify));
    if (program->blocks[0].parent != 0) return broken(verify, 0, "the head lies in another block");
    for (tenon__kir_id id = 1; id < program->node_count; id++) {
        tenon__kir_type type;
        if (program->nodes[id].kind != TENON__KIR_CONST) continue;
        TENON_TRY(tenon__kir_infer(program, &program->nodes[id], &type, verify->error));
    }
    TENON_TRY(verify_list(verify, 0));
    TENON_TRY(verify_operands(verify));
    if (program->kernel_count == 0)
        return tenon__kir_invalid(verify->error, "program '%s' has no kernel", program->name);
    for (uint32_t i = 0; i < program->kernel_count; i++) TENON_TRY(verify_kernel(verify, i));
    return TENON_STATUS_OK;
}

tenon_status tenon__kir_verify(const tenon__kir_program *program, tenon__kir_error *error) {
    struct verify verify = {.program = program, .error = error, .kernel = "head"};
    verify.tree = calloc(program->node_count, sizeof *verify.tree);
    if (!verify.tree) {
        tenon__kir_invalid(error, "out of memory while verifying '%s'", program->name);
        return TENON_STATUS_OUT_OF_MEMORY;
    }
    tenon_status status = verify_all(&verify);
    free(verify.tree);
    return status;
}
