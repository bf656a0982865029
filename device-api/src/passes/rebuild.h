/* The one way that passes make functions: node by node through a builder of another module. What a pass does to a node
 * (bind dims, fold, expand, keep) is a matter of flags; types are inferred anew. */
#ifndef TENON_PASSES_REBUILD_H
#define TENON_PASSES_REBUILD_H

#include "graph/build_internal.h"
#include "passes/passes.h"

enum {
    TENON__REBUILD_INLINE = 1, /* expand calls, take ifs whose condition is constant, unroll loops of known length */
    TENON__REBUILD_CHECK = 2   /* compare each result with the type that the source claims */
};

typedef struct tenon__rebuild {
    const tenonh_module *source;
    tenonh_module *target;
    uint32_t flags;       /* TENON__REBUILD_* */
    uint32_t build_flags; /* TENON__BUILD_* */
    const tenon__fold_budget *budget;
    const tenon__input_dims *inputs; /* of the function, for their values; NULL: none are known */
    bool decompose;                  /* expand composites that `claim` does not want */
    tenon__claim claim;
    void *claim_context;
    const tenonh_dim **symbols; /* by number: the target's dim for a symbol of the source, NULL where it stays */
    tenonh_builder *b;
    uint64_t unrolled; /* nodes that unrolling has made so far */
} tenon__rebuild;

/* Rebuilds `function` under `name`; its arguments get the dims as substituted by `symbols`. Declares the source's states
 * first if the target has none. */
tenon_status tenon__rebuild_function(tenon__rebuild *r, const tenonh_function *function, const char *name);

/* Takes nodes out that nothing uses, numbers values and nodes anew, and lets go of constants that are no longer used.
 * `module` is the caller's alone and its functions are finished. */
tenon_status tenon__sweep(tenonh_module *module);

/* Compares all types with what building each function once more gives. Errors: INVALID naming function and node. */
tenon_status tenon__check_types(const tenonh_module *module);

#endif
