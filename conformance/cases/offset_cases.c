/* REQ-OP-01: operands and results at every offset that their elements may have in 64 bytes, one at a time, of one operator
 * of each family. What it kills: vectors loaded from or stored to the aligned address beside, heads that are peeled off up
 * to an alignment and lost or done twice, at some offsets only. */
#include <stdlib.h>

#include "cases/case.h"
#include "cases/cases.h"

enum { SPAN = 64 }; /* bytes */

/* Dims of operand `k`, or of the result where it is the operands' count, with `n` elements in a line. */
typedef struct family {
    const char *name;
    tenon_op op;
    uint32_t operand_count, rank;
    int64_t dims[3][2]; /* 0: n */
    uint32_t attr;      /* 0: none */
    int64_t value;
} family;

static const family families[] = {
    {"add", TENON_OP_ADD, 2, 1, {{0}, {0}, {0}}, 0, 0},
    {"sum", TENON_OP_SUM, 1, 2, {{5, 0}, {5}}, TENON_ATTR_AXES, 1},
    {"gather", TENON_OP_GATHER, 2, 2, {{9, 0}, {5}, {5, 0}}, TENON_ATTR_AXIS, 0},
    {"copy", TENON_OP_COPY, 1, 1, {{0}, {0}}, 0, 0},
    {"matmul", TENON_OP_MATMUL, 2, 2, {{3, 0}, {0, 5}, {3, 5}}, 0, 0},
    {"cast", TENON_OP_CAST, 1, 1, {{0}, {0}}, TENON_ATTR_DTYPE, 0},
};
enum { FAMILIES = sizeof families / sizeof *families };

static bool is_index(const family *f, uint32_t k) {
    return f->op == TENON_OP_GATHER && k == 1;
}

static tenon_dtype dtype_of(const family *f, tenon_dtype dtype, uint32_t k) {
    if (is_index(f, k)) return TENON_DTYPE_I32;
    if (f->op != TENON_OP_CAST || k == 0) return dtype;
    return dtype == TENON_DTYPE_F32 ? TENON_DTYPE_F16 : TENON_DTYPE_F32;
}

static cf_operand operand_of(const family *f, tenon_dtype dtype, uint32_t k, int64_t n) {
    bool line = is_index(f, k) || (f->op == TENON_OP_SUM && k == 1);
    cf_operand x = {.dtype = dtype_of(f, dtype, k), .rank = line ? 1 : f->rank};
    for (uint32_t axis = 0; axis < x.rank; axis++) x.dims[axis] = f->dims[k][axis] ? f->dims[k][axis] : n;
    return x;
}

/* -- Meanings: whole numbers, whose sums are exact -- */

static cf_integer whole(const cf_row *row, uint32_t k, int64_t i) {
    cf_number x = cf_load(row->operands[k].dtype, row->operands[k].bytes, i);
    return cf_is_float(row->operands[k].dtype) ? (cf_integer)x.f : x.i;
}

static cf_integer meaning(const cf_row *row, int64_t n, int64_t i) {
    cf_integer sum = 0;
    switch (row->op) {
    case TENON_OP_ADD: return whole(row, 0, i) + whole(row, 1, i);
    case TENON_OP_GATHER: return whole(row, 0, (int64_t)whole(row, 1, i / n) * n + i % n);
    case TENON_OP_SUM:
        for (int64_t k = 0; k < n; k++) sum += whole(row, 0, i * n + k);
        return sum;
    case TENON_OP_MATMUL:
        for (int64_t k = 0; k < n; k++) sum += whole(row, 0, i / 5 * n + k) * whole(row, 1, k * 5 + i % 5);
        return sum;
    default: return whole(row, 0, i);
    }
}

static void run(const family *f, tenon_dtype dtype, uint32_t moved, uint32_t shift, int64_t n) {
    const char *name = moved == f->operand_count ? "result" : moved ? "second" : "first";
    uint32_t size = tenon_dtype_bits(dtype_of(f, dtype, moved)) / 8;
    if (!cf_begin("%s.%s.%lld.%s_at_%02u", f->name, tenon_dtype_name(dtype), (long long)n, name, shift * size)) return;
    int64_t value = f->op == TENON_OP_CAST ? (int64_t)dtype_of(f, dtype, 1) : f->value;
    cf_row row = {.op = f->op, .operand_count = f->operand_count, .attr_count = f->attr != 0, .result_count = 1};
    row.attrs[0] = (tenon_attr){f->attr, 1, &value};
    for (uint32_t k = 0; k < f->operand_count; k++) {
        row.operands[k] = operand_of(f, dtype, k, n);
        cf_fill_range(&row.operands[k], is_index(f, k) ? 0 : -100, is_index(f, k) ? 8 : 100);
    }
    row.results[0] = operand_of(f, dtype, f->operand_count, n);
    (moved == f->operand_count ? &row.results[0] : &row.operands[moved])->shift = shift;
    tenon_dtype to = row.results[0].dtype;
    int64_t count = cf_count(row.results[0].rank, row.results[0].dims);
    cf_number *want = cf_numbers(count);
    for (int64_t i = 0; i < count; i++) {
        cf_integer number = meaning(&row, n, i);
        want[i] = cf_rounded(to, (cf_number){.f = cf_is_float(to) ? (long double)number : 0, .i = number});
    }
    cf_expect_exactly(&row, want);
}

void cf_offsets(void) {
    static const tenon_dtype dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_I8};
    static const int64_t lengths[] = {17, 70};
    for (uint32_t i = 0; i < FAMILIES; i++)
        for (uint32_t d = 0; d < 2; d++)
            for (uint32_t moved = 0; moved <= families[i].operand_count; moved++) {
                uint32_t size = tenon_dtype_bits(dtype_of(&families[i], dtypes[d], moved)) / 8;
                for (uint32_t shift = 0; shift < SPAN / size; shift++)
                    for (uint32_t n = 0; n < 2; n++) run(&families[i], dtypes[d], moved, shift, lengths[n]);
            }
}
