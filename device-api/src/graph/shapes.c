#include "graph/shapes.h"

#include <string.h>

const tenonh_dim *tenon__entry_dim(tenonh_builder *b, const tenonh_node *node, uint32_t id, uint32_t index) {
    const tenon__attr *attr = tenon__node_attr(node, id);
    if (attr && index < attr->count) return attr->dims[index];
    return tenon__dim_number(&b->module->dims, tenon_attr_row_of(id)->default_value);
}

tenonh_value *tenon__operand(const tenonh_node *node, uint32_t index) {
    return index < node->operand_count ? node->operands[index] : NULL;
}

/* -- Element by element ------------------------------------------------------------------------------------------- */

/* Operands of the same rank as x must have x's dims. */
static tenon_status check_pairs(tenonh_builder *b, const tenonh_node *node, uint32_t count) {
    const tenonh_value *x = node->operands[0];
    for (uint32_t i = 1; i < count; i++) {
        const tenonh_value *y = node->operands[i];
        if (x->dtype != y->dtype || x->rank != y->rank)
            return tenon__fail(TENON_STATUS_INVALID, "operands are %s and %s: dtype and dims must agree",
                               tenon__type_text(x), tenon__type_text(y));
        for (uint32_t k = 0; k < x->rank; k++) TENON_TRY(tenon__require_equal(b, node, "axis", x->dims[k], y->dims[k]));
    }
    return TENON_STATUS_OK;
}

/* The rows of composites.def with two operands, element by element, stand together. */
static bool is_pair(const tenonh_node *node) {
    return node->composite->number >= TENON__COMPOSITE_LE && node->composite->number <= TENON__COMPOSITE_PRELU;
}

/* The axis attribute, if the composite has one, names an axis of x. */
static tenon_status check_axis(const tenonh_node *node, int64_t limit) {
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    if (!tenon__composite_has_attr(node->composite, TENON_ATTR_AXIS) || (axis >= 0 && axis < limit))
        return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "attribute axis is %lld; x is %s", (long long)axis,
                       tenon__type_text(node->operands[0]));
}

TENON__SHAPE_RULE(same) {
    const tenonh_value *x = node->operands[0];
    if (is_pair(node)) TENON_TRY(check_pairs(b, node, 2));
    TENON_TRY(check_axis(node, x->rank));
    return tenon__result_type(b, node, 0, x->dtype, x->rank, x->dims);
}

TENON__SHAPE_RULE(truth) {
    const tenonh_value *x = node->operands[0];
    if (is_pair(node)) TENON_TRY(check_pairs(b, node, 2));
    return tenon__result_type(b, node, 0, TENON_DTYPE_BOOL, x->rank, x->dims);
}

TENON__SHAPE_RULE(cast_to) {
    const tenonh_value *x = node->operands[0];
    tenon_dtype dtype = (tenon_dtype)tenon__node_int(node, TENON_ATTR_DTYPE, 0);
    return tenon__result_type(b, node, 0, dtype, x->rank, x->dims);
}

/* The result has the dtype of the scale. */
TENON__SHAPE_RULE(dequantize) {
    const tenonh_value *x = node->operands[0];
    return tenon__result_type(b, node, 0, node->operands[1]->dtype, x->rank, x->dims);
}

/* -- Over axes ---------------------------------------------------------------------------------------------------- */

static tenon_status reduced(tenonh_builder *b, const tenonh_node *node, tenon_dtype dtype, uint32_t gone) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *dims[TENON_MAX_RANK];
    bool keep = tenon__node_int(node, TENON_ATTR_KEEP, 0) == 1;
    uint32_t rank = 0;
    for (uint32_t i = 0; i < x->rank; i++) {
        if (!(gone >> i & 1))
            dims[rank++] = x->dims[i];
        else if (keep)
            dims[rank++] = tenon__dim_number(&b->module->dims, 1);
    }
    return tenon__result_type(b, node, 0, dtype, rank, dims);
}

TENON__SHAPE_RULE(reduce) {
    const tenonh_value *x = node->operands[0];
    const tenon__attr *axes = tenon__node_attr(node, TENON_ATTR_AXES);
    uint32_t gone = 0;
    int64_t previous = -1;
    for (uint32_t i = 0; axes && i < axes->count; i++) {
        int64_t axis = -1;
        if (!tenonh_dim_is_number(axes->dims[i], &axis) || axis <= previous || axis >= x->rank)
            return tenon__fail(TENON_STATUS_INVALID, "entry %u of attribute axes is %lld: axes rise and lie in %s", i,
                               (long long)axis, tenon__type_text(x));
        gone |= 1u << axis;
        previous = axis;
    }
    return reduced(b, node, x->dtype, gone);
}

