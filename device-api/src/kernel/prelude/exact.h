/* In-source maths, sections F32 and F64: exact fma and remainder of one double, by integers. Printed once. */
#ifndef TN_EXACT
#define TN_EXACT

__extension__ typedef unsigned __int128 tn__u128;

/* |v| = result * 2^out_e, the result having 53 bits; v is finite and not 0. */
TN_INLINE tn_u64x1 tn__significand(double v, int *out_e) {
    tn_u64x1 bits = tn__bits64(v) & ~((tn_u64x1)1 << 63), m = bits & 0xfffffffffffffu;
    if (bits >> 52 == 0) {
        int shift = __builtin_clzll(m) - 11;
        *out_e = -1074 - shift;
        return m << shift;
    }
    *out_e = (int)(bits >> 52) - 1075;
    return m | 0x10000000000000u;
}

/* m * 2^e, exact when that is representable. m < 2^54. */
TN_INLINE double tn__compose(tn_u64x1 m, int e, int negative) {
    double r = (double)m;
    int half = e / 2;
    r = r * tn__float64((tn_u64x1)(half + 1023) << 52) * tn__float64((tn_u64x1)(e - half + 1023) << 52);
    return negative ? -r : r;
}

/* v >> shift with a set last bit standing for all that was lost. */
TN_INLINE tn__u128 tn__shift_sticky(tn__u128 v, int shift) {
    if (shift > 127) return v != 0;
    return shift == 0 ? v : (v >> shift) | ((v << (128 - shift)) != 0);
}

/* a * b + c rounded once. Product and addend are aligned in 128 bits with their leading bits at 125 ... 126. */
TN_SLOW double tn__fma_exact(double a, double b, double c) {
    if (!(a - a == 0) || !(b - b == 0) || a == 0 || b == 0) return a * b + c;
    if (!(c - c == 0)) return c + c;
    if (c == 0) return a * b;
    int ea, eb, ec;
    tn_u64x1 ma = tn__significand(a, &ea), mb = tn__significand(b, &eb), mc = tn__significand(c, &ec);
    tn__u128 p = (tn__u128)ma * mb << 21, q = (tn__u128)mc << 74;
    int e = ea + eb - 21, negative = (a < 0) != (b < 0);
    ec -= 74;
    if (e >= ec) {
        q = tn__shift_sticky(q, e - ec);
    } else {
        p = tn__shift_sticky(p, ec - e);
        e = ec;
    }
    if (negative == (c < 0)) {
        p += q;
    } else if (p >= q) {
        p -= q;
    } else {
        p = q - p;
        negative = !negative;
    }
    if (p == 0) return 0.0;
    int top = p >> 64 ? 127 - __builtin_clzll((tn_u64x1)(p >> 64)) : 63 - __builtin_clzll((tn_u64x1)p);
    int shift = top - 52 > -1074 - e ? top - 52 : -1074 - e;
    if (shift <= 0) return tn__compose((tn_u64x1)p, e, negative);
    /* Two bits below the last kept one decide the rounding. */
    tn_u64x1 m = (tn_u64x1)tn__shift_sticky(shift > 2 ? p : p << 2, shift > 2 ? shift - 2 : shift);
    m = (m >> 2) + ((m & 3) == 3 || (m & 7) == 6);
    return tn__compose(m, e + shift, negative);
}

/* The remainder of a / b truncated, exact, with the sign of a. */
TN_SLOW double tn__rem_exact(double a, double b) {
    double ma = __builtin_fabs(a), mb = __builtin_fabs(b);
    if (!(a - a == 0) || !(mb > 0)) return (a * b) / (a * b) + (b - b) / (b - b);
    if (ma < mb) return a;
    int ea, eb;
    tn_u64x1 m = tn__significand(a, &ea), d = tn__significand(b, &eb);
    m %= d;
    for (int n = ea - eb; n > 0; n -= 11) m = (m << (n < 11 ? n : 11)) % d;
    return m == 0 ? (a < 0 ? -0.0 : 0.0) : tn__compose(m, eb, a < 0);
}
#endif
