/* Convolutions and pools, from padded window views. */
#include <math.h>
#include <string.h>

#include "passes/compose.h"

enum {
    MAX_SPACE = 3, /* axes of space: each needs one for its positions and one for its window, beside two more */
    MAX_TAPS = 64  /* of a depthwise kernel that is added up tap by tap */
};

typedef struct windows {
    uint32_t rank; /* of space */
    int64_t sizes[MAX_SPACE], steps[MAX_SPACE], dilations[MAX_SPACE];
    int64_t taps;                                                 /* product of sizes */
    const tenonh_dim *low[TENON_MAX_RANK], *high[TENON_MAX_RANK]; /* for all axes of x */
    const tenonh_dim *positions[MAX_SPACE];
    bool overhangs; /* a window reaches past the padding */
} windows;

/* How x must be padded, or cut, so that exactly the positions of the result fit. */
static bool plan(tenonh_builder *b, const tenonh_node *node, const tenonh_dim *const *sizes, windows *w) {
    const tenonh_value *x = node->operands[0], *y = node->results[0];
    *w = (windows){.rank = x->rank - 2, .taps = 1};
    if (w->rank > MAX_SPACE) {
        tenon__build_fail(b, TENON_STATUS_UNSUPPORTED, "%u axes of space; there can be %d", w->rank, MAX_SPACE);
        return false;
    }
    bool ceil = tenon__node_int(node, TENON_ATTR_CEIL, 0) == 1;
    w->low[0] = w->low[1] = w->high[0] = w->high[1] = tenon__num(b, 0);
    for (uint32_t i = 0; i < w->rank; i++) {
        tenon__window_axis axis;
        tenon_status status = tenon__plan_window(b, node, x->dims[2 + i], i, sizes[i]->number, ceil, &axis);
        if (status != TENON_STATUS_OK) {
            tenon__build_failed(b, status, node);
            return false;
        }
        const tenonh_dim *last = tenon__dim2(b, TENONH_DIM_SUB, y->dims[2 + i], tenon__num(b, 1));
        const tenonh_dim *used = tenon__dim2(b, TENONH_DIM_MUL, last, tenon__num(b, axis.step));
        used = tenon__dim2(b, TENONH_DIM_ADD, used, tenon__num(b, axis.reach));
        used = tenon__dim2(b, TENONH_DIM_SUB, used, axis.low);
        w->low[2 + i] = axis.low;
        w->high[2 + i] = tenon__dim2(b, TENONH_DIM_SUB, used, x->dims[2 + i]);
        bool symbolic = w->high[2 + i] && w->high[2 + i]->kind != TENON__DIM_NUMBER;
        if (symbolic && !ceil) w->high[2 + i] = axis.high; /* what no window sees may stay */
        w->positions[i] = y->dims[2 + i];
        w->sizes[i] = axis.size;
        w->steps[i] = axis.step;
        w->dilations[i] = axis.dilation;
        w->overhangs = w->overhangs || !tenon__dim_is(axis.over, 0);
        if (__builtin_mul_overflow(w->taps, axis.size, &w->taps)) w->taps = INT64_MAX;
    }
    return b->status == TENON_STATUS_OK;
}

static bool is_empty(const tenonh_value *y) {
    for (uint32_t i = 0; i < y->rank; i++)
        if (tenon__dim_is(y->dims[i], 0)) return true;
    return false;
}

static tenonh_value *window_of(tenonh_builder *b, tenonh_value *x, const windows *w, uint32_t first) {
    int64_t axes[MAX_SPACE];
    for (uint32_t i = 0; i < w->rank; i++) axes[i] = first + i;
    return tenon__window(b, x, w->rank, axes, w->sizes, w->steps, w->dilations);
}

static bool padded(const windows *w) {
    for (uint32_t i = 2; i < w->rank + 2; i++)
        if (!tenon__dim_is(w->low[i], 0) || w->high[i]->kind != TENON__DIM_NUMBER || w->high[i]->number > 0)
            return true;
    return false;
}

/* -- Pools ---------------------------------------------------------------------------------------------------------- */

static tenonh_value *reduce_windows(tenonh_builder *b, tenon_op op, tenonh_value *x, const windows *w, uint32_t first) {
    int64_t axes[MAX_SPACE];
    tenonh_value *views = window_of(b, x, w, first);
    int64_t behind = views ? (int64_t)views->rank - w->rank : 0;
    for (uint32_t i = 0; i < w->rank; i++) axes[i] = behind + i;
    return tenon__reduce(b, op, views, w->rank, axes, false);
}

