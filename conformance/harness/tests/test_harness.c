/* The harness on a plugin with one deed in one row: that row is blamed, whatever the deed, and no other row is lost. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tenon/abi.h>

#include "harness/record.h"

enum { MOST_ARGUMENTS = 24, ROWS = 40, LONE_ROWS = 3 };

static char folder[32], records_path[96], marker_path[96], output_path[96];

static void set_up(void) {
    (void)snprintf(folder, sizeof folder, "/tmp/tenon-harness-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(records_path, sizeof records_path, "%s/records.jsonl", folder);
    (void)snprintf(marker_path, sizeof marker_path, "%s/marker", folder);
    (void)snprintf(output_path, sizeof output_path, "%s/output", folder);
    (void)setenv("TENON_PLANTED_MARKER", marker_path, 1);
}

static void clear(void) {
    (void)unlink(records_path);
    (void)unlink(marker_path);
    (void)unlink(output_path);
}

static void tear_down(void) {
    clear();
    (void)rmdir(folder);
}

/* Starts a program with its output in a file. */
static pid_t spawn(const char *const *arguments) {
    pid_t id = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    ck_assert_int_eq(posix_spawn(&id, SUITE, &actions, NULL, (char *const *)(uintptr_t)arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return id;
}

/* Starts "SUITE test ...". */
static pid_t start(const char *deed, const char *const *more) {
    const char *arguments[MOST_ARGUMENTS] = {SUITE, "test"};
    int count = 2;
    for (; *more; more++) arguments[count++] = *more;
    (void)setenv("TENON_PLANTED", deed, 1);
    return spawn(arguments);
}

static int finish(pid_t id) {
    int status = 0;
    while (waitpid(id, &status, 0) < 0) ck_assert_int_eq(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int run(const char *deed, const char *const *more) {
    return finish(start(deed, more));
}

#define RUN(deed, ...) run(deed, (const char *const[]){__VA_ARGS__, NULL})

static cf_records read_records(void) {
    cf_records records;
    char error[512] = "";
    ck_assert_msg(cf_records_read(records_path, &records, error, sizeof error), "%s", error);
    return records;
}

/* A report that is made of the records says in the same words what the run said of itself. */
static void check_report(int code) {
    char line[1024] = "", *rest;
    cf_records records = read_records();
    const char *const arguments[] = {SUITE, "report", "verdict", records_path, NULL};
    ck_assert_int_eq(finish(spawn(arguments)), code);
    FILE *file = fopen(output_path, "re");
    ck_assert(file && fgets(line, sizeof line, file));
    (void)fclose(file);
    rest = strchr(line, '\n');
    if (rest) *rest = '\0';
    ck_assert_str_eq(line, cJSON_GetStringValue(cJSON_GetObjectItem(records.final, "claim")));
    cf_records_free(&records);
}

/* Lines of one kind so far. */
static uint32_t count_lines(const char *key) {
    char line[65536];
    uint32_t count = 0;
    FILE *file = fopen(records_path, "re");
    while (file && fgets(line, sizeof line, file))
        count += strlen(line) > 2 && strncmp(line + 2, key, strlen(key)) == 0;
    if (file) (void)fclose(file);
    return count;
}

static uint32_t ends_so_far(void) {
    return count_lines("end\"");
}

/* What a deed in a row of "told" must lead to. */
static const struct deed {
    const char *name;
    uint32_t row;
    cf_verdict verdict;
    const char *text; /* that the row's text holds */
    int code;
    const char *watch;     /* a row of the harness's own that fails with it */
    bool heap_only;        /* sanitizers see it in their way: as a crash */
    const char *sanitizer; /* not tried under this one, which ends the process in another way */
} deeds[] = {
    {"segfault", 7, CF_VERDICT_CRASH, "signal 11", 1, NULL, true, NULL},
    {"segfault", 0, CF_VERDICT_CRASH, "signal 11", 1, NULL, true, NULL},
    {"segfault", 39, CF_VERDICT_CRASH, "signal 11", 1, NULL, true, NULL},
    {"abort", 7, CF_VERDICT_CRASH, "signal 6", 1, NULL, true, NULL},
    {"exit", 7, CF_VERDICT_CRASH, "exit status", 1, NULL, false, NULL},
    {"hang", 7, CF_VERDICT_HANG, "no end", 1, NULL, false, NULL},
    {"poison", 5, CF_VERDICT_CRASH, "after it, the row told.r12", 1, NULL, false, NULL},
    {"write_behind", 7, CF_VERDICT_FAIL, "wrote behind a block of 40 bytes that libtenon_planted.so", 1, NULL, true,
     "thread"},
    {"write_before", 7, CF_VERDICT_FAIL, "wrote before a block", 1, NULL, true, "thread"},
    {"write_after_free", 7, CF_VERDICT_FAIL, "after it was freed", 1, NULL, true, "thread"},
    {"free_twice", 7, CF_VERDICT_CRASH, "signal 6", 1, NULL, true, "thread"},
    {"leak_file", 7, CF_VERDICT_FAIL, "1 open files more", 1, "process.files", false, NULL},
    {"leak_thread", 7, CF_VERDICT_FAIL, "1 threads more", 1, "process.threads", false, NULL},
    {"leak_heap", 7, CF_VERDICT_FAIL, "100 bytes of heap more", 1, "process.memory", false, "any"},
    {"leak_mapping", 7, CF_VERDICT_FAIL, "4194304 bytes of address space more", 1, "process.memory", false, "any"},
    {"talk", 7, CF_VERDICT_CRASH, "signal 9", 1, NULL, false, NULL},
    {"garble", 7, CF_VERDICT_FAIL, "wrote into a file that it did not open", 1, NULL, false, NULL},
    {"close_files", 7, CF_VERDICT_FAIL, "closed a file that it did not open", 1, NULL, false, NULL},
    {"close_input", 7, CF_VERDICT_FAIL, "descriptor 0, the standard input, is closed", 1, NULL, false, NULL},
    {"take_output", 7, CF_VERDICT_FAIL, "descriptor 1, the standard output, is now /dev/null", 1, NULL, false, NULL},
    {"close_commands", 7, CF_VERDICT_FAIL, "descriptor 100, the harness's pipe, is closed", 1, NULL, false, NULL},
    {"close_badly", 7, CF_VERDICT_CRASH, "closing the device", 1, "process.close", false, NULL},
    {"wedge", 7, CF_VERDICT_HANG, "no end", 6, NULL, false, NULL},
};

#ifdef TENON_SANITIZED
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static bool is_tried(const struct deed *d) {
    if (!d->sanitizer || !is_sanitized) return true;
    return strcmp(d->sanitizer, "any") != 0 && !strstr(TENON_SANITIZE, d->sanitizer);
}

static void check_row(const struct deed *d, const cf_record_row *row) {
    bool in_its_way = d->heap_only && is_sanitized;
    if (in_its_way) {
        ck_assert_msg(row->verdict == CF_VERDICT_CRASH, "%s: %s", d->name, cf_verdict_name(row->verdict));
        return;
    }
    ck_assert_msg(row->verdict == d->verdict, "%s: %s ends with %s: %s", d->name, row->name,
                  cf_verdict_name(row->verdict), row->text);
    ck_assert_msg(strstr(row->text, d->text), "%s: '%s' says nothing of '%s'", d->name, row->text, d->text);
}

/* A wedged device leaves those that had not been run without a verdict. */
static void check_others(const struct deed *d, const cf_records *records, const cf_record_row *culprit) {
    for (uint32_t i = 0; i < records->row_count; i++) {
        const cf_record_row *row = &records->rows[i];
        bool wedged = d->code == 6 && row->verdict == CF_VERDICT_NO_VERDICT;
        bool watched = strncmp(row->name, "process.", 8) == 0;
        ck_assert_msg(row->ended, "%s: %s is lost", d->name, row->name);
        if (row == culprit || wedged) continue;
        if (watched && d->watch && strcmp(row->name, d->watch) == 0)
            ck_assert_msg(row->verdict == CF_VERDICT_FAIL, "%s: %s does not fail", d->name, row->name);
        else if (!watched || !is_sanitized)
            ck_assert_msg(row->verdict == CF_VERDICT_PASS, "%s: %s ends with %s: %s", d->name, row->name,
                          cf_verdict_name(row->verdict), row->text);
    }
}

START_TEST(deeds_are_blamed_on_their_row) {
    const struct deed *d = &deeds[_i];
    char deed[64], name[64];
    if (!is_tried(d)) return;
    (void)snprintf(deed, sizeof deed, "%s:%u", d->name, d->row);
    (void)snprintf(name, sizeof name, "told.r%02u", d->row);
    const char *patience = d->verdict == CF_VERDICT_HANG ? "0.1" : "1"; /* what hangs is waited for */
    int code =
        RUN(deed, PLANTED, "--filter", "told", "--filter", "lone", "--records", records_path, "--patience", patience);
    cf_records records = read_records();
    ck_assert_uint_ge(records.row_count, ROWS + LONE_ROWS);
    const cf_record_row *row = cf_records_row(&records, 0, name);
    ck_assert_ptr_nonnull(row);
    check_row(d, row);
    check_others(d, &records, row);
    ck_assert_msg(code == d->code, "%s: exit code %d", d->name, code);
    ck_assert(records.final && records.bound);
    cf_records_free(&records);
    check_report(code);
    clear();
}
END_TEST

static const struct early {
    const char *deed, *text;
} early[] = {
    {"end_early", "before a row begins, 3 times running: exit status 3"},
    {"hang_early", "no row begins within"},
};

/* A process that opens the device and then never comes to a row is not tried for ever. */
START_TEST(rows_that_never_begin_are_given_up) {
    int code = RUN(early[_i].deed, PLANTED, "--filter", "early", "--records", records_path, "--patience", "0.05");
    cf_records records = read_records();
    const cf_record_row *row = cf_records_row(&records, 0, "process.open");
    ck_assert_int_eq(code, 6);
    ck_assert(records.wedged && records.final);
    ck_assert_uint_eq(row->verdict, CF_VERDICT_FAIL);
    ck_assert_msg(strstr(row->text, early[_i].text), "%s", row->text);
    ck_assert_uint_eq(cf_records_row(&records, 0, "early.r00")->verdict, CF_VERDICT_NO_VERDICT);
    cf_records_free(&records);
    check_report(code);
    clear();
}
END_TEST

/* A process that ends after a row has failed takes nothing away from what is said of the failure. */
START_TEST(deaths_do_not_hide_failures) {
    (void)RUN("refuse:39,end_early", PLANTED, "--filter", "told", "--filter", "early", "--records", records_path,
              "--jobs", "1");
    cf_records records = read_records();
    const cf_record_row *row = cf_records_row(&records, 0, "told.r39");
    ck_assert_uint_eq(row->verdict, CF_VERDICT_CRASH);
    ck_assert_msg(strstr(row->text, "UNSUPPORTED); and then: exit status 3, after the row had ended"), "%s", row->text);
    cf_records_free(&records);
    clear();
}
END_TEST

/* What a plugin prints is kept, up to a bound, with its row, and cannot steer a terminal. */
START_TEST(words_stay_with_their_row) {
    (void)RUN("talk:7", PLANTED, "--filter", "told", "--records", records_path, "--jobs", "1");
    cf_records records = read_records();
    const cf_record_row *row = cf_records_row(&records, 0, "told.r07");
    ck_assert_ptr_nonnull(strstr(row->output, "noise\\xff"));
    ck_assert_ptr_nonnull(strstr(row->output, "the last words"));
    ck_assert_uint_lt(strlen(row->output), 16384);
    cf_records_free(&records);
    clear();
}
END_TEST

START_TEST(two_deeds_are_told_apart) {
    int code = RUN("segfault:3,hang:20,abort:31", PLANTED, "--filter", "told", "--records", records_path, "--patience",
                   "0.1", "--jobs", "2");
    cf_records records = read_records();
    ck_assert_int_eq(code, 1);
    for (uint32_t i = 0; i < ROWS; i++) {
        cf_verdict want = i == 3 || i == 31 ? CF_VERDICT_CRASH : i == 20 ? CF_VERDICT_HANG : CF_VERDICT_PASS;
        ck_assert_msg(records.rows[i].verdict == want, "%s: %s", records.rows[i].name, records.rows[i].text);
    }
    cf_records_free(&records);
    clear();
}
END_TEST

/* More rows than go into one batch, with a death in the second and a leak in the last: all are run, each once. */
START_TEST(rows_of_many_batches_are_run_once) {
    enum { MANY_ROWS = 150, BATCH = 64 };
    int code = RUN("segfault:470,leak_file:540", PLANTED, "--filter", "many", "--records", records_path, "--jobs", "1");
    cf_records records = read_records();
    ck_assert_int_eq(code, 1);
    for (uint32_t i = 0; i < MANY_ROWS; i++) {
        const cf_record_row *row = &records.rows[i];
        cf_verdict want = i == 70 ? CF_VERDICT_CRASH : i == 140 ? CF_VERDICT_FAIL : CF_VERDICT_PASS;
        ck_assert_msg(row->ended && row->verdict == want, "%s: %s", row->name, row->text);
    }
    ck_assert_uint_eq(count_lines("batch"), (MANY_ROWS + BATCH - 1) / BATCH);
    ck_assert_uint_eq(count_lines("begin"), MANY_ROWS);
    cf_records_free(&records);
    clear();
}
END_TEST

/* A row that fails only now and then is no pass, even if its process is gone by then. */
START_TEST(wavering_is_failing) {
    int code = RUN("waver:9", PLANTED, "--filter", "told", "--records", records_path, "--repeat", "2");
    cf_records records = read_records();
    ck_assert_int_eq(code, 1);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(records.final, "verdict")), "failed");
    cf_records_free(&records);
    clear();
}
END_TEST

/* A crash that comes and goes stays with its row: whatever row came before is innocent. */
START_TEST(chance_accuses_nobody) {
    int code = RUN("waver:9", PLANTED, "--filter", "told", "--records", records_path, "--jobs", "1");
    cf_records records = read_records();
    ck_assert_int_eq(code, 1);
    for (uint32_t i = 0; i < ROWS; i++) {
        const cf_record_row *row = &records.rows[i];
        ck_assert_msg(row->verdict == (i == 9 ? CF_VERDICT_CRASH : CF_VERDICT_PASS), "%s: %s", row->name, row->text);
    }
    ck_assert_ptr_nonnull(strstr(records.rows[9].text, "not each time"));
    cf_records_free(&records);
    clear();
}
END_TEST

START_TEST(good_plugins_are_conformant) {
    int code = RUN("", PLANTED, "--profile", "runtime", "--records", records_path);
    cf_records records = read_records();
    char conformant[80];
    (void)snprintf(conformant, sizeof conformant, "conformant: runtime, ABI %u.%u, device planted:0", TENON_ABI_MAJOR,
                   TENON_ABI_MINOR);
    ck_assert_int_eq(code, 0);
    ck_assert_uint_eq(records.run_count, 2);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(records.final, "claim")), conformant);
    cf_records_free(&records);
    check_report(code);
    clear();
}
END_TEST

