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

bool cf_flushes(void) {
    return tenonh_device_info(cf_under_test.device)->denormals == TENON_DENORMAL_FLUSH;
}

static bool is_same(tenon_dtype dtype, cf_number got, cf_number want, double bound) {
    if (!cf_is_float(dtype)) return got.i == want.i;
    if (got.f == want.f && signbit(got.f) == signbit(want.f)) return true;
    if (bound == 0) return isnan(got.f) && isnan(want.f);
    /* f16 and bf16 are rounded to f32 first, and the reference itself is rounded to 64 bits. */
    double slack = tenon_dtype_bits(dtype) == 32 ? 0x1p-20 : 0x1p-8;
    long double error = cf_ulps(dtype, got.f, want.f, true);
    cf_note_error((double)(error / (long double)(bound + slack)));
    return error <= (long double)(bound + slack);
}

/* True of 0 in place of a result that is subnormal, or may be by the error that is allowed. */
static bool is_zero_of(tenon_dtype dtype, cf_number got, cf_number want, long double allowed) {
    return cf_is_float(dtype) && got.f == 0 && fabsl(want.f) - allowed < cf_smallest(dtype);
}

static bool may_flush(const cf_wanted *wanted) {
    return wanted->flushed && cf_flushes();
}

/* True where what was given comes of zeros in place of subnormal operands, results or both. `allowed`: absolute error. */
static bool is_flushed(tenon_dtype dtype, cf_number got, const cf_wanted *wanted, int64_t i, long double allowed) {
    cf_number want = wanted->want[i], flushed = wanted->flushed[i];
    if (is_zero_of(dtype, got, want, allowed) || is_zero_of(dtype, got, flushed, allowed)) return true;
    long double smallest = cf_is_float(dtype) ? cf_smallest(dtype) : 0;
    return wanted->selects && fabsl(got.f) < smallest && fabsl(want.f) < smallest && flushed.f == 0;
}

/* True of a function computed in steps, one of which gave 0 for a subnormal number. */
static bool lost_part(tenon_dtype dtype, cf_number got, cf_number want) {
    tenon_dtype computed = dtype == TENON_DTYPE_F64 ? dtype : (tenon_dtype)TENON_DTYPE_F32;
    return cf_is_float(dtype) && fabsl(got.f - want.f) < cf_smallest(computed);
}

static bool agrees(tenon_dtype dtype, cf_number got, const cf_wanted *wanted, int64_t i, double bound) {
    if (is_same(dtype, got, wanted->want[i], bound)) return true;
    if (!may_flush(wanted)) return false;
    long double allowed = cf_is_float(dtype) ? (long double)bound * cf_ulp(dtype, 0) : 0;
    if (is_same(dtype, got, wanted->flushed[i], bound) || is_flushed(dtype, got, wanted, i, allowed)) return true;
    return bound > 0 && (lost_part(dtype, got, wanted->want[i]) || lost_part(dtype, got, wanted->flushed[i]));
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

void cf_expect(const tenonh_array *got, const cf_wanted *wanted, double bound) {
    for (int64_t i = 0; i < tenonh_array_count(got); i++) {
        cf_number value = cf_load(got->dtype, got->data, i);
        if (agrees(got->dtype, value, wanted, i, bound)) continue;
        fail_element(got, i, value, wanted->want[i], bound == 0 ? "exactly" : "bound %Lg ULP", bound);
        return;
    }
}

static bool is_near(tenon_dtype dtype, cf_number got, cf_number want, long double allowed) {
    if (!cf_is_float(dtype)) return got.i == want.i;
    if (!isfinite(want.f) || isnan(got.f)) return cf_ulps(dtype, got.f, want.f, false) == 0;
    if (allowed > 0) cf_note_error((double)(fabsl(got.f - want.f) / allowed));
    return fabsl(got.f - want.f) <= allowed;
}

void cf_expect_near(const tenonh_array *got, const cf_wanted *wanted, const long double *allowed) {
    for (int64_t i = 0; i < tenonh_array_count(got); i++) {
        cf_number value = cf_load(got->dtype, got->data, i);
        if (is_near(got->dtype, value, wanted->want[i], allowed[i])) continue;
        if (may_flush(wanted) && (is_near(got->dtype, value, wanted->flushed[i], allowed[i]) ||
                                  is_flushed(got->dtype, value, wanted, i, allowed[i])))
            continue;
        fail_element(got, i, value, wanted->want[i], "within %Lg", allowed[i]);
        return;
    }
}

void cf_expect_exactly_or_flushed(cf_row *row, cf_number *want, cf_number *flushed, bool selects) {
    tenonh_array result = {0};
    if (cf_run_or_fail(row, &result)) cf_expect(&result, &(cf_wanted){want, flushed, selects}, 0);
    tenonh_array_free(&result);
    cf_free(row);
    free(want);
    free(flushed);
}

void cf_expect_exactly(cf_row *row, cf_number *want) {
    cf_expect_exactly_or_flushed(row, want, NULL, false);
}
