/* Reports of records of many kinds: what they come to, what is said of bad files, and that the same gives the same bytes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/host/error.h>

#include "report/report.h"
#include "report/tests/make.h"
#include "report/words.h"
#include "support/file.h"

/* Any file will do as a plugin: none is ever loaded. */
static const char plugin[] = "plugin.so";
static char folder[] = "/tmp/tenon-report-XXXXXX";

static void enter_folder(void) {
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    FILE *file = fopen(plugin, "w");
    ck_assert_ptr_nonnull(file);
    fputs("a plugin", file);
    fclose(file);
}

static void leave_folder(void) {
    static const char *const made[] = {"a.jsonl", "b.jsonl", "known.json", "other.so", "out", "refused.jsonl", plugin};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) (void)unlink(made[i]);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void make(int kind, const char *path, unsigned variant) {
    ck_assert(make_records(kind, path, plugin, variant));
}

static void put(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void read_good(const char *path, const char *known, report *out_report) {
    tenon_status status = report_read(path, known, out_report);
    ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", path, tenonh_error_message());
}

/* -- Verdicts ----------------------------------------------------------------------------------------------------- */

static const struct {
    int kind;
    cf_close close;
    const char *claim; /* a part of it */
} verdicts[] = {
    {MAKE_GOOD, CF_CLOSE_CONFORMANT, "conformant: base, ABI " MAKE_ABI ", device mychip"},
    {MAKE_MIXED, CF_CLOSE_FAILED, "failed: base, device mychip: 4 of 226 rows, and verdicts differ from run to run"},
    {MAKE_LARGE, CF_CLOSE_FAILED, "failed: base, device mychip: 5 of 19210 rows"},
    {MAKE_ALL_FAIL, CF_CLOSE_FAILED, "failed: base, device mychip: 2938 of 2938 rows"},
    {MAKE_IDLE, CF_CLOSE_FAILED, "226 of 226 rows; the device computes nothing"},
    {MAKE_HOSTILE, CF_CLOSE_FAILED, "device mychip: 1 of 226 rows"},
    {MAKE_NO_ROWS, CF_CLOSE_FAILED, "no row passed"},
    {MAKE_REFUSED, CF_CLOSE_REFUSED, "not loaded"},
    {MAKE_UNENDED, CF_CLOSE_NO_VERDICT, "no final line"},
    {MAKE_ONE_RUN, CF_CLOSE_PASSED, "Runs: 1, shuffled: 0"},
    {MAKE_FILTERED, CF_CLOSE_PASSED, "Filter: map_*"},
    {MAKE_WEDGED, CF_CLOSE_NO_VERDICT, "Rows that ran: 61 of 226"},
    {MAKE_DISAGREE, CF_CLOSE_FAILED, "device mychip: 1 of 226 rows"},
    {MAKE_LACKING, CF_CLOSE_FAILED, "no row passed"},
    {MAKE_HALF, CF_CLOSE_FAILED, "no row of profile runtime passed"},
    {MAKE_PART, CF_CLOSE_PASSED, "Filter: * No row passed of profile runtime."},
};

START_TEST(verdicts_follow_from_rows) {
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        report r;
        make(verdicts[i].kind, "a.jsonl", 0);
        read_good("a.jsonl", NULL, &r);
        ck_assert_msg(r.close == verdicts[i].close, "row %zu: %s", i, r.claim);
        ck_assert_msg(strstr(r.claim, verdicts[i].claim) != NULL, "row %zu: %s", i, r.claim);
        report_free(&r);
    }
}
END_TEST

static const struct {
    const char *name, *text; /* NULL: make `kind` */
    int kind;
    const char *message;
} bad_files[] = {
    {"empty", "", 0, "a.jsonl is empty"},
    {"cut_header", "{\"format\":1", 0, "there is no header"},
    {"no_json", "hello\n", 0, "line 1: this is no JSON object"},
    {"other_format", "{\"format\":99}\n", 0, "line 1: this is no file of records of this format"},
    {"a_list", "[1,2]\n", 0, "line 1: this is no JSON object"},
    {"duplicate_rows", NULL, MAKE_DUPLICATE, "two rows have one name"},
    {"stranger", NULL, MAKE_STRANGER, "no case lists this row"},
};

