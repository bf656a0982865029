/* Rows on the page: failures, what is known to fail, what a device lacks, cases, and where it all ran. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"
#include "report/words.h"

enum {
    MOST_FAILURES = 100, /* told in full; the JSON has all */
    MOST_NAMES = 5000,   /* and then by their names */
    MOST_OUTPUT = 4000   /* bytes of what a plugin wrote */
};

/* -- Failures ----------------------------------------------------------------------------------------------------- */

/* From what breaks most to what says nothing. */
static const report_outcome order[] = {REPORT_CRASH,           REPORT_HANG,       REPORT_FAIL,   REPORT_DISAGREE,
                                       REPORT_UNEXPECTED_PASS, REPORT_NO_VERDICT, REPORT_NOT_RUN};

enum { ORDER_COUNT = sizeof order / sizeof *order };

static const report_rule *rule_of(const report_rule *rules, uint32_t count, const char *number, size_t length) {
    for (uint32_t i = 0; i < count; i++)
        if (strcspn(rules[i].number, " ") == length && strncmp(rules[i].number, number, length) == 0) return &rules[i];
    return NULL;
}

static void write_broken_rules(const report_row *row, const report_rule *rules, uint32_t count, tenon__text *out) {
    const char *at = row->shown->requirements;
    if (!at[strspn(at, " ")]) return;
    tenon__text_add(out, "<details><summary>Shows ");
    report_xml(out, at);
    tenon__text_add(out, "</summary>\n");
    for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        const report_rule *rule = rule_of(rules, count, at, length);
        tenon__text_add(out, "<p><span class=\"label\">");
        report_xml_part(out, at, length);
        tenon__text_add(out, "</span> ");
        if (rule) report_markdown(out, rule->rule);
        tenon__text_add(out, "</p>\n");
        at += length;
    }
    tenon__text_add(out, "</details>\n");
}

static void write_runs(const report *r, const report_row *row, tenon__text *out) {
    size_t index = (size_t)(row - r->rows);
    tenon__text_add(out, "<p>");
    for (uint32_t run = 0; run < r->records.run_count; run++) {
        const cf_record_row *one = &r->records.rows[run * (size_t)r->records.row_count + index];
        tenon__text_format(out, "%sRun %u: <strong>%s</strong>", run ? ", " : "", run + 1,
                           one->ended ? cf_verdict_name(one->verdict) : "not run");
    }
    tenon__text_add(out, ".</p>\n");
}

static void write_text(const report *r, const report_row *row, tenon__text *out) {
    const cf_record_row *shown = row->shown;
    if (row->outcome == REPORT_DISAGREE) write_runs(r, row, out);
    if (row->outcome == REPORT_UNEXPECTED_PASS || (row->known && row->known->expired)) {
        tenon__text_format(out,
                           row->outcome == REPORT_UNEXPECTED_PASS
                               ? "<p>Entry %u of the known failures expects it to fail: "
                               : "<p>Was accepted as a known failure, by entry %u, until ",
                           row->known->number);
        if (row->outcome != REPORT_UNEXPECTED_PASS) report_xml(out, row->known->expires), tenon__text_add(out, ": ");
        report_xml(out, row->known->reason);
        tenon__text_add(out, " (");
        report_xml(out, row->known->owner);
        tenon__text_add(out, ")</p>\n");
    }
    if (shown->text[0]) {
        tenon__text_add(out, "<pre>");
        report_xml(out, shown->text);
        tenon__text_add(out, "</pre>\n");
    } else if (row->outcome == REPORT_NOT_RUN) {
        tenon__text_add(out, shown->began ? "<p>It began and did not end: the run was cut off here.</p>\n"
                                          : "<p>The run did not come to it.</p>\n");
    }
    if (r->stable || !shown->output[0]) return;
    tenon__text_add(out, "<details><summary>What the plugin wrote</summary><pre>");
    report_xml_part(out, shown->output, MOST_OUTPUT);
    tenon__text_add(out, strlen(shown->output) > MOST_OUTPUT ? "\n…</pre></details>\n" : "</pre></details>\n");
}

static void write_failure(const report *r, const report_row *row, const report_rule *rules, uint32_t count,
                          tenon__text *out) {
    char seed[32];
    tenon__text command = {0};
    report_seed(r, seed, sizeof seed);
    report_command(r, row->shown->name, &command);
    tenon__text_format(out, "<div class=\"failure %s\"><h3><span class=\"row\">", report_html_tone(row->outcome));
    report_xml(out, row->shown->name);
    tenon__text_add(out, "</span> ");
    report_html_badge(out, row->outcome);
    tenon__text_add(out, "</h3>\n");
    write_text(r, row, out);
    write_broken_rules(row, rules, count, out);
    tenon__text_add(out, "<p class=\"label\">Run it again, seed ");
    report_xml(out, seed);
    tenon__text_add(out, ":</p>\n<pre>");
    report_xml(out, tenon__text_string(&command));
    tenon__text_add(out, "</pre></div>\n");
    tenon__text_free(&command);
}

