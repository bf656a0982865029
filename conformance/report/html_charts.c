/* What the page draws: rules and the rows that show them, errors against their bounds, and where the time went. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"
#include "report/words.h"

/* -- Rules -------------------------------------------------------------------------------------------------------- */

static void write_rule(const report_rule *rule, tenon__text *out) {
    uint32_t rows = report_rule_rows(rule), bad = 0, silent = 0;
    for (report_outcome i = 0; i < REPORT_OUTCOME_COUNT; i++) {
        bad += report_outcome_weight(i) == REPORT_BAD ? rule->counts[i] : 0;
        silent += report_outcome_weight(i) == REPORT_SAYS_NOTHING ? rule->counts[i] : 0;
    }
    report_outcome outcome = bad                          ? REPORT_FAIL
                             : silent                     ? REPORT_NO_VERDICT
                             : rule->counts[REPORT_KNOWN] ? REPORT_KNOWN
                             : !rule->counts[REPORT_PASS] ? REPORT_NOT_APPLICABLE
                                                          : REPORT_PASS;
    tenon__text_add(out, "<tr><th scope=\"row\" class=\"short\">");
    report_xml_part(out, rule->number, strcspn(rule->number, " "));
    tenon__text_add(out, "</th><td>");
    report_html_badge(out, outcome);
    tenon__text_add(out, "</td><td class=\"wide\">");
    report_markdown(out, rule->rule);
    if (bad && rule->if_broken[0]) {
        tenon__text_add(out, "<br><span class=\"label\">If broken: ");
        report_markdown(out, rule->if_broken);
        tenon__text_add(out, "</span>");
    }
    tenon__text_format(out,
                       "</td><td class=\"n\" data-label=\"passed\">%s</td><td class=\"n\" data-label=\"failed\">%s</td>"
                       "<td class=\"n\" data-label=\"rows\">%s</td></tr>\n",
                       report_count(rule->counts[REPORT_PASS]), report_count(bad), report_count(rows));
}

/* Rules that no row of this run shows: by number, so that nobody takes silence for a pass. */
static void write_silent(const report_rule *rules, uint32_t count, tenon__text *out) {
    uint32_t silent = 0;
    for (uint32_t i = 0; i < count; i++) silent += report_rule_rows(&rules[i]) == 0;
    if (!silent) return;
    tenon__text_format(
        out,
        "<details><summary>%u rules that no row of this run shows</summary><p class=\"note\">Another profile, "
        "the loader or the layer <code>validate</code> looks after them.</p><p>",
        silent);
    const char *separator = "";
    for (uint32_t i = 0; i < count; i++) {
        if (report_rule_rows(&rules[i])) continue;
        tenon__text_format(out, "%s<span class=\"short\">", separator);
        report_xml(out, rules[i].number);
        tenon__text_add(out, "</span>");
        separator = ", ";
    }
    tenon__text_add(out, "</p></details>\n");
}

void report_html_rules(const report *r, tenon__text *out) {
    report_rule *rules;
    uint32_t count;
    if (!r->records.row_count) return;
    if (report_rules(r, &rules, &count) != TENON_STATUS_OK) {
        out->failed = 1;
        return;
    }
    report_html_section(out, "requirements", "Requirements");
    tenon__text_add(
        out, "<p class=\"note\">Rules of the vendor guide, and the rows of this run that show them. A row may show "
             "several.</p>\n<table class=\"cards\"><thead><tr><th scope=\"col\">Number</th>"
             "<th scope=\"col\">State</th><th scope=\"col\">Rule</th><th scope=\"col\" class=\"n\">Passed</th>"
             "<th scope=\"col\" class=\"n\">Failed</th><th scope=\"col\" class=\"n\">Rows</th></tr></thead><tbody>\n");
    for (uint32_t i = 0; i < count; i++)
        if (report_rule_rows(&rules[i])) write_rule(&rules[i], out);
    tenon__text_add(out, "</tbody></table>\n");
    write_silent(rules, count, out);
    report_html_end(out);
    free(rules);
}

/* -- Errors against bounds ---------------------------------------------------------------------------------------- */

/* Columns of a strip: exact rows, then powers of two of error / bound in half steps. */
enum { STRIP_STEPS = 28, STRIP_BOUND = 20, STRIP_COLUMNS = STRIP_STEPS + 1, COLUMN_WIDTH = 10, STRIP_HEIGHT = 30 };

/* An operator, or a case without one, with the errors that its rows measured. */
typedef struct strip {
    const char *name, *of; /* of: its case */
    uint32_t columns[STRIP_COLUMNS], rows;
    double worst; /* NaN counts as the largest */
    const char *worst_row;
} strip;

