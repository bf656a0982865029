/* The numbers of a launch, compiled from a program's head: items of each entry and bytes of workspace, as functions of
 * the symbols that need the program no longer. */
#ifndef TENON_KERNEL_GEOMETRY_H
#define TENON_KERNEL_GEOMETRY_H

#include "kernel/schedule.h"

/* A step of a stack machine: pushes a number or a symbol's value, or takes its operands from the stack. */
typedef struct tenon__geometry_step {
    uint32_t op;     /* TENON_OP_*; 0: push */
    uint32_t symbol; /* pushed, or TENON_NO_SYMBOL */
    int64_t number;
} tenon__geometry_step;

/* An extent or dim: steps first ... first + count - 1. */
typedef struct tenon__geometry_value {
    uint32_t first, count;
} tenon__geometry_value;

/* ceil(value / divisor), 0 below 0; divisor 0: 1 where the value is above 0. */
typedef struct tenon__geometry_factor {
    tenon__geometry_value value;
    int64_t divisor;
} tenon__geometry_factor;

/* A product of factors: items of an entry, or elements of a workspace operand of so many bits each. Where `rows` is below
 * `few` (0: nowhere) the factors are those from `few_first` on. */
typedef struct tenon__geometry_product {
    uint32_t first, few_first, count;
    int64_t scale, few;
    tenon__geometry_value rows;
} tenon__geometry_product;

typedef struct tenon__geometry {
    tenon__geometry_step *steps;
    tenon__geometry_factor *factors;
    tenon__geometry_product *entries;
    tenon__geometry_product *workspace;
    uint32_t step_count, factor_count, entry_count, workspace_count;
    uint32_t step_room, factor_room;
} tenon__geometry;

/* Owner: the caller, tenon__geometry_free, also after an error. */
tenon_status tenon__geometry_make(const tenon__plan *plan, tenon__geometry *out_geometry);
void tenon__geometry_free(tenon__geometry *geometry);

/* Errors: INVALID when a number passes int64. */
tenon_status tenon__geometry_grids(const tenon__geometry *geometry, const int64_t *symbols, tenon_grid *grids);
tenon_status tenon__geometry_workspace(const tenon__geometry *geometry, const int64_t *symbols, uint64_t *out_bytes);

/* The same as C functions NAME_items and NAME_workspace, see print.h. */
tenon_status tenon__geometry_text(const tenon__geometry *geometry, const char *name, char **out_text);

#endif
