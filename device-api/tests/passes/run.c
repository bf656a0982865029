#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/number.h"

bool test_met[TENON__COMPOSITE_COUNT];

test_tensor test_tensor_of(tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    test_tensor tensor = {.dtype = dtype, .rank = rank, .count = 1};
    for (uint32_t i = 0; i < rank; i++) {
        tensor.dims[i] = dims[i];
        tensor.count *= dims[i];
    }
    tensor.values = calloc((size_t)tensor.count + 1, sizeof *tensor.values);
    ck_assert_ptr_nonnull(tensor.values);
    return tensor;
}

void test_free(test_tensor *tensors, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) free(tensors[i].values);
}

static bool is_float(tenon_dtype dtype) {
    return tenon_dtype_class(dtype) == TENON_CLASS_FLOAT;
}

static tenon__number number_of(tenon_dtype dtype, double value) {
    return tenon__number_cast(TENON_DTYPE_F64, dtype, (tenon__number){.f = value}, false);
}

static double double_of(tenon_dtype dtype, tenon__number number) {
    return is_float(dtype) ? number.f : tenon__number_cast(dtype, TENON_DTYPE_F64, number, false).f;
}

double test_rounded(tenon_dtype dtype, double value) {
    return double_of(dtype, number_of(dtype, value));
}

void test_fill(test_tensor *tensor, uint64_t seed, double low, double high) {
    for (int64_t i = 0; i < tensor->count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double value = low + (high - low) * (double)(seed >> 11) * 0x1p-53;
        if (!is_float(tensor->dtype)) value = floor(value);
        tensor->values[i] = test_rounded(tensor->dtype, value);
    }
}

static void mark_met(const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count; i++)
        if (region->nodes[i]->composite) test_met[region->nodes[i]->composite->number] = true;
}

static tenon__tensor bytes_of(const test_tensor *from) {
    tenon__tensor tensor = {.dtype = from->dtype, .rank = from->rank};
    size_t size = tenon_dtype_bits(from->dtype) / 8;
    memcpy(tensor.dims, from->dims, sizeof tensor.dims);
    tenon__tensor_pack(&tensor);
    tensor.data = malloc((size_t)from->count * size + 1);
    ck_assert_ptr_nonnull(tensor.data);
    for (int64_t i = 0; i < from->count; i++)
        tenon__number_store(from->dtype, (char *)tensor.data + (size_t)i * size,
                            number_of(from->dtype, from->values[i]));
    return tensor;
}

static test_tensor doubles_of(const tenon__tensor *from) {
    test_tensor tensor = test_tensor_of(from->dtype, from->rank, from->dims);
    size_t size = tenon_dtype_bits(from->dtype) / 8;
    for (int64_t i = 0; i < tensor.count; i++)
        tensor.values[i] =
            double_of(from->dtype, tenon__number_load(from->dtype, (char *)from->data + (size_t)i * size));
    return tensor;
}

static tenon_status run(const char *text, const test_tensor *inputs, uint32_t input_count, tenon__tensor *results,
                        uint32_t *out_count) {
    tenonh_module *module = NULL, *concrete = NULL, *flat = NULL;
    tenon__input_dims dims[TEST_MAX] = {{0}};
    tenon__tensor tensors[TEST_MAX];
    for (uint32_t i = 0; i < input_count; i++) {
        dims[i].rank = inputs[i].rank;
        memcpy(dims[i].dims, inputs[i].dims, sizeof dims[i].dims);
    }
    tenon_status status = tenonh_module_parse(text, strlen(text), &module);
    if (status == TENON_STATUS_OK) mark_met(tenon__module_find(module, "main")->body);
    if (status == TENON_STATUS_OK) status = tenon__concretize(module, "main", dims, input_count, NULL, &concrete);
    if (status == TENON_STATUS_OK) status = tenonh_module_verify(concrete);
    if (status == TENON_STATUS_OK) status = tenon__decompose(concrete, NULL, NULL, &flat);
    if (status == TENON_STATUS_OK) status = tenonh_module_verify(flat);
    for (uint32_t i = 0; i < input_count; i++) tensors[i] = bytes_of(&inputs[i]);
    if (status == TENON_STATUS_OK) status = tenon__eval_function(flat, tensors, results);
    if (status == TENON_STATUS_OK) *out_count = tenonh_function_output_count(tenonh_module_function(flat, "main"));
    for (uint32_t i = 0; i < input_count; i++) free(tensors[i].data);
    tenonh_module_destroy(flat);
    tenonh_module_destroy(concrete);
    tenonh_module_destroy(module);
    return status;
}

uint32_t test_run(const char *name, const char *text, const test_tensor *inputs, uint32_t input_count,
                  test_tensor *outputs) {
    tenon__tensor results[TEST_MAX];
    uint32_t count = 0;
    ck_assert_msg(run(text, inputs, input_count, results, &count) == TENON_STATUS_OK, "%s: %s", name,
                  tenonh_error_message());
    for (uint32_t i = 0; i < count; i++) {
        outputs[i] = doubles_of(&results[i]);
        free(results[i].data);
    }
    return count;
}

const char *test_run_error(const char *text, const test_tensor *inputs, uint32_t input_count) {
    tenon__tensor results[TEST_MAX];
    uint32_t count;
    ck_assert_msg(run(text, inputs, input_count, results, &count) != TENON_STATUS_OK, "it runs: %s", text);
    return tenonh_error_message();
}

uint32_t test_run_node(const char *name, const char *node, const char *results, const test_tensor *inputs,
                       uint32_t input_count, test_tensor *outputs) {
    char text[4096] = "tenon.graph 1\nfunc main(", *end = text + strlen(text);
    for (uint32_t i = 0; i < input_count; i++) {
        end += sprintf(end, "%s%%%u: %s[", i ? ", " : "", i, tenon_dtype_name(inputs[i].dtype));
        for (uint32_t k = 0; k < inputs[i].rank; k++)
            end += sprintf(end, "%s%lld", k ? ", " : "", (long long)inputs[i].dims[k]);
        end += sprintf(end, "]");
    }
    /* "f32[2, 3]; i64[2]": a result for each type. */
    char types[256], *rest = types, *type;
    uint32_t count = 0;
    snprintf(types, sizeof types, "%s", results);
    end += sprintf(end, ") {\n  ");
    while ((type = strsep(&rest, ";"))) end += sprintf(end, "%s%%%u: %s", count ? ", " : "", 20 + count, type), count++;
    end += sprintf(end, " = %s\n  return", node);
    for (uint32_t i = 0; i < count; i++) end += sprintf(end, "%s \"%u\" %%%u", i ? "," : "", i, 20 + i);
    sprintf(end, "\n}\n");
    return test_run(name, text, inputs, input_count, outputs);
}

void test_expect(const char *name, const test_tensor *got, const double *wanted, double relative, double absolute) {
    for (int64_t i = 0; i < got->count; i++) {
        double is = got->values[i], should = wanted[i];
        bool fits = isnan(should)   ? isnan(is)
                    : isinf(should) ? is == should
                                    : fabs(is - should) <= relative * fabs(should) + absolute;
        ck_assert_msg(fits, "%s: element %lld is %.9g instead of %.9g", name, (long long)i, is, should);
    }
}
