/* Operators that change shapes or move elements. Dims that come from tensors stay expressions: what the importer can't
 * know yet is left to a shape composite, which resolves once the inputs' dims are numbers. */
#include <string.h>

#include "onnx/operators.h"

static tenonh_value *compose(const tenon__onnx_node *n, uint32_t composite, tenonh_value *const *inputs, uint32_t count,
                             const tenonh_attr *attr) {
    return tenon__compose(n->b, composite, inputs, count, attr, attr ? 1 : 0);
}

/* An attribute that opsets before gave as a list, as the i64 tensor that it became. NULL when absent. */
static tenonh_value *ints_as_value(const tenon__onnx_node *n, const char *name) {
    uint32_t count;
    const int64_t *values = tenon__onnx_ints(n, name, &count);
    return values ? tenon__build_ints(n->b, values, count) : NULL;
}

static tenonh_value *as_i64(const tenon__onnx_node *n, tenonh_value *x) {
    return x ? tenon__cast(n->b, x, TENON_DTYPE_I64) : NULL;
}

tenonh_value *tenon__onnx_lower_shape(tenon__onnx_node *n) {
    int64_t rank = n->inputs[0]->rank;
    int64_t start = tenon__onnx_int(n, "start", 0), end = tenon__onnx_int(n, "end", rank);
    start += start < 0 ? rank : 0;
    end += end < 0 ? rank : 0;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    tenonh_value *shape = tenon__shape_of(n->b, n->inputs[0]);
    if (start == 0 && end == rank) return shape;
    return tenon__slice_axis(n->b, shape, 0, tenon__num(n->b, start), tenon__num(n->b, end - start));
}

tenonh_value *tenon__onnx_lower_size(tenon__onnx_node *n) {
    const int64_t axes[] = {0};
    return tenon__reduce(n->b, TENON_OP_PROD, tenon__shape_of(n->b, n->inputs[0]), 1, axes, false);
}

tenonh_value *tenon__onnx_lower_reshape(tenon__onnx_node *n) {
    const tenonh_attr mode = TENON__ATTR_INT(MODE, tenon__onnx_int(n, "allowzero", 0) != 0);
    return compose(n, TENON__COMPOSITE_RESHAPE_TO, (tenonh_value *[]){n->inputs[0], as_i64(n, n->inputs[1])}, 2, &mode);
}

/* The axes of squeeze and unsqueeze: an attribute before opset 13, an input since. 0 when they are absent or after a
 * failure. */
static int axes_of(const tenon__onnx_node *n, const int64_t **out_axes, uint32_t *out_count) {
    if (n->opset < 13)
        *out_axes = tenon__onnx_ints(n, "axes", out_count);
    else
        *out_axes = tenon__onnx_input(n, 1) ? tenon__onnx_numbers(n, 1, out_count) : NULL;
    return *out_axes != NULL;
}

tenonh_value *tenon__onnx_lower_squeeze(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0];
    int64_t ones[TENON_MAX_RANK], dim;
    const int64_t *axes;
    uint32_t count = 0;
    if (axes_of(n, &axes, &count)) {
        axes = tenon__onnx_axes(n, axes, count, x->rank);
    } else {
        for (uint32_t d = 0; d < x->rank; d++)
            if (tenonh_dim_is_number(x->dims[d], &dim) && dim == 1) ones[count++] = d;
        axes = ones;
    }
    if (!axes || tenonh_builder_status(n->b) != TENON_STATUS_OK) return NULL;
    for (uint32_t i = count; x && i-- > 0;) x = tenon__squeeze(n->b, x, (uint32_t)axes[i]);
    return x;
}

tenonh_value *tenon__onnx_lower_unsqueeze(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0];
    const int64_t *axes;
    uint32_t count;
    if (!axes_of(n, &axes, &count)) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "its axes are missing");
    axes = tenon__onnx_axes(n, axes, count, x->rank + count);
    for (uint32_t i = 0; axes && x && i < count; i++) x = tenon__unsqueeze(n->b, x, (uint32_t)axes[i]);
    return axes ? x : NULL;
}

