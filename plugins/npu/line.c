/* Operators along one axis: reductions, argmax, scan, sort, softmax, layer_norm. The axis is brought to the end and made the columns; then each
 * row is one line, read into scratch side by side and, where there is arithmetic, widened to 64 bits. */
#include <math.h>
#include <string.h>

#include "chain.h"
#include "compile.h"
#include "number.h"

/* 64 bits of a widened number. */
typedef union word {
    double f;
    int64_t i;
    uint64_t u;
} word;

typedef struct line_step {
    npu_step head;
    uint32_t in, out, positions; /* positions: sort's second output */
    uint32_t scratch;
    tenon_dtype dtype;
    uint32_t combine, exclusive, reverse;
    uint32_t descending, reserved;
    int64_t rows, length;
    uint64_t empty;       /* bits of a reduction's result over nothing */
    uint32_t scale, bias; /* layer_norm's, as long as a line; NONE: absent */
    double epsilon;
} line_step;

/* Scratch of a line: its elements, two arrays of words and two of positions. */
typedef struct line {
    const npu_kernels *kernels;
    const line_step *step;
    unsigned char *elements;
    word *words, *more;
    int64_t *order, *spare;
} line;

enum { SCRATCH_ARRAYS = 5 };
#define NONE UINT32_MAX

static line line_of(const line_step *step, const npu_run *run) {
    word *start = (word *)(void *)run->at[step->scratch];
    int64_t n = step->length;
    return (line){.kernels = run->device->kernels,
                  .step = step,
                  .elements = (unsigned char *)start,
                  .words = start + n,
                  .more = start + 2 * n,
                  .order = (int64_t *)(start + 3 * n),
                  .spare = (int64_t *)(start + 4 * n)};
}

static void read_line(const line *l, const npu_run *run, int64_t row) {
    const npu_form *form = &run->exec->buffers[l->step->in].form;
    const unsigned char *from = run->at[l->step->in];
    for (int64_t column = 0; column < form->columns; column += NPU_LANES) {
        int64_t n = form->columns - column < NPU_LANES ? form->columns - column : NPU_LANES;
        memcpy(l->elements + column * form->size, from + npu_form_place(form, row, column) * form->size,
               (size_t)n * form->size);
    }
}

static void write_line(const npu_form *form, unsigned char *to, int64_t row, const void *elements) {
    for (int64_t column = 0; column < form->columns; column += NPU_LANES) {
        int64_t n = form->columns - column < NPU_LANES ? form->columns - column : NPU_LANES;
        memcpy(to + npu_form_place(form, row, column) * form->size, (const char *)elements + column * form->size,
               (size_t)n * form->size);
    }
}

static void widen(const line *l) {
    l->kernels->widen[l->step->dtype](l->words, (const void *[]){l->elements}, l->step->length);
}

/* Numbers as words whose unsigned order is the table's: -0 before +0, NaN above all and all alike. */
static void make_keys(const line *l, word *keys) {
    npu_wide wide = npu_wide_of(l->step->dtype);
    const uint64_t top = UINT64_C(1) << 63;
    for (int64_t i = 0; i < l->step->length; i++) {
        uint64_t bits = l->words[i].u;
        if (wide == NPU_WIDE_I64) bits ^= top;
        if (wide == NPU_WIDE_F64) bits = isnan(l->words[i].f) ? UINT64_MAX : bits & top ? ~bits : bits | top;
        keys[i].u = bits;
    }
}

/* The first of the largest; of floats, for `smallest`, the first NaN or else the first of the smallest. */
static int64_t find(const line *l, const word *keys, int smallest) {
    int is_float = npu_wide_of(l->step->dtype) == NPU_WIDE_F64;
    int64_t at = 0;
    for (int64_t i = 1; i < l->step->length; i++) {
        int is_nan = is_float && keys[i].u == UINT64_MAX, was_nan = is_float && keys[at].u == UINT64_MAX;
        int better = smallest ? (keys[i].u < keys[at].u && !was_nan) || (is_nan && !was_nan) : keys[i].u > keys[at].u;
        if (better) at = i;
    }
    return at;
}

