/* Contractions in tiles. An item is a block of rows m and columns n. For a block of k at a time it packs a (rows of a
 * register tile together) and b (columns of a register tile together), whatever their layout and expressions; the
 * tile in registers then goes through both in order. What follows the sum in the program is done row by row at the end.
 *
 *   sum [block_m][block_n]                  pa [block_m / rows][block_k][rows]             pb [block_k][width]
 */
#include "kernel/emit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct tile_print {
    tenon__emitter *e;
    const tenon__kernel_plan *kernel;
    const tenon__tiles *tiles;
    const tenon__kir_loop *grid, *loop;
    const char *type;
    uint32_t width; /* columns of a register tile */
} tile_print;

/* -- What a factor or the end of an item is made of --------------------------------------------------------------- */

static void mark_live(tenon__emitter *e, tenon__kir_id last) {
    for (tenon__kir_id id = last; id > 0; id--) {
        const tenon__kir_node *node = tenon__kir_at(e->program, id);
        for (uint32_t i = 0; e->live[id] && i < node->arg_count; i++) e->live[tenon__kir_arg(e->program, node, i)] = 1;
    }
}

static void clear_live(tenon__emitter *e) {
    memset(e->live, 0, e->program->node_count);
}

/* Prints the values that are live, of the item and of the loop's step, in order. */
static void print_live(tile_print *p, tenon__kir_id last) {
    const tenon__kir_program *program = p->e->program;
    for (tenon__kir_id id = 1; id <= last; id++) {
        uint32_t block = program->nodes[id].block;
        if (!p->e->live[id] || tenon__kir_is_leaf(program, id)) continue;
        if (block == p->grid->body || block == p->loop->body) tenon__print_node(p->e, id);
    }
}

static void print_factor(tile_print *p, tenon__kir_id factor) {
    clear_live(p->e);
    p->e->live[factor] = 1;
    mark_live(p->e, factor);
    print_live(p, factor);
}

/* -- Packing ------------------------------------------------------------------------------------------------------ */

static void print_axis_at(tile_print *p, tenon__kir_id axis, const char *value) {
    tenon__line(p->e, "const tn_i64x1 i%" PRIu32 " = %s;", axis, value);
}

static void print_pack_a(tile_print *p) {
    const tenon__tiles *t = p->tiles;
    tenon__emitter *e = p->e;
    tenon__open(e, "for (tn_i64x1 r = 0; r < rows; ++r)");
    tenon__line(e, "tn_%sx1 *const to = pa + r / %" PRIu32 " * %" PRIu32 " + r %% %" PRIu32 ";", p->type, t->rows,
                t->rows * t->block_k, t->rows);
    tenon__open(e, "if (r >= ms)");
    tenon__line(e, "for (tn_i64x1 k = 0; k < ks; ++k) to[k * %" PRIu32 "] = 0;", t->rows);
    tenon__line(e, "continue;");
    tenon__close(e);
    print_axis_at(p, p->grid->axis[t->axis_m], "m0 + r");
    tenon__open(e, "for (tn_i64x1 k = 0; k < ks; ++k)");
    print_axis_at(p, p->loop->axis[0], "k0 + k");
    print_factor(p, t->a);
    tenon__begin_line(e);
    tenon__put(e, "to[k * %" PRIu32 "] = ", t->rows);
    tenon__put_value(e, t->a, TENON__SCALAR);
    tenon__end_line(e, ";");
    tenon__close(e);
    tenon__close(e);
}

static void print_pack_b_step(tenon__emitter *e, void *context) {
    tile_print *p = context;
    print_factor(p, p->tiles->b);
    for (uint32_t copy = 0; copy < e->copies; copy++) {
        tenon__begin_line(e);
        tenon__put(e, "tn_store_%sx%" PRIu32 "(to + (", p->type, e->region->lanes);
        tenon__put_value(e, e->region->axis, (tenon__place){TENON__AT_FIRST, copy});
        tenon__put(e, " - from), ");
        tenon__put_vector(e, p->tiles->b, copy);
        tenon__end_line(e, ");");
    }
}

static void print_pack_b(tile_print *p) {
    tenon__emitter *e = p->e;
    tenon__open(e, "for (tn_i64x1 k = 0; k < ks; ++k)");
    tenon__line(e, "tn_%sx1 *const to = pb + k * width;", p->type);
    print_axis_at(p, p->loop->axis[0], "k0 + k");
    tenon__print_lanes(e, &p->kernel->region, "from", "to_n", print_pack_b_step, p);
    tenon__line(e,
                "for (tn_i64x1 c = (to_n - from + %" PRIu32 ") / %" PRIu32 " * %" PRIu32 "; c < width; ++c) to[c] = 0;",
                p->kernel->region.lanes - 1, p->kernel->region.lanes, p->kernel->region.lanes);
    tenon__close(e);
}

/* -- The tile in registers ---------------------------------------------------------------------------------------- */

