/* REQ-OP-01, -09: operators that move or make data, bit for bit. What it kills: strides, offsets or margins ignored (also
 * beyond four axes), tails, NaN payloads that arithmetic moves changed, constants cut to another width, axes counted from
 * the wrong end, positions of random bits that depend on the split into threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"

/* Dims that no vector divides, of every rank, and none. */
static const struct shape {
    const char *name;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
} shapes[] = {
    {"rank0", 0, {0}},
    {"1", 1, {1}},
    {"7", 1, {7}},
    {"17", 2, {17, 5}},
    {"255", 2, {2, 255}},
    {"257", 2, {257, 3}},
    {"4099", 2, {1, 4099}},
    {"cube", 3, {7, 9, 34}},
    {"rank4", 4, {3, 2, 5, 7}},
    {"rank5", 5, {2, 3, 2, 3, 5}},
    {"rank6", 6, {2, 1, 3, 2, 2, 5}},
    {"rank7", 7, {2, 2, 1, 3, 2, 2, 3}},
    {"rank8", 8, {2, 3, 1, 2, 3, 2, 1, 5}},
    {"empty", 3, {4, 0, 3}},
    {"large", 2, {257, 273}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Any bits at all: moving must not look at them. */
static void fill_bits(cf_operand *x) {
    int64_t count = cf_count(x->rank, x->dims);
    uint32_t size = tenon_dtype_bits(x->dtype) / 8;
    cf_fill_range(x, 0, 1);
    if (x->dtype == TENON_DTYPE_BOOL) return;
    for (int64_t i = 0; i < count; i++) {
        uint64_t word = cf_random();
        memcpy((char *)x->bytes + i * size, &word, size);
    }
}

/* Repeats the bits of equal elements where the layout asks for it. */
static void repeat_bits(cf_operand *x) {
    uint32_t size = tenon_dtype_bits(x->dtype) / 8;
    int64_t at[TENON_MAX_RANK];
    for (int64_t i = 0; i < cf_count(x->rank, x->dims); i++) {
        cf_unravel(i, x->rank, x->dims, at);
        for (uint32_t a = 0; a < x->rank; a++) {
            bool last = a + 1 == x->rank;
            bool repeats = x->layout == CF_ONE || (x->layout == CF_ROW && !last) || (x->layout == CF_COLUMN && last) ||
                           (x->layout == CF_EVERY_OTHER && a % 2 == 0);
            if (repeats) at[a] = 0;
        }
        int64_t first = cf_ravel(x->rank, x->dims, at);
        memcpy((char *)x->bytes + i * size, (char *)x->bytes + first * size, size);
    }
}

static cf_operand operand_of(const struct shape *s, tenon_dtype dtype, uint32_t layout) {
    cf_operand x = {.dtype = dtype, .rank = s->rank, .layout = layout};
    memcpy(x.dims, s->dims, sizeof x.dims);
    fill_bits(&x);
    repeat_bits(&x);
    return x;
}

/* Runs a row whose result is to have these bytes, in row-major order. Frees both. */
static void expect_bits(cf_row *row, void *want) {
    tenonh_array result = {0};
    if (cf_run_or_fail(row, &result)) {
        uint64_t size = tenon_dtype_bits(result.dtype) / 8;
        for (int64_t i = 0; i < tenonh_array_count(&result) && !cf_failed(); i++)
            if (memcmp((char *)result.data + (uint64_t)i * size, (char *)want + (uint64_t)i * size, size) != 0)
                cf_fail("element %lld of %lld has other bits", (long long)i, (long long)tenonh_array_count(&result));
    }
    tenonh_array_free(&result);
    cf_free(row);
    free(want);
}

static void *room_for(const cf_operand *x) {
    return calloc((size_t)cf_count(x->rank, x->dims) + 1, tenon_dtype_bits(x->dtype) / 8);
}

static void *copy_of(const cf_operand *x) {
    uint64_t size = (uint64_t)cf_count(x->rank, x->dims) * (tenon_dtype_bits(x->dtype) / 8);
    void *bytes = room_for(x);
    if (size) memcpy(bytes, x->bytes, size);
    return bytes;
}

/* -- Copy and bitcast -- */

static void run_copy(const struct shape *s, tenon_dtype dtype, uint32_t from, uint32_t to) {
    if (!cf_begin("%s.%s.%s_to_%s", tenon_dtype_name(dtype), s->name, cf_layout_name(from), cf_layout_name(to))) return;
    cf_row row = {.op = TENON_OP_COPY, .operand_count = 1, .result_count = 1};
    row.operands[0] = operand_of(s, dtype, from);
    row.results[0] = cf_result(dtype, &row.operands[0]);
    row.results[0].layout = to;
    expect_bits(&row, copy_of(&row.operands[0]));
}

void cf_data_copy(void) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (uint32_t s = 0; s < SHAPES; s++) {
            for (uint32_t from = 0; from < CF_LAYOUT_COUNT; from++) run_copy(&shapes[s], dtype, from, CF_CONTIGUOUS);
            for (uint32_t to = CF_OFFSET; to < CF_RESULT_LAYOUTS; to++)
                run_copy(&shapes[s], dtype, (to + dtype) % 3 ? CF_CONTIGUOUS : CF_TRANSPOSED, to);
        }
    static const struct shape longest = {"70001", 2, {70001, 3}}; /* more than 16 bits count */
    run_copy(&longest, TENON_DTYPE_F32, CF_REVERSED, CF_CONTIGUOUS);
    run_copy(&longest, TENON_DTYPE_F32, CF_TRANSPOSED, CF_CONTIGUOUS);
    run_copy(&longest, TENON_DTYPE_U8, CF_SPARSE, CF_CONTIGUOUS);
    run_copy(&longest, TENON_DTYPE_U8, CF_CONTIGUOUS, CF_TRANSPOSED);
    run_copy(&longest, TENON_DTYPE_F32, CF_PADDED, CF_CONTIGUOUS); /* as many runs of three */
    run_copy(&longest, TENON_DTYPE_U8, CF_PADDED, CF_CONTIGUOUS);
    run_copy(&longest, TENON_DTYPE_U8, CF_CONTIGUOUS, CF_PADDED);
    run_copy(&(struct shape){"3x70001", 2, {3, 70001}}, TENON_DTYPE_U8, CF_TRANSPOSED, CF_CONTIGUOUS);
}

static void run_bitcast(const struct shape *s, tenon_dtype from, tenon_dtype to, uint32_t layout) {
    if (!cf_begin("%s_%s.%s.%s", tenon_dtype_name(from), tenon_dtype_name(to), s->name, cf_layout_name(layout))) return;
    int64_t type = to;
    cf_row row = {.op = TENON_OP_BITCAST, .operand_count = 1, .attr_count = 1, .result_count = 1};
    row.operands[0] = operand_of(s, from, layout);
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &type};
    row.results[0] = cf_result(to, &row.operands[0]);
    expect_bits(&row, copy_of(&row.operands[0]));
}

