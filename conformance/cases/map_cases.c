/* REQ-OP-01: element-wise operators, every one x dtype x layout x size. What it kills: a tail dropped or run twice at a
 * size that no vector divides, strides or offsets ignored (of operands or of the result), broadcasts repeated along the
 * wrong axis or beyond four axes, elements written beside the result, operands swapped. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/map.h"

/* Dtype of operand `k` and of the result, for value operands of `dtype`. */
static tenon_dtype operand_dtype(const tenon_op_row *op, tenon_dtype dtype, uint32_t k) {
    return op->op == TENON_OP_WHERE && k == 0 ? (tenon_dtype)TENON_DTYPE_BOOL : dtype;
}

static tenon_dtype result_dtype(const tenon_op_row *op, tenon_dtype dtype) {
    return op->result == TENON_RESULT_BOOL ? (tenon_dtype)TENON_DTYPE_BOOL : dtype;
}

cf_row cf_map_row(const cf_map *map, uint32_t rank, const int64_t *dims, const uint32_t layouts[4]) {
    cf_row row = {.op = map->op->op, .operand_count = map->op->input_count, .result_count = 1};
    for (uint32_t k = 0; k < map->op->input_count; k++) {
        row.operands[k] =
            (cf_operand){.dtype = operand_dtype(map->op, map->dtype, k), .rank = rank, .layout = layouts[k]};
        memcpy(row.operands[k].dims, dims, rank * sizeof *dims);
    }
    row.results[0] = cf_result(result_dtype(map->op, map->dtype), &row.operands[0]);
    row.results[0].layout = layouts[3];
    return row;
}

/* -- Comparing -- */

static cf_number value_of(const cf_map *map, const cf_row *row, int64_t i, bool flushes) {
    const cf_meaning *m = map->meaning;
    cf_number n[3] = {0};
    for (uint32_t k = 0; k < row->operand_count; k++) {
        n[k] = cf_load(row->operands[k].dtype, row->operands[k].bytes, i);
        if (flushes) n[k] = cf_flushed(row->operands[k].dtype, n[k]);
    }
    if (m->op == TENON_OP_WHERE) return n[0].i ? n[1] : n[2];
    if (!cf_is_float(map->dtype)) return (cf_number){.i = m->whole(map->dtype, n[0].i, n[1].i, n[2].i)};
    long double y = m->real(n[0].f, n[1].f, n[2].f);
    return (cf_number){.f = y, .i = y != 0};
}

/* f16 and bf16 are computed in f32 and rounded to storage once. */
static cf_number rounded(tenon_dtype dtype, cf_number number) {
    if (dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16) number = cf_rounded(TENON_DTYPE_F32, number);
    return cf_rounded(dtype, number);
}

/* ULP that the device may be off: 0 for results that are rounded correctly. */
static double bound_of(const cf_map *map) {
    const cf_meaning *m = map->meaning;
    double bound = tenon_dtype_bits(map->dtype) > 16 ? m->wide_bound : m->narrow_bound;
    if (!cf_is_float(map->dtype) || map->op->result == TENON_RESULT_BOOL) return 0;
    if (cf_relaxed_bound(m->op) > 0) return cf_relaxed_bound(m->op);
    return bound <= 0.5 ? 0 : bound;
}

static bool is_flushed(tenon_dtype dtype, long double x) {
    return x != 0 && fabsl(x) < cf_smallest(dtype);
}

/* True where the result of element `i` is a whole number, or a power of two, that no rounding may miss. */
static bool is_exact(const cf_map *map, const cf_row *row, int64_t i, long double want) {
    long double a = cf_load(map->dtype, row->operands[0].bytes, i).f, b = 0;
    if (row->operand_count > 1) b = cf_load(map->dtype, row->operands[1].bytes, i).f;
    if (cf_flushes() && (is_flushed(map->dtype, a) || is_flushed(map->dtype, b) || is_flushed(map->dtype, want)))
        return false;
    if (!isfinite(want) || want == 0 || cf_rounded(map->dtype, (cf_number){.f = want}).f != want) return false;
    switch (map->op->op) {
    case TENON_OP_EXP2: return a == rintl(a);
    case TENON_OP_LOG2: return frexpl(a, &(int){0}) == 0.5L;
    case TENON_OP_POW:
        if (b != rintl(b) || want != rintl(want)) return false;
        return (a == rintl(a) && b >= 0) || frexpl(fabsl(a), &(int){0}) == 0.5L;
    default: return false;
    }
}

static void expect_whole(const cf_map *map, const cf_row *row, const tenonh_array *result, const cf_number *want) {
    for (int64_t i = 0; i < tenonh_array_count(result) && !cf_failed(); i++) {
        long double got = cf_load(result->dtype, result->data, i).f;
        if (got != want[i].f && is_exact(map, row, i, want[i].f))
            cf_fail("element %lld is %La, not %La, which is a whole number or a power of two and has to be exact",
                    (long long)i, got, want[i].f);
    }
}

