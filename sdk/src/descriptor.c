#include <string.h>

#include <tenon/helpers.h>

tenon_status tenon_descriptor_check(const void *descriptor, uint32_t oldest, uint32_t known) {
    if (!descriptor) return TENON_STATUS_INVALID;
    const unsigned char *bytes = (const unsigned char *)descriptor;
    uint32_t size;
    memcpy(&size, bytes, sizeof size);
    if (size < oldest) return TENON_STATUS_INVALID;
    for (uint32_t i = known; i < size; i++)
        if (bytes[i] != 0) return TENON_STATUS_UNSUPPORTED;
    return TENON_STATUS_OK;
}
