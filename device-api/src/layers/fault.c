/* The layer `fault`: makes chosen calls fail as a plugin may fail, so that what is above can be tested for it.
 *
 * A failure is the layer's own answer and the plugin is not called; failures that stick (late ones, a failed wait, a lost
 * device) stick as the ABI says, through events too. Counts go over all plugins that a registry's layer wraps. */
#include "layers/layer.h"

#include <stdlib.h>
#include <time.h>

#include <tenon/helpers.h>

#include "support/error.h"

/* X(NAME, option, status when none is chosen, what is counted) */
#define CLASSES(X)                                                                                                     \
    X(DEVICE, "device", UNAVAILABLE, "the n-th count, open, info or health of a device fails")                         \
    X(ALLOCATE, "allocate", OUT_OF_MEMORY, "the n-th allocation fails")                                                \
    X(MAP, "map", OUT_OF_MEMORY, "the n-th map, unmap, flush or invalidate fails")                                     \
    X(STREAM, "stream", OUT_OF_MEMORY, "the n-th creation of a stream fails")                                          \
    X(COPY, "copy", INTERNAL, "the n-th write, read, copy or fill is refused")                                         \
    X(SYNCHRONIZE, "synchronize", INTERNAL, "the n-th synchronise or query of a stream fails, and so does the stream") \
    X(EVENT, "event", INTERNAL, "the n-th call of an event's hook fails")                                              \
    X(PREPARE, "prepare", INTERNAL, "the n-th prepare fails")                                                          \
    X(PACK, "pack", INTERNAL, "the n-th pack is refused")                                                              \
    X(LAUNCH, "launch", INTERNAL, "the n-th launch is refused")                                                        \
    X(LATE, "late", INTERNAL, "the n-th launch fails late: it is taken, and its stream fails")                         \
    X(LOST, "lost", DEVICE_LOST, "from the n-th call on the device is lost")

#define CLASS_CONSTANT(NAME, option, status, meaning) CLASS_##NAME,
enum { CLASSES(CLASS_CONSTANT) CLASS_COUNT };
enum { OPTION_STATUS = CLASS_COUNT, OPTION_TIMES, OPTION_DELAY, OPTION_STALL, OPTION_SEED, OPTION_COUNT };

enum { MOST_DELAY = 1000000 }; /* microseconds */

static const tenon__layer_option options[OPTION_COUNT] = {
#define CLASS_OPTION(NAME, option, status, meaning) {option, TENON__OPTION_NUMBER, 1, INT64_MAX, 0, meaning},
    CLASSES(CLASS_OPTION)[OPTION_STATUS] = {"status", TENON__OPTION_STATUS, 0, 0, 0,
                                            "what a call that fails answers (by kind of call)"},
    [OPTION_TIMES] = {"times", TENON__OPTION_NUMBER, 0, INT64_MAX, 1, "calls that fail from the n-th on; 0: all (1)"},
    [OPTION_DELAY] = {"delay", TENON__OPTION_NUMBER, 1, MOST_DELAY, 0,
                      "microseconds at most, at random, that the host waits before each launch and copy"},
    [OPTION_STALL] = {"stall", TENON__OPTION_NUMBER, 1, MOST_DELAY, 0,
                      "microseconds at most, at random, that the stream is busy before each launch and copy"},
    [OPTION_SEED] = {"seed", TENON__OPTION_NUMBER, 0, INT64_MAX, 0, "of delay and stall (0)"},
};

static const tenon_status statuses[] = {
#define CLASS_STATUS(NAME, option, status, meaning) TENON_STATUS_##status,
    CLASSES(CLASS_STATUS)};

/* Which class a hook counts in. Rows that are not here never fail. */
static const uint8_t class_of[TENON__HOOK_COUNT] = {
#define ROW(hook, CLASS) [TENON__HOOK_##hook] = CLASS_##CLASS + 1
    ROW(device_count, DEVICE),      ROW(device_open, DEVICE),
    ROW(device_info, DEVICE),       ROW(device_health, DEVICE),
    ROW(memory_allocate, ALLOCATE), ROW(memory_map, MAP),
    ROW(memory_import, ALLOCATE),   ROW(memory_unmap, MAP),
    ROW(memory_flush, MAP),         ROW(memory_invalidate, MAP),
    ROW(stream_create, STREAM),     ROW(stream_write, COPY),
    ROW(stream_read, COPY),         ROW(stream_copy, COPY),
    ROW(stream_fill, COPY),         ROW(stream_synchronize, SYNCHRONIZE),
    ROW(stream_query, SYNCHRONIZE), ROW(event_create, EVENT),
    ROW(event_record, EVENT),       ROW(event_query, EVENT),
    ROW(event_synchronize, EVENT),  ROW(event_wait, EVENT),
    ROW(event_elapsed, EVENT),      ROW(work_prepare, PREPARE),
    ROW(work_claim, PREPARE),       ROW(work_pack, PACK),
    ROW(work_launch, LAUNCH),
#undef ROW
};