/* True of operators that give one of their operands. */
static bool selects(tenon_op op) {
    return op == TENON_OP_MAX || op == TENON_OP_MIN;
}

static void compare(const cf_map *map, const cf_row *row, const tenonh_array *result) {
    int64_t count = tenonh_array_count(result);
    bool flushes = cf_flushes() && map->op->op != TENON_OP_WHERE; /* that one moves what it is given */
    cf_number *want = cf_numbers(count), *flushed = flushes ? cf_numbers(count) : NULL;
    double bound = bound_of(map);
    for (int64_t i = 0; i < count; i++) {
        want[i] = value_of(map, row, i, false);
        if (bound == 0) want[i] = rounded(result->dtype, want[i]);
        if (!flushed) continue;
        flushed[i] = cf_flushed(result->dtype, value_of(map, row, i, true));
        if (bound == 0) flushed[i] = rounded(result->dtype, flushed[i]);
    }
    cf_expect(result, &(cf_wanted){want, flushed, selects(map->op->op)}, bound);
    if (bound > 0) expect_whole(map, row, result, want);
    free(want), free(flushed);
}

void cf_map_check(const cf_map *map, cf_row *row) {
    tenonh_array result = {0};
    if (cf_run_or_fail(row, &result)) compare(map, row, &result);
    tenonh_array_free(&result);
    cf_free(row);
}

/* -- Layouts -- */

/* `least` inputs: with fewer the row would repeat another. */
static const struct layout_row {
    const char *name;
    uint32_t layouts[4], least;
} layout_rows[] = {
    {"contiguous", {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS}, 1},
    {"offset", {CF_OFFSET, CF_OFFSET, CF_OFFSET, CF_OFFSET}, 1},
    {"transposed", {CF_TRANSPOSED, CF_CONTIGUOUS, CF_TRANSPOSED, CF_CONTIGUOUS}, 1},
    {"to_transposed", {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS, CF_TRANSPOSED}, 1},
    {"reversed", {CF_REVERSED, CF_CONTIGUOUS, CF_REVERSED, CF_CONTIGUOUS}, 1},
    {"to_reversed", {CF_CONTIGUOUS, CF_REVERSED, CF_CONTIGUOUS, CF_REVERSED}, 1},
    {"sparse", {CF_SPARSE, CF_SPARSE, CF_CONTIGUOUS, CF_CONTIGUOUS}, 1},
    {"to_sparse", {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_SPARSE, CF_SPARSE}, 1},
    {"padded", {CF_PADDED, CF_CONTIGUOUS, CF_PADDED, CF_PADDED}, 1},
    {"row", {CF_ROW, CF_CONTIGUOUS, CF_ROW, CF_CONTIGUOUS}, 1},
    {"column", {CF_COLUMN, CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS}, 1},
    {"one", {CF_ONE, CF_CONTIGUOUS, CF_ONE, CF_CONTIGUOUS}, 1},
    {"second_row", {CF_CONTIGUOUS, CF_ROW, CF_COLUMN, CF_CONTIGUOUS}, 2},
    {"second_column", {CF_CONTIGUOUS, CF_COLUMN, CF_ROW, CF_CONTIGUOUS}, 2},
    {"second_one", {CF_CONTIGUOUS, CF_ONE, CF_ONE, CF_CONTIGUOUS}, 2},
};

/* Sizes that no vector or tile divides, and one that every vector does: where the last one of these passes for a tail, it
 * is lost. Contiguous and offset rows have them as they are, the others as rows. */
static const struct size_row {
    const char *name;
    int64_t flat, dims[2];
} size_rows[] = {
    {"1", 1, {1, 1}},       {"7", 7, {3, 7}},          {"17", 17, {17, 5}}, {"255", 255, {2, 255}},
    {"257", 257, {257, 3}}, {"4099", 4099, {2, 4099}}, {"64", 64, {4, 64}},
};

/* Ranks and counts beside those. */
static const struct rank_row {
    const char *name;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    uint32_t layouts[4];
} rank_rows[] = {
    {"rank0", 0, {0}, {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS}},
    {"empty", 1, {0}, {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS}},
    {"empty_middle", 3, {3, 0, 5}, {CF_CONTIGUOUS, CF_ROW, CF_TRANSPOSED, CF_CONTIGUOUS}},
    {"rank5_broadcast", 5, {2, 3, 2, 3, 5}, {CF_CONTIGUOUS, CF_EVERY_OTHER, CF_CONTIGUOUS, CF_CONTIGUOUS}},
    {"rank5_broadcast_first", 5, {2, 3, 2, 3, 5}, {CF_EVERY_OTHER, CF_CONTIGUOUS, CF_EVERY_OTHER, CF_CONTIGUOUS}},
    {"rank8", 8, {2, 3, 1, 2, 2, 1, 3, 2}, {CF_TRANSPOSED, CF_CONTIGUOUS, CF_TRANSPOSED, CF_CONTIGUOUS}},
    {"large", 2, {257, 521}, {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS}},
};

/* More elements than a small launch has, and axes of more than 16 bits count, strided: of one operator of each number of
 * operands, in some dtypes. */
