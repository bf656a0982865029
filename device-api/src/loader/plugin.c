#include "loader/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/helpers.h>

#include "loader/elf.h"
#include "loader/probe_message.h"
#include "loader/registry.h"
#include "loader/services.h"
#include "support/error.h"

enum { MOST_DEVICES = 4096 };

static tenonh_reason resolve(tenon__plugin *plugin, tenon__verdict *verdict) {
    char *resolved = realpath(plugin->path, NULL);
    if (!resolved)
        return tenon__refuse(verdict, errno == ENOENT ? TENONH_REASON_NOT_FOUND : TENONH_REASON_UNREADABLE, "%s",
                             strerror(errno));
    free(plugin->path);
    plugin->path = resolved;
    struct stat status;
    if (stat(resolved, &status) != 0) return tenon__refuse(verdict, TENONH_REASON_UNREADABLE, "%s", strerror(errno));
    plugin->file_device = status.st_dev;
    plugin->file_number = status.st_ino;
    return TENONH_REASON_OK;
}

static tenonh_reason check_note(const tenon__elf_note *note, tenon__verdict *verdict) {
    if (!note->present) return TENONH_REASON_OK; /* its table is asked once it is loaded */
    TENON__ACCEPT(tenon__hooks_check_version(note->abi_version, 0, verdict));
    if (note->abi_version == TENON_ABI_VERSION && note->layout_hash != TENON_LAYOUT_HASH)
        return tenon__refuse(verdict, TENONH_REASON_LAYOUT_MISMATCH,
                             "its note tells layout 0x%08x, this host's is 0x%08x", note->layout_hash,
                             TENON_LAYOUT_HASH);
    return TENONH_REASON_OK;
}

static tenonh_reason inspect(int file, struct stat *out_file, tenon__verdict *verdict) {
    tenon__elf_note note;
    if (fstat(file, out_file) != 0) return tenon__refuse(verdict, TENONH_REASON_UNREADABLE, "%s", strerror(errno));
    TENON__ACCEPT(tenon__elf_inspect(file, &note, verdict));
    return check_note(&note, verdict);
}

/* Everything else that can be said without loading the file. */
static tenonh_reason examine(tenon__plugin *plugin, const tenon__trust *trust, struct stat *out_file,
                             tenon__verdict *verdict) {
    TENON__ACCEPT(tenon__trust_path(trust, plugin->path, verdict));
    int file = open(plugin->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (file < 0) return tenon__refuse(verdict, TENONH_REASON_UNREADABLE, "%s", strerror(errno));
    tenonh_reason reason = inspect(file, out_file, verdict);
    close(file);
    return reason;
}

/* What the probe says of it; a process that can have no probe goes on without, and says so. */
static tenonh_reason probe(tenon__plugin *plugin, tenon__probe_try what, tenon__verdict *verdict) {
    static const char *const ways[] = {"was probed before", "was probed", "was not probed"};
    tenonh_registry *registry = plugin->registry;
    tenon__prober *prober = &registry->prober;
    tenon__probed how = tenon__probe(prober, what, plugin->path, &plugin->file, verdict);
    if (how == TENON__PROBED_NOT && what == TENON__TRY_LOAD && prober->mode != TENONH_PROBE_NEVER &&
        !atomic_exchange(&prober->told, 1))
        tenon__log(registry, TENON_LOG_WARNING, "host",
                   "plugins are loaded without a probe, so that a crash in one of them is a crash of this process: %s",
                   verdict->detail);
    tenon__log(registry, TENON_LOG_DEBUG, "host", "%s %s%s", plugin->path, ways[how],
               what == TENON__TRY_OPEN ? " for opening" : "");
    if (how == TENON__PROBED_NOT) *verdict = (tenon__verdict){0};
    return verdict->reason;
}

static int is_id(const char *id) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyz", rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    return id[0] != '\0' && strchr(first, id[0]) && strspn(id, rest) == strlen(id) && strlen(id) <= 32;
}

