/* Accesses in lanes: one after the other, a distance apart, or each on its own; whole vectors, or the interval of lanes
 * in which the condition holds and the indices are in range. */
#include "kernel/emit.h"

#include <inttypes.h>

static uint32_t lanes_of(const tenon__emitter *e) {
    return e->region->lanes;
}

static bool is_truth(const tenon__access *a) {
    return a->dtype == TENON_DTYPE_BOOL;
}

/* -- Intervals ---------------------------------------------------------------------------------------------------- */

/* The difference of the sides of a comparison moves by at most one a lane, so that it holds from or up to a lane. */
static void print_span_of_less(tenon__emitter *e, const tenon__kir_node *node, bool holds, uint32_t copy) {
    static const char *const narrowed[2][3] = {
        {"low = tn_index_max(low, gap);", "if (gap > 0) high = 0;", "high = tn_index_min(high, 1 - gap);"},
        {"high = tn_index_min(high, gap);", "if (gap <= 0) high = 0;", "low = tn_index_max(low, 1 - gap);"},
    };
    tenon__kir_id less = tenon__kir_arg(e->program, node, 0), more = tenon__kir_arg(e->program, node, 1);
    tenon__step down = tenon__step_of(e->plan, e->region->axis, less, TENON__MAX_LOOK);
    tenon__step up = tenon__step_of(e->plan, e->region->axis, more, TENON__MAX_LOOK);
    tenon__place place = {TENON__AT_FIRST, copy};
    tenon__open_block(e);
    tenon__begin_line(e);
    tenon__put(e, "const tn_i64x1 gap = ");
    tenon__put_value(e, more, place);
    tenon__put(e, " - ");
    tenon__put_value(e, less, place);
    tenon__end_line(e, ";");
    tenon__line(e, "%s", narrowed[holds][up.number - down.number + 1]);
    tenon__close(e);
}

static void print_span_of(tenon__emitter *e, tenon__kir_id condition, bool holds, uint32_t copy) {
    const tenon__kir_node *node = tenon__kir_at(e->program, condition);
    int64_t flips = 0;
    if (!tenon__is_vector(e, condition)) {
        tenon__begin_line(e);
        tenon__put(e, holds ? "if (!" : "if (");
        tenon__put_value(e, condition, TENON__SCALAR);
        tenon__end_line(e, ") high = 0;");
    } else if (node->op == TENON_OP_LT) {
        print_span_of_less(e, node, holds, copy);
    } else if (node->op == TENON_OP_XOR) {
        tenon__kir_is_const(e->program, tenon__kir_arg(e->program, node, 1), &flips);
        print_span_of(e, tenon__kir_arg(e->program, node, 0), flips ? !holds : holds, copy);
    } else { /* a conjunction, or the negation of a disjunction */
        print_span_of(e, tenon__kir_arg(e->program, node, 0), holds, copy);
        print_span_of(e, tenon__kir_arg(e->program, node, 1), holds, copy);
    }
}

static void print_span_check(tenon__emitter *e, const tenon__access *a, uint32_t dim, uint32_t copy) {
    tenon__kir_id index = tenon__access_index(e, a, dim);
    tenon__place place = {TENON__AT_FIRST, copy};
    tenon__begin_line(e);
    if (!tenon__is_vector(e, index)) {
        tenon__put(e, "if (!(");
        tenon__put_check(e, a, dim, TENON__SCALAR);
        tenon__end_line(e, ")) past = first;");
        return;
    }
    tenon__put(e, "first = tn_index_max(first, tn_first_lane(");
    tenon__put_value(e, index, place);
    tenon__end_line(e, "));");
    tenon__begin_line(e);
    tenon__put(e, "past = tn_index_min(past, tn_past_lane(");
    tenon__put_value(e, index, place);
    tenon__put(e, ", ");
    tenon__put_value(e, e->program->operands[a->node->ref].dims[dim], TENON__SCALAR);
    tenon__end_line(e, "));");
}

