/* One JSON document: what is the same for the same seed first, a row a line; times and environment at its end. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report/words.h"

static void member(tenon__text *out, const char *key, const char *text) {
    tenon__text_format(out, "  \"%s\": ", key);
    report_json(out, text);
    tenon__text_add(out, ",\n");
}

/* A part of the header as it is, on one line. */
static void part(tenon__text *out, const char *key, const cJSON *item, const char *end) {
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    tenon__text_format(out, "  \"%s\": %s%s", key, text ? text : "null", end);
    if (item && !text) out->failed = 1;
    cJSON_free(text);
}

/* The plugin; where it lay is left out on request. */
static void write_plugin(const report *r, tenon__text *out) {
    const cJSON *plugin = cJSON_GetObjectItemCaseSensitive(r->records.header, "plugin");
    cJSON *copy = r->stable && plugin ? cJSON_Duplicate(plugin, true) : NULL;
    if (r->stable && plugin && !copy) out->failed = 1;
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "path");
    part(out, "plugin", copy ? copy : plugin, ",\n");
    cJSON_Delete(copy);
}

static void write_conditions(const report *r, tenon__text *out) {
    tenon__text_add(out, "  \"conditions\": [\n");
    for (uint32_t i = 0; i < REPORT_CONDITION_COUNT; i++) {
        const report_condition *condition = &r->conditions[i];
        tenon__text_add(out, "    {\"condition\": ");
        report_json(out, condition->text);
        tenon__text_format(out, ", \"holds\": %s, \"detail\": ", condition->holds ? "true" : "false");
        report_json(out, condition->detail);
        tenon__text_add(out, i + 1 < REPORT_CONDITION_COUNT ? "},\n" : "}\n");
    }
    tenon__text_add(out, "  ],\n");
}

/* {"pass": 3, "fail": 1}: those that are not 0. */
static void counts(tenon__text *out, const uint32_t *of) {
    const char *separator = "";
    tenon__text_add(out, "{");
    for (report_outcome i = 0; i < REPORT_OUTCOME_COUNT; i++) {
        if (!of[i]) continue;
        tenon__text_format(out, "%s\"%s\": %u", separator, report_outcome_name(i), of[i]);
        separator = ", ";
    }
    tenon__text_add(out, "}");
}

static void write_rules(const report *r, tenon__text *out) {
    report_rule *rules;
    uint32_t count;
    const char *separator = "";
    if (report_rules(r, &rules, &count) != TENON_STATUS_OK) {
        out->failed = 1;
        return;
    }
    tenon__text_add(out, "  \"requirements\": [");
    for (uint32_t i = 0; i < count; i++) {
        char number[64];
        snprintf(number, sizeof number, "%.*s", (int)strcspn(rules[i].number, " "), rules[i].number);
        tenon__text_format(out, "%s\n    {\"number\": ", separator);
        report_json(out, number);
        tenon__text_add(out, ", \"rule\": ");
        report_json(out, rules[i].rule);
        tenon__text_add(out, ", \"rows\": ");
        counts(out, rules[i].counts);
        tenon__text_add(out, "}");
        separator = ",";
    }
    tenon__text_add(out, "\n  ],\n");
    free(rules);
}

static void write_known(const report *r, tenon__text *out) {
    char finding[768];
    tenon__text_add(out, "  \"known_failures\": [");
    for (uint32_t i = 0; i < r->known_count; i++) {
        const report_known *known = &r->known[i];
        const char *const keys[] = {"rows", "reason", "owner", "expires"};
        const char *const values[] = {known->rows, known->reason, known->owner, known->expires};
        tenon__text_format(out, "%s\n    {", i ? "," : "");
        for (int k = 0; k < 4; k++) {
            tenon__text_format(out, "\"%s\": ", keys[k]);
            report_json(out, values[k]);
            tenon__text_add(out, ", ");
        }
        tenon__text_format(out, "\"entry\": %u, \"expired\": %s, \"covered\": %u, \"failed\": %u, \"passed\": %u",
                           known->number, known->expired ? "true" : "false", known->covered, known->failed,
                           known->passed);
        if (report_known_finding(known, finding, sizeof finding)) {
            tenon__text_format(out, ", \"fails\": %s, \"finding\": ", report_known_fails(known) ? "true" : "false");
            report_json(out, finding);
        }
        tenon__text_add(out, "}");
    }
    tenon__text_add(out, r->known_count ? "\n  ],\n" : "],\n");
}

