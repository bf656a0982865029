/* GridSample and AffineGrid: elements of x at coordinates that are data. */
#include <string.h>

#include "onnx/operators.h"

enum { NEAREST, LINEAR, CUBIC };
enum { ZEROS, BORDER, REFLECTION };
enum { MOST_SPACE = 3 };

/* Coordinates are computed in the grid's dtype, in f32 at least. x: [N, C, space], grid: [N, out, k]. */
typedef struct sample {
    const tenon__onnx_node *n;
    tenonh_builder *b;
    int mode, padding, corners; /* corners: -1 and 1 are the centres of the outermost elements, not their edges */
    uint32_t space;             /* axes of it */
    tenonh_value *lengths[MOST_SPACE];
} sample;

static tenonh_value *op(const sample *s, tenon_op o, tenonh_value *x, tenonh_value *y) {
    return tenon__onnx_binary(s->n, o, x, y);
}

static tenonh_value *with(const sample *s, tenon_op o, tenonh_value *x, double number) {
    return tenon__binary_number(s->b, o, x, number, false);
}

static tenonh_value *floored(const sample *s, tenonh_value *x) {
    return tenon__unary(s->b, TENON_OP_FLOOR, x);
}

static tenonh_value *choose(const sample *s, tenonh_value *condition, tenonh_value *x, tenonh_value *y) {
    return tenon__onnx_choose(s->n, condition, x, y);
}

/* A dim as a value [1] of the grid's dtype. */
static tenonh_value *length_of(const sample *s, const tenonh_value *x, uint32_t axis, tenon_dtype dtype) {
    tenonh_value *shape = tenon__shape_of(s->b, (tenonh_value *)(uintptr_t)x);
    return tenon__cast(s->b, tenon__slice_axis(s->b, shape, 0, tenon__num(s->b, axis), tenon__num(s->b, 1)), dtype);
}

/* -- Coordinates -------------------------------------------------------------------------------------------------- */

/* Where the grid's column for axis `j` of space points: -1 ... 1 becomes 0 ... length - 1. [N, out] */
static tenonh_value *position_of(const sample *s, tenonh_value *grid, uint32_t j) {
    uint32_t last = grid->rank - 1;
    const tenonh_dim *place = tenon__num(s->b, s->space - 1 - j), *one = tenon__num(s->b, 1);
    tenonh_value *column = tenon__squeeze(s->b, tenon__slice_axis(s->b, grid, last, place, one), last);
    tenonh_value *from_low = with(s, TENON_OP_ADD, column, 1), *length = s->lengths[j];
    if (s->corners) return op(s, TENON_OP_MUL, with(s, TENON_OP_MUL, from_low, 0.5), with(s, TENON_OP_SUB, length, 1));
    return with(s, TENON_OP_MUL, with(s, TENON_OP_SUB, op(s, TENON_OP_MUL, from_low, length), 1), 0.5);
}

/* The ends that coordinates are reflected at. */
static void ends_of(const sample *s, uint32_t j, tenonh_value **out_low, tenonh_value **out_high) {
    tenonh_value *last = with(s, TENON_OP_SUB, s->lengths[j], 1);
    *out_low = with(s, TENON_OP_SUB, with(s, TENON_OP_MUL, last, 0), s->corners ? 0 : 0.5);
    *out_high = with(s, TENON_OP_ADD, last, s->corners ? 0 : 0.5);
}

static tenonh_value *clamped(const sample *s, tenonh_value *position, uint32_t j) {
    tenonh_value *last = with(s, TENON_OP_SUB, s->lengths[j], 1);
    return op(s, TENON_OP_MIN, with(s, TENON_OP_MAX, position, 0), last);
}

/* A position outside of [low, high] is mirrored at the ends as often as it takes. */
static tenonh_value *reflected(const sample *s, tenonh_value *position, tenonh_value *low, tenonh_value *high) {
    tenonh_value *range = op(s, TENON_OP_SUB, high, low);
    range = choose(s, with(s, TENON_OP_EQ, range, 0), with(s, TENON_OP_ADD, range, 1), range);
    tenonh_value *below = op(s, TENON_OP_LT, position, low), *above = op(s, TENON_OP_LT, high, position);
    tenonh_value *distance = choose(s, below, op(s, TENON_OP_SUB, low, position), op(s, TENON_OP_SUB, position, high));
    tenonh_value *turns = floored(s, op(s, TENON_OP_DIV, distance, range));
    tenonh_value *rest = op(s, TENON_OP_SUB, distance, op(s, TENON_OP_MUL, turns, range));
    tenonh_value *half = with(s, TENON_OP_MUL, turns, 0.5), *odd = op(s, TENON_OP_LT, floored(s, half), half);
    tenonh_value *from_low = op(s, TENON_OP_ADD, low, rest), *from_high = op(s, TENON_OP_SUB, high, rest);
    tenonh_value *turned = choose(s, op(s, TENON_OP_XOR, below, odd), from_low, from_high);
    return choose(s, op(s, TENON_OP_OR, below, above), turned, position);
}