static void put_fma(tile_print *p, uint32_t row, uint32_t vector) {
    tenon__emitter *e = p->e;
    uint32_t dtype = p->tiles->dtype, lanes = p->tiles->lanes;
    bool real = dtype == TENON_DTYPE_F32 || dtype == TENON_DTYPE_F64;
    tenon__put(e, "x%" PRIu32 "_%" PRIu32 " = ", row, vector);
    if (real && e->dialect->features & TENON_FEATURE_FMA) {
        tenon__call(e, dtype == TENON_DTYPE_F32 ? TENON__PRELUDE_F32 : TENON__PRELUDE_F64, "fma", dtype, lanes);
        tenon__put(e, "y, b%" PRIu32 ", x%" PRIu32 "_%" PRIu32 ")", vector, row, vector);
        return;
    }
    tenon__begin_combine(e, TENON_OP_ADD, dtype, lanes);
    tenon__put(e, "x%" PRIu32 "_%" PRIu32 "%s", row, vector, tenon__between_combined(TENON_OP_ADD, dtype));
    tenon__begin_combine(e, TENON_OP_MUL, dtype, lanes);
    tenon__put(e, "y%sb%" PRIu32 "))", tenon__between_combined(TENON_OP_MUL, dtype), vector);
}

static void print_tile_step(tile_print *p, uint32_t vectors) {
    const tenon__tiles *t = p->tiles;
    tenon__emitter *e = p->e;
    for (uint32_t v = 0; v < vectors; v++)
        tenon__line(e, "const tn_%sx%" PRIu32 " b%" PRIu32 " = tn_load_%sx%" PRIu32 "(rb + %" PRIu32 ");", p->type,
                    t->lanes, v, p->type, t->lanes, v * t->lanes);
    for (uint32_t r = 0; r < t->rows; r++) {
        tenon__open_block(e);
        tenon__line(e, "const tn_%sx%" PRIu32 " y = tn_splat_%sx%" PRIu32 "(ra[%" PRIu32 "]);", p->type, t->lanes,
                    p->type, t->lanes, r);
        for (uint32_t v = 0; v < vectors; v++) {
            tenon__begin_line(e);
            put_fma(p, r, v);
            tenon__end_line(e, ";");
        }
        tenon__close(e);
    }
}

static void print_register_tile(tile_print *p, uint32_t vectors) {
    const tenon__tiles *t = p->tiles;
    tenon__emitter *e = p->e;
    for (uint32_t r = 0; r < t->rows; r++)
        for (uint32_t v = 0; v < vectors; v++)
            tenon__line(e, "tn_%sx%" PRIu32 " x%" PRIu32 "_%" PRIu32 " = tn_load_%sx%" PRIu32 "(rc + %" PRIu32 ");",
                        p->type, t->lanes, r, v, p->type, t->lanes, r * t->block_n + v * t->lanes);
    tenon__open(e, "for (tn_i64x1 k = 0; k < ks; ++k, ra += %" PRIu32 ", rb += %" PRIu32 ")", t->rows,
                vectors * t->lanes);
    print_tile_step(p, vectors);
    tenon__close(e);
    for (uint32_t r = 0; r < t->rows; r++)
        for (uint32_t v = 0; v < vectors; v++)
            tenon__line(e, "tn_store_%sx%" PRIu32 "(rc + %" PRIu32 ", x%" PRIu32 "_%" PRIu32 ");", p->type, t->lanes,
                        r * t->block_n + v * t->lanes, r, v);
}

/* A narrow last panel runs with one vector a row, so that few columns do not cost a whole tile. */
static void print_panel(tile_print *p) {
    const tenon__tiles *t = p->tiles;
    tenon__emitter *e = p->e;
    tenon__open(e, "for (tn_i64x1 r = 0; r < rows; r += %" PRIu32 ")", t->rows);
    tenon__line(e, "const tn_%sx1 *ra = pa + r * %" PRIu32 ", *rb = pb;", p->type, t->block_k);
    tenon__line(e, "tn_%sx1 *const rc = sum + r * %" PRIu32 " + j;", p->type, t->block_n);
    tenon__open(e, "if (width == %" PRIu32 ")", p->width);
    print_register_tile(p, t->vectors);
    tenon__line(e, "continue;");
    tenon__close(e);
    print_register_tile(p, 1);
    tenon__close(e);
}

