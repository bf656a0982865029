/* Vector expressions: what varies in a region, one text per copy. Bools are masks, lanes of 0 or -1, as wide as the
 * comparison they come from; a user of another width converts. */
#include "kernel/emit.h"

#include <tenon/helpers.h>

#include <stdio.h>

static uint32_t lanes_of(const tenon__emitter *e) {
    return e->region->lanes;
}

static uint32_t dtype_of(const tenon__emitter *e, tenon__kir_id id) {
    return tenon__kir_at(e->program, id)->type.dtype;
}

static bool is_real(uint32_t dtype) {
    return tenon_dtype_class(dtype) == TENON_CLASS_FLOAT;
}

/* -- Masks -------------------------------------------------------------------------------------------------------- */

static void put_mask_operation(tenon__emitter *e, tenon__kir_id id, uint32_t copy);

static void put_own_mask(tenon__emitter *e, tenon__kir_id id, uint32_t copy) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    uint8_t flags = e->plan->node[id];
    if (node->kind == TENON__KIR_CARRY || node->kind == TENON__KIR_RESULT || node->kind == TENON__KIR_PARAM)
        tenon__put_vector(e, id, copy);
    else if (flags & TENON__NODE_SINGLE && !(flags & TENON__NODE_LANEWISE))
        put_mask_operation(e, id, copy);
    else
        tenon__put(e, "v%u_%u", id, copy);
}

void tenon__put_mask(tenon__emitter *e, tenon__kir_id id, uint32_t copy, uint32_t bytes) {
    uint32_t own = e->plan->mask_bytes[id];
    tenon__need_section(e, TENON__PRELUDE_VECTOR, lanes_of(e));
    if (!tenon__is_vector(e, id)) {
        tenon__put(e, "tn_splat_i%ux%u(-", 8 * bytes, lanes_of(e));
        tenon__put_value(e, id, TENON__SCALAR);
        tenon__put(e, ")");
    } else if (own == bytes) {
        put_own_mask(e, id, copy);
    } else {
        tenon__put(e, "TN_TO(tn_i%ux%u, ", 8 * bytes, lanes_of(e));
        put_own_mask(e, id, copy);
        tenon__put(e, ")");
    }
}

static void put_mask_pair(tenon__emitter *e, const tenon__kir_node *node, uint32_t copy, uint32_t bytes,
                          const char *begin, const char *between) {
    tenon__put(e, "%s", begin);
    tenon__put_mask(e, tenon__kir_arg(e->program, node, 0), copy, bytes);
    tenon__put(e, "%s", between);
    tenon__put_mask(e, tenon__kir_arg(e->program, node, 1), copy, bytes);
    tenon__put(e, ")");
}

static void put_mask_where(tenon__emitter *e, const tenon__kir_node *node, uint32_t copy, uint32_t bytes) {
    static const char *const before[] = {"((", " & ", ") | (~", " & "};
    static const uint32_t arg[] = {0, 1, 0, 2};
    for (uint32_t i = 0; i < 4; i++) {
        tenon__put(e, "%s", before[i]);
        tenon__put_mask(e, tenon__kir_arg(e->program, node, arg[i]), copy, bytes);
    }
    tenon__put(e, "))");
}

/* An operator whose operands are bools. */
static void put_logic(tenon__emitter *e, const tenon__kir_node *node, uint32_t copy, uint32_t bytes) {
    switch (node->op) {
    case TENON_OP_AND:
    case TENON_OP_MIN: put_mask_pair(e, node, copy, bytes, "(", " & "); break;
    case TENON_OP_OR:
    case TENON_OP_MAX: put_mask_pair(e, node, copy, bytes, "(", " | "); break;
    case TENON_OP_XOR: put_mask_pair(e, node, copy, bytes, "(", " ^ "); break;
    case TENON_OP_LT: put_mask_pair(e, node, copy, bytes, "(~", " & "); break;
    case TENON_OP_EQ: put_mask_pair(e, node, copy, bytes, "(~(", " ^ "), tenon__put(e, ")"); break;
    default: put_mask_where(e, node, copy, bytes); break;
    }
}

