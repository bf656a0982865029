/* Short forms: what importers and decompositions are written in. */
#include <string.h>

#include "graph/build_internal.h"
#include "passes/number.h"

/* -- Dims -------------------------------------------------------------------------------------------------------- */

static const tenonh_dim *checked(tenonh_builder *b, const tenonh_dim *dim) {
    if (!dim) tenon__build_failed(b, TENON_STATUS_INVALID, NULL);
    return dim;
}

const tenonh_dim *tenon__num(tenonh_builder *b, int64_t number) {
    return b->status == TENON_STATUS_OK ? checked(b, tenon__dim_number(&b->module->dims, number)) : NULL;
}

const tenonh_dim *tenon__dim2(tenonh_builder *b, uint32_t op, const tenonh_dim *x, const tenonh_dim *y) {
    if (b->status != TENON_STATUS_OK || !x || !y) return NULL;
    return checked(b, tenon__dim_combine(&b->module->dims, op, x, y));
}

const tenonh_dim *tenon__dim_product(tenonh_builder *b, const tenonh_dim *const *dims, uint32_t count) {
    const tenonh_dim *product = tenon__num(b, 1);
    for (uint32_t i = 0; i < count; i++) product = tenon__dim2(b, TENONH_DIM_MUL, product, dims[i]);
    return product;
}

/* -- Views ------------------------------------------------------------------------------------------------------- */

static tenonh_value *op1(tenonh_builder *b, tenon_op op, tenonh_value *x, const tenonh_attr *attrs, uint32_t count) {
    return tenonh_build_op(b, op, &x, 1, attrs, count);
}

tenonh_value *tenon__reshape(tenonh_builder *b, tenonh_value *x, uint32_t rank, const tenonh_dim *const *dims) {
    return op1(b, TENON_OP_RESHAPE, x, &TENON__ATTR_DIMS(DIMS, rank, dims), 1);
}

tenonh_value *tenon__permute(tenonh_builder *b, tenonh_value *x, const int64_t *perm) {
    return x ? op1(b, TENON_OP_PERMUTE, x, &TENON__ATTR_INTS(PERM, x->rank, perm), 1) : NULL;
}

tenonh_value *tenon__expand(tenonh_builder *b, tenonh_value *x, uint32_t rank, const tenonh_dim *const *dims) {
    return op1(b, TENON_OP_EXPAND, x, &TENON__ATTR_DIMS(DIMS, rank, dims), 1);
}

tenonh_value *tenon__expand_like(tenonh_builder *b, tenonh_value *x, const tenonh_value *like) {
    return like ? tenon__expand(b, x, like->rank, like->dims) : NULL;
}

tenonh_value *tenon__slice(tenonh_builder *b, tenonh_value *x, const tenonh_dim *const *starts, const int64_t *steps,
                           const tenonh_dim *const *dims) {
    if (!x) return NULL;
    int64_t ones[TENON_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    static_assert(TENON_MAX_RANK == 8, "one step an axis");
    const tenonh_attr attrs[] = {TENON__ATTR_DIMS(STARTS, x->rank, starts),
                                 TENON__ATTR_INTS(STEPS, x->rank, steps ? steps : ones),
                                 TENON__ATTR_DIMS(DIMS, x->rank, dims)};
    return op1(b, TENON_OP_SLICE, x, attrs, 3);
}

tenonh_value *tenon__slice_axis(tenonh_builder *b, tenonh_value *x, uint32_t axis, const tenonh_dim *start,
                                const tenonh_dim *count) {
    if (!x) return NULL;
    const tenonh_dim *starts[TENON_MAX_RANK], *dims[TENON_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++) {
        starts[i] = i == axis ? start : tenon__num(b, 0);
        dims[i] = i == axis ? count : x->dims[i];
    }
    return tenon__slice(b, x, starts, NULL, dims);
}

tenonh_value *tenon__window(tenonh_builder *b, tenonh_value *x, uint32_t count, const int64_t *axes,
                            const int64_t *sizes, const int64_t *steps, const int64_t *dilations) {
    const tenonh_attr attrs[] = {TENON__ATTR_INTS(AXES, count, axes), TENON__ATTR_INTS(SIZES, count, sizes),
                                 TENON__ATTR_INTS(STEPS, count, steps), TENON__ATTR_INTS(DILATIONS, count, dilations)};
    return op1(b, TENON_OP_WINDOW, x, attrs, 4);
}

tenonh_value *tenon__unsqueeze(tenonh_builder *b, tenonh_value *x, uint32_t axis) {
    const tenonh_dim *dims[TENON_MAX_RANK + 1];
    if (!x || b->status != TENON_STATUS_OK) return NULL;
    for (uint32_t i = 0; i <= x->rank; i++) dims[i] = i == axis ? tenon__num(b, 1) : x->dims[i < axis ? i : i - 1];
    return tenon__reshape(b, x, x->rank + 1, dims);
}

tenonh_value *tenon__squeeze(tenonh_builder *b, tenonh_value *x, uint32_t axis) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    if (!x || b->status != TENON_STATUS_OK) return NULL;
    if (axis >= x->rank)
        return tenon__build_fail(b, TENON_STATUS_INVALID, "%s has no axis %u", tenon__type_text(x), axis);
    for (uint32_t i = 0; i + 1 < x->rank; i++) dims[i] = x->dims[i < axis ? i : i + 1];
    return tenon__reshape(b, x, x->rank - 1, dims);
}

