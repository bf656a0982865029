#include "stream.h"

#include "copy.h"

#include <string.h>

enum {
    RING_SIZE = 256 << 10, /* bytes: some thousand launches */
    QUANTUM = 64           /* commands that a stream runs before it lets another have the worker */
};
static_assert(RING_SIZE % CPU_COMMAND_UNIT == 0, "a command's head always fits before the ring's end");
static_assert(RING_SIZE >= 2 * CPU_COMMAND_MOST, "an idle ring takes any command, whatever it has to skip");

tenon_status cpu_stream_check(tenon_stream *stream) {
    tenon_status failure = atomic_load_explicit(&stream->failure, memory_order_acquire);
    if (failure == TENON_STATUS_OK) return TENON_STATUS_OK;
    return cpu_fail_on(stream->device, stream, NULL, TENON_STATUS_FAILED_STREAM,
                       "the stream failed earlier with %s; it can only be destroyed", tenon_status_name(failure));
}

void cpu_stream_fail(tenon_stream *stream, tenon_status status) {
    uint32_t none = TENON_STATUS_OK;
    (void)atomic_compare_exchange_strong_explicit(&stream->failure, &none, status, memory_order_acq_rel,
                                                  memory_order_acquire);
}

/* Wakes callers that wait on the stream. Sequentially consistent with await(): it stores its mark before it looks at
 * head, we store head before we look at the mark. */
static void notify(tenon_stream *stream) {
    if (atomic_load(&stream->watchers) == 0) return;
    (void)pthread_mutex_lock(&stream->lock);
    (void)pthread_cond_broadcast(&stream->changed);
    (void)pthread_mutex_unlock(&stream->lock);
}

/* The command at the head; NULL when there is none, and the stream is then idle and no longer ours. */
static cpu_command *next_command(tenon_stream *stream) {
    for (;;) {
        uint64_t head = atomic_load_explicit(&stream->head, memory_order_relaxed);
        if (head == atomic_load_explicit(&stream->tail, memory_order_acquire)) {
            (void)pthread_mutex_lock(&stream->lock);
            int empty = head == atomic_load_explicit(&stream->tail, memory_order_acquire);
            if (empty) {
                atomic_store_explicit(&stream->busy, 0, memory_order_release);
                (void)pthread_cond_broadcast(&stream->changed);
            }
            (void)pthread_mutex_unlock(&stream->lock);
            if (empty) return NULL;
        }
        cpu_command *command = (cpu_command *)(void *)(stream->ring + head % RING_SIZE);
        if (command->class) return command;
        atomic_store(&stream->head, head + command->size);
        notify(stream);
    }
}

/* 1 when the command is done with, 0 when the stream is parked. */
static int run_command(tenon_stream *stream, cpu_command *command) {
    if (atomic_load_explicit(&stream->failure, memory_order_relaxed) != TENON_STATUS_OK) {
        if (command->class->drop) command->class->drop(stream, command);
        return 1;
    }
    tenon_status status = command->class->run(stream, command);
    if (status == TENON_STATUS_NOT_READY) return 0;
    if (status != TENON_STATUS_OK) cpu_stream_fail(stream, status);
    return 1;
}

/* Runs commands until the queue is empty, the stream is parked, or others should have their turn. */
static void drain(cpu_task *task) {
    tenon_stream *stream = (tenon_stream *)(void *)((char *)task - offsetof(tenon_stream, task));
    cpu_pool *pool = stream->device->pool;
    for (uint32_t count = 0;; count++) {
        if (count >= QUANTUM && cpu_pool_is_contended(pool)) {
            cpu_pool_submit(pool, task);
            return;
        }
        cpu_command *command = next_command(stream);
        if (!command) return;
        size_t size = command->size;
        if (!run_command(stream, command)) return;
        atomic_store(&stream->head, atomic_load_explicit(&stream->head, memory_order_relaxed) + size);
        notify(stream);
    }
}

void cpu_stream_resume(tenon_stream *stream) {
    cpu_pool_submit(stream->device->pool, &stream->task);
}

static int has_room(tenon_stream *stream, size_t size) {
    uint64_t used = atomic_load_explicit(&stream->tail, memory_order_relaxed) - atomic_load(&stream->head);
    return RING_SIZE - used >= size;
}

