/* What a plugin must leave as it is in the process that loads it, looked at before and after. */
#ifndef TENON_CASES_ABI_PROCESS_H
#define TENON_CASES_ABI_PROCESS_H

#include <stdbool.h>

#include "loader/library.h"

/* X(NAME, "row"): state that no hook changes, on any thread that calls it. */
#define CF_PROCESS_MODE_TABLE(X)                                                                                       \
    X(SIGNALS, "signals")  /* dispositions, and the calling thread's mask */                                           \
    X(FLOAT, "float_mode") /* rounding, exceptions that trap, flush to zero */                                         \
    X(LOCALE, "locale")    /* the process's and the thread's */                                                        \
    X(FOLDER, "folder")    /* the working one */                                                                       \
    X(UMASK, "umask")                                                                                                  \
    X(ENVIRONMENT, "environment")                                                                                      \
    X(STANDARD, "standard_files") /* input, output and error */

/* X(NAME, "row"): what does not add up over the lives of an instance. */
#define CF_PROCESS_COUNT_TABLE(X)                                                                                      \
    X(FILES, "files_left")                                                                                             \
    X(THREADS, "threads_left")

#define CF__PROCESS_CONSTANT(NAME, row) CF_PROCESS_##NAME,
typedef enum cf_process_aspect {
    CF_PROCESS_MODE_TABLE(CF__PROCESS_CONSTANT) CF_PROCESS_MODES /* all of these */,
    CF_PROCESS_COUNT_TABLE(CF__PROCESS_CONSTANT) CF_PROCESS_ASPECTS
} cf_process_aspect;

typedef struct cf_process cf_process;

cf_process *cf_process_look(void);
void cf_process_forget(cf_process *process);

/* Gives the process and the calling thread modes of the suite's own, which an instance of before can't have left, and
 * looks; and puts everything back. */
cf_process *cf_process_begin(void);
void cf_process_end(cf_process *process);

/* Fails the row where an aspect is no longer as it was; and puts modes of the calling thread back. */
void cf_process_expect(const cf_process *before, cf_process_aspect aspect, const char *when);

/* Loads a copy of a plugin's file, which is gone again when this returns: false where that does not load. */
bool cf_process_load_copy(const char *path, tenon__library *out_library);

#endif
