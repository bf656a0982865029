/* The inside of a session, shared by session.c (life), tensors.c and arrays.c (runs), memory.c (runs that lack memory) and
 * report.c (placement, figures). */
#ifndef TENON_RUN_SESSION_H
#define TENON_RUN_SESSION_H

#include "run/control.h"

struct tenonh_session {
    _Atomic uint32_t references;
    const tenonh_module *module;
    const tenonh_function *function;
    tenon__plan_context places;
    tenon__execs *execs;
    tenon__claimer *claimer; /* NULL: the device takes nothing whole */
    tenon__lowered *lowered; /* the module's, made once; NULL with control */
    tenon__control *control; /* NULL: one plan is enough */
    tenon__plans plans;
    tenon__contexts contexts;
};

/* Checks the number of inputs or outputs that a call gives. */
tenon_status tenon__session_check_count(const char *what, uint32_t given, uint32_t wanted);

/* Checks what a run is called with: session, lists, counts. */
tenon_status tenon__session_check_call(const tenonh_session *session, const void *inputs, uint32_t input_count,
                                       const void *outputs, uint32_t output_count);

/* Checks dtype and rank of input `index`; dims are checked against symbols when they are planned for. */
tenon_status tenon__session_check_type(const tenonh_session *session, uint32_t index, tenon_dtype dtype, uint32_t rank);

/* Something done in a context. When it ends with OUT_OF_MEMORY it may be done again: it keeps no memory then. */
typedef tenon_status (*tenon__session_body)(tenonh_session *session, tenon__context *context, const void *arguments);

/* Does it in a context taken for it. Where memory does not suffice, other runs are waited for, or the plan made smaller.
 * Errors: what `body` ends with; OUT_OF_MEMORY says what holds the memory. */
tenon_status tenon__session_in_context(tenonh_session *session, tenon__session_body body, const void *arguments);

/* Runs on tensors of the session's device, in a context that the caller took; see tenonh_session_run. */
tenon_status tenon__session_run(tenonh_session *session, tenon__context *context, tenonh_tensor *const *inputs,
                                tenonh_tensor **outputs);

#endif
