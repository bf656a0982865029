/* The ONNX importer: what models become, and how broken ones are refused. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/host/onnx.h>

#include "graph/graph.h"
#include "model.h"

enum { FLOAT = 1, INT32 = 6, INT64 = 7, STRING = 8, BOOL = 9, FLOAT16 = 10, DOUBLE = 11 };

/* -- Models that import ------------------------------------------------------------------------------------------- */

/* A model of one node: inputs x, y, z as far as they are given; its result's type. */
/* clang-format off */
static const struct one_node {
    const char *name;
    int64_t opset;
    const char *op_type;
    const char *inputs;    /* of the node */
    const char *x, *y, *z; /* dims, NULL: there is no such input */
    int32_t x_type, y_type, z_type;
    const char *ints[2], *int_values[2]; /* attributes */
    const char *integer;
    int64_t value;
    const char *wanted; /* type of the result */
} one_nodes[] = {
    {"add", 14, "Add", "x,y", "2,3", "3", NULL, FLOAT, FLOAT, 0, {0}, {0}, NULL, 0, "f32[2, 3]"},
    {"add_symbols", 14, "Add", "x,y", "n,1", "1,m", NULL, FLOAT, FLOAT, 0, {0}, {0}, NULL, 0, "f32[n, m]"},
    {"add_legacy_axis", 6, "Add", "x,y", "2,3,4", "3", NULL, FLOAT, FLOAT, 0, {0}, {0}, "axis", 1, "f32[2, 3, 4]"},
    {"unnamed_dim", 14, "Abs", "x", ",3", NULL, NULL, FLOAT, 0, 0, {0}, {0}, NULL, 0, "f32[x_0, 3]"},
    {"less_is_bool", 14, "Less", "x,y", "2", "2", NULL, INT64, INT64, 0, {0}, {0}, NULL, 0, "bool[2]"},
    {"cast_like", 19, "CastLike", "x,y", "2", "", NULL, INT64, FLOAT16, 0, {0}, {0}, NULL, 0, "f16[2]"},
    {"cast", 13, "Cast", "x", "2", NULL, NULL, FLOAT, 0, 0, {0}, {0}, "to", 16, "bf16[2]"},
    {"where", 16, "Where", "x,y,z", "2,1", "1,3", "", BOOL, FLOAT, FLOAT, {0}, {0}, NULL, 0, "f32[2, 3]"},
    {"transpose", 13, "Transpose", "x", "2,n,4", NULL, NULL, FLOAT, 0, 0, {0}, {0}, NULL, 0, "f32[4, n, 2]"},
    {"transpose_perm", 13, "Transpose", "x", "2,n,4", NULL, NULL, FLOAT, 0, 0, {"perm"}, {"1,0,2"}, NULL, 0,
     "f32[n, 2, 4]"},
    {"flatten", 13, "Flatten", "x", "2,n,4", NULL, NULL, FLOAT, 0, 0, {0}, {0}, "axis", 2, "f32[2*n, 4]"},
    {"squeeze_attribute", 11, "Squeeze", "x", "1,n,1", NULL, NULL, FLOAT, 0, 0, {"axes"}, {"0,-1"}, NULL, 0, "f32[n]"},
    {"squeeze_all", 13, "Squeeze", "x", "1,n,1", NULL, NULL, FLOAT, 0, 0, {0}, {0}, NULL, 0, "f32[n]"},
    {"unsqueeze_attribute", 11, "Unsqueeze", "x", "n", NULL, NULL, FLOAT, 0, 0, {"axes"}, {"0,-1"}, NULL, 0,
     "f32[1, n, 1]"},
    {"slice_attribute", 9, "Slice", "x", "5,8", NULL, NULL, FLOAT, 0, 0, {"starts", "ends"}, {"1,-3", "100,-1"}, NULL,
     0, "f32[4, 2]"},
    {"gather", 13, "Gather", "x,y", "9,4", "2,3", NULL, FLOAT, INT64, 0, {0}, {0}, NULL, 0, "f32[2, 3, 4]"},
    {"reduce_attribute", 13, "ReduceMean", "x", "2,n,4", NULL, NULL, FLOAT, 0, 0, {"axes"}, {"-1"}, "keepdims", 0,
     "f32[2, n]"},
    {"reduce_all", 18, "ReduceSum", "x", "2,n,4", NULL, NULL, FLOAT, 0, 0, {0}, {0}, "keepdims", 0, "f32[]"},
    {"reduce_none", 18, "ReduceSum", "x", "2,n,4", NULL, NULL, FLOAT, 0, 0, {0}, {0}, "noop_with_empty_axes", 1,
     "f32[2, n, 4]"},
    {"arg_max", 13, "ArgMax", "x", "2,n,4", NULL, NULL, FLOAT, 0, 0, {0}, {0}, "axis", -1, "i64[2, n, 1]"},
    {"softmax_rows", 9, "Softmax", "x", "2,n,4", NULL, NULL, FLOAT, 0, 0, {0}, {0}, NULL, 0, "f32[2, n, 4]"},
    {"matmul_vector", 13, "MatMul", "x,y", "4", "5,4,3", NULL, FLOAT, FLOAT, 0, {0}, {0}, NULL, 0, "f32[5, 3]"},
    {"matmul_batches", 13, "MatMul", "x,y", "b,1,2,4", "7,4,3", NULL, FLOAT, FLOAT, 0, {0}, {0}, NULL, 0,
     "f32[b, 7, 2, 3]"},
    {"gemm", 13, "Gemm", "x,y,z", "n,4", "4,3", "3", FLOAT, FLOAT, FLOAT, {0}, {0}, NULL, 0, "f32[n, 3]"},
    {"conv", 11, "Conv", "x,y,z", "n,3,224,224", "64,3,7,7", "64", FLOAT, FLOAT, FLOAT, {"strides", "pads"}, {"2,2",
     "3,3,3,3"}, NULL, 0, "f32[n, 64, 112, 112]"},
    {"conv_group", 11, "Conv", "x,y", "1,4,8", "4,1,3", NULL, FLOAT, FLOAT, 0, {0}, {0}, "group", 4, "f32[1, 4, 6]"},
    {"max_pool", 12, "MaxPool", "x", "1,3,7,7", NULL, NULL, FLOAT, 0, 0, {"kernel_shape", "strides"}, {"2,2", "2,2"},
     "ceil_mode", 1, "f32[1, 3, 4, 4]"},
    {"split_first", 13, "Split", "x", "7,2", NULL, NULL, FLOAT, 0, 0, {0}, {0}, NULL, 0, "f32[7, 2]"},
    {"trilu", 14, "Trilu", "x", "2,5,5", NULL, NULL, DOUBLE, 0, 0, {0}, {0}, "upper", 0, "f64[2, 5, 5]"},
    {"depth_to_space", 13, "DepthToSpace", "x", "n,12,2,3", NULL, NULL, FLOAT, 0, 0, {0}, {0}, "blocksize", 2,
     "f32[n, 3, 4, 6]"},
    {"clip_without_low", 15, "Clip", "x,,y", "2", "", NULL, FLOAT, FLOAT, 0, {0}, {0}, NULL, 0, "f32[2]"},
};
/* clang-format on */

