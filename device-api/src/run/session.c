/* Life of sessions, plans by input dims, and runs on tensors and arrays. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run/run.h"

enum { DEFAULT_PLANS = 64 };

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* -- Life -- */

static tenon_status check_options(const tenonh_session_options *options, tenonh_session_options *out_options) {
    *out_options = (tenonh_session_options){.struct_size = sizeof *out_options};
    if (!options) return TENON_STATUS_OK;
    tenon_status status = tenon_descriptor_check(options, TENONH_SESSION_OPTIONS_SIZE_V1, sizeof *options);
    if (status == TENON_STATUS_OK) {
        uint32_t given = options->struct_size;
        memcpy(out_options, options, given < sizeof *out_options ? given : sizeof *out_options);
    }
    if (status != TENON_STATUS_OK || out_options->reserved != 0 || out_options->reserved_2 != 0)
        return tenon__fail(status != TENON_STATUS_OK ? status : TENON_STATUS_INVALID,
                           "session options: struct_size or reserved members are not what this version knows");
    out_options->struct_size = sizeof *out_options;
    return TENON_STATUS_OK;
}

static uint32_t count_dims(const tenonh_function *function) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tenonh_function_input_count(function); i++)
        count += tenonh_value_rank(tenonh_function_input(function, i));
    return count;
}

tenon_status tenonh_session_create(const tenonh_module *module, tenonh_device *device,
                                   const tenonh_session_options *options, tenonh_session **out_session) {
    tenonh_session_options chosen;
    if (!module || !device || !out_session)
        return tenon__fail(TENON_STATUS_INVALID, "tenonh_session_create: module, device and out_session are needed");
    TENON_TRY(check_options(options, &chosen));
    const tenonh_function *function = tenonh_module_function(module, "main");
    if (!function) return tenon__fail(TENON_STATUS_NOT_FOUND, "the module has no function 'main' to run");
    tenonh_session *session = calloc(1, sizeof *session);
    if (!session) return tenon__fail_memory();
    uint64_t start = now();
    tenon_status status = tenon__execs_create(&session->execs);
    if (status == TENON_STATUS_OK) status = tenon__lowered_create(module, NULL, NULL, &session->lowered);
    if (status != TENON_STATUS_OK) {
        tenon__execs_destroy(session->execs);
        return free(session), status;
    }
    session->prepare_ns = now() - start;
    pthread_mutex_init(&session->lock, NULL);
    session->references = 1;
    session->module = module;
    session->function = function;
    session->generation = 1;
    session->plan_limit = chosen.keep_plans ? chosen.keep_plans : DEFAULT_PLANS;
    session->dim_count = count_dims(function);
    session->context.devices[0] = tenonh_device_retain(device);
    bool falls_back = chosen.fallback && !chosen.require_device && chosen.fallback != device;
    if (falls_back) session->context.devices[1] = tenonh_device_retain(chosen.fallback);
    session->context.execs = session->execs;
    session->context.streams = chosen.streams;
    *out_session = session;
    return TENON_STATUS_OK;
}

tenonh_session *tenonh_session_retain(tenonh_session *session) {
    if (session) session->references++;
    return session;
}

static void drop_plan(tenonh_session *session, tenon__planned *planned) {
    tenon__unbind_constants(session, planned);
    tenon__plan_destroy(planned->plan);
    free(planned);
}

void tenonh_session_release(tenonh_session *session) {
    if (!session || --session->references > 0) return;
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) tenonh_stream_release(session->streams[place]);
    for (tenon__planned *planned = session->plans, *next; planned; planned = next) {
        next = planned->next;
        drop_plan(session, planned);
    }
    tenon__lowered_destroy(session->lowered);
    tenon__execs_destroy(session->execs);
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) {
        tenonh_memory_release(session->arenas[place]);
        tenonh_device_release(session->context.devices[place]);
    }
    pthread_mutex_destroy(&session->lock);
    free(session->bounce);
    free(session);
}

/* -- Plans -- */

static tenon__planned *find_plan(tenonh_session *session, const int64_t *dims) {
    for (tenon__planned **link = &session->plans; *link; link = &(*link)->next) {
        tenon__planned *planned = *link;
        if (memcmp(planned->dims, dims, session->dim_count * sizeof *dims) != 0) continue;
        *link = planned->next;
        planned->next = session->plans;
        return session->plans = planned;
    }
    return NULL;
}

/* Drops the plan that was used longest ago once there are more than the limit. */
static void limit_plans(tenonh_session *session) {
    uint32_t count = 0;
    tenon__planned **link = &session->plans;
    for (; *link && count < session->plan_limit; count++) link = &(*link)->next;
    while (*link) {
        tenon__planned *planned = *link;
        *link = planned->next;
        drop_plan(session, planned);
    }
}

