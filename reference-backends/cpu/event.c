#include "event.h"

#include "stream.h"

#include <pthread.h>
#include <time.h>

/* A place in a stream, counted by the event and by the commands that refer to it. */
typedef struct point {
    tenon_device *device;
    _Atomic uint32_t references;
    _Atomic uint32_t complete;
    tenon_status status;   /* once complete */
    uint64_t time;         /* nanoseconds of CLOCK_MONOTONIC, once complete */
    tenon_stream *waiters; /* parked streams; under the lock */
    pthread_mutex_t lock;
    pthread_cond_t completed;
} point;

struct tenon_event {
    tenon_device *device;
    pthread_mutex_t lock; /* of `point` */
    point *point;         /* of the last record; NULL: unrecorded */
};

typedef struct point_command {
    cpu_command head;
    point *point;
    void *padding;
} point_command;
static_assert(sizeof(point_command) % CPU_COMMAND_UNIT == 0, "commands stay aligned in the ring");

static point *point_make(tenon_device *device) {
    point *made = cpu_allocate(device, sizeof *made);
    if (!made) return NULL;
    made->device = device;
    atomic_init(&made->references, 1);
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->completed, NULL);
    return made;
}

static void point_hold(point *held) {
    atomic_fetch_add_explicit(&held->references, 1, memory_order_relaxed);
}

static void point_drop(point *held) {
    if (!held || atomic_fetch_sub_explicit(&held->references, 1, memory_order_acq_rel) != 1) return;
    (void)pthread_cond_destroy(&held->completed);
    (void)pthread_mutex_destroy(&held->lock);
    cpu_release(held->device, held);
}

static int point_is_complete(point *asked) {
    return (int)atomic_load_explicit(&asked->complete, memory_order_acquire);
}

