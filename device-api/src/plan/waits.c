/* Which events streams wait for, by vectors of how far each stream knows the others to be. */
#include <stdlib.h>
#include <string.h>

#include "plan/schedule_internal.h"

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
        tenon__wait *larger = realloc(s->waits, capacity * sizeof *larger);
        if (!larger) return tenon__fail_memory();
        s->waits = larger;
        s->wait_capacity = capacity;
    }
    if (s->event[from] == TENON__NEVER) s->event[from] = s->event_count++;
    s->waits[s->wait_count++] = (tenon__wait){half, s->event[from]};
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
    if (half == 0 && tenon__point_moves(s, point)) learn(s, stream, id + 1);
    TENON_TRY(wait_for_others(s, edges, point, half, latest));
    memcpy(s->before + (size_t)id * s->streams, now, s->streams * sizeof *now);
    s->number[id] = ++now[stream];
    return TENON_STATUS_OK;
}

tenon_status tenon__schedule_waits(tenon__schedule *schedule, const tenon__edges *edges) {
    tenon__schedule *s = schedule;
    uint32_t *latest = calloc(s->streams, sizeof *latest);
    tenon_status status = latest ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
    memset(s->now, 0, (size_t)s->streams * s->streams * sizeof *s->now);
    for (uint32_t i = 0; i < s->points->count * 2; i++) s->event[i] = TENON__NEVER;
    s->wait_count = s->event_count = 0;
    for (uint32_t i = 0; status == TENON_STATUS_OK && i < s->points->count; i++) {
        if (tenon__point_moves(s, i)) status = run_half(s, edges, i, 1, latest);
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
    TENON_TRY(tenon__schedule_waits(s, edges));
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
