/* REQ-OP-03, -06: reductions and argmax over every set of axes. What it kills: an axis off by one, a tail dropped or
 * counted twice, sums of f16 and bf16 in their own precision or in TF32 (also from some length on only), identities left
 * out or left in, NaN swallowed or made of an infinity, overflows kept finite, the sign of 0 and ties settled otherwise,
 * positions in the wrong axis or cut to 16 bits, results or rows of terms past 65,535 left out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/bound.h"
#include "cases/case.h"
#include "cases/cases.h"

/* -- Meanings -- */

typedef struct accumulator {
    cf_number value;
    long double magnitude;
    int64_t terms, best;
} accumulator;

static cf_number identity(tenon_op op, tenon_dtype dtype) {
    bool lowest = op == TENON_OP_RMAX;
    if (op == TENON_OP_SUM) return (cf_number){0};
    if (op == TENON_OP_PROD) return (cf_number){.f = 1, .i = 1};
    if (cf_is_float(dtype)) return (cf_number){.f = lowest ? -INFINITY : INFINITY};
    return (cf_number){.i = lowest ? cf_lowest(dtype) : cf_highest(dtype)};
}

/* True when x comes before y in the order of max: NaN first, then larger, -0 < +0. */
static bool beats(tenon_dtype dtype, cf_number x, cf_number y) {
    if (!cf_is_float(dtype)) return x.i > y.i;
    if (isnan(x.f) || isnan(y.f)) return isnan(x.f) && !isnan(y.f);
    if (x.f == 0 && y.f == 0) return !signbit(x.f) && signbit(y.f);
    return x.f > y.f;
}

/* For min: NaN first, then smaller. */
static bool is_below(tenon_dtype dtype, cf_number x, cf_number y) {
    return beats(dtype, (cf_number){.f = -x.f, .i = -x.i}, (cf_number){.f = -y.f, .i = -y.i});
}

static void accumulate(accumulator *a, tenon_op op, tenon_dtype dtype, cf_number x, int64_t index) {
    a->terms++;
    a->magnitude += fabsl(x.f);
    switch (op) {
    case TENON_OP_SUM: a->value = (cf_number){.f = a->value.f + x.f, .i = a->value.i + x.i}; break;
    case TENON_OP_PROD:
        a->value.f *= x.f;
        a->value.i = (cf_integer)((cf_natural)a->value.i * (cf_natural)x.i);
        break;
    case TENON_OP_RMIN:
        if (is_below(dtype, x, a->value)) a->value = x;
        break;
    default: /* reduce_max, argmax */
        if ((op == TENON_OP_ARGMAX && a->terms == 1) || beats(dtype, x, a->value)) a->value = x, a->best = index;
    }
}

/* -- Values -- */

/* X(NAME, "name", kind of operators): what the operand of a row holds. */
enum {
    SIGNED,
    POSITIVE,
    WHOLE,
    ONE_HOT,
    CONSTANT,
    INFINITE,
    OPPOSED,
    OVERFLOWING,
    ANY,
    FEW,
    LATE,
    NAN_WALK,
    VALUE_COUNT
};
static const char *const value_names[] = {"signed",  "positive",    "whole", "one_hot", "constant", "infinite",
                                          "opposed", "overflowing", "any",   "few",     "late",     "nan_walk"};

/* Where a row's only number that is not 0 (1 for products), or its NaN, stands. */
static int64_t turn_of(int64_t line, int64_t length) {
    return length ? (line * 7 + length / 2) % length : 0;
}

typedef struct value_context {
    tenon_op op;
    uint32_t values;
    int64_t length, inner; /* of the reduced axis, where there is one; elements behind it */
    long double constant;
} value_context;

/* Sums above what f16 and bf16 count to; products that stay powers of two. */
static cf_number whole_term(bool product, int64_t i) {
    if (product) return (cf_number){.f = cf_random() % 16 ? 1 : cf_random() & 1 ? -1 : i % 2 ? 2 : 0.5L};
    return (cf_number){.f = (long double)(cf_random() % 8)};
}

