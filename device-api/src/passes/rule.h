/* Rewrite rules: rules.def taken apart, once for the process.
 *
 * A rule's source is a tree of terms that a node's surroundings are matched against; its result is a tree that is built
 * in the node's place. Terms:
 *
 *   x                 any value; the same name again is the same value
 *   #c                a constant whose elements are all equal
 *   0 -0 1 lowest ... such a constant with that number: a float's sign of 0 counts; in a result, one like the root
 *   add(x, y)         a node: a base operator, or a composite by its full name; operands of commutative operators match
 *                     in either order
 *   permute(x, perm=p)  an attribute, bound to a name; one that is not mentioned may be anything
 *   add(x, y)!        a node that nobody else uses
 *   f:unary(x)        a node of any operator of a class (unary, binary, ...); f(x) in the result is the same operator
 *   n:add(x, y), z:0  a name for what matched; `root` is the node that is replaced
 *   xs...             all operands of a concat
 *
 * In a result, attributes are names, numbers, values (their dims), or functions of those; a node over numbers and uniform
 * constants is computed at once; and a function may stand for a term. The functions are rows of rule_terms.c. */
#ifndef TENON_PASSES_RULE_H
#define TENON_PASSES_RULE_H

#include "graph/build_internal.h"
#include "passes/number.h"

enum {
    TENON__RULE_SLOTS = 16,   /* names in a rule */
    TENON__RULE_OPERANDS = 4, /* of a node in a pattern, and arguments of a function */
    TENON__RULE_ATTRS = 4,
    TENON__RULE_CHECKS = 6,
    TENON__RULE_NODES = 8 /* of a source */
};

/* When a rule may run. */
enum {
    TENON__PHASE_CLEAN = 1, /* wherever functions are built with SIMPLIFY, always: what others count on */
    TENON__PHASE_EARLY = 2, /* while composites are there */
    TENON__PHASE_LATE = 4,  /* on base operators alone: it would hide from a device what it takes by name */
    TENON__PHASE_ANY = TENON__PHASE_EARLY | TENON__PHASE_LATE
};

/* How the result compares with the source's, and is tested. */
enum {
    TENON__EXACT = 1, /* equal bits; any NaN is as good as another */
    TENON__POW,       /* within pow's own bound */
    TENON__SUM        /* within the bound of a sum in another order */
};

typedef struct tenon__rule_row {
    const char *name;
    uint32_t phase;
    uint32_t accuracy;
    const char *source;
    const char *checks; /* "int(x), same(x, root)": all must hold */
    const char *result;
    const char *meaning;
} tenon__rule_row;

enum {
    TENON__TERM_VALUE = 1,
    TENON__TERM_UNIFORM,
    TENON__TERM_NUMBER,
    TENON__TERM_NODE,
    TENON__TERM_LIST,
    TENON__TERM_CALL
};

/* What NUMBER terms are: a number, or one that depends on the dtype. */
enum { TENON__NUMBER_PLAIN = 0, TENON__NUMBER_LOWEST, TENON__NUMBER_HIGHEST, TENON__NUMBER_ONES };

enum { TENON__ROOT_NONE = 0, TENON__ROOT_COMPOSITES = TENON_OP_LIMIT };
#define TENON__ROOT_COUNT (TENON__ROOT_COMPOSITES + TENON__COMPOSITE_COUNT)

typedef struct tenon__term tenon__term;
typedef struct tenon__match tenon__match;

/* Numbers or dims of an attribute. */
typedef struct tenon__span {
    uint32_t count;
    const tenonh_dim *const *dims;
} tenon__span;

/* What a name stands for: a value, operands of a node, or an attribute. */
typedef struct tenon__binding {
    tenonh_value *value;
    tenon__span span;
} tenon__binding;

/* A row of rule_terms.c. One of the functions is set. `factor` and `constant` say how heavy its result is at most, as a
 * node's (rule_measure.c). */
typedef struct tenon__rule_function {
    const char *name;
    uint32_t argument_count;
    uint32_t factor, constant;
    bool (*check)(const tenon__match *m, const tenon__binding *args);
    bool (*attr)(const tenon__match *m, const tenon__binding *args, const tenonh_dim **dims, uint32_t *out_count);
    tenonh_value *(*value)(const tenon__match *m, const tenon__binding *args);
} tenon__rule_function;

const tenon__rule_function *tenon__rule_function_find(const char *name);

/* A check, or a function of an attribute: what it is called with are slots. */
typedef struct tenon__rule_call {
    const tenon__rule_function *function;
    bool negated;
    uint32_t argument_count;
    uint32_t arguments[TENON__RULE_OPERANDS];
} tenon__rule_call;

