/* Operators along one axis in which order counts: argmax, scan, sort. An axis stands between `outer` and `inner` others. */
#include "dsp.h"

#include <math.h>
#include <string.h>

typedef struct line {
    int64_t outer, length, inner;
} line;

static line line_of(const dsp_call *call, const dsp_operand *x) {
    uint32_t axis = (uint32_t)dsp_attr(call->exec, TENON_ATTR_AXIS);
    return (line){dsp_span(x->dims, 0, axis), x->dims[axis], dsp_span(x->dims, axis + 1, x->rank)};
}

/* -- Argmax ------------------------------------------------------------------------------------------------------- */

/* True when `a`, which comes later, is larger than `b`: NaN above all, -0 below +0. */
static bool beats(float a, float b) {
    if (isnan(a) || isnan(b)) return isnan(a) && !isnan(b);
    return a > b || (a == b && signbit(b) && !signbit(a));
}

static void keep_larger(const dsp_lanes *next, dsp_lanes *best, dsp_lanes *index, bool is_float, int64_t at,
                        int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        bool wins = is_float ? beats(next->f[i], best->f[i]) : next->i[i] > best->i[i];
        if (!wins) continue;
        if (is_float)
            best->f[i] = next->f[i];
        else
            best->i[i] = next->i[i];
        index->i[i] = at;
    }
}

tenon_status dsp_run_arg(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *y = &call->operands[1];
    const line l = line_of(call, x);
    for (int64_t done = 0, count; done < y->count; done += count) {
        int64_t within = done % l.inner, base = done / l.inner * l.length * l.inner + within;
        count = l.inner - within < DSP_LANES ? l.inner - within : DSP_LANES;
        dsp_load(&local->more, x->dtype, x->bytes + base * x->size, 1, count);
        memset(local->out.i, 0, (size_t)count * sizeof *local->out.i);
        for (int64_t at = 1; at < l.length; at++) {
            dsp_load(&local->in[0], x->dtype, x->bytes + (base + at * l.inner) * x->size, 1, count);
            keep_larger(&local->in[0], &local->more, &local->out, dsp_is_float(x->dtype), at, count);
        }
        dsp_store(&local->out, y->dtype, y->bytes + done * y->size, count);
    }
    return TENON_STATUS_OK;
}

/* -- Scan --------------------------------------------------------------------------------------------------------- */

/* `count` running results side by side, the first of which begin at element `base`. */
static void scan_tile(dsp_local *local, const dsp_call *call, const line *l, int64_t base, int64_t count) {
    const dsp_operand *x = &call->operands[0], *y = &call->operands[1];
    bool exclusive = dsp_attr(call->exec, TENON_ATTR_EXCLUSIVE) != 0;
    bool reverse = dsp_attr(call->exec, TENON_ATTR_REVERSE) != 0;
    tenon_op op = dsp_combiner((uint32_t)dsp_attr(call->exec, TENON_ATTR_COMBINE));
    dsp_map map = dsp_map_of(op, dsp_is_float(x->dtype));
    dsp_identity(op, x->dtype, &local->out, count);
    for (int64_t i = 0; i < l->length; i++) {
        int64_t at = base + (reverse ? l->length - 1 - i : i) * l->inner;
        dsp_load(&local->in[0], x->dtype, x->bytes + at * x->size, 1, count);
        if (exclusive) dsp_store(&local->out, y->dtype, y->bytes + at * y->size, count);
        map(&local->out, &local->in[0], &local->in[0], &local->out, count, 64);
        if (!exclusive) dsp_store(&local->out, y->dtype, y->bytes + at * y->size, count);
    }
}

tenon_status dsp_run_scan(dsp_local *local, const dsp_call *call) {
    const line l = line_of(call, &call->operands[0]);
    int64_t total = call->operands[0].count ? l.outer * l.inner : 0;
    for (int64_t done = 0, count; done < total; done += count) {
        int64_t within = done % l.inner;
        count = l.inner - within < DSP_LANES ? l.inner - within : DSP_LANES;
        scan_tile(local, call, &l, done / l.inner * l.length * l.inner + within, count);
    }
    return TENON_STATUS_OK;
}

/* -- Sort: positions are put into a heap, in the place where they are wanted, by key and then by themselves; so the order
 * is stable, and nothing but the results is written. -------------------------------------------------------------- */

typedef struct heap {
    const dsp_operand *x;
    int64_t base, step, count; /* elements */
    bool descending;
    unsigned char *positions;
    dsp_lanes *scratch;
} heap;

static int64_t position_at(const heap *h, int64_t i) {
    int64_t position;
    memcpy(&position, h->positions + i * h->step * (int64_t)sizeof position, sizeof position);
    return position;
}

static void set_position(const heap *h, int64_t i, int64_t position) {
    memcpy(h->positions + i * h->step * (int64_t)sizeof position, &position, sizeof position);
}

/* An integer for each element, in their order: NaN above all, -0 below +0. */
static int64_t key_of(const heap *h, int64_t position) {
    int64_t key;
    dsp_load(h->scratch, h->x->dtype, h->x->bytes + (h->base + position * h->step) * h->x->size, 1, 1);
    if (dsp_is_float(h->x->dtype)) {
        int32_t bits;
        memcpy(&bits, &h->scratch->f[0], sizeof bits);
        int64_t size = bits & INT32_MAX;
        key = isnan(h->scratch->f[0]) ? INT64_MAX : bits < 0 ? -size - 1 : size;
    } else {
        key = h->scratch->i[0];
    }
    return h->descending ? ~key : key;
}

static bool comes_before(const heap *h, int64_t a, int64_t b) {
    int64_t x = key_of(h, a), y = key_of(h, b);
    return x != y ? x < y : a < b;
}

/* Lets the entry at `i` sink below those that come after it, among the first `count`. */
static void sink(const heap *h, int64_t i, int64_t count) {
    int64_t position = position_at(h, i);
    for (int64_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && comes_before(h, position_at(h, child), position_at(h, child + 1))) child++;
        if (!comes_before(h, position, position_at(h, child))) break;
        set_position(h, i, position_at(h, child));
    }
    set_position(h, i, position);
}

static void sort(const heap *h) {
    for (int64_t i = 0; i < h->count; i++) set_position(h, i, i);
    for (int64_t i = h->count / 2; i-- > 0;) sink(h, i, h->count);
    for (int64_t end = h->count; end-- > 1;) {
        int64_t last = position_at(h, end);
        set_position(h, end, position_at(h, 0));
        set_position(h, 0, last);
        sink(h, 0, end);
    }
}

tenon_status dsp_run_sort(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *values = &call->operands[1], *positions = &call->operands[2];
    const line l = line_of(call, x);
    heap h = {.x = x, .step = l.inner, .count = l.length, .scratch = &local->more};
    h.descending = dsp_attr(call->exec, TENON_ATTR_DESCENDING) != 0;
    for (int64_t i = 0; x->count > 0 && i < l.outer * l.inner; i++) {
        h.base = i / l.inner * l.length * l.inner + i % l.inner;
        h.positions = positions->bytes + h.base * positions->size;
        sort(&h);
        for (int64_t k = 0; k < l.length; k++)
            memcpy(values->bytes + (h.base + k * l.inner) * x->size,
                   x->bytes + (h.base + position_at(&h, k) * l.inner) * x->size, x->size);
    }
    return TENON_STATUS_OK;
}
