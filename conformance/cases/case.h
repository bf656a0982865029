/* One base operator on a device: what a row of the operator cases runs and how it reports.
 *
 * A row's operands lie in device memory as their layouts say, its results too, poisoned; all lie between fences. The
 * operator is prepared as whatever work the device takes (launch.h), launched, and compared with numbers of the row's
 * own. Every run also checks that nothing but the results' elements was written, operands included. */
#ifndef TENON_CASES_CASE_H
#define TENON_CASES_CASE_H

#include <tenon/host/tenon.h>

#include "cases/number.h"
#include "harness/suite.h"
#include "plan/prepare.h"

enum { CF_MAX_OPERANDS = 4, CF_MAX_RESULTS = 2, CF_MAX_ATTRS = 4 };

/* X(NAME, "name"): how an operand lies in memory. Results lie in one of the first CF_RESULT_LAYOUTS. */
#define CF_LAYOUT_TABLE(X)                                                                                             \
    X(CONTIGUOUS, "contiguous")                                                                                        \
    X(OFFSET, "offset")           /* contiguous, aligned to its elements only */                                       \
    X(TRANSPOSED, "transposed")   /* axes in reverse order */                                                          \
    X(REVERSED, "reversed")       /* negative strides on every axis */                                                 \
    X(SPARSE, "sparse")           /* every second element of every axis, from the second one on */                     \
    X(PADDED, "padded")           /* rows of three elements more */                                                    \
    X(ROW, "row")                 /* stride 0 on all axes but the last */                                              \
    X(COLUMN, "column")           /* stride 0 on the last axis */                                                      \
    X(ONE, "one")                 /* stride 0 on all axes */                                                           \
    X(EVERY_OTHER, "every_other") /* stride 0 on the first, third ... axis: no two axes walk as one */
#define CF__LAYOUT_CONSTANT(NAME, name) CF_##NAME,
enum { CF_LAYOUT_TABLE(CF__LAYOUT_CONSTANT) CF_LAYOUT_COUNT, CF_RESULT_LAYOUTS = CF_ROW };

/* The name of a layout, for rows' names. */
const char *cf_layout_name(uint32_t layout);

typedef struct cf_operand {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK]; /* as the operator sees it */
    uint32_t layout;
    uint32_t shift; /* elements that it lies further on */
    void *bytes;    /* row-major elements as the operator sees them; repeated ones are equal where layout says so */
} cf_operand;

/* A row: an operator, its inputs, and the dtypes, dims and layouts of what it must give. An operator that works in place
 * has the initial content of its result as last operand. */
typedef struct cf_row {
    tenon_op op;
    uint32_t operand_count, attr_count, result_count;
    cf_operand operands[CF_MAX_OPERANDS];
    tenon_attr attrs[CF_MAX_ATTRS];
    uint64_t scalars[2];
    cf_operand results[CF_MAX_RESULTS]; /* no bytes */
} cf_row;

/* The device under test, opened once. */
typedef struct cf_device {
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_stream *stream; /* NULL after a failure, until the next row */
    tenon__execs *execs;
    const char *name;
    bool as_graphs; /* rows of operators run as graphs, whatever else the device takes */
} cf_device;

extern cf_device cf_under_test;

/* -- Elements (operand.c) ------------------------------------------------------------------------------------------- */

/* Fills an operand: element i of the row-major order is what `next` gives, or, where the layout repeats elements, the
 * first of those. Allocates bytes. */
typedef cf_number (*cf_next)(const cf_operand *operand, int64_t index, void *context);
void cf_fill_with(cf_operand *operand, cf_next next, void *context);

/* Numbers of its dtype: edge values first (in an order that depends on `variant`, so that operands meet in different
 * pairs), then random ones over the whole range. */
void cf_fill(cf_operand *operand, uint32_t variant);
/* The same numbers in no order, an edge value now and then: what tells one element from another. */
void cf_fill_mixed(cf_operand *operand);
/* Element i has the bits i: every value of a type of 8 or 16 bits, once 65536 elements are there. */
void cf_fill_all(cf_operand *operand);
/* Whole numbers of [low, high]. */
void cf_fill_range(cf_operand *operand, int64_t low, int64_t high);
/* Floats of [-1, 1), integers of [-8, 8] or [0, 8]. */
void cf_fill_small(cf_operand *operand);

/* A random number of a dtype: of moderate size three times out of four, any bits else. */
cf_number cf_any(tenon_dtype dtype);
/* A random float of [-1, 1). */
long double cf_uniform(void);

/* The result of a row with `dtype` and the dims of `like`. */
cf_operand cf_result(tenon_dtype dtype, const cf_operand *like);

int64_t cf_count(uint32_t rank, const int64_t *dims);
void cf_free(cf_row *row);

/* Row-major index of a place, and back. */
int64_t cf_ravel(uint32_t rank, const int64_t *dims, const int64_t *at);
void cf_unravel(int64_t index, uint32_t rank, const int64_t *dims, int64_t *at);

/* -- Runs (run.c) ---------------------------------------------------------------------------------------------------- */

/* False, and the row says so, when it needs what the device declares not to have: a dtype, strides of results. */
bool cf_applies(const cf_row *row);

/* Runs the row. results: arrays, freed by the caller; filled also when an index was out of range. Returns the run's
 * status; reports nothing but bytes that changed outside of the results. */
tenon_status cf_run(const cf_row *row, tenonh_array *results);

/* Runs the row and gives the results, or fails it. */
bool cf_run_or_fail(const cf_row *row, tenonh_array *results);

/* ULP that a quotient or square root may be off on a device that declares RELAXED; 0: nothing but its own row's. */
double cf_relaxed_bound(tenon_op op);

/* -- Comparisons (case.c) -------------------------------------------------------------------------------------------- */

/* True when the device declares FLUSH: it may take every subnormal operand of arithmetic, and give every subnormal
 * result, as 0. What only moves elements keeps them. */
bool cf_flushes(void);

/* The elements that a result must have. flushed: those where operands and results, and what lies between, are flushed;
 * a device that declares FLUSH may give either, any other gives `want`. NULL: nothing is computed that may be flushed. */
typedef struct cf_wanted {
    const cf_number *want, *flushed;
    bool selects; /* a result is an operand: where all of these are flushed, any of them */
} cf_wanted;

/* Compares element by element: bit for bit but for NaN when bound is 0, else within `bound` ULP. */
void cf_expect(const tenonh_array *got, const cf_wanted *wanted, double bound);

/* Compares element by element: floats within allowed[i], not finite ones and integers exactly. */
void cf_expect_near(const tenonh_array *got, const cf_wanted *wanted, const long double *allowed);

/* Runs the row and expects its one result to have exactly these elements. Frees the row and what is wanted. */
void cf_expect_exactly(cf_row *row, cf_number *want);
void cf_expect_exactly_or_flushed(cf_row *row, cf_number *want, cf_number *flushed, bool selects);

/* Room for `count` numbers; ends the process where there is none. */
cf_number *cf_numbers(int64_t count);

#endif
