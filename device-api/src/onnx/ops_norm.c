/* Normalisation with learnt scales. */
#include "onnx/operators.h"

static tenonh_attr epsilon_attr(const tenon__onnx_node *n, int64_t *storage) {
    *storage = tenonh_float_bits(tenon__onnx_float(n, "epsilon", 1e-5f));
    return (tenonh_attr){TENON_ATTR_EPSILON, 1, storage, NULL};
}

/* A scale or bias with the dims of x from `axis` on. NULL gives NULL. */
static tenonh_value *fitted(const tenon__onnx_node *n, tenonh_value *scale, const tenonh_value *x, uint32_t axis) {
    if (!scale) return NULL;
    return tenon__expand(n->b, tenon__cast(n->b, scale, x->dtype), x->rank - axis, x->dims + axis);
}

static tenonh_value *mean_from(const tenon__onnx_node *n, tenonh_value *x, uint32_t axis) {
    int64_t axes[TENON_MAX_RANK];
    if (!x) return NULL;
    for (uint32_t d = axis; d < x->rank; d++) axes[d - axis] = d;
    const tenonh_attr attrs[] = {TENON__ATTR_INTS(AXES, x->rank - axis, axes), TENON__ATTR_INT(KEEP, 1)};
    return tenon__compose(n->b, TENON__COMPOSITE_REDUCE_MEAN, &x, 1, attrs, 2);
}

/* The mean and 1 / sqrt(variance + epsilon), which training wants to see. */
static void layer_statistics(tenon__onnx_node *n, uint32_t axis) {
    tenonh_value *x = tenon__cast(n->b, n->inputs[0], tenon_dtype_compute(n->inputs[0]->dtype));
    tenonh_value *mean = mean_from(n, x, axis);
    if (!mean) return;
    tenonh_value *centred = tenon__binary(n->b, TENON_OP_SUB, x, tenon__expand_like(n->b, mean, x));
    tenonh_value *variance = mean_from(n, tenon__binary(n->b, TENON_OP_MUL, centred, centred), axis);
    tenonh_value *sum =
        tenon__binary_number(n->b, TENON_OP_ADD, variance, tenon__onnx_float(n, "epsilon", 1e-5f), false);
    tenonh_value *deviation = tenon__unary(n->b, TENON_OP_SQRT, sum);
    if (tenon__onnx_wants(n, 1)) n->outputs[1] = mean;
    if (tenon__onnx_wants(n, 2))
        n->outputs[2] = tenon__compose(n->b, TENON__COMPOSITE_RECIPROCAL, &deviation, 1, NULL, 0);
}

tenonh_value *tenon__onnx_lower_layer_norm(tenon__onnx_node *n) {
    int64_t bits;
    tenonh_value *x = n->inputs[0];
    uint32_t axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", -1), x->rank);
    tenonh_value *inputs[] = {x, fitted(n, n->inputs[1], x, axis), fitted(n, tenon__onnx_input(n, 2), x, axis)};
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis), epsilon_attr(n, &bits)};
    if (tenon__onnx_wants(n, 1) || tenon__onnx_wants(n, 2)) layer_statistics(n, axis);
    return tenon__compose(n->b, TENON__COMPOSITE_LAYER_NORM, inputs, 3, attrs, 2);
}

tenonh_value *tenon__onnx_lower_rms_norm(tenon__onnx_node *n) {
    int64_t bits;
    tenonh_value *x = n->inputs[0];
    uint32_t axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", -1), x->rank);
    tenonh_value *inputs[] = {x, fitted(n, n->inputs[1], x, axis)};
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, axis), epsilon_attr(n, &bits)};
    return tenon__compose(n->b, TENON__COMPOSITE_RMS_NORM, inputs, 2, attrs, 2);
}

tenonh_value *tenon__onnx_lower_batch_norm(tenon__onnx_node *n) {
    int64_t bits;
    if (tenon__onnx_int(n, "training_mode", 0) || !tenon__onnx_int(n, "spatial", 1))
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED,
                                "training mode and statistics per element are not supported");
    tenonh_value *inputs[] = {n->inputs[0], NULL, NULL, NULL, NULL};
    for (uint32_t i = 1; i < 5; i++) inputs[i] = tenon__cast(n->b, n->inputs[i], n->inputs[0]->dtype);
    const tenonh_attr epsilon = epsilon_attr(n, &bits);
    return tenon__compose(n->b, TENON__COMPOSITE_BATCH_NORM, inputs, 5, &epsilon, 1);
}

tenonh_value *tenon__onnx_lower_instance_norm(tenon__onnx_node *n) {
    int64_t bits;
    const tenonh_attr epsilon = epsilon_attr(n, &bits);
    return tenon__compose(n->b, TENON__COMPOSITE_INSTANCE_NORM, n->inputs, 3, &epsilon, 1);
}

/* A number for each group, repeated for its channels. */
static tenonh_value *per_channel(const tenon__onnx_node *n, tenonh_value *x, int64_t groups) {
    const tenonh_dim *channels = n->inputs[0]->dims[1], *number = tenon__num(n->b, groups);
    const tenonh_dim *dims[] = {number, tenon__dim2(n->b, TENONH_DIM_DIV, channels, number)};
    return tenon__reshape(n->b, tenon__expand(n->b, tenon__unsqueeze(n->b, x, 1), 2, dims), 1, &channels);
}

/* data 1: scale and bias are given per group. */
tenonh_value *tenon__onnx_lower_group_norm(tenon__onnx_node *n) {
    int64_t bits, groups = tenon__onnx_int(n, "num_groups", 0);
    tenonh_value *x = n->inputs[0], *scale = n->inputs[1], *bias = n->inputs[2];
    if (groups < 1 || x->rank < 2)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "it needs a positive num_groups and a channel axis");
    if (n->row->data == 1) {
        scale = per_channel(n, scale, groups);
        bias = per_channel(n, bias, groups);
    }
    const tenonh_attr attrs[] = {TENON__ATTR_INT(GROUPS, groups), epsilon_attr(n, &bits)};
    return tenon__compose(n->b, TENON__COMPOSITE_GROUP_NORM, (tenonh_value *[]){x, scale, bias}, 3, attrs, 2);
}

tenonh_value *tenon__onnx_lower_lrn(tenon__onnx_node *n) {
    const tenonh_attr attrs[] = {TENON__ATTR_INT(COUNT, tenon__onnx_int(n, "size", 1)),
                                 TENON__ATTR_FLOAT(ALPHA, tenon__onnx_float(n, "alpha", 1e-4f)),
                                 TENON__ATTR_FLOAT(BETA, tenon__onnx_float(n, "beta", 0.75)),
                                 TENON__ATTR_FLOAT(SCALE, tenon__onnx_float(n, "bias", 1))};
    return tenon__compose(n->b, TENON__COMPOSITE_LRN, n->inputs, 1, attrs, 4);
}
