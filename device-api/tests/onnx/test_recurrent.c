/* LSTM, GRU and RNN of every variant on a device, for lengths that the model leaves open, against their equations
 * written out in double. Usage: test_recurrent DEVICE [ROW]... */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/tenon.h>

#include "model.h"

enum { FLOAT = 1, INT32 = 6, IN = 3, HIDDEN = 4, MOST_STEPS = 24, MOST_BATCH = 3, MOST_GATES = 4 };
enum { BIAS = 1, LENGTHS = 2, H0 = 4, C0 = 8, PEEP = 16, ALL = 31 };

static tenonh_registry *registry;
static tenonh_device *device;

/* clang-format off */
static const struct row {
    const char *name, *op, *direction;
    uint32_t given; /* optional operands */
    int layout, before_reset, input_forget;
    double clip;                    /* 0: none */
    const char *activations;        /* NULL: the defaults */
    int64_t shapes[3][2];           /* steps and batch of each run */
} rows[] = {
    {"lstm", "LSTM", "forward", 0, 0, 0, 0, 0, NULL, {{1, 2}, {7, 2}, {24, 1}}},
    {"lstm_all", "LSTM", "bidirectional", ALL, 0, 0, 0, 0, NULL, {{5, 3}, {24, 2}, {1, 1}}},
    {"lstm_reverse", "LSTM", "reverse", BIAS | LENGTHS, 0, 0, 0, 0, NULL, {{6, 3}, {3, 2}, {2, 1}}},
    {"lstm_layout", "LSTM", "bidirectional", BIAS | H0 | C0, 1, 0, 0, 0, NULL, {{4, 2}, {9, 3}, {1, 2}}},
    {"lstm_clip_forget", "LSTM", "forward", BIAS | PEEP, 0, 0, 1, 0.4, NULL, {{4, 2}, {9, 3}, {1, 2}}},
    {"lstm_activations", "LSTM", "bidirectional", BIAS, 0, 0, 0, 0, "HardSigmoid,Affine,Softsign,Sigmoid,Elu,relu",
     {{4, 2}, {9, 3}, {1, 2}}},
    {"gru", "GRU", "forward", BIAS, 0, 0, 0, 0, NULL, {{3, 2}, {11, 1}, {1, 1}}},
    {"gru_before_reset", "GRU", "bidirectional", BIAS | LENGTHS | H0, 0, 1, 0, 0, NULL, {{3, 2}, {11, 3}, {1, 1}}},
    {"gru_before_reset_without_bias", "GRU", "reverse", 0, 1, 1, 0, 0, NULL, {{3, 2}, {11, 1}, {1, 1}}},
    {"rnn", "RNN", "bidirectional", BIAS | H0, 0, 0, 0, 0, "ScaledTanh,LeakyRelu", {{3, 2}, {11, 1}, {1, 1}}},
    {"rnn_lengths", "RNN", "forward", LENGTHS, 1, 0, 0, 0, NULL, {{3, 2}, {11, 3}, {1, 1}}},
};
/* clang-format on */
enum { ROWS = sizeof rows / sizeof *rows };

/* -- The equations ------------------------------------------------------------------------------------------------- */

static double activation(const char *name, double x) {
    if (strcmp(name, "Sigmoid") == 0) return 1 / (1 + exp(-x));
    if (strcmp(name, "Tanh") == 0) return tanh(x);
    if (strcmp(name, "relu") == 0) return fmax(x, 0);
    if (strcmp(name, "HardSigmoid") == 0) return fmax(0, fmin(1, 0.2 * x + 0.5));
    if (strcmp(name, "Affine") == 0) return x;
    if (strcmp(name, "Softsign") == 0) return x / (1 + fabs(x));
    if (strcmp(name, "Elu") == 0) return x < 0 ? expm1(x) : x;
    if (strcmp(name, "ScaledTanh") == 0) return tanh(x);
    return x < 0 ? 0.01 * x : x; /* LeakyRelu */
}

