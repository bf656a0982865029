/* Wrapped hooks of work. */
#include "layers/layer.h"

#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "loader/services.h"

static tenon_status work_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                 tenon_exec **out_exec) {
    tenon__object *made;
    tenon_exec *exec = NULL;
    tenon__call call = {.hook = TENON__HOOK_work_prepare, .work = work, .exec_info = out_info, .out = out_exec};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered)
        call.status = call.layer->inner.work.prepare(call.device->inner, call.work, call.exec_info, &exec);
    TENON_TRY(tenon__leave_made(&call, TENON__KIND_EXEC, exec, &made));
    *out_exec = made ? tenon__object_handle(made) : NULL;
    return TENON_STATUS_OK;
}

static void work_release(tenon_device *device, tenon_exec *exec) {
    tenon__call call = {.hook = TENON__HOOK_work_release};
    if (tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device) != TENON_STATUS_OK) return;
    if (tenon__take(call.hook, TENON__KIND_EXEC, exec, &call.exec) != TENON_STATUS_OK) return;
    tenon__enter(&call, call.exec);
    atomic_store(&call.exec->dying, 1);
    call.layer->inner.work.release(call.device->inner, call.exec->inner);
    tenon__leave_gone(&call, call.exec);
}

/* -- Launches --------------------------------------------------------------------------------------------------------- */

enum { FEW = 16 }; /* buffers of most launches; more are put on the heap */

/* A launch with the handles inside. */
typedef struct inside {
    tenon_launch launch;
    tenon_buffer *buffers;
    tenon__object **memories;
    tenon__object *workspace;
    void *heap;
    tenon_buffer few_buffers[FEW];
    tenon__object *few_memories[FEW];
} inside;

static tenon_status reserve(inside *in, uint32_t count) {
    in->buffers = in->few_buffers;
    in->memories = in->few_memories;
    if (count <= FEW) return TENON_STATUS_OK;
    in->heap = malloc(count * (sizeof *in->buffers + sizeof(tenon__object *)));
    if (!in->heap) return TENON_STATUS_OUT_OF_MEMORY;
    in->buffers = in->heap;
    in->memories = (tenon__object **)(void *)(in->buffers + count);
    return TENON_STATUS_OK;
}

/* The layer is a receiver like any: what it does not know of a launch, it cannot pass on. */
static tenon_status convert(inside *in, uint32_t hook, const tenon_launch *launch) {
    tenon_status status = tenon_descriptor_check(launch, TENON_LAUNCH_SIZE_V1, sizeof *launch);
    if (status != TENON_STATUS_OK) {
        tenon__report_words("work.launch: the launch is shorter than its first version, or has members unknown here");
        return status;
    }
    memset(&in->launch, 0, sizeof in->launch);
    uint32_t known = launch->struct_size < sizeof *launch ? launch->struct_size : (uint32_t)sizeof *launch;
    memcpy(&in->launch, launch, known);
    in->launch.struct_size = known;
    if (launch->buffer_count && !launch->buffers) return TENON_STATUS_INVALID;
    TENON_TRY(reserve(in, launch->buffer_count));
    for (uint32_t i = 0; i < launch->buffer_count; i++) {
        TENON_TRY(tenon__take(hook, TENON__KIND_MEMORY, launch->buffers[i].memory, &in->memories[i]));
        in->buffers[i] = tenon__inner_buffer(in->memories[i], launch->buffers[i].offset);
    }
    in->launch.buffers = launch->buffer_count ? in->buffers : NULL;
    if (!launch->workspace.memory) return TENON_STATUS_OK;
    TENON_TRY(tenon__take(hook, TENON__KIND_MEMORY, launch->workspace.memory, &in->workspace));
    in->launch.workspace = tenon__inner_buffer(in->workspace, launch->workspace.offset);
    return TENON_STATUS_OK;
}

static tenon_status run_launch(tenon__call *call, inside *in) {
    call->launch = &in->launch;
    call->operands = in->memories;
    call->workspace = in->workspace;
    tenon__enter(call, call->stream);
    if (!call->answered)
        call->status = call->layer->inner.work.launch(call->stream->inner, call->exec->inner, call->launch);
    return tenon__leave(call);
}

static tenon_status work_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    inside in;
    tenon__call call = {.hook = TENON__HOOK_work_launch};
    in.heap = NULL;
    in.workspace = NULL;
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_EXEC, exec, &call.exec));
    tenon_status status = convert(&in, call.hook, launch);
    if (status == TENON_STATUS_OK) status = run_launch(&call, &in);
    free(in.heap);
    return status;
}

static tenon_status work_pack(tenon_stream *stream, tenon_exec *exec, uint32_t operand, tenon_buffer source,
                              tenon_buffer destination) {
    tenon__call call = {
        .hook = TENON__HOOK_work_pack, .index = operand, .offset = destination.offset, .source_offset = source.offset};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_STREAM, stream, &call.stream));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_EXEC, exec, &call.exec));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_MEMORY, source.memory, &call.source));
    TENON_TRY(tenon__take(call.hook, TENON__KIND_MEMORY, destination.memory, &call.memory));
    tenon__enter(&call, call.stream);
    if (!call.answered)
        call.status = call.layer->inner.work.pack(call.stream->inner, call.exec->inner, operand,
                                                  tenon__inner_buffer(call.source, source.offset),
                                                  tenon__inner_buffer(call.memory, destination.offset));
    return tenon__leave(&call);
}

static tenon_status work_dialect(tenon_device *device, const tenon_dialect **out_dialect) {
    tenon__call call = {.hook = TENON__HOOK_work_dialect, .out = out_dialect};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.work.dialect(call.device->inner, &call.dialect);
    TENON_TRY(tenon__leave(&call));
    *out_dialect = call.dialect;
    return TENON_STATUS_OK;
}

static tenon_status work_claim(tenon_device *device, const tenon_work *work, tenon_claim *out_claims) {
    tenon__call call = {.hook = TENON__HOOK_work_claim, .work = work, .out = out_claims};
    TENON_TRY(tenon__take(call.hook, TENON__KIND_DEVICE, device, &call.device));
    tenon__enter(&call, call.device);
    if (!call.answered) call.status = call.layer->inner.work.claim(call.device->inner, call.work, out_claims);
    return tenon__leave(&call);
}

const tenon_work_hooks tenon__wrapped_work = {
    .struct_size = sizeof tenon__wrapped_work,
    .prepare = work_prepare,
    .launch = work_launch,
    .release = work_release,
    .pack = work_pack,
    .dialect = work_dialect,
    .claim = work_claim,
};
