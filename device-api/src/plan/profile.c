#include "plan/profile.h"

#include <stdlib.h>

tenon_status tenon__profile_create(uint32_t points, tenon__profile *out_profile) {
    uint32_t leaves = 1;
    while (leaves < points) leaves *= 2;
    *out_profile = (tenon__profile){.leaves = leaves};
    out_profile->added = calloc((size_t)leaves * 4, sizeof *out_profile->added);
    if (!out_profile->added) return tenon__fail_memory();
    out_profile->most = out_profile->added + (size_t)leaves * 2;
    return TENON_STATUS_OK;
}

void tenon__profile_free(tenon__profile *profile) {
    free(profile->added);
    *profile = (tenon__profile){0};
}

static void settle(tenon__profile *p, uint32_t node) {
    for (node /= 2; node; node /= 2) {
        int64_t left = p->most[2 * node], right = p->most[2 * node + 1];
        p->most[node] = p->added[node] + (left > right ? left : right);
    }
}

static void add(tenon__profile *p, uint32_t node, int64_t bytes) {
    p->added[node] += bytes;
    p->most[node] += bytes;
}

void tenon__profile_add(tenon__profile *profile, uint32_t first, uint32_t last, int64_t bytes) {
    uint32_t low = first + profile->leaves, high = last + profile->leaves + 1;
    for (uint32_t a = low, b = high; a < b; a /= 2, b /= 2) {
        if (a & 1) add(profile, a++, bytes);
        if (b & 1) add(profile, --b, bytes);
    }
    settle(profile, low);
    settle(profile, high - 1);
}

uint64_t tenon__profile_peak(const tenon__profile *profile) {
    return (uint64_t)profile->most[1];
}
