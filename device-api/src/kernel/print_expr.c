/* Scalar expressions: constants, names, operators, casts. */
#include "kernel/emit.h"

#include <tenon/helpers.h>

#include <inttypes.h>
#include <stdio.h>

/* -- Constants ---------------------------------------------------------------------------------------------------- */

static void put_f32(tenon__emitter *e, uint32_t bits) {
    const char *sign = bits >> 31 ? "-" : "";
    uint32_t exponent = bits >> 23 & 0xff, fraction = (bits & 0x7fffff) << 1;
    if (exponent == 0xff)
        tenon__put(e, "tn__float32(0x%" PRIx32 "u)", bits);
    else if (!exponent && !fraction)
        tenon__put(e, "%s0.0f", sign);
    else if (!exponent)
        tenon__put(e, "%s0x0.%06" PRIx32 "p-126f", sign, fraction);
    else
        tenon__put(e, "%s0x1.%06" PRIx32 "p%df", sign, fraction, (int)exponent - 127);
}

static void put_f64(tenon__emitter *e, uint64_t bits) {
    const char *sign = bits >> 63 ? "-" : "";
    uint64_t exponent = bits >> 52 & 0x7ff, fraction = bits & UINT64_C(0xfffffffffffff);
    if (exponent == 0x7ff)
        tenon__put(e, "tn__float64(0x%" PRIx64 "ull)", bits);
    else if (!exponent && !fraction)
        tenon__put(e, "%s0.0", sign);
    else if (!exponent)
        tenon__put(e, "%s0x0.%013" PRIx64 "p-1022", sign, fraction);
    else
        tenon__put(e, "%s0x1.%013" PRIx64 "p%d", sign, fraction, (int)exponent - 1023);
}

static void put_signed(tenon__emitter *e, int64_t value) {
    if (value == INT64_MIN)
        tenon__put(e, "(-9223372036854775807 - 1)");
    else if (value == INT32_MIN)
        tenon__put(e, "(-2147483647 - 1)");
    else
        tenon__put(e, value < 0 ? "(%" PRId64 ")" : "%" PRId64, value);
}

void tenon__put_integer(tenon__emitter *e, uint32_t dtype, uint64_t bits) {
    switch (dtype) {
    case TENON_DTYPE_U64: tenon__put(e, "%" PRIu64 "ull", bits); break;
    case TENON_DTYPE_U32: tenon__put(e, "%" PRIu32 "u", (uint32_t)bits); break;
    case TENON_DTYPE_U16: tenon__put(e, "%u", (unsigned)(uint16_t)bits); break;
    case TENON_DTYPE_U8: tenon__put(e, "%u", (unsigned)(uint8_t)bits); break;
    case TENON_DTYPE_BOOL: tenon__put(e, "%u", (unsigned)(bits & 1)); break;
    default: put_signed(e, (int64_t)bits); break;
    }
}

static void put_constant(tenon__emitter *e, const tenon__kir_node *node) {
    switch (node->type.dtype) {
    case TENON_DTYPE_F32: put_f32(e, (uint32_t)node->bits); break;
    case TENON_DTYPE_F64: put_f64(e, node->bits); break;
    default: tenon__put_integer(e, node->type.dtype, node->bits); break;
    }
}

/* -- Operators ---------------------------------------------------------------------------------------------------- */

static void put_infix(tenon__emitter *e, const tenon__kir_node *node, const char *sign, tenon__place place) {
    tenon__put(e, "(");
    tenon__put_value(e, tenon__kir_arg(e->program, node, 0), place);
    tenon__put(e, " %s ", sign);
    tenon__put_value(e, tenon__kir_arg(e->program, node, 1), place);
    tenon__put(e, ")");
}

static void put_args(tenon__emitter *e, const tenon__kir_node *node, tenon__place place) {
    for (uint32_t i = 0; i < node->arg_count; i++) {
        if (i) tenon__put(e, ", ");
        tenon__put_value(e, tenon__kir_arg(e->program, node, i), place);
    }
    tenon__put(e, ")");
}

static void put_where(tenon__emitter *e, const tenon__kir_node *node, tenon__place place) {
    static const char *const between[] = {"(", " ? ", " : "};
    for (uint32_t i = 0; i < 3; i++) {
        tenon__put(e, "%s", between[i]);
        tenon__put_value(e, tenon__kir_arg(e->program, node, i), place);
    }
    tenon__put(e, ")");
}

