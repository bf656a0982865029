/* Shared by prepare.c and prepare_kernel.c. */
#ifndef TENON_PLAN_PREPARE_INTERNAL_H
#define TENON_PLAN_PREPARE_INTERNAL_H

#include <stdbool.h>
#include <tenon/helpers.h>

#include "plan/prepare.h"

enum { TENON__EXEC_BUCKETS = 256, TENON__KEY_SIZE = 2048, TENON__TASK_OPERANDS = 8 };

/* Bytes that tell one work from another. */
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

/* An exec, or the status that its latest prepare ended with. */
typedef struct tenon__exec_entry {
    struct tenon__exec_entry *next;
    const tenonh_device *device;
    tenonh_exec *exec;     /* NULL unless status is OK */
    tenon__kernel *kernel; /* of kernel work */
    tenon_status status;
    uint32_t key_size;
    unsigned char key[];
} tenon__exec_entry;

struct tenon__execs {
    uint64_t prepares;
    tenon__exec_entry *buckets[TENON__EXEC_BUCKETS];
};

/* The entry of a key, made if there is none. */
tenon_status tenon__execs_entry(tenon__execs *execs, const tenonh_device *device, const tenon__key *key,
                                tenon__exec_entry **out_entry);

/* True while the entry has neither an exec nor a refusal: it is new, or its prepare failed in a way that may pass. */
bool tenon__exec_is_open(const tenon__exec_entry *entry);

/* Prepares `work` into the entry and gives the status, which the entry keeps. */
tenon_status tenon__execs_prepare(tenon__execs *execs, tenonh_device *device, tenon__exec_entry *entry,
                                  const tenon_work *work);

/* True when every symbol value lies in the ranges that the exec is valid for. */
bool tenon__exec_covers(const tenonh_exec *exec, const tenon__prepared *prepared);

tenon_status tenon__task_scalars(const tenon__task *task, tenon__arena *arena, tenon__prepared *out);

/* As tenon__prepare, for a printed kernel. */
tenon_status tenon__prepare_kernel(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                                   tenon__arena *arena, tenon__prepared *out);

#endif
