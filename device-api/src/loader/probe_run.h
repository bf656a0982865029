/* One run of the probe: a child process that loads or opens a plugin and tells how that went. */
#ifndef TENON__LOADER_PROBE_RUN_H
#define TENON__LOADER_PROBE_RUN_H

#include "loader/probe_message.h"

typedef enum tenon__probe_outcome {
    TENON__PROBE_UNAVAILABLE, /* no probe ran; the verdict's detail says why */
    TENON__PROBE_ANSWERED,    /* the verdict is the plugin's */
    TENON__PROBE_ENDED,       /* the process ended early; the verdict is PROBE_CRASHED */
    TENON__PROBE_LATE         /* it was ended for taking too long; the verdict is PROBE_TIMED_OUT */
} tenon__probe_outcome;

typedef enum tenon__probe_try {
    TENON__TRY_LOAD, /* load, ask, unload; 2 s */
    TENON__TRY_OPEN  /* open it and its devices, close them; 20 s, because that starts drivers */
} tenon__probe_try;

/* Runs `program` on a plugin. The child gets this process's environment without TENON_* and what makes the dynamic linker
 * talk, an empty one when `strict`; no file of this process; signals as if freshly started; a process group of its own,
 * which is gone when this returns. Works where SIGCHLD is ignored or somebody else reaps the child.
 * Thread: any. */
tenon__probe_outcome tenon__probe_run(const char *program, tenon__probe_try what, const char *plugin, uint32_t strict,
                                      tenon__verdict *out_verdict);

#endif
