#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "device/describe.h"
#include "device/objects.h"
#include "device/pool.h"
#include "device/reclaim.h"
#include "device/resident.h"
#include "loader/services.h"
#include "support/error.h"
#include "support/text.h"

enum { ID_LIMIT = 33 };

/* Splits "id:index" or "id". */
static tenon_status parse_name(const char *name, char id[ID_LIMIT], uint32_t *out_index) {
    size_t length = strcspn(name, ":");
    uint64_t index = 0;
    const char *digits = name[length] == ':' ? name + length + 1 : "0";
    if (length == 0 || length >= ID_LIMIT || digits[0] == '\0' || strlen(digits) > 9 ||
        strspn(digits, "0123456789") != strlen(digits))
        return tenon__fail(TENON_STATUS_INVALID, "\"%.64s\" is no device name; write \"id\" or \"id:index\"", name);
    while (*digits) index = index * 10 + (uint64_t)(*digits++ - '0');
    memcpy(id, name, length);
    id[length] = '\0';
    *out_index = (uint32_t)index;
    return TENON_STATUS_OK;
}

static tenon_status fail_unknown(tenonh_registry *registry, const char *id) {
    tenon__text known = {0};
    tenon__plugin *plugin;
    for (uint32_t i = 0; (plugin = tenon__registry_plugin(registry, i)); i++)
        if (tenon__plugin_may_open(plugin)) tenon__text_format(&known, "%s%s", known.length ? ", " : "", plugin->id);
    tenon__fail(TENON_STATUS_NOT_FOUND, "no plugin has the id \"%s\"; usable ones: %s", id,
                known.length ? tenon__text_string(&known) : "none (set TENON_PLUGIN_PATH to where plugins are)");
    tenon__text_free(&known);
    return TENON_STATUS_NOT_FOUND;
}

/* The plugin's open device of this index with a reference more, or NULL. Called with the plugin's mutex held; a device
 * whose last reference is being released does not count. */
static tenonh_device *find_open(tenon__plugin *plugin, uint32_t index) {
    for (tenonh_device *device = plugin->devices; device; device = device->next) {
        uint32_t count = atomic_load(&device->references);
        while (device->index == index && count)
            if (atomic_compare_exchange_weak(&device->references, &count, count + 1)) return device;
    }
    return NULL;
}

static void free_device(tenonh_device *device) {
    tenon__residents_end(&device->residents);
    tenon__pools_end(device);
    pthread_mutex_destroy(&device->reclaim_lock);
    pthread_mutex_destroy(&device->shared_lock);
    pthread_mutex_destroy(&device->wait_lock);
    pthread_cond_destroy(&device->given_up);
    free(device->types);
    free(device);
}

static tenon_status open_handle(tenonh_device *device) {
    tenon_status status = device->hooks->device.open(device->plugin->instance, device->index, &device->handle);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "open");
    if (!device->handle)
        return tenon__fail(TENON_STATUS_INTERNAL, "%s: open answers OK without a device", device->name);
    status = tenon__describe(device);
    if (status == TENON_STATUS_OK) status = tenon__pools_init(device);
    if (status != TENON_STATUS_OK) device->hooks->device.close(device->handle);
    return status;
}

/* Opens a device that is not open. Called with the plugin's mutex held. */
static tenon_status open_new(tenonh_registry *registry, tenon__plugin *plugin, uint32_t index,
                             tenonh_device **out_device) {
    uint32_t count = 0;
    TENON_TRY(tenon__plugin_count_devices(plugin, &count));
    if (count == 0) return tenon__plugin_fail(plugin);
    if (index >= count)
        return tenon__fail(TENON_STATUS_NOT_FOUND, "%s:%u: no such device; %s has %u", plugin->id, index, plugin->id,
                           count);
    tenonh_device *device = calloc(1, sizeof *device);
    if (!device) return tenon__fail_memory();
    tenon__residents_init(&device->residents);
    pthread_mutex_init(&device->reclaim_lock, NULL);
    pthread_mutex_init(&device->shared_lock, NULL);
    pthread_mutex_init(&device->wait_lock, NULL);
    pthread_cond_init(&device->given_up, NULL);
    device->references = 1;
    device->generation = registry->generation;
    device->index = index;
    device->plugin = plugin;
    device->hooks = &plugin->hooks;
    device->has_events = plugin->hooks.event.create != NULL;
    snprintf(device->name, sizeof device->name, "%s:%u", plugin->id, index);
    tenon_status status = open_handle(device);
    if (status != TENON_STATUS_OK) {
        free_device(device);
        return status;
    }
    device->registry = tenon__registry_retain(registry);
    device->next = plugin->devices;
    plugin->devices = device;
    *out_device = device;
    return TENON_STATUS_OK;
}

