/* LSTM, GRU and RNN as one counted loop a direction. What the inputs contribute is multiplied for all steps at once
 * before the loop; the loop's step multiplies the hidden state alone. */
#include <string.h>
#include <strings.h>

#include "onnx/operators.h"

enum { MOST_ACTIVATIONS = 3, MOST_STATES = 2 };

/* -- Activations -------------------------------------------------------------------------------------------------- */

enum { AS_OP = 1, AS_COMPOSITE, AS_AFFINE, AS_SCALED_TANH };

/* Defaults count where they are not NAN: the function then has that parameter. */
#define NONE __builtin_nan("")
static const struct activation_row {
    const char *name;
    int form;
    uint32_t what; /* operator or composite */
    double alpha, beta;
} activation_rows[] = {
    {"Tanh", AS_OP, TENON_OP_TANH, NONE, NONE},
    {"Sigmoid", AS_COMPOSITE, TENON__COMPOSITE_SIGMOID, NONE, NONE},
    {"Relu", AS_COMPOSITE, TENON__COMPOSITE_RELU, NONE, NONE},
    {"Softsign", AS_COMPOSITE, TENON__COMPOSITE_SOFTSIGN, NONE, NONE},
    {"Softplus", AS_COMPOSITE, TENON__COMPOSITE_SOFTPLUS, NONE, NONE},
    {"LeakyRelu", AS_COMPOSITE, TENON__COMPOSITE_LEAKY_RELU, 0.01, NONE},
    {"ThresholdedRelu", AS_COMPOSITE, TENON__COMPOSITE_THRESHOLDED_RELU, 1, NONE},
    {"Elu", AS_COMPOSITE, TENON__COMPOSITE_ELU, 1, NONE},
    {"HardSigmoid", AS_COMPOSITE, TENON__COMPOSITE_HARD_SIGMOID, 0.2, 0.5},
    {"Affine", AS_AFFINE, 0, 1, 0},
    {"ScaledTanh", AS_SCALED_TANH, 0, 1, 1},
};

typedef struct activation {
    const struct activation_row *row;
    double alpha, beta;
} activation;

/* The two kinds of recurrence differ in gates; the rest is shared. */
typedef struct recurrence recurrence;
typedef struct kind {
    uint32_t gates, states, activation_count;
    const char *activations[MOST_ACTIVATIONS]; /* defaults */
    void (*step)(const recurrence *r, tenonh_value *x, tenonh_value *const *states, tenonh_value **out_states);
} kind;

/* One direction while it is built. */
struct recurrence {
    tenon__onnx_node *n;
    tenonh_builder *b;
    const kind *kind;
    int64_t hidden;
    double clip; /* NAN: none */
    activation act[MOST_ACTIVATIONS];
    tenonh_value *weights;        /* of the hidden state: [hidden, gates * hidden] */
    bool resets_product;          /* of a GRU: after the product with the hidden state, not before */
    tenonh_value *recurrent_bias; /* [gates * hidden], where it is not part of what inputs contribute */
    tenonh_value *peepholes;      /* [3 * hidden] or NULL */
    tenonh_value *lengths;        /* i64[batch] or NULL */
    const tenonh_dim *steps, *batch;
};

static tenonh_value *times(const recurrence *r, tenonh_value *x, tenonh_value *y) {
    return tenon__binary(r->b, TENON_OP_MUL, x, y);
}

static tenonh_value *plus(const recurrence *r, tenonh_value *x, tenonh_value *y) {
    return tenon__binary(r->b, TENON_OP_ADD, x, y);
}

static tenonh_value *with_number(const recurrence *r, tenon_op op, tenonh_value *x, double number) {
    return tenon__binary_number(r->b, op, x, number, false);
}

