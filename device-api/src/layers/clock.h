/* Vector clocks: for each stream, by its number, how many of its calls are known to lie before a point. */
#ifndef TENON__LAYERS_CLOCK_H
#define TENON__LAYERS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Zero-initialised is before everything. */
typedef struct tenon__clock {
    uint64_t *at;
    uint32_t count;
} tenon__clock;

static inline uint64_t tenon__clock_at(const tenon__clock *clock, uint32_t stream) {
    return stream < clock->count ? clock->at[stream] : 0;
}

/* false when there is no host memory. */
static inline bool tenon__clock_raise(tenon__clock *clock, uint32_t stream, uint64_t value) {
    if (stream >= clock->count) {
        uint64_t *at = realloc(clock->at, ((size_t)stream + 8) * sizeof *at);
        if (!at) return false;
        memset(at + clock->count, 0, ((size_t)stream + 8 - clock->count) * sizeof *at);
        clock->at = at;
        clock->count = stream + 8;
    }
    if (clock->at[stream] < value) clock->at[stream] = value;
    return true;
}

static inline bool tenon__clock_merge(tenon__clock *clock, const tenon__clock *other) {
    bool whole = true;
    for (uint32_t i = 0; i < other->count; i++)
        if (other->at[i]) whole = tenon__clock_raise(clock, i, other->at[i]) && whole;
    return whole;
}

static inline void tenon__clock_free(tenon__clock *clock) {
    free(clock->at);
    *clock = (tenon__clock){0};
}

#endif
