/* REQ-STREAM-03, REQ-EVENT-03, REQ-ERR: a late failure sticks to its stream and to who waits for it, and to nobody else;
 * refusals stick to nothing; a lost device lets everything be given back. */
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

/* -- A stream that fails ------------------------------------------------------------------------------------------ */

enum { ROWS = 37, BYTES = ROWS * sizeof(float) };

/* A gather with an index that is out of range; where the device does not take it, the layer `fault` fails a launch late.
 * Either way a second failure would be told from the first. */
typedef struct fail_row {
    cf_held held;
    cf_second second;
    bool is_second; /* another registry's device is the one under test, in the layer */
    cf_launch gather;
    cf_launch *add;
    cf_place places[3];
    tenonh_stream *stream, *other;
    tenonh_event *event, *later;
    tenonh_memory *memory, *copy;
    tenon_status status; /* that the stream fails with */
} fail_row;

static tenon_status make_gather(fail_row *r) {
    const int64_t rows = ROWS, axis = 0;
    tenon_attr attr = {TENON_ATTR_AXIS, 1, &axis};
    tenon__ref refs[] = {tenon__ref_contiguous(0, TENON_DTYPE_F32, 1, &rows),
                         tenon__ref_contiguous(0, TENON_DTYPE_I64, 1, &rows),
                         tenon__ref_contiguous(0, TENON_DTYPE_F32, 1, &rows)};
    tenon__task task = {.op = TENON_OP_GATHER, .attr_count = 1, .attrs = &attr, .input_count = 2, .operand_count = 3};
    task.operands = refs;
    return cf_launch_task(&r->gather, &task);
}

/* Indices, the last of them past the end. */
static bool place_indices(fail_row *r) {
    int64_t indices[ROWS];
    for (int i = 0; i < ROWS; i++) indices[i] = i;
    indices[ROWS - 1] = ROWS;
    tenonh_memory *x = cf_memory(&r->held, 0, BYTES), *at = cf_memory(&r->held, 0, sizeof indices);
    r->places[0] = (cf_place){x, 0}, r->places[1] = (cf_place){at, 0};
    r->places[2] = (cf_place){cf_memory(&r->held, 0, BYTES), 0};
    return !cf_failed() && cf_good(tenonh_stream_fill(r->other, x, 0, 0, 4, BYTES), "fill") &&
           cf_put(r->other, at, 0, indices, sizeof indices);
}

static bool open_row(fail_row *r) {
    *r = (fail_row){.status = TENON_STATUS_OUT_OF_RANGE};
    if (make_gather(r) == TENON_STATUS_UNSUPPORTED) {
        cf_launch_release(&r->gather);
        r->status = TENON_STATUS_INTERNAL;
        r->is_second = cf_second_begin(&r->second, "fault:late=1");
        if (!r->is_second) return false;
    }
    r->stream = cf_stream(&r->held);
    r->other = cf_other_stream(&r->held, r->stream);
    r->event = cf_event(&r->held);
    r->later = cf_event(&r->held);
    r->memory = cf_memory(&r->held, 0, BYTES);
    r->copy = cf_memory(&r->held, 0, BYTES);
    r->add = cf_map(&r->held, TENON_OP_ADD, TENON_DTYPE_F32, ROWS);
    if (cf_failed() || !cf_good(tenonh_stream_fill(r->other, r->memory, 0, 0x11, 1, BYTES), "fill")) return false;
    return (r->is_second || place_indices(r)) && cf_good(tenonh_stream_synchronize(r->other), "synchronise");
}

static void close_row(fail_row *r) {
    cf_let_go(&r->held);
    cf_launch_release(&r->gather);
    if (r->is_second) cf_second_end(&r->second);
}

static tenon_status enqueue_add(fail_row *r, tenonh_stream *stream) {
    return cf_launch_enqueue(r->add, stream, (cf_place[]){{r->memory, 0}, {r->memory, 0}, {r->copy, 0}});
}

/* The failure is late: the launch itself is taken. */
static bool fail(fail_row *r) {
    tenon_status status =
        r->is_second ? enqueue_add(r, r->stream) : cf_launch_enqueue(&r->gather, r->stream, r->places);
    return cf_good(status, "a launch that fails late");
}

/* The host puts the status's meaning where the plugin said nothing. */
static void expect_failure(fail_row *r, tenonh_stream *stream, const char *what) {
    cf_answers(tenonh_stream_synchronize(stream), r->status, what);
    if (strstr(tenonh_error_message(), tenon_status_meaning(r->status)))
        cf_fail("%s: no words come with the failure (REQ-ERR-02)", what);
}

/* -- What sticks -------------------------------------------------------------------------------------------------- */

enum { SYNCHRONIZE, QUERY, WRITE, READ, COPY, FILL, LAUNCH, WAIT, CALLS };
static const char *const call_names[] = {"synchronize", "query", "write", "read", "copy", "fill", "launch", "wait"};

