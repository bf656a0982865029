/* Resize, one axis after the other: each result is a sum of elements near a coordinate, times weights. Coordinates are
 * computed by operators in f64, so that dims may be symbols; they fold to constants once dims are numbers. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"

enum { NEAREST, LINEAR, CUBIC };
enum { HALF_PIXEL, ASYMMETRIC, ALIGN_CORNERS, PYTORCH_HALF_PIXEL, TF_HALF_PIXEL, TF_CROP, SYMMETRIC };
enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };

typedef struct resize {
    const tenon__onnx_node *n;
    tenonh_builder *b;
    int mode;
    int coordinates;
    int rounding; /* NEAREST */
    double cubic; /* CUBIC: its coefficient a */
    int exclude_outside;
    double extrapolation; /* TF_CROP */
} resize;

/* One axis: in and out dims, and f64[1] values of what the coordinates are made from. */
typedef struct line {
    uint32_t axis;
    int unchanged; /* the scale is 1 */
    const tenonh_dim *in_dim, *out_dim;
    tenonh_value *in;
    tenonh_value *scale;
    double first, last; /* TF_CROP: the part of the axis, 0 ... 1 */
} line;

/* -- Arithmetic on f64[1] and f64[out] ---------------------------------------------------------------------------- */

static tenonh_value *op(const resize *r, tenon_op o, tenonh_value *x, tenonh_value *y) {
    return tenon__onnx_binary(r->n, o, x, y);
}

static tenonh_value *with(const resize *r, tenon_op o, tenonh_value *x, double number) {
    return tenon__binary_number(r->b, o, x, number, false);
}

static tenonh_value *from(const resize *r, double number, tenon_op o, tenonh_value *x) {
    return tenon__binary_number(r->b, o, x, number, true);
}

static tenonh_value *choose(const resize *r, tenonh_value *condition, tenonh_value *x, tenonh_value *y) {
    return tenon__onnx_choose(r->n, condition, x, y);
}

static tenonh_value *real(const resize *r, double number) {
    return tenon__unsqueeze(r->b, tenonh_build_scalar(r->b, TENON_DTYPE_F64, number), 0);
}

static tenonh_value *ceiling(const resize *r, tenonh_value *x) {
    return tenon__compose(r->b, TENON__COMPOSITE_CEIL, &x, 1, NULL, 0);
}

static tenonh_value *floored(const resize *r, tenonh_value *x) {
    return tenon__unary(r->b, TENON_OP_FLOOR, x);
}

/* Dim `axis` of a value as f64[1]. */
static tenonh_value *dim_as_real(const resize *r, tenonh_value *x, uint32_t axis) {
    tenonh_value *dim =
        tenon__slice_axis(r->b, tenon__shape_of(r->b, x), 0, tenon__num(r->b, axis), tenon__num(r->b, 1));
    return tenon__cast(r->b, dim, TENON_DTYPE_F64);
}

/* -- Coordinates -------------------------------------------------------------------------------------------------- */

/* number / (x - 1), where x may be 1: then the numerator is 0 or not looked at. */
static tenonh_value *over_less_one(const resize *r, tenonh_value *numerator, tenonh_value *x) {
    tenonh_value *less = with(r, TENON_OP_SUB, x, 1);
    return op(r, TENON_OP_DIV, numerator, choose(r, with(r, TENON_OP_EQ, less, 0), real(r, 1), less));
}

static tenonh_value *crop_coordinates(const resize *r, const line *l, tenonh_value *i, tenonh_value *wide) {
    tenonh_value *reach = with(r, TENON_OP_SUB, l->in, 1);
    tenonh_value *steps = over_less_one(r, with(r, TENON_OP_MUL, reach, l->last - l->first), wide);
    tenonh_value *many = op(r, TENON_OP_ADD, op(r, TENON_OP_MUL, i, steps), with(r, TENON_OP_MUL, reach, l->first));
    tenonh_value *one = with(r, TENON_OP_MUL, reach, 0.5 * (l->first + l->last));
    return choose(r, with(r, TENON_OP_EQ, wide, 1), one, many);
}

