/* NonMaxSuppression: all classes of all batches side by side, a box of each a step, until none is left. */
#include <math.h>

#include "onnx/operators.h"

enum { Y1, X1, Y2, X2, AREA, CORNERS };

/* A lane is one class of one batch. */
typedef struct suppression {
    const tenon__onnx_node *n;
    tenonh_builder *b;
    const tenonh_dim *lanes, *boxes;
    tenonh_value *corners[CORNERS]; /* [lanes, boxes] each */
    tenonh_value *overlap;          /* the share of their union that two boxes may have in common: f32[] */
} suppression;

static tenonh_value *op(const suppression *s, tenon_op o, tenonh_value *x, tenonh_value *y) {
    return tenon__onnx_binary(s->n, o, x, y);
}

static tenonh_value *with(const suppression *s, tenon_op o, tenonh_value *x, double number) {
    return tenon__binary_number(s->b, o, x, number, false);
}

static tenonh_value *choose(const suppression *s, tenonh_value *condition, tenonh_value *x, tenonh_value *y) {
    return tenon__onnx_choose(s->n, condition, x, y);
}

/* Axis 1 reduced to its largest element: [lanes] */
static tenonh_value *largest(const suppression *s, tenonh_value *x) {
    return tenon__reduce(s->b, TENON_OP_RMAX, x, 1, (const int64_t[]){1}, false);
}

/* bool[]: whether a lane has a box left. */
static tenonh_value *any_left(const suppression *s, tenonh_value *scores) {
    tenonh_value *top = tenon__reduce(s->b, TENON_OP_RMAX, scores, 2, (const int64_t[]){0, 1}, false);
    return tenon__binary_number(s->b, TENON_OP_LT, top, -INFINITY, true);
}

static tenonh_value *nothing(const suppression *s) {
    return tenonh_build_scalar(s->b, TENON_DTYPE_F32, -INFINITY);
}

static tenonh_value *dim_value(const suppression *s, tenonh_value *x, uint32_t axis) {
    tenonh_value *shape = x ? tenon__shape_of(s->b, x) : NULL;
    return tenon__slice_axis(s->b, shape, 0, tenon__num(s->b, axis), tenon__num(s->b, 1));
}

/* -- Inputs ------------------------------------------------------------------------------------------------------- */

/* Entry `index` of the boxes [batches, boxes, 4], for every lane. */
static tenonh_value *entry_of(const suppression *s, tenonh_value *boxes, const tenonh_value *scores, uint32_t index) {
    const tenonh_dim *one = tenon__num(s->b, 1), *flat[] = {s->lanes, s->boxes};
    tenonh_value *entry = tenon__slice_axis(s->b, boxes, 2, tenon__num(s->b, index), one); /* [batches, boxes, 1] */
    entry = tenon__permute(s->b, entry, (const int64_t[]){0, 2, 1});
    entry = entry ? tenon__expand(s->b, entry, 3, scores->dims) : NULL;
    return entry ? tenon__reshape(s->b, entry, 2, flat) : NULL;
}

/* Corners, whichever of them comes first, or centres and sizes. */
static void read_corners(suppression *s, tenonh_value *boxes, const tenonh_value *scores, int centred) {
    tenonh_value *entry[4], *low[2], *high[2];
    for (uint32_t i = 0; i < 4; i++) entry[i] = entry_of(s, boxes, scores, i);
    for (uint32_t i = 0; i < 2; i++) {
        tenonh_value *half = centred ? with(s, TENON_OP_MUL, entry[2 + i], 0.5) : NULL;
        low[i] = centred ? op(s, TENON_OP_SUB, entry[i], half) : op(s, TENON_OP_MIN, entry[i], entry[2 + i]);
        high[i] = centred ? op(s, TENON_OP_ADD, entry[i], half) : op(s, TENON_OP_MAX, entry[i], entry[2 + i]);
    }
    uint32_t y = centred ? 1 : 0; /* x comes before y with centres, after it with corners */
    s->corners[Y1] = low[y], s->corners[X1] = low[1 - y];
    s->corners[Y2] = high[y], s->corners[X2] = high[1 - y];
    s->corners[AREA] = op(s, TENON_OP_MUL, op(s, TENON_OP_SUB, high[0], low[0]), op(s, TENON_OP_SUB, high[1], low[1]));
}

