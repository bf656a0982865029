/* Records: what the suite saw, one JSON object a line, written in the order in which it happened.
 *
 * A file is one run of tenon-conformance, its continuations (--resume) included. Lines, by their first member:
 *
 *   {"format":1, "suite", "profile", "filters":[...], "seed", "runs", "repeat", "shuffle", "quick", "layers", "index",
 *    "plugin":{"path", "id", "vendor", "version", "license", "abi", "sha256"},
 *    "device":{"name", "title", "driver", "architecture", "uuid"}, "environment":{...}}
 *                                           the header, first line; no "device" when the plugin was refused
 *   {"case":NAME, "profile", "requirements", "seconds", "alone", "rows":[ROW...]}
 *                                           every row that is to be run, in the suite's order; rows are CASE.ROW
 *   {"run":R, "order":"table"|"shuffled"}   run R begins: every row is run once in each
 *   {"begin":CASE.ROW, "run":R, "worker":W} before the row is run
 *   {"end":CASE.ROW, "run":R, "verdict", "requirements", "text"?, "output"?, "error"?, "ns", "leaves"?}
 *                                           what became of it; a later line on the same row of the same run replaces it:
 *                                           its text says why. "output": what the plugin wrote to stdout and stderr
 *   {"batch":W, "run":R, "rows":N, "resources":{"heap", "blocks", "files", "threads", "mapped"}}
 *                                           worker W went through N rows, and what it used afterwards
 *   {"growth":[CASE.ROW...], "run":R}       rows after which their process used more, or may have: to be looked into
 *   {"death":W, "run":R, "row"?, "verdict"?, "text"?, "output"?, "ending"?}
 *                                           worker W ended that should not have: in or after that row, which is to end so,
 *                                           or, where there is an ending and no row, when it closed the device
 *   {"health":"ok"|"lost"|"wedged", "run":R, "text"?}
 *   {"blame":R}                             all rows of the run were run; verdicts from here on come from running some
 *                                           again, which a resumed run does anew
 *   {"verdict":"conformant"|"passed"|"failed"|"no verdict"|"refused", "claim", "exit", "counts":{...}, "flaky":[...],
 *    "reason"?, "text"?, "suite", "sha256", "records_sha256"}
 *                                           last line; records_sha256 is of all bytes before it
 *
 * What depends on time, place or chance stands in "environment", "ns", "worker", "resources", and in the order of lines: a
 * report that leaves these out, and takes rows in the order of the cases, is the same for the same seed.
 * Text is valid UTF-8: bytes that are not appear as \xNN. */
#ifndef TENON_HARNESS_RECORD_H
#define TENON_HARNESS_RECORD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/suite.h"

enum { CF_RECORD_FORMAT = 1, CF_SHA256_HEX = 65 /* with the NUL */ };

/* X(value, NAME, "name", exit code): how a whole run ended. */
#define CF_CLOSE_TABLE(X)                                                                                              \
    X(0, CONFORMANT, "conformant", 0) /* every required row ran and passed, twice, once shuffled */                    \
    X(1, PASSED, "passed", 0)         /* nothing failed, of a part of what conformance needs */                        \
    X(2, FAILED, "failed", 1)                                                                                          \
    X(3, NO_VERDICT, "no verdict", 6) /* the device was wedged before a row had failed */                              \
    X(4, REFUSED, "refused", 4)       /* the plugin was not loaded; the record's "exit" says more */

typedef uint32_t cf_close; /* one of CF_CLOSE_* */
#define CF__CLOSE_CONSTANT(value, NAME, name, code) CF_CLOSE_##NAME = value,
enum { CF_CLOSE_TABLE(CF__CLOSE_CONSTANT) CF_CLOSE_COUNT };

const char *cf_suite_version(void);
const char *cf_verdict_name(cf_verdict verdict);
const char *cf_close_name(cf_close close);
const char *cf_profile_name(uint32_t profile);
/* 0 where there is none of that name. */
uint32_t cf_profile_named(const char *name);

/* SHA-256 in hexadecimal of a file's first `size` bytes; UINT64_MAX: all of it. False: it can't be read, see errno. */
bool cf_sha256_file(const char *path, uint64_t size, char out_hex[CF_SHA256_HEX]);
void cf_sha256_bytes(const void *bytes, size_t size, char out_hex[CF_SHA256_HEX]);