/* Variables `low` and `high`: the lanes that access memory. Lanes that would but are out of range are a fault. */
static void print_span(tenon__emitter *e, const tenon__access *a, uint32_t copy) {
    if (e->parts)
        tenon__line(e, "tn_i64x1 low = 0, high = left;");
    else
        tenon__line(e, "tn_i64x1 low = 0, high = %" PRIu32 ";", lanes_of(e));
    if (a->guard) print_span_of(e, a->guard, true, copy);
    if (!tenon__has_checks(e, a)) return;
    tenon__line(e, "tn_i64x1 first = low, past = high;");
    for (uint32_t i = 0; i < a->rank; i++)
        if (tenon__is_checked(e, a, i)) print_span_check(e, a, i, copy);
    tenon__open(e, "if (low < high && (first > low || past < high))");
    tenon__line(e, "%s", e->language->fault);
    tenon__close(e);
    tenon__line(e, "low = first;");
    tenon__line(e, "high = past;");
}

/* -- Vectors in memory -------------------------------------------------------------------------------------------- */

enum { WHOLE, ACTIVE, SPAN }; /* all lanes; those before `left`; those from `low` to before `high` */

static uint32_t extent_of(const tenon__emitter *e, const tenon__access *a) {
    if (a->guard || tenon__has_checks(e, a)) return SPAN;
    return e->parts ? ACTIVE : WHOLE;
}

static void put_extent(tenon__emitter *e, uint32_t extent) {
    if (extent == SPAN)
        tenon__put(e, ", low, high");
    else if (extent == ACTIVE)
        tenon__put(e, ", 0, left");
    else
        tenon__put(e, ", 0, %" PRIu32, lanes_of(e));
}

/* "tn_part_load_f32x8(p0, address, 0, left": the call but for what a store puts after it. */
static void put_memory_call(tenon__emitter *e, const tenon__access *a, const char *verb, uint32_t extent,
                            uint32_t copy) {
    bool unit = e->plan->access[a->id] == TENON__LANES_UNIT;
    bool plain = unit && extent == WHOLE;
    tenon__need_access(e, a->dtype, lanes_of(e));
    tenon__put(e, "tn_%s%s_%sx%" PRIu32 "(%s%s",
               plain  ? ""
               : unit ? "part_"
                      : "strided_",
               verb, tenon__type_name(a->dtype), lanes_of(e), a->base, plain ? " + " : ", ");
    tenon__put_address(e, a, (tenon__place){TENON__AT_FIRST, copy});
    if (plain) return;
    if (!unit) {
        tenon__step step = tenon__step_of_access(e->plan, e->region->axis, a->id);
        tenon__put(e, ", ");
        tenon__put_step(e, &step);
    }
    put_extent(e, extent);
}

/* What lies in memory as a value: numbers widened, truth as a mask. */
static void put_loaded(tenon__emitter *e, const tenon__access *a, uint32_t extent, uint32_t copy, uint32_t bytes) {
    if (is_truth(a))
        tenon__put(e, "(-TN_TO(tn_i%" PRIu32 "x%" PRIu32 ", ", 8 * bytes, lanes_of(e));
    else
        tenon__begin_widen(e, a->dtype, lanes_of(e));
    put_memory_call(e, a, "load", extent, copy);
    tenon__put(e, ")");
    if (is_truth(a))
        tenon__put(e, "))");
    else
        tenon__end_conversion(e, a->dtype);
}

static void put_declaration(tenon__emitter *e, const tenon__access *a, uint32_t copy) {
    tenon__put_vector_type(e, a->id);
    tenon__put(e, " v%" PRIu32 "_%" PRIu32, a->id, copy);
}

