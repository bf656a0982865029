/* In-source maths, section VECTOR: types of TN_LANES lanes and what moves them. Included (printed) once per lane count,
 * lane count 1 first. */

#undef TN_MASK    /* of a comparison: lanes 0 or -1 */
#undef TN_CONVERT /* C's conversion, lane by lane */
#undef TN_EACH    /* statement for each lane i */
#undef TN_AT      /* lane i */
#undef TN_SPLAT   /* a scalar in every lane of `type` */
#if TN_LANES == 1
#define TN_MASK(comparison) (-(comparison))
#define TN_CONVERT(type, v) ((TN(type))(v))
#define TN_EACH(i)          for (int i = 0; i < 1; i++)
#define TN_AT(v, i)         (v)
#define TN_SPLAT(type, s)   ((TN(type))(s))
#else
#define TN_MASK(comparison) (comparison)
#define TN_CONVERT(type, v) __builtin_convertvector(v, TN(type))
#define TN_EACH(i)          for (int i = 0; i < TN_LANES; i++)
#define TN_AT(v, i)         ((v)[i])
#define TN_SPLAT(type, s)   ((tn_##type##x1)(s) - (TN(type)){0})

typedef tn_i8x1 TN(i8) __attribute__((vector_size(TN_LANES * 1)));
typedef tn_i16x1 TN(i16) __attribute__((vector_size(TN_LANES * 2)));
typedef tn_i32x1 TN(i32) __attribute__((vector_size(TN_LANES * 4)));
typedef tn_i64x1 TN(i64) __attribute__((vector_size(TN_LANES * 8)));
typedef tn_u8x1 TN(u8) __attribute__((vector_size(TN_LANES * 1)));
typedef tn_u16x1 TN(u16) __attribute__((vector_size(TN_LANES * 2)));
typedef tn_u32x1 TN(u32) __attribute__((vector_size(TN_LANES * 4)));
typedef tn_u64x1 TN(u64) __attribute__((vector_size(TN_LANES * 8)));
typedef tn_f32x1 TN(f32) __attribute__((vector_size(TN_LANES * 4)));
typedef tn_f64x1 TN(f64) __attribute__((vector_size(TN_LANES * 8)));
typedef TN(u16) TN(f16);
typedef TN(u16) TN(bf16);
typedef TN(u8) TN(bool);
#endif

#if TN_LANES == 1
#define TN__SELECT(type, mask) (m ? a : b)
#else
#define TN__SELECT(type, mask) ((TN(type))((m & (TN(mask))a) | (~m & (TN(mask))b)))
#endif
#define TN__MOVES(type, mask)                                                                                          \
    TN_INLINE TN(type) TN(select_##type)(TN(mask) m, TN(type) a, TN(type) b) {                                         \
        return TN__SELECT(type, mask);                                                                                 \
    }                                                                                                                  \
    TN_INLINE TN(type) TN(splat_##type)(tn_##type##x1 s) {                                                             \
        return TN_SPLAT(type, s);                                                                                      \
    }                                                                                                                  \
    TN_INLINE TN(type) TN(load_##type)(const void *from) {                                                             \
        TN(type) r;                                                                                                    \
        __builtin_memcpy(&r, from, sizeof r);                                                                          \
        return r;                                                                                                      \
    }                                                                                                                  \
    TN_INLINE void TN(store_##type)(void *to, TN(type) v) {                                                            \
        __builtin_memcpy(to, &v, sizeof v);                                                                            \
    }
TN__MOVES(f64, i64)
TN__MOVES(f32, i32)
TN__MOVES(f16, i16)
TN__MOVES(bf16, i16)
TN__MOVES(i8, i8)
TN__MOVES(i16, i16)
TN__MOVES(i32, i32)
TN__MOVES(i64, i64)
TN__MOVES(u8, i8)
TN__MOVES(u16, i16)
TN__MOVES(u32, i32)
TN__MOVES(u64, i64)
TN__MOVES(bool, i8)
#undef TN__MOVES
#undef TN__SELECT

/* Bits of floats and back. */
#if TN_LANES == 1
TN_INLINE TN(i32) TN(bits_f32)(TN(f32) v) {
    return (TN(i32))tn__bits32(v);
}
TN_INLINE TN(i64) TN(bits_f64)(TN(f64) v) {
    return (TN(i64))tn__bits64(v);
}
TN_INLINE TN(f32) TN(from_bits_f32)(TN(i32) v) {
    return tn__float32((TN(u32))v);
}
TN_INLINE TN(f64) TN(from_bits_f64)(TN(i64) v) {
    return tn__float64((TN(u64))v);
}
#else
TN_INLINE TN(i32) TN(bits_f32)(TN(f32) v) {
    return (TN(i32))v;
}
TN_INLINE TN(i64) TN(bits_f64)(TN(f64) v) {
    return (TN(i64))v;
}
TN_INLINE TN(f32) TN(from_bits_f32)(TN(i32) v) {
    return (TN(f32))v;
}
TN_INLINE TN(f64) TN(from_bits_f64)(TN(i64) v) {
    return (TN(f64))v;
}
#endif

/* Some lane of a mask is set. */
#define TN__ANY(type)                                                                                                  \
    TN_INLINE int TN(any_##type)(TN(type) m) {                                                                         \
        return tn__any(&m, sizeof m);                                                                                  \
    }
TN__ANY(i8)
TN__ANY(i16)
TN__ANY(i32)
TN__ANY(i64)
#undef TN__ANY
