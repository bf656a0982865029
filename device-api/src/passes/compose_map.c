/* Composites that work element by element. */
#include <math.h>

#include "passes/compose.h"

tenonh_value *tenon__wide(tenonh_builder *b, tenonh_value *x) {
    return x ? tenon__cast(b, x, tenon_dtype_compute(x->dtype)) : NULL;
}

static double alpha_of(const tenonh_node *node) {
    return tenon__node_float(node, TENON_ATTR_ALPHA, 0);
}

static double beta_of(const tenonh_node *node) {
    return tenon__node_float(node, TENON_ATTR_BETA, 0);
}

/* A result computed wide, rounded to the dtype of operand 0. */
static tenonh_value *narrowed(tenonh_builder *b, const tenonh_node *node, tenonh_value *y) {
    return tenon__cast(b, y, node->operands[0]->dtype);
}

/* -- Activations ---------------------------------------------------------------------------------------------------- */

TENON__DECOMPOSITION(relu) {
    out[0] = max_number(b, node->operands[0], 0);
}

TENON__DECOMPOSITION(leaky_relu) {
    tenonh_value *x = node->operands[0];
    out[0] = tenon__where(b, below(b, x, 0), mul_number(b, x, alpha_of(node)), x);
}

TENON__DECOMPOSITION(elu) {
    tenonh_value *x = node->operands[0];
    tenonh_value *bent = mul_number(b, tenon__unary(b, TENON_OP_EXPM1, x), alpha_of(node));
    out[0] = tenon__where(b, below(b, x, 0), bent, x);
}

TENON__DECOMPOSITION(celu) {
    tenonh_value *x = node->operands[0], *scaled = tenon__binary_number(b, TENON_OP_DIV, x, alpha_of(node), false);
    tenonh_value *bent = mul_number(b, tenon__unary(b, TENON_OP_EXPM1, scaled), alpha_of(node));
    out[0] = add(b, max_number(b, x, 0), min_number(b, bent, 0));
}

TENON__DECOMPOSITION(selu) {
    tenon__decompose_elu(b, node, out);
    out[0] = mul_number(b, out[0], tenon__node_float(node, TENON_ATTR_SCALE, 0));
}

TENON__DECOMPOSITION(thresholded_relu) {
    tenonh_value *x = node->operands[0];
    out[0] = tenon__where(b, above(b, x, alpha_of(node)), x, number_like(b, x, 0));
}

TENON__DECOMPOSITION(shrink) {
    tenonh_value *x = node->operands[0];
    double alpha = alpha_of(node), beta = beta_of(node);
    tenonh_value *low = add_number(b, x, beta), *high = tenon__binary_number(b, TENON_OP_SUB, x, beta, false);
    tenonh_value *middle = tenon__where(b, above(b, x, alpha), high, number_like(b, x, 0));
    out[0] = tenon__where(b, below(b, x, -alpha), low, middle);
}

static tenonh_value *sigmoid(tenonh_builder *b, tenonh_value *x) {
    return number_over(b, 1, add_number(b, exponential(b, negative(b, x)), 1));
}

TENON__DECOMPOSITION(sigmoid) {
    out[0] = narrowed(b, node, sigmoid(b, tenon__wide(b, node->operands[0])));
}

static tenonh_value *hard_sigmoid(tenonh_builder *b, tenonh_value *x, double alpha, double beta) {
    return max_number(b, min_number(b, add_number(b, mul_number(b, x, alpha), beta), 1), 0);
}

TENON__DECOMPOSITION(hard_sigmoid) {
    out[0] = hard_sigmoid(b, node->operands[0], alpha_of(node), beta_of(node));
}

TENON__DECOMPOSITION(hard_swish) {
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    out[0] = narrowed(b, node, mul(b, x, hard_sigmoid(b, x, 1.0 / 6.0, 0.5)));
}

TENON__DECOMPOSITION(silu) {
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    double alpha = tenon__node_float(node, TENON_ATTR_ALPHA, 1);
    tenonh_value *scaled = alpha == 1 ? x : mul_number(b, x, alpha);
    out[0] = narrowed(b, node, mul(b, x, sigmoid(b, scaled)));
}

/* 0.5 x (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) (x + 0.044715 x^3)) (Hendrycks and Gimpel, arXiv 1606.08415). */
TENON__DECOMPOSITION(gelu) {
    tenonh_value *x = tenon__wide(b, node->operands[0]), *bend;
    if (tenon__node_int(node, TENON_ATTR_MODE, 0) == 1) {
        tenonh_value *cubic = mul_number(b, mul(b, mul(b, x, x), x), 0.044715);
        bend = tenon__unary(b, TENON_OP_TANH, mul_number(b, add(b, x, cubic), sqrt(2.0 / 3.14159265358979323846)));
    } else {
        bend = tenon__unary(b, TENON_OP_ERF, mul_number(b, x, sqrt(0.5)));
    }
    out[0] = narrowed(b, node, mul(b, mul_number(b, x, 0.5), add_number(b, bend, 1)));
}

