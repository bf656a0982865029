/* In-source maths, first part: names, scalar types, what the target does in one instruction. Printed once, before the
 * sections; see ../prelude.h for what it all offers. Like the sections it includes nothing and calls nothing. */
#pragma GCC diagnostic ignored "-Wpsabi" /* wide vectors are passed between static functions only */

typedef signed char tn_i8x1;
typedef short tn_i16x1;
typedef int tn_i32x1;
typedef __INT64_TYPE__ tn_i64x1;
typedef unsigned char tn_u8x1;
typedef unsigned short tn_u16x1;
typedef unsigned tn_u32x1;
typedef __UINT64_TYPE__ tn_u64x1;
typedef float tn_f32x1;
typedef double tn_f64x1;
typedef tn_u16x1 tn_f16x1;
typedef tn_u16x1 tn_bf16x1;
typedef tn_u8x1 tn_boolx1;

/* TN(name) is tn_<name>x<TN_LANES>, also where the name is itself put together: TN2(sqrt_, f32). */
#define TN(name)                      TN__PASTE(name, TN_LANES)
#define TN__PASTE(name, lanes)        TN__PASTE_(name, lanes)
#define TN__PASTE_(name, lanes)       tn_##name##x##lanes
#define TN2(name, dtype)              TN__JOIN(name, dtype, TN_LANES)
#define TN__JOIN(name, dtype, lanes)  TN__JOIN_(name, dtype, lanes)
#define TN__JOIN_(name, dtype, lanes) tn_##name##dtype##x##lanes

#define TN_INLINE static inline __attribute__((always_inline, unused))
#define TN_LARGE  static __attribute__((unused))           /* the compiler decides */
#define TN_SLOW   static __attribute__((noinline, unused)) /* rare cases, one lane at a time */
#define TN_TABLE  static const __attribute__((unused))
#if defined(__clang__)
#define TN_UNROLL
#else
#define TN_UNROLL _Pragma("GCC unroll 16")
#endif

/* Bytes of the widest vector that is one register. */
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define TN_NATIVE 64
#elif defined(__AVX2__)
#define TN_NATIVE 32
#else
#define TN_NATIVE 16
#endif

/* 1 where fma is an instruction; elsewhere polynomials use a product and a sum. */
#if defined(__FMA__) || defined(__aarch64__) || defined(__riscv_d) || defined(__powerpc64__) || defined(__s390x__)
#define TN_FAST_FMA 1
#else
#define TN_FAST_FMA 0
#endif

/* Pieces: what one instruction takes of a vector. */
typedef float tn__f32p4 __attribute__((vector_size(16)));
typedef double tn__f64p2 __attribute__((vector_size(16)));
#if TN_NATIVE >= 32
typedef float tn__f32p8 __attribute__((vector_size(32)));
typedef double tn__f64p4 __attribute__((vector_size(32)));
#endif
#if TN_NATIVE >= 64
typedef float tn__f32p16 __attribute__((vector_size(64)));
typedef double tn__f64p8 __attribute__((vector_size(64)));
#endif

/* Square root, rounding (0 nearest even, 1 down, 3 towards zero) and fma of a piece. The compilers' own vector code for
 * these is a loop over lanes, with calls into libm. */
#define TN__UNARY(name, type, expr)                                                                                    \
    TN_INLINE type name(type a) {                                                                                      \
        return expr;                                                                                                   \
    }
#define TN__TERNARY(name, type, expr)                                                                                  \
    TN_INLINE type name(type a, type b, type c) {                                                                      \
        return expr;                                                                                                   \
    }
