/* What a device says of itself, asked once when it is opened and held against the ABI's rules. */
#ifndef TENON__DEVICE_DESCRIBE_H
#define TENON__DEVICE_DESCRIBE_H

#include "device/objects.h"

/* Fills info, dialect and memory types of a device whose handle is open.
 * Errors: INTERNAL with the requirement that is broken, OUT_OF_MEMORY, what the hooks answer. */
tenon_status tenon__describe(tenonh_device *device);

/* Asks for memory type `index` anew. */
tenon_status tenon__describe_memory_type(tenonh_device *device, uint32_t index, tenon_memory_type *out_type);

#endif
