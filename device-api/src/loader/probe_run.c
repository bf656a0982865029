#include "loader/probe_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000
enum { POLL_MS = 20, LAST_WAIT_MS = 500 };

/* A plugin has `seconds`, not counting the time that its process waits for a processor on a busy machine, and `longest`
 * in all. */
typedef struct limit {
    const char *name;
    int seconds, longest;
} limit;
static const limit limits[] = {
    [TENON__TRY_LOAD] = {TENON__PROBE_TRY_LOAD, 2, 10}, [TENON__TRY_OPEN] = {TENON__PROBE_TRY_OPEN, 20, 60}};

typedef struct child {
    const limit *what;
    pid_t id;
    int handle;  /* pidfd, or -1 on kernels without */
    int reports; /* read ends; -1 once at their end */
    int words;
    int64_t start;
    uint32_t ended;
    uint32_t end_known;
    siginfo_t end;
    uint32_t stage;
    uint32_t garbled;
    size_t filled; /* bytes of `message` */
    tenon__probe_message message;
    tenon__verdict verdict;
    size_t said_length;
    char said[256]; /* the first that it wrote to its standard output and error */
} child;

/* -- Starting ----------------------------------------------------------------------------------------------------- */

/* A file descriptor above those that the child gets, so that moving one there never covers another. */
static int move_up(int descriptor) {
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, TENON__PROBE_DESCRIPTOR + 1);
    close(descriptor);
    return moved;
}

static int make_pipe(int *out_read, int *out_write) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return 0;
    *out_read = move_up(ends[0]);
    *out_write = move_up(ends[1]);
    return *out_read >= 0 && *out_write >= 0 && fcntl(*out_read, F_SETFL, O_NONBLOCK) == 0;
}

static void close_ends(int *ends, int count) {
    for (int i = 0; i < count; i++)
        if (ends[i] >= 0) close(ends[i]);
}

/* What would have the probe load other things than the plugin, or write where it is not expected. Plugins keep to the
 * user's cache folder in the probe too. */
static int is_left_out(const char *variable) {
    static const char kept[] = "TENON_CACHE_DIR=";
    static const char *const starts[] = {
        "TENON_", "LD_AUDIT=", "LD_DEBUG", "LD_PROFILE", "LD_SHOW_AUXV", "LD_TRACE_LOADED_OBJECTS", "MALLOC_TRACE="};
    if (strncmp(variable, kept, sizeof kept - 1) == 0) return 0;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (strncmp(variable, starts[i], strlen(starts[i])) == 0) return 1;
    return 0;
}

/* Owner: the array is the caller's (free); the strings stay the environment's. */
static char **make_environment(uint32_t strict) {
    size_t count = 0, kept = 0;
    while (environ && environ[count]) count++;
    char **made = calloc(count + 1, sizeof *made);
    for (size_t i = 0; made && !strict && i < count; i++)
        if (!is_left_out(environ[i])) made[kept++] = environ[i];
    return made;
}

static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, every;
    sigemptyset(&none);
    sigfillset(&every);
    return posix_spawnattr_setflags(attributes,
                                    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0 &&
           posix_spawnattr_setpgroup(attributes, 0) == 0 && posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &every) == 0;
}

/* The probe closes what else it inherits. */
static int set_files(posix_spawn_file_actions_t *actions, int report, int words) {
    return posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_adddup2(actions, words, 1) == 0 &&
           posix_spawn_file_actions_adddup2(actions, words, 2) == 0 &&
           posix_spawn_file_actions_adddup2(actions, report, TENON__PROBE_DESCRIPTOR) == 0;
}

/* 0, or an errno. */
static int spawn(const char *const *arguments, uint32_t strict, int report, int words, pid_t *out_id) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    char **environment = make_environment(strict);
    if (!environment) return ENOMEM;
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    int code = ENOMEM;
    if (set_attributes(&attributes) && set_files(&actions, report, words))
        code =
            posix_spawn(out_id, arguments[0], &actions, &attributes, (char *const *)(uintptr_t)arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free((void *)environment);
    return code;
}

static int64_t now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (int64_t)moment.tv_sec * SECOND_NS + moment.tv_nsec;
}

