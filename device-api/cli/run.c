/* tenon run: runs a model on a device and accounts for every step. */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const cli_option run_options[RUN_OPTION_COUNT] = {
    [RUN_DEVICE] = {"device", "ID", 1, "device to run on, as `tenon list` names it (cpu)"},
    [RUN_INPUT] = {"input", "NAME=FILE", UINT32_MAX, "an input, from a .npy file or an ONNX TensorProto"},
    [RUN_OUTPUT_DIR] = {"output-dir", "DIR", 1, "write each output to DIR/NAME.npy"},
    [RUN_DIM] = {"dim", "NAME=N", UINT32_MAX, "value of a named dim of seeded inputs (1)"},
    [RUN_SEED] = {"seed", "N", 1, "seed of the inputs that --input does not give (0)"},
    [RUN_REQUIRE_DEVICE] = {"require-device", NULL, 1, "fail if any step would run elsewhere"},
    [RUN_REPEAT] = {"repeat", "N", 1, "time N runs after the first (1)"},
    [RUN_STREAMS] = {"streams", "N", 1, "run independent steps on N streams of the device (1)"},
    [RUN_CHECK_PLAN] = {"check-plan", NULL, 1, "prove that the plan orders every two uses of the same memory"},
    [RUN_EXPLAIN] = {"explain", NULL, 1, "list rewrites, claims and steps: what, how, where, and from which node"},
    [RUN_RULES] = {"rules", "LIST", 1, "rewrite rules to apply: all, off, NAME,... or -NAME,... (all)"},
    [RUN_MEASURE] = {"measure", NULL, 1, "time what the device takes whole against what it replaces"},
    [RUN_PLUGIN] = CLI_PLUGIN_OPTION,
};

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

enum { MOST_REPEATS = 1000000000 }; /* each keeps its time */
enum { MOST_STREAMS = 64 };

/* Not an exit code: the model may do with some inputs made constant. */
enum { TRY_AGAIN = -1 };

static int fail(const run_state *state, tenon_status status) {
    if (state->may_retry && status == TENON_STATUS_UNSUPPORTED) return TRY_AGAIN;
    return cli_fail(state->call, status, status == TENON_STATUS_UNTRUSTED ? CLI_UNTRUSTED : CLI_FAILED);
}

static int no_memory(void) {
    fputs("tenon: host memory is used up\n", stderr);
    return CLI_FAILED;
}

/* -- Setting up --------------------------------------------------------------------------------------------------- */

static int open_devices(run_state *state) {
    const char *name = cli_value(state->call, RUN_DEVICE);
    int code = cli_registry(state->call, RUN_PLUGIN, &state->registry);
    if (code != CLI_OK) return code;
    tenon_status status = tenonh_device_open(state->registry, name ? name : "cpu", &state->device);
    if (status != TENON_STATUS_OK) return cli_fail(state->call, status, cli_name_code(status));
    /* The cpu takes what the device refuses; without one a refusal is an error. */
    if (!cli_value(state->call, RUN_REQUIRE_DEVICE) &&
        tenonh_device_open(state->registry, "cpu", &state->fallback) != TENON_STATUS_OK)
        state->fallback = NULL;
    return CLI_OK;
}

static run_tensor *list_tensors(const tenonh_function *function, uint32_t count, bool inputs) {
    run_tensor *list = calloc((size_t)count + 1, sizeof *list);
    for (uint32_t i = 0; list && i < count; i++) {
        list[i].name = inputs ? tenonh_function_input_name(function, i) : tenonh_function_output_name(function, i);
        list[i].value = inputs ? tenonh_function_input(function, i) : tenonh_function_output(function, i);
    }
    return list;
}

static int load_model(run_state *state) {
    double start = now_ms();
    const tenonh_onnx_options options = {
        .struct_size = sizeof options, .constant_count = state->constant_count, .constants = state->constants};
    tenon_status status = tenonh_onnx_import(state->model_path, &options, &state->module);
    if (status != TENON_STATUS_OK) return fail(state, status);
    state->import_ms = now_ms() - start;
    state->function = tenonh_module_function(state->module, "main");
    state->input_count = tenonh_function_input_count(state->function);
    state->output_count = tenonh_function_output_count(state->function);
    state->inputs = list_tensors(state->function, state->input_count, true);
    state->outputs = list_tensors(state->function, state->output_count, false);
    return state->inputs && state->outputs ? CLI_OK : no_memory();
}

