/* Shared by the files of claims. */
#ifndef TENON_PLAN_CLAIM_INTERNAL_H
#define TENON_PLAN_CLAIM_INTERNAL_H

#include <pthread.h>

#include "device/reclaim.h"
#include "graph/composite.h"
#include "plan/claim.h"
#include "plan/execs.h"
#include "support/error.h"
#include "support/text.h"

/* -- claim_work.c: nodes as a work --------------------------------------------------------------------------------- */

/* A work and all that it points to, in an arena. */
typedef struct tenon__described {
    tenon_work work;
    tenon_composite_work composite;
    tenon_graph_work graph;
    tenon_operand *operands;
    tenon_symbol *symbols;
    const tenonh_dim **symbol_dims; /* of each symbol */
    tenonh_value **values;          /* of each value number, those of operands first */
    uint32_t input_count;           /* operands that are no outputs */
    const int64_t *numbers;         /* of dims, by slot; NULL: dims that are no numbers become symbols */
    tenon__arena *arena;
    tenon__text key; /* bytes that tell it from other works; the bytes of constants apart */
} tenon__described;

/* Some nodes of a function in a valid order. */
typedef struct tenon__nodes {
    const tenonh_node *const *nodes;
    uint32_t count;
    uint32_t value_count;   /* of the function; 0: there is one node, which may not be in a function yet */
    const uint8_t *outside; /* by value id: 1 for what others use; NULL: all results are outputs */
} tenon__nodes;

/* True when a node's attributes can be said in numbers, or by its result's dims: any other stays out of claims. */
bool tenon__can_describe(const tenonh_node *node, const int64_t *numbers);

/* The same, of values of dtypes that the claimer's device declares. */
bool tenon__may_claim(const struct tenon__claimer *claimer, const tenonh_node *node);

/* Errors: UNSUPPORTED for nodes that can't be described, OUT_OF_MEMORY. Owner: tenon__described_free frees the key; the
 * rest is the arena's. */
tenon_status tenon__describe_composite(const tenonh_node *node, const int64_t *numbers, tenon__arena *arena,
                                       tenon__described *out);
tenon_status tenon__describe_graph(const tenon__nodes *nodes, const int64_t *numbers, tenon__arena *arena,
                                   tenon__described *out);
void tenon__described_free(tenon__described *described);

/* "softmax" or "add": operator or composite without its prefix. */
const char *tenon__node_short(const tenonh_node *node);

/* -- claim_memo.c: what was asked before --------------------------------------------------------------------------- */

/* A work with the device's answer. Constants count where the exec holds them. */
typedef struct tenon__answer {
    struct tenon__answer *next;
    uint64_t hash;
    size_t key_size;
    char *key;
    tenon_status status; /* OK, UNSUPPORTED, COMPILE_FAILED; NOT_READY: never prepared */
    char *words;         /* of a refusal */
    uint32_t refused_node;
    tenonh_exec *exec;
    tenon__constant **held; /* by operand; NULL entries for those it does not hold. NULL: none */
    uint32_t operand_count;
    uint32_t noted;   /* the claims, as numbered, that tell of the refusal */
    uint32_t wanted;  /* one node as a graph: 0 not asked, 1 claimed, 2 not */
    bool banned;      /* of a composite: the graph around it did not take it */
    bool declined;    /* costs more than what it would replace */
    bool costed;      /* `cost`, and what depends on it, are set */
    uint64_t cost;    /* nanoseconds; 0 unknown */
    uint64_t instead; /* of what it would replace */
} tenon__answer;

enum { TENON__ANSWER_BUCKETS = 256, TENON__CLAIM_TEXT = 512, TENON__MOST_ANSWERS = 512 };

