/* Composites that reduce, normalise, order or multiply along axes, against their meaning in f64. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tests.h"

/* A meaning over one row: `out` gets one element (reductions) or `n` (the rest). */
typedef void (*row_meaning)(const double *row, int n, double *out);

static double sum_of(const double *row, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += row[i];
    return sum;
}

static double max_of(const double *row, int n) {
    double max = -HUGE_VAL;
    for (int i = 0; i < n; i++) max = row[i] > max ? row[i] : max;
    return max;
}

static void m_mean(const double *row, int n, double *out) {
    out[0] = sum_of(row, n) / n;
}
static void m_l1(const double *row, int n, double *out) {
    out[0] = 0;
    for (int i = 0; i < n; i++) out[0] += fabs(row[i]);
}
static void m_sum_square(const double *row, int n, double *out) {
    out[0] = 0;
    for (int i = 0; i < n; i++) out[0] += row[i] * row[i];
}
static void m_l2(const double *row, int n, double *out) {
    m_sum_square(row, n, out);
    out[0] = sqrt(out[0]);
}
static void m_log_sum(const double *row, int n, double *out) {
    out[0] = log(sum_of(row, n));
}
static void m_log_sum_exp(const double *row, int n, double *out) {
    double sum = 0, max = max_of(row, n);
    for (int i = 0; i < n; i++) sum += exp(row[i] - max);
    out[0] = max + log(sum);
}
static void m_arg_max(const double *row, int n, double *out) {
    out[0] = 0;
    for (int i = 1; i < n; i++)
        if (row[i] > row[(int)out[0]]) out[0] = i;
}
static void m_arg_max_last(const double *row, int n, double *out) {
    out[0] = 0;
    for (int i = 1; i < n; i++)
        if (row[i] >= row[(int)out[0]]) out[0] = i;
}
static void m_arg_min(const double *row, int n, double *out) {
    out[0] = 0;
    for (int i = 1; i < n; i++)
        if (row[i] < row[(int)out[0]]) out[0] = i;
}
static void m_arg_min_last(const double *row, int n, double *out) {
    out[0] = 0;
    for (int i = 1; i < n; i++)
        if (row[i] <= row[(int)out[0]]) out[0] = i;
}
static void m_softmax(const double *row, int n, double *out) {
    double max = max_of(row, n), sum = 0;
    for (int i = 0; i < n; i++) sum += exp(row[i] - max);
    for (int i = 0; i < n; i++) out[i] = exp(row[i] - max) / sum;
}
static void m_log_softmax(const double *row, int n, double *out) {
    double total;
    m_log_sum_exp(row, n, &total);
    for (int i = 0; i < n; i++) out[i] = row[i] - total;
}
static void m_hardmax(const double *row, int n, double *out) {
    double place;
    m_arg_max(row, n, &place);
    for (int i = 0; i < n; i++) out[i] = i == place;
}
static void m_cumsum(const double *row, int n, double *out) {
    for (int i = 0; i < n; i++) out[i] = sum_of(row, i + 1);
}
static void m_cumsum_before(const double *row, int n, double *out) {
    for (int i = 0; i < n; i++) out[i] = sum_of(row, i);
}
static void m_cumsum_reverse(const double *row, int n, double *out) {
    for (int i = 0; i < n; i++) out[i] = sum_of(row + i, n - i);
}
static void m_lp_1(const double *row, int n, double *out) {
    double norm;
    m_l1(row, n, &norm);
    for (int i = 0; i < n; i++) out[i] = row[i] / norm;
}
static void m_lp_2(const double *row, int n, double *out) {
    double norm;
    m_l2(row, n, &norm);
    for (int i = 0; i < n; i++) out[i] = row[i] / norm;
}
static void m_layer_norm(const double *row, int n, double *out) {
    double mean = sum_of(row, n) / n, variance = 0;
    for (int i = 0; i < n; i++) variance += (row[i] - mean) * (row[i] - mean) / n;
    for (int i = 0; i < n; i++) out[i] = (row[i] - mean) / sqrt(variance + 1e-3);
}
static void m_rms_norm(const double *row, int n, double *out) {
    double square;
    m_sum_square(row, n, &square);
    for (int i = 0; i < n; i++) out[i] = row[i] / sqrt(square / n + 1e-3);
}

