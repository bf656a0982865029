/* A folder of the test program's own, which goes when it ends; the registry's kept verdicts lie in its `cache`. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_folder[] = "/tmp/tenon-test-XXXXXX";

static int scratch_remove(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static inline void scratch_begin(void) {
    char cache[PATH_MAX];
    if (!mkdtemp(scratch_folder)) exit(EXIT_FAILURE);
    (void)snprintf(cache, sizeof cache, "%s/cache", scratch_folder);
    (void)setenv("TENON_CACHE_DIR", cache, 1);
}

static inline void scratch_end(void) {
    (void)nftw(scratch_folder, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
