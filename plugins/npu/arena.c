#include "arena.h"

typedef struct npu_arena_part {
    struct npu_arena_part *next;
    uint64_t size, used;
    unsigned char bytes[];
} part;

enum { PART = 16 << 10, UNIT = 16 };

void *npu_arena_get(npu_arena *arena, uint64_t size) {
    part *p = arena->parts;
    size = (size + UNIT - 1) / UNIT * UNIT;
    if (!p || size > p->size - p->used) {
        uint64_t room = size > PART ? size : PART;
        p = npu_allocate(arena->device, sizeof *p + room);
        if (!p) return NULL;
        p->size = room;
        p->next = arena->parts;
        arena->parts = p;
    }
    void *memory = p->bytes + p->used;
    p->used += size;
    return memory;
}

void npu_arena_free(npu_arena *arena) {
    part *next;
    for (part *p = arena->parts; p; p = next) {
        next = p->next;
        npu_release(arena->device, p);
    }
    arena->parts = NULL;
}
