/* The layer `trace`: what was called, by whom, for how long, with what result, as a Chrome trace.
 *
 * Work on a stream is timed by events of the layer's own around it, where the plugin has events that tell time: the
 * stream's track then shows when the device was at it, and not when the host asked for it. Entries live in a ring, so that
 * memory is bounded and the last calls before a failure are there. The file is written when the registry is gone or the
 * process exits. */
#include "layers/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/error.h"
#include "support/file.h"

enum { OPTION_FILE, OPTION_EVENTS, OPTION_TIMING, OPTION_COUNT };

static const tenon__layer_option options[OPTION_COUNT] = {
    [OPTION_FILE] = {"file", TENON__OPTION_TEXT, 0, 0, 0, "where the trace is written (tenon-trace-PID.json)"},
    [OPTION_EVENTS] = {"events", TENON__OPTION_NUMBER, 1, 1 << 26, 1 << 19, "entries kept, the latest (524288)"},
    [OPTION_TIMING] = {"timing", TENON__OPTION_NUMBER, 0, 1, 1,
                       "0: do not time streams by events; their tracks show when work was asked for (1)"},
};

/* -- What is told of a call ------------------------------------------------------------------------------------------- */

/* X(letter, word, value) */
#define LETTERS(X)                                                                                                     \
    X('d', "device", serial(call->device))                                                                             \
    X('i', "index", call->index)                                                                                       \
    X('m', "memory", serial(call->memory))                                                                             \
    X('c', "count", call->number)                                                                                      \
    X('u', "source", serial(call->source))                                                                             \
    X('y', "type", call->index)                                                                                        \
    X('t', "stream", serial(call->stream))                                                                             \
    X('a', "address", call->number)                                                                                    \
    X('p', "operand", call->index)                                                                                     \
    X('e', "event", serial(call->event))                                                                               \
    X('n', "nanoseconds", call->number)                                                                                \
    X('x', "exec", serial(call->exec))                                                                                 \
    X('o', "offset", call->offset)                                                                                     \
    X('E', "end", serial(call->end))                                                                                   \
    X('k', "made", serial(call->made))                                                                                 \
    X('O', "source_offset", call->source_offset)                                                                       \
    X('w', "workspace", serial(call->workspace))                                                                       \
    X('s', "bytes", call->size)                                                                                        \
    X('W', "kind", call->work ? call->work->kind : 0)                                                                  \
    X('S', "symbols", call->launch ? call->launch->symbol_count : call->work ? call->work->symbol_count : 0)           \
    X('b', "buffers", call->launch ? call->launch->buffer_count : 0)

static const char *const arguments_of[TENON__HOOK_COUNT] = {
    [TENON__HOOK_plugin_open] = "",           [TENON__HOOK_plugin_close] = "",
    [TENON__HOOK_plugin_extension] = "",      [TENON__HOOK_device_count] = "c",
    [TENON__HOOK_device_open] = "ik",         [TENON__HOOK_device_close] = "d",
    [TENON__HOOK_device_info] = "d",          [TENON__HOOK_device_health] = "d",
    [TENON__HOOK_memory_type_count] = "dc",   [TENON__HOOK_memory_type_info] = "dy",
    [TENON__HOOK_memory_allocate] = "dysk",   [TENON__HOOK_memory_import] = "dysk",
    [TENON__HOOK_memory_release] = "dm",      [TENON__HOOK_memory_map] = "dmos",
    [TENON__HOOK_memory_unmap] = "dm",        [TENON__HOOK_memory_flush] = "dmos",
    [TENON__HOOK_memory_invalidate] = "dmos", [TENON__HOOK_memory_address] = "dma",
    [TENON__HOOK_stream_create] = "dk",       [TENON__HOOK_stream_destroy] = "t",
    [TENON__HOOK_stream_synchronize] = "t",   [TENON__HOOK_stream_query] = "t",
    [TENON__HOOK_stream_write] = "tmos",      [TENON__HOOK_stream_read] = "tuOs",
    [TENON__HOOK_stream_copy] = "tmouOs",     [TENON__HOOK_stream_fill] = "tmos",
    [TENON__HOOK_work_prepare] = "dWSk",      [TENON__HOOK_work_launch] = "txbSw",
    [TENON__HOOK_work_release] = "dx",        [TENON__HOOK_work_pack] = "txpum",
    [TENON__HOOK_work_dialect] = "d",         [TENON__HOOK_work_claim] = "dW",
    [TENON__HOOK_event_create] = "dk",        [TENON__HOOK_event_destroy] = "e",
    [TENON__HOOK_event_record] = "et",        [TENON__HOOK_event_query] = "e",
    [TENON__HOOK_event_synchronize] = "e",    [TENON__HOOK_event_wait] = "te",
    [TENON__HOOK_event_elapsed] = "eEn",
};