START_TEST(nothing_run_is_nothing_passed) {
    ck_assert_int_eq(RUN("", PLANTED, "--filter", "no_such_case", "--records", records_path), 2);
    ck_assert_int_eq(access(records_path, F_OK), -1);
    ck_assert_int_eq(RUN("", PLANTED, "--profile", "model"), 1);
    ck_assert_int_eq(RUN("", PLANTED, "--profile", "graph"), 1); /* its one row does not apply */
    ck_assert_int_eq(RUN("", PLANTED, "--profile", "runtime,graph", "--records", records_path), 1);
    cf_records records = read_records();
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(records.final, "claim")),
                     "failed: runtime,graph, device planted:0: no row of profile graph passed");
    cf_records_free(&records);
    ck_assert_int_eq(RUN("", PLANTED, "--profile", "nonsense"), 2);
    ck_assert_int_eq(RUN("", "/no/such/plugin.so"), 2);
    ck_assert_int_eq(RUN("", "no-such-id"), 5);
    ck_assert_int_eq(RUN("", SUITE), 4);
    ck_assert_int_eq(RUN("", "cpu:4294967296"), 2);
    ck_assert_int_eq(RUN("", "cpu:-1"), 2);
    ck_assert_int_eq(RUN("", "cpu:"), 2);
    clear();
}
END_TEST