/* C's sign of an operator on a class of dtypes, NULL where a function of the prelude says it. */
static const char *sign_of(uint32_t op, uint32_t class_) {
    bool real = class_ == TENON_CLASS_FLOAT, truth = class_ == TENON_CLASS_BOOL;
    switch (op) {
    case TENON_OP_ADD: return real ? "+" : NULL;
    case TENON_OP_SUB: return real ? "-" : NULL;
    case TENON_OP_MUL: return real ? "*" : NULL;
    case TENON_OP_DIV: return real ? "/" : NULL;
    case TENON_OP_LT: return "<";
    case TENON_OP_EQ: return "==";
    case TENON_OP_AND: return "&";
    case TENON_OP_OR: return "|";
    case TENON_OP_XOR: return "^";
    case TENON_OP_MAX: return truth ? "|" : NULL;
    case TENON_OP_MIN: return truth ? "&" : NULL;
    default: return NULL;
    }
}

static uint32_t section_of(uint32_t dtype) {
    if (dtype == TENON_DTYPE_F32) return TENON__PRELUDE_F32;
    return dtype == TENON_DTYPE_F64 ? TENON__PRELUDE_F64 : TENON__PRELUDE_INTEGER;
}

static bool is_bitwise(uint32_t op) {
    return op == TENON_OP_AND || op == TENON_OP_OR || op == TENON_OP_XOR;
}

static void put_op(tenon__emitter *e, const tenon__kir_node *node, tenon__place place) {
    uint32_t dtype = tenon__kir_at(e->program, tenon__kir_arg(e->program, node, 0))->type.dtype;
    const char *sign = sign_of(node->op, tenon_dtype_class(dtype));
    if (node->op == TENON_OP_WHERE) {
        put_where(e, node, place);
        return;
    }
    if (!sign) {
        tenon__call(e, section_of(dtype), tenon__kir_op_name(node->op), dtype, 1);
        put_args(e, node, place);
        return;
    }
    if (is_bitwise(node->op)) tenon__put(e, "(tn_%sx1)", tenon__type_name(dtype)); /* C computes in int */
    put_infix(e, node, sign, place);
}

/* -- Index operators ---------------------------------------------------------------------------------------------- */

/* The result, and so every way to it, is far from the ends of int64. */
static bool cannot_wrap(const tenon__emitter *e, const tenon__kir_node *node) {
    int64_t low, high;
    tenon__kir_range(e->program, (tenon__kir_id)(node - e->program->nodes), &low, &high);
    return low > INT64_MIN / 2 && high < INT64_MAX / 2;
}

static bool is_natural(const tenon__emitter *e, tenon__kir_id id) {
    int64_t low, high;
    tenon__kir_range(e->program, id, &low, &high);
    return low >= 0;
}

static const char *index_sign(const tenon__emitter *e, const tenon__kir_node *node) {
    switch (node->op) {
    case TENON_OP_ADD: return cannot_wrap(e, node) ? "+" : NULL;
    case TENON_OP_SUB: return cannot_wrap(e, node) ? "-" : NULL;
    case TENON_OP_MUL: return cannot_wrap(e, node) ? "*" : NULL;
    case TENON_OP_DIV: return is_natural(e, tenon__kir_arg(e->program, node, 0)) ? "/" : NULL;
    case TENON_OP_REM: return is_natural(e, tenon__kir_arg(e->program, node, 0)) ? "%" : NULL;
    case TENON_OP_LT: return "<";
    case TENON_OP_EQ: return "==";
    default: return NULL;
    }
}

static void put_index_op(tenon__emitter *e, const tenon__kir_node *node, tenon__place place) {
    const char *sign = index_sign(e, node);
    if (node->op == TENON_OP_WHERE) {
        put_where(e, node, place);
    } else if (sign) {
        put_infix(e, node, sign, place);
    } else {
        tenon__put(e, "tn_index_%s(", tenon__kir_op_name(node->op));
        put_args(e, node, place);
    }
}

/* -- Casts -------------------------------------------------------------------------------------------------------- */

static bool rounds_in_f32(uint32_t dtype) {
    return dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16;
}

static bool is_real(uint32_t dtype) {
    return tenon_dtype_class(dtype) == TENON_CLASS_FLOAT;
}

