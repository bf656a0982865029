/* Execs by work: one cache a device, shared by all sessions of the process.
 *
 * The same work is prepared once, whoever asks for it and however many ask at a time; different work is prepared side by
 * side. The cache is bounded: what no plan uses goes when there is too much of it, and when the device is trimmed. It
 * goes as a whole with its last user.
 * Thread: everything here is thread-safe. */
#ifndef TENON_PLAN_EXECS_H
#define TENON_PLAN_EXECS_H

#include <stdbool.h>

#include <tenon/host/exec.h>

typedef struct tenon__execs tenon__execs;

/* A session's part in the caches of its devices. */
tenon_status tenon__execs_create(tenon__execs **out_execs);
void tenon__execs_destroy(tenon__execs *execs); /* NULL is allowed; launches must have ended */

/* Between these two, what the cache gives stays valid; whoever keeps an exec beyond retains it. Pairs may nest and go on
 * side by side. */
void tenon__execs_begin(tenon__execs *execs);
void tenon__execs_end(tenon__execs *execs);

/* Open pairs of begin and end. */
uint32_t tenon__execs_planning(tenon__execs *execs);

/* Counts a prepare that was asked for elsewhere. */
void tenon__execs_count(tenon__execs *execs);

/* Number of prepares so far on behalf of this part. */
uint64_t tenon__execs_prepares(const tenon__execs *execs);

/* Bytes that tell one work from another. */
enum { TENON__KEY_SIZE = 2048 };
typedef struct tenon__key {
    uint32_t size;
    bool overflow;
    unsigned char bytes[TENON__KEY_SIZE];
} tenon__key;

void tenon__key_put(tenon__key *key, const void *bytes, uint32_t size);
void tenon__key_number(tenon__key *key, int64_t number);

/* A lowered and printed program, kept for its symbols and geometry. */
typedef struct tenon__kernel tenon__kernel;
void tenon__kernel_free(tenon__kernel *kernel); /* NULL is allowed */

/* What was made of a work. */
typedef struct tenon__exec_entry {
    struct tenon__exec_entry *next;
    tenonh_exec *exec;
    tenon__kernel *kernel; /* of kernel work */
    tenon_status status;   /* that its latest prepare ended with; NOT_READY while there was none */
    uint32_t busy;         /* 1: a thread is making it */
    uint32_t used;         /* since the cache was last trimmed */
    uint32_t key_size;
    unsigned char key[];
} tenon__exec_entry;

/* Prepares into an entry, by tenon__execs_prepare: exec and kernel are NULL on entry. */
typedef tenon_status (*tenon__exec_maker)(tenon__execs *execs, tenonh_device *device, tenon__exec_entry *entry,
                                          const void *context);

/* The entry of a key, made if there is none or if what kept it from being made may have passed.
 * Errors: what `make` answers. UNSUPPORTED is kept: the device is not asked again. */
tenon_status tenon__execs_find(tenon__execs *execs, tenonh_device *device, const tenon__key *key,
                               tenon__exec_maker make, const void *context, const tenon__exec_entry **out_entry);

/* Asks the device, for a maker, and counts. */
tenon_status tenon__execs_prepare(tenon__execs *execs, tenonh_device *device, const tenon_work *work,
                                  tenonh_exec **out_exec);

#endif
