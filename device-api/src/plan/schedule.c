#include "plan/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "device/objects.h"

enum { MOST_STREAMS = 64 }; /* of a place */

/* Time is counted in bytes moved. A launch, and a wait for another stream, take as long as this many. */
#define LAUNCH_COST 8192.0
#define WAIT_COST   8192.0
/* Products of a contraction that take as long as a byte. */
#define PRODUCTS_A_BYTE 8.0

/* A wait of a half of a point for an event. */
typedef struct wait {
    uint32_t half; /* number of the half that waits */
    uint32_t event;
} wait;

/* Halves are numbered 2 * point + half. `streams` streams in all, those of place p being base[p] ... base[p + 1] - 1. */
struct tenon__schedule {
    tenon__plan *plan;
    const tenon__points *points;
    uint32_t base[TENON__MAX_PLACES + 1], streams;
    uint32_t *stream; /* by half */
    uint32_t *number; /* by half: of its stream's halves, from 1 on */
    uint32_t *before; /* by half and stream: halves of the stream that have ended when it starts */
    uint32_t *now;    /* by stream and stream: likewise for what comes next on the first */
    uint32_t *event;  /* by half: that records its end, or TENON__NEVER */
    wait *waits;      /* in the order of halves */
    uint32_t wait_count, wait_capacity, event_count;
    tenon__progress progress;
    uint32_t *ends, *starts;
};

static const tenon__step *step_of(const tenon__schedule *s, uint32_t point) {
    return &s->plan->steps[s->points->list[point].step];
}

static bool is_move(const tenon__schedule *s, uint32_t point) {
    return step_of(s, point)->placement == TENONH_PLACEMENT_MOVE;
}

static uint32_t place_of(const tenon__schedule *s, uint32_t point, uint32_t half) {
    const tenon__step *step = step_of(s, point);
    return half ? s->plan->storages[step->refs[0].storage].place : step->place;
}

/* -- Which stream -- */

typedef struct choice {
    tenon__schedule *s;
    const tenon__edges *edges;
    double *cost, *level, *end; /* by point: its own time, that of the longest way from it to the end, when it ends */
    uint32_t *heir;             /* by point: what of those that need it is on the longest way, or TENON__NEVER */
    uint32_t *missing;          /* by point: points before it that have no stream yet */
    uint32_t *tail;             /* by stream: its last point so far, or TENON__NEVER */
    double *free_at, *ready;    /* by stream: when it is free; when what the point at hand needs of it has ended */
} choice;

static double cost_of(const tenon__step *step) {
    double cost = LAUNCH_COST + (double)step->bytes;
    if (step->op != TENON_OP_MATMUL || step->ref_count < 3 || step->refs[0].rank == 0) return cost;
    double depth = (double)step->refs[0].dims[step->refs[0].rank - 1];
    return cost + (double)tenon__ref_count(&step->refs[2]) * depth / PRODUCTS_A_BYTE;
}

static void find_levels(choice *c) {
    uint32_t count = c->s->points->count;
    for (uint32_t i = 0; i < count; i++) {
        c->level[i] = c->cost[i] = cost_of(step_of(c->s, i));
        c->heir[i] = TENON__NEVER;
        c->missing[i] = c->edges->first[i + 1] - c->edges->first[i];
    }
    for (uint32_t i = count; i-- > 0;) {
        for (uint32_t e = c->edges->first[i]; e < c->edges->first[i + 1]; e++) {
            uint32_t from = c->edges->list[e].from;
            if (c->cost[from] + c->level[i] < c->level[from]) continue;
            c->level[from] = c->cost[from] + c->level[i];
            c->heir[from] = i;
        }
    }
}

/* When the stream can begin `point`. A stream whose last point has an heir that only waits for its turn is kept for it. */
static double start_on(const choice *c, uint32_t point, uint32_t stream) {
    double start = c->free_at[stream];
    uint32_t tail = c->tail[stream], heir = tail == TENON__NEVER ? TENON__NEVER : c->heir[tail];
    bool kept = heir != TENON__NEVER && heir != point && c->s->stream[2 * heir] == TENON__NEVER && !c->missing[heir];
    if (kept) start += c->cost[heir];
    for (uint32_t i = 0; i < c->s->streams; i++) {
        double ready = c->ready[i] + (i != stream && c->ready[i] > 0 ? WAIT_COST : 0);
        if (ready > start) start = ready;
    }
    return start;
}

