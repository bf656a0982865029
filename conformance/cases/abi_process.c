#include "cases/abi_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/suite.h"

enum { SIGNALS = 65, FILES = 1024, TEXT = 4096, STANDARD_FILES = 3 };

struct cf_process {
    struct sigaction actions[SIGNALS];
    sigset_t mask;
    fenv_t environment;
    uint32_t float_mode;
    int rounding;
    char locale[TEXT];
    locale_t thread_locale;
    char folder[TEXT];
    unsigned umask;
    char **variables; /* copies, NULL at the end */
    bool files[FILES];
    struct stat standard[STANDARD_FILES]; /* zeros: closed */
    uint32_t threads;
    struct cf_process *usual; /* what cf_process_begin found */
};

/* -- Looking ----------------------------------------------------------------------------------------------------------- */

/* Flush to zero, denormals as zero, rounding and masked exceptions; the sticky flags are no mode. */
static uint32_t float_mode(void) {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr() & ~0x3fu;
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__("mrs %0, fpcr" : "=r"(mode));
    return (uint32_t)mode;
#else
    return 0;
#endif
}

static unsigned read_umask(void) {
    char line[256];
    unsigned mask = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "Umask:", 6) == 0) mask = (unsigned)strtoul(line + 6, NULL, 8);
    if (file) (void)fclose(file);
    return mask;
}

typedef void (*number_function)(cf_process *process, unsigned number);

static void note_file(cf_process *process, unsigned number) {
    if (number < FILES) process->files[number] = true;
}

static void note_thread(cf_process *process, unsigned number) {
    (void)number;
    process->threads++;
}

static void each_number(cf_process *process, const char *folder, number_function each) {
    DIR *entries = opendir(folder);
    int own = entries ? dirfd(entries) : -1;
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        unsigned number = (unsigned)strtoul(entry->d_name, NULL, 10);
        if (entry->d_name[0] != '.' && (each != note_file || (int)number != own)) each(process, number);
    }
    if (entries) (void)closedir(entries);
}

static char **copy_environment(void) {
    size_t count = 0;
    while (environ && environ[count]) count++;
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) copy[i] = strdup(environ[i]);
    return copy;
}

cf_process *cf_process_look(void) {
    cf_process *seen = calloc(1, sizeof *seen);
    if (!seen) abort();
    for (int i = 1; i < SIGNALS; i++) (void)sigaction(i, NULL, &seen->actions[i]);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    (void)fegetenv(&seen->environment);
    seen->float_mode = float_mode();
    seen->rounding = fegetround();
    snprintf(seen->locale, sizeof seen->locale, "%s", setlocale(LC_ALL, NULL));
    seen->thread_locale = uselocale((locale_t)0);
    if (!getcwd(seen->folder, sizeof seen->folder)) seen->folder[0] = '\0';
    seen->umask = read_umask();
    seen->variables = copy_environment();
    for (int i = 0; i < STANDARD_FILES; i++)
        if (fstat(i, &seen->standard[i]) != 0) memset(&seen->standard[i], 0, sizeof seen->standard[i]);
    each_number(seen, "/proc/self/fd", note_file);
    each_number(seen, "/proc/self/task", note_thread);
    return seen;
}

static void free_environment(char **variables) {
    for (char **at = variables; at && *at; at++) free(*at);
    free((void *)variables);
}

void cf_process_forget(cf_process *process) {
    free_environment(process->variables);
    free(process);
}

/* -- Modes of the suite's own ------------------------------------------------------------------------------------------ */

static void set_signals(const cf_process *to) {
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int i = 1; i < SIGNALS; i++) (void)sigaction(i, to ? &to->actions[i] : &usual, NULL);
    sigset_t none;
    sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, to ? &to->mask : &none, NULL);
}

/* The environment that the process was started with, as copies. NULL: it cannot be read. */
static char **first_environment(void) {
    enum { ROOM = 1 << 16 };
    size_t size = 0, count = 0;
    FILE *file = fopen("/proc/self/environ", "re");
    char *text = calloc(1, ROOM + 1), **made = NULL;
    if (file && text) size = fread(text, 1, ROOM, file);
    if (file) (void)fclose(file);
    for (size_t i = 0; i < size; i++) count += text[i] == '\0';
    if (size > 0 && size < ROOM) made = calloc(count + 1, sizeof *made);
    const char *at = text;
    for (size_t i = 0; made && i < count; i++, at += strlen(at) + 1) made[i] = strdup(at);
    free(text);
    return made;
}

