/* REQ-OP-01, -08: what holds whatever the numbers are. An element's result does not depend on where it lies, nor on what
 * lies beside it. What it kills: other code in a tail, at a tile's edge or on another thread that rounds otherwise. */
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/map.h"

static const uint32_t contiguous[4] = {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS};

enum { WHOLE = 4099 };

/* The row of `count` elements, the i-th from place order[i] of `from`. */
static cf_row chosen(const cf_map *map, const cf_row *from, const int64_t *order, int64_t count) {
    cf_row row = cf_map_row(map, 1, &count, contiguous);
    for (uint32_t k = 0; k < row.operand_count; k++) {
        uint32_t size = tenon_dtype_bits(row.operands[k].dtype) / 8;
        row.operands[k].bytes = calloc((size_t)count + 1, size);
        for (int64_t i = 0; i < count; i++)
            memcpy((char *)row.operands[k].bytes + i * size, (char *)from->operands[k].bytes + order[i] * size, size);
    }
    return row;
}

/* Runs the elements order[0 ... count - 1] of a row by themselves: their results are those they have in it. */
static void expect_same(const cf_map *map, const cf_row *whole, const tenonh_array *want, const int64_t *order,
                        int64_t count) {
    cf_row row = chosen(map, whole, order, count);
    tenonh_array got = {0};
    if (!cf_failed() && cf_run_or_fail(&row, &got))
        for (int64_t i = 0; i < count && !cf_failed(); i++)
            if (!cf_is_same(want->dtype, got.data, i, want->data, order[i]))
                cf_fail("element %lld has other bits at place %lld of %lld", (long long)order[i], (long long)i,
                        (long long)count);
    tenonh_array_free(&got);
    cf_free(&row);
}

static void shuffle(int64_t *order, int64_t count) {
    for (int64_t i = count; i-- > 1;) {
        int64_t other = (int64_t)(cf_random() % (uint64_t)(i + 1)), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

/* NaN is left out: its bits may differ. */
static cf_number next_finite(const cf_operand *operand, int64_t i, void *context) {
    (void)i, (void)context;
    cf_number n = cf_any(operand->dtype);
    return n.f == n.f ? n : (cf_number){.f = 1};
}

typedef void (*property)(const cf_map *map, const cf_row *row, const tenonh_array *want);

static void permuted(const cf_map *map, const cf_row *row, const tenonh_array *want) {
    int64_t order[WHOLE];
    for (int64_t i = 0; i < WHOLE; i++) order[i] = i;
    shuffle(order, WHOLE);
    expect_same(map, row, want, order, WHOLE);
}

/* Parts that begin and end beside multiples of what vectors and tiles have. */
static void sliced(const cf_map *map, const cf_row *row, const tenonh_array *want) {
    static const int64_t starts[] = {0, 1, 15, 1023, 2049}, counts[] = {1, 3, 8, 31, 64, 65, 1025};
    for (uint32_t s = 0; s < sizeof starts / sizeof *starts; s++)
        for (uint32_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            int64_t order[WHOLE];
            for (int64_t i = 0; i < counts[c]; i++) order[i] = starts[s] + i;
            expect_same(map, row, want, order, counts[c]);
        }
}

static void check_property(const cf_map *map, property holds) {
    static const int64_t count = WHOLE;
    cf_row row = cf_map_row(map, 1, &count, contiguous);
    tenonh_array want = {0};
    for (uint32_t k = 0; k < row.operand_count; k++) cf_fill_with(&row.operands[k], next_finite, NULL);
    if (cf_run_or_fail(&row, &want)) holds(map, &row, &want);
    tenonh_array_free(&want);
    cf_free(&row);
}

static void run_all(property holds) {
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        cf_map map = {tenon_op_row_of(op), cf_meaning_of(op), TENON_DTYPE_NONE};
        if (!map.op || !map.meaning || map.op->family != TENON_FAMILY_MAP) continue;
        for (map.dtype = TENON_DTYPE_F64; map.dtype <= TENON_DTYPE_BOOL; map.dtype++)
            if (tenon_op_takes(map.op, map.dtype) && cf_begin("%s.%s", map.op->name, tenon_dtype_name(map.dtype)))
                check_property(&map, holds);
    }
}

void cf_property_permuted(void) {
    run_all(permuted);
}

void cf_property_sliced(void) {
    run_all(sliced);
}
