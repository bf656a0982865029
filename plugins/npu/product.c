/* Matrix products over blocked operands: tiles of a few rows and two blocks of columns, whose sums stay in registers.
 * Sums of K_PART terms are added up one after the other, so that errors grow with the number of parts, not of terms. */
#include "product.h"

#include <math.h>

#include "form.h"

enum { K_PART = 256, TILE_ROWS = 6 };

#ifdef __FMA__
#define FMA_F32(a, b, c) __builtin_fmaf(a, b, c)
#define FMA_F64(a, b, c) __builtin_fma(a, b, c)
#else
#define FMA_F32(a, b, c) ((a) * (b) + (c))
#define FMA_F64(a, b, c) ((a) * (b) + (c))
#endif
#define ADD_PRODUCT(a, b, c) ((a) * (b) + (c))

/* `rows` and `blocks` are constants where it is called, so that the loops over them unroll. */
#define PRODUCT(dtype, T, MULTIPLY_ADD)                                                                                \
    static inline __attribute__((always_inline)) void tile_##dtype(const npu_product *p, int64_t row, int64_t block,   \
                                                                   int rows, int blocks) {                             \
        T total[TILE_ROWS][2][NPU_LANES] = {{{0}}};                                                                    \
        for (int64_t part = 0; part < p->k; part += K_PART) {                                                          \
            T sum[TILE_ROWS][2][NPU_LANES] = {{{0}}};                                                                  \
            int64_t end = part + K_PART < p->k ? part + K_PART : p->k;                                                 \
            for (int64_t k = part; k < end; k++) {                                                                     \
                const T *a = (const T *)p->a + k / NPU_LANES * p->a_block + row * NPU_LANES + k % NPU_LANES;           \
                const T *b = (const T *)p->b + block * p->b_block + k * NPU_LANES;                                     \
                for (int i = 0; i < rows; i++)                                                                         \
                    for (int j = 0; j < blocks; j++)                                                                   \
                        for (int l = 0; l < NPU_LANES; l++)                                                            \
                            sum[i][j][l] = MULTIPLY_ADD(a[i * NPU_LANES], b[j * p->b_block + l], sum[i][j][l]);        \
            }                                                                                                          \
            for (int i = 0; i < rows; i++)                                                                             \
                for (int j = 0; j < blocks; j++)                                                                       \
                    for (int l = 0; l < NPU_LANES; l++) total[i][j][l] += sum[i][j][l];                                \
        }                                                                                                              \
        for (int i = 0; i < rows; i++)                                                                                 \
            for (int j = 0; j < blocks; j++)                                                                           \
                for (int l = 0; l < NPU_LANES; l++)                                                                    \
                    ((T *)p->y)[(block + j) * p->y_block + (row + i) * NPU_LANES + l] = total[i][j][l];                \
    }                                                                                                                  \
    void NPU_PRODUCT(dtype)(const npu_product *p) {                                                                    \
        int64_t blocks = (p->n + NPU_LANES - 1) / NPU_LANES;                                                           \
        for (int64_t block = 0; block < blocks; block += 2) {                                                          \
            int64_t row = 0;                                                                                           \
            int pair = block + 1 < blocks;                                                                             \
            for (; row + TILE_ROWS <= p->m; row += TILE_ROWS) {                                                        \
                if (pair)                                                                                              \
                    tile_##dtype(p, row, block, TILE_ROWS, 2);                                                         \
                else                                                                                                   \
                    tile_##dtype(p, row, block, TILE_ROWS, 1);                                                         \
            }                                                                                                          \
            for (; row < p->m; row++) {                                                                                \
                if (pair)                                                                                              \
                    tile_##dtype(p, row, block, 1, 2);                                                                 \
                else                                                                                                   \
                    tile_##dtype(p, row, block, 1, 1);                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }

PRODUCT(f32, float, FMA_F32)
PRODUCT(f64, double, FMA_F64)
PRODUCT(u32, uint32_t, ADD_PRODUCT)
PRODUCT(u64, uint64_t, ADD_PRODUCT)