/* clang-format off */
static const struct row {
    const char *name, *node; /* over axis 1 of [3, 7, 5], or axes 1 and 2 */
    row_meaning meaning;
    bool reduces, keeps, both_axes;
    double low, high;
    tenon_dtype dtype, result;
} rows[] = {
#define F TENON_DTYPE_F32
#define H TENON_DTYPE_F16
#define D TENON_DTYPE_F64
#define I TENON_DTYPE_I32
#define L TENON_DTYPE_I64
#define U TENON_DTYPE_U8
    {"mean",            "tenon.reduce_mean.1(%0) {axes = [1], keep = 1}", m_mean, 1, 1, 0, -2, 2, F, F},
    {"mean_axes",       "tenon.reduce_mean.1(%0) {axes = [1, 2]}", m_mean, 1, 0, 1, -2, 2, F, F},
    {"mean_f16",        "tenon.reduce_mean.1(%0) {axes = [1]}", m_mean, 1, 0, 0, -2, 2, H, H},
    {"l1",              "tenon.reduce_l1.1(%0) {axes = [1]}", m_l1, 1, 0, 0, -2, 2, F, F},
    {"l1_i32",          "tenon.reduce_l1.1(%0) {axes = [1]}", m_l1, 1, 0, 0, -9, 9, I, I},
    {"l2",              "tenon.reduce_l2.1(%0) {axes = [1, 2], keep = 1}", m_l2, 1, 1, 1, -2, 2, F, F},
    {"l2_f16",          "tenon.reduce_l2.1(%0) {axes = [1]}", m_l2, 1, 0, 0, -200, 200, H, H}, /* squares pass f16 */
    {"sum_square",      "tenon.reduce_sum_square.1(%0) {axes = [1]}", m_sum_square, 1, 0, 0, -2, 2, F, F},
    {"log_sum",         "tenon.reduce_log_sum.1(%0) {axes = [1]}", m_log_sum, 1, 0, 0, 0.5, 2, F, F},
    {"log_sum_exp",     "tenon.reduce_log_sum_exp.1(%0) {axes = [1]}", m_log_sum_exp, 1, 0, 0, 80, 90, F, F},
    {"log_sum_exp_f64", "tenon.reduce_log_sum_exp.1(%0) {axes = [1, 2], keep = 1}", m_log_sum_exp, 1, 1, 1, -4, 4, D, D},
    {"arg_max",         "tenon.arg_max.1(%0) {axis = 1, keep = 1}", m_arg_max, 1, 1, 0, 0, 4, I, L},
    {"arg_max_last",    "tenon.arg_max.1(%0) {axis = 1, mode = 1}", m_arg_max_last, 1, 0, 0, 0, 4, I, L},
    {"arg_min",         "tenon.arg_min.1(%0) {axis = 1}", m_arg_min, 1, 0, 0, 0, 4, U, L},
    {"arg_min_f32",     "tenon.arg_min.1(%0) {axis = 1}", m_arg_min, 1, 0, 0, -4, 4, F, L},
    {"arg_min_last",    "tenon.arg_min.1(%0) {axis = 1, mode = 1, keep = 1}", m_arg_min_last, 1, 1, 0, 0, 4, I, L},
    {"softmax",         "tenon.softmax.1(%0) {axis = 1}", m_softmax, 0, 0, 0, -90, 90, F, F},
    {"softmax_f16",     "tenon.softmax.1(%0) {axis = 1}", m_softmax, 0, 0, 0, -4, 4, H, H},
    {"log_softmax",     "tenon.log_softmax.1(%0) {axis = 1}", m_log_softmax, 0, 0, 0, -90, 90, F, F},
    {"hardmax",         "tenon.hardmax.1(%0) {axis = 1}", m_hardmax, 0, 0, 0, 0, 4, I, I},
    {"cumsum",          "tenon.cumsum.1(%0) {axis = 1}", m_cumsum, 0, 0, 0, -9, 9, L, L},
    {"cumsum_before",   "tenon.cumsum.1(%0) {axis = 1, exclusive = 1}", m_cumsum_before, 0, 0, 0, -2, 2, F, F},
    {"cumsum_reverse",  "tenon.cumsum.1(%0) {axis = 1, reverse = 1}", m_cumsum_reverse, 0, 0, 0, -2, 2, F, F},
    {"lp_1",            "tenon.lp_norm.1(%0) {axis = 1, count = 1}", m_lp_1, 0, 0, 0, -2, 2, F, F},
    {"lp_2",            "tenon.lp_norm.1(%0) {axis = 1, count = 2}", m_lp_2, 0, 0, 0, -2, 2, F, F},
    {"layer_norm",      "tenon.layer_norm.1(%0) {axis = 1, epsilon = 0.001}", m_layer_norm, 0, 0, 1, -2, 2, F, F},
    {"layer_norm_f16",  "tenon.layer_norm.1(%0) {axis = 1, epsilon = 0.001}", m_layer_norm, 0, 0, 1, 900, 1000, H, H},
    {"rms_norm",        "tenon.rms_norm.1(%0) {axis = 1, epsilon = 0.001}", m_rms_norm, 0, 0, 1, -2, 2, F, F},
#undef F
#undef H
#undef D
#undef I
#undef L
#undef U
};
/* clang-format on */

