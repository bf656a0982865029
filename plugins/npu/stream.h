/* Streams: a queue of commands each, and a worker thread that runs them in order. */
#ifndef NPU_STREAM_H
#define NPU_STREAM_H

#include <pthread.h>
#include <stdatomic.h>

#include "npu.h"

typedef struct npu_command npu_command;

/* A command. Its owner embeds it first, in memory of npu_allocate, which the stream releases. */
struct npu_command {
    /* Gives the status that the stream fails with, already reported. */
    tenon_status (*run)(tenon_stream *stream, npu_command *command);
    /* Called once, in the end, also where the stream failed before the command ran; `status` is the stream's. May be
     * NULL. */
    void (*done)(npu_command *command, tenon_status status);
    npu_command *next;
};

struct tenon_stream {
    tenon_device *device;
    pthread_t worker;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the queue, or what of it is done */
    npu_command *first, *last;
    uint64_t asked, ended; /* commands */
    tenon_status failure;  /* sticks; OK: none */
    int closing;
};

/* OK, or FAILED_STREAM with a report once the stream has failed. */
tenon_status npu_stream_check(tenon_stream *stream);

/* Queues a command. A stream that has failed ends it at once, without running it. */
void npu_stream_push(tenon_stream *stream, npu_command *command);

/* The stream's failure, OK if there is none yet. */
tenon_status npu_stream_failure(tenon_stream *stream);

extern const tenon_stream_hooks npu_stream_hooks;

#endif
