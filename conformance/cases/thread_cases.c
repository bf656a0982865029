/* REQ-STREAM-02, REQ-WORK-03, 08: eight threads at once, on streams and memory of their own, with execs and events that they
 * share. Results are exact, whatever the order. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

enum { MOST_WORKERS = 8, COUNT = 1021, BYTES = COUNT * sizeof(float) };

/* What one thread has and says. Made and judged by the main thread: cases report from there. */
typedef struct worker {
    uint32_t index, count; /* of `count` workers */
    struct crew *crew;
    tenonh_stream *stream;
    tenonh_memory *memory, *other, *ones;
    cf_launch *add;
    pthread_t thread;
    tenon_status status;
    char text[256]; /* what went wrong; "" nothing */
} worker;

typedef struct crew {
    cf_held held;
    worker workers[MOST_WORKERS];
    uint32_t count;
    tenonh_event *event;
    void (*run)(worker *);
    pthread_barrier_t start;
    pthread_mutex_t lock;
    pthread_cond_t turned;
    uint32_t turn;
} crew;

/* Keeps the first failure of a thread, with its message; false after one. */
static bool good(worker *w, tenon_status status, const char *what) {
    if (status == TENON_STATUS_OK) return true;
    if (!w->text[0])
        snprintf(w->text, sizeof w->text, "%s: %s: %s", what, tenon_status_name(status), tenonh_error_message());
    return false;
}

static bool wrong(worker *w, const char *what, int64_t place) {
    if (!w->text[0]) snprintf(w->text, sizeof w->text, "%s: wrong from %lld on", what, (long long)place);
    return false;
}

static bool fill(worker *w, tenonh_memory *memory, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return good(w, tenonh_stream_fill(w->stream, memory, 0, bits, 4, BYTES), "fill");
}

/* memory holds `value` everywhere, as the worker's own stream sees it. */
static bool holds(worker *w, tenonh_memory *memory, float value) {
    float back[COUNT];
    if (!good(w, tenonh_stream_read(w->stream, back, memory, 0, BYTES), "read") ||
        !good(w, tenonh_stream_synchronize(w->stream), "synchronise"))
        return false;
    for (int i = 0; i < COUNT; i++)
        if (back[i] != value) return wrong(w, "what a thread reads", i);
    return true;
}

/* -- Crews -------------------------------------------------------------------------------------------------------- */

static void *enter(void *context) {
    worker *w = context;
    (void)pthread_barrier_wait(&w->crew->start);
    w->crew->run(w);
    return NULL;
}

static void equip(crew *c, uint32_t index) {
    worker *w = &c->workers[index];
    *w = (worker){.index = index, .count = c->count, .crew = c};
    w->stream = cf_stream(&c->held);
    w->memory = cf_memory(&c->held, 0, BYTES);
    w->other = cf_memory(&c->held, 0, BYTES);
    w->ones = cf_memory(&c->held, 0, BYTES);
    w->add = cf_map(&c->held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
    if (!cf_failed() && !fill(w, w->ones, 1)) cf_fail("%s", w->text);
    if (w->stream) cf_good(tenonh_stream_synchronize(w->stream), "synchronise");
}

static void work(crew *c) {
    (void)pthread_barrier_init(&c->start, NULL, c->count);
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->turned, NULL);
    for (uint32_t i = 0; i < c->count; i++)
        if (pthread_create(&c->workers[i].thread, NULL, enter, &c->workers[i]) != 0) abort();
    for (uint32_t i = 0; i < c->count; i++) (void)pthread_join(c->workers[i].thread, NULL);
    (void)pthread_cond_destroy(&c->turned);
    (void)pthread_mutex_destroy(&c->lock);
    (void)pthread_barrier_destroy(&c->start);
    for (uint32_t i = 0; i < c->count; i++)
        if (c->workers[i].text[0]) cf_fail("thread %u of %u: %s", i, c->count, c->workers[i].text);
}

