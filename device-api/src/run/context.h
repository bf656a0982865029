/* Run contexts: everything that a run changes. A session has as many as runs go on at a time.
 *
 * A context belongs to the run that took it. It keeps plans *bound*: launches that point to its arenas, to constants and
 * to the places that each run fills with its inputs and outputs. What a run of a bound plan does needs no lock and no
 * allocation: contexts are taken from and given back to a set of bits. */
#ifndef TENON_RUN_CONTEXT_H
#define TENON_RUN_CONTEXT_H

#include "device/reclaim.h"
#include "run/plans.h"

enum { TENON__MAX_CONTEXTS = 64 };

/* A run may lack what others have given up before it asks whether any run: it tries again so often before it fails. */
enum { TENON__LAST_TRIES = 8 };

typedef struct tenon__contexts tenon__contexts;

/* A plan on a context's memory, streams and events. */
typedef struct tenon__binding {
    struct tenon__binding *next;
    tenon__planned *planned; /* counted */
    uint64_t generation;     /* of the context's memory that the buffers point to; 0: none yet */
    tenon_launch *launches;  /* by step */
    tenon_buffer *buffers;   /* of all launches */
    tenonh_stream **streams; /* of the plan */
    tenonh_event **events;   /* of the plan */
    uint32_t stream_count;   /* different ones */
} tenon__binding;

/* The thread that plans ahead, for one context at a time (foresee.c). */
typedef struct tenon__foresight {
    pthread_mutex_t lock; /* of the next four */
    pthread_cond_t changed;
    struct tenon__context *context; /* that it has now, or is to take; NULL: none */
    const tenon__binding *running;  /* what the context runs meanwhile */
    uint32_t state;
    uint32_t generation; /* of the process; see tenon__forked */
    pthread_t thread;
} tenon__foresight;

typedef struct tenon__context {
    tenon__contexts *contexts;
    uint32_t slot;
    tenonh_stream **streams[TENON__MAX_PLACES]; /* the first of a place is there from the start */
    uint32_t stream_counts[TENON__MAX_PLACES];
    tenonh_event **events[TENON__MAX_PLACES];
    uint32_t event_counts[TENON__MAX_PLACES];
    tenonh_memory *arenas[TENON__MAX_PLACES];
    void *bounce; /* host memory for moves */
    uint64_t bounce_size;
    uint64_t generation;      /* changes when an arena does */
    tenon__binding *bindings; /* the latest first */
    tenon__planned *lacking;  /* whose arena did not fit; counted; NULL: none since the context was taken */
    uint64_t runs;
    int64_t *dims;           /* these: room for what a run is given */
    tenonh_tensor **tensors; /* inputs, then outputs, as the plan works on them */
    tenonh_tensor **made;    /* those of them that are the run's own */
    tenonh_tensor **staged;  /* likewise, of runs on arrays: kept from one to the next */
    int64_t *seen;           /* dims of the last run, by what they differed from the run before, the dims to plan for */
    bool lent;               /* to the thread that plans ahead: take it back with tenon__foresight_await */
} tenon__context;

struct tenon__contexts {
    const tenon__plan_context *places;
    tenon__plans *plans;
    uint32_t most;          /* contexts alive at a time */
    _Atomic uint32_t limit; /* the same; fewer since memory ran short, and slowly more again */
    _Atomic uint64_t alive; /* a bit for each slot */
    _Atomic uint64_t idle;  /* a bit for each that no run has */
    tenon__context *all[TENON__MAX_CONTEXTS];
    _Atomic uint64_t runs; /* of all contexts, those that are gone too */
    _Atomic uint32_t waiters;
    pthread_mutex_t lock; /* of waiting, never held while something is done */
    pthread_cond_t returned;
    tenon__foresight foresight;
    tenon__reclaimer reclaimers[TENON__MAX_PLACES]; /* give up arenas of idle contexts */
};

