/* REQ-WORK-02, -03, -06, -09, -11, -12: graphs of several nodes. What it kills: values that several nodes share or that are
 * results too and are overwritten, views composed wrongly, blocks whose last lanes leak, workspaces laid out so that
 * live values meet, fusions that change numbers, constants that stay those of the first graph, packed copies that are
 * not what their key says, answers kept from the last launch, execs that share state between streams, claims that do
 * not hold. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/graph_random.h"
#include "cases/runtime.h"

/* -- Random graphs ---------------------------------------------------------------------------------------------------- */

void cf_graph_of_many(void) {
    static const struct {
        uint32_t nodes, rows;
    } sizes[] = {{2, 24}, {3, 24}, {5, 24}, {8, 24}, {13, 24}, {20, 16}, {30, 16}};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t k = 0; k < sizes[i].rows; k++) {
            if (!cf_begin("nodes_%u.%u", sizes[i].nodes, k)) continue;
            if (!cf_graph_taken()) continue;
            cf_graph g = {.value_count = 0};
            cf_graph_random(&g, sizes[i].nodes);
            cf_graph_expect(&g, NULL);
            cf_graph_free(&g);
        }
}

/* -- A graph whose numbers stay exact whatever its small inputs are: y = max(x w + b - c, 0), with y also turned over, summed
 * and joined to itself -- */

typedef struct perceptron {
    uint32_t x, w, b, c;
} perceptron;

static void refill(cf_graph *g, uint32_t value) {
    free(g->values[value].operand.bytes);
    cf_fill_range(&g->values[value].operand, -4, 4);
}

static uint32_t shaped(cf_graph *g, tenon_op op, uint32_t x, uint32_t attr, uint32_t count, const int64_t *entries,
                       uint32_t rank, const int64_t *dims) {
    cf_graph_node *node = cf_graph_begin(g, op, &x, 1);
    cf_graph_attr(node, attr, count, entries);
    return cf_graph_output(g, node, g->values[x].operand.dtype, rank, dims);
}

/* `turns`: w is stored as [n, k]. */
static perceptron build_with(cf_graph *g, int64_t m, int64_t k, int64_t n, bool turns) {
    perceptron p = {cf_graph_input(g, TENON_DTYPE_F32, 2, (int64_t[]){m, k}),
                    cf_graph_constant(g, TENON_DTYPE_F32, 2, (int64_t[]){turns ? n : k, turns ? k : n}),
                    cf_graph_constant(g, TENON_DTYPE_F32, 1, (int64_t[]){n}),
                    cf_graph_constant(g, TENON_DTYPE_F32, 1, (int64_t[]){n})};
    int64_t whole[] = {m, n}, turned[] = {n, m}, twice[] = {m, 2 * n}, type = TENON_DTYPE_F32, bits = 0;
    refill(g, p.x);
    refill(g, p.w);
    refill(g, p.b);
    refill(g, p.c);
    uint32_t w = p.w;
    if (turns) w = shaped(g, TENON_OP_PERMUTE, w, TENON_ATTR_PERM, 2, (int64_t[]){1, 0}, 2, (int64_t[]){k, n});
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_MATMUL, (uint32_t[]){p.x, w}, 2);
    uint32_t product = cf_graph_output(g, node, TENON_DTYPE_F32, 2, whole);
    uint32_t bias = shaped(g, TENON_OP_EXPAND, p.b, TENON_ATTR_DIMS, 2, whole, 2, whole);
    node = cf_graph_begin(g, TENON_OP_ADD, (uint32_t[]){product, bias}, 2);
    uint32_t raised = cf_graph_output(g, node, TENON_DTYPE_F32, 2, whole);
    uint32_t lower = shaped(g, TENON_OP_EXPAND, p.c, TENON_ATTR_DIMS, 2, whole, 2, whole);
    node = cf_graph_begin(g, TENON_OP_SUB, (uint32_t[]){raised, lower}, 2);
    uint32_t sum = cf_graph_output(g, node, TENON_DTYPE_F32, 2, whole);
    node = cf_graph_begin(g, TENON_OP_FILL, NULL, 0);
    cf_graph_attr(node, TENON_ATTR_DTYPE, 1, &type);
    cf_graph_attr(node, TENON_ATTR_SCALARS, 1, &bits);
    uint32_t zero = cf_graph_output(g, node, TENON_DTYPE_F32, 2, whole);
    node = cf_graph_begin(g, TENON_OP_MAX, (uint32_t[]){sum, zero}, 2);
    uint32_t y = cf_graph_output(g, node, TENON_DTYPE_F32, 2, whole);
    cf_graph_result(g, y);
    cf_graph_result(g, shaped(g, TENON_OP_PERMUTE, y, TENON_ATTR_PERM, 2, (int64_t[]){1, 0}, 2, turned));
    cf_graph_result(g, shaped(g, TENON_OP_SUM, y, TENON_ATTR_AXES, 1, (int64_t[]){1}, 1, whole));
    node = cf_graph_begin(g, TENON_OP_NONE, (uint32_t[]){y, sum}, 2);
    node->name = "tenon.concat";
    cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){1});
    cf_graph_result(g, cf_graph_output(g, node, TENON_DTYPE_F32, 2, twice));
    if (cf_graph_evaluate(g) != TENON_STATUS_OK) cf_fail("the graph cannot be evaluated on the host");
    return p;
}