/* Keeps the low four bits of what `begin` ... "end" put between them. */
static const char *nibble_of(uint32_t dtype) {
    return dtype == TENON_DTYPE_I4 ? "tn_low_i4(" : "tn_low_u4(";
}

static void put_cast_to_nibble(tenon__emitter *e, const tenon__kir_node *node, uint32_t from, tenon__kir_id arg,
                               tenon__place place) {
    uint32_t wide = node->to == TENON_DTYPE_I4 ? TENON_DTYPE_I8 : TENON_DTYPE_U8;
    bool saturates = is_real(from) && !(node->flags & TENON__KIR_WRAP);
    char name[32];
    tenon__put(e, "%s", saturates ? node->to == TENON_DTYPE_I4 ? "tn_clamp_i4(" : "tn_clamp_u4(" : nibble_of(node->to));
    if (is_real(from)) {
        snprintf(name, sizeof name, "%s_%s", saturates ? "cast" : "wrap", tenon__type_name(from));
        tenon__call(e, TENON__PRELUDE_CONVERT, name, wide, 1);
    }
    tenon__put_value(e, arg, place);
    tenon__put(e, is_real(from) ? "))" : ")");
}

static void put_cast_of_real(tenon__emitter *e, const tenon__kir_node *node, uint32_t from, tenon__kir_id arg,
                             tenon__place place) {
    char name[32];
    snprintf(name, sizeof name, "%s_%s", node->flags & TENON__KIR_WRAP ? "wrap" : "cast", tenon__type_name(from));
    tenon__call(e, TENON__PRELUDE_CONVERT, name, node->to, 1);
    tenon__put_value(e, arg, place);
    tenon__put(e, ")");
}

static void put_cast(tenon__emitter *e, const tenon__kir_node *node, tenon__place place) {
    tenon__kir_id arg = tenon__kir_arg(e->program, node, 0);
    uint32_t from = tenon__kir_at(e->program, arg)->type.dtype;
    if (node->to == TENON_DTYPE_BOOL) {
        tenon__put(e, "(");
        tenon__put_value(e, arg, place);
        tenon__put(e, " != 0)");
    } else if (node->to == TENON_DTYPE_I4 || node->to == TENON_DTYPE_U4) {
        put_cast_to_nibble(e, node, from, arg, place);
    } else if (rounds_in_f32(node->to)) {
        char name[32];
        snprintf(name, sizeof name, "cast_%s", tenon__type_name(node->to));
        tenon__call(e, TENON__PRELUDE_CONVERT, name, TENON_DTYPE_F32, 1);
        put_cast_of_real(e, node, from, arg, place);
        tenon__put(e, ")");
    } else if (is_real(from) && !is_real(node->to)) {
        put_cast_of_real(e, node, from, arg, place);
    } else { /* C's conversion: nearest even to a float, the low bits to an integer */
        tenon__put(e, "(tn_%sx1)", tenon__type_name(node->to));
        tenon__put_value(e, arg, place);
    }
}

static void put_bitcast(tenon__emitter *e, const tenon__kir_node *node, tenon__place place) {
    tenon__kir_id arg = tenon__kir_arg(e->program, node, 0);
    uint32_t from = tenon__kir_at(e->program, arg)->type.dtype, to = node->type.dtype;
    if (from == to || (!is_real(from) && !is_real(to)))
        tenon__put(e, "(tn_%sx1)(", tenon__type_name(to));
    else if (is_real(to))
        tenon__put(e, "tn__float%u((tn_u%ux1)", tenon_dtype_bits(to), tenon_dtype_bits(to));
    else
        tenon__put(e, "(tn_%sx1)tn__bits%u(", tenon__type_name(to), tenon_dtype_bits(to));
    tenon__put_value(e, arg, place);
    tenon__put(e, ")");
}

void tenon__put_scalar_operation(tenon__emitter *e, const tenon__kir_node *node, tenon__place place) {
    if (node->kind == TENON__KIR_CAST)
        put_cast(e, node, place);
    else if (node->kind == TENON__KIR_BITCAST)
        put_bitcast(e, node, place);
    else if (tenon__kir_at(e->program, tenon__kir_arg(e->program, node, node->op == TENON_OP_WHERE))->type.dtype ==
             TENON__KIR_INDEX)
        put_index_op(e, node, place);
    else
        put_op(e, node, place);
}

