/* The Kernel IR's meaning, executable: an interpreter with no other aim than to be plainly right. It shares no
 * arithmetic with the printers, the builder's folding or the operator table. Every value is computed in its own
 * compute dtype; f32 goes through double and is rounded once. */
#ifndef TENON_CONFORMANCE_IR_INTERP_H
#define TENON_CONFORMANCE_IR_INTERP_H

#include "kernel/kir.h"

/* Ways to run. The first two must not change the result: for merges up to rounding, for the order of items not a bit. */
typedef struct tenonc_interp_options {
    uint32_t parts; /* merged loops run in as many parts; 0 and 1: whole */
    bool backwards; /* items of a grid in descending order */
    bool flushes;   /* operators and casts take and give 0 for subnormal numbers */
} tenonc_interp_options;

/* Runs a verified program. `symbols` and `scalars` in order of declaration (scalars: bits at the low end), `buffers`:
 * the address of element (0, 0, ...) of each operand but workspaces, in order. Workspace is the interpreter's own and
 * starts as all-ones bytes (NaN, -1). `options` may be NULL.
 * Errors: OUT_OF_RANGE (the run went on to its end), INVALID (symbols outside their ranges), OUT_OF_MEMORY. */
tenon_status tenonc_interp_run(const tenon__kir_program *program, const int64_t *symbols, const uint64_t *scalars,
                               void *const *buffers, const tenonc_interp_options *options, tenon__kir_error *error);

/* Values: 64 bits, f64 and f32 by their bits at the low end, integers extended as their dtype says. */

/* The value, 0 of its sign where it is subnormal in a float dtype of storage. */
uint64_t tenonc_flushed(uint32_t dtype, uint64_t value);

/* A MAP operator on values of `dtype` (for where: of its branches; lt and eq give bool). */
uint64_t tenonc_scalar_op(tenon_op op, uint32_t dtype, uint64_t a, uint64_t b, uint64_t c);

/* From a compute dtype (or index) to a storage dtype (or index): the value in the latter's compute dtype. */
uint64_t tenonc_cast(uint32_t from, uint32_t to, bool wrap, uint64_t value);
uint64_t tenonc_bitcast(uint32_t to, uint64_t value);

/* Element number `offset` of memory at `base`, as a compute value; and back, rounded to storage. */
uint64_t tenonc_load(uint32_t dtype, const void *base, int64_t offset);
void tenonc_store(uint32_t dtype, void *base, int64_t offset, uint64_t value);

#endif
