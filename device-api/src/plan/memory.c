/* Lays arenas out: storages by falling size, each at the lowest place that nothing alive at the same time uses. */
#include <stdlib.h>

#include "plan/plan.h"

static void use(tenon__plan *plan, uint32_t storage, uint32_t step) {
    tenon__storage *s = &plan->storages[storage];
    if (s->first == TENON__NEVER) s->first = step;
    s->last = step;
}

static void find_lifetimes(tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->storage_count; i++) plan->storages[i].first = TENON__NEVER;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__step *step = &plan->steps[i];
        if (step->placement == TENONH_PLACEMENT_VIEW) continue;
        for (uint32_t r = 0; r < step->ref_count; r++) use(plan, step->refs[r].storage, i);
        if (step->workspace != TENON__NEVER) use(plan, step->workspace, i);
    }
}

/* Whole units of the alignment; one even for no bytes, so that every storage has an address in an arena. */
static uint64_t padded(const tenon__storage *s) {
    uint64_t size = s->size ? s->size : 1;
    return (size + s->alignment - 1) / s->alignment * s->alignment;
}

static void find_live_bytes(tenon__plan *plan) {
    plan->live_bytes = 0;
    for (uint32_t step = 0; step < plan->step_count; step++) {
        uint64_t live = 0;
        for (uint32_t i = 0; i < plan->storage_count; i++) {
            const tenon__storage *s = &plan->storages[i];
            bool alive = s->kind == TENON__STORAGE_ARENA && s->first <= step && step <= s->last;
            if (alive && s->first != TENON__NEVER) live += padded(s);
        }
        if (live > plan->live_bytes) plan->live_bytes = live;
    }
}

static int larger_first(const void *a, const void *b) {
    const tenon__storage *x = *(tenon__storage *const *)a, *y = *(tenon__storage *const *)b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int lower_first(const void *a, const void *b) {
    const tenon__storage *x = *(tenon__storage *const *)a, *y = *(tenon__storage *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest gap of the storages placed so far that overlap in time. `rivals` has room for all of them. */
static uint64_t lowest_gap(tenon__storage *const *placed, uint32_t count, const tenon__storage *s,
                           tenon__storage **rivals) {
    uint32_t rival_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool apart = placed[i]->place != s->place || placed[i]->last < s->first || s->last < placed[i]->first;
        if (!apart) rivals[rival_count++] = placed[i];
    }
    if (rival_count) qsort(rivals, rival_count, sizeof *rivals, lower_first);
    uint64_t at = 0;
    for (uint32_t i = 0; i < rival_count && rivals[i]->offset < at + padded(s); i++) {
        uint64_t end = rivals[i]->offset + padded(rivals[i]);
        if (end > at) at = (end + s->alignment - 1) / s->alignment * s->alignment;
    }
    return at;
}

tenon_status tenon__plan_layout(tenon__plan *plan) {
    find_lifetimes(plan);
    find_live_bytes(plan);
    tenon__storage **order = calloc((size_t)plan->storage_count * 2 + 1, sizeof *order);
    if (!order) return tenon__fail_memory();
    tenon__storage **rivals = order + plan->storage_count;
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->storage_count; i++) {
        tenon__storage *s = &plan->storages[i];
        if (s->kind == TENON__STORAGE_ARENA && s->first != TENON__NEVER) order[count++] = s;
    }
    qsort(order, count, sizeof *order, larger_first);
    bool fits = true;
    for (uint32_t i = 0; i < count && fits; i++) {
        tenon__storage *s = order[i];
        s->offset = lowest_gap(order, i, s, rivals);
        uint64_t end = s->offset + padded(s);
        if (end > plan->arena_size[s->place]) plan->arena_size[s->place] = end;
        fits = end <= INT64_MAX; /* so that no sum above wraps */
    }
    free(order);
    if (fits) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_OUT_OF_MEMORY, "values alive at one step have more bytes than can be counted");
}
