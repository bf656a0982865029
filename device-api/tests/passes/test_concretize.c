/* Concretising and decomposing: symbols bound, control resolved, constants shared, what is dead gone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static tenonh_module *parsed(const char *text) {
    tenonh_module *module = NULL;
    ck_assert_msg(tenonh_module_parse(text, strlen(text), &module) == TENON_STATUS_OK, "%s\n%s", tenonh_error_message(),
                  text);
    return module;
}

static tenonh_module *concrete_of(tenonh_module *module, const tenon__input_dims *dims, uint32_t count) {
    tenonh_module *concrete = NULL;
    ck_assert_msg(tenon__concretize(module, "main", dims, count, NULL, &concrete) == TENON_STATUS_OK, "%s",
                  tenonh_error_message());
    ck_assert_msg(tenonh_module_verify(concrete) == TENON_STATUS_OK, "%s", tenonh_error_message());
    return concrete;
}

static tenonh_module *flat_of(tenonh_module *module, tenon__claim claim, void *context) {
    tenonh_module *flat = NULL;
    ck_assert_msg(tenon__decompose(module, claim, context, &flat) == TENON_STATUS_OK, "%s", tenonh_error_message());
    ck_assert_msg(tenonh_module_verify(flat) == TENON_STATUS_OK, "%s", tenonh_error_message());
    return flat;
}

static void expect_text(const tenonh_module *module, const char *wanted) {
    char *text = NULL;
    ck_assert_int_eq(tenonh_module_print(module, TENONH_PRINT_WHOLE, &text), TENON_STATUS_OK);
    ck_assert_msg(strcmp(text, wanted) == 0, "it is\n%s\ninstead of\n%s", text, wanted);
    free(text);
}

#define DIMS(...)                                                                                                      \
    {                                                                                                                  \
        .rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .dims = { __VA_ARGS__ }                            \
    }

/* What an exporter writes for one head of attention: shapes computed by nodes, symbols for batch and tokens. */
static const char transformer[] = "tenon.graph 1\n"
                                  "symbol batch in 1 .. 64\n"
                                  "symbol tokens in 1 .. 512\n"
                                  "symbol d7 in 0 .. 100000 data\n"
                                  "symbol d8 in 0 .. 100000 data\n"
                                  "symbol d9 in 0 .. 100000 data\n"
                                  "symbol d10 in 0 .. 100000 data\n"
                                  "func main(%0 \"x\": f32[batch, tokens, 8], %1 \"mask\": i64[batch, tokens]) {\n"
                                  "  %2: i64[3] = tenon.shape_of.1(%0)\n"
                                  "  %3: i64[1] = constant [0]\n"
                                  "  %4: i64[1] = constant [1]\n"
                                  "  %5: i64[1] = gather(%2, %3)\n"
                                  "  %6: i64[1] = gather(%2, %4)\n"
                                  "  %7: i64[2] = constant [2, 4]\n"
                                  "  %8: i64[4] = tenon.concat.1(%5, %6, %7)\n"
                                  "  %9: f32[d7, d8, d9, d10] = tenon.reshape_to.1(%0, %8)\n"
                                  "  %10: f32[d7, d9, d8, d10] = permute(%9) {perm = [0, 2, 1, 3]}\n"
                                  "  %11: f32[d7, d9, d10, d8] = permute(%9) {perm = [0, 2, 3, 1]}\n"
                                  "  %12: f32[d7, d9, d8, d8] = matmul(%10, %11)\n"
                                  "  %13: f32[batch, tokens] = cast(%1) {dtype = f32}\n"
                                  "  %14: f32[batch, 1, 1, tokens] = reshape(%13) {dims = [batch, 1, 1, tokens]}\n"
                                  "  %15: f32[d7, d9, d8, d8] = tenon.broadcast.1(%14, %12)\n"
                                  "  %16: f32[d7, d9, d8, d8] = add(%12, %15)\n"
                                  "  %17: f32[d7, d9, d8, d8] = tenon.softmax.1(%16) {axis = 3}\n"
                                  "  return \"probabilities\" %17\n"
                                  "}\n";

