/* Claims: what a device takes whole. A device of kind COMPOSITE is asked for larger operators by name before they are
 * decomposed; one of kind GRAPH marks the nodes that it takes, and gets them in acyclic regions of one exec each.
 *
 * What is claimed becomes a region: nodes of the function that stand in a row and run as one step. A region that the
 * device refuses is split, at the node that the device names or in halves, until it is taken or its nodes go the way of
 * base operators. Between a region and what it replaces the lower cost decides where both are known; else, and where they
 * are equal, the larger work wins. Regions never hold control flow or state. */
#ifndef TENON_PLAN_CLAIM_H
#define TENON_PLAN_CLAIM_H

#include <tenon/host/exec.h>
#include <tenon/host/session.h>

#include "graph/build.h"
#include "plan/prepare.h"

/* What a device is asked and has answered, kept for a session. Thread: the functions here lock it. */
typedef struct tenon__claimer tenon__claimer;

/* NULL, and OK, for a device that takes neither composites nor graphs.
 * `measure`: costs are times of trial launches instead of what the device declares. */
tenon_status tenon__claimer_create(tenonh_device *device, tenon__execs *execs, bool measure,
                                   tenon__claimer **out_claimer);
void tenon__claimer_destroy(tenon__claimer *claimer); /* NULL is allowed; after the plans */

/* True when the device takes symbols in what it claims; else claims are made for one shape at a time. */
bool tenon__claimer_takes_symbols(const tenon__claimer *claimer);

/* Nodes that run as one step. */
typedef struct tenon__region {
    uint32_t first, count;      /* of the function's nodes */
    tenonh_placement placement; /* COMPOSITE or GRAPH */
    const char *name;
    tenonh_exec *exec;                   /* a reference */
    uint32_t operand_count, input_count; /* inputs, constants among them, then outputs */
    const tenonh_value *const *operands;
    uint32_t symbol_count;
    const tenonh_dim *const *symbols; /* dims whose values are the launch's symbols */
} tenon__region;

/* The regions of one function. */
typedef struct tenon__regions {
    struct tenon__regions *next; /* of another function of the module */
    const tenonh_function *function;
    tenon__region *regions; /* in order of nodes */
    uint32_t region_count;
    uint32_t *region_of; /* by node number: a region, or TENON__NO_REGION */
    uint8_t *outside;    /* by value id: 1 where a value is used outside of its region */
} tenon__regions;
#define TENON__NO_REGION 0xffffffffu

/* The claims of a module, whose functions' nodes they are about. */
typedef struct tenon__claims {
    tenon__claimer *claimer;
    tenon__regions *functions;
    tenonh_claim_info *notes; /* what was asked and answered, in that order */
    uint32_t note_count, note_capacity;
    tenon__arena arena;
} tenon__claims;

/* Makes what is planned of a simplified module: decomposes what `claim` does not want. As tenon__decompose. */
typedef tenon_status (*tenon__decomposer)(void *context, const tenonh_module *module, tenon__claim claim,
                                          void *claim_context, tenonh_module **out_module);

/* `simple`'s main decomposed but for what the device takes, its nodes ordered so that regions stand in a row. Without a
 * claimer all is decomposed and there are no claims.
 * Owner:  the caller: module first, then claims. Errors: as tenon__decompose; what prepare and claim answer but refusals. */
tenon_status tenon__claim_module(tenon__claimer *claimer, const tenonh_module *simple, tenon__decomposer decompose,
                                 void *context, tenonh_module **out_module, tenon__claims **out_claims);
void tenon__claims_destroy(tenon__claims *claims); /* NULL is allowed */

/* The regions of a function; NULL for none, or without claims. */
const tenon__regions *tenon__regions_of(const tenon__claims *claims, const tenonh_function *function);

/* The region that node `number` stands in, or NULL. */
static inline const tenon__region *tenon__region_at(const tenon__regions *regions, uint32_t number) {
    uint32_t region = regions ? regions->region_of[number] : TENON__NO_REGION;
    return region == TENON__NO_REGION ? NULL : &regions->regions[region];
}

/* The exec of a region for these numbers, and its launch's symbols in `arena`: the region's own where it is valid for
 * them, else one prepared for the numbers alone. Errors: UNSUPPORTED when the device refuses that. */
tenon_status tenon__region_prepare(const tenon__claims *claims, const tenon__regions *regions,
                                   const tenon__region *region, const int64_t *numbers, tenon__arena *arena,
                                   tenon__prepared *out_prepared);

/* A base operator on a device that takes graphs alone: a graph of one node. Errors: as tenon__prepare. */
tenon_status tenon__prepare_lone(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                                 tenon__arena *arena, tenon__prepared *out_prepared);

#endif
