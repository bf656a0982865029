#include "run/context.h"

#include <stdlib.h>

#include "support/error.h"

/* -- Life of one -- */

void tenon__context_unstage(tenon__context *context) {
    const tenon__plans *plans = context->contexts->plans;
    for (uint32_t i = 0; context->staged && i < plans->input_count + plans->output_count; i++) {
        tenonh_tensor_release(context->staged[i]);
        context->staged[i] = NULL;
    }
}

static void destroy(tenon__context *context) {
    tenon__foresight_await(context);
    for (tenon__binding *binding = context->bindings, *next; binding; binding = next) {
        next = binding->next;
        tenon__binding_destroy(binding);
    }
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) {
        for (uint32_t i = 0; i < context->stream_counts[place]; i++) tenonh_stream_release(context->streams[place][i]);
        for (uint32_t i = 0; i < context->event_counts[place]; i++) tenonh_event_release(context->events[place][i]);
        free(context->streams[place]);
        free(context->events[place]);
        tenonh_memory_release(context->arenas[place]);
    }
    tenon__planned_release(context->lacking);
    tenon__context_unstage(context);
    free(context->bounce);
    free(context->dims);
    free(context->tensors);
    free(context);
}

/* Room for what a run is given, and the first stream of each place. */
static tenon_status fill(tenon__context *context) {
    const tenon__contexts *contexts = context->contexts;
    size_t tensors = (size_t)contexts->plans->input_count + contexts->plans->output_count;
    tenonh_stream *first;
    context->dims = calloc(4 * (size_t)contexts->plans->dim_count + 1, sizeof *context->dims);
    context->tensors = calloc(3 * tensors + 1, sizeof(void *));
    if (!context->dims || !context->tensors) return tenon__fail_memory();
    context->seen = context->dims + contexts->plans->dim_count;
    context->made = context->tensors + tensors;
    context->staged = context->made + tensors;
    for (uint32_t place = 0; place < TENON__MAX_PLACES && contexts->places->devices[place]; place++)
        TENON_TRY(tenon__context_stream(context, place, 0, &first));
    return TENON_STATUS_OK;
}

static tenon_status create(tenon__contexts *contexts, uint32_t slot, tenon__context **out_context) {
    tenon__context *context = calloc(1, sizeof *context);
    if (!context) return tenon__fail_memory();
    context->contexts = contexts;
    context->slot = slot;
    context->generation = 1;
    tenon_status status = fill(context);
    if (status != TENON_STATUS_OK) return destroy(context), status;
    *out_context = context;
    return TENON_STATUS_OK;
}

/* Room for one more pointer; the lists are short and grow one by one. */
static void *grow(void *list, uint32_t count) {
    return realloc(list, ((size_t)count + 1) * sizeof(void *));
}

tenon_status tenon__context_stream(tenon__context *context, uint32_t place, uint32_t index,
                                   tenonh_stream **out_stream) {
    uint32_t *count = &context->stream_counts[place];
    tenon_status status = TENON_STATUS_OK;
    while (*count <= index && status == TENON_STATUS_OK) {
        tenonh_stream **list = grow(context->streams[place], *count);
        if (!list) return tenon__fail_memory();
        context->streams[place] = list;
        status = tenonh_stream_create(context->contexts->places->devices[place], &list[*count]);
        if (status == TENON_STATUS_OK) ++*count;
    }
    if (*count == 0 || (status != TENON_STATUS_OK && status != TENON_STATUS_OUT_OF_MEMORY)) return status;
    *out_stream = context->streams[place][index % *count];
    return TENON_STATUS_OK;
}

tenon_status tenon__context_event(tenon__context *context, uint32_t place, uint32_t index, tenonh_event **out_event) {
    uint32_t *count = &context->event_counts[place];
    while (*count <= index) {
        tenonh_event **list = grow(context->events[place], *count);
        if (!list) return tenon__fail_memory();
        context->events[place] = list;
        TENON_TRY(tenonh_event_create(context->contexts->places->devices[place], &list[*count]));
        ++*count;
    }
    *out_event = context->events[place][index];
    return TENON_STATUS_OK;
}

/* -- Taking and giving -- */

bool tenon__context_settle(tenon__context *context) {
    tenon__foresight_await(context);
    bool sound = !tenon__forked(context->contexts->places->devices[0]->generation), reachable = sound;
    for (uint32_t place = 0; place < TENON__MAX_PLACES && reachable; place++) {
        for (uint32_t i = 0; i < context->stream_counts[place]; i++) {
            const tenonh_stream *stream = context->streams[place][i];
            tenon_status status = stream->device->hooks->stream.synchronize(stream->handle);
            sound = sound && stream->failed == TENON_STATUS_OK && status == TENON_STATUS_OK;
        }
    }
    return sound;
}

