/* Schedules: how a CPU-type device runs a program that kir.h describes. A plan is chosen from the program's structure,
 * the dialect and the options alone; the printer (print_*.c) writes out what it says.
 *
 * Lanes. A *region* is a grid axis, a loop's last axis or a tile's last axis whose steps run `lanes` at a time, in
 * vectors. Inside, a value is *varying* when it depends on the region's axis, else uniform: one scalar for all lanes.
 * Regions never nest. A value that varies needs a vector only where something asks for one (`needed`): indices that
 * step evenly along the axis are kept as the scalar of lane 0. */
#ifndef TENON_KERNEL_SCHEDULE_H
#define TENON_KERNEL_SCHEDULE_H

#include "kernel/print.h"

/* -- How indices move along an axis (schedule_step.c) ------------------------------------------------------------- */

enum { TENON__STEP_TERMS = 4 };

/* One part of a step: factor * a * b, of uniform index nodes; 0 counts as 1. */
typedef struct tenon__step_term {
    int64_t factor;
    tenon__kir_id a, b;
} tenon__step_term;

/* What an index value gains per step of the axis: number + terms, the same at every step when `even`. */
typedef struct tenon__step {
    bool even;
    int64_t number;
    uint32_t count;
    tenon__step_term terms[TENON__STEP_TERMS];
} tenon__step;

/* How the lanes of a load, store or tile element lie in memory. */
enum {
    TENON__LANES_SAME = 1,    /* all at one address */
    TENON__LANES_UNIT = 2,    /* one after the other */
    TENON__LANES_STRIDED = 3, /* a uniform distance apart */
    TENON__LANES_ANY = 4      /* each on its own, or under a condition that is no interval of lanes */
};

/* -- Plans -------------------------------------------------------------------------------------------------------- */

typedef struct tenon__region {
    tenon__kir_id axis; /* 0: no region */
    uint32_t lanes;     /* a power of two, at least 2 */
    uint32_t copies; /* vectors side by side in the main loop; 0: there is only the loop that takes parts of vectors */
    uint32_t mask_bytes; /* of a lane of a mask that belongs to no comparison */
} tenon__region;

/* Contraction in tiles: out[m, n] = sum over k of a[m, k] * b[k, n]. */
typedef struct tenon__tiles {
    uint32_t loop;           /* number of the loop over k */
    uint32_t axis_m, axis_n; /* numbers of grid axes */
    tenon__kir_id a, b;      /* factors: a free of n, b free of m */
    uint32_t dtype;          /* of the sum */
    uint32_t lanes;
    uint32_t rows, vectors; /* register tile: rows x vectors * lanes */
    uint32_t block_m, block_n, block_k;
    uint32_t few; /* fewer rows than this run as tenon__plan.few says: packing b would cost more than it gives */
} tenon__tiles;

enum { TENON__PLAN_ITEMS = 1, TENON__PLAN_AXIS = 2, TENON__PLAN_TILES = 3, TENON__PLAN_SERIAL = 4 };

typedef struct tenon__kernel_plan {
    uint32_t kind;  /* ITEMS: a point of the grid each; AXIS: `chunk` points of `axis`; TILES; SERIAL: one for all */
    uint32_t axis;  /* AXIS: number of the grid axis */
    uint32_t chunk; /* AXIS: elements */
    tenon__region region; /* AXIS: of the grid axis */
    tenon__tiles tiles;
} tenon__kernel_plan;

/* Bits of tenon__plan.node. */
enum {
    TENON__NODE_VARYING = 1,
    TENON__NODE_NEEDED = 2,   /* as a vector */
    TENON__NODE_SINGLE = 4,   /* a pure value used once, in its own block: stands inside its user */
    TENON__NODE_LANEWISE = 8, /* single lanes are read: the vector has a name */
    TENON__NODE_FIRST = 16,   /* a varying index that arithmetic on the axis makes: known in lane 0 without vectors */
    TENON__NODE_UNUSED = 32   /* the result of a carried value that nothing asks for */
};

enum { TENON__MAX_LOOK = 12 }; /* how deep the questions below look into an expression before they give up */

typedef struct tenon__plan {
    const tenon__kir_program *program;
    const tenon_dialect *dialect;
    tenon__schedule_options options;
    tenon__kernel_plan *kernels; /* one per kernel */
    struct tenon__plan *few;     /* the program without tiles, for contractions of few rows; NULL if there are none */
    tenon__region *loops;        /* one per loop: the region along its last axis, axis 0 if none */
    uint8_t *node;               /* one per node: TENON__NODE_* */
    uint8_t *access;             /* one per node: TENON__LANES_* of LOAD, STORE and ELEM in a region */
    uint8_t *mask_bytes;         /* one per node: lane size of a varying bool as it is computed */
} tenon__plan;

/* Chooses. Owner: the caller, tenon__plan_free. */
tenon_status tenon__plan_make(const tenon__kir_program *program, const tenon_dialect *dialect,
                              const tenon__schedule_options *options, tenon__plan *out_plan);
void tenon__plan_free(tenon__plan *plan);

/* True when the node varies along the axis of the region it lies in. */
static inline bool tenon__varies(const tenon__plan *plan, tenon__kir_id id) {
    return plan->node[id] & TENON__NODE_VARYING;
}

/* -- Parts of the choice, shared by schedule_*.c ------------------------------------------------------------------ */

/* How index `id` moves along `axis`. Uneven when that is not known. Callers outside pass TENON__MAX_LOOK. */
tenon__step tenon__step_of(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id id, uint32_t look);

/* How the address of an access moves, in elements; a tile's elements are row-major. */
tenon__step tenon__step_of_access(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id access);

/* True when a condition holds on an interval of lanes: uniform, or a conjunction of comparisons whose sides gain at
 * most one on each other per step. */
bool tenon__is_span(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id condition, bool holds, uint32_t look);

/* TENON__LANES_* of an access. */
uint32_t tenon__lanes_of(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id access);

/* Number of indices of a LOAD, STORE or ELEM, and the first one's argument number. */
uint32_t tenon__access_rank(const tenon__plan *plan, tenon__kir_id access, uint32_t *out_first);

/* The condition of an access, 0 if there is none; the else value of a guarded load. */
tenon__kir_id tenon__access_guard(const tenon__kir_program *program, const tenon__kir_node *node);
tenon__kir_id tenon__access_else(const tenon__kir_program *program, const tenon__kir_node *node);

/* The value of a STORE. */
tenon__kir_id tenon__stored_value(const tenon__kir_program *program, const tenon__kir_node *node);

/* Marks what varies in the body (and merge body) of loop `number` along its `axis`. */
void tenon__mark_varying(tenon__plan *plan, uint32_t number, tenon__kir_id axis);

/* Takes the marks of the body (and merge body) of loop `number` away. */
void tenon__unmark(tenon__plan *plan, uint32_t number);

/* True when the body of loop `number`, or of a kernel's grid, may run in lanes along `axis`. Needs the marks. */
bool tenon__lanes_allowed(const tenon__plan *plan, uint32_t number, tenon__kir_id axis);

/* Marks what is needed as vectors and fills the region in; false when a vector would have fewer than two lanes.
 * Needs the marks. `out_worth`: gain of the region in parts of a scalar access, weighted by loop depth. */
bool tenon__region_make(tenon__plan *plan, uint32_t number, tenon__kir_id axis, tenon__region *out_region,
                        int64_t *out_worth);

/* Looks for a contraction that tiles serve. */
bool tenon__tiles_find(tenon__plan *plan, uint32_t kernel, tenon__tiles *out_tiles);

#endif