static tenon_status make_plan(tenonh_session *session, const int64_t *dims, tenon__planned **out_planned) {
    uint32_t count = tenonh_function_input_count(session->function);
    tenon__planned *planned = calloc(1, sizeof *planned + session->dim_count * sizeof *dims);
    const int64_t **lists = calloc((size_t)count + 1, sizeof *lists);
    tenon_status status = planned && lists ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
    for (uint32_t i = 0, at = 0; status == TENON_STATUS_OK && i < count; i++) {
        lists[i] = dims + at;
        at += tenonh_value_rank(tenonh_function_input(session->function, i));
    }
    uint64_t start = now();
    if (status == TENON_STATUS_OK)
        status = tenon__plan_create(&session->context, session->lowered, "main", lists, count, NULL, &planned->plan);
    free(lists);
    if (status == TENON_STATUS_OK) {
        status = tenon__bind_constants(session, planned);
        if (status != TENON_STATUS_OK) drop_plan(session, planned), planned = NULL;
    }
    session->prepare_ns += now() - start;
    if (status != TENON_STATUS_OK) return free(planned), status;
    if (session->dim_count) memcpy(planned->dims, dims, session->dim_count * sizeof *dims);
    planned->next = session->plans;
    session->plans = planned;
    session->plans_made++;
    limit_plans(session);
    *out_planned = planned;
    return TENON_STATUS_OK;
}

static tenon_status plan_for(tenonh_session *session, const int64_t *dims, tenon__planned **out_planned) {
    *out_planned = find_plan(session, dims);
    return *out_planned ? (tenon_status)TENON_STATUS_OK : make_plan(session, dims, out_planned);
}

/* -- Checking what comes in -- */

static tenon_status check_count(const char *what, uint32_t given, uint32_t wanted) {
    if (given == wanted) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "the model has %u %s, %u were given", wanted, what, given);
}

/* Checks dtype and rank of input `index`; dims are checked against symbols when they are planned for. */
static tenon_status check_type(const tenonh_session *session, uint32_t index, tenon_dtype dtype, uint32_t rank) {
    const tenonh_value *value = tenonh_function_input(session->function, index);
    const char *name = tenonh_function_input_name(session->function, index);
    if (dtype != value->dtype)
        return tenon__fail(TENON_STATUS_INVALID, "input '%s' is %s; the model wants %s", name, tenon_dtype_name(dtype),
                           tenon_dtype_name(value->dtype));
    if (rank != value->rank)
        return tenon__fail(TENON_STATUS_INVALID, "input '%s' has rank %u; the model wants %s", name, rank,
                           tenon__type_text(value));
    return TENON_STATUS_OK;
}

static tenon_status gather_dims(const tenonh_session *session, const int64_t *const *lists, int64_t **out_dims) {
    int64_t *dims = calloc((size_t)session->dim_count + 1, sizeof *dims);
    if (!dims) return tenon__fail_memory();
    for (uint32_t i = 0, at = 0; i < tenonh_function_input_count(session->function); i++) {
        uint32_t rank = tenonh_value_rank(tenonh_function_input(session->function, i));
        for (uint32_t k = 0; k < rank; k++) dims[at++] = lists[i][k];
    }
    *out_dims = dims;
    return TENON_STATUS_OK;
}

tenon_status tenonh_session_prepare(tenonh_session *session, const int64_t *const *dims, uint32_t input_count) {
    int64_t *flat;
    tenon__planned *planned;
    if (!session) return tenon__fail(TENON_STATUS_INVALID, "tenonh_session_prepare: no session");
    TENON_TRY(check_count("inputs", input_count, tenonh_function_input_count(session->function)));
    TENON_TRY(gather_dims(session, dims, &flat));
    pthread_mutex_lock(&session->lock);
    tenon_status status = tenon__session_settle(session, plan_for(session, flat, &planned));
    pthread_mutex_unlock(&session->lock);
    free(flat);
    return status;
}

/* -- Runs on tensors -- */

/* What a run works on: `inputs` as the plan wants them, and outputs; `made` are this run's own. */
typedef struct run_tensors {
    tenonh_tensor **inputs;
    tenonh_tensor **outputs;
    tenonh_tensor **made; /* NULL entries where the caller's tensor is used */
    uint32_t input_count, output_count;
} run_tensors;

