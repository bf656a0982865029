/* Convolutions and pools, against loops over every output and tap in f64. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tests.h"

/* Up to three axes of space; unused ones have dim 1. */
typedef struct space {
    int rank;
    int size[3], steps[3], dilations[3], low[3], high[3];
} space;

/* clang-format off */
static const struct conv_row {
    const char *name;
    int batch, channels, maps, groups;
    int dims[3];
    space s;
    bool bias;
    tenon_dtype dtype;
} convs[] = {
    {"1x1",            1, 4, 3, 1, {5, 4},    {2, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}, 1, TENON_DTYPE_F32},
    {"1x1_batch",      3, 4, 2, 1, {5, 4},    {2, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}, 0, TENON_DTYPE_F32},
    {"1x1_stride",     2, 3, 2, 1, {5, 4},    {2, {1, 1}, {2, 3}, {1, 1}, {0, 0}, {0, 0}}, 1, TENON_DTYPE_F32},
    {"1x1_pad",        1, 3, 2, 1, {3, 2},    {2, {1, 1}, {1, 1}, {1, 1}, {1, 0}, {0, 2}}, 1, TENON_DTYPE_F32},
    {"3x3",            2, 3, 4, 1, {6, 7},    {2, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 1, TENON_DTYPE_F32},
    {"7x7_stride",     1, 3, 2, 1, {11, 12},  {2, {7, 7}, {2, 2}, {1, 1}, {3, 3}, {3, 3}}, 0, TENON_DTYPE_F32},
    {"uneven",         1, 2, 3, 1, {8, 9},    {2, {2, 3}, {2, 1}, {1, 2}, {0, 2}, {1, 0}}, 1, TENON_DTYPE_F32},
    {"left_over",      1, 2, 3, 1, {8, 8},    {2, {3, 3}, {3, 3}, {1, 1}, {0, 0}, {0, 0}}, 1, TENON_DTYPE_F32},
    {"groups",         2, 4, 6, 2, {5, 5},    {2, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 1, TENON_DTYPE_F32},
    {"groups_1x1",     2, 4, 6, 2, {3, 3},    {2, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}, 0, TENON_DTYPE_F32},
    {"depthwise",      2, 4, 4, 4, {6, 5},    {2, {3, 3}, {2, 1}, {1, 1}, {1, 1}, {1, 1}}, 1, TENON_DTYPE_F32},
    {"depthwise_2",    2, 3, 6, 3, {7, 6},    {2, {3, 2}, {1, 1}, {2, 1}, {1, 1}, {1, 0}}, 1, TENON_DTYPE_F32},
    {"depthwise_big",  1, 2, 2, 2, {10, 11},  {2, {9, 9}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}, 0, TENON_DTYPE_F32},
    {"depthwise_f16",  1, 2, 2, 2, {6, 6},    {2, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 0, TENON_DTYPE_F16},
    {"1d",             2, 3, 4, 1, {9},       {1, {3}, {2}, {2}, {2}, {1}}, 1, TENON_DTYPE_F32},
    {"1d_groups",      1, 4, 4, 2, {9},       {1, {3}, {1}, {1}, {0}, {0}}, 0, TENON_DTYPE_F64},
    {"3d",             1, 2, 3, 1, {4, 5, 3}, {3, {2, 3, 2}, {1, 2, 1}, {1, 1, 1}, {0, 1, 1}, {1, 1, 0}}, 1, TENON_DTYPE_F32},
    {"3d_groups",      2, 4, 2, 2, {3, 3, 3}, {3, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 0, TENON_DTYPE_F32},
    {"int",            1, 3, 2, 1, {5, 5},    {2, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 0, TENON_DTYPE_I32},
    {"empty",          1, 2, 2, 1, {2, 5},    {2, {3, 3}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}, 1, TENON_DTYPE_F32},
    {"no_batch",       0, 2, 2, 1, {5, 5},    {2, {3, 3}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}, 1, TENON_DTYPE_F32},
};
/* clang-format on */

static double *doubles(int count) {
    double *list = calloc((size_t)count + 1, sizeof *list);
    ck_assert_ptr_nonnull(list);
    return list;
}

static int dim_of(const int *dims, const space *s, int i) {
    return i < s->rank ? dims[i] : 1;
}

static int at_least_1(int value) {
    return value ? value : 1;
}

static int positions(int dim, const space *s, int i) {
    if (i >= s->rank) return 1;
    int room = dim + s->low[i] + s->high[i] - (s->dilations[i] * (s->size[i] - 1) + 1);
    return room < 0 ? 0 : room / s->steps[i] + 1;
}

/* Appends to a text of TEXT bytes. */
enum { TEXT = 512 };
__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...) {
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, TEXT - length, format, args);
    va_end(args);
}

static void print_list(char *text, const char *name, const int *list, int count) {
    append(text, "%s%s = [", strchr(text, '{') && text[strlen(text) - 1] != '{' ? ", " : "", name);
    for (int i = 0; i < count; i++) append(text, "%s%d", i ? ", " : "", list[i]);
    append(text, "]");
}

static void print_space(char *text, const space *s) {
    print_list(text, "steps", s->steps, s->rank);
    print_list(text, "dilations", s->dilations, s->rank);
    print_list(text, "low", s->low, s->rank);
    print_list(text, "high", s->high, s->rank);
}

/* Visits every tap of every output of a window that moves over space: index of the element of x and of the tap, or -1
 * where the tap lies in the padding. */
typedef void (*visit)(void *context, int out, int x, int tap);

static void walk(const int *dims, const space *s, visit each, void *context) {
    int d[3], o[3], k[3];
    for (int i = 0; i < 3; i++) {
        d[i] = dim_of(dims, s, i);
        o[i] = positions(d[i], s, i);
        k[i] = i < s->rank ? s->size[i] : 1;
    }
    for (int out = 0; out < o[0] * o[1] * o[2]; out++)
        for (int tap = 0; tap < k[0] * k[1] * k[2]; tap++) {
            int at[3] = {out / (o[1] * o[2]), out / o[2] % o[1], out % o[2]};
            int in[3] = {tap / (k[1] * k[2]), tap / k[2] % k[1], tap % k[2]}, x = 0;
            for (int i = 0; i < 3; i++) {
                int place = at[i] * at_least_1(s->steps[i]) + in[i] * at_least_1(s->dilations[i]) - s->low[i];
                x = x < 0 || place < 0 || place >= d[i] ? -1 : x * d[i] + place;
            }
            each(context, out, x, tap);
        }
}

typedef struct conv_context {
    const double *x, *w;
    double *y;
} conv_context;

static void add_product(void *context, int out, int x, int tap) {
    conv_context *c = context;
    if (x >= 0) c->y[out] += c->x[x] * c->w[tap];
}

static int volume(const int *dims, int rank) {
    int product = 1;
    for (int i = 0; i < rank; i++) product *= dims[i];
    return product;
}

static int out_volume(const int *dims, const space *s) {
    int product = 1;
    for (int i = 0; i < s->rank; i++) product *= positions(dims[i], s, i);
    return product;
}

static void m_conv(const struct conv_row *r, const test_tensor *in, double *wanted) {
    int per_group = r->channels / r->groups, maps = r->maps / r->groups;
    int room = volume(r->dims, r->s.rank), places = out_volume(r->dims, &r->s), taps = volume(r->s.size, r->s.rank);
    for (int n = 0; n < r->batch; n++)
        for (int m = 0; m < r->maps; m++) {
            double *y = wanted + (n * r->maps + m) * places;
            for (int p = 0; p < places; p++) y[p] = r->bias ? in[2].values[m] : 0;
            for (int c = 0; c < per_group; c++) {
                conv_context context = {in[0].values + (n * r->channels + m / maps * per_group + c) * room,
                                        in[1].values + (m * per_group + c) * taps, y};
                walk(r->dims, &r->s, add_product, &context);
            }
        }
}

static void result_type(char text[TEXT], tenon_dtype dtype, int batch, int channels, const int *dims, const space *s) {
    int length = snprintf(text, TEXT, "%s[%d, %d", tenon_dtype_name(dtype), batch, channels);
    for (int i = 0; i < s->rank; i++)
        length += snprintf(text + length, TEXT - (size_t)length, ", %d", positions(dims[i], s, i));
    append(text, "]");
}

static test_tensor tensor_of(tenon_dtype dtype, int a, int b, const int *dims, int rank) {
    int64_t all[5] = {a, b};
    for (int i = 0; i < rank; i++) all[2 + i] = dims[i];
    return test_tensor_of(dtype, (uint32_t)rank + 2, all);
}

static double bound_of(tenon_dtype dtype) {
    return dtype == TENON_DTYPE_F16 ? 0x1p-9 : dtype == TENON_DTYPE_F32 ? 0x1p-20 : 0x1p-46;
}

START_TEST(test_conv) {
    const struct conv_row *r = &convs[_i];
    test_tensor in[3] = {tensor_of(r->dtype, r->batch, r->channels, r->dims, r->s.rank),
                         tensor_of(r->dtype, r->maps, r->channels / r->groups, r->s.size, r->s.rank),
                         test_tensor_of(r->dtype, 1, (int64_t[]){r->maps})},
                out[1];
    char node[TEXT], result[TEXT];
    for (unsigned i = 0; i < 3; i++) test_fill(&in[i], 7 + i, -3, 3);
    double *wanted = doubles(r->batch * r->maps * out_volume(r->dims, &r->s));
    m_conv(r, in, wanted);
    snprintf(node, sizeof node, "tenon.conv.1(%%0, %%1%s) {", r->bias ? ", %2" : "");
    print_space(node, &r->s);
    append(node, ", groups = %d}", r->groups);
    result_type(result, r->dtype, r->batch, r->maps, r->dims, &r->s);
    test_run_node(r->name, node, result, in, 3, out);
    test_expect(r->name, &out[0], wanted, bound_of(r->dtype), 40 * bound_of(r->dtype));
    free(wanted);
    test_free(out, 1);
    test_free(in, 3);
}
END_TEST

/* A pointwise convolution is one product of matrices, and nothing is copied for it. */
START_TEST(test_pointwise_is_a_matmul) {
    const char *text = "tenon.graph 1\nfunc main(%0: f32[1, 4, 5, 6], %1: f32[3, 4, 1, 1]) {\n"
                       "  %2: f32[1, 3, 5, 6] = tenon.conv.1(%0, %1)\n  return \"y\" %2\n}\n";
    tenonh_module *module, *flat;
    ck_assert_int_eq(tenonh_module_parse(text, strlen(text), &module), TENON_STATUS_OK);
    ck_assert_int_eq(tenon__decompose(module, NULL, NULL, &flat), TENON_STATUS_OK);
    const tenonh_region *body = tenon__module_find(flat, "main")->body;
    int products = 0;
    for (uint32_t i = 0; i < body->node_count; i++) {
        const tenonh_node *node = body->nodes[i];
        products += node->op == TENON_OP_MATMUL;
        ck_assert(node->op == TENON_OP_MATMUL || node->op == TENON_OP_RESHAPE);
        if (node->op == TENON_OP_MATMUL) ck_assert_uint_eq(node->results[0]->rank, 2);
    }
    ck_assert_int_eq(products, 1);
    tenonh_module_destroy(flat);
    tenonh_module_destroy(module);
}
END_TEST

/* -- Transposed ------------------------------------------------------------------------------------------------------ */

/* clang-format off */
static const struct transpose_row {
    const char *name;
    int channels, maps, groups, dims[2], size[2], steps[2], dilations[2], low[2], high[2], more[2];
} transposes[] = {
    {"plain",    3, 2, 1, {4, 3}, {3, 3}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {0, 0}},
    {"stride",   2, 3, 1, {4, 3}, {3, 2}, {2, 3}, {1, 1}, {0, 0}, {0, 0}, {0, 0}},
    {"pads",     2, 2, 1, {4, 5}, {3, 3}, {2, 2}, {1, 1}, {1, 0}, {1, 2}, {1, 1}},
    {"dilation", 2, 2, 1, {4, 4}, {2, 3}, {1, 2}, {2, 2}, {1, 1}, {1, 1}, {0, 1}},
    {"groups",   4, 6, 2, {3, 3}, {2, 2}, {2, 2}, {1, 1}, {0, 1}, {1, 0}, {0, 0}},
    {"cut",      2, 2, 1, {4, 4}, {1, 2}, {2, 1}, {1, 1}, {1, 3}, {0, 1}, {1, 0}}, /* cuts more than the kernel reaches */
};
/* clang-format on */

START_TEST(test_conv_transpose) {
    const struct transpose_row *r = &transposes[_i];
    int per_group = r->channels / r->groups, maps = r->maps / r->groups, o[2];
    for (int i = 0; i < 2; i++)
        o[i] = (r->dims[i] - 1) * r->steps[i] + r->dilations[i] * (r->size[i] - 1) + 1 - r->low[i] - r->high[i] +
               r->more[i];
    test_tensor in[3] = {tensor_of(TENON_DTYPE_F32, 2, r->channels, r->dims, 2),
                         tensor_of(TENON_DTYPE_F32, r->channels, maps, r->size, 2),
                         test_tensor_of(TENON_DTYPE_F32, 1, (int64_t[]){r->maps})},
                out[1];
    for (unsigned i = 0; i < 3; i++) test_fill(&in[i], 17 + i, -2, 2);
    double *wanted = doubles(2 * r->maps * o[0] * o[1]);
    for (int e = 0; e < 2 * r->maps * o[0] * o[1]; e++) wanted[e] = in[2].values[e / (o[0] * o[1]) % r->maps];
    /* Every element of x adds its kernel to the result. */
    for (int e = 0; e < (int)in[0].count; e++) {
        int w = e % r->dims[1], h = e / r->dims[1] % r->dims[0], c = e / (r->dims[0] * r->dims[1]) % r->channels;
        int n = e / (r->dims[0] * r->dims[1] * r->channels);
        for (int k = 0; k < maps * r->size[0] * r->size[1]; k++) {
            int kw = k % r->size[1], kh = k / r->size[1] % r->size[0], m = k / (r->size[0] * r->size[1]);
            int y = h * r->steps[0] + kh * r->dilations[0] - r->low[0],
                x = w * r->steps[1] + kw * r->dilations[1] - r->low[1];
            if (y < 0 || y >= o[0] || x < 0 || x >= o[1]) continue;
            int map = c / per_group * maps + m;
            wanted[((n * r->maps + map) * o[0] + y) * o[1] + x] +=
                in[0].values[e] * in[1].values[(c * maps + m) * r->size[0] * r->size[1] + kh * r->size[1] + kw];
        }
    }
    char node[TEXT] = "tenon.conv_transpose.1(%0, %1, %2) {", result[TEXT];
    print_list(node, "steps", r->steps, 2);
    print_list(node, "dilations", r->dilations, 2);
    print_list(node, "low", r->low, 2);
    print_list(node, "high", r->high, 2);
    print_list(node, "sizes", r->more, 2);
    append(node, ", groups = %d}", r->groups);
    snprintf(result, sizeof result, "f32[2, %d, %d, %d]", r->maps, o[0], o[1]);
    test_run_node(r->name, node, result, in, 3, out);
    test_expect(r->name, &out[0], wanted, 0x1p-20, 0x1p-18);
    free(wanted);
    test_free(out, 1);
    test_free(in, 3);
}
END_TEST

/* -- Pools ------------------------------------------------------------------------------------------------------------ */

/* clang-format off */
static const struct pool_row {
    const char *name;
    int dims[3];
    space s;
    bool average, count_pad;
    int over[3]; /* with ceil: what windows reach past the padding */
    tenon_dtype dtype;
} pools[] = {
    {"max",          {6, 7},    {2, {3, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}}, 0, 0, {0}, TENON_DTYPE_F32},
    {"max_pad",      {6, 7},    {2, {3, 3}, {2, 1}, {1, 1}, {1, 1}, {1, 1}}, 0, 0, {0}, TENON_DTYPE_F32},
    {"max_dilated",  {8, 7},    {2, {2, 3}, {1, 1}, {3, 2}, {0, 1}, {1, 1}}, 0, 0, {0}, TENON_DTYPE_F32},
    {"max_i8",       {6, 7},    {2, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}}, 0, 0, {0}, TENON_DTYPE_I8},
    {"max_u8",       {6},       {1, {3}, {2}, {1}, {1}, {1}}, 0, 0, {0}, TENON_DTYPE_U8},
    {"max_ceil",     {8, 8},    {2, {3, 3}, {2, 2}, {1, 1}, {0, 0}, {0, 0}}, 0, 0, {1, 1}, TENON_DTYPE_F32},
    {"max_3d",       {4, 5, 3}, {3, {2, 3, 2}, {1, 2, 1}, {1, 1, 1}, {1, 0, 0}, {0, 1, 1}}, 0, 0, {0}, TENON_DTYPE_F32},
    {"max_left",     {8},       {1, {2}, {3}, {1}, {0}, {2}}, 0, 0, {0}, TENON_DTYPE_F32},
    {"avg",          {6, 7},    {2, {3, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}}, 1, 0, {0}, TENON_DTYPE_F32},
    {"avg_f16",      {6, 7},    {2, {3, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}}, 1, 0, {0}, TENON_DTYPE_F16},
    {"avg_pad",      {6, 7},    {2, {3, 3}, {2, 1}, {1, 1}, {1, 1}, {1, 1}}, 1, 0, {0}, TENON_DTYPE_F32},
    {"avg_count",    {6, 7},    {2, {3, 3}, {2, 1}, {1, 1}, {1, 1}, {1, 1}}, 1, 1, {0}, TENON_DTYPE_F32},
    {"avg_ceil",     {8, 8},    {2, {3, 3}, {2, 2}, {1, 1}, {0, 1}, {0, 0}}, 1, 0, {1, 0}, TENON_DTYPE_F32},
    {"avg_ceil_count", {7, 8},  {2, {3, 3}, {2, 2}, {1, 1}, {1, 0}, {1, 0}}, 1, 1, {0, 1}, TENON_DTYPE_F32},
    {"avg_1d",       {9},       {1, {4}, {3}, {1}, {1}, {2}}, 1, 0, {0}, TENON_DTYPE_F64},
    {"avg_3d",       {4, 4, 4}, {3, {2, 2, 2}, {2, 2, 2}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 1, 0, {0}, TENON_DTYPE_F32},
};
/* clang-format on */

typedef struct pool_context {
    const struct pool_row *row;
    const double *x;
    double *y;
    int *counts;
    int places[3]; /* positions per axis */
} pool_context;

/* True when a place that is not in x is in the padding and not past it. */
static bool in_padding(const pool_context *c, int out, int tap) {
    const space *s = &c->row->s;
    int k[3], at[3], in[3];
    for (int i = 0; i < 3; i++) k[i] = i < s->rank ? s->size[i] : 1;
    at[0] = out / (c->places[1] * c->places[2]), at[1] = out / c->places[2] % c->places[1], at[2] = out % c->places[2];
    in[0] = tap / (k[1] * k[2]), in[1] = tap / k[2] % k[1], in[2] = tap % k[2];
    for (int i = 0; i < s->rank; i++) {
        int place = at[i] * s->steps[i] + in[i] * s->dilations[i] - s->low[i];
        if (place >= c->row->dims[i] + s->high[i]) return false;
    }
    return true;
}

static void pool_tap(void *context, int out, int x, int tap) {
    pool_context *c = context;
    if (x >= 0) {
        c->y[out] = c->row->average ? c->y[out] + c->x[x] : fmax(c->y[out], c->x[x]);
        c->counts[out]++;
    } else if (c->row->count_pad && in_padding(c, out, tap)) {
        c->counts[out]++;
    }
}

START_TEST(test_pool) {
    const struct pool_row *r = &pools[_i];
    space wide = r->s; /* the same windows with what hangs over as more padding */
    bool ceil = false;
    for (int i = 0; i < 3; i++) {
        wide.high[i] += r->over[i];
        ceil = ceil || r->over[i];
    }
    enum { PLANES = 2 * 3 };
    int room = volume(r->dims, r->s.rank), places = out_volume(r->dims, &wide);
    test_tensor in[1] = {tensor_of(r->dtype, 2, 3, r->dims, r->s.rank)}, out[1];
    test_fill(&in[0], 23, r->dtype == TENON_DTYPE_U8 ? 0 : -5, 5);
    double *wanted = doubles(PLANES * places);
    int *counts = calloc((size_t)places + 1, sizeof *counts);
    ck_assert_ptr_nonnull(counts);
    for (int plane = 0; plane < PLANES; plane++) {
        pool_context context = {r, in[0].values + plane * room, wanted + plane * places, counts, {1, 1, 1}};
        for (int i = 0; i < r->s.rank; i++) context.places[i] = positions(r->dims[i], &wide, i);
        for (int p = 0; p < places; p++) {
            counts[p] = 0;
            context.y[p] = r->average ? 0 : -HUGE_VAL;
        }
        walk(r->dims, &wide, pool_tap, &context);
        for (int p = 0; p < places && r->average; p++) context.y[p] /= counts[p];
    }
    char node[TEXT], result[TEXT];
    snprintf(node, sizeof node, "tenon.%s_pool.1(%%0) {", r->average ? "average" : "max");
    print_list(node, "sizes", r->s.size, r->s.rank);
    print_space(node, &r->s);
    if (ceil) append(node, ", ceil = 1");
    if (r->count_pad) append(node, ", count_pad = 1");
    append(node, "}");
    result_type(result, r->dtype, 2, 3, r->dims, &wide);
    test_run_node(r->name, node, result, in, 1, out);
    test_expect(r->name, &out[0], wanted, r->average ? bound_of(r->dtype) : 0, r->average ? bound_of(r->dtype) : 0);
    free(wanted);
    free(counts);
    test_free(out, 1);
    test_free(in, 1);
}
END_TEST

START_TEST(test_global_pools) {
    test_tensor in[1] = {test_tensor_of(TENON_DTYPE_F32, 4, (int64_t[]){1, 2, 2, 3})}, out[1];
    memcpy(in[0].values, (double[]){1, 2, 3, 4, 5, 9, -6, -5, -4, -3, -2, -1}, 12 * sizeof(double));
    test_run_node("average", "tenon.global_average_pool.1(%0)", "f32[1, 2, 1, 1]", in, 1, out);
    test_expect("average", &out[0], (double[]){4, -3.5}, 0, 0);
    test_free(out, 1);
    test_run_node("max", "tenon.global_max_pool.1(%0)", "f32[1, 2, 1, 1]", in, 1, out);
    test_expect("max", &out[0], (double[]){9, -1}, 0, 0);
    test_free(out, 1);
    test_free(in, 1);
}
END_TEST

TCase *tests_of_windows(void) {
    TCase *tests = tcase_create("windows");
    tcase_add_loop_test(tests, test_conv, 0, sizeof convs / sizeof *convs);
    tcase_add_test(tests, test_pointwise_is_a_matmul);
    tcase_add_loop_test(tests, test_conv_transpose, 0, sizeof transposes / sizeof *transposes);
    tcase_add_loop_test(tests, test_pool, 0, sizeof pools / sizeof *pools);
    tcase_add_test(tests, test_global_pools);
    return tests;
}
