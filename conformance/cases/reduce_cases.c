/* REQ-OP: reductions over every set of axes, argmax, contractions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"

/* What a sum or product of floats may be off: the exact class is 0. `magnitude`: sum of |terms|. */
static long double allowance(tenon_dtype dtype, int64_t terms, long double magnitude, long double want) {
    long double unit = dtype == TENON_DTYPE_F64 ? 0x1p-53L : 0x1p-24L;
    long double last = dtype == TENON_DTYPE_F64   ? 0x1p-53L
                       : dtype == TENON_DTYPE_F32 ? 0x1p-24L
                       : dtype == TENON_DTYPE_F16 ? 0x1p-11L
                                                  : 0x1p-8L;
    long double smallest = dtype == TENON_DTYPE_F16 ? 0x1p-25L : dtype == TENON_DTYPE_F64 ? 0 : 0x1p-149L;
    return 4 * sqrtl((long double)terms) * unit * magnitude + last * fabsl(want) + smallest;
}

/* -- Reductions -- */

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

static void accumulate(accumulator *a, tenon_op op, tenon_dtype dtype, cf_number x, int64_t index) {
    a->terms++;
    a->magnitude += fabsl(x.f);
    switch (op) {
    case TENON_OP_SUM: a->value = (cf_number){.f = a->value.f + x.f, .i = a->value.i + x.i}; break;
    case TENON_OP_PROD:
        a->value.f *= x.f;
        a->value.i = (cf_integer)((cf_natural)a->value.i * (cf_natural)x.i);
        a->magnitude = fabsl(a->value.f) * sqrtl((long double)a->terms);
        break;
    case TENON_OP_RMIN: {
        cf_number negated = {.f = -x.f, .i = -x.i}, other = {.f = -a->value.f, .i = -a->value.i};
        if (beats(dtype, negated, other)) a->value = x;
        break;
    }
    default: /* reduce_max, argmax */
        if ((op == TENON_OP_ARGMAX && a->terms == 1) || beats(dtype, x, a->value)) a->value = x, a->best = index;
    }
}

typedef struct reduction {
    const char *name;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    uint32_t axis_count;
    int64_t axes[TENON_MAX_RANK];
    uint32_t layout;
} reduction;

static bool is_reduced(const reduction *r, uint32_t axis) {
    for (uint32_t i = 0; i < r->axis_count; i++)
        if (r->axes[i] == axis) return true;
    return false;
}

/* Index of the result that element `index` goes into, and its place along the (last) reduced axis. */
static int64_t target_of(const reduction *r, int64_t index, int64_t *out_along) {
    int64_t at[TENON_MAX_RANK], target = 0;
    for (uint32_t i = r->rank; i-- > 0;) {
        at[i] = index % r->dims[i];
        index /= r->dims[i];
    }
    for (uint32_t i = 0; i < r->rank; i++) {
        if (is_reduced(r, i))
            *out_along = at[i];
        else
            target = target * r->dims[i] + at[i];
    }
    return target;
}

static void check_reduction(const reduction *r, tenon_op op, const cf_operand *x, const tenonh_array *result) {
    int64_t count = tenonh_array_count(result), along = 0;
    accumulator *sums = calloc((size_t)count + 1, sizeof *sums);
    cf_number *want = calloc((size_t)count + 1, sizeof *want);
    long double *allowed = calloc((size_t)count + 1, sizeof *allowed);
    for (int64_t i = 0; i < count; i++) sums[i].value = identity(op, x->dtype);
    for (int64_t i = 0; i < cf_count(r->rank, r->dims); i++) {
        int64_t target = target_of(r, i, &along);
        accumulate(&sums[target], op, x->dtype, cf_load(x->dtype, x->bytes, i), along);
    }
    for (int64_t i = 0; i < count; i++) {
        bool near = (op == TENON_OP_SUM || op == TENON_OP_PROD) && cf_is_float(x->dtype);
        want[i] = op == TENON_OP_ARGMAX ? (cf_number){.i = sums[i].best} : sums[i].value;
        if (!near) want[i] = cf_rounded(result->dtype, want[i]);
        allowed[i] = near ? allowance(x->dtype, sums[i].terms, sums[i].magnitude, want[i].f) : 0;
    }
    bool exact = op != TENON_OP_SUM && op != TENON_OP_PROD;
    if (exact)
        cf_expect(result, want, 0);
    else
        cf_expect_near(result, want, allowed);
    free(sums), free(want), free(allowed);
}