static void build_one_node(model *m, const struct one_node *r) {
    model_begin(m, r->opset);
    model_input(m, "x", r->x_type, r->x);
    if (r->y) model_input(m, "y", r->y_type, r->y);
    if (r->z) model_input(m, "z", r->z_type, r->z);
    model_node(m, r->op_type, r->inputs, "result");
    for (int i = 0; i < 2; i++)
        if (r->ints[i]) model_ints(m, r->ints[i], r->int_values[i]);
    if (r->integer) model_int(m, r->integer, r->value);
    model_output(m, "result");
}

START_TEST(gives_types) {
    for (size_t i = 0; i < sizeof one_nodes / sizeof one_nodes[0]; i++) {
        const struct one_node *r = &one_nodes[i];
        model m;
        tenonh_module *module = NULL;
        build_one_node(&m, r);
        tenon_status status = model_import(&m, &module);
        ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", r->name, tenonh_error_message());
        const tenonh_function *function = tenonh_module_function(module, "main");
        ck_assert_str_eq(tenonh_function_input_name(function, 0), "x");
        ck_assert_str_eq(tenonh_function_output_name(function, 0), "result");
        const char *type = tenon__type_text(tenonh_function_output(function, 0));
        ck_assert_msg(strcmp(type, r->wanted) == 0, "%s: %s, not %s", r->name, type, r->wanted);
        tenonh_module_destroy(module);
        model_end(&m);
    }
}
END_TEST

/* The result of a model whose output needs no input: its elements as i64. */
static void expect_integers(const char *name, model *m, const int64_t *wanted, size_t count) {
    tenonh_module *module = NULL;
    tenon_status status = model_import(m, &module);
    ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", name, tenonh_error_message());
    const tenonh_value *value = tenonh_function_output(tenonh_module_function(module, "main"), 0);
    ck_assert_msg(value->content != NULL || value->constant != NULL, "%s: not known", name);
    if (value->constant) {
        ck_assert_uint_eq(value->dtype, TENON_DTYPE_I64);
        ck_assert_uint_eq(value->constant->size, count * sizeof *wanted);
        ck_assert_msg(memcmp(value->constant->data, wanted, count * sizeof *wanted) == 0, "%s: other numbers", name);
    } else {
        for (size_t i = 0; i < count; i++) {
            int64_t number = 0;
            ck_assert_msg(tenonh_dim_is_number(value->content[i], &number) && number == wanted[i],
                          "%s: element %zu is %lld", name, i, (long long)number);
        }
    }
    tenonh_module_destroy(module);
}