static tenonh_value *activate(const recurrence *r, uint32_t index, tenonh_value *x) {
    const activation *a = &r->act[index];
    if (r->clip == r->clip) {
        x = with_number(r, TENON_OP_MAX, x, -r->clip);
        x = with_number(r, TENON_OP_MIN, x, r->clip);
    }
    const tenonh_attr attrs[] = {TENON__ATTR_FLOAT(ALPHA, a->alpha), TENON__ATTR_FLOAT(BETA, a->beta)};
    uint32_t attr_count = (a->row->alpha == a->row->alpha) + (a->row->beta == a->row->beta);
    switch (a->row->form) {
    case AS_OP: return tenon__unary(r->b, a->row->what, x);
    case AS_COMPOSITE: return tenon__compose(r->b, a->row->what, &x, 1, attrs, attr_count);
    case AS_AFFINE: return with_number(r, TENON_OP_ADD, with_number(r, TENON_OP_MUL, x, a->alpha), a->beta);
    default:
        x = tenon__unary(r->b, TENON_OP_TANH, with_number(r, TENON_OP_MUL, x, a->beta));
        return with_number(r, TENON_OP_MUL, x, a->alpha);
    }
}

static const struct activation_row *row_of(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof activation_rows / sizeof activation_rows[0]; i++) {
        const struct activation_row *row = &activation_rows[i];
        if (strlen(row->name) == length && strncasecmp(row->name, name, length) == 0) return row;
    }
    return NULL;
}

/* Activations of all directions. Parameters go, in order, to those functions that have them. */
static int read_activations(tenon__onnx_node *n, const kind *k, uint32_t directions,
                            activation (*out)[MOST_ACTIVATIONS]) {
    const Onnx__AttributeProto *names = tenon__onnx_attr(n, "activations");
    uint32_t count = k->activation_count * directions, alphas, betas, next_alpha = 0, next_beta = 0;
    const float *alpha = tenon__onnx_floats(n, "activation_alpha", &alphas);
    const float *beta = tenon__onnx_floats(n, "activation_beta", &betas);
    if (names && names->n_strings != count)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "%zu activations, not %u", names->n_strings, count), 0;
    for (uint32_t i = 0; i < count; i++) {
        activation *a = &out[i / k->activation_count][i % k->activation_count];
        const char *name = names ? (const char *)names->strings[i].data : k->activations[i % k->activation_count];
        size_t length = names ? names->strings[i].len : strlen(name);
        a->row = row_of(name, length);
        if (!a->row)
            return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "activation '%.*s' is not known", (int)length, name),
                   0;
        a->alpha = a->row->alpha;
        a->beta = a->row->beta;
        if (a->alpha == a->alpha && next_alpha < alphas) a->alpha = (double)alpha[next_alpha++];
        if (a->beta == a->beta && next_beta < betas) a->beta = (double)beta[next_beta++];
    }
    return 1;
}

/* -- Steps -------------------------------------------------------------------------------------------------------- */

/* Part `index` of `count` parts of hidden size, along the last axis. */
static tenonh_value *parts(const recurrence *r, tenonh_value *x, int64_t index, int64_t count) {
    if (!x) return NULL;
    return tenon__slice_axis(r->b, x, x->rank - 1, tenon__num(r->b, index * r->hidden),
                             tenon__num(r->b, count * r->hidden));
}

static tenonh_value *part(const recurrence *r, tenonh_value *x, int64_t index) {
    return parts(r, x, index, 1);
}

static tenonh_value *product(const recurrence *r, tenonh_value *h, tenonh_value *weights) {
    return tenon__matmul(r->b, h, weights, 0, 0);
}

static tenonh_value *peephole(const recurrence *r, tenonh_value *x, int64_t index, tenonh_value *cell) {
    if (!r->peepholes) return x;
    return plus(r, x, times(r, tenon__expand_like(r->b, part(r, r->peepholes, index), cell), cell));
}

/* Gates i o f c; states h c; activations f g h. */
static void lstm_step(const recurrence *r, tenonh_value *x, tenonh_value *const *states, tenonh_value **out) {
    tenonh_value *h = states[0], *c = states[1];
    tenonh_value *all = plus(r, x, product(r, h, r->weights));
    tenonh_value *input = activate(r, 0, peephole(r, part(r, all, 0), 0, c)), *forget;
    if (tenon__onnx_int(r->n, "input_forget", 0))
        forget = tenon__binary_number(r->b, TENON_OP_SUB, input, 1, true);
    else
        forget = activate(r, 0, peephole(r, part(r, all, 2), 2, c));
    out[1] = plus(r, times(r, forget, c), times(r, input, activate(r, 1, part(r, all, 3))));
    tenonh_value *output = activate(r, 0, peephole(r, part(r, all, 1), 1, out[1]));
    out[0] = times(r, output, activate(r, 2, out[1]));
}