/* A row: as many threads as the device has streams for, up to eight. */
static void run_crew(const char *name, const char *requirements, void (*run)(worker *)) {
    if (!cf_begin_for(requirements, "%s", name)) return;
    uint32_t most = tenonh_device_info(cf_under_test.device)->max_streams;
    crew *c = calloc(1, sizeof *c);
    if (!c) abort();
    c->count = most && most < MOST_WORKERS ? most : MOST_WORKERS;
    c->run = run;
    for (uint32_t i = 0; i < c->count; i++) equip(c, i);
    c->event = cf_event(&c->held);
    if (!cf_failed()) work(c);
    cf_let_go(&c->held);
    free(c);
}

/* -- What they do ------------------------------------------------------------------------------------------------- */

static void copies(worker *w) {
    unsigned char want[BYTES], back[BYTES];
    for (uint64_t round = 0; round < 150; round++) {
        cf_pattern(want, BYTES, round * 8 + w->index);
        if (!good(w, tenonh_stream_write(w->stream, w->memory, 0, want, BYTES), "write") ||
            !good(w, tenonh_stream_copy(w->stream, w->other, 0, w->memory, 0, BYTES), "copy") ||
            !good(w, tenonh_stream_fill(w->stream, w->memory, 0, 0, 1, BYTES), "fill") ||
            !good(w, tenonh_stream_read(w->stream, back, w->other, 0, BYTES), "read") ||
            !good(w, tenonh_stream_synchronize(w->stream), "synchronise"))
            return;
        if (memcmp(want, back, BYTES) != 0) {
            (void)wrong(w, "what a thread wrote", (int64_t)round);
            return;
        }
    }
}

static bool add_one(worker *w, tenonh_memory *from, tenonh_memory *to) {
    return good(w, cf_launch_enqueue(w->add, w->stream, (cf_place[]){{from, 0}, {w->ones, 0}, {to, 0}}), "launch");
}

/* One exec, launched by all, each on memory of its own, from another start. */
static void launches(worker *w) {
    for (int round = 0; round < 20; round++) {
        float start = (float)(w->index * 1000 + (uint32_t)round);
        if (!fill(w, w->memory, start)) return;
        for (int i = 0; i < 10; i++)
            if (!add_one(w, w->memory, w->other) || !add_one(w, w->other, w->memory)) return;
        if (!holds(w, w->memory, start + 20)) return;
    }
}

/* Streams, events and memory that come and go, used in between. */
static void comings_and_goings(worker *w) {
    tenonh_device *device = cf_under_test.device;
    for (uint32_t round = 0; round < 60; round++) {
        tenonh_memory *memory = NULL;
        tenonh_event *event = NULL;
        unsigned char back[257], want[257];
        memset(want, (int)(round + w->index), sizeof want);
        bool ran = good(w, tenonh_memory_create(device, 0, sizeof want, &memory), "allocate") &&
                   good(w, tenonh_event_create(device, &event), "create an event") &&
                   good(w, tenonh_stream_fill(w->stream, memory, 0, round + w->index, 1, sizeof want), "fill") &&
                   good(w, tenonh_event_record(event, w->stream), "record") &&
                   good(w, tenonh_event_synchronize(event), "synchronise with an event") &&
                   good(w, tenonh_stream_read(w->stream, back, memory, 0, sizeof want), "read") &&
                   good(w, tenonh_stream_synchronize(w->stream), "synchronise");
        if (ran && memcmp(back, want, sizeof want) != 0) (void)wrong(w, "new memory", round);
        tenonh_event_release(event);
        tenonh_memory_release(memory);
        if (!ran || w->text[0]) return;
    }
}

/* A stream of one's own, again and again: no more at a time than were made for the crew. */
static void streams_come_and_go(worker *w) {
    for (uint32_t round = 0; round < 40; round++) {
        tenonh_stream_release(w->stream);
        w->crew->held.streams[w->index] = w->stream = NULL;
        if (!good(w, tenonh_stream_create(cf_under_test.device, &w->stream), "create a stream")) return;
        w->crew->held.streams[w->index] = w->stream;
        if (!fill(w, w->memory, (float)round) || (round % 2 && !holds(w, w->memory, (float)round))) return;
    }
}