/* -- Resuming -- */

START_TEST(killed_runs_go_on) {
    const char *const arguments[] = {PLANTED, "--filter", "slow", "--records", records_path, "--seed", "5", NULL};
    pid_t id = start("", arguments);
    while (ends_so_far() < 10) (void)usleep(5000);
    ck_assert_int_eq(kill(id, SIGKILL), 0);
    ck_assert_int_eq(finish(id), -SIGKILL);
    uint32_t before = ends_so_far();
    ck_assert_uint_lt(before, ROWS);
    FILE *file = fopen(records_path, "ae"); /* a line that was being written */
    ck_assert(file && fputs("{\"end\":\"slow.r", file) >= 0 && fclose(file) == 0);
    ck_assert_int_eq(RUN("", "--resume", records_path, "--seed", "5"), 2);
    ck_assert_int_eq(RUN("", "--resume", records_path, "--filter", "told"), 2);
    ck_assert_int_eq(RUN("", "--resume", records_path), 0);
    cf_records records = read_records();
    ck_assert(records.final && records.bound);
    for (uint32_t i = 0; i < records.row_count; i++) ck_assert_uint_eq(records.rows[i].verdict, CF_VERDICT_PASS);
    ck_assert_uint_eq(ends_so_far(), records.row_count); /* what had ended was not run again */
    cf_records_free(&records);
    ck_assert_int_eq(RUN("", "--resume", records_path), 2);
    clear();
}
END_TEST

