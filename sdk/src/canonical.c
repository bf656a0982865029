/* From an operator on strided operands to its canonical problem. */
#include "pattern.h"

#include <string.h>

/* An axis while it is worked on. */
typedef struct group_axis {
    int64_t extent;
    int64_t strides[TENON_PATTERN_OPERANDS];
    int64_t low;
    int64_t dim;   /* of the operand that may be shorter or longer than the axis */
    uint32_t seen; /* operands that have given it */
} group_axis;

typedef struct state {
    const tenon_op_row *row;
    const tenon__groups *groups;
    const tenon_attr *attrs;
    uint32_t attr_count;
    uint32_t operand_count;
    const tenon_strided *operands;
    tenon_canonical *out;
    uint32_t counts[TENON_PATTERN_GROUPS];
    group_axis axes[TENON_PATTERN_GROUPS][TENON_MAX_RANK]; /* only those counted are set */
} state;

/* -- Dtypes -- */

static tenon_dtype width_of(tenon_dtype dtype) {
    switch (tenon_dtype_bits(dtype)) {
    case 8: return TENON_DTYPE_U8;
    case 16: return TENON_DTYPE_U16;
    case 32: return TENON_DTYPE_U32;
    default: return TENON_DTYPE_U64;
    }
}

static int is_index(tenon_dtype dtype) {
    return dtype == TENON_DTYPE_I32 || dtype == TENON_DTYPE_I64;
}

/* What operand `k` is to the operator: VALUE has the dtype that the row is about. */
enum { IS_VALUE, IS_INDEX, IS_I64, IS_BOOL, IS_RESULT };

static uint32_t meaning_of(const state *s, uint32_t k) {
    uint32_t family = s->row->family;
    if (family == TENON_FAMILY_UPDATE && k == 1) return IS_I64;
    if ((family == TENON_FAMILY_GATHER && k == 1) || (family == TENON_FAMILY_SCATTER && k == 0)) return IS_INDEX;
    if (s->row->op == TENON_OP_WHERE && k == 0) return IS_BOOL;
    if (family == TENON_FAMILY_SORT && k == 2) return IS_I64;
    if (k < s->row->input_count || s->row->result == TENON_RESULT_SAME) return IS_VALUE;
    switch (s->row->result) {
    case TENON_RESULT_BOOL: return IS_BOOL;
    case TENON_RESULT_I64: return IS_I64;
    default: return IS_RESULT;
    }
}

static int dtype_is(const state *s, uint32_t k, tenon_dtype value) {
    tenon_dtype dtype = s->operands[k].dtype;
    switch (meaning_of(s, k)) {
    case IS_VALUE: return dtype == value;
    case IS_INDEX: return is_index(dtype);
    case IS_I64: return dtype == TENON_DTYPE_I64;
    case IS_BOOL: return dtype == TENON_DTYPE_BOOL;
    default: return s->row->result == TENON_RESULT_U32 ? dtype == TENON_DTYPE_U32 : tenon_dtype_is_base(dtype);
    }
}

static tenon_dtype value_dtype(const state *s) {
    for (uint32_t k = 0; k < s->operand_count; k++)
        if (meaning_of(s, k) == IS_VALUE) return s->operands[k].dtype;
    return s->operands[0].dtype; /* fill, iota, random_bits: what they make */
}

static int combine_is_known(const state *s, int64_t combine, tenon_dtype value) {
    if (combine < (s->row->family == TENON_FAMILY_SCATTER ? TENON_COMBINE_SET : TENON_COMBINE_ADD)) return 0;
    if (combine > TENON_COMBINE_MAX) return 0;
    int sums = combine == TENON_COMBINE_ADD || combine == TENON_COMBINE_MUL;
    return !(sums && value == TENON_DTYPE_BOOL);
}

static int64_t attr_of(const state *s, uint32_t id) {
    return tenon_attr_int(s->attrs, s->attr_count, id, 0);
}

