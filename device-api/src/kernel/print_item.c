/* Items of an entry for CPU-type languages: a loop over first ... last - 1 that steps through the grid like an
 * odometer, and what each item does. */
#include "kernel/emit.h"

#include <inttypes.h>
#include <stdio.h>

/* -- The odometer ------------------------------------------------------------------------------------------------- */

/* A wheel counts a grid axis, or the chunks of one. The last one turns fastest. */
typedef struct wheel {
    char name[16];
    char size[16];
} wheel;

typedef struct odometer {
    uint32_t count;
    wheel wheels[TENON__KIR_MAX_AXES + 2];
} odometer;

static const tenon__kir_loop *grid_of(const tenon__emitter *e) {
    return &e->program->loops[e->program->kernels[e->kernel].loop];
}

static void declare_size(tenon__emitter *e, const char *name, tenon__kir_id extent, uint32_t divisor) {
    tenon__begin_line(e);
    tenon__put(e, "const tn_i64x1 %s = %s", name, divisor > 1 ? "(" : "");
    tenon__put_value(e, extent, TENON__SCALAR);
    if (divisor > 1) tenon__put(e, " + %" PRIu32 ") / %" PRIu32, divisor - 1, divisor);
    tenon__end_line(e, ";");
}

static void add_axis(tenon__emitter *e, odometer *o, uint32_t axis) {
    wheel *w = &o->wheels[o->count++];
    snprintf(w->name, sizeof w->name, "i%" PRIu32, grid_of(e)->axis[axis]);
    snprintf(w->size, sizeof w->size, "e%" PRIu32, grid_of(e)->axis[axis]);
    if (o->count > 1) declare_size(e, w->size, grid_of(e)->extent[axis], 1); /* the first one never turns over */
}

static void add_chunks(tenon__emitter *e, odometer *o, const char *name, uint32_t axis, uint32_t chunk) {
    wheel *w = &o->wheels[o->count++];
    snprintf(w->name, sizeof w->name, "%s", name);
    snprintf(w->size, sizeof w->size, "%ss", name);
    if (o->count > 1) declare_size(e, w->size, grid_of(e)->extent[axis], chunk);
}

static void add_wheels(tenon__emitter *e, const tenon__kernel_plan *kernel, odometer *o) {
    bool chunks = kernel->kind == TENON__PLAN_AXIS, tiles = kernel->kind == TENON__PLAN_TILES;
    for (uint32_t i = 0; i < grid_of(e)->axis_count; i++) {
        if (chunks && i == kernel->axis) continue;
        if (tiles && (i == kernel->tiles.axis_m || i == kernel->tiles.axis_n)) continue;
        add_axis(e, o, i);
    }
    if (chunks) add_chunks(e, o, "chunk", kernel->axis, kernel->chunk);
    if (tiles) add_chunks(e, o, "bn", kernel->tiles.axis_n, kernel->tiles.block_n);
    if (tiles) add_chunks(e, o, "bm", kernel->tiles.axis_m, kernel->tiles.block_m);
}

/* Wheels at item `first`. */
static void set_odometer(tenon__emitter *e, const odometer *o) {
    if (o->count > 1) tenon__line(e, "tn_i64x1 rest = first;");
    for (uint32_t i = o->count; i-- > 0;) {
        const wheel *w = &o->wheels[i];
        if (i == 0) {
            tenon__line(e, "tn_i64x1 %s = %s;", w->name, o->count > 1 ? "rest" : "first");
        } else {
            tenon__line(e, "tn_i64x1 %s = rest %% %s;", w->name, w->size);
            tenon__line(e, "rest /= %s;", w->size);
        }
    }
}

static void turn_odometer(tenon__emitter *e, const odometer *o) {
    for (uint32_t i = o->count; i-- > 1;) {
        tenon__open(e, "if (++%s == %s)", o->wheels[i].name, o->wheels[i].size);
        tenon__line(e, "%s = 0;", o->wheels[i].name);
    }
    if (o->count) tenon__line(e, "++%s;", o->wheels[0].name);
    for (uint32_t i = 1; i < o->count; i++) tenon__close(e);
}

/* -- Items -------------------------------------------------------------------------------------------------------- */

static void print_body(tenon__emitter *e, void *context) {
    const tenon__kir_loop *grid = context;
    tenon__print_block(e, grid->body);
}

static void print_axis_item(tenon__emitter *e, const tenon__kernel_plan *kernel) {
    const tenon__kir_loop *grid = grid_of(e);
    tenon__kir_id axis = grid->axis[kernel->axis];
    tenon__line(e, "const tn_i64x1 from = chunk * %" PRIu32 ";", kernel->chunk);
    tenon__begin_line(e);
    tenon__put(e, "const tn_i64x1 to = tn_index_min(from + %" PRIu32 ", ", kernel->chunk);
    tenon__put_value(e, grid->extent[kernel->axis], TENON__SCALAR);
    tenon__end_line(e, ");");
    if (kernel->region.axis) {
        tenon__print_lanes(e, &kernel->region, "from", "to", print_body, (void *)(uintptr_t)grid);
        return;
    }
    tenon__open(e, "for (tn_i64x1 i%" PRIu32 " = from; i%" PRIu32 " < to; ++i%" PRIu32 ")", axis, axis, axis);
    tenon__print_block(e, grid->body);
    tenon__close(e);
}

/* One item for the whole grid, in row-major order. */
static void print_serial(tenon__emitter *e) {
    const tenon__kir_loop *grid = grid_of(e);
    for (uint32_t i = 0; i < grid->axis_count; i++) tenon__open_axis(e, grid->axis[i], grid->extent[i]);
    tenon__print_block(e, grid->body);
    for (uint32_t i = 0; i < grid->axis_count; i++) tenon__close(e);
}

static void print_grid(tenon__emitter *e, const tenon__kernel_plan *kernel) {
    odometer o = {0};
    add_wheels(e, kernel, &o);
    set_odometer(e, &o);
    tenon__open(e, "for (tn_i64x1 item = first; item < last; ++item)");
    if (kernel->kind == TENON__PLAN_AXIS)
        print_axis_item(e, kernel);
    else if (kernel->kind == TENON__PLAN_TILES)
        tenon__print_tiles_item(e, kernel);
    else
        tenon__print_block(e, grid_of(e)->body);
    turn_odometer(e, &o);
    tenon__close(e);
}

/* A contraction of few rows takes the other branch; the grid is counted alike. */
static void print_tiles_grid(tenon__emitter *e, uint32_t number) {
    const tenon__plan *plan = e->plan;
    const tenon__tiles *tiles = &plan->kernels[number].tiles;
    tenon__begin_line(e);
    tenon__put(e, "if (");
    tenon__put_value(e, grid_of(e)->extent[tiles->axis_m], TENON__SCALAR);
    tenon__put(e, " < %" PRIu32 ") {", tiles->few);
    tenon__end_line(e, "");
    e->depth++;
    e->plan = plan->few;
    print_grid(e, &e->plan->kernels[number]);
    e->plan = plan;
    e->depth--;
    tenon__line(e, "} else {");
    e->depth++;
    print_grid(e, &plan->kernels[number]);
    tenon__close(e);
}

void tenon__print_items(tenon__emitter *e, uint32_t number) {
    const tenon__kernel_plan *kernel = &e->plan->kernels[number];
    if (kernel->kind == TENON__PLAN_SERIAL)
        print_serial(e);
    else if (kernel->kind == TENON__PLAN_TILES)
        print_tiles_grid(e, number);
    else
        print_grid(e, kernel);
}
