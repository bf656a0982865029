/* The builder inside. A node goes through: draft (operands and attributes, in the module's arena) -> inference of its
 * results -> simplification and folding, where asked for -> its place at the end of the region being built. */
#ifndef TENON_GRAPH_BUILD_INTERNAL_H
#define TENON_GRAPH_BUILD_INTERNAL_H

#include "graph/build.h"
#include "passes/rewrite.h"

/* Pointers by the hash of what they point to: open addressing, at most half full. */
typedef struct tenon__set {
    void **slots;
    uint32_t size, count;
} tenon__set;

/* A node with regions that is being built, and the region around it. */
typedef struct tenon__frame {
    tenonh_node *node;
    tenonh_region *outer;
    uint32_t region_index;
} tenon__frame;

struct tenonh_builder {
    tenonh_module *module;
    tenonh_function *function;
    uint32_t flags;      /* TENON__BUILD_* */
    tenon_status status; /* of the first failure */
    char message[512];
    tenonh_region *region; /* nodes are added to its end */
    tenon__frame frames[TENON__MAX_DEPTH];
    uint32_t depth;
    const char *const *locations; /* of the nodes added next */
    uint32_t location_count;
    tenon__set nodes;     /* pure ones, to find equal ones */
    tenon__set constants; /* CONSTANT values, likewise */
    tenon__fold_budget budget;
    uint32_t input_capacity, output_capacity;
    bool decompose; /* see tenon__builder_claims */
    tenon__claim claim;
    void *claim_context;
    uint32_t nesting;          /* decompositions within decompositions */
    tenon__rewriter *rewriter; /* rules beyond the clean ones, notes and report; NULL: none */
    uint32_t rewriting;        /* rules' results within rules' results */
};

/* Copies what is given into a node that stands nowhere yet, with `result_count` empty results. NULL: b has failed. */
tenonh_node *tenon__draft(tenonh_builder *b, uint32_t kind, tenonh_value *const *operands, uint32_t operand_count,
                          uint32_t result_count);

/* Gives the draft its attributes, by id, each once. `knows` says which ids it may have. */
tenon_status tenon__draft_attrs(tenonh_builder *b, tenonh_node *node, const tenonh_attr *attrs, uint32_t count);

/* Sets or replaces one attribute of a draft. */
tenon_status tenon__draft_set(tenonh_builder *b, tenonh_node *node, uint32_t id, uint32_t count,
                              const tenonh_dim *const *dims);
tenon_status tenon__draft_set_int(tenonh_builder *b, tenonh_node *node, uint32_t id, int64_t number);

/* Gives a draft whose results are typed its place, and its results their numbers. Returns result 0 (NULL if none). */
tenonh_value *tenon__place(tenonh_builder *b, tenonh_node *node);

/* As tenon__place, for nodes that the builder may simplify, fold or find again. */
tenonh_value *tenon__settle(tenonh_builder *b, tenonh_node *node);

/* Where the nodes added next come from; the list lives as long as the module. */
void tenon__builder_locations(tenonh_builder *b, const char *const *names, uint32_t count);

/* Fails the builder with the thread's message, put into the context of `node` if there is one. Gives NULL. */
tenonh_value *tenon__build_failed(tenonh_builder *b, tenon_status status, const tenonh_node *node);

/* Puts a node before the message of a failure that happened while it was expanded. */
void tenon__build_context(tenonh_builder *b, const tenonh_node *node);

tenonh_value *tenon__new_value(tenonh_builder *b, uint32_t kind, tenon_dtype dtype, uint32_t rank,
                               const tenonh_dim *const *dims);

/* Grows an arena array by doubling: `*list` has room for count + 1 elements afterwards. */
tenon_status tenon__grow(tenon__arena *arena, void *list, uint32_t count, uint32_t *capacity, size_t element);

/* An equal node that dominates the region being built, or NULL; `add` puts a node in. */
tenonh_node *tenon__nodes_find(tenonh_builder *b, const tenonh_node *node);
tenon_status tenon__nodes_add(tenonh_builder *b, tenonh_node *node);

/* A constant of its own, even if the function has an equal one. */
tenonh_value *tenon__build_constant_apart(tenonh_builder *b, tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                                          const tenonh_bytes *bytes);

/* The function's value of the same bytes and type, or NULL; `add` puts one in. */
tenonh_value *tenon__constants_find(tenonh_builder *b, const tenonh_value *value);
tenon_status tenon__constants_add(tenonh_builder *b, tenonh_value *value);

/* Adds a composite of the table, or what it expands to (tenon__builder_claims); gives its results. */
void tenon__compose_row(tenonh_builder *b, const tenon__composite *row, tenonh_value *const *inputs,
                        uint32_t input_count, const tenonh_attr *attrs, uint32_t attr_count,
                        tenonh_value **out_results);

/* From here on composites that `claim` does not want (NULL: all) are expanded as they are added. */
void tenon__builder_claims(tenonh_builder *b, bool decompose, tenon__claim claim, void *context);

/* True for operators whose result's dims the builder is given: fill, iota, pad, random_bits. */
bool tenon__op_brings_dims(const tenon_op_row *row);

/* Types the results of a base operator from its row, completes its attributes. */
tenon_status tenon__infer_op(tenonh_builder *b, tenonh_node *node);

/* Types one result. Errors: INVALID for a rank, dtype or dim that no tensor has. */
tenon_status tenon__result_type(tenonh_builder *b, const tenonh_node *node, uint32_t index, tenon_dtype dtype,
                                uint32_t rank, const tenonh_dim *const *dims);

/* Requires two dims to be equal: INVALID when they never are, else states it. */
tenon_status tenon__require_equal(tenonh_builder *b, const tenonh_node *node, const char *what, const tenonh_dim *a,
                                  const tenonh_dim *d);

/* Fills value->content of result 0 where the operands' contents allow. */
tenon_status tenon__propagate_content(tenonh_builder *b, const tenonh_node *node);

/* The constant that result 0 is, or NULL: operands are not constant, or it costs more than the budget. */
tenonh_value *tenon__fold(tenonh_builder *b, tenonh_node *node);

#endif