/* Variant, accumulator and dtypes of the pattern. */
static tenon_status set_dtypes(state *s) {
    tenon_pattern *pattern = &s->out->pattern;
    tenon_dtype value = value_dtype(s);
    uint32_t family = s->row->family;
    int moves = (s->groups->flags & TENON__MOVES) || s->row->op == TENON_OP_WHERE;
    if (!tenon_op_takes(s->row, value)) return TENON_STATUS_UNSUPPORTED;
    for (uint32_t k = 0; k < s->operand_count; k++)
        if (!dtype_is(s, k, value)) return TENON_STATUS_INVALID;
    if (family == TENON_FAMILY_BITCAST && tenon_dtype_bits(s->operands[1].dtype) != tenon_dtype_bits(value))
        return TENON_STATUS_INVALID;
    if (family == TENON_FAMILY_SCATTER || family == TENON_FAMILY_SCAN) {
        int64_t combine = attr_of(s, TENON_ATTR_COMBINE);
        if (!combine_is_known(s, combine, value)) return TENON_STATUS_UNSUPPORTED;
        pattern->variant |= (uint8_t)combine;
        moves = combine == TENON_COMBINE_SET;
    }
    if (family == TENON_FAMILY_SCAN && attr_of(s, TENON_ATTR_EXCLUSIVE)) pattern->variant |= TENON_VARIANT_EXCLUSIVE;
    if (family == TENON_FAMILY_SCAN && attr_of(s, TENON_ATTR_REVERSE)) pattern->variant |= TENON_VARIANT_REVERSE;
    if (family == TENON_FAMILY_SORT && attr_of(s, TENON_ATTR_DESCENDING)) pattern->variant |= TENON_VARIANT_DESCENDING;
    if (family == TENON_FAMILY_CAST && attr_of(s, TENON_ATTR_WRAP)) pattern->variant |= TENON_VARIANT_WRAP;
    if (family == TENON_FAMILY_CONTRACT) {
        int64_t accumulator = attr_of(s, TENON_ATTR_ACCUMULATOR);
        tenon_dtype own = tenon_dtype_accumulator(s->row->op, value);
        if (accumulator < 0 || accumulator >= TENON_DTYPE_COUNT) return TENON_STATUS_INVALID;
        pattern->accumulator = (uint8_t)(accumulator ? accumulator : own);
        if (tenon_dtype_compute(pattern->accumulator) != pattern->accumulator) return TENON_STATUS_UNSUPPORTED;
    }
    for (uint32_t k = 0; k < s->operand_count; k++) {
        uint32_t meaning = meaning_of(s, k);
        int moved = moves && (meaning == IS_VALUE || meaning == IS_RESULT);
        pattern->dtypes[k] = (uint8_t)(moved ? width_of(s->operands[k].dtype) : s->operands[k].dtype);
    }
    return TENON_STATUS_OK;
}

/* -- Axes by group -- */

/* Group of each axis of a reduction's input. */
static tenon_status split_reduced(const state *s, uint8_t *group) {
    const tenon_attr *list = tenon_attr_find(s->attrs, s->attr_count, TENON_ATTR_AXES);
    memset(group, TENON_GROUP_P, TENON_MAX_RANK);
    for (uint32_t i = 0; list && i < list->count; i++) {
        if (list->values[i] < 0 || list->values[i] >= s->operands[0].rank) return TENON_STATUS_INVALID;
        group[list->values[i]] = TENON_GROUP_R;
    }
    return TENON_STATUS_OK;
}

/* Fills `group` by ranges: `before` axes of P, `count` of `middle`, the rest of `after`. */
static void split_ranges(uint8_t *group, uint32_t rank, int64_t before, uint32_t count, uint8_t middle, uint8_t after) {
    for (uint32_t i = 0; i < rank; i++) group[i] = i < before ? TENON_GROUP_P : i < before + count ? middle : after;
}

static tenon_status split_contraction(const state *s, uint32_t k, uint8_t *group) {
    uint32_t rank = s->operands[k].rank;
    if (rank < 2) return TENON_STATUS_INVALID;
    split_ranges(group, rank, rank - 2, 1, k == 1 ? TENON_GROUP_G : TENON_GROUP_R,
                 k == 0 ? TENON_GROUP_G : TENON_GROUP_S);
    return TENON_STATUS_OK;
}

