/* Streams and events with a defect: bytes that go elsewhere, order that is not kept, failures that are lost. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mutants/mutant.h"

void mutant_pause(void) {
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

tenon_status mutant_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    if (size) TENON_TRY(mutant.stream.read(stream, destination, source, size));
    return mutant.stream.synchronize(stream);
}

tenon_status mutant_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    if (size) TENON_TRY(mutant.stream.write(stream, destination, source, size));
    return mutant.stream.synchronize(stream);
}

/* -- A command held back: defects of order ---------------------------------------------------------------------------- */

enum { HELD_NOTHING, HELD_COPY, HELD_FILL, HELD_WRITE, HELD_READ, HELD_WAIT };

typedef struct command {
    uint32_t what;
    tenon_stream *stream;
    tenon_buffer destination, source;
    const void *bytes;
    void *target;
    uint64_t pattern, size;
    uint32_t pattern_size;
    tenon_event *event;
} command;

static command held;
static pthread_mutex_t held_mutex = PTHREAD_MUTEX_INITIALIZER;

static tenon_status carry_out(const command *c) {
    switch (c->what) {
    case HELD_COPY: return mutant.stream.copy(c->stream, c->destination, c->source, c->size);
    case HELD_FILL: return mutant.stream.fill(c->stream, c->destination, c->pattern, c->pattern_size, c->size);
    case HELD_WRITE: return mutant.stream.write(c->stream, c->destination, c->bytes, c->size);
    case HELD_READ: return mutant.stream.read(c->stream, c->target, c->source, c->size);
    case HELD_WAIT: return mutant.event.wait(c->stream, c->event);
    default: return TENON_STATUS_OK;
    }
}

static command take_held(const tenon_stream *stream) {
    pthread_mutex_lock(&held_mutex);
    command mine = {0};
    if (held.what && held.stream == stream) {
        mine = held;
        held.what = HELD_NOTHING;
    }
    pthread_mutex_unlock(&held_mutex);
    return mine;
}

tenon_status mutant_release_held(tenon_stream *stream) {
    command mine = take_held(stream);
    TENON_TRY(mutant_launch_now(stream));
    return carry_out(&mine);
}

/* Holds a command back until the next one of its stream, instead of one of another stream. */
static bool hold(const command *c) {
    pthread_mutex_lock(&held_mutex);
    bool room = held.what == HELD_NOTHING;
    if (room) held = *c;
    pthread_mutex_unlock(&held_mutex);
    return room;
}

/* Carries a command out, and after it the one that should have come before. */
static tenon_status overtake(const command *c) {
    command before = take_held(c->stream);
    tenon_status status = carry_out(c);
    return before.what ? carry_out(&before) : status;
}

static bool holds_back(uint32_t what) {
    switch (mutant.planted) {
    case MUTANT_copies_overtaken: return what == HELD_COPY;
    case MUTANT_destroy_drops_the_last: return what == HELD_COPY || what == HELD_READ;
    case MUTANT_fills_overtaken: return what == HELD_FILL;
    default: return false;
    }
}

static tenon_status submit(const command *c) {
    if (planted(MUTANT_destroy_drops_the_last)) TENON_TRY(mutant_release_held(c->stream));
    if (holds_back(c->what) && c->size && hold(c)) return TENON_STATUS_OK;
    if (planted(MUTANT_copies_overtaken) || planted(MUTANT_fills_overtaken)) return overtake(c);
    TENON_TRY(mutant_release_held(c->stream));
    return carry_out(c);
}

/* -- Failures --------------------------------------------------------------------------------------------------------- */

tenon_status mutant_stream_status(tenon_stream *stream, tenon_status status) {
    mutant_stream *record = mutant_recall(stream);
    bool late = status != TENON_STATUS_OK && status != TENON_STATUS_NOT_READY;
    if (!late) return status;
    switch (mutant.planted) {
    case MUTANT_late_failures_swallowed: return TENON_STATUS_OK;
    case MUTANT_late_failures_are_internal: return TENON_STATUS_INTERNAL;
    case MUTANT_failure_told_once: return record && record->told++ ? (tenon_status)TENON_STATUS_OK : status;
    default: return status;
    }
}

