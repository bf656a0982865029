/* REQ-WORK-11, REQ-OP-03: graphs of floats whose results are not exact, within bounds that follow the numbers through the
 * graph: each operator passes on the errors of its operands and adds what its own row permits, once for the device and
 * half a unit for the reference. What it kills: fusions that round to fewer bits in between, approximations that are good
 * alone and not in a row, sums that lose digits before a division makes them large. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/graph.h"
#include "cases/meaning.h"

/* Errors of every value of the row's graph; NULL: exact. */
static double *errors[CF_GRAPH_VALUES];

static const double unit = 0x1p-24; /* half a unit of f32 */

static int64_t count_of(const cf_graph *g, uint32_t value) {
    return cf_count(g->values[value].operand.rank, g->values[value].operand.dims);
}

static double number(const cf_graph *g, uint32_t value, int64_t i) {
    return (double)((const float *)g->values[value].operand.bytes)[i];
}

static double error_of(uint32_t value, int64_t i) {
    return errors[value] ? errors[value][i] : 0;
}

static long double allowed(const cf_graph *g, uint32_t value, int64_t element) {
    (void)g;
    return (long double)error_of(value, element) * 1.001L;
}

static uint32_t input(cf_graph *g, uint32_t rank, const int64_t *dims, bool is_constant) {
    uint32_t value = is_constant ? cf_graph_constant(g, TENON_DTYPE_F32, rank, dims)
                                 : cf_graph_input(g, TENON_DTYPE_F32, rank, dims);
    cf_fill_small(&g->values[value].operand);
    return value;
}

/* Room for the errors of a node's value; the node has been evaluated. */
static double *begin_errors(uint32_t value, int64_t count) {
    errors[value] = calloc((size_t)count + 1, sizeof(double));
    if (!errors[value]) abort();
    return errors[value];
}

/* -- Element by element ----------------------------------------------------------------------------------------------- */

/* What errors of the operands make of the result, without its own rounding. */
static double passed_on(tenon_op op, double y, const double *x, const double *e) {
    switch (op) {
    case TENON_OP_ADD:
    case TENON_OP_SUB: return e[0] + e[1];
    case TENON_OP_MUL: return fabs(x[0]) * e[1] + fabs(x[1]) * e[0] + e[0] * e[1];
    case TENON_OP_DIV: return (e[0] + fabs(y) * e[1]) / (fabs(x[1]) - e[1]);
    case TENON_OP_MAX: return e[0] > e[1] ? e[0] : e[1];
    case TENON_OP_EXP: return y * expm1(e[0]);
    case TENON_OP_SQRT: return e[0] / sqrt(x[0] - e[0]);
    case TENON_OP_ERF: return 1.13 * e[0];
    default: return e[0]; /* neg, abs, tanh; log1p of what is not negative */
    }
}

static uint32_t map(cf_graph *g, tenon_op op, uint32_t a, uint32_t b) {
    uint32_t in[2] = {a, b}, inputs = tenon_op_row_of(op)->input_count, value = cf_graph_map(g, op, in, inputs);
    double bound = fmax(cf_meaning_of(op)->wide_bound, cf_relaxed_bound(op));
    double *e = begin_errors(value, count_of(g, value)), own = bound * 2 + 1;
    for (int64_t i = 0; i < count_of(g, value); i++) {
        double x[2] = {number(g, a, i), inputs > 1 ? number(g, b, i) : 0}, y = number(g, value, i);
        double before[2] = {error_of(a, i), inputs > 1 ? error_of(b, i) : 0};
        double moved = passed_on(op, y, x, before);
        e[i] = moved + own * (unit * (fabs(y) + moved) + 0x1p-149);
        if (op == TENON_OP_NEG || op == TENON_OP_ABS || op == TENON_OP_MAX) e[i] = moved;
    }
    return value;
}

/* -- Over axes, and views --------------------------------------------------------------------------------------------- */

