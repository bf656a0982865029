/* Lanes: the core's registers. It computes in two kinds, f32 and 64-bit integers; elements are widened when they are
 * loaded, and rounded once, or cut to their width, when they are stored. */
#ifndef DSP_LANES_H
#define DSP_LANES_H

#include <stdbool.h>

#include <tenon/ops.h>

enum { DSP_LANES = 1024 };

typedef union dsp_lanes {
    float f[DSP_LANES];
    int64_t i[DSP_LANES];
} dsp_lanes;

/* X(dtype, C type, lowest, highest): integers; those of bool are 0 and 1. */
#define DSP_INTEGERS(X)                                                                                                \
    X(I8, int8_t, INT8_MIN, INT8_MAX)                                                                                  \
    X(I16, int16_t, INT16_MIN, INT16_MAX)                                                                              \
    X(I32, int32_t, INT32_MIN, INT32_MAX)                                                                              \
    X(I64, int64_t, INT64_MIN, INT64_MAX)                                                                              \
    X(U8, uint8_t, 0, UINT8_MAX)                                                                                       \
    X(U32, uint32_t, 0, UINT32_MAX)                                                                                    \
    X(BOOL, uint8_t, 0, 1)

#define DSP__DTYPE_BIT(NAME, type, low, high) | (uint64_t)1 << TENON_DTYPE_##NAME
/* What the core computes in, as the device declares it. */
#define DSP_DTYPES                                                                                                     \
    ((uint64_t)1 << TENON_DTYPE_F32 | (uint64_t)1 << TENON_DTYPE_F16 |                                                 \
     (uint64_t)1 << TENON_DTYPE_BF16 DSP_INTEGERS(DSP__DTYPE_BIT))

static inline bool dsp_is_float(tenon_dtype dtype) {
    return dtype == TENON_DTYPE_F32 || dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16;
}

/* `count` elements, `step` elements from one to the next, at most DSP_LANES. */
void dsp_load(dsp_lanes *lanes, tenon_dtype dtype, const unsigned char *from, int64_t step, int64_t count);
void dsp_store(const dsp_lanes *lanes, tenon_dtype dtype, unsigned char *to, int64_t count);

/* Range of an integer dtype. */
void dsp_range(tenon_dtype dtype, int64_t *out_low, int64_t *out_high);

/* An integer cut to the width of a dtype. */
int64_t dsp_narrow(tenon_dtype dtype, int64_t value);

/* Element by element; y may be any of the others. `bits` is the width of the operator's dtype. */
typedef void (*dsp_map)(const void *a, const void *b, const void *c, void *y, int64_t count, int64_t bits);

/* The function of an operator of family MAP over lanes of one kind, NULL if it has none; results of comparisons are
 * integers. */
dsp_map dsp_map_of(tenon_op op, bool is_float);

/* What `combine` (TENON_COMBINE_*) does, as an operator; its neutral element in every lane. */
tenon_op dsp_combiner(uint32_t combine);
void dsp_identity(tenon_op op, tenon_dtype dtype, dsp_lanes *lanes, int64_t count);

/* Lanes of one dtype as those of another: rounded, truncated and saturated, or (`wraps`) taken modulo 2^bits. */
void dsp_convert(dsp_lanes *lanes, tenon_dtype from, tenon_dtype to, bool wraps, int64_t count);

#endif
