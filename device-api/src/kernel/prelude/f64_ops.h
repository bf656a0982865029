/* In-source maths, section F64, last part. */

/* a * b = result + *out_error, while nothing over- or underflows. */
TN_INLINE TN_FT TNF(product)(TN_FT a, TN_FT b, TN_FT *out_error) {
    TN_FT p = a * b;
#if TN_FAST_FMA
    *out_error = TNF(fma)(a, b, -p);
#else
    TN_FT ca = a * 134217729.0, cb = b * 134217729.0; /* 2^27 + 1: halves of 26 bits */
    TN_FT ah = ca - (ca - a), al = a - ah, bh = cb - (cb - b), bl = b - bh;
    *out_error = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
#endif
    return p;
}
/* a + b = result + *out_error. */
TN_INLINE TN_FT TNF(sum)(TN_FT a, TN_FT b, TN_FT *out_error) {
    TN_FT s = a + b, d = s - a;
    *out_error = (a - (s - d)) + (b - d);
    return s;
}

/* sin (turn 0) or cos (turn 1). Up to 2^20 pi/2 is taken off in four parts, the first three of 33 bits, so that their
 * products are exact; what cancels is made up by the next. */
TN_LARGE TN_FT TNF(trig)(TN_FT a, int turn) {
    TN_FT magic = TN_SPLAT_F(TN_C_MAGIC), t = a * TN_SPLAT_F(0x1.45f306dc9c883p-1) + magic, n = t - magic, e1, e2, y;
    TN_FT r = a - n * 0x1.921fb544p0;
    r = TNF(sum)(r, -(n * 0x1.0b4611a6p-34), &e1);
    r = TNF(sum)(r, -(n * 0x1.3198a2ep-69), &e2);
    r = TNF(sum)(r, (e1 + e2) - n * 0x1.b839a252049c1p-104, &y);
    TN_FT z = r * r, half = z * 0.5, w = 1 - half;
    TN_FT s = r + (y + (r * z * TN_POLY(sin, z) - half * y));
    TN_FT c = w + (((1 - w) - half) + (z * (z * TN_POLY(cos, z)) - r * y));
    TN_IT q = (TN_IT)((TN_UT)TN_ASINT(t) + (tn_u64x1)turn), odd = -(q & 1);
    TN_FT v = TN_ASFLOAT(TN_ASINT(TN_CHOOSE(odd, c, s)) ^ (TN_IT)((TN_UT)(q & 2) << 62));
    if (turn == 0) v = TN_CHOOSE(TN_MASK(TNF(abs)(a) < 0x1p-27), a, v); /* -0 and subnormals */
    TN_IT large = ~TN_MASK(TNF(abs)(a) < 0x1p20);
    if (__builtin_expect(TN2(any_, TN_I)(large), 0)) {
        TN_EACH(i) {
            if (TN_AT(large, i)) TN_AT(v, i) = tn__trig_large(TN_AT(a, i), turn);
        }
    }
    return v;
}
TN_INLINE TN_FT TNF(sin)(TN_FT a) {
    return TNF(trig)(a, 0);
}
TN_INLINE TN_FT TNF(cos)(TN_FT a) {
    return TNF(trig)(a, 1);
}

