/* Does a rule's source fit the surroundings of a node? */
#include <math.h>
#include <string.h>

#include "passes/rewrite.h"
#include "passes/rule.h"

enum { VIEW_DEPTH = 16 };

uint32_t tenon__root_of(const tenonh_node *node) {
    if (node->kind == TENON__NODE_OP) return node->op;
    if (node->kind == TENON__NODE_COMPOSITE && node->composite) return TENON__ROOT_COMPOSITES + node->composite->number;
    return TENON__ROOT_NONE;
}

/* -- Classes of operators -------------------------------------------------------------------------------------------- */

static bool is_map(tenon_op op, uint32_t operands) {
    const tenon_op_row *row = tenon_op_row_of(op);
    return row && row->family == TENON_FAMILY_MAP && (operands == 0 || row->input_count == operands);
}

static bool is_unary(tenon_op op) {
    return is_map(op, 1);
}

static bool is_binary(tenon_op op) {
    return is_map(op, 2);
}

static bool is_ternary(tenon_op op) {
    return is_map(op, 3);
}

/* To whole numbers: what is whole already stays. */
static bool is_rounding(tenon_op op) {
    return op == TENON_OP_FLOOR || op == TENON_OP_TRUNC || op == TENON_OP_RINT;
}

/* x op x is x, and the order of evaluation does not matter. */
static bool is_lattice(tenon_op op) {
    return op == TENON_OP_MAX || op == TENON_OP_MIN || op == TENON_OP_AND || op == TENON_OP_OR;
}

/* The order of evaluation does not matter on integers. */
static bool is_associative(tenon_op op) {
    return is_lattice(op) || op == TENON_OP_ADD || op == TENON_OP_MUL || op == TENON_OP_XOR;
}

static bool is_comparison(tenon_op op) {
    return op == TENON_OP_LT || op == TENON_OP_EQ;
}

static bool is_extremum(tenon_op op) {
    return op == TENON_OP_RMAX || op == TENON_OP_RMIN;
}

static bool is_reduction(tenon_op op) {
    const tenon_op_row *row = tenon_op_row_of(op);
    return row && row->family == TENON_FAMILY_REDUCE;
}

static const struct {
    const char *name;
    bool (*has)(tenon_op op);
} classes[] = {{"unary", is_unary},           {"binary", is_binary},     {"ternary", is_ternary},
               {"rounding", is_rounding},     {"lattice", is_lattice},   {"associative", is_associative},
               {"comparison", is_comparison}, {"extremum", is_extremum}, {"reduction", is_reduction}};

uint32_t tenon__class_find(const char *name) {
    for (uint32_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].name, name) == 0) return i;
    return UINT32_MAX;
}

bool tenon__class_has(uint32_t class, tenon_op op) {
    return classes[class].has(op);
}

bool tenon__op_commutes(tenon_op op) {
    return is_associative(op) || op == TENON_OP_EQ;
}

/* -- Constants ------------------------------------------------------------------------------------------------------- */

bool tenon__uniform(const tenonh_value *value, uint64_t *out_bits) {
    for (int depth = 0; value->kind != TENON__VALUE_CONSTANT; depth++) {
        if (depth == VIEW_DEPTH || value->kind != TENON__VALUE_RESULT || !tenon__node_is_view(value->node))
            return false;
        value = value->node->operands[0];
    }
    size_t element = tenon_dtype_bits(value->dtype) / 8, size = value->constant->size;
    const char *bytes = value->constant->data;
    if (element == 0 || size < element) return false;
    if (memcmp(bytes, bytes + element, size - element) != 0) return false; /* each is equal to the next */
    *out_bits = 0;
    memcpy(out_bits, bytes, element);
    return true;
}

static tenon__number extreme(tenon_dtype dtype, bool low) {
    return tenon__number_identity(low ? TENON_COMBINE_MAX : TENON_COMBINE_MIN, dtype);
}

bool tenon__term_number(const tenon__term *term, tenon_dtype dtype, tenon__number *out_number) {
    bool is_float = tenon_dtype_class(dtype) == TENON_CLASS_FLOAT;
    switch (term->number_kind) {
    case TENON__NUMBER_LOWEST: *out_number = extreme(dtype, true); return true;
    case TENON__NUMBER_HIGHEST: *out_number = extreme(dtype, false); return true;
    case TENON__NUMBER_ONES:
        *out_number = tenon__number_of_bits(dtype, dtype == TENON_DTYPE_BOOL ? 1 : ~UINT64_C(0));
        return !is_float;
    default: break;
    }
    *out_number = tenon__number_cast(TENON_DTYPE_F64, dtype, (tenon__number){.f = term->number}, false);
    tenon__number back = tenon__number_cast(dtype, TENON_DTYPE_F64, *out_number, false);
    return is_float || back.f == term->number;
}

static bool match_number(const tenon__term *term, const tenonh_value *value) {
    uint64_t bits, wanted = 0;
    tenon__number number;
    if (!tenon__uniform(value, &bits) || !tenon__term_number(term, value->dtype, &number)) return false;
    tenon__number_store(value->dtype, &wanted, number);
    return bits == wanted;
}

/* -- Terms ----------------------------------------------------------------------------------------------------------- */

