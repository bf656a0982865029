/* Chooses streams: all steps in order, on one stream a place. */
#include <stdlib.h>

#include "plan/plan.h"

static tenon_status allocate(tenon__plan *plan) {
    plan->commands = calloc((size_t)plan->step_count + 1, sizeof *plan->commands);
    plan->stream_places = calloc(TENON__MAX_PLACES, sizeof *plan->stream_places);
    return plan->commands && plan->stream_places ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

static tenon__command command_of(tenon__plan *plan, uint32_t index) {
    tenon__step *step = &plan->steps[index];
    if (step->exec) return (tenon__command){TENON__COMMAND_LAUNCH, step->place, index};
    step->from_stream = plan->storages[step->refs[0].storage].place;
    return (tenon__command){TENON__COMMAND_MOVE, step->place, index};
}

tenon_status tenon__plan_schedule(const tenon__plan_context *context, tenon__plan *plan) {
    TENON_TRY(allocate(plan));
    for (uint32_t place = 0; place < TENON__MAX_PLACES && context->devices[place]; place++)
        plan->stream_places[plan->stream_count++] = place;
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].placement != TENONH_PLACEMENT_VIEW)
            plan->commands[plan->command_count++] = command_of(plan, i);
    return TENON_STATUS_OK;
}
