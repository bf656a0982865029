#include "plan.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

static uint64_t size_of(const npu_buffer *buffer) {
    return (npu_form_bytes(&buffer->form) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Largest first, then in the order of making. */
static int by_size(const void *a, const void *b) {
    const npu_buffer *x = *(npu_buffer *const *)a, *y = *(npu_buffer *const *)b;
    uint64_t p = size_of(x), q = size_of(y);
    if (p != q) return p > q ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int meet(const npu_buffer *a, const npu_buffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest place where `buffer` meets none of those before it, which are in the order of their offsets. */
static uint64_t find_place(npu_buffer *const *placed, uint32_t count, const npu_buffer *buffer) {
    uint64_t end = 0, size = size_of(buffer);
    for (uint32_t i = 0; i < count; i++) {
        if (!meet(placed[i], buffer)) continue;
        if (placed[i]->offset >= end + size) break;
        uint64_t after = placed[i]->offset + size_of(placed[i]);
        if (after > end) end = after;
    }
    return end;
}

static void insert(npu_buffer **placed, uint32_t count, npu_buffer *buffer) {
    uint32_t at = count;
    for (; at > 0 && placed[at - 1]->offset > buffer->offset; at--) placed[at] = placed[at - 1];
    placed[at] = buffer;
}

tenon_status npu_plan(npu_compiler *c) {
    tenon_exec *exec = c->exec;
    uint32_t count = 0;
    npu_buffer **all = npu_arena_get(&c->scratch, exec->buffer_count * sizeof(npu_buffer *));
    npu_buffer **placed = npu_arena_get(&c->scratch, exec->buffer_count * sizeof(npu_buffer *));
    if (!all || !placed) return TENON_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < exec->buffer_count; i++) {
        npu_buffer *buffer = &exec->buffers[i];
        if (buffer->place == NPU_AT_WORKSPACE && buffer->first != UINT32_MAX) all[count++] = buffer;
    }
    if (count) qsort(all, count, sizeof *all, by_size);
    for (uint32_t i = 0; i < count; i++) {
        all[i]->offset = find_place(placed, i, all[i]);
        insert(placed, i, all[i]);
        uint64_t end = all[i]->offset + size_of(all[i]);
        if (end > exec->workspace) exec->workspace = end;
    }
    return TENON_STATUS_OK;
}
