/* Graph IR: the structs behind tenon/host/graph.h, and what importers, passes and the planner use beyond it.
 *
 * A module holds functions, symbols with their ranges and equalities, states, and hash-consed dims. A function is a
 * region: arguments, nodes in order of execution, and the values it gives back. Values are in SSA form: each is defined
 * once, by a region's argument, a constant, or a node's result, and used after that, also in regions inside. Nodes are:
 *
 *   OP         a base operator. One result a row's output; operators that work in place (families UPDATE and SCATTER)
 *              take the initial value of their in-out operand as last operand and give the changed one as result 0.
 *   COMPOSITE  a named larger operator (composite.h); optional operands may be NULL.
 *   IF WHILE FOR CALL   control (graph.h of the public API).
 *   READ WRITE a state, ordered by tokens.
 *
 * The only composite left in a fully decomposed function is tenon.concat: its parts go side by side along `axis` into
 * one value. Whoever runs it copies each part into its slice of the result, or lets the part's producer write there.
 *
 * A concrete function (tenon__concretize) has only numbers for dims and attributes, no shape composites, no control
 * with a known outcome. Passes never change a finished function: they build a new module that shares the constants. */
#ifndef TENON_GRAPH_GRAPH_H
#define TENON_GRAPH_GRAPH_H

#include <stdbool.h>
#include <tenon/helpers.h>
#include <tenon/host/graph.h>

#include "graph/dim.h"
#include "support/arena.h"
#include "support/error.h"

/* Version of the text form. A reader takes every version up to its own. */
#define TENON__GRAPH_VERSION 1

enum {
    TENON__MAX_OPERANDS = 1 << 16, /* of a node: a concat may have many */
    TENON__MAX_ATTR = 1 << 16,     /* numbers in one attribute */
    TENON__MAX_DEPTH = 64,         /* regions within regions */
    TENON__MAX_CONTENT = 512,      /* elements of a value whose content is tracked */
    TENON__MAX_VALUES = 1 << 26
};

/* Bytes of a constant, shared by every module that uses them: device copies are kept by this pointer. */
typedef struct tenon__constant {
    const void *data;
    uint64_t size;
    _Atomic uint64_t hash; /* of the content, 0: not computed yet */
    _Atomic uint32_t references;
    uint32_t borrowed; /* 1: release gives the bytes back; else they follow this struct */
    void (*release)(void *context);
    void *context;
} tenon__constant;

/* References 1. `bytes` as the public header says. NULL: no memory (release has been called). */
tenon__constant *tenon__constant_create(const tenonh_bytes *bytes);
tenon__constant *tenon__constant_retain(tenon__constant *constant);
void tenon__constant_release(tenon__constant *constant); /* NULL is allowed */

/* 64 bits over the content, computed at first use. Thread: thread-safe. */
uint64_t tenon__constant_hash(tenon__constant *constant);

/* An attribute: `count` expressions, numbers in a concrete function. FLOAT attributes hold an f64's bits. */
typedef struct tenon__attr {
    uint32_t id;
    uint32_t count;
    const tenonh_dim *const *dims;
} tenon__attr;

typedef struct tenonh_node tenonh_node;
typedef struct tenonh_region tenonh_region;
typedef struct tenon__state tenon__state;
typedef struct tenon__composite tenon__composite;

enum { TENON__VALUE_ARGUMENT = 1, TENON__VALUE_CONSTANT = 2, TENON__VALUE_RESULT = 3 };
enum { TENON__MEMORY_DEVICE = 0, TENON__MEMORY_HOST = 1 }; /* where a value is wanted; DEVICE: wherever its user runs */

struct tenonh_value {
    uint32_t id;   /* dense within its function: below function->value_count; for side tables */
    uint32_t kind; /* TENON__VALUE_* */
    tenon_dtype dtype;
    uint32_t rank;
    const tenonh_dim *dims[TENON_MAX_RANK];
    uint32_t memory;                  /* TENON__MEMORY_* */
    uint32_t index;                   /* which argument of its region, or result of its node */
    const char *name;                 /* as the model calls it, or NULL; never matters to the meaning */
    const char *sharding;             /* how it lies over devices: NULL until parallel execution defines it */
    tenonh_region *region;            /* that defines it */
    tenonh_node *node;                /* RESULT */
    tenon__constant *constant;        /* CONSTANT: row-major, contiguous */
    const tenonh_dim *const *content; /* elements in row-major order where they are known as expressions, else NULL */
};

enum {
    TENON__NODE_OP = 1,
    TENON__NODE_COMPOSITE,
    TENON__NODE_IF,
    TENON__NODE_WHILE,
    TENON__NODE_FOR,
    TENON__NODE_CALL,
    TENON__NODE_READ,
    TENON__NODE_WRITE
};

struct tenonh_node {
    uint32_t kind;                     /* TENON__NODE_* */
    uint32_t number;                   /* position in its region */
    tenon_op op;                       /* OP */
    uint32_t version;                  /* COMPOSITE */
    const char *name;                  /* COMPOSITE: its name; CALL: the function's */
    const tenon__composite *composite; /* row of the table, NULL for names that it does not have */
    tenon__state *state;               /* READ, WRITE */
    uint32_t operand_count, result_count, attr_count, region_count, location_count;
    tenonh_value **operands; /* NULL entries: absent optional operands of composites */
    tenonh_value **results;
    const tenon__attr *attrs; /* by ascending id */
    tenonh_region **regions;
    const char *const *locations; /* the model's nodes that this one does the work of; fused and copied along */
    uint64_t scalars[2];          /* bits, low end: fill, pad (1), random_bits (2) */
    uint32_t donated; /* bit i: operand i is not needed afterwards, its memory may be written (operands 0 ... 31) */
    tenonh_region *region; /* that it stands in */
};