/* What a command on a failed stream answers. */
static tenon_status void_status(tenon_stream *stream, tenon_status status) {
    if (status != TENON_STATUS_FAILED_STREAM) return status;
    if (planted(MUTANT_failed_streams_go_on)) return TENON_STATUS_OK;
    return planted(MUTANT_failed_streams_repeat_the_cause) ? mutant.stream.synchronize(stream) : status;
}

/* What a command with a range that does not fit answers. */
static tenon_status ranged(tenon_stream *stream, uint32_t defect, tenon_status status) {
    if (planted(defect) && status == TENON_STATUS_INVALID) return TENON_STATUS_OK;
    return void_status(stream, status);
}

/* -- Streams ---------------------------------------------------------------------------------------------------------- */

static tenon_status create(tenon_device *device, tenon_stream **out_stream) {
    static uint32_t alive;
    if (planted(MUTANT_streams_limited) && __atomic_add_fetch(&alive, 1, __ATOMIC_SEQ_CST) > mutant.parameter)
        return mutant_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no more streams");
    TENON_TRY(mutant.stream.create(device, out_stream));
    mutant_stream *record = mutant_remember(*out_stream, sizeof *record);
    if (!record) return TENON_STATUS_OK;
    record->device = device;
    record->fd = planted(MUTANT_fd_leaks) ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    return TENON_STATUS_OK;
}

static void destroy(tenon_stream *stream) {
    if (planted(MUTANT_streams_leak)) return;
    if (planted(MUTANT_destroy_drops_the_last))
        (void)take_held(stream);
    else
        (void)mutant_release_held(stream);
    mutant_forget(stream);
    mutant.stream.destroy(stream);
}

static tenon_status synchronize(tenon_stream *stream) {
    if (planted(MUTANT_synchronize_returns_early)) return TENON_STATUS_OK;
    TENON_TRY(mutant_release_held(stream));
    return mutant_stream_status(stream, mutant.stream.synchronize(stream));
}

static tenon_status query(tenon_stream *stream) {
    TENON_TRY(mutant_release_held(stream));
    if (planted(MUTANT_query_waits)) return mutant.stream.synchronize(stream);
    tenon_status status = mutant.stream.query(stream);
    if (planted(MUTANT_query_says_done) && status == TENON_STATUS_NOT_READY) return TENON_STATUS_OK;
    if (planted(MUTANT_query_forgets_failures) && status != TENON_STATUS_NOT_READY) return TENON_STATUS_OK;
    return mutant_stream_status(stream, status);
}

/* Bytes on their way through a buffer that all streams share. */
static const void *through_staging(const void *source, uint64_t size) {
    static char staging[1 << 16];
    if (size > sizeof staging) return source;
    memcpy(staging, source, size);
    mutant_pause();
    return staging;
}

/* The bytes that a copy moves in place of `size`. */
static uint64_t shortened(uint32_t odd, uint32_t blocks, uint64_t size) {
    if (planted(odd) && size % 2) return size - 1;
    return planted(blocks) && size > (uint64_t)mutant.parameter ? size - size % (uint64_t)mutant.parameter : size;
}

static tenon_status stream_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    if (planted(MUTANT_write_offset_ignored)) destination.offset = 0;
    if (planted(MUTANT_writes_share_a_buffer) && source) {
        const void *staged = through_staging(source, size);
        tenon_status status = mutant.stream.write(stream, destination, staged, size);
        if (status == TENON_STATUS_OK) (void)mutant.stream.synchronize(stream);
        return void_status(stream, status);
    }
    size = shortened(MUTANT_write_tail_byte, MUTANT_write_tail_block, size);
    command c = {.what = HELD_WRITE, .stream = stream, .destination = destination, .bytes = source, .size = size};
    return ranged(stream, MUTANT_write_past_the_end_taken, submit(&c));
}

