/* test_length SOURCE WORK DEVICE: the model lstm with its length left open. At every length it gives what the same model
 * gives that is made for this length alone, which has no loop any more; at the length of its golden output, that. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/tenon.h>

enum { LENGTH = 20, BATCH = 2, WIDTH = 32, LINE = 1024 };

static tenonh_device *device;
static const char *source, *work;

static int check(tenon_status status) {
    if (status != TENON_STATUS_OK) fprintf(stderr, "test_length: %s\n", tenonh_error_message());
    return status == TENON_STATUS_OK;
}

static unsigned char *read_model(size_t *out_size) {
    char path[LINE];
    snprintf(path, sizeof path, "%s/model.onnx", work);
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc(1 << 20);
    *out_size = file && bytes ? fread(bytes, 1, 1 << 20, file) : 0;
    if (file) fclose(file);
    return bytes;
}

/* Writes `bytes` at `offset` of every place that holds `pattern`; gives how many there were. */
static int patch(unsigned char *model, size_t size, const void *pattern, size_t length, size_t offset,
                 const void *bytes, size_t count) {
    int places = 0;
    for (size_t i = 0; i + length <= size; i++) {
        if (memcmp(model + i, pattern, length) != 0) continue;
        memcpy(model + i + offset, bytes, count);
        places++;
    }
    return places;
}

/* The model for `length` steps, or for any number of them: 0. The target of its reshapes holds the length too. */
static tenonh_module *import(int length) {
    const int64_t target[] = {LENGTH, BATCH, 128}, any = -1;
    const unsigned char dims[] = {0x0a, 2, 8, LENGTH, 0x0a, 2, 8, BATCH, 0x0a, 2, 8, WIDTH};
    const unsigned char number = (unsigned char)(length ? length : LENGTH);
    const tenonh_onnx_dim open = {.input = "x", .axis = 0, .symbol = "length"};
    const tenonh_onnx_options options = {
        .struct_size = sizeof options, .folder = work, .dims = &open, .dim_count = length ? 0 : 1};
    size_t size;
    unsigned char *bytes = read_model(&size);
    tenonh_module *module = NULL;
    int places = patch(bytes, size, target, sizeof target, 0, &any, sizeof any);
    places += patch(bytes, size, dims, sizeof dims, 3, &number, 1);
    if (places != 2)
        fprintf(stderr, "test_length: the model is not the one that this test knows\n");
    else
        check(tenonh_onnx_import_bytes(bytes, size, &options, &module));
    free(bytes);
    return module;
}

static tenonh_session *open_session(const tenonh_module *module) {
    const tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1};
    tenonh_session *session = NULL;
    if (module) check(tenonh_session_create(module, device, &options, &session));
    return session;
}

static int count_controls(const tenonh_session *session) {
    int controls = 0;
    for (uint32_t i = 0; i < tenonh_session_step_count(session); i++) {
        tenonh_step_info info = {.struct_size = sizeof info};
        controls +=
            tenonh_session_step(session, i, &info) == TENON_STATUS_OK && info.placement == TENONH_PLACEMENT_CONTROL;
    }
    return controls;
}

/* Relative L2 distance. */
static double distance(const tenonh_array *result, const tenonh_array *wanted) {
    double error = 0, size = 0;
    if (result->size != wanted->size || result->rank != wanted->rank ||
        memcmp(result->dims, wanted->dims, result->rank * sizeof *result->dims) != 0)
        return INFINITY;
    for (int64_t i = 0; i < tenonh_array_count(wanted); i++) {
        double x = (double)((const float *)result->data)[i], y = (double)((const float *)wanted->data)[i];
        error += (x - y) * (x - y);
        size += y * y;
    }
    return error == 0 ? 0 : sqrt(error / size);
}

static int run_static(int length, const tenonh_array *x, tenonh_array *out_y) {
    tenonh_module *module = import(length);
    tenonh_session *session = open_session(module);
    int good = session && check(tenonh_session_run_arrays(session, x, 1, out_y, 1)) && count_controls(session) == 0;
    tenonh_session_release(session);
    tenonh_module_destroy(module);
    return good;
}

static int fill_input(int length, tenonh_array *out_x) {
    char path[LINE];
    const int64_t dims[] = {length, BATCH, WIDTH};
    uint32_t state = (uint32_t)length;
    snprintf(path, sizeof path, "%s/input_0_x.npy", source);
    if (length == LENGTH) return check(tenonh_array_read(path, out_x));
    if (!check(tenonh_array_create(TENON_DTYPE_F32, 3, dims, out_x))) return 0;
    for (int64_t i = 0; i < tenonh_array_count(out_x); i++) {
        state = state * 1664525 + 1013904223;
        ((float *)out_x->data)[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return 1;
}

static int run_length(tenonh_session *session, int length) {
    tenonh_array x = {0}, y = {0}, wanted = {0};
    char path[LINE];
    snprintf(path, sizeof path, "%s/output_0_y.npy", source);
    int good = fill_input(length, &x) && check(tenonh_session_run_arrays(session, &x, 1, &y, 1));
    good = good && (length == LENGTH ? check(tenonh_array_read(path, &wanted)) : run_static(length, &x, &wanted));
    double off = good ? distance(&y, &wanted) : INFINITY;
    int fits = off <= 1e-5; /* a NaN does not */
    printf("%d steps: relative L2 %.2e%s\n", length, off, fits ? "" : ": FAILED");
    tenonh_array_free(&x);
    tenonh_array_free(&y);
    tenonh_array_free(&wanted);
    return fits;
}

/* The loops are the host's; everything else is the device's, and is prepared for all lengths at once. */
static int check_figures(const tenonh_session *session, uint64_t prepares) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    if (!check(tenonh_session_stats_read(session, &stats))) return 0;
    int controls = count_controls(session);
    if (controls == 4 && stats.outside_nodes == 0 && stats.prepares == prepares) return 1;
    fprintf(stderr, "test_length: %d loops, %llu steps elsewhere, %llu prepares after %llu\n", controls,
            (unsigned long long)stats.outside_nodes, (unsigned long long)stats.prepares, (unsigned long long)prepares);
    return 0;
}

static int run_all(tenonh_session *session) {
    static const int lengths[] = {LENGTH, 7, 33, 2};
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    int good = session != NULL;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths && session; i++) {
        good = run_length(session, lengths[i]) && good;
        if (i == 0) good = check(tenonh_session_stats_read(session, &stats)) && good;
    }
    return good && check_figures(session, stats.prepares);
}

int main(int count, char **arguments) {
    if (count != 4) return fputs("usage: test_length SOURCE WORK DEVICE\n", stderr), 2;
    tenonh_registry *registry = NULL;
    source = arguments[1];
    work = arguments[2];
    if (!check(tenonh_registry_create(NULL, &registry)) || !check(tenonh_device_open(registry, arguments[3], &device)))
        return EXIT_FAILURE;
    tenonh_module *module = import(0);
    tenonh_session *session = open_session(module);
    int good = run_all(session);
    tenonh_session_release(session);
    tenonh_module_destroy(module);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