static uint32_t finish(cf_graph *g, cf_graph_node *node, uint32_t rank, const int64_t *dims) {
    uint32_t value = cf_graph_output(g, node, TENON_DTYPE_F32, rank, dims);
    if (cf_graph_end(g, node) != TENON_STATUS_OK) abort();
    begin_errors(value, count_of(g, value));
    return value;
}

/* Sum or largest of each row of [m, n], repeated to [m, n] again. */
static uint32_t over_rows(cf_graph *g, tenon_op op, uint32_t x) {
    int64_t m = g->values[x].operand.dims[0], n = g->values[x].operand.dims[1];
    cf_graph_node *node = cf_graph_begin(g, op, &x, 1);
    cf_graph_attr(node, TENON_ATTR_AXES, 1, (int64_t[]){1});
    uint32_t row = finish(g, node, 1, &m);
    for (int64_t i = 0; i < m; i++) {
        double sum = 0, size = 0, most = 0;
        for (int64_t k = i * n; k < (i + 1) * n; k++) {
            sum += error_of(x, k);
            size += fabs(number(g, x, k)) + error_of(x, k);
            most = fmax(most, error_of(x, k));
        }
        errors[row][i] = op == TENON_OP_SUM ? sum + ((double)n + 1) * unit * size : most;
    }
    node = cf_graph_begin(g, TENON_OP_RESHAPE, &row, 1);
    cf_graph_attr(node, TENON_ATTR_DIMS, 2, (int64_t[]){m, 1});
    uint32_t column = finish(g, node, 2, (int64_t[]){m, 1});
    node = cf_graph_begin(g, TENON_OP_EXPAND, &column, 1);
    cf_graph_attr(node, TENON_ATTR_DIMS, 2, (int64_t[]){m, n});
    uint32_t whole = finish(g, node, 2, (int64_t[]){m, n});
    for (int64_t i = 0; i < m * n; i++) errors[whole][i] = errors[row][i / n];
    return whole;
}

static uint32_t turn(cf_graph *g, uint32_t x) {
    int64_t m = g->values[x].operand.dims[0], n = g->values[x].operand.dims[1];
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_PERMUTE, &x, 1);
    cf_graph_attr(node, TENON_ATTR_PERM, 2, (int64_t[]){1, 0});
    uint32_t y = finish(g, node, 2, (int64_t[]){n, m});
    for (int64_t i = 0; i < m * n; i++) errors[y][i] = error_of(x, i % m * n + i / m);
    return y;
}

static uint32_t matmul(cf_graph *g, uint32_t a, uint32_t b) {
    int64_t m = g->values[a].operand.dims[0], k = g->values[a].operand.dims[1], n = g->values[b].operand.dims[1];
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_MATMUL, (uint32_t[]){a, b}, 2);
    uint32_t y = finish(g, node, 2, (int64_t[]){m, n});
    for (int64_t i = 0; i < m * n; i++) {
        double moved = 0, size = 0;
        for (int64_t l = 0; l < k; l++) {
            int64_t p = i / n * k + l, q = l * n + i % n;
            double s = fabs(number(g, a, p)), t = fabs(number(g, b, q)), d = error_of(a, p), f = error_of(b, q);
            moved += s * f + t * d + d * f;
            size += (s + d) * (t + f);
        }
        errors[y][i] = moved + ((double)k + 1) * unit * size + 2 * unit * fabs(number(g, y, i));
    }
    return y;
}

/* One number everywhere. */
static uint32_t full(cf_graph *g, uint32_t like, float x) {
    const cf_operand shape = g->values[like].operand;
    int64_t bits = 0, type = TENON_DTYPE_F32;
    memcpy(&bits, &x, sizeof x);
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_FILL, NULL, 0);
    cf_graph_attr(node, TENON_ATTR_DTYPE, 1, &type);
    cf_graph_attr(node, TENON_ATTR_SCALARS, 1, &bits);
    return finish(g, node, shape.rank, shape.dims);
}

/* -- Graphs ----------------------------------------------------------------------------------------------------------- */

