/* A row's operator with its operands and results in device memory: for cases that run it more than once. */
#ifndef TENON_CASES_RUN_H
#define TENON_CASES_RUN_H

#include "cases/launch.h"

enum { CF_MAX_BUFFERS = CF_MAX_OPERANDS + CF_MAX_RESULTS };

/* An operand or result on the device: elements between poison. */
typedef struct cf_buffer {
    const cf_operand *operand;
    tenon__ref ref;        /* offset: elements, from `start` on */
    uint64_t start, size;  /* bytes before the storage that ref is about; bytes in all */
    tenonh_memory *memory; /* NULL: not made */
    unsigned char *image;  /* what the memory holds before the run */
} cf_buffer;

typedef struct cf_bound {
    const cf_row *row;
    uint32_t input_count, count;
    cf_buffer buffers[CF_MAX_BUFFERS];
    cf_launch launch;
} cf_bound;

/* Places the row's operands and poisoned results, and prepares its operator. Owner: cf_unbind frees, also after a failure;
 * the row outlives it. */
tenon_status cf_bind(cf_bound *bound, const cf_row *row);
void cf_unbind(cf_bound *bound);

/* Writes the row's operands and the poison of its results again, where they are. */
tenon_status cf_bound_refill(cf_bound *bound);

/* Enqueues one run. */
tenon_status cf_bound_enqueue(cf_bound *bound, tenonh_stream *stream);

/* Reads the results once the run has ended, over cf_under_test.stream or, if that has failed, a new one; fails the row
 * for every byte that changed beside them. */
tenon_status cf_bound_results(cf_bound *bound, tenonh_array *results);

/* A stream for the device under test: that of the last row unless it failed. */
tenon_status cf_row_stream(void);

/* Dims in storage of what the operator sees as `operand`. */
void cf_stored_dims(const cf_operand *operand, int64_t *dims);

/* True of operators whose result has a first value. */
bool cf_works_in_place(tenon_op op);

#endif
