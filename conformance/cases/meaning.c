#include "cases/meaning.h"

#include <math.h>

#include "cases/exact.h"

#define REAL(name, expression)                                                                                         \
    static long double real_##name(long double a, long double b, long double c) {                                      \
        (void)a, (void)b, (void)c;                                                                                     \
        return expression;                                                                                             \
    }
#define WHOLE(name, expression)                                                                                        \
    static cf_integer whole_##name(tenon_dtype t, cf_integer a, cf_integer b, cf_integer c) {                          \
        (void)t, (void)a, (void)b, (void)c;                                                                            \
        return expression;                                                                                             \
    }

static int bits(tenon_dtype dtype) {
    return (int)tenon_dtype_bits(dtype);
}

static long double larger(long double a, long double b) {
    if (isnan(a) || isnan(b)) return NAN;
    if (a == 0 && b == 0) return signbit(a) ? b : a;
    return a > b ? a : b;
}

static cf_integer shift_left(tenon_dtype t, cf_integer a, cf_integer b) {
    return b < 0 || b >= bits(t) ? 0 : a * ((cf_integer)1 << (int)b);
}

static cf_integer shift_right(tenon_dtype t, cf_integer a, cf_integer b) {
    if (b >= 0 && b < bits(t)) return a >> (int)b;
    return a < 0 ? -1 : 0;
}

/* Whole powers of whole numbers exactly, as long as 64 bits hold them. */
static long double power(long double a, long double b) {
    long double product = 1;
    if (!(b >= 0 && b <= 64) || b != rintl(b) || a != rintl(a) || isinf(a)) return powl(a, b);
    for (int i = 0; i < (int)b; i++) product *= a;
    return fabsl(product) < 0x1p64L ? product : powl(a, b);
}

REAL(sqrt, cf_exact_sqrt(a))
REAL(exp2, exp2l(a))
REAL(log2, log2l(a))
REAL(sin, sinl(a))
REAL(cos, cosl(a))
REAL(floor, floorl(a))
REAL(trunc, truncl(a))
REAL(rint, rintl(a))
REAL(abs, fabsl(a))
REAL(neg, -a)
REAL(add, cf_exact_add(a, b))
REAL(sub, cf_exact_add(a, -b))
REAL(mul, cf_exact_mul(a, b))
REAL(div, cf_exact_div(a, b))
REAL(rem, fmodl(a, b))
REAL(pow, power(a, b))
REAL(max, larger(a, b))
REAL(min, -larger(-a, -b))
REAL(lt, a < b)
REAL(eq, a == b)
REAL(where, a != 0 ? b : c)
REAL(fma, cf_exact_fma(a, b, c))
REAL(exp, expl(a))
REAL(log, logl(a))
REAL(expm1, expm1l(a))
REAL(log1p, log1pl(a))
REAL(tanh, tanhl(a))
REAL(erf, erfl(a))

WHOLE(abs, a < 0 ? -a : a)
WHOLE(neg, -a)
WHOLE(add, a + b)
WHOLE(sub, a - b)
WHOLE(mul, (cf_integer)((cf_natural)a *(cf_natural)b))
WHOLE(div, b == 0 ? 0 : a / b)
WHOLE(rem, b == 0 ? a : a % b)
WHOLE(max, a > b ? a : b)
WHOLE(min, a < b ? a : b)
WHOLE(lt, a < b)
WHOLE(eq, a == b)
WHOLE(and, a &b)
WHOLE(or, a | b)
WHOLE(xor, a ^ b)
WHOLE(shl, shift_left(t, a, b))
WHOLE(shr, shift_right(t, a, b))
WHOLE(where, a ? b : c)

/* F: floats only; I: integers only; N: both. */
#define F(NAME, name, wide, narrow) {TENON_OP_##NAME, real_##name, NULL, wide, narrow},
#define I(NAME, name)               {TENON_OP_##NAME, NULL, whole_##name, 0, 0},
#define N(NAME, name, wide, narrow) {TENON_OP_##NAME, real_##name, whole_##name, wide, narrow},
static const cf_meaning meanings[] = {
    F(SQRT, sqrt, 0.5, 0.5) F(EXP2, exp2, 3, 2) F(LOG2, log2, 3, 2) F(SIN, sin, 4, 2) F(COS, cos, 4, 2)
        F(FLOOR, floor, 0, 0) F(TRUNC, trunc, 0, 0) F(RINT, rint, 0, 0) N(ABS, abs, 0, 0) N(NEG, neg, 0, 0)
            N(ADD, add, 0.5, 0.5) N(SUB, sub, 0.5, 0.5) N(MUL, mul, 0.5, 0.5) N(DIV, div, 0.5, 0.5) N(REM, rem, 0, 0)
                F(POW, pow, 16, 4) N(MAX, max, 0, 0) N(MIN, min, 0, 0) N(LT, lt, 0, 0) N(EQ, eq, 0, 0) I(AND, and)
                    I(OR, or) I(XOR, xor) I(SHL, shl) I(SHR, shr) N(WHERE, where, 0, 0) F(FMA, fma, 0.5, 0.5)
                        F(EXP, exp, 4, 2) F(LOG, log, 4, 2) F(EXPM1, expm1, 4, 2) F(LOG1P, log1p, 4, 2)
                            F(TANH, tanh, 4, 2) F(ERF, erf, 4, 2)};

const cf_meaning *cf_meaning_of(tenon_op op) {
    for (uint32_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].op == op) return &meanings[i];
    return NULL;
}

/* x modulo 2^64 of a float's integer part, exact for any finite float. */
static cf_integer integer_part(long double x) {
    long double whole = truncl(x);
    return (cf_integer)fmodl(whole, 0x1p100L);
}

static cf_integer to_integer(tenon_dtype to, bool wrap, long double x) {
    if (isnan(x)) return 0;
    if (wrap) return isinf(x) ? 0 : integer_part(x);
    if (x <= (long double)cf_lowest(to)) return cf_lowest(to);
    return x >= (long double)cf_highest(to) ? cf_highest(to) : (cf_integer)truncl(x);
}

cf_number cf_cast(tenon_dtype from, tenon_dtype to, bool wrap, cf_number n) {
    bool is_float = cf_is_float(from);
    if (to == TENON_DTYPE_BOOL) return (cf_number){.i = is_float ? n.f != 0 : n.i != 0};
    if (cf_is_float(to)) return (cf_number){.f = is_float ? n.f : (long double)n.i};
    return (cf_number){.i = is_float ? to_integer(to, wrap, n.f) : n.i};
}
