/* The table of composites as data: composites.def. A composite's meaning is its decomposition; its shape rule says the
 * same about results, and decomposing checks that the two agree. */
#ifndef TENON_GRAPH_COMPOSITE_H
#define TENON_GRAPH_COMPOSITE_H

#include "graph/graph.h"

enum {
    TENON__COMPOSITE_NONE = 0,
#define TENON__COMPOSITE(NAME, name, version, inputs, optional, outputs, attributes, shape, decompose, meaning)        \
    TENON__COMPOSITE_##NAME,
#include "graph/composites.def"
    TENON__COMPOSITE_COUNT
};

#define TENON__COMPOSITE_MAX_OUTPUTS 4

struct tenon__composite {
    uint32_t number; /* TENON__COMPOSITE_* */
    uint32_t version;
    uint32_t input_count;    /* that must be there */
    uint32_t optional_count; /* that may follow; UINT32_MAX: any number */
    uint32_t result_count;
    uint32_t is_shape; /* 1: takes dims from the content of operands */
    const char *name;
    const char *attributes;
    const char *meaning;

    /* Fills dtype, rank, dims of node->results from operands and attributes. NOT_READY: a shape composite whose
     * operands' content is not known yet; its dims are fresh symbols. Errors: INVALID, UNSUPPORTED. */
    tenon_status (*shape)(tenonh_builder *b, const tenonh_node *node);

    /* Builds the results from node's operands (values of the function being built). Failures fail the builder.
     * NULL: the executor runs it itself (concat). */
    void (*decompose)(tenonh_builder *b, const tenonh_node *node, tenonh_value **out_results);
};

const tenon__composite *tenon__composite_row(uint32_t number);

/* The row of a name and version (0: the newest), NULL if there is none. */
const tenon__composite *tenon__composite_find(const char *name, uint32_t version);

/* 1 if the row knows the attribute. */
int tenon__composite_has_attr(const tenon__composite *row, uint32_t id);

#endif
