/* Reductions and contractions computed wrongly. */
#include <math.h>
#include <string.h>

#include "mutants/job.h"

/* What a reduction has so far of one result. */
typedef struct state {
    cf_number value;
    int64_t terms, best;
    long double lost;
} state;

typedef void step(const mutant_job *job, state *s, cf_number x, int64_t along);

static uint32_t reduced_axes(const mutant_job *job) {
    const mutant_exec *exec = job->exec;
    const tenon_attr *axes = tenon_attr_find(exec->attrs, exec->attr_count, TENON_ATTR_AXES);
    uint32_t mask = 0;
    if (job->op == TENON_OP_ARGMAX) return 1u << mutant_attr(job, TENON_ATTR_AXIS, 0);
    for (uint32_t i = 0; axes && i < axes->count; i++) mask |= 1u << axes->values[i];
    return mask;
}

/* Walks the inputs of result `target` in order. */
static state reduce_one(const mutant_job *job, uint32_t mask, const int64_t *fixed, cf_number identity, step *step_of) {
    const mutant_array *x = &job->inputs[0];
    state s = {.value = identity};
    int64_t total = 1, at[TENON_MAX_RANK];
    for (uint32_t axis = 0; axis < x->rank; axis++) total *= mask >> axis & 1 ? x->dims[axis] : 1;
    for (int64_t i = 0; i < total; i++) {
        int64_t rest = i, place = 0;
        for (uint32_t axis = x->rank; axis-- > 0;) {
            at[axis] = mask >> axis & 1 ? rest % x->dims[axis] : fixed[axis];
            if (mask >> axis & 1) rest /= x->dims[axis];
        }
        for (uint32_t axis = 0; axis < x->rank; axis++) place = place * x->dims[axis] + at[axis];
        step_of(job, &s, x->values[place], i);
    }
    return s;
}

static void reduce(mutant_job *job, cf_number identity, step *step_of, bool position) {
    uint32_t mask = reduced_axes(job);
    mutant_array *y = &job->outputs[0];
    for (int64_t i = 0; i < y->count; i++) {
        int64_t at[TENON_MAX_RANK], fixed[TENON_MAX_RANK] = {0};
        mutant_unravel(y, i, at);
        for (uint32_t axis = 0, kept = 0; axis < job->inputs[0].rank; axis++)
            if (!(mask >> axis & 1)) fixed[axis] = at[kept++];
        state s = reduce_one(job, mask, fixed, identity, step_of);
        y->values[i] = position ? (cf_number){.i = s.best} : s.value;
    }
}

static void add_in_storage(const mutant_job *job, state *s, cf_number x, int64_t along) {
    (void)along;
    s->value = cf_rounded(job->dtype, (cf_number){.f = s->value.f + x.f});
}

static void add_in_f32(const mutant_job *job, state *s, cf_number x, int64_t along) {
    (void)job, (void)along;
    s->value.f = (float)((float)s->value.f + (float)x.f);
}

static void add_saturating(const mutant_job *job, state *s, cf_number x, int64_t along) {
    (void)along;
    s->value.i += x.i;
    if (s->value.i > cf_highest(job->dtype)) s->value.i = cf_highest(job->dtype);
    if (s->value.i < cf_lowest(job->dtype)) s->value.i = cf_lowest(job->dtype);
}

/* Kahan's: what an infinity loses is NaN. */
static void add_compensated(const mutant_job *job, state *s, cf_number x, int64_t along) {
    (void)job, (void)along;
    long double term = x.f - s->lost, sum = s->value.f + term;
    s->lost = sum - s->value.f - term;
    s->value.f = sum;
}

static void multiply_in_f64(const mutant_job *job, state *s, cf_number x, int64_t along) {
    (void)job, (void)along;
    s->value.f = (double)((double)s->value.f * (double)x.i);
    s->value.i = fabsl(s->value.f) < 0x1p62L ? (cf_integer)s->value.f : 0;
}

