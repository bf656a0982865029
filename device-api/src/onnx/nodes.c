/* Walks the nodes of a graph or function body: resolves names, lowers by the table, inlines the model's functions. */
#include <stdio.h>
#include <string.h>

#include "onnx/fields.h"
#include "onnx/importer.h"

enum { MOST_DEPTH = 64, MOST_NODES = 1 << 22 };

static const char *text_of(const char *text) {
    return text ? text : "";
}

static const char *domain_of(const char *domain) {
    return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

int64_t tenon__onnx_opset(Onnx__OperatorSetIdProto *const *opsets, size_t count, const char *domain) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(domain_of(opsets[i]->domain), domain_of(domain)) == 0) return opsets[i]->version;
    return 0;
}

const Onnx__FunctionProto *tenon__onnx_function_of(const tenon__import *import, const Onnx__NodeProto *proto) {
    tenon__arena scratch = {0};
    const Onnx__FunctionProto *found = NULL;
    for (size_t i = 0; i < import->model->n_functions && !found; i++) {
        const Onnx__FunctionProto *f = import->model->functions[i];
        if (strcmp(text_of(f->name), text_of(proto->op_type)) != 0) continue;
        if (strcmp(domain_of(f->domain), domain_of(proto->domain)) != 0) continue;
        const char *wanted = tenon__field_string(&proto->base, TENON__TAG_NODE_OVERLOAD, &scratch);
        if (strcmp(tenon__field_string(&f->base, TENON__TAG_FUNCTION_OVERLOAD, &scratch), wanted) == 0) found = f;
    }
    tenon__arena_free(&scratch);
    return found;
}

/* "path/name", or the operator and the first output of a node without a name. */
static const char *label_of(tenon__import *import, const tenon__frame *frame, const Onnx__NodeProto *proto) {
    char label[512];
    if (proto->name && proto->name[0])
        snprintf(label, sizeof label, "%s%s", frame->path, proto->name);
    else
        snprintf(label, sizeof label, "%s%s -> %s", frame->path, text_of(proto->op_type),
                 proto->n_output ? proto->output[0] : "");
    return tenon__arena_string(&import->arena, label);
}

/* -- Inputs and outputs by name ----------------------------------------------------------------------------------- */

static int is_given_later(const tenon__frame *frame, const tenon__import *import, const char *name) {
    const Onnx__GraphProto *graph = frame->graph ? frame->graph : import->model->graph;
    int is_body = frame->function && !frame->graph;
    size_t count = is_body ? frame->function->n_node : graph->n_node;
    Onnx__NodeProto *const *nodes = is_body ? frame->function->node : graph->node;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < nodes[i]->n_output; k++)
            if (strcmp(nodes[i]->output[k], name) == 0) return 1;
    return 0;
}

static tenonh_value *value_of(tenon__import *import, const tenon__frame *frame, const char *name) {
    const tenon__frame *inner = frame;
    tenon__name *entry = tenon__names_find(&frame->names, name);
    while (!entry && frame->scope) {
        frame = frame->scope;
        entry = tenon__names_find(&frame->names, name);
    }
    if (!entry) frame = inner;
    if (!entry && is_given_later(frame, import, name))
        return tenon__build_fail(import->b, TENON_STATUS_BAD_DATA,
                                 "'%s' is used before it is computed: the nodes are not in order, or form a cycle",
                                 name);
    if (!entry)
        return tenon__build_fail(import->b, TENON_STATUS_BAD_DATA,
                                 "there is no '%s': no node, input or initializer gives it", name);
    if (entry->refusal)
        return tenon__build_fail(import->b, TENON_STATUS_UNSUPPORTED, "'%s' can't be used: %s", name, entry->refusal);
    if (!entry->value && entry->initializer)
        entry->value = tenon__onnx_constant(import, name, entry->initializer, !frame->graph);
    return entry->value;
}

