/* The one way that passes make functions: node by node through a builder of another module. What a pass does to a node
 * (bind dims, fold, expand, keep) is a matter of flags; types are inferred anew. */
#ifndef TENON_PASSES_REBUILD_H
#define TENON_PASSES_REBUILD_H

#include "graph/build_internal.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

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
    uint64_t unrolled;         /* nodes that unrolling has made so far */
    tenon__rewriter *rewriter; /* rules beyond the clean ones; NULL: none */
} tenon__rebuild;

/* Rebuilds `function` under `name`; its arguments get the dims as substituted by `symbols`. Declares the source's states
 * first if the target has none. */
tenon_status tenon__rebuild_function(tenon__rebuild *r, const tenonh_function *function, const char *name);

/* Rebuilds all functions of the source into a new module, sweeps it, and keeps what the source said of its dims. `r` has
 * neither target nor symbols yet. */
tenon_status tenon__rebuild_module(tenon__rebuild *r, tenonh_module **out_module);

/* Takes nodes out of a finished function that nothing uses, and numbers values and nodes anew. The rewriter that built
 * it, or NULL, hears of nodes that it has not counted. */
tenon_status tenon__sweep_function(tenonh_function *function, tenon__rewriter *rewriter);

/* The same for a module that is the caller's alone; lets go of constants that are no longer used. */
tenon_status tenon__sweep(tenonh_module *module);

/* Compares all types with what building each function once more gives. Errors: INVALID naming function and node. */
tenon_status tenon__check_types(const tenonh_module *module);

#endif
