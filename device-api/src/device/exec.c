#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "device/declared.h"
#include "device/objects.h"
#include "device/work_check.h"
#include "loader/services.h"
#include "support/error.h"

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define COLD                __attribute__((cold, noinline))

/* An exec with its answer's arrays behind it, filled as prepare expects them. */
static tenonh_exec *create_blank(tenonh_device *device, const tenon_work *work) {
    size_t symbols = work->symbol_count * sizeof(tenon_symbol);
    tenonh_exec *exec = calloc(1, sizeof *exec + symbols + work->operand_count * sizeof(tenon_operand_info));
    if (!exec) return NULL;
    exec->references = 1;
    exec->generation = device->generation;
    exec->device = device;
    exec->launch = device->hooks->work.launch;
    exec->symbol_count = work->symbol_count;
    exec->operand_count = work->operand_count;
    exec->grid_count = work->kernel ? work->kernel->entry_count : 0;
    exec->scalar_count = work->op ? tenon_op_row_of(work->op->op)->scalar_count : TENON__ANY_SCALARS;
    exec->info.struct_size = sizeof exec->info;
    exec->info.symbols = (tenon_symbol *)(exec + 1);
    exec->info.operands = (tenon_operand_info *)(exec->info.symbols + work->symbol_count);
    if (symbols) memcpy(exec->info.symbols, work->symbols, symbols);
    for (uint32_t i = 0; i < work->operand_count; i++)
        exec->info.operands[i] = (tenon_operand_info){.alias = TENON_NO_ALIAS, .layout = work->operands[i].layout};
    return exec;
}

/* Calls prepare with the work known to the `cancelled` service. */
static tenon_status call_prepare(tenonh_exec *exec, const tenon_work *work, const tenonh_prepare_options *options) {
    tenonh_device *device = exec->device;
    tenon__preparing preparing = {
        .work = work,
        .cancelled = options ? options->cancelled : NULL,
        .context = options ? options->cancelled_context : NULL,
    };
    tenon_exec_info answer = exec->info;
    tenon__preparing_add(device->plugin, &preparing);
    uint64_t start = tenon__now();
    tenon_status status = device->hooks->work.prepare(device->handle, work, &answer, &exec->handle);
    tenon__count(&device->counters.prepare_ns, tenon__now() - start);
    tenon__preparing_remove(device->plugin, &preparing);
    if (status == TENON_STATUS_UNSUPPORTED) tenon__count(&device->counters.refusals, 1);
    if (status != TENON_STATUS_OK && work->graph && TENON_HAS(options, out_refused_node))
        *options->out_refused_node = answer.refused_node <= work->graph->node_count ? answer.refused_node : 0;
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "prepare");
    if (!exec->handle)
        return tenon__fail(TENON_STATUS_INTERNAL, "%s: prepare answers OK without an exec", device->name);
    exec->info.workspace_size = answer.workspace_size;
    exec->info.workspace_alignment = answer.workspace_alignment ? answer.workspace_alignment : 1;
    exec->info.cost = answer.cost;
    return TENON_STATUS_OK;
}

static tenon_status prepare(tenonh_exec *exec, const tenon_work *work, const tenonh_prepare_options *options) {
    const tenonh_device *device = exec->device;
    TENON_TRY(call_prepare(exec, work, options));
    tenon_status status =
        tenon__answer_check(work, &exec->info, device->hooks->work.pack != NULL, device->types[0].alignment);
    if (status == TENON_STATUS_OK) return status;
    device->hooks->work.release(device->handle, exec->handle);
    return tenon__fail_in(status, "%s", device->name);
}

static tenon_status check_options(const tenonh_prepare_options *options) {
    if (!options) return TENON_STATUS_OK;
    tenon_status status =
        tenon_descriptor_check(options, offsetof(tenonh_prepare_options, out_refused_node), sizeof *options);
    if (status == TENON_STATUS_OK && options->reserved) status = TENON_STATUS_INVALID;
    return status == TENON_STATUS_OK ? status : tenon__fail(status, "prepare: options: struct_size or reserved");
}

/* What the device declares not to take is refused as it would be by the device itself. */
static tenon_status check_declared(const tenonh_device *device, const tenon_work *work,
                                   const tenonh_prepare_options *options) {
    tenon_status status = tenon__check_declared(device, work);
    if (status != TENON_STATUS_OK && work->graph && TENON_HAS(options, out_refused_node))
        *options->out_refused_node = tenon__undeclared_node(&device->info, work->graph);
    return status;
}

