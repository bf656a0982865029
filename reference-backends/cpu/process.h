/* Runs another program and waits for it, without a shell. */
#ifndef CPU_PROCESS_H
#define CPU_PROCESS_H

#include <stdint.h>
#include <tenon/status.h>

typedef struct cpu_process {
    const char *const *arguments;    /* NULL-terminated; the first is the absolute path of the program */
    int input;                       /* file descriptor of its standard input; -1: empty */
    int output;                      /* of its standard output and error */
    uint32_t seconds;                /* time limit */
    int (*cancelled)(void *context); /* polled about every 20 ms; NULL: never */
    void *context;
} cpu_process;

/* Runs it to its end; *out_code is what it exited with, 128 + signal where one ended it, 0 where somebody else in this
 * process has waited for it. It gets an environment of its own: search path, home, temporary folder, C locale.
 * Errors: IO (can't be started), CANCELLED and TIMEOUT (it and its children have been ended). */
tenon_status cpu_process_run(const cpu_process *process, int *out_code);

#endif