static tenon_status stream_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    if (planted(MUTANT_read_offset_ignored)) source.offset = 0;
    if (planted(MUTANT_read_offset_rounded)) source.offset -= source.offset % (uint64_t)mutant.parameter;
    if (planted(MUTANT_late_failures_swallowed) && mutant.stream.synchronize(stream) != TENON_STATUS_OK)
        return TENON_STATUS_OK;
    TENON_TRY(mutant_release_held(stream));
    size = shortened(MUTANT_read_tail_byte, MUTANT_read_tail_block, size);
    command c = {.what = HELD_READ, .stream = stream, .target = destination, .source = source, .size = size};
    tenon_status status = holds_back(HELD_READ) ? submit(&c) : carry_out(&c);
    return ranged(stream, MUTANT_read_past_the_end_taken, status);
}

static bool fits(tenon_buffer buffer, uint64_t size) {
    const mutant_memory *record = mutant_recall(buffer.memory);
    return record && buffer.offset <= record->size && size <= record->size - buffer.offset;
}

static tenon_status copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    uint64_t rounded = (size + 15) / 16 * 16;
    if (planted(MUTANT_copy_source_offset_ignored)) source.offset = 0;
    if (planted(MUTANT_copy_destination_offset_ignored)) destination.offset = 0;
    if (planted(MUTANT_copy_rounds_up) && fits(destination, rounded) && fits(source, rounded) &&
        destination.memory != source.memory)
        size = rounded;
    size = shortened(MUTANT_copy_tail_byte, MUTANT_copy_tail_block, size);
    if (planted(MUTANT_copy_within_one_fails) && destination.memory == source.memory)
        return mutant_fail(NULL, TENON_STATUS_INVALID, "source and target are one allocation");
    command c = {.what = HELD_COPY, .stream = stream, .destination = destination, .source = source, .size = size};
    tenon_status status = submit(&c);
    if (planted(MUTANT_copy_overlap_taken) && destination.memory == source.memory && status == TENON_STATUS_INVALID)
        return TENON_STATUS_OK;
    return ranged(stream, MUTANT_copy_past_the_end_taken, status);
}

static tenon_status fill(tenon_stream *stream, tenon_buffer destination, uint64_t pattern, uint32_t pattern_size,
                         uint64_t size) {
    if (planted(MUTANT_fill_offset_ignored)) destination.offset = 0;
    if (planted(MUTANT_fill_low_byte_only)) pattern = (pattern & 0xff) * UINT64_C(0x0101010101010101);
    if (planted(MUTANT_fill_low_half_of_eight) && pattern_size == 8) pattern_size = 4;
    if (planted(MUTANT_fill_last_missed) && size > pattern_size) size -= pattern_size;
    if (planted(MUTANT_fill_stops_at_8_mib) && size > (uint64_t)mutant.parameter) size = (uint64_t)mutant.parameter;
    if (planted(MUTANT_fill_of_part_patterns) && pattern_size && size % pattern_size) return TENON_STATUS_OK;
    command c = {.what = HELD_FILL,
                 .stream = stream,
                 .destination = destination,
                 .pattern = pattern,
                 .size = size,
                 .pattern_size = pattern_size};
    return ranged(stream, MUTANT_fill_past_the_end_taken, submit(&c));
}

const tenon_stream_hooks mutant_stream_hooks = {
    .struct_size = sizeof mutant_stream_hooks,
    .create = create,
    .destroy = destroy,
    .synchronize = synchronize,
    .query = query,
    .write = stream_write,
    .read = stream_read,
    .copy = copy,
    .fill = fill,
};

/* -- Events ----------------------------------------------------------------------------------------------------------- */

static tenon_status event_create(tenon_device *device, tenon_event **out_event) {
    static uint32_t alive;
    if (planted(MUTANT_events_limited) && __atomic_add_fetch(&alive, 1, __ATOMIC_SEQ_CST) > mutant.parameter)
        return mutant_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no more events");
    TENON_TRY(mutant.event.create(device, out_event));
    mutant_event *record = mutant_remember(*out_event, sizeof *record);
    if (record) record->device = device;
    return TENON_STATUS_OK;
}

static void event_destroy(tenon_event *event) {
    if (planted(MUTANT_events_leak)) return;
    mutant_forget(event);
    mutant.event.destroy(event);
}

static uint32_t records_of(tenon_event *event) {
    const mutant_event *record = mutant_recall(event);
    return record ? record->records : 0;
}