/* -- Data -------------------------------------------------------------------------------------------------------- */

tenonh_value *tenon__fill(tenonh_builder *b, tenon_dtype dtype, uint64_t bits, uint32_t rank,
                          const tenonh_dim *const *dims) {
    int64_t scalar = (int64_t)bits;
    const tenonh_attr attrs[] = {TENON__ATTR_INT(DTYPE, dtype), TENON__ATTR_INTS(SCALARS, 1, &scalar),
                                 TENON__ATTR_DIMS(DIMS, rank, dims)};
    return tenonh_build_op(b, TENON_OP_FILL, NULL, 0, attrs, 3);
}

tenonh_value *tenon__iota(tenonh_builder *b, tenon_dtype dtype, uint32_t axis, uint32_t rank,
                          const tenonh_dim *const *dims) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(DTYPE, dtype), TENON__ATTR_INT(AXIS, axis),
                                 TENON__ATTR_DIMS(DIMS, rank, dims)};
    return tenonh_build_op(b, TENON_OP_IOTA, NULL, 0, attrs, 3);
}

tenonh_value *tenon__pad(tenonh_builder *b, tenonh_value *x, uint64_t bits, const tenonh_dim *const *low,
                         const tenonh_dim *const *high) {
    if (!x) return NULL;
    int64_t scalar = (int64_t)bits;
    const tenonh_dim *dims[TENON_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++)
        dims[i] = tenon__dim2(b, TENONH_DIM_ADD, tenon__dim2(b, TENONH_DIM_ADD, low[i], x->dims[i]), high[i]);
    const tenonh_attr attrs[] = {TENON__ATTR_DIMS(LOW, x->rank, low), TENON__ATTR_INTS(SCALARS, 1, &scalar),
                                 TENON__ATTR_DIMS(DIMS, x->rank, dims)};
    return op1(b, TENON_OP_PAD, x, attrs, 3);
}

tenonh_value *tenon__cast(tenonh_builder *b, tenonh_value *x, tenon_dtype dtype) {
    if (x && x->dtype == dtype) return x;
    return op1(b, TENON_OP_CAST, x, &TENON__ATTR_INT(DTYPE, dtype), 1);
}

/* -- Element by element ------------------------------------------------------------------------------------------ */

tenonh_value *tenon__unary(tenonh_builder *b, tenon_op op, tenonh_value *x) {
    return op1(b, op, x, NULL, 0);
}

tenonh_value *tenon__binary(tenonh_builder *b, tenon_op op, tenonh_value *x, tenonh_value *y) {
    return tenonh_build_op(b, op, (tenonh_value *[]){x, y}, 2, NULL, 0);
}

