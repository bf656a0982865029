/* RoiAlign: regions of a map, each in bins of the same number, each bin from samples inside it. */
#include "onnx/operators.h"

enum { AVERAGE, LARGEST };
enum { HALF_PIXEL, OUTPUT_HALF_PIXEL };

/* x: [batches, channels, height, width]; rois: [n, 4], x before y. Axis 0 is y, 1 is x. */
typedef struct regions {
    const tenon__onnx_node *n;
    tenonh_builder *b;
    int mode;
    int64_t bins[2], samples; /* samples: of a bin along each axis */
    double scale, shift;
    bool has_least; /* a region is at least one element wide */
} regions;

/* One axis: the two elements that each sample lies between, and what each counts. [n, bins * samples] */
typedef struct line {
    tenonh_value *places[2], *weights[2];
} line;

static tenonh_value *op(const regions *r, tenon_op o, tenonh_value *x, tenonh_value *y) {
    return tenon__onnx_binary(r->n, o, x, y);
}

static tenonh_value *with(const regions *r, tenon_op o, tenonh_value *x, double number) {
    return tenon__binary_number(r->b, o, x, number, false);
}

static tenonh_value *dim_value(const regions *r, tenonh_value *x, uint32_t axis, tenon_dtype dtype) {
    tenonh_value *shape = tenon__shape_of(r->b, x);
    return tenon__cast(r->b, tenon__slice_axis(r->b, shape, 0, tenon__num(r->b, axis), tenon__num(r->b, 1)), dtype);
}

/* Column `index` of the regions, in elements of the map: [n, 1] */
static tenonh_value *bound_of(const regions *r, uint32_t index) {
    tenonh_value *rois = r->n->inputs[1];
    tenonh_value *column = tenon__slice_axis(r->b, rois, 1, tenon__num(r->b, index), tenon__num(r->b, 1));
    return with(r, TENON_OP_SUB, with(r, TENON_OP_MUL, column, r->scale), r->shift);
}

/* Where samples lie along an axis: in the middles of equal parts of each bin. */
static tenonh_value *positions_of(const regions *r, uint32_t axis) {
    tenonh_value *start = bound_of(r, 1 - axis), *size = op(r, TENON_OP_SUB, bound_of(r, 3 - axis), start);
    if (r->has_least) size = with(r, TENON_OP_MAX, size, 1);
    if (!size) return NULL;
    int64_t count = r->bins[axis] * r->samples;
    const tenonh_dim *dims[] = {tenon__num(r->b, count)};
    tenonh_value *middle = with(r, TENON_OP_ADD, tenon__iota(r->b, size->dtype, 0, 1, dims), 0.5);
    return op(r, TENON_OP_ADD, start, op(r, TENON_OP_MUL, with(r, TENON_OP_MUL, size, 1.0 / (double)count), middle));
}

/* Samples more than one element outside count nothing; those beyond the outermost elements take these. */
static line line_of(const regions *r, uint32_t axis) {
    line l = {{NULL, NULL}, {NULL, NULL}};
    tenonh_value *at = positions_of(r, axis);
    if (!at) return l;
    tenonh_value *length = dim_value(r, r->n->inputs[0], 2 + axis, at->dtype), *last = with(r, TENON_OP_SUB, length, 1);
    tenonh_value *outside = op(r, TENON_OP_OR, with(r, TENON_OP_LT, at, -1), op(r, TENON_OP_LT, length, at));
    at = op(r, TENON_OP_MIN, with(r, TENON_OP_MAX, at, 0), last);
    tenonh_value *low = tenon__unary(r->b, TENON_OP_FLOOR, at), *ratio = op(r, TENON_OP_SUB, at, low);
    tenonh_value *counts = tenon__cast(r->b, tenon__binary_number(r->b, TENON_OP_EQ, outside, 0, false), at->dtype);
    l.places[0] = low;
    l.places[1] = op(r, TENON_OP_MIN, with(r, TENON_OP_ADD, low, 1), last);
    l.weights[0] = op(r, TENON_OP_MUL, tenon__binary_number(r->b, TENON_OP_SUB, ratio, 1, true), counts);
    l.weights[1] = op(r, TENON_OP_MUL, ratio, counts);
    return l;
}

/* [n, y] and [n, x] as [n, y, x] of i64 or of weights. */
static tenonh_value *crossed(const regions *r, tenon_op o, tenonh_value *y, tenonh_value *x) {
    if (!y || !x) return NULL;
    return op(r, o, tenon__unsqueeze(r->b, y, 2), tenon__unsqueeze(r->b, x, 1));
}

