#include "dsp.h"

#include <stddef.h>
#include <string.h>

static tenon_status count(tenon_instance *instance, uint32_t *out_count) {
    (void)instance;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static void destroy(tenon_device *device) {
    pthread_mutex_destroy(&device->memory_lock);
    device->host->release(device->host, device->local);
    device->host->release(device->host, device);
}

static tenon_status open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    const tenon_host *host = instance->host;
    if (index > 0) return tenon_report(host, NULL, NULL, NULL, TENON_STATUS_NOT_FOUND, "there is one dsp, number 0");
    tenon_device *device = dsp_allocate(host, sizeof *device);
    if (!device) return tenon_report(host, NULL, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory for a device");
    device->host = host;
    pthread_mutex_init(&device->memory_lock, NULL);
    device->local = dsp_allocate(host, sizeof *device->local);
    tenon_status status = device->local ? dsp_queue_open(device) : TENON_STATUS_OUT_OF_MEMORY;
    if (status == TENON_STATUS_OK) {
        *out_device = device;
        return TENON_STATUS_OK;
    }
    destroy(device);
    return tenon_report(host, NULL, NULL, NULL, status, "no host memory or thread for the core");
}

static void close(tenon_device *device) {
    dsp_queue_close(device);
    destroy(device);
}

static tenon_status info(tenon_device *device, tenon_device_info *out_info) {
    (void)device;
    out_info->kind = TENON_DEVICE_DSP;
    out_info->name = "Tenon software DSP";
    out_info->driver_version = "1";
    out_info->architecture = "dsp1";
    memcpy(out_info->uuid, "tenon-software-d", sizeof out_info->uuid);
    out_info->denormals = TENON_DENORMAL_KEEP;
    out_info->rounding = TENON_ROUNDING_EXACT;
    out_info->shapes = TENON_SHAPES_DYNAMIC;
    out_info->work_kinds = TENON_WORK_OP;
    out_info->compute_units = 1;
    out_info->max_streams = 1;
    out_info->cache_size = sizeof(dsp_local);
    if (TENON_COVERS(out_info, views)) {
        out_info->dtypes = DSP_DTYPES;
        out_info->views = TENON_VIEWS_CONTIGUOUS;
    } else {
        out_info->shapes =
            TENON_SHAPES_STATIC; /* an older host asks for strides: in numbers, which prepare can refuse */
    }
    return TENON_STATUS_OK;
}

static tenon_status health(tenon_device *device) {
    (void)device;
    return TENON_STATUS_OK;
}

const tenon_device_hooks dsp_device_hooks = {
    .struct_size = sizeof(tenon_device_hooks),
    .count = count,
    .open = open,
    .close = close,
    .info = info,
    .health = health,
};