START_TEST(bad_files_are_told) {
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        report r;
        if (bad_files[i].text)
            put("a.jsonl", bad_files[i].text);
        else
            make(bad_files[i].kind, "a.jsonl", 0);
        ck_assert_int_eq(report_read("a.jsonl", NULL, &r), TENON_STATUS_BAD_DATA);
        ck_assert_msg(strstr(tenonh_error_message(), bad_files[i].message) != NULL, "%s: %s", bad_files[i].name,
                      tenonh_error_message());
        report_free(&r);
    }
}
END_TEST

/* A file cut at any byte is read or refused with words, and is never taken for a whole one. */
START_TEST(cut_files_are_never_conformant) {
    uint8_t *bytes;
    size_t size;
    make(MAKE_GOOD, "a.jsonl", 0);
    ck_assert_int_eq(tenon__file_read("a.jsonl", 1 << 24, &bytes, &size), TENON_STATUS_OK);
    for (size_t cut = 0; cut<size; cut += cut % 1024> 1000 ? 1 : 487) {
        report r;
        FILE *file = fopen("b.jsonl", "w");
        ck_assert_uint_eq(fwrite(bytes, 1, cut, file), cut);
        fclose(file);
        if (report_read("b.jsonl", NULL, &r) == TENON_STATUS_OK)
            ck_assert_msg(r.close == CF_CLOSE_NO_VERDICT, "cut at %zu: %s", cut, r.claim);
        report_free(&r);
    }
    free(bytes);
}
END_TEST

/* -- Known failures ----------------------------------------------------------------------------------------------- */

#define ENTRY(rows, expires)                                                                                           \
    "{\"known_failures\":[{\"rows\":\"" rows "\",\"reason\":\"r\",\"owner\":\"o\",\"expires\":\"" expires "\"}]}"

/* Cuts the last line off. */
static void cut_last_line(const char *path) {
    uint8_t *bytes;
    size_t size;
    ck_assert_int_eq(tenon__file_read(path, 1 << 26, &bytes, &size), TENON_STATUS_OK);
    size_t end = size - 1;
    while (end > 0 && bytes[end - 1] != '\n') end--;
    ck_assert_int_eq(truncate(path, (off_t)end), 0);
    free(bytes);
}

/* What a run writes as its last line is what is read from its records afterwards: of every kind of run, and when its
 * plugin's file has changed meanwhile. */
START_TEST(last_lines_say_what_reports_say) {
    char hash[CF_SHA256_HEX];
    ck_assert(cf_sha256_file("plugin.so", UINT64_MAX, hash));
    for (size_t i = 0; i < 2 * sizeof verdicts / sizeof *verdicts; i++) {
        int kind = verdicts[i / 2].kind;
        bool changes = i % 2;
        report r;
        cJSON *final = NULL;
        cf_record_writer writer;
        if (kind == MAKE_REFUSED || kind == MAKE_UNENDED) continue; /* nothing is left to be judged */
        make(kind, "a.jsonl", 0);
        cut_last_line("a.jsonl");
        if (changes) hash[0] ^= 1;
        ck_assert_int_eq(report_final("a.jsonl", hash, &final), TENON_STATUS_OK);
        char *claim = strdup(cJSON_GetStringValue(cJSON_GetObjectItem(final, "claim")));
        char *verdict = strdup(cJSON_GetStringValue(cJSON_GetObjectItem(final, "verdict")));
        int code = cJSON_GetObjectItem(final, "exit")->valueint;
        ck_assert(cf_record_open("a.jsonl", true, &writer) && cf_record_final(&writer, final, hash));
        cf_record_close(&writer);
        if (changes) hash[0] ^= 1;
        read_good("a.jsonl", NULL, &r);
        ck_assert_uint_eq(r.close, changes ? CF_CLOSE_NO_VERDICT : verdicts[i / 2].close);
        ck_assert_str_eq(r.claim, claim);
        ck_assert_str_eq(cf_close_name(r.close), verdict);
        ck_assert_int_eq(report_exit(&r), code);
        report_free(&r);
        free(claim);
        free(verdict);
    }
}
END_TEST