static uint32_t column_of(double error) {
    if (error == 0) return 0;
    if (!isfinite(error)) return STRIP_COLUMNS - 1;
    double step = floor(log2(error) * 2) + STRIP_BOUND;
    if (error == 1) step = STRIP_BOUND - 1; /* the bound itself is allowed */
    if (step < 0) step = 0;
    if (step > STRIP_STEPS - 1) step = STRIP_STEPS - 1;
    return 1 + (uint32_t)step;
}

static strip *strip_of(const report *r, const report_row *row, strip *strips, uint32_t *count) {
    const char *name = report_class(r, row), *of = r->records.cases[row->shown->case_index].name;
    for (uint32_t i = *count; i-- > 0;)
        if (strcmp(strips[i].name, name) == 0 && strcmp(strips[i].of, of) == 0) return &strips[i];
    strips[*count] = (strip){.name = name, .of = of, .worst = -1};
    return &strips[(*count)++];
}

static void note(strip *s, const cf_record_row *row) {
    s->rows++;
    s->columns[column_of(row->error)]++;
    if (isnan(s->worst) || row->error <= s->worst) return;
    s->worst = row->error;
    s->worst_row = row->name;
}

/* The largest error of all runs of a row stands for it. */
static const cf_record_row *largest(const report *r, uint32_t index) {
    const cf_record_row *best = &r->records.rows[index];
    for (uint32_t run = 1; run < r->records.run_count; run++) {
        const cf_record_row *row = &r->records.rows[(size_t)run * r->records.row_count + index];
        if (row->ended && !(row->error <= best->error)) best = row;
    }
    return best;
}

static bool beyond(double error) {
    return !(error <= 1);
}

static void draw(const strip *s, tenon__text *out) {
    double most = 0;
    for (uint32_t i = 0; i < STRIP_COLUMNS; i++) most = fmax(most, s->columns[i]);
    tenon__text_format(out,
                       "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s rows, "
                       "largest error %s of the bound\">",
                       STRIP_COLUMNS * COLUMN_WIDTH, STRIP_HEIGHT, report_count(s->rows), report_error(s->worst));
    tenon__text_format(out, "<rect class=\"f-back\" y=\"%d\" width=\"%d\" height=\"1\"/>", STRIP_HEIGHT - 1,
                       STRIP_COLUMNS * COLUMN_WIDTH);
    for (uint32_t i = 0; i < STRIP_COLUMNS; i++) {
        if (!s->columns[i]) continue;
        double height = 3 + sqrt(s->columns[i] / most) * (STRIP_HEIGHT - 5); /* a single row among thousands is seen */
        tenon__text_format(out, "<rect class=\"%s\" x=\"%u\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>",
                           i > STRIP_BOUND ? "f-bad" : "f-bar", i * COLUMN_WIDTH + 1, STRIP_HEIGHT - 1 - height,
                           COLUMN_WIDTH - 2, height);
    }
    unsigned x = (STRIP_BOUND + 1) * COLUMN_WIDTH;
    tenon__text_format(out, "<path class=\"s-bound\" d=\"M%u 0V%d\"/></svg>", x, STRIP_HEIGHT);
}

static void write_strip(const strip *s, tenon__text *out) {
    tenon__text_add(out, "<tr><th scope=\"row\"><span class=\"row\">");
    report_xml(out, s->name);
    tenon__text_format(
        out,
        "</span></th><td class=\"n\" data-label=\"rows\">%s</td><td class=\"n%s\" data-label=\"largest\">%s</td>"
        "<td class=\"plot wide\">",
        report_count(s->rows), beyond(s->worst) ? " bad" : "", report_error(s->worst));
    draw(s, out);
    tenon__text_add(out, "</td></tr>\n");
}

/* Cases of one kind are called alike: map_add, map_mul. */
static size_t family(const char *name) {
    return strcspn(name, "_");
}

static void begin_strips(const char *of, tenon__text *out) {
    tenon__text_add(out, "<h3>");
    report_xml_part(out, of, family(of));
    tenon__text_add(
        out, "</h3>\n<table class=\"cards\"><thead><tr><th scope=\"col\">Operator or case</th><th scope=\"col\" "
             "class=\"n\">Rows</th>"
             "<th scope=\"col\" class=\"n\">Largest</th><th scope=\"col\">Rows by error</th></tr></thead><tbody>\n");
}

