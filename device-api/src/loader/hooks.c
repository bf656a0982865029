#include "loader/hooks.h"

#include <string.h>

#include <tenon/helpers.h>

enum { ALONE = 0, MAPPING = 1, COHERENCE = 2 };
enum { OPTIONAL = 0, REQUIRED = 1 };

typedef struct group {
    const char *name;
    size_t copy; /* offset of the group's copy in tenon__hooks */
    size_t size; /* bytes of the copy */
    uint32_t need;
    uint32_t oldest;
    size_t pointer; /* offset in tenon_plugin of the pointer to the group; 0: the table itself */
} group;

typedef struct hook {
    const char *group;
    const char *name;
    size_t copy; /* offset in tenon__hooks */
    uint32_t need;
    uint32_t set;
} hook;

/* Where the table points to a group. `plugin` stands for the table, whose offset 0 is no pointer. */
enum {
    POINTER_plugin = 0,
    POINTER_device = offsetof(tenon_plugin, device),
    POINTER_memory = offsetof(tenon_plugin, memory),
    POINTER_stream = offsetof(tenon_plugin, stream),
    POINTER_work = offsetof(tenon_plugin, work),
    POINTER_event = offsetof(tenon_plugin, event)
};

static const group groups[] = {
#define TENON_HOOK(group, type, member, need, set)
#define TENON_HOOK_GROUP(group, type, need, oldest)                                                                    \
    {#group, offsetof(tenon__hooks, group), sizeof(type), need, oldest, POINTER_##group},
#include <tenon/hooks.def>
};

static const hook hooks[] = {
#define TENON_HOOK(group, type, member, need, set)                                                                     \
    {#group, #member, offsetof(tenon__hooks, group) + offsetof(type, member), need, set},
#define TENON_HOOK_GROUP(group, type, need, oldest)
#include <tenon/hooks.def>
};

enum { GROUP_COUNT = sizeof groups / sizeof groups[0], HOOK_COUNT = sizeof hooks / sizeof hooks[0] };

static uint32_t major(uint32_t version) {
    return version >> 16;
}

static uint32_t minor(uint32_t version) {
    return version & 0xffffu;
}

tenonh_reason tenon__hooks_check_version(uint32_t version, uint32_t oldest, tenon__verdict *verdict) {
    const uint32_t host = TENON_ABI_VERSION;
    if (major(version) > major(host))
        return tenon__refuse(verdict, TENONH_REASON_ABI_TOO_NEW, "built with ABI %u.%u, this host speaks %u.%u",
                             major(version), minor(version), major(host), minor(host));
    if (oldest > host)
        return tenon__refuse(verdict, TENONH_REASON_ABI_TOO_NEW, "asks for a host of ABI %u.%u at least, this is %u.%u",
                             major(oldest), minor(oldest), major(host), minor(host));
    if (version < TENON__OLDEST_ABI || major(version) < major(host))
        return tenon__refuse(verdict, TENONH_REASON_ABI_TOO_OLD, "built with ABI %u.%u, this host takes %u.%u on",
                             major(version), minor(version), major(TENON__OLDEST_ABI), minor(TENON__OLDEST_ABI));
    return TENONH_REASON_OK;
}

/* The first 16 bytes: the same in every version. */
typedef struct preamble {
    uint32_t magic;
    uint32_t struct_size;
    uint32_t abi_version;
    uint32_t abi_oldest;
} preamble;

/* Bytes that may be read from a table on; tables of no library are the caller's own word. */
static size_t extent_of(const tenon__library *library, const void *table) {
    return library ? tenon__library_extent(library, table) : SIZE_MAX;
}

static tenonh_reason negotiate_version(const tenon__library *library, const tenon_plugin *table, uint32_t *out_version,
                                       tenon__verdict *verdict) {
    preamble first;
    if (extent_of(library, table) < sizeof first)
        return tenon__refuse(verdict, TENONH_REASON_BAD_TABLE, "tenon_plugin_query answers %p", (const void *)table);
    memcpy(&first, table, sizeof first);
    if (first.magic != TENON_PLUGIN_MAGIC)
        return tenon__refuse(verdict, TENONH_REASON_BAD_MAGIC, "magic is 0x%08x, not 0x%08x", first.magic,
                             TENON_PLUGIN_MAGIC);
    *out_version = first.abi_version < TENON_ABI_VERSION ? first.abi_version : TENON_ABI_VERSION;
    return tenon__hooks_check_version(first.abi_version, first.abi_oldest, verdict);
}

/* Copies the part of a struct that both sides know. */
static tenonh_reason copy_struct(const tenon__library *library, const group *g, const void *source, tenon__hooks *out,
                                 tenon__verdict *verdict) {
    uint32_t size;
    size_t extent = extent_of(library, source), at = g->pointer ? 0 : offsetof(tenon_plugin, struct_size);
    if (extent < at + sizeof size)
        return tenon__refuse(verdict, TENONH_REASON_BAD_TABLE, "group %s at %p", g->name, source);
    memcpy(&size, (const char *)source + at, sizeof size);
    if (size < g->oldest)
        return tenon__refuse(verdict, TENONH_REASON_SHORT_STRUCT, "group %s has struct_size %u, at least %u is needed",
                             g->name, size, g->oldest);
    if (size > extent)
        return tenon__refuse(verdict, TENONH_REASON_BAD_TABLE, "group %s of %u bytes leaves the plugin's storage",
                             g->name, size);
    memcpy((char *)out + g->copy, source, size < g->size ? size : g->size);
    return TENONH_REASON_OK;
}

static tenonh_reason copy_group(const tenon__library *library, const group *g, const tenon_plugin *table,
                                tenon__hooks *out, tenon__verdict *verdict) {
    const void *source = table;
    if (g->pointer) memcpy(&source, (const char *)&out->plugin + g->pointer, sizeof source);
    if (source) return copy_struct(library, g, source, out, verdict);
    if (g->need == OPTIONAL) return TENONH_REASON_OK;
    return tenon__refuse(verdict, TENONH_REASON_HOOK_MISSING, "group %s is NULL", g->name);
}

static int is_filled(const tenon__hooks *copy, const hook *h) {
    void (*function)(void);
    memcpy(&function, (const char *)copy + h->copy, sizeof function);
    return function != NULL;
}

static const group *group_of(const hook *h) {
    const group *g = groups;
    while (strcmp(g->name, h->group) != 0) g++;
    return g;
}

static int is_present(const tenon__hooks *copy, const group *g) {
    uint32_t size;
    memcpy(&size, (const char *)copy + g->copy + (g->pointer ? 0 : offsetof(tenon_plugin, struct_size)), sizeof size);
    return size != 0;
}

/* The hook of the same set that is there although `h` is not. */
static const hook *find_partner(const tenon__hooks *copy, const hook *h) {
    for (size_t i = 0; i < HOOK_COUNT; i++)
        if (hooks[i].set == h->set && strcmp(hooks[i].group, h->group) == 0 && is_filled(copy, &hooks[i]))
            return &hooks[i];
    return NULL;
}

static tenonh_reason check_hook(const tenon__hooks *copy, const hook *h, tenon__verdict *verdict) {
    const group *g = group_of(h);
    if (is_filled(copy, h) || !is_present(copy, g)) return TENONH_REASON_OK;
    if (h->need == REQUIRED && g->need == REQUIRED)
        return tenon__refuse(verdict, TENONH_REASON_HOOK_MISSING, "%s.%s is NULL", h->group, h->name);
    if (h->need == REQUIRED)
        return tenon__refuse(verdict, TENONH_REASON_GROUP_HALF_FILLED, "group %s is there, but %s.%s is NULL", h->group,
                             h->group, h->name);
    const hook *partner = h->set == ALONE ? NULL : find_partner(copy, h);
    if (partner)
        return tenon__refuse(verdict, TENONH_REASON_GROUP_HALF_FILLED, "%s.%s is there, but %s.%s is NULL",
                             partner->group, partner->name, h->group, h->name);
    return TENONH_REASON_OK;
}

tenonh_reason tenon__hooks_negotiate(const tenon__library *library, const tenon_plugin *table, tenon__hooks *out_hooks,
                                     uint32_t *out_version, tenon__verdict *verdict) {
    memset(out_hooks, 0, sizeof *out_hooks);
    TENON__ACCEPT(negotiate_version(library, table, out_version, verdict));
    for (size_t i = 0; i < GROUP_COUNT; i++) TENON__ACCEPT(copy_group(library, &groups[i], table, out_hooks, verdict));
    for (size_t i = 0; i < HOOK_COUNT; i++) TENON__ACCEPT(check_hook(out_hooks, &hooks[i], verdict));
    return TENONH_REASON_OK;
}

tenon_status tenon__hooks_open(const tenon__hooks *plugin, const tenon_host *host, tenon_instance **out_instance) {
    tenon_instance *instance = NULL;
    TENON_TRY(plugin->plugin.open(host, &instance));
    if (!instance) {
        host->report(host, NULL, NULL, NULL, TENON_STATUS_INTERNAL,
                     "it answers OK without an instance, which REQ-ERR-03 forbids");
        return TENON_STATUS_INTERNAL;
    }
    *out_instance = instance;
    return TENON_STATUS_OK;
}
