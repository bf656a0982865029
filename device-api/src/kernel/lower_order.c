/* Families that follow one axis in order: argmax, scan, sort. */
#include "kernel/lower_internal.h"

enum { P = 1 << TENON_GROUP_P };

static tenon__kir_id where(tenon__lowering *l, tenon__kir_id condition, tenon__kir_id a, tenon__kir_id b) {
    return tenon__kir_op(l->program, TENON_OP_WHERE, condition, a, b);
}

/* The key of operand 0 where the loops stand. */
static tenon__kir_id load_key(tenon__lowering *l) {
    return tenon__lower_key(l, l->pattern->dtypes[0], tenon__lower_load(l, 0));
}

/* -- argmax --------------------------------------------------------------------------------------------------------------- */

/* The larger key, of equal ones the earlier. A part that has seen nothing holds the lowest key at 0: were that right for
 * the whole, 0 would be the answer. */
static void merge_best(tenon__lowering *l) {
    tenon__kir_id a[2], b[2], merged[2];
    tenon__kir_merge_begin(l->program, a, b);
    tenon__kir_id same = tenon__lower_op(l, TENON_OP_EQ, a[0], b[0]),
                  earlier = tenon__lower_op(l, TENON_OP_LT, b[1], a[1]);
    tenon__kir_id take = tenon__lower_op(l, TENON_OP_OR, tenon__lower_op(l, TENON_OP_LT, a[0], b[0]),
                                         tenon__lower_op(l, TENON_OP_AND, same, earlier));
    for (uint32_t i = 0; i < 2; i++) merged[i] = where(l, take, b[i], a[i]);
    tenon__kir_merge_end(l->program, merged, 2);
}

void tenon__lower_arg(tenon__lowering *l) {
    tenon__kir_program *p = l->program;
    uint32_t axis = l->first[TENON_GROUP_R];
    tenon__kir_id results[2] = {0};
    tenon__lower_grid(l, P);
    tenon__kir_id lowest = tenon__lower_identity(l, TENON_OP_MAX, tenon__lower_key_dtype(l->pattern->dtypes[0]));
    tenon__kir_id first = tenon__kir_int(p, TENON_DTYPE_I64, 0);
    tenon__kir_loop_begin(p);
    tenon__lower_axes(l, TENON_GROUP_R);
    tenon__kir_id best = tenon__kir_carry(p, "best", NULL, lowest), at = tenon__kir_carry(p, "at", NULL, first);
    merge_best(l);
    tenon__kir_id key = load_key(l), take = tenon__lower_op(l, TENON_OP_LT, best, key);
    tenon__kir_id here = tenon__kir_cast(p, TENON_DTYPE_I64, l->index[axis], 0);
    tenon__kir_id next[2] = {where(l, take, key, best), where(l, take, here, at)};
    tenon__kir_loop_end(p, next, 2, results);
    tenon__lower_store(l, 1, results[1]);
    tenon__kir_kernel_end(p);
}

/* -- scan ----------------------------------------------------------------------------------------------------------------- */

void tenon__lower_scan(tenon__lowering *l) {
    tenon__kir_program *p = l->program;
    tenon_op op = tenon__lower_combiner(l->pattern->variant & TENON_VARIANT_COMBINE);
    uint32_t axis = l->first[TENON_GROUP_R];
    tenon__kir_id result;
    tenon__lower_grid(l, P);
    tenon__kir_id start = tenon__lower_identity(l, op, tenon__kir_compute_dtype(l->pattern->dtypes[0]));
    tenon__kir_loop_begin(p);
    tenon__lower_axes(l, TENON_GROUP_R);
    tenon__kir_id carry = tenon__kir_carry(p, "so_far", NULL, start);
    if (l->pattern->variant & TENON_VARIANT_REVERSE) {
        tenon__kir_id last = tenon__lower_op(l, TENON_OP_SUB, l->extent[axis], tenon__kir_index(p, 1));
        l->index[axis] = tenon__lower_op(l, TENON_OP_SUB, last, l->index[axis]);
    }
    tenon__kir_id next = tenon__lower_op(l, op, carry, tenon__lower_load(l, 0));
    tenon__lower_store(l, 1, l->pattern->variant & TENON_VARIANT_EXCLUSIVE ? carry : next);
    tenon__kir_loop_end(p, &next, 1, &result);
    tenon__kir_kernel_end(p);
}

/* -- sort ----------------------------------------------------------------------------------------------------------------- */

/* A stable bottom-up merge sort of (key, position) in two halves of the workspace; pass p merges runs of 2^p elements from
 * half p mod 2 into the other. The elements themselves move once, at the end. The halves are the workspace's first dim;
 * at the largest rank, where there is no room for one, its last dim holds them side by side. */
