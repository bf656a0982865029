#include "device/describe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "support/error.h"

#define BROKEN(device, rule, ...) tenon__fail(TENON_STATUS_INTERNAL, "%s breaks " rule, (device)->name, __VA_ARGS__)

enum { LONGEST_STRING = 4096, LONGEST_PROLOGUE = 1 << 20 }; /* bytes, the 0 among them */

/* Reads a string to its end, so that a wild pointer ends the probe and not who prints it later. NULL becomes "". */
static tenon_status check_string(const tenonh_device *device, const char *member, const char **text) {
    if (!*text) *text = "";
    if (strnlen(*text, LONGEST_STRING) == LONGEST_STRING)
        return BROKEN(device, "REQ-DEV-03: %s has no end within %d bytes", member, LONGEST_STRING);
    return TENON_STATUS_OK;
}

/* The same for those of a dialect, where NULL stays. */
static tenon_status check_dialect_strings(const tenonh_device *device, const tenon_dialect *d) {
    const char *const texts[] = {d->entry_qualifiers, d->global_qualifier, d->local_qualifier, d->group_index,
                                 d->local_index,      d->barrier,          d->prologue};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i] && strnlen(texts[i], LONGEST_PROLOGUE) == LONGEST_PROLOGUE)
            return BROKEN(device, "REQ-KERNEL-01: a string of its dialect has no end within %d bytes",
                          LONGEST_PROLOGUE);
    return TENON_STATUS_OK;
}

static tenon_status check_strings(const tenonh_device *device, tenon_device_info *info) {
    TENON_TRY(check_string(device, "name", &info->name));
    TENON_TRY(check_string(device, "driver_version", &info->driver_version));
    TENON_TRY(check_string(device, "architecture", &info->architecture));
    if (!info->name[0]) info->name = device->name;
    return TENON_STATUS_OK;
}

static tenon_status read_info(tenonh_device *device) {
    tenon_device_info *info = &device->info;
    info->struct_size = sizeof *info;
    tenon_status status = device->hooks->device.info(device->handle, info);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "info");
    info->struct_size = sizeof *info;
    TENON_TRY(check_strings(device, info));
    const uint32_t known = TENON_WORK_OP | TENON_WORK_KERNEL | TENON_WORK_COMPOSITE | TENON_WORK_GRAPH;
    if (!(info->work_kinds & known))
        return BROKEN(device, "REQ-DEV-03: work_kinds is 0x%x, none of what a device can take", info->work_kinds);
    if (info->denormals < TENON_DENORMAL_KEEP || info->denormals > TENON_DENORMAL_FLUSH)
        return BROKEN(device, "REQ-DEV-03: denormals is %u, not a TENON_DENORMAL_*", info->denormals);
    if (info->rounding < TENON_ROUNDING_EXACT || info->rounding > TENON_ROUNDING_RELAXED)
        return BROKEN(device, "REQ-DEV-03: rounding is %u, not a TENON_ROUNDING_*", info->rounding);
    if (info->shapes < TENON_SHAPES_STATIC || info->shapes > TENON_SHAPES_DYNAMIC)
        return BROKEN(device, "REQ-DEV-03: shapes is %u, not a TENON_SHAPES_*", info->shapes);
    if (info->views > TENON_VIEWS_CONTIGUOUS)
        return BROKEN(device, "REQ-DEV-08: views is %u, not a TENON_VIEWS_*", info->views);
    return TENON_STATUS_OK;
}

static tenon_status read_dialect(tenonh_device *device) {
    const tenon_dialect *dialect = NULL;
    if (!(device->info.work_kinds & TENON_WORK_KERNEL)) return TENON_STATUS_OK;
    if (!device->hooks->work.dialect)
        return BROKEN(device, "REQ-KERNEL-01: it takes kernel work, but work.dialect is %s", "NULL");
    tenon_status status = device->hooks->work.dialect(device->handle, &dialect);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "dialect");
    if (!dialect || dialect->struct_size < TENON_DIALECT_SIZE_V1)
        return BROKEN(device, "REQ-KERNEL-01: its dialect has struct_size %u", dialect ? dialect->struct_size : 0);
    size_t size = dialect->struct_size < sizeof *dialect ? dialect->struct_size : sizeof *dialect;
    memcpy(&device->dialect, dialect, size);
    device->dialect.struct_size = sizeof device->dialect;
    return check_dialect_strings(device, &device->dialect);
}

tenon_status tenon__describe_memory_type(tenonh_device *device, uint32_t index, tenon_memory_type *out_type) {
    tenon_memory_type type = {.struct_size = sizeof type};
    tenon_status status = device->hooks->memory.type_info(device->handle, index, &type);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "memory type");
    type.struct_size = sizeof type;
    if (type.flush_unit == 0) type.flush_unit = 1;
    *out_type = type;
    return TENON_STATUS_OK;
}

static int is_power_of_two(uint64_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

static tenon_status check_type(const tenonh_device *device, uint32_t index) {
    const tenon_memory_type *type = &device->types[index];
    const tenon_memory_hooks *hooks = &device->hooks->memory;
    if (index == 0 && !(type->flags & TENON_MEMORY_DEVICE))
        return BROKEN(device, "REQ-MEM-01: memory type 0 has flags 0x%x, without TENON_MEMORY_DEVICE", type->flags);
    if (!is_power_of_two(type->alignment) || !is_power_of_two(type->flush_unit))
        return BROKEN(device, "REQ-MEM-01: memory type %u: alignment and flush_unit must be powers of two", index);
    if (index == 0 && type->alignment < TENON_MEMORY_ALIGNMENT)
        return BROKEN(device, "REQ-MEM-01: memory type 0 aligns to %" PRIu64 " bytes, less than %d", type->alignment,
                      TENON_MEMORY_ALIGNMENT);
    if (!(type->flags & TENON_MEMORY_MAPPABLE)) return TENON_STATUS_OK;
    if (!hooks->map) return BROKEN(device, "REQ-MEM-05: memory type %u is mappable, but memory.map is NULL", index);
    if (!(type->flags & TENON_MEMORY_COHERENT) && !hooks->flush)
        return BROKEN(device, "REQ-MEM-06: memory type %u is not coherent, but memory.flush is NULL", index);
    return TENON_STATUS_OK;
}

static tenon_status read_memory_types(tenonh_device *device) {
    tenon_status status = device->hooks->memory.type_count(device->handle, &device->type_count);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "count memory types");
    if (device->type_count == 0 || device->type_count > 64)
        return BROKEN(device, "REQ-MEM-01: it counts %u memory types", device->type_count);
    device->types = calloc(device->type_count, sizeof *device->types);
    if (!device->types) return tenon__fail_memory();
    for (uint32_t i = 0; i < device->type_count; i++) {
        TENON_TRY(tenon__describe_memory_type(device, i, &device->types[i]));
        TENON_TRY(check_type(device, i));
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__describe(tenonh_device *device) {
    TENON_TRY(read_info(device));
    TENON_TRY(read_dialect(device));
    return read_memory_types(device);
}