void tenon__contexts_init(tenon__contexts *contexts, const tenon__plan_context *places, tenon__plans *plans,
                          uint32_t limit);
void tenon__contexts_end(tenon__contexts *contexts); /* all are idle */

/* Takes an idle context, or a new one while fewer than the limit are alive, or waits for one.
 * Errors: OUT_OF_MEMORY, DEVICE_LOST. */
tenon_status tenon__context_take(tenon__contexts *contexts, tenon__context **out_context);

/* Waits for all streams, as far as they can be waited for, without a word; true when all are sound. */
bool tenon__context_settle(tenon__context *context);

/* Lets go of the tensors that runs on arrays keep. */
void tenon__context_unstage(tenon__context *context);

/* Gives a context back, after a run that ended with `status`, which is returned. One whose streams have failed is
 * destroyed. */
tenon_status tenon__context_give(tenon__context *context, tenon_status status);

/* Gives up a context whose run had too little memory. True if others run, after waiting for a moment for what they give
 * up: it is then worth trying again. */
bool tenon__context_yield(tenon__context *context);

/* A plan bound to the context: found, or planned and bound. Its buffers point to all but inputs and outputs. */
tenon_status tenon__context_bind(tenon__context *context, tenon__plans *plans, const int64_t *dims,
                                 tenon__binding **out_binding);

/* Runs a bound plan on tensors, inputs then outputs, and waits for its end. */
tenon_status tenon__context_run(tenon__context *context, tenon__binding *binding, tenonh_tensor *const *tensors);

/* -- Planning ahead -- */

void tenon__foresight_init(tenon__foresight *foresight);
void tenon__foresight_end(tenon__foresight *foresight); /* contexts are gone */

/* Before a run of `running`: where the dims of the next run can be guessed, lends the context's bindings to a thread that
 * plans and binds it meanwhile. A guess that is wrong, or would take long, leaves nothing but a plan more. */
void tenon__foresight_ask(tenon__context *context, const tenon__binding *running);

/* True while the thread has the context's bindings. */
bool tenon__foresight_has(tenon__context *context);

/* Waits until the context's bindings are no longer lent. Costs nothing where they were not. */
void tenon__foresight_await(tenon__context *context);

/* -- Shared by context.c, bind.c, foresee.c and run.c -- */

/* A binding for a plan, its streams and events made. Takes the reference to `planned` over. */
tenon_status tenon__binding_create(tenon__context *context, tenon__planned *planned, tenon__binding **out_binding);
void tenon__binding_destroy(tenon__binding *binding);

/* Lets go of bindings whose plans have left their lists, but for `kept` (NULL: none). */
void tenon__context_sweep(tenon__context *context, const tenon__binding *kept);

/* Binds a plan, which it takes the reference of, and lists the binding first. */
tenon_status tenon__context_add(tenon__context *context, tenon__planned *planned, tenon__binding **out_binding);

/* True when the context has all streams and events that the plan uses. */
bool tenon__context_has_queues(const tenon__context *context, const tenon__plan *plan);

/* True when the plan's arenas and moves fit in what the context has: binding_refresh then changes nothing that runs. */
bool tenon__context_fits(const tenon__context *context, const tenon__planned *planned);

/* Makes the arenas large enough and points the binding's buffers to memory that changed. */
tenon_status tenon__binding_refresh(tenon__context *context, tenon__binding *binding);

/* Memory of a storage and the bytes before it there. */
tenonh_memory *tenon__memory_of(const tenon__context *context, const tenon__planned *planned, uint32_t storage,
                                tenonh_tensor *const *tensors, uint64_t *out_offset);

/* Stream or event `index` of a place, made if need be. A place that has no further stream gives one of those it has. */
tenon_status tenon__context_stream(tenon__context *context, uint32_t place, uint32_t index, tenonh_stream **out_stream);
tenon_status tenon__context_event(tenon__context *context, uint32_t place, uint32_t index, tenonh_event **out_event);

#endif
