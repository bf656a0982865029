/* REQ-WORK-01, -04: execs prepared for ranges of sizes, launched at the ranges' ends. What it kills: an exec that is right
 * for the size it was prepared or first launched at, that forgets a tail where a divisor promised none, that takes a
 * range's maximum as excluded or for the size itself, checks indices against it, or answers that it is valid for more
 * than was asked or than it is. */
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/symbol.h"

/* Ranges of the one symbol that is wide; the others have [1, 5]. */
static const struct range_row {
    const char *name;
    tenon_symbol range;
} range_rows[] = {
    {"one", {1, 1, 1}},        {"zero", {0, 0, 1}},      {"from_zero", {0, 7, 1}},    {"to_17", {1, 17, 1}},
    {"to_257", {7, 257, 1}},   {"eights", {8, 256, 8}},  {"sixteens", {0, 1024, 16}}, {"fixed", {255, 255, 1}},
    {"to_4099", {3, 4099, 1}}, {"threes", {3, 4098, 3}}, {"open", {0, INT64_MAX, 1}},
};

static bool is_ok(tenon_status status) {
    if (status != TENON_STATUS_OK) cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return status == TENON_STATUS_OK;
}

/* -- Results: some computed here, the others as an exec for these numbers alone has them, which other cases try -- */

static bool is_computed(const cf_symbolic *s) {
    bool has_meaning =
        s->op == TENON_OP_ADD || s->op == TENON_OP_COPY || s->op == TENON_OP_SUM || s->op == TENON_OP_MATMUL;
    return has_meaning && s->operands[0].stride == CF_BY_ROWS;
}

static cf_number plus(cf_number a, cf_number b) {
    return (cf_number){.f = a.f + b.f, .i = a.i + b.i};
}

static cf_number times(cf_number a, cf_number b) {
    return (cf_number){.f = a.f * b.f, .i = a.i * b.i};
}

static cf_number *input_of(const cf_symbolic_run *r, uint32_t k) {
    cf_number *numbers = cf_numbers(r->counts[k]);
    for (int64_t i = 0; i < r->counts[k]; i++) numbers[i] = cf_load(r->of->operands[k].dtype, r->images[k], i);
    return numbers;
}

static void compute(const cf_symbolic_run *r, const cf_number *a, const cf_number *b, int64_t count, cf_number *y) {
    const cf_symbolic *s = r->of;
    int64_t inner = r->sizes[s->operands[0].rank == 2 ? s->operands[0].dims[1] : 0];
    for (int64_t i = 0; s->op == TENON_OP_ADD && i < count; i++) y[i] = plus(a[i], b[i]);
    for (int64_t i = 0; s->op == TENON_OP_COPY && i < count; i++) y[i] = a[i];
    for (int64_t i = 0; s->op == TENON_OP_SUM && i < r->counts[0]; i++) {
        cf_number *to = &y[s->attrs[0].values[0] == 1 ? i / inner : i % inner];
        *to = plus(*to, a[i]);
    }
    for (int64_t i = 0; s->op == TENON_OP_MATMUL && i < count; i++)
        for (int64_t k = 0; k < inner; k++)
            y[i] = plus(y[i], times(a[i / r->sizes[2] * inner + k], b[k * r->sizes[2] + i % r->sizes[2]]));
}

static void fail_element(const cf_symbolic_run *r, uint32_t k, int64_t i, cf_number got, cf_number want) {
    char a[64], b[64];
    cf_format(r->of->operands[k].dtype, got, a, sizeof a);
    cf_format(r->of->operands[k].dtype, want, b, sizeof b);
    cf_fail("at sizes %lld, %lld, %lld: element %lld of result %u is %s, not %s", (long long)r->sizes[0],
            (long long)r->sizes[1], (long long)r->sizes[2], (long long)i, k - cf_symbolic_inputs(r->of), a, b);
}

static void expect_computed(const cf_symbolic_run *r, const char *bytes) {
    uint32_t inputs = cf_symbolic_inputs(r->of);
    tenon_dtype dtype = r->of->operands[inputs].dtype;
    int64_t count = r->counts[inputs];
    cf_number *a = input_of(r, 0), *b = inputs == 2 ? input_of(r, 1) : cf_numbers(0), *y = cf_numbers(count);
    compute(r, a, b, count, y);
    for (int64_t i = 0; i < count && !cf_failed(); i++) {
        cf_number got = cf_load(dtype, bytes, i);
        bool same = cf_is_float(dtype) ? got.f == y[i].f : got.i == y[i].i;
        if (!same) fail_element(r, inputs, i, got, y[i]);
    }
    free(a), free(b), free(y);
}

