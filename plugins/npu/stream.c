#include "stream.h"

#include <string.h>

#include "memory.h"

/* -- The queue ---------------------------------------------------------------------------------------------------- */

static void end_command(tenon_stream *stream, npu_command *command, tenon_status status) {
    if (command->done) command->done(command, status);
    npu_release(stream->device, command);
}

/* Runs one command, taken from the queue, without the lock. */
static void run_command(tenon_stream *stream, npu_command *command) {
    tenon_status failure = stream->failure;
    pthread_mutex_unlock(&stream->lock);
    tenon_status status = failure == TENON_STATUS_OK ? command->run(stream, command) : failure;
    end_command(stream, command, status);
    pthread_mutex_lock(&stream->lock);
    if (stream->failure == TENON_STATUS_OK) stream->failure = status;
    stream->ended++;
    pthread_cond_broadcast(&stream->changed);
}

static void *work(void *context) {
    tenon_stream *stream = context;
    pthread_mutex_lock(&stream->lock);
    while (stream->first || !stream->closing) {
        npu_command *command = stream->first;
        if (!command) {
            pthread_cond_wait(&stream->changed, &stream->lock);
            continue;
        }
        stream->first = command->next;
        if (!stream->first) stream->last = NULL;
        run_command(stream, command);
    }
    pthread_mutex_unlock(&stream->lock);
    return NULL;
}

void npu_stream_push(tenon_stream *stream, npu_command *command) {
    pthread_mutex_lock(&stream->lock);
    command->next = NULL;
    if (stream->last)
        stream->last->next = command;
    else
        stream->first = command;
    stream->last = command;
    stream->asked++;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
}

tenon_status npu_stream_failure(tenon_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    tenon_status failure = stream->failure;
    pthread_mutex_unlock(&stream->lock);
    return failure;
}

tenon_status npu_stream_check(tenon_stream *stream) {
    tenon_status failure = npu_stream_failure(stream);
    if (failure == TENON_STATUS_OK) return TENON_STATUS_OK;
    return NPU_FAIL_STREAM(stream, TENON_STATUS_FAILED_STREAM, "the stream has failed before, with %s",
                           tenon_status_name(failure));
}

/* -- Copies ------------------------------------------------------------------------------------------------------- */

typedef struct copy_command {
    npu_command head;
    void *destination;
    const void *source;
    uint64_t size, pattern;
    uint32_t pattern_size; /* 0: a copy */
} copy_command;

static tenon_status run_copy(tenon_stream *stream, npu_command *command) {
    copy_command *copy = (copy_command *)command;
    (void)stream;
    for (uint64_t i = 0; copy->pattern_size && i < copy->size; i += copy->pattern_size)
        memcpy((char *)copy->destination + i, &copy->pattern, copy->pattern_size);
    if (copy->size && !copy->pattern_size) memcpy(copy->destination, copy->source, copy->size);
    return TENON_STATUS_OK;
}

static tenon_status push_copy(tenon_stream *stream, copy_command what) {
    copy_command *command = npu_allocate(stream->device, sizeof *command);
    if (!command) return TENON_STATUS_OUT_OF_MEMORY;
    *command = what;
    command->head.run = run_copy;
    npu_stream_push(stream, &command->head);
    return TENON_STATUS_OK;
}

static tenon_status write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    unsigned char *to;
    if (!stream || (!source && size)) return TENON_STATUS_INVALID;
    TENON_TRY(npu_stream_check(stream));
    TENON_TRY(npu_memory_range(stream->device, destination, size, "a write's destination", &to));
    return push_copy(stream, (copy_command){.destination = to, .source = source, .size = size});
}

static tenon_status read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    unsigned char *from;
    if (!stream || (!destination && size)) return TENON_STATUS_INVALID;
    TENON_TRY(npu_stream_check(stream));
    TENON_TRY(npu_memory_range(stream->device, source, size, "a read's source", &from));
    return push_copy(stream, (copy_command){.destination = destination, .source = from, .size = size});
}

static tenon_status copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    unsigned char *to, *from;
    if (!stream) return TENON_STATUS_INVALID;
    TENON_TRY(npu_stream_check(stream));
    TENON_TRY(npu_memory_range(stream->device, destination, size, "a copy's destination", &to));
    TENON_TRY(npu_memory_range(stream->device, source, size, "a copy's source", &from));
    if (to < from + size && from < to + size)
        return NPU_FAIL_STREAM(stream, TENON_STATUS_INVALID, "source and destination of a copy overlap");
    return push_copy(stream, (copy_command){.destination = to, .source = from, .size = size});
}

static tenon_status fill(tenon_stream *stream, tenon_buffer destination, uint64_t pattern, uint32_t pattern_size,
                         uint64_t size) {
    unsigned char *to;
    if (!stream) return TENON_STATUS_INVALID;
    TENON_TRY(npu_stream_check(stream));
    if (pattern_size != 1 && pattern_size != 2 && pattern_size != 4 && pattern_size != 8)
        return NPU_FAIL_STREAM(stream, TENON_STATUS_INVALID, "a pattern of %u bytes: 1, 2, 4 or 8 are known",
                               pattern_size);
    if (size % pattern_size)
        return NPU_FAIL_STREAM(stream, TENON_STATUS_INVALID, "%llu bytes are no whole number of patterns of %u",
                               (unsigned long long)size, pattern_size);
    TENON_TRY(npu_memory_range(stream->device, destination, size, "a fill's destination", &to));
    return push_copy(stream,
                     (copy_command){.destination = to, .size = size, .pattern = pattern, .pattern_size = pattern_size});
}

/* -- Life --------------------------------------------------------------------------------------------------------- */

static tenon_status create(tenon_device *device, tenon_stream **out_stream) {
    if (!device || !out_stream) return TENON_STATUS_INVALID;
    tenon_stream *stream = npu_allocate(device, sizeof *stream);
    if (!stream) return TENON_STATUS_OUT_OF_MEMORY;
    stream->device = device;
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->changed, NULL);
    if (pthread_create(&stream->worker, NULL, work, stream) == 0) {
        *out_stream = stream;
        return TENON_STATUS_OK;
    }
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    npu_release(device, stream);
    return NPU_FAIL(device, TENON_STATUS_OUT_OF_MEMORY, "the system has no thread for another stream");
}

static void destroy(tenon_stream *stream) {
    if (!stream) return;
    pthread_mutex_lock(&stream->lock);
    stream->closing = 1;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
    pthread_join(stream->worker, NULL);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    npu_release(stream->device, stream);
}

static tenon_status synchronize(tenon_stream *stream) {
    if (!stream) return TENON_STATUS_INVALID;
    pthread_mutex_lock(&stream->lock);
    while (stream->ended < stream->asked) pthread_cond_wait(&stream->changed, &stream->lock);
    tenon_status status = stream->failure;
    pthread_mutex_unlock(&stream->lock);
    return status;
}

static tenon_status query(tenon_stream *stream) {
    if (!stream) return TENON_STATUS_INVALID;
    pthread_mutex_lock(&stream->lock);
    tenon_status status = stream->ended < stream->asked ? TENON_STATUS_NOT_READY : stream->failure;
    pthread_mutex_unlock(&stream->lock);
    return status;
}

const tenon_stream_hooks npu_stream_hooks = {
    .struct_size = sizeof(tenon_stream_hooks),
    .create = create,
    .destroy = destroy,
    .synchronize = synchronize,
    .query = query,
    .write = write,
    .read = read,
    .copy = copy,
    .fill = fill,
};
