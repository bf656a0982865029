#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "passes/rebuild.h"

const char *const sample_symbols[SAMPLE_SYMBOLS] = {"n", "m", "k"};

/* A type that is wanted of a term. */
typedef struct type {
    tenon_dtype dtype;
    uint32_t rank;
    const tenonh_dim *dims[TENON_MAX_RANK];
} type;

typedef struct sampler {
    const sample_options *options;
    const tenon__rule *rule;
    uint64_t seed;
    uint32_t depth;
    tenonh_module *module;
    tenonh_builder *b;
    uint32_t input_count;
    bool bound[TENON__RULE_SLOTS];
    tenon__binding slots[TENON__RULE_SLOTS];
} sampler;

/* Attributes of the node being made. */
typedef struct attrs {
    uint32_t count;
    tenonh_attr list[6];
    const tenonh_dim *dims[6][2 * TENON_MAX_RANK];
} attrs;

static tenonh_value *make(sampler *s, const tenon__term *term, const type *want);

uint32_t sample_below(uint64_t *seed, uint32_t limit) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 33) % limit);
}

static uint32_t below(sampler *s, uint32_t limit) {
    return sample_below(&s->seed, limit);
}

static const tenonh_dim *num(sampler *s, int64_t number) {
    return tenon__num(s->b, number);
}

static const tenonh_dim *sum(sampler *s, const tenonh_dim *x, int64_t number) {
    return tenon__dim2(s->b, TENONH_DIM_ADD, x, num(s, number));
}

static const tenonh_dim *some_dim(sampler *s) {
    static const int64_t numbers[] = {1, 1, 2, 3, 4, 0};
    if (s->options->symbolic && below(s, 2)) {
        const tenon_symbol range = {.min = 0, .max = 64, .divisor = 1};
        return tenon__dim_symbol(&s->module->dims, sample_symbols[below(s, SAMPLE_SYMBOLS)], &range);
    }
    return num(s, numbers[below(s, sizeof numbers / sizeof *numbers)]);
}

static type some_type(sampler *s, tenon_dtype dtype, uint32_t least, uint32_t most) {
    type t = {.dtype = dtype, .rank = least + below(s, most - least + 1)};
    for (uint32_t i = 0; i < t.rank; i++) t.dims[i] = some_dim(s);
    return t;
}

static bool has_type(const tenonh_value *value, const type *want) {
    bool same = value->dtype == want->dtype && value->rank == want->rank;
    for (uint32_t i = 0; same && i < want->rank; i++) same = value->dims[i] == want->dims[i];
    return same;
}

static bool is_number(const tenonh_dim *dim) {
    return dim->kind == TENON__DIM_NUMBER;
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

static bool takes(tenon_op op, tenon_dtype dtype) {
    return tenon_op_takes(tenon_op_row_of(op), dtype);
}

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
        dims[i] = reduced ? (ones ? num(s, 1) : some_dim(s)) : t->dims[at];
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
    const tenonh_dim *k = some_dim(s);
    types[0] = types[1] = *want;
    types[0].dims[rank - 1] = types[1].dims[rank - 2] = k;
    set_number(s, term, a, TENON_ATTR_DTYPE, want->dtype);
    set_number(s, term, a, TENON_ATTR_ACCUMULATOR, tenon_dtype_accumulator(TENON_OP_MATMUL, want->dtype));
    return true;
}

/* Types of the operands for the wanted result; attributes. */
static bool types_for(sampler *s, tenon_op op, const tenon__term *term, const type *want, attrs *a, type *types) {
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

static tenon_op some_operator(sampler *s, const tenon__term *term, tenon_dtype dtype) {
    tenon_op fitting[TENON_OP_LIMIT];
    uint32_t count = 0;
    if (term->root) return term->root;
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        if (!tenon_op_row_of(op) || !tenon__class_has(term->class - 1, op)) continue;
        bool truth = tenon_op_row_of(op)->result == TENON_RESULT_BOOL;
        if (truth ? dtype == TENON_DTYPE_BOOL : takes(op, dtype)) fitting[count++] = op;
    }
    return count ? fitting[below(s, count)] : TENON_OP_NONE;
}