/* Positions outside the axis, as the padding mode has them. */
static tenonh_value *padded(const sample *s, tenonh_value *position, uint32_t j) {
    tenonh_value *low, *high;
    if (s->padding == ZEROS) return position;
    ends_of(s, j, &low, &high);
    if (s->padding == REFLECTION) return reflected(s, position, low, high);
    tenonh_value *outside = op(s, TENON_OP_OR, op(s, TENON_OP_LT, position, low), op(s, TENON_OP_LT, high, position));
    return choose(s, outside, clamped(s, position, j), position);
}

/* -- Taps --------------------------------------------------------------------------------------------------------- */

/* The elements along one axis that take part: where they lie, and what they count. */
typedef struct taps {
    uint32_t count;
    tenonh_value *places[4];  /* on the axis */
    tenonh_value *weights[4]; /* NULL: 1 */
} taps;

/* ((a * u + b) * u + c) * u + d */
static tenonh_value *polynomial(const sample *s, tenonh_value *u, double a, double b, double c, double d) {
    tenonh_value *sum = with(s, TENON_OP_ADD, with(s, TENON_OP_MUL, u, a), b);
    sum = with(s, TENON_OP_ADD, op(s, TENON_OP_MUL, sum, u), c);
    return with(s, TENON_OP_ADD, op(s, TENON_OP_MUL, sum, u), d);
}

/* Of the element `offset` after the position's floor, the position being `ratio` after it. */
static tenonh_value *weight_of(const sample *s, tenonh_value *ratio, int offset) {
    const double a = -0.75;
    tenonh_value *distance = offset > 0 ? tenon__binary_number(s->b, TENON_OP_SUB, ratio, offset, true)
                                        : with(s, TENON_OP_SUB, ratio, offset);
    if (s->mode == LINEAR) return tenon__binary_number(s->b, TENON_OP_SUB, distance, 1, true);
    if (offset == 0 || offset == 1) return polynomial(s, distance, a + 2, -(a + 3), 0, 1);
    return polynomial(s, distance, a, -5 * a, 8 * a, -4 * a);
}

/* A place that the axis has, and, where the padding is of zeros, a weight of 0 for one that it has not. */
static void settle(const sample *s, taps *t, uint32_t tap, tenonh_value *place, uint32_t j) {
    tenonh_value *low, *high, *inside = clamped(s, place, j);
    if (s->padding == REFLECTION) {
        ends_of(s, j, &low, &high);
        inside = clamped(s, tenon__unary(s->b, TENON_OP_TRUNC, reflected(s, place, low, high)), j);
    }
    t->places[tap] = inside;
    if (s->padding != ZEROS || !inside) return;
    tenonh_value *there = tenon__cast(s->b, op(s, TENON_OP_EQ, inside, place), inside->dtype);
    t->weights[tap] = t->weights[tap] ? op(s, TENON_OP_MUL, t->weights[tap], there) : there;
}

static taps taps_of(const sample *s, tenonh_value *grid, uint32_t j) {
    taps t = {.count = s->mode == NEAREST ? 1 : s->mode == LINEAR ? 2 : 4};
    int first = s->mode == CUBIC ? -1 : 0;
    tenonh_value *position = position_of(s, grid, j);
    if (s->mode == NEAREST) position = tenon__unary(s->b, TENON_OP_RINT, position);
    position = padded(s, position, j);
    tenonh_value *base = s->mode == NEAREST ? position : floored(s, position);
    tenonh_value *ratio = s->mode == NEAREST ? NULL : op(s, TENON_OP_SUB, position, base);
    for (uint32_t i = 0; i < t.count; i++) {
        if (ratio) t.weights[i] = weight_of(s, ratio, first + (int)i);
        settle(s, &t, i, with(s, TENON_OP_ADD, base, first + (int)i), j);
    }
    return t;
}

/* -- GridSample ---------------------------------------------------------------------------------------------------- */

