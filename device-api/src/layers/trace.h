/* What the layer `trace` keeps: a ring of entries, the threads and plugins seen, and names used once and kept. */
#ifndef TENON__LAYERS_TRACE_H
#define TENON__LAYERS_TRACE_H

#include <sys/types.h>

#include "layers/layer.h"
#include "support/arena.h"

enum { TENON__TRACE_ARGUMENTS = 6 };

enum {
    TENON__ENTRY_CALL,   /* of a hook, on its thread's track */
    TENON__ENTRY_STREAM, /* work of a stream, on the stream's track */
    TENON__ENTRY_MEMORY  /* bytes allocated, from here on */
};

typedef struct tenon__entry {
    uint8_t type;
    uint8_t hook;
    uint16_t process; /* number of the plugin, from 1 */
    uint32_t track;   /* CALL: thread; STREAM: stream; MEMORY: device */
    tenon_status status;
    uint64_t start;    /* nanoseconds since the trace began */
    uint64_t duration; /* nanoseconds; MEMORY: bytes */
    const char *name;  /* of the exec, or NULL; MEMORY: the device's */
    uint64_t flow;     /* STREAM: of a recorded event, 0 none */
    uint64_t arguments[TENON__TRACE_ARGUMENTS];
} tenon__entry;

typedef struct tenon__trace_thread {
    pid_t id;
    char name[16];
} tenon__trace_thread;

enum { TENON__TRACE_THREADS = 4096, TENON__TRACE_PLUGINS = 256, TENON__TRACE_CHUNK = 4096 };

/* Shared by the plugins of a registry. */
typedef struct tenon__trace {
    const char *path;
    char own_path[64];
    pid_t process; /* that may write the file: not a fork of it */
    uint64_t start;
    struct tenon__trace *next; /* live ones */

    pthread_mutex_t mutex; /* guards what follows */
    tenon__entry **chunks;
    uint64_t limit; /* entries that are kept */
    uint64_t count; /* entries that were made; the latest `limit` are there */
    uint64_t flows;
    tenon__trace_thread *threads;
    uint32_t thread_count;
    char (*plugins)[40];
    uint32_t plugin_count;
    uint32_t stream_count; /* tracks given out, over all plugins */
    tenon__arena strings;
    const char **names; /* a hash table, half empty */
    uint32_t name_count;
    uint32_t name_capacity;
    uint32_t written;
} tenon__trace;

/* The letters of a hook's arguments, and the word for one. See the table in trace.c. */
const char *tenon__trace_arguments(uint32_t hook);
const char *tenon__trace_word(char letter);

/* Writes the file, once. Errors: IO, OUT_OF_MEMORY, with a message. */
tenon_status tenon__trace_write(tenon__trace *trace);

#endif