/* Lines that end in an infinity, in NaN without a NaN among their terms, or past the largest number; but for every third
 * one, which stays whole. */
static cf_number past_the_finite(const cf_operand *x, const value_context *c, int64_t line, int64_t i) {
    int64_t along = i / c->inner % c->length, turn = turn_of(line, c->length);
    bool product = c->op == TENON_OP_PROD, here = along == turn, next = along == (turn + 1) % c->length;
    if (line % 3 == 2) return whole_term(product, i);
    if (c->values == OVERFLOWING) return cf_rounded(x->dtype, (cf_number){.f = 0.75L * cf_largest(x->dtype)});
    if (here) return (cf_number){.f = line & 1 ? -INFINITY : INFINITY};
    if (next && c->values == OPPOSED) return (cf_number){.f = product ? 0 : line & 1 ? INFINITY : -INFINITY};
    return product ? (cf_number){.f = cf_random() & 1 ? -1 : 1} : whole_term(false, i);
}

static cf_number next_value(const cf_operand *x, int64_t i, void *context) {
    const value_context *c = context;
    int64_t line = i / (c->length * c->inner) * c->inner + i % c->inner;
    bool product = c->op == TENON_OP_PROD, here = i / c->inner % c->length == turn_of(line, c->length);
    long double full = cf_uniform();
    switch (c->values) {
    case SIGNED: return cf_rounded(x->dtype, (cf_number){.f = product ? 1 + full / 64 : full});
    case POSITIVE: return cf_rounded(x->dtype, (cf_number){.f = product ? 1 + fabsl(full) / 64 : fabsl(full)});
    case WHOLE: return whole_term(product, i);
    case ONE_HOT:
        if (here) return cf_rounded(x->dtype, (cf_number){.f = scalbnl(1 + fabsl(full), (int)(cf_random() % 8) - 4)});
        return (cf_number){.f = product};
    case CONSTANT: return cf_rounded(x->dtype, (cf_number){.f = product ? 1 + c->constant / 4096 : c->constant});
    case INFINITE:
    case OPPOSED:
    case OVERFLOWING: return past_the_finite(x, c, line, i);
    case FEW:
        return cf_rounded(x->dtype,
                          (cf_number){.f = (long[]){0, 1, 2, -1}[cf_random() % 4] * (cf_random() & 1 ? 1.0L : -1.0L),
                                      .i = (cf_integer)(cf_random() % (x->dtype == TENON_DTYPE_BOOL ? 2 : 3))});
    case LATE: /* the largest, or the smallest, near the end, past 65,535 in long lines */
        if (i / c->inner % c->length == c->length - 1 - line * 7 % c->length)
            return c->op == TENON_OP_RMIN ? (cf_number){.f = -2, .i = -1} : (cf_number){.f = 1, .i = 1};
        return cf_rounded(x->dtype, (cf_number){.f = full < 0 ? full : full - 1});
    case NAN_WALK:
        if (here) return (cf_number){.f = cf_random() & 1 ? NAN : -NAN};
        return cf_rounded(x->dtype, (cf_number){.f = cf_random() % 4 ? full : cf_random() & 1 ? INFINITY : -INFINITY});
    default: return cf_any(x->dtype);
    }
}

/* -- Rows -- */

typedef struct reduction {
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    uint32_t axes; /* bit i: axis i */
    uint32_t layout, result_layout;
} reduction;

/* Index of the result that element `index` goes into, and its place along the (last) reduced axis. */
static int64_t target_of(const reduction *r, int64_t index, int64_t *out_along) {
    int64_t at[TENON_MAX_RANK], target = 0;
    cf_unravel(index, r->rank, r->dims, at);
    for (uint32_t i = 0; i < r->rank; i++) {
        if (r->axes >> i & 1)
            *out_along = at[i];
        else
            target = target * r->dims[i] + at[i];
    }
    return target;
}

