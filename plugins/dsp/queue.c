/* The core and its queue: commands are run in the order in which they were added, on a thread of their own. */
#include "dsp.h"

#include <string.h>

void dsp_transfer(dsp_local *local, unsigned char *to, const unsigned char *from, uint64_t size) {
    for (uint64_t at = 0; at < size; at += DSP_BOUNCE) {
        uint64_t part = size - at < DSP_BOUNCE ? size - at : DSP_BOUNCE;
        memcpy(local->bounce, from + at, part);
        memcpy(to + at, local->bounce, part);
    }
}

void dsp_repeat(unsigned char *to, uint64_t pattern, uint32_t pattern_size, uint64_t size) {
    uint64_t filled = pattern_size < size ? pattern_size : size;
    memcpy(to, &pattern, filled);
    while (filled < size) {
        uint64_t part = size - filled < filled ? size - filled : filled;
        memcpy(to + filled, to, part);
        filled += part;
    }
}

static tenon_status run(dsp_local *local, const dsp_command *command) {
    switch (command->kind) {
    case DSP_TRANSFER: dsp_transfer(local, command->to, command->from, command->size); return TENON_STATUS_OK;
    case DSP_FILL:
        dsp_repeat(command->to, command->pattern, command->pattern_size, command->size);
        return TENON_STATUS_OK;
    default: return command->call.exec->run(local, &command->call);
    }
}

static void report(tenon_stream *stream, const dsp_command *command, tenon_status status) {
    const char *what = status == TENON_STATUS_OUT_OF_RANGE ? "an index that it loaded is out of range" : "it failed";
    tenon_report(stream->device->host, stream->device, stream, NULL, status, "%s: %s", command->call.exec->row->name,
                 what);
}

/* Runs a command of a stream that has not failed; a failure is told before anyone can learn of it. */
static void run_one(tenon_device *device, const dsp_command *command) {
    dsp_queue *queue = &device->queue;
    tenon_stream *stream = queue->stream;
    bool failed = stream->failed != TENON_STATUS_OK;
    pthread_mutex_unlock(&queue->lock);
    tenon_status status = failed ? (tenon_status)TENON_STATUS_OK : run(device->local, command);
    if (status != TENON_STATUS_OK) report(stream, command, status);
    pthread_mutex_lock(&queue->lock);
    if (status != TENON_STATUS_OK) stream->failed = status;
    queue->done++;
    pthread_cond_broadcast(&queue->changed);
}

static void *core(void *context) {
    tenon_device *device = context;
    dsp_queue *queue = &device->queue;
    pthread_mutex_lock(&queue->lock);
    while (!queue->ends || queue->done != queue->issued) {
        if (queue->done == queue->issued)
            pthread_cond_wait(&queue->changed, &queue->lock);
        else
            run_one(device, &queue->ring[queue->done % DSP_QUEUE]);
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

tenon_status dsp_queue_open(tenon_device *device) {
    dsp_queue *queue = &device->queue;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
    if (pthread_create(&queue->core, NULL, core, device) == 0) return TENON_STATUS_OK;
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    return TENON_STATUS_OUT_OF_MEMORY;
}

void dsp_queue_close(tenon_device *device) {
    dsp_queue *queue = &device->queue;
    pthread_mutex_lock(&queue->lock);
    queue->ends = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->core, NULL);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
}

tenon_status dsp_queue_push(tenon_stream *stream, const dsp_command *command) {
    dsp_queue *queue = &stream->device->queue;
    pthread_mutex_lock(&queue->lock);
    while (queue->issued - queue->done == DSP_QUEUE) pthread_cond_wait(&queue->changed, &queue->lock);
    tenon_status failed = stream->failed;
    if (failed == TENON_STATUS_OK) {
        queue->ring[queue->issued++ % DSP_QUEUE] = *command;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    if (failed == TENON_STATUS_OK) return TENON_STATUS_OK;
    return DSP_FAIL(stream->device, stream, TENON_STATUS_FAILED_STREAM, "the stream failed earlier with %s",
                    tenon_status_name(failed));
}

void dsp_queue_wait(tenon_device *device) {
    dsp_queue *queue = &device->queue;
    pthread_mutex_lock(&queue->lock);
    while (queue->done != queue->issued) pthread_cond_wait(&queue->changed, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
}
