/* Shared by schedule.c, which chooses streams, and waits.c and commands.c, which make events and commands of that. */
#ifndef TENON_PLAN_SCHEDULE_INTERNAL_H
#define TENON_PLAN_SCHEDULE_INTERNAL_H

#include "plan/schedule.h"

/* A wait of a half of a point for an event. */
typedef struct tenon__wait {
    uint32_t half; /* number of the half that waits */
    uint32_t event;
} tenon__wait;

/* Halves are numbered 2 * point + half. `streams` streams in all, those of place p being base[p] ... base[p + 1] - 1. */
struct tenon__schedule {
    tenon__plan *plan;
    const tenon__points *points;
    uint32_t base[TENON__MAX_PLACES + 1], streams;
    uint32_t *stream;   /* by half */
    uint32_t *number;   /* by half: of its stream's halves, from 1 on */
    uint32_t *before;   /* by half and stream: halves of the stream that have ended when it starts */
    uint32_t *now;      /* by stream and stream: likewise for what comes next on the first */
    uint32_t *event;    /* by half: that records its end, or TENON__NEVER */
    tenon__wait *waits; /* in the order of halves */
    uint32_t wait_count, wait_capacity, event_count;
    tenon__progress progress;
    uint32_t *ends, *starts;
};

static inline const tenon__step *tenon__point_step(const tenon__schedule *s, uint32_t point) {
    return &s->plan->steps[s->points->list[point].step];
}

static inline bool tenon__point_moves(const tenon__schedule *s, uint32_t point) {
    return tenon__point_step(s, point)->placement == TENONH_PLACEMENT_MOVE;
}

/* Finds the waits that the edges need, and what every half is sure of with them. Errors: OUT_OF_MEMORY. */
tenon_status tenon__schedule_waits(tenon__schedule *schedule, const tenon__edges *edges);

#endif
