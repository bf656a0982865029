/* Convolutions and pools. Layout: batch, channels, space. */
#include <string.h>

#include "onnx/operators.h"

/* The window of a convolution or pool over the axes of space. */
typedef struct window {
    uint32_t rank; /* of space */
    int64_t steps[TENON_MAX_RANK];
    int64_t dilations[TENON_MAX_RANK];
    const tenonh_dim *kernel[TENON_MAX_RANK];
    const tenonh_dim *low[TENON_MAX_RANK];
    const tenonh_dim *high[TENON_MAX_RANK];
} window;

enum { PAD_GIVEN, PAD_NONE, PAD_UPPER, PAD_LOWER, PAD_BAD };

static const tenonh_dim *add(const tenon__onnx_node *n, const tenonh_dim *x, const tenonh_dim *y) {
    return tenon__dim2(n->b, TENONH_DIM_ADD, x, y);
}

static const tenonh_dim *sub(const tenon__onnx_node *n, const tenonh_dim *x, const tenonh_dim *y) {
    return tenon__dim2(n->b, TENONH_DIM_SUB, x, y);
}

static const tenonh_dim *mul(const tenon__onnx_node *n, const tenonh_dim *x, int64_t y) {
    return tenon__dim2(n->b, TENONH_DIM_MUL, x, tenon__num(n->b, y));
}

static const tenonh_dim *div_up(const tenon__onnx_node *n, const tenonh_dim *x, int64_t y) {
    return tenon__dim2(n->b, TENONH_DIM_DIV, add(n, x, tenon__num(n->b, y - 1)), tenon__num(n->b, y));
}

static const tenonh_dim *half(const tenon__onnx_node *n, const tenonh_dim *x) {
    return tenon__dim2(n->b, TENONH_DIM_DIV, x, tenon__num(n->b, 2));
}

static const tenonh_dim *at_least_0(const tenon__onnx_node *n, const tenonh_dim *x) {
    return tenon__dim2(n->b, TENONH_DIM_MAX, x, tenon__num(n->b, 0));
}

/* Elements between a window's first and last, both included. */
static const tenonh_dim *extent(const tenon__onnx_node *n, const window *w, uint32_t d) {
    const tenonh_dim *one = tenon__num(n->b, 1);
    return add(n, mul(n, sub(n, w->kernel[d], one), w->dilations[d]), one);
}

/* A list with an entry for each axis of space, or all `otherwise`. Every entry must be at least `least`. */
static int list_attr(const tenon__onnx_node *n, const char *name, uint32_t wanted, int64_t otherwise, int64_t least,
                     int64_t *out) {
    uint32_t count;
    const int64_t *values = tenon__onnx_ints(n, name, &count);
    if (values && count != wanted) {
        tenon__onnx_fail(n, TENON_STATUS_INVALID, "%s has %u entries, not %u", name, count, wanted);
        return 0;
    }
    if (!values && otherwise < least) {
        tenon__onnx_fail(n, TENON_STATUS_INVALID, "%s is missing", name);
        return 0;
    }
    for (uint32_t i = 0; i < wanted; i++) {
        out[i] = values ? values[i] : otherwise;
        if (out[i] >= least) continue;
        tenon__onnx_fail(n, TENON_STATUS_INVALID, "%s has an entry of %lld", name, (long long)out[i]);
        return 0;
    }
    return 1;
}

static int padding_of(const tenon__onnx_node *n) {
    static const char *const names[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
    const char *mode = tenon__onnx_string(n, "auto_pad", "NOTSET");
    for (int i = 0; i < PAD_BAD; i++)
        if (strcmp(mode, names[i]) == 0) return i;
    tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "auto_pad is '%s'", mode);
    return PAD_BAD;
}

/* Shares `total` out between the two ends of axis d. */
static void share(const tenon__onnx_node *n, window *w, uint32_t d, const tenonh_dim *total, int upper) {
    const tenonh_dim *less = half(n, total), *more = sub(n, total, less);
    w->low[d] = upper ? less : more;
    w->high[d] = upper ? more : less;
}