typedef struct tenon__term_attr {
    uint32_t id;
    uint32_t slot; /* bound to, or taken from; a value's: its dims */
    bool is_number;
    int64_t number;
    tenon__rule_call call; /* function NULL: none */
} tenon__term_attr;

#define TENON__NO_SLOT UINT32_MAX
enum { TENON__NO_SWAP = 31 };

struct tenon__term {
    uint32_t kind;  /* TENON__TERM_* */
    uint32_t slot;  /* name, or NO_SLOT */
    uint32_t root;  /* NODE: operator, or ROOT_COMPOSITES + composite; NONE: of a class, or the operator of `like` */
    uint32_t class; /* NODE of a source: number of its class + 1 */
    uint32_t like;  /* NODE of a result: slot of the node whose operator it has, or NO_SLOT */
    uint32_t swap;  /* NODE of a source whose two operands may be swapped: its bit in a match's swaps */
    bool single;    /* NODE of a source: has one user */
    uint32_t number_kind; /* NUMBER: TENON__NUMBER_* */
    double number;
    tenon__rule_call call; /* CALL */
    uint32_t operand_count, attr_count;
    tenon__term *operands[TENON__RULE_OPERANDS];
    tenon__term_attr attrs[TENON__RULE_ATTRS];
};

typedef struct tenon__rule {
    const tenon__rule_row *row;
    const tenon__term *source, *result;
    uint32_t slot_count, swap_count, check_count;
    uint32_t uniforms;                    /* bit i: slot i is a constant of one number */
    uint32_t kept;                        /* bit i: slot i is a value that the result uses */
    const char *slots[TENON__RULE_SLOTS]; /* names; 0 is `root` */
    tenon__rule_call checks[TENON__RULE_CHECKS];
} tenon__rule;

/* A source that fits the surroundings of a node. */
struct tenon__match {
    const tenon__rule *rule;
    tenonh_builder *b;
    tenonh_node *root; /* a draft: it stands nowhere yet */
    uint32_t swaps;    /* bit i: operands of the node with swap i are taken in reverse */
    uint32_t node_count;
    tenonh_node *nodes[TENON__RULE_NODES]; /* root first */
    bool bound[TENON__RULE_SLOTS];
    tenon__binding slots[TENON__RULE_SLOTS];
};

/* Takes a rule apart, terms in `arena`. Errors: INVALID (syntax, unknown names, a result that is not lighter than the
 * source: rewriting would not end), OUT_OF_MEMORY. */
tenon_status tenon__rule_parse(tenon__arena *arena, const tenon__rule_row *row, tenon__rule *out_rule);

/* Errors: INVALID unless the result weighs less than the source, whatever the variables are. */
tenon_status tenon__rule_measure(const tenon__rule *rule);

/* The rows of rules.def. */
const tenon__rule_row *tenon__rule_rows(uint32_t *out_count);

/* The rows taken apart, in the order of the table; for `root`, the numbers of its rules in out_list. Errors: as parse:
 * a mistake in the table. Thread: any. */
tenon_status tenon__rules(const tenon__rule **out_rules, uint32_t *out_count);
const uint32_t *tenon__rules_of(uint32_t root, uint32_t *out_count);

/* Operator or composite of a node as a number below ROOT_COUNT; NONE for others. */
uint32_t tenon__root_of(const tenonh_node *node);

/* Classes of operators: number of a name (UINT32_MAX: none), and whether an operator is in it. */
uint32_t tenon__class_find(const char *name);
bool tenon__class_has(uint32_t class, tenon_op op);
bool tenon__op_commutes(tenon_op op);

/* True if the rule fits the draft `node`; fills *m. */
bool tenon__rule_match(tenonh_builder *b, const tenon__rule *rule, tenonh_node *node, tenon__match *m);

/* Builds the result. NULL: a function of it declines, or the builder has failed. */
tenonh_value *tenon__rule_build(const tenon__match *m);

/* True for constants of one repeated element, also behind views; its bits at the low end. */
bool tenon__uniform(const tenonh_value *value, uint64_t *out_bits);

/* The number of a NUMBER term in a dtype; false if the dtype does not have it. */
bool tenon__term_number(const tenon__term *term, tenon_dtype dtype, tenon__number *out_number);

/* A constant of that number, repeated to the dims of `like` (in `dtype`). */
tenonh_value *tenon__uniform_like(tenonh_builder *b, tenon_dtype dtype, tenon__number number, const tenonh_value *like);

bool tenon__same_dims(tenonh_builder *b, const tenonh_value *x, const tenonh_value *y);

#endif