static uint64_t now(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static void point_complete(point *reached, tenon_status status) {
    (void)pthread_mutex_lock(&reached->lock);
    reached->status = status;
    reached->time = now();
    atomic_store_explicit(&reached->complete, 1, memory_order_release);
    tenon_stream *waiter = reached->waiters;
    reached->waiters = NULL;
    (void)pthread_cond_broadcast(&reached->completed);
    (void)pthread_mutex_unlock(&reached->lock);
    while (waiter) {
        tenon_stream *next = waiter->next_waiter;
        cpu_stream_resume(waiter);
        waiter = next;
    }
}

/* Parks the stream at the point. 1: parked, the stream is no longer the caller's; 0: the point is complete. */
static int point_park(point *awaited, tenon_stream *stream) {
    (void)pthread_mutex_lock(&awaited->lock);
    int parked = !point_is_complete(awaited);
    if (parked) {
        stream->next_waiter = awaited->waiters;
        awaited->waiters = stream;
    }
    (void)pthread_mutex_unlock(&awaited->lock);
    return parked;
}

static tenon_status poison(tenon_stream *stream, tenon_status status) {
    if (status == TENON_STATUS_OK) return TENON_STATUS_OK;
    return cpu_fail_on(stream->device, stream, NULL, status, "an event that the stream waits for ended with %s",
                       tenon_status_name(status));
}

static tenon_status run_wait(tenon_stream *stream, cpu_command *command) {
    point *awaited = ((point_command *)(void *)command)->point;
    if (point_park(awaited, stream)) return TENON_STATUS_NOT_READY;
    tenon_status status = poison(stream, awaited->status);
    point_drop(awaited);
    return status;
}

static void drop_wait(tenon_stream *stream, cpu_command *command) {
    (void)stream;
    point_drop(((point_command *)(void *)command)->point);
}

static const cpu_command_class wait_class = {run_wait, drop_wait};

static void reach(tenon_stream *stream, cpu_command *command) {
    point *reached = ((point_command *)(void *)command)->point;
    point_complete(reached, atomic_load_explicit(&stream->failure, memory_order_acquire));
    point_drop(reached);
}

static tenon_status run_record(tenon_stream *stream, cpu_command *command) {
    reach(stream, command);
    return TENON_STATUS_OK;
}

static const cpu_command_class record_class = {run_record, reach};

/* Queues a command that holds the point. */
static tenon_status push_point(tenon_stream *stream, const cpu_command_class *class, point *held) {
    point_command command = {.head = {class, sizeof command}, .point = held};
    point_hold(held);
    tenon_status status = cpu_stream_push(stream, &command.head);
    if (status != TENON_STATUS_OK) point_drop(held);
    return status;
}

/* A reference to the event's last point, NULL when unrecorded. */
static point *event_point(tenon_event *event) {
    (void)pthread_mutex_lock(&event->lock);
    point *current = event->point;
    if (current) point_hold(current);
    (void)pthread_mutex_unlock(&event->lock);
    return current;
}

/* Under the event's lock: a fresh point. The old one serves again when nobody else can still look at it. */
static tenon_status renew_point(tenon_event *event) {
    point *old = event->point;
    if (old && point_is_complete(old) && atomic_load_explicit(&old->references, memory_order_acquire) == 1) {
        atomic_store_explicit(&old->complete, 0, memory_order_relaxed);
        return TENON_STATUS_OK;
    }
    point *made = point_make(event->device);
    if (!made) return cpu_fail(event->device, TENON_STATUS_OUT_OF_MEMORY, "no memory to record an event");
    event->point = made;
    point_drop(old);
    return TENON_STATUS_OK;
}

/* A point that can't be queued is complete with the failure, so that nobody waits for it for ever. */
static tenon_status record_point(tenon_stream *stream, point *recorded) {
    if (cpu_stream_is_idle(stream)) {
        point_complete(recorded, atomic_load_explicit(&stream->failure, memory_order_acquire));
        return TENON_STATUS_OK;
    }
    tenon_status status = push_point(stream, &record_class, recorded);
    if (status != TENON_STATUS_OK) point_complete(recorded, status);
    return status;
}

static tenon_status create(tenon_device *device, tenon_event **out_event) {
    if (!device || !out_event) return TENON_STATUS_INVALID;
    tenon_event *event = cpu_allocate(device, sizeof *event);
    if (!event) return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no memory for an event");
    event->device = device;
    (void)pthread_mutex_init(&event->lock, NULL);
    *out_event = event;
    return TENON_STATUS_OK;
}

static void destroy(tenon_event *event) {
    if (!event) return;
    point_drop(event->point);
    (void)pthread_mutex_destroy(&event->lock);
    cpu_release(event->device, event);
}

static tenon_status record(tenon_event *event, tenon_stream *stream) {
    if (!event || !stream) return TENON_STATUS_INVALID;
    if (event->device != stream->device)
        return cpu_fail(stream->device, TENON_STATUS_INVALID, "event and stream are of different devices");
    (void)pthread_mutex_lock(&event->lock);
    tenon_status status = renew_point(event);
    point *recorded = status == TENON_STATUS_OK ? event->point : NULL;
    if (recorded) point_hold(recorded);
    (void)pthread_mutex_unlock(&event->lock);
    if (recorded) status = record_point(stream, recorded);
    point_drop(recorded);
    return status;
}

static tenon_status query(tenon_event *event) {
    if (!event) return TENON_STATUS_INVALID;
    point *asked = event_point(event);
    tenon_status status = !asked ? TENON_STATUS_OK : point_is_complete(asked) ? asked->status : TENON_STATUS_NOT_READY;
    point_drop(asked);
    return status;
}

static tenon_status synchronize(tenon_event *event) {
    if (!event) return TENON_STATUS_INVALID;
    point *awaited = event_point(event);
    if (!awaited) return TENON_STATUS_OK;
    (void)pthread_mutex_lock(&awaited->lock);
    while (!point_is_complete(awaited)) (void)pthread_cond_wait(&awaited->completed, &awaited->lock);
    (void)pthread_mutex_unlock(&awaited->lock);
    tenon_status status = awaited->status;
    point_drop(awaited);
    return status;
}

/* A point that is complete needs no place in the queue of an idle stream. */
static tenon_status wait_point(tenon_stream *stream, point *awaited) {
    if (!cpu_stream_is_idle(stream) || !point_is_complete(awaited)) return push_point(stream, &wait_class, awaited);
    cpu_stream_fail(stream, poison(stream, awaited->status));
    return TENON_STATUS_OK;
}

static tenon_status wait(tenon_stream *stream, tenon_event *event) {
    if (!event || !stream) return TENON_STATUS_INVALID;
    if (event->device != stream->device)
        return cpu_fail(stream->device, TENON_STATUS_INVALID, "event and stream are of different devices");
    TENON_TRY(cpu_stream_check(stream));
    point *awaited = event_point(event);
    if (!awaited) return TENON_STATUS_OK;
    tenon_status status = wait_point(stream, awaited);
    point_drop(awaited);
    return status;
}

static tenon_status elapsed(tenon_event *start, tenon_event *end, uint64_t *out_nanoseconds) {
    if (!start || !end || !out_nanoseconds) return TENON_STATUS_INVALID;
    point *first = event_point(start), *last = event_point(end);
    tenon_status status = TENON_STATUS_OK;
    if (!first || !last)
        status = cpu_fail(start->device, TENON_STATUS_INVALID, "an event was never recorded");
    else if (!point_is_complete(first) || !point_is_complete(last))
        status = TENON_STATUS_NOT_READY;
    else
        *out_nanoseconds = last->time > first->time ? last->time - first->time : 0;
    point_drop(first);
    point_drop(last);
    return status;
}

const tenon_event_hooks cpu_event_hooks = {
    .struct_size = sizeof(tenon_event_hooks),
    .create = create,
    .destroy = destroy,
    .record = record,
    .query = query,
    .synchronize = synchronize,
    .wait = wait,
    .elapsed = elapsed,
};