/* Exporters compute shapes with operators: what comes out are numbers where dims are, and dims where they are not. */
START_TEST(follows_shape_arithmetic) {
    model m;
    model_begin(&m, 15);
    model_input(&m, "x", FLOAT, "2,n,6");
    model_initializer(&m, model_integers(&m, "zero", "1", "0"));
    model_initializer(&m, model_integers(&m, "two", "1", "2"));
    model_initializer(&m, model_integers(&m, "three", "1", "3"));
    model_initializer(&m, model_integers(&m, "minus", "1", "-1"));
    model_node(&m, "Shape", "x", "shape");
    model_node(&m, "Gather", "shape,two", "six");
    model_node(&m, "Div", "six,three", "halved");
    model_node(&m, "Concat", "two,minus,three,halved", "target");
    model_int(&m, "axis", 0);
    model_node(&m, "Reshape", "x,target", "y");
    model_node(&m, "Transpose", "y", "result");
    model_ints(&m, "perm", "0,2,1,3");
    model_output(&m, "result");
    tenonh_module *module = NULL;
    ck_assert_msg(model_import(&m, &module) == TENON_STATUS_OK, "%s", tenonh_error_message());
    ck_assert_str_eq(tenon__type_text(tenonh_function_output(tenonh_module_function(module, "main"), 0)),
                     "f32[2, 3, n, 2]");
    tenonh_module_destroy(module);
    model_end(&m);
}
END_TEST

START_TEST(folds_what_needs_no_input) {
    model m;
    model_begin(&m, 15);
    model_input(&m, "x", FLOAT, "2,5,6");
    model_node(&m, "Shape", "x", "result");
    model_int(&m, "start", 1);
    model_output(&m, "result");
    expect_integers("shape_from_1", &m, (int64_t[]){5, 6}, 2);
    model_end(&m);

    model_begin(&m, 15);
    model_initializer(&m, model_integers(&m, "a", "3", "7,8,9"));
    model_initializer(&m, model_integers(&m, "i", "2", "-1,0"));
    model_node(&m, "Gather", "a,i", "result");
    model_output(&m, "result");
    expect_integers("gather_from_the_end", &m, (int64_t[]){9, 7}, 2);
    model_end(&m);

    model_begin(&m, 15);
    model_initializer(&m, model_integers(&m, "start", "", "10"));
    model_initializer(&m, model_integers(&m, "limit", "", "3"));
    model_initializer(&m, model_integers(&m, "delta", "", "-3"));
    model_node(&m, "Range", "start,limit,delta", "result");
    model_output(&m, "result");
    expect_integers("range_down", &m, (int64_t[]){10, 7, 4}, 3);
    model_end(&m);
}
END_TEST

/* What shapes depend on may be an input, if its value is given once and for all. */
START_TEST(takes_inputs_as_constants) {
    model m;
    size_t size;
    int64_t target[] = {3, -1}, other[] = {1};
    tenonh_module *module = NULL;
    const tenonh_array value = {.dtype = TENON_DTYPE_I64, .rank = 1, .dims = {2}, .size = 16, .data = target};
    const tenonh_array wrong = {.dtype = TENON_DTYPE_I64, .rank = 1, .dims = {1}, .size = 8, .data = other};
    tenonh_onnx_constant constant = {"target", &value};
    const tenonh_onnx_options options = {.struct_size = sizeof options, .constant_count = 1, .constants = &constant};
    model_begin(&m, 18);
    model_input(&m, "x", FLOAT, "6");
    model_input(&m, "target", INT64, "2");
    model_node(&m, "Reshape", "x,target", "result");
    model_output(&m, "result");
    uint8_t *bytes = model_pack(&m, &size);
    ck_assert_msg(tenonh_onnx_import_bytes(bytes, size, &options, &module) == TENON_STATUS_OK, "%s",
                  tenonh_error_message());
    const tenonh_function *function = tenonh_module_function(module, "main");
    ck_assert_uint_eq(tenonh_function_input_count(function), 1);
    ck_assert_str_eq(tenon__type_text(tenonh_function_output(function, 0)), "f32[3, 2]");
    tenonh_module_destroy(module);
    constant.value = &wrong;
    ck_assert_uint_eq(tenonh_onnx_import_bytes(bytes, size, &options, &module), TENON_STATUS_INVALID);
    constant.name = "nobody";
    ck_assert_uint_eq(tenonh_onnx_import_bytes(bytes, size, &options, &module), TENON_STATUS_INVALID);
    free(bytes);
    model_end(&m);
}
END_TEST