TENON__SHAPE_RULE(arg) {
    TENON_TRY(check_axis(node, node->operands[0]->rank));
    return reduced(b, node, TENON_DTYPE_I64, 1u << tenon__node_int(node, TENON_ATTR_AXIS, 0));
}

TENON__SHAPE_RULE(topk) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *dims[TENON_MAX_RANK], *count = tenon__entry_dim(b, node, TENON_ATTR_COUNT, 0);
    TENON_TRY(check_axis(node, x->rank));
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    memcpy(dims, x->dims, sizeof dims);
    const tenonh_dim *left = tenon__dim_sub(&b->module->dims, dims[axis], count);
    if (!left || left->high < 0)
        return tenon__fail(TENON_STATUS_INVALID, "attribute count is more than axis %lld of %s has", (long long)axis,
                           tenon__type_text(x));
    dims[axis] = count;
    TENON_TRY(tenon__result_type(b, node, 0, x->dtype, x->rank, dims));
    return tenon__result_type(b, node, 1, TENON_DTYPE_I64, x->rank, dims);
}

/* -- Contractions --------------------------------------------------------------------------------------------------- */

static tenon_status same_dtype(const tenonh_node *node, uint32_t count) {
    for (uint32_t i = 1; i < count && i < node->operand_count; i++)
        if (node->operands[i] && node->operands[i]->dtype != node->operands[0]->dtype)
            return tenon__fail(TENON_STATUS_INVALID, "operand %u is %s beside %s: dtypes must agree", i,
                               tenon__type_text(node->operands[i]), tenon__type_text(node->operands[0]));
    return TENON_STATUS_OK;
}

TENON__SHAPE_RULE(linear) {
    const tenonh_value *x = node->operands[0], *w = node->operands[1];
    const tenonh_dim *dims[TENON_MAX_RANK];
    TENON_TRY(same_dtype(node, 3));
    if (x->rank < 1 || w->rank != 2)
        return tenon__fail(TENON_STATUS_INVALID, "x is %s and w %s; w has two dims", tenon__type_text(x),
                           tenon__type_text(w));
    TENON_TRY(tenon__require_equal(b, node, "axis k", x->dims[x->rank - 1], w->dims[0]));
    memcpy(dims, x->dims, sizeof dims);
    dims[x->rank - 1] = w->dims[1];
    return tenon__result_type(b, node, 0, x->dtype, x->rank, dims);
}

TENON__SHAPE_RULE(gemm) {
    const tenonh_value *x = node->operands[0], *y = node->operands[1];
    int64_t mode = tenon__node_int(node, TENON_ATTR_MODE, 0);
    bool x_turned = mode & 1, y_turned = mode & 2;
    TENON_TRY(same_dtype(node, 3));
    if (x->rank != 2 || y->rank != 2)
        return tenon__fail(TENON_STATUS_INVALID, "operands are %s and %s: both have two dims", tenon__type_text(x),
                           tenon__type_text(y));
    TENON_TRY(tenon__require_equal(b, node, "axis k", x->dims[!x_turned], y->dims[y_turned]));
    return tenon__result_type(b, node, 0, x->dtype, 2, (const tenonh_dim *[]){x->dims[x_turned], y->dims[!y_turned]});
}

TENON__SHAPE_RULE(attention) {
    const tenonh_value *q = node->operands[0], *k = node->operands[1], *v = node->operands[2];
    const tenonh_value *mask = tenon__operand(node, 3);
    if (q->rank != 4 || k->rank != 4 || v->rank != 4 || q->dtype != k->dtype || q->dtype != v->dtype)
        return tenon__fail(TENON_STATUS_INVALID, "q, k, v are %s, %s, %s: four dims and one dtype", tenon__type_text(q),
                           tenon__type_text(k), tenon__type_text(v));
    TENON_TRY(tenon__require_equal(b, node, "batch", q->dims[0], k->dims[0]));
    TENON_TRY(tenon__require_equal(b, node, "batch", q->dims[0], v->dims[0]));
    TENON_TRY(tenon__require_equal(b, node, "heads", k->dims[1], v->dims[1]));
    TENON_TRY(tenon__require_equal(b, node, "length", k->dims[2], v->dims[2]));
    TENON_TRY(tenon__require_equal(b, node, "width", q->dims[3], k->dims[3]));
    if (mask && (mask->rank != 4 || (mask->dtype != TENON_DTYPE_BOOL && mask->dtype != q->dtype)))
        return tenon__fail(TENON_STATUS_INVALID, "the mask is %s: four dims, bool or q's dtype",
                           tenon__type_text(mask));
    const tenonh_dim *wanted[] = {q->dims[0], q->dims[1], q->dims[2], k->dims[2]};
    for (uint32_t i = 0; mask && i < 4; i++)
        TENON_TRY(tenon__require_equal(b, node, "mask's axis", wanted[i], mask->dims[i]));
    return tenon__result_type(b, node, 0, q->dtype, 4,
                              (const tenonh_dim *[]){q->dims[0], q->dims[1], q->dims[2], v->dims[3]});
}

