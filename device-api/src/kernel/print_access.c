/* Loads, stores and tile elements: addresses, conditions, checks of loaded indices, intervals of lanes. */
#include "kernel/emit.h"

#include <tenon/helpers.h>

#include <inttypes.h>
#include <stdio.h>

tenon__access tenon__access_of(tenon__emitter *e, tenon__kir_id id) {
    tenon__access a = {.id = id, .node = tenon__kir_at(e->program, id)};
    a.rank = tenon__access_rank(e->plan, id, &a.first);
    a.guard = tenon__access_guard(e->program, a.node);
    a.other = tenon__access_else(e->program, a.node);
    if (a.node->kind == TENON__KIR_ELEM) {
        a.dtype = a.node->type.dtype;
        tenon__kir_id tile = tenon__kir_arg(e->program, a.node, 0);
        const tenon__kir_node *node = tenon__kir_at(e->program, tile);
        if (node->kind != TENON__KIR_TILE) tile = e->program->loops[node->loop].carry[node->ref];
        snprintf(a.base, sizeof a.base, "a%" PRIu32, tile);
    } else {
        a.dtype = e->program->operands[a.node->ref].dtype;
        e->operand_used[a.node->ref] = 1;
        snprintf(a.base, sizeof a.base, "p%" PRIu32, a.node->ref);
    }
    return a;
}

tenon__kir_id tenon__access_index(const tenon__emitter *e, const tenon__access *a, uint32_t dim) {
    return tenon__kir_arg(e->program, a->node, a->first + dim);
}

static bool is_nibbles(const tenon__access *a) {
    return a->dtype == TENON_DTYPE_I4 || a->dtype == TENON_DTYPE_U4;
}

/* -- Addresses ---------------------------------------------------------------------------------------------------- */

static void put_tile_address(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    const tenon__kir_node *tile = tenon__kir_at(e->program, tenon__kir_arg(e->program, a->node, 0));
    for (uint32_t i = 0; i < a->rank; i++) {
        uint32_t stride = 1;
        for (uint32_t j = i + 1; j < a->rank; j++) stride *= tile->type.extents[j];
        tenon__put(e, i ? " + " : "");
        tenon__put_value(e, tenon__access_index(e, a, i), place);
        if (stride != 1) tenon__put(e, " * %" PRIu32, stride);
    }
}

/* Element number relative to the base. */
void tenon__put_address(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    bool some = false;
    if (a->node->kind == TENON__KIR_ELEM) {
        put_tile_address(e, a, place);
        return;
    }
    for (uint32_t i = 0; i < a->rank; i++) {
        tenon__kir_id stride = e->program->operands[a->node->ref].strides[i], index = tenon__access_index(e, a, i);
        int64_t number = 2, at = 1;
        tenon__kir_is_const(e->program, stride, &number);
        tenon__kir_is_const(e->program, index, &at);
        if (number == 0 || at == 0) continue;
        tenon__put(e, some ? " + " : "");
        some = true;
        tenon__put_value(e, index, place);
        if (number == 1) continue;
        tenon__put(e, " * ");
        tenon__put_value(e, stride, TENON__SCALAR);
    }
    if (!some) tenon__put(e, "0");
}

/* -- Conditions --------------------------------------------------------------------------------------------------- */

bool tenon__is_checked(const tenon__emitter *e, const tenon__access *a, uint32_t dim) {
    return a->node->kind != TENON__KIR_ELEM && !tenon__kir_dim_in_bounds(e->program, a->id, dim);
}

bool tenon__has_checks(const tenon__emitter *e, const tenon__access *a) {
    for (uint32_t i = 0; i < a->rank; i++)
        if (tenon__is_checked(e, a, i)) return true;
    return false;
}

void tenon__put_check(tenon__emitter *e, const tenon__access *a, uint32_t dim, tenon__place place) {
    tenon__put(e, "(tn_u64x1)(");
    tenon__put_value(e, tenon__access_index(e, a, dim), place);
    tenon__put(e, ") < (tn_u64x1)");
    tenon__put_value(e, e->program->operands[a->node->ref].dims[dim], TENON__SCALAR);
}

static void open_checks(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    const char *between = "";
    tenon__begin_line(e);
    tenon__put(e, "if (");
    for (uint32_t i = 0; i < a->rank; i++) {
        if (!tenon__is_checked(e, a, i)) continue;
        tenon__put(e, "%s", between);
        tenon__put_check(e, a, i, place);
        between = " && ";
    }
    tenon__end_line(e, ") {");
    e->depth++;
}

static void close_checks(tenon__emitter *e) {
    e->depth--;
    tenon__line(e, "} else {");
    e->depth++;
    tenon__line(e, "%s", e->language->fault);
    tenon__close(e);
}

static void open_guard(tenon__emitter *e, tenon__kir_id guard, tenon__place place) {
    tenon__begin_line(e);
    tenon__put(e, "if (");
    tenon__put_value(e, guard, place);
    tenon__end_line(e, ") {");
    e->depth++;
}