/* Cuts the records off behind the line that tells of the wedge. */
static void cut_at_wedge(void) {
    char line[65536];
    FILE *file = fopen(records_path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) && strncmp(line, "{\"health\"", 9) != 0) continue;
    long length = ftell(file);
    (void)fclose(file);
    ck_assert_int_eq(truncate(records_path, length), 0);
}

/* A device that stopped to work in the run before is not tried again by the one that goes on. */
START_TEST(wedges_are_not_forgotten) {
    ck_assert_int_eq(RUN("wedge:7", PLANTED, "--filter", "told", "--records", records_path, "--patience", "0.05"), 6);
    cut_at_wedge();
    (void)unlink(marker_path);
    ck_assert_int_eq(RUN("", "--resume", records_path), 6);
    cf_records records = read_records();
    ck_assert(records.final && records.bound && records.wedged);
    ck_assert_uint_eq(cf_records_row(&records, 0, "told.r39")->verdict, CF_VERDICT_NO_VERDICT);
    cf_records_free(&records);
    clear();
}
END_TEST

/* -- The file that is tested -- */

static void append(const char *path, FILE *from) {
    int byte;
    FILE *to = fopen(path, "ae");
    ck_assert_ptr_nonnull(to);
    while (from && (byte = getc(from)) != EOF) (void)putc(byte, to);
    if (!from) (void)putc('.', to);
    ck_assert_int_eq(fclose(to), 0);
}