#if defined(__SSE2__)
#define TN_HAVE_SQRT 1
TN__UNARY(tn__sqrt_f32p4, tn__f32p4, __builtin_ia32_sqrtps(a))
TN__UNARY(tn__sqrt_f64p2, tn__f64p2, __builtin_ia32_sqrtpd(a))
#if TN_NATIVE >= 32
TN__UNARY(tn__sqrt_f32p8, tn__f32p8, __builtin_ia32_sqrtps256(a))
TN__UNARY(tn__sqrt_f64p4, tn__f64p4, __builtin_ia32_sqrtpd256(a))
#endif
#if TN_NATIVE >= 64 && defined(__clang__)
TN__UNARY(tn__sqrt_f32p16, tn__f32p16, __builtin_ia32_sqrtps512(a, 4))
TN__UNARY(tn__sqrt_f64p8, tn__f64p8, __builtin_ia32_sqrtpd512(a, 4))
#elif TN_NATIVE >= 64
TN__UNARY(tn__sqrt_f32p16, tn__f32p16, __builtin_ia32_sqrtps512_mask(a, a, -1, 4))
TN__UNARY(tn__sqrt_f64p8, tn__f64p8, __builtin_ia32_sqrtpd512_mask(a, a, -1, 4))
#endif
#else
#define TN_HAVE_SQRT 0
#endif

/* Larger and smaller of two pieces, right unless one is NaN: -0 is below +0. The plain instructions give the second of two
 * zeros, so that taking them both ways and joining the bits is right. */
#define TN__BINARY(name, type, expr)                                                                                   \
    TN_INLINE type name(type a, type b) {                                                                              \
        return expr;                                                                                                   \
    }
#define TN__BOTH_WAYS(type, ints, instruction, join) ((type)((ints)instruction(a, b) join(ints) instruction(b, a)))
#if defined(__SSE2__)
#define TN_HAVE_MAX 1
typedef int tn__i32p4 __attribute__((vector_size(16)));
TN__BINARY(tn__max_f32p4, tn__f32p4, TN__BOTH_WAYS(tn__f32p4, tn__i32p4, __builtin_ia32_maxps, &))
TN__BINARY(tn__min_f32p4, tn__f32p4, TN__BOTH_WAYS(tn__f32p4, tn__i32p4, __builtin_ia32_minps, |))
TN__BINARY(tn__max_f64p2, tn__f64p2, TN__BOTH_WAYS(tn__f64p2, tn__i32p4, __builtin_ia32_maxpd, &))
TN__BINARY(tn__min_f64p2, tn__f64p2, TN__BOTH_WAYS(tn__f64p2, tn__i32p4, __builtin_ia32_minpd, |))
#if TN_NATIVE >= 32
typedef int tn__i32p8 __attribute__((vector_size(32)));
TN__BINARY(tn__max_f32p8, tn__f32p8, TN__BOTH_WAYS(tn__f32p8, tn__i32p8, __builtin_ia32_maxps256, &))
TN__BINARY(tn__min_f32p8, tn__f32p8, TN__BOTH_WAYS(tn__f32p8, tn__i32p8, __builtin_ia32_minps256, |))
TN__BINARY(tn__max_f64p4, tn__f64p4, TN__BOTH_WAYS(tn__f64p4, tn__i32p8, __builtin_ia32_maxpd256, &))
TN__BINARY(tn__min_f64p4, tn__f64p4, TN__BOTH_WAYS(tn__f64p4, tn__i32p8, __builtin_ia32_minpd256, |))
#endif
#if TN_NATIVE >= 64 /* "range" orders zeros: 5 the larger, 4 the smaller, with the chosen operand's sign */
TN__BINARY(tn__max_f32p16, tn__f32p16, __builtin_ia32_rangeps512_mask(a, b, 5, a, -1, 4))
TN__BINARY(tn__min_f32p16, tn__f32p16, __builtin_ia32_rangeps512_mask(a, b, 4, a, -1, 4))
TN__BINARY(tn__max_f64p8, tn__f64p8, __builtin_ia32_rangepd512_mask(a, b, 5, a, -1, 4))
TN__BINARY(tn__min_f64p8, tn__f64p8, __builtin_ia32_rangepd512_mask(a, b, 4, a, -1, 4))
#endif
#else
#define TN_HAVE_MAX 0
#endif

