/* Whether a loop with a declared merge may be split (README.md, Merges). */
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_internal.h"

/* Which values depend on what the loop carries. */
struct taint {
    const tenon__kir_program *program;
    const tenon__kir_loop *loop;
    bool *tainted; /* by node */
    bool found, grew;
    const char *where;
    tenon__kir_error *error;
};

static void look(tenon__kir_id used, void *context) {
    struct taint *taint = context;
    taint->found = taint->found || taint->tainted[used];
}

static void set_tainted(struct taint *taint, tenon__kir_id id) {
    taint->grew = taint->grew || !taint->tainted[id];
    taint->tainted[id] = true;
}

/* A loop inside that uses a tainted value taints all it carries; a cautious answer. */
static tenon_status spread(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    struct taint *taint = context;
    const tenon__kir_node *node = &program->nodes[id];
    taint->found = false;
    tenon__kir_each_use(program, id, look, taint);
    if (!taint->found) return TENON_STATUS_OK;
    set_tainted(taint, id);
    if (node->kind != TENON__KIR_LOOP) return TENON_STATUS_OK;
    const tenon__kir_loop *inner = &program->loops[node->loop];
    for (uint32_t i = 0; i < inner->carry_count; i++) {
        set_tainted(taint, inner->carry[i]);
        set_tainted(taint, inner->result[i]);
        if (inner->merge != TENON__KIR_MERGE_BODY) continue;
        set_tainted(taint, inner->param[2 * i]);
        set_tainted(taint, inner->param[2 * i + 1]);
    }
    for (uint32_t i = 0; i < inner->axis_count; i++)
        if (taint->tainted[inner->extent[i]]) set_tainted(taint, inner->axis[i]);
    return TENON_STATUS_OK;
}

static tenon_status refuse_store(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    const struct taint *taint = context;
    const tenon__kir_node *node = &program->nodes[id];
    if (node->kind != TENON__KIR_STORE || !taint->tainted[id]) return TENON_STATUS_OK;
    return tenon__kir_invalid(taint->error,
                              "%s: the store to '%s' depends on what the loop carries, so the steps cannot "
                              "be split: drop the merge",
                              taint->where, program->operands[node->ref].name);
}

/* Merge by operators. */

static bool merge_operator(tenon_op op) {
    return op == TENON_OP_ADD || op == TENON_OP_MUL || op == TENON_OP_MIN || op == TENON_OP_MAX || op == TENON_OP_AND ||
           op == TENON_OP_OR || op == TENON_OP_XOR;
}

static double float_value(const tenon__kir_node *node) {
    double wide;
    float narrow;
    memcpy(&wide, &node->bits, sizeof wide);
    memcpy(&narrow, &node->bits, sizeof narrow);
    return node->type.dtype == TENON_DTYPE_F32 ? (double)narrow : wide;
}

/* Lowest or highest value of an integer dtype, as its bits. */
static uint64_t extreme(uint32_t dtype, bool highest) {
    uint32_t bits = tenon__kir_bits(dtype);
    if (tenon__kir_class(dtype) == TENON_CLASS_BOOL) return highest;
    if (tenon__kir_class(dtype) == TENON_CLASS_UINT) return highest ? UINT64_MAX >> (64 - bits) : 0;
    return highest ? UINT64_MAX >> (65 - bits) : tenon__kir_wrap(dtype, UINT64_C(1) << (bits - 1));
}

static bool is_identity(const tenon__kir_node *node, tenon_op op) {
    uint32_t dtype = node->type.dtype;
    if (node->kind != TENON__KIR_CONST) return false;
    if (tenon__kir_class(dtype) == TENON_CLASS_FLOAT) {
        double value = float_value(node);
        if (op == TENON_OP_MAX) return value == -__builtin_inf();
        if (op == TENON_OP_MIN) return value == __builtin_inf();
        return value == (op == TENON_OP_MUL ? 1.0 : 0.0);
    }
    switch (op) {
    case TENON_OP_MUL: return node->bits == 1;
    case TENON_OP_MAX: return node->bits == extreme(dtype, false);
    case TENON_OP_MIN: return node->bits == extreme(dtype, true);
    case TENON_OP_AND: return node->bits == tenon__kir_wrap(dtype, UINT64_MAX);
    default: return node->bits == 0;
    }
}