/* Old models list initializers among the inputs: those are constants. */
/* Dims that the caller names or fixes, whatever the model says of them. */
START_TEST(takes_dims) {
    model m;
    size_t size;
    tenonh_module *module = NULL;
    tenonh_onnx_dim dims[] = {{.input = "x", .symbol = "length", .axis = 0}, {.input = "x", .number = 5, .axis = 1}};
    const tenonh_onnx_options options = {.struct_size = sizeof options, .dims = dims, .dim_count = 2};
    const tenonh_onnx_options before = {.struct_size = TENONH_ONNX_OPTIONS_SIZE_V1, .dims = dims, .dim_count = 2};
    model_begin(&m, 18);
    model_input(&m, "x", FLOAT, "6,n");
    model_node(&m, "Relu", "x", "result");
    model_output(&m, "result");
    uint8_t *bytes = model_pack(&m, &size);
    const struct {
        const char *name, *type;
        const tenonh_onnx_options *options;
    } rows[] = {{"given", "f32[length, 5]", &options}, {"not_given", "f32[6, n]", NULL}, {"old", "f32[6, n]", &before}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(tenonh_onnx_import_bytes(bytes, size, rows[i].options, &module) == TENON_STATUS_OK, "%s: %s",
                      rows[i].name, tenonh_error_message());
        const tenonh_function *function = tenonh_module_function(module, "main");
        ck_assert_str_eq(tenon__type_text(tenonh_function_output(function, 0)), rows[i].type);
        tenonh_module_destroy(module);
    }
    const tenonh_onnx_dim wrong[] = {{.input = "y", .symbol = "n"},
                                     {.input = "x", .symbol = "n", .axis = 2},
                                     {.symbol = "n"},
                                     {.input = "x", .number = -1},
                                     {.input = "x", .symbol = "", .axis = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        dims[1] = wrong[i];
        ck_assert_uint_ne(tenonh_onnx_import_bytes(bytes, size, &options, &module), TENON_STATUS_OK);
    }
    free(bytes);
    model_end(&m);
}
END_TEST

START_TEST(keeps_only_real_inputs) {
    model m;
    tenonh_module *module = NULL;
    model_begin(&m, 9);
    model_input(&m, "x", FLOAT, "2");
    model_input(&m, "w", FLOAT, "2");
    model_initializer(&m, model_floats(&m, "w", "2", "1,2"));
    model_initializer(&m, model_floats(&m, "unused", "2", "1,2"));
    model_node(&m, "Mul", "x,w", "result");
    model_output(&m, "result");
    ck_assert_msg(model_import(&m, &module) == TENON_STATUS_OK, "%s", tenonh_error_message());
    const tenonh_function *function = tenonh_module_function(module, "main");
    ck_assert_uint_eq(tenonh_function_input_count(function), 1);
    ck_assert_uint_eq(tenonh_function_output_count(function), 1);
    tenonh_module_destroy(module);
    model_end(&m);
}
END_TEST

/* -- Functions ---------------------------------------------------------------------------------------------------- */

/* twice(x) = scale * x + scale * x, called from another function. */
static void build_functions(model *m) {
    model_begin(m, 18);
    model_opset(m, "test", 1);
    model_input(m, "x", FLOAT, "2");
    Onnx__FunctionProto *inner = model_function(m, "Inner", "a", "b");
    model_function_node(m, inner, "Constant", "", "two");
    model_tensor(m, "value", model_floats(m, "", "", "2"));
    model_function_node(m, inner, "Mul", "a,two", "b");
    Onnx__FunctionProto *outer = model_function(m, "Outer", "a", "c");
    model_function_node(m, outer, "Inner", "a", "b")->domain = (char *)"test";
    model_function_node(m, outer, "Inner", "b", "bb")->domain = (char *)"test";
    model_function_node(m, outer, "LeakyRelu", "bb", "c");
    model_reference(m, "alpha", "slope", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    model_node(m, "Outer", "x", "result")->domain = (char *)"test";
    model_float(m, "slope", 0.25f);
    m->last->name = (char *)"call";
    model_output(m, "result");
}

START_TEST(inlines_functions) {
    model m;
    char *text;
    tenonh_module *module = NULL;
    build_functions(&m);
    ck_assert_msg(model_import(&m, &module) == TENON_STATUS_OK, "%s", tenonh_error_message());
    ck_assert_uint_eq(tenonh_module_print(module, TENONH_PRINT_WHOLE, &text), TENON_STATUS_OK);
    ck_assert_msg(strstr(text, "tenon.leaky_relu") != NULL && strstr(text, "0.25") != NULL, "%s", text);
    const char *first = strstr(text, "mul");
    ck_assert_msg(first && strstr(first + 1, "mul") != NULL, "%s", text);
    free(text);
    tenonh_module_destroy(module);
    model_end(&m);
}
END_TEST

static void expect_slope(model *m, const char *wanted) {
    char *text;
    tenonh_module *module = NULL;
    ck_assert_msg(model_import(m, &module) == TENON_STATUS_OK, "%s", tenonh_error_message());
    ck_assert_uint_eq(tenonh_module_print(module, TENONH_PRINT_WHOLE, &text), TENON_STATUS_OK);
    ck_assert_msg(strstr(text, wanted) != NULL, "no %s in %s", wanted, text);
    free(text);
    tenonh_module_destroy(module);
}

/* An attribute that a call leaves out is the function's default, else the operator's. */
START_TEST(knows_function_defaults) {
    model m;
    build_functions(&m);
    m.graph.node[0]->n_attribute = 0;
    expect_slope(&m, "alpha = 0.00999"); /* 0.01 as a float has it */
    model_default(&m, m.proto.functions[1], "slope", 0.5f);
    expect_slope(&m, "alpha = 0.5");
    model_end(&m);
}
END_TEST

/* -- Models that are refused -------------------------------------------------------------------------------------- */

static void unknown_operators(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Frobnicate", "x", "a")->name = (char *)"first";
    model_node(m, "Relu", "a", "b");
    model_node(m, "Frobnicate", "b", "c");
    model_node(m, "Gather9", "c", "d")->domain = (char *)"com.example";
    model_node(m, "SequenceEmpty", "c", "e");
    model_output(m, "d");
}

static void unknown_in_function(model *m) {
    build_functions(m);
    model_function_node(m, m->proto.functions[0], "Nonesuch", "a", "z");
}

static void old_opset(model *m) {
    model_begin(m, 5);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Relu", "x", "y");
    model_output(m, "y");
}

static void new_opset(model *m) {
    old_opset(m);
    m->proto.opset_import[0]->version = 1000;
}

static void no_graph(model *m) {
    model_begin(m, 18);
    m->proto.graph = NULL;
}

static void cycle(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Add", "x,b", "a");
    model_node(m, "Relu", "a", "b");
    model_output(m, "b");
}

static void undefined_name(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Add", "x,nobody", "a")->name = (char *)"adder";
    model_output(m, "a");
}

static void missing_output(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Relu", "x", "a");
    model_output(m, "elsewhere");
}

static void defined_twice(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Relu", "x", "a");
    model_node(m, "Abs", "x", "a");
    model_output(m, "a");
}

static void circular_functions(model *m) {
    build_functions(m);
    model_function_node(m, m->proto.functions[0], "Outer", "a", "z")->domain = (char *)"test";
}

static void no_shape(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, NULL);
    model_output(m, "x");
}

static void string_input(model *m) {
    model_begin(m, 18);
    model_input(m, "x", STRING, "2");
    model_output(m, "x");
}

static void nine_dims(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "1,2,3,4,5,6,7,8,9");
    model_output(m, "x");
}

