/* Operators from behind: what comes in, and attributes, so that what comes out is of the wanted type. */
#include <string.h>

#include "sample_internal.h"

const tenonh_dim *sample_dim(sampler *s) {
    static const int64_t numbers[] = {1, 1, 2, 3, 4, 0};
    if (s->options->symbolic && below(s, 2)) {
        const tenon_symbol range = {.min = 0, .max = 64, .divisor = 1};
        return tenon__dim_symbol(&s->module->dims, sample_symbols[below(s, SAMPLE_SYMBOLS)], &range);
    }
    return num(s, numbers[below(s, sizeof numbers / sizeof *numbers)]);
}

/* -- Attributes ------------------------------------------------------------------------------------------------------ */

static const tenon__term_attr *wanted_attr(const tenon__term *term, uint32_t id) {
    for (uint32_t i = 0; i < term->attr_count; i++)
        if (term->attrs[i].id == id) return &term->attrs[i];
    return NULL;
}

/* The attribute as the rule has it bound already, else as made; made ones are bound. */
static void set_attr(sampler *s, const tenon__term *term, attrs *a, uint32_t id, uint32_t count) {
    const tenon__term_attr *wanted = wanted_attr(term, id);
    const tenonh_dim **dims = a->dims[a->count];
    if (wanted && wanted->is_number) {
        dims[0] = num(s, wanted->number);
    } else if (wanted && s->bound[wanted->slot]) {
        count = s->slots[wanted->slot].span.count;
        for (uint32_t i = 0; i < count; i++) dims[i] = s->slots[wanted->slot].span.dims[i];
    } else if (wanted) {
        const void *copy = tenon__arena_copy(&s->module->arena, (const void *)dims, count * sizeof *dims);
        s->bound[wanted->slot] = true;
        s->slots[wanted->slot].span = (tenon__span){count, copy};
    }
    a->list[a->count++] = (tenonh_attr){id, count, NULL, dims};
}

static const tenonh_dim **next_attr(attrs *a) {
    return a->dims[a->count];
}

static const tenonh_dim *const *attr_dims(const attrs *a, uint32_t id, uint32_t *out_count) {
    for (uint32_t i = 0; i < a->count; i++)
        if (a->list[i].id == id) return *out_count = a->list[i].count, a->list[i].dims;
    return *out_count = 0, NULL;
}

static void set_number(sampler *s, const tenon__term *term, attrs *a, uint32_t id, int64_t number) {
    next_attr(a)[0] = num(s, number);
    set_attr(s, term, a, id, 1);
}

/* -- Views: what comes in, and attributes, for what is to come out ---------------------------------------------------- */

static bool reshape_from(sampler *s, type *t) {
    uint32_t at = below(s, t->rank + 1), how = below(s, 4);
    if (how == 0) return true; /* the same dims */
    if (how == 1 && at + 1 < t->rank) {
        t->dims[at] = tenon__dim2(s->b, TENONH_DIM_MUL, t->dims[at], t->dims[at + 1]);
        memmove((void *)(t->dims + at + 1), (const void *)(t->dims + at + 2), (t->rank - at - 2) * sizeof *t->dims);
        t->rank--;
        return true;
    }
    for (uint32_t i = 0; how == 2 && i < t->rank; i++)
        if (tenon__dim_is(t->dims[i], 1)) {
            memmove((void *)(t->dims + i), (const void *)(t->dims + i + 1), (t->rank - i - 1) * sizeof *t->dims);
            t->rank--;
            return true;
        }
    if (t->rank == 6) return false;
    memmove((void *)(t->dims + at + 1), (const void *)(t->dims + at), (t->rank - at) * sizeof *t->dims);
    t->dims[at] = num(s, 1);
    t->rank++;
    return true;
}

static bool permute_from(sampler *s, const tenon__term *term, attrs *a, type *t) {
    const tenonh_dim **perm = next_attr(a);
    int64_t order[TENON_MAX_RANK];
    type out = *t;
    uint32_t count, how = below(s, 4);
    for (uint32_t i = 0; i < t->rank; i++) order[i] = i;
    for (uint32_t i = t->rank; how > 1 && i-- > 1;) {
        uint32_t with = below(s, i + 1);
        int64_t axis = order[i];
        order[i] = order[with];
        order[with] = axis;
    }
    if (how == 1 && t->rank > 1) {
        order[t->rank - 1] = t->rank - 2;
        order[t->rank - 2] = t->rank - 1;
    }
    for (uint32_t i = 0; i < t->rank; i++) perm[i] = num(s, order[i]);
    set_attr(s, term, a, TENON_ATTR_PERM, t->rank);
    const tenonh_dim *const *is = attr_dims(a, TENON_ATTR_PERM, &count);
    if (count != t->rank) return false;
    for (uint32_t i = 0; i < count; i++) t->dims[is[i]->number] = out.dims[i];
    return true;
}

