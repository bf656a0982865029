/* The tables of a plugin, checked member by member and cut to what both sides know. */
#ifndef TENON__LOADER_HOOKS_H
#define TENON__LOADER_HOOKS_H

#include <tenon/plugin.h>

#include "loader/library.h"

/* 0.1: the oldest plugin this host takes. */
enum { TENON__OLDEST_ABI = 0x00000001 };

/* Copies in the host's own size: a member that the plugin lacks is NULL, an absent group all zeros, so that callers test
 * members and nothing else. The pointers to groups inside `plugin` are those of the plugin: do not use them. */
typedef struct tenon__hooks {
    tenon_plugin plugin;
    tenon_device_hooks device;
    tenon_memory_hooks memory;
    tenon_stream_hooks stream;
    tenon_work_hooks work;
    tenon_event_hooks event;
} tenon__hooks;

/* Negotiates the version from the first 16 bytes of `table`, then checks every group and copies it. `library` is where the
 * tables must lie; NULL: they are the caller's own.
 * Owner: *out_hooks holds pointers into the plugin's static storage; *out_version is min(host, plugin). */
tenonh_reason tenon__hooks_negotiate(const tenon__library *library, const tenon_plugin *table, tenon__hooks *out_hooks,
                                     uint32_t *out_version, tenon__verdict *verdict);

/* Opens a plugin. OK without an instance is reported to `host` and becomes INTERNAL. */
tenon_status tenon__hooks_open(const tenon__hooks *plugin, const tenon_host *host, tenon_instance **out_instance);

/* What a plugin's ABI versions mean for this host: OK, ABI_TOO_OLD or ABI_TOO_NEW. `oldest` is the oldest host that the
 * plugin works with. */
tenonh_reason tenon__hooks_check_version(uint32_t version, uint32_t oldest, tenon__verdict *verdict);

#endif
