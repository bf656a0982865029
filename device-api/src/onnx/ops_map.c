/* Operators that work element by element. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"
#include "onnx/tensor.h"

static tenonh_value *compose(const tenon__onnx_node *n, uint32_t composite, tenonh_value *const *inputs, uint32_t count,
                             const tenonh_attr *attrs, uint32_t attr_count) {
    return tenon__compose(n->b, composite, inputs, count, attrs, attr_count);
}

tenonh_value *tenon__onnx_lower_unary(tenon__onnx_node *n) {
    return tenon__unary(n->b, (tenon_op)n->row->data, n->inputs[0]);
}

tenonh_value *tenon__onnx_lower_activation(tenon__onnx_node *n) {
    return compose(n, (uint32_t)n->row->data, n->inputs, 1, NULL, 0);
}

/* Activations with one or two float attributes: their names, and their defaults where they are left out. */
/* clang-format off */
static const struct parameters {
    uint32_t composite;
    const char *alpha;
    const char *beta; /* NULL: there is none */
    double alpha_default;
    double beta_default;
} parameters[] = {
    {TENON__COMPOSITE_LEAKY_RELU, "alpha", NULL, 0.01f, 0},
    {TENON__COMPOSITE_ELU, "alpha", NULL, 1, 0},
    {TENON__COMPOSITE_CELU, "alpha", NULL, 1, 0},
    {TENON__COMPOSITE_THRESHOLDED_RELU, "alpha", NULL, 1, 0},
    {TENON__COMPOSITE_SHRINK, "lambd", "bias", 0.5, 0},
    {TENON__COMPOSITE_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5},
    {TENON__COMPOSITE_SILU, "alpha", NULL, 1, 0},
};
/* clang-format on */

tenonh_value *tenon__onnx_lower_alpha_beta(tenon__onnx_node *n) {
    const struct parameters *p = parameters;
    while (p->composite != (uint32_t)n->row->data) p++;
    double alpha = tenon__onnx_float(n, p->alpha, p->alpha_default);
    double beta = p->beta ? tenon__onnx_float(n, p->beta, p->beta_default) : 0;
    const tenonh_attr attrs[] = {TENON__ATTR_FLOAT(ALPHA, alpha), TENON__ATTR_FLOAT(BETA, beta)};
    return compose(n, p->composite, n->inputs, 1, attrs, p->beta ? 2 : 1);
}

/* The gate's activation times the other input. */
tenonh_value *tenon__onnx_lower_swiglu(tenon__onnx_node *n) {
    const tenonh_attr alpha = TENON__ATTR_FLOAT(ALPHA, tenon__onnx_float(n, "alpha", 1));
    tenonh_value *gate = compose(n, TENON__COMPOSITE_SILU, n->inputs, 1, &alpha, 1);
    return gate ? tenon__binary(n->b, TENON_OP_MUL, gate, n->inputs[1]) : NULL;
}

tenonh_value *tenon__onnx_lower_selu(tenon__onnx_node *n) {
    const tenonh_attr attrs[] = {TENON__ATTR_FLOAT(ALPHA, tenon__onnx_float(n, "alpha", 1.67326319217681884765625)),
                                 TENON__ATTR_FLOAT(SCALE, tenon__onnx_float(n, "gamma", 1.05070102214813232421875))};
    return compose(n, TENON__COMPOSITE_SELU, n->inputs, 1, attrs, 2);
}

tenonh_value *tenon__onnx_lower_gelu(tenon__onnx_node *n) {
    const char *approximate = tenon__onnx_string(n, "approximate", "none");
    int is_tanh = strcmp(approximate, "tanh") == 0;
    if (!is_tanh && strcmp(approximate, "none") != 0)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "approximate is '%s'; it can be none or tanh", approximate);
    return compose(n, TENON__COMPOSITE_GELU, n->inputs, 1, (tenonh_attr[]){TENON__ATTR_INT(MODE, is_tanh)}, 1);
}

tenonh_value *tenon__onnx_lower_is_inf(tenon__onnx_node *n) {
    int negative = tenon__onnx_int(n, "detect_negative", 1) != 0,
        positive = tenon__onnx_int(n, "detect_positive", 1) != 0;
    int64_t mode = negative ? (positive ? 0 : 2) : (positive ? 1 : 3);
    return compose(n, TENON__COMPOSITE_IS_INF, n->inputs, 1, (tenonh_attr[]){TENON__ATTR_INT(MODE, mode)}, 1);
}