enum { OUTER = 3, N = 7, INNER = 5, ALL = OUTER * N * INNER };

static double bound_of(tenon_dtype dtype) {
    return dtype == TENON_DTYPE_F16   ? 0x1p-10
           : dtype == TENON_DTYPE_F32 ? 0x1p-20
           : dtype == TENON_DTYPE_F64 ? 0x1p-46
                                      : 0;
}

START_TEST(test_rows) {
    const struct row *row = &rows[_i];
    test_tensor in[1] = {test_tensor_of(row->dtype, 3, (int64_t[]){OUTER, N, INNER})}, out[1];
    double wanted[ALL];
    test_fill(&in[0], 5, row->low, row->high);
    int n = row->both_axes ? N * INNER : N, lanes = row->both_axes ? 1 : INNER;
    for (int o = 0; o < OUTER; o++) {
        for (int lane = 0; lane < lanes; lane++) {
            double line[N * INNER], result[N * INNER];
            for (int i = 0; i < n; i++) line[i] = in[0].values[o * N * INNER + i * lanes + lane];
            row->meaning(line, n, result);
            for (int i = 0; i < (row->reduces ? 1 : n); i++)
                wanted[row->reduces ? o * lanes + lane : o * N * INNER + i * lanes + lane] = result[i];
        }
    }
    const char *dims = !row->reduces    ? "3, 7, 5"
                       : row->both_axes ? (row->keeps ? "3, 1, 1" : "3")
                                        : (row->keeps ? "3, 1, 5" : "3, 5");
    char result[64];
    snprintf(result, sizeof result, "%s[%s]", tenon_dtype_name(row->result), dims);
    test_run_node(row->name, row->node, result, in, 1, out);
    test_expect(row->name, &out[0], wanted, bound_of(row->result),
                bound_of(row->result) * (fabs(row->high) > 50 ? 40 : 1));
    test_free(in, 1);
    test_free(out, 1);
}
END_TEST

START_TEST(test_infinite_rows) {
    /* A row of -inf has no softmax; its log-sum-exp is -inf, not NaN. */
    test_tensor in[1] = {test_tensor_of(TENON_DTYPE_F32, 2, (int64_t[]){2, 3})}, out[1];
    for (int i = 0; i < 3; i++) in[0].values[i] = -HUGE_VAL;
    in[0].values[4] = HUGE_VAL;
    test_run_node("infinite", "tenon.reduce_log_sum_exp.1(%0) {axes = [1]}", "f32[2]", in, 1, out);
    test_expect("infinite", &out[0], (double[]){-HUGE_VAL, HUGE_VAL}, 0, 0);
    test_free(out, 1);
    test_free(in, 1);
}
END_TEST

START_TEST(test_topk) {
    test_tensor in[1] = {test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){6})}, out[2];
    memcpy(in[0].values, (double[]){3, 1, 3, -2, 5, 1}, 6 * sizeof(double));
    test_run_node("largest", "tenon.topk.1(%0) {axis = 0, count = 3, descending = 1}", "f32[3]; i64[3]", in, 1, out);
    test_expect("largest", &out[0], (double[]){5, 3, 3}, 0, 0);
    test_expect("largest", &out[1], (double[]){4, 0, 2}, 0, 0);
    test_free(out, 2);
    test_run_node("smallest", "tenon.topk.1(%0) {axis = 0, count = 3}", "f32[3]; i64[3]", in, 1, out);
    test_expect("smallest", &out[0], (double[]){-2, 1, 1}, 0, 0);
    test_expect("smallest", &out[1], (double[]){3, 1, 5}, 0, 0);
    test_free(out, 2);
    test_free(in, 1);
}
END_TEST

