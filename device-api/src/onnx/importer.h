/* The importer's own terms: what stands behind an ONNX name, and a node as its lowering sees it.
 *
 * A lowering turns one node into operators and composites of the graph IR. It reads the node through the functions
 * below, builds with graph/build.h, and gives result 0 (others go to node->outputs). Failures fail the builder, as
 * everywhere there, so that a lowering need not look at each step; the importer looks after each node and names it. */
#ifndef TENON__ONNX_IMPORTER_H
#define TENON__ONNX_IMPORTER_H

#include <onnx.pb-c.h>
#include <tenon/host/onnx.h>

#include "graph/build.h"
#include "onnx/external.h"
#include "onnx/names.h"
#include "support/arena.h"

/* Opsets of the standard domain that are understood. */
enum { TENON__OPSET_OLDEST = 6, TENON__OPSET_NEWEST = 28 };

typedef struct tenon__import tenon__import;
typedef struct tenon__onnx_node tenon__onnx_node;

typedef tenonh_value *(*tenon__lowering)(tenon__onnx_node *node);

/* A row of operators.def. */
typedef struct tenon__onnx_row {
    const char *op_type;
    int64_t since; /* first opset it serves */
    int64_t until; /* last, INT64_MAX for none */
    uint32_t min_inputs;
    uint32_t max_inputs;
    uint32_t max_outputs;
    tenon__lowering lower;
    int64_t data; /* for lowerings that serve several operators */
} tenon__onnx_row;

/* The row for an operator of the standard domain, NULL if there is none. */
const tenon__onnx_row *tenon__onnx_row_of(const char *op_type, int64_t opset);

/* The graph, the body of a model-local function that is being inlined, or a graph that is a node's attribute. */
typedef struct tenon__frame {
    const struct tenon__frame *caller; /* NULL for the graph */
    const struct tenon__frame *scope;  /* of a node's graph: the frame whose names it sees too; else NULL */
    const Onnx__GraphProto *graph;     /* of a node's graph, which may be read several times; else NULL */
    const tenon__onnx_node *call;      /* the node that is replaced by the body */
    const Onnx__FunctionProto *function;
    Onnx__OperatorSetIdProto *const *opsets;
    size_t opset_count;
    const char *path; /* "" or what stands before names of nodes: "encoder/" */
    uint32_t depth;
    tenon__names names;
} tenon__frame;

struct tenon__import {
    tenonh_builder *b;
    Onnx__ModelProto *model;
    tenon__folder *folder;              /* NULL: no external data */
    const tenonh_onnx_options *options; /* NULL: none */
    tenon__arena arena;                 /* names, nodes and what else lives until the end */
    Onnx__AttributeProto **decoded;     /* function defaults that had to be decoded apart */
    size_t decoded_count;
    uint64_t node_count;                 /* lowered so far: functions that call functions multiply */
    uint64_t abandoned_count;            /* of them, in steps of loops that were then built again */
    const tenon__onnx_node *failed_node; /* the innermost whose lowering failed, or NULL */
};

struct tenon__onnx_node {
    tenon__import *import;
    tenonh_builder *b;
    const tenon__frame *frame;
    const Onnx__NodeProto *proto;
    const tenon__onnx_row *row;
    int64_t opset;
    const char *label; /* for messages and locations */
    uint32_t input_count;
    uint32_t output_count;
    tenonh_value **inputs;  /* NULL: left out */
    tenonh_value **outputs; /* to be filled; 0 comes from the lowering's result */
};

/* Lowers all nodes of a frame in order. Errors: the first failure, naming the node. */
tenon_status tenon__onnx_lower_nodes(tenon__import *import, tenon__frame *frame, Onnx__NodeProto *const *nodes,
                                     size_t count);

/* Lowers the graph that is the node's attribute `name` into the region being built. `arguments` are its inputs; a graph
 * with more or fewer is BAD_DATA. Gives its outputs, in the import's arena; NULL after failing the builder. */
tenonh_value **tenon__onnx_lower_graph(tenon__onnx_node *node, const char *name, tenonh_value *const *arguments,
                                       uint32_t argument_count, uint32_t *out_count);

/* The graph that is the node's attribute; NULL after failing when there is none. */
const Onnx__GraphProto *tenon__onnx_graph_attr(const tenon__onnx_node *node, const char *name);

/* Looks for operators that have neither a row nor a function, in the graph and in the functions that it uses.
 * Errors: UNSUPPORTED naming all of them. */
tenon_status tenon__onnx_check_operators(tenon__import *import);

/* Version of `domain` in a list of opset imports, 0 if it is not there. "" and "ai.onnx" are one. */
int64_t tenon__onnx_opset(Onnx__OperatorSetIdProto *const *opsets, size_t count, const char *domain);

/* The model's own function for a node, NULL if there is none. */
const Onnx__FunctionProto *tenon__onnx_function_of(const tenon__import *import, const Onnx__NodeProto *proto);

/* -- A node's inputs and outputs ---------------------------------------------------------------------------------- */

