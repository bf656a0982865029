/* REQ-OP-01, -07, -09: gather and scatter. What it kills: an axis off by one, strides of data, index or result ignored,
 * index dtypes confused, duplicates combined once or in another order, indices clamped or wrapped instead of refused,
 * memory touched beside the operand, NaN and the sign of 0 lost in min and max. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"
#include "cases/exact.h"
#include "cases/meaning.h"

/* dims of x (or y): p, n, s; the index has dims q. */
typedef struct shape {
    const char *name;
    uint32_t p_rank, q_rank, s_rank;
    int64_t p[3], n, q[3], s[3];
    uint32_t layout, index_layout, result_layout;
} shape;

static const shape shapes[] = {
    {"rows", 0, 1, 1, {0}, 11, {7}, {19}, 0, 0, 0},
    {"one", 0, 1, 1, {0}, 1, {1}, {1}, 0, 0, 0},
    {"matrix_of_rows", 0, 2, 1, {0}, 30, {3, 5}, {33}, 0, 0, 0},
    {"last_axis", 1, 1, 0, {6}, 17, {23}, {0}, 0, 0, 0},
    {"middle", 1, 2, 1, {3}, 8, {2, 3}, {5}, CF_TRANSPOSED, 0, 0},
    {"middle_of_five", 2, 1, 2, {2, 3}, 5, {7}, {3, 2}, 0, 0, 0},
    {"rank8", 3, 2, 3, {2, 1, 3}, 4, {2, 3}, {2, 3, 1}, 0, 0, 0},
    {"scalar_index", 1, 0, 1, {4}, 5, {0}, {3}, 0, 0, 0},
    {"no_index", 0, 1, 1, {0}, 4, {0}, {3}, 0, 0, 0},
    {"no_rest", 0, 1, 1, {0}, 4, {3}, {0}, 0, 0, 0},
    {"flat", 0, 1, 0, {0}, 257, {1021}, {0}, CF_SPARSE, 0, 0},
    {"long_rows", 0, 1, 1, {0}, 7, {5}, {4099}, 0, 0, 0},
    {"many_rows", 0, 1, 1, {0}, 255, {4099}, {3}, 0, 0, 0},
    {"sparse", 0, 1, 1, {0}, 17, {9}, {17}, CF_SPARSE, CF_SPARSE, CF_CONTIGUOUS},
    {"reversed", 0, 1, 1, {0}, 17, {9}, {17}, CF_REVERSED, CF_REVERSED, CF_CONTIGUOUS},
    {"padded", 0, 2, 1, {0}, 17, {3, 5}, {17}, CF_PADDED, CF_PADDED, CF_PADDED},
    {"index_transposed", 0, 2, 1, {0}, 17, {5, 7}, {3}, 0, CF_TRANSPOSED, 0},
    {"index_repeated", 0, 2, 1, {0}, 17, {5, 7}, {3}, 0, CF_ROW, 0},
    {"row", 1, 1, 0, {5}, 7, {9}, {0}, CF_ROW, 0, 0},
    {"to_transposed", 0, 1, 1, {0}, 17, {9}, {17}, 0, 0, CF_TRANSPOSED},
    {"to_sparse", 0, 1, 1, {0}, 17, {9}, {17}, 0, 0, CF_SPARSE},
    {"to_reversed", 1, 1, 1, {3}, 17, {9}, {5}, 0, 0, CF_REVERSED},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Indices that need more than 16 bits, of some dtypes only. */
static const shape longest = {"rows_70001", 0, 1, 1, {0}, 70001, {1021}, {2}, 0, 0, 0};
static const tenon_dtype long_dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_U8};

/* Indices, and axes before theirs, that 16 bits do not count. */
static const shape many[] = {
    {"indices_70001", 0, 1, 1, {0}, 4099, {70001}, {3}, 0, 0, 0},
    {"outer_70001", 1, 1, 1, {70001}, 3, {2}, {2}, 0, 0, 0},
};