/* log2 a = result + *out_low to 65 bits, for a >= 0. */
TN_INLINE TN_FT TNF(log2_twice)(TN_FT a, TN_FT *out_low) {
    TN_FT k, m = TNF(reduced_log)(a, &k) + 1, e, infinite = TN_SPLAT_F(__builtin_inf());
    TN_FT f = m - 1, g = m + 1, gl = m - (g - 1), s = f / g;
    TN_FT p = TNF(product)(s, g, &e), sl = (((f - p) - e) - s * gl) / g;
    TN_FT zl, z = TNF(product)(s, s, &zl);
    zl = zl + 2 * s * sl;
    /* log m = (s + sl)(2 + u + ul), u = z (2/3 + z P(z)) */
    TN_FT rest = z * TN_POLY(pow, z), c = 0x1.5555555555555p-1 + rest;
    TN_FT cl = (0x1.5555555555555p-1 - c) + rest + 0x1.5555555555555p-55;
    TN_FT ul, u = TNF(product)(z, c, &ul);
    ul = ul + (z * cl + zl * c);
    TN_FT v = 2 + u, vl = ((2 - v) + u) + ul, ll, l = TNF(product)(s, v, &ll);
    ll = ll + (s * vl + sl * v);
    TN_FT hl, h = TNF(product)(l, TN_SPLAT_F(TN_C_LOG2E), &hl), low;
    hl = hl + (l * 0x1.777d0ffda0d24p-56 + ll * TN_C_LOG2E);
    TN_FT r = TNF(sum)(k, h, &low);
    *out_low = low + hl;
    r = TN_CHOOSE(TN_MASK(a == 0), -infinite, r);
    return TN_CHOOSE(TN_MASK(a < infinite), r, a);
}

TN_LARGE TN_FT TNF(pow)(TN_FT a, TN_FT b) {
    TN_FT y = TNF(clamp)(b, TN_SPLAT_F(-0x1p66), TN_SPLAT_F(0x1p66)), magic = TN_SPLAT_F(TN_C_MAGIC),
          one = TN_SPLAT_F(1);
    TN_FT logl, log = TNF(log2_twice)(TNF(abs)(a), &logl), pl, p = TNF(product)(y, log, &pl);
    pl = pl + y * logl;
    TN_IT far = ~TN_MASK(TNF(abs)(p) < 1100);
    p = TNF(clamp)(p, TN_SPLAT_F(-1100), TN_SPLAT_F(1100));
    pl = TN_CHOOSE(far, p - p, pl);
    TN_FT t = p + magic, f = p - (t - magic), g = f + pl, gl = (f - g) + pl;
    /* 2^(g + gl) = 1 + g ln 2 + g^2 P(g) + 2^g gl ln 2 */
    TN_FT wl, w = TNF(product)(g, TN_SPLAT_F(0x1.62e42fefa39efp-1), &wl);
    TN_FT rest = g * g * TNF(poly)(g, tn__exp2_f64 + 1, 11), h = 1 + w, l = (1 - h) + w;
    wl = wl + g * 0x1.abc9e3b39803fp-56 + (h + rest) * gl * 0x1.62e42fefa39efp-1;
    TN_FT r = TNF(scale)(h + (l + (rest + wl)), (TN_IT)((TN_UT)TN_ASINT(t) - (TN_UT)TN_ASINT(magic)));
    r = TN_CHOOSE(TN_MASK(TNF(abs)(a) == 1) | TN_MASK(b == 0), one, r);
    return TNF(pow_signs)(a, b, r);
}

/* The rounded quotient truncated is right or one too large; fma makes the rest exact. */
TN_LARGE TN_FT TNF(rem)(TN_FT a, TN_FT b) {
#if TN_FAST_FMA
    TN_FT m = TNF(abs)(a), d = TNF(abs)(b), q = TNF(trunc)(m / d), r = TNF(fma)(-q, d, m);
    r = TN_CHOOSE(TN_MASK(r < 0), r + d, r);
    TN_IT hard = ~(TN_MASK(q < 0x1p52) & TN_MASK(d < __builtin_inf()));
    r = TNF(copysign)(r, a);
    if (!__builtin_expect(TN2(any_, TN_I)(hard), 0)) return r;
#else
    TN_FT r = a;
    TN_IT hard = TN_MASK(a == a) | ~TN_MASK(a == a);
#endif
    TN_EACH(i) {
        if (TN_AT(hard, i)) TN_AT(r, i) = tn__rem_exact(TN_AT(a, i), TN_AT(b, i));
    }
    return r;
}