const char *tenon__trace_arguments(uint32_t hook) {
    return arguments_of[hook] ? arguments_of[hook] : "";
}

const char *tenon__trace_word(char letter) {
    switch (letter) {
#define LETTER_WORD(letter, word, value)                                                                               \
    case letter: return word;
        LETTERS(LETTER_WORD)
    default: return "";
    }
}

static uint64_t serial(const tenon__object *object) {
    return object ? object->serial : 0;
}

static uint64_t argument(const tenon__call *call, char letter) {
    switch (letter) {
#define LETTER_VALUE(letter, word, value)                                                                              \
    case letter: return value;
        LETTERS(LETTER_VALUE)
    default: return 0;
    }
}

/* -- The trace -------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t live_mutex = PTHREAD_MUTEX_INITIALIZER;
static tenon__trace *live_traces;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

/* A program may exit without giving its devices up. No hook is called here. */
static void write_all(void) {
    (void)pthread_mutex_lock(&live_mutex);
    for (tenon__trace *trace = live_traces; trace; trace = trace->next)
        if (tenon__trace_write(trace) != TENON_STATUS_OK) fprintf(stderr, "tenon: trace: %s\n", tenonh_error_message());
    (void)pthread_mutex_unlock(&live_mutex);
}

static void watch_exit(void) {
    (void)atexit(write_all);
}

static void free_trace(tenon__trace *trace) {
    for (uint64_t i = 0; trace->chunks && i <= trace->limit / TENON__TRACE_CHUNK; i++) free(trace->chunks[i]);
    free(trace->chunks);
    free(trace->threads);
    free(trace->plugins);
    free(trace->names);
    tenon__arena_free(&trace->strings);
    (void)pthread_mutex_destroy(&trace->mutex);
    free(trace);
}

/* What cannot be written is told before the run, and not after it. */
static tenon_status try_path(const char *path) {
    tenon__file_writer writer;
    struct stat present;
    if (stat(path, &present) == 0 && !S_ISREG(present.st_mode))
        return tenon__fail(TENON_STATUS_INVALID, "layer trace: '%s' is not a regular file", path);
    tenon_status status = tenon__file_begin(path, &writer);
    if (status != TENON_STATUS_OK) return tenon__fail_in(TENON_STATUS_IO, "layer trace");
    tenon__file_discard(&writer);
    return status;
}

static tenon_status create(const tenon__layer_value *values, void **out_shared) {
    tenon__trace *trace = calloc(1, sizeof *trace);
    if (!trace) return tenon__fail_memory();
    (void)pthread_mutex_init(&trace->mutex, NULL);
    trace->process = getpid();
    trace->start = tenon__layer_now();
    trace->limit = (uint64_t)values[OPTION_EVENTS].number;
    snprintf(trace->own_path, sizeof trace->own_path, "tenon-trace-%ld.json", (long)trace->process);
    trace->path = values[OPTION_FILE].text ? values[OPTION_FILE].text : trace->own_path;
    trace->chunks = calloc(trace->limit / TENON__TRACE_CHUNK + 1, sizeof *trace->chunks);
    trace->threads = calloc(TENON__TRACE_THREADS, sizeof *trace->threads);
    trace->plugins = calloc(TENON__TRACE_PLUGINS, sizeof *trace->plugins);
    bool whole = trace->chunks && trace->threads && trace->plugins;
    tenon_status status = whole ? try_path(trace->path) : tenon__fail_memory();
    if (status != TENON_STATUS_OK) {
        free_trace(trace);
        return status;
    }
    (void)pthread_once(&exit_once, watch_exit);
    (void)pthread_mutex_lock(&live_mutex);
    trace->next = live_traces;
    live_traces = trace;
    (void)pthread_mutex_unlock(&live_mutex);
    *out_shared = trace;
    return TENON_STATUS_OK;
}

static void destroy(void *shared) {
    tenon__trace *trace = shared;
    (void)pthread_mutex_lock(&live_mutex);
    tenon__trace **link = &live_traces;
    while (*link != trace) link = &(*link)->next;
    *link = trace->next;
    (void)pthread_mutex_unlock(&live_mutex);
    if (tenon__trace_write(trace) != TENON_STATUS_OK) fprintf(stderr, "tenon: trace: %s\n", tenonh_error_message());
    free_trace(trace);
}

/* -- Names and tracks. Called with the mutex held. --------------------------------------------------------------------- */

