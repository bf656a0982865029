#include "loader/registry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "loader/search.h"
#include "loader/services.h"
#include "support/error.h"

_Atomic uint32_t tenon__fork_generation;

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void count_fork(void) {
    atomic_fetch_add(&tenon__fork_generation, 1);
}

static void watch_forks(void) {
    pthread_atfork(NULL, NULL, count_fork);
}

tenon_status tenon__fail_forked(const char *what) {
    return tenon__fail(TENON_STATUS_UNAVAILABLE,
                       "%s: devices do not survive a fork; make a registry in the child, or spawn it", what);
}

void tenon__log(const tenonh_registry *registry, uint32_t level, const char *source, const char *format, ...) {
    if (!registry->log || level > registry->log_level) return;
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    registry->log(registry->log_context, level, source, text);
}

const char *tenon__registry_string(tenonh_registry *registry, const char *text) {
    pthread_mutex_lock(&registry->string_mutex);
    const char *copy = tenon__arena_string(&registry->strings, text);
    pthread_mutex_unlock(&registry->string_mutex);
    return copy ? copy : "";
}

static int grow(tenonh_registry *registry) {
    if (registry->plugin_count < registry->plugin_capacity) return 1;
    uint32_t capacity = registry->plugin_capacity ? registry->plugin_capacity * 2 : 16;
    tenon__plugin **plugins = realloc(registry->plugins, capacity * sizeof(tenon__plugin *));
    if (!plugins) return 0;
    registry->plugins = plugins;
    registry->plugin_capacity = capacity;
    return 1;
}

/* The plugin of the very same file, already listed; NULL if there is none. */
static tenon__plugin *find_file(tenonh_registry *registry, const tenon__plugin *plugin) {
    for (uint32_t i = 0; plugin->file_number && i < registry->plugin_count; i++) {
        tenon__plugin *other = registry->plugins[i];
        if (other->file_number == plugin->file_number && other->file_device == plugin->file_device) return other;
    }
    return NULL;
}

/* The listed plugin whose id `plugin` would take a second time; NULL if there is none. */
static const tenon__plugin *find_usable(tenonh_registry *registry, const tenon__plugin *plugin) {
    for (uint32_t i = 0; i < registry->plugin_count; i++) {
        const tenon__plugin *other = registry->plugins[i];
        if (tenon__plugin_may_open(other) && strcmp(other->id, plugin->id) == 0) return other;
    }
    return NULL;
}

/* Lists a judged plugin, unless its file is listed; *out_plugin is the one that is. Called with the mutex held. */
static tenon_status list_plugin(tenonh_registry *registry, tenon__plugin *plugin, uint32_t level,
                                tenon__verdict *verdict, tenon__plugin **out_plugin) {
    *out_plugin = find_file(registry, plugin);
    if (*out_plugin || !grow(registry)) {
        tenon__plugin_free(plugin, 0);
        return *out_plugin ? TENON_STATUS_OK : tenon__fail_memory();
    }
    const tenon__plugin *same = verdict->reason == TENONH_REASON_OK ? find_usable(registry, plugin) : NULL;
    if (same) tenon__refuse(verdict, TENONH_REASON_DUPLICATE_ID, "id %s is that of %s", plugin->id, same->path);
    tenon__plugin_refuse(plugin, level, verdict);
    registry->plugins[registry->plugin_count++] = *out_plugin = plugin;
    return TENON_STATUS_OK;
}

/* A refusal is logged at `level`: as a warning where nobody is told otherwise. */
static tenon_status add_path(tenonh_registry *registry, const char *path, uint32_t level, tenon__plugin **out_plugin) {
    tenon__plugin *plugin;
    tenon__verdict verdict;
    TENON_TRY(tenon__plugin_create(registry, path, &plugin, &verdict));
    pthread_mutex_lock(&registry->mutex);
    tenon_status status = list_plugin(registry, plugin, level, &verdict, out_plugin);
    pthread_mutex_unlock(&registry->mutex);
    return status;
}

static tenon_status search_found(void *context, const char *path) {
    tenonh_registry *registry = context;
    tenon__plugin *plugin;
    return add_path(registry, path, registry->quiet ? TENON_LOG_INFO : TENON_LOG_WARNING, &plugin);
}

static void search_note(void *context, uint32_t level, const char *text) {
    tenon__log(context, level, "host", "%s", text);
}