/* -- Norms with parameters ------------------------------------------------------------------------------------------- */

enum { BATCH = 2, CHANNELS = 4, SPACE = 6, ELEMENTS = BATCH * CHANNELS * SPACE };

/* Standardises elements that share `group_of`, then scales and shifts each channel. */
static void m_grouped(const test_tensor *in, int (*group_of)(int n, int c), double *wanted) {
    for (int e = 0; e < ELEMENTS; e++) {
        int n = e / (CHANNELS * SPACE), c = e / SPACE % CHANNELS;
        double line[ELEMENTS], mean, variance = 0;
        int count = 0;
        for (int k = 0; k < ELEMENTS; k++)
            if (group_of(k / (CHANNELS * SPACE), k / SPACE % CHANNELS) == group_of(n, c))
                line[count++] = in[0].values[k];
        mean = sum_of(line, count) / count;
        for (int k = 0; k < count; k++) variance += (line[k] - mean) * (line[k] - mean) / count;
        wanted[e] = (in[0].values[e] - mean) / sqrt(variance + 1e-3) * in[1].values[c] + in[2].values[c];
    }
}

static int per_channel(int n, int c) {
    return n * CHANNELS + c;
}

static int per_pair(int n, int c) {
    return n * CHANNELS + c / 2;
}

START_TEST(test_channel_norms) {
    test_tensor in[5] = {test_tensor_of(TENON_DTYPE_F32, 4, (int64_t[]){BATCH, CHANNELS, 2, 3})}, out[1];
    double wanted[ELEMENTS];
    test_fill(&in[0], 3, -2, 3);
    for (unsigned i = 1; i < 5; i++) {
        in[i] = test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){CHANNELS});
        test_fill(&in[i], 20 + i, i == 4 ? 0.5 : -1, 2);
    }
    m_grouped(in, per_channel, wanted);
    test_run_node("instance", "tenon.instance_norm.1(%0, %1, %2) {epsilon = 0.001}", "f32[2, 4, 2, 3]", in, 3, out);
    test_expect("instance", &out[0], wanted, 1e-5, 1e-5);
    test_free(out, 1);
    m_grouped(in, per_pair, wanted);
    test_run_node("group", "tenon.group_norm.1(%0, %1, %2) {groups = 2, epsilon = 0.001}", "f32[2, 4, 2, 3]", in, 3,
                  out);
    test_expect("group", &out[0], wanted, 1e-5, 1e-5);
    test_free(out, 1);
    for (int e = 0; e < ELEMENTS; e++) {
        int c = e / SPACE % CHANNELS;
        wanted[e] =
            (in[0].values[e] - in[3].values[c]) / sqrt(in[4].values[c] + 1e-3) * in[1].values[c] + in[2].values[c];
    }
    test_run_node("batch", "tenon.batch_norm.1(%0, %1, %2, %3, %4) {epsilon = 0.001}", "f32[2, 4, 2, 3]", in, 5, out);
    test_expect("batch", &out[0], wanted, 1e-5, 1e-5);
    test_free(out, 1);
    for (int e = 0; e < ELEMENTS; e++) {
        int c = e / SPACE % CHANNELS;
        double square = 0;
        for (int k = c - 1; k <= c + 1; k++) /* of three channels around */
            if (k >= 0 && k < CHANNELS) square += pow(in[0].values[e + (k - c) * SPACE], 2);
        wanted[e] = in[0].values[e] / pow(1.5 + 0.3 / 3 * square, 0.75);
    }
    test_run_node("lrn", "tenon.lrn.1(%0) {count = 3, alpha = 0.3, beta = 0.75, scale = 1.5}", "f32[2, 4, 2, 3]", in, 1,
                  out);
    test_expect("lrn", &out[0], wanted, 1e-5, 1e-5);
    test_free(out, 1);
    test_free(in, 5);
}
END_TEST

