/* REQ-MEM-04, REQ-STREAM-01, REQ-EVENT-01, REQ-DEV-02, 05, REQ-ABI-06, 12, REQ-WORK-05: what comes and goes leaves nothing
 * behind, in any order, and what is opened beside it is not disturbed. */
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

static const tenon__hooks *hooks(void) {
    return cf_under_test.device->hooks;
}

/* -- Storms ------------------------------------------------------------------------------------------------------- */

enum { BYTES = 4099, LARGE = 100003 /* more than is done in passing */, COUNT = 257 };

/* What the rounds of a storm use. */
typedef struct storm {
    cf_held held;
    tenonh_stream *stream;
    tenonh_memory *memory, *out;
    cf_launch *add;
    tenonh_event *event;
    void *pages;
} storm;

static void used_stream(storm *s) {
    tenonh_stream *stream = NULL;
    cf_good(tenonh_stream_create(cf_under_test.device, &stream), "create a stream");
    cf_good(tenonh_stream_fill(stream, s->memory, 0, 1, 1, LARGE), "fill");
    cf_good(tenonh_stream_copy(stream, s->out, 0, s->memory, 0, LARGE), "copy");
    cf_good(tenonh_stream_synchronize(stream), "synchronise");
    tenonh_stream_release(stream);
}

static void unused_stream(storm *s) {
    tenonh_stream *stream = NULL;
    (void)s;
    cf_good(tenonh_stream_create(cf_under_test.device, &stream), "create a stream");
    tenonh_stream_release(stream);
}

static void recorded_event(storm *s) {
    tenonh_event *event = NULL;
    cf_good(tenonh_event_create(cf_under_test.device, &event), "create an event");
    cf_good(tenonh_event_record(event, s->stream), "record");
    cf_good(tenonh_event_wait(s->stream, event), "wait");
    cf_good(tenonh_event_synchronize(event), "synchronise");
    tenonh_event_release(event);
}

static void unrecorded_event(storm *s) {
    tenonh_event *event = NULL;
    (void)s;
    cf_good(tenonh_event_create(cf_under_test.device, &event), "create an event");
    tenonh_event_release(event);
}

static void record_again(storm *s) {
    for (int i = 0; i < 4; i++) cf_good(tenonh_event_record(s->event, s->stream), "record");
    cf_good(tenonh_event_wait(s->stream, s->event), "wait");
    cf_good(tenonh_stream_synchronize(s->stream), "synchronise");
}

static void used_memory(storm *s) {
    tenonh_memory *memory = NULL;
    cf_good(tenonh_memory_create(cf_under_test.device, 0, BYTES, &memory), "allocate");
    cf_good(tenonh_stream_fill(s->stream, memory, 0, 1, 1, BYTES), "fill");
    cf_good(tenonh_stream_synchronize(s->stream), "synchronise");
    tenonh_memory_release(memory);
}

static void refused_memory(storm *s) {
    tenonh_memory *memory = NULL;
    (void)s;
    cf_answers(tenonh_memory_create(cf_under_test.device, 0, (uint64_t)1 << 62, &memory), TENON_STATUS_OUT_OF_MEMORY,
               "allocate 2^62 bytes");
}

static void mapped_memory(storm *s) {
    void *pointer = NULL;
    tenon_status status = tenonh_memory_map(s->memory, 0, BYTES, &pointer);
    if (status == TENON_STATUS_UNSUPPORTED)
        cf_not_applicable("memory type 0 is not mappable");
    else if (cf_good(status, "map"))
        cf_good(tenonh_memory_unmap(s->memory), "unmap");
}

static void copies(storm *s) {
    unsigned char bytes[BYTES];
    cf_good(tenonh_stream_write(s->stream, s->memory, 0, memset(bytes, 3, BYTES), BYTES), "write");
    cf_good(tenonh_stream_copy(s->stream, s->out, 0, s->memory, 0, s->memory->size), "copy");
    cf_good(tenonh_stream_read(s->stream, bytes, s->out, 0, BYTES), "read");
    cf_good(tenonh_stream_synchronize(s->stream), "synchronise");
}

static void launches(storm *s) {
    const cf_place places[] = {{s->memory, 0}, {s->memory, 0}, {s->out, 0}};
    for (int i = 0; i < 4; i++) cf_good(cf_launch_enqueue(s->add, s->stream, places), "launch");
    cf_good(tenonh_stream_synchronize(s->stream), "synchronise");
}

static void refused_copies(storm *s) {
    tenon_buffer at = {s->memory->handle, s->memory->padded};
    unsigned char byte = 0;
    cf_answers(hooks()->stream.write(s->stream->handle, at, &byte, 1), TENON_STATUS_INVALID, "write past the end");
}

