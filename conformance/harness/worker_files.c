#include "harness/worker_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/message.h"

enum { SPARE = CFH_REPORTS + 1 /* another end of the pipe that output and errors go to */ };

static struct watched {
    int number;
    const char *name;
    struct stat first;
} files[] = {
    {.number = 0, .name = "the standard input"},
    {.number = 1, .name = "the standard output"},
    {.number = 2, .name = "the standard error"},
    {.number = CFH_COMMANDS, .name = "the harness's pipe"},
};

enum { COUNT = sizeof files / sizeof *files };

bool cfh_worker_files_note(void) {
    for (int i = 0; i < COUNT; i++)
        if (fstat(files[i].number, &files[i].first) != 0) return false;
    return dup3(2, SPARE, O_CLOEXEC) == SPARE;
}

static bool is_there(const struct watched *file, struct stat *out_now) {
    return fstat(file->number, out_now) == 0;
}

static bool is_same(const struct watched *file, const struct stat *now) {
    return now->st_dev == file->first.st_dev && now->st_ino == file->first.st_ino;
}

/* What cannot be opened again shows as closed once more after the next row. */
static void open_again(const struct watched *file) {
    if (file->number == 0) {
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (nothing > 0 && dup2(nothing, 0) == 0) (void)close(nothing);
        if (nothing == 0) (void)fcntl(0, F_SETFD, 0);
    } else if (file->number <= 2) {
        (void)dup2(SPARE, file->number);
    }
}

static void describe(const struct watched *file, bool there, char *out_text, size_t size) {
    char link[64], target[256];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file->number);
    ssize_t length = there ? readlink(link, target, sizeof target - 1) : 0;
    target[length > 0 ? length : 0] = '\0';
    if (target[0] != '/') target[strcspn(target, "[")] = '\0'; /* "pipe:[123]": another number each time */
    (void)snprintf(out_text, size, "descriptor %d, %s, %s%s: it is not the plugin's", file->number, file->name,
                   there ? "is now " : "is closed", target);
}

bool cfh_worker_files_check(char *out_text, size_t size) {
    out_text[0] = '\0';
    for (int i = 0; i < COUNT; i++) {
        struct stat now;
        bool there = is_there(&files[i], &now);
        if (there && is_same(&files[i], &now)) continue;
        if (!out_text[0]) describe(&files[i], there, out_text, size);
        if (!there)
            open_again(&files[i]);
        else if (files[i].number <= 2)
            files[i].first = now;
    }
    return !out_text[0];
}

bool cfh_worker_files_hear(void) {
    struct stat now;
    return is_there(&files[COUNT - 1], &now) && is_same(&files[COUNT - 1], &now);
}