static bool has_variable(char **variables, const char *wanted) {
    for (char **at = variables; at && *at; at++)
        if (strcmp(*at, wanted) == 0) return true;
    return false;
}

/* Variable by variable: the array itself belongs to the C library. */
static void set_environment(char **to) {
    char **from = copy_environment();
    for (char **at = from; at && *at; at++) {
        size_t name = strcspn(*at, "=");
        if (has_variable(to, *at)) continue;
        (*at)[name] = '\0';
        (void)unsetenv(*at);
    }
    for (char **at = to; at && *at; at++) {
        size_t name = strcspn(*at, "=");
        char *variable = has_variable(from, *at) || (*at)[name] == '\0' ? NULL : strdup(*at);
        if (variable) variable[name] = '\0';
        if (variable) (void)setenv(variable, variable + name + 1, 1);
        free(variable);
    }
    free_environment(from);
}

cf_process *cf_process_begin(void) {
    cf_process *usual = cf_process_look(), *begun;
    char **first = first_environment();
    set_signals(NULL);
    (void)fesetenv(FE_DFL_ENV);
    (void)setlocale(LC_ALL, "C");
    (void)uselocale(LC_GLOBAL_LOCALE);
    if (chdir("/usr") != 0) cf_fail("/usr cannot be entered");
    (void)umask(0137);
    if (first) set_environment(first);
    free_environment(first);
    begun = cf_process_look();
    begun->usual = usual;
    return begun;
}

void cf_process_end(cf_process *process) {
    cf_process *usual = process->usual;
    set_environment(usual->variables);
    (void)umask(usual->umask);
    if (usual->folder[0] && chdir(usual->folder) != 0) cf_fail("%s cannot be entered again", usual->folder);
    (void)setlocale(LC_ALL, usual->locale);
    (void)uselocale(usual->thread_locale);
    (void)fesetenv(&usual->environment);
    set_signals(usual);
    cf_process_forget(usual);
    cf_process_forget(process);
}

/* -- Comparing --------------------------------------------------------------------------------------------------------- */

static void expect_signals(const cf_process *a, const cf_process *b, const char *when) {
    for (int i = 1; i < SIGNALS; i++) {
        const struct sigaction *x = &a->actions[i], *y = &b->actions[i];
        if (x->sa_handler != y->sa_handler || x->sa_flags != y->sa_flags)
            cf_fail("%s signal %d (%s) has another disposition", when, i, strsignal(i));
        if (sigismember(&a->mask, i) != sigismember(&b->mask, i))
            cf_fail("%s signal %d is %s on the calling thread", when, i,
                    sigismember(&b->mask, i) == 1 ? "blocked" : "let through");
    }
}

static void expect_float(const cf_process *a, const cf_process *b, const char *when) {
    if (a->float_mode != b->float_mode || a->rounding != b->rounding)
        cf_fail("%s the calling thread's floating-point mode is 0x%x, not 0x%x", when, b->float_mode, a->float_mode);
    (void)fesetenv(&a->environment);
}

static void expect_locale(const cf_process *a, const cf_process *b, const char *when) {
    if (strcmp(a->locale, b->locale) != 0) cf_fail("%s the locale is %s, not %s", when, b->locale, a->locale);
    if (a->thread_locale != b->thread_locale) cf_fail("%s the calling thread has another locale", when);
}

static void expect_folder(const cf_process *a, const cf_process *b, const char *when) {
    if (strcmp(a->folder, b->folder) != 0) cf_fail("%s the working folder is %s, not %s", when, b->folder, a->folder);
}

static void expect_umask(const cf_process *a, const cf_process *b, const char *when) {
    if (a->umask != b->umask) cf_fail("%s the umask is %03o, not %03o", when, b->umask, a->umask);
}