/* flushes: with zeros for subnormal numbers. */
static accumulator *accumulate_all(const reduction *r, tenon_op op, const cf_operand *x, int64_t count, bool flushes) {
    accumulator *sums = calloc((size_t)count + 1, sizeof *sums);
    int64_t along = 0;
    for (int64_t i = 0; i < count; i++) sums[i].value = identity(op, x->dtype);
    for (int64_t i = 0; i < cf_count(r->rank, r->dims); i++) {
        int64_t target = target_of(r, i, &along);
        cf_number n = cf_load(x->dtype, x->bytes, i);
        accumulate(&sums[target], op, x->dtype, flushes ? cf_flushed(x->dtype, n) : n, along);
    }
    return sums;
}

/* What the result may be off; 0: nothing. */
static long double allowance(tenon_op op, tenon_dtype dtype, uint32_t values, const accumulator *a) {
    bool rounds = op == TENON_OP_SUM || op == TENON_OP_PROD;
    bool exact =
        values == WHOLE || values == ONE_HOT || values == INFINITE || values == OPPOSED || values == OVERFLOWING;
    if (!rounds || exact) return 0;
    uint32_t signs = values == SIGNED ? CF_SIGNS_RANDOM : CF_SIGNS_EQUAL;
    if (op == TENON_OP_PROD) return cf_product_bound(dtype, signs, a->terms, a->value.f);
    return cf_sum_bound(dtype, signs, a->terms, a->magnitude, a->value.f);
}

static void check(const reduction *r, tenon_op op, uint32_t values, const cf_operand *x, const tenonh_array *result) {
    int64_t count = tenonh_array_count(result);
    accumulator *sums = accumulate_all(r, op, x, count, false), *zeroed = accumulate_all(r, op, x, count, true);
    cf_number *want = cf_numbers(count), *flushed = cf_numbers(count);
    long double *allowed = calloc((size_t)count + 1, sizeof *allowed);
    for (int64_t i = 0; i < count; i++) {
        want[i] = op == TENON_OP_ARGMAX ? (cf_number){.i = sums[i].best} : sums[i].value;
        flushed[i] = op == TENON_OP_ARGMAX ? (cf_number){.i = zeroed[i].best} : zeroed[i].value;
        allowed[i] = allowance(op, x->dtype, values, &sums[i]);
        if (allowed[i] != 0) continue;
        want[i] = cf_rounded(result->dtype, want[i]);
        flushed[i] = cf_rounded(result->dtype, flushed[i]);
    }
    bool exact = op == TENON_OP_RMAX || op == TENON_OP_RMIN;
    if (exact)
        cf_expect(result, &(cf_wanted){want, flushed, true}, 0);
    else
        cf_expect_near(result, &(cf_wanted){want, flushed, false}, allowed);
    free(sums), free(zeroed), free(want), free(flushed), free(allowed);
}

static void run(const reduction *r, tenon_op op, tenon_dtype dtype, uint32_t values, const char *name) {
    if (!cf_begin("%s.%s.%s", tenon_dtype_name(dtype), name, value_names[values])) return;
    cf_row row = {.op = op, .operand_count = 1, .attr_count = 1, .result_count = 1};
    cf_operand *x = &row.operands[0];
    int64_t axes[TENON_MAX_RANK], axis_count = 0;
    *x = (cf_operand){.dtype = dtype, .rank = r->rank, .layout = r->layout};
    memcpy(x->dims, r->dims, sizeof x->dims);
    value_context context = {op, values, 1, 1, fabsl(cf_uniform())};
    for (uint32_t i = 0; i < r->rank; i++) {
        if (r->axes >> i & 1) context.length = r->dims[i], context.inner = 1;
        if (!(r->axes >> i & 1)) context.inner *= r->dims[i];
    }
    cf_fill_with(x, next_value, &context);
    for (uint32_t i = 0; i < r->rank; i++)
        if (r->axes >> i & 1)
            axes[axis_count++] = i;
        else
            row.results[0].dims[row.results[0].rank++] = r->dims[i];
    row.attrs[0] = (tenon_attr){op == TENON_OP_ARGMAX ? TENON_ATTR_AXIS : TENON_ATTR_AXES, (uint32_t)axis_count, axes};
    row.results[0].dtype = op == TENON_OP_ARGMAX ? (tenon_dtype)TENON_DTYPE_I64 : dtype;
    row.results[0].layout = r->result_layout;
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) check(r, op, values, x, &result);
    tenonh_array_free(&result);
    cf_free(&row);
}

