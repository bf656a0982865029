/* In-source maths, sections F32 and F64, second part: exp2 exp expm1 log2 log log1p tanh. Both types share the
 * algorithms; the constants (TN_C_*), the tables of coefficients and TN_LOG_REST come from f32.h and f64.h.
 *
 * exp:  x = n ln 2 + r, |r| <= ln 2 / 2, ln 2 as a head, whose products with n are exact, and a tail.
 * log:  x = 2^k m with m in [sqrt 1/2, sqrt 2); log m = t - (t^2/2 - rest), t = m - 1 exact.
 * n is rounded by adding 1.5 * 2^(significand bits), whose low bits then hold n as an integer. */

#define TN_BIAS ((TN_IT){0} + TN_C_BIAS)

/* c[0] + c[1] x + ... by Horner's rule. */
TN_INLINE TN_FT TNF(poly)(TN_FT x, const TN_SCALAR *c, int count) {
    TN_FT p = TN_SPLAT_F(c[count - 1]);
    TN_UNROLL
    for (int i = count - 2; i >= 0; i--) p = TN_MAD(x, p, TN_SPLAT_F(c[i]));
    return p;
}
#define TN_POLY(name, x)           TNF(poly)(x, TN__TABLE_OF(name, TN_F), TN__COUNT_OF(TN__TABLE_OF(name, TN_F)))
#define TN__TABLE_OF(name, dtype)  TN__TABLE_OF_(name, dtype)
#define TN__TABLE_OF_(name, dtype) tn__##name##_##dtype
#define TN__COUNT_OF(table)        (int)(sizeof(table) / sizeof(table)[0])

/* 2^n, n in [1 - bias, bias]. Of NaN any n: unsigned numbers wrap. */
TN_INLINE TN_FT TNF(pow2)(TN_UT n) {
    return TN_ASFLOAT((TN_IT)((n + (TN_UT)TN_BIAS) << TN_C_SIGNIFICAND));
}
/* p * 2^n, n in [-2 * bias, bias + 1]: two exact factors, so that only a subnormal result rounds. */
TN_INLINE TN_FT TNF(scale)(TN_FT p, TN_IT n) {
    TN_UT bias = (TN_UT)TN_BIAS, half = (((TN_UT)n + 2 * bias) >> 1) - bias;
    return p * TNF(pow2)(half) * TNF(pow2)((TN_UT)n - half);
}
/* a with NaN kept, in [low, high]. */
TN_INLINE TN_FT TNF(clamp)(TN_FT a, TN_FT low, TN_FT high) {
    a = TN_CHOOSE(TN_MASK(a < low), low, a);
    return TN_CHOOSE(TN_MASK(a > high), high, a);
}

TN_LARGE TN_FT TNF(exp2)(TN_FT a) {
    TN_FT magic = TN_SPLAT_F(TN_C_MAGIC), x = TNF(clamp)(a, TN_SPLAT_F(TN_C_EXP2_LOW), TN_SPLAT_F(TN_C_EXP2_HIGH));
    TN_FT t = x + magic, n = t - magic, f = x - n;
    TN_FT p = TN_MAD(f, TN_POLY(exp2, f), TN_SPLAT_F(1));
    return TNF(scale)(p, (TN_IT)((TN_UT)TN_ASINT(t) - (TN_UT)TN_ASINT(magic)));
}

/* expm1(r) for the r of x = n ln 2 + r. */
TN_INLINE TN_FT TNF(reduced_expm1)(TN_FT x, TN_IT *out_n) {
    TN_FT magic = TN_SPLAT_F(TN_C_MAGIC), t = TN_MAD(x, TN_SPLAT_F(TN_C_LOG2E), magic), n = t - magic;
    TN_FT r = TN_MAD(n, TN_SPLAT_F(-TN_C_LN2_LOW), x - n * TN_C_LN2_HIGH);
    *out_n = (TN_IT)((TN_UT)TN_ASINT(t) - (TN_UT)TN_ASINT(magic));
    return TN_MAD(r * r, TN_POLY(expm1, r), r);
}

TN_LARGE TN_FT TNF(exp)(TN_FT a) {
    TN_IT n;
    TN_FT x = TNF(clamp)(a, TN_SPLAT_F(TN_C_EXP_LOW), TN_SPLAT_F(TN_C_EXP_HIGH));
    TN_FT e = TNF(reduced_expm1)(x, &n);
    return TNF(scale)(e + 1, n);
}

/* 2^n e + (2^n - 1), at half the size so that the largest n does not overflow. */
TN_LARGE TN_FT TNF(expm1)(TN_FT a) {
    TN_IT n;
    TN_FT x = TNF(clamp)(a, TN_SPLAT_F(TN_C_EXPM1_LOW), TN_SPLAT_F(TN_C_EXP_HIGH));
    TN_FT e = TNF(reduced_expm1)(x, &n);
    TN_FT s = TNF(pow2)((TN_UT)n - 1), r = TN_MAD(s, e, s - TN_SPLAT_F(0.5)) * 2;
    r = TN_CHOOSE(TN_MASK(n == 0), e, r);
    return TNF(copysign)(r, a);
}

