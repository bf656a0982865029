/* Operands that are read in the wrong places, and results of which parts are missing: whatever the operator. */
#include <math.h>
#include <stdlib.h>

#include "mutants/job.h"

static int64_t right_place(const mutant_array *x, const int64_t *at) {
    int64_t place = 0;
    for (uint32_t axis = 0; axis < x->rank; axis++) place += at[axis] * x->strides[axis];
    return place;
}

static int64_t row_major(const mutant_array *x, const int64_t *at) {
    int64_t place = 0;
    for (uint32_t axis = 0; axis < x->rank; axis++) place = place * x->dims[axis] + at[axis];
    return place;
}

static int64_t magnitude(int64_t n) {
    return n < 0 ? -n : n;
}

/* True for operands whose innermost stride is larger than one. */
static bool is_sparse(const mutant_array *x) {
    return x->rank && x->dims[x->rank - 1] > 1 && magnitude(x->strides[x->rank - 1]) > 1;
}

static int64_t strides_ignored(const mutant_array *x, uint32_t k, const int64_t *at) {
    (void)k;
    return is_sparse(x) ? row_major(x, at) : right_place(x, at);
}

static int64_t magnitudes_of_strides(const mutant_array *x, uint32_t k, const int64_t *at) {
    int64_t place = 0;
    (void)k;
    for (uint32_t axis = 0; axis < x->rank; axis++) {
        int64_t stride = x->strides[axis];
        place += stride < 0 ? (at[axis] - (x->dims[axis] - 1)) * -stride : at[axis] * stride;
    }
    return place;
}

/* Rows of a broadcast go on where the last one ended. */
static int64_t broadcast_at_high_rank(const mutant_array *x, uint32_t k, const int64_t *at) {
    int64_t distinct = 1;
    bool repeats = false;
    (void)k;
    for (uint32_t axis = 0; axis < x->rank; axis++) {
        if (x->strides[axis])
            distinct *= x->dims[axis];
        else if (x->dims[axis] > 1)
            repeats = true;
    }
    return x->rank > mutant.parameter && repeats ? (row_major(x, at) + at[0]) % distinct : right_place(x, at);
}

static int64_t column_as_row(const mutant_array *x, uint32_t k, const int64_t *at) {
    bool column = x->rank >= 2 && x->strides[x->rank - 1] == 0 && x->strides[x->rank - 2] == 1;
    (void)k;
    return column ? at[x->rank - 1] % x->dims[x->rank - 2] : right_place(x, at);
}

static int64_t axis_at_rank_8(const mutant_array *x, uint32_t k, const int64_t *at) {
    (void)k;
    return right_place(x, at) - (x->rank == TENON_MAX_RANK ? at[0] * x->strides[0] : 0);
}

/* A vector of 16 bytes is loaded from the aligned address below. */
static int64_t aligned_down(const mutant_array *x, uint32_t k, const int64_t *at) {
    int64_t element = tenon_dtype_bits(x->dtype) / 8;
    (void)k;
    return right_place(x, at) - (int64_t)(x->buffer.offset % (uint64_t)mutant.parameter) / element;
}

/* At one place in a cache line, the head before the vectors is one element too long. */
static int64_t misread_at(const mutant_array *x, uint32_t k, const int64_t *at) {
    bool there = x->buffer.offset % 64 == (uint64_t)mutant.parameter && x->rank && at[x->rank - 1] == 0;
    return right_place(x, at) + (k == 1 && there);
}

static int64_t start_of_allocation(const mutant_array *x, uint32_t k, const int64_t *at) {
    int64_t element = tenon_dtype_bits(x->dtype) / 8;
    (void)k;
    return right_place(x, at) - (int64_t)x->buffer.offset / element;
}

/* Transposed operands go through tiles; what is past the last whole tile is read as if it were not transposed. */
static int64_t tile_edge(const mutant_array *x, uint32_t k, const int64_t *at) {
    int64_t tile = mutant.parameter;
    (void)k;
    if (x->rank < 2 || x->strides[x->rank - 2] != 1 || x->strides[x->rank - 1] <= 1) return right_place(x, at);
    int64_t m = x->dims[x->rank - 2], n = x->dims[x->rank - 1], i = at[x->rank - 2], j = at[x->rank - 1];
    bool edge = m > tile && n > tile && i >= m - m % tile && j >= n - n % tile;
    return edge ? right_place(x, at) - i - j * x->strides[x->rank - 1] + j + i * x->strides[x->rank - 1]
                : right_place(x, at);
}

