/* Through the layers: a mixed workload in which `validate` finds nothing, wrong use that it names, and a device that `fault`
 * loses, of which everything can still be given back. */
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

enum { BYTES = 4099, COUNT = 257 };

static const tenon__hooks *hooks(void) {
    return cf_under_test.device->hooks;
}

/* -- A mixed workload --------------------------------------------------------------------------------------------- */

typedef struct mixed {
    cf_held held;
    tenonh_stream *first, *second;
    tenonh_event *event, *later;
    tenonh_memory *a, *b, *c;
    cf_launch *add, *mul;
    unsigned char *bytes;
} mixed;

static void move_bytes(mixed *m) {
    cf_good(tenonh_stream_write(m->first, m->a, 1, m->bytes, BYTES - 1), "write");
    cf_good(tenonh_stream_fill(m->first, m->b, 0, 7, 4, 1024), "fill");
    cf_good(tenonh_stream_copy(m->first, m->b, 2048, m->a, 0, 2048), "copy");
    cf_good(tenonh_stream_copy(m->first, m->a, 3000, m->a, 17, 1000), "copy inside");
    cf_good(tenonh_stream_read(m->first, m->bytes + BYTES, m->b, 0, BYTES), "read");
    tenon_status status = tenonh_stream_query(m->first);
    if (status != TENON_STATUS_NOT_READY) cf_good(status, "query");
}

static void run_work(mixed *m) {
    const cf_place sum[] = {{m->a, 0}, {m->b, 0}, {m->c, 0}}, product[] = {{m->c, 0}, {m->a, 0}, {m->b, 0}};
    cf_good(cf_launch_enqueue(m->add, m->first, sum), "launch");
    cf_good(tenonh_event_record(m->event, m->first), "record");
    cf_good(tenonh_event_wait(m->second, m->event), "wait");
    cf_good(cf_launch_enqueue(m->mul, m->second, product), "launch on another stream");
    cf_good(tenonh_event_record(m->later, m->second), "record");
    cf_good(tenonh_event_wait(m->first, m->later), "wait");
    tenon_status status = tenonh_event_query(m->event);
    if (status != TENON_STATUS_NOT_READY) cf_good(status, "query of an event");
    cf_good(tenonh_event_synchronize(m->later), "synchronise with an event");
    uint64_t time = 0;
    status = tenonh_event_elapsed(m->event, m->later, &time);
    if (status != TENON_STATUS_UNSUPPORTED) cf_good(status, "elapsed");
}

/* Everything is waited for by then. */
static void map_memory(mixed *m) {
    void *pointer = NULL;
    tenon_status status = tenonh_memory_map(m->a, 64, 257, &pointer);
    if (status == TENON_STATUS_UNSUPPORTED || !cf_good(status, "map")) return;
    cf_good(tenonh_memory_invalidate(m->a, 64, 257), "invalidate");
    memset(pointer, 3, 257);
    cf_good(tenonh_memory_flush(m->a, 64, 257), "flush");
    cf_good(tenonh_memory_unmap(m->a), "unmap");
}

static void come_and_go(mixed *m) {
    tenonh_memory *memory = NULL;
    tenon_memory_type type = {0};
    cf_answers(tenonh_memory_create(cf_under_test.device, 0, (uint64_t)1 << 62, &memory), TENON_STATUS_OUT_OF_MEMORY,
               "allocate 2^62 bytes");
    cf_good(tenonh_device_memory_type(cf_under_test.device, 0, &type), "memory type");
    cf_good(tenonh_device_health(cf_under_test.device), "health");
    cf_good(tenonh_memory_create(cf_under_test.device, 0, 100, &memory), "allocate");
    cf_good(tenonh_stream_fill(m->first, memory, 0, 1, 1, 100), "fill");
    cf_good(tenonh_stream_synchronize(m->first), "synchronise");
    tenonh_memory_release(memory);
}