static tenon_status create_run(run_tensors *run, uint32_t input_count, uint32_t output_count) {
    size_t total = (size_t)input_count * 2 + (size_t)output_count * 2;
    tenonh_tensor **all = calloc(total + 1, sizeof *all);
    if (!all) return tenon__fail_memory();
    *run = (run_tensors){.inputs = all, .outputs = all + input_count, .made = all + input_count + output_count};
    run->input_count = input_count;
    run->output_count = output_count;
    return TENON_STATUS_OK;
}

static void end_run(run_tensors *run) {
    for (uint32_t i = 0; run->inputs && i < run->input_count + run->output_count; i++)
        tenonh_tensor_release(run->made[i]);
    free(run->inputs);
}

static tenon_status check_place(const tenonh_session *session, const char *what, const char *name,
                                const tenonh_tensor *tensor) {
    if (!tensor) return tenon__fail(TENON_STATUS_INVALID, "%s '%s' is NULL", what, name);
    const tenonh_device *device = tenonh_memory_device(tenonh_tensor_memory(tensor));
    if (device == session->context.devices[0]) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "%s '%s' lies on %s; the session runs on %s", what, name,
                       tenonh_device_name(device), tenonh_device_name(session->context.devices[0]));
}

/* A row-major copy of a tensor with strides, made through the host. */
static tenon_status pack_tensor(tenonh_session *session, tenonh_tensor *tensor, tenonh_tensor **out_tensor) {
    uint64_t size = tenonh_tensor_size(tensor);
    void *bytes = malloc(size ? size : 1);
    if (!bytes) return tenon__fail_memory();
    tenon_status status = tenonh_tensor_create(session->context.devices[0], tenonh_tensor_dtype(tensor),
                                               tenonh_tensor_rank(tensor), tenonh_tensor_dims(tensor), out_tensor);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_read(tensor, session->streams[0], bytes, size);
    if (status == TENON_STATUS_OK) status = tenonh_tensor_write(*out_tensor, session->streams[0], bytes, size);
    free(bytes);
    return status;
}

static tenon_status take_inputs(tenonh_session *session, tenonh_tensor *const *inputs, run_tensors *run) {
    for (uint32_t i = 0; i < run->input_count; i++) {
        TENON_TRY(check_place(session, "input", tenonh_function_input_name(session->function, i), inputs[i]));
        TENON_TRY(check_type(session, i, tenonh_tensor_dtype(inputs[i]), tenonh_tensor_rank(inputs[i])));
        run->inputs[i] = inputs[i];
        if (tenonh_tensor_is_contiguous(inputs[i])) continue;
        TENON_TRY(pack_tensor(session, inputs[i], &run->made[i]));
        run->inputs[i] = run->made[i];
    }
    return TENON_STATUS_OK;
}

static tenon_status check_output(const tenonh_session *session, const tenon__ref *ref, uint32_t index,
                                 const tenonh_tensor *tensor) {
    const char *name = tenonh_function_output_name(session->function, index);
    TENON_TRY(check_place(session, "output", name, tensor));
    bool fits = tenonh_tensor_dtype(tensor) == ref->dtype && tenonh_tensor_rank(tensor) == ref->rank;
    fits = fits && memcmp(tenonh_tensor_dims(tensor), ref->dims, ref->rank * sizeof *ref->dims) == 0;
    if (fits && tenonh_tensor_is_contiguous(tensor)) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "the tensor for output '%s' has not its dtype and dims, or has gaps",
                       name);
}

static tenon_status take_outputs(tenonh_session *session, const tenon__plan *plan, tenonh_tensor **outputs,
                                 run_tensors *run) {
    for (uint32_t i = 0; i < run->output_count; i++) {
        const tenon__ref *ref = &plan->outputs[i];
        run->outputs[i] = outputs[i];
        if (outputs[i]) {
            TENON_TRY(check_output(session, ref, i, outputs[i]));
            continue;
        }
        tenonh_tensor **made = &run->made[run->input_count + i];
        TENON_TRY(tenonh_tensor_create(session->context.devices[0], ref->dtype, ref->rank, ref->dims, made));
        run->outputs[i] = *made;
    }
    return TENON_STATUS_OK;
}

static tenon_status plan_for_tensors(tenonh_session *session, const run_tensors *run, tenon__planned **out_planned) {
    const int64_t **lists = calloc((size_t)run->input_count + 1, sizeof *lists);
    if (!lists) return tenon__fail_memory();
    for (uint32_t i = 0; i < run->input_count; i++) lists[i] = tenonh_tensor_dims(run->inputs[i]);
    int64_t *dims;
    tenon_status status = gather_dims(session, lists, &dims);
    free(lists);
    TENON_TRY(status);
    status = plan_for(session, dims, out_planned);
    free(dims);
    return status;
}

