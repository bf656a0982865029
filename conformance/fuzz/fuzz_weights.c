/* JSON: tables of a model's weights. */
#include "fill.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t bytes;
    models_measure(fuzz_file(data, size), &bytes);
    return 0;
}
