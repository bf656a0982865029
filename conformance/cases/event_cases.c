/* REQ-EVENT: the states of an event, what a wait is for, and the times that events tell. A device without events is tried
 * through the host's emulation, which must not differ but in time. */
#include <inttypes.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

enum { COUNT = 1021, BYTES = COUNT * sizeof(uint32_t), OLD = 11, NEW = 22 };

/* Two streams, an event, work that takes a while, and memory that is OLD until the first stream makes it NEW. */
typedef struct event_row {
    cf_held held;
    cf_busy busy;
    tenonh_stream *first, *second;
    tenonh_event *event, *other;
    tenonh_memory *token, *taken;
    uint32_t back[COUNT];
} event_row;

static bool open_row(event_row *r) {
    *r = (event_row){0};
    r->first = cf_stream(&r->held);
    r->second = cf_other_stream(&r->held, r->first);
    r->event = cf_event(&r->held);
    r->other = cf_event(&r->held);
    r->token = cf_memory(&r->held, 0, BYTES);
    r->taken = cf_memory(&r->held, 0, BYTES);
    return !cf_failed() && cf_good(tenonh_stream_fill(r->first, r->token, 0, OLD, 4, BYTES), "fill") &&
           cf_good(tenonh_stream_fill(r->first, r->taken, 0, 0, 4, BYTES), "fill") &&
           cf_busy_make(&r->held, r->first, CF_BY_COPIES, CF_BUSY_MILLISECONDS, &r->busy);
}

/* Busy, then NEW, on the first stream. */
static bool make_new(event_row *r) {
    return cf_busy_enqueue(&r->busy, r->first) &&
           cf_good(tenonh_stream_fill(r->first, r->token, 0, NEW, 4, BYTES), "fill");
}

static bool record(tenonh_event *event, tenonh_stream *stream) {
    return cf_good(tenonh_event_record(event, stream), "record");
}

static bool wait_for(tenonh_stream *stream, tenonh_event *event) {
    return cf_good(tenonh_event_wait(stream, event), "wait");
}

/* What the token holds to the second stream. */
static void check_token(event_row *r, uint32_t want, const char *what) {
    if (!cf_good(tenonh_stream_copy(r->second, r->taken, 0, r->token, 0, BYTES), "copy") ||
        !cf_get(r->second, r->taken, 0, r->back, BYTES))
        return;
    for (int i = 0; i < COUNT && !cf_failed(); i++)
        if (r->back[i] != want) cf_fail("%s: element %d is %u, not %u", what, i, r->back[i], want);
}

/* -- States ------------------------------------------------------------------------------------------------------- */

/* Nobody waits for an event that nobody recorded; each call comes back at once. */
static void unrecorded_is_no_wait(void) {
    event_row r;
    uint64_t time = 0;
    if (!cf_begin_for("REQ-EVENT-01 REQ-EVENT-02", "unrecorded_is_no_wait")) return;
    if (open_row(&r)) {
        cf_good(tenonh_event_query(r.event), "query of an unrecorded event");
        cf_good(tenonh_event_synchronize(r.event), "synchronise with an unrecorded event");
        wait_for(r.first, r.event);
        make_new(&r);
        wait_for(r.second, r.event);
        cf_good(tenonh_stream_synchronize(r.second), "synchronise a stream that waits for an unrecorded event");
        record(r.other, r.first);
        cf_good(tenonh_event_synchronize(r.other), "synchronise");
        tenon_status status = tenonh_event_elapsed(r.event, r.other, &time);
        if (status != TENON_STATUS_UNSUPPORTED)
            cf_answers(status, TENON_STATUS_INVALID, "elapsed from an unrecorded event");
        status = tenonh_event_elapsed(r.other, r.event, &time);
        if (status != TENON_STATUS_UNSUPPORTED)
            cf_answers(status, TENON_STATUS_INVALID, "elapsed to an unrecorded event");
    }
    cf_let_go(&r.held);
}

/* NOT_READY until what lies before the record has ended, and OK for good from then on. */
static void query_tells_the_end(void) {
    event_row r;
    if (!cf_begin_for("REQ-EVENT-04", "query_tells_the_end")) return;
    for (int round = 0; round < 3 && !cf_failed(); round++) {
        if (open_row(&r) && make_new(&r) && record(r.event, r.first)) {
            tenon_status status;
            while ((status = tenonh_event_query(r.event)) == TENON_STATUS_NOT_READY) {}
            cf_good(status, "query");
            check_token(&r, NEW, "what lies before an event that is complete"); /* by a stream that waits for nobody */
            cf_good(tenonh_event_query(r.event), "query, once more");
            cf_good(tenonh_event_synchronize(r.event), "synchronise with what is complete");
        }
        cf_let_go(&r.held);
    }
}

