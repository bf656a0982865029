/* REQ-OP-06, -09: sort and scan. What it kills: sorts that are not stable (also when descending), NaN or zeros of either
 * sign out of order, comparisons of the wrong signedness, positions of the wrong axis, tails; scans that start a line
 * with the last one's end, include what exclusive leaves out, run the wrong way, add f16 and bf16 in their own
 * precision, make NaN of an infinity or let it reach elements before it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/bound.h"
#include "cases/case.h"
#include "cases/cases.h"
#include "cases/meaning.h"

/* A tensor seen as [outer, n, inner] around an axis. */
typedef struct line_shape {
    const char *name;
    uint32_t rank;
    int64_t dims[5];
    int64_t axis;
    uint32_t layout, result_layout;
} line_shape;

static const line_shape lines[] = {
    {"one", 1, {1}, 0, 0, 0},
    {"seven", 1, {7}, 0, 0, 0},
    {"last_17", 2, {5, 17}, 1, 0, 0},
    {"last_64", 2, {2, 64}, 1, 0, 0},
    {"last_255", 2, {3, 255}, 1, 0, 0},
    {"last_257", 2, {3, 257}, 1, 0, 0},
    {"long", 1, {4099}, 0, 0, 0},
    {"first", 2, {65, 7}, 0, 0, 0},
    {"middle", 3, {3, 17, 5}, 1, 0, 0},
    {"rank5", 5, {2, 3, 17, 2, 3}, 2, 0, 0},
    {"empty", 2, {3, 0}, 1, 0, 0},
    {"empty_rest", 2, {0, 3}, 1, 0, 0},
    {"offset", 2, {3, 33}, 1, CF_OFFSET, CF_OFFSET},
    {"transposed", 3, {3, 17, 5}, 1, CF_TRANSPOSED, 0},
    {"reversed", 2, {4, 255}, 1, CF_REVERSED, 0},
    {"sparse", 2, {4, 33}, 1, CF_SPARSE, 0},
    {"padded", 2, {4, 33}, 1, CF_PADDED, CF_PADDED},
    {"row", 2, {4, 33}, 1, CF_ROW, 0},
    {"column", 2, {4, 33}, 1, CF_COLUMN, 0},
    {"to_transposed", 2, {9, 33}, 1, 0, CF_TRANSPOSED},
    {"to_sparse", 2, {9, 33}, 0, 0, CF_SPARSE},
    {"to_reversed", 2, {9, 33}, 1, 0, CF_REVERSED},
};
enum { LINES = sizeof lines / sizeof *lines };

/* Positions that need more than 16 bits, of some dtypes only. */
static const line_shape longest = {"70001", 1, {70001}, 0, 0, 0};
static const tenon_dtype long_dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_I64, TENON_DTYPE_U8};
enum { LONG_DTYPES = sizeof long_dtypes / sizeof *long_dtypes };

/* Lines that 16 bits do not count, before and behind the axis. */
static const line_shape many_lines[] = {
    {"lines_70001", 2, {70001, 3}, 1, 0, 0},
    {"inner_70001", 2, {3, 70001}, 0, 0, 0},
};
static const tenon_dtype many_dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_U8};

static int64_t inner_of(const line_shape *s) {
    return cf_count(s->rank - (uint32_t)s->axis - 1, s->dims + s->axis + 1);
}

static int64_t place(const line_shape *s, int64_t line, int64_t k) {
    int64_t inner = inner_of(s);
    return (line / inner * s->dims[s->axis] + k) * inner + line % inner;
}

static int64_t line_count(const line_shape *s) {
    return cf_count((uint32_t)s->axis, s->dims) * inner_of(s);
}

static cf_operand operand_of(const line_shape *s, tenon_dtype dtype) {
    cf_operand x = {.dtype = dtype, .rank = s->rank, .layout = s->layout};
    memcpy(x.dims, s->dims, s->rank * sizeof *s->dims);
    return x;
}

/* -- Sort -- */

typedef struct entry {
    cf_number value;
    cf_number key; /* what it is compared as */
    int64_t position;
    bool is_float, descending;
} entry;