static int read_pads(const tenon__onnx_node *n, window *w) {
    int64_t pads[2 * TENON_MAX_RANK];
    if (!list_attr(n, "pads", 2 * w->rank, 0, 0, pads)) return 0;
    for (uint32_t d = 0; d < w->rank; d++) {
        w->low[d] = tenon__num(n->b, pads[d]);
        w->high[d] = tenon__num(n->b, pads[w->rank + d]);
    }
    return 1;
}

/* Steps and dilations; the kernel's dims from its weights or, without any, from kernel_shape. */
static int read_window(const tenon__onnx_node *n, const tenonh_value *weights, window *w) {
    int64_t kernel[TENON_MAX_RANK];
    const tenonh_value *x = n->inputs[0];
    if (x->rank < 3 || (weights && weights->rank != x->rank)) {
        tenon__onnx_fail(n, TENON_STATUS_INVALID,
                         "its input must have batch, channels and space, and its weights as many dims");
        return 0;
    }
    *w = (window){.rank = x->rank - 2};
    if (!list_attr(n, "strides", w->rank, 1, 1, w->steps) || !list_attr(n, "dilations", w->rank, 1, 1, w->dilations) ||
        !list_attr(n, "kernel_shape", w->rank, weights ? 1 : 0, 1, kernel))
        return 0;
    for (uint32_t d = 0; d < w->rank; d++) {
        w->kernel[d] = weights ? weights->dims[2 + d] : tenon__num(n->b, kernel[d]);
        int told = weights && tenon__onnx_attr(n, "kernel_shape");
        if (!told || tenonh_dim_equate(tenon__builder_module(n->b), w->kernel[d], tenon__num(n->b, kernel[d])) == 0)
            continue;
        tenon__onnx_fail(n, TENON_STATUS_INVALID, "kernel_shape is not that of its weights");
        return 0;
    }
    return 1;
}

/* Padding of a window that moves over x: given, none, or so that the result has ceil(dim / step) positions. */
static int read_padding(const tenon__onnx_node *n, window *w) {
    int mode = padding_of(n);
    if (mode == PAD_BAD) return 0;
    if (mode == PAD_GIVEN) return read_pads(n, w);
    for (uint32_t d = 0; d < w->rank; d++) {
        const tenonh_dim *dim = n->inputs[0]->dims[2 + d];
        const tenonh_dim *reach =
            add(n, mul(n, sub(n, div_up(n, dim, w->steps[d]), tenon__num(n->b, 1)), w->steps[d]), extent(n, w, d));
        const tenonh_dim *total = mode == PAD_NONE ? tenon__num(n->b, 0) : at_least_0(n, sub(n, reach, dim));
        share(n, w, d, total, mode == PAD_UPPER);
    }
    return 1;
}

#define WINDOW_ATTRS(w)                                                                                                \
    TENON__ATTR_INTS(STEPS, (w).rank, (w).steps), TENON__ATTR_INTS(DILATIONS, (w).rank, (w).dilations),                \
        TENON__ATTR_DIMS(LOW, (w).rank, (w).low), TENON__ATTR_DIMS(HIGH, (w).rank, (w).high)

static tenonh_value *convolve(const tenon__onnx_node *n, tenonh_value *x, tenonh_value *weights, tenonh_value *bias) {
    window w;
    if (!x || !weights || !read_window(n, weights, &w) || !read_padding(n, &w)) return NULL;
    const tenonh_attr attrs[] = {WINDOW_ATTRS(w), TENON__ATTR_INT(GROUPS, tenon__onnx_int(n, "group", 1))};
    return tenon__compose(n->b, TENON__COMPOSITE_CONV, (tenonh_value *[]){x, weights, bias}, 3, attrs, 5);
}

tenonh_value *tenon__onnx_lower_conv(tenon__onnx_node *n) {
    return convolve(n, n->inputs[0], n->inputs[1], tenon__onnx_input(n, 2));
}

/* Inputs: x, w, and their zero points. */
tenonh_value *tenon__onnx_lower_conv_integer(tenon__onnx_node *n) {
    return convolve(n, tenon__onnx_centred(n, n->inputs[0], tenon__onnx_input(n, 2), 0),
                    tenon__onnx_centred(n, n->inputs[1], tenon__onnx_input(n, 3), 0), NULL);
}

