/* The notation of rules.def: names, terms, checks. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/rule.h"

enum { MAX_NAME = 48 };

typedef struct parser {
    tenon__arena *arena;
    tenon__rule *rule;
    const char *at;
    bool is_result; /* names must be known; functions may stand for terms */
} parser;

static tenon_status fail(const parser *p, const char *what) {
    return tenon__fail(TENON_STATUS_INVALID, "rule '%s': %s at '%.40s'", p->rule->row->name, what, p->at);
}

static void skip_spaces(parser *p) {
    while (*p->at == ' ') p->at++;
}

static bool take(parser *p, char wanted) {
    skip_spaces(p);
    if (*p->at != wanted) return false;
    p->at++;
    return true;
}

static tenon_status expect(parser *p, char wanted) {
    char what[] = "'?' is missing";
    what[1] = wanted;
    return take(p, wanted) ? TENON_STATUS_OK : fail(p, what);
}

/* A name of letters, digits, '_' and '.'; empty if there is none. */
static void read_name(parser *p, char *name) {
    size_t length = 0;
    skip_spaces(p);
    if (isalpha((unsigned char)*p->at))
        while ((isalnum((unsigned char)*p->at) || *p->at == '_' || (*p->at == '.' && p->at[1] != '.')) &&
               length + 1 < MAX_NAME)
            name[length++] = *p->at++;
    name[length] = 0;
}

static uint32_t slot_of(const parser *p, const char *name) {
    for (uint32_t i = 0; i < p->rule->slot_count; i++)
        if (strcmp(p->rule->slots[i], name) == 0) return i;
    return TENON__NO_SLOT;
}

/* In a mask of slots; NO_SLOT is in none. */
static uint32_t bit_of(uint32_t slot) {
    return slot < TENON__RULE_SLOTS ? 1u << slot : 0;
}

/* The slot of a name: in a source a new one if need be. */
static tenon_status name_slot(parser *p, const char *name, uint32_t *out_slot) {
    *out_slot = slot_of(p, name);
    if (*out_slot != TENON__NO_SLOT) return TENON_STATUS_OK;
    if (p->is_result) return fail(p, "the source has no such name");
    if (p->rule->slot_count == TENON__RULE_SLOTS) return fail(p, "too many names");
    const char *copy = tenon__arena_string(p->arena, name);
    if (!copy) return tenon__fail_memory();
    *out_slot = p->rule->slot_count;
    p->rule->slots[p->rule->slot_count++] = copy;
    return TENON_STATUS_OK;
}

/* name(a, b): the name has been read and the next character is '('. */
static tenon_status parse_call(parser *p, const char *name, tenon__rule_call *out_call) {
    *out_call = (tenon__rule_call){.function = tenon__rule_function_find(name)};
    if (!out_call->function) return fail(p, "unknown function");
    TENON_TRY(expect(p, '('));
    while (!take(p, ')')) {
        char argument[MAX_NAME];
        if (out_call->argument_count) TENON_TRY(expect(p, ','));
        if (out_call->argument_count == TENON__RULE_OPERANDS) return fail(p, "too many arguments");
        read_name(p, argument);
        uint32_t slot = slot_of(p, argument);
        if (slot == TENON__NO_SLOT) return fail(p, "the source has no such name");
        out_call->arguments[out_call->argument_count++] = slot;
    }
    return out_call->argument_count == out_call->function->argument_count ? TENON_STATUS_OK
                                                                          : fail(p, "not that many arguments");
}

static tenon_status parse_attr(parser *p, const char *name, tenon__term_attr *out_attr) {
    char word[MAX_NAME];
    *out_attr = (tenon__term_attr){.id = tenon_attr_by_name(name), .slot = TENON__NO_SLOT};
    if (!out_attr->id) return fail(p, "unknown attribute");
    read_name(p, word);
    if (!*word) {
        char *end;
        out_attr->is_number = true;
        out_attr->number = strtoll(p->at, &end, 10);
        if (end == p->at) return fail(p, "an attribute is a name or a number");
        p->at = end;
        return TENON_STATUS_OK;
    }
    if (!p->is_result || *p->at != '(') return name_slot(p, word, &out_attr->slot);
    TENON_TRY(parse_call(p, word, &out_attr->call));
    return out_attr->call.function->attr ? TENON_STATUS_OK : fail(p, "that function gives no attribute");
}

