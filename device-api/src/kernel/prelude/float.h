/* In-source maths, sections F32 and F64, first part: what both types do alike. Included once per lane count and type,
 * with TN_F = f32 or f64, TN_I = i32 or i64, TN_U = u32 or u64 and TN_BITS = 32 or 64; f32.h and f64.h undo them. */

#define TN_FT         TN(TN_F)
#define TN_IT         TN(TN_I)
#define TN_UT         TN(TN_U)
#define TNF(name)     TN2(name##_, TN_F)
#define TN_ASINT      TNF(bits)
#define TN_ASFLOAT    TNF(from_bits)
#define TN_CHOOSE     TNF(select)
#define TN_SPLAT_F(s) TNF(splat)(s)
#define TN_SIGN       ((TN_IT)((TN_UT){0} | ((TN_UT){0} + 1) << (TN_BITS - 1)))
#define TN_SIGN_OF(v) (TN_ASINT(v) & TN_SIGN)

TN_INLINE TN_FT TNF(abs)(TN_FT a) {
    return TN_ASFLOAT(TN_ASINT(a) & ~TN_SIGN);
}
TN_INLINE TN_FT TNF(neg)(TN_FT a) {
    return TN_ASFLOAT(TN_ASINT(a) ^ TN_SIGN);
}
/* |a| with the sign of b. */
TN_INLINE TN_FT TNF(copysign)(TN_FT a, TN_FT b) {
    return TN_ASFLOAT((TN_ASINT(a) & ~TN_SIGN) | TN_SIGN_OF(b));
}

/* Lanes of one piece. */
#undef TN__PIECE
#if TN_LANES * TN_BITS / 8 <= 16 || TN_NATIVE == 16
#define TN__PIECE 16
#elif TN_LANES * TN_BITS / 8 == 32 || TN_NATIVE == 32
#define TN__PIECE 32
#else
#define TN__PIECE 64
#endif
#undef TN__PIECE_LANES
#if TN__PIECE * 8 / TN_BITS == 2
#define TN__PIECE_LANES 2
#elif TN__PIECE * 8 / TN_BITS == 4
#define TN__PIECE_LANES 4
#elif TN__PIECE * 8 / TN_BITS == 8
#define TN__PIECE_LANES 8
#else
#define TN__PIECE_LANES 16
#endif
#define TNP(name)                           TN__PIECE_NAME(name, TN_F, TN__PIECE_LANES)
#define TN__PIECE_NAME(name, dtype, lanes)  TN__PIECE_NAME_(name, dtype, lanes)
#define TN__PIECE_NAME_(name, dtype, lanes) tn__##name##dtype##p##lanes

/* Runs a piece's function over a vector; narrow vectors are padded with 1, which raises nothing. */
#if TN_LANES == TN__PIECE_LANES
#define TN__BY_PIECES(function) return function;
#define TN__PIECE_OF(v)         (v)
#else
#define TN__BY_PIECES(function)                                                                                        \
    TN_FT r;                                                                                                           \
    for (unsigned long i = 0; i < TN_LANES; i += TN__PIECE_LANES) {                                                    \
        TNP() part = function;                                                                                         \
        __builtin_memcpy((char *)&r + i * (TN_BITS / 8), &part, TN__PART);                                             \
    }                                                                                                                  \
    return r;
#define TN__PART        (TN_LANES < TN__PIECE_LANES ? TN_LANES * (TN_BITS / 8) : sizeof(TNP()))
#define TN__PIECE_OF(v) TNF(piece)(&v, i)
TN_INLINE TNP() TNF(piece)(const TN_FT *v, unsigned long i) {
    TNP() r = (TNP()){0} + 1;
    __builtin_memcpy(&r, (const char *)v + i * (TN_BITS / 8), TN__PART);
    return r;
}
#endif

/* NaN if either is: their sum. */
TN_INLINE TN_FT TNF(spread_nan)(TN_FT a, TN_FT b, TN_FT r) {
    return TN_CHOOSE(TN_MASK(a != a) | TN_MASK(b != b), a + b, r);
}
#if TN_HAVE_MAX && TN_LANES > 1
TN_INLINE TN_FT TNF(ordered_max)(TN_FT a, TN_FT b){
    TN__BY_PIECES(TNP(max_)(TN__PIECE_OF(a), TN__PIECE_OF(b)))} TN_INLINE TN_FT TNF(ordered_min)(TN_FT a, TN_FT b) {
    TN__BY_PIECES(TNP(min_)(TN__PIECE_OF(a), TN__PIECE_OF(b)))
}
#else
/* From either side they differ for zeros only, where joining the bits is right. */
TN_INLINE TN_FT TNF(ordered_max)(TN_FT a, TN_FT b) {
    TN_FT ab = TN_CHOOSE(TN_MASK(a > b), a, b), ba = TN_CHOOSE(TN_MASK(b > a), b, a);
    return TN_ASFLOAT(TN_ASINT(ab) & TN_ASINT(ba));
}
TN_INLINE TN_FT TNF(ordered_min)(TN_FT a, TN_FT b) {
    TN_FT ab = TN_CHOOSE(TN_MASK(a < b), a, b), ba = TN_CHOOSE(TN_MASK(b < a), b, a);
    return TN_ASFLOAT(TN_ASINT(ab) | TN_ASINT(ba));
}
#endif
TN_INLINE TN_FT TNF(max)(TN_FT a, TN_FT b) {
    return TNF(spread_nan)(a, b, TNF(ordered_max)(a, b));
}
TN_INLINE TN_FT TNF(min)(TN_FT a, TN_FT b) {
    return TNF(spread_nan)(a, b, TNF(ordered_min)(a, b));
}