/* The turn goes round. A thread waits until the one before it has recorded, lets its stream wait for that event, adds one
 * and records in its turn: the events order what the threads only hand over. */
static void relay(worker *w) {
    crew *c = w->crew;
    tenonh_memory *sides[] = {c->workers[0].memory, c->workers[0].other};
    for (uint32_t round = 0; round < 12; round++) {
        uint32_t mine = round * w->count + w->index;
        (void)pthread_mutex_lock(&c->lock);
        while (c->turn != mine) (void)pthread_cond_wait(&c->turned, &c->lock);
        bool ran = mine ? good(w, tenonh_event_wait(w->stream, c->event), "wait") : fill(w, sides[0], 0);
        ran = ran && add_one(w, sides[mine % 2], sides[1 - mine % 2]) &&
              good(w, tenonh_event_record(c->event, w->stream), "record");
        if (ran && mine + 1 == 12 * w->count) (void)holds(w, sides[1 - mine % 2], (float)(mine + 1));
        c->turn++;
        (void)pthread_cond_broadcast(&c->turned);
        (void)pthread_mutex_unlock(&c->lock);
    }
}

/* One records again and again, the others ask: an event is for any thread. */
static void askers(worker *w) {
    tenonh_event *event = w->crew->event;
    for (uint32_t round = 0; round < 200; round++) {
        if (w->index == 0) {
            if (!fill(w, w->memory, (float)round) || !good(w, tenonh_event_record(event, w->stream), "record")) return;
        } else if (w->index % 2) {
            tenon_status status = tenonh_event_query(event);
            if (status != TENON_STATUS_NOT_READY && !good(w, status, "query")) return;
        } else if (!good(w, tenonh_event_synchronize(event), "synchronise with an event")) {
            return;
        }
    }
}

/* Each prepares work of its own, then all the same, while others launch. */
static void prepares(worker *w) {
    static const tenon_op ops[] = {TENON_OP_ADD, TENON_OP_SUB, TENON_OP_MUL, TENON_OP_MAX};
    float a = 6, b = 3;
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t which = round ? 0 : w->index % 4;
        const float wants[] = {a + b, a - b, a * b, a};
        cf_launch launch = {0};
        bool ran =
            good(w, cf_launch_map(&launch, ops[which], TENON_DTYPE_F32, COUNT), "prepare") && fill(w, w->memory, a) &&
            fill(w, w->ones, b) &&
            good(w, cf_launch_enqueue(&launch, w->stream, (cf_place[]){{w->memory, 0}, {w->ones, 0}, {w->other, 0}}),
                 "launch") &&
            holds(w, w->other, wants[which]);
        if (w->stream) (void)tenonh_stream_synchronize(w->stream);
        cf_launch_release(&launch);
        if (!ran) return;
    }
}

/* The same, of work that is not prepared yet. */
static void prepares_anew(worker *w) {
    if (w->index == 0) (void)tenonh_device_trim(cf_under_test.device, NULL);
    (void)pthread_barrier_wait(&w->crew->start);
    prepares(w);
}

void cf_threads(void) {
    run_crew("copies", "REQ-STREAM-02", copies);
    run_crew("launches_of_one_exec", "REQ-WORK-03", launches);
    run_crew("comings_and_goings", "REQ-STREAM-01 REQ-EVENT-01", comings_and_goings);
    run_crew("streams_come_and_go", "REQ-STREAM-01", streams_come_and_go);
    run_crew("relay", "REQ-EVENT-03", relay);
    run_crew("askers", "REQ-EVENT-04", askers);
    run_crew("prepares", "REQ-WORK-08", prepares);
    run_crew("prepares_anew", "REQ-WORK-08", prepares_anew);
}