static void run_reduction(const reduction *r, tenon_op op, tenon_dtype dtype) {
    if (!cf_begin("%s_%s_%s", tenon_op_row_of(op)->name, tenon_dtype_name(dtype), r->name)) return;
    cf_row row = {.op = op, .operand_count = 1, .attr_count = 1, .result_count = 1};
    cf_operand *x = &row.operands[0];
    *x = (cf_operand){.dtype = dtype, .rank = r->rank, .layout = r->layout};
    memcpy(x->dims, r->dims, sizeof x->dims);
    bool sums = op == TENON_OP_SUM || op == TENON_OP_PROD;
    if (sums && cf_is_float(dtype))
        cf_fill_small(x);
    else
        cf_fill(x, 0);
    if (op == TENON_OP_PROD && cf_is_float(dtype)) /* away from 0, so that products of many stay in range */
        for (int64_t i = 0; i < cf_count(r->rank, r->dims); i++) {
            cf_number n = cf_load(dtype, x->bytes, x->layout == CF_ROW ? i % r->dims[r->rank - 1] : i);
            if (fabsl(n.f) < 0.9L || fabsl(n.f) > 1.1L) n.f = 1 + n.f / 64;
            cf_store(dtype, x->bytes, i, n);
        }
    row.attrs[0] = (tenon_attr){op == TENON_OP_ARGMAX ? TENON_ATTR_AXIS : TENON_ATTR_AXES, r->axis_count, r->axes};
    row.results[0].dtype = op == TENON_OP_ARGMAX ? (tenon_dtype)TENON_DTYPE_I64 : dtype;
    for (uint32_t i = 0; i < r->rank; i++)
        if (!is_reduced(r, i)) row.results[0].dims[row.results[0].rank++] = r->dims[i];
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) check_reduction(r, op, x, &result);
    tenonh_array_free(&result);
    cf_free(&row);
}

void cf_reductions(void) {
    static const reduction rows[] = {
        {"last", 2, {7, 129}, 1, {1}, CF_CONTIGUOUS},
        {"first", 2, {129, 37}, 1, {0}, CF_CONTIGUOUS},
        {"middle", 3, {5, 17, 9}, 1, {1}, CF_CONTIGUOUS},
        {"outer_two", 3, {5, 7, 33}, 2, {0, 1}, CF_CONTIGUOUS},
        {"ends", 3, {5, 7, 9}, 2, {0, 2}, CF_TRANSPOSED},
        {"all", 3, {3, 5, 7}, 3, {0, 1, 2}, CF_CONTIGUOUS},
        {"none", 2, {3, 5}, 0, {0}, CF_CONTIGUOUS},
        {"empty_axis", 2, {4, 0}, 1, {1}, CF_CONTIGUOUS},
        {"one", 1, {1}, 1, {0}, CF_CONTIGUOUS},
        {"long", 2, {2, 4099}, 1, {1}, CF_CONTIGUOUS},
        {"sparse", 2, {9, 65}, 1, {1}, CF_SPARSE},
        {"reversed", 2, {6, 255}, 1, {1}, CF_REVERSED},
        {"broadcast", 2, {13, 31}, 1, {1}, CF_ROW},
        {"rank8", 8, {2, 3, 1, 2, 2, 3, 1, 4}, 3, {1, 4, 7}, CF_TRANSPOSED},
        {"many", 2, {1030, 3}, 1, {1}, CF_CONTIGUOUS},
    };
    static const tenon_op ops[] = {TENON_OP_SUM, TENON_OP_RMAX, TENON_OP_RMIN, TENON_OP_PROD, TENON_OP_ARGMAX};
    for (uint32_t o = 0; o < sizeof ops / sizeof *ops; o++) {
        for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
            if (!tenon_op_takes(tenon_op_row_of(ops[o]), dtype)) continue;
            /* Every dtype on three rows; all rows for three dtypes. */
            bool all = dtype == TENON_DTYPE_F32 || dtype == TENON_DTYPE_I64 || dtype == TENON_DTYPE_BF16;
            for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                bool argmax = ops[o] == TENON_OP_ARGMAX;
                if (argmax && (rows[r].axis_count != 1 || rows[r].dims[rows[r].axes[0]] == 0)) continue;
                if (all || r < 3) run_reduction(&rows[r], ops[o], dtype);
            }
        }
    }
}

/* -- Contractions -- */

typedef struct product {
    const char *name;
    int64_t batch, m, k, n;
    uint32_t a_layout, b_layout;
} product;

