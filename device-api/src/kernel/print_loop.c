/* Blocks, named values, loops with carried values, tiles. */
#include "kernel/emit.h"

#include <inttypes.h>
#include <stdio.h>

static const char *scalar_type(const tenon__emitter *e, tenon__kir_id id) {
    return tenon__type_name(tenon__kir_at(e->program, id)->type.dtype);
}

/* -- Values ------------------------------------------------------------------------------------------------------- */

static void print_scalar(tenon__emitter *e, tenon__kir_id id) {
    if (e->plan->node[id] & TENON__NODE_SINGLE) return;
    tenon__begin_line(e);
    tenon__put(e, "const tn_%sx1 t%" PRIu32 " = ", scalar_type(e, id), id);
    tenon__put_scalar_operation(e, tenon__kir_at(e->program, id), TENON__SCALAR);
    tenon__end_line(e, ";");
}

static void print_first(tenon__emitter *e, tenon__kir_id id) {
    for (uint32_t copy = 0; copy < e->copies; copy++) {
        tenon__begin_line(e);
        tenon__put(e, "const tn_i64x1 t%" PRIu32 "_%" PRIu32 " = ", id, copy);
        tenon__put_scalar_operation(e, tenon__kir_at(e->program, id), (tenon__place){TENON__AT_FIRST, copy});
        tenon__end_line(e, ";");
    }
}

static void print_vector(tenon__emitter *e, tenon__kir_id id) {
    for (uint32_t copy = 0; copy < e->copies; copy++) {
        tenon__begin_line(e);
        tenon__put(e, "const ");
        tenon__put_vector_type(e, id);
        tenon__put(e, " v%" PRIu32 "_%" PRIu32 " = ", id, copy);
        tenon__put_vector_operation(e, id, copy);
        tenon__end_line(e, ";");
    }
}

static void print_varying(tenon__emitter *e, tenon__kir_id id) {
    uint8_t flags = e->plan->node[id];
    bool inlined = flags & TENON__NODE_SINGLE;
    if (flags & TENON__NODE_FIRST && !inlined) print_first(e, id);
    if (flags & TENON__NODE_NEEDED && (!inlined || flags & TENON__NODE_LANEWISE)) print_vector(e, id);
}

static void print_value(tenon__emitter *e, tenon__kir_id id) {
    if (tenon__is_vector(e, id))
        print_varying(e, id);
    else
        print_scalar(e, id);
}

/* -- Arrays of tiles ---------------------------------------------------------------------------------------------- */

static uint32_t elements_of(const tenon__kir_type *type) {
    uint32_t count = 1;
    for (uint32_t i = 0; i < type->rank; i++) count *= type->extents[i];
    return count;
}

static void put_tile_name(tenon__emitter *e, tenon__kir_id id) {
    tenon__put_value(e, id, TENON__SCALAR);
}

/* to[] = the tile, or the scalar in every element. */
static void print_tile_copy(tenon__emitter *e, const char *to, tenon__kir_id from, uint32_t count) {
    bool tile = tenon__kir_at(e->program, from)->type.rank;
    tenon__begin_line(e);
    tenon__put(e, "for (tn_i64x1 j = 0; j < %" PRIu32 "; ++j) %s[j] = ", count, to);
    if (tile)
        put_tile_name(e, from);
    else
        tenon__put_value(e, from, TENON__SCALAR);
    tenon__end_line(e, tile ? "[j];" : ";");
}

/* -- Carried values ----------------------------------------------------------------------------------------------- */

static void declare_tile_carry(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t i) {
    const tenon__kir_node *carry = tenon__kir_at(e->program, loop->carry[i]);
    uint32_t count = elements_of(&carry->type);
    char name[16];
    snprintf(name, sizeof name, "a%" PRIu32, loop->carry[i]);
    tenon__line(e, "tn_%sx1 %s[%" PRIu32 "];", tenon__type_name(carry->type.dtype), name, count);
    print_tile_copy(e, name, loop->init[i], count);
}

static void declare_vector_carry(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t i) {
    for (uint32_t copy = 0; copy < e->copies; copy++) {
        tenon__begin_line(e);
        tenon__put_vector_type(e, loop->carry[i]);
        tenon__put(e, " c%" PRIu32 "_%" PRIu32 " = ", loop->carry[i], copy);
        tenon__put_any_vector(e, loop->init[i], copy, e->plan->mask_bytes[loop->carry[i]]);
        tenon__end_line(e, ";");
    }
}

