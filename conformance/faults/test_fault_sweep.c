/* test_fault_sweep PLUGIN DEVICE STREAMS STEP [MODEL]: makes every allocation, copy, launch, event, prepare … of a run fail in
 * turn, by the layer `fault`: the n-th call of a kind, for n from 1 until a run meets none any more; STEP leaves out n's
 * between. MODEL is an ONNX file; without one, a small transformer runs.
 *
 * Each time: a clear error that holds the cause, or the right result all the same where the host has another way; then the
 * session runs again with the right result, or says that its device is lost. The layer `validate` stands on both sides of
 * `fault`, so that a call out of order, a handle used after its end or never given back fails the test; sanitizers see
 * host memory. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>
#include <tenon/host/tenon.h>

enum { MOST = 16, LINE = 512, MOST_TURNS = 100000 };

/* How a session may be once a call of the kind has failed. */
enum { USABLE, DEAD };

static const struct kind {
    const char *option; /* of the layer */
    uint32_t after;
} kinds[] = {
    {"device", USABLE}, {"allocate", USABLE},    {"map", USABLE},     {"stream", USABLE},
    {"copy", USABLE},   {"event", USABLE},       {"prepare", USABLE}, {"pack", USABLE},
    {"launch", USABLE}, {"synchronize", USABLE}, {"late", USABLE},    {"lost", DEAD},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

typedef struct setup {
    const char *plugin;
    const char *device;
    uint32_t streams;
    int64_t step;
    tenonh_module *module;
    const tenonh_function *function;
    tenonh_array inputs[MOST];
    tenonh_array wanted[MOST];
    uint32_t input_count;
    uint32_t output_count;
} setup;

/* What the layers said of one turn. */
typedef struct heard {
    char fault[LINE];   /* the failure that was made; "": none */
    char finding[LINE]; /* of validate */
} heard;

static void listen(void *context, uint32_t level, const char *source, const char *text) {
    heard *h = context;
    (void)level, (void)source;
    if (strstr(text, "as the layer fault was asked") && !h->fault[0]) snprintf(h->fault, LINE, "%s", text);
    if (strstr(text, "validate: ") && !h->finding[0]) snprintf(h->finding, LINE, "%s", text);
}

/* -- The model -------------------------------------------------------------------------------------------------------- */

enum { WIDTH = 16, ROWS = 6 };

typedef struct net {
    tenonh_module *module;
    tenonh_builder *builder;
    uint32_t seed;
} net;

static float next_number(net *n) {
    n->seed = n->seed * 1664525u + 1013904223u;
    return (float)(n->seed >> 16 & 0xff) / 256 - 0.5f;
}

static tenonh_value *weight(net *n, int64_t rows, int64_t columns) {
    static float numbers[WIDTH * 4 * WIDTH];
    const int64_t dims[] = {rows, columns};
    for (int64_t i = 0; i < rows * columns; i++) numbers[i] = next_number(n);
    const tenonh_bytes bytes = {.data = numbers, .size = (uint64_t)(rows * columns) * sizeof *numbers};
    return tenonh_build_constant(n->builder, NULL, TENON_DTYPE_F32, 2, dims, &bytes);
}

static tenonh_value *composite(net *n, const char *name, tenonh_value *x, tenonh_value *y, uint32_t attr,
                               int64_t value) {
    tenonh_value *inputs[] = {x, y};
    const tenonh_attr attrs[] = {{attr, 1, &value, NULL}};
    return tenonh_build_composite(n->builder, name, 0, inputs, y ? 2 : 1, attrs, attr ? 1 : 0);
}

static tenonh_value *product(net *n, tenonh_value *x, tenonh_value *y, int64_t mode) {
    return composite(n, "tenon.gemm", x, y, TENON_ATTR_MODE, mode);
}

static tenonh_value *sum(net *n, tenonh_value *x, tenonh_value *y) {
    tenonh_value *inputs[] = {x, y};
    return tenonh_build_op(n->builder, TENON_OP_ADD, inputs, 2, NULL, 0);
}

/* One layer of a transformer with one head: branches that streams can share, and everything a run has. */
static tenonh_value *build_layer(net *n, tenonh_value *x) {
    tenonh_value *h = composite(n, "tenon.layer_norm", x, NULL, TENON_ATTR_AXIS, 1);
    tenonh_value *q = product(n, h, weight(n, WIDTH, WIDTH), 0), *k = product(n, h, weight(n, WIDTH, WIDTH), 0);
    tenonh_value *v = product(n, h, weight(n, WIDTH, WIDTH), 0);
    tenonh_value *p = composite(n, "tenon.softmax", product(n, q, k, 2), NULL, TENON_ATTR_AXIS, 1);
    x = sum(n, x, product(n, product(n, p, v, 0), weight(n, WIDTH, WIDTH), 0));
    h = composite(n, "tenon.layer_norm", x, NULL, TENON_ATTR_AXIS, 1);
    h = composite(n, "tenon.gelu", product(n, h, weight(n, WIDTH, 4 * WIDTH), 0), NULL, 0, 0);
    return sum(n, x, product(n, h, weight(n, 4 * WIDTH, WIDTH), 0));
}

static tenon_status build_model(tenonh_module **out_module) {
    net n = {.seed = 1};
    TENON_TRY(tenonh_module_create(&n.module));
    TENON_TRY(tenonh_builder_create(n.module, "main", &n.builder));
    const tenonh_dim *dims[] = {tenonh_dim_symbol(n.module, "rows", 1, 1 << 20, 1), tenonh_dim_number(n.module, WIDTH)};
    tenonh_value *x = tenonh_build_input(n.builder, "x", TENON_DTYPE_F32, 2, dims);
    tenonh_build_output(n.builder, "y", build_layer(&n, x));
    *out_module = n.module;
    return tenonh_builder_finish(n.builder);
}

/* Small numbers that are good for floats, indices and masks alike; dims that are not known are ROWS. */
static tenon_status make_input(const tenonh_value *value, tenonh_array *out_array) {
    int64_t dims[TENON_MAX_RANK];
    uint32_t rank = tenonh_value_rank(value);
    for (uint32_t i = 0; i < rank; i++)
        if (!tenonh_dim_is_number(tenonh_value_dim(value, i), &dims[i])) dims[i] = ROWS;
    TENON_TRY(tenonh_array_create(tenonh_value_dtype(value), rank, dims, out_array));
    memset(out_array->data, 0, out_array->size);
    for (int64_t i = 0; i < tenonh_array_count(out_array); i++) {
        if (out_array->dtype == TENON_DTYPE_F32) ((float *)out_array->data)[i] = (float)(i % 7) * 0.25f - 0.5f;
        if (out_array->dtype == TENON_DTYPE_I64) ((int64_t *)out_array->data)[i] = i % 2;
    }
    return TENON_STATUS_OK;
}

/* -- One turn --------------------------------------------------------------------------------------------------------- */

typedef struct turn {
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_session *session;
} turn;

static tenon_status open_turn(const setup *s, const char *layers, heard *h, turn *out_turn) {
    const tenonh_registry_options options = {.struct_size = sizeof options,
                                             .no_search = 1,
                                             .log = listen,
                                             .log_context = h,
                                             .layers = layers,
                                             .log_level = TENON_LOG_DEBUG};
    TENON_TRY(tenonh_registry_create(&options, &out_turn->registry));
    return tenonh_registry_add(out_turn->registry, s->plugin);
}

/* Opens what is not open yet, and runs. */
static tenon_status run_turn(const setup *s, turn *t, tenonh_array *outputs) {
    tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1, .streams = s->streams};
    if (!t->device) TENON_TRY(tenonh_device_open(t->registry, s->device, &t->device));
    if (!t->session) TENON_TRY(tenonh_session_create(s->module, t->device, &options, &t->session));
    return tenonh_session_run_arrays(t->session, s->inputs, s->input_count, outputs, s->output_count);
}

