/* fuzz_seeds ONNX_FOLDER GRAPH_FOLDER: small inputs to start from. Per ONNX operator a model of one node, with one, two
 * and three inputs; and as graph text what of them can be imported. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/array.h>

#include "onnx/model.h"
#include "onnx_names.h"

static int save(const char *folder, const char *name, uint32_t variant, const char *suffix, const void *bytes,
                size_t size) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s-%u.%s", folder, name, variant, suffix);
    FILE *file = fopen(path, "wb");
    if (!file) return perror(path), 0;
    int written = fwrite(bytes, 1, size, file) == size;
    return fclose(file) == 0 && written;
}

/* A graph of the node added last: it gives back its arguments and x. */
static void add_graph(model *m, const char *name, const char *const *arguments, uint32_t count) {
    model_graph(m, name);
    for (uint32_t i = 0; i < count; i++) {
        model_input(m, arguments[i], i == 0 ? 7 : i == 1 ? 9 : 1, i < 2 ? "" : "n,4,6,6");
        if (i) model_output(m, arguments[i]);
    }
    model_node(m, "Abs", "x", name);
    model_output(m, name);
    model_graph_end(m);
}

/* Operators that hold graphs. */
static void build_control(model *m, const char *op) {
    static const char *const arguments[] = {"i", "go", "v"};
    model_begin(m, 18);
    model_input(m, "x", 1, "n,4,6,6");
    model_input(m, "count", 7, "");
    model_input(m, "true", 9, "");
    int is_if = strcmp(op, "If") == 0;
    model_node(m, op, is_if ? "true" : "count,true,x", "y,z");
    if (is_if) add_graph(m, "then_branch", NULL, 0);
    add_graph(m, is_if ? "else_branch" : "body", arguments, is_if ? 0 : 3);
    model_int(m, "num_scan_inputs", 1);
    model_output(m, "y");
}

static void build(model *m, const char *op, uint32_t inputs) {
    static const char *const lists[] = {"x", "x,w", "x,w,k"};
    if (inputs == 3 && (strcmp(op, "If") == 0 || strcmp(op, "Loop") == 0 || strcmp(op, "Scan") == 0)) {
        build_control(m, op);
        return;
    }
    model_begin(m, 18);
    model_input(m, "x", 1, "n,4,6,6");
    model_initializer(m, model_floats(m, "w", "2,4,1,1", "1,2,3,4,5,6,7,8"));
    model_initializer(m, model_integers(m, "k", "2", "1,2"));
    model_node(m, op, lists[inputs - 1], "y");
    model_int(m, "axis", 1);
    model_output(m, "y");
}

static int make(const char *op, uint32_t inputs, const char *onnx, const char *graph) {
    model m;
    memset(&m, 0, sizeof m);
    build(&m, op, inputs);
    size_t size;
    uint8_t *bytes = model_pack(&m, &size);
    int good = bytes && save(onnx, op, inputs, "onnx", bytes, size);
    tenonh_module *module = NULL;
    char *text = NULL;
    if (good && model_import(&m, &module) == TENON_STATUS_OK &&
        tenonh_module_print(module, 0, &text) == TENON_STATUS_OK)
        good = save(graph, op, inputs, "txt", text, strlen(text));
    tenonh_module_destroy(module);
    free(text);
    free(bytes);
    model_end(&m);
    return good;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: fuzz_seeds ONNX_FOLDER GRAPH_FOLDER\n"), 2;
    for (size_t i = 0; i < fuzz_operator_count; i++)
        for (uint32_t inputs = 1; inputs <= 3; inputs++)
            if (!make(fuzz_operator_names[i], inputs, argv[1], argv[2])) return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
