/* What the plugin of 0.1 took from the SDK's archive: words for failures, and the checks of works and launches. */
#ifndef SKEW_HELPERS_H
#define SKEW_HELPERS_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tenon/plugin.h>

__attribute__((format(printf, 6, 7))) static inline tenon_status
tenon_report(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec, tenon_status status,
             const char *format, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    host->report(host, device, stream, exec, status, text);
    return status;
}

static inline tenon_status tenon_descriptor_check(const void *descriptor, uint32_t oldest, uint32_t known) {
    const unsigned char *bytes = (const unsigned char *)descriptor;
    uint32_t size;
    if (!descriptor) return TENON_STATUS_INVALID;
    memcpy(&size, bytes, sizeof size);
    if (size < oldest) return TENON_STATUS_INVALID;
    for (uint32_t i = known; i < size; i++)
        if (bytes[i] != 0) return TENON_STATUS_UNSUPPORTED;
    return TENON_STATUS_OK;
}

static inline tenon_status tenon_work_check(const tenon_work *work) {
    TENON_TRY(tenon_descriptor_check(work, TENON_WORK_SIZE_V1, sizeof *work));
    if (work->kind != TENON_WORK_KERNEL) return TENON_STATUS_UNSUPPORTED;
    return tenon_descriptor_check(work->kernel, TENON_KERNEL_WORK_SIZE_V1, sizeof *work->kernel);
}

static inline int tenon_is_in_range(const tenon_symbol *range, int64_t value) {
    return value >= range->min && value <= range->max && (range->divisor == 1 || value % range->divisor == 0);
}

static inline tenon_status tenon_launch_check(const tenon_launch *launch, uint32_t buffer_count, uint32_t symbol_count,
                                              const tenon_symbol *ranges, uint32_t grid_count) {
    TENON_TRY(tenon_descriptor_check(launch, TENON_LAUNCH_SIZE_V1, sizeof *launch));
    if (launch->buffer_count != buffer_count || launch->symbol_count != symbol_count ||
        launch->grid_count != grid_count)
        return TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < buffer_count; i++)
        if (!launch->buffers[i].memory) return TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < symbol_count; i++)
        if (!tenon_is_in_range(&ranges[i], launch->symbols[i])) return TENON_STATUS_INVALID;
    return TENON_STATUS_OK;
}

#endif
