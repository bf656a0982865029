/* In-source maths, section CONVERT: every cast of the operator table. Included once per lane count. */

/* f16 and bf16 from f32, rounded once to nearest even; NaN stays NaN, quiet. */
TN_INLINE TN(f16) TN(half_f32)(TN(f32) a) {
#if defined(__F16C__) && TN_LANES == 4
    typedef short shorts __attribute__((vector_size(16)));
    shorts h = __builtin_ia32_vcvtps2ph(a, 0);
    TN(f16) r;
    __builtin_memcpy(&r, &h, sizeof r);
    return r;
#elif defined(__F16C__) && TN_LANES == 8
    return (TN(f16))__builtin_ia32_vcvtps2ph256(a, 0);
#elif TN_NATIVE == 64 && TN_LANES == 16
    return (TN(f16))__builtin_ia32_vcvtps2ph512_mask(a, 0, (TN(i16)){0}, -1);
#else
    TN(i32) bits = TN(bits_f32)(a), u = bits & 0x7fffffff;
    TN(i32) odd = (u >> 13) & 1;
    TN(i32) normal = (u + odd - (112 << 23) + 0xfff) >> 13;
    TN(i32) small = TN(bits_f32)(TN(from_bits_f32)(u) + 0.5f) - 0x3f000000; /* a subnormal's unit is that of 0.5f */
    TN(i32) large = TN(select_i32)(TN_MASK(u > 0x7f800000), 0x7e00 | ((u >> 13) & 0x3ff), (TN(i32)){0} + 0x7c00);
    TN(i32) r = TN(select_i32)(TN_MASK(u < 0x38800000), small, normal);
    r = TN(select_i32)(TN_MASK(u >= 0x47800000), large, r);
    return TN_CONVERT(u16, r | ((bits >> 16) & 0x8000));
#endif
}
TN_INLINE TN(f32) TN(float_f16)(TN(f16) a) {
#if defined(__F16C__) && TN_LANES == 4
    typedef short shorts __attribute__((vector_size(16)));
    shorts h = {0};
    __builtin_memcpy(&h, &a, sizeof a);
    return __builtin_ia32_vcvtph2ps(h);
#elif defined(__F16C__) && TN_LANES == 8
    return __builtin_ia32_vcvtph2ps256((TN(i16))a);
#elif TN_NATIVE == 64 && TN_LANES == 16
    return __builtin_ia32_vcvtph2ps512_mask((TN(i16))a, (TN(f32)){0}, -1, 4);
#else
    TN(i32) h = TN_CONVERT(i32, a), e = (h & 0x7fff) << 13, power = e & (0x1f << 23);
    TN(i32) normal = e + (112 << 23), quiet = TN_MASK(e > (0x1f << 23)) & (1 << 22);
    TN(f32) small = TN(from_bits_f32)(normal + (1 << 23)) - 0x1p-14f;
    TN(i32) r = TN(select_i32)(TN_MASK(power == 0), TN(bits_f32)(small), normal);
    r = TN(select_i32)(TN_MASK(power == 0x1f << 23), (normal + (112 << 23)) | quiet, r);
    return TN(from_bits_f32)(r | (TN(i32))((TN(u32))(h & 0x8000) << 16));
#endif
}
TN_INLINE TN(bf16) TN(brain_f32)(TN(f32) a) {
    TN(u32) u = (TN(u32))TN(bits_f32)(a), r = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    return TN_CONVERT(u16, TN(select_u32)(TN_MASK(a == a), r, (u >> 16) | 0x40));
}
TN_INLINE TN(f32) TN(float_bf16)(TN(bf16) a) {
    return TN(from_bits_f32)((TN(i32))(TN_CONVERT(u32, a) << 16));
}

