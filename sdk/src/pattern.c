/* Patterns: which problems a kernel takes, and the numbers it is launched with. */
#include "pattern.h"

#include <string.h>

static const tenon__groups groups[] = {
    [TENON_FAMILY_COPY] = {{P | R, P | R}, 0, TENON__MOVES | TENON__SORTS_P},
    [TENON_FAMILY_FILL] = {{P}, 0, TENON__MOVES | TENON__SORTS_P},
    [TENON_FAMILY_IOTA] = {{P | R | S}, R, 0},
    [TENON_FAMILY_PAD] = {{P, P}, 0, TENON__MOVES},
    [TENON_FAMILY_CAST] = {{P, P}, 0, TENON__SORTS_P},
    [TENON_FAMILY_BITCAST] = {{P, P}, 0, TENON__MOVES | TENON__SORTS_P},
    [TENON_FAMILY_UPDATE] = {{P, G, P}, G, TENON__MOVES},
    [TENON_FAMILY_MAP] = {{P, P, P, P}, 0, TENON__SORTS_P},
    [TENON_FAMILY_REDUCE] = {{P | R, P}, 0, TENON__SORTS_P | TENON__SORTS_R},
    [TENON_FAMILY_ARG] = {{P | R, P}, R, TENON__SORTS_P},
    [TENON_FAMILY_GATHER] = {{P | S | G, R, P | R | S}, G, TENON__MOVES},
    [TENON_FAMILY_SCATTER] = {{R, P | R | S, P | S | G}, G, 0},
    [TENON_FAMILY_CONTRACT] = {{P | R | G, P | S | G, P | R | S}, R | S | G, TENON__SORTS_P},
    [TENON_FAMILY_SORT] = {{P | R, P | R, P | R}, R, TENON__SORTS_P},
    [TENON_FAMILY_SCAN] = {{P | R, P | R}, R, TENON__SORTS_P},
    [TENON_FAMILY_RANDOM] = {{P}, 0, 0},
};

const tenon__groups *tenon__groups_of(uint32_t family) {
    return family < sizeof groups / sizeof *groups && groups[family].of[0] ? &groups[family] : NULL;
}

static const tenon__groups *groups_of_op(tenon_op op) {
    const tenon_op_row *row = tenon_op_row_of(op);
    return row ? tenon__groups_of(row->family) : NULL;
}

uint32_t tenon_pattern_groups(const tenon_pattern *pattern, uint32_t operand) {
    const tenon__groups *found = groups_of_op(pattern->op);
    return found && operand < pattern->operand_count ? found->of[operand] : 0;
}

/* Number of the first axis of a group. */
static uint32_t group_start(const tenon_pattern *pattern, uint32_t group) {
    uint32_t start = 0;
    for (uint32_t i = 0; i < group; i++) start += pattern->ranks[i];
    return start;
}

/* Elements of operand `k` along an axis: update_slice's output has its own number. */
static int64_t elements(const tenon_canonical *problem, uint32_t k, uint32_t axis) {
    return problem->pattern.op == TENON_OP_UPDATE_SLICE && k == 2 ? problem->dims[axis] : problem->extents[axis];
}

/* Whether the innermost axis of a group is as the kernel was told, in every operand that it indexes. An axis of at most
 * one element has any stride. */
static int strides_fit(const tenon_pattern *pattern, const tenon_canonical *problem, uint32_t group) {
    uint32_t last = group_start(&problem->pattern, group) + problem->pattern.ranks[group] - 1;
    if (problem->pattern.ranks[group] == 0) return 1;
    for (uint32_t k = 0; k < pattern->operand_count; k++) {
        uint32_t told = tenon_pattern_inner(pattern, k, group);
        if (elements(problem, k, last) <= 1) continue;
        if (told != TENON_INNER_ANY && problem->strides[k][last] != (told == TENON_INNER_ONE)) return 0;
    }
    return 1;
}