/* Scores by lane; -infinity for those that do not pass the threshold. */
static tenonh_value *read_scores(const suppression *s, tenonh_value *scores) {
    const tenonh_dim *flat[] = {s->lanes, s->boxes};
    tenonh_value *threshold = tenon__onnx_scalar(s->n, tenon__onnx_input(s->n, 4));
    scores = tenon__reshape(s->b, scores, 2, flat);
    if (!threshold) return scores;
    return choose(s, op(s, TENON_OP_LT, threshold, scores), scores, nothing(s));
}

/* i64[]: boxes that a lane may give at most; 0 without the input. */
static tenonh_value *read_limit(const suppression *s) {
    tenonh_value *limit = tenon__onnx_scalar(s->n, tenon__onnx_input(s->n, 2));
    return limit ? tenon__cast(s->b, limit, TENON_DTYPE_I64) : tenonh_build_scalar(s->b, TENON_DTYPE_I64, 0);
}

/* Steps that suffice: the limit where it is known, and never more than there are boxes. */
static const tenonh_dim *steps_of(const suppression *s, tenonh_value *limit) {
    uint32_t count;
    const tenonh_dim *const *content = limit ? tenon__content(s->b, limit, &count) : NULL;
    if (!content) return s->boxes;
    const tenonh_dim *most = tenon__dim2(s->b, TENONH_DIM_MAX, content[0], tenon__num(s->b, 0));
    return tenon__dim2(s->b, TENONH_DIM_MIN, most, s->boxes);
}

/* -- A step ------------------------------------------------------------------------------------------------------- */

/* The corners and area of each lane's best box: [lanes, 1] */
static tenonh_value *of_best(const suppression *s, tenonh_value *numbers, uint32_t index) {
    const tenonh_dim *all = tenon__dim2(s->b, TENONH_DIM_MUL, s->lanes, s->boxes);
    tenonh_value *flat = tenon__reshape(s->b, s->corners[index], 1, &all);
    return flat && numbers ? tenon__unsqueeze(s->b, tenon__gather(s->b, flat, numbers, 0), 1) : NULL;
}

/* Length that two boxes share along an axis. */
static tenonh_value *shared(const suppression *s, tenonh_value *const *best, uint32_t low, uint32_t high) {
    tenonh_value *end = op(s, TENON_OP_MIN, s->corners[high], best[high]);
    return with(s, TENON_OP_MAX, op(s, TENON_OP_SUB, end, op(s, TENON_OP_MAX, s->corners[low], best[low])), 0);
}

/* bool[lanes, boxes]: boxes that have too much in common with the best one of their lane. */
static tenonh_value *suppressed(const suppression *s, tenonh_value *place) {
    tenonh_value *lane = tenon__iota(s->b, TENON_DTYPE_I64, 0, 1, &s->lanes), *best[CORNERS];
    tenonh_value *first = op(s, TENON_OP_MUL, lane, dim_value(s, s->corners[AREA], 1));
    tenonh_value *numbers = op(s, TENON_OP_ADD, first, place);
    for (uint32_t i = 0; i < CORNERS; i++) best[i] = of_best(s, numbers, i);
    tenonh_value *common = op(s, TENON_OP_MUL, shared(s, best, Y1, Y2), shared(s, best, X1, X2));
    tenonh_value *both = op(s, TENON_OP_SUB, op(s, TENON_OP_ADD, s->corners[AREA], best[AREA]), common);
    return op(s, TENON_OP_LT, s->overlap, op(s, TENON_OP_DIV, common, both));
}