tenon_status tenonh_exec_prepare(tenonh_device *device, const tenon_work *work, const tenonh_prepare_options *options,
                                 tenonh_exec **out_exec) {
    if (!device || !out_exec) return tenon__fail(TENON_STATUS_INVALID, "prepare: device or out_exec is NULL");
    TENON_TRY(tenon__device_check(device, "prepare"));
    TENON_TRY(check_options(options));
    TENON_TRY(tenon__work_check(work));
    if (!(device->info.work_kinds & work->kind))
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s takes no work of kind %u", device->name, work->kind);
    TENON_TRY(check_declared(device, work, options));
    tenonh_exec *exec = create_blank(device, work);
    if (!exec) return tenon__fail_memory();
    tenon_status status = prepare(exec, work, options);
    if (status != TENON_STATUS_OK) {
        free(exec);
        return status;
    }
    exec->ranges = exec->info.symbols;
    tenonh_device_retain(device);
    tenon__count(&device->counters.prepares, 1);
    *out_exec = exec;
    return TENON_STATUS_OK;
}

/* Marks are a region's number each, on nodes alone; nothing else is said. */
static tenon_status check_claims(const tenonh_device *device, const tenon_work *work, const tenon_claim *claims) {
    for (uint32_t i = 0; i < work->graph->node_count; i++)
        if (claims[i].reserved)
            return tenon__fail(TENON_STATUS_INTERNAL, "%s: claim breaks REQ-WORK-09: node %u: reserved is not 0",
                               device->name, i);
    return TENON_STATUS_OK;
}

tenon_status tenonh_device_claim(tenonh_device *device, const tenon_work *work, tenon_claim *out_claims) {
    if (!device || !out_claims) return tenon__fail(TENON_STATUS_INVALID, "claim: device or out_claims is NULL");
    TENON_TRY(tenon__device_check(device, "claim"));
    TENON_TRY(tenon__work_check(work));
    if (work->kind != TENON_WORK_GRAPH) return tenon__fail(TENON_STATUS_INVALID, "claim: the work is no graph");
    if (!(device->info.work_kinds & TENON_WORK_GRAPH))
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s takes no graph work", device->name);
    memset(out_claims, 0, work->graph->node_count * sizeof *out_claims);
    if (!device->hooks->work.claim) {
        for (uint32_t i = 0; i < work->graph->node_count; i++) {
            const tenon_graph_node *node = &work->graph->nodes[i];
            out_claims[i].region = node->op || strcmp(node->name, "tenon.concat") == 0;
        }
        return TENON_STATUS_OK;
    }
    tenon_status status = device->hooks->work.claim(device->handle, work, out_claims);
    if (status != TENON_STATUS_OK) return tenon__device_failure(device, status, "claim");
    return check_claims(device, work, out_claims);
}

tenonh_exec *tenonh_exec_retain(tenonh_exec *exec) {
    tenon__retain(&exec->references);
    return exec;
}

void tenonh_exec_release(tenonh_exec *exec) {
    if (!exec || !tenon__release(&exec->references)) return;
    tenonh_device *device = exec->device;
    if (!tenon__forked(device->generation)) device->hooks->work.release(device->handle, exec->handle);
    free(exec);
    tenonh_device_release(device);
}

tenonh_device *tenonh_exec_device(const tenonh_exec *exec) {
    return exec->device;
}

const tenon_exec_info *tenonh_exec_info(const tenonh_exec *exec) {
    return &exec->info;
}

uint32_t tenonh_exec_symbol_count(const tenonh_exec *exec) {
    return exec->symbol_count;
}

uint32_t tenonh_exec_operand_count(const tenonh_exec *exec) {
    return exec->operand_count;
}

static inline int has_missing_part(const tenonh_exec *exec, const tenon_launch *launch) {
    int missing = (launch->buffer_count && !launch->buffers) || (launch->symbol_count && !launch->symbols) ||
                  (launch->scalar_count && !launch->scalars) || (launch->grid_count && !launch->grids) ||
                  (exec->info.workspace_size && !launch->workspace.memory);
    for (uint32_t i = 0; i < launch->buffer_count && !missing; i++) missing = !launch->buffers[i].memory;
    return missing;
}

static inline int has_other_counts(const tenonh_exec *exec, const tenon_launch *launch) {
    return launch->buffer_count != exec->operand_count || launch->symbol_count != exec->symbol_count ||
           launch->grid_count != exec->grid_count ||
           (exec->scalar_count != TENON__ANY_SCALARS && launch->scalar_count != exec->scalar_count);
}

