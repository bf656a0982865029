#include "problem.h"

#include "interp.h"
#include "kernel/lower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/host/error.h>

static char reason[1024];

void problem_attr(problem *p, uint32_t id, uint32_t count, const int64_t *values) {
    memcpy(p->values + p->value_count, values, count * sizeof *values);
    p->attrs[p->attr_count++] = (tenon_attr){id, count, p->values + p->value_count};
    p->value_count += count;
}

tensor *problem_operand(problem *p, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    bool input = p->operand_count < p->row->input_count;
    p->operands[p->operand_count] = tensor_new(dtype, rank, dims, input);
    return &p->operands[p->operand_count++];
}

void problem_begin_want(problem *p) {
    for (uint32_t i = 0; i < p->row->output_count; i++) p->want[i] = tensor_copy(&p->operands[p->row->input_count + i]);
}

void problem_free(problem *p) {
    for (uint32_t i = 0; i < p->operand_count; i++) tensor_free(&p->operands[i]);
    for (uint32_t i = 0; i < p->row->output_count; i++) tensor_free(&p->want[i]);
}

uint32_t random_dims(uint32_t least, uint32_t most, int64_t *dims) {
    static const int64_t sizes[] = {1, 2, 3, 2, 5, 1, 4, 3};
    uint32_t rank = least + (uint32_t)random_below((int)(most - least) + 1);
    for (uint32_t i = 0; i < rank; i++) dims[i] = random_below(40) == 0 ? 0 : sizes[random_below(8)];
    return rank;
}

/* -- Wider patterns ---------------------------------------------------------------------------------------------------- */

static uint32_t axes_of(const tenon_pattern *pattern, uint32_t operand) {
    uint32_t count = 0, groups = tenon_pattern_groups(pattern, operand);
    for (uint32_t g = 0; g < TENON_PATTERN_GROUPS; g++) count += groups >> g & 1 ? pattern->ranks[g] : 0;
    return count;
}

static bool views_hold(const tenon_pattern *pattern) {
    for (uint32_t k = 0; k < pattern->operand_count; k++)
        if (axes_of(pattern, k) > TENON_MAX_RANK) return false;
    return true;
}

/* Forgets something: adds an axis to a group that may have any number, or forgets strides. */
static tenon_pattern widened(tenon_pattern pattern) {
    static const uint32_t families[TENON_PATTERN_GROUPS] = {
        ~(1u << TENON_FAMILY_UPDATE),
        1u << TENON_FAMILY_REDUCE | 1u << TENON_FAMILY_GATHER | 1u << TENON_FAMILY_SCATTER,
        1u << TENON_FAMILY_GATHER | 1u << TENON_FAMILY_SCATTER | 1u << TENON_FAMILY_IOTA, 0};
    uint32_t family = tenon_op_row_of(pattern.op)->family;
    for (uint32_t g = 0; g < TENON_PATTERN_GROUPS; g++) {
        tenon_pattern more = pattern;
        more.ranks[g]++;
        if ((families[g] >> family & 1) && random_below(2) && views_hold(&more)) pattern = more;
    }
    if (family == TENON_FAMILY_COPY && pattern.ranks[0] > 0 && pattern.ranks[0] < TENON_MAX_RANK)
        pattern.ranks[TENON_GROUP_R] = 1;
    for (uint32_t k = 0; k < pattern.operand_count; k++)
        if (random_below(3)) pattern.inner[k] = 0;
    if (pattern.ranks[TENON_GROUP_R] > 1 || random_below(2)) pattern.variant &= (uint8_t)~TENON_VARIANT_SPLIT;
    if (family == TENON_FAMILY_PAD) pattern.padded = (uint8_t)((1u << pattern.ranks[0]) - 1);
    return pattern;
}

/* -- Running ------------------------------------------------------------------------------------------------------------ */

static const char *fail(const char *what, const char *why) {
    snprintf(reason, sizeof reason, "%s: %s", what, why);
    return reason;
}

static const char *compare(const problem *p, const tensor *outputs, const char *what) {
    for (uint32_t i = 0; i < p->row->output_count; i++) {
        const tensor *got = &outputs[i], *want = &p->want[i];
        if (memcmp(got->memory, want->memory, got->size) == 0) continue;
        for (int64_t e = 0; e < got->count; e++) {
            if (tensor_bits(got, e) == tensor_bits(want, e)) continue;
            snprintf(reason, sizeof reason, "%s: output %u element %lld is %g, not %g", what, i, (long long)e,
                     tensor_get(got, e), tensor_get(want, e));
            return reason;
        }
        return fail(what, "bytes between the elements changed");
    }
    return NULL;
}

static const char *run(const problem *p, const tenon_pattern *pattern, const tenon_canonical *canonical,
                       const char *what) {
    tenon__kir_program *program;
    tenon__kir_error error = {""};
    int64_t symbols[TENON_PATTERN_SYMBOLS];
    void *buffers[TENON_PATTERN_OPERANDS];
    tensor outputs[2];
    if (!tenon_pattern_fits(pattern, canonical)) return fail(what, "the pattern does not fit");
    if (tenon__lower(pattern, &program) != TENON_STATUS_OK) return fail(what, tenonh_error_message());
    uint32_t count = tenon_pattern_symbols(pattern, canonical, symbols);
    if (count != program->symbol_count || count != tenon_pattern_symbols(pattern, NULL, NULL)) {
        tenon__kir_destroy(program);
        return fail(what, "the program has other symbols");
    }
    for (uint32_t k = 0; k < p->operand_count; k++) buffers[k] = p->operands[k].base;
    for (uint32_t i = 0; i < p->row->output_count; i++) {
        outputs[i] = tensor_copy(&p->operands[p->row->input_count + i]);
        buffers[p->row->input_count + i] = outputs[i].base;
    }
    tenonc_interp_options options = {.parts = (uint32_t)random_below(4), .backwards = random_below(2)};
    tenon_status status = tenonc_interp_run(program, symbols, p->scalars, buffers, &options, &error);
    const char *verdict = status == (p->out_of_range ? TENON_STATUS_OUT_OF_RANGE : TENON_STATUS_OK)
                              ? compare(p, outputs, what)
                              : fail(what, error.text[0] ? error.text : "another status");
    for (uint32_t i = 0; i < p->row->output_count; i++) tensor_free(&outputs[i]);
    tenon__kir_destroy(program);
    return verdict;
}

const char *problem_check(problem *p) {
    tenon_strided operands[TENON_PATTERN_OPERANDS];
    tenon_canonical canonical;
    for (uint32_t k = 0; k < p->operand_count; k++)
        operands[k] =
            (tenon_strided){p->operands[k].dtype, p->operands[k].rank, p->operands[k].dims, p->operands[k].strides};
    if (tenon__canonicalize(p->row->op, p->attrs, p->attr_count, operands, p->operand_count, &canonical) !=
        TENON_STATUS_OK)
        return fail("canonicalize", tenonh_error_message());
    const char *verdict = run(p, &canonical.pattern, &canonical, "its own pattern");
    tenon_pattern wider = canonical.pattern;
    for (uint32_t i = 0; i < 2 && !verdict; i++) {
        wider = widened(wider);
        verdict = run(p, &wider, &canonical, "a wider pattern");
    }
    return verdict;
}