/* Where each element of the result lies on the axis of x: f64[out]. */
static tenonh_value *coordinates(const resize *r, const line *l) {
    tenonh_value *i = tenon__iota(r->b, TENON_DTYPE_F64, 0, 1, &l->out_dim),
                 *wide = op(r, TENON_OP_MUL, l->in, l->scale);
    tenonh_value *centre = op(r, TENON_OP_DIV, with(r, TENON_OP_ADD, i, 0.5), l->scale);
    tenonh_value *half_pixel = with(r, TENON_OP_SUB, centre, 0.5), *less, *shift;
    switch (r->coordinates) {
    case ASYMMETRIC: return op(r, TENON_OP_DIV, i, l->scale);
    case ALIGN_CORNERS: return over_less_one(r, op(r, TENON_OP_MUL, i, with(r, TENON_OP_SUB, l->in, 1)), wide);
    case PYTORCH_HALF_PIXEL: return choose(r, with(r, TENON_OP_EQ, wide, 1), real(r, 0), half_pixel);
    case TF_HALF_PIXEL: return centre;
    case TF_CROP: return crop_coordinates(r, l, i, wide);
    case SYMMETRIC:
        less = from(r, 1, TENON_OP_SUB, op(r, TENON_OP_DIV, i ? dim_as_real(r, i, 0) : NULL, wide));
        shift = op(r, TENON_OP_MUL, with(r, TENON_OP_MUL, l->in, 0.5), less);
        return op(r, TENON_OP_ADD, shift, half_pixel);
    default: return half_pixel;
    }
}

static tenonh_value *nearest(const resize *r, tenonh_value *x) {
    switch (r->rounding) {
    case PREFER_FLOOR: return ceiling(r, with(r, TENON_OP_SUB, x, 0.5));
    case PREFER_CEIL: return floored(r, with(r, TENON_OP_ADD, x, 0.5));
    case FLOOR: return floored(r, x);
    default: return ceiling(r, x);
    }
}

/* -- Taps --------------------------------------------------------------------------------------------------------- */

/* Elements of x at f64 positions along the axis; those outside are the ones at its ends. */
static tenonh_value *at(const resize *r, const line *l, tenonh_value *x, tenonh_value *position) {
    tenonh_value *last = with(r, TENON_OP_SUB, l->in, 1);
    tenonh_value *inside = op(r, TENON_OP_MIN, with(r, TENON_OP_MAX, position, 0), last);
    return tenon__gather(r->b, x, tenon__cast(r->b, inside, TENON_DTYPE_I64), l->axis);
}

/* A value per element of the axis with the dims of y. */
static tenonh_value *along(const resize *r, const line *l, tenonh_value *values, const tenonh_value *y) {
    if (!values || !y) return NULL;
    for (uint32_t d = l->axis + 1; values && d < y->rank; d++) values = tenon__unsqueeze(r->b, values, values->rank);
    return values ? tenon__expand_like(r->b, values, y) : NULL;
}

/* ((a * u + b) * u + c) * u + d */
static tenonh_value *polynomial(const resize *r, tenonh_value *u, double a, double b, double c, double d) {
    tenonh_value *sum = with(r, TENON_OP_ADD, with(r, TENON_OP_MUL, u, a), b);
    sum = with(r, TENON_OP_ADD, op(r, TENON_OP_MUL, sum, u), c);
    return with(r, TENON_OP_ADD, op(r, TENON_OP_MUL, sum, u), d);
}

/* Weight of the element `offset` away from floor(coordinate), whose distance to the coordinate is `ratio`. */
static tenonh_value *weight(const resize *r, tenonh_value *ratio, int offset) {
    double a = r->cubic;
    tenonh_value *distance = offset > 0 ? from(r, offset, TENON_OP_SUB, ratio) : with(r, TENON_OP_SUB, ratio, offset);
    if (r->mode == LINEAR) return from(r, 1, TENON_OP_SUB, distance);
    if (offset == 0 || offset == 1) return polynomial(r, distance, a + 2, -(a + 3), 0, 1);
    return polynomial(r, distance, a, -5 * a, 8 * a, -4 * a);
}

