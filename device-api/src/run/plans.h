/* Plans of a function, one for each combination of input dims that it met.
 *
 * A plan never changes once it is made; runs share it. Two locks: `planning` is held while a plan is made, which may
 * take long, `lock` for a look at the list or a change of it. A run of dims that its context has met before takes
 * neither: the context has the plan bound already (context.h).
 * Thread: everything here is thread-safe. */
#ifndef TENON_RUN_PLANS_H
#define TENON_RUN_PLANS_H

#include <pthread.h>
#include <stdatomic.h>

#include "device/resident.h"
#include "plan/plan.h"

typedef struct tenon__plans tenon__plans;

/* A buffer that changes from run to run: it points into an input or output. */
typedef struct tenon__patch {
    uint32_t buffer; /* of all launches' buffers */
    uint32_t tensor; /* inputs first, then outputs */
    uint64_t offset; /* bytes from the tensor's start */
} tenon__patch;

/* A buffer that points to a constant in a form of its own: packed, or held by the exec. */
typedef struct tenon__special {
    uint32_t buffer; /* of all launches' buffers */
    uint32_t place;
    tenon__resident *resident;
} tenon__special;

/* A plan with its constants on their devices. Counted: by the list, by bindings, and by who asked for it. */
typedef struct tenon__planned {
    _Atomic uint32_t references;
    _Atomic uint32_t used;    /* since it was last passed over when a plan had to go */
    _Atomic uint32_t dropped; /* no longer in the list: bindings should let go of it */
    struct tenon__planned *next;
    tenon__plans *plans;
    tenon__plan *plan;
    tenon__resident **constants; /* as they are, by storage; NULL for what is no constant or not wanted so */
    tenon__special *specials;
    uint32_t special_count;
    tenon__patch *patches;
    uint32_t patch_count;
    uint32_t buffer_count; /* of all launches together */
    uint64_t *bounces;     /* by step: where a move's bytes lie in the context's host memory */
    uint64_t bounce_size;  /* bytes of all moves together */
    int64_t dims[];        /* of all inputs, one after the other */
} tenon__planned;

struct tenon__plans {
    const tenon__plan_context *context;
    const tenon__lowered *lowered;
    const tenonh_function *function; /* as declared: its inputs and outputs */
    uint32_t input_count, output_count;
    uint32_t dim_count; /* of all inputs together */
    uint32_t limit;     /* plans kept */
    uint32_t small;     /* under `planning`: 1 makes plans that need little memory */
    pthread_mutex_t planning;
    pthread_mutex_t lock; /* of `first`, `count` */
    tenon__planned *first;
    uint32_t count;
    _Atomic(tenon__planned *) latest; /* ran or was prepared last; holds no reference */
    _Atomic uint64_t made, prepare_ns;
};

void tenon__plans_init(tenon__plans *plans, const tenon__plan_context *context, const tenon__lowered *lowered,
                       const tenonh_function *function, uint32_t limit);
void tenon__plans_end(tenon__plans *plans); /* bindings are gone */

/* The plan for `dims`, made if need be, with a reference more. `streams` (one a place) carry constants to their devices.
 * Errors: as tenonh_session_run. */
tenon_status tenon__plans_get(tenon__plans *plans, const int64_t *dims, tenonh_stream *const *streams,
                              tenon__planned **out_planned);

/* Makes the plan for `dims` if a shape class has one and its constants are on their devices, without a wait for others:
 * NOT_READY otherwise, also when the plan is there already. */
tenon_status tenon__plans_foresee(tenon__plans *plans, const int64_t *dims, tenon__planned **out_planned);

void tenon__planned_release(tenon__planned *planned); /* NULL is allowed */

/* Lets go of a plan whose arenas do not fit, if its function can be planned to need less memory, which it is from now on.
 * The caller has a reference. */
bool tenon__planned_shrink(tenon__planned *planned);

/* Marks a plan as the one that ran last. The caller holds a reference. */
void tenon__planned_touch(tenon__planned *planned);

/* Puts a plan's constants on their devices, and gives them up. Without `streams`, NOT_READY if any is not there. */
tenon_status tenon__planned_take_constants(tenon__planned *planned, tenonh_stream *const *streams);
void tenon__planned_drop_constants(tenon__planned *planned);

/* Bytes of the constants of all plans in the list, each counted once: copied to devices, and used where they lie. */
void tenon__plans_constant_bytes(tenon__plans *plans, uint64_t *out_copied, uint64_t *out_imported);

#endif
