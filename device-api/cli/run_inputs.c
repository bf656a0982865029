/* Inputs of a run: from files, or made from a seed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/helpers.h>

#include "run.h"

enum { MOST_CONSTANT_ELEMENTS = 512 };

/* -- Files -------------------------------------------------------------------------------------------------------- */

static void print_names(const run_state *state) {
    fputs("the model's inputs are:", stderr);
    for (uint32_t i = 0; i < state->input_count; i++) {
        fputs(i ? ", " : " ", stderr);
        cli_put(stderr, state->inputs[i].name);
        fputs(" ", stderr);
        cli_put(stderr, cli_type(state->inputs[i].value));
    }
    fputs("\n", stderr);
}

/* The input that "NAME=FILE" is for: names may hold a '='. */
static run_tensor *input_of(run_state *state, const char *text) {
    for (uint32_t i = 0; i < state->input_count; i++) {
        size_t length = strlen(state->inputs[i].name);
        if (strncmp(text, state->inputs[i].name, length) == 0 && text[length] == '=') return &state->inputs[i];
    }
    return NULL;
}

static bool is_constant(const run_state *state, const char *text) {
    for (uint32_t i = 0; i < state->constant_count; i++) {
        size_t length = strlen(state->constants[i].name);
        if (strncmp(text, state->constants[i].name, length) == 0 && text[length] == '=') return true;
    }
    return false;
}

static int assign_files(run_state *state) {
    const char *text;
    for (uint32_t i = 0; (text = cli_value_at(state->call, RUN_INPUT, i)) != NULL; i++) {
        if (is_constant(state, text)) continue;
        run_tensor *input = input_of(state, text);
        if (!input) {
            int code = cli_usage(&cli_run, "--input %s is not NAME=FILE of an input", text);
            print_names(state);
            return code;
        }
        if (input->file) return cli_usage(&cli_run, "input '%s' is given twice", input->name);
        input->file = text + strlen(input->name) + 1;
    }
    return CLI_OK;
}

static int read_files(run_state *state) {
    for (uint32_t i = 0; i < state->input_count; i++) {
        run_tensor *input = &state->inputs[i];
        if (!input->file) continue;
        tenon_status status = tenonh_array_read(input->file, &input->array);
        if (status != TENON_STATUS_OK) return cli_fail(state->call, status, CLI_FAILED);
    }
    return CLI_OK;
}

/* Where the file's name begins: at the first '=' that a readable file follows. NULL when there is none. */
static const char *file_in(const char *text) {
    const char *equals = strchr(text, '=');
    while (equals && access(equals + 1, R_OK) != 0) equals = strchr(equals + 1, '=');
    return equals ? equals + 1 : NULL;
}

static int read_constant(run_state *state, const char *text) {
    const char *file = file_in(text);
    tenonh_array *array = &state->constant_arrays[state->constant_count];
    if (!file) return cli_usage(&cli_run, "--input %s is not NAME=FILE", text);
    tenon_status status = tenonh_array_read(file, array);
    if (status != TENON_STATUS_OK) return cli_fail(state->call, status, CLI_FAILED);
    if (array->rank > 1 || tenonh_array_count(array) > MOST_CONSTANT_ELEMENTS) {
        tenonh_array_free(array);
        return CLI_OK;
    }
    char *name = strndup(text, (size_t)(file - text) - 1);
    if (!name) {
        tenonh_array_free(array);
        return CLI_FAILED;
    }
    state->constants[state->constant_count++] = (tenonh_onnx_constant){.name = name, .value = array};
    return CLI_OK;
}

int run_read_constants(run_state *state) {
    const char *text;
    uint32_t given = 0;
    int code = CLI_OK;
    while (cli_value_at(state->call, RUN_INPUT, given)) given++;
    state->constants = calloc((size_t)given + 1, sizeof *state->constants);
    state->constant_arrays = calloc((size_t)given + 1, sizeof *state->constant_arrays);
    if (!state->constants || !state->constant_arrays) return CLI_FAILED;
    for (uint32_t i = 0; code == CLI_OK && (text = cli_value_at(state->call, RUN_INPUT, i)) != NULL; i++)
        code = read_constant(state, text);
    return code;
}

/* -- Dims of seeded inputs ---------------------------------------------------------------------------------------- */

/* What --dim says of a named dim. */
static bool given_dim(const run_state *state, const char *name, int64_t *out_value) {
    const char *text;
    size_t length = strlen(name);
    for (uint32_t i = 0; (text = cli_value_at(state->call, RUN_DIM, i)) != NULL; i++) {
        if (strncmp(text, name, length) != 0 || text[length] != '=') continue;
        char *end;
        errno = 0;
        *out_value = strtoll(text + length + 1, &end, 10);
        return text[length + 1] && *end == '\0' && errno == 0 && *out_value >= 0;
    }
    return false;
}

