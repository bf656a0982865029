#include "view.h"

#include "memory.h"

#include <inttypes.h>

static tenon_status check_extent(tenon_device *device, const tenon_work *work, uint32_t operand, const char *what,
                                 uint32_t axis, const tenon_extent *extent) {
    if (extent->reserved != 0)
        return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "operand %u: reserved of %s %u is not 0", operand, what,
                        axis);
    if (extent->symbol != TENON_NO_SYMBOL && extent->symbol >= work->symbol_count)
        return cpu_fail(device, TENON_STATUS_INVALID, "operand %u: %s %u is symbol %u of %u", operand, what, axis,
                        extent->symbol, work->symbol_count);
    return TENON_STATUS_OK;
}

static int may_be_negative(const tenon_work *work, const tenon_extent *extent) {
    return extent->symbol == TENON_NO_SYMBOL ? extent->value < 0 : work->symbols[extent->symbol].min < 0;
}

static tenon_status check_axes(tenon_device *device, const tenon_work *work, uint32_t index) {
    const tenon_view *view = &work->operands[index].view;
    for (uint32_t i = 0; i < view->rank; i++) {
        TENON_TRY(check_extent(device, work, index, "dim", i, &view->dims[i]));
        TENON_TRY(check_extent(device, work, index, "stride", i, &view->strides[i]));
        if (may_be_negative(work, &view->dims[i]))
            return cpu_fail(device, TENON_STATUS_INVALID, "operand %u: dim %u may be negative", index, i);
    }
    return TENON_STATUS_OK;
}

tenon_status cpu_view_check(tenon_device *device, const tenon_work *work, uint32_t index) {
    const tenon_operand *operand = &work->operands[index];
    if (operand->role < TENON_ROLE_INPUT || operand->role > TENON_ROLE_CONSTANT)
        return cpu_fail(device, TENON_STATUS_INVALID, "operand %u has no role %u", index, operand->role);
    if (operand->layout != 0)
        return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "operand %u: this device has no layout %u, only 0", index,
                        operand->layout);
    if (operand->view.rank > TENON_MAX_RANK)
        return cpu_fail(device, TENON_STATUS_INVALID, "operand %u has rank %u; the largest is %u", index,
                        operand->view.rank, TENON_MAX_RANK);
    if (tenon_dtype_bits(operand->view.dtype) == 0)
        return cpu_fail(device, TENON_STATUS_INVALID, "operand %u has no dtype %u", index, operand->view.dtype);
    return check_axes(device, work, index);
}

/* Lowest and highest element that the view touches, relative to its start, in bytes. 0 on overflow. */
static int measure(const cpu_view *view, const cpu_operand *operand, cpu_reach *out_reach) {
    int64_t low = 0, high = 1, reach;
    *out_reach = (cpu_reach){0, 0};
    if (view->elements == 0) return 1;
    for (uint32_t i = 0; i < operand->rank; i++) {
        if (__builtin_mul_overflow(view->dims[i] - 1, view->strides[i], &reach)) return 0;
        if (__builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high)) return 0;
    }
    if (__builtin_mul_overflow(low, -(int64_t)operand->bits, &low)) return 0;
    if (__builtin_mul_overflow(high, (int64_t)operand->bits, &high)) return 0;
    *out_reach = (cpu_reach){((uint64_t)low + 7) / 8, ((uint64_t)high + 7) / 8};
    return 1;
}

/* The axis along which what is written lies on itself, or the rank. Where there are no elements strides say nothing. */
static uint32_t repeated_axis(const cpu_operand *operand, const cpu_view *view) {
    uint32_t i = 0;
    if (view->elements == 0 || (operand->role != TENON_ROLE_OUTPUT && operand->role != TENON_ROLE_INOUT))
        return operand->rank;
    while (i < operand->rank && (view->dims[i] <= 1 || view->strides[i] != 0)) i++;
    return i;
}

tenon_status cpu_view_resolve(tenon_exec *exec, uint32_t index, const int64_t *symbols, cpu_view *out_view,
                              cpu_reach *out_reach) {
    const cpu_operand *operand = &exec->operands[index];
    uint64_t elements = 1;
    for (uint32_t i = 0; i < operand->rank; i++) {
        int64_t dim = tenon_extent_value(&operand->dims[i], symbols);
        out_view->dims[i] = dim;
        out_view->strides[i] = tenon_extent_value(&operand->strides[i], symbols);
        if (dim < 0 || __builtin_mul_overflow(elements, (uint64_t)dim, &elements))
            return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                               "%s: dim %u of operand %u is %" PRId64 ", or its elements pass 2^64", exec->name, i,
                               index, dim);
    }
    out_view->elements = elements;
    uint32_t repeated = repeated_axis(operand, out_view);
    if (repeated < operand->rank)
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                           "%s: output %u has stride 0 along dim %u: its elements lie on one another", exec->name,
                           index, repeated);
    if (measure(out_view, operand, out_reach)) return TENON_STATUS_OK;
    return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                       "%s: operand %u reaches further than int64 counts", exec->name, index);
}

tenon_status cpu_view_place(tenon_exec *exec, uint32_t index, tenon_buffer buffer, const cpu_reach *reach,
                            void **out_address) {
    const tenon_memory *memory = buffer.memory;
    uint32_t bits = exec->operands[index].bits;
    if (!memory || memory->device != exec->device)
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                           "%s: the buffer of operand %u is missing or of another device", exec->name, index);
    if (buffer.offset > memory->size || reach->before > buffer.offset || reach->after > memory->size - buffer.offset)
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                           "%s: operand %u, at offset %" PRIu64 ", passes the bounds of its allocation of %" PRIu64
                           " bytes",
                           exec->name, index, buffer.offset, memory->size);
    if (bits >= 8 && buffer.offset & (bits / 8 - 1))
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                           "%s: offset %" PRIu64 " of operand %u is no multiple of its element's %u bytes", exec->name,
                           buffer.offset, index, bits / 8);
    *out_address = memory->base + buffer.offset;
    return TENON_STATUS_OK;
}
