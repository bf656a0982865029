/* bench_decode MODEL DEVICE [FROM TO]: a decode loop of a model whose inputs past_* grow by an element of axis 2 a token,
 * against sessions of the same model with that length fixed at import.
 *
 * For each stretch of lengths a static session runs in turn with the loop, a run each, so that both meet the same machine.
 * Prints medians; the last line is the median of the loop's times over the static ones', planning included. Exits with 1
 * when something was prepared after the second token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tenon/host/tenon.h>

enum { MOST = 64, STRETCH = 16, TOKENS = 4096 };

typedef struct loop {
    tenonh_module *module;
    tenonh_session *session;
    const tenonh_function *function;
    tenonh_tensor *inputs[MOST];
} loop;

static tenonh_device *device;
static tenonh_stream *stream;

static void check(tenon_status status) {
    if (status == TENON_STATUS_OK) return;
    fprintf(stderr, "bench_decode: %s\n", tenonh_error_message());
    exit(1);
}

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int is_past(const char *name) {
    return strncmp(name, "past_", 5) == 0;
}

/* The model with its lengths open (0) or fixed. */
static void load(const char *path, int64_t length, loop *out) {
    tenonh_onnx_dim dims[MOST];
    tenonh_onnx_options options = {.struct_size = sizeof options, .dims = dims};
    check(tenonh_onnx_import(path, NULL, &out->module));
    out->function = tenonh_module_function(out->module, "main");
    uint32_t count = tenonh_function_input_count(out->function);
    for (uint32_t i = 0; length && i < count && i < MOST; i++) {
        const char *name = tenonh_function_input_name(out->function, i);
        if (is_past(name)) dims[options.dim_count++] = (tenonh_onnx_dim){.input = name, .number = length, .axis = 2};
    }
    if (length) {
        tenonh_module *open = out->module;
        check(tenonh_onnx_import(path, &options, &out->module));
        tenonh_module_destroy(open);
    }
    out->function = tenonh_module_function(out->module, "main");
    const tenonh_session_options wanted = {.struct_size = sizeof wanted, .require_device = 1};
    check(tenonh_session_create(out->module, device, &wanted, &out->session));
}

static void make_inputs(loop *l, int64_t length) {
    static char zeros[1 << 22];
    for (uint32_t i = 0; i < tenonh_function_input_count(l->function); i++) {
        const tenonh_value *value = tenonh_function_input(l->function, i);
        int past = is_past(tenonh_function_input_name(l->function, i));
        int64_t dims[TENON_MAX_RANK];
        for (uint32_t k = 0; k < tenonh_value_rank(value); k++)
            if (past && k == 2)
                dims[k] = length;
            else if (!tenonh_dim_is_number(tenonh_value_dim(value, k), &dims[k]))
                dims[k] = 1;
        tenonh_tensor_release(l->inputs[i]);
        check(tenonh_tensor_create(device, tenonh_value_dtype(value), tenonh_value_rank(value), dims, &l->inputs[i]));
        uint64_t size = tenonh_tensor_size(l->inputs[i]);
        check(tenonh_tensor_write(l->inputs[i], stream, zeros, size < sizeof zeros ? size : sizeof zeros));
    }
}

static double run(loop *l) {
    tenonh_tensor *outputs[MOST] = {0};
    uint32_t output_count = tenonh_function_output_count(l->function);
    double start = now_us();
    check(tenonh_session_run(l->session, l->inputs, tenonh_function_input_count(l->function), outputs, output_count));
    double time = now_us() - start;
    for (uint32_t i = 0; i < output_count; i++) tenonh_tensor_release(outputs[i]);
    return time;
}

static void end(loop *l) {
    for (uint32_t i = 0; i < MOST; i++) tenonh_tensor_release(l->inputs[i]);
    tenonh_session_release(l->session);
    tenonh_module_destroy(l->module);
}

static uint64_t prepares(const loop *l) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    check(tenonh_session_stats_read(l->session, &stats));
    return stats.prepares;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, uint32_t count) {
    qsort(times, count, sizeof *times, by_value);
    return times[count / 2];
}

int main(int argc, char **argv) {
    if (argc != 3 && argc != 5) return fprintf(stderr, "usage: bench_decode MODEL DEVICE [FROM TO]\n"), 2;
    int64_t from = argc == 5 ? strtoll(argv[3], NULL, 10) : 17, to = argc == 5 ? strtoll(argv[4], NULL, 10) : 400;
    static double tokens[TOKENS], statics[TOKENS], ratios[TOKENS / STRETCH + 1];
    tenonh_registry *registry;
    loop growing = {0};
    uint32_t count = 0, stretches = 0;
    check(tenonh_registry_create(NULL, &registry));
    check(tenonh_device_open(registry, argv[2], &device));
    check(tenonh_stream_create(device, &stream));
    load(argv[1], 0, &growing);
    for (int64_t length = from; length < from + 2; length++) {
        make_inputs(&growing, length);
        run(&growing);
    }
    uint64_t early = prepares(&growing); /* before the others: sessions share what is prepared */
    for (int64_t length = from; length <= to && count + STRETCH < TOKENS; length += STRETCH) {
        loop fixed = {0};
        double own[STRETCH], other[STRETCH];
        uint32_t n = 0;
        load(argv[1], length + STRETCH / 2, &fixed);
        make_inputs(&fixed, length + STRETCH / 2);
        for (int i = 0; i < 3; i++) run(&fixed);
        for (; n < STRETCH && length + n <= to; n++, count++) {
            make_inputs(&growing, length + n);
            own[n] = tokens[count] = run(&growing);
            other[n] = statics[count] = run(&fixed);
        }
        ratios[stretches++] = median(own, n) / median(other, n);
        end(&fixed);
    }
    uint64_t late = prepares(&growing) - early;
    printf("%u tokens: %.1f us each, static %.1f us; %llu prepares by the second token, %llu after it\n", count,
           median(tokens, count), median(statics, count), (unsigned long long)early, (unsigned long long)late);
    printf("%.3f\n", median(ratios, stretches));
    end(&growing);
    tenonh_stream_release(stream);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return late != 0;
}