int tenon_pattern_fits(const tenon_pattern *pattern, const tenon_canonical *problem) {
    const tenon_pattern *own = &problem->pattern;
    uint8_t plain = own->variant & (uint8_t)~TENON_VARIANT_SPLIT;
    if (pattern->variant != own->variant && pattern->variant != plain) return 0;
    if (pattern->op != own->op || pattern->operand_count != own->operand_count ||
        pattern->accumulator != own->accumulator || memcmp(pattern->dtypes, own->dtypes, sizeof own->dtypes) != 0)
        return 0;
    if ((own->padded & ~pattern->padded) != 0) return 0;
    /* The start of an update has an entry an axis. */
    if (own->op == TENON_OP_UPDATE_SLICE && pattern->ranks[TENON_GROUP_P] != own->ranks[TENON_GROUP_P]) return 0;
    for (uint32_t group = 0; group < TENON_PATTERN_GROUPS; group++) {
        if (pattern->ranks[group] < own->ranks[group] || !strides_fit(pattern, problem, group)) return 0;
    }
    return 1;
}

/* -- Symbols -- */

/* An axis of a pattern and the problem's axis that it stands for: groups are aligned at their innermost axes. */
typedef struct pattern_axis {
    uint32_t group;
    uint32_t inner;  /* axes of the group inside this one */
    uint32_t number; /* of the problem's axis; TENON_PATTERN_AXES: it has none, so one element */
} pattern_axis;

static uint32_t list_axes(const tenon_pattern *pattern, const tenon_canonical *problem, pattern_axis *axes) {
    uint32_t count = 0, start = 0;
    for (uint32_t group = 0; group < TENON_PATTERN_GROUPS; group++) {
        uint32_t rank = pattern->ranks[group], own = problem ? problem->pattern.ranks[group] : 0;
        for (uint32_t i = 0; i < rank && count < TENON_PATTERN_AXES; i++) {
            uint32_t inner = rank - 1 - i;
            uint32_t number = inner < own ? start + own - 1 - inner : TENON_PATTERN_AXES;
            axes[count++] = (pattern_axis){group, inner, number};
        }
        start += own;
    }
    return count;
}

static int64_t number_of(const int64_t *numbers, const pattern_axis *axis, int64_t otherwise) {
    return axis->number < TENON_PATTERN_AXES ? numbers[axis->number] : otherwise;
}

/* Where symbols go; without an array they are counted only. */
typedef struct symbol_sink {
    int64_t *values;
    uint32_t count;
} symbol_sink;

static void put(symbol_sink *sink, int64_t value) {
    if (sink->values) sink->values[sink->count] = value;
    sink->count++;
}

uint32_t tenon_pattern_symbols(const tenon_pattern *pattern, const tenon_canonical *problem, int64_t *symbols) {
    static const tenon_canonical none = {.extents = {0}};
    const tenon__groups *of = groups_of_op(pattern->op);
    const tenon_canonical *from = problem ? problem : &none;
    pattern_axis axes[TENON_PATTERN_AXES];
    uint32_t count = list_axes(pattern, problem, axes);
    symbol_sink sink = {NULL, 0};
    if (problem) sink.values = symbols;
    if (!of) return 0;
    for (uint32_t i = 0; i < count; i++) put(&sink, number_of(from->extents, &axes[i], 1));
    for (uint32_t i = 0; i < count; i++) {
        int padded = pattern->op == TENON_OP_PAD && (pattern->padded >> axes[i].inner & 1);
        int moved = pattern->op == TENON_OP_UPDATE_SLICE && axes[i].group == TENON_GROUP_P;
        if (padded) put(&sink, number_of(from->low, &axes[i], 0));
        if (padded || moved) put(&sink, number_of(from->dims, &axes[i], 1));
    }
    for (uint32_t k = 0; k < pattern->operand_count; k++) {
        for (uint32_t i = 0; i < count; i++) {
            if (!(of->of[k] >> axes[i].group & 1)) continue;
            int told = axes[i].inner == 0 && tenon_pattern_inner(pattern, k, axes[i].group) != TENON_INNER_ANY;
            if (!told) put(&sink, number_of(from->strides[k], &axes[i], 0));
        }
    }
    return sink.count;
}
