/* REQ-OP: operators that move or make data. */
#include <stdlib.h>
#include <string.h>

#include "cases/case.h"
#include "cases/cases.h"

static cf_row row_of(tenon_op op, tenon_dtype dtype, uint32_t rank, const int64_t *dims, uint32_t layout) {
    cf_row row = {.op = op, .operand_count = 1, .result_count = 1};
    row.operands[0] = (cf_operand){.dtype = dtype, .rank = rank, .layout = layout};
    memcpy(row.operands[0].dims, dims, rank * sizeof *dims);
    cf_fill(&row.operands[0], 0);
    row.results[0] = cf_result(dtype, &row.operands[0]);
    return row;
}

static void run_copy(tenon_dtype dtype, uint32_t rank, const int64_t *dims, uint32_t layout) {
    if (!cf_begin("copy_%s_layout%u_rank%u_size%lld", tenon_dtype_name(dtype), layout, rank,
                  (long long)cf_count(rank, dims)))
        return;
    cf_row row = row_of(TENON_OP_COPY, dtype, rank, dims, layout);
    int64_t count = cf_count(rank, dims);
    cf_number *want = calloc((size_t)count + 1, sizeof *want);
    for (int64_t i = 0; i < count; i++) want[i] = cf_load(dtype, row.operands[0].bytes, i);
    cf_expect_exactly(&row, want);
}

static void run_iota(tenon_dtype dtype, int64_t axis) {
    if (!cf_begin("iota_%s_axis%d", tenon_dtype_name(dtype), (int)axis)) return;
    int64_t type = dtype, dims[] = {3, 300, 2};
    cf_row row = {.op = TENON_OP_IOTA, .attr_count = 2, .result_count = 1};
    row.results[0] = (cf_operand){.dtype = dtype, .rank = 3, .dims = {3, 300, 2}};
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &type};
    row.attrs[1] = (tenon_attr){TENON_ATTR_AXIS, 1, &axis};
    cf_number *want = calloc(1801, sizeof *want);
    for (int64_t i = 0; i < 1800; i++) {
        int64_t at[3];
        cf_unravel(i, 3, dims, at);
        want[i] = cf_rounded(dtype, (cf_number){.f = (long double)at[axis], .i = at[axis]});
    }
    cf_expect_exactly(&row, want);
}

static void run_fill(tenon_dtype dtype) {
    if (!cf_begin("fill_%s", tenon_dtype_name(dtype))) return;
    int64_t type = dtype, bits = 0;
    cf_store(dtype, &bits, 0, (cf_number){.f = -1.5L, .i = dtype == TENON_DTYPE_BOOL ? 1 : -3});
    cf_row row = {.op = TENON_OP_FILL, .attr_count = 1, .result_count = 1, .scalars = {(uint64_t)bits}};
    row.results[0] = (cf_operand){.dtype = dtype, .rank = 2, .dims = {5, 53}};
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &type};
    cf_number *want = calloc(266, sizeof *want);
    for (int64_t i = 0; i < 265; i++) want[i] = cf_load(dtype, &bits, 0);
    cf_expect_exactly(&row, want);
}

static void run_pad(tenon_dtype dtype, uint32_t layout) {
    if (!cf_begin("pad_%s_layout%u", tenon_dtype_name(dtype), layout)) return;
    int64_t dims[] = {3, 5, 7}, low[] = {1, 0, 2}, wide[] = {5, 6, 9}, bits = 0, at[3];
    cf_store(dtype, &bits, 0, (cf_number){.f = 2, .i = 1});
    cf_row row = row_of(TENON_OP_PAD, dtype, 3, dims, layout);
    row.attr_count = 1;
    row.attrs[0] = (tenon_attr){TENON_ATTR_LOW, 3, low};
    row.scalars[0] = (uint64_t)bits;
    memcpy(row.results[0].dims, wide, sizeof wide);
    cf_number *want = calloc(271, sizeof *want);
    for (int64_t i = 0; i < 270; i++) {
        cf_unravel(i, 3, wide, at);
        bool inside = true;
        for (uint32_t a = 0; a < 3; a++) inside = (at[a] -= low[a]) >= 0 && at[a] < dims[a] && inside;
        want[i] = inside ? cf_load(dtype, row.operands[0].bytes, cf_ravel(3, dims, at)) : cf_load(dtype, &bits, 0);
    }
    cf_expect_exactly(&row, want);
}

static void run_bitcast(tenon_dtype from, tenon_dtype to) {
    if (!cf_begin("bitcast_%s_%s", tenon_dtype_name(from), tenon_dtype_name(to))) return;
    int64_t dims[] = {4, 61}, type = to;
    cf_row row = row_of(TENON_OP_BITCAST, from, 2, dims, CF_TRANSPOSED);
    row.attr_count = 1;
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &type};
    row.results[0].dtype = to;
    cf_number *want = calloc(245, sizeof *want);
    for (int64_t i = 0; i < 244; i++) want[i] = cf_load(to, row.operands[0].bytes, i);
    cf_expect_exactly(&row, want);
}