/* Inputs: x, its scale and zero point, w, its scale and zero point by channel, those of the result, bias. */
tenonh_value *tenon__onnx_lower_qlinear_conv(tenon__onnx_node *n) {
    tenonh_value *const *in = n->inputs;
    tenonh_value *sum = convolve(n, tenon__onnx_centred(n, in[0], in[2], 0), tenon__onnx_centred(n, in[3], in[5], 0),
                                 tenon__onnx_input(n, 8));
    const tenon__onnx_scale x = {in[1], 0}, w = {in[4], 1};
    return tenon__onnx_requantized(n, sum, &x, &w, in[6], in[7]);
}

/* What is cut from the ends of a transposed convolution: given, or what is too much for the result's dims. */
static int read_cuts(const tenon__onnx_node *n, window *w, const tenonh_dim **more) {
    int64_t shape[TENON_MAX_RANK];
    int mode = padding_of(n), has_shape = tenon__onnx_attr(n, "output_shape") != NULL;
    if (mode == PAD_BAD || !list_attr(n, "output_shape", w->rank, 0, 0, shape)) return 0;
    if (!has_shape && mode == PAD_GIVEN) return read_pads(n, w);
    for (uint32_t d = 0; d < w->rank; d++) {
        const tenonh_dim *dim = n->inputs[0]->dims[2 + d], *none = tenon__num(n->b, 0);
        const tenonh_dim *whole = add(n, mul(n, sub(n, dim, tenon__num(n->b, 1)), w->steps[d]), extent(n, w, d));
        const tenonh_dim *wanted = has_shape ? tenon__num(n->b, shape[d]) : mul(n, dim, w->steps[d]);
        const tenonh_dim *excess = sub(n, add(n, whole, more[d]), wanted);
        if (mode == PAD_NONE && !has_shape) excess = none;
        share(n, w, d, at_least_0(n, excess), mode == PAD_UPPER);
        more[d] = add(n, more[d], at_least_0(n, sub(n, none, excess)));
    }
    return 1;
}

tenonh_value *tenon__onnx_lower_conv_transpose(tenon__onnx_node *n) {
    window w;
    int64_t padding[TENON_MAX_RANK];
    const tenonh_dim *more[TENON_MAX_RANK];
    if (!read_window(n, n->inputs[1], &w) || !list_attr(n, "output_padding", w.rank, 0, 0, padding)) return NULL;
    for (uint32_t d = 0; d < w.rank; d++) more[d] = tenon__num(n->b, padding[d]);
    if (!read_cuts(n, &w, more)) return NULL;
    const tenonh_attr attrs[] = {WINDOW_ATTRS(w), TENON__ATTR_INT(GROUPS, tenon__onnx_int(n, "group", 1)),
                                 TENON__ATTR_DIMS(SIZES, w.rank, more)};
    tenonh_value *inputs[] = {n->inputs[0], n->inputs[1], tenon__onnx_input(n, 2)};
    return tenon__compose(n->b, TENON__COMPOSITE_CONV_TRANSPOSE, inputs, 3, attrs, 6);
}

static tenonh_value *build_pool(const tenon__onnx_node *n, const window *w, uint32_t composite, tenonh_value *x,
                                int count_pad) {
    const tenonh_attr attrs[] = {WINDOW_ATTRS(*w), TENON__ATTR_DIMS(SIZES, w->rank, w->kernel),
                                 TENON__ATTR_INT(CEIL, tenon__onnx_int(n, "ceil_mode", 0) != 0),
                                 TENON__ATTR_INT(COUNT_PAD, count_pad)};
    return tenon__compose(n->b, composite, &x, 1, attrs, composite == TENON__COMPOSITE_AVERAGE_POOL ? 7 : 6);
}

tenonh_value *tenon__onnx_lower_pool(tenon__onnx_node *n) {
    window w;
    if (!read_window(n, NULL, &w) || !read_padding(n, &w)) return NULL;
    int count_pad = tenon__onnx_int(n, "count_include_pad", 0) != 0;
    return build_pool(n, &w, (uint32_t)n->row->data, n->inputs[0], count_pad);
}

