/* REQ-STREAM-01, 02, 04: what is enqueued happens in order, within a stream and across streams; queries answer at once;
 * streams end after their work.
 *
 * Every row of order puts work that takes a while ahead of what must not come too early, so that a wait that is left out
 * shows each time: what is read, or overwritten, is then the old bytes. */
#include <string.h>
#include <time.h>

#include "cases/cases.h"
#include "cases/runtime.h"

/* -- Order -------------------------------------------------------------------------------------------------------- */

/* X(NAME, "name", rules): how what comes second is made to wait for what comes first. */
#define METHODS(X)                                                                                                     \
    X(SAME_STREAM, "same_stream", "REQ-STREAM-02")                                                                     \
    X(EVENT_WAIT, "event_wait", "REQ-EVENT-03")                                                                        \
    X(EVENT_SYNCHRONIZE, "event_synchronize", "REQ-EVENT-04")                                                          \
    X(EVENT_QUERY, "event_query", "REQ-EVENT-04")                                                                      \
    X(STREAM_SYNCHRONIZE, "stream_synchronize", "REQ-STREAM-02")                                                       \
    X(STREAM_QUERY, "stream_query", "REQ-STREAM-04")

#define METHOD_CONSTANT(NAME, name, rules) NAME,
enum { METHODS(METHOD_CONSTANT) METHOD_COUNT };
static const struct {
    const char *name, *rules;
} methods[] = {
#define METHOD_ROW(NAME, name, rules) {name, rules},
    METHODS(METHOD_ROW)};

enum { BY_WRITE, BY_FILL, BY_COPY, BY_LAUNCH, WAYS };
static const char *const put_names[] = {"write", "fill", "copy_to", "launch_to"};
enum { READ_BACK, COPY_AWAY, LAUNCH_ON, READS };
static const char *const get_names[] = {"read", "copy_from", "launch_from"};

enum { COUNT = 1021, BYTES = COUNT * sizeof(float), OLD = 1, FIRST = 2, SECOND = 3, VALUES = 4 };

/* A token that is overwritten and read, and the floats that it may hold: OLD before, FIRST and SECOND by the row. */
typedef struct order_row {
    cf_held held;
    cf_busy busy;
    tenonh_stream *first, *second;
    tenonh_event *event;
    tenonh_memory *token, *taken;
    tenonh_memory *values[VALUES]; /* each full of its number */
    float *host[VALUES];
    float *back;
    cf_launch *add; /* token = value + zero */
} order_row;