static uint64_t lowest_bits(tenon_dtype dtype) {
    static const uint64_t floats[] = {[TENON_DTYPE_F64] = UINT64_C(0xfff0000000000000),
                                      [TENON_DTYPE_F32] = 0xff800000u,
                                      [TENON_DTYPE_F16] = 0xfc00u,
                                      [TENON_DTYPE_BF16] = 0xff80u};
    if (tenon_dtype_class(dtype) == TENON_CLASS_FLOAT) return floats[dtype];
    return tenon_dtype_class(dtype) == TENON_CLASS_SINT ? UINT64_C(1) << (tenon_dtype_bits(dtype) - 1) : 0;
}

TENON__DECOMPOSITION(max_pool) {
    tenonh_value *x = node->operands[0];
    windows w;
    if (is_empty(node->results[0])) {
        out[0] = tenon__fill(b, x->dtype, 0, x->rank, node->results[0]->dims);
    } else if (plan(b, node, tenon__node_attr(node, TENON_ATTR_SIZES)->dims, &w)) {
        out[0] = reduce_windows(b, TENON_OP_RMAX, tenon__fit(b, x, lowest_bits(x->dtype), w.low, w.high), &w, 2);
    }
}

/* How many elements count in each window: those of a tensor of ones, padded with ones where padding counts. What a
 * window finds beyond the padding never does. */
static tenonh_value *counts(tenonh_builder *b, const tenonh_node *node, const windows *w, tenon_dtype dtype) {
    const tenonh_value *x = node->operands[0];
    bool count_pad = tenon__node_int(node, TENON_ATTR_COUNT_PAD, 0) == 1;
    const tenonh_dim *dims[MAX_SPACE], *low[MAX_SPACE], *high[MAX_SPACE];
    for (uint32_t i = 0; i < w->rank; i++) {
        dims[i] = x->dims[2 + i];
        low[i] = w->low[2 + i];
        high[i] = w->high[2 + i];
        if (!count_pad) continue;
        const tenonh_dim *pad = tenon__entry_dim(b, node, TENON_ATTR_HIGH, i);
        dims[i] = tenon__dim2(b, TENONH_DIM_ADD, tenon__dim2(b, TENONH_DIM_ADD, dims[i], low[i]), pad);
        low[i] = tenon__num(b, 0);
        high[i] = tenon__dim2(b, TENONH_DIM_SUB, high[i], pad);
    }
    tenonh_value *one = tenonh_build_scalar(b, dtype, 1);
    tenonh_value *ones = tenon__expand(b, one, w->rank, dims);
    return reduce_windows(b, TENON_OP_SUM, tenon__fit(b, ones, 0, low, high), w, 0);
}

TENON__DECOMPOSITION(average_pool) {
    tenonh_value *x = tenon__wide(b, node->operands[0]);
    windows w;
    if (!x) return;
    if (is_empty(node->results[0])) {
        out[0] = tenon__fill(b, node->operands[0]->dtype, 0, x->rank, node->results[0]->dims);
        return;
    }
    if (!plan(b, node, tenon__node_attr(node, TENON_ATTR_SIZES)->dims, &w)) return;
    tenonh_value *sum = reduce_windows(b, TENON_OP_SUM, tenon__fit(b, x, 0, w.low, w.high), &w, 2), *mean;
    bool count_pad = tenon__node_int(node, TENON_ATTR_COUNT_PAD, 0) == 1;
    if (!padded(&w) || (count_pad && !w.overhangs))
        mean = tenon__binary_number(b, TENON_OP_DIV, sum, (double)w.taps, false);
    else
        mean = over(b, sum, sum ? tenon__expand_like(b, counts(b, node, &w, x->dtype), sum) : NULL);
    out[0] = tenon__cast(b, mean, node->operands[0]->dtype);
}

static uint32_t space_axes(const tenonh_value *x, int64_t *axes) {
    for (uint32_t i = 2; i < x->rank; i++) axes[i - 2] = i;
    return x->rank - 2;
}

TENON__DECOMPOSITION(global_max_pool) {
    int64_t axes[TENON_MAX_RANK];
    uint32_t count = space_axes(node->operands[0], axes);
    out[0] = tenon__reduce(b, TENON_OP_RMAX, node->operands[0], count, axes, true);
}

TENON__DECOMPOSITION(global_average_pool) {
    int64_t axes[TENON_MAX_RANK];
    uint32_t count = space_axes(node->operands[0], axes);
    const tenonh_attr attrs[] = {TENON__ATTR_INTS(AXES, count, axes), TENON__ATTR_INT(KEEP, 1)};
    out[0] = tenon__compose(b, TENON__COMPOSITE_REDUCE_MEAN, node->operands, 1, attrs, 2);
}

