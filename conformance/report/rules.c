/* The rules of VENDOR_GUIDE.md, as they were when this was built, and how many rows show each. */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "support/error.h"

#define RULE(number, rule, if_broken) {number, rule, if_broken, {0}},
static const report_rule guide[] = {
#include "rules.inc"
};
#undef RULE

enum { GUIDE_COUNT = sizeof guide / sizeof *guide };

/* Rules told apart by their first bytes: `number` ends at `length`. */
static report_rule *find(report_rule *rules, uint32_t count, const char *number, size_t length) {
    for (uint32_t i = 0; i < count; i++)
        if (strncmp(rules[i].number, number, length) == 0 && strcspn(rules[i].number, " ") == length) return &rules[i];
    return NULL;
}

/* The rule, added if the guide has none of that number: another version's records may name it. */
static report_rule *find_or_add(report_rule **rules, uint32_t *count, const char *number, size_t length) {
    report_rule *rule = find(*rules, *count, number, length);
    if (rule) return rule;
    report_rule *more = realloc(*rules, (*count + 1) * sizeof *more);
    if (!more) return NULL;
    *rules = more;
    more[*count] = (report_rule){.number = number, .rule = "", .if_broken = ""};
    return &more[(*count)++];
}

static tenon_status count_row(const report_row *row, report_rule **rules, uint32_t *count) {
    const char *at = row->shown->requirements;
    for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        report_rule *rule = find_or_add(rules, count, at, length);
        if (!rule) return tenon__fail_memory();
        rule->counts[row->outcome]++;
        at += length;
    }
    return TENON_STATUS_OK;
}

const report_rule *report_rule_named(const char *number, size_t length) {
    for (uint32_t i = 0; i < GUIDE_COUNT; i++)
        if (strncmp(guide[i].number, number, length) == 0 && strcspn(guide[i].number, " ") == length) return &guide[i];
    return NULL;
}

tenon_status report_rules(const report *r, report_rule **out_rules, uint32_t *out_count) {
    report_rule *rules = malloc(sizeof guide);
    uint32_t count = GUIDE_COUNT;
    tenon_status status = TENON_STATUS_OK;
    if (!rules) return tenon__fail_memory();
    memcpy(rules, guide, sizeof guide);
    for (uint32_t i = 0; i < r->records.row_count && status == TENON_STATUS_OK; i++)
        status = count_row(&r->rows[i], &rules, &count);
    if (status != TENON_STATUS_OK) free(rules), rules = NULL;
    *out_rules = rules;
    *out_count = count;
    return status;
}

uint32_t report_rule_rows(const report_rule *rule) {
    uint32_t rows = 0;
    for (uint32_t i = 0; i < REPORT_OUTCOME_COUNT; i++) rows += rule->counts[i];
    return rows;
}