static bool open_mixed(mixed *m) {
    *m = (mixed){0};
    m->first = cf_stream(&m->held);
    m->second = cf_other_stream(&m->held, m->first);
    m->event = cf_event(&m->held);
    m->later = cf_event(&m->held);
    m->a = cf_memory(&m->held, 0, BYTES);
    m->b = cf_memory(&m->held, 0, BYTES);
    m->c = cf_memory(&m->held, 0, BYTES);
    m->bytes = cf_block(&m->held, (uint64_t)2 * BYTES);
    m->add = cf_map(&m->held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
    m->mul = cf_map(&m->held, TENON_OP_MUL, TENON_DTYPE_F32, COUNT);
    return !cf_failed();
}

static void run_mixed(void) {
    mixed m;
    if (open_mixed(&m))
        for (int round = 0; round < 6 && !cf_failed(); round++) {
            move_bytes(&m);
            run_work(&m);
            cf_good(tenonh_stream_synchronize(m.first), "synchronise");
            cf_good(tenonh_stream_synchronize(m.second), "synchronise");
            map_memory(&m);
            come_and_go(&m);
        }
    cf_let_go(&m.held);
}

/* A plugin that breaks a rule on the way is told by its number: statuses, handles, words, what it keeps of the host's. */
static void run_under(const char *name, const char *layers) {
    cf_second second;
    if (!cf_begin_for("REQ-ERR-01 REQ-ERR-02 REQ-ERR-03 REQ-ABI-12", "mixed_work_under_%s", name)) return;
    if (!cf_second_begin(&second, layers)) return;
    run_mixed();
    cf_second_end(&second);
    if (second.heard) cf_fail("%u findings, the first: %s", second.heard, second.first);
}

/* The same with nothing between: what it finds above is then not the layer's doing. */
static void run_plain(void) {
    if (!cf_begin_for("REQ-STREAM-02 REQ-EVENT-03", "mixed_work")) return;
    run_mixed();
}

/* -- Wrong use ---------------------------------------------------------------------------------------------------- */

/* Through the tables that the layer stands in: the device never sees these. */
typedef struct misuse {
    mixed m;
    tenon_stream *stream;
    tenon_buffer gone, there;
    unsigned char byte;
} misuse;

static tenon_status write_to_gone(misuse *u) {
    return hooks()->stream.write(u->stream, u->gone, &u->byte, 1);
}

static tenon_status copy_from_gone(misuse *u) {
    return hooks()->stream.copy(u->stream, u->there, u->gone, 1);
}

static tenon_status write_past_the_end(misuse *u) {
    return hooks()->stream.write(u->stream, (tenon_buffer){u->there.memory, UINT64_C(1) << 20}, &u->byte, 1);
}

static tenon_status memory_for_a_stream(misuse *u) {
    return hooks()->stream.synchronize((tenon_stream *)(void *)u->there.memory);
}

static tenon_status synchronize_gone_stream(misuse *u) {
    (void)u;
    tenon_stream *stream = NULL;
    tenon_status status = hooks()->stream.create(cf_under_test.device->handle, &stream);
    if (status != TENON_STATUS_OK) return status;
    hooks()->stream.destroy(stream);
    return hooks()->stream.synchronize(stream);
}

static const struct misuse_row {
    const char *name, *rule;
    tenon_status (*call)(misuse *);
} misuses[] = {
    {"write_to_released_memory", "REQ-HOST-01", write_to_gone},
    {"copy_from_released_memory", "REQ-HOST-01", copy_from_gone},
    {"memory_for_a_stream", "REQ-HOST-01", memory_for_a_stream},
    {"synchronize_destroyed_stream", "REQ-HOST-01", synchronize_gone_stream},
    {"write_past_the_end", "REQ-HOST-04", write_past_the_end},
};

static void run_misuse(const struct misuse_row *row) {
    cf_second second;
    misuse u = {0};
    if (!cf_begin_for(row->rule, "validate_names_%s", row->name)) return;
    if (!cf_second_begin(&second, "validate")) return;
    tenon_memory *gone = NULL;
    tenon_device *device = cf_under_test.device->handle;
    const uint64_t unit = cf_under_test.device->types[0].flush_unit, size = (64 + unit - 1) / unit * unit;
    u.m.first = cf_stream(&u.m.held);
    tenonh_memory *there = cf_memory(&u.m.held, 0, 64);
    if (!cf_failed() && cf_good(hooks()->memory.allocate(device, 0, size, &gone), "allocate")) {
        hooks()->memory.release(device, gone);
        if (row->call == synchronize_gone_stream) { /* its place, where there is one alone */
            tenonh_stream_release(u.m.first);
            u.m.first = u.m.held.streams[0] = NULL;
        }
        u.stream = u.m.first ? u.m.first->handle : NULL;
        u.gone = (tenon_buffer){gone, 0};
        u.there = (tenon_buffer){there->handle, 0};
        cf_answers(row->call(&u), TENON_STATUS_INVALID, row->name);
    }
    cf_let_go(&u.m.held);
    cf_second_end(&second);
}

void cf_validated(void) {
    run_plain();
    run_under("validate", "validate");
    run_under("validate_and_stalls", "validate,fault:stall=300:seed=5");
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++) run_misuse(&misuses[i]);
}

