/* Work with a defect: what is prepared, how it is launched, what execs share. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mutants/tamper.h"

/* -- What is known of an exec ----------------------------------------------------------------------------------------- */

static void keep_attrs(mutant_exec *record, const tenon_attr *attrs, uint32_t count) {
    for (uint32_t i = 0; i < count && i < MUTANT_MAX_ATTRS; i++) {
        uint32_t kept = attrs[i].count < MUTANT_MAX_VALUES ? attrs[i].count : MUTANT_MAX_VALUES;
        if (kept) memcpy(record->values[i], attrs[i].values, kept * sizeof *record->values[i]);
        record->attrs[i] = (tenon_attr){attrs[i].id, kept, record->values[i]};
        record->attr_count = i + 1;
    }
}

static void keep_op(mutant_exec *record, const tenon_work *work) {
    const tenon_op_row *row = tenon_op_row_of(work->op->op);
    if (!row || work->operand_count > MUTANT_MAX_OPERANDS || row->input_count > 4 || row->output_count > 2) return;
    record->op = work->op->op;
    record->input_count = row->input_count;
    record->output_count = row->output_count;
    keep_attrs(record, work->op->attrs, work->op->attr_count);
    for (uint32_t i = 0; i < work->operand_count; i++) {
        record->views[i] = work->operands[i].view;
        record->places[i] = i;
    }
}

/* A graph of one base operator on operands of the work. */
static void keep_graph(mutant_exec *record, const tenon_work *work) {
    const tenon_graph_node *node = work->graph->nodes;
    const tenon_op_row *row = work->graph->node_count == 1 ? tenon_op_row_of(node->op) : NULL;
    if (!row || node->input_count != row->input_count || node->output_count != row->output_count ||
        row->input_count > 4)
        return;
    for (uint32_t i = 0; i < node->input_count + node->output_count; i++) {
        uint32_t place = i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];
        if (place >= work->operand_count || work->operands[place].role == TENON_ROLE_CONSTANT) return;
        record->places[i] = place;
        record->views[i] = work->operands[place].view;
    }
    record->input_count = row->input_count;
    record->output_count = row->output_count;
    keep_attrs(record, node->attrs, node->attr_count);
    record->op = node->op;
}

static void keep_exec(tenon_device *device, const tenon_work *work, tenon_exec *exec) {
    mutant_exec *record = exec ? mutant_remember(exec, sizeof *record) : NULL;
    if (!record) return;
    record->device = device;
    record->kind = work->kind;
    record->operand_count = work->operand_count;
    record->symbol_count = work->symbol_count;
    for (uint32_t i = 0; i < work->symbol_count && i < MUTANT_MAX_SYMBOLS; i++) record->ranges[i] = work->symbols[i];
    if (work->kind == TENON_WORK_OP && work->op) keep_op(record, work);
    if (work->kind == TENON_WORK_GRAPH && work->graph) keep_graph(record, work);
}

/* -- Prepare ---------------------------------------------------------------------------------------------------------- */

static bool has_dtype(const tenon_work *work, tenon_dtype dtype) {
    for (uint32_t i = 0; i < work->operand_count; i++)
        if (work->operands[i].view.dtype == dtype) return true;
    return false;
}

static bool has_rank(const tenon_work *work, uint32_t rank) {
    for (uint32_t i = 0; i < work->operand_count; i++)
        if (work->operands[i].view.rank >= rank) return true;
    return false;
}

static bool has_op(const tenon_work *work, tenon_op op) {
    if (work->kind == TENON_WORK_OP) return work->op && work->op->op == op;
    for (uint32_t i = 0; work->kind == TENON_WORK_GRAPH && work->graph && i < work->graph->node_count; i++)
        if (work->graph->nodes[i].op == op) return true;
    return false;
}

