#include "onnx_names.h"

#include "graph/composite.h"

const char *const fuzz_operator_names[] = {
#define TENON__ONNX_OP(type, since, until, min_inputs, max_inputs, outputs, lowering, data) #type,
#include "onnx/operators.def"
#undef TENON__ONNX_OP
};
const size_t fuzz_operator_count = sizeof fuzz_operator_names / sizeof *fuzz_operator_names;

const char *const fuzz_attribute_names[] = {
    "axis",      "axes",    "keepdims",   "perm",      "to",           "value",     "alpha",     "beta",
    "pads",      "strides", "dilations",  "group",     "kernel_shape", "auto_pad",  "ceil_mode", "mode",
    "epsilon",   "transA",  "transB",     "equation",  "num_outputs",  "split",     "largest",   "sorted",
    "blocksize", "k",       "batch_dims", "reduction", "shape",        "allowzero", "start",     "end",
    "scales",    "sizes",   "exclusive",  "reverse",
};
const size_t fuzz_attribute_count = sizeof fuzz_attribute_names / sizeof *fuzz_attribute_names;
