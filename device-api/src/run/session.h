/* The inside of a session, shared by session.c (life), tensors.c and arrays.c (runs) and report.c (placement, figures). */
#ifndef TENON_RUN_SESSION_H
#define TENON_RUN_SESSION_H

#include "run/context.h"

struct tenonh_session {
    _Atomic uint32_t references;
    const tenonh_module *module;
    const tenonh_function *function;
    tenon__plan_context places;
    tenon__execs *execs;
    tenon__lowered *lowered; /* the module's, made once */
    tenon__plans plans;
    tenon__contexts contexts;
};

/* Checks the number of inputs or outputs that a call gives. */
tenon_status tenon__session_check_count(const char *what, uint32_t given, uint32_t wanted);

/* Checks dtype and rank of input `index`; dims are checked against symbols when they are planned for. */
tenon_status tenon__session_check_type(const tenonh_session *session, uint32_t index, tenon_dtype dtype, uint32_t rank);

/* Runs on tensors of the session's device, in a context that the caller took; see tenonh_session_run. */
tenon_status tenon__session_run(tenonh_session *session, tenon__context *context, tenonh_tensor *const *inputs,
                                tenonh_tensor **outputs);

#endif