static void m_transformer(const test_tensor *in, int batch, int tokens, double *wanted) {
    for (int b = 0; b < batch; b++)
        for (int h = 0; h < 2; h++)
            for (int i = 0; i < tokens; i++) {
                double *row = wanted + ((b * 2 + h) * tokens + i) * tokens, sum = 0;
                for (int j = 0; j < tokens; j++) {
                    row[j] = in[1].values[b * tokens + j];
                    for (int d = 0; d < 4; d++)
                        row[j] += in[0].values[((b * tokens) + i) * 8 + h * 4 + d] *
                                  in[0].values[((b * tokens) + j) * 8 + h * 4 + d];
                    row[j] = exp(row[j]);
                    sum += row[j];
                }
                for (int j = 0; j < tokens; j++) row[j] /= sum;
            }
}

START_TEST(test_transformer) {
    static const int sizes[][2] = {{2, 3}, {1, 5}, {3, 1}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int batch = sizes[s][0], tokens = sizes[s][1];
        test_tensor in[2] = {test_tensor_of(TENON_DTYPE_F32, 3, (int64_t[]){batch, tokens, 8}),
                             test_tensor_of(TENON_DTYPE_I64, 2, (int64_t[]){batch, tokens})},
                    out[1];
        double wanted[256];
        test_fill(&in[0], s, -1, 1);
        test_fill(&in[1], s, 0, 3);
        m_transformer(in, batch, tokens, wanted);
        test_run("transformer", transformer, in, 2, out);
        ck_assert_uint_eq(out[0].rank, 4);
        ck_assert_int_eq(out[0].count, batch * 2 * tokens * tokens);
        test_expect("transformer", &out[0], wanted, 1e-5, 1e-6);
        test_free(in, 2);
        test_free(out, 1);
    }
}
END_TEST

/* clang-format off */
static const struct binding_row {
    const char *name, *inputs, *message; /* NULL: it fits */
    tenon__input_dims dims[3];
} bindings[] = {
    {"fits", "%0 \"a\": f32[n, 3], %1 \"b\": f32[2*n + 1, m], %2 \"c\": f32[n*m]", NULL, {DIMS(4, 3), DIMS(9, 5), DIMS(20)}},
    {"solved", "%0 \"a\": f32[2*n + 1], %1 \"b\": f32[n], %2 \"c\": f32[m]", NULL, {DIMS(9), DIMS(4), DIMS(1)}},
    {"rank", "%0 \"a\": f32[n], %1 \"b\": f32[m], %2 \"c\": f32[1]", "input 'b' is f32[m] and is given 2 dims",
     {DIMS(4), DIMS(1, 1), DIMS(1)}},
    {"number", "%0 \"a\": f32[n], %1 \"b\": f32[3], %2 \"c\": f32[m]", "input 'b' is f32[3]; 4 does not fit its dim 0",
     {DIMS(4), DIMS(4), DIMS(1)}},
    {"conflict", "%0 \"a\": f32[n], %1 \"b\": f32[m], %2 \"c\": f32[m, n]", "input 'c' is f32[m, n]; 5 does not fit its dim 1",
     {DIMS(4), DIMS(3), DIMS(3, 5)}},
    {"range", "%0 \"a\": f32[n], %1 \"b\": f32[m], %2 \"c\": f32[1]", "'n' ranges over 1 ... 10 in steps of 1",
     {DIMS(11), DIMS(3), DIMS(1)}},
    {"divisor", "%0 \"a\": f32[e], %1 \"b\": f32[m], %2 \"c\": f32[n]", "'e' ranges over 0 ... 64 in steps of 8",
     {DIMS(12), DIMS(3), DIMS(1)}},
    {"negative", "%0 \"a\": f32[n], %1 \"b\": f32[m], %2 \"c\": f32[1]", "it is negative", {DIMS(-1), DIMS(3), DIMS(1)}},
    {"no_solution", "%0 \"a\": f32[2*n], %1 \"b\": f32[m], %2 \"c\": f32[1]", "no value of its symbol gives it",
     {DIMS(5), DIMS(3), DIMS(1)}},
    {"undecided", "%0 \"a\": f32[n*m], %1 \"b\": f32[1], %2 \"c\": f32[1]", "do not say what its symbols are",
     {DIMS(6), DIMS(1), DIMS(1)}},
};
/* clang-format on */

