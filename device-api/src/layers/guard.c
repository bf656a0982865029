#include "layers/guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void unmap(tenon__guarded *block) {
    (void)munmap(block->base, block->room + page_size());
    free(block);
}

static tenon__guarded *map(size_t size) {
    size_t page = page_size(), room = size ? (size + page - 1) / page * page : page;
    tenon__guarded *block = calloc(1, sizeof *block);
    void *base =
        block ? mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    if (base == MAP_FAILED) {
        free(block);
        return NULL;
    }
    block->base = base;
    block->room = room;
    if (mprotect(block->base + room, page, PROT_NONE) == 0) return block;
    unmap(block);
    return NULL;
}

void tenon__guard_init(tenon__guard *guard) {
    *guard = (tenon__guard){0};
    (void)pthread_mutex_init(&guard->mutex, NULL);
}

void tenon__guard_free(tenon__guard *guard) {
    while (guard->spare) {
        tenon__guarded *block = guard->spare;
        guard->spare = block->next;
        unmap(block);
    }
    (void)pthread_mutex_destroy(&guard->mutex);
}

static tenon__guarded *take_spare(tenon__guard *guard, size_t size) {
    (void)pthread_mutex_lock(&guard->mutex);
    tenon__guarded **link = &guard->spare;
    while (*link && (*link)->room < size) link = &(*link)->next;
    tenon__guarded *block = *link;
    if (block) *link = block->next;
    (void)pthread_mutex_unlock(&guard->mutex);
    return block;
}

void *tenon__guard_take(tenon__guard *guard, size_t size, tenon__guarded **io_used) {
    tenon__guarded *block = take_spare(guard, size);
    if (!block) block = map(size);
    if (!block) return NULL;
    block->next = *io_used;
    *io_used = block;
    unsigned char *start = block->base + block->room - size;
    memset(start, 0, size);
    return start;
}

void tenon__guard_give(tenon__guard *guard, tenon__guarded *used) {
    while (used) {
        tenon__guarded *block = used;
        used = block->next;
        memset(block->base, 0xa5, block->room);
        (void)pthread_mutex_lock(&guard->mutex);
        block->next = guard->spare;
        guard->spare = block;
        (void)pthread_mutex_unlock(&guard->mutex);
    }
}