/* Group of each axis of operand `k`, by the row's maps and the attributes. */
static tenon_status split_axes(const state *s, uint32_t k, uint8_t *group) {
    uint32_t rank = s->operands[k].rank;
    int64_t axis = attr_of(s, TENON_ATTR_AXIS);
    memset(group, TENON_GROUP_P, TENON_MAX_RANK);
    switch (s->row->family) {
    case TENON_FAMILY_REDUCE: return k == 0 ? split_reduced(s, group) : TENON_STATUS_OK;
    case TENON_FAMILY_CONTRACT: return split_contraction(s, k, group);
    case TENON_FAMILY_UPDATE:
        if (k == 1) memset(group, TENON_GROUP_G, TENON_MAX_RANK);
        return k == 1 && rank != 1 ? TENON_STATUS_INVALID : TENON_STATUS_OK;
    case TENON_FAMILY_IOTA: split_ranges(group, rank, axis, 1, TENON_GROUP_R, TENON_GROUP_S); break;
    case TENON_FAMILY_ARG:
        if (k == 1) return TENON_STATUS_OK;
        split_ranges(group, rank, axis, 1, TENON_GROUP_R, TENON_GROUP_P);
        break;
    case TENON_FAMILY_SORT:
    case TENON_FAMILY_SCAN: split_ranges(group, rank, axis, 1, TENON_GROUP_R, TENON_GROUP_P); break;
    case TENON_FAMILY_GATHER:
    case TENON_FAMILY_SCATTER: {
        int scatters = s->row->family == TENON_FAMILY_SCATTER;
        uint32_t indices = scatters ? 0 : 1, spread = scatters ? 1 : 2;
        if (k == indices) {
            memset(group, TENON_GROUP_R, TENON_MAX_RANK);
            return TENON_STATUS_OK;
        }
        uint32_t count = k == spread ? s->operands[indices].rank : 1;
        split_ranges(group, rank, axis, count, k == spread ? TENON_GROUP_R : TENON_GROUP_G, TENON_GROUP_S);
        return axis >= 0 && axis + (int64_t)count <= rank ? TENON_STATUS_OK : TENON_STATUS_INVALID;
    }
    default: return TENON_STATUS_OK;
    }
    return axis >= 0 && axis < rank ? TENON_STATUS_OK : TENON_STATUS_INVALID;
}

/* True when an operand's dims are its own along P: pad's input, update_slice's output. */
static int has_own_dims(const state *s, uint32_t k) {
    return (s->row->family == TENON_FAMILY_PAD && k == 0) || (s->row->family == TENON_FAMILY_UPDATE && k == 2);
}

static tenon_status add_operand(state *s, uint32_t k) {
    const tenon_strided *operand = &s->operands[k];
    uint8_t group[TENON_MAX_RANK];
    uint32_t counts[TENON_PATTERN_GROUPS] = {0};
    if (operand->rank > TENON_MAX_RANK) return TENON_STATUS_UNSUPPORTED;
    TENON_TRY(split_axes(s, k, group));
    for (uint32_t i = 0; i < operand->rank; i++) {
        uint32_t g = group[i], number = counts[g]++;
        group_axis *a = &s->axes[g][number];
        int64_t dim = operand->dims[i];
        if (number == s->counts[g]) {
            *a = (group_axis){.extent = 0};
            s->counts[g]++;
        }
        if (dim < 0) return TENON_STATUS_INVALID;
        a->strides[k] = operand->strides[i];
        a->seen |= 1u << k;
        if (has_own_dims(s, k) && g == TENON_GROUP_P) {
            a->dim = dim;
        } else if ((a->seen & ~(1u << k)) != 0 && a->extent != dim && !(has_own_dims(s, 0) && a->seen == 3)) {
            return TENON_STATUS_INVALID;
        } else {
            a->extent = dim;
        }
    }
    return TENON_STATUS_OK;
}

