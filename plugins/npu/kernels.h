/* Inner loops over elements that lie side by side, once for each instruction set: what a step is made of. */
#ifndef NPU_KERNELS_H
#define NPU_KERNELS_H

#include <tenon/ops.h>

/* out[i] from in[0][i], in[1][i], in[2][i]; `out` may be one of them. Dtypes are those of the row it was found for. */
typedef void (*npu_lanes)(void *out, const void *const *in, int64_t count);

/* Numbers are widened to 64 bits where an operator is more than one loop: floats to f64, signed integers to i64, unsigned
 * ones and bool to u64. */
typedef enum npu_wide { NPU_WIDE_F64, NPU_WIDE_I64, NPU_WIDE_U64, NPU_WIDE_COUNT } npu_wide;

/* A product: y[m, n] = sum over k of a[m, k] * b[k, n], all blocked. Rows of `a` and `y` are `m` of a_rows, those of `b`
 * are `k` of b_rows: pointers stand at the first row of each. Lanes of the last block of y are written whole. */
typedef struct npu_product {
    const void *a, *b;
    void *y;
    int64_t m, k, n;
    int64_t a_block, b_block, y_block; /* elements from one block to the next */
} npu_product;

typedef struct npu_kernels {
    const char *architecture;
    /* The loop of a MAP operator whose operands compute in `dtype` (f32 for f16 and bf16), NULL if there is none. */
    npu_lanes map[TENON_OP_LIMIT][TENON_DTYPE_COUNT];
    npu_lanes select[9]; /* `where` by bytes of an element */
    npu_lanes widen[TENON_DTYPE_COUNT];
    npu_lanes narrow[NPU_WIDE_COUNT][TENON_DTYPE_COUNT]; /* as a cast does: floats to integers saturate */
    npu_lanes wrap[TENON_DTYPE_COUNT];                   /* from f64 to integers, modulo 2^bits */
    npu_lanes to_f32[TENON_DTYPE_COUNT];                 /* from f16 and bf16 */
    npu_lanes from_f32[TENON_DTYPE_COUNT];
    void (*product[TENON_DTYPE_COUNT])(const npu_product *product); /* f32 f64 u32 u64; i32 and i64 as those */
} npu_kernels;

extern const npu_kernels npu_kernels_baseline;
extern const npu_kernels npu_kernels_avx2;
extern const npu_kernels npu_kernels_avx512;

/* The best that this processor runs. */
const npu_kernels *npu_kernels_choose(void);

static inline npu_wide npu_wide_of(tenon_dtype dtype) {
    if (dtype <= TENON_DTYPE_BF16) return NPU_WIDE_F64;
    return dtype <= TENON_DTYPE_I64 ? NPU_WIDE_I64 : NPU_WIDE_U64;
}

#endif
