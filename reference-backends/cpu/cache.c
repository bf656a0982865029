#include "cache.h"

#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct cpu_cache {
    int folder;          /* file descriptor */
    int is_temporary;    /* to be removed with all that is in it */
    char path[PATH_MAX]; /* of the folder, without symbolic links */
};

/* Behind the shared object in its file, where the loader does not look. */
typedef struct seal {
    char magic[8];
    uint64_t size; /* bytes before the seal */
    uint8_t key[CPU_SHA256_BYTES];
    uint8_t digest[CPU_SHA256_BYTES]; /* of those bytes, then magic, size and key */
} seal;
static_assert(sizeof(seal) == 80, "written to files");

static const char seal_magic[8] = "TNSEAL01";

static void make_seal(const void *bytes, uint64_t size, const uint8_t key[CPU_SHA256_BYTES], seal *out_seal) {
    cpu_sha256 sha;
    memcpy(out_seal->magic, seal_magic, sizeof seal_magic);
    out_seal->size = size;
    memcpy(out_seal->key, key, CPU_SHA256_BYTES);
    cpu_sha256_begin(&sha);
    cpu_sha256_add(&sha, bytes, size);
    cpu_sha256_add(&sha, out_seal, offsetof(seal, digest));
    cpu_sha256_end(&sha, out_seal->digest);
}

