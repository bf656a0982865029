/* Which layers there are, and what was asked for. */
#ifndef TENON__LAYERS_SPEC_H
#define TENON__LAYERS_SPEC_H

#include "layers/layer.h"

struct tenon__layers {
    _Atomic uint32_t references;
    uint32_t count;
    char *text; /* the words that values point into */
    tenon__layer_spec *specs;
};

/* False when the layer is told to leave this plugin alone. */
bool tenon__layer_applies(const tenon__layer_spec *spec, const char *id);

#endif
