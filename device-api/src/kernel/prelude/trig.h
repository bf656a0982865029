/* In-source maths, sections F32 and F64: what their sines and cosines share. Printed once, whichever comes first. */
#ifndef TN_TRIG
#define TN_TRIG

/* (sin r - r) / r^3 and (cos r - 1 + r^2/2) / r^4 in r^2, |r| <= pi/4. */
TN_TABLE double tn__sin_f64[] = {-0x1.555555555554dp-3, 0x1.111111110fb50p-7,   -0x1.a01a019c30b49p-13,
                                 0x1.71de356f6ebb9p-19, -0x1.ae5e4c543859ap-26, 0x1.5d87729b00864p-33};
TN_TABLE double tn__cos_f64[] = {0x1.5555555555553p-5,   -0x1.6c16c16c16134p-10, 0x1.a01a019e24ee8p-16,
                                 -0x1.27e4f9040a8d5p-22, 0x1.1eea895c39e12p-29,  -0x1.8ff9dc27aa668p-37};

/* 2/pi after the binary point, the most significant bits first. */
TN_TABLE tn_u64x1 tn__two_over_pi[20] = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
    0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
    0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d};

/* The quadrant, modulo 4, and the rest out_r[0] + out_r[1] in [-pi/4, pi/4] of a finite |x| >= 2^16.
 * x = m 2^e with a 53-bit integer m. Bits of 2/pi that are worth 4 or more after the product fall away; of the 192 that
 * follow, the product's low 192 bits are 2 of quadrant and 190 of fraction, wrong by less than 2^-137. No double
 * comes nearer to a multiple of pi/2 than 2^-62. */
TN_SLOW int tn__reduce_large(double x, double *out_r) {
    tn_u64x1 bits = tn__bits64(x), m = (bits & 0xfffffffffffffu) | 0x10000000000000u, w[3];
    int skip = (int)(bits >> 52 & 0x7ff) - 1077 + 64; /* as if 64 zeros stood before the table */
    for (int i = 0; i < 3; i++) {
        int at = skip / 64 + i, shift = skip % 64;
        tn_u64x1 high = at == 0 ? 0 : tn__two_over_pi[at - 1];
        w[i] = shift == 0 ? high : high << shift | tn__two_over_pi[at] >> (64 - shift);
    }
    tn__u128 p2 = (tn__u128)m * w[2], p1 = (tn__u128)m * w[1] + (tn_u64x1)(p2 >> 64);
    tn_u64x1 a = m * w[0] + (tn_u64x1)(p1 >> 64), b = (tn_u64x1)p1, c = (tn_u64x1)p2;
    int quadrant = (int)(a >> 62);
    a = a << 2 | b >> 62, b = b << 2 | c >> 62, c <<= 2; /* the fraction, 192 bits of it */
    int negative = (int)(a >> 63);
    if (negative) { /* past a half: the next quadrant, less what is missing */
        quadrant++;
        a = ~a, b = ~b, c = ~c;
    }
    int zeros = 0;
    if (a == 0) a = b, b = c, c = 0, zeros = 64;
    int lead = __builtin_clzll(a | 1);
    if (lead != 0) a = a << lead | b >> (64 - lead), b = b << lead | c >> (64 - lead);
    /* Times pi/2: 128 bits of the product, the upper 53 into the head. */
    const tn_u64x1 high = 0xc90fdaa22168c234, low = 0xc4c6628b80dc1cd1;
    tn__u128 p = (tn__u128)a * high + (tn_u64x1)((tn__u128)a * low >> 64) + (tn_u64x1)((tn__u128)b * high >> 64);
    tn_u64x1 top = (tn_u64x1)(p >> 64);
    double scale = tn__float64((tn_u64x1)(1023 - 63 - zeros - lead) << 52) * (negative != (x < 0) ? -1.0 : 1.0);
    out_r[0] = (double)(top & ~(tn_u64x1)0x7ff) * scale;
    out_r[1] = ((double)(top & 0x7ff) + (double)(tn_u64x1)p * 0x1p-64) * scale;
    return x < 0 ? -quadrant : quadrant;
}

/* sin (turn 0) or cos (turn 1) of any |x| >= 2^16; NaN when x is not finite. */
TN_SLOW double tn__trig_large(double x, int turn) {
    double r[2], p;
    if (!(x - x == 0)) return x - x;
    int q = (tn__reduce_large(x, r) + turn) & 3;
    double z = r[0] * r[0];
    const double *terms = q & 1 ? tn__cos_f64 : tn__sin_f64;
    p = terms[5];
    for (int i = 4; i >= 0; i--) p = p * z + terms[i];
    if (q & 1) {
        double w = 1 - 0.5 * z;
        p = w + (((1 - w) - 0.5 * z) + (z * (z * p) - r[0] * r[1]));
    } else {
        p = r[0] + (r[1] + (r[0] * z * p - 0.5 * z * r[1]));
    }
    return q & 2 ? -p : p;
}
#endif