/* max(x, 0) + log1p(exp(-|x|)): nothing overflows, and the negative tail keeps its digits. */
static tenonh_value *softplus(tenonh_builder *b, tenonh_value *x) {
    tenonh_value *tail = exponential(b, negative(b, magnitude(b, x)));
    return add(b, max_number(b, x, 0), tenon__unary(b, TENON_OP_LOG1P, tail));
}

TENON__DECOMPOSITION(softplus) {
    out[0] = narrowed(b, node, softplus(b, tenon__wide(b, node->operands[0])));
}

TENON__DECOMPOSITION(softsign) {
    tenonh_value *x = node->operands[0];
    out[0] = over(b, x, add_number(b, magnitude(b, x), 1));
}

TENON__DECOMPOSITION(mish) {
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    out[0] = narrowed(b, node, mul(b, x, tenon__unary(b, TENON_OP_TANH, softplus(b, x))));
}

TENON__DECOMPOSITION(prelu) {
    tenonh_value *x = node->operands[0];
    out[0] = tenon__where(b, below(b, x, 0), mul(b, node->operands[1], x), x);
}

/* -- Numbers -------------------------------------------------------------------------------------------------------- */

TENON__DECOMPOSITION(reciprocal) {
    out[0] = number_over(b, 1, node->operands[0]);
}

TENON__DECOMPOSITION(sign) {
    tenonh_value *x = node->operands[0], *positive = above(b, x, 0);
    tenonh_value *rest = x; /* zeros and NaN */
    if (tenon_dtype_class(x->dtype) != TENON_CLASS_UINT)
        rest = tenon__where(b, below(b, x, 0), number_like(b, x, -1), x);
    out[0] = tenon__where(b, positive, number_like(b, x, 1), rest);
}

TENON__DECOMPOSITION(ceil) {
    out[0] = negative(b, tenon__unary(b, TENON_OP_FLOOR, negative(b, node->operands[0])));
}

static tenonh_value * not(tenonh_builder * b, tenonh_value *x) {
    if (!x) return NULL;
    uint64_t ones = x->dtype == TENON_DTYPE_BOOL ? 1 : ~UINT64_C(0);
    return tenon__binary(b, TENON_OP_XOR, x, tenon__expand_like(b, tenon__build_bits(b, x->dtype, ones), x));
}

TENON__DECOMPOSITION(not ) {
    out[0] = not(b, node->operands[0]);
}

TENON__DECOMPOSITION(is_nan) {
    out[0] = not(b, equal(b, node->operands[0], node->operands[0]));
}

TENON__DECOMPOSITION(is_inf) {
    tenonh_value *x = node->operands[0];
    int64_t mode = tenon__node_int(node, TENON_ATTR_MODE, 0);
    if (mode == 0) x = magnitude(b, x);
    tenonh_value *found = equal(b, x, number_like(b, x, mode == 2 ? -INFINITY : INFINITY));
    out[0] = mode == 3 && found ? number_like(b, found, 0) : found;
}

TENON__DECOMPOSITION(clip) {
    tenonh_value *x = node->operands[0], *low = tenon__operand(node, 1), *high = tenon__operand(node, 2);
    if (low) x = tenon__binary(b, TENON_OP_MAX, x, tenon__expand_like(b, low, x));
    if (high) x = tenon__binary(b, TENON_OP_MIN, x, tenon__expand_like(b, high, x));
    out[0] = x;
}

/* -- Comparisons ---------------------------------------------------------------------------------------------------- */

/* Integers have no NaN: not (y < x) is enough. */
static tenonh_value *at_most(tenonh_builder *b, tenonh_value *x, tenonh_value *y) {
    if (tenon_dtype_class(x->dtype) != TENON_CLASS_FLOAT) return not(b, less(b, y, x));
    return tenon__binary(b, TENON_OP_OR, less(b, x, y), equal(b, x, y));
}

TENON__DECOMPOSITION(le) {
    out[0] = at_most(b, node->operands[0], node->operands[1]);
}

TENON__DECOMPOSITION(ge) {
    out[0] = at_most(b, node->operands[1], node->operands[0]);
}

TENON__DECOMPOSITION(gt) {
    out[0] = less(b, node->operands[1], node->operands[0]);
}

TENON__DECOMPOSITION(ne) {
    out[0] = not(b, equal(b, node->operands[0], node->operands[1]));
}

/* The remainder of truncation, moved by y where its sign is not y's. */
TENON__DECOMPOSITION(mod) {
    tenonh_value *x = node->operands[0], *y = node->operands[1], *rest = tenon__binary(b, TENON_OP_REM, x, y);
    out[0] = rest;
    if (tenon__node_int(node, TENON_ATTR_MODE, 0) == 1 || tenon_dtype_class(x->dtype) == TENON_CLASS_UINT) return;
    tenonh_value *differ = tenon__binary(b, TENON_OP_XOR, below(b, rest, 0), below(b, y, 0));
    tenonh_value *is_zero = equal(b, rest, number_like(b, rest, 0));
    out[0] = tenon__where(b, is_zero, rest, tenon__where(b, differ, add(b, rest, y), rest));
}