/* Writes u at `start` into y; a start that does not fit is out of range. */
static void run_update(tenon_dtype dtype, const int64_t *start, bool fits, const char *name) {
    if (!cf_begin("update_slice_%s_%s", tenon_dtype_name(dtype), name)) return;
    int64_t dims[] = {2, 5, 7}, part[] = {1, 3, 4}, at[3];
    cf_row row = row_of(TENON_OP_UPDATE_SLICE, dtype, 3, part, CF_TRANSPOSED);
    row.operand_count = 3;
    row.operands[1] = (cf_operand){.dtype = TENON_DTYPE_I64, .rank = 1, .dims = {3}};
    row.operands[1].bytes = calloc(3, sizeof *start);
    memcpy(row.operands[1].bytes, start, 3 * sizeof *start);
    row.operands[2] = (cf_operand){.dtype = dtype, .rank = 3, .dims = {2, 5, 7}};
    cf_fill(&row.operands[2], 1);
    row.results[0] = row.operands[2];
    cf_number *want = calloc(71, sizeof *want);
    for (int64_t i = 0; i < 70; i++) want[i] = cf_load(dtype, row.operands[2].bytes, i);
    for (int64_t i = 0; fits && i < 12; i++) {
        cf_unravel(i, 3, part, at);
        for (uint32_t a = 0; a < 3; a++) at[a] += start[a];
        want[cf_ravel(3, dims, at)] = cf_load(dtype, row.operands[0].bytes, i);
    }
    if (fits) {
        cf_expect_exactly(&row, want);
        return;
    }
    tenonh_array result = {0};
    tenon_status status = cf_run(&row, &result);
    if (status != TENON_STATUS_OUT_OF_RANGE) cf_fail("gives %s, not OUT_OF_RANGE", tenon_status_name(status));
    tenonh_array_free(&result);
    cf_free(&row);
    free(want);
}

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

static void run_random(uint64_t key, uint64_t offset, int64_t count, const char *name) {
    if (!cf_begin("random_bits_%s", name)) return;
    cf_row row = {.op = TENON_OP_RANDOM_BITS, .result_count = 1, .scalars = {key, offset}};
    row.results[0] = (cf_operand){.dtype = TENON_DTYPE_U32, .rank = 1, .dims = {count}};
    cf_number *want = calloc((size_t)count + 1, sizeof *want);
    for (int64_t i = 0; i < count; i++) {
        uint64_t place = (uint64_t)i + offset, block = place / 4;
        uint32_t words[4], counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
        philox(counter, (uint32_t[]){(uint32_t)key, (uint32_t)(key >> 32)}, words);
        want[i].i = words[place % 4];
    }
    cf_expect_exactly(&row, want);
}

void cf_data(void) {
    static const int64_t flat[] = {1021}, cube[] = {7, 9, 34}, deep[] = {2, 3, 1, 2, 3, 2, 1, 5}, empty[] = {4, 0, 3};
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        run_copy(dtype, 1, flat, CF_CONTIGUOUS);
        run_copy(dtype, 3, cube, CF_TRANSPOSED);
        if (tenon_op_takes(tenon_op_row_of(TENON_OP_IOTA), dtype)) run_iota(dtype, dtype % 3);
        run_fill(dtype);
        run_pad(dtype, CF_CONTIGUOUS);
        run_update(dtype, (int64_t[]){1, 2, 3}, true, "fits");
    }
    for (uint32_t layout = CF_TRANSPOSED; layout < CF_LAYOUT_COUNT; layout++) {
        if (layout != CF_TRANSPOSED) run_copy(TENON_DTYPE_F32, 3, cube, layout);
        run_copy(TENON_DTYPE_I8, 8, deep, layout);
    }
    run_copy(TENON_DTYPE_F32, 3, empty, CF_TRANSPOSED);
    run_copy(TENON_DTYPE_F16, 0, flat, CF_CONTIGUOUS);
    run_pad(TENON_DTYPE_F32, CF_SPARSE);
    run_pad(TENON_DTYPE_I16, CF_REVERSED);
    run_bitcast(TENON_DTYPE_F32, TENON_DTYPE_U32);
    run_bitcast(TENON_DTYPE_I64, TENON_DTYPE_F64);
    run_bitcast(TENON_DTYPE_BF16, TENON_DTYPE_F16);
    run_update(TENON_DTYPE_F32, (int64_t[]){0, 0, 0}, true, "first");
    run_update(TENON_DTYPE_F32, (int64_t[]){1, 2, 4}, false, "past_the_end");
    run_update(TENON_DTYPE_I32, (int64_t[]){0, -1, 0}, false, "negative");
    run_update(TENON_DTYPE_I32, (int64_t[]){INT64_MAX, 0, 0}, false, "huge");
    run_random(0, 0, 257, "zero");
    run_random(0x123456789abcdef0u, 3, 1021, "offset");
    run_random(42, 0x3fffffffeu, 64, "carry");
}
