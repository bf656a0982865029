/* What the families without an order mean, over logical indices. */
#include "problem.h"

#include <math.h>
#include <string.h>

static double map(tenon_op op, double a, double b, double c) {
    switch (op) {
    case TENON_OP_ADD: return a + b;
    case TENON_OP_MUL: return a * b;
    case TENON_OP_MAX: return a > b ? a : b;
    case TENON_OP_MIN: return a < b ? a : b;
    case TENON_OP_LT: return a < b;
    case TENON_OP_EQ: return a == b;
    case TENON_OP_ABS: return fabs(a);
    case TENON_OP_FMA: return a * b + c;
    case TENON_OP_FLOOR: return a;
    default: return a != 0 ? b : c; /* where */
    }
}

void meaning_map(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK];
    uint32_t rank = random_dims(0, TENON_MAX_RANK, dims), inputs = p->row->input_count;
    for (uint32_t k = 0; k < inputs; k++) {
        bool condition = p->row->op == TENON_OP_WHERE && k == 0;
        tensor_fill(problem_operand(p, condition ? TENON_DTYPE_BOOL : dtype, rank, dims), -4, 4);
    }
    problem_operand(p, p->row->result == TENON_RESULT_BOOL ? TENON_DTYPE_BOOL : dtype, rank, dims);
    problem_begin_want(p);
    for (int64_t i = 0; i < p->want[0].count; i++) {
        double v[3] = {0};
        for (uint32_t k = 0; k < inputs; k++) v[k] = tensor_get(&p->operands[k], i);
        tensor_set(&p->want[0], i, map(p->row->op, v[0], v[1], v[2]));
    }
}

/* copy and bitcast keep any bits; cast takes whole numbers to another dtype. */
void meaning_copy(problem *p, tenon_dtype dtype) {
    static const tenon_dtype others[] = {TENON_DTYPE_F32, TENON_DTYPE_F16, TENON_DTYPE_I32, TENON_DTYPE_F64};
    int64_t dims[TENON_MAX_RANK];
    uint32_t rank = random_dims(0, TENON_MAX_RANK, dims);
    bool converts = p->row->op == TENON_OP_CAST;
    if (random_below(3) == 0) { /* large enough to go through squares */
        rank = 2 + (uint32_t)random_below(2);
        for (uint32_t i = 0; i < rank; i++) dims[i] = 7 + random_below(30);
    }
    tenon_dtype to = converts ? others[random_below(4)] : dtype;
    if (p->row->op == TENON_OP_BITCAST && dtype == TENON_DTYPE_F32) to = TENON_DTYPE_I32;
    tensor *from = problem_operand(p, dtype, rank, dims);
    tensor_fill(from, -4, 4);
    problem_operand(p, to, rank, dims);
    problem_attr_int(p, TENON_ATTR_DTYPE, to);
    if (!converts && dtype != TENON_DTYPE_BOOL)
        for (int64_t i = 0; i < from->count; i++) tensor_set_bits(from, i, random_next());
    problem_begin_want(p);
    for (int64_t i = 0; i < p->want[0].count; i++) {
        if (converts)
            tensor_set(&p->want[0], i, tensor_get(&p->operands[0], i));
        else
            tensor_set_bits(&p->want[0], i, tensor_bits(&p->operands[0], i));
    }
}

void meaning_fill(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK];
    uint32_t rank = random_dims(0, TENON_MAX_RANK, dims);
    problem_operand(p, dtype, rank, dims);
    problem_attr_int(p, TENON_ATTR_DTYPE, dtype);
    problem_begin_want(p);
    p->scalars[0] = random_next() & 1;
    for (int64_t i = 0; i < p->want[0].count; i++) tensor_set_bits(&p->want[0], i, p->scalars[0]);
}

void meaning_iota(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK], index[TENON_MAX_RANK];
    uint32_t rank = random_dims(1, TENON_MAX_RANK, dims), axis = (uint32_t)random_below((int)rank);
    problem_operand(p, dtype, rank, dims);
    problem_attr_int(p, TENON_ATTR_DTYPE, dtype);
    problem_attr_int(p, TENON_ATTR_AXIS, axis);
    problem_begin_want(p);
    for (int64_t i = 0; i < p->want[0].count; i++) {
        tensor_indices(&p->want[0], i, index);
        tensor_set(&p->want[0], i, (double)index[axis]);
    }
}

