/* In-source maths, section INTEGER: arithmetic that wraps and is never undefined. Included once per lane count.
 * Sums and products are made in the unsigned type, scalars in at least 32 bits. */

#if TN_LANES == 1
#define TN__UP(u, v) ((tn_##u##x1)(v) + 0u)
#else
#define TN__UP(u, v) ((TN(u))(v))
#endif

#define TN__INT_OP(name, type, expr)                                                                                   \
    TN_INLINE TN(type) TN(name##_##type)(TN(type) a, TN(type) b) {                                                     \
        return (TN(type))(expr);                                                                                       \
    }
/* Division has no vector instruction. */
#define TN__INT_LANES(name, type, expr)                                                                                \
    TN_INLINE TN(type) TN(name##_##type)(TN(type) va, TN(type) vb) {                                                   \
        TN(type) r = va;                                                                                               \
        TN_EACH(i) {                                                                                                   \
            tn_##type##x1 a = TN_AT(va, i), b = TN_AT(vb, i);                                                          \
            TN_AT(r, i) = (tn_##type##x1)(expr);                                                                       \
        }                                                                                                              \
        return r;                                                                                                      \
    }
#define TN__IN_RANGE(u, bits) TN_MASK((TN(u))b < (tn_##u##x1)bits)

/* u: the unsigned type of the same width, s: the signed one, that of masks. */
#define TN__INT_COMMON(type, u, s, bits)                                                                               \
    TN__INT_OP(add, type, TN__UP(u, a) + TN__UP(u, b))                                                                 \
    TN__INT_OP(sub, type, TN__UP(u, a) - TN__UP(u, b))                                                                 \
    TN__INT_OP(mul, type, TN__UP(u, a) * TN__UP(u, b))                                                                 \
    TN__INT_OP(max, type, TN(select_##type)(TN_MASK(a > b), a, b))                                                     \
    TN__INT_OP(min, type, TN(select_##type)(TN_MASK(a < b), a, b))                                                     \
    TN__INT_OP(                                                                                                        \
        shl, type,                                                                                                     \
        TN(select_##type)(TN__IN_RANGE(u, bits), (TN(type))(TN__UP(u, a) << ((TN(u))b & (bits - 1))), (TN(type)){0}))  \
    TN_INLINE TN(type) TN(neg_##type)(TN(type) a) {                                                                    \
        return TN(sub_##type)((TN(type)){0}, a);                                                                       \
    }
#define TN__INT_SIGNED(type, u, bits)                                                                                  \
    TN__INT_COMMON(type, u, type, bits)                                                                                \
    TN__INT_OP(shr, type,                                                                                              \
               a >> TN(select_##type)(TN__IN_RANGE(u, bits), (TN(type))(b & (bits - 1)), (TN(type)){0} + (bits - 1)))  \
    TN__INT_LANES(div, type, b == 0 ? 0 : b == -1 ? tn_neg_##type##x1(a) : a / b)                                      \
    TN__INT_LANES(rem, type, b == 0 ? a : b == -1 ? 0 : a % b)                                                         \
    TN_INLINE TN(type) TN(abs_##type)(TN(type) a) {                                                                    \
        return TN(select_##type)(TN_MASK(a < 0), TN(neg_##type)(a), a);                                                \
    }
#define TN__INT_UNSIGNED(type, s, bits)                                                                                \
    TN__INT_COMMON(type, type, s, bits)                                                                                \
    TN__INT_OP(shr, type,                                                                                              \
               TN(select_##type)(TN__IN_RANGE(type, bits), (TN(type))(a >> (b & (bits - 1))), (TN(type)){0}))          \
    TN__INT_LANES(div, type, b == 0 ? 0 : a / b)                                                                       \
    TN__INT_LANES(rem, type, b == 0 ? a : a % b)                                                                       \
    TN_INLINE TN(type) TN(abs_##type)(TN(type) a) {                                                                    \
        return a;                                                                                                      \
    }
TN__INT_SIGNED(i8, u8, 8)
TN__INT_SIGNED(i16, u16, 16)
TN__INT_SIGNED(i32, u32, 32)
TN__INT_SIGNED(i64, u64, 64)
TN__INT_UNSIGNED(u8, i8, 8)
TN__INT_UNSIGNED(u16, i16, 16)
TN__INT_UNSIGNED(u32, i32, 32)
TN__INT_UNSIGNED(u64, i64, 64)
TN__INT_OP(max, bool, (a | b))
TN__INT_OP(min, bool, (a & b))

#undef TN__UP
#undef TN__INT_OP
#undef TN__INT_LANES
#undef TN__IN_RANGE
#undef TN__INT_COMMON
#undef TN__INT_SIGNED
#undef TN__INT_UNSIGNED
