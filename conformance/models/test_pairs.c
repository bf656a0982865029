/* test_pairs WORK DEVICE: sentence embeddings at 40 pairs of batch and length, none known before, in one session. Each
 * result must be that of a session which knows no other pair, and few things may be prepared for all of them together.
 * Exits with 77 when the model is not in WORK: the test is skipped. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/host/tenon.h>

enum { PASSED = 0, FAILED = 1, USAGE = 2, SKIPPED = 77, PAIRS = 40, INPUTS = 3, MOST_LENGTH = 96, MOST_BATCH = 6 };

static const double bar = 1e-5; /* relative L2 */

static int check(tenon_status status) {
    if (status != TENON_STATUS_OK) fprintf(stderr, "test_pairs: %s\n", tenonh_error_message());
    return status == TENON_STATUS_OK;
}

/* Words, and a padding that differs from sentence to sentence. */
static int64_t element(const char *input, int64_t row, int64_t column, int64_t length, uint32_t pair) {
    int64_t used = length - (row * 5 + pair) % (length / 2 + 1);
    if (strcmp(input, "attention_mask") == 0) return column < used;
    if (strcmp(input, "token_type_ids") == 0 || column >= used) return 0;
    return 1000 + (column * 37 + row * 101 + pair * 13) % 20000;
}

static int run(const tenonh_module *module, tenonh_session *session, uint32_t pair, int64_t batch, int64_t length,
               tenonh_array *out_result) {
    const tenonh_function *function = tenonh_module_function(module, "main");
    tenonh_array inputs[INPUTS] = {{0}};
    int good = tenonh_function_input_count(function) == INPUTS && tenonh_function_output_count(function) == 1;
    for (uint32_t i = 0; i < INPUTS && good; i++) {
        good = check(tenonh_array_create(TENON_DTYPE_I64, 2, (const int64_t[]){batch, length}, &inputs[i]));
        for (int64_t k = 0; good && k < batch * length; k++)
            ((int64_t *)inputs[i].data)[k] =
                element(tenonh_function_input_name(function, i), k / length, k % length, length, pair);
    }
    good = good && check(tenonh_session_run_arrays(session, inputs, INPUTS, out_result, 1));
    for (uint32_t i = 0; i < INPUTS; i++) tenonh_array_free(&inputs[i]);
    return good;
}

static double distance(const tenonh_array *x, const tenonh_array *y) {
    double error = 0, size = 0;
    if (x->size != y->size || x->dtype != TENON_DTYPE_F32) return INFINITY;
    for (int64_t i = 0; i < tenonh_array_count(x); i++) {
        double a = ((const float *)x->data)[i], b = ((const float *)y->data)[i];
        error += (a - b) * (a - b);
        size += b * b;
    }
    return sqrt(error / size);
}

static uint64_t prepares(const tenonh_session *session) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    return check(tenonh_session_stats_read(session, &stats)) ? stats.prepares : UINT64_MAX;
}

static int run_pairs(const tenonh_module *module, tenonh_device *device) {
    const tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1};
    tenonh_session *all = NULL;
    uint64_t first = 0;
    uint32_t random = 12345;
    double worst = 0;
    int good = check(tenonh_session_create(module, device, &options, &all));
    for (uint32_t pair = 0; pair < PAIRS && good; pair++) {
        tenonh_session *one = NULL;
        tenonh_array got = {0}, wanted = {0};
        random = random * 1664525u + 1013904223u;
        int64_t batch = 1 + (random >> 8) % MOST_BATCH, length = 2 + (random >> 16) % (MOST_LENGTH - 1);
        good = run(module, all, pair, batch, length, &got) &&
               check(tenonh_session_create(module, device, &options, &one)) &&
               run(module, one, pair, batch, length, &wanted);
        if (pair == 0) first = prepares(all);
        double off = good ? distance(&got, &wanted) : 0;
        if (!(off <= bar)) good = 0;
        if (!(off <= worst)) worst = off;
        tenonh_array_free(&got);
        tenonh_array_free(&wanted);
        tenonh_session_release(one);
    }
    uint64_t last = good ? prepares(all) : 0;
    if (good)
        printf("%d pairs: relative L2 at most %.2e; %llu prepares for the first, %llu for all\n", PAIRS, worst,
               (unsigned long long)first, (unsigned long long)last);
    tenonh_session_release(all);
    return good && last <= 3 * first;
}

int main(int count, char **arguments) {
    char path[1024];
    tenonh_registry *registry = NULL;
    tenonh_device *device = NULL;
    tenonh_module *module = NULL;
    if (count != 3) return fputs("usage: test_pairs WORK DEVICE\n", stderr), USAGE;
    snprintf(path, sizeof path, "%s/model.safetensors", arguments[1]);
    if (access(path, R_OK) != 0) return printf("skipped: no weights in %s\n", arguments[1]), SKIPPED;
    snprintf(path, sizeof path, "%s/minilm.onnx", arguments[1]);
    int good = check(tenonh_registry_create(NULL, &registry)) &&
               check(tenonh_device_open(registry, arguments[2], &device)) &&
               check(tenonh_onnx_import(path, NULL, &module)) && run_pairs(module, device);
    tenonh_module_destroy(module);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return good ? PASSED : FAILED;
}
