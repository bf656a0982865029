#include "harness/record.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#ifndef TENON__VERSION
#define TENON__VERSION "0"
#endif

/* -- Names -- */

const char *cf_suite_version(void) {
    return TENON__VERSION;
}

const char *cf_verdict_name(cf_verdict verdict) {
#define NAME(value, NAME, name) name,
    static const char *const names[] = {CF_VERDICT_TABLE(NAME)};
#undef NAME
    return verdict < CF_VERDICT_COUNT ? names[verdict] : "?";
}

const char *cf_close_name(cf_close close) {
#define NAME(value, NAME, name, code) name,
    static const char *const names[] = {CF_CLOSE_TABLE(NAME)};
#undef NAME
    return close < CF_CLOSE_COUNT ? names[close] : "?";
}

static const struct {
    uint32_t bit;
    const char *name;
} profiles[] = {
#define ROW(bit, NAME, name) {bit, name},
    CF_PROFILE_TABLE(ROW)
#undef ROW
};

const char *cf_profile_name(uint32_t profile) {
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (profiles[i].bit == profile) return profiles[i].name;
    return "?";
}

uint32_t cf_profile_named(const char *name) {
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(profiles[i].name, name) == 0) return profiles[i].bit;
    return 0;
}

/* -- Hash -- */

bool cf_sha256_file(const char *path, uint64_t size, char out_hex[CF_SHA256_HEX]) {
    unsigned char block[65536], hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    ssize_t got = 1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    crypto_hash_sha256_init(&state);
    while (size && got > 0) {
        got = read(file, block, size < sizeof block ? (size_t)size : sizeof block);
        if (got > 0) crypto_hash_sha256_update(&state, block, (size_t)got), size -= (uint64_t)got;
    }
    close(file);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(out_hex, CF_SHA256_HEX, hash, sizeof hash);
    return got >= 0;
}

void cf_sha256_bytes(const void *bytes, size_t size, char out_hex[CF_SHA256_HEX]) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, bytes, size);
    sodium_bin2hex(out_hex, CF_SHA256_HEX, hash, sizeof hash);
}

/* -- Writing -- */

/* Where the last whole line ends. */
static off_t whole_lines(int file, off_t size) {
    char block[4096];
    while (size > 0) {
        off_t from = size > (off_t)sizeof block ? size - (off_t)sizeof block : 0;
        ssize_t got = pread(file, block, (size_t)(size - from), from);
        if (got <= 0) return -1;
        const char *line = memrchr(block, '\n', (size_t)got);
        if (line) return from + (line - block) + 1;
        size = from;
    }
    return 0;
}

bool cf_record_open(const char *path, bool go_on, cf_record_writer *out_writer) {
    *out_writer = (cf_record_writer){.path = strdup(path), .file = -1};
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND | (go_on ? 0 : O_TRUNC), 0666);
    if (file < 0) return false;
    off_t end = lseek(file, 0, SEEK_END);
    if (go_on && end > 0) end = whole_lines(file, end);
    if (end < 0 || ftruncate(file, end) != 0) {
        close(file);
        return false;
    }
    out_writer->file = file;
    out_writer->length = (uint64_t)end;
    return true;
}

bool cf_record_cut(cf_record_writer *writer, uint64_t size) {
    if (size > writer->length || ftruncate(writer->file, (off_t)size) != 0) return false;
    writer->length = size;
    return true;
}

void cf_record_close(cf_record_writer *writer) {
    if (writer->path && writer->file >= 0) close(writer->file);
    free(writer->path);
    *writer = (cf_record_writer){.file = -1};
}

static bool write_all(cf_record_writer *writer, const char *bytes, size_t size) {
    while (size && !writer->error) {
        ssize_t put = write(writer->file, bytes, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            writer->error = put < 0 ? errno : EIO;
            break;
        }
        bytes += put;
        size -= (size_t)put;
        writer->length += (uint64_t)put;
    }
    return !writer->error;
}

bool cf_record_write(cf_record_writer *writer, cJSON *object) {
    if (!writer->path || writer->file < 0) {
        cJSON_Delete(object);
        return true;
    }
    char *json = cJSON_PrintUnformatted(object), *line = json ? cli_escape_json(json) : NULL;
    cJSON_Delete(object);
    cJSON_free(json);
    if (!line) writer->error = writer->error ? writer->error : ENOMEM;
    if (line) {
        size_t length = strlen(line);
        line[length] = '\n'; /* in the place of the NUL: one write a line, so that a line is whole or the last */
        (void)write_all(writer, line, length + 1);
    }
    free(line);
    return !writer->error;
}

bool cf_record_begin(cf_record_writer *writer, uint32_t run, uint32_t worker, const char *name) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "begin", name);
    cJSON_AddNumberToObject(object, "run", run);
    cJSON_AddNumberToObject(object, "worker", worker);
    return cf_record_write(writer, object);
}

/* JSON has no infinities. */
static void add_error(cJSON *object, double error) {
    if (isnan(error))
        cJSON_AddStringToObject(object, "error", "nan");
    else if (isinf(error))
        cJSON_AddStringToObject(object, "error", "inf");
    else if (error >= 0)
        cJSON_AddNumberToObject(object, "error", error);
}

bool cf_record_end(cf_record_writer *writer, uint32_t run, const cf_outcome *outcome, const char *output) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "end", outcome->name);
    cJSON_AddNumberToObject(object, "run", run);
    cJSON_AddStringToObject(object, "verdict", cf_verdict_name(outcome->verdict));
    cJSON_AddStringToObject(object, "requirements", outcome->requirements);
    if (outcome->text[0]) cJSON_AddStringToObject(object, "text", outcome->text);
    if (output && output[0]) cJSON_AddStringToObject(object, "output", output);
    add_error(object, outcome->error);
    cJSON_AddNumberToObject(object, "ns", (double)outcome->nanoseconds);
    if (outcome->leaves) cJSON_AddTrueToObject(object, "leaves");
    return cf_record_write(writer, object);
}

bool cf_record_final(cf_record_writer *writer, cJSON *object, const char *plugin_sha256) {
    char hex[CF_SHA256_HEX] = "";
    cJSON_AddStringToObject(object, "suite", cf_suite_version());
    cJSON_AddStringToObject(object, "sha256", plugin_sha256);
    if (writer->path && !cf_sha256_file(writer->path, writer->length, hex) && !writer->error) writer->error = errno;
    cJSON_AddStringToObject(object, "records_sha256", hex);
    return cf_record_write(writer, object);
}
