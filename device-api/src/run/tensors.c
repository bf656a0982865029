/* Runs on tensors: what is given is checked, what is missing is made. */
#include <stdlib.h>
#include <string.h>

#include "device/pool.h"
#include "run/session.h"
#include "support/error.h"

/* -- Checking what comes in -- */

tenon_status tenon__session_check_count(const char *what, uint32_t given, uint32_t wanted) {
    if (given == wanted) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "the model has %u %s, %u were given", wanted, what, given);
}

tenon_status tenon__session_check_call(const tenonh_session *session, const void *inputs, uint32_t input_count,
                                       const void *outputs, uint32_t output_count) {
    if (!session) return tenon__fail(TENON_STATUS_INVALID, "no session to run");
    TENON_TRY(tenon__session_check_count("inputs", input_count, session->plans.input_count));
    TENON_TRY(tenon__session_check_count("outputs", output_count, session->plans.output_count));
    if ((inputs || input_count == 0) && (outputs || output_count == 0)) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "run: the list of %s is NULL", inputs ? "outputs" : "inputs");
}

tenon_status tenon__session_check_type(const tenonh_session *session, uint32_t index, tenon_dtype dtype,
                                       uint32_t rank) {
    const tenonh_value *value = tenonh_function_input(session->function, index);
    if (dtype == value->dtype && rank == value->rank) return TENON_STATUS_OK;
    const char *name = tenonh_function_input_name(session->function, index);
    if (dtype != value->dtype)
        return tenon__fail(TENON_STATUS_INVALID, "input '%s' is %s; the model wants %s", name, tenon_dtype_name(dtype),
                           tenon_dtype_name(value->dtype));
    return tenon__fail(TENON_STATUS_INVALID, "input '%s' has rank %u; the model wants %s", name, rank,
                       tenon__type_text(value));
}

static tenon_status check_place(const tenonh_session *session, const char *what, const char *name,
                                const tenonh_tensor *tensor) {
    if (!tensor) return tenon__fail(TENON_STATUS_INVALID, "%s '%s' is NULL", what, name);
    const tenonh_device *device = tensor->memory->device;
    if (device == session->places.devices[0]) return TENON_STATUS_OK;
    const char *here = tenonh_device_name(device), *there = tenonh_device_name(session->places.devices[0]);
    if (strcmp(here, there) == 0)
        return tenon__fail(TENON_STATUS_INVALID,
                           "%s '%s' lies on another open of %s than the session runs on; make the tensor on the device "
                           "that the session was given",
                           what, name, here);
    return tenon__fail(TENON_STATUS_INVALID, "%s '%s' lies on %s; the session runs on %s", what, name, here, there);
}

static tenon_status check_output(const tenonh_session *session, const tenon__ref *ref, uint32_t index,
                                 const tenonh_tensor *tensor) {
    const char *name = tenonh_function_output_name(session->function, index);
    TENON_TRY(check_place(session, "output", name, tensor));
    bool fits = tensor->dtype == ref->dtype && tensor->rank == ref->rank;
    fits = fits && memcmp(tenonh_tensor_dims(tensor), ref->dims, ref->rank * sizeof *ref->dims) == 0;
    if (fits && tensor->memory->imported & TENON__READ_ONLY)
        return tenon__fail(TENON_STATUS_INVALID, "the tensor for output '%s' was imported to be read only", name);
    if (fits && tensor->contiguous) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "the tensor for output '%s' has not its dtype and dims, or has gaps",
                       name);
}

/* -- Inputs and outputs of a run -- */

/* A row-major copy of a tensor with strides, made through the host. */
static tenon_status pack_tensor(tenonh_session *session, tenonh_stream *stream, tenonh_tensor *tensor,
                                tenonh_tensor **out_tensor) {
    uint64_t size = tensor->size;
    void *bytes = malloc(size ? size : 1);
    if (!bytes) return tenon__fail_memory();
    tenon_status status = tenon__tensor_create_pooled(session->places.devices[0], tensor->dtype, tensor->rank,
                                                      tenonh_tensor_dims(tensor), out_tensor);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_read(tensor, stream, bytes, size);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_write(*out_tensor, stream, bytes, size);
    free(bytes);
    return status;
}

