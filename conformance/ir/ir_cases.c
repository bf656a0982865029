/* What the thirteen programs mean. */
#include "ir_cases.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Symbols in the order of the program's text. */
const ir_case ir_cases[] = {
    {"rmsnorm", "primes", {7, 13, 13}},
    {"rmsnorm", "one", {1, 1, 1}},
    {"rmsnorm", "padded_rows", {3, 257, 300}},
    {"rmsnorm", "no_rows", {0, 5, 5}},
    {"softmax", "primes", {5, 31, 31, 1}},
    {"softmax", "columns", {17, 7, 1, 17}},
    {"softmax", "long", {2, 4099, 4099, 1}},
    {"welford_layernorm", "primes", {7, 19}},
    {"welford_layernorm", "one_column", {3, 1}},
    {"welford_layernorm", "long", {2, 1025}},
    {"online_softmax_attention", "prefill", {1, 2, 1, 5, 5}},
    {"online_softmax_attention", "decode", {2, 2, 3, 1, 37}},
    {"online_softmax_attention", "longer_than_cache", {1, 1, 1, 4, 2}},
    {"online_softmax_attention", "no_keys", {1, 1, 2, 3, 0}},
    {"argmax", "primes", {3, 17, 5}},
    {"argmax", "last_axis", {7, 33, 1}},
    {"argmax", "one", {1, 1, 1}},
    {"cumsum", "primes", {3, 29, 7}},
    {"cumsum", "empty_axis", {2, 0, 3}},
    {"scatter_add", "duplicates", {5, 41, 3}},
    {"scatter_add", "no_updates", {4, 0, 7}},
    {"maxpool_grad", "overlapping", {2, 3, 9, 7, 4, 3, 3, 3, 2, 2, 0, 0}},
    {"maxpool_grad", "padded", {1, 1, 5, 5, 3, 3, 3, 3, 2, 2, 1, 1}},
    {"maxpool_grad", "one_window", {1, 2, 4, 6, 1, 1, 4, 6, 1, 1, 0, 0}},
    {"sum_split", "below_a_chunk", {4095}},
    {"sum_split", "past_a_chunk", {12289}},
    {"sum_split", "empty", {0}},
    {"int4_matmul", "short_group", {3, 5, 38}},
    {"int4_matmul", "whole_groups", {2, 7, 64}},
    {"int4_matmul", "no_k", {2, 2, 0}},
    {"kv_append", "decode", {3, 2, 1, 17, 5, 10, 5, 5}},
    {"kv_append", "prefill_strided", {2, 3, 4, 9, 7, 168, 14, 42}},
    {"dropout", "odd", {1027}},
    {"dropout", "one", {1}},
    {"stable_sort", "primes", {3, 61}},
    {"stable_sort", "power", {2, 64}},
    {"stable_sort", "one", {5, 1}},
    {"stable_sort", "empty", {2, 0}},
};
const uint32_t ir_case_count = sizeof ir_cases / sizeof *ir_cases;

/* Row-wise. */

static void rmsnorm(const ir_run *run, double **out_want) {
    int64_t rows = run->symbols[0], columns = run->symbols[1];
    for (int64_t r = 0; r < rows; r++) {
        double squares = 0;
        for (int64_t c = 0; c < columns; c++) squares += pow(ir_get(run, 0, r * columns + c), 2);
        for (int64_t c = 0; c < columns; c++)
            out_want[3][r * columns + c] = ir_get(run, 0, r * columns + c) /
                                           sqrt(squares / (double)columns + ir_get(run, 2, 0)) * ir_get(run, 1, c);
    }
}

static void small_eps(ir_run *run) {
    ir_set(run, run->buffer_count - 2, 0, 1e-5); /* the input before the output */
}

static void softmax(const ir_run *run, double **out_want) {
    int64_t rows = run->symbols[0], columns = run->symbols[1];
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0; /* values are small: no maximum to take off in f64 */
        for (int64_t c = 0; c < columns; c++) sum += exp(ir_get(run, 0, r * columns + c));
        for (int64_t c = 0; c < columns; c++) out_want[1][r * columns + c] = exp(ir_get(run, 0, r * columns + c)) / sum;
    }
}

