/* Loops whose steps run in lanes: the main loop over whole vectors, the loop over parts, the merge of what they
 * carry. */
#include "kernel/emit.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_used(const tenon__emitter *e, const tenon__kir_loop *loop, uint32_t carry) {
    return !(e->plan->node[loop->result[carry]] & TENON__NODE_UNUSED);
}

/* -- Steps -------------------------------------------------------------------------------------------------------- */

static void print_steps(tenon__emitter *e, const tenon__region *region, uint32_t copies, bool parts,
                        tenon__body_fn body, void *context) {
    e->region = region;
    e->copies = copies;
    e->parts = parts;
    body(e, context);
    e->region = NULL;
    e->parts = false;
}

void tenon__print_lanes(tenon__emitter *e, const tenon__region *region, const char *from, const char *to,
                        tenon__body_fn body, void *context) {
    uint32_t axis = region->axis, step = region->lanes * region->copies;
    tenon__line(e, "tn_i64x1 i%" PRIu32 " = %s;", axis, from);
    if (region->copies) {
        tenon__open(e, "for (; i%" PRIu32 " + %" PRIu32 " <= %s; i%" PRIu32 " += %" PRIu32 ")", axis, step, to, axis,
                    step);
        print_steps(e, region, region->copies, false, body, context);
        tenon__close(e);
    }
    tenon__open(e, "for (; i%" PRIu32 " < %s; i%" PRIu32 " += %" PRIu32 ")", axis, to, axis, region->lanes);
    tenon__line(e, "const tn_i64x1 left = tn_index_min(%s - i%" PRIu32 ", %" PRIu32 ");", to, axis, region->lanes);
    print_steps(e, region, 1, true, body, context);
    tenon__close(e);
}

/* -- Bodies ------------------------------------------------------------------------------------------------------- */

/* Lanes that are not active keep what they carry. */
static void print_next_of_parts(tenon__emitter *e, const tenon__kir_loop *loop) {
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        uint32_t name = loop->carry[i], dtype = tenon__kir_at(e->program, name)->type.dtype;
        bool truth = dtype == TENON_DTYPE_BOOL;
        uint32_t bytes = truth ? e->plan->mask_bytes[name] : tenon__bytes_of(dtype);
        tenon__begin_line(e);
        tenon__put(e, "const ");
        tenon__put_vector_type(e, name);
        tenon__put(e, " n%" PRIu32 " = ", name);
        if (truth)
            tenon__put(e, "tn_select_i%" PRIu32 "x%" PRIu32 "(", 8 * bytes, e->region->lanes);
        else
            tenon__call(e, TENON__PRELUDE_VECTOR, "select", dtype, e->region->lanes);
        tenon__put(e, "tn_within_i%" PRIu32 "x%" PRIu32 "(0, left), ", 8 * bytes, e->region->lanes);
        tenon__put_any_vector(e, loop->next[i], 0, bytes);
        tenon__put(e, ", c%" PRIu32 "_0", name);
        tenon__end_line(e, ");");
    }
    for (uint32_t i = 0; i < loop->carry_count; i++)
        tenon__line(e, "c%" PRIu32 "_0 = n%" PRIu32 ";", loop->carry[i], loop->carry[i]);
}

static void print_step(tenon__emitter *e, void *context) {
    const tenon__kir_loop *loop = context;
    tenon__print_block(e, loop->body);
    if (e->parts && loop->carry_count)
        print_next_of_parts(e, loop);
    else
        tenon__print_step_end(e, loop);
}