/* -- Windows -------------------------------------------------------------------------------------------------------- */

tenon_status tenon__plan_window(tenonh_builder *b, const tenonh_node *node, const tenonh_dim *dim, uint32_t index,
                                int64_t size, bool ceil, tenon__window_axis *axis) {
    tenon__dims *d = &b->module->dims;
    *axis = (tenon__window_axis){.size = size};
    axis->low = tenon__entry_dim(b, node, TENON_ATTR_LOW, index);
    axis->high = tenon__entry_dim(b, node, TENON_ATTR_HIGH, index);
    if (!tenon__node_entry(node, TENON_ATTR_STEPS, index, &axis->step) ||
        !tenon__node_entry(node, TENON_ATTR_DILATIONS, index, &axis->dilation) || size < 1 || axis->step < 1 ||
        axis->dilation < 1 || __builtin_mul_overflow(size - 1, axis->dilation, &axis->reach) ||
        axis->reach++ == INT64_MAX || axis->low->high < 0 || axis->high->high < 0)
        return tenon__fail(TENON_STATUS_INVALID,
                           "axis %u of space: window %lld, step %lld, dilation %lld, or a pad below 0", index,
                           (long long)size, (long long)axis->step, (long long)axis->dilation);
    const tenonh_dim *one = tenon__dim_number(d, 1), *step = tenon__dim_number(d, axis->step);
    const tenonh_dim *start = tenon__dim_add(d, dim, axis->low), *end = tenon__dim_add(d, start, axis->high);
    const tenonh_dim *room = tenon__dim_sub(d, end, tenon__dim_number(d, axis->reach));
    if (ceil) room = tenon__dim_add(d, room, tenon__dim_number(d, axis->step - 1));
    axis->positions = tenon__dim_add(d, tenon__dim_div(d, room, step), one);
    if (ceil) {
        const tenonh_dim *last = tenon__dim_div(d, tenon__dim_sub(d, start, one), step);
        axis->positions = tenon__dim_min(d, axis->positions, tenon__dim_add(d, last, one));
    }
    if (axis->positions && axis->positions->high < 0)
        return tenon__fail(TENON_STATUS_INVALID,
                           "axis %u of space: a window that spans %lld elements does not fit into %s, padded", index,
                           (long long)axis->reach, tenon__type_text(node->operands[0]));
    axis->positions = tenon__dim_max(d, axis->positions, tenon__dim_number(d, 0));
    /* Where the last window ends, less what there is. */
    const tenonh_dim *used = tenon__dim_mul(d, tenon__dim_sub(d, axis->positions, one), step);
    used = tenon__dim_add(d, used, tenon__dim_number(d, axis->reach));
    axis->over = tenon__dim_max(d, tenon__dim_sub(d, used, end), tenon__dim_number(d, 0));
    return axis->over ? TENON_STATUS_OK : tenon__fail_in(TENON_STATUS_INVALID, "axis %u of space", index);
}

static tenon_status spatial(const tenonh_node *node, uint32_t *out_rank) {
    const tenonh_value *x = node->operands[0];
    if (x->rank < 3)
        return tenon__fail(TENON_STATUS_INVALID, "x is %s: batch, channels and at least one axis of space",
                           tenon__type_text(x));
    *out_rank = x->rank - 2;
    return TENON_STATUS_OK;
}

TENON__SHAPE_RULE(pool) {
    const tenonh_value *x = node->operands[0];
    const tenon__attr *sizes = tenon__node_attr(node, TENON_ATTR_SIZES);
    const tenonh_dim *dims[TENON_MAX_RANK] = {x->dims[0], x->dims[1]};
    uint32_t rank;
    TENON_TRY(spatial(node, &rank));
    if (!sizes || sizes->count != rank)
        return tenon__fail(TENON_STATUS_INVALID, "attribute sizes needs %u entries", rank);
    for (uint32_t i = 0; i < rank; i++) {
        tenon__window_axis axis;
        int64_t size = 0;
        tenonh_dim_is_number(sizes->dims[i], &size);
        TENON_TRY(tenon__plan_window(b, node, x->dims[2 + i], i, size, tenon__node_int(node, TENON_ATTR_CEIL, 0) == 1,
                                     &axis));
        dims[2 + i] = axis.positions;
    }
    return tenon__result_type(b, node, 0, x->dtype, x->rank, dims);
}

