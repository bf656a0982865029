#include "support/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct tenon__arena_block {
    tenon__arena_block *previous;
    alignas(16) unsigned char bytes[];
};

enum { SMALLEST_BLOCK = 4096, ALIGNMENT = 16 };

static int grow(tenon__arena *arena, size_t size) {
    size_t next = arena->size ? arena->size * 2 : SMALLEST_BLOCK;
    if (next > (size_t)1 << 24) next = (size_t)1 << 24;
    if (next < size) next = size;
    tenon__arena_block *block = malloc(sizeof *block + next);
    if (!block) return 0;
    block->previous = arena->block;
    arena->block = block;
    arena->used = 0;
    arena->size = next;
    return 1;
}

void *tenon__arena_allocate(tenon__arena *arena, size_t size) {
    if (size > SIZE_MAX / 2) return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if ((!arena->block || arena->size - arena->used < size) && !grow(arena, size)) return NULL;
    void *memory = arena->block->bytes + arena->used;
    arena->used += size;
    memset(memory, 0, size);
    return memory;
}

void *tenon__arena_array(tenon__arena *arena, size_t count, size_t element) {
    size_t size;
    return __builtin_mul_overflow(count, element, &size) ? NULL : tenon__arena_allocate(arena, size);
}

void *tenon__arena_copy(tenon__arena *arena, const void *bytes, size_t size) {
    void *memory = tenon__arena_allocate(arena, size);
    if (memory && size) memcpy(memory, bytes, size);
    return memory;
}

char *tenon__arena_string_n(tenon__arena *arena, const char *text, size_t length) {
    char *copy = length == SIZE_MAX ? NULL : tenon__arena_allocate(arena, length + 1);
    if (copy && length) memcpy(copy, text, length);
    return copy;
}

char *tenon__arena_string(tenon__arena *arena, const char *text) {
    return tenon__arena_string_n(arena, text, strlen(text));
}

static void free_blocks(tenon__arena_block *block) {
    while (block) {
        tenon__arena_block *previous = block->previous;
        free(block);
        block = previous;
    }
}

void tenon__arena_reset(tenon__arena *arena) {
    arena->used = 0;
    if (!arena->block) return;
    free_blocks(arena->block->previous);
    arena->block->previous = NULL;
}

void tenon__arena_free(tenon__arena *arena) {
    free_blocks(arena->block);
    *arena = (tenon__arena){0};
}