static void check_product(const product *p, const cf_row *row, const tenonh_array *result) {
    int64_t count = p->batch * p->m * p->n;
    const cf_operand *a = &row->operands[0], *b = &row->operands[1];
    cf_number *want = calloc((size_t)count + 1, sizeof *want);
    long double *allowed = calloc((size_t)count + 1, sizeof *allowed);
    for (int64_t i = 0; i < count; i++) {
        int64_t batch = i / (p->m * p->n), m = i / p->n % p->m, n = i % p->n;
        long double magnitude = 0;
        for (int64_t k = 0; k < p->k; k++) {
            cf_number x = cf_load(a->dtype, a->bytes, (batch * p->m + m) * p->k + k);
            cf_number y = cf_load(b->dtype, b->bytes, (batch * p->k + k) * p->n + n);
            want[i].f += x.f * y.f;
            want[i].i += (cf_integer)((cf_natural)x.i * (cf_natural)y.i);
            magnitude += fabsl(x.f * y.f);
        }
        want[i].i = cf_is_float(result->dtype) ? 0 : cf_rounded(result->dtype, want[i]).i;
        allowed[i] = allowance(result->dtype, p->k, magnitude, want[i].f);
    }
    cf_expect_near(result, want, allowed);
    free(want), free(allowed);
}

static void run_product(const product *p, tenon_dtype dtype, tenon_dtype to) {
    if (!cf_begin("matmul_%s_%s_%s", tenon_dtype_name(dtype), tenon_dtype_name(to), p->name)) return;
    int64_t type = to;
    cf_row row = {.op = TENON_OP_MATMUL, .operand_count = 2, .result_count = 1};
    row.operands[0] = (cf_operand){.dtype = dtype, .rank = 3, .dims = {p->batch, p->m, p->k}, .layout = p->a_layout};
    row.operands[1] = (cf_operand){.dtype = dtype, .rank = 3, .dims = {p->batch, p->k, p->n}, .layout = p->b_layout};
    row.results[0] = (cf_operand){.dtype = to, .rank = 3, .dims = {p->batch, p->m, p->n}};
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &type};
    row.attr_count = to != dtype; /* it is the default */
    cf_fill_small(&row.operands[0]);
    cf_fill_small(&row.operands[1]);
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) check_product(p, &row, &result);
    tenonh_array_free(&result);
    cf_free(&row);
}

void cf_matmuls(void) {
    static const product rows[] = {
        {"one", 1, 1, 1, 1, CF_CONTIGUOUS, CF_CONTIGUOUS},
        {"empty_k", 2, 3, 0, 5, CF_CONTIGUOUS, CF_CONTIGUOUS},
        {"empty_m", 1, 0, 4, 5, CF_CONTIGUOUS, CF_CONTIGUOUS},
        {"primes", 2, 7, 13, 11, CF_CONTIGUOUS, CF_CONTIGUOUS},
        {"tile_edge", 1, 65, 127, 33, CF_CONTIGUOUS, CF_CONTIGUOUS},
        {"long_k", 1, 2, 4099, 3, CF_CONTIGUOUS, CF_CONTIGUOUS},
        {"row", 3, 1, 67, 129, CF_CONTIGUOUS, CF_CONTIGUOUS},
        {"column", 1, 130, 66, 1, CF_CONTIGUOUS, CF_CONTIGUOUS},
        {"transposed", 5, 17, 29, 5, CF_TRANSPOSED, CF_TRANSPOSED},
        {"sparse", 2, 9, 17, 33, CF_SPARSE, CF_REVERSED},
        {"broadcast", 4, 6, 31, 8, CF_ROW, CF_CONTIGUOUS},
        {"batch", 33, 8, 16, 24, CF_CONTIGUOUS, CF_CONTIGUOUS},
    };
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        if (!tenon_op_takes(tenon_op_row_of(TENON_OP_MATMUL), dtype)) continue;
        bool all = dtype == TENON_DTYPE_F32 || dtype == TENON_DTYPE_F64 || dtype == TENON_DTYPE_BF16;
        for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++)
            if (all || r < 5) run_product(&rows[r], dtype, dtype);
    }
    static const tenon_dtype wider[][2] = {{TENON_DTYPE_I8, TENON_DTYPE_I32},
                                           {TENON_DTYPE_U8, TENON_DTYPE_I32},
                                           {TENON_DTYPE_I16, TENON_DTYPE_I32},
                                           {TENON_DTYPE_F16, TENON_DTYPE_F32},
                                           {TENON_DTYPE_BF16, TENON_DTYPE_F32}};
    for (uint32_t i = 0; i < sizeof wider / sizeof *wider; i++)
        for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++) run_product(&rows[r], wider[i][0], wider[i][1]);
}