static tenon_status parse_term(parser *p, tenon__term **out_term);

/* NULL: no memory. */
static tenon__term *new_term(parser *p, uint32_t kind, uint32_t slot) {
    tenon__term *term = tenon__arena_allocate(p->arena, sizeof *term);
    if (!term) return NULL;
    term->kind = kind;
    term->slot = slot;
    term->like = TENON__NO_SLOT;
    return term;
}

/* Operands and attributes after '('. */
static tenon_status parse_operands(parser *p, tenon__term *term) {
    while (!take(p, ')')) {
        char name[MAX_NAME];
        if (term->operand_count + term->attr_count) TENON_TRY(expect(p, ','));
        skip_spaces(p);
        const char *start = p->at;
        read_name(p, name);
        if (*name && take(p, '=')) {
            if (term->attr_count == TENON__RULE_ATTRS) return fail(p, "too many attributes");
            TENON_TRY(parse_attr(p, name, &term->attrs[term->attr_count++]));
        } else {
            p->at = start;
            if (term->operand_count == TENON__RULE_OPERANDS) return fail(p, "too many operands");
            TENON_TRY(parse_term(p, &term->operands[term->operand_count++]));
        }
    }
    term->single = take(p, '!');
    bool commutes = term->class || (term->root < TENON_OP_LIMIT && tenon__op_commutes(term->root));
    term->swap = TENON__NO_SWAP;
    if (term->operand_count == 2 && commutes && !p->is_result) term->swap = p->rule->swap_count++;
    return p->rule->swap_count <= TENON__RULE_NODES ? TENON_STATUS_OK : fail(p, "too many nodes");
}

/* The operator called `name`: of the table, a composite, a class, or that of a node of the source. */
static tenon_status name_operator(parser *p, const char *name, tenon__term *term) {
    const tenon__composite *composite = tenon__composite_find(name, 0);
    uint32_t class = tenon__class_find(name);
    term->root = tenon_op_by_name(name);
    if (term->root) return TENON_STATUS_OK;
    if (composite) {
        term->root = TENON__ROOT_COMPOSITES + composite->number;
    } else if (p->is_result) {
        return name_slot(p, name, &term->like);
    } else if (class != UINT32_MAX) {
        term->class = class + 1;
    } else {
        return fail(p, "unknown operator");
    }
    return TENON_STATUS_OK;
}

static tenon_status parse_node(parser *p, const char *name, uint32_t slot, tenon__term **out_term) {
    const tenon__rule_function *function = tenon__rule_function_find(name);
    tenon__term *term = *out_term = new_term(p, TENON__TERM_NODE, slot);
    if (!term) return tenon__fail_memory();
    if (p->is_result && function && function->value) {
        term->kind = TENON__TERM_CALL;
        return parse_call(p, name, &term->call);
    }
    TENON_TRY(name_operator(p, name, term));
    TENON_TRY(expect(p, '('));
    return parse_operands(p, term);
}

static bool number_kind(const char *name, uint32_t *out_kind) {
    static const char *const names[] = {
        [TENON__NUMBER_LOWEST] = "lowest", [TENON__NUMBER_HIGHEST] = "highest", [TENON__NUMBER_ONES] = "ones"};
    for (uint32_t i = TENON__NUMBER_LOWEST; i <= TENON__NUMBER_ONES; i++) {
        *out_kind = i;
        if (strcmp(name, names[i]) == 0) return true;
    }
    return false;
}

static tenon_status new_number(parser *p, uint32_t slot, uint32_t kind, double number, tenon__term **out_term) {
    tenon__term *term = *out_term = new_term(p, TENON__TERM_NUMBER, slot);
    if (!term) return tenon__fail_memory();
    p->rule->uniforms |= bit_of(slot);
    term->number_kind = kind;
    term->number = number;
    return TENON_STATUS_OK;
}

