/* Reductions. Sums and products of floats are taken block by block, so that the error grows with the root of the length
 * however the schedule splits the innermost loop: a block of BLOCK terms, then the blocks, then the outer axes. */
#include "kernel/lower_internal.h"

enum { BLOCK = 1024 };

static tenon_op combiner_of(tenon_op op) {
    switch (op) {
    case TENON_OP_SUM: return TENON_OP_ADD;
    case TENON_OP_PROD: return TENON_OP_MUL;
    case TENON_OP_RMAX: return TENON_OP_MAX;
    default: return TENON_OP_MIN;
    }
}

/* A loop that reduces what its body gives. */
static tenon__kir_id open_sum(tenon__lowering *l, tenon_op op, const char *axis, tenon__kir_id extent,
                              tenon__kir_id *out_index) {
    uint32_t dtype = tenon__kir_compute_dtype(l->pattern->dtypes[0]);
    tenon__kir_id start = tenon__lower_identity(l, op, dtype);
    tenon__kir_loop_begin(l->program);
    *out_index = tenon__kir_axis(l->program, axis, extent);
    tenon__kir_id carry = tenon__kir_carry(l->program, "sum", NULL, start);
    tenon__kir_merge_ops(l->program, &op, 1);
    return carry;
}

static tenon__kir_id close_sum(tenon__lowering *l, tenon_op op, tenon__kir_id carry, tenon__kir_id term) {
    tenon__kir_id next = tenon__lower_op(l, op, carry, term), result = 0;
    tenon__kir_loop_end(l->program, &next, 1, &result);
    return result;
}

/* The innermost axis in blocks; the last one is short. */
static tenon__kir_id sum_blocks(tenon__lowering *l, tenon_op op, uint32_t axis) {
    tenon__kir_program *p = l->program;
    tenon__kir_id block = tenon__kir_index(p, BLOCK), number, at;
    tenon__kir_id rounded = tenon__lower_op(l, TENON_OP_ADD, l->extent[axis], tenon__kir_index(p, BLOCK - 1));
    tenon__kir_id count = tenon__lower_op(l, TENON_OP_DIV, rounded, block);
    tenon__kir_id total = open_sum(l, op, "block", count, &number);
    tenon__kir_id start = tenon__lower_op(l, TENON_OP_MUL, number, block);
    tenon__kir_id left = tenon__lower_op(l, TENON_OP_SUB, l->extent[axis], start);
    tenon__kir_id part = open_sum(l, op, "at", tenon__lower_op(l, TENON_OP_MIN, block, left), &at);
    l->index[axis] = tenon__lower_op(l, TENON_OP_ADD, start, at);
    part = close_sum(l, op, part, tenon__lower_load(l, 0));
    return close_sum(l, op, total, part);
}

/* Reduced axes from `axis` on. */
static tenon__kir_id sum_axes(tenon__lowering *l, tenon_op op, uint32_t axis) {
    if (axis + 1 == l->first[TENON_GROUP_R + 1]) return sum_blocks(l, op, axis);
    tenon__kir_id carry = open_sum(l, op, "outer", l->extent[axis], &l->index[axis]);
    return close_sum(l, op, carry, sum_axes(l, op, axis + 1));
}

/* Where order does not matter, all axes are one loop's. */
static tenon__kir_id reduce_axes(tenon__lowering *l, tenon_op op) {
    uint32_t dtype = tenon__kir_compute_dtype(l->pattern->dtypes[0]);
    tenon__kir_id start = tenon__lower_identity(l, op, dtype);
    tenon__kir_loop_begin(l->program);
    tenon__lower_axes(l, TENON_GROUP_R);
    tenon__kir_id carry = tenon__kir_carry(l->program, "best", NULL, start);
    tenon__kir_merge_ops(l->program, &op, 1);
    return close_sum(l, op, carry, tenon__lower_load(l, 0));
}

void tenon__lower_reduce(tenon__lowering *l) {
    tenon_op op = combiner_of(l->pattern->op);
    bool rounds =
        tenon_dtype_class(l->pattern->dtypes[0]) == TENON_CLASS_FLOAT && (op == TENON_OP_ADD || op == TENON_OP_MUL);
    tenon__kir_id value;
    tenon__lower_grid(l, 1 << TENON_GROUP_P);
    if (l->pattern->ranks[TENON_GROUP_R] == 0)
        value = tenon__lower_load(l, 0);
    else
        value = rounds ? sum_axes(l, op, l->first[TENON_GROUP_R]) : reduce_axes(l, op);
    tenon__lower_store(l, 1, value);
    tenon__kir_kernel_end(l->program);
}