START_TEST(a_file_that_changes_gets_no_verdict) {
    char copy[96];
    (void)snprintf(copy, sizeof copy, "%s/copy.so", folder);
    FILE *plugin = fopen(PLANTED, "re");
    ck_assert_ptr_nonnull(plugin);
    append(copy, plugin);
    (void)fclose(plugin);
    const char *const arguments[] = {copy, "--filter", "slow", "--records", records_path, NULL};
    pid_t id = start("", arguments);
    while (ends_so_far() < 5) (void)usleep(5000);
    append(copy, NULL);
    ck_assert_int_eq(finish(id), 6);
    cf_records records = read_records();
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(records.final, "verdict")), "no verdict");
    ck_assert_ptr_nonnull(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(records.final, "claim")), "changed"));
    cf_records_free(&records);
    check_report(6);
    (void)unlink(copy);
    clear();
}
END_TEST

/* -- The same seed -- */

/* What was recorded, in the suite's order and without times. */
static char *read_essence(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cf_records records = read_records();
    (void)fprintf(out, "%s\n", cJSON_GetStringValue(cJSON_GetObjectItem(records.final, "claim")));
    for (uint32_t i = 0; i < records.row_count * records.run_count; i++) {
        const cf_record_row *row = &records.rows[i];
        (void)fprintf(out, "%s %u %s %s %.17g\n", row->name, row->verdict, row->text, row->requirements, row->error);
    }
    (void)fclose(out);
    cf_records_free(&records);
    return text;
}