static void close_turn(turn *t) {
    tenonh_session_release(t->session);
    tenonh_device_release(t->device);
    tenonh_registry_destroy(t->registry);
}

static void free_arrays(tenonh_array *arrays, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) tenonh_array_free(&arrays[i]);
}

static bool are_right(const setup *s, const tenonh_array *outputs) {
    for (uint32_t i = 0; i < s->output_count; i++)
        if (outputs[i].size != s->wanted[i].size || memcmp(outputs[i].data, s->wanted[i].data, outputs[i].size) != 0)
            return false;
    return true;
}

/* What is wrong with a run that was to go well; NULL if nothing is. */
static const char *check_run(const setup *s, turn *t) {
    tenonh_array outputs[MOST] = {0};
    tenon_status status = run_turn(s, t, outputs);
    const char *wrong = status != TENON_STATUS_OK ? "the session does not run again"
                        : !are_right(s, outputs)  ? "the next run gives another result"
                                                  : NULL;
    free_arrays(outputs, s->output_count);
    return wrong;
}

static const char *check_dead(const setup *s, turn *t) {
    tenonh_array outputs[MOST] = {0};
    tenon_status status = run_turn(s, t, outputs);
    free_arrays(outputs, s->output_count);
    return status == TENON_STATUS_DEVICE_LOST ? NULL : "the lost device is not told as lost";
}

