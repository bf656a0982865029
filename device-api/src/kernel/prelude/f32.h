/* In-source maths, section F32: its constants. Included once per lane count, before float.h, elementary.h, f32_ops.h
 * and float_end.h. Measured errors: ../LOWERING.md. */
#define TN_F      f32
#define TN_I      i32
#define TN_U      u32
#define TN_BITS   32
#define TN_SCALAR tn_f32x1

#define TN_C_BIAS        127
#define TN_C_SIGNIFICAND 23
#define TN_C_MAGIC       0x1.8p23f
#define TN_C_EXP2_LOW    -151.0f
#define TN_C_EXP2_HIGH   129.0f
#define TN_C_EXP_LOW     -104.0f
#define TN_C_EXP_HIGH    89.0f
#define TN_C_EXPM1_LOW   -18.0f
#define TN_C_TANH_HIGH   10.0f
#define TN_C_ERF_HIGH    4.0f
#define TN_C_TINY        0x1p-25f
#define TN_C_SMALLEST    0x1p-126f
#define TN_C_GROW        0x1p23f
#define TN_C_GROW_BITS   23
#define TN_C_SQRT_HALF   0x3f3504f3u
#define TN_C_TAIL_MASK   0xfff
#define TN_C_LOG2E       0x1.715476p0f
#define TN_C_LOG2E_HIGH  0x1.714p0f
#define TN_C_LOG2E_LOW   0x1.47652cp-12f
#define TN_C_LN2_HIGH    0x1.62e4p-1f
#define TN_C_LN2_LOW     0x1.7f7d1cp-20f

/* What log1p t leaves after t - t^2/2. */
#define TN_LOG_REST(t, half) (((t) * (t) * (t)) * TN_POLY(log, t))

#if TN_LANES == 1
/* (2^f - 1) / f, |f| <= 1/2, within 2^-27.9 of 2^f */
TN_TABLE float tn__exp2_f32[] = {0x1.62e432p-1f, 0x1.ebfbep-3f,   0x1.c6ae2cp-5f,
                                 0x1.3b29e4p-7f, 0x1.5f88fep-10f, 0x1.446c7ep-13f};
/* (expm1 r - r) / r^2, |r| <= ln 2 / 2, within 2^-31 of expm1 r */
TN_TABLE float tn__expm1_f32[] = {0x1p-1f,        0x1.555556p-3f,  0x1.55547p-5f,
                                  0x1.1110acp-7f, 0x1.6da77cp-10f, 0x1.a17e16p-13f};
/* (log1p t - t + t^2/2) / t^3, t in [sqrt 1/2 - 1, sqrt 2 - 1], within 2^-30 of log1p t */
TN_TABLE float tn__log_f32[] = {0x1.555548p-2f,  -0x1.000006p-2f, 0x1.99a4c4p-3f,  -0x1.555c6cp-3f, 0x1.233622p-3f,
                                -0x1.fc1ba6p-4f, 0x1.e6fe16p-4f,  -0x1.de6bd6p-4f, 0x1.1473a4p-4f};
/* erf x / x - 1 in x^2, x <= 1, within 2^-29.6 of erf x */
TN_TABLE float tn__erf_f32[] = {0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2cf8p-4f, -0x1.b7f90ep-6f,
                                0x1.5405b2p-8f, -0x1.a3f7p-11f,  0x1.496a32p-14f};
/* erfc x exp x^2 in t = (x - 2) / (x + 2), 1 <= x <= 4, within 2^-30 of erf x */
TN_TABLE float tn__erfc_f32[] = {0x1.058672p-2f,  -0x1.b57036p-2f, 0x1.eeea02p-3f,
                                 -0x1.4387c6p-4f, 0x1.e8dd3ep-9f,  0x1.d8ae8p-8f};
#endif
