/* Intervals of index values, equality of values, head values at a launch. */
#include <stdio.h>

#include "kernel/kir_internal.h"

/* Nodes one question may visit: values can share operands, so a walk over the tree could otherwise take forever. An
 * answer that would take more is "not known". */
enum { BUDGET = 1024 };

typedef struct interval {
    int64_t low, high;
} interval;

static const interval everything = {INT64_MIN, INT64_MAX};

static interval range_of(const tenon__kir_program *program, tenon__kir_id id, uint32_t *budget);

/* All values of a dtype that converts to index. */
static interval dtype_range(uint32_t dtype) {
    uint32_t bits = tenon__kir_bits(dtype), class_ = tenon__kir_class(dtype);
    if (class_ == TENON_CLASS_BOOL) return (interval){0, 1};
    if (bits == 0 || bits >= 64 || class_ == TENON_CLASS_FLOAT) return everything;
    if (class_ == TENON_CLASS_UINT) return (interval){0, (INT64_C(1) << bits) - 1};
    return (interval){-(INT64_C(1) << (bits - 1)), (INT64_C(1) << (bits - 1)) - 1};
}

static interval hull(const int64_t *values, uint32_t count) {
    interval out = {values[0], values[0]};
    for (uint32_t i = 1; i < count; i++) {
        if (values[i] < out.low) out.low = values[i];
        if (values[i] > out.high) out.high = values[i];
    }
    return out;
}

static interval sum_range(interval a, interval b) {
    interval out;
    bool wraps = __builtin_add_overflow(a.low, b.low, &out.low) || __builtin_add_overflow(a.high, b.high, &out.high);
    return wraps ? everything : out;
}

static interval neg_range(interval a) {
    if (a.low == INT64_MIN) return everything;
    return (interval){-a.high, -a.low};
}

static interval product_range(interval a, interval b) {
    int64_t corners[4];
    if (__builtin_mul_overflow(a.low, b.low, &corners[0]) || __builtin_mul_overflow(a.low, b.high, &corners[1]) ||
        __builtin_mul_overflow(a.high, b.low, &corners[2]) || __builtin_mul_overflow(a.high, b.high, &corners[3]))
        return everything;
    return hull(corners, 4);
}

static interval quotient_range(interval a, interval b) {
    if (b.low < 1) return everything;
    int64_t corners[4], pairs[4][2] = {{a.low, b.low}, {a.low, b.high}, {a.high, b.low}, {a.high, b.high}};
    for (uint32_t i = 0; i < 4; i++) tenon__kir_fold(TENON_OP_DIV, pairs[i], &corners[i]);
    return hull(corners, 4);
}

static interval remainder_range(interval a, interval b) {
    if (b.low < 1) return everything;
    if (a.low >= 0 && a.high < b.low) return a;
    return (interval){0, a.low >= 0 && a.high < b.high - 1 ? a.high : b.high - 1};
}

static interval pick(tenon_op op, interval a, interval b) {
    int64_t low[2] = {a.low, b.low}, high[2] = {a.high, b.high};
    interval out;
    tenon__kir_fold(op, low, &out.low);
    tenon__kir_fold(op, high, &out.high);
    return out;
}

static interval op_range(const tenon__kir_program *program, const tenon__kir_node *node, uint32_t *budget) {
    if (node->type.dtype != TENON__KIR_INDEX) return dtype_range(node->type.dtype);
    interval args[3] = {{0, 0}, {0, 0}, {0, 0}};
    for (uint32_t i = 0; i < node->arg_count && i < 3; i++)
        args[i] = range_of(program, tenon__kir_arg(program, node, i), budget);
    switch (node->op) {
    case TENON_OP_NEG: return neg_range(args[0]);
    case TENON_OP_ADD: return sum_range(args[0], args[1]);
    case TENON_OP_SUB: return args[1].low == INT64_MIN ? everything : sum_range(args[0], neg_range(args[1]));
    case TENON_OP_MUL: return product_range(args[0], args[1]);
    case TENON_OP_DIV: return quotient_range(args[0], args[1]);
    case TENON_OP_REM: return remainder_range(args[0], args[1]);
    case TENON_OP_MAX:
    case TENON_OP_MIN: return pick(node->op, args[0], args[1]);
    case TENON_OP_ABS:
        if (args[0].low == INT64_MIN) return everything;
        return args[0].low >= 0 ? args[0] : pick(TENON_OP_MAX, neg_range(args[0]), (interval){0, args[0].high});
    case TENON_OP_WHERE: {
        int64_t ends[4] = {args[1].low, args[1].high, args[2].low, args[2].high};
        return hull(ends, 4);
    }
    default: return everything;
    }
}

