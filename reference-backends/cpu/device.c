#include "device.h"

#include "kernel.h"
#include "pool.h"
#include "settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cpu_report(const tenon_device *device, tenon_stream *stream, tenon_exec *exec, tenon_status status,
                const char *format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    device->host->report(device->host, (tenon_device *)(uintptr_t)device, stream, exec, status, text);
}

void *cpu_allocate(const tenon_device *device, size_t size) {
    void *memory = device->host->allocate(device->host, size);
    return memory ? memset(memory, 0, size) : NULL;
}

void cpu_release(const tenon_device *device, void *pointer) {
    device->host->release(device->host, pointer);
}

static tenon_status count(tenon_instance *instance, uint32_t *out_count) {
    if (!instance || !out_count) return TENON_STATUS_INVALID;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static tenon_status open_parts(tenon_device *device) {
    cpu_machine_read(&device->machine);
    int known; /* settings tell of a name that is not */
    device->isa = cpu_isa_choose(cpu_machine_setting("TENON_CPU_ISA"), &known);
    cpu_settings_check(device);
    TENON_TRY(cpu_pool_join(device->machine.threads, &device->pool));
    tenon_status status = cpu_kernel_open(device);
    if (status != TENON_STATUS_OK) cpu_pool_leave(device->pool);
    return status;
}

static tenon_status fail_open(const tenon_host *host, tenon_status status, const char *why) {
    host->report(host, NULL, NULL, NULL, status, why);
    return status;
}

static tenon_status open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    if (!instance || !out_device) return TENON_STATUS_INVALID;
    const tenon_host *host = instance->host;
    if (index != 0) return fail_open(host, TENON_STATUS_NOT_FOUND, "there is one cpu device, number 0");
    tenon_device *device = host->allocate(host, sizeof *device);
    if (!device) return fail_open(host, TENON_STATUS_OUT_OF_MEMORY, "no memory for the device");
    memset(device, 0, sizeof *device);
    device->host = host;
    tenon_status status = open_parts(device);
    if (status == TENON_STATUS_OK) {
        *out_device = device;
        return TENON_STATUS_OK;
    }
    host->release(host, device);
    return fail_open(host, status, "the system has no threads or memory to open the device");
}

static void close(tenon_device *device) {
    if (!device) return;
    cpu_kernel_close(device);
    cpu_pool_leave(device->pool);
    cpu_release(device, device);
}

static tenon_status info(tenon_device *device, tenon_device_info *out_info) {
    if (!device || !out_info || out_info->struct_size < TENON_DEVICE_INFO_SIZE_V1) return TENON_STATUS_INVALID;
    out_info->kind = TENON_DEVICE_CPU;
    out_info->name = device->machine.name;
    out_info->driver_version = CPU_VERSION;
    out_info->architecture = cpu_isa_facts_of(device->isa)->architecture;
    memcpy(out_info->uuid, device->machine.uuid, sizeof out_info->uuid);
    out_info->denormals = CPU_FLUSHES ? TENON_DENORMAL_FLUSH : TENON_DENORMAL_KEEP;
    out_info->rounding = TENON_ROUNDING_EXACT;
    out_info->shapes = TENON_SHAPES_DYNAMIC;
    out_info->work_kinds = TENON_WORK_OP | (device->compiler ? TENON_WORK_KERNEL : 0u);
    out_info->compute_units = cpu_pool_threads(device->pool);
    out_info->max_streams = 0;
    out_info->cache_size = device->machine.cache;
    return TENON_STATUS_OK;
}

static tenon_status health(tenon_device *device) {
    return device ? TENON_STATUS_OK : TENON_STATUS_INVALID;
}

const tenon_device_hooks cpu_device_hooks = {
    .struct_size = sizeof(tenon_device_hooks),
    .count = count,
    .open = open,
    .close = close,
    .info = info,
    .health = health,
};