static void refused_works(storm *s) {
    const tenon_op_work op = {.struct_size = sizeof op, .op = TENON_OP_LIMIT - 1};
    const tenon_work work = {.struct_size = sizeof work, .kind = TENON_WORK_OP, .op = &op};
    tenon_exec_info info = {.struct_size = sizeof info};
    tenon_exec *exec = NULL;
    (void)s;
    cf_answers(hooks()->work.prepare(cf_under_test.device->handle, &work, &info, &exec), TENON_STATUS_UNSUPPORTED,
               "prepare an operator that there is none of");
}

static void execs(storm *s) {
    cf_launch launch = {0};
    (void)tenonh_device_trim(cf_under_test.device, NULL);
    cf_good(cf_launch_map(&launch, TENON_OP_MUL, TENON_DTYPE_F32, COUNT), "prepare");
    cf_good(cf_launch_enqueue(&launch, s->stream, (cf_place[]){{s->memory, 0}, {s->memory, 0}, {s->out, 0}}), "launch");
    cf_good(tenonh_stream_synchronize(s->stream), "synchronise");
    cf_launch_release(&launch);
    (void)tenonh_device_trim(cf_under_test.device, NULL);
}

/* A device of its own, with a stream and memory, through the plugin's hooks. */
static void devices(storm *s) {
    tenon_device *device = NULL;
    tenon_stream *stream = NULL;
    tenon_memory *memory = NULL;
    unsigned char bytes[64] = {0};
    tenonh_device *mine = cf_under_test.device;
    const uint64_t unit = mine->types[0].flush_unit, size = (sizeof bytes + unit - 1) / unit * unit;
    (void)s;
    if (!cf_good(hooks()->device.open(mine->plugin->instance, mine->index, &device), "open")) return;
    if (cf_good(hooks()->stream.create(device, &stream), "create a stream") &&
        cf_good(hooks()->memory.allocate(device, 0, size, &memory), "allocate")) {
        cf_good(hooks()->stream.write(stream, (tenon_buffer){memory, 0}, bytes, sizeof bytes), "write");
        cf_good(hooks()->stream.synchronize(stream), "synchronise");
    }
    if (stream) hooks()->stream.destroy(stream);
    if (memory) hooks()->memory.release(device, memory);
    hooks()->device.close(device);
}

static void hosts(storm *s) {
    cf_second second;
    cf_held held = {0};
    (void)s;
    if (!cf_second_begin(&second, "")) return;
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *memory = cf_memory(&held, 0, BYTES);
    cf_good(tenonh_stream_fill(stream, memory, 0, 1, 1, BYTES), "fill");
    cf_let_go(&held);
    cf_second_end(&second);
}

/* `rounds` of them are measured after as many that warm up whatever is kept for later. */
static const struct storm_row {
    const char *name, *requirements;
    void (*round)(storm *);
    uint32_t rounds;
} storms[] = {
    {"used_stream", "REQ-STREAM-01 REQ-ABI-12", used_stream, 200},
    {"unused_stream", "REQ-STREAM-01 REQ-ABI-12", unused_stream, 200},
    {"recorded_event", "REQ-EVENT-01 REQ-ABI-12", recorded_event, 500},
    {"unrecorded_event", "REQ-EVENT-01 REQ-ABI-12", unrecorded_event, 500},
    {"event_recorded_again", "REQ-EVENT-02 REQ-ABI-12", record_again, 500},
    {"used_memory", "REQ-MEM-04 REQ-ABI-12", used_memory, 500},
    {"refused_memory", "REQ-MEM-03 REQ-ABI-12", refused_memory, 200},
    {"mapped_memory", "REQ-MEM-05 REQ-ABI-12", mapped_memory, 500},
    {"copies", "REQ-STREAM-05 REQ-ABI-12", copies, 500},
    {"refused_copies", "REQ-STREAM-05 REQ-ABI-12", refused_copies, 200},
    {"refused_works", "REQ-WORK-02 REQ-ABI-12", refused_works, 200},
    {"launches", "REQ-WORK-04 REQ-ABI-12", launches, 300},
    {"execs", "REQ-WORK-05 REQ-ABI-12", execs, 8},
    {"devices", "REQ-DEV-02 REQ-DEV-05", devices, 12},
    {"hosts", "REQ-ABI-06 REQ-ABI-12", hosts, 4},
};