/* One element of a result whose numbering is by rows. */
static void *place_of(const npu_run *run, uint32_t buffer, int64_t number) {
    const npu_form *form = &run->exec->buffers[buffer].form;
    return run->at[buffer] + npu_form_place(form, number / form->columns, number % form->columns) * form->size;
}

/* -- Reductions ------------------------------------------------------------------------------------------------------ */

enum { PARTS = 8 };

/* Sums and products of eight parts at once: quick, and errors grow with an eighth of the length. */
static word fold(const word *words, int64_t count, uint32_t combine, npu_wide wide) {
    word parts[PARTS];
    int is_float = wide == NPU_WIDE_F64, adds = combine == TENON_COMBINE_ADD;
    for (int i = 0; i < PARTS; i++) {
        if (is_float)
            parts[i].f = adds ? 0 : 1;
        else
            parts[i].u = adds ? 0 : 1;
    }
    int64_t i = 0;
    for (; i + PARTS <= count; i += PARTS)
        for (int k = 0; k < PARTS; k++) {
            if (is_float)
                parts[k].f = adds ? parts[k].f + words[i + k].f : parts[k].f * words[i + k].f;
            else
                parts[k].u = adds ? parts[k].u + words[i + k].u : parts[k].u * words[i + k].u;
        }
    for (; i < count; i++) {
        if (is_float)
            parts[0].f = adds ? parts[0].f + words[i].f : parts[0].f * words[i].f;
        else
            parts[0].u = adds ? parts[0].u + words[i].u : parts[0].u * words[i].u;
    }
    for (int k = 1; k < PARTS; k++) {
        if (is_float)
            parts[0].f = adds ? parts[0].f + parts[k].f : parts[0].f * parts[k].f;
        else
            parts[0].u = adds ? parts[0].u + parts[k].u : parts[0].u * parts[k].u;
    }
    return parts[0];
}

static tenon_status run_reduce(const npu_step *step, const npu_run *run) {
    const line_step *s = (const line_step *)step;
    line l = line_of(s, run);
    npu_wide wide = npu_wide_of(s->dtype);
    uint32_t size = run->exec->buffers[s->out].form.size;
    int orders = s->combine == TENON_COMBINE_MIN || s->combine == TENON_COMBINE_MAX;
    for (int64_t row = 0; row < s->rows; row++) {
        void *to = place_of(run, s->out, row);
        if (s->length == 0) {
            memcpy(to, &s->empty, size);
            continue;
        }
        read_line(&l, run, row);
        widen(&l);
        if (orders) {
            make_keys(&l, l.more);
            memcpy(to, l.elements + find(&l, l.more, s->combine == TENON_COMBINE_MIN) * size, size);
            continue;
        }
        word sum = fold(l.words, s->length, s->combine, wide);
        l.kernels->narrow[wide][s->dtype](to, (const void *[]){&sum}, 1);
    }
    return TENON_STATUS_OK;
}

static tenon_status run_arg(const npu_step *step, const npu_run *run) {
    const line_step *s = (const line_step *)step;
    line l = line_of(s, run);
    for (int64_t row = 0; row < s->rows; row++) {
        read_line(&l, run, row);
        widen(&l);
        make_keys(&l, l.more);
        int64_t at = find(&l, l.more, 0);
        memcpy(place_of(run, s->out, row), &at, sizeof at);
    }
    return TENON_STATUS_OK;
}

/* -- Scan ------------------------------------------------------------------------------------------------------------ */