static void mixed_dtypes(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_input(m, "y", DOUBLE, "2");
    model_node(m, "Add", "x,y", "a")->name = (char *)"adder";
    model_output(m, "a");
}

static void no_broadcast(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_input(m, "y", FLOAT, "3");
    model_node(m, "Add", "x,y", "a")->name = (char *)"adder";
    model_output(m, "a");
}

static void wrong_attribute(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Softmax", "x", "a");
    model_string(m, "axis", "last");
    model_output(m, "a");
}

static void axis_outside(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Softmax", "x", "a");
    model_int(m, "axis", 1);
    model_output(m, "a");
}

static void axis_twice(model *m) {
    model_begin(m, 11);
    model_input(m, "x", FLOAT, "1,1");
    model_node(m, "Squeeze", "x", "a");
    model_ints(m, "axes", "0,-2");
    model_output(m, "a");
}

static void too_many_inputs(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Relu", "x,x", "a");
    model_output(m, "a");
}

static void left_out_input(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    model_node(m, "Add", ",x", "a");
    model_output(m, "a");
}

static void external_without_folder(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "2");
    Onnx__TensorProto *w = model_floats(m, "w", "2", "1,2");
    static Onnx__StringStringEntryProto entry = ONNX__STRING_STRING_ENTRY_PROTO__INIT, *list[] = {&entry};
    entry.key = (char *)"location";
    entry.value = (char *)"weights.bin";
    w->has_data_location = 1;
    w->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    w->external_data = list;
    w->n_external_data = 1;
    w->has_raw_data = 0;
    model_initializer(m, w);
    model_node(m, "Add", "x,w", "a");
    model_output(m, "a");
}

