/* Builds ONNX models in memory for tests: the messages, then their bytes. */
#ifndef TESTS_ONNX_MODEL_H
#define TESTS_ONNX_MODEL_H

#include <onnx.pb-c.h>
#include <tenon/host/graph.h>

#include "support/arena.h"

/* Zero-initialised is empty; set up with model_begin. What is added lives until model_end. */
typedef struct model {
    tenon__arena arena;
    Onnx__ModelProto proto;
    Onnx__GraphProto graph;
    Onnx__NodeProto *last;     /* the node added last */
    Onnx__GraphProto *into[8]; /* graphs that are attributes and being built, the innermost last */
    Onnx__NodeProto *owners[8];
    uint32_t depth;
} model;

/* An empty model of that opset of the standard domain. */
void model_begin(model *m, int64_t opset);
void model_end(model *m);

/* Adds an input of a TensorProto type code; dims as "2,n,3", "" for a scalar, NULL for no shape. */
void model_input(model *m, const char *name, int32_t type, const char *dims);
void model_output(model *m, const char *name); /* of no declared type */
void model_typed_output(model *m, const char *name, int32_t type, const char *dims);

/* Adds a node; inputs and outputs as "a,b,,c". */
Onnx__NodeProto *model_node(model *m, const char *op_type, const char *inputs, const char *outputs);

/* The same, into a function's body. */
Onnx__NodeProto *model_function_node(model *m, Onnx__FunctionProto *f, const char *op_type, const char *inputs,
                                     const char *outputs);

/* Attributes of the node added last. */
void model_int(model *m, const char *name, int64_t value);
void model_float(model *m, const char *name, float value);
void model_string(model *m, const char *name, const char *value);
void model_ints(model *m, const char *name, const char *values); /* "1,2" */
void model_strings(model *m, const char *name, const char *values);
void model_tensor(model *m, const char *name, Onnx__TensorProto *tensor);

/* A graph: inputs, outputs, nodes and initializers go into it until model_graph_end, which gives its node back. */
void model_graph(model *m, const char *name);
void model_graph_end(model *m);
void model_reference(model *m, const char *name, const char *of_function, int type);

/* A tensor with raw data; values as "1,2,3", converted. f32 or i64. */
Onnx__TensorProto *model_floats(model *m, const char *name, const char *dims, const char *values);
Onnx__TensorProto *model_integers(model *m, const char *name, const char *dims, const char *values);
void model_initializer(model *m, Onnx__TensorProto *tensor);

/* Adds a function of domain "test"; inputs and outputs as for nodes. */
Onnx__FunctionProto *model_function(model *m, const char *name, const char *inputs, const char *outputs);

/* Gives a function a float attribute with a default, in the wire form: older onnx.proto have no name for the field. */
void model_default(model *m, Onnx__FunctionProto *f, const char *name, float value);

/* Adds an opset import. */
void model_opset(model *m, const char *domain, int64_t version);

/* The model's bytes. Owner: the caller (free). */
uint8_t *model_pack(model *m, size_t *out_size);

/* Imports it: no folder. */
tenon_status model_import(model *m, tenonh_module **out_module);

#endif
