/* Decompositions of the composites, one function a row of composites.def, and the terms they are written in. */
#ifndef TENON_PASSES_COMPOSE_H
#define TENON_PASSES_COMPOSE_H

#include "graph/shapes.h"

#define TENON__DECOMPOSITION(name)                                                                                     \
    void tenon__decompose_##name(tenonh_builder *b, const tenonh_node *node, tenonh_value **out)

#define tenon__decompose_none NULL

TENON__DECOMPOSITION(relu);
TENON__DECOMPOSITION(leaky_relu);
TENON__DECOMPOSITION(elu);
TENON__DECOMPOSITION(celu);
TENON__DECOMPOSITION(selu);
TENON__DECOMPOSITION(thresholded_relu);
TENON__DECOMPOSITION(shrink);
TENON__DECOMPOSITION(sigmoid);
TENON__DECOMPOSITION(hard_sigmoid);
TENON__DECOMPOSITION(silu);
TENON__DECOMPOSITION(hard_swish);
TENON__DECOMPOSITION(gelu);
TENON__DECOMPOSITION(softplus);
TENON__DECOMPOSITION(softsign);
TENON__DECOMPOSITION(mish);
TENON__DECOMPOSITION(reciprocal);
TENON__DECOMPOSITION(sign);
TENON__DECOMPOSITION(ceil);
TENON__DECOMPOSITION(not );
TENON__DECOMPOSITION(tan);
TENON__DECOMPOSITION(sinh);
TENON__DECOMPOSITION(cosh);
TENON__DECOMPOSITION(asin);
TENON__DECOMPOSITION(acos);
TENON__DECOMPOSITION(atan);
TENON__DECOMPOSITION(asinh);
TENON__DECOMPOSITION(acosh);
TENON__DECOMPOSITION(atanh);
TENON__DECOMPOSITION(is_nan);
TENON__DECOMPOSITION(is_inf);
TENON__DECOMPOSITION(clip);
TENON__DECOMPOSITION(le);
TENON__DECOMPOSITION(gt);
TENON__DECOMPOSITION(ge);
TENON__DECOMPOSITION(ne);
TENON__DECOMPOSITION(mod);
TENON__DECOMPOSITION(prelu);
TENON__DECOMPOSITION(reduce_mean);
TENON__DECOMPOSITION(reduce_l1);
TENON__DECOMPOSITION(reduce_l2);
TENON__DECOMPOSITION(reduce_sum_square);
TENON__DECOMPOSITION(reduce_log_sum);
TENON__DECOMPOSITION(reduce_log_sum_exp);
TENON__DECOMPOSITION(arg_max);
TENON__DECOMPOSITION(arg_min);
TENON__DECOMPOSITION(softmax);
TENON__DECOMPOSITION(log_softmax);
TENON__DECOMPOSITION(hardmax);
TENON__DECOMPOSITION(topk);
TENON__DECOMPOSITION(cumsum);
TENON__DECOMPOSITION(layer_norm);
TENON__DECOMPOSITION(rms_norm);
TENON__DECOMPOSITION(batch_norm);
TENON__DECOMPOSITION(instance_norm);
TENON__DECOMPOSITION(group_norm);
TENON__DECOMPOSITION(lrn);
TENON__DECOMPOSITION(lp_norm);
TENON__DECOMPOSITION(linear);
TENON__DECOMPOSITION(gemm);
TENON__DECOMPOSITION(attention);
TENON__DECOMPOSITION(conv);
TENON__DECOMPOSITION(conv_transpose);
TENON__DECOMPOSITION(max_pool);
TENON__DECOMPOSITION(average_pool);
TENON__DECOMPOSITION(global_max_pool);
TENON__DECOMPOSITION(global_average_pool);
TENON__DECOMPOSITION(trilu);
TENON__DECOMPOSITION(gather_elements);
TENON__DECOMPOSITION(gather_nd);
TENON__DECOMPOSITION(scatter_elements);
TENON__DECOMPOSITION(scatter_nd);
TENON__DECOMPOSITION(take);
TENON__DECOMPOSITION(quantize);
TENON__DECOMPOSITION(dequantize);
TENON__DECOMPOSITION(shape_of);
TENON__DECOMPOSITION(broadcast);
TENON__DECOMPOSITION(reshape_to);
TENON__DECOMPOSITION(expand_to);
TENON__DECOMPOSITION(tile);
TENON__DECOMPOSITION(slice_to);
TENON__DECOMPOSITION(pad_to);
TENON__DECOMPOSITION(range);
TENON__DECOMPOSITION(one_hot);
TENON__DECOMPOSITION(non_zero);

/* x in the dtype to compute in: f32 for f16 and bf16. Absent operands stay absent. */
tenonh_value *tenon__wide(tenonh_builder *b, tenonh_value *x);

