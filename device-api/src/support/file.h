/* Whole files: read, or replaced in one step. */
#ifndef TENON__SUPPORT_FILE_H
#define TENON__SUPPORT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <tenon/status.h>

/* Reads a regular file of at most `limit` bytes. Owner: *out_data is the caller's (free); one NUL byte follows the
 * data. Errors: NOT_FOUND, IO, BAD_DATA (longer than limit, not a regular file), OUT_OF_MEMORY. */
tenon_status tenon__file_read(const char *path, uint64_t limit, uint8_t **out_data, size_t *out_size);

/* A file being written beside its final place. Zero-initialised is closed. */
typedef struct tenon__file_writer {
    char *path;
    char *temporary;
    int fd;
} tenon__file_writer;

/* Starts a file that commit() puts at `path`, with mode 0666 less the umask; behind a link, where it leads. A device or a
 * pipe that is there is written as it is, and stays. Errors: IO, OUT_OF_MEMORY. */
tenon_status tenon__file_begin(const char *path, tenon__file_writer *out_writer);

/* Appends. Errors: IO. */
tenon_status tenon__file_append(tenon__file_writer *writer, const void *bytes, size_t size);

/* Moves the place of the next append; a gap reads as zeros. Errors: IO. */
tenon_status tenon__file_seek(tenon__file_writer *writer, uint64_t offset);

/* Puts the file in place and closes the writer; after a failure the old file is still there. Errors: IO. */
tenon_status tenon__file_commit(tenon__file_writer *writer);

/* Gives the file up, unless it was committed. */
void tenon__file_discard(tenon__file_writer *writer);

#endif