static const struct {
    const char *name, *known;
    int kind;
    cf_close close;
    report_outcome outcome; /* that one row at least has */
} expectations[] = {
    {"excuses", ENTRY("map_values.sqrt_f32_n3", "2026-11-20"), MAKE_DISAGREE, CF_CLOSE_PASSED, REPORT_KNOWN},
    {"expired_on_the_day_after", ENTRY("map_values.sqrt_f32_n3", "2026-11-19"), MAKE_DISAGREE, CF_CLOSE_FAILED,
     REPORT_DISAGREE},
    {"expired_without_a_row", ENTRY("nobody.*", "2026-11-19"), MAKE_GOOD, CF_CLOSE_FAILED, REPORT_PASS},
    {"not_in_this_run", ENTRY("nobody.*", "2026-11-20"), MAKE_GOOD, CF_CLOSE_CONFORMANT, REPORT_PASS},
    {"unexpected_pass", ENTRY("map_values.sqrt_f32_n3", "2027-01-01"), MAKE_GOOD, CF_CLOSE_FAILED,
     REPORT_UNEXPECTED_PASS},
    {"glob_covers_passing_rows", ENTRY("map_values.sqrt_f32_*", "2027-01-01"), MAKE_DISAGREE, CF_CLOSE_FAILED,
     REPORT_UNEXPECTED_PASS},
    {"excuses_no_silence", ENTRY("*", "2027-01-01"), MAKE_UNENDED, CF_CLOSE_FAILED, REPORT_NOT_RUN},
    {"all_known", ENTRY("*", "2027-01-01"), MAKE_ALL_FAIL, CF_CLOSE_PASSED, REPORT_KNOWN},
    {"none", "{\"known_failures\":[]}", MAKE_GOOD, CF_CLOSE_CONFORMANT, REPORT_PASS},
};

START_TEST(known_failures_are_expected) {
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++) {
        report r;
        make(expectations[i].kind, "a.jsonl", 0);
        put("known.json", expectations[i].known);
        read_good("a.jsonl", "known.json", &r);
        ck_assert_msg(r.close == expectations[i].close, "%s: %s", expectations[i].name, r.claim);
        ck_assert_msg(r.counts[expectations[i].outcome] > 0, "%s: no row is %s", expectations[i].name,
                      report_outcome_name(expectations[i].outcome));
        report_free(&r);
    }
}
END_TEST