static tenon_status call(fail_row *r, uint32_t which) {
    static unsigned char bytes[BYTES];
    switch (which) {
    case SYNCHRONIZE: return tenonh_stream_synchronize(r->stream);
    case QUERY: return tenonh_stream_query(r->stream);
    case WRITE: return tenonh_stream_write(r->stream, r->memory, 0, bytes, BYTES);
    case READ: return tenonh_stream_read(r->stream, bytes, r->memory, 0, BYTES);
    case COPY: return tenonh_stream_copy(r->stream, r->copy, 0, r->memory, 0, BYTES);
    case FILL: return tenonh_stream_fill(r->stream, r->memory, 0, 0, 1, BYTES);
    case LAUNCH: return enqueue_add(r, r->stream);
    default: return tenonh_event_wait(r->stream, r->event);
    }
}

/* Each call on the failed stream, again and again, with others between: the failure is not forgotten, and not replaced.
 * What is refused does nothing: the memory stays as it was. */
static void run_sticks(uint32_t which) {
    fail_row r;
    if (!cf_begin_for("REQ-STREAM-03", "sticks_to_%s", call_names[which])) return;
    bool open = open_row(&r), wants_status = which == SYNCHRONIZE || which == QUERY;
    if (which == WAIT && !cf_under_test.device->has_events) {
        cf_not_applicable("the plugin has no events");
        open = false;
    }
    if (open && fail(&r)) {
        expect_failure(&r, r.stream, "synchronise after a failed launch");
        for (int i = 0; i < 4; i++) {
            tenon_status want = wants_status ? r.status : (tenon_status)TENON_STATUS_FAILED_STREAM;
            cf_answers(call(&r, which), want, call_names[which]);
            expect_failure(&r, r.stream, "synchronise once more");
        }
        unsigned char back[BYTES], same[BYTES];
        memset(same, 0x11, BYTES);
        tenonh_stream *fresh = cf_other_stream(&r.held, r.stream);
        if (fresh != r.stream && cf_get(fresh, r.memory, 0, back, BYTES))
            cf_same(back, same, BYTES, "memory that refused calls were to change");
    }
    close_row(&r);
}

/* Work behind the failure, before anybody knows of it, is taken or refused as such; whether it runs is the device's. */
static void work_behind(void) {
    fail_row r;
    if (!cf_begin_for("REQ-STREAM-03", "work_behind_a_failure_changes_nothing_of_it")) return;
    if (open_row(&r) && fail(&r)) {
        for (int i = 0; i < 4; i++) {
            tenon_status status =
                i % 2 ? enqueue_add(&r, r.stream) : tenonh_stream_fill(r.stream, r.memory, 0, 0x22, 1, BYTES);
            if (status != TENON_STATUS_OK) cf_answers(status, TENON_STATUS_FAILED_STREAM, "a call behind a failure");
        }
        expect_failure(&r, r.stream, "synchronise");
        expect_failure(&r, r.stream, "synchronise, once more");
    }
    close_row(&r);
}

/* Others go on, and the device is well. */
static void others_go_on(void) {
    fail_row r;
    if (!cf_begin_for("REQ-STREAM-03 REQ-DEV-06", "others_go_on")) return;
    if (!cf_has_streams(3)) return;
    if (open_row(&r) && fail(&r)) {
        expect_failure(&r, r.stream, "synchronise");
        cf_good(tenonh_device_health(cf_under_test.device), "health after a stream failed");
        tenonh_stream *const streams[] = {r.other, cf_stream(&r.held)};
        for (int i = 0; i < 2; i++) {
            cf_good(enqueue_add(&r, streams[i]), "a launch on another stream");
            cf_good(tenonh_stream_synchronize(streams[i]), "synchronise another stream");
            cf_good(tenonh_stream_query(streams[i]), "query of another stream");
        }
    }
    close_row(&r);
}

/* A failed stream goes like any other, also before anybody asked what became of it, and its place is free again. */
static void run_destroy(bool asked) {
    if (!cf_begin_for("REQ-STREAM-01 REQ-STREAM-03", "destroyed_%s", asked ? "after_it_failed" : "while_it_fails"))
        return;
    for (int i = 0; i < 4 && !cf_failed(); i++) {
        fail_row r;
        if (open_row(&r) && fail(&r)) {
            if (asked) expect_failure(&r, r.stream, "synchronise");
            if (r.other == r.stream) r.other = NULL;
            tenonh_stream_release(r.stream);
            r.stream = r.held.streams[0] = NULL;
            if (cf_good(tenonh_stream_create(cf_under_test.device, &r.held.streams[0]),
                        "a stream after a failed one")) {
                cf_good(enqueue_add(&r, r.held.streams[0]), "launch");
                cf_good(tenonh_stream_synchronize(r.held.streams[0]), "synchronise");
            }
        }
        close_row(&r);
    }
}

void cf_failures(void) {
    for (uint32_t which = 0; which < CALLS; which++) run_sticks(which);
    work_behind();
    others_go_on();
    run_destroy(true);
    run_destroy(false);
}