START_TEST(test_bindings) {
    const struct binding_row *row = &bindings[_i];
    char text[512];
    snprintf(text, sizeof text,
             "tenon.graph 1\nsymbol n in 1 .. 10\nsymbol m in 1 .. 100\nsymbol e in 0 .. 64 of 8\n"
             "func main(%s) {\n  return \"y\" %%0\n}\n",
             row->inputs);
    tenonh_module *module = parsed(text), *concrete = NULL;
    tenon_status status = tenon__concretize(module, "main", row->dims, 3, NULL, &concrete);
    if (!row->message)
        ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", row->name, tenonh_error_message());
    else
        ck_assert_msg(status == TENON_STATUS_INVALID && strstr(tenonh_error_message(), row->message), "%s: %s",
                      row->name, tenonh_error_message());
    tenonh_module_destroy(concrete);
    tenonh_module_destroy(module);
}
END_TEST

START_TEST(test_wrong_calls) {
    tenonh_module *module = parsed("tenon.graph 1\nfunc main(%0: f32[2]) {\n  return \"y\" %0\n}\n"), *concrete = NULL;
    tenon__input_dims two[2] = {DIMS(2), DIMS(2)};
    ck_assert_int_eq(tenon__concretize(module, "main", two, 2, NULL, &concrete), TENON_STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "has 1 inputs and dims are given for 2"));
    ck_assert_int_eq(tenon__concretize(module, "other", two, 1, NULL, &concrete), TENON_STATUS_NOT_FOUND);
    tenonh_module_destroy(module);
}
END_TEST

/* -- What is left --------------------------------------------------------------------------------------------------- */

