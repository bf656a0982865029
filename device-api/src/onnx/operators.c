#include "onnx/operators.h"

#include <string.h>

static const tenon__onnx_row rows[] = {
#define TENON__ONNX_OP(type, since, until, min_inputs, max_inputs, outputs, lowering, data)                            \
    {#type, since, (until) ? (until) : INT64_MAX, min_inputs, max_inputs, outputs, tenon__onnx_lower_##lowering, data},
#include "onnx/operators.def"
};

const tenon__onnx_row *tenon__onnx_row_of(const char *op_type, int64_t opset) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].since <= opset && opset <= rows[i].until && strcmp(rows[i].op_type, op_type) == 0) return &rows[i];
    return NULL;
}
