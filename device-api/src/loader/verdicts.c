#include "loader/verdicts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/probe_message.h"
#include "loader/trust.h"

enum { MOST_FILES = 512, RETRY_SECONDS = 600 };

static const char magic[8] = "TNVRD01";

/* A file's content. Without padding: it is sealed as bytes. */
typedef struct record {
    char magic[8];
    tenon__verdict_key key;
    int64_t when; /* seconds since 1970 */
    uint32_t reason;
    uint32_t reserved;
    char detail[sizeof((tenon__verdict *)0)->detail];
    uint64_t seal;
} record;
_Static_assert(sizeof(record) == 8 + 96 + 16 + 768 + 8, "no padding");

void tenon__verdict_key_fill(tenon__verdict_key *key, uint64_t what, const struct stat *probe,
                             const struct stat *plugin) {
    *key = (tenon__verdict_key){
        .host = tenon__probe_host(),
        .what = what,
        .probe_device = probe->st_dev,
        .probe_inode = probe->st_ino,
        .probe_size = (uint64_t)probe->st_size,
        .probe_changed_s = (uint64_t)probe->st_ctim.tv_sec,
        .probe_changed_ns = (uint64_t)probe->st_ctim.tv_nsec,
        .device = plugin->st_dev,
        .inode = plugin->st_ino,
        .size = (uint64_t)plugin->st_size,
        .changed_s = (uint64_t)plugin->st_ctim.tv_sec,
        .changed_ns = (uint64_t)plugin->st_ctim.tv_nsec,
    };
}

/* -- The folder --------------------------------------------------------------------------------------------------- */

static const struct place {
    const char *variable;
    const char *below;
} places[] = {{"TENON_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "/tenon"}, {"HOME", "/.cache/tenon"}};

/* Path of the cache folder by the first variable that holds an absolute path. Tells of our own that holds another. */
static int name_folder(char out_path[PATH_MAX], char *out_why, size_t why_size) {
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *value = getenv(places[i].variable);
        if (i == 0 && value && value[0] && value[0] != '/')
            (void)snprintf(out_why, why_size, "TENON_CACHE_DIR is ignored: '%.100s' is no absolute path", value);
        if (!value || value[0] != '/') continue;
        return snprintf(out_path, PATH_MAX, "%s%s", value, places[i].below) < PATH_MAX;
    }
    return 0;
}

static int make_folders(char *path) {
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        int made = mkdir(path, S_IRWXU) == 0 || errno == EEXIST;
        *at = '/';
        if (!made) return 0;
    }
    return mkdir(path, S_IRWXU) == 0 || errno == EEXIST;
}

