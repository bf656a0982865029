/* Sorts and scans computed wrongly: line by line along their axis. */
#include <math.h>
#include <stdlib.h>

#include "mutants/job.h"

/* A line of elements along the axis: `n` of them from `start` on, `step` apart. */
typedef struct line {
    int64_t n, start, step;
} line;

static int64_t line_count(const mutant_job *job) {
    int64_t n = job->inputs[0].dims[mutant_attr(job, TENON_ATTR_AXIS, 0)];
    return n ? job->inputs[0].count / n : 0;
}

static line line_of(const mutant_job *job, int64_t index) {
    const mutant_array *x = &job->inputs[0];
    uint32_t axis = (uint32_t)mutant_attr(job, TENON_ATTR_AXIS, 0);
    int64_t inner = 1;
    for (uint32_t i = axis + 1; i < x->rank; i++) inner *= x->dims[i];
    return (line){x->dims[axis], index / inner * x->dims[axis] * inner + index % inner, inner};
}

/* -- Sorts ------------------------------------------------------------------------------------------------------------ */

/* Ascending order as the operator has it. */
static int order(const mutant_job *job, cf_number x, cf_number y) {
    bool zeros = x.f == 0 && y.f == 0;
    if (!cf_is_float(job->dtype)) return (x.i > y.i) - (x.i < y.i);
    if (isnan(x.f) || isnan(y.f)) {
        int larger = (isnan(x.f) != 0) - (isnan(y.f) != 0);
        return planted(MUTANT_sort_puts_nan_first) ? -larger : larger;
    }
    if (zeros && planted(MUTANT_sort_zeros_alike)) return 0;
    if (zeros) return (signbit(y.f) != 0) - (signbit(x.f) != 0);
    return (x.f > y.f) - (x.f < y.f);
}

/* True when the element that comes later goes before the other one. */
static bool goes_before(const mutant_job *job, cf_number later, cf_number earlier) {
    bool descending = mutant_attr(job, TENON_ATTR_DESCENDING, 0) != 0;
    int sign = order(job, later, earlier);
    if (sign == 0 && planted(MUTANT_sort_unstable)) return true;
    if (sign == 0 && planted(MUTANT_sort_descending_reverses_ties)) return descending;
    return descending ? sign > 0 : sign < 0;
}

static void sort_line(mutant_job *job, line l) {
    const cf_number *x = job->inputs[0].values + l.start;
    cf_number *values = job->outputs[0].values + l.start, *positions = job->outputs[1].values + l.start;
    for (int64_t k = 0; k < l.n; k++) {
        cf_number n = x[k * l.step];
        int64_t at = k;
        for (; at > 0 && goes_before(job, n, values[(at - 1) * l.step]); at--) {
            values[at * l.step] = values[(at - 1) * l.step];
            positions[at * l.step] = positions[(at - 1) * l.step];
        }
        values[at * l.step] = n;
        positions[at * l.step] = (cf_number){.i = k};
    }
}

static void sort(mutant_job *job) {
    for (int64_t i = 0; i < line_count(job); i++) sort_line(job, line_of(job, i));
}

static void positions_cut(mutant_job *job) {
    for (int64_t i = 0; i < job->outputs[1].count; i++) job->outputs[1].values[i].i &= mutant.parameter;
}

/* -- Scans ------------------------------------------------------------------------------------------------------------ */

/* The first `bits` of the significand. */
static long double cut(long double x, int bits) {
    int exponent;
    if (x == 0 || !isfinite(x)) return x;
    long double part = frexpl(x, &exponent);
    return ldexpl(truncl(ldexpl(part, bits)), exponent - bits);
}

static cf_number sum_of(const mutant_job *job, cf_number a, cf_number b) {
    cf_number sum = {.f = a.f + b.f, .i = a.i + b.i};
    return planted(MUTANT_scan_f16_in_f16) ? cf_rounded(job->dtype, sum) : sum;
}

/* Running sums; `block` elements along the line the sum begins anew, 0: never. */
static void add_line(mutant_job *job, line l, int64_t block) {
    bool exclusive = mutant_attr(job, TENON_ATTR_EXCLUSIVE, 0) != 0;
    bool reverse = mutant_attr(job, TENON_ATTR_REVERSE, 0) != 0;
    cf_number running = {0};
    for (int64_t k = 0; k < l.n; k++) {
        int64_t at = l.start + (reverse ? l.n - 1 - k : k) * l.step;
        if (block && k % block == 0) running = (cf_number){0};
        cf_number before = running;
        running = sum_of(job, running, job->inputs[0].values[at]);
        if (planted(MUTANT_scan_f32_short_from_k_1024) && k >= mutant.parameter) running.f = cut(running.f, 20);
        job->outputs[0].values[at] = exclusive ? before : running;
    }
}

