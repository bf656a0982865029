/* Compiled kernels on disk: $TENON_CACHE_DIR, $XDG_CACHE_HOME/tenon or ~/.cache/tenon, in a folder of this plugin's own.
 *
 * The folder is 0700 and ours, and so is every folder above it that somebody could swap; otherwise it is not used. A file
 * ends in a seal (its key, length and SHA-256) that is checked before it is loaded. It appears under its name in one
 * rename, complete and on disk, so that several processes may fill one cache. What does not check is built again.
 * Without a usable folder, compiled kernels live in a private temporary one until the device closes. */
#ifndef CPU_CACHE_H
#define CPU_CACHE_H

#include "cpu.h"
#include "sha256.h"

#include <limits.h>

typedef struct cpu_cache cpu_cache;

/* Errors: IO (not even a temporary folder), OUT_OF_MEMORY, with a report. */
tenon_status cpu_cache_open(const tenon_device *device, cpu_cache **out_cache);
void cpu_cache_close(const tenon_device *device, cpu_cache *cache);

/* Path of the file for `key`, checked just now. Errors: NOT_FOUND (none, or one that does not check). */
tenon_status cpu_cache_find(cpu_cache *cache, const uint8_t key[CPU_SHA256_BYTES], char out_path[PATH_MAX]);

/* Path of a new empty file in the cache's folder, to be filled, then stored or discarded. Errors: IO. */
tenon_status cpu_cache_begin(cpu_cache *cache, char out_path[PATH_MAX]);

/* Seals a filled file and gives it the name of `key`; *out_path is where it lies then. Errors: IO. */
tenon_status cpu_cache_store(cpu_cache *cache, const uint8_t key[CPU_SHA256_BYTES], const char *filled,
                             char out_path[PATH_MAX]);
void cpu_cache_discard(cpu_cache *cache, const char *path);

#endif