/* One sequence in one direction. */
typedef struct subject {
    const struct row *row;
    uint32_t gates, states;
    char act[3][16];
    const float *w, *r, *b, *p; /* of the direction; b, p NULL: zeros */
    double h[HIDDEN], c[HIDDEN];
} subject;

static double act(const subject *s, uint32_t index, double x) {
    if (s->row->clip > 0) x = fmax(-s->row->clip, fmin(s->row->clip, x));
    return activation(s->act[index], x);
}

static double bias(const subject *s, uint32_t part, uint32_t j) {
    return s->b ? s->b[part * HIDDEN + j] : 0;
}

/* W x + Wb of gate `g`, unit `j`, and R h + Rb. */
static double from_input(const subject *s, const float *x, uint32_t g, uint32_t j) {
    double sum = bias(s, g, j);
    for (uint32_t i = 0; i < IN; i++) sum += (double)s->w[(g * HIDDEN + j) * IN + i] * x[i];
    return sum;
}

static double from_state(const subject *s, const double *h, uint32_t g, uint32_t j) {
    double sum = bias(s, s->gates + g, j);
    for (uint32_t i = 0; i < HIDDEN; i++) sum += (double)s->r[(g * HIDDEN + j) * HIDDEN + i] * h[i];
    return sum;
}

static double peep(const subject *s, uint32_t part, uint32_t j, double c) {
    return s->p ? s->p[part * HIDDEN + j] * c : 0;
}

static void lstm_step(subject *s, const float *x) {
    double h[HIDDEN];
    for (uint32_t j = 0; j < HIDDEN; j++) {
        double gate[4], c = s->c[j];
        for (uint32_t g = 0; g < 4; g++) gate[g] = from_input(s, x, g, j) + from_state(s, s->h, g, j);
        double in = act(s, 0, gate[0] + peep(s, 0, j, c));
        double forget = s->row->input_forget ? 1 - in : act(s, 0, gate[2] + peep(s, 2, j, c));
        s->c[j] = forget * c + in * act(s, 1, gate[3]);
        h[j] = act(s, 0, gate[1] + peep(s, 1, j, s->c[j])) * act(s, 2, s->c[j]);
    }
    memcpy(s->h, h, sizeof h);
}

static void gru_step(subject *s, const float *x) {
    double reset[HIDDEN], scaled[HIDDEN], h[HIDDEN];
    for (uint32_t j = 0; j < HIDDEN; j++) {
        reset[j] = act(s, 0, from_input(s, x, 1, j) + from_state(s, s->h, 1, j));
        scaled[j] = reset[j] * s->h[j];
    }
    for (uint32_t j = 0; j < HIDDEN; j++) {
        double update = act(s, 0, from_input(s, x, 0, j) + from_state(s, s->h, 0, j));
        double state = s->row->before_reset ? reset[j] * from_state(s, s->h, 2, j) : from_state(s, scaled, 2, j);
        h[j] = (1 - update) * act(s, 1, from_input(s, x, 2, j) + state) + update * s->h[j];
    }
    memcpy(s->h, h, sizeof h);
}

static void rnn_step(subject *s, const float *x) {
    double h[HIDDEN];
    for (uint32_t j = 0; j < HIDDEN; j++) h[j] = act(s, 0, from_input(s, x, 0, j) + from_state(s, s->h, 0, j));
    memcpy(s->h, h, sizeof h);
}

static void step(subject *s, const float *x) {
    if (s->gates == 4) lstm_step(s, x);
    if (s->gates == 3) gru_step(s, x);
    if (s->gates == 1) rnn_step(s, x);
}

/* -- Models -------------------------------------------------------------------------------------------------------- */

static uint32_t gates_of(const struct row *row) {
    return strcmp(row->op, "LSTM") == 0 ? 4 : strcmp(row->op, "GRU") == 0 ? 3 : 1;
}