static void short_initializer(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "3");
    model_initializer(m, model_floats(m, "w", "3", "1,2"));
    model_node(m, "Add", "x,w", "a");
    model_output(m, "a");
}

static void reshape_too_large(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "6");
    model_initializer(m, model_integers(m, "target", "2", "4,-1"));
    model_node(m, "Reshape", "x,target", "a");
    model_output(m, "a");
}

static void kernel_too_large(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "1,1,2");
    model_input(m, "w", FLOAT, "1,1,5");
    model_node(m, "Conv", "x,w", "a");
    model_output(m, "a");
}

static void pool_too_large(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "1,1,2");
    model_node(m, "AveragePool", "x", "a");
    model_ints(m, "kernel_shape", "5");
    model_output(m, "a");
}

static void k_too_large(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "n,4");
    model_initializer(m, model_integers(m, "k", "1", "5"));
    model_node(m, "TopK", "x,k", "a,places");
    model_output(m, "a");
}

static void mask_of_max_pool(model *m) {
    model_begin(m, 18);
    model_input(m, "x", FLOAT, "1,1,4");
    model_node(m, "MaxPool", "x", "a,indices");
    model_ints(m, "kernel_shape", "2");
    model_output(m, "indices");
}

/* clang-format off */
static const struct refused {
    const char *name;
    void (*build)(model *m);
    tenon_status status;
    const char *says[4];
} refused[] = {
    {"unknown_operators", unknown_operators, TENON_STATUS_UNSUPPORTED, {"3 operators",
     "Frobnicate (domain ai.onnx, opset 18; node 'first' and 1 more)", "Gather9 (domain com.example", "SequenceEmpty ("}},
    {"unknown_in_function", unknown_in_function, TENON_STATUS_UNSUPPORTED, {"Nonesuch"}},
    {"old_opset", old_opset, TENON_STATUS_UNSUPPORTED, {"opset 5", "6 to"}},
    {"new_opset", new_opset, TENON_STATUS_UNSUPPORTED, {"opset 1000"}},
    {"no_graph", no_graph, TENON_STATUS_BAD_DATA, {"no graph"}},
    {"cycle", cycle, TENON_STATUS_BAD_DATA, {"'b'", "cycle"}},
    {"undefined_name", undefined_name, TENON_STATUS_BAD_DATA, {"'nobody'", "adder"}},
    {"missing_output", missing_output, TENON_STATUS_BAD_DATA, {"'elsewhere'"}},
    {"defined_twice", defined_twice, TENON_STATUS_BAD_DATA, {"'a'", "twice"}},
    {"circular_functions", circular_functions, TENON_STATUS_BAD_DATA, {"calls itself"}},
    {"no_shape", no_shape, TENON_STATUS_UNSUPPORTED, {"'x'", "rank"}},
    {"string_input", string_input, TENON_STATUS_UNSUPPORTED, {"'x'", "STRING"}},
    {"nine_dims", nine_dims, TENON_STATUS_UNSUPPORTED, {"'x'", "9 dims"}},
    {"mixed_dtypes", mixed_dtypes, TENON_STATUS_INVALID, {"adder", "Add"}},
    {"no_broadcast", no_broadcast, TENON_STATUS_INVALID, {"adder", "Add"}},
    {"wrong_attribute", wrong_attribute, TENON_STATUS_BAD_DATA, {"axis", "integer"}},
    {"axis_outside", axis_outside, TENON_STATUS_INVALID, {"axis 1", "rank of 1"}},
    {"axis_twice", axis_twice, TENON_STATUS_INVALID, {"twice"}},
    {"too_many_inputs", too_many_inputs, TENON_STATUS_BAD_DATA, {"2 inputs"}},
    {"left_out_input", left_out_input, TENON_STATUS_BAD_DATA, {"left out"}},
    {"external_without_folder", external_without_folder, TENON_STATUS_BAD_DATA, {"'w'", "weights.bin", "folder"}},
    {"short_initializer", short_initializer, TENON_STATUS_BAD_DATA, {"'w'", "12 bytes"}},
    {"reshape_too_large", reshape_too_large, TENON_STATUS_INVALID, {"Reshape"}},
    {"kernel_too_large", kernel_too_large, TENON_STATUS_INVALID, {"Conv -> a"}},
    {"pool_too_large", pool_too_large, TENON_STATUS_INVALID, {"AveragePool -> a"}},
    {"k_too_large", k_too_large, TENON_STATUS_INVALID, {"TopK -> a"}},
    {"mask_of_max_pool", mask_of_max_pool, TENON_STATUS_UNSUPPORTED, {"'indices'"}},
};
/* clang-format on */