void tenon__declare_carry(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t i) {
    if (tenon__kir_at(e->program, loop->carry[i])->type.rank) {
        declare_tile_carry(e, loop, i);
    } else if (tenon__is_vector(e, loop->carry[i])) {
        declare_vector_carry(e, loop, i);
    } else {
        tenon__begin_line(e);
        tenon__put(e, "tn_%sx1 c%" PRIu32 " = ", scalar_type(e, loop->carry[i]), loop->carry[i]);
        tenon__put_value(e, loop->init[i], TENON__SCALAR);
        tenon__end_line(e, ";");
    }
}

/* All next values are computed before the first carried one changes. */
static void print_next_values(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t i) {
    const tenon__kir_node *carry = tenon__kir_at(e->program, loop->carry[i]);
    bool vector = tenon__is_vector(e, loop->carry[i]);
    char name[16];
    if (carry->type.rank) {
        snprintf(name, sizeof name, "n%" PRIu32, loop->carry[i]);
        tenon__line(e, "tn_%sx1 %s[%" PRIu32 "];", tenon__type_name(carry->type.dtype), name,
                    elements_of(&carry->type));
        print_tile_copy(e, name, loop->next[i], elements_of(&carry->type));
        return;
    }
    for (uint32_t copy = 0; copy < (vector ? e->copies : 1); copy++) {
        tenon__begin_line(e);
        tenon__put(e, "const ");
        if (vector)
            tenon__put_vector_type(e, loop->carry[i]);
        else
            tenon__put(e, "tn_%sx1", tenon__type_name(carry->type.dtype));
        tenon__put(e, " n%" PRIu32, loop->carry[i]);
        if (vector) tenon__put(e, "_%" PRIu32, copy);
        tenon__put(e, " = ");
        if (vector)
            tenon__put_any_vector(e, loop->next[i], copy, e->plan->mask_bytes[loop->carry[i]]);
        else
            tenon__put_value(e, loop->next[i], TENON__SCALAR);
        tenon__end_line(e, ";");
    }
}

static void print_carry_on(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t i) {
    const tenon__kir_node *carry = tenon__kir_at(e->program, loop->carry[i]);
    uint32_t name = loop->carry[i];
    if (carry->type.rank) {
        tenon__line(e, "for (tn_i64x1 j = 0; j < %" PRIu32 "; ++j) a%" PRIu32 "[j] = n%" PRIu32 "[j];",
                    elements_of(&carry->type), name, name);
    } else if (tenon__is_vector(e, name)) {
        for (uint32_t copy = 0; copy < e->copies; copy++)
            tenon__line(e, "c%" PRIu32 "_%" PRIu32 " = n%" PRIu32 "_%" PRIu32 ";", name, copy, name, copy);
    } else {
        tenon__line(e, "c%" PRIu32 " = n%" PRIu32 ";", name, name);
    }
}

/* The only carried value, and a tile that this step made, go straight to their place: nothing reads the old ones. */
static void print_straight(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t i) {
    const tenon__kir_node *carry = tenon__kir_at(e->program, loop->carry[i]);
    uint32_t name = loop->carry[i];
    bool vector = tenon__is_vector(e, name);
    char array[16];
    snprintf(array, sizeof array, "a%" PRIu32, name);
    if (carry->type.rank) print_tile_copy(e, array, loop->next[i], elements_of(&carry->type));
    for (uint32_t copy = 0; copy < (vector ? e->copies : !carry->type.rank); copy++) {
        tenon__begin_line(e);
        tenon__put(e, "c%" PRIu32, name);
        if (vector) tenon__put(e, "_%" PRIu32, copy);
        tenon__put(e, " = ");
        if (vector)
            tenon__put_any_vector(e, loop->next[i], copy, e->plan->mask_bytes[name]);
        else
            tenon__put_value(e, loop->next[i], TENON__SCALAR);
        tenon__end_line(e, ";");
    }
}

static bool goes_straight(const tenon__emitter *e, const tenon__kir_loop *loop, uint32_t i) {
    return loop->carry_count == 1 || tenon__kir_at(e->program, loop->next[i])->kind == TENON__KIR_TILE;
}