static tenon__context *take_idle(tenon__contexts *contexts) {
    uint64_t idle = atomic_load(&contexts->idle);
    while (idle) {
        uint64_t lowest = idle & (0 - idle); /* the one that was used last, mostly: its memory is warm */
        if (atomic_compare_exchange_weak(&contexts->idle, &idle, idle & ~lowest))
            return contexts->all[__builtin_ctzll(lowest)];
    }
    return NULL;
}

/* A free slot, taken; or none while the limit is reached. */
static int take_slot(tenon__contexts *contexts, uint32_t *out_slot) {
    uint64_t alive = atomic_load(&contexts->alive);
    while (__builtin_popcountll(alive) < (int)atomic_load(&contexts->limit)) {
        uint64_t lowest = ~alive & (alive + 1);
        if (!atomic_compare_exchange_weak(&contexts->alive, &alive, alive | lowest)) continue;
        *out_slot = (uint32_t)__builtin_ctzll(lowest);
        return 1;
    }
    return 0;
}

/* Wakes who waits for contexts, or for what others use of the devices. Sequentially consistent with await(): it counts
 * itself before it looks, we change before we look. */
static void notify(tenon__contexts *contexts) {
    for (uint32_t place = 0; place < TENON__MAX_PLACES && contexts->places->devices[place]; place++)
        tenon__device_tell(contexts->places->devices[place]);
    if (atomic_load(&contexts->waiters) == 0) return;
    pthread_mutex_lock(&contexts->lock);
    pthread_cond_broadcast(&contexts->returned);
    pthread_mutex_unlock(&contexts->lock);
}

static int may_take(tenon__contexts *contexts) {
    return atomic_load(&contexts->idle) != 0 ||
           __builtin_popcountll(atomic_load(&contexts->alive)) < (int)atomic_load(&contexts->limit);
}

static void await(tenon__contexts *contexts) {
    pthread_mutex_lock(&contexts->lock);
    atomic_fetch_add(&contexts->waiters, 1);
    while (!may_take(contexts)) pthread_cond_wait(&contexts->returned, &contexts->lock);
    atomic_fetch_sub(&contexts->waiters, 1);
    pthread_mutex_unlock(&contexts->lock);
}

static void free_slot(tenon__contexts *contexts, uint32_t slot) {
    contexts->all[slot] = NULL;
    atomic_fetch_and(&contexts->alive, ~((uint64_t)1 << slot));
    notify(contexts);
}

/* True while a run that has a context, of whatever session, uses any of the devices. */
static bool others_run(const tenon__contexts *contexts) {
    bool busy = false;
    for (uint32_t place = 0; place < TENON__MAX_PLACES && contexts->places->devices[place]; place++)
        busy = busy || tenon__device_is_busy(contexts->places->devices[place]);
    return busy;
}

/* While others run, a context that cannot be had is no failure: the limit goes down to the contexts that there are, or
 * other sessions are waited for. */
static tenon_status make_do(tenon__contexts *contexts, uint32_t slot, tenon_status status) {
    free_slot(contexts, slot);
    if (status != TENON_STATUS_OUT_OF_MEMORY || !others_run(contexts)) return status;
    uint32_t alive = (uint32_t)__builtin_popcountll(atomic_load(&contexts->alive));
    if (alive)
        atomic_store(&contexts->limit, alive);
    else
        tenon__device_await(contexts->places->devices[0]);
    return TENON_STATUS_OK;
}

/* Memory is not what lacks where a device has no stream left for a context: those who hold them all do not run. */
static tenon_status give_up(const tenon__contexts *contexts, tenon_status status) {
    for (uint32_t place = 0; place < TENON__MAX_PLACES && contexts->places->devices[place]; place++) {
        const tenonh_device *device = contexts->places->devices[place];
        uint32_t most = device->info.max_streams;
        if (status != TENON_STATUS_OUT_OF_MEMORY || most == 0 || atomic_load(&device->stream_count) < most) continue;
        return tenon__fail(
            TENON_STATUS_UNAVAILABLE,
            "%s has %u stream%s, and a session needs one: the application or others hold %s; release one", device->name,
            most, most == 1 ? "" : "s", most == 1 ? "it" : "them all");
    }
    return status;
}