static const struct {
    const char *known, *message;
} bad_lists[] = {
    {"", "line 1, column 1: the file is empty"},
    {"{\"known_failures\": [\n  {\"rows\": \"*\",}\n]}", "line 2, column 1"},
    {"{\"known_failures\":[]}\n]", "line 2, column 1: something follows"},
    {"{\"known_failures\":[{\"rows\":\"map*\"}]}",
     "entry 1 of the known failures (map*) does not say its 'reason', 'owner', 'expires'"},
    {"{\"known_failures\":[{\"rows\":\"a\",\"rows\":\"b\",\"reason\":\"r\",\"owner\":\"o\",\"expires\":\"2027-01-01\"}]"
     "}",
     "has two members 'rows'"},
    {"[]", "no file of known failures"},
    {"{\"known\":[]}", "no file of known failures"},
    {"{\"known_failures\":[3]}", "entry 1 of the known failures is no object"},
    {"{\"known_failures\":[{\"reason\":\"r\",\"owner\":\"o\",\"expires\":\"2027-01-01\"}]}", "does not say its 'rows'"},
    {"{\"known_failures\":[{\"rows\":\"*\",\"owner\":\"o\",\"expires\":\"2027-01-01\"}]}", "does not say its 'reason'"},
    {"{\"known_failures\":[{\"rows\":\"*\",\"reason\":\"r\",\"owner\":\" \",\"expires\":\"2027-01-01\"}]}", "'owner'"},
    {"{\"known_failures\":[{\"rows\":\"*\",\"reason\":\"r\",\"owner\":\"o\"}]}", "does not say its 'expires'"},
    {"{\"known_failures\":[{\"rows\":\"*\",\"reason\":\"r\",\"owner\":\"o\",\"expires\":5}]}", "'expires'"},
    {"{\"known_failures\":[{\"rows\":\"*\",\"reason\":\"r\",\"owner\":\"o\",\"expires\":\"2027-01-01\",\"expire\":1}]}",
     "has a member 'expire'"},
    {ENTRY("*", "soon"), "no day"},
    {ENTRY("*", "2027-02-29"), "no day"},
    {ENTRY("*", "2027-13-01"), "no day"},
    {ENTRY("*", "27-01-01"), "no day"},
    {ENTRY("*", "2027-01-01T00:00"), "no day"},
};

START_TEST(bad_lists_are_told) {
    make(MAKE_GOOD, "a.jsonl", 0);
    for (size_t i = 0; i < sizeof bad_lists / sizeof *bad_lists; i++) {
        report r;
        put("known.json", bad_lists[i].known);
        ck_assert_int_eq(report_read("a.jsonl", "known.json", &r), TENON_STATUS_INVALID);
        ck_assert_msg(strstr(tenonh_error_message(), bad_lists[i].message) != NULL, "row %zu: %s", i,
                      tenonh_error_message());
        report_free(&r);
    }
}
END_TEST

/* -- The same bytes ----------------------------------------------------------------------------------------------- */

static void (*const writers[])(const report *r, tenon__text *out) = {report_write_json, report_write_junit,
                                                                     report_write_html};

static char *render(const char *path, size_t writer, bool stable) {
    report r;
    tenon__text text = {0};
    read_good(path, NULL, &r);
    r.stable = stable;
    writers[writer](&r, &text);
    ck_assert(!text.failed);
    report_free(&r);
    return tenon__text_take(&text);
}

START_TEST(the_same_records_give_the_same_bytes) {
    static const int kinds[] = {MAKE_MIXED, MAKE_HOSTILE, MAKE_GOOD};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t w = 0; w < sizeof writers / sizeof *writers; w++) {
            make(kinds[k], "a.jsonl", 0);
            make(kinds[k], "b.jsonl", 1); /* other times, other machine */
            char *once = render("a.jsonl", w, false), *again = render("a.jsonl", w, false);
            char *there = render("b.jsonl", w, false);
            ck_assert_str_eq(once, again);
            ck_assert_str_ne(once, there);
            free(once), free(again), free(there);
            once = render("a.jsonl", w, true), there = render("b.jsonl", w, true);
            ck_assert_str_eq(once, there);
            free(once), free(there);
        }
}
END_TEST

/* -- Words -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *xml, *json;
} words[] = {
    {"plain é 漢", "plain é 漢", "\"plain é 漢\""},
    {"<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;", "\"<a href=\\\"x\\\">&'\""},
    {"\x1b[1m\t\n\r", "\\x1b[1m\t\n\\x0d", "\"\\u001b[1m\\u0009\\n\\u000d\""},
    {"\xff\xc3", "\\xff\\xc3", "\"\\\\xff\\\\xc3\""},
    {"\xc0\xaf", "\\xc0\\xaf", "\"\\\\xc0\\\\xaf\""},                                 /* overlong */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\\\xed\\\\xa0\\\\x80\""},                 /* a surrogate */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\""}, /* past the last character */
    {"\xef\xbf\xbf", "\\xef\\xbf\\xbf", "\"\xef\xbf\xbf\""},
    {"\xe2\x80\xae", "\\xe2\\x80\\xae", "\"\xe2\x80\xae\""}, /* turns the direction */
    {"", "", "\"\""},
};

