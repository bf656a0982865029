/* The builder's values: constants, operators, casts, loads, stores. */
#include <string.h>

#include "kernel/kir_internal.h"

tenon__kir_id tenon__kir_const(tenon__kir_program *program, uint32_t dtype, uint64_t bits) {
    tenon__kir_node leaf = {.kind = TENON__KIR_CONST, .type = tenon__kir_scalar_type(dtype), .bits = bits};
    tenon__kir_type type;
    tenon__kir_error error;
    if (tenon__kir_infer(program, &leaf, &type, &error) != TENON_STATUS_OK) {
        tenon__kir_fail(program, TENON_STATUS_INVALID, "%s", error.text);
        return 0;
    }
    return tenon__kir_add_leaf(program, &leaf, 0);
}

tenon__kir_id tenon__kir_index(tenon__kir_program *program, int64_t value) {
    return tenon__kir_const(program, TENON__KIR_INDEX, (uint64_t)value);
}

tenon__kir_id tenon__kir_int(tenon__kir_program *program, uint32_t dtype, int64_t value) {
    if (tenon__kir_class(dtype) == TENON_CLASS_FLOAT) return tenon__kir_float(program, dtype, (double)value);
    if (tenon__kir_class(dtype) == TENON_CLASS_NONE) return tenon__kir_const(program, dtype, 0);
    return tenon__kir_const(program, dtype, tenon__kir_wrap(dtype, (uint64_t)value));
}

tenon__kir_id tenon__kir_float(tenon__kir_program *program, uint32_t dtype, double value) {
    uint64_t bits = 0;
    if (dtype == TENON_DTYPE_F32) {
        float narrow = (float)value;
        memcpy(&bits, &narrow, sizeof narrow);
    } else {
        memcpy(&bits, &value, sizeof value);
    }
    if (tenon__kir_class(dtype) == TENON_CLASS_FLOAT) return tenon__kir_const(program, dtype, bits);
    tenon__kir_fail(program, TENON_STATUS_INVALID, "a float constant of a dtype that is none");
    return 0;
}

/* Index arithmetic. */

static int64_t floor_div(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && a < 0);
}

bool tenon__kir_fold(tenon_op op, const int64_t *args, int64_t *out_value) {
    uint64_t a = (uint64_t)args[0], b = (uint64_t)args[1];
    switch (op) {
    case TENON_OP_NEG: *out_value = (int64_t)(0 - a); return true;
    case TENON_OP_ABS: *out_value = (int64_t)(args[0] < 0 ? 0 - a : a); return true;
    case TENON_OP_ADD: *out_value = (int64_t)(a + b); return true;
    case TENON_OP_SUB: *out_value = (int64_t)(a - b); return true;
    case TENON_OP_MUL: *out_value = (int64_t)(a * b); return true;
    case TENON_OP_DIV: *out_value = args[1] > 0 ? floor_div(args[0], args[1]) : 0; return args[1] > 0;
    case TENON_OP_REM:
        *out_value = args[1] > 0 ? (int64_t)(a - (uint64_t)floor_div(args[0], args[1]) * b) : 0;
        return args[1] > 0;
    case TENON_OP_MAX: *out_value = args[0] > args[1] ? args[0] : args[1]; return true;
    case TENON_OP_MIN: *out_value = args[0] < args[1] ? args[0] : args[1]; return true;
    case TENON_OP_LT: *out_value = args[0] < args[1]; return true;
    case TENON_OP_EQ: *out_value = args[0] == args[1]; return true;
    case TENON_OP_WHERE: *out_value = args[0] ? args[1] : args[2]; return true;
    default: return false;
    }
}

/* x + 0, x - 0, x * 1, x / 1, 1 * x, 0 + x are x; x * 0 and 0 * x are 0. Gives 0 when nothing applies. */
static tenon__kir_id fold_identity(const tenon__kir_program *program, tenon_op op, tenon__kir_id a, tenon__kir_id b) {
    int64_t value;
    if (tenon__kir_is_const(program, b, &value)) {
        if (value == 0 && (op == TENON_OP_ADD || op == TENON_OP_SUB)) return a;
        if (value == 1 && (op == TENON_OP_MUL || op == TENON_OP_DIV)) return a;
        if (value == 0 && op == TENON_OP_MUL) return b;
    }
    if (tenon__kir_is_const(program, a, &value)) {
        if (value == 0 && op == TENON_OP_ADD) return b;
        if (value == 1 && op == TENON_OP_MUL) return b;
        if (value == 0 && op == TENON_OP_MUL) return a;
    }
    return 0;
}

/* The constant that an operator on index constants is. */
static bool fold_constants(const tenon__kir_program *program, tenon_op op, const tenon__kir_id *args, uint32_t count,
                           int64_t *out_value) {
    int64_t values[3] = {0};
    for (uint32_t i = 0; i < count; i++)
        if (!tenon__kir_is_const(program, args[i], &values[i])) return false;
    return tenon__kir_fold(op, values, out_value);
}

static bool on_indices(const tenon__kir_program *program, const tenon__kir_id *args, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (program->nodes[args[i]].type.dtype != TENON__KIR_INDEX) return false;
    return true;
}

bool tenon__kir_folds(const tenon__kir_program *program, tenon_op op, const tenon__kir_id *args, uint32_t count) {
    int64_t value;
    return on_indices(program, args, count) && (fold_constants(program, op, args, count, &value) ||
                                                (count == 2 && fold_identity(program, op, args[0], args[1]) != 0));
}