tenon_status tenonh_device_open(tenonh_registry *registry, const char *name, tenonh_device **out_device) {
    char id[ID_LIMIT];
    uint32_t index;
    if (!registry || !name || !out_device)
        return tenon__fail(TENON_STATUS_INVALID, "open a device: registry, name or out_device is NULL");
    if (tenon__forked(registry->generation)) return tenon__fail_forked("open a device");
    TENON_TRY(parse_name(name, id, &index));
    tenon__plugin *plugin = tenon__registry_find(registry, id);
    if (!plugin) return fail_unknown(registry, id);
    tenon_status status = TENON_STATUS_OK;
    pthread_mutex_lock(&plugin->mutex);
    tenonh_device *device = find_open(plugin, index);
    if (!device) status = open_new(registry, plugin, index, &device);
    pthread_mutex_unlock(&plugin->mutex);
    if (status == TENON_STATUS_OK) *out_device = device;
    return status;
}

tenonh_device *tenonh_device_retain(tenonh_device *device) {
    tenon__retain(&device->references);
    return device;
}

static void unlink_device(tenonh_device *device) {
    tenon__plugin *plugin = device->plugin;
    pthread_mutex_lock(&plugin->mutex);
    tenonh_device **link = &plugin->devices;
    while (*link != device) link = &(*link)->next;
    *link = device->next;
    pthread_mutex_unlock(&plugin->mutex);
}

void tenonh_device_release(tenonh_device *device) {
    if (!device || !tenon__release(&device->references)) return;
    tenonh_registry *registry = device->registry;
    if (tenon__forked(device->generation)) tenon__pools_empty(device);
    if (!tenon__forked(device->generation)) {
        unlink_device(device);
        tenon__pools_empty(device);
        device->hooks->device.close(device->handle);
    }
    free_device(device);
    tenon__registry_release(registry);
}

const char *tenonh_device_name(const tenonh_device *device) {
    return device->name;
}

const tenon_device_info *tenonh_device_info(const tenonh_device *device) {
    return &device->info;
}

const tenon_dialect *tenonh_device_dialect(const tenonh_device *device) {
    return device->dialect.struct_size ? &device->dialect : NULL;
}

uint32_t tenonh_device_memory_type_count(const tenonh_device *device) {
    return device->type_count;
}

tenon_status tenonh_device_memory_type(tenonh_device *device, uint32_t index, tenon_memory_type *out_type) {
    if (!device || !out_type) return tenon__fail(TENON_STATUS_INVALID, "memory type: device or out_type is NULL");
    TENON_TRY(tenon__device_check(device, "memory type"));
    if (index >= device->type_count)
        return tenon__fail(TENON_STATUS_NOT_FOUND, "%s: no memory type %u, it has %u", device->name, index,
                           device->type_count);
    return tenon__describe_memory_type(device, index, out_type);
}

tenon_status tenonh_device_health(tenonh_device *device) {
    if (!device) return tenon__fail(TENON_STATUS_INVALID, "health: device is NULL");
    TENON_TRY(tenon__device_check(device, "health"));
    if (!device->hooks->device.health) return TENON_STATUS_OK;
    tenon_status status = device->hooks->device.health(device->handle);
    return status == TENON_STATUS_OK ? status : tenon__device_failure(device, status, "health");
}

tenon_status tenonh_device_trim(tenonh_device *device, uint64_t *out_bytes) {
    if (!device) return tenon__fail(TENON_STATUS_INVALID, "trim: device is NULL");
    if (tenon__forked(device->generation)) return tenon__fail_forked("trim");
    const tenon__counters *c = &device->counters;
    uint64_t before = c->allocated_bytes + c->pooled_bytes;
    tenon__device_reclaim(device);
    uint64_t after = c->allocated_bytes + c->pooled_bytes;
    if (out_bytes) *out_bytes = before > after ? before - after : 0;
    return TENON_STATUS_OK;
}

tenon_status tenonh_device_counters_read(tenonh_device *device, tenonh_device_counters *out_counters) {
    if (!device || !out_counters || out_counters->struct_size < TENONH_DEVICE_COUNTERS_SIZE_V1)
        return tenon__fail(TENON_STATUS_INVALID, "counters: set struct_size to sizeof(tenonh_device_counters)");
    if (tenon__forked(device->generation)) return tenon__fail_forked("counters");
    tenon__counters *c = &device->counters;
    size_t size = out_counters->struct_size;
    tenonh_device_counters all = {
        .struct_size = out_counters->struct_size,
        .allocations = c->allocations,
        .allocated_bytes = c->allocated_bytes,
        .peak_bytes = c->peak_bytes,
        .written_bytes = c->written_bytes,
        .read_bytes = c->read_bytes,
        .copied_bytes = c->copied_bytes,
        .prepares = c->prepares,
        .refusals = c->refusals,
        .prepare_ns = c->prepare_ns,
        .emulated_events = c->emulated_events,
        .emulated_queries = c->emulated_queries,
        .emulated_fills = c->emulated_fills,
        .pooled_bytes = c->pooled_bytes,
        .imported_bytes = c->imported_bytes,
    };
    memcpy(out_counters, &all, size < sizeof all ? size : sizeof all);
    return TENON_STATUS_OK;
}
