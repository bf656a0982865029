#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/onnx.h>

#include "onnx/importer.h"
#include "onnx/tensor.h"
#include "onnx/wire.h"
#include "support/file.h"

static const char *text_of(const char *text) {
    return text ? text : "";
}

/* -- Inputs of the graph ------------------------------------------------------------------------------------------ */

static const tenonh_dim *symbol_of(tenon__import *import, const char *name) {
    const tenonh_dim *dim = tenonh_dim_symbol(tenon__builder_module(import->b), name, 0, INT32_MAX, 1);
    if (!dim) tenon__build_fail(import->b, TENON_STATUS_BAD_DATA, "'%s' can't be the name of a dim", name);
    return dim;
}

/* What the caller says of a dim, NULL where that is nothing. */
static const tenonh_onnx_dim *given_dim(const tenon__import *import, const char *input, uint32_t axis) {
    const tenonh_onnx_options *options = import->options;
    for (uint32_t i = 0; options && i < options->dim_count; i++)
        if (options->dims[i].axis == axis && strcmp(options->dims[i].input, input) == 0) return &options->dims[i];
    return NULL;
}

/* A number, a named symbol, or a symbol called after the input and the axis. */
static const tenonh_dim *dim_of(tenon__import *import, const char *input, uint32_t axis,
                                const Onnx__TensorShapeProto__Dimension *proto) {
    char name[512];
    const tenonh_onnx_dim *given = given_dim(import, input, axis);
    if (given && given->symbol) return symbol_of(import, given->symbol);
    if (given) return tenonh_dim_number(tenon__builder_module(import->b), given->number);
    if (proto->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && proto->dim_value >= 0)
        return tenonh_dim_number(tenon__builder_module(import->b), proto->dim_value);
    if (proto->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && text_of(proto->dim_param)[0])
        return symbol_of(import, proto->dim_param);
    snprintf(name, sizeof name, "%s_%u", input, axis);
    return symbol_of(import, name);
}

/* The declared type of an input. */
typedef struct input_type {
    tenon_dtype dtype;
    uint32_t rank;
    const tenonh_dim *dims[TENON_MAX_RANK];
} input_type;

static tenon_status read_type(tenon__import *import, const Onnx__ValueInfoProto *proto, input_type *out_type) {
    char what[256];
    const char *name = text_of(proto->name);
    snprintf(what, sizeof what, "input '%s'", name);
    if (!proto->type || proto->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s is not a tensor", what);
    const Onnx__TypeProto__Tensor *type = proto->type->tensor_type;
    TENON_TRY(tenon__onnx_dtype(type->elem_type, what, &out_type->dtype));
    if (!type->shape)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s has no shape; its rank must be known, dims may be names",
                           what);
    if (type->shape->n_dim > TENON_MAX_RANK)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s has %zu dims; at most %d are supported", what,
                           type->shape->n_dim, TENON_MAX_RANK);
    out_type->rank = (uint32_t)type->shape->n_dim;
    for (uint32_t d = 0; d < out_type->rank; d++) out_type->dims[d] = dim_of(import, name, d, type->shape->dim[d]);
    return tenonh_builder_status(import->b);
}

/* The value that the caller gives an input once and for all; NULL when it gives none. */
static const tenonh_array *given_value(const tenon__import *import, const char *name) {
    const tenonh_onnx_options *options = import->options;
    for (uint32_t i = 0; options && i < options->constant_count; i++)
        if (strcmp(options->constants[i].name, name) == 0) return options->constants[i].value;
    return NULL;
}

static tenon_status build_given(tenon__import *import, const char *name, const input_type *type,
                                const tenonh_array *value, tenonh_value **out_value) {
    if (value->dtype != type->dtype || value->rank != type->rank)
        return tenon__fail(TENON_STATUS_INVALID,
                           "input '%s' is %s of rank %u; the constant given for it is %s of rank %u", name,
                           tenon_dtype_name(type->dtype), type->rank, tenon_dtype_name(value->dtype), value->rank);
    for (uint32_t d = 0; d < type->rank; d++)
        TENON_TRY(tenonh_dim_equate(tenon__builder_module(import->b), type->dims[d],
                                    tenonh_dim_number(tenon__builder_module(import->b), value->dims[d])));
    const tenonh_bytes bytes = {.data = value->data, .size = value->size};
    *out_value = tenonh_build_constant(import->b, name, value->dtype, value->rank, value->dims, &bytes);
    return tenonh_builder_status(import->b);
}

