/* Operators whose results have as many elements as the data says. */
#include <string.h>

#include "onnx/operators.h"

/* i64[n]: where a vector is not 0. */
static tenonh_value *places_of(const tenon__onnx_node *n, tenonh_value *x) {
    tenonh_value *places = tenon__compose(n->b, TENON__COMPOSITE_NON_ZERO, &x, 1, NULL, 0);
    return places ? tenon__squeeze(n->b, places, 0) : NULL;
}

static tenonh_value *taken(const tenon__onnx_node *n, tenonh_value *x, tenonh_value *places, uint32_t axis) {
    return x && places ? tenon__gather(n->b, x, places, axis) : NULL;
}

static tenonh_value *flattened(const tenon__onnx_node *n, tenonh_value *x) {
    const tenonh_dim *length = tenon__dim_product(n->b, x->dims, x->rank);
    return tenon__reshape(n->b, x, 1, &length);
}

/* A condition longer than the axis must not be true past its end: the gather then finds it out of range. */
tenonh_value *tenon__onnx_lower_compress(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0], *condition = n->inputs[1];
    uint32_t axis = 0;
    if (condition->rank != 1)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "its condition is %s, not a list",
                                tenon__type_text(condition));
    if (tenon__onnx_attr(n, "axis"))
        axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", 0), x->rank);
    else
        x = flattened(n, x);
    return taken(n, x, places_of(n, condition), axis);
}

/* -- Unique ------------------------------------------------------------------------------------------------------- */

enum { MOST_COLUMNS = 256 }; /* of what is compared as a whole: each costs a sort */

/* i64[n]: what sorts rows [n, k] by their columns, the first one first; equal rows stay in order. */
static tenonh_value *order_of(const tenon__onnx_node *n, tenonh_value *rows, int64_t columns) {
    tenonh_value *order = NULL;
    for (int64_t c = columns; c-- > 0 && tenonh_builder_status(n->b) == TENON_STATUS_OK;) {
        const tenonh_dim *place = tenon__num(n->b, c), *one = tenon__num(n->b, 1);
        tenonh_value *column = tenon__squeeze(n->b, tenon__slice_axis(n->b, rows, 1, place, one), 1);
        tenonh_value *sorted = tenon__sort(n->b, order ? taken(n, column, order, 0) : column, 0, false);
        tenonh_value *moved = sorted ? tenonh_value_result(sorted, 1) : NULL;
        order = order ? taken(n, order, moved, 0) : moved;
    }
    return order;
}

/* bool[n]: rows that differ from the one before; the first always does. */
static tenonh_value *starts_of_runs(const tenon__onnx_node *n, tenonh_value *rows) {
    static const int64_t axis = 1;
    const tenonh_dim *zero = tenon__num(n->b, 0), *one = tenon__num(n->b, 1), *length = rows->dims[0];
    const tenonh_dim *first = tenon__dim2(n->b, TENONH_DIM_MIN, length, one);
    const tenonh_dim *rest = tenon__dim2(n->b, TENONH_DIM_SUB, length, first);
    tenonh_value *both[] = {tenon__slice_axis(n->b, rows, 0, first, rest),
                            tenon__slice_axis(n->b, rows, 0, zero, rest)};
    tenonh_value *differ = tenon__compose(n->b, TENON__COMPOSITE_NE, both, 2, NULL, 0);
    tenonh_value *any = tenon__reduce(n->b, TENON_OP_RMAX, tenon__cast(n->b, differ, TENON_DTYPE_I32), 1, &axis, false);
    tenonh_value *begins = tenon__fill(n->b, TENON_DTYPE_BOOL, 1, 1, &first);
    return tenon__concat(n->b, (tenonh_value *[]){begins, tenon__cast(n->b, any, TENON_DTYPE_BOOL)}, 2, 0);
}

/* i64: for each element the number of the run it is in, from 0. */
static tenonh_value *run_numbers(const tenon__onnx_node *n, tenonh_value *starts) {
    tenonh_value *ones = tenon__cast(n->b, starts, TENON_DTYPE_I64);
    tenonh_value *running =
        tenon__compose(n->b, TENON__COMPOSITE_CUMSUM, &ones, 1, (tenonh_attr[]){TENON__ATTR_INT(AXIS, 0)}, 1);
    return tenon__binary_number(n->b, TENON_OP_SUB, running, 1, false);
}

/* y[indices[i]] = updates[i], as long as indices. */
static tenonh_value *scattered(const tenon__onnx_node *n, tenonh_value *indices, tenonh_value *updates) {
    if (!indices || !updates) return NULL;
    tenonh_value *none = tenon__fill(n->b, TENON_DTYPE_I64, 0, 1, indices->dims);
    return tenon__scatter(n->b, indices, updates, none, 0, TENON_COMBINE_SET);
}