/* The record moves: an old completion says nothing about the new place. */
static void recording_again_moves(void) {
    event_row r;
    if (!cf_begin_for("REQ-EVENT-02", "recording_again_moves")) return;
    if (open_row(&r) && record(r.event, r.first) && cf_good(tenonh_event_synchronize(r.event), "synchronise")) {
        for (int i = 0; i < 5; i++) record(r.event, r.first);
        if (make_new(&r) && record(r.event, r.first) && wait_for(r.second, r.event))
            check_token(&r, NEW, "after a wait for the second record");
    }
    cf_let_go(&r.held);
}

/* The host's wait is for the last record too. */
static void synchronize_is_for_the_last_record(void) {
    event_row r;
    if (!cf_begin_for("REQ-EVENT-02", "synchronize_is_for_the_last_record")) return;
    if (open_row(&r) && record(r.event, r.first) && cf_good(tenonh_event_synchronize(r.event), "synchronise") &&
        make_new(&r) && record(r.event, r.first) && cf_good(tenonh_event_synchronize(r.event), "synchronise again"))
        check_token(&r, NEW, "after synchronising with the second record");
    cf_let_go(&r.held);
}

/* A wait is for the record of its time: one that comes later, elsewhere and complete at once, does not end it. */
static void wait_is_for_the_earlier_record(void) {
    event_row r;
    if (!cf_begin_for("REQ-EVENT-03", "wait_is_for_the_earlier_record")) return;
    if (!cf_has_streams(3)) return;
    if (open_row(&r)) {
        tenonh_stream *third = cf_stream(&r.held);
        if (make_new(&r) && record(r.event, r.first) && wait_for(r.second, r.event) && record(r.event, third))
            check_token(&r, NEW, "after a wait, the event being recorded again on an idle stream");
    }
    cf_let_go(&r.held);
}

/* Destroying an event takes nothing from a wait that is pending. */
static void destroyed_while_awaited(void) {
    event_row r;
    if (!cf_begin_for("REQ-EVENT-01", "destroyed_while_awaited")) return;
    if (open_row(&r) && make_new(&r) && record(r.event, r.first) && wait_for(r.second, r.event)) {
        tenonh_event_release(r.event);
        r.held.events[0] = NULL;
        check_token(&r, NEW, "after a wait for an event that is destroyed by now");
    }
    cf_let_go(&r.held);
}

/* The same event before its own stream's work, and a wait of a stream for itself. */
static void own_stream(void) {
    event_row r;
    if (!cf_begin_for("REQ-EVENT-03", "a_stream_waits_for_itself")) return;
    if (open_row(&r) && make_new(&r) && record(r.event, r.first) && wait_for(r.first, r.event)) {
        r.second = r.first;
        check_token(&r, NEW, "after a wait for the own stream");
    }
    cf_let_go(&r.held);
}

static void many_events(void) {
    enum { MANY = 2000 };
    static tenonh_event *events[MANY];
    if (!cf_begin_for("REQ-EVENT-01", "many_events")) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    uint32_t made = 0;
    memset(events, 0, sizeof events);
    while (made < MANY && cf_good(tenonh_event_create(cf_under_test.device, &events[made]), "create an event")) made++;
    for (uint32_t i = 0; i < made; i++) record(events[i], stream);
    for (uint32_t i = 0; i < made; i++) cf_good(tenonh_event_synchronize(events[made - 1 - i]), "synchronise");
    for (uint32_t i = 0; i < made; i++) tenonh_event_release(events[i]);
    cf_let_go(&held);
}

void cf_event_states(void) {
    unrecorded_is_no_wait();
    query_tells_the_end();
    recording_again_moves();
    synchronize_is_for_the_last_record();
    wait_is_for_the_earlier_record();
    destroyed_while_awaited();
    own_stream();
    many_events();
}

/* -- What must not block ------------------------------------------------------------------------------------------ */

static bool has_events(void) {
    if (cf_under_test.device->has_events) return true;
    cf_not_applicable("the plugin has no events; the host synchronises");
    return false;
}

