/* Brings a plan's steps into the order that they run in, lets storages share bytes, and makes commands. */
#include <stdlib.h>
#include <string.h>

#include "plan/arrange.h"
#include "plan/check.h"
#include "plan/order.h"
#include "plan/schedule.h"

#ifdef NDEBUG
enum { CHECK_ALWAYS = 0 };
#else
enum { CHECK_ALWAYS = 1 };
#endif

/* A copy that has become needless is accounted for like a view: refs say what is the same. */
static void elide(tenon__step *step) {
    step->placement = TENONH_PLACEMENT_VIEW;
    step->exec = NULL;
    step->bytes = 0;
    step->launch = (tenon_launch){.struct_size = sizeof step->launch};
    step->workspace = TENON__NEVER;
}

/* Steps in the order of their points; views stay behind the step that they followed. */
static tenon_status permute(tenon__plan *plan, const tenon__points *points, const uint32_t *order) {
    tenon__step *steps = calloc((size_t)plan->step_count + 1, sizeof *steps);
    if (!steps) return tenon__fail_memory();
    uint32_t count = points->count ? points->list[0].step : plan->step_count;
    if (count) memcpy(steps, plan->steps, count * sizeof *steps);
    for (uint32_t i = 0; i < points->count; i++) {
        uint32_t first = points->list[order[i]].step;
        uint32_t last = order[i] + 1 < points->count ? points->list[order[i] + 1].step : plan->step_count;
        memcpy(steps + count, plan->steps + first, (last - first) * sizeof *steps);
        count += last - first;
    }
    free(plan->steps);
    plan->steps = steps;
    return TENON_STATUS_OK;
}

static tenon_status apply(tenon__plan *plan, const tenon__points *points, const tenon__order *order) {
    for (uint32_t i = 0; i < plan->storage_count; i++) {
        plan->storages[i].root = order->sharing.root[i];
        plan->storages[i].within = order->sharing.within[i];
    }
    for (uint32_t i = 0; i < points->count; i++)
        if (order->sharing.elided[i]) elide(&plan->steps[points->list[i].step]);
    plan->file_order_bytes = order->file_bytes;
    plan->own_order_bytes = order->own_bytes;
    return permute(plan, points, order->points);
}

static tenon_status put_in_order(tenon__plan *plan) {
    tenon__points points = {0};
    tenon__edges edges = {0};
    tenon__order order = {0};
    TENON_TRY(tenon__points_create(plan, &points));
    tenon_status status = tenon__edges_create(plan, &points, false, &edges);
    if (status == TENON_STATUS_OK) status = tenon__order_create(plan, &points, &edges, &order);
    if (status == TENON_STATUS_OK) status = apply(plan, &points, &order);
    tenon__order_free(&order);
    tenon__edges_free(&edges);
    tenon__points_free(&points);
    return status;
}

/* What is ordered by conflicts of storages decides the layout; what is ordered by conflicts of bytes, the waits. */
static tenon_status schedule(const tenon__plan_context *context, tenon__plan *plan, const tenon__points *points) {
    tenon__edges values = {0}, bytes = {0};
    tenon__schedule *schedule = NULL;
    const tenon__progress *progress = NULL;
    tenon_status status = tenon__edges_create(plan, points, false, &values);
    if (status == TENON_STATUS_OK) status = tenon__schedule_create(context, plan, points, &values, &schedule);
    if (status == TENON_STATUS_OK) status = tenon__schedule_progress(schedule, &values, &progress);
    if (status == TENON_STATUS_OK) status = tenon__layout(plan, progress);
    if (status == TENON_STATUS_OK && progress) status = tenon__edges_create(plan, points, true, &bytes);
    if (status == TENON_STATUS_OK) status = tenon__schedule_commands(schedule, progress ? &bytes : NULL);
    tenon__schedule_free(schedule);
    tenon__edges_free(&bytes);
    tenon__edges_free(&values);
    return status;
}

tenon_status tenon__plan_arrange(const tenon__plan_context *context, tenon__plan *plan) {
    tenon__points points = {0};
    TENON_TRY(put_in_order(plan));
    TENON_TRY(tenon__points_create(plan, &points));
    tenon_status status = schedule(context, plan, &points);
    tenon__points_free(&points);
    if (status == TENON_STATUS_OK && (CHECK_ALWAYS || context->check)) status = tenon__plan_check(plan);
    return status;
}
