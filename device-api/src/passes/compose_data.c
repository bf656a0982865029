/* Composites whose dims the elements of tensors decide, rewritten so that only a few integers do: the tensors stay on
 * their device, and whoever runs the module reads the integers. */
#include "passes/compose.h"
#include "passes/fold.h"
#include "passes/rebuild.h"

static tenonh_value *iota_like(tenonh_builder *b, const tenonh_value *x) {
    return x ? tenon__iota(b, TENON_DTYPE_I64, 0, x->rank, x->dims) : NULL;
}

/* Elements 0 ... count - 1 of a vector; `count` is i64[]. */
static tenonh_value *first_of(tenonh_builder *b, tenonh_value *x, tenonh_value *count) {
    static const int64_t zero = 0;
    tenonh_value *inputs[] = {x, tenon__build_ints(b, &zero, 1), count ? tenon__unsqueeze(b, count, 0) : NULL};
    return tenon__compose(b, TENON__COMPOSITE_SLICE_TO, inputs, 3, NULL, 0);
}

/* Positions of the elements that are not 0, in order, in a vector of as many as there may be; and how many there are.
 * Each goes to the place that the elements up to it count; the others add 0 somewhere. */
static tenonh_value *positions_of(tenonh_builder *b, tenonh_value *x, tenonh_value **out_count) {
    static const int64_t axis = 0;
    const tenonh_dim *length = tenon__dim_product(b, x->dims, x->rank);
    tenonh_value *flat = tenon__reshape(b, x, 1, &length);
    tenonh_value *ones = tenon__cast(b, tenon__cast(b, flat, TENON_DTYPE_BOOL), TENON_DTYPE_I64);
    tenonh_value *running =
        tenon__compose(b, TENON__COMPOSITE_CUMSUM, &ones, 1, (tenonh_attr[]){TENON__ATTR_INTS(AXIS, 1, &axis)}, 1);
    tenonh_value *place = max_number(b, add_number(b, running, -1), 0);
    tenonh_value *updates = mul(b, ones, iota_like(b, ones));
    *out_count = tenon__reduce(b, TENON_OP_SUM, ones, 1, &axis, false);
    tenonh_value *none = ones ? tenon__fill(b, TENON_DTYPE_I64, 0, 1, &length) : NULL;
    return tenon__scatter(b, place, updates, none, 0, TENON_COMBINE_ADD);
}

/* Indices along each axis of positions in row-major order: i64[rank, count]. */
static tenonh_value *indices_of(tenonh_builder *b, tenonh_value *x, tenonh_value *positions) {
    tenonh_value *rows[TENON_MAX_RANK];
    if (!positions) return NULL;
    for (uint32_t axis = x->rank; axis-- > 0;) {
        tenonh_value *dim = tenon__expand_like(b, tenon__dim_of(b, x, axis), positions);
        rows[axis] = tenon__unsqueeze(b, tenon__binary(b, TENON_OP_REM, positions, dim), 0);
        positions = over(b, positions, dim);
    }
    if (x->rank) return tenon__concat(b, rows, x->rank, 0);
    return tenon__slice_axis(b, tenon__unsqueeze(b, positions, 0), 0, tenon__num(b, 0), tenon__num(b, 0));
}

static bool non_zero(tenonh_builder *b, tenonh_value *const *operands, tenonh_value **out) {
    tenonh_value *count;
    if (tenon__is_constant(operands[0])) return false;
    tenonh_value *positions = positions_of(b, operands[0], &count);
    out[0] = indices_of(b, operands[0], first_of(b, positions, count));
    return true;
}

static tenonh_value *like(tenonh_builder *b, tenonh_value *scalar, const tenonh_value *x) {
    return x ? tenon__expand_like(b, scalar, x) : NULL;
}

/* A range over floats is one over integers, whose length is computed: ceil((limit - start) / delta). */
static bool float_range(tenonh_builder *b, tenonh_value *const *operands, tenonh_value **out) {
    tenonh_value *start = operands[0], *delta = operands[2];
    bool known = tenon__is_constant(start) && tenon__is_constant(operands[1]) && tenon__is_constant(delta);
    if (known || tenon_dtype_class(start->dtype) != TENON_CLASS_FLOAT) return false;
    tenonh_value *way = over(b, sub(b, operands[1], start), delta);
    tenonh_value *count = tenon__compose(b, TENON__COMPOSITE_CEIL, &way, 1, NULL, 0);
    tenonh_value *inputs[] = {tenonh_build_scalar(b, TENON_DTYPE_I64, 0), tenon__cast(b, count, TENON_DTYPE_I64),
                              tenonh_build_scalar(b, TENON_DTYPE_I64, 1)};
    tenonh_value *steps = tenon__compose(b, TENON__COMPOSITE_RANGE, inputs, 3, NULL, 0);
    steps = tenon__cast(b, steps, start->dtype);
    out[0] = add(b, mul(b, steps, like(b, delta, steps)), like(b, start, steps));
    return true;
}

/* A pad whose value is only known when it runs: zeros, and a mask that says where. */
static bool pad(tenonh_builder *b, const tenonh_node *node, tenonh_value *const *operands, uint32_t count,
                tenonh_value **out) {
    const tenonh_attr mode = TENON__ATTR_INT(MODE, 0);
    tenonh_value *value = count > 2 ? operands[2] : NULL, *axes = count > 3 ? operands[3] : NULL;
    if (!value || tenon__is_constant(value) || tenon__node_int(node, TENON_ATTR_MODE, 0) != 0) return false;
    tenonh_value *inside = tenon__fill(b, TENON_DTYPE_BOOL, 1, operands[0]->rank, operands[0]->dims);
    tenonh_value *x[] = {operands[0], operands[1], NULL, axes}, *mask[] = {inside, operands[1], NULL, axes};
    tenonh_value *padded = tenon__compose(b, TENON__COMPOSITE_PAD_TO, x, 4, &mode, 1);
    out[0] =
        tenon__where(b, tenon__compose(b, TENON__COMPOSITE_PAD_TO, mask, 4, &mode, 1), padded, like(b, value, padded));
    return true;
}

bool tenon__compose_data(tenonh_builder *b, const tenonh_node *node, tenonh_value *const *operands,
                         tenonh_value **out_results) {
    if (!node->composite) return false;
    switch (node->composite->number) {
    case TENON__COMPOSITE_NON_ZERO: return non_zero(b, operands, out_results);
    case TENON__COMPOSITE_RANGE: return float_range(b, operands, out_results);
    case TENON__COMPOSITE_PAD_TO: return pad(b, node, operands, node->operand_count, out_results);
    default: return false;
    }
}
