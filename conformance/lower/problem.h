/* A problem: an operator on tensors, with what its outputs must be; and how it is put to the test. */
#ifndef TENON_CONFORMANCE_LOWER_PROBLEM_H
#define TENON_CONFORMANCE_LOWER_PROBLEM_H

#include "tensor.h"

#include <stdbool.h>
#include <tenon/helpers.h>

enum { PROBLEM_VALUES = 2 * TENON_MAX_RANK };

typedef struct problem {
    const tenon_op_row *row;
    tenon_attr attrs[4];
    uint32_t attr_count;
    int64_t values[PROBLEM_VALUES]; /* of the attributes */
    uint32_t value_count;
    tensor operands[TENON_PATTERN_OPERANDS];
    uint32_t operand_count;
    uint64_t scalars[2];
    tensor want[2];    /* of the outputs: copies of them as they must become */
    bool out_of_range; /* the run must end so */
} problem;

void problem_attr(problem *p, uint32_t id, uint32_t count, const int64_t *values);
static inline void problem_attr_int(problem *p, uint32_t id, int64_t value) {
    problem_attr(p, id, 1, &value);
}
tensor *problem_operand(problem *p, tenon_dtype dtype, uint32_t rank, const int64_t *dims);

/* Copies of the outputs for the meaning to write into. */
void problem_begin_want(problem *p);
void problem_free(problem *p);

/* Lowers it for its own pattern and for wider ones that fit, runs the programs in the interpreter and compares all of
 * the outputs' memory. Gives NULL, or what went wrong. */
const char *problem_check(problem *p);

/* Meanings: a problem of this operator and dtype with random dims and layouts, and `want` filled in. */
void meaning_map(problem *p, tenon_dtype dtype);
void meaning_copy(problem *p, tenon_dtype dtype); /* copy, bitcast, cast */
void meaning_fill(problem *p, tenon_dtype dtype);
void meaning_iota(problem *p, tenon_dtype dtype);
void meaning_pad(problem *p, tenon_dtype dtype);
void meaning_update(problem *p, tenon_dtype dtype);
void meaning_reduce(problem *p, tenon_dtype dtype);
void meaning_gather(problem *p, tenon_dtype dtype);
void meaning_scatter(problem *p, tenon_dtype dtype);
void meaning_contract(problem *p, tenon_dtype dtype);
void meaning_arg(problem *p, tenon_dtype dtype);
void meaning_scan(problem *p, tenon_dtype dtype);
void meaning_sort(problem *p, tenon_dtype dtype);
void meaning_random(problem *p, tenon_dtype dtype);

/* Random dims: mostly small, some 1, few 0. Returns the rank, at most `most`. */
uint32_t random_dims(uint32_t least, uint32_t most, int64_t *dims);

#endif
