/* Conflicts, found by a walk over the points: each stretch of bytes knows who wrote it last and who has read it since. */
#include "plan/depend.h"

#include <stdlib.h>
#include <string.h>

/* -- Points -- */

static void add_access(tenon__points *points, tenon__point *point, tenon__access access) {
    if (access.low < access.high) points->accesses[point->first_access + point->access_count++] = access;
}

static void add_ref(tenon__points *points, tenon__point *point, const tenon__step *step, uint32_t index) {
    const tenon__ref *ref = &step->refs[index];
    bool input = index < step->input_count;
    tenon__access access = {.ref = ref, .storage = ref->storage, .reads = input || step->keeps, .writes = !input};
    access.half = input && step->placement == TENONH_PLACEMENT_MOVE;
    tenon__ref_span(ref, &access.low, &access.high);
    access.whole = tenon__ref_is_contiguous(ref) && tenon_dtype_bits(ref->dtype) % 8 == 0;
    add_access(points, point, access);
}

static void add_workspace(tenon__points *points, tenon__point *point, const tenon__plan *plan, uint32_t storage) {
    tenon__access access = {.storage = storage, .writes = true, .whole = true};
    access.high = (int64_t)plan->storages[storage].size;
    add_access(points, point, access);
}

static void fill_points(const tenon__plan *plan, tenon__points *points) {
    uint32_t accesses = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__step *step = &plan->steps[i];
        if (step->placement == TENONH_PLACEMENT_VIEW) continue;
        tenon__point *point = &points->list[points->count++];
        *point = (tenon__point){.step = i, .first_access = accesses};
        for (uint32_t r = 0; r < step->ref_count; r++) add_ref(points, point, step, r);
        if (step->workspace != TENON__NEVER) add_workspace(points, point, plan, step->workspace);
        accesses += point->access_count;
    }
}

tenon_status tenon__points_create(const tenon__plan *plan, tenon__points *out_points) {
    size_t accesses = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) accesses += plan->steps[i].ref_count + 1;
    *out_points = (tenon__points){0};
    out_points->list = calloc((size_t)plan->step_count + 1, sizeof *out_points->list);
    out_points->accesses = calloc(accesses + 1, sizeof *out_points->accesses);
    if (!out_points->list || !out_points->accesses) return tenon__points_free(out_points), tenon__fail_memory();
    fill_points(plan, out_points);
    return TENON_STATUS_OK;
}

void tenon__points_free(tenon__points *points) {
    free(points->list);
    free(points->accesses);
    *points = (tenon__points){0};
}

/* -- What is known of stretches of bytes. Lists are shared by stretches that were one, and never changed. -- */

/* More than this many accesses of one stretch are cut off: the next one comes after all of them, conflict or not. */
enum { MOST_ENTRIES = 512 };

typedef struct entry {
    uint32_t access;
    uint32_t point;
    uint32_t next; /* 0: none */
    bool wall;     /* whatever comes to this stretch comes after it */
} entry;

typedef struct stretch {
    int64_t low, high;      /* bytes of the space */
    uint32_t writes, reads; /* entries that later accesses may conflict with */
    uint32_t count;         /* of both */
} stretch;

/* The bytes that conflicts are looked for in: of a root, of an arena, or of an output. */
typedef struct space {
    stretch *list; /* by rising place, without overlap */
    uint32_t count, capacity;
} space;

typedef struct walk {
    const tenon__plan *plan;
    const tenon__points *points;
    tenon__edges *edges;
    bool placed;
    space *spaces;
    uint32_t space_count;
    entry *entries;
    uint32_t entry_count, entry_capacity;
    stretch *fresh; /* what the stretches under one access become */
    uint32_t fresh_count, fresh_capacity;
    uint32_t *tested;  /* by access: the access that it was tested against last, plus 1 */
    uint32_t *merged;  /* by access: the access for which it was put into a list last, plus 1 */
    uint32_t *reached; /* by half of a point: the half that has an edge from it last, plus 1 */
} walk;

