/* One launch of a base operator as numbers: what defects of arithmetic work on. The operands of op work, or of a graph work
 * of one operator, are read from the device; a fault changes the inputs that the plugin inside is given, or the outputs
 * that it has left. All of it runs within the launch, whose stream is waited for. */
#ifndef TENON_MUTANTS_JOB_H
#define TENON_MUTANTS_JOB_H

#include "cases/number.h"
#include "mutants/mutant.h"

enum { MUTANT_MAX_OPERANDS = 16, MUTANT_MAX_ATTRS = 8, MUTANT_MAX_VALUES = 16, MUTANT_MAX_SYMBOLS = 64 };

typedef struct mutant_exec {
    tenon_device *device;
    uint32_t kind;
    tenon_op op; /* the one operator, or 0 */
    uint32_t attr_count, operand_count, symbol_count, input_count, output_count;
    tenon_attr attrs[MUTANT_MAX_ATTRS];
    int64_t values[MUTANT_MAX_ATTRS][MUTANT_MAX_VALUES];
    tenon_view views[MUTANT_MAX_OPERANDS]; /* of the operator's operands: inputs, then outputs */
    uint32_t places[MUTANT_MAX_OPERANDS];  /* in the launch's buffers */
    uint32_t launches;
    tenon_symbol ranges[MUTANT_MAX_SYMBOLS]; /* that it was prepared for */
    uint32_t kept_count;                     /* symbols of the first launch */
    int64_t kept[MUTANT_MAX_SYMBOLS];
    void *last[2]; /* results of the latest launch */
    uint64_t last_size[2];
} mutant_exec;

/* An operand of a launch. values: in row-major order, NULL while not loaded. */
typedef struct mutant_array {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
    tenon_buffer buffer;
    uint32_t place;
    int64_t count;
    cf_number *values;
} mutant_array;

typedef struct mutant_job {
    const mutant_exec *exec;
    tenon_op op;
    tenon_dtype dtype; /* of the values */
    uint32_t input_count, output_count;
    mutant_array inputs[4], outputs[2], before[2];
    const uint64_t *scalars;
} mutant_job;

/* Which launches a defect is in, and what it does there. Members that are NULL do nothing. */
typedef struct mutant_fault {
    uint32_t defect;
    tenon_op op;     /* 0: every operator */
    uint32_t dtypes; /* bits 1 << TENON_DTYPE_*; 0: all */
    /* Element i of output 0 in place of `out`; `in` holds element i of each input. */
    cf_number (*element)(const mutant_job *job, int64_t i, const cf_number *in, cf_number out);
    void (*inputs)(mutant_job *job);  /* changes values of inputs; the plugin inside computes with those */
    void (*outputs)(mutant_job *job); /* changes values of outputs */
    /* The element of input `k` that is read in place of the one with these indices, as a place in elements from the
     * operand's buffer. */
    int64_t (*place)(const mutant_array *input, uint32_t k, const int64_t *at);
} mutant_fault;

#define MUTANT_OF(DTYPE) (1u << TENON_DTYPE_##DTYPE)

extern const mutant_fault mutant_map_faults[], mutant_cast_faults[], mutant_reduce_faults[], mutant_line_faults[],
    mutant_index_faults[], mutant_layout_faults[], mutant_symbol_faults[];
extern const uint32_t mutant_map_fault_count, mutant_cast_fault_count, mutant_reduce_fault_count,
    mutant_line_fault_count, mutant_index_fault_count, mutant_layout_fault_count, mutant_symbol_fault_count;

/* The fault of the planted defect in launches of `exec`, or NULL. */
const mutant_fault *mutant_fault_of(const mutant_exec *exec);

/* Launches with a fault. */
tenon_status mutant_launch_faulty(const mutant_fault *fault, tenon_stream *stream, tenon_exec *exec,
                                  const mutant_exec *record, const tenon_launch *launch);

/* Describes a launch without loading anything. */
void mutant_job_begin(const mutant_exec *record, const tenon_launch *launch, mutant_job *out_job);
tenon_status mutant_load(tenon_stream *stream, mutant_array *array);
tenon_status mutant_store(tenon_stream *stream, const mutant_array *array);

int64_t mutant_attr(const mutant_job *job, uint32_t id, int64_t otherwise);
/* Indices of element `i`, and back. */
void mutant_unravel(const mutant_array *array, int64_t i, int64_t *out_at);

/* Rounds to storage in other ways than to nearest even. */
cf_number mutant_towards_zero(tenon_dtype dtype, long double x);
cf_number mutant_ties_away(tenon_dtype dtype, long double x);
/* The next larger magnitude. */
cf_number mutant_next(tenon_dtype dtype, cf_number number);

#endif
