/* tenon run: what its parts share. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli.h"

/* Rows of the verb's option table. */
enum {
    RUN_DEVICE,
    RUN_INPUT,
    RUN_OUTPUT_DIR,
    RUN_DIM,
    RUN_SEED,
    RUN_REQUIRE_DEVICE,
    RUN_REPEAT,
    RUN_STREAMS,
    RUN_CHECK_PLAN,
    RUN_EXPLAIN,
    RUN_RULES,
    RUN_MEASURE,
    RUN_PLUGIN,
    RUN_OPTION_COUNT
};

/* One input or output of the model. */
typedef struct run_tensor {
    const char *name;          /* the model's */
    const tenonh_value *value; /* its type there */
    const char *file;          /* --input's file; NULL: seeded, or an output */
    char *saved;               /* an output's file, NULL: not written */
    tenonh_array array;
    tenonh_tensor *tensor;
} run_tensor;

/* A run from command line to report. Zero-initialised is empty. */
typedef struct run_state {
    const cli_call *call;
    const char *model_path;
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_device *fallback; /* NULL: none */
    tenonh_module *module;
    tenonh_session *session;
    const tenonh_function *function;
    tenonh_onnx_constant *constants; /* inputs that shapes depend on, fixed for the second attempt */
    tenonh_array *constant_arrays;
    uint32_t constant_count;
    bool may_retry; /* an UNSUPPORTED is not told: the next attempt may do */
    run_tensor *inputs;
    uint32_t input_count;
    run_tensor *outputs;
    uint32_t output_count;
    int64_t repeat;
    int64_t seed;
    int64_t streams;
    double import_ms;
    double first_ms;   /* planning and preparing included */
    double prepare_ms; /* of first_ms */
    double *times_ms;  /* of the runs after the first, ascending */
} run_state;

extern const cli_option run_options[RUN_OPTION_COUNT];

/* Reads what --input gives for small tensors, as constants for a second attempt: dims may depend on them. CLI_OK or, after
 * a message, an exit code. */
int run_read_constants(run_state *state);

/* Reads the files that --input names and makes the other inputs from the seed. CLI_OK or, after a message, an exit
 * code. */
int run_read_inputs(run_state *state);

/* The file's name that an output is written under, without the folder. Owner: the caller (free). */
char *run_file_name(const char *output);

/* What rules and passes did to the model, as a table (nothing if they did nothing) and as the key `rewrites`. */
void run_print_rewrites(const run_state *state);
void run_add_rewrites(struct cJSON *object, const run_state *state);

/* What the device was asked to take whole, as a table (nothing if it was not) and as the key `claims`. */
void run_print_claims(const run_state *state);
void run_add_claims(struct cJSON *object, const run_state *state);

/* Prints what ran where, how fast, and what came out. Gives the exit code. */
int run_report(run_state *state);

#endif
