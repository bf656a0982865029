/* Memory that ends where a page begins that nobody may touch: one byte too far is a fault at once. */
#ifndef TENON__LAYERS_GUARD_H
#define TENON__LAYERS_GUARD_H

#include <pthread.h>
#include <stddef.h>

typedef struct tenon__guarded {
    struct tenon__guarded *next;
    unsigned char *base;
    size_t room; /* bytes before the page */
} tenon__guarded;

/* Blocks to use again. Thread-safe. */
typedef struct tenon__guard {
    pthread_mutex_t mutex;
    tenon__guarded *spare;
} tenon__guard;

void tenon__guard_init(tenon__guard *guard);
void tenon__guard_free(tenon__guard *guard);

/* `size` zeroed bytes that end at the page, put before the list *io_used; NULL when there is no memory. The pointer is
 * aligned to 8 when size is a multiple of it. */
void *tenon__guard_take(tenon__guard *guard, size_t size, tenon__guarded **io_used);

/* Gives a list back; its bytes are made senseless, for whoever kept a pointer. */
void tenon__guard_give(tenon__guard *guard, tenon__guarded *used);

#endif
