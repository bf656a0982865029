/* The state of one planning, shared by build.c (the walk) and node.c (what each sort of node becomes). */
#ifndef TENON_PLAN_BUILDER_H
#define TENON_PLAN_BUILDER_H

#include "graph/composite.h"
#include "plan/lower.h"
#include "plan/plan.h"

/* What is known of a value of the function. */
typedef struct tenon__place_ref {
    bool valid;
    uint32_t node;  /* number of the one that brought or made it; 0 for inputs, past all nodes for outputs */
    uint32_t round; /* of the walk that did */
    tenon__ref ref;
} tenon__place_ref;

typedef struct tenon__value_state {
    tenon__place_ref at[TENON__MAX_PLACES];
    tenon__place_ref whole[TENON__MAX_PLACES]; /* a copy without gaps of what lies otherwise; see views.c */
    uint32_t root;     /* id of the value whose storage this one is a view of; its own id otherwise */
    uint32_t last_use; /* of a root: the last node that uses it or a view of it; TENON__NEVER: an output does */
    uint32_t output;   /* of a root: the output it may be made in, or TENON__NEVER */
} tenon__value_state;

typedef struct tenon__plan_builder {
    const tenon__plan_context *context;
    tenon__plan *plan;
    const tenonh_function *function;
    const tenon__claims *claims;   /* NULL: none */
    const tenon__regions *regions; /* of the function; NULL: none */
    const int64_t *numbers;        /* of the dims that are no numbers, by slot; NULL where all are */
    const tenonh_node *node;       /* being planned */
    tenon__value_state *values;
    tenon__exec_memo *memos; /* by step */
    uint32_t memo_count;
    uint32_t number; /* of `node`; 0 for inputs, past all nodes for outputs */
    uint32_t round;  /* 0: nodes are walked for the first time; else values hold what later nodes brought, too */
    uint32_t storage_capacity, step_capacity;
} tenon__plan_builder;

/* True when what `at` tells of is there before the present node, or by it. */
static inline bool tenon__is_there(const tenon__plan_builder *b, const tenon__place_ref *at) {
    if (!at->valid || b->round == 0) return at->valid;
    return at->node < b->number || (at->node == b->number && at->round == b->round);
}

/* The same of a value at a place. */
static inline bool tenon__is_at(const tenon__plan_builder *b, const tenon__value_state *state, uint32_t place) {
    return tenon__is_there(b, &state->at[place]);
}

/* Notes that the present node has the value at the place. */
static inline void tenon__put_at(const tenon__plan_builder *b, tenon__value_state *state, uint32_t place,
                                 const tenon__ref *ref) {
    state->at[place] = (tenon__place_ref){true, b->number, b->round, *ref};
}

/* The walk: begin, inputs, each node, outputs. begin allocates `values`, which the caller frees. */
tenon_status tenon__walk_begin(tenon__plan_builder *b);
tenon_status tenon__walk_inputs(tenon__plan_builder *b);
tenon_status tenon__walk_node(tenon__plan_builder *b, uint32_t number);
tenon_status tenon__walk_outputs(tenon__plan_builder *b);

/* Counts the steps that are not on the session's device. */
void tenon__plan_count_outside(tenon__plan *plan);

/* A value's dims as numbers, and entry `index` of a node's attribute or that attribute's default.
 * Errors: INVALID where no number is known, or a dim is negative. */
tenon_status tenon__planned_dims(const tenon__plan_builder *b, const tenonh_value *value, int64_t *dims);
tenon_status tenon__planned_entry(const tenon__plan_builder *b, const tenonh_node *node, uint32_t attr, uint32_t index,
                                  int64_t *out_value);

/* Adds a storage of `size` bytes and gives its number. */
tenon_status tenon__add_storage(tenon__plan_builder *b, uint32_t kind, uint32_t place, uint64_t size,
                                uint32_t *out_storage);

/* A row-major ref to a new ARENA storage. Errors: INVALID (size past INT64_MAX), OUT_OF_MEMORY. */
tenon_status tenon__add_ref(tenon__plan_builder *b, uint32_t place, tenon_dtype dtype, uint32_t rank,
                            const int64_t *dims, tenon__ref *out_ref);

/* Adds a step with copies of `refs`, the last of them written, the others read: who knows better sets input_count. */
tenon_status tenon__add_step(tenon__plan_builder *b, tenonh_placement placement, uint32_t place, const char *name,
                             const tenon__ref *refs, uint32_t ref_count, tenon__step **out_step);

/* Prepares `task` at `place` and adds its launch. Errors: UNSUPPORTED if the device does not take it. */
tenon_status tenon__add_task(tenon__plan_builder *b, uint32_t place, const tenon__task *task);

/* Plans an optional operator that the device at the place refuses as steps of required ones (expand.h).
 * Errors: UNSUPPORTED where the operator has no expansion, or the device refuses a step of it. */
tenon_status tenon__plan_expansion(tenon__plan_builder *b, uint32_t place, const tenon__task *task);

/* Adds the copy of `from` into `to`, equal dims and dtypes, at one place. Where its device does not take copies and the
 * session has a fallback, the bytes move by way of the host. */
tenon_status tenon__add_copy(tenon__plan_builder *b, uint32_t place, const tenon__ref *from, const tenon__ref *to);

/* A ref to `value` at `place`, moving it there if need be. */
tenon_status tenon__localize(tenon__plan_builder *b, const tenonh_value *value, uint32_t place, tenon__ref *out_ref);

/* True where the device at the place takes op or kernel work without knowing of strides: the host copies. */
bool tenon__copies_views(const tenon__plan_builder *b, uint32_t place);

/* As tenon__localize, with no gaps: a view is copied, once for all nodes that use it. */
tenon_status tenon__localize_whole(tenon__plan_builder *b, const tenonh_value *value, uint32_t place,
                                   tenon__ref *out_ref);

/* Puts parts side by side along `axis` in `whole` by copies whose results have no gaps: parts that would lie apart in it
 * are stacked in an order in which they do not, and the stack is copied into the order of `whole`. */
tenon_status tenon__stack_parts(tenon__plan_builder *b, uint32_t place, uint32_t axis, const tenon__ref *parts,
                                uint32_t count, const tenon__ref *whole);

/* A contiguous ref to the same elements, copied if need be. */
tenon_status tenon__make_contiguous(tenon__plan_builder *b, uint32_t place, tenon__ref *ref);

/* Where result `value` of a step at `place` goes: its output's storage if it may, else a new one. */
tenon_status tenon__result_ref(tenon__plan_builder *b, const tenonh_value *value, uint32_t place, tenon__ref *out_ref);

/* Gives a step its exec and launch. */
tenon_status tenon__fill_launch(tenon__plan_builder *b, tenon__step *step, const tenon__prepared *prepared);

/* Plans nodes that run as one step on the session's device. */
tenon_status tenon__plan_region(tenon__plan_builder *b, const tenon__region *region);

/* Plans one node. */
tenon_status tenon__plan_node(tenon__plan_builder *b, const tenonh_node *node);

#endif
