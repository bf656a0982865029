/* If, Loop, Scan and operators whose dims the data decides, from models built here: what they give on a device, and how
 * broken ones are refused. Usage: test_import_control DEVICE */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/tenon.h>

#include "model.h"
#include "text_arrays.h"

enum { FLOAT = 1, INT64 = 7, BOOL = 9, MOST_RUNS = 4, MOST_ARRAYS = 4 };

static tenonh_registry *registry;
static tenonh_device *device;

/* -- Models that run ---------------------------------------------------------------------------------------------- */

static void outputs(model *m, const char *a, const char *b) {
    model_output(m, a);
    if (b) model_output(m, b);
}

/* A branch without inputs: one node. */
static void branch(model *m, const char *attribute, const char *op, const char *inputs) {
    model_graph(m, attribute);
    model_node(m, op, inputs, attribute);
    model_output(m, attribute);
    model_graph_end(m);
}

static void if_captures(model *m) {
    model_begin(m, 16);
    model_input(m, "c", BOOL, "1"); /* one element will do */
    model_input(m, "x", FLOAT, "n");
    model_initializer(m, model_floats(m, "w", "1", "10"));
    model_node(m, "If", "c", "r");
    branch(m, "then_branch", "Mul", "x,w");
    branch(m, "else_branch", "Neg", "x");
    model_node(m, "Add", "r,w", "y");
    outputs(m, "y", NULL);
}

/* The branch that never runs may be of another rank. */
static void if_known(model *m) {
    model_begin(m, 16);
    model_input(m, "x", FLOAT, "1,n");
    model_node(m, "Constant", "", "c");
    model_tensor(m, "value", model_integers(m, "", "", "1"));
    model_node(m, "Cast", "c", "b");
    model_int(m, "to", BOOL);
    model_node(m, "If", "b", "y");
    branch(m, "then_branch", "Neg", "x");
    branch(m, "else_branch", "Shape", "x");
    outputs(m, "y", NULL);
}

/* Head of a Loop's body: number, condition, one carried value. */
static void begin_body(model *m, const char *dims) {
    model_graph(m, "body");
    model_input(m, "i", INT64, "");
    model_input(m, "go", BOOL, "");
    model_input(m, "v", FLOAT, dims);
}

/* Sums x as often as the input M says, and gives every sum. */
static void loop_count(model *m) {
    model_begin(m, 13);
    model_input(m, "M", INT64, "");
    model_input(m, "x", FLOAT, "n");
    model_node(m, "Loop", "M,,x", "y,all");
    begin_body(m, "n");
    model_node(m, "Add", "v,x", "v2");
    model_node(m, "Identity", "v2", "each");
    model_node(m, "Identity", "go", "go2");
    outputs(m, "go2", "v2");
    model_output(m, "each");
    model_graph_end(m);
    outputs(m, "y", "all");
}

/* Doubles while the sum is below the limit: no count, a condition of one element, a number that is a list of one. */
static void loop_condition(model *m) {
    model_begin(m, 11);
    model_input(m, "x", FLOAT, "n");
    model_input(m, "limit", FLOAT, "");
    model_node(m, "Constant", "", "true_number");
    model_tensor(m, "value", model_integers(m, "", "1", "1"));
    model_node(m, "Cast", "true_number", "true");
    model_int(m, "to", BOOL);
    model_node(m, "Loop", ",true,x", "y,numbers");
    model_graph(m, "body");
    model_input(m, "i", INT64, "1");
    model_input(m, "go", BOOL, "1");
    model_input(m, "v", FLOAT, "n");
    model_node(m, "Add", "v,v", "v2");
    model_node(m, "ReduceSum", "v2", "sum");
    model_int(m, "keepdims", 0);
    model_node(m, "Less", "sum,limit", "go2");
    outputs(m, "go2", "v2");
    model_output(m, "i");
    model_graph_end(m);
    outputs(m, "y", "numbers");
}

