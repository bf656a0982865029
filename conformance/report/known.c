/* The file of known failures:
 *   {"known_failures": [{"rows": GLOB, "reason": TEXT, "owner": TEXT, "expires": "YYYY-MM-DD"}, ...]}
 * Every member is needed and no other is known, so that a slip is told and excuses nothing. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "support/error.h"
#include "support/file.h"

enum { FILE_LIMIT = 16 << 20, MEMBER_COUNT = 4 };

static const char *const members[MEMBER_COUNT] = {"rows", "reason", "owner", "expires"};

/* `count` digits as a number; -1: they are none. */
static int digits(const char *text, int count) {
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        number = number * 10 + text[i] - '0';
    }
    return number;
}

bool report_is_day(const char *text) {
    static const char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strnlen(text, 10) < 10 || text[4] != '-' || text[7] != '-') return false;
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days[month - 1]) return false;
    return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool is_member(const char *key) {
    for (int i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(members[i], key) == 0) return true;
    return false;
}

/* Text that says something: not only white space. */
static bool says(const char *text) {
    return text && text[strspn(text, " \t\r\n")] != '\0';
}

/* All members, or all that are missing named at once, with the rows that the entry is about. */
static tenon_status read_values(const char *path, const cJSON *object, uint32_t number,
                                const char *out_values[MEMBER_COUNT]) {
    char missing[96] = "";
    for (int i = 0; i < MEMBER_COUNT; i++) {
        size_t used = strlen(missing);
        out_values[i] = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, members[i]));
        if (!says(out_values[i]))
            (void)snprintf(missing + used, sizeof missing - used, "%s'%s'", used ? ", " : "", members[i]);
    }
    if (!missing[0]) return TENON_STATUS_OK;
    return tenon__fail(
        TENON_STATUS_INVALID,
        "'%s': entry %u of the known failures%s%.100s%s does not say its %s: each is text, and none is left out", path,
        number, says(out_values[0]) ? " (" : "", says(out_values[0]) ? out_values[0] : "",
        says(out_values[0]) ? ")" : "", missing);
}

static tenon_status read_entry(const char *path, const cJSON *object, uint32_t number, report_known *out_known) {
    const char *values[MEMBER_COUNT];
    const cJSON *item = NULL;
    if (!cJSON_IsObject(object))
        return tenon__fail(TENON_STATUS_INVALID, "'%s': entry %u of the known failures is no object", path, number);
    cJSON_ArrayForEach(item, object) {
        if (cJSON_GetObjectItemCaseSensitive(object, item->string) != item)
            return tenon__fail(TENON_STATUS_INVALID, "'%s': entry %u of the known failures has two members '%s'", path,
                               number, item->string);
        if (!is_member(item->string))
            return tenon__fail(TENON_STATUS_INVALID,
                               "'%s': entry %u of the known failures has a member '%s'; known are "
                               "rows, reason, owner and expires",
                               path, number, item->string);
    }
    TENON_TRY(read_values(path, object, number, values));
    if (!report_is_day(values[3]) || values[3][10])
        return tenon__fail(
            TENON_STATUS_INVALID,
            "'%s': entry %u of the known failures (%.100s) expires on '%.40s', which is no day as YYYY-MM-DD", path,
            number, values[0], values[3]);
    *out_known = (report_known){
        .rows = values[0], .reason = values[1], .owner = values[2], .expires = values[3], .number = number};
    return TENON_STATUS_OK;
}

static tenon_status read_entries(const char *path, const char *day, report *r) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->known_file, "known_failures"), *object = NULL;
    if (!cJSON_IsArray(list))
        return tenon__fail(TENON_STATUS_INVALID,
                           "'%s' is no file of known failures: it must be a JSON object with a "
                           "list 'known_failures'",
                           path);
    r->known = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *r->known);
    if (!r->known) return tenon__fail_memory();
    cJSON_ArrayForEach(object, list) {
        report_known *known = &r->known[r->known_count];
        TENON_TRY(read_entry(path, object, r->known_count + 1, known));
        known->expired = strcmp(known->expires, day) < 0;
        r->expired_count += known->expired;
        r->known_count++;
    }
    return TENON_STATUS_OK;
}

/* Where in the text reading came to an end, as people count. */
static tenon_status fail_syntax(const char *path, const char *text, size_t size, const char *end, const char *what) {
    size_t at = end && end >= text && end < text + size ? (size_t)(end - text) : size, line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        line += text[i] == '\n';
        column = text[i] == '\n' ? 1 : column + 1;
    }
    return tenon__fail(TENON_STATUS_INVALID, "'%s' is no file of known failures: line %zu, column %zu: %s", path, line,
                       column, what);
}

tenon_status report_known_read(const char *path, const char *day, report *r) {
    uint8_t *bytes;
    size_t size;
    TENON_TRY(tenon__file_read(path, FILE_LIMIT, &bytes, &size));
    const char *text = (const char *)bytes, *end = NULL;
    tenon_status status = TENON_STATUS_OK;
    r->known_file = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!r->known_file)
        status = fail_syntax(path, text, size, end, size ? "this is no JSON" : "the file is empty");
    else if (end[strspn(end, " \t\r\n")] != '\0' || strlen(text) != size)
        status = fail_syntax(path, text, size, end + strspn(end, " \t\r\n"), "something follows the JSON object");
    else
        status = read_entries(path, day, r);
    free(bytes);
    return status;
}

report_known *report_known_of(const report *r, const char *name) {
    for (uint32_t i = 0; i < r->known_count; i++)
        if (fnmatch(r->known[i].rows, name, 0) == 0) return &r->known[i];
    return NULL;
}