static void put_comparison(tenon__emitter *e, tenon__kir_id a, const char *sign, tenon__kir_id b, uint32_t copy) {
    tenon__put(e, "(");
    tenon__put_vector(e, a, copy);
    tenon__put(e, " %s ", sign);
    if (b)
        tenon__put_vector(e, b, copy);
    else
        tenon__put(e, "tn_splat_%sx%u(0)", tenon__type_name(dtype_of(e, a)), lanes_of(e));
    tenon__put(e, ")");
}

static void put_mask_operation(tenon__emitter *e, tenon__kir_id id, uint32_t copy) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    tenon__kir_id a = tenon__kir_arg(e->program, node, 0);
    if (dtype_of(e, a) == TENON_DTYPE_BOOL && node->kind == TENON__KIR_CAST)
        tenon__put_mask(e, a, copy, e->plan->mask_bytes[id]);
    else if (dtype_of(e, a) == TENON_DTYPE_BOOL)
        put_logic(e, node, copy, e->plan->mask_bytes[id]);
    else if (node->kind == TENON__KIR_CAST)
        put_comparison(e, a, "!=", 0, copy);
    else
        put_comparison(e, a, node->op == TENON_OP_LT ? "<" : "==", tenon__kir_arg(e->program, node, 1), copy);
}

/* -- Numbers ------------------------------------------------------------------------------------------------------ */

static const char *sign_of(uint32_t op, uint32_t dtype) {
    switch (op) {
    case TENON_OP_ADD: return is_real(dtype) ? "+" : NULL;
    case TENON_OP_SUB: return is_real(dtype) ? "-" : NULL;
    case TENON_OP_MUL: return is_real(dtype) ? "*" : NULL;
    case TENON_OP_DIV: return is_real(dtype) ? "/" : NULL;
    case TENON_OP_AND: return "&";
    case TENON_OP_OR: return "|";
    case TENON_OP_XOR: return "^";
    default: return NULL;
    }
}

static uint32_t section_of(uint32_t dtype) {
    if (dtype == TENON_DTYPE_F32) return TENON__PRELUDE_F32;
    return dtype == TENON_DTYPE_F64 ? TENON__PRELUDE_F64 : TENON__PRELUDE_INTEGER;
}

static void put_select(tenon__emitter *e, const tenon__kir_node *node, uint32_t copy) {
    uint32_t dtype = node->type.dtype;
    tenon__call(e, TENON__PRELUDE_VECTOR, "select", dtype, lanes_of(e));
    tenon__put_mask(e, tenon__kir_arg(e->program, node, 0), copy, tenon__bytes_of(dtype));
    for (uint32_t i = 1; i < 3; i++) {
        tenon__put(e, ", ");
        tenon__put_vector(e, tenon__kir_arg(e->program, node, i), copy);
    }
    tenon__put(e, ")");
}

/* Division of indices rounds down, that of numbers does not. */
static bool floors(const tenon__kir_node *node) {
    return node->type.dtype == TENON__KIR_INDEX && (node->op == TENON_OP_DIV || node->op == TENON_OP_REM);
}

static void put_function(tenon__emitter *e, const tenon__kir_node *node, uint32_t copy) {
    const char *name = tenon__kir_op_name(node->op);
    if (floors(node)) {
        tenon__need_access(e, TENON_DTYPE_I64, lanes_of(e));
        tenon__put(e, "tn_index_%sx%u(", name, lanes_of(e));
    } else {
        tenon__call(e, section_of(node->type.dtype), name, node->type.dtype, lanes_of(e));
    }
    for (uint32_t i = 0; i < node->arg_count; i++) {
        if (i) tenon__put(e, ", ");
        tenon__put_vector(e, tenon__kir_arg(e->program, node, i), copy);
    }
    tenon__put(e, ")");
}

static void put_op(tenon__emitter *e, const tenon__kir_node *node, uint32_t copy) {
    const char *sign = sign_of(node->op, node->type.dtype);
    if (node->op == TENON_OP_WHERE) {
        put_select(e, node, copy);
    } else if (!sign) {
        put_function(e, node, copy);
    } else {
        tenon__put(e, "(");
        tenon__put_vector(e, tenon__kir_arg(e->program, node, 0), copy);
        tenon__put(e, " %s ", sign);
        tenon__put_vector(e, tenon__kir_arg(e->program, node, 1), copy);
        tenon__put(e, ")");
    }
}

