#include "support/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/error.h"

static tenon_status fail_io(const char *verb, const char *path) {
    int code = errno;
    tenon_status status = code == ENOENT || code == ENOTDIR ? TENON_STATUS_NOT_FOUND : TENON_STATUS_IO;
    return tenon__fail(status, "cannot %s '%s': %s", verb, path, strerror(code));
}

static tenon_status read_all(int fd, const char *path, uint8_t *data, size_t size) {
    for (size_t have = 0; have < size;) {
        ssize_t got = read(fd, data + have, size - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_io("read", path);
        if (got == 0) return tenon__fail(TENON_STATUS_IO, "'%s' became shorter while it was read", path);
        have += (size_t)got;
    }
    return TENON_STATUS_OK;
}

static tenon_status read_open(int fd, const char *path, uint64_t limit, uint8_t **out_data, size_t *out_size) {
    struct stat info;
    if (fstat(fd, &info) != 0) return fail_io("read", path);
    if (!S_ISREG(info.st_mode)) return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a regular file", path);
    if ((uint64_t)info.st_size > limit)
        return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' has %lld bytes; at most %llu are read from a file of its kind",
                           path, (long long)info.st_size, (unsigned long long)limit);
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size + 1);
    if (!data) return tenon__fail_memory();
    tenon_status status = read_all(fd, path, data, size);
    if (status != TENON_STATUS_OK) {
        free(data);
        return status;
    }
    data[size] = 0;
    *out_data = data;
    *out_size = size;
    return TENON_STATUS_OK;
}

tenon_status tenon__file_read(const char *path, uint64_t limit, uint8_t **out_data, size_t *out_size) {
    /* NONBLOCK: opening a FIFO by mistake must not hang; it means nothing for regular files. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail_io("open", path);
    tenon_status status = read_open(fd, path, limit, out_data, out_size);
    close(fd);
    return status;
}

/* What is there and is no regular file is written where it is: a device, a pipe. */
static tenon_status begin_in_place(const char *path, tenon__file_writer *out_writer) {
    tenon__file_writer writer = {.fd = open(path, O_WRONLY | O_CLOEXEC), .path = strdup(path)};
    tenon_status status = writer.fd < 0 ? fail_io("write", path) : tenon__fail_memory();
    if (writer.fd >= 0 && writer.path) {
        *out_writer = writer;
        return TENON_STATUS_OK;
    }
    if (writer.fd >= 0) close(writer.fd);
    free(writer.path);
    return status;
}

tenon_status tenon__file_begin(const char *path, tenon__file_writer *out_writer) {
    static _Atomic unsigned serial;
    struct stat info;
    bool exists = stat(path, &info) == 0;
    if (exists && !S_ISREG(info.st_mode)) return begin_in_place(path, out_writer);
    /* Behind a link the file is replaced, not the link. */
    char *place = exists ? realpath(path, NULL) : strdup(path), *temporary = NULL;
    if (!place || asprintf(&temporary, "%s.%ld.%u.part", place, (long)getpid(), serial++) < 0) {
        free(place);
        return tenon__fail_memory();
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        tenon_status status = fail_io("create", path);
        free(temporary);
        free(place);
        return status;
    }
    *out_writer = (tenon__file_writer){.path = place, .temporary = temporary, .fd = fd};
    return TENON_STATUS_OK;
}

tenon_status tenon__file_append(tenon__file_writer *writer, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t put = write(writer->fd, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_io("write", writer->path);
        at += put;
        size -= (size_t)put;
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__file_seek(tenon__file_writer *writer, uint64_t offset) {
    if (offset > INT64_MAX)
        return tenon__fail(TENON_STATUS_IO, "cannot write '%s': offset %llu is past any file's end", writer->path,
                           (unsigned long long)offset);
    if (lseek(writer->fd, (off_t)offset, SEEK_SET) < 0) return fail_io("write", writer->path);
    return TENON_STATUS_OK;
}

static void forget(tenon__file_writer *writer) {
    free(writer->temporary);
    free(writer->path);
    *writer = (tenon__file_writer){.fd = -1};
}

tenon_status tenon__file_commit(tenon__file_writer *writer) {
    int closed = close(writer->fd);
    writer->fd = -1;
    if (closed == 0 && (!writer->temporary || rename(writer->temporary, writer->path) == 0)) {
        forget(writer);
        return TENON_STATUS_OK;
    }
    tenon_status status = fail_io("write", writer->path);
    tenon__file_discard(writer);
    return status;
}

void tenon__file_discard(tenon__file_writer *writer) {
    if (!writer->path) return;
    if (writer->fd >= 0) close(writer->fd);
    if (writer->temporary) unlink(writer->temporary);
    forget(writer);
}
