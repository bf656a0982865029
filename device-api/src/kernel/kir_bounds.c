/* Proofs that an access stays inside its operand, so that a printer can leave the check out. */
#include "kernel/kir_poly.h"

enum { FACTS = 16, PROOF_DEPTH = 8 };

/* What holds where the access happens: each polynomial is >= 0. */
struct proof {
    kir_atoms atoms;
    uint32_t fact_count;
    kir_poly facts[FACTS];
};

static void add_fact(struct proof *proof, const kir_poly *fact) {
    if (proof->fact_count < FACTS && !fact->lost) proof->facts[proof->fact_count++] = *fact;
}

/* a - b + shift >= 0 */
static void add_order(struct proof *proof, tenon__kir_id a, tenon__kir_id b, int64_t shift) {
    kir_poly x = kir_poly_of(&proof->atoms, a), y = kir_poly_of(&proof->atoms, b), c = kir_poly_const(shift);
    kir_poly difference = kir_poly_add(&x, &y, -1);
    difference = kir_poly_add(&difference, &c, 1);
    add_fact(proof, &difference);
}

/* Takes what a condition that is `holds` says about indices. */
static void learn(struct proof *proof, tenon__kir_id condition, bool holds, uint32_t depth) {
    const tenon__kir_program *program = proof->atoms.program;
    const tenon__kir_node *node = &program->nodes[condition];
    if (node->kind != TENON__KIR_OP || node->arg_count != 2 || depth == 0) return;
    tenon__kir_id a = tenon__kir_arg(program, node, 0), b = tenon__kir_arg(program, node, 1);
    int64_t flip;
    if (node->op == (holds ? TENON_OP_AND : TENON_OP_OR)) {
        learn(proof, a, holds, depth - 1);
        learn(proof, b, holds, depth - 1);
    } else if (node->op == TENON_OP_XOR && tenon__kir_is_const(program, b, &flip)) {
        learn(proof, a, holds == (flip == 0), depth - 1);
    } else if (program->nodes[a].type.dtype == TENON__KIR_INDEX) {
        if (node->op == TENON_OP_LT && holds) add_order(proof, b, a, -1);
        if (node->op == TENON_OP_LT && !holds) add_order(proof, a, b, 0);
        if (node->op == TENON_OP_EQ && holds) add_order(proof, a, b, 0);
        if (node->op == TENON_OP_EQ && holds) add_order(proof, b, a, 0);
    }
}

static bool nonnegative(struct proof *proof, const kir_poly *poly) {
    if (kir_poly_nonnegative(&proof->atoms, poly)) return true;
    for (uint32_t i = 0; i < proof->fact_count; i++) {
        kir_poly rest = kir_poly_add(poly, &proof->facts[i], -1);
        if (kir_poly_nonnegative(&proof->atoms, &rest)) return true;
    }
    return false;
}

typedef bool (*prove_fn)(struct proof *proof, tenon__kir_id index, const kir_poly *bound, uint32_t depth);

/* Both branches of a where, each under what its side of the condition says. */
static bool prove_where(struct proof *proof, const tenon__kir_node *node, const kir_poly *bound, uint32_t depth,
                        prove_fn prove) {
    const tenon__kir_program *program = proof->atoms.program;
    uint32_t known = proof->fact_count;
    bool proven = true;
    for (uint32_t side = 0; side < 2 && proven; side++) {
        learn(proof, tenon__kir_arg(program, node, 0), side == 0, PROOF_DEPTH);
        proven = prove(proof, tenon__kir_arg(program, node, 1 + side), bound, depth - 1);
        proof->fact_count = known;
    }
    return proven;
}