/* -- Convolution ---------------------------------------------------------------------------------------------------- */

/* A convolution in parts: n batches, g groups of c channels in and m out each, p positions. */
typedef struct conv {
    windows w;
    int64_t groups;
    const tenonh_dim *n, *g, *c, *m, *p;
    const tenonh_dim *k; /* c times taps: what a product runs over */
} conv;

static bool plan_conv(tenonh_builder *b, const tenonh_node *node, conv *v) {
    const tenonh_value *x = node->operands[0], *w = node->operands[1], *y = node->results[0];
    if (!plan(b, node, w->dims + 2, &v->w)) return false;
    v->groups = tenon__node_int(node, TENON_ATTR_GROUPS, 1);
    v->g = tenon__num(b, v->groups);
    v->n = x->dims[0];
    v->c = w->dims[1];
    v->m = tenon__dim2(b, TENONH_DIM_DIV, w->dims[0], v->g);
    v->p = tenon__dim_product(b, y->dims + 2, v->w.rank);
    v->k = tenon__dim2(b, TENONH_DIM_MUL, v->c, tenon__num(b, v->w.taps));
    return b->status == TENON_STATUS_OK;
}

/* Windows of one element that lie side by side are x itself. */
static bool is_pointwise(const windows *w) {
    for (uint32_t i = 0; i < w->rank; i++)
        if (w->sizes[i] != 1 || w->steps[i] != 1) return false;
    return true;
}

/* x [n, g c, space] as columns [n g, k, p]; only windows that overlap or leave gaps copy. */
static tenonh_value *columns(tenonh_builder *b, tenonh_value *x, const conv *v) {
    if (!x) return NULL;
    uint32_t rank = v->w.rank;
    const tenonh_dim *grouped[2 + MAX_SPACE] = {tenon__dim2(b, TENONH_DIM_MUL, v->n, v->g), v->c};
    const tenonh_dim *flat[] = {grouped[0], v->k, v->p};
    memcpy(grouped + 2, x->dims + 2, rank * sizeof *grouped);
    x = tenon__reshape(b, x, 2 + rank, grouped);
    if (is_pointwise(&v->w)) return tenon__reshape(b, x, 3, flat);
    int64_t perm[2 + 2 * MAX_SPACE] = {0, 1};
    for (uint32_t i = 0; i < rank; i++) {
        perm[2 + i] = 2 + rank + i; /* places in the window */
        perm[2 + rank + i] = 2 + i; /* positions */
    }
    return tenon__reshape(b, tenon__permute(b, window_of(b, x, &v->w, 2), perm), 3, flat);
}

/* One product per batch and group: [m, k] [k, p]. A single one is a product of plain matrices. */
static tenonh_value *multiplied(tenonh_builder *b, tenonh_value *x, tenonh_value *w, const conv *v) {
    tenonh_value *cols = columns(b, x, v);
    if (v->groups == 1 && tenon__dim_is(v->n, 1)) {
        const tenonh_dim *matrix[] = {v->m, v->k}, *column[] = {v->k, v->p};
        return tenon__matmul(b, tenon__reshape(b, w, 2, matrix), tenon__reshape(b, cols, 2, column), 0, 0);
    }
    if (v->groups == 1) {
        const tenonh_dim *matrix[] = {v->m, v->k}, *repeated[] = {v->n, v->m, v->k};
        return tenon__matmul(b, tenon__expand(b, tenon__reshape(b, w, 2, matrix), 3, repeated), cols, 0, 0);
    }
    const tenonh_dim *matrix[] = {v->g, v->m, v->k}, *repeated[] = {v->n, v->g, v->m, v->k};
    const tenonh_dim *column[] = {v->n, v->g, v->k, v->p};
    w = tenon__expand(b, tenon__reshape(b, w, 3, matrix), 4, repeated);
    return tenon__matmul(b, w, tenon__reshape(b, cols, 4, column), 0, 0);
}

