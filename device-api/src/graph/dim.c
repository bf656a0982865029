#include "graph/dim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/dim_internal.h"
#include "support/error.h"

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    return hash * 0xff51afd7ed558ccdu;
}

static uint64_t hash_of(const tenonh_dim *dim) {
    uint64_t hash = mix(dim->kind, (uint64_t)dim->number);
    hash = mix(hash, (uint64_t)(uintptr_t)dim->symbol);
    for (uint32_t i = 0; i < dim->count; i++) hash = mix(hash, dim->operands[i]->hash);
    return hash ^ hash >> 29;
}

static bool same_node(const tenonh_dim *a, const tenonh_dim *b) {
    return a->hash == b->hash && a->kind == b->kind && a->number == b->number && a->symbol == b->symbol &&
           a->count == b->count &&
           (a->count == 0 || memcmp(a->operands, b->operands, a->count * sizeof *a->operands) == 0);
}

static bool grow_table(tenon__dims *dims) {
    uint32_t size = dims->table_size ? dims->table_size * 2 : 64;
    struct tenonh_dim **table = calloc(size, sizeof *table);
    if (!table) return false;
    for (uint32_t i = 0; i < dims->table_size; i++) {
        for (struct tenonh_dim *dim = dims->table[i], *next; dim; dim = next) {
            next = dim->next;
            dim->next = table[dim->hash & (size - 1)];
            table[dim->hash & (size - 1)] = dim;
        }
    }
    free(dims->table);
    dims->table = table;
    dims->table_size = size;
    return true;
}

const tenonh_dim *tenon__dim_intern(tenon__dims *dims, struct tenonh_dim *dim) {
    dim->hash = hash_of(dim);
    if (dims->count >= dims->table_size && !grow_table(dims)) return tenon__dim_fail_memory();
    struct tenonh_dim **chain = &dims->table[dim->hash & (dims->table_size - 1)];
    for (struct tenonh_dim *at = *chain; at; at = at->next)
        if (same_node(at, dim)) return at;
    struct tenonh_dim *kept = tenon__arena_copy(dims->arena, dim, sizeof *dim);
    if (!kept) return tenon__dim_fail_memory();
    if (dim->count) {
        kept->operands = tenon__arena_copy(dims->arena, dim->operands, dim->count * sizeof *dim->operands);
        if (!kept->operands) return tenon__dim_fail_memory();
    }
    for (uint32_t i = 0; i < dim->count; i++)
        if (dim->operands[i]->depth > kept->depth) kept->depth = dim->operands[i]->depth;
    kept->depth = (uint16_t)(kept->depth + (dim->kind >= TENON__DIM_DIV && dim->kind <= TENON__DIM_BROADCAST));
    if (kept->depth > TENON__DIM_MAX_DEPTH) {
        tenon__fail(TENON_STATUS_UNSUPPORTED, "a dim nests quotients and maxima more than %d deep",
                    TENON__DIM_MAX_DEPTH);
        return NULL;
    }
    tenon__dim_bounds(kept, &kept->low, &kept->high);
    kept->next = *chain;
    *chain = kept;
    dims->count++;
    return kept;
}

const tenonh_dim *tenon__dim_fail_memory(void) {
    tenon__fail_memory();
    return NULL;
}

const tenonh_dim *tenon__dim_number(tenon__dims *dims, int64_t value) {
    return tenon__dim_intern(dims, &(struct tenonh_dim){.kind = TENON__DIM_NUMBER, .number = value});
}

const tenon__symbol *tenon__dim_find_symbol(const tenon__dims *dims, const char *name) {
    for (uint32_t i = 0; i < dims->symbol_count; i++)
        if (strcmp(dims->symbols[i]->name, name) == 0) return dims->symbols[i];
    return NULL;
}

static const tenonh_dim *add_symbol(tenon__dims *dims, const char *name, const tenon_symbol *range, uint32_t data) {
    if (dims->symbol_count == dims->symbol_capacity) {
        uint32_t capacity = dims->symbol_capacity ? dims->symbol_capacity * 2 : 8;
        tenon__symbol **symbols = realloc(dims->symbols, capacity * sizeof *symbols);
        if (!symbols) return tenon__dim_fail_memory();
        dims->symbols = symbols;
        dims->symbol_capacity = capacity;
    }
    tenon__symbol *symbol = tenon__arena_allocate(dims->arena, sizeof *symbol);
    if (!symbol || !(symbol->name = tenon__arena_string(dims->arena, name))) return tenon__dim_fail_memory();
    symbol->number = dims->symbol_count;
    symbol->data = data;
    symbol->range = *range;
    symbol->dim = tenon__dim_intern(dims, &(struct tenonh_dim){.kind = TENON__DIM_SYMBOL, .symbol = symbol});
    if (symbol->dim) dims->symbols[dims->symbol_count++] = symbol;
    return symbol->dim;
}

const tenonh_dim *tenon__dim_symbol(tenon__dims *dims, const char *name, const tenon_symbol *range) {
    const tenon__symbol *known = name && *name ? tenon__dim_find_symbol(dims, name) : NULL;
    if (known) return known->dim;
    if (!name || !*name || range->min < 0 || range->min > range->max || range->divisor < 1) {
        tenon__fail(TENON_STATUS_INVALID,
                    "symbol '%s' needs a name, 0 <= min <= max and divisor >= 1, not %lld, %lld and %lld",
                    name ? name : "", (long long)range->min, (long long)range->max, (long long)range->divisor);
        return NULL;
    }
    return add_symbol(dims, name, range, 0);
}

const tenonh_dim *tenon__dim_data_symbol(tenon__dims *dims, const char *name, const tenon_symbol *range) {
    if (tenon__dim_find_symbol(dims, name)) {
        tenon__fail(TENON_STATUS_INVALID, "symbol '%s' is declared twice", name);
        return NULL;
    }
    return add_symbol(dims, name, range, 1);
}

const tenonh_dim *tenon__dim_fresh(tenon__dims *dims, const char *prefix, int64_t max) {
    char name[64];
    uint32_t number = dims->symbol_count;
    do {
        snprintf(name, sizeof name, "%s%u", prefix, number++);
    } while (tenon__dim_find_symbol(dims, name));
    return add_symbol(dims, name, &(tenon_symbol){0, max, 1}, 1);
}

int tenon__dim_order(const tenonh_dim *a, const tenonh_dim *b) {
    if (a == b) return 0;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->kind == TENON__DIM_SYMBOL) return a->symbol->number < b->symbol->number ? -1 : 1;
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (uint32_t i = 0; i < a->count; i++) {
        int order = tenon__dim_order(a->operands[i], b->operands[i]);
        if (order) return order;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

void tenon__dims_free(tenon__dims *dims) {
    free(dims->table);
    free(dims->symbols);
    free(dims->equalities);
    free((void *)dims->equality_nodes);
    *dims = (tenon__dims){0};
}
