/* A worker as the harness sees it: a process that was spawned, never forked, with a pipe each way and one for all that it
 * or the plugin prints. It ends with the harness, whatever ends that. */
#ifndef TENON_HARNESS_PROCESS_H
#define TENON_HARNESS_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "harness/message.h"

enum { CFH_WORDS = 4096 /* bytes of output that are kept */ };

typedef struct cfh_process {
    pid_t id; /* 0: none */
    int commands, reports, words;
    int handle; /* pidfd: readable once it has ended; -1 on kernels without */
    cfh_inbox inbox;
    unsigned char *outbox; /* of a command, what the pipe has had no room for yet; NULL: nothing */
    size_t out_size, out_sent;
    uint64_t started,
        waited;        /* nanoseconds: when its time began to count, and for how long it had no processor by then */
    uint64_t attended; /* when the harness last listened to it */
    char said[CFH_WORDS + 1]; /* output since it was last taken: the first half and the latest half */
    size_t said_length;
    bool cut; /* there was more in between */
} cfh_process;

/* How a process ended. */
typedef struct cfh_ending {
    bool by_harness; /* it was killed: its time was over, or it garbled its pipe */
    bool stuck;      /* it does not end even so: the driver holds it */
    int code;        /* si_code, CLD_* */
    int status;      /* exit status or signal */
} cfh_ending;

/* Starts "program worker" with `extra`, "NAME=value" and NULL at its end, added to this environment. False after setting
 * errno. */
bool cfh_process_start(const char *program, const char *const *extra, cfh_process *out_process);

/* Sends a command and frees it, never waiting: what the pipe has no room for goes out while the worker is listened to.
 * False: the worker takes none, which its end, or that it is late, will explain. */
bool cfh_process_send(cfh_process *process, cJSON *command);

/* Takes in what has come and sends what is left of a command, without waiting. */
void cfh_process_listen(cfh_process *process);

/* The next message that has come in, or NULL. */
cJSON *cfh_process_hear(cfh_process *process);

/* True once the process has ended, or closed its pipe, and nothing more can come in. */
bool cfh_process_is_over(cfh_process *process);

/* Waits until something comes in from one of them, one ends, or a moment has passed. */
void cfh_process_await(cfh_process *const *processes, uint32_t count);

/* Sends a command and waits for its answer. NULL: none came within `limit` nanoseconds (*out_late) or at all. */
cJSON *cfh_process_ask(cfh_process *process, cJSON *command, uint64_t limit, bool *out_late);

/* Its output so far as one text, "" if none; what comes later is another. Owner: the process, until the next call. */
const char *cfh_process_words(cfh_process *process);

/* Its time begins to count. It is late once `limit` nanoseconds have gone by, those apart in which threads of it were ready
 * to run and had no processor; at the latest after four times as many. While nobody listens to it, since the harness opens
 * another worker or was stopped, no time passes: the worker may be waiting for the harness. */
void cfh_process_begin_time(cfh_process *process);
bool cfh_process_is_late(const cfh_process *process, uint64_t limit);

/* Ends the process, if it has not ended, and all that it has started; frees what it holds. */
cfh_ending cfh_process_end(cfh_process *process, bool kill_now);

/* "signal 11 (Segmentation fault)", "exit status 3". */
void cfh_ending_describe(const cfh_ending *ending, char *out_text, size_t size);

uint64_t cfh_now(void);

#endif