tenonh_value *tenon__onnx_lower_flatten(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0];
    int64_t axis = tenon__onnx_int(n, "axis", 1);
    if (axis != x->rank) axis = tenon__onnx_axis(n, axis, x->rank ? x->rank : 1);
    const tenonh_dim *dims[] = {tenon__dim_product(n->b, x->dims, (uint32_t)axis),
                                tenon__dim_product(n->b, x->dims + axis, x->rank - (uint32_t)axis)};
    return tenon__reshape(n->b, x, 2, dims);
}

tenonh_value *tenon__onnx_lower_transpose(tenon__onnx_node *n) {
    uint32_t count, rank = n->inputs[0]->rank;
    int64_t perm[TENON_MAX_RANK];
    const int64_t *given = tenon__onnx_ints(n, "perm", &count);
    if (given && count != rank)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "perm has %u entries for a rank of %u", count, rank);
    for (uint32_t d = 0; d < rank; d++) perm[d] = given ? tenon__onnx_axis(n, given[d], rank) : rank - 1 - d;
    return tenon__permute(n->b, n->inputs[0], perm);
}

tenonh_value *tenon__onnx_lower_concat(tenon__onnx_node *n) {
    for (uint32_t i = 0; i < n->input_count; i++)
        if (!n->inputs[i]) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "input %u is left out", i);
    if (!tenon__onnx_attr(n, "axis")) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "its axis is missing");
    uint32_t axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", 0), n->inputs[0]->rank);
    return tenon__concat(n->b, n->inputs, n->input_count, axis);
}

/* Sizes of the parts of a split: given, or equal but for the last. NULL after a failure. */
static const tenonh_dim **part_sizes(const tenon__onnx_node *n, const tenonh_dim *whole, uint32_t parts) {
    const tenonh_dim **sizes = tenon__arena_array(&n->import->arena, (size_t)parts + 1, sizeof(const tenonh_dim *));
    uint32_t count = 0;
    const int64_t *attribute = n->opset < 13 ? tenon__onnx_ints(n, "split", &count) : NULL;
    const tenonh_dim *const *input = tenon__onnx_input(n, 1) ? tenon__onnx_dims(n, 1, &count) : NULL;
    if (!sizes || tenonh_builder_status(n->b) != TENON_STATUS_OK) return NULL;
    if ((attribute || input) && count != parts) {
        tenon__onnx_fail(n, TENON_STATUS_INVALID, "%u sizes for %u parts", count, parts);
        return NULL;
    }
    const tenonh_dim *number = tenon__num(n->b, parts), *less = tenon__num(n->b, (int64_t)parts - 1);
    const tenonh_dim *chunk = tenon__dim2(n->b, TENONH_DIM_DIV, tenon__dim2(n->b, TENONH_DIM_ADD, whole, less), number);
    for (uint32_t i = 0; i < parts; i++)
        sizes[i] = attribute ? tenon__num(n->b, attribute[i]) : input ? input[i] : chunk;
    if (!attribute && !input)
        sizes[parts - 1] = tenon__dim2(n->b, TENONH_DIM_SUB, whole, tenon__dim2(n->b, TENONH_DIM_MUL, chunk, less));
    return sizes;
}

/* Sizes that the data decides: each part is a slice between running sums. */
static tenonh_value *split_by_data(tenon__onnx_node *n, uint32_t axis) {
    static const int64_t first = 0;
    const int64_t place = axis;
    tenonh_value *sizes = as_i64(n, n->inputs[1]), *along = tenon__build_ints(n->b, &place, 1);
    const tenonh_dim *parts = tenon__num(n->b, n->output_count), *one = tenon__num(n->b, 1);
    if (!sizes || sizes->rank != 1 || tenonh_dim_equate(tenon__builder_module(n->b), sizes->dims[0], parts))
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "its sizes are not one for each of %u parts", n->output_count);
    tenonh_value *end =
        compose(n, TENON__COMPOSITE_CUMSUM, &sizes, 1, &(tenonh_attr){TENON_ATTR_AXIS, 1, &first, NULL});
    tenonh_value *start = end ? tenon__binary(n->b, TENON_OP_SUB, end, sizes) : NULL;
    for (uint32_t i = 0; start && i < n->output_count; i++) {
        const tenonh_dim *at = tenon__num(n->b, i);
        tenonh_value *inputs[] = {n->inputs[0], tenon__slice_axis(n->b, start, 0, at, one),
                                  tenon__slice_axis(n->b, end, 0, at, one), along};
        n->outputs[i] = compose(n, TENON__COMPOSITE_SLICE_TO, inputs, 4, NULL);
    }
    return n->outputs[0];
}