START_TEST(words_are_made_safe) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        tenon__text xml = {0}, json = {0};
        report_xml(&xml, words[i].text);
        report_json(&json, words[i].text);
        ck_assert_str_eq(tenon__text_string(&xml), words[i].xml);
        ck_assert_str_eq(tenon__text_string(&json), words[i].json);
        tenon__text_free(&xml);
        tenon__text_free(&json);
    }
}
END_TEST

START_TEST(commands_are_quoted) {
    report r;
    tenon__text text = {0};
    make(MAKE_GOOD, "a.jsonl", 0);
    read_good("a.jsonl", NULL, &r);
    report_command(&r, "a.b c'd$(e)", &text);
    ck_assert_str_eq(tenon__text_string(&text),
                     "tenon test plugin.so --profile base --filter 'a.b c'\\''d$(e)' --seed 0x000000000000002a");
    tenon__text_free(&text);
    cJSON_DeleteItemFromObject(r.records.header, "index");
    cJSON_DeleteItemFromObject(r.records.header, "layers");
    cJSON_AddNumberToObject(r.records.header, "index", 2);
    cJSON_AddStringToObject(r.records.header, "layers", "validate,skew:older=1");
    report_command(&r, "a.b", &text);
    ck_assert_str_eq(tenon__text_string(&text),
                     "tenon test plugin.so --profile base --filter a.b --seed 0x000000000000002a "
                     "--device 2 --layers validate,skew:older=1");
    tenon__text_free(&text);
    report_free(&r);
}
END_TEST

/* -- Differences -------------------------------------------------------------------------------------------------- */

static const struct {
    int before, after, code;
    const char *text;
} differences[] = {
    {MAKE_GOOD, MAKE_GOOD, 0, "no row changed"},
    {MAKE_GOOD, MAKE_MIXED, 1, "map_values.mul_f16_n4: pass -> crash: the worker died"},
    {MAKE_MIXED, MAKE_GOOD, 0, "map_values.mul_f16_n4: crash -> pass"},
    {MAKE_GOOD, MAKE_LACKING, 1, "225 rows got worse"}, /* a device that declares less shows less */
    {MAKE_GOOD, MAKE_DISAGREE, 1, "map_values.sqrt_f32_n3: pass -> runs disagree"},
    {MAKE_LARGE, MAKE_GOOD, 1, "18,984 rows vanished"},
    {MAKE_GOOD, MAKE_LARGE, 1, "18,984 rows appeared"},
    {MAKE_GOOD, MAKE_FILTERED, 1, "verdict: conformant -> passed"},
};

START_TEST(differences_are_told) {
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        report a, b;
        tenon__text text = {0}, json = {0};
        make(differences[i].before, "a.jsonl", 0);
        make(differences[i].after, "b.jsonl", 0);
        read_good("a.jsonl", NULL, &a);
        read_good("b.jsonl", NULL, &b);
        ck_assert_msg(report_diff(&a, &b, &text) == differences[i].code, "row %zu: %s", i, tenon__text_string(&text));
        ck_assert_msg(strstr(tenon__text_string(&text), differences[i].text) != NULL, "row %zu: %s", i,
                      tenon__text_string(&text));
        ck_assert_int_eq(report_diff_json(&a, &b, &json), differences[i].code);
        cJSON *parsed = cJSON_Parse(tenon__text_string(&json));
        ck_assert_ptr_nonnull(parsed);
        cJSON_Delete(parsed);
        tenon__text_free(&json);
        tenon__text_free(&text);
        report_free(&a);
        report_free(&b);
    }
}
END_TEST