void meaning_pad(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK], outer[TENON_MAX_RANK], low[TENON_MAX_RANK], index[TENON_MAX_RANK];
    uint32_t rank = random_dims(0, random_below(4) ? 5 : TENON_MAX_RANK, dims);
    for (uint32_t i = 0; i < rank; i++) {
        low[i] = random_below(3) ? 0 : random_below(3);
        outer[i] = dims[i] + low[i] + (random_below(3) ? 0 : random_below(3));
    }
    tensor_fill(problem_operand(p, dtype, rank, dims), -4, 4);
    problem_operand(p, dtype, rank, outer);
    problem_attr(p, TENON_ATTR_LOW, rank, low);
    problem_begin_want(p);
    p->scalars[0] = 1;
    for (int64_t i = 0; i < p->want[0].count; i++) {
        bool inside = true;
        tensor_indices(&p->want[0], i, index);
        for (uint32_t a = 0; a < rank; a++) {
            index[a] -= low[a];
            inside = inside && index[a] >= 0 && index[a] < dims[a];
        }
        uint64_t bits = inside ? tensor_bits(&p->operands[0], tensor_number(&p->operands[0], index)) : p->scalars[0];
        tensor_set_bits(&p->want[0], i, bits);
    }
}

/* One run in four has a start that does not fit: nothing is stored then. */
void meaning_update(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK], outer[TENON_MAX_RANK], start[TENON_MAX_RANK], index[TENON_MAX_RANK];
    uint32_t rank = random_dims(0, random_below(4) ? 4 : TENON_MAX_RANK, dims);
    bool empty = false;
    for (uint32_t i = 0; i < rank; i++) {
        outer[i] = dims[i] + random_below(3);
        start[i] = random_below((int)(outer[i] - dims[i]) + 1);
        empty = empty || dims[i] == 0;
    }
    if (rank > 0 && random_below(4) == 0) {
        start[rank - 1] = random_below(2) ? -1 : outer[rank - 1] - dims[rank - 1] + 1;
        p->out_of_range = !empty;
    }
    int64_t entries = rank;
    tensor_fill(problem_operand(p, dtype, rank, dims), -4, 4);
    p->operands[p->operand_count] = tensor_new(TENON_DTYPE_I64, 1, &entries, 0);
    for (uint32_t i = 0; i < rank; i++) tensor_set(&p->operands[p->operand_count], i, (double)start[i]);
    p->operand_count++;
    tensor_fill(problem_operand(p, dtype, rank, outer), -4, 4);
    problem_begin_want(p);
    for (int64_t i = 0; i < p->operands[0].count && !p->out_of_range; i++) {
        tensor_indices(&p->operands[0], i, index);
        for (uint32_t a = 0; a < rank; a++) index[a] += start[a];
        tensor_set_bits(&p->want[0], tensor_number(&p->want[0], index), tensor_bits(&p->operands[0], i));
    }
}

static double combine(tenon_op op, double a, double b) {
    switch (op) {
    case TENON_OP_SUM: return a + b;
    case TENON_OP_PROD: return a * b;
    case TENON_OP_RMAX: return a > b ? a : b;
    default: return a < b ? a : b;
    }
}

static double reduce_identity(tenon_op op, tenon_dtype dtype) {
    uint32_t bits = tenon_dtype_bits(dtype);
    double sign = op == TENON_OP_RMAX ? -1 : 1;
    if (op == TENON_OP_SUM || op == TENON_OP_PROD) return op == TENON_OP_PROD;
    switch (tenon_dtype_class(dtype)) {
    case TENON_CLASS_FLOAT: return sign * INFINITY;
    case TENON_CLASS_SINT: return sign < 0 ? -ldexp(1, (int)bits - 1) : ldexp(1, (int)bits - 1) - 1;
    case TENON_CLASS_UINT: return sign < 0 ? 0 : ldexp(1, (int)bits) - 1;
    default: return sign > 0;
    }
}