/* 0, or an errno. */
static int start(child *c, const char *program, const char *plugin, uint32_t strict) {
    const char *const arguments[] = {program, c->what->name, plugin, NULL};
    int ends[4] = {-1, -1, -1, -1}; /* reports read and write, words read and write */
    int code = 0;
    if (!make_pipe(&ends[0], &ends[1]) || !make_pipe(&ends[2], &ends[3])) code = errno ? errno : EMFILE;
    if (code == 0) code = spawn(arguments, strict, ends[1], ends[3], &c->id);
    if (code != 0) {
        close_ends(ends, 4);
        return code;
    }
    close(ends[1]);
    close(ends[3]);
    c->reports = ends[0];
    c->words = ends[2];
    c->handle = (int)syscall(SYS_pidfd_open, c->id, 0);
    c->start = now();
    return 0;
}

/* -- Listening ---------------------------------------------------------------------------------------------------- */

/* Takes a whole message in. */
static void hear(child *c) {
    const tenon__probe_message *m = &c->message;
    if (m->host != tenon__probe_host() || m->stage <= c->stage || m->stage > TENON__STAGE_DONE ||
        m->reason >= TENONH_REASON_COUNT || !memchr(m->detail, '\0', sizeof m->detail)) {
        /* Before its first message it is another build's probe; after that a plugin has written there. */
        c->garbled = 1;
        return;
    }
    c->stage = m->stage;
    if (m->stage != TENON__STAGE_UNLOADING) return;
    c->verdict.reason = m->reason;
    memcpy(c->verdict.detail, m->detail, sizeof c->verdict.detail);
}

/* Reads what there is; closes at the end of the pipe. */
static ssize_t take(int *descriptor, void *out_bytes, size_t size) {
    ssize_t got;
    if (*descriptor < 0) return -1;
    do got = read(*descriptor, out_bytes, size);
    while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        close(*descriptor);
        *descriptor = -1;
    }
    return got;
}

static void drain(child *c) {
    char rest[4096];
    ssize_t got;
    while ((got = take(&c->reports, (char *)&c->message + c->filled, sizeof c->message - c->filled)) > 0) {
        c->filled += (size_t)got;
        if (c->filled < sizeof c->message) continue;
        c->filled = 0;
        if (!c->garbled && c->stage != TENON__STAGE_DONE) hear(c);
    }
    /* What is said is read without end only while the limit runs: a bounded part each time. */
    for (int i = 0; i < 16 && (got = take(&c->words, rest, sizeof rest)) > 0; i++) {
        size_t room = sizeof c->said - 1 - c->said_length, keep = (size_t)got < room ? (size_t)got : room;
        memcpy(c->said + c->said_length, rest, keep);
        c->said_length += keep;
    }
}

/* Looks for the child's end without taking it, so that its number stays its own. */
static void look_for_end(child *c) {
    siginfo_t end = {0};
    if (waitid(P_PID, (id_t)c->id, &end, WEXITED | WNOHANG | WNOWAIT) == 0) {
        if (end.si_pid != c->id) return;
        c->end_known = 1;
        c->end = end;
    } else if (errno != ECHILD) {
        return;
    }
    c->ended = 1; /* also where nobody is told of children: it was ours a moment ago */
}

/* Nanoseconds that the child was ready to run and had no processor. */
static int64_t waited(const child *c) {
    char path[64], text[96];
    unsigned long long waiting = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/schedstat", (long)c->id);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    if (got <= 0) return 0;
    text[got] = '\0';
    char *end = text;
    (void)strtoull(text, &end, 10);
    waiting = strtoull(end, NULL, 10);
    return waiting < INT64_MAX / 2 ? (int64_t)waiting : 0;
}

static int is_late(const child *c) {
    int64_t spent = now() - c->start;
    int64_t most = (int64_t)c->what->seconds * SECOND_NS, longest = (int64_t)c->what->longest * SECOND_NS;
    return spent >= most && (spent >= longest || spent - waited(c) >= most);
}

static void await(const child *c, int limit_ms) {
    struct pollfd ends[] = {{c->reports, POLLIN, 0}, {c->words, POLLIN, 0}, {c->handle, POLLIN, 0}};
    if (c->handle < 0 && limit_ms > 1) limit_ms = 1; /* nothing tells the end: look often */
    (void)poll(ends, 3, limit_ms);
}