/* -- One element -------------------------------------------------------------------------------------------------- */

/* f16 and bf16 lie in memory as their bits. */
static bool is_narrow(uint32_t dtype) {
    return dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16;
}

void tenon__begin_widen(tenon__emitter *e, uint32_t dtype, uint32_t lanes) {
    char name[16];
    snprintf(name, sizeof name, "cast_%s", tenon__type_name(dtype));
    if (is_narrow(dtype)) tenon__call(e, TENON__PRELUDE_CONVERT, name, TENON_DTYPE_F32, lanes);
}

void tenon__begin_narrow(tenon__emitter *e, uint32_t dtype, uint32_t lanes) {
    if (is_narrow(dtype)) tenon__call(e, TENON__PRELUDE_CONVERT, "cast_f32", dtype, lanes);
}

void tenon__end_conversion(tenon__emitter *e, uint32_t dtype) {
    if (is_narrow(dtype)) tenon__put(e, ")");
}

static void put_element(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    tenon__begin_widen(e, a->dtype, 1);
    if (is_nibbles(a))
        tenon__put(e, "tn_nibble_%s(%s, ", tenon_dtype_name(a->dtype), a->base);
    else
        tenon__put(e, "%s[", a->base);
    tenon__put_address(e, a, place);
    tenon__put(e, is_nibbles(a) ? ")" : "]");
    tenon__end_conversion(e, a->dtype);
}

tenon_op tenon__op_of_combine(uint32_t combine) {
    static const tenon_op ops[] = {[TENON_COMBINE_ADD] = TENON_OP_ADD,
                                   [TENON_COMBINE_MUL] = TENON_OP_MUL,
                                   [TENON_COMBINE_MIN] = TENON_OP_MIN,
                                   [TENON_COMBINE_MAX] = TENON_OP_MAX};
    return ops[combine];
}

/* The new element: the value, or what was there combined with it. */
static void put_new_element(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    tenon__kir_id value = tenon__stored_value(e->program, a->node);
    uint32_t dtype = tenon__kir_at(e->program, value)->type.dtype;
    tenon__begin_narrow(e, a->dtype, 1);
    if (a->node->op) {
        tenon_op op = tenon__op_of_combine(a->node->op);
        tenon__begin_combine(e, op, dtype, 1);
        put_element(e, a, place);
        tenon__put(e, "%s", tenon__between_combined(op, dtype));
        tenon__put_value(e, value, place);
        tenon__put(e, ")");
    } else {
        tenon__put_value(e, value, place);
    }
    tenon__end_conversion(e, a->dtype);
}

static void print_element_store(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    tenon__begin_line(e);
    tenon__put(e, is_nibbles(a) ? "tn_set_nibble(%s, " : "%s[", a->base);
    tenon__put_address(e, a, place);
    tenon__put(e, is_nibbles(a) ? ", " : "] = ");
    put_new_element(e, a, place);
    tenon__end_line(e, is_nibbles(a) ? ");" : ";");
}

static void print_element_load(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    tenon__begin_line(e);
    if (place.kind == TENON__AT_LANE)
        tenon__put(e, "part[l] = ");
    else
        tenon__put(e, "t%" PRIu32 " = ", a->id);
    put_element(e, a, place);
    tenon__end_line(e, ";");
}

static void print_element(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    if (a->node->kind == TENON__KIR_STORE)
        print_element_store(e, a, place);
    else
        print_element_load(e, a, place);
}

void tenon__print_element(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    bool checked = tenon__has_checks(e, a);
    if (a->guard) open_guard(e, a->guard, place);
    if (checked) open_checks(e, a, place);
    print_element(e, a, place);
    if (checked) close_checks(e);
    if (a->guard) tenon__close(e);
}

static void put_other(tenon__emitter *e, const tenon__access *a, tenon__place place) {
    if (a->other)
        tenon__put_value(e, a->other, place);
    else
        tenon__put(e, "0");
}

static void print_scalar_access(tenon__emitter *e, const tenon__access *a) {
    if (a->node->kind != TENON__KIR_STORE) {
        bool plain = !a->guard && !tenon__has_checks(e, a);
        tenon__begin_line(e);
        tenon__put(e, "%stn_%sx1 t%" PRIu32 " = ", plain ? "const " : "", tenon__type_name(a->node->type.dtype), a->id);
        if (plain)
            put_element(e, a, TENON__SCALAR);
        else
            put_other(e, a, TENON__SCALAR);
        tenon__end_line(e, ";");
        if (plain) return;
    }
    tenon__print_element(e, a, TENON__SCALAR);
}

void tenon__print_access(tenon__emitter *e, tenon__kir_id id) {
    tenon__access a = tenon__access_of(e, id);
    bool store = a.node->kind == TENON__KIR_STORE;
    if (e->region && (tenon__varies(e->plan, id) || (store && e->plan->access[id])))
        tenon__print_lane_access(e, &a);
    else
        print_scalar_access(e, &a);
}