/* Before opset 7 the second operand's dims could be lined up with the first's from `axis` on. */
static tenonh_value *legacy_operand(const tenon__onnx_node *n, tenonh_value *x, tenonh_value *y) {
    if (n->opset >= 7 || !tenon__onnx_attr(n, "axis") || y->rank == 0 || x->rank < y->rank) return y;
    uint32_t axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", 0), x->rank);
    for (uint32_t rank = axis + y->rank; y && rank < x->rank; rank++) y = tenon__unsqueeze(n->b, y, y->rank);
    return y;
}

static void operands(const tenon__onnx_node *n, tenonh_value **out) {
    out[0] = n->inputs[0];
    out[1] = legacy_operand(n, n->inputs[0], n->inputs[1]);
    if (out[1]) tenon__onnx_broadcast(n, &out[0], &out[1]);
}

tenonh_value *tenon__onnx_lower_binary(tenon__onnx_node *n) {
    tenonh_value *xy[2];
    operands(n, xy);
    return tenon__binary(n->b, (tenon_op)n->row->data, xy[0], xy[1]);
}

tenonh_value *tenon__onnx_lower_compare(tenon__onnx_node *n) {
    tenonh_value *xy[2];
    operands(n, xy);
    return compose(n, (uint32_t)n->row->data, xy, 2, NULL, 0);
}

tenonh_value *tenon__onnx_lower_mod(tenon__onnx_node *n) {
    tenonh_value *xy[2];
    operands(n, xy);
    const tenonh_attr attr = TENON__ATTR_INT(MODE, tenon__onnx_int(n, "fmod", 0) != 0);
    return compose(n, TENON__COMPOSITE_MOD, xy, 2, &attr, 1);
}

tenonh_value *tenon__onnx_lower_prelu(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0], *slope = n->inputs[1];
    /* Before opset 7 a slope per channel had one dim. */
    if (n->opset < 7 && slope->rank == 1 && x->rank > 1)
        for (uint32_t axis = 2; slope && axis < x->rank; axis++) slope = tenon__unsqueeze(n->b, slope, slope->rank);
    slope = slope ? tenon__expand_like(n->b, slope, x) : NULL;
    return compose(n, TENON__COMPOSITE_PRELU, (tenonh_value *[]){x, slope}, 2, NULL, 0);
}

/* The one element of a small constant. */
static int constant_number(const tenon__onnx_node *n, uint32_t index, double *out_number) {
    uint32_t count;
    tenonh_value *value = n->inputs[index];
    int64_t integer;
    if (value->kind != TENON__VALUE_CONSTANT || value->constant->size > sizeof(double)) return 0;
    if (tenon_dtype_class(value->dtype) == TENON_CLASS_FLOAT) {
        const double *reals = tenon__onnx_reals(n, index, &count);
        if (!reals || count != 1) return 0;
        *out_number = reals[0];
        return 1;
    }
    const tenonh_dim *const *content = tenon__content(n->b, value, &count);
    if (!content || count != 1 || !tenonh_dim_is_number(content[0], &integer)) return 0;
    *out_number = (double)integer;
    return 1;
}

/* Integers are raised in f64: exact while results stay below 2^53. */
static tenonh_value *power(const tenon__onnx_node *n, tenonh_value *x, tenonh_value *y) {
    int is_float = tenon_dtype_class(x->dtype) == TENON_CLASS_FLOAT;
    tenon_dtype wide = is_float ? x->dtype : (tenon_dtype)TENON_DTYPE_F64;
    tenonh_value *result = tenon__binary(n->b, TENON_OP_POW, tenon__cast(n->b, x, wide), tenon__cast(n->b, y, wide));
    return tenon__cast(n->b, result, x->dtype);
}

tenonh_value *tenon__onnx_lower_pow(tenon__onnx_node *n) {
    double exponent;
    tenonh_value *xy[2];
    operands(n, xy);
    if (!xy[0] || !xy[1]) return NULL;
    int small = constant_number(n, 1, &exponent) && (exponent == 1 || exponent == 2 || exponent == 3);
    if (!small) return power(n, xy[0], xy[1]);
    tenonh_value *result = xy[0];
    for (int i = 1; i < (int)exponent; i++) result = tenon__binary(n->b, TENON_OP_MUL, result, xy[0]);
    return result;
}

tenonh_value *tenon__onnx_lower_bit_shift(tenon__onnx_node *n) {
    const char *direction = tenon__onnx_string(n, "direction", "");
    int left = strcmp(direction, "LEFT") == 0;
    if (!left && strcmp(direction, "RIGHT") != 0)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "direction is '%s'; it must be LEFT or RIGHT", direction);
    tenonh_value *xy[2];
    operands(n, xy);
    return tenon__binary(n->b, left ? TENON_OP_SHL : TENON_OP_SHR, xy[0], xy[1]);
}