/* index >= 0; `bound` is not used. */
static bool prove_low(struct proof *proof, tenon__kir_id index, const kir_poly *bound, uint32_t depth) {
    const tenon__kir_program *program = proof->atoms.program;
    const tenon__kir_node *node = &program->nodes[index];
    kir_poly poly = kir_poly_of(&proof->atoms, index);
    if (nonnegative(proof, &poly)) return true;
    if (node->kind != TENON__KIR_OP || depth == 0) return false;
    tenon__kir_id a = tenon__kir_arg(program, node, 0);
    switch (node->op) {
    case TENON_OP_MIN:
        return prove_low(proof, a, bound, depth - 1) &&
               prove_low(proof, tenon__kir_arg(program, node, 1), bound, depth - 1);
    case TENON_OP_MAX:
        return prove_low(proof, a, bound, depth - 1) ||
               prove_low(proof, tenon__kir_arg(program, node, 1), bound, depth - 1);
    case TENON_OP_DIV: return prove_low(proof, a, bound, depth - 1);
    case TENON_OP_REM: return true;
    case TENON_OP_WHERE: return prove_where(proof, node, bound, depth, prove_low);
    default: return false;
    }
}

/* index <= bound */
static bool prove_high(struct proof *proof, tenon__kir_id index, const kir_poly *bound, uint32_t depth) {
    const tenon__kir_program *program = proof->atoms.program;
    const tenon__kir_node *node = &program->nodes[index];
    kir_poly poly = kir_poly_of(&proof->atoms, index), one = kir_poly_const(1), room = kir_poly_add(bound, &poly, -1);
    kir_poly above = kir_poly_add(bound, &one, 1);
    if (nonnegative(proof, &room)) return true;
    if (depth == 0) return false;
    if (node->kind == TENON__KIR_AXIS)
        return prove_high(proof, program->loops[node->loop].extent[node->ref], &above, depth - 1);
    if (node->kind != TENON__KIR_OP || node->arg_count < 2) return false;
    tenon__kir_id a = tenon__kir_arg(program, node, 0), b = tenon__kir_arg(program, node, 1);
    kir_poly divisor, most;
    switch (node->op) {
    case TENON_OP_MIN: return prove_high(proof, a, bound, depth - 1) || prove_high(proof, b, bound, depth - 1);
    case TENON_OP_MAX: return prove_high(proof, a, bound, depth - 1) && prove_high(proof, b, bound, depth - 1);
    case TENON_OP_DIV: /* a / b <= bound when a <= (bound + 1) * b - 1 */
        divisor = kir_poly_of(&proof->atoms, b);
        most = kir_poly_mul(&above, &divisor);
        most = kir_poly_add(&most, &one, -1);
        return prove_high(proof, a, &most, depth - 1);
    case TENON_OP_REM: /* a % b <= b - 1 */ return prove_high(proof, b, &above, depth - 1);
    case TENON_OP_WHERE: return prove_where(proof, node, bound, depth, prove_high);
    default: return false;
    }
}

bool tenon__kir_dim_in_bounds(const tenon__kir_program *program, tenon__kir_id access, uint32_t dim) {
    const tenon__kir_node *node = &program->nodes[access];
    const tenon__kir_operand *operand = &program->operands[node->ref];
    struct proof proof = {.atoms = {.program = program}};
    if (node->flags & TENON__KIR_GUARDED) {
        uint32_t guard = operand->rank + (node->kind == TENON__KIR_STORE ? 1u : 0u);
        learn(&proof, tenon__kir_arg(program, node, guard), true, PROOF_DEPTH);
    }
    kir_poly bound = kir_poly_of(&proof.atoms, operand->dims[dim]), one = kir_poly_const(1);
    bound = kir_poly_add(&bound, &one, -1);
    tenon__kir_id index = tenon__kir_arg(program, node, dim);
    return prove_low(&proof, index, &bound, PROOF_DEPTH) && prove_high(&proof, index, &bound, PROOF_DEPTH);
}

bool tenon__kir_in_bounds(const tenon__kir_program *program, tenon__kir_id access) {
    const tenon__kir_operand *operand = &program->operands[program->nodes[access].ref];
    for (uint32_t dim = 0; dim < operand->rank; dim++)
        if (!tenon__kir_dim_in_bounds(program, access, dim)) return false;
    return true;
}

