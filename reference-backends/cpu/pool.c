#include "pool.h"

#include "isa.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A kernel's items while several threads work on them. Lives on its initiator's stack: helpers touch it only between
 * joining and leaving, both under the pool's lock. */
typedef struct job {
    cpu_pool_function function;
    void *context;
    int64_t items, pieces;
    _Atomic int64_t next;     /* piece to be taken */
    _Atomic int32_t result;   /* largest so far */
    _Atomic uint32_t helpers; /* in it now; changed under the lock */
    uint32_t places;          /* helpers that may still join; under the lock */
    struct job *previous, *following;
} job;

struct cpu_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* idle workers sleep on it */
    pthread_cond_t left; /* initiators wait on it for their last helper */
    cpu_task *first_task, *last_task;
    job *first_job;
    uint32_t sleeping, thread_count;
    int stopping;
    _Atomic uint32_t arrivals; /* counts what was put in, for idle workers that spin */
    _Atomic uint32_t waiting;  /* tasks in the queue */
    pthread_t threads[];
};

/* The process's pool and how many take part in it. */
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static cpu_pool *shared_pool;
static uint32_t shared_parts;

enum {
    PIECES_PER_THREAD = 4,   /* evens out threads of unequal speed */
    SPIN_NANOSECONDS = 50000 /* waking a sleeping thread takes about as long */
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds_now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Waits a moment, giving the processor to who needs it, until *word is no longer `seen`. 1 if it changed. */
static int spin_while_equal(_Atomic uint32_t *word, uint32_t seen) {
    int64_t end = nanoseconds_now() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != seen) return 1;
            relax();
        }
        (void)sched_yield();
    } while (nanoseconds_now() < end);
    return 0;
}

static void unlink_task(cpu_pool *pool, cpu_task *task) {
    *(task->previous ? &task->previous->next : &pool->first_task) = task->next;
    *(task->next ? &task->next->previous : &pool->last_task) = task->previous;
    task->previous = task->next = NULL;
    task->queued = 0;
    atomic_fetch_sub_explicit(&pool->waiting, 1, memory_order_relaxed);
}

/* Under the lock: `count` more threads could do something. */
static void announce(cpu_pool *pool, uint32_t count) {
    atomic_fetch_add_explicit(&pool->arrivals, 1, memory_order_release);
    for (uint32_t i = 0; i < count && i < pool->sleeping; i++) (void)pthread_cond_signal(&pool->wake);
}

void cpu_pool_submit(cpu_pool *pool, cpu_task *task) {
    (void)pthread_mutex_lock(&pool->lock);
    task->queued = 1;
    task->next = NULL;
    task->previous = pool->last_task;
    *(pool->last_task ? &pool->last_task->next : &pool->first_task) = task;
    pool->last_task = task;
    atomic_fetch_add_explicit(&pool->waiting, 1, memory_order_relaxed);
    announce(pool, 1);
    (void)pthread_mutex_unlock(&pool->lock);
}

int cpu_pool_take(cpu_pool *pool, cpu_task *task) {
    (void)pthread_mutex_lock(&pool->lock);
    int taken = task->queued;
    if (taken) unlink_task(pool, task);
    (void)pthread_mutex_unlock(&pool->lock);
    return taken;
}

int cpu_pool_is_contended(cpu_pool *pool) {
    return atomic_load_explicit(&pool->waiting, memory_order_relaxed) != 0;
}

static void keep_largest(_Atomic int32_t *largest, int32_t value) {
    int32_t seen = atomic_load_explicit(largest, memory_order_relaxed);
    while (seen < value &&
           !atomic_compare_exchange_weak_explicit(largest, &seen, value, memory_order_relaxed, memory_order_relaxed)) {}
}

/* items * part / parts without overflow. */
static int64_t boundary(int64_t items, int64_t part, int64_t parts) {
    return items / parts * part + items % parts * part / parts;
}

static void run_pieces(job *work) {
    for (;;) {
        int64_t piece = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
        if (piece >= work->pieces) return;
        int64_t first = boundary(work->items, piece, work->pieces);
        int64_t last = boundary(work->items, piece + 1, work->pieces);
        int32_t result = work->function(work->context, first, last);
        if (result) keep_largest(&work->result, result);
    }
}

/* Under the lock: a job that has room and pieces left. */
static job *find_job(cpu_pool *pool) {
    for (job *work = pool->first_job; work; work = work->following)
        if (work->places && atomic_load_explicit(&work->next, memory_order_relaxed) < work->pieces) return work;
    return NULL;
}

/* Under the lock, which is let go meanwhile. */
static void help(cpu_pool *pool, job *work) {
    work->places--;
    atomic_fetch_add_explicit(&work->helpers, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&pool->lock);
    run_pieces(work);
    (void)pthread_mutex_lock(&pool->lock);
    if (atomic_fetch_sub_explicit(&work->helpers, 1, memory_order_release) == 1)
        (void)pthread_cond_broadcast(&pool->left);
}

static void run_task(cpu_pool *pool, cpu_task *task) {
    unlink_task(pool, task);
    (void)pthread_mutex_unlock(&pool->lock);
    task->run(task);
    (void)pthread_mutex_lock(&pool->lock);
}

