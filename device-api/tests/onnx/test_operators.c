/* Operators that the importer takes apart itself: imported, decomposed and evaluated on the host. Wanted numbers are
 * those of onnx's reference evaluator; a scale per row of a matrix goes by the operator's text, which that one does not. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "passes/passes.h"

enum { FLOAT = 1, UINT8 = 2, INT64 = 7, MOST = 8 };

/* An initializer: `type` FLOAT or INT64, or INT64 that a Cast makes UINT8. */
typedef struct operand {
    int32_t type;
    const char *dims, *values;
} operand;

static const struct row {
    const char *name, *op_type;
    operand inputs[9];
    const char *string, *string_value; /* attributes */
    const char *integer[2];
    int64_t integer_value[2];
    const char *string2[2], *lists[2][2]; /* another string; lists of integers */
    int64_t opset;                        /* 0: 18 */
    uint32_t output, outputs;
    uint32_t count;
    double wanted[8];
} rows[] = {
    {"nll_mean",
     "NegativeLogLikelihoodLoss",
     {{FLOAT, "1,3,2", ".5,1.25,-1,2,3,-.25"}, {INT64, "1,2", "2,0"}, {FLOAT, "3", ".5,1,2"}},
     .outputs = 1,
     .count = 1,
     .wanted = {-2.65}},
    {"nll_sum",
     "NegativeLogLikelihoodLoss",
     {{FLOAT, "1,3,2", ".5,1.25,-1,2,3,-.25"}, {INT64, "1,2", "2,0"}},
     "reduction",
     "sum",
     .outputs = 1,
     .count = 1,
     .wanted = {-4.25}},
    {"nll_ignored",
     "NegativeLogLikelihoodLoss",
     {{FLOAT, "1,3,2", ".5,1.25,-1,2,3,-.25"}, {INT64, "1,2", "7,0"}, {FLOAT, "3", ".5,1,2"}},
     "reduction",
     "none",
     {"ignore_index"},
     {7},
     .outputs = 1,
     .count = 2,
     .wanted = {0, -0.625}},
    {"cross_entropy",
     "SoftmaxCrossEntropyLoss",
     {{FLOAT, "1,3,2", ".5,1.25,-1,2,3,-.25"}, {INT64, "1,2", "2,0"}, {FLOAT, "3", ".5,1,2"}},
     .outputs = 2,
     .count = 1,
     .wanted = {0.31774145}},
    {"cross_entropy_scores",
     "SoftmaxCrossEntropyLoss",
     {{FLOAT, "1,3,2", ".5,1.25,-1,2,3,-.25"}, {INT64, "1,2", "2,0"}},
     .output = 1,
     .outputs = 2,
     .count = 6,
     .wanted = {-2.59567428, -1.20600986, -4.09567451, -0.45600984, -0.09567437, -2.70600986}},
    {"reverse_sequence",
     "ReverseSequence",
     {{FLOAT, "4,2", "0,1,2,3,4,5,6,7"}, {INT64, "2", "3,1"}},
     NULL,
     NULL,
     {"time_axis", "batch_axis"},
     {0, 1},
     .outputs = 1,
     .count = 8,
     .wanted = {4, 1, 2, 3, 0, 5, 6, 7}},
    {"hamming_symmetric",
     "HammingWindow",
     {{INT64, "", "5"}},
     NULL,
     NULL,
     {"periodic"},
     {0},
     .outputs = 1,
     .count = 5,
     .wanted = {0.08695652, 0.54347831, 1, 0.54347825, 0.08695652}},
    {"blackman", "BlackmanWindow", {{INT64, "", "4"}}, .outputs = 1, .count = 4, .wanted = {0, 0.34, 1, 0.34}},
    {"qlinear_matmul",
     "QLinearMatMul",
     {{UINT8, "2,2", "10,200,30,4"},
      {FLOAT, "2", ".5,.25"},
      {UINT8, "2", "5,3"},
      {UINT8, "2,2", "1,255,7,9"},
      {FLOAT, "", ".1"},
      {UINT8, "", "2"},
      {FLOAT, "", ".75"},
      {UINT8, "", "100"}},
     .outputs = 1,
     .count = 4,
     .wanted = {165, 255, 99, 255}},
    {"conv_integer",
     "ConvInteger",
     {{UINT8, "1,1,3,3", "0,1,2,3,4,5,6,7,8"}, {UINT8, "1,1,2,2", "1,2,3,4"}, {UINT8, "", "1"}},
     .outputs = 1,
     .count = 4,
     .wanted = {17, 27, 47, 57}},
    {"qlinear_conv",
     "QLinearConv",
     {{UINT8, "1,1,3,3", "0,1,2,3,4,5,6,7,8"},
      {FLOAT, "", ".5"},
      {UINT8, "", "1"},
      {UINT8, "1,1,2,2", "1,2,3,4"},
      {FLOAT, "1", ".5"},
      {UINT8, "1", "0"},
      {FLOAT, "", ".25"},
      {UINT8, "", "3"},
      {FLOAT, NULL, NULL}},
     .outputs = 1,
     .count = 4,
     .wanted = {20, 30, 50, 60}},
    {"sample_zeros",
     "GridSample",
     {{FLOAT, "1,1,2,3", "1,2,4,3,-1,5"},
      {FLOAT, "1,1,4,2", "-1,-1,0.300000012,0.200000003,1.39999998,0,-0.100000001,-2.5999999"}},
     .opset = 20,
     .outputs = 1,
     .count = 4,
     .wanted = {0.25, 2.05999947, 0, 0}},
    {"sample_reflection",
     "GridSample",
     {{FLOAT, "1,1,2,3", "1,2,4,3,-1,5"},
      {FLOAT, "1,1,4,2", "-1,-1,0.300000012,0.200000003,1.39999998,0,-0.100000001,-2.5999999"}},
     .string = "mode",
     .string_value = "linear",
     .string2 = {"padding_mode", "reflection"},
     .opset = 20,
     .outputs = 1,
     .count = 4,
     .wanted = {1, 2.05999947, 4.09999943, -0.399999619}},
    {"sample_corners",
     "GridSample",
     {{FLOAT, "1,1,2,3", "1,2,4,3,-1,5"},
      {FLOAT, "1,1,4,2", "-1,-1,0.300000012,0.200000003,1.39999998,0,-0.100000001,-2.5999999"}},
     .string = "mode",
     .string_value = "cubic",
     .string2 = {"padding_mode", "border"},
     .integer = {"align_corners"},
     .integer_value = {1},
     .opset = 20,
     .outputs = 1,
     .count = 4,
     .wanted = {1, 1.17787611, 4.5, 1.79650021}},
    {"sample_nearest",
     "GridSample",
     {{FLOAT, "1,1,2,3", "1,2,4,3,-1,5"},
      {FLOAT, "1,1,4,2", "-1,-1,0.300000012,0.200000003,1.39999998,0,-0.100000001,-2.5999999"}},
     .string = "mode",
     .string_value = "nearest",
     .string2 = {"padding_mode", "border"},
     .opset = 16,
     .outputs = 1,
     .count = 4,
     .wanted = {1, -1, 4, 2}},
    {"affine_grid",
     "AffineGrid",
     {{FLOAT, "1,2,3", "1,0.5,0.25,-0.5,2,0"}, {INT64, "4", "1,1,2,2"}},
     .opset = 20,
     .outputs = 1,
     .count = 8,
     .wanted = {-0.5, -0.75, 0.5, -1.25, 0, 1.25, 1, 0.75}},
    {"roi_average",
     "RoiAlign",
     {{FLOAT, "1,1,2,3", "1,2,4,3,-1,5"}, {FLOAT, "2,4", "0,0,2,1,0.5,-0.5,3,2.5"}, {INT64, "2", "0,0"}},
     .integer = {"sampling_ratio", "output_height"},
     .integer_value = {2, 2},
     .opset = 16,
     .outputs = 1,
     .count = 4,
     .wanted = {1.5, 1.375, 2.66796875, 2.39453125}},
    {"crop_and_pad",
     "CenterCropPad",
     {{FLOAT, "1,1,2,3", "1,2,4,3,-1,5"}, {INT64, "2", "1,4"}},
     .lists = {{"axes", "2,3"}},
     .opset = 18,
     .outputs = 1,
     .count = 4,
     .wanted = {1, 2, 4, 0}},
    {"columns",
     "Col2Im",
     {{FLOAT, "1,4,2", "1,2,3,4,5,6,7,8"}, {INT64, "2", "2,3"}, {INT64, "2", "2,2"}},
     .opset = 18,
     .outputs = 1,
     .count = 6,
     .wanted = {1, 5, 4, 5, 13, 8}},
    {"unpool",
     "MaxUnpool",
     {{FLOAT, "1,1,1,2", "5,7"}, {INT64, "1,1,1,2", "1,6"}},
     .lists = {{"kernel_shape", "2,2"}, {"strides", "2,2"}},
     .opset = 11,
     .outputs = 1,
     .count = 8,
     .wanted = {0, 5, 0, 0, 0, 0, 7, 0}},
    {"cache_wraps",
     "TensorScatter",
     {{FLOAT, "2,3,1", "0,1,2,3,4,5"}, {FLOAT, "2,2,1", "10,11,12,13"}, {INT64, "2", "2,0"}},
     .string = "mode",
     .string_value = "circular",
     .integer = {"axis"},
     .integer_value = {1},
     .opset = 24,
     .outputs = 1,
     .count = 6,
     .wanted = {11, 1, 10, 12, 13, 5}},
};