/* Checks the inputs; the context then has them as the plan wants them, and all their dims. */
static tenon_status take_inputs(tenonh_session *session, tenon__context *context, tenonh_tensor *const *inputs) {
    int64_t *dims = context->dims;
    for (uint32_t i = 0; i < session->plans.input_count; i++) {
        tenonh_tensor *tensor = inputs[i];
        TENON_TRY(check_place(session, "input", tenonh_function_input_name(session->function, i), tensor));
        TENON_TRY(tenon__session_check_type(session, i, tensor->dtype, tensor->rank));
        if (!tensor->contiguous) {
            TENON_TRY(pack_tensor(session, context->streams[0][0], tensor, &context->made[i]));
            tensor = context->made[i];
        }
        context->tensors[i] = tensor;
        for (uint32_t k = 0; k < tensor->rank; k++) *dims++ = tensor->numbers[k];
    }
    return TENON_STATUS_OK;
}

static tenon_status take_outputs(tenonh_session *session, tenon__context *context, const tenon__plan *plan,
                                 tenonh_tensor *const *outputs) {
    for (uint32_t i = 0; i < plan->output_count; i++) {
        const tenon__ref *ref = &plan->outputs[i];
        uint32_t at = plan->input_count + i;
        if (outputs[i]) {
            TENON_TRY(check_output(session, ref, i, outputs[i]));
            context->tensors[at] = outputs[i];
            continue;
        }
        TENON_TRY(tenon__tensor_create_pooled(session->places.devices[0], ref->dtype, ref->rank, ref->dims,
                                              &context->made[at]));
        context->tensors[at] = context->made[at];
    }
    return TENON_STATUS_OK;
}

/* Hands the outputs that this run made to the caller. */
static void give_outputs(const tenon__plans *plans, tenon__context *context, tenonh_tensor **outputs) {
    for (uint32_t i = 0; i < plans->output_count; i++) {
        outputs[i] = context->tensors[plans->input_count + i];
        context->made[plans->input_count + i] = NULL;
    }
}

static void release_made(const tenon__plans *plans, tenon__context *context) {
    for (uint32_t i = 0; i < plans->input_count + plans->output_count; i++) {
        tenonh_tensor_release(context->made[i]);
        context->made[i] = NULL;
    }
}

/* The dims of outputs show when they are there: what can be checked before is. */
static tenon_status run_control(tenonh_session *session, tenon__context *context, tenonh_tensor *const *outputs) {
    for (uint32_t i = 0; i < session->plans.output_count; i++) {
        const char *name = tenonh_function_output_name(session->function, i);
        const tenonh_value *value = tenonh_function_output(session->function, i);
        if (!outputs[i]) continue;
        TENON_TRY(check_place(session, "output", name, outputs[i]));
        if (outputs[i]->dtype == value->dtype && outputs[i]->rank == value->rank && outputs[i]->contiguous) continue;
        return tenon__fail(TENON_STATUS_INVALID, "the tensor for output '%s' has not its dtype and dims, or has gaps",
                           name);
    }
    return tenon__control_run(session->control, context, outputs);
}

static tenon_status run(tenonh_session *session, tenon__context *context, tenonh_tensor *const *inputs,
                        tenonh_tensor **outputs) {
    tenon__binding *binding;
    TENON_TRY(take_inputs(session, context, inputs));
    if (session->control) return run_control(session, context, outputs);
    TENON_TRY(tenon__context_bind(context, &session->plans, context->dims, &binding));
    TENON_TRY(take_outputs(session, context, binding->planned->plan, outputs));
    return tenon__context_run(context, binding, context->tensors);
}

tenon_status tenon__session_run(tenonh_session *session, tenon__context *context, tenonh_tensor *const *inputs,
                                tenonh_tensor **outputs) {
    tenon_status status = run(session, context, inputs, outputs);
    if (status == TENON_STATUS_OK) give_outputs(&session->plans, context, outputs);
    release_made(&session->plans, context);
    return status;
}

/* A call's inputs and outputs. */
typedef struct call {
    tenonh_tensor *const *inputs;
    tenonh_tensor **outputs;
} call;

static tenon_status run_call(tenonh_session *session, tenon__context *context, const void *arguments) {
    const call *c = arguments;
    return tenon__session_run(session, context, c->inputs, c->outputs);
}

tenon_status tenonh_session_run(tenonh_session *session, tenonh_tensor *const *inputs, uint32_t input_count,
                                tenonh_tensor **outputs, uint32_t output_count) {
    TENON_TRY(tenon__session_check_call(session, inputs, input_count, outputs, output_count));
    const call c = {inputs, outputs};
    return tenon__session_in_context(session, run_call, &c);
}