static tenonh_value *fold_left(tenon__onnx_node *n, tenon_op op) {
    tenonh_value *result = n->inputs[0];
    for (uint32_t i = 1; i < n->input_count; i++) {
        tenonh_value *next = n->inputs[i];
        if (!next) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "input %u is left out", i);
        tenon__onnx_broadcast(n, &result, &next);
        result = tenon__binary(n->b, op, result, next);
    }
    return result;
}

tenonh_value *tenon__onnx_lower_variadic(tenon__onnx_node *n) {
    return fold_left(n, (tenon_op)n->row->data);
}

tenonh_value *tenon__onnx_lower_mean(tenon__onnx_node *n) {
    tenonh_value *sum = fold_left(n, TENON_OP_ADD);
    return tenon__binary_number(n->b, TENON_OP_DIV, sum, n->input_count, false);
}

tenonh_value *tenon__onnx_lower_where(tenon__onnx_node *n) {
    tenonh_value *const *v = n->inputs;
    tenonh_value *c = tenon__broadcast(n->b, v[0], (tenonh_value *[]){v[1], v[2]}, 2);
    tenonh_value *x = tenon__broadcast(n->b, v[1], (tenonh_value *[]){v[0], v[2]}, 2);
    tenonh_value *y = tenon__broadcast(n->b, v[2], (tenonh_value *[]){v[0], v[1]}, 2);
    return tenon__where(n->b, c, x, y);
}

/* Bounds were float attributes before opset 11. */
static tenonh_value *legacy_bound(const tenon__onnx_node *n, const char *name) {
    if (!tenon__onnx_attr(n, name)) return NULL;
    return tenonh_build_scalar(n->b, n->inputs[0]->dtype, tenon__onnx_float(n, name, 0));
}

tenonh_value *tenon__onnx_lower_clip(tenon__onnx_node *n) {
    int legacy = n->opset < 11;
    tenonh_value *low = legacy ? legacy_bound(n, "min") : tenon__onnx_scalar(n, tenon__onnx_input(n, 1));
    tenonh_value *high = legacy ? legacy_bound(n, "max") : tenon__onnx_scalar(n, tenon__onnx_input(n, 2));
    return compose(n, TENON__COMPOSITE_CLIP, (tenonh_value *[]){n->inputs[0], low, high}, 3, NULL, 0);
}

tenonh_value *tenon__onnx_lower_cast(tenon__onnx_node *n) {
    tenon_dtype dtype;
    tenon_status status = tenon__onnx_dtype(tenon__onnx_int(n, "to", 0), "attribute 'to'", &dtype);
    if (status != TENON_STATUS_OK) return tenon__onnx_fail(n, status, "%s", tenonh_error_message());
    return tenon__cast(n->b, n->inputs[0], dtype);
}

tenonh_value *tenon__onnx_lower_cast_like(tenon__onnx_node *n) {
    return tenon__cast(n->b, n->inputs[0], n->inputs[1]->dtype);
}

tenonh_value *tenon__onnx_lower_bit_cast(tenon__onnx_node *n) {
    tenon_dtype dtype;
    tenon_status status = tenon__onnx_dtype(tenon__onnx_int(n, "to", 0), "attribute 'to'", &dtype);
    if (status != TENON_STATUS_OK) return tenon__onnx_fail(n, status, "%s", tenonh_error_message());
    return tenonh_build_op(n->b, TENON_OP_BITCAST, n->inputs, 1, (tenonh_attr[]){TENON__ATTR_INT(DTYPE, dtype)}, 1);
}

tenonh_value *tenon__onnx_lower_identity(tenon__onnx_node *n) {
    return n->inputs[0];
}

/* Dropout as it is after training: nothing is dropped. */
tenonh_value *tenon__onnx_lower_dropout(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0], *training = tenon__onnx_input(n, 2);
    uint32_t count;
    const tenonh_dim *const *content = training ? tenon__content(n->b, training, &count) : NULL;
    int64_t flag = 0;
    if (training && (!content || count != 1 || !tenonh_dim_is_number(content[0], &flag) || flag))
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "training mode is not supported");
    if (tenon__onnx_wants(n, 1)) {
        tenonh_value *all = tenonh_build_scalar(n->b, TENON_DTYPE_BOOL, 1);
        n->outputs[1] = tenon__expand_like(n->b, all, x);
        if (n->opset < 10) n->outputs[1] = tenon__cast(n->b, n->outputs[1], x->dtype);
    }
    return x;
}