static void append(cf_operand *x, uint32_t count, const int64_t *dims) {
    memcpy(x->dims + x->rank, dims, count * sizeof *dims);
    x->rank += count;
}

static cf_operand whole_of(const shape *s, tenon_dtype dtype, uint32_t layout) {
    cf_operand x = {.dtype = dtype, .layout = layout};
    append(&x, s->p_rank, s->p), append(&x, 1, &s->n), append(&x, s->s_rank, s->s);
    return x;
}

static cf_operand part_of(const shape *s, tenon_dtype dtype, uint32_t layout) {
    cf_operand x = {.dtype = dtype, .layout = layout};
    append(&x, s->p_rank, s->p), append(&x, s->q_rank, s->q), append(&x, s->s_rank, s->s);
    return x;
}

/* Both ends first, then any. */
static cf_number next_index(const cf_operand *operand, int64_t i, void *context) {
    int64_t n = *(int64_t *)context;
    (void)operand;
    return (cf_number){.i = i == 0 ? n - 1 : i == 1 ? 0 : (int64_t)(cf_random() % (uint64_t)n)};
}

static cf_operand index_of(const shape *s, tenon_dtype dtype) {
    cf_operand x = {.dtype = dtype, .layout = s->index_layout};
    int64_t n = s->n;
    append(&x, s->q_rank, s->q);
    cf_fill_with(&x, next_index, &n);
    return x;
}

/* Place in the whole of element `i` of the part. */
static int64_t place_of(const shape *s, const cf_operand *index, int64_t i) {
    int64_t inner = cf_count(s->s_rank, s->s), count = cf_count(s->q_rank, s->q);
    int64_t p = i / (count * inner), q = i / inner % count;
    return (p * s->n + (int64_t)cf_load(index->dtype, index->bytes, q).i) * inner + i % inner;
}

static cf_row gather_row(const shape *s, tenon_dtype dtype, tenon_dtype index_dtype, int64_t *axis) {
    cf_row row = {.op = TENON_OP_GATHER, .operand_count = 2, .attr_count = 1, .result_count = 1};
    *axis = s->p_rank;
    row.operands[0] = whole_of(s, dtype, s->layout);
    row.operands[1] = index_of(s, index_dtype);
    row.attrs[0] = (tenon_attr){TENON_ATTR_AXIS, 1, axis};
    cf_fill_mixed(&row.operands[0]);
    row.results[0] = part_of(s, dtype, s->result_layout);
    return row;
}

static void run_gather(const shape *s, tenon_dtype dtype, tenon_dtype index_dtype) {
    if (!cf_begin("%s.%s.%s", tenon_dtype_name(dtype), tenon_dtype_name(index_dtype), s->name)) return;
    int64_t axis;
    cf_row row = gather_row(s, dtype, index_dtype, &axis);
    int64_t count = cf_count(row.results[0].rank, row.results[0].dims);
    cf_number *want = cf_numbers(count);
    for (int64_t i = 0; i < count; i++)
        want[i] = cf_load(dtype, row.operands[0].bytes, place_of(s, &row.operands[1], i));
    cf_expect_exactly(&row, want);
}

/* -- Scatter: in row-major order of the index, rounded to storage after every step -- */

static cf_number combined(tenon_dtype dtype, int64_t combine, cf_number y, cf_number u) {
    static const tenon_op ops[] = {TENON_OP_NONE, TENON_OP_ADD, TENON_OP_MUL, TENON_OP_MIN, TENON_OP_MAX};
    if (combine == TENON_COMBINE_SET) return u;
    const cf_meaning *m = cf_meaning_of(ops[combine]);
    bool narrow = dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16;
    if (!cf_is_float(dtype)) return cf_rounded(dtype, (cf_number){.i = m->whole(dtype, y.i, u.i, 0)});
    cf_number z = {.f = m->real(y.f, u.f, 0)};
    return cf_rounded(dtype, narrow ? cf_rounded(TENON_DTYPE_F32, z) : z);
}