void cf_data_bitcast(void) {
    static const uint32_t some[] = {1, 3, 5, 7, 12};
    for (tenon_dtype from = TENON_DTYPE_F64; from < TENON_DTYPE_BOOL; from++)
        for (tenon_dtype to = TENON_DTYPE_F64; to < TENON_DTYPE_BOOL; to++) {
            if (tenon_dtype_bits(from) != tenon_dtype_bits(to) || from == to) continue;
            for (uint32_t s = 0; s < 5; s++) {
                run_bitcast(&shapes[some[s]], from, to, CF_CONTIGUOUS);
                run_bitcast(&shapes[some[s]], from, to, CF_TRANSPOSED);
            }
        }
}

/* -- Fill and iota -- */

static void run_fill(const struct shape *s, tenon_dtype dtype, uint32_t layout) {
    if (!cf_begin("%s.%s.%s", tenon_dtype_name(dtype), s->name, cf_layout_name(layout))) return;
    int64_t type = dtype;
    uint32_t size = tenon_dtype_bits(dtype) / 8;
    cf_row row = {.op = TENON_OP_FILL, .attr_count = 1, .result_count = 1};
    uint64_t word = dtype == TENON_DTYPE_BOOL ? 1 : cf_random();
    memcpy(&row.scalars[0], &word, size); /* at the low end */
    row.results[0] = (cf_operand){.dtype = dtype, .rank = s->rank, .layout = layout};
    memcpy(row.results[0].dims, s->dims, sizeof s->dims);
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &type};
    char *want = room_for(&row.results[0]);
    for (int64_t i = 0; i < cf_count(s->rank, s->dims); i++) memcpy(want + i * size, &word, size);
    expect_bits(&row, want);
}

