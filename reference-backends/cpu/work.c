#include "work.h"

#include "kernel.h"
#include "memory.h"
#include "op.h"
#include "view.h"

#include <inttypes.h>
#include <string.h>

enum {
    INLINE_WEIGHT = 16 << 10, /* run in the call below this: about the time of a thread's wake-up */
    PIECE_WEIGHT = 32 << 10,  /* least that is worth another thread */
    STACK_CALL = 2048,        /* bytes of a call that is put together on the stack */
    MOST_SCALARS = 1024
};

/* Preparing. */

static tenon_status check_symbols(tenon_device *device, const tenon_work *work) {
    for (uint32_t i = 0; i < work->symbol_count; i++) {
        const tenon_symbol *symbol = &work->symbols[i];
        if (symbol->divisor < 1 || symbol->min > symbol->max)
            return cpu_fail(device, TENON_STATUS_INVALID, "symbol %u has an empty range or a divisor below 1", i);
    }
    return TENON_STATUS_OK;
}

static tenon_status check_work(tenon_device *device, const tenon_work *work, const tenon_exec_info *info) {
    tenon_status status = tenon_descriptor_check(work, TENON_WORK_SIZE_V1, sizeof *work);
    if (status != TENON_STATUS_OK) return cpu_fail(device, status, "the work's struct_size or tail is not known here");
    if ((work->symbol_count && !work->symbols) || (work->operand_count && !work->operands))
        return cpu_fail(device, TENON_STATUS_INVALID, "the work counts symbols or operands that it does not have");
    if (info->struct_size < TENON_EXEC_INFO_SIZE_V1 || (work->operand_count && !info->operands) ||
        (work->symbol_count && !info->symbols))
        return cpu_fail(device, TENON_STATUS_INVALID, "the answer's arrays are missing");
    TENON_TRY(check_symbols(device, work));
    for (uint32_t i = 0; i < work->operand_count; i++) TENON_TRY(cpu_view_check(device, work, i));
    return TENON_STATUS_OK;
}

static void keep_operand(const tenon_operand *from, cpu_operand *to) {
    to->dtype = from->view.dtype;
    to->rank = from->view.rank;
    to->bits = tenon_dtype_bits(from->view.dtype);
    to->role = from->role;
    memcpy(to->dims, from->view.dims, sizeof to->dims);
    memcpy(to->strides, from->view.strides, sizeof to->strides);
}

tenon_status cpu_exec_create(tenon_device *device, const tenon_work *work, size_t size, const cpu_exec_class *class,
                             tenon_exec **out_exec) {
    size_t symbols = work->symbol_count * sizeof(tenon_symbol), operands = work->operand_count * sizeof(cpu_operand);
    size = (size + 15) / 16 * 16;
    tenon_exec *exec = cpu_allocate(device, size + symbols + operands);
    if (!exec) return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no memory for an exec");
    exec->device = device;
    exec->class = class;
    exec->symbol_count = work->symbol_count;
    exec->operand_count = work->operand_count;
    exec->symbols = (tenon_symbol *)(void *)((char *)exec + size);
    exec->operands = (cpu_operand *)(void *)(exec->symbols + work->symbol_count);
    if (symbols) memcpy(exec->symbols, work->symbols, symbols);
    for (uint32_t i = 0; i < work->operand_count; i++) keep_operand(&work->operands[i], &exec->operands[i]);
    *out_exec = exec;
    return TENON_STATUS_OK;
}

void cpu_exec_destroy(tenon_exec *exec) {
    if (!exec) return;
    if (exec->class->release) exec->class->release(exec);
    cpu_release(exec->device, exec);
}

static size_t call_size(const tenon_exec *exec, uint32_t scalars) {
    size_t size = sizeof(cpu_call) + exec->call_buffers * sizeof(void *) +
                  ((size_t)exec->call_symbols + scalars) * sizeof(int64_t) + exec->call_steps * sizeof(cpu_step);
    return (size + CPU_COMMAND_UNIT - 1) / CPU_COMMAND_UNIT * CPU_COMMAND_UNIT;
}

static tenon_status prepare_kind(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                 tenon_exec **out_exec) {
    if (work->kind == TENON_WORK_OP) return cpu_op_prepare(device, work, out_info, out_exec);
    if (work->kind == TENON_WORK_KERNEL) return cpu_kernel_prepare(device, work, out_info, out_exec);
    return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "this device takes op and kernel work, not kind %u", work->kind);
}

static tenon_status prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec) {
    if (!device || !work || !out_info || !out_exec) return TENON_STATUS_INVALID;
    TENON_TRY(check_work(device, work, out_info));
    tenon_exec *exec;
    TENON_TRY(prepare_kind(device, work, out_info, &exec));
    if (call_size(exec, MOST_SCALARS) > CPU_COMMAND_MOST) {
        cpu_exec_destroy(exec);
        return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "the work has more operands than a launch here can carry");
    }
    *out_exec = exec;
    return TENON_STATUS_OK;
}

static void release(tenon_device *device, tenon_exec *exec) {
    (void)device;
    cpu_exec_destroy(exec);
}

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

static tenon_status check_counts(tenon_exec *exec, const tenon_launch *launch) {
    int scalars_fit = exec->scalar_count == CPU_ANY_SCALARS ? launch->scalar_count <= MOST_SCALARS
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

/* Checks the launch and makes `call` of it. */
static tenon_status resolve(tenon_exec *exec, const tenon_launch *launch, cpu_view *views, size_t size,
                            cpu_call *call) {
    TENON_TRY(check_ranges(exec, launch));
    for (uint32_t i = 0; i < exec->operand_count; i++) TENON_TRY(cpu_view_resolve(exec, i, launch, &views[i]));
    *call = (cpu_call){.head = {&call_class, size},
                       .exec = exec,
                       .buffer_count = exec->call_buffers,
                       .symbol_count = exec->call_symbols + extra_scalars(exec, launch),
                       .step_count = exec->call_steps};
    TENON_TRY(find_workspace(exec, launch, &call->workspace));
    return exec->class->resolve(exec, launch, views, call);
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

/* Views and call of a launch that is too large for the stack. */
static tenon_status launch_large(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    size_t size = call_size(exec, extra_scalars(exec, launch)),
           views = (exec->operand_count * sizeof(cpu_view) + 63) / 64 * 64;
    char *memory = cpu_allocate(exec->device, views + size);
    if (!memory) return cpu_fail_on(exec->device, stream, exec, TENON_STATUS_OUT_OF_MEMORY, "no memory for a launch");
    cpu_call *call = (cpu_call *)(void *)(memory + views);
    tenon_status status = resolve(exec, launch, (cpu_view *)(void *)memory, size, call);
    if (status == TENON_STATUS_OK) status = submit(stream, call);
    cpu_release(exec->device, memory);
    return status;
}

static tenon_status launch_small(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    enum { VIEWS = 8 };
    cpu_view views[VIEWS];
    union {
        cpu_call call;
        char bytes[STACK_CALL];
    } space;
    size_t size = call_size(exec, extra_scalars(exec, launch));
    if (size > sizeof space || exec->operand_count > VIEWS) return launch_large(stream, exec, launch);
    TENON_TRY(resolve(exec, launch, views, size, &space.call));
    return submit(stream, &space.call);
}

static tenon_status launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *what) {
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

const tenon_work_hooks cpu_work_hooks = {
    .struct_size = sizeof(tenon_work_hooks),
    .prepare = prepare,
    .launch = launch,
    .release = release,
    .dialect = cpu_kernel_dialect,
};
