/* One base operator on a device: what a row of the operator cases runs and how it reports.
 *
 * A row's operands lie in device memory as their layouts say; its results lie between fences, poisoned. The operator is
 * prepared as op or kernel work, whatever the device takes, launched, and compared with numbers of the row's own. A row
 * that fails says so and the test goes on; the test fails at its end. Seeds come from the row's name. */
#ifndef TENON_CASES_CASE_H
#define TENON_CASES_CASE_H

#include <tenon/host/tenon.h>

#include "cases/number.h"
#include "harness/suite.h"
#include "plan/prepare.h"

enum { CF_MAX_OPERANDS = 4, CF_MAX_ATTRS = 4 };

/* How an operand lies in memory. */
enum {
    CF_CONTIGUOUS,
    CF_TRANSPOSED, /* axes in reverse order */
    CF_REVERSED,   /* negative strides on every axis */
    CF_SPARSE,     /* every second element, from the second one on */
    CF_ROW,        /* stride 0 on all axes but the last */
    CF_COLUMN,     /* stride 0 on the last axis */
    CF_ONE,        /* stride 0 on all axes */
    CF_LAYOUT_COUNT
};

typedef struct cf_operand {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK]; /* as the operator sees it */
    uint32_t layout;
    void *bytes; /* row-major elements as the operator sees them; repeated ones are equal where layout says so */
} cf_operand;

/* A row: an operator, its inputs, and the dtypes and dims of what it must give. An operator that works in place has the
 * initial content of its result as last operand. */
typedef struct cf_row {
    tenon_op op;
    uint32_t operand_count, attr_count, result_count;
    cf_operand operands[CF_MAX_OPERANDS];
    tenon_attr attrs[CF_MAX_ATTRS];
    uint64_t scalars[2];
    cf_operand results[2]; /* contiguous; no bytes */
} cf_row;

/* The device under test, opened once. */
typedef struct cf_device {
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_stream *stream; /* NULL after a failure, until the next row */
    tenon__execs *execs;
    const char *name;
} cf_device;

extern cf_device cf_under_test;

/* Fills an operand with numbers of its dtype: edge values first (CF_EDGES of them, in an order that depends on
 * `variant`, so that operands meet in different pairs), then random ones over the whole range. Allocates bytes. */
void cf_fill(cf_operand *operand, uint32_t variant);
/* Element i has the bits i: every value of a type of 8 or 16 bits, once 65536 elements are there. */
void cf_fill_all(cf_operand *operand);
/* Whole numbers of [low, high]. */
void cf_fill_range(cf_operand *operand, int64_t low, int64_t high);
/* Floats of [-1, 1), integers of [-8, 8] or [0, 8]. */
void cf_fill_small(cf_operand *operand);

/* The result of a row with `dtype` and the dims of `like`. */
cf_operand cf_result(tenon_dtype dtype, const cf_operand *like);

int64_t cf_count(uint32_t rank, const int64_t *dims);
void cf_free(cf_row *row);

/* Runs the row. results: arrays, freed by the caller; filled also when an index was out of range. Returns the run's
 * status; reports nothing but broken fences. */
tenon_status cf_run(const cf_row *row, tenonh_array *results);

/* Runs the row and gives the results, or fails it. */
bool cf_run_or_fail(const cf_row *row, tenonh_array *results);

/* Compares element by element: exactly (any NaN for a NaN) when bound is 0, else within `bound` ULP of want[i].f. */
void cf_expect(const tenonh_array *got, const cf_number *want, double bound);

#endif