static uint64_t hash_of(const char *text) {
    uint64_t hash = 0xcbf29ce484222325u;
    while (*text) hash = (hash ^ (unsigned char)*text++) * 0x100000001b3u;
    return hash;
}

static const char **slot_of(const char **table, uint32_t capacity, const char *text) {
    uint64_t at = hash_of(text);
    while (table[at % capacity] && strcmp(table[at % capacity], text) != 0) at++;
    return &table[at % capacity];
}

static int grow_names(tenon__trace *trace) {
    uint32_t capacity = trace->name_capacity ? trace->name_capacity * 2 : 256;
    const char **table = calloc(capacity, sizeof *table);
    if (!table) return 0;
    for (uint32_t i = 0; i < trace->name_capacity; i++)
        if (trace->names[i]) *slot_of(table, capacity, trace->names[i]) = trace->names[i];
    free(trace->names);
    trace->names = table;
    trace->name_capacity = capacity;
    return 1;
}

enum { MOST_NAMES = 1 << 16 };

/* The kept copy of a name; NULL when there is no room for more. */
static const char *keep_name(tenon__trace *trace, const char *text) {
    if (trace->name_count * 2 >= trace->name_capacity && !grow_names(trace)) return NULL;
    const char **slot = slot_of(trace->names, trace->name_capacity, text);
    if (*slot || trace->name_count == MOST_NAMES) return *slot;
    *slot = tenon__arena_string(&trace->strings, text);
    trace->name_count += *slot != NULL;
    return *slot;
}

static void see_thread(tenon__trace *trace, pid_t id) {
    for (uint32_t i = trace->thread_count; i-- > 0;)
        if (trace->threads[i].id == id) return;
    if (trace->thread_count == TENON__TRACE_THREADS) return;
    tenon__trace_thread *thread = &trace->threads[trace->thread_count++];
    thread->id = id;
    if (pthread_getname_np(pthread_self(), thread->name, sizeof thread->name) != 0) thread->name[0] = '\0';
}

/* Adds an entry in the place of the oldest once the ring is full. Without memory it is lost, and counted. */
static void add(tenon__trace *trace, const tenon__entry *entry) {
    uint64_t at = trace->count++ % trace->limit;
    tenon__entry **chunk = &trace->chunks[at / TENON__TRACE_CHUNK];
    if (!*chunk) *chunk = calloc(TENON__TRACE_CHUNK, sizeof **chunk);
    if (*chunk) (*chunk)[at % TENON__TRACE_CHUNK] = *entry;
}

/* -- Streams ---------------------------------------------------------------------------------------------------------- */

enum { MOST_WAITING = 4096 };

/* Work whose time on the device is not known yet: between two inside events. */
typedef struct waiting {
    tenon__entry entry;
    tenon_event *before, *after;
} waiting;

/* Of streams, events and devices. */
typedef struct state {
    uint32_t track;      /* stream */
    uint32_t untimed;    /* stream: no events, or none that tell time */
    tenon_event *origin; /* stream: recorded when it was idle */
    uint64_t origin_ns;  /* stream: when that was */
    waiting *list;       /* stream */
    uint32_t count;
    tenon_event **spare; /* stream: events to use again */
    uint32_t spare_count;
    uint64_t flow;          /* event: of its latest record */
    _Atomic uint64_t bytes; /* device: allocated; memory: its own */
} state;

static tenon_event *take_event(const tenon__call *call, state *st) {
    tenon_event *event = NULL;
    if (st->spare_count) return st->spare[--st->spare_count];
    if (call->layer->inner.event.create(call->device->inner, &event) != TENON_STATUS_OK) st->untimed = 1;
    return event;
}

static void spare_event(const tenon__layer *layer, state *st, tenon_event *event) {
    if (!event) return;
    if (st->spare && st->spare_count < 2 * MOST_WAITING)
        st->spare[st->spare_count++] = event;
    else
        layer->inner.event.destroy(event);
}

/* An event recorded on the stream now, or NULL. */
static tenon_event *mark(const tenon__call *call, state *st) {
    if (st->untimed) return NULL;
    tenon_event *event = take_event(call, st);
    if (!event) return NULL;
    if (call->layer->inner.event.record(event, call->stream->inner) == TENON_STATUS_OK) return event;
    spare_event(call->layer, st, event);
    return NULL;
}

static int is_timed(const tenon__layer *layer) {
    return layer->inner.event.create && layer->values[OPTION_TIMING].number;
}

