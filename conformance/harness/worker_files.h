/* The files that a worker has from the harness, which are nobody's to close or replace: standard input, output and error,
 * and the pipe of commands. (That of reports is looked at before each message: worker.c.) */
#ifndef TENON_HARNESS_WORKER_FILES_H
#define TENON_HARNESS_WORKER_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* Notes what they are, before the plugin is loaded. False: one is not there. */
bool cfh_worker_files_note(void);

/* False: one of them is closed, or another file since this was last asked, as out_text says ("" otherwise). What was
 * closed is opened again; what was replaced stays so, since the plugin may use it. */
bool cfh_worker_files_check(char *out_text, size_t size);

/* False: commands can't be heard any more. */
bool cfh_worker_files_hear(void);

#endif
