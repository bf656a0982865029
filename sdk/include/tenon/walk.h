/* Walking strided views: several operands side by side, in row-major order, one innermost run at a time. Part of
 * libtenon_sdk.a, for hand-written backends.
 *
 *     tenon_walk walk;
 *     TENON_TRY(tenon_walk_begin(&walk, rank, dims, 2, (const int64_t *const[]){x_strides, y_strides}));
 *     while (tenon_walk_next(&walk))
 *         for (int64_t i = 0; i < walk.count; i++)
 *             y[walk.offsets[1] + i * walk.steps[1]] = -x[walk.offsets[0] + i * walk.steps[0]];
 *
 * Axes that all operands can walk as one are merged, so that contiguous operands give a single run. No state but the
 * struct; copy it to walk twice. Thread: a walk belongs to one thread. */
#ifndef TENON_WALK_H
#define TENON_WALK_H

#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

enum { TENON_WALK_OPERANDS = 8 };

typedef struct tenon_walk {
    /* The present run: read these. */
    int64_t count;                        /* elements */
    int64_t offsets[TENON_WALK_OPERANDS]; /* elements from an operand's start to the run's first element */
    int64_t steps[TENON_WALK_OPERANDS];   /* elements from one element of the run to the next */
    /* The walk's own. */
    uint32_t operand_count;
    uint32_t rank; /* axes outside the run, merged */
    uint32_t started;
    uint32_t ended;
    int64_t dims[TENON_MAX_RANK];
    int64_t index[TENON_MAX_RANK];
    int64_t strides[TENON_MAX_RANK][TENON_WALK_OPERANDS];
} tenon_walk;

/* Starts a walk before its first run.
 * Shapes: `dims` has `rank` numbers >= 0, each of `strides` as many; rank 0 is one run of one element, a dim of 0 gives
 *         no run. Any rank that merges into TENON_MAX_RANK axes; 1 to TENON_WALK_OPERANDS operands.
 * Units:  strides in elements; 0 and negative ones are legal.
 * Errors: INVALID (a negative dim, too many operands or axes). */
tenon_status tenon_walk_begin(tenon_walk *walk, uint32_t rank, const int64_t *dims, uint32_t operand_count,
                              const int64_t *const *strides);

/* The same for views whose dims are equal under the symbol values of a launch. Errors: INVALID too for unequal dims. */
tenon_status tenon_walk_begin_views(tenon_walk *walk, uint32_t operand_count, const tenon_view *const *views,
                                    const int64_t *symbols);

/* Goes to the next run: 1 if there is one. */
int tenon_walk_next(tenon_walk *walk);

TENON_EXTERN_C_END

#endif