void meaning_reduce(problem *p, tenon_dtype dtype) {
    int64_t dims[TENON_MAX_RANK], kept[TENON_MAX_RANK], axes[TENON_MAX_RANK], index[TENON_MAX_RANK], at[TENON_MAX_RANK];
    uint32_t rank = random_dims(0, random_below(4) ? 5 : TENON_MAX_RANK, dims), reduced = 0, left = 0;
    bool gone[TENON_MAX_RANK], many = dtype != TENON_DTYPE_F16 && dtype != TENON_DTYPE_BF16 && random_below(12) == 0;
    if (many) { /* terms enough for chunks */
        rank = 1 + (uint32_t)random_below(2);
        dims[0] = 16384 + random_below(5000);
        dims[1] = 1 + random_below(3);
    }
    for (uint32_t i = 0; i < rank; i++) {
        gone[i] = many ? i == 0 : random_below(2);
        if (gone[i])
            axes[reduced++] = i;
        else
            kept[left++] = dims[i];
    }
    tensor_fill(problem_operand(p, dtype, rank, dims), p->row->op == TENON_OP_PROD ? 1 : -2,
                p->row->op == TENON_OP_PROD ? 1 : 2);
    if (p->operands[0].count > 0 && p->operands[0].count <= 30) tensor_set(&p->operands[0], 0, 2);
    problem_operand(p, dtype, left, kept);
    problem_attr(p, TENON_ATTR_AXES, reduced, axes);
    problem_begin_want(p);
    for (int64_t i = 0; i < p->want[0].count; i++) tensor_set(&p->want[0], i, reduce_identity(p->row->op, dtype));
    for (int64_t i = 0; i < p->operands[0].count; i++) {
        uint32_t n = 0;
        tensor_indices(&p->operands[0], i, index);
        for (uint32_t a = 0; a < rank; a++)
            if (!gone[a]) at[n++] = index[a];
        int64_t to = tensor_number(&p->want[0], at);
        tensor_set(&p->want[0], to, combine(p->row->op, tensor_get(&p->want[0], to), tensor_get(&p->operands[0], i)));
    }
}

/* Gather and scatter share how indices are put together: `whole` has p q s, `part` p g s. */
static void place_of(const tensor *whole, int64_t i, uint32_t axis, const tensor *indices, int64_t *out_place,
                     int64_t *out_entry) {
    int64_t index[TENON_MAX_RANK];
    uint32_t n = 0;
    tensor_indices(whole, i, index);
    *out_entry = tensor_number(indices, index + axis);
    for (uint32_t a = 0; a < axis; a++) out_place[n++] = index[a];
    out_place[n++] = (int64_t)tensor_get(indices, *out_entry);
    for (uint32_t a = axis + indices->rank; a < whole->rank; a++) out_place[n++] = index[a];
}

typedef struct indexed {
    int64_t part[TENON_MAX_RANK], entries[TENON_MAX_RANK], whole[TENON_MAX_RANK];
    uint32_t part_rank, entry_rank, whole_rank, axis;
    tenon_dtype dtype;
} indexed;

static indexed random_indexed(void) {
    indexed d = {.dtype = random_below(2) ? TENON_DTYPE_I32 : TENON_DTYPE_I64};
    d.part_rank = random_dims(1, random_below(4) ? 4 : TENON_MAX_RANK, d.part);
    d.entry_rank = random_dims(0, d.part_rank > 5 ? 9 - d.part_rank : 3, d.entries);
    d.axis = (uint32_t)random_below((int)d.part_rank);
    if (d.part[d.axis] == 0) d.part[d.axis] = 2;
    for (uint32_t a = 0; a < d.axis; a++) d.whole[d.whole_rank++] = d.part[a];
    for (uint32_t a = 0; a < d.entry_rank; a++) d.whole[d.whole_rank++] = d.entries[a];
    for (uint32_t a = d.axis + 1; a < d.part_rank; a++) d.whole[d.whole_rank++] = d.part[a];
    return d;
}

/* One run in four has an index that is out of range. */
static void fill_indices(problem *p, tensor *indices, int64_t size, int64_t users) {
    tensor_fill(indices, 0, (int)size - 1);
    if (indices->count == 0 || users == 0 || random_below(4) != 0) return;
    tensor_set(indices, random_below((int)indices->count), random_below(2) ? -1 : (double)size);
    p->out_of_range = true;
}

static bool in_range(const int64_t *place, uint32_t axis, int64_t size) {
    return place[axis] >= 0 && place[axis] < size;
}