static void print_tile_step(tenon__emitter *e, void *context) {
    const tenon__kir_loop *loop = context;
    const tenon__kir_node *node = tenon__kir_at(e->program, loop->node);
    bool truth = node->type.dtype == TENON_DTYPE_BOOL;
    const char *type = tenon__type_name(node->type.dtype);
    uint32_t bytes = tenon__is_vector(e, loop->next[0]) ? e->plan->mask_bytes[loop->next[0]] : 1;
    tenon__print_block(e, loop->body);
    tenon__need_access(e, node->type.dtype, e->region->lanes);
    for (uint32_t copy = 0; copy < e->copies; copy++) {
        tenon__begin_line(e);
        tenon__put(e, "tn_%sstore_%sx%" PRIu32 "(a%" PRIu32 "%s", e->parts ? "part_" : "", type, e->region->lanes,
                   loop->node, e->parts ? ", " : " + ");
        tenon__put_tile_element(e, loop->node);
        if (copy) tenon__put(e, " + %" PRIu32, copy * e->region->lanes);
        tenon__put(e, e->parts ? ", 0, left, " : ", ");
        if (truth) tenon__put(e, "TN_TO(tn_boolx%" PRIu32 ", -", e->region->lanes);
        tenon__put_any_vector(e, loop->next[0], copy, bytes);
        tenon__end_line(e, truth ? "));" : ");");
    }
}

/* -- Merges ------------------------------------------------------------------------------------------------------- */

static void print_merge_ops_of_copies(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t copy) {
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        uint32_t name = loop->carry[i], dtype = tenon__kir_at(e->program, name)->type.dtype;
        tenon__begin_line(e);
        tenon__put(e, "c%" PRIu32 "_0 = ", name);
        tenon__begin_combine(e, loop->merge_op[i], dtype, e->region->lanes);
        tenon__put(e, "c%" PRIu32 "_0%sc%" PRIu32 "_%" PRIu32, name, tenon__between_combined(loop->merge_op[i], dtype),
                   name, copy);
        tenon__end_line(e, ");");
    }
}

static void print_merge_body_of_copies(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t copy) {
    e->merge_copy = copy;
    tenon__open_block(e);
    tenon__print_block(e, loop->merge_body);
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        tenon__begin_line(e);
        tenon__put(e, "const ");
        tenon__put_vector_type(e, loop->carry[i]);
        tenon__put(e, " n%" PRIu32 " = ", loop->carry[i]);
        tenon__put_any_vector(e, loop->merged[i], 0, e->plan->mask_bytes[loop->carry[i]]);
        tenon__end_line(e, ";");
    }
    for (uint32_t i = 0; i < loop->carry_count; i++)
        tenon__line(e, "c%" PRIu32 "_0 = n%" PRIu32 ";", loop->carry[i], loop->carry[i]);
    tenon__close(e);
}

static void print_merge_of_copies(tenon__emitter *e, const tenon__kir_loop *loop, const tenon__region *region) {
    e->region = region;
    e->copies = 1;
    for (uint32_t copy = 1; copy < region->copies; copy++) {
        if (loop->merge == TENON__KIR_MERGE_OPS)
            print_merge_ops_of_copies(e, loop, copy);
        else
            print_merge_body_of_copies(e, loop, copy);
    }
    e->region = NULL;
}

/* The lanes as arrays mN, whose halves are merged until one element is left: an order that no split of work changes. */
static void print_lane_array(tenon__emitter *e, const tenon__region *region, uint32_t name) {
    uint32_t dtype = tenon__kir_at(e->program, name)->type.dtype;
    const char *type = tenon__type_name(dtype);
    tenon__line(e, "tn_%sx1 m%" PRIu32 "[%" PRIu32 "];", type, name, region->lanes);
    if (dtype == TENON_DTYPE_BOOL)
        tenon__line(e, "tn_store_boolx%" PRIu32 "(m%" PRIu32 ", TN_TO(tn_boolx%" PRIu32 ", -c%" PRIu32 "_0));",
                    region->lanes, name, region->lanes, name);
    else
        tenon__line(e, "tn_store_%sx%" PRIu32 "(m%" PRIu32 ", c%" PRIu32 "_0);", type, region->lanes, name, name);
}