typedef struct shared {
    const tenon__layer_value *values;
    _Atomic int64_t counts[CLASS_COUNT];
    _Atomic uint64_t draws;
} shared;

/* Of streams, events and devices. */
typedef struct state {
    _Atomic tenon_status failed; /* stream, event: what it failed with; device: DEVICE_LOST */
    tenon_memory *scratch;       /* stream: what stalls copy in; inside handle */
    uint64_t copy_ns;            /* stream: that one of those copies takes */
} state;

static tenon_status create(const tenon__layer_value *values, void **out_shared) {
    shared *s = calloc(1, sizeof *s);
    if (!s) return tenon__fail_memory();
    s->values = values;
    *out_shared = s;
    return TENON_STATUS_OK;
}

static state *state_of(const tenon__object *object) {
    return object->state;
}

static tenon_status failure_of(const tenon__object *object) {
    return object ? atomic_load(&state_of(object)->failed) : TENON_STATUS_OK;
}

/* -- What sticks ------------------------------------------------------------------------------------------------------ */

/* Waits inside before a failure is answered: what is pending may still use the host's memory. False while it is not
 * over, for queries. */
static bool settle(const tenon__call *call) {
    const tenon__hooks *hooks = &call->layer->inner;
    switch (call->hook) {
    case TENON__HOOK_stream_synchronize: (void)hooks->stream.synchronize(call->stream->inner); return true;
    case TENON__HOOK_stream_query: return hooks->stream.query(call->stream->inner) != TENON_STATUS_NOT_READY;
    case TENON__HOOK_event_synchronize: (void)hooks->event.synchronize(call->event->inner); return true;
    case TENON__HOOK_event_query: return hooks->event.query(call->event->inner) != TENON_STATUS_NOT_READY;
    default: return true;
    }
}

static void answer_failed_stream(tenon__call *call, tenon_status failed) {
    switch (call->hook) {
    case TENON__HOOK_stream_destroy: return;
    case TENON__HOOK_event_record: /* completes at once, with the failure */
        atomic_store(&state_of(call->event)->failed, failed);
        call->answered = 1;
        return;
    case TENON__HOOK_stream_synchronize:
    case TENON__HOOK_stream_query:
        if (settle(call))
            tenon__call_answer(call, failed, "stream %llu failed earlier, as the layer fault was asked",
                               (unsigned long long)call->stream->serial);
        return;
    default:
        tenon__call_answer(call, TENON_STATUS_FAILED_STREAM, "stream %llu has failed (%s); destroy it",
                           (unsigned long long)call->stream->serial, tenon_status_name(failed));
    }
}

static void answer_failed_event(tenon__call *call, tenon_status failed) {
    switch (call->hook) {
    case TENON__HOOK_event_destroy: return;
    case TENON__HOOK_event_record: atomic_store(&state_of(call->event)->failed, TENON_STATUS_OK); return;
    case TENON__HOOK_event_wait: /* passes the failure on */
        atomic_store(&state_of(call->stream)->failed, failed);
        call->answered = 1;
        return;
    default:
        tenon__call_answer(call, failed, "event %llu completed with a failure, as the layer fault was asked",
                           (unsigned long long)call->event->serial);
    }
}

static bool returns_nothing(uint32_t hook) {
    return hook == TENON__HOOK_plugin_close || hook == TENON__HOOK_device_close || hook == TENON__HOOK_memory_release ||
           hook == TENON__HOOK_stream_destroy || hook == TENON__HOOK_event_destroy || hook == TENON__HOOK_work_release;
}

/* What earlier failures make of this call. */
static void answer_earlier(tenon__call *call) {
    if (returns_nothing(call->hook)) return;
    if (failure_of(call->device) != TENON_STATUS_OK) {
        if (settle(call)) tenon__call_answer(call, TENON_STATUS_DEVICE_LOST, "the device is lost");
        return;
    }
    tenon_status stream = failure_of(call->stream), event = failure_of(call->event);
    if (stream != TENON_STATUS_OK)
        answer_failed_stream(call, stream);
    else if (event != TENON_STATUS_OK)
        answer_failed_event(call, event);
}

/* -- What fails now --------------------------------------------------------------------------------------------------- */

/* Counts the call in a class: true when it is one that is to fail. */
static bool strikes(shared *s, uint32_t class) {
    int64_t first = s->values[class].number, times = s->values[OPTION_TIMES].number;
    if (first == 0) return false;
    int64_t count = atomic_fetch_add(&s->counts[class], 1) + 1;
    return count >= first && (times == 0 || class == CLASS_LOST || count - first < times);
}

