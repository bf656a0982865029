/* Runs bound plans: executes their commands in order, moves values by way of the host, waits at the end. */
#include <stdio.h>
#include <tenon/helpers.h>

#include "run/context.h"
#include "support/error.h"

/* One run of a bound plan. */
typedef struct run {
    tenon__context *context;
    const tenon__binding *binding;
    const tenon__planned *planned;
    tenonh_tensor *const *tensors; /* inputs, then outputs */
} run;

/* -- Moves by way of the host -- */

/* A ref of a move in memory. */
typedef struct place {
    tenonh_memory *memory;
    uint64_t start; /* bytes */
    uint64_t size;
    const tenon__ref *ref;
} place;

static tenon_status find_place(const run *r, const tenon__ref *ref, place *out_place) {
    uint64_t start;
    *out_place = (place){.ref = ref};
    TENON_TRY(tenon_dtype_bytes(ref->dtype, tenon__ref_count(ref), &out_place->size));
    out_place->memory = tenon__memory_of(r->context, r->planned, ref->storage, r->tensors, &start);
    out_place->start = start + (uint64_t)ref->offset * tenon_dtype_bits(ref->dtype) / 8;
    return TENON_STATUS_OK;
}

/* Reads or writes a ref with gaps, and waits for it. */
static tenon_status move_strided(const place *at, tenonh_stream *stream, void *bytes, bool is_write) {
    const tenon__ref *ref = at->ref;
    tenonh_tensor *tensor;
    TENON_TRY(tenonh_tensor_wrap(at->memory, at->start, ref->dtype, ref->rank, ref->dims, ref->strides, &tensor));
    tenon_status status = is_write ? tenonh_tensor_write(tensor, stream, bytes, at->size)
                                   : tenonh_tensor_read(tensor, stream, bytes, at->size);
    tenonh_tensor_release(tensor);
    return status;
}

/* The bytes are read at once; the write goes on while later steps do, from host memory of this move alone. */
static tenon_status move(const run *r, const tenon__command *command) {
    const tenon__step *step = &r->planned->plan->steps[command->index];
    tenonh_stream *from_stream = r->binding->streams[step->from_stream],
                  *to_stream = r->binding->streams[command->stream];
    void *bytes = (char *)r->context->bounce + r->planned->bounces[command->index];
    place from, to;
    TENON_TRY(find_place(r, &step->refs[0], &from));
    TENON_TRY(find_place(r, &step->refs[1], &to));
    if (from.size == 0) return TENON_STATUS_OK;
    if (tenon__ref_is_contiguous(from.ref)) {
        TENON_TRY(tenonh_stream_read(from_stream, bytes, from.memory, from.start, from.size));
        TENON_TRY(tenonh_stream_synchronize(from_stream));
    } else {
        TENON_TRY(move_strided(&from, from_stream, bytes, false));
    }
    if (!tenon__ref_is_contiguous(to.ref)) return move_strided(&to, to_stream, bytes, true);
    return tenonh_stream_write(to_stream, to.memory, to.start, bytes, to.size);
}

/* -- Commands -- */

static tenon_status fail_step(const run *r, const tenon__command *command, tenon_status status) {
    const tenon__step *step = &r->planned->plan->steps[command->index];
    return tenon__fail_in(status, "step %u (%s%s%s)", command->index, step->name, *step->location ? ", from " : "",
                          step->location);
}

static tenon_status execute(const run *r, const tenon__command *command) {
    const tenon__binding *binding = r->binding;
    tenonh_stream *stream = binding->streams[command->stream];
    tenon_status status;
    switch (command->kind) {
    case TENON__COMMAND_LAUNCH:
        status = tenonh_exec_launch(r->planned->plan->steps[command->index].exec, stream,
                                    &binding->launches[command->index]);
        break;
    case TENON__COMMAND_MOVE: status = move(r, command); break;
    case TENON__COMMAND_RECORD: return tenonh_event_record(binding->events[command->index], stream);
    default: return tenonh_event_wait(stream, binding->events[command->index]);
    }
    return status == TENON_STATUS_OK ? status : fail_step(r, command, status);
}

static tenon_status execute_all(const run *r) {
    const tenon__plan *plan = r->planned->plan;
    for (uint32_t i = 0; i < plan->command_count; i++) TENON_TRY(execute(r, &plan->commands[i]));
    return TENON_STATUS_OK;
}

static bool loads_indices(const tenon__step *step) {
    const tenon_op_row *row = step->op ? tenon_op_row_of(step->op) : NULL;
    return row && (row->family == TENON_FAMILY_GATHER || row->family == TENON_FAMILY_SCATTER ||
                   row->family == TENON_FAMILY_UPDATE);
}

/* An index out of range shows when the run ends: names the steps that it may have been in. */
static tenon_status name_loads(const run *r, tenon_status status) {
    enum { MOST_NAMED = 3 };
    const tenon__plan *plan = r->planned->plan;
    char names[512] = "";
    uint32_t count = 0;
    int length = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__step *step = &plan->steps[i];
        if (!loads_indices(step) || ++count > MOST_NAMED || length >= (int)sizeof names) continue;
        length += snprintf(names + length, sizeof names - (size_t)length, "%sstep %u (%s%s%s)", count > 1 ? ", " : "",
                           i, step->name, *step->location ? ", from " : "", step->location);
    }
    if (count == 0) return status;
    if (count <= MOST_NAMED) return tenon__fail_in(status, "%s%s", count > 1 ? "one of " : "", names);
    return tenon__fail_in(status, "one of %s and %u more", names, count - MOST_NAMED);
}

/* Waits for all streams, whatever happened: the run's memory must be out of use. The first failure that is a cause, and
 * not a consequence, is the run's. */
static tenon_status settle(const run *r, tenon_status status) {
    const tenon__plan *plan = r->planned->plan;
    for (uint32_t i = 0; i < plan->stream_count; i++) {
        tenon_status end = tenonh_stream_synchronize(r->binding->streams[i]);
        bool is_cause = status == TENON_STATUS_OK || status == TENON_STATUS_FAILED_STREAM;
        if (end == TENON_STATUS_OK || !is_cause) continue;
        status = end == TENON_STATUS_OUT_OF_RANGE ? name_loads(r, end) : end;
    }
    return status;
}

tenon_status tenon__context_run(tenon__context *context, tenon__binding *binding, tenonh_tensor *const *tensors) {
    const run r = {context, binding, binding->planned, tensors};
    for (uint32_t i = 0; i < r.planned->patch_count; i++) {
        const tenon__patch *patch = &r.planned->patches[i];
        const tenonh_tensor *tensor = tensors[patch->tensor];
        binding->buffers[patch->buffer] = (tenon_buffer){tensor->memory->handle, tensor->offset + patch->offset};
    }
    tenon__foresight_ask(context, binding);
    tenon_status status = settle(&r, execute_all(&r));
    if (status != TENON_STATUS_OK) return status;
    context->runs++;
    atomic_fetch_add_explicit(&context->contexts->runs, 1, memory_order_relaxed);
    return TENON_STATUS_OK;
}
