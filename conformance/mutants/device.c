/* Instances and devices, and the services of the host as the plugin inside sees them. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mutants/mutant.h"

/* The host as one instance sees it. */
typedef struct instance_record {
    tenon_host shown;
    const tenon_host *host;
} instance_record;

typedef struct device_record {
    const tenon_host *host;
    uint32_t asked; /* how often info was */
} device_record;

static const tenon_host *outer(const tenon_host *host) {
    return ((const instance_record *)(const void *)host)->host;
}

static void host_log(const tenon_host *host, uint32_t level, const char *text) {
    outer(host)->log(outer(host), level, text);
}

static void host_report(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                        tenon_status status, const char *text) {
    if (planted(MUTANT_failures_unreported)) return;
    if (planted(MUTANT_late_failures_unreported) && stream && status == TENON_STATUS_OUT_OF_RANGE) return;
    outer(host)->report(outer(host), device, stream, exec, status, text);
}

static void *host_allocate(const tenon_host *host, uint64_t size) {
    return outer(host)->allocate(outer(host), size);
}

static void host_release(const tenon_host *host, void *pointer) {
    outer(host)->release(outer(host), pointer);
}

static uint32_t host_cancelled(const tenon_host *host, const tenon_work *work) {
    return planted(MUTANT_cancel_ignored) || planted(MUTANT_cancel_never_asked)
               ? 0
               : outer(host)->cancelled(outer(host), work);
}

static instance_record *make_instance(const tenon_host *host) {
    instance_record *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    memcpy(&made->shown, host, host->struct_size < sizeof made->shown ? host->struct_size : sizeof made->shown);
    made->shown.struct_size = sizeof made->shown;
    made->shown.log = host_log;
    made->shown.report = host_report;
    made->shown.allocate = host_allocate;
    made->shown.release = host_release;
    made->shown.cancelled = host_cancelled;
    made->host = host;
    return made;
}

static uint32_t open_instances;

tenon_status mutant_plugin_open(const tenon_host *host, tenon_instance **out_instance) {
    if (planted(MUTANT_one_host_only) && __atomic_fetch_add(&open_instances, 1, __ATOMIC_SEQ_CST) > 0)
        return TENON_STATUS_UNAVAILABLE;
    if (!mutant.plugin.open) return TENON_STATUS_UNAVAILABLE;
    mutant_disturb(MUTANT_OPENING, host);
    instance_record *made = make_instance(host);
    if (!made) return TENON_STATUS_OUT_OF_MEMORY;
    tenon_status status = mutant.plugin.open(&made->shown, out_instance);
    instance_record **kept = status == TENON_STATUS_OK ? mutant_remember(*out_instance, sizeof(void *)) : NULL;
    if (kept)
        *kept = made;
    else
        free(made);
    return status;
}

void mutant_plugin_close(tenon_instance *instance) {
    instance_record **kept = mutant_recall(instance), *record = kept ? *kept : NULL;
    if (record) mutant_disturb(MUTANT_CLOSING, record->host);
    mutant_forget(instance);
    mutant.plugin.close(instance);
    free(record);
}

const tenon_host *mutant_host_of(const tenon_device *device) {
    const device_record *record = mutant_recall(device);
    return record ? record->host : NULL;
}

tenon_status mutant_fail(tenon_device *device, tenon_status status, const char *text) {
    const tenon_host *host = mutant_host_of(device);
    if (host) host->report(host, device, NULL, NULL, status, text);
    return status;
}

static tenon_status count(tenon_instance *instance, uint32_t *out_count) {
    static uint32_t calls;
    tenon_status status = mutant.device.count(instance, out_count);
    if (planted(MUTANT_count_grows) && status == TENON_STATUS_OK)
        *out_count += __atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
    if (planted(MUTANT_uuid_twins) && status == TENON_STATUS_OK) *out_count = 2;
    return status;
}

static void *sleep_for_ever(void *nothing) {
    for (;;) sleep(3600);
    return nothing;
}

static void leak_thread(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0) pthread_detach(thread);
}

/* One device object for all who open it. */
static tenon_device *only_device;
static uint32_t only_device_users;

static tenon_status open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    instance_record **kept = mutant_recall(instance);
    if (planted(MUTANT_any_device_index_opens)) index = 0;
    if (planted(MUTANT_uuid_twins) && index == 1) index = 0;
    if (planted(MUTANT_device_opened_once) && only_device) {
        only_device_users++;
        *out_device = only_device;
        return TENON_STATUS_OK;
    }
    TENON_TRY(mutant.device.open(instance, index, out_device));
    device_record *record = mutant_remember(*out_device, sizeof *record);
    if (record && kept) record->host = (*kept)->host;
    if (planted(MUTANT_thread_leaks)) leak_thread();
    if (planted(MUTANT_device_opened_once)) only_device = *out_device;
    return TENON_STATUS_OK;
}

static void close_device(tenon_device *device) {
    if (device == only_device && only_device_users > 0) {
        only_device_users--;
        return;
    }
    if (device == only_device) only_device = NULL;
    mutant_forget(device);
    mutant.device.close(device);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static tenon_status info(tenon_device *device, tenon_device_info *out_info) {
    device_record *record = mutant_recall(device);
    TENON_TRY(mutant.device.info(device, out_info));
    uint32_t asked = record ? record->asked++ : 0;
    uint64_t time = now() ^ (uint64_t)getpid() << 40;
    if (planted(MUTANT_uuid_random)) memcpy(out_info->uuid, &time, sizeof time);
    for (uint32_t i = 0; planted(MUTANT_uuid_of_process) && i < 4; i++)
        out_info->uuid[i] ^= (uint8_t)((uint32_t)getpid() >> 8 * i);
    if (planted(MUTANT_uuid_zero)) memset(out_info->uuid, 0, sizeof out_info->uuid);
    if (planted(MUTANT_info_changes) && asked) out_info->compute_units += asked;
    if (planted(MUTANT_info_writes_past_its_struct)) memset(out_info + 1, 0x5a, 8);
    if (planted(MUTANT_denormals_declared_flushed)) out_info->denormals = 0;
    if (planted(MUTANT_flush_loses_small_products) || planted(MUTANT_flush_loses_copied_denormals))
        out_info->denormals = TENON_DENORMAL_FLUSH;
    return TENON_STATUS_OK;
}

static tenon_status health(tenon_device *device) {
    return planted(MUTANT_health_lost) ? TENON_STATUS_DEVICE_LOST : mutant.device.health(device);
}

const tenon_device_hooks mutant_device_hooks = {
    .struct_size = sizeof mutant_device_hooks,
    .count = count,
    .open = open,
    .close = close_device,
    .info = info,
    .health = health,
};
