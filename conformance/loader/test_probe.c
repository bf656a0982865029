/* The probe and the verdicts that are kept: what is asked again, what is believed, and that no state of the host's process
 * keeps a bad plugin from being found out or a good one from being used. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <tenon/host/device.h>
#include <tenon/host/error.h>

#include "loader/probe.h"
#include "loader/probe_run.h"
#include "loader/verdicts.h"
#include "scratch.h"

#define PLUGIN(name) PLANTED_DIR "/libtenon_" name ".so"

/* What the log says of the probe: the words that stand in it. */
#define KEPT     "was probed before"
#define PROBED   "was probed\n"
#define UNPROBED "was not probed"

static void keep_log(void *context, uint32_t level, const char *source, const char *text) {
    char *log = context;
    (void)level, (void)source;
    size_t length = strlen(log);
    (void)snprintf(log + length, 4096 - length, "%s\n", text);
}

/* Adds a plugin to a registry of its own; gives the reason, the log and the detail. */
static tenonh_reason add_to(uint32_t mode, const char *path, char log[4096], char detail[1024]) {
    tenonh_registry *registry = NULL;
    log[0] = '\0';
    tenonh_registry_options options = {.struct_size = sizeof options,
                                       .no_search = 1,
                                       .log_level = TENON_LOG_DEBUG,
                                       .log = keep_log,
                                       .log_context = log,
                                       .probe = mode};
    tenonh_plugin_info info = {.struct_size = sizeof info};
    ck_assert_uint_eq(tenonh_registry_create(&options, &registry), TENON_STATUS_OK);
    (void)tenonh_registry_add(registry, path);
    ck_assert_uint_eq(tenonh_registry_plugin(registry, 0, &info), TENON_STATUS_OK);
    if (detail) (void)snprintf(detail, 1024, "%s", info.detail);
    tenonh_registry_destroy(registry);
    return info.reason;
}

static void expect(const char *name, uint32_t mode, const char *path, tenonh_reason reason, const char *way) {
    char log[4096], detail[1024];
    tenonh_reason got = add_to(mode, path, log, detail);
    ck_assert_msg(got == reason, "%s: %s (%s), not %s", name, tenonh_reason_name(got), detail,
                  tenonh_reason_name(reason));
    ck_assert_msg(strstr(log, way) != NULL, "%s: no \"%s\" in\n%s", name, way, log);
}

static const char *in_scratch(const char *name) {
    static char paths[4][PATH_MAX];
    static unsigned at;
    char *path = paths[at++ % 4];
    (void)snprintf(path, PATH_MAX, "%s/%s", scratch_folder, name);
    return path;
}

static void copy_file(const char *from, const char *to) {
    char bytes[65536];
    size_t got;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    ck_assert(in && out);
    while ((got = fread(bytes, 1, sizeof bytes, in)) > 0) ck_assert_uint_eq(fwrite(bytes, 1, got, out), got);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
    chmod(to, 0755);
}

/* A cache folder of this test's own. */
static void use_cache(const char *name) {
    setenv("TENON_CACHE_DIR", in_scratch(name), 1);
}

/* -- Kept verdicts ------------------------------------------------------------------------------------------------ */

