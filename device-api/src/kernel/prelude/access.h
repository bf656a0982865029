/* In-source helpers of printed C11 beside the maths: index arithmetic, 4-bit elements, and vectors of which some lanes
 * lie in memory. Printed once, after the sections of prelude.h; then, for each storage dtype D and lane count N that the
 * text uses, TN_ACCESS(D, N), and for each lane count TN_LANEWISE(N, the numbers 0 ... N - 1). */

#define TN_TO(type, v) __builtin_convertvector(v, type)

/* Index arithmetic wraps; divisors are positive and quotients round down. */
TN_INLINE tn_i64x1 tn_index_add(tn_i64x1 a, tn_i64x1 b) {
    return (tn_i64x1)((tn_u64x1)a + (tn_u64x1)b);
}
TN_INLINE tn_i64x1 tn_index_sub(tn_i64x1 a, tn_i64x1 b) {
    return (tn_i64x1)((tn_u64x1)a - (tn_u64x1)b);
}
TN_INLINE tn_i64x1 tn_index_mul(tn_i64x1 a, tn_i64x1 b) {
    return (tn_i64x1)((tn_u64x1)a * (tn_u64x1)b);
}
TN_INLINE tn_i64x1 tn_index_neg(tn_i64x1 a) {
    return (tn_i64x1)(0 - (tn_u64x1)a);
}
TN_INLINE tn_i64x1 tn_index_abs(tn_i64x1 a) {
    return a < 0 ? tn_index_neg(a) : a;
}
TN_INLINE tn_i64x1 tn_index_max(tn_i64x1 a, tn_i64x1 b) {
    return a > b ? a : b;
}
TN_INLINE tn_i64x1 tn_index_min(tn_i64x1 a, tn_i64x1 b) {
    return a < b ? a : b;
}
TN_INLINE tn_i64x1 tn_index_div(tn_i64x1 a, tn_i64x1 b) {
    return a / b - (a % b < 0);
}
TN_INLINE tn_i64x1 tn_index_rem(tn_i64x1 a, tn_i64x1 b) {
    const tn_i64x1 r = a % b;
    return r < 0 ? r + b : r;
}

/* Where the operand after one that starts at `at` and holds `bytes` starts in a workspace. */
TN_INLINE tn_i64x1 tn_workspace_after(tn_i64x1 at, tn_i64x1 bytes) {
    return (at + bytes + 63) & -64;
}

/* First lane whose index, `index` in lane 0 and one more in each, is not negative; first one past `size`. No vector has
 * more than 128 lanes, so that what lies further off need not be told apart. */
TN_INLINE tn_i64x1 tn_first_lane(tn_i64x1 index) {
    return index >= 0 ? 0 : index < -128 ? 128 : -index;
}
TN_INLINE tn_i64x1 tn_past_lane(tn_i64x1 index, tn_i64x1 size) {
    return index >= size || index < -128 ? 0 : tn_index_min(size, (tn_i64x1)1 << 62) - index;
}

/* 4-bit elements, two to a byte, the low half first. */
TN_INLINE tn_u8x1 tn_low_u4(tn_i64x1 v) {
    return (tn_u8x1)(v & 15);
}
TN_INLINE tn_i8x1 tn_low_i4(tn_i64x1 v) {
    return (tn_i8x1)(((v & 15) ^ 8) - 8);
}
TN_INLINE tn_u8x1 tn_clamp_u4(tn_u8x1 v) {
    return v > 15 ? 15 : v;
}
TN_INLINE tn_i8x1 tn_clamp_i4(tn_i8x1 v) {
    return v > 7 ? 7 : v < -8 ? -8 : v;
}
TN_INLINE tn_u8x1 tn_nibble_u4(const tn_u8x1 *base, tn_i64x1 at) {
    return base[at >> 1] >> (at & 1) * 4 & 15;
}
TN_INLINE tn_i8x1 tn_nibble_i4(const tn_u8x1 *base, tn_i64x1 at) {
    return tn_low_i4(tn_nibble_u4(base, at));
}
TN_INLINE void tn_set_nibble(tn_u8x1 *base, tn_i64x1 at, tn_i64x1 v) {
    const int shift = at & 1 ? 4 : 0;
    base[at >> 1] = (tn_u8x1)((base[at >> 1] & ~(15 << shift)) | (int)(v & 15) << shift);
}

/* `count` elements of `bytes`. */
TN_SLOW void tn__copy1(char *to, const char *from, tn_i64x1 count) {
    for (tn_i64x1 i = 0; i < count; i++) to[i] = from[i];
}
TN_SLOW void tn__copy2(char *to, const char *from, tn_i64x1 count) {
    for (tn_i64x1 i = 0; i < count; i++) __builtin_memcpy(to + 2 * i, from + 2 * i, 2);
}
TN_SLOW void tn__copy4(char *to, const char *from, tn_i64x1 count) {
    for (tn_i64x1 i = 0; i < count; i++) __builtin_memcpy(to + 4 * i, from + 4 * i, 4);
}
TN_SLOW void tn__copy8(char *to, const char *from, tn_i64x1 count) {
    for (tn_i64x1 i = 0; i < count; i++) __builtin_memcpy(to + 8 * i, from + 8 * i, 8);
}
TN_INLINE void tn__copy(void *to, const void *from, tn_i64x1 count, unsigned long bytes) {
    if (bytes == 1)
        tn__copy1((char *)to, (const char *)from, count);
    else if (bytes == 2)
        tn__copy2((char *)to, (const char *)from, count);
    else if (bytes == 4)
        tn__copy4((char *)to, (const char *)from, count);
    else
        tn__copy8((char *)to, (const char *)from, count);
}