static int make_session(run_state *state) {
    const tenonh_session_options options = {.struct_size = sizeof options,
                                            .require_device = cli_value(state->call, RUN_REQUIRE_DEVICE) != NULL,
                                            .fallback = state->fallback,
                                            .streams = (uint32_t)state->streams,
                                            .check_plans = cli_value(state->call, RUN_CHECK_PLAN) != NULL,
                                            .rules = cli_value(state->call, RUN_RULES),
                                            .measure = cli_value(state->call, RUN_MEASURE) != NULL};
    tenon_status status = tenonh_session_create(state->module, state->device, &options, &state->session);
    if (status == TENON_STATUS_NOT_FOUND) return cli_fail(state->call, status, CLI_USAGE); /* a rule of --rules */
    return status == TENON_STATUS_OK ? CLI_OK : fail(state, status);
}

static tenon_status upload(const run_state *state, tenonh_stream *stream, run_tensor *input) {
    const tenonh_array *a = &input->array;
    TENON_TRY(tenonh_tensor_create(state->device, a->dtype, a->rank, a->dims, &input->tensor));
    return tenonh_tensor_write(input->tensor, stream, a->data, a->size);
}

static tenon_status download(tenonh_stream *stream, run_tensor *output) {
    tenonh_array *a = &output->array;
    const tenonh_tensor *t = output->tensor;
    TENON_TRY(tenonh_array_create(tenonh_tensor_dtype(t), tenonh_tensor_rank(t), tenonh_tensor_dims(t), a));
    return tenonh_tensor_read(output->tensor, stream, a->data, a->size);
}

/* All inputs to the device, or all outputs from it. The stream goes back at once: a device may have but one, which the
 * session wants. */
static tenon_status transfer(const run_state *state, run_tensor *list, uint32_t count, bool to_device) {
    tenonh_stream *stream;
    TENON_TRY(tenonh_stream_create(state->device, &stream));
    tenon_status status = TENON_STATUS_OK;
    for (uint32_t i = 0; i < count && status == TENON_STATUS_OK; i++)
        status = to_device ? upload(state, stream, &list[i]) : download(stream, &list[i]);
    tenonh_stream_release(stream);
    return status;
}

/* -- Running ------------------------------------------------------------------------------------------------------ */

/* One run on device tensors; the first makes the outputs, the others write into them. */
static tenon_status run_once(run_state *state, tenonh_tensor **in, tenonh_tensor **out, double *out_ms) {
    double start = now_ms();
    TENON_TRY(tenonh_session_run(state->session, in, state->input_count, out, state->output_count));
    *out_ms = now_ms() - start;
    return TENON_STATUS_OK;
}

static int order_times(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static tenon_status run_all(run_state *state, tenonh_tensor **in, tenonh_tensor **out) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    TENON_TRY(transfer(state, state->inputs, state->input_count, true));
    for (uint32_t i = 0; i < state->input_count; i++) in[i] = state->inputs[i].tensor;
    tenon_status status = run_once(state, in, out, &state->first_ms);
    for (uint32_t i = 0; i < state->output_count; i++) state->outputs[i].tensor = out[i];
    TENON_TRY(status);
    TENON_TRY(tenonh_session_stats_read(state->session, &stats));
    state->prepare_ms = (double)stats.prepare_ns / 1e6;
    for (int64_t i = 0; i < state->repeat; i++) TENON_TRY(run_once(state, in, out, &state->times_ms[i]));
    qsort(state->times_ms, (size_t)state->repeat, sizeof *state->times_ms, order_times);
    return transfer(state, state->outputs, state->output_count, false);
}

static int run_model(run_state *state) {
    tenonh_tensor **in = calloc((size_t)state->input_count + 1, sizeof *in);
    tenonh_tensor **out = calloc((size_t)state->output_count + 1, sizeof *out);
    state->times_ms = calloc((size_t)state->repeat + 1, sizeof *state->times_ms);
    int code = in && out && state->times_ms ? CLI_OK : no_memory();
    if (code == CLI_OK) {
        tenon_status status = run_all(state, in, out);
        if (status != TENON_STATUS_OK) code = fail(state, status);
    }
    free(in);
    free(out);
    return code;
}

/* -- Outputs ------------------------------------------------------------------------------------------------------ */

char *run_file_name(const char *output) {
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    char *name = NULL;
    if (asprintf(&name, "%s.npy", output) < 0) return NULL;
    for (char *c = name; *c; c++)
        if (!strchr(kept, *c)) *c = '_';
    return name;
}

/* Two outputs must not share a file. */
static int check_names(const run_state *state) {
    for (uint32_t i = 0; i < state->output_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(state->outputs[i].saved, state->outputs[k].saved) == 0) {
                cli_line(stderr, "tenon: outputs '%s' and '%s' would both be written to %s", state->outputs[k].name,
                         state->outputs[i].name, state->outputs[i].saved);
                return CLI_FAILED;
            }
    return CLI_OK;
}

