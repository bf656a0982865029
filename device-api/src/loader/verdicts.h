/* Verdicts of the probe, kept on disk. The folder is private to the user; a file that is damaged, of another host, of a
 * file that has changed, or too old is as if it were not there. */
#ifndef TENON__LOADER_VERDICTS_H
#define TENON__LOADER_VERDICTS_H

#include <limits.h>
#include <sys/stat.h>

#include "loader/reason.h"

/* A plugin's file as it was judged, and who judged it. No padding: it is compared and sealed as bytes. */
typedef struct tenon__verdict_key {
    uint64_t host; /* tenon__probe_host */
    uint64_t what; /* tenon__probe_try */
    uint64_t probe_device, probe_inode, probe_size, probe_changed_s, probe_changed_ns;
    uint64_t device, inode, size, changed_s, changed_ns;
} tenon__verdict_key;

void tenon__verdict_key_fill(tenon__verdict_key *key, uint64_t what, const struct stat *probe,
                             const struct stat *plugin);

/* Finds the folder `verdicts` below $TENON_CACHE_DIR, $XDG_CACHE_HOME/tenon or ~/.cache/tenon, and makes it with mode 0700.
 * 1, or 0: there is no such variable, or others could change the folder. *out_why is the reason, and with 1 what was
 * passed over on the way; "" if nothing was. */
int tenon__verdicts_find(char out_folder[PATH_MAX], char *out_why, size_t why_size);

/* 1 with the verdict kept for that key, or 0. `now` is in seconds since 1970. */
int tenon__verdicts_read(const char *folder, const tenon__verdict_key *key, int64_t now, tenon__verdict *out_verdict);

/* Keeps a verdict, unless it depends on more than the file. Failing is no error: the next one probes again. */
void tenon__verdicts_write(const char *folder, const tenon__verdict_key *key, int64_t now,
                           const tenon__verdict *verdict);

#endif