tenonh_value *tenon__onnx_lower_split(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0];
    uint32_t axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", 0), x->rank), parts = n->output_count;
    if (tenon__onnx_int(n, "num_outputs", parts) != parts || parts == 0)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "num_outputs is not the number of its outputs, %u", parts);
    uint32_t count;
    if (tenonh_builder_status(n->b) != TENON_STATUS_OK) return NULL;
    if (n->opset >= 13 && tenon__onnx_input(n, 1) && !tenon__content(n->b, n->inputs[1], &count))
        return split_by_data(n, axis);
    const tenonh_dim **sizes = part_sizes(n, x->dims[axis], parts);
    const tenonh_dim *start = tenon__num(n->b, 0);
    for (uint32_t i = 0; sizes && i < parts; i++) {
        n->outputs[i] = tenon__slice_axis(n->b, x, axis, start, sizes[i]);
        start = tenon__dim2(n->b, TENONH_DIM_ADD, start, sizes[i]);
    }
    return n->outputs[0];
}

/* data 1: starts, ends and axes are attributes. */
tenonh_value *tenon__onnx_lower_slice(tenon__onnx_node *n) {
    tenonh_value *inputs[5] = {n->inputs[0]};
    static const char *const names[] = {"starts", "ends", "axes", NULL};
    for (uint32_t i = 1; i < 5; i++)
        if (n->row->data == 1)
            inputs[i] = names[i - 1] ? ints_as_value(n, names[i - 1]) : NULL;
        else
            inputs[i] = as_i64(n, tenon__onnx_input(n, i));
    if (!inputs[1] || !inputs[2]) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "its starts or ends are missing");
    return compose(n, TENON__COMPOSITE_SLICE_TO, inputs, 5, NULL);
}

tenonh_value *tenon__onnx_lower_expand(tenon__onnx_node *n) {
    return compose(n, TENON__COMPOSITE_EXPAND_TO, (tenonh_value *[]){n->inputs[0], as_i64(n, n->inputs[1])}, 2, NULL);
}

tenonh_value *tenon__onnx_lower_tile(tenon__onnx_node *n) {
    return compose(n, TENON__COMPOSITE_TILE, (tenonh_value *[]){n->inputs[0], as_i64(n, n->inputs[1])}, 2, NULL);
}

tenonh_value *tenon__onnx_lower_pad(tenon__onnx_node *n) {
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const char *mode = tenon__onnx_string(n, "mode", "constant");
    int64_t number = 0;
    while (number < 4 && strcmp(mode, modes[number]) != 0) number++;
    if (number == 4) return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "padding mode '%s' is not known", mode);
    tenonh_value *inputs[] = {n->inputs[0], NULL, NULL, NULL};
    if (n->opset < 11) {
        inputs[1] = ints_as_value(n, "pads");
        inputs[2] = tenonh_build_scalar(n->b, inputs[0]->dtype, tenon__onnx_float(n, "value", 0));
    } else {
        inputs[1] = as_i64(n, tenon__onnx_input(n, 1));
        inputs[2] = tenon__onnx_scalar(n, tenon__onnx_input(n, 2));
        inputs[3] = as_i64(n, tenon__onnx_input(n, 3));
    }
    if (!inputs[1]) return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "its pads are missing");
    return compose(n, TENON__COMPOSITE_PAD_TO, inputs, 4, (tenonh_attr[]){TENON__ATTR_INT(MODE, number)});
}

/* The block size of depth_to_space and its reverse, whose square is a number too; 0 after a failure. */
static int64_t block_size(const tenon__onnx_node *n) {
    int64_t block = tenon__onnx_int(n, "blocksize", 0);
    if (n->inputs[0]->rank == 4 && block > 0 && block <= INT32_MAX) return block;
    tenon__onnx_fail(n, TENON_STATUS_INVALID, "it needs four dims and a blocksize from 1 to %d", INT32_MAX);
    return 0;
}

static const tenonh_dim *times(const tenon__onnx_node *n, const tenonh_dim *dim, int64_t number) {
    return tenon__dim2(n->b, TENONH_DIM_MUL, dim, tenon__num(n->b, number));
}