/* The elements that tap `at` of every window sees: x [n, c, space] -> [n, c, m, positions]. */
static tenonh_value *seen_by_tap(tenonh_builder *b, tenonh_value *x, const conv *v, const int64_t *at) {
    const tenonh_dim *starts[2 + MAX_SPACE], *dims[3 + MAX_SPACE];
    int64_t steps[2 + MAX_SPACE];
    if (!x) return NULL;
    for (uint32_t i = 0; i < x->rank; i++) {
        starts[i] = tenon__num(b, i < 2 ? 0 : at[i - 2] * v->w.dilations[i - 2]);
        dims[i] = i < 2 ? x->dims[i] : v->w.positions[i - 2];
        steps[i] = i < 2 ? 1 : v->w.steps[i - 2];
    }
    x = tenon__unsqueeze(b, tenon__slice(b, x, starts, steps, dims), 2);
    if (!x) return NULL;
    memcpy(dims, x->dims, x->rank * sizeof *dims);
    dims[2] = v->m;
    return tenon__expand(b, x, x->rank, dims);
}

/* The weights of that tap, w [c m, 1, window] -> [c, m, 1 ...] repeated to the dims of `like`. */
static tenonh_value *weight_of_tap(tenonh_builder *b, tenonh_value *w, const conv *v, const int64_t *at,
                                   const tenonh_value *like) {
    const tenonh_dim *starts[2 + MAX_SPACE], *dims[3 + MAX_SPACE];
    if (!w || !like) return NULL;
    for (uint32_t i = 0; i < w->rank; i++) {
        starts[i] = tenon__num(b, i < 2 ? 0 : at[i - 2]);
        dims[i] = i == 0 ? w->dims[0] : tenon__num(b, 1);
    }
    w = tenon__slice(b, w, starts, NULL, dims);
    for (uint32_t i = 0; i + 1 < like->rank; i++) dims[i] = i == 0 ? v->g : i == 1 ? v->m : tenon__num(b, 1);
    return tenon__expand_like(b, tenon__reshape(b, w, like->rank - 1, dims), like);
}

/* One channel in, few taps: a sum of products of x's strided slices, without a copy of x for every tap. */
static tenonh_value *depthwise(tenonh_builder *b, const tenonh_node *node, tenonh_value *x, const conv *v) {
    tenonh_value *w = tenon__wide(b, node->operands[1]), *sum = NULL;
    bool fused = x && tenon_dtype_class(x->dtype) == TENON_CLASS_FLOAT;
    int64_t at[MAX_SPACE] = {0};
    x = tenon__wide(b, x);
    for (int64_t tap = 0; tap < v->w.taps; tap++) {
        tenonh_value *seen = seen_by_tap(b, x, v, at), *weight = weight_of_tap(b, w, v, at, seen);
        if (!sum)
            sum = mul(b, seen, weight);
        else if (fused)
            sum = tenonh_build_op(b, TENON_OP_FMA, (tenonh_value *[]){seen, weight, sum}, 3, NULL, 0);
        else
            sum = add(b, sum, mul(b, seen, weight));
        for (uint32_t i = v->w.rank; i-- > 0 && ++at[i] == v->w.sizes[i];) at[i] = 0;
    }
    return tenon__cast(b, sum, node->operands[0]->dtype);
}

TENON__DECOMPOSITION(conv) {
    tenonh_value *x = node->operands[0], *bias = tenon__operand(node, 2), *y;
    conv v;
    if (is_empty(node->results[0])) {
        out[0] = tenon__fill(b, x->dtype, 0, x->rank, node->results[0]->dims);
        return;
    }
    if (!plan_conv(b, node, &v)) return;
    x = tenon__fit(b, x, 0, v.w.low, v.w.high);
    bool by_taps = v.groups > 1 && tenon__dim_is(v.c, 1) && v.w.taps <= MAX_TAPS;
    y = by_taps ? depthwise(b, node, x, &v) : multiplied(b, x, node->operands[1], &v);
    y = tenon__reshape(b, y, node->results[0]->rank, node->results[0]->dims);
    out[0] = bias ? add(b, y, tenon__along(b, bias, 1, y)) : y;
}

/* -- Transposed convolution ----------------------------------------------------------------------------------------- */