static tenon_status build_input(tenon__import *import, const Onnx__ValueInfoProto *proto, tenonh_value **out_value) {
    input_type type;
    const char *name = text_of(proto->name);
    const tenonh_array *given = given_value(import, name);
    TENON_TRY(read_type(import, proto, &type));
    if (given) return build_given(import, name, &type, given, out_value);
    *out_value = tenonh_build_input(import->b, name, type.dtype, type.rank, type.dims);
    return tenonh_builder_status(import->b);
}

static tenon_status name_initializers(tenon__import *import, tenon__frame *frame) {
    const Onnx__GraphProto *graph = import->model->graph;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        tenon__name entry = {.name = text_of(graph->initializer[i]->name), .initializer = graph->initializer[i]};
        TENON_TRY(tenon__names_add(&frame->names, &import->arena, &entry));
    }
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
        tenon__name entry = {.name = values ? text_of(values->name) : "",
                             .refusal = "sparse initializers are not supported"};
        TENON_TRY(tenon__names_add(&frame->names, &import->arena, &entry));
    }
    return TENON_STATUS_OK;
}

/* Models of old IR versions list their initializers among the inputs. */
static tenon_status name_inputs(tenon__import *import, tenon__frame *frame) {
    const Onnx__GraphProto *graph = import->model->graph;
    for (size_t i = 0; i < graph->n_input; i++) {
        tenon__name entry = {.name = text_of(graph->input[i]->name)};
        const tenon__name *known = tenon__names_find(&frame->names, entry.name);
        if (known && (known->initializer || known->refusal)) continue;
        TENON_TRY(build_input(import, graph->input[i], &entry.value));
        TENON_TRY(tenon__names_add(&frame->names, &import->arena, &entry));
    }
    return TENON_STATUS_OK;
}

/* -- Outputs ------------------------------------------------------------------------------------------------------ */

/* The dtype and rank that the model says of an output must be what its nodes give; exporters may leave out either. Dims
 * bind nobody: models are given inputs of other lengths than the one that they were exported with. */
static tenon_status check_declared(const Onnx__ValueInfoProto *proto, const tenonh_value *value) {
    char what[256];
    const char *name = text_of(proto->name);
    tenon_dtype dtype;
    if (!proto->type || proto->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) return TENON_STATUS_OK;
    const Onnx__TypeProto__Tensor *type = proto->type->tensor_type;
    if (type->elem_type) {
        snprintf(what, sizeof what, "output '%s'", name);
        TENON_TRY(tenon__onnx_dtype(type->elem_type, what, &dtype));
        if (dtype != value->dtype)
            return tenon__fail(TENON_STATUS_BAD_DATA, "output '%s' is declared as %s; its nodes make it %s", name,
                               tenon_dtype_name(dtype), tenon__type_text(value));
    }
    if (!type->shape || type->shape->n_dim == value->rank) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_BAD_DATA, "output '%s' is declared to have %zu dims; its nodes make it %s", name,
                       type->shape->n_dim, tenon__type_text(value));
}

static tenon_status build_output(tenon__import *import, const tenon__frame *frame, const Onnx__ValueInfoProto *proto) {
    const char *name = text_of(proto->name);
    tenon__name *entry = tenon__names_find(&frame->names, name);
    if (!entry) return tenon__fail(TENON_STATUS_BAD_DATA, "no node gives the output '%s'", name);
    if (entry->refusal) return tenon__fail(TENON_STATUS_UNSUPPORTED, "output '%s': %s", name, entry->refusal);
    if (!entry->value) entry->value = tenon__onnx_constant(import, name, entry->initializer, 1);
    if (entry->value) TENON_TRY(check_declared(proto, entry->value));
    tenonh_build_output(import->b, name, entry->value);
    return tenonh_builder_status(import->b);
}

static tenon_status build_outputs(tenon__import *import, const tenon__frame *frame) {
    const Onnx__GraphProto *graph = import->model->graph;
    for (size_t i = 0; i < graph->n_output; i++) TENON_TRY(build_output(import, frame, graph->output[i]));
    return TENON_STATUS_OK;
}