/* x^p, or x^(1/p). */
static tenonh_value *power(const tenon__onnx_node *n, tenonh_value *x, double p) {
    return tenon__binary_number(n->b, TENON_OP_POW, x, p, false);
}

/* The p-norm of each window: its mean of |x|^p times the window's size, to the 1/p. */
tenonh_value *tenon__onnx_lower_lp_pool(tenon__onnx_node *n) {
    window w;
    int64_t size, dim, p = tenon__onnx_int(n, "p", 2);
    if (!read_window(n, NULL, &w) || !read_padding(n, &w)) return NULL;
    if (tenon__onnx_int(n, "ceil_mode", 0) || p < 1)
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "ceil_mode and a p below 1 are not supported");
    size = 1;
    for (uint32_t d = 0; d < w.rank; d++)
        if (tenonh_dim_is_number(w.kernel[d], &dim)) size *= dim;
    tenonh_value *x = power(n, tenon__unary(n->b, TENON_OP_ABS, n->inputs[0]), (double)p);
    tenonh_value *mean = build_pool(n, &w, TENON__COMPOSITE_AVERAGE_POOL, x, 1);
    tenonh_value *sum = tenon__binary_number(n->b, TENON_OP_MUL, mean, (double)size, false);
    return power(n, sum, 1.0 / (double)p);
}

tenonh_value *tenon__onnx_lower_global_pool(tenon__onnx_node *n) {
    return tenon__compose(n->b, (uint32_t)n->row->data, n->inputs, 1, NULL, 0);
}

tenonh_value *tenon__onnx_lower_global_lp_pool(tenon__onnx_node *n) {
    static const int64_t axes[] = {2, 3, 4, 5, 6, 7};
    int64_t p = tenon__onnx_int(n, "p", 2);
    if (n->inputs[0]->rank < 3 || p < 1)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "it needs batch, channels and space, and a p of at least 1");
    tenonh_value *x = power(n, tenon__unary(n->b, TENON_OP_ABS, n->inputs[0]), (double)p);
    return power(n, tenon__reduce(n->b, TENON_OP_SUM, x, n->inputs[0]->rank - 2, axes, true), 1.0 / (double)p);
}

/* -- Back from windows -------------------------------------------------------------------------------------------- */

/* f[channels * taps, 1, kernel]: of every group of channels, channel i is tap i alone. */
static tenonh_value *unit_kernels(const tenon__onnx_node *n, const window *w, const tenonh_dim *channels,
                                  tenon_dtype dtype) {
    const tenonh_dim *dims[TENON_MAX_RANK] = {NULL, tenon__num(n->b, 1)};
    const tenonh_dim *taps = tenon__dim_product(n->b, w->kernel, w->rank);
    const tenonh_dim *square[] = {channels, taps, taps};
    dims[0] = tenon__dim2(n->b, TENONH_DIM_MUL, channels, taps);
    for (uint32_t d = 0; d < w->rank; d++) dims[2 + d] = w->kernel[d];
    tenonh_value *row = tenon__iota(n->b, TENON_DTYPE_I64, 1, 3, square);
    tenonh_value *column = tenon__iota(n->b, TENON_DTYPE_I64, 2, 3, square);
    tenonh_value *unit = row && column ? tenon__binary(n->b, TENON_OP_EQ, row, column) : NULL;
    return unit ? tenon__reshape(n->b, tenon__cast(n->b, unit, dtype), 2 + w->rank, dims) : NULL;
}

static int read_columns(const tenon__onnx_node *n, const tenonh_dim *const **out_image, window *w) {
    uint32_t image_count, block_count;
    *out_image = tenon__onnx_dims(n, 1, &image_count);
    const tenonh_dim *const *block = tenon__onnx_dims(n, 2, &block_count);
    if (!*out_image || !block) return 0;
    if (n->inputs[0]->rank != 3 || image_count != block_count || block_count == 0 || block_count > TENON_MAX_RANK - 2) {
        tenon__onnx_fail(n, TENON_STATUS_INVALID, "it needs [batch, channels * block, blocks] and dims of one length");
        return 0;
    }
    *w = (window){.rank = block_count};
    for (uint32_t d = 0; d < w->rank; d++) w->kernel[d] = block[d];
    return list_attr(n, "strides", w->rank, 1, 1, w->steps) && list_attr(n, "dilations", w->rank, 1, 1, w->dilations) &&
           read_pads(n, w);
}

