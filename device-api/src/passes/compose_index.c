/* Composites that address elements: all come down to gather and scatter along one axis, by linear indices. */
#include "passes/compose.h"
#include "passes/eval.h"
#include "passes/fold.h"

tenonh_value *tenon__dim_of(tenonh_builder *b, tenonh_value *x, uint32_t axis) {
    return x ? tenon__dim_value(b, x->dims[axis]) : NULL;
}

/* Constant indices are looked at: most of them need no wrapping. */
static bool known_not_negative(const tenonh_value *indices) {
    tenon__arena scratch = {0};
    tenon__tensor tensor;
    bool negative =
        !tenon__is_constant(indices) || tenon__constant_tensor(&scratch, indices, &tensor) != TENON_STATUS_OK;
    tenon__walk at = {0};
    if (!negative && tenon__tensor_elements(&tensor)) {
        do {
            negative = tenon__get(&tensor, at.index).i < 0;
        } while (!negative && tenon__walk_next(&tensor, &at));
    }
    tenon__arena_free(&scratch);
    return !negative;
}

static tenonh_value *wrapped_at(tenonh_builder *b, tenonh_value *indices, tenonh_value *length) {
    if (!indices || !length) return NULL;
    if (known_not_negative(indices)) return indices;
    tenonh_value *moved = add(b, indices, tenon__expand_like(b, tenon__cast(b, length, indices->dtype), indices));
    return tenon__where(b, below(b, indices, 0), moved, indices);
}

tenonh_value *tenon__wrapped(tenonh_builder *b, tenonh_value *indices, tenonh_value *x, uint32_t axis) {
    return wrapped_at(b, indices, tenon__dim_of(b, x, axis));
}

static uint32_t axis_of(const tenonh_node *node) {
    return (uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0);
}

TENON__DECOMPOSITION(take) {
    tenonh_value *x = node->operands[0];
    out[0] = tenon__gather(b, x, tenon__wrapped(b, node->operands[1], x, axis_of(node)), axis_of(node));
}

/* index * (product of the dims of x in [first, last)), i64. */
static tenonh_value *times_dims(tenonh_builder *b, tenonh_value *index, tenonh_value *x, uint32_t first,
                                uint32_t last) {
    for (uint32_t i = first; i < last && index; i++) {
        if (tenon__dim_is(x->dims[i], 1)) continue;
        index = mul(b, index, tenon__expand_like(b, tenon__dim_of(b, x, i), index));
    }
    return index;
}

static tenonh_value *plus(tenonh_builder *b, tenonh_value *sum, tenonh_value *term) {
    return sum ? add(b, sum, term) : term;
}

static tenonh_value *flat(tenonh_builder *b, tenonh_value *x) {
    const tenonh_dim *all = tenon__dim_product(b, x->dims, x->rank);
    return tenon__reshape(b, x, 1, &all);
}

/* Where each element of `indices` points in the flattened x: its own place, but for `axis`. */
static tenonh_value *element_places(tenonh_builder *b, tenonh_value *indices, tenonh_value *x, uint32_t axis) {
    tenonh_value *sum = NULL;
    for (uint32_t i = 0; i < x->rank; i++) {
        tenonh_value *index = i == axis ? tenon__cast(b, tenon__wrapped(b, indices, x, axis), TENON_DTYPE_I64)
                                        : tenon__iota(b, TENON_DTYPE_I64, i, indices->rank, indices->dims);
        sum = plus(b, sum, times_dims(b, index, x, i + 1, x->rank));
    }
    return sum;
}

TENON__DECOMPOSITION(gather_elements) {
    tenonh_value *x = node->operands[0];
    out[0] = tenon__gather(b, flat(b, x), element_places(b, node->operands[1], x, axis_of(node)), 0);
}

TENON__DECOMPOSITION(scatter_elements) {
    tenonh_value *x = node->operands[0], *places = element_places(b, node->operands[1], x, axis_of(node));
    uint32_t combine = (uint32_t)tenon__node_int(node, TENON_ATTR_COMBINE, TENON_COMBINE_SET);
    tenonh_value *y = tenon__scatter(b, places, node->operands[2], flat(b, x), 0, combine);
    out[0] = tenon__reshape(b, y, x->rank, x->dims);
}

/* Part `part` of the last axis of the indices: [..., depth] -> [...]. */
static tenonh_value *index_part(tenonh_builder *b, tenonh_value *indices, uint32_t part) {
    uint32_t last = indices->rank - 1;
    tenonh_value *slice = tenon__slice_axis(b, indices, last, tenon__num(b, part), tenon__num(b, 1));
    return tenon__cast(b, tenon__squeeze(b, slice, last), TENON_DTYPE_I64);
}

/* Places [...] in x with its first common + depth axes made one. */
static tenonh_value *nd_places(tenonh_builder *b, tenonh_value *indices, tenonh_value *x, uint32_t common) {
    uint32_t depth = (uint32_t)indices->dims[indices->rank - 1]->number, end = common + depth;
    tenonh_value *sum = NULL;
    for (uint32_t i = 0; i < end; i++) {
        tenonh_value *index = i < common ? tenon__iota(b, TENON_DTYPE_I64, i, indices->rank - 1, indices->dims)
                                         : tenon__wrapped(b, index_part(b, indices, i - common), x, i);
        sum = plus(b, sum, times_dims(b, index, x, i + 1, end));
    }
    return sum;
}

static tenonh_value *leading_joined(tenonh_builder *b, tenonh_value *x, uint32_t count) {
    const tenonh_dim *dims[TENON_MAX_RANK + 1] = {tenon__dim_product(b, x->dims, count)};
    for (uint32_t i = count; i < x->rank; i++) dims[i - count + 1] = x->dims[i];
    return tenon__reshape(b, x, x->rank - count + 1, dims);
}

