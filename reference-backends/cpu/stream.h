/* Streams: a queue of commands, run in order by one worker of the pool at a time.
 *
 * A stream is *idle* when its queue is empty and no worker holds it; only its caller can end that, so on an idle stream
 * small work is run right in the call, with no lock and no other thread. Otherwise commands are copied into the stream's
 * ring, and the stream is a task of the pool until the ring is empty again. */
#ifndef CPU_STREAM_H
#define CPU_STREAM_H

#include "cpu.h"
#include "pool.h"

#include <pthread.h>

typedef struct cpu_command cpu_command;

/* What a command does. run: OK; NOT_READY when the stream is parked and will be resumed (it must then not be touched
 * any more: another thread may hold it); else the failure, already reported, that sticks. drop: instead of run, on a
 * stream that has failed; NULL where there is nothing to do. */
typedef struct cpu_command_class {
    tenon_status (*run)(tenon_stream *stream, cpu_command *command);
    void (*drop)(tenon_stream *stream, cpu_command *command);
} cpu_command_class;

/* The head of every command. Its owner embeds it first. */
struct cpu_command {
    const cpu_command_class *class; /* NULL: skip to the ring's start */
    size_t size;                    /* bytes in all, a multiple of CPU_COMMAND_UNIT */
};
#define CPU_COMMAND_UNIT 16u
#define CPU_COMMAND_MOST (128u << 10) /* bytes of the largest command */

struct tenon_stream {
    tenon_device *device;
    cpu_task task;
    _Atomic uint32_t busy;     /* queued, running or parked; set by the caller, cleared under `lock` */
    _Atomic uint32_t failure;  /* the status that sticks; OK: none */
    tenon_stream *next_waiter; /* of the event point that it is parked at */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    _Atomic uint32_t watchers; /* callers that wait for idleness or room */
    char *ring;                /* made when first needed */
    _Atomic uint64_t head;     /* bytes ever run; the ring's index is this modulo its size */
    _Atomic uint64_t tail;     /* bytes ever queued */
};

/* 1 if everything that was asked of the stream has ended. Called by the stream's caller. */
static inline int cpu_stream_is_idle(tenon_stream *stream) {
    return atomic_load_explicit(&stream->busy, memory_order_acquire) == 0;
}

/* OK, or FAILED_STREAM with a report once the stream has failed. */
tenon_status cpu_stream_check(tenon_stream *stream);

/* Makes `status`, already reported, stick if it is the first. */
void cpu_stream_fail(tenon_stream *stream, tenon_status status);

/* Copies a command (of at most CPU_COMMAND_MOST bytes) to the queue's end and sees to it that it will be run. Waits while
 * the ring is full.
 * Errors: OUT_OF_MEMORY, with a report; nothing is queued then. */
tenon_status cpu_stream_push(tenon_stream *stream, const cpu_command *command);

/* Lets a parked stream go on. From then on the caller must not touch it. */
void cpu_stream_resume(tenon_stream *stream);

extern const tenon_stream_hooks cpu_stream_hooks;

#endif
