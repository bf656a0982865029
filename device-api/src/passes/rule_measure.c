/* Why rewriting ends. A term weighs factor * (weights of its operands) + constant; arguments and constants weigh nothing.
 * Every rule's result weighs less than its source whatever the variables weigh, and factors are at least 1: so each step
 * makes the terms that outputs are lighter, and weights are whole numbers.
 *
 * Operators that compute double what stands before them and views do not: a view that sinks below an operator becomes
 * lighter. A node over numbers and uniform constants weighs nothing: it is computed at once. */
#include "passes/rule.h"

enum { CONSTANT = TENON__RULE_SLOTS, COEFFICIENTS };

/* Coefficients of the variables, and what is added. */
typedef struct weight {
    uint64_t terms[COEFFICIENTS];
} weight;

typedef struct scale {
    uint64_t factor, constant;
} scale;

/* Of operators with a result of their own; cheaper ones are lighter, so that rules lead to them. */
static scale scale_of_op(tenon_op op) {
    switch (op) {
    case TENON_OP_RESHAPE: return (scale){1, 1};
    case TENON_OP_PERMUTE:
    case TENON_OP_EXPAND:
    case TENON_OP_SLICE:
    case TENON_OP_WINDOW: return (scale){1, 2};
    case TENON_OP_POW: return (scale){16, 16};
    case TENON_OP_DIV:
    case TENON_OP_REM: return (scale){2, 5};
    case TENON_OP_WHERE:
    case TENON_OP_FMA: return (scale){2, 4};
    case TENON_OP_SUB:
    case TENON_OP_MUL:
    case TENON_OP_LT:
    case TENON_OP_EQ: return (scale){2, 3};
    case TENON_OP_SUM: return (scale){2, 6};
    case TENON_OP_MATMUL: return (scale){2, 8};
    default: return (scale){2, 2};
    }
}

enum { LIGHTEST = 0, HEAVIEST = 1 };

static scale scale_of(const tenon__term *term, uint32_t of_class) {
    if (!term->root) return of_class == LIGHTEST ? (scale){2, 2} : (scale){16, 8}; /* any of its class */
    return term->root >= TENON__ROOT_COMPOSITES ? (scale){16, 16} : scale_of_op(term->root);
}

/* Nothing in it is a variable that a value without a known number can stand for. */
static bool is_constant(const tenon__rule *rule, const tenon__term *term) {
    if (term->kind == TENON__TERM_UNIFORM || term->kind == TENON__TERM_NUMBER) return true;
    if (term->kind == TENON__TERM_VALUE) return rule->uniforms >> term->slot & 1;
    if (term->kind != TENON__TERM_NODE || term->operand_count == 0) return false;
    for (uint32_t i = 0; i < term->operand_count; i++)
        if (!is_constant(rule, term->operands[i])) return false;
    return true;
}

static void add(weight *sum, const weight *more, uint64_t factor) {
    for (uint32_t i = 0; i < COEFFICIENTS; i++) sum->terms[i] += factor * more->terms[i];
}

/* Depth: a pattern's. */
static weight weigh(const tenon__rule *rule, const tenon__term *term, uint32_t of_class) {
    weight sum = {{0}};
    if (is_constant(rule, term)) return sum;
    if (term->kind == TENON__TERM_VALUE || term->kind == TENON__TERM_LIST) {
        const tenon__term *source = rule->source;
        bool named_node = term->slot == 0; /* the root itself: never lighter */
        sum.terms[named_node ? CONSTANT : term->slot] = 1;
        return named_node ? weigh(rule, source, of_class) : sum;
    }
    if (term->kind == TENON__TERM_CALL) {
        for (uint32_t i = 0; i < term->call.argument_count; i++)
            sum.terms[term->call.arguments[i]] += term->call.function->factor;
        sum.terms[CONSTANT] += term->call.function->constant;
        return sum;
    }
    scale own = scale_of(term, of_class);
    for (uint32_t i = 0; i < term->operand_count; i++) {
        weight operand = weigh(rule, term->operands[i], of_class);
        add(&sum, &operand, own.factor);
    }
    sum.terms[CONSTANT] += own.constant;
    return sum;
}

/* Names of nodes and of constants within the source are no variables: what they weigh is known. */
static void substitute(const tenon__rule *rule, const tenon__term *source, uint32_t of_class, weight *sum) {
    for (uint32_t i = 0; i < source->operand_count; i++) substitute(rule, source->operands[i], of_class, sum);
    if (source->kind == TENON__TERM_VALUE || source->kind == TENON__TERM_LIST || source->slot == TENON__NO_SLOT) return;
    uint64_t times = sum->terms[source->slot];
    sum->terms[source->slot] = 0;
    weight is = weigh(rule, source, of_class);
    add(sum, &is, times);
}

static bool is_lighter(const weight *result, const weight *source) {
    for (uint32_t i = 0; i < CONSTANT; i++)
        if (result->terms[i] > source->terms[i]) return false;
    return result->terms[CONSTANT] < source->terms[CONSTANT];
}

tenon_status tenon__rule_measure(const tenon__rule *rule) {
    for (uint32_t of_class = LIGHTEST; of_class <= HEAVIEST; of_class++) {
        weight source = weigh(rule, rule->source, of_class), result = weigh(rule, rule->result, of_class);
        substitute(rule, rule->source, of_class, &result);
        if (!is_lighter(&result, &source))
            return tenon__fail(TENON_STATUS_INVALID, "rule '%s': its result is not lighter than its source",
                               rule->row->name);
    }
    return TENON_STATUS_OK;
}
