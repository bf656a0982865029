/* Lays arenas out. Each storage is a box of time and bytes; several ways of placing boxes one by one are tried and the
 * one with the smallest arena is kept. */
#include <stdlib.h>
#include <string.h>

#include "plan/layout.h"

typedef struct box {
    uint32_t storage;
    uint32_t first, last; /* steps */
    uint64_t size;        /* bytes, padded */
    uint64_t alignment;
    uint64_t offset;
} box;

/* Boxes of one place, sorted by `first`, and a tree over the latest `last` of those that are placed. */
typedef struct layout {
    const tenon__progress *progress;
    box *boxes;
    uint32_t count, leaves;
    uint32_t window;    /* steps after which bytes may be used again though no order makes it sure */
    uint32_t *latest;   /* `last` + 1, 0 for what is not placed */
    uint32_t *sequence; /* in which the boxes are placed */
    uint32_t *rivals;   /* placed boxes that the next one must keep clear of */
    uint32_t rival_count;
    uint64_t work;  /* rivals looked at */
    uint64_t *best; /* offsets of the smallest arena so far */
    uint64_t best_size, bound;
} layout;

/* -- Lifetimes -- */

static void use(tenon__plan *plan, uint32_t storage, uint32_t step) {
    tenon__storage *own = &plan->storages[storage], *root = &plan->storages[own->root];
    if (own->first == TENON__NEVER) own->first = step;
    if (root->first == TENON__NEVER) root->first = step;
    own->last = root->last = step;
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

static bool is_box(const tenon__plan *plan, uint32_t storage, uint32_t place) {
    const tenon__storage *s = &plan->storages[storage];
    return s->kind == TENON__STORAGE_ARENA && s->place == place && s->root == storage && s->first != TENON__NEVER;
}

/* Most bytes alive at one step, each storage's size taken by `size_of`. */
static tenon_status find_peak(const tenon__plan *plan, uint32_t place, bool padded, uint64_t *out_peak) {
    int64_t *change = calloc((size_t)plan->step_count + 1, sizeof *change), live = 0, most = 0;
    if (!change) return tenon__fail_memory();
    for (uint32_t i = 0; i < plan->storage_count; i++) {
        const tenon__storage *s = &plan->storages[i];
        if (!is_box(plan, i, place)) continue;
        uint64_t size = s->size;
        if (padded) size = ((size ? size : 1) + s->alignment - 1) / s->alignment * s->alignment;
        change[s->first] += (int64_t)size;
        change[s->last + 1] -= (int64_t)size;
    }
    for (uint32_t i = 0; i < plan->step_count; i++) {
        live += change[i];
        if (live > most) most = live;
    }
    free(change);
    *out_peak = (uint64_t)most;
    return TENON_STATUS_OK;
}

/* -- Boxes -- */

static int by_first(const void *a, const void *b) {
    const box *x = a, *y = b;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x->storage < y->storage ? -1 : x->storage > y->storage;
}

/* Whole units of the alignment; one even for no bytes, so that every storage has an address in an arena. */
static tenon_status find_boxes(const tenon__plan *plan, uint32_t place, layout *l) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < plan->storage_count; i++) {
        const tenon__storage *s = &plan->storages[i];
        if (!is_box(plan, i, place)) continue;
        box b = {.storage = i, .first = s->first, .last = s->last, .alignment = s->alignment};
        b.size = ((s->size ? s->size : 1) + s->alignment - 1) / s->alignment * s->alignment;
        if (b.size < s->size || __builtin_add_overflow(total, b.size + s->alignment, &total) || total > INT64_MAX)
            return tenon__fail(TENON_STATUS_OUT_OF_MEMORY, "the values of a plan have more bytes than can be counted");
        l->boxes[l->count++] = b;
    }
    if (l->count) qsort(l->boxes, l->count, sizeof *l->boxes, by_first);
    return TENON_STATUS_OK;
}

static void mark(layout *l, uint32_t index, uint32_t latest) {
    uint32_t node = index + l->leaves;
    l->latest[node] = latest;
    for (node /= 2; node; node /= 2) {
        uint32_t left = l->latest[2 * node], right = l->latest[2 * node + 1];
        l->latest[node] = left > right ? left : right;
    }
}

/* -- Which boxes must keep clear of each other -- */

