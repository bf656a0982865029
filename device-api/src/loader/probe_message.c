#include "loader/probe_message.h"

#include <string.h>

#include <tenon/plugin.h>

#ifndef TENON__VERSION
#define TENON__VERSION "0"
#endif

uint64_t tenon__hash(uint64_t hash, const void *bytes, uint64_t size) {
    const unsigned char *at = bytes;
    for (uint64_t i = 0; i < size; i++) hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

uint64_t tenon__probe_host(void) {
    static const char version[] = TENON__VERSION;
    const uint64_t facts[] = {TENON_ABI_VERSION, TENON_LAYOUT_HASH, TENONH_REASON_COUNT, sizeof(tenon__probe_message)};
    return tenon__hash(tenon__hash(TENON__HASH_START, version, sizeof version), facts, sizeof facts);
}