/* Folds an operator on index operands; 0 when it stays. */
static tenon__kir_id fold_index(tenon__kir_program *program, tenon_op op, const tenon__kir_id *args, uint32_t count) {
    int64_t value;
    bool compares = op == TENON_OP_LT || op == TENON_OP_EQ;
    if (!on_indices(program, args, count)) return 0;
    if (fold_constants(program, op, args, count, &value))
        return tenon__kir_const(program, compares ? TENON_DTYPE_BOOL : TENON__KIR_INDEX, (uint64_t)value);
    return count == 2 ? fold_identity(program, op, args[0], args[1]) : 0;
}

tenon__kir_id tenon__kir_op(tenon__kir_program *program, tenon_op op, tenon__kir_id a, tenon__kir_id b,
                            tenon__kir_id c) {
    tenon__kir_id args[3] = {a, b, c};
    uint32_t arity = tenon__kir_op_arity(op);
    if (!tenon__kir_alive(program)) return 0;
    if (arity == 0 || arity > 3) {
        tenon__kir_fail(program, TENON_STATUS_INVALID, "operator %u is none of family MAP", op);
        return 0;
    }
    bool known = true;
    for (uint32_t i = 0; i < arity; i++) known = known && args[i] != 0 && args[i] < program->node_count;
    tenon__kir_id folded = known && op != TENON_OP_WHERE ? fold_index(program, op, args, arity) : 0;
    if (folded) return folded;
    return tenon__kir_add_node(program, (tenon__kir_node){.kind = TENON__KIR_OP, .op = (uint16_t)op}, args, arity);
}

tenon__kir_id tenon__kir_cast(tenon__kir_program *program, uint32_t dtype, tenon__kir_id value, uint32_t flags) {
    tenon__kir_node node = {
        .kind = TENON__KIR_CAST, .to = (uint16_t)dtype, .flags = (uint16_t)(flags & TENON__KIR_WRAP)};
    return tenon__kir_add_node(program, node, &value, 1);
}

tenon__kir_id tenon__kir_bitcast(tenon__kir_program *program, uint32_t dtype, tenon__kir_id value) {
    return tenon__kir_add_node(program, (tenon__kir_node){.kind = TENON__KIR_BITCAST, .to = (uint16_t)dtype}, &value,
                               1);
}

/* Memory. */

enum { ACCESS_ARGS = TENON_MAX_RANK + 2 };

/* Indices, then those of `more` that are not 0. False when there are too many. */
static bool gather_args(tenon__kir_program *program, const tenon__kir_id *index, uint32_t rank,
                        const tenon__kir_id more[2], tenon__kir_id args[ACCESS_ARGS], uint32_t *out_count) {
    if (rank > TENON_MAX_RANK) {
        tenon__kir_fail(program, TENON_STATUS_INVALID, "%u indices, %d is the most", rank, TENON_MAX_RANK);
        return false;
    }
    uint32_t count = 0;
    for (; count < rank; count++) args[count] = index[count];
    for (uint32_t i = 0; i < 2; i++)
        if (more[i]) args[count++] = more[i];
    *out_count = count;
    return true;
}

static tenon__kir_id add_access(tenon__kir_program *program, tenon__kir_node node, const tenon__kir_id *index,
                                uint32_t rank, tenon__kir_id first, tenon__kir_id second) {
    tenon__kir_id args[ACCESS_ARGS], more[2] = {first, second};
    uint32_t count;
    if (!tenon__kir_alive(program) || !gather_args(program, index, rank, more, args, &count)) return 0;
    return tenon__kir_add_node(program, node, args, count);
}

tenon__kir_id tenon__kir_load(tenon__kir_program *program, uint32_t operand, const tenon__kir_id *index,
                              uint32_t rank) {
    return add_access(program, (tenon__kir_node){.kind = TENON__KIR_LOAD, .ref = operand}, index, rank, 0, 0);
}

tenon__kir_id tenon__kir_load_if(tenon__kir_program *program, uint32_t operand, const tenon__kir_id *index,
                                 uint32_t rank, tenon__kir_id condition, tenon__kir_id otherwise) {
    tenon__kir_node node = {.kind = TENON__KIR_LOAD, .ref = operand, .flags = TENON__KIR_GUARDED};
    return add_access(program, node, index, rank, condition, otherwise);
}

tenon__kir_id tenon__kir_elem(tenon__kir_program *program, tenon__kir_id tile, const tenon__kir_id *index,
                              uint32_t rank) {
    tenon__kir_id args[TENON__KIR_MAX_TILE_RANK + 1] = {tile};
    if (rank > TENON__KIR_MAX_TILE_RANK) {
        tenon__kir_fail(program, TENON_STATUS_INVALID, "%u indices, a tile has at most %d", rank,
                        TENON__KIR_MAX_TILE_RANK);
        return 0;
    }
    for (uint32_t i = 0; i < rank; i++) args[i + 1] = index[i];
    return tenon__kir_add_node(program, (tenon__kir_node){.kind = TENON__KIR_ELEM}, args, rank + 1);
}

void tenon__kir_store(tenon__kir_program *program, uint32_t operand, const tenon__kir_id *index, uint32_t rank,
                      tenon__kir_id value) {
    tenon__kir_store_as(program, operand, index, rank, value, TENON_COMBINE_SET, 0, 0);
}

void tenon__kir_store_as(tenon__kir_program *program, uint32_t operand, const tenon__kir_id *index, uint32_t rank,
                         tenon__kir_id value, uint32_t combine, uint32_t flags, tenon__kir_id condition) {
    tenon__kir_node node = {.kind = TENON__KIR_STORE, .ref = operand, .op = (uint16_t)combine};
    node.flags = (uint16_t)((flags & TENON__KIR_ANY_ORDER) | (condition ? TENON__KIR_GUARDED : 0u));
    add_access(program, node, index, rank, value, condition);
}