/* f32 of f64 rounded to odd, and f64 of integers likewise: rounding the result again is as rounding once. */
TN_INLINE TN(f32) TN(odd_f64)(TN(f64) a) {
    TN(f32) r = TN_CONVERT(f32, a);
    TN(f64) back = TN_CONVERT(f64, r);
    TN(i64) grown = TN_MASK((TN(bits_f64)(back) & 0x7fffffffffffffff) > (TN(bits_f64)(a) & 0x7fffffffffffffff));
    TN(i64) inexact = TN_MASK(back != a) & TN_MASK(a == a);
    return TN(from_bits_f32)((TN(bits_f32)(r) + TN_CONVERT(i32, grown & inexact)) | TN_CONVERT(i32, inexact & 1));
}
#define TN__ODD_INT(type, magnitude)                                                                                   \
    TN_INLINE TN(f64) TN(odd_##type)(TN(type) a) {                                                                     \
        TN(type) lost = (TN(type))TN_MASK((a & 0x7ff) != 0), odd = (a & ~(tn_##type##x1)0x7ff) | (lost & 0x800);       \
        return TN_CONVERT(f64, TN(select_##type)(TN_MASK((magnitude) >> 53 != 0), odd, a));                            \
    }
TN__ODD_INT(i64, a ^ (a >> 63))
TN__ODD_INT(u64, a)
#undef TN__ODD_INT

/* Float to integer: what lies in (low, high) converts, the rest saturates, NaN gives 0. Floats to 31 bits at most go
 * through i32 lanes, wider results through doubles; a double's whole part is read from its bits after adding 2^52. */
#define TN__SATURATE(r, mask)                                                                                          \
    r = TN(select_##mask)(TN_MASK(a >= high), (TN(mask)){0} + top, r);                                                 \
    r = TN(select_##mask)(TN_MASK(a <= low), (TN(mask)){0} + bottom, r)
#define TN__INSIDE(type) TN(select_##type)(TN_MASK(a > low) & TN_MASK(a < high), a, (TN(type)){0})
TN_INLINE TN(i32) TN(saturate_f32)(TN(f32) a, tn_i32x1 bottom, tn_i32x1 top) {
    float low = (float)((double)bottom - 1), high = (float)((double)top + 1);
    TN(i32) r = TN_CONVERT(i32, TN__INSIDE(f32));
    TN__SATURATE(r, i32);
    return r;
}
TN_INLINE TN(i64) TN(saturate_f64)(TN(f64) a, tn_i64x1 bottom, tn_i64x1 top) { /* 32 bits at most */
    double low = (double)bottom - 1, high = (double)top + 1;
    TN(f64) x = TN__INSIDE(f64), m = TN(from_bits_f64)(TN(bits_f64)(x) & 0x7fffffffffffffff), n = (m + 0x1p52) - 0x1p52;
    n = TN(select_f64)(TN_MASK(n > m), n - 1, n);
    TN(i64) negative = TN_MASK(x < 0), r = TN(bits_f64)(n + 0x1p52) & 0xfffffffff;
    r = (r ^ negative) - negative;
    TN__SATURATE(r, i64);
    return r;
}
TN_INLINE TN(i64) TN(saturate64_f64)(TN(f64) a) {
    const double low = -0x1p63, high = 0x1p63;
    const tn_i64x1 top = 0x7fffffffffffffff, bottom = -top - 1;
    TN(i64) r = TN_CONVERT(i64, TN__INSIDE(f64));
    TN__SATURATE(r, i64);
    return r;
}
TN_INLINE TN(u64) TN(saturateu64_f64)(TN(f64) a) {
    const double low = -1, high = 0x1p64;
    const tn_u64x1 top = ~(tn_u64x1)0, bottom = 0;
    TN(u64) r = TN_CONVERT(u64, TN__INSIDE(f64));
    r = TN(select_u64)(TN_MASK(a >= high), (TN(u64)){0} + top, r);
    return TN(select_u64)(TN_MASK(a <= low), (TN(u64)){0} + bottom, r);
}
#undef TN__SATURATE
#undef TN__INSIDE

#if TN_LANES == 1
/* The whole part of a modulo 2^64; 0 when a is not finite. */
TN_SLOW tn_u64x1 tn__wrap(double a) {
    tn_u64x1 bits = tn__bits64(a), m = (bits & 0xfffffffffffffu) | 0x10000000000000u;
    int e = (int)(bits >> 52 & 0x7ff) - 1075;
    if (e > 63 || e < -52) return 0;
    m = e >= 0 ? m << e : m >> -e;
    return bits >> 63 ? 0 - m : m;
}
#endif

#define TN__CAST(from, to, expr)                                                                                       \
    TN_INLINE TN(to) TN(cast_##from##_##to)(TN(from) a) {                                                              \
        return expr;                                                                                                   \
    }
#define TN__FROM_INT(from, wide)                                                                                       \
    TN__CAST(from, i8, TN_CONVERT(i8, a))                                                                              \
    TN__CAST(from, i16, TN_CONVERT(i16, a))                                                                            \
    TN__CAST(from, i32, TN_CONVERT(i32, a))                                                                            \
    TN__CAST(from, i64, TN_CONVERT(i64, a))                                                                            \
    TN__CAST(from, u8, TN_CONVERT(u8, a))                                                                              \
    TN__CAST(from, u16, TN_CONVERT(u16, a))                                                                            \
    TN__CAST(from, u32, TN_CONVERT(u32, a))                                                                            \
    TN__CAST(from, u64, TN_CONVERT(u64, a))                                                                            \
    TN__CAST(from, f64, TN_CONVERT(f64, a))                                                                            \
    TN__CAST(from, f32, TN_CONVERT(f32, a))                                                                            \
    TN__CAST(from, f16, TN(half_f32)(wide))                                                                            \
    TN__CAST(from, bf16, TN(brain_f32)(wide))                                                                          \
    TN__CAST(from, bool, TN_CONVERT(bool, (a != 0) & 1))
TN__FROM_INT(i8, TN_CONVERT(f32, a))
TN__FROM_INT(i16, TN_CONVERT(f32, a))
TN__FROM_INT(i32, TN(odd_f64)(TN_CONVERT(f64, a)))
TN__FROM_INT(i64, TN(odd_f64)(TN(odd_i64)(a)))
TN__FROM_INT(u8, TN_CONVERT(f32, a))
TN__FROM_INT(u16, TN_CONVERT(f32, a))
TN__FROM_INT(u32, TN(odd_f64)(TN_CONVERT(f64, a)))
TN__FROM_INT(u64, TN(odd_f64)(TN(odd_u64)(a)))
TN__FROM_INT(bool, TN_CONVERT(f32, a))
#undef TN__FROM_INT

/* single: the value as f32; wide: as f64; both exact. */
#define TN__WRAP(from, to, wide)                                                                                       \
    TN_INLINE TN(to) TN(wrap_##from##_##to)(TN(from) a) {                                                              \
        TN(f64) w = wide;                                                                                              \
        TN(u64) r = {0};                                                                                               \
        TN_EACH(i) TN_AT(r, i) = tn__wrap(TN_AT(w, i));                                                                \
        return TN_CONVERT(to, r);                                                                                      \
    }
#define TN__FROM_FLOAT(from, single, wide)                                                                             \
    TN__CAST(from, i8, TN_CONVERT(i8, TN(saturate_f32)(single, -128, 127)))                                            \
    TN__CAST(from, i16, TN_CONVERT(i16, TN(saturate_f32)(single, -32768, 32767)))                                      \
    TN__CAST(from, i32, TN(saturate_f32)(single, -2147483647 - 1, 2147483647))                                         \
    TN__CAST(from, u8, TN_CONVERT(u8, TN(saturate_f32)(single, 0, 255)))                                               \
    TN__CAST(from, u16, TN_CONVERT(u16, TN(saturate_f32)(single, 0, 65535)))                                           \
    TN__CAST(from, f32, single)                                                                                        \
    TN__FROM_BOTH(from, wide)
#define TN__FROM_BOTH(from, wide)                                                                                      \
    TN__CAST(from, u32, TN_CONVERT(u32, TN(saturate_f64)(wide, 0, 0xffffffff)))                                        \
    TN__CAST(from, i64, TN(saturate64_f64)(wide))                                                                      \
    TN__CAST(from, u64, TN(saturateu64_f64)(wide))                                                                     \
    TN__CAST(from, f64, wide)                                                                                          \
    TN__CAST(from, bool, TN_CONVERT(bool, ((wide) != 0) & 1))                                                          \
    TN__WRAP(from, i8, wide)                                                                                           \
    TN__WRAP(from, i16, wide)                                                                                          \
    TN__WRAP(from, i32, wide)                                                                                          \
    TN__WRAP(from, i64, wide)                                                                                          \
    TN__WRAP(from, u8, wide)                                                                                           \
    TN__WRAP(from, u16, wide)                                                                                          \
    TN__WRAP(from, u32, wide)                                                                                          \
    TN__WRAP(from, u64, wide)
TN__FROM_FLOAT(f32, a, TN_CONVERT(f64, a))
TN__FROM_FLOAT(f16, TN(float_f16)(a), TN_CONVERT(f64, TN(float_f16)(a)))
TN__FROM_FLOAT(bf16, TN(float_bf16)(a), TN_CONVERT(f64, TN(float_bf16)(a)))
TN__CAST(f32, f16, TN(half_f32)(a))
TN__CAST(f32, bf16, TN(brain_f32)(a))
TN__CAST(f16, f16, a)
TN__CAST(f16, bf16, TN(brain_f32)(TN(float_f16)(a)))
TN__CAST(bf16, f16, TN(half_f32)(TN(float_bf16)(a)))
TN__CAST(bf16, bf16, a)

TN__FROM_BOTH(f64, a)
TN__CAST(f64, i8, TN_CONVERT(i8, TN(saturate_f64)(a, -128, 127)))
TN__CAST(f64, i16, TN_CONVERT(i16, TN(saturate_f64)(a, -32768, 32767)))
TN__CAST(f64, i32, TN_CONVERT(i32, TN(saturate_f64)(a, -2147483647 - 1, 2147483647)))
TN__CAST(f64, u8, TN_CONVERT(u8, TN(saturate_f64)(a, 0, 255)))
TN__CAST(f64, u16, TN_CONVERT(u16, TN(saturate_f64)(a, 0, 65535)))
TN__CAST(f64, f32, TN_CONVERT(f32, a))
TN__CAST(f64, f16, TN(half_f32)(TN(odd_f64)(a)))
TN__CAST(f64, bf16, TN(brain_f32)(TN(odd_f64)(a)))
#undef TN__CAST
#undef TN__WRAP
#undef TN__FROM_FLOAT
#undef TN__FROM_BOTH
