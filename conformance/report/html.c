/* One self-contained page: no script, no resource from elsewhere, one style for all widths, light and dark. */
#include "report/html.h"

#include <stdio.h>
#include <string.h>

#include "report/words.h"

static const char *const style[] = {
#include "page.inc"
};

void report_html_section(tenon__text *out, const char *id, const char *title) {
    tenon__text_format(out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n", id, id,
                       id, title);
}

void report_html_end(tenon__text *out) {
    tenon__text_add(out, "</section>\n");
}

const char *report_html_tone(report_outcome outcome) {
    if (outcome == REPORT_KNOWN || outcome == REPORT_NO_VERDICT || outcome == REPORT_NOT_RUN) return "warn";
    if (outcome == REPORT_NOT_APPLICABLE) return "idle";
    return report_outcome_weight(outcome) == REPORT_BAD ? "bad" : "good";
}

void report_html_badge(tenon__text *out, report_outcome outcome) {
    tenon__text_format(out, "<span class=\"badge %s\">%s</span>", report_html_tone(outcome),
                       report_outcome_name(outcome));
}

/* -- Verdict ------------------------------------------------------------------------------------------------------ */

#define TICK                                                                                                           \
    "<circle cx=\"12\" cy=\"12\" r=\"11\" fill=\"currentColor\" opacity=\".16\"/><path d=\"M6.5 12.5l3.7 3.7 7.3-8\""
#define CROSS                                                                                                          \
    "<circle cx=\"12\" cy=\"12\" r=\"11\" fill=\"currentColor\" opacity=\".16\"/><path d=\"M8 8l8 8M16 8l-8 8\""
#define BAR "<circle cx=\"12\" cy=\"12\" r=\"11\" fill=\"currentColor\" opacity=\".16\"/><path d=\"M12 6.5v7M12 17v.5\""
#define DRAWN                                                                                                          \
    " fill=\"none\" stroke=\"currentColor\" stroke-width=\"2.4\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>"

static const struct {
    const char *tone, *title, *icon;
} closes[CF_CLOSE_COUNT] = {
    [CF_CLOSE_CONFORMANT] = {"good", "Conformant", TICK DRAWN},
    [CF_CLOSE_PASSED] = {"warn", "Nothing failed, of a part", BAR DRAWN},
    [CF_CLOSE_FAILED] = {"bad", "Not conformant", CROSS DRAWN},
    [CF_CLOSE_NO_VERDICT] = {"warn", "No verdict", BAR DRAWN},
    [CF_CLOSE_REFUSED] = {"bad", "Refused", CROSS DRAWN},
};

static void icon(tenon__text *out, const char *tone, const char *shape) {
    tenon__text_format(out, "<svg class=\"%s\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">%s</svg>", tone, shape);
}

/* The claim without the word that the title says already. */
static const char *claim_of(const report *r) {
    const char *colon = strstr(r->claim, ": ");
    return colon ? colon + 2 : r->claim;
}

static void write_verdict(const report *r, tenon__text *out) {
    tenon__text_format(out, "<div class=\"verdict %s\" role=\"status\">", closes[r->close].tone);
    icon(out, closes[r->close].tone, closes[r->close].icon);
    tenon__text_format(out, "<div><h1>%s</h1>\n<p>", closes[r->close].title);
    report_xml(out, claim_of(r));
    tenon__text_add(out, "</p>");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->records.final, "text"));
    if (r->close == CF_CLOSE_REFUSED && text) {
        tenon__text_add(out, "<pre>");
        report_xml(out, text);
        tenon__text_add(out, "</pre>");
    }
    tenon__text_add(out, "</div></div>\n");
}

/* Outcomes as parts of one bar. What is there at all is wide enough to be seen, so that widths are scaled to fit. */
static void write_share(const report *r, tenon__text *out) {
    double widths[REPORT_OUTCOME_COUNT], sum = 0, at = 0;
    for (report_outcome i = 0; i < REPORT_OUTCOME_COUNT; i++) {
        double width = (double)r->counts[i] / (r->records.row_count ? r->records.row_count : 1) * 1000;
        widths[i] = r->counts[i] && width < 15 ? 15 : width;
        sum += widths[i];
    }
    tenon__text_add(out,
                    "<svg class=\"share\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (report_outcome i = 0; i < REPORT_OUTCOME_COUNT; i++) {
        if (!r->counts[i]) continue;
        tenon__text_format(out, "<rect class=\"f-%s\" x=\"%.1f\" width=\"%.1f\" height=\"10\"/>", report_html_tone(i),
                           at, widths[i] * 1000 / sum);
        at += widths[i] * 1000 / sum;
    }
    tenon__text_add(out, "</svg>\n");
}

/* Outcomes as numbers, and as a bar. */
static void write_counts(const report *r, tenon__text *out) {
    tenon__text_add(out, "<ul class=\"numbers\">");
    tenon__text_format(out, "<li><b>%s</b>rows</li>", report_count(r->records.row_count));
    for (report_outcome i = 0; i < REPORT_OUTCOME_COUNT; i++)
        if (r->counts[i] || i == REPORT_FAIL || i == REPORT_PASS)
            tenon__text_format(out, "<li><b class=\"%s\">%s</b>%s</li>", r->counts[i] ? report_html_tone(i) : "idle",
                               report_count(r->counts[i]), report_outcome_name(i));
    tenon__text_add(out, "</ul>\n");
    write_share(r, out);
}

