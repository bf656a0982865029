/* REQ-WORK-01, -04: execs prepared for ranges of sizes, launched at the ranges' ends. What it kills: an exec that is right
 * for the size it was prepared or first launched at, that forgets a tail where a divisor promised none, that takes a
 * range's maximum as excluded, or answers that it is valid for more than was asked or than it is. */
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/launch.h"
#include "cases/run.h"

enum { SYMBOLS = 3, OPERANDS = 3, NONE = -1 };

/* An operator with its dims as symbols 0, 1, 2; strides follow from them: row-major. */
typedef struct symbolic {
    const char *name;
    tenon_op op;
    tenon_dtype dtype;
    uint32_t operand_count, ranks[OPERANDS];
    int dims[OPERANDS][2];
    int64_t axis; /* of the attribute axes; NONE: no attribute */
} symbolic;

static const symbolic operators[] = {
    {"add", TENON_OP_ADD, TENON_DTYPE_F32, 3, {1, 1, 1}, {{0}, {0}, {0}}, NONE},
    {"add_rows", TENON_OP_ADD, TENON_DTYPE_I32, 3, {2, 2, 2}, {{0, 1}, {0, 1}, {0, 1}}, NONE},
    {"copy", TENON_OP_COPY, TENON_DTYPE_F32, 2, {2, 2}, {{0, 1}, {0, 1}}, NONE},
    {"sum", TENON_OP_SUM, TENON_DTYPE_F32, 2, {2, 1}, {{0, 1}, {0}}, 1},
    {"sum_first", TENON_OP_SUM, TENON_DTYPE_I64, 2, {2, 1}, {{0, 1}, {1}}, 0},
    {"matmul", TENON_OP_MATMUL, TENON_DTYPE_F32, 3, {2, 2, 2}, {{0, 1}, {1, 2}, {0, 2}}, NONE},
};

/* Ranges of the one symbol that is wide; the others have [1, 5]. */
static const struct range_row {
    const char *name;
    tenon_symbol range;
} range_rows[] = {
    {"one", {1, 1, 1}},        {"zero", {0, 0, 1}},      {"from_zero", {0, 7, 1}},    {"to_17", {1, 17, 1}},
    {"to_257", {7, 257, 1}},   {"eights", {8, 256, 8}},  {"sixteens", {0, 1024, 16}}, {"fixed", {255, 255, 1}},
    {"to_4099", {3, 4099, 1}}, {"threes", {3, 4098, 3}}, {"open", {0, INT64_MAX, 1}},
};

/* -- Preparing -- */

typedef struct symbolic_work {
    tenon_work work;
    tenon_op_work op;
    tenon_attr attr;
    tenon_operand operands[OPERANDS];
    tenon_symbol ranges[SYMBOLS];
} symbolic_work;

static tenon_extent symbol(int number) {
    return (tenon_extent){.symbol = (uint32_t)number};
}

static void describe(const symbolic *s, symbolic_work *w) {
    for (uint32_t k = 0; k < s->operand_count; k++) {
        bool is_result = k + 1 == s->operand_count;
        tenon_operand *o = &w->operands[k];
        *o = (tenon_operand){.role = is_result ? TENON_ROLE_OUTPUT : TENON_ROLE_INPUT};
        o->alignment = tenon_dtype_bits(s->dtype) / 8;
        o->view.dtype = s->dtype;
        o->view.rank = s->ranks[k];
        for (uint32_t i = 0; i < s->ranks[k]; i++) o->view.dims[i] = symbol(s->dims[k][i]);
        o->view.strides[s->ranks[k] - 1] = (tenon_extent){.value = 1, .symbol = TENON_NO_SYMBOL};
        if (s->ranks[k] == 2) o->view.strides[0] = symbol(s->dims[k][1]);
    }
    w->attr = (tenon_attr){TENON_ATTR_AXES, 1, &s->axis};
    w->op = (tenon_op_work){.struct_size = sizeof w->op, .op = s->op, .attrs = &w->attr, .attr_count = s->axis != NONE};
    w->work = (tenon_work){.struct_size = sizeof w->work, .kind = TENON_WORK_OP, .symbols = w->ranges};
    w->work.operands = w->operands;
    w->work.symbol_count = SYMBOLS;
    w->work.operand_count = s->operand_count;
    w->work.op = &w->op;
}

/* -- Launching -- */

typedef struct symbolic_run {
    const symbolic *of;
    int64_t values[SYMBOLS];
    int64_t counts[OPERANDS]; /* elements */
    cf_number *numbers[OPERANDS];
    tenonh_memory *memories[OPERANDS];
    tenonh_memory *workspace;
} symbolic_run;

enum { FENCE = 64 };