static uint32_t directions_of(const struct row *row) {
    return strcmp(row->direction, "bidirectional") == 0 ? 2 : 1;
}

/* Operands in the order of the operator. Rank 3 ones that lead with batch in layout 1 are marked. */
enum { X, W, R, B, LENS, INITIAL_H, INITIAL_C, P, OPERANDS };
static const uint32_t flag_of[OPERANDS] = {0, 0, 0, BIAS, LENGTHS, H0, C0, PEEP};

static bool is_given(const struct row *row, uint32_t operand) {
    return flag_of[operand] == 0 || (row->given & flag_of[operand]);
}

/* Dims of an operand; steps and batch as numbers. */
static uint32_t dims_of(const struct row *row, uint32_t operand, int64_t steps, int64_t batch, int64_t *dims) {
    int64_t d = directions_of(row), g = gates_of(row);
    const int64_t table[OPERANDS][3] = {{steps, batch, IN},     {d, g * HIDDEN, IN}, {d, g * HIDDEN, HIDDEN},
                                        {d, 2 * g * HIDDEN, 0}, {batch, 0, 0},       {d, batch, HIDDEN},
                                        {d, batch, HIDDEN},     {d, 3 * HIDDEN, 0}};
    static const uint32_t ranks[OPERANDS] = {3, 3, 3, 2, 1, 3, 3, 2};
    memcpy(dims, table[operand], sizeof table[operand]);
    bool swaps = row->layout && (operand == X || operand == INITIAL_H || operand == INITIAL_C);
    if (swaps) dims[0] = table[operand][1], dims[1] = table[operand][0];
    return ranks[operand];
}

static tenonh_module *import(const struct row *row) {
    static const char *const names[OPERANDS] = {"x", "w", "r", "b", "lens", "h0", "c0", "p"};
    char list[64] = "";
    model m;
    model_begin(&m, 14);
    for (uint32_t i = 0; i < OPERANDS; i++) {
        int64_t dims[3];
        char text[64] = "";
        size_t listed = strlen(list);
        snprintf(list + listed, sizeof list - listed, "%s%s", i ? "," : "", is_given(row, i) ? names[i] : "");
        if (!is_given(row, i)) continue;
        uint32_t rank = dims_of(row, i, -1, -2, dims); /* those two are symbols */
        for (uint32_t k = 0; k < rank; k++) {
            size_t used = strlen(text);
            if (dims[k] < 0)
                snprintf(text + used, sizeof text - used, "%s%s", k ? "," : "", dims[k] == -1 ? "t" : "b");
            else
                snprintf(text + used, sizeof text - used, "%s%lld", k ? "," : "", (long long)dims[k]);
        }
        model_input(&m, names[i], i == LENS ? INT32 : FLOAT, text);
    }
    while (list[strlen(list) - 1] == ',') list[strlen(list) - 1] = '\0';
    model_node(&m, row->op, list, gates_of(row) == 4 ? "Y,Y_h,Y_c" : "Y,Y_h");
    model_int(&m, "hidden_size", HIDDEN);
    model_string(&m, "direction", row->direction);
    model_int(&m, "layout", row->layout);
    if (row->before_reset) model_int(&m, "linear_before_reset", 1);
    if (row->input_forget) model_int(&m, "input_forget", 1);
    if (row->clip > 0) model_float(&m, "clip", (float)row->clip);
    if (row->activations) model_strings(&m, "activations", row->activations);
    model_output(&m, "Y");
    model_output(&m, "Y_h");
    if (gates_of(row) == 4) model_output(&m, "Y_c");
    tenonh_module *module = NULL;
    ck_assert_msg(model_import(&m, &module) == TENON_STATUS_OK, "%s: %s", row->name, tenonh_error_message());
    model_end(&m);
    return module;
}

/* -- Runs ---------------------------------------------------------------------------------------------------------- */

/* Everything of one run; arrays by operand, `given` packs those that the model has. */
typedef struct run {
    const struct row *row;
    int64_t steps, batch;
    tenonh_array operands[OPERANDS], outputs[3];
} run;