void cf_data_fill(void) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (uint32_t s = 0; s < SHAPES; s++)
            for (uint32_t layout = 0; layout < CF_RESULT_LAYOUTS; layout++) run_fill(&shapes[s], dtype, layout);
}

static void run_iota(const struct shape *s, tenon_dtype dtype, int64_t axis, uint32_t layout) {
    if (!cf_begin("%s.%s.axis%d.%s", tenon_dtype_name(dtype), s->name, (int)axis, cf_layout_name(layout))) return;
    int64_t type = dtype, at[TENON_MAX_RANK], count = cf_count(s->rank, s->dims);
    cf_row row = {.op = TENON_OP_IOTA, .attr_count = 2, .result_count = 1};
    row.results[0] = (cf_operand){.dtype = dtype, .rank = s->rank, .layout = layout};
    memcpy(row.results[0].dims, s->dims, sizeof s->dims);
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &type};
    row.attrs[1] = (tenon_attr){TENON_ATTR_AXIS, 1, &axis};
    cf_number *want = cf_numbers(count);
    for (int64_t i = 0; i < count; i++) {
        cf_unravel(i, s->rank, s->dims, at);
        want[i] = cf_rounded(dtype, (cf_number){.f = (long double)at[axis], .i = at[axis]});
    }
    cf_expect_exactly(&row, want);
}

void cf_data_iota(void) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        if (!tenon_op_takes(tenon_op_row_of(TENON_OP_IOTA), dtype)) continue;
        for (uint32_t s = 1; s < SHAPES; s++)
            for (uint32_t axis = 0; axis < shapes[s].rank; axis++)
                run_iota(&shapes[s], dtype, axis, (axis + s) % 3 ? CF_CONTIGUOUS : CF_SPARSE);
        run_iota(&shapes[7], dtype, 1, CF_TRANSPOSED);
    }
}

/* -- Pad -- */

static void run_pad(const struct shape *s, tenon_dtype dtype, uint32_t margins, uint32_t from, uint32_t to) {
    if (!cf_begin("%s.%s.margins%02x.%s_to_%s", tenon_dtype_name(dtype), s->name, margins, cf_layout_name(from),
                  cf_layout_name(to)))
        return;
    int64_t low[TENON_MAX_RANK] = {0}, at[TENON_MAX_RANK];
    uint32_t size = tenon_dtype_bits(dtype) / 8;
    uint64_t word = dtype == TENON_DTYPE_BOOL ? 1 : cf_random();
    cf_row row = {.op = TENON_OP_PAD, .operand_count = 1, .attr_count = 1, .result_count = 1};
    row.operands[0] = operand_of(s, dtype, from);
    row.results[0] = cf_result(dtype, &row.operands[0]);
    row.results[0].layout = to;
    memcpy(&row.scalars[0], &word, size);
    /* Axis i has a margin where bit i says: before it, behind it, or both in turn. */
    for (uint32_t i = 0; i < s->rank; i++) {
        if (!(margins >> i & 1)) continue;
        low[i] = i % 3 == 1 ? 0 : 1 + i;
        row.results[0].dims[i] += low[i] + (i % 3 == 2 ? 0 : 2);
    }
    row.attrs[0] = (tenon_attr){TENON_ATTR_LOW, s->rank, low};
    char *want = room_for(&row.results[0]);
    for (int64_t i = 0; i < cf_count(s->rank, row.results[0].dims); i++) {
        bool inside = true;
        cf_unravel(i, s->rank, row.results[0].dims, at);
        for (uint32_t a = 0; a < s->rank; a++) inside = (at[a] -= low[a]) >= 0 && at[a] < s->dims[a] && inside;
        const void *element = inside ? (char *)row.operands[0].bytes + cf_ravel(s->rank, s->dims, at) * size : NULL;
        memcpy(want + i * size, inside ? element : &word, size);
    }
    expect_bits(&row, want);
}