static tenonh_reason take_strings(tenon__plugin *plugin, const tenon_plugin *table, tenon__verdict *verdict) {
    plugin->id = tenon__library_string(&plugin->library, table->id);
    plugin->vendor = tenon__library_string(&plugin->library, table->vendor);
    plugin->version = tenon__library_string(&plugin->library, table->version);
    plugin->license = tenon__library_string(&plugin->library, table->license);
    if (!plugin->id || !plugin->vendor || !plugin->version || !plugin->license)
        return tenon__refuse(verdict, TENONH_REASON_BAD_TABLE,
                             "id, vendor, version or license is no string of its own");
    if (!is_id(plugin->id)) return tenon__refuse(verdict, TENONH_REASON_BAD_ID, "the id is \"%.64s\"", plugin->id);
    return TENONH_REASON_OK;
}

static tenonh_reason ask(tenon__plugin *plugin, tenon__verdict *verdict) {
    const tenon_plugin *table = plugin->library.query(), *again = plugin->library.query();
    if (again != table)
        return tenon__refuse(verdict, TENONH_REASON_UNSTABLE_QUERY, "tenon_plugin_query answers %p, then %p",
                             (const void *)table, (const void *)again);
    TENON__ACCEPT(tenon__hooks_negotiate(&plugin->library, table, &plugin->hooks, &plugin->abi_version, verdict));
    return take_strings(plugin, &plugin->hooks.plugin, verdict);
}

tenonh_reason tenon__plugin_load(tenon__plugin *plugin, tenon__stage_function stage, tenon__verdict *verdict) {
    if (stage) stage(TENON__STAGE_LOADING);
    TENON__ACCEPT(tenon__library_open(plugin->path, &plugin->library, verdict));
    if (stage) stage(TENON__STAGE_ASKING);
    return ask(plugin, verdict);
}

static tenonh_reason judge(tenon__plugin *plugin, const char *name, tenon__verdict *verdict) {
    TENON__ACCEPT(resolve(plugin, verdict));
    TENON__ACCEPT(tenon__trust_name(&plugin->registry->trust, name, verdict));
    TENON__ACCEPT(examine(plugin, &plugin->registry->trust, &plugin->file, verdict));
    TENON__ACCEPT(probe(plugin, TENON__TRY_LOAD, verdict));
    return tenon__plugin_load(plugin, NULL, verdict);
}

tenon_status tenon__plugin_create(tenonh_registry *registry, const char *path, tenon__plugin **out_plugin,
                                  tenon__verdict *verdict) {
    tenon__plugin *plugin = calloc(1, sizeof *plugin);
    if (!plugin) return tenon__fail_memory();
    plugin->path = strdup(path);
    if (!plugin->path) {
        free(plugin);
        return tenon__fail_memory();
    }
    plugin->registry = registry;
    plugin->id = plugin->vendor = plugin->version = plugin->license = "";
    atomic_init(&plugin->detail, "");
    pthread_mutex_init(&plugin->mutex, NULL);
    pthread_mutex_init(&plugin->report_mutex, NULL);
    *verdict = (tenon__verdict){0};
    if (judge(plugin, path, verdict) != TENONH_REASON_OK) {
        plugin->id = plugin->vendor = plugin->version = plugin->license = ""; /* go with the library */
        tenon__library_close(&plugin->library);
    }
    *out_plugin = plugin;
    return TENON_STATUS_OK;
}

void tenon__plugin_free(tenon__plugin *plugin, uint32_t forked) {
    if (plugin->open && !forked) {
        plugin->hooks.plugin.close(plugin->instance);
        tenon__services_check_leaks(plugin);
    }
    /* A library whose open hook has run stays: threads of its own may still be in it. */
    if (!plugin->opened_once && !forked) tenon__library_close(&plugin->library);
    pthread_mutex_destroy(&plugin->mutex);
    pthread_mutex_destroy(&plugin->report_mutex);
    free(plugin->path);
    free(plugin);
}

