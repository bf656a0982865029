#include "cases/case.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cf_device cf_under_test;

static char row_name[256];
static uint64_t random_state;

/* -- Numbers ------------------------------------------------------------------------------------------------------------ */

void cf_seed(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(row_name, sizeof row_name, format, arguments);
    va_end(arguments);
    random_state = 0xcbf29ce484222325u;
    for (const char *c = row_name; *c; c++) random_state = (random_state ^ (unsigned char)*c) * 0x100000001b3u;
    cf_under_test.rows++;
}

const char *cf_row_name(void) {
    return row_name;
}

uint64_t cf_random(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int64_t cf_count(uint32_t rank, const int64_t *dims) {
    int64_t count = 1;
    for (uint32_t i = 0; i < rank; i++) count *= dims[i];
    return count;
}

static const long double float_edges[] = {
    0.0L,
    -0.0L,
    1,
    -1,
    INFINITY,
    -INFINITY,
    NAN,
    0.5L,
    -0.5L,
    1.5L,
    2.5L,
    -2.5L,
    3,
    2,
    -2,
    1e-3L,
    10,
    100,
    -100,
    0x1p-149L,
    -0x1p-149L,
    0x1p-126L,
    0x1.8p-130L,
    0x1.fffffep127L,
    -0x1.fffffep127L,
    0x1p-24L,
    6.1e-5L,
    65504,
    -65504,
    0x1p-1074L,
    0x1p-1022L,
    0x1.fffffffffffffp1023L,
    1e10L,
    -1e10L,
    3.14159265358979L,
    0.1L,
    1e-10L,
    -1e-10L,
    88.7L,
    -103.9L,
    127,
    128,
    255,
    256,
    32767.5L,
    2147483647,
    4294967296.0L,
    9.3e18L,
    -9.3e18L,
    0x1p52L,
    0x1.8p1L,
    1e30L,
};
enum { FLOAT_EDGES = sizeof float_edges / sizeof *float_edges };
static const int64_t whole_edges[] = {
    0,  1,   -1,  2,   -2,   3,    7,   8,   15,    16,    31,    32,         33,          63,        64,
    65, 100, 127, 128, -127, -128, 255, 256, 32767, 32768, 65535, 2147483647, -2147483648, INT64_MAX, INT64_MIN};
enum { WHOLE_EDGES = sizeof whole_edges / sizeof *whole_edges };

static cf_number edge(tenon_dtype dtype, uint64_t index) {
    if (cf_is_float(dtype)) return cf_rounded(dtype, (cf_number){.f = float_edges[index % FLOAT_EDGES]});
    if (dtype == TENON_DTYPE_BOOL) return (cf_number){.i = index & 1};
    if (index % (WHOLE_EDGES + 2) == WHOLE_EDGES) return (cf_number){.i = cf_lowest(dtype)};
    if (index % (WHOLE_EDGES + 2) == WHOLE_EDGES + 1) return (cf_number){.i = cf_highest(dtype)};
    return cf_rounded(dtype, (cf_number){.i = whole_edges[index % (WHOLE_EDGES + 2)]});
}

/* Any bits of an integer dtype; floats of moderate size three times out of four, any bits else. */
static cf_number any(tenon_dtype dtype) {
    uint64_t word = cf_random();
    if (dtype == TENON_DTYPE_BOOL) return (cf_number){.i = word & 1};
    if (cf_is_float(dtype) && (word & 3) != 0) {
        long double x = ((int64_t)cf_random() * 0x1p-63L) * scalbnl(1, (int)(word >> 2 & 7) - 2);
        return cf_rounded(dtype, (cf_number){.f = x});
    }
    word = cf_random();
    return cf_load(dtype, &word, 0);
}

/* The element that element `index` is a repetition of, under layouts with stride 0. */
static int64_t first_of(const cf_operand *operand, int64_t index) {
    int64_t last = operand->rank ? operand->dims[operand->rank - 1] : 1;
    switch (operand->layout) {
    case CF_ROW: return index % last;
    case CF_COLUMN: return index / last * last;
    case CF_ONE: return 0;
    default: return index;
    }
}

static void fill(cf_operand *operand, cf_number (*next)(const cf_operand *, int64_t, void *), void *context) {
    int64_t count = cf_count(operand->rank, operand->dims);
    operand->bytes = calloc((size_t)count + 1, tenon_dtype_bits(operand->dtype) / 8);
    for (int64_t i = 0; i < count; i++) {
        int64_t first = first_of(operand, i);
        cf_number n = first < i ? cf_load(operand->dtype, operand->bytes, first) : next(operand, i, context);
        cf_store(operand->dtype, operand->bytes, i, n);
    }
}

/* Operand 0 steps through the edges slowly, operand 1 fast, operand 2 in between: all pairs of the first two meet. */
static cf_number next_value(const cf_operand *operand, int64_t i, void *context) {
    uint32_t variant = *(uint32_t *)context, edges = cf_is_float(operand->dtype) ? FLOAT_EDGES : WHOLE_EDGES + 2;
    uint64_t at = (uint64_t)i;
    if (at >= (uint64_t)edges * edges) return any(operand->dtype);
    return edge(operand->dtype, variant == 0 ? at % edges : variant == 1 ? at / edges : at * 7 / 3);
}

void cf_fill(cf_operand *operand, uint32_t variant) {
    fill(operand, next_value, &variant);
}

static cf_number next_in_range(const cf_operand *operand, int64_t i, void *context) {
    const int64_t *range = context;
    (void)i;
    int64_t value = range[0] + (int64_t)(cf_random() % (uint64_t)(range[1] - range[0] + 1));
    return (cf_number){.f = cf_is_float(operand->dtype) ? (long double)value : 0, .i = value};
}

void cf_fill_range(cf_operand *operand, int64_t low, int64_t high) {
    fill(operand, next_in_range, (int64_t[]){low, high});
}

static cf_number next_small(const cf_operand *operand, int64_t i, void *context) {
    (void)i, (void)context;
    return cf_rounded(operand->dtype, (cf_number){.f = (int64_t)cf_random() * 0x1p-63L});
}

void cf_fill_small(cf_operand *operand) {
    bool is_signed = tenon_dtype_class(operand->dtype) == TENON_CLASS_SINT;
    if (cf_is_float(operand->dtype))
        fill(operand, next_small, NULL);
    else
        cf_fill_range(operand, is_signed ? -8 : 0, operand->dtype == TENON_DTYPE_BOOL ? 1 : 8);
}

void cf_free(cf_row *row) {
    for (uint32_t i = 0; i < row->operand_count; i++) free(row->operands[i].bytes);
}

/* -- Layouts -------------------------------------------------------------------------------------------------------------- */

/* Dims of the function's input that the operator sees as `operand`. */
static void stored_dims(const cf_operand *operand, int64_t *dims) {
    uint32_t rank = operand->rank;
    for (uint32_t i = 0; i < rank; i++) {
        bool last = i + 1 == rank, one = operand->layout == CF_ONE;
        dims[i] = operand->layout == CF_TRANSPOSED ? operand->dims[rank - 1 - i] : operand->dims[i];
        if (operand->layout == CF_SPARSE) dims[i] = 2 * operand->dims[i] + 1;
        if (dims[i] && (one || (operand->layout == CF_ROW && !last) || (operand->layout == CF_COLUMN && last)))
            dims[i] = 1;
    }
}

/* Place in storage of element (at[0], at[1], ...). */
static int64_t stored_index(const cf_operand *operand, const int64_t *dims, const int64_t *at) {
    int64_t index = 0;
    for (uint32_t i = 0; i < operand->rank; i++) {
        int64_t k = operand->layout == CF_TRANSPOSED ? at[operand->rank - 1 - i] : at[i];
        if (operand->layout == CF_REVERSED) k = dims[i] - 1 - k;
        if (operand->layout == CF_SPARSE) k = 2 * k + 1;
        index = index * dims[i] + (dims[i] == 1 ? 0 : k);
    }
    return index;
}

static void unravel(int64_t index, uint32_t rank, const int64_t *dims, int64_t *at) {
    for (uint32_t i = rank; i-- > 0;) {
        at[i] = index % dims[i];
        index /= dims[i];
    }
}

static tenon_status store_operand(const cf_operand *operand, tenonh_array *out_array) {
    int64_t dims[TENON_MAX_RANK], at[TENON_MAX_RANK];
    stored_dims(operand, dims);
    TENON_TRY(tenonh_array_create(operand->dtype, operand->rank, dims, out_array));
    uint32_t size = tenon_dtype_bits(operand->dtype) / 8;
    memset(out_array->data, operand->dtype == TENON_DTYPE_BOOL ? 0 : 0x5a, out_array->size);
    for (int64_t i = 0; i < cf_count(operand->rank, operand->dims); i++) {
        unravel(i, operand->rank, operand->dims, at);
        memcpy((char *)out_array->data + stored_index(operand, dims, at) * size,
               (const char *)operand->bytes + i * size, size);
    }
    return TENON_STATUS_OK;
}

static tenonh_value *build_view(tenonh_builder *b, const cf_operand *operand, const int64_t *dims, tenonh_value *x) {
    int64_t first[TENON_MAX_RANK], second[TENON_MAX_RANK];
    uint32_t rank = operand->rank;
    for (uint32_t i = 0; i < rank; i++) {
        bool reversed = operand->layout == CF_REVERSED;
        first[i] = operand->layout == CF_TRANSPOSED ? (int64_t)(rank - 1 - i) : reversed ? dims[i] - 1 : 1;
        second[i] = reversed ? -1 : 2;
        if (reversed && dims[i] == 0) first[i] = 0;
    }
    tenonh_attr perm = {TENON_ATTR_PERM, rank, first, NULL}, wide = {TENON_ATTR_DIMS, rank, operand->dims, NULL};
    tenonh_attr slice[] = {{TENON_ATTR_STARTS, rank, first, NULL}, {TENON_ATTR_STEPS, rank, second, NULL}, wide};
    switch (operand->layout) {
    case CF_TRANSPOSED: return tenonh_build_op(b, TENON_OP_PERMUTE, &x, 1, &perm, 1);
    case CF_REVERSED:
    case CF_SPARSE: return tenonh_build_op(b, TENON_OP_SLICE, &x, 1, slice, 3);
    case CF_ROW:
    case CF_COLUMN:
    case CF_ONE: return tenonh_build_op(b, TENON_OP_EXPAND, &x, 1, &wide, 1);
    default: return x;
    }
}

/* -- Runs ------------------------------------------------------------------------------------------------------------------- */

static tenonh_value *build_operand(tenonh_module *module, tenonh_builder *b, const cf_row *row, uint32_t index) {
    const cf_operand *operand = &row->operands[index];
    const tenonh_dim *dims[TENON_MAX_RANK];
    int64_t stored[TENON_MAX_RANK];
    char name[16];
    stored_dims(operand, stored);
    for (uint32_t i = 0; i < operand->rank; i++) dims[i] = tenonh_dim_number(module, stored[i]);
    snprintf(name, sizeof name, "x%u", index);
    tenonh_value *x = tenonh_build_input(b, name, operand->dtype, operand->rank, dims);
    return build_view(b, operand, stored, x);
}

static tenon_status build(const cf_row *row, tenonh_module *module) {
    tenonh_builder *b;
    tenonh_value *operands[CF_MAX_OPERANDS];
    TENON_TRY(tenonh_builder_create(module, "main", &b));
    for (uint32_t i = 0; i < row->operand_count; i++) operands[i] = build_operand(module, b, row, i);
    tenonh_value *y = tenonh_build_op(b, row->op, operands, row->operand_count, row->attrs, row->attr_count);
    for (uint32_t i = 0; i < row->result_count; i++)
        tenonh_build_output(b, i ? "y1" : "y0", i ? tenonh_value_result(y, i) : y);
    return tenonh_builder_finish(b);
}

static tenon_status run_module(const cf_row *row, const tenonh_module *module, const tenonh_array *inputs,
                               tenonh_array *results) {
    tenonh_session *session;
    tenonh_session_options options = {.struct_size = sizeof options, .require_device = 1};
    TENON_TRY(tenonh_session_create(module, cf_under_test.device, &options, &session));
    tenon_status status = tenonh_session_run_arrays(session, inputs, row->operand_count, results, row->result_count);
    tenonh_session_release(session);
    return status;
}

tenon_status cf_run(const cf_row *row, tenonh_array *results) {
    tenonh_module *module;
    tenonh_array inputs[CF_MAX_OPERANDS] = {0};
    TENON_TRY(tenonh_module_create(&module));
    tenon_status status = build(row, module);
    for (uint32_t i = 0; status == TENON_STATUS_OK && i < row->operand_count; i++)
        status = store_operand(&row->operands[i], &inputs[i]);
    if (status == TENON_STATUS_OK) status = run_module(row, module, inputs, results);
    for (uint32_t i = 0; i < row->operand_count; i++) tenonh_array_free(&inputs[i]);
    tenonh_module_destroy(module);
    return status;
}

void cf_fail(const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cf_under_test.failures++;
    fprintf(stderr, "FAIL %s %s: %s\n", cf_under_test.name, row_name, text);
}

bool cf_run_or_fail(const cf_row *row, tenonh_array *results) {
    tenon_status status = cf_run(row, results);
    if (status == TENON_STATUS_OK) return true;
    cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return false;
}

static bool agrees(tenon_dtype dtype, cf_number got, cf_number want, double bound) {
    if (!cf_is_float(dtype)) return got.i == want.i;
    if (bound == 0) return cf_ulps(dtype, got.f, want.f, true) == 0;
    /* f16 and bf16 are rounded to f32 first, and the reference itself is rounded to 64 bits. */
    double slack = tenon_dtype_bits(dtype) == 32 ? 0x1p-20 : 0x1p-8;
    return cf_ulps(dtype, got.f, want.f, bound == 0.5) <= (long double)(bound + slack);
}

void cf_expect(const tenonh_array *got, const cf_number *want, double bound) {
    int64_t wrong = 0;
    for (int64_t i = 0; i < tenonh_array_count(got); i++) {
        cf_number value = cf_load(got->dtype, got->data, i);
        if (agrees(got->dtype, value, want[i], bound)) continue;
        char a[64], b[64];
        cf_format(got->dtype, value, a, sizeof a);
        cf_format(got->dtype, want[i], b, sizeof b);
        if (wrong++ == 0) cf_fail("element %lld is %s, not %s (bound %g ULP)", (long long)i, a, b, bound);
    }
    if (wrong > 1)
        fprintf(stderr, "     and %lld more elements of %lld\n", (long long)wrong - 1,
                (long long)tenonh_array_count(got));
}
