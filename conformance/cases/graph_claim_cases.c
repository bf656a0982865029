/* REQ-WORK-09, -11, -13, REQ-OP-07: what a device says of graphs, and graphs that fail. What it kills: claims that depend
 * on when or where they are asked, that write what they were shown or say more than which nodes; a device that claims
 * nothing; composites that are not their decomposition; indices inside a graph that are not checked. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/composite_meaning.h"
#include "cases/graph_random.h"
#include "cases/runtime.h"

/* -- Claims ----------------------------------------------------------------------------------------------------------- */

static bool ask(const cf_graph_work *w, tenon_claim *claims) {
    memset(claims, 0, CF_GRAPH_NODES * sizeof *claims);
    return cf_good(tenonh_device_claim(cf_under_test.device, &w->work, claims), "claim");
}

/* The same graph, described twice at other places, between claims of another one. */
static void run_alike(cf_graph *g) {
    cf_graph other = {.value_count = 0};
    cf_graph_work *works = calloc(3, sizeof *works);
    tenon_claim claims[3][CF_GRAPH_NODES];
    cf_graph_random(&other, 4);
    cf_graph_describe(g, &works[0]);
    cf_graph_describe(g, &works[1]);
    cf_graph_describe(&other, &works[2]);
    bool good = ask(&works[0], claims[0]) && ask(&works[2], claims[2]) && ask(&works[1], claims[1]);
    for (uint32_t i = 0; i < g->node_count && good; i++) {
        if (claims[0][i].reserved) cf_fail("claim %u has reserved bits", i);
        if (memcmp(&claims[0][i], &claims[1][i], sizeof(tenon_claim)) != 0)
            cf_fail("node %u is claimed otherwise when the same graph is shown again", i);
    }
    cf_graph_work *again = calloc(1, sizeof *again);
    cf_graph_describe(g, again);
    if (memcmp(again->operands, works[0].operands, sizeof again->operands) != 0 ||
        memcmp(again->values, works[0].values, sizeof again->values) != 0 ||
        memcmp(again->inputs, works[0].inputs, sizeof again->inputs) != 0)
        cf_fail("claim wrote to the work that it was shown");
    free(again);
    free(works);
    cf_graph_free(&other);
}

/* Of the element-wise operators on f32: a device that takes none of them has nothing to conform with. */
static void run_something(void) {
    uint32_t claimed = 0, asked = 0;
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        const tenon_op_row *row = tenon_op_row_of(op);
        if (!row || row->family != TENON_FAMILY_MAP || row->optional || !tenon_op_takes(row, TENON_DTYPE_F32)) continue;
        cf_graph g = {.value_count = 0};
        tenon_claim claims[CF_GRAPH_NODES];
        cf_graph_work *w = calloc(1, sizeof *w);
        uint32_t in[3];
        for (uint32_t k = 0; k < row->input_count; k++) {
            bool is_condition = op == TENON_OP_WHERE && k == 0;
            in[k] = cf_graph_input(&g, is_condition ? TENON_DTYPE_BOOL : TENON_DTYPE_F32, 1, (int64_t[]){8});
            cf_fill_small(&g.values[in[k]].operand);
        }
        cf_graph_result(&g, cf_graph_map(&g, op, in, row->input_count));
        cf_graph_describe(&g, w);
        asked++;
        if (ask(w, claims)) claimed += claims[0].region != 0;
        free(w);
        cf_graph_free(&g);
    }
    if (claimed == 0) cf_fail("the device declares that it takes graphs, and claims none of %u operators", asked);
}

void cf_graph_claims(void) {
    for (uint32_t i = 0; i < 12; i++) {
        if (!cf_begin("alike.%u", i) || !cf_graph_taken()) continue;
        cf_graph g = {.value_count = 0};
        cf_graph_random(&g, 2 + 2 * i);
        run_alike(&g);
        cf_graph_free(&g);
    }
    if (cf_begin("something") && cf_graph_taken()) run_something();
}

/* -- Indices out of range ----------------------------------------------------------------------------------------------- */