static void build(model *m, const struct row *r, char *inputs, size_t size) {
    *inputs = '\0';
    model_begin(m, r->opset ? r->opset : 18);
    for (uint32_t i = 0; i < 9 && r->inputs[i].dims; i++) {
        const operand *in = &r->inputs[i];
        char name[8], raw[8];
        snprintf(name, sizeof name, "i%u", i);
        snprintf(raw, sizeof raw, "%s%u", in->type == UINT8 ? "r" : "i", i);
        model_initializer(m, in->type == FLOAT ? model_floats(m, raw, in->dims, in->values)
                                               : model_integers(m, raw, in->dims, in->values));
        if (in->type == UINT8) model_node(m, "Cast", raw, name), model_int(m, "to", UINT8);
        snprintf(inputs + strlen(inputs), size - strlen(inputs), "%s%s", i ? "," : "", name);
    }
    model_node(m, r->op_type, inputs, r->outputs == 1 ? "y0" : "y0,y1");
    if (r->string) model_string(m, r->string, r->string_value);
    if (r->string2[0]) model_string(m, r->string2[0], r->string2[1]);
    for (uint32_t i = 0; i < 2 && r->lists[i][0]; i++) model_ints(m, r->lists[i][0], r->lists[i][1]);
    for (uint32_t i = 0; i < 2 && r->integer[i]; i++) model_int(m, r->integer[i], r->integer_value[i]);
    model_node(m, "Cast", r->output ? "y1" : "y0", "result");
    model_int(m, "to", FLOAT);
    model_output(m, "result");
}

