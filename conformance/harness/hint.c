#include "harness/hint.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "harness/record.h"

enum { MOST_NAME = 63, MOST_SHOWN = 3 };

/* The part of a filter that is about the case. */
static void case_part(const char *filter, char out_part[MOST_NAME + 1]) {
    (void)snprintf(out_part, MOST_NAME + 1, "%.*s", (int)strcspn(filter, "."), filter);
}

/* It without what stands for other characters. */
static void stem_of(const char *part, char out_stem[MOST_NAME + 1]) {
    size_t length = 0;
    for (; *part && length < MOST_NAME; part++)
        if (!strchr("*?[]", *part)) out_stem[length++] = *part;
    out_stem[length] = '\0';
}

/* Letters to put in, take out or change (Levenshtein). */
static size_t distance(const char *a, const char *b) {
    size_t row[MOST_NAME + 1], length = strnlen(b, MOST_NAME);
    for (size_t k = 0; k <= length; k++) row[k] = k;
    for (size_t i = 0; a[i]; i++) {
        size_t corner = row[0]++;
        for (size_t k = 1; k <= length; k++) {
            size_t changed = corner + (a[i] != b[k - 1]), shorter = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            corner = row[k];
            row[k] = changed < shorter ? changed : shorter;
        }
    }
    return row[length];
}

static bool is_near(const char *stem, const char *name) {
    size_t length = strlen(stem);
    return (length >= 3 && strstr(name, stem)) ||
           (length >= 2 && distance(stem, name) <= (length < 9 ? 1 : length / 4));
}

static void add(char *text, size_t size, const char *before, const char *name) {
    size_t used = strlen(text);
    (void)snprintf(text + used, size - used, "%s%s", before, name);
}

/* Rows of the first listed case that the filter's first part names. */
static bool hint_at_rows(const char *part, const cJSON *listed, const cf_case *table, uint32_t count, char *text,
                         size_t size) {
    const cJSON *one = NULL, *row = NULL;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(listed, "cases")) {
        double index = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(one, "case"));
        if (!(index >= 0 && index < count) || fnmatch(part, table[(uint32_t)index].name, 0) != 0) continue;
        int shown = 0;
        cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(one, "rows")) {
            if (!cJSON_IsString(row) || shown == MOST_SHOWN) continue;
            add(text, size, shown++ ? ", " : "; rows of that case: ", row->valuestring);
        }
        return shown > 0;
    }
    return false;
}

static bool hint_at_profile(const char *part, const cf_case *table, uint32_t count, uint32_t profiles, char *text,
                            size_t size) {
    for (uint32_t i = 0; i < count; i++) {
        if (table[i].profile & profiles || fnmatch(part, table[i].name, 0) != 0) continue;
        add(text, size, "; case ", table[i].name);
        add(text, size, " is of another profile: --profile ", cf_profile_name(table[i].profile));
        return true;
    }
    return false;
}

static bool hint_at_names(const char *part, const cf_case *table, uint32_t count, char *text, size_t size) {
    char stem[MOST_NAME + 1];
    int shown = 0;
    stem_of(part, stem);
    for (uint32_t i = 0; i < count && shown < MOST_SHOWN; i++)
        if (is_near(stem, table[i].name)) add(text, size, shown++ ? ", " : "; cases of names like it: ", table[i].name);
    return shown > 0;
}

void cfh_hint_write(const char *filter, const cJSON *listed, const cf_case *table, uint32_t count, uint32_t profiles,
                    char *out_text, size_t size) {
    char part[MOST_NAME + 1];
    case_part(filter, part);
    (void)snprintf(out_text, size, "--filter '%.200s' matches no row", filter);
    if (hint_at_rows(part, listed, table, count, out_text, size) ||
        hint_at_profile(part, table, count, profiles, out_text, size) ||
        hint_at_names(part, table, count, out_text, size))
        return;
    add(out_text, size, "; --list without --filter names the rows there are", "");
}
