/* Printed programs, compiled with the system's compilers and run here: an executor beside the interpreter. */
#ifndef TENON_CONFORMANCE_IR_PRINTED_H
#define TENON_CONFORMANCE_IR_PRINTED_H

#include "ir_run.h"
#include "kernel/print.h"

/* A way to print and compile. */
typedef struct printed_target {
    const char *name;
    const char *compiler;
    const char *flags;     /* beside -std=c11 -shared -fPIC -ffp-contract=off */
    uint32_t vector_bytes; /* of the dialect */
    const char *cpu;       /* what the machine has to have, or NULL: "avx2", "avx512" */
} printed_target;

extern const printed_target printed_targets[];
extern const uint32_t printed_target_count;

/* False when the machine lacks the compiler or the instructions. */
bool printed_target_usable(const printed_target *target);

/* The dialect of a target. Owner: static, the last call's. */
const tenon_dialect *printed_dialect(const printed_target *target);

/* Programs that are printed without a prelude and compiled as one text. */
typedef struct printed_set printed_set;

/* Ends the test when a program can't be printed or compiled. The programs are not kept. */
printed_set *printed_compile(const printed_target *target, const tenon__schedule_options *options,
                             const tenon__kir_program *const *programs, uint32_t count);
void printed_free(printed_set *set);

/* How the items of an entry are given to it. */
enum { PRINTED_WHOLE, PRINTED_BACKWARDS /* one by one, last first */, PRINTED_HALVES, PRINTED_SPLITS };

/* Runs program number `number` of a set; true when no loaded index was out of range. Workspace starts as all-ones. */
bool printed_run(const printed_set *set, uint32_t number, const int64_t *symbols, const uint64_t *scalars,
                 void *const *buffers, uint32_t split);

#endif
