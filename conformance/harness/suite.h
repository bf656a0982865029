/* A case of the conformance suite, and what its rows report to.
 *
 * A case is a function that goes through the rows of its tables. Each row begins with cf_begin, which says whether it is
 * to be run now: the same code lists the rows and runs any of them, in any order, so that cf_begin comes before all that
 * costs time or touches the device. A row ends where the next begins or the case ends. It passes unless cf_fail or
 * cf_not_applicable was called. Its random numbers come from its name.
 * Thread: cases run on one thread; what rows start has ended before they end. */
#ifndef TENON_HARNESS_SUITE_H
#define TENON_HARNESS_SUITE_H

#include <stdbool.h>
#include <stdint.h>

/* X(bit, NAME, "name"): independent sets of cases; one is chosen by --profile. */
#define CF_PROFILE_TABLE(X)                                                                                            \
    X(1, RUNTIME, "runtime")                                                                                           \
    X(2, BASE, "base")                                                                                                 \
    X(4, GRAPH, "graph")                                                                                               \
    X(8, ABI, "abi")                                                                                                   \
    X(16, MODEL, "model")

#define CF__PROFILE_CONSTANT(bit, NAME, name) CF_PROFILE_##NAME = bit,
enum { CF_PROFILE_TABLE(CF__PROFILE_CONSTANT) CF_PROFILE_LIMIT = 32 };

/* X(value, NAME, "name"): how a row ended. A worker gives the first three; the rest is what the harness sees of it. */
#define CF_VERDICT_TABLE(X)                                                                                            \
    X(0, PASS, "pass")                                                                                                 \
    X(1, FAIL, "fail")                                                                                                 \
    X(2, NOT_APPLICABLE, "not applicable") /* by what the device declares; the text says what */                       \
    X(3, CRASH, "crash")                                                                                               \
    X(4, HANG, "hang")                                                                                                 \
    X(5, NO_VERDICT, "no verdict") /* the device was no longer healthy: nothing is said of the row */

typedef uint32_t cf_verdict; /* one of CF_VERDICT_* */
#define CF__VERDICT_CONSTANT(value, NAME, name) CF_VERDICT_##NAME = value,
enum { CF_VERDICT_TABLE(CF__VERDICT_CONSTANT) CF_VERDICT_COUNT };

/* Flags of a case. ALONE: nothing else runs on the machine meanwhile, as far as the suite can help it; for rows that
 * measure time, or take all of a resource. */
enum { CF_FLAG_ALONE = 1, CF_DEFAULT_SECONDS = 10 };

typedef struct cf_case {
    const char *name; /* rows are called "NAME.ROW" */
    uint32_t profile; /* one CF_PROFILE_* */
    uint32_t seconds; /* limit of one row; 0: CF_DEFAULT_SECONDS */
    /* "REQ-OP-03 REQ-OP-04": rules of VENDOR_GUIDE.md that every row of it shows; a row may name others itself. */
    const char *requirements;
    void (*run)(void);
    uint32_t flags; /* CF_FLAG_* */
} cf_case;

/* What became of a row. Owner: strings live during the call that takes it. */
typedef struct cf_outcome {
    const char *name;         /* "CASE.ROW" */
    const char *requirements; /* what it shows */
    cf_verdict verdict;
    const char *text; /* the first failure, or why it does not apply; "" */
    double error;     /* largest error seen, in units of what is allowed; negative: none was measured */
    uint64_t nanoseconds;
    bool leaves; /* what it leaves behind is no leak */
} cf_outcome;

/* Who runs cases: it chooses rows and hears of each. */
typedef struct cf_sink {
    void *context;
    bool (*begin)(void *context, const char *name, const char *requirements); /* true: run the row */
    void (*end)(void *context, const cf_outcome *outcome);
} cf_sink;

/* How the texts of rows begin in which a device shows that it does not compute at all. */
#define CF_SIGN_UNTOUCHED "nothing was written: "
#define CF_SIGN_NAN       "every element is NaN: "
#define CF_SIGN_REFUSED   "UNSUPPORTED: "

/* -- For cases ---------------------------------------------------------------------------------------------------- */

/* Begins a row of the running case. True: run it now; false: go on to the next row at once. */
bool cf_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a row that shows rules other than its case's: "REQ-OP-07". */
bool cf_begin_for(const char *requirements, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The row's full name, "CASE.ROW", and the rules that it shows. */
const char *cf_row_name(void);
const char *cf_row_requirements(void);

/* Fails the row, and says why: what was seen, and what would be right. The row may go on; its first failure is kept. */
void cf_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool cf_failed(void);

/* The row asks for what the device says that it does not have; the text names the declaration. */
void cf_not_applicable(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What the row leaves behind is meant to stay, code that it loads, say: it is no leak. */
void cf_leaves_behind(void);

/* An error that was measured, in units of what is allowed (1 is the bound). The largest of a row is kept. */
void cf_note_error(double error);

/* Random bits from the row's name and the run's seed. */
uint64_t cf_random(void);

/* -- For who runs cases ------------------------------------------------------------------------------------------- */

/* Mixed into every row's random numbers; 0 by default. */
void cf_set_seed(uint64_t seed);

/* Goes through the rows of one case. The sink is used until it returns. */
void cf_run_case(const cf_case *one, const cf_sink *sink);

#endif
