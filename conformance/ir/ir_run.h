/* Buffers for a Kernel IR program at given symbols, so that any executor can run it and be compared. */
#ifndef TENON_CONFORMANCE_IR_RUN_H
#define TENON_CONFORMANCE_IR_RUN_H

#include "interp.h"

enum { IR_MAX_BUFFERS = 8, IR_FENCE = 64 /* bytes before and behind each buffer that must stay as they are */ };

/* Memory of one operand. Elements are numbered row-major over dims, whatever the strides. */
typedef struct ir_buffer {
    const tenon__kir_operand *operand;
    uint8_t *bytes; /* fence, elements, fence */
    size_t size;    /* of the elements */
    void *base;     /* element (0, 0, ...) */
    int64_t dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
    int64_t count; /* elements */
} ir_buffer;

typedef struct ir_run {
    const tenon__kir_program *program;
    const int64_t *symbols;
    const uint64_t *scalars;
    uint32_t buffer_count; /* operands but workspaces */
    ir_buffer buffers[IR_MAX_BUFFERS];
    uint64_t random; /* state of ir_random */
} ir_run;

/* Reads and parses NAME.kir of this folder; ends the test when that fails. Owner: the caller. */
char *ir_read_text(const char *name, size_t *out_size);
tenon__kir_program *ir_load(const char *name);

/* Allocates the buffers: outputs hold all-ones bytes, inputs random values (floats in [-2, 2), integers in [0, 16)). */
void ir_run_begin(ir_run *run, const tenon__kir_program *program, const int64_t *symbols, const uint64_t *scalars,
                  uint64_t seed);
void ir_run_end(ir_run *run);

/* Base addresses in operand order. */
void ir_run_pointers(const ir_run *run, void *pointers[IR_MAX_BUFFERS]);

/* True when every byte outside the elements is as it was. */
bool ir_run_fences_hold(const ir_run *run);

/* Element number `i` of a buffer as a double (integers up to 2^53 exactly), and back. */
double ir_get(const ir_run *run, uint32_t buffer, int64_t i);
void ir_set(ir_run *run, uint32_t buffer, int64_t i, double value);

/* splitmix64; and a double in [0, 1). */
uint64_t ir_random(ir_run *run);
double ir_uniform(ir_run *run);

#endif