void tenon__print_step_end(tenon__emitter *e, const tenon__kir_loop *loop) {
    for (uint32_t i = 0; i < loop->carry_count; i++)
        if (loop->next[i] != loop->carry[i] && !goes_straight(e, loop, i)) print_next_values(e, loop, i);
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        if (loop->next[i] == loop->carry[i]) continue;
        if (goes_straight(e, loop, i))
            print_straight(e, loop, i);
        else
            print_carry_on(e, loop, i);
    }
}

/* -- Loops -------------------------------------------------------------------------------------------------------- */

void tenon__open_axis(tenon__emitter *e, tenon__kir_id axis, tenon__kir_id extent) {
    tenon__begin_line(e);
    tenon__put(e, "for (tn_i64x1 i%" PRIu32 " = 0; i%" PRIu32 " < ", axis, axis);
    tenon__put_value(e, extent, TENON__SCALAR);
    tenon__put(e, "; ++i%" PRIu32 ")", axis);
    tenon__end_line(e, " {");
    e->depth++;
}

static void print_plain_loop(tenon__emitter *e, const tenon__kir_loop *loop) {
    for (uint32_t i = 0; i < loop->carry_count; i++) tenon__declare_carry(e, loop, i);
    for (uint32_t i = 0; i < loop->axis_count; i++) tenon__open_axis(e, loop->axis[i], loop->extent[i]);
    if (!loop->axis_count) tenon__open_block(e);
    tenon__print_block(e, loop->body);
    tenon__print_step_end(e, loop);
    for (uint32_t i = 0; i < loop->axis_count; i++) tenon__close(e);
    if (!loop->axis_count) tenon__close(e);
}

static void print_plain_tile(tenon__emitter *e, tenon__kir_id id, const tenon__kir_loop *loop) {
    for (uint32_t i = 0; i < loop->axis_count; i++) tenon__open_axis(e, loop->axis[i], loop->extent[i]);
    tenon__print_block(e, loop->body);
    tenon__begin_line(e);
    tenon__put(e, "a%" PRIu32 "[", id);
    tenon__put_tile_element(e, id);
    tenon__put(e, "] = ");
    tenon__put_value(e, loop->next[0], TENON__SCALAR);
    tenon__end_line(e, ";");
    for (uint32_t i = 0; i < loop->axis_count; i++) tenon__close(e);
}

void tenon__put_tile_element(tenon__emitter *e, tenon__kir_id id) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    const tenon__kir_loop *loop = &e->program->loops[node->loop];
    for (uint32_t i = 0; i < loop->axis_count; i++) {
        uint32_t stride = 1;
        for (uint32_t j = i + 1; j < loop->axis_count; j++) stride *= node->type.extents[j];
        tenon__put(e, "%si%" PRIu32, i ? " + " : "", loop->axis[i]);
        if (stride != 1) tenon__put(e, " * %" PRIu32, stride);
    }
}

static void print_loop(tenon__emitter *e, tenon__kir_id id) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    const tenon__kir_loop *loop = &e->program->loops[node->loop];
    const tenon__region *region = &e->plan->loops[node->loop];
    bool tile = node->kind == TENON__KIR_TILE;
    if (tile) tenon__line(e, "tn_%sx1 a%" PRIu32 "[%" PRIu32 "];", scalar_type(e, id), id, elements_of(&node->type));
    if (region->axis && !e->region)
        tenon__print_region_loop(e, loop, region);
    else if (tile)
        print_plain_tile(e, id, loop);
    else
        print_plain_loop(e, loop);
}

void tenon__print_node(tenon__emitter *e, tenon__kir_id id) {
    switch (tenon__kir_at(e->program, id)->kind) {
    case TENON__KIR_LOAD:
    case TENON__KIR_STORE:
    case TENON__KIR_ELEM: tenon__print_access(e, id); break;
    case TENON__KIR_LOOP:
    case TENON__KIR_TILE: print_loop(e, id); break;
    default: print_value(e, id); break;
    }
}

void tenon__print_block(tenon__emitter *e, uint32_t block) {
    for (tenon__kir_id id = e->program->blocks[block].first; id; id = tenon__kir_at(e->program, id)->next)
        tenon__print_node(e, id);
}