/* t and k of a > 0, finite. */
TN_INLINE TN_FT TNF(reduced_log)(TN_FT a, TN_FT *out_k) {
    TN_IT tiny = TN_MASK(a < TN_C_SMALLEST);
    TN_FT x = TN_CHOOSE(tiny, a * TN_C_GROW, a);
    TN_UT i = (TN_UT)TN_ASINT(x) - TN_C_SQRT_HALF;
    TN_UT k = (TN_UT)(i + ((TN_UT)TN_BIAS << TN_C_SIGNIFICAND)) >> TN_C_SIGNIFICAND; /* + bias */
    TN_UT m = (TN_UT)(i - ((TN_UT)(k - (TN_UT)TN_BIAS) << TN_C_SIGNIFICAND)) + TN_C_SQRT_HALF;
    TN_FT magic = TN_SPLAT_F(TN_C_MAGIC);
    TN_FT kf = TN_ASFLOAT(TN_ASINT(magic) + (TN_IT)k) - magic;
    *out_k = kf - TN_C_BIAS - TN_CHOOSE(tiny, TN_SPLAT_F(TN_C_GROW_BITS), TN_SPLAT_F(0));
    return TN_ASFLOAT((TN_IT)m) - 1;
}
/* What logarithms share outside (0, inf). */
TN_INLINE TN_FT TNF(log_edges)(TN_FT a, TN_FT r) {
    TN_FT infinite = TN_SPLAT_F(__builtin_inf()), low = TN_CHOOSE(TN_MASK(a == 0), -infinite, infinite - infinite);
    r = TN_CHOOSE(TN_MASK(a > 0), r, low);
    return TN_CHOOSE(TN_MASK(a < infinite), r, a + infinite);
}

#if TN_BITS == 64
TN_INLINE TN_FT TNF(log_rest)(TN_FT t, TN_FT half) {
    TN_FT s = t / (t + 2), z = s * s;
    return s * (half + z * TN_POLY(log, z));
}
#endif

TN_LARGE TN_FT TNF(log2)(TN_FT a) {
    TN_FT k, t = TNF(reduced_log)(a, &k), half = TN_SPLAT_F(0.5) * t * t, rest = TN_LOG_REST(t, half);
    /* Head and tail of log m, so that the head's product with the short head of log2 e is exact. */
    TN_FT head = TN_ASFLOAT(TN_ASINT(t - half) & ~((TN_IT){0} + TN_C_TAIL_MASK));
    TN_FT tail = (t - head) - half + rest;
    TN_FT y = head * TN_C_LOG2E_HIGH, z = TN_MAD(tail + head, TN_SPLAT_F(TN_C_LOG2E_LOW), tail * TN_C_LOG2E_HIGH);
    TN_FT sum = k + y;
    return TNF(log_edges)(a, sum + (((k - sum) + y) + z));
}

TN_LARGE TN_FT TNF(log)(TN_FT a) {
    TN_FT k, t = TNF(reduced_log)(a, &k), half = TN_SPLAT_F(0.5) * t * t;
    TN_FT rest = TN_MAD(k, TN_SPLAT_F(TN_C_LN2_LOW), TN_LOG_REST(t, half));
    return TNF(log_edges)(a, k * TN_C_LN2_HIGH - ((half - rest) - t));
}

/* log of u = 1 + a, plus (what u lost) / u. */
TN_LARGE TN_FT TNF(log1p)(TN_FT a) {
    TN_FT u = a + 1, lost = TN_CHOOSE(TN_MASK(a > 1), 1 - (u - a), a - (u - 1));
    TN_FT k, t = TNF(reduced_log)(u, &k), half = TN_SPLAT_F(0.5) * t * t;
    lost = TN_CHOOSE(TN_MASK(u > 0), lost / u, lost);
    TN_FT rest = TN_LOG_REST(t, half) + TN_MAD(k, TN_SPLAT_F(TN_C_LN2_LOW), lost);
    TN_FT r = k * TN_C_LN2_HIGH - ((half - rest) - t);
    r = TN_CHOOSE(TN_MASK(TNF(abs)(a) < TN_C_TINY), a, r);
    return TNF(log_edges)(u, r);
}

/* e / (e + 2) with e = expm1(2 |a|): good near 0 as well. */
TN_LARGE TN_FT TNF(tanh)(TN_FT a) {
    TN_FT m = TNF(abs)(a), e = TNF(expm1)(TN_CHOOSE(TN_MASK(m > TN_C_TANH_HIGH), TN_SPLAT_F(TN_C_TANH_HIGH), m) * 2);
    return TNF(copysign)(e / (e + 2), a);
}

/* Near 0 a times a polynomial of a^2; further out 1 - exp(-a^2) Q(t), t = (|a| - 2) / (|a| + 2). */
TN_LARGE TN_FT TNF(erf)(TN_FT a) {
    TN_FT m = TNF(abs)(a), x = TN_CHOOSE(TN_MASK(m > TN_C_ERF_HIGH), TN_SPLAT_F(TN_C_ERF_HIGH), m), z = x * x;
    TN_FT low = TN_MAD(x, TN_POLY(erf, z), x), t = (x - 2) / (x + 2);
    TN_FT high = 1 - TNF(exp)(-z) * TN_POLY(erfc, t);
    return TNF(copysign)(TN_CHOOSE(TN_MASK(x < 1), low, high), a);
}
#undef TN_BIAS