static tenon_status event_record(tenon_event *event, tenon_stream *stream) {
    mutant_event *record = mutant_recall(event);
    TENON_TRY(mutant_release_held(stream));
    if (planted(MUTANT_record_does_not_move) && record && record->records) return TENON_STATUS_OK;
    if (planted(MUTANT_record_on_failed_streams_fails)) {
        tenon_status status = mutant.stream.query(stream);
        if (status != TENON_STATUS_OK && status != TENON_STATUS_NOT_READY) return TENON_STATUS_FAILED_STREAM;
    }
    if (record) record->records++, record->stream = stream;
    return mutant.event.record(event, stream);
}

/* What a defect makes of how an event ended. */
static tenon_status ended(tenon_status status) {
    bool failed = status != TENON_STATUS_OK && status != TENON_STATUS_NOT_READY;
    return planted(MUTANT_events_end_well) && failed ? (tenon_status)TENON_STATUS_OK : status;
}

/* True for an event that looks at its stream, which is gone. */
static bool is_orphan(const tenon_event *event) {
    const mutant_event *record = mutant_recall(event);
    return planted(MUTANT_events_die_with_streams) && record && record->stream && !mutant_recall(record->stream);
}

static tenon_status event_query(tenon_event *event) {
    if (is_orphan(event)) return TENON_STATUS_NOT_READY;
    if (planted(MUTANT_unrecorded_events_are_pending) && records_of(event) == 0) return TENON_STATUS_NOT_READY;
    if (planted(MUTANT_event_query_waits)) return mutant.event.synchronize(event);
    tenon_status status = mutant.event.query(event);
    if (planted(MUTANT_events_complete_early) && status == TENON_STATUS_NOT_READY) return TENON_STATUS_OK;
    return ended(status);
}

static tenon_status event_synchronize(tenon_event *event) {
    if (planted(MUTANT_event_synchronize_returns_early)) return TENON_STATUS_OK;
    return ended(mutant.event.synchronize(event));
}

static tenon_status event_wait(tenon_stream *stream, tenon_event *event) {
    TENON_TRY(mutant_release_held(stream));
    command c = {.what = HELD_WAIT, .stream = stream, .event = event};
    switch (mutant.planted) {
    case MUTANT_wait_ignored: return TENON_STATUS_OK;
    case MUTANT_wait_for_a_later_record: return hold(&c) ? (tenon_status)TENON_STATUS_OK : carry_out(&c);
    case MUTANT_wait_blocks_the_host: (void)mutant.event.synchronize(event); break;
    case MUTANT_poison_not_passed:
        if (mutant.event.synchronize(event) != TENON_STATUS_OK) return TENON_STATUS_OK;
        break;
    case MUTANT_unrecorded_wait_fails:
        if (records_of(event) == 0) return TENON_STATUS_INVALID;
        break;
    default: break;
    }
    return void_status(stream, mutant.event.wait(stream, event));
}

static tenon_status event_elapsed(tenon_event *start, tenon_event *end, uint64_t *out_nanoseconds) {
    tenon_status status = mutant.event.elapsed(start, end, out_nanoseconds);
    switch (mutant.planted) {
    case MUTANT_elapsed_of_the_unrecorded:
        if (status == TENON_STATUS_INVALID) *out_nanoseconds = 0, status = TENON_STATUS_OK;
        break;
    case MUTANT_elapsed_of_the_pending:
        if (status == TENON_STATUS_NOT_READY) *out_nanoseconds = 0, status = TENON_STATUS_OK;
        break;
    case MUTANT_elapsed_in_microseconds: *out_nanoseconds /= 1000; break;
    case MUTANT_elapsed_negative: *out_nanoseconds = 0 - *out_nanoseconds; break;
    default: break;
    }
    return status;
}

const tenon_event_hooks mutant_event_hooks = {
    .struct_size = sizeof mutant_event_hooks,
    .create = event_create,
    .destroy = event_destroy,
    .record = event_record,
    .query = event_query,
    .synchronize = event_synchronize,
    .wait = event_wait,
    .elapsed = event_elapsed,
};