struct tenon__claimer {
    pthread_mutex_t lock; /* recursive: costs are found by lowering a part */
    tenonh_device *device;
    tenon__execs *execs;
    uint32_t kinds; /* COMPOSITE and GRAPH, as far as they are asked */
    bool alone;     /* the device takes neither op nor kernel work */
    bool measure;
    tenon__claims *claims; /* that notes go to; NULL: nowhere */
    uint32_t claims_made;  /* so far: their number */
    tenon_status failure;  /* of asking, where that could not be returned */
    char failure_text[TENON__CLAIM_TEXT];
    tenon__reclaimer reclaimer;
    uint32_t count; /* of answers */
    tenon__answer *answers[TENON__ANSWER_BUCKETS];
};

/* Drops answers with execs that neither regions nor plans use. Under the lock, with no question open. */
void tenon__claimer_trim(tenon__claimer *claimer);

/* The answer to a work, made if there is none. NULL: no memory. */
tenon__answer *tenon__answer_to(tenon__claimer *claimer, const tenon__described *described);

/* Prepares the work unless it was before. Refusals are OK here: answer->status tells. `out_fresh`: the device was asked.
 * Errors: what prepare answers but UNSUPPORTED and COMPILE_FAILED. */
tenon_status tenon__answer_prepare(tenon__claimer *claimer, const tenon__described *described,
                                   tenon__answer **out_answer, bool *out_fresh);

/* -- claim.c --------------------------------------------------------------------------------------------------------- */

/* Adds a line to what is told of claims: TENONH_CLAIM_*, the kind of work, the nodes, costs of the answer or NULL. */
tenon_status tenon__claim_note(tenon__claimer *claimer, uint32_t verdict, uint32_t kind, const tenon__nodes *nodes,
                               const tenon__answer *answer, const char *text);

/* "matmul add softmax and 3 more". NULL: no memory. */
const char *tenon__nodes_text(tenon__arena *arena, const tenon__nodes *nodes);

/* -- claim_name.c: composites ----------------------------------------------------------------------------------------- */

/* tenon__claim of decomposing; `context` is the claimer, whose `failure` keeps errors. */
bool tenon__claimer_wants(void *context, const tenonh_node *node);

/* The answer to a composite as work of its own if the device takes it and it is worth it, else NULL. */
tenon__answer *tenon__taken_by_name(tenon__claimer *claimer, const tenonh_node *node);

/* Decomposes this composite the next time: the graph around it did not take it. */
tenon_status tenon__ban_composite(tenon__claimer *claimer, const tenonh_node *node);

/* -- claim_search.c --------------------------------------------------------------------------------------------------- */

/* Finds the regions of a function and puts its nodes in their order. `out_again`: composites were banned, and the module
 * must be lowered anew. */
tenon_status tenon__find_regions(tenon__claimer *claimer, tenon__claims *claims, const tenonh_function *function,
                                 bool *out_again);

/* -- claim_cut.c: regions -------------------------------------------------------------------------------------------- */

/* A function's nodes as a graph to cut. */
typedef struct tenon__cut {
    const tenonh_function *function;
    uint32_t count;   /* of nodes */
    uint32_t *colors; /* by node: 0 not to be in a region; nodes of unequal colors never share one */
    uint32_t *fixed;  /* by node: a region that is settled, or TENON__NEVER */
    uint32_t *pieces; /* result, by node: the open region it is in, or TENON__NEVER */
    uint32_t piece_count;
    uint32_t *order; /* result: nodes in an order in which every region stands in a row */
} tenon__cut;

/* Cuts the colored nodes that are in no settled region into the largest regions such that all regions, the settled ones
 * too, depend on each other without cycles. Errors: OUT_OF_MEMORY, INTERNAL (settled regions with a cycle). */
tenon_status tenon__cut_regions(tenon__cut *cut);

/* -- claim_cost.c --------------------------------------------------------------------------------------------------- */

/* Finds what a prepared answer costs, and whether what it would replace costs less: answer->declined. `claimed` is what
 * claiming said, used where the exec says nothing. Errors: what trial launches fail with. */
tenon_status tenon__weigh_answer(tenon__claimer *claimer, const tenon__described *described, uint64_t claimed,
                                 tenon__answer *answer);

#endif
