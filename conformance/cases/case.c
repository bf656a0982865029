#include "cases/case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases/launch_graph.h"

cf_device cf_under_test;

const char *cf_layout_name(uint32_t layout) {
#define NAME(NAME, name) name,
    static const char *const names[] = {CF_LAYOUT_TABLE(NAME)};
#undef NAME
    return names[layout];
}

cf_number *cf_numbers(int64_t count) {
    cf_number *numbers = calloc((size_t)count + 1, sizeof *numbers);
    if (numbers) return numbers;
    fprintf(stderr, "no host memory for %lld numbers\n", (long long)count);
    exit(EXIT_FAILURE);
}

static bool is_declared(const cf_operand *operand) {
    if (cf_declares(operand->dtype)) return true;
    cf_not_applicable("the device declares no %s (dtypes)", tenon_dtype_name(operand->dtype));
    return false;
}

bool cf_applies(const cf_row *row) {
    for (uint32_t i = 0; i < row->operand_count; i++)
        if (!is_declared(&row->operands[i])) return false;
    for (uint32_t i = 0; i < row->result_count; i++)
        if (!is_declared(&row->results[i])) return false;
    if (cf_runs_graphs()) return cf_graph_applies(row);
    for (uint32_t i = 0; i < row->result_count; i++) {
        if (row->results[i].layout <= CF_OFFSET || cf_takes_views()) continue;
        cf_not_applicable("the device declares that it takes no strides (views)");
        return false;
    }
    return true;
}

bool cf_run_or_fail(const cf_row *row, tenonh_array *results) {
    if (!cf_applies(row)) return false;
    tenon_status status = cf_run(row, results);
    if (status == TENON_STATUS_OK) return true;
    cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return false;
}

/* A device that flushes subnormal numbers may give 0 for one. */
static bool is_flushed(tenon_dtype dtype, cf_number got, cf_number want) {
    long double smallest = dtype == TENON_DTYPE_F64 ? 0x1p-1022L : dtype == TENON_DTYPE_F16 ? 0x1p-14L : 0x1p-126L;
    return got.f == 0 && fabsl(want.f) < smallest &&
           tenonh_device_info(cf_under_test.device)->denormals == TENON_DENORMAL_FLUSH;
}

static bool agrees(tenon_dtype dtype, cf_number got, cf_number want, double bound) {
    if (!cf_is_float(dtype)) return got.i == want.i;
    if (got.f == want.f && signbit(got.f) == signbit(want.f)) return true;
    if (is_flushed(dtype, got, want)) return true;
    if (bound == 0) return isnan(got.f) && isnan(want.f);
    /* f16 and bf16 are rounded to f32 first, and the reference itself is rounded to 64 bits. */
    double slack = tenon_dtype_bits(dtype) == 32 ? 0x1p-20 : 0x1p-8;
    long double error = cf_ulps(dtype, got.f, want.f, true);
    cf_note_error((double)(error / (long double)(bound + slack)));
    return error <= (long double)(bound + slack);
}

/* What a whole result says of the device: poison is what results hold before a launch. */
static const char *sign_of(const tenonh_array *array) {
    const unsigned char *bytes = array->data;
    bool untouched = array->size > 0, nan = array->size > 0 && cf_is_float(array->dtype);
    for (uint64_t i = 0; untouched && i < array->size; i++) untouched = bytes[i] == 0xa5;
    for (int64_t i = 0; nan && i < tenonh_array_count(array); i++) nan = isnan(cf_load(array->dtype, bytes, i).f);
    return untouched ? CF_SIGN_UNTOUCHED : nan ? CF_SIGN_NAN : "";
}

static void fail_element(const tenonh_array *array, int64_t index, cf_number got, cf_number want, const char *format,
                         long double bound) {
    char a[64], b[64], text[64];
    cf_format(array->dtype, got, a, sizeof a);
    cf_format(array->dtype, want, b, sizeof b);
    snprintf(text, sizeof text, format, bound);
    cf_fail("%selement %lld of %lld is %s, not %s (%s)", sign_of(array), (long long)index,
            (long long)tenonh_array_count(array), a, b, text);
}

double cf_relaxed_bound(tenon_op op) {
    if (tenonh_device_info(cf_under_test.device)->rounding != TENON_ROUNDING_RELAXED) return 0;
    return op == TENON_OP_DIV ? 2.5 : op == TENON_OP_SQRT ? 3 : 0;
}

void cf_expect(const tenonh_array *got, const cf_number *want, double bound) {
    for (int64_t i = 0; i < tenonh_array_count(got); i++) {
        cf_number value = cf_load(got->dtype, got->data, i);
        if (agrees(got->dtype, value, want[i], bound)) continue;
        fail_element(got, i, value, want[i], bound == 0 ? "exactly" : "bound %Lg ULP", bound);
        return;
    }
}

static bool is_near(tenon_dtype dtype, cf_number got, cf_number want, long double allowed) {
    if (!cf_is_float(dtype)) return got.i == want.i;
    if (!isfinite(want.f) || isnan(got.f)) return cf_ulps(dtype, got.f, want.f, false) == 0;
    if (allowed > 0) cf_note_error((double)(fabsl(got.f - want.f) / allowed));
    return fabsl(got.f - want.f) <= allowed || is_flushed(dtype, got, want);
}

void cf_expect_near(const tenonh_array *got, const cf_number *want, const long double *allowed) {
    for (int64_t i = 0; i < tenonh_array_count(got); i++) {
        cf_number value = cf_load(got->dtype, got->data, i);
        if (is_near(got->dtype, value, want[i], allowed[i])) continue;
        fail_element(got, i, value, want[i], "within %Lg", allowed[i]);
        return;
    }
}

void cf_expect_exactly(cf_row *row, cf_number *want) {
    tenonh_array result = {0};
    if (cf_run_or_fail(row, &result)) cf_expect(&result, want, 0);
    tenonh_array_free(&result);
    cf_free(row);
    free(want);
}
