/* Verdicts recomputed offline: records of a whole profile of this suite, and the same with one thing wrong each. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/host/error.h>

#include "cases/cases.h"
#include "report/report.h"
#include "report/tests/make.h"
#include "support/file.h"

static char folder[] = "/tmp/tenon-verify-XXXXXX";

static void put(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void enter_folder(void) {
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    put("plugin.so", "a plugin");
    put("other.so", "a plugin.");
}

static void leave_folder(void) {
    static const char *const made[] = {"a.jsonl", "other.so", "plugin.so"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) (void)unlink(made[i]);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* -- Records of the profile model, whose rows need no device to be listed -------------------------------------------- */

enum {
    NO_ROW = 1,        /* one row is not listed */
    NO_CASE = 2,       /* one case neither */
    FAILING_ROW = 4,   /* and the final line says "conformant" all the same */
    SILENT_ROW = 8,    /* a row of the second run has no end */
    ONE_RUN = 16,      /* and the final line says "conformant" */
    OTHER_SUITE = 32,  /* all of it of another version */
    OTHER_FINAL = 64,  /* the final line is about another file */
    NO_PROFILE = 128,  /* of a profile that there is none of */
    HONEST_FAIL = 256, /* a failing row, and the final line says so */
    SAME_ORDER = 512,  /* the second run is as the first, and the final line says "passed" */
    RUNS_ONE = 1024,   /* the header announces one run, and there are two */
    RUNS_THREE = 2048, /* the same of three */
};

typedef struct maker {
    unsigned faults;
    cf_record_writer writer;
    cJSON *listed;
    uint32_t run, index;
} maker;

static bool take_row(void *context, const char *name, const char *requirements) {
    maker *m = context;
    uint32_t index = m->index++;
    if (m->faults & NO_ROW && index == 3) return false;
    if (m->listed) {
        cJSON_AddItemToArray(m->listed, cJSON_CreateString(name));
        return false;
    }
    bool fails = m->faults & (FAILING_ROW | HONEST_FAIL) && index == 5;
    cf_outcome outcome = {.name = name, .requirements = requirements, .text = fails ? "wrong" : "", .error = 0.5};
    outcome.verdict = fails ? CF_VERDICT_FAIL : CF_VERDICT_PASS;
    (void)cf_record_begin(&m->writer, m->run, 0, name);
    if (!(m->faults & SILENT_ROW && m->run == 1 && index == 5)) (void)cf_record_end(&m->writer, m->run, &outcome, "");
    return false;
}

static void each_case(maker *m, bool list) {
    m->index = 0;
    for (uint32_t i = 0; i < cf_case_count; i++) {
        if (cf_cases[i].profile != CF_PROFILE_MODEL) continue;
        if (m->faults & NO_CASE && strcmp(cf_cases[i].name, "model_repeats") == 0) continue;
        cJSON *line = list ? cJSON_CreateObject() : NULL;
        if (list) cJSON_AddStringToObject(line, "case", cf_cases[i].name);
        if (list) cJSON_AddStringToObject(line, "profile", "model");
        m->listed = list ? cJSON_AddArrayToObject(line, "rows") : NULL;
        cf_run_case(&cf_cases[i], &(cf_sink){.context = m, .begin = take_row});
        if (list) (void)cf_record_write(&m->writer, line);
    }
}

/* 9.x.y */
static const char *other_version(void) {
    static char version[] = TENON__VERSION;
    version[0] = '9';
    return version;
}

static void write_header(maker *m, const char *hash) {
    cJSON *header = cJSON_CreateObject();
    cJSON_AddNumberToObject(header, "format", CF_RECORD_FORMAT);
    cJSON_AddStringToObject(header, "suite", m->faults & OTHER_SUITE ? other_version() : TENON__VERSION);
    cJSON_AddStringToObject(header, "profile", m->faults & NO_PROFILE ? "model,speed" : "model");
    cJSON_AddNumberToObject(header, "runs", m->faults & RUNS_ONE ? 1 : m->faults & RUNS_THREE ? 3 : 2);
    cJSON *plugin = cJSON_AddObjectToObject(header, "plugin"), *device = cJSON_AddObjectToObject(header, "device");
    cJSON_AddStringToObject(plugin, "abi", MAKE_ABI);
    cJSON_AddStringToObject(plugin, "sha256", hash);
    cJSON_AddStringToObject(device, "name", "chip");
    (void)cf_record_write(&m->writer, header);
}