static bool bind_value(tenon__match *m, uint32_t slot, tenonh_value *value) {
    if (slot == TENON__NO_SLOT) return true;
    if (m->bound[slot]) return m->slots[slot].value == value;
    m->bound[slot] = true;
    m->slots[slot].value = value;
    return true;
}

static bool same_span(const tenon__span *a, const tenon__span *b) {
    return a->count == b->count && (a->count == 0 || memcmp(a->dims, b->dims, a->count * sizeof *a->dims) == 0);
}

/* The host scalars of a node, as if they were an attribute. */
static bool scalars_of(tenon__match *m, const tenonh_node *node, tenon__span *out_span) {
    uint32_t count = node->kind == TENON__NODE_OP ? tenon_op_row_of(node->op)->scalar_count : 0;
    const tenonh_dim **dims = tenon__arena_array(&m->b->module->arena, count, sizeof *dims);
    for (uint32_t i = 0; i < count && dims; i++) {
        dims[i] = tenon__dim_number(&m->b->module->dims, (int64_t)node->scalars[i]);
        if (!dims[i]) return false;
    }
    *out_span = (tenon__span){count, dims};
    return dims != NULL;
}

static bool match_attr(tenon__match *m, const tenon__term_attr *wanted, const tenonh_node *node) {
    tenon__span is = {0};
    const tenon__attr *attr = tenon__node_attr(node, wanted->id);
    if (wanted->id == TENON_ATTR_SCALARS) {
        if (!scalars_of(m, node, &is)) return false;
    } else if (attr) {
        is = (tenon__span){attr->count, attr->dims};
    }
    if (wanted->is_number)
        return tenon__node_int(node, wanted->id, tenon_attr_row_of(wanted->id)->default_value) == wanted->number;
    if (m->bound[wanted->slot]) return same_span(&m->slots[wanted->slot].span, &is);
    m->bound[wanted->slot] = true;
    m->slots[wanted->slot].span = is;
    return true;
}

static bool match_term(tenon__match *m, const tenon__term *term, tenonh_value *value);

static bool match_list(tenon__match *m, const tenon__term *term, const tenonh_node *node) {
    m->bound[term->slot] = true;
    m->slots[term->slot].value = node->results[0]; /* whose operands they are */
    return true;
}

static bool match_operands(tenon__match *m, const tenon__term *term, const tenonh_node *node) {
    uint32_t count = term->operand_count;
    if (count == 1 && term->operands[0]->kind == TENON__TERM_LIST) return match_list(m, term->operands[0], node);
    if (node->operand_count != count) return false;
    bool swapped = count == 2 && (m->swaps >> term->swap & 1);
    if (swapped && !(node->kind == TENON__NODE_OP && tenon__op_commutes(node->op))) return false;
    for (uint32_t i = 0; i < count; i++) {
        tenonh_value *operand = node->operands[swapped ? 1 - i : i];
        if (!operand || !match_term(m, term->operands[i], operand)) return false;
    }
    return true;
}

/* The operator alone: cheap, and mostly decides. */
static bool fits_operator(const tenon__term *term, const tenonh_node *node) {
    if (node->result_count != 1) return false;
    if (term->root) return tenon__root_of(node) == term->root;
    return node->kind == TENON__NODE_OP && tenon__class_has(term->class - 1, node->op);
}

static bool match_node(tenon__match *m, const tenon__term *term, tenonh_node *node) {
    if (!fits_operator(term, node) || m->node_count == TENON__RULE_NODES) return false;
    m->nodes[m->node_count++] = node;
    for (uint32_t i = 0; i < term->attr_count; i++)
        if (!match_attr(m, &term->attrs[i], node)) return false;
    return bind_value(m, term->slot, node->results[0]) && match_operands(m, term, node);
}

static bool match_term(tenon__match *m, const tenon__term *term, tenonh_value *value) {
    uint64_t bits;
    switch (term->kind) {
    case TENON__TERM_UNIFORM: return tenon__uniform(value, &bits) && bind_value(m, term->slot, value);
    case TENON__TERM_NUMBER: return match_number(term, value) && bind_value(m, term->slot, value);
    case TENON__TERM_NODE:
        if (value->kind != TENON__VALUE_RESULT || (term->single && tenon__value_uses(m->b, value) != 1)) return false;
        return match_node(m, term, value->node);
    default: return bind_value(m, term->slot, value);
    }
}

static bool checks_hold(const tenon__match *m) {
    for (uint32_t i = 0; i < m->rule->check_count; i++) {
        const tenon__rule_call *call = &m->rule->checks[i];
        tenon__binding args[TENON__RULE_OPERANDS];
        for (uint32_t k = 0; k < call->argument_count; k++) args[k] = m->slots[call->arguments[k]];
        if (call->function->check(m, args) == call->negated) return false;
    }
    return true;
}

/* Every order of the operands that may be swapped: a pattern has two or three such nodes at most. */
bool tenon__rule_match(tenonh_builder *b, const tenon__rule *rule, tenonh_node *node, tenon__match *m) {
    if (!fits_operator(rule->source, node)) return false;
    for (uint32_t swaps = 0; swaps < 1u << rule->swap_count; swaps++) {
        *m = (tenon__match){.rule = rule, .b = b, .root = node, .swaps = swaps};
        bind_value(m, 0, node->results[0]);
        if (match_node(m, rule->source, node) && checks_hold(m)) return true;
    }
    return false;
}
