#include "cases/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases/runtime.h"
#include "models/fill.h"

/* -- Where the models are ------------------------------------------------------------------------------------------- */

/* From the program's folder to the models: the installed suite, or a program of the build tree's tests. */
static const char *const places[] = {CF_MODELS_FROM_LIBEXEC, CF_MODELS_FROM_TESTS};

static bool find_folder(const char *model, char *out_path, size_t size) {
    char own[512] = "";
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash = length > 0 ? strrchr(own, '/') : NULL;
    if (slash) *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(out_path, size, "%s/%s/%s", own, places[i], model);
        if (access(out_path, R_OK) == 0) return true;
    }
    cf_fail("the suite's model '%s' is not at %s/%s: it is installed without its data", model, own, places[0]);
    return false;
}

static bool passed(tenon_status status) {
    if (status != TENON_STATUS_OK) cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return status == TENON_STATUS_OK;
}

/* -- Reading -------------------------------------------------------------------------------------------------------- */

/* "input_0_a_b.npy" is input 0, "a/b". */
static bool read_array(const cf_model *model, const char *kind, uint32_t index, const char *name,
                       tenonh_array *out_array) {
    char file[256], path[1400];
    snprintf(file, sizeof file, "%s_%u_%s.npy", kind, index, name);
    for (char *c = file; *c; c++)
        if (*c == '/') *c = '_';
    snprintf(path, sizeof path, "%s/%s", model->folder, file);
    return passed(tenonh_array_read(path, out_array));
}

/* The module keeps the weights mapped: their file lives in a folder of this row's for as long as the import takes. */
static bool import(cf_model *model, const char *file) {
    const char *temporary = getenv("TMPDIR");
    char folder[512], table[1100], weights[600], path[1100];
    snprintf(folder, sizeof folder, "%s/tenon-model-XXXXXX", temporary && temporary[0] == '/' ? temporary : "/tmp");
    snprintf(table, sizeof table, "%s/weights.json", model->folder);
    snprintf(path, sizeof path, "%s/%s", model->folder, file);
    if (!mkdtemp(folder)) {
        cf_fail("cannot make a folder for weights like %s: %s", folder, strerror(errno));
        return false;
    }
    snprintf(weights, sizeof weights, "%s/weights.bin", folder);
    const tenonh_onnx_options options = {.struct_size = sizeof options, .folder = folder};
    bool imported =
        passed(models_fill(table, weights, NULL)) && passed(tenonh_onnx_import(path, &options, &model->module));
    (void)unlink(weights);
    (void)rmdir(folder);
    return imported;
}

static bool read_inputs(cf_model *model) {
    model->function = tenonh_module_function(model->module, "main");
    model->input_count = tenonh_function_input_count(model->function);
    model->output_count = tenonh_function_output_count(model->function);
    if (model->input_count > CF_MODEL_ARRAYS || model->output_count > CF_MODEL_ARRAYS) {
        cf_fail("the model has more than %d inputs or outputs", CF_MODEL_ARRAYS);
        return false;
    }
    for (uint32_t i = 0; i < model->input_count; i++)
        if (!read_array(model, "input", i, tenonh_function_input_name(model->function, i), &model->inputs[i]))
            return false;
    return true;
}

bool cf_model_open(const cf_model_name *name, uint32_t streams, cf_model *out_model) {
    const tenonh_session_options options = {
        .struct_size = sizeof options, .require_device = 1, .streams = streams, .check_plans = 1};
    *out_model = (cf_model){0};
    cf_make_place(); /* a session's runs make streams of their own */
    return find_folder(name->folder, out_model->folder, sizeof out_model->folder) && import(out_model, name->file) &&
           read_inputs(out_model) &&
           passed(tenonh_session_create(out_model->module, cf_under_test.device, &options, &out_model->session));
}

void cf_model_close(cf_model *model) {
    tenonh_session_release(model->session);
    cf_model_free(model->inputs);
    tenonh_module_destroy(model->module);
    *model = (cf_model){0};
}

/* -- Running -------------------------------------------------------------------------------------------------------- */

tenon_status cf_model_run(const cf_model *model, tenonh_array *outputs) {
    return tenonh_session_run_arrays(model->session, model->inputs, model->input_count, outputs, model->output_count);
}

void cf_model_free(tenonh_array *arrays) {
    for (uint32_t i = 0; i < CF_MODEL_ARRAYS; i++) tenonh_array_free(&arrays[i]);
}

bool cf_model_golden(const cf_model *model, uint32_t output, tenonh_array *out_golden) {
    return read_array(model, "output", output, tenonh_function_output_name(model->function, output), out_golden);
}