static cf_number combined_flushed(tenon_dtype dtype, int64_t combine, cf_number y, cf_number u) {
    return cf_flushed(dtype, combined(dtype, combine, cf_flushed(dtype, y), cf_flushed(dtype, u)));
}

static const char *const combine_names[] = {"set", "add", "mul", "min", "max"};

static cf_row scatter_row(const shape *s, tenon_dtype dtype, tenon_dtype index_dtype, tenon_attr attrs[2]) {
    cf_row row = {.op = TENON_OP_SCATTER, .operand_count = 3, .attr_count = 2, .result_count = 1};
    row.operands[0] = index_of(s, index_dtype);
    row.operands[1] = part_of(s, dtype, s->layout);
    row.operands[2] = whole_of(s, dtype, CF_CONTIGUOUS);
    row.results[0] = whole_of(s, dtype, s->result_layout);
    memcpy(row.attrs, attrs, 2 * sizeof *attrs);
    return row;
}

static void run_scatter(const shape *s, tenon_dtype dtype, tenon_dtype index_dtype, int64_t combine) {
    if (!cf_begin("%s.%s.%s.%s", combine_names[combine], tenon_dtype_name(dtype), tenon_dtype_name(index_dtype),
                  s->name))
        return;
    int64_t axis = s->p_rank;
    tenon_attr attrs[2] = {{TENON_ATTR_AXIS, 1, &axis}, {TENON_ATTR_COMBINE, 1, &combine}};
    cf_row row = scatter_row(s, dtype, index_dtype, attrs);
    bool arithmetic = combine == TENON_COMBINE_ADD || combine == TENON_COMBINE_MUL;
    for (uint32_t k = 1; k < 3; k++) {
        if (arithmetic && cf_is_float(dtype))
            cf_fill_small(&row.operands[k]);
        else
            cf_fill_mixed(&row.operands[k]);
    }
    int64_t count = cf_count(row.operands[2].rank, row.operands[2].dims);
    int64_t updates = cf_count(row.operands[1].rank, row.operands[1].dims);
    cf_number *want = cf_numbers(count), *flushed = combine == TENON_COMBINE_SET ? NULL : cf_numbers(count);
    for (int64_t i = 0; i < count; i++) want[i] = cf_load(dtype, row.operands[2].bytes, i);
    for (int64_t i = 0; flushed && i < count; i++) flushed[i] = want[i];
    for (int64_t i = 0; i < updates; i++) {
        int64_t place = place_of(s, &row.operands[0], i);
        cf_number u = cf_load(dtype, row.operands[1].bytes, i);
        want[place] = combined(dtype, combine, want[place], u);
        if (flushed) flushed[place] = combined_flushed(dtype, combine, flushed[place], u);
    }
    cf_expect_exactly_or_flushed(&row, want, flushed, combine >= TENON_COMBINE_MIN);
}

/* -- Indices out of range: late, and nothing beside the result is touched -- */

typedef struct bad_index {
    const char *name;
    int64_t value, at; /* of 15 indices into 30 rows */
} bad_index;

/* Where in the whole nothing was scattered to, the first value stays; elsewhere it may, or an update has come: a device
 * may stop at the bad index or go on. */
static void check_kept(const shape *s, const cf_row *row, const bad_index *bad, const tenonh_array *result) {
    const cf_operand *u = &row->operands[1], *first = &row->operands[2];
    int64_t inner = cf_count(s->s_rank, s->s), updates = cf_count(u->rank, u->dims);
    for (int64_t i = 0; i < tenonh_array_count(result) && !cf_failed(); i++) {
        bool known = cf_is_same(first->dtype, result->data, i, first->bytes, i);
        for (int64_t k = i % inner; k < updates && !known; k += inner)
            known = k / inner != bad->at && place_of(s, &row->operands[0], k) == i &&
                    cf_is_same(first->dtype, result->data, i, u->bytes, k);
        if (!known)
            cf_fail("an index out of range changed element %lld of the result, which is not its own", (long long)i);
    }
}

