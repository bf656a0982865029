#include "graph/composite.h"

#include <string.h>

#include "graph/shapes.h"
#include "passes/compose.h"

#define ANY UINT32_MAX
#define ROW(NAME, name, version, inputs, optional, outputs, attributes, shape, decompose, is_shape, meaning)           \
    [TENON__COMPOSITE_##NAME] = {TENON__COMPOSITE_##NAME,                                                              \
                                 version,                                                                              \
                                 inputs,                                                                               \
                                 optional,                                                                             \
                                 outputs,                                                                              \
                                 is_shape,                                                                             \
                                 name,                                                                                 \
                                 attributes,                                                                           \
                                 meaning,                                                                              \
                                 tenon__shape_##shape,                                                                 \
                                 tenon__decompose_##decompose},

static const tenon__composite rows[TENON__COMPOSITE_COUNT] = {
#define TENON__COMPOSITE(NAME, name, version, inputs, optional, outputs, attributes, shape, decompose, meaning)        \
    ROW(NAME, name, version, inputs, optional, outputs, attributes, shape, decompose, 0, meaning)
#define TENON__SHAPE_COMPOSITE(NAME, name, version, inputs, optional, outputs, attributes, shape, decompose, meaning)  \
    ROW(NAME, name, version, inputs, optional, outputs, attributes, shape, decompose, 1, meaning)
#include "graph/composites.def"
#undef TENON__SHAPE_COMPOSITE
};

const tenon__composite *tenon__composite_row(uint32_t number) {
    return number > TENON__COMPOSITE_NONE && number < TENON__COMPOSITE_COUNT ? &rows[number] : NULL;
}

const tenon__composite *tenon__composite_find(const char *name, uint32_t version) {
    const tenon__composite *newest = NULL;
    for (uint32_t i = 1; i < TENON__COMPOSITE_COUNT; i++) {
        const tenon__composite *row = &rows[i];
        if (strcmp(row->name, name) != 0 || (version && row->version != version)) continue;
        if (!newest || row->version > newest->version) newest = row;
    }
    return newest;
}

int tenon__composite_has_attr(const tenon__composite *row, uint32_t id) {
    return tenon_op_has_attr(&(tenon_op_row){.attributes = row->attributes}, id);
}