static bool is_over_before(const layout *l, const box *a, const box *b) {
    if (a->last >= b->first) return false;
    if (!l->progress || (uint64_t)a->last + l->window < b->first) return true;
    uint32_t streams = l->progress->streams;
    const uint32_t *ends = l->progress->ends + (size_t)a->storage * streams;
    const uint32_t *starts = l->progress->starts + (size_t)b->storage * streams;
    for (uint32_t i = 0; i < streams; i++)
        if (ends[i] > starts[i]) return false;
    return true;
}

/* Adds the placed boxes below `node` that are alive around the time of `b`. `first` is the node's first leaf. */
static void find_rivals(layout *l, const box *b, uint32_t node, uint32_t first, uint32_t width) {
    uint64_t window = l->progress ? l->window : 0;
    if (first >= l->count || l->latest[node] == 0 || (uint64_t)l->latest[node] + window <= b->first) return;
    if (l->boxes[first].first > (uint64_t)b->last + window) return;
    if (width > 1) {
        find_rivals(l, b, 2 * node, first, width / 2);
        find_rivals(l, b, 2 * node + 1, first + width / 2, width / 2);
        return;
    }
    const box *other = &l->boxes[first];
    l->work++;
    if (!is_over_before(l, other, b) && !is_over_before(l, b, other)) l->rivals[l->rival_count++] = first;
}

