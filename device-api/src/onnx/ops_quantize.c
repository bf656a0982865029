/* Quantisation: real = (number - zero point) * scale. */
#include "onnx/operators.h"
#include "onnx/tensor.h"

/* The axis that a scale lies along; 0 where it is a scalar. Scales of one element count as scalars. */
static int prepare_scale(const tenon__onnx_node *n, tenonh_value **scale, tenonh_value **zero, uint32_t *out_axis) {
    const tenonh_value *x = n->inputs[0];
    int64_t one = 0;
    if (tenon__onnx_int(n, "block_size", 0) || (*scale)->rank > 1) {
        tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "scales per block are not supported");
        return 0;
    }
    *out_axis = 0;
    if ((*scale)->rank == 1 && tenonh_dim_is_number((*scale)->dims[0], &one) && one == 1) {
        *scale = tenon__onnx_scalar(n, *scale);
        *zero = tenon__onnx_scalar(n, *zero);
    }
    if (*scale && (*scale)->rank == 1) *out_axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", 1), x->rank);
    return *scale != NULL;
}

/* The result's dtype: that of the zero point, of the attribute, or u8. */
static tenon_dtype quantized_dtype(const tenon__onnx_node *n, const tenonh_value *zero) {
    tenon_dtype dtype = TENON_DTYPE_U8;
    int64_t code = tenon__onnx_int(n, "output_dtype", 0);
    if (zero) return zero->dtype;
    if (code && tenon__onnx_dtype(code, "attribute 'output_dtype'", &dtype) != TENON_STATUS_OK)
        tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "%s", tenonh_error_message());
    return dtype;
}

tenonh_value *tenon__onnx_lower_quantize(tenon__onnx_node *n) {
    uint32_t axis;
    tenonh_value *inputs[] = {n->inputs[0], n->inputs[1], tenon__onnx_input(n, 2)};
    tenon_dtype dtype = quantized_dtype(n, inputs[2]);
    if (!prepare_scale(n, &inputs[1], &inputs[2], &axis)) return NULL;
    inputs[1] = tenon__cast(n->b, inputs[1], inputs[0]->dtype);
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis), TENON__ATTR_INT(DTYPE, dtype)};
    return tenon__compose(n->b, TENON__COMPOSITE_QUANTIZE, inputs, 3, attrs, 2);
}

tenonh_value *tenon__onnx_lower_dequantize(tenon__onnx_node *n) {
    uint32_t axis;
    tenonh_value *inputs[] = {n->inputs[0], n->inputs[1], tenon__onnx_input(n, 2)};
    if (!prepare_scale(n, &inputs[1], &inputs[2], &axis)) return NULL;
    return tenon__compose(n->b, TENON__COMPOSITE_DEQUANTIZE, inputs, 3, (tenonh_attr[]){TENON__ATTR_INT(AXIS, axis)},
                          1);
}

/* The smallest or largest element, with 0 among them. */
static tenonh_value *bound_of(const tenon__onnx_node *n, tenon_op over_all, tenon_op over_two) {
    static const int64_t axes[TENON_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    tenonh_value *x = n->inputs[0];
    return tenon__binary_number(n->b, over_two, tenon__reduce(n->b, over_all, x, x->rank, axes, false), 0, false);
}

/* scale = (max - min) / 255, zero = clip(rint(-min / scale)): as the operator's definition says, where a range of
 * nothing gives a scale of 0. */
tenonh_value *tenon__onnx_lower_dynamic_quantize(tenon__onnx_node *n) {
    tenonh_builder *b = n->b;
    tenonh_value *low = bound_of(n, TENON_OP_RMIN, TENON_OP_MIN), *high = bound_of(n, TENON_OP_RMAX, TENON_OP_MAX);
    tenonh_value *scale = tenon__binary_number(b, TENON_OP_DIV, tenon__binary(b, TENON_OP_SUB, high, low), 255, false);
    tenonh_value *zero =
        tenon__unary(b, TENON_OP_RINT, tenon__binary(b, TENON_OP_DIV, tenon__unary(b, TENON_OP_NEG, low), scale));
    zero = tenon__binary_number(b, TENON_OP_MIN, tenon__binary_number(b, TENON_OP_MAX, zero, 0, false), 255, false);
    zero = tenon__cast(b, zero, TENON_DTYPE_U8);
    if (n->output_count > 1) n->outputs[1] = scale;
    if (n->output_count > 2) n->outputs[2] = zero;
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, 0), TENON__ATTR_INT(DTYPE, TENON_DTYPE_U8)};
    return tenon__compose(b, TENON__COMPOSITE_QUANTIZE, (tenonh_value *[]){n->inputs[0], scale, zero}, 3, attrs, 2);
}

/* -- Integer arithmetic on quantised tensors ----------------------------------------------------------------------- */

/* A vector lies along `axis` of values of `rank` dims; scalars, and tensors of that rank, are what they are. */
static tenonh_value *laid_along(const tenon__onnx_node *n, tenonh_value *vector, uint32_t axis, uint32_t rank) {
    if (!vector || vector->rank != 1 || rank < 2) return vector;
    for (uint32_t d = 0; d < axis; d++) vector = tenon__unsqueeze(n->b, vector, 0);
    for (uint32_t d = axis + 1; d < rank; d++) vector = tenon__unsqueeze(n->b, vector, d);
    return vector;
}

tenonh_value *tenon__onnx_centred(const tenon__onnx_node *n, tenonh_value *x, tenonh_value *zero, uint32_t axis) {
    tenonh_value *wide = tenon__cast(n->b, x, TENON_DTYPE_I32);
    if (!wide || !zero) return wide;
    zero = laid_along(n, tenon__cast(n->b, zero, TENON_DTYPE_I32), axis, x->rank);
    return zero ? tenon__binary(n->b, TENON_OP_SUB, wide, tenon__expand_like(n->b, zero, wide)) : NULL;
}

tenonh_value *tenon__onnx_requantized(const tenon__onnx_node *n, tenonh_value *sum, const tenon__onnx_scale *x,
                                      const tenon__onnx_scale *w, tenonh_value *y_scale, tenonh_value *y_zero) {
    if (!sum || !y_scale || !y_zero) return NULL;
    const tenon__onnx_scale *factors[] = {x, w};
    tenonh_value *real = tenon__cast(n->b, sum, TENON_DTYPE_F32), *factor = NULL;
    for (uint32_t i = 0; i < 2; i++) {
        tenonh_value *scale =
            tenon__cast(n->b, laid_along(n, factors[i]->scale, factors[i]->axis, sum->rank), TENON_DTYPE_F32);
        scale = scale && real ? tenon__expand_like(n->b, scale, real) : NULL;
        factor = factor ? tenon__binary(n->b, TENON_OP_MUL, factor, scale) : scale;
    }
    y_scale = tenon__cast(n->b, tenon__onnx_scalar(n, y_scale), TENON_DTYPE_F32);
    tenonh_value *zero = tenon__cast(n->b, tenon__onnx_scalar(n, y_zero), TENON_DTYPE_F32);
    if (!factor || !y_scale || !zero) return NULL;
    factor = tenon__binary(n->b, TENON_OP_DIV, factor, tenon__expand_like(n->b, y_scale, real));
    real = tenon__unary(n->b, TENON_OP_RINT, tenon__binary(n->b, TENON_OP_MUL, real, factor));
    real = tenon__binary(n->b, TENON_OP_ADD, real, real ? tenon__expand_like(n->b, zero, real) : NULL);
    return tenon__cast(n->b, real, y_zero->dtype); /* saturates */
}