static void make(const char *path, unsigned faults) {
    char hash[CF_SHA256_HEX], other[CF_SHA256_HEX];
    maker m = {.faults = faults};
    ck_assert(cf_sha256_file("plugin.so", UINT64_MAX, hash) && cf_sha256_file("other.so", UINT64_MAX, other));
    ck_assert(cf_record_open(path, false, &m.writer));
    write_header(&m, hash);
    each_case(&m, true);
    m.listed = NULL;
    for (m.run = 0; m.run < (faults & ONE_RUN ? 1u : 2u); m.run++) {
        cJSON *line = cJSON_CreateObject();
        cJSON_AddNumberToObject(line, "run", m.run);
        cJSON_AddStringToObject(line, "order", m.run && !(faults & SAME_ORDER) ? "shuffled" : "table");
        (void)cf_record_write(&m.writer, line);
        each_case(&m, false);
    }
    cJSON *final = cJSON_CreateObject();
    cJSON_AddStringToObject(final, "verdict",
                            faults & HONEST_FAIL  ? "failed"
                            : faults & SAME_ORDER ? "passed"
                                                  : "conformant");
    (void)cf_record_final(&m.writer, final, faults & OTHER_FINAL ? other : hash);
    if (faults & OTHER_SUITE) { /* the final line is of the version that wrote it */
        uint8_t *bytes;
        size_t size;
        ck_assert_int_eq(tenon__file_read(path, 1 << 24, &bytes, &size), TENON_STATUS_OK);
        char *at = strstr((char *)bytes, "\"suite\":\"" TENON__VERSION "\"");
        ck_assert_ptr_nonnull(at);
        at[strlen("\"suite\":\"")] = '9';
        put(path, (char *)bytes);
        free(bytes);
    }
    cf_record_close(&m.writer);
}

/* -- Verdicts ------------------------------------------------------------------------------------------------------- */

static int verify(const char *plugin, tenon__text *out) {
    report r;
    tenon_status status = report_read("a.jsonl", NULL, &r);
    ck_assert_msg(status == TENON_STATUS_OK, "%s", tenonh_error_message());
    int code = report_verify(&r, "a.jsonl", plugin, out);
    report_free(&r);
    return code;
}

static const struct {
    unsigned faults;
    const char *plugin;
    int code;
    const char *text;
} rows[] = {
    {0, "plugin.so", 0, "conformant: model, ABI " MAKE_ABI ", device chip"},
    {0, "other.so", 3, "other plugin: 'other.so' has SHA-256"},
    {0, "nothing.so", 2, "no plugin: 'nothing.so' cannot be read"},
    {NO_ROW, "plugin.so", 1, "missing: row model_outputs."},
    {NO_CASE, "plugin.so", 1, "missing: row model_repeats."},
    {FAILING_ROW, "plugin.so", 3, "tampered: the final line says 'conformant', its rows come to 'failed'"},
    {SILENT_ROW, "plugin.so", 3, "tampered: the final line says 'conformant', its rows come to 'no verdict'"},
    {ONE_RUN, "plugin.so", 3, "tampered: the final line says 'conformant', its rows come to 'passed'"},
    {OTHER_SUITE, "plugin.so", 4, "other suite: the records are of suite 9."},
    {OTHER_FINAL, "plugin.so", 3, "tampered: the final line is about plugin"},
    {NO_PROFILE, "plugin.so", 4, "unknown profile: this suite has no profile 'model,speed'"},
    {HONEST_FAIL, "plugin.so", 1, "does not hold: No row failed"},
    {SAME_ORDER, "plugin.so", 1, "does not hold: A second run in another order was made"},
    {RUNS_ONE, "plugin.so", 3, "tampered: the header announces 1 runs, the file has 2"},
    {RUNS_THREE, "plugin.so", 3, "tampered: the header announces 3 runs, the file has 2"},
};

START_TEST(verdicts_are_recomputed) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tenon__text text = {0};
        make("a.jsonl", rows[i].faults);
        int code = verify(rows[i].plugin, &text);
        ck_assert_msg(code == rows[i].code && strstr(tenon__text_string(&text), rows[i].text), "row %zu: %d, %s", i,
                      code, tenon__text_string(&text));
        tenon__text_free(&text);
    }
}
END_TEST

