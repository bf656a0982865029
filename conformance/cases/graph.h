/* Graphs of several nodes on the device under test.
 *
 * A graph is built node by node, and each node is evaluated as it is added, by the interpreter of conformance/claims: so
 * that who builds one sees the numbers. Values have ids in the order of building; the work that the device gets numbers
 * them as the ABI asks, operands first.
 *
 *     cf_graph g = {0};
 *     uint32_t x = cf_graph_input(&g, TENON_DTYPE_F32, 2, dims), w = cf_graph_constant(&g, TENON_DTYPE_F32, 2, dims);
 *     cf_fill_range(&g.values[x].operand, -8, 8); ...
 *     uint32_t y = cf_graph_map(&g, TENON_OP_ADD, (uint32_t[]){x, w}, 2);
 *     cf_graph_result(&g, y);
 *     cf_graph_expect(&g);
 *     cf_graph_free(&g);
 */
#ifndef TENON_CASES_GRAPH_H
#define TENON_CASES_GRAPH_H

#include "cases/case.h"

enum { CF_GRAPH_VALUES = 128, CF_GRAPH_NODES = 64, CF_GRAPH_INPUTS = 8, CF_GRAPH_ATTRS = 4 };

typedef struct cf_graph_value {
    cf_operand operand; /* bytes: what it is, or must become */
    uint32_t role;      /* TENON_ROLE_*; 0: made by a node, and no result */
    uint32_t number;    /* in the work */
    uint32_t uses;
} cf_graph_value;

typedef struct cf_graph_node {
    tenon_op op;      /* 0: composite `name` */
    const char *name; /* of version 1 */
    uint32_t inputs[CF_GRAPH_INPUTS], outputs[2];
    uint32_t input_count, output_count, attr_count;
    tenon_attr attrs[CF_GRAPH_ATTRS];
    int64_t numbers[CF_GRAPH_ATTRS][TENON_MAX_RANK];
} cf_graph_node;

typedef struct cf_graph {
    cf_graph_value values[CF_GRAPH_VALUES];
    cf_graph_node nodes[CF_GRAPH_NODES];
    uint32_t value_count, node_count;
} cf_graph;

/* -- Building: what there is no room for ends the process -- */

/* An operand without bytes: fill it before it is used. */
uint32_t cf_graph_input(cf_graph *g, tenon_dtype dtype, uint32_t rank, const int64_t *dims);
uint32_t cf_graph_constant(cf_graph *g, tenon_dtype dtype, uint32_t rank, const int64_t *dims);

/* A node to be given attributes, inputs and results, then evaluated. */
cf_graph_node *cf_graph_begin(cf_graph *g, tenon_op op, const uint32_t *inputs, uint32_t input_count);
void cf_graph_attr(cf_graph_node *node, uint32_t id, uint32_t count, const int64_t *entries);
uint32_t cf_graph_output(cf_graph *g, cf_graph_node *node, tenon_dtype dtype, uint32_t rank, const int64_t *dims);
/* Errors: OUT_OF_RANGE, OUT_OF_MEMORY. */
tenon_status cf_graph_end(cf_graph *g, cf_graph_node *node);
/* Takes the last node back, with its results. */
void cf_graph_undo(cf_graph *g);

/* An element-wise operator without attributes on values of equal dims. */
uint32_t cf_graph_map(cf_graph *g, tenon_op op, const uint32_t *inputs, uint32_t input_count);

/* Makes a node's value a result of the graph. */
void cf_graph_result(cf_graph *g, uint32_t value);

/* Evaluates all nodes again: after inputs or constants were given other bytes. */
tenon_status cf_graph_evaluate(cf_graph *g);
void cf_graph_free(cf_graph *g);

/* -- On the device -- */

/* A graph as work. Points into itself: it stays where it is. */
typedef struct cf_graph_work {
    tenon_operand operands[CF_GRAPH_VALUES];
    tenon_view values[CF_GRAPH_VALUES];
    tenon_graph_node nodes[CF_GRAPH_NODES];
    uint32_t inputs[CF_GRAPH_NODES][CF_GRAPH_INPUTS], outputs[CF_GRAPH_NODES][2];
    tenon_graph_work graph;
    tenon_work work;
} cf_graph_work;

/* Numbers the values as the work does; gives the number of operands. */
uint32_t cf_graph_number(cf_graph *g);
void cf_graph_describe(cf_graph *g, cf_graph_work *w);

/* Claims and prepares: every node has to be claimed, and what is claimed prepared. Fails the row and gives NULL if not. */
tenonh_exec *cf_graph_prepare(cf_graph *g);

/* False, and the row says so, where the graph has an optional operator that the device does not claim. */
bool cf_graph_has_optional(cf_graph *g);

/* Operands, packed constants and a workspace for launches that do not overlap. */
typedef struct cf_graph_run {
    cf_graph *graph;
    tenonh_exec *exec;
    uint32_t operand_count;
    uint32_t values[CF_GRAPH_VALUES]; /* of operands, by number */
    tenonh_memory *memories[CF_GRAPH_VALUES];
    uint64_t sizes[CF_GRAPH_VALUES]; /* bytes between the fences, as the exec takes them */
    tenonh_memory *workspace;
} cf_graph_run;

/* Makes memory, writes inputs, packs constants, poisons results and workspace, and waits. Constants that the exec holds
 * get other bytes than theirs. False after failing the row. Owner: cf_graph_let_go, also after a failure. */
bool cf_graph_place(cf_graph *g, tenonh_exec *exec, tenonh_stream *stream, cf_graph_run *out_run);
/* Writes and poisons what is already there. */
bool cf_graph_refill(cf_graph_run *run, tenonh_stream *stream);
tenon_status cf_graph_launch(const cf_graph_run *run, tenonh_stream *stream);
/* Compares results with the graph's values, bit for bit but for NaN, or, where `allowed` is there, within allowed(value,
 * element); and fences and inputs with what they were. */
typedef long double (*cf_allowed)(const cf_graph *g, uint32_t value, int64_t element);
void cf_graph_check(const cf_graph_run *run, tenonh_stream *stream, cf_allowed allowed);
void cf_graph_let_go(cf_graph_run *run);

/* Prepares, places, launches, waits, checks. */
void cf_graph_expect(cf_graph *g, cf_allowed allowed);

/* False, and the row says so, on a device that does not take graphs. */
bool cf_graph_taken(void);

#endif
