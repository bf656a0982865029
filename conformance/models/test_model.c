/* test_model SOURCE WORK DEVICE: runs a model of this folder on one stream and on four, and compares it with its golden
 * outputs, and what it takes for buffers with what it needs at least.
 *
 * SOURCE holds inputs and goldens, WORK the model with its weights beside it. Every step must run on DEVICE. Exits with
 * 77 when the weights are not there: the test is skipped. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/helpers.h>
#include <tenon/host/tenon.h>

enum { PASSED = 0, FAILED = 1, USAGE = 2, SKIPPED = 77, MOST = 32, LINE = 1024 };

/* Relative L2 distance that f32 models stay within; the noise between good runtimes is 2e-6 at most. */
static const double bar = 1e-5;

typedef struct run {
    const char *source;
    const char *work;
    const char *device_name;
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_module *module;
    tenonh_session *session;
    const tenonh_function *function;
    tenonh_array inputs[MOST];
    tenonh_array outputs[MOST];
} run;

static int check(tenon_status status) {
    if (status != TENON_STATUS_OK) fprintf(stderr, "test_model: %s\n", tenonh_error_message());
    return status == TENON_STATUS_OK;
}

static const char *path_of(const char *folder, const char *name) {
    static char paths[4][LINE];
    static unsigned at;
    char *path = paths[at++ % 4];
    snprintf(path, LINE, "%s/%s", folder, name);
    return path;
}

static int is_there(const char *folder, const char *name) {
    return access(path_of(folder, name), R_OK) == 0;
}

/* -- Reading ------------------------------------------------------------------------------------------------------ */

/* "input_0_a_b" for input 0, "a/b", or its plain name. */
static int read_array(const run *r, const char *kind, uint32_t index, const char *name, tenonh_array *out_array) {
    char file[LINE / 2];
    snprintf(file, sizeof file, "%s_%u_%s.npy", kind, index, name);
    for (char *c = file; *c; c++)
        if (*c == '/') *c = '_';
    if (!is_there(r->source, file)) snprintf(file, sizeof file, "%s.npy", name);
    return check(tenonh_array_read(path_of(r->source, file), out_array));
}

static int load(run *r) {
    const char *model = is_there(r->work, "model.onnx") ? "model.onnx" : "minilm.onnx";
    if (!check(tenonh_registry_create(NULL, &r->registry)) ||
        !check(tenonh_device_open(r->registry, r->device_name, &r->device)) ||
        !check(tenonh_onnx_import(path_of(r->work, model), NULL, &r->module)))
        return 0;
    r->function = tenonh_module_function(r->module, "main");
    if (tenonh_function_input_count(r->function) > MOST || tenonh_function_output_count(r->function) > MOST) return 0;
    for (uint32_t i = 0; i < tenonh_function_input_count(r->function); i++)
        if (!read_array(r, "input", i, tenonh_function_input_name(r->function, i), &r->inputs[i])) return 0;
    return 1;
}

/* -- Comparing ---------------------------------------------------------------------------------------------------- */

static double element(const tenonh_array *array, int64_t i) {
    if (array->dtype == TENON_DTYPE_F64) return ((const double *)array->data)[i];
    return ((const float *)array->data)[i];
}

/* Relative L2 distance; integers and bools must be equal to the bit. */
static double distance(const tenonh_array *result, const tenonh_array *golden) {
    double error = 0, size = 0;
    if (result->dtype != golden->dtype || result->size != golden->size || result->rank != golden->rank ||
        memcmp(result->dims, golden->dims, sizeof result->dims) != 0)
        return INFINITY;
    if (golden->dtype != TENON_DTYPE_F32 && golden->dtype != TENON_DTYPE_F64)
        return memcmp(result->data, golden->data, golden->size) == 0 ? 0 : INFINITY;
    for (int64_t i = 0; i < tenonh_array_count(golden); i++) {
        double x = element(result, i), y = element(golden, i);
        error += (x - y) * (x - y);
        size += y * y;
    }
    return error == 0 ? 0 : sqrt(error / size);
}

static int compare(const run *r) {
    int good = 1;
    for (uint32_t i = 0; i < tenonh_function_output_count(r->function); i++) {
        const char *name = tenonh_function_output_name(r->function, i);
        tenonh_array golden = {0};
        if (!read_array(r, "output", i, name, &golden)) return 0;
        double off = distance(&r->outputs[i], &golden);
        int fits = off <= bar; /* a NaN does not */
        printf("%s of %s on %s: relative L2 %.2e, bar %.0e%s\n", name, r->source, r->device_name, off, bar,
               fits ? "" : ": FAILED");
        good = good && fits;
        tenonh_array_free(&golden);
    }
    return good;
}

/* The device that was asked for did everything. */
static int check_placement(const run *r) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    if (!check(tenonh_session_stats_read(r->session, &stats))) return 0;
    if (stats.outside_nodes == 0) return 1;
    fprintf(stderr, "test_model: %llu steps ran elsewhere\n", (unsigned long long)stats.outside_nodes);
    return 0;
}

/* What buffers may take, as a multiple of the bytes alive at once in the better of the model's order and the planner's. */
typedef struct limit {
    uint32_t streams;
    double peak;
} limit;

static const limit limits[] = {{1, 1.10}, {4, 1.25}};

static int check_memory(const run *r, const limit *bound) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    if (!check(tenonh_session_stats_read(r->session, &stats))) return 0;
    uint64_t least = stats.file_order_bytes < stats.own_order_bytes ? stats.file_order_bytes : stats.own_order_bytes;
    double ratio = least ? (double)stats.arena_bytes / (double)least : 1;
    int fits = ratio <= bound->peak;
    printf("%s on %s, %llu streams: buffers of %llu bytes, %.3f of the least, bar %.2f%s\n", r->source, r->device_name,
           (unsigned long long)stats.streams, (unsigned long long)stats.arena_bytes, ratio, bound->peak,
           fits ? "" : ": FAILED");
    return fits;
}

static int run_session(run *r, const limit *bound) {
    const tenonh_session_options options = {
        .struct_size = sizeof options, .require_device = 1, .streams = bound->streams, .check_plans = 1};
    uint32_t inputs = tenonh_function_input_count(r->function), outputs = tenonh_function_output_count(r->function);
    int good = check(tenonh_session_create(r->module, r->device, &options, &r->session)) &&
               check(tenonh_session_run_arrays(r->session, r->inputs, inputs, r->outputs, outputs)) &&
               check_placement(r) && compare(r) && check_memory(r, bound);
    for (int i = 0; i < MOST; i++) tenonh_array_free(&r->outputs[i]);
    tenonh_session_release(r->session);
    return good;
}

static int run_model(run *r) {
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (!run_session(r, &limits[i])) return 0;
    return 1;
}

int main(int count, char **arguments) {
    if (count != 4) return fputs("usage: test_model SOURCE WORK DEVICE\n", stderr), USAGE;
    static run r;
    r.source = arguments[1];
    r.work = arguments[2];
    r.device_name = arguments[3];
    if (!is_there(r.work, "weights.bin") && !is_there(r.work, "model.safetensors"))
        return printf("skipped: no weights in %s; ci/fetch-minilm gets those of minilm\n", r.work), SKIPPED;
    int code = load(&r) && run_model(&r) ? PASSED : FAILED;
    for (int i = 0; i < MOST; i++) tenonh_array_free(&r.inputs[i]);
    tenonh_module_destroy(r.module);
    tenonh_device_release(r.device);
    tenonh_registry_destroy(r.registry);
    return code;
}