/* Gates z r h; activations f g. */
static void gru_step(const recurrence *r, tenonh_value *x, tenonh_value *const *states, tenonh_value **out) {
    tenonh_value *h = states[0], *hidden;
    tenonh_value *both = plus(r, parts(r, x, 0, 2), product(r, h, parts(r, r->weights, 0, 2)));
    tenonh_value *update = activate(r, 0, part(r, both, 0)), *reset = activate(r, 0, part(r, both, 1));
    if (r->resets_product) {
        hidden = product(r, h, part(r, r->weights, 2));
        if (r->recurrent_bias && hidden) hidden = plus(r, hidden, tenon__expand_like(r->b, r->recurrent_bias, hidden));
        hidden = times(r, reset, hidden);
    } else {
        hidden = product(r, times(r, reset, h), part(r, r->weights, 2));
    }
    hidden = activate(r, 1, plus(r, part(r, x, 2), hidden));
    tenonh_value *rest = tenon__binary_number(r->b, TENON_OP_SUB, update, 1, true);
    out[0] = plus(r, times(r, rest, hidden), times(r, update, h));
}

static void rnn_step(const recurrence *r, tenonh_value *x, tenonh_value *const *states, tenonh_value **out) {
    out[0] = activate(r, 0, plus(r, x, product(r, states[0], r->weights)));
}

static const kind lstm_kind = {4, 2, 3, {"Sigmoid", "Tanh", "Tanh"}, lstm_step};
static const kind gru_kind = {3, 1, 2, {"Sigmoid", "Tanh"}, gru_step};
static const kind rnn_kind = {1, 1, 1, {"Tanh"}, rnn_step};

/* -- One direction ------------------------------------------------------------------------------------------------ */

/* Entry `index` of axis 0. */
static tenonh_value *entry(const recurrence *r, tenonh_value *x, uint32_t index) {
    return x ? tenon__squeeze(r->b, tenon__slice_axis(r->b, x, 0, tenon__num(r->b, index), tenon__num(r->b, 1)), 0)
             : NULL;
}

/* What a step adds to every gate: both biases, but for that of a GRU whose product is reset after its bias. */
static tenonh_value *bias_of(recurrence *r, tenonh_value *bias) {
    int64_t gates = r->kind->gates;
    if (!bias) return NULL;
    tenonh_value *input = parts(r, bias, 0, gates), *recurrent = parts(r, bias, gates, gates);
    if (!r->resets_product) return plus(r, input, recurrent);
    r->recurrent_bias = part(r, recurrent, 2);
    tenonh_value *first = plus(r, parts(r, input, 0, 2), parts(r, recurrent, 0, 2));
    return tenon__concat(r->b, (tenonh_value *[]){first, part(r, input, 2)}, 2, 0);
}

/* [steps, batch, gates * hidden] of all inputs. */
static tenonh_value *contributions(recurrence *r, tenonh_value *x, tenonh_value *weights, tenonh_value *bias) {
    tenonh_value *inputs[] = {x, tenon__permute(r->b, weights, (const int64_t[]){1, 0}), bias_of(r, bias)};
    return tenon__compose(r->b, TENON__COMPOSITE_LINEAR, inputs, 3, NULL, 0);
}

static tenonh_value *zeros(const recurrence *r, tenon_dtype dtype) {
    const tenonh_dim *dims[] = {r->batch, tenon__num(r->b, r->hidden)};
    return tenon__fill(r->b, dtype, 0, 2, dims);
}

/* Past the end of a sequence its states stay and it gives zeros. */
static void hold(const recurrence *r, tenonh_value *step, tenonh_value *const *before, tenonh_value **after,
                 tenonh_value **out_y) {
    tenonh_value *runs = tenon__binary(r->b, TENON_OP_LT, tenon__expand_like(r->b, step, r->lengths), r->lengths);
    if (!runs || !after[0]) return;
    runs = tenon__expand_like(r->b, tenon__unsqueeze(r->b, runs, 1), after[0]);
    *out_y = tenon__where(r->b, runs, after[0], zeros(r, after[0]->dtype));
    for (uint32_t i = 0; i < r->kind->states; i++) after[i] = tenon__where(r->b, runs, after[i], before[i]);
}