/* Every case of the suite can be listed for whatever device a header describes, without it. */
START_TEST(cases_are_listed_without_a_device) {
    report r = {0};
    for (uint32_t kinds = 1; kinds < 8; kinds++) {
        cJSON *device = cJSON_CreateObject();
        r.records.header = cJSON_CreateObject();
        cJSON_AddNumberToObject(device, "work_kinds", kinds);
        cJSON_AddNumberToObject(device, "memory_types", kinds % 3 + 1);
        cJSON_AddItemToObject(r.records.header, "device", device);
        for (uint32_t i = 0; i < cf_case_count; i++) {
            char *names = report_list_rows(&r, &cf_cases[i]);
            ck_assert_msg(names != NULL, "%s cannot be listed for work_kinds %u", cf_cases[i].name, kinds);
            free(names);
        }
        cJSON_Delete(r.records.header);
    }
}
END_TEST

/* Rows go with what the header says of the device: each memory type has its own. */
START_TEST(rows_follow_the_header) {
    report r = {.records.header = cJSON_CreateObject()};
    cJSON *device = cJSON_AddObjectToObject(r.records.header, "device");
    cJSON *types = cJSON_AddNumberToObject(device, "memory_types", 1);
    const cf_case *of = cf_cases;
    while (strcmp(of->name, "fills") != 0) of++;
    char *one = report_list_rows(&r, of);
    cJSON_SetNumberValue(types, 2);
    char *two = report_list_rows(&r, of);
    ck_assert(one && two && one[0] && strlen(two) == 2 * strlen(one) && strncmp(one, two, strlen(one)) == 0);
    free(one);
    free(two);
    cJSON_Delete(r.records.header);
}
END_TEST

static void lose_its_way(void) {
    abort();
}

/* A case that cannot be listed shows nothing: it is no case that has no rows. */
START_TEST(failed_lists_are_told) {
    const cf_case broken = {.name = "broken", .profile = CF_PROFILE_MODEL, .run = lose_its_way};
    report r = {.records.header = cJSON_CreateObject()};
    ck_assert_ptr_null(report_list_rows(&r, &broken));
    cJSON_Delete(r.records.header);
}
END_TEST

/* -- Changes of the file -------------------------------------------------------------------------------------------- */

/* Puts `to` in the place of the first `from`, cuts `cut` bytes off the end, and adds `more`. */
static const struct {
    const char *from, *to;
    size_t cut;
    const char *more, *text;
} changes[] = {
    {"\"name\":\"chip\"", "\"name\":\"chop\"", 0, "", "tampered: the lines of"},
    {"\"error\":0.5", "\"error\":0.1", 0, "", "tampered: the lines of"},
    {"\"seconds\"", "\"seconds\"", 1, "", "truncated: "}, /* the last line has no end */
    {"", "", 30, "", "truncated: "},
    {"", "", 300, "", "truncated: "},
    {"", "", 0, "{\"health\"", "tampered: 'a.jsonl' goes on after its final line"},
    {"\"verdict\":\"pass\"", "\"verdict\":\"fail\"", 0, "", "tampered: the lines of"},
};

static void change(size_t i) {
    uint8_t *bytes;
    size_t size;
    ck_assert_int_eq(tenon__file_read("a.jsonl", 1 << 24, &bytes, &size), TENON_STATUS_OK);
    char *at = strstr((char *)bytes, changes[i].from);
    if (at) memcpy(at, changes[i].to, strlen(changes[i].to));
    FILE *file = fopen("a.jsonl", "w");
    ck_assert_uint_eq(fwrite(bytes, 1, size - changes[i].cut, file), size - changes[i].cut);
    fputs(changes[i].more, file);
    fclose(file);
    free(bytes);
}

START_TEST(changed_files_are_refused) {
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        tenon__text text = {0};
        make("a.jsonl", 0);
        change(i);
        int code = verify("plugin.so", &text);
        ck_assert_msg(code == (strncmp(changes[i].text, "truncated", 9) == 0 ? 6 : 3) &&
                          strstr(tenon__text_string(&text), changes[i].text),
                      "row %zu: %d, %s", i, code, tenon__text_string(&text));
        tenon__text_free(&text);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("verify");
    TCase *tests = tcase_create("verify");
    suite_add_tcase(suite, tests);
    tcase_add_unchecked_fixture(tests, enter_folder, leave_folder);
    tcase_add_test(tests, verdicts_are_recomputed);
    tcase_add_test(tests, cases_are_listed_without_a_device);
    tcase_add_test(tests, rows_follow_the_header);
    tcase_add_test(tests, failed_lists_are_told);
    tcase_add_test(tests, changed_files_are_refused);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
