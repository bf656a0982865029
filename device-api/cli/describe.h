/* Plugins and devices in words and as JSON. */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include "cli.h"

/* Name of a TENON_DEVICE_* kind. */
const char *describe_kind(uint32_t kind);

/* A plugin and, when `with_devices`, its devices: opens them. Owner: the caller. */
cJSON *describe_plugin(tenonh_registry *registry, uint32_t index, bool with_devices);

/* Everything that is known of a device. Owner: the caller. */
cJSON *describe_device(tenonh_device *device);

/* Prints a JSON object's members as lines "name  value", nested ones further in. */
void describe_print(const cJSON *object, int indent);

/* "NO_SYMBOL: does not export tenon_plugin_query (detail). Advice" on stdout. */
void describe_refusal(const tenonh_plugin_info *info);

#endif