/* Ascending order: NaN above all, -0 below +0. */
static int order(bool is_float, cf_number x, cf_number y) {
    if (!is_float) return (x.i > y.i) - (x.i < y.i);
    if (isnan(x.f) || isnan(y.f)) return (isnan(x.f) != 0) - (isnan(y.f) != 0);
    if (x.f == 0 && y.f == 0) return (signbit(y.f) != 0) - (signbit(x.f) != 0);
    return (x.f > y.f) - (x.f < y.f);
}

/* Stable: equal values keep their order, descending too. */
static int compare(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int by_value = order(x->is_float, x->key, y->key);
    if (by_value) return x->descending ? -by_value : by_value;
    return (x->position > y->position) - (x->position < y->position);
}

/* flushes: subnormal numbers are compared as zeros. */
static void sort_line(const line_shape *s, const cf_operand *x, bool descending, bool flushes, int64_t line,
                      cf_number *values, cf_number *positions) {
    int64_t n = s->dims[s->axis];
    entry *entries = calloc((size_t)n + 1, sizeof *entries);
    for (int64_t k = 0; k < n; k++) {
        cf_number value = cf_load(x->dtype, x->bytes, place(s, line, k));
        cf_number key = flushes ? cf_flushed(x->dtype, value) : value;
        entries[k] = (entry){value, key, k, cf_is_float(x->dtype), descending};
    }
    qsort(entries, (size_t)n, sizeof *entries, compare);
    for (int64_t k = 0; k < n; k++) {
        values[place(s, line, k)] = entries[k].value;
        positions[place(s, line, k)] = (cf_number){.i = entries[k].position};
    }
    free(entries);
}

/* Values that tell orders apart, then few, so that most are equal. */
static cf_number next_to_sort(const cf_operand *x, int64_t i, void *context) {
    static const long double few[] = {0.0L, -0.0L, 1, -1, INFINITY, -INFINITY};
    bool ties = *(bool *)context;
    (void)i;
    if (!ties) return cf_any(x->dtype);
    if (cf_is_float(x->dtype)) return (cf_number){.f = cf_random() % 7 ? few[cf_random() % 6] : NAN};
    return (cf_number){.i = (cf_integer)(cf_random() % (x->dtype == TENON_DTYPE_BOOL ? 2 : 4))};
}

static void check_sort(const line_shape *s, const cf_operand *x, bool descending, const tenonh_array *results) {
    int64_t count = tenonh_array_count(&results[0]);
    cf_number *values[2], *positions[2]; /* kept and flushed */
    for (int k = 0; k < 2; k++) {
        values[k] = cf_numbers(count), positions[k] = cf_numbers(count);
        for (int64_t line = 0; line < line_count(s); line++)
            sort_line(s, x, descending, k == 1, line, values[k], positions[k]);
    }
    cf_expect(&results[0], &(cf_wanted){values[0], values[1], false}, 0);
    cf_expect(&results[1], &(cf_wanted){positions[0], positions[1], false}, 0);
    for (int k = 0; k < 2; k++) free(values[k]), free(positions[k]);
}

static void run_sort(const line_shape *s, tenon_dtype dtype, bool ties, int64_t descending) {
    if (!cf_begin("%s.%s.%s%s", tenon_dtype_name(dtype), s->name, ties ? "ties" : "any",
                  descending ? "_descending" : ""))
        return;
    cf_row row = {.op = TENON_OP_SORT, .operand_count = 1, .attr_count = 2, .result_count = 2};
    row.operands[0] = operand_of(s, dtype);
    row.results[0] = cf_result(dtype, &row.operands[0]);
    row.results[1] = cf_result(TENON_DTYPE_I64, &row.operands[0]);
    row.results[0].layout = row.results[1].layout = s->result_layout;
    row.attrs[0] = (tenon_attr){TENON_ATTR_AXIS, 1, &s->axis};
    row.attrs[1] = (tenon_attr){TENON_ATTR_DESCENDING, 1, &descending};
    cf_fill_with(&row.operands[0], next_to_sort, &ties);
    tenonh_array results[2] = {0};
    if (cf_run_or_fail(&row, results)) check_sort(s, &row.operands[0], descending, results);
    tenonh_array_free(&results[0]);
    tenonh_array_free(&results[1]);
    cf_free(&row);
}