static perceptron build(cf_graph *g, int64_t m, int64_t k, int64_t n) {
    return build_with(g, m, k, n, false);
}

void cf_graph_sizes(void) {
    static const int64_t sizes[][3] = {
        {1, 1, 1},    {1, 17, 1},   {2, 3, 5},   {15, 15, 15}, {16, 16, 16}, {17, 17, 17}, {31, 7, 33}, {33, 64, 31},
        {1, 257, 65}, {64, 1, 255}, {255, 5, 2}, {3, 300, 48}, {0, 4, 4},    {4, 0, 4},    {5, 4, 0},   {65, 129, 97}};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t *s = sizes[i];
        if (!cf_begin("%lld_%lld_%lld", (long long)s[0], (long long)s[1], (long long)s[2])) continue;
        if (!cf_graph_taken()) continue;
        cf_graph g = {.value_count = 0};
        build(&g, s[0], s[1], s[2]);
        cf_graph_expect(&g, NULL);
        cf_graph_free(&g);
    }
}

/* -- Launches again, and side by side --------------------------------------------------------------------------------- */

static bool run_once(cf_graph_run *run, tenonh_stream *stream) {
    return cf_good(cf_graph_launch(run, stream), "launch") && cf_good(tenonh_stream_synchronize(stream), "synchronize");
}

/* One exec, other inputs each time; then the same once more, over a workspace full of other bytes. */
void cf_graph_again(void) {
    static const int64_t sizes[][3] = {{1, 5, 3}, {17, 33, 20}, {64, 48, 80}};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!cf_begin("%lld_%lld_%lld", (long long)sizes[i][0], (long long)sizes[i][1], (long long)sizes[i][2]))
            continue;
        if (!cf_graph_taken()) continue;
        cf_held held = {.stream_count = 0};
        cf_graph g = {.value_count = 0};
        cf_graph_run run = {.operand_count = 0};
        perceptron p = build(&g, sizes[i][0], sizes[i][1], sizes[i][2]);
        tenonh_stream *stream = cf_stream(&held);
        tenonh_exec *exec = cf_graph_prepare(&g);
        bool good = exec && stream && cf_graph_place(&g, exec, stream, &run);
        for (uint32_t k = 0; k < 5 && good; k++) {
            if (k && k < 4) refill(&g, p.x);
            good = cf_good(cf_graph_evaluate(&g), "the host's own evaluation") && cf_graph_refill(&run, stream) &&
                   run_once(&run, stream);
            if (good) cf_graph_check(&run, stream, NULL);
        }
        cf_let_go(&held);
        cf_graph_let_go(&run);
        tenonh_exec_release(exec);
        cf_graph_free(&g);
    }
}

