/* The inside of a session, shared by session.c (life, runs), bind.c (memory) and report.c (placement, figures). */
#ifndef TENON_RUN_SESSION_H
#define TENON_RUN_SESSION_H

#include <pthread.h>

#include "plan/plan.h"

/* A constant on a device, shared by all plans of the session. */
typedef struct tenon__resident {
    struct tenon__resident *next;
    const tenon__constant *constant;
    uint32_t place;
    uint32_t users; /* plans */
    tenonh_memory *memory;
} tenon__resident;

enum { TENON__RESIDENT_BUCKETS = 256 };

/* A plan with the dims that it is for, one list, the latest first. */
typedef struct tenon__planned {
    struct tenon__planned *next;
    tenon__plan *plan;
    tenon__resident **residents; /* by storage; NULL for what is no constant */
    int64_t dims[];              /* of all inputs, one after the other */
} tenon__planned;

struct tenonh_session {
    _Atomic uint32_t references;
    pthread_mutex_t lock; /* everything below: runs take turns */
    const tenonh_module *module;
    const tenonh_function *function;
    tenon__lowered *lowered;
    tenon__plan_context context;
    tenon__execs *execs;
    tenonh_stream *streams[TENON__MAX_PLACES];
    tenonh_memory *arenas[TENON__MAX_PLACES];
    uint64_t generation; /* of `arenas`: a plan bound to an older one is bound again */
    tenon__planned *plans;
    uint32_t plan_limit;
    uint32_t dim_count; /* of all inputs together */
    tenon__resident *residents[TENON__RESIDENT_BUCKETS];
    void *bounce; /* host memory for moves */
    uint64_t bounce_size;
    uint64_t runs, plans_made, prepare_ns, constant_bytes;
};

/* Puts a new plan's constants on their devices. */
tenon_status tenon__bind_constants(tenonh_session *session, tenon__planned *planned);

/* Gives up a plan's constants. */
void tenon__unbind_constants(tenonh_session *session, tenon__planned *planned);

/* Memory of a storage, and the bytes before it in that memory. */
tenonh_memory *tenon__memory_of(const tenonh_session *session, const tenon__planned *planned, uint32_t storage,
                                tenonh_tensor *const *inputs, tenonh_tensor *const *outputs, uint64_t *out_offset);

/* Points all buffers of the plan's steps to memory: arenas, constants, and the tensors of this run. */
tenon_status tenon__bind(tenonh_session *session, const tenon__planned *planned, tenonh_tensor *const *inputs,
                         tenonh_tensor *const *outputs);

/* Makes the streams that are missing. */
tenon_status tenon__session_streams(tenonh_session *session);

/* Waits for the streams. After a failure they are dropped, and the next run makes new ones. */
tenon_status tenon__session_settle(tenonh_session *session, tenon_status status);

#endif
