/* Op work on every layout, a few operators of each family, against plain meanings; and what prepare and launch refuse.
 * Every operator x dtype is the conformance suite's; here it is about views, symbols, sizes and descriptors. */
#include "opwork.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

static fixture f;

static void setup(void) {
    fixture_open(&f);
    (void)fixture_report();
}

static void teardown(void) {
    fixture_close(&f);
    ck_assert_int_eq(fixture_allocations(), 0);
}

/* Elements as whole numbers: all of these tests compute exactly. */
static int64_t get(const operand *o, int64_t index) {
    const char *at = opwork_at(o, index);
    union {
        float f32;
        double f64;
        int32_t i32;
        int64_t i64;
        uint8_t u8;
        int8_t i8;
    } v;
    memcpy(&v, at, tenon_dtype_bits(o->dtype) / 8);
    switch (o->dtype) {
    case TENON_DTYPE_F32: return isfinite(v.f32) ? (int64_t)v.f32 : INT64_MIN;
    case TENON_DTYPE_F64: return isfinite(v.f64) ? (int64_t)v.f64 : INT64_MIN;
    case TENON_DTYPE_I32: return v.i32;
    case TENON_DTYPE_I64: return v.i64;
    case TENON_DTYPE_I8: return v.i8;
    default: return v.u8;
    }
}

static void put(const operand *o, int64_t index, int64_t value) {
    const float f32 = (float)value;
    const double f64 = (double)value;
    const int32_t i32 = (int32_t)value;
    const uint8_t u8 = (uint8_t)value;
    const void *from = o->dtype == TENON_DTYPE_F32   ? (const void *)&f32
                       : o->dtype == TENON_DTYPE_F64 ? (const void *)&f64
                       : o->dtype == TENON_DTYPE_I32 ? (const void *)&i32
                       : o->dtype == TENON_DTYPE_I64 ? (const void *)&value
                                                     : (const void *)&u8;
    memcpy(opwork_at(o, index), from, tenon_dtype_bits(o->dtype) / 8);
}

static void fill(const operand *o, uint32_t seed, int64_t modulus) {
    for (int64_t i = 0; i < opwork_count(o); i++) {
        seed = seed * 1664525u + 1013904223u;
        put(o, i, (int64_t)(seed >> 8) % modulus - (o->dtype == TENON_DTYPE_BOOL ? 0 : modulus / 2));
    }
}

typedef struct shape {
    uint32_t rank;
    int64_t dims[5];
} shape;

