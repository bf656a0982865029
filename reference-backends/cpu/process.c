#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MILLISECONDS = 20 };

/* The program's environment: nothing of ours but what a compiler needs to find its parts. */
typedef struct environment {
    char text[4][4096];
    char *entries[5];
} environment;

static void make_environment(environment *made) {
    static const char *const names[] = {"PATH", "HOME", "TMPDIR"};
    int count = 0;
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (!value) continue;
        if (snprintf(made->text[count], sizeof made->text[count], "%s=%s", names[i], value) >= 4096) continue;
        made->entries[count] = made->text[count];
        count++;
    }
    (void)snprintf(made->text[count], sizeof made->text[count], "LC_ALL=C");
    made->entries[count] = made->text[count];
    made->entries[count + 1] = NULL;
}

/* A process group of its own, so that a compiler's children end with it; signals as if freshly started. */
static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, every;
    (void)sigemptyset(&none);
    (void)sigfillset(&every);
    return posix_spawnattr_setflags(attributes,
                                    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ||
           posix_spawnattr_setpgroup(attributes, 0) || posix_spawnattr_setsigmask(attributes, &none) ||
           posix_spawnattr_setsigdefault(attributes, &every);
}

static int set_files(posix_spawn_file_actions_t *actions, const cpu_process *process) {
    int failed = process->input >= 0 ? posix_spawn_file_actions_adddup2(actions, process->input, 0)
                                     : posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    failed = failed || posix_spawn_file_actions_adddup2(actions, process->output, 1) ||
             posix_spawn_file_actions_adddup2(actions, process->output, 2);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
    failed = failed || posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
    return failed;
}

static tenon_status spawn(const cpu_process *process, pid_t *out_pid) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    environment *surroundings = calloc(1, sizeof *surroundings);
    if (!surroundings) return TENON_STATUS_OUT_OF_MEMORY;
    make_environment(surroundings);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_init(&actions);
    int failed = set_attributes(&attributes) || set_files(&actions, process);
    if (!failed)
        failed = posix_spawn(out_pid, process->arguments[0], &actions, &attributes,
                             (char *const *)(uintptr_t)process->arguments, surroundings->entries);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    free(surroundings);
    return failed ? TENON_STATUS_IO : TENON_STATUS_OK;
}

/* Waits up to POLL_MILLISECONDS for the child's end; `handle` is a pidfd, or -1 on kernels without. */
static void pause_for(int handle) {
    struct pollfd wait = {.fd = handle, .events = POLLIN};
    if (handle >= 0) {
        (void)poll(&wait, 1, POLL_MILLISECONDS);
        return;
    }
    struct timespec moment = {0, 2000000};
    (void)nanosleep(&moment, NULL);
}

static int64_t seconds_now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* The child's end. ECHILD: the application reaps children it did not start; then the code is lost. */
static tenon_status await(const cpu_process *process, pid_t child, int handle, int *out_code) {
    int64_t end = seconds_now() + process->seconds;
    for (;;) {
        int state = 0;
        pid_t got = waitpid(child, &state, WNOHANG);
        if (got == child || (got < 0 && errno == ECHILD)) {
            *out_code = WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
            return TENON_STATUS_OK;
        }
        if (process->cancelled && process->cancelled(process->context)) return TENON_STATUS_CANCELLED;
        if (seconds_now() >= end) return TENON_STATUS_TIMEOUT;
        pause_for(handle);
    }
}

tenon_status cpu_process_run(const cpu_process *process, int *out_code) {
    pid_t child = 0;
    TENON_TRY(spawn(process, &child));
#ifdef SYS_pidfd_open
    int handle = (int)syscall(SYS_pidfd_open, child, 0);
#else
    int handle = -1;
#endif
    tenon_status status = await(process, child, handle, out_code);
    if (status != TENON_STATUS_OK) {
        (void)kill(-child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    }
    if (handle >= 0) (void)close(handle);
    return status;
}
