#include "run/plans.h"

#include <stdlib.h>
#include <string.h>

#include "support/error.h"

static uint32_t count_dims(const tenonh_function *function) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tenonh_function_input_count(function); i++)
        count += tenonh_value_rank(tenonh_function_input(function, i));
    return count;
}

void tenon__plans_init(tenon__plans *plans, const tenon__plan_context *context, const tenon__lowered *lowered,
                       const tenonh_function *function, uint32_t limit) {
    *plans = (tenon__plans){.context = context, .lowered = lowered, .function = function, .limit = limit};
    plans->input_count = tenonh_function_input_count(function);
    plans->output_count = tenonh_function_output_count(function);
    plans->dim_count = count_dims(function);
    pthread_mutex_init(&plans->planning, NULL);
    pthread_mutex_init(&plans->lock, NULL);
}

void tenon__plans_end(tenon__plans *plans) {
    for (tenon__planned *planned = plans->first, *next; planned; planned = next) {
        next = planned->next;
        tenon__planned_release(planned);
    }
    pthread_mutex_destroy(&plans->lock);
    pthread_mutex_destroy(&plans->planning);
}

/* A plan keeps its execs: the cache may let go of them. */
static void retain_execs(const tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].exec) tenonh_exec_retain(plan->steps[i].exec);
}

static void release_execs(const tenon__plan *plan) {
    for (uint32_t i = 0; plan && i < plan->step_count; i++) tenonh_exec_release(plan->steps[i].exec);
}

void tenon__planned_release(tenon__planned *planned) {
    if (!planned || !tenon__release(&planned->references)) return;
    tenon__planned *self = planned;
    (void)atomic_compare_exchange_strong(&planned->plans->latest, &self, NULL);
    tenon__planned_drop_constants(planned);
    release_execs(planned->plan);
    tenon__plan_destroy(planned->plan);
    free(planned->patches);
    free(planned->bounces);
    free(planned);
}

void tenon__planned_touch(tenon__planned *planned) {
    if (!atomic_load_explicit(&planned->used, memory_order_relaxed))
        atomic_store_explicit(&planned->used, 1, memory_order_relaxed);
    if (atomic_load_explicit(&planned->plans->latest, memory_order_relaxed) != planned)
        atomic_store_explicit(&planned->plans->latest, planned, memory_order_relaxed);
}

/* -- What a plan's runs change -- */

static int is_outside(const tenon__plan *plan, const tenon__ref *ref) {
    uint32_t kind = plan->storages[ref->storage].kind;
    return kind == TENON__STORAGE_INPUT || kind == TENON__STORAGE_OUTPUT;
}

static tenon__patch patch_of(const tenon__plan *plan, const tenon__ref *ref, uint32_t buffer) {
    const tenon__storage *s = &plan->storages[ref->storage];
    return (tenon__patch){
        .buffer = buffer,
        .tensor = s->kind == TENON__STORAGE_INPUT ? s->index : plan->input_count + s->index,
        .offset = s->offset + (uint64_t)ref->offset * tenon_dtype_bits(ref->dtype) / 8,
    };
}

/* Numbers the buffers of all launches in one row, and lists those that are bound anew for every run. */
static tenon_status list_patches(tenon__planned *planned) {
    const tenon__plan *plan = planned->plan;
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].exec) planned->buffer_count += plan->steps[i].ref_count;
    planned->patches = calloc((size_t)planned->buffer_count + 1, sizeof *planned->patches);
    if (!planned->patches) return tenon__fail_memory();
    uint32_t buffer = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__step *step = &plan->steps[i];
        for (uint32_t r = 0; step->exec && r < step->ref_count; r++, buffer++)
            if (is_outside(plan, &step->refs[r]))
                planned->patches[planned->patch_count++] = patch_of(plan, &step->refs[r], buffer);
    }
    return TENON_STATUS_OK;
}

/* Gives every move host memory of its own, so that none waits for another's write. */
static tenon_status place_bounces(tenon__planned *planned) {
    const tenon__plan *plan = planned->plan;
    planned->bounces = calloc((size_t)plan->step_count + 1, sizeof *planned->bounces);
    if (!planned->bounces) return tenon__fail_memory();
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__ref *from = plan->steps[i].refs;
        uint64_t size;
        if (plan->steps[i].placement != TENONH_PLACEMENT_MOVE) continue;
        TENON_TRY(tenon_dtype_bytes(from->dtype, tenon__ref_count(from), &size));
        planned->bounces[i] = planned->bounce_size;
        planned->bounce_size += (size + 63) / 64 * 64;
    }
    return TENON_STATUS_OK;
}