/* Failures of each case, where there are many. */
static void write_spread(const report *r, tenon__text *out) {
    tenon__text_add(out, "<ul class=\"plain\">\n");
    for (uint32_t i = 0; i < r->records.case_count; i++) {
        const cf_record_case *of = &r->records.cases[i];
        uint32_t bad = 0;
        for (uint32_t row = of->first_row; row < of->first_row + of->row_count; row++)
            bad += report_outcome_weight(r->rows[row].outcome) != REPORT_FINE;
        if (!bad) continue;
        tenon__text_add(out, "<li><span class=\"row\">");
        report_xml(out, of->name);
        tenon__text_format(out, "</span>: %s of %s rows</li>\n", report_count(bad), report_count(of->row_count));
    }
    tenon__text_add(out, "</ul>\n");
}

static void write_names(const report *r, uint32_t skip, tenon__text *out) {
    uint32_t left = MOST_NAMES;
    tenon__text_add(out, "<details><summary>All others by name</summary><ul class=\"plain\">\n");
    for (uint32_t k = 0; k < ORDER_COUNT; k++)
        for (uint32_t i = 0; i < r->records.row_count && left; i++) {
            if (r->rows[i].outcome != order[k] || (skip && skip--)) continue;
            tenon__text_add(out, "<li><span class=\"row\">");
            report_xml(out, r->rows[i].shown->name);
            tenon__text_add(out, "</span> ");
            report_html_badge(out, r->rows[i].outcome);
            tenon__text_add(out, "</li>\n");
            left--;
        }
    tenon__text_add(out, left ? "</ul></details>\n" : "</ul><p>The rest is in the JSON report.</p></details>\n");
}

static uint32_t count_not_fine(const report *r) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < ORDER_COUNT; k++) count += r->counts[order[k]];
    return count;
}

void report_html_failures(const report *r, tenon__text *out) {
    report_rule *rules;
    uint32_t rule_count, told = 0, count = count_not_fine(r);
    if (!count) return;
    if (report_rules(r, &rules, &rule_count) != TENON_STATUS_OK) {
        out->failed = 1;
        return;
    }
    report_html_section(out, "failures", "What failed");
    tenon__text_format(out, "<p class=\"note\">%s of %s rows%s</p>\n", report_count(count),
                       report_count(r->records.row_count),
                       count > MOST_FAILURES ? "; the first hundred are told in full." : ".");
    if (count > 10) write_spread(r, out);
    for (uint32_t k = 0; k < ORDER_COUNT; k++)
        for (uint32_t i = 0; i < r->records.row_count && told < MOST_FAILURES; i++)
            if (r->rows[i].outcome == order[k]) write_failure(r, &r->rows[i], rules, rule_count, out), told++;
    if (count > told) write_names(r, told, out);
    report_html_end(out);
    free(rules);
}

/* -- Cases -------------------------------------------------------------------------------------------------------- */

static void write_case(const report *r, const cf_record_case *of, tenon__text *out) {
    uint32_t weights[3] = {0}, passed = 0, lacks = 0;
    for (uint32_t i = of->first_row; i < of->first_row + of->row_count; i++) {
        weights[report_outcome_weight(r->rows[i].outcome)]++;
        passed += r->rows[i].outcome == REPORT_PASS;
        lacks += r->rows[i].outcome == REPORT_NOT_APPLICABLE;
    }
    report_outcome outcome = weights[REPORT_BAD]            ? REPORT_FAIL
                             : weights[REPORT_SAYS_NOTHING] ? REPORT_NO_VERDICT
                                                            : REPORT_PASS;
    tenon__text_add(out, "<tr><th scope=\"row\"><span class=\"row\">");
    report_xml(out, of->name);
    tenon__text_add(out, "</span></th><td>");
    report_html_badge(out, outcome);
    tenon__text_format(
        out,
        "</td><td class=\"n\" data-label=\"rows\">%s</td><td class=\"n\" data-label=\"passed\">%s</td>"
        "<td class=\"n\" data-label=\"failed\">%s</td><td class=\"n\" data-label=\"not applicable\">%s</td></tr>\n",
        report_count(of->row_count), report_count(passed), report_count(weights[REPORT_BAD]), report_count(lacks));
}

void report_html_cases(const report *r, tenon__text *out) {
    if (!r->records.row_count) return;
    report_html_section(out, "cases", "Cases");
    tenon__text_add(out, "<table class=\"cards\"><thead><tr><th scope=\"col\">Case</th><th scope=\"col\">Verdict</th>"
                         "<th scope=\"col\" class=\"n\">Rows</th><th scope=\"col\" class=\"n\">Passed</th>"
                         "<th scope=\"col\" class=\"n\">Failed</th><th scope=\"col\" class=\"n\">Not "
                         "applicable</th></tr></thead><tbody>\n");
    for (uint32_t i = 0; i < r->records.case_count; i++) write_case(r, &r->records.cases[i], out);
    tenon__text_add(out, "</tbody></table>\n");
    report_html_end(out);
}

/* -- Known failures ----------------------------------------------------------------------------------------------- */

