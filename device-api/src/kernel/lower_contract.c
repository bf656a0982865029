/* Contraction: every output element is the sum over k of products in the accumulator's dtype. Tiles, packing and whether a
 * product and a sum are one instruction are the schedule's. */
#include "kernel/lower_internal.h"

enum { P = 1 << TENON_GROUP_P, M = 1 << TENON_GROUP_R, N = 1 << TENON_GROUP_S };

static tenon__kir_id factor(tenon__lowering *l, uint32_t k) {
    tenon__kir_id value = tenon__lower_load(l, k);
    if (tenon__kir_compute_dtype(l->pattern->dtypes[k]) == l->pattern->accumulator) return value;
    return tenon__kir_cast(l->program, l->pattern->accumulator, value, 0);
}

void tenon__lower_contract(tenon__lowering *l) {
    static const tenon_op sum = TENON_OP_ADD;
    tenon__kir_program *p = l->program;
    tenon__kir_id result = 0;
    tenon__lower_grid(l, P | M | N);
    tenon__kir_id start = tenon__lower_identity(l, TENON_OP_ADD, l->pattern->accumulator);
    tenon__kir_loop_begin(p);
    tenon__lower_axes(l, TENON_GROUP_G);
    tenon__kir_id carry = tenon__kir_carry(p, "sum", NULL, start);
    tenon__kir_merge_ops(p, &sum, 1);
    tenon__kir_id a = factor(l, 0), b = factor(l, 1);
    tenon__kir_id next = tenon__lower_op(l, TENON_OP_ADD, carry, tenon__lower_op(l, TENON_OP_MUL, a, b));
    tenon__kir_loop_end(p, &next, 1, &result);
    tenon__lower_store(l, 2, result);
    tenon__kir_kernel_end(p);
}