/* A move reads where its source was made. */
static uint32_t source_stream(const choice *c, uint32_t point) {
    uint32_t place = place_of(c->s, point, 1), found = c->s->base[place];
    for (uint32_t e = c->edges->first[point]; e < c->edges->first[point + 1]; e++)
        if (c->edges->list[e].to_half == 1)
            found = c->s->stream[2 * c->edges->list[e].from + c->edges->list[e].from_half];
    return found;
}

static void choose(choice *c, uint32_t point) {
    tenon__schedule *s = c->s;
    memset(c->ready, 0, s->streams * sizeof *c->ready);
    for (uint32_t e = c->edges->first[point]; e < c->edges->first[point + 1]; e++) {
        const tenon__edge *edge = &c->edges->list[e];
        uint32_t stream = s->stream[2 * edge->from + edge->from_half];
        if (c->end[edge->from] > c->ready[stream]) c->ready[stream] = c->end[edge->from];
    }
    uint32_t place = place_of(s, point, 0), best = s->base[place];
    double start = start_on(c, point, best);
    for (uint32_t i = best + 1; i < s->base[place + 1]; i++) {
        double other = start_on(c, point, i);
        if (other < start) start = other, best = i;
    }
    s->stream[2 * point] = best;
    s->stream[2 * point + 1] = is_move(s, point) ? source_stream(c, point) : best;
    c->end[point] = c->free_at[best] = start + c->cost[point];
    c->tail[best] = point;
}

static void choose_all(choice *c, const uint32_t *next_first, const uint32_t *next) {
    find_levels(c);
    for (uint32_t i = 0; i < c->s->streams; i++) c->tail[i] = TENON__NEVER;
    for (uint32_t i = 0; i < c->s->points->count; i++) {
        choose(c, i);
        for (uint32_t e = next_first[i]; e < next_first[i + 1]; e++) c->missing[next[e]]--;
    }
}

/* The edges by the point that they leave. */
static void turn_edges(const tenon__edges *edges, uint32_t count, uint32_t *next_first, uint32_t *next) {
    for (uint32_t i = 0; i < edges->count; i++) next_first[edges->list[i].from + 1]++;
    for (uint32_t i = 0; i < count; i++) next_first[i + 1] += next_first[i];
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t e = edges->first[i]; e < edges->first[i + 1]; e++) next[next_first[edges->list[e].from]++] = i;
    for (uint32_t i = count; i > 0; i--) next_first[i] = next_first[i - 1];
    next_first[0] = 0;
}

