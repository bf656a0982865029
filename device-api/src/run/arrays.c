/* Runs on arrays in host memory. */
#include <stdlib.h>

#include "device/pool.h"
#include "run/session.h"
#include "support/error.h"

static tenon_status write_input(tenonh_session *session, tenonh_stream *stream, uint32_t index,
                                const tenonh_array *array, tenonh_tensor **out_tensor) {
    TENON_TRY(tenon__session_check_type(session, index, array->dtype, array->rank));
    TENON_TRY(
        tenon__tensor_create_pooled(session->places.devices[0], array->dtype, array->rank, array->dims, out_tensor));
    return tenonh_tensor_write(*out_tensor, stream, array->data, array->size);
}

static tenon_status read_output(tenonh_stream *stream, tenonh_tensor *tensor, tenonh_array *out_array) {
    TENON_TRY(tenonh_array_create(tensor->dtype, tensor->rank, tenonh_tensor_dims(tensor), out_array));
    return tenonh_tensor_read(tensor, stream, out_array->data, out_array->size);
}

/* A call's inputs and outputs, and room for as many tensors. */
typedef struct call {
    const tenonh_array *inputs;
    tenonh_array *outputs;
    tenonh_tensor **tensors;
} call;

static tenon_status run(tenonh_session *session, tenon__context *context, const call *c) {
    tenonh_stream *stream = context->streams[0][0];
    tenonh_tensor **results = c->tensors + session->plans.input_count;
    for (uint32_t i = 0; i < session->plans.input_count; i++)
        TENON_TRY(write_input(session, stream, i, &c->inputs[i], &c->tensors[i]));
    TENON_TRY(tenon__session_run(session, context, c->tensors, results));
    for (uint32_t i = 0; i < session->plans.output_count; i++)
        TENON_TRY(read_output(stream, results[i], &c->outputs[i]));
    return TENON_STATUS_OK;
}

static tenon_status run_call(tenonh_session *session, tenon__context *context, const void *arguments) {
    const call *c = arguments;
    tenon_status status = run(session, context, c);
    for (uint32_t i = 0; i < session->plans.input_count + session->plans.output_count; i++) {
        tenonh_tensor_release(c->tensors[i]);
        c->tensors[i] = NULL;
    }
    for (uint32_t i = 0; status != TENON_STATUS_OK && i < session->plans.output_count; i++)
        tenonh_array_free(&c->outputs[i]);
    return status;
}

tenon_status tenonh_session_run_arrays(tenonh_session *session, const tenonh_array *inputs, uint32_t input_count,
                                       tenonh_array *outputs, uint32_t output_count) {
    if (!session) return tenon__fail(TENON_STATUS_INVALID, "no session to run");
    TENON_TRY(tenon__session_check_count("inputs", input_count, session->plans.input_count));
    TENON_TRY(tenon__session_check_count("outputs", output_count, session->plans.output_count));
    call c = {inputs, outputs, calloc((size_t)input_count + output_count + 1, sizeof(void *))};
    if (!c.tensors) return tenon__fail_memory();
    tenon_status status = tenon__session_in_context(session, run_call, &c);
    free(c.tensors);
    return status;
}