static tenon_status read_inputs(tenon__onnx_node *node) {
    const Onnx__NodeProto *proto = node->proto;
    node->inputs = tenon__arena_array(&node->import->arena, proto->n_input + 1, sizeof *node->inputs);
    if (!node->inputs) return tenon__fail_memory();
    for (size_t i = 0; i < proto->n_input; i++) {
        if (!proto->input[i][0]) continue;
        node->inputs[i] = value_of(node->import, node->frame, proto->input[i]);
        TENON_TRY(tenonh_builder_status(node->b));
        node->input_count = (uint32_t)i + 1;
    }
    return TENON_STATUS_OK;
}

static tenon_status add_output(tenon__onnx_node *node, tenon__frame *frame, uint32_t index) {
    tenon__name entry = {.name = node->proto->output[index], .value = node->outputs[index]};
    if (!entry.value) entry.refusal = "the operator's optional outputs are not supported in this variant";
    if (entry.value) tenon__value_name(node->b, entry.value, entry.name);
    return tenon__names_add(&frame->names, &node->import->arena, &entry);
}

static tenon_status name_outputs(tenon__onnx_node *node, tenon__frame *frame) {
    for (uint32_t i = 0; i < node->output_count; i++)
        if (tenon__onnx_wants(node, i)) TENON_TRY(add_output(node, frame, i));
    return TENON_STATUS_OK;
}

/* -- By the table ------------------------------------------------------------------------------------------------- */

static tenon_status check_counts(const tenon__onnx_node *node) {
    const tenon__onnx_row *row = node->row;
    if (node->input_count < row->min_inputs)
        return tenon__fail(TENON_STATUS_BAD_DATA, "it has %u inputs; opset %lld of the operator takes at least %u",
                           node->input_count, (long long)node->opset, row->min_inputs);
    if (node->input_count > row->max_inputs)
        return tenon__fail(TENON_STATUS_BAD_DATA, "it has %u inputs; opset %lld of the operator takes at most %u",
                           node->input_count, (long long)node->opset, row->max_inputs);
    for (uint32_t i = 0; i < row->min_inputs; i++)
        if (!node->inputs[i]) return tenon__fail(TENON_STATUS_BAD_DATA, "input %u is left out", i);
    if (node->output_count <= row->max_outputs) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_BAD_DATA, "it has %u outputs; the operator gives %u", node->output_count,
                       row->max_outputs);
}

/* True when every operand's elements are known and the result is small and whole: a step of shape arithmetic. */
static int is_arithmetic(tenonh_builder *b, const tenonh_value *result) {
    const tenonh_node *made = result->node;
    uint32_t count, class = tenon_dtype_class(result->dtype);
    int64_t dim;
    if (class == TENON_CLASS_FLOAT || result->content || made->result_count != 1) return 0;
    for (uint32_t d = 0; d < result->rank; d++)
        if (!tenonh_dim_is_number(result->dims[d], &dim)) return 0;
    for (uint32_t i = 0; i < made->operand_count; i++)
        if (made->operands[i] && !tenon__content(b, made->operands[i], &count)) return 0;
    return 1;
}

/* Composites stay whole for devices that take them; but dims that later nodes need have to be known now. */
static tenonh_value *opened(tenonh_builder *b, tenonh_value *result) {
    const tenonh_node *made = result && result->kind == TENON__VALUE_RESULT ? result->node : NULL;
    if (!made || made->kind != TENON__NODE_COMPOSITE || !made->composite || !made->composite->decompose) return result;
    if (!is_arithmetic(b, result)) return result;
    tenonh_value *results[TENON__COMPOSITE_MAX_OUTPUTS] = {0};
    made->composite->decompose(b, made, results);
    return results[0];
}

static tenon_status lower_row(tenon__onnx_node *node) {
    TENON_TRY(check_counts(node));
    tenonh_value *result = opened(node->b, node->row->lower(node));
    TENON_TRY(tenonh_builder_status(node->b));
    if (node->output_count) node->outputs[0] = result;
    return TENON_STATUS_OK;
}

/* -- By the model's own functions --------------------------------------------------------------------------------- */