static void evaluate(const tenonh_module *module, const char *name, tenon__tensor *out_tensor) {
    tenonh_module *concrete = NULL, *lowered = NULL;
    tenon_status status = tenon__concretize(module, "main", NULL, 0, NULL, &concrete);
    if (status == TENON_STATUS_OK) status = tenon__decompose(concrete, NULL, NULL, &lowered);
    if (status == TENON_STATUS_OK) status = tenon__eval_function(lowered, NULL, out_tensor);
    ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", name, tenonh_error_message());
    tenonh_module_destroy(lowered);
    tenonh_module_destroy(concrete);
}

START_TEST(gives_the_reference_numbers) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        model m;
        char inputs[128];
        build(&m, r, inputs, sizeof inputs);
        tenonh_module *module = NULL;
        tenon_status status = model_import(&m, &module);
        ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", r->name, tenonh_error_message());
        tenon__tensor result = {0};
        evaluate(module, r->name, &result);
        ck_assert_msg(tenon__tensor_elements(&result) == r->count, "%s: %lld elements", r->name,
                      (long long)tenon__tensor_elements(&result));
        for (uint32_t k = 0; k < r->count; k++) {
            double got = ((const float *)result.data)[k];
            ck_assert_msg(fabs(got - r->wanted[k]) <= 1e-6 * (1 + fabs(r->wanted[k])),
                          "%s: element %u is %.9g, not %.9g", r->name, k, got, r->wanted[k]);
        }
        free(result.data);
        tenonh_module_destroy(module);
        model_end(&m);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx operators");
    TCase *tests = tcase_create("numbers");
    tcase_add_test(tests, gives_the_reference_numbers);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
