/* Dims as values: what a shape says is computed where it is used as data. */
#include "graph/build_internal.h"
#include "passes/compose.h"

/* A symbol's value: as many ones as it says, none of them stored, added up. */
static tenonh_value *symbol_value(tenonh_builder *b, const tenonh_dim *symbol) {
    tenonh_value *ones = tenon__expand(b, tenon__build_bits(b, TENON_DTYPE_I64, 1), 1, &symbol);
    return tenon__reduce(b, TENON_OP_SUM, ones, 1, (const int64_t[]){0}, false);
}

static tenonh_value *remainder_value(tenonh_builder *b, tenonh_value *x, tenonh_value *y) {
    tenonh_value *pair[] = {x, y};
    return x && y ? tenon__compose(b, TENON__COMPOSITE_MOD, pair, 2, NULL, 0) : NULL;
}

static tenonh_value *atom_value(tenonh_builder *b, const tenonh_dim *dim) {
    tenonh_value *x = tenon__dim_value(b, dim->operands[0]), *y = tenon__dim_value(b, dim->operands[1]);
    bool negative = dim->operands[0]->low < 0 || dim->operands[1]->low < 0;
    switch (dim->kind) {
    case TENON__DIM_DIV: return over(b, negative ? sub(b, x, remainder_value(b, x, y)) : x, y); /* down, not to 0 */
    case TENON__DIM_MOD: return remainder_value(b, x, y);
    case TENON__DIM_MAX: return tenon__binary(b, TENON_OP_MAX, x, y);
    case TENON__DIM_MIN: return tenon__binary(b, TENON_OP_MIN, x, y);
    default: return x && y ? tenon__where(b, equal(b, x, number_like(b, x, 1)), y, x) : NULL;
    }
}

static tenonh_value *value_of(tenonh_builder *b, const tenonh_dim *dim) {
    if (dim->kind == TENON__DIM_NUMBER) return tenon__build_bits(b, TENON_DTYPE_I64, (uint64_t)dim->number);
    if (dim->kind == TENON__DIM_SYMBOL) return symbol_value(b, dim);
    if (dim->kind != TENON__DIM_SUM && dim->kind != TENON__DIM_PRODUCT) return atom_value(b, dim);
    tenon_op op = dim->kind == TENON__DIM_SUM ? TENON_OP_ADD : TENON_OP_MUL;
    bool neutral = dim->number == (dim->kind == TENON__DIM_PRODUCT);
    tenonh_value *value = neutral ? NULL : tenon__build_bits(b, TENON_DTYPE_I64, (uint64_t)dim->number);
    for (uint32_t i = 0; i < dim->count; i++) {
        tenonh_value *operand = tenon__dim_value(b, dim->operands[i]);
        value = value ? tenon__binary(b, op, value, operand) : operand;
    }
    return value;
}

tenonh_value *tenon__dim_value(tenonh_builder *b, const tenonh_dim *dim) {
    dim = tenon__dim_resolve(&b->module->dims, dim);
    if (!dim) return tenon__build_failed(b, TENON_STATUS_INVALID, NULL);
    tenonh_value *value = value_of(b, dim);
    if (!value || value->content) return value;
    const tenonh_dim **content = tenon__arena_array(&b->module->arena, 1, sizeof *content);
    if (!content) return tenon__build_failed(b, tenon__fail_memory(), NULL);
    content[0] = dim;
    value->content = content;
    return value;
}

TENON__DECOMPOSITION(shape_of) {
    const tenonh_value *x = node->operands[0];
    tenonh_value *parts[TENON_MAX_RANK];
    const tenonh_dim *one = tenon__num(b, 1);
    for (uint32_t i = 0; i < x->rank; i++) {
        tenonh_value *dim = tenon__dim_value(b, x->dims[i]);
        parts[i] = dim ? tenon__reshape(b, dim, 1, &one) : NULL;
        if (!parts[i]) return;
    }
    out[0] = x->rank ? tenon__concat(b, parts, x->rank, 0) : tenon__build_ints(b, NULL, 0);
}