/* Small whole numbers, so that every order of additions is exact; the result is poisoned with another. */
static tenon_status place(symbolic_run *r, uint32_t k) {
    const symbolic *s = r->of;
    uint64_t size = tenon_dtype_bits(s->dtype) / 8;
    r->counts[k] = 1;
    for (uint32_t i = 0; i < s->ranks[k]; i++) r->counts[k] *= r->values[s->dims[k][i]];
    r->numbers[k] = cf_numbers(r->counts[k]);
    uint64_t bytes = (uint64_t)r->counts[k] * size + FENCE;
    char *image = malloc(bytes);
    memset(image, 0xa5, bytes);
    for (int64_t i = 0; i < r->counts[k] && k + 1 < s->operand_count; i++) {
        int64_t value = (int64_t)(cf_random() % 7) - 3;
        r->numbers[k][i] = (cf_number){.f = (long double)value, .i = value};
        cf_store(s->dtype, image, i, r->numbers[k][i]);
    }
    tenon_status status = tenonh_memory_create(cf_under_test.device, 0, bytes, &r->memories[k]);
    if (status == TENON_STATUS_OK) status = tenonh_stream_write(cf_under_test.stream, r->memories[k], 0, image, bytes);
    if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(cf_under_test.stream);
    free(image);
    return status;
}

static cf_number plus(cf_number a, cf_number b) {
    return (cf_number){.f = a.f + b.f, .i = a.i + b.i};
}

static cf_number times(cf_number a, cf_number b) {
    return (cf_number){.f = a.f * b.f, .i = a.i * b.i};
}

static void compute(symbolic_run *r) {
    const symbolic *s = r->of;
    cf_number *const *n = r->numbers;
    cf_number *y = n[s->operand_count - 1];
    for (uint32_t k = 0; k < s->operand_count; k++)
        if (!n[k]) return;
    int64_t count = r->counts[s->operand_count - 1], inner = r->values[s->ranks[0] == 2 ? s->dims[0][1] : 0];
    for (int64_t i = 0; s->op == TENON_OP_ADD && i < count; i++) y[i] = plus(n[0][i], n[1][i]);
    for (int64_t i = 0; s->op == TENON_OP_COPY && i < count; i++) y[i] = n[0][i];
    for (int64_t i = 0; s->op == TENON_OP_SUM && i < r->counts[0]; i++) {
        cf_number *to = &y[s->axis == 1 ? i / inner : i % inner];
        *to = plus(*to, n[0][i]);
    }
    for (int64_t i = 0; s->op == TENON_OP_MATMUL && i < count; i++)
        for (int64_t k = 0; k < inner; k++)
            y[i] = plus(y[i], times(n[0][i / r->values[2] * inner + k], n[1][k * r->values[2] + i % r->values[2]]));
}

static tenon_status launch(symbolic_run *r, tenonh_exec *exec, uint32_t result, char *out_bytes, uint64_t size) {
    tenon_buffer buffers[OPERANDS];
    tenon_launch run = {.struct_size = sizeof run, .buffers = buffers, .buffer_count = result + 1};
    uint64_t workspace = tenonh_exec_info(exec)->workspace_size;
    for (uint32_t k = 0; k <= result; k++) buffers[k] = tenonh_memory_buffer(r->memories[k], 0);
    run.symbols = r->values;
    run.symbol_count = SYMBOLS;
    if (workspace) {
        TENON_TRY(tenonh_memory_create(cf_under_test.device, 0, workspace, &r->workspace));
        run.workspace = tenonh_memory_buffer(r->workspace, 0);
    }
    TENON_TRY(tenonh_exec_launch(exec, cf_under_test.stream, &run));
    TENON_TRY(tenonh_stream_synchronize(cf_under_test.stream));
    TENON_TRY(tenonh_stream_read(cf_under_test.stream, out_bytes, r->memories[result], 0, size));
    return tenonh_stream_synchronize(cf_under_test.stream);
}

static bool is_ok(tenon_status status) {
    if (status != TENON_STATUS_OK) cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return status == TENON_STATUS_OK;
}

static void compare(const symbolic_run *r, uint32_t result, const char *bytes) {
    tenon_dtype dtype = r->of->dtype;
    for (int64_t i = 0; i < r->counts[result] && !cf_failed(); i++) {
        cf_number got = cf_load(dtype, bytes, i), want = r->numbers[result][i];
        if (cf_is_float(dtype) ? got.f == want.f : got.i == want.i) continue;
        char a[64], b[64];
        cf_format(dtype, got, a, sizeof a);
        cf_format(dtype, want, b, sizeof b);
        cf_fail("at sizes %lld, %lld, %lld: element %lld is %s, not %s", (long long)r->values[0],
                (long long)r->values[1], (long long)r->values[2], (long long)i, a, b);
    }
    const char *behind = bytes + (uint64_t)r->counts[result] * (tenon_dtype_bits(dtype) / 8);
    for (uint32_t i = 0; i < FENCE && !cf_failed(); i++)
        if (behind[i] != (char)0xa5)
            cf_fail("at sizes %lld, %lld, %lld: wrote behind the result", (long long)r->values[0],
                    (long long)r->values[1], (long long)r->values[2]);
}

