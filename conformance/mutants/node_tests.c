/* ONNX's own node tests on a device: what a mutant that they do not see has passed. Usage:
 *   node_tests PLUGIN DEVICE FOLDER [NAME...]
 * FOLDER holds one folder for each test, with model.onnx, input_N.pb and output_N.pb. Runs the tests of these names, or of
 * all, each in this process, and prints the names of those that pass; with NAMEs it ends at the first one that does not,
 * with 1. Numbers are compared as ONNX does: within 1e-3 of the value and 1e-7. */
#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/host/tenon.h>
#include <unistd.h>

#include "cases/number.h"

enum { MOST = 32 };

typedef struct arrays {
    tenonh_array all[MOST];
    uint32_t count;
} arrays;

/* FOLDER/NAME/KIND_0.pb and on. */
static bool read_arrays(const char *folder, const char *name, const char *kind, arrays *out) {
    char path[PATH_MAX];
    for (out->count = 0; out->count < MOST; out->count++) {
        (void)snprintf(path, sizeof path, "%s/%s/%s_%u.pb", folder, name, kind, out->count);
        if (access(path, R_OK) != 0) return true;
        if (tenonh_array_read(path, &out->all[out->count]) != TENON_STATUS_OK) return false;
    }
    return false;
}

static void free_arrays(arrays *a) {
    for (uint32_t i = 0; i < MOST; i++) tenonh_array_free(&a->all[i]);
}

static bool close_to(tenon_dtype dtype, cf_number got, cf_number want) {
    long double least = tenon_dtype_bits(dtype) >= 32 ? 1e-7L : 1e-3L;
    if (!cf_is_float(dtype)) return got.i == want.i;
    if (isnan(want.f)) return isnan(got.f);
    return got.f == want.f || fabsl(got.f - want.f) <= least + 1e-3L * fabsl(want.f);
}

static bool agrees(const tenonh_array *got, const tenonh_array *want) {
    if (got->dtype != want->dtype || got->rank != want->rank) return false;
    for (uint32_t i = 0; i < got->rank; i++)
        if (got->dims[i] != want->dims[i]) return false;
    for (int64_t i = 0; i < tenonh_array_count(got); i++)
        if (!close_to(got->dtype, cf_load(got->dtype, got->data, i), cf_load(want->dtype, want->data, i))) return false;
    return true;
}

static bool run_session(tenonh_session *session, const arrays *inputs, const arrays *want) {
    arrays got = {.count = want->count};
    bool right =
        tenonh_session_run_arrays(session, inputs->all, inputs->count, got.all, want->count) == TENON_STATUS_OK;
    for (uint32_t i = 0; right && i < want->count; i++) right = agrees(&got.all[i], &want->all[i]);
    free_arrays(&got);
    return right;
}

static bool run_test(tenonh_device *device, const char *folder, const char *name) {
    char path[PATH_MAX];
    tenonh_module *module = NULL;
    tenonh_session *session = NULL;
    arrays inputs = {0}, want = {0};
    const tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1};
    (void)snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    bool right = read_arrays(folder, name, "input", &inputs) && read_arrays(folder, name, "output", &want) &&
                 tenonh_onnx_import(path, NULL, &module) == TENON_STATUS_OK &&
                 tenonh_session_create(module, device, &options, &session) == TENON_STATUS_OK &&
                 run_session(session, &inputs, &want);
    tenonh_session_release(session);
    tenonh_module_destroy(module);
    free_arrays(&inputs);
    free_arrays(&want);
    return right;
}

static int run_names(tenonh_device *device, const char *folder, char **names, int count) {
    for (int i = 0; i < count; i++) {
        if (run_test(device, folder, names[i])) continue;
        printf("%s\n", names[i]);
        return 1;
    }
    return 0;
}

static int run_all(tenonh_device *device, const char *folder) {
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && run_test(device, folder, entries[i]->d_name)) puts(entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0) free((void *)entries);
    return count < 0;
}

int main(int count, char **arguments) {
    tenonh_registry *registry = NULL;
    tenonh_device *device = NULL;
    const tenonh_registry_options options = {
        .struct_size = sizeof options, .no_search = 1, .layers = "", .probe = TENONH_PROBE_NEVER};
    if (count < 4) return fputs("usage: node_tests PLUGIN DEVICE FOLDER [NAME...]\n", stderr), 2;
    if (tenonh_registry_create(&options, &registry) != TENON_STATUS_OK ||
        tenonh_registry_add(registry, arguments[1]) != TENON_STATUS_OK ||
        tenonh_device_open(registry, arguments[2], &device) != TENON_STATUS_OK) {
        (void)fprintf(stderr, "node_tests: %s\n", tenonh_error_message());
        tenonh_registry_destroy(registry);
        return 5;
    }
    int code = count > 4 ? run_names(device, arguments[3], arguments + 4, count - 4) : run_all(device, arguments[3]);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return code;
}
