/* What a run comes to in a few lines: its failures folded by case, each with the rules broken and the command that shows one
 * of them again, and what is to be done about the list of known failures. */
#include <stdio.h>
#include <string.h>

#include "report/report.h"

enum {
    MOST_WHOLE = 12,   /* cases that are told with rules and command; what follows has a line each */
    MOST_TEXT = 400,   /* bytes of a row's text */
    MOST_RULE = 160,   /* bytes of a rule */
    MOST_FINDING = 768 /* bytes of what is to be done about an entry */
};

/* -- Known failures ----------------------------------------------------------------------------------------------- */

static void describe(const report_known *known, char *out_text, size_t size) {
    snprintf(out_text, size, "entry %u of the known failures ('%.100s', owner %.60s)", known->number, known->rows,
             known->owner);
}

bool report_known_finding(const report_known *known, char *out_text, size_t size) {
    char entry[256], others[64] = "";
    uint32_t more = known->expired ? known->failed : known->passed;
    describe(known, entry, sizeof entry);
    if (more > 1) snprintf(others, sizeof others, " and %u more", more - 1);
    out_text[0] = '\0';
    if (known->expired && known->failed)
        snprintf(out_text, size,
                 "%s expired on %s, and rows fail: %.200s%s; mend them, or agree with the owner on a later day", entry,
                 known->expires, known->first_failed, others);
    else if (known->expired)
        snprintf(out_text, size, "%s expired on %s, and no row that it covers fails: remove the entry", entry,
                 known->expires);
    else if (known->passed)
        snprintf(out_text, size, "%s expects failures, and rows pass: %.200s%s; %s", entry, known->first_passed, others,
                 known->failed ? "narrow its 'rows' to what still fails" : "remove the entry");
    else if (!known->covered)
        snprintf(
            out_text, size,
            "%s covers no row of this run; 'rows' is a glob of whole names, as --list prints them: correct or remove "
            "it, unless it is about rows that this run left out or that an earlier entry covers",
            entry);
    return out_text[0] != '\0';
}

bool report_known_fails(const report_known *known) {
    return known->expired || known->passed;
}

void report_write_findings(const report *r, tenon__text *out) {
    char text[MOST_FINDING];
    for (uint32_t i = 0; i < r->known_count; i++)
        if (report_known_finding(&r->known[i], text, sizeof text))
            tenon__text_format(out, "%s: %s\n", report_known_fails(&r->known[i]) ? "failed" : "warning", text);
}

/* -- Failures ----------------------------------------------------------------------------------------------------- */

static bool is_bad(const report_row *row) {
    return report_outcome_weight(row->outcome) == REPORT_BAD;
}

/* The first of the worst rows of a case; NULL: none failed. Counts by outcome. */
static const report_row *worst_of(const report *r, const cf_record_case *of, uint32_t counts[REPORT_OUTCOME_COUNT]) {
    const report_row *worst = NULL;
    memset(counts, 0, REPORT_OUTCOME_COUNT * sizeof *counts);
    for (uint32_t i = of->first_row; i < of->first_row + of->row_count && i < r->records.row_count; i++) {
        const report_row *row = &r->rows[i];
        if (!is_bad(row)) continue;
        counts[row->outcome]++;
        if (!worst || row->outcome > worst->outcome) worst = row;
    }
    return worst;
}

/* A rule up to the end of its first sentence. */
static void write_rule(const char *number, size_t length, tenon__text *out) {
    const report_rule *rule = report_rule_named(number, length);
    const char *text = rule ? rule->rule : "", *end = strstr(text, ". ");
    size_t whole = end ? (size_t)(end - text) + 1 : strlen(text);
    tenon__text_format(out, "    rule   %.*s%s%.*s%s\n", (int)length, number, text[0] ? ": " : "",
                       (int)(whole < MOST_RULE ? whole : MOST_RULE), text, whole > MOST_RULE ? "…" : "");
}

static void write_rules(const report_row *row, tenon__text *out) {
    const char *at = row->shown->requirements;
    for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        write_rule(at, length, out);
        at += length;
    }
}

static void write_case(const report *r, const cf_record_case *of, const report_row *row,
                       const uint32_t counts[REPORT_OUTCOME_COUNT], bool whole, tenon__text *out) {
    const char *separator = "", *text = row->shown->text;
    size_t length = strcspn(text, "\n");
    uint32_t bad = 0;
    for (report_outcome i = 0; i < REPORT_OUTCOME_COUNT; i++) bad += counts[i];
    tenon__text_format(out, "  %s: %u of %u rows (", of->name, bad, of->row_count);
    for (report_outcome i = 0; i < REPORT_OUTCOME_COUNT; i++) {
        if (!counts[i]) continue;
        tenon__text_format(out, "%s%u %s", separator, counts[i], report_outcome_name(i));
        separator = ", ";
    }
    tenon__text_format(out, "); %s: %.*s%s\n", row->shown->name, length && length < MOST_TEXT ? (int)length : MOST_TEXT,
                       length ? text : report_outcome_name(row->outcome), length > MOST_TEXT ? "…" : "");
    if (!whole) return;
    write_rules(row, out);
    tenon__text_add(out, "    again  ");
    report_command(r, row->shown->name, out);
    tenon__text_add(out, "\n");
}

void report_write_summary(const report *r, tenon__text *out) {
    uint32_t counts[REPORT_OUTCOME_COUNT], told = 0;
    for (uint32_t i = 0; i < r->records.case_count && r->records.row_count; i++) {
        const report_row *worst = worst_of(r, &r->records.cases[i], counts);
        if (!worst) continue;
        if (told == 0) tenon__text_add(out, "what failed, by case, each with its first worst row:\n");
        write_case(r, &r->records.cases[i], worst, counts, told++ < MOST_WHOLE, out);
    }
    if (told > MOST_WHOLE)
        tenon__text_add(
            out, "  `tenon report html` of the records (--records, or --html at once) has every row with its rules "
                 "and its command\n");
    report_write_findings(r, out);
}