typedef struct sorting {
    tenon__lowering *l;
    tenon__kir_id length;
    uint32_t keys, ids; /* workspace: [2, p..., r] or [p..., 2 r] */
    bool interleaved;
    tenon__kir_id place[TENON_MAX_RANK]; /* index into them */
    uint32_t rank;
} sorting;

enum { HALVES = 2, MAX_PASSES = 62 };

static void declare_workspace(sorting *s) {
    tenon__lowering *l = s->l;
    tenon__kir_id dims[TENON_MAX_RANK], halves = tenon__kir_index(l->program, HALVES);
    uint32_t outer = l->pattern->ranks[TENON_GROUP_P];
    s->interleaved = outer + HALVES > TENON_MAX_RANK;
    s->rank = outer + (s->interleaved ? 1 : 2);
    dims[0] = halves;
    for (uint32_t i = 0; i < outer; i++) dims[s->rank - 1 - outer + i] = l->extent[i];
    dims[s->rank - 1] = s->interleaved ? tenon__lower_op(l, TENON_OP_MUL, s->length, halves) : s->length;
    uint32_t key = tenon__lower_key_dtype(l->pattern->dtypes[0]);
    s->keys = tenon__kir_operand_new(l->program, TENON__KIR_WORKSPACE, "keys", key, s->rank, dims, NULL);
    s->ids = tenon__kir_operand_new(l->program, TENON__KIR_WORKSPACE, "ids", TENON_DTYPE_I64, s->rank, dims, NULL);
}

/* The item's row. */
static void enter_row(sorting *s) {
    uint32_t outer = s->l->pattern->ranks[TENON_GROUP_P];
    for (uint32_t i = 0; i < outer; i++) s->place[s->rank - 1 - outer + i] = s->l->index[i];
}

static const tenon__kir_id *slot(sorting *s, tenon__kir_id half, tenon__kir_id at) {
    tenon__kir_id *last = &s->place[s->rank - 1];
    *last = at;
    if (!s->interleaved) {
        s->place[0] = half;
    } else {
        *last = tenon__lower_op(s->l, TENON_OP_MUL, at, tenon__kir_index(s->l->program, HALVES));
        *last = tenon__lower_op(s->l, TENON_OP_ADD, *last, half);
    }
    return s->place;
}

static void fill_runs(sorting *s) {
    tenon__lowering *l = s->l;
    tenon__kir_id zero = tenon__kir_index(l->program, 0);
    tenon__kir_loop_begin(l->program);
    tenon__lower_axes(l, TENON_GROUP_R);
    tenon__kir_id at = l->index[l->first[TENON_GROUP_R]];
    tenon__kir_store(l->program, s->keys, slot(s, zero, at), s->rank, load_key(l));
    tenon__kir_store(l->program, s->ids, slot(s, zero, at), s->rank,
                     tenon__kir_cast(l->program, TENON_DTYPE_I64, at, 0));
    tenon__kir_loop_end(l->program, NULL, 0, NULL);
}

/* How often runs must double to reach the length. */
static tenon__kir_id count_passes(sorting *s) {
    tenon__lowering *l = s->l;
    tenon__kir_program *p = l->program;
    tenon__kir_id most = tenon__kir_index(p, MAX_PASSES), one = tenon__kir_index(p, 1), zero = tenon__kir_index(p, 0);
    tenon__kir_id results[2];
    tenon__kir_loop_begin(p);
    tenon__kir_axis(p, "bit", most);
    tenon__kir_id passes = tenon__kir_carry(p, "passes", NULL, zero), reach = tenon__kir_carry(p, "reach", NULL, one);
    tenon__kir_id more = tenon__lower_op(l, TENON_OP_LT, reach, s->length);
    tenon__kir_id next[2] = {where(l, more, tenon__lower_op(l, TENON_OP_ADD, passes, one), passes),
                             where(l, more, tenon__lower_op(l, TENON_OP_ADD, reach, reach), reach)};
    tenon__kir_loop_end(p, next, 2, results);
    return results[0];
}

/* Whether the second run's key goes before the first's: equal ones stay in order. */
static tenon__kir_id goes_before(tenon__lowering *l, tenon__kir_id second, tenon__kir_id first) {
    bool descending = l->pattern->variant & TENON_VARIANT_DESCENDING;
    return tenon__lower_op(l, TENON_OP_LT, descending ? first : second, descending ? second : first);
}