/* Lengths of runs from where they start: the next start, or the end, less this one. */
static tenonh_value *lengths_of(const tenon__onnx_node *n, tenonh_value *places, tenonh_value *all) {
    if (!places) return NULL;
    tenonh_value *end = tenon__reduce(n->b, TENON_OP_SUM, tenon__fill(n->b, TENON_DTYPE_I64, 1, 1, all->dims), 1,
                                      (const int64_t[]){0}, true);
    tenonh_value *bounds = tenon__concat(n->b, (tenonh_value *[]){places, end}, 2, 0);
    tenonh_value *next = tenon__slice_axis(n->b, bounds, 0, tenon__num(n->b, 1), places->dims[0]);
    return tenon__binary(n->b, TENON_OP_SUB, next, places);
}

/* Order of first occurrence: `order` sorts the unique values by where they occur first, `ranks` is its inverse. */
typedef struct reordering {
    tenonh_value *order, *ranks;
} reordering;

static reordering by_occurrence(const tenon__onnx_node *n, tenonh_value *indices) {
    tenonh_value *sorted = tenon__sort(n->b, indices, 0, false);
    tenonh_value *order = sorted ? tenonh_value_result(sorted, 1) : NULL;
    return (reordering){order,
                        scattered(n, order, order ? tenon__iota(n->b, TENON_DTYPE_I64, 0, 1, order->dims) : NULL)};
}

/* What is compared, as rows [n, k]: elements, or slices along an axis, which then comes first in `front`. */
typedef struct slices {
    tenonh_value *front, *rows;
    int64_t columns;
    uint32_t axis;
    int is_along; /* 1: slices */
} slices;

static int cut_slices(const tenon__onnx_node *n, slices *s) {
    tenonh_value *x = n->inputs[0];
    *s = (slices){.is_along = tenon__onnx_attr(n, "axis") != NULL};
    if (s->is_along) s->axis = tenon__onnx_axis(n, tenon__onnx_int(n, "axis", 0), x->rank);
    if (tenonh_builder_status(n->b) != TENON_STATUS_OK) return 0;
    s->front = s->is_along ? tenon__onnx_axis_moved(n, x, s->axis, 1) : flattened(n, x);
    if (!s->front) return 0;
    const tenonh_dim *width = tenon__dim_product(n->b, s->front->dims + 1, s->front->rank - 1);
    const tenonh_dim *dims[] = {s->front->dims[0], width};
    if (!tenonh_dim_is_number(width, &s->columns) || s->columns < 1 || s->columns > MOST_COLUMNS) {
        tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "slices of %s along axis %u have not 1 to %d elements",
                         tenon__type_text(x), s->axis, MOST_COLUMNS);
        return 0;
    }
    s->rows = tenon__reshape(n->b, s->front, 2, dims);
    return s->rows != NULL;
}

/* Rows in the shape of what they were cut from. */
static tenonh_value *joined(const tenon__onnx_node *n, const slices *s, tenonh_value *rows) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    if (!rows) return NULL;
    memcpy(dims, s->front->dims, sizeof dims);
    dims[0] = rows->dims[0];
    tenonh_value *whole = tenon__reshape(n->b, rows, s->front->rank, dims);
    return s->is_along ? tenon__onnx_axis_moved(n, whole, s->axis, 0) : whole;
}

/* Sorted, equal ones stand side by side: the first of each run is the unique one, and, the order being stable, the first
 * in x too. */
tenonh_value *tenon__onnx_lower_unique(tenon__onnx_node *n) {
    slices s;
    if (!cut_slices(n, &s)) return NULL;
    tenonh_value *from = order_of(n, s.rows, s.columns), *sorted = taken(n, s.rows, from, 0);
    if (!sorted) return NULL;
    tenonh_value *starts = starts_of_runs(n, sorted), *places = places_of(n, starts);
    tenonh_value *lengths = lengths_of(n, places, from), *numbers = run_numbers(n, starts);
    tenonh_value *values = taken(n, sorted, places, 0), *indices = taken(n, from, places, 0);
    if (!indices || !numbers) return NULL;
    if (tenon__onnx_int(n, "sorted", 1) == 0) {
        reordering r = by_occurrence(n, indices);
        values = taken(n, values, r.order, 0);
        indices = taken(n, indices, r.order, 0);
        lengths = taken(n, lengths, r.order, 0);
        numbers = taken(n, r.ranks, numbers, 0);
    }
    tenonh_value *all[] = {joined(n, &s, values), indices, scattered(n, from, numbers), lengths};
    for (uint32_t i = 0; i < n->output_count && i < 4; i++) n->outputs[i] = all[i];
    return all[0];
}