static int name_outputs(run_state *state, const char *folder) {
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        cli_line(stderr, "tenon: --output-dir: cannot make the folder '%s': %s", folder, strerror(errno));
        return CLI_FAILED;
    }
    struct stat info;
    bool is_file = stat(folder, &info) == 0 && !S_ISDIR(info.st_mode);
    if (is_file || access(folder, W_OK | X_OK) != 0) {
        cli_line(stderr, "tenon: --output-dir: cannot write into '%s': %s", folder,
                 strerror(is_file ? ENOTDIR : errno));
        return CLI_FAILED;
    }
    for (uint32_t i = 0; i < state->output_count; i++) {
        char *name = run_file_name(state->outputs[i].name);
        int length = name ? asprintf(&state->outputs[i].saved, "%s/%s", folder, name) : -1;
        free(name);
        if (length < 0) {
            state->outputs[i].saved = NULL;
            return no_memory();
        }
    }
    return check_names(state);
}

static int write_outputs(run_state *state) {
    for (uint32_t i = 0; i < state->output_count; i++) {
        tenon_status status = tenonh_array_write(&state->outputs[i].array, state->outputs[i].saved);
        if (status != TENON_STATUS_OK) return fail(state, status);
    }
    return CLI_OK;
}

/* -- The verb ----------------------------------------------------------------------------------------------------- */

static void free_tensors(run_tensor **list, uint32_t *count) {
    for (uint32_t i = 0; *list && i < *count; i++) {
        tenonh_tensor_release((*list)[i].tensor);
        tenonh_array_free(&(*list)[i].array);
        free((*list)[i].saved);
    }
    free(*list);
    *list = NULL;
    *count = 0;
}

static void free_attempt(run_state *state) {
    free_tensors(&state->inputs, &state->input_count);
    free_tensors(&state->outputs, &state->output_count);
    free(state->times_ms);
    tenonh_session_release(state->session);
    tenonh_module_destroy(state->module);
    state->times_ms = NULL;
    state->session = NULL;
    state->module = NULL;
}

static int attempt(run_state *state) {
    const char *folder = cli_value(state->call, RUN_OUTPUT_DIR);
    int code = load_model(state);
    if (code == CLI_OK) code = run_read_inputs(state);
    if (code == CLI_OK) code = make_session(state);
    if (code == CLI_OK && folder) code = name_outputs(state, folder);
    if (code == CLI_OK) code = run_model(state);
    if (code == CLI_OK && folder) code = write_outputs(state);
    return code == CLI_OK ? run_report(state) : code;
}

/* Where dims depend on an input's elements, the small inputs that were given become constants, and all is done again. */
static int run_steps(run_state *state) {
    int code = open_devices(state);
    if (code != CLI_OK) return code;
    state->may_retry = cli_value(state->call, RUN_INPUT) != NULL;
    code = attempt(state);
    if (code != TRY_AGAIN) return code;
    free_attempt(state);
    state->may_retry = false;
    code = run_read_constants(state);
    return code == CLI_OK ? attempt(state) : code;
}

static void free_state(run_state *state) {
    free_attempt(state);
    for (uint32_t i = 0; i < state->constant_count; i++) {
        tenonh_array_free(&state->constant_arrays[i]);
        free((void *)state->constants[i].name);
    }
    free(state->constant_arrays);
    free(state->constants);
    tenonh_device_release(state->fallback);
    tenonh_device_release(state->device);
    tenonh_registry_destroy(state->registry);
}

static int run(const cli_call *call) {
    run_state state = {.call = call, .model_path = call->arguments[0]};
    if (!cli_number(&cli_run, call, RUN_REPEAT, 1, MOST_REPEATS, 1, &state.repeat) ||
        !cli_number(&cli_run, call, RUN_STREAMS, 1, MOST_STREAMS, 1, &state.streams) ||
        !cli_number(&cli_run, call, RUN_SEED, 0, INT64_MAX, 0, &state.seed))
        return CLI_USAGE;
    int code = run_steps(&state);
    free_state(&state);
    return code;
}

const cli_verb cli_run = {
    .name = "run",
    .arguments = "MODEL.onnx",
    .summary = "Runs a model and tells what ran where",
    .details =
        "Inputs without --input are seeded: floats in [-1, 1), integers and bools 0 or 1. Characters of an output's\n"
        "name outside [A-Za-z0-9_.-] become _ in its file's. What the device refuses runs on the cpu, and the\n"
        "placement says so, unless --require-device is given. Small inputs that dims depend on are constants of the "
        "run.\n",
    .least_arguments = 1,
    .most_arguments = 1,
    .options = run_options,
    .option_count = RUN_OPTION_COUNT,
    .run = run,
};
