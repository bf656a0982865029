/* The npu as a plugin. Needs libc, libm and threads. */
#include "event.h"
#include "memory.h"
#include "npu.h"
#include "stream.h"
#include "work.h"

TENON_PLUGIN_NOTE();

static tenon_status open(const tenon_host *host, tenon_instance **out_instance) {
    if (!out_instance || !TENON_HAS(host, cancelled)) return TENON_STATUS_INVALID;
    tenon_instance *instance = host->allocate(host, sizeof *instance);
    if (!instance) return tenon_report(host, NULL, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    instance->host = host;
    *out_instance = instance;
    return TENON_STATUS_OK;
}

static void close(tenon_instance *instance) {
    if (instance) instance->host->release(instance->host, instance);
}

static const tenon_plugin plugin = {
    .magic = TENON_PLUGIN_MAGIC,
    .struct_size = sizeof plugin,
    .abi_version = TENON_ABI_VERSION,
    .abi_oldest = TENON_ABI_OLDEST,
    .id = "npu",
    .vendor = "Tenon",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .open = open,
    .close = close,
    .device = &npu_device_hooks,
    .memory = &npu_memory_hooks,
    .stream = &npu_stream_hooks,
    .work = &npu_work_hooks,
    .event = &npu_event_hooks,
};

const tenon_plugin *tenon_plugin_query(void) {
    return &plugin;
}