static int compare_offsets(const void *a, const void *b, void *context) {
    const box *boxes = context, *x = &boxes[*(const uint32_t *)a], *y = &boxes[*(const uint32_t *)b];
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static uint64_t align(uint64_t at, uint64_t alignment) {
    return (at + alignment - 1) / alignment * alignment;
}

/* The lowest gap between the rivals that the box fits in, or with `tight` the smallest. */
static uint64_t find_gap(layout *l, const box *b, bool tight) {
    l->rival_count = 0;
    find_rivals(l, b, 1, 0, l->leaves);
    if (l->rival_count > 1) qsort_r(l->rivals, l->rival_count, sizeof *l->rivals, compare_offsets, l->boxes);
    uint64_t at = 0, found = UINT64_MAX, smallest = UINT64_MAX;
    for (uint32_t i = 0; i < l->rival_count; i++) {
        const box *rival = &l->boxes[l->rivals[i]];
        uint64_t gap = rival->offset > at ? rival->offset - at : 0;
        if (gap >= b->size && gap < smallest) {
            found = at;
            smallest = gap;
            if (!tight) break;
        }
        uint64_t end = align(rival->offset + rival->size, b->alignment);
        if (end > at) at = end;
    }
    return found == UINT64_MAX ? at : found;
}

/* -- Ways of placing -- */

static int compare_numbers(uint64_t x, uint64_t y) {
    return x > y ? -1 : x < y;
}

static int larger_first(const void *a, const void *b, void *context) {
    const box *boxes = context, *x = &boxes[*(const uint32_t *)a], *y = &boxes[*(const uint32_t *)b];
    int order = compare_numbers(x->size, y->size);
    return order ? order : x < y ? -1 : 1;
}

static int longer_first(const void *a, const void *b, void *context) {
    const box *boxes = context, *x = &boxes[*(const uint32_t *)a], *y = &boxes[*(const uint32_t *)b];
    int order = compare_numbers(x->last - x->first, y->last - y->first);
    return order ? order : larger_first(a, b, context);
}

static int wider_first(const void *a, const void *b, void *context) {
    const box *boxes = context, *x = &boxes[*(const uint32_t *)a], *y = &boxes[*(const uint32_t *)b];
    double area = (double)x->size * (x->last - x->first + 1.0), other = (double)y->size * (y->last - y->first + 1.0);
    return area != other ? (area > other ? -1 : 1) : larger_first(a, b, context);
}

typedef struct way {
    int (*compare)(const void *a, const void *b, void *context); /* NULL: as they begin */
    bool tight;
} way;

static const way ways[] = {
    {larger_first, false}, {larger_first, true}, {NULL, true}, {longer_first, false}, {wider_first, false}};

/* Rivals looked at in all, and rounds of each way, before it is given up. Rounds stop where little is to be gained. */
enum {
    WAY_COUNT = sizeof ways / sizeof *ways,
    MOST_WORK = 1 << 24,
    ROUND_WORK = 1 << 19,
    MOST_ROUNDS = 32,
    FEW_ROUNDS = 2
};

static void keep_if_smaller(layout *l, uint64_t size) {
    if (size >= l->best_size) return;
    l->best_size = size;
    for (uint32_t i = 0; i < l->count; i++) l->best[i] = l->boxes[i].offset;
}

/* Places the boxes in the order of the sequence. Gives the position there of the one that ends highest. */
static uint32_t place_sequence(layout *l, bool tight) {
    uint64_t size = 0;
    uint32_t highest = 0;
    memset(l->latest, 0, (size_t)l->leaves * 2 * sizeof *l->latest);
    for (uint32_t i = 0; i < l->count; i++) {
        box *b = &l->boxes[l->sequence[i]];
        if (++l->work > MOST_WORK) return 0;
        b->offset = find_gap(l, b, tight);
        mark(l, l->sequence[i], b->last + 1);
        if (b->offset + b->size <= size) continue;
        size = b->offset + b->size;
        highest = i;
    }
    keep_if_smaller(l, size);
    return highest;
}

/* An arena this much above the bytes alive is small enough: a smaller one would only add waits. */
static bool is_small_enough(const layout *l) {
    return l->best_size <= l->bound + l->bound / 8;
}

/* The box that ends highest found no place further down: in the next round it comes earlier. */
static void place_boxes(layout *l, const way *chosen) {
    for (uint32_t i = 0; i < l->count; i++) l->sequence[i] = i;
    if (chosen->compare) qsort_r(l->sequence, l->count, sizeof *l->sequence, chosen->compare, l->boxes);
    uint32_t highest = place_sequence(l, chosen->tight), rounds = l->progress && l->window ? FEW_ROUNDS : MOST_ROUNDS;
    for (uint32_t round = 0; round < rounds && highest && l->work < ROUND_WORK; round++) {
        if (l->best_size <= l->bound + l->bound / 64 || (l->progress && is_small_enough(l))) return;
        uint32_t number = l->sequence[highest], to = highest / 2;
        memmove(&l->sequence[to + 1], &l->sequence[to], (highest - to) * sizeof *l->sequence);
        l->sequence[to] = number;
        highest = place_sequence(l, chosen->tight);
    }
}

/* -- The way for plans with so many boxes alive at once that looking at all pairs takes too long: by time, each into the
 * smallest hole that fits. -- */

typedef struct hole {
    uint64_t low, high;
} hole;

static void fill_hole(hole *holes, uint32_t *count, const box *b, uint32_t at, uint64_t low) {
    hole rest[2] = {{holes[at].low, low}, {low + b->size, holes[at].high}}, kept[2];
    uint32_t left = 0;
    for (uint32_t i = 0; i < 2; i++)
        if (rest[i].low < rest[i].high) kept[left++] = rest[i];
    if (left != 1) memmove(&holes[at + left], &holes[at + 1], (*count - at - 1) * sizeof *holes);
    for (uint32_t i = 0; i < left; i++) holes[at + i] = kept[i];
    *count = *count - 1 + left;
}

static void open_hole(hole *holes, uint32_t *count, uint64_t low, uint64_t high) {
    uint32_t at = 0, last = *count;
    while (at < last) {
        uint32_t middle = at + (last - at) / 2;
        if (holes[middle].low < low)
            at = middle + 1;
        else
            last = middle;
    }
    bool joins_left = at > 0 && holes[at - 1].high == low, joins_right = at < *count && holes[at].low == high;
    if (joins_left && joins_right) {
        holes[at - 1].high = holes[at].high;
        memmove(&holes[at], &holes[at + 1], (--*count - at) * sizeof *holes);
    } else if (joins_left) {
        holes[at - 1].high = high;
    } else if (joins_right) {
        holes[at].low = low;
    } else {
        memmove(&holes[at + 1], &holes[at], ((*count)++ - at) * sizeof *holes);
        holes[at] = (hole){low, high};
    }
}

static int by_last(const void *a, const void *b, void *context) {
    const box *boxes = context, *x = &boxes[*(const uint32_t *)a], *y = &boxes[*(const uint32_t *)b];
    return x->last != y->last ? (x->last < y->last ? -1 : 1) : x < y ? -1 : 1;
}

/* The last hole has no end: the arena grows into it. */
static void sweep(layout *l, hole *holes) {
    uint32_t hole_count = 1, ended = 0;
    uint64_t size = 0, window = l->progress ? l->window : 0;
    holes[0] = (hole){0, UINT64_MAX};
    for (uint32_t i = 0; i < l->count; i++) l->sequence[i] = i;
    qsort_r(l->sequence, l->count, sizeof *l->sequence, by_last, l->boxes);
    for (uint32_t i = 0; i < l->count; i++) {
        box *b = &l->boxes[i];
        for (; l->boxes[l->sequence[ended]].last + window < b->first; ended++) {
            const box *over = &l->boxes[l->sequence[ended]];
            open_hole(holes, &hole_count, over->offset, over->offset + over->size);
        }
        uint32_t chosen = hole_count - 1;
        for (uint32_t k = 0; k + 1 < hole_count; k++) {
            uint64_t low = align(holes[k].low, b->alignment), width = holes[k].high - holes[k].low;
            bool fits = low < holes[k].high && holes[k].high - low >= b->size;
            if (fits && (chosen == hole_count - 1 || width < holes[chosen].high - holes[chosen].low)) chosen = k;
        }
        b->offset = align(holes[chosen].low, b->alignment);
        fill_hole(holes, &hole_count, b, chosen, b->offset);
        if (b->offset + b->size > size) size = b->offset + b->size;
    }
    keep_if_smaller(l, size);
}

/* -- All of it -- */

/* Steps between two uses of the same bytes from which on another wait is thought to cost nothing: the fewer, the more
 * streams wait for each other and the smaller the arena. */
static const uint32_t windows[] = {64, 16, 4, 0};

static void try_all(layout *l, hole *holes) {
    uint32_t first = l->progress ? 0 : sizeof windows / sizeof *windows - 1;
    for (uint32_t w = first; w < sizeof windows / sizeof *windows; w++) {
        l->window = windows[w];
        l->work = 0;
        for (uint32_t i = 0; i < WAY_COUNT && l->best_size > l->bound && l->work <= MOST_WORK; i++) {
            place_boxes(l, &ways[i]);
            if (l->progress && is_small_enough(l)) return;
        }
        if (l->best_size > l->bound) sweep(l, holes);
        if (is_small_enough(l)) return;
    }
}

static tenon_status prepare(layout *l, uint32_t capacity) {
    for (l->leaves = 1; l->leaves < capacity; l->leaves *= 2) {}
    l->boxes = calloc((size_t)capacity + 1, sizeof *l->boxes);
    l->latest = calloc((size_t)l->leaves * 2, sizeof *l->latest);
    l->sequence = calloc((size_t)capacity * 2 + 1, sizeof *l->sequence);
    l->rivals = l->sequence ? l->sequence + capacity : NULL;
    l->best = calloc((size_t)capacity + 1, sizeof *l->best);
    l->best_size = UINT64_MAX;
    return l->boxes && l->latest && l->sequence && l->best ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

static tenon_status lay_out(tenon__plan *plan, uint32_t place, layout *l) {
    uint32_t capacity = 0;
    for (uint32_t i = 0; i < plan->storage_count; i++) capacity += is_box(plan, i, place);
    if (!capacity) return TENON_STATUS_OK;
    TENON_TRY(prepare(l, capacity));
    TENON_TRY(find_boxes(plan, place, l));
    TENON_TRY(find_peak(plan, place, true, &l->bound));
    hole *holes = calloc((size_t)l->count + 2, sizeof *holes);
    if (!holes) return tenon__fail_memory();
    try_all(l, holes);
    free(holes);
    for (uint32_t i = 0; i < l->count; i++) plan->storages[l->boxes[i].storage].offset = l->best[i];
    plan->arena_size[place] = l->best_size;
    return TENON_STATUS_OK;
}

/* What shares a root's bytes lies where the root does. */
static void settle_parts(tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->storage_count; i++) {
        tenon__storage *s = &plan->storages[i];
        const tenon__storage *root = &plan->storages[s->root];
        if (s->root == i) continue;
        s->kind = root->kind;
        s->index = root->index;
        s->offset = root->offset + s->within;
    }
}

tenon_status tenon__layout(tenon__plan *plan, const tenon__progress *progress) {
    tenon_status status = TENON_STATUS_OK;
    find_lifetimes(plan);
    plan->live_bytes = 0;
    for (uint32_t place = 0; place < TENON__MAX_PLACES && status == TENON_STATUS_OK; place++) {
        uint64_t live = 0;
        layout l = {.progress = progress};
        status = lay_out(plan, place, &l);
        if (status == TENON_STATUS_OK) status = find_peak(plan, place, false, &live);
        plan->live_bytes += live;
        free(l.boxes);
        free(l.latest);
        free(l.sequence);
        free(l.best);
    }
    if (status == TENON_STATUS_OK) settle_parts(plan);
    return status;
}