/* step - 1 zeros between the elements along each axis of space. */
static tenonh_value *spread(tenonh_builder *b, tenonh_value *x, const int64_t *steps, uint32_t rank) {
    for (uint32_t i = 0; i < rank && x; i++) {
        const tenonh_dim *low[TENON_MAX_RANK], *high[TENON_MAX_RANK], *dims[TENON_MAX_RANK];
        uint32_t axis = 2 + i;
        if (steps[i] == 1) continue;
        const tenonh_dim *count = x->dims[axis], *step = tenon__num(b, steps[i]);
        memcpy(dims, x->dims, sizeof dims);
        dims[axis] = tenon__dim2(b, TENONH_DIM_MUL, count, step);
        x = tenon__unsqueeze(b, x, axis + 1);
        for (uint32_t k = 0; x && k < x->rank; k++) {
            low[k] = tenon__num(b, 0);
            high[k] = tenon__num(b, k == axis + 1 ? steps[i] - 1 : 0);
        }
        x = tenon__reshape(b, tenon__pad(b, x, 0, low, high), 2 + rank, dims);
        const tenonh_dim *last = tenon__dim2(b, TENONH_DIM_SUB, count, tenon__num(b, 1));
        const tenonh_dim *kept =
            tenon__dim2(b, TENONH_DIM_ADD, tenon__dim2(b, TENONH_DIM_MUL, last, step), tenon__num(b, 1));
        x = tenon__slice_axis(b, x, axis, tenon__num(b, 0), kept);
    }
    return x;
}

/* w [g c, m, window] -> [g m, c, window], windows turned about. */
static tenonh_value *turned_kernel(tenonh_builder *b, tenonh_value *w, int64_t groups) {
    const tenonh_dim *starts[TENON_MAX_RANK], *dims[TENON_MAX_RANK + 1], *g = tenon__num(b, groups);
    int64_t steps[TENON_MAX_RANK], perm[TENON_MAX_RANK] = {0, 2, 1, 3, 4, 5, 6, 7};
    uint32_t rank = w->rank;
    for (uint32_t i = 0; i < rank; i++) {
        starts[i] = i < 2 ? tenon__num(b, 0) : tenon__dim2(b, TENONH_DIM_SUB, w->dims[i], tenon__num(b, 1));
        steps[i] = i < 2 ? 1 : -1;
    }
    const tenonh_dim *c = tenon__dim2(b, TENONH_DIM_DIV, w->dims[0], g), *m = w->dims[1];
    dims[0] = g, dims[1] = c;
    memcpy(dims + 2, w->dims + 1, (rank - 1) * sizeof *dims);
    tenonh_value *turned = tenon__reshape(b, tenon__slice(b, w, starts, steps, w->dims), rank + 1, dims);
    turned = tenon__permute(b, turned, perm);
    dims[0] = tenon__dim2(b, TENONH_DIM_MUL, g, m), dims[1] = c;
    memcpy(dims + 2, w->dims + 2, (rank - 2) * sizeof *dims);
    return tenon__reshape(b, turned, rank, dims);
}

/* A convolution of x, spread by the steps and padded by the kernel's reach, with the kernel turned about. */
TENON__DECOMPOSITION(conv_transpose) {
    tenonh_value *x = node->operands[0], *w = node->operands[1];
    uint32_t rank = x->rank - 2;
    int64_t steps[TENON_MAX_RANK], dilations[TENON_MAX_RANK];
    const tenonh_dim *low[TENON_MAX_RANK], *high[TENON_MAX_RANK];
    if (rank > MAX_SPACE) {
        tenon__build_fail(b, TENON_STATUS_UNSUPPORTED, "%u axes of space; there can be %d", rank, MAX_SPACE);
        return;
    }
    low[0] = low[1] = high[0] = high[1] = tenon__num(b, 0);
    for (uint32_t i = 0; i < rank; i++) {
        tenon__node_entry(node, TENON_ATTR_STEPS, i, &steps[i]);
        tenon__node_entry(node, TENON_ATTR_DILATIONS, i, &dilations[i]);
        const tenonh_dim *reach = tenon__num(b, (w->dims[2 + i]->number - 1) * dilations[i]);
        low[2 + i] = tenon__dim2(b, TENONH_DIM_SUB, reach, tenon__entry_dim(b, node, TENON_ATTR_LOW, i));
        high[2 + i] = tenon__dim2(b, TENONH_DIM_SUB, reach, tenon__entry_dim(b, node, TENON_ATTR_HIGH, i));
        high[2 + i] = tenon__dim2(b, TENONH_DIM_ADD, high[2 + i], tenon__entry_dim(b, node, TENON_ATTR_SIZES, i));
    }
    int64_t groups = tenon__node_int(node, TENON_ATTR_GROUPS, 1);
    x = tenon__fit(b, spread(b, x, steps, rank), 0, low, high);
    const tenonh_attr attrs[] = {TENON__ATTR_INTS(DILATIONS, rank, dilations), TENON__ATTR_INT(GROUPS, groups)};
    tenonh_value *inputs[] = {x, turned_kernel(b, w, groups), tenon__operand(node, 2)};
    out[0] = tenon__compose(b, TENON__COMPOSITE_CONV, inputs, 3, attrs, 2);
}