static tenon_status name_arguments(const tenon__onnx_node *node, tenon__frame *frame) {
    const Onnx__FunctionProto *function = frame->function;
    if (node->input_count > function->n_input)
        return tenon__fail(TENON_STATUS_BAD_DATA, "it has %u inputs; the function takes %zu", node->input_count,
                           function->n_input);
    for (size_t i = 0; i < function->n_input; i++) {
        tenon__name entry = {.name = function->input[i], .value = tenon__onnx_input(node, (uint32_t)i)};
        if (!entry.value) entry.refusal = "the call leaves it out";
        TENON_TRY(tenon__names_add(&frame->names, &node->import->arena, &entry));
    }
    return TENON_STATUS_OK;
}

static tenon_status inline_function(tenon__onnx_node *node, const Onnx__FunctionProto *function) {
    char path[512];
    tenon__import *import = node->import;
    const tenon__frame *outer = node->frame;
    do {
        if (outer->function == function)
            return tenon__fail(TENON_STATUS_BAD_DATA, "function '%s' calls itself", text_of(function->name));
    } while ((outer = outer->caller) != NULL);
    if (node->frame->depth == MOST_DEPTH) return tenon__fail(TENON_STATUS_BAD_DATA, "functions are nested too deep");
    if (node->output_count > function->n_output)
        return tenon__fail(TENON_STATUS_BAD_DATA, "it has %u outputs; the function gives %zu", node->output_count,
                           function->n_output);
    snprintf(path, sizeof path, "%s/", node->label);
    tenon__frame frame = {.caller = node->frame,
                          .call = node,
                          .function = function,
                          .opsets = function->n_opset_import ? function->opset_import : import->model->opset_import,
                          .opset_count =
                              function->n_opset_import ? function->n_opset_import : import->model->n_opset_import,
                          .path = tenon__arena_string(&import->arena, path),
                          .depth = node->frame->depth + 1};
    if (!frame.path) return tenon__fail_memory();
    TENON_TRY(name_arguments(node, &frame));
    TENON_TRY(tenon__onnx_lower_nodes(import, &frame, function->node, function->n_node));
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (!tenon__onnx_wants(node, i)) continue;
        node->outputs[i] = value_of(import, &frame, function->output[i]);
        TENON_TRY(tenonh_builder_status(node->b));
    }
    return TENON_STATUS_OK;
}

/* -- Graphs that are attributes ----------------------------------------------------------------------------------- */

const Onnx__GraphProto *tenon__onnx_graph_attr(const tenon__onnx_node *node, const char *name) {
    const Onnx__AttributeProto *attr = tenon__onnx_attr(node, name);
    if (attr && attr->g) return attr->g;
    tenon__onnx_fail(node, TENON_STATUS_BAD_DATA, "its graph '%s' is missing", name);
    return NULL;
}

static tenon_status name_graph(tenon__import *import, tenon__frame *frame, tenonh_value *const *arguments) {
    const Onnx__GraphProto *graph = frame->graph;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        tenon__name entry = {.name = text_of(graph->initializer[i]->name), .initializer = graph->initializer[i]};
        TENON_TRY(tenon__names_add(&frame->names, &import->arena, &entry));
    }
    for (size_t i = 0; i < graph->n_input; i++) {
        tenon__name entry = {.name = text_of(graph->input[i]->name), .value = arguments[i]};
        TENON_TRY(tenon__names_add(&frame->names, &import->arena, &entry));
    }
    return TENON_STATUS_OK;
}

static tenon_status lower_graph(tenon__import *import, tenon__frame *frame, tenonh_value *const *arguments,
                                tenonh_value **out_values) {
    TENON_TRY(name_graph(import, frame, arguments));
    TENON_TRY(tenon__onnx_lower_nodes(import, frame, frame->graph->node, frame->graph->n_node));
    for (size_t i = 0; i < frame->graph->n_output; i++) {
        out_values[i] = value_of(import, frame, text_of(frame->graph->output[i]->name));
        TENON_TRY(tenonh_builder_status(import->b));
    }
    return TENON_STATUS_OK;
}