/* Ties the device's clock to the host's, on a stream that has nothing to do. */
static void begin_stream(tenon__call *call, state *st) {
    const tenon__hooks *hooks = &call->layer->inner;
    st->untimed = !is_timed(call->layer);
    if (st->untimed) return;
    st->list = calloc(MOST_WAITING, sizeof *st->list);
    st->spare = calloc((size_t)2 * MOST_WAITING, sizeof *st->spare);
    if (st->list && st->spare) st->origin = take_event(call, st);
    uint64_t nanoseconds = 0;
    st->untimed = !st->origin || hooks->event.record(st->origin, call->made->inner) != TENON_STATUS_OK ||
                  hooks->event.synchronize(st->origin) != TENON_STATUS_OK ||
                  hooks->event.elapsed(st->origin, st->origin, &nanoseconds) != TENON_STATUS_OK;
    st->origin_ns = tenon__layer_now();
}

/* Where the device says that the work was; the host's times stay where it does not. */
static void time_entry(const tenon__layer *layer, const tenon__trace *trace, const state *st, waiting *w) {
    uint64_t start, end;
    if (!w->before || !w->after) return;
    if (layer->inner.event.elapsed(st->origin, w->before, &start) != TENON_STATUS_OK) return;
    if (layer->inner.event.elapsed(st->origin, w->after, &end) != TENON_STATUS_OK || end < start) return;
    w->entry.start = st->origin_ns - trace->start + start;
    w->entry.duration = end - start;
}

/* Everything the stream was asked is over: its waiting entries get their times, unless it failed. */
static void settle_stream(const tenon__layer *layer, state *st, tenon_status status) {
    tenon__trace *trace = layer->shared;
    for (uint32_t i = 0; i < st->count; i++) {
        waiting *w = &st->list[i];
        if (status == TENON_STATUS_OK) time_entry(layer, trace, st, w);
        spare_event(layer, st, w->before);
        spare_event(layer, st, w->after);
        (void)pthread_mutex_lock(&trace->mutex);
        add(trace, &w->entry);
        (void)pthread_mutex_unlock(&trace->mutex);
    }
    st->count = 0;
}

static void end_stream(const tenon__layer *layer, state *st) {
    for (uint32_t i = 0; i < st->spare_count; i++) layer->inner.event.destroy(st->spare[i]);
    if (st->origin) layer->inner.event.destroy(st->origin);
    free(st->list);
    free(st->spare);
    st->list = NULL;
    st->spare = NULL;
    st->origin = NULL;
    st->spare_count = 0;
}

static int is_stream_work(uint32_t hook) {
    switch (hook) {
    case TENON__HOOK_stream_write:
    case TENON__HOOK_stream_read:
    case TENON__HOOK_stream_copy:
    case TENON__HOOK_stream_fill:
    case TENON__HOOK_work_launch:
    case TENON__HOOK_work_pack:
    case TENON__HOOK_event_record:
    case TENON__HOOK_event_wait: return 1;
    default: return 0;
    }
}

/* -- Calls ------------------------------------------------------------------------------------------------------------ */

static tenon__entry describe(const tenon__call *call, uint32_t type, uint32_t track) {
    const tenon__trace *trace = call->layer->shared;
    tenon__entry entry = {.type = (uint8_t)type, .hook = (uint8_t)call->hook, .track = track, .status = call->status};
    const char *letters = tenon__trace_arguments(call->hook);
    entry.process = (uint16_t)call->layer->number;
    entry.start = call->scratch - trace->start;
    entry.duration = tenon__layer_now() - call->scratch;
    for (uint32_t i = 0; letters[i] && i < TENON__TRACE_ARGUMENTS; i++) entry.arguments[i] = argument(call, letters[i]);
    return entry;
}

static const char *name_of(const tenon__call *call) {
    const tenon__object *exec = call->exec ? call->exec : call->hook == TENON__HOOK_work_prepare ? call->made : NULL;
    return exec && exec->name[0] ? exec->name : NULL;
}

/* The work just asked of a stream, to be timed or as the host saw it. */
static void add_work(const tenon__call *call, uint64_t flow) {
    tenon__trace *trace = call->layer->shared;
    state *st = call->stream->state;
    tenon__entry entry = describe(call, TENON__ENTRY_STREAM, st->track);
    tenon_event *first = call->blocks[0], *last = first ? mark(call, st) : NULL;
    entry.flow = flow;
    (void)pthread_mutex_lock(&trace->mutex);
    entry.name = name_of(call) ? keep_name(trace, name_of(call)) : NULL;
    if (!first) add(trace, &entry);
    (void)pthread_mutex_unlock(&trace->mutex);
    if (first) st->list[st->count++] = (waiting){entry, first, last};
}

