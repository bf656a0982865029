/* A region of host memory that is freed as a whole. Not thread-safe. */
#ifndef TENON__SUPPORT_ARENA_H
#define TENON__SUPPORT_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct tenon__arena_block tenon__arena_block;

/* Zero-initialised is empty. */
typedef struct tenon__arena {
    tenon__arena_block *block;
    size_t used;
    size_t size;
} tenon__arena;

/* Zeroed memory aligned to 16 bytes, NULL when there is none. A size of 0 gives a valid pointer. */
void *tenon__arena_allocate(tenon__arena *arena, size_t size);

/* `count` zeroed elements; NULL also when the product overflows. */
void *tenon__arena_array(tenon__arena *arena, size_t count, size_t element);

/* Copies into the arena; NULL when there is no memory. */
void *tenon__arena_copy(tenon__arena *arena, const void *bytes, size_t size);
char *tenon__arena_string(tenon__arena *arena, const char *text);
char *tenon__arena_string_n(tenon__arena *arena, const char *text, size_t length);

/* Leaves the arena empty, with the block that was allocated last for what comes next. */
void tenon__arena_reset(tenon__arena *arena);

/* Frees everything and leaves the arena empty. */
void tenon__arena_free(tenon__arena *arena);

#endif