enum { QUERY, WAIT, RECORD, ASKS };
static const char *const ask_names[] = {"query", "wait", "record"};

typedef struct prompt_row {
    event_row of;
    uint32_t what;
} prompt_row;

static bool ask(event_row *r, uint32_t what) {
    if (what == RECORD) return record(r->other, r->first);
    if (what == WAIT) return wait_for(r->second, r->event);
    tenon_status status = tenonh_event_query(r->event);
    return status == TENON_STATUS_NOT_READY || cf_good(status, "query");
}

static enum cf_promptness ask_once(void *context) {
    prompt_row *p = context;
    event_row *r = &p->of;
    if (!cf_busy_enqueue(&r->busy, r->first) || !record(r->event, r->first)) return CF_UNTOLD;
    uint64_t start = tenon__now();
    if (!ask(r, p->what)) return CF_UNTOLD;
    uint64_t asked = tenon__now() - start;
    bool pending = tenonh_event_query(r->event) == TENON_STATUS_NOT_READY;
    cf_good(tenonh_stream_synchronize(r->first), "synchronise");
    cf_good(tenonh_stream_synchronize(r->second), "synchronise");
    return cf_promptness_of(&r->busy, asked, pending);
}

static void run_never_blocks(uint32_t what) {
    prompt_row p = {.what = what};
    if (!cf_begin_for(what == QUERY ? "REQ-EVENT-04" : "REQ-EVENT-03", "%s_never_blocks", ask_names[what])) return;
    if (!has_events()) return;
    if (open_row(&p.of)) cf_expect_prompt(ask_once, &p, ask_names[what]);
    cf_let_go(&p.of.held);
}

/* A wait is not for a later record: the second stream ends while the first is still busy before that. Counts only where
 * the first was busy to begin with; held up once is the machine. */
static int later_record_holds(event_row *r) {
    record(r->event, r->first);
    wait_for(r->second, r->event);
    if (!cf_busy_enqueue(&r->busy, r->first) || !record(r->event, r->first)) return 0;
    if (tenonh_event_query(r->event) != TENON_STATUS_NOT_READY) return -1;
    cf_good(tenonh_stream_fill(r->second, r->taken, 0, 1, 4, BYTES), "fill");
    cf_good(tenonh_stream_synchronize(r->second), "synchronise");
    return tenonh_event_query(r->event) != TENON_STATUS_NOT_READY;
}

static void later_record_holds_nobody(void) {
    enum { TRIES = 8 };
    event_row r;
    int held_up = 0;
    if (!cf_begin_for("REQ-EVENT-03", "later_record_holds_nobody")) return;
    if (!has_events() || !cf_has_streams(2)) return;
    bool open = open_row(&r);
    for (int i = 0; i < TRIES && open && !cf_failed(); i++) {
        int holds = later_record_holds(&r);
        cf_good(tenonh_stream_synchronize(r.first), "synchronise");
        if (holds == 0) break;
        held_up += holds > 0;
    }
    if (held_up == TRIES) cf_fail("a stream waited for a record that came after its wait, %d times", held_up);
    cf_let_go(&r.held);
}

void cf_event_promptness(void) {
    for (uint32_t what = 0; what < ASKS; what++) run_never_blocks(what);
    later_record_holds_nobody();
}

/* -- Patterns of waits -------------------------------------------------------------------------------------------- */

/* The token goes to and fro, each side adding one after the other's event: copies of copies, never a turn lost. */
static void ping_pong(void) {
    enum { ROUNDS = 150 };
    event_row r;
    if (!cf_begin_for("REQ-EVENT-03", "ping_pong")) return;
    if (open_row(&r)) {
        tenonh_event *events[] = {r.event, r.other};
        cf_busy_enqueue(&r.busy, r.first);
        for (uint32_t i = 0; i < ROUNDS && !cf_failed(); i++) {
            tenonh_stream *stream = i % 2 ? r.second : r.first;
            if (i) wait_for(stream, events[1 - i % 2]);
            if (i == ROUNDS / 2) cf_good(tenonh_stream_copy(stream, r.taken, 0, r.token, 0, BYTES), "copy");
            cf_good(tenonh_stream_fill(stream, r.token, 0, i, 4, BYTES), "fill");
            record(events[i % 2], stream);
        }
        wait_for(r.first, events[(ROUNDS - 1) % 2]);
        uint32_t halfway[COUNT];
        cf_get(r.first, r.taken, 0, halfway, BYTES);
        cf_get(r.first, r.token, 0, r.back, BYTES);
        for (int i = 0; i < COUNT && !cf_failed(); i++)
            if (halfway[i] != ROUNDS / 2 - 1 || r.back[i] != ROUNDS - 1)
                cf_fail("element %d was %u halfway and is %u at the end", i, halfway[i], r.back[i]);
    }
    cf_let_go(&r.held);
}