/* The loop over `xs`. Gives the node's result 0: last states, then all hidden states. */
static tenonh_value *build_loop(const recurrence *r, tenonh_value *xs, tenonh_value *numbers,
                                tenonh_value *const *initial) {
    tenonh_value *inputs[MOST_STATES + 2], *states[MOST_STATES], *yields[MOST_STATES + 1];
    uint32_t count = r->kind->states;
    memcpy(inputs, initial, count * sizeof *inputs);
    inputs[count] = xs;
    inputs[count + 1] = numbers;
    const tenonh_attr carried = TENON__ATTR_INT(AXIS, count);
    tenonh_build_begin(r->b, TENONH_CONTROL_FOR, inputs, count + (numbers ? 2 : 1), &carried, 1);
    for (uint32_t i = 0; i < count; i++) states[i] = tenonh_build_argument(r->b, i);
    if (tenonh_builder_status(r->b) != TENON_STATUS_OK) return NULL;
    r->kind->step(r, tenonh_build_argument(r->b, count), states, yields);
    yields[count] = yields[0];
    if (numbers) hold(r, tenonh_build_argument(r->b, count + 1), states, yields, &yields[count]);
    if (tenonh_builder_status(r->b) != TENON_STATUS_OK) return NULL;
    return tenonh_build_yield(r->b, yields, count + 1);
}

/* Direction `index`: its last states and all its hidden states in the order of the sequence. */
static void build_direction(recurrence *r, uint32_t index, bool backwards, tenonh_value *const *operands,
                            tenonh_value **out_states, tenonh_value **out_y) {
    tenonh_value *x = operands[0], *initial[MOST_STATES], *numbers = NULL;
    r->recurrent_bias = NULL;
    r->resets_product = r->kind->step == gru_step && tenon__onnx_int(r->n, "linear_before_reset", 0) != 0;
    r->peepholes = r->kind->states == 2 ? entry(r, operands[7], index) : NULL;
    r->weights = tenon__permute(r->b, entry(r, operands[2], index), (const int64_t[]){1, 0});
    tenonh_value *xs = contributions(r, x, entry(r, operands[1], index), entry(r, operands[3], index));
    for (uint32_t i = 0; i < r->kind->states; i++)
        initial[i] = operands[5 + i] ? entry(r, operands[5 + i], index) : zeros(r, x->dtype);
    if (r->lengths) numbers = tenon__iota(r->b, TENON_DTYPE_I64, 0, 1, &r->steps);
    if (backwards) {
        xs = tenon__onnx_reversed(r->n, xs, 0);
        numbers = tenon__onnx_reversed(r->n, numbers, 0);
    }
    tenonh_value *first = build_loop(r, xs, numbers, initial);
    for (uint32_t i = 0; i < r->kind->states; i++) out_states[i] = first ? tenonh_value_result(first, i) : NULL;
    *out_y = first ? tenonh_value_result(first, r->kind->states) : NULL;
    if (backwards) *out_y = tenon__onnx_reversed(r->n, *out_y, 0);
}

/* -- The node ----------------------------------------------------------------------------------------------------- */

/* Operands in layout 0, as f32 weights' users expect them; dims checked where a wrong one could not be told later. */
static int read_operands(tenon__onnx_node *n, const kind *k, uint32_t directions, tenonh_value **operands,
                         int64_t *out_hidden) {
    static const uint32_t ranks[] = {3, 3, 3, 2, 1, 3, 3, 2};
    int by_batch = tenon__onnx_int(n, "layout", 0) != 0;
    int64_t given, rows;
    for (uint32_t i = 0; i < 8; i++) {
        tenonh_value *x = operands[i] = tenon__onnx_input(n, i);
        if (x && x->rank != ranks[i])
            return tenon__onnx_fail(n, TENON_STATUS_INVALID, "input %u is %s, not of rank %u", i, tenon__type_text(x),
                                    ranks[i]),
                   0;
        if (by_batch && x && (i == 0 || i == 5 || i == 6))
            operands[i] = tenon__permute(n->b, x, (const int64_t[]){1, 0, 2});
    }
    if (!tenonh_dim_is_number(operands[2]->dims[2], out_hidden) || !tenonh_dim_is_number(operands[2]->dims[1], &rows))
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "the dims of its weights must be numbers"), 0;
    given = tenon__onnx_int(n, "hidden_size", *out_hidden);
    bool fits =
        given == *out_hidden && rows == *out_hidden * k->gates && tenon__dim_is(operands[2]->dims[0], directions);
    if (fits && operands[3])
        fits = tenon__dim_is(operands[3]->dims[1], 2 * rows) && tenon__dim_is(operands[3]->dims[0], directions);
    if (fits) return 1;
    tenon__onnx_fail(n, TENON_STATUS_INVALID, "hidden_size %lld and %u directions do not fit its weights %s",
                     (long long)given, directions, tenon__type_text(operands[2]));
    return 0;
}

