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

/* bool[n]: elements of a sorted vector that differ from the one before; the first always does. */
static tenonh_value *starts_of_runs(const tenon__onnx_node *n, tenonh_value *sorted) {
    const tenonh_dim *zero = tenon__num(n->b, 0), *one = tenon__num(n->b, 1), *length = sorted->dims[0];
    const tenonh_dim *first = tenon__dim2(n->b, TENONH_DIM_MIN, length, one);
    const tenonh_dim *rest = tenon__dim2(n->b, TENONH_DIM_SUB, length, first);
    tenonh_value *here = tenon__slice_axis(n->b, sorted, 0, first, rest);
    tenonh_value *before = tenon__slice_axis(n->b, sorted, 0, zero, rest);
    tenonh_value *both[] = {here, before};
    tenonh_value *differs = tenon__compose(n->b, TENON__COMPOSITE_NE, both, 2, NULL, 0);
    tenonh_value *begins = tenon__fill(n->b, TENON_DTYPE_BOOL, 1, 1, &first);
    return tenon__concat(n->b, (tenonh_value *[]){begins, differs}, 2, 0);
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

/* Sorted, equal elements stand side by side: the first of each run is the unique one, and, the order being stable, the
 * first in x too. */
tenonh_value *tenon__onnx_lower_unique(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0];
    if (tenon__onnx_attr(n, "axis") && x->rank != 1)
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "unique slices along an axis of %s are not supported",
                                tenon__type_text(x));
    x = flattened(n, x);
    tenonh_value *sorted = tenon__sort(n->b, x, 0, false);
    if (!sorted) return NULL;
    tenonh_value *from = tenonh_value_result(sorted, 1), *starts = starts_of_runs(n, sorted);
    tenonh_value *places = places_of(n, starts), *lengths = lengths_of(n, places, x);
    tenonh_value *values = taken(n, sorted, places, 0), *indices = taken(n, from, places, 0);
    tenonh_value *numbers = run_numbers(n, starts);
    if (!indices || !numbers) return NULL;
    if (tenon__onnx_int(n, "sorted", 1) == 0) {
        reordering r = by_occurrence(n, indices);
        values = taken(n, values, r.order, 0);
        indices = taken(n, indices, r.order, 0);
        lengths = taken(n, lengths, r.order, 0);
        numbers = taken(n, r.ranks, numbers, 0);
    }
    tenonh_value *all[] = {values, indices, scattered(n, from, numbers), lengths};
    for (uint32_t i = 0; i < n->output_count && i < 4; i++) n->outputs[i] = all[i];
    return values;
}