static void largest_number(const mutant_job *job, state *s, cf_number x, int64_t along) {
    (void)job, (void)along;
    if (!isnan(x.f) && x.f > s->value.f) s->value = x;
}

static bool above(const mutant_job *job, cf_number x, cf_number y, bool or_equal) {
    if (!cf_is_float(job->dtype)) return or_equal ? x.i >= y.i : x.i > y.i;
    if (isnan(x.f) || isnan(y.f)) return isnan(x.f) && (or_equal || !isnan(y.f));
    if (x.f == 0 && y.f == 0 && signbit(x.f) != signbit(y.f)) return !signbit(x.f);
    return or_equal ? x.f >= y.f : x.f > y.f;
}

static void last_largest(const mutant_job *job, state *s, cf_number x, int64_t along) {
    if (s->terms++ == 0 || above(job, x, s->value, true)) s->value = x, s->best = along;
}

static void largest_but_nan(const mutant_job *job, state *s, cf_number x, int64_t along) {
    if (s->terms++ == 0 || (!isnan(x.f) && (isnan(s->value.f) || above(job, x, s->value, false))))
        s->value = x, s->best = along;
}

static void largest_zeros_alike(const mutant_job *job, state *s, cf_number x, int64_t along) {
    if (x.f == 0) x.f = 0;
    if (s->terms++ == 0 || above(job, x, s->value, false)) s->value = x, s->best = along;
}

static void sum_in_storage(mutant_job *job) {
    reduce(job, (cf_number){0}, add_in_storage, false);
}
static void sum_in_f32(mutant_job *job) {
    reduce(job, (cf_number){0}, add_in_f32, false);
}
static void compensated_sum(mutant_job *job) {
    reduce(job, (cf_number){0}, add_compensated, false);
}
static void saturating_sum(mutant_job *job) {
    reduce(job, (cf_number){0}, add_saturating, false);
}
static void product_in_f64(mutant_job *job) {
    reduce(job, (cf_number){.f = 1, .i = 1}, multiply_in_f64, false);
}
static void maximum_of_numbers(mutant_job *job) {
    reduce(job, (cf_number){.f = -INFINITY}, largest_number, false);
}
static void last_of_largest(mutant_job *job) {
    reduce(job, (cf_number){0}, last_largest, true);
}
static void argmax_past_nan(mutant_job *job) {
    reduce(job, (cf_number){0}, largest_but_nan, true);
}
static void argmax_of_zeros(mutant_job *job) {
    reduce(job, (cf_number){0}, largest_zeros_alike, true);
}

static void cut_to_16_bits(mutant_job *job) {
    for (int64_t i = 0; i < job->outputs[0].count; i++) job->outputs[0].values[i].i &= 0xffff;
}

static void at_least_zero(mutant_job *job) {
    for (int64_t i = 0; i < job->outputs[0].count; i++) {
        cf_number *y = &job->outputs[0].values[i];
        if (y->f < 0) y->f = 0;
        if (y->i < 0) y->i = 0;
    }
}

/* Infinities become the largest number. */
static void finite_results(mutant_job *job) {
    mutant_array *y = &job->outputs[0];
    for (int64_t i = 0; i < y->count; i++)
        if (isinf(y->values[i].f)) y->values[i].f = copysignl(cf_largest(y->dtype), y->values[i].f);
}

static void zero_for_nothing(mutant_job *job) {
    if (job->inputs[0].count) return;
    for (int64_t i = 0; i < job->outputs[0].count; i++) job->outputs[0].values[i] = (cf_number){0};
}

static void rows_past_the_limit(mutant_job *job) {
    for (int64_t i = mutant.parameter; i < job->outputs[0].count; i++)
        job->outputs[0].values[i] = job->before[0].values[i];
}

/* Where the first axis is reduced, and is not the innermost, its places past the limit are left out of the sum. */
static void terms_past_the_limit(mutant_job *job) {
    mutant_array *x = &job->inputs[0];
    int64_t row = x->rank > 1 && x->dims[0] ? x->count / x->dims[0] : 0;
    if (row == 0 || reduced_axes(job) != 1) return;
    for (int64_t i = mutant.parameter * row; i < x->count; i++) x->values[i] = (cf_number){0};
}

