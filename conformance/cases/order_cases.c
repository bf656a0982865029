/* REQ-OP: sort and scan. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"
#include "cases/meaning.h"

/* Views a tensor as [outer, n, inner] around an axis. */
typedef struct line_shape {
    const char *name;
    uint32_t rank;
    int64_t dims[3];
    int64_t axis;
    uint32_t layout;
} line_shape;

static const line_shape lines[] = {
    {"last", 2, {5, 33, 0}, 1, CF_CONTIGUOUS},    {"first", 2, {65, 7, 0}, 0, CF_CONTIGUOUS},
    {"middle", 3, {3, 17, 5}, 1, CF_TRANSPOSED},  {"one", 1, {1, 0, 0}, 0, CF_CONTIGUOUS},
    {"empty", 2, {3, 0, 0}, 1, CF_CONTIGUOUS},    {"long", 1, {4099, 0, 0}, 0, CF_CONTIGUOUS},
    {"reversed", 2, {4, 255, 0}, 1, CF_REVERSED},
};
enum { LINES = sizeof lines / sizeof *lines };

static int64_t place(const line_shape *s, int64_t line, int64_t k) {
    int64_t inner = cf_count(s->rank - (uint32_t)s->axis - 1, s->dims + s->axis + 1);
    return (line / inner * s->dims[s->axis] + k) * inner + line % inner;
}

static int64_t line_count(const line_shape *s) {
    return cf_count((uint32_t)s->axis, s->dims) * cf_count(s->rank - (uint32_t)s->axis - 1, s->dims + s->axis + 1);
}

static cf_operand operand_of(const line_shape *s, tenon_dtype dtype) {
    cf_operand x = {.dtype = dtype, .rank = s->rank, .layout = s->layout};
    memcpy(x.dims, s->dims, s->rank * sizeof *s->dims);
    return x;
}

/* Ascending order: NaN above all, -0 below +0. */
static int order(tenon_dtype dtype, cf_number x, cf_number y) {
    if (!cf_is_float(dtype)) return (x.i > y.i) - (x.i < y.i);
    if (isnan(x.f) || isnan(y.f)) return (isnan(x.f) != 0) - (isnan(y.f) != 0);
    if (x.f == 0 && y.f == 0) return (signbit(y.f) != 0) - (signbit(x.f) != 0);
    return (x.f > y.f) - (x.f < y.f);
}

/* Stable insertion of one line into values and positions. */
static void sort_line(const line_shape *s, const cf_operand *x, bool descending, int64_t line, cf_number *values,
                      cf_number *positions) {
    for (int64_t k = 0; k < s->dims[s->axis]; k++) {
        cf_number n = cf_load(x->dtype, x->bytes, place(s, line, k));
        int64_t at = k;
        for (; at > 0; at--) {
            int before = order(x->dtype, values[place(s, line, at - 1)], n);
            if (descending ? before >= 0 : before <= 0) break;
            values[place(s, line, at)] = values[place(s, line, at - 1)];
            positions[place(s, line, at)] = positions[place(s, line, at - 1)];
        }
        values[place(s, line, at)] = n;
        positions[place(s, line, at)] = (cf_number){.i = k};
    }
}

static void run_sort(const line_shape *s, tenon_dtype dtype, int64_t descending) {
    if (!cf_begin("sort_%s_%s%s", tenon_dtype_name(dtype), s->name, descending ? "_descending" : "")) return;
    cf_row row = {.op = TENON_OP_SORT, .operand_count = 1, .attr_count = 2, .result_count = 2};
    row.operands[0] = operand_of(s, dtype);
    row.results[0] = cf_result(dtype, &row.operands[0]);
    row.results[1] = cf_result(TENON_DTYPE_I64, &row.operands[0]);
    row.attrs[0] = (tenon_attr){TENON_ATTR_AXIS, 1, &s->axis};
    row.attrs[1] = (tenon_attr){TENON_ATTR_DESCENDING, 1, &descending};
    if (s->axis == 0)
        cf_fill_range(&row.operands[0], 0, dtype == TENON_DTYPE_BOOL ? 1 : 5); /* ties */
    else
        cf_fill(&row.operands[0], 0);
    tenonh_array results[2] = {0};
    if (cf_run_or_fail(&row, results)) {
        int64_t count = tenonh_array_count(&results[0]);
        cf_number *values = calloc((size_t)count + 1, sizeof *values),
                  *positions = calloc((size_t)count + 1, sizeof *values);
        for (int64_t line = 0; line < line_count(s); line++)
            sort_line(s, &row.operands[0], descending, line, values, positions);
        cf_expect(&results[0], values, 0);
        cf_expect(&results[1], positions, 0);
        free(values), free(positions);
    }
    tenonh_array_free(&results[0]);
    tenonh_array_free(&results[1]);
    cf_free(&row);
}

typedef struct scan_mode {
    int64_t combine, exclusive, reverse;
} scan_mode;

static cf_number identity(tenon_dtype dtype, int64_t combine) {
    bool largest = combine == TENON_COMBINE_MIN;
    if (combine == TENON_COMBINE_ADD) return (cf_number){0};
    if (combine == TENON_COMBINE_MUL) return (cf_number){.f = 1, .i = 1};
    if (cf_is_float(dtype)) return (cf_number){.f = largest ? INFINITY : -INFINITY};
    return (cf_number){.i = largest ? cf_highest(dtype) : cf_lowest(dtype)};
}

