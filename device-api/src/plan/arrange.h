/* From steps in the file's order to commands and memory: what build.c does last. */
#ifndef TENON_PLAN_ARRANGE_H
#define TENON_PLAN_ARRANGE_H

#include "plan/plan.h"

/* Orders the steps, lets storages share bytes, chooses streams and events, lays the arenas out. Errors: OUT_OF_MEMORY. */
tenon_status tenon__plan_arrange(const tenon__plan_context *context, tenon__plan *plan);

#endif
