/* Functions that one plan is not enough for: control flow, and dims that the data decides.
 *
 * The function's outline (passes/outline.h) says what runs in which order. Its parts are planned and run as any function
 * is, in the context that a run has taken; between them the host reads conditions and small integers, and passes tensors
 * on. All tensors stay on the session's device. Thread: runs go on beside one another, each in its own context. */
#ifndef TENON_RUN_CONTROL_H
#define TENON_RUN_CONTROL_H

#include "passes/outline.h"
#include "run/context.h"

/* A part with its plans. */
typedef struct tenon__control_part {
    const tenon__part *part;
    tenon__lowered *lowered;
    tenon__plans plans;
} tenon__control_part;

typedef struct tenon__control {
    tenon__outline *outline;
    const tenon__plan_context *places;
    tenon__control_part *parts;
    uint32_t part_count;
    uint32_t most_dims, most_tensors; /* of one part's inputs and outputs */
    _Atomic uint64_t runs;
} tenon__control;

/* *out_control is NULL when one plan is enough for the module's `main`. `plan_limit`: plans kept for each part; `rules`
 * as for tenon__rules_select.
 * Owner: the caller; the module and `places` outlive it. Errors: OUT_OF_MEMORY, what building parts answers. */
tenon_status tenon__control_create(const tenonh_module *module, const tenon__plan_context *places, uint32_t plan_limit,
                                   const char *rules, tenon__control **out_control);
void tenon__control_destroy(tenon__control *control); /* NULL is allowed; no context holds a binding any more */

/* Runs on the context's input tensors. The context gets the outputs among its tensors: `given` ones, or new ones that are
 * among those it made. Errors: as tenonh_session_run. */
tenon_status tenon__control_run(tenon__control *control, tenon__context *context, tenonh_tensor *const *given);

/* Plans what does not wait for decisions, for these dims of the function's inputs. */
tenon_status tenon__control_prepare(tenon__control *control, tenon__context *context, const int64_t *const *dims);

/* -- What ran: the steps of parts, and a step for each decision, once however often they ran ------------------------ */

uint32_t tenon__control_step_count(const tenon__control *control);
void tenon__control_step(const tenon__control *control, uint32_t index, tenonh_step_info *out_info);
/* What rewrites and claims did to the parts, part by part; NULL past the last. `index` counts on from part to part. */
const tenon__fired *tenon__control_rewrite(const tenon__control *control, uint32_t index);
const tenonh_claim_info *tenon__control_claim(const tenon__control *control, uint32_t index);
uint32_t tenon__control_rewrite_count(const tenon__control *control);
uint32_t tenon__control_claim_count(const tenon__control *control);

/* Adds the parts' figures. */
void tenon__control_stats(const tenon__control *control, tenonh_session_stats *stats);

/* -- Inside: a run ------------------------------------------------------------------------------------------------- */

typedef struct tenon__control_run_state {
    tenon__control *control;
    tenon__context *context;
    tenonh_tensor **values; /* by value: the run's references */
    tenonh_tensor **rooms;  /* by value: where it should be made, or NULL; not the run's */
    int64_t *symbols;       /* of the outline's module, by number */
    int64_t *dims;          /* of a part's inputs */
    tenonh_tensor **tensors;
} tenon__control_run_state;

/* The tensor of a value. Errors: INTERNAL when it has none. */
tenon_status tenon__control_get(const tenon__control_run_state *run, const tenonh_value *value,
                                tenonh_tensor **out_tensor);

/* Gives a value its tensor, whose reference is taken over, and symbols that the data decides their values.
 * Errors: INVALID when dims are not those that the value has. */
tenon_status tenon__control_set(tenon__control_run_state *run, const tenonh_value *value, tenonh_tensor *tensor);

/* Lets go of a value's tensor. */
void tenon__control_drop(tenon__control_run_state *run, const tenonh_value *value);

/* Value of a dim; false while a symbol of it has none. */
bool tenon__control_number(const tenon__control_run_state *run, const tenonh_dim *dim, int64_t *out_number);

/* Copies a contiguous tensor into one of the same size, and waits. */
tenon_status tenon__control_copy(const tenon__control_run_state *run, const tenonh_tensor *from,
                                 const tenonh_tensor *to);

/* A new row-major tensor on the session's device. */
tenon_status tenon__control_make(const tenon__control_run_state *run, tenon_dtype dtype, uint32_t rank,
                                 const int64_t *dims, tenonh_tensor **out_tensor);

/* Reads a tensor to the host. */
tenon_status tenon__control_read(const tenon__control_run_state *run, tenonh_tensor *tensor, void *bytes);

/* Runs a region, or one of the control nodes. */
tenon_status tenon__control_script(tenon__control_run_state *run, const tenon__script *script);
tenon_status tenon__control_node(tenon__control_run_state *run, const tenon__script_entry *entry);

#endif