static tenon_status parse_number(parser *p, uint32_t slot, tenon__term **out_term) {
    char *end;
    double number = strtod(p->at, &end);
    if (end == p->at) return fail(p, "a term is missing");
    p->at = end;
    return new_number(p, slot, TENON__NUMBER_PLAIN, number, out_term);
}

/* x, or xs... for all operands. */
static tenon_status parse_variable(parser *p, const char *name, tenon__term **out_term) {
    uint32_t slot;
    TENON_TRY(name_slot(p, name, &slot));
    bool is_list = strncmp(p->at, "...", 3) == 0;
    if (is_list) p->at += 3;
    if (p->is_result) p->rule->kept |= bit_of(slot);
    *out_term = new_term(p, is_list ? TENON__TERM_LIST : TENON__TERM_VALUE, slot);
    return *out_term ? TENON_STATUS_OK : tenon__fail_memory();
}

static tenon_status parse_named(parser *p, const char *name, uint32_t slot, tenon__term **out_term) {
    uint32_t kind;
    if (number_kind(name, &kind)) return new_number(p, slot, kind, 0, out_term);
    if (*p->at == '(') return parse_node(p, name, slot, out_term);
    return slot == TENON__NO_SLOT ? parse_variable(p, name, out_term) : fail(p, "a name for a name");
}

/* #c */
static tenon_status parse_uniform(parser *p, const char *name, tenon__term **out_term) {
    uint32_t slot;
    if (p->is_result) return fail(p, "a result uses the name alone");
    TENON_TRY(name_slot(p, name, &slot));
    p->rule->uniforms |= bit_of(slot);
    *out_term = new_term(p, TENON__TERM_UNIFORM, slot);
    return *out_term ? TENON_STATUS_OK : tenon__fail_memory();
}

static tenon_status parse_term(parser *p, tenon__term **out_term) {
    char name[MAX_NAME];
    uint32_t slot = TENON__NO_SLOT;
    bool uniform = take(p, '#');
    read_name(p, name);
    if (uniform) return parse_uniform(p, name, out_term);
    if (*name && take(p, ':')) {
        TENON_TRY(name_slot(p, name, &slot));
        read_name(p, name);
    }
    return *name ? parse_named(p, name, slot, out_term) : parse_number(p, slot, out_term);
}

static tenon_status parse_checks(parser *p) {
    for (skip_spaces(p); *p->at; skip_spaces(p)) {
        char name[MAX_NAME];
        if (p->rule->check_count) TENON_TRY(expect(p, ','));
        if (p->rule->check_count == TENON__RULE_CHECKS) return fail(p, "too many checks");
        tenon__rule_call *check = &p->rule->checks[p->rule->check_count++];
        bool negated = take(p, '!');
        read_name(p, name);
        TENON_TRY(parse_call(p, name, check));
        if (!check->function->check) return fail(p, "that function is no check");
        check->negated = negated;
    }
    return TENON_STATUS_OK;
}

static tenon_status parse_end(parser *p) {
    skip_spaces(p);
    return *p->at ? fail(p, "the pattern goes on") : TENON_STATUS_OK;
}

tenon_status tenon__rule_parse(tenon__arena *arena, const tenon__rule_row *row, tenon__rule *out_rule) {
    *out_rule = (tenon__rule){.row = row, .slots = {"root"}, .slot_count = 1};
    parser p = {.arena = arena, .rule = out_rule, .at = row->source};
    tenon__term *source = NULL, *result = NULL;
    TENON_TRY(parse_term(&p, &source));
    TENON_TRY(parse_end(&p));
    if (!source || source->kind != TENON__TERM_NODE) return fail(&p, "the source is not a node");
    p.is_result = true;
    p.at = row->checks;
    TENON_TRY(parse_checks(&p));
    p.at = row->result;
    TENON_TRY(parse_term(&p, &result));
    TENON_TRY(parse_end(&p));
    out_rule->source = source;
    out_rule->result = result;
    return tenon__rule_measure(out_rule);
}
