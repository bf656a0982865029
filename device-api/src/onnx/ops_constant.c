/* Operators that make tensors from attributes, numbers or shapes. */
#include "onnx/operators.h"
#include "onnx/tensor.h"

static tenonh_value *float_list(const tenon__onnx_node *n) {
    uint32_t count;
    const float *values = tenon__onnx_floats(n, "value_floats", &count);
    const int64_t dims[] = {count};
    const tenonh_bytes bytes = {.data = values, .size = count * sizeof *values};
    return tenonh_build_constant(n->b, NULL, TENON_DTYPE_F32, 1, dims, &bytes);
}

static tenonh_value *int_list(const tenon__onnx_node *n) {
    uint32_t count;
    const int64_t *values = tenon__onnx_ints(n, "value_ints", &count);
    return tenon__build_ints(n->b, values, count);
}

static tenonh_value *int_scalar(const tenon__onnx_node *n) {
    int64_t value = tenon__onnx_int(n, "value_int", 0);
    const tenonh_bytes bytes = {.data = &value, .size = sizeof value};
    return tenonh_build_constant(n->b, NULL, TENON_DTYPE_I64, 0, NULL, &bytes);
}

tenonh_value *tenon__onnx_lower_constant(tenon__onnx_node *n) {
    if (tenon__onnx_attr(n, "value")) return tenon__onnx_tensor_attr(n, "value");
    if (tenon__onnx_attr(n, "value_int")) return int_scalar(n);
    if (tenon__onnx_attr(n, "value_ints")) return int_list(n);
    if (tenon__onnx_attr(n, "value_floats")) return float_list(n);
    if (tenon__onnx_attr(n, "value_float"))
        return tenonh_build_scalar(n->b, TENON_DTYPE_F32, tenon__onnx_float(n, "value_float", 0));
    return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "it holds no tensor of numbers");
}

tenonh_value *tenon__onnx_lower_constant_of_shape(tenon__onnx_node *n) {
    tenonh_value *element = tenon__onnx_attr(n, "value") ? tenon__onnx_scalar(n, tenon__onnx_tensor_attr(n, "value"))
                                                         : tenonh_build_scalar(n->b, TENON_DTYPE_F32, 0);
    tenonh_value *shape = tenon__cast(n->b, n->inputs[0], TENON_DTYPE_I64);
    return tenon__compose(n->b, TENON__COMPOSITE_EXPAND_TO, (tenonh_value *[]){element, shape}, 2, NULL, 0);
}

/* Narrow floats count in f32. */
tenonh_value *tenon__onnx_lower_range(tenon__onnx_node *n) {
    tenon_dtype dtype = n->inputs[0]->dtype, wide = tenon_dtype_compute(dtype);
    tenonh_value *inputs[3];
    for (uint32_t i = 0; i < 3; i++) inputs[i] = tenon__cast(n->b, tenon__onnx_scalar(n, n->inputs[i]), wide);
    return tenon__cast(n->b, tenon__compose(n->b, TENON__COMPOSITE_RANGE, inputs, 3, NULL, 0), dtype);
}

tenonh_value *tenon__onnx_lower_eye_like(tenon__onnx_node *n) {
    const tenonh_value *x = n->inputs[0];
    tenon_dtype dtype = x->dtype;
    if (x->rank != 2) return tenon__onnx_fail(n, TENON_STATUS_INVALID, "its input has %u dims, not two", x->rank);
    if (tenon__onnx_attr(n, "dtype")) {
        tenon_status status = tenon__onnx_dtype(tenon__onnx_int(n, "dtype", 0), "attribute 'dtype'", &dtype);
        if (status != TENON_STATUS_OK) return tenon__onnx_fail(n, status, "%s", tenonh_error_message());
    }
    tenonh_value *row = tenon__iota(n->b, TENON_DTYPE_I64, 0, 2, x->dims);
    tenonh_value *column = tenon__iota(n->b, TENON_DTYPE_I64, 1, 2, x->dims);
    row = tenon__binary_number(n->b, TENON_OP_ADD, row, (double)tenon__onnx_int(n, "k", 0), false);
    return tenon__cast(n->b, tenon__binary(n->b, TENON_OP_EQ, row, column), dtype);
}

