/* REQ-OP: gather and scatter, their combiners, and indices out of range. */
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"
#include "cases/meaning.h"

/* dims of x (or y): p, n, s; the index has dims q. */
typedef struct shape {
    const char *name;
    uint32_t p_rank, q_rank, s_rank;
    int64_t p[2], n, q[2], s[2];
    uint32_t layout;
} shape;

static const shape shapes[] = {
    {"rows", 0, 1, 1, {0}, 11, {7}, {19}, CF_CONTIGUOUS},
    {"matrix_of_rows", 0, 2, 1, {0}, 30, {3, 5}, {33}, CF_CONTIGUOUS},
    {"last_axis", 1, 1, 0, {6}, 17, {23}, {0}, CF_CONTIGUOUS},
    {"middle", 1, 2, 1, {3}, 8, {2, 3}, {5}, CF_TRANSPOSED},
    {"scalar_index", 1, 0, 1, {4}, 5, {0}, {3}, CF_CONTIGUOUS},
    {"no_index", 0, 1, 1, {0}, 4, {0}, {3}, CF_CONTIGUOUS},
    {"flat", 0, 1, 0, {0}, 257, {1021}, {0}, CF_SPARSE},
};

static void append(cf_operand *x, uint32_t count, const int64_t *dims) {
    memcpy(x->dims + x->rank, dims, count * sizeof *dims);
    x->rank += count;
}

static cf_operand whole_of(const shape *s, tenon_dtype dtype) {
    cf_operand x = {.dtype = dtype, .layout = s->layout};
    append(&x, s->p_rank, s->p), append(&x, 1, &s->n), append(&x, s->s_rank, s->s);
    return x;
}

static cf_operand part_of(const shape *s, tenon_dtype dtype) {
    cf_operand x = {.dtype = dtype, .layout = s->layout};
    append(&x, s->p_rank, s->p), append(&x, s->q_rank, s->q), append(&x, s->s_rank, s->s);
    return x;
}

static cf_operand index_of(const shape *s, tenon_dtype dtype) {
    cf_operand x = {.dtype = dtype};
    append(&x, s->q_rank, s->q);
    cf_fill_range(&x, 0, s->n - 1);
    return x;
}

/* Place in the whole of element `i` of the part. */
static int64_t place_of(const shape *s, const cf_operand *index, int64_t i) {
    int64_t inner = cf_count(s->s_rank, s->s), count = cf_count(s->q_rank, s->q);
    int64_t p = i / (count * inner), q = i / inner % count;
    return (p * s->n + (int64_t)cf_load(index->dtype, index->bytes, q).i) * inner + i % inner;
}

static void run_gather(const shape *s, tenon_dtype dtype, tenon_dtype index_dtype) {
    if (!cf_begin("gather_%s_%s_%s", tenon_dtype_name(dtype), tenon_dtype_name(index_dtype), s->name)) return;
    int64_t axis = s->p_rank;
    cf_row row = {.op = TENON_OP_GATHER, .operand_count = 2, .attr_count = 1, .result_count = 1};
    row.operands[0] = whole_of(s, dtype);
    row.operands[1] = index_of(s, index_dtype);
    row.attrs[0] = (tenon_attr){TENON_ATTR_AXIS, 1, &axis};
    cf_fill(&row.operands[0], 0);
    row.results[0] = part_of(s, dtype);
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) {
        int64_t count = tenonh_array_count(&result);
        cf_number *want = calloc((size_t)count + 1, sizeof *want);
        for (int64_t i = 0; i < count; i++)
            want[i] = cf_load(dtype, row.operands[0].bytes, place_of(s, &row.operands[1], i));
        cf_expect(&result, want, 0);
        free(want);
    }
    tenonh_array_free(&result);
    cf_free(&row);
}

/* One element combined into another, rounded as storage does. */
static cf_number combined(tenon_dtype dtype, int64_t combine, cf_number y, cf_number u) {
    static const tenon_op ops[] = {TENON_OP_NONE, TENON_OP_ADD, TENON_OP_MUL, TENON_OP_MIN, TENON_OP_MAX};
    if (combine == TENON_COMBINE_SET) return u;
    const cf_meaning *m = cf_meaning_of(ops[combine]);
    bool is_float = cf_is_float(dtype);
    return cf_rounded(dtype, is_float ? (cf_number){.f = m->real(y.f, u.f, 0)}
                                      : (cf_number){.i = m->whole(dtype, y.i, u.i, 0)});
}