/* x with its channels last, as rows: [N * space, C]. */
static tenonh_value *rows_of(const sample *s, tenonh_value *x) {
    int64_t perm[TENON_MAX_RANK] = {0};
    for (uint32_t j = 0; j < s->space; j++) perm[1 + j] = 2 + j;
    perm[1 + s->space] = 1;
    const tenonh_dim *count =
        tenon__dim2(s->b, TENONH_DIM_MUL, x->dims[0], tenon__dim_product(s->b, x->dims + 2, s->space));
    return tenon__reshape(s->b, tenon__permute(s->b, x, perm), 2, (const tenonh_dim *[]){count, x->dims[1]});
}

/* The number of the row of one tap an axis: ((batch * d1 + p1) * d2 + p2) ... i64[N, out] */
static tenonh_value *row_numbers(const sample *s, const tenonh_value *x, tenonh_value *const *places) {
    if (!places[0]) return NULL;
    tenonh_value *row = tenon__iota(s->b, TENON_DTYPE_I64, 0, places[0]->rank, places[0]->dims);
    for (uint32_t j = 0; j < s->space; j++) {
        row = op(s, TENON_OP_MUL, row, length_of(s, x, 2 + j, TENON_DTYPE_I64));
        row = op(s, TENON_OP_ADD, row, places[j] ? tenon__cast(s->b, places[j], TENON_DTYPE_I64) : NULL);
    }
    return row;
}

/* One combination of taps: elements of all channels, times their weight. [N, out, C] */
static tenonh_value *part_of(const sample *s, const tenonh_value *x, tenonh_value *rows, const taps *axes,
                             uint32_t combination) {
    tenonh_value *places[MOST_SPACE] = {NULL}, *weight = NULL;
    for (uint32_t j = 0; j < s->space; j++) {
        uint32_t tap = combination % axes[j].count;
        combination /= axes[j].count;
        places[j] = axes[j].places[tap];
        tenonh_value *own = axes[j].weights[tap];
        weight = !weight ? own : own ? op(s, TENON_OP_MUL, weight, own) : weight;
    }
    tenonh_value *numbers = row_numbers(s, x, places);
    tenonh_value *part = numbers ? tenon__gather(s->b, rows, numbers, 0) : NULL;
    if (!weight || !part) return part;
    weight = tenon__unsqueeze(s->b, tenon__cast(s->b, weight, part->dtype), weight->rank);
    return weight ? tenon__binary(s->b, TENON_OP_MUL, part, tenon__expand_like(s->b, weight, part)) : NULL;
}

static tenonh_value *sampled(const sample *s, tenonh_value *x, tenonh_value *grid) {
    taps axes[MOST_SPACE];
    uint32_t count = 1;
    for (uint32_t j = 0; j < s->space; j++) {
        axes[j] = taps_of(s, grid, j);
        count *= axes[j].count;
    }
    tenonh_value *rows = rows_of(s, x), *sum = NULL;
    for (uint32_t i = 0; rows && i < count; i++) {
        tenonh_value *part = part_of(s, x, rows, axes, i);
        sum = sum ? op(s, TENON_OP_ADD, sum, part) : part;
    }
    if (!sum) return NULL;
    int64_t perm[TENON_MAX_RANK] = {0, sum->rank - 1};
    for (uint32_t j = 0; j < s->space; j++) perm[2 + j] = 1 + j;
    return tenon__permute(s->b, sum, perm);
}

static tenon_dtype wide_of(tenon_dtype dtype) {
    return dtype == TENON_DTYPE_F64 ? (tenon_dtype)TENON_DTYPE_F64 : (tenon_dtype)TENON_DTYPE_F32;
}

tenonh_value *tenon__onnx_lower_grid_sample(tenon__onnx_node *n) {
    /* Opset 16 has names of its own for the last two. */
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const old_modes[] = {"nearest", "bilinear", "bicubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    tenonh_value *x = n->inputs[0], *grid = n->inputs[1];
    sample s = {.n = n, .b = n->b, .space = x->rank - 2, .corners = tenon__onnx_int(n, "align_corners", 0) != 0};
    s.mode = n->opset < 20 ? tenon__onnx_named(n, "mode", "bilinear", old_modes)
                           : tenon__onnx_named(n, "mode", "linear", modes);
    s.padding = tenon__onnx_named(n, "padding_mode", "zeros", paddings);
    if (s.mode < 0 || s.padding < 0) return NULL;
    if (x->rank < 3 || s.space > MOST_SPACE || grid->rank != x->rank)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "it needs batch, channels and 1 to %d axes of space; x is %s",
                                MOST_SPACE, tenon__type_text(x));
    int64_t columns;
    if (tenonh_dim_is_number(grid->dims[grid->rank - 1], &columns) && columns != s.space)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "its grid is %s: %u columns are wanted",
                                tenon__type_text(grid), s.space);
    tenon_dtype dtype = x->dtype;
    grid = tenon__cast(n->b, grid, wide_of(grid->dtype));
    for (uint32_t j = 0; grid && j < s.space; j++) s.lengths[j] = length_of(&s, x, 2 + j, grid->dtype);
    if (s.mode != NEAREST) x = tenon__cast(n->b, x, wide_of(dtype));
    tenonh_value *y = x && grid ? sampled(&s, x, grid) : NULL;
    return y ? tenon__cast(n->b, y, dtype) : NULL;
}

