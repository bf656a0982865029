/* In-source maths, section F64: its constants. Included once per lane count, before float.h, elementary.h, f64_ops.h
 * and float_end.h. Measured errors: ../LOWERING.md. */
#define TN_F      f64
#define TN_I      i64
#define TN_U      u64
#define TN_BITS   64
#define TN_SCALAR tn_f64x1

#define TN_C_BIAS        1023
#define TN_C_SIGNIFICAND 52
#define TN_C_MAGIC       0x1.8p52
#define TN_C_EXP2_LOW    -1076.0
#define TN_C_EXP2_HIGH   1025.0
#define TN_C_EXP_LOW     -746.0
#define TN_C_EXP_HIGH    710.0
#define TN_C_EXPM1_LOW   -38.0
#define TN_C_TANH_HIGH   20.0
#define TN_C_ERF_HIGH    6.0
#define TN_C_TINY        0x1p-54
#define TN_C_SMALLEST    0x1p-1022
#define TN_C_GROW        0x1p52
#define TN_C_GROW_BITS   52
#define TN_C_SQRT_HALF   0x3fe6a09e667f3bcdu
#define TN_C_TAIL_MASK   0xffffffff
#define TN_C_LOG2E       0x1.71547652b82fep0
#define TN_C_LOG2E_HIGH  0x1.715476p0
#define TN_C_LOG2E_LOW   0x1.4ae0bf85ddf44p-26
#define TN_C_LN2_HIGH    0x1.62e42fefa2p-1
#define TN_C_LN2_LOW     0x1.9ef35793c7673p-41

/* What log1p t leaves after t - t^2/2: with s = t / (2 + t), log1p t = 2 s + s z P(z), z = s^2. */
#define TN_LOG_REST(t, half) TNF(log_rest)(t, half)

#if TN_LANES == 1
/* (2^f - 1) / f, |f| <= 1/2, within 2^-63 of 2^f */
TN_TABLE double tn__exp2_f64[] = {0x1.62e42fefa39efp-1,  0x1.ebfbdff82c58fp-3,  0x1.c6b08d704a0dbp-5,
                                  0x1.3b2ab6fba4e7dp-7,  0x1.5d87fe78a0588p-10, 0x1.430912f86a0dbp-13,
                                  0x1.ffcbfc7e3f189p-17, 0x1.62c022494aa9dp-20, 0x1.b524caa0bfe92p-24,
                                  0x1.e4cef695e823fp-28, 0x1.ea1c66780e6d5p-32, 0x1.c4c8ceab0a73fp-36};
/* (expm1 r - r) / r^2, |r| <= ln 2 / 2, within 2^-58 of expm1 r */
TN_TABLE double tn__expm1_f64[] = {0x1.0000000000001p-1,  0x1.5555555555557p-3,  0x1.5555555554d3cp-5,
                                   0x1.11111111100e4p-7,  0x1.6c16c16f0a60ap-10, 0x1.a01a01abe45a6p-13,
                                   0x1.a019f3966a535p-16, 0x1.71de023b24712p-19, 0x1.280225476ea48p-22,
                                   0x1.af4dd8d186d00p-26, 0x1.e63256fd79153p-30};
/* (log1p t / s - 2) / z, within 2^-58 of log1p t */
TN_TABLE double tn__log_f64[] = {0x1.555555555557cp-1, 0x1.99999999845e5p-2, 0x1.2492493fcffefp-2, 0x1.c71c529ea2acfp-3,
                                 0x1.74664efbce637p-3, 0x1.399c65e2ee0c4p-3, 0x1.2f5902ca946fcp-3};
/* (log1p t / s - 2 - 2 z / 3) / z^2, within 2^-79 of log1p t */
TN_TABLE double tn__pow_f64[] = {0x1.999999999999ap-2, 0x1.249249249248bp-2, 0x1.c71c71c71e792p-3,
                                 0x1.745d1743d678dp-3, 0x1.3b13b248b7d3bp-3, 0x1.1110bc766e207p-3,
                                 0x1.e2020c2b32e70p-4, 0x1.ab86ff65c7d17p-4, 0x1.beefb870bbae5p-4};
/* erf x / x - 1 in x^2, x <= 1, within 2^-62 of erf x */
TN_TABLE double tn__erf_f64[] = {0x1.06eba8214db69p-3,   -0x1.812746b0379e6p-2,  0x1.ce2f21a042b20p-4,
                                 -0x1.b82ce3128499cp-6,  0x1.565bcd0db02e5p-8,   -0x1.c02db3d8ed28bp-11,
                                 0x1.f9a321a11e60ep-14,  -0x1.f4d1df395712cp-17, 0x1.b9def19e933b0p-20,
                                 -0x1.5f1d36c7d1550p-23, 0x1.f7a4126c0f561p-27,  -0x1.386ac188c2e08p-30,
                                 0x1.0579acd191cdcp-34};
/* erfc x exp x^2 in t = (x - 2) / (x + 2), 1 <= x <= 6, within 2^-62 of erf x */
TN_TABLE double tn__erfc_f64[] = {0x1.058671b52c776p-2,   -0x1.b57034efd3f72p-2,  0x1.eeea7dc8a78c2p-3,
                                  -0x1.437f0b68c1070p-4,  0x1.e94715971f3c1p-9,   0x1.ca95ed543e296p-8,
                                  -0x1.bc25a398f031dp-11, -0x1.016b5bf05117fp-10, 0x1.6d5d05a05662bp-15,
                                  0x1.6da6e9c3f9f1fp-13,  0x1.cde7ba9f950c2p-16,  -0x1.cd298de913c8ap-16,
                                  -0x1.cfe8d767948d0p-17, 0x1.fc1cef80f6de4p-21,  0x1.294cfba744dcbp-19};
#endif
