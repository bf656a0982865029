/* Whole models: the goldens are an independent runtime's (conformance/models/README.md). All that a model gives is
 * compared, states and intermediate results that it tells included, and all of it must run on the device. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/model.h"
#include "cases/runtime.h"

/* What f32 models keep within: the noise between good runtimes is 2e-6 at most. */
static const double most_distance = 1e-5;

static const cf_model_name models[] = {
    {"lstm", "lstm", "model.onnx"},              /* loops, sequences */
    {"llama", "llama", "model.onnx"},            /* a decoder's prompt */
    {"llama_kv", "llama_kv", "model.onnx"},      /* its next token, with keys and values of before */
    {"llama_decode", "llama_kv", "decode.onnx"}, /* the same with a length that is not known before the run */
    {"bert", "bert", "model.onnx"},
    {"vit", "vit", "model.onnx"},
    {"unet", "unet", "model.onnx"}, /* convolutions up and down, attention between */
    {"resnet50", "resnet50", "model.onnx"},
    {"densenet121", "seeded_densenet121", "model.onnx"},
    {"inception_v1", "seeded_inception_v1", "model.onnx"}, /* gives a result of its middle, too */
};

enum { MODEL_COUNT = sizeof models / sizeof *models };

/* -- Comparing ------------------------------------------------------------------------------------------------------ */

static double element(const tenonh_array *array, int64_t i) {
    if (array->dtype == TENON_DTYPE_F64) return ((const double *)array->data)[i];
    return ((const float *)array->data)[i];
}

static bool is_float(const tenonh_array *array) {
    return array->dtype == TENON_DTYPE_F32 || array->dtype == TENON_DTYPE_F64;
}

/* Relative L2 distance; NaN where either has one. */
static double distance(const tenonh_array *got, const tenonh_array *golden) {
    double error = 0, size = 0;
    for (int64_t i = 0; i < tenonh_array_count(golden); i++) {
        double x = element(got, i), y = element(golden, i);
        error += (x - y) * (x - y);
        size += y * y;
    }
    return error == 0 ? 0 : sqrt(error / size);
}

static int64_t largest(const tenonh_array *array, int64_t first, int64_t count) {
    int64_t best = first;
    for (int64_t i = first + 1; i < first + count; i++)
        if (element(array, i) > element(array, best)) best = i;
    return best;
}

/* The largest element of each row of the last axis is the golden's, or one as large but for the noise. */
static bool choices_agree(const tenonh_array *got, const tenonh_array *golden) {
    int64_t count = tenonh_array_count(golden), length = golden->rank ? golden->dims[golden->rank - 1] : 1;
    for (int64_t first = 0; length > 0 && first < count; first += length) {
        int64_t chosen = largest(got, first, length), right = largest(golden, first, length);
        double gap = element(golden, right) - element(golden, chosen);
        if (gap > 1e-4 * (fabs(element(golden, right)) + most_distance)) return false;
    }
    return true;
}

static void compare(const char *name, const tenonh_array *got, const tenonh_array *golden) {
    if (got->dtype != golden->dtype || got->rank != golden->rank || got->size != golden->size ||
        memcmp(got->dims, golden->dims, got->rank * sizeof *got->dims) != 0) {
        cf_fail("%s has another dtype or shape than its golden", name);
        return;
    }
    if (!is_float(golden)) {
        if (memcmp(got->data, golden->data, golden->size) != 0) cf_fail("%s differs from its golden", name);
        return;
    }
    double off = distance(got, golden);
    cf_note_error(off / most_distance);
    if (!(off <= most_distance))
        cf_fail("%s is %.3g off its golden in relative L2 distance, %.0e is allowed", name, off, most_distance);
    else if (!choices_agree(got, golden))
        cf_fail("%s chooses another largest element than its golden", name);
}

static bool same_bits(const tenonh_array *a, const tenonh_array *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (a[i].size != b[i].size || memcmp(a[i].data, b[i].data, a[i].size) != 0) return false;
    return true;
}

static bool run(const cf_model *model, tenonh_array *outputs) {
    tenon_status status = cf_model_run(model, outputs);
    if (status != TENON_STATUS_OK) cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return status == TENON_STATUS_OK;
}

/* -- Outputs -------------------------------------------------------------------------------------------------------- */

static void check_placement(const cf_model *model) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    if (tenonh_session_stats_read(model->session, &stats) != TENON_STATUS_OK)
        cf_fail("%s", tenonh_error_message());
    else if (stats.outside_nodes)
        cf_fail("%llu steps ran on another device", (unsigned long long)stats.outside_nodes);
}