/* The same function before and after, for inputs of f32[2, 3] each. */
/* clang-format off */
static const struct clean_row {
    const char *name, *before, *after;
} cleans[] = {
    {"unused nodes go, equal ones are one",
     "func main(%0 \"x\": f32[n, 3]) {\n  %1: f32[n, 3] = exp(%0) from \"a\"\n  %2: f32[n, 3] = exp(%0) from \"b\"\n"
     "  %3: f32[n, 3] = sin(%0)\n  %4: f32[n, 3] = add(%1, %2)\n  return \"y\" %4\n}\n",
     "func main(%0 \"x\": f32[2, 3]) {\n  %1: f32[2, 3] = exp(%0) from \"a\", \"b\"\n  %2: f32[2, 3] = add(%1, %1)\n"
     "  return \"y\" %2\n}\n"},
    {"unused inputs stay",
     "func main(%0 \"x\": f32[n, 3], %1 \"z\": f32[n, 3]) {\n  return \"y\" %0\n}\n",
     "func main(%0 \"x\": f32[2, 3], %1 \"z\": f32[2, 3]) {\n  return \"y\" %0\n}\n"},
    {"constants fold",
     "func main(%0 \"x\": f32[n, 3]) {\n  %1: f32[] = constant [3]\n  %2: f32[] = sqrt(%1)\n  %3: f32[] = mul(%2, %2)\n"
     "  %4: f32[n, 3] = expand(%3) {dims = [n, 3]}\n  %5: f32[n, 3] = mul(%0, %4)\n  return \"y\" %5\n}\n",
     "func main(%0 \"x\": f32[2, 3]) {\n  %1: f32[] = constant [3]\n  %2: f32[2, 3] = expand(%1) {dims = [2, 3]}\n"
     "  %3: f32[2, 3] = mul(%0, %2)\n  return \"y\" %3\n}\n"},
    {"a known branch is taken",
     "func main(%0 \"x\": f32[n, 3]) {\n  %1: i64[2] = tenon.shape_of.1(%0)\n  %2: i64[1] = constant [0]\n"
     "  %3: i64[1] = gather(%1, %2)\n  %4: i64[1] = constant [2]\n  %5: bool[1] = eq(%3, %4)\n  %6: bool[] = reshape(%5) {dims = []}\n"
     "  %7: f32[n, 3] = if(%6) region {\n    %8: f32[n, 3] = exp(%0)\n    yield %8\n  } region {\n    yield %0\n  }\n"
     "  return \"y\" %7\n}\n",
     "func main(%0 \"x\": f32[2, 3]) {\n  %1: f32[2, 3] = exp(%0)\n  return \"y\" %1\n}\n"},
    {"an unknown one stays",
     "func main(%0 \"x\": f32[n, 3]) {\n  %1: bool[] = constant [0]\n  %2: f32[] = sum(%0) {axes = [0, 1]}\n"
     "  %3: bool[] = lt(%2, %2)\n  %4: f32[n, 3] = if(%3) region {\n    %5: f32[n, 3] = exp(%0)\n    %6: f32[n, 3] = sin(%0)\n"
     "    yield %5\n  } region {\n    yield %0\n  }\n  return \"y\" %4\n}\n",
     "func main(%0 \"x\": f32[2, 3]) {\n  %1: f32[] = sum(%0) {axes = [0, 1]}\n  %2: bool[] = lt(%1, %1)\n"
     "  %3: f32[2, 3] = if(%2) region {\n    %4: f32[2, 3] = exp(%0)\n    yield %4\n  } region {\n    yield %0\n  }\n"
     "  return \"y\" %3\n}\n"},
    {"equal nodes of two branches stay apart",
     "func main(%0 \"x\": f32[n, 3], %1 \"c\": f32[n, 3]) {\n  %2: f32[] = sum(%1) {axes = [0, 1]}\n  %3: bool[] = lt(%2, %2)\n"
     "  %4: f32[n, 3] = if(%3) region {\n    %5: f32[n, 3] = exp(%0)\n    yield %5\n  } region {\n    %6: f32[n, 3] = exp(%0)\n"
     "    yield %6\n  }\n  return \"y\" %4\n}\n",
     "func main(%0 \"x\": f32[2, 3], %1 \"c\": f32[2, 3]) {\n  %2: f32[] = sum(%1) {axes = [0, 1]}\n  %3: bool[] = lt(%2, %2)\n"
     "  %4: f32[2, 3] = if(%3) region {\n    %5: f32[2, 3] = exp(%0)\n    yield %5\n  } region {\n    %6: f32[2, 3] = exp(%0)\n"
     "    yield %6\n  }\n  return \"y\" %4\n}\n"},
    {"loops of known length unroll",
     "func main(%0 \"x\": f32[n, 3]) {\n  %1: f32[3] = constant [1, 2, 3]\n"
     "  %2: f32[3], %3: f32[n, 3] = for(%1, %0) {axis = 1} region (%4: f32[3], %5: f32[3]) {\n    %6: f32[3] = add(%4, %5)\n"
     "    yield %6, %4\n  }\n  return \"last\" %2, \"all\" %3\n}\n",
     "func main(%0 \"x\": f32[2, 3]) {\n  %1: f32[3] = constant [1, 2, 3]\n  %2: f32[1, 3] = constant [1, 2, 3]\n"
     "  %3: f32[1, 3] = slice(%0) {dims = [1, 3], starts = [0, 0], steps = [1, 1]}\n  %4: f32[3] = reshape(%3) {dims = [3]}\n"
     "  %5: f32[3] = add(%1, %4)\n  %6: f32[1, 3] = slice(%0) {dims = [1, 3], starts = [1, 0], steps = [1, 1]}\n"
     "  %7: f32[3] = reshape(%6) {dims = [3]}\n  %8: f32[3] = add(%5, %7)\n  %9: f32[1, 3] = reshape(%5) {dims = [1, 3]}\n"
     "  %10: f32[2, 3] = tenon.concat.1(%2, %9) {axis = 0}\n  return \"last\" %8, \"all\" %10\n}\n"},
    {"a loop of no step gives what went in",
     "func main(%0 \"x\": f32[n, 3]) {\n  %1: f32[n, 3], %2: f32[n - 2, n, 3] = for(%0) {axis = 1, sizes = [n - 2]}"
     " region (%3: f32[n, 3]) {\n    %4: f32[n, 3] = exp(%3)\n    yield %4, %4\n  }\n  return \"y\" %1, \"s\" %2\n}\n",
     "func main(%0 \"x\": f32[2, 3]) {\n  %1: f32[] = constant [0]\n  %2: f32[0, 2, 3] = expand(%1) {dims = [0, 2, 3]}\n"
     "  return \"y\" %0, \"s\" %2\n}\n"},
    {"calls expand, each for its dims",
     "func twice(%0 \"a\": f32[m]) {\n  %1: f32[2*m] = tenon.concat.1(%0, %0)\n  return \"b\" %1\n}\n\n"
     "func main(%0 \"x\": f32[n, 3]) {\n  %1: f32[3*n] = reshape(%0) {dims = [3*n]}\n  %2: f32[2*m] = call(%1) of \"twice\"\n"
     "  %3: f32[2*m] = call(%2) of \"twice\"\n  return \"y\" %3\n}\n",
     "func main(%0 \"x\": f32[2, 3]) {\n  %1: f32[6] = reshape(%0) {dims = [6]}\n  %2: f32[12] = tenon.concat.1(%1, %1)\n"
     "  %3: f32[24] = tenon.concat.1(%2, %2)\n  return \"y\" %3\n}\n"},
    {"effects stay, in order",
     "func main(%0 \"x\": f32[n, 3], %1 \"t\": token) {\n  %2: f32[2, 3], %3: token = read(%1) of \"s\"\n"
     "  %4: f32[2, 3] = add(%0, %0)\n  %5: token = write(%4, %3) of \"s\"\n  return \"t\" %5\n}\n",
     "func main(%0 \"x\": f32[2, 3], %1 \"t\": token) {\n  %2: f32[2, 3], %3: token = read(%1) of \"s\"\n"
     "  %4: f32[2, 3] = add(%0, %0)\n  %5: token = write(%4, %3) of \"s\"\n  return \"t\" %5\n}\n"},
};
/* clang-format on */

