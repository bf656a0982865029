#include "cases/exact.h"

#include <float.h>
#include <math.h>

/* `near` is the exact result rounded to nearest, `rest` has the sign of what it lacks. */
static long double to_odd(long double near, long double rest) {
    int exponent;
    if (rest == 0 || !isfinite(near) || !isfinite(rest)) return near;
    long double whole = scalbnl(frexpl(near, &exponent), LDBL_MANT_DIG);
    if (fmodl(whole, 2) != 0) return near;
    return nextafterl(near, copysignl(INFINITY, rest));
}

/* a + b - sum, exactly (Knuth's two-sum). */
static long double rest_of_sum(long double a, long double b, long double sum) {
    long double b_part = sum - a, a_part = sum - b_part;
    return (a - a_part) + (b - b_part);
}

long double cf_exact_add(long double a, long double b) {
    long double sum = a + b;
    return isfinite(sum) ? to_odd(sum, rest_of_sum(a, b, sum)) : sum;
}

long double cf_exact_mul(long double a, long double b) {
    long double product = a * b;
    return isfinite(product) ? to_odd(product, fmal(a, b, -product)) : product;
}

long double cf_exact_div(long double a, long double b) {
    long double quotient = a / b;
    if (!isfinite(quotient) || isinf(b) || quotient == 0) return quotient;
    long double rest = fmal(-quotient, b, a);
    return to_odd(quotient, b < 0 ? -rest : rest);
}

long double cf_exact_sqrt(long double a) {
    long double root = sqrtl(a);
    return isfinite(root) ? to_odd(root, fmal(-root, root, a)) : root;
}

long double cf_exact_fma(long double a, long double b, long double c) {
    long double product = a * b;
    if (!isfinite(product) || !isfinite(c)) return product + c;
    long double below = fmal(a, b, -product), sum = product + c, rest = rest_of_sum(product, c, sum);
    long double low = rest + below, lost = rest_of_sum(rest, below, low);
    if (low == 0) return sum; /* with the sign of its zero */
    long double total = sum + low;
    return to_odd(total, rest_of_sum(sum, low, total) + lost);
}