/* The values that tell most of an operator: floats' sums and products have bounds, the rest is exact. */
static uint32_t usual_values(tenon_op op, tenon_dtype dtype) {
    bool rounds = op == TENON_OP_SUM || op == TENON_OP_PROD;
    return rounds && cf_is_float(dtype) ? WHOLE : ANY;
}

/* Every set of axes of small tensors up to rank 4, and some of each rank above. */
static void run_axes(tenon_op op, tenon_dtype dtype) {
    static const int64_t dims[TENON_MAX_RANK] = {3, 5, 2, 7, 2, 1, 3, 2};
    for (uint32_t rank = 1; rank <= TENON_MAX_RANK; rank++) {
        uint32_t sets = 1u << rank;
        for (uint32_t axes = 0; axes < sets; axes++) {
            bool some = axes == 0x55u % sets || axes == 0xaau % sets || axes == 0xc3u % sets || axes == sets - 1;
            bool one = axes && (axes & (axes - 1)) == 0;
            if (op == TENON_OP_ARGMAX ? !one : rank > 3 && !some && !one && !(rank == 4 && dtype <= TENON_DTYPE_F16))
                continue;
            reduction r = {.rank = rank, .axes = axes};
            char name[64];
            memcpy(r.dims, dims, sizeof dims);
            snprintf(name, sizeof name, "rank%u_axes%02x", rank, axes);
            run(&r, op, dtype, usual_values(op, dtype), name);
        }
    }
}

/* Lengths that cross vectors, tiles, threads, and where a device might change how it sums. */
static void run_lengths(tenon_op op, tenon_dtype dtype) {
    static const int64_t lengths[] = {1, 2, 7, 17, 63, 255, 257, 1023, 1025, 4095, 4099, 65537};
    for (uint32_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const int64_t n = lengths[i];
        const reduction forms[] = {{2, {3, n}, 2, 0, 0}, {2, {n, 5}, 1, 0, 0}, {1, {n}, 1, 0, 0}};
        static const char *const names[] = {"last", "first", "whole"};
        bool rounds = cf_is_float(dtype) && (op == TENON_OP_SUM || op == TENON_OP_PROD);
        for (uint32_t f = 0; f < 3; f++) {
            char name[64];
            snprintf(name, sizeof name, "%s_%lld", names[f], (long long)n);
            if (n > 60000 && f == 1) continue;
            for (uint32_t values = 0; values < VALUE_COUNT; values++) {
                bool sums = values <= OVERFLOWING, special = values == NAN_WALK;
                if (sums ? !rounds : special && !cf_is_float(dtype)) continue;
                if (values == FEW && rounds) continue;
                if (values == LATE && op != TENON_OP_ARGMAX) continue;
                if (values == ANY && rounds) continue;
                if ((values == CONSTANT || values == POSITIVE) && f == 1) continue;
                if (op == TENON_OP_PROD && n > 1025 && (values == CONSTANT || values == POSITIVE)) continue;
                run(&forms[f], op, dtype, values, name);
            }
        }
    }
}

