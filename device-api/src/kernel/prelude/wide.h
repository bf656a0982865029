/* In-source maths, section F32: what is easiest done in double, one native vector of doubles at a time. Printed once. */
#ifndef TN_WIDE
#define TN_WIDE (TN_NATIVE / 8) /* lanes */
typedef double tn__wide __attribute__((vector_size(TN_NATIVE)));
typedef tn_i64x1 tn__wide_int __attribute__((vector_size(TN_NATIVE)));
typedef tn_u64x1 tn__wide_uint __attribute__((vector_size(TN_NATIVE)));
typedef float tn__wide_half __attribute__((vector_size(TN_NATIVE / 2)));

/* Up to TN_WIDE lanes of a float vector from lane i on, and back. */
#define TN_WIDEN(v, i)     tn__widen((const char *)&(v) + 4 * (i), TN_LANES < TN_WIDE ? TN_LANES : TN_WIDE)
#define TN_NARROW(v, i, w) tn__narrow((char *)&(v) + 4 * (i), TN_LANES < TN_WIDE ? TN_LANES : TN_WIDE, w)
TN_INLINE tn__wide tn__widen(const char *from, unsigned long lanes) {
    tn__wide_half h = {0};
    __builtin_memcpy(&h, from, 4 * lanes);
    return __builtin_convertvector(h, tn__wide);
}
TN_INLINE void tn__narrow(char *to, unsigned long lanes, tn__wide w) {
    tn__wide_half h = __builtin_convertvector(w, tn__wide_half);
    __builtin_memcpy(to, &h, 4 * lanes);
}

TN_INLINE tn__wide tn__wide_mad(tn__wide a, tn__wide b, tn__wide c) {
#if defined(__FMA__) && TN_NATIVE == 64
    return tn__fma_f64p8(a, b, c);
#elif defined(__FMA__) && TN_NATIVE == 32
    return tn__fma_f64p4(a, b, c);
#else
    return a * b + c;
#endif
}
TN_INLINE tn__wide tn__wide_poly(tn__wide x, const double *c, int count) {
    tn__wide p = c[count - 1] - (tn__wide){0};
    TN_UNROLL
    for (int i = count - 2; i >= 0; i--) p = tn__wide_mad(x, p, c[i] - (tn__wide){0});
    return p;
}
TN_INLINE tn__wide tn__wide_select(tn__wide_int m, tn__wide a, tn__wide b) {
    return (tn__wide)((m & (tn__wide_int)a) | (~m & (tn__wide_int)b));
}
#define TN_WIDE_SIGN(a) ((tn__wide_int)(a) & ((tn__wide_int){0} - 0x7fffffffffffffff - 1))
TN_INLINE tn__wide tn__wide_abs(tn__wide a) {
    return (tn__wide)((tn__wide_int)a & 0x7fffffffffffffff);
}
/* To the nearest integer, ties to even; |a| < 2^51. */
TN_INLINE tn__wide tn__wide_rint(tn__wide a) {
    tn__wide big = (tn__wide)(TN_WIDE_SIGN(a) | (tn__wide_int)(0x1p52 - (tn__wide){0}));
    return (a + big) - big;
}

/* a * b + c rounded to odd: the product of two floats is exact; the sum's last bit is set where the sum is not, so that
 * the rounding to float that follows is the only one. */
TN_INLINE tn__wide tn__wide_fma(tn__wide a, tn__wide b, tn__wide c) {
    tn__wide p = a * b, s = p + c, d = s - p, e = (p - (s - d)) + (c - d);
    tn__wide_int inexact = (e > 0) | (e < 0), even = ((tn__wide_int)s & 1) - 1;
    tn__wide_int up = ~((e > 0) ^ (s > 0)); /* away from 0 where the error has the sum's sign */
    return (tn__wide)((tn__wide_int)s + (inexact & even & ((up & 2) - 1)));
}

/* sin (turn 0) or cos (turn 1), |x| < 2^19: pi/2 as a head of 33 bits, whose products are exact, and a tail. */
#define TN_WIDE_TRIG_LIMIT 0x1p19f
TN_TABLE double tn__wide_sin[] = {-0x1.5555554d9ee4ep-3, 0x1.11110877b3828p-7, -0x1.a00f39713eda7p-13,
                                  0x1.6cb769d87eb0dp-19};
