/* Lowering: what of a module does not depend on numbers, done once. The simplified, decomposed module keeps its symbols;
 * planning for a shape then only puts numbers in their place, and decides everything that depends on them.
 *
 * A module that can't be lowered with symbols (a composite that needs numbers, control flow that shapes decide) has no
 * `module` here, and every plan makes its own from the source. */
#ifndef TENON_PLAN_LOWER_H
#define TENON_PLAN_LOWER_H

#include <pthread.h>

#include "graph/build.h"
#include "graph/graph.h"
#include "passes/passes.h"
#include "plan/claim.h"

/* What passes did to the module: once with symbols, or to the first plan that is made of numbers. */
typedef struct tenon__rewrites {
    pthread_mutex_t lock; /* plans are made by several threads */
    bool known;           /* `report` does not change any more */
    tenon__report report;
} tenon__rewrites;

typedef struct tenon__lowered {
    const tenonh_module *source;
    tenonh_module *module;   /* symbols and all; NULL: its plans are made from the source */
    const tenonh_dim **dims; /* that are in use and no numbers: dims[i]->slot is i; operands come first. 0 is unused */
    uint32_t dim_count;      /* of `dims`, 0 among them */
    tenon__claimer *claimer; /* asks what the device takes whole; NULL: nothing */
    tenon__claims *claims;   /* on `module`; NULL without a claimer */
    uint8_t *rules;          /* rewrite rules that apply (tenon__rules_select) */
    tenon__rewrites *rewrites;    /* what they did */
    struct tenon__shapes *shapes; /* plans of `module` by classes of numbers (shape.h) */
    char reason[256];             /* why there is no module: what lowering said */
} tenon__lowered;

/* Lowers the function `main` of a module; `rules` as for tenon__rules_select. With a claimer whose device takes no symbols
 * every plan is made from the source.
 * Owner:  the caller; module and claimer must outlive it, and it must outlive its plans.
 * Errors: NOT_FOUND (a rule), OUT_OF_MEMORY. What else goes wrong comes back from the plans, which know the numbers. */
tenon_status tenon__lowered_create(const tenonh_module *module, tenon__claimer *claimer, const char *rules,
                                   tenon__lowered **out_lowered);

/* The same for a function that only numbers say anything of: every plan is made from the source. */
tenon_status tenon__lowered_defer(const tenonh_module *module, tenon__claimer *claimer, const char *rules,
                                  tenon__lowered **out_lowered);
void tenon__lowered_destroy(tenon__lowered *lowered); /* NULL is allowed */

/* The source's `main` with numbers for its symbols, decomposed, and the claims on it. Owner: the caller, of both.
 * Errors: as tenon__concretize and tenon__claim_module. */
tenon_status tenon__lowered_concretize(const tenon__lowered *lowered, const int64_t *const *dims, uint32_t input_count,
                                       tenonh_module **out_module, tenon__claims **out_claims);

/* What the passes did, NULL as long as no plan needed them. Owner: the lowering. */
const tenon__report *tenon__lowered_report(const tenon__lowered *lowered);

/* Values of all dims, by slot. `symbols` has the module's symbols by number, TENON__UNBOUND where unknown; a dim that
 * has no value then is TENON__UNBOUND too. `numbers` has dim_count entries.
 * Errors: INVALID when dims that the module needs to be equal differ. */
tenon_status tenon__lowered_numbers(const tenon__lowered *lowered, const int64_t *symbols, int64_t *numbers);

static inline int64_t tenon__number_of(const int64_t *numbers, const tenonh_dim *dim) {
    return dim->kind == TENON__DIM_NUMBER ? dim->number : numbers[dim->slot];
}

#endif
