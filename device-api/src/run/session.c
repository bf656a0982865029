/* Life of sessions, and preparing ahead of runs. */
#include "run/session.h"

#include <stdlib.h>
#include <string.h>

#include "support/error.h"

enum { DEFAULT_PLANS = 64, DEFAULT_RUNS = 16 };

static tenon_status check_options(const tenonh_session_options *options, tenonh_session_options *out_options) {
    *out_options = (tenonh_session_options){.struct_size = sizeof *out_options};
    if (!options) return TENON_STATUS_OK;
    tenon_status status = tenon_descriptor_check(options, TENONH_SESSION_OPTIONS_SIZE_V1, sizeof *options);
    if (status == TENON_STATUS_OK) {
        uint32_t given = options->struct_size;
        memcpy(out_options, options, given < sizeof *out_options ? given : sizeof *out_options);
    }
    if (status != TENON_STATUS_OK || out_options->reserved != 0)
        return tenon__fail(status != TENON_STATUS_OK ? status : TENON_STATUS_INVALID,
                           "session options: struct_size or reserved members are not what this version knows");
    out_options->struct_size = sizeof *out_options;
    if (out_options->concurrent_runs <= TENON__MAX_CONTEXTS) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "session options: concurrent_runs is %u; the most is %d",
                       out_options->concurrent_runs, TENON__MAX_CONTEXTS);
}

static void fill(tenonh_session *session, tenonh_device *device, const tenonh_session_options *options) {
    bool falls_back = options->fallback && !options->require_device && options->fallback != device;
    uint32_t runs = options->concurrent_runs ? options->concurrent_runs : DEFAULT_RUNS;
    session->references = 1;
    session->places.devices[0] = tenonh_device_retain(device);
    if (falls_back) session->places.devices[1] = tenonh_device_retain(options->fallback);
    session->places.execs = session->execs;
    session->places.streams = options->streams;
    session->places.check = options->check_plans != 0;
    tenon__plans_init(&session->plans, &session->places, session->lowered, session->function,
                      options->keep_plans ? options->keep_plans : DEFAULT_PLANS);
    tenon__contexts_init(&session->contexts, &session->places, &session->plans, runs);
}

tenon_status tenonh_session_create(const tenonh_module *module, tenonh_device *device,
                                   const tenonh_session_options *options, tenonh_session **out_session) {
    tenonh_session_options chosen;
    if (!module || !device || !out_session)
        return tenon__fail(TENON_STATUS_INVALID, "tenonh_session_create: module, device and out_session are needed");
    TENON_TRY(check_options(options, &chosen));
    TENON_TRY(tenon__device_check(device, "session"));
    if (chosen.fallback) TENON_TRY(tenon__device_check(chosen.fallback, "session"));
    const tenonh_function *function = tenonh_module_function(module, "main");
    if (!function) return tenon__fail(TENON_STATUS_NOT_FOUND, "the module has no function 'main' to run");
    tenonh_session *session = calloc(1, sizeof *session);
    if (!session) return tenon__fail_memory();
    uint64_t start = tenon__now();
    tenon_status status = tenon__execs_create(&session->execs);
    uint32_t plan_limit = chosen.keep_plans ? chosen.keep_plans : DEFAULT_PLANS;
    if (status == TENON_STATUS_OK)
        status = tenon__claimer_create(device, session->execs, chosen.measure, &session->claimer);
    session->places.claimer = session->claimer;
    if (status == TENON_STATUS_OK)
        status = tenon__control_create(module, &session->places, plan_limit, chosen.rules, &session->control);
    if (status == TENON_STATUS_OK && !session->control)
        status = tenon__lowered_create(module, session->claimer, chosen.rules, &session->lowered);
    if (status != TENON_STATUS_OK) {
        tenon__claimer_destroy(session->claimer);
        tenon__execs_destroy(session->execs);
        return free(session), status;
    }
    session->module = module;
    session->function = function;
    fill(session, device, &chosen);
    session->plans.prepare_ns = tenon__now() - start;
    *out_session = session;
    return TENON_STATUS_OK;
}

tenonh_session *tenonh_session_retain(tenonh_session *session) {
    if (session) tenon__retain(&session->references);
    return session;
}

void tenonh_session_release(tenonh_session *session) {
    if (!session || !tenon__release(&session->references)) return;
    tenon__contexts_end(&session->contexts);
    tenon__control_destroy(session->control);
    tenon__plans_end(&session->plans);
    tenon__lowered_destroy(session->lowered);
    tenon__claimer_destroy(session->claimer);
    tenon__execs_destroy(session->execs);
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) tenonh_device_release(session->places.devices[place]);
    free(session);
}

/* Plans, and binds the plan to a context, so that a first run only runs. */
static tenon_status prepare(tenonh_session *session, tenon__context *context, const void *arguments) {
    const int64_t *const *dims = arguments;
    tenon__binding *binding;
    int64_t *at = context->dims;
    if (session->control) return tenon__control_prepare(session->control, context, dims);
    for (uint32_t i = 0; i < session->plans.input_count; i++)
        for (uint32_t k = 0; k < tenonh_value_rank(tenonh_function_input(session->function, i)); k++)
            *at++ = dims[i][k];
    return tenon__context_bind(context, &session->plans, context->dims, &binding);
}

tenon_status tenonh_session_prepare(tenonh_session *session, const int64_t *const *dims, uint32_t input_count) {
    if (!session) return tenon__fail(TENON_STATUS_INVALID, "tenonh_session_prepare: no session");
    TENON_TRY(tenon__session_check_count("inputs", input_count, session->plans.input_count));
    if (input_count && !dims) return tenon__fail(TENON_STATUS_INVALID, "tenonh_session_prepare: dims is NULL");
    for (uint32_t i = 0; i < input_count; i++)
        if (!dims[i] && tenonh_value_rank(tenonh_function_input(session->function, i)))
            return tenon__fail(TENON_STATUS_INVALID, "tenonh_session_prepare: the dims of input '%s' are NULL",
                               tenonh_function_input_name(session->function, i));
    return tenon__session_in_context(session, prepare, dims);
}