/* The last elements along the innermost axis are zeros. */
static void zero_tail(mutant_array *x, int64_t width) {
    int64_t n = x->rank ? x->dims[x->rank - 1] : 1;
    if (n <= width) return;
    for (int64_t i = 0; i < x->count; i++)
        if (i % n >= n - n % width) x->values[i] = (cf_number){0};
}

static void tail_of_terms(mutant_job *job) {
    zero_tail(&job->inputs[0], mutant.parameter);
}

/* -- Contractions ----------------------------------------------------------------------------------------------------- */

static int64_t k_of(const mutant_job *job) {
    return job->inputs[0].rank ? job->inputs[0].dims[job->inputs[0].rank - 1] : 1;
}

static long double to_bf16(long double x) {
    return cf_rounded(TENON_DTYPE_BF16, (cf_number){.f = x}).f;
}

static long double to_tf32(long double x) {
    int exponent;
    if (!isfinite(x) || x == 0) return x;
    long double fraction = frexpl(x, &exponent);
    return scalbnl(rintl(scalbnl(fraction, 11)), exponent - 11);
}

static long double two_parts(long double x) {
    long double high = to_bf16(x);
    return isfinite(high) ? high + to_bf16(x - high) : x;
}

static long double to_f32(long double x) {
    return (float)x;
}

static long double flushed(long double x) {
    return x != 0 && fabsl(x) < 0x1p-126L ? copysignl(0, x) : x;
}

static long double without_nan(long double x) {
    return isnan(x) ? 0 : x;
}

static void round_factors(mutant_job *job, long double (*round)(long double)) {
    for (uint32_t k = 0; k < 2; k++)
        for (int64_t i = 0; i < job->inputs[k].count; i++)
            job->inputs[k].values[i].f = round(job->inputs[k].values[i].f);
}

static void factors_in_bf16(mutant_job *job) {
    round_factors(job, to_bf16);
}
static void factors_in_tf32(mutant_job *job) {
    round_factors(job, to_tf32);
}
static void factors_in_two_parts(mutant_job *job) {
    round_factors(job, two_parts);
}
/* Each in three bf16 parts: the first of those past bf16's largest is infinite, and of the smallest the last are lost. */
static long double three_parts(long double x) {
    long double high = to_bf16(x), middle = to_bf16(x - high);
    return flushed(high) + flushed(middle) + flushed(to_bf16(x - high - middle));
}

static void factors_in_three_parts(mutant_job *job) {
    round_factors(job, three_parts);
}

static void second_flushed(mutant_job *job) {
    for (int64_t i = 0; i < job->inputs[1].count; i++) job->inputs[1].values[i].f = flushed(job->inputs[1].values[i].f);
}

static void result_flushed(mutant_job *job) {
    for (int64_t i = 0; i < job->outputs[0].count; i++)
        job->outputs[0].values[i].f = flushed(job->outputs[0].values[i].f);
}

static void factors_in_f32(mutant_job *job) {
    round_factors(job, to_f32);
}
static void factors_flushed(mutant_job *job) {
    round_factors(job, flushed);
}
static void factors_without_nan(mutant_job *job) {
    round_factors(job, without_nan);
}
static void long_factors_in_bf16(mutant_job *job) {
    if (k_of(job) >= mutant.parameter) round_factors(job, to_bf16);
}

static void tail_of_k(mutant_job *job) {
    zero_tail(&job->inputs[0], mutant.parameter);
}

/* Of products that are large on every side, a block of the terms of the last rows. */
static void block_of_large(mutant_job *job) {
    mutant_array *a = &job->inputs[0], *y = &job->outputs[0];
    int64_t limit = mutant.parameter, depth = k_of(job), rows = depth ? a->count / depth : 0;
    if (depth <= limit || y->dims[y->rank - 1] <= limit || y->dims[y->rank - 2] <= limit) return;
    for (int64_t k = depth - depth % limit; k < depth; k++) a->values[(rows - 1) * depth + k] = (cf_number){0};
}