/* A vector along axis `axis` of `like`, repeated along the others. */
tenonh_value *tenon__along(tenonh_builder *b, tenonh_value *vector, uint32_t axis, const tenonh_value *like);

/* Product of the dims as a number. Errors: UNSUPPORTED for symbols. */
tenon_status tenon__count(tenonh_builder *b, const tenonh_dim *const *dims, uint32_t count, int64_t *out_count);

/* Adds low and high elements of `bits` at the ends of each axis; where they are below 0, cuts. Errors: UNSUPPORTED for
 * symbols whose sign is not known. */
tenonh_value *tenon__fit(tenonh_builder *b, tenonh_value *x, uint64_t bits, const tenonh_dim *const *low,
                         const tenonh_dim *const *high);

/* The value of a dim as a scalar i64, a constant where it is a number. */
tenonh_value *tenon__dim_value(tenonh_builder *b, const tenonh_dim *dim);

/* Dim `axis` of x likewise. */
tenonh_value *tenon__dim_of(tenonh_builder *b, tenonh_value *x, uint32_t axis);

/* Indices with those below 0 counted from the end of axis `axis` of x. */
tenonh_value *tenon__wrapped(tenonh_builder *b, tenonh_value *indices, tenonh_value *x, uint32_t axis);

static inline tenonh_value *add(tenonh_builder *b, tenonh_value *x, tenonh_value *y) {
    return tenon__binary(b, TENON_OP_ADD, x, y);
}
static inline tenonh_value *sub(tenonh_builder *b, tenonh_value *x, tenonh_value *y) {
    return tenon__binary(b, TENON_OP_SUB, x, y);
}
static inline tenonh_value *mul(tenonh_builder *b, tenonh_value *x, tenonh_value *y) {
    return tenon__binary(b, TENON_OP_MUL, x, y);
}
static inline tenonh_value *over(tenonh_builder *b, tenonh_value *x, tenonh_value *y) {
    return tenon__binary(b, TENON_OP_DIV, x, y);
}
static inline tenonh_value *less(tenonh_builder *b, tenonh_value *x, tenonh_value *y) {
    return tenon__binary(b, TENON_OP_LT, x, y);
}
static inline tenonh_value *equal(tenonh_builder *b, tenonh_value *x, tenonh_value *y) {
    return tenon__binary(b, TENON_OP_EQ, x, y);
}
static inline tenonh_value *add_number(tenonh_builder *b, tenonh_value *x, double number) {
    return tenon__binary_number(b, TENON_OP_ADD, x, number, false);
}
static inline tenonh_value *mul_number(tenonh_builder *b, tenonh_value *x, double number) {
    return tenon__binary_number(b, TENON_OP_MUL, x, number, false);
}
static inline tenonh_value *max_number(tenonh_builder *b, tenonh_value *x, double number) {
    return tenon__binary_number(b, TENON_OP_MAX, x, number, false);
}
static inline tenonh_value *min_number(tenonh_builder *b, tenonh_value *x, double number) {
    return tenon__binary_number(b, TENON_OP_MIN, x, number, false);
}
/* x < number and x > number. */
static inline tenonh_value *below(tenonh_builder *b, tenonh_value *x, double number) {
    return tenon__binary_number(b, TENON_OP_LT, x, number, false);
}
static inline tenonh_value *above(tenonh_builder *b, tenonh_value *x, double number) {
    return tenon__binary_number(b, TENON_OP_LT, x, number, true);
}
static inline tenonh_value *number_over(tenonh_builder *b, double number, tenonh_value *x) {
    return tenon__binary_number(b, TENON_OP_DIV, x, number, true);
}
static inline tenonh_value *number_minus(tenonh_builder *b, double number, tenonh_value *x) {
    return tenon__binary_number(b, TENON_OP_SUB, x, number, true);
}
static inline tenonh_value *negative(tenonh_builder *b, tenonh_value *x) {
    return tenon__unary(b, TENON_OP_NEG, x);
}
static inline tenonh_value *root(tenonh_builder *b, tenonh_value *x) {
    return tenon__unary(b, TENON_OP_SQRT, x);
}
static inline tenonh_value *exponential(tenonh_builder *b, tenonh_value *x) {
    return tenon__unary(b, TENON_OP_EXP, x);
}
static inline tenonh_value *magnitude(tenonh_builder *b, tenonh_value *x) {
    return tenon__unary(b, TENON_OP_ABS, x);
}
/* The number, repeated to the dims and in the dtype of x. */
static inline tenonh_value *number_like(tenonh_builder *b, const tenonh_value *x, double number) {
    return x ? tenon__expand_like(b, tenonh_build_scalar(b, x->dtype, number), x) : NULL;
}

#endif
