#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/passes.h"

static void good(const char *name, tenon_status status) {
    ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", name, tenonh_error_message());
}

/* -- Opening ------------------------------------------------------------------------------------------------------------ */

static void set_knobs(const char *knobs, bool on) {
    char copy[512], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", knobs);
    while ((word = strsep(&rest, " "))) {
        char *equals = strchr(word, '=');
        if (!equals) continue;
        *equals = '\0';
        if (on)
            setenv(word, equals + 1, 1);
        else
            unsetenv(word);
    }
}

fixture fixture_open(const char *plugin, const char *knobs, tenonh_module *module,
                     const tenonh_session_options *options) {
    fixture f = {.module = module};
    const tenonh_registry_options registry_options = {.struct_size = sizeof registry_options, .no_search = 1};
    const tenonh_session_options required = {.struct_size = sizeof required, .require_device = 1, .rules = "off"};
    set_knobs(knobs, true);
    good(knobs, tenonh_registry_create(&registry_options, &f.registry));
    good(knobs, tenonh_registry_add(f.registry, plugin));
    good(knobs, tenonh_device_open(f.registry, "fake-graph", &f.device));
    set_knobs(knobs, false);
    good(knobs, tenonh_session_create(module, f.device, options ? options : &required, &f.session));
    return f;
}

void fixture_close(fixture *f) {
    tenonh_session_release(f->session);
    tenonh_module_destroy(f->module);
    tenonh_module_destroy(f->reference);
    tenonh_device_release(f->device);
    tenonh_registry_destroy(f->registry);
}

tenonh_module *fixture_parse(const char *name, const char *text) {
    char whole[8192];
    tenonh_module *module;
    snprintf(whole, sizeof whole, "tenon.graph 1\n%s", text);
    good(name, tenonh_module_parse(whole, strlen(whole), &module));
    return module;
}

/* -- Running ------------------------------------------------------------------------------------------------------------ */

typedef struct arrays {
    tenonh_array inputs[MOST_ARRAYS], outputs[MOST_ARRAYS];
    uint32_t input_count, output_count;
} arrays;

static void fill(tenonh_array *array, uint64_t seed) {
    for (int64_t i = 0; i < tenonh_array_count(array); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if (array->dtype == TENON_DTYPE_F32)
            ((float *)array->data)[i] = (float)(seed >> 40) / (float)(1 << 22) - 2;
        else if (array->dtype == TENON_DTYPE_I64)
            ((int64_t *)array->data)[i] = (int64_t)(seed >> 62);
    }
}

static void make_inputs(const fixture *f, int64_t size, arrays *a) {
    const tenonh_function *function = tenonh_module_function(f->module, "main");
    a->input_count = tenonh_function_input_count(function);
    a->output_count = tenonh_function_output_count(function);
    ck_assert(a->input_count <= MOST_ARRAYS && a->output_count <= MOST_ARRAYS);
    for (uint32_t i = 0; i < a->input_count; i++) {
        const tenonh_value *value = tenonh_function_input(function, i);
        int64_t dims[TENON_MAX_RANK];
        for (uint32_t k = 0; k < value->rank; k++)
            dims[k] = value->dims[k]->kind == TENON__DIM_NUMBER ? value->dims[k]->number : size;
        good("input", tenonh_array_create(value->dtype, value->rank, dims, &a->inputs[i]));
        fill(&a->inputs[i], i + 1);
    }
}

static double element(tenon_dtype dtype, const void *data, int64_t i) {
    if (dtype == TENON_DTYPE_F32) return (double)((const float *)data)[i];
    if (dtype == TENON_DTYPE_I64) return (double)((const int64_t *)data)[i];
    ck_assert_uint_eq(dtype, TENON_DTYPE_BOOL);
    return ((const uint8_t *)data)[i];
}

static void compare(const char *name, uint32_t index, const tenonh_array *got, const tenon__tensor *want) {
    double error = 0, size = 0;
    ck_assert_msg(got->dtype == want->dtype && got->rank == want->rank, "%s: output %u has another type", name, index);
    for (int64_t i = 0; i < tenonh_array_count(got); i++) {
        double x = element(got->dtype, got->data, i), y = element(want->dtype, want->data, i);
        error += (x - y) * (x - y);
        size += y * y;
    }
    ck_assert_msg(error <= 1e-10 * size, "%s: output %u is off by %g of %g", name, index, sqrt(error), sqrt(size));
}

/* The outputs by the host's evaluator. */
static void evaluate(const fixture *f, const char *name, arrays *a, tenon__tensor *outputs) {
    tenonh_module *concrete, *flat;
    tenon__input_dims dims[MOST_ARRAYS] = {{0}};
    tenon__tensor inputs[MOST_ARRAYS];
    for (uint32_t i = 0; i < a->input_count; i++) {
        const tenonh_array *array = &a->inputs[i];
        dims[i].rank = array->rank;
        memcpy(dims[i].dims, array->dims, array->rank * sizeof *array->dims);
        inputs[i] = (tenon__tensor){.dtype = array->dtype, .rank = array->rank, .data = array->data};
        memcpy(inputs[i].dims, array->dims, array->rank * sizeof *array->dims);
        tenon__tensor_pack(&inputs[i]);
    }
    good(name,
         tenon__concretize(f->reference ? f->reference : f->module, "main", dims, a->input_count, NULL, &concrete));
    good(name, tenon__decompose(concrete, NULL, NULL, &flat));
    good(name, tenon__eval_function(flat, inputs, outputs));
    tenonh_module_destroy(flat);
    tenonh_module_destroy(concrete);
}

tenon_status fixture_run(fixture *f, const char *name, int64_t size) {
    arrays a = {0};
    tenon__tensor wanted[MOST_ARRAYS];
    make_inputs(f, size, &a);
    tenon_status status = tenonh_session_run_arrays(f->session, a.inputs, a.input_count, a.outputs, a.output_count);
    if (status == TENON_STATUS_OK) evaluate(f, name, &a, wanted);
    for (uint32_t i = 0; i < a.output_count && status == TENON_STATUS_OK; i++) {
        compare(name, i, &a.outputs[i], &wanted[i]);
        free(wanted[i].data);
        tenonh_array_free(&a.outputs[i]);
    }
    for (uint32_t i = 0; i < a.input_count; i++) tenonh_array_free(&a.inputs[i]);
    return status;
}

/* -- What a session tells ------------------------------------------------------------------------------------------------ */

uint32_t fixture_steps(const fixture *f, tenonh_placement placement) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tenonh_session_step_count(f->session); i++) {
        tenonh_step_info step = {.struct_size = sizeof step};
        good("step", tenonh_session_step(f->session, i, &step));
        count += step.placement == placement;
    }
    return count;
}

uint32_t fixture_claims(const fixture *f, tenonh_claim verdict, const char *words) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tenonh_session_claim_count(f->session); i++) {
        tenonh_claim_info claim = {.struct_size = sizeof claim};
        good("claim", tenonh_session_claim(f->session, i, &claim));
        count += claim.verdict == verdict && (strstr(claim.name, words) || strstr(claim.text, words));
    }
    return count;
}

tenonh_session_stats fixture_stats(const fixture *f) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    good("stats", tenonh_session_stats_read(f->session, &stats));
    return stats;
}