/* What is wrong with how a failure was met; NULL if nothing is. */
static const char *check_turn(const setup *s, const struct kind *kind, turn *t, const heard *h) {
    static char first[2 * LINE];
    tenonh_array outputs[MOST] = {0};
    tenon_status status = run_turn(s, t, outputs);
    bool right = status == TENON_STATUS_OK && are_right(s, outputs);
    snprintf(first, sizeof first, "%s", status == TENON_STATUS_OK ? "" : tenonh_error_message());
    free_arrays(outputs, s->output_count);
    if (status == TENON_STATUS_OK && !right) return "the run is OK and its result is wrong";
    if (status == TENON_STATUS_OK) return NULL;
    if (!h->fault[0]) return first;
    bool told = strstr(first, "layer fault") || strstr(first, "the device is lost");
    if (!told) return "the message does not tell the cause";
    return kind->after == DEAD ? check_dead(s, t) : check_run(s, t);
}

/* Whether the n-th call of a kind was there to fail; what went wrong is told. */
static bool take_turn(const setup *s, const struct kind *kind, int64_t n, int *io_failures) {
    char layers[64];
    turn t = {0};
    heard h = {0};
    snprintf(layers, sizeof layers, "validate,fault:%s=%lld,validate", kind->option, (long long)n);
    const char *wrong = open_turn(s, layers, &h, &t) == TENON_STATUS_OK ? NULL : "the plugin is not taken";
    if (!wrong) wrong = check_turn(s, kind, &t, &h);
    if (wrong) {
        printf("%s=%lld: %s\n  made: %s\n  message: %s\n", kind->option, (long long)n, wrong, h.fault,
               tenonh_error_message());
        ++*io_failures;
    }
    close_turn(&t);
    if (h.finding[0]) printf("%s=%lld: %s\n", kind->option, (long long)n, h.finding), ++*io_failures;
    return h.fault[0] != '\0';
}

/* -- All of them ------------------------------------------------------------------------------------------------------ */

static int check(tenon_status status) {
    if (status != TENON_STATUS_OK) fprintf(stderr, "test_fault_sweep: %s\n", tenonh_error_message());
    return status == TENON_STATUS_OK;
}

static int prepare(setup *s, const char *model) {
    if (!check(model ? tenonh_onnx_import(model, NULL, &s->module) : build_model(&s->module))) return 0;
    s->function = tenonh_module_function(s->module, "main");
    s->input_count = tenonh_function_input_count(s->function);
    s->output_count = tenonh_function_output_count(s->function);
    if (s->input_count > MOST || s->output_count > MOST) return 0;
    for (uint32_t i = 0; i < s->input_count; i++)
        if (!check(make_input(tenonh_function_input(s->function, i), &s->inputs[i]))) return 0;
    turn t = {0};
    heard h = {0};
    int good = check(open_turn(s, "validate", &h, &t)) && check(run_turn(s, &t, s->wanted));
    close_turn(&t);
    if (h.finding[0]) fprintf(stderr, "test_fault_sweep: %s\n", h.finding);
    return good && !h.finding[0];
}

static int sweep(const setup *s, const struct kind *kind) {
    int failures = 0;
    int64_t n = 1, turns = 0;
    while (take_turn(s, kind, n, &failures) && failures < 5 && turns < MOST_TURNS) n += s->step, turns++;
    printf("%-11s %5lld failures made, up to call %lld%s\n", kind->option, (long long)turns, (long long)n,
           failures ? ": FAILED" : "");
    fflush(stdout);
    return failures;
}

int main(int count, char **arguments) {
    if (count < 5 || count > 6) return fputs("usage: test_fault_sweep PLUGIN DEVICE STREAMS STEP [MODEL]\n", stderr), 2;
    static setup s;
    int failures = 0;
    s.plugin = arguments[1];
    s.device = arguments[2];
    s.streams = (uint32_t)strtoul(arguments[3], NULL, 10);
    s.step = strtoll(arguments[4], NULL, 10);
    if (s.step < 1 || !prepare(&s, count == 6 ? arguments[5] : NULL)) failures = 1;
    for (int i = 0; !failures && i < KIND_COUNT; i++) failures += sweep(&s, &kinds[i]);
    free_arrays(s.inputs, s.input_count);
    free_arrays(s.wanted, s.output_count);
    tenonh_module_destroy(s.module);
    return failures != 0;
}