static void print_blocks(tile_print *p) {
    const tenon__tiles *t = p->tiles;
    tenon__emitter *e = p->e;
    tenon__begin_line(e);
    tenon__put(e, "const tn_i64x1 depth = ");
    tenon__put_value(e, p->loop->extent[0], TENON__SCALAR);
    tenon__end_line(e, ";");
    tenon__open(e, "for (tn_i64x1 k0 = 0; k0 < depth; k0 += %" PRIu32 ")", t->block_k);
    tenon__line(e, "const tn_i64x1 ks = tn_index_min(depth - k0, %" PRIu32 ");", t->block_k);
    tenon__line(e, "tn_%sx1 pa[%" PRIu32 "];", p->type, t->block_m * t->block_k);
    print_pack_a(p);
    tenon__open(e, "for (tn_i64x1 j = 0; j < ns; j += %" PRIu32 ")", p->width);
    tenon__line(e, "tn_%sx1 pb[%" PRIu32 "];", p->type, t->block_k * p->width);
    tenon__line(e, "const tn_i64x1 from = n0 + j, to_n = n0 + tn_index_min(ns, j + %" PRIu32 ");", p->width);
    tenon__line(e, "const tn_i64x1 width = to_n - from <= %" PRIu32 " ? %" PRIu32 " : %" PRIu32 ";", t->lanes, t->lanes,
                p->width);
    print_pack_b(p);
    print_panel(p);
    tenon__close(e);
    tenon__close(e);
}

/* -- The end of an item ------------------------------------------------------------------------------------------- */

/* Stores, and the values they need. */
static void mark_end(tile_print *p) {
    const tenon__kir_program *program = p->e->program;
    clear_live(p->e);
    for (tenon__kir_id id = program->blocks[p->grid->body].first; id; id = program->nodes[id].next)
        if (program->nodes[id].kind == TENON__KIR_STORE) p->e->live[id] = 1;
    mark_live(p->e, program->blocks[p->grid->body].last);
}

static void print_end_step(tenon__emitter *e, void *context) {
    tile_print *p = context;
    const char *type = p->type;
    for (uint32_t copy = 0; copy < e->copies; copy++) {
        tenon__begin_line(e);
        tenon__put(e, "const tn_%sx%" PRIu32 " c%" PRIu32 "_%" PRIu32 " = tn_load_%sx%" PRIu32 "(row + (", type,
                   e->region->lanes, p->loop->carry[0], copy, type, e->region->lanes);
        tenon__put_value(e, e->region->axis, (tenon__place){TENON__AT_FIRST, copy});
        tenon__end_line(e, " - n0));");
    }
    mark_end(p);
    print_live(p, e->program->blocks[p->grid->body].last);
}

static void print_end(tile_print *p) {
    tenon__emitter *e = p->e;
    tenon__open(e, "for (tn_i64x1 r = 0; r < ms; ++r)");
    tenon__line(e, "const tn_%sx1 *const row = sum + r * %" PRIu32 ";", p->type, p->tiles->block_n);
    print_axis_at(p, p->grid->axis[p->tiles->axis_m], "m0 + r");
    tenon__print_lanes(e, &p->kernel->region, "n0", "n0 + ns", print_end_step, p);
    tenon__close(e);
}

/* -- The item ----------------------------------------------------------------------------------------------------- */

static void print_range(tile_print *p, char name, uint32_t block, tenon__kir_id extent) {
    tenon__line(p->e, "const tn_i64x1 %c0 = b%c * %" PRIu32 ";", name, name, block);
    tenon__begin_line(p->e);
    tenon__put(p->e, "const tn_i64x1 %cs = tn_index_min(%" PRIu32 ", ", name, block);
    tenon__put_value(p->e, extent, TENON__SCALAR);
    tenon__put(p->e, " - %c0)", name);
    tenon__end_line(p->e, ";");
}

static void print_start(tile_print *p) {
    const tenon__tiles *t = p->tiles;
    tenon__emitter *e = p->e;
    tenon__line(e, "const tn_i64x1 rows = (ms + %" PRIu32 ") / %" PRIu32 " * %" PRIu32 ";", t->rows - 1, t->rows,
                t->rows);
    tenon__line(e, "tn_%sx1 sum[%" PRIu32 "];", p->type, t->block_m * t->block_n);
    tenon__begin_line(e);
    tenon__put(e, "for (tn_i64x1 j = 0; j < rows * %" PRIu32 "; j += %" PRIu32 ") tn_store_%sx%" PRIu32 "(sum + j, ",
               t->block_n, t->lanes, p->type, t->lanes);
    tenon__put(e, "tn_splat_%sx%" PRIu32 "(", p->type, t->lanes);
    tenon__put_value(e, p->loop->init[0], TENON__SCALAR);
    tenon__end_line(e, "));");
}

void tenon__print_tiles_item(tenon__emitter *e, const tenon__kernel_plan *kernel) {
    const tenon__tiles *t = &kernel->tiles;
    tile_print p = {e,
                    kernel,
                    t,
                    &e->program->loops[e->program->kernels[e->kernel].loop],
                    &e->program->loops[t->loop],
                    tenon__type_name(t->dtype),
                    t->vectors * t->lanes};
    tenon__need_section(e, TENON__PRELUDE_VECTOR, t->lanes);
    print_range(&p, 'm', t->block_m, p.grid->extent[t->axis_m]);
    print_range(&p, 'n', t->block_n, p.grid->extent[t->axis_n]);
    print_start(&p);
    print_blocks(&p);
    print_end(&p);
}
