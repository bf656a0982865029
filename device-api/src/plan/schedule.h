/* Which stream each step runs on, and the events that order them. */
#ifndef TENON_PLAN_SCHEDULE_H
#define TENON_PLAN_SCHEDULE_H

#include "plan/depend.h"
#include "plan/layout.h"

typedef struct tenon__schedule tenon__schedule;

/* Chooses streams for the points of a plan, in their order: a point goes on where what it needs was made, unless
 * something on a longer way to the end waits there, or another stream is free earlier. Errors: OUT_OF_MEMORY. */
tenon_status tenon__schedule_create(const tenon__plan_context *context, tenon__plan *plan, const tenon__points *points,
                                    const tenon__edges *edges, tenon__schedule **out_schedule);
void tenon__schedule_free(tenon__schedule *schedule); /* NULL is allowed */

/* What is sure of storages with the waits that `edges` need. NULL when every place has one stream: then the order of
 * steps is all there is. Owner: the schedule. Errors: OUT_OF_MEMORY. */
tenon_status tenon__schedule_progress(tenon__schedule *schedule, const tenon__edges *edges,
                                      const tenon__progress **out_progress);

/* Makes the plan's commands: the points, and for each of `edges` that streams do not order by themselves an event, unless
 * others order it already. Errors: OUT_OF_MEMORY. */
tenon_status tenon__schedule_commands(tenon__schedule *schedule, const tenon__edges *edges);

#endif