static bool open_storm(storm *s) {
    cf_make_place();
    s->stream = tenonh_device_info(cf_under_test.device)->max_streams == 1 ? NULL : cf_stream(&s->held);
    s->memory = cf_memory(&s->held, 0, LARGE);
    s->out = cf_memory(&s->held, 0, LARGE);
    s->event = cf_event(&s->held);
    s->add = cf_map(&s->held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
    return !cf_failed();
}

/* A device with one stream has it in a storm of streams only while a round lasts. */
static void storm_rounds(const struct storm_row *row, storm *s) {
    bool makes_streams = row->round == used_stream || row->round == unused_stream;
    if (!s->stream && !makes_streams) s->stream = cf_stream(&s->held);
    for (uint32_t i = 0; i < row->rounds && !cf_failed(); i++) row->round(s);
}

/* A little more now and then is a cache that fills, or another thread's; each round, and every time, is a leak. */
static bool grew(const struct storm_row *row, const cf_holdings *before, const cf_holdings *after) {
    uint64_t bytes = (uint64_t)row->rounds * 16;
    return after->heap > before->heap + bytes + 4096 || after->host_bytes > before->host_bytes + bytes ||
           after->files > before->files + row->rounds / 4 || after->threads > before->threads + row->rounds / 4;
}

/* Catches: a destroy, release or close that keeps something; work, refusals or records that leave something each time. */
static void run_storm(const struct storm_row *row) {
    enum { TRIES = 4 };
    storm s = {0};
    int grown = 0;
    cf_holdings before = {0}, after = {0};
    if (!cf_begin_for(row->requirements, "storm_of_%s", row->name)) return;
    if (open_storm(&s)) storm_rounds(row, &s);
    while (grown < TRIES && !cf_failed()) {
        before = cf_look();
        storm_rounds(row, &s);
        after = cf_look();
        if (!grew(row, &before, &after)) break;
        grown++;
    }
    if (grown == TRIES)
        cf_fail("%u rounds leave %lld bytes of heap, %lld of the host's, %d files, %d threads, %d times", row->rounds,
                (long long)(after.heap - before.heap), (long long)(after.host_bytes - before.host_bytes),
                (int)(after.files - before.files), (int)(after.threads - before.threads), grown);
    cf_let_go(&s.held);
}

void cf_storms(void) {
    for (size_t i = 0; i < sizeof storms / sizeof *storms; i++) run_storm(&storms[i]);
}

/* -- Orders ------------------------------------------------------------------------------------------------------- */

enum { STREAM, EVENT, MEMORY, EXEC, KINDS };
static const char *const kind_names[] = {"stream", "event", "memory", "exec"};

/* All objects used together, waited for, and given back in one order; the next row's set works afterwards. */
static void run_order(const uint32_t *kinds) {
    if (!cf_begin_for("REQ-STREAM-01 REQ-EVENT-01 REQ-MEM-04 REQ-WORK-05", "order_%s_%s_%s_%s", kind_names[kinds[0]],
                      kind_names[kinds[1]], kind_names[kinds[2]], kind_names[kinds[3]]))
        return;
    cf_held held = {0};
    storm s = {0};
    s.stream = cf_stream(&held);
    s.event = cf_event(&held);
    s.memory = cf_memory(&held, 0, BYTES);
    s.out = cf_memory(&held, 0, BYTES);
    s.add = cf_map(&held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
    if (!cf_failed()) {
        copies(&s);
        launches(&s);
        record_again(&s);
    }
    for (int i = 0; i < KINDS; i++) {
        if (kinds[i] == STREAM) tenonh_stream_release(held.streams[0]), held.streams[0] = NULL;
        if (kinds[i] == EVENT) tenonh_event_release(held.events[0]), held.events[0] = NULL;
        for (int m = 0; m < 2 && kinds[i] == MEMORY; m++)
            tenonh_memory_release(held.memories[m]), held.memories[m] = NULL;
        if (kinds[i] == EXEC && s.add) cf_launch_release(s.add), (void)tenonh_device_trim(cf_under_test.device, NULL);
    }
    cf_let_go(&held);
}

/* What an event that was recorded on a stream, which is gone by now, still tells: it is complete, nobody waits for it, its
 * time is what it was, and it can be recorded elsewhere. */
static void ask_outliving(cf_held *held, tenonh_event *start, tenonh_event *end, tenonh_memory *memory) {
    unsigned char back[BYTES], want[BYTES];
    uint64_t time = 0, again = 0;
    memset(want, 0x77, sizeof want);
    cf_good(tenonh_event_query(end), "query of an event that outlives its stream");
    cf_good(tenonh_event_synchronize(end), "synchronise with an event that outlives its stream");
    tenon_status status = tenonh_event_elapsed(start, end, &time);
    if (status != TENON_STATUS_UNSUPPORTED) cf_good(status, "elapsed between events that outlive their stream");
    tenonh_stream *other = cf_stream(held);
    cf_good(tenonh_event_wait(other, end), "wait for an event that outlives its stream");
    if (cf_get(other, memory, 0, back, BYTES)) cf_same(back, want, BYTES, "what the stream that is gone wrote");
    if (status == TENON_STATUS_OK && cf_good(tenonh_event_elapsed(start, end, &again), "elapsed, later") &&
        again != time)
        cf_fail("elapsed between two events answers another time when it is asked again");
    cf_good(tenonh_event_record(end, other), "record on another stream");
    cf_good(tenonh_event_synchronize(end), "synchronise with what was recorded anew");
    cf_good(tenonh_event_query(start), "query of the other event");
}

static void run_outliving(bool pending) {
    if (!cf_begin_for("REQ-EVENT-01 REQ-STREAM-01", "events_outlive_their_stream%s", pending ? "_pending" : "")) return;
    cf_held held = {0};
    cf_busy busy;
    tenonh_stream *stream = cf_stream(&held);
    tenonh_event *start = cf_event(&held), *end = cf_event(&held);
    tenonh_memory *memory = cf_memory(&held, 0, BYTES);
    bool ready = !cf_failed() && cf_busy_make(&held, stream, CF_BY_COPIES, CF_BUSY_MILLISECONDS, &busy) &&
                 cf_good(tenonh_event_record(start, stream), "record") && cf_busy_enqueue(&busy, stream) &&
                 cf_good(tenonh_stream_fill(stream, memory, 0, 0x77, 1, BYTES), "fill") &&
                 cf_good(tenonh_event_record(end, stream), "record");
    if (ready && !pending) cf_good(tenonh_stream_synchronize(stream), "synchronise");
    tenonh_stream_release(stream);
    held.streams[0] = NULL;
    if (ready) ask_outliving(&held, start, end, memory);
    cf_let_go(&held);
}

void cf_destroy_orders(void) {
    run_outliving(false);
    run_outliving(true);
    for (uint32_t a = 0; a < KINDS; a++)
        for (uint32_t b = 0; b < KINDS; b++)
            for (uint32_t c = 0; c < KINDS; c++) {
                uint32_t d = STREAM + EVENT + MEMORY + EXEC - a - b - c;
                if (a != b && a != c && b != c && d < KINDS) run_order((uint32_t[]){a, b, c, d});
            }
}

/* -- Side by side ------------------------------------------------------------------------------------------------- */

/* Writes bytes of its own to memory of the device under test. */
static void write_own(cf_held *held, uint64_t seed) {
    unsigned char bytes[BYTES];
    cf_pattern(bytes, BYTES, seed);
    tenonh_stream *stream = cf_stream(held);
    cf_put(stream, cf_memory(held, 0, BYTES), 0, bytes, BYTES);
}

static void check_own(cf_held *held, uint64_t seed, const char *what) {
    unsigned char want[BYTES], back[BYTES];
    cf_pattern(want, BYTES, seed);
    if (!cf_failed() && cf_get(held->streams[0], held->memories[0], 0, back, BYTES)) cf_same(back, want, BYTES, what);
}

/* Two hosts at work at once: each has its own bytes, and one that goes takes nothing from the other. */
static void two_hosts(void) {
    if (!cf_begin_for("REQ-ABI-06", "two_hosts_side_by_side")) return;
    cf_held mine = {0};
    write_own(&mine, 1);
    for (uint64_t round = 2; round < 5 && !cf_failed(); round++) {
        cf_second second;
        cf_held other = {0};
        if (!cf_second_begin(&second, "")) break;
        write_own(&other, round);
        check_own(&mine, 1, "the first host's bytes");
        check_own(&other, round, "the second host's bytes");
        cf_let_go(&other);
        cf_second_end(&second);
        check_own(&mine, 1, "the first host's bytes, after the second went");
    }
    cf_let_go(&mine);
}

/* The second host goes while the first one's stream is busy: what that writes is whole. */
static void one_goes_while_one_works(void) {
    uint32_t back[COUNT];
    cf_busy busy;
    if (!cf_begin_for("REQ-ABI-06 REQ-DEV-05", "one_host_goes_while_the_other_works")) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *memory = cf_memory(&held, 0, sizeof back);
    if (cf_busy_make(&held, stream, CF_BY_LAUNCHES, CF_BUSY_MILLISECONDS, &busy) && cf_busy_enqueue(&busy, stream)) {
        cf_good(tenonh_stream_fill(stream, memory, 0, 77, 4, sizeof back), "fill");
        storm none = {0};
        hosts(&none);
        devices(&none);
        cf_get(stream, memory, 0, back, sizeof back);
        for (int i = 0; i < COUNT && !cf_failed(); i++)
            if (back[i] != 77) cf_fail("element %d is %u", i, back[i]);
    }
    cf_let_go(&held);
}

void cf_side_by_side(void) {
    two_hosts();
    one_goes_while_one_works();
}
