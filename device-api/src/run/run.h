/* What a run does once its plan is bound. */
#ifndef TENON_RUN_RUN_H
#define TENON_RUN_RUN_H

#include "run/session.h"

/* Launches all steps of a bound plan; waits only for moves. */
tenon_status tenon__run_steps(tenonh_session *session, const tenon__planned *planned, tenonh_tensor *const *inputs,
                              tenonh_tensor *const *outputs);

#endif
