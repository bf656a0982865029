/* The embedded default device as a plugin. Needs libc and libm; uses libopenblas.so.0 and the system's C compiler
 * where they are there (blas.h, compile.h). */
#include "device.h"
#include "event.h"
#include "memory.h"
#include "stream.h"
#include "work.h"

TENON_PLUGIN_NOTE();

static tenon_status open(const tenon_host *host, tenon_instance **out_instance) {
    if (!out_instance || !TENON_HAS(host, cancelled)) return TENON_STATUS_INVALID;
    tenon_instance *instance = host->allocate(host, sizeof *instance);
    if (!instance) return TENON_STATUS_OUT_OF_MEMORY;
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
    .id = "cpu",
    .vendor = "Tenon",
    .version = CPU_VERSION,
    .license = "Apache-2.0",
    .open = open,
    .close = close,
    .device = &cpu_device_hooks,
    .memory = &cpu_memory_hooks,
    .stream = &cpu_stream_hooks,
    .work = &cpu_work_hooks,
    .event = &cpu_event_hooks,
};

const tenon_plugin *tenon_plugin_query(void) {
    return &plugin;
}