static void layernorm(const ir_run *run, double **out_want) {
    int64_t rows = run->symbols[0], columns = run->symbols[1];
    for (int64_t r = 0; r < rows; r++) {
        double mean = 0, variance = 0;
        for (int64_t c = 0; c < columns; c++) mean += ir_get(run, 0, r * columns + c) / (double)columns;
        for (int64_t c = 0; c < columns; c++)
            variance += pow(ir_get(run, 0, r * columns + c) - mean, 2) / (double)columns;
        for (int64_t c = 0; c < columns; c++)
            out_want[4][r * columns + c] =
                (ir_get(run, 0, r * columns + c) - mean) / sqrt(variance + ir_get(run, 3, 0)) * ir_get(run, 1, c) +
                ir_get(run, 2, c);
    }
}

/* Attention. */

static void attention_scale(ir_run *run) {
    ir_set(run, 3, 0, 0.125);
}

/* One query against the first `seen` keys of its head. */
static void attend(const ir_run *run, int64_t query, int64_t head, int64_t seen, double *out_row) {
    double sum = 0;
    for (int64_t d = 0; d < 64; d++) out_row[d] = 0;
    for (int64_t j = 0; j < seen; j++) {
        double score = 0;
        int64_t key = (head * run->symbols[4] + j) * 64;
        for (int64_t d = 0; d < 64; d++) score += ir_get(run, 0, query * 64 + d) * ir_get(run, 1, key + d);
        double weight = exp(score * ir_get(run, 3, 0));
        sum += weight;
        for (int64_t d = 0; d < 64; d++) out_row[d] += weight * ir_get(run, 2, key + d);
    }
    for (int64_t d = 0; d < 64 && sum > 0; d++) out_row[d] /= sum;
}

static void attention(const ir_run *run, double **out_want) {
    int64_t kv_heads = run->symbols[1], group = run->symbols[2], queries = run->symbols[3], keys = run->symbols[4];
    for (int64_t b = 0; b < run->symbols[0]; b++)
        for (int64_t h = 0; h < kv_heads * group; h++)
            for (int64_t t = 0; t < queries; t++) {
                int64_t seen = keys - queries + t + 1, query = (b * kv_heads * group + h) * queries + t;
                attend(run, query, b * kv_heads + h / group, seen < 0 ? 0 : seen, out_want[4] + query * 64);
            }
}

/* Along an axis. */

/* Ties, and NaN in some lines. */
static void few_values(ir_run *run) {
    for (int64_t i = 0; i < run->buffers[0].count; i++) {
        double value = floor(ir_uniform(run) * 5) - 2;
        ir_set(run, 0, i, ir_random(run) % 23 == 0 ? (double)NAN : value);
    }
}

static void argmax(const ir_run *run, double **out_want) {
    int64_t n = run->symbols[1], inner = run->symbols[2];
    for (int64_t a = 0; a < run->symbols[0]; a++)
        for (int64_t b = 0; b < inner; b++) {
            int64_t best = 0;
            for (int64_t i = 1; i < n; i++) {
                double top = ir_get(run, 0, (a * n + best) * inner + b),
                       value = ir_get(run, 0, (a * n + i) * inner + b);
                if (!isnan(top) && (isnan(value) || value > top)) best = i;
            }
            out_want[1][a * inner + b] = (double)best;
        }
}

static void cumsum(const ir_run *run, double **out_want) {
    int64_t n = run->symbols[1], inner = run->symbols[2];
    for (int64_t a = 0; a < run->symbols[0]; a++)
        for (int64_t b = 0; b < inner; b++) {
            double sum = 0;
            for (int64_t i = 0; i < n; i++) {
                sum += ir_get(run, 0, (a * n + i) * inner + b);
                out_want[1][(a * n + i) * inner + b] = sum;
            }
        }
}

static void sum(const ir_run *run, double **out_want) {
    double total = 0;
    for (int64_t i = 0; i < run->symbols[0]; i++) total += ir_get(run, 0, i);
    out_want[1][0] = total;
}

/* Keys come sorted; equal ones by their place; NaN behind all others. */
static bool comes_first(const ir_run *run, int64_t a, int64_t b) {
    double x = ir_get(run, 0, a), y = ir_get(run, 0, b);
    if (isnan(x) || isnan(y)) return isnan(x) == isnan(y) ? a < b : isnan(y);
    return x == y ? a < b : x < y;
}