static void fill(tenonh_array *array, uint32_t operand, int64_t steps) {
    uint32_t state = operand * 7919 + 12345;
    for (int64_t i = 0; i < tenonh_array_count(array); i++) {
        state = state * 1664525 + 1013904223;
        if (operand == LENS)
            ((int32_t *)array->data)[i] = (int32_t)((i * 2 + 1) % (steps + 1));
        else
            ((float *)array->data)[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
}

static void make_operands(run *r) {
    for (uint32_t i = 0; i < OPERANDS; i++) {
        int64_t dims[3];
        uint32_t rank = dims_of(r->row, i, r->steps, r->batch, dims);
        if (!is_given(r->row, i)) continue;
        tenon_dtype dtype = i == LENS ? TENON_DTYPE_I32 : TENON_DTYPE_F32;
        ck_assert_int_eq(tenonh_array_create(dtype, rank, dims, &r->operands[i]), TENON_STATUS_OK);
        fill(&r->operands[i], i, r->steps);
    }
}

static const float *floats(const run *r, uint32_t operand, int64_t offset) {
    return r->operands[operand].data ? (const float *)r->operands[operand].data + offset : NULL;
}

/* Offset of [a, b, ...] where layout 1 has [b, a, ...]. */
static int64_t at(const run *r, int64_t a, int64_t b, int64_t a_count, int64_t b_count, int64_t width) {
    return (r->row->layout ? b * a_count + a : a * b_count + b) * width;
}

static double worst; /* error of the run so far */

static void compare(double wanted, float given) {
    double error = fabs(wanted - given) / (1 + fabs(wanted));
    if (!(error <= worst)) worst = error;
}

static void begin_subject(const run *r, subject *s, uint32_t d, int64_t n) {
    static const char *const defaults[] = {"Sigmoid", "Tanh", "Tanh"};
    uint32_t g = gates_of(r->row), count = g == 4 ? 3 : g == 3 ? 2 : 1;
    *s = (subject){.row = r->row, .gates = g};
    for (uint32_t i = 0; i < count; i++) snprintf(s->act[i], sizeof s->act[i], "%s", g == 1 ? "Tanh" : defaults[i]);
    const char *name = r->row->activations;
    for (uint32_t i = 0; name && i < count * (d + 1); i++) {
        size_t length = strcspn(name, ",");
        if (i >= count * d) snprintf(s->act[i - count * d], sizeof s->act[0], "%.*s", (int)length, name);
        name += length + (name[length] == ',');
    }
    s->w = floats(r, W, (int64_t)d * g * HIDDEN * IN);
    s->r = floats(r, R, (int64_t)d * g * HIDDEN * HIDDEN);
    s->b = floats(r, B, (int64_t)d * 2 * g * HIDDEN);
    s->p = floats(r, P, (int64_t)d * 3 * HIDDEN);
    int64_t offset = at(r, d, n, directions_of(r->row), r->batch, HIDDEN);
    for (uint32_t j = 0; j < HIDDEN; j++) {
        s->h[j] = floats(r, INITIAL_H, offset) ? (double)floats(r, INITIAL_H, offset)[j] : 0;
        s->c[j] = floats(r, INITIAL_C, offset) ? (double)floats(r, INITIAL_C, offset)[j] : 0;
    }
}

/* Y is [steps, directions, batch, hidden], or [batch, steps, directions, hidden]. */
static const float *y_at(const run *r, int64_t t, int64_t d, int64_t n) {
    int64_t count = directions_of(r->row);
    int64_t index = r->row->layout ? (n * r->steps + t) * count + d : (t * count + d) * r->batch + n;
    return (const float *)r->outputs[0].data + index * HIDDEN;
}

static void check_sequence(const run *r, uint32_t d, int64_t n) {
    subject s;
    begin_subject(r, &s, d, n);
    bool backwards = d == 1 || strcmp(r->row->direction, "reverse") == 0;
    int64_t length = r->operands[LENS].data ? ((const int32_t *)r->operands[LENS].data)[n] : r->steps;
    for (int64_t i = 0; i < r->steps; i++) {
        int64_t t = backwards ? r->steps - 1 - i : i;
        if (t < length) step(&s, floats(r, X, at(r, t, n, r->steps, r->batch, IN)));
        for (uint32_t j = 0; j < HIDDEN; j++) compare(t < length ? s.h[j] : 0, y_at(r, t, d, n)[j]);
    }
    int64_t offset = at(r, d, n, directions_of(r->row), r->batch, HIDDEN);
    for (uint32_t j = 0; j < HIDDEN; j++) {
        compare(s.h[j], ((const float *)r->outputs[1].data)[offset + j]);
        if (s.gates == 4) compare(s.c[j], ((const float *)r->outputs[2].data)[offset + j]);
    }
}

static void run_once(tenonh_session *session, run *r) {
    tenonh_array inputs[OPERANDS];
    uint32_t count = 0, outputs = gates_of(r->row) == 4 ? 3 : 2;
    make_operands(r);
    for (uint32_t i = 0; i < OPERANDS; i++)
        if (is_given(r->row, i)) inputs[count++] = r->operands[i];
    ck_assert_msg(tenonh_session_run_arrays(session, inputs, count, r->outputs, outputs) == TENON_STATUS_OK, "%s: %s",
                  r->row->name, tenonh_error_message());
    worst = 0;
    for (uint32_t d = 0; d < directions_of(r->row); d++)
        for (int64_t n = 0; n < r->batch; n++) check_sequence(r, d, n);
    ck_assert_msg(worst <= 2e-6, "%s with %lld steps, batch %lld: off by %g", r->row->name, (long long)r->steps,
                  (long long)r->batch, worst);
    for (uint32_t i = 0; i < OPERANDS; i++) tenonh_array_free(&r->operands[i]);
    for (uint32_t i = 0; i < outputs; i++) tenonh_array_free(&r->outputs[i]);
}

START_TEST(test_rows) {
    const struct row *row = &rows[_i];
    const tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1};
    tenonh_module *module = import(row);
    tenonh_session *session;
    ck_assert_msg(tenonh_session_create(module, device, &options, &session) == TENON_STATUS_OK, "%s: %s", row->name,
                  tenonh_error_message());
    uint64_t prepares = 0;
    for (uint32_t i = 0; i < 4; i++) {
        run r = {.row = row, .steps = row->shapes[i % 3][0], .batch = row->shapes[i % 3][1]};
        run_once(session, &r);
        tenonh_session_stats stats = {.struct_size = sizeof stats};
        ck_assert_int_eq(tenonh_session_stats_read(session, &stats), TENON_STATUS_OK);
        if (i == 2) prepares = stats.prepares;
        if (i == 3) ck_assert_uint_eq(stats.prepares, prepares); /* what was met before */
        ck_assert_uint_eq(stats.outside_nodes, 0);
    }
    tenonh_session_release(session);
    tenonh_module_destroy(module);
}
END_TEST

int main(int count, char **arguments) {
    const char *name = count > 1 ? arguments[1] : "cpu";
    if (tenonh_registry_create(NULL, &registry) != TENON_STATUS_OK ||
        tenonh_device_open(registry, name, &device) != TENON_STATUS_OK)
        return fprintf(stderr, "test_recurrent: %s\n", tenonh_error_message()), EXIT_FAILURE;
    Suite *suite = suite_create("recurrent");
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 300);
    if (count < 3) tcase_add_loop_test(cases, test_rows, 0, ROWS);
    for (int i = 0; i < ROWS; i++)
        for (int k = 2; k < count; k++)
            if (strcmp(rows[i].name, arguments[k]) == 0) tcase_add_loop_test(cases, test_rows, i, i + 1);
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
