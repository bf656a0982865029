/* A private folder below a path that the user names. */
#ifndef CPU_FOLDER_H
#define CPU_FOLDER_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/* Names that start so are files in the making. */
#define CPU_FOLDER_TEMPORARY "tmp-"

/* Opens the folder `name` below `above`, making what is missing with mode 0700. Refuses what others could write or swap:
 * the folder itself must be ours and 0700, each one above it root's or ours, and written by its owner alone or sticky.
 * Gives the file descriptor and the path without symbolic links, or -1 and the reason. */
int cpu_folder_open(const char *above, const char *name, char out_path[PATH_MAX], char *out_why, size_t why_size);

/* Removes old files in the making, then those not used for longest until at most `most` bytes are left; 0: every file. */
void cpu_folder_trim(int folder, uint64_t most);

#endif