START_TEST(verdicts_are_kept) {
    static const struct {
        const char *name, *path;
        uint32_t mode;
        tenonh_reason reason;
        const char *way;
    } rows[] = {
        {"first", PLUGIN("good"), TENONH_PROBE_CACHED, TENONH_REASON_OK, PROBED},
        {"second", PLUGIN("good"), TENONH_PROBE_CACHED, TENONH_REASON_OK, KEPT},
        {"another", PLUGIN("full"), TENONH_PROBE_CACHED, TENONH_REASON_OK, PROBED},
        {"always", PLUGIN("good"), TENONH_PROBE_ALWAYS, TENONH_REASON_OK, PROBED},
        {"never", PLUGIN("good"), TENONH_PROBE_NEVER, TENONH_REASON_OK, UNPROBED},
        {"refused", PLUGIN("wrong_magic"), TENONH_PROBE_CACHED, TENONH_REASON_BAD_MAGIC, PROBED},
        {"refused again", PLUGIN("wrong_magic"), TENONH_PROBE_CACHED, TENONH_REASON_BAD_MAGIC, KEPT},
        {"crash", PLUGIN("query_crashes"), TENONH_PROBE_CACHED, TENONH_REASON_PROBE_CRASHED, PROBED},
        {"crash again", PLUGIN("query_crashes"), TENONH_PROBE_CACHED, TENONH_REASON_PROBE_CRASHED, KEPT},
        {"crash, always", PLUGIN("query_crashes"), TENONH_PROBE_ALWAYS, TENONH_REASON_PROBE_CRASHED, PROBED},
        /* What another library decides is asked each time. */
        {"library", PLUGIN("missing_library"), TENONH_PROBE_CACHED, TENONH_REASON_MISSING_LIBRARY, PROBED},
        {"library again", PLUGIN("missing_library"), TENONH_PROBE_CACHED, TENONH_REASON_MISSING_LIBRARY, PROBED},
        {"import", PLUGIN("unresolved"), TENONH_PROBE_CACHED, TENONH_REASON_UNRESOLVED_IMPORT, PROBED},
        {"import again", PLUGIN("unresolved"), TENONH_PROBE_CACHED, TENONH_REASON_UNRESOLVED_IMPORT, PROBED},
    };
    use_cache("kept");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(rows[i].name, rows[i].mode, rows[i].path, rows[i].reason, rows[i].way);
}
END_TEST

START_TEST(a_changed_file_is_asked_again) {
    const char *path = in_scratch("libtenon_changing.so");
    use_cache("changed");
    copy_file(PLUGIN("good"), path);
    expect("new", 0, path, TENONH_REASON_OK, PROBED);
    expect("same", 0, path, TENONH_REASON_OK, KEPT);
    chmod(path, 0700); /* ctime alone */
    expect("chmod", 0, path, TENONH_REASON_OK, PROBED);
    copy_file(PLUGIN("query_crashes"), in_scratch("replacement"));
    ck_assert_int_eq(rename(in_scratch("replacement"), path), 0);
    expect("replaced", 0, path, TENONH_REASON_PROBE_CRASHED, PROBED);
    copy_file(PLUGIN("good"), in_scratch("replacement"));
    ck_assert_int_eq(rename(in_scratch("replacement"), path), 0);
    expect("mended", 0, path, TENONH_REASON_OK, PROBED);
}
END_TEST

/* The one file in the folder of verdicts. */
static const char *find_verdict(const char *cache) {
    static char path[2 * PATH_MAX];
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s/verdicts", in_scratch(cache));
    DIR *listing = opendir(folder);
    ck_assert_ptr_nonnull(listing);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        count++;
    }
    closedir(listing);
    ck_assert_int_eq(count, 1);
    return path;
}

static void flip(const char *path, off_t at) {
    unsigned char byte;
    int file = open(path, O_RDWR);
    ck_assert_int_eq(pread(file, &byte, 1, at), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(file, &byte, 1, at), 1);
    close(file);
}

static void cut(const char *path, off_t size) {
    ck_assert_int_eq(truncate(path, size), 0);
}

static void grow(const char *path, off_t size) {
    struct stat facts;
    ck_assert_int_eq(stat(path, &facts), 0);
    ck_assert_int_eq(truncate(path, facts.st_size + size), 0);
}

static void link_elsewhere(const char *path, off_t unused) {
    char moved[2 * PATH_MAX + 8];
    (void)unused;
    (void)snprintf(moved, sizeof moved, "%s", in_scratch("moved"));
    ck_assert_int_eq(rename(path, moved), 0);
    ck_assert_int_eq(symlink(moved, path), 0);
}

