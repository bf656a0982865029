#include "cases/case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/launch.h"

cf_device cf_under_test;

/* -- Numbers -- */

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

static cf_number next_of_all(const cf_operand *operand, int64_t i, void *context) {
    uint64_t word = operand->dtype == TENON_DTYPE_BOOL ? (uint64_t)i & 1 : (uint64_t)i;
    (void)context;
    return cf_load(operand->dtype, &word, 0);
}

void cf_fill_all(cf_operand *operand) {
    fill(operand, next_of_all, NULL);
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

/* -- Layouts -- */

/* Dims in storage of what the operator sees as `operand`. */
static void stored_dims(const cf_operand *operand, int64_t *dims) {
    uint32_t rank = operand->rank;
    for (uint32_t i = 0; i < rank; i++) {
        bool last = i + 1 == rank, one = operand->layout == CF_ONE;
        bool repeats = one || (operand->layout == CF_ROW && !last) || (operand->layout == CF_COLUMN && last);
        dims[i] = operand->layout == CF_TRANSPOSED ? operand->dims[rank - 1 - i] : operand->dims[i];
        if (operand->layout == CF_SPARSE) dims[i] = 2 * operand->dims[i] + 1;
        if (dims[i] && repeats) dims[i] = 1;
    }
}

/* Where the elements lie: offset and strides into storage of `dims`. */
static tenon__ref ref_of(const cf_operand *operand, const int64_t *dims) {
    tenon__ref stored = tenon__ref_contiguous(0, operand->dtype, operand->rank, dims);
    tenon__ref ref = tenon__ref_contiguous(0, operand->dtype, operand->rank, operand->dims);
    bool empty = cf_count(operand->rank, operand->dims) == 0;
    for (uint32_t i = 0; i < operand->rank; i++) {
        uint32_t from = operand->layout == CF_TRANSPOSED ? operand->rank - 1 - i : i;
        int64_t stride = stored.strides[from];
        ref.strides[i] = dims[from] == 1 && operand->dims[i] != 1 ? 0 : stride;
        if (operand->layout == CF_SPARSE) ref.strides[i] = 2 * stride, ref.offset += stride;
        if (operand->layout == CF_REVERSED) ref.strides[i] = -stride, ref.offset += stride * (dims[i] - 1);
    }
    if (empty) ref.offset = 0;
    return ref;
}

static int64_t place_of(const tenon__ref *ref, int64_t index) {
    int64_t place = ref->offset;
    for (uint32_t i = ref->rank; i-- > 0;) {
        place += index % ref->dims[i] * ref->strides[i];
        index /= ref->dims[i];
    }
    return place;
}

cf_operand cf_result(tenon_dtype dtype, const cf_operand *like) {
    cf_operand result = {.dtype = dtype, .rank = like->rank};
    memcpy(result.dims, like->dims, sizeof result.dims);
    return result;
}

/* -- Runs -- */

enum { FENCE = 64, POISON = 0xa5, MAX_BUFFERS = CF_MAX_OPERANDS + 2 };

/* What a run holds on the device: inputs, then results. */
typedef struct run_state {
    uint32_t count;
    tenon__ref refs[MAX_BUFFERS];
    tenonh_memory *memories[MAX_BUFFERS];
    uint64_t starts[MAX_BUFFERS]; /* bytes before storage */
    cf_launch launch;
} run_state;

static tenon_status place_bytes(run_state *run, const tenon__ref *ref, uint64_t start, const void *bytes,
                                uint64_t size) {
    tenonh_memory **memory = &run->memories[run->count];
    run->refs[run->count] = *ref;
    run->starts[run->count++] = start;
    TENON_TRY(tenonh_memory_create(cf_under_test.device, 0, size, memory));
    if (size) TENON_TRY(tenonh_stream_write(cf_under_test.stream, *memory, 0, bytes, size));
    return tenonh_stream_synchronize(cf_under_test.stream);
}

static tenon_status place_operand(run_state *run, const cf_operand *operand) {
    int64_t dims[TENON_MAX_RANK];
    uint32_t size = tenon_dtype_bits(operand->dtype) / 8;
    stored_dims(operand, dims);
    tenon__ref ref = ref_of(operand, dims);
    uint64_t total = (uint64_t)cf_count(operand->rank, dims) * size;
    char *bytes = malloc(total + 1);
    memset(bytes, operand->dtype == TENON_DTYPE_BOOL ? 1 : POISON, total + 1);
    for (int64_t i = 0; i < cf_count(operand->rank, operand->dims); i++)
        memcpy(bytes + place_of(&ref, i) * size, (const char *)operand->bytes + i * size, size);
    tenon_status status = place_bytes(run, &ref, 0, bytes, total);
    free(bytes);
    return status;
}

static uint64_t bytes_of(const cf_operand *operand) {
    return (uint64_t)cf_count(operand->rank, operand->dims) * (tenon_dtype_bits(operand->dtype) / 8);
}

/* Bytes before a result: where a row's name is of odd length they align it to its elements only, all that a launch
 * promises. */
static uint64_t start_of(const cf_operand *result) {
    return FENCE + strlen(cf_row_name()) % 2 * (tenon_dtype_bits(result->dtype) / 8);
}

/* A result between fences, poisoned or with its initial content. */
static tenon_status place_result(run_state *run, const cf_operand *result, const void *initial) {
    uint64_t size = bytes_of(result), start = start_of(result);
    char *bytes = malloc(start + size + FENCE);
    memset(bytes, POISON, start + size + FENCE);
    if (initial) memcpy(bytes + start, initial, size);
    tenon__ref ref = tenon__ref_contiguous(0, result->dtype, result->rank, result->dims);
    tenon_status status = place_bytes(run, &ref, start, bytes, start + size + FENCE);
    free(bytes);
    return status;
}

static bool works_in_place(tenon_op op) {
    uint32_t family = tenon_op_row_of(op)->family;
    return family == TENON_FAMILY_UPDATE || family == TENON_FAMILY_SCATTER;
}

static tenon_status place_all(run_state *run, const cf_row *row) {
    uint32_t inputs = tenon_op_row_of(row->op)->input_count;
    for (uint32_t i = 0; i < inputs; i++) TENON_TRY(place_operand(run, &row->operands[i]));
    for (uint32_t i = 0; i < row->result_count; i++)
        TENON_TRY(place_result(run, &row->results[i], works_in_place(row->op) ? row->operands[inputs].bytes : NULL));
    return TENON_STATUS_OK;
}

static tenon_status launch(run_state *run, const tenon__task *task) {
    cf_place places[MAX_BUFFERS];
    for (uint32_t i = 0; i < run->count; i++) {
        uint64_t offset = (uint64_t)run->refs[i].offset * (tenon_dtype_bits(run->refs[i].dtype) / 8);
        places[i] = (cf_place){run->memories[i], run->starts[i] + offset};
    }
    TENON_TRY(cf_launch_task(&run->launch, task));
    TENON_TRY(cf_launch_enqueue(&run->launch, cf_under_test.stream, places));
    return tenonh_stream_synchronize(cf_under_test.stream);
}

static bool is_poison(const unsigned char *bytes, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        if (bytes[i] != POISON) return false;
    return true;
}

static tenon_status take_result(run_state *run, uint32_t buffer, const cf_operand *result, tenonh_array *out_array) {
    uint64_t size = bytes_of(result), start = start_of(result), whole = start + size + FENCE;
    unsigned char *bytes = malloc(whole);
    tenon_status status = tenonh_stream_read(cf_under_test.stream, bytes, run->memories[buffer], 0, whole);
    if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(cf_under_test.stream);
    if (status == TENON_STATUS_OK) {
        if (!is_poison(bytes, start) || !is_poison(bytes + start + size, FENCE)) cf_fail("wrote outside its result");
        status = tenonh_array_create(result->dtype, result->rank, result->dims, out_array);
    }
    if (status == TENON_STATUS_OK && size) memcpy(out_array->data, bytes + start, size);
    free(bytes);
    return status;
}

/* Reads what a run left, over a stream of its own if the run's has failed. */
static tenon_status take_results(run_state *run, const cf_row *row, tenonh_array *results) {
    uint32_t inputs = tenon_op_row_of(row->op)->input_count;
    if (!cf_under_test.stream) TENON_TRY(tenonh_stream_create(cf_under_test.device, &cf_under_test.stream));
    for (uint32_t i = 0; i < row->result_count; i++)
        TENON_TRY(take_result(run, inputs + i, &row->results[i], &results[i]));
    return TENON_STATUS_OK;
}

static tenon_status run_row(run_state *run, const cf_row *row, tenonh_array *results) {
    uint32_t inputs = tenon_op_row_of(row->op)->input_count;
    if (!cf_under_test.stream) TENON_TRY(tenonh_stream_create(cf_under_test.device, &cf_under_test.stream));
    TENON_TRY(place_all(run, row));
    tenon__task task = {
        .op = row->op,
        .attr_count = row->attr_count,
        .attrs = row->attrs,
        .input_count = inputs,
        .operand_count = run->count,
        .operands = run->refs,
        .scalars = {row->scalars[0], row->scalars[1]},
    };
    TENON_TRY(launch(run, &task));
    return take_results(run, row, results);
}

tenon_status cf_run(const cf_row *row, tenonh_array *results) {
    run_state run = {0};
    tenon_status status = run_row(&run, row, results);
    if (status != TENON_STATUS_OK) {
        tenonh_stream_release(cf_under_test.stream);
        cf_under_test.stream = NULL;
    }
    if (status == TENON_STATUS_OUT_OF_RANGE && take_results(&run, row, results) != TENON_STATUS_OK)
        cf_fail("after %s, the result cannot be read: %s", tenon_status_name(status), tenonh_error_message());
    cf_launch_release(&run.launch);
    for (uint32_t i = 0; i < run.count; i++) tenonh_memory_release(run.memories[i]);
    return status;
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
    for (int64_t i = 0; i < tenonh_array_count(got); i++) {
        cf_number value = cf_load(got->dtype, got->data, i);
        if (agrees(got->dtype, value, want[i], bound)) continue;
        char a[64], b[64];
        cf_format(got->dtype, value, a, sizeof a);
        cf_format(got->dtype, want[i], b, sizeof b);
        cf_fail("element %lld is %s, not %s (bound %g ULP)", (long long)i, a, b, bound);
        return;
    }
}