/* Indices count from the end when negative, and name no element when they lie outside. */
tenonh_value *tenon__onnx_lower_one_hot(tenon__onnx_node *n) {
    tenonh_value *indices = tenon__cast(n->b, n->inputs[0], TENON_DTYPE_I64);
    tenonh_value *depth = tenon__cast(n->b, tenon__onnx_scalar(n, n->inputs[1]), TENON_DTYPE_I64);
    uint32_t rank = n->inputs[0]->rank + 1;
    uint32_t axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", -1), rank);
    tenonh_value *from_end =
        tenon__binary(n->b, TENON_OP_ADD, indices, depth ? tenon__expand_like(n->b, depth, n->inputs[0]) : NULL);
    tenonh_value *is_negative = tenon__binary_number(n->b, TENON_OP_LT, indices, 0, false);
    tenonh_value *wrapped = tenon__where(n->b, is_negative, from_end, indices);
    return tenon__compose(n->b, TENON__COMPOSITE_ONE_HOT, (tenonh_value *[]){wrapped, depth, n->inputs[2]}, 3,
                          (tenonh_attr[]){TENON__ATTR_INT(AXIS, axis)}, 1);
}

tenonh_value *tenon__onnx_lower_trilu(tenon__onnx_node *n) {
    tenonh_value *inputs[] = {n->inputs[0], tenon__onnx_scalar(n, tenon__onnx_input(n, 1))};
    const tenonh_attr mode = TENON__ATTR_INT(MODE, tenon__onnx_int(n, "upper", 1) != 0);
    return tenon__compose(n->b, TENON__COMPOSITE_TRILU, inputs, 2, &mode, 1);
}

tenonh_value *tenon__onnx_lower_non_zero(tenon__onnx_node *n) {
    return tenon__compose(n->b, TENON__COMPOSITE_NON_ZERO, n->inputs, 1, NULL, 0);
}

/* A window function as a sum of coefficient k times the cosine of k turns over its length. */
static const double turns[][3] = {
    {0.5, -0.5, 0},                 /* Hann */
    {25.0 / 46.0, -21.0 / 46.0, 0}, /* Hamming */
    {0.42, -0.5, 0.08},             /* Blackman */
};

/* `data` is the row of `turns`. The length is one more than that of a turn unless the window is periodic. */
tenonh_value *tenon__onnx_lower_window_function(tenon__onnx_node *n) {
    tenonh_builder *b = n->b;
    uint32_t count;
    tenon_dtype dtype = TENON_DTYPE_F32;
    tenon_status status = tenon__onnx_dtype(tenon__onnx_int(n, "output_datatype", 1), "output_datatype", &dtype);
    if (status != TENON_STATUS_OK) return tenon__onnx_fail(n, status, "%s", tenonh_error_message());
    const tenonh_dim *const *size = tenon__onnx_dims(n, 0, &count);
    if (!size) return NULL;
    if (count != 1) return tenon__onnx_fail(n, TENON_STATUS_INVALID, "size has %u elements, not one", count);
    tenonh_value *length = tenon__cast(b, tenon__onnx_scalar(n, n->inputs[0]), TENON_DTYPE_F32);
    if (!tenon__onnx_int(n, "periodic", 1)) length = tenon__binary_number(b, TENON_OP_SUB, length, 1, false);
    tenonh_value *at = tenon__cast(b, tenon__iota(b, TENON_DTYPE_I64, 0, 1, size), TENON_DTYPE_F32), *sum = NULL;
    for (int k = 2; k >= 0; k--) {
        double factor = turns[n->row->data][k];
        tenonh_value *angle = tenon__binary_number(b, TENON_OP_MUL, at, k * 2 * 3.14159265358979323846, false);
        angle = tenon__binary(b, TENON_OP_DIV, angle, angle && length ? tenon__expand_like(b, length, angle) : NULL);
        tenonh_value *term = tenon__binary_number(b, TENON_OP_MUL, tenon__unary(b, TENON_OP_COS, angle), factor, false);
        sum = sum ? tenon__binary(b, TENON_OP_ADD, sum, term) : term;
    }
    return tenon__cast(b, sum, dtype);
}
