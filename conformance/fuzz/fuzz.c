#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "passes/passes.h"

/* Small enough that no run of one input takes long. */
static const tenon__fold_budget budget = {.result_bytes = 1 << 12, .work = 1 << 14};

void fuzz_check(int holds, const char *promise) {
    if (holds) return;
    fprintf(stderr, "broken: %s (%s)\n", promise, tenonh_error_message());
    abort();
}

static void check_text(const tenonh_module *module) {
    char *first = NULL, *second = NULL;
    tenonh_module *again = NULL;
    if (tenonh_module_print(module, 0, &first) != TENON_STATUS_OK) return;
    tenon_status status = tenonh_module_parse(first, strlen(first), &again);
    fuzz_check(status == TENON_STATUS_OK, "what was printed parses");
    fuzz_check(tenonh_module_print(again, 0, &second) == TENON_STATUS_OK, "what was parsed prints");
    fuzz_check(strcmp(first, second) == 0, "text goes round");
    tenonh_module_destroy(again);
    free(first);
    free(second);
}

/* Dims near their least, so that graphs stay small: numbers as they are, symbols' dims at 2 where 2 is allowed. */
static void choose_dims(const tenonh_function *function, tenon__input_dims *inputs) {
    for (uint32_t i = 0; i < function->body->argument_count; i++) {
        const tenonh_value *value = function->body->arguments[i];
        inputs[i].rank = value->rank;
        for (uint32_t k = 0; k < value->rank; k++) {
            const tenonh_dim *dim = value->dims[k];
            inputs[i].dims[k] = dim->low > 2 ? dim->low : dim->high < 2 ? dim->high : 2;
        }
    }
}

static void lower(const tenonh_module *module, const tenonh_function *function) {
    tenonh_module *concrete = NULL, *lowered = NULL;
    uint32_t count = function->body->argument_count;
    tenon__input_dims *inputs = calloc((size_t)count + 1, sizeof *inputs);
    if (!inputs) return;
    choose_dims(function, inputs);
    if (tenon__concretize(module, function->name, inputs, count, &budget, &concrete) == TENON_STATUS_OK &&
        tenon__decompose(concrete, NULL, NULL, &lowered) == TENON_STATUS_OK)
        fuzz_check(tenonh_module_verify(lowered) == TENON_STATUS_OK, "what was lowered verifies");
    tenonh_module_destroy(lowered);
    tenonh_module_destroy(concrete);
    free(inputs);
}

void fuzz_module(const tenonh_module *module) {
    tenonh_module *symbolic = NULL;
    fuzz_check(tenonh_module_verify(module) == TENON_STATUS_OK, "what was read verifies");
    check_text(module);
    const tenonh_function *function = tenon__module_find(module, "main");
    if (function) lower(module, function);
    if (tenon__decompose(module, NULL, NULL, &symbolic) == TENON_STATUS_OK)
        fuzz_check(tenonh_module_verify(symbolic) == TENON_STATUS_OK, "what was decomposed verifies");
    tenonh_module_destroy(symbolic);
}

static char path[64];

static void remove_file(void) {
    unlink(path);
}

const char *fuzz_file(const uint8_t *data, size_t size) {
    if (!*path) {
        snprintf(path, sizeof path, "/tmp/tenon-fuzz-%ld", (long)getpid());
        atexit(remove_file);
    }
    FILE *file = fopen(path, "wb");
    fuzz_check(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0, "a file can be written");
    return path;
}
