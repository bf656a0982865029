/* What tenonh_exec_launch costs above the plugin's own launch: an add of 16 floats, prepared once through the host's API
 * and once by calling the plugin directly, launched in turns. Each sample is the mean of a batch; medians of many
 * batches, and of their differences, are told, because a machine's noise is one-sided. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tenon/host/error.h>
#include <tenon/host/exec.h>
#include <tenon/plugin.h>

enum { ELEMENTS = 16, BATCH = 200, SAMPLES = 2001, WARM_UP = 20, BAR_NS = 100, OPERANDS = 3, SYMBOLS = 2 };

/* An add of vectors: dim and strides are symbols, as a session prepares it. */
typedef struct add_work {
    tenon_symbol symbols[SYMBOLS];
    tenon_operand operands[OPERANDS];
    tenon_op_work op;
    tenon_work work;
} add_work;

static void describe(add_work *a) {
    memset(a, 0, sizeof *a);
    a->symbols[0] = (tenon_symbol){0, 1 << 30, 1};          /* dim */
    a->symbols[1] = (tenon_symbol){-(1 << 30), 1 << 30, 1}; /* stride */
    for (int i = 0; i < OPERANDS; i++) {
        tenon_operand *operand = &a->operands[i];
        operand->role = i + 1 < OPERANDS ? TENON_ROLE_INPUT : TENON_ROLE_OUTPUT;
        operand->alignment = sizeof(float);
        operand->view.dtype = TENON_DTYPE_F32;
        operand->view.rank = 1;
        operand->view.dims[0].symbol = 0;
        operand->view.strides[0].symbol = 1;
    }
    a->op = (tenon_op_work){.struct_size = sizeof a->op, .op = TENON_OP_ADD};
    a->work = (tenon_work){.struct_size = sizeof a->work,
                           .kind = TENON_WORK_OP,
                           .symbols = a->symbols,
                           .operands = a->operands,
                           .symbol_count = SYMBOLS,
                           .operand_count = OPERANDS,
                           .op = &a->op};
}

/* Numbers of a launch; both sides launch the same but for the buffers. */
typedef struct numbers {
    int64_t symbols[SYMBOLS];
    tenon_buffer buffers[OPERANDS];
    tenon_launch launch;
} numbers;

static void set_up(numbers *n, tenon_memory *const *memories) {
    n->symbols[0] = ELEMENTS;
    n->symbols[1] = 1;
    for (int i = 0; i < OPERANDS; i++) n->buffers[i] = (tenon_buffer){memories[i], 0};
    n->launch = (tenon_launch){.struct_size = sizeof n->launch,
                               .buffer_count = OPERANDS,
                               .buffers = n->buffers,
                               .symbols = n->symbols,
                               .symbol_count = SYMBOLS};
}

static void stop(const char *what, const char *words) {
    fprintf(stderr, "bench_launch: %s: %s\n", what, words);
    exit(EXIT_FAILURE);
}

/* -- Through the host's API ----------------------------------------------------------------------------------------- */

typedef struct hosted {
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_stream *stream;
    tenonh_exec *exec;
    tenonh_memory *memories[OPERANDS];
    numbers numbers;
} hosted;

static void host_check(tenon_status status) {
    if (status != TENON_STATUS_OK) stop("host", tenonh_error_message());
}

static void host_open(hosted *h, const char *path, const add_work *add) {
    tenonh_registry_options options = {.struct_size = sizeof options, .no_search = 1};
    tenonh_plugin_info info = {.struct_size = sizeof info};
    tenon_memory *memories[OPERANDS];
    host_check(tenonh_registry_create(&options, &h->registry));
    host_check(tenonh_registry_add(h->registry, path));
    host_check(tenonh_registry_plugin(h->registry, 0, &info));
    host_check(tenonh_device_open(h->registry, info.id, &h->device));
    host_check(tenonh_stream_create(h->device, &h->stream));
    host_check(tenonh_exec_prepare(h->device, &add->work, NULL, &h->exec));
    for (int i = 0; i < OPERANDS; i++) {
        host_check(tenonh_memory_create(h->device, 0, ELEMENTS * sizeof(float), &h->memories[i]));
        host_check(tenonh_stream_fill(h->stream, h->memories[i], 0, 0, 4, ELEMENTS * sizeof(float)));
        memories[i] = tenonh_memory_buffer(h->memories[i], 0).memory;
    }
    set_up(&h->numbers, memories);
}

static void host_close(hosted *h) {
    tenonh_exec_release(h->exec);
    for (int i = 0; i < OPERANDS; i++) tenonh_memory_release(h->memories[i]);
    tenonh_stream_release(h->stream);
    tenonh_device_release(h->device);
    tenonh_registry_destroy(h->registry);
}

/* -- Calling the plugin directly, as its only host ------------------------------------------------------------------ */

typedef struct direct {
    const tenon_plugin *plugin;
    tenon_instance *instance;
    tenon_device *device;
    tenon_stream *stream;
    tenon_exec *exec;
    tenon_memory *memories[OPERANDS];
    numbers numbers;
} direct;