static void add_lines(mutant_job *job) {
    bool forgets = planted(MUTANT_scan_forgets_blocks) || planted(MUTANT_scan_forgets_past_16_bits);
    int64_t block = forgets ? mutant.parameter : 0;
    if (mutant_attr(job, TENON_ATTR_COMBINE, 0) != TENON_COMBINE_ADD) return;
    for (int64_t i = 0; i < line_count(job); i++) add_line(job, line_of(job, i), block);
}

/* Each sum as the line's total less what follows: an infinity reaches the elements before it as NaN. */
static void sum_backwards(mutant_job *job, line l) {
    bool exclusive = mutant_attr(job, TENON_ATTR_EXCLUSIVE, 0) != 0;
    bool reverse = mutant_attr(job, TENON_ATTR_REVERSE, 0) != 0;
    long double running = 0;
    for (int64_t k = 0; k < l.n; k++) running += job->inputs[0].values[l.start + k * l.step].f;
    for (int64_t k = l.n; k-- > 0;) {
        int64_t at = l.start + (reverse ? l.n - 1 - k : k) * l.step;
        long double before = running - job->inputs[0].values[at].f;
        job->outputs[0].values[at].f = exclusive ? before : running;
        running = before;
    }
}

static void sum_from_totals(mutant_job *job) {
    if (mutant_attr(job, TENON_ATTR_COMBINE, 0) != TENON_COMBINE_ADD) return;
    for (int64_t i = 0; i < line_count(job); i++) sum_backwards(job, line_of(job, i));
}

/* An exclusive scan begins with 0, whatever it combines. */
static void zero_first(mutant_job *job) {
    if (!mutant_attr(job, TENON_ATTR_EXCLUSIVE, 0)) return;
    for (int64_t i = 0; i < line_count(job); i++) {
        line l = line_of(job, i);
        int64_t first = mutant_attr(job, TENON_ATTR_REVERSE, 0) ? l.n - 1 : 0;
        if (l.n) job->outputs[0].values[l.start + first * l.step] = (cf_number){0};
    }
}

/* Lines that no group of the launch came to. */
static void lines_past_the_limit(mutant_job *job) {
    for (int64_t i = mutant.parameter; i < line_count(job); i++) {
        line l = line_of(job, i);
        for (int64_t k = 0; k < l.n; k++)
            for (uint32_t o = 0; o < job->output_count; o++)
                job->outputs[o].values[l.start + k * l.step] = job->before[o].values[l.start + k * l.step];
    }
}

/* clang-format off */
const mutant_fault mutant_line_faults[] = {
    {MUTANT_sort_unstable, TENON_OP_SORT, 0, .outputs = sort},
    {MUTANT_sort_puts_nan_first, TENON_OP_SORT, 0, .outputs = sort},
    {MUTANT_sort_zeros_alike, TENON_OP_SORT, 0, .outputs = sort},
    {MUTANT_sort_descending_reverses_ties, TENON_OP_SORT, 0, .outputs = sort},
    {MUTANT_sort_positions_in_a_byte, TENON_OP_SORT, 0, .outputs = positions_cut},
    {MUTANT_sort_positions_in_16_bits, TENON_OP_SORT, 0, .outputs = positions_cut},
    {MUTANT_sort_of_lines_past_16_bits, TENON_OP_SORT, 0, .outputs = lines_past_the_limit},
    {MUTANT_scan_of_lines_past_16_bits, TENON_OP_SCAN, 0, .outputs = lines_past_the_limit},
    {MUTANT_scan_f16_in_f16, TENON_OP_SCAN, MUTANT_OF(F16), .outputs = add_lines},
    {MUTANT_scan_f32_short_from_k_1024, TENON_OP_SCAN, MUTANT_OF(F32), .outputs = add_lines},
    {MUTANT_scan_forgets_blocks, TENON_OP_SCAN, 0, .outputs = add_lines},
    {MUTANT_scan_forgets_past_16_bits, TENON_OP_SCAN, 0, .outputs = add_lines},
    {MUTANT_scan_f32_from_totals, TENON_OP_SCAN, MUTANT_OF(F32), .outputs = sum_from_totals},
    {MUTANT_scan_exclusive_begins_with_zero, TENON_OP_SCAN, 0, .outputs = zero_first},
};
/* clang-format on */
const uint32_t mutant_line_fault_count = sizeof mutant_line_faults / sizeof *mutant_line_faults;