void cf_data_pad(void) {
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (uint32_t s = 1; s < SHAPES; s++) {
            run_pad(&shapes[s], dtype, 0xff, CF_CONTIGUOUS, CF_CONTIGUOUS);
            run_pad(&shapes[s], dtype, 0x55, CF_CONTIGUOUS, CF_CONTIGUOUS);
            run_pad(&shapes[s], dtype, 0, CF_CONTIGUOUS, CF_CONTIGUOUS);
            run_pad(&shapes[s], dtype, 0x0e, CF_TRANSPOSED, CF_CONTIGUOUS);
            run_pad(&shapes[s], dtype, 0xff, CF_SPARSE, CF_CONTIGUOUS);
            run_pad(&shapes[s], dtype, 0x0b, CF_REVERSED, CF_SPARSE);
        }
}

/* -- Update -- */

typedef struct update {
    const char *name;
    uint32_t rank;
    int64_t dims[5], part[5], start[5];
    bool fits;
    uint32_t layout, result_layout;
} update;

/* Writes u at `start` into y; a start that does not fit is out of range. */
static void run_update(const update *u, tenon_dtype dtype) {
    if (!cf_begin("%s.%s", tenon_dtype_name(dtype), u->name)) return;
    uint32_t size = tenon_dtype_bits(dtype) / 8, rank = u->rank;
    int64_t at[TENON_MAX_RANK];
    cf_row row = {.op = TENON_OP_UPDATE_SLICE, .operand_count = 3, .result_count = 1};
    struct shape part = {"", rank, {0}}, whole = {"", rank, {0}};
    memcpy(part.dims, u->part, sizeof u->part);
    memcpy(whole.dims, u->dims, sizeof u->dims);
    row.operands[0] = operand_of(&part, dtype, u->layout);
    row.operands[1] = (cf_operand){.dtype = TENON_DTYPE_I64, .rank = 1, .dims = {rank}};
    row.operands[1].bytes = calloc(rank + 1, sizeof *u->start);
    memcpy(row.operands[1].bytes, u->start, rank * sizeof *u->start);
    row.operands[2] = operand_of(&whole, dtype, CF_CONTIGUOUS);
    row.results[0] = cf_result(dtype, &row.operands[2]);
    row.results[0].layout = u->result_layout;
    char *want = copy_of(&row.operands[2]);
    for (int64_t i = 0; u->fits && i < cf_count(rank, u->part); i++) {
        cf_unravel(i, rank, u->part, at);
        for (uint32_t a = 0; a < rank; a++) at[a] += u->start[a];
        memcpy(want + cf_ravel(rank, u->dims, at) * size, (char *)row.operands[0].bytes + i * size, size);
    }
    if (u->fits) {
        expect_bits(&row, want);
        return;
    }
    tenonh_array result = {0};
    if (cf_applies(&row)) {
        tenon_status status = cf_run(&row, &result);
        if (status != TENON_STATUS_OUT_OF_RANGE)
            cf_fail("a start that does not fit gives %s, not OUT_OF_RANGE", tenon_status_name(status));
        else if (result.data && memcmp(result.data, want, result.size) != 0)
            cf_fail("a start that does not fit changed the result");
    }
    tenonh_array_free(&result);
    cf_free(&row);
    free(want);
}