static void expect_equal(const cf_symbolic_run *r, uint32_t k, const char *got, const char *want) {
    tenon_dtype dtype = r->of->operands[k].dtype;
    uint64_t size = tenon_dtype_bits(dtype) / 8;
    for (int64_t i = 0; i < r->counts[k] && !cf_failed(); i++)
        if (memcmp(got + (uint64_t)i * size, want + (uint64_t)i * size, size) != 0)
            fail_element(r, k, i, cf_load(dtype, got, i), cf_load(dtype, want, i));
}

static void expect_as_of_numbers(const cf_symbolic_run *r, char *const *got) {
    cf_symbolic_work work = {0};
    tenonh_exec *exec = NULL;
    uint32_t inputs = cf_symbolic_inputs(r->of);
    cf_symbolic_describe(r->of, r->sizes, &work);
    bool ran = is_ok(tenonh_exec_prepare(cf_under_test.device, &work.work, NULL, &exec)) &&
               is_ok(cf_symbolic_launch(r, exec, false));
    for (uint32_t k = inputs; ran && k < cf_symbolic_operands(r->of); k++) {
        char *want = NULL;
        if (is_ok(cf_symbolic_read(r, k, &want))) expect_equal(r, k, got[k], want);
        free(want);
    }
    tenonh_exec_release(exec);
}

static void check_fence(const cf_symbolic_run *r, uint32_t k, const char *bytes) {
    const char *behind = bytes + r->bytes[k] - CF_SYMBOL_FENCE;
    for (uint32_t i = 0; i < CF_SYMBOL_FENCE && !cf_failed(); i++)
        if (behind[i] != (char)0xa5)
            cf_fail("at sizes %lld, %lld, %lld: wrote behind the result", (long long)r->sizes[0],
                    (long long)r->sizes[1], (long long)r->sizes[2]);
}

static void check_results(const cf_symbolic_run *r, bool expects) {
    char *got[CF_SYMBOL_OPERANDS] = {NULL};
    bool read = true;
    for (uint32_t k = cf_symbolic_inputs(r->of); read && k < cf_symbolic_operands(r->of); k++) {
        read = is_ok(cf_symbolic_read(r, k, &got[k]));
        if (read) check_fence(r, k, got[k]);
    }
    if (read && expects && is_computed(r->of))
        expect_computed(r, got[cf_symbolic_inputs(r->of)]);
    else if (read && expects)
        expect_as_of_numbers(r, got);
    for (uint32_t k = 0; k < CF_SYMBOL_OPERANDS; k++) free(got[k]);
}

static bool is_out_of_range(const cf_symbolic *s) {
    for (uint32_t k = 0; k < cf_symbolic_inputs(s); k++)
        if (s->operands[k].content == CF_PAST) return true;
    return false;
}

static void run_at(const cf_symbolic *s, tenonh_exec *exec, const int64_t *sizes) {
    cf_symbolic_run r = {.of = s};
    memcpy(r.sizes, sizes, sizeof r.sizes);
    if (is_ok(cf_symbolic_begin(&r))) {
        tenon_status status = cf_symbolic_launch(&r, exec, true);
        bool past = is_out_of_range(s);
        if (past && status != TENON_STATUS_OUT_OF_RANGE)
            cf_fail("at sizes %lld, %lld, %lld: index %lld gives %s, not OUT_OF_RANGE", (long long)sizes[0],
                    (long long)sizes[1], (long long)sizes[2], (long long)sizes[0], tenon_status_name(status));
        else if (past || is_ok(status))
            check_results(&r, !past);
    }
    cf_symbolic_end(&r);
}

/* -- Rows -- */

/* The ends of what the exec says that it is valid for, within what was asked, and one value between. */
static uint32_t points_of(const tenon_symbol *valid, int64_t least, int64_t points[5]) {
    int64_t d = valid->divisor > 0 ? valid->divisor : 1, most = valid->max > 4100 ? 4100 : valid->max;
    int64_t from = valid->min > least ? valid->min : least;
    int64_t low = (from + d - 1) / d * d, high = most / d * d, middle = (low + high) / 2 / d * d;
    uint32_t count = 0;
    const int64_t wanted[] = {high, low, middle, high - d, low + d};
    for (uint32_t i = 0; i < 5; i++)
        if (wanted[i] >= low && wanted[i] <= high) points[count++] = wanted[i];
    return count;
}

