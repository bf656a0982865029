/* JUnit XML as Jenkins and GitLab read it: a suite a case, a test case a row. Times are attributes and nothing else is
 * theirs; what a device lacks by its own word, and what is known to fail, is skipped. */
#include <stdio.h>
#include <string.h>

#include "report/report.h"
#include "report/words.h"

/* What a row is to JUnit. */
enum { OK, FAILURE, ERROR, SKIPPED, KIND_COUNT };

static int kind_of(report_outcome outcome) {
    switch (outcome) {
    case REPORT_PASS: return OK;
    case REPORT_NOT_APPLICABLE:
    case REPORT_KNOWN: return SKIPPED;
    case REPORT_FAIL:
    case REPORT_DISAGREE:
    case REPORT_UNEXPECTED_PASS: return FAILURE;
    default: return ERROR;
    }
}

typedef struct tally {
    uint32_t rows, kinds[KIND_COUNT];
    uint64_t nanoseconds;
} tally;

static tally count(const report *r, uint32_t first, uint32_t end) {
    tally sum = {0};
    for (uint32_t i = first; i < end; i++) {
        sum.rows++;
        sum.kinds[kind_of(r->rows[i].outcome)]++;
        sum.nanoseconds += r->rows[i].shown->nanoseconds;
    }
    return sum;
}

static void attribute(tenon__text *out, const char *key, const char *text) {
    tenon__text_format(out, " %s=\"", key);
    /* A line feed in an attribute would be read as a blank. */
    for (size_t length; *text; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        report_xml_part(out, text, length);
        if (text[length]) tenon__text_add(out, "&#10;");
        if (!text[length]) break;
    }
    tenon__text_add(out, "\"");
}

static void write_tally(const report *r, const tally *sum, tenon__text *out) {
    tenon__text_format(out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\"", sum->rows,
                       sum->kinds[FAILURE], sum->kinds[ERROR], sum->kinds[SKIPPED]);
    if (!r->stable) tenon__text_format(out, " time=\"%.6f\"", (double)sum->nanoseconds * 1e-9);
}

static void property(tenon__text *out, const char *name, const char *value) {
    tenon__text_add(out, "   <property");
    attribute(out, "name", name);
    attribute(out, "value", value);
    tenon__text_add(out, "/>\n");
}

static void write_properties(const report *r, tenon__text *out) {
    char seed[32];
    report_seed(r, seed, sizeof seed);
    tenon__text_add(out, "  <properties>\n");
    property(out, "profile", report_header(r, "profile"));
    property(out, "device", report_header_in(r, "device", "name"));
    property(out, "plugin.sha256", report_header_in(r, "plugin", "sha256"));
    property(out, "suite", report_header(r, "suite"));
    property(out, "seed", seed);
    tenon__text_add(out, "  </properties>\n");
}

/* What happened, what the plugin said, and how to see it again. */
static void write_result(const report *r, const report_row *row, tenon__text *out) {
    static const char *const elements[KIND_COUNT] = {"", "failure", "error", "skipped"};
    const char *element = elements[kind_of(row->outcome)], *name = report_outcome_name(row->outcome);
    char finding[768] = "";
    bool entry = row->known && report_known_fails(row->known);
    tenon__text command = {0};
    if (entry) (void)report_known_finding(row->known, finding, sizeof finding);
    tenon__text_format(out, "   <%s", element);
    if (kind_of(row->outcome) != SKIPPED) attribute(out, "type", name);
    attribute(out, "message",
              row->known && row->outcome == REPORT_KNOWN ? row->known->reason
              : row->outcome == REPORT_UNEXPECTED_PASS   ? finding
              : row->shown->text[0]                      ? row->shown->text
                                                         : name);
    tenon__text_add(out, ">");
    report_xml(out, row->shown->text);
    report_command(r, row->shown->name, &command);
    tenon__text_add(out, "\nrequirements: ");
    report_xml(out, row->shown->requirements);
    if (entry) tenon__text_add(out, "\n"), report_xml(out, finding);
    tenon__text_add(out, "\nagain: ");
    report_xml(out, tenon__text_string(&command));
    tenon__text_format(out, "</%s>\n", element);
    tenon__text_free(&command);
}

static void write_row(const report *r, const cf_record_case *of, const report_row *row, tenon__text *out) {
    char in[256];
    snprintf(in, sizeof in, "tenon.%.60s.%.120s", report_header(r, "profile"), of->name);
    tenon__text_add(out, "  <testcase");
    attribute(out, "classname", in);
    attribute(out, "name", report_short_name(r, row));
    if (!r->stable) tenon__text_format(out, " time=\"%.6f\"", (double)row->shown->nanoseconds * 1e-9);
    if (kind_of(row->outcome) == OK) {
        tenon__text_add(out, "/>\n");
        return;
    }
    tenon__text_add(out, ">\n");
    write_result(r, row, out);
    if (!r->stable && row->shown->output[0]) {
        tenon__text_add(out, "   <system-out>");
        report_xml(out, row->shown->output);
        tenon__text_add(out, "</system-out>\n");
    }
    tenon__text_add(out, "  </testcase>\n");
}

/* The verdict as a test of its own: a run without rows, one that did not end and one with an expired entry fail too. */
static void write_verdict(const report *r, tenon__text *out) {
    bool fails = r->close != CF_CLOSE_CONFORMANT && r->close != CF_CLOSE_PASSED;
    tally sum = {.rows = 1, .kinds = {[FAILURE] = fails}};
    tenon__text_add(out, " <testsuite name=\"verdict\"");
    write_tally(r, &sum, out);
    tenon__text_add(out, ">\n");
    write_properties(r, out);
    tenon__text_add(out, "  <testcase classname=\"tenon\" name=\"verdict\"");
    if (!r->stable) tenon__text_add(out, " time=\"0\"");
    tenon__text findings = {0};
    report_write_findings(r, &findings);
    tenon__text_add(out, ">\n");
    if (fails) {
        tenon__text_add(out, "   <failure");
        attribute(out, "type", cf_close_name(r->close));
        attribute(out, "message", r->claim);
        tenon__text_add(out, "/>\n");
    }
    if (findings.length) {
        tenon__text_add(out, "   <system-out>");
        report_xml(out, tenon__text_string(&findings));
        tenon__text_add(out, "</system-out>\n");
    }
    out->failed |= findings.failed;
    tenon__text_free(&findings);
    tenon__text_add(out, "  </testcase>\n </testsuite>\n");
}

void report_write_junit(const report *r, tenon__text *out) {
    tally all = count(r, 0, r->records.row_count);
    all.rows++;
    all.kinds[FAILURE] += r->close != CF_CLOSE_CONFORMANT && r->close != CF_CLOSE_PASSED;
    tenon__text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    attribute(out, "name", r->claim);
    write_tally(r, &all, out);
    tenon__text_add(out, ">\n");
    write_verdict(r, out);
    for (uint32_t i = 0; i < r->records.case_count && r->records.row_count; i++) {
        const cf_record_case *of = &r->records.cases[i];
        tally sum = count(r, of->first_row, of->first_row + of->row_count);
        tenon__text_add(out, " <testsuite");
        attribute(out, "name", of->name);
        write_tally(r, &sum, out);
        tenon__text_add(out, ">\n");
        for (uint32_t row = of->first_row; row < of->first_row + of->row_count; row++)
            write_row(r, of, &r->rows[row], out);
        tenon__text_add(out, " </testsuite>\n");
    }
    tenon__text_add(out, "</testsuites>\n");
}