/* y = x[i] + x[i] and, to the side, -x: the launch fails, and no byte beside the results changes. */
static void run_range(tenon_dtype dtype, int64_t index) {
    cf_held held = {.stream_count = 0};
    cf_graph g = {.value_count = 0};
    cf_graph_run run = {.operand_count = 0};
    uint32_t x = cf_graph_input(&g, TENON_DTYPE_F32, 2, (int64_t[]){5, 18});
    uint32_t at = cf_graph_input(&g, dtype, 1, (int64_t[]){3});
    cf_fill_range(&g.values[x].operand, -4, 4);
    cf_fill_range(&g.values[at].operand, 0, 4);
    cf_graph_node *node = cf_graph_begin(&g, TENON_OP_GATHER, (uint32_t[]){x, at}, 2);
    cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){0});
    uint32_t found = cf_graph_output(&g, node, TENON_DTYPE_F32, 2, (int64_t[]){3, 18});
    cf_good(cf_graph_end(&g, node), "the host's own evaluation");
    cf_graph_result(&g, cf_graph_map(&g, TENON_OP_ADD, (uint32_t[]){found, found}, 2));
    cf_graph_result(&g, cf_graph_map(&g, TENON_OP_NEG, &x, 1));
    cf_store(dtype, g.values[at].operand.bytes, 1, (cf_number){.i = index});
    bool has_one = tenonh_device_info(cf_under_test.device)->max_streams == 1;
    tenonh_stream *stream = cf_stream(&held), *other = has_one ? stream : cf_stream(&held);
    tenonh_exec *exec = cf_graph_prepare(&g);
    if (exec && stream && other && cf_graph_place(&g, exec, other, &run)) {
        tenon_status status = cf_graph_launch(&run, stream);
        if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(stream);
        cf_answers(status, TENON_STATUS_OUT_OF_RANGE, "a launch with an index out of range");
        cf_answers(tenonh_stream_synchronize(stream), TENON_STATUS_OUT_OF_RANGE, "the stream, asked again");
        if (has_one) {
            cf_let_go(&held);
            other = cf_stream(&held);
        }
        cf_store(dtype, g.values[at].operand.bytes, 1, (cf_number){.i = 2});
        bool good = other && cf_good(cf_graph_evaluate(&g), "the host's own evaluation") &&
                    cf_graph_refill(&run, other) &&
                    cf_good(cf_graph_launch(&run, other), "a launch on another stream") &&
                    cf_good(tenonh_stream_synchronize(other), "synchronize");
        if (good) cf_graph_check(&run, other, NULL);
    }
    cf_let_go(&held);
    cf_graph_let_go(&run);
    tenonh_exec_release(exec);
    cf_graph_free(&g);
}

void cf_graph_indices(void) {
    static const struct {
        const char *name;
        tenon_dtype dtype;
        int64_t index;
    } rows[] = {
        {"i32_past", TENON_DTYPE_I32, 5},           {"i32_negative", TENON_DTYPE_I32, -1},
        {"i32_lowest", TENON_DTYPE_I32, INT32_MIN}, {"i64_past", TENON_DTYPE_I64, 5},
        {"i64_huge", TENON_DTYPE_I64, INT64_MAX},   {"i64_low_word_fits", TENON_DTYPE_I64, (INT64_C(1) << 32) + 1},
        {"i64_negative", TENON_DTYPE_I64, -1}};
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (cf_begin("%s", rows[i].name) && cf_graph_taken()) run_range(rows[i].dtype, rows[i].index);
}

/* -- Composites --------------------------------------------------------------------------------------------------------- */

