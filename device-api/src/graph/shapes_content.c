/* Shape rules that read their operands' content. NOT_READY: the results' ranks are known, their dims are not yet. */
#include <math.h>
#include <string.h>

#include "graph/shapes.h"
#include "passes/eval.h"
#include "passes/fold.h"

/* Results whose dims the data decides: `dims` may give those that are known, NULL the rest. */
static tenon_status not_ready(tenonh_builder *b, const tenonh_node *node, tenon_dtype dtype, uint32_t rank,
                              const tenonh_dim *const *known) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    if (rank > TENON_MAX_RANK)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "its result has rank %u; ranks go up to %d", rank, TENON_MAX_RANK);
    for (uint32_t i = 0; i < rank; i++) {
        dims[i] = known ? known[i] : NULL;
        if (!dims[i]) dims[i] = tenon__dim_fresh(&b->module->dims, "d", INT32_MAX);
    }
    TENON_TRY(tenon__result_type(b, node, 0, dtype, rank, dims));
    return TENON_STATUS_NOT_READY;
}

/* Content of an i64 or i32 operand of rank 1 (or 0). *out_content is NULL when unknown. Errors: INVALID. */
static tenon_status list_operand(tenonh_builder *b, const tenonh_node *node, uint32_t index,
                                 const tenonh_dim *const **out_content, uint32_t *out_count) {
    tenonh_value *value = node->operands[index];
    int64_t count = 1;
    if (tenon_dtype_class(value->dtype) != TENON_CLASS_SINT || value->rank > 1)
        return tenon__fail(TENON_STATUS_INVALID, "operand %u is %s: a list of i64", index, tenon__type_text(value));
    if (value->rank == 1 && !tenonh_dim_is_number(value->dims[0], &count))
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "operand %u is %s: a rank would depend on its length", index,
                           tenon__type_text(value));
    if (count > TENON_MAX_RANK * 2)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "operand %u has %lld entries; ranks go up to %d", index,
                           (long long)count, TENON_MAX_RANK);
    uint32_t known;
    *out_content = tenon__content(b, value, &known);
    *out_count = (uint32_t)count;
    return b->status;
}

TENON__SHAPE_RULE(shape_of) {
    const tenonh_dim *count = tenon__dim_number(&b->module->dims, node->operands[0]->rank);
    return tenon__result_type(b, node, 0, TENON_DTYPE_I64, 1, &count);
}

/* numpy's rule: axes align at the end. */
static tenon_status broadcast_into(tenonh_builder *b, const tenonh_dim **dims, uint32_t *rank,
                                   const tenonh_dim *const *other, uint32_t other_rank) {
    uint32_t most = *rank > other_rank ? *rank : other_rank;
    const tenonh_dim *result[TENON_MAX_RANK];
    for (uint32_t i = 0; i < most; i++) {
        const tenonh_dim *x = i + *rank >= most ? dims[i + *rank - most] : NULL;
        const tenonh_dim *y = i + other_rank >= most ? other[i + other_rank - most] : NULL;
        result[i] = !x ? y : !y ? x : NULL;
        if (!result[i]) {
            uint32_t how = tenon__dim_compare(&b->module->dims, x, y);
            result[i] = how == TENON__DIM_EQUAL ? x : tenon__dim_combine(&b->module->dims, TENONH_DIM_BROADCAST, x, y);
        }
        if (!result[i]) return tenon__fail_in(TENON_STATUS_INVALID, "axis %u", i);
    }
    memcpy(dims, result, most * sizeof *dims);
    *rank = most;
    return TENON_STATUS_OK;
}

TENON__SHAPE_RULE(broadcast) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *dims[TENON_MAX_RANK];
    uint32_t rank = x->rank;
    memcpy(dims, x->dims, sizeof dims);
    for (uint32_t i = 1; i < node->operand_count; i++) {
        tenon_status status = broadcast_into(b, dims, &rank, node->operands[i]->dims, node->operands[i]->rank);
        if (status != TENON_STATUS_OK)
            return tenon__fail_in(status, "%s and %s do not broadcast", tenon__type_text(x),
                                  tenon__type_text(node->operands[i]));
    }
    return tenon__result_type(b, node, 0, x->dtype, rank, dims);
}

