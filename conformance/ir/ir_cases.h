/* The thirteen programs with sizes to run them at and what they mean, in f64 or integers, written in plain C apart
 * from the IR. Any executor (the interpreter, a printed and compiled kernel) is held to the same cases. */
#ifndef TENON_CONFORMANCE_IR_CASES_H
#define TENON_CONFORMANCE_IR_CASES_H

#include "ir_run.h"

enum { IR_MAX_SYMBOLS = 16 };

typedef struct ir_case {
    const char *program; /* NAME of NAME.kir */
    const char *name;
    int64_t symbols[IR_MAX_SYMBOLS];
} ir_case;

typedef struct ir_meaning {
    const char *program;
    double relative, absolute;                             /* tolerance: |got - want| <= absolute + relative * |want| */
    const uint64_t *scalars;                               /* or NULL */
    void (*prepare)(ir_run *run);                          /* or NULL: sets inputs that are not any value */
    void (*meaning)(const ir_run *run, double **out_want); /* values of the output buffers, row-major */
} ir_meaning;

extern const ir_case ir_cases[];
extern const uint32_t ir_case_count;

/* The row of a program; ends the test when there is none. */
const ir_meaning *ir_meaning_of(const char *program);

/* Begins the run of a case with its inputs in place. */
void ir_case_begin(const ir_case *test, const tenon__kir_program *program, ir_run *run);

/* Compares every output with the meaning, computed beforehand from the inputs. `want` from ir_case_want. */
double **ir_case_want(const ir_case *test, const ir_run *run);
void ir_case_check(const ir_case *test, const ir_run *run, double **want, const char *executor);
void ir_case_free(const ir_run *run, double **want);

#endif