static void write_row(const report *r, const report_row *row, tenon__text *out) {
    const cf_record_row *shown = row->shown;
    tenon__text_add(out, "    {\"row\": ");
    report_json(out, shown->name);
    tenon__text_format(out, ", \"outcome\": \"%s\", \"requirements\": ", report_outcome_name(row->outcome));
    report_json(out, shown->requirements);
    if (isfinite(shown->error) && shown->error >= 0) tenon__text_format(out, ", \"error\": %.6g", shown->error);
    if (!isfinite(shown->error)) tenon__text_add(out, ", \"error\": \"not finite\"");
    if (shown->text[0]) tenon__text_add(out, ", \"text\": "), report_json(out, shown->text);
    if (!r->stable && shown->output[0]) tenon__text_add(out, ", \"output\": "), report_json(out, shown->output);
    if (row->outcome == REPORT_DISAGREE) {
        tenon__text_add(out, ", \"runs\": [");
        for (uint32_t run = 0; run < r->records.run_count; run++) {
            const cf_record_row *one = &r->records.rows[(size_t)run * r->records.row_count + (size_t)(row - r->rows)];
            tenon__text_format(out, "%s\"%s\"", run ? ", " : "",
                               one->ended ? cf_verdict_name(one->verdict) : "not run");
        }
        tenon__text_add(out, "]");
    }
    tenon__text_add(out, "}");
}

static void write_rows(const report *r, tenon__text *out) {
    tenon__text_add(out, "  \"rows\": [");
    for (uint32_t i = 0; i < r->records.row_count; i++) {
        tenon__text_add(out, i ? ",\n" : "\n");
        write_row(r, &r->rows[i], out);
    }
    tenon__text_add(out, r->records.row_count ? "\n  ]" : "]");
}

/* Nanoseconds of each row, a number a run. */
static void write_times(const report *r, tenon__text *out) {
    tenon__text_add(out, ",\n  \"times\": {");
    for (uint32_t i = 0; i < r->records.row_count; i++) {
        tenon__text_add(out, i ? ",\n    " : "\n    ");
        report_json(out, r->rows[i].shown->name);
        for (uint32_t run = 0; run < r->records.run_count; run++)
            tenon__text_format(out, "%s%" PRIu64, run ? ", " : ": [",
                               r->records.rows[(size_t)run * r->records.row_count + i].nanoseconds);
        tenon__text_add(out, "]");
    }
    tenon__text_add(out, r->records.row_count ? "\n  },\n" : "},\n");
}

void report_write_json(const report *r, tenon__text *out) {
    char seed[32];
    report_seed(r, seed, sizeof seed);
    tenon__text_add(out, "{\n  \"format\": 1,\n");
    member(out, "verdict", cf_close_name(r->close));
    member(out, "claim", r->claim);
    member(out, "profile", report_header(r, "profile"));
    member(out, "suite", report_header(r, "suite"));
    member(out, "seed", seed);
    write_plugin(r, out);
    part(out, "device", cJSON_GetObjectItemCaseSensitive(r->records.header, "device"), ",\n");
    tenon__text_add(out, "  \"counts\": ");
    counts(out, r->counts);
    tenon__text_add(out, ",\n");
    write_conditions(r, out);
    write_known(r, out);
    write_rules(r, out);
    write_rows(r, out);
    if (!r->stable) {
        write_times(r, out);
        part(out, "environment", cJSON_GetObjectItemCaseSensitive(r->records.header, "environment"), "");
    }
    tenon__text_add(out, "\n}\n");
}