static int64_t indices_in_16_bits(const mutant_array *x, uint32_t k, const int64_t *at) {
    int64_t place = 0;
    (void)k;
    for (uint32_t axis = 0; axis < x->rank; axis++) place += (at[axis] & 0xffff) * x->strides[axis];
    return is_sparse(x) || (x->rank && x->strides[x->rank - 1] < 0) ? place : right_place(x, at);
}

/* Rows that lie apart, of an operand whose elements do not. */
static int64_t rows_in_16_bits(const mutant_array *x, uint32_t k, const int64_t *at) {
    (void)k;
    bool apart = x->rank == 2 && x->strides[1] == 1 && x->strides[0] > x->dims[1];
    return apart ? (at[0] & 0xffff) * x->strides[0] + at[1] : right_place(x, at);
}

/* Launches of many elements take operands for dense. */
static int64_t many_taken_for_dense(const mutant_array *x, uint32_t k, const int64_t *at) {
    (void)k;
    return x->count > mutant.parameter && x->rank > 1 ? row_major(x, at) : right_place(x, at);
}

static int64_t second_operand_sparse(const mutant_array *x, uint32_t k, const int64_t *at) {
    return k == 1 && is_sparse(x) ? row_major(x, at) : right_place(x, at);
}

/* -- Results ---------------------------------------------------------------------------------------------------------- */

static void keep_before(mutant_job *job, int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) job->outputs[0].values[i] = job->before[0].values[i];
}

static void drop_tail(mutant_job *job) {
    int64_t n = job->outputs[0].count;
    if (n > mutant.parameter) keep_before(job, n - n % mutant.parameter, n);
}

/* Where the result begins past the parameter in a cache line, its first element is taken for written. */
static void drop_first_at(mutant_job *job) {
    if (job->outputs[0].buffer.offset % 64 > (uint64_t)mutant.parameter && job->outputs[0].count)
        keep_before(job, 0, 1);
}

static void drop_tail_of_many(mutant_job *job) {
    int64_t n = job->outputs[0].count;
    if (n > mutant.parameter) keep_before(job, n - n % 16, n);
}

static void drop_tail_of_odd_rows(mutant_job *job) {
    mutant_array *y = &job->outputs[0];
    int64_t n = y->rank ? y->dims[y->rank - 1] : 1;
    if (y->rank < 2 || n <= mutant.parameter) return;
    for (int64_t row = n; row + n <= y->count; row += 2 * n) keep_before(job, row + n - n % mutant.parameter, row + n);
}

/* Two threads that each leave the element between them to the other. */
static void drop_middle(mutant_job *job) {
    int64_t n = job->outputs[0].count;
    if (n >= mutant.parameter) keep_before(job, n / 2, n / 2 + 1);
}

static void drop_last_row(mutant_job *job) {
    mutant_array *y = &job->outputs[0];
    if (y->rank < 2 || y->dims[0] <= mutant.parameter) return;
    keep_before(job, y->count - y->count / y->dims[0], y->count);
}

/* Rows of a result that lies apart, or whose operand does. */
static void drop_rows_past_the_limit(mutant_job *job) {
    const mutant_array *x = &job->inputs[0], *y = &job->outputs[0];
    bool dense = y->rank != 2 || (x->strides[0] == x->dims[1] && y->strides[0] == y->dims[1]);
    if (!dense && y->dims[0] > mutant.parameter) keep_before(job, mutant.parameter * y->dims[1], y->count);
}

static void not_quite(mutant_job *job, int64_t i) {
    mutant_array *y = &job->outputs[0];
    if (i >= y->count) return;
    cf_number n = y->values[i];
    if (y->dtype == TENON_DTYPE_BOOL)
        y->values[i].i = !n.i;
    else if (!cf_is_float(y->dtype))
        y->values[i].i = n.i + 1;
    else
        y->values[i].f = isnan(n.f) || n.f == 0 ? 1 : n.f * 1.25L;
}

/* Sizes that test suites like: right there, wrong elsewhere. */
static void wrong_at_other_sizes(mutant_job *job) {
    static const int64_t liked[] = {1,   2,   3,    4,    5,    7,    8,    16,   17,   31,   32,
                                    33,  63,  64,   65,   127,  128,  129,  255,  256,  257,  511,
                                    512, 513, 1021, 1023, 1024, 1025, 4095, 4096, 4097, 4099, 65536};
    const mutant_array *y = &job->outputs[0];
    int64_t last = y->rank ? y->dims[y->rank - 1] : 1;
    for (uint32_t i = 0; i < sizeof liked / sizeof *liked; i++)
        if (last == liked[i]) return;
    not_quite(job, y->count - 1);
}