static void stable_sort(const ir_run *run, double **out_want) {
    int64_t n = run->symbols[1];
    for (int64_t r = 0; r < run->symbols[0]; r++)
        for (int64_t i = 0; i < n; i++) {
            int64_t place = 0;
            for (int64_t j = 0; j < n; j++) place += comes_first(run, r * n + j, r * n + i);
            out_want[1][r * n + place] = ir_get(run, 0, r * n + i);
            out_want[2][r * n + place] = (double)i;
        }
}

/* Indexed. */

/* Some from the end. */
static void valid_indices(ir_run *run) {
    int64_t n = run->symbols[0];
    for (int64_t i = 0; i < run->symbols[1]; i++)
        ir_set(run, 1, i, (double)((int64_t)(ir_random(run) % (uint64_t)(2 * n)) - n));
}

static void scatter_add(const ir_run *run, double **out_want) {
    int64_t n = run->symbols[0], columns = run->symbols[2];
    for (int64_t i = 0; i < n * columns; i++) out_want[3][i] = ir_get(run, 0, i);
    for (int64_t i = 0; i < run->symbols[1]; i++) {
        int64_t row = (int64_t)ir_get(run, 1, i);
        if (row < 0) row += n;
        for (int64_t c = 0; c < columns; c++) out_want[3][row * columns + c] += ir_get(run, 2, i * columns + c);
    }
}

static void positions(ir_run *run) {
    for (int64_t b = 0; b < run->symbols[0]; b++)
        ir_set(run, 1, b, (double)(ir_random(run) % (uint64_t)(run->symbols[3] - run->symbols[2] + 1)));
}

static void kv_append(const ir_run *run, double **out_want) {
    const int64_t *s = run->symbols; /* B H T S D */
    for (int64_t i = 0; i < run->buffers[2].count; i++) out_want[2][i] = ir_get(run, 2, i);
    for (int64_t i = 0; i < run->buffers[0].count; i++) {
        int64_t d = i % s[4], t = i / s[4] % s[2], line = i / s[4] / s[2],
                at = (int64_t)ir_get(run, 1, line / s[1]) + t;
        out_want[2][(line * s[3] + at) * s[4] + d] = ir_get(run, 0, i);
    }
}

/* First largest element of one window, as a number in x; -1 for none. */
static int64_t window_top(const ir_run *run, int64_t plane, int64_t oh, int64_t ow) {
    const int64_t *s = run->symbols; /* N C H W OH OW KH KW sh sw ph pw */
    int64_t best = -1;
    for (int64_t kh = 0; kh < s[6]; kh++)
        for (int64_t kw = 0; kw < s[7]; kw++) {
            int64_t h = oh * s[8] - s[10] + kh, w = ow * s[9] - s[11] + kw;
            if (h < 0 || h >= s[2] || w < 0 || w >= s[3]) continue;
            int64_t at = (plane * s[2] + h) * s[3] + w;
            if (best < 0 || ir_get(run, 0, at) > ir_get(run, 0, best)) best = at;
        }
    return best;
}

static void maxpool_grad(const ir_run *run, double **out_want) {
    const int64_t *s = run->symbols;
    for (int64_t i = 0; i < run->buffers[2].count; i++) out_want[2][i] = 0;
    for (int64_t i = 0; i < run->buffers[1].count; i++) {
        int64_t top = window_top(run, i / (s[4] * s[5]), i / s[5] % s[4], i % s[5]);
        if (top >= 0) out_want[2][top] += ir_get(run, 1, i);
    }
}

/* Others. */

static void int4_matmul(const ir_run *run, double **out_want) {
    int64_t columns = run->symbols[1], k_count = run->symbols[2], groups = (k_count + 31) / 32;
    for (int64_t m = 0; m < run->symbols[0]; m++)
        for (int64_t n = 0; n < columns; n++) {
            double total = 0;
            for (int64_t k = 0; k < k_count; k++) {
                int64_t group = n * groups + k / 32;
                total += ir_get(run, 0, m * k_count + k) * (ir_get(run, 1, n * k_count + k) - ir_get(run, 3, group)) *
                         ir_get(run, 2, group);
            }
            out_want[4][m * columns + n] = total;
        }
}

/* 0.25f, a key and a counter whose halves all matter. */
static const uint64_t dropout_scalars[] = {0x3e800000, UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xfffffffffffffff0)};