tenonh_value **tenon__onnx_lower_graph(tenon__onnx_node *node, const char *name, tenonh_value *const *arguments,
                                       uint32_t argument_count, uint32_t *out_count) {
    tenon__import *import = node->import;
    const tenon__frame *outer = node->frame;
    const Onnx__GraphProto *graph = tenon__onnx_graph_attr(node, name);
    if (!graph) return NULL;
    char path[512];
    snprintf(path, sizeof path, "%s/", node->label);
    tenon__frame *frame = tenon__arena_allocate(&import->arena, sizeof *frame);
    tenonh_value **values = tenon__arena_array(&import->arena, graph->n_output + 1, sizeof(tenonh_value *));
    const char *kept = tenon__arena_string(&import->arena, path);
    tenon_status status = frame && values && kept ? TENON_STATUS_OK : tenon__fail_memory();
    if (status == TENON_STATUS_OK && outer->depth == MOST_DEPTH)
        status = tenon__fail(TENON_STATUS_BAD_DATA, "graphs are nested too deep");
    if (status == TENON_STATUS_OK && graph->n_input != argument_count)
        status = tenon__fail(TENON_STATUS_BAD_DATA, "graph '%s' has %zu inputs; the node gives it %u", name,
                             graph->n_input, argument_count);
    if (status == TENON_STATUS_OK) {
        *frame = *outer;
        frame->names = (tenon__names){0};
        frame->caller = frame->scope = outer;
        frame->graph = graph;
        frame->path = kept;
        frame->depth = outer->depth + 1;
        status = lower_graph(import, frame, arguments, values);
    }
    if (status == TENON_STATUS_OK) tenonh_builder_location(node->b, node->label);
    if (status != TENON_STATUS_OK && tenonh_builder_status(node->b) == TENON_STATUS_OK)
        tenon__onnx_fail(node, status, "%s", tenonh_error_message());
    *out_count = (uint32_t)graph->n_output;
    return status == TENON_STATUS_OK ? values : NULL;
}

/* -- Nodes -------------------------------------------------------------------------------------------------------- */

static tenon_status lower(tenon__onnx_node *node) {
    const Onnx__FunctionProto *function = tenon__onnx_function_of(node->import, node->proto);
    TENON_TRY(read_inputs(node));
    tenonh_builder_location(node->b, node->label);
    if (function) return inline_function(node, function);
    node->row = tenon__onnx_row_of(text_of(node->proto->op_type), node->opset);
    if (node->row) return lower_row(node);
    return tenon__fail(TENON_STATUS_UNSUPPORTED, "opset %lld of the operator is not supported", (long long)node->opset);
}

static tenon_status lower_node(tenon__import *import, tenon__frame *frame, const Onnx__NodeProto *proto) {
    if (++import->node_count > MOST_NODES)
        return tenon__fail(TENON_STATUS_BAD_DATA, "the model's functions expand to more than %d nodes", MOST_NODES);
    tenon__onnx_node *node = tenon__arena_allocate(&import->arena, sizeof *node);
    tenonh_value **outputs = tenon__arena_array(&import->arena, proto->n_output + 1, sizeof(tenonh_value *));
    const char *label = label_of(import, frame, proto);
    if (!node || !outputs || !label) return tenon__fail_memory();
    *node = (tenon__onnx_node){.import = import,
                               .b = import->b,
                               .frame = frame,
                               .proto = proto,
                               .opset = tenon__onnx_opset(frame->opsets, frame->opset_count, proto->domain),
                               .label = label,
                               .output_count = (uint32_t)proto->n_output,
                               .outputs = outputs};
    tenon_status status = lower(node);
    if (status == TENON_STATUS_OK) status = name_outputs(node, frame);
    if (status == TENON_STATUS_OK) return status;
    /* What a lowering composed stands in the builder; what was found here stands in the thread's message. */
    if (tenonh_builder_status(import->b) == TENON_STATUS_OK)
        tenon__build_fail(import->b, status, "node '%s' (%s): %s", label, text_of(proto->op_type),
                          tenonh_error_message());
    else if (!import->failed_node)
        import->failed_node = node;
    return status;
}

tenon_status tenon__onnx_lower_nodes(tenon__import *import, tenon__frame *frame, Onnx__NodeProto *const *nodes,
                                     size_t count) {
    for (size_t i = 0; i < count; i++) TENON_TRY(lower_node(import, frame, nodes[i]));
    return TENON_STATUS_OK;
}