/* -- The command -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *arguments[8];
    int code;
} calls[] = {
    {{"html", "a.jsonl", "-o", "out"}, 0},
    {{"junit", "a.jsonl", "--output=out"}, 0},
    {{"json", "a.jsonl", "--output", "out", "--stable"}, 0},
    {{"json", "a.jsonl", "-o", "out", "--known-failures", "known.json"}, 0},
    {{"--help"}, 0},
    {{"html", "--help"}, 0},
    {{"verdict", "a.jsonl"}, 0},
    {{"verdict", "refused.jsonl"}, 5},
    {{"diff", "a.jsonl", "a.jsonl"}, 0},
    {{NULL}, 2},
    {{"pdf", "a.jsonl"}, 2},
    {{"html"}, 2},
    {{"html", "a.jsonl", "b.jsonl"}, 2},
    {{"html", "a.jsonl", "--colour"}, 2},
    {{"html", "a.jsonl", "-o"}, 2},
    {{"html", "a.jsonl", "--known-failures"}, 2},
    {{"json", "a.jsonl", "--json"}, 2},
    {{"diff", "a.jsonl"}, 2},
    {{"verify", "a.jsonl"}, 2},
    {{"verify", "a.jsonl", "plugin.so", "--known-failures", "known.json"}, 2},
    {{"summary", "a.jsonl"}, 0},
    {{"verdict", "a.jsonl", "--known-failures", "bad.json"}, 2},
    {{"verdict", "a.jsonl", "--known-failures", "plugin.so"}, 2},
    {{"html", "nothing.jsonl"}, 2},
    {{"html", "a.jsonl", "-o", "no/such/folder"}, 6},
    {{"verify", "nothing.jsonl", "plugin.so"}, 2},
    {{"verify", "plugin.so", "plugin.so"}, 3},
};

START_TEST(calls_give_exit_codes) {
    make(MAKE_GOOD, "a.jsonl", 0);
    make(MAKE_REFUSED, "refused.jsonl", 0);
    put("known.json", ENTRY("nobody.*", "2027-01-01"));
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *arguments[9] = {0};
        int count = 0;
        while (count < 8 && calls[i].arguments[count]) {
            arguments[count] = strdup(calls[i].arguments[count]);
            count++;
        }
        int code = report_main(count, arguments);
        ck_assert_msg(code == calls[i].code, "row %zu: %d", i, code);
        for (int k = 0; k < count; k++) free(arguments[k]);
    }
}
END_TEST

/* What `tenon test` gives in the end, with its run's own exit code. */
static const struct {
    int kind, code;
    const char *known; /* NULL: no list */
    int expected;
} endings[] = {
    {MAKE_GOOD, 0, NULL, 0},
    {MAKE_DISAGREE, 1, NULL, 1},
    {MAKE_DISAGREE, 1, ENTRY("map_values.sqrt_f32_n3", "2027-01-01"), 0},
    {MAKE_DISAGREE, 1, ENTRY("map_values.sqrt_f32_n3", "2026-01-01"), 1},
    {MAKE_GOOD, 0, ENTRY("map_values.sqrt_f32_n3", "2027-01-01"), 1},
    {MAKE_WEDGED, 6, ENTRY("*", "2027-01-01"), 6},
    {MAKE_UNENDED, 130, ENTRY("*", "2027-01-01"), 130},
    {MAKE_REFUSED, 5, ENTRY("*", "2027-01-01"), 5},
};