/* -- Who waits ---------------------------------------------------------------------------------------------------- */

static void expect_event(fail_row *r, tenonh_event *event, const char *what) {
    cf_answers(tenonh_event_synchronize(event), r->status, what);
    cf_answers(tenonh_event_query(event), r->status, what);
    cf_answers(tenonh_event_query(event), r->status, what);
}

/* The event is recorded behind the failure: while work before it still runs, or once the stream has failed. */
static void run_poison(bool pending) {
    fail_row r;
    cf_busy busy;
    if (!cf_begin_for("REQ-EVENT-03", "a_failure_passes_to_waiters_%s", pending ? "pending" : "known")) return;
    if (!cf_has_streams(2)) return;
    if (open_row(&r) &&
        (r.is_second || !pending ||
         (cf_busy_make(&r.held, r.stream, CF_BY_COPIES, CF_BUSY_MILLISECONDS, &busy) &&
          cf_busy_enqueue(&busy, r.stream))) &&
        fail(&r)) {
        if (!pending) expect_failure(&r, r.stream, "synchronise");
        cf_good(tenonh_event_record(r.event, r.stream), "record behind a failure");
        (void)tenonh_event_wait(r.other, r.event);
        expect_failure(&r, r.other, "a stream that waits for an event behind a failure");
        expect_event(&r, r.event, "an event behind a failure");
        cf_answers(tenonh_stream_fill(r.other, r.memory, 0, 0, 1, BYTES), TENON_STATUS_FAILED_STREAM,
                   "fill on the stream that waited");
        expect_failure(&r, r.other, "the stream that waited, once more");
        expect_failure(&r, r.stream, "the stream that failed, once more");
    }
    close_row(&r);
}

/* From stream to stream to stream. */
static void passes_on(void) {
    fail_row r;
    if (!cf_begin_for("REQ-EVENT-03", "a_failure_passes_on")) return;
    if (!cf_has_streams(4)) return;
    if (open_row(&r)) {
        tenonh_stream *third = cf_stream(&r.held), *bystander = cf_stream(&r.held);
        fail(&r);
        cf_good(tenonh_event_record(r.event, r.stream), "record");
        (void)tenonh_event_wait(r.other, r.event);
        cf_good(tenonh_event_record(r.later, r.other), "record on the stream that waits");
        (void)tenonh_event_wait(third, r.later);
        expect_failure(&r, third, "a stream that waits for one that waits");
        expect_event(&r, r.later, "the second event");
        cf_good(enqueue_add(&r, bystander), "launch on a stream that waits for nobody");
        cf_good(tenonh_stream_synchronize(bystander), "synchronise it");
    }
    close_row(&r);
}

/* An event from before the failure is good, and one that is recorded on a sound stream becomes good again. */
static void events_apart(void) {
    fail_row r;
    if (!cf_begin_for("REQ-EVENT-02 REQ-EVENT-03", "events_before_and_elsewhere_are_good")) return;
    if (!cf_has_streams(2)) return;
    if (open_row(&r)) {
        cf_good(tenonh_event_record(r.event, r.stream), "record before the failure");
        fail(&r);
        cf_good(tenonh_event_record(r.later, r.stream), "record behind the failure");
        expect_event(&r, r.later, "the event behind");
        cf_good(tenonh_event_synchronize(r.event), "the event before");
        cf_good(tenonh_event_wait(r.other, r.event), "wait for the event before");
        cf_good(tenonh_stream_synchronize(r.other), "synchronise the stream that waited for it");
        cf_good(tenonh_event_record(r.later, r.other), "record on a sound stream");
        cf_good(tenonh_event_synchronize(r.later), "the event that is recorded again");
        cf_good(tenonh_event_query(r.later), "query of it");
    }
    close_row(&r);
}

/* The failure of a stream that is gone is still its event's, and passes to who waits for that. */
static void outlives(void) {
    fail_row r;
    if (!cf_begin_for("REQ-EVENT-01 REQ-EVENT-03", "a_failure_outlives_its_stream")) return;
    if (open_row(&r) && fail(&r)) {
        cf_good(tenonh_event_record(r.event, r.stream), "record behind a failure");
        expect_failure(&r, r.stream, "synchronise");
        tenonh_stream *waiter = r.other == r.stream ? NULL : r.other;
        tenonh_stream_release(r.stream);
        r.stream = r.held.streams[0] = NULL;
        expect_event(&r, r.event, "an event whose failed stream is gone");
        if (!waiter) waiter = cf_stream(&r.held);
        (void)tenonh_event_wait(waiter, r.event);
        cf_answers(tenonh_stream_synchronize(waiter), r.status,
                   "a stream that waits for an event of a stream that is gone");
    }
    close_row(&r);
}

void cf_poison(void) {
    outlives();
    run_poison(false);
    run_poison(true);
    passes_on();
    events_apart();
}
