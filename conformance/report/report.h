/* What is made of a run's records, and of nothing else: the verdict, and its renderings as JSON, JUnit XML and a page.
 *
 * Renderings are byte-identical for the same records. What depends on time and place stands apart in each, and is left
 * out on request (`stable`), so that two runs with one seed can be compared.
 * Thread: none of this is shared between threads. Statuses come with words in tenonh_error_message(). */
#ifndef TENON_REPORT_REPORT_H
#define TENON_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <tenon/status.h>

#include "harness/record.h"
#include "support/text.h"

/* `tenon-conformance report ...`: arguments are those after "report". Gives the exit code. */
int report_main(int count, char **arguments);

/* What `tenon test` is asked to make of its run: paths, or NULL. */
typedef struct report_wishes {
    const char *junit, *json, *html, *known_failures;
    const char *records, *resume, *plugin; /* files that no report may replace */
} report_wishes;

/* Before the run: what is wrong with the list of known failures, and paths that cannot be written, or that would replace
 * another file of this run, are told at once. 0, or an exit code after a message. Leaves old reports as they are. */
int report_check_wishes(const report_wishes *wishes);
/* The same for one path; `option` names it. */
int report_check_output(const char *option, const char *path);
/* After it: writes the reports, prints what failed, by case, and then the run's claim (or NULL). `code`: the run's exit
 * code, which is given back unless the list of known failures makes another verdict of the run, which is then printed, or
 * nothing failed but a report could not be written: that is no verdict. */
int report_of_run(const char *records, const report_wishes *wishes, const char *claim, int code);

/* -- Rows --------------------------------------------------------------------------------------------------------- */

/* How much an outcome weighs on the run. */
enum { REPORT_FINE, REPORT_SAYS_NOTHING, REPORT_BAD };

/* X(NAME, "name", weight): what all runs of a row come to, and the known failures with it. */
#define REPORT_OUTCOME_TABLE(X)                                                                                        \
    X(PASS, "pass", REPORT_FINE)                                                                                       \
    X(NOT_APPLICABLE, "not applicable", REPORT_FINE)                                                                   \
    X(KNOWN, "known failure", REPORT_FINE)                                                                             \
    X(NOT_RUN, "not run", REPORT_SAYS_NOTHING)                                                                         \
    X(NO_VERDICT, "no verdict", REPORT_SAYS_NOTHING)                                                                   \
    X(UNEXPECTED_PASS, "unexpected pass", REPORT_BAD)                                                                  \
    X(DISAGREE, "runs disagree", REPORT_BAD)                                                                           \
    X(FAIL, "fail", REPORT_BAD)                                                                                        \
    X(HANG, "hang", REPORT_BAD)                                                                                        \
    X(CRASH, "crash", REPORT_BAD)

typedef uint32_t report_outcome; /* one of REPORT_* */
#define REPORT__CONSTANT(NAME, name, weight) REPORT_##NAME,
enum { REPORT_OUTCOME_TABLE(REPORT__CONSTANT) REPORT_OUTCOME_COUNT };

const char *report_outcome_name(report_outcome outcome);
uint32_t report_outcome_weight(report_outcome outcome);

/* A failure that is known: an entry of the file that --known-failures names. */
typedef struct report_known {
    const char *rows; /* a glob of row names */
    const char *reason, *owner;
    const char *expires;     /* YYYY-MM-DD, the last day on which it is accepted */
    uint32_t number;         /* of the entry in its file, from 1 */
    bool expired;            /* on the day of the run */
    uint32_t covered;        /* rows of the run, */
    uint32_t failed, passed; /* and how many of them failed and passed */
    const char *first_failed, *first_passed;
} report_known;

typedef struct report_row {
    const cf_record_row *shown; /* its worst run, the first one of equals */
    report_outcome outcome;
    const report_known *known; /* NULL: nobody expects it to fail */
} report_row;

/* -- The report --------------------------------------------------------------------------------------------------- */

/* X(NAME, "what holds"): what a run must have for "conformant", in the order in which a reader would ask. */
#define REPORT_CONDITION_TABLE(X)                                                                                      \
    X(ENDED, "The run came to its end")                                                                                \
    X(BOUND, "The records are as they were written, and name the plugin file by its SHA-256")                          \
    X(WHOLE, "The whole profile was run: no filter, no quick selection, no layers")                                    \
    X(COMPLETE, "Every row ran")                                                                                       \
    X(SOME_PASSED, "A row of each profile passed")                                                                     \
    X(NONE_FAILED, "No row failed, crashed or hung")                                                                   \
    X(NO_KNOWN, "No failure is excused by the list of known failures")                                                 \
    X(SHUFFLED, "A second run in another order was made")                                                              \
    X(AGREED, "All runs agree on every row")

#define REPORT__CONDITION(NAME, text) REPORT_##NAME,
enum { REPORT_CONDITION_TABLE(REPORT__CONDITION) REPORT_CONDITION_COUNT };

typedef struct report_condition {
    const char *text;
    bool holds;
    char detail[256]; /* numbers, or what is missing; "" */
} report_condition;

