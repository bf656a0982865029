#include "plan/schedule_internal.h"

#include <stdlib.h>
#include <string.h>

#include "device/objects.h"

enum { MOST_STREAMS = 64 }; /* of a place */

/* Time is counted in bytes moved. A launch, and a wait for another stream, take as long as this many. */
#define LAUNCH_COST 8192.0
#define WAIT_COST   8192.0
/* Products of a contraction that take as long as a byte. */
#define PRODUCTS_A_BYTE 8.0

static uint32_t place_of(const tenon__schedule *s, uint32_t point, uint32_t half) {
    const tenon__step *step = tenon__point_step(s, point);
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
        c->level[i] = c->cost[i] = cost_of(tenon__point_step(c->s, i));
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
    s->stream[2 * point + 1] = tenon__point_moves(s, point) ? source_stream(c, point) : best;
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
        tenon__edges_turn(edges, count, next_first, next);
        choose_all(&c, next_first, next);
    }
    bool all = numbers && words;
    free(numbers);
    free(words);
    return all ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
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