static void put_zero(tenon__emitter *e, const tenon__access *a) {
    if (is_truth(a))
        tenon__put(e, "tn_splat_i%ux%" PRIu32 "(0)", 8u * e->plan->mask_bytes[a->id], lanes_of(e));
    else
        tenon__put(e, "tn_splat_%sx%" PRIu32 "(0)", tenon__type_name(a->node->type.dtype), lanes_of(e));
}

static bool is_zero(const tenon__emitter *e, tenon__kir_id id) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    return node->kind == TENON__KIR_CONST && node->bits == 0;
}

/* Lanes outside the span get the else value. */
static void print_else(tenon__emitter *e, const tenon__access *a, uint32_t copy) {
    uint32_t own = e->plan->mask_bytes[a->id], bytes = is_truth(a) ? own : tenon__bytes_of(a->node->type.dtype);
    if (!a->other || is_zero(e, a->other)) return;
    tenon__begin_line(e);
    tenon__put(e, "v%" PRIu32 "_%" PRIu32 " = ", a->id, copy);
    if (is_truth(a))
        tenon__put(e, "tn_select_i%" PRIu32 "x%" PRIu32 "(", 8 * own, lanes_of(e));
    else
        tenon__call(e, TENON__PRELUDE_VECTOR, "select", a->node->type.dtype, lanes_of(e));
    tenon__put(e, "tn_within_i%" PRIu32 "x%" PRIu32 "(low, high), v%" PRIu32 "_%" PRIu32 ", ", 8 * bytes, lanes_of(e),
               a->id, copy);
    tenon__put_any_vector(e, a->other, copy, own);
    tenon__end_line(e, ");");
}

static void print_load(tenon__emitter *e, const tenon__access *a, uint32_t copy) {
    uint32_t extent = extent_of(e, a), bytes = e->plan->mask_bytes[a->id];
    tenon__begin_line(e);
    tenon__put(e, extent == SPAN ? "" : "const ");
    put_declaration(e, a, copy);
    tenon__put(e, " = ");
    if (extent == SPAN)
        put_zero(e, a);
    else
        put_loaded(e, a, extent, copy, bytes);
    tenon__end_line(e, ";");
    if (extent != SPAN) return;
    tenon__open_block(e);
    print_span(e, a, copy);
    tenon__begin_line(e);
    tenon__put(e, "if (low < high) v%" PRIu32 "_%" PRIu32 " = ", a->id, copy);
    put_loaded(e, a, extent, copy, bytes);
    tenon__end_line(e, ";");
    print_else(e, a, copy);
    tenon__close(e);
}

/* The value to store, combined with what is there if the store says so. */
static void put_new(tenon__emitter *e, const tenon__access *a, uint32_t extent, uint32_t copy) {
    tenon__kir_id value = tenon__stored_value(e->program, a->node);
    uint32_t dtype = tenon__kir_at(e->program, value)->type.dtype;
    uint32_t bytes = tenon__is_vector(e, value) ? e->plan->mask_bytes[value] : 1;
    if (is_truth(a))
        tenon__put(e, "TN_TO(tn_boolx%" PRIu32 ", -", lanes_of(e));
    else
        tenon__begin_narrow(e, a->dtype, lanes_of(e));
    if (a->node->op) {
        tenon_op op = tenon__op_of_combine(a->node->op);
        tenon__begin_combine(e, op, dtype, lanes_of(e));
        put_loaded(e, a, extent, copy, bytes);
        tenon__put(e, "%s", tenon__between_combined(op, dtype));
    }
    tenon__put_any_vector(e, value, copy, bytes);
    if (a->node->op) tenon__put(e, ")");
    if (is_truth(a))
        tenon__put(e, ")");
    else
        tenon__end_conversion(e, a->dtype);
}

static void print_store(tenon__emitter *e, const tenon__access *a, uint32_t copy) {
    uint32_t extent = extent_of(e, a);
    if (extent == SPAN) {
        tenon__open_block(e);
        print_span(e, a, copy);
    }
    tenon__begin_line(e);
    tenon__put(e, extent == SPAN ? "if (low < high) " : "");
    put_memory_call(e, a, "store", extent, copy);
    tenon__put(e, ", ");
    put_new(e, a, extent, copy);
    tenon__end_line(e, ");");
    if (extent == SPAN) tenon__close(e);
}