void cf_data_update_slice(void) {
    static const update updates[] = {
        {"middle", 3, {2, 5, 7}, {1, 3, 4}, {1, 2, 3}, true, 0, 0},
        {"first", 3, {2, 5, 7}, {1, 3, 4}, {0, 0, 0}, true, 0, 0},
        {"whole", 3, {2, 5, 7}, {2, 5, 7}, {0, 0, 0}, true, 0, 0},
        {"rows", 2, {17, 257}, {3, 257}, {14, 0}, true, 0, 0},
        {"one", 1, {4099}, {1}, {4098}, true, 0, 0},
        {"rank5", 5, {2, 3, 2, 3, 5}, {1, 2, 2, 1, 3}, {1, 1, 0, 2, 2}, true, 0, 0},
        {"nothing", 2, {5, 7}, {0, 3}, {5, 4}, true, 0, 0},
        {"transposed", 3, {2, 5, 7}, {1, 3, 4}, {1, 2, 3}, true, CF_TRANSPOSED, 0},
        {"sparse", 3, {2, 5, 7}, {1, 3, 4}, {1, 2, 3}, true, CF_SPARSE, 0},
        {"row", 3, {2, 5, 7}, {2, 3, 4}, {0, 2, 3}, true, CF_ROW, 0},
        {"to_transposed", 3, {2, 5, 7}, {1, 3, 4}, {1, 2, 3}, true, 0, CF_TRANSPOSED},
        {"to_sparse", 3, {2, 5, 7}, {1, 3, 4}, {1, 2, 3}, true, 0, CF_SPARSE},
        {"to_padded", 3, {2, 5, 7}, {1, 3, 4}, {1, 2, 3}, true, 0, CF_PADDED},
        {"past_the_end", 3, {2, 5, 7}, {1, 3, 4}, {1, 2, 4}, false, 0, 0},
        {"past_the_first", 3, {2, 5, 7}, {1, 3, 4}, {2, 2, 3}, false, 0, 0},
        {"negative", 3, {2, 5, 7}, {1, 3, 4}, {0, -1, 0}, false, 0, 0},
        {"huge", 3, {2, 5, 7}, {1, 3, 4}, {INT64_MAX, 0, 0}, false, 0, 0},
        {"lowest", 3, {2, 5, 7}, {1, 3, 4}, {0, 0, INT64_MIN}, false, 0, 0},
        {"low_word", 3, {2, 5, 7}, {1, 3, 4}, {0, 0x100000000, 0}, false, 0, 0},
    };
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (uint32_t i = 0; i < sizeof updates / sizeof *updates; i++) run_update(&updates[i], dtype);
}

/* -- Random bits: Philox4x32-10 -- */

static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t *out) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53u * c[0], q = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ c[1] ^ k[0], (uint32_t)q, (uint32_t)(p >> 32) ^ c[3] ^ k[1],
                            (uint32_t)p};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

static void run_random(const struct shape *s, uint64_t key, uint64_t offset, uint32_t layout, const char *name) {
    if (!cf_begin("%s.%s.%s", s->name, name, cf_layout_name(layout))) return;
    cf_row row = {.op = TENON_OP_RANDOM_BITS, .result_count = 1, .scalars = {key, offset}};
    row.results[0] = (cf_operand){.dtype = TENON_DTYPE_U32, .rank = s->rank, .layout = layout};
    memcpy(row.results[0].dims, s->dims, sizeof s->dims);
    int64_t count = cf_count(s->rank, s->dims);
    cf_number *want = cf_numbers(count);
    for (int64_t i = 0; i < count; i++) {
        uint64_t place = (uint64_t)i + offset, block = place / 4;
        uint32_t words[4], counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
        philox(counter, (uint32_t[]){(uint32_t)key, (uint32_t)(key >> 32)}, words);
        want[i].i = words[place % 4];
    }
    cf_expect_exactly(&row, want);
}

void cf_data_random_bits(void) {
    for (uint32_t s = 0; s < SHAPES; s++) {
        run_random(&shapes[s], 0, 0, CF_CONTIGUOUS, "zero");
        run_random(&shapes[s], 0x123456789abcdef0u, 3, CF_CONTIGUOUS, "offset");
        run_random(&shapes[s], 42, 0x3fffffffeu, CF_CONTIGUOUS, "carry");
        run_random(&shapes[s], 0xfedcba9876543210u, 1, CF_SPARSE, "offset");
        run_random(&shapes[s], 7, 2, CF_TRANSPOSED, "offset");
    }
}
