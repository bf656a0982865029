/* Optional operators that the device refuses: what the host makes of them, on the device. */
#include <stdlib.h>

#include "cases/launch.h"
#include "plan/expand.h"
#include "support/error.h"

/* A launch a step, and a memory for every value between the first and the last. */
struct cf_expanded {
    tenon__expansion expansion;
    cf_launch *launches;
    tenonh_memory **made;
    tenon__arena arena;
};

static tenon_status make_value(struct cf_expanded *of, uint32_t step, const tenon__ref *operand, tenon__ref *out_ref) {
    const int64_t ones[TENON_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    const tenon__expansion_step *made = &of->expansion.steps[step];
    bool one = made->op == TENON_OP_FILL && !tenon__fills_whole(cf_under_test.device);
    *out_ref = tenon__ref_contiguous(0, made->dtype, operand->rank, one ? ones : operand->dims);
    uint64_t size = (uint64_t)tenon__ref_count(out_ref) * (tenon_dtype_bits(made->dtype) / 8);
    return tenonh_memory_create(cf_under_test.device, 0, size, &of->made[step]);
}

static tenon_status prepare_step(struct cf_expanded *of, uint32_t step, tenon__ref *values) {
    tenon__expansion_task task;
    tenon__ref *made = &values[step + 1];
    if (step + 1 < of->expansion.step_count) TENON_TRY(make_value(of, step, &values[0], made));
    tenon__expansion_task_of(&of->expansion, step, values, &task);
    tenon_status status = cf_launch_task(&of->launches[step], &task.task);
    if (status != TENON_STATUS_OK)
        return tenon__fail(status, "refused, as its expansion is at %s: %s", tenon_op_row_of(task.task.op)->name,
                           tenonh_error_message());
    if (task.task.op == TENON_OP_FILL) *made = tenon__ref_expand(made, values[0].rank, values[0].dims);
    return TENON_STATUS_OK;
}

tenon_status cf_launch_expand(cf_launch *out, const tenon__task *task) {
    struct cf_expanded *of = out->expanded = calloc(1, sizeof *of);
    if (!of) return TENON_STATUS_OUT_OF_MEMORY;
    TENON_TRY(tenon__expansion_make(task->op, task->operands[0].dtype, &of->arena, &of->expansion));
    uint32_t count = of->expansion.step_count;
    of->launches = calloc(count, sizeof *of->launches);
    of->made = calloc(count, sizeof(tenonh_memory *));
    tenon__ref *values = tenon__arena_array(&of->arena, count + 1, sizeof *values);
    if (!of->launches || !of->made || !values) return TENON_STATUS_OUT_OF_MEMORY;
    values[0] = task->operands[0];
    values[count] = task->operands[1];
    for (uint32_t i = 0; i < count; i++) TENON_TRY(prepare_step(of, i, values));
    return TENON_STATUS_OK;
}

tenon_status cf_launch_expanded(const cf_launch *launch, tenonh_stream *stream, cf_place from, cf_place to) {
    const struct cf_expanded *of = launch->expanded;
    uint32_t count = of->expansion.step_count;
    for (uint32_t i = 0; i < count; i++) {
        const tenon__expansion_step *step = &of->expansion.steps[i];
        cf_place places[CF_LAUNCH_OPERANDS] = {{NULL, 0}};
        for (uint32_t k = 0; k < step->input_count; k++)
            places[k] = step->inputs[k] ? (cf_place){of->made[step->inputs[k] - 1], 0} : from;
        places[step->input_count] = i + 1 < count ? (cf_place){of->made[i], 0} : to;
        TENON_TRY(cf_launch_enqueue(&of->launches[i], stream, places));
    }
    return TENON_STATUS_OK;
}

void cf_launch_release_expanded(cf_launch *launch) {
    struct cf_expanded *of = launch->expanded;
    if (!of) return;
    for (uint32_t i = 0; i < of->expansion.step_count; i++) {
        if (of->launches) cf_launch_release(&of->launches[i]);
        if (of->made) tenonh_memory_release(of->made[i]);
    }
    free(of->launches);
    free(of->made);
    tenon__arena_free(&of->arena);
    free(of);
}