static cf_number step(tenon_dtype dtype, int64_t combine, cf_number a, cf_number b) {
    static const tenon_op ops[] = {TENON_OP_NONE, TENON_OP_ADD, TENON_OP_MUL, TENON_OP_MIN, TENON_OP_MAX};
    const cf_meaning *m = cf_meaning_of(ops[combine]);
    if (cf_is_float(dtype)) return (cf_number){.f = m->real(a.f, b.f, 0)};
    return cf_rounded(dtype, (cf_number){.i = m->whole(dtype, a.i, b.i, 0)});
}

/* What element `terms` of a scan of floats may be off; the order of min and max leaves no choice. */
static long double scan_allowance(tenon_dtype dtype, int64_t combine, int64_t terms, long double magnitude,
                                  long double want) {
    long double unit = dtype == TENON_DTYPE_F64 ? 0x1p-53L : 0x1p-24L;
    long double last = dtype == TENON_DTYPE_F16 ? 0x1p-11L : dtype == TENON_DTYPE_BF16 ? 0x1p-8L : unit;
    long double sums = combine == TENON_COMBINE_ADD ? magnitude : fabsl(want);
    long double smallest = dtype == TENON_DTYPE_F64 ? 0x1p-1074L : dtype == TENON_DTYPE_F16 ? 0x1p-24L : 0x1p-149L;
    if (combine == TENON_COMBINE_MIN || combine == TENON_COMBINE_MAX) return 0;
    return (long double)terms * unit * sums + last * fabsl(want) + 2 * smallest;
}

static void check_scan(const line_shape *s, const cf_operand *x, const scan_mode *mode, const tenonh_array *result) {
    for (int64_t line = 0; line < line_count(s); line++) {
        cf_number running = identity(x->dtype, mode->combine);
        long double magnitude = 0;
        for (int64_t i = 0; i < s->dims[s->axis]; i++) {
            int64_t at = place(s, line, mode->reverse ? s->dims[s->axis] - 1 - i : i);
            cf_number n = cf_load(x->dtype, x->bytes, at), before = running;
            running = step(x->dtype, mode->combine, running, n);
            magnitude += fabsl(n.f);
            cf_number want = mode->exclusive ? before : running, got = cf_load(x->dtype, result->data, at);
            long double allowed = scan_allowance(x->dtype, mode->combine, i + 1, magnitude, want.f);
            bool right = cf_is_float(x->dtype)
                             ? cf_ulps(x->dtype, got.f, want.f, false) <= 0.5L || fabsl(got.f - want.f) <= allowed
                             : got.i == want.i;
            if (right) continue;
            char a[64], b[64];
            cf_format(x->dtype, got, a, sizeof a);
            cf_format(x->dtype, want, b, sizeof b);
            cf_fail("element %lld is %s, not %s", (long long)at, a, b);
            return;
        }
    }
}

static void run_scan(const line_shape *s, tenon_dtype dtype, const scan_mode *mode) {
    if (!cf_begin("scan%lld_%s_%s%s%s", (long long)mode->combine, tenon_dtype_name(dtype), s->name,
                  mode->exclusive ? "_exclusive" : "", mode->reverse ? "_reverse" : ""))
        return;
    cf_row row = {.op = TENON_OP_SCAN, .operand_count = 1, .attr_count = 4, .result_count = 1};
    row.operands[0] = operand_of(s, dtype);
    row.results[0] = cf_result(dtype, &row.operands[0]);
    row.attrs[0] = (tenon_attr){TENON_ATTR_AXIS, 1, &s->axis};
    row.attrs[1] = (tenon_attr){TENON_ATTR_COMBINE, 1, &mode->combine};
    row.attrs[2] = (tenon_attr){TENON_ATTR_EXCLUSIVE, 1, &mode->exclusive};
    row.attrs[3] = (tenon_attr){TENON_ATTR_REVERSE, 1, &mode->reverse};
    cf_fill_small(&row.operands[0]);
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) check_scan(s, &row.operands[0], mode, &result);
    tenonh_array_free(&result);
    cf_free(&row);
}

void cf_ordered(void) {
    static const scan_mode modes[] = {{1, 0, 0}, {1, 1, 0}, {1, 0, 1}, {1, 1, 1}, {2, 0, 0}, {3, 0, 0}, {4, 1, 0}};
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        run_sort(&lines[0], dtype, 0);
        run_sort(&lines[1], dtype, 1);
        if (tenon_op_takes(tenon_op_row_of(TENON_OP_SCAN), dtype)) run_scan(&lines[0], dtype, &modes[dtype % 4]);
    }
    for (uint32_t i = 0; i < LINES; i++)
        for (uint32_t m = 0; m < sizeof modes / sizeof *modes; m++)
            run_scan(&lines[i], m % 2 ? TENON_DTYPE_I32 : TENON_DTYPE_F32, &modes[m]);
    for (uint32_t i = 0; i < LINES; i++) {
        run_sort(&lines[i], TENON_DTYPE_F32, 0);
        run_sort(&lines[i], TENON_DTYPE_I16, 1);
    }
}
