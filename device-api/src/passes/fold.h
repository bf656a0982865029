/* Reading constants on the host, for folding and for rules that look at their operands' values. */
#ifndef TENON_PASSES_FOLD_H
#define TENON_PASSES_FOLD_H

#include "passes/passes.h"

/* True for constants and for views of constants. */
bool tenon__is_constant(const tenonh_value *value);

/* The elements of such a value; they live as long as `scratch` and the value's module. */
tenon_status tenon__constant_tensor(tenon__arena *scratch, const tenonh_value *value, tenon__tensor *out_tensor);

#endif
