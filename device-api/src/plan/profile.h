/* Bytes alive at each point of an order, with the most of them at hand while lifetimes change. */
#ifndef TENON_PLAN_PROFILE_H
#define TENON_PLAN_PROFILE_H

#include "support/error.h"

/* A tree over the points: each node has what is added to all below it, and the most below it with that. */
typedef struct tenon__profile {
    int64_t *added, *most;
    uint32_t leaves; /* a power of two */
} tenon__profile;

tenon_status tenon__profile_create(uint32_t points, tenon__profile *out_profile);
void tenon__profile_free(tenon__profile *profile); /* zero-initialised is allowed */

/* Adds bytes, or takes them away, at points first ... last. */
void tenon__profile_add(tenon__profile *profile, uint32_t first, uint32_t last, int64_t bytes);

/* Most bytes at a point. */
uint64_t tenon__profile_peak(const tenon__profile *profile);

#endif