TENON__SHAPE_RULE(expand_to) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *const *shape, *dims[TENON_MAX_RANK];
    uint32_t count, rank = x->rank;
    TENON_TRY(list_operand(b, node, 1, &shape, &count));
    if (!shape) return not_ready(b, node, x->dtype, count > rank ? count : rank, NULL);
    if (count > TENON_MAX_RANK) return not_ready(b, node, x->dtype, count, NULL);
    memcpy(dims, x->dims, sizeof dims);
    tenon_status status = broadcast_into(b, dims, &rank, shape, count);
    if (status != TENON_STATUS_OK) return tenon__fail_in(status, "%s can't be expanded", tenon__type_text(x));
    return tenon__result_type(b, node, 0, x->dtype, rank, dims);
}

/* The dim that -1 stands for: all elements over the product of the others. */
static const tenonh_dim *inferred(tenonh_builder *b, const tenonh_value *x, const tenonh_dim *const *dims,
                                  uint32_t rank) {
    const tenonh_dim *all = tenon__dim_product(b, x->dims, x->rank), *others = tenon__num(b, 1);
    for (uint32_t i = 0; i < rank; i++)
        if (dims[i]) others = tenon__dim2(b, TENONH_DIM_MUL, others, dims[i]);
    if (!all || !others) return NULL;
    tenon__dims *d = &b->module->dims;
    if (tenon__dim_is(others, 0)) return tenon__dim_number(d, 0);
    return tenon__dim_div(d, tenon__dim_resolve(d, all), tenon__dim_resolve(d, others));
}

TENON__SHAPE_RULE(reshape_to) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *const *shape, *dims[2 * TENON_MAX_RANK];
    bool zero_is_zero = tenon__node_int(node, TENON_ATTR_MODE, 0) == 1;
    uint32_t count, open = UINT32_MAX;
    TENON_TRY(list_operand(b, node, 1, &shape, &count));
    if (!shape) return not_ready(b, node, x->dtype, count, NULL);
    for (uint32_t i = 0; i < count; i++) {
        dims[i] = shape[i];
        if (tenon__dim_is(shape[i], 0) && !zero_is_zero) {
            if (i >= x->rank)
                return tenon__fail(TENON_STATUS_INVALID, "entry %u of the shape copies an axis that %s lacks", i,
                                   tenon__type_text(x));
            dims[i] = x->dims[i];
        } else if (tenon__dim_is(shape[i], -1)) {
            if (open != UINT32_MAX) return tenon__fail(TENON_STATUS_INVALID, "the shape has two entries of -1");
            open = i;
            dims[i] = NULL;
        }
    }
    if (open != UINT32_MAX) dims[open] = inferred(b, x, dims, count);
    return b->status != TENON_STATUS_OK ? b->status : tenon__result_type(b, node, 0, x->dtype, count, dims);
}

TENON__SHAPE_RULE(tile) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *const *repeats, *dims[TENON_MAX_RANK];
    uint32_t count;
    TENON_TRY(list_operand(b, node, 1, &repeats, &count));
    if (count != x->rank) return tenon__fail(TENON_STATUS_INVALID, "%u repeats for %s", count, tenon__type_text(x));
    if (!repeats) return not_ready(b, node, x->dtype, x->rank, NULL);
    for (uint32_t i = 0; i < x->rank; i++) dims[i] = tenon__dim_mul(&b->module->dims, x->dims[i], repeats[i]);
    return tenon__result_type(b, node, 0, x->dtype, x->rank, dims);
}

/* -- Slices --------------------------------------------------------------------------------------------------------- */

/* A bound as python reads it: below 0 it counts from the end; then it is clamped to [low, high]. NULL: not known. */
static const tenonh_dim *clamped(tenon__dims *d, const tenonh_dim *bound, const tenonh_dim *dim, int64_t low,
                                 const tenonh_dim *high) {
    if (bound->high < 0)
        bound = bound->kind == TENON__DIM_NUMBER && bound->number < -INT64_C(0x3fffffffffffffff)
                    ? tenon__dim_number(d, -1) /* far before the beginning, whatever the dim */
                    : tenon__dim_add(d, bound, dim);
    else if (bound->low < 0)
        return NULL;
    return tenon__dim_max(d, tenon__dim_min(d, bound, high), tenon__dim_number(d, low));
}