static tenon_status run_locked(tenonh_session *session, tenonh_tensor *const *inputs, tenonh_tensor **outputs,
                               run_tensors *run) {
    tenon__planned *planned;
    TENON_TRY(tenon__session_streams(session));
    TENON_TRY(take_inputs(session, inputs, run));
    TENON_TRY(plan_for_tensors(session, run, &planned));
    TENON_TRY(take_outputs(session, planned->plan, outputs, run));
    TENON_TRY(tenon__bind(session, planned, run->inputs, run->outputs));
    return tenon__run_steps(session, planned, run->inputs, run->outputs);
}

/* Hands the outputs that this run made to the caller. */
static void give_outputs(run_tensors *run, tenonh_tensor **outputs) {
    for (uint32_t i = 0; i < run->output_count; i++) {
        outputs[i] = run->outputs[i];
        run->made[run->input_count + i] = NULL;
    }
}

static tenon_status check_run(const tenonh_session *session, uint32_t input_count, uint32_t output_count) {
    if (!session) return tenon__fail(TENON_STATUS_INVALID, "no session to run");
    TENON_TRY(check_count("inputs", input_count, tenonh_function_input_count(session->function)));
    return check_count("outputs", output_count, tenonh_function_output_count(session->function));
}

/* One run while the lock is held. */
static tenon_status take_turn(tenonh_session *session, tenonh_tensor *const *inputs, tenonh_tensor **outputs) {
    run_tensors run = {0};
    TENON_TRY(create_run(&run, tenonh_function_input_count(session->function),
                         tenonh_function_output_count(session->function)));
    tenon_status status = tenon__session_settle(session, run_locked(session, inputs, outputs, &run));
    if (status == TENON_STATUS_OK) {
        session->runs++;
        give_outputs(&run, outputs);
    }
    end_run(&run);
    return status;
}

tenon_status tenonh_session_run(tenonh_session *session, tenonh_tensor *const *inputs, uint32_t input_count,
                                tenonh_tensor **outputs, uint32_t output_count) {
    TENON_TRY(check_run(session, input_count, output_count));
    pthread_mutex_lock(&session->lock);
    tenon_status status = take_turn(session, inputs, outputs);
    pthread_mutex_unlock(&session->lock);
    return status;
}

/* -- Runs on arrays -- */

static tenon_status write_input(tenonh_session *session, uint32_t index, const tenonh_array *array,
                                tenonh_tensor **out_tensor) {
    TENON_TRY(check_type(session, index, array->dtype, array->rank));
    TENON_TRY(tenonh_tensor_create(session->context.devices[0], array->dtype, array->rank, array->dims, out_tensor));
    return tenonh_tensor_write(*out_tensor, session->streams[0], array->data, array->size);
}

static tenon_status read_output(tenonh_session *session, tenonh_tensor *tensor, tenonh_array *out_array) {
    TENON_TRY(tenonh_array_create(tenonh_tensor_dtype(tensor), tenonh_tensor_rank(tensor), tenonh_tensor_dims(tensor),
                                  out_array));
    return tenonh_tensor_read(tensor, session->streams[0], out_array->data, out_array->size);
}

static tenon_status run_arrays(tenonh_session *session, const tenonh_array *inputs, run_tensors *run,
                               tenonh_array *outputs) {
    TENON_TRY(tenon__session_streams(session));
    for (uint32_t i = 0; i < run->input_count; i++) TENON_TRY(write_input(session, i, &inputs[i], &run->made[i]));
    tenonh_tensor **results = run->made + run->input_count;
    TENON_TRY(take_turn(session, run->made, results));
    for (uint32_t i = 0; i < run->output_count; i++) TENON_TRY(read_output(session, results[i], &outputs[i]));
    return TENON_STATUS_OK;
}

tenon_status tenonh_session_run_arrays(tenonh_session *session, const tenonh_array *inputs, uint32_t input_count,
                                       tenonh_array *outputs, uint32_t output_count) {
    run_tensors run = {0};
    TENON_TRY(check_run(session, input_count, output_count));
    TENON_TRY(create_run(&run, input_count, output_count));
    pthread_mutex_lock(&session->lock);
    tenon_status status = tenon__session_settle(session, run_arrays(session, inputs, &run, outputs));
    pthread_mutex_unlock(&session->lock);
    for (uint32_t i = 0; status != TENON_STATUS_OK && i < output_count; i++) tenonh_array_free(&outputs[i]);
    end_run(&run);
    return status;
}
