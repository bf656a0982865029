/* The process's worker threads. Every stream of every device of every host runs on this one pool, so that together they
 * use no more threads than the machine has to give.
 *
 * Two things are put in: *tasks* (a stream that has commands to run) and *jobs* (one kernel's items, split over threads
 * while its initiator waits). Idle workers take tasks first, then help with jobs, then wait a moment in case more comes,
 * then sleep. Thread: everything here is thread-safe. */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include <stdatomic.h>
#include <stdint.h>
#include <tenon/status.h>

typedef struct cpu_pool cpu_pool;

/* Takes part in the process's pool, starting its threads if this is the first to do so; `threads` counts only then.
 * Errors: OUT_OF_MEMORY, UNAVAILABLE (no thread could be started). */
tenon_status cpu_pool_join(uint32_t threads, cpu_pool **out_pool);

/* Ends the part taken; the last to leave ends the threads and returns once they are gone. */
void cpu_pool_leave(cpu_pool *pool);

uint32_t cpu_pool_threads(const cpu_pool *pool);

/* Something to be run by one worker. Embedded in its owner; queued at most once at a time. */
typedef struct cpu_task {
    void (*run)(struct cpu_task *task);
    struct cpu_task *previous, *next;
    int queued;
} cpu_task;

/* Queues a task that is not queued. Its run() may free it. */
void cpu_pool_submit(cpu_pool *pool, cpu_task *task);

/* Takes a task back before any worker has it. 1: the caller has it now; 0: a worker got it first, or never queued. */
int cpu_pool_take(cpu_pool *pool, cpu_task *task);

/* 1 if tasks wait for a worker. A hint. */
int cpu_pool_is_contended(cpu_pool *pool);

/* Runs items first ... last - 1. Returns 0, or another value that the initiator gets. */
typedef int32_t (*cpu_pool_function)(void *context, int64_t first, int64_t last);

/* Runs `items` items on this thread and the workers that are free, in pieces of about `grain` items or more, and
 * returns when all are done: 0 or the largest value that a piece returned. Waits for no lock that a piece may hold. */
int32_t cpu_pool_for(cpu_pool *pool, cpu_pool_function function, void *context, int64_t items, int64_t grain);

#endif
