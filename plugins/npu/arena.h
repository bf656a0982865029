/* Host memory that is given back at once: all that an exec, or its making, is made of. */
#ifndef NPU_ARENA_H
#define NPU_ARENA_H

#include "npu.h"

typedef struct npu_arena {
    tenon_device *device;
    struct npu_arena_part *parts;
} npu_arena;

/* Zeroed memory, aligned to 16 bytes; NULL after a report. */
void *npu_arena_get(npu_arena *arena, uint64_t size);
void npu_arena_free(npu_arena *arena);

#endif