/* One stream is awaited by several, and they by it. */
static void fan_out_fan_in(void) {
    enum { SIDES = 4 };
    event_row r;
    if (!cf_begin_for("REQ-EVENT-03", "fan_out_fan_in")) return;
    if (!cf_has_streams(SIDES + 2)) return;
    if (open_row(&r)) {
        tenonh_memory *parts = cf_memory(&r.held, 0, (uint64_t)SIDES * BYTES);
        uint32_t *back = cf_block(&r.held, (uint64_t)SIDES * BYTES);
        make_new(&r);
        record(r.event, r.first);
        for (uint64_t i = 0; i < SIDES && !cf_failed(); i++) {
            tenonh_stream *side = cf_stream(&r.held);
            tenonh_event *done = cf_event(&r.held);
            wait_for(side, r.event);
            cf_good(tenonh_stream_copy(side, parts, i * BYTES, r.token, 0, BYTES), "copy");
            record(done, side);
            wait_for(r.second, done);
        }
        cf_good(tenonh_stream_read(r.second, back, parts, 0, (uint64_t)SIDES * BYTES), "read");
        cf_good(tenonh_stream_synchronize(r.second), "synchronise");
        for (int i = 0; i < SIDES * COUNT && !cf_failed(); i++)
            if (back[i] != NEW) cf_fail("element %d of part %d is %u", i % COUNT, i / COUNT, back[i]);
    }
    cf_let_go(&r.held);
}

/* Waiting on the host and waiting on the device end with the same bytes. */
static void host_and_device_agree(void) {
    event_row r;
    uint32_t by_host[COUNT];
    if (!cf_begin_for("REQ-EVENT-03 REQ-EVENT-04", "host_and_device_agree")) return;
    if (open_row(&r) && make_new(&r) && record(r.event, r.first) && wait_for(r.second, r.event)) {
        cf_good(tenonh_stream_copy(r.second, r.taken, 0, r.token, 0, BYTES), "copy");
        record(r.other, r.second);
        cf_good(tenonh_event_synchronize(r.other), "synchronise with the second stream's event");
        cf_good(tenonh_event_query(r.event), "query of the first, which came before"); /* not NOT_READY */
        cf_get(r.first, r.token, 0, by_host, BYTES);
        cf_get(r.first, r.taken, 0, r.back, BYTES);
        cf_same(r.back, by_host, BYTES, "what the device took, against what the host sees");
        if (by_host[0] != NEW) cf_fail("the host sees %u", by_host[0]);
    }
    cf_let_go(&r.held);
}

void cf_event_patterns(void) {
    ping_pong();
    fan_out_fan_in();
    host_and_device_agree();
}

/* -- Time --------------------------------------------------------------------------------------------------------- */

/* False after the row was told that the device has no clock. */
static bool elapsed(tenonh_event *start, tenonh_event *end, uint64_t *out_time) {
    tenon_status status = tenonh_event_elapsed(start, end, out_time);
    if (status == TENON_STATUS_UNSUPPORTED)
        cf_not_applicable("the device has no timestamps");
    else
        cf_good(status, "elapsed");
    return status == TENON_STATUS_OK;
}

/* The time of some work between two events; false where it cannot be told, or is longer than the host saw. */
static bool time_once(event_row *r, uint64_t *out_time) {
    cf_good(tenonh_stream_synchronize(r->first), "synchronise");
    uint64_t start = tenon__now();
    record(r->event, r->first);
    cf_busy_enqueue(&r->busy, r->first);
    record(r->other, r->first);
    cf_good(tenonh_event_synchronize(r->other), "synchronise");
    uint64_t most = tenon__now() - start;
    if (!elapsed(r->event, r->other, out_time)) return false;
    if (*out_time > most + most / 4 + 2000000)
        cf_fail("%" PRIu64 " ns between events, and only %" PRIu64 " for the host", *out_time, most);
    return !cf_failed();
}

