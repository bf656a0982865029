/* test_damage WORK DEVICE COUNT: COUNT damaged copies of WORK's model, cut or with flipped bits at places that a fixed
 * seed chooses, read and run beside their weights. Each must end: with results, or with a status and words that say why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/helpers.h>
#include <tenon/host/tenon.h>

#include "support/file.h"

enum { SECONDS = 60, MOST = 32 };

#define LARGEST ((uint64_t)1 << 26) /* bytes of an input that is still worth a run */

typedef struct damage {
    tenonh_device *device;
    const char *folder;
    uint8_t *bytes; /* of the model */
    size_t size;
    uint64_t state;
    uint32_t read, ran, refused;
} damage;

static uint64_t below(damage *d, uint64_t limit) {
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return (d->state >> 33) % limit;
}

/* Ones for every input, symbols' dims at 2. NULL where an input is too large to be worth it. */
static tenonh_array *make_inputs(const tenonh_function *function, uint32_t count) {
    tenonh_array *inputs = calloc((size_t)count + 1, sizeof *inputs);
    for (uint32_t i = 0; inputs && i < count; i++) {
        const tenonh_value *value = tenonh_function_input(function, i);
        int64_t dims[TENON_MAX_RANK], elements = 1;
        uint64_t bytes;
        int fits = 1;
        for (uint32_t k = 0; k < tenonh_value_rank(value); k++) {
            if (!tenonh_dim_is_number(tenonh_value_dim(value, k), &dims[k])) dims[k] = 2;
            fits = fits && !__builtin_mul_overflow(elements, dims[k], &elements);
        }
        tenon_dtype dtype = tenonh_value_dtype(value);
        fits = fits && tenon_dtype_bytes(dtype, elements, &bytes) == TENON_STATUS_OK && bytes <= LARGEST;
        if (fits && tenonh_array_create(dtype, tenonh_value_rank(value), dims, &inputs[i]) == TENON_STATUS_OK) continue;
        for (uint32_t k = 0; k < i; k++) tenonh_array_free(&inputs[k]);
        free(inputs);
        return NULL;
    }
    return inputs;
}

static tenon_status run(const damage *d, const tenonh_module *module) {
    const tenonh_function *function = tenonh_module_function(module, "main");
    uint32_t input_count = tenonh_function_input_count(function), output_count = tenonh_function_output_count(function);
    tenonh_array outputs[MOST] = {{0}};
    tenonh_array *inputs = output_count <= MOST ? make_inputs(function, input_count) : NULL;
    tenonh_session *session = NULL;
    if (!inputs) return TENON_STATUS_OK;
    tenon_status status = tenonh_session_create(module, d->device, NULL, &session);
    if (status == TENON_STATUS_OK)
        status = tenonh_session_run_arrays(session, inputs, input_count, outputs, output_count);
    for (uint32_t i = 0; i < output_count; i++) tenonh_array_free(&outputs[i]);
    for (uint32_t i = 0; i < input_count; i++) tenonh_array_free(&inputs[i]);
    tenonh_session_release(session);
    free(inputs);
    return status;
}

/* 0 when a failure comes without words. */
static int try(damage *d, size_t size) {
    const tenonh_onnx_options options = {.struct_size = sizeof options, .folder = d->folder};
    tenonh_module *module = NULL;
    alarm(SECONDS);
    tenon_status status = tenonh_onnx_import_bytes(d->bytes, size, &options, &module);
    if (status == TENON_STATUS_OK) {
        d->read++;
        status = run(d, module);
        if (status == TENON_STATUS_OK) d->ran++;
    }
    tenonh_module_destroy(module);
    alarm(0);
    if (status == TENON_STATUS_OK) return 1;
    d->refused++;
    if (strlen(tenonh_error_message()) > 10) return 1;
    fprintf(stderr, "test_damage: %s without words\n", tenon_status_name(status));
    return 0;
}

static int try_all(damage *d, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (i % 4 == 0) {
            if (!try(d, (size_t)below(d, d->size))) return 0;
            continue;
        }
        uint8_t flipped[3], bits[3];
        size_t places[3];
        uint32_t flips = 1 + (uint32_t)below(d, 3);
        for (uint32_t k = 0; k < flips; k++) {
            places[k] = (size_t)below(d, d->size);
            bits[k] = (uint8_t)(1u << below(d, 8));
            flipped[k] = d->bytes[places[k]];
            d->bytes[places[k]] ^= bits[k];
        }
        int good = try(d, d->size);
        for (uint32_t k = flips; k-- > 0;) d->bytes[places[k]] = flipped[k];
        if (!good) return fprintf(stderr, "test_damage: variant %u\n", i), 0;
    }
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 4) return fputs("usage: test_damage WORK DEVICE COUNT\n", stderr), 2;
    damage d = {.folder = argv[1], .state = 1};
    char path[4096];
    snprintf(path, sizeof path, "%s/model.onnx", d.folder);
    tenonh_registry *registry = NULL;
    tenon_status status = tenon__file_read(path, SIZE_MAX / 2, &d.bytes, &d.size);
    if (status == TENON_STATUS_OK) status = tenonh_registry_create(NULL, &registry);
    if (status == TENON_STATUS_OK) status = tenonh_device_open(registry, argv[2], &d.device);
    if (status != TENON_STATUS_OK) return fprintf(stderr, "test_damage: %s\n", tenonh_error_message()), 1;
    int good = try_all(&d, (uint32_t)strtoul(argv[3], NULL, 10)) && d.refused > 0;
    printf("%u read, %u of them ran, %u refused\n", d.read, d.ran, d.refused);
    tenonh_device_release(d.device);
    tenonh_registry_destroy(registry);
    free(d.bytes);
    return good ? 0 : 1;
}
