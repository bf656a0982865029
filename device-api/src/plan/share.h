/* Which storages may lie in another's bytes, for one order of a plan's points, and what is alive at most then. */
#ifndef TENON_PLAN_SHARE_H
#define TENON_PLAN_SHARE_H

#include "plan/depend.h"

typedef struct tenon__sharing {
    uint32_t *root;                   /* by storage; its own number where it shares nothing */
    uint64_t *within;                 /* by storage: bytes of the root before it */
    bool *elided;                     /* by point: a copy whose source lies where it would be copied to */
    uint64_t peak[TENON__MAX_PLACES]; /* most bytes of ARENA storages alive at a point, workspaces too; not padded */
} tenon__sharing;

/* `order` holds the points' numbers as they are to run. Two things share:
 *   a copy's source and its place in the destination, where nothing changes either while the other is needed;
 *   a step's output and an input that is not needed any more, where the exec permits it and both are seen alike.
 * Neither is done where it would raise the peak. Errors: OUT_OF_MEMORY. */
tenon_status tenon__sharing_create(const tenon__plan *plan, const tenon__points *points, const uint32_t *order,
                                   tenon__sharing *out_sharing);
void tenon__sharing_free(tenon__sharing *sharing); /* zero-initialised is allowed */

/* Bytes of all places together. */
uint64_t tenon__sharing_peak(const tenon__sharing *sharing);

#endif