static void expect_refusal(const shape *s, cf_row *row, const bad_index *bad) {
    tenonh_array result = {0};
    if (cf_applies(row)) {
        tenon_status status = cf_run(row, &result);
        if (status != TENON_STATUS_OUT_OF_RANGE)
            cf_fail("an index out of range gives %s, not OUT_OF_RANGE", tenon_status_name(status));
        else if (row->op == TENON_OP_SCATTER && result.data)
            check_kept(s, row, bad, &result);
    }
    tenonh_array_free(&result);
    cf_free(row);
}

static void run_bad(bool gather, tenon_dtype dtype, tenon_dtype index_dtype, const bad_index *bad) {
    if (!cf_begin("%s.%s.bad_%s", tenon_dtype_name(dtype), tenon_dtype_name(index_dtype), bad->name)) return;
    const shape *s = &shapes[2];
    int64_t axis = s->p_rank, combine = TENON_COMBINE_SET;
    tenon_attr attrs[2] = {{TENON_ATTR_AXIS, 1, &axis}, {TENON_ATTR_COMBINE, 1, &combine}};
    cf_row row = gather ? gather_row(s, dtype, index_dtype, &axis) : scatter_row(s, dtype, index_dtype, attrs);
    if (!gather) cf_fill_mixed(&row.operands[1]), cf_fill_mixed(&row.operands[2]);
    cf_store(index_dtype, row.operands[gather ? 1 : 0].bytes, bad->at, (cf_number){.i = bad->value});
    expect_refusal(s, &row, bad);
}

static void run_all_bad(bool gather) {
    static const bad_index bads[] = {
        {"negative", -1, 7},          {"one_past", 30, 7},        {"first", 31, 0},         {"last", -2, 14},
        {"low_word", 0x100000000, 3}, {"huge", INT64_MAX, 7},     {"lowest", INT64_MIN, 7}, {"wide", INT32_MAX, 7},
        {"narrow", INT32_MIN, 7},     {"negative_size", -30, 11},
    };
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (uint32_t i = 0; i < sizeof bads / sizeof *bads; i++) {
            bool fits = bads[i].value >= INT32_MIN && bads[i].value <= INT32_MAX;
            run_bad(gather, dtype, TENON_DTYPE_I64, &bads[i]);
            if (fits) run_bad(gather, dtype, TENON_DTYPE_I32, &bads[i]);
        }
}

static const tenon_dtype index_dtypes[] = {TENON_DTYPE_I32, TENON_DTYPE_I64};

void cf_index_gather(void) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (uint32_t k = 0; k < 2; k++)
            for (uint32_t i = 0; i < SHAPES; i++) run_gather(&shapes[i], dtype, index_dtypes[k]);
    for (uint32_t k = 0; k < 4; k++) run_gather(&longest, long_dtypes[k / 2], index_dtypes[k % 2]);
    for (uint32_t k = 0; k < 4; k++) run_gather(&many[k / 2], long_dtypes[k % 2], index_dtypes[k % 2]);
    run_all_bad(true);
}

void cf_index_scatter(void) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (int64_t combine = TENON_COMBINE_SET; combine <= TENON_COMBINE_MAX; combine++) {
            bool arithmetic = combine == TENON_COMBINE_ADD || combine == TENON_COMBINE_MUL;
            if (dtype == TENON_DTYPE_BOOL && arithmetic) continue;
            for (uint32_t i = 0; i < SHAPES; i++)
                run_scatter(&shapes[i], dtype, index_dtypes[(i + dtype) % 2], combine);
        }
    for (uint32_t k = 0; k < 4; k++) run_scatter(&longest, long_dtypes[k / 2], index_dtypes[k % 2], TENON_COMBINE_SET);
    for (uint32_t k = 0; k < 4; k++)
        run_scatter(&many[k / 2], long_dtypes[k % 2], index_dtypes[k % 2],
                    k % 2 ? TENON_COMBINE_ADD : TENON_COMBINE_SET);
    run_all_bad(false);
}