START_TEST(runs_end_with_reports) {
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const report_wishes wishes = {.junit = "out", .known_failures = endings[i].known ? "known.json" : NULL};
        make(endings[i].kind, "a.jsonl", 0);
        if (endings[i].known) put("known.json", endings[i].known);
        (void)unlink("out");
        ck_assert_int_eq(report_check_wishes(&wishes), 0);
        ck_assert_msg(report_of_run("a.jsonl", &wishes, NULL, endings[i].code) == endings[i].expected, "row %zu", i);
        ck_assert_int_eq(access("out", R_OK), 0);
    }
    const report_wishes nowhere = {.junit = "no/such/folder"};
    make(MAKE_GOOD, "a.jsonl", 0);
    ck_assert_int_eq(report_of_run("a.jsonl", &nowhere, NULL, 0), 6); /* the plugin did not fail */
    make(MAKE_DISAGREE, "a.jsonl", 0);
    ck_assert_int_eq(report_of_run("a.jsonl", &nowhere, NULL, 1), 1);
}
END_TEST

/* Before a run: every path is tried, and an old report is left as it is. */
static const struct {
    const char *name;
    report_wishes wishes;
    int code;
} preparations[] = {
    {"good", {.junit = "out", .json = "a.jsonl", .html = "-", .plugin = "plugin.so"}, 0},
    {"device", {.junit = "/dev/null", .json = "/dev/null"}, 0},
    {"no_folder", {.json = "no/such/folder"}, 2},
    {"no_folder_for_records", {.records = "no/such/folder"}, 2},
    {"folder", {.html = "."}, 2},
    {"twice", {.json = "out", .html = "out"}, 2},
    {"twice_and_not_there", {.json = "new", .html = "new"}, 2},
    {"the_plugin", {.html = "plugin.so", .plugin = "./plugin.so"}, 2},
    {"the_records", {.json = "a.jsonl", .records = "a.jsonl"}, 2},
    {"what_is_resumed", {.json = "a.jsonl", .resume = "./a.jsonl"}, 2},
    {"the_list", {.json = "known.json", .known_failures = "known.json"}, 2},
    {"no_list", {.known_failures = "a.jsonl"}, 2},
    {"list_not_there", {.known_failures = "nothing.json"}, 2},
};

START_TEST(paths_are_tried_before_a_run) {
    uint8_t *bytes;
    size_t size;
    make(MAKE_GOOD, "a.jsonl", 0);
    put("known.json", ENTRY("*", "2027-01-01"));
    put("out", "an old report");
    for (size_t i = 0; i < sizeof preparations / sizeof *preparations; i++) {
        int code = report_check_wishes(&preparations[i].wishes);
        ck_assert_msg(code == preparations[i].code, "%s: %d", preparations[i].name, code);
    }
    ck_assert_int_eq(access("new", F_OK), -1);
    ck_assert_int_eq(tenon__file_read("out", 1 << 20, &bytes, &size), TENON_STATUS_OK);
    ck_assert_str_eq((const char *)bytes, "an old report");
    free(bytes);
}
END_TEST

/* -- Words about failures ----------------------------------------------------------------------------------------- */

/* What people read of a list of known failures, in each form; none: nothing is to be done. */
static const struct {
    const char *known;
    int kind;
    bool fails;
    const char *finding;
} findings[] = {
    {ENTRY("map_values.sqrt_f32_n3", "2027-01-01"), MAKE_DISAGREE, false, NULL},
    {ENTRY("map_values.sqrt_f32_n3", "2027-01-01"), MAKE_GOOD, true,
     "entry 1 of the known failures ('map_values.sqrt_f32_n3', owner o) expects failures, and rows pass: "
     "map_values.sqrt_f32_n3; remove the entry"},
    {ENTRY("map_values.sqrt_f32_n?", "2027-01-01"), MAKE_DISAGREE, true, "; narrow its 'rows' to what still fails"},
    {ENTRY("map_values.sqrt_f32_n3", "2026-01-01"), MAKE_DISAGREE, true,
     "entry 1 of the known failures ('map_values.sqrt_f32_n3', owner o) expired on 2026-01-01, and rows fail: "
     "map_values.sqrt_f32_n3; mend them, or agree with the owner on a later day"},
    {ENTRY("map_values.*", "2026-01-01"), MAKE_ALL_FAIL, true, " more; mend them"},
    {ENTRY("nobody.*", "2026-01-01"), MAKE_GOOD, true, "expired on 2026-01-01, and no row that it covers fails"},
    {ENTRY("nobody.*", "2027-01-01"), MAKE_GOOD, false,
     "entry 1 of the known failures ('nobody.*', owner o) covers no row of this run"},
};

