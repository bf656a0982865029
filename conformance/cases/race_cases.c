/* REQ-WORK-03, REQ-ABI-06: small launches without a pause, by many threads at once, each of an exec, a stream and memory of
 * its own. What launches share in the plugin (a static array of arguments, say) is wrong for a few instructions of each, and
 * two threads must be there at the same time: only very many launches meet, on a machine with two cores too. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cases/cases.h"
#include "cases/runtime.h"

enum {
    MOST_RACERS = 8,
    MOST_ELEMENTS = 1024,
    MOST_BYTES = MOST_ELEMENTS * sizeof(float),
    ROUND = 32, /* steps from one look at the results to the next, even */
    MOST_ROUNDS = 20000,
    MILLISECONDS = 1200
};

typedef struct race race;

/* One thread: it adds one to its elements again and again, there and back between two sides. Made and judged by the main
 * thread. */
typedef struct racer {
    race *race;
    uint32_t index;
    uint32_t kind;  /* the operator in front of the sum; see step */
    uint32_t count; /* elements, the rest of each side stays as it is */
    tenonh_stream *stream;
    tenonh_memory *sides[2], *ones, *truth, *between;
    cf_launch *first, *second;
    pthread_t thread;
    char text[256]; /* what went wrong; "" nothing */
} racer;

struct race {
    racer racers[MOST_RACERS];
    uint32_t count;
    pthread_barrier_t start;
    uint32_t over; /* atomic: something is wrong, or the time is up */
};

static bool told(racer *r, tenon_status status, const char *what) {
    if (status == TENON_STATUS_OK) return true;
    if (!r->text[0])
        snprintf(r->text, sizeof r->text, "%s: %s: %s", what, tenon_status_name(status), tenonh_error_message());
    return false;
}

static uint64_t now(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* -- Steps -------------------------------------------------------------------------------------------------------- */

/* What is in front of the sum: as many operands as are usual, so that launches differ in number and places of operands. */
enum { SUM_ALONE, NEGATED, SELECTED, MULTIPLIED, KINDS };
static const tenon_op first_ops[KINDS] = {TENON_OP_ADD, TENON_OP_NEG, TENON_OP_WHERE, TENON_OP_MUL};

static bool launch(racer *r, const cf_launch *what, const cf_place *places) {
    return told(r, cf_launch_enqueue(what, r->stream, places), "launch");
}

/* to = from + 1. A step that did something else, or nothing, shows at the end of the round: each counts on the last. */
static bool step(racer *r, tenonh_memory *from, tenonh_memory *to) {
    const cf_place x = {from, 0}, y = {to, 0}, one = {r->ones, 0}, truth = {r->truth, 0}, t = {r->between, 0};
    switch (r->kind) {
    case NEGATED: return launch(r, r->first, (cf_place[]){x, t}) && launch(r, r->second, (cf_place[]){one, t, y});
    case SELECTED:
        return launch(r, r->first, (cf_place[]){truth, x, one, t}) && launch(r, r->second, (cf_place[]){t, one, y});
    case MULTIPLIED:
        return launch(r, r->first, (cf_place[]){x, one, t}) && launch(r, r->second, (cf_place[]){one, t, y});
    default: return launch(r, r->first, (cf_place[]){x, one, y});
    }
}

static bool fill(racer *r, tenonh_memory *memory, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return told(r, tenonh_stream_fill(r->stream, memory, 0, bits, 4, MOST_BYTES), "fill");
}

/* The elements have been counted up, and what lies behind them is as it was. */
static bool check(racer *r, float start) {
    float back[MOST_ELEMENTS];
    if (!told(r, tenonh_stream_read(r->stream, back, r->sides[0], 0, sizeof back), "read") ||
        !told(r, tenonh_stream_synchronize(r->stream), "synchronise"))
        return false;
    for (uint32_t i = 0; i < MOST_ELEMENTS; i++) {
        float want = i < r->count ? start + ROUND : start;
        if (back[i] == want) continue;
        snprintf(r->text, sizeof r->text, "after %d launches of its own exec, element %u of %u is %g, not %g%s", ROUND,
                 i, r->count, (double)back[i], (double)want, i < r->count ? "" : ": it lies past the operand's end");
        return false;
    }
    return true;
}

static bool run_round(racer *r, float start) {
    if (!fill(r, r->sides[0], start)) return false;
    for (int i = 0; i < ROUND; i++)
        if (!step(r, r->sides[i % 2], r->sides[1 - i % 2])) return false;
    return check(r, start);
}

static void *enter(void *context) {
    racer *r = context;
    (void)pthread_barrier_wait(&r->race->start);
    uint64_t end = now() + MILLISECONDS;
    for (uint32_t round = 0; round < MOST_ROUNDS && now() < end; round++) {
        if (__atomic_load_n(&r->race->over, __ATOMIC_RELAXED)) break;
        if (run_round(r, (float)(r->index * 10000 + round % 100 * 50))) continue;
        __atomic_store_n(&r->race->over, 1, __ATOMIC_RELAXED);
        break;
    }
    (void)tenonh_stream_synchronize(r->stream);
    return NULL;
}

/* -- Races -------------------------------------------------------------------------------------------------------- */

static void equip(race *c, uint32_t kind, cf_held *held) {
    static const uint32_t counts[MOST_RACERS] = {1, 1021, 17, 64, 5, 255, 128, 333};
    racer *r = &c->racers[c->count];
    *r = (racer){.race = c, .index = c->count, .kind = kind, .count = counts[c->count % MOST_RACERS]};
    c->count++;
    r->stream = cf_stream(held);
    tenonh_memory **memories[] = {&r->sides[0], &r->sides[1], &r->ones, &r->truth, &r->between};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) *memories[i] = cf_memory(held, 0, MOST_BYTES);
    r->first = cf_map(held, first_ops[kind], TENON_DTYPE_F32, r->count);
    if (kind != SUM_ALONE)
        r->second = cf_map(held, kind == NEGATED ? TENON_OP_SUB : TENON_OP_ADD, TENON_DTYPE_F32, r->count);
    if (cf_failed()) return;
    cf_good(tenonh_stream_fill(r->stream, r->truth, 0, 1, 1, MOST_BYTES), "fill");
    if (!fill(r, r->ones, 1) || !fill(r, r->sides[1], 0) || !fill(r, r->between, 0)) cf_fail("%s", r->text);
    cf_good(tenonh_stream_synchronize(r->stream), "synchronise");
}

