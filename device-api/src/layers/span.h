/* The bytes that a view covers: equal blocks at equal distances where it is that regular, else what encloses it. */
#ifndef TENON__LAYERS_SPAN_H
#define TENON__LAYERS_SPAN_H

#include <stdbool.h>

#include <tenon/types.h>

typedef struct tenon__span {
    uint64_t offset;   /* bytes into the allocation */
    uint64_t block;    /* bytes of each block */
    uint64_t distance; /* bytes from a block's start to the next one's */
    uint64_t count;    /* blocks; 0: nothing at all */
    uint32_t exact;    /* 0: one block that may have holes */
} tenon__span;

/* A plain range. */
tenon__span tenon__span_range(uint64_t offset, uint64_t size);

/* Of a view at a byte offset with the symbol values of a launch; `dense`: row-major, whatever the strides are.
 * false when it leaves what 64 bits can count, or begins before its allocation. */
bool tenon__span_view(const tenon_view *view, const int64_t *symbols, uint64_t offset, bool dense,
                      tenon__span *out_span);

/* One past the last byte. */
uint64_t tenon__span_end(const tenon__span *span);

/* True when the two surely have a byte in common. */
bool tenon__span_meets(const tenon__span *a, const tenon__span *b);

/* True when `a` has every byte of `b`. */
bool tenon__span_covers(const tenon__span *a, const tenon__span *b);

#endif
