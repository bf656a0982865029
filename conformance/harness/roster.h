/* What is to be run: the rows that a worker listed and the filter left, and in which order. */
#ifndef TENON_HARNESS_ROSTER_H
#define TENON_HARNESS_ROSTER_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "harness/suite.h"

/* Rows that the harness itself finds out, by watching processes: X(NAME, "row", "requirements"). */
#define CFH_WATCH_TABLE(X)                                                                                             \
    X(OPEN, "open", "REQ-ABI-13 REQ-DEV-02 REQ-DEV-03")                                                                \
    X(CLOSE, "close", "REQ-DEV-05 REQ-ABI-10 REQ-ABI-14")                                                              \
    X(FILES, "files", "REQ-ABI-15")                                                                                    \
    X(THREADS, "threads", "REQ-ABI-15")                                                                                \
    X(MEMORY, "memory", "REQ-ABI-12 REQ-ABI-15")

#define CFH__WATCH_CONSTANT(NAME, name, requirements) CFH_WATCH_##NAME,
enum { CFH_WATCH_TABLE(CFH__WATCH_CONSTANT) CFH_WATCH_COUNT };

typedef struct cfh_roster_row {
    char *name;          /* "CASE.ROW" */
    uint32_t case_index; /* in cfh_roster.cases */
} cfh_roster_row;

typedef struct cfh_roster_case {
    const cf_case *of;
    uint32_t table_index;      /* in the suite's table; UINT32_MAX: the harness's own */
    uint32_t first, row_count; /* rows */
} cfh_roster_case;

/* Rows in the order of the suite's table; the harness's own come last and are in no order to run. */
typedef struct cfh_roster {
    cfh_roster_case *cases;
    cfh_roster_row *rows;
    uint32_t case_count, row_count;
    uint32_t run_count;  /* rows to be run: those before the harness's own */
    uint32_t twin_count; /* a fault of the suite: rows with the name of another, which are not run */
    char twins[1024];    /* their names */
} cfh_roster;

/* From a worker's answer to "list". filters: globs on row or case names, of which one must match; none: every row.
 * False: out_error says why. Owner: cfh_roster_free. */
bool cfh_roster_make(const cJSON *listed, const char *const *filters, uint32_t filter_count, cfh_roster *out_roster,
                     char *out_error, size_t error_size);
void cfh_roster_free(cfh_roster *roster);

/* A filter, a glob, that matches a row by its name or by that of its case. */
bool cfh_filter_matches(const char *filter, const char *row);

/* Index of the harness's own row. */
static inline uint32_t cfh_roster_watch(const cfh_roster *roster, uint32_t watch) {
    return roster->run_count + watch;
}

/* Rows that are run one after the other, in one process: places of an order. */
typedef struct cfh_batch {
    uint32_t first, count;
} cfh_batch;

/* An order of all rows to be run, cut into batches; those of cases that want to be alone come last. Batches do not mix
 * the two kinds. */
typedef struct cfh_order {
    uint32_t *rows;
    cfh_batch *batches;
    uint32_t batch_count;
    uint32_t alone; /* index of the first batch that wants to be alone */
} cfh_order;

/* In the table's order, or shuffled by a seed: both the order of rows and what comes before what. `batch`: most rows of
 * one. False: no memory. Owner: cfh_order_free. */
bool cfh_order_make(const cfh_roster *roster, bool shuffled, uint64_t seed, uint32_t batch, cfh_order *out_order);
void cfh_order_free(cfh_order *order);

/* The command "rows" for some of them, in that order. */
cJSON *cfh_roster_command(const cfh_roster *roster, const uint32_t *rows, uint32_t count);

#endif