START_TEST(test_scaled_norms) {
    test_tensor in[3] = {test_tensor_of(TENON_DTYPE_F32, 2, (int64_t[]){2, 5}),
                         test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){5}),
                         test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){5})},
                out[1];
    double wanted[10];
    for (unsigned i = 0; i < 3; i++) test_fill(&in[i], 40 + i, -2, 2);
    for (int r = 0; r < 2; r++) m_layer_norm(in[0].values + 5 * r, 5, wanted + 5 * r);
    for (int i = 0; i < 10; i++) wanted[i] = wanted[i] * in[1].values[i % 5] + in[2].values[i % 5];
    test_run_node("layer", "tenon.layer_norm.1(%0, %1, %2) {axis = 1, epsilon = 0.001}", "f32[2, 5]", in, 3, out);
    test_expect("layer", &out[0], wanted, 1e-5, 1e-5);
    test_free(out, 1);
    for (int i = 0; i < 2; i++) m_layer_norm(in[0].values + 5 * i, 5, wanted + 5 * i);
    for (int i = 0; i < 10; i++) wanted[i] += in[2].values[i % 5];
    test_run_node("layer_bias", "tenon.layer_norm.1(%0, none, %2) {axis = 1, epsilon = 0.001}", "f32[2, 5]", in, 3,
                  out);
    test_expect("layer_bias", &out[0], wanted, 1e-5, 1e-5);
    test_free(out, 1);
    for (int i = 0; i < 2; i++) m_rms_norm(in[0].values + 5 * i, 5, wanted + 5 * i);
    for (int i = 0; i < 10; i++) wanted[i] *= in[1].values[i % 5];
    test_run_node("rms", "tenon.rms_norm.1(%0, %1) {axis = 1, epsilon = 0.001}", "f32[2, 5]", in, 2, out);
    test_expect("rms", &out[0], wanted, 1e-5, 1e-5);
    test_free(out, 1);
    test_free(in, 3);
}
END_TEST

/* -- Products --------------------------------------------------------------------------------------------------------- */

START_TEST(test_linear) {
    test_tensor in[3] = {test_tensor_of(TENON_DTYPE_F32, 3, (int64_t[]){2, 3, 4}),
                         test_tensor_of(TENON_DTYPE_F32, 2, (int64_t[]){4, 5}),
                         test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){5})},
                out[1];
    double wanted[30];
    for (unsigned i = 0; i < 3; i++) test_fill(&in[i], 60 + i, -2, 2);
    for (int bias = 0; bias < 2; bias++) {
        for (int r = 0; r < 6; r++)
            for (int c = 0; c < 5; c++) {
                wanted[r * 5 + c] = bias ? in[2].values[c] : 0;
                for (int k = 0; k < 4; k++) wanted[r * 5 + c] += in[0].values[r * 4 + k] * in[1].values[k * 5 + c];
            }
        test_run_node("linear", bias ? "tenon.linear.1(%0, %1, %2)" : "tenon.linear.1(%0, %1)", "f32[2, 3, 5]", in, 3,
                      out);
        test_expect("linear", &out[0], wanted, 1e-6, 1e-6);
        test_free(out, 1);
    }
    test_free(in, 3);
}
END_TEST

START_TEST(test_gemm) {
    for (int mode = 0; mode < 4; mode++) {
        bool x_turned = mode & 1, y_turned = mode & 2;
        test_tensor in[3] = {test_tensor_of(TENON_DTYPE_F32, 2, x_turned ? (int64_t[]){4, 3} : (int64_t[]){3, 4}),
                             test_tensor_of(TENON_DTYPE_F32, 2, y_turned ? (int64_t[]){5, 4} : (int64_t[]){4, 5}),
                             test_tensor_of(TENON_DTYPE_F32, 2, (int64_t[]){3, 1})},
                    out[1];
        double wanted[15];
        char node[128];
        for (unsigned i = 0; i < 3; i++) test_fill(&in[i], 70 + i, -2, 2);
        for (int r = 0; r < 3; r++)
            for (int c = 0; c < 5; c++) {
                double sum = 0;
                for (int k = 0; k < 4; k++)
                    sum +=
                        in[0].values[x_turned ? k * 3 + r : r * 4 + k] * in[1].values[y_turned ? c * 4 + k : k * 5 + c];
                wanted[r * 5 + c] = 0.5 * sum + 2 * in[2].values[r];
            }
        snprintf(node, sizeof node, "tenon.gemm.1(%%0, %%1, %%2) {alpha = 0.5, beta = 2, mode = %d}", mode);
        test_run_node(node, node, "f32[3, 5]", in, 3, out);
        test_expect(node, &out[0], wanted, 1e-6, 1e-6);
        test_free(out, 1);
        test_free(in, 3);
    }
}
END_TEST