void meaning_gather(problem *p, tenon_dtype dtype) {
    indexed d = random_indexed();
    int64_t place[TENON_MAX_RANK], entry;
    tensor_fill(problem_operand(p, dtype, d.part_rank, d.part), -4, 4);
    problem_operand(p, d.dtype, d.entry_rank, d.entries);
    tensor *y = problem_operand(p, dtype, d.whole_rank, d.whole);
    fill_indices(p, &p->operands[1], d.part[d.axis], y->count);
    problem_attr_int(p, TENON_ATTR_AXIS, d.axis);
    problem_begin_want(p);
    for (int64_t i = 0; i < p->want[0].count; i++) {
        place_of(&p->want[0], i, d.axis, &p->operands[1], place, &entry);
        bool inside = in_range(place, d.axis, d.part[d.axis]);
        uint64_t bits = inside ? tensor_bits(&p->operands[0], tensor_number(&p->operands[0], place)) : 0;
        tensor_set_bits(&p->want[0], i, bits);
    }
}

void meaning_scatter(problem *p, tenon_dtype dtype) {
    indexed d = random_indexed();
    int64_t place[TENON_MAX_RANK], entry;
    int how = dtype == TENON_DTYPE_BOOL ? random_below(2) * TENON_COMBINE_MAX : random_below(5);
    problem_operand(p, d.dtype, d.entry_rank, d.entries);
    tensor *u = problem_operand(p, dtype, d.whole_rank, d.whole);
    tensor_fill(u, how == TENON_COMBINE_MUL ? 1 : -4, how == TENON_COMBINE_MUL ? 1 : 4);
    fill_indices(p, &p->operands[0], d.part[d.axis], u->count);
    tensor_fill(problem_operand(p, dtype, d.part_rank, d.part), -4, 4);
    problem_attr_int(p, TENON_ATTR_AXIS, d.axis);
    problem_attr_int(p, TENON_ATTR_COMBINE, how);
    problem_begin_want(p);
    for (int64_t i = 0; i < p->operands[1].count; i++) {
        place_of(&p->operands[1], i, d.axis, &p->operands[0], place, &entry);
        if (!in_range(place, d.axis, d.part[d.axis])) continue;
        int64_t to = tensor_number(&p->want[0], place);
        double a = tensor_get(&p->want[0], to), b = tensor_get(&p->operands[1], i);
        double v = how == TENON_COMBINE_ADD   ? a + b
                   : how == TENON_COMBINE_MUL ? a * b
                   : how == TENON_COMBINE_MIN ? fmin(a, b)
                   : how == TENON_COMBINE_MAX ? fmax(a, b)
                                              : b;
        tensor_set(&p->want[0], to, v);
    }
}

void meaning_contract(problem *p, tenon_dtype dtype) {
    int64_t b[TENON_MAX_RANK], dims[3][TENON_MAX_RANK], size[3];
    uint32_t batches = random_dims(0, random_below(4) ? 3 : 6, b);
    for (uint32_t i = 0; i < 3; i++) size[i] = random_below(20) ? 1 + random_below(5) : 0;
    for (uint32_t k = 0; k < 3; k++) {
        memcpy(dims[k], b, sizeof b);
        dims[k][batches] = k == 1 ? size[2] : size[0];
        dims[k][batches + 1] = k == 0 ? size[2] : size[1];
    }
    bool narrow = dtype == TENON_DTYPE_I8;
    tensor_fill(problem_operand(p, dtype, batches + 2, dims[0]), -4, 4);
    tensor_fill(problem_operand(p, dtype, batches + 2, dims[1]), -4, 4);
    problem_operand(p, narrow ? TENON_DTYPE_I32 : dtype, batches + 2, dims[2]);
    if (narrow) problem_attr_int(p, TENON_ATTR_DTYPE, TENON_DTYPE_I32);
    problem_begin_want(p);
    for (int64_t i = 0; i < p->want[0].count; i++) {
        int64_t index[TENON_MAX_RANK], other[TENON_MAX_RANK];
        double sum = 0;
        tensor_indices(&p->want[0], i, index);
        memcpy(other, index, sizeof other);
        for (int64_t k = 0; k < size[2]; k++) {
            index[batches + 1] = k;
            other[batches] = k;
            sum += tensor_get(&p->operands[0], tensor_number(&p->operands[0], index)) *
                   tensor_get(&p->operands[1], tensor_number(&p->operands[1], other));
        }
        tensor_set(&p->want[0], i, sum);
    }
}