/* -- Casts -------------------------------------------------------------------------------------------------------- */

static bool is_narrow_real(uint32_t dtype) {
    return dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16;
}

static void put_call_of(tenon__emitter *e, const char *verb, uint32_t from, uint32_t to, tenon__kir_id arg,
                        uint32_t copy) {
    char name[32];
    snprintf(name, sizeof name, "%s_%s", verb, tenon__type_name(from));
    tenon__call(e, TENON__PRELUDE_CONVERT, name, to, lanes_of(e));
    tenon__put_vector(e, arg, copy);
    tenon__put(e, ")");
}

static void put_truth_as_number(tenon__emitter *e, uint32_t dtype, tenon__kir_id arg, uint32_t copy) {
    const char *type = tenon__type_name(dtype);
    tenon__call(e, TENON__PRELUDE_VECTOR, "select", dtype, lanes_of(e));
    tenon__put_mask(e, arg, copy, tenon__bytes_of(dtype));
    tenon__put(e, ", tn_splat_%sx%u(1), tn_splat_%sx%u(0))", type, lanes_of(e), type, lanes_of(e));
}

static void put_cast_to_nibble(tenon__emitter *e, const tenon__kir_node *node, uint32_t from, tenon__kir_id arg,
                               uint32_t copy) {
    bool signed_ = node->to == TENON_DTYPE_I4, saturates = is_real(from) && !(node->flags & TENON__KIR_WRAP);
    uint32_t wide = signed_ ? TENON_DTYPE_I8 : TENON_DTYPE_U8;
    tenon__need_access(e, TENON_DTYPE_I8, lanes_of(e));
    tenon__put(e, "tn_%s_%sx%u(", saturates ? "clamp" : "low", signed_ ? "i4" : "u4", lanes_of(e));
    if (is_real(from)) {
        put_call_of(e, saturates ? "cast" : "wrap", from, wide, arg, copy);
    } else {
        tenon__put(e, "TN_TO(tn_%sx%u, ", tenon__type_name(wide), lanes_of(e));
        tenon__put_vector(e, arg, copy);
        tenon__put(e, ")");
    }
    tenon__put(e, ")");
}

static void put_cast(tenon__emitter *e, const tenon__kir_node *node, uint32_t copy) {
    tenon__kir_id arg = tenon__kir_arg(e->program, node, 0);
    uint32_t from = dtype_of(e, arg), to = node->to, lanes = lanes_of(e);
    if (from == TENON_DTYPE_BOOL) {
        put_truth_as_number(e, node->type.dtype, arg, copy);
    } else if (to == TENON_DTYPE_I4 || to == TENON_DTYPE_U4) {
        put_cast_to_nibble(e, node, from, arg, copy);
    } else if (is_narrow_real(to)) {
        char name[32];
        snprintf(name, sizeof name, "cast_%s", tenon__type_name(to));
        tenon__call(e, TENON__PRELUDE_CONVERT, name, TENON_DTYPE_F32, lanes);
        put_call_of(e, "cast", from, to, arg, copy);
        tenon__put(e, ")");
    } else if (is_real(from) && !is_real(to)) {
        put_call_of(e, node->flags & TENON__KIR_WRAP ? "wrap" : "cast", from, to, arg, copy);
    } else {
        tenon__put(e, "TN_TO(tn_%sx%u, ", tenon__type_name(to), lanes);
        tenon__put_vector(e, arg, copy);
        tenon__put(e, ")");
    }
}

static void put_bitcast(tenon__emitter *e, const tenon__kir_node *node, uint32_t copy) {
    tenon__put(e, "((tn_%sx%u)", tenon__type_name(node->type.dtype), lanes_of(e));
    tenon__put_vector(e, tenon__kir_arg(e->program, node, 0), copy);
    tenon__put(e, ")");
}

void tenon__put_vector_operation(tenon__emitter *e, tenon__kir_id id, uint32_t copy) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    tenon__need_section(e, TENON__PRELUDE_VECTOR, lanes_of(e));
    if (node->type.dtype == TENON_DTYPE_BOOL)
        put_mask_operation(e, id, copy);
    else if (node->kind == TENON__KIR_CAST)
        put_cast(e, node, copy);
    else if (node->kind == TENON__KIR_BITCAST)
        put_bitcast(e, node, copy);
    else
        put_op(e, node, copy);
}

