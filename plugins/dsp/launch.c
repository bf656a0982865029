/* Launches: numbers for dims, addresses for buffers, and a command for the core. */
#include "dsp.h"

#include <inttypes.h>

#define REFUSE(stream, exec, ...)                                                                                      \
    tenon_report((exec)->device->host, (exec)->device, stream, exec, TENON_STATUS_INVALID, __VA_ARGS__)

/* Numbers of operand `index`, and its elements. */
static tenon_status resolve(tenon_stream *stream, tenon_exec *exec, uint32_t index, const int64_t *symbols,
                            dsp_shape *out_shape, dsp_operand *out) {
    const tenon_view *view = &exec->operands[index].view;
    *out =
        (dsp_operand){.dtype = view->dtype, .size = tenon_dtype_bits(view->dtype) / 8, .rank = view->rank, .count = 1};
    bool fits = true, negative = false, empty = false;
    for (uint32_t i = 0; i < view->rank; i++) {
        out->dims[i] = out_shape->dims[i] = tenon_extent_value(&view->dims[i], symbols);
        out_shape->strides[i] = tenon_extent_value(&view->strides[i], symbols);
        negative = negative || out->dims[i] < 0;
        empty = empty || out->dims[i] == 0;
        fits = fits && !__builtin_mul_overflow(out->count, out->dims[i], &out->count);
    }
    if (empty) out->count = 0; /* however large the other dims are */
    fits = !negative && (fits || empty);
    bool any = exec->row->op == TENON_OP_COPY && index == 0;
    if (!fits || out->count > INT64_MAX / 8)
        return REFUSE(stream, exec, "%s: operand %u has more elements than there are addresses", exec->row->name,
                      index);
    if (any || !dsp_has_gaps(view->rank, out_shape)) return TENON_STATUS_OK;
    return REFUSE(stream, exec, "%s: operand %u has gaps; this device declares views without", exec->row->name, index);
}

/* Bytes before and from an operand's first element on, up to the last that it touches. */
static bool reach(const dsp_operand *operand, const dsp_shape *shape, bool strided, uint64_t *out_before,
                  uint64_t *out_after) {
    int64_t low = 0, high = operand->count, far;
    *out_before = *out_after = 0;
    if (operand->count == 0) return true;
    if (strided) high = 1;
    for (uint32_t i = 0; strided && i < operand->rank; i++) {
        if (__builtin_mul_overflow(operand->dims[i] - 1, shape->strides[i], &far)) return false;
        if (__builtin_add_overflow(far < 0 ? low : high, far, far < 0 ? &low : &high)) return false;
    }
    if (low < INT64_MIN / 16 || high > INT64_MAX / 16) return false;
    *out_before = (uint64_t)-low * operand->size;
    *out_after = (uint64_t)high * operand->size;
    return true;
}

static tenon_status place(tenon_stream *stream, tenon_exec *exec, uint32_t index, tenon_buffer buffer,
                          const dsp_shape *shape, dsp_operand *operand) {
    uint64_t before, after;
    const tenon_memory *memory = buffer.memory;
    bool strided = exec->row->op == TENON_OP_COPY && index == 0;
    bool fits = memory->device == exec->device && reach(operand, shape, strided, &before, &after) &&
                buffer.offset <= memory->size && before <= buffer.offset && after <= memory->size - buffer.offset;
    if (!fits || buffer.offset & (operand->size - 1))
        return REFUSE(stream, exec, "%s: operand %u at byte %" PRIu64 " leaves its memory, or is not aligned",
                      exec->row->name, index, buffer.offset);
    operand->bytes = memory->bytes + buffer.offset;
    return TENON_STATUS_OK;
}

static tenon_status find_workspace(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch, dsp_call *call) {
    const uint64_t size = sizeof(float) * DSP_ROWS * DSP_COLUMNS;
    const tenon_memory *memory = launch->workspace.memory;
    uint64_t offset = launch->workspace.offset;
    if (exec->row->family != TENON_FAMILY_CONTRACT) return TENON_STATUS_OK;
    if (!memory || memory->device != exec->device || offset % DSP_ALIGNMENT || offset > memory->size ||
        size > memory->size - offset)
        return REFUSE(stream, exec, "%s: a workspace of %" PRIu64 " bytes is missing", exec->row->name, size);
    call->workspace = (float *)(void *)(memory->bytes + offset);
    return TENON_STATUS_OK;
}

static tenon_status describe(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch, dsp_call *call) {
    dsp_shape shapes[DSP_OPERANDS];
    call->exec = exec;
    for (uint32_t i = 0; i < exec->operand_count; i++)
        TENON_TRY(resolve(stream, exec, i, launch->symbols, &shapes[i], &call->operands[i]));
    if (dsp_check_shapes(exec, shapes) != TENON_STATUS_OK)
        return REFUSE(stream, exec, "%s: dims that do not go together", exec->row->name);
    for (uint32_t i = 0; i < exec->operand_count; i++)
        TENON_TRY(place(stream, exec, i, launch->buffers[i], &shapes[i], &call->operands[i]));
    for (uint32_t i = 0; i < exec->operands[0].view.rank; i++) call->strides[i] = shapes[0].strides[i];
    for (uint32_t i = 0; i < exec->row->scalar_count; i++) call->scalars[i] = launch->scalars[i];
    return find_workspace(stream, exec, launch, call);
}

static bool writes_nothing(const dsp_call *call) {
    bool nothing = true;
    for (uint32_t i = call->exec->row->input_count; i < call->exec->operand_count; i++)
        nothing = nothing && call->operands[i].count == 0;
    return nothing;
}

tenon_status dsp_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    dsp_command command = {.kind = DSP_RUN};
    tenon_status status = tenon_launch_check(launch, exec->operand_count, exec->symbol_count, exec->symbols, 0);
    if (status == TENON_STATUS_OK && launch->scalar_count != exec->row->scalar_count) status = TENON_STATUS_INVALID;
    if (status != TENON_STATUS_OK)
        return tenon_report(exec->device->host, exec->device, stream, exec, status,
                            "%s: buffers, symbols or scalars are not as prepared", exec->row->name);
    if (stream->device != exec->device)
        return REFUSE(stream, exec, "%s: stream and exec are of different devices", exec->row->name);
    TENON_TRY(describe(stream, exec, launch, &command.call));
    if (writes_nothing(&command.call)) command = (dsp_command){.kind = DSP_TRANSFER};
    return dsp_queue_push(stream, &command);
}
