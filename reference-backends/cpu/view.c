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

/* Lowest and highest element that the view touches, relative to its start. 0 on overflow. */
static int span(const cpu_view *view, uint32_t rank, int64_t *out_low, int64_t *out_high) {
    int64_t low = 0, high = 0, reach;
    for (uint32_t i = 0; i < rank; i++) {
        if (__builtin_mul_overflow(view->dims[i] - 1, view->strides[i], &reach)) return 0;
        if (__builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high)) return 0;
    }
    *out_low = low;
    *out_high = high;
    return 1;
}

/* Whether [offset + low, offset + high] elements of `bits` lie in `size` bytes. */
static int fits(uint64_t size, uint64_t offset, uint32_t bits, int64_t low, int64_t high) {
    if (offset > size || size > INT64_MAX / 8) return 0;
    int64_t before = (int64_t)offset * 8, after = (int64_t)(size - offset) * 8, needed;
    if (__builtin_mul_overflow(low, (int64_t)bits, &needed) || needed < -before) return 0;
    return high < INT64_MAX && !__builtin_mul_overflow(high + 1, (int64_t)bits, &needed) && needed <= after;
}

static tenon_status evaluate(tenon_exec *exec, uint32_t index, const int64_t *symbols, cpu_view *out_view) {
    const cpu_operand *operand = &exec->operands[index];
    uint64_t elements = 1;
    for (uint32_t i = 0; i < operand->rank; i++) {
        int64_t dim = tenon_extent_value(&operand->dims[i], symbols);
        out_view->dims[i] = dim;
        out_view->strides[i] = tenon_extent_value(&operand->strides[i], symbols);
        if (dim > 1 && out_view->strides[i] == 0 && operand->role != TENON_ROLE_INPUT &&
            operand->role != TENON_ROLE_CONSTANT)
            return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                               "%s: output %u has stride 0 along dim %u: its elements lie on one another", exec->name,
                               index, i);
        if (dim < 0 || __builtin_mul_overflow(elements, (uint64_t)dim, &elements))
            return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                               "%s: dim %u of operand %u is %" PRId64 ", or its elements pass 2^64", exec->name, i,
                               index, dim);
    }
    out_view->elements = elements;
    return TENON_STATUS_OK;
}

tenon_status cpu_view_resolve(tenon_exec *exec, uint32_t index, const tenon_launch *launch, cpu_view *out_view) {
    const cpu_operand *operand = &exec->operands[index];
    tenon_buffer buffer = launch->buffers[index];
    int64_t low, high;
    TENON_TRY(evaluate(exec, index, launch->symbols, out_view));
    if (!buffer.memory || buffer.memory->device != exec->device)
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                           "%s: the buffer of operand %u is missing or of another device", exec->name, index);
    out_view->address = buffer.memory->base + (buffer.offset <= buffer.memory->size ? buffer.offset : 0);
    if (out_view->elements == 0) return TENON_STATUS_OK;
    if (!span(out_view, operand->rank, &low, &high) ||
        !fits(buffer.memory->size, buffer.offset, operand->bits, low, high))
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                           "%s: operand %u, at offset %" PRIu64 ", passes the bounds of its allocation of %" PRIu64
                           " bytes",
                           exec->name, index, buffer.offset, buffer.memory->size);
    if (operand->bits >= 8 && buffer.offset % (operand->bits / 8) != 0)
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                           "%s: offset %" PRIu64 " of operand %u is no multiple of its element's %u bytes", exec->name,
                           buffer.offset, index, operand->bits / 8);
    return TENON_STATUS_OK;
}
