/* Which values the text form writes inside their user. Internal to kir_*.c. */
#ifndef TENON_KERNEL_KIR_INLINE_H
#define TENON_KERNEL_KIR_INLINE_H

#include "kernel/kir_internal.h"

/* How a node is used, as the text shows it: default strides are not written, so they do not count. */
typedef struct kir_use {
    uint32_t count;
    uint32_t block; /* of the latest user */
    uint32_t when;  /* stores and loops passed before the latest user ... */
    uint32_t made;  /* ... and before the node itself */
    uint16_t depth; /* of the expression that is written for it */
    bool reads;     /* that expression loads something the program may have stored to */
    bool inlined;
} kir_use;

/* Fills `uses`, node_count entries, zeroed. Errors: OUT_OF_MEMORY. */
tenon_status kir_plan_inlining(const tenon__kir_program *program, kir_use *uses);

#endif