static void expand_from(sampler *s, type *t) {
    uint32_t how = below(s, 5), dropped = t->rank ? below(s, t->rank + 1) : 0;
    if (how == 0) return;
    for (uint32_t i = 0; i < t->rank; i++)
        if (below(s, 2)) t->dims[i] = num(s, 1);
    if (how > 2) return;
    memmove((void *)t->dims, (const void *)(t->dims + dropped), (t->rank - dropped) * sizeof *t->dims);
    t->rank -= dropped;
}

static bool slice_from(sampler *s, const tenon__term *term, attrs *a, type *t) {
    uint32_t how = below(s, 3), count, first = a->count;
    const tenonh_dim **starts = a->dims[first], **steps = a->dims[first + 1];
    for (uint32_t i = 0; i < t->rank; i++) {
        const tenonh_dim *d = t->dims[i];
        bool counted = is_number(d) && d->number > 0;
        int64_t start = how && below(s, 2), tail = how && below(s, 2);
        int64_t step = how == 2 && counted && below(s, 2) ? (below(s, 2) ? 2 : -1) : 1;
        int64_t span = counted ? (d->number - 1) * step : 0;
        starts[i] = num(s, step < 0 ? start - span : start);
        steps[i] = num(s, step);
        t->dims[i] = counted ? num(s, start + (span < 0 ? -span : span) + 1 + tail) : sum(s, d, start + tail);
    }
    set_attr(s, term, a, TENON_ATTR_STARTS, t->rank);
    set_attr(s, term, a, TENON_ATTR_STEPS, t->rank);
    attr_dims(a, TENON_ATTR_STARTS, &count);
    return count == t->rank;
}

/* What windows come to is what it is: only a root has them. */
static bool window_from(sampler *s, const tenon__term *term, attrs *a, type *t) {
    uint32_t count = t->rank ? below(s, t->rank + 1) : 0, first = a->count;
    bool ones = below(s, 3) != 0;
    if (count > 2) return false;
    for (uint32_t i = 0; i < count; i++) {
        a->dims[first][i] = num(s, i);
        a->dims[first + 1][i] = num(s, ones ? 1 : 2);
        a->dims[first + 2][i] = num(s, ones ? 1 : 1 + below(s, 2));
        if (is_number(t->dims[i]) && t->dims[i]->number < 2) t->dims[i] = num(s, 3);
    }
    set_attr(s, term, a, TENON_ATTR_AXES, count);
    set_attr(s, term, a, TENON_ATTR_SIZES, count);
    set_attr(s, term, a, TENON_ATTR_STEPS, count);
    return true;
}

static bool view_from(sampler *s, tenon_op op, const tenon__term *term, attrs *a, type *t) {
    type out = *t;
    bool fits = true;
    switch (op) {
    case TENON_OP_RESHAPE: fits = reshape_from(s, t); break;
    case TENON_OP_PERMUTE: return permute_from(s, term, a, t);
    case TENON_OP_EXPAND: expand_from(s, t); break;
    case TENON_OP_SLICE: fits = slice_from(s, term, a, t); break;
    default: return window_from(s, term, a, t);
    }
    for (uint32_t i = 0; i < out.rank; i++) next_attr(a)[i] = out.dims[i];
    set_attr(s, term, a, TENON_ATTR_DIMS, out.rank);
    return fits;
}

/* -- Other operators -------------------------------------------------------------------------------------------------- */

static const tenon_dtype dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_F64, TENON_DTYPE_F16, TENON_DTYPE_BF16,
                                     TENON_DTYPE_I32, TENON_DTYPE_I64, TENON_DTYPE_I16, TENON_DTYPE_I8,
                                     TENON_DTYPE_U8,  TENON_DTYPE_U16, TENON_DTYPE_U32, TENON_DTYPE_U64,
                                     TENON_DTYPE_BOOL};

static bool cast_from(sampler *s, tenon_op op, const tenon__term *term, attrs *a, type *t) {
    tenon_dtype to = t->dtype;
    if (below(s, 3)) t->dtype = dtypes[below(s, sizeof dtypes / sizeof *dtypes)];
    set_number(s, term, a, TENON_ATTR_DTYPE, to);
    if (op == TENON_OP_CAST && below(s, 2)) set_number(s, term, a, TENON_ATTR_WRAP, below(s, 2));
    if (op == TENON_OP_BITCAST && t->dtype != to && (t->dtype == TENON_DTYPE_BOOL || to == TENON_DTYPE_BOOL))
        return false;
    /* Which NaN it is shows in its bits, and rules leave that open. */
    bool shows_nan = tenon_dtype_class(t->dtype) == TENON_CLASS_FLOAT && tenon_dtype_class(to) != TENON_CLASS_FLOAT;
    if (op == TENON_OP_BITCAST && shows_nan && s->options->depth > 0) return false;
    return op == TENON_OP_CAST || tenon_dtype_bits(t->dtype) == tenon_dtype_bits(to);
}

