/* What the files lower_*.c share: a program being made for a pattern, one family a function. */
#ifndef TENON_KERNEL_LOWER_INTERNAL_H
#define TENON_KERNEL_LOWER_INTERNAL_H

#include "kernel/kir_build.h"
#include "kernel/lower.h"

#include <tenon/helpers.h>

/* Axes are numbered as in the canonical problem: those of group 0, then of group 1 ... */
typedef struct tenon__lowering {
    tenon__kir_program *program;
    const tenon_pattern *pattern;
    const tenon_op_row *row;
    uint32_t axis_count;
    uint32_t first[TENON_PATTERN_GROUPS + 1]; /* axes of group g: first[g] ... first[g + 1] - 1 */
    tenon__kir_id extent[TENON_PATTERN_AXES]; /* head nodes */
    tenon__kir_id low[TENON_PATTERN_AXES];    /* pad: head nodes, 0 where the axis has no margin */
    tenon__kir_id dim[TENON_PATTERN_AXES];    /* pad: the input's; update_slice: the output's */
    tenon__kir_id index[TENON_PATTERN_AXES];  /* where the loops stand: set by whoever opens them */
    uint32_t operand[TENON_PATTERN_OPERANDS]; /* numbers in the program */
    tenon__kir_id scalar[2];
    const char *reason; /* why the pattern has no program, or NULL */
} tenon__lowering;

typedef void (*tenon__lower_fn)(tenon__lowering *l);

/* -- lower.c ----------------------------------------------------------------------------------------------------------- */

/* Opens the kernel over all axes of the groups in `groups` (bits), in order, and sets their indices. */
void tenon__lower_grid(tenon__lowering *l, uint32_t groups);

/* Adds the axes of a group to the loop just begun and sets their indices. */
void tenon__lower_axes(tenon__lowering *l, uint32_t group);

/* Element of operand `k` where the loops stand; its place as indices. Returns their number. */
tenon__kir_id tenon__lower_load(tenon__lowering *l, uint32_t k);
uint32_t tenon__lower_place(const tenon__lowering *l, uint32_t k, tenon__kir_id *out_index);

/* Stores `value`, converted to the operand's dtype if it is of another one. */
void tenon__lower_store(tenon__lowering *l, uint32_t k, tenon__kir_id value);

/* An operator of two operands; and the neutral element of an operator in a compute dtype. */
tenon__kir_id tenon__lower_op(tenon__lowering *l, tenon_op op, tenon__kir_id a, tenon__kir_id b);
tenon__kir_id tenon__lower_identity(tenon__lowering *l, tenon_op op, uint32_t dtype);

/* The operator of an attribute `combine` other than SET. */
tenon_op tenon__lower_combiner(uint32_t combine);

/* An integer of operand `k`'s width (signed, but for unsigned elements and bool) that orders as its elements do:
 * -0 below +0, all NaN alike and above everything. Floats are taken by their bits. Returns the dtype. */
uint32_t tenon__lower_key_dtype(tenon_dtype dtype);
tenon__kir_id tenon__lower_key(tenon__lowering *l, tenon_dtype dtype, tenon__kir_id bits);

/* -- Families ----------------------------------------------------------------------------------------------------------- */

void tenon__lower_map(tenon__lowering *l); /* lower_map.c */
void tenon__lower_copy(tenon__lowering *l);
void tenon__lower_cast(tenon__lowering *l);
void tenon__lower_fill(tenon__lowering *l);
void tenon__lower_iota(tenon__lowering *l);
void tenon__lower_pad(tenon__lowering *l);
void tenon__lower_random(tenon__lowering *l); /* lower_random.c */
void tenon__lower_gather(tenon__lowering *l); /* lower_index.c */
void tenon__lower_scatter(tenon__lowering *l);
void tenon__lower_update(tenon__lowering *l);
void tenon__lower_reduce(tenon__lowering *l);   /* lower_reduce.c */
void tenon__lower_contract(tenon__lowering *l); /* lower_contract.c */
void tenon__lower_arg(tenon__lowering *l);      /* lower_order.c */
void tenon__lower_scan(tenon__lowering *l);
void tenon__lower_sort(tenon__lowering *l);

#endif