/* The options in this library's own size; what the caller's version lacks is the default. */
static tenon_status read_options(const tenonh_registry_options *options, tenonh_registry_options *out_options) {
    const uint32_t oldest = TENONH_REGISTRY_OPTIONS_SIZE_V1, known = sizeof *options;
    *out_options = (tenonh_registry_options){0};
    if (!options) return TENON_STATUS_OK;
    tenon_status status = tenon_descriptor_check(options, oldest, known);
    if (status != TENON_STATUS_OK)
        return tenon__fail(status, "registry options: struct_size %u, this library knows %u", options->struct_size,
                           known);
    memcpy(out_options, options, options->struct_size < known ? options->struct_size : known);
    const tenonh_registry_options *o = out_options;
    if (o->reserved || o->no_search > 1 || o->log_level > TENON_LOG_DEBUG || o->probe > TENONH_PROBE_NEVER ||
        o->quiet > 1)
        return tenon__fail(TENON_STATUS_INVALID,
                           "registry options: reserved, no_search, log_level, probe or quiet out of range");
    return TENON_STATUS_OK;
}

static tenonh_registry *create_empty(const tenonh_registry_options *options) {
    tenonh_registry *registry = calloc(1, sizeof *registry);
    if (!registry) return NULL;
    pthread_once(&fork_once, watch_forks);
    registry->references = 1;
    registry->generation = atomic_load(&tenon__fork_generation);
    registry->log = options->log;
    registry->log_context = options->log_context;
    registry->log_level = options->log_level ? options->log_level : TENON_LOG_WARNING;
    pthread_mutex_init(&registry->mutex, NULL);
    pthread_mutex_init(&registry->string_mutex, NULL);
    registry->quiet = options->quiet;
    tenon__trust_init(&registry->trust);
    tenon__prober_init(&registry->prober, options->probe, &registry->trust);
    if (registry->prober.folder_why[0])
        tenon__log(registry, registry->prober.folder ? TENON_LOG_WARNING : TENON_LOG_INFO, "host", "%s%s",
                   registry->prober.folder ? "" : "the probe's verdicts are not kept: ", registry->prober.folder_why);
    return registry;
}

/* The layers that the program or, in its place, the environment asks for. Layers write files and change answers: a process
 * with raised privileges takes none. */
static tenon_status take_layers(tenonh_registry *registry, const tenonh_registry_options *options) {
    const char *own = TENON_HAS(options, layers) ? options->layers : NULL, *text = own ? own : getenv("TENON_LAYERS");
    if (!text || !*text) return TENON_STATUS_OK;
    if (registry->trust.strict) {
        tenon__log(registry, TENON_LOG_WARNING, "host", "%s is ignored: the process has raised privileges",
                   own ? "the choice of layers" : "TENON_LAYERS");
        return TENON_STATUS_OK;
    }
    tenon_status status = tenon__layers_parse(text, &registry->layers);
    return status == TENON_STATUS_OK || own ? status : tenon__fail_in(status, "TENON_LAYERS");
}

tenon_status tenonh_registry_search(tenonh_registry *registry) {
    if (!registry) return tenon__fail(TENON_STATUS_INVALID, "search for plugins: the registry is NULL");
    if (tenon__forked(registry->generation)) return tenon__fail_forked("search for plugins");
    tenon__search search = {registry->trust.strict, search_found, search_note, registry};
    return tenon__search_run(&search);
}

tenon_status tenonh_registry_create(const tenonh_registry_options *options, tenonh_registry **out_registry) {
    if (!out_registry) return tenon__fail(TENON_STATUS_INVALID, "registry: out_registry is NULL");
    tenonh_registry_options own;
    TENON_TRY(read_options(options, &own));
    tenonh_registry *registry = create_empty(&own);
    if (!registry) return tenon__fail_memory();
    tenon_status status = take_layers(registry, &own);
    if (status == TENON_STATUS_OK && !own.no_search) status = tenonh_registry_search(registry);
    if (status != TENON_STATUS_OK) {
        tenon__registry_release(registry);
        return status;
    }
    *out_registry = registry;
    return TENON_STATUS_OK;
}

tenonh_registry *tenon__registry_retain(tenonh_registry *registry) {
    atomic_fetch_add_explicit(&registry->references, 1, memory_order_relaxed);
    return registry;
}

void tenon__registry_release(tenonh_registry *registry) {
    if (atomic_fetch_sub_explicit(&registry->references, 1, memory_order_acq_rel) != 1) return;
    uint32_t forked = tenon__forked(registry->generation) ? 1 : 0;
    for (uint32_t i = registry->plugin_count; i-- > 0;) tenon__plugin_free(registry->plugins[i], forked);
    free(registry->plugins);
    tenon__layers_release(registry->layers);
    tenon__arena_free(&registry->strings);
    tenon__prober_free(&registry->prober);
    pthread_mutex_destroy(&registry->mutex);
    pthread_mutex_destroy(&registry->string_mutex);
    free(registry);
}

