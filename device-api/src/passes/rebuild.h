/* The one way that passes make functions: node by node through a builder of another module. What a pass does to a node
 * (bind dims, fold, expand, keep) is a matter of flags; types are inferred anew. */
#ifndef TENON_PASSES_REBUILD_H
#define TENON_PASSES_REBUILD_H

#include "graph/build_internal.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

enum {
    TENON__REBUILD_INLINE = 1, /* expand calls, take ifs whose condition is constant, unroll loops of known length */
    TENON__REBUILD_CHECK = 2,  /* compare each result with the type that the source claims */
    TENON__REBUILD_DATA = 4    /* compute what decides a composite's dims: tenon__compose_data */
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

/* Nodes of a function that become a function of their own. What they use and do not define is an input, or one of the
 * values that are `known`: integers given as expressions, in row-major order. Symbols that no input's dims give are
 * `carried`, each by an input more, bool[0, symbol]. Dims of `contents` and `carried` are the target's. */
typedef struct tenon__rebuild_part {
    tenonh_value *const *inputs, *const *known, *const *outputs;
    const tenonh_dim *const *const *contents; /* by known value */
    const tenonh_dim *const *carried;
    tenonh_node *const *nodes;
    uint32_t input_count, known_count, output_count, carried_count, node_count;
} tenon__rebuild_part;

/* What integers are moved by where dims stand for them, which can't be negative. Integers that are further from 0 than
 * this decide nothing that one at the bound does not: no tensor has such dims. */
#define TENON__INTEGER_SHIFT (INT64_C(1) << 58)

tenon_status tenon__rebuild_part_of(tenon__rebuild *r, const tenonh_function *function, const char *name,
                                    const tenon__rebuild_part *part);

/* For a composite whose dims depend on data: gives its results as base operators and composites whose dims depend on
 * integers alone. False, and nothing done, where there is nothing to gain. */
bool tenon__compose_data(tenonh_builder *b, const tenonh_node *node, tenonh_value *const *operands,
                         tenonh_value **out_results);

/* True for an operand whose elements decide the result's dims. */
bool tenon__operand_decides(const tenonh_node *node, uint32_t operand);

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
