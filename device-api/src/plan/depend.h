/* What steps do to memory, and which of them must therefore come after which.
 *
 * A point is a step that does something: a launch or a move. A move has two halves that may be on different streams: it
 * reads its source (half 1), then writes its destination (half 0). */
#ifndef TENON_PLAN_DEPEND_H
#define TENON_PLAN_DEPEND_H

#include "plan/plan.h"

typedef struct tenon__access {
    const tenon__ref *ref; /* NULL: all bytes of a workspace */
    uint32_t storage;
    bool reads, writes;
    bool whole;        /* every byte between low and high, and no bit more */
    uint8_t half;      /* of its point */
    int64_t low, high; /* bytes of the storage; never empty */
} tenon__access;

typedef struct tenon__point {
    uint32_t step;
    uint32_t first_access, access_count;
} tenon__point;

/* The points of a plan, in the order of its steps. */
typedef struct tenon__points {
    tenon__point *list;
    tenon__access *accesses;
    uint32_t count;
} tenon__points;

tenon_status tenon__points_create(const tenon__plan *plan, tenon__points *out_points);
void tenon__points_free(tenon__points *points); /* zero-initialised is allowed */

/* A half of a point that has to come after a half of an earlier one. */
typedef struct tenon__edge {
    uint32_t from; /* point */
    uint8_t from_half, to_half;
} tenon__edge;

/* Edges by the point that they lead to: list[first[i] ... first[i + 1] - 1] are those to point i. What follows from other
 * edges may be left out. */
typedef struct tenon__edges {
    uint32_t *first;
    tenon__edge *list;
    uint32_t count, capacity;
} tenon__edges;

/* Finds for every point the earlier ones that it conflicts with: both access a byte and one of them writes it.
 * Storages are told apart by their roots, or with `placed` by where they lie. Errors: OUT_OF_MEMORY. */
tenon_status tenon__edges_create(const tenon__plan *plan, const tenon__points *points, bool placed,
                                 tenon__edges *out_edges);
void tenon__edges_free(tenon__edges *edges); /* zero-initialised is allowed */

/* The same edges by where they come from: those out of point i lead to next[next_first[i] ... next_first[i + 1] - 1], in
 * rising order. `next_first` has `count` + 1 entries, all 0; `next` one an edge. */
void tenon__edges_turn(const tenon__edges *edges, uint32_t count, uint32_t *next_first, uint32_t *next);

#endif