/* Input `index`, NULL when it was left out. */
static inline tenonh_value *tenon__onnx_input(const tenon__onnx_node *node, uint32_t index) {
    return index < node->input_count ? node->inputs[index] : NULL;
}

/* 1 if somebody may use output `index`. */
int tenon__onnx_wants(const tenon__onnx_node *node, uint32_t index);

/* Fails the builder and gives NULL. */
__attribute__((format(printf, 3, 4))) tenonh_value *tenon__onnx_fail(const tenon__onnx_node *node, tenon_status status,
                                                                     const char *format, ...);

/* Integer input `index` as expressions; NULL after failing when they depend on data. */
const tenonh_dim *const *tenon__onnx_dims(const tenon__onnx_node *node, uint32_t index, uint32_t *out_count);

/* Integer input `index` as numbers, in the import's arena; NULL after failing when they are not known. */
const int64_t *tenon__onnx_numbers(const tenon__onnx_node *node, uint32_t index, uint32_t *out_count);

/* Float input `index` as numbers, likewise. */
const double *tenon__onnx_reals(const tenon__onnx_node *node, uint32_t index, uint32_t *out_count);

/* -- Attributes: the node's own, or the calling node's where a function's body refers to it ----------------------- */

const Onnx__AttributeProto *tenon__onnx_attr(const tenon__onnx_node *node, const char *name);
int64_t tenon__onnx_int(const tenon__onnx_node *node, const char *name, int64_t otherwise);
double tenon__onnx_float(const tenon__onnx_node *node, const char *name, double otherwise);

/* A string without its terminator's need: copied to the import's arena; `otherwise` when absent. */
const char *tenon__onnx_string(const tenon__onnx_node *node, const char *name, const char *otherwise);

/* A list; NULL and 0 when absent. */
const int64_t *tenon__onnx_ints(const tenon__onnx_node *node, const char *name, uint32_t *out_count);
const float *tenon__onnx_floats(const tenon__onnx_node *node, const char *name, uint32_t *out_count);

/* A tensor as a constant; NULL when absent or after failing. */
tenonh_value *tenon__onnx_tensor_attr(const tenon__onnx_node *node, const char *name);

/* -- Things that many lowerings do -------------------------------------------------------------------------------- */

/* An initializer or a Constant as a value. may_move 1: it is the only use of `proto`. */
tenonh_value *tenon__onnx_constant(tenon__import *import, const char *name, Onnx__TensorProto *proto, int may_move);

/* `axis`, counted from the end when negative, brought into 0 ... rank-1. Fails the builder when it lies outside. */
uint32_t tenon__onnx_axis(const tenon__onnx_node *node, int64_t axis, uint32_t rank);

/* Axes likewise, ascending, in the import's arena. Fails when one comes twice. NULL only after a failure. */
const int64_t *tenon__onnx_axes(const tenon__onnx_node *node, const int64_t *axes, uint32_t count, uint32_t rank);

/* Elements of both values' common broadcast dims. */
void tenon__onnx_broadcast(const tenon__onnx_node *node, tenonh_value **x, tenonh_value **y);

/* x op y, and condition ? x : y, of their common broadcast dims. NULL gives NULL. */
tenonh_value *tenon__onnx_binary(const tenon__onnx_node *node, tenon_op op, tenonh_value *x, tenonh_value *y);
tenonh_value *tenon__onnx_choose(const tenon__onnx_node *node, tenonh_value *condition, tenonh_value *x,
                                 tenonh_value *y);

/* Place of a string attribute among the names it may have, which end with NULL; -1 after failing. */
int tenon__onnx_named(const tenon__onnx_node *node, const char *attribute, const char *otherwise,
                      const char *const *names);

/* Axis `axis` from its last element to its first. NULL gives NULL. */
tenonh_value *tenon__onnx_reversed(const tenon__onnx_node *node, tenonh_value *x, uint32_t axis);

/* Axis `axis` brought before the others, or, from there, back. NULL gives NULL. */
tenonh_value *tenon__onnx_axis_moved(const tenon__onnx_node *node, tenonh_value *x, uint32_t axis, int to_front);

/* One element as a value of rank 0: scalars are often written as tensors of one element. NULL gives NULL. */
tenonh_value *tenon__onnx_scalar(const tenon__onnx_node *node, tenonh_value *x);

/* -- Quantised tensors (ops_quantize.c) --------------------------------------------------------------------------- */

/* x - zero in i32; a zero point that is a vector lies along `axis`. NULL zero: none. */
tenonh_value *tenon__onnx_centred(const tenon__onnx_node *node, tenonh_value *x, tenonh_value *zero, uint32_t axis);

/* A scale, and the axis of the result that it lies along when it is a vector. */
typedef struct tenon__onnx_scale {
    tenonh_value *scale;
    uint32_t axis;
} tenon__onnx_scale;

/* sum * (x * w / y_scale), rounded to even, moved by y_zero and saturated in its dtype. */
tenonh_value *tenon__onnx_requantized(const tenon__onnx_node *node, tenonh_value *sum, const tenon__onnx_scale *x,
                                      const tenon__onnx_scale *w, tenonh_value *y_scale, tenonh_value *y_zero);

#endif