static void run_at(const symbolic *s, tenonh_exec *exec, const int64_t *values) {
    symbolic_run r = {.of = s};
    uint32_t result = s->operand_count - 1;
    bool runs = true;
    memcpy(r.values, values, sizeof r.values);
    for (uint32_t k = 0; runs && k < s->operand_count; k++) runs = is_ok(place(&r, k));
    if (runs) {
        uint64_t size = (uint64_t)r.counts[result] * (tenon_dtype_bits(s->dtype) / 8) + FENCE;
        char *bytes = malloc(size);
        compute(&r);
        if (is_ok(launch(&r, exec, result, bytes, size))) compare(&r, result, bytes);
        free(bytes);
    }
    for (uint32_t k = 0; k < s->operand_count; k++) {
        free(r.numbers[k]);
        tenonh_memory_release(r.memories[k]);
    }
    tenonh_memory_release(r.workspace);
}

/* -- Rows -- */

/* The ends of what the exec says that it is valid for, within what was asked, and one value between. */
static uint32_t points_of(const tenon_symbol *valid, int64_t points[5]) {
    int64_t d = valid->divisor > 0 ? valid->divisor : 1, most = valid->max > 4100 ? 4100 : valid->max;
    int64_t low = (valid->min + d - 1) / d * d, high = most / d * d, middle = (low + high) / 2 / d * d;
    uint32_t count = 0;
    const int64_t wanted[] = {high, low, middle, high - d, low + d};
    for (uint32_t i = 0; i < 5; i++)
        if (wanted[i] >= low && wanted[i] <= high) points[count++] = wanted[i];
    return count;
}

static void check_answer(const tenon_exec_info *info, const tenon_symbol *asked) {
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        const tenon_symbol *valid = &info->symbols[i];
        bool within = valid->min >= asked[i].min && valid->max <= asked[i].max && valid->min <= valid->max &&
                      valid->divisor >= 1 && valid->divisor % asked[i].divisor == 0;
        if (!within)
            cf_fail("prepare answers that symbol %u may be %lld to %lld by %lld; asked was %lld to %lld by %lld", i,
                    (long long)valid->min, (long long)valid->max, (long long)valid->divisor, (long long)asked[i].min,
                    (long long)asked[i].max, (long long)asked[i].divisor);
    }
}

/* A device of bounded shapes may refuse a range, never the numbers alone that the host asks for then. */
static void run_values(const symbolic *s, symbolic_work *work, const int64_t *values) {
    tenonh_exec *exec = NULL;
    for (uint32_t i = 0; i < SYMBOLS; i++) work->ranges[i] = (tenon_symbol){values[i], values[i], 1};
    if (is_ok(tenonh_exec_prepare(cf_under_test.device, &work->work, NULL, &exec))) {
        check_answer(tenonh_exec_info(exec), work->ranges);
        if (!cf_failed()) run_at(s, exec, values);
    }
    tenonh_exec_release(exec);
}

static void run_symbols(const symbolic *s, uint32_t wide, const struct range_row *range) {
    symbolic_work work = {0};
    tenonh_exec *exec = NULL;
    const tenon_device_info *info = tenonh_device_info(cf_under_test.device);
    if (!(info->work_kinds & TENON_WORK_OP) || info->shapes == TENON_SHAPES_STATIC) {
        cf_not_applicable("the device takes no op work with symbols (work_kinds, shapes)");
        return;
    }
    for (uint32_t i = 0; i < SYMBOLS; i++) work.ranges[i] = i == wide ? range->range : (tenon_symbol){1, 5, 1};
    describe(s, &work);
    tenon_status status = cf_row_stream();
    if (status == TENON_STATUS_OK) status = tenonh_exec_prepare(cf_under_test.device, &work.work, NULL, &exec);
    bool alone = status == TENON_STATUS_UNSUPPORTED && info->shapes == TENON_SHAPES_BOUNDED;
    if (alone || is_ok(status)) {
        int64_t points[SYMBOLS][5];
        uint32_t counts[SYMBOLS];
        const tenon_symbol *valid = alone ? work.ranges : tenonh_exec_info(exec)->symbols;
        if (!alone) check_answer(tenonh_exec_info(exec), work.ranges);
        for (uint32_t i = 0; i < SYMBOLS; i++) counts[i] = points_of(&valid[i], points[i]);
        for (uint32_t p = 0; p < counts[wide] && !cf_failed(); p++) {
            int64_t values[SYMBOLS];
            for (uint32_t i = 0; i < SYMBOLS; i++) values[i] = points[i][i == wide ? p : (p + i) % counts[i]];
            if (alone)
                run_values(s, &work, values);
            else
                run_at(s, exec, values);
        }
    }
    tenonh_exec_release(exec);
}

void cf_symbol_ends(void) {
    for (uint32_t o = 0; o < sizeof operators / sizeof *operators; o++)
        for (uint32_t wide = 0; wide < SYMBOLS; wide++)
            for (uint32_t r = 0; r < sizeof range_rows / sizeof *range_rows; r++) {
                bool used =
                    wide == 0 || (wide == 1 && operators[o].ranks[0] == 2) || operators[o].op == TENON_OP_MATMUL;
                if (!used || !cf_begin("%s.symbol%u.%s", operators[o].name, wide, range_rows[r].name)) continue;
                run_symbols(&operators[o], wide, &range_rows[r]);
            }
}
