/* The rewrite engine: rules (rule.h) applied while functions are built, and the report of what they gained.
 *
 * A function is rebuilt in order of execution (rebuild.h), so that a node's operands are as light as rules make them when
 * the node comes up. The builder asks the engine about each draft: the first rule of its operator that fits is built in
 * its place, and what is built is asked about again. Rounds of rebuilding end when no rule fires; that happens because
 * each rule makes things lighter (rule_measure.c). */
#ifndef TENON_PASSES_REWRITE_H
#define TENON_PASSES_REWRITE_H

#include "graph/build.h"

/* An estimate, the same one for all that passes do. Dims that are symbols count with their lowest value, at least 1. */
typedef struct tenon__cost {
    int64_t nodes;
    int64_t bytes;      /* read and written; a repeated operand is read once */
    int64_t operations; /* scalar ones */
} tenon__cost;

tenon__cost tenon__node_cost(const tenonh_node *node);
void tenon__cost_add(tenon__cost *sum, const tenon__cost *more, int64_t times);

/* A pass or rule did its work once. */
typedef struct tenon__fired {
    const char *rule;     /* static; or "fold", "cse", "dce" */
    const char *location; /* of the node that went, as the model calls it; "" if unknown */
    tenon__cost gain;     /* what went less what came instead */
} tenon__fired;

/* Zero-initialised is empty. Owner: the caller; strings are the report's. */
typedef struct tenon__report {
    tenon__fired *items;
    uint32_t count, capacity;
    tenon__arena arena;
} tenon__report;

void tenon__report_free(tenon__report *report);

/* What is known of a value of the function that is being built. */
typedef struct tenon__value_note {
    uint32_t uses;
    bool credited; /* a rule has counted its node as gone */
} tenon__value_note;

/* What a builder needs to apply more than the clean rules. */
typedef struct tenon__rewriter {
    uint32_t phases;          /* TENON__PHASE_* */
    const uint8_t *enabled;   /* by number of rule; NULL: all */
    tenon__report *report;    /* NULL: none */
    uint64_t fired;           /* rules so far */
    tenon__cost gained;       /* by rules and passes so far */
    tenon__cost credited;     /* of it, nodes that stood in the function */
    tenon__value_note *notes; /* by id */
    uint32_t note_count;
} tenon__rewriter;

/* Users of a value, 1 where it is not known. */
uint32_t tenon__value_uses(const tenonh_builder *b, const tenonh_value *value);

/* A value of the function being built has taken the place of one with that many users. */
tenon_status tenon__note_uses(tenon__rewriter *rewriter, const tenonh_value *value, uint32_t uses);

/* Forgets the notes: before another function. */
void tenon__forget_notes(tenon__rewriter *rewriter);

/* Records that a pass made `node` needless. */
void tenon__pass_fired(tenon__rewriter *rewriter, const char *pass, const tenonh_node *node);

/* Records that `node` was not placed because `equal` does its work, and has one more user. */
void tenon__merged(tenon__rewriter *rewriter, const tenonh_node *node, const tenonh_node *equal);

/* The value that stands for result 0 of a draft by a rule, NULL if none fits (or the builder has failed). */
tenonh_value *tenon__rewrite(tenonh_builder *b, tenonh_node *node);

/* Which rules `list` enables, by number: NULL or "all", "off", or names after commas, of which one with '-' in front is
 * taken away (from all, if the list starts with it). Clean rules are always on. Errors: NOT_FOUND naming the rule. */
tenon_status tenon__rules_select(const char *list, uint8_t **out_enabled);

#endif
