/* Trigonometric and hyperbolic composites, accurate near 0 and at the ends of the range. */
#include <math.h>

#include "passes/compose.h"

#define HALF_PI 1.57079632679489661923
#define LN2     0.69314718055994530942

static tenonh_value *wide_of(tenonh_builder *b, const tenonh_node *node) {
    return tenon__wide(b, node->operands[0]);
}

static tenonh_value *narrowed(tenonh_builder *b, const tenonh_node *node, tenonh_value *y) {
    return tenon__cast(b, y, node->operands[0]->dtype);
}

/* An odd function: its value for |x| with the sign of x; zeros keep theirs. */
static tenonh_value *odd(tenonh_builder *b, tenonh_value *x, tenonh_value *of_magnitude) {
    tenonh_value *is_zero = equal(b, x, number_like(b, x, 0));
    tenonh_value *turned = tenon__where(b, below(b, x, 0), negative(b, of_magnitude), of_magnitude);
    return tenon__where(b, is_zero, x, turned);
}

TENON__DECOMPOSITION(tan) {
    tenonh_value *x = wide_of(b, node);
    out[0] = narrowed(b, node, over(b, tenon__unary(b, TENON_OP_SIN, x), tenon__unary(b, TENON_OP_COS, x)));
}

/* exp(a) / 2 for a past 20, where exp(-a) is below rounding; the halves keep it from overflowing before the result does. */
static tenonh_value *half_exp(tenonh_builder *b, tenonh_value *a) {
    tenonh_value *part = exponential(b, mul_number(b, a, 0.5));
    return mul(b, mul_number(b, part, 0.5), part);
}

TENON__DECOMPOSITION(sinh) {
    tenonh_value *x = wide_of(b, node), *a = magnitude(b, x);
    tenonh_value *e = tenon__unary(b, TENON_OP_EXPM1, a); /* (e + e / (e + 1)) / 2 */
    tenonh_value *small = mul_number(b, add(b, e, over(b, e, add_number(b, e, 1))), 0.5);
    out[0] = narrowed(b, node, odd(b, x, tenon__where(b, above(b, a, 20), half_exp(b, a), small)));
}

TENON__DECOMPOSITION(cosh) {
    tenonh_value *a = magnitude(b, wide_of(b, node)), *e = exponential(b, a);
    tenonh_value *small = mul_number(b, add(b, e, number_over(b, 1, e)), 0.5);
    out[0] = narrowed(b, node, tenon__where(b, above(b, a, 20), half_exp(b, a), small));
}

/* atan of 0 <= z <= tan(pi / 16): z - z^3 / 3 + z^5 / 5 ... The first term left out is below the dtype's rounding. */
static tenonh_value *atan_series(tenonh_builder *b, tenonh_value *z) {
    if (!z) return NULL;
    int terms = z->dtype == TENON_DTYPE_F64 ? 12 : 6;
    tenonh_value *square = mul(b, z, z), *sum = number_like(b, z, (terms % 2 ? 1.0 : -1.0) / (2 * terms - 1));
    for (int k = terms - 1; k > 0; k--)
        sum = tenonh_build_op(b, TENON_OP_FMA,
                              (tenonh_value *[]){sum, square, number_like(b, z, (k % 2 ? 1.0 : -1.0) / (2 * k - 1))}, 3,
                              NULL, 0);
    return mul(b, z, sum);
}

/* tan(a / 2) = tan a / (1 + sqrt(1 + tan^2 a)) */
static tenonh_value *halved(tenonh_builder *b, tenonh_value *tangent) {
    return over(b, tangent, add_number(b, root(b, add_number(b, mul(b, tangent, tangent), 1)), 1));
}

/* For x >= 0: past 1 by pi / 2 - atan(1 / x), then the angle halved twice. */
static tenonh_value *atan_positive(tenonh_builder *b, tenonh_value *x) {
    tenonh_value *large = above(b, x, 1);
    tenonh_value *z = tenon__where(b, large, number_over(b, 1, x), x);
    tenonh_value *angle = mul_number(b, atan_series(b, halved(b, halved(b, z))), 4);
    return tenon__where(b, large, number_minus(b, HALF_PI, angle), angle);
}

TENON__DECOMPOSITION(atan) {
    tenonh_value *x = wide_of(b, node);
    out[0] = narrowed(b, node, odd(b, x, atan_positive(b, magnitude(b, x))));
}

/* (1 - x) (1 + x): 1 - x^2 without its cancellation. */
static tenonh_value *one_minus_square(tenonh_builder *b, tenonh_value *x) {
    return mul(b, number_minus(b, 1, x), add_number(b, x, 1));
}

TENON__DECOMPOSITION(asin) {
    tenonh_value *x = wide_of(b, node), *a = magnitude(b, x);
    out[0] = narrowed(b, node, odd(b, x, atan_positive(b, over(b, a, root(b, one_minus_square(b, a))))));
}

/* 2 atan(sqrt((1 - x) / (1 + x))) */
TENON__DECOMPOSITION(acos) {
    tenonh_value *x = wide_of(b, node);
    tenonh_value *ratio = over(b, number_minus(b, 1, x), add_number(b, x, 1));
    out[0] = narrowed(b, node, mul_number(b, atan_positive(b, root(b, ratio)), 2));
}

/* log(2 a), the limit of asinh and acosh where a^2 + 1 rounds to a^2. */
static tenonh_value *log_twice(tenonh_builder *b, tenonh_value *a) {
    return add_number(b, tenon__unary(b, TENON_OP_LOG, a), LN2);
}

static double large_for(const tenonh_value *x) {
    return x && x->dtype == TENON_DTYPE_F64 ? 0x1p28 : 0x1p13;
}

/* log1p(a + a^2 / (1 + sqrt(a^2 + 1))) */
TENON__DECOMPOSITION(asinh) {
    tenonh_value *x = wide_of(b, node), *a = magnitude(b, x), *square = mul(b, a, a);
    tenonh_value *quotient = over(b, square, add_number(b, root(b, add_number(b, square, 1)), 1));
    tenonh_value *small = tenon__unary(b, TENON_OP_LOG1P, add(b, a, quotient));
    out[0] = narrowed(b, node, odd(b, x, tenon__where(b, above(b, a, large_for(x)), log_twice(b, a), small)));
}

/* With t = x - 1: log1p(t + sqrt(2 t + t^2)) */
TENON__DECOMPOSITION(acosh) {
    tenonh_value *x = wide_of(b, node), *t = add_number(b, x, -1);
    tenonh_value *inside = add(b, mul_number(b, t, 2), mul(b, t, t));
    tenonh_value *small = tenon__unary(b, TENON_OP_LOG1P, add(b, t, root(b, inside)));
    out[0] = narrowed(b, node, tenon__where(b, above(b, x, large_for(x)), log_twice(b, x), small));
}

/* log1p(2 a / (1 - a)) / 2 */
TENON__DECOMPOSITION(atanh) {
    tenonh_value *x = wide_of(b, node), *a = magnitude(b, x);
    tenonh_value *quotient = over(b, mul_number(b, a, 2), number_minus(b, 1, a));
    out[0] = narrowed(b, node, odd(b, x, mul_number(b, tenon__unary(b, TENON_OP_LOG1P, quotient), 0.5)));
}