/* Kernels too: printed for the device, they would do in place of an operator. */
static bool is_optional(const tenon_work *work) {
    if (work->kind == TENON_WORK_KERNEL) return true;
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++)
        if (tenon_op_row_of(op) && tenon_op_row_of(op)->optional && has_op(work, op)) return true;
    return false;
}

static bool refuses(const tenon_work *work) {
    if (mutant.required_alone && is_optional(work)) return true;
    switch (mutant.planted) {
    case MUTANT_refuses_all:
    case MUTANT_claims_all_and_refuses: return true;
    case MUTANT_dsp_refuses_f16: return has_dtype(work, TENON_DTYPE_F16);
    case MUTANT_npu_refuses_bf16: return has_dtype(work, TENON_DTYPE_BF16);
    case MUTANT_dsp_refuses_rank_7: return has_rank(work, 7);
    case MUTANT_dsp_refuses_scatter: return has_op(work, TENON_OP_SCATTER);
    default: return false;
    }
}

/* What is answered in place of the plugin's own answer. */
static void change_answer(const tenon_work *work, tenon_exec_info *info, tenon_exec **out_exec) {
    switch (mutant.planted) {
    case MUTANT_symbols_widened:
        for (uint32_t i = 0; i < work->symbol_count; i++) info->symbols[i].max = INT64_MAX;
        break;
    case MUTANT_symbols_answered_wider_below:
        for (uint32_t i = 0; i < work->symbol_count; i++)
            info->symbols[i].min = INT64_MIN, info->symbols[i].divisor = 1;
        break;
    case MUTANT_workspace_alignment_odd:
        if (info->workspace_size == 0) info->workspace_size = 1024;
        info->workspace_alignment = 48;
        break;
    case MUTANT_packed_key_for_all:
        for (uint32_t i = 0; i < work->operand_count; i++)
            if (info->operands[i].packed_size) info->operands[i].packed_key[0] = info->operands[i].packed_key[1] = 1;
        break;
    case MUTANT_packed_size_understated:
        for (uint32_t i = 0; i < work->operand_count; i++)
            if (info->operands[i].packed_size > 64) info->operands[i].packed_size -= 64;
        break;
    case MUTANT_exec_null: *out_exec = NULL; break;
    default: break;
    }
}

static tenon_status refused(tenon_device *device, tenon_status status, tenon_exec **out_exec) {
    const tenon_host *host = mutant_host_of(device);
    if (planted(MUTANT_prepare_writes_exec_on_failure) && out_exec) *out_exec = (tenon_exec *)(uintptr_t)64;
    if (planted(MUTANT_refusals_leak) && host) (void)host->allocate(host, 4096);
    if (planted(MUTANT_refusal_is_invalid) && status == TENON_STATUS_UNSUPPORTED) return TENON_STATUS_INVALID;
    if (planted(MUTANT_cancelled_is_internal) && status == TENON_STATUS_CANCELLED) return TENON_STATUS_INTERNAL;
    return status;
}

static tenon_status prepare_one(tenon_device *device, const tenon_work *work, tenon_exec_info *info,
                                tenon_exec **out_exec) {
    mutant_request request;
    tenon_status status = mutant.work.prepare(device, mutant_request_begin(work, &request), info, out_exec);
    mutant_request_end(&request);
    return status;
}

/* Prepares what another thread is about to prepare, if there is one and its answer has room here. */
static tenon_status prepare_shared(tenon_device *device, const tenon_work *work, tenon_exec_info *info,
                                   tenon_exec **out_exec) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static const tenon_work *current;
    pthread_mutex_lock(&mutex);
    bool first = current == NULL;
    bool like = !first && current->kind == work->kind && current->symbol_count == work->symbol_count &&
                current->operand_count == work->operand_count;
    const tenon_work *mine = like ? current : work;
    if (first) current = work;
    tenon_status status = first ? (tenon_status)TENON_STATUS_OK : prepare_one(device, mine, info, out_exec);
    pthread_mutex_unlock(&mutex);
    if (!first) return status;
    mutant_pause();
    pthread_mutex_lock(&mutex);
    status = prepare_one(device, work, info, out_exec);
    current = NULL;
    pthread_mutex_unlock(&mutex);
    return status;
}

