/* A Kernel IR program on the device under test, beside the interpreter. */
#ifndef TENON_CASES_PROGRAM_H
#define TENON_CASES_PROGRAM_H

#include "kernel/kir_build.h"

enum { CF_PROGRAM_OPERANDS = 8 };

/* True when the device takes kernel work; else the row says that it does not apply. */
bool cf_takes_programs(void);

/* Prints the finished program for the device, has it prepared and launches it once for each of `count` sets of symbol
 * values, with random operands; the row fails unless every byte is the interpreter's, NaN for any NaN. */
void cf_program_check(const tenon__kir_program *program, const int64_t *symbols, uint32_t count);

#endif
