/* Random bytes rarely are a model, so this takes a model apart, changes a field or two, and packs it again; every fourth
 * mutation is one of bytes. */
#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "onnx_names.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static uint32_t state;

static uint32_t below(size_t limit) {
    state = state * 1664525u + 1013904223u;
    return limit ? (state >> 8) % (uint32_t)limit : 0;
}

static int64_t number(void) {
    static const int64_t odd[] = {0, 1, 2, 3, -1, -2, 7, 13, 255, INT32_MAX, INT64_MAX, INT64_MIN, (int64_t)1 << 40};
    return odd[below(sizeof odd / sizeof *odd)];
}

/* Strings are freed with the message, so they are replaced by copies. */
static void rename_to(char **name, const char *to) {
    char *copy = strdup(to ? to : "");
    if (!copy) return;
    if (*name != protobuf_c_empty_string) free(*name);
    *name = copy;
}

static const char *some_value(const Onnx__GraphProto *graph) {
    const Onnx__NodeProto *node = graph->n_node ? graph->node[below(graph->n_node)] : NULL;
    if (node && node->n_output && below(2)) return node->output[below(node->n_output)];
    if (node && node->n_input && below(2)) return node->input[below(node->n_input)];
    return graph->n_input ? graph->input[below(graph->n_input)]->name : "";
}

static void change_tensor(Onnx__TensorProto *tensor) {
    switch (below(4)) {
    case 0: tensor->data_type = (int32_t)below(26); break;
    case 1:
        if (tensor->n_dims) tensor->dims[below(tensor->n_dims)] = number();
        break;
    case 2:
        if (tensor->raw_data.len) tensor->raw_data.data[below(tensor->raw_data.len)] = (uint8_t)number();
        break;
    default:
        if (tensor->n_int64_data) tensor->int64_data[below(tensor->n_int64_data)] = number();
    }
}

static void change_attribute(Onnx__AttributeProto *attribute) {
    attribute->i = number();
    if (attribute->n_ints) attribute->ints[below(attribute->n_ints)] = number();
    if (attribute->t && below(2)) change_tensor(attribute->t);
    if (below(4) == 0) rename_to(&attribute->name, fuzz_attribute_names[below(fuzz_attribute_count)]);
    if (below(8) == 0) attribute->type = (Onnx__AttributeProto__AttributeType)below(15);
}

static void change_node(Onnx__GraphProto *graph, Onnx__NodeProto *node) {
    switch (below(5)) {
    case 0: rename_to(&node->op_type, fuzz_operator_names[below(fuzz_operator_count)]); break;
    case 1:
        if (node->n_input) rename_to(&node->input[below(node->n_input)], some_value(graph));
        break;
    case 2:
        if (node->n_output) rename_to(&node->output[below(node->n_output)], some_value(graph));
        break;
    case 3:
        if (node->n_input > 1) free(node->input[--node->n_input]);
        break;
    default:
        if (node->n_attribute) change_attribute(node->attribute[below(node->n_attribute)]);
    }
}

static void change_dim(Onnx__ValueInfoProto *value) {
    Onnx__TypeProto__Tensor *type =
        value->type && value->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? value->type->tensor_type : NULL;
    if (!type) return;
    if (below(4) == 0) type->elem_type = (int32_t)below(26);
    if (!type->shape || !type->shape->n_dim) return;
    Onnx__TensorShapeProto__Dimension *dim = type->shape->dim[below(type->shape->n_dim)];
    if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) dim->dim_value = number();
}

static void change_graph(Onnx__GraphProto *graph) {
    switch (below(4)) {
    case 0:
        if (graph->n_input) change_dim(graph->input[below(graph->n_input)]);
        break;
    case 1:
        if (graph->n_initializer) change_tensor(graph->initializer[below(graph->n_initializer)]);
        break;
    default:
        if (graph->n_node) change_node(graph, graph->node[below(graph->n_node)]);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    state = seed;
    Onnx__ModelProto *model = below(4) ? onnx__model_proto__unpack(NULL, size, data) : NULL;
    if (!model) return LLVMFuzzerMutate(data, size, max_size);
    for (uint32_t i = below(3) + 1; i > 0 && model->graph; i--) change_graph(model->graph);
    if (model->n_opset_import && below(8) == 0) model->opset_import[0]->version = below(26);
    size_t packed = onnx__model_proto__get_packed_size(model);
    size = packed <= max_size ? onnx__model_proto__pack(model, data) : size;
    onnx__model_proto__free_unpacked(model, NULL);
    return size;
}