static tenon_status reserve(void **array, uint32_t needed, uint32_t *capacity, size_t element) {
    if (needed <= *capacity) return TENON_STATUS_OK;
    uint32_t wanted = *capacity ? *capacity : 16;
    while (wanted < needed) wanted *= 2;
    void *larger = realloc(*array, wanted * element);
    if (!larger) return tenon__fail_memory();
    *array = larger;
    *capacity = wanted;
    return TENON_STATUS_OK;
}

/* Where a storage lies, for the sort of walk: in which space, from which byte on. NULL: in memory that nobody writes. */
static space *space_of(const walk *w, uint32_t storage, int64_t *out_start) {
    const tenon__storage *s = &w->plan->storages[storage];
    if (s->kind != TENON__STORAGE_ARENA && s->kind != TENON__STORAGE_OUTPUT) return NULL;
    *out_start = (int64_t)(w->placed ? s->offset : s->within);
    if (!w->placed) return &w->spaces[s->root];
    return &w->spaces[s->kind == TENON__STORAGE_ARENA ? s->place : TENON__MAX_PLACES + s->index];
}

static tenon_status add_edge(walk *w, uint32_t from, uint8_t from_half, uint32_t to, uint8_t to_half) {
    uint32_t *reached = &w->reached[2 * from + from_half];
    if (from == to || *reached == 2 * to + to_half + 1) return TENON_STATUS_OK;
    *reached = 2 * to + to_half + 1;
    tenon__edges *edges = w->edges;
    TENON_TRY(reserve((void **)&edges->list, edges->count + 1, &edges->capacity, sizeof *edges->list));
    edges->list[edges->count++] = (tenon__edge){from, from_half, to_half};
    return TENON_STATUS_OK;
}

static bool meets(const walk *w, const tenon__access *a, const tenon__access *b) {
    int64_t a_start, b_start;
    space_of(w, a->storage, &a_start);
    space_of(w, b->storage, &b_start);
    if (a->high + a_start <= b->low + b_start || b->high + b_start <= a->low + a_start) return false;
    if ((a->whole && b->whole) || !a->ref || !b->ref) return true;
    return tenon__ref_overlaps(a->ref, a_start, b->ref, b_start);
}

/* Adds edges from what `list` holds to access `at` of `point`, where they conflict or, with `all`, without looking. */
static tenon_status meet_list(walk *w, uint32_t list, uint32_t point, uint32_t at, bool all) {
    const tenon__access *access = &w->points->accesses[at];
    for (uint32_t i = list; i; i = w->entries[i].next) {
        const entry *e = &w->entries[i];
        const tenon__access *other = &w->points->accesses[e->access];
        bool sure = all || e->wall;
        if (!sure && w->tested[e->access] == at + 1) continue;
        w->tested[e->access] = at + 1;
        if (sure || meets(w, other, access)) TENON_TRY(add_edge(w, e->point, other->half, point, access->half));
    }
    return TENON_STATUS_OK;
}

static tenon_status push(walk *w, uint32_t *list, uint32_t point, uint32_t access, bool wall) {
    TENON_TRY(reserve((void **)&w->entries, w->entry_count + 1, &w->entry_capacity, sizeof *w->entries));
    w->entries[w->entry_count] = (entry){.access = access, .point = point, .next = *list, .wall = wall};
    *list = w->entry_count++;
    return TENON_STATUS_OK;
}

static tenon_status add_fresh(walk *w, stretch piece) {
    if (piece.low >= piece.high) return TENON_STATUS_OK;
    TENON_TRY(reserve((void **)&w->fresh, w->fresh_count + 1, &w->fresh_capacity, sizeof *w->fresh));
    w->fresh[w->fresh_count++] = piece;
    return TENON_STATUS_OK;
}

/* Puts the fresh stretches in the place of first ... last - 1. */
static tenon_status splice(walk *w, space *s, uint32_t first, uint32_t last) {
    uint32_t count = s->count - (last - first) + w->fresh_count;
    TENON_TRY(reserve((void **)&s->list, count, &s->capacity, sizeof *s->list));
    if (first + w->fresh_count != last)
        memmove(&s->list[first + w->fresh_count], &s->list[last], (s->count - last) * sizeof *s->list);
    if (w->fresh_count) memcpy(&s->list[first], w->fresh, w->fresh_count * sizeof *s->list);
    s->count = count;
    w->fresh_count = 0;
    return TENON_STATUS_OK;
}

