#include "onnx/names.h"

#include <string.h>

#include "support/error.h"

enum { SMALLEST = 64 };

static uint64_t hash_of(const char *name) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash ^ hash >> 32;
}

/* The entry of the name, or the free one where it would go. There is always a free one. */
static tenon__name *place_of(tenon__name *entries, uint32_t capacity, const char *name) {
    uint32_t at = (uint32_t)hash_of(name) & (capacity - 1);
    while (entries[at].name && strcmp(entries[at].name, name) != 0) at = (at + 1) & (capacity - 1);
    return &entries[at];
}

tenon__name *tenon__names_find(const tenon__names *names, const char *name) {
    if (!names->capacity) return NULL;
    tenon__name *entry = place_of(names->entries, names->capacity, name);
    return entry->name ? entry : NULL;
}

static tenon_status grow(tenon__names *names, tenon__arena *arena) {
    uint32_t capacity = names->capacity ? names->capacity * 2 : SMALLEST;
    tenon__name *entries = tenon__arena_array(arena, capacity, sizeof *entries);
    if (!entries) return tenon__fail_memory();
    for (uint32_t i = 0; i < names->capacity; i++)
        if (names->entries[i].name) *place_of(entries, capacity, names->entries[i].name) = names->entries[i];
    names->entries = entries;
    names->capacity = capacity;
    return TENON_STATUS_OK;
}

tenon_status tenon__names_add(tenon__names *names, tenon__arena *arena, const tenon__name *entry) {
    if (names->count * 2 >= names->capacity) TENON_TRY(grow(names, arena));
    tenon__name *place = place_of(names->entries, names->capacity, entry->name);
    if (place->name) return tenon__fail(TENON_STATUS_BAD_DATA, "the name '%s' is given twice", entry->name);
    *place = *entry;
    names->count++;
    return TENON_STATUS_OK;
}
