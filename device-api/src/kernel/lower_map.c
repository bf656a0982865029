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

/* -- Copies that turn rows into columns ---------------------------------------------------------------------------- */

/* Squares along the output's innermost axis and the input's: each is read along the one and written along the other. */
typedef struct squares {
    tenon__lowering *l;
    int64_t side;
    uint32_t columns, rows;    /* axes: innermost in the output, in the input */
    tenon__kir_id column, row; /* where a square starts */
} squares;

static tenon__kir_id squares_along(squares *s, uint32_t axis) {
    tenon__kir_program *p = s->l->program;
    tenon__kir_id more = tenon__lower_op(s->l, TENON_OP_ADD, s->l->extent[axis], tenon__kir_index(p, s->side - 1));
    return tenon__lower_op(s->l, TENON_OP_DIV, more, tenon__kir_index(p, s->side));
}

static void open_squares(squares *s) {
    tenon__lowering *l = s->l;
    tenon__kir_id columns = squares_along(s, s->columns), rows = squares_along(s, s->rows);
    tenon__kir_id side = tenon__kir_index(l->program, s->side);
    tenon__kir_kernel_begin(l->program, "squares");
    for (uint32_t i = 0; i < s->columns; i++) l->index[i] = tenon__kir_axis(l->program, "outer", l->extent[i]);
    tenon__kir_id column = tenon__kir_axis(l->program, "column", columns);
    tenon__kir_id row = tenon__kir_axis(l->program, "row", rows);
    s->column = tenon__lower_op(l, TENON_OP_MUL, column, side);
    s->row = tenon__lower_op(l, TENON_OP_MUL, row, side);
}

static tenon__kir_id read_square(squares *s) {
    tenon__lowering *l = s->l;
    tenon__kir_program *p = l->program;
    uint32_t extents[2] = {(uint32_t)s->side, (uint32_t)s->side}, dtype = l->pattern->dtypes[0];
    tenon__kir_id at[2], place[TENON_MAX_RANK], nothing = tenon__kir_int(p, dtype, 0);
    tenon__kir_tile_begin(p, "square", dtype, 2, extents, at);
    l->index[s->columns] = tenon__lower_op(l, TENON_OP_ADD, s->column, at[0]);
    l->index[s->rows] = tenon__lower_op(l, TENON_OP_ADD, s->row, at[1]);
    tenon__kir_id inside =
        tenon__lower_op(l, TENON_OP_AND, tenon__lower_op(l, TENON_OP_LT, l->index[s->columns], l->extent[s->columns]),
                        tenon__lower_op(l, TENON_OP_LT, l->index[s->rows], l->extent[s->rows]));
    uint32_t rank = tenon__lower_place(l, 0, place);
    return tenon__kir_tile_end(p, tenon__kir_load_if(p, l->operand[0], place, rank, inside, nothing));
}

static tenon__kir_id left_of(squares *s, uint32_t axis, tenon__kir_id start) {
    tenon__kir_id left = tenon__lower_op(s->l, TENON_OP_SUB, s->l->extent[axis], start);
    return tenon__lower_op(s->l, TENON_OP_MIN, tenon__kir_index(s->l->program, s->side), left);
}

static void write_square(squares *s, tenon__kir_id square) {
    tenon__lowering *l = s->l;
    tenon__kir_program *p = l->program;
    tenon__kir_id rows = left_of(s, s->rows, s->row), columns = left_of(s, s->columns, s->column), at[2];
    tenon__kir_loop_begin(p);
    at[1] = tenon__kir_axis(p, "r", rows);
    at[0] = tenon__kir_axis(p, "c", columns);
    l->index[s->columns] = tenon__lower_op(l, TENON_OP_ADD, s->column, at[0]);
    l->index[s->rows] = tenon__lower_op(l, TENON_OP_ADD, s->row, at[1]);
    tenon__lower_store(l, 1, tenon__kir_elem(p, square, at, 2));
    tenon__kir_loop_end(p, NULL, 0, NULL);
}

static void copy_squares(tenon__lowering *l) {
    squares s = {.l = l, .side = tenon_dtype_bits(l->pattern->dtypes[0]) <= 16 ? 32 : 16};
    s.columns = l->first[TENON_GROUP_P + 1] - 1;
    s.rows = l->first[TENON_GROUP_R];
    open_squares(&s);
    write_square(&s, read_square(&s));
    tenon__kir_kernel_end(l->program);
}

void tenon__lower_copy(tenon__lowering *l) {
    if (l->pattern->ranks[TENON_GROUP_R] > 1 ||
        (l->pattern->ranks[TENON_GROUP_R] == 1 && !l->pattern->ranks[TENON_GROUP_P])) {
        l->reason = "a copy turns one axis at most, and has another";
        return;
    }
    if (l->pattern->ranks[TENON_GROUP_R] == 1) {
        copy_squares(l);
        return;
    }
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