TENON__SHAPE_RULE(global_pool) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *dims[TENON_MAX_RANK] = {x->dims[0], x->dims[1]};
    uint32_t rank;
    TENON_TRY(spatial(node, &rank));
    for (uint32_t i = 0; i < rank; i++) dims[2 + i] = tenon__dim_number(&b->module->dims, 1);
    return tenon__result_type(b, node, 0, x->dtype, x->rank, dims);
}

/* Checks what convolutions share. `per_group`: the axis of w that counts channels of one group of x (1) or of the result. */
static tenon_status check_conv(tenonh_builder *b, const tenonh_node *node, bool transposed, uint32_t *out_rank,
                               const tenonh_dim **out_channels) {
    const tenonh_value *x = node->operands[0], *w = node->operands[1], *bias = tenon__operand(node, 2);
    int64_t groups = tenon__node_int(node, TENON_ATTR_GROUPS, 1);
    tenon__dims *d = &b->module->dims;
    TENON_TRY(spatial(node, out_rank));
    TENON_TRY(same_dtype(node, 3));
    if (w->rank != x->rank || groups < 1)
        return tenon__fail(TENON_STATUS_INVALID, "x is %s, w is %s, groups is %lld", tenon__type_text(x),
                           tenon__type_text(w), (long long)groups);
    const tenonh_dim *number = tenon__dim_number(d, groups), *grouped = tenon__dim_mul(d, w->dims[1], number);
    const tenonh_dim *rest = tenon__dim_combine(d, TENONH_DIM_MOD, w->dims[0], number);
    if (!grouped || !rest) return tenon__fail_in(TENON_STATUS_INVALID, "channels");
    TENON_TRY(tenon__require_equal(b, node, "channels", x->dims[1], transposed ? w->dims[0] : grouped));
    TENON_TRY(tenon__require_equal(b, node, "channels left over by groups", rest, tenon__dim_number(d, 0)));
    *out_channels = transposed ? grouped : w->dims[0];
    if (!bias) return TENON_STATUS_OK;
    if (bias->rank != 1)
        return tenon__fail(TENON_STATUS_INVALID, "the bias is %s: it has one dim", tenon__type_text(bias));
    return tenon__require_equal(b, node, "channels", *out_channels, bias->dims[0]);
}

TENON__SHAPE_RULE(conv) {
    const tenonh_value *x = node->operands[0], *w = node->operands[1];
    const tenonh_dim *dims[TENON_MAX_RANK] = {x->dims[0]};
    uint32_t rank;
    TENON_TRY(check_conv(b, node, false, &rank, &dims[1]));
    for (uint32_t i = 0; i < rank; i++) {
        tenon__window_axis axis;
        int64_t size;
        if (!tenonh_dim_is_number(w->dims[2 + i], &size))
            return tenon__fail(TENON_STATUS_UNSUPPORTED, "the kernel's dims are not numbers: w is %s",
                               tenon__type_text(w));
        TENON_TRY(tenon__plan_window(b, node, x->dims[2 + i], i, size, false, &axis));
        dims[2 + i] = axis.positions;
    }
    return tenon__result_type(b, node, 0, x->dtype, x->rank, dims);
}

TENON__SHAPE_RULE(conv_transpose) {
    const tenonh_value *x = node->operands[0], *w = node->operands[1];
    const tenonh_dim *dims[TENON_MAX_RANK] = {x->dims[0]};
    tenon__dims *d = &b->module->dims;
    uint32_t rank;
    TENON_TRY(check_conv(b, node, true, &rank, &dims[1]));
    for (uint32_t i = 0; i < rank; i++) {
        int64_t size = 0, step = 0, dilation = 0, reach;
        if (!tenonh_dim_is_number(w->dims[2 + i], &size) || !tenon__node_entry(node, TENON_ATTR_STEPS, i, &step) ||
            !tenon__node_entry(node, TENON_ATTR_DILATIONS, i, &dilation) || size < 1 || step < 1 || dilation < 1 ||
            __builtin_mul_overflow(size - 1, dilation, &reach))
            return tenon__fail(TENON_STATUS_INVALID, "axis %u of space: kernel %lld, step %lld, dilation %lld", i,
                               (long long)size, (long long)step, (long long)dilation);
        const tenonh_dim *last = tenon__dim_sub(d, x->dims[2 + i], tenon__dim_number(d, 1));
        const tenonh_dim *dim = tenon__dim_mul(d, last, tenon__dim_number(d, step));
        dim = tenon__dim_add(d, dim, tenon__dim_add(d, tenon__dim_number(d, reach), tenon__dim_number(d, 1)));
        dim = tenon__dim_sub(d, dim, tenon__entry_dim(b, node, TENON_ATTR_LOW, i));
        dim = tenon__dim_sub(d, dim, tenon__entry_dim(b, node, TENON_ATTR_HIGH, i));
        dims[2 + i] = tenon__dim_add(d, dim, tenon__entry_dim(b, node, TENON_ATTR_SIZES, i));
    }
    return tenon__result_type(b, node, 0, x->dtype, x->rank, dims);
}

