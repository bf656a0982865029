#include "onnx/operators.h"

tenonh_value *tenon__lower_resize(tenon__onnx_node *n) {
    return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "not yet");
}

tenonh_value *tenon__lower_upsample(tenon__onnx_node *n) {
    return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "not yet");
}
