/* What every header of the plugin ABI rests on: version, growth rules, platform.
 *
 * A plugin is one shared object that links no host symbol and exports exactly one, tenon_plugin_query (REQ-ABI-01).
 * Tables and descriptors start with `uint32_t struct_size`, sizeof as their builder knew it. Members are only ever
 * appended; a reader uses a member only when struct_size covers it (REQ-ABI-02). A *descriptor* (input of a call) with
 * non-zero bytes past what its receiver knows is answered UNSUPPORTED, because ignoring them would change its meaning
 * (REQ-ABI-03). Fixed-size structs (tenon_buffer, tenon_view and whatever stands in arrays) never change in a major. */
#ifndef TENON_ABI_H
#define TENON_ABI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TENON_EXTERN_C_BEGIN extern "C" {
#define TENON_EXTERN_C_END   }
#else
#define TENON_EXTERN_C_BEGIN
#define TENON_EXTERN_C_END
#endif

/* 0.x: may still change between minors; 1.0 freezes it. */
#define TENON_ABI_MAJOR   0u
#define TENON_ABI_MINOR   2u
#define TENON_ABI_VERSION ((TENON_ABI_MAJOR << 16) | TENON_ABI_MINOR)
/* Oldest host for a plugin that needs nothing of what came later: all of it is optional. Since: 0.2 */
#define TENON_ABI_OLDEST 1u

/* Exported from a plugin that is otherwise compiled with hidden visibility. */
#define TENON_EXPORT __attribute__((visibility("default")))

/* True when `table` (a pointer, may be NULL) is large enough to hold `member`: for numbers and arrays. */
#define TENON_COVERS(table, member)                                                                                    \
    ((table) != NULL &&                                                                                                \
     (size_t)((const char *)&(table)->member - (const char *)(table)) + sizeof(table)->member <= (table)->struct_size)
/* The same for a hook or another pointer, which must not be NULL either. */
#define TENON_HAS(table, member) (TENON_COVERS(table, member) && (table)->member != NULL)

/* Largest rank of a view; larger tensors are collapsed by the host. */
#define TENON_MAX_RANK 8

static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8 && sizeof(int) == 4, "the ABI is LP64");
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the ABI is little-endian"
#endif

#endif