/* Lanes low ... high - 1 (0 <= low < high <= N) lie in memory, lane 0 at element `at`; the others load as 0. */
#define TN_ACCESS(D, N)                                                                                                \
    TN_INLINE tn_##D##x##N tn_part_load_##D##x##N(const tn_##D##x1 *base, tn_i64x1 at, tn_i64x1 low, tn_i64x1 high) {  \
        tn_##D##x1 part[N] = {0};                                                                                      \
        if (high - low == N) return tn_load_##D##x##N(base + at);                                                      \
        tn__copy(part + low, base + (at + low), high - low, sizeof *part);                                             \
        return tn_load_##D##x##N(part);                                                                                \
    }                                                                                                                  \
    TN_INLINE void tn_part_store_##D##x##N(tn_##D##x1 *base, tn_i64x1 at, tn_i64x1 low, tn_i64x1 high,                 \
                                           tn_##D##x##N v) {                                                           \
        tn_##D##x1 part[N];                                                                                            \
        if (high - low == N) {                                                                                         \
            tn_store_##D##x##N(base + at, v);                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        tn_store_##D##x##N(part, v);                                                                                   \
        tn__copy(base + (at + low), part + low, high - low, sizeof *part);                                             \
    }                                                                                                                  \
    TN_INLINE tn_##D##x##N tn_strided_load_##D##x##N(const tn_##D##x1 *base, tn_i64x1 at, tn_i64x1 stride,             \
                                                     tn_i64x1 low, tn_i64x1 high) {                                    \
        tn_##D##x1 part[N] = {0};                                                                                      \
        for (tn_i64x1 i = low; i < high; i++) part[i] = base[at + i * stride];                                         \
        return tn_load_##D##x##N(part);                                                                                \
    }                                                                                                                  \
    TN_INLINE void tn_strided_store_##D##x##N(tn_##D##x1 *base, tn_i64x1 at, tn_i64x1 stride, tn_i64x1 low,            \
                                              tn_i64x1 high, tn_##D##x##N v) {                                         \
        tn_##D##x1 part[N];                                                                                            \
        tn_store_##D##x##N(part, v);                                                                                   \
        for (tn_i64x1 i = low; i < high; i++) base[at + i * stride] = part[i];                                         \
    }

/* Numbers of lanes, masks of an interval of them, and index division. An interval may be empty and far off. */
#define TN_WITHIN(W, N, ...)                                                                                           \
    TN_INLINE tn_i##W##x##N tn_within_i##W##x##N(tn_i64x1 low, tn_i64x1 high) {                                        \
        const tn_i##W##x##N lanes = {__VA_ARGS__};                                                                     \
        low = tn_index_min(low, N);                                                                                    \
        high = tn_index_max(high, 0);                                                                                  \
        return (lanes >= tn_splat_i##W##x##N((tn_i##W##x1)low)) & (lanes < tn_splat_i##W##x##N((tn_i##W##x1)high));    \
    }
#define TN_LANEWISE(N, ...)                                                                                            \
    TN_WITHIN(8, N, __VA_ARGS__)                                                                                       \
    TN_WITHIN(16, N, __VA_ARGS__)                                                                                      \
    TN_WITHIN(32, N, __VA_ARGS__)                                                                                      \
    TN_WITHIN(64, N, __VA_ARGS__)                                                                                      \
    TN_INLINE tn_i64x##N tn_lanes_i64x##N(tn_i64x1 first) {                                                            \
        const tn_i64x##N lanes = {__VA_ARGS__};                                                                        \
        return tn_splat_i64x##N(first) + lanes;                                                                        \
    }                                                                                                                  \
    TN_INLINE tn_i64x##N tn_index_divx##N(tn_i64x##N a, tn_i64x##N b) {                                                \
        for (int i = 0; i < N; i++) a[i] = tn_index_div(a[i], b[i]);                                                   \
        return a;                                                                                                      \
    }                                                                                                                  \
    TN_INLINE tn_i64x##N tn_index_remx##N(tn_i64x##N a, tn_i64x##N b) {                                                \
        for (int i = 0; i < N; i++) a[i] = tn_index_rem(a[i], b[i]);                                                   \
        return a;                                                                                                      \
    }                                                                                                                  \
    TN_INLINE tn_u8x##N tn_low_u4x##N(tn_u8x##N v) {                                                                   \
        return v & tn_splat_u8x##N(15);                                                                                \
    }                                                                                                                  \
    TN_INLINE tn_i8x##N tn_low_i4x##N(tn_i8x##N v) {                                                                   \
        return ((v & tn_splat_i8x##N(15)) ^ tn_splat_i8x##N(8)) - tn_splat_i8x##N(8);                                  \
    }                                                                                                                  \
    TN_INLINE tn_u8x##N tn_clamp_u4x##N(tn_u8x##N v) {                                                                 \
        return tn_select_u8x##N(v > tn_splat_u8x##N(15), tn_splat_u8x##N(15), v);                                      \
    }                                                                                                                  \
    TN_INLINE tn_i8x##N tn_clamp_i4x##N(tn_i8x##N v) {                                                                 \
        v = tn_select_i8x##N(v > tn_splat_i8x##N(7), tn_splat_i8x##N(7), v);                                           \
        return tn_select_i8x##N(v < tn_splat_i8x##N(-8), tn_splat_i8x##N(-8), v);                                      \
    }
