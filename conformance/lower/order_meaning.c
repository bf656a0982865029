/* What the families that follow one axis mean, and random_bits. */
#include "problem.h"

#include <math.h>
#include <string.h>

/* A line of a tensor along an axis: the element numbers of its first element and from one to the next. */
typedef struct line {
    int64_t first, step, length;
} line;

static line line_of(const tensor *t, uint32_t axis, int64_t number) {
    int64_t step = 1;
    for (uint32_t a = axis + 1; a < t->rank; a++) step *= t->dims[a];
    return (line){number / step * step * t->dims[axis] + number % step, step, t->dims[axis]};
}

static int64_t line_count(const tensor *t, uint32_t axis) {
    int64_t count = 1;
    for (uint32_t a = 0; a < t->rank; a++)
        if (a != axis) count *= t->dims[a];
    return count;
}

/* Edge values for floats, so that the order of NaN and zeros shows. */
static void fill_ordered(tensor *t) {
    tensor_fill(t, -2, 2);
    if (tenon_dtype_class(t->dtype) != TENON_CLASS_FLOAT || random_below(2)) return;
    static const double edges[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, -NAN};
    for (int64_t i = 0; i < t->count; i++)
        if (random_below(3) == 0) tensor_set(t, i, edges[random_below(6)]);
}

/* -1, 0 or 1 as a goes before, with or after b: -0 before 0, NaN last and all alike. */
static int order_of(double a, double b) {
    if (isnan(a) || isnan(b)) return (isnan(a) != 0) - (isnan(b) != 0);
    if (a == 0 && b == 0) return (signbit(b) != 0) - (signbit(a) != 0);
    return (a > b) - (a < b);
}

static uint32_t random_lines(int64_t *dims, uint32_t *out_axis) {
    uint32_t rank = random_dims(1, random_below(5) ? 4 : TENON_MAX_RANK, dims);
    *out_axis = (uint32_t)random_below((int)rank);
    if (dims[*out_axis] == 0) dims[*out_axis] = 1;
    if (random_below(3) == 0) dims[*out_axis] += 6;
    return rank;
}

void meaning_arg(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK], kept[TENON_MAX_RANK];
    uint32_t axis, rank = random_lines(dims, &axis), n = 0;
    for (uint32_t a = 0; a < rank; a++)
        if (a != axis) kept[n++] = dims[a];
    fill_ordered(problem_operand(p, dtype, rank, dims));
    problem_operand(p, TENON_DTYPE_I64, n, kept);
    problem_attr_int(p, TENON_ATTR_AXIS, axis);
    problem_begin_want(p);
    for (int64_t i = 0; i < p->want[0].count; i++) {
        line l = line_of(&p->operands[0], axis, i);
        int64_t best = 0;
        for (int64_t j = 1; j < l.length; j++) {
            double here = tensor_get(&p->operands[0], l.first + j * l.step);
            if (order_of(here, tensor_get(&p->operands[0], l.first + best * l.step)) > 0) best = j;
        }
        tensor_set(&p->want[0], i, (double)best);
    }
}

void meaning_scan(problem *p, tenon_dtype dtype) {
    static const double identity[] = {[TENON_COMBINE_ADD] = 0, [TENON_COMBINE_MUL] = 1};
    int64_t dims[TENON_MAX_RANK];
    uint32_t axis, rank = random_lines(dims, &axis);
    int how = 1 + random_below(4), exclusive = how <= TENON_COMBINE_MUL && random_below(2), reverse = random_below(2);
    tensor_fill(problem_operand(p, dtype, rank, dims), how == TENON_COMBINE_MUL ? 1 : -4,
                how == TENON_COMBINE_MUL ? 1 : 4);
    problem_operand(p, dtype, rank, dims);
    problem_attr_int(p, TENON_ATTR_AXIS, axis);
    problem_attr_int(p, TENON_ATTR_COMBINE, how);
    problem_attr_int(p, TENON_ATTR_EXCLUSIVE, exclusive);
    problem_attr_int(p, TENON_ATTR_REVERSE, reverse);
    problem_begin_want(p);
    for (int64_t i = 0; i < line_count(&p->want[0], axis); i++) {
        line l = line_of(&p->want[0], axis, i);
        double so_far = 0;
        for (int64_t j = 0; j < l.length; j++) {
            int64_t at = l.first + (reverse ? l.length - 1 - j : j) * l.step;
            double v = tensor_get(&p->operands[0], at);
            double before = j == 0 && how <= TENON_COMBINE_MUL ? identity[how] : so_far;
            if (j == 0 && how > TENON_COMBINE_MUL)
                so_far = v;
            else
                so_far = how == TENON_COMBINE_ADD   ? before + v
                         : how == TENON_COMBINE_MUL ? before * v
                         : how == TENON_COMBINE_MIN ? fmin(so_far, v)
                                                    : fmax(so_far, v);
            tensor_set(&p->want[0], at, exclusive ? before : so_far);
        }
    }
}

void meaning_sort(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK], order[64] = {0};
    uint32_t axis, rank = random_lines(dims, &axis);
    int descending = random_below(2);
    fill_ordered(problem_operand(p, dtype, rank, dims));
    problem_operand(p, dtype, rank, dims);
    problem_operand(p, TENON_DTYPE_I64, rank, dims);
    problem_attr_int(p, TENON_ATTR_AXIS, axis);
    problem_attr_int(p, TENON_ATTR_DESCENDING, descending);
    problem_begin_want(p);
    for (int64_t i = 0; i < line_count(&p->want[0], axis); i++) {
        line l = line_of(&p->want[0], axis, i);
        const tensor *x = &p->operands[0];
        for (int64_t j = 0; j < l.length; j++) {
            double v = tensor_get(x, l.first + j * l.step);
            int64_t at = j;
            for (; at > 0; at--) {
                int o = order_of(v, tensor_get(x, l.first + order[at - 1] * l.step));
                if (descending ? o <= 0 : o >= 0) break;
                order[at] = order[at - 1];
            }
            order[at] = j;
        }
        for (int64_t j = 0; j < l.length; j++) {
            tensor_set_bits(&p->want[0], l.first + j * l.step, tensor_bits(x, l.first + order[j] * l.step));
            tensor_set(&p->want[1], l.first + j * l.step, (double)order[j]);
        }
    }
}

/* Philox4x32-10 by its paper. */
static uint32_t philox(uint64_t key, uint64_t block, uint32_t word) {
    uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0}, k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (int round = 0; round < 10; round++) {
        uint64_t a = UINT64_C(0xd2511f53) * c[0], b = UINT64_C(0xcd9e8d57) * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                            (uint32_t)a};
        memcpy(c, next, sizeof c);
        k[0] += 0x9e3779b9;
        k[1] += 0xbb67ae85;
    }
    return c[word];
}

void meaning_random(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK];
    uint32_t rank = random_dims(0, 5, dims);
    problem_operand(p, dtype, rank, dims);
    problem_begin_want(p);
    p->scalars[0] = random_next();
    p->scalars[1] = random_below(2) ? random_next() : (uint64_t)random_below(9);
    for (int64_t i = 0; i < p->want[0].count; i++) {
        uint64_t at = (uint64_t)i + p->scalars[1];
        tensor_set_bits(&p->want[0], i, philox(p->scalars[0], at / 4, (uint32_t)(at % 4)));
    }
}