static void run_scatter(const shape *s, tenon_dtype dtype, int64_t combine) {
    static const char *const names[] = {"set", "add", "mul", "min", "max"};
    if (!cf_begin("scatter_%s_%s_%s", names[combine], tenon_dtype_name(dtype), s->name)) return;
    int64_t axis = s->p_rank;
    cf_row row = {.op = TENON_OP_SCATTER, .operand_count = 3, .attr_count = 2, .result_count = 1};
    row.operands[0] = index_of(s, TENON_DTYPE_I64);
    row.operands[1] = part_of(s, dtype);
    row.operands[2] = whole_of(s, dtype);
    row.operands[2].layout = CF_CONTIGUOUS;
    row.results[0] = row.operands[2];
    row.attrs[0] = (tenon_attr){TENON_ATTR_AXIS, 1, &axis};
    row.attrs[1] = (tenon_attr){TENON_ATTR_COMBINE, 1, &combine};
    /* Whole numbers, so that every order of additions gives the same bits. */
    cf_fill_range(&row.operands[1], dtype == TENON_DTYPE_BOOL ? 0 : 1, dtype == TENON_DTYPE_BOOL ? 1 : 3);
    cf_fill_range(&row.operands[2], 0, dtype == TENON_DTYPE_BOOL ? 1 : 3);
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) {
        int64_t count = tenonh_array_count(&result);
        int64_t updates = cf_count(row.operands[1].rank, row.operands[1].dims);
        cf_number *want = calloc((size_t)count + 1, sizeof *want);
        for (int64_t i = 0; i < count; i++) want[i] = cf_load(dtype, row.operands[2].bytes, i);
        for (int64_t i = 0; i < updates; i++) {
            cf_number *y = &want[place_of(s, &row.operands[0], i)];
            *y = combined(dtype, combine, *y, cf_load(dtype, row.operands[1].bytes, i));
        }
        cf_expect(&result, want, 0);
        free(want);
    }
    tenonh_array_free(&result);
    cf_free(&row);
}

static void expect_out_of_range(tenon_op op, tenon_dtype index_dtype, int64_t bad, const char *name) {
    if (!cf_begin("%s_%s_%s", tenon_op_row_of(op)->name, tenon_dtype_name(index_dtype), name)) return;
    const shape *s = &shapes[1];
    bool gather = op == TENON_OP_GATHER;
    int64_t axis = s->p_rank;
    cf_row row = {.op = op, .operand_count = gather ? 2 : 3, .attr_count = 1, .result_count = 1};
    cf_operand *index = &row.operands[gather ? 1 : 0];
    *index = index_of(s, index_dtype);
    cf_store(index_dtype, index->bytes, 7, (cf_number){.i = bad});
    row.operands[gather ? 0 : 1] = gather ? whole_of(s, TENON_DTYPE_F32) : part_of(s, TENON_DTYPE_F32);
    cf_fill(&row.operands[gather ? 0 : 1], 0);
    if (!gather) {
        row.operands[2] = whole_of(s, TENON_DTYPE_F32);
        cf_fill(&row.operands[2], 1);
    }
    row.results[0] = gather ? part_of(s, TENON_DTYPE_F32) : whole_of(s, TENON_DTYPE_F32);
    row.attrs[0] = (tenon_attr){TENON_ATTR_AXIS, 1, &axis};
    tenonh_array result = {0};
    tenon_status status = cf_run(&row, &result);
    if (status != TENON_STATUS_OUT_OF_RANGE) cf_fail("gives %s, not OUT_OF_RANGE", tenon_status_name(status));
    tenonh_array_free(&result);
    cf_free(&row);
}

void cf_indexed(void) {
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        run_gather(&shapes[0], dtype, dtype % 2 ? TENON_DTYPE_I32 : TENON_DTYPE_I64);
        for (int64_t combine = TENON_COMBINE_SET; combine <= TENON_COMBINE_MAX; combine++) {
            bool arithmetic = combine == TENON_COMBINE_ADD || combine == TENON_COMBINE_MUL;
            if (dtype != TENON_DTYPE_BOOL || !arithmetic) run_scatter(&shapes[0], dtype, combine);
        }
    }
    for (uint32_t i = 1; i < SHAPES; i++) {
        run_gather(&shapes[i], TENON_DTYPE_F32, TENON_DTYPE_I64);
        run_gather(&shapes[i], TENON_DTYPE_I16, TENON_DTYPE_I32);
        run_scatter(&shapes[i], TENON_DTYPE_F32, TENON_COMBINE_SET);
        run_scatter(&shapes[i], TENON_DTYPE_F32, TENON_COMBINE_ADD);
        run_scatter(&shapes[i], TENON_DTYPE_I64, TENON_COMBINE_MAX);
    }
    for (uint32_t i = 0; i < 2; i++) {
        tenon_op op = i ? TENON_OP_SCATTER : TENON_OP_GATHER;
        expect_out_of_range(op, TENON_DTYPE_I64, -1, "negative");
        expect_out_of_range(op, TENON_DTYPE_I64, 30, "one_past");
        expect_out_of_range(op, TENON_DTYPE_I64, INT64_MAX, "huge");
        expect_out_of_range(op, TENON_DTYPE_I32, INT32_MIN, "lowest");
    }
}
