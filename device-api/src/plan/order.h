/* The order in which a plan's points run, chosen for how few bytes are alive at once. */
#ifndef TENON_PLAN_ORDER_H
#define TENON_PLAN_ORDER_H

#include "plan/share.h"

typedef struct tenon__order {
    uint32_t *points;       /* as they are to run */
    tenon__sharing sharing; /* in that order */
    uint64_t file_bytes;    /* most bytes alive in the file's order */
    uint64_t own_bytes;     /* in the best order found here */
} tenon__order;

/* Tries orders that the edges allow, the file's among them, and gives the one with the least peak; the file's if none is
 * better. The same plan gives the same order. Errors: OUT_OF_MEMORY. */
tenon_status tenon__order_create(const tenon__plan *plan, const tenon__points *points, const tenon__edges *edges,
                                 tenon__order *out_order);
void tenon__order_free(tenon__order *order); /* zero-initialised is allowed */

#endif