static uint32_t bits_of(uint32_t value) {
    uint32_t bits;
    float f = (float)value;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static bool open_order(order_row *r, uint32_t kind) {
    *r = (order_row){0};
    r->first = cf_stream(&r->held);
    r->second = cf_other_stream(&r->held, r->first);
    r->event = cf_event(&r->held);
    r->token = cf_memory(&r->held, 0, BYTES);
    r->taken = cf_memory(&r->held, 0, BYTES);
    r->add = cf_map(&r->held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
    r->back = cf_block(&r->held, BYTES);
    for (uint32_t v = 0; v < VALUES; v++) {
        r->host[v] = cf_block(&r->held, BYTES);
        for (int i = 0; i < COUNT; i++) r->host[v][i] = (float)v;
        r->values[v] = cf_memory(&r->held, 0, BYTES);
        if (cf_failed() || !cf_put(r->first, r->values[v], 0, r->host[v], BYTES)) return false;
    }
    return cf_put(r->first, r->token, 0, r->host[OLD], BYTES) && cf_put(r->first, r->taken, 0, r->host[0], BYTES) &&
           cf_busy_make(&r->held, r->first, kind, CF_BUSY_MILLISECONDS, &r->busy);
}

/* Makes the token hold `value`. */
static bool put(order_row *r, tenonh_stream *stream, uint32_t way, uint32_t value) {
    const cf_place places[] = {{r->values[value], 0}, {r->values[0], 0}, {r->token, 0}};
    switch (way) {
    case BY_WRITE: return cf_good(tenonh_stream_write(stream, r->token, 0, r->host[value], BYTES), "write");
    case BY_FILL: return cf_good(tenonh_stream_fill(stream, r->token, 0, bits_of(value), 4, BYTES), "fill");
    case BY_COPY: return cf_good(tenonh_stream_copy(stream, r->token, 0, r->values[value], 0, BYTES), "copy");
    default: return cf_good(cf_launch_enqueue(r->add, stream, places), "launch");
    }
}

/* Takes what the token holds then. */
static bool get(order_row *r, tenonh_stream *stream, uint32_t way) {
    const cf_place places[] = {{r->token, 0}, {r->values[0], 0}, {r->taken, 0}};
    switch (way) {
    case READ_BACK: return cf_good(tenonh_stream_read(stream, r->back, r->token, 0, BYTES), "read");
    case COPY_AWAY: return cf_good(tenonh_stream_copy(stream, r->taken, 0, r->token, 0, BYTES), "copy");
    default: return cf_good(cf_launch_enqueue(r->add, stream, places), "launch");
    }
}

static void check_taken(order_row *r, uint32_t way, uint32_t value) {
    if (way != READ_BACK && !cf_get(r->second, r->taken, 0, r->back, BYTES)) return;
    cf_same(r->back, r->host[value], BYTES, value == OLD ? "what was read before it was overwritten" : "what was read");
}

static void check_token(order_row *r, uint32_t value) {
    if (cf_get(r->second, r->token, 0, r->back, BYTES))
        cf_same(r->back, r->host[value], BYTES, "what was written last");
}

/* Asks until the answer is another than NOT_READY; fails the row when that takes too long. */
static bool poll(tenonh_event *event, tenonh_stream *stream) {
    uint64_t limit = tenon__now() + UINT64_C(60000000000);
    const struct timespec pause = {.tv_nsec = 200000};
    for (;;) {
        tenon_status status = event ? tenonh_event_query(event) : tenonh_stream_query(stream);
        if (status != TENON_STATUS_NOT_READY) return cf_good(status, "query");
        if (tenon__now() > limit) {
            cf_fail("query still answers NOT_READY after a minute");
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
}

/* Makes the second stream wait for what the first has been given. */
static bool order(order_row *r, uint32_t method) {
    switch (method) {
    case SAME_STREAM: r->second = r->first; return true;
    case STREAM_SYNCHRONIZE: return cf_good(tenonh_stream_synchronize(r->first), "synchronise");
    case STREAM_QUERY: return poll(NULL, r->first);
    default: break;
    }
    if (!cf_good(tenonh_event_record(r->event, r->first), "record")) return false;
    if (method == EVENT_QUERY) return poll(r->event, NULL);
    if (method == EVENT_SYNCHRONIZE) return cf_good(tenonh_event_synchronize(r->event), "synchronise with an event");
    return cf_good(tenonh_event_wait(r->second, r->event), "wait for an event");
}

static bool finish(order_row *r) {
    return cf_good(tenonh_stream_synchronize(r->second), "synchronise the second stream") &&
           cf_good(tenonh_stream_synchronize(r->first), "synchronise the first stream");
}

/* Busy, then a write, then a read that must see it. */
static void run_read_after_write(uint32_t method, uint32_t way, uint32_t read, uint32_t kind) {
    order_row r;
    if (!cf_begin_for(methods[method].rules, "%s_%s_then_%s", methods[method].name, put_names[way], get_names[read]))
        return;
    if (open_order(&r, kind) && cf_busy_enqueue(&r.busy, r.first) && put(&r, r.first, way, FIRST) &&
        order(&r, method) && get(&r, r.second, read) && finish(&r))
        check_taken(&r, read, FIRST);
    cf_let_go(&r.held);
}

/* Busy, then a read, then a write that must not come before it. */
static void run_write_after_read(uint32_t method, uint32_t way, uint32_t read, uint32_t kind) {
    order_row r;
    if (!cf_begin_for(methods[method].rules, "%s_%s_then_%s", methods[method].name, get_names[read], put_names[way]))
        return;
    if (open_order(&r, kind) && cf_busy_enqueue(&r.busy, r.first) && get(&r, r.first, read) && order(&r, method) &&
        put(&r, r.second, way, SECOND) && finish(&r)) {
        check_taken(&r, read, OLD);
        check_token(&r, SECOND);
    }
    cf_let_go(&r.held);
}

/* Busy, then a write, then another that must stay. */
static void run_write_after_write(uint32_t method, uint32_t way, uint32_t kind) {
    order_row r;
    uint32_t other = (way + 1) % WAYS;
    if (!cf_begin_for(methods[method].rules, "%s_%s_then_%s", methods[method].name, put_names[way], put_names[other]))
        return;
    if (open_order(&r, kind) && cf_busy_enqueue(&r.busy, r.first) && put(&r, r.first, way, FIRST) &&
        order(&r, method) && put(&r, r.second, other, SECOND) && finish(&r))
        check_token(&r, SECOND);
    cf_let_go(&r.held);
}

void cf_order(void) {
    for (uint32_t method = 0; method < METHOD_COUNT; method++)
        for (uint32_t way = 0; way < WAYS; way++) {
            for (uint32_t read = 0; read < READS; read++) {
                run_read_after_write(method, way, read, (way + read) % CF_BY_COUNT);
                run_write_after_read(method, way, read, (way + read + 1) % CF_BY_COUNT);
            }
            run_write_after_write(method, way, way % CF_BY_COUNT);
        }
}

/* -- Queues ------------------------------------------------------------------------------------------------------- */

/* More commands than a queue is likely to hold: nobody is lost, the last one wins. */
static void long_queue_of_fills(void) {
    enum { FILLS = 12000, SIZE = 4096 };
    uint32_t got[2] = {0};
    if (!cf_begin("long_queue_of_fills")) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *memory = cf_memory(&held, 0, SIZE);
    for (uint32_t i = 0; i < FILLS && !cf_failed(); i++) {
        cf_good(tenonh_stream_fill(stream, memory, 0, i, 4, i % 50 ? 8 : SIZE), "fill");
        if (i % 500 == 0) cf_good(tenonh_stream_copy(stream, memory, 64, memory, 0, 8), "copy");
    }
    cf_get(stream, memory, 0, got, sizeof got);
    if (got[0] != FILLS - 1 || got[1] != FILLS - 1) cf_fail("the last fill left %u and %u", got[0], got[1]);
    cf_let_go(&held);
}

/* Each launch adds one to what the launch before it gave: any that is lost, doubled or early leaves another sum. */
static void run_chain(uint32_t length, int64_t count) {
    if (!cf_begin("chain_of_%u_launches_on_%lld", length, (long long)count)) return;
    cf_held held = {0};
    uint64_t size = (uint64_t)count * sizeof(float);
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *sides[] = {cf_memory(&held, 0, size), cf_memory(&held, 0, size)}, *ones = cf_memory(&held, 0, size);
    cf_launch *add = cf_map(&held, TENON_OP_ADD, TENON_DTYPE_F32, count);
    float *back = cf_block(&held, size);
    cf_good(tenonh_stream_fill(stream, sides[0], 0, 0, 4, size), "fill");
    cf_good(tenonh_stream_fill(stream, ones, 0, bits_of(1), 4, size), "fill");
    for (uint32_t i = 0; i < length && add && !cf_failed(); i++) {
        const cf_place places[] = {{sides[i % 2], 0}, {ones, 0}, {sides[1 - i % 2], 0}};
        cf_good(cf_launch_enqueue(add, stream, places), "launch");
    }
    cf_get(stream, sides[length % 2], 0, back, size);
    for (int64_t i = 0; i < count && !cf_failed(); i++)
        if (back[i] != (float)length) cf_fail("element %lld is %g", (long long)i, (double)back[i]);
    cf_let_go(&held);
}

/* Write, launch, read, with new bytes at the same places each time and one wait at the end. */
static void write_launch_read(void) {
    enum { ROUNDS = 60 };
    if (!cf_begin("write_launch_read_without_waiting")) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *x = cf_memory(&held, 0, BYTES), *y = cf_memory(&held, 0, BYTES);
    cf_launch *add = cf_map(&held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
    float *in = cf_block(&held, (uint64_t)ROUNDS * BYTES), *out = cf_block(&held, (uint64_t)ROUNDS * BYTES);
    for (int i = 0; i < ROUNDS * COUNT; i++) in[i] = (float)i;
    for (int round = 0; round < ROUNDS && add && !cf_failed(); round++) {
        cf_good(tenonh_stream_write(stream, x, 0, in + round * COUNT, BYTES), "write");
        cf_good(cf_launch_enqueue(add, stream, (cf_place[]){{x, 0}, {x, 0}, {y, 0}}), "launch");
        cf_good(tenonh_stream_read(stream, out + round * COUNT, y, 0, BYTES), "read");
    }
    cf_good(tenonh_stream_synchronize(stream), "synchronise");
    for (int i = 0; i < ROUNDS * COUNT && !cf_failed(); i++)
        if (out[i] != in[i] * 2) cf_fail("element %d of round %d is %g", i % COUNT, i / COUNT, (double)out[i]);
    cf_let_go(&held);
}

void cf_queues(void) {
    long_queue_of_fills();
    run_chain(3, 1);
    run_chain(64, 17);
    run_chain(1000, 257);
    run_chain(33, 70001);
    write_launch_read();
}

/* -- Queries ------------------------------------------------------------------------------------------------------ */

typedef struct query_row {
    tenonh_stream *stream;
    cf_busy busy;
} query_row;

static void idle_is_ok(void) {
    if (!cf_begin("an_idle_stream_is_ok")) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    cf_good(tenonh_stream_query(stream), "query of a new stream");
    cf_good(tenonh_stream_synchronize(stream), "synchronise a new stream");
    cf_good(tenonh_stream_query(stream), "query after synchronise");
    cf_let_go(&held);
}

/* Once the query is not NOT_READY, what was enqueued is in the host's memory: without another wait. */
static void run_ok_is_done(uint32_t kind) {
    if (!cf_begin("ok_means_done_%s", kind == CF_BY_COPIES ? "copies" : "launches")) return;
    order_row r;
    for (int i = 0; i < 3 && !cf_failed(); i++) {
        if (open_order(&r, kind) && cf_busy_enqueue(&r.busy, r.first) && put(&r, r.first, BY_FILL, FIRST) &&
            get(&r, r.first, READ_BACK) && poll(NULL, r.first))
            cf_same(r.back, r.host[FIRST], BYTES, "what was read, once the query answers OK");
        cf_let_go(&r.held);
    }
}

static enum cf_promptness query_once(void *context) {
    const query_row *r = context;
    if (!cf_busy_enqueue(&r->busy, r->stream)) return CF_UNTOLD;
    uint64_t start = tenon__now();
    tenon_status status = tenonh_stream_query(r->stream);
    uint64_t asked = tenon__now() - start;
    if (status != TENON_STATUS_NOT_READY) cf_good(status, "query");
    cf_good(tenonh_stream_synchronize(r->stream), "synchronise");
    return cf_promptness_of(&r->busy, asked, status == TENON_STATUS_NOT_READY);
}

static void run_query_never_blocks(uint32_t kind) {
    query_row r;
    if (!cf_begin("query_never_blocks_%s", kind == CF_BY_COPIES ? "copies" : "launches")) return;
    if (!cf_under_test.device->hooks->stream.query) {
        cf_not_applicable("the plugin has no stream.query; the host synchronises");
        return;
    }
    cf_held held = {0};
    r.stream = cf_stream(&held);
    if (cf_busy_make(&held, r.stream, kind, CF_BUSY_MILLISECONDS, &r.busy)) cf_expect_prompt(query_once, &r, "query");
    cf_let_go(&held);
}

void cf_queries(void) {
    idle_is_ok();
    for (uint32_t kind = 0; kind < CF_BY_COUNT; kind++) {
        run_ok_is_done(kind);
        run_query_never_blocks(kind);
    }
}

/* -- Life --------------------------------------------------------------------------------------------------------- */

/* Destroying a stream waits for its work: what it was to read is there, without another wait. */
static void run_destroy_waits(uint32_t kind) {
    order_row r;
    if (!cf_begin("destroy_waits_%s", kind == CF_BY_COPIES ? "copies" : "launches")) return;
    if (open_order(&r, kind) && cf_busy_enqueue(&r.busy, r.first) && put(&r, r.first, BY_COPY, FIRST) &&
        get(&r, r.first, READ_BACK)) {
        tenonh_stream *gone = r.first;
        r.held.streams[0] = cf_under_test.stream = NULL;
        if (r.second == gone) r.second = NULL;
        tenonh_stream_release(gone);
        cf_same(r.back, r.host[FIRST], BYTES, "what was read, once the stream is destroyed");
    }
    cf_let_go(&r.held);
}

/* As many streams as the device declares, or a good number, all in use at once, each with bytes of its own. */
static void many_streams(void) {
    enum { MOST = 32, SIZE = 40000 };
    if (!cf_begin("many_streams_at_once")) return;
    cf_held held = {0};
    uint32_t declared = tenonh_device_info(cf_under_test.device)->max_streams;
    uint32_t count = declared && declared < MOST ? declared : MOST;
    unsigned char *want = cf_block(&held, SIZE), *back = cf_block(&held, SIZE);
    for (uint32_t i = 0; i < count && !cf_failed(); i++) {
        tenonh_stream *stream = cf_stream(&held);
        tenonh_memory *memory = cf_memory(&held, 0, SIZE);
        for (uint32_t k = 0; k < 4; k++)
            cf_good(tenonh_stream_fill(stream, memory, 0, k == 3 ? i : 0x77, 1, SIZE), "fill");
    }
    for (uint32_t i = 0; i < held.stream_count && !cf_failed(); i++) {
        memset(want, (int)i, SIZE);
        cf_get(held.streams[i], held.memories[i], 0, back, SIZE);
        cf_same(back, want, SIZE, "what one of many streams wrote");
    }
    cf_let_go(&held);
}

/* One more than declared is OUT_OF_MEMORY, and one that goes makes room. */
static void no_more_than_declared(void) {
    uint32_t most = tenonh_device_info(cf_under_test.device)->max_streams;
    if (!cf_begin("no_more_streams_than_declared")) return;
    if (most == 0 || most >= CF_HELD_MOST) {
        cf_not_applicable("max_streams is %u", most);
        return;
    }
    cf_held held = {0};
    tenonh_stream *extra = NULL;
    tenon_stream *plugins_own = NULL;
    const tenon_stream_hooks *hooks = &cf_under_test.device->hooks->stream;
    for (uint32_t i = 0; i < most; i++) (void)cf_stream(&held);
    /* The host counts, too: what the plugin itself says, only its hook tells. */
    tenon_status status = hooks->create(cf_under_test.device->handle, &plugins_own);
    cf_answers(status, TENON_STATUS_OUT_OF_MEMORY, "the plugin, asked for one stream more");
    if (status == TENON_STATUS_OK && plugins_own) hooks->destroy(plugins_own);
    cf_answers(tenonh_stream_create(cf_under_test.device, &extra), TENON_STATUS_OUT_OF_MEMORY, "one stream more");
    tenonh_stream_release(extra);
    tenonh_stream_release(held.streams[0]);
    held.streams[0] = NULL;
    if (cf_good(tenonh_stream_create(cf_under_test.device, &held.streams[0]), "one stream, after another went"))
        cf_good(tenonh_stream_synchronize(held.streams[0]), "synchronise");
    cf_let_go(&held);
}

void cf_stream_life(void) {
    run_destroy_waits(CF_BY_COPIES);
    run_destroy_waits(CF_BY_LAUNCHES);
    many_streams();
    no_more_than_declared();
}