/* 0 for what lies outside the axis. */
static tenonh_value *without_outside(const resize *r, const line *l, tenonh_value *w, tenonh_value *position) {
    tenonh_value *low = with(r, TENON_OP_LT, position, 0);
    tenonh_value *high = op(r, TENON_OP_LT, with(r, TENON_OP_SUB, l->in, 1), position);
    return choose(r, op(r, TENON_OP_OR, low, high), real(r, 0), w);
}

static tenonh_value *interpolated(const resize *r, const line *l, tenonh_value *x, tenonh_value *coordinate) {
    int first = r->mode == CUBIC ? -1 : 0, count = r->mode == CUBIC ? 4 : 2;
    tenonh_value *base = floored(r, coordinate), *ratio = op(r, TENON_OP_SUB, coordinate, base), *y = NULL;
    tenonh_value *weights[4], *total = NULL;
    for (int t = 0; t < count; t++) {
        weights[t] = weight(r, ratio, first + t);
        if (!r->exclude_outside) continue;
        weights[t] = without_outside(r, l, weights[t], with(r, TENON_OP_ADD, base, first + t));
        total = t ? op(r, TENON_OP_ADD, total, weights[t]) : weights[t];
    }
    for (int t = 0; t < count && x; t++) {
        tenonh_value *w = r->exclude_outside ? op(r, TENON_OP_DIV, weights[t], total) : weights[t];
        tenonh_value *part = at(r, l, x, with(r, TENON_OP_ADD, base, first + t));
        part = tenon__binary(r->b, TENON_OP_MUL, part, along(r, l, tenon__cast(r->b, w, x->dtype), part));
        y = t ? tenon__binary(r->b, TENON_OP_ADD, y, part) : part;
    }
    return y;
}

static tenonh_value *extrapolated(const resize *r, const line *l, tenonh_value *y, tenonh_value *coordinate) {
    tenonh_value *low = with(r, TENON_OP_LT, coordinate, 0);
    tenonh_value *high = op(r, TENON_OP_LT, with(r, TENON_OP_SUB, l->in, 1), coordinate);
    tenonh_value *outside = along(r, l, op(r, TENON_OP_OR, low, high), y);
    if (!outside) return NULL;
    tenonh_value *value = tenon__expand_like(r->b, tenonh_build_scalar(r->b, y->dtype, r->extrapolation), y);
    return tenon__where(r->b, outside, value, y);
}

static tenonh_value *resize_axis(const resize *r, const line *l, tenonh_value *x) {
    tenonh_value *coordinate = coordinates(r, l);
    tenonh_value *y = r->mode == NEAREST ? at(r, l, x, nearest(r, coordinate)) : interpolated(r, l, x, coordinate);
    return y && r->coordinates == TF_CROP ? extrapolated(r, l, y, coordinate) : y;
}

/* -- Sizes -------------------------------------------------------------------------------------------------------- */

/* floor(dim * scale) as an expression: scale must be a fraction of small numbers unless the dim is a number. */
static const tenonh_dim *scaled_dim(const resize *r, const tenonh_dim *dim, double scale) {
    int64_t number;
    if (tenonh_dim_is_number(dim, &number)) return tenon__num(r->b, (int64_t)floor((double)number * scale));
    for (int64_t divisor = 1; divisor <= 64; divisor++) {
        double times = scale * (double)divisor;
        if (fabs(times - rint(times)) > 1e-6 * times) continue;
        const tenonh_dim *product = tenon__dim2(r->b, TENONH_DIM_MUL, dim, tenon__num(r->b, (int64_t)rint(times)));
        return tenon__dim2(r->b, TENONH_DIM_DIV, product, tenon__num(r->b, divisor));
    }
    tenon__onnx_fail(r->n, TENON_STATUS_UNSUPPORTED, "a scale of %g of a dim that is not a number", scale);
    return NULL;
}

