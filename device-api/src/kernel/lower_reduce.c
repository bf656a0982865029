/* Reductions. Sums and products of floats are taken block by block, so that the error grows with the root of the length
 * however the schedule splits the innermost loop: a block of BLOCK terms, then the blocks, then the outer axes. */
#include "kernel/lower_internal.h"

enum { BLOCK = 1024, CHUNK = 4 * BLOCK };

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

/* Elements of a part of the reduced axis, and how many. */
typedef struct stretch {
    tenon__kir_id from; /* 0: the axis's start */
    tenon__kir_id length;
} stretch;

static tenon__kir_id rounded_up(tenon__lowering *l, tenon__kir_id count, int64_t size) {
    tenon__kir_id more = tenon__lower_op(l, TENON_OP_ADD, count, tenon__kir_index(l->program, size - 1));
    return tenon__lower_op(l, TENON_OP_DIV, more, tenon__kir_index(l->program, size));
}

/* The `number`-th part of `size` elements; the last one is short. */
static stretch part_of(tenon__lowering *l, stretch whole, tenon__kir_id number, int64_t size) {
    tenon__kir_id most = tenon__kir_index(l->program, size), start = tenon__lower_op(l, TENON_OP_MUL, number, most);
    tenon__kir_id left = tenon__lower_op(l, TENON_OP_SUB, whole.length, start);
    tenon__kir_id from = whole.from ? tenon__lower_op(l, TENON_OP_ADD, whole.from, start) : start;
    return (stretch){from, tenon__lower_op(l, TENON_OP_MIN, most, left)};
}

static tenon__kir_id sum_stretch(tenon__lowering *l, tenon_op op, uint32_t axis, stretch s) {
    tenon__kir_id at, sum = open_sum(l, op, "at", s.length, &at);
    l->index[axis] = s.from ? tenon__lower_op(l, TENON_OP_ADD, s.from, at) : at;
    return close_sum(l, op, sum, tenon__lower_load(l, 0));
}

static tenon__kir_id sum_blocks(tenon__lowering *l, tenon_op op, uint32_t axis, stretch s) {
    tenon__kir_id number, total = open_sum(l, op, "block", rounded_up(l, s.length, BLOCK), &number);
    return close_sum(l, op, total, sum_stretch(l, op, axis, part_of(l, s, number, BLOCK)));
}

/* Whether the order of terms shows. */
static bool rounds(const tenon__lowering *l, tenon_op op) {
    return tenon_dtype_class(l->pattern->dtypes[0]) == TENON_CLASS_FLOAT && (op == TENON_OP_ADD || op == TENON_OP_MUL);
}

/* Reduced axes from `axis` on: the innermost in blocks. */
static tenon__kir_id sum_axes(tenon__lowering *l, tenon_op op, uint32_t axis) {
    if (axis + 1 == l->first[TENON_GROUP_R + 1]) return sum_blocks(l, op, axis, (stretch){0, l->extent[axis]});
    tenon__kir_id carry = open_sum(l, op, "outer", l->extent[axis], &l->index[axis]);
    return close_sum(l, op, carry, sum_axes(l, op, axis + 1));
}

/* Where order does not matter, all axes are one loop's. */
static tenon__kir_id reduce_axes(tenon__lowering *l, tenon_op op) {
    tenon__kir_id start = tenon__lower_identity(l, op, tenon__kir_compute_dtype(l->pattern->dtypes[0]));
    tenon__kir_loop_begin(l->program);
    tenon__lower_axes(l, TENON_GROUP_R);
    tenon__kir_id carry = tenon__kir_carry(l->program, "best", NULL, start);
    tenon__kir_merge_ops(l->program, &op, 1);
    return close_sum(l, op, carry, tenon__lower_load(l, 0));
}

/* Many terms for few outputs: one kernel over chunks of the axis, whose results go through the workspace, and one over
 * the chunks. The chunks depend on the length alone, so that results do not depend on who takes which. */
static void reduce_chunks(tenon__lowering *l, tenon_op op) {
    tenon__kir_program *p = l->program;
    uint32_t axis = l->first[TENON_GROUP_R], outputs = l->pattern->ranks[TENON_GROUP_P];
    tenon__kir_id count = rounded_up(l, l->extent[axis], CHUNK), dims[TENON_MAX_RANK] = {count}, place[TENON_MAX_RANK];
    for (uint32_t i = 0; i < outputs; i++) dims[i + 1] = l->extent[i];
    uint32_t parts = tenon__kir_operand_new(p, TENON__KIR_WORKSPACE, "parts",
                                            tenon__kir_compute_dtype(l->pattern->dtypes[0]), outputs + 1, dims, NULL);
    tenon__kir_kernel_begin(p, "chunks");
    place[0] = tenon__kir_axis(p, "chunk", count);
    tenon__lower_axes(l, TENON_GROUP_P);
    for (uint32_t i = 0; i < outputs; i++) place[i + 1] = l->index[i];
    stretch chunk = part_of(l, (stretch){0, l->extent[axis]}, place[0], CHUNK);
    tenon__kir_id value = rounds(l, op) ? sum_blocks(l, op, axis, chunk) : sum_stretch(l, op, axis, chunk);
    tenon__kir_store(p, parts, place, outputs + 1, value);
    tenon__kir_kernel_end(p);

    tenon__lower_grid(l, 1 << TENON_GROUP_P);
    for (uint32_t i = 0; i < outputs; i++) place[i + 1] = l->index[i];
    tenon__kir_id total = open_sum(l, op, "chunk", count, &place[0]);
    tenon__lower_store(l, 1, close_sum(l, op, total, tenon__kir_load(p, parts, place, outputs + 1)));
    tenon__kir_kernel_end(p);
}

void tenon__lower_reduce(tenon__lowering *l) {
    tenon_op op = combiner_of(l->pattern->op);
    tenon__kir_id value;
    if (l->pattern->variant & TENON_VARIANT_SPLIT) {
        if (l->pattern->ranks[TENON_GROUP_R] != 1)
            l->reason = "only one reduced axis is split";
        else
            reduce_chunks(l, op);
        return;
    }
    tenon__lower_grid(l, 1 << TENON_GROUP_P);
    if (l->pattern->ranks[TENON_GROUP_R] == 0)
        value = tenon__lower_load(l, 0);
    else
        value = rounds(l, op) ? sum_axes(l, op, l->first[TENON_GROUP_R]) : reduce_axes(l, op);
    tenon__lower_store(l, 1, value);
    tenon__kir_kernel_end(l->program);
}
