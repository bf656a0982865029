#include "model.h"

#include <stdlib.h>
#include <string.h>

#include <tenon/host/onnx.h>

enum { MOST = 64 }; /* of anything that is repeated */

/* -- Lists -------------------------------------------------------------------------------------------------------- */

static void *room(model *m, size_t size) {
    return tenon__arena_allocate(&m->arena, size);
}

static char *copy(model *m, const char *text) {
    return tenon__arena_string(&m->arena, text);
}

/* Appends to a repeated field, which has room for MOST. */
static void append(model *m, void ***list, size_t *count, void *item) {
    if (!*list) *list = room(m, MOST * sizeof(void *));
    (*list)[(*count)++] = item;
}

#define APPEND(m, message, field, item) append(m, (void ***)&(message)->field, &(message)->n_##field, item)

/* Splits at commas; "" gives nothing. */
static void split(model *m, const char *text, char ***out_list, size_t *out_count) {
    *out_list = room(m, MOST * sizeof(char *));
    *out_count = 0;
    for (const char *at = text; *text; at++) {
        if (*at && *at != ',') continue;
        (*out_list)[(*out_count)++] = tenon__arena_string_n(&m->arena, text, (size_t)(at - text));
        if (!*at) break;
        text = at + 1;
        if (!*text) (*out_list)[(*out_count)++] = copy(m, "");
    }
}

static size_t numbers(model *m, const char *text, int64_t **out) {
    char **parts;
    size_t count;
    split(m, text, &parts, &count);
    *out = room(m, (count + 1) * sizeof **out);
    for (size_t i = 0; i < count; i++) (*out)[i] = strtoll(parts[i], NULL, 10);
    return count;
}

/* -- The model ---------------------------------------------------------------------------------------------------- */

void model_begin(model *m, int64_t opset) {
    *m = (model){0};
    m->proto = (Onnx__ModelProto)ONNX__MODEL_PROTO__INIT;
    m->graph = (Onnx__GraphProto)ONNX__GRAPH_PROTO__INIT;
    m->proto.graph = &m->graph;
    m->proto.has_ir_version = 1;
    m->proto.ir_version = 8;
    model_opset(m, "", opset);
}

void model_end(model *m) {
    tenon__arena_free(&m->arena);
}

/* Where inputs, outputs, nodes and initializers go. */
static Onnx__GraphProto *graph_of(model *m) {
    return m->depth ? m->into[m->depth - 1] : &m->graph;
}

void model_opset(model *m, const char *domain, int64_t version) {
    Onnx__OperatorSetIdProto *opset = room(m, sizeof *opset);
    *opset = (Onnx__OperatorSetIdProto)ONNX__OPERATOR_SET_ID_PROTO__INIT;
    opset->domain = copy(m, domain);
    opset->has_version = 1;
    opset->version = version;
    APPEND(m, &m->proto, opset_import, opset);
}

static Onnx__TensorShapeProto *shape_of(model *m, const char *dims) {
    char **parts;
    size_t count;
    Onnx__TensorShapeProto *shape = room(m, sizeof *shape);
    *shape = (Onnx__TensorShapeProto)ONNX__TENSOR_SHAPE_PROTO__INIT;
    split(m, dims, &parts, &count);
    for (size_t i = 0; i < count; i++) {
        char *end;
        Onnx__TensorShapeProto__Dimension *dim = room(m, sizeof *dim);
        *dim = (Onnx__TensorShapeProto__Dimension)ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
        dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dim->dim_value = strtoll(parts[i], &end, 10);
        if (*end) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = parts[i];
        }
        if (!parts[i][0]) dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE__NOT_SET;
        APPEND(m, shape, dim, dim);
    }
    return shape;
}

static Onnx__ValueInfoProto *value_info(model *m, const char *name) {
    Onnx__ValueInfoProto *info = room(m, sizeof *info);
    *info = (Onnx__ValueInfoProto)ONNX__VALUE_INFO_PROTO__INIT;
    info->name = copy(m, name);
    return info;
}

static Onnx__ValueInfoProto *typed_info(model *m, const char *name, int32_t type, const char *dims) {
    Onnx__ValueInfoProto *info = value_info(m, name);
    info->type = room(m, sizeof *info->type);
    *info->type = (Onnx__TypeProto)ONNX__TYPE_PROTO__INIT;
    info->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    Onnx__TypeProto__Tensor *tensor = info->type->tensor_type = room(m, sizeof *tensor);
    *tensor = (Onnx__TypeProto__Tensor)ONNX__TYPE_PROTO__TENSOR__INIT;
    tensor->has_elem_type = 1;
    tensor->elem_type = type;
    tensor->shape = dims ? shape_of(m, dims) : NULL;
    return info;
}

void model_input(model *m, const char *name, int32_t type, const char *dims) {
    APPEND(m, graph_of(m), input, typed_info(m, name, type, dims));
}

void model_output(model *m, const char *name) {
    APPEND(m, graph_of(m), output, value_info(m, name));
}

void model_typed_output(model *m, const char *name, int32_t type, const char *dims) {
    APPEND(m, graph_of(m), output, typed_info(m, name, type, dims));
}

static Onnx__NodeProto *make_node(model *m, const char *op_type, const char *inputs, const char *outputs) {
    Onnx__NodeProto *node = room(m, sizeof *node);
    *node = (Onnx__NodeProto)ONNX__NODE_PROTO__INIT;
    node->op_type = copy(m, op_type);
    split(m, inputs, &node->input, &node->n_input);
    split(m, outputs, &node->output, &node->n_output);
    return m->last = node;
}