/* -- Lane by lane ------------------------------------------------------------------------------------------------- */

/* Names the indices that the access is made of, in this lane. */
static void name_lanes(tenon__emitter *e, tenon__kir_id id, uint32_t copy) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    bool index = node->kind == TENON__KIR_OP && node->type.dtype == TENON__KIR_INDEX;
    if (!tenon__is_vector(e, id) || !index || e->stamp[id] == e->stamps) return;
    e->stamp[id] = e->stamps;
    for (uint32_t i = 0; i < node->arg_count; i++) name_lanes(e, tenon__kir_arg(e->program, node, i), copy);
    if (e->plan->node[id] & TENON__NODE_SINGLE) return;
    tenon__begin_line(e);
    tenon__put(e, "const tn_i64x1 l%" PRIu32 " = ", id);
    tenon__put_scalar_operation(e, node, (tenon__place){TENON__AT_LANE, copy});
    tenon__end_line(e, ";");
}

static void open_lanes(tenon__emitter *e, const tenon__access *a, uint32_t copy) {
    if (e->parts)
        tenon__open(e, "for (tn_i64x1 l = 0; l < left; ++l)");
    else
        tenon__open(e, "for (tn_i64x1 l = 0; l < %" PRIu32 "; ++l)", lanes_of(e));
    e->stamps++;
    for (uint32_t i = 0; i < a->rank; i++) name_lanes(e, tenon__access_index(e, a, i), copy);
}

static void print_each_store(tenon__emitter *e, const tenon__access *a, uint32_t copy) {
    open_lanes(e, a, copy);
    tenon__print_element(e, a, (tenon__place){TENON__AT_LANE, copy});
    tenon__close(e);
}

static void print_each_load(tenon__emitter *e, const tenon__access *a, uint32_t copy) {
    const char *type = tenon__type_name(a->node->type.dtype);
    tenon__place place = {TENON__AT_LANE, copy};
    tenon__begin_line(e);
    put_declaration(e, a, copy);
    tenon__end_line(e, ";");
    tenon__open_block(e);
    tenon__line(e, "tn_%sx1 part[%" PRIu32 "] = {0};", type, lanes_of(e));
    open_lanes(e, a, copy);
    if (a->other) {
        tenon__begin_line(e);
        tenon__put(e, "part[l] = ");
        tenon__put_value(e, a->other, place);
        tenon__end_line(e, ";");
    }
    tenon__print_element(e, a, place);
    tenon__close(e);
    tenon__begin_line(e);
    tenon__put(e, "v%" PRIu32 "_%" PRIu32 " = ", a->id, copy);
    if (is_truth(a)) tenon__put(e, "-TN_TO(tn_i%ux%" PRIu32 ", ", 8u * e->plan->mask_bytes[a->id], lanes_of(e));
    tenon__put(e, "tn_load_%sx%" PRIu32 "(part)", type, lanes_of(e));
    tenon__end_line(e, is_truth(a) ? ");" : ";");
    tenon__close(e);
}

void tenon__print_lane_access(tenon__emitter *e, const tenon__access *a) {
    bool store = a->node->kind == TENON__KIR_STORE, each = e->plan->access[a->id] == TENON__LANES_ANY;
    if (!store && !(e->plan->node[a->id] & TENON__NODE_NEEDED)) return;
    tenon__need_access(e, a->dtype, lanes_of(e));
    for (uint32_t copy = 0; copy < e->copies; copy++) {
        if (store && each)
            print_each_store(e, a, copy);
        else if (store)
            print_store(e, a, copy);
        else if (each)
            print_each_load(e, a, copy);
        else
            print_load(e, a, copy);
    }
}
