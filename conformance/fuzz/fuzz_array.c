/* Inputs and goldens: .npy files and TensorProtos. */
#include <string.h>

#include <tenon/host/array.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tenonh_array array;
    memset(&array, 0, sizeof array);
    if (tenonh_array_read(fuzz_file(data, size), &array) != TENON_STATUS_OK) return 0;
    fuzz_check(array.size == 0 || array.data, "an array that was read has its elements");
    fuzz_check(tenonh_array_count(&array) >= 0, "an array that was read can be counted");
    tenonh_array_free(&array);
    return 0;
}