void cf_order_sort(void) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (uint32_t i = 0; i < LINES; i++)
            for (uint32_t mode = 0; mode < 4; mode++) run_sort(&lines[i], dtype, mode & 1, mode >> 1);
    for (uint32_t i = 0; i < LONG_DTYPES; i++) run_sort(&longest, long_dtypes[i], i & 1, i & 1);
    for (uint32_t i = 0; i < 4; i++) run_sort(&many_lines[i & 1], many_dtypes[i >> 1], false, i & 1);
}

/* -- Scan -- */

typedef struct scan_mode {
    int64_t combine, exclusive, reverse;
    uint32_t values;
} scan_mode;

/* Numbers whose sums and products are rounded; exact ones; lines with an infinity, with one of each sign, and with sums
 * past the largest number. */
enum { ROUNDED, WHOLE, INFINITE, OPPOSED, OVERFLOWING };

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
    if (!cf_is_float(dtype)) return cf_rounded(dtype, (cf_number){.i = m->whole(dtype, a.i, b.i, 0)});
    if (combine == TENON_COMBINE_ADD) return (cf_number){.f = a.f + b.f};
    if (combine == TENON_COMBINE_MUL) return (cf_number){.f = a.f * b.f};
    return (cf_number){.f = m->real(a.f, b.f, 0)};
}

static long double allowance(const scan_mode *mode, tenon_dtype dtype, int64_t terms, long double magnitude,
                             long double want) {
    if (mode->combine >= TENON_COMBINE_MIN || mode->values != ROUNDED || !cf_is_float(dtype)) return 0;
    if (mode->combine == TENON_COMBINE_MUL) return cf_product_bound(dtype, CF_SIGNS_RANDOM, terms, want);
    return cf_sum_bound(dtype, CF_SIGNS_RANDOM, terms, magnitude, want);
}

static void scan_line(const line_shape *s, const cf_operand *x, const scan_mode *mode, int64_t line, cf_number *want,
                      cf_number *flushed, long double *allowed) {
    cf_number running = identity(x->dtype, mode->combine), zeroed = running;
    long double magnitude = 0;
    for (int64_t i = 0; i < s->dims[s->axis]; i++) {
        int64_t at = place(s, line, mode->reverse ? s->dims[s->axis] - 1 - i : i);
        cf_number n = cf_load(x->dtype, x->bytes, at), before = running, zeroed_before = zeroed;
        running = step(x->dtype, mode->combine, running, n);
        zeroed = cf_flushed(x->dtype, step(x->dtype, mode->combine, zeroed, cf_flushed(x->dtype, n)));
        magnitude += fabsl(n.f);
        want[at] = mode->exclusive ? before : running;
        flushed[at] = mode->exclusive ? zeroed_before : zeroed;
        allowed[at] = allowance(mode, x->dtype, i + 1, magnitude, want[at].f);
        if (allowed[at] != 0) continue;
        want[at] = cf_rounded(x->dtype, want[at]);
        flushed[at] = cf_rounded(x->dtype, flushed[at]);
    }
}

static void check_scan(const line_shape *s, const cf_operand *x, const scan_mode *mode, const tenonh_array *result) {
    int64_t count = tenonh_array_count(result);
    cf_number *want = cf_numbers(count), *flushed = cf_numbers(count);
    long double *allowed = calloc((size_t)count + 1, sizeof *allowed);
    for (int64_t line = 0; line < line_count(s); line++) scan_line(s, x, mode, line, want, flushed, allowed);
    if (mode->combine >= TENON_COMBINE_MIN)
        cf_expect(result, &(cf_wanted){want, flushed, true}, 0);
    else
        cf_expect_near(result, &(cf_wanted){want, flushed, false}, allowed);
    free(want), free(flushed), free(allowed);
}

typedef struct scan_context {
    const line_shape *s;
    const scan_mode *mode;
} scan_context;