/* clang-format off */
static const struct attention_row {
    const char *name, *node;
    int queries, keys, heads, groups;
    bool causal, mask, added;
    double scale;
} attentions[] = {
    {"plain",   "tenon.attention.1(%0, %1, %2) {scale = 0.5}", 3, 4, 2, 2, 0, 0, 0, 0.5},
    {"grouped", "tenon.attention.1(%0, %1, %2) {scale = 1}", 3, 4, 4, 2, 0, 0, 0, 1},
    {"causal",  "tenon.attention.1(%0, %1, %2) {scale = 0.5, causal = 1}", 3, 5, 2, 2, 1, 0, 0, 0.5},
    {"mask",    "tenon.attention.1(%0, %1, %2, %3) {scale = 0.5}", 3, 4, 2, 2, 0, 1, 0, 0.5},
    {"added",   "tenon.attention.1(%0, %1, %2, %3) {scale = 0.5}", 3, 4, 2, 2, 0, 0, 1, 0.5},
};
/* clang-format on */

START_TEST(test_attention) {
    const struct attention_row *row = &attentions[_i];
    enum { D = 3, E = 2 };
    int s = row->queries, t = row->keys, h = row->heads, g = row->groups;
    test_tensor in[4] = {test_tensor_of(TENON_DTYPE_F32, 4, (int64_t[]){2, h, s, D}),
                         test_tensor_of(TENON_DTYPE_F32, 4, (int64_t[]){2, g, t, D}),
                         test_tensor_of(TENON_DTYPE_F32, 4, (int64_t[]){2, g, t, E}),
                         test_tensor_of(row->added ? TENON_DTYPE_F32 : TENON_DTYPE_BOOL, 4, (int64_t[]){2, h, s, t})},
                out[1];
    double *wanted = calloc(2 * (size_t)h * (size_t)s * E, sizeof *wanted);
    ck_assert_ptr_nonnull(wanted);
    for (unsigned i = 0; i < 4; i++) test_fill(&in[i], 90 + i, i == 3 && !row->added ? 0 : -2, 2);
    for (int i = 0; i < 2 * h * s; i++)
        in[3].values[i * t] = row->added ? in[3].values[i * t] : 1; /* something is seen */
    for (int q = 0; q < 2 * h * s; q++) {
        int batch = q / (h * s), head = q / s % h, at = q % s;
        int kv = batch * g + head / (h / g);
        double scores[16], weights[16];
        for (int k = 0; k < t; k++) {
            scores[k] = 0;
            for (int d = 0; d < D; d++)
                scores[k] += row->scale * in[0].values[q * D + d] * in[1].values[(kv * t + k) * D + d];
            if (row->added) scores[k] += in[3].values[q * t + k];
            if ((row->mask && !in[3].values[q * t + k]) || (row->causal && k - at > t - s)) scores[k] = -HUGE_VAL;
        }
        m_softmax(scores, t, weights);
        for (int e = 0; e < E; e++)
            for (int k = 0; k < t; k++) wanted[q * E + e] += weights[k] * in[2].values[(kv * t + k) * E + e];
    }
    char result[32];
    snprintf(result, sizeof result, "f32[2, %d, %d, %d]", h, s, E);
    test_run_node(row->name, row->node, result, in, row->mask || row->added ? 4 : 3, out);
    test_expect(row->name, &out[0], wanted, 1e-5, 1e-6);
    free(wanted);
    test_free(out, 1);
    test_free(in, 4);
}
END_TEST

TCase *tests_of_axes(void) {
    TCase *tests = tcase_create("axes");
    tcase_add_loop_test(tests, test_rows, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tests, test_infinite_rows);
    tcase_add_test(tests, test_topk);
    tcase_add_test(tests, test_channel_norms);
    tcase_add_test(tests, test_scaled_norms);
    tcase_add_test(tests, test_linear);
    tcase_add_test(tests, test_gemm);
    tcase_add_loop_test(tests, test_attention, 0, sizeof attentions / sizeof *attentions);
    return tests;
}
