/* Threads x streams x events: what the sanitizers are to see. Every stream counts in memory of its own, and now and then
 * all that is read back must be its latest count, whatever the others did meanwhile. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, STREAMS = 3, EVENTS = 8, STEPS = 1500, CELL = 80000 };

static fixture f;
static tenon_event *events[EVENTS]; /* shared: anyone records, anyone waits */

typedef struct counter {
    tenon_stream *stream;
    tenon_memory *cell, *mirror;
    uint32_t value;
} counter;

static uint32_t next(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void begin(counter *c) {
    OK(plugin->stream->create(f.device, &c->stream));
    c->cell = fixture_memory(&f, CELL);
    c->mirror = fixture_memory(&f, CELL);
    c->value = 0;
    OK(plugin->stream->fill(c->stream, (tenon_buffer){c->cell, 0}, 0, 4, CELL));
}

static void end(counter *c) {
    plugin->stream->destroy(c->stream); /* pending work ends first */
    plugin->memory->release(f.device, c->cell);
    plugin->memory->release(f.device, c->mirror);
}

static void check(counter *c) {
    uint32_t first = ~0u, last = ~0u;
    OK(plugin->stream->copy(c->stream, (tenon_buffer){c->mirror, 0}, (tenon_buffer){c->cell, 0}, CELL));
    OK(plugin->stream->read(c->stream, &first, (tenon_buffer){c->mirror, 0}, 4));
    OK(plugin->stream->read(c->stream, &last, (tenon_buffer){c->mirror, CELL - 4}, 4));
    OK(plugin->stream->synchronize(c->stream));
    ck_assert_uint_eq(first, c->value);
    ck_assert_uint_eq(last, c->value);
}

static void step(counter *c, uint32_t *random) {
    tenon_event *event = events[next(random) % EVENTS];
    tenon_status status;
    switch (next(random) % 8) {
    case 0: OK(plugin->event->record(event, c->stream)); break;
    case 1: OK(plugin->event->wait(c->stream, event)); break;
    case 2:
        status = plugin->event->query(event);
        ck_assert(status == TENON_STATUS_OK || status == TENON_STATUS_NOT_READY);
        break;
    case 3:
        status = plugin->stream->query(c->stream);
        ck_assert(status == TENON_STATUS_OK || status == TENON_STATUS_NOT_READY);
        break;
    case 4:
        if (next(random) % 8 == 0) check(c);
        break;
    case 5:
        if (next(random) % 16 == 0) OK(plugin->event->synchronize(event));
        if (next(random) % 32 == 0) {
            end(c);
            begin(c);
        }
        break;
    default: c->value++; OK(plugin->stream->fill(c->stream, (tenon_buffer){c->cell, 0}, c->value, 4, CELL));
    }
}

static void *run(void *argument) {
    uint32_t random = 2463534242u + (uint32_t)(uintptr_t)argument * 7919u;
    counter counters[STREAMS];
    for (int i = 0; i < STREAMS; i++) begin(&counters[i]);
    for (int i = 0; i < STEPS; i++) step(&counters[next(&random) % STREAMS], &random);
    for (int i = 0; i < STREAMS; i++) check(&counters[i]);
    for (int i = 0; i < STREAMS; i++) end(&counters[i]);
    return NULL;
}

START_TEST(threads_streams_events) {
    pthread_t threads[THREADS];
    fixture_open(&f);
    for (int i = 0; i < EVENTS; i++) OK(plugin->event->create(f.device, &events[i]));
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < EVENTS; i++) plugin->event->destroy(events[i]);
    fixture_close(&f);
    ck_assert_int_eq(fixture_allocations(), 0);
}
END_TEST

/* Devices open and close while others work: the pool is shared and outlives none of them. */
static void *open_and_close(void *argument) {
    (void)argument;
    for (int i = 0; i < 30; i++) {
        fixture own;
        fixture_open(&own);
        tenon_memory *memory = fixture_memory(&own, CELL);
        OK(plugin->stream->fill(own.stream, (tenon_buffer){memory, 0}, (uint64_t)i, 4, CELL));
        if (i % 2) OK(plugin->stream->synchronize(own.stream));
        plugin->stream->destroy(own.stream);
        ck_assert_int_eq(fixture_address(&own, memory)[CELL - 4], i);
        plugin->memory->release(own.device, memory);
        OK(plugin->stream->create(own.device, &own.stream));
        fixture_close(&own);
    }
    return NULL;
}

START_TEST(devices_come_and_go) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_close, NULL), 0);
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(fixture_allocations(), 0);
}
END_TEST

static Suite *suite(void) {
    Suite *made = suite_create("cpu stress");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, threads_streams_events);
    tcase_add_test(cases, devices_come_and_go);
    suite_add_tcase(made, cases);
    return made;
}

int main(void) {
    fixture_load();
    return fixture_main(suite());
}
