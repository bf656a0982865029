/* What tenon-kgen's files share: a run over the instruction sets, each with its kernels as text. */
#ifndef TENON_KERNEL_KGEN_KGEN_H
#define TENON_KERNEL_KGEN_KGEN_H

#include "kernel/kgen/patterns.h"
#include "kernel/print.h"

#include <stdio.h>

/* An instruction set that kernels are made for: what the schedule may count on, and what the compiler is told. */
typedef struct kgen_isa {
    const char *name;
    uint32_t vector_bytes, registers, features;
} kgen_isa;

/* The set called `name`, or NULL. The first of all, "baseline", is what every machine of the architecture has. */
const kgen_isa *kgen_isa_of(const char *name);

/* A kernel of one instruction set. `geometry` numbers the functions for its items and bytes: kernels share them. */
typedef struct kgen_kernel {
    uint32_t pattern; /* row of the patterns */
    uint32_t entry_count;
    uint32_t geometry;
    uint32_t workspace; /* 1: asks for some */
} kgen_kernel;

typedef struct kgen_output {
    const kgen_isa *isa;
    kgen_kernel *kernels;
    uint32_t count;
    char **geometries; /* texts, each for a name of its own */
    char **keys;       /* the same for one name: to tell whether two are alike */
    uint32_t geometry_count;
} kgen_output;

/* Prints the fast kernels of an instruction set into `parts` files of `folder`, and with the baseline's the general ones
 * into as many files of their own. Owner: the caller, kgen_output_free, also after an error. Errors: with the thread's message. */
tenon_status kgen_make(const kgen_isa *isa, const kgen_patterns *patterns, const char *folder, uint32_t parts,
                       kgen_output *out_output);
void kgen_output_free(kgen_output *output);

/* Writes the table of an instruction set: its own kernels, and those of the baseline for all other patterns. */
tenon_status kgen_write_table(const kgen_output *output, const kgen_output *baseline, const kgen_patterns *patterns,
                              const char *folder);

/* Opens `folder`/`name`. Errors: IO with the thread's message. */
tenon_status kgen_open(const char *folder, const char *name, FILE **out_file);
tenon_status kgen_close(FILE *file, const char *name);

#endif
