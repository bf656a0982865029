#include <string.h>

#include "sample_internal.h"

static tenonh_value *make(sampler *s, const tenon__term *term, const type *want);

static type some_type(sampler *s, tenon_dtype dtype, uint32_t least, uint32_t most) {
    type t = {.dtype = dtype, .rank = least + below(s, most - least + 1)};
    for (uint32_t i = 0; i < t.rank; i++) t.dims[i] = sample_dim(s);
    return t;
}

static bool has_type(const tenonh_value *value, const type *want) {
    bool same = value->dtype == want->dtype && value->rank == want->rank;
    for (uint32_t i = 0; same && i < want->rank; i++) same = value->dims[i] == want->dims[i];
    return same;
}

/* -- Operators ------------------------------------------------------------------------------------------------------- */

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
    if (!sample_types(s, op, term, want, &a, types)) return NULL;
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