static void expect_environment(const cf_process *a, const cf_process *b, const char *when) {
    for (char **at = a->variables; at && *at; at++)
        if (!has_variable(b->variables, *at)) cf_fail("%s the environment has lost %.80s", when, *at);
    for (char **at = b->variables; at && *at; at++)
        if (!has_variable(a->variables, *at)) cf_fail("%s the environment has gained %.80s", when, *at);
}

static void expect_standard(const cf_process *a, const cf_process *b, const char *when) {
    static const char *const names[STANDARD_FILES] = {"input", "output", "error"};
    for (int i = 0; i < STANDARD_FILES; i++) {
        const struct stat *x = &a->standard[i], *y = &b->standard[i];
        if (x->st_dev != y->st_dev || x->st_ino != y->st_ino)
            cf_fail("%s descriptor %d, the standard %s, is %s", when, i, names[i],
                    y->st_mode ? "another file" : "closed");
    }
}

static void expect_files(const cf_process *a, const cf_process *b, const char *when) {
    char link[64], target[256];
    for (unsigned i = 0; i < FILES; i++) {
        if (a->files[i] == b->files[i]) continue;
        snprintf(link, sizeof link, "/proc/self/fd/%u", i);
        ssize_t length = readlink(link, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        cf_fail("%s file %u is %s", when, i, b->files[i] ? target : "closed");
    }
}

static void expect_threads(const cf_process *a, const cf_process *b, const char *when) {
    if (b->threads > a->threads) cf_fail("%s there are %u threads, not %u", when, b->threads, a->threads);
}

static void (*const expects[])(const cf_process *, const cf_process *, const char *) = {
    [CF_PROCESS_SIGNALS] = expect_signals,   [CF_PROCESS_FLOAT] = expect_float,
    [CF_PROCESS_LOCALE] = expect_locale,     [CF_PROCESS_FOLDER] = expect_folder,
    [CF_PROCESS_UMASK] = expect_umask,       [CF_PROCESS_ENVIRONMENT] = expect_environment,
    [CF_PROCESS_STANDARD] = expect_standard, [CF_PROCESS_FILES] = expect_files,
    [CF_PROCESS_THREADS] = expect_threads,
};

/* A thread that has been joined may be listed for a moment longer. */
static cf_process *look_settled(const cf_process *before, cf_process_aspect aspect) {
    enum { TRIES = 100 };
    cf_process *now = cf_process_look();
    for (int i = 0; aspect == CF_PROCESS_THREADS && now->threads > before->threads && i < TRIES; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        cf_process_forget(now);
        now = cf_process_look();
    }
    return now;
}

void cf_process_expect(const cf_process *before, cf_process_aspect aspect, const char *when) {
    cf_process *now = look_settled(before, aspect);
    for (int i = 0; i < CF_PROCESS_ASPECTS; i++) {
        bool asked = aspect == CF_PROCESS_MODES ? i < CF_PROCESS_MODES : i == (int)aspect;
        if (asked && expects[i]) expects[i](before, now, when);
    }
    cf_process_forget(now);
}

/* -- Another load of the same file ------------------------------------------------------------------------------------- */

static bool copy_file(const char *from, const char *to) {
    struct stat status;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    bool done = in >= 0 && out >= 0 && fstat(in, &status) == 0;
    off_t left = done ? status.st_size : 0;
    while (done && left > 0) {
        ssize_t moved = sendfile(out, in, NULL, (size_t)left);
        done = moved > 0;
        left -= moved;
    }
    if (in >= 0) close(in);
    if (out >= 0) close(out);
    return done;
}

bool cf_process_load_copy(const char *path, tenon__library *out_library) {
    const char *base = getenv("TMPDIR"), *name = strrchr(path, '/');
    char folder[512], copy[1024];
    tenon__verdict verdict = {0};
    snprintf(folder, sizeof folder, "%.400s/tenon-copy-XXXXXX", base && base[0] == '/' ? base : "/tmp");
    if (!mkdtemp(folder)) return false;
    snprintf(copy, sizeof copy, "%s/%.255s", folder, name ? name + 1 : path);
    bool loaded = copy_file(path, copy) && tenon__library_open(copy, out_library, &verdict) == TENONH_REASON_OK;
    (void)unlink(copy);
    (void)rmdir(folder);
    return loaded;
}
