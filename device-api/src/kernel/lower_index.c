/* Families whose places are loaded from memory: gather, scatter, update_slice. */
#include "kernel/lower_internal.h"

enum { P = 1 << TENON_GROUP_P, R = 1 << TENON_GROUP_R, S = 1 << TENON_GROUP_S };

static tenon__kir_id loaded_index(tenon__lowering *l, uint32_t k) {
    return tenon__kir_cast(l->program, TENON__KIR_INDEX, tenon__lower_load(l, k), 0);
}

void tenon__lower_gather(tenon__lowering *l) {
    tenon__lower_grid(l, P | R | S);
    l->index[l->first[TENON_GROUP_G]] = loaded_index(l, 1);
    tenon__lower_store(l, 2, tenon__lower_load(l, 0));
    tenon__kir_kernel_end(l->program);
}

/* A step of a scatter: y[p, i[q], s] = combine(y, u[p, q, s]). */
static void scatter_step(tenon__lowering *l) {
    tenon__kir_id place[TENON_MAX_RANK], value = tenon__lower_load(l, 1);
    l->index[l->first[TENON_GROUP_G]] = loaded_index(l, 0);
    uint32_t rank = tenon__lower_place(l, 2, place);
    tenon__kir_store_as(l->program, l->operand[2], place, rank, value, l->pattern->variant & TENON_VARIANT_COMBINE, 0,
                        0);
}

/* Places that may meet are taken one after the other, in row-major order of q: the sum's order, and the last set. */
void tenon__lower_scatter(tenon__lowering *l) {
    tenon__lower_grid(l, P | S);
    if (l->pattern->ranks[TENON_GROUP_R] == 0) {
        scatter_step(l);
    } else {
        tenon__kir_loop_begin(l->program);
        tenon__lower_axes(l, TENON_GROUP_R);
        scatter_step(l);
        tenon__kir_loop_end(l->program, NULL, 0, NULL);
    }
    tenon__kir_kernel_end(l->program);
}

/* Whether the input fits into the output at `start` along an axis. */
static tenon__kir_id fits_at(tenon__lowering *l, uint32_t axis, tenon__kir_id start) {
    tenon__kir_program *p = l->program;
    tenon__kir_id room = tenon__lower_op(l, TENON_OP_SUB, l->dim[axis], l->extent[axis]);
    tenon__kir_id above = tenon__lower_op(l, TENON_OP_LT, tenon__kir_index(p, -1), start);
    tenon__kir_id end = tenon__lower_op(l, TENON_OP_ADD, room, tenon__kir_index(p, 1));
    return tenon__lower_op(l, TENON_OP_AND, above, tenon__lower_op(l, TENON_OP_LT, start, end));
}

/* Every start is looked at before any element moves. Where one does not fit nothing is stored, and the starts are read
 * at -1: that fails the run. The bounds of a start that fits are said once more, for the proof that items are apart. */
void tenon__lower_update(tenon__lowering *l) {
    tenon__kir_program *p = l->program;
    tenon__kir_id place[TENON_MAX_RANK], fits = 0, beyond = tenon__kir_index(p, -1);
    tenon__kir_id *entry = &l->index[l->first[TENON_GROUP_G]];
    uint32_t rank = l->first[TENON_GROUP_P + 1];
    tenon__lower_grid(l, P);
    for (uint32_t i = 0; i < rank; i++) {
        *entry = tenon__kir_index(p, i);
        tenon__kir_id here = fits_at(l, i, loaded_index(l, 1));
        fits = fits ? tenon__lower_op(l, TENON_OP_AND, fits, here) : here;
    }
    for (uint32_t i = 0; i < rank; i++) {
        *entry = tenon__kir_op(p, TENON_OP_WHERE, fits, tenon__kir_index(p, i), beyond);
        tenon__kir_id start = tenon__lower_op(l, TENON_OP_MAX, loaded_index(l, 1), tenon__kir_index(p, 0));
        start = tenon__lower_op(l, TENON_OP_MIN, start, l->dim[i]);
        place[i] = tenon__lower_op(l, TENON_OP_ADD, start, l->index[i]);
    }
    tenon__kir_store_as(p, l->operand[2], place, rank, tenon__lower_load(l, 0), TENON_COMBINE_SET, 0, fits);
    tenon__kir_kernel_end(p);
}
