#include "kernel/kgen/patterns.h"

#include <tenon/helpers.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* -- Layouts ------------------------------------------------------------------------------------------------------ */

/* Axes per group, and for each operand the innermost strides of the groups that index it, in order: 1, 0, * for any. */
typedef struct layout {
    uint32_t family;
    uint32_t operands; /* 0: any number of operands, all as the first entry of `inner` says */
    uint8_t ranks[TENON_PATTERN_GROUPS];
    const char *inner[TENON_PATTERN_OPERANDS];
    uint32_t general;
    uint8_t variant; /* bits beside those of the attributes */
} layout;

/* Of one family the better first. */
static const layout layouts[] = {
    {TENON_FAMILY_COPY, 0, {1}, {"1"}, 0, 0},
    {TENON_FAMILY_COPY, 2, {4}, {"1", "1"}, 0, 0},
    {TENON_FAMILY_COPY, 2, {4}, {"0", "1"}, 0, 0},
    {TENON_FAMILY_COPY, 2, {4}, {"*", "1"}, 0, 0},
    {TENON_FAMILY_COPY, 2, {4, 1}, {"*1", "1*"}, 0, 0}, /* rows into columns */
    {TENON_FAMILY_COPY, 0, {8}, {"*"}, 1, 0},
    {TENON_FAMILY_COPY, 2, {7, 1}, {"**", "**"}, 1, 0},
    {TENON_FAMILY_BITCAST, 0, {1}, {"1"}, 0, 0},
    {TENON_FAMILY_BITCAST, 2, {4}, {"1", "1"}, 1, 0},
    {TENON_FAMILY_BITCAST, 0, {8}, {"*"}, 1, 0},
    {TENON_FAMILY_FILL, 0, {1}, {"1"}, 0, 0},
    {TENON_FAMILY_FILL, 0, {8}, {"*"}, 1, 0},
    {TENON_FAMILY_CAST, 0, {1}, {"1"}, 0, 0},
    {TENON_FAMILY_CAST, 0, {8}, {"*"}, 1, 0},
    {TENON_FAMILY_RANDOM, 0, {1}, {"1"}, 0, 0},
    {TENON_FAMILY_RANDOM, 0, {8}, {"*"}, 1, 0},
    {TENON_FAMILY_PAD, 0, {4}, {"1"}, 0, 0},
    {TENON_FAMILY_PAD, 0, {8}, {"*"}, 1, 0},

    {TENON_FAMILY_MAP, 0, {1}, {"1"}, 0, 0},
    {TENON_FAMILY_MAP, 2, {4}, {"1", "1"}, 0, 0},
    {TENON_FAMILY_MAP, 3, {4}, {"1", "1", "1"}, 0, 0},
    {TENON_FAMILY_MAP, 3, {4}, {"1", "0", "1"}, 0, 0},
    {TENON_FAMILY_MAP, 3, {4}, {"0", "1", "1"}, 0, 0},
    {TENON_FAMILY_MAP, 4, {4}, {"1", "1", "1", "1"}, 0, 0},
    {TENON_FAMILY_MAP, 4, {4}, {"1", "1", "0", "1"}, 0, 0},
    {TENON_FAMILY_MAP, 4, {4}, {"1", "0", "1", "1"}, 0, 0},
    {TENON_FAMILY_MAP, 0, {8}, {"*"}, 1, 0},

    /* p r; p */
    {TENON_FAMILY_REDUCE, 2, {2, 1}, {"*1", "*"}, 0, TENON_VARIANT_SPLIT},
    {TENON_FAMILY_REDUCE, 2, {2, 1}, {"1*", "1"}, 0, TENON_VARIANT_SPLIT},
    {TENON_FAMILY_REDUCE, 2, {4, 1}, {"*1", "*"}, 0, 0},
    {TENON_FAMILY_REDUCE, 2, {4, 1}, {"1*", "1"}, 0, 0},
    {TENON_FAMILY_REDUCE, 2, {3, 3}, {"*1", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {4, 4}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {7, 1}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {6, 2}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {5, 3}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {3, 5}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {2, 6}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {1, 7}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {0, 8}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_REDUCE, 2, {8, 0}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_ARG, 2, {4, 1}, {"*1", "*"}, 0, 0},
    {TENON_FAMILY_ARG, 2, {4, 1}, {"1*", "1"}, 1, 0},
    {TENON_FAMILY_ARG, 2, {7, 1}, {"**", "*"}, 1, 0},
    {TENON_FAMILY_SCAN, 2, {7, 1}, {"**", "**"}, 1, 0},
    {TENON_FAMILY_SORT, 3, {7, 1}, {"**", "**", "**"}, 1, 0},

    /* axis s */
    {TENON_FAMILY_IOTA, 1, {0, 1, 0}, {"*1"}, 0, 0},
    {TENON_FAMILY_IOTA, 1, {0, 1, 2}, {"**1"}, 0, 0},
    {TENON_FAMILY_IOTA, 1, {0, 1, 7}, {"***"}, 1, 0},

    /* s g; q; q s. Any number of axes of q, and with them of s. */
    {TENON_FAMILY_GATHER, 3, {0, 1, 1, 1}, {"*1*", "1", "**1"}, 0, 0},
    {TENON_FAMILY_GATHER, 3, {0, 2, 4, 1}, {"*1*", "*", "**1"}, 0, 0},
    {TENON_FAMILY_GATHER, 3, {0, 1, 7, 1}, {"***", "*", "***"}, 1, 0},
    {TENON_FAMILY_GATHER, 3, {0, 2, 6, 1}, {"***", "*", "***"}, 1, 0},
    {TENON_FAMILY_GATHER, 3, {0, 3, 5, 1}, {"***", "*", "***"}, 1, 0},
    {TENON_FAMILY_GATHER, 3, {0, 4, 4, 1}, {"***", "*", "***"}, 1, 0},
    {TENON_FAMILY_GATHER, 3, {0, 5, 3, 1}, {"***", "*", "***"}, 1, 0},
    {TENON_FAMILY_GATHER, 3, {0, 6, 2, 1}, {"***", "*", "***"}, 1, 0},
    {TENON_FAMILY_GATHER, 3, {0, 7, 1, 1}, {"***", "*", "***"}, 1, 0},
    {TENON_FAMILY_GATHER, 3, {0, 8, 0, 1}, {"***", "*", "***"}, 1, 0},

    /* q; q s; s g */
    {TENON_FAMILY_SCATTER, 3, {0, 1, 1, 1}, {"1", "**1", "*1*"}, 0, 0},
    {TENON_FAMILY_SCATTER, 3, {0, 1, 7, 1}, {"*", "***", "***"}, 1, 0},
    {TENON_FAMILY_SCATTER, 3, {0, 2, 6, 1}, {"*", "***", "***"}, 1, 0},
    {TENON_FAMILY_SCATTER, 3, {0, 3, 5, 1}, {"*", "***", "***"}, 1, 0},
    {TENON_FAMILY_SCATTER, 3, {0, 4, 4, 1}, {"*", "***", "***"}, 1, 0},
    {TENON_FAMILY_SCATTER, 3, {0, 5, 3, 1}, {"*", "***", "***"}, 1, 0},
    {TENON_FAMILY_SCATTER, 3, {0, 6, 2, 1}, {"*", "***", "***"}, 1, 0},
    {TENON_FAMILY_SCATTER, 3, {0, 7, 1, 1}, {"*", "***", "***"}, 1, 0},
    {TENON_FAMILY_SCATTER, 3, {0, 8, 0, 1}, {"*", "***", "***"}, 1, 0},

    /* b m k; b k n; b m n */
    {TENON_FAMILY_CONTRACT, 3, {2, 1, 1, 1}, {"**1", "*1*", "**1"}, 0, 0},
    {TENON_FAMILY_CONTRACT, 3, {2, 1, 1, 1}, {"**1", "**1", "**1"}, 0, 0},
    {TENON_FAMILY_CONTRACT, 3, {6, 1, 1, 1}, {"***", "***", "***"}, 1, 0},

    /* The starts of an update have an entry an axis: a kernel for each number of them. */
    {TENON_FAMILY_UPDATE, 3, {1, 0, 0, 1}, {"1", "1", "1"}, 0, 0},
    {TENON_FAMILY_UPDATE, 3, {2, 0, 0, 1}, {"1", "1", "1"}, 0, 0},
    {TENON_FAMILY_UPDATE, 3, {3, 0, 0, 1}, {"1", "1", "1"}, 0, 0},
    {TENON_FAMILY_UPDATE, 3, {4, 0, 0, 1}, {"1", "1", "1"}, 0, 0},
    {TENON_FAMILY_UPDATE, 3, {0, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
    {TENON_FAMILY_UPDATE, 3, {1, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
    {TENON_FAMILY_UPDATE, 3, {2, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
    {TENON_FAMILY_UPDATE, 3, {3, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
    {TENON_FAMILY_UPDATE, 3, {4, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
    {TENON_FAMILY_UPDATE, 3, {5, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
    {TENON_FAMILY_UPDATE, 3, {6, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
    {TENON_FAMILY_UPDATE, 3, {7, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
    {TENON_FAMILY_UPDATE, 3, {8, 0, 0, 1}, {"*", "*", "*"}, 1, 0},
};

static uint8_t code_of(char c) {
    return c == '1' ? TENON_INNER_ONE : c == '0' ? TENON_INNER_ZERO : TENON_INNER_ANY;
}

/* Lays an operand out: its groups in order take the letters. */
static uint8_t inner_of(const tenon_pattern *pattern, uint32_t operand, const char *letters) {
    uint8_t inner = 0;
    uint32_t groups = tenon_pattern_groups(pattern, operand);
    for (uint32_t group = 0; group < TENON_PATTERN_GROUPS; group++) {
        if (!(groups >> group & 1) || !*letters) continue;
        if (pattern->ranks[group]) inner |= (uint8_t)(code_of(*letters) << (2 * group));
        letters++;
    }
    return inner;
}

static tenon_status add(kgen_patterns *list, const tenon_pattern *pattern, uint32_t general) {
    if (list->count == list->room) {
        uint32_t room = list->room ? 2 * list->room : 1024;
        kgen_pattern *rows = realloc(list->rows, room * sizeof *rows);
        if (!rows) return TENON_STATUS_OUT_OF_MEMORY;
        list->rows = rows;
        list->room = room;
    }
    list->rows[list->count] = (kgen_pattern){*pattern, general, list->count};
    list->count++;
    return TENON_STATUS_OK;
}

/* Rows of integers with gaps between them are no model's hot spot: one instruction set has them. */
static bool is_rare_row(const tenon_pattern *pattern, const layout *l) {
    return l->family == TENON_FAMILY_MAP && l->ranks[0] > 1 && pattern->op != TENON_OP_WHERE &&
           tenon_dtype_class(pattern->dtypes[0]) != TENON_CLASS_FLOAT;
}

static tenon_status add_layouts(kgen_patterns *list, const tenon_pattern *base, uint32_t family, bool rare) {
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        const layout *l = &layouts[i];
        tenon_pattern pattern = *base;
        if (l->family != family || (l->operands && l->operands != base->operand_count)) continue;
        if (rare && !l->general) continue;
        memcpy(pattern.ranks, l->ranks, sizeof pattern.ranks);
        pattern.variant |= l->variant;
        for (uint32_t k = 0; k < base->operand_count; k++)
            pattern.inner[k] = inner_of(&pattern, k, l->operands ? l->inner[k] : l->inner[0]);
        pattern.padded = family == TENON_FAMILY_PAD ? (uint8_t)((1u << l->ranks[0]) - 1) : 0;
        TENON_TRY(add(list, &pattern, l->general || is_rare_row(&pattern, l)));
    }
    return TENON_STATUS_OK;
}

/* -- Operators, dtypes, attributes -------------------------------------------------------------------------------- */

/* A choice of all that a pattern is made of beside its layout. */
typedef struct choice {
    const tenon_op_row *row;
    tenon_dtype value, result, index;
    int64_t combine, exclusive, reverse, descending, wrap, accumulator;
    bool rare; /* general layouts will do */
} choice;

typedef struct making {
    kgen_patterns *list;
    uint32_t first; /* row of the operator at hand */
} making;

static uint32_t operand_dtypes(const choice *c, tenon_dtype *out) {
    tenon_dtype v = c->value, result = c->row->result == TENON_RESULT_BOOL ? TENON_DTYPE_BOOL : c->result;
    switch (c->row->family) {
    case TENON_FAMILY_GATHER: out[0] = v, out[1] = c->index, out[2] = v; return 3;
    case TENON_FAMILY_SCATTER: out[0] = c->index, out[1] = v, out[2] = v; return 3;
    case TENON_FAMILY_UPDATE: out[0] = v, out[1] = TENON_DTYPE_I64, out[2] = v; return 3;
    case TENON_FAMILY_ARG: out[0] = v, out[1] = TENON_DTYPE_I64; return 2;
    case TENON_FAMILY_SORT: out[0] = v, out[1] = v, out[2] = TENON_DTYPE_I64; return 3;
    case TENON_FAMILY_RANDOM: out[0] = TENON_DTYPE_U32; return 1;
    default: break;
    }
    for (uint32_t k = 0; k < c->row->input_count; k++) out[k] = v;
    if (c->row->op == TENON_OP_WHERE) out[0] = TENON_DTYPE_BOOL;
    out[c->row->input_count] = result;
    return c->row->input_count + 1;
}

/* The smallest problem of the choice: what there is to say of its operands beside their dtypes is said by layouts. */
static tenon_status base_pattern(const choice *c, tenon_pattern *out_pattern) {
    static const int64_t ones[2] = {1, 1}, zeros[2] = {0, 0};
    const tenon_attr attrs[] = {{TENON_ATTR_AXES, 1, zeros},
                                {TENON_ATTR_AXIS, 1, zeros},
                                {TENON_ATTR_LOW, 1, zeros},
                                {TENON_ATTR_COMBINE, 1, &c->combine},
                                {TENON_ATTR_EXCLUSIVE, 1, &c->exclusive},
                                {TENON_ATTR_REVERSE, 1, &c->reverse},
                                {TENON_ATTR_DESCENDING, 1, &c->descending},
                                {TENON_ATTR_WRAP, 1, &c->wrap},
                                {TENON_ATTR_ACCUMULATOR, 1, &c->accumulator}};
    tenon_dtype dtypes[TENON_PATTERN_OPERANDS + 1];
    tenon_strided operands[TENON_PATTERN_OPERANDS + 1];
    uint32_t count = operand_dtypes(c, dtypes), rank = c->row->family == TENON_FAMILY_CONTRACT ? 2 : 1;
    bool drops = c->row->family == TENON_FAMILY_REDUCE || c->row->family == TENON_FAMILY_ARG;
    tenon_canonical problem;
    for (uint32_t k = 0; k < count; k++)
        operands[k] = (tenon_strided){dtypes[k], drops && k == 1 ? 0 : rank, ones, ones};
    tenon_status status =
        tenon_canonicalize(c->row->op, attrs, sizeof attrs / sizeof *attrs, operands, count, &problem);
    *out_pattern = problem.pattern;
    memset(out_pattern->ranks, 0, sizeof out_pattern->ranks);
    memset(out_pattern->inner, 0, sizeof out_pattern->inner);
    out_pattern->padded = 0;
    return status;
}

/* The pattern knows widths where elements are only moved: many choices are one. */
static bool is_known(const making *m, const tenon_pattern *base) {
    for (uint32_t i = m->first; i < m->list->count; i++) {
        const tenon_pattern *row = &m->list->rows[i].pattern;
        if ((row->variant & ~TENON_VARIANT_SPLIT) == base->variant && row->accumulator == base->accumulator &&
            memcmp(row->dtypes, base->dtypes, sizeof row->dtypes) == 0)
            return true;
    }
    return false;
}

static tenon_status make_choice(making *m, const choice *c) {
    tenon_pattern base;
    if (base_pattern(c, &base) != TENON_STATUS_OK || is_known(m, &base)) return TENON_STATUS_OK;
    return add_layouts(m->list, &base, c->row->family, c->rare);
}

static bool computes(tenon_dtype dtype) {
    return tenon_dtype_is_base(dtype) && tenon_dtype_compute(dtype) == dtype && dtype != TENON_DTYPE_BOOL;
}

static bool is_number_like(tenon_dtype dtype, tenon_dtype value) {
    bool real = tenon_dtype_class(dtype) == TENON_CLASS_FLOAT;
    return tenon_dtype_is_base(dtype) && dtype != TENON_DTYPE_BOOL &&
           real == (tenon_dtype_class(value) == TENON_CLASS_FLOAT);
}

/* Common are results of the factors' dtype and of the accumulator's; then every other pair. */
static tenon_status make_contractions(making *m, choice *c) {
    TENON_TRY(make_choice(m, c));
    c->result = tenon_dtype_accumulator(TENON_OP_MATMUL, c->value);
    TENON_TRY(make_choice(m, c));
    c->rare = true;
    for (c->result = 1; c->result < TENON_DTYPE_COUNT; c->result++) {
        for (c->accumulator = 1; c->accumulator < TENON_DTYPE_COUNT; c->accumulator++) {
            tenon_dtype accumulator = (tenon_dtype)c->accumulator;
            if (!is_number_like(c->result, c->value) || !is_number_like(accumulator, c->value)) continue;
            if (computes(accumulator)) TENON_TRY(make_choice(m, c));
        }
    }
    return TENON_STATUS_OK;
}

static tenon_status make_casts(making *m, choice *c) {
    bool real = tenon_dtype_class(c->value) == TENON_CLASS_FLOAT;
    for (c->result = 1; c->result < TENON_DTYPE_COUNT; c->result++) {
        uint32_t to = tenon_dtype_class(c->result);
        bool wraps = c->row->family == TENON_FAMILY_CAST && real && (to == TENON_CLASS_SINT || to == TENON_CLASS_UINT);
        if (!tenon_dtype_is_base(c->result)) continue;
        for (c->wrap = 0; c->wrap <= (wraps ? 1 : 0); c->wrap++) TENON_TRY(make_choice(m, c));
    }
    return TENON_STATUS_OK;
}

static tenon_status make_scans(making *m, choice *c) {
    for (c->combine = TENON_COMBINE_ADD; c->combine <= TENON_COMBINE_MAX; c->combine++)
        for (c->exclusive = 0; c->exclusive < 2; c->exclusive++)
            for (c->reverse = 0; c->reverse < 2; c->reverse++) TENON_TRY(make_choice(m, c));
    return TENON_STATUS_OK;
}

static tenon_status make_indexed(making *m, choice *c) {
    int64_t last = c->row->family == TENON_FAMILY_SCATTER ? TENON_COMBINE_MAX : TENON_COMBINE_SET;
    for (c->combine = TENON_COMBINE_SET; c->combine <= last; c->combine++) {
        for (c->index = TENON_DTYPE_I32; c->index <= TENON_DTYPE_I64; c->index++) TENON_TRY(make_choice(m, c));
    }
    return TENON_STATUS_OK;
}

static tenon_status make_dtype(making *m, const tenon_op_row *row, tenon_dtype dtype) {
    choice c = {.row = row, .value = dtype, .result = dtype, .index = TENON_DTYPE_I64};
    switch (row->family) {
    case TENON_FAMILY_CONTRACT: return make_contractions(m, &c);
    case TENON_FAMILY_CAST:
    case TENON_FAMILY_BITCAST: return make_casts(m, &c);
    case TENON_FAMILY_SCAN: return make_scans(m, &c);
    case TENON_FAMILY_GATHER:
    case TENON_FAMILY_SCATTER: return make_indexed(m, &c);
    case TENON_FAMILY_SORT:
        TENON_TRY(make_choice(m, &c));
        c.descending = 1;
        return make_choice(m, &c);
    default: return make_choice(m, &c);
    }
}

/* -- Kernels that do the same ------------------------------------------------------------------------------------- */

/* Two's complement: the operator does not tell signed from unsigned. */
static bool is_signless(const tenon_pattern *p) {
    uint32_t combine = p->variant & TENON_VARIANT_COMBINE;
    switch (p->op) {
    case TENON_OP_ADD:
    case TENON_OP_SUB:
    case TENON_OP_MUL:
    case TENON_OP_NEG:
    case TENON_OP_SHL:
    case TENON_OP_EQ:
    case TENON_OP_AND:
    case TENON_OP_OR:
    case TENON_OP_XOR:
    case TENON_OP_SUM:
    case TENON_OP_PROD: return true;
    case TENON_OP_SCAN:
    case TENON_OP_SCATTER: return combine == TENON_COMBINE_ADD || combine == TENON_COMBINE_MUL;
    default: return false;
    }
}

/* Truth is a byte of 0 or 1, and stays one. The identities of a minimum differ. */
static bool is_byte_of_truth(const tenon_pattern *p) {
    switch (p->op) {
    case TENON_OP_AND:
    case TENON_OP_OR:
    case TENON_OP_XOR:
    case TENON_OP_MAX:
    case TENON_OP_MIN:
    case TENON_OP_LT:
    case TENON_OP_EQ:
    case TENON_OP_RMAX:
    case TENON_OP_ARGMAX:
    case TENON_OP_SORT:
    case TENON_OP_SCATTER: return true;
    default: return false;
    }
}

static tenon_dtype as_signed(tenon_dtype dtype) {
    return tenon_dtype_class(dtype) == TENON_CLASS_UINT ? dtype - (TENON_DTYPE_U8 - TENON_DTYPE_I8) : dtype;
}

static tenon_dtype simpler(const tenon_pattern *p, tenon_dtype dtype) {
    if (dtype == TENON_DTYPE_BOOL && is_byte_of_truth(p)) dtype = TENON_DTYPE_U8;
    return is_signless(p) ? as_signed(dtype) : dtype;
}

/* A sum modulo a power of two has no sign until it is widened. */
static tenon_pattern simplified_contraction(const tenon_pattern *p) {
    tenon_pattern out = *p;
    if (tenon_dtype_class(p->dtypes[2]) == TENON_CLASS_FLOAT) return out;
    if (tenon_dtype_bits(p->dtypes[2]) <= tenon_dtype_bits(p->accumulator))
        out.accumulator = (uint8_t)as_signed(p->accumulator);
    out.dtypes[2] = (uint8_t)as_signed(p->dtypes[2]);
    return out;
}

/* The operands of the value's dtype with the simplest one that makes no difference. */
static tenon_pattern simplified(const tenon_pattern *p) {
    const tenon_op_row *row = tenon_op_row_of(p->op);
    tenon_pattern out = *p;
    tenon_dtype value = p->dtypes[row->family == TENON_FAMILY_SCATTER];
    uint32_t kept = row->result == TENON_RESULT_BOOL ? p->operand_count - 1u : p->operand_count;
    if (row->family == TENON_FAMILY_CONTRACT) return simplified_contraction(p);
    for (uint32_t k = 0; k < kept; k++)
        if (p->dtypes[k] == value) out.dtypes[k] = (uint8_t)simpler(p, value);
    return out;
}

static void share_kernels(kgen_patterns *list, uint32_t first) {
    for (uint32_t i = first; i < list->count; i++) {
        tenon_pattern pattern = simplified(&list->rows[i].pattern);
        for (uint32_t j = first; j < list->count; j++)
            if (memcmp(&list->rows[j].pattern, &pattern, sizeof pattern) == 0) list->rows[i].kernel = j;
    }
}

tenon_status kgen_patterns_make(kgen_patterns *out_patterns) {
    *out_patterns = (kgen_patterns){0};
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        const tenon_op_row *row = tenon_op_row_of(op);
        making m = {out_patterns, out_patterns->count};
        if (!row || row->family == TENON_FAMILY_VIEW) continue;
        for (tenon_dtype dtype = 1; dtype < TENON_DTYPE_COUNT; dtype++)
            if (tenon_dtype_is_base(dtype) && tenon_op_takes(row, dtype)) TENON_TRY(make_dtype(&m, row, dtype));
        share_kernels(out_patterns, m.first);
    }
    return TENON_STATUS_OK;
}

void kgen_patterns_free(kgen_patterns *patterns) {
    free(patterns->rows);
    *patterns = (kgen_patterns){0};
}
