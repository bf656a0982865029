/* A map from names to what they stand for in one graph or function body. */
#ifndef TENON__ONNX_NAMES_H
#define TENON__ONNX_NAMES_H

#include <onnx.pb-c.h>
#include <tenon/host/graph.h>

#include "support/arena.h"

/* An initializer becomes a value when it is first used: those that nobody uses cost nothing. */
typedef struct tenon__name {
    const char *name; /* owned by the model */
    tenonh_value *value;
    Onnx__TensorProto *initializer;
    const char *refusal; /* why the name can't be used, or NULL */
} tenon__name;

/* Zero-initialised is empty. */
typedef struct tenon__names {
    tenon__name *entries; /* open addressing; name NULL: free */
    uint32_t capacity;    /* a power of two */
    uint32_t count;
} tenon__names;

/* The entry of a name, NULL if there is none. Valid until the next add. */
tenon__name *tenon__names_find(const tenon__names *names, const char *name);

/* Adds an entry. Errors: BAD_DATA when the name is taken, OUT_OF_MEMORY. */
tenon_status tenon__names_add(tenon__names *names, tenon__arena *arena, const tenon__name *entry);

#endif