static tenon_status prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec) {
    bool whole = device && work && out_info && out_exec && work->struct_size >= TENON_WORK_SIZE_V1;
    if (!whole) return mutant.work.prepare(device, work, out_info, out_exec);
    mutant_disturb(MUTANT_PREPARING, mutant_host_of(device));
    if (planted(MUTANT_cancel_ignored) && has_op(work, TENON_OP_SORT)) sleep(2); /* long enough to be called off */
    if (planted(MUTANT_cancel_never_asked)) usleep(250000);
    if (refuses(work)) return mutant_fail(device, TENON_STATUS_UNSUPPORTED, "this device does not take it");
    tenon_status status = planted(MUTANT_prepares_share_state) ? prepare_shared(device, work, out_info, out_exec)
                                                               : prepare_one(device, work, out_info, out_exec);
    if (status != TENON_STATUS_OK) return refused(device, status, out_exec);
    keep_exec(device, work, *out_exec);
    change_answer(work, out_info, out_exec);
    return TENON_STATUS_OK;
}

/* -- Launch ----------------------------------------------------------------------------------------------------------- */

/* A launch in memory that others may overwrite, or that is looked at only later. */
typedef struct kept_launch {
    tenon_exec *exec;
    tenon_launch launch;
    tenon_buffer buffers[64];
    int64_t symbols[256];
    uint64_t scalars[16];
    tenon_grid grids[16];
} kept_launch;

static bool keep_launch(kept_launch *kept, tenon_exec *exec, const tenon_launch *launch) {
    if (launch->buffer_count > 64 || launch->symbol_count > 256 || launch->scalar_count > 16 || launch->grid_count > 16)
        return false;
    kept->exec = exec;
    kept->launch = *launch;
    for (uint32_t i = 0; i < launch->buffer_count; i++) kept->buffers[i] = launch->buffers[i];
    for (uint32_t i = 0; i < launch->symbol_count; i++) kept->symbols[i] = launch->symbols[i];
    for (uint32_t i = 0; i < launch->scalar_count; i++) kept->scalars[i] = launch->scalars[i];
    for (uint32_t i = 0; i < launch->grid_count; i++) kept->grids[i] = launch->grids[i];
    kept->launch.buffers = kept->buffers;
    kept->launch.symbols = kept->symbols;
    kept->launch.scalars = kept->scalars;
    kept->launch.grids = launch->grids ? kept->grids : NULL;
    return true;
}

/* All launches go through one place, where a second one overwrites the first. */
static tenon_status launch_shared(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    static kept_launch shared;
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    bool kept = keep_launch(&shared, exec, launch);
    pthread_mutex_unlock(&mutex);
    if (!kept) return mutant.work.launch(stream, exec, launch);
    mutant_pause();
    pthread_mutex_lock(&mutex);
    kept_launch mine = shared;
    keep_launch(&mine, shared.exec, &shared.launch);
    tenon_status status = mutant.work.launch(stream, mine.exec, &mine.launch);
    pthread_mutex_unlock(&mutex);
    return status;
}

/* The operands lie in one place for all threads. */
static tenon_status launch_by_one_array(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    static tenon_buffer shared[MUTANT_MAX_OPERANDS];
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    tenon_buffer mine[MUTANT_MAX_OPERANDS];
    tenon_launch changed = *launch;
    if (launch->buffer_count > MUTANT_MAX_OPERANDS || !launch->buffer_count || !launch->buffers)
        return mutant.work.launch(stream, exec, launch);
    pthread_mutex_lock(&mutex);
    memcpy(shared, launch->buffers, launch->buffer_count * sizeof *shared);
    pthread_mutex_unlock(&mutex);
    sched_yield();
    pthread_mutex_lock(&mutex);
    memcpy(mine, shared, sizeof mine);
    pthread_mutex_unlock(&mutex);
    changed.buffers = mine;
    return mutant.work.launch(stream, exec, &changed);
}