/* An axis runs only where its extent is at least 1. */
static interval axis_range(const tenon__kir_program *program, const tenon__kir_node *node, uint32_t *budget) {
    const tenon__kir_loop *loop = &program->loops[node->loop];
    interval extent = node->ref < loop->axis_count ? range_of(program, loop->extent[node->ref], budget) : everything;
    return (interval){0, extent.high > 1 ? extent.high - 1 : 0};
}

static interval range_of(const tenon__kir_program *program, tenon__kir_id id, uint32_t *budget) {
    const tenon__kir_node *node = &program->nodes[id];
    if (*budget == 0) return everything;
    (*budget)--;
    switch (node->kind) {
    case TENON__KIR_CONST: return (interval){(int64_t)node->bits, (int64_t)node->bits};
    case TENON__KIR_SYMBOL:
        return (interval){program->symbols[node->ref].range.min, program->symbols[node->ref].range.max};
    case TENON__KIR_AXIS: return axis_range(program, node, budget);
    case TENON__KIR_OP: return op_range(program, node, budget);
    case TENON__KIR_CAST: {
        if (node->to != TENON__KIR_INDEX || node->arg_count != 1) return dtype_range(node->to);
        tenon__kir_id value = program->args[node->first_arg];
        uint32_t dtype = program->nodes[value].type.dtype;
        return dtype == TENON__KIR_INDEX ? range_of(program, value, budget) : dtype_range(dtype);
    }
    case TENON__KIR_LOAD:
        return node->ref < program->operand_count && !(node->flags & TENON__KIR_GUARDED)
                   ? dtype_range(program->operands[node->ref].dtype)
                   : dtype_range(node->type.dtype);
    default: return dtype_range(node->type.dtype);
    }
}

void tenon__kir_range(const tenon__kir_program *program, tenon__kir_id id, int64_t *out_low, int64_t *out_high) {
    uint32_t budget = BUDGET;
    interval range = range_of(program, id, &budget);
    *out_low = range.low;
    *out_high = range.high;
}

/* Equality. */

static bool same(const tenon__kir_program *program, tenon__kir_id a, tenon__kir_id b, uint32_t *budget) {
    if (a == b) return true;
    const tenon__kir_node *x = &program->nodes[a], *y = &program->nodes[b];
    if (*budget == 0) return false;
    (*budget)--;
    if (x->kind != y->kind || !tenon__kir_type_equal(&x->type, &y->type)) return false;
    switch (x->kind) {
    case TENON__KIR_CONST: return x->bits == y->bits;
    case TENON__KIR_SYMBOL:
    case TENON__KIR_SCALAR: return x->ref == y->ref;
    case TENON__KIR_LOAD: /* of an input: others may have been stored to in between */
        if (program->operands[x->ref].role != TENON__KIR_IN) return false;
        break;
    case TENON__KIR_OP:
    case TENON__KIR_CAST:
    case TENON__KIR_BITCAST:
    case TENON__KIR_ELEM: break;
    default: return false;
    }
    if (x->op != y->op || x->to != y->to || x->flags != y->flags || x->ref != y->ref || x->arg_count != y->arg_count)
        return false;
    for (uint32_t i = 0; i < x->arg_count; i++)
        if (!same(program, tenon__kir_arg(program, x, i), tenon__kir_arg(program, y, i), budget)) return false;
    return true;
}

bool tenon__kir_same(const tenon__kir_program *program, tenon__kir_id a, tenon__kir_id b) {
    uint32_t budget = BUDGET;
    return same(program, a, b, &budget);
}

