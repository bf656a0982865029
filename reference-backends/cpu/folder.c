#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Makes each folder of an absolute path that is not there. */
static int make_folders(const char *path) {
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s/", path) >= PATH_MAX) return 0;
    for (char *at = strchr(part + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(part, S_IRWXU) != 0 && errno != EEXIST) return 0;
        *at = '/';
    }
    return 1;
}

/* True if only root and we can change what is in the folder, or at least (sticky) what is ours in it. */
static int is_trusted(const char *path) {
    struct stat facts;
    if (lstat(path, &facts) != 0 || !S_ISDIR(facts.st_mode)) return 0;
    if (facts.st_uid != 0 && facts.st_uid != geteuid()) return 0;
    return (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (facts.st_mode & S_ISVTX) != 0;
}

/* Checks every folder of a path without symbolic links, from the root down. */
static int check_path(const char *path, char *out_why, size_t why_size) {
    char part[PATH_MAX];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *at = part + strlen(part); at >= part; at--) {
        if (*at != '/' && *at != '\0') continue;
        *at = '\0';
        if (is_trusted(*part ? part : "/")) continue;
        (void)snprintf(out_why, why_size, "%.90s belongs to, or can be written by, somebody else", *part ? part : "/");
        return 0;
    }
    return 1;
}

static int check_own(int folder, char *out_why, size_t why_size) {
    struct stat facts;
    if (fstat(folder, &facts) == 0 && facts.st_uid == geteuid() && (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0) return 1;
    (void)snprintf(out_why, why_size, "its folder is not this user's own with mode 0700");
    return 0;
}

int cpu_folder_open(const char *above, const char *name, char out_path[PATH_MAX], char *out_why, size_t why_size) {
    char real[PATH_MAX];
    if (!make_folders(above) || !realpath(above, real) ||
        snprintf(out_path, PATH_MAX, "%s/%s", real, name) >= PATH_MAX ||
        (mkdir(out_path, S_IRWXU) != 0 && errno != EEXIST)) {
        (void)snprintf(out_why, why_size, "%s", strerror(errno));
        return -1;
    }
    if (!check_path(real, out_why, why_size)) return -1;
    int folder = open(out_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        (void)snprintf(out_why, why_size, "%s", strerror(errno));
        return -1;
    }
    if (check_own(folder, out_why, why_size)) return folder;
    (void)close(folder);
    return -1;
}

typedef struct entry {
    char name[80];
    uint64_t size;
    int64_t used; /* seconds */
} entry;

static int by_use(const void *left, const void *right) {
    const entry *a = left, *b = right;
    return a->used < b->used ? -1 : a->used > b->used;
}

/* Appends one file to the list; 0 when memory is short. */
static int note(int folder, const char *name, entry **list, size_t *count) {
    struct stat facts;
    if (strlen(name) >= sizeof(*list)->name || fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return 1;
    if (S_ISDIR(facts.st_mode)) return 1;
    if ((*count & (*count - 1)) == 0) { /* grows at powers of two */
        entry *grown = realloc(*list, (*count ? *count * 2 : 1) * sizeof **list);
        if (!grown) return 0;
        *list = grown;
    }
    entry *added = &(*list)[(*count)++];
    memcpy(added->name, name, strlen(name) + 1);
    added->size = (uint64_t)facts.st_size;
    added->used = facts.st_mtime;
    return 1;
}

static void read_entries(int folder, entry **out_list, size_t *out_count) {
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *open_folder = copy >= 0 ? fdopendir(copy) : NULL;
    *out_list = NULL;
    *out_count = 0;
    if (!open_folder) {
        if (copy >= 0) (void)close(copy);
        return;
    }
    for (struct dirent *each; (each = readdir(open_folder)) != NULL;)
        if (!note(folder, each->d_name, out_list, out_count)) break;
    (void)closedir(open_folder);
}

void cpu_folder_trim(int folder, uint64_t most) {
    enum { DAY = 24 * 60 * 60 };
    entry *list;
    size_t count;
    uint64_t held = 0;
    int64_t now = time(NULL);
    read_entries(folder, &list, &count);
    for (size_t i = 0; i < count; i++) held += list[i].size;
    if (list) qsort(list, count, sizeof *list, by_use);
    for (size_t i = 0; i < count; i++) {
        int is_left_over =
            strncmp(list[i].name, CPU_FOLDER_TEMPORARY, strlen(CPU_FOLDER_TEMPORARY)) == 0 && list[i].used < now - DAY;
        if (held <= most && most && !is_left_over) continue;
        if (unlinkat(folder, list[i].name, 0) == 0) held -= list[i].size;
    }
    free(list);
}
