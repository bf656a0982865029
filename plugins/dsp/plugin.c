#include "dsp.h"

#include <string.h>

void *dsp_allocate(const tenon_host *host, uint64_t size) {
    void *memory = host->allocate(host, size);
    if (memory) memset(memory, 0, size);
    return memory;
}

static tenon_status open(const tenon_host *host, tenon_instance **out_instance) {
    tenon_instance *instance = dsp_allocate(host, sizeof *instance);
    if (!instance)
        return tenon_report(host, NULL, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory for the plugin");
    instance->host = host;
    *out_instance = instance;
    return TENON_STATUS_OK;
}

static void close(tenon_instance *instance) {
    instance->host->release(instance->host, instance);
}

TENON_PLUGIN_NOTE();

static const tenon_plugin plugin = {
    .magic = TENON_PLUGIN_MAGIC,
    .struct_size = sizeof plugin,
    .abi_version = TENON_ABI_VERSION,
    .abi_oldest = TENON_ABI_OLDEST, /* a host of 0.1 asks for strides too, and is refused those works */
    .id = "dsp",
    .vendor = "Tenon",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .open = open,
    .close = close,
    .device = &dsp_device_hooks,
    .memory = &dsp_memory_hooks,
    .stream = &dsp_stream_hooks,
    .work = &dsp_work_hooks,
};

const tenon_plugin *tenon_plugin_query(void) {
    return &plugin;
}