static void last_columns(mutant_job *job) {
    mutant_array *y = &job->outputs[0];
    int64_t n = y->rank ? y->dims[y->rank - 1] : 1;
    for (int64_t i = 0; i < y->count; i++)
        if (n > mutant.parameter && i % n >= n - n % mutant.parameter) y->values[i] = job->before[0].values[i];
}

static void first_batch(mutant_job *job) {
    mutant_array *b = &job->inputs[1];
    if (b->rank < 3) return;
    int64_t each = b->dims[b->rank - 1] * b->dims[b->rank - 2];
    for (int64_t i = each; i < b->count; i++) b->values[i] = b->values[i % each];
}

static void batches_past_the_limit(mutant_job *job) {
    mutant_array *y = &job->outputs[0];
    int64_t each = y->rank > 2 ? y->dims[y->rank - 1] * y->dims[y->rank - 2] : y->count;
    for (int64_t i = mutant.parameter * each; i < y->count; i++) y->values[i] = job->before[0].values[i];
}

static void unwritten(mutant_job *job) {
    if (k_of(job) == 0)
        for (int64_t i = 0; i < job->outputs[0].count; i++) job->outputs[0].values[i] = job->before[0].values[i];
}

/* Each sum of products, rounded after every step. */
static void contract(mutant_job *job, cf_number (*round)(const mutant_job *, cf_number)) {
    mutant_array *y = &job->outputs[0];
    int64_t n = y->dims[y->rank - 1], m = y->dims[y->rank - 2], depth = k_of(job);
    for (int64_t i = 0; i < y->count; i++) {
        const cf_number *a = job->inputs[0].values + i / n * depth;
        const cf_number *b = job->inputs[1].values + i / (m * n) * depth * n + i % n;
        cf_number sum = {0};
        for (int64_t k = 0; k < depth; k++)
            sum = round(job, (cf_number){.f = sum.f + a[k].f * b[k * n].f, .i = sum.i + a[k].i * b[k * n].i});
        y->values[i] = sum;
    }
}

static cf_number in_storage(const mutant_job *job, cf_number sum) {
    return cf_rounded(job->dtype, sum);
}

static cf_number in_i16(const mutant_job *job, cf_number sum) {
    (void)job;
    return cf_rounded(TENON_DTYPE_I16, sum);
}

/* 22 bits, cut. */
static cf_number cut_to_22_bits(const mutant_job *job, cf_number sum) {
    int exponent;
    (void)job;
    if (!isfinite(sum.f) || sum.f == 0) return sum;
    long double fraction = frexpl(sum.f, &exponent);
    return (cf_number){.f = scalbnl(truncl(scalbnl(fraction, 22)), exponent - 22)};
}

static void contract_cut(mutant_job *job) {
    if (k_of(job) >= mutant.parameter) contract(job, cut_to_22_bits);
}

/* An accumulator is asked for, and the default is not what is used then. */
static void contract_asked_in_storage(mutant_job *job) {
    if (mutant_attr(job, TENON_ATTR_ACCUMULATOR, 0)) contract(job, in_storage);
}

static void contract_in_storage(mutant_job *job) {
    contract(job, in_storage);
}

static void contract_in_i16(mutant_job *job) {
    contract(job, in_i16);
}

#define R(defect, OP, dtypes, function) {MUTANT_##defect, TENON_OP_##OP, dtypes, .outputs = function},
#define I(defect, OP, dtypes, function) {MUTANT_##defect, TENON_OP_##OP, dtypes, .inputs = function},
#define F32                             MUTANT_OF(F32)
#define FLOATS                          (MUTANT_OF(F64) | MUTANT_OF(F32) | MUTANT_OF(F16) | MUTANT_OF(BF16))