/* Going down, the beginning lies before element 0: python clamps to [-1, dim - 1], going up to [0, dim]. */
static bool plan_axis(tenon__dims *d, const tenonh_dim *dim, const tenonh_dim *start, const tenonh_dim *end,
                      int64_t step, const tenonh_dim **out_start, const tenonh_dim **out_count) {
    bool up = step > 0;
    int64_t low = up ? 0 : -1, width = up ? step : -step;
    const tenonh_dim *high = up ? dim : tenon__dim_sub(d, dim, tenon__dim_number(d, 1));
    const tenonh_dim *from = clamped(d, start, dim, low, high), *to = clamped(d, end, dim, low, high);
    if (!from || !to) return false;
    const tenonh_dim *way = up ? tenon__dim_sub(d, to, from) : tenon__dim_sub(d, from, to);
    way = tenon__dim_add(d, way, tenon__dim_number(d, width - 1));
    *out_start = tenon__dim_max(d, from, tenon__dim_number(d, 0));
    *out_count = tenon__dim_max(d, tenon__dim_div(d, way, tenon__dim_number(d, width)), tenon__dim_number(d, 0));
    return *out_start && *out_count;
}

/* The axis that entry `i` is about: given or, without axes, i. False: not a number, or no axis of x. */
static bool axis_of_entry(const tenonh_dim *const *axes, uint32_t i, uint32_t rank, uint32_t *out_axis) {
    int64_t axis = i;
    if (axes && !tenonh_dim_is_number(axes[i], &axis)) return false;
    if (axis < 0) axis += rank;
    *out_axis = (uint32_t)axis;
    return axis >= 0 && axis < rank;
}

tenon_status tenon__plan_slice(tenonh_builder *b, const tenonh_node *node, tenon__slice_plan *plan) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *const *starts, *const *ends, *const *axes = NULL, *const *steps = NULL;
    uint32_t count, others[3] = {0};
    TENON_TRY(list_operand(b, node, 1, &starts, &count));
    TENON_TRY(list_operand(b, node, 2, &ends, &others[0]));
    others[1] = others[2] = count;
    if (tenon__operand(node, 3)) TENON_TRY(list_operand(b, node, 3, &axes, &others[1]));
    if (tenon__operand(node, 4)) TENON_TRY(list_operand(b, node, 4, &steps, &others[2]));
    if (others[0] != count || others[1] != count || others[2] != count || count > x->rank)
        return tenon__fail(TENON_STATUS_INVALID, "%u starts, %u ends, %u axes and %u steps for %s", count, others[0],
                           others[1], others[2], tenon__type_text(x));
    bool known = starts && ends && (axes || !tenon__operand(node, 3)) && (steps || !tenon__operand(node, 4));
    for (uint32_t i = 0; i < x->rank; i++) {
        plan->starts[i] = tenon__dim_number(&b->module->dims, 0);
        plan->dims[i] = x->dims[i];
        plan->steps[i] = 1;
    }
    for (uint32_t i = 0; i < count && known; i++) {
        uint32_t axis;
        int64_t step = 1;
        if (!axis_of_entry(axes, i, x->rank, &axis))
            return tenon__fail(TENON_STATUS_INVALID, "entry %u of the axes names none of %s", i, tenon__type_text(x));
        if (steps && !tenonh_dim_is_number(steps[i], &step)) return TENON_STATUS_NOT_READY;
        if (step == 0 || step == INT64_MIN)
            return tenon__fail(TENON_STATUS_INVALID, "step %u is %lld", i, (long long)step);
        plan->steps[axis] = step;
        if (!plan_axis(&b->module->dims, x->dims[axis], starts[i], ends[i], step, &plan->starts[axis],
                       &plan->dims[axis]))
            return TENON_STATUS_NOT_READY;
    }
    return known ? TENON_STATUS_OK : TENON_STATUS_NOT_READY;
}

TENON__SHAPE_RULE(slice_to) {
    const tenonh_value *x = node->operands[0];
    tenon__slice_plan plan;
    tenon_status status = tenon__plan_slice(b, node, &plan);
    if (status == TENON_STATUS_NOT_READY) return not_ready(b, node, x->dtype, x->rank, NULL);
    TENON_TRY(status);
    return tenon__result_type(b, node, 0, x->dtype, x->rank, plan.dims);
}

/* -- Pads ----------------------------------------------------------------------------------------------------------- */