/* Carries a list that grows by the step's number. */
static void loop_grows(model *m) {
    model_begin(m, 13);
    model_input(m, "M", INT64, "");
    model_input(m, "x", FLOAT, "n");
    model_initializer(m, model_integers(m, "axes", "1", "0"));
    model_node(m, "Loop", "M,,x", "y");
    begin_body(m, "k");
    model_node(m, "Cast", "i", "f");
    model_int(m, "to", FLOAT);
    model_node(m, "Unsqueeze", "f,axes", "f1");
    model_node(m, "Concat", "v,f1", "v2");
    model_int(m, "axis", 0);
    outputs(m, "go", "v2");
    model_graph_end(m);
    model_node(m, "Add", "y,y", "z");
    outputs(m, "z", NULL);
}

/* Row sums: an inner loop over the columns of what an outer one takes from x. */
static void loop_nested(model *m) {
    model_begin(m, 13);
    model_input(m, "x", FLOAT, "n,m");
    model_node(m, "Shape", "x", "dims");
    model_initializer(m, model_integers(m, "zero", "", "0"));
    model_initializer(m, model_integers(m, "one", "", "1"));
    model_initializer(m, model_floats(m, "start", "", "0"));
    model_node(m, "Gather", "dims,zero", "rows");
    model_node(m, "Gather", "dims,one", "columns");
    model_node(m, "Loop", "rows,,start", "total,sums");
    begin_body(m, "");
    model_node(m, "Gather", "x,i", "row");
    model_node(m, "Loop", "columns,,start", "sum");
    model_graph(m, "body");
    model_input(m, "j", INT64, "");
    model_input(m, "go_in", BOOL, "");
    model_input(m, "u", FLOAT, "");
    model_node(m, "Gather", "row,j", "element");
    model_node(m, "Add", "u,element", "u2");
    outputs(m, "go_in", "u2");
    model_graph_end(m);
    model_node(m, "Add", "v,sum", "v2");
    outputs(m, "go", "v2");
    model_output(m, "sum");
    model_graph_end(m);
    outputs(m, "total", "sums");
}

/* Body of a Scan: a running sum, and that times the element. */
static void scan_body(model *m, const char *dims) {
    model_graph(m, "body");
    model_input(m, "s", FLOAT, dims);
    model_input(m, "e", FLOAT, dims);
    model_node(m, "Add", "s,e", "s2");
    model_node(m, "Mul", "s2,e", "o");
    outputs(m, "s2", "o");
    model_graph_end(m);
    model_int(m, "num_scan_inputs", 1);
}

static void scan_back(model *m) {
    model_begin(m, 16);
    model_input(m, "s0", FLOAT, "m");
    model_input(m, "x", FLOAT, "m,n");
    model_node(m, "Scan", "s0,x", "s,all");
    scan_body(m, "m");
    model_ints(m, "scan_input_axes", "-1");
    model_ints(m, "scan_input_directions", "1");
    model_ints(m, "scan_output_axes", "1");
    model_ints(m, "scan_output_directions", "1");
    outputs(m, "s", "all");
}

static void scan_batch(model *m) {
    model_begin(m, 8);
    model_input(m, "s0", FLOAT, "b,1");
    model_input(m, "x", FLOAT, "b,n,1");
    model_node(m, "Scan", ",s0,x", "s,all");
    scan_body(m, "1");
    outputs(m, "s", "all");
}

static void compress(model *m) {
    model_begin(m, 11);
    model_input(m, "x", FLOAT, "2,n");
    model_input(m, "c", BOOL, "k");
    model_node(m, "Compress", "x,c", "y");
    model_int(m, "axis", 1);
    model_node(m, "Compress", "x,c", "z");
    outputs(m, "y", "z");
}

static void unique(model *m) {
    model_begin(m, 11);
    model_input(m, "x", FLOAT, "n");
    model_node(m, "Unique", "x", "y,first,inverse,counts");
    model_int(m, "sorted", 0);
    outputs(m, "y", "first");
    outputs(m, "inverse", "counts");
}

static void unique_columns(model *m) {
    model_begin(m, 11);
    model_input(m, "x", FLOAT, "2,n");
    model_node(m, "Unique", "x", "y,first,inverse,counts");
    model_int(m, "axis", 1);
    outputs(m, "y", "first");
    outputs(m, "inverse", "counts");
}