/* What the inputs that are read say of it. */
static bool seen_dim(const run_state *state, const tenonh_dim *dim, int64_t *out_value) {
    for (uint32_t i = 0; i < state->input_count; i++) {
        const run_tensor *input = &state->inputs[i];
        for (uint32_t d = 0; input->file && d < input->array.rank; d++) {
            if (tenonh_value_dim(input->value, d) != dim) continue;
            *out_value = input->array.dims[d];
            return true;
        }
    }
    return false;
}

static int64_t dim_value(const run_state *state, const tenonh_dim *dim) {
    char name[256];
    int64_t value;
    if (tenonh_dim_is_number(dim, &value) || seen_dim(state, dim, &value)) return value;
    tenonh_dim_format(dim, name, sizeof name);
    return given_dim(state, name, &value) ? value : 1;
}

/* Every --dim must name a dim of an input. */
static int check_dims(const run_state *state) {
    const char *text;
    for (uint32_t k = 0; (text = cli_value_at(state->call, RUN_DIM, k)) != NULL; k++) {
        bool known = false;
        for (uint32_t i = 0; i < state->input_count; i++)
            for (uint32_t d = 0; d < tenonh_value_rank(state->inputs[i].value); d++) {
                char name[256];
                int64_t number;
                size_t length = tenonh_dim_format(tenonh_value_dim(state->inputs[i].value, d), name, sizeof name);
                known |= length < sizeof name && strncmp(text, name, length) == 0 && text[length] == '=' &&
                         given_dim(state, name, &number);
            }
        if (known) continue;
        int code = cli_usage(&cli_run, "--dim %s is not NAME=N of a named dim of the inputs", text);
        print_names(state);
        return code;
    }
    return CLI_OK;
}

/* -- Seeds -------------------------------------------------------------------------------------------------------- */

static uint64_t splitmix64(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Of a name and the seed, so that inputs differ and stay what they are when others are added. */
static uint64_t seed_of(const char *name, int64_t seed) {
    uint64_t hash = 0xCBF29CE484222325u ^ (uint64_t)seed;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash;
}

/* k / 128 with -128 <= k < 128 as f16: exact. */
static uint16_t f16_of(int k) {
    if (k == 0) return 0;
    uint16_t sign = k < 0 ? 0x8000 : 0;
    unsigned magnitude = (unsigned)(k < 0 ? -k : k), exponent = 15 - 7;
    magnitude <<= 10; /* ten bits of fraction below the first 1 */
    while (magnitude >= 1u << 11) magnitude >>= 1, exponent++;
    return (uint16_t)(sign | exponent << 10 | (magnitude & 0x3ff));
}

/* The same as bf16: the upper half of the f32. */
static uint16_t bf16_of(int k) {
    float number = (float)k / 128;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static void store(tenon_dtype dtype, void *at, uint64_t z) {
    double unit = (double)(z >> 40) * 0x1p-23 - 1; /* [-1, 1), exact in f32 */
    int k = (int)(z >> 56) - 128;
    uint64_t whole = z >> 63;
    float single = (float)unit;
    uint16_t half = dtype == TENON_DTYPE_F16 ? f16_of(k) : bf16_of(k);
    switch (dtype) {
    case TENON_DTYPE_F64: memcpy(at, &unit, sizeof unit); break;
    case TENON_DTYPE_F32: memcpy(at, &single, sizeof single); break;
    case TENON_DTYPE_F16:
    case TENON_DTYPE_BF16: memcpy(at, &half, sizeof half); break;
    default: memcpy(at, &whole, tenon_dtype_bits(dtype) / 8); break; /* little-endian: the low bytes */
    }
}

static int make_seeded(run_state *state, run_tensor *input) {
    int64_t dims[TENONH_ARRAY_MAX_RANK];
    tenon_dtype dtype = tenonh_value_dtype(input->value);
    uint32_t rank = tenonh_value_rank(input->value), bytes = tenon_dtype_bits(dtype) / 8;
    for (uint32_t d = 0; d < rank; d++) dims[d] = dim_value(state, tenonh_value_dim(input->value, d));
    if (!tenon_dtype_is_base(dtype)) {
        cli_line(stderr, "tenon: input '%s' of dtype %s can't be seeded; give it with --input", input->name,
                 tenon_dtype_name(dtype));
        return CLI_FAILED;
    }
    tenon_status status = tenonh_array_create(dtype, rank, dims, &input->array);
    if (status != TENON_STATUS_OK) return cli_fail(state->call, status, CLI_FAILED);
    uint64_t generator = seed_of(input->name, state->seed);
    for (int64_t i = 0, count = tenonh_array_count(&input->array); i < count; i++)
        store(dtype, (char *)input->array.data + i * bytes, splitmix64(&generator));
    return CLI_OK;
}

int run_read_inputs(run_state *state) {
    int code = assign_files(state);
    if (code == CLI_OK) code = check_dims(state);
    if (code == CLI_OK) code = read_files(state);
    for (uint32_t i = 0; code == CLI_OK && i < state->input_count; i++)
        if (!state->inputs[i].file) code = make_seeded(state, &state->inputs[i]);
    return code;
}