static void run_layouts(tenon_op op, tenon_dtype dtype) {
    static const struct {
        const char *name;
        reduction r;
    } rows[] = {
        {"transposed", {3, {5, 7, 9}, 2, CF_TRANSPOSED, 0}},
        {"transposed_last", {2, {17, 33}, 2, CF_TRANSPOSED, 0}},
        {"reversed", {2, {6, 255}, 2, CF_REVERSED, 0}},
        {"reversed_first", {2, {255, 6}, 1, CF_REVERSED, 0}},
        {"sparse", {2, {9, 65}, 2, CF_SPARSE, 0}},
        {"sparse_first", {2, {65, 9}, 1, CF_SPARSE, 0}},
        {"padded", {2, {9, 65}, 2, CF_PADDED, 0}},
        {"offset", {2, {3, 257}, 2, CF_OFFSET, CF_OFFSET}},
        {"row", {2, {13, 31}, 2, CF_ROW, 0}},
        {"row_first", {2, {31, 13}, 1, CF_ROW, 0}},
        {"column", {2, {13, 31}, 2, CF_COLUMN, 0}},
        {"one", {2, {13, 31}, 2, CF_ONE, 0}},
        {"every_other", {4, {3, 5, 2, 7}, 5, CF_EVERY_OTHER, 0}},
        {"to_transposed", {3, {5, 17, 9}, 2, 0, CF_TRANSPOSED}},
        {"to_sparse", {3, {5, 9, 17}, 4, 0, CF_SPARSE}},
        {"to_reversed", {2, {17, 33}, 1, 0, CF_REVERSED}},
        {"empty_axis", {2, {4, 0}, 2, 0, 0}},
        {"empty_rest", {2, {0, 4}, 2, 0, 0}},
        {"tall", {2, {1030, 3}, 2, 0, 0}},
        {"wide", {2, {3, 1030}, 1, 0, 0}},
        {"large", {2, {257, 1021}, 2, 0, 0}},
        {"large_first", {2, {1021, 257}, 1, 0, 0}},
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const reduction *r = &rows[i].r;
        bool large = cf_count(r->rank, r->dims) > 100000, sample = dtype == TENON_DTYPE_F32 || dtype == TENON_DTYPE_I32;
        bool many = (r->axes & (r->axes - 1)) != 0, empty = strcmp(rows[i].name, "empty_axis") == 0;
        if (large && !sample && dtype != TENON_DTYPE_BF16) continue;
        if (op == TENON_OP_ARGMAX && (many || empty)) continue;
        run(r, op, dtype, usual_values(op, dtype), rows[i].name);
    }
    if (op == TENON_OP_ARGMAX) return;
    run(&(reduction){.rank = 0}, op, dtype, usual_values(op, dtype), "rank0");
}

/* Results, and rows of terms, that 16 bits do not count: of a wide dtype and a narrow one. */
static void run_many(tenon_op op) {
    const struct {
        const char *name;
        reduction r;
        bool wide, narrow;
    } rows[] = {
        {"last_of_70001", {2, {70001, 2}, 2, 0, 0}, true, false},
        {"first_of_70001", {2, {2, 70001}, 1, 0, 0}, true, false},
        {"middle_of_70001", {3, {70001, 2, 2}, 2, 0, 0}, false, op != TENON_OP_PROD},
        {"rows_70001", {2, {70001, 2}, 1, 0, 0}, true, true},
    };
    const tenon_dtype narrow = op == TENON_OP_PROD ? TENON_DTYPE_BF16 : TENON_DTYPE_I8;
    bool selects = op == TENON_OP_RMAX || op == TENON_OP_RMIN || op == TENON_OP_ARGMAX;
    /* What tells of the last ones of so many terms. */
    uint32_t late = selects ? LATE : op == TENON_OP_PROD ? SIGNED : usual_values(op, TENON_DTYPE_F32);
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool terms = strcmp(rows[i].name, "rows_70001") == 0;
        if (rows[i].wide)
            run(&rows[i].r, op, TENON_DTYPE_F32, terms ? late : usual_values(op, TENON_DTYPE_F32), rows[i].name);
        if (rows[i].narrow)
            run(&rows[i].r, op, narrow, terms && late != WHOLE ? late : usual_values(op, narrow), rows[i].name);
    }
}

static void run_operator(tenon_op op) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        if (!tenon_op_takes(tenon_op_row_of(op), dtype)) continue;
        run_axes(op, dtype);
        run_lengths(op, dtype);
        run_layouts(op, dtype);
    }
    run_many(op);
}

void cf_reduce_sum(void) {
    run_operator(TENON_OP_SUM);
}
void cf_reduce_max(void) {
    run_operator(TENON_OP_RMAX);
}
void cf_reduce_min(void) {
    run_operator(TENON_OP_RMIN);
}
void cf_reduce_prod(void) {
    run_operator(TENON_OP_PROD);
}
void cf_reduce_argmax(void) {
    run_operator(TENON_OP_ARGMAX);
}