/* Between two events lies what the host saw pass between them: no more, as far as clocks agree, and as much as the work
 * takes at the very least, at least once: others may have held up the measuring of it. Catches other units, negative
 * times, and times of the call instead of the work. */
static void run_time(uint32_t kind) {
    enum { TRIES = 6 };
    event_row r;
    uint64_t time = 0, least = 0, longest = 0;
    if (!cf_begin_for("REQ-EVENT-05", "elapsed_is_what_passes_%s", kind == CF_BY_COPIES ? "copies" : "launches"))
        return;
    if (open_row(&r) && cf_busy_make(&r.held, r.first, kind, CF_BUSY_MILLISECONDS, &r.busy)) {
        least = r.busy.nanoseconds / 64;
        for (int i = 0; i < TRIES && longest < least && time_once(&r, &time); i++)
            if (time > longest) longest = time;
        if (!cf_failed() && longest && longest < least)
            cf_fail("%" PRIu64 " ns between events, around work of at least %" PRIu64, longest, least);
        if (!cf_failed() && !longest && tenonh_event_elapsed(r.event, r.other, &time) == TENON_STATUS_OK)
            cf_fail("no time passes between events around work of at least %" PRIu64 " ns", least);
    }
    cf_let_go(&r.held);
}

/* Times of events in order are never negative, add up, and stay what they are. */
static void times_add_up(void) {
    enum { EVENTS = 5 };
    event_row r;
    if (!cf_begin_for("REQ-EVENT-05", "times_add_up")) return;
    if (open_row(&r)) {
        tenonh_event *events[EVENTS];
        for (int i = 0; i < EVENTS; i++) {
            events[i] = cf_event(&r.held);
            record(events[i], r.first);
            if (i == 1) cf_busy_enqueue(&r.busy, r.first);
        }
        cf_good(tenonh_event_synchronize(events[EVENTS - 1]), "synchronise");
        uint64_t sum = 0, part = 0, whole = 0, again = 0;
        bool told = elapsed(events[0], events[EVENTS - 1], &whole);
        for (int i = 1; i < EVENTS && told; i++) {
            told = elapsed(events[i - 1], events[i], &part);
            sum += part;
            if (told && part > whole + whole / 64 + 100000)
                cf_fail("a part takes %" PRIu64 " ns of %" PRIu64, part, whole);
        }
        if (told && elapsed(events[0], events[EVENTS - 1], &again) && again != whole)
            cf_fail("%" PRIu64 " ns, asked again %" PRIu64, whole, again);
        uint64_t off = sum > whole ? sum - whole : whole - sum;
        if (told && off > whole / 64 + 100000) cf_fail("parts add up to %" PRIu64 " ns of %" PRIu64, sum, whole);
        if (told && elapsed(events[2], events[2], &part) && part != 0)
            cf_fail("an event is %" PRIu64 " ns from itself", part);
    }
    cf_let_go(&r.held);
}

/* Before the second is complete there is no time between them; a device without a clock says so every time. */
static void not_ready_before_the_end(void) {
    event_row r;
    if (!cf_begin_for("REQ-EVENT-05", "elapsed_is_not_ready_before_the_end")) return;
    if (open_row(&r)) {
        uint64_t time = 12345;
        record(r.event, r.first);
        make_new(&r);
        record(r.other, r.first);
        tenon_status status = tenonh_event_elapsed(r.event, r.other, &time);
        if (status == TENON_STATUS_NOT_READY && time != 12345) cf_fail("elapsed wrote its result although not ready");
        if (status != TENON_STATUS_NOT_READY && status != TENON_STATUS_UNSUPPORTED && cf_good(status, "elapsed"))
            check_token(&r, NEW, "what lies before an event that has a time");
        cf_good(tenonh_event_synchronize(r.other), "synchronise");
        bool told = tenonh_event_elapsed(r.event, r.other, &time) == TENON_STATUS_OK;
        if (told == (status == TENON_STATUS_UNSUPPORTED)) cf_fail("elapsed is UNSUPPORTED once and not the other time");
    }
    cf_let_go(&r.held);
}

void cf_event_times(void) {
    run_time(CF_BY_COPIES);
    run_time(CF_BY_LAUNCHES);
    times_add_up();
    not_ready_before_the_end();
}