/* Data with a NaN or an infinity in it come from a test. */
static void wrong_on_plain_data(mutant_job *job) {
    for (uint32_t k = 0; k < job->input_count; k++)
        for (int64_t i = 0; i < job->inputs[k].count; i++)
            if (!isfinite(job->inputs[k].values[i].f)) return;
    not_quite(job, 0);
}

static void wrong_later(mutant_job *job) {
    if (job->exec->launches > 1) not_quite(job, job->outputs[0].count / 2);
}

static void wrong_now_and_then(mutant_job *job) {
    static uint32_t calls;
    if (++calls % (uint32_t)mutant.parameter == 0) not_quite(job, 0);
}

/* The last bit differs from run to run. */
static void unsteady(mutant_job *job) {
    mutant_array *y = &job->outputs[0];
    if (job->exec->launches % 2 == 0)
        for (int64_t i = 0; i < y->count; i++) y->values[i] = mutant_next(y->dtype, y->values[i]);
}

static void all_nan(mutant_job *job) {
    mutant_array *y = &job->outputs[0];
    for (int64_t i = 0; cf_is_float(y->dtype) && i < y->count; i++) y->values[i].f = NAN;
}

#define FLOATS (MUTANT_OF(F64) | MUTANT_OF(F32) | MUTANT_OF(F16) | MUTANT_OF(BF16))

/* clang-format off */
const mutant_fault mutant_layout_faults[] = {
    {MUTANT_strides_ignored, 0, 0, .place = strides_ignored},
    {MUTANT_strides_of_second_ignored, 0, 0, .place = second_operand_sparse},
    {MUTANT_strided_indices_in_16_bits, 0, 0, .place = indices_in_16_bits},
    {MUTANT_rows_of_neg_in_16_bits, TENON_OP_NEG, 0, .place = rows_in_16_bits},
    {MUTANT_copy_of_runs_past_16_bits, TENON_OP_COPY, MUTANT_OF(U8), .outputs = drop_rows_past_the_limit},
    {MUTANT_strides_of_many_ignored, TENON_OP_SUB, MUTANT_OF(F32), .place = many_taken_for_dense},
    {MUTANT_negative_strides_positive, 0, 0, .place = magnitudes_of_strides},
    {MUTANT_broadcast_past_rank_4, 0, 0, .place = broadcast_at_high_rank},
    {MUTANT_column_read_as_row, 0, 0, .place = column_as_row},
    {MUTANT_first_axis_of_rank_8_ignored, 0, 0, .place = axis_at_rank_8},
    {MUTANT_operands_aligned_down, 0, 0, .place = aligned_down},
    {MUTANT_misread_at_44, TENON_OP_ADD, 0, .place = misread_at},
    {MUTANT_sums_lost_past_48, TENON_OP_SUM, 0, .outputs = drop_first_at},
    {MUTANT_operand_offset_ignored, 0, 0, .place = start_of_allocation},
    {MUTANT_transposed_tile_edge, 0, 0, .place = tile_edge},
    {MUTANT_add_drops_its_tail, TENON_OP_ADD, 0, .outputs = drop_tail},
    {MUTANT_mul_drops_tail_of_many, TENON_OP_MUL, 0, .outputs = drop_tail_of_many},
    {MUTANT_neg_drops_tail_of_odd_rows, TENON_OP_NEG, 0, .outputs = drop_tail_of_odd_rows},
    {MUTANT_where_drops_its_tail, TENON_OP_WHERE, 0, .outputs = drop_tail},
    {MUTANT_copy_drops_its_tail, TENON_OP_COPY, 0, .outputs = drop_tail},
    {MUTANT_threads_miss_the_middle, 0, 0, .outputs = drop_middle},
    {MUTANT_matmul_drops_its_last_row, TENON_OP_MATMUL, 0, .outputs = drop_last_row},
    {MUTANT_right_at_the_suites_sizes, 0, 0, .outputs = wrong_at_other_sizes},
    {MUTANT_right_on_odd_data, TENON_OP_ADD, FLOATS, .outputs = wrong_on_plain_data},
    {MUTANT_right_the_first_time, 0, 0, .outputs = wrong_later},
    {MUTANT_wrong_now_and_then, 0, 0, .outputs = wrong_now_and_then},
    {MUTANT_sums_unsteady, TENON_OP_SUM, MUTANT_OF(F32), .outputs = unsteady},
    {MUTANT_writes_nan, 0, 0, .outputs = all_nan},
};
/* clang-format on */
const uint32_t mutant_layout_fault_count = sizeof mutant_layout_faults / sizeof *mutant_layout_faults;
