/* REQ-OP: element-wise operators, casts and copies: every operator x dtype, then layouts, sizes and ranks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"
#include "cases/meaning.h"

/* Dtype of operand `k` and of the result, for value operands of `dtype`. */
static tenon_dtype operand_dtype(const tenon_op_row *op, tenon_dtype dtype, uint32_t k) {
    return op->op == TENON_OP_WHERE && k == 0 ? (tenon_dtype)TENON_DTYPE_BOOL : dtype;
}

static tenon_dtype result_dtype(const tenon_op_row *op, tenon_dtype dtype) {
    return op->result == TENON_RESULT_BOOL ? (tenon_dtype)TENON_DTYPE_BOOL : dtype;
}

static cf_number value_of(const cf_meaning *m, const cf_row *row, tenon_dtype dtype, int64_t i) {
    cf_number n[3] = {0};
    for (uint32_t k = 0; k < row->operand_count; k++) n[k] = cf_load(row->operands[k].dtype, row->operands[k].bytes, i);
    if (m->op == TENON_OP_WHERE) return n[0].i ? n[1] : n[2];
    if (!cf_is_float(dtype)) return (cf_number){.i = m->whole(dtype, n[0].i, n[1].i, n[2].i)};
    long double y = m->real(n[0].f, n[1].f, n[2].f);
    return (cf_number){.f = y, .i = y != 0};
}

static void check(const cf_row *row, const cf_meaning *m, tenon_dtype dtype, tenon_dtype to) {
    tenonh_array result = {0};
    if (!cf_run_or_fail(row, &result)) return;
    int64_t count = tenonh_array_count(&result);
    cf_number *want = calloc((size_t)count + 1, sizeof *want);
    double bound = tenon_dtype_bits(dtype) > 16 ? m->wide_bound : m->narrow_bound;
    for (int64_t i = 0; i < count; i++) {
        want[i] = value_of(m, row, dtype, i);
        if (bound == 0 || !cf_is_float(to)) want[i] = cf_rounded(to, want[i]);
    }
    cf_expect(&result, want, cf_is_float(to) ? bound : 0);
    free(want);
    tenonh_array_free(&result);
}

/* Dims of rows that go through every value of an 8- or 16-bit type. */
static const int64_t every_value[] = {65536};

/* One row: operand k lies as `layouts[k]` says. */
static void run(const tenon_op_row *op, const cf_meaning *m, tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                const uint32_t *layouts, const char *what) {
    if (!cf_begin("%s_%s_%s", op->name, tenon_dtype_name(dtype), what)) return;
    cf_row row = {.op = op->op, .operand_count = op->input_count, .result_count = 1};
    for (uint32_t k = 0; k < op->input_count; k++) {
        cf_operand *x = &row.operands[k];
        *x = (cf_operand){.dtype = operand_dtype(op, dtype, k), .rank = rank, .layout = layouts[k]};
        memcpy(x->dims, dims, rank * sizeof *dims);
        if (dims == every_value)
            cf_fill_all(x);
        else
            cf_fill(x, k);
    }
    row.results[0] = cf_result(result_dtype(op, dtype), &row.operands[0]);
    check(&row, m, dtype, result_dtype(op, dtype));
    cf_free(&row);
}

static const uint32_t all_contiguous[3] = {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS};

void cf_map_values(void) {
    for (tenon_op id = 1; id < TENON_OP_LIMIT; id++) {
        const tenon_op_row *op = tenon_op_row_of(id);
        const cf_meaning *m = cf_meaning_of(id);
        if (!op || op->family != TENON_FAMILY_MAP) continue;
        if (!m) {
            if (cf_begin("%s", op->name)) cf_fail("the operator has no meaning in these cases");
        }
        for (tenon_dtype dtype = TENON_DTYPE_F64; m && dtype <= TENON_DTYPE_BOOL; dtype++) {
            /* All pairs of edge values and some more; all values of 8- and 16-bit types for unary operators. */
            static const int64_t edge_pairs[] = {4099};
            bool all = op->input_count == 1 && tenon_dtype_bits(dtype) <= 16;
            if (!tenon_op_takes(op, dtype)) continue;
            run(op, m, dtype, 1, all ? every_value : edge_pairs, all_contiguous, "values");
        }
    }
}