/* Values of all directions side by side along a new axis. */
static tenonh_value *joined(tenon__onnx_node *n, tenonh_value *const *values, uint32_t directions, uint32_t axis,
                            const int64_t *by_batch) {
    tenonh_value *both[2] = {NULL, NULL};
    for (uint32_t d = 0; d < directions; d++) both[d] = values[d] ? tenon__unsqueeze(n->b, values[d], axis) : NULL;
    tenonh_value *all = directions == 1 ? both[0] : tenon__concat(n->b, both, directions, axis);
    return all && by_batch ? tenon__permute(n->b, all, by_batch) : all;
}

static tenonh_value *lower(tenon__onnx_node *n, const kind *k) {
    static const int64_t y_by_batch[] = {2, 0, 1, 3}, state_by_batch[] = {1, 0, 2};
    const char *direction = tenon__onnx_string(n, "direction", "forward");
    bool both = strcmp(direction, "bidirectional") == 0, backwards = strcmp(direction, "reverse") == 0;
    uint32_t directions = both ? 2 : 1;
    activation activations[2][MOST_ACTIVATIONS] = {{{NULL, 0, 0}}};
    tenonh_value *operands[8], *ys[2] = {NULL}, *states[2][MOST_STATES] = {{NULL}}, *finals[MOST_STATES][2] = {{NULL}};
    recurrence r = {.n = n, .b = n->b, .kind = k, .clip = tenon__onnx_float(n, "clip", NONE)};
    if (!both && !backwards && strcmp(direction, "forward") != 0)
        return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "direction '%s' is not known", direction);
    if (!read_operands(n, k, directions, operands, &r.hidden) || !read_activations(n, k, directions, activations) ||
        tenonh_builder_status(n->b) != TENON_STATUS_OK)
        return NULL;
    r.steps = operands[0]->dims[0];
    r.batch = operands[0]->dims[1];
    r.lengths = operands[4] ? tenon__cast(n->b, operands[4], TENON_DTYPE_I64) : NULL;
    for (uint32_t d = 0; d < directions && tenonh_builder_status(n->b) == TENON_STATUS_OK; d++) {
        memcpy(r.act, activations[d], sizeof r.act);
        build_direction(&r, d, backwards || d == 1, operands, states[d], &ys[d]);
        for (uint32_t i = 0; i < k->states; i++) finals[i][d] = states[d][i];
    }
    if (tenonh_builder_status(n->b) != TENON_STATUS_OK) return NULL;
    bool by_batch = tenon__onnx_int(n, "layout", 0) != 0;
    n->outputs[0] = joined(n, ys, directions, 1, by_batch ? y_by_batch : NULL);
    for (uint32_t i = 0; i < k->states && i + 1 < n->output_count; i++)
        n->outputs[i + 1] = joined(n, finals[i], directions, 0, by_batch ? state_by_batch : NULL);
    return n->outputs[0];
}

tenonh_value *tenon__onnx_lower_lstm(tenon__onnx_node *n) {
    return lower(n, &lstm_kind);
}

tenonh_value *tenon__onnx_lower_gru(tenon__onnx_node *n) {
    return lower(n, &gru_kind);
}

tenonh_value *tenon__onnx_lower_rnn(tenon__onnx_node *n) {
    return lower(n, &rnn_kind);
}
