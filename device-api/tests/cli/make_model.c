/* make_model KIND FILE: writes a small ONNX model for the tests of the command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../onnx/model.h"

enum { FLOAT = 1, INT64 = 7 };

/* y = x + w, and the shape of x: outputs whose names are no file names. */
static void build_sum(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "n,3");
    model_input(m, "flags", INT64, "n");
    model_initializer(m, model_floats(m, "w", "3", "1,2,3"));
    model_node(m, "Add", "x,w", "layer/0:sum");
    model_node(m, "Identity", "flags", "same flags");
    model_output(m, "layer/0:sum");
    model_output(m, "same flags");
}

static void build_clash(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Abs", "x", "a/b");
    model_node(m, "Neg", "x", "a_b");
    model_output(m, "a/b");
    model_output(m, "a_b");
}

static void build_unknown(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Frobnicate", "x", "y");
    model_output(m, "y");
}

static const struct {
    const char *name;
    void (*build)(model *m);
} kinds[] = {{"sum", build_sum}, {"clash", build_clash}, {"unknown", build_unknown}};

int main(int count, char **arguments) {
    for (size_t i = 0; count == 3 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(arguments[1], kinds[i].name) != 0) continue;
        model m;
        size_t size;
        kinds[i].build(&m);
        uint8_t *bytes = model_pack(&m, &size);
        FILE *file = fopen(arguments[2], "wb");
        int good = bytes && file && fwrite(bytes, 1, size, file) == size;
        if (file) good = fclose(file) == 0 && good;
        free(bytes);
        model_end(&m);
        return good ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    return EXIT_FAILURE;
}
