/* The entry of a plugin: one exported function gives a const table. Include this header and nothing else is needed. */
#ifndef TENON_PLUGIN_H
#define TENON_PLUGIN_H

#include <tenon/device.h>
#include <tenon/event.h>
#include <tenon/host.h>
#include <tenon/memory.h>
#include <tenon/stream.h>
#include <tenon/work.h>

TENON_EXTERN_C_BEGIN

#define TENON_PLUGIN_MAGIC 0x6e4f4e54u /* "TNOn" */

/* What a plugin is. The first 16 bytes never change in any version: the host reads them, negotiates
 * min(host, plugin), and only then looks further or calls anything (REQ-ABI-04).
 * Owner: static const storage of the plugin. */
typedef struct tenon_plugin {
    uint32_t magic;       /* TENON_PLUGIN_MAGIC */
    uint32_t struct_size; /* bytes: sizeof when the plugin was built */
    uint32_t abi_version; /* TENON_ABI_VERSION it was built with */
    uint32_t abi_oldest;  /* oldest host version it still works with */
    const char *id;       /* [a-z][a-z0-9_-]{0,31}: devices are called "id:index" (REQ-ABI-05) */
    const char *vendor;   /* who is to be asked about it */
    const char *version;  /* of the plugin, semantic versioning */
    const char *license;  /* SPDX expression */

    /* Opens the plugin for one host. Required. May be called once per host in a process; hosts share nothing.
     * Owner: the host keeps `host` alive until close() returns. Errors: UNAVAILABLE with a report (no driver),
     * OUT_OF_MEMORY. Source: REQ-ABI-06. Since: 0.1 */
    tenon_status (*open)(const tenon_host *host, tenon_instance **out_instance);

    /* Closes an instance whose devices are closed. Required. Source: REQ-ABI-06. Since: 0.1 */
    void (*close)(tenon_instance *instance);

    const tenon_device_hooks *device; /* required */
    const tenon_memory_hooks *memory; /* required */
    const tenon_stream_hooks *stream; /* required */
    const tenon_work_hooks *work;     /* required */
    const tenon_event_hooks *event;   /* optional group */

    /* An extension's own table by name, or NULL. Optional; asked at load only, never on a hot path.
     * `version` is the newest the host knows; the table says its own first. Source: REQ-ABI-07. Since: 0.1 */
    const void *(*extension)(const char *name, uint32_t version);
} tenon_plugin;
#define TENON_PLUGIN_SIZE_V1 112u
static_assert(sizeof(tenon_plugin) == TENON_PLUGIN_SIZE_V1 && offsetof(tenon_plugin, open) == 48, "frozen layout");

/* The one symbol of a plugin. Pure: no allocation, no driver call, the same pointer every time (REQ-ABI-08).
 * Never NULL. */
TENON_EXPORT const tenon_plugin *tenon_plugin_query(void);

typedef const tenon_plugin *(*tenon_plugin_query_function)(void);

/* Puts the ABI version and layout hash into the binary, where a reader finds them before it loads anything
 * (REQ-ABI-09): an ELF note of section .note.tenon, owner "Tenon", type 1. Use once per plugin, at file scope. */
#define TENON_NOTE_TYPE   1u
#define TENON_LAYOUT_HASH 0xe301eeadu /* of the V1 sizes and offsets; recorded in sdk/abi */
#define TENON_PLUGIN_NOTE()                                                                                            \
    __attribute__((section(".note.tenon"), used, aligned(4))) static const struct {                                    \
        uint32_t name_size, desc_size, type;                                                                           \
        char name[8];                                                                                                  \
        uint32_t abi_version, layout_hash;                                                                             \
    } tenon_plugin_note = {6, 8, TENON_NOTE_TYPE, "Tenon", TENON_ABI_VERSION, TENON_LAYOUT_HASH}

TENON_EXTERN_C_END

#endif