/* Where columns begin, in words. */
static void end_strips(tenon__text *out) {
    static const struct {
        uint32_t column;
        const char *text;
    } marks[] = {{5, "1/256"},
                 {13, "1/16"},
                 {21, "bound"},
                 {25, "\xc3\x97"
                      "4"}};
    tenon__text_add(out, "</tbody><tfoot><tr aria-hidden=\"true\"><td></td><td></td><td></td><td class=\"plot wide\">"
                         "<div class=\"axis\"><span>exact</span>");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        tenon__text_format(out, "<span style=\"left:%.1f%%\">%s</span>", 100.0 * marks[i].column / STRIP_COLUMNS,
                           marks[i].text);
    tenon__text_add(out, "</div></td></tr></tfoot></table>\n");
}

static void write_strips(const strip *strips, uint32_t count, tenon__text *out) {
    const char *of = "";
    for (uint32_t i = 0; i < count; i++) {
        if (family(of) != family(strips[i].of) || strncmp(of, strips[i].of, family(of)) != 0) {
            if (i) end_strips(out);
            begin_strips(of = strips[i].of, out);
        }
        write_strip(&strips[i], out);
    }
    end_strips(out);
}

void report_html_errors(const report *r, tenon__text *out) {
    uint32_t count = 0;
    strip *strips = calloc((size_t)r->records.row_count + 1, sizeof *strips);
    if (!strips) out->failed = 1;
    for (uint32_t i = 0; strips && i < r->records.row_count; i++) {
        const cf_record_row *row = largest(r, i);
        if (row->ended && !(row->error < 0)) note(strip_of(r, &r->rows[i], strips, &count), row);
    }
    if (count) {
        report_html_section(out, "errors", "Errors against their bounds");
        tenon__text_add(
            out,
            "<p class=\"note\">How far rows are from the exact result, in units of what is allowed: the dashed line "
            "is the bound, each bar a factor of 1.4, its height the square root of the number of rows.</p>\n");
        write_strips(strips, count, out);
        report_html_end(out);
    }
    free(strips);
}

/* -- Times -------------------------------------------------------------------------------------------------------- */

enum { SLOWEST = 20 };

typedef struct span {
    const char *name;
    uint64_t nanoseconds; /* in the first run */
} span;

static int by_time(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->nanoseconds != y->nanoseconds) return x->nanoseconds < y->nanoseconds ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void write_spans(const char *title, const char *what, span *spans, uint32_t count, tenon__text *out) {
    qsort(spans, count, sizeof *spans, by_time);
    double most = count && spans[0].nanoseconds ? (double)spans[0].nanoseconds : 1;
    tenon__text_format(out,
                       "<h3>%s</h3>\n<table class=\"cards\"><thead><tr><th scope=\"col\">%s</th><th scope=\"col\" "
                       "class=\"n\">Time</th>"
                       "<th scope=\"col\">Share of the longest</th></tr></thead><tbody>\n",
                       title, what);
    for (uint32_t i = 0; i < count && i < SLOWEST; i++) {
        tenon__text_add(out, "<tr><th scope=\"row\"><span class=\"row\">");
        report_xml(out, spans[i].name);
        tenon__text_format(out,
                           "</span></th><td class=\"n\">%s</td><td class=\"bar wide\"><svg viewBox=\"0 0 1000 10\" "
                           "preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"f-bar\" width=\"%.1f\" "
                           "height=\"10\"/></svg></td></tr>\n",
                           report_time(spans[i].nanoseconds), fmax(2, (double)spans[i].nanoseconds / most * 1000));
    }
    tenon__text_add(out, "</tbody></table>\n");
}

void report_html_times(const report *r, tenon__text *out) {
    uint32_t rows = r->records.row_count, cases = r->records.case_count, ended = 0;
    span *of_rows = calloc((size_t)rows + 1, sizeof *of_rows), *of_cases = calloc((size_t)cases + 1, sizeof *of_cases);
    if (!of_rows || !of_cases) out->failed = 1;
    for (uint32_t i = 0; of_cases && i < cases; i++) of_cases[i].name = r->records.cases[i].name;
    for (uint32_t i = 0; of_rows && of_cases && i < rows; i++) {
        const cf_record_row *row = &r->records.rows[i];
        if (!row->ended) continue;
        of_rows[ended++] = (span){row->name, row->nanoseconds};
        of_cases[row->case_index].nanoseconds += row->nanoseconds;
    }
    if (ended && of_rows && of_cases) {
        report_html_section(out, "times", "Where the time went");
        tenon__text_add(out, "<p class=\"note\">Of the first run.</p>\n");
        write_spans("Slowest rows", "Row", of_rows, ended, out);
        write_spans("Cases", "Case", of_cases, cases, out);
        report_html_end(out);
    }
    free(of_rows);
    free(of_cases);
}
