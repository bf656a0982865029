#include "launch.h"

#include "memory.h"
#include "recall.h"
#include "view.h"

#include <inttypes.h>

enum {
    INLINE_WEIGHT = 16 << 10, /* run in the call below this: about the time of a thread's wake-up */
    PIECE_WEIGHT = 32 << 10   /* least that is worth another thread */
};

/* Running. */

typedef struct step_run {
    const cpu_step *step;
    void *const *buffers;
    const int64_t *symbols;
    void *workspace;
} step_run;

static int32_t run_items(void *context, int64_t first, int64_t last) {
    const step_run *run = context;
    return run->step->entry(run->buffers, run->symbols, run->workspace, first, last);
}

/* Items that weigh enough for a thread of their own. */
static int64_t grain_of(uint64_t weight, int64_t items) {
    double each = (double)weight / (double)items;
    return each >= PIECE_WEIGHT ? 1 : (int64_t)(PIECE_WEIGHT / (each > 1e-9 ? each : 1e-9));
}

/* The steps one after the other; `pool` NULL: on this thread alone. */
static int32_t run_steps(cpu_call *call, cpu_pool *pool) {
    const cpu_step *steps = cpu_call_steps(call);
    int32_t result = CPU_RUN_OK;
    for (uint32_t i = 0; i < call->step_count; i++) {
        int64_t items = steps[i].items;
        if (items <= 0) continue;
        step_run run = {&steps[i], cpu_call_buffers(call), cpu_call_symbols(call), call->workspace};
        int32_t one = pool ? cpu_pool_for(pool, run_items, &run, items, grain_of(call->weight, items))
                           : run_items(&run, 0, items);
        if (one > result) result = one;
    }
    return result;
}

static tenon_status end_call(tenon_stream *stream, cpu_call *call, int32_t result) {
    tenon_exec *exec = call->exec;
    cpu_release(exec->device, call->scratch);
    if (result == CPU_RUN_OK) return TENON_STATUS_OK;
    if (result == CPU_RUN_OUT_OF_RANGE)
        return cpu_fail_on(exec->device, stream, exec, TENON_STATUS_OUT_OF_RANGE,
                           "%s: an index that the kernel loaded lies outside its operand", exec->name);
    return cpu_fail_on(exec->device, stream, exec, TENON_STATUS_INTERNAL, "%s: the kernel answered %d", exec->name,
                       result);
}

static tenon_status run_call(tenon_stream *stream, cpu_command *command) {
    cpu_call *call = (cpu_call *)(void *)command;
    cpu_pool *pool = call->weight > 2 * PIECE_WEIGHT ? stream->device->pool : NULL;
    return end_call(stream, call, run_steps(call, pool));
}

static void drop_call(tenon_stream *stream, cpu_command *command) {
    cpu_release(stream->device, ((cpu_call *)(void *)command)->scratch);
}

static const cpu_command_class call_class = {run_call, drop_call};

/* Launching. */

/* What a launch is put together in. */
typedef struct launch_space {
    cpu_view *views;    /* of every operand */
    cpu_reach *reaches; /* likewise */
    cpu_call *call;
} launch_space;

static tenon_status check_counts(tenon_exec *exec, const tenon_launch *launch) {
    int scalars_fit = exec->scalar_count == CPU_ANY_SCALARS ? launch->scalar_count <= CPU_MOST_SCALARS
                                                            : launch->scalar_count == exec->scalar_count;
    if (launch->buffer_count == exec->operand_count && launch->symbol_count == exec->symbol_count && scalars_fit &&
        (!launch->buffer_count || launch->buffers) && (!launch->symbol_count || launch->symbols) &&
        (!launch->scalar_count || launch->scalars))
        return TENON_STATUS_OK;
    return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                       "%s takes %u buffers, %u symbols, %d scalars (-1: any number); the launch has %u, %u, %u",
                       exec->name, exec->operand_count, exec->symbol_count, (int)exec->scalar_count,
                       launch->buffer_count, launch->symbol_count, launch->scalar_count);
}

static tenon_status check_ranges(tenon_exec *exec, const tenon_launch *launch) {
    for (uint32_t i = 0; i < exec->symbol_count; i++) {
        const tenon_symbol *range = &exec->symbols[i];
        int64_t value = launch->symbols[i];
        if (value < range->min || value > range->max || (range->divisor > 1 && value % range->divisor != 0))
            return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID,
                               "%s: symbol %u is %" PRId64 ", outside [%" PRId64 ", %" PRId64
                               "] or no multiple of %" PRId64,
                               exec->name, i, value, range->min, range->max, range->divisor);
    }
    return TENON_STATUS_OK;
}

static tenon_status find_workspace(tenon_exec *exec, const tenon_launch *launch, void **out_address) {
    char *address = NULL;
    /* A program whose workspace depends on symbols has no bound at prepare; the host brings what the launch needs. */
    if (exec->workspace_size || launch->workspace.memory)
        TENON_TRY(cpu_memory_range(exec->device, launch->workspace, exec->workspace_size, "the workspace", &address));
    if ((uintptr_t)address % CPU_MEMORY_ALIGNMENT != 0)
        return cpu_fail_on(exec->device, NULL, exec, TENON_STATUS_INVALID, "the workspace is not aligned to %u bytes",
                           CPU_MEMORY_ALIGNMENT);
    *out_address = address;
    return TENON_STATUS_OK;
}