/* Under the lock: waits for something to do, spinning before it sleeps. */
static void wait_for_work(cpu_pool *pool) {
    uint32_t seen = atomic_load_explicit(&pool->arrivals, memory_order_relaxed);
    (void)pthread_mutex_unlock(&pool->lock);
    int changed = spin_while_equal(&pool->arrivals, seen);
    (void)pthread_mutex_lock(&pool->lock);
    if (changed || atomic_load_explicit(&pool->arrivals, memory_order_relaxed) != seen || pool->stopping) return;
    pool->sleeping++;
    (void)pthread_cond_wait(&pool->wake, &pool->lock);
    pool->sleeping--;
}

static void *worker(void *argument) {
    cpu_pool *pool = argument;
    (void)cpu_isa_default_float();
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->stopping || pool->first_task) {
        job *work;
        if (pool->first_task)
            run_task(pool, pool->first_task);
        else if ((work = find_job(pool)) != NULL)
            help(pool, work);
        else
            wait_for_work(pool);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Under no lock: takes the job out, then waits until nobody is in it any more. */
static void finish_job(cpu_pool *pool, job *work) {
    (void)pthread_mutex_lock(&pool->lock);
    *(work->previous ? &work->previous->following : &pool->first_job) = work->following;
    if (work->following) work->following->previous = work->previous;
    uint32_t helpers = atomic_load_explicit(&work->helpers, memory_order_acquire);
    if (helpers) {
        (void)pthread_mutex_unlock(&pool->lock);
        while (helpers && spin_while_equal(&work->helpers, helpers))
            helpers = atomic_load_explicit(&work->helpers, memory_order_acquire);
        (void)pthread_mutex_lock(&pool->lock);
    }
    while (atomic_load_explicit(&work->helpers, memory_order_acquire))
        (void)pthread_cond_wait(&pool->left, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}

int32_t cpu_pool_for(cpu_pool *pool, cpu_pool_function function, void *context, int64_t items, int64_t grain) {
    int64_t pieces = grain > 1 ? items / grain : items, most = (int64_t)pool->thread_count * PIECES_PER_THREAD;
    if (pieces > most) pieces = most;
    if (pieces <= 1 || pool->thread_count == 1) return items > 0 ? function(context, 0, items) : 0;
    job work = {.function = function, .context = context, .items = items, .pieces = pieces};
    work.places = pool->thread_count - 1 < pieces - 1 ? pool->thread_count - 1 : (uint32_t)(pieces - 1);
    (void)pthread_mutex_lock(&pool->lock);
    work.following = pool->first_job;
    if (work.following) work.following->previous = &work;
    pool->first_job = &work;
    announce(pool, work.places);
    (void)pthread_mutex_unlock(&pool->lock);
    run_pieces(&work);
    finish_job(pool, &work);
    return atomic_load_explicit(&work.result, memory_order_relaxed);
}

uint32_t cpu_pool_threads(const cpu_pool *pool) {
    return pool->thread_count;
}

static void stop(cpu_pool *pool) {
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = 1;
    atomic_fetch_add_explicit(&pool->arrivals, 1, memory_order_release);
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->thread_count; i++) (void)pthread_join(pool->threads[i], NULL);
    (void)pthread_cond_destroy(&pool->left);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* Workers leave signals to the application's own threads. */
static void start_threads(cpu_pool *pool, uint32_t threads) {
    sigset_t every, before;
    (void)sigfillset(&every);
    (void)pthread_sigmask(SIG_SETMASK, &every, &before);
    uint32_t started = 0;
    while (started < threads && pthread_create(&pool->threads[started], NULL, worker, pool) == 0) {
        char name[16];
        (void)snprintf(name, sizeof name, "tenon-cpu-%u", started % 100000);
        (void)pthread_setname_np(pool->threads[started++], name);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* Workers read the count only for jobs, and no job is there before start() returns. */
    pool->thread_count = started;
}

static tenon_status start(uint32_t threads, cpu_pool **out_pool) {
    cpu_pool *pool = calloc(1, sizeof *pool + threads * sizeof *pool->threads);
    if (!pool) return TENON_STATUS_OUT_OF_MEMORY;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    (void)pthread_cond_init(&pool->left, NULL);
    start_threads(pool, threads);
    if (pool->thread_count == 0) {
        stop(pool);
        return TENON_STATUS_UNAVAILABLE;
    }
    *out_pool = pool;
    return TENON_STATUS_OK;
}

tenon_status cpu_pool_join(uint32_t threads, cpu_pool **out_pool) {
    (void)pthread_mutex_lock(&shared_lock);
    tenon_status status = shared_parts ? TENON_STATUS_OK : start(threads, &shared_pool);
    if (status == TENON_STATUS_OK) {
        shared_parts++;
        *out_pool = shared_pool;
    }
    (void)pthread_mutex_unlock(&shared_lock);
    return status;
}

void cpu_pool_leave(cpu_pool *pool) {
    (void)pthread_mutex_lock(&shared_lock);
    if (--shared_parts == 0) {
        stop(pool);
        shared_pool = NULL;
    }
    (void)pthread_mutex_unlock(&shared_lock);
}
