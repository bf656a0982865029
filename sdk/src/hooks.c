#include <stdarg.h>
#include <stdio.h>

#include <tenon/helpers.h>
#include <tenon/hooks.h>

enum { TEXT_LIMIT = 2048 };

tenon_status tenon_report(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                          tenon_status status, const char *format, ...) {
    char text[TEXT_LIMIT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    host->report(host, device, stream, exec, status, text);
    return status;
}

tenon_status tenon_work_check(const tenon_work *work) {
    TENON_TRY(tenon_descriptor_check(work, TENON_WORK_SIZE_V1, sizeof *work));
    switch (work->kind) {
    case TENON_WORK_OP: return tenon_descriptor_check(work->op, TENON_OP_WORK_SIZE_V1, sizeof *work->op);
    case TENON_WORK_KERNEL:
        return tenon_descriptor_check(work->kernel, TENON_KERNEL_WORK_SIZE_V1, sizeof *work->kernel);
    case TENON_WORK_COMPOSITE:
        return tenon_descriptor_check(work->composite, TENON_COMPOSITE_WORK_SIZE_V1, sizeof *work->composite);
    case TENON_WORK_GRAPH: return tenon_descriptor_check(work->graph, TENON_GRAPH_WORK_SIZE_V1, sizeof *work->graph);
    default: return TENON_STATUS_UNSUPPORTED;
    }
}

static int is_in_range(const tenon_symbol *range, int64_t value) {
    return value >= range->min && value <= range->max && (range->divisor == 1 || value % range->divisor == 0);
}

tenon_status tenon_launch_check(const tenon_launch *launch, uint32_t buffer_count, uint32_t symbol_count,
                                const tenon_symbol *ranges, uint32_t grid_count) {
    TENON_TRY(tenon_descriptor_check(launch, TENON_LAUNCH_SIZE_V1, sizeof *launch));
    if (launch->buffer_count != buffer_count || launch->symbol_count != symbol_count ||
        launch->grid_count != grid_count)
        return TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < buffer_count; i++)
        if (!launch->buffers[i].memory) return TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < symbol_count; i++)
        if (!is_in_range(&ranges[i], launch->symbols[i])) return TENON_STATUS_INVALID;
    return TENON_STATUS_OK;
}