static tenon_status choose_streams(tenon__schedule *s, const tenon__edges *edges) {
    uint32_t count = s->points->count;
    double *numbers = calloc((size_t)count * 3 + s->streams * 2 + 1, sizeof *numbers);
    uint32_t *words = calloc((size_t)count * 3 + s->streams + edges->count + 2, sizeof *words);
    if (numbers && words) {
        choice c = {.s = s, .edges = edges, .cost = numbers, .level = numbers + count};
        c.end = c.level + count;
        c.free_at = c.end + count;
        c.ready = c.free_at + s->streams;
        c.heir = words;
        c.missing = c.heir + count;
        c.tail = c.missing + count;
        uint32_t *next_first = c.tail + s->streams, *next = next_first + count + 1;
        turn_edges(edges, count, next_first, next);
        choose_all(&c, next_first, next);
    }
    bool all = numbers && words;
    free(numbers);
    free(words);
    return all ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

/* -- What each half can be sure of -- */

static uint32_t *now_of(const tenon__schedule *s, uint32_t stream) {
    return s->now + (size_t)stream * s->streams;
}

/* What is sure once half `from` has ended becomes sure for what comes next on `stream`. */
static void learn(tenon__schedule *s, uint32_t stream, uint32_t from) {
    uint32_t *now = now_of(s, stream), of = s->stream[from];
    const uint32_t *before = s->before + (size_t)from * s->streams;
    for (uint32_t i = 0; i < s->streams; i++)
        if (before[i] > now[i]) now[i] = before[i];
    if (s->number[from] > now[of]) now[of] = s->number[from];
}

static tenon_status add_wait(tenon__schedule *s, uint32_t half, uint32_t from) {
    if (s->wait_count == s->wait_capacity) {
        uint32_t capacity = s->wait_capacity ? s->wait_capacity * 2 : 64;
        wait *larger = realloc(s->waits, capacity * sizeof *larger);
        if (!larger) return tenon__fail_memory();
        s->waits = larger;
        s->wait_capacity = capacity;
    }
    if (s->event[from] == TENON__NEVER) s->event[from] = s->event_count++;
    s->waits[s->wait_count++] = (wait){half, s->event[from]};
    return TENON_STATUS_OK;
}

/* The latest half of each other stream that an edge names, the one that was issued last first: what it brings to know may
 * make the others needless, never the other way round. */
static tenon_status wait_for_others(tenon__schedule *s, const tenon__edges *edges, uint32_t point, uint32_t half,
                                    uint32_t *latest) {
    uint32_t stream = s->stream[2 * point + half], *now = now_of(s, stream);
    for (uint32_t i = 0; i < s->streams; i++) latest[i] = TENON__NEVER;
    for (uint32_t e = edges->first[point]; e < edges->first[point + 1]; e++) {
        const tenon__edge *edge = &edges->list[e];
        uint32_t from = 2 * edge->from + edge->from_half, of = s->stream[from];
        if (edge->to_half != half || s->number[from] <= now[of]) continue;
        if (latest[of] == TENON__NEVER || s->number[from] > s->number[latest[of]]) latest[of] = from;
    }
    for (;;) {
        uint32_t chosen = TENON__NEVER;
        for (uint32_t i = 0; i < s->streams; i++) {
            uint32_t from = latest[i];
            if (from == TENON__NEVER || s->number[from] <= now[i]) continue;
            /* Of a move, the half that reads is issued first. */
            if (chosen == TENON__NEVER || (from ^ 1) > (chosen ^ 1)) chosen = from;
        }
        if (chosen == TENON__NEVER) return TENON_STATUS_OK;
        TENON_TRY(add_wait(s, 2 * point + half, chosen));
        learn(s, stream, chosen);
    }
}

static tenon_status run_half(tenon__schedule *s, const tenon__edges *edges, uint32_t point, uint32_t half,
                             uint32_t *latest) {
    uint32_t id = 2 * point + half, stream = s->stream[id], *now = now_of(s, stream);
    if (half == 0 && is_move(s, point)) learn(s, stream, id + 1);
    TENON_TRY(wait_for_others(s, edges, point, half, latest));
    memcpy(s->before + (size_t)id * s->streams, now, s->streams * sizeof *now);
    s->number[id] = ++now[stream];
    return TENON_STATUS_OK;
}

/* Finds the waits that the edges need, and what every half is sure of with them. */
static tenon_status find_waits(tenon__schedule *s, const tenon__edges *edges) {
    uint32_t *latest = calloc(s->streams, sizeof *latest);
    tenon_status status = latest ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
    memset(s->now, 0, (size_t)s->streams * s->streams * sizeof *s->now);
    for (uint32_t i = 0; i < s->points->count * 2; i++) s->event[i] = TENON__NEVER;
    s->wait_count = s->event_count = 0;
    for (uint32_t i = 0; status == TENON_STATUS_OK && i < s->points->count; i++) {
        if (is_move(s, i)) status = run_half(s, edges, i, 1, latest);
        if (status == TENON_STATUS_OK) status = run_half(s, edges, i, 0, latest);
    }
    free(latest);
    return status;
}

/* -- Progress, for the layout -- */

static void note_access(tenon__schedule *s, const tenon__access *access, uint32_t point) {
    uint32_t half = 2 * point + access->half, stream = s->stream[half];
    size_t root = (size_t)s->plan->storages[access->storage].root * s->streams;
    const uint32_t *before = s->before + (size_t)half * s->streams;
    if (s->number[half] > s->ends[root + stream]) s->ends[root + stream] = s->number[half];
    for (uint32_t i = 0; i < s->streams; i++)
        if (before[i] < s->starts[root + i]) s->starts[root + i] = before[i];
}

tenon_status tenon__schedule_progress(tenon__schedule *schedule, const tenon__edges *edges,
                                      const tenon__progress **out_progress) {
    tenon__schedule *s = schedule;
    bool several = false;
    *out_progress = NULL;
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++)
        several = several || s->base[place + 1] - s->base[place] > 1;
    if (!several) return TENON_STATUS_OK;
    TENON_TRY(find_waits(s, edges));
    size_t numbers = (size_t)s->plan->storage_count * s->streams + 1;
    s->ends = calloc(numbers, sizeof *s->ends);
    s->starts = calloc(numbers, sizeof *s->starts);
    if (!s->ends || !s->starts) return tenon__fail_memory();
    memset(s->starts, 0xff, numbers * sizeof *s->starts);
    for (uint32_t i = 0; i < s->points->count; i++)
        for (uint32_t k = 0; k < s->points->list[i].access_count; k++)
            note_access(s, &s->points->accesses[s->points->list[i].first_access + k], i);
    s->progress = (tenon__progress){s->ends, s->starts, s->streams};
    *out_progress = &s->progress;
    return TENON_STATUS_OK;
}