/* Axes that scales, sizes and roi speak of; *out_count of them. NULL after a failure. */
static const int64_t *resized_axes(const resize *r, uint32_t *out_count) {
    static const int64_t all[TENON_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t rank = r->n->inputs[0]->rank;
    const int64_t *axes = tenon__onnx_ints(r->n, "axes", out_count);
    if (!axes) return *out_count = rank, all;
    int64_t *wrapped = tenon__arena_array(&r->n->import->arena, (size_t)*out_count + 1, sizeof *wrapped);
    for (uint32_t i = 0; wrapped && i < *out_count; i++) wrapped[i] = tenon__onnx_axis(r->n, axes[i], rank);
    if (!wrapped) tenon__onnx_fail(r->n, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
    return tenonh_builder_status(r->b) == TENON_STATUS_OK ? wrapped : NULL;
}

/* One scale for all axes, so that the result is as large as fits into the sizes, or as covers them. */
static int keep_aspect(const resize *r, const char *policy, const tenonh_value *x, const int64_t *axes, uint32_t count,
                       const int64_t *sizes, double *out_scale) {
    int larger = strcmp(policy, "not_smaller") == 0;
    int64_t dim;
    if (!larger && strcmp(policy, "not_larger") != 0)
        return tenon__onnx_fail(r->n, TENON_STATUS_BAD_DATA, "keep_aspect_ratio_policy is '%s'", policy), 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!tenonh_dim_is_number(x->dims[axes[i]], &dim) || dim == 0)
            return tenon__onnx_fail(r->n, TENON_STATUS_UNSUPPORTED, "an aspect ratio of dims that are not numbers"), 0;
        double scale = (double)sizes[i] / (double)dim;
        if (i == 0 || (larger ? scale > *out_scale : scale < *out_scale)) *out_scale = scale;
    }
    return 1;
}

/* The lines by the sizes of input `index`. */
static int lines_by_sizes(const resize *r, uint32_t index, tenonh_value *x, const int64_t *axes, uint32_t count,
                          line *lines) {
    uint32_t sizes_count, number_count;
    double scale = 0;
    const char *policy = tenon__onnx_string(r->n, "keep_aspect_ratio_policy", "stretch");
    const tenonh_dim *const *sizes = tenon__onnx_dims(r->n, index, &sizes_count);
    if (!sizes) return 0;
    if (sizes_count != count)
        return tenon__onnx_fail(r->n, TENON_STATUS_INVALID, "%u sizes for %u axes", sizes_count, count), 0;
    int stretch = strcmp(policy, "stretch") == 0;
    const int64_t *numbers = stretch ? NULL : tenon__onnx_numbers(r->n, index, &number_count);
    if (!stretch && (!numbers || !keep_aspect(r, policy, x, axes, count, numbers, &scale))) return 0;
    for (uint32_t i = 0; i < count; i++) {
        const tenonh_dim *in = x->dims[axes[i]], *out = sizes[i];
        int64_t dim;
        if (!stretch && tenonh_dim_is_number(in, &dim))
            out = tenon__num(r->b, (int64_t)floor((double)dim * scale + 0.5));
        lines[i] =
            (line){.axis = (uint32_t)axes[i], .in_dim = in, .out_dim = out, .in = dim_as_real(r, x, (uint32_t)axes[i])};
        lines[i].unchanged = stretch ? in == out : scale == 1;
        tenonh_value *positions = out ? tenon__iota(r->b, TENON_DTYPE_F64, 0, 1, &out) : NULL;
        lines[i].scale = stretch ? op(r, TENON_OP_DIV, positions ? dim_as_real(r, positions, 0) : NULL, lines[i].in)
                                 : real(r, scale);
    }
    return 1;
}

static int lines_by_scales(const resize *r, const double *scales, tenonh_value *x, const int64_t *axes, uint32_t count,
                           line *lines) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t axis = (uint32_t)axes[i];
        if (!(scales[i] > 0)) return tenon__onnx_fail(r->n, TENON_STATUS_INVALID, "a scale of %g", scales[i]), 0;
        lines[i] = (line){.axis = axis, .in_dim = x->dims[axis], .out_dim = scaled_dim(r, x->dims[axis], scales[i])};
        lines[i].in = dim_as_real(r, x, axis);
        lines[i].scale = real(r, scales[i]);
        lines[i].unchanged = scales[i] == 1;
    }
    return 1;
}

/* -- The operators ------------------------------------------------------------------------------------------------ */

