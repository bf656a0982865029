#include "event.h"

#include <time.h>

#include "stream.h"

/* A moment of a stream. Held by its event, the command that reaches it and those that wait for it. */
typedef struct point {
    tenon_device *device;
    pthread_mutex_t lock;
    pthread_cond_t reached;
    uint32_t holders;
    int is_reached;
    tenon_status status;
    uint64_t time; /* nanoseconds */
} point;

struct tenon_event {
    tenon_device *device;
    pthread_mutex_t lock;
    point *point; /* NULL: unrecorded */
};

static point *hold(point *p) {
    pthread_mutex_lock(&p->lock);
    p->holders++;
    pthread_mutex_unlock(&p->lock);
    return p;
}

static void let_go(point *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    uint32_t left = --p->holders;
    pthread_mutex_unlock(&p->lock);
    if (left) return;
    pthread_cond_destroy(&p->reached);
    pthread_mutex_destroy(&p->lock);
    npu_release(p->device, p);
}

static point *make_point(tenon_device *device) {
    point *p = npu_allocate(device, sizeof *p);
    if (!p) return NULL;
    p->device = device;
    p->holders = 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->reached, NULL);
    return p;
}

static void reach(point *p, tenon_status status) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&p->lock);
    p->is_reached = 1;
    p->status = status;
    p->time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    pthread_cond_broadcast(&p->reached);
    pthread_mutex_unlock(&p->lock);
}

static tenon_status wait_for(point *p) {
    pthread_mutex_lock(&p->lock);
    while (!p->is_reached) pthread_cond_wait(&p->reached, &p->lock);
    tenon_status status = p->status;
    pthread_mutex_unlock(&p->lock);
    return status;
}

/* The event's present point, held; NULL if there is none. */
static point *present(tenon_event *event) {
    pthread_mutex_lock(&event->lock);
    point *p = event->point ? hold(event->point) : NULL;
    pthread_mutex_unlock(&event->lock);
    return p;
}

/* -- Commands ----------------------------------------------------------------------------------------------------- */

typedef struct point_command {
    npu_command head;
    point *point;
} point_command;

static tenon_status run_record(tenon_stream *stream, npu_command *command) {
    (void)stream, (void)command;
    return TENON_STATUS_OK;
}

static void end_record(npu_command *command, tenon_status status) {
    point_command *c = (point_command *)command;
    reach(c->point, status);
    let_go(c->point);
}

static tenon_status run_wait(tenon_stream *stream, npu_command *command) {
    tenon_status status = wait_for(((point_command *)command)->point);
    if (status == TENON_STATUS_OK) return status;
    return NPU_FAIL_STREAM(stream, status, "an event that the stream waits for failed");
}

static void end_wait(npu_command *command, tenon_status status) {
    (void)status;
    let_go(((point_command *)command)->point);
}

/* -- Hooks -------------------------------------------------------------------------------------------------------- */

static tenon_status create(tenon_device *device, tenon_event **out_event) {
    if (!device || !out_event) return TENON_STATUS_INVALID;
    tenon_event *event = npu_allocate(device, sizeof *event);
    if (!event) return TENON_STATUS_OUT_OF_MEMORY;
    event->device = device;
    pthread_mutex_init(&event->lock, NULL);
    *out_event = event;
    return TENON_STATUS_OK;
}

static void destroy(tenon_event *event) {
    if (!event) return;
    let_go(event->point);
    pthread_mutex_destroy(&event->lock);
    npu_release(event->device, event);
}

static tenon_status check_pair(const tenon_event *event, tenon_stream *stream) {
    if (event->device == stream->device) return TENON_STATUS_OK;
    return NPU_FAIL_STREAM(stream, TENON_STATUS_INVALID, "event and stream are of different devices");
}

static tenon_status record(tenon_event *event, tenon_stream *stream) {
    if (!event || !stream) return TENON_STATUS_INVALID;
    TENON_TRY(check_pair(event, stream));
    point *p = make_point(event->device);
    point_command *command = p ? npu_allocate(event->device, sizeof *command) : NULL;
    if (!command) {
        let_go(p);
        return TENON_STATUS_OUT_OF_MEMORY;
    }
    *command = (point_command){{run_record, end_record, NULL}, hold(p)};
    pthread_mutex_lock(&event->lock);
    point *old = event->point;
    event->point = p;
    pthread_mutex_unlock(&event->lock);
    let_go(old);
    npu_stream_push(stream, &command->head);
    return TENON_STATUS_OK;
}

static tenon_status query(tenon_event *event) {
    if (!event) return TENON_STATUS_INVALID;
    point *p = present(event);
    if (!p) return TENON_STATUS_OK;
    pthread_mutex_lock(&p->lock);
    tenon_status status = p->is_reached ? p->status : TENON_STATUS_NOT_READY;
    pthread_mutex_unlock(&p->lock);
    let_go(p);
    return status;
}

static tenon_status synchronize(tenon_event *event) {
    if (!event) return TENON_STATUS_INVALID;
    point *p = present(event);
    if (!p) return TENON_STATUS_OK;
    tenon_status status = wait_for(p);
    let_go(p);
    return status;
}

static tenon_status wait(tenon_stream *stream, tenon_event *event) {
    if (!stream || !event) return TENON_STATUS_INVALID;
    TENON_TRY(check_pair(event, stream));
    TENON_TRY(npu_stream_check(stream));
    point *p = present(event);
    if (!p) return TENON_STATUS_OK;
    point_command *command = npu_allocate(stream->device, sizeof *command);
    if (!command) {
        let_go(p);
        return TENON_STATUS_OUT_OF_MEMORY;
    }
    *command = (point_command){{run_wait, end_wait, NULL}, p};
    npu_stream_push(stream, &command->head);
    return TENON_STATUS_OK;
}

/* Time of a point, its status, NOT_READY or, of none, INVALID. */
static tenon_status time_of(tenon_event *event, uint64_t *out_time) {
    point *p = present(event);
    if (!p) return NPU_FAIL(event->device, TENON_STATUS_INVALID, "the time of an event that was never recorded");
    pthread_mutex_lock(&p->lock);
    tenon_status status = p->is_reached ? p->status : TENON_STATUS_NOT_READY;
    *out_time = p->time;
    pthread_mutex_unlock(&p->lock);
    let_go(p);
    return status;
}

static tenon_status elapsed(tenon_event *start, tenon_event *end, uint64_t *out_nanoseconds) {
    uint64_t from = 0, to = 0;
    if (!start || !end || !out_nanoseconds) return TENON_STATUS_INVALID;
    TENON_TRY(time_of(start, &from));
    TENON_TRY(time_of(end, &to));
    *out_nanoseconds = to > from ? to - from : 0;
    return TENON_STATUS_OK;
}

const tenon_event_hooks npu_event_hooks = {
    .struct_size = sizeof(tenon_event_hooks),
    .create = create,
    .destroy = destroy,
    .record = record,
    .query = query,
    .synchronize = synchronize,
    .wait = wait,
    .elapsed = elapsed,
};