static tenonh_value *make_fill(sampler *s, const type *want) {
    uint64_t seed = s->seed;
    int64_t bits = sample_below(&seed, 2);
    const tenonh_attr list[] = {TENON__ATTR_INT(DTYPE, want->dtype),
                                {TENON_ATTR_SCALARS, 1, &bits, NULL},
                                TENON__ATTR_DIMS(DIMS, want->rank, want->dims)};
    return tenonh_build_op(s->b, TENON_OP_FILL, NULL, 0, list, 3);
}

/* Two nodes of one class in a rule are mostly of the same operator. */
static tenonh_value *make_op(sampler *s, const tenon__term *term, const type *want) {
    uint64_t seed = s->seed;
    tenon_op op = some_operator(s, term, want->dtype);
    if (term->class && term != s->rule->source && s->rule->source->class == term->class && below(s, 2)) {
        s->seed = s->options->seed; /* what the root drew */
        op = some_operator(s, term, want->dtype);
        s->seed = seed + 1;
    }
    type types[TENON__RULE_OPERANDS] = {{0}};
    tenonh_value *operands[TENON__RULE_OPERANDS];
    attrs a = {0};
    if (op == TENON_OP_NONE) return NULL;
    if (op == TENON_OP_FILL) return make_fill(s, want);
    if (!types_for(s, op, term, want, &a, types)) return NULL;
    if (!takes(op, types[op == TENON_OP_WHERE].dtype)) return NULL;
    for (uint32_t i = 0; i < term->operand_count; i++)
        if (!(operands[i] = make(s, term->operands[i], &types[i]))) return NULL;
    return tenonh_build_op(s->b, op, operands, term->operand_count, a.list, a.count);
}

/* -- Concats and composites ------------------------------------------------------------------------------------------- */

static tenonh_value *new_input(sampler *s, const type *want);

/* Parts that are slices of one value. */
static tenonh_value *sliced_parts(sampler *s, const type *want, uint32_t axis, uint32_t count, const int64_t *sizes) {
    type whole = *want;
    tenonh_value *parts[3], *x;
    int64_t at = below(s, 2);
    whole.dims[axis] = sum(s, want->dims[axis], at + below(s, 2));
    x = new_input(s, &whole);
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = tenon__slice_axis(s->b, x, axis, num(s, at), num(s, sizes[i]));
        at += sizes[i];
    }
    return tenon__concat(s->b, parts, count, axis);
}

static tenonh_value *made_parts(sampler *s, const type *want, uint32_t axis, uint32_t count, const int64_t *sizes,
                                bool nested) {
    tenonh_value *parts[3];
    for (uint32_t i = 0; i < count; i++) {
        type part = *want;
        part.dims[axis] = num(s, sizes[i]);
        parts[i] = new_input(s, &part);
        if (nested && sizes[i] > 0) {
            tenonh_value *two[2] = {parts[i], parts[i]};
            part.dims[axis] = num(s, sizes[i] - 1);
            two[0] = new_input(s, &part);
            part.dims[axis] = num(s, 1);
            two[1] = new_input(s, &part);
            parts[i] = tenon__concat(s->b, two, 2, axis);
        }
    }
    return tenon__concat(s->b, parts, count, axis);
}

static tenonh_value *make_concat(sampler *s, const type *want) {
    uint32_t axis = want->rank ? below(s, want->rank) : 0, count = 1 + below(s, 3), how = below(s, 3);
    int64_t sizes[3];
    if (want->rank == 0 || !is_number(want->dims[axis])) return NULL;
    int64_t left = want->dims[axis]->number;
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = i + 1 == count ? left : (int64_t)below(s, (uint32_t)left + 1);
        left -= sizes[i];
    }
    if (how == 0) return sliced_parts(s, want, axis, count, sizes);
    return made_parts(s, want, axis, count, sizes, how == 1);
}

static tenonh_value *make_composite(sampler *s, const tenon__term *term, const type *want) {
    uint32_t number = term->root - TENON__ROOT_COMPOSITES;
    tenonh_value *operands[TENON__RULE_OPERANDS];
    bool is_float = tenon_dtype_class(want->dtype) == TENON_CLASS_FLOAT;
    if (number == TENON__COMPOSITE_CONCAT) return make_concat(s, want);
    if (number == TENON__COMPOSITE_NOT ? is_float : want->dtype == TENON_DTYPE_BOOL) return NULL;
    if (number == TENON__COMPOSITE_CEIL && !is_float) return NULL;
    for (uint32_t i = 0; i < term->operand_count; i++)
        if (!(operands[i] = make(s, term->operands[i], want))) return NULL;
    return tenon__compose(s->b, number, operands, term->operand_count, NULL, 0);
}

