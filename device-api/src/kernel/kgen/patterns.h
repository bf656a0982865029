/* The patterns that kernels are made for ahead of time: for every base operator, its dtypes and attributes, a few that
 * are fast and, together with them, enough to fit every problem. */
#ifndef TENON_KERNEL_KGEN_PATTERNS_H
#define TENON_KERNEL_KGEN_PATTERNS_H

#include <tenon/canonical.h>
#include <tenon/status.h>

typedef struct kgen_pattern {
    tenon_pattern pattern;
    uint32_t general; /* 1: fits many problems, none of them best; made for one instruction set only */
    uint32_t kernel;  /* row whose kernel it uses: its own, or one that does the same to the bits */
} kgen_pattern;

/* By operator; of one operator and dtypes the best fit comes first. */
typedef struct kgen_patterns {
    kgen_pattern *rows;
    uint32_t count, room;
} kgen_patterns;

/* Owner: the caller, kgen_patterns_free, also after an error. Errors: OUT_OF_MEMORY. */
tenon_status kgen_patterns_make(kgen_patterns *out_patterns);
void kgen_patterns_free(kgen_patterns *patterns);

#endif