tenon_status tenon__plan_pad(tenonh_builder *b, const tenonh_node *node, tenon__pad_plan *plan) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *const *pads, *const *axes = NULL;
    uint32_t count, axis_count = x->rank;
    TENON_TRY(list_operand(b, node, 1, &pads, &count));
    if (tenon__operand(node, 3)) TENON_TRY(list_operand(b, node, 3, &axes, &axis_count));
    if (count != 2 * axis_count || axis_count > x->rank)
        return tenon__fail(TENON_STATUS_INVALID, "%u pads and %u axes for %s", count, axis_count, tenon__type_text(x));
    if (!pads || (!axes && tenon__operand(node, 3))) return TENON_STATUS_NOT_READY;
    for (uint32_t i = 0; i < x->rank; i++) plan->low[i] = plan->high[i] = tenon__dim_number(&b->module->dims, 0);
    for (uint32_t i = 0; i < axis_count; i++) {
        uint32_t axis;
        if (!axis_of_entry(axes, i, x->rank, &axis))
            return tenon__fail(TENON_STATUS_INVALID, "entry %u of the axes names none of %s", i, tenon__type_text(x));
        plan->low[axis] = pads[i];
        plan->high[axis] = pads[axis_count + i];
    }
    return TENON_STATUS_OK;
}

TENON__SHAPE_RULE(pad_to) {
    const tenonh_value *x = node->operands[0], *value = tenon__operand(node, 2);
    const tenonh_dim *dims[TENON_MAX_RANK];
    tenon__pad_plan plan;
    int64_t mode = tenon__node_int(node, TENON_ATTR_MODE, 0);
    if (mode < 0 || mode > 3 || (value && (value->rank != 0 || value->dtype != x->dtype)))
        return tenon__fail(TENON_STATUS_INVALID, "mode %lld, x is %s, the value is %s", (long long)mode,
                           tenon__type_text(x), value ? tenon__type_text(value) : "left out");
    tenon_status status = tenon__plan_pad(b, node, &plan);
    if (status == TENON_STATUS_NOT_READY) return not_ready(b, node, x->dtype, x->rank, NULL);
    TENON_TRY(status);
    /* What a mode copies, and the value's bits, need more than dims: pads and, beyond mode 0, dims that are numbers. */
    for (uint32_t i = 0; i < x->rank; i++)
        dims[i] =
            tenon__dim_add(&b->module->dims, tenon__dim_add(&b->module->dims, plan.low[i], x->dims[i]), plan.high[i]);
    TENON_TRY(tenon__result_type(b, node, 0, x->dtype, x->rank, dims));
    bool ready = !value || tenon__is_constant(value);
    for (uint32_t i = 0; i < x->rank; i++) {
        ready = ready && plan.low[i]->kind == TENON__DIM_NUMBER && plan.high[i]->kind == TENON__DIM_NUMBER;
        if (mode != 0) ready = ready && x->dims[i]->kind == TENON__DIM_NUMBER;
    }
    return ready ? TENON_STATUS_OK : TENON_STATUS_NOT_READY;
}

/* -- Others --------------------------------------------------------------------------------------------------------- */

/* Elements of a range over floats: constants only. */
static tenon_status float_range(tenonh_builder *b, const tenonh_node *node, const tenonh_dim **out_count) {
    double numbers[3];
    tenon__arena scratch = {0};
    for (uint32_t i = 0; i < 3; i++) {
        tenon__tensor tensor;
        if (!tenon__is_constant(node->operands[i])) return TENON_STATUS_NOT_READY;
        tenon_status status = tenon__constant_tensor(&scratch, node->operands[i], &tensor);
        if (status == TENON_STATUS_OK) numbers[i] = tenon__number_load(tensor.dtype, tensor.data).f;
        tenon__arena_free(&scratch);
        TENON_TRY(status);
    }
    double count = ceil((numbers[1] - numbers[0]) / numbers[2]);
    if (!(count < 0x1p53)) return tenon__fail(TENON_STATUS_INVALID, "the range never ends, or has too many elements");
    *out_count = tenon__dim_number(&b->module->dims, count > 0 ? (int64_t)count : 0);
    return *out_count ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
}

