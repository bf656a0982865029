/* What the probe tells the host: a message before each part of what it tries, over a pipe. */
#ifndef TENON__LOADER_PROBE_MESSAGE_H
#define TENON__LOADER_PROBE_MESSAGE_H

#include <stdint.h>

#include <limits.h>

#include "loader/reason.h"

enum { TENON__PROBE_DESCRIPTOR = 3 }; /* of the probe's end of the pipe */

/* Parts of a try, in order; some are left out. */
enum {
    TENON__STAGE_NONE = 0,
    TENON__STAGE_STARTED = 1,   /* the probe runs */
    TENON__STAGE_LOADING = 2,   /* constructors of the plugin and its libraries */
    TENON__STAGE_ASKING = 3,    /* tenon_plugin_query */
    TENON__STAGE_OPENING = 4,   /* its open hook, and those of its devices */
    TENON__STAGE_UNLOADING = 5, /* destructors; the message carries the verdict */
    TENON__STAGE_DONE = 6
};

/* What the probe tries: the program's first argument. */
#define TENON__PROBE_TRY_LOAD "load"
#define TENON__PROBE_TRY_OPEN "open"

/* One write: shorter than PIPE_BUF, so that it arrives whole. */
typedef struct tenon__probe_message {
    uint64_t host; /* tenon__probe_host: of the same build, or it is no message */
    uint32_t stage;
    tenonh_reason reason;
    char detail[sizeof((tenon__verdict *)0)->detail];
} tenon__probe_message;
_Static_assert(sizeof(tenon__probe_message) <= PIPE_BUF, "a message arrives whole");

/* Names this build of the loader: version, ABI, layouts, reasons. Verdicts of another one are not taken over. */
uint64_t tenon__probe_host(void);

/* FNV-1a, started with TENON__HASH_START: tells damage, not malice. */
#define TENON__HASH_START 0xcbf29ce484222325u
uint64_t tenon__hash(uint64_t hash, const void *bytes, uint64_t size);

#endif