/* a * b + c rounded once. */
TN_INLINE TN_FT TNF(fma)(TN_FT a, TN_FT b, TN_FT c) {
#if defined(__FMA__) && defined(__SSE2__) && TN_LANES > 1
    TN__BY_PIECES(TNP(fma_)(TN__PIECE_OF(a), TN__PIECE_OF(b), TN__PIECE_OF(c)))
#elif TN_FAST_FMA
    TN_FT r;
    TN_EACH(i) {
        TN_AT(r, i) = TN_BITS == 32 ? __builtin_fmaf((float)TN_AT(a, i), (float)TN_AT(b, i), (float)TN_AT(c, i))
                                    : __builtin_fma(TN_AT(a, i), TN_AT(b, i), TN_AT(c, i));
    }
    return r;
#elif TN_BITS == 32
    TN_FT r;
    for (int i = 0; i < TN_LANES; i += TN_WIDE)
        TN_NARROW(r, i, tn__wide_fma(TN_WIDEN(a, i), TN_WIDEN(b, i), TN_WIDEN(c, i)));
    return r;
#else
    TN_FT r;
    TN_EACH(i) TN_AT(r, i) = tn__fma_exact(TN_AT(a, i), TN_AT(b, i), TN_AT(c, i));
    return r;
#endif
}
/* The same where one rounding or two makes no difference. */
#if TN_FAST_FMA
#define TN_MAD(a, b, c) TNF(fma)(a, b, c)
#else
#define TN_MAD(a, b, c) ((a) * (b) + (c))
#endif

TN_INLINE TN_FT TNF(sqrt)(TN_FT a) {
#if TN_HAVE_SQRT
    TN__BY_PIECES(TNP(sqrt_)(TN__PIECE_OF(a)))
#else
    TN_FT r;
    TN_EACH(i) TN_AT(r, i) = TN_BITS == 32 ? __builtin_sqrtf((float)TN_AT(a, i)) : __builtin_sqrt(TN_AT(a, i));
    return r;
#endif
}

/* Without an instruction: adding and taking off 2^23 (2^52) rounds; the sign survives in the bits. */
TN_INLINE TN_FT TNF(rint)(TN_FT a) {
#if TN_HAVE_ROUND
    TN__BY_PIECES(TNP(rint_)(TN__PIECE_OF(a)))
#else
    TN_FT big = TN_SPLAT_F(TN_BITS == 32 ? 0x1p23 : 0x1p52), m = TNF(abs)(a);
    TN_FT r = TNF(copysign)((m + big) - big, a);
    return TN_CHOOSE(TN_MASK(m < big), r, a);
#endif
}
TN_INLINE TN_FT TNF(floor)(TN_FT a) {
#if TN_HAVE_ROUND
    TN__BY_PIECES(TNP(floor_)(TN__PIECE_OF(a)))
#else
    TN_FT r = TNF(rint)(a);
    return TN_CHOOSE(TN_MASK(r > a), r - 1, r);
#endif
}
TN_INLINE TN_FT TNF(trunc)(TN_FT a) {
#if TN_HAVE_ROUND
    TN__BY_PIECES(TNP(trunc_)(TN__PIECE_OF(a)))
#else
    return TNF(copysign)(TNF(floor)(TNF(abs)(a)), a);
#endif
}

/* What a power's sign and domain add to |a|^b. */
TN_INLINE TN_FT TNF(pow_signs)(TN_FT a, TN_FT b, TN_FT r) {
    TN_FT half = b * TN_SPLAT_F(0.5);
    TN_IT whole = TN_MASK(TNF(rint)(b) == b), odd = whole & TN_MASK(TNF(rint)(half) != half);
    r = TN_ASFLOAT(TN_ASINT(r) ^ (TN_SIGN_OF(a) & odd));
    TN_IT outside = TN_MASK(a < 0) & TN_MASK(-a < TN_SPLAT_F(__builtin_inf())) & ~whole;
    return TN_CHOOSE(outside, TN_SPLAT_F(__builtin_nan("")), r);
}
