/* Outlines: a function with control flow, or dims that the data decides, cut into parts that plans can be made of.
 *
 * A part is a function of a module of its own: plain nodes, which run when the dims of its inputs and a few numbers are
 * known. Between parts stands what the host decides: which region of an `if` runs, whether a loop goes on, and the
 * elements of small integer tensors that dims are computed from. Each region has a script: what runs in which order.
 *
 * Nodes go to the first part that they can: the one after the last decision that they depend on. Thread: what is made
 * here is only read. */
#ifndef TENON_PASSES_OUTLINE_H
#define TENON_PASSES_OUTLINE_H

#include "graph/graph.h"

typedef struct tenon__script tenon__script;

/* Nodes as the function `main` of a module: its inputs are those values, then an input bool[0, n] for each number that
 * is carried: the values of symbols, then the elements read with TENON__INTEGER_SHIFT added. */
typedef struct tenon__part {
    tenonh_module *module;
    uint32_t number; /* among the outline's parts */
    tenonh_value **inputs, **outputs;
    const tenon__symbol **symbols;
    tenonh_value **reads; /* integers whose elements the host reads before the part runs */
    uint32_t input_count, output_count, symbol_count, read_count;
    uint32_t carried_count; /* symbols, then elements */
    uint32_t is_decided;    /* 1: by what it reads; every plan is made anew from these numbers */
    const char *location;   /* of the node that is decided; "" */
} tenon__part;

enum { TENON__SCRIPT_PART = 1, TENON__SCRIPT_CONTROL };

typedef struct tenon__script_entry {
    uint32_t kind;
    tenon__part *part;         /* PART */
    const tenonh_node *node;   /* CONTROL */
    tenon__script *regions[2]; /* CONTROL */
    tenonh_value **released;   /* the region's values that nothing needs afterwards */
    uint32_t released_count;
} tenon__script_entry;

struct tenon__script {
    const tenonh_region *region;
    tenon__script_entry *entries;
    uint32_t entry_count;
};

/* `module` is the outline's own, with one function: dims are resolved, so that a symbol stands for itself. */
typedef struct tenon__outline {
    tenonh_module *module;
    const tenonh_function *function;
    tenon__script *script;
    tenon__part **parts;
    uint32_t part_count, part_capacity;
    tenon__arena arena;
} tenon__outline;

/* Cuts `main` of a module. *out_outline is NULL when one plan is enough.
 * Owner: the caller, tenon__outline_destroy; it outlives the module. Errors: OUT_OF_MEMORY, what building answers. */
tenon_status tenon__outline_create(const tenonh_module *module, tenon__outline **out_outline);
void tenon__outline_destroy(tenon__outline *outline); /* NULL is allowed */

#endif
