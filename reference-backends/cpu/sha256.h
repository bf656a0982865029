/* SHA-256 (FIPS 180-4), for cache keys and the checksums of cached files. */
#ifndef CPU_SHA256_H
#define CPU_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define CPU_SHA256_BYTES 32
#define CPU_SHA256_HEX   65 /* characters, the closing zero included */

typedef struct cpu_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes added */
    uint8_t block[64];
} cpu_sha256;

void cpu_sha256_begin(cpu_sha256 *sha);
void cpu_sha256_add(cpu_sha256 *sha, const void *data, size_t size);

/* Adds a text and its closing zero, so that two texts in a row differ from another split of the same characters. */
void cpu_sha256_text(cpu_sha256 *sha, const char *text);
void cpu_sha256_end(cpu_sha256 *sha, uint8_t out_digest[CPU_SHA256_BYTES]);

void cpu_sha256_hex(const uint8_t digest[CPU_SHA256_BYTES], char out_hex[CPU_SHA256_HEX]);

#endif
