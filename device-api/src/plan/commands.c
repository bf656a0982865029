/* Writes a schedule down as the plan's commands. */
#include <stdlib.h>
#include <string.h>

#include "plan/schedule_internal.h"

/* The state of writing commands down: launches first, since a move may hold up the host. */
typedef struct writer {
    tenon__schedule *s;
    uint32_t *queue_first, *queues; /* by stream: its halves in order */
    uint32_t *at;                   /* by stream: its next half */
    uint32_t *wait_first;           /* by half: its first wait */
    bool *recorded;                 /* by event */
    uint32_t *renamed;              /* by stream: its number among those in use */
} writer;

static void put(writer *w, uint32_t kind, uint32_t stream, uint32_t index) {
    tenon__plan *plan = w->s->plan;
    plan->commands[plan->command_count++] = (tenon__command){kind, w->renamed[stream], index};
}

static bool is_next(const writer *w, uint32_t half) {
    uint32_t stream = w->s->stream[half];
    bool next = w->at[stream] < w->queue_first[stream + 1] && w->queues[w->at[stream]] == half;
    for (uint32_t i = w->wait_first[half]; next && i < w->wait_first[half + 1]; i++)
        next = w->recorded[w->s->waits[i].event];
    return next;
}

static bool can_write(const writer *w, uint32_t point) {
    if (!tenon__point_moves(w->s, point)) return is_next(w, 2 * point);
    bool same = w->s->stream[2 * point] == w->s->stream[2 * point + 1];
    if (!same) return is_next(w, 2 * point) && is_next(w, 2 * point + 1);
    bool ready = is_next(w, 2 * point + 1);
    for (uint32_t i = w->wait_first[2 * point]; ready && i < w->wait_first[2 * point + 1]; i++)
        ready = w->recorded[w->s->waits[i].event];
    return ready;
}

static void put_waits(writer *w, uint32_t half) {
    for (uint32_t i = w->wait_first[half]; i < w->wait_first[half + 1]; i++)
        put(w, TENON__COMMAND_WAIT, w->s->stream[half], w->s->waits[i].event);
    w->at[w->s->stream[half]]++;
}

static void put_record(writer *w, uint32_t half) {
    uint32_t event = w->s->event[half];
    if (event == TENON__NEVER) return;
    put(w, TENON__COMMAND_RECORD, w->s->stream[half], event);
    w->recorded[event] = true;
}

static void write_point(writer *w, uint32_t point) {
    tenon__schedule *s = w->s;
    uint32_t step = s->points->list[point].step;
    bool move = tenon__point_moves(s, point);
    if (move) put_waits(w, 2 * point + 1);
    put_waits(w, 2 * point);
    put(w, move ? TENON__COMMAND_MOVE : TENON__COMMAND_LAUNCH, s->stream[2 * point], step);
    if (move) put_record(w, 2 * point + 1);
    put_record(w, 2 * point);
    if (move) s->plan->steps[step].from_stream = w->renamed[s->stream[2 * point + 1]];
}

/* Writes what launches can be written, stream by stream. */
static bool write_launches(writer *w) {
    bool any = false;
    for (uint32_t i = 0; i < w->s->streams; i++) {
        while (w->at[i] < w->queue_first[i + 1]) {
            uint32_t point = w->queues[w->at[i]] / 2;
            if (tenon__point_moves(w->s, point) || !can_write(w, point)) break;
            write_point(w, point);
            any = true;
        }
    }
    return any;
}

static bool write_first_move(writer *w) {
    uint32_t first = TENON__NEVER;
    for (uint32_t i = 0; i < w->s->streams; i++) {
        if (w->at[i] == w->queue_first[i + 1]) continue;
        uint32_t point = w->queues[w->at[i]] / 2;
        if (point < first && can_write(w, point)) first = point;
    }
    if (first != TENON__NEVER) write_point(w, first);
    return first != TENON__NEVER;
}

static void write_all(writer *w) {
    bool moves = false;
    for (uint32_t i = 0; i < w->s->points->count; i++) moves = moves || tenon__point_moves(w->s, i);
    for (uint32_t i = 0; !moves && i < w->s->points->count; i++) write_point(w, i);
    while (moves && (write_launches(w) || write_first_move(w))) {}
}

static void fill_queues(writer *w) {
    const tenon__schedule *s = w->s;
    uint32_t halves = s->points->count * 2;
    for (uint32_t i = 0; i < halves; i++)
        if (i % 2 == 0 || tenon__point_moves(s, i / 2)) w->queue_first[s->stream[i] + 1]++;
    for (uint32_t i = 0; i < s->streams; i++) w->queue_first[i + 1] += w->queue_first[i];
    memcpy(w->at, w->queue_first, s->streams * sizeof *w->at);
    for (uint32_t i = 0; i < s->points->count; i++) {
        if (tenon__point_moves(s, i)) w->queues[w->at[s->stream[2 * i + 1]]++] = 2 * i + 1;
        w->queues[w->at[s->stream[2 * i]]++] = 2 * i;
    }
    memcpy(w->at, w->queue_first, s->streams * sizeof *w->at);
}

/* Waits were found point by point, of a move's halves the one that reads first. */
static void index_waits(writer *w) {
    const tenon__schedule *s = w->s;
    for (uint32_t i = 0; i < s->wait_count; i++) w->wait_first[s->waits[i].half + 1]++;
    for (uint32_t i = 0; i < s->points->count * 2; i++) w->wait_first[i + 1] += w->wait_first[i];
}

/* Streams without work have no number; every place keeps one. */
static void rename_streams(writer *w) {
    const tenon__schedule *s = w->s;
    tenon__plan *plan = s->plan;
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) {
        for (uint32_t i = s->base[place]; i < s->base[place + 1]; i++) {
            bool used = w->queue_first[i] < w->queue_first[i + 1];
            w->renamed[i] = plan->stream_count;
            if (used || i == s->base[place]) plan->stream_places[plan->stream_count++] = place;
        }
    }
}

static int by_half(const void *a, const void *b) {
    const tenon__wait *x = a, *y = b;
    if (x->half != y->half) return x->half < y->half ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

static tenon_status write_commands(tenon__schedule *s) {
    uint32_t halves = s->points->count * 2;
    tenon__plan *plan = s->plan;
    size_t words = (size_t)s->streams * 3 + 1 + (size_t)halves * 2 + 1;
    uint32_t *room = calloc(words, sizeof *room);
    bool *recorded = calloc((size_t)s->event_count + 1, sizeof *recorded);
    plan->commands = calloc((size_t)s->points->count + s->wait_count + s->event_count + 1, sizeof *plan->commands);
    plan->stream_places = calloc((size_t)s->streams + 1, sizeof *plan->stream_places);
    bool all = room && recorded && plan->commands && plan->stream_places;
    if (all) {
        writer w = {.s = s, .queue_first = room, .at = room + s->streams + 1, .recorded = recorded};
        w.renamed = w.at + s->streams;
        w.wait_first = w.renamed + s->streams;
        w.queues = w.wait_first + halves + 1;
        if (s->wait_count) qsort(s->waits, s->wait_count, sizeof *s->waits, by_half);
        index_waits(&w);
        fill_queues(&w);
        rename_streams(&w);
        write_all(&w);
        plan->event_count = s->event_count;
    }
    free(room);
    free(recorded);
    return all ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

tenon_status tenon__schedule_commands(tenon__schedule *schedule, const tenon__edges *edges) {
    if (edges) TENON_TRY(tenon__schedule_waits(schedule, edges));
    return write_commands(schedule);
}