static void fact(tenon__text *out, const char *name, const char *value) {
    if (!value[0]) return;
    tenon__text_format(out, "<div><dt>%s</dt><dd>", name);
    report_xml(out, value);
    tenon__text_add(out, "</dd></div>\n");
}

static void write_facts(const report *r, tenon__text *out) {
    char seed[32], plugin[256], device[256], filters[256];
    report_filters(r, filters, sizeof filters);
    report_seed(r, seed, sizeof seed);
    snprintf(plugin, sizeof plugin, "%.100s %.60s%s%.80s", report_header_in(r, "plugin", "id"),
             report_header_in(r, "plugin", "version"), report_header_in(r, "plugin", "vendor")[0] ? ", " : "",
             report_header_in(r, "plugin", "vendor"));
    const char *title = report_header_in(r, "device", "title");
    snprintf(device, sizeof device, "%.120s%s%.120s", report_header_in(r, "device", "name"), title[0] ? ": " : "",
             title);
    report_html_section(out, "run", "What was run");
    write_counts(r, out);
    tenon__text_add(out, "<dl class=\"facts\" style=\"margin-top:1.2rem\">\n");
    fact(out, "Profile", report_header(r, "profile"));
    fact(out, "Device", device);
    fact(out, "Architecture", report_header_in(r, "device", "architecture"));
    fact(out, "Driver", report_header_in(r, "device", "driver"));
    fact(out, "Plugin", plugin);
    fact(out, "Plugin ABI", report_header_in(r, "plugin", "abi"));
    fact(out, "Suite", report_header(r, "suite"));
    fact(out, "Seed", seed);
    fact(out, "Filter", filters);
    fact(out, "Layers", report_header(r, "layers"));
    tenon__text_add(out, "<div class=\"hash\"><dt>SHA-256 of the plugin file</dt><dd>");
    report_xml(out, report_header_in(r, "plugin", "sha256"));
    tenon__text_add(out, "</dd></div>\n");
    tenon__text_add(out, "</dl>\n");
    report_html_end(out);
}

static void write_conditions(const report *r, tenon__text *out) {
    report_html_section(out, "conditions", "What conformance asks for");
    tenon__text_add(out, "<ul class=\"checks\">\n");
    for (uint32_t i = 0; i < REPORT_CONDITION_COUNT && r->close != CF_CLOSE_REFUSED; i++) {
        const report_condition *condition = &r->conditions[i];
        tenon__text_add(out, "<li>");
        icon(out, condition->holds ? "good" : "bad", condition->holds ? TICK DRAWN : CROSS DRAWN);
        tenon__text_format(out, "<div>%s <span class=\"badge %s\">%s</span>", condition->text,
                           condition->holds ? "good" : "bad", condition->holds ? "yes" : "no");
        if (condition->detail[0]) {
            tenon__text_add(out, "<small>");
            report_xml(out, condition->detail);
            tenon__text_add(out, "</small>");
        }
        tenon__text_add(out, "</div></li>\n");
    }
    tenon__text_add(out, r->close == CF_CLOSE_REFUSED ? "<li>The plugin was not loaded; nothing was run.</li></ul>\n"
                                                      : "</ul>\n");
    report_html_end(out);
}

/* -- The page ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *id, *title;
    void (*write)(const report *r, tenon__text *out);
    bool of_time_or_place;
} sections[] = {
    {"run", "Run", write_facts, false},
    {"failures", "Failures", report_html_failures, false},
    {"conditions", "Conditions", write_conditions, false},
    {"known", "Known failures", report_html_known, false},
    {"requirements", "Requirements", report_html_rules, false},
    {"errors", "Errors and bounds", report_html_errors, false},
    {"cases", "Cases", report_html_cases, false},
    {"lacks", "Not applicable", report_html_lacks, false},
    {"times", "Time", report_html_times, true},
    {"environment", "Environment", report_html_environment, true},
};

enum { SECTION_COUNT = sizeof sections / sizeof *sections };

static void write_head(const report *r, tenon__text *out) {
    tenon__text_add(
        out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
             "<title>");
    report_xml(out, closes[r->close].title);
    tenon__text_add(out, ": ");
    report_xml(out, claim_of(r));
    tenon__text_add(out, "</title>\n<style>\n");
    for (size_t i = 0; i < sizeof style / sizeof *style; i++) tenon__text_add(out, style[i]);
    tenon__text_add(out, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#content\">To the report</a>\n<header>\n"
                         "<p class=\"brand\">Tenon conformance report</p>\n");
}

void report_write_html(const report *r, tenon__text *out) {
    tenon__text parts[SECTION_COUNT] = {{0}};
    for (uint32_t i = 0; i < SECTION_COUNT; i++)
        if (!(r->stable && sections[i].of_time_or_place)) sections[i].write(r, &parts[i]);
    write_head(r, out);
    write_verdict(r, out);
    tenon__text_add(out, "<nav aria-label=\"Sections\"><ul>");
    for (uint32_t i = 0; i < SECTION_COUNT; i++)
        if (parts[i].length)
            tenon__text_format(out, "<li><a href=\"#%s\">%s</a></li>", sections[i].id, sections[i].title);
    tenon__text_add(out, "</ul></nav>\n</header>\n<main id=\"content\">\n");
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        tenon__text_append(out, tenon__text_string(&parts[i]), parts[i].length);
        out->failed |= parts[i].failed;
        tenon__text_free(&parts[i]);
    }
    tenon__text_add(
        out, "</main>\n<footer><p>Made from the run's records alone. <code>tenon report verify</code> recomputes the "
             "verdict and compares the plugin file.</p></footer>\n</body>\n</html>\n");
}