/* The rows of the map with channels last, [batches * height * width, channels], that a pair of places is in. */
static tenonh_value *row_numbers(const regions *r, tenonh_value *y, tenonh_value *x) {
    tenonh_value *map = r->n->inputs[0], *batch = tenon__cast(r->b, r->n->inputs[2], TENON_DTYPE_I64);
    tenonh_value *height = dim_value(r, map, 2, TENON_DTYPE_I64), *width = dim_value(r, map, 3, TENON_DTYPE_I64);
    batch = batch ? tenon__unsqueeze(r->b, batch, 1) : NULL;
    if (!batch || !y || !x) return NULL;
    y = op(r, TENON_OP_ADD, op(r, TENON_OP_MUL, batch, height), tenon__cast(r->b, y, TENON_DTYPE_I64));
    return crossed(r, TENON_OP_ADD, op(r, TENON_OP_MUL, y, width), tenon__cast(r->b, x, TENON_DTYPE_I64));
}

/* Weighted elements of all samples: [n, y, x, channels] */
static tenonh_value *part_of(const regions *r, tenonh_value *rows, const line *lines, uint32_t corner) {
    uint32_t y = corner / 2, x = corner % 2;
    tenonh_value *numbers = row_numbers(r, lines[0].places[y], lines[1].places[x]);
    tenonh_value *part = rows && numbers ? tenon__gather(r->b, rows, numbers, 0) : NULL;
    tenonh_value *weight = crossed(r, TENON_OP_MUL, lines[0].weights[y], lines[1].weights[x]);
    return weight ? op(r, TENON_OP_MUL, part, tenon__unsqueeze(r->b, weight, 3)) : NULL;
}

/* Samples of a bin become one: their mean, or the largest of their weighted elements. [n, channels, bins, bins] */
static tenonh_value *binned(const regions *r, tenonh_value *samples) {
    static const int64_t of_bin[] = {2, 4}, perm[] = {0, 3, 1, 2};
    if (!samples) return NULL;
    const tenonh_dim *count = tenon__num(r->b, r->samples);
    const tenonh_dim *dims[] = {
        samples->dims[0], tenon__num(r->b, r->bins[0]), count, tenon__num(r->b, r->bins[1]), count, samples->dims[3]};
    tenonh_value *bins = tenon__reshape(r->b, samples, 6, dims);
    bins = tenon__reduce(r->b, r->mode == LARGEST ? TENON_OP_RMAX : TENON_OP_SUM, bins, 2, of_bin, false);
    if (r->mode == AVERAGE) bins = with(r, TENON_OP_MUL, bins, 1.0 / (double)(r->samples * r->samples));
    return tenon__permute(r->b, bins, perm);
}

static int read_regions(regions *r) {
    static const char *const modes[] = {"avg", "max", NULL};
    static const char *const transforms[] = {"half_pixel", "output_half_pixel", NULL};
    const tenon__onnx_node *n = r->n;
    /* Before opset 16 there was no choice. */
    int transform = n->opset < 16 ? OUTPUT_HALF_PIXEL
                                  : tenon__onnx_named(n, "coordinate_transformation_mode", "half_pixel", transforms);
    r->mode = tenon__onnx_named(n, "mode", "avg", modes);
    r->bins[0] = tenon__onnx_int(n, "output_height", 1);
    r->bins[1] = tenon__onnx_int(n, "output_width", 1);
    r->samples = tenon__onnx_int(n, "sampling_ratio", 0);
    r->scale = tenon__onnx_float(n, "spatial_scale", 1);
    r->shift = transform == HALF_PIXEL ? 0.5 : 0;
    r->has_least = transform == OUTPUT_HALF_PIXEL;
    if (r->mode < 0 || transform < 0) return 0;
    if (n->inputs[0]->rank != 4 || n->inputs[1]->rank != 2 || n->inputs[2]->rank != 1)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID,
                                "it needs a map of rank 4, regions [n, 4] and n batch numbers"),
               0;
    bool fits = r->samples <= INT16_MAX && r->bins[0] > 0 && r->bins[0] <= INT16_MAX && r->bins[1] > 0 &&
                r->bins[1] <= INT16_MAX;
    if (r->samples <= 0 || !fits)
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED,
                                "its sizes and its sampling_ratio must be from 1 to %d: a ratio of 0 lets each region "
                                "decide",
                                INT16_MAX),
               0;
    return 1;
}

tenonh_value *tenon__onnx_lower_roi_align(tenon__onnx_node *n) {
    static const int64_t channels_last[] = {0, 2, 3, 1};
    regions r = {.n = n, .b = n->b};
    if (!read_regions(&r)) return NULL;
    tenonh_value *x = n->inputs[0], *samples = NULL;
    const tenonh_dim *rows_dims[] = {
        tenon__dim2(n->b, TENONH_DIM_MUL, x->dims[0], tenon__dim_product(n->b, x->dims + 2, 2)), x->dims[1]};
    tenonh_value *rows = tenon__reshape(n->b, tenon__permute(n->b, x, channels_last), 2, rows_dims);
    const line lines[] = {line_of(&r, 0), line_of(&r, 1)};
    for (uint32_t corner = 0; corner < 4; corner++) {
        tenonh_value *part = part_of(&r, rows, lines, corner);
        samples = corner == 0 ? part : op(&r, r.mode == LARGEST ? TENON_OP_MAX : TENON_OP_ADD, samples, part);
    }
    return binned(&r, samples);
}