/* Axes come in that go away. */
static bool reduce_from(sampler *s, const tenon__term *term, attrs *a, type *t) {
    uint32_t count = below(s, 3), taken = 0, rank = t->rank + count;
    const tenonh_dim *dims[TENON_MAX_RANK];
    bool ones = below(s, 2);
    if (rank > 6) return false;
    for (uint32_t i = 0, at = 0; i < rank; i++) {
        bool reduced = taken < count && (i - taken == t->rank || below(s, 2));
        dims[i] = reduced ? (ones ? num(s, 1) : sample_dim(s)) : t->dims[at];
        at += !reduced;
        if (reduced) next_attr(a)[taken++] = num(s, i);
    }
    memcpy((void *)t->dims, (const void *)dims, rank * sizeof *dims);
    t->rank = rank;
    set_attr(s, term, a, TENON_ATTR_AXES, count);
    return true;
}

static bool argmax_from(sampler *s, const tenon__term *term, attrs *a, type *t) {
    uint32_t axis = below(s, t->rank + 1);
    if (t->dtype != TENON_DTYPE_I64 || t->rank == 6) return false;
    memmove((void *)(t->dims + axis + 1), (const void *)(t->dims + axis), (t->rank - axis) * sizeof *t->dims);
    t->dims[axis] = num(s, 1 + below(s, 2));
    t->rank++;
    t->dtype = s->options->dtype;
    set_number(s, term, a, TENON_ATTR_AXIS, axis);
    return true;
}

static bool scan_from(sampler *s, const tenon__term *term, attrs *a, type *t) {
    if (t->rank == 0) return false;
    set_number(s, term, a, TENON_ATTR_AXIS, below(s, t->rank));
    set_number(s, term, a, TENON_ATTR_COMBINE, 1 + below(s, 4));
    set_number(s, term, a, TENON_ATTR_EXCLUSIVE, below(s, 2));
    set_number(s, term, a, TENON_ATTR_REVERSE, below(s, 2));
    return true;
}

static bool pad_from(sampler *s, const tenon__term *term, attrs *a, type *t) {
    static int64_t scalar;
    const tenon__term_attr *wanted = wanted_attr(term, TENON_ATTR_SCALARS);
    bool nothing = below(s, 3) == 0;
    for (uint32_t i = 0; i < t->rank; i++) next_attr(a)[i] = t->dims[i];
    a->list[a->count] = (tenonh_attr){TENON_ATTR_DIMS, t->rank, NULL, a->dims[a->count]};
    a->count++;
    for (uint32_t i = 0; i < t->rank; i++) {
        bool wide = is_number(t->dims[i]) && t->dims[i]->number >= 2;
        int64_t low = !nothing && wide && below(s, 2), high = !nothing && wide && below(s, 2);
        next_attr(a)[i] = num(s, low);
        t->dims[i] = sum(s, t->dims[i], -low - high);
    }
    set_attr(s, term, a, TENON_ATTR_LOW, t->rank);
    scalar = below(s, 2);
    if (wanted && s->bound[wanted->slot]) scalar = s->slots[wanted->slot].span.dims[0]->number;
    next_attr(a)[0] = num(s, scalar);
    set_attr(s, term, a, TENON_ATTR_SCALARS, 1);
    a->list[a->count - 1] = (tenonh_attr){TENON_ATTR_SCALARS, 1, &scalar, NULL};
    return true;
}

static bool matmul_types(sampler *s, const type *want, attrs *a, const tenon__term *term, type *types) {
    uint32_t rank = want->rank;
    if (rank < 2 || want->dtype == TENON_DTYPE_BOOL) return false;
    const tenonh_dim *k = sample_dim(s);
    types[0] = types[1] = *want;
    types[0].dims[rank - 1] = types[1].dims[rank - 2] = k;
    set_number(s, term, a, TENON_ATTR_DTYPE, want->dtype);
    set_number(s, term, a, TENON_ATTR_ACCUMULATOR, tenon_dtype_accumulator(TENON_OP_MATMUL, want->dtype));
    return true;
}

bool sample_types(sampler *s, tenon_op op, const tenon__term *term, const type *want, attrs *a, type *types) {
    const tenon_op_row *row = tenon_op_row_of(op);
    for (uint32_t i = 0; i < row->input_count; i++) types[i] = *want;
    switch (row->family) {
    case TENON_FAMILY_VIEW: return view_from(s, op, term, a, &types[0]);
    case TENON_FAMILY_CAST:
    case TENON_FAMILY_BITCAST: return cast_from(s, op, term, a, &types[0]);
    case TENON_FAMILY_REDUCE: return reduce_from(s, term, a, &types[0]);
    case TENON_FAMILY_ARG: return argmax_from(s, term, a, &types[0]);
    case TENON_FAMILY_SCAN: return scan_from(s, term, a, &types[0]);
    case TENON_FAMILY_PAD: return pad_from(s, term, a, &types[0]);
    case TENON_FAMILY_CONTRACT: return matmul_types(s, want, a, term, types);
    default: break;
    }
    if (op == TENON_OP_WHERE) types[0].dtype = TENON_DTYPE_BOOL;
    if (row->result == TENON_RESULT_BOOL) {
        if (want->dtype != TENON_DTYPE_BOOL) return false;
        for (uint32_t i = 0; i < row->input_count; i++) types[i].dtype = s->options->dtype;
    }
    return true;
}
