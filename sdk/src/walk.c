#include <string.h>

#include <tenon/walk.h>

/* True when axis `outer`, already in the walk, and an axis of `dim` elements inside it are one for every operand. */
static int merges(const tenon_walk *walk, uint32_t outer, int64_t dim, const int64_t *inner_strides) {
    for (uint32_t o = 0; o < walk->operand_count; o++) {
        int64_t span;
        if (__builtin_mul_overflow(inner_strides[o], dim, &span) || walk->strides[outer][o] != span) return 0;
    }
    return 1;
}

/* Adds an axis inside those there are. */
static tenon_status add_axis(tenon_walk *walk, int64_t dim, const int64_t *strides) {
    int64_t merged;
    uint32_t last = walk->rank - 1;
    if (dim == 1) return TENON_STATUS_OK;
    if (walk->rank && merges(walk, last, dim, strides) && !__builtin_mul_overflow(walk->dims[last], dim, &merged)) {
        walk->dims[last] = merged;
        memcpy(walk->strides[last], strides, sizeof walk->strides[last]);
        return TENON_STATUS_OK;
    }
    if (walk->rank == TENON_MAX_RANK) return TENON_STATUS_INVALID;
    walk->dims[walk->rank] = dim;
    memcpy(walk->strides[walk->rank], strides, sizeof walk->strides[walk->rank]);
    walk->rank++;
    return TENON_STATUS_OK;
}

static tenon_status start(tenon_walk *walk, uint32_t operand_count) {
    memset(walk, 0, sizeof *walk);
    walk->operand_count = operand_count;
    return operand_count == 0 || operand_count > TENON_WALK_OPERANDS ? TENON_STATUS_INVALID : TENON_STATUS_OK;
}

static int is_empty(uint32_t rank, const int64_t *dims) {
    for (uint32_t i = 0; i < rank; i++)
        if (dims[i] == 0) return 1;
    return 0;
}

/* Makes the innermost axis the run. */
static void finish(tenon_walk *walk) {
    walk->count = 1;
    if (walk->rank == 0) return;
    uint32_t inner = --walk->rank;
    walk->count = walk->dims[inner];
    memcpy(walk->steps, walk->strides[inner], sizeof walk->steps);
}

tenon_status tenon_walk_begin(tenon_walk *walk, uint32_t rank, const int64_t *dims, uint32_t operand_count,
                              const int64_t *const *strides) {
    TENON_TRY(start(walk, operand_count));
    for (uint32_t i = 0; i < rank; i++)
        if (dims[i] < 0) return TENON_STATUS_INVALID;
    walk->ended = (uint32_t)is_empty(rank, dims);
    for (uint32_t i = 0; i < rank && !walk->ended; i++) {
        int64_t axis[TENON_WALK_OPERANDS] = {0};
        for (uint32_t o = 0; o < operand_count; o++) axis[o] = strides[o][i];
        TENON_TRY(add_axis(walk, dims[i], axis));
    }
    finish(walk);
    return TENON_STATUS_OK;
}

tenon_status tenon_walk_begin_views(tenon_walk *walk, uint32_t operand_count, const tenon_view *const *views,
                                    const int64_t *symbols) {
    int64_t dims[TENON_MAX_RANK], strides[TENON_WALK_OPERANDS][TENON_MAX_RANK];
    const int64_t *rows[TENON_WALK_OPERANDS];
    TENON_TRY(start(walk, operand_count));
    uint32_t rank = views[0]->rank;
    if (rank > TENON_MAX_RANK) return TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < rank; i++) dims[i] = tenon_extent_value(&views[0]->dims[i], symbols);
    for (uint32_t o = 0; o < operand_count; o++) {
        rows[o] = strides[o];
        if (views[o]->rank != rank) return TENON_STATUS_INVALID;
        for (uint32_t i = 0; i < rank; i++) {
            if (tenon_extent_value(&views[o]->dims[i], symbols) != dims[i]) return TENON_STATUS_INVALID;
            strides[o][i] = tenon_extent_value(&views[o]->strides[i], symbols);
        }
    }
    return tenon_walk_begin(walk, rank, dims, operand_count, rows);
}

/* Moves every operand by `steps` along an axis. */
static void move(tenon_walk *walk, uint32_t axis, int64_t steps) {
    for (uint32_t o = 0; o < walk->operand_count; o++) walk->offsets[o] += steps * walk->strides[axis][o];
}

int tenon_walk_next(tenon_walk *walk) {
    if (walk->ended) return 0;
    if (!walk->started) {
        walk->started = 1;
        return 1;
    }
    for (uint32_t axis = walk->rank; axis-- > 0;) {
        if (++walk->index[axis] < walk->dims[axis]) {
            move(walk, axis, 1);
            return 1;
        }
        walk->index[axis] = 0;
        move(walk, axis, 1 - walk->dims[axis]);
    }
    walk->ended = 1;
    return 0;
}