START_TEST(refuses_with_reasons) {
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct refused *r = &refused[i];
        model m;
        tenonh_module *module = NULL;
        r->build(&m);
        tenon_status status = model_import(&m, &module);
        ck_assert_msg(status == r->status, "%s: %u, %s", r->name, status, tenonh_error_message());
        for (size_t k = 0; k < 4 && r->says[k]; k++)
            ck_assert_msg(strstr(tenonh_error_message(), r->says[k]) != NULL, "%s: no '%s' in: %s", r->name, r->says[k],
                          tenonh_error_message());
        ck_assert_ptr_null(module);
        model_end(&m);
    }
}
END_TEST

/* What a model may declare of an output that is f32[n, 3]. */
/* clang-format off */
static const struct declared {
    const char *name;
    int32_t type;
    const char *dims;
    tenon_status status;
    const char *says;
} declared[] = {
    {"nothing", 0, NULL, TENON_STATUS_OK, NULL},
    {"no_shape", FLOAT, NULL, TENON_STATUS_OK, NULL},
    {"no_dtype", 0, "n,3", TENON_STATUS_OK, NULL},
    {"as_it_is", FLOAT, "n,3", TENON_STATUS_OK, NULL},
    {"other_names", FLOAT, "batch,", TENON_STATUS_OK, NULL},
    {"other_numbers", FLOAT, "5,4", TENON_STATUS_OK, NULL},
    {"dtype", INT64, "n,3", TENON_STATUS_BAD_DATA, "output 'y' is declared as i64"},
    {"dtype_alone", DOUBLE, NULL, TENON_STATUS_BAD_DATA, "f64"},
    {"rank", FLOAT, "n", TENON_STATUS_BAD_DATA, "output 'y' is declared to have 1 dims"},
};
/* clang-format on */

START_TEST(checks_declared_outputs) {
    for (size_t i = 0; i < sizeof declared / sizeof declared[0]; i++) {
        const struct declared *r = &declared[i];
        model m;
        tenonh_module *module = NULL;
        model_begin(&m, 18);
        model_input(&m, "x", FLOAT, "n,3");
        model_node(&m, "Abs", "x", "y");
        model_typed_output(&m, "y", r->type, r->dims);
        tenon_status status = model_import(&m, &module);
        ck_assert_msg(status == r->status, "%s: %u, %s", r->name, status, tenonh_error_message());
        ck_assert_msg(!r->says || strstr(tenonh_error_message(), r->says), "%s: %s", r->name, tenonh_error_message());
        tenonh_module_destroy(module);
        model_end(&m);
    }
}
END_TEST

/* -- Bytes that are no model -------------------------------------------------------------------------------------- */

/* Every prefix: a cut message is refused or, where it ends between fields, is a smaller model. */
START_TEST(survives_cuts) {
    model m;
    size_t size;
    build_functions(&m);
    uint8_t *bytes = model_pack(&m, &size);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);
        tenonh_module *module = NULL;
        memcpy(part, bytes, cut);
        if (tenonh_onnx_import_bytes(part, cut, NULL, &module) == TENON_STATUS_OK) tenonh_module_destroy(module);
        free(part);
    }
    free(bytes);
    model_end(&m);
}
END_TEST

/* Bytes changed at random, the same ones each time. */
START_TEST(survives_damage) {
    model m;
    size_t size;
    uint64_t state = 1;
    build_one_node(&m, &one_nodes[20]);
    uint8_t *bytes = model_pack(&m, &size), *damaged = malloc(size);
    for (int round = 0; round < 20000; round++) {
        tenonh_module *module = NULL;
        memcpy(damaged, bytes, size);
        for (int change = 0; change <= round % 4; change++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            damaged[(state >> 33) % size] = (uint8_t)(state >> 24);
        }
        if (tenonh_onnx_import_bytes(damaged, size, NULL, &module) == TENON_STATUS_OK) tenonh_module_destroy(module);
    }
    free(damaged);
    free(bytes);
    model_end(&m);
}
END_TEST