static const shape shapes[] = {
    {0, {0}},       {1, {0}},       {1, {1}},       {1, {17}},         {2, {3, 5}},          {2, {7, 33}},
    {3, {2, 0, 3}}, {3, {4, 1, 9}}, {3, {5, 3, 2}}, {4, {2, 3, 4, 5}}, {5, {2, 1, 3, 2, 4}}, {2, {300, 257}}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Steps through the layouts' codes: wide ones where there is much to compute. */
static uint32_t stride_of(const shape *s, uint32_t usual) {
    return s->dims[0] >= 300 ? 31 * usual : usual;
}

static void expect(const opwork *w, uint32_t output, int64_t index, int64_t expected) {
    int64_t found = get(&w->operands[output], index);
    if (found == expected) return; /* an assertion that holds costs a system call */
    ck_abort_msg("%s of %s, layouts %u %u %u %u, rank %u: element %ld is %ld, not %ld", tenon_op_row_of(w->op)->name,
                 tenon_dtype_name(w->operands[0].dtype), w->operands[0].layout, w->operands[1].layout,
                 w->operands[2].layout, w->operands[3].layout, w->operands[output].rank, (long)index, (long)found,
                 (long)expected);
}

static void run(opwork *w, uint32_t outputs) {
    tenon_status status = opwork_run(w, outputs);
    ck_assert_msg(status == TENON_STATUS_OK, "%s of %s: %s: %s", tenon_op_row_of(w->op)->name,
                  tenon_dtype_name(w->operands[0].dtype), tenon_status_name(status), fixture_report());
}

static int64_t map_meaning(tenon_op op, int64_t a, int64_t b, int64_t c) {
    switch (op) {
    case TENON_OP_COPY: return a;
    case TENON_OP_NEG: return -a;
    case TENON_OP_ADD: return a + b;
    case TENON_OP_MUL: return a * b;
    case TENON_OP_MAX: return a > b ? a : b;
    case TENON_OP_LT: return a < b;
    case TENON_OP_WHERE: return a ? b : c;
    default: return a * b + c; /* fma */
    }
}

static const struct {
    tenon_op op;
    tenon_dtype dtypes[4];
} maps[] = {
    {TENON_OP_COPY, {TENON_DTYPE_I8, TENON_DTYPE_I8}},
    {TENON_OP_COPY, {TENON_DTYPE_F64, TENON_DTYPE_F64}},
    {TENON_OP_NEG, {TENON_DTYPE_I64, TENON_DTYPE_I64}},
    {TENON_OP_ADD, {TENON_DTYPE_F32, TENON_DTYPE_F32, TENON_DTYPE_F32}},
    {TENON_OP_MUL, {TENON_DTYPE_I32, TENON_DTYPE_I32, TENON_DTYPE_I32}},
    {TENON_OP_MAX, {TENON_DTYPE_F64, TENON_DTYPE_F64, TENON_DTYPE_F64}},
    {TENON_OP_LT, {TENON_DTYPE_I8, TENON_DTYPE_I8, TENON_DTYPE_BOOL}},
    {TENON_OP_WHERE, {TENON_DTYPE_BOOL, TENON_DTYPE_F32, TENON_DTYPE_F32, TENON_DTYPE_F32}},
    {TENON_OP_FMA, {TENON_DTYPE_F32, TENON_DTYPE_F32, TENON_DTYPE_F32, TENON_DTYPE_F32}},
};

static void run_map(size_t row, const shape *s, uint32_t code) {
    const tenon_op_row *op = tenon_op_row_of(maps[row].op);
    opwork w = {.f = &f, .op = op->op, .symbolic = code % 3 != 0};
    for (uint32_t i = 0; i <= op->input_count; i++, code /= LAYOUT_COUNT) {
        uint32_t layout = i < op->input_count ? code % LAYOUT_COUNT : code % LAYOUT_REPEATED;
        opwork_lay(&w, i, maps[row].dtypes[i], layout, s->rank, s->dims);
        if (i < op->input_count) fill(&w.operands[i], i + 1, w.operands[i].dtype == TENON_DTYPE_BOOL ? 2 : 19);
    }
    run(&w, 1);
    for (int64_t i = 0; i < opwork_count(&w.operands[op->input_count]); i++) {
        int64_t in[3] = {0};
        for (uint32_t j = 0; j < op->input_count; j++) in[j] = get(&w.operands[j], i);
        expect(&w, op->input_count, i, map_meaning(op->op, in[0], in[1], in[2]));
    }
    opwork_free(&w);
}

START_TEST(elementwise) {
    for (size_t row = 0; row < sizeof maps / sizeof *maps; row++)
        for (size_t i = 0; i < SHAPES; i++)
            for (uint32_t code = 0; code < 2401; code += stride_of(&shapes[i], code > 6 ? 29 : 1))
                run_map(row, &shapes[i], code);
}
END_TEST

/* The result in the place of one input, the others laid in every way. */
static void run_in_place(size_t row, const shape *s, uint32_t code, uint32_t shared) {
    const tenon_op_row *op = tenon_op_row_of(maps[row].op);
    opwork w = {.f = &f, .op = op->op, .symbolic = code % 2};
    operand *result = &w.operands[op->input_count];
    uint32_t layout = code % LAYOUT_REPEATED;
    for (uint32_t i = 0; i <= op->input_count; i++) {
        int alike = i == shared || i == op->input_count;
        opwork_lay(&w, i, maps[row].dtypes[i], alike ? layout : (code + i) % LAYOUT_COUNT, s->rank, s->dims);
        fill(&w.operands[i], i + 1, w.operands[i].dtype == TENON_DTYPE_BOOL ? 2 : 19);
    }
    ck_assert_uint_eq(opwork_prepare(&w, 1), TENON_STATUS_OK);
    ck_assert_uint_eq(w.alias, TENON_ANY_ALIAS);
    int64_t count = opwork_count(result), *expected = calloc((size_t)count + 1, sizeof *expected);
    for (int64_t i = 0; i < count; i++) {
        int64_t in[3] = {0};
        for (uint32_t j = 0; j < op->input_count; j++) in[j] = get(&w.operands[j], i);
        expected[i] = map_meaning(op->op, in[0], in[1], in[2]);
    }
    operand own = *result;
    result->memory = w.operands[shared].memory;
    result->offset = w.operands[shared].offset;
    result->address = w.operands[shared].address;
    ck_assert_uint_eq(opwork_launch(&w), TENON_STATUS_OK);
    ck_assert_uint_eq(plugin->stream->synchronize(f.stream), TENON_STATUS_OK);
    for (int64_t i = 0; i < count; i++) expect(&w, op->input_count, i, expected[i]);
    *result = own;
    free(expected);
    opwork_free(&w);
}

START_TEST(results_take_the_place_of_an_operand) {
    for (size_t row = 0; row < sizeof maps / sizeof *maps; row++) {
        const tenon_op_row *op = tenon_op_row_of(maps[row].op);
        if (op->family != TENON_FAMILY_MAP) continue;
        for (uint32_t shared = 0; shared < op->input_count; shared++) {
            if (tenon_dtype_bits(maps[row].dtypes[shared]) != tenon_dtype_bits(maps[row].dtypes[op->input_count]))
                continue;
            for (size_t i = 0; i < SHAPES; i++)
                for (uint32_t code = 0; code < 2 * LAYOUT_COUNT; code++) run_in_place(row, &shapes[i], code, shared);
        }
    }
}
END_TEST

/* Row-major index in the input of element `index` of what is left when `axes` (bits) are gone, at `step` along those. */
static int64_t reduced_index(const operand *x, uint32_t axes, int64_t index, int64_t step) {
    int64_t result = 0, scale = 1;
    for (uint32_t i = x->rank; i-- > 0;) {
        int64_t *from = axes >> i & 1 ? &step : &index;
        result += *from % x->dims[i] * scale;
        *from /= x->dims[i];
        scale *= x->dims[i];
    }
    return result;
}

static void run_reduce(tenon_op op, tenon_dtype dtype, const shape *s, uint32_t axes, uint32_t code) {
    opwork w = {.f = &f, .op = op, .symbolic = code % 2};
    int64_t list[5], dims[5], steps = 1;
    uint32_t count = 0, rank = 0;
    for (uint32_t i = 0; i < s->rank; i++) {
        if (axes >> i & 1)
            list[count++] = i, steps *= s->dims[i];
        else
            dims[rank++] = s->dims[i];
    }
    opwork_attrs(&w, TENON_ATTR_AXES, count, list);
    opwork_lay(&w, 0, dtype, code % LAYOUT_COUNT, s->rank, s->dims);
    opwork_lay(&w, 1, dtype, code / LAYOUT_COUNT % LAYOUT_REPEATED, rank, dims);
    fill(&w.operands[0], 7, 19);
    run(&w, 1);
    for (int64_t i = 0; i < opwork_count(&w.operands[1]); i++) {
        int64_t result = op == TENON_OP_SUM ? 0 : INT64_MIN;
        for (int64_t step = 0; step < steps; step++) {
            int64_t x = get(&w.operands[0], reduced_index(&w.operands[0], axes, i, step));
            result = op == TENON_OP_SUM ? result + x : x > result ? x : result;
        }
        if (steps > 0 || op == TENON_OP_SUM) expect(&w, 1, i, result);
    }
    opwork_free(&w);
}

START_TEST(reductions) {
    for (size_t i = 0; i < SHAPES; i++)
        for (uint32_t axes = 0; axes < UINT32_C(1) << shapes[i].rank; axes++)
            for (uint32_t code = axes % 3; code < LAYOUT_COUNT * LAYOUT_REPEATED; code += stride_of(&shapes[i], 4)) {
                run_reduce(TENON_OP_SUM, TENON_DTYPE_F32, &shapes[i], axes, code);
                run_reduce(TENON_OP_SUM, TENON_DTYPE_I64, &shapes[i], axes, code);
                run_reduce(TENON_OP_RMAX, TENON_DTYPE_I32, &shapes[i], axes, code);
            }
}
END_TEST

/* argmax, scan and sort along each axis. */
static void run_ordered(tenon_op op, const shape *s, uint32_t axis, uint32_t code) {
    opwork w = {.f = &f, .op = op, .symbolic = code % 2};
    int64_t dims[5], length = s->dims[axis];
    uint32_t rank = 0;
    for (uint32_t i = 0; i < s->rank; i++)
        if (op != TENON_OP_ARGMAX || i != axis) dims[rank++] = s->dims[i];
    opwork_attr(&w, TENON_ATTR_AXIS, axis);
    if (op == TENON_OP_SCAN) opwork_attr(&w, TENON_ATTR_COMBINE, TENON_COMBINE_ADD);
    opwork_lay(&w, 0, TENON_DTYPE_F32, code % LAYOUT_COUNT, s->rank, s->dims);
    opwork_lay(&w, 1, op == TENON_OP_ARGMAX ? TENON_DTYPE_I64 : TENON_DTYPE_F32, code / LAYOUT_COUNT % LAYOUT_REPEATED,
               rank, dims);
    if (op == TENON_OP_SORT) opwork_lay(&w, 2, TENON_DTYPE_I64, code % LAYOUT_REPEATED, rank, dims);
    fill(&w.operands[0], 11, 19);
    run(&w, op == TENON_OP_SORT ? 2 : 1);
    int64_t lines = length ? opwork_count(&w.operands[0]) / length : 0;
    for (int64_t line = 0; line < lines; line++) {
        int64_t best = 0, total = 0;
        for (int64_t step = 0; step < length; step++) {
            int64_t at = reduced_index(&w.operands[0], UINT32_C(1) << axis, line, step), x = get(&w.operands[0], at);
            total += x;
            if (x > get(&w.operands[0], reduced_index(&w.operands[0], UINT32_C(1) << axis, line, best))) best = step;
            if (op == TENON_OP_SCAN) expect(&w, 1, at, total);
            if (op != TENON_OP_SORT) continue;
            int64_t position = get(&w.operands[2], at);
            if (position < 0 || position >= length) ck_abort_msg("position %ld of %ld", (long)position, (long)length);
            expect(&w, 1, at, get(&w.operands[0], reduced_index(&w.operands[0], UINT32_C(1) << axis, line, position)));
            if (step == 0) continue;
            int64_t before = reduced_index(&w.operands[0], UINT32_C(1) << axis, line, step - 1);
            int64_t low = get(&w.operands[1], before), high = get(&w.operands[1], at);
            if (low > high || (low == high && get(&w.operands[2], before) >= position))
                ck_abort_msg("elements %ld and %ld are out of order", (long)before, (long)at);
        }
        if (op == TENON_OP_ARGMAX) expect(&w, 1, line, best);
    }
    opwork_free(&w);
}

START_TEST(ordered) {
    for (size_t i = 0; i < SHAPES; i++)
        for (uint32_t axis = 0; axis < shapes[i].rank; axis++)
            for (uint32_t code = axis; code < LAYOUT_COUNT * LAYOUT_REPEATED; code += stride_of(&shapes[i], 5)) {
                run_ordered(TENON_OP_SCAN, &shapes[i], axis, code);
                run_ordered(TENON_OP_SORT, &shapes[i], axis, code);
                if (shapes[i].dims[axis] > 0) run_ordered(TENON_OP_ARGMAX, &shapes[i], axis, code);
            }
}
END_TEST

/* y[p, q, s] = x[p, i[q], s] with p = 3, s = 4; and scatter-add back. */
static void lay_indexed(opwork *w, tenon_op op, uint32_t code, int64_t rows, int64_t picks) {
    const int64_t x[] = {3, rows, 4}, y[] = {3, picks, 4};
    *w = (opwork){.f = &f, .op = op, .symbolic = code % 2};
    opwork_attr(w, TENON_ATTR_AXIS, 1);
    if (op == TENON_OP_SCATTER) opwork_attr(w, TENON_ATTR_COMBINE, TENON_COMBINE_ADD);
    int is_scatter = op == TENON_OP_SCATTER;
    opwork_lay(w, is_scatter ? 2 : 0, TENON_DTYPE_I32, code % LAYOUT_REPEATED, 3, x);
    opwork_lay(w, is_scatter ? 0 : 1, TENON_DTYPE_I64, code % 3 == 0 ? LAYOUT_REVERSED : LAYOUT_SPARSE, 1, &picks);
    opwork_lay(w, is_scatter ? 1 : 2, TENON_DTYPE_I32, code / 2 % LAYOUT_REPEATED, 3, y);
    fill(&w->operands[is_scatter ? 2 : 0], 3, 100);
    fill(&w->operands[is_scatter ? 1 : 2], 5, 100);
    for (int64_t i = 0; i < picks; i++) put(&w->operands[!is_scatter], i, i * 7 % rows);
}

START_TEST(indexed) {
    for (uint32_t code = 0; code < 30; code++) {
        const int64_t rows = 5, picks = code % 4 == 3 ? 0 : 8;
        opwork w;
        lay_indexed(&w, TENON_OP_GATHER, code, rows, picks);
        run(&w, 1);
        for (int64_t i = 0; i < 3 * picks * 4; i++)
            expect(&w, 2, i, get(&w.operands[0], (i / 4 / picks * rows + i / 4 % picks * 7 % rows) * 4 + i % 4));
        opwork_free(&w);
        lay_indexed(&w, TENON_OP_SCATTER, code, rows, picks);
        int64_t sums[60];
        for (int64_t i = 0; i < 3 * rows * 4; i++) sums[i] = get(&w.operands[2], i);
        for (int64_t i = 0; i < 3 * picks * 4; i++)
            sums[(i / 4 / picks * rows + i / 4 % picks * 7 % rows) * 4 + i % 4] += get(&w.operands[1], i);
        run(&w, 1);
        for (int64_t i = 0; i < 3 * rows * 4; i++) expect(&w, 2, i, sums[i]);
        opwork_free(&w);
    }
}
END_TEST

START_TEST(indices_out_of_range_touch_nothing) {
    static const int64_t bad[] = {5, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int is_scatter = 0; is_scatter < 2; is_scatter++) {
            opwork w;
            lay_indexed(&w, is_scatter ? TENON_OP_SCATTER : TENON_OP_GATHER, (uint32_t)i, 5, 8);
            put(&w.operands[!is_scatter], 3, bad[i]);
            ck_assert_uint_eq(opwork_run(&w, 1), TENON_STATUS_OUT_OF_RANGE); /* and the fences are whole */
            ck_assert_uint_eq(plugin->stream->query(f.stream), TENON_STATUS_OUT_OF_RANGE);
            opwork_free(&w);
            plugin->stream->destroy(f.stream);
            OK(plugin->stream->create(f.device, &f.stream));
        }
}
END_TEST

START_TEST(movement_and_sources) {
    const int64_t dims[] = {4, 6}, small[] = {2, 3}, two = 2;
    for (uint32_t layout = 0; layout < LAYOUT_REPEATED; layout++) {
        opwork w = {.f = &f, .op = TENON_OP_IOTA, .symbolic = layout % 2};
        opwork_attr(&w, TENON_ATTR_DTYPE, TENON_DTYPE_F32);
        opwork_attr(&w, TENON_ATTR_AXIS, 1);
        opwork_lay(&w, 0, TENON_DTYPE_F32, layout, 2, dims);
        run(&w, 1);
        for (int64_t i = 0; i < 24; i++) expect(&w, 0, i, i % 6);
        opwork_free(&w);

        w = (opwork){.f = &f, .op = TENON_OP_FILL, .symbolic = layout % 2, .scalar_count = 1, .scalars = {77}};
        opwork_attr(&w, TENON_ATTR_DTYPE, TENON_DTYPE_I8);
        opwork_lay(&w, 0, TENON_DTYPE_I8, layout, 2, dims);
        run(&w, 1);
        for (int64_t i = 0; i < 24; i++) expect(&w, 0, i, 77);
        opwork_free(&w);

        w = (opwork){.f = &f, .op = TENON_OP_PAD, .symbolic = layout % 2, .scalar_count = 1, .scalars = {9}};
        opwork_attrs(&w, TENON_ATTR_LOW, 2, (const int64_t[]){1, 2});
        opwork_lay(&w, 0, TENON_DTYPE_I32, layout, 2, small);
        opwork_lay(&w, 1, TENON_DTYPE_I32, layout, 2, dims);
        fill(&w.operands[0], 1, 9);
        run(&w, 1);
        for (int64_t i = 0; i < 24; i++) {
            int64_t row = i / 6 - 1, column = i % 6 - 2;
            int inside = row >= 0 && row < 2 && column >= 0 && column < 3;
            expect(&w, 1, i, inside ? get(&w.operands[0], row * 3 + column) : 9);
        }
        opwork_free(&w);

        for (int64_t start = 2; start < 5; start++) { /* 2 and 3 fit, 4 is past the end */
            w = (opwork){.f = &f, .op = TENON_OP_UPDATE_SLICE, .symbolic = layout % 2};
            opwork_lay(&w, 0, TENON_DTYPE_F64, layout, 2, small);
            opwork_lay(&w, 1, TENON_DTYPE_I64, LAYOUT_DENSE, 1, &two);
            opwork_lay(&w, 2, TENON_DTYPE_F64, layout, 2, dims);
            fill(&w.operands[0], 1, 9);
            for (int64_t i = 0; i < 24; i++) put(&w.operands[2], i, 50);
            put(&w.operands[1], 0, 1);
            put(&w.operands[1], 1, start);
            tenon_status status = opwork_run(&w, 1);
            ck_assert_uint_eq(status, start < 4 ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_RANGE);
            for (int64_t i = 0; start < 4 && i < 24; i++) {
                int64_t row = i / 6 - 1, column = i % 6 - start;
                int inside = row >= 0 && row < 2 && column >= 0 && column < 3;
                expect(&w, 2, i, inside ? get(&w.operands[0], row * 3 + column) : 50);
            }
            opwork_free(&w);
        }
        plugin->stream->destroy(f.stream);
        OK(plugin->stream->create(f.device, &f.stream));
    }
}
END_TEST

/* Works that break the operator table, one rule each. */
static void spoil(opwork *w, int rule, uint32_t *outputs) {
    const int64_t dims[] = {3, 5}, axis = 1;
    *w = (opwork){.f = &f, .op = rule < 8 ? TENON_OP_ADD : TENON_OP_SUM};
    *outputs = 1;
    for (uint32_t i = 0; i < (rule < 8 ? 3u : 2u); i++)
        opwork_lay(w, i, TENON_DTYPE_F32, LAYOUT_DENSE, rule < 8 ? 2 : 2 - i, dims);
    switch (rule) {
    case 0: w->operand_count = 2; break;
    case 1: w->operands[1].dtype = TENON_DTYPE_I32; break;
    case 2: w->operands[2].dtype = TENON_DTYPE_BOOL; break;
    case 3: w->operands[1].rank = 1; break;
    case 4: w->operands[0].role = TENON_ROLE_OUTPUT; break;
    case 5: w->operands[2].role = TENON_ROLE_INPUT; break;
    case 6: w->op = TENON_OP_SIN; break; /* one input too many */
    case 7: w->op = TENON_OP_SHL; break; /* no floats */
    case 8: opwork_attr(w, TENON_ATTR_AXES, 2); break;
    case 9: opwork_attr(w, TENON_ATTR_AXES, -1); break;
    case 10: opwork_attrs(w, TENON_ATTR_AXES, 2, (const int64_t[]){1, 0}); break;
    case 11: break; /* no axes: the ranks disagree */
    default: opwork_attrs(w, TENON_ATTR_AXES, 1, &axis); opwork_attrs(w, TENON_ATTR_AXES, 1, &axis);
    }
}

START_TEST(bad_works_are_refused) {
    for (int rule = 0; rule < 13; rule++) {
        opwork w;
        uint32_t outputs;
        spoil(&w, rule, &outputs);
        tenon_status status = opwork_prepare(&w, outputs);
        ck_assert_msg(status == TENON_STATUS_INVALID, "rule %d gives %s", rule, tenon_status_name(status));
        ck_assert_str_ne(fixture_report(), "");
        w.operand_count = rule < 8 ? 3 : 2;
        opwork_free(&w);
    }
}
END_TEST

START_TEST(unknown_works_are_unsupported) {
    const int64_t dims[] = {3};
    opwork w = {.f = &f, .op = TENON_OP_RESHAPE};
    opwork_lay(&w, 0, TENON_DTYPE_F32, LAYOUT_DENSE, 1, dims);
    opwork_lay(&w, 1, TENON_DTYPE_F32, LAYOUT_DENSE, 1, dims);
    REFUSES(TENON_STATUS_UNSUPPORTED, opwork_prepare(&w, 1));
    w.op = 127;
    REFUSES(TENON_STATUS_UNSUPPORTED, opwork_prepare(&w, 1));
    w.op = TENON_OP_SIN;
    opwork_attr(&w, 31, 1); /* an attribute of a newer table */
    REFUSES(TENON_STATUS_UNSUPPORTED, opwork_prepare(&w, 1));
    w.attr_count = 0;
    w.operands[0].dtype = w.operands[1].dtype = TENON_DTYPE_F8E4M3;
    REFUSES(TENON_STATUS_UNSUPPORTED, opwork_prepare(&w, 1));
    opwork_free(&w);
}
END_TEST

START_TEST(bad_dims_are_refused_at_launch) {
    const int64_t dims[] = {3, 5}, other[] = {3, 4};
    for (int rule = 0; rule < 3; rule++) {
        opwork w = {.f = &f, .op = TENON_OP_ADD, .symbolic = 1};
        for (uint32_t i = 0; i < 3; i++) opwork_lay(&w, i, TENON_DTYPE_F32, LAYOUT_DENSE, 2, dims);
        OK(opwork_prepare(&w, 1));
        if (rule == 0) w.symbols[1 * 4 + 2] = other[1]; /* dim 1 of operand 1: dims and strides alternate */
        if (rule == 1) w.symbols[2 * 4 + 1] = 0;        /* stride 0 of the output */
        if (rule == 2) w.symbols[0] = 1000;             /* past the allocation */
        REFUSES(TENON_STATUS_INVALID, opwork_launch(&w));
        OK(plugin->stream->synchronize(f.stream));
        opwork_free(&w);
    }
}
END_TEST

/* One exec under changing symbols and scalars: nothing of an earlier launch may stay. */
START_TEST(launches_are_independent) {
    const int64_t most[] = {9, 40};
    opwork w = {.f = &f, .op = TENON_OP_PAD, .symbolic = 1, .scalar_count = 1};
    opwork_attrs(&w, TENON_ATTR_LOW, 2, (const int64_t[]){1, 1});
    opwork_lay(&w, 0, TENON_DTYPE_I32, LAYOUT_DENSE, 2, most);
    opwork_lay(&w, 1, TENON_DTYPE_I32, LAYOUT_DENSE, 2, most);
    fill(&w.operands[0], 1, 100);
    OK(opwork_prepare(&w, 1));
    for (int64_t round = 0; round < 60; round++) { /* symbols: dim 0, stride 0, dim 1, stride 1 of each operand */
        int64_t rows = round / 2 % 3, columns = round / 3 % 7;
        w.symbols[0] = w.operands[0].dims[0] = rows;
        w.symbols[2] = w.operands[0].dims[1] = columns;
        w.scalars[0] = (uint64_t)(round % 5);
        OK(opwork_launch(&w));
        OK(plugin->stream->synchronize(f.stream));
        for (int64_t i = 0; i < 9 * 40; i++) {
            int64_t row = i / 40 - 1, column = i % 40 - 1;
            int inside = row >= 0 && row < rows && column >= 0 && column < columns;
            expect(&w, 1, i, inside ? get(&w.operands[0], row * columns + column) : round % 5);
        }
    }
    opwork_free(&w);
}
END_TEST

typedef struct share {
    tenon_exec *exec;
    int64_t size;
} share;

static void *launch_shared(void *argument) {
    const share *given = argument;
    const int64_t n = given->size;
    tenon_stream *stream;
    OK(plugin->stream->create(f.device, &stream));
    tenon_memory *x = fixture_memory(&f, (uint64_t)n * 4), *y = fixture_memory(&f, (uint64_t)n * 4);
    int32_t *from = (int32_t *)(void *)fixture_address(&f, x), *to = (int32_t *)(void *)fixture_address(&f, y);
    for (int64_t round = 0; round < 200; round++) {
        const tenon_buffer buffers[] = {{x, 0}, {x, 0}, {y, 0}};
        const int64_t symbols[] = {n, 1, n, 1, n, 1};
        const tenon_launch what = {
            .struct_size = sizeof what, .buffer_count = 3, .buffers = buffers, .symbols = symbols, .symbol_count = 6};
        for (int64_t i = 0; i < n; i++) from[i] = (int32_t)(i + round);
        OK(plugin->work->launch(stream, given->exec, &what));
        OK(plugin->stream->synchronize(stream));
        int64_t wrong = 0;
        for (int64_t i = 0; i < n; i++) wrong += to[i] != 2 * (i + round);
        ck_assert_int_eq(wrong, 0);
    }
    plugin->stream->destroy(stream);
    plugin->memory->release(f.device, x);
    plugin->memory->release(f.device, y);
    return NULL;
}

START_TEST(threads_share_an_exec) {
    const int64_t dims[] = {8};
    pthread_t threads[4];
    share shares[4];
    opwork w = {.f = &f, .op = TENON_OP_ADD, .symbolic = 1};
    for (uint32_t i = 0; i < 3; i++) opwork_lay(&w, i, TENON_DTYPE_I32, LAYOUT_DENSE, 1, dims);
    OK(opwork_prepare(&w, 1));
    for (int i = 0; i < 4; i++) {
        shares[i] = (share){w.exec, i % 2 ? 16 : 20000};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, launch_shared, &shares[i]), 0);
    }
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    opwork_free(&w);
}
END_TEST

static Suite *suite(void) {
    Suite *made = suite_create("cpu op work");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, elementwise);
    tcase_add_test(cases, results_take_the_place_of_an_operand);
    tcase_add_test(cases, reductions);
    tcase_add_test(cases, ordered);
    tcase_add_test(cases, indexed);
    tcase_add_test(cases, indices_out_of_range_touch_nothing);
    tcase_add_test(cases, movement_and_sources);
    tcase_add_test(cases, launches_are_independent);
    tcase_add_test(cases, threads_share_an_exec);
    tcase_add_test(cases, bad_works_are_refused);
    tcase_add_test(cases, unknown_works_are_unsupported);
    tcase_add_test(cases, bad_dims_are_refused_at_launch);
    suite_add_tcase(made, cases);
    return made;
}

int main(void) {
    fixture_load();
    return fixture_main(suite());
}