static void run(race *c) {
    if (cf_failed()) return;
    (void)pthread_barrier_init(&c->start, NULL, c->count);
    for (uint32_t i = 0; i < c->count; i++)
        if (pthread_create(&c->racers[i].thread, NULL, enter, &c->racers[i]) != 0) abort();
    for (uint32_t i = 0; i < c->count; i++) (void)pthread_join(c->racers[i].thread, NULL);
    (void)pthread_barrier_destroy(&c->start);
    for (uint32_t i = 0; i < c->count; i++)
        if (c->racers[i].text[0]) cf_fail("thread %u of %u: %s", i, c->count, c->racers[i].text);
}

/* Streams that a race may have at once on one device, up to `most`. */
static uint32_t places(uint32_t most) {
    uint32_t streams = tenonh_device_info(cf_under_test.device)->max_streams;
    return streams && streams < most ? streams : most;
}

static void own_execs(void) {
    race c = {0};
    if (!cf_begin_for("REQ-WORK-03 REQ-STREAM-02", "own_execs") || !cf_has_streams(2)) return;
    cf_held held = {0};
    for (uint32_t i = 0, count = places(MOST_RACERS); i < count; i++) equip(&c, i % KINDS, &held);
    run(&c);
    cf_let_go(&held);
}

/* Half of the threads work for another host of the plugin. */
static void two_hosts(void) {
    race c = {0};
    if (!cf_begin_for("REQ-ABI-06 REQ-WORK-03", "own_execs_of_two_hosts")) return;
    cf_second second;
    cf_held mine = {0}, other = {0};
    uint32_t count = places(MOST_RACERS / 2);
    for (uint32_t i = 0; i < count; i++) equip(&c, i % KINDS, &mine);
    if (cf_second_begin(&second, "")) {
        for (uint32_t i = 0; i < count; i++) equip(&c, (i + 1) % KINDS, &other);
        run(&c);
        cf_let_go(&other);
        cf_second_end(&second);
    }
    cf_let_go(&mine);
}

void cf_races(void) {
    own_execs();
    two_hosts();
}