/* True when `id` is `op` of the carried value (or its element, at `axes` of a tile) and something untainted. */
static bool steps_by(const struct taint *taint, tenon__kir_id id, tenon__kir_id carry, tenon_op op,
                     const tenon__kir_loop *tile) {
    const tenon__kir_program *program = taint->program;
    const tenon__kir_node *node = &program->nodes[id];
    bool fused = op == TENON_OP_ADD && node->kind == TENON__KIR_OP && node->op == TENON_OP_FMA;
    if (node->kind != TENON__KIR_OP || (node->op != op && !fused)) return false;
    uint32_t carried = 0, clean = 0;
    for (uint32_t i = 0; i < node->arg_count; i++) {
        tenon__kir_id arg = tenon__kir_arg(program, node, i);
        const tenon__kir_node *value = &program->nodes[arg];
        bool element = tile && value->kind == TENON__KIR_ELEM && program->args[value->first_arg] == carry;
        for (uint32_t a = 0; element && a < tile->axis_count; a++)
            element = tenon__kir_arg(program, value, a + 1) == tile->axis[a];
        bool is_carry = tile ? element : arg == carry;
        if (is_carry && (!fused || i == 2))
            carried++;
        else if (!taint->tainted[arg])
            clean++;
    }
    return carried == 1 && carried + clean == node->arg_count;
}

static tenon_status verify_op(const struct taint *taint, uint32_t i) {
    const tenon__kir_program *program = taint->program;
    const tenon__kir_loop *loop = taint->loop;
    tenon_op op = loop->merge_op[i];
    const tenon__kir_node *next = &program->nodes[loop->next[i]], *carry = &program->nodes[loop->carry[i]];
    const char *name = carry->name ? carry->name : "";
    if (!merge_operator(op))
        return tenon__kir_invalid(taint->error,
                                  "%s: '%s' cannot be merged by %s: use add mul min max and or xor, or a block",
                                  taint->where, name, tenon__kir_op_name(op) ? tenon__kir_op_name(op) : "nothing");
    const tenon__kir_loop *tile = next->kind == TENON__KIR_TILE ? &program->loops[next->loop] : NULL;
    if (!steps_by(taint, tile ? tile->next[0] : loop->next[i], loop->carry[i], op, tile))
        return tenon__kir_invalid(taint->error,
                                  "%s: '%s' is not mergeable by %s, since its step is not %s('%s', something "
                                  "free of carried values): write a merge block or drop the merge",
                                  taint->where, name, tenon__kir_op_name(op), tenon__kir_op_name(op), name);
    if (!is_identity(&program->nodes[loop->init[i]], op))
        return tenon__kir_invalid(taint->error, "%s: '%s' does not start from the identity of %s", taint->where, name,
                                  tenon__kir_op_name(op));
    return TENON_STATUS_OK;
}

/* Merge by a block. */

static tenon_status refuse_memory(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    const struct taint *taint = context;
    const tenon__kir_node *node = &program->nodes[id];
    if (node->kind != TENON__KIR_STORE && node->kind != TENON__KIR_LOAD) return TENON_STATUS_OK;
    return tenon__kir_invalid(taint->error,
                              "%s: the merge block %s '%s': it may use its parameters and values from "
                              "outside the loop only",
                              taint->where, node->kind == TENON__KIR_STORE ? "stores to" : "loads from",
                              program->operands[node->ref].name);
}

static tenon_status verify_tainted(struct taint *taint) {
    const tenon__kir_program *program = taint->program;
    const tenon__kir_loop *loop = taint->loop;
    for (uint32_t i = 0; i < loop->carry_count; i++) taint->tainted[loop->carry[i]] = true;
    do {
        taint->grew = false;
        tenon__kir_walk(program, loop->body, spread, taint);
    } while (taint->grew);
    TENON_TRY(tenon__kir_walk(program, loop->body, refuse_store, taint));
    if (loop->merge == TENON__KIR_MERGE_BODY) return tenon__kir_walk(program, loop->merge_body, refuse_memory, taint);
    for (uint32_t i = 0; i < loop->carry_count; i++) TENON_TRY(verify_op(taint, i));
    return TENON_STATUS_OK;
}

tenon_status tenon__kir_verify_merge(const tenon__kir_program *program, uint32_t loop, tenon__kir_error *error) {
    char where[96];
    struct taint taint = {.program = program, .loop = &program->loops[loop], .error = error};
    if (taint.loop->merge == TENON__KIR_MERGE_NONE) return TENON_STATUS_OK;
    taint.where = tenon__kir_describe(program, taint.loop->node, where);
    taint.tainted = calloc(program->node_count, sizeof *taint.tainted);
    if (!taint.tainted) {
        tenon__kir_invalid(error, "out of memory while verifying '%s'", program->name);
        return TENON_STATUS_OUT_OF_MEMORY;
    }
    tenon_status status = verify_tainted(&taint);
    free(taint.tainted);
    return status;
}