START_TEST(known_failures_say_what_to_do) {
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++) {
        static void (*const forms[])(const report *r, tenon__text *out) = {report_write_summary, report_write_json,
                                                                           report_write_junit, report_write_html};
        report r;
        make(findings[i].kind, "a.jsonl", 0);
        put("known.json", findings[i].known);
        read_good("a.jsonl", "known.json", &r);
        ck_assert_int_eq(report_known_fails(&r.known[0]), findings[i].fails);
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
            tenon__text text = {0}, wanted = {0};
            forms[k](&r, &text);
            if (k < 2)
                tenon__text_add(&wanted, findings[i].finding ? findings[i].finding : "");
            else
                report_xml(&wanted, findings[i].finding ? findings[i].finding : "");
            const char *said = strstr(tenon__text_string(&text), tenon__text_string(&wanted));
            ck_assert_msg(said != NULL, "row %zu, form %zu: %.2000s", i, k, tenon__text_string(&text));
            if (!findings[i].finding) ck_assert_ptr_null(strstr(tenon__text_string(&text), "entry 1 of the known"));
            tenon__text_free(&wanted);
            tenon__text_free(&text);
        }
        report_free(&r);
    }
}
END_TEST

static uint32_t count_of(const char *text, const char *word) {
    uint32_t count = 0;
    for (; (text = strstr(text, word)); text += strlen(word)) count++;
    return count;
}

/* However many rows fail, a case is one block, and no more than a few blocks are whole. */
START_TEST(failures_are_folded_by_case) {
    report r;
    tenon__text text = {0};
    make(MAKE_ALL_FAIL, "a.jsonl", 0);
    read_good("a.jsonl", NULL, &r);
    report_write_summary(&r, &text);
    const char *said = tenon__text_string(&text);
    ck_assert_msg(count_of(said, "\n") <= 5 * r.records.case_count + 2, "%s", said);
    ck_assert_uint_eq(count_of(said, " rows ("), r.records.case_count);
    ck_assert_uint_ge(count_of(said, "    again  tenon test "), 1);
    ck_assert_uint_ge(count_of(said, "    rule   REQ-"), 1);
    tenon__text_free(&text);
    report_free(&r);
    make(MAKE_GOOD, "a.jsonl", 0);
    read_good("a.jsonl", NULL, &r);
    report_write_summary(&r, &text);
    ck_assert_str_eq(tenon__text_string(&text), "");
    tenon__text_free(&text);
    report_free(&r);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");
    suite_add_tcase(suite, tests);
    tcase_add_unchecked_fixture(tests, enter_folder, leave_folder);
    tcase_add_test(tests, verdicts_follow_from_rows);
    tcase_add_test(tests, last_lines_say_what_reports_say);
    tcase_add_test(tests, bad_files_are_told);
    tcase_add_test(tests, cut_files_are_never_conformant);
    tcase_add_test(tests, known_failures_are_expected);
    tcase_add_test(tests, bad_lists_are_told);
    tcase_add_test(tests, the_same_records_give_the_same_bytes);
    tcase_add_test(tests, words_are_made_safe);
    tcase_add_test(tests, commands_are_quoted);
    tcase_add_test(tests, differences_are_told);
    tcase_add_test(tests, calls_give_exit_codes);
    tcase_add_test(tests, runs_end_with_reports);
    tcase_add_test(tests, paths_are_tried_before_a_run);
    tcase_add_test(tests, known_failures_say_what_to_do);
    tcase_add_test(tests, failures_are_folded_by_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