static int is_private(const struct stat *facts) {
    return facts->st_uid == geteuid() && (facts->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static int fail(char *out_why, size_t size, const char *path) {
    (void)snprintf(out_why, size, "%s: %s", path, strerror(errno));
    return 0;
}

int tenon__verdicts_find(char out_folder[PATH_MAX], char *out_why, size_t why_size) {
    char named[PATH_MAX], real[PATH_MAX];
    struct stat facts;
    tenon__verdict verdict = {0};
    const tenon__trust own = {.owner_count = 2, .owners = {0, geteuid()}};
    out_why[0] = '\0';
    if (!name_folder(named, out_why, why_size)) {
        (void)snprintf(out_why, why_size, "none of TENON_CACHE_DIR, XDG_CACHE_HOME and HOME is an absolute path");
        return 0;
    }
    if (!make_folders(named) || !realpath(named, real)) return fail(out_why, why_size, named);
    if (tenon__trust_path(&own, real, &verdict) != TENONH_REASON_OK) {
        (void)snprintf(out_why, why_size, "%.300s", verdict.detail);
        return 0;
    }
    if (snprintf(out_folder, PATH_MAX, "%s/verdicts", real) >= PATH_MAX) {
        (void)snprintf(out_why, why_size, "the path of the cache folder is too long");
        return 0;
    }
    if (mkdir(out_folder, S_IRWXU) != 0 && errno != EEXIST) return fail(out_why, why_size, out_folder);
    if (lstat(out_folder, &facts) != 0) return fail(out_why, why_size, out_folder);
    if (S_ISDIR(facts.st_mode) && is_private(&facts)) return 1;
    (void)snprintf(out_why, why_size, "%.300s is no folder of this user's own with mode 0700", out_folder);
    return 0;
}

/* Opens the folder; it may have been swapped since it was found. */
static int open_folder(const char *folder) {
    struct stat facts;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) return -1;
    if (fstat(descriptor, &facts) == 0 && is_private(&facts)) return descriptor;
    close(descriptor);
    return -1;
}

/* -- Files -------------------------------------------------------------------------------------------------------- */

/* The same file judged again by the same probe replaces its verdict: what changes with its content is no part. */
static void name_file(const tenon__verdict_key *key, char out_name[32]) {
    const uint64_t same[] = {key->host, key->what, key->probe_device, key->probe_inode, key->device, key->inode};
    (void)snprintf(out_name, 32, "%016llx", (unsigned long long)tenon__hash(TENON__HASH_START, same, sizeof same));
}

static uint64_t seal(const record *r) {
    return tenon__hash(TENON__HASH_START, r, offsetof(record, seal));
}

/* What depends on other libraries than the plugin's own file is asked again each time. */
static int is_kept(tenonh_reason reason) {
    return reason != TENONH_REASON_MISSING_LIBRARY && reason != TENONH_REASON_UNRESOLVED_IMPORT &&
           reason != TENONH_REASON_LOAD_FAILED;
}

/* What a busy or broken machine may have done is asked again after a while. */
static int is_fresh(const record *r, int64_t now) {
    if (r->reason != TENONH_REASON_PROBE_CRASHED && r->reason != TENONH_REASON_PROBE_TIMED_OUT) return 1;
    return now >= r->when && now - r->when < RETRY_SECONDS;
}

static int is_valid(const record *r, const tenon__verdict_key *key, int64_t now) {
    return memcmp(r->magic, magic, sizeof magic) == 0 && r->seal == seal(r) && memcmp(&r->key, key, sizeof *key) == 0 &&
           r->reason < TENONH_REASON_COUNT && is_kept(r->reason) && r->detail[sizeof r->detail - 1] == '\0' &&
           is_fresh(r, now);
}

static int read_record(int folder, const char *name, record *out_record) {
    struct stat facts;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return 0;
    int whole = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && is_private(&facts) &&
                facts.st_size == (off_t)sizeof *out_record &&
                read(file, out_record, sizeof *out_record) == (ssize_t)sizeof *out_record;
    close(file);
    return whole;
}

int tenon__verdicts_read(const char *folder, const tenon__verdict_key *key, int64_t now, tenon__verdict *out_verdict) {
    char name[32];
    record r;
    int descriptor = open_folder(folder);
    if (descriptor < 0) return 0;
    name_file(key, name);
    int found = read_record(descriptor, name, &r) && is_valid(&r, key, now);
    close(descriptor);
    if (!found) return 0;
    out_verdict->reason = r.reason;
    memcpy(out_verdict->detail, r.detail, sizeof out_verdict->detail);
    return 1;
}

/* Empties a folder that has grown past use: plugins come and go, and a verdict is cheap to make again. */
static void trim(int folder) {
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), count = 0;
    DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
    if (!listing) {
        if (copy >= 0) close(copy);
        return;
    }
    while (readdir(listing)) count++;
    rewinddir(listing);
    for (struct dirent *entry; count > MOST_FILES && (entry = readdir(listing));)
        if (entry->d_name[0] != '.') (void)unlinkat(folder, entry->d_name, 0);
    (void)closedir(listing);
}

static int write_file(int folder, const char *name, const record *r) {
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) return 0;
    int written = write(file, r, sizeof *r) == (ssize_t)sizeof *r;
    return close(file) == 0 && written;
}

void tenon__verdicts_write(const char *folder, const tenon__verdict_key *key, int64_t now,
                           const tenon__verdict *verdict) {
    static _Atomic unsigned serial;
    char name[32], temporary[96];
    if (!is_kept(verdict->reason)) return;
    int descriptor = open_folder(folder);
    if (descriptor < 0) return;
    record r = {.key = *key, .when = now, .reason = verdict->reason};
    memcpy(r.magic, magic, sizeof magic);
    memcpy(r.detail, verdict->detail, strnlen(verdict->detail, sizeof r.detail - 1));
    r.seal = seal(&r);
    name_file(key, name);
    (void)snprintf(temporary, sizeof temporary, "%s.%ld.%u.part", name, (long)getpid(), serial++);
    trim(descriptor);
    if (!write_file(descriptor, temporary, &r) || renameat(descriptor, temporary, descriptor, name) != 0)
        (void)unlinkat(descriptor, temporary, 0);
    close(descriptor);
}
