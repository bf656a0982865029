#include "loader/services.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "loader/registry.h"
#include "support/error.h"

/* What plugins reported on this thread since tenon__report_forget. */
static _Thread_local char reported[3072];

/* Precedes host memory handed to a plugin; as large as the alignment promised, so that what follows keeps it. */
typedef struct allocation {
    alignas(64) uint64_t size;
} allocation;

static tenon__plugin *plugin_of(const tenon_host *host) {
    return host->context;
}

static void service_log(const tenon_host *host, uint32_t level, const char *text) {
    const tenon__plugin *plugin = plugin_of(host);
    tenon__log(plugin->registry, level, plugin->id, "%s", text ? text : "");
}

/* A decline is an answer, not a fault; the words of a fault come with the status of the call that it fails. */
static uint32_t level_of(tenon_status status) {
    int harmless = status == TENON_STATUS_UNSUPPORTED || status == TENON_STATUS_CANCELLED ||
                   status == TENON_STATUS_NOT_READY || status == TENON_STATUS_OK;
    return harmless ? TENON_LOG_DEBUG : TENON_LOG_INFO;
}

static void keep_late(tenon__plugin *plugin, const tenon_stream *stream, const char *text) {
    pthread_mutex_lock(&plugin->report_mutex);
    for (tenon__late *late = plugin->streams; late; late = late->next)
        if (late->stream == stream && late->text[0] == '\0') snprintf(late->text, sizeof late->text, "%s", text);
    pthread_mutex_unlock(&plugin->report_mutex);
}

static void service_report(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                           tenon_status status, const char *text) {
    tenon__plugin *plugin = plugin_of(host);
    (void)device, (void)exec;
    if (!text) text = "";
    snprintf(reported, sizeof reported, "%s", text);
    if (stream) keep_late(plugin, stream, text);
    tenon__log(plugin->registry, level_of(status), plugin->id, "%s: %s", tenon_status_name(status), text);
}

static void *service_allocate(const tenon_host *host, uint64_t size) {
    allocation *header;
    uint64_t padded;
    if (__builtin_add_overflow(size, 2 * sizeof *header - 1, &padded)) return NULL;
    header = aligned_alloc(alignof(allocation), padded & ~(uint64_t)(sizeof *header - 1));
    if (!header) return NULL;
    header->size = size;
    atomic_fetch_add(&plugin_of(host)->host_bytes, size);
    return header + 1;
}

static void service_release(const tenon_host *host, void *pointer) {
    if (!pointer) return;
    allocation *header = (allocation *)pointer - 1;
    atomic_fetch_sub(&plugin_of(host)->host_bytes, header->size);
    free(header);
}

static uint32_t service_cancelled(const tenon_host *host, const tenon_work *work) {
    tenon__plugin *plugin = plugin_of(host);
    uint32_t cancelled = 0;
    pthread_mutex_lock(&plugin->report_mutex);
    for (const tenon__preparing *p = plugin->preparing; p && !cancelled; p = p->next)
        cancelled = p->work == work && p->cancelled && p->cancelled(p->context);
    pthread_mutex_unlock(&plugin->report_mutex);
    return cancelled;
}

void tenon__services_init(tenon__plugin *plugin) {
    plugin->host = (tenon_host){
        .struct_size = sizeof plugin->host,
        .abi_version = plugin->abi_version,
        .context = plugin,
        .log = service_log,
        .report = service_report,
        .allocate = service_allocate,
        .release = service_release,
        .cancelled = service_cancelled,
    };
}

void tenon__services_check_leaks(tenon__plugin *plugin) {
    uint64_t bytes = atomic_load(&plugin->host_bytes);
    if (!bytes) return;
    tenon__log(plugin->registry, TENON_LOG_WARNING, plugin->id,
               "%" PRIu64 " bytes of host memory were not released before close returned", bytes);
}

void tenon__report_forget(void) {
    reported[0] = '\0';
}

void tenon__report_words(const char *text) {
    snprintf(reported, sizeof reported, "%s", text);
}

tenon_status tenon__report_failure(tenon_status status, const char *subject, const char *what, const char *late) {
    const char *words = reported[0] ? reported : late && late[0] ? late : NULL;
    tenon_status known = status < TENON_STATUS_COUNT ? status : TENON_STATUS_INTERNAL;
    if (known != status)
        tenon__fail(known, "%s: %s answers the unknown status %u%s%s", subject, what, status, words ? ": " : "",
                    words ? words : "");
    else if (words)
        tenon__fail(known, "%s: %s: %s (%s)", subject, what, words, tenon_status_name(known));
    else
        tenon__fail(known, "%s: %s: %s (%s)", subject, what, tenon_status_meaning(known), tenon_status_name(known));
    tenon__report_forget();
    return known;
}

void tenon__late_add(tenon__plugin *plugin, tenon__late *late) {
    pthread_mutex_lock(&plugin->report_mutex);
    late->next = plugin->streams;
    plugin->streams = late;
    pthread_mutex_unlock(&plugin->report_mutex);
}

void tenon__late_remove(tenon__plugin *plugin, tenon__late *late) {
    pthread_mutex_lock(&plugin->report_mutex);
    tenon__late **link = &plugin->streams;
    while (*link && *link != late) link = &(*link)->next;
    if (*link) *link = late->next;
    pthread_mutex_unlock(&plugin->report_mutex);
}

void tenon__preparing_add(tenon__plugin *plugin, tenon__preparing *preparing) {
    pthread_mutex_lock(&plugin->report_mutex);
    preparing->next = plugin->preparing;
    plugin->preparing = preparing;
    pthread_mutex_unlock(&plugin->report_mutex);
}

void tenon__preparing_remove(tenon__plugin *plugin, tenon__preparing *preparing) {
    pthread_mutex_lock(&plugin->report_mutex);
    tenon__preparing **link = &plugin->preparing;
    while (*link && *link != preparing) link = &(*link)->next;
    if (*link) *link = preparing->next;
    pthread_mutex_unlock(&plugin->report_mutex);
}
