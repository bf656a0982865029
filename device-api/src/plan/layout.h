/* Where storages lie in their arenas. */
#ifndef TENON_PLAN_LAYOUT_H
#define TENON_PLAN_LAYOUT_H

#include "plan/plan.h"

/* For each storage and stream, as [storage * streams + stream]: how far the stream has come when the storage is not
 * needed any more, and how far it has come for certain before the storage is needed; in numbers of its halves. */
typedef struct tenon__progress {
    const uint32_t *ends, *starts;
    uint32_t streams;
} tenon__progress;

/* Lays the arenas out: storages share bytes if one is not used after another begins, in the order of steps. With
 * `progress` it should also be sure without a further wait; where that would cost too much memory, such waits are taken
 * into account, the ones with most steps between first. Sets lifetimes, offsets, arena sizes and live_bytes.
 * Errors: OUT_OF_MEMORY, also when the sum is more than can be counted. */
tenon_status tenon__layout(tenon__plan *plan, const tenon__progress *progress);

#endif