/* -- The model ---------------------------------------------------------------------------------------------------- */

static tenon_status check_model(const tenon__import *import) {
    const Onnx__ModelProto *model = import->model;
    if (!model->graph) return tenon__fail(TENON_STATUS_BAD_DATA, "it holds no graph; is it an ONNX model?");
    int64_t opset = tenon__onnx_opset(model->opset_import, model->n_opset_import, "");
    if (opset == 0 && model->n_opset_import) return TENON_STATUS_OK; /* only other domains: operators will be missed */
    if (opset >= TENON__OPSET_OLDEST && opset <= TENON__OPSET_NEWEST) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_UNSUPPORTED,
                       "it uses opset %lld; opsets %d to %d are read. Convert it with onnx's "
                       "version converter",
                       (long long)opset, TENON__OPSET_OLDEST, TENON__OPSET_NEWEST);
}

/* Every constant and every name that the caller gives must be for an input. */
static tenon_status check_given(const tenon__import *import, const tenon__frame *frame) {
    for (uint32_t i = 0; import->options && i < import->options->dim_count; i++) {
        const tenonh_onnx_dim *dim = &import->options->dims[i];
        const tenon__name *entry = tenon__names_find(&frame->names, dim->input);
        if (!entry || !entry->value || dim->axis >= tenonh_value_rank(entry->value))
            return tenon__fail(TENON_STATUS_INVALID, "there is no input '%s' with an axis %u to set", dim->input,
                               dim->axis);
    }
    for (uint32_t i = 0; import->options && i < import->options->constant_count; i++) {
        const char *name = import->options->constants[i].name;
        const tenon__name *entry = tenon__names_find(&frame->names, name);
        if (!entry || !entry->value)
            return tenon__fail(TENON_STATUS_INVALID, "there is no input '%s' to make constant", name);
    }
    return TENON_STATUS_OK;
}

static tenon_status build_main(tenon__import *import) {
    const Onnx__ModelProto *model = import->model;
    tenon__frame frame = {.opsets = model->opset_import, .opset_count = model->n_opset_import, .path = ""};
    TENON_TRY(name_initializers(import, &frame));
    TENON_TRY(name_inputs(import, &frame));
    TENON_TRY(check_given(import, &frame));
    TENON_TRY(tenon__onnx_lower_nodes(import, &frame, model->graph->node, model->graph->n_node));
    return build_outputs(import, &frame);
}

/* Ends the builder. Its message is that of the first failure, which the node may be put before. */
static tenon_status finish(tenon__import *import, tenon_status status) {
    if (status != TENON_STATUS_OK && tenonh_builder_status(import->b) == TENON_STATUS_OK)
        tenon__build_fail(import->b, status, "%s", tenonh_error_message());
    status = tenonh_builder_finish(import->b);
    if (status == TENON_STATUS_OK || !import->failed_node) return status;
    const tenon__onnx_node *node = import->failed_node;
    return tenon__fail_in(status, "node '%s' (%s)", node->label, text_of(node->proto->op_type));
}

static tenon_status build_module(tenon__import *import, tenonh_module **out_module) {
    tenonh_module *module;
    TENON_TRY(check_model(import));
    TENON_TRY(tenon__onnx_check_operators(import));
    TENON_TRY(tenonh_module_create(&module));
    tenon_status status = tenon__builder_create(module, "main", TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD, &import->b);
    if (status == TENON_STATUS_OK) status = finish(import, build_main(import));
    if (status == TENON_STATUS_OK)
        *out_module = module;
    else
        tenonh_module_destroy(module);
    return status;
}

static void free_import(tenon__import *import) {
    for (size_t i = 0; i < import->decoded_count; i++) onnx__attribute_proto__free_unpacked(import->decoded[i], NULL);
    free(import->decoded);
    if (import->model) onnx__model_proto__free_unpacked(import->model, NULL);
    tenon__folder_close(import->folder);
    tenon__arena_free(&import->arena);
}

static tenon_status import_model(const char *name, Onnx__ModelProto *model, tenon__folder *folder,
                                 const tenonh_onnx_options *options, tenonh_module **out_module) {
    tenon__import import = {.model = model, .folder = folder, .options = options};
    tenon_status status = build_module(&import, out_module);
    free_import(&import);
    return status == TENON_STATUS_OK ? status : tenon__fail_in(status, "'%s'", name);
}