/* Every axis was given by each operand that its group indexes. */
static tenon_status check_axes(const state *s) {
    uint32_t total = 0;
    for (uint32_t g = 0; g < TENON_PATTERN_GROUPS; g++) {
        uint32_t wanted = 0;
        for (uint32_t k = 0; k < s->operand_count; k++) wanted |= (uint32_t)(s->groups->of[k] >> g & 1) << k;
        for (uint32_t i = 0; i < s->counts[g]; i++)
            if (s->axes[g][i].seen != wanted) return TENON_STATUS_INVALID;
        total += s->counts[g];
    }
    return total <= TENON_PATTERN_AXES ? TENON_STATUS_OK : TENON_STATUS_UNSUPPORTED;
}

static tenon_status set_margins(state *s) {
    if (s->row->family == TENON_FAMILY_UPDATE)
        return s->axes[TENON_GROUP_G][0].extent == s->counts[TENON_GROUP_P] ? TENON_STATUS_OK : TENON_STATUS_INVALID;
    if (s->row->family != TENON_FAMILY_PAD) return TENON_STATUS_OK;
    const tenon_attr *low = tenon_attr_find(s->attrs, s->attr_count, TENON_ATTR_LOW);
    if ((low ? low->count : 0) != s->counts[TENON_GROUP_P]) return TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < s->counts[TENON_GROUP_P]; i++) {
        group_axis *a = &s->axes[TENON_GROUP_P][i];
        a->low = low->values[i];
        if (a->low < 0 || a->dim > a->extent || a->low > a->extent - a->dim) return TENON_STATUS_INVALID;
    }
    return TENON_STATUS_OK;
}

/* -- Fewer axes -- */

static int is_plain(const state *s, const group_axis *a) {
    return s->row->family != TENON_FAMILY_PAD || (a->low == 0 && a->dim == a->extent);
}

static void drop_single(state *s, uint32_t g) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->counts[g]; i++) {
        if (s->axes[g][i].extent == 1 && is_plain(s, &s->axes[g][i])) continue;
        if (kept != i) s->axes[g][kept] = s->axes[g][i];
        kept++;
    }
    s->counts[g] = kept;
}

/* An axis of no element leaves nothing else to say. */
static int keep_empty(state *s, uint32_t g) {
    for (uint32_t i = 0; i < s->counts[g]; i++) {
        if (s->axes[g][i].extent != 0) continue;
        s->axes[g][0] = (group_axis){.extent = 0};
        s->counts[g] = 1;
        return 1;
    }
    return 0;
}

