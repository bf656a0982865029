/* Gathers and scatters done wrongly. */
#include <stdlib.h>

#include "mutants/job.h"

static int64_t limit_of(const mutant_job *job) {
    const mutant_array *whole = job->op == TENON_OP_GATHER ? &job->inputs[0] : &job->outputs[0];
    return whole->dims[mutant_attr(job, TENON_ATTR_AXIS, 0)];
}

static mutant_array *index_of(mutant_job *job) {
    return &job->inputs[job->op == TENON_OP_GATHER ? 1 : 0];
}

static void clamp(mutant_job *job) {
    mutant_array *index = index_of(job);
    for (int64_t i = 0; i < index->count; i++) {
        if (index->values[i].i < 0) index->values[i].i = 0;
        if (index->values[i].i >= limit_of(job)) index->values[i].i = limit_of(job) - 1;
    }
}

static void from_the_end(mutant_job *job) {
    mutant_array *index = index_of(job);
    for (int64_t i = 0; i < index->count; i++)
        if (index->values[i].i < 0 && index->values[i].i >= -limit_of(job)) index->values[i].i += limit_of(job);
}

static void cut_to_bits(mutant_job *job) {
    mutant_array *index = index_of(job);
    for (int64_t i = 0; i < index->count; i++)
        if (index->values[i].i >= 0) index->values[i].i &= mutant.parameter;
}

static void low_half(mutant_job *job) {
    mutant_array *index = index_of(job);
    for (int64_t i = 0; i < index->count; i++) index->values[i].i = (int32_t)(uint64_t)index->values[i].i;
}

/* -- Scatter ---------------------------------------------------------------------------------------------------------- */

/* The element of y that update `i` goes to; -1 when its index is out of range. */
static int64_t target_of(const mutant_job *job, int64_t i) {
    const mutant_array *index = &job->inputs[0], *u = &job->inputs[1], *y = &job->outputs[0];
    uint32_t axis = (uint32_t)mutant_attr(job, TENON_ATTR_AXIS, 0), after = axis + index->rank;
    int64_t at[TENON_MAX_RANK], q = 0, place = 0;
    mutant_unravel(u, i, at);
    for (uint32_t a = 0; a < index->rank; a++) q = q * index->dims[a] + at[axis + a];
    int64_t chosen = (int64_t)index->values[q].i;
    if (chosen < 0 || chosen >= y->dims[axis]) return -1;
    for (uint32_t a = 0; a < y->rank; a++)
        place = place * y->dims[a] + (a < axis ? at[a] : a == axis ? chosen : at[after + a - axis - 1]);
    return place;
}

static void first_wins(mutant_job *job) {
    if (mutant_attr(job, TENON_ATTR_COMBINE, 0) != TENON_COMBINE_SET) return;
    for (int64_t i = job->inputs[1].count; i-- > 0;) {
        int64_t target = target_of(job, i);
        if (target >= 0) job->outputs[0].values[target] = job->inputs[1].values[i];
    }
}

/* Updates read what was there before any of them. */
static void duplicates_lost(mutant_job *job) {
    if (mutant_attr(job, TENON_ATTR_COMBINE, 0) != TENON_COMBINE_ADD) return;
    for (int64_t i = 0; i < job->inputs[1].count; i++) {
        int64_t target = target_of(job, i);
        cf_number u = job->inputs[1].values[i], y = target < 0 ? u : job->before[0].values[target];
        if (target >= 0) job->outputs[0].values[target] = (cf_number){.f = y.f + u.f, .i = y.i + u.i};
    }
}

static void initial_content_lost(mutant_job *job) {
    const mutant_array *y = &job->outputs[0];
    char *hit = calloc((size_t)y->count + 1, 1);
    for (int64_t i = 0; hit && i < job->inputs[1].count; i++) {
        int64_t target = target_of(job, i);
        if (target >= 0) hit[target] = 1;
    }
    for (int64_t i = 0; hit && i < y->count; i++)
        if (!hit[i]) y->values[i] = (cf_number){0};
    free(hit);
}

/* Indices past the limit are not looked at. */
static void results_past_the_limit(mutant_job *job) {
    const mutant_array *index = index_of(job);
    mutant_array *y = &job->outputs[0];
    uint32_t axis = (uint32_t)mutant_attr(job, TENON_ATTR_AXIS, 0);
    int64_t inner = 1;
    for (uint32_t i = axis + 1; i < job->inputs[0].rank; i++) inner *= job->inputs[0].dims[i];
    for (int64_t i = 0; i < y->count; i++)
        if (i / inner % index->count >= mutant.parameter) y->values[i] = job->before[0].values[i];
}

/* Updates past the limit do what the one there does. */
static void updates_past_the_limit(mutant_job *job) {
    mutant_array *index = &job->inputs[0];
    for (int64_t i = mutant.parameter; i < index->count; i++) index->values[i] = index->values[mutant.parameter - 1];
}

/* clang-format off */
const mutant_fault mutant_index_faults[] = {
    {MUTANT_gather_clamps_indices, TENON_OP_GATHER, 0, .inputs = clamp},
    {MUTANT_gather_counts_from_the_end, TENON_OP_GATHER, 0, .inputs = from_the_end},
    {MUTANT_gather_index_in_a_byte, TENON_OP_GATHER, 0, .inputs = cut_to_bits},
    {MUTANT_gather_index_in_16_bits, TENON_OP_GATHER, 0, .inputs = cut_to_bits},
    {MUTANT_scatter_index_in_16_bits, TENON_OP_SCATTER, 0, .inputs = cut_to_bits},
    {MUTANT_gather_index_low_half, TENON_OP_GATHER, 0, .inputs = low_half},
    {MUTANT_scatter_clamps_indices, TENON_OP_SCATTER, 0, .inputs = clamp},
    {MUTANT_scatter_counts_from_the_end, TENON_OP_SCATTER, 0, .inputs = from_the_end},
    {MUTANT_gather_of_indices_past_16_bits, TENON_OP_GATHER, 0, .outputs = results_past_the_limit},
    {MUTANT_scatter_of_indices_past_16_bits, TENON_OP_SCATTER, 0, .inputs = updates_past_the_limit},
    {MUTANT_scatter_first_wins, TENON_OP_SCATTER, 0, .outputs = first_wins},
    {MUTANT_scatter_add_loses_duplicates, TENON_OP_SCATTER, 0, .outputs = duplicates_lost},
    {MUTANT_scatter_clears_the_rest, TENON_OP_SCATTER, 0, .outputs = initial_content_lost},
};
/* clang-format on */
const uint32_t mutant_index_fault_count = sizeof mutant_index_faults / sizeof *mutant_index_faults;
