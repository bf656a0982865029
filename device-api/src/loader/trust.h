/* Who may put a plugin on this machine: decided by the owners and modes along its path. */
#ifndef TENON__LOADER_TRUST_H
#define TENON__LOADER_TRUST_H

#include <sys/types.h>

#include "loader/reason.h"

enum { TENON__TRUST_LIMIT = 16 };

/* Whoever can change libtenon's own file already controls the process: trusting them with a plugin adds nothing. So
 * the owners, groups and openness of its path are accepted, besides root and the effective user. */
typedef struct tenon__trust {
    uint32_t strict; /* raised privileges: root alone */
    uint32_t everyone;
    uint32_t owner_count;
    uint32_t group_count;
    uid_t owners[TENON__TRUST_LIMIT];
    gid_t groups[TENON__TRUST_LIMIT];
} tenon__trust;

/* Absolute path of the file that holds this code: libtenon, or the program it is linked into; NULL when it cannot be
 * told. Owner: the caller (free). */
char *tenon__trust_own_path(void);

/* Fills `out_trust` for this process. */
void tenon__trust_init(tenon__trust *out_trust);

/* Checks every component that naming a file passes through, symbolic links and the folders that they lie in too: whoever
 * can change one of them chooses the file. */
tenonh_reason tenon__trust_name(const tenon__trust *trust, const char *path, tenon__verdict *verdict);

/* Checks every component of an absolute path without symbolic links. */
tenonh_reason tenon__trust_path(const tenon__trust *trust, const char *path, tenon__verdict *verdict);

#endif
