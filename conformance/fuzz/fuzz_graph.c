/* Graph IR text. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tenonh_module *module = NULL;
    if (tenonh_module_parse((const char *)data, size, &module) == TENON_STATUS_OK) fuzz_module(module);
    tenonh_module_destroy(module);
    return 0;
}
