#include "harness/process.h"

#include <dirent.h>
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

#define SECOND_NS 1000000000u
enum { LAST_WAIT_SECONDS = 5, POLL_MS = 10 };

uint64_t cfh_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

/* -- Starting -- */

/* Above those that a worker gets, so that moving one there never covers another. */
static int move_up(int file) {
    int moved = fcntl(file, F_DUPFD_CLOEXEC, CFH_REPORTS + 1);
    close(file);
    return moved;
}

static bool make_pipe(int *out_read, int *out_write) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    *out_read = move_up(ends[0]);
    *out_write = move_up(ends[1]);
    return *out_read >= 0 && *out_write >= 0;
}

static void close_all(int *files, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (files[i] >= 0) close(files[i]);
}

static bool is_set_in(const char *const *extra, const char *variable) {
    size_t length = strcspn(variable, "=") + 1;
    for (; extra && *extra; extra++)
        if (strncmp(*extra, variable, length) == 0) return true;
    return false;
}

/* Owner: the array is the caller's (free); the strings stay where they are. */
static char **make_environment(const char *const *extra) {
    size_t count = 0, kept = 0, more = 0;
    while (environ && environ[count]) count++;
    while (extra && extra[more]) more++;
    char **made = calloc(count + more + 1, sizeof *made);
    if (!made) return NULL;
    for (size_t i = 0; i < count; i++)
        if (!is_set_in(extra, environ[i])) made[kept++] = environ[i];
    for (size_t i = 0; i < more; i++) made[kept++] = (char *)(uintptr_t)extra[i];
    return made;
}

static bool set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, every;
    sigemptyset(&none);
    sigfillset(&every);
    return posix_spawnattr_setflags(attributes,
                                    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0 &&
           posix_spawnattr_setpgroup(attributes, 0) == 0 && posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &every) == 0;
}

static bool set_files(posix_spawn_file_actions_t *actions, int commands, int reports, int words) {
    return posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_adddup2(actions, words, 1) == 0 &&
           posix_spawn_file_actions_adddup2(actions, words, 2) == 0 &&
           posix_spawn_file_actions_adddup2(actions, commands, CFH_COMMANDS) == 0 &&
           posix_spawn_file_actions_adddup2(actions, reports, CFH_REPORTS) == 0;
}

/* 0, or an errno. */
static int spawn(const char *program, const char *const *extra, int commands, int reports, int words, pid_t *out_id) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    const char *const arguments[] = {program, "worker", NULL};
    char **environment = make_environment(extra);
    if (!environment) return ENOMEM;
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    int code = ENOMEM;
    if (set_attributes(&attributes) && set_files(&actions, commands, reports, words))
        code = posix_spawn(out_id, program, &actions, &attributes, (char *const *)(uintptr_t)arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free((void *)environment);
    return code;
}

bool cfh_process_start(const char *program, const char *const *extra, cfh_process *out_process) {
    int ends[6] = {-1, -1, -1, -1, -1, -1}; /* commands, reports, words: read and write */
    int code = 0;
    *out_process = (cfh_process){0};
    for (int i = 0; i < 3 && code == 0; i++)
        if (!make_pipe(&ends[2 * i], &ends[2 * i + 1])) code = errno ? errno : EMFILE;
    if (code == 0) code = spawn(program, extra, ends[0], ends[3], ends[5], &out_process->id);
    if (code != 0) {
        close_all(ends, 6);
        *out_process = (cfh_process){0};
        errno = code;
        return false;
    }
    close_all((int[]){ends[0], ends[3], ends[5]}, 3);
    out_process->commands = ends[1];
    out_process->reports = ends[2];
    out_process->words = ends[4];
    out_process->handle = (int)syscall(SYS_pidfd_open, out_process->id, 0);
    (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
    (void)fcntl(ends[2], F_SETFL, O_NONBLOCK);
    (void)fcntl(ends[4], F_SETFL, O_NONBLOCK);
    cfh_process_begin_time(out_process);
    return true;
}

/* -- Talking -- */

static void drop_outbox(cfh_process *process) {
    free(process->outbox);
    process->outbox = NULL;
    process->out_size = process->out_sent = 0;
}

/* False: nobody takes it any more. */
static bool send_more(cfh_process *process) {
    while (process->out_sent < process->out_size) {
        ssize_t put =
            write(process->commands, process->outbox + process->out_sent, process->out_size - process->out_sent);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) return true;
        if (put <= 0) {
            drop_outbox(process);
            return false;
        }
        process->out_sent += (size_t)put;
    }
    drop_outbox(process);
    return true;
}

