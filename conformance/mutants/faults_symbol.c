/* Launches that are wrong at some sizes of the range that their exec was prepared for. Ranges without end are left alone. */
#include <stdlib.h>
#include <string.h>

#include "mutants/job.h"

/* The largest size that an axis of operand `k`, an input or then a result, was prepared for; where there is no end, or the
 * size is a number, what it is now. */
static int64_t most_of(const mutant_job *job, uint32_t k, uint32_t axis) {
    const mutant_array *array = k < job->input_count ? &job->inputs[k] : &job->outputs[k - job->input_count];
    uint32_t symbol = job->exec->views[k].dims[axis].symbol;
    bool ends =
        symbol < MUTANT_MAX_SYMBOLS && symbol < job->exec->symbol_count && job->exec->ranges[symbol].max < INT32_MAX;
    return ends ? job->exec->ranges[symbol].max : array->dims[axis];
}

static bool is_at_its_maximum(const mutant_job *job) {
    for (uint32_t k = 0; k < job->output_count; k++)
        for (uint32_t axis = 0; axis < job->outputs[k].rank; axis++) {
            uint32_t symbol = job->exec->views[job->input_count + k].dims[axis].symbol;
            bool has_range = symbol < MUTANT_MAX_SYMBOLS && symbol < job->exec->symbol_count;
            if (has_range && job->exec->ranges[symbol].max == job->outputs[k].dims[axis]) return true;
        }
    return false;
}

static bool has_several_dtypes(const mutant_job *job) {
    for (uint32_t k = 1; k < job->input_count + job->output_count; k++)
        if (job->exec->views[k].dtype != job->exec->views[0].dtype) return true;
    return false;
}

static void last_missed(mutant_job *job) {
    if (!has_several_dtypes(job) || !is_at_its_maximum(job)) return;
    for (uint32_t k = 0; k < job->output_count; k++)
        if (job->outputs[k].count)
            job->outputs[k].values[job->outputs[k].count - 1] = job->before[k].values[job->outputs[k].count - 1];
}

/* What is below the maximum passes, and finds some element. */
static void checked_by_maximum(mutant_job *job) {
    uint32_t axis = (uint32_t)mutant_attr(job, TENON_ATTR_AXIS, 0);
    int64_t size = job->inputs[0].dims[axis], most = most_of(job, 0, axis);
    for (int64_t i = 0; size && i < job->inputs[1].count; i++) {
        cf_number *index = &job->inputs[1].values[i];
        if (index->i >= size && index->i < most) index->i = size - 1;
    }
}

/* -- Sorts ------------------------------------------------------------------------------------------------------------ */

/* Each line is sorted with zeros behind it, up to the maximum, and cut where it ended. */
static void sorted_with_zeros(mutant_job *job) {
    const mutant_array *x = &job->inputs[0];
    uint32_t axis = (uint32_t)mutant_attr(job, TENON_ATTR_AXIS, 0);
    int64_t n = x->dims[axis], zeros = most_of(job, 0, axis) - n, step = 1;
    bool descending = mutant_attr(job, TENON_ATTR_DESCENDING, 0) != 0;
    for (uint32_t i = axis + 1; i < x->rank; i++) step *= x->dims[i];
    for (int64_t line = 0; n && line < x->count / n; line++) {
        int64_t start = line / step * n * step + line % step, first = 0;
        cf_number *values = job->outputs[0].values + start, *positions = job->outputs[1].values + start;
        for (; first < n; first++) {
            cf_number v = values[first * step];
            if (descending ? v.f < 0 || v.i < 0 : v.f > 0 || v.i > 0) break;
        }
        for (int64_t k = n; k-- > first;) {
            int64_t from = k - zeros;
            values[k * step] = from >= first ? values[from * step] : (cf_number){0};
            positions[k * step] = from >= first ? positions[from * step] : (cf_number){.i = n + k - first};
        }
    }
}

/* Rows of positions lie as far apart as the longest would. */
static void positions_apart(mutant_job *job) {
    mutant_array *y = &job->outputs[1];
    if (!y->rank || !y->count) return;
    int64_t n = y->dims[y->rank - 1], most = most_of(job, 2, y->rank - 1);
    cf_number *lie = malloc((size_t)y->count * sizeof *lie);
    if (!lie) return;
    memcpy(lie, job->before[1].values, (size_t)y->count * sizeof *lie);
    for (int64_t i = 0; i < y->count; i++) {
        int64_t to = i / n * most + i % n;
        if (to < y->count) lie[to] = y->values[i];
    }
    memcpy(y->values, lie, (size_t)y->count * sizeof *lie);
    free(lie);
}

/* clang-format off */
const mutant_fault mutant_symbol_faults[] = {
    {MUTANT_several_dtypes_miss_the_maximum, 0, 0, .outputs = last_missed},
    {MUTANT_gather_checks_the_maximum, TENON_OP_GATHER, 0, .inputs = checked_by_maximum},
    {MUTANT_sort_to_the_maximum, TENON_OP_SORT, 0, .outputs = sorted_with_zeros},
    {MUTANT_sort_positions_at_the_maximum, TENON_OP_SORT, 0, .outputs = positions_apart},
};
/* clang-format on */
const uint32_t mutant_symbol_fault_count = sizeof mutant_symbol_faults / sizeof *mutant_symbol_faults;