static uint32_t extra_scalars(const tenon_exec *exec, const tenon_launch *launch) {
    return exec->scalar_count == CPU_ANY_SCALARS ? launch->scalar_count : 0;
}

/* Checks each operand's reach against its buffer; the call's first buffers are the operands' addresses. */
static tenon_status place_operands(tenon_exec *exec, const tenon_launch *launch, const cpu_reach *reaches,
                                   cpu_call *call) {
    for (uint32_t i = 0; i < exec->operand_count; i++)
        TENON_TRY(cpu_view_place(exec, i, launch->buffers[i], &reaches[i], &cpu_call_buffers(call)[i]));
    return TENON_STATUS_OK;
}

/* Checks the launch and makes `call` of it. */
static tenon_status resolve(tenon_exec *exec, const tenon_launch *launch, const launch_space *space, size_t size) {
    cpu_call *call = space->call;
    if (exec->recall && cpu_recall_get(exec, launch, space->reaches, call)) {
        TENON_TRY(find_workspace(exec, launch, &call->workspace));
        return place_operands(exec, launch, space->reaches, call);
    }
    TENON_TRY(check_ranges(exec, launch));
    for (uint32_t i = 0; i < exec->operand_count; i++)
        TENON_TRY(cpu_view_resolve(exec, i, launch->symbols, &space->views[i], &space->reaches[i]));
    *call = (cpu_call){.head = {&call_class, size},
                       .exec = exec,
                       .buffer_count = exec->call_buffers,
                       .symbol_count = exec->call_symbols + extra_scalars(exec, launch),
                       .step_count = exec->call_steps};
    TENON_TRY(find_workspace(exec, launch, &call->workspace));
    TENON_TRY(place_operands(exec, launch, space->reaches, call));
    TENON_TRY(exec->class->resolve(exec, launch, space->views, call));
    if (exec->recall && !call->scratch) cpu_recall_put(exec, launch, space->reaches, call);
    return TENON_STATUS_OK;
}

/* Runs a small call here if the stream is idle, else queues a copy. */
static tenon_status submit(tenon_stream *stream, cpu_call *call) {
    if (call->weight > INLINE_WEIGHT || !cpu_stream_is_idle(stream)) {
        tenon_status status = cpu_stream_push(stream, &call->head);
        if (status != TENON_STATUS_OK) drop_call(stream, &call->head);
        return status;
    }
    uint32_t saved = cpu_isa_default_float();
    int32_t result = run_steps(call, NULL);
    cpu_isa_restore_float(saved);
    cpu_stream_fail(stream, end_call(stream, call, result));
    return TENON_STATUS_OK;
}

static tenon_status launch_large(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch, size_t size) {
    size_t views = exec->operand_count * sizeof(cpu_view), reaches = exec->operand_count * sizeof(cpu_reach);
    char *memory = cpu_allocate(exec->device, size + views + reaches);
    if (!memory) return cpu_fail_on(exec->device, stream, exec, TENON_STATUS_OUT_OF_MEMORY, "no memory for a launch");
    const launch_space space = {(cpu_view *)(void *)(memory + size), (cpu_reach *)(void *)(memory + size + views),
                                (cpu_call *)(void *)memory};
    tenon_status status = resolve(exec, launch, &space, size);
    if (status == TENON_STATUS_OK) status = submit(stream, space.call);
    cpu_release(exec->device, memory);
    return status;
}

/* The usual launch fits on the stack. */
static tenon_status launch_small(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    enum { OPERANDS = 8, CALL = 2048 };
    cpu_view views[OPERANDS];
    cpu_reach reaches[OPERANDS];
    union {
        cpu_call call;
        char bytes[CALL];
    } call;
    const launch_space space = {views, reaches, &call.call};
    size_t size = cpu_call_size(exec, extra_scalars(exec, launch));
    if (size > sizeof call || exec->operand_count > OPERANDS) return launch_large(stream, exec, launch, size);
    TENON_TRY(resolve(exec, launch, &space, size));
    return submit(stream, &call.call);
}

tenon_status cpu_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *what) {
    if (!stream || !exec || !what) return TENON_STATUS_INVALID;
    TENON_TRY(cpu_stream_check(stream));
    if (stream->device != exec->device)
        return cpu_fail_on(stream->device, stream, NULL, TENON_STATUS_INVALID,
                           "stream and exec are of different devices");
    tenon_status status = tenon_descriptor_check(what, TENON_LAUNCH_SIZE_V1, sizeof *what);
    if (status == TENON_STATUS_OK && what->reserved != 0) status = TENON_STATUS_UNSUPPORTED;
    if (status != TENON_STATUS_OK)
        return cpu_fail_on(exec->device, stream, exec, status, "the launch's struct_size or tail is not known here");
    TENON_TRY(check_counts(exec, what));
    return launch_small(stream, exec, what);
}
