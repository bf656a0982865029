/* Files of records for tests: one function, many kinds. */
#ifndef TENON_REPORT_TESTS_MAKE_H
#define TENON_REPORT_TESTS_MAKE_H

#include <stdbool.h>

#include <tenon/abi.h>

/* X(NAME, "name"): what is special about a file. */
#define MAKE_KIND_TABLE(X)                                                                                             \
    X(GOOD, "good")           /* conformant */                                                                         \
    X(MIXED, "mixed")         /* a bit of everything that can go wrong */                                              \
    X(LARGE, "large")         /* 20,000 rows, a few of them failing */                                                 \
    X(ALL_FAIL, "all-fail")   /* 3,000 rows, each failing */                                                           \
    X(IDLE, "idle")           /* each row fails, for nothing was written */                                            \
    X(HOSTILE, "hostile")     /* markup, control characters and bytes that are not UTF-8 wherever there is text */     \
    X(NO_ROWS, "no-rows")     /* a profile without rows */                                                             \
    X(REFUSED, "refused")     /* the plugin was not loaded */                                                          \
    X(UNENDED, "unended")     /* cut off in a row of the second run */                                                 \
    X(ONE_RUN, "one-run")     /* no second run */                                                                      \
    X(FILTERED, "filtered")   /* a part of the profile */                                                              \
    X(WEDGED, "wedged")       /* rows without a verdict */                                                             \
    X(DISAGREE, "disagree")   /* runs that disagree on one row */                                                      \
    X(LACKING, "lacking")     /* nothing applies */                                                                    \
    X(HALF, "half")           /* nothing of one of two profiles applies */                                             \
    X(PART, "part")           /* the same of a filter */                                                               \
    X(DUPLICATE, "duplicate") /* two rows of one name */                                                               \
    X(STRANGER, "stranger")   /* an end of a row that no case lists */

enum {
#define MAKE__KIND(NAME, name) MAKE_##NAME,
    MAKE_KIND_TABLE(MAKE__KIND) MAKE_KIND_COUNT
};

/* The ABI's version that records name: the one of the headers. */
#define MAKE__TEXT(value)       #value
#define MAKE__ABI(major, minor) MAKE__TEXT(major) "." MAKE__TEXT(minor)
#define MAKE_ABI                MAKE__ABI(TENON_ABI_MAJOR, TENON_ABI_MINOR)

/* Writes a file of that kind about a plugin file. `variant` changes times and environment, and nothing else.
 * False: it could not be written. */
bool make_records(int kind, const char *path, const char *plugin, unsigned variant);

#endif