static char *essence(const char *seed, const char *jobs) {
    ck_assert_int_eq(RUN("segfault:7,leak_file:30", PLANTED, "--filter", "told", "--records", records_path, "--seed",
                         seed, "--jobs", jobs, "--repeat", "2"),
                     1);
    char *text = read_essence();
    clear();
    return text;
}

/* -- Runs that are cut off -- */

typedef struct line {
    const char *text;
    long end; /* in the file */
} line;

/* The lines of the records that were just made. Owner: *out_bytes and the answer are the caller's. */
static line *read_lines(char **out_bytes, size_t *out_count) {
    FILE *file = fopen(records_path, "re");
    ck_assert(file && fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    char *bytes = calloc((size_t)size + 1, 1);
    line *lines = calloc((size_t)size + 1, sizeof *lines);
    ck_assert(bytes && lines && fseek(file, 0, SEEK_SET) == 0);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
    (void)fclose(file);
    *out_count = 0;
    for (char *at = bytes, *end; (end = strchr(at, '\n')); at = end + 1)
        lines[(*out_count)++] = (line){at, end + 1 - bytes};
    *out_bytes = bytes;
    return lines;
}

static bool begins(const line *l, const char *key) {
    return strncmp(l->text + 2, key, strlen(key)) == 0;
}

/* Puts the first `size` bytes of the records back. */
static void put_back(const char *bytes, long size) {
    FILE *file = fopen(records_path, "we");
    ck_assert(file && fwrite(bytes, 1, (size_t)size, file) == (size_t)size && fclose(file) == 0);
}

/* The first line of `b` that is not as in `a`; NULL when there is none. */
static const char *difference(const char *a, const char *b) {
    size_t same = 0;
    if (strcmp(a, b) == 0) return NULL;
    while (a[same] && a[same] == b[same]) same++;
    while (same && b[same - 1] != '\n') same--;
    return b + same;
}

static const struct cut {
    const char *deeds;
    const char *from; /* the kind of line behind which the first cut of each run is */
    size_t step;      /* lines from one cut to the next */
} cuts[] = {
    {"segfault:7,leak_file:30,refuse:33", "run", 17},
    {"leak_file:3,leak_file:30", "run", 19}, /* a batch in two parts, with a leak in each */
    {"poison:5,leak_file:30", "death", 23},  /* who is to blame is found in a history of before */
    {"close_badly:20,leak_thread:2", "death", 31},
};

/* Wherever a run is cut off, it ends as if it had not been: also what was still to be looked into is not forgotten. Cuts
 * are at some lines, and at each that is about such things, for a line is written at once. What a process would have shown
 * only later, had it not been ended, is not seen: these cuts come after it was. */
START_TEST(cuts_leave_no_trace) {
    const struct cut *c = &cuts[_i];
    if (is_sanitized && strstr(c->deeds, "close_badly"))
        return; /* its report, which is kept, has the process's number */
    char *bytes;
    size_t count, since = 0;
    bool goes = false;
    int code = RUN(c->deeds, PLANTED, "--filter", "told", "--records", records_path, "--jobs", "1", "--repeat", "2");
    char *whole = read_essence();
    line *lines = read_lines(&bytes, &count);
    for (size_t i = 0; i + 1 < count; i++) {
        bool special = begins(&lines[i], "growth") || begins(&lines[i], "death") || begins(&lines[i], "blame");
        goes = begins(&lines[i], c->from) || (goes && !begins(&lines[i], "run"));
        if (!goes || (!special && since++ % c->step)) continue;
        put_back(bytes, lines[i].end);
        ck_assert_int_eq(RUN(c->deeds, "--resume", records_path, "--jobs", "1"), code);
        char *resumed = read_essence();
        const char *differs = difference(whole, resumed);
        ck_assert_msg(!differs, "%s, cut behind line %zu, %.60s: %.200s", c->deeds, i + 1, lines[i].text, differs);
        free(resumed);
    }
    free(whole);
    free(bytes);
    free(lines);
    clear();
}
END_TEST

/* Ends it without a word when so many rows have ended, again and again. */
START_TEST(kills_leave_no_trace) {
    static const uint32_t kills[] = {3, 17, 33, 44};
    const char *two = "segfault:107,leak_file:130";
    const char *const first[] = {PLANTED, "--filter", "slow", "--records", records_path, "--seed", "5", NULL};
    const char *const again[] = {"--resume", records_path, NULL};
    ck_assert_int_eq(run(two, first), 1);
    char *whole = read_essence();
    clear();
    for (size_t i = 0; i < sizeof kills / sizeof *kills; i++) {
        pid_t id = start(two, i ? again : first);
        bool gone = false;
        while (ends_so_far() < kills[i] && !(gone = waitpid(id, NULL, WNOHANG) != 0)) (void)usleep(2000);
        if (!gone && kill(id, SIGKILL) == 0) (void)waitpid(id, NULL, 0);
    }
    int code = run(two, again);
    ck_assert_msg(code == 1 || code == 2, "%d", code); /* 2: the last one had come to its end before it was killed */
    char *resumed = read_essence();
    ck_assert_str_eq(whole, resumed);
    free(whole);
    free(resumed);
    clear();
}
END_TEST

START_TEST(the_same_seed_gives_the_same_records) {
    char *first = essence("7", "2"), *second = essence("7", "1"), *other = essence("8", "2");
    ck_assert_str_eq(first, second);
    ck_assert_str_ne(first, other); /* random numbers of rows come from it */
    free(first);
    free(second);
    free(other);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("harness");
    TCase *tests = tcase_create("all");
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, deeds_are_blamed_on_their_row, 0, sizeof deeds / sizeof *deeds);
    tcase_add_loop_test(tests, rows_that_never_begin_are_given_up, 0, sizeof early / sizeof *early);
    tcase_add_test(tests, deaths_do_not_hide_failures);
    tcase_add_test(tests, words_stay_with_their_row);
    tcase_add_test(tests, two_deeds_are_told_apart);
    tcase_add_test(tests, rows_of_many_batches_are_run_once);
    tcase_add_test(tests, wavering_is_failing);
    tcase_add_test(tests, chance_accuses_nobody);
    tcase_add_test(tests, good_plugins_are_conformant);
    tcase_add_test(tests, nothing_run_is_nothing_passed);
    tcase_add_test(tests, killed_runs_go_on);
    tcase_add_test(tests, wedges_are_not_forgotten);
    tcase_add_test(tests, a_file_that_changes_gets_no_verdict);
    tcase_add_test(tests, the_same_seed_gives_the_same_records);
    suite_add_tcase(suite, tests);
    TCase *resumed = tcase_create("resumed");
    tcase_add_unchecked_fixture(resumed, set_up, tear_down);
    tcase_add_loop_test(resumed, cuts_leave_no_trace, 0, sizeof cuts / sizeof *cuts);
    tcase_add_test(resumed, kills_leave_no_trace);
    suite_add_tcase(suite, resumed);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