/* The first stretch that ends after `low`. */
static uint32_t find(const space *s, int64_t low) {
    uint32_t first = 0, last = s->count;
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (s->list[middle].high > low)
            last = middle;
        else
            first = middle + 1;
    }
    return first;
}

/* What a stretch becomes under an access that leaves what it held in force. */
static tenon_status add_to(walk *w, stretch piece, uint32_t point, uint32_t at) {
    bool wall = piece.count >= MOST_ENTRIES;
    if (wall) {
        TENON_TRY(meet_list(w, piece.reads, point, at, true));
        TENON_TRY(meet_list(w, piece.writes, point, at, true));
        piece.writes = piece.reads = piece.count = 0;
    }
    bool writes = wall || w->points->accesses[at].writes;
    TENON_TRY(push(w, writes ? &piece.writes : &piece.reads, point, at, wall));
    piece.count++;
    return add_fresh(w, piece);
}

/* A write of every byte: nothing before it matters to what comes after it. */
static tenon_status cover(walk *w, const space *s, uint32_t first, uint32_t last, stretch piece, uint32_t point,
                          uint32_t at) {
    stretch left = first < last ? s->list[first] : piece, right = first < last ? s->list[last - 1] : piece;
    left.high = piece.low;
    right.low = piece.high;
    TENON_TRY(push(w, &piece.writes, point, at, false));
    piece.count = 1;
    TENON_TRY(add_fresh(w, left));
    TENON_TRY(add_fresh(w, piece));
    return add_fresh(w, right);
}

/* A read of every byte: it joins the stretches that it meets, split at its ends, and those between them. */
static tenon_status join(walk *w, const space *s, uint32_t first, uint32_t last, stretch piece, uint32_t point,
                         uint32_t at) {
    int64_t from = piece.low;
    for (uint32_t i = first; i < last; i++) {
        stretch left = s->list[i], middle = left, right = left;
        if (left.high > piece.low) left.high = piece.low;
        if (middle.low < piece.low) middle.low = piece.low;
        if (middle.high > piece.high) middle.high = piece.high;
        if (right.low < piece.high) right.low = piece.high;
        TENON_TRY(add_fresh(w, left));
        if (from < middle.low) TENON_TRY(add_to(w, (stretch){.low = from, .high = middle.low}, point, at));
        TENON_TRY(add_to(w, middle, point, at));
        TENON_TRY(add_fresh(w, right));
        from = middle.high;
    }
    return from < piece.high ? add_to(w, (stretch){.low = from, .high = piece.high}, point, at) : TENON_STATUS_OK;
}

/* Adds what `list` holds to another list, what is there already left out. */
static tenon_status merge(walk *w, uint32_t *list, uint32_t other, uint32_t at, uint32_t *count) {
    for (uint32_t i = other; i; i = w->entries[i].next) {
        const entry e = w->entries[i];
        if (w->merged[e.access] == at + 1) continue;
        w->merged[e.access] = at + 1;
        TENON_TRY(push(w, list, e.point, e.access, e.wall));
        ++*count;
    }
    return TENON_STATUS_OK;
}

/* An access with gaps: the stretches under it become one, in which conflicts are told apart ref by ref. */
static tenon_status weave(walk *w, const space *s, uint32_t first, uint32_t last, stretch piece, uint32_t point,
                          uint32_t at) {
    if (first + 1 == last) {
        int64_t low = piece.low, high = piece.high;
        piece = s->list[first];
        if (low < piece.low) piece.low = low;
        if (high > piece.high) piece.high = high;
        return add_to(w, piece, point, at);
    }
    for (uint32_t i = first; i < last; i++) {
        TENON_TRY(merge(w, &piece.writes, s->list[i].writes, at, &piece.count));
        TENON_TRY(merge(w, &piece.reads, s->list[i].reads, at, &piece.count));
        if (s->list[i].low < piece.low) piece.low = s->list[i].low;
        if (s->list[i].high > piece.high) piece.high = s->list[i].high;
    }
    return add_to(w, piece, point, at);
}

