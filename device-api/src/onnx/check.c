/* Finds all operators that can't be lowered before any is, so that one message names them all. */
#include <stdio.h>
#include <string.h>

#include "onnx/importer.h"
#include "support/text.h"

enum { MOST_DEPTH = 64 }; /* of graphs within graphs: deeper ones are refused when they are lowered */

/* An operator that is not known: told once, with the first of its nodes. */
typedef struct unknown {
    struct unknown *next;
    const Onnx__NodeProto *node;
    int64_t opset;
    uint32_t count;
} unknown;

typedef struct search {
    tenon__import *import;
    unknown *first;
    unknown **last;
    const Onnx__FunctionProto **seen; /* functions that were looked into */
    size_t seen_count;
    int failed; /* no memory */
} search;

static int same(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static void add_unknown(search *s, const Onnx__NodeProto *node, int64_t opset) {
    for (unknown *u = s->first; u; u = u->next)
        if (same(u->node->op_type, node->op_type) && same(u->node->domain, node->domain)) {
            u->count++;
            return;
        }
    unknown *u = tenon__arena_allocate(&s->import->arena, sizeof *u);
    if (!u) {
        s->failed = 1;
        return;
    }
    *u = (unknown){.node = node, .opset = opset, .count = 1};
    *s->last = u;
    s->last = &u->next;
}

static int was_seen(search *s, const Onnx__FunctionProto *function) {
    for (size_t i = 0; i < s->seen_count; i++)
        if (s->seen[i] == function) return 1;
    s->seen[s->seen_count++] = function;
    return 0;
}

static void look_into_graphs(search *s, const Onnx__NodeProto *node, Onnx__OperatorSetIdProto *const *opsets,
                             size_t opset_count, uint32_t depth);

/* Bodies of functions follow one another in `seen`; graphs that are attributes nest, as deep as the wire format lets. */
static void look_through(search *s, Onnx__NodeProto *const *nodes, size_t count,
                         Onnx__OperatorSetIdProto *const *opsets, size_t opset_count, uint32_t depth) {
    for (size_t i = 0; i < count; i++) {
        look_into_graphs(s, nodes[i], opsets, opset_count, depth);
        const Onnx__FunctionProto *function = tenon__onnx_function_of(s->import, nodes[i]);
        if (function) {
            was_seen(s, function);
            continue;
        }
        const char *domain = nodes[i]->domain ? nodes[i]->domain : "";
        int standard = domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
        int64_t opset = tenon__onnx_opset(opsets, opset_count, domain);
        const char *op_type = nodes[i]->op_type ? nodes[i]->op_type : "";
        if (!standard || !tenon__onnx_row_of(op_type, opset)) add_unknown(s, nodes[i], opset);
    }
}

static void look_into_graphs(search *s, const Onnx__NodeProto *node, Onnx__OperatorSetIdProto *const *opsets,
                             size_t opset_count, uint32_t depth) {
    for (size_t i = 0; i < node->n_attribute && depth < MOST_DEPTH; i++) {
        const Onnx__GraphProto *graph = node->attribute[i]->g;
        if (graph) look_through(s, graph->node, graph->n_node, opsets, opset_count, depth + 1);
    }
}

static void describe(tenon__text *text, const unknown *u) {
    const char *domain = u->node->domain && u->node->domain[0] ? u->node->domain : "ai.onnx";
    const char *name = u->node->name && u->node->name[0] ? u->node->name : NULL;
    tenon__text_format(text, "%s (domain %s, opset %lld; ", u->node->op_type ? u->node->op_type : "", domain,
                       (long long)u->opset);
    if (name)
        tenon__text_format(text, "node '%s'", name);
    else
        tenon__text_format(text, "the node that gives '%s'", u->node->n_output ? u->node->output[0] : "");
    if (u->count > 1) tenon__text_format(text, " and %u more", u->count - 1);
    tenon__text_add(text, ")");
}

static tenon_status report(const search *s) {
    tenon__text text = {0};
    uint32_t kinds = 0;
    for (const unknown *u = s->first; u; u = u->next, kinds++) {
        if (kinds) tenon__text_add(&text, ", ");
        describe(&text, u);
    }
    if (!kinds) return TENON_STATUS_OK;
    tenon_status status = tenon__fail(TENON_STATUS_UNSUPPORTED, "%u operator%s not supported: %s", kinds,
                                      kinds == 1 ? " is" : "s are", tenon__text_string(&text));
    tenon__text_free(&text);
    return status;
}

tenon_status tenon__onnx_check_operators(tenon__import *import) {
    const Onnx__ModelProto *model = import->model;
    search s = {.import = import};
    s.last = &s.first;
    s.seen = tenon__arena_array(&import->arena, model->n_functions + 1, sizeof(const Onnx__FunctionProto *));
    if (!s.seen) return tenon__fail_memory();
    look_through(&s, model->graph->node, model->graph->n_node, model->opset_import, model->n_opset_import, 0);
    for (size_t i = 0; i < s.seen_count; i++) {
        const Onnx__FunctionProto *f = s.seen[i];
        look_through(&s, f->node, f->n_node, f->n_opset_import ? f->opset_import : model->opset_import,
                     f->n_opset_import ? f->n_opset_import : model->n_opset_import, 0);
    }
    return s.failed ? tenon__fail_memory() : report(&s);
}