/* A command is sent to a worker that has answered the last one: more than one at a time is a worker that does not read. */
bool cfh_process_send(cfh_process *process, cJSON *command) {
    size_t size = 0;
    unsigned char *bytes = cfh_message_frame(command, &size);
    if (!bytes || process->outbox) {
        free(bytes);
        return false;
    }
    process->outbox = bytes;
    process->out_size = size;
    return send_more(process);
}

/* Keeps the first half as it came; in the second half the latest replaces the earliest. */
static void keep_words(cfh_process *process, const char *bytes, size_t size) {
    enum { HALF = CFH_WORDS / 2 };
    size_t room = CFH_WORDS - process->said_length, fits = size < room ? size : room;
    memcpy(process->said + process->said_length, bytes, fits);
    process->said_length += fits;
    bytes += fits;
    size -= fits;
    if (!size) return;
    process->cut = true;
    if (size >= HALF) {
        memcpy(process->said + HALF, bytes + size - HALF, HALF);
    } else {
        memmove(process->said + HALF, process->said + HALF + size, HALF - size);
        memcpy(process->said + CFH_WORDS - size, bytes, size);
    }
}

static void listen_to_words(cfh_process *process) {
    char bytes[16384];
    ssize_t got;
    int most = 64; /* a plugin that never stops talking must not stop the harness */
    while (process->words >= 0 && most-- > 0) {
        got = read(process->words, bytes, sizeof bytes);
        if (got > 0) keep_words(process, bytes, (size_t)got);
        if (got == 0) { /* nobody can write there any more */
            close(process->words);
            process->words = -1;
        }
        if (got <= 0) return;
    }
}

/* Long enough that it is no turn of the harness's loop. */
static void forgive_absence(cfh_process *process) {
    uint64_t now = cfh_now(), away = now - process->attended;
    process->attended = now;
    if (away > SECOND_NS) process->started += away;
}

void cfh_process_listen(cfh_process *process) {
    forgive_absence(process);
    (void)send_more(process);
    if (!process->inbox.ended) cfh_inbox_fill(&process->inbox, process->reports);
    listen_to_words(process);
}

cJSON *cfh_process_hear(cfh_process *process) {
    return cfh_inbox_take(&process->inbox);
}

const char *cfh_process_words(cfh_process *process) {
    listen_to_words(process);
    for (size_t i = 0; i < process->said_length; i++)
        if (process->said[i] == '\0') process->said[i] = ' ';
    process->said[process->said_length] = '\0';
    if (process->cut) memcpy(process->said + CFH_WORDS / 2 - 5, "\n...\n", 5);
    while (process->said_length && process->said[process->said_length - 1] == '\n')
        process->said[--process->said_length] = '\0';
    process->said_length = 0;
    process->cut = false;
    return process->said;
}

static bool look_for_end(const cfh_process *process, cfh_ending *ending) {
    siginfo_t end = {0};
    if (waitid(P_PID, (id_t)process->id, &end, WEXITED | WNOHANG | WNOWAIT) != 0) return errno == ECHILD;
    if (end.si_pid != process->id) return false;
    ending->code = end.si_code;
    ending->status = end.si_status;
    return true;
}

/* A child of the plugin's may keep the pipe open: the end of the process is what counts. What it had sent is in the pipe
 * by then. */
bool cfh_process_is_over(cfh_process *process) {
    cfh_ending ending;
    if (process->inbox.ended || process->inbox.garbled) return true;
    if (!look_for_end(process, &ending)) return false;
    size_t before;
    do {
        before = process->inbox.length;
        cfh_inbox_fill(&process->inbox, process->reports);
    } while (process->inbox.length != before);
    process->inbox.ended = true;
    return true;
}

void cfh_process_await(cfh_process *const *processes, uint32_t count) {
    enum { MOST = 256 };
    struct pollfd files[4 * MOST];
    nfds_t used = 0;
    for (uint32_t i = 0; i < count && i < MOST; i++) {
        files[used++] = (struct pollfd){processes[i]->reports, POLLIN, 0};
        files[used++] = (struct pollfd){processes[i]->words, POLLIN, 0};
        files[used++] = (struct pollfd){processes[i]->handle, POLLIN, 0};
        if (processes[i]->outbox) files[used++] = (struct pollfd){processes[i]->commands, POLLOUT, 0};
    }
    (void)poll(files, used, 5 * POLL_MS);
}