/* -- Names -------------------------------------------------------------------------------------------------------- */

static const tenon__kir_loop *loop_of(const tenon__emitter *e, const tenon__kir_node *node) {
    return &e->program->loops[node->loop];
}

static void put_axis(tenon__emitter *e, tenon__kir_id id, tenon__place place) {
    bool moved = tenon__is_vector(e, id) && place.kind != TENON__AT_SCALAR;
    uint32_t skipped = moved ? place.copy * e->region->lanes : 0;
    if (moved && place.kind == TENON__AT_LANE)
        tenon__put(e, "(i%u + %u + l)", id, skipped);
    else
        tenon__put(e, skipped ? "(i%u + %u)" : "i%u", id, skipped);
}

static void put_carry(tenon__emitter *e, const tenon__kir_node *node, bool vector, tenon__place place) {
    uint32_t name = loop_of(e, node)->carry[node->ref];
    if (!vector)
        tenon__put(e, "%c%u", node->type.rank ? 'a' : 'c', name);
    else if (node->type.dtype == TENON_DTYPE_BOOL)
        tenon__put(e, "(c%u_%u[l] != 0)", name, place.copy);
    else
        tenon__put(e, "c%u_%u[l]", name, place.copy);
}

/* Lane 0 or `l` of a value that varies. */
static void put_lane_of(tenon__emitter *e, tenon__kir_id id, tenon__place place) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    uint8_t flags = e->plan->node[id];
    bool index = node->kind == TENON__KIR_OP && node->type.dtype == TENON__KIR_INDEX;
    if (index && flags & TENON__NODE_SINGLE)
        tenon__put_scalar_operation(e, node, place);
    else if (index && place.kind == TENON__AT_LANE)
        tenon__put(e, "l%u", id);
    else if (index)
        tenon__put(e, "t%u_%u", id, place.copy);
    else
        tenon__put(e, node->type.dtype == TENON_DTYPE_BOOL ? "(v%u_%u[l] != 0)" : "v%u_%u[l]", id, place.copy);
}

static void put_named(tenon__emitter *e, tenon__kir_id id, tenon__place place) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    e->used[id] = 1;
    if (tenon__is_vector(e, id) && place.kind != TENON__AT_SCALAR)
        put_lane_of(e, id, place);
    else if (e->plan->node[id] & TENON__NODE_SINGLE)
        tenon__put_scalar_operation(e, node, place);
    else
        tenon__put(e, "%c%u", node->type.rank ? 'a' : 't', id);
}

void tenon__put_value(tenon__emitter *e, tenon__kir_id id, tenon__place place) {
    const tenon__kir_node *node = tenon__kir_at(e->program, id);
    if (place.kind == TENON__AT_VECTOR) {
        tenon__put_vector(e, id, place.copy);
        return;
    }
    switch (node->kind) {
    case TENON__KIR_CONST: put_constant(e, node); break;
    case TENON__KIR_SYMBOL: e->used[id] = 1, tenon__put(e, "s%u", node->ref); break;
    case TENON__KIR_SCALAR: e->used[id] = 1, tenon__put(e, "h%u", node->ref); break;
    case TENON__KIR_AXIS: put_axis(e, id, place); break;
    case TENON__KIR_CARRY:
    case TENON__KIR_RESULT: put_carry(e, node, tenon__is_vector(e, id) && place.kind != TENON__AT_SCALAR, place); break;
    case TENON__KIR_PARAM:
        tenon__put(e, node->ref % 2 ? "m%u[l + w]" : "m%u[l]", loop_of(e, node)->carry[node->ref / 2]);
        break;
    default: put_named(e, id, place); break;
    }
}

static void put_term(tenon__emitter *e, const tenon__step_term *term) {
    if (term->factor != 1) {
        put_signed(e, term->factor);
        tenon__put(e, " * ");
    }
    tenon__put_value(e, term->a, TENON__SCALAR);
    if (!term->b) return;
    tenon__put(e, " * ");
    tenon__put_value(e, term->b, TENON__SCALAR);
}

void tenon__put_step(tenon__emitter *e, const tenon__step *step) {
    if (step->number || !step->count) put_signed(e, step->number);
    for (uint32_t i = 0; i < step->count; i++) {
        tenon__put(e, i || step->number ? " + " : "");
        put_term(e, &step->terms[i]);
    }
}