struct tenonh_region {
    tenonh_node *node; /* that owns it, NULL: the function's body */
    tenonh_function *function;
    uint32_t argument_count, node_count, node_capacity, result_count;
    tenonh_value **arguments;
    tenonh_node **nodes;
    tenonh_value **results; /* what it yields */
};

struct tenonh_function {
    const char *name;
    tenonh_module *module;
    tenonh_region *body;
    const char **input_names;  /* of body->arguments; never NULL */
    const char **output_names; /* of body->results */
    uint32_t value_count;
    uint32_t constant_count, constant_capacity;
    tenonh_value **constants; /* all CONSTANT values of the function, whichever region uses them */
    tenonh_function *next;
};

struct tenon__state {
    const char *name;
    tenon_dtype dtype;
    uint32_t rank;
    const tenonh_dim *dims[TENON_MAX_RANK];
    tenon__state *next;
};

struct tenonh_module {
    tenon__arena arena;
    tenon__dims dims;            /* symbols, expressions, equalities */
    tenonh_function *functions;  /* in order of definition */
    tenon__state *states;        /* in order of declaration */
    tenon__constant **constants; /* one reference each; equal small contents are one */
    uint32_t constant_count, constant_capacity;
    uint32_t *constant_index; /* small constants by hash: position + 1; a power of two of them */
    uint32_t constant_index_size;
};

/* The module's constant for bytes, which it takes over as tenonh_bytes says. NULL: no memory. */
tenon__constant *tenon__module_constant(tenonh_module *module, const tenonh_bytes *bytes);
/* The constant of another module, or an equal one that this module holds already. NULL: no memory. */
tenon__constant *tenon__module_share(tenonh_module *module, tenon__constant *constant);

/* -- Questions ------------------------------------------------------------------------------------------------- */

tenonh_function *tenon__module_find(const tenonh_module *module, const char *name);
tenon__state *tenon__module_find_state(const tenonh_module *module, const char *name);

/* The attribute, NULL if it is not there. */
const tenon__attr *tenon__node_attr(const tenonh_node *node, uint32_t id);

/* A number, or `otherwise` when the attribute is absent or not a number. */
int64_t tenon__node_int(const tenonh_node *node, uint32_t id, int64_t otherwise);
double tenon__node_float(const tenonh_node *node, uint32_t id, double otherwise);

/* Entry `index` of a list; the attribute's default past its end or when absent. Errors: false if not a number. */
bool tenon__node_entry(const tenonh_node *node, uint32_t id, uint32_t index, int64_t *out_value);

/* The node's attributes as the plugin ABI has them, in `arena`. Errors: INVALID when one is not a number. */
tenon_status tenon__node_export(const tenonh_node *node, tenon__arena *arena, const tenon_attr **out_attrs,
                                uint32_t *out_count);

/* Operand that result 0 starts from and may share memory with, or -1: the last one of UPDATE and SCATTER. */
int tenon__node_inout(const tenonh_node *node);

/* Of a FOR: how many operands are carried, and the number of steps (NULL: not given). */
uint32_t tenon__for_carried(const tenonh_node *node);
const tenonh_dim *tenon__for_steps(const tenonh_node *node);

/* True for a FOR whose first carried value is the condition of the next step. */
bool tenon__for_is_conditional(const tenonh_node *node);

/* True when axis `axis` of carried value `index` of a loop may differ from step to step. */
bool tenon__carried_dim_varies(const tenonh_node *node, uint32_t index, uint32_t axis);

/* True for OP nodes of family VIEW. */
bool tenon__node_is_view(const tenonh_node *node);

/* True when `inner` is `outer` or lies inside it. */
bool tenon__region_encloses(const tenonh_region *outer, const tenonh_region *inner);

/* True when a node may be dropped if nobody uses its results, and merged with an equal one. */
bool tenon__node_is_pure(const tenonh_node *node);

/* Checks one function, also before it is in its module. */
tenon_status tenon__verify_function(const tenonh_function *function);

/* "node 17 (matmul, from '/encoder/MatMul')" for messages; lives until the thread's next call. */
const char *tenon__node_text(const tenonh_node *node);

/* "f32[batch, 12, 64]" likewise (four buffers in turn). */
const char *tenon__type_text(const tenonh_value *value);

void tenon__print_type(tenon__text *text, tenon_dtype dtype, uint32_t rank, const tenonh_dim *const *dims);

/* Dims as numbers. Errors: INVALID when one is a symbol. `dims` has TENON_MAX_RANK. */
tenon_status tenon__value_numbers(const tenonh_value *value, int64_t *dims);

/* Elements and bytes of a concrete value. Errors: INVALID when a dim is a symbol or the product passes int64. */
tenon_status tenon__value_elements(const tenonh_value *value, int64_t *out_count);
tenon_status tenon__value_bytes(const tenonh_value *value, uint64_t *out_bytes);

#endif