enum { SIDES = 4, ROUNDS = 12 };

/* One of several users of an exec, with inputs of its own. */
typedef struct side {
    cf_graph graph;
    cf_graph_run run;
    tenonh_stream *stream;
    pthread_t thread;
    tenon_status status;
} side;

static void *launch_often(void *context) {
    side *s = context;
    for (uint32_t i = 0; i < ROUNDS && s->status == TENON_STATUS_OK; i++)
        s->status = cf_graph_launch(&s->run, s->stream);
    tenon_status end = tenonh_stream_synchronize(s->stream);
    if (s->status == TENON_STATUS_OK) s->status = end;
    return NULL;
}

static void run_sides(side *sides, tenonh_exec *exec, cf_held *held) {
    uint32_t count = 0, started = 0;
    while (count < SIDES) {
        side *s = &sides[count];
        s->stream = cf_stream(held);
        if (!s->stream || !cf_graph_place(&s->graph, exec, s->stream, &s->run)) return;
        count++;
    }
    while (started < SIDES && pthread_create(&sides[started].thread, NULL, launch_often, &sides[started]) == 0)
        started++;
    for (uint32_t i = 0; i < started; i++) pthread_join(sides[i].thread, NULL);
    if (started < SIDES) cf_fail("the system has no thread to launch from");
    for (uint32_t i = 0; i < started && !cf_failed(); i++)
        if (cf_answers(sides[i].status, TENON_STATUS_OK, "launches on several streams"))
            cf_graph_check(&sides[i].run, sides[i].stream, NULL);
}

void cf_graph_side_by_side(void) {
    static const int64_t sizes[][3] = {{3, 5, 7}, {33, 40, 65}, {128, 64, 96}};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!cf_begin("%lld_%lld_%lld", (long long)sizes[i][0], (long long)sizes[i][1], (long long)sizes[i][2]))
            continue;
        if (!cf_graph_taken() || !cf_has_streams(SIDES)) continue;
        cf_held held = {.stream_count = 0};
        side *sides = calloc(SIDES, sizeof *sides);
        for (uint32_t k = 0; k < SIDES && sides; k++) {
            perceptron p = build(&sides[k].graph, sizes[i][0], sizes[i][1], sizes[i][2]);
            const uint32_t shared[] = {p.w, p.b, p.c};
            for (uint32_t c = 0; c < 3 && k; c++) {
                cf_operand *to = &sides[k].graph.values[shared[c]].operand;
                const cf_operand *from = &sides[0].graph.values[shared[c]].operand;
                memcpy(to->bytes, from->bytes, (size_t)cf_count(to->rank, to->dims) * sizeof(float));
            }
            cf_good(cf_graph_evaluate(&sides[k].graph), "the host's own evaluation");
        }
        tenonh_exec *exec = sides ? cf_graph_prepare(&sides[0].graph) : NULL;
        if (exec) run_sides(sides, exec, &held);
        cf_let_go(&held);
        for (uint32_t k = 0; k < SIDES && sides; k++) {
            cf_graph_let_go(&sides[k].run);
            cf_graph_free(&sides[k].graph);
        }
        free(sides);
        tenonh_exec_release(exec);
    }
}

/* -- Constants ---------------------------------------------------------------------------------------------------------- */

/* Gives every constant that the exec does not hold other bytes: it is used for the next layer's weights. */
static void change_constants(cf_graph *g, const tenonh_exec *exec) {
    for (uint32_t i = 0; i < g->value_count; i++) {
        const cf_graph_value *v = &g->values[i];
        if (v->role != TENON_ROLE_CONSTANT) continue;
        if (tenonh_exec_info(exec)->operands[v->number].layout != TENON_LAYOUT_HELD) refill(g, i);
    }
}