typedef struct report {
    cf_records records;
    report_row *rows; /* records.row_count, in the order of the cases */
    uint32_t counts[REPORT_OUTCOME_COUNT];
    report_known *known;
    uint32_t known_count, expired_count;
    report_condition conditions[REPORT_CONDITION_COUNT];
    cf_close close;
    char claim[512]; /* one line: what the run shows, or why not */
    bool stable;     /* renderings leave out what depends on time and place */
    cJSON *known_file;
} report;

/* Reads a file of records. known_path: the file of known failures, or NULL.
 * Owner: report_free; also after a failure. Errors: BAD_DATA, IO; INVALID: the file of known failures is no such file. */
tenon_status report_read(const char *path, const char *known_path, report *out_report);
void report_free(report *r);

/* What the report comes to; after report_read, which calls it. */
void report_judge(report *r);

/* The last line of a run whose records are whole but for it, without what binds it: the verdict as report_read gives it
 * once the line is there. plugin_sha256: of the plugin's file now. Owner: *out_final is the caller's. Errors: as of
 * report_read. */
tenon_status report_final(const char *path, const char *plugin_sha256, cJSON **out_final);

/* The exit code that goes with the verdict. */
int report_exit(const report *r);

/* What the failing rows of the first run have in common, in words: "the device computes nothing: ..."; "" for nothing.
 * Owner: static. */
const char *report_diagnosis(const report *r);

/* Reads the entries of a file of known failures and marks those that have expired on `day` (YYYY-MM-DD).
 * Errors: NOT_FOUND, IO, BAD_DATA; INVALID with line and column, or with the entry and what it lacks. */
tenon_status report_known_read(const char *path, const char *day, report *r);
/* Text that begins with a day of the calendar, YYYY-MM-DD. */
bool report_is_day(const char *text);
/* The entry that covers a row, NULL for none. */
report_known *report_known_of(const report *r, const char *name);
/* What is to be done about an entry: its rows pass, its day is over, it covers no row. False: nothing; "" then. */
bool report_known_finding(const report_known *known, char *out_text, size_t size);
/* Whether that fails the run; that an entry covers no row does not, as other profiles and filters have other rows. */
bool report_known_fails(const report_known *known);

/* -- Words of the header; "" where it has none -------------------------------------------------------------------- */

const char *report_header(const report *r, const char *key);
const char *report_header_in(const report *r, const char *object, const char *key);
/* The globs that rows were chosen by, with blanks between them. */
void report_filters(const report *r, char *out_text, size_t size);
/* The run's seed, as it is given on the command line. */
void report_seed(const report *r, char *out_text, size_t size);
/* The command that runs one row again, for a POSIX shell. */
void report_command(const report *r, const char *row, tenon__text *out);
/* The row's name without its case. */
const char *report_short_name(const report *r, const report_row *row);
/* The operator that the row is about, by its name, or else its case. */
const char *report_class(const report *r, const report_row *row);

/* -- Rules of VENDOR_GUIDE.md, put into the program when it is built ------------------------------------------------ */

typedef struct report_rule {
    const char *number, *rule, *if_broken; /* Markdown */
    uint32_t counts[REPORT_OUTCOME_COUNT]; /* of the rows that show it */
} report_rule;

/* All rules in the guide's order, then what rows name beyond it, counted. Owner: *out_rules is the caller's (free). */
tenon_status report_rules(const report *r, report_rule **out_rules, uint32_t *out_count);
uint32_t report_rule_rows(const report_rule *rule);
/* The guide's rule of that number, of `length` bytes; NULL for none. */
const report_rule *report_rule_named(const char *number, size_t length);

/* -- Renderings --------------------------------------------------------------------------------------------------- */

void report_write_json(const report *r, tenon__text *out);
void report_write_junit(const report *r, tenon__text *out);
void report_write_html(const report *r, tenon__text *out);
/* Lines for people: failures folded by case, each with its rules and the command that runs its worst row again, then what
 * is to be done about the known failures; "" where there is nothing to say. */
void report_write_summary(const report *r, tenon__text *out);
/* The latter alone. */
void report_write_findings(const report *r, tenon__text *out);

/* -- What else can be asked --------------------------------------------------------------------------------------- */

/* Writes what changed from `a` to `b`, as text or as JSON. 1: something got worse, 0: nothing did. */
int report_diff(const report *a, const report *b, tenon__text *out);
int report_diff_json(const report *a, const report *b, tenon__text *out);

/* Names of the rows that this suite has in a case for a device as the header describes it, a line each. NULL: they can't be
 * listed. Owner: the caller. */
char *report_list_rows(const report *r, const struct cf_case *of);

/* Whether the records of the file `path` show conformance of the plugin file by this suite, with the reasons in `out`.
 * 0: they do; 1: they do not, or rows are missing that this suite requires; 2: the plugin file cannot be read; 3: they are
 * not what a run of this suite wrote about that file; 4: they are of another suite; 6: they are cut off, or give no
 * verdict; of a plugin that was refused: the run's own code. */
int report_verify(const report *r, const char *path, const char *plugin, tenon__text *out);

#endif