static void boxes(model *m) {
    model_begin(m, 11);
    model_input(m, "b", FLOAT, "l,n,4");
    model_input(m, "s", FLOAT, "l,c,n");
    model_input(m, "most", INT64, "1");
    model_initializer(m, model_floats(m, "overlap", "1", ".5"));
    model_initializer(m, model_floats(m, "score", "1", ".3"));
    model_node(m, "NonMaxSuppression", "b,s,most,overlap,score", "y");
    model_output(m, "y");
}

static void counts_from_data(model *m) {
    model_begin(m, 13);
    model_input(m, "x", FLOAT, "n");
    model_input(m, "k", INT64, "1");
    model_input(m, "sizes", INT64, "2");
    model_node(m, "TopK", "x,k", "y,places");
    model_node(m, "Split", "x,sizes", "a,b");
    outputs(m, "y", "places");
    outputs(m, "a", "b");
}

/* clang-format off */
static const struct row {
    const char *name;
    void (*build)(model *m);
    struct { const char *inputs, *outputs; } runs[MOST_RUNS];
} rows[] = {
    {"if_captures", if_captures, {{"bool[1] 1; f32[2] 1 2", "f32[2] 20 30"}, {"bool[1] 0; f32[2] 1 2", "f32[2] 9 8"}}},
    {"if_known", if_known, {{"f32[1,2] 1 2", "f32[1,2] -1 -2"}}},
    {"loop_count", loop_count, {{"i64[] 3; f32[2] 1 2", "f32[2] 4 8; f32[3,2] 2 4 3 6 4 8"},
                                {"i64[] 0; f32[1] 7", "f32[1] 7; f32[0,1]"}, {"i64[] -4; f32[1] 7", "f32[1] 7; f32[0,1]"}}},
    {"loop_condition", loop_condition, {{"f32[2] 1 2; f32[] 10", "f32[2] 4 8; i64[2,1] 0 1"}, {"f32[1] 1; f32[] 0", "f32[1] 2; i64[1,1] 0"}}},
    {"loop_grows", loop_grows, {{"i64[] 3; f32[1] 9", "f32[4] 18 0 2 4"}, {"i64[] 0; f32[2] 8 9", "f32[2] 16 18"}}},
    {"loop_nested", loop_nested, {{"f32[2,3] 1 2 3 4 5 6", "f32[] 21; f32[2] 6 15"}, {"f32[3,1] 1 2 3", "f32[] 6; f32[3] 1 2 3"}}},
    {"scan_back", scan_back, {{"f32[2] 0 1; f32[2,3] 1 2 3 4 5 6", "f32[2] 6 16; f32[2,3] 6 10 9 64 60 42"}}},
    {"scan_batch", scan_batch, {{"f32[2,1] 0 1; f32[2,3,1] 1 2 3 4 5 6", "f32[2,1] 6 16; f32[2,3,1] 1 6 18 20 50 96"}}},
    {"compress", compress, {{"f32[2,3] 1 2 3 4 5 6; bool[3] 0 1 1", "f32[2,2] 2 3 5 6; f32[2] 2 3"},
                            {"f32[2,3] 1 2 3 4 5 6; bool[2] 0 0", "f32[2,0]; f32[0]"}}},
    {"unique", unique, {{"f32[6] 2 1 1 3 4 3", "f32[4] 2 1 3 4; i64[4] 0 1 3 4; i64[6] 0 1 1 2 3 2; i64[4] 1 2 2 1"},
                        {"f32[1] 5", "f32[1] 5; i64[1] 0; i64[1] 0; i64[1] 1"}, {"f32[0]", "f32[0]; i64[0]; i64[0]; i64[0]"}}},
    {"unique_columns", unique_columns, {{"f32[2,4] 2 1 2 1 0 5 0 4", "f32[2,3] 1 1 2 4 5 0; i64[3] 3 1 0; i64[4] 2 1 2 0; i64[3] 1 1 2"},
                                        {"f32[2,1] 3 4", "f32[2,1] 3 4; i64[1] 0; i64[1] 0; i64[1] 1"}}},
    {"boxes", boxes, {{"f32[1,4,4] 0 0 1 1 0 .1 1 1.1 0 10 1 11 1 11 0 10.1; f32[1,2,4] .9 .75 .6 .95 .2 .5 .5 .4; i64[1] 3",
                       "i64[4,3] 0 0 3 0 0 0 0 1 1 0 1 2"},
                      {"f32[2,2,4] 0 0 1 1 0 0 2 2 0 0 1 1 5 5 4 4; f32[2,1,2] .4 .5 .9 .31; i64[1] 1", "i64[2,3] 0 0 1 1 0 0"},
                      {"f32[1,2,4] 0 0 1 1 0 0 2 2; f32[1,1,2] .4 .5; i64[1] 0", "i64[0,3]"}}},
    {"counts_from_data", counts_from_data, {{"f32[4] 3 1 4 2; i64[1] 2; i64[2] 1 3", "f32[2] 4 3; i64[2] 2 0; f32[1] 3; f32[3] 1 4 2"},
                                            {"f32[2] 3 1; i64[1] 0; i64[2] 0 2", "f32[0]; i64[0]; f32[0]; f32[2] 3 1"}}},
};
/* clang-format on */
enum { ROWS = sizeof rows / sizeof *rows };