static word combine(const line_step *s, word a, word b) {
    npu_wide wide = npu_wide_of(s->dtype);
    int is_float = wide == NPU_WIDE_F64;
    switch (s->combine) {
    case TENON_COMBINE_ADD: return is_float ? (word){.f = a.f + b.f} : (word){.u = a.u + b.u};
    case TENON_COMBINE_MUL: return is_float ? (word){.f = a.f * b.f} : (word){.u = a.u * b.u};
    default: break;
    }
    int wants_max = s->combine == TENON_COMBINE_MAX;
    if (wide == NPU_WIDE_I64) return (a.i > b.i) == wants_max ? a : b;
    if (wide == NPU_WIDE_U64) return (a.u > b.u) == wants_max ? a : b;
    if (isnan(a.f) || isnan(b.f)) return isnan(a.f) ? a : b;
    if (a.f == b.f) return (signbit(a.f) != 0) == wants_max ? b : a;
    return (a.f > b.f) == wants_max ? a : b;
}

static tenon_status run_scan(const npu_step *step, const npu_run *run) {
    const line_step *s = (const line_step *)step;
    line l = line_of(s, run);
    npu_wide wide = npu_wide_of(s->dtype);
    word identity;
    l.kernels->widen[s->dtype](&identity, (const void *[]){&s->empty}, 1);
    for (int64_t row = 0; row < s->rows; row++) {
        word sum = identity;
        read_line(&l, run, row);
        widen(&l);
        for (int64_t i = 0; i < s->length; i++) {
            int64_t at = s->reverse ? s->length - 1 - i : i;
            word next = i || s->exclusive ? combine(s, sum, l.words[at]) : l.words[at];
            l.more[at] = s->exclusive ? sum : next;
            sum = next;
        }
        l.kernels->narrow[wide][s->dtype](l.elements, (const void *[]){l.more}, s->length);
        write_line(&run->exec->buffers[s->out].form, run->at[s->out], row, l.elements);
    }
    return TENON_STATUS_OK;
}

/* -- Sort ------------------------------------------------------------------------------------------------------------ */

/* Merges runs of `width` positions, pair by pair; the left one goes first among equals. */
static void merge(const word *keys, const int64_t *from, int64_t *to, int64_t count, int64_t width) {
    for (int64_t start = 0; start < count; start += 2 * width) {
        int64_t middle = start + width < count ? start + width : count,
                end = middle + width < count ? middle + width : count;
        int64_t a = start, b = middle;
        for (int64_t i = start; i < end; i++) {
            int left = a < middle && (b >= end || keys[from[a]].u <= keys[from[b]].u);
            to[i] = from[left ? a++ : b++];
        }
    }
}

static void order_line(line *l) {
    int64_t n = l->step->length;
    make_keys(l, l->words);
    for (int64_t i = 0; i < n; i++) {
        if (l->step->descending) l->words[i].u = ~l->words[i].u;
        l->order[i] = i;
    }
    for (int64_t width = 1; width < n; width *= 2) {
        merge(l->words, l->order, l->spare, n, width);
        int64_t *swap = l->order;
        l->order = l->spare;
        l->spare = swap;
    }
}

static tenon_status run_sort(const npu_step *step, const npu_run *run) {
    const line_step *s = (const line_step *)step;
    const npu_form *values = &run->exec->buffers[s->out].form, *places = &run->exec->buffers[s->positions].form;
    for (int64_t row = 0; row < s->rows; row++) {
        line l = line_of(s, run);
        read_line(&l, run, row);
        widen(&l);
        order_line(&l);
        unsigned char *sorted = (unsigned char *)l.more;
        for (int64_t i = 0; i < s->length; i++)
            memcpy(sorted + i * values->size, l.elements + l.order[i] * values->size, values->size);
        write_line(values, run->at[s->out], row, sorted);
        write_line(places, run->at[s->positions], row, l.order);
    }
    return TENON_STATUS_OK;
}

/* -- Composites along lines: computed in f64, rounded once ----------------------------------------------------------- */