/* -- Making plans -- */

static tenon_status create_plan(tenon__plans *plans, const tenon__plan_context *context, const int64_t *dims,
                                tenon__plan **out_plan) {
    const int64_t **lists = calloc((size_t)plans->input_count + 1, sizeof *lists);
    if (!lists) return tenon__fail_memory();
    for (uint32_t i = 0, at = 0; i < plans->input_count; i++) {
        lists[i] = dims + at;
        at += tenonh_value_rank(tenonh_function_input(plans->function, i));
    }
    tenon__execs_begin(context->execs);
    tenon_status status =
        tenon__plan_create(context, plans->lowered, plans->function->name, lists, plans->input_count, NULL, out_plan);
    if (status == TENON_STATUS_OK) retain_execs(*out_plan);
    tenon__execs_end(context->execs);
    free(lists);
    return status;
}

/* Without `streams`: only what is quickly made. */
static tenon_status make(tenon__plans *plans, const int64_t *dims, tenonh_stream *const *streams,
                         tenon__planned **out_planned) {
    tenon__plan_context context = *plans->context;
    context.quick = !streams;
    if (plans->small) context.streams = 1;
    tenon__planned *planned = calloc(1, sizeof *planned + plans->dim_count * sizeof *dims);
    if (!planned) return tenon__fail_memory();
    planned->plans = plans;
    planned->references = 1;
    if (plans->dim_count) memcpy(planned->dims, dims, plans->dim_count * sizeof *dims);
    uint64_t start = tenon__now();
    tenon_status status = create_plan(plans, &context, dims, &planned->plan);
    if (status == TENON_STATUS_OK) status = list_patches(planned);
    if (status == TENON_STATUS_OK) status = place_bounces(planned);
    if (status == TENON_STATUS_OK) status = tenon__planned_take_constants(planned, streams);
    atomic_fetch_add(&plans->prepare_ns, tenon__now() - start);
    if (status != TENON_STATUS_OK) return tenon__planned_release(planned), status;
    atomic_fetch_add(&plans->made, 1);
    *out_planned = planned;
    return TENON_STATUS_OK;
}

/* -- The list: the latest made first -- */

/* Under `lock`. */
static tenon__planned *find(tenon__plans *plans, const int64_t *dims) {
    tenon__planned *planned = plans->first;
    while (planned && memcmp(planned->dims, dims, plans->dim_count * sizeof *dims) != 0) planned = planned->next;
    if (planned) tenon__retain(&planned->references);
    return planned;
}

static tenon__planned *find_locked(tenon__plans *plans, const int64_t *dims) {
    pthread_mutex_lock(&plans->lock);
    tenon__planned *planned = find(plans, dims);
    pthread_mutex_unlock(&plans->lock);
    return planned;
}

/* Under `lock`: takes the oldest plan out that was not used since it was last passed over; never the first. */
static tenon__planned *take_victim(tenon__plans *plans) {
    tenon__planned **victim = NULL, **oldest = NULL;
    for (tenon__planned **link = &plans->first->next; *link; link = &(*link)->next) {
        oldest = link;
        if (!(*link)->used) victim = link;
    }
    if (!oldest) return NULL;
    if (!victim) { /* all were used: all are passed over, and the oldest goes */
        for (tenon__planned *planned = plans->first->next; planned; planned = planned->next) planned->used = 0;
        victim = oldest;
    }
    tenon__planned *planned = *victim;
    *victim = planned->next;
    plans->count--;
    return planned;
}

/* Plans of one shape class that are kept: another one costs little, and memory that is used in turn stays in caches. */
enum { MOST_OF_CLASS = 4 };

/* Under `lock`: takes out the oldest plan of the first one's class when there are too many of it. */
static tenon__planned *take_of_class(tenon__plans *plans) {
    const tenon__planned *added = plans->first;
    tenon__planned **oldest = NULL;
    uint32_t count = 0;
    if (!added->plan->shape_class) return NULL;
    for (tenon__planned **link = &plans->first->next; *link; link = &(*link)->next) {
        if ((*link)->plan->shape_class != added->plan->shape_class) continue;
        oldest = link;
        count++;
    }
    if (count < MOST_OF_CLASS) return NULL;
    tenon__planned *planned = *oldest;
    *oldest = planned->next;
    plans->count--;
    return planned;
}