/* -- AffineGrid --------------------------------------------------------------------------------------------------- */

/* Coordinates -1 ... 1 of the elements of an axis: [length] */
static tenonh_value *base_of(const sample *s, const tenonh_dim *dim, tenon_dtype dtype) {
    tenonh_value *i = tenon__iota(s->b, dtype, 0, 1, &dim);
    if (!i) return NULL;
    tenonh_value *length = length_of(s, i, 0, dtype);
    if (!s->corners) { /* (2 i + 1) / length - 1 */
        tenonh_value *odd = with(s, TENON_OP_ADD, with(s, TENON_OP_MUL, i, 2), 1);
        return with(s, TENON_OP_SUB, op(s, TENON_OP_DIV, odd, length), 1);
    }
    tenonh_value *steps = with(s, TENON_OP_MAX, with(s, TENON_OP_SUB, length, 1), 1);
    return with(s, TENON_OP_SUB, op(s, TENON_OP_DIV, with(s, TENON_OP_MUL, i, 2), steps), 1);
}

/* [N, points, k + 1]: x, y, (z,) 1 of every point. */
static tenonh_value *points_of(const sample *s, const tenonh_dim *const *size, tenon_dtype dtype) {
    const tenonh_dim *dims[MOST_SPACE + 1], *one = tenon__num(s->b, 1);
    tenonh_value *columns[MOST_SPACE + 1];
    dims[0] = size[0];
    for (uint32_t j = 0; j < s->space; j++) dims[1 + j] = size[2 + j];
    const tenonh_dim *flat[] = {size[0], tenon__dim_product(s->b, dims + 1, s->space), one};
    for (uint32_t j = 0; j < s->space; j++) {
        tenonh_value *base = base_of(s, size[2 + j], dtype);
        for (uint32_t d = j + 1; base && d < s->space; d++) base = tenon__unsqueeze(s->b, base, base->rank);
        tenonh_value *whole = base ? tenon__expand(s->b, base, s->space + 1, dims) : NULL;
        columns[s->space - 1 - j] = tenon__reshape(s->b, whole, 3, flat);
    }
    tenonh_value *unit = tenonh_build_scalar(s->b, dtype, 1);
    columns[s->space] = tenon__expand(s->b, unit, 3, flat);
    return tenon__concat(s->b, columns, s->space + 1, 2);
}

tenonh_value *tenon__onnx_lower_affine_grid(tenon__onnx_node *n) {
    static const int64_t transposed[] = {0, 2, 1};
    uint32_t count;
    tenonh_value *theta = n->inputs[0];
    const tenonh_dim *const *size = tenon__onnx_dims(n, 1, &count);
    if (!size) return NULL;
    if (theta->rank != 3 || (count != 4 && count != 5))
        return tenon__onnx_fail(n, TENON_STATUS_INVALID,
                                "it needs matrices [N, 2, 3] or [N, 3, 4] and a size of 4 or 5");
    sample s = {.n = n, .b = n->b, .space = count - 2, .corners = tenon__onnx_int(n, "align_corners", 0) != 0};
    tenonh_value *points = points_of(&s, size, wide_of(theta->dtype));
    tenonh_value *matrices = tenon__permute(n->b, tenon__cast(n->b, theta, wide_of(theta->dtype)), transposed);
    const tenonh_dim *dims[MOST_SPACE + 2];
    dims[0] = size[0];
    for (uint32_t j = 0; j < s.space; j++) dims[1 + j] = size[2 + j];
    dims[1 + s.space] = tenon__num(n->b, s.space);
    tenonh_value *grid = points && matrices ? tenon__matmul(n->b, points, matrices, 0, 0) : NULL;
    grid = grid ? tenon__reshape(n->b, grid, s.space + 2, dims) : NULL;
    return grid ? tenon__cast(n->b, grid, theta->dtype) : NULL;
}