void cf_map_layouts(void) {
    static const struct {
        const char *name;
        uint32_t rank;
        int64_t dims[TENON_MAX_RANK];
        uint32_t layouts[3];
    } rows[] = {
        {"rank0", 0, {0}, {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS}},
        {"one", 1, {1}, {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS}},
        {"empty", 2, {3, 0}, {CF_CONTIGUOUS, CF_TRANSPOSED, CF_ROW}},
        {"seven", 1, {7}, {CF_REVERSED, CF_CONTIGUOUS, CF_SPARSE}},
        {"tail", 1, {257}, {CF_CONTIGUOUS, CF_ONE, CF_CONTIGUOUS}},
        {"scalar_first", 1, {255}, {CF_ONE, CF_CONTIGUOUS, CF_ONE}},
        {"bias", 2, {17, 33}, {CF_CONTIGUOUS, CF_ROW, CF_COLUMN}},
        {"per_row", 2, {33, 65}, {CF_COLUMN, CF_CONTIGUOUS, CF_ROW}},
        {"transposed", 2, {31, 66}, {CF_TRANSPOSED, CF_CONTIGUOUS, CF_TRANSPOSED}},
        {"both_transposed", 3, {5, 7, 11}, {CF_TRANSPOSED, CF_TRANSPOSED, CF_CONTIGUOUS}},
        {"reversed", 3, {4, 3, 19}, {CF_REVERSED, CF_REVERSED, CF_REVERSED}},
        {"sparse", 3, {3, 5, 18}, {CF_SPARSE, CF_CONTIGUOUS, CF_REVERSED}},
        {"outer", 2, {1, 129}, {CF_CONTIGUOUS, CF_ROW, CF_CONTIGUOUS}},
        {"rank8", 8, {2, 3, 1, 2, 2, 1, 3, 2}, {CF_TRANSPOSED, CF_SPARSE, CF_CONTIGUOUS}},
        {"rank8_broadcast", 8, {2, 1, 2, 2, 2, 2, 1, 5}, {CF_REVERSED, CF_ROW, CF_COLUMN}},
        {"large", 2, {257, 1021}, {CF_CONTIGUOUS, CF_ROW, CF_ONE}},
    };
    static const struct {
        tenon_op op;
        tenon_dtype dtype;
    } samples[] = {
        {TENON_OP_ADD, TENON_DTYPE_F32},  {TENON_OP_WHERE, TENON_DTYPE_F32}, {TENON_OP_NEG, TENON_DTYPE_F32},
        {TENON_OP_MUL, TENON_DTYPE_BF16}, {TENON_OP_LT, TENON_DTYPE_I64},    {TENON_OP_SUB, TENON_DTYPE_I8},
        {TENON_OP_FMA, TENON_DTYPE_F64},
    };
    for (uint32_t s = 0; s < sizeof samples / sizeof *samples; s++)
        for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++)
            run(tenon_op_row_of(samples[s].op), cf_meaning_of(samples[s].op), samples[s].dtype, rows[r].rank,
                rows[r].dims, rows[r].layouts, rows[r].name);
}

static void run_cast(tenon_dtype from, tenon_dtype to, int64_t wrap, uint32_t layout) {
    if (!cf_begin("cast_%s_%s%s%s", tenon_dtype_name(from), tenon_dtype_name(to), wrap ? "_wrap" : "",
                  layout ? "_transposed" : ""))
        return;
    int64_t dtype = to;
    cf_row row = {.op = TENON_OP_CAST, .operand_count = 1, .attr_count = 2, .result_count = 1};
    row.operands[0] = (cf_operand){.dtype = from, .rank = 2, .dims = {61, 67}, .layout = layout};
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &dtype};
    row.attrs[1] = (tenon_attr){TENON_ATTR_WRAP, 1, &wrap};
    row.results[0] = cf_result(to, &row.operands[0]);
    cf_fill(&row.operands[0], 0);
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) {
        int64_t count = tenonh_array_count(&result);
        cf_number *want = calloc((size_t)count + 1, sizeof *want);
        for (int64_t i = 0; i < count; i++)
            want[i] = cf_rounded(to, cf_cast(from, to, wrap, cf_load(from, row.operands[0].bytes, i)));
        cf_expect(&result, want, 0);
        free(want);
        tenonh_array_free(&result);
    }
    cf_free(&row);
}

void cf_casts(void) {
    for (tenon_dtype from = TENON_DTYPE_F64; from <= TENON_DTYPE_BOOL; from++) {
        for (tenon_dtype to = TENON_DTYPE_F64; to <= TENON_DTYPE_BOOL; to++) {
            if (from != to) run_cast(from, to, 0, CF_CONTIGUOUS);
            bool wraps = cf_is_float(from) && !cf_is_float(to) && to != TENON_DTYPE_BOOL;
            if (wraps) run_cast(from, to, 1, CF_CONTIGUOUS);
        }
        run_cast(from, from == TENON_DTYPE_F32 ? TENON_DTYPE_I32 : TENON_DTYPE_F32, 0, CF_TRANSPOSED);
    }
}