static tenon_status launch_unless_busy(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    static uint32_t inside;
    tenon_status status = TENON_STATUS_OK;
    bool alone = __atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) == 0;
    if (alone) {
        mutant_pause();
        status = mutant.work.launch(stream, exec, launch);
    }
    __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
    return status;
}

static tenon_status launch_first_symbols(tenon_stream *stream, tenon_exec *exec, mutant_exec *record,
                                         const tenon_launch *launch) {
    tenon_launch changed = *launch;
    if (!record || launch->symbol_count > MUTANT_MAX_SYMBOLS) return mutant.work.launch(stream, exec, launch);
    if (record->launches == 1) {
        record->kept_count = launch->symbol_count;
        for (uint32_t i = 0; i < launch->symbol_count; i++) record->kept[i] = launch->symbols[i];
    }
    changed.symbols = record->kept;
    return mutant.work.launch(stream, exec, &changed);
}

/* The results of the launch before, where they have the sizes of these. */
static tenon_status launch_from_cache(tenon_stream *stream, tenon_exec *exec, mutant_exec *record,
                                      const tenon_launch *launch) {
    mutant_job job;
    if (!record || !record->op) return mutant.work.launch(stream, exec, launch);
    mutant_job_begin(record, launch, &job);
    bool known = true;
    for (uint32_t i = 0; i < job.output_count; i++) {
        uint64_t size = (uint64_t)job.outputs[i].count * (tenon_dtype_bits(job.outputs[i].dtype) / 8);
        known = known && record->last[i] && record->last_size[i] == size;
        record->last_size[i] = size;
    }
    if (!known) TENON_TRY(mutant.work.launch(stream, exec, launch));
    for (uint32_t i = 0; i < job.output_count; i++) {
        if (known) TENON_TRY(mutant_write(stream, job.outputs[i].buffer, record->last[i], record->last_size[i]));
        if (known || mutant.stream.synchronize(stream) != TENON_STATUS_OK) continue;
        free(record->last[i]);
        record->last[i] = malloc(record->last_size[i] + 1);
        if (record->last[i]) (void)mutant_read(stream, record->last[i], job.outputs[i].buffer, record->last_size[i]);
    }
    return TENON_STATUS_OK;
}

/* One element too many, before or after a result, where there is memory. */
static tenon_status launch_past(tenon_stream *stream, tenon_exec *exec, const mutant_exec *record,
                                const tenon_launch *launch, int64_t element) {
    static const uint64_t stray = UINT64_C(0x1111111111111111);
    mutant_job job;
    TENON_TRY(mutant.work.launch(stream, exec, launch));
    if (!record || !record->op) return TENON_STATUS_OK;
    mutant_job_begin(record, launch, &job);
    mutant_array *y = &job.outputs[0];
    const mutant_memory *memory = mutant_recall(y->buffer.memory);
    int64_t size = tenon_dtype_bits(y->dtype) / 8;
    int64_t place = (int64_t)y->buffer.offset + (element < 0 ? -size : y->count * size);
    if (!memory || place < 0 || place + size > (int64_t)memory->size) return TENON_STATUS_OK;
    return mutant.stream.write(stream, (tenon_buffer){y->buffer.memory, (uint64_t)place}, &stray, (uint64_t)size);
}

/* An operator that works in its first input. */
static tenon_status launch_over_input(tenon_stream *stream, tenon_exec *exec, const mutant_exec *record,
                                      const tenon_launch *launch) {
    static const uint64_t stray = UINT64_C(0x3434343434343434);
    mutant_job job;
    TENON_TRY(mutant.work.launch(stream, exec, launch));
    if (!record || !record->op || !record->input_count) return TENON_STATUS_OK;
    mutant_job_begin(record, launch, &job);
    uint64_t size = tenon_dtype_bits(job.inputs[0].dtype) / 8;
    return job.inputs[0].count ? mutant.stream.write(stream, job.inputs[0].buffer, &stray, size)
                               : (tenon_status)TENON_STATUS_OK;
}