static const tenonh_dim *over(const tenon__onnx_node *n, const tenonh_dim *dim, int64_t number) {
    return tenon__dim2(n->b, TENONH_DIM_DIV, dim, tenon__num(n->b, number));
}

tenonh_value *tenon__onnx_lower_depth_to_space(tenon__onnx_node *n) {
    int64_t block = block_size(n);
    if (!block) return NULL;
    const tenonh_dim *const *d = n->inputs[0]->dims, *size = tenon__num(n->b, block),
                            *depth = over(n, d[1], block * block);
    int is_crd = strcmp(tenon__onnx_string(n, "mode", "DCR"), "CRD") == 0;
    const tenonh_dim *dcr[] = {d[0], size, size, depth, d[2], d[3]}, *crd[] = {d[0], depth, size, size, d[2], d[3]};
    const int64_t dcr_perm[] = {0, 3, 4, 1, 5, 2}, crd_perm[] = {0, 1, 4, 2, 5, 3};
    const tenonh_dim *dims[] = {d[0], depth, times(n, d[2], block), times(n, d[3], block)};
    tenonh_value *blocks = tenon__reshape(n->b, n->inputs[0], 6, is_crd ? crd : dcr);
    return tenon__reshape(n->b, tenon__permute(n->b, blocks, is_crd ? crd_perm : dcr_perm), 4, dims);
}

tenonh_value *tenon__onnx_lower_space_to_depth(tenon__onnx_node *n) {
    int64_t block = block_size(n);
    if (!block) return NULL;
    const tenonh_dim *const *d = n->inputs[0]->dims, *size = tenon__num(n->b, block);
    const tenonh_dim *height = over(n, d[2], block), *width = over(n, d[3], block);
    const tenonh_dim *split[] = {d[0], d[1], height, size, width, size};
    const tenonh_dim *dims[] = {d[0], times(n, d[1], block * block), height, width};
    const int64_t dcr[] = {0, 3, 5, 1, 2, 4}, crd[] = {0, 1, 3, 5, 2, 4};
    int is_crd = strcmp(tenon__onnx_string(n, "mode", "DCR"), "CRD") == 0;
    tenonh_value *blocks = tenon__reshape(n->b, n->inputs[0], 6, split);
    return tenon__reshape(n->b, tenon__permute(n->b, blocks, is_crd ? crd : dcr), 4, dims);
}

/* What is missing is added, what is too much cut off, half of it at each end; the odd element at the far one. */
tenonh_value *tenon__onnx_lower_center_crop_pad(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0];
    const tenonh_dim *starts[TENON_MAX_RANK], *kept[TENON_MAX_RANK], *low[TENON_MAX_RANK], *high[TENON_MAX_RANK];
    uint32_t count, axis_count;
    const tenonh_dim *const *sizes = tenon__onnx_dims(n, 1, &count);
    const int64_t *axes = tenon__onnx_ints(n, "axes", &axis_count);
    const tenonh_dim *zero = tenon__num(n->b, 0);
    if (!sizes) return NULL;
    if (count != (axes ? axis_count : x->rank))
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "%u sizes for %u axes", count, axes ? axis_count : x->rank);
    for (uint32_t d = 0; d < x->rank; d++) starts[d] = low[d] = high[d] = zero, kept[d] = x->dims[d];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t d = axes ? tenon__onnx_axis(n, axes[i], x->rank) : i;
        const tenonh_dim *more = tenon__dim2(n->b, TENONH_DIM_SUB, sizes[i], x->dims[d]);
        const tenonh_dim *less = tenon__dim2(n->b, TENONH_DIM_SUB, x->dims[d], sizes[i]);
        const tenonh_dim *added = tenon__dim2(n->b, TENONH_DIM_MAX, more, zero);
        starts[d] = over(n, tenon__dim2(n->b, TENONH_DIM_MAX, less, zero), 2);
        kept[d] = tenon__dim2(n->b, TENONH_DIM_MIN, x->dims[d], sizes[i]);
        low[d] = over(n, added, 2);
        high[d] = tenon__dim2(n->b, TENONH_DIM_SUB, added, low[d]);
    }
    return tenon__pad(n->b, tenon__slice(n->b, x, starts, NULL, kept), 0, low, high);
}
