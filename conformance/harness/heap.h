/* A heap that looks after itself, for workers: malloc and its family stand here in place of the C library's, for the
 * plugin too. Every block lies between marks, and a freed one is kept for a while, filled: so that a row that writes
 * before, behind or into what is not its own is known by the check after it, not by the row that falls over the damage.
 * Freeing twice, or what was never allocated, ends the process at once. Not built where a sanitizer does the same better.
 * Thread: everything here is thread-safe. */
#ifndef TENON_HARNESS_HEAP_H
#define TENON_HARNESS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False after damage: out_text says which block, and who allocated it. */
bool cfh_heap_check(char *out_text, size_t size);

/* Lets go of freed blocks, after a last look, and has the C library give back what it can. */
void cfh_heap_settle(void);

/* Bytes and blocks in use; 0 and 0 where the heap is not looked after. */
typedef struct cfh_heap_use {
    uint64_t bytes, blocks;
} cfh_heap_use;
cfh_heap_use cfh_heap_in_use(void);

#endif
