/* Canonical problems: a base operator on concrete strided operands, reduced to what its loops really are. Part of
 * libtenon_sdk.a, for backends with kernels made ahead of time, and for the host's own lowering.
 *
 * Axes of size 1 are dropped, axes that every operand walks as one are merged, parallel ones are ordered by the
 * output's strides; what is left splits into a *pattern*, by which a kernel is found, and numbers, given at launch:
 *
 *     tenon_canonical problem;
 *     TENON_TRY(tenon_canonicalize(op, attrs, attr_count, operands, operand_count, &problem));
 *     for (row = rows_of(op); row < end; row++)                          (rows hold the pattern they were made for)
 *         if (tenon_pattern_fits(&row->pattern, &problem)) break;
 *     count = tenon_pattern_symbols(&row->pattern, &problem, symbols);   (then the operator's host scalars)
 *
 * A pattern also fits problems with fewer axes or with strides known better. Thread: pure functions. */
#ifndef TENON_CANONICAL_H
#define TENON_CANONICAL_H

#include <tenon/ops.h>

TENON_EXTERN_C_BEGIN

/* An operand's dtype, dims and strides as numbers: elements, `rank` of each. */
typedef struct tenon_strided {
    tenon_dtype dtype;
    uint32_t rank;
    const int64_t *dims;
    const int64_t *strides;
} tenon_strided;

enum {
    TENON_PATTERN_OPERANDS = 4,
    TENON_PATTERN_GROUPS = 4,
    TENON_PATTERN_AXES = 10,   /* of all groups together */
    TENON_PATTERN_SYMBOLS = 64 /* at most, scalars not counted */
};

/* Groups of axes: the operator table's iterators in order, `g` (the gathered or scattered axis) last. Gather, scatter
 * and iota have p and s together, in S. */
enum {
    TENON_GROUP_P = 0, /* parallel; b of a contraction */
    TENON_GROUP_R =
        1, /* reduced, or the ordered axis; q of gather and scatter; m; iota's axis; of a copy the axis that is
                          innermost in the input, where the output has another */
    TENON_GROUP_S = 2, /* p and s of gather and scatter; n; iota's other axes */
    TENON_GROUP_G = 3  /* g; k */
};

/* Stride of a group's innermost axis in an operand. */
enum { TENON_INNER_ANY = 0, TENON_INNER_ONE = 1, TENON_INNER_ZERO = 2 };

/* Attributes that a kernel is made for: bits of tenon_pattern.variant; `combine` in the low three. */
enum {
    TENON_VARIANT_COMBINE = 7,
    TENON_VARIANT_EXCLUSIVE = 8,
    TENON_VARIANT_REVERSE = 16,
    TENON_VARIANT_DESCENDING = 32,
    TENON_VARIANT_WRAP = 64,
    TENON_VARIANT_SPLIT =
        128 /* reductions of many terms into few outputs: better in two kernels; it need not be said */
};

/* What tells one kernel from another; no padding, so that patterns may be compared and hashed as bytes. */
typedef struct tenon_pattern {
    uint16_t op;
    uint8_t operand_count;
    uint8_t variant;
    uint8_t dtypes[TENON_PATTERN_OPERANDS]; /* pure movement is of u8 u16 u32 u64, whatever the elements are */
    uint8_t accumulator;                    /* of a contraction; else 0 */
    uint8_t padded;                         /* pad: bit i: the i-th axis from the innermost has a margin */
    uint8_t ranks[TENON_PATTERN_GROUPS];    /* axes of each group */
    uint8_t inner[TENON_PATTERN_OPERANDS];  /* two bits a group, group 0 lowest: TENON_INNER_* */
    uint8_t reserved[2];                    /* 0 */
} tenon_pattern;
static_assert(sizeof(tenon_pattern) == 20, "hashed as bytes");

/* Axes are those of the groups one after the other, the innermost of a group last; an operand that a group does not
 * index has strides 0 there. */
typedef struct tenon_canonical {
    tenon_pattern pattern; /* the narrowest that fits */
    int64_t extents[TENON_PATTERN_AXES];
    int64_t strides[TENON_PATTERN_OPERANDS][TENON_PATTERN_AXES];
    int64_t low[TENON_PATTERN_AXES];  /* pad: elements before the axis */
    int64_t dims[TENON_PATTERN_AXES]; /* pad: of the input; update_slice: of the output */
} tenon_canonical;

/* Reduces a problem. No allocation; about 100 ns. Any dim may be 0. Broadcast operands come with strides of 0.
 * Errors: INVALID (dims that disagree, an axis out of range, a missing attribute), UNSUPPORTED (no lowering: a view, a
 * dtype, rank or combination that the operator table does not have). */
tenon_status tenon_canonicalize(tenon_op op, const tenon_attr *attrs, uint32_t attr_count,
                                const tenon_strided *operands, uint32_t operand_count, tenon_canonical *out_canonical);

/* 1 if a kernel made for `pattern` computes `problem`. */
int tenon_pattern_fits(const tenon_pattern *pattern, const tenon_canonical *problem);

/* Launch symbols of a kernel made for `pattern`, which fits; returns their number (at most TENON_PATTERN_SYMBOLS):
 * extents of all axes; pad: low and input dim of each padded axis; update_slice: the output's dims; then for each
 * operand the strides of the axes that index it, but for innermost ones that the pattern says.
 * `symbols` may be NULL to learn the number; `problem` too then. */
uint32_t tenon_pattern_symbols(const tenon_pattern *pattern, const tenon_canonical *problem, int64_t *symbols);

/* The groups that index an operand, bit i for group i; what the symbols' order and a lowering go by. */
uint32_t tenon_pattern_groups(const tenon_pattern *pattern, uint32_t operand);

/* TENON_INNER_* of a group in an operand. */
static inline uint32_t tenon_pattern_inner(const tenon_pattern *pattern, uint32_t operand, uint32_t group) {
    return (uint32_t)pattern->inner[operand] >> (2 * group) & 3u;
}

TENON_EXTERN_C_END

#endif