static tenon_status int_range(tenonh_builder *b, const tenonh_node *node, const tenonh_dim **out_count) {
    const tenonh_dim *bounds[3];
    tenon__dims *d = &b->module->dims;
    uint32_t count;
    int64_t delta;
    for (uint32_t i = 0; i < 3; i++) {
        const tenonh_dim *const *content = tenon__content(b, node->operands[i], &count);
        TENON_TRY(b->status);
        if (!content) return TENON_STATUS_NOT_READY;
        bounds[i] = content[0];
    }
    if (!tenonh_dim_is_number(bounds[2], &delta)) return TENON_STATUS_NOT_READY;
    if (delta == 0 || delta == INT64_MIN) return tenon__fail(TENON_STATUS_INVALID, "the range never ends");
    bool up = delta > 0;
    const tenonh_dim *step = tenon__dim_number(d, up ? delta : -delta);
    const tenonh_dim *way = up ? tenon__dim_sub(d, bounds[1], bounds[0]) : tenon__dim_sub(d, bounds[0], bounds[1]);
    way = tenon__dim_sub(d, tenon__dim_add(d, way, step), tenon__dim_number(d, 1));
    *out_count = tenon__dim_max(d, tenon__dim_div(d, way, step), tenon__dim_number(d, 0));
    return *out_count ? TENON_STATUS_OK : TENON_STATUS_INVALID;
}

TENON__SHAPE_RULE(range) {
    const tenonh_value *start = node->operands[0];
    const tenonh_dim *count;
    for (uint32_t i = 0; i < 3; i++)
        if (node->operands[i]->rank != 0 || node->operands[i]->dtype != start->dtype)
            return tenon__fail(TENON_STATUS_INVALID, "operand %u is %s: scalars of one dtype", i,
                               tenon__type_text(node->operands[i]));
    bool is_float = tenon_dtype_class(start->dtype) == TENON_CLASS_FLOAT;
    tenon_status status = is_float ? float_range(b, node, &count) : int_range(b, node, &count);
    if (status == TENON_STATUS_NOT_READY) return not_ready(b, node, start->dtype, 1, NULL);
    TENON_TRY(status);
    return tenon__result_type(b, node, 0, start->dtype, 1, &count);
}

TENON__SHAPE_RULE(one_hot) {
    const tenonh_value *indices = node->operands[0], *depth = node->operands[1], *values = node->operands[2];
    const tenonh_dim *dims[TENON_MAX_RANK + 1];
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    uint32_t count;
    if (tenon_dtype_class(indices->dtype) != TENON_CLASS_SINT || depth->rank != 0 || values->rank != 1 || axis < 0 ||
        axis > indices->rank || indices->rank == TENON_MAX_RANK)
        return tenon__fail(TENON_STATUS_INVALID, "indices are %s, depth %s, values %s, axis %lld",
                           tenon__type_text(indices), tenon__type_text(depth), tenon__type_text(values),
                           (long long)axis);
    TENON_TRY(tenon__require_equal(b, node, "values", values->dims[0], tenon__dim_number(&b->module->dims, 2)));
    const tenonh_dim *const *content = tenon__content(b, node->operands[1], &count);
    TENON_TRY(b->status);
    for (uint32_t i = 0, from = 0; i <= indices->rank; i++)
        dims[i] = i != axis ? indices->dims[from++] : content ? content[0] : NULL;
    if (!content) return not_ready(b, node, values->dtype, indices->rank + 1, dims);
    return tenon__result_type(b, node, 0, values->dtype, indices->rank + 1, dims);
}

TENON__SHAPE_RULE(non_zero) {
    const tenonh_value *x = node->operands[0];
    const tenonh_dim *dims[2] = {tenon__dim_number(&b->module->dims, x->rank), NULL};
    if (!tenon__is_constant(x)) return not_ready(b, node, TENON_DTYPE_I64, 2, dims);
    tenon__arena scratch = {0};
    tenon__tensor tensor;
    int64_t count = 0;
    tenon_status status = tenon__constant_tensor(&scratch, x, &tensor);
    if (status == TENON_STATUS_OK && tenon__tensor_elements(&tensor)) {
        tenon__walk at = {0};
        do {
            count += (int64_t)tenon__number_cast(x->dtype, TENON_DTYPE_BOOL, tenon__get(&tensor, at.index), false).u;
        } while (tenon__walk_next(&tensor, &at));
    }
    tenon__arena_free(&scratch);
    TENON_TRY(status);
    dims[1] = tenon__dim_number(&b->module->dims, count);
    return tenon__result_type(b, node, 0, TENON_DTYPE_I64, 2, dims);
}