static void open_up(const char *path, off_t mode) {
    ck_assert_int_eq(chmod(path, (mode_t)mode), 0);
}

static void make_fifo(const char *path, off_t mode) {
    unlink(path);
    ck_assert_int_eq(mkfifo(path, (mode_t)mode), 0);
}

START_TEST(damaged_verdicts_are_not_believed) {
    static const struct {
        const char *name;
        void (*damage)(const char *path, off_t number);
        off_t number;
    } rows[] = {
        {"magic", flip, 0},
        {"host", flip, 8},
        {"plugin's inode", flip, 72},
        {"time", flip, 104},
        {"reason", flip, 112},
        {"reserved", flip, 116},
        {"detail", flip, 120},
        {"end of detail", flip, 887},
        {"seal", flip, 888},
        {"empty", cut, 0},
        {"cut", cut, 895},
        {"longer", grow, 1},
        {"fifo", make_fifo, 0600},
        {"readable to others", open_up, 0644},
        {"symbolic link", link_elsewhere, 0},
    };
    use_cache("damaged");
    expect("first", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(rows[i].name, 0, PLUGIN("good"), TENONH_REASON_OK, KEPT);
        rows[i].damage(find_verdict("damaged"), rows[i].number);
        expect(rows[i].name, 0, PLUGIN("good"), TENONH_REASON_OK, PROBED); /* and replaces it */
    }
    expect("last", 0, PLUGIN("good"), TENONH_REASON_OK, KEPT);
}
END_TEST