/* What is wrong with the objects or counts of a launch; off the path of good ones. */
COLD static tenon_status refuse_launch(tenonh_exec *exec, tenonh_stream *stream, const tenon_launch *launch) {
    const char *name = exec->device->name;
    if (tenon__forked(exec->generation)) return tenon__fail_forked("launch");
    if (stream->device != exec->device)
        return tenon__fail(TENON_STATUS_INVALID, "launch: an exec of %s on a stream of %s", name, stream->device->name);
    TENON_TRY(tenon__stream_check(stream, "launch"));
    if (has_other_counts(exec, launch))
        return tenon__fail(TENON_STATUS_INVALID,
                           "%s: launch: %u buffers, %u symbols, %u grids, %u scalars; the exec has %u operands, %u "
                           "symbols, %u entries, %d scalars (-1: any)",
                           name, launch->buffer_count, launch->symbol_count, launch->grid_count, launch->scalar_count,
                           exec->operand_count, exec->symbol_count, exec->grid_count, (int)exec->scalar_count);
    return tenon__fail(TENON_STATUS_INVALID,
                       "%s: launch: a buffer, the workspace (%" PRIu64 " bytes), or the array of a count is NULL", name,
                       exec->info.workspace_size);
}

COLD static tenon_status check_size(const tenonh_exec *exec, const tenon_launch *launch) {
    tenon_status status = tenon_descriptor_check(launch, TENON_LAUNCH_SIZE_V1, sizeof *launch);
    if (status == TENON_STATUS_OK) return status;
    return tenon__fail(status, "%s: launch: struct_size is %u, this library knows %zu", exec->device->name,
                       launch->struct_size, sizeof *launch);
}

COLD static tenon_status refuse_symbol(const tenonh_exec *exec, const tenon_launch *launch, uint32_t index) {
    const tenon_symbol *range = &exec->ranges[index];
    return tenon__fail(TENON_STATUS_INVALID,
                       "%s: launch: symbol %u is %" PRId64 "; the exec takes %" PRId64 " to %" PRId64
                       " by multiples of %" PRId64,
                       exec->device->name, index, launch->symbols[index], range->min, range->max, range->divisor);
}

static inline int lies_in(const tenon_symbol *range, int64_t value) {
    return value >= range->min && value <= range->max && (range->divisor == 1 || value % range->divisor == 0);
}

tenon_status tenonh_exec_launch(tenonh_exec *exec, tenonh_stream *stream, const tenon_launch *launch) {
    if (UNLIKELY(!exec || !stream || !launch))
        return tenon__fail(TENON_STATUS_INVALID, "launch: exec, stream or launch is NULL");
    if (UNLIKELY(launch->struct_size != sizeof *launch)) TENON_TRY(check_size(exec, launch));
    if (UNLIKELY(tenon__forked(exec->generation) || stream->device != exec->device ||
                 stream->failed != TENON_STATUS_OK || has_other_counts(exec, launch) || has_missing_part(exec, launch)))
        return refuse_launch(exec, stream, launch);
    for (uint32_t i = 0; i < exec->symbol_count; i++)
        if (UNLIKELY(!lies_in(&exec->ranges[i], launch->symbols[i]))) return refuse_symbol(exec, launch, i);
    tenon__report_forget();
    tenon_status status = exec->launch(stream->handle, exec->handle, launch);
    return status == TENON_STATUS_OK ? status : tenon__stream_refusal(stream, status, "launch");
}

tenon_status tenonh_exec_pack(tenonh_exec *exec, tenonh_stream *stream, uint32_t operand, tenon_buffer source,
                              tenon_buffer destination) {
    if (!exec || !stream) return tenon__fail(TENON_STATUS_INVALID, "pack: exec or stream is NULL");
    TENON_TRY(tenon__stream_check(stream, "pack"));
    tenonh_device *device = exec->device;
    if (stream->device != device)
        return tenon__fail(TENON_STATUS_INVALID, "pack: an exec of %s on a stream of %s", device->name,
                           stream->device->name);
    if (operand >= exec->operand_count || !exec->info.operands[operand].packed_size)
        return tenon__fail(TENON_STATUS_INVALID, "%s: pack: operand %u is not to be packed", device->name, operand);
    tenon_status status = device->hooks->work.pack(stream->handle, exec->handle, operand, source, destination);
    return status == TENON_STATUS_OK ? status : tenon__stream_refusal(stream, status, "pack");
}