void tenon__plugin_refuse(tenon__plugin *plugin, uint32_t level, const tenon__verdict *verdict) {
    atomic_store(&plugin->detail, tenon__registry_string(plugin->registry, verdict->detail));
    atomic_store(&plugin->reason, verdict->reason);
    if (verdict->reason == TENONH_REASON_OK) return;
    tenon__log(plugin->registry, level, "host", "%s: %s: %s", plugin->path, tenonh_reason_text(verdict->reason),
               verdict->detail);
}

tenon_status tenon__plugin_fail(tenon__plugin *plugin) {
    tenonh_reason reason = atomic_load(&plugin->reason);
    const char *detail = atomic_load(&plugin->detail), *advice = tenonh_reason_advice(reason);
    return tenon__fail(tenonh_reason_status(reason), "%s: %s (%s)%s%s%s%s", plugin->path, tenonh_reason_text(reason),
                       tenonh_reason_name(reason), detail[0] ? ": " : "", detail, advice[0] ? "; " : "", advice);
}

int tenon__plugin_may_open(const tenon__plugin *plugin) {
    tenonh_reason reason = atomic_load(&plugin->reason);
    return reason == TENONH_REASON_OK || reason == TENONH_REASON_OPEN_FAILED || reason == TENONH_REASON_NO_DEVICE ||
           reason == TENONH_REASON_COUNT_FAILED;
}

tenon_status tenon__plugin_open(tenon__plugin *plugin) {
    if (plugin->open) return TENON_STATUS_OK;
    if (!tenon__plugin_may_open(plugin)) return tenon__plugin_fail(plugin);
    tenon__verdict verdict = {0};
    if (!plugin->opened_once && probe(plugin, TENON__TRY_OPEN, &verdict) != TENONH_REASON_OK) {
        tenon__plugin_refuse(plugin, TENON_LOG_INFO, &verdict);
        return tenon__plugin_fail(plugin);
    }
    tenon__services_init(plugin);
    tenon__report_forget();
    plugin->opened_once = 1;
    tenonh_registry *registry = plugin->registry;
    tenon_status status = registry->layers ? tenon__layers_open(registry->layers, &plugin->hooks, plugin->abi_version,
                                                                &plugin->host, &plugin->hooks, &plugin->instance)
                                           : tenon__hooks_open(&plugin->hooks, &plugin->host, &plugin->instance);
    if (status == TENON_STATUS_OK) {
        plugin->open = 1;
        return TENON_STATUS_OK;
    }
    tenon__report_failure(status, plugin->id, "open", NULL);
    tenon__refuse(&verdict, TENONH_REASON_OPEN_FAILED, "%s", tenonh_error_message());
    tenon__plugin_refuse(plugin, TENON_LOG_INFO, &verdict);
    return tenon__plugin_fail(plugin);
}

tenon_status tenon__plugin_count_devices(tenon__plugin *plugin, uint32_t *out_count) {
    TENON_TRY(tenon__plugin_open(plugin));
    tenon__report_forget();
    tenon__verdict verdict = {0};
    uint32_t count = 0;
    tenon_status status = plugin->hooks.device.count(plugin->instance, &count);
    if (status != TENON_STATUS_OK) {
        status = tenon__report_failure(status, plugin->id, "count devices", NULL);
        tenon__refuse(&verdict,
                      status == TENON_STATUS_UNAVAILABLE ? TENONH_REASON_NO_DEVICE : TENONH_REASON_COUNT_FAILED, "%s",
                      tenonh_error_message());
    } else if (count == 0) {
        tenon__refuse(&verdict, TENONH_REASON_NO_DEVICE, "it counts 0 devices");
    } else if (count > MOST_DEVICES) {
        tenon__refuse(&verdict, TENONH_REASON_TOO_MANY_DEVICES, "it counts %u devices; %d are the most", count,
                      MOST_DEVICES);
    }
    if (verdict.reason != atomic_load(&plugin->reason)) tenon__plugin_refuse(plugin, TENON_LOG_INFO, &verdict);
    if (verdict.reason != TENONH_REASON_OK && verdict.reason != TENONH_REASON_NO_DEVICE)
        return tenon__plugin_fail(plugin);
    if (status == TENON_STATUS_OK) *out_count = count;
    return status;
}