/* Blocks are added up where they lie in the image: a transposed convolution whose channels are the block's elements. */
tenonh_value *tenon__onnx_lower_col2im(tenon__onnx_node *n) {
    window w;
    const tenonh_dim *const *image, *dims[TENON_MAX_RANK], *more[TENON_MAX_RANK];
    tenonh_value *x = n->inputs[0];
    int64_t groups;
    if (!read_columns(n, &image, &w)) return NULL;
    dims[0] = x->dims[0], dims[1] = x->dims[1];
    for (uint32_t d = 0; d < w.rank; d++) {
        const tenonh_dim *room = sub(n, add(n, image[d], add(n, w.low[d], w.high[d])), extent(n, &w, d));
        const tenonh_dim *last = tenon__dim2(n->b, TENONH_DIM_DIV, room, tenon__num(n->b, w.steps[d]));
        dims[2 + d] = add(n, last, tenon__num(n->b, 1));
        more[d] = sub(n, room, mul(n, last, w.steps[d]));
    }
    const tenonh_dim *channels =
        tenon__dim2(n->b, TENONH_DIM_DIV, x->dims[1], tenon__dim_product(n->b, w.kernel, w.rank));
    if (!tenonh_dim_is_number(channels, &groups))
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "its number of channels must be known");
    tenonh_value *inputs[] = {tenon__reshape(n->b, x, 2 + w.rank, dims), unit_kernels(n, &w, channels, x->dtype), NULL};
    const tenonh_attr attrs[] = {WINDOW_ATTRS(w), TENON__ATTR_INT(GROUPS, groups),
                                 TENON__ATTR_DIMS(SIZES, w.rank, more)};
    return inputs[0] && inputs[1] ? tenon__compose(n->b, TENON__COMPOSITE_CONV_TRANSPOSE, inputs, 3, attrs, 6) : NULL;
}

/* Elements go back to where a max pool took them from; the rest is 0. Indices count the elements of the whole result as
 * the pool's input was; a larger output_shape adds zeros at the ends. */
tenonh_value *tenon__onnx_lower_max_unpool(tenon__onnx_node *n) {
    window w;
    uint32_t count;
    tenonh_value *x = n->inputs[0], *indices = n->inputs[1];
    const tenonh_dim *dims[TENON_MAX_RANK], *low[TENON_MAX_RANK], *high[TENON_MAX_RANK];
    if (!read_window(n, NULL, &w) || !read_pads(n, &w)) return NULL;
    dims[0] = x->dims[0], dims[1] = x->dims[1];
    for (uint32_t d = 0; d < w.rank; d++) {
        const tenonh_dim *last = mul(n, sub(n, x->dims[2 + d], tenon__num(n->b, 1)), w.steps[d]);
        dims[2 + d] = sub(n, add(n, last, w.kernel[d]), add(n, w.low[d], w.high[d]));
    }
    const tenonh_dim *all = tenon__dim_product(n->b, dims, x->rank),
                     *given = tenon__dim_product(n->b, x->dims, x->rank);
    tenonh_value *zeros = tenon__fill(n->b, x->dtype, 0, 1, &all);
    tenonh_value *values = tenon__reshape(n->b, x, 1, &given), *places = tenon__reshape(n->b, indices, 1, &given);
    tenonh_value *y =
        zeros && values && places ? tenon__scatter(n->b, places, values, zeros, 0, TENON_COMBINE_SET) : NULL;
    y = y ? tenon__reshape(n->b, y, x->rank, dims) : NULL;
    if (!y || !tenon__onnx_input(n, 2)) return y;
    const tenonh_dim *const *wanted = tenon__onnx_dims(n, 2, &count);
    if (!wanted) return NULL;
    if (count != x->rank) return tenon__onnx_fail(n, TENON_STATUS_INVALID, "output_shape has %u entries", count);
    for (uint32_t d = 0; d < x->rank; d++) {
        low[d] = tenon__num(n->b, 0);
        high[d] = sub(n, wanted[d], y->dims[d]);
    }
    return tenon__pad(n->b, y, 0, low, high);
}
