#include <stdlib.h>
#include <string.h>

#include "graph/build_internal.h"

static uint64_t mix(uint64_t hash, uint64_t value) {
    return (hash ^ value) * 0x9fb21c651e98df25u + (hash >> 29);
}

static uint64_t hash_of(const tenonh_node *node) {
    uint64_t hash = mix(node->kind, node->op);
    hash = mix(hash, (uintptr_t)node->composite);
    for (uint32_t i = 0; i < node->operand_count; i++) hash = mix(hash, (uintptr_t)node->operands[i]);
    for (uint32_t i = 0; i < node->attr_count; i++) {
        hash = mix(hash, node->attrs[i].id);
        for (uint32_t k = 0; k < node->attrs[i].count; k++) hash = mix(hash, (uintptr_t)node->attrs[i].dims[k]);
    }
    hash = mix(mix(hash, node->scalars[0]), node->scalars[1]);
    return hash ^ hash >> 32;
}

static bool same_attrs(const tenonh_node *a, const tenonh_node *b) {
    if (a->attr_count != b->attr_count) return false;
    for (uint32_t i = 0; i < a->attr_count; i++) {
        const tenon__attr *x = &a->attrs[i], *y = &b->attrs[i];
        if (x->id != y->id || x->count != y->count ||
            (x->count && memcmp(x->dims, y->dims, x->count * sizeof *x->dims) != 0))
            return false;
    }
    return true;
}

static bool same_type(const tenonh_value *a, const tenonh_value *b) {
    return a->dtype == b->dtype && a->rank == b->rank &&
           (a->rank == 0 || memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0);
}

/* Dims are hash-consed, so equal ones are one pointer. Types count: they say how much fill, iota and pad make. */
static bool same(const tenonh_node *a, const tenonh_node *b) {
    if (a->kind != b->kind || a->op != b->op || a->composite != b->composite || a->operand_count != b->operand_count ||
        a->result_count != b->result_count || a->scalars[0] != b->scalars[0] || a->scalars[1] != b->scalars[1] ||
        (a->operand_count && memcmp(a->operands, b->operands, a->operand_count * sizeof *a->operands) != 0) ||
        !same_attrs(a, b))
        return false;
    if (a->kind != TENON__NODE_OP && a->kind != TENON__NODE_COMPOSITE) return false;
    if (a->kind == TENON__NODE_COMPOSITE && !a->composite) return false;
    for (uint32_t i = 0; i < a->result_count; i++)
        if (!same_type(a->results[i], b->results[i])) return false;
    return true;
}

tenonh_node *tenon__nodes_find(tenonh_builder *b, const tenonh_node *node) {
    const tenon__set *set = &b->nodes;
    if (!set->size) return NULL;
    uint32_t mask = set->size - 1;
    for (uint32_t slot = (uint32_t)hash_of(node) & mask; set->slots[slot]; slot = (slot + 1) & mask) {
        tenonh_node *known = set->slots[slot];
        if (same(known, node) && tenon__region_encloses(known->region, b->region)) return known;
    }
    return NULL;
}

static uint64_t hash_node(const void *node) {
    return hash_of(node);
}

/* Adds without looking for an equal one. */
static tenon_status put(tenon__set *set, uint64_t (*hash)(const void *item), void *item) {
    if (set->count * 2 + 2 > set->size) {
        tenon__set grown = {.size = set->size ? set->size * 2 : 256, .slots = NULL};
        grown.slots = calloc(grown.size, sizeof *grown.slots);
        if (!grown.slots) return tenon__fail_memory();
        for (uint32_t i = 0; i < set->size; i++)
            if (set->slots[i]) put(&grown, hash, set->slots[i]);
        free(set->slots);
        *set = grown;
    }
    uint32_t slot = (uint32_t)hash(item) & (set->size - 1);
    while (set->slots[slot]) slot = (slot + 1) & (set->size - 1);
    set->slots[slot] = item;
    set->count++;
    return TENON_STATUS_OK;
}

tenon_status tenon__nodes_add(tenonh_builder *b, tenonh_node *node) {
    return put(&b->nodes, hash_node, node);
}

static uint64_t hash_constant(const void *item) {
    const tenonh_value *value = item;
    uint64_t hash = mix((uintptr_t)value->constant, value->dtype);
    for (uint32_t i = 0; i < value->rank; i++) hash = mix(hash, (uintptr_t)value->dims[i]);
    return hash ^ hash >> 32;
}

tenonh_value *tenon__constants_find(tenonh_builder *b, const tenonh_value *value) {
    const tenon__set *set = &b->constants;
    if (!set->size) return NULL;
    uint32_t mask = set->size - 1;
    for (uint32_t slot = (uint32_t)hash_constant(value) & mask; set->slots[slot]; slot = (slot + 1) & mask) {
        tenonh_value *known = set->slots[slot];
        if (known->constant == value->constant && same_type(known, value)) return known;
    }
    return NULL;
}

tenon_status tenon__constants_add(tenonh_builder *b, tenonh_value *value) {
    return put(&b->constants, hash_constant, value);
}