/* A device that works on a copy of imported bytes, which it brings up to date when they are released. */
static tenon_status launch_beside_import(tenon_stream *stream, tenon_exec *exec, const mutant_exec *record,
                                         const tenon_launch *launch) {
    mutant_job job;
    TENON_TRY(mutant.work.launch(stream, exec, launch));
    if (!record || !record->op) return TENON_STATUS_OK;
    mutant_job_begin(record, launch, &job);
    const mutant_array *y = &job.outputs[0];
    mutant_memory *memory = mutant_recall(y->buffer.memory);
    if (!memory || !memory->imported || memory->flags || !y->count) return TENON_STATUS_OK;
    uint64_t size = (uint64_t)y->count * (tenon_dtype_bits(y->dtype) / 8);
    char *bytes = (char *)memory->imported + y->buffer.offset;
    TENON_TRY(mutant.stream.synchronize(stream));
    free(memory->late);
    memory->late = malloc(size);
    if (!memory->late) return TENON_STATUS_OK;
    memory->late_offset = y->buffer.offset;
    memory->late_size = size;
    memcpy(memory->late, bytes, size);
    memset(bytes, 0, size);
    return TENON_STATUS_OK;
}

static int64_t smallest_output(const mutant_exec *record, const tenon_launch *launch) {
    mutant_job job;
    if (!record || !record->op) return 1;
    mutant_job_begin(record, launch, &job);
    return job.outputs[0].count;
}

/* What a scatter does with the element that an index past the end names: it is written after the result, or at its end. */
static tenon_status launch_one_past(tenon_stream *stream, tenon_exec *exec, const mutant_exec *record,
                                    const tenon_launch *launch) {
    static const uint64_t stray = UINT64_C(0x2222222222222222);
    mutant_job job;
    if (!record || record->op != TENON_OP_SCATTER) return mutant.work.launch(stream, exec, launch);
    mutant_job_begin(record, launch, &job);
    mutant_array *index = &job.inputs[0], *y = &job.outputs[0];
    tenon_status status = mutant_load(stream, index);
    int64_t limit = y->dims[tenon_attr_int(record->attrs, record->attr_count, TENON_ATTR_AXIS, 0)];
    uint64_t size = tenon_dtype_bits(y->dtype) / 8;
    int64_t hit = planted(MUTANT_out_of_range_hits_the_last) ? y->count - 1 : y->count;
    tenon_buffer end = {y->buffer.memory, y->buffer.offset + (uint64_t)hit * size};
    for (int64_t i = 0; status == TENON_STATUS_OK && i < index->count; i++)
        if (index->values[i].i >= limit) status = mutant_write(stream, end, &stray, size);
    free(index->values);
    return status == TENON_STATUS_OK ? mutant.work.launch(stream, exec, launch) : status;
}

/* Symbols and scalars are looked at when the next call on the stream comes. */
static struct {
    kept_launch kept;
    const int64_t *symbols;
    const uint64_t *scalars;
    tenon_stream *stream;
} late;

static bool launch_late(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    if (late.stream || !keep_launch(&late.kept, exec, launch)) return false;
    late.kept.launch.symbols = launch->symbols;
    late.kept.launch.scalars = launch->scalars;
    late.stream = stream;
    return true;
}

tenon_status mutant_launch_now(tenon_stream *stream) {
    if (!late.stream || late.stream != stream) return TENON_STATUS_OK;
    late.stream = NULL;
    return mutant.work.launch(stream, late.kept.exec, &late.kept.launch);
}

static tenon_status launch_with_tail(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    tenon_launch known;
    memcpy(&known, launch, sizeof known);
    known.struct_size = sizeof known;
    return mutant.work.launch(stream, exec, &known);
}

