/* Parts of the page, in its order. Each writes one section, or nothing where there is nothing to tell. */
#ifndef TENON_REPORT_HTML_H
#define TENON_REPORT_HTML_H

#include "report/report.h"

/* A section has its name as id, as the navigation knows it. */
void report_html_section(tenon__text *out, const char *id, const char *title);
void report_html_end(tenon__text *out);

/* "good", "bad", "warn", "idle": the class of an outcome. Colour is never alone: the word stands beside it. */
const char *report_html_tone(report_outcome outcome);
/* <span class="badge bad">fail</span> */
void report_html_badge(tenon__text *out, report_outcome outcome);

void report_html_failures(const report *r, tenon__text *out);
void report_html_rules(const report *r, tenon__text *out);
void report_html_errors(const report *r, tenon__text *out);
void report_html_cases(const report *r, tenon__text *out);
void report_html_known(const report *r, tenon__text *out);
void report_html_lacks(const report *r, tenon__text *out);
void report_html_times(const report *r, tenon__text *out);
void report_html_environment(const report *r, tenon__text *out);

#endif