/* Merges all pairs of runs of `width`: `left` and `right` walk the two that meet at `half` and stop at `end`. */
static void merge_runs(sorting *s, tenon__kir_id from, tenon__kir_id to, tenon__kir_id width) {
    tenon__lowering *l = s->l;
    tenon__kir_program *p = l->program;
    uint32_t key = tenon__lower_key_dtype(l->pattern->dtypes[0]);
    tenon__kir_id zero = tenon__kir_index(p, 0), one = tenon__kir_index(p, 1), results[4];
    tenon__kir_id nothing = tenon__kir_int(p, key, 0);
    tenon__kir_loop_begin(p);
    tenon__kir_id i = tenon__kir_axis(p, "i", s->length);
    tenon__kir_id left = tenon__kir_carry(p, "left", NULL, zero), right = tenon__kir_carry(p, "right", NULL, zero);
    tenon__kir_id mid = tenon__kir_carry(p, "mid", NULL, zero), stop = tenon__kir_carry(p, "stop", NULL, zero);
    tenon__kir_id fresh = tenon__lower_op(l, TENON_OP_EQ, i, stop);
    tenon__kir_id middle = tenon__lower_op(l, TENON_OP_ADD, i, width);
    tenon__kir_id half = where(l, fresh, tenon__lower_op(l, TENON_OP_MIN, middle, s->length), mid);
    tenon__kir_id beyond = tenon__lower_op(l, TENON_OP_ADD, middle, width);
    tenon__kir_id end = where(l, fresh, tenon__lower_op(l, TENON_OP_MIN, beyond, s->length), stop);
    tenon__kir_id a = where(l, fresh, i, left), b = where(l, fresh, half, right);
    tenon__kir_id has_a = tenon__lower_op(l, TENON_OP_LT, a, half), has_b = tenon__lower_op(l, TENON_OP_LT, b, end);
    tenon__kir_id key_a = tenon__kir_load_if(p, s->keys, slot(s, from, a), s->rank, has_a, nothing);
    tenon__kir_id key_b = tenon__kir_load_if(p, s->keys, slot(s, from, b), s->rank, has_b, nothing);
    tenon__kir_id no_a = tenon__lower_op(l, TENON_OP_XOR, has_a, tenon__kir_int(p, TENON_DTYPE_BOOL, 1));
    tenon__kir_id second = tenon__lower_op(l, TENON_OP_OR, no_a, goes_before(l, key_b, key_a));
    second = tenon__lower_op(l, TENON_OP_AND, has_b, second);
    tenon__kir_id id = tenon__kir_load(p, s->ids, slot(s, from, where(l, second, b, a)), s->rank);
    tenon__kir_store(p, s->keys, slot(s, to, i), s->rank, where(l, second, key_b, key_a));
    tenon__kir_store(p, s->ids, slot(s, to, i), s->rank, id);
    tenon__kir_id next[4] = {where(l, second, a, tenon__lower_op(l, TENON_OP_ADD, a, one)),
                             where(l, second, tenon__lower_op(l, TENON_OP_ADD, b, one), b), half, end};
    tenon__kir_loop_end(p, next, 4, results);
}

static void merge_passes(sorting *s, tenon__kir_id passes) {
    tenon__lowering *l = s->l;
    tenon__kir_program *p = l->program;
    tenon__kir_id one = tenon__kir_index(p, 1), two = tenon__kir_index(p, HALVES), result;
    tenon__kir_loop_begin(p);
    tenon__kir_id pass = tenon__kir_axis(p, "pass", passes);
    tenon__kir_id width = tenon__kir_carry(p, "width", NULL, one);
    tenon__kir_id from = tenon__lower_op(l, TENON_OP_REM, pass, two);
    merge_runs(s, from, tenon__lower_op(l, TENON_OP_SUB, one, from), width);
    tenon__kir_id next = tenon__lower_op(l, TENON_OP_ADD, width, width);
    tenon__kir_loop_end(p, &next, 1, &result);
}

static void write_sorted(sorting *s, tenon__kir_id passes) {
    tenon__lowering *l = s->l;
    tenon__kir_program *p = l->program;
    uint32_t axis = l->first[TENON_GROUP_R];
    tenon__kir_id done = tenon__lower_op(l, TENON_OP_REM, passes, tenon__kir_index(p, HALVES));
    tenon__kir_loop_begin(p);
    tenon__lower_axes(l, TENON_GROUP_R);
    tenon__kir_id at = l->index[axis], id = tenon__kir_load(p, s->ids, slot(s, done, at), s->rank);
    l->index[axis] = tenon__kir_cast(p, TENON__KIR_INDEX, id, 0);
    tenon__kir_id value = tenon__lower_load(l, 0);
    l->index[axis] = at;
    tenon__lower_store(l, 1, value);
    tenon__lower_store(l, 2, id);
    tenon__kir_loop_end(p, NULL, 0, NULL);
}

void tenon__lower_sort(tenon__lowering *l) {
    sorting s = {.l = l, .length = l->extent[l->first[TENON_GROUP_R]]};
    declare_workspace(&s);
    tenon__lower_grid(l, P);
    enter_row(&s);
    fill_runs(&s);
    tenon__kir_id passes = count_passes(&s);
    merge_passes(&s, passes);
    write_sorted(&s, passes);
    tenon__kir_kernel_end(l->program);
}