static tenon_status visit(walk *w, uint32_t point, uint32_t at) {
    const tenon__access *access = &w->points->accesses[at];
    int64_t start;
    space *s = space_of(w, access->storage, &start);
    if (!s) return TENON_STATUS_OK;
    stretch piece = {.low = access->low + start, .high = access->high + start};
    uint32_t first = find(s, piece.low), last = first;
    for (; last < s->count && s->list[last].low < piece.high; last++) {
        TENON_TRY(meet_list(w, s->list[last].writes, point, at, false));
        if (access->writes) TENON_TRY(meet_list(w, s->list[last].reads, point, at, false));
    }
    if (!access->whole)
        TENON_TRY(weave(w, s, first, last, piece, point, at));
    else if (access->writes)
        TENON_TRY(cover(w, s, first, last, piece, point, at));
    else
        TENON_TRY(join(w, s, first, last, piece, point, at));
    return splice(w, s, first, last);
}

static tenon_status walk_points(walk *w) {
    for (uint32_t i = 0; i < w->points->count; i++) {
        const tenon__point *point = &w->points->list[i];
        w->edges->first[i] = w->edges->count;
        for (uint32_t k = 0; k < point->access_count; k++) TENON_TRY(visit(w, i, point->first_access + k));
    }
    w->edges->first[w->points->count] = w->edges->count;
    return TENON_STATUS_OK;
}

static tenon_status prepare_walk(walk *w) {
    size_t accesses = 0;
    for (uint32_t i = 0; i < w->points->count; i++) accesses += w->points->list[i].access_count;
    w->space_count = w->placed ? TENON__MAX_PLACES + w->plan->output_count : w->plan->storage_count;
    w->spaces = calloc((size_t)w->space_count + 1, sizeof *w->spaces);
    w->tested = calloc(accesses * 2 + 1, sizeof *w->tested);
    w->merged = w->tested ? w->tested + accesses : NULL;
    w->reached = calloc((size_t)w->points->count * 2 + 1, sizeof *w->reached);
    w->edges->first = calloc((size_t)w->points->count + 1, sizeof *w->edges->first);
    bool all = w->spaces && w->tested && w->reached && w->edges->first;
    uint32_t none = 0;
    return all ? push(w, &none, 0, 0, false) : tenon__fail_memory(); /* entry 0 stands for none */
}

tenon_status tenon__edges_create(const tenon__plan *plan, const tenon__points *points, bool placed,
                                 tenon__edges *out_edges) {
    *out_edges = (tenon__edges){0};
    walk w = {.plan = plan, .points = points, .edges = out_edges, .placed = placed};
    tenon_status status = prepare_walk(&w);
    if (status == TENON_STATUS_OK) status = walk_points(&w);
    for (uint32_t i = 0; w.spaces && i < w.space_count; i++) free(w.spaces[i].list);
    free(w.spaces);
    free(w.entries);
    free(w.fresh);
    free(w.tested);
    free(w.reached);
    if (status != TENON_STATUS_OK) tenon__edges_free(out_edges);
    return status;
}

void tenon__edges_free(tenon__edges *edges) {
    free(edges->first);
    free(edges->list);
    *edges = (tenon__edges){0};
}

void tenon__edges_turn(const tenon__edges *edges, uint32_t count, uint32_t *next_first, uint32_t *next) {
    for (uint32_t i = 0; i < edges->count; i++) next_first[edges->list[i].from + 1]++;
    for (uint32_t i = 0; i < count; i++) next_first[i + 1] += next_first[i];
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t e = edges->first[i]; e < edges->first[i + 1]; e++) next[next_first[edges->list[e].from]++] = i;
    for (uint32_t i = count; i > 0; i--) next_first[i] = next_first[i - 1];
    next_first[0] = 0;
}