#if defined(__SSE4_1__)
#define TN_HAVE_ROUND 1
#define TN__ROUNDINGS(name, mode)                                                                                      \
    TN__UNARY(tn__##name##_f32p4, tn__f32p4, __builtin_ia32_roundps(a, mode + 8))                                      \
    TN__UNARY(tn__##name##_f64p2, tn__f64p2, __builtin_ia32_roundpd(a, mode + 8))
TN__ROUNDINGS(rint, 0)
TN__ROUNDINGS(floor, 1)
TN__ROUNDINGS(trunc, 3)
#undef TN__ROUNDINGS
#if TN_NATIVE >= 32
#define TN__ROUNDINGS(name, mode)                                                                                      \
    TN__UNARY(tn__##name##_f32p8, tn__f32p8, __builtin_ia32_roundps256(a, mode + 8))                                   \
    TN__UNARY(tn__##name##_f64p4, tn__f64p4, __builtin_ia32_roundpd256(a, mode + 8))
TN__ROUNDINGS(rint, 0)
TN__ROUNDINGS(floor, 1)
TN__ROUNDINGS(trunc, 3)
#undef TN__ROUNDINGS
#endif
#if TN_NATIVE >= 64
#define TN__ROUNDINGS(name, mode)                                                                                      \
    TN__UNARY(tn__##name##_f32p16, tn__f32p16, __builtin_ia32_rndscaleps_mask(a, mode + 8, a, -1, 4))                  \
    TN__UNARY(tn__##name##_f64p8, tn__f64p8, __builtin_ia32_rndscalepd_mask(a, mode + 8, a, -1, 4))
TN__ROUNDINGS(rint, 0)
TN__ROUNDINGS(floor, 1)
TN__ROUNDINGS(trunc, 3)
#undef TN__ROUNDINGS
#endif
#else
#define TN_HAVE_ROUND 0
#endif

#if defined(__FMA__) && defined(__SSE2__)
TN__TERNARY(tn__fma_f32p4, tn__f32p4, __builtin_ia32_vfmaddps(a, b, c))
TN__TERNARY(tn__fma_f64p2, tn__f64p2, __builtin_ia32_vfmaddpd(a, b, c))
#if TN_NATIVE >= 32
TN__TERNARY(tn__fma_f32p8, tn__f32p8, __builtin_ia32_vfmaddps256(a, b, c))
TN__TERNARY(tn__fma_f64p4, tn__f64p4, __builtin_ia32_vfmaddpd256(a, b, c))
#endif
#if TN_NATIVE >= 64
TN__TERNARY(tn__fma_f32p16, tn__f32p16, __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4))
TN__TERNARY(tn__fma_f64p8, tn__f64p8, __builtin_ia32_vfmaddpd512_mask(a, b, c, -1, 4))
#endif
#endif

/* Bits of scalars. */
TN_INLINE tn_u32x1 tn__bits32(float v) {
    tn_u32x1 r;
    __builtin_memcpy(&r, &v, 4);
    return r;
}
TN_INLINE float tn__float32(tn_u32x1 v) {
    float r;
    __builtin_memcpy(&r, &v, 4);
    return r;
}
TN_INLINE tn_u64x1 tn__bits64(double v) {
    tn_u64x1 r;
    __builtin_memcpy(&r, &v, 8);
    return r;
}
TN_INLINE double tn__float64(tn_u64x1 v) {
    double r;
    __builtin_memcpy(&r, &v, 8);
    return r;
}

/* Some byte of `size` (a power of two) is not zero. */
TN_INLINE int tn__any(const void *bytes, unsigned long size) {
    typedef tn_i64x1 words __attribute__((vector_size(16)));
    const char *at = (const char *)bytes;
    if (size < 16) {
        tn_u64x1 w = 0;
        __builtin_memcpy(&w, at, size < 8 ? size : 8);
        return w != 0;
    }
#if TN_NATIVE >= 64 && !defined(__clang__) /* which sees it by itself */
    if (size == 64) {
        typedef int ints __attribute__((vector_size(64)));
        ints v;
        __builtin_memcpy(&v, at, 64);
        return __builtin_ia32_ptestmd512(v, v, -1) != 0;
    }
#endif
    words all = {0, 0};
    for (unsigned long i = 0; i < size; i += 16) {
        words part;
        __builtin_memcpy(&part, at + i, 16);
        all |= part;
    }
    return (all[0] | all[1]) != 0;
}