/* Where the user wants it: the folder above ours. 0: nowhere. */
static int wanted_folder(char out_path[PATH_MAX]) {
    static const struct {
        const char *variable, *below;
    } places[] = {{"TENON_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "/tenon"}, {"HOME", "/.cache/tenon"}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = cpu_machine_setting(places[i].variable);
        if (!value || value[0] != '/') continue;
        return snprintf(out_path, PATH_MAX, "%s%s", value, places[i].below) < PATH_MAX;
    }
    return 0;
}

static void say_refused(const tenon_device *device, const char *path, const char *why) {
    char text[PATH_MAX + 256];
    (void)snprintf(text, sizeof text, "no kernel cache in %s: %s; kernels are compiled anew in every process", path,
                   why);
    device->host->log(device->host, TENON_LOG_WARNING, text);
}

static int open_wanted(const tenon_device *device, cpu_cache *cache) {
    char above[PATH_MAX], why[160];
    if (!wanted_folder(above)) return 0;
    cache->folder = cpu_folder_open(above, "cpu", cache->path, why, sizeof why);
    if (cache->folder < 0) say_refused(device, above, why);
    return cache->folder >= 0;
}

static int open_temporary(cpu_cache *cache) {
    const char *above = cpu_machine_setting("TMPDIR");
    if (snprintf(cache->path, PATH_MAX, "%s/tenon-cpu-XXXXXX", above && above[0] == '/' ? above : "/tmp") >= PATH_MAX)
        return 0;
    if (!mkdtemp(cache->path)) return 0;
    cache->is_temporary = 1;
    cache->folder = open(cache->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return cache->folder >= 0;
}

tenon_status cpu_cache_open(const tenon_device *device, cpu_cache **out_cache) {
    enum { MOST_BYTES = 512 << 20 };
    cpu_cache *cache = cpu_allocate(device, sizeof *cache);
    if (!cache) return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no memory for the kernel cache");
    if (!open_wanted(device, cache) && !open_temporary(cache)) {
        cpu_release(device, cache);
        return cpu_fail(device, TENON_STATUS_IO, "no folder to compile kernels in: %s; set TENON_CACHE_DIR",
                        strerror(errno));
    }
    if (!cache->is_temporary) cpu_folder_trim(cache->folder, MOST_BYTES);
    *out_cache = cache;
    return TENON_STATUS_OK;
}

void cpu_cache_close(const tenon_device *device, cpu_cache *cache) {
    if (!cache) return;
    if (cache->is_temporary) {
        cpu_folder_trim(cache->folder, 0);
        (void)rmdir(cache->path);
    }
    (void)close(cache->folder);
    cpu_release(device, cache);
}

static void file_name(const uint8_t key[CPU_SHA256_BYTES], char out_name[CPU_SHA256_HEX + 3]) {
    cpu_sha256_hex(key, out_name);
    memcpy(out_name + CPU_SHA256_HEX - 1, ".so", 4);
}

static int full_path(const cpu_cache *cache, const char *name, char out_path[PATH_MAX]) {
    return snprintf(out_path, PATH_MAX, "%s/%s", cache->path, name) < PATH_MAX;
}

/* A regular file of ours that no one else can write. */
static int is_ours(int file, struct stat *out_facts) {
    return fstat(file, out_facts) == 0 && S_ISREG(out_facts->st_mode) && out_facts->st_uid == geteuid() &&
           (out_facts->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int check_bytes(const char *bytes, size_t size, const uint8_t key[CPU_SHA256_BYTES]) {
    seal expected, found;
    memcpy(&found, bytes + size - sizeof found, sizeof found);
    if (memcmp(found.magic, seal_magic, sizeof seal_magic) != 0 || found.size != size - sizeof found) return 0;
    make_seal(bytes, found.size, key, &expected);
    return memcmp(&found, &expected, sizeof found) == 0;
}

/* True if the open file is whole and was made for `key`. */
static int check_file(int file, const uint8_t key[CPU_SHA256_BYTES]) {
    struct stat facts;
    if (!is_ours(file, &facts) || (size_t)facts.st_size <= sizeof(seal)) return 0;
    void *bytes = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) return 0;
    int ok = check_bytes(bytes, (size_t)facts.st_size, key);
    (void)munmap(bytes, (size_t)facts.st_size);
    return ok;
}

tenon_status cpu_cache_find(cpu_cache *cache, const uint8_t key[CPU_SHA256_BYTES], char out_path[PATH_MAX]) {
    char name[CPU_SHA256_HEX + 3];
    file_name(key, name);
    int file = openat(cache->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return TENON_STATUS_NOT_FOUND;
    int ok = check_file(file, key) && full_path(cache, name, out_path);
    if (ok) (void)futimens(file, NULL); /* used just now: the last to be trimmed */
    (void)close(file);
    return ok ? TENON_STATUS_OK : TENON_STATUS_NOT_FOUND;
}

tenon_status cpu_cache_begin(cpu_cache *cache, char out_path[PATH_MAX]) {
    if (!full_path(cache, CPU_FOLDER_TEMPORARY "XXXXXX", out_path)) return TENON_STATUS_IO;
    int file = mkostemp(out_path, O_CLOEXEC);
    if (file < 0) return TENON_STATUS_IO;
    (void)close(file);
    return TENON_STATUS_OK;
}

void cpu_cache_discard(cpu_cache *cache, const char *path) {
    (void)cache;
    (void)unlink(path);
}

/* Appends the seal and sees to it that all is on disk. */
static int seal_file(int file, const uint8_t key[CPU_SHA256_BYTES]) {
    struct stat facts;
    seal made;
    if (fchmod(file, S_IRUSR | S_IWUSR) != 0 || !is_ours(file, &facts) || facts.st_size == 0) return 0;
    void *bytes = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) return 0;
    make_seal(bytes, (uint64_t)facts.st_size, key, &made);
    (void)munmap(bytes, (size_t)facts.st_size);
    return pwrite(file, &made, sizeof made, facts.st_size) == (ssize_t)sizeof made && fsync(file) == 0;
}

tenon_status cpu_cache_store(cpu_cache *cache, const uint8_t key[CPU_SHA256_BYTES], const char *filled,
                             char out_path[PATH_MAX]) {
    char name[CPU_SHA256_HEX + 3];
    file_name(key, name);
    int file = open(filled, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return TENON_STATUS_IO;
    int ok = seal_file(file, key);
    (void)close(file);
    ok = ok && full_path(cache, name, out_path) && rename(filled, out_path) == 0;
    if (ok) (void)fsync(cache->folder);
    return ok ? TENON_STATUS_OK : TENON_STATUS_IO;
}