static void print_merge_ops_of_lanes(tenon__emitter *e, const tenon__kir_loop *loop) {
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        uint32_t name = loop->carry[i], dtype = tenon__kir_at(e->program, name)->type.dtype;
        tenon__begin_line(e);
        tenon__put(e, "m%" PRIu32 "[l] = ", name);
        tenon__begin_combine(e, loop->merge_op[i], dtype, 1);
        tenon__put(e, "m%" PRIu32 "[l]%sm%" PRIu32 "[l + w]", name, tenon__between_combined(loop->merge_op[i], dtype),
                   name);
        tenon__end_line(e, ");");
    }
}

static void print_merge_body_of_lanes(tenon__emitter *e, const tenon__kir_loop *loop) {
    tenon__print_block(e, loop->merge_body);
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        tenon__begin_line(e);
        tenon__put(e, "const tn_%sx1 n%" PRIu32 " = ",
                   tenon__type_name(tenon__kir_at(e->program, loop->carry[i])->type.dtype), loop->carry[i]);
        tenon__put_value(e, loop->merged[i], TENON__SCALAR);
        tenon__end_line(e, ";");
    }
    for (uint32_t i = 0; i < loop->carry_count; i++)
        tenon__line(e, "m%" PRIu32 "[l] = n%" PRIu32 ";", loop->carry[i], loop->carry[i]);
}

static void print_merge_of_lanes(tenon__emitter *e, const tenon__kir_loop *loop, const tenon__region *region) {
    for (uint32_t i = 0; i < loop->carry_count; i++) print_lane_array(e, region, loop->carry[i]);
    tenon__open(e, "for (tn_i64x1 w = %" PRIu32 "; w > 0; w /= 2)", region->lanes / 2);
    tenon__open(e, "for (tn_i64x1 l = 0; l < w; ++l)");
    if (loop->merge == TENON__KIR_MERGE_OPS)
        print_merge_ops_of_lanes(e, loop);
    else
        print_merge_body_of_lanes(e, loop);
    tenon__close(e);
    tenon__close(e);
    for (uint32_t i = 0; i < loop->carry_count; i++)
        if (is_used(e, loop, i)) tenon__line(e, "c%" PRIu32 " = m%" PRIu32 "[0];", loop->carry[i], loop->carry[i]);
}

/* -- The loop ----------------------------------------------------------------------------------------------------- */

static void declare_results(tenon__emitter *e, const tenon__kir_loop *loop) {
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        uint32_t dtype = tenon__kir_at(e->program, loop->carry[i])->type.dtype;
        if (is_used(e, loop, i)) tenon__line(e, "tn_%sx1 c%" PRIu32 ";", tenon__type_name(dtype), loop->carry[i]);
    }
}

static void declare_vectors(tenon__emitter *e, const tenon__kir_loop *loop, const tenon__region *region) {
    e->region = region;
    e->copies = region->copies ? region->copies : 1;
    for (uint32_t i = 0; i < loop->carry_count; i++) tenon__declare_carry(e, loop, i);
    e->region = NULL;
}

void tenon__print_region_loop(tenon__emitter *e, const tenon__kir_loop *loop, const tenon__region *region) {
    bool tile = tenon__kir_at(e->program, loop->node)->kind == TENON__KIR_TILE;
    uint32_t last = loop->axis_count - 1;
    char to[16];
    if (!tile) declare_results(e, loop);
    tenon__open_block(e);
    snprintf(to, sizeof to, "e%" PRIu32, loop->axis[last]);
    tenon__begin_line(e);
    tenon__put(e, "const tn_i64x1 %s = ", to);
    tenon__put_value(e, loop->extent[last], TENON__SCALAR);
    tenon__end_line(e, ";");
    if (!tile) declare_vectors(e, loop, region);
    for (uint32_t i = 0; i < last; i++) tenon__open_axis(e, loop->axis[i], loop->extent[i]);
    tenon__print_lanes(e, region, "0", to, tile ? print_tile_step : print_step, (void *)(uintptr_t)loop);
    for (uint32_t i = 0; i < last; i++) tenon__close(e);
    if (!tile && loop->carry_count) {
        print_merge_of_copies(e, loop, region);
        print_merge_of_lanes(e, loop, region);
    }
    tenon__close(e);
}