/* -- Names -------------------------------------------------------------------------------------------------------- */

static void put_spread(tenon__emitter *e, tenon__kir_id id) {
    tenon__put(e, "tn_splat_%sx%u(", tenon__type_name(dtype_of(e, id)), lanes_of(e));
    tenon__put_value(e, id, TENON__SCALAR);
    tenon__put(e, ")");
}

static void put_axis(tenon__emitter *e, tenon__kir_id id, uint32_t copy) {
    tenon__need_access(e, TENON_DTYPE_I64, lanes_of(e));
    tenon__put(e, "tn_lanes_i64x%u(", lanes_of(e));
    tenon__put_value(e, id, (tenon__place){TENON__AT_FIRST, copy});
    tenon__put(e, ")");
}

/* The first part of a merge of copies is copy 0, the second the one that is being merged into it. */
static void put_param(tenon__emitter *e, const tenon__kir_node *node) {
    const tenon__kir_loop *loop = &e->program->loops[node->loop];
    tenon__put(e, "c%u_%u", loop->carry[node->ref / 2], node->ref % 2 ? e->merge_copy : 0);
}

void tenon__put_vector(tenon__emitter *e, tenon__kir_id id, uint32_t copy) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    uint8_t flags = e->plan->node[id];
    tenon__need_section(e, TENON__PRELUDE_VECTOR, lanes_of(e));
    if (!tenon__is_vector(e, id)) {
        put_spread(e, id);
        return;
    }
    switch (node->kind) {
    case TENON__KIR_AXIS: put_axis(e, id, copy); return;
    case TENON__KIR_PARAM: put_param(e, node); return;
    case TENON__KIR_CARRY:
    case TENON__KIR_RESULT: tenon__put(e, "c%u_%u", e->program->loops[node->loop].carry[node->ref], copy); return;
    default: break;
    }
    if (flags & TENON__NODE_SINGLE && !(flags & TENON__NODE_LANEWISE))
        tenon__put_vector_operation(e, id, copy);
    else
        tenon__put(e, "v%u_%u", id, copy);
}

void tenon__put_any_vector(tenon__emitter *e, tenon__kir_id id, uint32_t copy, uint32_t mask_bytes) {
    if (dtype_of(e, id) == TENON_DTYPE_BOOL)
        tenon__put_mask(e, id, copy, mask_bytes);
    else
        tenon__put_vector(e, id, copy);
}

void tenon__put_vector_type(tenon__emitter *e, tenon__kir_id id) {
    tenon__need_section(e, TENON__PRELUDE_VECTOR, lanes_of(e));
    if (dtype_of(e, id) == TENON_DTYPE_BOOL)
        tenon__put(e, "tn_i%ux%u", 8 * e->plan->mask_bytes[id], lanes_of(e));
    else
        tenon__put(e, "tn_%sx%u", tenon__type_name(dtype_of(e, id)), lanes_of(e));
}

void tenon__begin_combine(tenon__emitter *e, tenon_op op, uint32_t dtype, uint32_t lanes) {
    bool truth = dtype == TENON_DTYPE_BOOL;
    if (truth || sign_of(op, dtype))
        tenon__put(e, "(");
    else
        tenon__call(e, section_of(dtype), tenon__kir_op_name(op), dtype, lanes);
}

const char *tenon__between_combined(tenon_op op, uint32_t dtype) {
    static const char *const infix[] = {[TENON_OP_ADD] = " + ",
                                        [TENON_OP_MUL] = " * ",
                                        [TENON_OP_AND] = " & ",
                                        [TENON_OP_OR] = " | ",
                                        [TENON_OP_XOR] = " ^ "};
    if (dtype == TENON_DTYPE_BOOL && op == TENON_OP_MAX) return " | ";
    if (dtype == TENON_DTYPE_BOOL && op == TENON_OP_MIN) return " & ";
    return dtype == TENON_DTYPE_BOOL || sign_of(op, dtype) ? infix[op] : ", ";
}