/* -- Terms ------------------------------------------------------------------------------------------------------------ */

static tenonh_value *new_input(sampler *s, const type *want) {
    char name[16] = "x0";
    if (s->input_count == SAMPLE_MAX_INPUTS) return NULL;
    name[1] = (char)('0' + s->input_count / 10);
    name[2] = (char)('0' + s->input_count++ % 10);
    return tenonh_build_input(s->b, name, want->dtype, want->rank, want->dims);
}

/* A variable, as another rule's source of that type. */
static tenonh_value *nested(sampler *s, const type *want) {
    const tenon__rule *rules;
    uint32_t count;
    sampler inner = *s;
    tenon__rules(&rules, &count);
    inner.rule = &rules[below(&inner, count)];
    inner.depth++;
    memset(inner.bound, 0, sizeof inner.bound);
    tenonh_value *value = make(&inner, inner.rule->source, want);
    s->seed = inner.seed;
    s->input_count = inner.input_count;
    return value && has_type(value, want) ? value : NULL;
}

static tenonh_value *make_variable(sampler *s, const type *want) {
    if (s->depth < s->options->depth && below(s, 2)) {
        tenonh_value *value = nested(s, want);
        if (value || tenonh_builder_status(s->b) != TENON_STATUS_OK) return value;
    }
    return new_input(s, want);
}

static tenonh_value *constant_like(sampler *s, const type *want, tenon__number number) {
    uint64_t bits = 0;
    tenon__number_store(want->dtype, &bits, number);
    return tenon__expand(s->b, tenon__build_bits(s->b, want->dtype, bits), want->rank, want->dims);
}

static tenonh_value *make_uniform(sampler *s, const type *want) {
    static const double numbers[] = {2, 4, 0.5, -2, 3, 0, 1, -1, 64, 1024, 0.1, 7};
    double number = numbers[below(s, sizeof numbers / sizeof *numbers)];
    return constant_like(s, want,
                         tenon__number_cast(TENON_DTYPE_F64, want->dtype, (tenon__number){.f = number}, false));
}

static tenonh_value *make_number(sampler *s, const tenon__term *term, const type *want) {
    tenon__number number;
    return tenon__term_number(term, want->dtype, &number) ? constant_like(s, want, number) : NULL;
}

static tenonh_value *make_term(sampler *s, const tenon__term *term, const type *want) {
    switch (term->kind) {
    case TENON__TERM_UNIFORM: return make_uniform(s, want);
    case TENON__TERM_NUMBER: return make_number(s, term, want);
    case TENON__TERM_NODE:
        return term->root >= TENON__ROOT_COMPOSITES ? make_composite(s, term, want) : make_op(s, term, want);
    default: return make_variable(s, want);
    }
}

static tenonh_value *make(sampler *s, const tenon__term *term, const type *want) {
    bool named = term->slot != TENON__NO_SLOT;
    if (named && s->bound[term->slot])
        return has_type(s->slots[term->slot].value, want) ? s->slots[term->slot].value : NULL;
    tenonh_value *value = make_term(s, term, want);
    if (!value || !named) return value;
    s->bound[term->slot] = true;
    s->slots[term->slot].value = value;
    return value;
}

static bool gives_truth(const tenon__rule *rule) {
    uint32_t root = rule->source->root;
    return root && root < TENON_OP_LIMIT && tenon_op_row_of(root)->result == TENON_RESULT_BOOL;
}

tenonh_module *sample_rule(const tenon__rule *rule, const sample_options *options) {
    sampler s = {.options = options, .rule = rule, .seed = options->seed};
    if (tenonh_module_create(&s.module) != TENON_STATUS_OK) return NULL;
    if (tenonh_builder_create(s.module, "main", &s.b) != TENON_STATUS_OK) return tenonh_module_destroy(s.module), NULL;
    bool truth = gives_truth(rule), index = rule->source->root == TENON_OP_ARGMAX;
    type want = some_type(&s, truth ? TENON_DTYPE_BOOL : index ? TENON_DTYPE_I64 : options->dtype, 0, 4);
    tenonh_value *value = make(&s, rule->source, &want);
    if (value) tenonh_build_output(s.b, "y", value);
    tenon_status status = tenonh_builder_finish(s.b);
    if (value && status == TENON_STATUS_OK) return s.module;
    tenonh_module_destroy(s.module);
    return NULL;
}