/* -- Moving data ------------------------------------------------------------------------------------------------------ */

TENON__SHAPE_RULE(concat) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *dims[TENON_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    if (x->rank == 0) return tenon__fail(TENON_STATUS_INVALID, "scalars have no axis to lie along");
    TENON_TRY(check_axis(node, x->rank));
    uint32_t axis = (uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0);
    for (uint32_t i = 1; i < node->operand_count; i++) {
        const tenonh_value *y = node->operands[i];
        if (y->rank != x->rank || y->dtype != x->dtype)
            return tenon__fail(TENON_STATUS_INVALID, "part %u is %s beside %s: dtype and rank must agree", i,
                               tenon__type_text(y), tenon__type_text(x));
        for (uint32_t k = 0; k < x->rank; k++)
            if (k != axis) TENON_TRY(tenon__require_equal(b, node, "axis", x->dims[k], y->dims[k]));
        dims[axis] = tenon__dim_add(&b->module->dims, dims[axis], y->dims[axis]);
    }
    return tenon__result_type(b, node, 0, x->dtype, x->rank, dims);
}

static tenon_status check_index(const tenonh_value *indices) {
    if (indices->dtype == TENON_DTYPE_I64 || indices->dtype == TENON_DTYPE_I32) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "indices are %s: i32 or i64", tenon__type_text(indices));
}

TENON__SHAPE_RULE(gather_elements) {
    const tenonh_value *x = node->operands[0], *indices = node->operands[1];
    TENON_TRY(check_index(indices));
    TENON_TRY(check_axis(node, x->rank));
    if (x->rank != indices->rank)
        return tenon__fail(TENON_STATUS_INVALID, "x is %s and indices %s: ranks must agree", tenon__type_text(x),
                           tenon__type_text(indices));
    return tenon__result_type(b, node, 0, x->dtype, indices->rank, indices->dims);
}

TENON__SHAPE_RULE(gather_nd) {
    const tenonh_value *x = node->operands[0], *indices = node->operands[1];
    const tenonh_dim *dims[3 * TENON_MAX_RANK];
    int64_t common = tenon__node_int(node, TENON_ATTR_AXIS, 0), depth = 0;
    TENON_TRY(check_index(indices));
    bool known = indices->rank >= 1 && tenonh_dim_is_number(indices->dims[indices->rank - 1], &depth);
    if (!known || common < 0 || depth < 1 || common + depth > x->rank || common >= indices->rank)
        return tenon__fail(TENON_STATUS_INVALID, "x is %s, indices are %s, %lld leading dims are common",
                           tenon__type_text(x), tenon__type_text(indices), (long long)common);
    uint32_t rank = 0;
    for (uint32_t i = 0; i + 1 < indices->rank; i++) {
        if (i < (uint32_t)common) TENON_TRY(tenon__require_equal(b, node, "common axis", x->dims[i], indices->dims[i]));
        dims[rank++] = indices->dims[i];
    }
    for (uint32_t i = (uint32_t)(common + depth); i < x->rank; i++) dims[rank++] = x->dims[i];
    return tenon__result_type(b, node, 0, x->dtype, rank, dims);
}

TENON__SHAPE_RULE(take) {
    const tenonh_value *x = node->operands[0], *indices = node->operands[1];
    const tenonh_dim *dims[3 * TENON_MAX_RANK];
    uint32_t axis = (uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0), rank = 0;
    TENON_TRY(check_index(indices));
    TENON_TRY(check_axis(node, x->rank));
    for (uint32_t i = 0; i < axis; i++) dims[rank++] = x->dims[i];
    for (uint32_t i = 0; i < indices->rank; i++) dims[rank++] = indices->dims[i];
    for (uint32_t i = axis + 1; i < x->rank; i++) dims[rank++] = x->dims[i];
    return tenon__result_type(b, node, 0, x->dtype, rank, dims);
}