static tenonh_session *begin(const struct row *row, tenonh_module **out_module) {
    model m;
    tenonh_session *session;
    const tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1};
    row->build(&m);
    ck_assert_msg(model_import(&m, out_module) == TENON_STATUS_OK, "%s: %s", row->name, tenonh_error_message());
    model_end(&m);
    ck_assert_msg(tenonh_module_verify(*out_module) == TENON_STATUS_OK, "%s: %s", row->name, tenonh_error_message());
    ck_assert_msg(tenonh_session_create(*out_module, device, &options, &session) == TENON_STATUS_OK, "%s: %s",
                  row->name, tenonh_error_message());
    return session;
}

START_TEST(test_rows) {
    const struct row *row = &rows[_i];
    tenonh_module *module = NULL;
    tenonh_session *session = begin(row, &module);
    for (uint32_t i = 0; i < MOST_RUNS && row->runs[i].inputs; i++) {
        tenonh_array inputs[MOST_ARRAYS] = {{0}}, wanted[MOST_ARRAYS] = {{0}}, results[MOST_ARRAYS] = {{0}};
        uint32_t count = read_arrays(row->runs[i].inputs, inputs),
                 result_count = read_arrays(row->runs[i].outputs, wanted);
        tenon_status status = tenonh_session_run_arrays(session, inputs, count, results, result_count);
        ck_assert_msg(status == TENON_STATUS_OK, "%s with %s: %s", row->name, row->runs[i].inputs,
                      tenonh_error_message());
        for (uint32_t k = 0; k < result_count; k++)
            ck_assert_msg(are_equal(&results[k], &wanted[k]), "%s with %s: output %u is not as in %s", row->name,
                          row->runs[i].inputs, k, row->runs[i].outputs);
        free_arrays(inputs, count);
        free_arrays(wanted, result_count);
        free_arrays(results, result_count);
    }
    tenonh_session_release(session);
    tenonh_module_destroy(module);
}
END_TEST

/* -- Models that are refused -------------------------------------------------------------------------------------- */

static void endless(model *m) {
    model_begin(m, 13);
    model_input(m, "x", FLOAT, "n");
    model_node(m, "Loop", ",,x", "y");
    begin_body(m, "n");
    outputs(m, "go", "v");
    model_graph_end(m);
    outputs(m, "y", NULL);
}

static void ranks_differ(model *m) {
    model_begin(m, 13);
    model_input(m, "c", BOOL, "");
    model_input(m, "x", FLOAT, "n");
    model_node(m, "If", "c", "y");
    branch(m, "then_branch", "Identity", "x");
    branch(m, "else_branch", "MatMul", "x,x");
    outputs(m, "y", NULL);
}

static void rank_changes(model *m) {
    model_begin(m, 13);
    model_input(m, "M", INT64, "");
    model_input(m, "x", FLOAT, "n");
    model_initializer(m, model_integers(m, "axes", "1", "0"));
    model_node(m, "Loop", "M,,x", "y");
    begin_body(m, "n");
    model_node(m, "Unsqueeze", "v,axes", "v2");
    outputs(m, "go", "v2");
    model_graph_end(m);
    outputs(m, "y", NULL);
}