/* Places that were selected, [steps, lanes]; -1 where a lane had nothing left. */
static tenonh_value *select_all(const suppression *s, tenonh_value *scores, const tenonh_dim *steps) {
    tenonh_value *inputs[] = {any_left(s, scores), scores}, *yields[3];
    const tenonh_attr attrs[] = {TENON__ATTR_INT(AXIS, 2), TENON__ATTR_DIMS(SIZES, 1, &steps),
                                 TENON__ATTR_INT(MODE, 1)};
    if (tenonh_builder_status(s->b) != TENON_STATUS_OK) return NULL;
    tenonh_build_begin(s->b, TENONH_CONTROL_FOR, inputs, 2, attrs, 3);
    tenonh_value *left = tenonh_build_argument(s->b, 1);
    tenonh_value *place = left ? tenon__argmax(s->b, left, 1) : NULL; /* of NaN and of equal scores the first */
    tenonh_value *found = op(s, TENON_OP_LT, nothing(s), largest(s, left));
    tenonh_value *number = tenon__iota(s->b, TENON_DTYPE_I64, 0, 1, &s->boxes);
    tenonh_value *itself = op(s, TENON_OP_EQ, place ? tenon__unsqueeze(s->b, place, 1) : NULL, number);
    tenonh_value *gone = op(s, TENON_OP_OR, suppressed(s, place), itself);
    yields[1] = choose(s, gone, nothing(s), left);
    yields[0] = any_left(s, yields[1]);
    yields[2] = choose(s, found, place, tenonh_build_scalar(s->b, TENON_DTYPE_I64, -1));
    if (tenonh_builder_status(s->b) != TENON_STATUS_OK) return NULL;
    tenonh_value *first = tenonh_build_yield(s->b, yields, 3);
    return first ? tenonh_value_result(first, 2) : NULL;
}

/* -- Result ------------------------------------------------------------------------------------------------------- */

/* Row `index` of places [2, n] as a column [n, 1]. */
static tenonh_value *column(const suppression *s, tenonh_value *places, uint32_t index) {
    tenonh_value *row = tenon__slice_axis(s->b, places, 0, tenon__num(s->b, index), tenon__num(s->b, 1));
    return row ? tenon__permute(s->b, row, (const int64_t[]){1, 0}) : NULL;
}

/* i64[n, 3]: batch, class and place of the selected, by lane and then in the order of their selection. */
static tenonh_value *listed(const suppression *s, tenonh_value *selected, tenonh_value *scores, tenonh_value *limit) {
    selected = selected ? tenon__permute(s->b, selected, (const int64_t[]){1, 0}) : NULL;
    if (!selected) return NULL;
    tenonh_value *step = tenon__iota(s->b, TENON_DTYPE_I64, 1, 2, selected->dims);
    tenonh_value *counts = op(s, TENON_OP_AND, tenon__binary_number(s->b, TENON_OP_LT, selected, -1, true),
                              op(s, TENON_OP_LT, step, limit));
    tenonh_value *places = counts ? tenon__compose(s->b, TENON__COMPOSITE_NON_ZERO, &counts, 1, NULL, 0) : NULL;
    if (!places) return NULL;
    const tenonh_dim *all = tenon__dim_product(s->b, selected->dims, 2);
    tenonh_value *flat = tenon__reshape(s->b, selected, 1, &all), *lane = column(s, places, 0);
    tenonh_value *number =
        op(s, TENON_OP_ADD, op(s, TENON_OP_MUL, lane, dim_value(s, selected, 1)), column(s, places, 1));
    tenonh_value *classes = dim_value(s, scores, 1), *columns[3];
    columns[0] = op(s, TENON_OP_DIV, lane, classes);
    columns[1] = op(s, TENON_OP_REM, lane, classes);
    columns[2] = flat && number ? tenon__gather(s->b, flat, number, 0) : NULL;
    return columns[0] && columns[1] && columns[2] ? tenon__concat(s->b, columns, 3, 1) : NULL;
}

tenonh_value *tenon__onnx_lower_non_max_suppression(tenon__onnx_node *n) {
    tenonh_value *boxes = n->inputs[0], *scores = n->inputs[1], *overlap = tenon__onnx_input(n, 3);
    suppression s = {.n = n, .b = n->b};
    if (boxes->rank != 3 || scores->rank != 3)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID,
                                "it needs boxes [batches, boxes, 4] and scores [batches, classes, boxes]");
    s.lanes = tenon__dim2(n->b, TENONH_DIM_MUL, scores->dims[0], scores->dims[1]);
    s.boxes = scores->dims[2];
    s.overlap = overlap ? tenon__onnx_scalar(n, overlap) : tenonh_build_scalar(n->b, TENON_DTYPE_F32, 0);
    read_corners(&s, boxes, scores, tenon__onnx_int(n, "center_point_box", 0) != 0);
    tenonh_value *limit = read_limit(&s);
    tenonh_value *selected = select_all(&s, read_scores(&s, scores), steps_of(&s, limit));
    return listed(&s, selected, scores, limit);
}