/* The caller's options as this version has them. Owner: what they point to stays the caller's. */
static tenon_status take_options(const tenonh_onnx_options *given, tenonh_onnx_options *out_options) {
    *out_options = (tenonh_onnx_options){.struct_size = sizeof *out_options};
    if (!given) return TENON_STATUS_OK;
    tenon_status status = tenon_descriptor_check(given, TENONH_ONNX_OPTIONS_SIZE_V1, sizeof *given);
    if (status == TENON_STATUS_OK) {
        uint32_t size = given->struct_size;
        memcpy(out_options, given, size < sizeof *out_options ? size : sizeof *out_options);
        if (out_options->reserved) status = TENON_STATUS_INVALID;
    }
    if (status != TENON_STATUS_OK)
        return tenon__fail(status, "tenonh_onnx_options: struct_size must be its size, what is not set zero");
    for (uint32_t i = 0; i < out_options->constant_count; i++)
        if (!out_options->constants || !out_options->constants[i].name || !out_options->constants[i].value)
            return tenon__fail(TENON_STATUS_INVALID, "tenonh_onnx_options: constant %u has no name or value", i);
    for (uint32_t i = 0; i < out_options->dim_count; i++) {
        if (!out_options->dims || !out_options->dims[i].input || out_options->dims[i].number < 0 ||
            out_options->dims[i].reserved)
            return tenon__fail(TENON_STATUS_INVALID, "tenonh_onnx_options: dim %u has no input, or a negative number",
                               i);
        if (out_options->dims[i].symbol && !out_options->dims[i].symbol[0])
            return tenon__fail(TENON_STATUS_INVALID,
                               "tenonh_onnx_options: the symbol of dim %u is \"\"; NULL makes it a number", i);
    }
    return TENON_STATUS_OK;
}

tenon_status tenonh_onnx_import_bytes(const void *bytes, uint64_t size, const tenonh_onnx_options *options,
                                      tenonh_module **out_module) {
    ProtobufCMessage *message;
    tenon__folder *folder = NULL;
    tenonh_onnx_options chosen;
    if ((!bytes && size) || !out_module)
        return tenon__fail(TENON_STATUS_INVALID, "tenonh_onnx_import_bytes: %s is NULL",
                           out_module ? "bytes" : "out_module");
    TENON_TRY(take_options(options, &chosen));
    TENON_TRY(tenon__wire_decode(&onnx__model_proto__descriptor, "model", bytes, size, &message));
    const char *path = chosen.folder;
    tenon_status status = path ? tenon__folder_open(path, &folder) : TENON_STATUS_OK;
    if (status == TENON_STATUS_OK)
        return import_model("model", (Onnx__ModelProto *)message, folder, &chosen, out_module);
    protobuf_c_message_free_unpacked(message, NULL);
    return status;
}

static tenon_status decode_file(const char *path, ProtobufCMessage **out_message) {
    uint8_t *bytes;
    size_t size;
    TENON_TRY(tenon__file_read(path, TENON__WIRE_LIMIT, &bytes, &size));
    tenon_status status = tenon__wire_decode(&onnx__model_proto__descriptor, path, bytes, size, out_message);
    free(bytes);
    return status;
}

tenon_status tenonh_onnx_import(const char *path, const tenonh_onnx_options *options, tenonh_module **out_module) {
    ProtobufCMessage *message;
    tenon__folder *folder;
    tenonh_onnx_options chosen;
    if (!path || !out_module)
        return tenon__fail(TENON_STATUS_INVALID, "tenonh_onnx_import: %s is NULL", path ? "out_module" : "path");
    TENON_TRY(take_options(options, &chosen));
    TENON_TRY(decode_file(path, &message));
    const char *named = chosen.folder;
    tenon_status status = named ? tenon__folder_open(named, &folder) : tenon__folder_of(path, &folder);
    if (status == TENON_STATUS_OK) return import_model(path, (Onnx__ModelProto *)message, folder, &chosen, out_module);
    protobuf_c_message_free_unpacked(message, NULL);
    return status;
}