static void ignore_log(const tenon_host *host, uint32_t level, const char *text) {
    (void)host, (void)level, (void)text;
}

static void print_report(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                         tenon_status status, const char *text) {
    (void)host, (void)device, (void)stream, (void)exec;
    fprintf(stderr, "bench_launch: status %u: %s\n", status, text);
}

static void *allocate(const tenon_host *host, uint64_t size) {
    (void)host;
    return aligned_alloc(64, (size + 63) / 64 * 64);
}

static void release(const tenon_host *host, void *pointer) {
    (void)host;
    free(pointer);
}

static uint32_t never(const tenon_host *host, const tenon_work *work) {
    (void)host, (void)work;
    return 0;
}

static const tenon_host own_host = {
    .struct_size = sizeof own_host,
    .abi_version = TENON_ABI_VERSION,
    .log = ignore_log,
    .report = print_report,
    .allocate = allocate,
    .release = release,
    .cancelled = never,
};

static void direct_check(tenon_status status, const char *hook) {
    if (status != TENON_STATUS_OK) stop("plugin", hook);
}

static void direct_open(direct *d, const char *path, const add_work *add) {
    static const float zeros[ELEMENTS];
    tenon_symbol symbols[SYMBOLS];
    tenon_operand_info operands[OPERANDS] = {{0}};
    tenon_exec_info info = {.struct_size = sizeof info, .symbols = symbols, .operands = operands};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL),
         *symbol = library ? dlsym(library, "tenon_plugin_query") : NULL;
    tenon_plugin_query_function query;
    if (!symbol) stop("dlopen", dlerror());
    memcpy(&query, &symbol, sizeof query);
    memcpy(symbols, add->symbols, sizeof symbols);
    d->plugin = query();
    direct_check(d->plugin->open(&own_host, &d->instance), "open");
    direct_check(d->plugin->device->open(d->instance, 0, &d->device), "device.open");
    direct_check(d->plugin->stream->create(d->device, &d->stream), "stream.create");
    direct_check(d->plugin->work->prepare(d->device, &add->work, &info, &d->exec), "work.prepare");
    for (int i = 0; i < OPERANDS; i++) {
        direct_check(d->plugin->memory->allocate(d->device, 0, sizeof zeros, &d->memories[i]), "memory.allocate");
        direct_check(d->plugin->stream->write(d->stream, (tenon_buffer){d->memories[i], 0}, zeros, sizeof zeros),
                     "stream.write");
    }
    direct_check(d->plugin->stream->synchronize(d->stream), "stream.synchronize");
    set_up(&d->numbers, d->memories);
}

static void direct_close(direct *d) {
    d->plugin->work->release(d->device, d->exec);
    d->plugin->stream->destroy(d->stream);
    for (int i = 0; i < OPERANDS; i++) d->plugin->memory->release(d->device, d->memories[i]);
    d->plugin->device->close(d->device);
    d->plugin->close(d->instance);
}

/* -- Measuring ------------------------------------------------------------------------------------------------------ */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double time_hosted(hosted *h) {
    double start = now();
    for (int i = 0; i < BATCH; i++) host_check(tenonh_exec_launch(h->exec, h->stream, &h->numbers.launch));
    double end = now();
    host_check(tenonh_stream_synchronize(h->stream));
    return (end - start) / BATCH;
}

static double time_direct(direct *d) {
    tenon_status (*launch)(tenon_stream *, tenon_exec *, const tenon_launch *) = d->plugin->work->launch;
    double start = now();
    for (int i = 0; i < BATCH; i++) direct_check(launch(d->stream, d->exec, &d->numbers.launch), "work.launch");
    double end = now();
    direct_check(d->plugin->stream->synchronize(d->stream), "stream.synchronize");
    return (end - start) / BATCH;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, SAMPLES, sizeof *values, by_size);
    return values[SAMPLES / 2];
}

int main(int count, char **arguments) {
    static double through[SAMPLES], straight[SAMPLES], above[SAMPLES];
    static hosted h;
    static direct d;
    static add_work add;
    if (count != 2) stop("usage", "bench_launch PATH_OF_A_PLUGIN_THAT_TAKES_OP_WORK");
    describe(&add);
    host_open(&h, arguments[1], &add);
    direct_open(&d, arguments[1], &add);
    for (int i = -WARM_UP; i < SAMPLES; i++) {
        double first = i % 2 ? time_hosted(&h) : 0, own = time_direct(&d), host = i % 2 ? first : time_hosted(&h);
        if (i < 0) continue;
        through[i] = host;
        straight[i] = own;
        above[i] = host - own;
    }
    host_close(&h);
    direct_close(&d);
    printf("%d batches of %d launches, add of %d floats, median ns a launch\n", SAMPLES, BATCH, ELEMENTS);
    printf("through tenonh_exec_launch %.1f\n", median(through));
    printf("the plugin's launch alone  %.1f\n", median(straight));
    printf("launch overhead of the host's API: %.1f ns (bar: %d)\n", median(above), BAR_NS);
    return EXIT_SUCCESS;
}
