/* Strided tensors in host memory, and what graph nodes mean on them; the fake device's own interpreter, over the SDK and
 * the cases' numbers alone. */
#ifndef TENON_CLAIMS_TENSOR_H
#define TENON_CLAIMS_TENSOR_H

#include <tenon/work.h>

#include "cases/number.h"

typedef struct fake_tensor {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    int64_t strides[TENON_MAX_RANK]; /* elements */
    void *data;
} fake_tensor;

/* The view at `data` under these symbol values; `packed`: row-major whatever its strides say. */
fake_tensor fake_tensor_of(const tenon_view *view, const int64_t *symbols, void *data, bool packed);

int64_t fake_count(const fake_tensor *t);
uint64_t fake_bytes(const fake_tensor *t);

/* One step of an index over dims, row-major; false after the last. Start with zeros, and not for empty dims. */
bool fake_next(uint32_t rank, const int64_t *dims, int64_t *index);

cf_number fake_get(const fake_tensor *t, const int64_t *index);
void fake_set(const fake_tensor *t, const int64_t *index, cf_number number);

/* What is run: an operator, or a composite by name. */
typedef struct fake_call {
    tenon_op op; /* 0: `name` */
    const char *name;
    const tenon_attr *attrs;
    uint32_t attr_count;
    const uint64_t *scalars;
} fake_call;

/* 1 for operators and composites that fake_run knows. */
int fake_knows(tenon_op op, const char *name);

/* Runs a call. Absent inputs have NULL data. Operators in place have the first value of output 0 as last input.
 * Errors: OUT_OF_RANGE (a loaded index), OUT_OF_MEMORY. */
tenon_status fake_run(const fake_call *call, const fake_tensor *inputs, uint32_t input_count,
                      const fake_tensor *outputs);

/* The composites: fake_run's part for names. NULL if it is not known. */
typedef tenon_status (*fake_composite)(const fake_call *call, const fake_tensor *in, uint32_t in_count,
                                       const fake_tensor *out);
fake_composite fake_composite_of(const char *name);

static inline int64_t fake_int(const fake_call *call, uint32_t attr, int64_t otherwise) {
    return tenon_attr_int(call->attrs, call->attr_count, attr, otherwise);
}
double fake_float(const fake_call *call, uint32_t attr);

#endif