static void check_answer(const tenon_exec_info *info, const tenon_symbol *asked) {
    for (uint32_t i = 0; i < CF_SYMBOLS; i++) {
        const tenon_symbol *valid = &info->symbols[i];
        bool within = valid->min >= asked[i].min && valid->max <= asked[i].max && valid->min <= valid->max &&
                      valid->divisor >= 1 && valid->divisor % asked[i].divisor == 0 &&
                      valid->max / valid->divisor * valid->divisor >= valid->min;
        if (!within)
            cf_fail("prepare answers that symbol %u may be %lld to %lld by %lld; asked was %lld to %lld by %lld", i,
                    (long long)valid->min, (long long)valid->max, (long long)valid->divisor, (long long)asked[i].min,
                    (long long)asked[i].max, (long long)asked[i].divisor);
    }
}

/* A device of bounded shapes may refuse a range, never the numbers alone that the host asks for then. */
static void run_values(const cf_symbolic *s, cf_symbolic_work *work, const int64_t *values) {
    tenonh_exec *exec = NULL;
    for (uint32_t i = 0; i < CF_SYMBOLS; i++) work->ranges[i] = (tenon_symbol){values[i], values[i], 1};
    if (is_ok(tenonh_exec_prepare(cf_under_test.device, &work->work, NULL, &exec))) {
        check_answer(tenonh_exec_info(exec), work->ranges);
        if (!cf_failed()) run_at(s, exec, values);
    }
    tenonh_exec_release(exec);
}

/* Strides that not every device takes; copy's input may lie anyhow. */
static bool has_strides(const cf_symbolic *s) {
    for (uint32_t k = 0; k < cf_symbolic_operands(s); k++)
        if (s->operands[k].stride != CF_BY_ROWS && (s->op != TENON_OP_COPY || k > 0)) return true;
    return false;
}

static void run_symbols(const cf_symbolic *s, uint32_t wide, const struct range_row *range) {
    cf_symbolic_work work = {0};
    tenonh_exec *exec = NULL;
    const tenon_device_info *info = tenonh_device_info(cf_under_test.device);
    if (!(info->work_kinds & TENON_WORK_OP) || info->shapes == TENON_SHAPES_STATIC) {
        cf_not_applicable("the device takes no op work with symbols (work_kinds, shapes)");
        return;
    }
    if (has_strides(s) && !cf_takes_views()) {
        cf_not_applicable("the device takes operands without gaps alone (views)");
        return;
    }
    for (uint32_t i = 0; i < CF_SYMBOLS; i++) work.ranges[i] = i == wide ? range->range : (tenon_symbol){1, 5, 1};
    cf_symbolic_describe(s, NULL, &work);
    tenon_status status = cf_row_stream();
    if (status == TENON_STATUS_OK) status = tenonh_exec_prepare(cf_under_test.device, &work.work, NULL, &exec);
    bool alone = status == TENON_STATUS_UNSUPPORTED && info->shapes == TENON_SHAPES_BOUNDED;
    if (alone || is_ok(status)) {
        int64_t points[CF_SYMBOLS][5];
        uint32_t counts[CF_SYMBOLS];
        const tenon_symbol *valid = alone ? work.ranges : tenonh_exec_info(exec)->symbols;
        if (!alone) check_answer(tenonh_exec_info(exec), work.ranges);
        bool has_points = true;
        for (uint32_t i = 0; i < CF_SYMBOLS; i++) {
            counts[i] = points_of(&valid[i], s->least[i], points[i]);
            has_points = has_points && counts[i] > 0;
        }
        for (uint32_t p = 0; has_points && p < counts[wide] && !cf_failed(); p++) {
            int64_t values[CF_SYMBOLS];
            for (uint32_t i = 0; i < CF_SYMBOLS; i++) values[i] = points[i][i == wide ? p : (p + i) % counts[i]];
            if (alone)
                run_values(s, &work, values);
            else
                run_at(s, exec, values);
        }
    }
    tenonh_exec_release(exec);
}

void cf_symbol_ends(void) {
    for (uint32_t o = 0; o < cf_symbolic_count; o++)
        for (uint32_t wide = 0; wide < cf_symbolics[o].symbol_count; wide++)
            for (uint32_t r = 0; r < sizeof range_rows / sizeof *range_rows; r++) {
                bool has_sizes = range_rows[r].range.max >= cf_symbolics[o].least[wide];
                if (!has_sizes || !cf_begin("%s.symbol%u.%s", cf_symbolics[o].name, wide, range_rows[r].name)) continue;
                run_symbols(&cf_symbolics[o], wide, &range_rows[r]);
            }
}