/* -- Commands -- */

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
    if (!is_move(w->s, point)) return is_next(w, 2 * point);
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
    bool move = is_move(s, point);
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
            if (is_move(w->s, point) || !can_write(w, point)) break;
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
    for (uint32_t i = 0; i < w->s->points->count; i++) moves = moves || is_move(w->s, i);
    for (uint32_t i = 0; !moves && i < w->s->points->count; i++) write_point(w, i);
    while (moves && (write_launches(w) || write_first_move(w))) {}
}

static void fill_queues(writer *w) {
    const tenon__schedule *s = w->s;
    uint32_t halves = s->points->count * 2;
    for (uint32_t i = 0; i < halves; i++)
        if (i % 2 == 0 || is_move(s, i / 2)) w->queue_first[s->stream[i] + 1]++;
    for (uint32_t i = 0; i < s->streams; i++) w->queue_first[i + 1] += w->queue_first[i];
    memcpy(w->at, w->queue_first, s->streams * sizeof *w->at);
    for (uint32_t i = 0; i < s->points->count; i++) {
        if (is_move(s, i)) w->queues[w->at[s->stream[2 * i + 1]]++] = 2 * i + 1;
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
    const wait *x = a, *y = b;
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
    if (edges) TENON_TRY(find_waits(schedule, edges));
    return write_commands(schedule);
}

/* -- Life -- */

static uint32_t streams_of(const tenon__plan_context *context, uint32_t place) {
    const tenonh_device *device = context->devices[place];
    if (!device) return 0;
    uint32_t most = tenonh_device_info(device)->max_streams, wanted = context->streams;
    if (wanted > MOST_STREAMS) wanted = MOST_STREAMS;
    if (most && wanted > most) wanted = most;
    return wanted && device->has_events ? wanted : 1;
}

static tenon_status prepare(tenon__schedule *s) {
    size_t halves = (size_t)s->points->count * 2 + 1, streams = s->streams;
    s->stream = calloc(halves * 3, sizeof *s->stream);
    s->number = s->stream ? s->stream + halves : NULL;
    s->event = s->stream ? s->number + halves : NULL;
    s->before = calloc(halves * streams + 1, sizeof *s->before);
    s->now = calloc(streams * streams + 1, sizeof *s->now);
    if (!s->stream || !s->before || !s->now) return tenon__fail_memory();
    for (size_t i = 0; i < halves; i++) s->stream[i] = s->event[i] = TENON__NEVER;
    return TENON_STATUS_OK;
}

tenon_status tenon__schedule_create(const tenon__plan_context *context, tenon__plan *plan, const tenon__points *points,
                                    const tenon__edges *edges, tenon__schedule **out_schedule) {
    tenon__schedule *s = calloc(1, sizeof *s);
    if (!s) return tenon__fail_memory();
    s->plan = plan;
    s->points = points;
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++)
        s->base[place + 1] = s->base[place] + streams_of(context, place);
    s->streams = s->base[TENON__MAX_PLACES];
    tenon_status status = prepare(s);
    if (status == TENON_STATUS_OK) status = choose_streams(s, edges);
    if (status != TENON_STATUS_OK) return tenon__schedule_free(s), status;
    *out_schedule = s;
    return TENON_STATUS_OK;
}

void tenon__schedule_free(tenon__schedule *schedule) {
    if (!schedule) return;
    free(schedule->stream);
    free(schedule->before);
    free(schedule->now);
    free(schedule->waits);
    free(schedule->ends);
    free(schedule->starts);
    free(schedule);
}