/* Adds a plan, which stays the caller's too; gives what must go for it, or NULL. */
static tenon__planned *add(tenon__plans *plans, tenon__planned *planned) {
    tenon__planned *victim = NULL;
    tenon__retain(&planned->references);
    pthread_mutex_lock(&plans->lock);
    planned->next = plans->first;
    plans->first = planned;
    plans->count++;
    victim = take_of_class(plans);
    if (!victim && plans->count > plans->limit) victim = take_victim(plans);
    pthread_mutex_unlock(&plans->lock);
    if (!victim) return NULL;
    atomic_store(&victim->dropped, 1);
    return victim;
}

tenon_status tenon__plans_get(tenon__plans *plans, const int64_t *dims, tenonh_stream *const *streams,
                              tenon__planned **out_planned) {
    if ((*out_planned = find_locked(plans, dims))) return TENON_STATUS_OK;
    pthread_mutex_lock(&plans->planning);
    tenon_status status = TENON_STATUS_OK;
    if (!(*out_planned = find_locked(plans, dims))) { /* another may have made it meanwhile */
        status = make(plans, dims, streams, out_planned);
        if (status == TENON_STATUS_OK) tenon__planned_release(add(plans, *out_planned));
    }
    pthread_mutex_unlock(&plans->planning);
    return status;
}

tenon_status tenon__plans_foresee(tenon__plans *plans, const int64_t *dims, tenon__planned **out_planned) {
    if (pthread_mutex_trylock(&plans->planning) != 0) return TENON_STATUS_NOT_READY;
    tenon_status status = TENON_STATUS_NOT_READY;
    tenon__planned *known = find_locked(plans, dims);
    if (!known) status = make(plans, dims, NULL, out_planned);
    if (status == TENON_STATUS_OK) tenon__planned_release(add(plans, *out_planned));
    pthread_mutex_unlock(&plans->planning);
    tenon__planned_release(known);
    return status;
}

/* -- Smaller plans -- */

/* Takes a plan out of the list, if it is there. */
static void drop(tenon__planned *planned) {
    tenon__plans *plans = planned->plans;
    pthread_mutex_lock(&plans->lock);
    tenon__planned **link = &plans->first;
    while (*link && *link != planned) link = &(*link)->next;
    bool found = *link != NULL;
    if (found) {
        *link = planned->next;
        plans->count--;
    }
    pthread_mutex_unlock(&plans->lock);
    atomic_store(&planned->dropped, 1);
    if (found) tenon__planned_release(planned); /* the list's; the caller has one too */
}

/* True when a device has more than one of the plan's streams, which are numbered in a row. */
static bool has_branches(const tenon__plan *plan) {
    bool found = false;
    for (uint32_t i = 1; i < plan->stream_count; i++)
        found = found || plan->stream_places[i] == plan->stream_places[i - 1];
    return found;
}

/* Branches side by side need memory side by side: one stream needs the least. */
bool tenon__planned_shrink(tenon__planned *planned) {
    tenon__plans *plans = planned->plans;
    pthread_mutex_lock(&plans->planning);
    bool can_shrink = has_branches(planned->plan);
    if (can_shrink) {
        plans->small = 1;
        drop(planned);
    }
    pthread_mutex_unlock(&plans->planning);
    return can_shrink;
}

/* -- Figures -- */

static int by_address(const void *a, const void *b) {
    uintptr_t x = (uintptr_t) * (tenon__resident *const *)a, y = (uintptr_t) * (tenon__resident *const *)b;
    return (x > y) - (x < y);
}

void tenon__plans_constant_bytes(tenon__plans *plans, uint64_t *out_copied, uint64_t *out_imported) {
    size_t count = 0, at = 0;
    *out_copied = *out_imported = 0;
    pthread_mutex_lock(&plans->lock);
    for (const tenon__planned *p = plans->first; p; p = p->next) count += p->plan->storage_count + p->special_count;
    tenon__resident **all = calloc(count + 1, sizeof(void *));
    for (const tenon__planned *p = plans->first; all && p; p = p->next)
        for (uint32_t i = 0; i < p->plan->storage_count; i++)
            if (p->constants[i]) all[at++] = p->constants[i];
    for (const tenon__planned *p = plans->first; all && p; p = p->next)
        for (uint32_t i = 0; i < p->special_count; i++) all[at++] = p->specials[i].resident;
    if (all) qsort(all, at, sizeof(void *), by_address);
    for (size_t i = 0; i < at; i++)
        if (i == 0 || all[i] != all[i - 1]) *(all[i]->imported ? out_imported : out_copied) += all[i]->size;
    pthread_mutex_unlock(&plans->lock);
    free(all);
}