TENON__DECOMPOSITION(gather_nd) {
    tenonh_value *x = node->operands[0], *indices = node->operands[1];
    uint32_t common = axis_of(node), depth = (uint32_t)indices->dims[indices->rank - 1]->number;
    out[0] = tenon__gather(b, leading_joined(b, x, common + depth), nd_places(b, indices, x, common), 0);
}

TENON__DECOMPOSITION(scatter_nd) {
    tenonh_value *x = node->operands[0], *indices = node->operands[1];
    int64_t depth = 0;
    bool known = indices->rank > 0 && tenonh_dim_is_number(indices->dims[indices->rank - 1], &depth);
    if (!known || depth < 1 || depth > x->rank) {
        tenon__build_fail(b, TENON_STATUS_INVALID, "indices are %s for %s", tenon__type_text(indices),
                          tenon__type_text(x));
        return;
    }
    uint32_t combine = (uint32_t)tenon__node_int(node, TENON_ATTR_COMBINE, TENON_COMBINE_SET);
    tenonh_value *y = tenon__scatter(b, nd_places(b, indices, x, 0), node->operands[2],
                                     leading_joined(b, x, (uint32_t)depth), 0, combine);
    out[0] = tenon__reshape(b, y, x->rank, x->dims);
}

/* -- Masks ---------------------------------------------------------------------------------------------------------- */

TENON__DECOMPOSITION(one_hot) {
    tenonh_value *indices = node->operands[0], *values = node->operands[2];
    const tenonh_value *y = node->results[0];
    uint32_t axis = axis_of(node);
    tenonh_value *places = tenon__iota(b, indices->dtype, axis, y->rank, y->dims);
    tenonh_value *hot = equal(b, places, tenon__expand_like(b, tenon__unsqueeze(b, indices, axis), y));
    tenonh_value *off = tenon__slice_axis(b, values, 0, tenon__num(b, 0), tenon__num(b, 1));
    tenonh_value *on = tenon__slice_axis(b, values, 0, tenon__num(b, 1), tenon__num(b, 1));
    out[0] = tenon__where(b, hot, tenon__expand_like(b, on, y), tenon__expand_like(b, off, y));
}

TENON__DECOMPOSITION(trilu) {
    tenonh_value *x = node->operands[0], *k = tenon__operand(node, 1);
    if (x->rank < 2 || (k && (k->rank != 0 || k->dtype != TENON_DTYPE_I64))) {
        tenon__build_fail(b, TENON_STATUS_INVALID, "x is %s, k is %s", tenon__type_text(x),
                          k ? tenon__type_text(k) : "0");
        return;
    }
    const tenonh_dim *const *dims = x->dims + x->rank - 2;
    tenonh_value *i = tenon__iota(b, TENON_DTYPE_I64, 0, 2, dims), *j = tenon__iota(b, TENON_DTYPE_I64, 1, 2, dims);
    tenonh_value *diagonal = sub(b, j, i);
    if (!diagonal) return;
    tenonh_value *bound = k ? tenon__expand_like(b, k, diagonal) : number_like(b, diagonal, 0);
    bool upper = tenon__node_int(node, TENON_ATTR_MODE, 0) == 1;
    tenonh_value *kept = tenon__compose(b, upper ? TENON__COMPOSITE_GE : TENON__COMPOSITE_LE,
                                        (tenonh_value *[]){diagonal, bound}, 2, NULL, 0);
    out[0] = tenon__where(b, tenon__expand_like(b, kept, x), x, number_like(b, x, 0));
}

/* -- Quantisation --------------------------------------------------------------------------------------------------- */

/* A scale or zero point: one for all, or a vector along `axis`. */
static tenonh_value *spread_scale(tenonh_builder *b, const tenonh_node *node, tenonh_value *scale,
                                  const tenonh_value *x) {
    if (!scale || !x) return NULL; /* the builder has failed already */
    if (scale->rank == 0) return tenon__expand_like(b, scale, x);
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    if (scale->rank != 1 || axis < 0 || axis >= x->rank)
        return tenon__build_fail(b, TENON_STATUS_INVALID, "a scale of %s along axis %lld of %s",
                                 tenon__type_text(scale), (long long)axis, tenon__type_text(x));
    return tenon__along(b, scale, (uint32_t)axis, x);
}

TENON__DECOMPOSITION(quantize) {
    tenonh_value *x = tenon__wide(b, node->operands[0]), *scale = tenon__wide(b, node->operands[1]);
    tenonh_value *zero = tenon__operand(node, 2);
    if (!x) return;
    tenonh_value *y = tenon__unary(b, TENON_OP_RINT, over(b, x, spread_scale(b, node, scale, x)));
    if (zero) y = add(b, y, spread_scale(b, node, tenon__cast(b, zero, x->dtype), x));
    out[0] = tenon__cast(b, y, node->results[0]->dtype);
}

/* The difference is taken in i32, where it is exact. */
TENON__DECOMPOSITION(dequantize) {
    tenonh_value *x = node->operands[0], *scale = tenon__wide(b, node->operands[1]), *zero = tenon__operand(node, 2);
    if (!scale) return;
    if (zero) {
        x = tenon__cast(b, x, TENON_DTYPE_I32);
        x = sub(b, x, spread_scale(b, node, tenon__cast(b, zero, TENON_DTYPE_I32), x));
    }
    tenonh_value *y = tenon__cast(b, x, scale->dtype);
    out[0] = tenon__cast(b, mul(b, y, spread_scale(b, node, scale, y)), node->results[0]->dtype);
}