void tenonh_registry_destroy(tenonh_registry *registry) {
    if (registry) tenon__registry_release(registry);
}

tenon_status tenonh_registry_add(tenonh_registry *registry, const char *path) {
    tenon__plugin *plugin;
    if (!registry || !path) return tenon__fail(TENON_STATUS_INVALID, "add a plugin: registry or path is NULL");
    if (tenon__forked(registry->generation)) return tenon__fail_forked("add a plugin");
    TENON_TRY(add_path(registry, path, TENON_LOG_INFO, &plugin)); /* the status tells */
    return tenon__plugin_may_open(plugin) ? TENON_STATUS_OK : tenon__plugin_fail(plugin);
}

uint32_t tenonh_registry_plugin_count(tenonh_registry *registry) {
    if (!registry) return 0;
    pthread_mutex_lock(&registry->mutex);
    uint32_t count = registry->plugin_count;
    pthread_mutex_unlock(&registry->mutex);
    return count;
}

tenon__plugin *tenon__registry_plugin(tenonh_registry *registry, uint32_t index) {
    pthread_mutex_lock(&registry->mutex);
    tenon__plugin *plugin = index < registry->plugin_count ? registry->plugins[index] : NULL;
    pthread_mutex_unlock(&registry->mutex);
    return plugin;
}

/* A plugin that was refused before its id was read goes by its file's name, libtenon_ID.so. */
static int is_called(const tenon__plugin *plugin, const char *id) {
    if (plugin->id[0]) return strcmp(plugin->id, id) == 0;
    const char *slash = strrchr(plugin->path, '/'), *file = slash ? slash + 1 : plugin->path;
    size_t length = strlen(id);
    return strncmp(file, "libtenon_", 9) == 0 && strncmp(file + 9, id, length) == 0 &&
           strcmp(file + 9 + length, ".so") == 0;
}

tenon__plugin *tenon__registry_find(tenonh_registry *registry, const char *id) {
    tenon__plugin *found = NULL;
    pthread_mutex_lock(&registry->mutex);
    for (uint32_t i = 0; i < registry->plugin_count; i++) {
        tenon__plugin *plugin = registry->plugins[i];
        if (!is_called(plugin, id)) continue;
        if (!found || tenon__plugin_may_open(plugin)) found = plugin;
        if (tenon__plugin_may_open(plugin)) break;
    }
    pthread_mutex_unlock(&registry->mutex);
    return found;
}

static tenon_status plugin_at(tenonh_registry *registry, uint32_t index, tenon__plugin **out_plugin) {
    if (!registry) return tenon__fail(TENON_STATUS_INVALID, "the registry is NULL");
    *out_plugin = tenon__registry_plugin(registry, index);
    if (*out_plugin) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_NOT_FOUND, "no plugin %u: the registry lists %u", index,
                       tenonh_registry_plugin_count(registry));
}

tenon_status tenonh_registry_plugin(tenonh_registry *registry, uint32_t index, tenonh_plugin_info *out_info) {
    tenon__plugin *plugin;
    TENON_TRY(plugin_at(registry, index, &plugin));
    if (!out_info || out_info->struct_size < sizeof(tenonh_plugin_info))
        return tenon__fail(TENON_STATUS_INVALID, "plugin info: set struct_size to sizeof(tenonh_plugin_info)");
    tenonh_plugin_info info = {
        .struct_size = out_info->struct_size,
        .reason = atomic_load(&plugin->reason),
        .path = plugin->path,
        .detail = atomic_load(&plugin->detail),
        .id = plugin->id,
        .vendor = plugin->vendor,
        .version = plugin->version,
        .license = plugin->license,
        .abi_version = plugin->abi_version,
    };
    *out_info = info;
    return TENON_STATUS_OK;
}

tenon_status tenonh_registry_device_count(tenonh_registry *registry, uint32_t index, uint32_t *out_count) {
    tenon__plugin *plugin;
    TENON_TRY(plugin_at(registry, index, &plugin));
    if (!out_count) return tenon__fail(TENON_STATUS_INVALID, "device count: out_count is NULL");
    if (tenon__forked(registry->generation)) return tenon__fail_forked("count devices");
    pthread_mutex_lock(&plugin->mutex);
    tenon_status status = tenon__plugin_count_devices(plugin, out_count);
    pthread_mutex_unlock(&plugin->mutex);
    return status;
}