/* Every third line stays whole. */
static cf_number past_the_finite(const cf_operand *x, const scan_context *c, int64_t i) {
    int64_t n = c->s->dims[c->s->axis], inner = inner_of(c->s), along = i / inner % n;
    int64_t line = i / (n * inner) * inner + i % inner, turn = (line * 7 + n / 2) % n;
    long double infinity = line & 1 ? -INFINITY : INFINITY;
    bool whole = line % 3 == 2, next = along == (turn + 1) % n;
    if (!whole && c->mode->values == OVERFLOWING)
        return cf_rounded(x->dtype, (cf_number){.f = 0.75L * cf_largest(x->dtype)});
    if (!whole && along == turn) return (cf_number){.f = infinity};
    if (!whole && next && c->mode->values == OPPOSED) return (cf_number){.f = -infinity};
    return (cf_number){.f = (long double)(cf_random() % 7)};
}

static cf_number next_to_scan(const cf_operand *x, int64_t i, void *context) {
    const scan_mode *mode = ((scan_context *)context)->mode;
    bool product = mode->combine == TENON_COMBINE_MUL;
    if (!cf_is_float(x->dtype) || mode->combine >= TENON_COMBINE_MIN) return cf_any(x->dtype);
    if (mode->values >= INFINITE) return past_the_finite(x, context, i);
    if (mode->values == ROUNDED)
        return cf_rounded(x->dtype, (cf_number){.f = product ? 1 + cf_uniform() / 256 : cf_uniform()});
    if (product) return (cf_number){.f = cf_random() & 1 ? -1 : 1};
    return (cf_number){.f = (long double)(cf_random() % 7)};
}

static void run_scan(const line_shape *s, tenon_dtype dtype, const scan_mode *mode) {
    static const char *const names[] = {"set", "add", "mul", "min", "max"};
    static const char *const values[] = {"", "_whole", "_infinite", "_opposed", "_overflowing"};
    if (!cf_begin("%s.%s.%s%s%s%s", tenon_dtype_name(dtype), s->name, names[mode->combine],
                  mode->exclusive ? "_exclusive" : "", mode->reverse ? "_reverse" : "", values[mode->values]))
        return;
    cf_row row = {.op = TENON_OP_SCAN, .operand_count = 1, .attr_count = 4, .result_count = 1};
    row.operands[0] = operand_of(s, dtype);
    row.results[0] = cf_result(dtype, &row.operands[0]);
    row.results[0].layout = s->result_layout;
    row.attrs[0] = (tenon_attr){TENON_ATTR_AXIS, 1, &s->axis};
    row.attrs[1] = (tenon_attr){TENON_ATTR_COMBINE, 1, &mode->combine};
    row.attrs[2] = (tenon_attr){TENON_ATTR_EXCLUSIVE, 1, &mode->exclusive};
    row.attrs[3] = (tenon_attr){TENON_ATTR_REVERSE, 1, &mode->reverse};
    scan_context context = {s, mode};
    cf_fill_with(&row.operands[0], next_to_scan, &context);
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) check_scan(s, &row.operands[0], mode, &result);
    tenonh_array_free(&result);
    cf_free(&row);
}

void cf_order_scan(void) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        if (!tenon_op_takes(tenon_op_row_of(TENON_OP_SCAN), dtype)) continue;
        for (uint32_t i = 0; i < LINES; i++)
            for (int64_t combine = TENON_COMBINE_ADD; combine <= TENON_COMBINE_MAX; combine++)
                for (uint32_t mode = 0; mode < 4; mode++) {
                    scan_mode m = {combine, mode & 1, mode >> 1, ROUNDED};
                    bool sums = combine <= TENON_COMBINE_MUL && cf_is_float(dtype);
                    /* Every mode in the plain layouts, one each in the others. */
                    if (i >= 12 && mode != i % 4) continue;
                    run_scan(&lines[i], dtype, &m);
                    for (m.values = WHOLE; sums && m.values <= OVERFLOWING; m.values++)
                        if (m.values == WHOLE ||
                            (combine == TENON_COMBINE_ADD && lines[i].layout != CF_ROW && lines[i].layout != CF_COLUMN))
                            run_scan(&lines[i], dtype, &m);
                }
    }
    for (uint32_t i = 0; i < LONG_DTYPES; i++)
        run_scan(&longest, long_dtypes[i], &(scan_mode){TENON_COMBINE_ADD, i & 1, i & 1, WHOLE});
    for (uint32_t i = 0; i < 4; i++)
        run_scan(&many_lines[i & 1], many_dtypes[i >> 1], &(scan_mode){TENON_COMBINE_ADD, 0, i & 1, WHOLE});
}
