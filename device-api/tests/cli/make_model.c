/* make_model KIND FILE: writes a small ONNX model, or an input, for the tests of the command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/array.h>

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

/* The target of a reshape is an input: dims depend on its elements. */
static void build_reshape(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "n,3");
    model_input(m, "target", INT64, "2");
    model_node(m, "Reshape", "x,target", "y");
    model_node(m, "Transpose", "y", "z");
    model_output(m, "z");
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
} kinds[] = {{"sum", build_sum}, {"reshape", build_reshape}, {"clash", build_clash}, {"unknown", build_unknown}};

/* i64[2] of 3 and -1. */
static int write_target(const char *path) {
    int64_t target[] = {3, -1};
    const tenonh_array array = {.dtype = TENON_DTYPE_I64, .rank = 1, .dims = {2}, .size = 16, .data = target};
    return tenonh_array_write(&array, path) == TENON_STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "target.npy") == 0) return write_target(arguments[2]);
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