TN_TABLE double tn__wide_cos[] = {0x1.55555552c2419p-5, -0x1.6c16bbae83290p-10, 0x1.a012cf3d4c57dp-16,
                                  -0x1.2474f4245f663p-22};
TN_INLINE tn__wide tn__wide_trig(tn__wide x, tn_i64x1 turn) {
    tn__wide magic = 0x1.8p52 - (tn__wide){0}, t = x * 0x1.45f306dc9c883p-1 + magic, n = t - magic;
    tn__wide r = (x - n * 0x1.921fb544p0) - n * 0x1.0b4611a626331p-34, z = r * r;
    tn__wide_int q = (tn__wide_int)t + turn;
    tn__wide s = r * tn__wide_mad(z, tn__wide_poly(z, tn__wide_sin, 4), 1 - (tn__wide){0});
    tn__wide c = tn__wide_mad(z * z, tn__wide_poly(z, tn__wide_cos, 4), 1 - z * 0.5);
    tn__wide_int odd = -(q & 1), sign = (tn__wide_int)((tn__wide_uint)(q & 2) << 62);
    return (tn__wide)((tn__wide_int)tn__wide_select(odd, c, s) ^ sign);
}

/* x^y but for the sign: 2^(y log2 |x|), 44 bits of it. */
TN_TABLE double tn__wide_log2[] = {0x1.71547652b82ffp+1, 0x1.ec709dc39c98dp-1, 0x1.2776c516b30d2p-1,
                                   0x1.a617566aaa30fp-2, 0x1.484fafab35642p-2, 0x1.0bb74841cb52ap-2,
                                   0x1.f1901f3aeeddbp-3};
TN_TABLE double tn__wide_exp2[] = {0x1.62e42fef6cd41p-1,  0x1.ebfbdff81d29ap-3,  0x1.c6b08e06f42b5p-5,
                                   0x1.3b2ab72566206p-7,  0x1.5d8715af68777p-10, 0x1.430891efff85ap-13,
                                   0x1.00f7b399166e5p-16, 0x1.63ef985f2da27p-20};
TN_INLINE tn__wide tn__wide_pow(tn__wide x, tn__wide y) {
    const double infinite = __builtin_inf(), low = -160, high = 136;
    tn__wide a = tn__wide_abs(x), magic = 0x1.8p52 - (tn__wide){0};
    tn__wide_uint i = (tn__wide_uint)a - 0x3fe6a09e667f3bcdu + ((tn_u64x1)1023 << 52), k = i >> 52;
    tn__wide m = (tn__wide)((i & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu);
    tn__wide kf = ((tn__wide)((tn__wide_uint)magic + k) - magic) - 1023;
    tn__wide s = (m - 1) / (m + 1), log = kf + s * tn__wide_poly(s * s, tn__wide_log2, 7);
    log = tn__wide_select(a == 0, -infinite - (tn__wide){0}, log);
    log = tn__wide_select(a < infinite, log, a);
    tn__wide p = y * log;
    p = tn__wide_select(p < low, low - (tn__wide){0}, p);
    p = tn__wide_select(p > high, high - (tn__wide){0}, p);
    tn__wide t = p + magic, f = p - (t - magic);
    tn__wide_uint n = (tn__wide_uint)t - (tn__wide_uint)magic + 1023;
    tn__wide r = tn__wide_mad(f, tn__wide_poly(f, tn__wide_exp2, 8), 1 - (tn__wide){0}) * (tn__wide)(n << 52);
    return tn__wide_select((a == 1) | (y == 0), 1 - (tn__wide){0}, r);
}

/* a rem b where the quotient is below 2^28, so that truncating the rounded quotient and both products are exact; other
 * lanes give NaN. */
TN_INLINE tn__wide tn__wide_rem(tn__wide a, tn__wide b) {
    tn__wide m = tn__wide_abs(a), d = tn__wide_abs(b), q = m / d, n = tn__wide_rint(q);
    n = tn__wide_select(n > q, n - 1, n);
    tn__wide r = m - n * d;
    r = tn__wide_select((q < 0x1p28) & (d < __builtin_inf()), r, __builtin_nan("") - (tn__wide){0});
    return (tn__wide)((tn__wide_int)r | TN_WIDE_SIGN(a));
}
#endif