/* Ends the child with all that it has started, and takes its end. */
static void finish(child *c) {
    if (!c->ended) {
        kill(-c->id, SIGKILL);
        /* A process stuck in a driver does not end even now: it is left behind rather than waited for. */
        for (int64_t until = now() + (int64_t)LAST_WAIT_MS * 1000000; !c->ended && now() < until; look_for_end(c))
            await(c, POLL_MS);
    } else if (c->end_known) {
        kill(-c->id, SIGKILL); /* what it started; its own number is still taken */
    }
    if (c->ended) (void)waitpid(c->id, NULL, WNOHANG);
    int ends[] = {c->reports, c->words, c->handle};
    close_ends(ends, 3);
}

/* Follows the child until it has ended or told all (1), or its time is over (0). */
static int follow(child *c) {
    while (!c->ended && c->stage != TENON__STAGE_DONE && !is_late(c)) {
        await(c, POLL_MS);
        look_for_end(c); /* before the pipes are read: what comes after the end is read in this round */
        drain(c);
    }
    return c->ended || c->stage == TENON__STAGE_DONE;
}

/* -- Judging ------------------------------------------------------------------------------------------------------ */

static const char *stage_text(uint32_t stage) {
    static const char *const texts[] = {"before it was loaded",
                                        "before it was loaded",
                                        "while its constructors ran",
                                        "in tenon_plugin_query",
                                        "while it or a device of it was opened or closed",
                                        "while it was unloaded, in its destructors",
                                        "after it was unloaded"};
    return texts[stage <= TENON__STAGE_DONE ? stage : TENON__STAGE_NONE];
}

static void describe_end(const child *c, char *out_text, size_t size) {
    if (!c->end_known)
        (void)snprintf(out_text, size, "it ended");
    else if (c->end.si_code == CLD_EXITED)
        (void)snprintf(out_text, size, "it exited with status %d", c->end.si_status);
    else
        (void)snprintf(out_text, size, "signal %d (%s)", c->end.si_status, sigdescr_np(c->end.si_status));
}

/* What it said, as one line. */
static const char *said(child *c) {
    char *at = c->said;
    for (size_t i = 0; i < c->said_length; i++)
        if ((unsigned char)at[i] < ' ' || at[i] == 127) at[i] = ' ';
    at[c->said_length] = '\0';
    while (c->said_length && at[c->said_length - 1] == ' ') at[--c->said_length] = '\0';
    while (*at == ' ') at++;
    return at;
}

static tenon__probe_outcome judge(child *c, int in_time, tenon__verdict *verdict) {
    char end[128];
    describe_end(c, end, sizeof end);
    const char *words = said(c), *before = words[0] ? "; it said: " : "";
    if (in_time && c->stage == TENON__STAGE_DONE && !c->garbled) {
        *verdict = c->verdict;
        return TENON__PROBE_ANSWERED;
    }
    if (c->stage == TENON__STAGE_NONE) {
        tenon__refuse(verdict, TENONH_REASON_OK, "%s%s%s%s",
                      c->garbled ? "it is of another build than this library" : "it does not start: ",
                      c->garbled ? "" : end, before, words);
        return TENON__PROBE_UNAVAILABLE;
    }
    if (!in_time) {
        tenon__refuse(verdict, TENONH_REASON_PROBE_TIMED_OUT, "no end after %d s %s%s%s", c->what->seconds,
                      stage_text(c->stage), before, words);
        return TENON__PROBE_LATE;
    }
    tenon__refuse(verdict, TENONH_REASON_PROBE_CRASHED, "%s %s%s%s%s", end, stage_text(c->stage),
                  c->garbled ? ", after it wrote into the probe's pipe" : "", before, words);
    return TENON__PROBE_ENDED;
}

tenon__probe_outcome tenon__probe_run(const char *program, tenon__probe_try what, const char *plugin, uint32_t strict,
                                      tenon__verdict *out_verdict) {
    child c = {.what = &limits[what], .handle = -1, .reports = -1, .words = -1};
    int code = start(&c, program, plugin, strict);
    if (code != 0) {
        tenon__refuse(out_verdict, TENONH_REASON_OK, "it cannot be started: %s", strerror(code));
        return TENON__PROBE_UNAVAILABLE;
    }
    int in_time = follow(&c);
    finish(&c);
    return judge(&c, in_time, out_verdict);
}