static tenon_status run_softmax(const npu_step *step, const npu_run *run) {
    const line_step *s = (const line_step *)step;
    line l = line_of(s, run);
    for (int64_t row = 0; row < s->rows && s->length; row++) {
        double most = -INFINITY, sum = 0;
        read_line(&l, run, row);
        widen(&l);
        for (int64_t i = 0; i < s->length; i++) most = isnan(l.words[i].f) || l.words[i].f > most ? l.words[i].f : most;
        for (int64_t i = 0; i < s->length; i++) sum += l.more[i].f = exp(l.words[i].f - most);
        for (int64_t i = 0; i < s->length; i++) l.more[i].f /= sum;
        l.kernels->narrow[NPU_WIDE_F64][s->dtype](l.elements, (const void *[]){l.more}, s->length);
        write_line(&run->exec->buffers[s->out].form, run->at[s->out], row, l.elements);
    }
    return TENON_STATUS_OK;
}

/* Each element times that of `scale`, or plus that of `bias`. */
static void scale_line(line *l, const npu_run *run, uint32_t buffer, int adds) {
    word *factors = (word *)(void *)l->order; /* as many, and free */
    if (buffer == NONE) return;
    l->kernels->widen[l->step->dtype](factors, (const void *[]){run->at[buffer]}, l->step->length);
    for (int64_t i = 0; i < l->step->length; i++)
        l->words[i].f = adds ? l->words[i].f + factors[i].f : l->words[i].f * factors[i].f;
}

static tenon_status run_layer_norm(const npu_step *step, const npu_run *run) {
    const line_step *s = (const line_step *)step;
    line l = line_of(s, run);
    double length = (double)s->length;
    for (int64_t row = 0; row < s->rows && s->length; row++) {
        double square = 0;
        read_line(&l, run, row);
        widen(&l);
        double mean = fold(l.words, s->length, TENON_COMBINE_ADD, NPU_WIDE_F64).f / length;
        for (int64_t i = 0; i < s->length; i++) l.words[i].f -= mean;
        for (int64_t i = 0; i < s->length; i++) square += l.words[i].f * l.words[i].f;
        double root = sqrt(square / length + s->epsilon);
        for (int64_t i = 0; i < s->length; i++) l.words[i].f /= root;
        scale_line(&l, run, s->scale, 0);
        scale_line(&l, run, s->bias, 1);
        l.kernels->narrow[NPU_WIDE_F64][s->dtype](l.elements, (const void *[]){l.words}, s->length);
        write_line(&run->exec->buffers[s->out].form, run->at[s->out], row, l.elements);
    }
    return TENON_STATUS_OK;
}

/* -- Lowering -------------------------------------------------------------------------------------------------------- */

/* The element that min, max, sums and products begin with, as bits. */
static uint64_t identity_of(tenon_dtype dtype, uint32_t combine) {
    uint32_t bits = tenon_dtype_bits(dtype);
    uint64_t all = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1, top = UINT64_C(1) << (bits - 1);
    static const uint64_t ones[] = {[TENON_DTYPE_F64] = 0x3ff0000000000000u,
                                    [TENON_DTYPE_F32] = 0x3f800000u,
                                    [TENON_DTYPE_F16] = 0x3c00u,
                                    [TENON_DTYPE_BF16] = 0x3f80u};
    static const uint64_t infinities[] = {[TENON_DTYPE_F64] = 0x7ff0000000000000u,
                                          [TENON_DTYPE_F32] = 0x7f800000u,
                                          [TENON_DTYPE_F16] = 0x7c00u,
                                          [TENON_DTYPE_BF16] = 0x7f80u};
    npu_wide wide = npu_wide_of(dtype);
    int wants_high = combine == TENON_COMBINE_MIN;
    if (combine == TENON_COMBINE_ADD) return 0;
    if (combine == TENON_COMBINE_MUL) return wide == NPU_WIDE_F64 ? ones[dtype] : 1;
    if (dtype == TENON_DTYPE_BOOL) return wants_high;
    if (wide == NPU_WIDE_F64) return wants_high ? infinities[dtype] : infinities[dtype] | top;
    if (wide == NPU_WIDE_U64) return wants_high ? all : 0;
    return wants_high ? all >> 1 : top;
}