static tenon_status launch_less(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    kept_launch kept;
    if (!launch->grid_count || !keep_launch(&kept, exec, launch)) return mutant.work.launch(stream, exec, launch);
    uint64_t *groups = &kept.grids[launch->grid_count - 1].groups[0];
    if (*groups > 1) (*groups)--;
    return mutant.work.launch(stream, exec, &kept.launch);
}

/* Host scalars that are missing are whatever lies there. */
static tenon_status launch_padded(tenon_stream *stream, tenon_exec *exec, const mutant_exec *record,
                                  const tenon_launch *launch) {
    uint64_t scalars[16] = {0};
    tenon_launch changed = *launch;
    const tenon_op_row *row = record && record->kind == TENON_WORK_OP ? tenon_op_row_of(record->op) : NULL;
    if (!row || launch->scalar_count >= row->scalar_count || row->scalar_count > 16)
        return mutant.work.launch(stream, exec, launch);
    if (launch->scalar_count) memcpy(scalars, launch->scalars, launch->scalar_count * sizeof *scalars);
    changed.scalars = scalars;
    changed.scalar_count = row->scalar_count;
    return mutant.work.launch(stream, exec, &changed);
}

static void leak(void) {
    volatile char *lost = malloc(1 << 16);
    for (uint32_t i = 0; lost && i < 1 << 16; i += 4096) lost[i] = 1;
}

static tenon_status launch_planted(tenon_stream *stream, tenon_exec *exec, mutant_exec *record,
                                   const tenon_launch *launch) {
    switch (mutant.planted) {
    case MUTANT_computes_nothing: return TENON_STATUS_OK;
    case MUTANT_launches_share_state: return launch_shared(stream, exec, launch);
    case MUTANT_launches_share_operands: return launch_by_one_array(stream, exec, launch);
    case MUTANT_launches_dropped_when_busy: return launch_unless_busy(stream, exec, launch);
    case MUTANT_first_symbols_kept: return launch_first_symbols(stream, exec, record, launch);
    case MUTANT_results_from_a_cache: return launch_from_cache(stream, exec, record, launch);
    case MUTANT_writes_past_its_end: return launch_past(stream, exec, record, launch, 1);
    case MUTANT_writes_before_its_start: return launch_past(stream, exec, record, launch, -1);
    case MUTANT_inputs_overwritten: return launch_over_input(stream, exec, record, launch);
    case MUTANT_out_of_range_hits_the_last:
    case MUTANT_out_of_range_writes: return launch_one_past(stream, exec, record, launch);
    case MUTANT_kernels_miss_their_last_group: return launch_less(stream, exec, launch);
    case MUTANT_import_results_late: return launch_beside_import(stream, exec, record, launch);
    case MUTANT_launch_tail_ignored: return launch_with_tail(stream, exec, launch);
    case MUTANT_scalars_uncounted: return launch_padded(stream, exec, record, launch);
    case MUTANT_launches_leak: leak(); break;
    case MUTANT_launches_read_late:
        if (launch_late(stream, exec, launch)) return TENON_STATUS_OK;
        break;
    case MUTANT_empty_launches_fail:
        if (smallest_output(record, launch) == 0) return mutant_fail(NULL, TENON_STATUS_INVALID, "nothing to do");
        break;
    case MUTANT_large_launches_left_out:
        if (smallest_output(record, launch) >= mutant.parameter) return TENON_STATUS_OK;
        break;
    default: break;
    }
    return mutant.work.launch(stream, exec, launch);
}

/* What the plugin inside would refuse is not looked into. */
static bool is_well_formed(const mutant_exec *record, const tenon_launch *launch) {
    if (launch->struct_size > sizeof *launch) return false;
    if (launch->buffer_count != record->operand_count || (launch->buffer_count && !launch->buffers)) return false;
    if (launch->symbol_count != record->symbol_count || (launch->symbol_count && !launch->symbols)) return false;
    for (uint32_t i = 0; i < launch->buffer_count; i++)
        if (!mutant_recall(launch->buffers[i].memory)) return false;
    return (!launch->scalar_count || launch->scalars) && (!launch->grid_count || launch->grids);
}