START_TEST(test_clean) {
    const struct clean_row *row = &cleans[_i];
    char before[4096], after[4096];
    const char *state = strstr(row->before, "of \"s\"") ? "state s: f32[2, 3]\n" : "";
    snprintf(before, sizeof before, "tenon.graph 1\nsymbol n in 1 .. 10\nsymbol m in 1 .. 1000\n%s\n%s", state,
             row->before);
    snprintf(after, sizeof after, "tenon.graph 1\n%s\n%s", state, row->after);
    tenon__input_dims dims[2] = {DIMS(2, 3), DIMS(2, 3)};
    if (strstr(row->before, "token")) dims[1].rank = 0;
    tenonh_module *module = parsed(before);
    uint32_t inputs = tenonh_function_input_count(tenonh_module_function(module, "main"));
    tenonh_module *concrete = concrete_of(module, dims, inputs);
    expect_text(concrete, after);
    tenonh_module_destroy(concrete);
    tenonh_module_destroy(module);
}
END_TEST

/* -- Constants -------------------------------------------------------------------------------------------------------- */

static int released;

static void release(void *context) {
    (void)context;
    released++;
}

static tenonh_module *with_weights(const float *weights) {
    tenonh_module *module;
    tenonh_builder *b;
    ck_assert_int_eq(tenonh_module_create(&module), TENON_STATUS_OK);
    ck_assert_int_eq(tenonh_builder_create(module, "main", &b), TENON_STATUS_OK);
    const tenonh_dim *dims[] = {tenonh_dim_symbol(module, "n", 1, 100, 1), tenon__num(b, 256)};
    tenonh_bytes bytes = {.data = weights, .size = 256 * 256 * 4, .release = release};
    tenonh_value *x = tenonh_build_input(b, "x", TENON_DTYPE_F32, 2, dims);
    tenonh_value *w = tenonh_build_constant(b, "w", TENON_DTYPE_F32, 2, (int64_t[]){256, 256}, &bytes);
    tenonh_value *turned = tenon__permute(b, w, (int64_t[]){1, 0});
    tenonh_value *doubled = tenon__binary(b, TENON_OP_ADD, w, w);
    tenonh_build_output(b, "y", tenon__matmul(b, x, turned, 0, 0));
    tenonh_build_output(b, "z", tenon__matmul(b, x, doubled, 0, 0));
    ck_assert_int_eq(tenonh_builder_finish(b), TENON_STATUS_OK);
    return module;
}