static void write_known(const report_known *known, tenon__text *out) {
    char finding[768];
    const char *tone = report_known_fails(known) ? "bad" : known->failed ? "warn" : "idle";
    const char *word = known->expired   ? "expired"
                       : known->passed  ? "unexpected pass"
                       : known->failed  ? "fails as expected"
                       : known->covered ? "neither fails nor passes"
                                        : "no such row in this run";
    tenon__text_add(out, "<tr><th scope=\"row\"><span class=\"row\">");
    report_xml(out, known->rows);
    tenon__text_format(out, "</span></th><td><span class=\"badge %s\">%s</span></td><td class=\"wide\">", tone, word);
    report_xml(out, known->reason);
    if (report_known_finding(known, finding, sizeof finding)) {
        tenon__text_add(out, "<br><small>");
        report_xml(out, finding);
        tenon__text_add(out, "</small>");
    }
    tenon__text_add(out, "</td><td>");
    report_xml(out, known->owner);
    tenon__text_add(out, "</td><td class=\"short\">");
    report_xml(out, known->expires);
    tenon__text_format(out, "</td><td class=\"n\" data-label=\"rows that fail\">%s</td></tr>\n",
                       report_count(known->failed));
}

void report_html_known(const report *r, tenon__text *out) {
    if (!r->known_count) return;
    report_html_section(out, "known", "Known failures");
    tenon__text_add(
        out, "<p class=\"note\">A failure on this list does not fail the run, and the run does not show conformance. "
             "A row that passes although it is listed, or an entry past its day, fails the run.</p>\n"
             "<table class=\"cards\"><thead><tr><th scope=\"col\">Rows</th><th scope=\"col\">State</th>"
             "<th scope=\"col\">Reason</th><th scope=\"col\">Owner</th><th scope=\"col\">Until</th>"
             "<th scope=\"col\" class=\"n\">Fail</th></tr></thead><tbody>\n");
    for (uint32_t i = 0; i < r->known_count; i++) write_known(&r->known[i], out);
    tenon__text_add(out, "</tbody></table>\n");
    report_html_end(out);
}

/* -- What the device declares that it lacks ----------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
    const report_row *x = *(const report_row *const *)a, *y = *(const report_row *const *)b;
    int order_of_text = strcmp(x->shown->text, y->shown->text);
    return order_of_text ? order_of_text : x < y ? -1 : 1;
}

static void write_lack(const report_row *const *rows, uint32_t count, tenon__text *out) {
    tenon__text_add(out, "<li>");
    report_xml(out, rows[0]->shown->text[0] ? rows[0]->shown->text : "No reason is given.");
    tenon__text_format(out, " <span class=\"label\">%s row%s, such as <span class=\"row\">", report_count(count),
                       count == 1 ? "" : "s");
    report_xml(out, rows[0]->shown->name);
    tenon__text_add(out, "</span></span></li>\n");
}

void report_html_lacks(const report *r, tenon__text *out) {
    uint32_t count = 0, first = 0;
    const report_row **rows = calloc((size_t)r->records.row_count + 1, sizeof *rows);
    if (!rows) out->failed = 1;
    for (uint32_t i = 0; rows && i < r->records.row_count; i++)
        if (r->rows[i].outcome == REPORT_NOT_APPLICABLE) rows[count++] = &r->rows[i];
    if (count) {
        qsort((void *)rows, count, sizeof *rows, by_text);
        report_html_section(out, "lacks", "Not applicable, by what the device declares");
        tenon__text_add(out, "<ul class=\"plain\">\n");
        for (uint32_t i = 1; i <= count; i++) {
            if (i < count && strcmp(rows[i]->shown->text, rows[first]->shown->text) == 0) continue;
            write_lack(rows + first, i - first, out);
            first = i;
        }
        tenon__text_add(out, "</ul>\n");
        report_html_end(out);
    }
    free((void *)rows);
}

/* -- Environment -------------------------------------------------------------------------------------------------- */

static void write_value(const cJSON *item, tenon__text *out) {
    if (cJSON_IsString(item)) {
        report_xml(out, item->valuestring);
        return;
    }
    char *text = cJSON_PrintUnformatted(item);
    report_xml(out, text ? text : "");
    cJSON_free(text);
}

void report_html_environment(const report *r, tenon__text *out) {
    const cJSON *environment = cJSON_GetObjectItemCaseSensitive(r->records.header, "environment"), *item = NULL;
    report_html_section(out, "environment", "Environment");
    tenon__text_add(out, "<dl class=\"facts\">\n<div><dt>plugin file</dt><dd>");
    report_xml(out, report_header_in(r, "plugin", "path"));
    tenon__text_add(out, "</dd></div>\n");
    cJSON_ArrayForEach(item, environment) {
        tenon__text_add(out, "<div><dt>");
        report_xml(out, item->string ? item->string : "");
        tenon__text_add(out, "</dt><dd>");
        write_value(item, out);
        tenon__text_add(out, "</dd></div>\n");
    }
    tenon__text_add(out, "</dl>\n");
    report_html_end(out);
}