static void fail(tenon__call *call, uint32_t class) {
    const shared *s = call->layer->shared;
    const tenon__layer_value *chosen = &s->values[OPTION_STATUS];
    tenon_status status = chosen->text ? (tenon_status)chosen->number : statuses[class];
    bool sticks_to_event = call->hook == TENON__HOOK_event_query || call->hook == TENON__HOOK_event_synchronize;
    if (sticks_to_event) atomic_store(&state_of(call->event)->failed, status);
    if (class == CLASS_SYNCHRONIZE) atomic_store(&state_of(call->stream)->failed, status);
    if ((sticks_to_event || class == CLASS_SYNCHRONIZE) && !settle(call)) return; /* told by the next query */
    tenon__call_answer(call, status, "%s %lld fails, as the layer fault was asked (%s=%lld)",
                       tenon__hook_name(call->hook), (long long)atomic_load(&s->counts[class]), options[class].name,
                       (long long)s->values[class].number);
}

static void fail_late(tenon__call *call) {
    const shared *s = call->layer->shared;
    const tenon__layer_value *chosen = &s->values[OPTION_STATUS];
    atomic_store(&state_of(call->stream)->failed, chosen->text ? (tenon_status)chosen->number : statuses[CLASS_LATE]);
    call->answered = 1;
}

static void lose(tenon__call *call) {
    atomic_store(&state_of(call->device)->failed, TENON_STATUS_DEVICE_LOST);
    if (settle(call))
        tenon__call_answer(call, TENON_STATUS_DEVICE_LOST, "%s: the device is lost, as the layer fault was asked",
                           tenon__hook_name(call->hook));
}

/* -- Delays ----------------------------------------------------------------------------------------------------------- */

enum { SCRATCH = 256 << 10, MEASURED = 8 }; /* bytes of one copy; copies that are timed */

/* The next of a sequence that the seed decides, from 0 to `most`. (The mix is SplitMix64's.) */
static uint64_t draw(shared *s, uint64_t most) {
    uint64_t z = (uint64_t)s->values[OPTION_SEED].number + (atomic_fetch_add(&s->draws, 1) + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % (most + 1);
}

static tenon_status copy_scratch(const tenon__call *call, const state *st) {
    return call->layer->inner.stream.copy(call->stream->inner, (tenon_buffer){st->scratch, SCRATCH},
                                          (tenon_buffer){st->scratch, 0}, SCRATCH);
}

/* Makes the stream's scratch memory and times a copy in it; without memory there are no stalls. */
static void measure(const tenon__call *call, state *st) {
    const tenon__hooks *hooks = &call->layer->inner;
    tenon_stream *stream = call->stream->inner;
    if (hooks->memory.allocate(call->stream->device->inner, 0, (uint64_t)2 * SCRATCH, &st->scratch) != TENON_STATUS_OK)
        return;
    (void)hooks->stream.synchronize(stream);
    uint64_t start = tenon__layer_now();
    for (int i = 0; i < MEASURED; i++) (void)copy_scratch(call, st);
    (void)hooks->stream.synchronize(stream);
    st->copy_ns = (tenon__layer_now() - start) / MEASURED + 1;
}

/* Keeps the stream busy: work of its own, since no hook lets a stream sleep. */
static void stall(const tenon__call *call, uint64_t microseconds) {
    state *st = state_of(call->stream);
    if (!st->copy_ns) measure(call, st);
    if (!st->scratch) return;
    for (uint64_t left = microseconds * 1000 / st->copy_ns; left > 0; left--)
        if (copy_scratch(call, st) != TENON_STATUS_OK) return;
}

static void delay(tenon__call *call) {
    shared *s = call->layer->shared;
    int64_t host = s->values[OPTION_DELAY].number, stream = s->values[OPTION_STALL].number;
    if (host) {
        uint64_t us = draw(s, (uint64_t)host);
        struct timespec time = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
        (void)nanosleep(&time, NULL);
    }
    if (stream) stall(call, draw(s, (uint64_t)stream));
}

/* -- The class -------------------------------------------------------------------------------------------------------- */

static void before(tenon__call *call) {
    shared *s = call->layer->shared;
    uint32_t class = class_of[call->hook];
    answer_earlier(call);
    if (call->answered || class == 0) return;
    class -= 1;
    if (call->device && strikes(s, CLASS_LOST))
        lose(call);
    else if (strikes(s, class))
        fail(call, class);
    else if (class == CLASS_LAUNCH && strikes(s, CLASS_LATE))
        fail_late(call);
    else if (class == CLASS_LAUNCH || class == CLASS_COPY)
        delay(call);
}

static void after(tenon__call *call) {
    if (call->hook != TENON__HOOK_stream_destroy) return;
    state *st = state_of(call->stream);
    if (st->scratch) call->layer->inner.memory.release(call->stream->device->inner, st->scratch);
}

const tenon__layer_class tenon__layer_fault = {
    .name = "fault",
    .meaning = "makes chosen calls fail or wait",
    .options = options,
    .option_count = OPTION_COUNT,
    .object_size = sizeof(state),
    .create = create,
    .destroy = free,
    .before = before,
    .after = after,
};