static void no_body(model *m) {
    model_begin(m, 13);
    model_input(m, "M", INT64, "");
    model_node(m, "Loop", "M,,M", "y");
    outputs(m, "y", NULL);
}

static void too_few_inputs(model *m) {
    model_begin(m, 13);
    model_input(m, "M", INT64, "");
    model_input(m, "x", FLOAT, "n");
    model_node(m, "Loop", "M,,x", "y");
    model_graph(m, "body");
    model_input(m, "i", INT64, "");
    model_input(m, "go", BOOL, "");
    outputs(m, "go", "x");
    model_graph_end(m);
    outputs(m, "y", NULL);
}

static void unknown_inside(model *m) {
    model_begin(m, 13);
    model_input(m, "c", BOOL, "");
    model_input(m, "x", FLOAT, "n");
    model_node(m, "If", "c", "y");
    branch(m, "then_branch", "Frobnicate", "x");
    branch(m, "else_branch", "Neg", "nobody");
    outputs(m, "y", NULL);
}

static void undefined_inside(model *m) {
    model_begin(m, 13);
    model_input(m, "c", BOOL, "");
    model_input(m, "x", FLOAT, "n");
    model_node(m, "If", "c", "y");
    branch(m, "then_branch", "Neg", "x");
    branch(m, "else_branch", "Neg", "nobody");
    outputs(m, "y", NULL);
}

static void scan_lengths(model *m) {
    model_begin(m, 8);
    model_input(m, "lengths", INT64, "b");
    model_input(m, "s0", FLOAT, "b,1");
    model_input(m, "x", FLOAT, "b,n,1");
    model_node(m, "Scan", "lengths,s0,x", "s,all");
    scan_body(m, "1");
    outputs(m, "s", "all");
}

static const struct refused {
    const char *name;
    void (*build)(model *m);
    tenon_status status;
    const char *words;
} refused[] = {
    {"endless", endless, TENON_STATUS_INVALID, "never ends"},
    {"ranks_differ", ranks_differ, TENON_STATUS_INVALID, "the branches yield f32[n] and f32[]"},
    {"rank_changes", rank_changes, TENON_STATUS_UNSUPPORTED, "goes in as f32[n] and comes out as f32[1, n]"},
    {"no_body", no_body, TENON_STATUS_BAD_DATA, "'body' is missing"},
    {"too_few_inputs", too_few_inputs, TENON_STATUS_BAD_DATA, "has 2 inputs; the node gives it 3"},
    {"unknown_inside", unknown_inside, TENON_STATUS_UNSUPPORTED, "Frobnicate"},
    {"undefined_inside", undefined_inside, TENON_STATUS_BAD_DATA, "there is no 'nobody'"},
    {"scan_lengths", scan_lengths, TENON_STATUS_UNSUPPORTED, "sequence lengths"},
};

START_TEST(test_refused) {
    const struct refused *r = &refused[_i];
    model m;
    tenonh_module *module = NULL;
    r->build(&m);
    tenon_status status = model_import(&m, &module);
    ck_assert_msg(status == r->status, "%s: %u, %s", r->name, status, tenonh_error_message());
    ck_assert_msg(strstr(tenonh_error_message(), r->words) != NULL, "%s: no '%s' in: %s", r->name, r->words,
                  tenonh_error_message());
    model_end(&m);
}
END_TEST

int main(int count, char **arguments) {
    const char *name = count > 1 ? arguments[1] : "cpu";
    if (tenonh_registry_create(NULL, &registry) != TENON_STATUS_OK ||
        tenonh_device_open(registry, name, &device) != TENON_STATUS_OK)
        return fprintf(stderr, "test_import_control: %s\n", tenonh_error_message()), EXIT_FAILURE;
    Suite *suite = suite_create("control in models");
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, test_rows, 0, ROWS);
    tcase_add_loop_test(cases, test_refused, 0, sizeof refused / sizeof *refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the device does not survive a fork */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