/* Narrow floats and integers are interpolated in f32. */
static tenonh_value *resize_lines(const resize *r, const line *lines, uint32_t count) {
    tenonh_value *x = r->n->inputs[0];
    tenon_dtype dtype = x->dtype, wide = dtype == TENON_DTYPE_F64 ? TENON_DTYPE_F64 : TENON_DTYPE_F32;
    if (r->mode != NEAREST) x = tenon__cast(r->b, x, wide);
    for (uint32_t i = 0; x && i < count; i++)
        if (!lines[i].unchanged || r->coordinates == TF_CROP) x = resize_axis(r, &lines[i], x);
    return x ? tenon__cast(r->b, x, dtype) : NULL;
}

tenonh_value *tenon__onnx_lower_resize(tenon__onnx_node *n) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const transforms[] = {
        "half_pixel",           "asymmetric",         "align_corners",        "pytorch_half_pixel",
        "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    resize r = {.n = n, .b = n->b};
    line lines[TENON_MAX_RANK];
    uint32_t count, given = 0, corners = 0;
    r.mode = tenon__onnx_named(n, "mode", "nearest", modes);
    r.coordinates = tenon__onnx_named(n, "coordinate_transformation_mode", "half_pixel", transforms);
    r.rounding = tenon__onnx_named(n, "nearest_mode", "round_prefer_floor", roundings);
    r.cubic = tenon__onnx_float(n, "cubic_coeff_a", -0.75);
    r.exclude_outside = tenon__onnx_int(n, "exclude_outside", 0) != 0;
    r.extrapolation = tenon__onnx_float(n, "extrapolation_value", 0);
    if (tenon__onnx_int(n, "antialias", 0) && r.mode != NEAREST)
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "antialias is not supported");
    const int64_t *axes = resized_axes(&r, &count);
    if (!axes || tenonh_builder_status(n->b) != TENON_STATUS_OK) return NULL;
    if (count > TENON_MAX_RANK) return tenon__onnx_fail(n, TENON_STATUS_INVALID, "%u axes", count);
    if (tenon__onnx_input(n, 3)) {
        if (!lines_by_sizes(&r, 3, n->inputs[0], axes, count, lines)) return NULL;
    } else {
        const double *scales = tenon__onnx_reals(n, 2, &given);
        if (!scales) return NULL;
        if (given != count) return tenon__onnx_fail(n, TENON_STATUS_INVALID, "%u scales for %u axes", given, count);
        if (!lines_by_scales(&r, scales, n->inputs[0], axes, count, lines)) return NULL;
    }
    const double *roi = r.coordinates == TF_CROP ? tenon__onnx_reals(n, 1, &corners) : NULL;
    if (r.coordinates == TF_CROP && (!roi || corners != 2 * count))
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "its roi must be a start and an end for each axis");
    for (uint32_t i = 0; roi && i < count; i++) lines[i].first = roi[i], lines[i].last = roi[count + i];
    return resize_lines(&r, lines, count);
}

/* Upsample, and Resize as it was in opset 10: scales alone, from the start of each axis. */
tenonh_value *tenon__onnx_lower_upsample(tenon__onnx_node *n) {
    static const char *const modes[] = {"nearest", "linear", NULL};
    resize r = {.n = n, .b = n->b, .coordinates = ASYMMETRIC, .rounding = FLOOR};
    line lines[TENON_MAX_RANK];
    double wide[TENON_MAX_RANK] = {0};
    uint32_t count, rank = n->inputs[0]->rank;
    r.mode = tenon__onnx_named(n, "mode", "nearest", modes);
    const float *attribute = tenon__onnx_floats(n, "scales", &count);
    const double *scales = attribute ? wide : tenon__onnx_reals(n, 1, &count);
    if (r.mode < 0 || !scales) return NULL;
    if (count != rank) return tenon__onnx_fail(n, TENON_STATUS_INVALID, "%u scales for a rank of %u", count, rank);
    for (uint32_t i = 0; attribute && i < count; i++) wide[i] = (double)attribute[i];
    const int64_t *axes = resized_axes(&r, &count);
    if (!axes || !lines_by_scales(&r, scales, n->inputs[0], axes, count, lines)) return NULL;
    return resize_lines(&r, lines, count);
}