static void philox(uint64_t key, uint64_t counter, uint32_t out_words[4]) {
    uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)}, c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0};
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)c[0] * 0xd2511f53u, b = (uint64_t)c[2] * 0xcd9e8d57u;
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                            (uint32_t)a};
        for (int i = 0; i < 4; i++) c[i] = next[i];
        k[0] += 0x9e3779b9u;
        k[1] += 0xbb67ae85u;
    }
    for (int i = 0; i < 4; i++) out_words[i] = c[i];
}

static void dropout(const ir_run *run, double **out_want) {
    for (int64_t i = 0; i < run->symbols[0]; i++) {
        uint32_t words[4];
        philox(dropout_scalars[1], dropout_scalars[2] + (uint64_t)(i / 4), words);
        bool kept = (double)(words[i % 4] >> 8) / 16777216.0 >= 0.25;
        out_want[1][i] = kept ? ir_get(run, 0, i) / 0.75 : 0;
        out_want[2][i] = kept;
    }
}

/* Table. */

/* Sums of random signs in f32 stay within about sqrt(n) * 2^-24 of the largest partial sum; f16 outputs in 2^-11. */
static const ir_meaning meanings[] = {
    {"rmsnorm", 1e-3, 1e-4, NULL, small_eps, rmsnorm},
    {"softmax", 2e-6, 1e-12, NULL, NULL, softmax},
    {"welford_layernorm", 2e-5, 2e-6, NULL, small_eps, layernorm},
    {"online_softmax_attention", 1e-5, 2e-6, NULL, attention_scale, attention},
    {"argmax", 0, 0, NULL, few_values, argmax},
    {"cumsum", 1e-5, 1e-5, NULL, NULL, cumsum},
    {"scatter_add", 1e-5, 1e-5, NULL, valid_indices, scatter_add},
    {"maxpool_grad", 1e-5, 1e-6, NULL, NULL, maxpool_grad},
    {"sum_split", 1e-5, 1e-4, NULL, NULL, sum},
    {"int4_matmul", 1e-5, 1e-4, NULL, NULL, int4_matmul},
    {"kv_append", 0, 0, NULL, positions, kv_append},
    {"dropout", 1e-6, 0, dropout_scalars, NULL, dropout},
    {"stable_sort", 0, 0, NULL, few_values, stable_sort},
};

const ir_meaning *ir_meaning_of(const char *program) {
    for (uint32_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strcmp(meanings[i].program, program) == 0) return &meanings[i];
    ck_abort_msg("no meaning for %s", program);
    return NULL;
}

void ir_case_begin(const ir_case *test, const tenon__kir_program *program, ir_run *run) {
    const ir_meaning *meaning = ir_meaning_of(test->program);
    uint64_t seed = 1;
    for (const char *c = test->name; *c; c++) seed = seed * 31 + (uint8_t)*c;
    ir_run_begin(run, program, test->symbols, meaning->scalars, seed);
    if (meaning->prepare) meaning->prepare(run);
}

double **ir_case_want(const ir_case *test, const ir_run *run) {
    double **want = calloc(IR_MAX_BUFFERS, sizeof *want);
    ck_assert_ptr_nonnull(want);
    for (uint32_t i = 0; i < run->buffer_count; i++) {
        want[i] = calloc((size_t)run->buffers[i].count + 1, sizeof **want);
        ck_assert_ptr_nonnull(want[i]);
    }
    ir_meaning_of(test->program)->meaning(run, want);
    return want;
}

void ir_case_check(const ir_case *test, const ir_run *run, double **want, const char *executor) {
    const ir_meaning *meaning = ir_meaning_of(test->program);
    ck_assert_msg(ir_run_fences_hold(run), "%s %s on %s: wrote outside its buffers", test->program, test->name,
                  executor);
    for (uint32_t b = 0; b < run->buffer_count; b++) {
        if (run->buffers[b].operand->role == TENON__KIR_IN) continue;
        for (int64_t i = 0; i < run->buffers[b].count; i++) {
            double got = ir_get(run, b, i), expected = want[b][i];
            bool close = isnan(expected)
                             ? isnan(got)
                             : fabs(got - expected) <= meaning->absolute + meaning->relative * fabs(expected);
            ck_assert_msg(close, "%s %s on %s: %s[%lld] is %.9g, not %.9g", test->program, test->name, executor,
                          run->buffers[b].operand->name, (long long)i, got, expected);
        }
    }
}

void ir_case_free(const ir_run *run, double **want) {
    for (uint32_t i = 0; i < run->buffer_count; i++) free(want[i]);
    free(want);
}
