/* Plans the next run of a session whose dims grow evenly, as those of a decode loop do, while this one goes on.
 *
 * One thread for all contexts of a session, started by the first guess. It has a context's list of bindings from ask to
 * await; the run meanwhile uses its own binding, and the context's streams, events and arenas, which the thread leaves as
 * they are: a plan that needs more of them is bound by the run that needs it. Runs that ask while the thread is at work
 * plan for themselves, as ever. */
#include <signal.h>

#include "loader/registry.h"
#include "run/context.h"

enum { NOT_STARTED, IDLE, ASKED, ENDING, CANNOT };

/* Fewer plans than that are kept: a guess would cost one that is known. */
enum { LEAST_KEPT = 4 };

/* -- The thread -- */

static void plan_ahead(tenon__context *context, const tenon__binding *running) {
    tenon__plans *plans = context->contexts->plans;
    const int64_t *next = context->seen + 2 * (size_t)plans->dim_count;
    tenon__planned *planned;
    tenon__binding *binding;
    if (tenon__plans_foresee(plans, next, &planned) != TENON_STATUS_OK) return;
    tenon__context_sweep(context, running);
    if (!tenon__context_has_queues(context, planned->plan)) {
        tenon__planned_release(planned);
        return;
    }
    if (tenon__context_add(context, planned, &binding) != TENON_STATUS_OK) return;
    if (tenon__context_fits(context, planned)) (void)tenon__binding_refresh(context, binding);
}

static void *serve(void *argument) {
    tenon__foresight *f = argument;
    pthread_mutex_lock(&f->lock);
    while (f->state != ENDING) {
        if (f->state == IDLE) {
            pthread_cond_wait(&f->changed, &f->lock);
            continue;
        }
        pthread_mutex_unlock(&f->lock);
        plan_ahead(f->context, f->running);
        pthread_mutex_lock(&f->lock);
        f->context = NULL;
        f->state = IDLE;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* Signals are the application's: its own threads get them. */
static void start(tenon__foresight *f) {
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    f->state = pthread_create(&f->thread, NULL, serve, f) == 0 ? IDLE : CANNOT;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void tenon__foresight_init(tenon__foresight *f) {
    *f = (tenon__foresight){.state = NOT_STARTED, .generation = atomic_load(&tenon__fork_generation)};
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
}

void tenon__foresight_end(tenon__foresight *f) {
    if (tenon__forked(f->generation)) return; /* the thread stayed behind, perhaps with the lock */
    pthread_mutex_lock(&f->lock);
    bool started = f->state == IDLE;
    if (started) f->state = ENDING;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    if (started) pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}

/* -- Runs -- */

/* Notes the dims of a run. True when they differ from those before as these did from the ones before them: the next ones,
 * if it goes on so, are noted too. */
static bool guess(const tenon__context *context, const int64_t *dims, uint32_t count) {
    int64_t *last = context->seen, *difference = last + count, *next = difference + count;
    bool even = true, moves = false;
    for (uint32_t i = 0; i < count; i++) {
        int64_t now = dims[i] - last[i];
        moves = moves || now != 0;
        even = even && now == difference[i];
        even = !__builtin_add_overflow(dims[i], now, &next[i]) && next[i] >= 0 && even;
        difference[i] = now;
        last[i] = dims[i];
    }
    return moves && even;
}

void tenon__foresight_ask(tenon__context *context, const tenon__binding *running) {
    tenon__foresight *f = &context->contexts->foresight;
    const tenon__planned *planned = running->planned;
    const tenon__plans *plans = planned->plans;
    if (plans != context->contexts->plans || !guess(context, planned->dims, plans->dim_count)) return;
    if (!planned->plan->shape_class || plans->limit < LEAST_KEPT) return;
    pthread_mutex_lock(&f->lock);
    if (f->state == NOT_STARTED) start(f);
    if (f->state == IDLE) {
        f->context = context;
        f->running = running;
        f->state = ASKED;
        context->lent = true;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->lock);
}

bool tenon__foresight_has(tenon__context *context) {
    tenon__foresight *f = &context->contexts->foresight;
    if (!context->lent || tenon__forked(f->generation)) return false;
    pthread_mutex_lock(&f->lock);
    bool has = f->context == context;
    pthread_mutex_unlock(&f->lock);
    return has;
}

void tenon__foresight_await(tenon__context *context) {
    tenon__foresight *f = &context->contexts->foresight;
    if (!context->lent || tenon__forked(f->generation)) return;
    pthread_mutex_lock(&f->lock);
    while (f->context == context) pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
    context->lent = false;
}