static uint32_t softmax(cf_graph *g, uint32_t x) {
    uint32_t e = map(g, TENON_OP_EXP, map(g, TENON_OP_SUB, x, over_rows(g, TENON_OP_RMAX, x)), 0);
    return map(g, TENON_OP_DIV, e, over_rows(g, TENON_OP_SUM, e));
}

static uint32_t norm(cf_graph *g, uint32_t x) {
    uint32_t count = full(g, x, (float)g->values[x].operand.dims[1]);
    uint32_t off = map(g, TENON_OP_SUB, x, map(g, TENON_OP_DIV, over_rows(g, TENON_OP_SUM, x), count));
    uint32_t square = over_rows(g, TENON_OP_SUM, map(g, TENON_OP_MUL, off, off));
    uint32_t variance = map(g, TENON_OP_ADD, map(g, TENON_OP_DIV, square, count), full(g, x, 0.01F));
    return map(g, TENON_OP_DIV, off, map(g, TENON_OP_SQRT, variance, 0));
}

static uint32_t gelu(cf_graph *g, uint32_t x) {
    uint32_t e = map(g, TENON_OP_ERF, map(g, TENON_OP_MUL, x, full(g, x, 0.70710678F)), 0);
    uint32_t half = map(g, TENON_OP_MUL, x, full(g, x, 0.5F));
    return map(g, TENON_OP_MUL, half, map(g, TENON_OP_ADD, e, full(g, x, 1)));
}

static uint32_t layer(cf_graph *g, uint32_t x, int64_t to) {
    return matmul(g, x, input(g, 2, (int64_t[]){g->values[x].operand.dims[1], to}, true));
}

static uint32_t attention(cf_graph *g, uint32_t x) {
    int64_t n = g->values[x].operand.dims[1];
    uint32_t q = layer(g, x, n), k = layer(g, x, n), v = layer(g, x, n);
    return matmul(
        g, softmax(g, map(g, TENON_OP_MUL, matmul(g, q, turn(g, k)), full(g, matmul(g, q, turn(g, k)), 0.1F))), v);
}

static uint32_t perceptron(cf_graph *g, uint32_t x) {
    return layer(g, gelu(g, layer(g, x, 2 * g->values[x].operand.dims[1])), g->values[x].operand.dims[1]);
}

static uint32_t curves(cf_graph *g, uint32_t x) {
    uint32_t y = map(g, TENON_OP_LOG1P, map(g, TENON_OP_ABS, x, 0), 0);
    return map(g, TENON_OP_ADD, map(g, TENON_OP_TANH, map(g, TENON_OP_NEG, x, 0), 0), y);
}

static uint32_t block(cf_graph *g, uint32_t x) {
    uint32_t y = map(g, TENON_OP_ADD, x, norm(g, layer(g, x, g->values[x].operand.dims[1])));
    return map(g, TENON_OP_MAX, curves(g, y), softmax(g, y));
}

void cf_graph_errors(void) {
    static const struct {
        const char *name;
        uint32_t (*build)(cf_graph *g, uint32_t x);
    } graphs[] = {{"softmax", softmax},       {"norm", norm},     {"gelu", gelu},  {"attention", attention},
                  {"perceptron", perceptron}, {"curves", curves}, {"block", block}};
    static const int64_t sizes[][2] = {{1, 1}, {3, 5}, {17, 16}, {20, 33}, {8, 130}};
    for (uint32_t i = 0; i < sizeof graphs / sizeof *graphs; i++)
        for (uint32_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            if (!cf_begin("%s.%lld_%lld", graphs[i].name, (long long)sizes[k][0], (long long)sizes[k][1])) continue;
            if (!cf_graph_taken()) continue;
            cf_graph g = {.value_count = 0};
            cf_graph_result(&g, graphs[i].build(&g, input(&g, 2, sizes[k], false)));
            if (cf_graph_has_optional(&g)) cf_graph_expect(&g, allowed);
            for (uint32_t v = 0; v < CF_GRAPH_VALUES; v++) {
                free(errors[v]);
                errors[v] = NULL;
            }
            cf_graph_free(&g);
        }
}