/* Input 0 with the axes of `is_line` behind the others, settled as [others, line]. */
static tenon_status settle_lines(npu_compiler *c, const uint8_t *is_line, int64_t *out_rows, int64_t *out_length,
                                 uint32_t *out_buffer) {
    npu_view x, y;
    TENON_TRY(npu_input(c, 0, &x));
    y = x;
    y.rank = 0;
    *out_rows = *out_length = 1;
    for (uint32_t last = 0; last < 2; last++)
        for (uint32_t i = 0; i < x.rank; i++) {
            if (is_line[i] != last) continue;
            y.dims[y.rank] = x.dims[i];
            y.steps[y.rank++] = x.steps[i];
            *(last ? out_length : out_rows) *= x.dims[i];
        }
    int64_t dims[2] = {*out_rows, *out_length};
    TENON_TRY(npu_reshape(c, &y, 2, dims));
    return npu_settle(c, &y, out_buffer);
}

static tenon_status make_line_step(npu_compiler *c, const line_step *what,
                                   tenon_status (*run)(const npu_step *, const npu_run *)) {
    line_step *s;
    uint32_t scratch;
    int64_t words = SCRATCH_ARRAYS * what->length;
    TENON_TRY(npu_make_buffer(c, TENON_DTYPE_U64, 1, &words, &scratch));
    TENON_TRY(npu_make_step(c, sizeof *s, run, &s));
    npu_step head = s->head;
    *s = *what;
    s->head = head;
    s->scratch = scratch;
    npu_touch(c, s->in);
    npu_touch(c, s->out);
    npu_touch(c, s->positions);
    npu_touch(c, scratch);
    if (s->scale != NONE) npu_touch(c, s->scale);
    if (s->bias != NONE) npu_touch(c, s->bias);
    return TENON_STATUS_OK;
}

tenon_status npu_lower_reduce(npu_compiler *c) {
    const tenon_attr *axes = tenon_attr_find(c->node->attrs, c->node->attr_count, TENON_ATTR_AXES);
    uint8_t is_line[TENON_MAX_RANK] = {0};
    tenon_op op = c->node->op;
    line_step s = {.dtype = c->values[c->node->inputs[0]].dtype, .scale = NONE, .bias = NONE};
    for (uint32_t i = 0; axes && i < axes->count; i++) is_line[axes->values[i]] = 1;
    s.combine = op == TENON_OP_SUM    ? TENON_COMBINE_ADD
                : op == TENON_OP_PROD ? TENON_COMBINE_MUL
                : op == TENON_OP_RMIN ? TENON_COMBINE_MIN
                                      : TENON_COMBINE_MAX;
    s.empty = identity_of(s.dtype, s.combine);
    TENON_TRY(settle_lines(c, is_line, &s.rows, &s.length, &s.in));
    TENON_TRY(npu_make_output(c, 0, &s.out));
    s.positions = s.out;
    return make_line_step(c, &s, run_reduce);
}

/* Argmax, scan and sort: along attribute `axis`. */
static tenon_status begin_axis(npu_compiler *c, line_step *s) {
    uint8_t is_line[TENON_MAX_RANK] = {0};
    is_line[npu_attr(c, TENON_ATTR_AXIS)] = 1;
    s->dtype = c->values[c->node->inputs[0]].dtype;
    return settle_lines(c, is_line, &s->rows, &s->length, &s->in);
}

tenon_status npu_lower_arg(npu_compiler *c) {
    line_step s = {.combine = TENON_COMBINE_MAX, .scale = NONE, .bias = NONE};
    TENON_TRY(begin_axis(c, &s));
    TENON_TRY(npu_make_output(c, 0, &s.out));
    s.positions = s.out;
    return make_line_step(c, &s, run_arg);
}