/* -- Numbers ---------------------------------------------------------------------------------------------------------- */

static int64_t number_of(const char *symbol, const int64_t *numbers) {
    for (uint32_t i = 0; i < SAMPLE_SYMBOLS; i++)
        if (strcmp(symbol, sample_symbols[i]) == 0) return numbers[i];
    return 1;
}

tenonh_module *sample_numbers(const tenonh_module *module, const int64_t *numbers) {
    tenon__rebuild r = {.source = module};
    if (tenonh_module_create(&r.target) != TENON_STATUS_OK) return NULL;
    r.symbols = calloc((size_t)module->dims.symbol_count + 1, sizeof(void *));
    tenon_status status = r.symbols ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < module->dims.symbol_count && status == TENON_STATUS_OK; i++)
        r.symbols[i] = tenon__dim_number(&r.target->dims, number_of(module->dims.symbols[i]->name, numbers));
    if (status == TENON_STATUS_OK) status = tenon__rebuild_function(&r, tenon__module_find(module, "main"), "main");
    free((void *)r.symbols);
    if (status == TENON_STATUS_OK) return r.target;
    tenonh_module_destroy(r.target);
    return NULL;
}

/* -- Values ----------------------------------------------------------------------------------------------------------- */

static tenon__number some_float(uint64_t *seed, tenon_dtype dtype) {
    static const double special[] = {0.0,  -0.0,     1.0,       -1.0,        2.0,          -2.0,   0.5,    -0.5, 1.5,
                                     2.5,  -3.0,     7.0,       1e-40,       -1e-40,       6e-5,   6e-8,   6e4,  -6e4,
                                     3e38, -3e38,    0x1p-126,  0x1p-1022,   1e300,        1e-300, 1e20,   0.1,  100.0,
                                     NAN,  INFINITY, -INFINITY, 2147483648., -2147483648., 9.3e18, -9.3e18};
    uint32_t pick = sample_below(seed, 64);
    double number =
        pick < sizeof special / sizeof *special ? special[pick] : (sample_below(seed, 2001) - 1000.0) / 64.0;
    return tenon__number_cast(TENON_DTYPE_F64, dtype, (tenon__number){.f = number}, false);
}

static tenon__number some_number(uint64_t *seed, tenon_dtype dtype) {
    static const int64_t special[] = {0,         1,         -1,        2,         -2,        3,   7,
                                      8,         31,        32,        63,        64,        127, -128,
                                      INT16_MIN, INT32_MIN, INT64_MIN, INT64_MAX, INT32_MAX, 255, 65535};
    uint32_t pick = sample_below(seed, 40);
    if (tenon_dtype_class(dtype) == TENON_CLASS_FLOAT) return some_float(seed, dtype);
    if (tenon_dtype_class(dtype) == TENON_CLASS_BOOL) return (tenon__number){.u = pick & 1};
    int64_t number = pick < sizeof special / sizeof *special ? special[pick] : (int64_t)sample_below(seed, 300) - 150;
    return tenon__number_of_bits(dtype, (uint64_t)number);
}

void sample_inputs(const tenonh_module *module, uint64_t seed, tenon__tensor *out_inputs) {
    const tenonh_region *body = tenon__module_find(module, "main")->body;
    for (uint32_t i = 0; i < body->argument_count; i++) {
        const tenonh_value *x = body->arguments[i];
        tenon__tensor *t = &out_inputs[i];
        *t = (tenon__tensor){.dtype = x->dtype, .rank = x->rank};
        if (tenon__value_numbers(x, t->dims) != TENON_STATUS_OK) abort();
        tenon__tensor_pack(t);
        size_t size = tenon_dtype_bits(x->dtype) / 8, count = (size_t)tenon__tensor_elements(t);
        t->data = malloc(count * size + 1);
        if (!t->data) abort();
        for (size_t k = 0; k < count; k++)
            tenon__number_store(x->dtype, (char *)t->data + k * size, some_number(&seed, x->dtype));
    }
}
