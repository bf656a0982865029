/* Strided tensors of small whole numbers: any rank, gaps between elements, axes in any order of memory, negative strides,
 * strides of 0 for inputs. Small whole numbers are exact in every dtype, so that meanings are plain sums. */
#ifndef TENON_CONFORMANCE_LOWER_TENSOR_H
#define TENON_CONFORMANCE_LOWER_TENSOR_H

#include <tenon/canonical.h>

typedef struct tensor {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
    int64_t count;
    uint8_t *memory;
    size_t size;
    uint8_t *base; /* element (0, 0, ...) */
} tensor;

/* Memory for a random layout of these dims, filled with a fixed pattern. `spread`: strides may be 0. */
tensor tensor_new(tenon_dtype dtype, uint32_t rank, const int64_t *dims, int spread);
tensor tensor_copy(const tensor *from);
void tensor_free(tensor *t);

/* Element number `i` in row-major order. */
double tensor_get(const tensor *t, int64_t i);
void tensor_set(tensor *t, int64_t i, double value);

/* Bits of element `i`, at the low end. */
uint64_t tensor_bits(const tensor *t, int64_t i);
void tensor_set_bits(tensor *t, int64_t i, uint64_t bits);

/* Whole numbers of [low, high] that the dtype has. */
void tensor_fill(tensor *t, int low, int high);

/* Row-major number to indices and back. */
void tensor_indices(const tensor *t, int64_t i, int64_t *index);
int64_t tensor_number(const tensor *t, const int64_t *index);

/* The test's random numbers: splitmix64. */
void random_seed(uint64_t seed);
uint64_t random_next(void);
int random_below(int limit);

#endif