/* A buffer of lines for output `index`, and the view that has the axis back in its place. */
static tenon_status make_lines(npu_compiler *c, uint32_t index, const line_step *s, uint32_t *out_buffer) {
    const npu_value *v = &c->values[c->node->outputs[index]];
    uint32_t axis = (uint32_t)npu_attr(c, TENON_ATTR_AXIS), rank = 0;
    int64_t dims[2] = {s->rows, s->length}, moved[TENON_MAX_RANK], steps[TENON_MAX_RANK];
    npu_view view;
    TENON_TRY(npu_make_buffer(c, v->dtype, 2, dims, out_buffer));
    for (uint32_t i = 0; i < v->rank; i++)
        if (i != axis) moved[rank++] = v->dims[i];
    moved[rank] = s->length;
    npu_plain_steps(v->rank, moved, steps);
    view = npu_view_of(*out_buffer, v->dtype, v->rank, v->dims);
    rank = 0;
    for (uint32_t i = 0; i < v->rank; i++) view.steps[i] = steps[i == axis ? v->rank - 1 : rank++];
    return npu_set_output(c, index, &view);
}

tenon_status npu_lower_scan(npu_compiler *c) {
    line_step s = {.combine = (uint32_t)npu_attr(c, TENON_ATTR_COMBINE),
                   .exclusive = npu_attr(c, TENON_ATTR_EXCLUSIVE) != 0,
                   .reverse = npu_attr(c, TENON_ATTR_REVERSE) != 0,
                   .scale = NONE,
                   .bias = NONE};
    TENON_TRY(begin_axis(c, &s));
    TENON_TRY(make_lines(c, 0, &s, &s.out));
    s.positions = s.out;
    s.empty = identity_of(s.dtype, s.combine);
    return make_line_step(c, &s, run_scan);
}

tenon_status npu_lower_sort(npu_compiler *c) {
    line_step s = {.descending = npu_attr(c, TENON_ATTR_DESCENDING) != 0, .scale = NONE, .bias = NONE};
    TENON_TRY(begin_axis(c, &s));
    TENON_TRY(make_lines(c, 0, &s, &s.out));
    TENON_TRY(make_lines(c, 1, &s, &s.positions));
    return make_line_step(c, &s, run_sort);
}

tenon_status npu_lower_softmax(npu_compiler *c) {
    line_step s = {.scale = NONE, .bias = NONE};
    TENON_TRY(begin_axis(c, &s));
    TENON_TRY(make_lines(c, 0, &s, &s.out));
    s.positions = s.out;
    return make_line_step(c, &s, run_softmax);
}

/* Input `index`, if it is there, as one line. */
static tenon_status settle_factor(npu_compiler *c, uint32_t index, const line_step *s, uint32_t *out_buffer) {
    npu_view view;
    *out_buffer = NONE;
    if (index >= c->node->input_count || c->node->inputs[index] == TENON_ABSENT) return TENON_STATUS_OK;
    TENON_TRY(npu_input(c, index, &view));
    TENON_TRY(npu_reshape(c, &view, 1, &s->length));
    return npu_settle(c, &view, out_buffer);
}

tenon_status npu_lower_layer_norm(npu_compiler *c) {
    const npu_value *y = &c->values[c->node->outputs[0]];
    uint8_t is_line[TENON_MAX_RANK] = {0};
    line_step s = {.dtype = y->dtype};
    int64_t bits = npu_attr(c, TENON_ATTR_EPSILON);
    memcpy(&s.epsilon, &bits, sizeof s.epsilon);
    for (uint32_t i = (uint32_t)npu_attr(c, TENON_ATTR_AXIS); i < y->rank; i++) is_line[i] = 1;
    TENON_TRY(settle_lines(c, is_line, &s.rows, &s.length, &s.in));
    TENON_TRY(settle_factor(c, 1, &s, &s.scale));
    TENON_TRY(settle_factor(c, 2, &s, &s.bias));
    int64_t dims[2] = {s.rows, s.length};
    TENON_TRY(npu_make_buffer(c, y->dtype, 2, dims, &s.out));
    npu_view view = npu_view_of(s.out, y->dtype, 2, dims);
    TENON_TRY(npu_set_output(c, 0, &view));
    s.positions = s.out;
    return make_line_step(c, &s, run_layer_norm);
}