static void check_outputs(const cf_model_name *name, uint32_t streams) {
    cf_model model;
    tenonh_array outputs[CF_MODEL_ARRAYS] = {{0}};
    if (cf_model_open(name, streams, &model) && run(&model, outputs)) {
        check_placement(&model);
        for (uint32_t i = 0; i < model.output_count; i++) {
            tenonh_array golden = {0};
            if (cf_model_golden(&model, i, &golden))
                compare(tenonh_function_output_name(model.function, i), &outputs[i], &golden);
            tenonh_array_free(&golden);
        }
    }
    cf_model_free(outputs);
    cf_model_close(&model);
}

void cf_model_outputs(void) {
    static const uint32_t streams[] = {1, 4};
    for (uint32_t m = 0; m < MODEL_COUNT; m++)
        for (uint32_t s = 0; s < sizeof streams / sizeof *streams; s++)
            if (cf_begin("%s_streams%u", models[m].row, streams[s])) check_outputs(&models[m], streams[s]);
}

/* -- Repeats -------------------------------------------------------------------------------------------------------- */

/* In one session, and in another one, which shares constants and execs with the first or prepares its own. */
static void check_repeats(const cf_model_name *name) {
    cf_model model, other;
    tenonh_array first[CF_MODEL_ARRAYS] = {{0}}, again[CF_MODEL_ARRAYS] = {{0}};
    bool good = cf_model_open(name, 1, &model) && run(&model, first) && run(&model, again);
    if (good && !same_bits(first, again, model.output_count)) cf_fail("a second run of one session gives other bits");
    cf_model_free(again);
    if (good && cf_model_open(name, 1, &other) && run(&other, again) && !same_bits(first, again, other.output_count))
        cf_fail("a second session gives other bits");
    if (good) cf_model_close(&other);
    cf_model_free(again);
    cf_model_free(first);
    cf_model_close(&model);
}

void cf_model_repeats(void) {
    for (uint32_t m = 0; m < MODEL_COUNT; m++)
        if (cf_begin("%s", models[m].row)) check_repeats(&models[m]);
}

/* -- Runs beside each other ----------------------------------------------------------------------------------------- */

enum { THREADS = 3, RUNS = 3 };

typedef struct worker {
    const cf_model *model;
    const tenonh_array *expected;
    pthread_t thread;
    bool started, differs;
    tenon_status status;
    char text[256];
} worker;

static void *run_some(void *context) {
    worker *w = context;
    for (int i = 0; i < RUNS && w->status == TENON_STATUS_OK && !w->differs; i++) {
        tenonh_array outputs[CF_MODEL_ARRAYS] = {{0}};
        w->status = cf_model_run(w->model, outputs);
        if (w->status != TENON_STATUS_OK) snprintf(w->text, sizeof w->text, "%s", tenonh_error_message());
        w->differs = w->status == TENON_STATUS_OK && !same_bits(outputs, w->expected, w->model->output_count);
        cf_model_free(outputs);
    }
    return NULL;
}

static void check_together(const cf_model_name *name) {
    cf_model model;
    tenonh_array expected[CF_MODEL_ARRAYS] = {{0}};
    worker workers[THREADS] = {{0}};
    bool good = cf_model_open(name, 1, &model) && run(&model, expected);
    for (int i = 0; good && i < THREADS; i++) {
        workers[i] = (worker){.model = &model, .expected = expected};
        workers[i].started = pthread_create(&workers[i].thread, NULL, run_some, &workers[i]) == 0;
        if (!workers[i].started) cf_fail("no thread could be started");
    }
    for (int i = 0; i < THREADS; i++) {
        if (!workers[i].started) continue;
        pthread_join(workers[i].thread, NULL);
        if (workers[i].status != TENON_STATUS_OK)
            cf_fail("%s: %s", tenon_status_name(workers[i].status), workers[i].text);
        else if (workers[i].differs)
            cf_fail("a run beside others gives other bits than one alone");
    }
    cf_model_free(expected);
    cf_model_close(&model);
}

void cf_model_together(void) {
    static const uint32_t chosen[] = {0, 1, 3, 4, 6}; /* the small ones */
    for (uint32_t i = 0; i < sizeof chosen / sizeof *chosen; i++)
        if (cf_begin("%s", models[chosen[i]].row) && cf_has_streams(THREADS)) check_together(&models[chosen[i]]);
}
