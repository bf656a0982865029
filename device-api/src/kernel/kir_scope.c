/* Names in scope, and words that are no names. */
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_text.h"

static uint32_t hash_name(const char *text, size_t size) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

const kir_name *kir_scope_find(const kir_scope *scope, const char *text, size_t size) {
    uint32_t hash = hash_name(text, size);
    for (uint32_t at = scope->buckets[hash % KIR_SCOPE_BUCKETS]; at; at = scope->names[at - 1].before) {
        const kir_name *name = &scope->names[at - 1];
        if (name->hash == hash && name->size == size && memcmp(name->text, text, size) == 0) return name;
    }
    return NULL;
}

bool kir_scope_add(kir_scope *scope, const char *text, size_t size, uint32_t what, uint32_t number) {
    if (!tenon__kir_grow(&scope->names, &scope->room, scope->count, 1, sizeof *scope->names)) return false;
    uint32_t hash = hash_name(text, size), *bucket = &scope->buckets[hash % KIR_SCOPE_BUCKETS];
    scope->names[scope->count] = (kir_name){text, (uint32_t)size, what, number, hash, *bucket};
    *bucket = ++scope->count;
    return true;
}

void kir_scope_leave(kir_scope *scope, uint32_t count) {
    while (scope->count > count) {
        const kir_name *name = &scope->names[--scope->count];
        scope->buckets[name->hash % KIR_SCOPE_BUCKETS] = name->before;
    }
}

void kir_scope_free(kir_scope *scope) {
    free(scope->names);
    *scope = (kir_scope){0};
}

static bool is_word(const char *word, const char *text, size_t size) {
    return word && strlen(word) == size && memcmp(word, text, size) == 0;
}

tenon_op kir_find_op(const char *text, size_t size) {
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++)
        if (is_word(tenon__kir_op_name(op), text, size)) return op;
    return TENON_OP_NONE;
}

uint32_t kir_find_dtype(const char *text, size_t size) {
    for (uint32_t dtype = 1; dtype < TENON_DTYPE_COUNT; dtype++)
        if (is_word(tenon__kir_dtype_name(dtype), text, size)) return dtype;
    return is_word("index", text, size) ? TENON__KIR_INDEX : 0;
}

bool kir_reserved(const char *text, size_t size) {
    static const char *const keywords[] = {
        "program", "symbol", "scalar", "in",      "out",  "inout", "workspace", "kernel", "loop",  "tile",
        "let",     "carry",  "merge",  "store",   "next", "yield", "if",        "else",   "any",   "strides",
        "div",     "cast",   "wrap",   "bitcast", "bits", "inf",   "nan",       "true",   "false", "index32"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (is_word(keywords[i], text, size)) return true;
    return kir_find_op(text, size) != TENON_OP_NONE || kir_find_dtype(text, size) != 0;
}