static const struct rank_row long_rows[] = {
    {"many_transposed", 2, {131, 137}, {CF_TRANSPOSED, CF_CONTIGUOUS, CF_TRANSPOSED, CF_CONTIGUOUS}},
    {"many_padded", 2, {131, 137}, {CF_PADDED, CF_TRANSPOSED, CF_PADDED, CF_CONTIGUOUS}},
    {"many_second_padded", 2, {131, 137}, {CF_CONTIGUOUS, CF_PADDED, CF_CONTIGUOUS, CF_CONTIGUOUS}},
    {"many_to_transposed", 2, {131, 137}, {CF_PADDED, CF_CONTIGUOUS, CF_SPARSE, CF_TRANSPOSED}},
    {"long_reversed", 1, {70001}, {CF_REVERSED, CF_SPARSE, CF_REVERSED, CF_CONTIGUOUS}},
    {"long_transposed", 2, {70001, 3}, {CF_TRANSPOSED, CF_CONTIGUOUS, CF_SPARSE, CF_CONTIGUOUS}},
    {"long_to_reversed", 1, {70001}, {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_SPARSE, CF_REVERSED}},
    {"long_padded", 2, {70001, 2}, {CF_PADDED, CF_COLUMN, CF_PADDED, CF_CONTIGUOUS}},
    {"long_to_padded", 2, {70001, 2}, {CF_COLUMN, CF_PADDED, CF_ROW, CF_PADDED}},
};

static bool has_long_rows(const cf_map *map) {
    tenon_op op = map->op->op;
    if (op == TENON_OP_SUB) return map->dtype == TENON_DTYPE_F32;
    bool of_op = op == TENON_OP_NEG || op == TENON_OP_ADD || op == TENON_OP_WHERE;
    return of_op && (map->dtype == TENON_DTYPE_F32 || map->dtype == TENON_DTYPE_I8);
}

/* Equal numbers often for `eq`, which tells little of others. */
static void fill(const cf_map *map, cf_row *row) {
    for (uint32_t k = 0; k < row->operand_count; k++) {
        if (map->op->op == TENON_OP_EQ)
            cf_fill_range(&row->operands[k], 0, 1);
        else
            cf_fill_mixed(&row->operands[k]);
    }
}

static void run_layout(const cf_map *map, const struct layout_row *layout, const struct size_row *size) {
    if (!cf_begin("%s.%s.%s", tenon_dtype_name(map->dtype), layout->name, size->name)) return;
    bool flat = layout->layouts[0] <= CF_OFFSET && layout->layouts[3] <= CF_OFFSET && layout->layouts[1] <= CF_OFFSET;
    cf_row row =
        flat ? cf_map_row(map, 1, &size->flat, layout->layouts) : cf_map_row(map, 2, size->dims, layout->layouts);
    fill(map, &row);
    cf_map_check(map, &row);
}

static void run_rank(const cf_map *map, const struct rank_row *shape) {
    if (!cf_begin("%s.%s", tenon_dtype_name(map->dtype), shape->name)) return;
    cf_row row = cf_map_row(map, shape->rank, shape->dims, shape->layouts);
    fill(map, &row);
    cf_map_check(map, &row);
}

static void run_operator(tenon_op op) {
    cf_map map = {tenon_op_row_of(op), cf_meaning_of(op), TENON_DTYPE_NONE};
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        if (!tenon_op_takes(map.op, dtype)) continue;
        map.dtype = dtype;
        cf_map_values(&map);
        for (uint32_t i = 0; i < sizeof rank_rows / sizeof *rank_rows; i++) run_rank(&map, &rank_rows[i]);
        for (uint32_t i = 0; has_long_rows(&map) && i < sizeof long_rows / sizeof *long_rows; i++)
            run_rank(&map, &long_rows[i]);
        for (uint32_t i = 0; i < sizeof layout_rows / sizeof *layout_rows; i++)
            for (uint32_t k = 0;
                 layout_rows[i].least <= map.op->input_count && k < sizeof size_rows / sizeof *size_rows; k++)
                run_layout(&map, &layout_rows[i], &size_rows[k]);
    }
}

#define CF_MAP(NAME, name)                                                                                             \
    void cf_map_##name(void) {                                                                                         \
        run_operator(TENON_OP_##NAME);                                                                                 \
    }
#include "cases/map_ops.def"
#undef CF_MAP

/* The table of operators has no element-wise row that is not a case here. */
void cf_map_known(void) {
    static const tenon_op known[] = {
#define CF_MAP(NAME, name) TENON_OP_##NAME,
#include "cases/map_ops.def"
#undef CF_MAP
    };
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        const tenon_op_row *row = tenon_op_row_of(op);
        bool found = false;
        if (!row || row->family != TENON_FAMILY_MAP || !cf_begin("%s", row->name)) continue;
        for (uint32_t i = 0; i < sizeof known / sizeof *known; i++) found = found || known[i] == op;
        if (!found || !cf_meaning_of(op)) cf_fail("the operator has no meaning in these cases");
    }
}