/* An event's record begins a flow that every later wait for it ends. */
static uint64_t flow_of(const tenon__call *call) {
    if (!call->event || call->status != TENON_STATUS_OK) return 0;
    state *st = call->event->state;
    if (call->hook == TENON__HOOK_event_record) {
        tenon__trace *trace = call->layer->shared;
        (void)pthread_mutex_lock(&trace->mutex);
        st->flow = ++trace->flows;
        (void)pthread_mutex_unlock(&trace->mutex);
    }
    return st->flow;
}

static void count_memory(const tenon__call *call) {
    bool grows = call->hook == TENON__HOOK_memory_allocate;
    const tenon__object *memory = grows ? call->made : call->memory;
    if (!memory || memory->imported || (!grows && call->hook != TENON__HOOK_memory_release)) return;
    tenon__trace *trace = call->layer->shared;
    state *device = call->device->state;
    uint64_t bytes = grows ? atomic_fetch_add(&device->bytes, memory->size) + memory->size
                           : atomic_fetch_sub(&device->bytes, memory->size) - memory->size;
    tenon__entry entry = describe(call, TENON__ENTRY_MEMORY, call->device->number);
    entry.start += entry.duration;
    entry.duration = bytes;
    (void)pthread_mutex_lock(&trace->mutex);
    add(trace, &entry);
    (void)pthread_mutex_unlock(&trace->mutex);
}

static void add_call(const tenon__call *call) {
    tenon__trace *trace = call->layer->shared;
    pid_t thread = gettid();
    tenon__entry entry = describe(call, TENON__ENTRY_CALL, (uint32_t)thread);
    (void)pthread_mutex_lock(&trace->mutex);
    see_thread(trace, thread);
    entry.name = name_of(call) ? keep_name(trace, name_of(call)) : NULL;
    add(trace, &entry);
    (void)pthread_mutex_unlock(&trace->mutex);
}

static void before(tenon__call *call) {
    if (is_stream_work(call->hook)) {
        state *st = call->stream->state;
        if (st->count < MOST_WAITING) call->blocks[0] = mark(call, st);
    } else if (call->hook == TENON__HOOK_stream_destroy) {
        state *st = call->stream->state; /* its events are for asking while it is there */
        if (st->count) settle_stream(call->layer, st, call->layer->inner.stream.synchronize(call->stream->inner));
    }
    call->scratch = tenon__layer_now();
}

static void after(tenon__call *call) {
    add_call(call);
    count_memory(call);
    if (is_stream_work(call->hook)) add_work(call, flow_of(call));
    switch (call->hook) {
    case TENON__HOOK_stream_create:
        if (!call->made) break;
        tenon__trace *trace = call->layer->shared;
        state *st = call->made->state;
        (void)pthread_mutex_lock(&trace->mutex);
        st->track = trace->stream_count++;
        (void)pthread_mutex_unlock(&trace->mutex);
        begin_stream(call, st);
        break;
    case TENON__HOOK_stream_synchronize: settle_stream(call->layer, call->stream->state, call->status); break;
    case TENON__HOOK_stream_query:
        if (call->status != TENON_STATUS_NOT_READY) settle_stream(call->layer, call->stream->state, call->status);
        break;
    case TENON__HOOK_stream_destroy: end_stream(call->layer, call->stream->state); break;
    default: break;
    }
}

/* Plugins are the trace's processes. */
static tenon_status open_layer(tenon__layer *layer) {
    tenon__trace *trace = layer->shared;
    (void)pthread_mutex_lock(&trace->mutex);
    uint32_t number = trace->plugin_count < TENON__TRACE_PLUGINS ? ++trace->plugin_count : TENON__TRACE_PLUGINS;
    memcpy(trace->plugins[number - 1], layer->id, sizeof layer->id);
    (void)pthread_mutex_unlock(&trace->mutex);
    layer->number = number;
    return TENON_STATUS_OK;
}

/* A stream that was given back, or that was left behind: its plugin is closed then, and so are its events. */
static void forget(tenon__object *object) {
    state *st = object->state;
    if (object->layer->closed) st->spare_count = 0, st->origin = NULL;
    if (object->kind == TENON__KIND_STREAM) end_stream(object->layer, st);
}

const tenon__layer_class tenon__layer_trace = {
    .name = "trace",
    .meaning = "writes every call into a Chrome trace",
    .options = options,
    .option_count = OPTION_COUNT,
    .object_size = sizeof(state),
    .create = create,
    .destroy = destroy,
    .open = open_layer,
    .before = before,
    .after = after,
    .forget = forget,
};