/* -- Writing ------------------------------------------------------------------------------------------------------ */

/* Zero-initialised writes nowhere. */
typedef struct cf_record_writer {
    char *path;
    int file;        /* -1: none */
    uint64_t length; /* bytes in it */
    int error;       /* errno of the first write that failed; nothing is written after it */
} cf_record_writer;

/* Begins a file, or goes on after the last whole line of one. False: see errno. */
bool cf_record_open(const char *path, bool go_on, cf_record_writer *out_writer);
/* Leaves the file's first `size` bytes. False: see errno. */
bool cf_record_cut(cf_record_writer *writer, uint64_t size);
void cf_record_close(cf_record_writer *writer);

/* Writes one line, in one write, and frees the object. False when it or one before it could not be written. */
bool cf_record_write(cf_record_writer *writer, cJSON *object);

bool cf_record_begin(cf_record_writer *writer, uint32_t run, uint32_t worker, const char *name);
/* `output`: what the plugin wrote meanwhile; NULL or "" for none. */
bool cf_record_end(cf_record_writer *writer, uint32_t run, const cf_outcome *outcome, const char *output);
/* Adds suite, sha256 (of the plugin) and records_sha256 to `object`, and writes it as the last line. */
bool cf_record_final(cf_record_writer *writer, cJSON *object, const char *plugin_sha256);

/* -- Reading ------------------------------------------------------------------------------------------------------ */

/* One row in one run. Strings belong to the records. */
typedef struct cf_record_row {
    const char *name; /* CASE.ROW */
    uint32_t case_index;
    bool began, ended;
    cf_verdict verdict;                       /* once ended */
    const char *requirements, *text, *output; /* "" for none */
    double error;                             /* negative: none was measured */
    uint64_t nanoseconds;
    uint32_t worker, line; /* who began it last, and in which line */
    uint32_t end_line;
    bool leaves;    /* what it leaves behind is no leak */
    bool looked_at; /* it is one of a growth */
} cf_record_row;

typedef struct cf_record_case {
    const char *name, *profile, *requirements;
    uint32_t seconds, first_row, row_count;
    bool alone;
} cf_record_case;

/* A worker's end, of the last run. */
typedef struct cf_record_death {
    uint32_t worker, line;
    uint32_t row;                       /* of the run; UINT32_MAX: it was in none */
    cf_verdict verdict;                 /* of the row, with its text and output */
    const char *text, *output, *ending; /* "" for none */
} cf_record_death;

/* Rows of the last run, by their index in it. */
typedef struct cf_record_growth {
    uint32_t *rows, count;
} cf_record_growth;

/* What a run that is resumed has to know of its last run, beside its rows. */
typedef struct cf_record_evidence {
    cf_record_death *deaths;
    cf_record_growth *growths;
    uint32_t *settled; /* by worker: the line in which its process was last looked at, or told to be gone; 0: never */
    uint32_t death_count, growth_count, worker_count;
    uint64_t blame; /* where in the file the line "blame" begins; 0: there is none */
} cf_record_evidence;

/* A whole file. Runs have the same rows, in the order of the cases: row i of run r is rows[r * row_count + i]. */
typedef struct cf_records {
    cJSON *header;
    cJSON *final; /* NULL: the run has not come to its end */
    cf_record_case *cases;
    cf_record_row *rows;
    uint32_t case_count, row_count, run_count;
    uint32_t shuffled_runs; /* that were made in an order of their own */
    bool wedged;            /* the device stopped to answer in one of the runs */
    bool bound;             /* final: its records_sha256 is that of the lines before it */
    cf_record_evidence evidence;
    void *keep; /* what strings point into */
} cf_records;

/* Reads a file, whose last line may be cut. On failure out_error says what is wrong, with the line.
 * Owner: cf_records_free; also after a failure. */
bool cf_records_read(const char *path, cf_records *out_records, char *out_error, size_t error_size);
/* The same, of the file's first `size` bytes. */
bool cf_records_read_part(const char *path, uint64_t size, cf_records *out_records, char *out_error, size_t error_size);
void cf_records_free(cf_records *records);

/* The row of a run with that name, NULL where there is none. */
cf_record_row *cf_records_row(const cf_records *records, uint32_t run, const char *name);

#endif
