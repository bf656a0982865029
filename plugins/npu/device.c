#include "npu.h"

#include <string.h>
#include <unistd.h>

void *npu_allocate(tenon_device *device, uint64_t size) {
    void *memory = device->host->allocate(device->host, size ? size : 1);
    if (memory) return memset(memory, 0, size);
    NPU_FAIL(device, TENON_STATUS_OUT_OF_MEMORY, "the host has no %llu bytes for the device's own use",
             (unsigned long long)size);
    return NULL;
}

void npu_release(tenon_device *device, void *pointer) {
    if (pointer) device->host->release(device->host, pointer);
}

static tenon_status count(tenon_instance *instance, uint32_t *out_count) {
    if (!instance || !out_count) return TENON_STATUS_INVALID;
    *out_count = 1;
    return TENON_STATUS_OK;
}

/* The device has as much memory as the machine: what is more is refused here, before the operating system promises it. */
static uint64_t machine_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_C(1) << 32;
}

static tenon_status open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    if (!instance || !out_device) return TENON_STATUS_INVALID;
    const tenon_host *host = instance->host;
    if (index != 0)
        return tenon_report(host, NULL, NULL, NULL, TENON_STATUS_NOT_FOUND, "there is one npu, number 0, no %u", index);
    tenon_device *device = host->allocate(host, sizeof *device);
    if (!device) return tenon_report(host, NULL, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    memset(device, 0, sizeof *device);
    device->host = host;
    device->kernels = npu_kernels_choose();
    device->memory_size = machine_memory();
    *out_device = device;
    return TENON_STATUS_OK;
}

static void close_device(tenon_device *device) {
    if (device) npu_release(device, device);
}

static tenon_status info(tenon_device *device, tenon_device_info *out_info) {
    if (!device || !out_info || out_info->struct_size < TENON_DEVICE_INFO_SIZE_V1) return TENON_STATUS_INVALID;
    out_info->kind = TENON_DEVICE_NPU;
    out_info->name = "Tenon NPU (played by the processor)";
    out_info->driver_version = "0.1.0";
    out_info->architecture = device->kernels->architecture;
    memcpy(out_info->uuid, "tenon-npu-device", sizeof out_info->uuid);
    out_info->denormals = TENON_DENORMAL_KEEP;
    out_info->rounding = TENON_ROUNDING_EXACT;
    out_info->shapes = TENON_SHAPES_STATIC;
    out_info->work_kinds = TENON_WORK_GRAPH;
    out_info->compute_units = 1;
    return TENON_STATUS_OK;
}

static tenon_status health(tenon_device *device) {
    return device ? TENON_STATUS_OK : TENON_STATUS_INVALID;
}

const tenon_device_hooks npu_device_hooks = {
    .struct_size = sizeof(tenon_device_hooks),
    .count = count,
    .open = open,
    .close = close_device,
    .info = info,
    .health = health,
};