cJSON *cfh_process_ask(cfh_process *process, cJSON *command, uint64_t limit, bool *out_late) {
    cJSON *answer = NULL;
    cfh_process_begin_time(process);
    (void)cfh_process_send(process, command);
    *out_late = false;
    while (!answer && !*out_late) {
        cfh_process_listen(process);
        answer = cfh_process_hear(process);
        if (answer) break;
        if (cfh_process_is_over(process)) return cfh_process_hear(process);
        *out_late = cfh_process_is_late(process, limit);
        cfh_process_await((cfh_process *const[]){process}, 1);
    }
    return answer;
}

/* -- Time -- */

/* Nanoseconds that one thread was ready to run and had no processor. */
static uint64_t thread_waited(pid_t id, const char *thread) {
    char path[96], text[96];
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%.20s/schedstat", (long)id, thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    if (got <= 0) return 0;
    text[got] = '\0';
    char *end = text;
    (void)strtoull(text, &end, 10);
    return strtoull(end, NULL, 10);
}

/* The same of all threads together: a row's work may be done by any of them while the others wait for it. Where several
 * wait at once that is more than the row has lost, which the limit of four times as many bounds. */
static uint64_t waited(pid_t id) {
    char path[64];
    uint64_t sum = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)id);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.') sum += thread_waited(id, entry->d_name);
    if (folder) (void)closedir(folder);
    return sum;
}

void cfh_process_begin_time(cfh_process *process) {
    process->started = process->attended = cfh_now();
    process->waited = waited(process->id);
}

bool cfh_process_is_late(const cfh_process *process, uint64_t limit) {
    uint64_t passed = cfh_now() - process->started;
    if (passed < limit) return false;
    if (passed / 4 >= limit) return true;
    uint64_t now = waited(process->id), before = process->waited; /* a thread that has ended counts no more */
    uint64_t lost = now > before ? now - before : 0;
    return lost < passed && passed - lost >= limit;
}

/* -- Ending -- */

static bool wait_for_end(cfh_process *process, cfh_ending *ending, uint64_t limit) {
    uint64_t start = cfh_now();
    while (!look_for_end(process, ending)) {
        if (cfh_now() - start > limit) return false;
        listen_to_words(process); /* it may be waiting to write */
        (void)poll(NULL, 0, POLL_MS);
    }
    return true;
}

cfh_ending cfh_process_end(cfh_process *process, bool kill_now) {
    cfh_ending ending = {0};
    if (!process->id) return ending;
    bool ended = !kill_now && wait_for_end(process, &ending, (uint64_t)LAST_WAIT_SECONDS * SECOND_NS);
    ending.by_harness = !ended;
    kill(-process->id, SIGKILL); /* with what it has started; its number is its own until it is waited for */
    if (!ended) {
        cfh_ending killed = {0};
        ending.stuck = !wait_for_end(process, &killed, (uint64_t)LAST_WAIT_SECONDS * SECOND_NS);
    }
    listen_to_words(process);
    if (!ending.stuck) (void)waitpid(process->id, NULL, WNOHANG);
    close_all((int[]){process->commands, process->reports, process->words, process->handle}, 4);
    cfh_inbox_free(&process->inbox);
    drop_outbox(process);
    process->id = 0;
    process->words = -1; /* what was said can still be asked for */
    return ending;
}

static const char *describe_signal(int number) {
    const char *words = sigdescr_np(number);
    return words ? words : "a real-time signal";
}

void cfh_ending_describe(const cfh_ending *ending, char *out_text, size_t size) {
    if (ending->code == CLD_EXITED)
        (void)snprintf(out_text, size, "exit status %d", ending->status);
    else if (ending->code == CLD_KILLED || ending->code == CLD_DUMPED)
        (void)snprintf(out_text, size, "signal %d (%s)", ending->status, describe_signal(ending->status));
    else
        (void)snprintf(out_text, size, "%s",
                       ending->by_harness ? "no end of its own: the harness killed it" : "an end that is not known");
}
