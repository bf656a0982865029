/* Runs plans: launches steps in order, moves values by way of the host, waits. */
#include <stdlib.h>
#include <string.h>

#include "run/run.h"

tenon_status tenon__session_streams(tenonh_session *session) {
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) {
        tenonh_device *device = session->context.devices[place];
        if (device && !session->streams[place]) TENON_TRY(tenonh_stream_create(device, &session->streams[place]));
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__session_settle(tenonh_session *session, tenon_status status) {
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) {
        if (!session->streams[place]) continue;
        tenon_status end = tenonh_stream_synchronize(session->streams[place]);
        bool is_cause = status == TENON_STATUS_OK || status == TENON_STATUS_FAILED_STREAM;
        if (end != TENON_STATUS_OK && is_cause) status = end;
    }
    for (uint32_t place = 0; place < TENON__MAX_PLACES && status != TENON_STATUS_OK; place++) {
        tenonh_stream_release(session->streams[place]);
        session->streams[place] = NULL;
    }
    return status;
}

/* -- Moves by way of the host -- */

static tenon_status reserve_bounce(tenonh_session *session, uint64_t size) {
    if (size <= session->bounce_size) return TENON_STATUS_OK;
    free(session->bounce);
    session->bounce = malloc(size);
    session->bounce_size = session->bounce ? size : 0;
    return session->bounce ? TENON_STATUS_OK : tenon__fail_memory();
}

/* A ref of a move as a tensor. */
static tenon_status wrap(const tenonh_session *session, const tenon__planned *planned, const tenon__ref *ref,
                         tenonh_tensor *const *inputs, tenonh_tensor *const *outputs, tenonh_tensor **out_tensor) {
    uint64_t start;
    tenonh_memory *memory = tenon__memory_of(session, planned, ref->storage, inputs, outputs, &start);
    start += (uint64_t)ref->offset * tenon_dtype_bits(ref->dtype) / 8;
    return tenonh_tensor_wrap(memory, start, ref->dtype, ref->rank, ref->dims, ref->strides, out_tensor);
}

static tenon_status move_tensor(tenonh_session *session, tenonh_tensor *from, tenonh_stream *from_stream,
                                tenonh_tensor *to, tenonh_stream *to_stream) {
    uint64_t size = tenonh_tensor_size(from);
    TENON_TRY(reserve_bounce(session, size));
    TENON_TRY(tenonh_tensor_read(from, from_stream, session->bounce, size));
    return tenonh_tensor_write(to, to_stream, session->bounce, size);
}

static tenon_status move(tenonh_session *session, const tenon__planned *planned, const tenon__step *step,
                         tenonh_tensor *const *inputs, tenonh_tensor *const *outputs) {
    uint32_t from_place = planned->plan->storages[step->refs[0].storage].place;
    tenonh_tensor *from = NULL, *to = NULL;
    tenon_status status = wrap(session, planned, &step->refs[0], inputs, outputs, &from);
    if (status == TENON_STATUS_OK) status = wrap(session, planned, &step->refs[1], inputs, outputs, &to);
    if (status == TENON_STATUS_OK)
        status = move_tensor(session, from, session->streams[from_place], to, session->streams[step->place]);
    tenonh_tensor_release(from);
    tenonh_tensor_release(to);
    return status;
}

static tenon_status run_step(tenonh_session *session, const tenon__planned *planned, uint32_t index,
                             tenonh_tensor *const *inputs, tenonh_tensor *const *outputs) {
    const tenon__step *step = &planned->plan->steps[index];
    tenon_status status = step->exec ? tenonh_exec_launch(step->exec, session->streams[step->place], &step->launch)
                                     : move(session, planned, step, inputs, outputs);
    if (status == TENON_STATUS_OK) return status;
    return tenon__fail_in(status, "step %u (%s%s%s)", index, step->name, *step->location ? ", from " : "",
                          step->location);
}

/* All streams of a place are one here, so that events have nothing to order. */
tenon_status tenon__run_steps(tenonh_session *session, const tenon__planned *planned, tenonh_tensor *const *inputs,
                              tenonh_tensor *const *outputs) {
    const tenon__plan *plan = planned->plan;
    for (uint32_t i = 0; i < plan->command_count; i++) {
        const tenon__command *command = &plan->commands[i];
        if (command->kind == TENON__COMMAND_RECORD || command->kind == TENON__COMMAND_WAIT) continue;
        TENON_TRY(run_step(session, planned, command->index, inputs, outputs));
    }
    return TENON_STATUS_OK;
}