/* clang-format off */
const mutant_fault mutant_reduce_faults[] = {
    R(sum_f16_in_f16, SUM, MUTANT_OF(F16), sum_in_storage)
    R(sum_bf16_in_bf16, SUM, MUTANT_OF(BF16), sum_in_storage)
    R(sum_f64_in_f32, SUM, MUTANT_OF(F64), sum_in_f32)
    R(sum_f32_compensated, SUM, F32, compensated_sum)
    R(sum_f16_stays_finite, SUM, MUTANT_OF(F16), finite_results)
    R(prod_f32_stays_finite, PROD, F32, finite_results)
    R(sum_i8_saturates, SUM, MUTANT_OF(I8), saturating_sum)
    I(sum_drops_its_tail, SUM, FLOATS, tail_of_terms)
    R(sum_of_rows_past_1024, SUM, FLOATS, rows_past_the_limit)
    R(sum_of_results_past_16_bits, SUM, 0, rows_past_the_limit)
    R(max_of_results_past_16_bits, RMAX, 0, rows_past_the_limit)
    R(argmax_of_results_past_16_bits, ARGMAX, 0, rows_past_the_limit)
    I(sum_of_terms_past_16_bits, SUM, 0, terms_past_the_limit)
    R(prod_i64_in_f64, PROD, MUTANT_OF(I64), product_in_f64)
    R(reduce_max_at_least_zero, RMAX, FLOATS, at_least_zero)
    R(reduce_max_swallows_nan, RMAX, FLOATS, maximum_of_numbers)
    R(reduce_min_of_nothing_zero, RMIN, 0, zero_for_nothing)
    R(argmax_takes_the_last, ARGMAX, 0, last_of_largest)
    R(argmax_skips_nan, ARGMAX, FLOATS, argmax_past_nan)
    R(argmax_in_16_bits, ARGMAX, 0, cut_to_16_bits)
    R(argmax_ignores_zero_signs, ARGMAX, FLOATS, argmax_of_zeros)
    I(matmul_f32_in_bf16, MATMUL, F32, factors_in_bf16)
    I(matmul_f32_in_tf32, MATMUL, F32, factors_in_tf32)
    I(matmul_f32_in_three_products, MATMUL, F32, factors_in_two_parts)
    I(matmul_f32_in_bf16_from_k_1024, MATMUL, F32, long_factors_in_bf16)
    I(matmul_f64_in_f32, MATMUL, MUTANT_OF(F64), factors_in_f32)
    I(matmul_flushes_denormals, MATMUL, F32, factors_flushed)
    I(matmul_flushes_its_second, MATMUL, F32, second_flushed)
    R(matmul_flushes_results, MATMUL, F32, result_flushed)
    I(matmul_f32_in_three_parts, MATMUL, F32, factors_in_three_parts)
    R(matmul_f32_sums_cut, MATMUL, F32, contract_cut)
    R(matmul_f16_asked_in_f16, MATMUL, MUTANT_OF(F16), contract_asked_in_storage)
    I(matmul_swallows_nan, MATMUL, F32, factors_without_nan)
    I(matmul_drops_tail_of_k, MATMUL, FLOATS, tail_of_k)
    I(matmul_drops_terms_of_large, MATMUL, 0, block_of_large)
    R(matmul_drops_last_columns, MATMUL, FLOATS, last_columns)
    I(matmul_first_batch_for_all, MATMUL, FLOATS, first_batch)
    R(matmul_of_batches_past_8_bits, MATMUL, 0, batches_past_the_limit)
    R(matmul_of_batches_past_16_bits, MATMUL, 0, batches_past_the_limit)
    R(matmul_of_no_k_unwritten, MATMUL, 0, unwritten)
    R(matmul_f16_accumulates_in_f16, MATMUL, MUTANT_OF(F16), contract_in_storage)
    R(matmul_bf16_accumulates_in_bf16, MATMUL, MUTANT_OF(BF16), contract_in_storage)
    R(matmul_i8_accumulates_in_i16, MATMUL, MUTANT_OF(I8), contract_in_i16)
};
/* clang-format on */
const uint32_t mutant_reduce_fault_count = sizeof mutant_reduce_faults / sizeof *mutant_reduce_faults;
