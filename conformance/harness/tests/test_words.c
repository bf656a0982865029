/* What is said of calls of raw hooks that answer wrongly: the hook and what it was asked for, the answer with the plugin's
 * own words, what is due, and by which rule. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases/abi_raw.h"
#include "harness/hint.h"

static const struct words_row {
    tenon_status got;
    uint32_t due;
    const char *reported, *doing, *call, *text; /* reported: NULL is nothing, "" a report without words */
} rows[] = {
    {TENON_STATUS_INTERNAL, CF_STATUS(OK), "no such unit", "", "raw->hooks.work.prepare(raw->device, NULL)",
     "work.prepare answers INTERNAL and reports \"no such unit\"; due is OK (REQ-WORK-02)"},
    {TENON_STATUS_OK, CF_STATUS(INVALID) | CF_STATUS(UNSUPPORTED), NULL, "of 3 bytes", "stream.fill",
     "stream.fill of 3 bytes answers OK; due is INVALID or UNSUPPORTED (REQ-WORK-02)"},
    {TENON_STATUS_INVALID, CF_STATUS(INVALID), NULL, "of device 4, of 4", "raw.hooks.device.open(raw.instance, 4, &d)",
     "device.open of device 4, of 4 answers INVALID and reports nothing; the status is right, but words that say why "
     "are "
     "due on the calling thread (REQ-ERR-02)"},
    {TENON_STATUS_INVALID, CF_STATUS(NOT_FOUND), "", "", "memory.map",
     "memory.map answers INVALID and reports no words; due is NOT_FOUND (REQ-WORK-02)"},
    {4711, CF_STATUS(OK), "well", "", "memory.map",
     "memory.map answers 4711, which is no status, and reports \"well\"; due is OK (REQ-WORK-02)"},
    {TENON_STATUS_INVALID, CF_STATUS(INVALID), "it is so", "of all", "memory.map", ""},
};

static const struct words_row *shown;
static char told[1024];

static bool begin(void *context, const char *name, const char *requirements) {
    (void)context, (void)name;
    ck_assert_str_eq(requirements, "REQ-WORK-02 REQ-ERR-02");
    return true;
}

static void end(void *context, const cf_outcome *outcome) {
    (void)context;
    (void)snprintf(told, sizeof told, "%s", outcome->text);
}

static void answer(void) {
    cf_raw raw;
    if (!cf_begin("one")) return;
    memset(&raw, 0, sizeof raw);
    cf_raw_doing(&raw, "%s", shown->doing);
    cf_raw_forget(&raw);
    if (shown->reported) {
        *(shown->reported[0] ? &raw.host.reports : &raw.host.mute) = 1;
        (void)snprintf(raw.host.words, sizeof raw.host.words, "%s", shown->reported);
    }
    ck_assert_int_eq(cf_raw_answers(&raw, shown->got, shown->due, shown->call), shown->text[0] == '\0');
    ck_assert_str_eq(raw.doing, ""); /* it was of that call alone */
}

START_TEST(wrong_answers_are_told_whole) {
    const cf_case one = {.name = "words", .requirements = "REQ-WORK-02 REQ-ERR-02", .run = answer};
    const cf_sink sink = {.begin = begin, .end = end};
    shown = &rows[_i];
    cf_run_case(&one, &sink);
    ck_assert_str_eq(told, shown->text);
}
END_TEST

/* -- Filters that match nothing ------------------------------------------------------------------------------------ */

static const cf_case table[] = {{.name = "map_add", .profile = CF_PROFILE_BASE},
                                {.name = "map_and", .profile = CF_PROFILE_BASE},
                                {.name = "abi_hosts", .profile = CF_PROFILE_ABI},
                                {.name = "storms", .profile = CF_PROFILE_RUNTIME}};

static const struct {
    const char *filter, *hint;
} hints[] = {
    {"map_ad", "--filter 'map_ad' matches no row; cases of names like it: map_add, map_and"},
    {"map_addd.f32*", "; cases of names like it: map_add"},
    {"abi_hosts.v2*", "; rows of that case: abi_hosts.v1, abi_hosts.grown"},
    {"storm?", "; case storms is of another profile: --profile runtime"},
    {"strms", "; cases of names like it: storms"},
    {"quantum", "; --list without --filter names the rows there are"},
    {"", "; --list without --filter names the rows there are"},
    {"*.x", "; rows of that case: map_add.f32"},
};

START_TEST(filters_that_match_nothing_are_told_what_is_near) {
    cJSON *listed =
        cJSON_Parse("{\"cases\":[{\"case\":0,\"rows\":[\"map_add.f32\"]},{\"case\":1,\"rows\":[\"map_and.i32\"]},"
                    "{\"case\":2,\"rows\":[\"abi_hosts.v1\",\"abi_hosts.grown\"]}]}");
    char text[256];
    ck_assert_ptr_nonnull(listed);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        cfh_hint_write(hints[i].filter, listed, table, sizeof table / sizeof *table, CF_PROFILE_BASE | CF_PROFILE_ABI,
                       text, sizeof text);
        ck_assert_msg(strstr(text, hints[i].hint) != NULL, "'%s': %s", hints[i].filter, text);
    }
    cfh_hint_write("map_ad", listed, table, sizeof table / sizeof *table, CF_PROFILE_BASE, text, 20);
    ck_assert_uint_lt(strlen(text), 20);
    cJSON_Delete(listed);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("words");
    TCase *tests = tcase_create("words");
    tcase_add_loop_test(tests, wrong_answers_are_told_whole, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tests, filters_that_match_nothing_are_told_what_is_near);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
