/* Builds a rule's result in the place of what matched. */
#include <string.h>

#include "passes/rule.h"

static tenonh_value *build(const tenon__match *m, const tenon__term *term);

bool tenon__same_dims(tenonh_builder *b, const tenonh_value *x, const tenonh_value *y) {
    if (x->rank != y->rank) return false;
    for (uint32_t i = 0; i < x->rank; i++)
        if (tenon__dim_compare(&b->module->dims, x->dims[i], y->dims[i]) != TENON__DIM_EQUAL) return false;
    return true;
}

tenonh_value *tenon__uniform_like(tenonh_builder *b, tenon_dtype dtype, tenon__number number,
                                  const tenonh_value *like) {
    uint64_t bits = 0;
    tenon__number_store(dtype, &bits, number);
    return tenon__expand(b, tenon__build_bits(b, dtype, bits), like->rank, like->dims);
}

/* -- Numbers --------------------------------------------------------------------------------------------------------- */

static bool number_of(const tenon__match *m, const tenon__term *term, tenon__number *out_number);

/* An operator on elements, where all its operands are numbers. */
static bool compute(const tenon__match *m, const tenon__term *term, tenon__number *out_number) {
    const tenon_op_row *row = term->root < TENON_OP_LIMIT ? tenon_op_row_of(term->root) : NULL;
    tenon_op op = row ? row->op : m->slots[term->like].value->node->op;
    tenon_dtype dtype = m->root->results[0]->dtype;
    tenon__number args[TENON__RULE_OPERANDS];
    uint64_t bits = 0;
    if (!tenon_op_row_of(op) || tenon_op_row_of(op)->family != TENON_FAMILY_MAP) return false;
    for (uint32_t i = 0; i < term->operand_count; i++)
        if (!number_of(m, term->operands[i], &args[i])) return false;
    tenon__number_store(dtype, &bits, tenon__number_map(op, dtype, args)); /* rounds to storage */
    *out_number = tenon__number_load(dtype, &bits);
    return true;
}

/* The number that a term is, in the root's dtype. */
static bool number_of(const tenon__match *m, const tenon__term *term, tenon__number *out_number) {
    tenon_dtype dtype = m->root->results[0]->dtype;
    uint64_t bits;
    if (term->kind == TENON__TERM_NUMBER) return tenon__term_number(term, dtype, out_number);
    if (term->kind == TENON__TERM_NODE) return term->operand_count > 0 && compute(m, term, out_number);
    if (term->kind != TENON__TERM_VALUE || !(m->rule->uniforms >> term->slot & 1)) return false;
    const tenonh_value *value = m->slots[term->slot].value;
    if (!value || value->dtype != dtype || !tenon__uniform(value, &bits)) return false;
    *out_number = tenon__number_load(dtype, &bits);
    return true;
}

/* -- Nodes ----------------------------------------------------------------------------------------------------------- */

/* Where an attribute of the result comes from: dims, or integers where the builder takes only those. */
typedef struct given {
    tenonh_attr attr;
    const tenonh_dim *dims[TENON_MAX_RANK];
    int64_t values[TENON_MAX_RANK];
} given;

static bool call_attr(const tenon__match *m, const tenon__rule_call *call, given *out) {
    tenon__binding args[TENON__RULE_OPERANDS];
    for (uint32_t i = 0; i < call->argument_count; i++) args[i] = m->slots[call->arguments[i]];
    out->attr.dims = out->dims;
    return call->function->attr(m, args, out->dims, &out->attr.count);
}

static bool as_integers(given *out) {
    for (uint32_t i = 0; i < out->attr.count; i++)
        if (i == TENON_MAX_RANK || !tenonh_dim_is_number(out->attr.dims[i], &out->values[i])) return false;
    out->attr.dims = NULL;
    out->attr.values = out->values;
    return true;
}

static bool give_attr(const tenon__match *m, const tenon__term_attr *attr, given *out) {
    out->attr = (tenonh_attr){.id = attr->id};
    if (attr->is_number) {
        out->values[0] = attr->number;
        out->attr.count = 1;
        out->attr.values = out->values;
        return true;
    }
    if (attr->call.function) {
        if (!call_attr(m, &attr->call, out)) return false;
    } else {
        const tenon__binding *from = &m->slots[attr->slot];
        out->attr.count = from->value ? from->value->rank : from->span.count;
        out->attr.dims = from->value ? (const tenonh_dim *const *)from->value->dims : from->span.dims;
    }
    return attr->id != TENON_ATTR_SCALARS || as_integers(out);
}

static tenonh_value *add_node(const tenon__match *m, const tenon__term *term, tenonh_value *const *operands,
                              const tenonh_attr *attrs, uint32_t attr_count) {
    if (term->root >= TENON__ROOT_COMPOSITES)
        return tenon__compose(m->b, term->root - TENON__ROOT_COMPOSITES, operands, term->operand_count, attrs,
                              attr_count);
    tenon_op op = term->root ? term->root : m->slots[term->like].value->node->op;
    return tenonh_build_op(m->b, op, operands, term->operand_count, attrs, attr_count);
}

static tenonh_value *build_node(const tenon__match *m, const tenon__term *term) {
    tenonh_value *operands[TENON__RULE_OPERANDS];
    given attrs[TENON__RULE_ATTRS];
    tenonh_attr list[TENON__RULE_ATTRS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < term->operand_count; i++)
        if (!(operands[i] = build(m, term->operands[i]))) return NULL;
    for (uint32_t i = 0; i < term->attr_count; i++) {
        if (!give_attr(m, &term->attrs[i], &attrs[i])) return NULL;
        if (attrs[i].attr.count || tenon_attr_row_of(attrs[i].attr.id)->is_list) list[count++] = attrs[i].attr;
    }
    return add_node(m, term, operands, list, count);
}

static tenonh_value *build(const tenon__match *m, const tenon__term *term) {
    tenon__number number;
    if (term->kind == TENON__TERM_VALUE) return m->slots[term->slot].value;
    if (term->kind == TENON__TERM_CALL) {
        tenon__binding args[TENON__RULE_OPERANDS];
        for (uint32_t i = 0; i < term->call.argument_count; i++) args[i] = m->slots[term->call.arguments[i]];
        return term->call.function->value(m, args);
    }
    if (number_of(m, term, &number))
        return tenon__uniform_like(m->b, m->root->results[0]->dtype, number, m->root->results[0]);
    return term->kind == TENON__TERM_NODE ? build_node(m, term) : NULL;
}

tenonh_value *tenon__rule_build(const tenon__match *m) {
    return build(m, m->rule->result);
}