/* A thousand messages one within the other must not use up the stack. */
START_TEST(refuses_deep_nesting) {
    enum { DEPTH = 100000 };
    uint8_t *bytes = malloc(DEPTH * 16), *at = bytes + DEPTH * 16;
    size_t size = 0;
    tenonh_module *module = NULL;
    /* model.graph(7) . node(1) . attribute(5) . g(6) . node(1) ... from the inside out */
    static const uint8_t tags[] = {6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2};
    for (int level = 0; level < DEPTH; level++) {
        uint8_t head[8];
        size_t length = 0;
        head[length++] = level == DEPTH - 1 ? 7 << 3 | 2 : tags[level % 3];
        for (size_t rest = size; head[length++] = (uint8_t)(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0), rest > 0x7f;
             rest >>= 7) {}
        at -= length;
        memcpy(at, head, length);
        size += length;
    }
    ck_assert_uint_eq(tenonh_onnx_import_bytes(at, size, NULL, &module), TENON_STATUS_BAD_DATA);
    ck_assert_msg(strstr(tenonh_error_message(), "nested too deep") != NULL, "%s", tenonh_error_message());
    free(bytes);
}
END_TEST

START_TEST(refuses_bad_options) {
    tenonh_module *module = NULL;
    tenonh_onnx_options options = {.struct_size = 4};
    ck_assert_uint_eq(tenonh_onnx_import_bytes("", 0, &options, &module), TENON_STATUS_INVALID);
    options = (tenonh_onnx_options){.struct_size = sizeof options, .folder = "/no/such/folder"};
    ck_assert_uint_eq(tenonh_onnx_import_bytes("", 0, &options, &module), TENON_STATUS_NOT_FOUND);
    ck_assert_uint_eq(tenonh_onnx_import("/no/such/model.onnx", NULL, &module), TENON_STATUS_NOT_FOUND);
    ck_assert_uint_eq(tenonh_onnx_import("/tmp", NULL, &module), TENON_STATUS_BAD_DATA);
}
END_TEST

/* INVALID with words, and no crash. */
#define REFUSED(call, words)                                                                                           \
    do {                                                                                                               \
        ck_assert_msg((call) == TENON_STATUS_INVALID, "%s", #call);                                                    \
        ck_assert_msg(strstr(tenonh_error_message(), words) != NULL, "%s: %s", #call, tenonh_error_message());         \
    } while (0)

START_TEST(refuses_null_arguments) {
    const int64_t dims[] = {1};
    tenonh_module *module = NULL;
    tenonh_array array = {0};
    REFUSED(tenonh_onnx_import(NULL, NULL, &module), "path");
    REFUSED(tenonh_onnx_import("/no/such/model.onnx", NULL, NULL), "out_module");
    REFUSED(tenonh_onnx_import_bytes(NULL, 10, NULL, &module), "bytes");
    REFUSED(tenonh_onnx_import_bytes("", 0, NULL, NULL), "out_module");
    REFUSED(tenonh_module_create(NULL), "out_module");
    REFUSED(tenonh_array_create(TENON_DTYPE_F32, 1, NULL, &array), "dims");
    REFUSED(tenonh_array_create(TENON_DTYPE_F32, 1, dims, NULL), "out_array");
    REFUSED(tenonh_array_read(NULL, &array), "path");
    REFUSED(tenonh_array_read("/no/such/array.npy", NULL), "out_array");
    REFUSED(tenonh_array_write(NULL, "/no/such/array.npy"), "NULL");
    REFUSED(tenonh_array_write(&array, NULL), "NULL");
    ck_assert_int_eq(tenonh_array_count(NULL), 0);
    ck_assert_ptr_null(tenonh_module_function(NULL, "main"));
    ck_assert_uint_eq(tenonh_module_create(&module), TENON_STATUS_OK);
    ck_assert_ptr_null(tenonh_module_function(module, NULL));
    tenonh_module_destroy(module);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("import");
    TCase *tests = tcase_create("import");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, gives_types);
    tcase_add_test(tests, follows_shape_arithmetic);
    tcase_add_test(tests, folds_what_needs_no_input);
    tcase_add_test(tests, takes_inputs_as_constants);
    tcase_add_test(tests, takes_dims);
    tcase_add_test(tests, keeps_only_real_inputs);
    tcase_add_test(tests, inlines_functions);
    tcase_add_test(tests, knows_function_defaults);
    tcase_add_test(tests, refuses_with_reasons);
    tcase_add_test(tests, checks_declared_outputs);
    tcase_add_test(tests, survives_cuts);
    tcase_add_test(tests, survives_damage);
    tcase_add_test(tests, refuses_deep_nesting);
    tcase_add_test(tests, refuses_bad_options);
    tcase_add_test(tests, refuses_null_arguments);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