/* A cache folder that others may change, or that cannot be one, is left alone; verdicts are the same. */
START_TEST(open_folders_keep_nothing) {
    use_cache("open");
    expect("made", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    expect("private", 0, PLUGIN("good"), TENONH_REASON_OK, KEPT);
    chmod(in_scratch("open/verdicts"), 0755);
    expect("folder that others read", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    chmod(in_scratch("open/verdicts"), 0700);
    chmod(in_scratch("open"), 0777);
    expect("folder above that others write", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    chmod(in_scratch("open"), 0700);
    expect("private again", 0, PLUGIN("good"), TENONH_REASON_OK, KEPT);
    ck_assert_int_eq(rename(in_scratch("open/verdicts"), in_scratch("elsewhere")), 0);
    ck_assert_int_eq(symlink(in_scratch("elsewhere"), in_scratch("open/verdicts")), 0);
    expect("symbolic link", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    unlink(in_scratch("open/verdicts"));
    copy_file("/dev/null", in_scratch("open/verdicts"));
    expect("file", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    if (geteuid() == 0) {
        unlink(in_scratch("open/verdicts"));
        ck_assert_int_eq(rename(in_scratch("elsewhere"), in_scratch("open/verdicts")), 0);
        ck_assert_int_eq(chown(in_scratch("open/verdicts"), 65534, 65534), 0);
        expect("another user's", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    }
    setenv("TENON_CACHE_DIR", "relative", 1);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", in_scratch("home"), 1);
    expect("relative: the next is taken", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    expect("and it is told", 0, PLUGIN("good"), TENONH_REASON_OK, "TENON_CACHE_DIR is ignored");
    expect("home", 0, PLUGIN("good"), TENONH_REASON_OK, KEPT);
    setenv("HOME", "", 1);
    expect("no folder", 0, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    setenv("TENON_CACHE_DIR", "/proc/no/such", 1);
    expect("cannot be made", 0, PLUGIN("query_crashes"), TENONH_REASON_PROBE_CRASHED, PROBED);
}
END_TEST

START_TEST(failures_are_forgotten_after_a_while) {
    static const struct {
        tenonh_reason reason;
        int64_t age;
        int found;
    } rows[] = {
        {TENONH_REASON_OK, 0, 1},
        {TENONH_REASON_OK, 100000000, 1},
        {TENONH_REASON_BAD_MAGIC, 100000000, 1},
        {TENONH_REASON_PROBE_CRASHED, 599, 1},
        {TENONH_REASON_PROBE_CRASHED, 600, 0},
        {TENONH_REASON_PROBE_TIMED_OUT, 599, 1},
        {TENONH_REASON_PROBE_TIMED_OUT, 100000000, 0},
        {TENONH_REASON_PROBE_TIMED_OUT, -1, 0}, /* the clock went back */
        {TENONH_REASON_MISSING_LIBRARY, 0, 0},
        {TENONH_REASON_LOAD_FAILED, 0, 0},
    };
    char folder[PATH_MAX], why[512];
    use_cache("aged");
    ck_assert_msg(tenon__verdicts_find(folder, why, sizeof why), "%s", why);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tenon__verdict_key key = {.inode = 1000 + i};
        tenon__verdict kept = {rows[i].reason, "words"}, found = {0};
        tenon__verdicts_write(folder, &key, 1000000000, &kept);
        ck_assert_msg(tenon__verdicts_read(folder, &key, 1000000000 + rows[i].age, &found) == rows[i].found, "row %zu",
                      i);
        if (rows[i].found) ck_assert_str_eq(found.detail, "words");
    }
}
END_TEST

START_TEST(the_folder_does_not_grow_without_end) {
    char folder[PATH_MAX], why[512];
    const tenon__verdict kept = {TENONH_REASON_OK, ""};
    use_cache("grown");
    ck_assert_msg(tenon__verdicts_find(folder, why, sizeof why), "%s", why);
    for (uint64_t i = 0; i < 1500; i++) {
        tenon__verdict found;
        tenon__verdict_key key = {.inode = i};
        tenon__verdicts_write(folder, &key, 0, &kept);
        ck_assert_int_eq(tenon__verdicts_read(folder, &key, 0, &found), 1);
    }
    int count = 0;
    DIR *listing = opendir(folder);
    while (readdir(listing)) count++;
    closedir(listing);
    ck_assert_int_le(count, 600);
}
END_TEST

/* -- The process around it ---------------------------------------------------------------------------------------- */

static int has_children(void) {
    siginfo_t end = {0};
    return waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void expect_verdicts(const char *name) {
    expect(name, TENONH_PROBE_ALWAYS, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    expect(name, TENONH_PROBE_ALWAYS, PLUGIN("query_crashes"), TENONH_REASON_PROBE_CRASHED, PROBED);
    expect(name, TENONH_PROBE_ALWAYS, PLUGIN("constructor_forks"), TENONH_REASON_PROBE_CRASHED, PROBED);
    expect(name, TENONH_PROBE_ALWAYS, PLUGIN("query_hangs"), TENONH_REASON_PROBE_TIMED_OUT, PROBED);
    ck_assert_msg(!has_children(), "%s: a child is left", name);
}

START_TEST(children_may_be_ignored) {
    signal(SIGCHLD, SIG_IGN);
    expect_verdicts("SIGCHLD is ignored");
    const struct sigaction no_zombies = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigaction(SIGCHLD, &no_zombies, NULL);
    expect_verdicts("SA_NOCLDWAIT");
    signal(SIGCHLD, SIG_DFL);
    expect_verdicts("default");
}
END_TEST

static _Atomic int reaping;

static void *reap(void *unused) {
    (void)unused;
    while (reaping) {
        const struct timespec moment = {0, 100000};
        if (waitpid(-1, NULL, WNOHANG) <= 0) nanosleep(&moment, NULL);
    }
    return NULL;
}

START_TEST(somebody_else_may_reap) {
    pthread_t thread;
    reaping = 1;
    ck_assert_int_eq(pthread_create(&thread, NULL, reap, NULL), 0);
    for (int i = 0; i < 20; i++)
        expect("reaped", TENONH_PROBE_ALWAYS, PLUGIN("query_crashes"), TENONH_REASON_PROBE_CRASHED, PROBED);
    expect("reaped", TENONH_PROBE_ALWAYS, PLUGIN("good"), TENONH_REASON_OK, PROBED);
    expect("reaped", TENONH_PROBE_ALWAYS, PLUGIN("query_hangs"), TENONH_REASON_PROBE_TIMED_OUT, PROBED);
    reaping = 0;
    pthread_join(thread, NULL);
}
END_TEST

/* 0, 1, 2 and 3 are free in the host, so that its pipes take them. */
START_TEST(standard_files_may_be_closed) {
    int kept[4];
    char log[4096], detail[1024];
    for (int i = 0; i < 4; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
        close(i);
    }
    tenonh_reason good = add_to(TENONH_PROBE_ALWAYS, PLUGIN("good"), log, detail);
    tenonh_reason bad = add_to(TENONH_PROBE_ALWAYS, PLUGIN("constructor_talks"), log, detail);
    for (int i = 0; i < 4; i++)
        if (kept[i] >= 0) dup2(kept[i], i);
    ck_assert_uint_eq(good, TENONH_REASON_OK);
    ck_assert_uint_eq(bad, TENONH_REASON_PROBE_CRASHED);
    ck_assert_msg(strstr(detail, "it said: no licence server") != NULL, "%s", detail);
}
END_TEST

START_TEST(the_probe_starts_clean) {
    char log[4096], detail[1024];
    sigset_t blocked;
    sigfillset(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    signal(SIGINT, SIG_IGN);
    setenv("TENON_SECRET", "told", 1);
    setenv("LD_DEBUG_OUTPUT", "/tmp/no-such-debug", 1);
    setenv("HOME", "/a/home", 1);
    ck_assert_int_eq(dup2(2, 77), 77); /* without close-on-exec */
    ck_assert_uint_eq(add_to(TENONH_PROBE_ALWAYS, PLUGIN("surroundings"), log, detail), TENONH_REASON_PROBE_CRASHED);
    ck_assert_msg(strstr(detail, "secret none debug none home /a/home cache given file -1 mask 0 int 1 folder /") !=
                      NULL,
                  "%s", detail);
}
END_TEST

/* With raised privileges the caller's environment goes no further. */
START_TEST(a_strict_probe_has_no_environment) {
    tenon__trust trust;
    tenon__prober prober;
    tenon__verdict verdict = {0};
    tenon__trust_init(&trust);
    tenon__prober_init(&prober, TENONH_PROBE_CACHED, &trust);
    ck_assert_msg(prober.program != NULL, "%s", prober.why);
    setenv("HOME", "/a/home", 1);
    ck_assert_int_eq(tenon__probe_run(prober.program, TENON__TRY_LOAD, PLUGIN("surroundings"), 1, &verdict),
                     TENON__PROBE_ENDED);
    ck_assert_msg(strstr(verdict.detail, "home none cache none") != NULL, "%s", verdict.detail);
    tenon__prober_free(&prober);
    trust.strict = 1;
    tenon__prober_init(&prober, TENONH_PROBE_CACHED, &trust);
    ck_assert_ptr_null(prober.folder);
    ck_assert_msg(strstr(prober.folder_why, "raised privileges") != NULL, "%s", prober.folder_why);
    tenon__prober_free(&prober);
}
END_TEST

static const char *write_script(const char *name, const char *text) {
    const char *path = in_scratch(name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0755);
    return path;
}

/* A program that is no probe of this build is as good as none: nothing is held against the plugin. */
START_TEST(other_programs_are_no_probe) {
    static const struct {
        const char *name, *text, *words;
    } rows[] = {
        {"silent", "#!/bin/sh\nexit 0\n", "it does not start: it exited with status 0"},
        {"failing", "#!/bin/sh\necho no libc >&2\nexit 127\n", "status 127; it said: no libc"},
        {"other", "#!/bin/sh\nhead -c 5000 /dev/zero >&3\n", "another build"},
        {"missing interpreter", "#!/no/such/shell\n", "cannot be started"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tenon__verdict verdict = {0};
        const char *program = write_script("program", rows[i].text);
        ck_assert_int_eq(tenon__probe_run(program, TENON__TRY_LOAD, PLUGIN("good"), 0, &verdict),
                         TENON__PROBE_UNAVAILABLE);
        ck_assert_msg(strstr(verdict.detail, rows[i].words) != NULL, "%s: %s", rows[i].name, verdict.detail);
        ck_assert_uint_eq(verdict.reason, TENONH_REASON_OK);
    }
}
END_TEST

/* From here on no program can be started. */
static void forbid_exec(void) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(without_spawning_plugins_load_and_the_log_says_so) {
    char log[4096];
    use_cache("forbidden");
    forbid_exec();
    expect("kept nowhere", 0, PLUGIN("good"), TENONH_REASON_OK, UNPROBED);
    ck_assert_uint_eq(add_to(0, PLUGIN("good"), log, NULL), TENONH_REASON_OK);
    ck_assert_msg(strstr(log, "without a probe") && strstr(log, "Operation not permitted"), "%s", log);
    expect("refused all the same", 0, PLUGIN("wrong_magic"), TENONH_REASON_BAD_MAGIC, UNPROBED);
}
END_TEST

/* Verdicts of before hold where no probe can run. */
START_TEST(kept_verdicts_need_no_spawning) {
    use_cache("before");
    expect("probed", 0, PLUGIN("query_crashes"), TENONH_REASON_PROBE_CRASHED, PROBED);
    forbid_exec();
    expect("kept", 0, PLUGIN("query_crashes"), TENONH_REASON_PROBE_CRASHED, KEPT);
}
END_TEST

static void *add_many(void *unused) {
    (void)unused;
    for (int i = 0; i < 6; i++) {
        char log[4096], detail[1024];
        tenonh_reason good = add_to(i % 2, PLUGIN("good"), log, detail);
        tenonh_reason bad = add_to(i % 2, PLUGIN("query_crashes"), log, detail);
        if (good != TENONH_REASON_OK || bad != TENONH_REASON_PROBE_CRASHED) return detail[0] ? "wrong" : "none";
    }
    return NULL;
}

START_TEST(threads_probe_at_once) {
    pthread_t threads[8];
    use_cache("threads");
    for (int i = 0; i < 8; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (int i = 0; i < 8; i++) {
        void *fault = NULL;
        pthread_join(threads[i], &fault);
        ck_assert_ptr_null(fault);
    }
}
END_TEST

int main(void) {
    scratch_begin();
    Suite *suite = suite_create("probe");
    TCase *rows = tcase_create("probe");
    tcase_add_test(rows, verdicts_are_kept);
    tcase_add_test(rows, a_changed_file_is_asked_again);
    tcase_add_test(rows, damaged_verdicts_are_not_believed);
    tcase_add_test(rows, open_folders_keep_nothing);
    tcase_add_test(rows, failures_are_forgotten_after_a_while);
    tcase_add_test(rows, the_folder_does_not_grow_without_end);
    tcase_add_test(rows, children_may_be_ignored);
    tcase_add_test(rows, somebody_else_may_reap);
    tcase_add_test(rows, standard_files_may_be_closed);
    tcase_add_test(rows, the_probe_starts_clean);
    tcase_add_test(rows, a_strict_probe_has_no_environment);
    tcase_add_test(rows, other_programs_are_no_probe);
    tcase_add_test(rows, without_spawning_plugins_load_and_the_log_says_so);
    tcase_add_test(rows, kept_verdicts_need_no_spawning);
    tcase_add_test(rows, threads_probe_at_once);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    scratch_end();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