static void run_other_constants(int64_t m, int64_t k, int64_t n) {
    cf_held held = {.stream_count = 0};
    cf_graph g = {.value_count = 0};
    cf_graph_run run = {.operand_count = 0};
    build(&g, m, k, n);
    tenonh_stream *stream = cf_stream(&held);
    tenonh_exec *exec = cf_graph_prepare(&g);
    bool good = exec && stream && cf_graph_place(&g, exec, stream, &run);
    for (uint32_t i = 0; i < 3 && good; i++) {
        if (i) change_constants(&g, exec);
        good = cf_good(cf_graph_evaluate(&g), "the host's own evaluation") && cf_graph_refill(&run, stream) &&
               run_once(&run, stream);
        if (good) cf_graph_check(&run, stream, NULL);
    }
    cf_let_go(&held);
    cf_graph_let_go(&run);
    tenonh_exec_release(exec);
    cf_graph_free(&g);
}

static bool has_key_of(const tenon_operand_info *a, const tenon_operand_info *b) {
    return a->packed_size && a->packed_size == b->packed_size && a->packed_key[0] == b->packed_key[0] &&
           a->packed_key[1] == b->packed_key[1];
}

/* The same weights in a graph of another number of rows, which may also read them turned over. Where keys are equal, a
 * copy that one exec packed serves the other. */
static void run_shared_constants(int64_t m, int64_t k, int64_t n, bool turns) {
    cf_held held = {.stream_count = 0};
    cf_graph g[2] = {{.value_count = 0}, {.value_count = 0}};
    cf_graph_run runs[2] = {{.operand_count = 0}, {.operand_count = 0}};
    tenonh_exec *execs[2] = {NULL, NULL};
    perceptron p = build(&g[0], m, k, n);
    build_with(&g[1], m + 3, k, n, turns);
    const uint32_t shared[] = {p.w, p.b, p.c};
    for (uint32_t c = 0; c < 3; c++) {
        cf_operand *to = &g[1].values[shared[c]].operand;
        memcpy(to->bytes, g[0].values[shared[c]].operand.bytes, (size_t)cf_count(to->rank, to->dims) * sizeof(float));
    }
    tenonh_stream *stream = cf_stream(&held);
    bool good = stream && cf_good(cf_graph_evaluate(&g[1]), "the host's own evaluation");
    for (uint32_t i = 0; i < 2 && good; i++)
        good = (execs[i] = cf_graph_prepare(&g[i])) && cf_graph_place(&g[i], execs[i], stream, &runs[i]);
    for (uint32_t c = 0; c < 3 && good; c++) {
        uint32_t number = g[0].values[shared[c]].number;
        const tenon_operand_info *a = &tenonh_exec_info(execs[0])->operands[number];
        if (!has_key_of(a, &tenonh_exec_info(execs[1])->operands[number])) continue;
        tenonh_memory *swap = runs[0].memories[number];
        runs[0].memories[number] = runs[1].memories[number];
        runs[1].memories[number] = swap;
    }
    for (uint32_t i = 0; i < 2 && good; i++) {
        good = run_once(&runs[i], stream);
        if (good) cf_graph_check(&runs[i], stream, NULL);
    }
    cf_let_go(&held);
    for (uint32_t i = 0; i < 2; i++) {
        cf_graph_let_go(&runs[i]);
        tenonh_exec_release(execs[i]);
        cf_graph_free(&g[i]);
    }
}

void cf_graph_constants(void) {
    static const int64_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {17, 16, 32}, {20, 33, 49}};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t *s = sizes[i];
        if (cf_begin("other_bytes.%lld_%lld_%lld", (long long)s[0], (long long)s[1], (long long)s[2]) &&
            cf_graph_taken())
            run_other_constants(s[0], s[1], s[2]);
        if (cf_begin("shared.%lld_%lld_%lld", (long long)s[0], (long long)s[1], (long long)s[2]) && cf_graph_taken())
            run_shared_constants(s[0], s[1], s[2], false);
        if (cf_begin("turned.%lld_%lld", (long long)s[0], (long long)s[2]) && cf_graph_taken())
            run_shared_constants(s[0], s[2], s[2], true);
    }
}