tenonh_value *tenon__binary_number(tenonh_builder *b, tenon_op op, tenonh_value *x, double number, bool reversed) {
    if (!x) return NULL;
    tenonh_value *other = tenon__expand_like(b, tenonh_build_scalar(b, x->dtype, number), x);
    return reversed ? tenon__binary(b, op, other, x) : tenon__binary(b, op, x, other);
}

tenonh_value *tenon__where(tenonh_builder *b, tenonh_value *condition, tenonh_value *x, tenonh_value *y) {
    return tenonh_build_op(b, TENON_OP_WHERE, (tenonh_value *[]){condition, x, y}, 3, NULL, 0);
}

/* -- Reductions and the rest ---------------------------------------------------------------------------------------- */

static bool has_axis(uint32_t count, const int64_t *axes, uint32_t axis) {
    for (uint32_t i = 0; i < count; i++)
        if (axes[i] == axis) return true;
    return false;
}

tenonh_value *tenon__reduce(tenonh_builder *b, tenon_op op, tenonh_value *x, uint32_t count, const int64_t *axes,
                            bool keep) {
    tenonh_value *y = op1(b, op, x, &TENON__ATTR_INTS(AXES, count, axes), 1);
    if (!y || !keep) return y;
    const tenonh_dim *dims[TENON_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++) dims[i] = has_axis(count, axes, i) ? tenon__num(b, 1) : x->dims[i];
    return tenon__reshape(b, y, x->rank, dims);
}

tenonh_value *tenon__argmax(tenonh_builder *b, tenonh_value *x, uint32_t axis) {
    return op1(b, TENON_OP_ARGMAX, x, &TENON__ATTR_INT(AXIS, axis), 1);
}

tenonh_value *tenon__gather(tenonh_builder *b, tenonh_value *x, tenonh_value *indices, uint32_t axis) {
    return tenonh_build_op(b, TENON_OP_GATHER, (tenonh_value *[]){x, indices}, 2, &TENON__ATTR_INT(AXIS, axis), 1);
}

tenonh_value *tenon__scatter(tenonh_builder *b, tenonh_value *indices, tenonh_value *updates, tenonh_value *y,
                             uint32_t axis, uint32_t combine) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis), TENON__ATTR_INT(COMBINE, combine)};
    return tenonh_build_op(b, TENON_OP_SCATTER, (tenonh_value *[]){indices, updates, y}, 3, attrs, 2);
}

tenonh_value *tenon__matmul(tenonh_builder *b, tenonh_value *x, tenonh_value *y, tenon_dtype dtype,
                            tenon_dtype accumulator) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(DTYPE, dtype), TENON__ATTR_INT(ACCUMULATOR, accumulator)};
    return tenonh_build_op(b, TENON_OP_MATMUL, (tenonh_value *[]){x, y}, 2, attrs, 2);
}

tenonh_value *tenon__sort(tenonh_builder *b, tenonh_value *x, uint32_t axis, bool descending) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis), TENON__ATTR_INT(DESCENDING, descending)};
    return op1(b, TENON_OP_SORT, x, attrs, 2);
}

tenonh_value *tenon__concat(tenonh_builder *b, tenonh_value *const *parts, uint32_t count, uint32_t axis) {
    return tenon__compose(b, TENON__COMPOSITE_CONCAT, parts, count, &TENON__ATTR_INT(AXIS, axis), 1);
}

tenonh_value *tenon__broadcast(tenonh_builder *b, tenonh_value *x, tenonh_value *const *others, uint32_t count) {
    tenonh_value **all = tenon__arena_array(&b->module->arena, (size_t)count + 1, sizeof *all);
    if (!all) return tenon__build_failed(b, tenon__fail_memory(), NULL);
    all[0] = x;
    for (uint32_t i = 0; i < count; i++) all[i + 1] = others[i];
    return tenon__compose(b, TENON__COMPOSITE_BROADCAST, all, count + 1, NULL, 0);
}

tenonh_value *tenon__shape_of(tenonh_builder *b, tenonh_value *x) {
    return tenon__compose(b, TENON__COMPOSITE_SHAPE_OF, &x, 1, NULL, 0);
}
