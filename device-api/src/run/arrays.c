/* Runs on arrays in host memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device/pool.h"
#include "run/session.h"
#include "support/error.h"

/* The context's own tensor `index` with this type: kept from run to run while that stays the same. */
static tenon_status stage(tenon__context *context, uint32_t index, tenon_dtype dtype, uint32_t rank,
                          const int64_t *dims) {
    tenonh_tensor **staged = &context->staged[index];
    if (*staged && (*staged)->dtype == dtype && (*staged)->rank == rank &&
        memcmp(tenonh_tensor_dims(*staged), dims, rank * sizeof *dims) == 0)
        return TENON_STATUS_OK;
    tenonh_tensor_release(*staged);
    *staged = NULL;
    return tenon__tensor_create_pooled(context->contexts->places->devices[0], dtype, rank, dims, staged);
}

static tenon_status write_input(tenonh_session *session, tenon__context *context, uint32_t index,
                                const tenonh_array *array) {
    TENON_TRY(tenon__session_check_type(session, index, array->dtype, array->rank));
    TENON_TRY(stage(context, index, array->dtype, array->rank, array->dims));
    const tenonh_tensor *tensor = context->staged[index];
    if (array->size != tensor->size || (array->size && !array->data))
        return tenon__fail(TENON_STATUS_INVALID, "input '%s': its array has %" PRIu64 " bytes; its dims take %" PRIu64,
                           tenonh_function_input_name(session->function, index), array->size, tensor->size);
    return tenonh_stream_write(context->streams[0][0], tensor->memory, tensor->offset, array->data, array->size);
}

/* All inputs, and one wait: the run's streams do not know of the writes. */
static tenon_status write_inputs(tenonh_session *session, tenon__context *context, const tenonh_array *inputs) {
    for (uint32_t i = 0; i < session->plans.input_count; i++) TENON_TRY(write_input(session, context, i, &inputs[i]));
    return tenonh_stream_synchronize(context->streams[0][0]);
}

/* Outputs that a plan tells are made in tensors that the context keeps. */
static tenon_status stage_outputs(tenonh_session *session, tenon__context *context, const tenonh_array *inputs,
                                  tenonh_tensor **results) {
    tenon__binding *binding;
    int64_t *dims = context->dims;
    if (session->control) return TENON_STATUS_OK;
    for (uint32_t i = 0; i < session->plans.input_count; i++)
        for (uint32_t k = 0; k < inputs[i].rank; k++) *dims++ = inputs[i].dims[k];
    TENON_TRY(tenon__context_bind(context, &session->plans, context->dims, &binding));
    for (uint32_t i = 0; i < session->plans.output_count; i++) {
        const tenon__ref *ref = &binding->planned->plan->outputs[i];
        uint32_t at = session->plans.input_count + i;
        TENON_TRY(stage(context, at, ref->dtype, ref->rank, ref->dims));
        results[i] = tenonh_tensor_retain(context->staged[at]);
    }
    return TENON_STATUS_OK;
}

static tenon_status read_outputs(tenonh_session *session, tenon__context *context, tenonh_tensor *const *results,
                                 tenonh_array *outputs) {
    tenonh_stream *stream = context->streams[0][0];
    for (uint32_t i = 0; i < session->plans.output_count; i++) {
        const tenonh_tensor *from = results[i];
        TENON_TRY(tenonh_array_create(from->dtype, from->rank, tenonh_tensor_dims(from), &outputs[i]));
        TENON_TRY(tenonh_stream_read(stream, outputs[i].data, from->memory, from->offset, from->size));
    }
    return tenonh_stream_synchronize(stream);
}

/* A call's inputs and outputs, and room for the outputs' tensors. */
typedef struct call {
    const tenonh_array *inputs;
    tenonh_array *outputs;
    tenonh_tensor **results;
} call;

static tenon_status run(tenonh_session *session, tenon__context *context, const call *c) {
    TENON_TRY(write_inputs(session, context, c->inputs));
    TENON_TRY(stage_outputs(session, context, c->inputs, c->results));
    TENON_TRY(tenon__session_run(session, context, context->staged, c->results));
    return read_outputs(session, context, c->results, c->outputs);
}

static tenon_status run_call(tenonh_session *session, tenon__context *context, const void *arguments) {
    const call *c = arguments;
    tenon_status status = run(session, context, c);
    if (status != TENON_STATUS_OK) tenon__context_settle(context); /* before the arrays go */
    for (uint32_t i = 0; i < session->plans.output_count; i++) {
        tenonh_tensor_release(c->results[i]);
        c->results[i] = NULL;
        if (status != TENON_STATUS_OK) tenonh_array_free(&c->outputs[i]);
    }
    if (status == TENON_STATUS_OUT_OF_MEMORY) tenon__context_unstage(context);
    return status;
}

tenon_status tenonh_session_run_arrays(tenonh_session *session, const tenonh_array *inputs, uint32_t input_count,
                                       tenonh_array *outputs, uint32_t output_count) {
    enum { FEW = 16 };
    tenonh_tensor *few[FEW] = {0};
    TENON_TRY(tenon__session_check_call(session, inputs, input_count, outputs, output_count));
    call c = {inputs, outputs, output_count <= FEW ? few : calloc(output_count, sizeof(void *))};
    if (!c.results) return tenon__fail_memory();
    tenon_status status = tenon__session_in_context(session, run_call, &c);
    if (c.results != few) free(c.results);
    return status;
}