Onnx__NodeProto *model_node(model *m, const char *op_type, const char *inputs, const char *outputs) {
    Onnx__NodeProto *node = make_node(m, op_type, inputs, outputs);
    APPEND(m, graph_of(m), node, node);
    return node;
}

Onnx__NodeProto *model_function_node(model *m, Onnx__FunctionProto *f, const char *op_type, const char *inputs,
                                     const char *outputs) {
    Onnx__NodeProto *node = make_node(m, op_type, inputs, outputs);
    APPEND(m, f, node, node);
    return node;
}

/* -- Attributes --------------------------------------------------------------------------------------------------- */

static Onnx__AttributeProto *attribute(model *m, const char *name, int type) {
    Onnx__AttributeProto *a = room(m, sizeof *a);
    *a = (Onnx__AttributeProto)ONNX__ATTRIBUTE_PROTO__INIT;
    a->name = copy(m, name);
    a->has_type = 1;
    a->type = (Onnx__AttributeProto__AttributeType)type;
    APPEND(m, m->last, attribute, a);
    return a;
}

void model_int(model *m, const char *name, int64_t value) {
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
}

void model_float(model *m, const char *name, float value) {
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    a->has_f = 1;
    a->f = value;
}

void model_string(model *m, const char *name, const char *value) {
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(value), (uint8_t *)copy(m, value)};
}

void model_ints(model *m, const char *name, const char *values) {
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->n_ints = numbers(m, values, &a->ints);
}

void model_strings(model *m, const char *name, const char *values) {
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
    char **list;
    size_t count;
    split(m, values, &list, &count);
    a->n_strings = count;
    a->strings = room(m, (count + 1) * sizeof *a->strings);
    for (size_t i = 0; i < count; i++) a->strings[i] = (ProtobufCBinaryData){strlen(list[i]), (uint8_t *)list[i]};
}

void model_graph(model *m, const char *name) {
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH);
    a->g = room(m, sizeof *a->g);
    *a->g = (Onnx__GraphProto)ONNX__GRAPH_PROTO__INIT;
    a->g->name = copy(m, name);
    m->into[m->depth] = a->g;
    m->owners[m->depth++] = m->last;
}

void model_graph_end(model *m) {
    m->last = m->owners[--m->depth];
}

void model_tensor(model *m, const char *name, Onnx__TensorProto *tensor) {
    attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)->t = tensor;
}

void model_reference(model *m, const char *name, const char *of_function, int type) {
    attribute(m, name, type)->ref_attr_name = copy(m, of_function);
}

/* -- Tensors ------------------------------------------------------------------------------------------------------ */

static Onnx__TensorProto *tensor(model *m, const char *name, int32_t type, const char *dims, size_t size) {
    Onnx__TensorProto *t = room(m, sizeof *t);
    *t = (Onnx__TensorProto)ONNX__TENSOR_PROTO__INIT;
    t->name = copy(m, name);
    t->has_data_type = 1;
    t->data_type = type;
    t->n_dims = numbers(m, dims, &t->dims);
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){size, room(m, size + 1)};
    return t;
}

Onnx__TensorProto *model_floats(model *m, const char *name, const char *dims, const char *values) {
    char **parts;
    size_t count;
    split(m, values, &parts, &count);
    Onnx__TensorProto *t = tensor(m, name, 1, dims, count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        float number = strtof(parts[i], NULL);
        memcpy(t->raw_data.data + i * sizeof number, &number, sizeof number);
    }
    return t;
}

Onnx__TensorProto *model_integers(model *m, const char *name, const char *dims, const char *values) {
    int64_t *list;
    size_t count = numbers(m, values, &list);
    Onnx__TensorProto *t = tensor(m, name, 7, dims, count * sizeof *list);
    memcpy(t->raw_data.data, list, count * sizeof *list);
    return t;
}

void model_initializer(model *m, Onnx__TensorProto *t) {
    APPEND(m, graph_of(m), initializer, t);
}

Onnx__FunctionProto *model_function(model *m, const char *name, const char *inputs, const char *outputs) {
    Onnx__FunctionProto *f = room(m, sizeof *f);
    *f = (Onnx__FunctionProto)ONNX__FUNCTION_PROTO__INIT;
    f->name = copy(m, name);
    f->domain = copy(m, "test");
    split(m, inputs, &f->input, &f->n_input);
    split(m, outputs, &f->output, &f->n_output);
    APPEND(m, &m->proto, functions, f);
    return f;
}

void model_default(model *m, Onnx__FunctionProto *f, const char *name, float value) {
    Onnx__AttributeProto a = ONNX__ATTRIBUTE_PROTO__INIT;
    ProtobufCMessageUnknownField *field = room(m, sizeof *field);
    a.name = copy(m, name);
    a.has_type = a.has_f = 1;
    a.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    a.f = value;
    size_t size = onnx__attribute_proto__get_packed_size(&a); /* below 128: its length takes one byte */
    *field = (ProtobufCMessageUnknownField){11, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, size + 1, room(m, size + 1)};
    field->data[0] = (uint8_t)size;
    onnx__attribute_proto__pack(&a, field->data + 1);
    f->base.unknown_fields = field;
    f->base.n_unknown_fields = 1;
}

uint8_t *model_pack(model *m, size_t *out_size) {
    *out_size = onnx__model_proto__get_packed_size(&m->proto);
    uint8_t *bytes = malloc(*out_size + 1);
    if (bytes) onnx__model_proto__pack(&m->proto, bytes);
    return bytes;
}

tenon_status model_import(model *m, tenonh_module **out_module) {
    size_t size;
    uint8_t *bytes = model_pack(m, &size);
    tenon_status status = tenonh_onnx_import_bytes(bytes, size, NULL, out_module);
    free(bytes);
    return status;
}
