#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

enum { DATA_OFFSET = 64, SMALL = 4096 }; /* copied bytes start on a cache line; up to SMALL equal ones are shared */

tenon__constant *tenon__constant_create(const tenonh_bytes *bytes) {
    bool borrowed = bytes->release != NULL;
    size_t size = DATA_OFFSET;
    bool fits = borrowed || bytes->size <= SIZE_MAX / 2;
    if (fits && !borrowed) size += (bytes->size + DATA_OFFSET - 1) / DATA_OFFSET * DATA_OFFSET;
    tenon__constant *constant = fits ? aligned_alloc(DATA_OFFSET, size) : NULL;
    if (!constant) {
        if (borrowed) bytes->release(bytes->context);
        tenon__fail_memory();
        return NULL;
    }
    static_assert(sizeof *constant <= DATA_OFFSET, "the bytes follow the struct");
    void *copy = (char *)constant + DATA_OFFSET;
    if (!borrowed && bytes->size) memcpy(copy, bytes->data, bytes->size);
    constant->data = borrowed ? bytes->data : copy;
    constant->size = bytes->size;
    atomic_init(&constant->hash, 0);
    atomic_init(&constant->references, 1);
    constant->borrowed = borrowed;
    constant->release = bytes->release;
    constant->context = bytes->context;
    return constant;
}

tenon__constant *tenon__constant_retain(tenon__constant *constant) {
    atomic_fetch_add_explicit(&constant->references, 1, memory_order_relaxed);
    return constant;
}

void tenon__constant_release(tenon__constant *constant) {
    if (!constant || atomic_fetch_sub_explicit(&constant->references, 1, memory_order_acq_rel) != 1) return;
    if (constant->release) constant->release(constant->context);
    free(constant);
}

static uint64_t rotate(uint64_t value, int bits) {
    return value << bits | value >> (64 - bits);
}

static uint64_t load(const unsigned char *at, size_t size) {
    uint64_t word = 0;
    memcpy(&word, at, size);
    return word;
}

static uint64_t stir(uint64_t lane, uint64_t word) {
    return rotate((lane ^ word) * 0x9fb21c651e98df25u, 29);
}

/* Four lanes, so that the multiplications of one do not wait for those of another. */
static uint64_t hash_bytes(const unsigned char *at, uint64_t size) {
    uint64_t lanes[4] = {size, ~size, rotate(size, 17), 0x2545f4914f6cdd1du};
    for (; size >= 32; size -= 32, at += 32)
        for (int i = 0; i < 4; i++) lanes[i] = stir(lanes[i], load(at + 8 * i, 8));
    for (int i = 0; size; i++) {
        size_t part = size < 8 ? size : 8;
        lanes[i] = stir(lanes[i], load(at, part));
        at += part;
        size -= part;
    }
    uint64_t hash = 0;
    for (int i = 0; i < 4; i++) hash = stir(hash, lanes[i]) * 0xc2b2ae3d27d4eb4fu;
    hash ^= hash >> 31;
    return hash ? hash : 1;
}

uint64_t tenon__constant_hash(tenon__constant *constant) {
    uint64_t hash = atomic_load_explicit(&constant->hash, memory_order_relaxed);
    if (hash) return hash;
    hash = hash_bytes(constant->data, constant->size);
    atomic_store_explicit(&constant->hash, hash, memory_order_relaxed);
    return hash;
}

static bool grow_list(tenonh_module *module) {
    if (module->constant_count < module->constant_capacity) return true;
    uint32_t capacity = module->constant_capacity ? module->constant_capacity * 2 : 16;
    tenon__constant **list = realloc(module->constants, capacity * sizeof *list);
    if (!list) return false;
    module->constants = list;
    module->constant_capacity = capacity;
    return true;
}

static void index_constant(tenonh_module *module, uint32_t position) {
    uint32_t mask = module->constant_index_size - 1;
    uint32_t slot = (uint32_t)tenon__constant_hash(module->constants[position]) & mask;
    while (module->constant_index[slot]) slot = (slot + 1) & mask;
    module->constant_index[slot] = position + 1;
}

/* At most half of the slots are taken, so that probing ends. */
static bool grow_index(tenonh_module *module) {
    if (module->constant_count * 2 + 2 <= module->constant_index_size) return true;
    uint32_t size = module->constant_index_size ? module->constant_index_size * 2 : 64;
    uint32_t *index = calloc(size, sizeof *index);
    if (!index) return false;
    free(module->constant_index);
    module->constant_index = index;
    module->constant_index_size = size;
    for (uint32_t i = 0; i < module->constant_count; i++)
        if (module->constants[i]->size <= SMALL) index_constant(module, i);
    return true;
}

static tenon__constant *find_equal(const tenonh_module *module, tenon__constant *wanted) {
    if (!module->constant_index_size) return NULL;
    uint32_t mask = module->constant_index_size - 1;
    for (uint32_t slot = (uint32_t)tenon__constant_hash(wanted) & mask; module->constant_index[slot];
         slot = (slot + 1) & mask) {
        tenon__constant *known = module->constants[module->constant_index[slot] - 1];
        if (known->size == wanted->size && memcmp(known->data, wanted->data, wanted->size) == 0) return known;
    }
    return NULL;
}

/* Takes the reference over. */
static tenon__constant *append(tenonh_module *module, tenon__constant *constant) {
    if (!grow_list(module) || !grow_index(module)) {
        tenon__constant_release(constant);
        tenon__fail_memory();
        return NULL;
    }
    module->constants[module->constant_count++] = constant;
    if (constant->size <= SMALL) index_constant(module, module->constant_count - 1);
    return constant;
}

tenon__constant *tenon__module_constant(tenonh_module *module, const tenonh_bytes *bytes) {
    tenon__constant *constant = tenon__constant_create(bytes);
    tenon__constant *known = constant && constant->size <= SMALL ? find_equal(module, constant) : NULL;
    if (!known) return constant ? append(module, constant) : NULL;
    tenon__constant_release(constant);
    return known;
}

/* Large constants are told apart by their pointer. */
static bool holds(const tenonh_module *module, const tenon__constant *constant) {
    for (uint32_t i = module->constant_count; i-- > 0;)
        if (module->constants[i] == constant) return true;
    return false;
}

tenon__constant *tenon__module_share(tenonh_module *module, tenon__constant *constant) {
    if (constant->size > SMALL)
        return holds(module, constant) ? constant : append(module, tenon__constant_retain(constant));
    tenon__constant *known = find_equal(module, constant);
    return known ? known : append(module, tenon__constant_retain(constant));
}