/* Launch time. */

int64_t tenon__kir_eval(const tenon__kir_program *program, tenon__kir_id id, const int64_t *symbols) {
    const tenon__kir_node *node = &program->nodes[id];
    if (node->kind == TENON__KIR_CONST) return (int64_t)node->bits;
    if (node->kind == TENON__KIR_SYMBOL) return symbols[node->ref];
    int64_t args[3] = {0}, value = 0;
    for (uint32_t i = 0; i < node->arg_count && i < 3; i++)
        args[i] = tenon__kir_eval(program, tenon__kir_arg(program, node, i), symbols);
    tenon__kir_fold(node->op, args, &value);
    return value;
}

tenon_status tenon__kir_items(const tenon__kir_program *program, uint32_t kernel, const int64_t *symbols,
                              int64_t *out_items) {
    const tenon__kir_loop *grid = &program->loops[program->kernels[kernel].loop];
    bool empty = false, wraps = false;
    int64_t items = 1;
    for (uint32_t i = 0; i < grid->axis_count; i++) {
        int64_t extent = tenon__kir_eval(program, grid->extent[i], symbols);
        empty = empty || extent <= 0;
        wraps = wraps || __builtin_mul_overflow(items, extent, &items);
    }
    *out_items = empty ? 0 : items;
    return !empty && wraps ? TENON_STATUS_INVALID : TENON_STATUS_OK;
}

/* Bytes of a row-major buffer, or false when they pass int64. A negative dim counts as 0. */
static bool buffer_bytes(const tenon__kir_program *program, const tenon__kir_operand *operand, const int64_t *symbols,
                         int64_t *out_bytes) {
    int64_t bits = tenon__kir_bits(operand->dtype);
    bool empty = false, wraps = false;
    for (uint32_t i = 0; i < operand->rank; i++) {
        int64_t dim = tenon__kir_eval(program, operand->dims[i], symbols);
        empty = empty || dim <= 0;
        wraps = wraps || __builtin_mul_overflow(bits, dim, &bits);
    }
    *out_bytes = empty ? 0 : bits / 8 + (bits % 8 != 0);
    return empty || !wraps;
}

tenon_status tenon__kir_workspace(const tenon__kir_program *program, const int64_t *symbols, uint64_t *offsets,
                                  uint64_t *out_bytes) {
    const uint64_t align = TENON__KIR_WORKSPACE_ALIGN, limit = INT64_MAX / 2;
    uint64_t at = 0;
    for (uint32_t i = 0; i < program->operand_count; i++) {
        const tenon__kir_operand *operand = &program->operands[i];
        int64_t bytes = 0;
        if (offsets) offsets[i] = 0;
        if (operand->role != TENON__KIR_WORKSPACE) continue;
        if (!buffer_bytes(program, operand, symbols, &bytes) || (uint64_t)bytes > limit - at)
            return TENON_STATUS_INVALID;
        if (offsets) offsets[i] = at;
        at = (at + (uint64_t)bytes + align - 1) / align * align;
        if (at > limit) return TENON_STATUS_INVALID;
    }
    *out_bytes = at;
    return TENON_STATUS_OK;
}

tenon_status tenon__kir_check_symbols(const tenon__kir_program *program, const int64_t *symbols,
                                      tenon__kir_error *error) {
    for (uint32_t i = 0; i < program->symbol_count; i++) {
        const tenon__kir_symbol *symbol = &program->symbols[i];
        if (symbols[i] < symbol->range.min || symbols[i] > symbol->range.max)
            return tenon__kir_invalid(error, "symbol '%s' is %lld, outside [%lld, %lld]", symbol->name,
                                      (long long)symbols[i], (long long)symbol->range.min,
                                      (long long)symbol->range.max);
        if (symbols[i] % symbol->range.divisor != 0)
            return tenon__kir_invalid(error, "symbol '%s' is %lld, no multiple of %lld", symbol->name,
                                      (long long)symbols[i], (long long)symbol->range.divisor);
    }
    return TENON_STATUS_OK;
}