START_TEST(test_weights_are_shared) {
    float *weights = calloc(256 * 256, sizeof *weights);
    ck_assert_ptr_nonnull(weights);
    released = 0;
    tenonh_module *module = with_weights(weights), *concrete = NULL;
    tenon__input_dims dims[1] = {DIMS(3, 256)};
    tenon__fold_budget small = {.result_bytes = 1024};
    ck_assert_int_eq(tenon__concretize(module, "main", dims, 1, &small, &concrete), TENON_STATUS_OK);
    const tenonh_function *f = tenonh_module_function(concrete, "main");
    ck_assert_uint_eq(f->constant_count, 1); /* the sum costs more than the budget */
    ck_assert_ptr_eq(f->constants[0]->constant->data, weights);
    ck_assert_uint_eq(f->body->nodes[0]->op, TENON_OP_PERMUTE); /* a view: nothing is copied for it */
    tenonh_module_destroy(module);
    ck_assert_int_eq(released, 0);
    tenonh_module *flat = flat_of(concrete, NULL, NULL);
    tenonh_module_destroy(concrete);
    ck_assert_int_eq(released, 0);
    tenonh_module_destroy(flat);
    ck_assert_int_eq(released, 1);
    /* Within the budget the sum is made once, and only it and the view's weights are kept. */
    module = with_weights(weights);
    concrete = concrete_of(module, dims, 1);
    ck_assert_uint_eq(tenonh_module_function(concrete, "main")->constant_count, 2);
    ck_assert_uint_eq(concrete->constant_count, 2);
    tenonh_module_destroy(concrete);
    tenonh_module_destroy(module);
    free(weights);
}
END_TEST

/* -- Claims ----------------------------------------------------------------------------------------------------------- */

static const char composites[] =
    "tenon.graph 1\nsymbol n in 1 .. 10\n\n"
    "func main(%0 \"q\": f32[1, 2, n, 4], %1 \"k\": f32[1, 2, n, 4], %2 \"v\": f32[1, 2, n, 4]) {\n"
    "  %3: f32[1, 2, n, 4] = tenon.attention.1(%0, %1, %2) {scale = 0.5}\n  return \"y\" %3\n}\n";

static bool claims_named(void *context, const tenonh_node *node) {
    return strcmp(node->name, context) == 0;
}

static uint32_t count_named(const tenonh_module *module, const char *name) {
    const tenonh_region *body = tenonh_module_function(module, "main")->body;
    uint32_t count = 0;
    for (uint32_t i = 0; i < body->node_count; i++)
        count += body->nodes[i]->kind == TENON__NODE_COMPOSITE && strcmp(body->nodes[i]->name, name) == 0;
    return count;
}

START_TEST(test_claims) {
    tenonh_module *module = parsed(composites);
    char attention[] = "tenon.attention", softmax[] = "tenon.softmax";
    /* Symbols stay: nothing here needs numbers. */
    tenonh_module *whole = flat_of(module, claims_named, attention), *inner = flat_of(module, claims_named, softmax);
    tenonh_module *flat = flat_of(module, NULL, NULL);
    ck_assert_uint_eq(count_named(whole, attention), 1);
    ck_assert_uint_eq(tenonh_module_function(whole, "main")->body->node_count, 1);
    ck_assert_uint_eq(count_named(inner, softmax), 1);
    ck_assert_uint_eq(count_named(inner, attention), 0);
    ck_assert_uint_eq(count_named(flat, softmax), 0);
    ck_assert_str_eq(tenon__type_text(tenonh_function_output(tenonh_module_function(flat, "main"), 0)),
                     "f32[1, 2, n, 4]");
    tenonh_module_destroy(whole);
    tenonh_module_destroy(inner);
    tenonh_module_destroy(flat);
    tenonh_module_destroy(module);
}
END_TEST

START_TEST(test_unknown_composite) {
    tenonh_module *module =
        parsed("tenon.graph 1\nfunc main(%0 \"x\": f32[2]) {\n"
               "  %1: f32[3] = acme.fancy.2(%0) {axis = 1} from \"/fancy\"\n  return \"y\" %1\n}\n");
    tenon__input_dims dims[1] = {DIMS(2)};
    char name[] = "acme.fancy";
    tenonh_module *concrete = concrete_of(module, dims, 1), *kept = flat_of(concrete, claims_named, name), *flat = NULL;
    ck_assert_uint_eq(count_named(kept, name), 1);
    ck_assert_uint_eq(tenonh_module_function(kept, "main")->body->nodes[0]->version, 2);
    ck_assert_int_eq(tenon__decompose(concrete, NULL, NULL, &flat), TENON_STATUS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "(acme.fancy, from '/fancy') has no decomposition"));
    tenonh_module_destroy(kept);
    tenonh_module_destroy(concrete);
    tenonh_module_destroy(module);
}
END_TEST