/* -- A device that is lost ---------------------------------------------------------------------------------------- */

/* Calls that a lost device answers with DEVICE_LOST, all of them. */
static void check_lost(mixed *m) {
    tenonh_device *device = cf_under_test.device;
    tenonh_stream *stream = NULL;
    tenonh_memory *memory = NULL;
    tenonh_event *event = NULL;
    tenon_memory_type type = {0};
    cf_launch launch = {0};
    const tenon_status answers[] = {
        tenonh_device_health(device),
        tenonh_memory_create(device, 0, 64, &memory),
        tenonh_stream_create(device, &stream),
        tenonh_event_create(device, &event),
        tenonh_device_memory_type(device, 0, &type),
        tenonh_stream_write(m->first, m->a, 0, m->bytes, 64),
        tenonh_stream_fill(m->first, m->a, 0, 0, 1, 64),
        tenonh_stream_synchronize(m->first),
        cf_launch_map(&launch, TENON_OP_SUB, TENON_DTYPE_F32, 31),
    };
    static const char *const names[] = {"health", "allocate", "create a stream", "create an event", "memory type",
                                        "write",  "fill",     "synchronise",     "prepare"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        cf_answers(answers[i], TENON_STATUS_DEVICE_LOST, names[i]);
    cf_launch_release(&launch);
}

/* From its call number n on the layer loses the device. Objects are made, work is pending, and everything goes back. */
static void run_lost(uint32_t after) {
    char layers[64];
    cf_second second;
    mixed m;
    if (!cf_begin_for("REQ-ERR-04 REQ-DEV-05", "lost_after_%u_calls", after)) return;
    uint32_t calls = 4 + cf_under_test.device->type_count; /* that open a device: see below */
    snprintf(layers, sizeof layers, "fault:lost=%u", calls + 40 + after);
    if (!cf_second_begin(&second, layers)) return;
    if (open_mixed(&m)) {
        tenon_status status = TENON_STATUS_OK;
        for (int i = 0; i < 400 && status == TENON_STATUS_OK; i++) {
            status = tenonh_stream_fill(m.first, m.a, 0, 0, 1, BYTES);
            if (status == TENON_STATUS_OK) status = tenonh_stream_copy(m.first, m.b, 0, m.a, 0, BYTES);
            if (status == TENON_STATUS_OK) status = tenonh_event_record(m.event, m.first);
            if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(m.first);
        }
        if (cf_answers(status, TENON_STATUS_DEVICE_LOST, "the call at which the device is lost")) check_lost(&m);
    }
    cf_let_go(&m.held);
    cf_second_end(&second);
    if (cf_failed()) return;
    cf_held held = {0}; /* of the first host, whose device is not lost */
    tenonh_stream *stream = cf_stream(&held);
    cf_good(tenonh_stream_synchronize(stream), "the same device of another host");
    cf_let_go(&held);
}

void cf_lost(void) {
    for (uint32_t after = 0; after < 12; after++) run_lost(after);
}