/* 32-bit claims. */

struct claim {
    const char *kernel;
    tenon__kir_error *error;
};

static bool fits32(int64_t low, int64_t high) {
    return low >= INT32_MIN && high <= INT32_MAX;
}

/* Offsets of the elements of an operand: sum of (dim - 1) * |stride|, symbols at their largest. */
static bool offsets_fit(const tenon__kir_program *program, const tenon__kir_operand *operand) {
    int64_t sum = 0;
    for (uint32_t d = 0; d < operand->rank; d++) {
        int64_t low, high, stride_low, stride_high, reach;
        tenon__kir_range(program, operand->dims[d], &low, &high);
        tenon__kir_range(program, operand->strides[d], &stride_low, &stride_high);
        if (stride_low < -INT32_MAX || stride_high > INT32_MAX) return false;
        int64_t step = -stride_low > stride_high ? -stride_low : stride_high;
        if (__builtin_mul_overflow(high > 0 ? high - 1 : 0, step, &reach) || __builtin_add_overflow(sum, reach, &sum))
            return false;
    }
    return sum <= INT32_MAX;
}

static tenon_status check_value(const tenon__kir_program *program, tenon__kir_id id, const struct claim *claim) {
    char what[96];
    int64_t low, high;
    if (program->nodes[id].type.dtype != TENON__KIR_INDEX) return TENON_STATUS_OK;
    tenon__kir_range(program, id, &low, &high);
    if (fits32(low, high)) return TENON_STATUS_OK;
    return tenon__kir_invalid(claim->error,
                              "kernel '%s': claims 32-bit indices, but %s lies in [%lld, %lld]: narrow "
                              "the symbols' ranges or drop index32",
                              claim->kernel, tenon__kir_describe(program, id, what), (long long)low, (long long)high);
}

static tenon_status check_claim(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    const struct claim *claim = context;
    const tenon__kir_node *node = &program->nodes[id];
    TENON_TRY(check_value(program, id, claim));
    for (uint32_t i = 0; i < node->arg_count; i++)
        TENON_TRY(check_value(program, tenon__kir_arg(program, node, i), claim));
    const tenon__kir_loop *loop = node->kind == TENON__KIR_LOOP ? &program->loops[node->loop] : NULL;
    for (uint32_t i = 0; loop && i < loop->axis_count; i++) TENON_TRY(check_value(program, loop->extent[i], claim));
    for (uint32_t i = 0; loop && i < loop->carry_count; i++) TENON_TRY(check_value(program, loop->carry[i], claim));
    bool access = node->kind == TENON__KIR_LOAD || node->kind == TENON__KIR_STORE;
    if (!access || offsets_fit(program, &program->operands[node->ref])) return TENON_STATUS_OK;
    return tenon__kir_invalid(claim->error,
                              "kernel '%s': claims 32-bit indices, but elements of '%s' may lie further "
                              "than 2^31: narrow the symbols' ranges or drop index32",
                              claim->kernel, program->operands[node->ref].name);
}

tenon_status tenon__kir_verify_index32(const tenon__kir_program *program, uint32_t kernel, tenon__kir_error *error) {
    struct claim claim = {program->kernels[kernel].name, error};
    const tenon__kir_loop *grid = &program->loops[program->kernels[kernel].loop];
    for (uint32_t i = 0; i < grid->axis_count; i++) {
        int64_t low, high;
        tenon__kir_range(program, grid->extent[i], &low, &high);
        if (!fits32(low, high))
            return tenon__kir_invalid(error,
                                      "kernel '%s': claims 32-bit indices, but the extent of axis %u may be "
                                      "%lld: narrow the symbols' ranges or drop index32",
                                      claim.kernel, i, (long long)high);
    }
    return tenon__kir_walk(program, grid->body, check_claim, &claim);
}