START_TEST(test_needs_numbers) {
    tenonh_module *module =
        parsed("tenon.graph 1\nsymbol n in 1 .. 9\nfunc main(%0 \"x\": f32[n]) {\n"
               "  %1: f32[] = tenon.reduce_mean.1(%0) {axes = [0]} from \"/mean\"\n  return \"y\" %1\n}\n");
    tenonh_module *flat = NULL;
    ck_assert_int_eq(tenon__decompose(module, NULL, NULL, &flat), TENON_STATUS_UNSUPPORTED);
    ck_assert_msg(strstr(tenonh_error_message(), "(tenon.reduce_mean, from '/mean')") &&
                      strstr(tenonh_error_message(), "concretise first"),
                  "%s", tenonh_error_message());
    tenonh_module_destroy(module);
}
END_TEST

START_TEST(test_data_dims) {
    tenonh_module *module = parsed("tenon.graph 1\nsymbol d0 in 0 .. 2 data\nfunc main(%0 \"x\": f32[2]) {\n"
                                   "  %1: i64[1, d0] = tenon.non_zero.1(%0)\n  return \"y\" %1\n}\n"),
                  *concrete = NULL;
    tenon__input_dims dims[1] = {DIMS(2)};
    ck_assert_int_eq(tenon__concretize(module, "main", dims, 1, NULL, &concrete), TENON_STATUS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "depends on data"));
    tenonh_module_destroy(module);
}
END_TEST

/* A shape that comes in with the run, and a depth computed from another input. */
START_TEST(test_known_inputs) {
    tenonh_module *module = parsed(
        "tenon.graph 1\nsymbol d0 in 0 .. 9 data\nsymbol d1 in 0 .. 9 data\nsymbol d2 in 0 .. 9 data\n"
        "func main(%0 \"x\": f32[6], %1 \"shape\": i64[2], %2 \"k\": i64[], %3 \"i\": i64[3]) {\n"
        "  %4: f32[d0, d1] = tenon.reshape_to.1(%0, %1)\n  %5: i64[] = add(%2, %2)\n  %6: f32[2] = constant [0, 1]\n"
        "  %7: f32[3, d2] = tenon.one_hot.1(%3, %5, %6) {axis = 1}\n  return \"y\" %4, \"z\" %7\n}\n");
    tenonh_module *concrete = NULL;
    uint8_t flags[4];
    ck_assert_int_eq(tenon__shape_inputs(tenonh_module_function(module, "main"), flags), TENON_STATUS_OK);
    ck_assert_mem_eq(flags, "\0\1\1\0", 4);
    tenon__input_dims dims[4] = {DIMS(6), DIMS(2), {.rank = 0}, DIMS(3)};
    ck_assert_int_eq(tenon__concretize(module, "main", dims, 4, NULL, &concrete), TENON_STATUS_UNSUPPORTED);
    dims[1].values = (const int64_t[]){3, -1};
    dims[2].values = (const int64_t[]){2};
    concrete = concrete_of(module, dims, 4);
    const tenonh_function *f = tenonh_module_function(concrete, "main");
    ck_assert_uint_eq(tenonh_function_input_count(f), 4);
    ck_assert_str_eq(tenon__type_text(tenonh_function_output(f, 0)), "f32[3, 2]");
    ck_assert_str_eq(tenon__type_text(tenonh_function_output(f, 1)), "f32[3, 4]");
    tenonh_module_destroy(concrete);
    tenonh_module_destroy(module);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("concretise and decompose");
    TCase *tests = tcase_create("passes");
    tcase_add_test(tests, test_transformer);
    tcase_add_loop_test(tests, test_bindings, 0, sizeof bindings / sizeof *bindings);
    tcase_add_test(tests, test_wrong_calls);
    tcase_add_loop_test(tests, test_clean, 0, sizeof cleans / sizeof *cleans);
    tcase_add_test(tests, test_weights_are_shared);
    tcase_add_test(tests, test_claims);
    tcase_add_test(tests, test_unknown_composite);
    tcase_add_test(tests, test_needs_numbers);
    tcase_add_test(tests, test_data_dims);
    tcase_add_test(tests, test_known_inputs);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
