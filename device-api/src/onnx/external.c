#include "onnx/external.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/error.h"

struct tenon__mapping {
    atomic_uint references;
    void *data; /* NULL when the file is empty */
    uint64_t size;
};

/* Files of one model are few: a list will do. */
typedef struct entry {
    struct entry *next;
    char *location;
    tenon__mapping *mapping;
} entry;

struct tenon__folder {
    int fd;
    char *path;
    entry *entries;
};

void tenon__mapping_retain(tenon__mapping *mapping) {
    atomic_fetch_add_explicit(&mapping->references, 1, memory_order_relaxed);
}

void tenon__mapping_release(tenon__mapping *mapping) {
    if (!mapping || atomic_fetch_sub_explicit(&mapping->references, 1, memory_order_acq_rel) != 1) return;
    if (mapping->data) munmap(mapping->data, mapping->size);
    free(mapping);
}

static tenon_status fail_io(const char *folder, const char *location) {
    int code = errno;
    const char *slash = location[0] ? "/" : "";
    if (code == ELOOP || (code == ENOTDIR && location[0]))
        return tenon__fail(TENON_STATUS_BAD_DATA,
                           "external data '%s' leaves the model's folder '%s': a symbolic link or a file stands on the "
                           "way; put the file itself into the folder",
                           location, folder);
    return tenon__fail(code == ENOENT ? TENON_STATUS_NOT_FOUND : TENON_STATUS_IO, "cannot open '%s%s%s': %s%s", folder,
                       slash, location, strerror(code),
                       code == ENOENT && location[0] ? "; the model's weights lie in this file beside it" : "");
}

/* Names of components, none of them empty or "..", so that the path cannot leave where it begins. */
static int is_inside(const char *location) {
    for (;; location++) {
        size_t length = strcspn(location, "/");
        if (length == 0 || (length == 2 && memcmp(location, "..", 2) == 0)) return 0;
        location += length;
        if (!*location) return 1;
    }
}

tenon_status tenon__folder_open(const char *path, tenon__folder **out_folder) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail_io(path, "");
    tenon__folder *folder = calloc(1, sizeof *folder);
    char *copy = strdup(path);
    if (!folder || !copy) {
        free(folder);
        free(copy);
        close(fd);
        return tenon__fail_memory();
    }
    folder->fd = fd;
    folder->path = copy;
    *out_folder = folder;
    return TENON_STATUS_OK;
}

tenon_status tenon__folder_of(const char *file_path, tenon__folder **out_folder) {
    const char *slash = strrchr(file_path, '/');
    if (!slash) return tenon__folder_open(".", out_folder);
    char *path = strndup(file_path, slash == file_path ? 1 : (size_t)(slash - file_path));
    if (!path) return tenon__fail_memory();
    tenon_status status = tenon__folder_open(path, out_folder);
    free(path);
    return status;
}

void tenon__folder_close(tenon__folder *folder) {
    if (!folder) return;
    for (entry *e = folder->entries; e;) {
        entry *next = e->next;
        tenon__mapping_release(e->mapping);
        free(e->location);
        free(e);
        e = next;
    }
    close(folder->fd);
    free(folder->path);
    free(folder);
}

/* Opens one component of a path; the last is the file. */
static int open_component(int at, const char *name, size_t length, int is_last) {
    char component[256];
    if (length >= sizeof component) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(component, name, length);
    component[length] = '\0';
    /* NONBLOCK: a FIFO must not hang us before it is refused. */
    return openat(at, component, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (is_last ? O_NONBLOCK : O_DIRECTORY));
}

/* Walks component by component, so that no link is followed whatever the kernel offers. -1 and errno on failure. */
static int open_inside(int folder, const char *location) {
    int at = folder;
    for (;;) {
        const char *slash = strchr(location, '/');
        size_t length = slash ? (size_t)(slash - location) : strlen(location);
        int next = open_component(at, location, length, !slash);
        if (at != folder) {
            int code = errno;
            close(at);
            errno = code;
        }
        if (next < 0 || !slash) return next;
        at = next;
        location = slash + 1;
    }
}

static tenon_status map_open(tenon__folder *folder, const char *location, int fd, tenon__mapping **out_mapping) {
    struct stat info;
    if (fstat(fd, &info) != 0) return fail_io(folder->path, location);
    if (!S_ISREG(info.st_mode))
        return tenon__fail(TENON_STATUS_BAD_DATA, "external data '%s' in '%s' is not a regular file", location,
                           folder->path);
    void *data = NULL;
    if (info.st_size > 0) {
        data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) return fail_io(folder->path, location);
    }
    tenon__mapping *mapping = malloc(sizeof *mapping);
    if (!mapping) {
        if (data) munmap(data, (size_t)info.st_size);
        return tenon__fail_memory();
    }
    atomic_init(&mapping->references, 1);
    mapping->data = data;
    mapping->size = (uint64_t)info.st_size;
    *out_mapping = mapping;
    return TENON_STATUS_OK;
}

static tenon_status map_file(tenon__folder *folder, const char *location, tenon__mapping **out_mapping) {
    for (entry *e = folder->entries; e; e = e->next)
        if (strcmp(e->location, location) == 0) {
            *out_mapping = e->mapping;
            return TENON_STATUS_OK;
        }
    if (!is_inside(location))
        return tenon__fail(
            TENON_STATUS_BAD_DATA,
            "external data '%s' is no path inside the model's folder '%s'; name the file relative to the "
            "model, without \"..\"",
            location, folder->path);
    int fd = open_inside(folder->fd, location);
    if (fd < 0) return fail_io(folder->path, location);
    tenon__mapping *mapping = NULL;
    tenon_status status = map_open(folder, location, fd, &mapping);
    close(fd);
    if (status != TENON_STATUS_OK) return status;
    entry *e = calloc(1, sizeof *e);
    char *copy = strdup(location);
    if (!e || !copy) {
        free(e);
        free(copy);
        tenon__mapping_release(mapping);
        return tenon__fail_memory();
    }
    *e = (entry){.next = folder->entries, .location = copy, .mapping = mapping};
    folder->entries = e;
    *out_mapping = mapping;
    return TENON_STATUS_OK;
}

tenon_status tenon__folder_range(tenon__folder *folder, const char *location, uint64_t offset, uint64_t size,
                                 const void **out_data, tenon__mapping **out_mapping) {
    tenon__mapping *mapping = NULL;
    tenon_status status = map_file(folder, location, &mapping);
    if (!mapping) return status;
    if (offset > mapping->size || size > mapping->size - offset)
        return tenon__fail(TENON_STATUS_BAD_DATA,
                           "external data '%s' in '%s' ends at byte %llu; %llu bytes from %llu on "
                           "are wanted",
                           location, folder->path, (unsigned long long)mapping->size, (unsigned long long)size,
                           (unsigned long long)offset);
    *out_data = mapping->data ? (const char *)mapping->data + offset : "";
    *out_mapping = mapping;
    return TENON_STATUS_OK;
}

tenon_status tenon__folder_size(tenon__folder *folder, const char *location, uint64_t *out_size) {
    tenon__mapping *mapping = NULL;
    tenon_status status = map_file(folder, location, &mapping);
    if (!mapping) return status;
    *out_size = mapping->size;
    return TENON_STATUS_OK;
}
