/* ONNX files, and what follows their import. */
#include <tenon/host/onnx.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tenonh_module *module = NULL;
    if (tenonh_onnx_import_bytes(data, size, NULL, &module) == TENON_STATUS_OK) fuzz_module(module);
    tenonh_module_destroy(module);
    return 0;
}
