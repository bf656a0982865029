/* SHA-256 (FIPS 180-4), for what binds a report to the files it is about. */
#ifndef TENON_REPORT_SHA256_H
#define TENON_REPORT_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include <tenon/status.h>

enum { REPORT_SHA256_BYTES = 32, REPORT_SHA256_TEXT = 65 };

/* A digest being computed, from report_sha256_begin to report_sha256_end. */
typedef struct report_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
} report_sha256;

void report_sha256_begin(report_sha256 *hash);
void report_sha256_add(report_sha256 *hash, const void *bytes, size_t size);
/* Writes the digest as lower-case hexadecimal digits. */
void report_sha256_end(report_sha256 *hash, char out_text[REPORT_SHA256_TEXT]);

/* The digest of a whole file. Units: *out_size, which may be NULL, gets its bytes. Errors: NOT_FOUND, IO. */
tenon_status report_sha256_file(const char *path, char out_text[REPORT_SHA256_TEXT], uint64_t *out_size);

#endif