/* Functions of one composite, as a session runs them on the device, against their meaning in f64. */
static const struct {
    const char *name;
    cf_composite meaning;
    double number;
    const char *text;
} composites[] = {
    {"relu", cf_composite_relu, 0, "%1: f32[3, 17] = tenon.relu.1(%0)"},
    {"sigmoid", cf_composite_sigmoid, 0, "%1: f32[3, 17] = tenon.sigmoid.1(%0)"},
    {"silu", cf_composite_silu, 1, "%1: f32[3, 17] = tenon.silu.1(%0) {alpha = 1}"},
    {"gelu_erf", cf_composite_gelu_erf, 0, "%1: f32[3, 17] = tenon.gelu.1(%0)"},
    {"gelu_tanh", cf_composite_gelu_tanh, 1, "%1: f32[3, 17] = tenon.gelu.1(%0) {mode = 1}"},
    {"softplus", cf_composite_softplus, 0, "%1: f32[3, 17] = tenon.softplus.1(%0)"},
    {"softmax_last", cf_composite_softmax, 1, "%1: f32[3, 17] = tenon.softmax.1(%0) {axis = 1}"},
    {"softmax_first", cf_composite_softmax, 0, "%1: f32[3, 17] = tenon.softmax.1(%0) {axis = 0}"},
    {"log_softmax", cf_composite_log_softmax, 1, "%1: f32[3, 17] = tenon.log_softmax.1(%0) {axis = 1}"},
    {"softmax_middle", cf_composite_softmax, 0,
     "%2: f32[3, 1, 17] = reshape(%0) {dims = [3, 1, 17]}\n  %3: f32[1, 3, 17] = permute(%2) {perm = [1, 0, 2]}\n"
     "  %4: f32[1, 3, 17] = tenon.softmax.1(%3) {axis = 1}\n  %1: f32[3, 17] = reshape(%4) {dims = [3, 17]}"},
    {"layer_norm_large_epsilon", cf_composite_layer_norm, 0.5,
     "%1: f32[3, 17] = tenon.layer_norm.1(%0) {axis = 1, epsilon = 0.5}"},
    {"layer_norm_whole", cf_composite_layer_norm_whole, 0.1,
     "%1: f32[3, 17] = tenon.layer_norm.1(%0) {axis = 0, epsilon = 0.1}"},
    {"layer_norm", cf_composite_layer_norm, 1e-5,
     "%1: f32[3, 17] = tenon.layer_norm.1(%0) {axis = 1, epsilon = 1e-05}"},
    {"rms_norm", cf_composite_rms_norm, 1e-5, "%1: f32[3, 17] = tenon.rms_norm.1(%0) {axis = 1, epsilon = 1e-05}"},
    {"reduce_mean", cf_composite_reduce_mean, 0, "%1: f32[3, 1] = tenon.reduce_mean.1(%0) {axes = [1], keep = 1}"},
    {"reduce_l2", cf_composite_reduce_l2, 0, "%1: f32[3] = tenon.reduce_l2.1(%0) {axes = [1]}"},
    {"cumsum", cf_composite_cumsum, 0, "%1: f32[3, 17] = tenon.cumsum.1(%0) {axis = 1}"},
    {"concat", cf_composite_concat, 0, "%1: f32[6, 17] = tenon.concat.1(%0, %0) {axis = 0}"},
};

static void compare(const tenonh_array *got, const double *want, const double *allowed) {
    for (int64_t i = 0; i < tenonh_array_count(got); i++) {
        double y = (double)((const float *)got->data)[i], error = fabs(y - want[i]);
        if (allowed[i] > 0) cf_note_error(error / allowed[i]);
        if (error <= allowed[i]) continue;
        cf_fail("element %lld is %a, not %a (within %g)", (long long)i, y, want[i], allowed[i]);
        return;
    }
}

static void compare_with(cf_composite meaning, double number, const tenonh_array *x, const tenonh_array *y) {
    double in[CF_COMPOSITE_MOST], want[CF_COMPOSITE_MOST], allowed[CF_COMPOSITE_MOST];
    for (int64_t i = 0; i < tenonh_array_count(x); i++) in[i] = (double)((const float *)x->data)[i];
    meaning(number, in, want, allowed);
    compare(y, want, allowed);
}

static void run_composite(const char *text, cf_composite meaning, double number) {
    char whole[512];
    tenonh_module *module = NULL;
    tenonh_session *session = NULL;
    tenonh_array x = {.rank = 0}, y = {.rank = 0};
    const tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1, .rules = "off"};
    snprintf(whole, sizeof whole, "tenon.graph 1\nfunc main(%%0 \"x\": f32[3, 17]) {\n  %s\n  return \"y\" %%1\n}\n",
             text);
    cf_make_place(); /* a session's runs make streams of their own */
    bool good = cf_good(tenonh_module_parse(whole, strlen(whole), &module), "the function's text") &&
                cf_good(tenonh_array_create(TENON_DTYPE_F32, 2, (int64_t[]){3, 17}, &x), "an array") &&
                cf_good(tenonh_session_create(module, cf_under_test.device, &options, &session), "a session");
    for (int64_t i = 0; good && i < tenonh_array_count(&x); i++) ((float *)x.data)[i] = (float)cf_uniform() * 3;
    good = good && cf_good(tenonh_session_run_arrays(session, &x, 1, &y, 1), "a run");
    if (good) compare_with(meaning, number, &x, &y);
    tenonh_array_free(&x);
    tenonh_array_free(&y);
    tenonh_session_release(session);
    tenonh_module_destroy(module);
}

void cf_graph_composites(void) {
    for (uint32_t i = 0; i < sizeof composites / sizeof *composites; i++)
        if (cf_begin("%s", composites[i].name) && cf_graph_taken())
            run_composite(composites[i].text, composites[i].meaning, composites[i].number);
}