static void await_room(tenon_stream *stream, size_t size) {
    if (has_room(stream, size)) return;
    (void)pthread_mutex_lock(&stream->lock);
    atomic_store(&stream->watchers, 1);
    while (!has_room(stream, size)) (void)pthread_cond_wait(&stream->changed, &stream->lock);
    atomic_store(&stream->watchers, 0);
    (void)pthread_mutex_unlock(&stream->lock);
}

/* Fills the rest of the ring when the command does not fit before its end. */
static void skip_to_start(tenon_stream *stream, size_t size) {
    uint64_t tail = atomic_load_explicit(&stream->tail, memory_order_relaxed);
    size_t rest = RING_SIZE - tail % RING_SIZE;
    if (rest >= size) return;
    await_room(stream, rest);
    const cpu_command skip = {NULL, rest};
    memcpy(stream->ring + tail % RING_SIZE, &skip, sizeof skip);
    atomic_store_explicit(&stream->tail, tail + rest, memory_order_release);
}

/* Shows the worker the new end; wakes one if none holds the stream. */
static void publish(tenon_stream *stream, uint64_t tail) {
    (void)pthread_mutex_lock(&stream->lock);
    atomic_store_explicit(&stream->tail, tail, memory_order_release);
    int was_idle = atomic_load_explicit(&stream->busy, memory_order_relaxed) == 0;
    if (was_idle) atomic_store_explicit(&stream->busy, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&stream->lock);
    if (was_idle) cpu_pool_submit(stream->device->pool, &stream->task);
}

tenon_status cpu_stream_push(tenon_stream *stream, const cpu_command *command) {
    if (!stream->ring && !(stream->ring = cpu_allocate(stream->device, RING_SIZE)))
        return cpu_fail_on(stream->device, stream, NULL, TENON_STATUS_OUT_OF_MEMORY,
                           "no memory for the stream's queue");
    skip_to_start(stream, command->size);
    await_room(stream, command->size);
    uint64_t tail = atomic_load_explicit(&stream->tail, memory_order_relaxed);
    memcpy(stream->ring + tail % RING_SIZE, command, command->size);
    publish(stream, tail + command->size);
    return TENON_STATUS_OK;
}

static tenon_status create(tenon_device *device, tenon_stream **out_stream) {
    if (!device || !out_stream) return TENON_STATUS_INVALID;
    tenon_stream *stream = cpu_allocate(device, sizeof *stream);
    if (!stream) return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no memory for a stream");
    stream->device = device;
    stream->task.run = drain;
    (void)pthread_mutex_init(&stream->lock, NULL);
    (void)pthread_cond_init(&stream->changed, NULL);
    *out_stream = stream;
    return TENON_STATUS_OK;
}

/* Waits until the stream is idle, and until the worker that made it so has let go of the lock. A stream that no worker
 * has taken up yet is run here: that saves a thread's wake-up. */
static void finish(tenon_stream *stream) {
    if (!cpu_stream_is_idle(stream) && cpu_pool_take(stream->device->pool, &stream->task)) {
        uint32_t saved = cpu_isa_default_float();
        drain(&stream->task);
        cpu_isa_restore_float(saved);
    }
    (void)pthread_mutex_lock(&stream->lock);
    while (!cpu_stream_is_idle(stream)) (void)pthread_cond_wait(&stream->changed, &stream->lock);
    (void)pthread_mutex_unlock(&stream->lock);
}

static void destroy(tenon_stream *stream) {
    if (!stream) return;
    finish(stream);
    (void)pthread_cond_destroy(&stream->changed);
    (void)pthread_mutex_destroy(&stream->lock);
    cpu_release(stream->device, stream->ring);
    cpu_release(stream->device, stream);
}

static tenon_status synchronize(tenon_stream *stream) {
    if (!stream) return TENON_STATUS_INVALID;
    if (!cpu_stream_is_idle(stream)) finish(stream);
    return atomic_load_explicit(&stream->failure, memory_order_acquire);
}

static tenon_status query(tenon_stream *stream) {
    if (!stream) return TENON_STATUS_INVALID;
    if (!cpu_stream_is_idle(stream)) return TENON_STATUS_NOT_READY;
    return atomic_load_explicit(&stream->failure, memory_order_acquire);
}

const tenon_stream_hooks cpu_stream_hooks = {
    .struct_size = sizeof(tenon_stream_hooks),
    .create = create,
    .destroy = destroy,
    .synchronize = synchronize,
    .query = query,
    .write = cpu_copy_write,
    .read = cpu_copy_read,
    .copy = cpu_copy_copy,
    .fill = cpu_copy_fill,
};
