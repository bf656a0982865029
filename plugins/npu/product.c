/* Matrix products over blocked operands: tiles of a few rows and two blocks of columns, whose sums stay in registers.
 * Sums of K_PART terms are added up one after the other, so that errors grow with the number of parts, not of terms.
 * Products and sums are rounded one by one: the same bits with every instruction set. */
#include "product.h"

#include "form.h"

enum { K_PART = 256, TILE_ROWS = 6, TILE_BLOCKS = 2 };

/* `rows` and `blocks` are constants where it is called, so that the loops over them unroll. */
#define PRODUCT(dtype, T)                                                                                              \
    typedef T lanes_##dtype __attribute__((vector_size(NPU_LANES * sizeof(T))));                                       \
    typedef lanes_##dtype stored_##dtype __attribute__((aligned(sizeof(T))));                                          \
    static inline __attribute__((always_inline)) void add_part_##dtype(                                                \
        const npu_product *p, int64_t row, int64_t block, int64_t start, int rows, int blocks,                         \
        lanes_##dtype(*total)[TILE_BLOCKS]) {                                                                          \
        lanes_##dtype sum[TILE_ROWS][TILE_BLOCKS] = {{{0}}};                                                           \
        int64_t end = start + K_PART < p->k ? start + K_PART : p->k;                                                   \
        for (int64_t outer = start; outer < end; outer += NPU_LANES) {                                                 \
            const T *a = (const T *)p->a + outer / NPU_LANES * p->a_block + row * NPU_LANES;                           \
            int64_t count = end - outer < NPU_LANES ? end - outer : NPU_LANES;                                         \
            const stored_##dtype *b = (const stored_##dtype *)((const T *)p->b + block * p->b_block) + outer;          \
            for (int64_t k = 0; k < count; k++)                                                                        \
                for (int i = 0; i < rows; i++)                                                                         \
                    for (int j = 0; j < blocks; j++)                                                                   \
                        sum[i][j] += a[i * NPU_LANES + k] * b[j * (p->b_block / NPU_LANES) + k];                       \
        }                                                                                                              \
        for (int i = 0; i < rows; i++)                                                                                 \
            for (int j = 0; j < blocks; j++) total[i][j] += sum[i][j];                                                 \
    }                                                                                                                  \
    static inline __attribute__((always_inline)) void tile_##dtype(const npu_product *p, int64_t row, int64_t block,   \
                                                                   int rows, int blocks) {                             \
        lanes_##dtype total[TILE_ROWS][TILE_BLOCKS] = {{{0}}};                                                         \
        for (int64_t start = 0; start < p->k; start += K_PART)                                                         \
            add_part_##dtype(p, row, block, start, rows, blocks, total);                                               \
        for (int i = 0; i < rows; i++)                                                                                 \
            for (int j = 0; j < blocks; j++)                                                                           \
                ((stored_##dtype *)p->y)[(block + j) * (p->y_block / NPU_LANES) + row + i] = total[i][j];              \
    }                                                                                                                  \
    void NPU_PRODUCT(dtype)(const npu_product *p) {                                                                    \
        int64_t blocks = (p->n + NPU_LANES - 1) / NPU_LANES, whole = p->m - p->m % TILE_ROWS;                          \
        for (int64_t block = 0; block + TILE_BLOCKS <= blocks; block += TILE_BLOCKS) {                                 \
            for (int64_t row = 0; row < whole; row += TILE_ROWS) tile_##dtype(p, row, block, TILE_ROWS, TILE_BLOCKS);  \
            for (int64_t row = whole; row < p->m; row++) tile_##dtype(p, row, block, 1, TILE_BLOCKS);                  \
        }                                                                                                              \
        if (blocks % TILE_BLOCKS == 0) return;                                                                         \
        for (int64_t row = 0; row < whole; row += TILE_ROWS) tile_##dtype(p, row, blocks - 1, TILE_ROWS, 1);           \
        for (int64_t row = whole; row < p->m; row++) tile_##dtype(p, row, blocks - 1, 1, 1);                           \
    }

PRODUCT(f32, float)
PRODUCT(f64, double)
PRODUCT(u32, uint32_t)
PRODUCT(u64, uint64_t)