static uint64_t magnitude(int64_t stride) {
    return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

/* Largest stride of operand `k` outside. Stable. */
static void sort_axes(state *s, uint32_t g, uint32_t k) {
    group_axis *axes = s->axes[g];
    for (uint32_t i = 1; i < s->counts[g]; i++) {
        for (uint32_t j = i; j > 0 && magnitude(axes[j - 1].strides[k]) < magnitude(axes[j].strides[k]); j--) {
            group_axis swap = axes[j];
            axes[j] = axes[j - 1];
            axes[j - 1] = swap;
        }
    }
}

/* Whether `inner` runs on where `outer` steps, in every operand. */
static int joins(const state *s, const group_axis *outer, const group_axis *inner) {
    int64_t reach, all;
    if (!is_plain(s, inner) || __builtin_mul_overflow(outer->extent, inner->extent, &all)) return 0;
    for (uint32_t k = 0; k < s->operand_count; k++) {
        if (!(inner->seen >> k & 1)) continue;
        if (__builtin_mul_overflow(inner->strides[k], inner->extent, &reach) || outer->strides[k] != reach) return 0;
    }
    return 1;
}

static void merge_axes(state *s, uint32_t g) {
    group_axis *axes = s->axes[g];
    uint32_t kept = 0;
    for (uint32_t i = 1; i < s->counts[g]; i++) {
        if (!joins(s, &axes[kept], &axes[i])) {
            axes[++kept] = axes[i];
            continue;
        }
        group_axis outer = axes[kept];
        axes[kept] = axes[i];
        axes[kept].extent = outer.extent * axes[i].extent;
        axes[kept].low = outer.low * axes[i].extent;
        axes[kept].dim = outer.dim * axes[i].extent;
    }
    if (s->counts[g]) s->counts[g] = kept + 1;
}

/* Axes before a gathered, scattered or numbered one are strides like those after it: all stand in S, so that a kernel
 * need not care how many there are of each. */
static void join_sides(state *s) {
    uint32_t family = s->row->family, before = s->counts[TENON_GROUP_P], after = s->counts[TENON_GROUP_S];
    group_axis *axes = s->axes[TENON_GROUP_S];
    if (family != TENON_FAMILY_GATHER && family != TENON_FAMILY_SCATTER && family != TENON_FAMILY_IOTA) return;
    if (before + after > TENON_MAX_RANK) return;
    memmove(axes + before, axes, after * sizeof *axes);
    memcpy(axes, s->axes[TENON_GROUP_P], before * sizeof *axes);
    s->counts[TENON_GROUP_S] = before + after;
    s->counts[TENON_GROUP_P] = 0;
}

/* Batches that the second factor does not see, and that the others walk as more rows, are rows. */
static void fold_batches(state *s) {
    group_axis *m = &s->axes[TENON_GROUP_R][0];
    while (s->counts[TENON_GROUP_P] > 0) {
        group_axis *b = &s->axes[TENON_GROUP_P][s->counts[TENON_GROUP_P] - 1];
        int64_t rows, reach[3];
        if (b->strides[1] != 0 || __builtin_mul_overflow(m->extent, b->extent, &rows)) return;
        for (uint32_t k = 0; k < 3 && m->extent != 1; k += 2) {
            if (__builtin_mul_overflow(m->strides[k], m->extent, &reach[k]) || b->strides[k] != reach[k]) return;
        }
        if (m->extent == 1) {
            m->strides[0] = b->strides[0];
            m->strides[2] = b->strides[2];
        }
        m->extent = rows;
        s->counts[TENON_GROUP_P]--;
    }
}

/* A copy that runs along one axis in memory on one side and along another on the other: the input's stands in R, so
 * that a kernel can go through squares. */
static void face_axes(state *s) {
    enum { WORTH = 8 };
    group_axis *axes = s->axes[TENON_GROUP_P];
    uint32_t last = s->counts[TENON_GROUP_P] - 1;
    if (s->counts[TENON_GROUP_P] < 2 || axes[last].extent < WORTH) return;
    if (axes[last].strides[1] != 1 || axes[last].strides[0] == 1) return;
    for (uint32_t i = 0; i < last; i++) {
        if (axes[i].strides[0] != 1 || axes[i].extent < WORTH) continue;
        s->axes[TENON_GROUP_R][0] = axes[i];
        memmove(axes + i, axes + i + 1, (last - i) * sizeof *axes);
        s->counts[TENON_GROUP_P]--;
        s->counts[TENON_GROUP_R] = 1;
        return;
    }
}

static void reduce_group(state *s, uint32_t g) {
    if ((s->groups->single >> g & 1) || s->row->family == TENON_FAMILY_UPDATE) return;
    drop_single(s, g);
    if (keep_empty(s, g)) return;
    if (g == TENON_GROUP_P && (s->groups->flags & TENON__SORTS_P)) sort_axes(s, g, s->operand_count - 1);
    if (g == TENON_GROUP_R && (s->groups->flags & TENON__SORTS_R)) sort_axes(s, g, 0);
    merge_axes(s, g);
}

/* -- The answer -- */

/* The last group that indexes an operand: the one whose stride is 1 when the operand is contiguous. */
static uint32_t last_group(const state *s, uint32_t k) {
    uint8_t group[TENON_MAX_RANK];
    if (s->operands[k].rank == 0 || split_axes(s, k, group) != TENON_STATUS_OK) return TENON_GROUP_P;
    return group[s->operands[k].rank - 1];
}

static void classify(state *s, uint32_t g, const group_axis *inner) {
    for (uint32_t k = 0; k < s->operand_count; k++) {
        if (!(s->groups->of[k] >> g & 1)) continue;
        int64_t stride = inner->strides[k],
                size = s->row->family == TENON_FAMILY_UPDATE && k == 2 ? inner->dim : inner->extent;
        if (size <= 1) stride = last_group(s, k) == g ? 1 : 2;
        uint32_t told = stride == 1 ? TENON_INNER_ONE : stride == 0 ? TENON_INNER_ZERO : TENON_INNER_ANY;
        s->out->pattern.inner[k] |= (uint8_t)(told << (2 * g));
    }
}

/* Reductions are split where the outputs are too few to keep a device busy, or lie side by side in one run. */
enum { SPLIT_TERMS = 1 << 14, SPLIT_OUTPUTS = 32, SPLIT_ROW = 1 << 14 };

static int is_split(const state *s) {
    const tenon_canonical *out = s->out;
    uint32_t outer = s->counts[TENON_GROUP_P];
    int64_t outputs = 1;
    if (s->row->family != TENON_FAMILY_REDUCE || s->counts[TENON_GROUP_R] != 1) return 0;
    if (outer + 1 >= TENON_MAX_RANK || out->extents[outer] < SPLIT_TERMS) return 0;
    for (uint32_t i = 0; i < outer; i++) {
        if (out->extents[i] == 0 || out->extents[i] > SPLIT_ROW / outputs) return 0;
        outputs *= out->extents[i];
    }
    return outputs <= SPLIT_OUTPUTS || tenon_pattern_inner(&out->pattern, 0, TENON_GROUP_P) == TENON_INNER_ONE;
}

static void write_group(state *s, uint32_t g, uint32_t *count) {
    tenon_canonical *out = s->out;
    uint32_t rank = s->counts[g];
    out->pattern.ranks[g] = (uint8_t)rank;
    for (uint32_t i = 0; i < rank; i++, (*count)++) {
        const group_axis *a = &s->axes[g][i];
        out->extents[*count] = a->extent;
        out->low[*count] = a->low;
        out->dims[*count] = a->dim;
        for (uint32_t k = 0; k < TENON_PATTERN_OPERANDS; k++) out->strides[k][*count] = a->strides[k];
        if (!is_plain(s, a)) out->pattern.padded |= (uint8_t)(1u << (rank - 1 - i));
    }
    if (rank) classify(s, g, &s->axes[g][rank - 1]);
}

tenon_status tenon_canonicalize(tenon_op op, const tenon_attr *attrs, uint32_t attr_count,
                                const tenon_strided *operands, uint32_t operand_count, tenon_canonical *out_canonical) {
    const tenon_op_row *row = tenon_op_row_of(op);
    state s;
    uint32_t count = 0;
    memset(&s, 0, offsetof(state, axes));
    s.row = row;
    s.attrs = attrs;
    s.attr_count = attr_count;
    s.operands = operands;
    s.out = out_canonical;
    if (!row || !(s.groups = tenon__groups_of(row->family))) return TENON_STATUS_UNSUPPORTED;
    if (operand_count != row->input_count + row->output_count) return TENON_STATUS_INVALID;
    s.operand_count = operand_count;
    memset(out_canonical, 0, sizeof *out_canonical);
    out_canonical->pattern.op = (uint16_t)op;
    out_canonical->pattern.operand_count = (uint8_t)operand_count;
    TENON_TRY(set_dtypes(&s));
    for (uint32_t k = 0; k < operand_count; k++) TENON_TRY(add_operand(&s, k));
    TENON_TRY(check_axes(&s));
    TENON_TRY(set_margins(&s));
    for (uint32_t g = 0; g < TENON_PATTERN_GROUPS; g++) reduce_group(&s, g);
    join_sides(&s);
    if (row->family == TENON_FAMILY_CONTRACT) fold_batches(&s);
    if (row->family == TENON_FAMILY_COPY) face_axes(&s);
    if (row->family == TENON_FAMILY_REDUCE && s.counts[TENON_GROUP_R] == 0 &&
        s.counts[TENON_GROUP_P] < TENON_MAX_RANK) {
        s.axes[TENON_GROUP_R][0] = (group_axis){.extent = 1};
        s.counts[TENON_GROUP_R] = 1;
    }
    for (uint32_t g = 0; g < TENON_PATTERN_GROUPS; g++) write_group(&s, g, &count);
    if (is_split(&s)) out_canonical->pattern.variant |= TENON_VARIANT_SPLIT;
    return TENON_STATUS_OK;
}