tenon_status tenon__context_take(tenon__contexts *contexts, tenon__context **out_context) {
    for (uint32_t alone = 0;; await(contexts)) {
        uint32_t slot;
        if ((*out_context = take_idle(contexts))) return TENON_STATUS_OK;
        if (!take_slot(contexts, &slot)) continue;
        tenon_status status = create(contexts, slot, out_context);
        if (status == TENON_STATUS_OK) {
            contexts->all[slot] = *out_context;
            return TENON_STATUS_OK;
        }
        status = make_do(contexts, slot, status);
        bool lacks = status == TENON_STATUS_OUT_OF_MEMORY;
        if (status != TENON_STATUS_OK && (!lacks || ++alone == TENON__LAST_TRIES)) return give_up(contexts, status);
    }
}

/* Lets one run more go on at a time, now and then, while there are fewer than there may be: memory may be there again. */
static void recover(tenon__contexts *contexts, const tenon__context *context) {
    enum { RUNS_BETWEEN = 64 };
    uint32_t limit = atomic_load_explicit(&contexts->limit, memory_order_relaxed);
    if (limit >= contexts->most || context->runs % RUNS_BETWEEN != 0) return;
    (void)atomic_compare_exchange_strong(&contexts->limit, &limit, limit + 1);
}

static void discard(tenon__context *context) {
    tenon__contexts *contexts = context->contexts;
    uint32_t slot = context->slot;
    destroy(context);
    free_slot(contexts, slot);
}

tenon_status tenon__context_give(tenon__context *context, tenon_status status) {
    tenon__contexts *contexts = context->contexts;
    uint32_t slot = context->slot;
    if (status == TENON_STATUS_OK || tenon__context_settle(context)) {
        tenon__planned_release(context->lacking);
        context->lacking = NULL;
        recover(contexts, context);
        atomic_fetch_or(&contexts->idle, (uint64_t)1 << slot);
        notify(contexts);
        return status;
    }
    discard(context);
    return status;
}

bool tenon__context_yield(tenon__context *context) {
    tenon__contexts *contexts = context->contexts;
    discard(context);
    if (!others_run(contexts)) return false;
    uint32_t alive = (uint32_t)__builtin_popcountll(atomic_load(&contexts->alive));
    if (alive) atomic_store(&contexts->limit, alive);
    tenon__device_await(contexts->places->devices[0]);
    return true;
}

/* -- All of them -- */

/* Destroys contexts that no run has: their memory, streams and old plans go. Not the one that is being planned for: that
 * thread may be the caller. */
static void reclaim(void *argument) {
    tenon__contexts *contexts = argument;
    uint64_t kept = 0;
    for (tenon__context *context; (context = take_idle(contexts));)
        if (tenon__foresight_has(context))
            kept |= (uint64_t)1 << context->slot;
        else
            discard(context);
    if (!kept) return;
    atomic_fetch_or(&contexts->idle, kept);
    notify(contexts);
}

static bool is_busy(void *argument) {
    tenon__contexts *contexts = argument;
    return (atomic_load(&contexts->alive) & ~atomic_load(&contexts->idle)) != 0;
}

void tenon__contexts_init(tenon__contexts *contexts, const tenon__plan_context *places, tenon__plans *plans,
                          uint32_t limit) {
    *contexts = (tenon__contexts){.places = places, .plans = plans};
    contexts->most = limit < TENON__MAX_CONTEXTS ? limit : TENON__MAX_CONTEXTS;
    contexts->limit = contexts->most;
    tenon__foresight_init(&contexts->foresight);
    pthread_mutex_init(&contexts->lock, NULL);
    pthread_cond_init(&contexts->returned, NULL);
    for (uint32_t place = 0; place < TENON__MAX_PLACES && places->devices[place]; place++) {
        contexts->reclaimers[place] =
            (tenon__reclaimer){.reclaim = reclaim, .is_busy = is_busy, .context = contexts, .has_streams = true};
        tenon__reclaimer_add(places->devices[place], &contexts->reclaimers[place]);
    }
}

void tenon__contexts_end(tenon__contexts *contexts) {
    for (uint32_t place = 0; place < TENON__MAX_PLACES && contexts->places->devices[place]; place++)
        tenon__reclaimer_remove(contexts->places->devices[place], &contexts->reclaimers[place]);
    for (uint32_t slot = 0; slot < TENON__MAX_CONTEXTS; slot++)
        if (contexts->alive >> slot & 1) destroy(contexts->all[slot]);
    tenon__foresight_end(&contexts->foresight);
    pthread_cond_destroy(&contexts->returned);
    pthread_mutex_destroy(&contexts->lock);
}
