/* Element by element: maps, and what only moves or makes elements. */
#include "kernel/lower_internal.h"

enum { P = 1 << TENON_GROUP_P, R = 1 << TENON_GROUP_R, S = 1 << TENON_GROUP_S };

void tenon__lower_map(tenon__lowering *l) {
    tenon__kir_id values[3] = {0};
    uint32_t output = l->row->input_count;
    tenon__lower_grid(l, P);
    for (uint32_t k = 0; k < output; k++) values[k] = tenon__lower_load(l, k);
    tenon__lower_store(l, output, tenon__kir_op(l->program, l->pattern->op, values[0], values[1], values[2]));
    tenon__kir_kernel_end(l->program);
}

void tenon__lower_copy(tenon__lowering *l) {
    tenon__lower_grid(l, P);
    tenon__lower_store(l, 1, tenon__lower_load(l, 0));
    tenon__kir_kernel_end(l->program);
}

void tenon__lower_cast(tenon__lowering *l) {
    tenon_dtype from = l->pattern->dtypes[0], to = l->pattern->dtypes[1];
    uint32_t to_class = tenon_dtype_class(to);
    bool to_integer = to_class == TENON_CLASS_SINT || to_class == TENON_CLASS_UINT;
    bool wraps =
        (l->pattern->variant & TENON_VARIANT_WRAP) && to_integer && tenon_dtype_class(from) == TENON_CLASS_FLOAT;
    tenon__lower_grid(l, P);
    tenon__kir_id value = tenon__lower_load(l, 0);
    tenon__lower_store(l, 1, tenon__kir_cast(l->program, to, value, wraps ? TENON__KIR_WRAP : 0));
    tenon__kir_kernel_end(l->program);
}

void tenon__lower_fill(tenon__lowering *l) {
    tenon__lower_grid(l, P);
    tenon__lower_store(l, 0, l->scalar[0]);
    tenon__kir_kernel_end(l->program);
}

void tenon__lower_iota(tenon__lowering *l) {
    tenon__lower_grid(l, P | R | S);
    tenon__lower_store(l, 0, tenon__kir_cast(l->program, l->pattern->dtypes[0], l->index[l->first[TENON_GROUP_R]], 0));
    tenon__kir_kernel_end(l->program);
}

/* Moves the place of an axis with a margin into the input, and gives the condition under which it lies there. */
static tenon__kir_id enter_axis(tenon__lowering *l, uint32_t axis) {
    tenon__kir_program *p = l->program;
    l->index[axis] = tenon__lower_op(l, TENON_OP_SUB, l->index[axis], l->low[axis]);
    tenon__kir_id above = tenon__lower_op(l, TENON_OP_LT, tenon__kir_index(p, -1), l->index[axis]);
    return tenon__lower_op(l, TENON_OP_AND, above, tenon__lower_op(l, TENON_OP_LT, l->index[axis], l->dim[axis]));
}

void tenon__lower_pad(tenon__lowering *l) {
    tenon__kir_id place[TENON_MAX_RANK], outer[TENON_MAX_RANK], inside = 0;
    tenon__kir_program *p = l->program;
    tenon__lower_grid(l, P);
    uint32_t rank = tenon__lower_place(l, 1, outer);
    for (uint32_t i = 0; i < l->axis_count; i++) {
        if (!l->low[i]) continue;
        tenon__kir_id here = enter_axis(l, i);
        inside = inside ? tenon__lower_op(l, TENON_OP_AND, inside, here) : here;
    }
    tenon__lower_place(l, 0, place);
    tenon__kir_id value = inside ? tenon__kir_load_if(p, l->operand[0], place, rank, inside, l->scalar[0])
                                 : tenon__kir_load(p, l->operand[0], place, rank);
    tenon__kir_store(p, l->operand[1], outer, rank, value);
    tenon__kir_kernel_end(p);
}
