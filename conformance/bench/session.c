/* What a run of a session with one node costs, from call to return: an add of 16 floats, tensors in, outputs given, the
 * result synchronised. Each sample is the mean of a batch; the median of many batches is told, and what runs on several
 * threads at once cost. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <tenon/host/tenon.h>

enum { ELEMENTS = 16, BATCH = 200, SAMPLES = 2001, WARM_UP = 20, BAR_NS = 1000, THREADS = 2 };

static void check(tenon_status status) {
    if (status == TENON_STATUS_OK) return;
    fprintf(stderr, "bench_session: %s\n", tenonh_error_message());
    exit(EXIT_FAILURE);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* y = a + b, vectors. */
static tenonh_module *build(void) {
    tenonh_module *module;
    tenonh_builder *builder;
    check(tenonh_module_create(&module));
    check(tenonh_builder_create(module, "main", &builder));
    const tenonh_dim *dim = tenonh_dim_number(module, ELEMENTS);
    tenonh_value *inputs[] = {tenonh_build_input(builder, "a", TENON_DTYPE_F32, 1, &dim),
                              tenonh_build_input(builder, "b", TENON_DTYPE_F32, 1, &dim)};
    tenonh_build_output(builder, "y", tenonh_build_op(builder, TENON_OP_ADD, inputs, 2, NULL, 0));
    check(tenonh_builder_finish(builder));
    return module;
}

/* What one thread runs. */
typedef struct runner {
    tenonh_session *session;
    tenonh_tensor *tensors[3];
    double samples[SAMPLES];
} runner;

static void set_up(runner *r, tenonh_device *device, tenonh_session *session) {
    const float values[ELEMENTS] = {1, 2, 3};
    const int64_t dims[] = {ELEMENTS};
    tenonh_stream *stream;
    r->session = session;
    check(tenonh_stream_create(device, &stream));
    for (int i = 0; i < 3; i++) {
        check(tenonh_tensor_create(device, TENON_DTYPE_F32, 1, dims, &r->tensors[i]));
        check(tenonh_tensor_write(r->tensors[i], stream, values, sizeof values));
    }
    tenonh_stream_release(stream);
}

static void *run(void *context) {
    runner *r = context;
    for (int i = -WARM_UP; i < SAMPLES; i++) {
        double start = now();
        for (int k = 0; k < BATCH; k++) check(tenonh_session_run(r->session, r->tensors, 2, &r->tensors[2], 1));
        if (i >= 0) r->samples[i] = (now() - start) / BATCH;
    }
    return NULL;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(runner *r) {
    qsort(r->samples, SAMPLES, sizeof *r->samples, by_size);
    return r->samples[SAMPLES / 2];
}

int main(int count, char **arguments) {
    static runner runners[THREADS];
    pthread_t threads[THREADS];
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_session *session;
    check(tenonh_registry_create(NULL, &registry));
    check(tenonh_device_open(registry, count > 1 ? arguments[1] : "cpu", &device));
    tenonh_module *module = build();
    check(tenonh_session_create(module, device, NULL, &session));
    for (int i = 0; i < THREADS; i++) set_up(&runners[i], device, session);
    run(&runners[0]);
    double alone = median(&runners[0]), together = 0;
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, run, &runners[i]);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) together += median(&runners[i]) / THREADS;
    printf("%d batches of %d runs of one add of %d floats on %s, median ns a run\n", SAMPLES, BATCH, ELEMENTS,
           tenonh_device_name(device));
    printf("%d threads on the session at once %.1f\n", THREADS, together);
    printf("one-node session run: %.1f ns (bar: %d)\n", alone, BAR_NS);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < 3; k++) tenonh_tensor_release(runners[i].tensors[k]);
    tenonh_session_release(session);
    tenonh_module_destroy(module);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return EXIT_SUCCESS;
}