static tenon_status launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *what) {
    mutant_disturb(MUTANT_LAUNCHING, NULL);
    uint64_t scalars[16];
    if (!stream || !exec || !what || what->struct_size < TENON_LAUNCH_SIZE_V1)
        return mutant.work.launch(stream, exec, what);
    TENON_TRY(mutant_release_held(stream));
    mutant_exec *record = mutant_recall(exec);
    if (record && !is_well_formed(record, what)) record = NULL;
    if (record) __atomic_fetch_add(&record->launches, 1, __ATOMIC_RELAXED);
    const mutant_fault *fault = mutant_fault_of(record);
    if (fault) return mutant_launch_faulty(fault, stream, exec, record, what);
    tenon_launch changed = *what;
    if (record) mutant_change_scalars(record->op, &changed, scalars, 16);
    tenon_status status = launch_planted(stream, exec, record, changed.scalars == what->scalars ? what : &changed);
    if (planted(MUTANT_workspaces_unchecked) && record && status == TENON_STATUS_INVALID) return TENON_STATUS_OK;
    if (planted(MUTANT_bad_launches_taken) && status == TENON_STATUS_INVALID) return TENON_STATUS_OK;
    if (planted(MUTANT_failed_streams_go_on) && status == TENON_STATUS_FAILED_STREAM) return TENON_STATUS_OK;
    return status;
}

static void release(tenon_device *device, tenon_exec *exec) {
    mutant_exec *record = mutant_recall(exec);
    if (planted(MUTANT_execs_leak)) return;
    if (record) free(record->last[0]), free(record->last[1]);
    mutant_forget(exec);
    mutant.work.release(device, exec);
}

/* -- Packing ---------------------------------------------------------------------------------------------------------- */

static tenon_status pack(tenon_stream *stream, tenon_exec *exec, uint32_t operand, tenon_buffer source,
                         tenon_buffer destination) {
    TENON_TRY(mutant_release_held(stream));
    if (planted(MUTANT_pack_ignored)) return TENON_STATUS_OK;
    return mutant.work.pack(stream, exec, operand, source, destination);
}

static tenon_status dialect(tenon_device *device, const tenon_dialect **out_dialect) {
    return mutant.work.dialect(device, out_dialect);
}

static tenon_status claim(tenon_device *device, const tenon_work *work, tenon_claim *out_claims) {
    static uint32_t calls;
    uint32_t count = work && work->graph ? work->graph->node_count : 0;
    tenon_status status = mutant.work.claim(device, work, out_claims);
    if (status == TENON_STATUS_UNSUPPORTED && planted(MUTANT_claim_takes_unknown_members)) return TENON_STATUS_OK;
    TENON_TRY(status);
    for (uint32_t i = 0; i < count; i++) {
        const tenon_op_row *row = tenon_op_row_of(work->graph->nodes[i].op);
        if (mutant.required_alone && row && row->optional) out_claims[i].region = 0;
        if (planted(MUTANT_claims_nothing)) out_claims[i].region = 0;
        if (planted(MUTANT_claims_all_and_refuses)) out_claims[i].region = 1;
        if (planted(MUTANT_claim_writes_reserved)) out_claims[i].reserved = 1;
    }
    if (planted(MUTANT_claim_varies) && calls++ % 2 && count) out_claims[0].region = 0;
    return TENON_STATUS_OK;
}

const tenon_work_hooks mutant_work_hooks = {
    .struct_size = sizeof mutant_work_hooks,
    .prepare = prepare,
    .launch = launch,
    .release = release,
    .pack = pack,
    .dialect = dialect,
    .claim = claim,
};
