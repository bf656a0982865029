/* tenon trace: `tenon run` under the layer `trace`, the file of which it names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* All but the first are options of `run`, handed on as they are. */
enum { TRACE_OUTPUT, TRACE_FIRST_OF_RUN };

static const cli_option options[] = {
    [TRACE_OUTPUT] = {"output", "FILE", 1, "(-o) write the trace there (MODEL.trace.json, in this folder)"},
    [TRACE_FIRST_OF_RUN] = {"device", "ID", 1, "device to run on, as `tenon list` names it (cpu)"},
    {"input", "NAME=FILE", UINT32_MAX, "an input, from a .npy file or an ONNX TensorProto"},
    {"dim", "NAME=N", UINT32_MAX, "value of a named dim of seeded inputs (1)"},
    {"seed", "N", 1, "seed of the inputs that --input does not give (0)"},
    {"require-device", NULL, 1, "fail if any step would run elsewhere"},
    {"repeat", "N", 1, "trace N runs after the first (1)"},
    {"streams", "N", 1, "run independent steps on N streams of the device (1)"},
    CLI_PLUGIN_OPTION,
};

/* MODEL.trace.json for folder/MODEL.onnx. Owner: the caller. */
static char *default_path(const char *model) {
    const char *slash = strrchr(model, '/'), *name = slash ? slash + 1 : model, *dot = strrchr(name, '.');
    int length = (int)(dot && dot != name ? dot - name : (ptrdiff_t)strlen(name));
    char *path = NULL;
    return asprintf(&path, "%.*s.trace.json", length, name) < 0 ? NULL : path;
}

/* "trace:file=PATH" with what has a meaning there escaped, then the layers asked for. Owner: the caller. */
static char *layers_for(const char *path, const char *more) {
    size_t most = strlen(path) * 2 + (more ? strlen(more) : 0) + 16, at;
    char *text = malloc(most);
    if (!text) return NULL;
    at = (size_t)snprintf(text, most, "trace:file=");
    for (const char *c = path; *c; c++) {
        if (strchr(",:\\", *c)) text[at++] = '\\';
        text[at++] = *c;
    }
    snprintf(text + at, most - at, "%s%s", more && *more ? "," : "", more ? more : "");
    return text;
}

/* The command line of `run`: the model, then each option with its value. */
static uint32_t forward(const cli_call *call, char **arguments, char *spaces, size_t room) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < call->value_count; i++) {
        const cli_option *option = &options[call->options[i]];
        if (call->options[i] < TRACE_FIRST_OF_RUN) continue;
        int length = snprintf(spaces, room, option->argument ? "--%s=%s" : "--%s", option->name, call->values[i]);
        arguments[count++] = spaces;
        spaces += length + 1;
        room -= (size_t)length + 1;
    }
    return count;
}

static int run_model(const cli_call *call, const char *layers) {
    size_t room = 1;
    for (uint32_t i = 0; i < call->value_count; i++)
        room += strlen(call->values[i]) + strlen(options[call->options[i]].name) + 4;
    char **arguments = calloc((size_t)call->value_count + 2, sizeof(char *)), *spaces = malloc(room);
    cli_call inner;
    int code = CLI_FAILED;
    if (arguments && spaces) {
        uint32_t count = forward(call, arguments, spaces, room);
        arguments[count++] = (char *)"--";
        arguments[count++] = (char *)call->arguments[0];
        code = cli_parse(&cli_run, (int)count, arguments, &inner);
    }
    if (code == CLI_OK) {
        inner.json = call->json;
        inner.layers = layers;
        code = cli_run.run(&inner);
        cli_call_free(&inner);
    }
    free((void *)arguments);
    free(spaces);
    return code;
}

static int run(const cli_call *call) {
    const char *given = cli_value(call, TRACE_OUTPUT);
    char *own = given ? NULL : default_path(call->arguments[0]);
    const char *path = given ? given : own;
    char *layers = path ? layers_for(path, call->layers) : NULL;
    int code = CLI_FAILED;
    if (layers)
        code = run_model(call, layers);
    else
        fputs("tenon: host memory is used up\n", stderr);
    if (code == CLI_OK && !call->json) {
        puts("");
        cli_line(stdout, "trace in %s: open it with ui.perfetto.dev or chrome://tracing", path);
    }
    free(layers);
    free(own);
    return code;
}

const cli_verb cli_trace = {
    .name = "trace",
    .arguments = "MODEL.onnx",
    .summary = "Runs a model and writes a timeline of every call, thread and stream",
    .details =
        "The file is in the Chrome trace format: a process for each plugin, a track for each thread and stream,\n"
        "arrows from events to who waits for them, and memory as it grows and shrinks. It is written after a\n"
        "failed run too.\n",
    .least_arguments = 1,
    .most_arguments = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
